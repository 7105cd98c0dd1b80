// The page of a budget.
"use strict";

(() => {
  /** @param {Budget} budget */
  function nameOf(budget) {
    return budget.document.publisher_name ?? budget.document.file_name;
  }

  /** @param {Budget} budget */
  function fileOf(budget) {
    return [nameOf(budget), budget.document.fiscal_year, budget.document.publisher_kind && say(budget.document.publisher_kind)].filter(Boolean).join("-");
  }

  /** @param {string} id @param {string} title @param {...any} children */
  function section(id, title, ...children) {
    return el("section", { id, "aria-labelledby": `h-${id}` }, el("h2", { id: `h-${id}` }, title), ...children);
  }

  /** @param {Budget} budget */
  function hero(budget) {
    const about = budget.document;
    const kinds = [about.jurisdiction_name, about.fiscal_year, about.publisher_kind && say(about.publisher_kind), about.stage && say(about.stage)];
    const revision = about.revision > 1 ? chip("", say("revision_n", { n: about.revision })) : null;
    const approved = about.approved_by ? el("p", { class: "note" }, say("approved", { by: about.approved_by, reason: about.approval_reason })) : null;
    return el("header", { class: "hero" },
      el("p", { class: "crumbs" }, el("a", { href: `${cnbudget.root}index.html` }, say("all_budgets"))),
      el("h1", {}, source(nameOf(budget))),
      el("p", { class: "about" }, kinds.filter(Boolean).join(" · "), " ", chip("state-published", say("short_published")), " ", revision), approved, keys(budget));
  }

  /** @param {Budget} budget */
  function keys(budget) {
    const total = changes.totalOf(budget, 3, "total")?.yuan ?? 0;
    const project = changes.totalOf(budget, 3, "project")?.yuan ?? 0;
    const three = changes.totalOf(budget, 9, "total");
    const nConfirmed = budget.facts.filter((fact) => fact.holding > 0).length;
    const severities = ["error", "warning", "info"].map((severity) => [severity, budget.findings.filter((finding) => finding.severity === severity).length]);
    const found = severities.filter(([, n]) => n).map(([severity, n]) => words.many(String(severity), Number(n))).join(say("comma"));
    /** @type {[string, any, any][]} */
    const tiles = [
      [say("total_expenditure"), words.brief(total), `${words.yuan(total)} ${say("yuan")}`],
      [say("project_share"), words.percent(project, total), charts.shares([["nature-project", project], ["nature-basic", total - project]])],
      [say("three_public_total"), three ? words.brief(three.yuan) : "—", three ? words.percent(three.yuan, total) : say("no_figures")],
      [say("confirmed"), words.percent(nConfirmed, budget.facts.length), charts.shares(forms.proofs(budget.facts))],
      [say("nav_findings"), words.count(budget.findings.length), found || say("no_findings")],
    ];
    return el("dl", { class: "keys" }, tiles.map(([label, value, more]) => el("div", {}, el("dt", {}, label), el("dd", {}, value), el("dd", { class: "soft" }, more))));
  }

  /** @param {Budget} budget @param {Row} place @param {any} title */
  function pageButton(budget, place, title) {
    return place.page ? el("button", { type: "button", class: "link", click: () => original.open(budget, { title, place }) }, say("page_n", { n: place.page })) : null;
  }

  /** @param {Budget} budget */
  function money(budget) {
    const place = el("div", { class: "flow-place" });
    const openClass = (/** @type {string} */ code) => {
      const fact = budget.facts.find((each) => each.form === 3 && each.functional === code && each.measure === "total");
      if (fact) forms.open(budget, fact);
    };
    const draw = () => {
      const width = Math.round(place.clientWidth);
      if (width && place.dataset.width !== String(width)) {
        place.dataset.width = String(width);
        place.replaceChildren(...[charts.flow(budget, width, openClass)].filter((each) => each !== null));
      }
    };
    new ResizeObserver(draw).observe(place);
    const asTable = el("details", { class: "as-table" }, el("summary", {}, say("as_table")));
    asTable.addEventListener("toggle", () => asTable.childElementCount === 1 && asTable.append(charts.flowTable(budget)));
    return section("money", say("flow_title"), el("p", { class: "soft" }, say("flow_note")), place, asTable);
  }

  /** @param {Budget} budget */
  function accounts(budget) {
    const tiles = charts.map(budget, (fact) => forms.open(budget, fact));
    return tiles && section("accounts", say("map_title"), el("p", { class: "soft" }, say("map_note")), tiles);
  }

  /** @param {Budget} budget */
  function findings(budget) {
    if (!budget.findings.length) return section("findings", say("nav_findings"), el("p", {}, say("no_findings")));
    /** @type {Column[]} */
    const columns = ["rule_id", "severity", "cause", "message_zh", "message_en", "expected", "found", "difference", "page", "evidence_quote", "accepted_by", "accepted_reason"]
      .map((head) => ({ head, value: (row) => row[head] }));
    return section("findings", say("nav_findings"),
      el("div", { class: "tools" }, csv.button(`${fileOf(budget)}-findings`, () => tables.toFile(columns, budget.findings))),
      el("ol", { class: "findings", role: "list" }, budget.findings.map((finding, position) => findingOf(budget, finding, position + 1))));
  }

  /** @param {Budget} budget @param {Row} finding @param {number} number */
  function findingOf(budget, finding, number) {
    const title = say(`rule:${finding.rule_id}`);
    const places = finding.places.slice(0, 6).map((/** @type {string} */ anchor) => {
      const fact = budget.byAnchor.get(anchor);
      return fact ? forms.link(budget, fact) : el("a", { href: `#${anchor}` }, placeName(budget, anchor));
    });
    return el("li", { class: `finding ${finding.severity}`, id: finding.anchor, tabindex: "-1" },
      el("div", { class: "head" }, el("b", {}, `[${number}]`), chip(finding.severity, say(finding.severity)), el("span", { class: "rule" }, title)),
      el("p", { lang: words.htmlLanguage }, words.pick(finding.message_zh, finding.message_en)),
      finding.evidence_quote ? el("blockquote", { lang: "zh-Hans" }, finding.evidence_quote) : null,
      tables.pairs([[say("found"), words.named(finding.found)], [say("expected"), words.named(finding.expected)], [say("difference"), words.named(finding.difference)], [say("cause"), say(finding.cause)]]),
      el("p", { class: "places" }, pageButton(budget, finding, title), places),
      finding.accepted_by ? el("p", { class: "note" }, `${say("accepted")} ${finding.accepted_by}: ${finding.accepted_reason}`) : null);
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
    const columns = ["name", "implementer", "annual_budget_yuan", "amount_source", "period", "overview", "legal_basis", "plan", "goals", "budget", "page"].map((head) => ({ head, value: (row) => row[head] }));
    return section("projects", say("nav_projects"),
      el("div", { class: "tools" }, csv.button(`${fileOf(budget)}-projects`, () => tables.toFile(columns, sorted))),
      sorted.map((project) => el("details", { class: "project", id: project.anchor },
        el("summary", {}, el("span", { class: "project-name" }, source(project.name) ?? say("no_name"), forms.refs(budget, project.anchor)),
          el("span", { class: "n" }, project.annual_budget_yuan === undefined ? say("amount_unknown") : words.brief(project.annual_budget_yuan)), charts.bar(project.annual_budget_yuan ?? 0, largest)),
        projectBody(budget, project))));
  }

  /** @param {Budget} budget @param {Row} project */
  function projectBody(budget, project) {
    const parts = ["overview", "legal_basis", "plan", "period", "goals"].map((part) => /** @type {[string, any]} */ ([say(part), source(project[part])]));
    /** @type {Column[]} */
    const items = [
      { head: say("item"), cell: (row) => source(row.name) }, { head: say("formula"), cell: (row) => source(row.formula) },
      { head: say("as_printed"), cell: (row) => source(row.amount_printed + row.printed_unit) }, { head: say("amount_yuan"), number: true, value: (row) => row.amount_yuan },
    ];
    return el("div", { class: "project-body" },
      el("p", { class: "soft" }, source(project.implementer), " ", pageButton(budget, project, source(project.name))),
      tables.pairs([...parts, [say("annual_budget"), source(project.budget)]], "words"),
      project.items.length ? tables.table({ caption: say("items_caption"), columns: items, rows: project.items }) : null);
  }

  /** @param {Budget} budget */
  function narrative(budget) {
    if (!budget.claims.length) return null;
    const open = budget.claims.filter((claim) => claim.status === "differs" || budget.marks.has(claim.anchor));
    /** @type {Column[]} */
    const columns = ["section", "subject", "measure", "year", "amount_printed", "printed_unit", "amount_yuan", "table_yuan", "status", "quote", "page"].map((head) => ({ head, value: (row) => row[head] }));
    const part = (/** @type {Row[]} */ claims) => el("ol", { class: "claims", role: "list" }, claims.map((claim) => claimOf(budget, claim)));
    const all = el("details", { class: "as-table" }, el("summary", {}, say("all_claims", { n: budget.claims.length })));
    all.addEventListener("toggle", () => all.childElementCount === 1 && all.append(part(budget.claims.filter((claim) => !open.includes(claim)))));
    all.addEventListener("draw", () => all.childElementCount === 1 && all.append(part(budget.claims.filter((claim) => !open.includes(claim)))));
    const agreeing = budget.claims.filter((claim) => ["agrees", "rounds_to", "truncates_to"].includes(claim.status)).length;
    return section("narrative", say("nav_narrative"),
      el("div", { class: "tools" }, el("p", {}, say("claims_agree", { n: agreeing, all: budget.claims.length })), csv.button(`${fileOf(budget)}-claims`, () => tables.toFile(columns, budget.claims))),
      open.length ? part(open) : null, all);
  }

  /** @param {Budget} budget @param {Row} claim */
  function claimOf(budget, claim) {
    const fact = claim.fact ? budget.facts[claim.fact - 1] : null;
    const apart = claim.status === "differs" && claim.table_yuan !== undefined && claim.amount_yuan !== undefined
      ? say("apart", { n: words.yuan(Math.abs(data.minus(claim.amount_yuan, claim.table_yuan))) }) : null;
    return el("li", { class: claim.status, id: claim.anchor },
      el("div", {}, marked(claim), " ", forms.refs(budget, claim.anchor), " ", pageButton(budget, claim, say("nav_narrative"))),
      el("div", {}, chip(claim.status, say(claim.status)), " ", el("span", { class: "soft" }, say(claim.measure)), " ", apart, fact ? el("div", {}, forms.link(budget, fact)) : null));
  }

  /** The quote with the claim's figure marked. @param {Row} claim */
  function marked(claim) {
    const escaped = (/** @type {string} */ text) => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
    const number = escaped(claim.amount_printed);
    const tries = [`(?<![\\d.,，])${number}\\s*${escaped(claim.printed_unit)}`, `(?<![\\d.,，])${number}(?![\\d.])`, number];
    const found = number ? tries.map((pattern) => new RegExp(pattern).exec(claim.quote)).find(Boolean) : null;
    if (!found) return source(claim.quote);
    const end = found.index + found[0].length;
    return el("span", { lang: "zh-Hans" }, claim.quote.slice(0, found.index), el("mark", { class: claim.status }, found[0]), claim.quote.slice(end));
  }

  /** @param {Budget} budget */
  function others(budget) {
    if (!budget.disclosures.length && !budget.institutions.length) return null;
    const page = (/** @type {Row} */ row) => pageButton(budget, row, source(row.quote));
    /** @type {Column[]} */
    const disclosures = [
      { head: say("what"), cell: (row) => say(row.key), csv: (row) => row.key }, { head: say("detail"), cell: (row) => source(row.item) },
      { head: say("value"), number: true, cell: (row) => (row.value === undefined ? "" : [words.yuan(row.value), " ", source(row.unit)]), csv: (row) => row.value },
      { head: say("words"), cell: (row) => source(row.quote), kind: "quote" }, { head: say("page"), cell: page, csv: (row) => row.page },
    ];
    /** @type {Column[]} */
    const institutions = [
      { head: say("name_or_words"), cell: (row) => source(row.name ?? row.quote) }, { head: say("kind"), cell: (row) => say(row.kind), csv: (row) => row.kind },
      { head: say("number"), number: true, value: (row) => row.n_stated }, { head: say("page"), cell: page, csv: (row) => row.page },
    ];
    const parts = [["disclosures", "disclosures_caption", disclosures], ["institutions", "institutions_caption", institutions]];
    return section("others", say("nav_disclosures"), parts.filter(([name]) => budget[/** @type {string} */ (name)].length).map(([name, caption, columns]) => {
      const rows = budget[/** @type {string} */ (name)];
      return el("details", { class: "as-table" }, el("summary", {}, say(/** @type {string} */ (caption)), ` (${rows.length})`),
        tables.saved(`${fileOf(budget)}-${name}`, { caption: say(/** @type {string} */ (caption)), hide: true, columns: /** @type {Column[]} */ (columns), rows }));
    }));
  }

  /** @param {Budget} budget */
  function downloads(budget) {
    const about = budget.document;
    const parquet = ["documents", "budget_facts", "expenditure_lines", "revenue_lines", "identity_checks", "findings", "narrative_claims", "projects"]
      .map((name) => el("a", { href: `${cnbudget.root}../latest/${name}/${budget.partition}.parquet` }, `${name}.parquet`));
    return section("data", say("nav_data"),
      el("p", {}, csv.button(`${fileOf(budget)}-figures`, () => forms.toFile(budget.facts), say("download_figures"))),
      el("p", { class: "links" }, say("parquet_of", { partition: budget.partition }), " ", parquet.flatMap((link) => [link, " "])),
      tables.pairs([[say("file_name"), source(about.file_name)], [say("media_type"), about.media_type], [say("n_bytes"), words.count(about.n_bytes)], [say("n_pages"), about.n_pages || ""],
        [say("published_on"), words.day(about.published_at)], [say("sources"), budget.sources.map((/** @type {Row} */ row) => el("div", {}, row.source_uri, row.gone_at ? ` (${say("gone")})` : ""))],
        [say("budget_id"), about.budget_id], [say("document_id"), about.document_id], [say("extractor_version"), about.extractor_version]], "words"));
  }

  /**
   * The same budget of the years before and after, looked for in the partitions that may have them.
   * @param {Budget} budget @param {Site} site @param {HTMLElement} place
   */
  async function years(budget, site, place) {
    const about = budget.document;
    if (!about.publisher_id || !about.fiscal_year) return;
    const near = site.shards.filter((shard) => shard.years.some((year) => Math.abs(year - about.fiscal_year) <= 1)
      && (about.jurisdiction_code ? shard.jurisdictions.includes(about.jurisdiction_code) : true));
    const rows = (await Promise.allSettled(near.map(data.indexOf))).flatMap((part) => (part.status === "fulfilled" ? part.value : []));
    const same = rows.filter((row) => row.slug && row.publisher_id === about.publisher_id && row.slug !== cnbudget.slug && row.stage === about.stage);
    const before = same.find((row) => row.kind === about.publisher_kind && row.year === about.fiscal_year - 1);
    const links = same.map((row) => el("a", { href: data.pageOf(row.slug) }, `${row.year} ${say(row.kind)}`));
    const compare = same.filter((row) => row.kind === about.publisher_kind).map((row) => el("a", { href: `${cnbudget.root}compare.html#a=${row.year < about.fiscal_year ? row.slug : cnbudget.slug}&b=${row.year < about.fiscal_year ? cnbudget.slug : row.slug}` }, say("compare_with", { year: row.year })));
    if (links.length) place.append(section("related", say("related"), el("p", { class: "links" }, [...links, ...compare].flatMap((link) => [link, " "]))));
    if (!before) return;
    const old = await data.budget(before.slug, before.digest);
    place.append(section("change", say("change_title", { year: before.year }), changes.view(old, budget, [String(before.year), String(about.fiscal_year)])));
  }

  /** Open what an address after # speaks of. @param {Budget} budget */
  function follow(budget) {
    const anchor = decodeURIComponent(location.hash.slice(1));
    if (!anchor) return;
    const fact = budget.byAnchor.get(anchor);
    const row = budget.facts.find((each) => each.rowAnchor === anchor);
    const form = fact ?? row;
    if (form) document.getElementById(`form-${budget.forms[form.form - 1]}`)?.setAttribute("open", "");
    if (budget.claims.some((claim) => claim.anchor === anchor)) document.querySelector("#narrative details")?.setAttribute("open", "");
    document.querySelectorAll("details[open]").forEach((each) => each.dispatchEvent(new Event("draw")));
    const target = document.getElementById(anchor) ?? (form ? document.getElementById(`form-${budget.forms[form.form - 1]}`) : null);
    if (target instanceof HTMLDetailsElement) target.open = true;
    document.querySelectorAll(".is-target").forEach((each) => each.classList.remove("is-target"));
    target?.classList.add("is-target");
    target?.scrollIntoView({ block: target.offsetHeight > innerHeight / 2 ? "start" : "center" });
    if (fact) forms.open(budget, fact);
  }

  addEventListener("beforeprint", () => document.querySelectorAll("details").forEach((each) => {
    each.open = true;
    each.dispatchEvent(new Event("draw"));
  }));

  shell.show(async (site, main) => {
    /** @type {Budget} */
    let budget;
    try {
      budget = await data.budget(cnbudget.slug, cnbudget.version);
    } catch {
      shell.fail(main);
      return;
    }
    original.close();
    document.title = `${nameOf(budget)} ${budget.document.fiscal_year ?? ""} · cnbudget`;
    const change = el("div", {});
    const parts = [money(budget), accounts(budget), change, findings(budget), section("forms", say("nav_forms"), forms.view(budget, fileOf(budget))), projects(budget), narrative(budget), others(budget), downloads(budget)];
    const links = parts.filter((part) => part instanceof HTMLElement && part.id).map((part) => el("a", { href: `#${part?.id}` }, part?.querySelector("h2")?.textContent ?? ""));
    main.replaceChildren(hero(budget), el("nav", { class: "contents", "aria-label": say("contents") }, links), ...parts.filter((part) => part !== null));
    follow(budget);
    window.onhashchange = () => follow(budget);
    document.documentElement.dataset.ready = String(Math.round(performance.now()));
    years(budget, site, change).catch(() => {});
  });
})();
