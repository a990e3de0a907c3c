// The last step of scripts/package: from wasm-bindgen's output to pkg/dist.

import { createHash } from "node:crypto";
import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { brotliCompressSync, constants } from "node:zlib";
import { build, transform } from "esbuild";
import { shareBindings } from "./bindings.mjs";

const root = resolve(dirname(fileURLToPath(import.meta.url)), "..");
const given = process.argv.slice(2);
const dev = given[0] === "--dev";
const [work, ...names] = given.slice(dev ? 1 : 0);
const target = ["chrome111", "firefox116", "safari16.4"];

const { version: release } = JSON.parse(await readFile(join(root, "pkg/package.json"), "utf8"));
const global = `__ventanilla_${release.replace(/\W/g, "_")}`;

const files = [];
const pin = (bytes, algorithm = "sha384") =>
  `${algorithm}-${createHash(algorithm).update(bytes).digest("base64")}`;

/** Adds a file of the release under a name with its hash. */
function add(stem, extension, contents, purpose) {
  const bytes = Buffer.from(contents);
  const hash = createHash("sha256").update(bytes).digest("hex").slice(0, 16);
  const file = `${stem}.${hash}.${extension}`;
  return addNamed(file, bytes, purpose);
}

function addNamed(file, contents, purpose) {
  const bytes = Buffer.from(contents);
  const compressed = brotliCompressSync(bytes, {
    params: {
      [constants.BROTLI_PARAM_QUALITY]: dev ? 5 : 11,
      [constants.BROTLI_PARAM_LGWIN]: 24,
      [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length,
    },
  });
  const entry = { file, integrity: pin(bytes), bytes: bytes.length, bytes_br: compressed.length, purpose };
  files.push({ entry, bytes, compressed });
  return { file, integrity: entry.integrity, pin: createHash("sha256").update(bytes).digest("base64") };
}

/**
 * Nearly all of what runs at the start of a page is called at once. Chromium, told so, reads each function once instead of
 * twice, and does that beside the page where the script is a file.
 */
const AT_ONCE = { js: "//# allFunctionsCalledOnLoad" };

async function bundle(entry, options = {}) {
  const result = await build({
    entryPoints: entry && [resolve(root, "pkg", entry)],
    absWorkingDir: root,
    bundle: true,
    format: "iife",
    minify: !dev,
    charset: "utf8",
    legalComments: "none",
    target,
    write: false,
    ...options,
  });
  return result.outputFiles[0].text;
}

// wasm-bindgen's output finds its .wasm beside itself by import.meta.url. Ours is always handed what was
// fetched against a pin, so that path goes; if the generator changes shape, the build stops here.
function withoutDefaultPath(path, text) {
  const pattern = /module_or_path = new URL\([^)]*import\.meta\.url\);/;
  const started = text.replace(pattern, 'throw new Error("started without its WebAssembly");');
  if (started === text || started.includes("import.meta")) {
    throw new Error(`${path}: expected one default path by import.meta.url, found another shape`);
  }
  return started;
}

const bindgen = join(work, "bindgen");
const shared = await shareBindings(bindgen, names);
const readerBindings = await shareBindings(bindgen, ["reader"], "reader");

/** Of what wasm-bindgen writes only these: its own ways of fetching and compiling are not for files with pins. */
const bindingsAs = (name, path, script) => ({
  name,
  setup(builds) {
    const filter = new RegExp(`^${name}$`);
    builds.onResolve({ filter }, () => ({ path: name, namespace: name }));
    builds.onLoad({ filter, namespace: name }, () => ({ contents: withoutDefaultPath(path, script), resolveDir: bindgen }));
  },
});

// A module's bindings live in a scope of its own, with its memory: they are made anew for each that starts.
const inOneScope = await bundle(undefined, {
  plugins: [bindingsAs("bindings", "bindgen/all.js", shared.script)],
  globalName: "bindings",
  stdin: { contents: 'export { initSync, mount } from "bindings";', resolveDir: root },
});
const modules = {
  name: "modules",
  setup(builds) {
    builds.onResolve({ filter: /^modules$/ }, () => ({ path: "modules", namespace: "modules" }));
    builds.onLoad({ filter: /^modules$/, namespace: "modules" }, () => ({
      contents: `export function bindings() {\n${inOneScope}\nreturn bindings;\n}`,
    }));
  },
};

