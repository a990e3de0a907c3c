// The widget is one module for each rail: a buyer downloads the one of their session, whatever was guessed
// before the session was read.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { CARDS, at, eventually, manifest, merchantPage, openWorld, watch } from "./harness.mjs";

const TAMPERED = "El formulario de pago no es el original y no se abrió.";

/** The languages that a page asked for. */
const languagesOf = ({ requests }) =>
  requests.flatMap(({ url }) => Object.entries(manifest().languages).filter(([, files]) => Object.values(files).some((file) => url.endsWith(file))).map(([tag]) => tag));

/** The names of the modules that a page asked for, in their order. */
const modulesOf = ({ requests }) =>
  requests.flatMap(({ url }) => Object.entries(manifest().wasm).filter(([, file]) => url.endsWith(file)).map(([name]) => name));

const embedding = (attributes) => `<ventanilla-checkout proxy="{{proxy}}" ${attributes}></ventanilla-checkout>
<script>document.querySelector("ventanilla-checkout").clientToken = () => window.tokenFromServer();</script>`;

const TOTALS = { card: { amount_minor: 250000, currency: "CRC" }, cvu: { amount_minor: 2580000, currency: "ARS" } };

let world, plain, pages;
before(async () => {
  pages = {
    "no rails": await merchantPage(),
    "the rail card": await merchantPage({ body: embedding('rails="card"') }),
    "the rail cvu": await merchantPage({ body: embedding('rails="cvu"') }),
    "both rails": await merchantPage({ body: embedding('rails="cvu, card"') }),
    "a rail of the future": await merchantPage({ body: embedding('rails="barter"') }),
    "no rails, inline": await merchantPage({ body: embedding('mode="inline" inline-cards') }),
    "the rail cvu, inline": await merchantPage({ body: embedding('rails="cvu" mode="inline" inline-cards') }),
  };
  const origins = Object.values(pages).map(({ origin }) => origin);
  world = await openWorld({ origins, inline: true });
  plain = await openWorld({ origins, cvu: false });
});
after(async () => {
  await world?.close();
  await plain?.close();
  for (const page of Object.values(pages ?? {})) await page.close();
});

/** A buyer at a page that names some rails, with a session of one. */
async function open(naming, rail, { given = world, before = async () => {}, token = (text) => text } = {}) {
  const context = await given.browser.newContext({ locale: "es-CR" });
  context.setDefaultTimeout(15_000);
  const seen = watch(context);
  const tab = await context.newPage();
  await tab.exposeFunction("tokenFromServer", async () => {
    const opened = await given.merchant("POST", "/v1/sessions", { order_reference: "MODULO", total: TOTALS[rail] });
    return token(opened.client_token);
  });
  await tab.addInitScript(() => {
    window.heard = [];
    for (const name of ["ready", "error"]) document.addEventListener(`ventanilla-${name}`, ({ detail }) => window.heard.push(detail));
  });
  await before(context);
  await tab.goto(pages[naming].with(given));
  const inline = naming.endsWith("inline");
  const scope = inline ? tab.locator("ventanilla-checkout") : tab.locator("iframe").contentFrame();
  return { ...at(tab), scope, context, seen, heard: () => tab.evaluate(() => window.heard) };
}

const first = { card: (buyer) => buyer.scope.getByLabel("Número de tarjeta"), cvu: (buyer) => buyer.scope.getByText("¿Cómo quiere pagar?") };

/** Has another proxy answer than the one that is there: the session offers both rails. */
const offersBoth = (context) =>
  context.route("**/v1/checkout", async (route) => {
    const headers = await route.request().allHeaders();
    // What the browser adds by itself on the way out is not there yet.
    if (!headers.origin) headers["sec-fetch-site"] = "same-origin";
    const response = await route.fetch({ headers });
    const session = await response.json();
    session.rails = ["card", "cvu"];
    session.cvu ??= { presentations: ["link", "qr"] };
    await route.fulfill({ response, json: session });
  });

describe("without a word from the page", () => {
  for (const rail of ["card", "cvu"]) {
    for (const naming of ["no rails", "no rails, inline"]) {
      test(`${naming}: a session with ${rail} downloads its module and the buyer's language, and no byte of another`, async () => {
        const buyer = await open(naming, rail);
        await first[rail](buyer).waitFor();
        assert.deepEqual([...new Set(modulesOf(buyer.seen))], [rail]);
        assert.deepEqual([...new Set(languagesOf(buyer.seen))], ["es-CR"]);
        await buyer.context.close();
      });
    }
  }

  test("a proxy with one rail has its module fetched before the client token is there", async () => {
    let give;
    const buyer = await open("no rails", "card", { given: plain, token: (text) => new Promise((resolve) => (give = () => resolve(text))) });
    await eventually(() => modulesOf(buyer.seen).length && give, "the module, and the wish for a token");
    assert.deepEqual(modulesOf(buyer.seen), ["card"]);
    give();
    await buyer.fill(CARDS.visa);
    assert.deepEqual(modulesOf(buyer.seen), ["card"]);
    await buyer.context.close();
  });
});

