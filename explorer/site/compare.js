// Two budgets side by side.
"use strict";

(() => {
  /** @type {Row[]} */
  let rows = [];
  let isAsked = false;
  const wish = Object.fromEntries(shell.state());

  /** @param {Row} row */
  function nameOf(row) {
    return `${row.publisher ?? row.file_name} ${row.year ?? ""} ${row.kind ? say(row.kind) : ""}`.trim();
  }

  /** Short names that tell the two apart. @param {Row} a @param {Row} b @returns {[string, string]} */
  function shortNames(a, b) {
    if (a.year !== b.year && a.publisher === b.publisher) return [String(a.year), String(b.year)];
    return [nameOf(a), nameOf(b)];
  }

  /** @param {"a" | "b"} side @param {() => void} draw */
  function side(side, draw) {
    const row = rows.find((each) => each.slug === wish[side]);
    const chosen = row
      ? el("p", { class: "chosen" }, el("a", { href: data.pageOf(row.slug) }, source(nameOf(row))), " ", el("b", {}, words.brief(row.yuan)))
      : el("p", { class: "soft" }, say("none_chosen"));
    return el(
      "div",
      { class: "side" },
      chosen,
      picker.field(
        say(`compare_${side}`),
        () => rows,
        (found) => {
          wish[side] = found.slug;
          shell.keep({ a: wish.a, b: wish.b });
          draw();
        },
      ),
    );
  }

  shell.show((site, main) => {
    document.title = `${say("nav_compare")} · cnbudget`;
    const body = el("div", { id: "comparison" });
    const sides = el("div", { class: "sides" });
    const swap = () => {
      [wish.a, wish.b] = [wish.b ?? "", wish.a ?? ""];
      shell.keep({ a: wish.a, b: wish.b });
      draw();
    };
    async function draw() {
      sides.replaceChildren(
        side("a", draw),
        el("button", { type: "button", class: "quiet", click: swap }, `⇄ ${say("swap")}`),
        side("b", draw),
      );
      const [a, b] = [wish.a, wish.b].map((slug) => rows.find((row) => row.slug === slug));
      if (!a || !b) {
        body.replaceChildren();
        return;
      }
      try {
        const [first, second] = await Promise.all([data.budget(a.slug, a.digest), data.budget(b.slug, b.digest)]);
        const kinds = a.kind !== b.kind ? [el("p", { class: "note" }, say("compare_kinds"))] : [];
        body.replaceChildren(...kinds, ...changes.view(first, second, shortNames(a, b)).flat());
      } catch {
        body.replaceChildren(el("p", { class: "note" }, say("failed_more")));
      }
    }
    original.close();
    main.replaceChildren(
      el("div", { class: "intro" }, el("h1", {}, say("nav_compare")), el("p", { class: "lead" }, say("compare_lead"))),
      el("section", {}, sides),
      el("section", { "aria-label": say("nav_compare") }, body),
    );
    draw();
    if (isAsked) return;
    isAsked = true;
    data.index(site.shards, (found, whole) => {
      rows = found;
      const isWanted = (wish.a || wish.b) && rows.some((row) => row.slug === wish.a || row.slug === wish.b);
      if (whole || isWanted) draw();
      if (whole) document.documentElement.dataset.ready = String(Math.round(performance.now()));
    });
  });
})();
