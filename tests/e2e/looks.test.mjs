// Pictures of every screen for people to look at, in tests/e2e/out; and what a picture cannot show: that
// nothing jumps, and that colour schemes are followed.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { CARDS, openWorld, picture } from "./harness.mjs";

let world;
before(async () => (world = await openWorld()));
after(() => world?.close());

// Tall enough for the whole page, but for the phone with its keyboard open.
const sizes = { 320: [320, 2000], 390: [390, 1800], 1280: [1280, 1200], "390x420": [390, 420] };
const looks = {
  light: { colorScheme: "light" },
  dark: { colorScheme: "dark" },
  forced: { forcedColors: "active" },
};

async function tour(name, options) {
  const buyer = await world.visit({ buyer: "guest", installments: true, cart: [["poas-340", 2], ["chorreador", 1]], ...options });
  const shot = (screen) => picture(buyer.page, `${name}-${screen}`);
  await buyer.field("number").waitFor();
  await shot("1-form");
  await buyer.field("number").fill("4242 4242 4242 42");
  await buyer.button("pay").click();
  await buyer.frame.getByText(buyer.words.holder_empty).waitFor();
  await shot("2-mistakes");
  await buyer.fill(CARDS.noFunds);
  await shot("3-filled");
  await buyer.button("pay").click();
  await buyer.sees("declined_title");
  await shot("4-declined");
  await buyer.button("use_other_card").click();
  await buyer.pay(CARDS.visa);
  await buyer.sees("paid_title");
  await buyer.page.locator("#thanks:not(:empty)").waitFor();
  await shot("5-paid");
  await buyer.close();
}

describe("pictures", () => {
  for (const [size, [width, height]] of Object.entries(sizes)) {
    test(`at ${size}, light`, () => tour(`${size}-light`, { viewport: { width, height }, ...looks.light }));
  }
  for (const scheme of ["dark", "forced"]) {
    test(`at 390 and 1280, ${scheme}`, async () => {
      await tour(`390-${scheme}`, { viewport: { width: 390, height: 1800 }, ...looks[scheme] });
      await tour(`1280-${scheme}`, { viewport: { width: 1280, height: 1200 }, ...looks[scheme] });
    });
  }
  test("in the longest language, on the smallest phone", () => tour("320-fr-CA", { viewport: { width: 320, height: 2000 }, locale: "fr-CA" }));
  test("enlarged to 200 %", () => tour("200-percent", { viewport: { width: 640, height: 1500 }, deviceScaleFactor: 2 }));
  test("while waiting, with saved cards, and with the shop around it", async () => {
    const buyer = await world.visit({ buyer: "ana" });
    await buyer.fill(CARDS.visa);
    await buyer.frame.getByLabel(buyer.words.save_card).check();
    await world.sandbox.fault({ operation: "pay", kind: "stall", ms: 11_000, times: 1 });
    await buyer.button("pay").click();
    await buyer.frame.getByRole("button", { name: buyer.words.paying }).waitFor();
    await picture(buyer.page, "1280-light-6-paying");
    await buyer.sees("bank_title");
    await picture(buyer.page, "1280-light-7-waiting");
    await buyer.sees("paid_title", { timeout: 30_000 });
    await buyer.close();
    for (const [scheme, colorScheme] of [["light", "light"], ["dark", "dark"]]) {
      const again = await world.visit({ buyer: "ana", viewport: { width: 390, height: 1800 }, colorScheme });
      await again.frame.getByRole("radio", { name: /4242/ }).first().waitFor();
      await picture(again.page, `390-${scheme}-8-saved`);
      await again.page.goto(`${world.shop}/#carrito`);
      await picture(again.page, `390-${scheme}-9-cart`);
      await again.page.goto(`${world.shop}/`);
      await picture(again.page, `390-${scheme}-9-shop`);
      await again.page.setViewportSize({ width: 1280, height: 1200 });
      await picture(again.page, `1280-${scheme}-9-shop`);
      await again.close();
    }
  });
});

test("the frame follows the page's colour scheme, also when the page is light in a dark system", async () => {
  const scheme = (buyer) => buyer.frame.locator("html").evaluate(() => (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light"));
  const dark = await world.visit({ colorScheme: "dark" });
  await dark.field("number").waitFor();
  assert.equal(await scheme(dark), "dark");
  await dark.page.evaluate(() => (document.documentElement.style.colorScheme = "light"));
  const paper = () => dark.frame.locator("body *").first().evaluate((element) => getComputedStyle(element).colorScheme);
  await dark.page.locator("ventanilla-checkout").evaluate((checkout) => (checkout.appearance = { scheme: "light" }));
  await dark.frame.locator('[data-scheme="light"]').waitFor();
  assert.ok(await paper());
  await dark.close();
});

test("nothing jumps: from the skeleton to the form and to its mistakes, everything stays where it is", async () => {
  const buyer = await world.visit({ viewport: { width: 390, height: 844 } });
  await buyer.field("number").waitFor();
  let goOn;
  const held = new Promise((resolve) => (goOn = resolve));
  await buyer.context.route("**/v1/checkout", async (route) => {
    await held;
    await route.continue();
  });
  const asked = buyer.page.waitForRequest("**/v1/checkout");
  await buyer.page.reload();
  await asked;
  await buyer.frame.locator(".skeleton").waitFor();
  const tall = async () => (await buyer.page.locator("ventanilla-checkout").boundingBox()).height;
  const skeleton = await tall();
  goOn();
  await buyer.field("number").waitFor();
  const form = await tall();
  assert.ok(Math.abs(skeleton - form) <= 24, `the skeleton is ${skeleton} px tall, the form ${form}`);
  const top = async () => (await buyer.field("holder").boundingBox()).y;
  const before = await top();
  await buyer.button("pay").click();
  await buyer.frame.getByText(buyer.words.number_empty).waitFor();
  assert.equal(await top(), before);
  await buyer.field("number").fill("4242");
  assert.equal(await top(), before);
  await buyer.close();
});

test("with reduced motion nothing moves", async () => {
  const buyer = await world.visit({ reducedMotion: "reduce" });
  await buyer.field("number").waitFor();
  const moving = await buyer.frame.locator("*").evaluateAll((all) =>
    all.filter((one) => {
      const { animationName, animationDuration, transitionDuration } = getComputedStyle(one);
      return (animationName !== "none" && parseFloat(animationDuration) > 0.1) || parseFloat(transitionDuration) > 0.1;
    }).length,
  );
  assert.equal(moving, 0);
  await buyer.close();
});
