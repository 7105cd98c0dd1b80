// Elements from values. Text of documents only ever becomes text: nothing here parses HTML.
"use strict";

/**
 * @typedef {Node | string | number | null | undefined | false} Child
 */

const dom = (() => {
  const SVG = "http://www.w3.org/2000/svg";
  // What would hide or reorder text is shown as a replacement character.
  const UNPRINTABLE = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069\ufffe\uffff]/g;

  /** @param {any} value */
  function printable(value) {
    return String(value).replace(UNPRINTABLE, "\ufffd");
  }

  /**
   * @param {Element} element
   * @param {Record<string, any>} attributes
   * @param {Child[]} children
   */
  function fill(element, attributes, children) {
    for (const [name, value] of Object.entries(attributes)) {
      if (value === null || value === undefined || value === false) continue;
      if (typeof value === "function") element.addEventListener(name, value);
      else if (name === "style")
        for (const [rule, set] of Object.entries(value)) /** @type {any} */ (element).style.setProperty(rule, String(set));
      else element.setAttribute(name, value === true ? "" : printable(value));
    }
    for (const child of children.flat(9)) {
      if (child === null || child === undefined || child === false || child === "") continue;
      element.append(child instanceof Node ? child : printable(child));
    }
    return element;
  }

  /**
   * An HTML element. Functions among the attributes are listeners, `style` is an object of rules.
   * @param {string} tag
   * @param {Record<string, any>} [attributes]
   * @param {...any} children
   * @returns {HTMLElement}
   */
  function el(tag, attributes = {}, ...children) {
    return /** @type {HTMLElement} */ (fill(document.createElement(tag), attributes, children));
  }

  /**
   * An element of SVG.
   * @param {string} tag
   * @param {Record<string, any>} [attributes]
   * @param {...any} children
   * @returns {SVGElement}
   */
  function svg(tag, attributes = {}, ...children) {
    return /** @type {SVGElement} */ (fill(document.createElementNS(SVG, tag), attributes, children));
  }

  /** Words of a document, which are Chinese whatever the page is read in. @param {any} value @param {string} [kind] */
  function source(value, kind) {
    return value === null || value === undefined || value === "" ? null : el("span", { lang: "zh-Hans", class: kind }, value);
  }

  /** For those who listen to the page. @param {...any} children */
  function whisper(...children) {
    return el("span", { class: "vh" }, ...children);
  }

  /** Say something to those who listen, without moving them. @param {string} text */
  function announce(text) {
    const live = document.getElementById("live");
    if (live) live.textContent = text;
  }

  /** A small label. @param {string} kind @param {...any} children */
  function chip(kind, ...children) {
    return el("span", { class: `chip ${kind}` }, ...children);
  }

  return { el, svg, source, whisper, announce, chip, printable };
})();

const { el, svg, source, whisper, chip } = dom;
