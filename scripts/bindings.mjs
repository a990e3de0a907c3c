// What wasm-bindgen writes for the modules, made one.
//
// Each module imports some of what the one with every rail imports, by names that are the same everywhere; only casts are
// numbered in each, and the functions by which closures are called have a name of their own. Both are known by what is
// cast. With short names given out once for all modules, one script serves them, and they are downloaded as one.

import { readFile } from "node:fs/promises";

const [IMPORT, EXPORT] = [2, 7];

/**
 * Reads what wasm-bindgen wrote, `bindgen/NAME.js`, for each of `names`; `whole` is the one that has it all.
 *
 * @returns {Promise<{script: string, module: (name: string, bytes: Buffer) => Buffer}>} the script for all of them, and
 *   what gives a module's imports and exports the names that are used there
 */
export async function shareBindings(folder, names, whole = "all") {
  const texts = Object.fromEntries(await Promise.all(names.map(async (name) => [name, await readFile(`${folder}/${name}.js`, "utf8")])));
  const casts = Object.fromEntries(names.map((name) => [name, castsOf(texts[name])]));
  const shared = importsOf(texts[whole]);
  const short = new Map();
  const give = (long) => short.get(long) ?? short.set(long, word(short.size)).get(long);

  /** The name that the shared script has for a name of a module. */
  function known(name) {
    const theirs = new Map([...casts[name]].flatMap(([cast, known]) => known.map((long, index) => [long, casts[whole].get(cast)?.[index]])));
    return (long) => theirs.get(long) ?? long;
  }
  for (const name of names) {
    const toShared = known(name);
    for (const [long, text] of importsOf(texts[name])) {
      const same = text.replace(/\bwasm_bindgen__\w+/g, toShared);
      if (shared.get(toShared(long)) !== same) throw new Error(`bindgen/${name}.js: expected ${long} as in ${whole}.js, found ${text}`);
    }
  }

  const place = /(?<=\bwasm\.)\w+|(?<=^ {8})\w+(?=: function)/gm;
  const [, from] = /"(\.\/\w+_bg\.js)": import0/.exec(texts[whole]);
  const script = texts[whole].replace(`"${from}": import0`, "a: import0").replace(place, give);
  const module = (name, bytes) => {
    const toShared = known(name);
    return renamed(bytes, {
      imported(long) {
        if (!shared.has(toShared(long))) throw new Error(`bindgen/${name}.js: expected a function ${long} in the import object`);
        return give(toShared(long));
      },
      exported: (long) => give(toShared(long)),
    });
  };
  return { script, module };
}

/** The functions of the import object, by name: their text, without what differs from module to module. */
const importsOf = (text) =>
  new Map(Array.from(text.matchAll(/^ {8}(\w+): (function[^]*?^ {8}\}(?:, arguments\); \})?),$/gm), ([, name, body]) => [name, body.replace(/shim_idx: \d+/g, "")]));

/** By what is cast: the import that does it, and of a closure the export that calls it. */
function castsOf(text) {
  const place = /^ {8}(\w+): function[^\n]*\n\s*\/\/ Cast intrinsic for `(.*)`\.\n.*?(wasm_bindgen__\w+|$)/gm;
  const casts = Array.from(text.matchAll(place), ([, name, cast, invoke]) => [cast.replace(/shim_idx: \d+/g, ""), [name, invoke].filter(Boolean)]);
  const found = new Map(casts);
  if (found.size !== casts.length) throw new Error("two casts look the same from outside");
  return found;
}

/** a, b, … z, A, … Z, aa, …: a name that stands for a number. */
function word(number) {
  const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
  const rest = Math.floor(number / letters.length);
  return (rest ? word(rest - 1) : "") + letters[number % letters.length];
}

/** A WebAssembly module with its imports, all of a module `a`, and its exports under other names. */
function renamed(bytes, rename) {
  const parts = [bytes.subarray(0, 8)];
  for (let at = 8; at < bytes.length; ) {
    const start = at;
    const id = bytes[at];
    const size = number(bytes, at + 1);
    const end = size.next + size.value;
    if (id === IMPORT || id === EXPORT) {
      const body = id === IMPORT ? imports(bytes, size.next, rename.imported) : exports(bytes, size.next, rename.exported);
      parts.push(Buffer.from([id]), encoded(body.length), body);
    } else {
      parts.push(bytes.subarray(start, end));
    }
    at = end;
  }
  return Buffer.concat(parts);
}

function imports(bytes, start, rename) {
  const count = number(bytes, start);
  const parts = [encoded(count.value)];
  let at = count.next;
  for (let left = count.value; left > 0; left -= 1) {
    const field = text(bytes, text(bytes, at).next);
    // wasm-bindgen imports nothing but functions: a kind, and a type by its number.
    if (bytes[field.next] !== 0) throw new Error(`the import ${field.value} is no function`);
    const { next } = number(bytes, field.next + 1);
    parts.push(named("a"), named(rename(field.value)), bytes.subarray(field.next, next));
    at = next;
  }
  return Buffer.concat(parts);
}

function exports(bytes, start, rename) {
  const count = number(bytes, start);
  const parts = [encoded(count.value)];
  let at = count.next;
  for (let left = count.value; left > 0; left -= 1) {
    const field = text(bytes, at);
    const { next } = number(bytes, field.next + 1);
    parts.push(named(rename(field.value)), bytes.subarray(field.next, next));
    at = next;
  }
  return Buffer.concat(parts);
}

function number(bytes, at) {
  let value = 0;
  for (let shift = 0; ; shift += 7, at += 1) {
    value += (bytes[at] & 127) * 2 ** shift;
    if (bytes[at] < 128) return { value, next: at + 1 };
  }
}

function text(bytes, at) {
  const { value, next } = number(bytes, at);
  return { value: bytes.toString("utf8", next, next + value), next: next + value };
}

function encoded(value) {
  const out = [];
  for (; value > 127; value = Math.floor(value / 128)) out.push((value % 128) | 128);
  return Buffer.from([...out, value]);
}

const named = (name) => Buffer.concat([encoded(Buffer.byteLength(name)), Buffer.from(name)]);
