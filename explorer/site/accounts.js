// An account over its publishers: who spends how much on it. Departments and units are never added together.
"use strict";

(() => {
  const SHOWN = 100;
  /** @type {Map<string, Row>} */
  const bySlug = new Map();
  const wish = Object.fromEntries(shell.state());
  let isAsked = false;
  let isAll = false;
  let limit = SHOWN;

  /** All accounts of a class, known by its code. @param {string} account */
  function classOf(account) {
    return account.slice(0, 4);
  }

  /** @param {string} account */
  function titleOf(account) {
    return [el("span", { class: "code" }, account.slice(1)), " ", source(words.account(account))];
  }

  /** @param {Site} site */
  function overview(site) {
    const classes = [...new Set(site.shards.flatMap((shard) => shard.accounts))].sort();
    const list = (/** @type {string} */ book) =>
      el(
        "ul",
        { class: "accounts", role: "list" },
        classes.filter((name) => name.startsWith(book)).map((name) => el("li", {}, el("a", { href: `#account=${name}` }, titleOf(name)))),
      );
    return [
      el("div", { class: "intro" }, el("h1", {}, say("nav_accounts")), el("p", { class: "lead" }, say("accounts_lead"))),
      el("section", {}, el("h2", {}, say("by_function")), list("f")),
      el("section", {}, el("h2", {}, say("by_economic")), list("e")),
    ];
  }

  /**
   * The amounts of an account, a row for each budget: leaves below it added up.
   * @param {Site} site @param {string} account
   */
  async function load(site, account) {
    const name = classOf(account);
    const shards = site.shards.filter((shard) => shard.accounts.includes(name));
    const parts = await Promise.all(shards.map((shard) => cnbudget.load(`accounts/${name}/${shard.name}`, shard.digest)));
    /** @type {Map<string, number[]>} */
    const sums = new Map();
    const codes = new Set();
    for (const { rows } of parts) {
      for (const [slug, code, part, other] of rows) {
        codes.add(code);
        if (!code.startsWith(account.slice(1))) continue;
        const [a, b] = sums.get(slug) ?? [0, 0];
        sums.set(slug, [data.sum([a, part]), data.sum([b, other])]);
      }
    }
    /** @type {Row[]} */
    const rows = [...sums].map(([slug, [part, other]]) => {
      const row = bySlug.get(slug);
      return { ...row, slug, part, other, yuan: data.sum([part, other]), total: row?.yuan };
    });
    return { codes: [...codes].sort(), rows };
  }

  /** @param {string} name @param {string} label @param {[string, string][]} options @param {() => void} draw */
  function select(name, label, options, draw) {
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
        options.map(([value, text]) => el("option", { value, selected: (wish[name] ?? "") === value }, text)),
      ),
    );
  }

  /** The accounts above and below, as links. @param {string} account @param {string[]} codes */
  function family(account, codes) {
    const book = account[0];
    const above = [3, 5].filter((length) => length < account.length - 1).map((length) => book + account.slice(1, length + 1));
    const below = [
      ...new Set(
        codes
          .filter((code) => code.startsWith(account.slice(1)) && code.length > account.length - 1)
          .map((code) => book + code.slice(0, account.length + 1)),
      ),
    ];
    return [
      el(
        "p",
        { class: "crumbs" },
        el("a", { href: "#" }, say("nav_accounts")),
        above.flatMap((each) => [" / ", el("a", { href: `#account=${each}` }, titleOf(each))]),
      ),
      below.length
        ? el(
            "ul",
            { class: "accounts", role: "list" },
            below.map((each) => el("li", {}, el("a", { href: `#account=${each}` }, titleOf(each)))),
          )
        : null,
    ];
  }

  /** @param {string} account @param {Row[]} rows */
  function list(account, rows) {
    const largest = Math.max(0, ...rows.map((row) => row.yuan));
    const parts = account[0] === "f" ? ["basic", "project"] : ["personnel", "operating"];
    /** @type {Column[]} */
    const columns = [
      {
        head: say("publisher_name"),
        cell: (row) => [
          el("a", { class: "title", href: data.pageOf(row.slug) }, source(row.publisher)),
          el("div", { class: "soft" }, data.kindOf(row)),
        ],
        csv: (row) => row.publisher,
        kind: "who",
      },
      { head: say("place"), csv: (row) => row.jurisdiction },
      { head: say("kind"), csv: (row) => row.kind },
      { head: say("year"), value: (row) => row.year, kind: "year" },
      {
        head: say("amount_yuan"),
        number: true,
        cell: (row) => [words.yuan(row.yuan), charts.bar(row.yuan, largest)],
        csv: (row) => row.yuan,
        kind: "amount",
      },
      { head: say(parts[0]), number: true, value: (row) => row.part },
      { head: say(parts[1]), number: true, value: (row) => row.other },
      ...(account[0] === "f"
        ? [
            {
              head: say("share_of_budget"),
              number: true,
              cell: (/** @type {Row} */ row) => (row.total ? words.percent(row.yuan, row.total) : ""),
              csv: (/** @type {Row} */ row) => (row.total ? row.yuan / row.total : null),
              kind: "share",
            },
          ]
        : []),
    ];
    const total = data.sum(rows.map((row) => row.yuan));
    const more =
      rows.length > limit
        ? el(
            "button",
            {
              type: "button",
              class: "more",
              click: (/** @type {Event} */ event) => {
                limit += 4 * SHOWN;
                /** @type {HTMLElement} */ (event.target).closest("section")?.replaceWith(list(account, rows));
              },
            },
            say("show_more", { n: words.count(rows.length - limit) }),
          )
        : null;
    return el(
      "section",
      { "aria-label": say("publishers") },
      el(
        "div",
        { class: "tools" },
        el(
          "p",
          { class: "count" },
          say("n_found", { n: words.count(rows.length) }),
          " · ",
          el("b", {}, words.brief(total)),
          " ",
          el("span", { class: "soft" }, `${words.yuan(total)} ${say("yuan")}`),
        ),
        csv.button(`${account.slice(1)}-${words.account(account)}`, () => tables.toFile(columns, rows)),
      ),
      rows.length
        ? tables.table({ caption: words.account(account), hide: true, columns, rows: rows.slice(0, limit), kind: "budgets" })
        : el("p", { class: "empty" }, say("nothing_found")),
      more,
    );
  }

  /** @param {Site} site @param {HTMLElement} main @param {string} account */
  async function one(site, main, account) {
    document.title = `${account.slice(1)} ${words.account(account)} · cnbudget`;
    const place = el("div", {}, el("p", { class: "soft" }, say("loading")));
    const head = el("div", { class: "intro" }, el("h1", {}, titleOf(account)));
    main.replaceChildren(head, place);
    try {
      const { codes, rows } = await load(site, account);
      const years = [...new Set(rows.map((row) => row.year).filter(Boolean))].sort().reverse();
      const places = [...new Set(rows.map((row) => row.jurisdiction).filter(Boolean))].sort();
      wish.kind ??= "department";
      if (!years.includes(Number(wish.year))) wish.year = years.length ? String(years[0]) : "";
      const draw = () => {
        shell.keep({ account, kind: wish.kind, year: wish.year, place: wish.place });
        const some = rows
          .filter(
            (row) =>
              row.kind === wish.kind && (!wish.year || String(row.year) === wish.year) && (!wish.place || row.jurisdiction === wish.place),
          )
          .sort((a, b) => b.yuan - a.yuan);
        place.replaceChildren(
          el(
            "div",
            { class: "filters" },
            select(
              "kind",
              say("kind"),
              [
                ["department", say("department")],
                ["unit", say("unit")],
              ],
              draw,
            ),
            select(
              "year",
              say("year"),
              years.map((year) => [String(year), String(year)]),
              draw,
            ),
            select(
              "place",
              say("place"),
              [["", say("any")], ...places.map((each) => /** @type {[string, string]} */ ([each, each]))],
              draw,
            ),
          ),
          el("p", { class: "soft" }, say("kinds_note")),
          list(account, some),
        );
      };
      head.replaceChildren(
        ...family(account, codes)
          .slice(0, 1)
          .filter((each) => each !== null),
        el("h1", {}, titleOf(account)),
        ...family(account, codes)
          .slice(1)
          .filter((each) => each !== null),
      );
      draw();
      document.documentElement.dataset.ready = String(Math.round(performance.now()));
    } catch (error) {
      console.error(error);
      shell.fail(main);
    }
  }

  shell.show((site, main) => {
    const draw = () => {
      const { account = "" } = Object.fromEntries(shell.state());
      limit = SHOWN;
      if (!/^[fe]\d{3,7}$/.test(account)) {
        document.title = `${say("nav_accounts")} · cnbudget`;
        main.replaceChildren(...overview(site));
        if (isAll) document.documentElement.dataset.ready = String(Math.round(performance.now()));
      } else if (isAll) one(site, main, account);
    };
    window.onhashchange = draw;
    draw();
    if (isAsked) return;
    isAsked = true;
    data.index(site.shards, (rows, whole) => {
      if (!whole) return;
      for (const row of rows) if (row.slug) bySlug.set(row.slug, row);
      isAll = true;
      draw();
    });
  });
})();
