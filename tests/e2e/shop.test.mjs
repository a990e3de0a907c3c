// The demo shop as a person uses it: the cart, the options, and what it says afterwards.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { CARDS, at, eventually, openWorld } from "./harness.mjs";

let world;
before(async () => (world = await openWorld()));
after(() => world?.close());

test("from the shelf to the receipt, by what can be seen", async () => {
  const context = await world.browser.newContext({ locale: "es-CR" });
  const page = await context.newPage();
  await page.goto(world.shop);
  await page.getByRole("button", { name: "Agregar al carrito: Poás, tueste medio" }).click();
  await page.getByRole("button", { name: "Agregar al carrito: Caja de degustación" }).click();
  await page.getByRole("button", { name: /^Carrito/ }).click();
  await page.getByLabel("Cantidad de Caja de degustación").selectOption("2");
  await page.getByText("Total", { exact: true }).locator("..").getByText(/33\s200,00/).waitFor();
  await page.getByRole("button", { name: "Ir a pagar" }).click();
  const buyer = at(page);
  await buyer.frame.getByText("Café Poás", { exact: true }).waitFor();
  await buyer.frame.getByText(/33\s200,00/).first().waitFor();
  await buyer.pay(CARDS.mastercard);
  await page.getByRole("heading", { name: "Gracias por su compra" }).waitFor();
  await page.getByRole("link", { name: "Café Poás" }).click();
  await page.getByRole("heading", { level: 1 }).waitFor();
  assert.equal(await page.locator("#count").isVisible(), false, "the cart is empty again");
  await context.close();
});

test("it thanks only when its own server has asked the proxy", async () => {
  const buyer = await world.visit();
  await buyer.field("number").waitFor();
  // A script of the page claims that the order is paid.
  await buyer.page.locator("ventanilla-checkout").evaluate((checkout) =>
    checkout.dispatchEvent(new CustomEvent("ventanilla-complete", { bubbles: true, detail: { sessionId: "ses_x", attemptId: "att_x", rail: "card", outcome: "captured" } })),
  );
  await buyer.page.getByText("El pago no se completó.").waitFor();
  assert.equal(await buyer.page.getByRole("heading", { name: "Gracias por su compra" }).count(), 0);
  await buyer.close();
});

test("its server hears of the payment from the proxy, and takes nothing that is not signed", async () => {
  const buyer = await world.visit();
  const told = async () => {
    const order = await buyer.page.evaluate(async (number) => (await fetch(`/api/orders/${number}`)).json(), buyer.number);
    return order.told;
  };
  const forged = await fetch(`${world.shop}/webhooks`, {
    method: "POST",
    headers: { "webhook-id": "msg_x", "webhook-timestamp": String(Math.floor(Date.now() / 1000)), "webhook-signature": "v1,AAAA" },
    body: JSON.stringify({ type: "session.succeeded", data: { session: { order_reference: buyer.number } } }),
  });
  assert.equal(forged.status, 401);
  assert.equal(await told(), null);
  await buyer.pay(CARDS.visa);
  await buyer.sees("paid_title");
  await eventually(async () => (await told()) === "session.succeeded", "the news of the payment");
  await buyer.close();
});

test("coming back to a paid order shows the receipt and thanks again", async () => {
  const buyer = await world.visit();
  await buyer.pay(CARDS.visa);
  await buyer.sees("paid_title");
  const later = await buyer.context.newPage();
  await later.goto(buyer.page.url());
  await later.getByRole("heading", { name: "Gracias por su compra" }).waitFor();
  await at(later).sees("paid_title");
  await buyer.close();
});

test("its options change language, currency, buyer and installments of the next order", async () => {
  const context = await world.browser.newContext({ locale: "es-CR" });
  const page = await context.newPage();
  await page.goto(world.shop);
  await page.getByText("Opciones de esta demostración").click();
  await page.getByLabel("Moneda").selectOption("USD");
  await page.getByLabel("Quién compra").selectOption("ana");
  await page.getByLabel("Ofrecer cuotas").check();
  await page.getByLabel("Idioma").selectOption("en-CA");
  await page.getByRole("button", { name: "Add to cart: Cedar chorreador" }).click();
  await page.getByRole("button", { name: /^Cart/ }).click();
  await page.getByRole("button", { name: "Check out" }).click();
  const buyer = at(page, "en-CA");
  await buyer.frame.getByText(/33\.40/).first().waitFor();
  await buyer.field("installments").waitFor();
  await buyer.frame.getByLabel(buyer.words.save_card).waitFor();
  await page.getByRole("link", { name: "Test cards" }).waitFor();
  await context.close();
});

test("the embedding in its page is what the proxy hands out, and its policy allows nothing else", async () => {
  const answer = await fetch(world.shop);
  const html = await answer.text();
  const { loader, integrity } = await (await fetch(`${world.proxy}/embed.json`)).json();
  assert.ok(html.includes(`<script src="${loader}" integrity="${integrity}" crossorigin defer></script>`.replaceAll("+", "+")));
  assert.ok(html.includes(`<ventanilla-checkout proxy="${world.proxy}"></ventanilla-checkout>`));
  const policy = answer.headers.get("content-security-policy");
  assert.match(policy, /default-src 'none'/);
  assert.ok(policy.includes(`script-src 'self' '${integrity}';`) && policy.includes(`frame-src ${world.proxy};`));
  assert.doesNotMatch(policy, /unsafe|\*/);
});
