// Two budgets side by side: what each gives to every account, and the difference.
"use strict";

const changes = (() => {
  /** The figures worth comparing: by function (T3), by economic class (T8), sources (T2), three-public (T9). */
  const GROUPS = [
    { id: "function", form: 3, measures: ["total"], key: "functional", book: "f" },
    { id: "economic", form: 8, measures: ["total"], key: "economic", book: "e" },
  ];
  const WHOLE = [
    { form: 2, measures: ["total", "fiscal_appropriation", "public_service_revenue", "business_revenue", "other_revenue"] },
    { form: 3, measures: ["total", "basic", "project"] },
    { form: 8, measures: ["personnel", "operating"] },
    {
      form: 9,
      measures: [
        "total",
        "overseas_travel",
        "official_reception",
        "vehicle_total",
        "vehicle_purchase",
        "vehicle_operation",
        "agency_operating_expenses",
      ],
    },
  ];

  /** The total of a form's column: the printed one. @param {Budget} budget @param {number} form @param {string} measure */
  function totalOf(budget, form, measure) {
    const of_ = budget.facts.filter((fact) => fact.form === form && fact.measure === measure);
    return (
      of_.find((fact) => fact.role === "grand_total") ?? of_.find((fact) => fact.role === "total") ?? (form === 9 ? of_[0] : undefined)
    );
  }

  /** @param {Row | undefined} a @param {Row | undefined} b */
  function pair(a, b) {
    return { a, b, change: a && b ? data.minus(b.yuan, a.yuan) : null };
  }

  /** @param {Budget} a @param {Budget} b @returns {Row[]} */
  function totals(a, b) {
    return WHOLE.flatMap(({ form, measures }) =>
      measures.map((measure) => ({
        label: `${forms.nameOf(form).replace(/^(T\d).*/, "$1")} ${say(form === 9 && measure === "total" ? "three_public_total" : measure)}`,
        isHeader: measure === "total",
        ...pair(totalOf(a, form, measure), totalOf(b, form, measure)),
      })),
    ).filter((row) => row.a || row.b);
  }

  /** @param {Budget} a @param {Budget} b @param {typeof GROUPS[number]} group @returns {Row[]} */
  function accounts(a, b, group) {
    const sides = [a, b].map(
      (budget) =>
        new Map(
          budget.facts
            .filter(
              (fact) =>
                fact.form === group.form &&
                fact.measure === "total" &&
                fact[group.key] &&
                !fact.role.includes("grand") &&
                fact.role !== "total",
            )
            .map((fact) => [fact[group.key], fact]),
        ),
    );
    const codes = [...new Set(sides.flatMap((side) => [...side.keys()]))].sort();
    return codes.map((code) => ({
      code,
      level: { 3: "class", 5: "section", 7: "item" }[/** @type {3 | 5 | 7} */ (code.length)],
      label: (sides[1].get(code) ?? sides[0].get(code))?.label ?? words.account(group.book + code),
      ...pair(sides[0].get(code), sides[1].get(code)),
    }));
  }

  /** A bar that goes left for less and right for more. @param {number | null} change @param {number} largest */
  function bar(change, largest) {
    if (!change || !largest) return el("span", { class: "diverge", "aria-hidden": "true" });
    const width = `${(50 * Math.abs(change)) / largest}%`;
    return el("span", { class: "diverge", "aria-hidden": "true" }, el("i", { class: change > 0 ? "more" : "less", style: { width } }));
  }

  /** @param {Row} row */
  function percentOf(row) {
    return row.change === null || !row.a.yuan ? "" : (row.change > 0 ? "+" : "") + words.percent(row.change, Math.abs(row.a.yuan));
  }

  /**
   * @param {string} caption @param {Row[]} rows @param {[Budget, Budget]} budgets @param {[string, string]} names @param {boolean} hasCodes
   */
  function table(caption, rows, budgets, names, hasCodes) {
    const largest = Math.max(0, ...rows.filter((row) => !hasCodes || row.code.length === 3).map((row) => Math.abs(row.change ?? 0)));
    const figure = (/** @type {0 | 1} */ side) => (/** @type {Row} */ row) => {
      const fact = side ? row.b : row.a;
      return fact
        ? el("button", { type: "button", class: "figure", click: () => forms.open(budgets[side], fact) }, words.yuan(fact.yuan))
        : null;
    };
    /** @type {Column[]} */
    const columns = [
      ...(hasCodes ? [{ head: say("code"), value: (/** @type {Row} */ row) => row.code, kind: "code" }] : []),
      { head: say("item"), cell: (row) => source(row.label), csv: (row) => row.label, isHeader: true, kind: "label" },
      { head: names[0], number: true, cell: figure(0), csv: (row) => row.a?.yuan },
      { head: names[1], number: true, cell: figure(1), csv: (row) => row.b?.yuan },
      {
        head: say("change_yuan"),
        number: true,
        cell: (row) =>
          row.change === null ? el("span", { class: "soft" }, say(row.a ? "only_first" : "only_second")) : words.signed(row.change),
        csv: (row) => row.change,
      },
      { head: say("change_percent"), number: true, value: percentOf },
      { head: say("change_bar"), cell: (row) => bar(row.change, largest), csv: () => null, kind: "bar" },
    ];
    const spec = {
      caption,
      columns: columns.filter((column) => column),
      rows,
      kind: "changes",
      rowClass: (/** @type {Row} */ row) => row.level ?? (row.isHeader ? "class" : "section"),
    };
    const file = () =>
      tables.toFile(
        columns.filter((column) => column.kind !== "bar"),
        rows,
      );
    return [el("div", { class: "tools" }, el("h3", {}, caption), csv.button(caption, file)), tables.table({ ...spec, hide: true })];
  }

  /** The whole comparison of two budgets. @param {Budget} a @param {Budget} b @param {[string, string]} names */
  function view(a, b, names) {
    /** @type {[Budget, Budget]} */
    const budgets = [a, b];
    return [
      table(say("compare_totals"), totals(a, b), budgets, names, false),
      ...GROUPS.map((group) => table(say(`compare_${group.id}`), accounts(a, b, group), budgets, names, true)),
    ];
  }

  return { view, totalOf };
})();
