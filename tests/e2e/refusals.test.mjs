// What must not work does not work, and says so to the one who can put it right.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { CARDS, at, eventually, form, merchantPage, openWorld } from "./harness.mjs";

const element = (attributes) => `<ventanilla-checkout ${attributes}></ventanilla-checkout>
<script>document.querySelector("ventanilla-checkout").clientToken = () => window.tokenFromServer();</script>`;

let world, listed, unlisted, inline, pages;
before(async () => {
  listed = await merchantPage();
  unlisted = await merchantPage();
  inline = await merchantPage({ body: element('proxy="{{proxy}}" mode="inline" inline-cards') });
  pages = {
    "no proxy at all": await merchantPage({ body: element("") }),
    "a proxy that is no origin": await merchantPage({ body: element('proxy="pay.example"') }),
    "inline mode without the consent to inline cards": await merchantPage({ body: element('proxy="{{proxy}}" mode="inline"') }),
    "the proxy's own origin as the page's": null,
  };
  world = await openWorld({ origins: [listed, inline, ...Object.values(pages)].flatMap((page) => page?.origin ?? []) });
});
after(async () => {
  await world?.close();
  for (const page of [listed, unlisted, inline, ...Object.values(pages ?? {})]) await page?.close();
});

async function open(page, token, { path = "" } = {}) {
  const context = await world.browser.newContext({ locale: "es-CR" });
  context.setDefaultTimeout(15_000);
  const tab = await context.newPage();
  await tab.exposeFunction("tokenFromServer", token);
  await tab.addInitScript(() => {
    window.errors = [];
    document.addEventListener("ventanilla-error", ({ detail }) => window.errors.push(detail));
  });
  await tab.goto(page.with(world) + path);
  const error = () => eventually(() => tab.evaluate(() => window.errors[0]), "an error");
  return { context, tab, error, ...at(tab) };
}

/** Passes a request on as the browser meant it, and gives the answer to be changed. */
const passOn = (route) => route.fetch({ headers: { ...route.request().headers(), origin: world.proxy } });

const session = (order = "NEGADO") => world.merchant("POST", "/v1/sessions", { order_reference: order, description: order, total: { amount_minor: 300000, currency: "CRC" } });
const token = (order) => async () => (await session(order)).client_token;

describe("a client token", () => {
  const change = {
    "that somebody made up": () => "v2.bm90aGluZw.card.bm90aGluZw",
    "with one character changed": async () => {
      const { client_token } = await session();
      const at = client_token.length - 8;
      return client_token.slice(0, at) + (client_token[at] === "A" ? "B" : "A") + client_token.slice(at + 1);
    },
    "of another proxy": async () => {
      const other = await openWorld();
      try {
        const opened = await other.merchant("POST", "/v1/sessions", { order_reference: "OTRO", total: { amount_minor: 300000, currency: "CRC" } });
        return opened.client_token;
      } finally {
        await other.close();
      }
    },
  };
  for (const [name, made] of Object.entries(change)) {
    test(`${name} opens nothing: the buyer is sent to the shop, the shop is told its code`, async () => {
      const buyer = await open(listed, made);
      await buyer.sees("trouble_title");
      await buyer.frame.getByText("client-token-invalid").waitFor();
      const { fault, code } = await buyer.error();
      assert.deepEqual([fault, code], ["integration", "client-token-invalid"]);
      assert.equal(await buyer.frame.locator("input").count(), 0);
      await buyer.context.close();
    });
  }

  test("that has expired is replaced by asking the page for another, unseen by the buyer", async () => {
    const page = await merchantPage();
    const fast = await openWorld({ speed: 300, origins: [page.origin] });
    try {
      const opened = await fast.merchant("POST", "/v1/sessions", { order_reference: "VENCIDO", description: "VENCIDO", total: { amount_minor: 300000, currency: "CRC" }, expires_in_secs: 86_400 });
      const read = () => fetch(`${fast.proxy}/v1/checkout`, { headers: { Authorization: `Bearer ${opened.client_token}`, Origin: fast.proxy } });
      await eventually(async () => (await read()).status === 401, "the end of the first token", 30_000);
      const context = await fast.browser.newContext({ locale: "es-CR" });
      const tab = await context.newPage();
      let asked = 0;
      await tab.exposeFunction("tokenFromServer", async () => {
        asked += 1;
        if (asked === 1) return opened.client_token;
        return (await fast.merchant("POST", `/v1/sessions/${opened.session.id}/client-token`)).client_token;
      });
      await tab.goto(page.with(fast));
      const buyer = at(tab);
      await buyer.pay(CARDS.visa);
      await buyer.sees("paid_title");
      assert.ok(asked >= 2);
    } finally {
      await fast.close();
      await page.close();
    }
  });

  test("that the shop's server does not give is the shop's trouble, and can be asked for again", async () => {
    let asked = 0;
    const buyer = await open(listed, async () => {
      asked += 1;
      if (asked === 1) throw new Error("el servidor de la tienda no responde");
      return (await session("TARDE")).client_token;
    });
    await buyer.tab.getByRole("alert").getByText("No se pudo abrir el formulario de pago.").waitFor();
    const { fault, code, message } = await buyer.error();
    assert.deepEqual([fault, code], ["integration", "client-token-invalid"]);
    assert.match(message, /clientToken function failed/);
    await buyer.tab.getByRole("button", { name: "Intentar de nuevo" }).click();
    await buyer.field("number").waitFor();
    await buyer.context.close();
  });

  test("opens its own session and no other: an order belongs to the visitor who placed it", async () => {
    const buyer = await world.visit();
    await buyer.field("number").waitFor();
    const stranger = await world.browser.newContext({ locale: "es-CR" });
    const tab = await stranger.newPage();
    await tab.goto(buyer.page.url());
    await tab.getByText("No encontramos ese pedido.").waitFor();
    const answer = await tab.evaluate((number) => fetch(`/api/orders/${number}/client-token`, { method: "POST", headers: { "Content-Type": "application/json" } }).then(({ status }) => status), buyer.number);
    assert.equal(answer, 404);
    await stranger.close();
    await buyer.close();
  });
});

