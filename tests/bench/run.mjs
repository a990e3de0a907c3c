// Measures one part and writes the report with it. scripts/bench builds, and runs this.
//
//   node tests/bench/run.mjs widget REPORT RUNS
//   node tests/bench/run.mjs proxy REPORT LOAD.json

import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { cpus, totalmem } from "node:os";
import { dirname } from "node:path";
import { measureEncryption } from "./encryption.mjs";
import { measureForms } from "./forms.mjs";
import { named } from "./figures.mjs";
import { write } from "./report.mjs";

const [part, report, given] = process.argv.slice(2);
const machine = () => ({
  day: new Date().toISOString().slice(0, 10),
  cores: cpus().length,
  processor: cpus()[0].model.trim(),
  memory_gib: Math.round(totalmem() / 2 ** 30),
});
const live = process.stderr.isTTY;
const tell = (what) => process.stderr.write(live ? `\r\x1b[K  ${what}` : `  ${what}\n`);

const measure = {
  async widget() {
    const runs = Number(given);
    const forms = await measureForms(runs, tell);
    tell("encryption");
    return { runs, ...forms, encryption: await measureEncryption(tell) };
  },
  proxy: () => JSON.parse(readFileSync(given, "utf8")),
}[part];

const before = existsSync(`${report}.json`) ? JSON.parse(readFileSync(`${report}.json`, "utf8")).measured : {};
const measured = { ...before, [part]: { machine: machine(), ...(await measure()) } };
if (live) process.stderr.write("\r\x1b[K");
mkdirSync(dirname(report), { recursive: true });
writeFileSync(`${report}.json`, `${JSON.stringify({ figures: named(measured), measured }, null, 2)}\n`);
write(report, measured);
console.log(`wrote ${report}.md, ${report}.json and the plots beside them`);
