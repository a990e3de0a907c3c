// Takes the words out of panics: node scripts/trap.mjs IN.wasm OUT.wasm, between the bindings and the optimiser.
//
// A panic ends in a trap, and nobody ever reads what it says: the page hears the trap. What puts the words together is
// in the standard library as it comes, and only a standard library built anew would come without. So the functions that
// do nothing but panic are emptied here, down to the trap; the optimiser then drops whatever nobody else calls.

import { readFileSync, writeFileSync } from "node:fs";

/** By name: none of them returns. */
const PANICS = [
  /^core::panicking::/,
  /^core::(option|result)::(unwrap|expect)_failed$/,
  /^core::cell::panic_/,
  /^core::(slice|str|char|iter|num|alloc|time)::(\w+::)*\w+_fail(_\w+)?$/,
  /^alloc::(alloc::handle_alloc_error|raw_vec::(capacity_overflow|handle_error))$/,
];
/** No locals; `unreachable`; `end`. */
const TRAP = [3, 0, 0x00, 0x0b];
const CUSTOM = 0;
const IMPORT = 2;
const CODE = 10;
const FUNCTION_NAMES = 1;

const [, , from, to] = process.argv;
const bytes = readFileSync(from);
const reader = (at) => ({
  at,
  byte: function () {
    return bytes[this.at++];
  },
  number: function () {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = this.byte();
      value |= (byte & 127) << shift;
      if (byte < 128) return value >>> 0;
    }
  },
  text: function () {
    const length = this.number();
    return bytes.subarray(this.at, (this.at += length)).toString();
  },
});

function encoded(value) {
  const out = [];
  do out.push((value & 127) | (value > 127 ? 128 : 0));
  while ((value >>>= 7));
  return out;
}

const sections = [];
for (const module = reader(8); module.at < bytes.length; ) {
  const start = module.at;
  const id = module.byte();
  const size = module.number();
  sections.push({ id, start, body: module.at, end: module.at + size });
  module.at += size;
}

/** How many functions are imported: the module's own are numbered after them. */
function importedFunctions() {
  const section = sections.find(({ id }) => id === IMPORT);
  const imports = reader(section.body);
  const limits = () => {
    const flags = imports.byte();
    imports.number();
    if (flags & 1) imports.number();
  };
  let functions = 0;
  for (let left = imports.number(); left > 0; left -= 1) {
    imports.text();
    imports.text();
    const kind = imports.byte();
    if (kind === 0) {
      imports.number();
      functions += 1;
    } else if (kind === 1) {
      imports.byte();
      limits();
    } else if (kind === 2) limits();
    else if (kind === 3) imports.at += 2;
    else throw new Error(`${from}: an import of the unknown kind ${kind}`);
  }
  return functions;
}

function functionNames() {
  for (const { id, body, end } of sections) {
    const custom = reader(body);
    if (id !== CUSTOM || custom.text() !== "name") continue;
    while (custom.at < end) {
      const kind = custom.byte();
      const size = custom.number();
      if (kind === FUNCTION_NAMES) return new Map(Array.from({ length: custom.number() }, () => [custom.number(), custom.text()]));
      custom.at += size;
    }
  }
  throw new Error(`${from}: has no names`);
}

const plain = (name) => name.replace(/\[[0-9a-f]+\]/g, "").replace(/::h[0-9a-f]{16}$/, "");
const first = importedFunctions();
const panics = new Set([...functionNames()].filter(([, name]) => PANICS.some((panic) => panic.test(plain(name)))).map(([index]) => index));
if (panics.size === 0) throw new Error(`${from}: found none of the functions that panic; are they called otherwise now?`);

const section = sections.find(({ id }) => id === CODE);
const code = reader(section.body);
const count = code.number();
const parts = [Buffer.from(encoded(count))];
for (let index = first; index < first + count; index += 1) {
  const start = code.at;
  const size = code.number();
  code.at += size;
  parts.push(panics.has(index) ? Buffer.from(TRAP) : bytes.subarray(start, code.at));
}
const body = Buffer.concat(parts);
const head = Buffer.from([CODE, ...encoded(body.length)]);
writeFileSync(to, Buffer.concat([bytes.subarray(0, section.start), head, body, bytes.subarray(section.end)]));