describe("a page", () => {
  test("that is not on the proxy's list cannot show the frame, and is told why", async () => {
    const buyer = await open(unlisted, token());
    await buyer.tab.getByRole("alert").getByText("No se pudo abrir el formulario de pago.").waitFor();
    const { fault, code, message } = await buyer.error();
    assert.deepEqual([fault, code], ["network", "load-failed"]);
    assert.match(message, new RegExp(`${unlisted.origin} in its list of origins`));
    assert.equal(await buyer.tab.locator("ventanilla-checkout iframe").isVisible(), false);
    await buyer.context.close();
  });

  test("that strips the frame's policy and is not on the list still gets no form", async () => {
    const buyer = await open(unlisted, token());
    await buyer.context.route("**/frame?*", async (route) => {
      const response = await route.fetch();
      const headers = response.headers();
      headers["content-security-policy"] = headers["content-security-policy"].replace(/frame-ancestors[^;]*;/, "");
      await route.fulfill({ response, headers });
    });
    await buyer.tab.reload();
    await buyer.tab.getByRole("alert").getByText("No se pudo abrir el formulario de pago.").waitFor();
    const frame = buyer.tab.frames().find((one) => one.url().startsWith(world.proxy));
    assert.equal(await frame.locator("input").count(), 0);
    await buyer.context.close();
  });

  test("that shows cards inline needs the operator's consent too: there is no form to fill in", async () => {
    const buyer = await open(inline, token("SIN-PERMISO"));
    const pay = form(buyer.tab.locator("ventanilla-checkout"), buyer.words);
    await pay.heading("trouble_title").first().waitFor();
    assert.equal(await pay.field("number").count(), 0);
    await buyer.tab.getByText("origin-not-allowed").waitFor();
    const { fault, code } = await buyer.error();
    assert.deepEqual([fault, code], ["integration", "origin-not-allowed"]);
    await buyer.context.close();
  });

  for (const name of ["no proxy at all", "a proxy that is no origin", "inline mode without the consent to inline cards"]) {
    test(`with ${name} shows an error and says what was expected`, async () => {
      const buyer = await open(pages[name], token());
      await buyer.tab.getByRole("alert").getByText("No se pudo abrir el formulario de pago.").waitFor();
      const { fault, code, message } = await buyer.error();
      assert.deepEqual([fault, code], ["integration", "setup-invalid"]);
      assert.match(message, /must be an origin|inline-cards/);
      await buyer.context.close();
    });
  }

  test("on the proxy's own origin is refused by the loader: the frame would not keep anything apart", async () => {
    const context = await world.browser.newContext({ locale: "es-CR" });
    const tab = await context.newPage();
    const { loader } = await (await fetch(`${world.proxy}/embed.json`)).json();
    await context.route(`${world.proxy}/tienda`, (route) =>
      route.fulfill({
        contentType: "text/html",
        body: `<script src="${loader}"></script><script>window.errors = []; document.addEventListener("ventanilla-error", ({ detail }) => window.errors.push(detail));</script>
<ventanilla-checkout proxy="${world.proxy}"></ventanilla-checkout>`,
      }),
    );
    await tab.goto(`${world.proxy}/tienda`);
    await tab.getByRole("alert").waitFor();
    const [error] = await tab.evaluate(() => window.errors);
    assert.equal(error.code, "setup-invalid");
    assert.equal(await tab.locator("iframe").count(), 0);
    await context.close();
  });

  test("that opens the frame's document by itself sees no form", async () => {
    const context = await world.browser.newContext({ locale: "es-CR" });
    const tab = await context.newPage();
    await tab.goto(`${world.proxy}/frame`);
    await tab.getByRole("alert").waitFor();
    assert.equal(await tab.locator("input").count(), 0);
    await context.close();
  });
});

