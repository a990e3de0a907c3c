// The checkout speaks five languages, and falls back from any other by a rule that is written down.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { CARDS, at, form, merchantPage, openWorld, texts } from "./harness.mjs";

let world, page;
before(async () => {
  page = await merchantPage();
  world = await openWorld({ origins: [page.origin] });
});
after(async () => {
  await world?.close();
  await page?.close();
});

/** A phrase that only this language says, and the amount as it writes it. */
const PECULIAR = {
  "es-CR": ["Escriba el número de la tarjeta", /₡\s?9\s400,00/],
  "es-AR": ["Escribí el número de la tarjeta", /9\.400,00/],
  "es-MX": ["Escribe el número de la tarjeta", /9,400\.00/],
  "en-CA": ["Enter the card number", /9,400\.00/],
  "fr-CA": ["numéro de la carte", /9\s400,00/],
};

describe("in each language", () => {
  for (const [locale, [phrase, amount]] of Object.entries(PECULIAR)) {
    test(`${locale}: from the form through mistakes and a decline to the receipt, not a word of another language`, async () => {
      const buyer = await world.visit({ locale });
      await buyer.field("number").waitFor();
      assert.equal(await buyer.frame.locator("[lang]").last().getAttribute("lang"), locale);
      const read = () => buyer.frame.locator("main").innerText();
      const seen = [await read()];
      await buyer.button("pay").click();
      await buyer.frame.getByText(phrase).first().waitFor();
      seen.push(await read());
      await buyer.pay(CARDS.declined);
      await buyer.sees("declined_title");
      seen.push(await read());
      await buyer.button("use_other_card").click();
      await buyer.pay(CARDS.visa);
      await buyer.sees("paid_title");
      seen.push(await read());
      const all = seen.join("\n");
      assert.match(all, amount);
      const foreign = locale.startsWith("es")
        ? /\b(the|card number|payment|your|carte|paiement|votre)\b/i
        : locale.startsWith("en")
          ? /\b(tarjeta|pago|número|carte|paiement|votre)\b/i
          : /\b(tarjeta|pago|número|card|payment|your)\b/i;
      // The shop's name, the order's lines and the bank's codes are not ours to translate.
      assert.doesNotMatch(all.replaceAll("Café Poás", ""), foreign);
      await buyer.close();
    });
  }
});

describe("any other language tag", () => {
  const falls = [
    ["es-419", ["en-US"], "es-CR"],
    ["es", ["en-US"], "es-CR"],
    ["en-GB", ["es-MX"], "en-CA"],
    ["fr", ["en-US"], "fr-CA"],
    ["de", ["fr-FR", "en"], "fr-CA"],
    ["ja", ["ko"], "en-CA"],
  ];
  for (const [asked, browser, answered] of falls) {
    test(`${asked}, in a browser that reads ${browser.join(", ")}, gets ${answered}`, async () => {
      const context = await world.browser.newContext({ locale: browser[0] });
      const tab = await context.newPage();
      await tab.exposeFunction("tokenFromServer", async () => {
        const opened = await world.merchant("POST", "/v1/sessions", { order_reference: "IDIOMA", total: { amount_minor: 100000, currency: "CRC" } });
        return opened.client_token;
      });
      await tab.goto(page.with(world));
      await tab.locator("ventanilla-checkout").evaluate((element, locale) => element.setAttribute("locale", locale), asked);
      const frame = tab.locator("ventanilla-checkout iframe").contentFrame();
      await form(frame, texts(answered)).field("number").waitFor();
      assert.equal(await frame.locator("main [lang]").getAttribute("lang"), answered);
      await context.close();
    });
  }
});

test("changing the language on the page shows the same order in the new one", async () => {
  const buyer = await world.visit();
  await buyer.field("number").waitFor();
  await buyer.page.getByText("Opciones de esta demostración").click();
  await buyer.page.getByLabel("Idioma").selectOption("fr-CA");
  const french = at(buyer.page, "fr-CA");
  await french.field("number").waitFor();
  await french.pay(CARDS.visa);
  await french.sees("paid_title");
  await buyer.page.getByRole("heading", { name: "Merci de votre achat" }).waitFor();
  assert.equal((await world.sandbox.debits(buyer.number)).length, 1);
  await buyer.close();
});
