// Where the money comes from and goes: a flow from sources over functions to its nature, and a map of accounts.
"use strict";

const charts = (() => {
  const HUES = 8;

  /** @param {Row} fact */
  function classOf(fact) {
    return fact.functional ? fact.functional.slice(0, 3) : "";
  }

  /** Amounts of the figures that are safe to sum, of a form, by class and column. @param {Budget} budget @param {number[]} forms */
  function byClass(budget, forms) {
    /** @type {Map<string, Map<string, number>>} */
    const found = new Map();
    for (const fact of budget.facts) {
      if (!fact.line || !forms.includes(fact.form) || fact.yuan <= 0) continue;
      const name = fact.form >= 5 && fact.form <= 7 ? `fund:${fact.form}` : fact.measure;
      const columns = found.get(classOf(fact)) ?? new Map();
      columns.set(name, data.sum([columns.get(name) ?? 0, fact.yuan]));
      found.set(classOf(fact), columns);
    }
    return found;
  }

  const FUNDS = /** @type {Record<string, string>} */ ({
    "fund:5": "general_public_budget",
    "fund:6": "government_fund_budget",
    "fund:7": "state_capital_operations_budget",
  });

  /**
   * The flows of a budget: source -> class -> nature, in yuan. What the government gives is split by fund where the fund
   * forms add up to it, class by class.
   * @param {Budget} budget
   */
  function flows(budget) {
    const revenue = byClass(budget, [2]);
    const funds = byClass(budget, [5, 6, 7]);
    /** @type {{from: string, to: string, yuan: number}[]} */
    const links = [];
    for (const [code, sources] of revenue) {
      for (const [measure, yuan] of sources) {
        const parts = [...(funds.get(code) ?? [])];
        const adds = measure === "fiscal_appropriation" && Math.abs(data.sum(parts.map(([, part]) => part)) - yuan) <= 1;
        const split = adds ? parts.map(([fund, part]) => [FUNDS[fund], part]) : [[measure, yuan]];
        for (const [source, part] of split) links.push({ from: `source:${source}`, to: `class:${code}`, yuan: Number(part) });
      }
    }
    for (const [code, natures] of byClass(budget, [3])) {
      for (const [nature, yuan] of natures) links.push({ from: `class:${code}`, to: `nature:${nature}`, yuan });
    }
    return links;
  }

  /** The name of an end of a flow. @param {string} id */
  function nameOf(id) {
    const [kind, name] = id.split(":");
    return kind === "class" ? (name ? words.account(`f${name}`) : say("no_code")) : say(name);
  }

  /**
   * The flow chart, drawn for the width it is given.
   * @param {Budget} budget
   * @param {number} width
   * @param {(code: string) => void} open
   */
  function flow(budget, width, open) {
    const links = flows(budget);
    if (!links.length) return null;
    const narrow = width < 560;
    const ids = [...new Set(links.flatMap(({ from, to }) => [from, to]))];
    const classes = ids.filter((id) => id.startsWith("class:")).length;
    const height = Math.max(narrow ? 380 : 320, classes * (narrow ? 56 : 48) + 60);
    const layout = d3
      .sankey()
      .nodeId((/** @type {any} */ node) => node.id)
      .nodeWidth(narrow ? 8 : 12)
      .nodePadding(30)
      .nodeSort((/** @type {any} */ a, /** @type {any} */ b) => b.value - a.value)
      .extent([
        [1, 14],
        [width - 1, height - 14],
      ]);
    const graph = layout({
      nodes: ids.map((id) => ({ id })),
      links: links.map(({ from, to, yuan }) => ({ source: from, target: to, value: yuan })),
    });
    const path = d3.sankeyLinkHorizontal();
    const ribbons = graph.links.map((/** @type {any} */ each) =>
      svg(
        "path",
        { class: `ribbon ${colourOf(each)}`, d: path(each), "stroke-width": Math.max(1, each.width).toFixed(1) },
        svg("title", {}, `${nameOf(each.source.id)} → ${nameOf(each.target.id)}: ${words.yuan(each.value)} ${say("yuan")}`),
      ),
    );
    const nodes = graph.nodes.map((/** @type {any} */ node) => flowNode(node, width, narrow, open));
    const title = say("flow_alt", { sources: ends(graph, "source"), natures: ends(graph, "nature"), n: classes });
    return svg(
      "svg",
      { class: "flow", viewBox: `0 0 ${width} ${height}`, width, height, role: "img", "aria-label": title },
      ribbons,
      nodes,
    );
  }

  /** The ends of a flow in words. @param {any} graph @param {string} kind */
  function ends(graph, kind) {
    return graph.nodes
      .filter((/** @type {any} */ node) => node.id.startsWith(kind))
      .map((/** @type {any} */ node) => `${nameOf(node.id)} ${words.brief(node.value)}`)
      .join(say("comma"));
  }

  /** @param {any} ribbon */
  function colourOf(ribbon) {
    const end = ribbon.source.id.startsWith("source:") ? ribbon.source.id : ribbon.target.id;
    return end.replace(":", "-");
  }

  /** @param {any} node @param {number} width @param {boolean} narrow @param {(code: string) => void} open */
  function flowNode(node, width, narrow, open) {
    const [kind, name] = node.id.split(":");
    const isLast = kind === "nature";
    const x = isLast ? node.x0 - 8 : node.x1 + 8;
    const y = (node.y0 + node.y1) / 2;
    const anchor = isLast ? "end" : "start";
    const clip = narrow && kind === "class" ? 6 : 24;
    const full = nameOf(node.id);
    const label = full.length > clip ? `${full.slice(0, clip - 1)}…` : full;
    const labels = [
      svg("text", { class: "name", x, y: y - 2, "text-anchor": anchor }, label),
      svg("text", { class: "sum", x, y: y + 13, "text-anchor": anchor }, words.brief(node.value)),
    ];
    const title = svg("title", {}, `${full}: ${words.yuan(node.value)} ${say("yuan")}`);
    const bar = svg("rect", {
      class: `end ${kind}-${name}`,
      x: node.x0,
      y: node.y0,
      width: node.x1 - node.x0,
      height: Math.max(1, node.y1 - node.y0),
    });
    const isOpen = kind === "class" && name;
    return svg("g", { class: isOpen ? "node opens" : "node", click: isOpen ? () => open(name) : null }, title, bar, labels);
  }

  /** The flows as a table, for those who do not see the chart. @param {Budget} budget */
  function flowTable(budget) {
    return tables.table({
      caption: say("flow_title"),
      columns: [
        { head: say("from"), cell: (row) => nameOf(row.from) },
        { head: say("to"), cell: (row) => nameOf(row.to) },
        { head: say("amount_yuan"), number: true, value: (row) => row.yuan },
      ],
      rows: flows(budget),
    });
  }

  /**
   * The map of accounts: each leaf of the expenditure summary as large as its money, by class. Tiles are buttons.
   * @param {Budget} budget
   * @param {(fact: Row) => void} open
   */
  function map(budget, open) {
    const leaves = budget.facts.filter((fact) => fact.form === 3 && fact.role === "leaf" && fact.measure === "total" && fact.yuan > 0);
    if (!leaves.length) return null;
    const codes = [...new Set(leaves.map(classOf))];
    const total = data.sum(leaves.map((leaf) => leaf.yuan));
    const tree = d3
      .hierarchy({ children: codes.map((code) => ({ code, children: leaves.filter((leaf) => classOf(leaf) === code) })) })
      .sum((/** @type {any} */ item) => item.yuan ?? 0)
      .sort((/** @type {any} */ a, /** @type {any} */ b) => b.value - a.value);
    d3.treemap().tile(d3.treemapSquarify.ratio(1.4)).size([100, 56]).paddingInner(0.25).paddingTop(0)(tree);
    const hues = new Map(
      tree.children.map((/** @type {any} */ branch, /** @type {number} */ position) => [branch.data.code, position % HUES]),
    );
    const tiles = tree.leaves().map((/** @type {any} */ leaf) => tile(leaf, hues.get(classOf(leaf.data)) ?? 0, total, open));
    const legend = tree.children.map((/** @type {any} */ branch) =>
      el(
        "li",
        {},
        el("i", { class: `hue-${hues.get(branch.data.code)}` }),
        nameOf(`class:${branch.data.code}`),
        " ",
        el("b", {}, words.brief(branch.value)),
        " ",
        el("span", { class: "soft" }, words.percent(branch.value, total)),
      ),
    );
    return el("div", { class: "map" }, el("div", { class: "tiles" }, tiles), el("ul", { class: "legend", role: "list" }, legend));
  }

  /** @param {any} leaf @param {number} hue @param {number} total @param {(fact: Row) => void} open */
  function tile(leaf, hue, total, open) {
    const [width, height] = [leaf.x1 - leaf.x0, leaf.y1 - leaf.y0];
    const fact = leaf.data;
    const said = `${fact.label ?? ""} ${words.yuan(fact.yuan)} ${say("yuan")}, ${words.percent(fact.yuan, total)}`;
    const size = width * height > 260 ? "large" : "";
    return el(
      "button",
      {
        type: "button",
        class: `tile hue-${hue} ${size}`,
        title: said,
        "aria-label": said,
        click: () => open(fact),
        style: { left: `${leaf.x0}%`, top: `${leaf.y0 / 0.56}%`, width: `${width}%`, height: `${height / 0.56}%` },
      },
      el(
        "span",
        { class: "tile-in" },
        el("span", { class: "tile-name", lang: "zh-Hans" }, fact.label ?? ""),
        el("span", { class: "tile-sum" }, words.brief(fact.yuan)),
      ),
    );
  }

  /** A bar within a cell, as long as its share of the largest. @param {number} part @param {number} largest @param {string} [kind] */
  function bar(part, largest, kind = "") {
    return el(
      "span",
      { class: "bar-cell", "aria-hidden": "true" },
      el("i", { class: kind, style: { width: `${largest > 0 ? Math.max(0, (100 * part) / largest) : 0}%` } }),
    );
  }

  /** Parts of a whole side by side. @param {[string, number][]} parts */
  function shares(parts) {
    return el(
      "span",
      { class: "shares", "aria-hidden": "true" },
      parts.filter(([, n]) => n > 0).map(([kind, n]) => el("i", { class: kind, style: { "flex-grow": n } })),
    );
  }

  return { flows, flow, flowTable, map, bar, shares };
})();
