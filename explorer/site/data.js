// The data as objects: rows of the index, and what a budget's script says.
"use strict";

/**
 * @typedef {{name: string, digest: string, n: number, years: number[], jurisdictions: string[], accounts: string[]}} Shard
 * @typedef {{shards: Shard[], links: Record<string, string>}} Site
 * @typedef {Row & {facts: Row[], checks: Row[], findings: Row[], claims: Row[], projects: Row[]}} Budget
 */

const data = (() => {
  const PROOFS = ["two", "one", "none", "broken", "suspected"];
  const SIGNS = /** @type {Record<string, string>} */ ({ two: "✓✓", one: "✓", none: "○", broken: "✗", suspected: "?" });

  /** @param {string[]} columns @param {any[][]} rows @returns {Row[]} */
  function toObjects(columns, rows) {
    return rows.map((row) => Object.fromEntries(columns.map((name, position) => [name, row[position]])));
  }

  /** @returns {Promise<Site>} */
  function site() {
    // Never from a cache: it is what tells which version everything else has.
    return cnbudget.load("shards", location.protocol === "file:" ? "" : String(Math.floor(Date.now() / 10000)));
  }

  /** The rows of a partition in the index. @param {Shard} shard @returns {Promise<Row[]>} */
  async function indexOf(shard) {
    const { columns, rows } = await cnbudget.load(`index/${shard.name}`, shard.digest);
    return toObjects(columns, rows).map((row) => ({ ...row, shard: shard.name }));
  }

  /**
   * The rows of these partitions, the latest years first; `some` is told of what is there every few partitions. A
   * partition that cannot be loaded is left out and counted.
   * @param {Shard[]} shards
   * @param {(rows: Row[], isAll: boolean, nFailed: number) => void} some
   */
  async function index(shards, some) {
    const ordered = [...shards].sort((a, b) => Math.max(0, ...b.years) - Math.max(0, ...a.years) || (a.name < b.name ? -1 : 1));
    /** @type {Row[]} */
    const found = [];
    let nFailed = 0;
    for (let start = 0, size = 8; start < ordered.length; start += size, size = 32) {
      const parts = await Promise.allSettled(ordered.slice(start, start + size).map(indexOf));
      for (const part of parts) {
        if (part.status === "fulfilled") found.push(...part.value);
        else nFailed += 1;
      }
      some(found, start + size >= ordered.length, nFailed);
    }
    if (!ordered.length) some(found, true, 0);
  }

  /** What a budget's page shows. @param {string} slug @param {string} [version] @returns {Promise<Budget>} */
  async function budget(slug, version) {
    const found = await cnbudget.load(`budgets/${slug}`, version);
    if (found.isDecoded) return found;
    found.facts = toObjects(found.columns.facts, found.facts);
    found.checks = toObjects(found.columns.checks, found.checks);
    link(found);
    found.isDecoded = true;
    return found;
  }

  /** What points at what: anchors as in the one-document report, the checks of a figure, the findings of a place. @param {Budget} found */
  function link(found) {
    const forms = found.forms;
    found.facts.forEach((fact, position) => {
      const form = forms[fact.form - 1];
      const side = ["", "left", "right"][fact.side];
      fact.position = position + 1;
      fact.anchor = [form, side, fact.row, fact.measure].filter(Boolean).join("-");
      fact.rowAnchor = ["row", form, side, fact.row].filter(Boolean).join("-");
      fact.inChecks = [];
    });
    for (const check of found.checks) {
      for (const term of check.terms) found.facts[Math.abs(term) - 1].inChecks.push(check);
    }
    /** @type {Map<string, number[]>} */
    found.marks = new Map();
    found.findings.forEach((finding, position) => {
      for (const place of finding.places) {
        found.marks.set(place, [...(found.marks.get(place) ?? []), position + 1]);
      }
    });
    /** @type {Map<string, Row>} */
    found.byAnchor = new Map(found.facts.map((fact) => [fact.anchor, fact]));
  }

  /** Sum amounts without the drift of doubles. @param {number[]} amounts */
  function sum(amounts) {
    return amounts.reduce((cents, amount) => cents + Math.round(amount * 100), 0) / 100;
  }

  /** Difference of two amounts to the cent. @param {number} a @param {number} b */
  function minus(a, b) {
    return (Math.round(a * 100) - Math.round(b * 100)) / 100;
  }

  /** The address of a budget's page. @param {string} slug @param {string} [anchor] */
  function pageOf(slug, anchor) {
    return `${cnbudget.root}budgets/${slug}.html${anchor ? `#${anchor}` : ""}`;
  }

  /** What a budget is called in lists: its year and what kind it is. @param {Row} row */
  function kindOf(row) {
    return [row.jurisdiction, row.kind && say(row.kind), row.kind && row.stage && say(row.stage)].filter(Boolean).join(" · ");
  }

  return { PROOFS, SIGNS, toObjects, site, index, indexOf, budget, sum, minus, pageOf, kindOf };
})();
