#!/usr/bin/env node
// Runs every browser test. Sandbox, proxy and widget are built beforehand (scripts/test does that).
import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

if (process.argv.some((argument) => ["--help", "-h"].includes(argument))) {
  console.log(`usage: node tests/e2e/run.mjs [NAME]...

Runs the browser tests whose file names contain one of the NAMEs, or all of them. Needs Chromium, the
programs \`ventanilla\` and \`ventanilla-sandbox\`, and pkg/dist from scripts/package.

  VENTANILLA_BIN_DIR   where the programs are (default: target/debug)
  CHROMIUM             the browser (default: /usr/bin/chromium)`);
  process.exit(0);
}
const here = dirname(fileURLToPath(import.meta.url));
const names = process.argv.slice(2);
const files = readdirSync(here)
  .filter((file) => file.endsWith(".test.mjs") && (names.length === 0 || names.some((name) => file.includes(name))))
  .sort();
// One file at a time: each has a browser, a proxy and a sandbox of its own.
const options = ["--test", "--test-concurrency=1", "--test-reporter=spec", "--test-timeout=600000"];
const { status } = spawnSync(process.execPath, [...options, ...files.map((file) => join(here, file))], { stdio: "inherit" });
process.exit(status ?? 1);
