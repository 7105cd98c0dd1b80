// The page behind a figure: the original document with the figure's box drawn on it, beside what confirms the figure.
"use strict";

/**
 * @typedef {{title: any, place: Row, head?: any, body?: any}} Shown
 * A place has a page and a box, or a cell, or neither.
 */

const original = (() => {
  /** @type {HTMLElement | null} */
  let panel = null;
  /** @type {HTMLElement | null} */
  let opener = null;
  let zoom = innerWidth < 760 ? 2.8 : 1.7;

  /**
   * Open the panel, or change what it shows.
   * @param {Budget} budget
   * @param {Shown} shown
   */
  function open(budget, shown) {
    const active = /** @type {HTMLElement | null} */ (document.activeElement);
    if (!panel?.contains(active)) opener = active;
    const heading = el("h2", { tabindex: "-1" }, shown.title);
    const close_ = el(
      "button",
      { type: "button", class: "quiet close", "aria-label": say("close"), title: say("close"), click: close },
      "✕",
    );
    const body = el("div", { class: "panel-body" }, shown.head, pageOf(budget, shown.place), shown.body);
    const made = el(
      "aside",
      { class: "panel", "aria-label": say("original_page") },
      el("div", { class: "panel-head" }, heading, close_),
      body,
    );
    made.addEventListener("keydown", (event) => {
      if (/** @type {KeyboardEvent} */ (event).key === "Escape") close();
    });
    if (panel?.isConnected) panel.replaceWith(made);
    else document.body.append(made);
    panel = made;
    document.documentElement.classList.add("has-panel");
    heading.focus({ preventScroll: true });
  }

  function close() {
    panel?.remove();
    panel = null;
    document.documentElement.classList.remove("has-panel");
    document.querySelectorAll(".is-shown").forEach((each) => each.classList.remove("is-shown"));
    if (opener?.isConnected) opener.focus({ preventScroll: true });
  }

  /** @param {Budget} budget @param {Row} place */
  function pageOf(budget, place) {
    const pictures = budget.pictures?.pages ?? {};
    if (place.page && pictures[place.page]) return picture(budget, place, place.page);
    if (place.page) return el("p", { class: "note" }, say("no_picture", { page: place.page }));
    if (place.cell) return el("p", { class: "note" }, say("in_cell"), " ", el("code", {}, place.cell));
    return el(
      "p",
      { class: "note" },
      say("in_text", { file: budget.document.file_name }),
      place.row ? ` ${say("row_no", { n: place.row })}` : "",
    );
  }

  /** @param {Budget} budget @param {Row} place @param {number} page */
  function picture(budget, place, page) {
    const pictures = budget.pictures.pages;
    const [width, height] = pictures[page];
    const others = Object.keys(pictures)
      .map(Number)
      .sort((a, b) => a - b);
    const image = el("img", {
      src: `${cnbudget.root}pictures/${budget.document.document_id}/${page}.webp`,
      alt: say("page_alt", { page, name: budget.document.publisher_name ?? budget.document.file_name }),
      width: Math.round(width),
      height: Math.round(height),
    });
    const sheet = el("div", { class: "sheet", style: { width: `${100 * zoom}%`, "aspect-ratio": `${width} / ${height}` } }, image);
    if (place.box && page === place.page) {
      const [x0, y0, x1, y1] = place.box;
      sheet.append(
        el("div", {
          class: "box",
          style: {
            left: `${(100 * (x0 - 3)) / width}%`,
            top: `${(100 * (y0 - 3)) / height}%`,
            width: `${(100 * (x1 - x0 + 6)) / width}%`,
            height: `${(100 * (y1 - y0 + 6)) / height}%`,
          },
        }),
      );
    }
    const view = el(
      "div",
      { class: "view", tabindex: "0", role: "region", "aria-label": say("page_of", { page, n: budget.document.n_pages }) },
      sheet,
    );
    const turn = (/** @type {number} */ to) => whole.replaceWith(picture(budget, place, to));
    const resize = (/** @type {number} */ to) => {
      zoom = Math.min(4, Math.max(1, to));
      sheet.style.setProperty("width", `${100 * zoom}%`);
      centre();
    };
    const centre = () => {
      const box = /** @type {HTMLElement | null} */ (sheet.querySelector(".box"));
      if (!box) return;
      view.scrollTo({ left: box.offsetLeft + box.offsetWidth / 2 - view.clientWidth / 2, top: box.offsetTop - view.clientHeight / 2 });
    };
    const at = others.indexOf(page);
    const tool = (/** @type {string} */ sign, /** @type {string} */ name, /** @type {(() => void) | null} */ press) =>
      el("button", { type: "button", class: "quiet", "aria-label": name, title: name, disabled: !press, click: press }, sign);
    const whole = el(
      "figure",
      { class: "page" },
      el(
        "figcaption",
        {},
        tool("‹", say("page_before"), at > 0 ? () => turn(others[at - 1]) : null),
        el("span", {}, say("page_of", { page, n: budget.document.n_pages })),
        tool("›", say("page_after"), at < others.length - 1 ? () => turn(others[at + 1]) : null),
        el("span", { class: "gap" }),
        tool("−", say("smaller"), () => resize(zoom / 1.4)),
        tool("+", say("larger"), () => resize(zoom * 1.4)),
      ),
      view,
    );
    requestAnimationFrame(centre);
    return whole;
  }

  return { open, close };
})();
