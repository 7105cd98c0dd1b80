// Words in both languages, and numbers as people read them.
"use strict";

/** @typedef {"zh" | "en"} Language */

const words = (() => {
  const HTML_LANGUAGE = { zh: "zh-Hans", en: "en" };
  /** @type {Language} */
  let language =
    remembered("language") === "en" || remembered("language") === "zh"
      ? /** @type {Language} */ (remembered("language"))
      : navigator.language.toLowerCase().startsWith("zh")
        ? "zh"
        : "en";

  /** What this browser remembers; nothing where it forbids that. @param {string} name @returns {string | null} */
  function remembered(name) {
    try {
      return localStorage.getItem(`cnbudget.${name}`);
    } catch {
      return null;
    }
  }

  /** @param {string} name @param {string} value */
  function remember(name, value) {
    try {
      localStorage.setItem(`cnbudget.${name}`, value);
    } catch {
      // It is asked again the next time.
    }
  }

  /** @param {Language} chosen */
  function choose(chosen) {
    language = chosen;
    remember("language", chosen);
  }

  /**
   * A term in the reader's language, with {names} filled in; the term itself where it has no words.
   * @param {string} term
   * @param {Record<string, string | number>} [values]
   */
  function say(term, values = {}) {
    const terms = cnbudget.get("terms");
    const found = Object.hasOwn(terms, term) ? terms[term] : null;
    const text = found ? found[language === "zh" ? 0 : 1] : term;
    return text.replace(/\{(\w+)\}/g, (/** @type {string} */ whole, /** @type {string} */ name) =>
      name in values ? String(values[name]) : whole,
    );
  }

  /** Of a pair of columns `name_zh`, `name_en`. @param {string} zh @param {string} en */
  function pick(zh, en) {
    return language === "zh" ? zh : en;
  }

  /** Yuan to the cent, as in the data. @param {number | null | undefined} amount */
  function yuan(amount) {
    if (amount === null || amount === undefined) return "";
    const digits = Number.isInteger(amount) ? 0 : 2;
    return amount.toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits });
  }

  /** Yuan in a few digits: 25.36 亿元, ¥2.54 bn. @param {number | null | undefined} amount */
  function brief(amount) {
    if (amount === null || amount === undefined) return "—";
    const [scales, before] =
      language === "zh"
        ? [
            /** @type {[number, string][]} */ ([
              [1e8, " 亿元"],
              [1e4, " 万元"],
              [1, " 元"],
            ]),
            "",
          ]
        : [
            /** @type {[number, string][]} */ ([
              [1e9, " bn"],
              [1e6, " m"],
              [1, ""],
            ]),
            "¥",
          ];
    const size = Math.abs(amount);
    const [scale, unit] = scales.find(([least]) => size >= least) ?? scales[scales.length - 1];
    const scaled = size / scale;
    const digits = scale === 1 ? 0 : scaled >= 100 ? 1 : 2;
    const sign = amount < 0 ? "−" : "";
    return `${sign}${before}${scaled.toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits })}${unit}`;
  }

  /** A share as percent. @param {number} part @param {number} whole */
  function percent(part, whole) {
    if (!whole) return "—";
    const share = (100 * part) / whole;
    // Not all is never shown as all, and something never as nothing.
    const digits = Math.abs(share) < 10 || (share > 99 && share < 100) ? 1 : 0;
    const shown = share > 99.9 && share < 100 ? 99.9 : share > 0 && share < 0.1 ? 0.1 : share;
    return `${shown === share ? "" : share < 1 ? "< " : "> "}${shown.toFixed(Number.isInteger(shown) ? 0 : digits)} %`.replace("-", "−");
  }

  /** A change with its sign. @param {number} amount */
  function signed(amount) {
    return amount > 0 ? `+${yuan(amount)}` : yuan(amount).replace("-", "−");
  }

  /** @param {number} n */
  function count(n) {
    return n.toLocaleString("en-US");
  }

  /** A number of things, the English in the plural where there are many. @param {string} term @param {number} n */
  function many(term, n) {
    return `${count(n)} ${say(n === 1 ? term : `${term}s`)}`;
  }

  /** What a finding names: amounts of yuan as people read them, codes and words as they are. @param {string | undefined} value */
  function named(value) {
    return value && /^-?\d+\.\d{2}$/.test(value) ? `${yuan(Number(value))} ${say("yuan")}` : value;
  }

  /** A time of the data (UTC) as the day in Shanghai. @param {string | undefined} at */
  function day(at) {
    if (!at) return "";
    const local = new Date(new Date(at).getTime() + 8 * 3600e3);
    return local.toISOString().slice(0, 10);
  }

  /** The name of an account by its book and code, `f208`; the code where it has none. @param {string} account */
  function account(account) {
    return cnbudget.get("names")[account] ?? account.slice(1);
  }

  return {
    say,
    pick,
    yuan,
    brief,
    percent,
    signed,
    count,
    many,
    named,
    day,
    account,
    choose,
    remember,
    remembered,
    get language() {
      return language;
    },
    get htmlLanguage() {
      return HTML_LANGUAGE[language];
    },
  };
})();

const { say } = words;
