// When it is not certain what happened: the buyer is never debited twice, and never told a failure that
// nobody has confirmed.

import assert from "node:assert/strict";
import { after, afterEach, before, describe, test } from "node:test";
import { CARDS, at, eventually, form, merchantPage, openWorld, texts, watch } from "./harness.mjs";

let world;
before(async () => (world = await openWorld()));
after(() => world?.close());
afterEach(() => world.sandbox.clear());

test("a 504 after the debit was executed ends as paid, with one debit", async () => {
  const buyer = await world.visit();
  await buyer.fill(CARDS.visa);
  await world.sandbox.fault({ operation: "pay", kind: "gateway_timeout_after", times: 1 });
  await buyer.pay();
  await buyer.sees("paid_title", { timeout: 30_000 });
  assert.equal((await world.sandbox.debits(buyer.number)).length, 1);
  await buyer.close();
});

test("an amount that is not ours is never taken for the payment: somebody at the shop must look", async () => {
  const buyer = await world.visit();
  await buyer.fill(CARDS.visa);
  await world.sandbox.fault({ operation: "pay", kind: "wrong_amount", times: 1 });
  await world.sandbox.fault({ operation: "transaction", kind: "wrong_amount", times: 1 });
  await buyer.pay();
  await buyer.sees("review_title");
  await buyer.frame.getByText(buyer.words.review_text).waitFor();
  assert.equal(await buyer.button("pay").count(), 0);
  assert.equal(await buyer.page.getByRole("heading", { name: "Gracias por su compra" }).count(), 0);
  assert.equal((await world.sandbox.debits(buyer.number)).length, 1);
  await buyer.close();
});

test("reloading the page in the middle of a payment takes it up where it was, with one debit", async () => {
  const buyer = await world.visit();
  await buyer.fill(CARDS.mastercard);
  await world.sandbox.fault({ operation: "pay", kind: "stall", ms: 3000, times: 1 });
  await buyer.pay();
  await eventually(async () => (await world.sandbox.debits(buyer.number)).length === 1, "the debit");
  await buyer.page.reload();
  await buyer.sees("paid_title", { timeout: 30_000 });
  assert.equal((await world.sandbox.debits(buyer.number)).length, 1);
  await buyer.close();
});

test("leaving while the bank is silent and coming back later shows the outcome", async () => {
  const buyer = await world.visit();
  await buyer.fill(CARDS.visa);
  await world.sandbox.fault({ operation: "pay", kind: "reset_after", times: 1 });
  await buyer.pay();
  await eventually(async () => (await world.sandbox.debits(buyer.number)).length === 1, "the debit");
  const address = buyer.page.url();
  await buyer.page.goto("about:blank");
  await buyer.page.goto(address);
  await buyer.sees("paid_title", { timeout: 30_000 });
  assert.equal((await world.sandbox.debits(buyer.number)).length, 1);
  await buyer.close();
});

test("after eight seconds of silence the buyer reads that nobody pays twice, and never the word failed", async () => {
  const buyer = await world.visit();
  await buyer.fill(CARDS.visa);
  await world.sandbox.fault({ operation: "pay", kind: "stall", ms: 12_000, times: 1 });
  await buyer.pay();
  await buyer.frame.getByRole("button", { name: buyer.words.paying }).waitFor();
  assert.ok(await buyer.frame.getByRole("button", { name: buyer.words.paying }).isDisabled().catch(() => true));
  await buyer.sees("bank_title", { timeout: 12_000 });
  await buyer.frame.getByText(buyer.words.bank_text).waitFor();
  assert.equal(await buyer.frame.getByRole("button", { name: /^Pagar/ }).count(), 0, "there is nothing to pay again with");
  await buyer.sees("paid_title", { timeout: 30_000 });
  assert.equal((await world.sandbox.debits(buyer.number)).length, 1);
  await buyer.close();
});

