// Bundles what the explorer uses of its libraries into one classic script, with their licences and a record of the inputs.
import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { build } from "esbuild";

const { metafile } = await build({
  entryPoints: ["d3.entry.js"],
  outfile: "d3.js",
  bundle: true,
  minify: true,
  format: "iife",
  globalName: "d3",
  target: "es2020",
  charset: "utf8",
  legalComments: "none",
  banner: { js: "/* d3-hierarchy, d3-sankey and what they need of D3; licences: LICENSES.txt; built by `make explorer` */" },
  metafile: true,
});

const folders = [...new Set(Object.keys(metafile.inputs).map((path) => /^(?:.*\/)?node_modules\/[^/]+/.exec(path)?.[0]))];
const lock = JSON.parse(readFileSync("package-lock.json", "utf8")).packages;
const used = folders.filter(Boolean).sort();
const licence = (folder) =>
  `${folder.split("node_modules/").pop()} ${lock[folder].version}\n\n${readFileSync(`${folder}/LICENSE`, "utf8").trim()}\n`;
writeFileSync("LICENSES.txt", used.map(licence).join("\n----\n\n"));
const sha256 = createHash("sha256").update(readFileSync("d3.js")).digest("hex");
const packages = Object.fromEntries(used.map((folder) => [folder, { version: lock[folder].version, integrity: lock[folder].integrity }]));
writeFileSync("inputs.json", `${JSON.stringify({ "d3.js": `sha256:${sha256}`, packages }, null, 1)}\n`);
