// What reads a wallet code how well and how fast. scripts/bench-reader builds, and runs this.

import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { dirname, join } from "node:path";
import { build } from "esbuild";
import { CONDITIONS, HEIGHT, WIDTH, frame, random } from "../tests/e2e/frames.mjs";
import { dist, launch, listen, manifest, root } from "../tests/e2e/harness.mjs";

const [report, perCase] = [process.argv[2], Number(process.argv[3] ?? 12)];
/** Made up, in the two shapes that codes of wallets have. */
const PAYLOADS = [
  "00020101021143650016com.mercadolibre020130636f1e2d3c4-b5a6-4798-8a9b-0c1d2e3f405152045499530348454061250.505802MX5911Cafe Centro6004CDMX62230519FAC0000120261120XXX6304A1B2",
  "Zm9vK2Jhci9iYXo5MDIxNDUyMzY3ODkwMTIzNDU2Nzg5MDEyMzQ1Njc4OTA9",
];

const files = manifest();
const brotli = (file) => readFileSync(join(dist, `${file}.br`)).length;
const pinOf = (file) => files.files.find((entry) => entry.file === file);
const pins = { wasm: pinOf(files.reader.wasm), worker: pinOf(files.reader.worker) };

const script = async (contents) =>
  (await build({ stdin: { contents, resolveDir: root }, bundle: true, format: "iife", minify: true, write: false }))
    .outputFiles[0].text;
const page = await script(
  `import jsQR from "jsqr"; import { openReader } from "./pkg/reader.js"; Object.assign(globalThis, { jsQR, openReader });`,
);
const jsqrAlone = await script(`import jsQR from "jsqr"; globalThis.jsQR = jsQR;`);

// The policy of the frame that scans, but for what the measuring itself needs.
const POLICY =
  "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; connect-src 'self'; worker-src blob:; " +
  "require-trusted-types-for 'script'; trusted-types ventanilla-reader";
const TYPES = { js: "text/javascript", wasm: "application/wasm" };
const server = await listen((request, response) => {
  const { pathname } = new URL(request.url, "http://page");
  const send = (type, body) => response.writeHead(200, { "Content-Type": type, "Content-Security-Policy": POLICY }).end(body);
  if (pathname === "/") send("text/html", '<!doctype html><meta charset="utf-8"><script src="/page.js"></script>');
  else if (pathname === "/page.js") send("text/javascript", page);
  else if (pathname.startsWith("/assets/")) send(TYPES[pathname.split(".").pop()], readFileSync(join(dist, pathname.slice(8))));
  else response.writeHead(404).end();
});

const browser = await launch();
const tab = await browser.newPage();
await tab.goto(`http://localhost:${server.port}/`);
const version = browser.version();

const READERS = ["native", "ours", "jsqr"];
const present = await tab.evaluate(async (pins) => {
  const native = !!globalThis.BarcodeDetector && (await BarcodeDetector.getSupportedFormats()).includes("qr_code");
  globalThis.native = native && new BarcodeDetector({ formats: ["qr_code"] });
  const from = performance.now();
  globalThis.ours = await openReader(pins, location.origin, false);
  return { native, opened: performance.now() - from };
}, pins);

const results = [];
for (const condition of CONDITIONS) {
  const row = { condition, frames: 0, ...Object.fromEntries(READERS.map((name) => [name, { read: 0, wrong: 0, times: [] }])) };
  for (const [which, text] of PAYLOADS.entries()) {
    const chance = random(20261120 + which * 1000 + CONDITIONS.indexOf(condition));
    for (let at = 0; at < perCase; at += 1) {
      row.frames += 1;
      const grey = Buffer.from(frame(text, condition, chance)).toString("base64");
      const found = await tab.evaluate(readByAll, { grey, width: WIDTH, height: HEIGHT });
      for (const name of READERS) {
        if (!found[name]) continue;
        row[name].times.push(found[name].ms);
        if (found[name].text === text) row[name].read += 1;
        else if (found[name].text) row[name].wrong += 1;
      }
    }
  }
  results.push(row);
  console.log(condition, READERS.map((name) => `${name} ${row[name].read}/${row.frames} ${mean(row[name].times).toFixed(1)} ms`).join(", "));
}
await browser.close();
await server.close();

