// The nine forms as they are printed, each figure with its proof; a figure opens the page it stands on.
"use strict";

const forms = (() => {
  const MEASURES = [
    "revenue",
    "expenditure",
    "basic_personnel",
    "basic_operating",
    "total",
    "fiscal_appropriation",
    "public_service_revenue",
    "business_revenue",
    "other_revenue",
    "basic",
    "project",
    "general_public_budget",
    "government_fund_budget",
    "state_capital_operations_budget",
    "personnel",
    "operating",
    "overseas_travel",
    "official_reception",
    "vehicle_total",
    "vehicle_purchase",
    "vehicle_operation",
    "agency_operating_expenses",
  ];

  /** What a form is called. @param {number} form */
  function nameOf(form) {
    return words.language === "zh" ? `T${form} ${say(`form:${form}`)}` : say(`form:${form}`);
  }

  /** A figure in words: form, row, column. @param {Row} fact */
  function titleOf(fact) {
    return [`T${fact.form}`, " ", source(fact.label ?? fact.code), " · ", say(fact.measure)];
  }

  /** @param {Row[]} facts @returns {[string, number][]} */
  function proofs(facts) {
    return data.PROOFS.map((proof) => [proof, facts.filter((fact) => fact.proof === proof).length]);
  }

  /** Open the page behind a figure. @param {Budget} budget @param {Row} fact */
  function open(budget, fact) {
    document.querySelectorAll(".is-shown").forEach((each) => each.classList.remove("is-shown"));
    document.getElementById(fact.anchor)?.classList.add("is-shown");
    original.open(budget, {
      title: titleOf(fact),
      place: { page: fact.page, box: fact.box, cell: fact.cell, row: fact.row },
      head: [
        el(
          "p",
          { class: "figure-large" },
          fact.printed,
          el("span", { class: "soft" }, " ", source(fact.unit)),
          fact.unit === "元" ? null : el("span", { class: "soft" }, ` = ${words.yuan(fact.yuan)} ${say("yuan")}`),
        ),
        el(
          "p",
          { class: `proof-line ${fact.proof}` },
          el("b", { "aria-hidden": "true" }, data.SIGNS[fact.proof]),
          " ",
          say(`proof_${fact.proof}`),
          ". ",
          say("n_of_identities", { n: fact.holding, all: fact.checks }),
          fact.recovered ? `. ${say("recovered")}` : "",
        ),
      ],
      body: [fact.page ? null : rowOf(budget, fact), findings(budget, fact), checks(budget, fact)],
    });
  }

  /** The row a figure stands in, for documents that have no pages to show. @param {Budget} budget @param {Row} fact */
  function rowOf(budget, fact) {
    const row = budget.facts.filter((each) => each.form === fact.form && each.row === fact.row && each.side === fact.side);
    return el(
      "table",
      { class: "row-table" },
      el("caption", {}, `T${fact.form} `, source(fact.label ?? ""), " ", el("span", { class: "code" }, fact.code)),
      el(
        "tbody",
        {},
        row.map((each) =>
          el(
            "tr",
            { class: each === fact ? "is-shown" : null },
            el("th", { scope: "row" }, say(each.measure)),
            el("td", { class: "n" }, each.printed),
            el("td", { class: "code" }, each.cell),
          ),
        ),
      ),
    );
  }

  /** @param {Budget} budget @param {Row} fact */
  function findings(budget, fact) {
    const numbers = [...(budget.marks.get(fact.anchor) ?? []), ...(budget.marks.get(fact.rowAnchor) ?? [])];
    return numbers.map((number) => {
      const finding = budget.findings[number - 1];
      return el("p", { class: `mini ${finding.severity}` }, ref(budget, number), " ", words.pick(finding.message_zh, finding.message_en));
    });
  }

  /** The sums that a figure stands in, each with its other figures. @param {Budget} budget @param {Row} fact */
  function checks(budget, fact) {
    if (!fact.inChecks.length) return null;
    const items = fact.inChecks.map((/** @type {Row} */ check) => {
      const others = check.terms.map((/** @type {number} */ term) => budget.facts[Math.abs(term) - 1]);
      return el(
        "li",
        {},
        chip(check.status, say(check.status)),
        " ",
        say(`identity:${check.identity}`),
        el(
          "details",
          {},
          el("summary", {}, say("n_figures", { n: others.length })),
          el(
            "ul",
            { role: "list" },
            others.map((/** @type {Row} */ other, /** @type {number} */ position) =>
              el(
                "li",
                {},
                check.terms[position] > 0 ? "" : "= ",
                other === fact ? el("b", {}, titleOf(other), " ", other.printed) : link(budget, other),
              ),
            ),
          ),
        ),
      );
    });
    return el("section", { class: "checks" }, el("h3", {}, say("confirmed_by")), el("ul", { role: "list" }, items));
  }

  /** A button that opens a figure's page. @param {Budget} budget @param {Row} fact */
  function link(budget, fact) {
    return el("button", { type: "button", class: "link", click: () => open(budget, fact) }, titleOf(fact), " ", fact.printed);
  }

  /** @param {Budget} budget @param {number} number */
  function ref(budget, number) {
    const finding = budget.findings[number - 1];
    return el(
      "a",
      { class: `ref ${finding.severity}`, href: `#${finding.anchor}`, title: words.pick(finding.message_zh, finding.message_en) },
      whisper(say("finding"), " "),
      `[${number}]`,
    );
  }

  /** @param {Budget} budget @param {string} anchor */
  function refs(budget, anchor) {
    return (budget.marks.get(anchor) ?? []).map((/** @type {number} */ number) => ref(budget, number));
  }

  /** All nine, each to be opened. @param {Budget} budget @param {string} name */
  function view(budget, name) {
    const legend = el(
      "ul",
      { class: "proofs", role: "list" },
      data.PROOFS.map((proof) =>
        el("li", {}, el("b", { class: `sign ${proof}`, "aria-hidden": "true" }, data.SIGNS[proof]), " ", say(`proof_${proof}`)),
      ),
    );
    return [
      el("p", { class: "soft" }, say("forms_click")),
      legend,
      budget.forms.map((/** @type {string} */ id, /** @type {number} */ position) => form(budget, id, position + 1, name)),
    ];
  }

  /** @param {Budget} budget @param {string} id @param {number} number @param {string} name */
  function form(budget, id, number, name) {
    const facts = budget.facts.filter((fact) => fact.form === number);
    const pages = [...new Set(facts.map((fact) => fact.page).filter(Boolean))].sort((a, b) => a - b);
    const place =
      pages.length > 1 ? say("pages", { from: pages[0], to: pages[pages.length - 1] }) : pages.length ? say("page_n", { n: pages[0] }) : "";
    const counts = proofs(facts);
    const more = facts.length
      ? [say("n_figures", { n: facts.length }), place, facts[0].unit && `${say("unit_is")} ${facts[0].unit}`]
      : [say("no_figures")];
    const body = el("div", {});
    const whole = el(
      "details",
      { class: "form", id: `form-${id}` },
      el(
        "summary",
        {},
        el("span", { class: "form-name" }, nameOf(number)),
        refs(budget, `form-${id}`),
        el("span", { class: "soft" }, more.filter(Boolean).join(" · ")),
        charts.shares(counts),
        whisper(
          counts
            .filter(([, n]) => n)
            .map(([proof, n]) => `${say(`proof_${proof}`)}: ${n}`)
            .join(", "),
        ),
      ),
      body,
    );
    const draw = () => {
      if (!body.firstChild && facts.length)
        body.append(
          el(
            "div",
            { class: "tools" },
            csv.button(`${name}-T${number}`, () => toFile(facts)),
          ),
          sheet(budget, facts, number),
        );
    };
    whole.addEventListener("toggle", draw);
    whole.addEventListener("draw", draw);
    return whole;
  }

  /** @param {Budget} budget @param {Row[]} facts @param {number} number */
  function sheet(budget, facts, number) {
    const halves = [1, 0, 2].filter((side) => facts.some((fact) => fact.side === side));
    const columns = new Map(
      halves.map((side) => [side, MEASURES.filter((measure) => facts.some((fact) => fact.side === side && fact.measure === measure))]),
    );
    const hasCodes = facts.some((fact) => fact.code);
    const heads = [hasCodes ? el("th", { scope: "col" }, say("code")) : null];
    for (const measures of columns.values()) {
      heads.push(
        el("th", { scope: "col" }, say("item")),
        ...measures.map((measure) => el("th", { scope: "col", class: "n" }, say(measure))),
      );
    }
    /** @type {Map<number, Row[]>} */
    const rows = new Map();
    for (const fact of [...facts].sort((a, b) => a.row - b.row)) rows.set(fact.row, [...(rows.get(fact.row) ?? []), fact]);
    const body = [...rows.values()].map((row) => sheetRow(budget, row, columns, hasCodes));
    return el(
      "div",
      { class: "scroll", role: "region", tabindex: "0", "aria-label": nameOf(number) },
      el(
        "table",
        { class: "sheet-table" },
        el("caption", { class: "vh" }, nameOf(number)),
        el("thead", {}, el("tr", {}, heads)),
        el("tbody", {}, body),
      ),
    );
  }

  /** @param {Budget} budget @param {Row[]} row @param {Map<number, string[]>} columns @param {boolean} hasCodes */
  function sheetRow(budget, row, columns, hasCodes) {
    const cells = hasCodes ? [el("td", { class: "code" }, row[0].code)] : [];
    for (const [side, measures] of columns) {
      const label = row.find((fact) => fact.side === side);
      cells.push(
        label
          ? el(
              "th",
              {
                scope: "row",
                class: [label.role, label.code ? label.level : ""].join(" "),
                id: budget.marks.has(label.rowAnchor) ? label.rowAnchor : null,
              },
              source(label.label ?? "—"),
              refs(budget, label.rowAnchor),
            )
          : el("td", {}),
      );
      for (const measure of measures)
        cells.push(
          figure(
            budget,
            row.find((fact) => fact.side === side && fact.measure === measure),
          ),
        );
    }
    const isTotal = row.some((fact) => fact.role === "total" || fact.role === "grand_total");
    return el("tr", { class: isTotal ? "total" : null }, cells);
  }

  /** @param {Budget} budget @param {Row | undefined} fact */
  function figure(budget, fact) {
    if (!fact) return el("td", { class: "n" });
    const button = el(
      "button",
      { type: "button", class: "figure", click: () => open(budget, fact) },
      el("span", { class: fact.recovered ? "recovered" : null }, fact.printed),
      el("b", { class: `sign ${fact.proof}`, "aria-hidden": "true" }, data.SIGNS[fact.proof]),
      whisper(", ", say(`proof_${fact.proof}`)),
    );
    return el("td", { class: `n ${fact.proof}`, id: fact.anchor }, refs(budget, fact.anchor), button);
  }

  /** The figures of forms as a file. @param {Row[]} facts */
  function toFile(facts) {
    /** @type {Column[]} */
    const columns = [
      "form",
      "side",
      "row",
      "code",
      "functional",
      "economic",
      "label",
      "role",
      "measure",
      "printed",
      "unit",
      "yuan",
      "holding",
      "checks",
      "page",
      "cell",
    ].map((head) => ({
      head: HEADS[head] ?? head,
      value: (row) => (head === "form" ? `T${row.form}` : head === "side" ? ["", "left", "right"][row.side] : row[head]),
    }));
    return tables.toFile(columns, facts);
  }

  /** As the columns of the published datasets are called. @type {Record<string, string>} */
  const HEADS = {
    row: "row_no",
    code: "code_printed",
    functional: "functional_code",
    economic: "economic_code",
    label: "row_label",
    role: "row_role",
    printed: "amount_printed",
    unit: "printed_unit",
    yuan: "amount_yuan",
    holding: "n_identities_holding",
    checks: "n_identities",
    cell: "cell_ref",
  };

  return { view, open, link, ref, refs, proofs, titleOf, nameOf, toFile };
})();
