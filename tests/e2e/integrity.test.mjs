// Only the code of this release runs, and whoever embeds it finds it the same: by script tag, by import,
// in React, twice over.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { build } from "esbuild";
import { CARDS, at, dist, eventually, form, listen, manifest, merchantPage, openWorld, root, texts, watch } from "./harness.mjs";

const tampered = "El formulario de pago no es el original y no se abrió.";

/** The widget's files as they travel: passes everything on, and changes what it is told to change. */
async function courier(world, change) {
  return listen(async (request, response) => {
    const answer = await fetch(world.proxy + request.url);
    const given = Buffer.from(await answer.arrayBuffer());
    const body = change(request.url, given);
    if (!body) return response.destroy();
    const kept = ["content-type", "content-security-policy", "access-control-allow-origin", "cross-origin-resource-policy", "cross-origin-embedder-policy"];
    const headers = kept.map((name) => [name, answer.headers.get(name)]).filter(([, value]) => value);
    response.writeHead(answer.status, Object.fromEntries(headers));
    response.end(body);
  });
}

function flip(bytes) {
  const changed = Buffer.from(bytes);
  changed[changed.length >> 1] ^= 1;
  return changed;
}

const sessionFor = (world, order = "PRUEBA-1") => async () => {
  const opened = await world.merchant("POST", "/v1/sessions", { order_reference: order, description: order, total: { amount_minor: 250000, currency: "CRC" } });
  return opened.client_token;
};

/** Opens a page and keeps what the element told it. */
async function open(world, page, { locale = "es-CR", proxy, order, path = "" } = {}) {
  const context = await world.browser.newContext({ locale });
  context.setDefaultTimeout(15_000);
  const seen = watch(context);
  const tab = await context.newPage();
  await tab.exposeFunction("tokenFromServer", sessionFor(world, order));
  await tab.addInitScript(() => {
    window.errors = [];
    document.addEventListener("ventanilla-error", ({ detail }) => window.errors.push(detail));
  });
  await tab.goto(page.with(world) + path + (proxy ? `?proxy=${encodeURIComponent(proxy)}` : ""));
  return { context, tab, seen, errors: () => tab.evaluate(() => window.errors), ...at(tab, locale) };
}

