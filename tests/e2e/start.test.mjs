// From nothing to a form: nothing that a buyer waits for waits for anything else, and nothing jumps.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { at, eventually, manifest, merchantPage, openWorld, watch } from "./harness.mjs";

const RAILS = {
  card: { height: "41.25rem", total: { amount_minor: 250000, currency: "CRC" }, first: (frame) => frame.getByLabel("Número de tarjeta") },
  cvu: { height: "37rem", total: { amount_minor: 2580000, currency: "ARS" }, first: (frame) => frame.getByText("¿Cómo quiere pagar?") },
  flux: { height: "52.4rem", total: { amount_minor: 25000, currency: "MXN" }, first: (frame) => frame.getByText("Muestre en su app el código") },
  flexiti: { height: "75.9rem", total: { amount_minor: 89900, currency: "CAD" }, first: (frame) => frame.getByLabel("Nombre", { exact: true }) },
};

let world, page;
before(async () => {
  page = await merchantPage({
    head: `<style>ventanilla-checkout:not(:defined) { display: block; height: var(--first-screen, 41.25rem) }</style>`,
    body: `<ventanilla-checkout proxy="{{proxy}}"></ventanilla-checkout><p>Lo que la tienda tiene debajo</p>
<script>
const checkout = document.querySelector("ventanilla-checkout");
const says = new URLSearchParams(location.search);
if (says.has("rails")) checkout.setAttribute("rails", says.get("rails"));
if (says.has("height")) checkout.style.setProperty("--first-screen", says.get("height"));
checkout.clientToken = () => window.tokenFromServer();
</script>`,
  });
  world = await openWorld({ origins: [page.origin], flux: {}, flexiti: "" });
});
after(async () => {
  await world?.close();
  await page?.close();
});

async function open(rail, before = async () => {}, says = {}) {
  const context = await world.browser.newContext({ locale: "es-CR", viewport: { width: 390, height: 1800 } });
  context.setDefaultTimeout(15_000);
  const seen = watch(context);
  const tab = await context.newPage();
  await tab.exposeFunction("tokenFromServer", async () => {
    const { total } = RAILS[rail];
    const items = [{ description: "Café de altura", quantity: 1, unit_price: total }];
    const opened = await world.merchant("POST", "/v1/sessions", { order_reference: "INICIO", total, items });
    return opened.client_token;
  });
  // In the shop's page and in the frame alike.
  await context.addInitScript(() => {
    window.shifts = [];
    new PerformanceObserver((list) => {
      for (const { value, hadRecentInput, sources } of list.getEntries()) {
        if (!hadRecentInput) window.shifts.push({ value, moved: sources.map(({ node }) => node?.className ?? node?.nodeName) });
      }
    }).observe({ type: "layout-shift", buffered: true });
  });
  await before(context);
  // A page has loaded when its frames have, and some of what they wait for is held back here.
  const address = new URL(page.with(world));
  for (const [name, value] of Object.entries(says)) address.searchParams.set(name, value);
  await tab.goto(address.href, { waitUntil: "domcontentloaded" });
  return { ...at(tab), context, tab, seen };
}

const askedFor = ({ requests }, part) => requests.filter(({ url }) => url.includes(part));

