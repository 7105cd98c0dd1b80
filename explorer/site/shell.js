// What every page has: the bar with the views, the language and the light, a place for the view, and the foot.
"use strict";

const shell = (() => {
  const VIEWS = [
    ["index", "nav_budgets"],
    ["accounts", "nav_accounts"],
    ["findings", "nav_findings_board"],
    ["compare", "nav_compare"],
  ];
  /** @type {() => void} */
  let redraw = () => {};

  /** A segmented choice. @param {string} legend @param {string} name @param {[string, string, string?][]} choices @param {string} chosen @param {(value: string) => void} change */
  function segments(legend, name, choices, chosen, change) {
    return el(
      "fieldset",
      { class: "segments" },
      el("legend", { class: "vh" }, legend),
      choices.map(([value, label, lang]) =>
        el(
          "label",
          { lang: lang ?? null, title: label },
          el("input", { type: "radio", class: "vh", name, value, checked: value === chosen, change: () => change(value) }),
          label,
        ),
      ),
    );
  }

  function bar() {
    const links = VIEWS.map(([page, term]) =>
      el("a", { href: `${cnbudget.root}${page}.html`, "aria-current": page === cnbudget.page ? "page" : null }, say(term)),
    );
    return el(
      "header",
      { class: "topbar" },
      el("a", { class: "brand", href: `${cnbudget.root}index.html` }, mark(), "cnbudget"),
      el("nav", { "aria-label": say("nav_views") }, links),
      segments(
        "语言 Language",
        "language",
        [
          ["zh", "中文", "zh-Hans"],
          ["en", "English", "en"],
        ],
        words.language,
        (chosen) => {
          words.choose(/** @type {Language} */ (chosen));
          draw();
          /** @type {HTMLElement | null} */ (document.querySelector(`input[name=language][value=${chosen}]`))?.focus();
        },
      ),
    );
  }

  function mark() {
    return svg(
      "svg",
      { viewBox: "0 0 24 24", width: 22, height: 22, "aria-hidden": "true" },
      svg("rect", { x: 2, y: 2, width: 20, height: 20, rx: 5, class: "mark-back" }),
      svg("path", { d: "M7 8h10M7 12h10M12 8v9M8.5 4.8 12 8l3.5-3.2", class: "mark-line" }),
    );
  }

  /** @param {string} light */
  function setLight(light) {
    words.remember("light", light);
    applyLight();
  }

  function applyLight() {
    const light = words.remembered("light");
    if (light === "light" || light === "dark") document.documentElement.dataset.light = light;
    else delete document.documentElement.dataset.light;
  }

  /** @param {Site} site */
  function foot(site) {
    const reports = Object.entries(site.links).map(([name, key]) => el("a", { href: cnbudget.root + key }, say(`link_${name}`)));
    const light = words.remembered("light") ?? "auto";
    return el(
      "footer",
      {},
      el(
        "div",
        {},
        el("p", {}, say("foot_about")),
        el(
          "p",
          {},
          el("a", { href: `${cnbudget.root}../latest/datapackage.json` }, say("foot_data")),
          reports.flatMap((link) => [" · ", link]),
        ),
      ),
      segments(
        say("light"),
        "light",
        [
          ["auto", say("light_auto")],
          ["light", say("light_light")],
          ["dark", say("light_dark")],
        ],
        light,
        setLight,
      ),
    );
  }

  function draw() {
    document.documentElement.lang = words.htmlLanguage;
    redraw();
  }

  /**
   * Show a page: `view` gives the content of its main part, and is asked again when the language changes.
   * @param {(site: Site, main: HTMLElement) => void} view
   */
  async function show(view) {
    applyLight();
    const main = el("main", { id: "main", tabindex: "-1" }, el("p", { class: "soft" }, say("loading")));
    const live = el("div", { id: "live", class: "vh", role: "status" });
    /** @type {Site | null} */
    let site = null;
    redraw = () => {
      const skip = el("a", { class: "skip", href: "#main" }, say("skip_main"));
      document.body.replaceChildren(skip, bar(), main, ...(site ? [foot(site)] : []), live);
      if (site) view(site, main);
    };
    draw();
    try {
      site = await data.site();
    } catch {
      fail(main);
      return;
    }
    draw();
  }

  /** @param {HTMLElement} main */
  function fail(main) {
    main.replaceChildren(el("h1", {}, say("failed")), el("p", {}, say("failed_more")));
  }

  /** Values after the # of the address. */
  function state() {
    return new URLSearchParams(location.hash.slice(1));
  }

  /** Keep values after the # of the address, so that a view can be sent to others. @param {Record<string, string>} values */
  function keep(values) {
    const kept = new URLSearchParams(Object.entries(values).filter(([, value]) => value));
    try {
      history.replaceState(null, "", `#${kept}`);
    } catch {
      location.hash = String(kept);
    }
  }

  return { show, fail, state, keep, segments };
})();
