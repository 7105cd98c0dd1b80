// Tables that can be read, listened to and saved.
"use strict";

/**
 * @typedef {{head: string, value?: (row: Row) => any, cell?: (row: Row) => any, number?: boolean, kind?: string,
 *   isHeader?: boolean, sort?: string, csv?: (row: Row) => any}} Column
 * `value` is what stands in the file and, where there is no `cell`, on the screen; a cell of text is its own value.
 */

const tables = (() => {
  /** @param {Column} column @param {Row} row */
  function valueOf(column, row) {
    if (column.csv) return column.csv(row);
    if (column.value) return column.value(row);
    const shown = column.cell ? column.cell(row) : null;
    return shown instanceof Node ? shown.textContent : shown;
  }

  /** @param {Column} column @param {Row} row */
  function shownOf(column, row) {
    if (column.cell) return column.cell(row);
    const value = column.value ? column.value(row) : null;
    return column.number && typeof value === "number" ? words.yuan(value) : value;
  }

  /**
   * A table in a region of its own, to be scrolled by keyboard where it is wider than the screen.
   * @param {{caption: string, columns: Column[], rows: Row[], kind?: string, hide?: boolean, rowClass?: (row: Row) => string}} spec
   */
  function table({ caption, columns, rows, kind = "", hide = false, rowClass }) {
    const shown = columns.filter((column) => column.cell || column.value);
    const heads = shown.map((column) =>
      el("th", { scope: "col", class: [column.number && "n", column.kind].filter(Boolean).join(" ") || null }, column.head),
    );
    const body = rows.map((row) =>
      el(
        "tr",
        { class: rowClass ? rowClass(row) : null },
        shown.map((column, position) =>
          el(
            column.isHeader || position === 0 ? "th" : "td",
            {
              scope: column.isHeader || position === 0 ? "row" : null,
              class: [column.number && "n", column.kind].filter(Boolean).join(" ") || null,
              "data-head": column.head,
            },
            shownOf(column, row),
          ),
        ),
      ),
    );
    return el(
      "div",
      { class: "scroll", role: "region", tabindex: "0", "aria-label": caption },
      el(
        "table",
        { class: kind || null },
        el("caption", { class: hide ? "vh" : null }, caption),
        el("thead", {}, el("tr", {}, heads)),
        el("tbody", {}, body),
      ),
    );
  }

  /** What a table is as a file. @param {Column[]} columns @param {Row[]} rows */
  function toFile(columns, rows) {
    return { heads: columns.map((column) => column.head), rows: rows.map((row) => columns.map((column) => valueOf(column, row) ?? null)) };
  }

  /** A table under its heading, with a button that saves it. @param {string} name @param {Parameters<typeof table>[0]} spec */
  function saved(name, spec) {
    return [
      el(
        "div",
        { class: "tools" },
        csv.button(name, () => toFile(spec.columns, spec.rows)),
      ),
      table(spec),
    ];
  }

  /** Names and values, those without a value left out. @param {[string, any][]} rows @param {string} [kind] */
  function pairs(rows, kind = "pairs") {
    const shown = rows.filter(([, value]) => value !== null && value !== undefined && value !== "" && value !== false);
    return shown.length
      ? el(
          "dl",
          { class: kind },
          shown.map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, value))),
        )
      : null;
  }

  return { table, toFile, saved, pairs };
})();
