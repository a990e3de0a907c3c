import assert from "node:assert/strict";
import { test } from "node:test";
import { violations } from "../../scripts/directions.mjs";

const uses = (name, dependency, kind = null) => [{ name, dependencies: [{ name: dependency, kind }] }];
const file = (path, text) => [{ path, text }];

test("the sandbox seeing the providers' types is refused, in tests too", () => {
  assert.match(violations(uses("ventanilla-sandbox", "ventanilla-providers"), [])[0], /must not depend on ventanilla-providers/);
  assert.match(violations(uses("ventanilla-sandbox", "ventanilla-providers", "dev"), [])[0], /must not depend on ventanilla-providers/);
});

test("the widget seeing the providers is refused", () => {
  assert.equal(violations(uses("ventanilla", "ventanilla-providers"), []).length, 1);
});

test("a clock in core is refused, whether it comes by a crate or by std", () => {
  assert.match(violations(uses("ventanilla-core", "time"), [])[0], /parameters/);
  assert.equal(violations([], file("crates/core/src/money.rs", "use std::time::Instant;")).length, 1);
  assert.equal(violations([], file("crates/core/src/lib.rs", "pub mod money;")).length, 1);
});

test("what core offers to the proxy alone is refused elsewhere, and where it would always be on", () => {
  const using = (name, dependency) => [{ name, dependencies: [{ kind: null, ...dependency }] }];
  assert.deepEqual(violations(using("ventanilla-core", { name: "utoipa", optional: true }), []), []);
  assert.equal(violations(using("ventanilla-core", { name: "utoipa" }), []).length, 1);
  const turnedOn = { name: "ventanilla-core", features: ["openapi"] };
  assert.deepEqual(violations(using("ventanilla-proxy", turnedOn), []), []);
  assert.match(violations(using("ventanilla", turnedOn), [])[0], /must not turn on openapi/);
});

test("private-key operations outside the sandbox are refused", () => {
  assert.equal(violations([], file("crates/proxy/src/token.rs", "let key = RsaPrivateKey::new();")).length, 1);
  assert.equal(violations([], file("crates/sandbox/src/keys.rs", "let key = RsaPrivateKey::new();")).length, 0);
});

test("markup from strings in the widget and a message to any origin are refused", () => {
  assert.equal(violations([], file("src/ui/icons.rs", "node.set_inner_html(text);")).length, 1);
  assert.equal(violations([], file("pkg/pure.js", 'frame.postMessage(message, "*")')).length, 1);
});

test("what the design allows passes", () => {
  assert.deepEqual(violations(uses("ventanilla-proxy", "ventanilla-sandbox", "dev"), []), []);
  assert.deepEqual(violations([], file("crates/core/src/lib.rs", "//! Not std::time.\n#![no_std]\npub mod money;")), []);
});
