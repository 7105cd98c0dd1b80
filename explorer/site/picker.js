// Choosing a budget by its name: a search field and what it finds.
"use strict";

const picker = (() => {
  const SHOWN = 8;

  /**
   * @param {string} label @param {() => Row[]} rows @param {(row: Row) => void} choose
   */
  function field(label, rows, choose) {
    const found = el("ul", { class: "options", role: "list" });
    const type = (/** @type {Event} */ event) => {
      const terms = /** @type {HTMLInputElement} */ (event.target).value.normalize("NFKC").toLowerCase().split(/\s+/).filter(Boolean);
      const some = terms.length ? rows().filter((row) => row.slug && terms.every((term) => textOf(row).includes(term))) : [];
      found.replaceChildren(
        ...some
          .slice(0, SHOWN)
          .map((row) =>
            el(
              "li",
              {},
              el(
                "button",
                { type: "button", class: "option", click: () => choose(row) },
                source(row.publisher),
                " ",
                el("span", { class: "soft" }, `${row.year} · ${data.kindOf(row)} · ${words.brief(row.yuan)}`),
              ),
            ),
          ),
      );
      dom.announce(say("n_found", { n: some.length }));
    };
    return el(
      "div",
      { class: "picker" },
      el(
        "label",
        { class: "field" },
        el("span", {}, label),
        el("input", { type: "search", placeholder: say("search_hint"), autocomplete: "off", input: type }),
      ),
      found,
    );
  }

  /** @param {Row} row */
  function textOf(row) {
    row.text ??= [row.publisher, row.jurisdiction, row.year, row.file_name, say(row.kind ?? "")]
      .filter(Boolean)
      .join(" ")
      .normalize("NFKC")
      .toLowerCase();
    return row.text;
  }

  return { field };
})();
