// The element's contract is written down three times: for pages (pkg/index.d.ts), in the loader (pkg/*.js)
// and in the widget (src/element). This holds them together.

import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { EVENTS, MAX_BYTES, TO_FRAME, TO_PAGE, read } from "../../pkg/port.js";
import { VentanillaCheckout, define } from "../../pkg/pure.js";
import { root } from "./harness.mjs";

const source = (path) => readFileSync(join(root, path), "utf8");
const types = source("pkg/index.d.ts");
const rust = source("src/element/events.rs");
const problems = source("crates/core/src/problem.rs");

const all = (text, pattern) => [...text.matchAll(pattern)].map(([, found]) => found);
const sorted = (values) => [...values].sort();
const same = (one, other, message) => assert.deepEqual(sorted(one), sorted(other), message);

/** Keys of an interface, "?" kept. */
function keysOf(name) {
  const [, body] = new RegExp(`interface ${name} \\{([^]*?)\\n\\}`).exec(types);
  return all(body, /^\s*"?([\w-]+"?\??):/gm).map((key) => key.replace('"', ""));
}

/** Members of a union of texts. */
const unionOf = (name) => all(new RegExp(`type ${name} = ([^;]*);`).exec(types)[1], /"([\w-]+)"/g);

/** Details as the widget's table describes them: name to fields, "?" kept. */
const described = Object.fromEntries(
  [...rust.matchAll(/`(ventanilla-\w+)`, detail `\{ ([^}]*) \}`/g)].map(([, name, fields]) => [
    name,
    fields.split(/, (?=\w+[?:]|\w+$|\w+,)/).map((field) => field.replace(/:.*/, "").trim()),
  ]),
);

test("attributes are the same for pages, in the loader and in the widget", () => {
  const [, list] = /ATTRIBUTES: \[&str; \d+\] = \[([^\]]*)\]/.exec(rust);
  const inWidget = all(list, /"([\w-]+)"/g);
  same(VentanillaCheckout.observedAttributes, inWidget);
  same(keysOf("CheckoutAttributes").map((key) => key.replace("?", "")), inWidget);
});

test("events and their details are the same for pages, in the loader and in the widget", () => {
  const names = all(rust, /pub const \w+: &str = "(ventanilla-\w+)";/g);
  assert.equal(names.length, 6);
  same(keysOf("CheckoutEventMap"), names);
  same(Object.keys(EVENTS), names);
  same(Object.keys(described), names);
  for (const name of names) {
    const [, detail] = new RegExp(`"${name}": CustomEvent<(\\w+)>`).exec(types);
    same(keysOf(detail), Object.keys(EVENTS[name]), `${detail} against the loader`);
    same(keysOf(detail), described[name], `${detail} against the widget`);
  }
});

test("values in events have the same names for pages and in the widget", () => {
  const names = (path, type) => {
    const text = source(path);
    const [, body] = new RegExp(`impl ${type} \\{([^]*?)\\n\\}`).exec(text);
    const [, match] = /fn name\(self\)[^{]*\{([^]*?)\n    \}/.exec(body);
    return all(match, /=> "([\w-]+)"/g);
  };
  same(unionOf("Outcome"), names("src/element/events.rs", "Outcome"));
  same(unionOf("Rail"), names("crates/core/src/rails/mod.rs", "Rail"));
  same(unionOf("Brand"), names("crates/core/src/card/brand.rs", "Brand"));
  const [, faults] = /pub enum Fault \{([^]*?)\n\}/.exec(problems);
  same(unionOf("Fault"), all(faults, /^    (\w+),/gm).map((name) => name.toLowerCase()));
  const actions = all(/fn action_name[^]*?\n\}/.exec(rust)[0], /=> "(\w+)"/g);
  for (const action of unionOf("NextAction")) assert.ok(actions.includes(action), action);
});

test("appearance takes the same properties for pages and in the widget", () => {
  const [, list] = /PROPERTIES: \[&str; \d+\] = \[([^\]]*)\]/.exec(source("src/ui/appearance.rs"));
  const inWidget = [...all(list, /"([\w-]+)"/g), "scheme"];
  same(keysOf("Appearance").map((key) => key.replace("?", "")), inWidget);
});

test("every code that the loader or the frame's boot script tells is in the table of problems", () => {
  const code = /^[a-z]+(?:-[a-z]+)+$/;
  const told = ["pure.js", "frame-boot.js", "launch.js", "glue.js", "inline.js"]
    .flatMap((file) => all(source(`pkg/${file}`), /"([a-z-]+)"/g))
    .filter((text) => code.test(text) && /^(load|setup|client-token)-/.test(text));
  assert.ok(told.length >= 4);
  for (const name of [...told, "internal"]) assert.match(problems, new RegExp(`\\("${name}", `), name);
});