describe("with a hint", () => {
  test("that is right, the module comes before the client token does", async () => {
    let give;
    const buyer = await open("the rail cvu", "cvu", { token: (text) => new Promise((resolve) => (give = () => resolve(text))) });
    await eventually(() => modulesOf(buyer.seen).length && give, "the module, and the wish for a token");
    give();
    await first.cvu(buyer).waitFor();
    assert.deepEqual(modulesOf(buyer.seen), ["cvu"]);
    await buyer.context.close();
  });

  const wrong = [
    ["the rail cvu", "card"], ["the rail card", "cvu"], ["both rails", "card"], ["a rail of the future", "card"], ["the rail cvu, inline", "card"],
  ];
  for (const [naming, rail] of wrong) {
    test(`of the page that is wrong (${naming}), a session with ${rail} is paid by the right module, and nobody hears of it`, async () => {
      const buyer = await open(naming, rail);
      await first[rail](buyer).waitFor();
      assert.equal(modulesOf(buyer.seen).at(-1), rail);
      assert.deepEqual(await buyer.heard(), [{ rails: [rail] }]);
      assert.deepEqual(buyer.seen.problems.filter((text) => !/every script of this page can read/.test(text)), []);
      await buyer.context.close();
    });
  }

  for (const naming of ["no rails", "no rails, inline"]) {
    test(`of the token that is wrong (${naming}), the session has the last word: nothing flashes, and both rails are there`, async () => {
      const buyer = await open(naming, "card", {
        before: async (context) => {
          await offersBoth(context);
          await context.addInitScript(() => {
            // Whatever is put before the buyer, from the first on.
            window.shown = [];
            new MutationObserver(() => {
              const find = (root) => [...root.querySelectorAll("*")].flatMap((one) => [one, ...(one.shadowRoot ? find(one.shadowRoot) : [])]);
              for (const one of find(document)) if (one.matches(".trouble, .vt-stop, .vt-title")) window.shown.push(one.textContent);
            }).observe(document, { childList: true, subtree: true });
          });
        },
      });
      await buyer.scope.getByRole("radio").nth(1).waitFor();
      assert.deepEqual([...new Set(modulesOf(buyer.seen))], ["card", "all"]);
      assert.deepEqual(await buyer.heard(), [{ rails: ["card", "cvu"] }]);
      assert.deepEqual(await Promise.all(buyer.page.frames().map((frame) => frame.evaluate(() => window.shown))).then((all) => all.flat()), []);
      await buyer.scope.getByText("Tarjeta de crédito o débito").click();
      await buyer.scope.getByLabel("Número de tarjeta").fill("4242");
      await buyer.context.close();
    });
  }
});

describe("a module that the session asks for", () => {
  const refusing = (change) => async (context) => {
    await offersBoth(context);
    await context.route(`**/${manifest().wasm.all}`, change);
  };
  const flipped = async (route) => {
    const response = await route.fetch();
    const body = await response.body();
    body[body.length >> 1] ^= 1;
    await route.fulfill({ response, body });
  };

  for (const naming of ["no rails", "no rails, inline"]) {
    test(`${naming}: with one changed byte does not run, and the buyer is warned`, async () => {
      const buyer = await open(naming, "card", { before: refusing(flipped) });
      await buyer.scope.getByRole("alert").getByText(TAMPERED).waitFor();
      assert.equal(await buyer.scope.locator("input").count(), 0);
      const [error] = await eventually(async () => (await buyer.heard()).length && (await buyer.heard()));
      assert.deepEqual([error.fault, error.code], ["integration", "load-tampered"]);
      await buyer.context.close();
    });

    test(`${naming}: that does not arrive can be asked for again`, async () => {
      const buyer = await open(naming, "card", { before: refusing((route) => route.abort()) });
      await buyer.scope.getByText("No se pudo abrir el formulario de pago.").waitFor();
      assert.equal((await buyer.heard())[0].code, "load-failed");
      await buyer.context.unroute(`**/${manifest().wasm.all}`);
      await buyer.scope.getByRole("button", { name: "Intentar de nuevo" }).click();
      await buyer.scope.getByRole("radio").nth(1).waitFor();
      await buyer.context.close();
    });
  }
});