describe("one changed byte", () => {
  let world, framed, inline, untagged;
  before(async () => {
    framed = await merchantPage();
    untagged = await merchantPage({ head: "<script>document.documentElement.removeAttribute('lang')</script>" });
    inline = await merchantPage({
      body: `<ventanilla-checkout proxy="{{proxy}}" mode="inline" inline-cards></ventanilla-checkout>
<script>document.querySelector("ventanilla-checkout").clientToken = () => window.tokenFromServer();</script>`,
    });
    world = await openWorld({ origins: [framed, inline, untagged].map(({ origin }) => origin), inline: true });
  });
  after(async () => {
    await world?.close();
    for (const page of [framed, inline, untagged]) await page?.close();
  });

  const parts = [["glue", (inline) => manifest()[inline ? "inline" : "glue"]], ["wasm", () => manifest().wasm.card], ["language", () => manifest().languages["es-CR"].card]];
  for (const [part, file] of parts) {
    const only = (inline) => (url, bytes) => (url.endsWith(file(inline)) ? flip(bytes) : bytes);

    test(`in the ${part}: nothing runs in the frame, the buyer is warned and the page is told`, async () => {
      const carried = await courier(world, only(false));
      const buyer = await open(world, framed, { proxy: carried.origin.replace("localhost", "127.0.0.1") });
      await buyer.frame.getByRole("alert").getByText(tampered).waitFor();
      assert.equal(await buyer.frame.locator("input").count(), 0);
      const [error] = await eventually(async () => (await buyer.errors()).length && (await buyer.errors()));
      assert.deepEqual([error.fault, error.code], ["integration", "load-tampered"]);
      await buyer.context.close();
      await carried.close();
    });

    test(`in the ${part}: nothing runs inline either`, async () => {
      const carried = await courier(world, only(true));
      const buyer = await open(world, inline, { proxy: carried.origin.replace("localhost", "127.0.0.1") });
      await buyer.tab.getByRole("alert").getByText(tampered).waitFor();
      assert.equal(await buyer.tab.locator("input").count(), 0);
      assert.equal((await buyer.errors())[0].code, "load-tampered");
      await buyer.context.close();
      await carried.close();
    });
  }

  test("in the styles: nothing runs inline", async () => {
    const carried = await courier(world, (url, bytes) => (url.endsWith(manifest().css) ? flip(bytes) : bytes));
    const buyer = await open(world, inline, { proxy: carried.origin.replace("localhost", "127.0.0.1") });
    await buyer.tab.getByRole("alert").getByText(tampered).waitFor();
    await buyer.context.close();
    await carried.close();
  });

  test("in the loader: the browser refuses it, and the element does not exist", async () => {
    const carried = await courier(world, (url, bytes) => (url.endsWith(manifest().loader) ? flip(bytes) : bytes));
    const entry = manifest().files.find(({ file }) => file === manifest().loader);
    const page = await merchantPage({
      load: `<script src="${carried.origin}/assets/${manifest().loader}" integrity="${entry.integrity}" crossorigin defer></script>`,
    });
    const buyer = await open(world, page);
    assert.equal(await buyer.tab.evaluate(() => customElements.get("ventanilla-checkout")), undefined);
    await buyer.context.close();
    await page.close();
    await carried.close();
  });

  test("in the proxy's own folder: the proxy does not start", async () => {
    const folder = mkdtempSync(join(tmpdir(), "ventanilla-tampered-"));
    cpSync(dist, folder, { recursive: true });
    const file = manifest().wasm.card;
    writeFileSync(join(folder, file), flip(readFileSync(join(folder, file))));
    await assert.rejects(openWorld({ assets: folder }), new RegExp(`${file}.*integrity`));
    rmSync(folder, { recursive: true });
  });

  test("is told in the buyer's language", async () => {
    const carried = await courier(world, (url, bytes) => (url.endsWith(".wasm") ? flip(bytes) : bytes));
    for (const [locale, text] of [["en-US", "is not the original"], ["fr-CA", "n’est pas l’original"], ["es-AR", "no es el original"], ["ja", "is not the original"]]) {
      const context = await world.browser.newContext({ locale });
      const tab = await context.newPage();
      await tab.exposeFunction("tokenFromServer", sessionFor(world));
      await tab.goto(`${untagged.with(world)}?proxy=${encodeURIComponent(carried.origin.replace("localhost", "127.0.0.1"))}`);
      await at(tab).frame.getByRole("alert").getByText(text).waitFor();
      await context.close();
    }
    await carried.close();
  });
});

describe("code that does not arrive", () => {
  let world, page;
  before(async () => {
    page = await merchantPage();
    world = await openWorld({ origins: [page.origin] });
  });
  after(async () => {
    await world?.close();
    await page?.close();
  });

  test("is not called tampered: the buyer can try again, and then it works", async () => {
    const context = await world.browser.newContext({ locale: "es-CR" });
    const tab = await context.newPage();
    await tab.exposeFunction("tokenFromServer", sessionFor(world, "LLEGA-1"));
    await tab.addInitScript(() => {
      window.errors = [];
      document.addEventListener("ventanilla-error", ({ detail }) => window.errors.push(detail));
    });
    await context.route("**/*.wasm", (route) => route.abort());
    await tab.goto(page.with(world));
    const buyer = at(tab);
    await buyer.frame.getByText("No se pudo abrir el formulario de pago.").waitFor();
    assert.deepEqual((await tab.evaluate(() => window.errors)).map(({ fault, code }) => [fault, code]), [["network", "load-failed"]]);
    await context.unroute("**/*.wasm");
    await buyer.frame.getByRole("button", { name: "Intentar de nuevo" }).click();
    await buyer.pay(CARDS.visa);
    await buyer.sees("paid_title");
    await context.close();
  });

  test("in one language, is neither: the buyer can try again, and then it works", async () => {
    const context = await world.browser.newContext({ locale: "es-CR" });
    const tab = await context.newPage();
    await tab.exposeFunction("tokenFromServer", sessionFor(world, "LLEGA-2"));
    await context.route("**/*.txt", (route) => route.abort());
    await tab.goto(page.with(world));
    const buyer = at(tab);
    await buyer.frame.getByText("No se pudo abrir el formulario de pago.").waitFor();
    await context.unroute("**/*.txt");
    await buyer.frame.getByRole("button", { name: "Intentar de nuevo" }).click();
    await buyer.field("number").waitFor();
    await context.close();
  });

  test("at the first try only, is fetched once more without a word", async () => {
    const context = await world.browser.newContext({ locale: "es-CR" });
    const tab = await context.newPage();
    await tab.exposeFunction("tokenFromServer", sessionFor(world));
    let asked = 0;
    await context.route("**/*.wasm", (route) => ((asked += 1) === 1 ? route.abort() : route.continue()));
    await tab.goto(page.with(world));
    await at(tab).field("number").waitFor();
    assert.equal(asked, 2);
    await context.close();
  });

  test("when the widget breaks down, the buyer is told how to find out what happened to the payment", async () => {
    const buyer = await open(world, page, { order: "ROTO-1" });
    await buyer.fill(CARDS.visa);
    await buyer.frame.locator("body").evaluate(() => setTimeout(() => { throw new WebAssembly.RuntimeError("unreachable"); }));
    await buyer.frame.getByRole("alert").getByText("El formulario se detuvo.").waitFor();
    await eventually(async () => (await buyer.errors()).some(({ code }) => code === "internal"));
    await buyer.frame.getByRole("button", { name: "Intentar de nuevo" }).click();
    await buyer.pay(CARDS.visa);
    await buyer.sees("paid_title");
    await buyer.context.close();
  });
});

