import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { table, written } from "../../scripts/error-table.mjs";

const read = (path) => readFileSync(new URL(`../../${path}`, import.meta.url), "utf8");

test("the README has a row for every error code, as the code has it", () => {
  const source = read("crates/core/src/problem.rs");
  const codes = source.match(/^ {4}[A-Z]\w+ = \("/gm).length;
  assert.equal(table(source).split("\n").length, codes + 4);
  const readme = read("README.md");
  assert.equal(readme, written(readme, source), "run: node scripts/error-table.mjs");
});

test("a code that the README lacks is noticed", () => {
  const source = read("crates/core/src/problem.rs");
  const more = source.replace("problem_codes! {\n", 'problem_codes! {\n    Other = ("other-code", 400, Buyer, "something else"),\n');
  assert.notEqual(read("README.md"), written(read("README.md"), more));
});
