// Everybody can pay: by keyboard, by screen reader, on a small screen, with large text.

import { AxeBuilder } from "@axe-core/playwright";
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { CARDS, openWorld } from "./harness.mjs";

const RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22a", "wcag22aa"];

let world;
before(async () => (world = await openWorld({ attempts: 2 })));
after(() => world?.close());

async function axe(page, where) {
  const { violations, passes } = await new AxeBuilder({ page }).withTags(RULES).analyze();
  const told = violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ target, failureSummary }) => `${target.join(" ")}: ${failureSummary}`).join("; ")}`);
  assert.deepEqual(told, [], where);
  assert.ok(passes.length > 15, `${where}: axe looked at next to nothing`);
}

describe("no rule of WCAG 2.2 A and AA that a program can check is broken", () => {
  for (const colorScheme of ["light", "dark"]) {
    test(`on any screen, ${colorScheme}`, async () => {
      const buyer = await world.visit({ colorScheme, buyer: "ana", installments: true });
      const { page, frame, words } = buyer;
      await buyer.field("holder").or(frame.getByRole("radio").first()).first().waitFor();
      await axe(page, "the form");
      const another = frame.getByRole("radio", { name: words.another_card });
      if (await another.count()) await another.check();
      await buyer.field("number").fill("4242");
      await buyer.button("pay").click();
      await frame.getByText(words.expiry_empty).waitFor();
      await axe(page, "the form with mistakes");

      await buyer.fill(CARDS.declined);
      await buyer.button("pay").click();
      await buyer.sees("declined_title");
      await axe(page, "declined");
      await buyer.button("use_other_card").click();
      if (await another.count()) await another.check();
      await buyer.fill(CARDS.visa);
      await frame.getByLabel(words.save_card).check();
      await world.sandbox.fault({ operation: "pay", kind: "stall", ms: 12_000, times: 1 });
      await buyer.button("pay").click();
      await frame.getByRole("button", { name: words.paying }).waitFor();
      await axe(page, "paying");
      await buyer.sees("bank_title");
      await axe(page, "waiting for the bank");
      await buyer.sees("paid_title", { timeout: 30_000 });
      await page.getByRole("heading", { name: "Gracias por su compra" }).waitFor();
      await axe(page, "paid");
      await buyer.close();

      const again = await world.visit({ colorScheme, buyer: "ana" });
      await again.frame.getByRole("radio", { name: /4242/ }).first().waitFor();
      await axe(again.page, "saved cards");
      await again.close();
    });
  }

  test("when there are no attempts left, when the session is over, when the shop is broken, when nothing answers", async () => {
    const buyer = await world.visit();
    for (const card of [CARDS.declined, CARDS.noFunds]) {
      await buyer.pay(card);
      await buyer.sees("declined_title");
      await buyer.button("use_other_card").click();
    }
    await buyer.pay(CARDS.visa);
    await buyer.sees("exhausted_title");
    await axe(buyer.page, "no attempts left");
    await buyer.close();

    const late = await world.visit();
    await late.field("number").waitFor();
    const [{ id }] = await sessionsOf(late);
    await world.merchant("POST", `/v1/sessions/${id}/expire`, {});
    await late.page.reload();
    await late.sees("expired_title");
    await axe(late.page, "expired");
    await late.close();

    const broken = await world.visit();
    await broken.context.route("**/v1/checkout", (route) => route.fulfill({ status: 500, body: "{}" }));
    await broken.page.reload();
    await broken.sees("trouble_title");
    await axe(broken.page, "trouble");
    await broken.context.route("**/frame?*", (route) => route.abort());
    await broken.page.reload();
    await broken.page.getByRole("alert").getByText("No se pudo abrir el formulario de pago").waitFor({ timeout: 20_000 });
    await axe(broken.page, "no frame");
    await broken.close();
  });

  test("in the shop around the checkout", async () => {
    const buyer = await world.visit();
    await buyer.page.goto(`${world.shop}/`);
    await buyer.page.getByText("Opciones de esta demostración").click();
    await axe(buyer.page, "shop");
    await buyer.page.goto(`${world.shop}/#carrito`);
    await axe(buyer.page, "cart");
    await buyer.close();
  });
});

/** The session of a buyer's order, as the widget was told. */
async function sessionsOf(buyer) {
  const found = [];
  const wait = buyer.page.waitForResponse((response) => response.url().endsWith("/v1/checkout"));
  await buyer.page.reload();
  found.push({ id: (await (await wait).json()).session_id });
  return found;
}