describe("embedding", () => {
  let world, pages;
  before(async () => {
    const bundled = mkdtempSync(join(tmpdir(), "ventanilla-react-"));
    await build({
      stdin: {
        contents: `
          import { StrictMode, createElement, useState } from "react";
          import { createRoot } from "react-dom/client";
          import { Checkout } from "./pkg/react.js";
          function Shop() {
            const [heard, hear] = useState([]);
            const [shown, show] = useState(true);
            const note = ({ type }) => hear((before) => [...before, type]);
            return [
              createElement("output", { key: 1 }, heard.join(" ")),
              createElement("button", { key: 2, onClick: () => show(!shown) }, "Mostrar"),
              shown && createElement(Checkout, {
                key: 3, proxy: document.body.dataset.proxy, clientToken: () => window.tokenFromServer(), onReady: note, onChange: () => {}, onComplete: note,
              }),
            ];
          }
          createRoot(document.getElementById("app")).render(createElement(StrictMode, null, createElement(Shop)));`,
        resolveDir: root,
      },
      bundle: true,
      format: "esm",
      outfile: join(bundled, "app.js"),
      define: { "process.env.NODE_ENV": '"development"' },
      logLevel: "error",
    });
    const token = `document.querySelector("ventanilla-checkout").clientToken = () => window.tokenFromServer();`;
    const element = '<ventanilla-checkout proxy="{{proxy}}"></ventanilla-checkout>';
    const files = { "/pkg/": join(root, "pkg") };
    pages = {
      "by script tag with integrity": await merchantPage(),
      "by import of the package": await merchantPage({ load: '<script type="module">import "/pkg/index.js";</script>', files }),
      "by define, under another name": await merchantPage({
        load: '<script type="module">import { define } from "/pkg/pure.js"; if (customElements.get("ventanilla-checkout")) throw new Error("registered on import"); define({ tagName: "caja-poas" });</script>',
        body: `<caja-poas proxy="{{proxy}}"></caja-poas><script>document.querySelector("caja-poas").clientToken = () => window.tokenFromServer();</script>`,
        files,
      }),
      "twice, by script tag and by import": await merchantPage({
        load: '<script src="{{loader}}" integrity="{{integrity}}" crossorigin></script><script src="{{loader}}" integrity="{{integrity}}" crossorigin></script><script type="module">import "/pkg/index.js";</script>',
        files,
      }),
      "with the token set before the element is known": await merchantPage({ load: "", body: `${element}<script>${token}</script><script src="{{loader}}" integrity="{{integrity}}" crossorigin></script>` }),
      "with the token set as a text, late": await merchantPage({
        body: `${element}<script>addEventListener("load", () => setTimeout(async () => { document.querySelector("ventanilla-checkout").clientToken = await window.tokenFromServer(); }, 300));</script>`,
      }),
      "made by a script and put into the page": await merchantPage({
        body: `<script>addEventListener("load", () => { const made = document.createElement("ventanilla-checkout"); made.setAttribute("proxy", "{{proxy}}"); made.clientToken = () => window.tokenFromServer(); document.body.append(made); });</script>`,
      }),
      "inside another component's shadow root": await merchantPage({
        body: `<div id="host"></div><script>const shadow = document.getElementById("host").attachShadow({ mode: "open" }); const inner = document.createElement("ventanilla-checkout"); inner.setAttribute("proxy", "{{proxy}}"); shadow.append(inner); inner.clientToken = () => window.tokenFromServer();</script>`,
      }),
      "under a strict policy with Trusted Types": await merchantPage({
        body: element,
        load: '<script src="{{loader}}" integrity="{{integrity}}" crossorigin defer></script><script src="/shop/token.js" defer></script>',
        headers: {
          "Content-Security-Policy":
            "default-src 'none'; script-src 'self' '{{integrity}}'; frame-src {{proxy}}; base-uri 'none'; require-trusted-types-for 'script'; trusted-types 'none'",
        },
        files: { "/shop/": bundled },
      }),
      "inline, under a strict policy with Trusted Types": await merchantPage({
        body: '<ventanilla-checkout proxy="{{proxy}}" mode="inline" inline-cards></ventanilla-checkout>',
        load: '<script src="{{loader}}" integrity="{{integrity}}" crossorigin defer></script><script src="/shop/token.js" defer></script>',
        headers: {
          "Content-Security-Policy":
            "default-src 'none'; script-src 'self' {{proxy}} 'wasm-unsafe-eval'; connect-src {{proxy}}; base-uri 'none'; require-trusted-types-for 'script'; trusted-types ventanilla",
        },
        files: { "/shop/": bundled },
      }),
      "in React, in strict mode": await merchantPage({
        load: '<script type="module" src="/shop/app.js"></script>',
        body: '<div id="app"></div><script>document.body.dataset.proxy = "{{proxy}}";</script>',
        files: { "/shop/": bundled },
      }),
    };
    writeFileSync(join(bundled, "token.js"), token);
    pages.folder = bundled;
    world = await openWorld({ origins: Object.values(pages).flatMap(({ origin }) => origin ?? []), inline: true });
  });
  after(async () => {
    await world?.close();
    for (const page of Object.values(pages ?? {})) await page.close?.();
    rmSync(pages.folder, { recursive: true, force: true });
  });

  const ways = [
    "by script tag with integrity", "by import of the package", "by define, under another name", "twice, by script tag and by import",
    "with the token set before the element is known", "with the token set as a text, late", "made by a script and put into the page",
    "inside another component's shadow root", "under a strict policy with Trusted Types", "inline, under a strict policy with Trusted Types", "in React, in strict mode",
  ];
  for (const [index, way] of ways.entries()) {
    test(`${way}: a card can be paid`, async () => {
      const order = `FORMA-${index}`;
      const buyer = await open(world, pages[way], { order });
      const scope = way.startsWith("inline") ? buyer.tab.locator("ventanilla-checkout") : buyer.tab.locator("iframe").contentFrame();
      const pay = form(scope, texts("es-CR"));
      await pay.pay(CARDS.visa);
      await pay.sees("paid_title");
      assert.equal((await world.sandbox.approved(order)).length, 1);
      assert.deepEqual(buyer.seen.problems.filter((text) => !/Permissions-Policy header|React DevTools|every script of this page can read/.test(text)), []);
      await buyer.context.close();
    });
  }

  test("in React: taking it away and showing it again keeps one frame, and leaves none behind", async () => {
    const buyer = await open(world, pages["in React, in strict mode"]);
    await buyer.field("number").waitFor();
    assert.equal(await buyer.tab.locator("iframe").count(), 1);
    const toggle = buyer.tab.getByRole("button", { name: "Mostrar" });
    await toggle.click();
    assert.equal(await buyer.tab.locator("iframe").count(), 0);
    await toggle.click();
    await buyer.field("number").waitFor();
    assert.equal(await buyer.tab.locator("iframe").count(), 1);
    await buyer.context.close();
  });

  test("moving the element within the page keeps it working; removing it ends it", async () => {
    const buyer = await open(world, pages["by script tag with integrity"], { order: "MUDANZA" });
    await buyer.field("number").waitFor();
    await buyer.tab.evaluate(() => {
      const other = document.createElement("section");
      document.body.append(other);
      other.append(document.querySelector("ventanilla-checkout"));
    });
    await buyer.pay(CARDS.visa);
    await buyer.sees("paid_title");
    await buyer.tab.evaluate(() => document.querySelector("ventanilla-checkout").remove());
    await eventually(() => buyer.tab.frames().length === 1, "the frame's end");
    await buyer.context.close();
  });

  test("moving an inline element keeps what was typed", async () => {
    const buyer = await open(world, pages["inline, under a strict policy with Trusted Types"]);
    const number = form(buyer.tab.locator("ventanilla-checkout"), texts("es-CR")).field("number");
    await number.fill("4242 4242");
    await buyer.tab.evaluate(() => {
      const other = document.createElement("section");
      document.body.append(other);
      other.append(document.querySelector("ventanilla-checkout"));
    });
    await buyer.tab.evaluate(() => new Promise((resolve) => requestAnimationFrame(resolve)));
    assert.equal(await number.inputValue(), "4242 4242");
    await buyer.context.close();
  });

  test("a page that prevents the submit keeps the payment from being sent", async () => {
    const buyer = await open(world, pages["by script tag with integrity"], { order: "DETENIDO" });
    await buyer.tab.evaluate(() => document.addEventListener("ventanilla-submit", (event) => event.preventDefault(), { once: true }));
    await buyer.fill(CARDS.visa);
    await buyer.button("pay").click();
    await buyer.button("pay").and(buyer.frame.locator(":enabled")).waitFor();
    assert.equal(await buyer.field("number").inputValue(), "4242 4242 4242 4242", "what was typed is still there");
    assert.equal((await world.sandbox.ledger()).orders.filter(({ description }) => description.includes("DETENIDO")).length, 0);
    await buyer.button("pay").click();
    await buyer.sees("paid_title");
    await buyer.context.close();
  });

  test("two hundred times in and out of the page leave no frame and no listener behind", async () => {
    const buyer = await open(world, pages["by script tag with integrity"]);
    await buyer.field("number").waitFor();
    const session = await buyer.context.newCDPSession(buyer.tab);
    const count = async () => {
      await session.send("HeapProfiler.collectGarbage");
      const { metrics } = await (await session.send("Performance.enable"), session.send("Performance.getMetrics"));
      return Object.fromEntries(metrics.map(({ name, value }) => [name, value]));
    };
    const before = await count();
    await buyer.tab.evaluate(async () => {
      const element = document.querySelector("ventanilla-checkout");
      for (let times = 0; times < 200; times += 1) {
        element.remove();
        await new Promise((resolve) => setTimeout(resolve));
        document.body.append(element);
      }
    });
    await buyer.field("number").waitFor();
    assert.equal(await buyer.tab.locator("iframe").count(), 1);
    const later = await count();
    assert.ok(later.JSEventListeners <= before.JSEventListeners + 5, `${before.JSEventListeners} listeners became ${later.JSEventListeners}`);
    assert.ok(later.Frames <= before.Frames + 1, `${before.Frames} frames became ${later.Frames}`);
    await buyer.context.close();
  });
});

test("every file of the release is listed with its hash, and its compressed copy is what it says", () => {
  const listed = manifest().files.map(({ file }) => file);
  const there = readdirSync(dist).filter((file) => !file.endsWith(".br") && !["manifest.json", "pins.js"].includes(file));
  assert.deepEqual(listed.sort(), there.sort());
  const size = spawnSync(join(root, "scripts/size"), { encoding: "utf8" });
  assert.match(size.stdout, /^loader: \d+ bytes brotli$/m);
  assert.match(size.stdout, /^card: \d+ bytes brotli usable, \d+ bytes done$/m);
});
