// Who may depend on whom, and what must not appear where. `node scripts/directions.mjs` exits with 1
// and one line per violation; tests/scripts shows that it notices.
import { execFileSync } from "node:child_process";
import { readFileSync, readdirSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";

/** What each package may depend on among ours; `dev` for its tests only. */
const OURS = {
  "ventanilla-core": { normal: [], dev: [] },
  "ventanilla-providers": { normal: ["ventanilla-core"], dev: [] },
  // Never providers, not even in tests: a misspelt field would be wrong on both sides, and every test would pass.
  "ventanilla-sandbox": { normal: ["ventanilla-core"], dev: [] },
  "ventanilla-proxy": { normal: ["ventanilla-core", "ventanilla-providers"], dev: ["ventanilla-sandbox", "ventanilla-testbed"] },
  // Stands on no other package: it is what tests of all of them stand on.
  "ventanilla-testbed": { normal: [], dev: [] },
  // Neither the proxy nor its clients: it sees what a shop, a browser and a provider see.
  "ventanilla-campaign": { normal: ["ventanilla-core", "ventanilla-sandbox", "ventanilla-testbed"], dev: [] },
  // For scripts/bench alone: sealing as the widget does it.
  "ventanilla-bench": { normal: ["ventanilla-core"], dev: [] },
  // A program of its own, which knows pixels and nothing of payments.
  "ventanilla-reader": { normal: [], dev: [] },
  ventanilla: { normal: ["ventanilla-core"], dev: ["ventanilla-proxy", "ventanilla-sandbox", "ventanilla-testbed"] },
};

/** Everything `core` may use: nothing here reads a clock, a file, a socket or a random device. */
const CORE_MAY_USE = ["aes", "base64", "ctr", "serde", "sha2", "zeroize"];

/** What `core` may use behind its feature `openapi`, and who may turn that on: never what a browser gets. */
const CORE_MAY_OFFER = ["utoipa"];
const MAY_TURN_ON = ["ventanilla-proxy"];

/** [where, where not, pattern, what is wrong] */
const TEXT_RULES = [
  [/^crates\/core\/src\//, null, /\bextern\s+crate\s+std\b|\bstd::/, "core is no_std: no clock, file or socket"],
  [/^crates\/(core|providers|proxy)\/src\/|^src\//, null, /\bRsaPrivateKey\b|\bDecryptingKey\b|\bSigningKey\b/, "private-key operations belong in the sandbox only"],
  [/^src\//, null, /\binner_html\b|\bset_inner_html\b|\binsert_adjacent_html\b|\bview!\s*[{[(]/, "Trusted Types refuses markup from strings"],
  [/^pkg\/.*\.js$/, /^pkg\/dist\//, /\bpostMessage\([^)]*["']\*["']/, "a message needs an exact target origin"],
  [/^(crates\/(core|providers|proxy)\/src|src)\//, null, /\bMath::random\b|\bthread_rng\b/, "randomness is a parameter or the operating system's"],
];

/**
 * @param {{name: string, dependencies: {name: string, kind: string | null, optional?: boolean, features?: string[]}[]}[]} packages
 * @param {{path: string, text: string}[]} files
 * @returns {string[]} one line per violation
 */
export function violations(packages, files) {
  const found = [];
  for (const { name, dependencies } of packages) {
    const rule = OURS[name];
    if (!rule) {
      found.push(`${name}: a package that scripts/directions.mjs does not know`);
      continue;
    }
    for (const { name: used, kind, optional = false, features = [] } of dependencies) {
      const ours = used in OURS;
      const allowed = kind === "dev" ? [...rule.normal, ...rule.dev] : rule.normal;
      if (ours && !allowed.includes(used)) found.push(`${name} must not depend on ${used}${kind ? ` (${kind})` : ""}`);
      const offered = optional && CORE_MAY_OFFER.includes(used);
      if (name === "ventanilla-core" && !ours && kind !== "dev" && !offered && !CORE_MAY_USE.includes(used)) {
        found.push(`${name} must not depend on ${used}: core takes time, randomness and keys as parameters`);
      }
      if (used === "ventanilla-core" && features.length && !MAY_TURN_ON.includes(name)) {
        found.push(`${name} must not turn on ${features.join(", ")} of ${used}`);
      }
    }
  }
  const core = files.find(({ path }) => path === "crates/core/src/lib.rs");
  if (core && !/^#!\[no_std\]$/m.test(core.text)) found.push("crates/core/src/lib.rs: #![no_std] is the fence and must stay");
  for (const { path, text } of files) {
    for (const [where, except, pattern, why] of TEXT_RULES) {
      if (!where.test(path) || except?.test(path)) continue;
      text.split("\n").forEach((line, index) => {
        if (!/^\s*\/\//.test(line) && pattern.test(line)) found.push(`${path}:${index + 1}: ${why}`);
      });
    }
  }
  return found;
}

function sources(root, folder) {
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return ["node_modules", "dist", "target"].includes(entry.name) ? [] : sources(root, path);
    if (!/\.(rs|js)$/.test(entry.name)) return [];
    return [{ path: relative(root, join(root, path)), text: readFileSync(join(root, path), "utf8") }];
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const root = resolve(fileURLToPath(import.meta.url), "../..");
  const metadata = JSON.parse(
    execFileSync("cargo", ["metadata", "--format-version", "1", "--no-deps", "--locked"], { cwd: root, maxBuffer: 1 << 26 }),
  );
  const found = violations(metadata.packages, ["crates", "src", "pkg"].flatMap((folder) => sources(root, folder)));
  for (const line of found) console.error(line);
  process.exitCode = found.length ? 1 : 0;
}