test("the whole payment can be done by keyboard, and the focus goes where the buyer is", async () => {
  const buyer = await world.visit({ installments: true });
  const { page, words } = buyer;
  await buyer.field("number").waitFor();
  const focused = () =>
    buyer.frame.locator("html").evaluate(() => {
      const element = document.activeElement;
      return element === document.body ? "" : (element.labels?.[0]?.textContent ?? element.textContent);
    });
  await page.locator("#main").focus();
  for (let presses = 0; (await focused()) !== words.number; presses += 1) {
    assert.ok(presses < 10, "the card number cannot be reached with the tab key");
    await page.keyboard.press("Tab");
  }
  await page.keyboard.type(CARDS.amex.number);
  for (const [name, typed] of [["expiry", "1234"], ["cvc", "1234"], ["holder", "Ana Solano"]]) {
    await page.keyboard.press("Tab");
    assert.equal(await focused(), words[name]);
    await page.keyboard.type(typed);
  }
  await page.keyboard.press("Tab");
  assert.equal(await focused(), words.installments);
  await page.keyboard.press("Tab");
  assert.match(await focused(), /^Pagar/);
  await page.keyboard.press("Enter");
  await buyer.sees("paid_title");
  // A screen that replaces another takes the focus, or a screen reader is left behind.
  assert.equal(await focused(), words.paid_title);
  await buyer.close();
});

test("the enter key in a field pays, and a mistake brings the focus to it", async () => {
  const buyer = await world.visit();
  await buyer.fill({ ...CARDS.visa, cvc: "12" });
  await buyer.field("holder").press("Enter");
  await buyer.frame.getByText("Son 3 dígitos").waitFor();
  assert.ok(await buyer.field("cvc").evaluate((input) => input === document.activeElement && input.getAttribute("aria-invalid") === "true"));
  await buyer.page.keyboard.type("3");
  await buyer.field("cvc").press("Enter");
  await buyer.sees("paid_title");
  await buyer.close();
});

describe("on any screen", () => {
  const sizes = { "a phone": [390, 844], "a small phone": [320, 640], "a phone with its keyboard open": [390, 420], "a desktop at 400 %": [320, 256] };
  for (const [name, [width, height]] of Object.entries(sizes)) {
    test(`${name}, ${width} by ${height}: nothing is cut off, and what is to be touched is large enough`, async () => {
      const buyer = await world.visit({ viewport: { width, height }, buyer: "ana", installments: true, hasTouch: true });
      const radio = buyer.frame.getByRole("radio", { name: buyer.words.another_card });
      await buyer.field("installments").waitFor();
      if (await radio.count()) await radio.check();
      await buyer.button("pay").tap();
      await buyer.frame.getByText(buyer.words.number_empty).waitFor();
      const wide = (scope) => scope.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
      assert.equal(await wide(buyer.page), 0, "the page scrolls sideways");
      assert.equal(await wide(buyer.frame.locator("html")), 0, "the frame scrolls sideways");
      const tall = await buyer.frame.locator("html").evaluate((html) => html.scrollHeight - html.clientHeight);
      assert.equal(tall, 0, "the frame scrolls by itself");
      const small = await buyer.frame.locator("button, select, input:not([type=checkbox]):not([type=radio]), label:has(input)").evaluateAll((all) =>
        all.filter((one) => one.checkVisibility()).map((one) => [one.textContent, Math.round(one.getBoundingClientRect().height)]).filter(([, height]) => height < 44),
      );
      assert.deepEqual(small, []);
      const type = await buyer.frame.locator("input:not([type=checkbox]):not([type=radio]), select").evaluateAll((all) => all.map((one) => parseFloat(getComputedStyle(one).fontSize)));
      assert.ok(type.every((size) => size >= 16), "smaller text makes phones zoom");
      await buyer.fill(CARDS.visa);
      await buyer.button("pay").tap();
      await buyer.sees("paid_title");
      await buyer.close();
    });
  }

  test("text twice as large stays whole", async () => {
    const buyer = await world.visit({ viewport: { width: 390, height: 844 } });
    await buyer.field("number").waitFor();
    const session = await buyer.context.newCDPSession(buyer.page);
    await session.send("Page.setFontSizes", { fontSizes: { standard: 32, fixed: 26 } });
    await buyer.page.reload();
    await buyer.button("pay").click();
    await buyer.frame.getByText(buyer.words.number_empty).waitFor();
    const wide = await buyer.page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    assert.equal(wide, 0);
    await buyer.close();
  });
});

test("errors and states are announced by a live region that was there from the start", async () => {
  const buyer = await world.visit();
  await buyer.field("number").waitFor();
  const region = buyer.frame.getByRole("status").first();
  await region.evaluate((element) => (element.dataset.before = "yes"));
  await buyer.button("pay").click();
  await buyer.frame.locator('[role=status][data-before=yes]', { hasText: "Hay 4 datos por corregir" }).waitFor({ state: "attached" });
  await buyer.close();
});