const wasm = {};
for (const name of names) {
  const purpose = name === "all" ? "the widget with every rail, for sessions that offer several" : `the widget with the rail ${name}`;
  wasm[name] = add(`ventanilla-${name}`, "wasm", shared.module(name, await readFile(join(work, `${name}.wasm`))), purpose);
}

// What reads wallet codes. The glue pins both; nothing fetches them before a buyer turns to the camera or to a picture.
const decoder = {
  wasm: add("reader", "wasm", readerBindings.module("reader", await readFile(join(work, "reader.wasm"))), "the decoder of wallet codes"),
  worker: add(
    "reader",
    "js",
    await bundle("reader-worker.js", { plugins: [bindingsAs("bindgen-reader", "bindgen/reader.js", readerBindings.script)] }),
    "JavaScript side of the decoder; runs in a worker of the frame that scans",
  ),
};

// The widget's own before the rails', which build on it.
const sheets = (await readdir(join(root, "src"), { recursive: true }))
  .filter((name) => name.endsWith(".css"))
  .sort((a, b) => Number(a.startsWith("rails")) - Number(b.startsWith("rails")) || (a < b ? -1 : 1));
const widgetCss = (await Promise.all(sheets.map((sheet) => readFile(join(root, "src", sheet), "utf8")))).join("\n");
const minifyCss = async (text) => (await transform(text, { loader: "css", minify: !dev, target })).code.trim();
const css = add("style", "css", await minifyCss(widgetCss), "the widget's styles, inline mode only");

// A language's file has a line for each text, in the order in which src/locale reads them: an empty one for what only
// other rails say.
const locales = join(root, "src/locale");
const source = await readFile(join(locales, "mod.rs"), "utf8");
const order = /^texts! \{$([^]*?)^\}$/m.exec(source)[1].match(/^ {4}\w+$/gm).map((name) => name.trim());
const sayers = await readSayers();
const said = new Map(order.map((text) => [text, railsThatSay(text)]));

async function readSayers() {
  const sources = (await readdir(join(root, "src"), { recursive: true })).filter((name) => name.endsWith(".rs") && !name.includes("languages/"));
  return Promise.all(
    sources.map(async (name) => {
      const text = await readFile(join(root, "src", name), "utf8");
      // Each is compiled for one rail alone, or never runs in a module without it.
      const rail = /^rails\/(\w+)\//.exec(name)?.[1] ?? { "checkout/payable.rs": "cvu", "checkout/financing.rs": "flexiti" }[name];
      return { rail, names: new Set(Array.from(text.split("#[cfg(test)]\nmod tests")[0].matchAll(/\.(\w+)/g), ([, found]) => found)) };
    }),
  );
}

/** The modules in which a text can come before the buyer: those of the rails whose sources name it, or every one. */
function railsThatSay(text) {
  const rails = sayers.filter(({ names }) => names.has(text)).map(({ rail }) => rail);
  if (rails.length === 0) throw new Error(`src/locale/mod.rs: nothing says the text ${text}`);
  return rails.includes(undefined) ? names : ["all", ...rails];
}

const listed = await readFile(join(locales, "languages/mod.rs"), "utf8");
const languages = {};
for (const [, name] of listed.matchAll(/&(\w+)::TEXTS/g)) {
  const written = await readFile(join(locales, `languages/${name}.rs`), "utf8");
  const texts = new Map(Array.from(written.matchAll(/^ {4}(\w+): (".*"),$/gm), ([, key, text]) => [key, JSON.parse(text)]));
  if (texts.size !== order.length || !order.every((key) => texts.get(key) && !texts.get(key).includes("\n"))) {
    throw new Error(`src/locale/languages/${name}.rs: expected one line for each of the ${order.length} texts`);
  }
  const tag = texts.get("tag");
  languages[tag] = {};
  for (const module of names) {
    const lines = order.map((key) => (said.get(key).includes(module) ? texts.get(key) : ""));
    languages[tag][module] = add(`${tag}-${module}`, "txt", lines.join("\n"), `the texts of the module ${module} in ${tag}`);
  }
}

