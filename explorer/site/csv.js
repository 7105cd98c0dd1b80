// Tables as CSV that spreadsheets read rightly and cannot be made to run.
"use strict";

const csv = (() => {
  /**
   * A cell. Text that a spreadsheet would take for a formula gets an apostrophe in front; numbers stay numbers.
   * @param {any} value
   */
  function cell(value) {
    if (value === null || value === undefined) return "";
    if (typeof value === "number") return String(value);
    const text = /^[\s]*[=+\-@\t\r|%]/.test(value) ? `'${value}` : String(value);
    return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  }

  /** @param {string[]} heads @param {any[][]} rows */
  function toText(heads, rows) {
    // The mark tells Excel that it is UTF-8.
    return `\ufeff${[heads, ...rows].map((row) => row.map(cell).join(",")).join("\r\n")}\r\n`;
  }

  /** Hand a file to the reader. @param {string} name @param {string} text */
  function save(name, text) {
    const address = URL.createObjectURL(new Blob([text], { type: "text/csv;charset=utf-8" }));
    const link = el("a", { href: address, download: name.replace(/[\\/:*?"<>|\s]+/g, "_") });
    document.body.append(link);
    /** @type {HTMLAnchorElement} */ (link).click();
    link.remove();
    setTimeout(() => URL.revokeObjectURL(address), 10000);
  }

  /**
   * A button that saves a table; `make` is asked when it is pressed.
   * @param {string} name
   * @param {() => {heads: string[], rows: any[][]}} make
   * @param {string} [label]
   */
  function button(name, make, label = say("download_csv")) {
    const press = () => {
      const { heads, rows } = make();
      save(`${name}.csv`, toText(heads, rows));
    };
    return el("button", { type: "button", class: "quiet download", click: press }, label);
  }

  return { cell, toText, button };
})();
