// The parts of a budget's page that are words: findings, projects, the narrative and other disclosures.
"use strict";

const sections = (() => {
  /** @param {string} id @param {string} title @param {...any} children */
  function section(id, title, ...children) {
    return el("section", { id, "aria-labelledby": `h-${id}` }, el("h2", { id: `h-${id}` }, title), ...children);
  }

  /** @param {Budget} budget @param {Row} place @param {any} title */
  function pageButton(budget, place, title) {
    return place.page
      ? el(
          "button",
          { type: "button", class: "link", click: () => original.open(budget, { title, place }) },
          say("page_n", { n: place.page }),
        )
      : null;
  }

  /** @param {Budget} budget */
  function nameOf(budget) {
    return budget.document.publisher_name ?? budget.document.file_name;
  }

  /** @param {Budget} budget */
  function fileOf(budget) {
    return [nameOf(budget), budget.document.fiscal_year, budget.document.publisher_kind && say(budget.document.publisher_kind)]
      .filter(Boolean)
      .join("-");
  }

  /** @param {Budget} budget */
  function findings(budget) {
    if (!budget.findings.length) return section("findings", say("nav_findings"), el("p", {}, say("no_findings")));
    /** @type {Column[]} */
    const columns = [
      "rule_id",
      "severity",
      "cause",
      "message_zh",
      "message_en",
      "expected",
      "found",
      "difference",
      "page",
      "evidence_quote",
      "accepted_by",
      "accepted_reason",
    ].map((head) => ({ head, value: (row) => row[head] }));
    return section(
      "findings",
      say("nav_findings"),
      el(
        "div",
        { class: "tools" },
        csv.button(`${fileOf(budget)}-findings`, () => tables.toFile(columns, budget.findings)),
      ),
      el(
        "ol",
        { class: "findings", role: "list" },
        budget.findings.map((finding, position) => findingOf(budget, finding, position + 1)),
      ),
    );
  }

  /** @param {Budget} budget @param {Row} finding @param {number} number */
  function findingOf(budget, finding, number) {
    const title = say(`rule:${finding.rule_id}`);
    const places = finding.places.slice(0, 6).map((/** @type {string} */ anchor) => {
      const fact = budget.byAnchor.get(anchor);
      return fact ? forms.link(budget, fact) : el("a", { href: `#${anchor}` }, placeName(budget, anchor));
    });
    return el(
      "li",
      { class: `finding ${finding.severity}`, id: finding.anchor, tabindex: "-1" },
      el(
        "div",
        { class: "head" },
        el("b", {}, `[${number}]`),
        chip(finding.severity, say(finding.severity)),
        el("span", { class: "rule" }, title),
      ),
      el("p", { lang: words.htmlLanguage }, words.pick(finding.message_zh, finding.message_en)),
      finding.evidence_quote ? el("blockquote", { lang: "zh-Hans" }, finding.evidence_quote) : null,
      tables.pairs([
        [say("found"), words.named(finding.found)],
        [say("expected"), words.named(finding.expected)],
        [say("difference"), words.named(finding.difference)],
        [say("cause"), say(finding.cause)],
      ]),
      el("p", { class: "places" }, pageButton(budget, finding, title), places),
      finding.accepted_by ? el("p", { class: "note" }, `${say("accepted")} ${finding.accepted_by}: ${finding.accepted_reason}`) : null,
    );
  }

  /** @param {Budget} budget @param {string} anchor */
  function placeName(budget, anchor) {
    if (anchor.startsWith("row-")) {
      const fact = budget.facts.find((each) => each.rowAnchor === anchor);
      return fact ? [`T${fact.form} `, source(fact.label)] : anchor;
    }
    const claim = budget.claims.find((each) => each.anchor === anchor);
    const project = budget.projects.find((each) => each.anchor === anchor);
    const form = budget.forms.indexOf(anchor.replace("form-", ""));
    return claim ? say("nav_narrative") : project ? source(project.name) : form >= 0 ? forms.nameOf(form + 1) : anchor;
  }

  /** @param {Budget} budget */
  function projects(budget) {
    if (!budget.projects.length) return null;
    const sorted = [...budget.projects].sort((a, b) => (b.annual_budget_yuan ?? -1) - (a.annual_budget_yuan ?? -1));
    const largest = Math.max(0, ...sorted.map((project) => project.annual_budget_yuan ?? 0));
    /** @type {Column[]} */
    const columns = [
      "name",
      "implementer",
      "annual_budget_yuan",
      "amount_source",
      "period",
      "overview",
      "legal_basis",
      "plan",
      "goals",
      "budget",
      "page",
    ].map((head) => ({ head, value: (row) => row[head] }));
    return section(
      "projects",
      say("nav_projects"),
      el(
        "div",
        { class: "tools" },
        csv.button(`${fileOf(budget)}-projects`, () => tables.toFile(columns, sorted)),
      ),
      sorted.map((project) =>
        el(
          "details",
          { class: "project", id: project.anchor },
          el(
            "summary",
            {},
            el("span", { class: "project-name" }, source(project.name) ?? say("no_name"), forms.refs(budget, project.anchor)),
            el(
              "span",
              { class: "n" },
              project.annual_budget_yuan === undefined ? say("amount_unknown") : words.brief(project.annual_budget_yuan),
            ),
            charts.bar(project.annual_budget_yuan ?? 0, largest),
          ),
          projectBody(budget, project),
        ),
      ),
    );
  }

  /** @param {Budget} budget @param {Row} project */
  function projectBody(budget, project) {
    const parts = ["overview", "legal_basis", "plan", "period", "goals"].map(
      (part) => /** @type {[string, any]} */ ([say(part), source(project[part])]),
    );
    /** @type {Column[]} */
    const items = [
      { head: say("item"), cell: (row) => source(row.name) },
      { head: say("formula"), cell: (row) => source(row.formula) },
      { head: say("as_printed"), cell: (row) => source(row.amount_printed + row.printed_unit) },
      { head: say("amount_yuan"), number: true, value: (row) => row.amount_yuan },
    ];
    return el(
      "div",
      { class: "project-body" },
      el("p", { class: "soft" }, source(project.implementer), " ", pageButton(budget, project, source(project.name))),
      tables.pairs([...parts, [say("annual_budget"), source(project.budget)]], "words"),
      project.items.length ? tables.table({ caption: say("items_caption"), columns: items, rows: project.items }) : null,
    );
  }

  /** @param {Budget} budget */
  function narrative(budget) {
    if (!budget.claims.length) return null;
    const open = budget.claims.filter((claim) => claim.status === "differs" || budget.marks.has(claim.anchor));
    /** @type {Column[]} */
    const columns = [
      "section",
      "subject",
      "measure",
      "year",
      "amount_printed",
      "printed_unit",
      "amount_yuan",
      "table_yuan",
      "status",
      "quote",
      "page",
    ].map((head) => ({ head, value: (row) => row[head] }));
    const part = (/** @type {Row[]} */ claims) =>
      el(
        "ol",
        { class: "claims", role: "list" },
        claims.map((claim) => claimOf(budget, claim)),
      );
    const all = el("details", { class: "as-table" }, el("summary", {}, say("all_claims", { n: budget.claims.length })));
    all.addEventListener(
      "toggle",
      () => all.childElementCount === 1 && all.append(part(budget.claims.filter((claim) => !open.includes(claim)))),
    );
    all.addEventListener(
      "draw",
      () => all.childElementCount === 1 && all.append(part(budget.claims.filter((claim) => !open.includes(claim)))),
    );
    const agreeing = budget.claims.filter((claim) => ["agrees", "rounds_to", "truncates_to"].includes(claim.status)).length;
    return section(
      "narrative",
      say("nav_narrative"),
      el(
        "div",
        { class: "tools" },
        el("p", {}, say("claims_agree", { n: agreeing, all: budget.claims.length })),
        csv.button(`${fileOf(budget)}-claims`, () => tables.toFile(columns, budget.claims)),
      ),
      open.length ? part(open) : null,
      all,
    );
  }

  /** @param {Budget} budget @param {Row} claim */
  function claimOf(budget, claim) {
    const fact = claim.fact ? budget.facts[claim.fact - 1] : null;
    const apart =
      claim.status === "differs" && claim.table_yuan !== undefined && claim.amount_yuan !== undefined
        ? say("apart", { n: words.yuan(Math.abs(data.minus(claim.amount_yuan, claim.table_yuan))) })
        : null;
    return el(
      "li",
      { class: claim.status, id: claim.anchor },
      el("div", {}, marked(claim), " ", forms.refs(budget, claim.anchor), " ", pageButton(budget, claim, say("nav_narrative"))),
      el(
        "div",
        {},
        chip(claim.status, say(claim.status)),
        " ",
        el("span", { class: "soft" }, say(claim.measure)),
        " ",
        apart,
        fact ? el("div", {}, forms.link(budget, fact)) : null,
      ),
    );
  }

  /** The quote with the claim's figure marked. @param {Row} claim */
  function marked(claim) {
    const escaped = (/** @type {string} */ text) => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
    const number = escaped(claim.amount_printed);
    const tries = [`(?<![\\d.,，])${number}\\s*${escaped(claim.printed_unit)}`, `(?<![\\d.,，])${number}(?![\\d.])`, number];
    const found = number ? tries.map((pattern) => new RegExp(pattern).exec(claim.quote)).find(Boolean) : null;
    if (!found) return source(claim.quote);
    const end = found.index + found[0].length;
    return el(
      "span",
      { lang: "zh-Hans" },
      claim.quote.slice(0, found.index),
      el("mark", { class: claim.status }, found[0]),
      claim.quote.slice(end),
    );
  }

  /** @param {Budget} budget */
  function others(budget) {
    if (!budget.disclosures.length && !budget.institutions.length) return null;
    const page = (/** @type {Row} */ row) => pageButton(budget, row, source(row.quote));
    /** @type {Column[]} */
    const disclosures = [
      { head: say("what"), cell: (row) => say(row.key), csv: (row) => row.key },
      { head: say("detail"), cell: (row) => source(row.item) },
      {
        head: say("value"),
        number: true,
        cell: (row) => (row.value === undefined ? "" : [words.yuan(row.value), " ", source(row.unit)]),
        csv: (row) => row.value,
      },
      { head: say("words"), cell: (row) => source(row.quote), kind: "quote" },
      { head: say("page"), cell: page, csv: (row) => row.page },
    ];
    /** @type {Column[]} */
    const institutions = [
      { head: say("name_or_words"), cell: (row) => source(row.name ?? row.quote) },
      { head: say("kind"), cell: (row) => say(row.kind), csv: (row) => row.kind },
      { head: say("number"), number: true, value: (row) => row.n_stated },
      { head: say("page"), cell: page, csv: (row) => row.page },
    ];
    const parts = [
      ["disclosures", "disclosures_caption", disclosures],
      ["institutions", "institutions_caption", institutions],
    ];
    return section(
      "others",
      say("nav_disclosures"),
      parts
        .filter(([name]) => budget[/** @type {string} */ (name)].length)
        .map(([name, caption, columns]) => {
          const rows = budget[/** @type {string} */ (name)];
          return el(
            "details",
            { class: "as-table" },
            el("summary", {}, say(/** @type {string} */ (caption)), ` (${rows.length})`),
            tables.saved(`${fileOf(budget)}-${name}`, {
              caption: say(/** @type {string} */ (caption)),
              hide: true,
              columns: /** @type {Column[]} */ (columns),
              rows,
            }),
          );
        }),
    );
  }

  return { section, nameOf, fileOf, findings, projects, narrative, others };
})();