test("a double click is one attempt", async () => {
  const buyer = await world.visit();
  await buyer.fill(CARDS.visa);
  await buyer.button("pay").dblclick();
  await buyer.sees("paid_title");
  const starts = buyer.seen.requests.filter(({ url }) => url.endsWith("/v1/checkout/attempts"));
  assert.equal(starts.length, 1);
  assert.equal((await world.sandbox.debits(buyer.number)).length, 1);
  await buyer.close();
});

test("two tabs that pay at the same moment end as paid, both, with one debit", async () => {
  const one = await world.visit();
  const page = await one.context.newPage();
  await page.goto(one.page.url());
  const other = at(page);
  await one.fill(CARDS.visa);
  await other.fill(CARDS.mastercard);
  await world.sandbox.fault({ operation: "pay", kind: "stall", ms: 1500, times: 1 });
  await Promise.all([one.button("pay").click(), other.button("pay").click()]);
  await Promise.all([one.sees("paid_title", { timeout: 30_000 }), other.sees("paid_title", { timeout: 30_000 })]);
  assert.equal((await world.sandbox.approved(one.number)).length, 1);
  await one.close();
});

test("losing the connection on paying proves nothing: when it is back, the one debit is found", async () => {
  const buyer = await world.visit();
  await buyer.fill(CARDS.visa);
  // The request arrives; its answer does not.
  let lost = 0;
  await buyer.context.route("**/v1/checkout/attempts", async (route) => {
    lost += 1;
    if (lost > 1) return route.continue();
    await route.fetch();
    await route.abort("connectionreset");
  });
  await buyer.pay();
  await buyer.sees("paid_title", { timeout: 30_000 });
  assert.equal((await world.sandbox.debits(buyer.number)).length, 1);
  await buyer.close();
});

test("a proxy that is restarted in the middle of a payment finds its outcome", async () => {
  const buyer = await world.visit();
  await buyer.fill(CARDS.visa);
  await world.sandbox.fault({ operation: "pay", kind: "stall", ms: 4000, times: 1 });
  await buyer.pay();
  await eventually(async () => (await world.sandbox.debits(buyer.number)).length === 1, "the debit");
  await world.restartProxy();
  await buyer.sees("paid_title", { timeout: 60_000 });
  assert.equal((await world.sandbox.debits(buyer.number)).length, 1);
  await buyer.close();
});

test("when the provider cannot be reached nothing is sent, and the form stays as it was filled in", async () => {
  const buyer = await world.visit();
  await buyer.fill(CARDS.visa);
  await world.sandbox.fault({ operation: "create_order", kind: "down", times: 1 });
  await buyer.pay();
  await buyer.frame.getByText(buyer.words.alert_provider).or(buyer.heading("not_executed_title")).waitFor();
  await world.sandbox.clear();
  assert.equal((await world.sandbox.debits(buyer.number)).length, 0);
  const again = buyer.button("try_again");
  if (await again.count()) {
    await again.click();
    await buyer.fill(CARDS.visa);
  }
  await buyer.pay();
  await buyer.sees("paid_title", { timeout: 30_000 });
  assert.equal((await world.sandbox.debits(buyer.number)).length, 1);
  await buyer.close();
});

