// Writes the table of error codes into README.md from the one table in crates/core/src/problem.rs.
// `node scripts/error-table.mjs` rewrites it; tests/scripts fails when it is out of date.
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const begin = "<!-- error codes: node scripts/error-table.mjs -->";
const end = "<!-- end of error codes -->";

/** @param {string} source crates/core/src/problem.rs @returns {string} the rows, between the marks */
export function table(source) {
  const rows = [...source.matchAll(/^ {4}\w+ = \("([a-z-]+)", (\d+), (\w+), "([^"]+)"\),$/gm)]
    .map(([, code, status, fault, title]) => `| \`${code}\` | ${status === "0" ? "in the browser" : status} | ${fault.toLowerCase()} | ${title} |`)
    .sort();
  return [begin, "| code | HTTP status | fault | meaning |", "|---|---|---|---|", ...rows, end].join("\n");
}

/** @param {string} readme @param {string} source */
export function written(readme, source) {
  const [from, to] = [readme.indexOf(begin), readme.indexOf(end)];
  if (from < 0 || to < from) throw new Error("README.md has lost the marks around its error codes");
  return readme.slice(0, from) + table(source) + readme.slice(to + end.length);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const readme = new URL("../README.md", import.meta.url);
  const source = readFileSync(new URL("../crates/core/src/problem.rs", import.meta.url), "utf8");
  writeFileSync(readme, written(readFileSync(readme, "utf8"), source));
}