describe("tampering", () => {
  test("an amount that somebody adds to the payment is refused, and nothing is debited", async () => {
    const buyer = await world.visit();
    await buyer.fill(CARDS.visa);
    await buyer.context.route("**/v1/checkout/attempts", (route) => {
      const body = { ...route.request().postDataJSON(), total: { amount_minor: 1, currency: "CRC" } };
      return route.continue({ postData: JSON.stringify(body) });
    });
    await buyer.button("pay").click();
    await buyer.frame.getByRole("alert").getByText("request-malformed").waitFor();
    assert.equal((await world.sandbox.debits(buyer.number)).length, 0);
    await buyer.context.unroute("**/v1/checkout/attempts");
    await buyer.button("pay").click();
    await buyer.sees("paid_title");
    assert.equal((await world.sandbox.approved(buyer.number))[0].amount, "9400.00");
    await buyer.close();
  });

  test("an amount that is changed on its way to the screen does not change the debit", async () => {
    const buyer = await world.visit();
    await buyer.context.route("**/v1/checkout", async (route) => {
      const response = await passOn(route);
      const view = await response.json();
      await route.fulfill({ response, json: { ...view, total: { amount_minor: 100, currency: "CRC" } } });
    });
    await buyer.page.reload();
    await buyer.pay(CARDS.visa);
    await buyer.sees("paid_title");
    assert.equal((await world.sandbox.approved(buyer.number))[0].amount, "9400.00");
    await buyer.close();
  });

  test("a price that the browser sends to the shop is not looked at", async () => {
    const answer = await fetch(`${world.shop}/api/orders`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ items: [{ sku: "poas-340", quantity: 1, unit_price: { amount_minor: 1, currency: "CRC" } }], total: 1, currency: "CRC" }),
    });
    assert.deepEqual((await answer.json()).total, { amount_minor: 940000, currency: "CRC" });
    for (const items of [[], [{ sku: "poas-340", quantity: -1 }], [{ sku: "poas-340", quantity: 0.5 }], [{ sku: "oro", quantity: 1 }]]) {
      const refused = await fetch(`${world.shop}/api/orders`, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ items, currency: "CRC" }) });
      assert.equal(refused.status, 422, JSON.stringify(items));
    }
  });

  test("a key that is not the pinned one is not sealed to", async () => {
    const buyer = await world.visit();
    // Any other key: this one was made for this test and thrown away.
    const { publicKey } = await crypto.subtle.generateKey({ name: "RSA-OAEP", modulusLength: 2048, publicExponent: new Uint8Array([1, 0, 1]), hash: "SHA-256" }, true, ["encrypt", "decrypt"]);
    const spki = Buffer.from(await crypto.subtle.exportKey("spki", publicKey)).toString("base64");
    await buyer.context.route("**/v1/checkout", async (route) => {
      const response = await passOn(route);
      const view = await response.json();
      await route.fulfill({ response, json: { ...view, card: { ...view.card, public_key: spki } } });
    });
    await buyer.page.evaluate(() => {
      window.errors = [];
      document.addEventListener("ventanilla-error", ({ detail }) => window.errors.push(detail.code));
    });
    await buyer.page.locator("ventanilla-checkout").evaluate((checkout) => checkout.setAttribute("locale", "es-MX"));
    const again = at(buyer.page, "es-MX");
    await again.sees("trouble_title");
    await again.frame.getByText("key-refused").waitFor();
    assert.equal(await again.frame.locator("input").count(), 0);
    assert.deepEqual(await buyer.page.evaluate(() => window.errors), ["key-refused"]);
    await buyer.close();
  });

  test("a payment that is recorded and sent again, twenty times at once, stays one debit", async () => {
    const buyer = await world.visit();
    const sent = buyer.page.waitForRequest("**/v1/checkout/attempts");
    await buyer.pay(CARDS.visa);
    const request = await sent;
    await buyer.sees("paid_title");
    const headers = await request.allHeaders();
    const again = await Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        fetch(request.url(), {
          method: "POST",
          headers: {
            Authorization: headers.authorization, Origin: world.proxy, "Content-Type": "application/json",
            // Half of them as they were, half as if they were new.
            "Idempotency-Key": index % 2 ? headers["idempotency-key"] : `replay-${index}-${"0".repeat(16)}`,
          },
          body: request.postData(),
        }),
      ),
    );
    for (const [index, answer] of again.entries()) {
      const body = await answer.json();
      if (index % 2) assert.equal(body.state, "succeeded");
      else assert.equal(body.code, "session-paid");
    }
    assert.equal((await world.sandbox.debits(buyer.number)).length, 1);
    await buyer.close();
  });
});