const mapped = (from, to) => Object.fromEntries(Object.entries(from).map(([name, entry]) => [name, to(entry)]));
const short = ({ file, integrity }) => ({ file, integrity });
const wasmPins = mapped(wasm, ({ pin }) => pin);
const languagePins = mapped(languages, (modules) => mapped(modules, ({ pin }) => pin));
const readerPins = mapped(decoder, short);
const script = { plugins: [modules], globalName: global, banner: AT_ONCE };
const glue = add(
  "glue",
  "js",
  await bundle("glue.js", { ...script, define: { __READER__: JSON.stringify(readerPins) } }),
  "JavaScript side of the WebAssembly, in the frame",
);
const inlinePins = { modules: wasmPins, languages: languagePins, css: css.pin };
const inline = add(
  "inline",
  "js",
  await bundle("inline.js", { ...script, define: { __READER__: JSON.stringify(readerPins), __PINS__: JSON.stringify(inlinePins) } }),
  "JavaScript side of the WebAssembly, inline in the shop's page",
);

// The loader pins what runs inline, and that pins the rest: a page that pins the loader pins everything. A frame's
// document pins what it runs.
const pins = { release, global, inline: short(inline) };
const pinsModule = `// Written by scripts/package: what belongs to this release.\nexport const pins = ${JSON.stringify(pins, null, 2)};\n`;

const dist = join(root, "pkg/dist");

// The loader carries the pins it is built with, not those of the build before.
const pinsOfThisBuild = {
  name: "pins",
  setup(builds) {
    builds.onLoad({ filter: /[\\/]dist[\\/]pins\.js$/ }, () => ({ contents: pinsModule }));
    builds.onResolve({ filter: /\/dist\/pins\.js$/ }, () => ({ path: join(dist, "pins.js") }));
  },
};
const loader = add(
  "ventanilla",
  "js",
  await bundle("index.js", { plugins: [pinsOfThisBuild] }),
  "loader: registers <ventanilla-checkout> in the shop's page",
);

const style = await minifyCss(`${await readFile(join(root, "pkg/frame.css"), "utf8")}\n${widgetCss}`);
const boot = (
  await bundle("frame-boot.js", {
    banner: AT_ONCE,
    define: { __PINS__: JSON.stringify({ global, glue: short(glue), modules: wasmPins, languages: languagePins }) },
  })
).trim();
if (/<\/(script|style)|<!--/i.test(boot + style)) throw new Error("boot script or styles would end their own tag");
const template = await readFile(join(root, "pkg/frame.html"), "utf8");
const frame = template
  .replace("/* styles */", () => style)
  .replace("/* boot */", () => boot)
  .replace("{{glue.file}}", glue.file)
  .replace("{{glue.integrity}}", glue.integrity)
  .replace(/>\n\s*</g, "><");
addNamed("frame.html", frame, "frame document: styles, skeleton, handshake with the shop's page");

const manifest = {
  release,
  loader: loader.file,
  glue: glue.file,
  wasm: Object.fromEntries(names.map((name) => [name, wasm[name].file])),
  inline: inline.file,
  languages: mapped(languages, (modules) => mapped(modules, ({ file }) => file)),
  css: css.file,
  reader: { wasm: decoder.wasm.file, worker: decoder.worker.file },
  frame: "frame.html",
  script_hashes: [pin(boot, "sha256"), glue.integrity],
  style_hashes: [pin(style, "sha256")],
  files: files.map(({ entry }) => entry),
};

await rm(dist, { recursive: true, force: true });
await mkdir(dist, { recursive: true });
await writeFile(join(dist, "pins.js"), pinsModule);
await writeFile(join(dist, "manifest.json"), `${JSON.stringify(manifest, null, 2)}\n`);
for (const { entry, bytes, compressed } of files) {
  await writeFile(join(dist, entry.file), bytes);
  await writeFile(join(dist, `${entry.file}.br`), compressed);
}

for (const { bytes, bytes_br, file } of manifest.files) {
  console.log(`${String(bytes).padStart(8)} bytes ${String(bytes_br).padStart(7)} brotli  pkg/dist/${file}`);
}
