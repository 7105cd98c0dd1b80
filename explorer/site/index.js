// The view of all budgets: search, filters, what each comes to, and what is held and why.
"use strict";

(() => {
  const SHOWN = 50;
  const STATES = ["published", "held", "unsupported", "rejected", "superseded", "withdrawn", "opened"];
  /** @type {Row[]} */
  let rows = [];
  let isAll = false;
  let nFailed = 0;
  let limit = SHOWN;
  /** @type {Map<string, Row>} */
  const chosen = new Map();
  const wish = Object.fromEntries(shell.state());

  /** What a row is found by. @param {Row} row */
  function searchable(row) {
    row.text ??= [row.publisher, row.department, row.jurisdiction, row.year, row.file_name, row.document_id]
      .filter(Boolean)
      .join(" ")
      .normalize("NFKC")
      .toLowerCase();
    return row.text;
  }

  /** Whether it is one of the rows that stand for a budget, and not another file or an older revision of it. @param {Row} row */
  function isMain(row) {
    return row.slug || !["published", "superseded", "opened"].includes(row.state);
  }

  function wanted() {
    const terms = (wish.q ?? "").normalize("NFKC").toLowerCase().split(/\s+/).filter(Boolean);
    const found = rows.filter(
      (row) =>
        (!wish.year || String(row.year ?? "") === wish.year) &&
        (!wish.place || (row.jurisdiction ?? "") === wish.place) &&
        (!wish.kind || row.kind === wish.kind) &&
        (!wish.stage || row.stage === wish.stage) &&
        (wish.state ? row.state === wish.state : isMain(row)) &&
        (!wish.found ||
          (wish.found === "error" ? row.n_errors > 0 : wish.found === "any" ? row.rules?.length : !row.rules?.length && row.slug)) &&
        terms.every((term) => searchable(row).includes(term)),
    );
    return found.sort(ORDERS[wish.sort ?? ""] ?? ORDERS.amount);
  }

  /** @type {Record<string, (a: Row, b: Row) => number>} */
  const ORDERS = {
    amount: (a, b) => (b.yuan ?? -1) - (a.yuan ?? -1) || byName(a, b),
    name: (a, b) => byName(a, b) || (b.year ?? 0) - (a.year ?? 0),
    year: (a, b) => (b.year ?? 0) - (a.year ?? 0) || ORDERS.amount(a, b),
    findings: (a, b) => b.n_errors - a.n_errors || b.n_warnings - a.n_warnings || ORDERS.amount(a, b),
  };

  const collator = new Intl.Collator("zh-Hans");
  /** @param {Row} a @param {Row} b */
  function byName(a, b) {
    return collator.compare(a.publisher ?? a.file_name, b.publisher ?? b.file_name);
  }

  /** @type {Column[]} */
  const FILE = [
    { head: "publisher_name", value: (row) => row.publisher },
    { head: "publisher_kind", value: (row) => row.kind },
    { head: "department_name", value: (row) => row.department },
    { head: "jurisdiction_name", value: (row) => row.jurisdiction },
    { head: "fiscal_year", value: (row) => row.year },
    { head: "stage", value: (row) => row.stage },
    { head: "state", value: (row) => row.state },
    { head: "state_reason", value: (row) => row.reason },
    { head: "expenditure_yuan", value: (row) => row.yuan },
    { head: "project_yuan", value: (row) => row.project_yuan },
    { head: "n_facts", value: (row) => row.n_facts },
    { head: "n_confirmed", value: (row) => row.n_confirmed },
    { head: "n_findings_error", value: (row) => row.n_errors },
    { head: "n_findings_warning", value: (row) => row.n_warnings },
    { head: "file_name", value: (row) => row.file_name },
    { head: "document_id", value: (row) => row.document_id },
  ];

  /** @param {Row} row */
  function name(row) {
    const label = source(row.publisher ?? row.file_name);
    const title = row.slug ? el("a", { class: "title", href: data.pageOf(row.slug) }, label) : el("span", { class: "title" }, label);
    const reason = row.slug
      ? null
      : el("div", { class: "why" }, say(`why_${row.state}`), row.reason ? el("div", { lang: "en", class: "soft" }, row.reason) : null);
    return [
      title,
      el("div", { class: "soft" }, [data.kindOf(row), row.publisher ? row.file_name : ""].filter(Boolean).join(" · ")),
      reason,
    ];
  }

  /** @param {Row} row */
  function proof(row) {
    if (!row.slug) return null;
    const share = words.percent(row.n_confirmed ?? 0, row.n_facts);
    return [
      charts.shares([
        ["two", row.n_confirmed ?? 0],
        ["none", row.n_facts - (row.n_confirmed ?? 0)],
      ]),
      el("span", { class: "soft" }, share),
    ];
  }

  /** @param {Row} row */
  function findings(row) {
    const parts = [
      row.n_errors ? chip("error", words.many("error", row.n_errors)) : null,
      row.n_warnings ? chip("warning", words.many("warning", row.n_warnings)) : null,
    ];
    return parts.some(Boolean) ? el("span", { class: "chips" }, parts) : row.slug ? el("span", { class: "soft" }, "—") : null;
  }

  /** @param {Row} row */
  function choice(row) {
    if (!row.slug) return null;
    const label = say("choose_compare", { name: `${row.publisher ?? row.file_name} ${row.year ?? ""}` });
    return el("input", {
      type: "checkbox",
      "aria-label": label,
      title: label,
      checked: chosen.has(row.slug),
      change: (/** @type {Event} */ event) => {
        if (/** @type {HTMLInputElement} */ (event.target).checked) chosen.set(row.slug, row);
        else chosen.delete(row.slug);
        drawTray();
      },
    });
  }

  /** @param {number} largest @returns {Column[]} */
  function columns(largest) {
    return [
      { head: say("publisher_name"), cell: name, kind: "who" },
      { head: say("year"), cell: (row) => row.year, kind: "year" },
      { head: say("state"), cell: (row) => chip(`state-${row.state}`, say(`short_${row.state}`)), kind: "state" },
      {
        head: say("total_expenditure"),
        number: true,
        kind: "amount",
        cell: (row) =>
          row.slug && row.yuan !== null
            ? [el("span", { title: `${words.yuan(row.yuan)} ${say("yuan")}` }, words.brief(row.yuan)), charts.bar(row.yuan, largest)]
            : null,
      },
      {
        head: say("project_share"),
        number: true,
        kind: "share",
        cell: (row) => (row.slug && row.yuan ? words.percent(row.project_yuan ?? 0, row.yuan) : null),
      },
      { head: say("confirmed"), kind: "proof", cell: proof },
      { head: say("nav_findings"), kind: "found", cell: findings },
      { head: say("compare_short"), kind: "pick", cell: choice },
    ];
  }

  /** @param {string} name @param {string} label @param {[string, string][]} options @param {boolean} [isOpen] */
  function select(name, label, options, isOpen = true) {
    const change = (/** @type {Event} */ event) => {
      wish[name] = /** @type {HTMLSelectElement} */ (event.target).value;
      limit = SHOWN;
      drawRows();
    };
    return el(
      "label",
      { class: "field" },
      el("span", {}, label),
      el(
        "select",
        { name, change },
        isOpen ? el("option", { value: "" }, say("any")) : null,
        options.map(([value, text]) => el("option", { value, selected: wish[name] === value }, text)),
      ),
    );
  }

  /** @param {string} column @param {boolean} [backwards] @returns {[string, string][]} */
  function values(column, backwards) {
    const found = [...new Set(rows.map((row) => row[column]).filter((value) => value !== null))].sort();
    return (backwards ? found.reverse() : found).map((value) => [String(value), String(value)]);
  }

  function filters() {
    const type = (/** @type {Event} */ event) => {
      wish.q = /** @type {HTMLInputElement} */ (event.target).value;
      limit = SHOWN;
      drawRows();
    };
    return el(
      "form",
      { class: "filters", role: "search", submit: (/** @type {Event} */ event) => event.preventDefault() },
      el(
        "label",
        { class: "field grow" },
        el("span", {}, say("search")),
        el("input", { type: "search", name: "q", value: wish.q ?? "", placeholder: say("search_hint"), autocomplete: "off", input: type }),
      ),
      select("year", say("year"), values("year", true)),
      select("place", say("place"), values("jurisdiction")),
      select("kind", say("kind"), [
        ["department", say("department")],
        ["unit", say("unit")],
      ]),
      select(
        "state",
        say("state"),
        STATES.map((state) => [state, say(`short_${state}`)]),
      ),
      select("found", say("nav_findings"), [
        ["error", say("with_errors")],
        ["any", say("with_findings")],
        ["none", say("without_findings")],
      ]),
      select(
        "sort",
        say("sort"),
        [
          ["amount", say("by_amount")],
          ["name", say("by_name")],
          ["year", say("by_year")],
          ["findings", say("by_findings")],
        ],
        false,
      ),
    );
  }

  function figures() {
    const current = rows.filter((row) => row.slug);
    const waiting = rows.filter((row) => row.state === "held").length;
    const others = rows.filter((row) => ["unsupported", "rejected"].includes(row.state)).length;
    const nFacts = current.reduce((n, row) => n + row.n_facts, 0);
    const nConfirmed = current.reduce((n, row) => n + (row.n_confirmed ?? 0), 0);
    return el(
      "dl",
      { class: "keys" },
      [
        [say("key_budgets"), words.count(current.length), isAll ? "" : say("loading")],
        [say("key_publishers"), words.count(new Set(current.map((row) => `${row.jurisdiction_code} ${row.publisher}`)).size), ""],
        [say("key_figures"), words.count(nFacts), say("key_confirmed", { share: words.percent(nConfirmed, nFacts) })],
        [say("key_waiting"), words.count(waiting), others ? say("key_others", { n: words.count(others) }) : ""],
      ].map(([label, value, more]) =>
        el("div", {}, el("dt", {}, label), el("dd", {}, value), more ? el("dd", { class: "soft" }, more) : null),
      ),
    );
  }

  const list = el("div", { id: "list" });
  const tray = el("div", { id: "tray" });
  const top = el("div", {});

  function drawRows() {
    const found = wanted();
    shell.keep({ q: wish.q, year: wish.year, place: wish.place, kind: wish.kind, state: wish.state, found: wish.found, sort: wish.sort });
    const shown = found.slice(0, limit);
    const largest = Math.max(0, ...shown.map((row) => row.yuan ?? 0));
    const n = say("n_found", { n: words.count(found.length) });
    const more =
      found.length > limit
        ? el(
            "button",
            {
              type: "button",
              class: "more",
              click: () => {
                limit += 4 * SHOWN;
                drawRows();
              },
            },
            say("show_more", { n: words.count(found.length - limit) }),
          )
        : null;
    list.replaceChildren(
      el(
        "div",
        { class: "tools" },
        el("p", { class: "count" }, n, isAll ? "" : ` ${say("loading")}`, nFailed ? ` ${say("n_not_loaded", { n: nFailed })}` : ""),
        csv.button("budgets", () => tables.toFile(FILE, wanted())),
      ),
      shown.length
        ? tables.table({
            caption: say("all_budgets"),
            hide: true,
            kind: "budgets",
            columns: columns(largest),
            rows: shown,
            rowClass: (row) => row.state,
          })
        : el("p", { class: "empty" }, say(isAll ? "nothing_found" : "loading")),
      ...(more ? [more] : []),
    );
    dom.announce(n);
  }

  function drawTray() {
    const picked = [...chosen.values()].slice(-2);
    const link =
      picked.length === 2
        ? el("a", { class: "button", href: `compare.html#a=${picked[0].slug}&b=${picked[1].slug}` }, say("compare_two"))
        : el("span", { class: "soft" }, say("compare_one_more"));
    tray.replaceChildren(
      ...(picked.length
        ? [
            el(
              "div",
              { class: "tray" },
              el("span", {}, picked.map((row) => `${row.publisher ?? row.file_name} ${row.year ?? ""}`).join(" / ")),
              link,
            ),
          ]
        : []),
    );
  }

  function drawAll() {
    const typed = /** @type {HTMLInputElement | null} */ (document.activeElement);
    const isTyping = typed?.name === "q";
    top.replaceChildren(figures(), filters());
    if (isTyping) /** @type {HTMLInputElement | null} */ (top.querySelector("input[name=q]"))?.focus();
    drawRows();
    drawTray();
  }

  let isAsked = false;
  shell.show((site, main) => {
    document.title = `${say("all_budgets")} · cnbudget`;
    main.replaceChildren(
      el("div", { class: "intro" }, el("h1", {}, say("index_title")), el("p", { class: "lead" }, say("index_lead"))),
      top,
      list,
      tray,
    );
    drawAll();
    if (isAsked) return;
    isAsked = true;
    data.index(site.shards, (found, whole, failed) => {
      [rows, isAll, nFailed] = [found, whole, failed];
      drawAll();
      if (whole) document.documentElement.dataset.ready = String(Math.round(performance.now()));
    });
  });
})();
