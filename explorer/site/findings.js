// The findings board: which rules find how much, and where.
"use strict";

(() => {
  const SHOWN = 40;
  const SEVERITIES = ["error", "warning", "info"];
  const wish = Object.fromEntries(shell.state());
  /** @type {Row[]} */
  let rows = [];
  let isAll = false;
  let isAsked = false;
  let limit = SHOWN;

  /** One row for each budget and rule, of the budgets that are wanted. */
  function counted() {
    return rows
      .filter((row) => row.slug && (!wish.year || String(row.year) === wish.year) && (!wish.place || row.jurisdiction === wish.place))
      .flatMap((row) => (row.rules ?? []).map((/** @type {string[]} */ [rule, severity, n]) => ({ row, rule, severity, n: Number(n) })));
  }

  /** @param {Row[]} found */
  function board(found) {
    /** @type {Map<string, Row>} */
    const rules = new Map();
    for (const { rule, severity, n } of found) {
      const known = rules.get(rule + severity) ?? { rule, severity, n: 0, nBudgets: 0 };
      rules.set(rule + severity, { ...known, n: known.n + n, nBudgets: known.nBudgets + 1 });
    }
    return [...rules.values()].sort((a, b) => SEVERITIES.indexOf(a.severity) - SEVERITIES.indexOf(b.severity) || b.nBudgets - a.nBudgets);
  }

  /** @param {Site} site @param {HTMLElement} place @param {Row[]} found */
  async function messages(site, place, found) {
    const shown = found.slice(0, limit);
    const shards = [...new Set(shown.map(({ row }) => row.shard))].map((name) => site.shards.find((shard) => shard.name === name));
    const parts = await Promise.all(shards.map((shard) => cnbudget.load(`findings/${shard?.name}`, shard?.digest)));
    const all = parts.flatMap(({ columns, rows }) => data.toObjects(columns, rows));
    const items = shown.flatMap(({ row, rule, severity }) =>
      all
        .filter((each) => each.slug === row.slug && each.rule === rule && each.severity === severity)
        .map((each) =>
          el(
            "li",
            { class: `finding ${severity}` },
            el(
              "div",
              { class: "head" },
              el("a", { class: "title", href: data.pageOf(row.slug, each.anchor) }, source(row.publisher), ` ${row.year}`),
              el("span", { class: "soft" }, data.kindOf(row)),
              chip("", say("cause"), " ", say(each.cause)),
            ),
            el("p", {}, words.pick(each.zh, each.en)),
          ),
        ),
    );
    const more =
      found.length > limit
        ? el(
            "button",
            {
              type: "button",
              class: "more",
              click: () => {
                limit += 2 * SHOWN;
                messages(site, place, found);
              },
            },
            say("show_more", { n: words.count(found.length - limit) }),
          )
        : null;
    place.replaceChildren(el("ol", { class: "findings", role: "list" }, items), ...(more ? [more] : []));
  }

  /** @param {string} name @param {string} label @param {string} column @param {() => void} draw */
  function select(name, label, column, draw) {
    const values = [
      ...new Set(
        rows
          .filter((row) => row.slug)
          .map((row) => row[column])
          .filter((value) => value !== null),
      ),
    ]
      .sort()
      .reverse();
    return el(
      "label",
      { class: "field" },
      el("span", {}, label),
      el(
        "select",
        {
          change: (/** @type {Event} */ event) => {
            wish[name] = /** @type {HTMLSelectElement} */ (event.target).value;
            draw();
          },
        },
        el("option", { value: "" }, say("any")),
        values.map((value) => el("option", { value, selected: wish[name] === String(value) }, value)),
      ),
    );
  }

  shell.show((site, main) => {
    document.title = `${say("nav_findings_board")} · cnbudget`;
    const body = el("div", {});
    const draw = () => {
      shell.keep({ rule: wish.rule, severity: wish.severity, year: wish.year, place: wish.place });
      const found = counted();
      const rules = board(found);
      const largest = Math.max(0, ...rules.map((rule) => rule.nBudgets));
      const pick = (/** @type {Row} */ rule) => {
        const is = wish.rule === rule.rule && wish.severity === rule.severity;
        [wish.rule, wish.severity, limit] = is ? ["", "", SHOWN] : [rule.rule, rule.severity, SHOWN];
        draw();
        /** @type {HTMLElement | null} */ (body.querySelector(is ? "h2" : "#messages"))?.focus();
      };
      /** @type {Column[]} */
      const columns = [
        {
          head: say("rule"),
          cell: (row) =>
            el(
              "button",
              {
                type: "button",
                class: "link",
                "aria-pressed": String(wish.rule === row.rule && wish.severity === row.severity),
                click: () => pick(row),
              },
              say(`rule:${row.rule}`),
            ),
          csv: (row) => row.rule,
        },
        { head: say("severity"), cell: (row) => chip(row.severity, say(row.severity)), csv: (row) => row.severity },
        {
          head: say("key_budgets"),
          number: true,
          kind: "amount",
          cell: (row) => [words.count(row.nBudgets), charts.bar(row.nBudgets, largest, row.severity)],
          csv: (row) => row.nBudgets,
        },
        { head: say("nav_findings"), number: true, cell: (row) => words.count(row.n), csv: (row) => row.n },
      ];
      const budgets = new Set(found.map(({ row }) => row.slug)).size;
      const some = found.filter((each) => each.rule === wish.rule && each.severity === wish.severity);
      const place = el("div", {}, el("p", { class: "soft" }, say("loading")));
      const list = wish.rule
        ? el(
            "section",
            { "aria-labelledby": "messages" },
            el(
              "h2",
              { id: "messages", tabindex: "-1" },
              say(`rule:${wish.rule}`),
              " ",
              el("span", { class: "soft" }, say("n_found", { n: some.length })),
            ),
            place,
          )
        : null;
      body.replaceChildren(
        el("div", { class: "filters" }, select("year", say("year"), "year", draw), select("place", say("place"), "jurisdiction", draw)),
        el(
          "section",
          { "aria-labelledby": "h-board" },
          el(
            "div",
            { class: "tools" },
            el(
              "h2",
              { id: "h-board", tabindex: "-1" },
              say("board_n", { n: words.count(found.reduce((n, each) => n + each.n, 0)), budgets: words.count(budgets) }),
            ),
            csv.button("findings", () => tables.toFile(columns, rules)),
          ),
          rules.length
            ? tables.table({ caption: say("nav_findings_board"), hide: true, columns, rows: rules, kind: "board" })
            : el("p", { class: "empty" }, say(isAll ? "no_findings" : "loading")),
        ),
        ...(list ? [list] : []),
      );
      if (wish.rule && isAll) messages(site, place, some).catch(() => place.replaceChildren(el("p", {}, say("failed_more"))));
    };
    main.replaceChildren(
      el("div", { class: "intro" }, el("h1", {}, say("nav_findings_board")), el("p", { class: "lead" }, say("board_lead"))),
      body,
    );
    draw();
    if (isAsked) return;
    isAsked = true;
    data.index(site.shards, (found, whole) => {
      [rows, isAll] = [found, whole];
      if (!whole) return;
      draw();
      document.documentElement.dataset.ready = String(Math.round(performance.now()));
    });
  });
})();