describe("while the code is under way", () => {
  test("the session is asked for before the WebAssembly has arrived, and once", async () => {
    let letGo;
    const held = new Promise((resolve) => (letGo = resolve));
    const buyer = await open("card", (context) =>
      context.route(`**/${manifest().wasm.card}`, async (route) => {
        await held;
        await route.continue();
      }),
    );
    await eventually(() => askedFor(buyer.seen, "/v1/checkout").length, "the wish for the session");
    assert.equal(await buyer.frame.locator("input").count(), 0, "the form was there before its code");
    letGo();
    await RAILS.card.first(buyer.frame).waitFor();
    assert.equal(askedFor(buyer.seen, "/v1/checkout").length, 1);
    await buyer.context.close();
  });

  test("the form's outline is painted before any of the WebAssembly is there", async () => {
    let letGo;
    const held = new Promise((resolve) => (letGo = resolve));
    const buyer = await open("card", (context) =>
      context.route("**/*.wasm", async (route) => {
        await held;
        await route.continue();
      }),
    );
    await buyer.frame.locator(".skeleton").waitFor();
    const frame = await eventually(() => buyer.tab.frames().find((frame) => frame.url().startsWith(world.proxy)));
    await eventually(() => frame.evaluate(() => performance.getEntriesByType("paint").length), "the first paint");
    letGo();
    await RAILS.card.first(buyer.frame).waitFor();
    await buyer.context.close();
  });

  test("the buyer's language and the session's module are asked for without waiting for the glue", async () => {
    let letGo;
    const held = new Promise((resolve) => (letGo = resolve));
    const buyer = await open("card", (context) =>
      context.route(`**/${manifest().glue}`, async (route) => {
        await held;
        await route.continue();
      }),
    );
    const { languages, wasm } = manifest();
    for (const file of [languages["es-CR"].card, wasm.card]) {
      await eventually(() => askedFor(buyer.seen, file).length, `the request for ${file}`);
    }
    letGo();
    await RAILS.card.first(buyer.frame).waitFor();
    await buyer.context.close();
  });
});

describe("what a buyer downloads and sees", () => {
  test("half of the outline, on a slow line, moves nothing that the shop has below it", async () => {
    let letGo;
    const held = new Promise((resolve) => (letGo = resolve));
    const buyer = await open("card", async (context) => {
      // Where the line is slow, a script that has not come holds up the document as well as the line does.
      await context.route("**/frame?*", async (route) => {
        const response = await route.fetch();
        const headers = response.headers();
        headers["content-security-policy"] = headers["content-security-policy"].replace("script-src", "script-src 'self'");
        const body = (await response.text()).replace('<div class="bar-box">', '<script src="/held.js"></script>$&');
        await route.fulfill({ response, headers, body });
      });
      await context.route("**/held.js", async (route) => {
        await held;
        await route.fulfill({ contentType: "text/javascript", body: "" });
      });
    });
    // The frame speaks with the page by now: it would tell the height that it has.
    await eventually(() => askedFor(buyer.seen, "/v1/checkout").length, "the wish for the session");
    await buyer.tab.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
    letGo();
    await RAILS.card.first(buyer.frame).waitFor();
    assert.deepEqual(await buyer.tab.evaluate(() => window.shifts), []);
    await buyer.context.close();
  });

  for (const rail of Object.keys(RAILS)) {
    test(`of ${rail}: its own module and no other, the language that is read, and nothing that jumps`, async () => {
      const buyer = await open(rail);
      await RAILS[rail].first(buyer.frame).waitFor();
      await buyer.tab.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
      const { wasm, languages, reader } = manifest();
      const texts = Object.entries(languages).flatMap(([tag, files]) => Object.entries(files).map(([module, file]) => [`${tag} of ${module}`, file]));
      const parts = [...Object.entries(wasm), ...texts, ...Object.entries(reader)];
      const fetched = parts.filter(([, file]) => askedFor(buyer.seen, file).length).map(([name]) => name);
      assert.deepEqual(fetched, [rail, `es-CR of ${rail}`]);
      const [around, inside] = await Promise.all(buyer.tab.frames().map((frame) => frame.evaluate(() => window.shifts)));
      assert.deepEqual(inside, []);
      // Where nobody says which rail it is, the outline is the card form's. A form of another height moves what the
      // shop has below it, by that much.
      if (rail === "card") assert.deepEqual(around, []);
      assert.ok(around.reduce((sum, { value }) => sum + value, 0) < 0.01, JSON.stringify(around));
      await buyer.context.close();
    });

    test(`of ${rail}, in a page that says so: nothing that jumps, in the frame or around it`, async () => {
      const buyer = await open(rail, undefined, { rails: rail, height: RAILS[rail].height });
      await RAILS[rail].first(buyer.frame).waitFor();
      await buyer.tab.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
      const shifts = await Promise.all(buyer.tab.frames().map((frame) => frame.evaluate(() => window.shifts)));
      assert.deepEqual(shifts.flat(), []);
      // What the frame's answer has the browser fetch ahead is what its script takes.
      assert.equal(askedFor(buyer.seen, manifest().wasm[rail]).length, 1);
      await buyer.context.close();
    });
  }
});
