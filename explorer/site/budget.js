// The page of a budget.
"use strict";

(() => {
  const { section, nameOf, fileOf } = sections;

  /** @param {Budget} budget */
  function hero(budget) {
    const about = budget.document;
    const kinds = [
      about.jurisdiction_name,
      about.fiscal_year,
      about.publisher_kind && say(about.publisher_kind),
      about.stage && say(about.stage),
    ];
    const revision = about.revision > 1 ? chip("", say("revision_n", { n: about.revision })) : null;
    const approved = about.approved_by
      ? el("p", { class: "note" }, say("approved", { by: about.approved_by, reason: about.approval_reason }))
      : null;
    return el(
      "header",
      { class: "hero" },
      el("p", { class: "crumbs" }, el("a", { href: `${cnbudget.root}index.html` }, say("all_budgets"))),
      el("h1", {}, source(nameOf(budget))),
      el("p", { class: "about" }, kinds.filter(Boolean).join(" · "), " ", chip("state-published", say("short_published")), " ", revision),
      approved,
      keys(budget),
    );
  }

  /** @param {Budget} budget */
  function keys(budget) {
    const total = changes.totalOf(budget, 3, "total")?.yuan ?? 0;
    const project = changes.totalOf(budget, 3, "project")?.yuan ?? 0;
    const three = changes.totalOf(budget, 9, "total");
    const nConfirmed = budget.facts.filter((fact) => fact.holding > 0).length;
    const severities = ["error", "warning", "info"].map((severity) => [
      severity,
      budget.findings.filter((finding) => finding.severity === severity).length,
    ]);
    const found = severities
      .filter(([, n]) => n)
      .map(([severity, n]) => words.many(String(severity), Number(n)))
      .join(say("comma"));
    /** @type {[string, any, any][]} */
    const tiles = [
      [say("total_expenditure"), words.brief(total), `${words.yuan(total)} ${say("yuan")}`],
      [
        say("project_share"),
        words.percent(project, total),
        charts.shares([
          ["nature-project", project],
          ["nature-basic", total - project],
        ]),
      ],
      [say("three_public_total"), three ? words.brief(three.yuan) : "—", three ? words.percent(three.yuan, total) : say("no_figures")],
      [say("confirmed"), words.percent(nConfirmed, budget.facts.length), charts.shares(forms.proofs(budget.facts))],
      [say("nav_findings"), words.count(budget.findings.length), found || say("no_findings")],
    ];
    return el(
      "dl",
      { class: "keys" },
      tiles.map(([label, value, more]) => el("div", {}, el("dt", {}, label), el("dd", {}, value), el("dd", { class: "soft" }, more))),
    );
  }

  /** @param {Budget} budget */
  function money(budget) {
    if (!charts.flows(budget).length) return null;
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
  function downloads(budget) {
    const about = budget.document;
    const parquet = [
      "documents",
      "budget_facts",
      "expenditure_lines",
      "revenue_lines",
      "identity_checks",
      "findings",
      "narrative_claims",
      "projects",
    ].map((name) => el("a", { href: `${cnbudget.root}../latest/${name}/${budget.partition}.parquet` }, `${name}.parquet`));
    return section(
      "data",
      say("nav_data"),
      el(
        "p",
        {},
        csv.button(`${fileOf(budget)}-figures`, () => forms.toFile(budget.facts), say("download_figures")),
      ),
      el(
        "p",
        { class: "links" },
        say("parquet_of", { partition: budget.partition }),
        " ",
        parquet.flatMap((link) => [link, " "]),
      ),
      tables.pairs(
        [
          [say("file_name"), source(about.file_name)],
          [say("media_type"), about.media_type],
          [say("n_bytes"), words.count(about.n_bytes)],
          [say("n_pages"), about.n_pages || ""],
          [say("published_on"), words.day(about.published_at)],
          [
            say("sources"),
            budget.sources.map((/** @type {Row} */ row) => el("div", {}, row.source_uri, row.gone_at ? ` (${say("gone")})` : "")),
          ],
          [say("budget_id"), about.budget_id],
          [say("document_id"), about.document_id],
          [say("extractor_version"), about.extractor_version],
        ],
        "words",
      ),
    );
  }

  /**
   * The same budget of the years before and after, looked for in the partitions that may have them.
   * @param {Budget} budget @param {Site} site @param {HTMLElement} place
   */
  async function years(budget, site, place) {
    const about = budget.document;
    if (!about.publisher_id || !about.fiscal_year) return;
    const near = site.shards.filter(
      (shard) =>
        shard.years.some((year) => Math.abs(year - about.fiscal_year) <= 1) &&
        (about.jurisdiction_code ? shard.jurisdictions.includes(about.jurisdiction_code) : true),
    );
    const rows = (await Promise.allSettled(near.map(data.indexOf))).flatMap((part) => (part.status === "fulfilled" ? part.value : []));
    const same = rows.filter(
      (row) => row.slug && row.publisher_id === about.publisher_id && row.slug !== cnbudget.slug && row.stage === about.stage,
    );
    const before = same.find((row) => row.kind === about.publisher_kind && row.year === about.fiscal_year - 1);
    const links = same.map((row) => el("a", { href: data.pageOf(row.slug) }, `${row.year} ${say(row.kind)}`));
    const compare = same
      .filter((row) => row.kind === about.publisher_kind)
      .map((row) =>
        el(
          "a",
          {
            href: `${cnbudget.root}compare.html#a=${row.year < about.fiscal_year ? row.slug : cnbudget.slug}&b=${row.year < about.fiscal_year ? cnbudget.slug : row.slug}`,
          },
          say("compare_with", { year: row.year }),
        ),
      );
    if (links.length)
      place.append(
        section(
          "related",
          say("related"),
          el(
            "p",
            { class: "links" },
            [...links, ...compare].flatMap((link) => [link, " "]),
          ),
        ),
      );
    if (!before) return;
    const old = await data.budget(before.slug, before.digest);
    place.append(
      section(
        "change",
        say("change_title", { year: before.year }),
        changes.view(old, budget, [String(before.year), String(about.fiscal_year)]),
      ),
    );
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

  addEventListener("beforeprint", () =>
    document.querySelectorAll("details").forEach((each) => {
      each.open = true;
      each.dispatchEvent(new Event("draw"));
    }),
  );

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
    const parts = [
      money(budget),
      accounts(budget),
      change,
      sections.findings(budget),
      section("forms", say("nav_forms"), forms.view(budget, fileOf(budget))),
      sections.projects(budget),
      sections.narrative(budget),
      sections.others(budget),
      downloads(budget),
    ];
    const links = parts
      .filter((part) => part instanceof HTMLElement && part.id)
      .map((part) => el("a", { href: `#${part?.id}` }, part?.querySelector("h2")?.textContent ?? ""));
    main.replaceChildren(
      hero(budget),
      el("nav", { class: "contents", "aria-label": say("contents") }, links),
      ...parts.filter((part) => part !== null),
    );
    follow(budget);
    window.onhashchange = () => follow(budget);
    document.documentElement.dataset.ready = String(Math.round(performance.now()));
    years(budget, site, change).catch(() => {});
  });
})();