test("a shop's TypeScript is checked against the contract", () => {
  const folder = mkdtempSync(join(root, "pkg/.types-"));
  try {
    writeFileSync(
      join(folder, "shop.tsx"),
      `import { createElement } from "react";
import { define, VentanillaCheckout, type Appearance } from "../index.js";
import { Checkout } from "../react.js";
const checkout: VentanillaCheckout = document.createElement("ventanilla-checkout");
checkout.clientToken = async () => "token";
checkout.clientToken = "token";
checkout.addEventListener("ventanilla-complete", (event) => {
  const outcome: "captured" | "authorized" | "declined" = event.detail.outcome;
  const last: string = event.detail.sessionId + outcome;
  // @ts-expect-error an outcome is not a number
  const wrong: number = event.detail.outcome;
});
checkout.addEventListener("ventanilla-submit", (event) => event.preventDefault());
const looks: Appearance = { scheme: "dark", "--ventanilla-accent": "#123456" };
checkout.appearance = looks;
// @ts-expect-error there is no such scheme
checkout.appearance = { scheme: "sepia" };
// @ts-expect-error a token is a text
checkout.clientToken = 7;
const made: typeof VentanillaCheckout = define({ tagName: "shop-checkout" });
createElement(Checkout, { proxy: "https://pay.example", clientToken: "t", onComplete: (event) => event.detail.attemptId });
// @ts-expect-error proxy is required
createElement(Checkout, { clientToken: "t" });
`,
    );
    const options = ["--noEmit", "--strict", "--target", "es2022", "--module", "nodenext", "--jsx", "react-jsx", "--lib", "es2022,dom,dom.iterable", "--types", ""];
    const { status, stdout } = spawnSync(join(root, "node_modules/.bin/tsc"), [...options, join(folder, "shop.tsx")], { encoding: "utf8" });
    assert.equal(status, 0, stdout);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("the package can be imported where there is no browser, and registers nothing there", () => {
  const script = `
    const all = await import("./pkg/index.js");
    const pure = await import("./pkg/pure.js");
    if (pure.define() !== pure.VentanillaCheckout || all.define !== pure.define) process.exit(1);`;
  execFileSync(process.execPath, ["--input-type=module", "-e", script], { cwd: root });
  assert.equal(define(), VentanillaCheckout);
});

test("messages that are not in the tables do not pass", () => {
  const open = { kind: "open", clientToken: "v2.k1.card.abc", locale: "es-CR", rails: "", appearance: null };
  const passes = [
    [TO_FRAME, open],
    [TO_FRAME, { ...open, appearance: { scheme: "dark" } }],
    [TO_FRAME, { kind: "verdict", id: 1, proceed: true }],
    [TO_PAGE, { kind: "hello" }],
    [TO_PAGE, { kind: "height", height: 640 }],
    [TO_PAGE, { kind: "event", name: "ventanilla-change", detail: { rail: "card", complete: false } }],
    [TO_PAGE, { kind: "event", name: "ventanilla-change", detail: { rail: "card", complete: true, brand: "visa", last4: "4242" } }],
    [TO_PAGE, { kind: "ask", id: 1, detail: { rail: "card" } }],
  ];
  for (const [table, message] of passes) assert.equal(read(table, message), message, JSON.stringify(message));

  const change = (detail) => ({ kind: "event", name: "ventanilla-change", detail: { rail: "card", complete: true, ...detail } });
  const refused = [
    [TO_FRAME, null],
    [TO_FRAME, "open"],
    [TO_FRAME, [open]],
    [TO_FRAME, new Map(Object.entries(open))],
    [TO_FRAME, { ...open, extra: 1 }],
    [TO_FRAME, { ...open, clientToken: undefined }],
    [TO_FRAME, { ...open, locale: "<script>" }],
    [TO_FRAME, { ...open, appearance: { scheme: "x".repeat(MAX_BYTES) } }],
    [TO_FRAME, { kind: "constructor" }],
    [TO_FRAME, { kind: "__proto__" }],
    [TO_FRAME, { kind: "hello" }],
    [TO_PAGE, open],
    [TO_PAGE, { kind: "hello", pan: "4242424242424242" }],
    [TO_PAGE, { kind: "height", height: -1 }],
    [TO_PAGE, { kind: "height", height: 4242424242424242 }],
    [TO_PAGE, change({ last4: "42424" })],
    [TO_PAGE, change({ brand: "4242424242424242" })],
    [TO_PAGE, change({ pan: "4242424242424242" })],
    [TO_PAGE, { kind: "event", name: "ventanilla-submit", detail: { rail: "card" } }],
    [TO_PAGE, { kind: "event", name: "ventanilla-unheard", detail: {} }],
    [TO_PAGE, { kind: "event", name: "ventanilla-error", detail: { fault: "internal", code: "internal", message: "at 4242 4242-4242 4242" } }],
  ];
  for (const [table, message] of refused) assert.equal(read(table, message), undefined, JSON.stringify(message)?.slice(0, 120));
});
