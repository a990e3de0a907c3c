// The last step of scripts/package: from wasm-bindgen's output to pkg/dist.

import { createHash } from "node:crypto";
import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { brotliCompressSync, constants } from "node:zlib";
import { build, transform } from "esbuild";

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
  return entry;
}

async function bundle(entry, options = {}) {
  const result = await build({
    entryPoints: [resolve(root, "pkg", entry)],
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

/** wasm-bindgen's output for a module, in the names that the optimiser gave to imports and exports. */
async function renamed(text, name) {
  const { imports, exports } = JSON.parse(await readFile(join(work, `${name}.wasm.names`), "utf8"));
  if (imports.length === 0) return text;
  const given = new Map([...imports.map(([, long, short]) => [long, short]), ...exports]);
  const used = new Set();
  const place = /(?<=\bwasm\.)\w+|(?<=^ {8})\w+(?=: function)/gm;
  const result = text.replace(`"${imports[0][0]}": import0`, "a: import0").replace(place, (long) => {
    used.add(long);
    return given.get(long) ?? long;
  });
  const missed = imports.filter(([, long]) => !used.has(long));
  if (missed.length) throw new Error(`bindgen/${name}.js: expected to find ${missed.map(([, long]) => long).join(", ")}`);
  return result;
}

// wasm-bindgen's output finds its .wasm beside itself by import.meta.url. Ours is always handed the answer
// of a fetch against a pin, so that path goes; if the generator changes shape, the build stops here.
const withoutDefaultPath = {
  name: "without-default-path",
  setup(builds) {
    builds.onLoad({ filter: /[\\/]bindgen[\\/]\w+\.js$/ }, async ({ path }) => {
      const text = await readFile(path, "utf8");
      const pattern = /module_or_path = new URL\([^)]*import\.meta\.url\);/;
      const started = text.replace(pattern, 'throw new Error("started without its WebAssembly");');
      if (started === text || started.includes("import.meta")) {
        throw new Error(`${path}: expected one default path by import.meta.url, found another shape`);
      }
      return { contents: await renamed(started, basename(path, ".js")) };
    });
  },
};

// Each module has bindings of its own, in a scope of its own: alike as they are, together they are hardly
// more to download than one, and the frame's policy has room for one script.
const bindings = await Promise.all(
  names.map(async (name) => {
    const options = { plugins: [withoutDefaultPath], globalName: "bindings" };
    const text = await bundle(join(work, `bindgen/${name}.js`), options);
    return `${name}() {\n${text}\nreturn bindings;\n}`;
  }),
);
const modules = {
  name: "modules",
  setup(builds) {
    builds.onResolve({ filter: /^modules$/ }, () => ({ path: "modules", namespace: "modules" }));
    builds.onLoad({ filter: /^modules$/, namespace: "modules" }, () => ({
      contents: `export const modules = { ${bindings.join(",\n")} };`,
    }));
  },
};

const wasm = {};
for (const name of names) {
  const purpose = name === "all" ? "the widget with every rail, for sessions that offer several" : `the widget with the rail ${name}`;
  wasm[name] = add(`ventanilla-${name}`, "wasm", await readFile(join(work, `${name}.wasm`)), purpose);
}

// What reads wallet codes. The glue pins both; nothing fetches them before a buyer turns to the camera or to a picture.
const bindgenReader = {
  name: "bindgen-reader",
  setup(builds) {
    builds.onResolve({ filter: /^bindgen-reader$/ }, () => ({ path: join(work, "bindgen/reader.js") }));
  },
};
const decoder = {
  wasm: add("reader", "wasm", await readFile(join(work, "reader.wasm")), "the decoder of wallet codes"),
  worker: add(
    "reader",
    "js",
    await bundle("reader-worker.js", { plugins: [bindgenReader, withoutDefaultPath] }),
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

// A language's file has a line for each text, in the order in which src/locale reads them.
const locales = join(root, "src/locale");
const source = await readFile(join(locales, "mod.rs"), "utf8");
const order = /^texts! \{$([^]*?)^\}$/m.exec(source)[1].match(/^ {4}\w+$/gm).map((name) => name.trim());
const listed = await readFile(join(locales, "languages/mod.rs"), "utf8");
const languages = {};
for (const [, name] of listed.matchAll(/&(\w+)::TEXTS/g)) {
  const written = await readFile(join(locales, `languages/${name}.rs`), "utf8");
  const texts = new Map(Array.from(written.matchAll(/^ {4}(\w+): (".*"),$/gm), ([, key, text]) => [key, JSON.parse(text)]));
  const lines = order.map((key) => texts.get(key));
  if (texts.size !== order.length || !lines.every((line) => line && !line.includes("\n"))) {
    throw new Error(`src/locale/languages/${name}.rs: expected one line for each of the ${order.length} texts`);
  }
  languages[texts.get("tag")] = add(texts.get("tag"), "txt", lines.join("\n"), `the widget's texts in ${texts.get("tag")}`);
}

const short = ({ file, integrity }) => ({ file, integrity });
const languagePins = Object.fromEntries(Object.entries(languages).map(([tag, entry]) => [tag, short(entry)]));
const wasmPins = Object.fromEntries(names.map((name) => [name, short(wasm[name])]));
const readerPins = { worker: short(decoder.worker), wasm: short(decoder.wasm) };
const glue = add(
  "glue",
  "js",
  await bundle("glue.js", {
    plugins: [modules],
    define: { __PINS__: JSON.stringify({ modules: wasmPins, languages: languagePins, css: short(css), reader: readerPins }) },
    globalName: global,
  }),
  "JavaScript side of the WebAssembly; runs in the frame, or inline in the shop's page",
);

// The loader pins the glue, and the glue pins the rest: a page that pins the loader pins everything.
const pins = { release, global, glue: short(glue) };
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
    define: { __PINS__: JSON.stringify({ global, glue: short(glue), modules: wasmPins }) },
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
  languages: Object.fromEntries(Object.entries(languages).map(([tag, { file }]) => [tag, file])),
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