describe("with clocks that run fast", () => {
  test("the whole way through doubt says what is known, offers no second payment, outlives a reload, and ends in the truth", async () => {
    const page = await merchantPage();
    const fast = await openWorld({ speed: 20, origins: [page.origin] });
    try {
      const context = await fast.browser.newContext({ locale: "es-CR" });
      // Every text that ever stood in the frame, between two looks too.
      const read = new Set();
      await context.exposeBinding("keepText", (_source, text) => void read.add(text));
      await context.addInitScript(() => {
        if (window === window.top) return;
        const keep = () => document.body && window.keepText(document.body.innerText);
        addEventListener("DOMContentLoaded", () => {
          keep();
          new MutationObserver(keep).observe(document.body, { subtree: true, childList: true, characterData: true });
        });
      });
      const tab = await context.newPage();
      const opened = await fast.merchant("POST", "/v1/sessions", {
        order_reference: "DUDA-1", description: "DUDA-1", total: { amount_minor: 990000, currency: "CRC" }, expires_in_secs: 86_400,
      });
      await tab.exposeFunction("tokenFromServer", async () => {
        const { client_token } = await fast.merchant("POST", `/v1/sessions/${opened.session.id}/client-token`);
        return client_token;
      });
      await tab.goto(page.with(fast));
      const frame = tab.locator("ventanilla-checkout iframe").contentFrame();
      const words = texts("es-CR");
      const buyer = form(frame, words);
      const nothingToPayWith = async (when) => assert.equal(await frame.getByRole("button", { name: /^Pagar/ }).count(), 0, when);
      await buyer.fill(CARDS.visa);
      await fast.sandbox.fault({ operation: "pay", kind: "gateway_timeout_after", times: 1 });
      await fast.sandbox.fault({ operation: "transaction", kind: "error_500", times: 10_000 });
      await buyer.pay();
      await buyer.sees("bank_title", { timeout: 20_000 });
      await nothingToPayWith("while the bank is silent");
      await buyer.sees("confirming_title", { timeout: 40_000 });
      await nothingToPayWith("while it is being confirmed");
      await frame.getByText(/att_[a-z2-7]{26}/).waitFor();
      await tab.reload();
      await buyer.sees("confirming_title", { timeout: 20_000 });
      await nothingToPayWith("after a reload");
      await fast.sandbox.clear();
      // Whoever asks by hand gets the answer; so does whoever waits.
      await buyer.button("check_now").or(buyer.heading("paid_title")).first().waitFor({ timeout: 60_000 });
      if (await buyer.button("check_now").count()) await buyer.button("check_now").click();
      await buyer.sees("paid_title", { timeout: 30_000 });
      assert.equal((await fast.sandbox.debits("DUDA-1")).length, 1);
      assert.ok([...read].some((text) => text.includes(words.bank_title)), "the texts were kept");
      for (const text of read) assert.doesNotMatch(text, /fall[óo]|fallid|rechazad|denegad|no se pudo|no se realizó|error/i);
    } finally {
      await fast.close();
      await page.close();
    }
  });

  test("a 504 without a debit ends, after the provider's session has died, as not paid; then the order can be paid", async () => {
    const page = await merchantPage();
    const fast = await openWorld({ speed: 300, origins: [page.origin] });
    try {
      const context = await fast.browser.newContext({ locale: "es-CR" });
      watch(context);
      const tab = await context.newPage();
      const opened = await fast.merchant("POST", "/v1/sessions", {
        order_reference: "RAPIDO-1", description: "RAPIDO-1", total: { amount_minor: 990000, currency: "CRC" }, expires_in_secs: 86_400,
      });
      // At this speed a token is old within seconds, so the widget must ask for new ones by itself.
      await tab.exposeFunction("tokenFromServer", async () => {
        const { client_token } = await fast.merchant("POST", `/v1/sessions/${opened.session.id}/client-token`);
        return client_token;
      });
      await tab.goto(page.with(fast));
      const words = texts("es-CR");
      const buyer = form(tab.locator("ventanilla-checkout iframe").contentFrame(), words);
      await buyer.fill(CARDS.visa);
      await fast.sandbox.fault({ operation: "pay", kind: "gateway_timeout_before", times: 1 });
      await buyer.pay();
      await buyer.sees("not_executed_title", { timeout: 90_000 });
      assert.equal((await fast.sandbox.debits("RAPIDO-1")).length, 0);
      await buyer.button("try_again").click();
      await buyer.pay(CARDS.visa);
      await buyer.sees("paid_title", { timeout: 30_000 });
      assert.equal((await fast.sandbox.debits("RAPIDO-1")).length, 1);
    } finally {
      await fast.close();
      await page.close();
    }
  });
});