async function readByAll({ grey, width, height }) {
  const bytes = Uint8Array.from(atob(grey), (character) => character.charCodeAt(0));
  const picture = () => {
    const made = new ImageData(width, height);
    bytes.forEach((value, at) => made.data.set([value, value, value, 255], at * 4));
    return made;
  };
  const timed = async (read) => {
    const given = picture();
    const from = performance.now();
    const text = (await read(given)) || null;
    return { text, ms: performance.now() - from };
  };
  return {
    native: globalThis.native && (await timed(async (given) => (await globalThis.native.detect(given))[0]?.rawValue)),
    ours: await timed((given) => globalThis.ours.read(given)),
    jsqr: await timed(({ data }) => jsQR(data, width, height)?.data),
  };
}

function mean(numbers) {
  return numbers.reduce((sum, number) => sum + number, 0) / (numbers.length || 1);
}

function p95(numbers) {
  return [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length * 0.95)] ?? 0;
}

const all = (name) => results.flatMap((row) => row[name].times);
const wrong = (name) => results.reduce((sum, row) => sum + row[name].wrong, 0);
const total = (name) => results.reduce((sum, row) => sum + row[name].read, 0);
const frames = results.reduce((sum, row) => sum + row.frames, 0);
const cell = (row, name) => (name === "native" && !present.native ? "n/a" : `${row[name].read} of ${row.frames}`);
const ms = (name, of) => (name === "native" && !present.native ? "n/a" : `${of(all(name)).toFixed(1)} ms`);
const line = (first, make) => `| ${first} | ${READERS.map(make).join(" | ")} |`;
const kB = (bytes) => `${(bytes / 1000).toFixed(1)} kB`;
const { brotliCompressSync } = await import("node:zlib");

const text = `# Reading wallet codes

\`scripts/bench-reader\` wrote this page from its run of ${new Date().toISOString().slice(0, 10)}.

| frames read | the browser's \`BarcodeDetector\` | Ventanilla's decoder | \`jsqr\` 1.4.0 |
| --- | --: | --: | --: |
${results.map((row) => line(row.condition, (name) => cell(row, name))).join("\n")}
${line("**all**", (name) => (name === "native" && !present.native ? "n/a" : `**${total(name)} of ${frames}**`))}
${line("read wrongly", (name) => (name === "native" && !present.native ? "n/a" : wrong(name)))}
${line("mean per frame", (name) => ms(name, mean))}
${line("p95 per frame", (name) => ms(name, p95))}
| downloaded, brotli | nothing | ${kB(brotli(files.reader.wasm) + brotli(files.reader.worker))} | ${kB(brotliCompressSync(jsqrAlone).length)} |
${present.native ? "" : "\nChromium has no `BarcodeDetector` on this system (it has one on Android, ChromeOS and macOS), so its column is empty.\n"}
## How it is measured

- Chromium ${version}, headless, ${cpus().length} cores (${cpus()[0].model.trim()}). All readers see the same frame one after the other, in one page.
- ${frames} frames of ${WIDTH} by ${HEIGHT} pixels, drawn by \`tests/e2e/frames.mjs\` from fixed seeds: ${perCase} of each kind for each of two
  texts, of ${PAYLOADS[0].length} and ${PAYLOADS[1].length} characters, with error correction M. "combined" is turned, slanted, blurred, grainy and under a lamp at once.
- Ventanilla's decoder is the file that buyers get, in its worker, under the policy of the frame that scans; its times include
  the way to the worker and back. Fetching, compiling and starting it took ${present.opened.toFixed(0)} ms over loopback. \`jsqr\` runs in the page itself
  and blocks it meanwhile; it is asked as it is asked by default, dark on light and light on dark.
`;
mkdirSync(dirname(report), { recursive: true });
writeFileSync(report, text);
console.log(`wrote ${report}`);
