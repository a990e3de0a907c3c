// Paying with a card that is typed now, through the demo shop.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { CARDS, eventually, openWorld, pattern, texts } from "./harness.mjs";

let world;
before(async () => (world = await openWorld()));
after(() => world?.close());

describe("a card that the bank approves", () => {
  for (const [name, card] of Object.entries(CARDS).filter(([name]) => !["declined", "noFunds"].includes(name))) {
    test(`${name}: one debit over the order's amount, a receipt, and a shop that says thank you`, async () => {
      const buyer = await world.visit({ cart: [["poas-340", 2], ["chorreador", 1]] });
      await buyer.fill(card);
      await buyer.frame.getByText(card.name, { exact: true }).first().waitFor();
      await buyer.pay();
      await buyer.sees("paid_title");
      await buyer.frame.getByText(card.number.slice(-4)).first().waitFor();
      await buyer.page.getByRole("heading", { name: "Gracias por su compra" }).waitFor();

      const [debit, ...more] = await world.sandbox.approved(buyer.number);
      assert.equal(more.length, 0);
      assert.equal(debit.amount, "30800.00");
      assert.equal(debit.currency, "CRC");
      assert.equal(debit.last4, card.number.slice(-4));
      assert.equal(debit.count, 1);
      await buyer.close();
    });
  }

  test("in dollars, the debit is in dollars", async () => {
    const buyer = await world.visit({ currency: "USD", cart: [["degustacion", 1]] });
    await buyer.pay(CARDS.visa);
    await buyer.sees("paid_title");
    const [debit] = await world.sandbox.approved(buyer.number);
    assert.deepEqual([debit.amount, debit.currency], ["28.30", "USD"]);
    await buyer.close();
  });

  test("the shop hears the events in their order, once, and none has more of the card than brand and last four", async () => {
    const buyer = await world.visit();
    await buyer.page.evaluate(() => {
      window.heard = [];
      for (const name of ["ready", "change", "submit", "action", "complete", "error"]) {
        document.addEventListener(`ventanilla-${name}`, ({ detail }) => window.heard.push([name, detail]));
      }
    });
    await buyer.pay(CARDS.visa);
    await buyer.sees("paid_title");
    const heard = await eventually(async () => {
      const heard = await buyer.page.evaluate(() => window.heard);
      return heard.some(([name]) => name === "complete") && heard;
    });
    const names = heard.map(([name]) => name);
    assert.equal(names.filter((name) => name === "submit").length, 1);
    assert.equal(names.filter((name) => name === "complete").length, 1);
    assert.ok(!names.includes("error"));
    const [, full] = heard.filter(([name, detail]) => name === "change" && detail.complete).at(-1);
    assert.deepEqual(full, { rail: "card", complete: true, brand: "visa", last4: "4242" });
    const [, complete] = heard.at(names.indexOf("complete"));
    assert.equal(complete.outcome, "captured");
    assert.doesNotMatch(JSON.stringify(heard.filter(([name]) => name !== "complete")), /\d{5}/);
    const told = await world.merchant("GET", `/v1/sessions/${complete.sessionId}`);
    assert.equal(told.state, "succeeded");
    assert.equal(told.attempts.length, 1);
    assert.equal(told.attempts[0].id, complete.attemptId);
    await buyer.close();
  });
});

describe("a card that the bank declines", () => {
  const advices = {
    "01": "call_bank", "03": "ask_shop", "05": "other_card", "14": "check_number", "19": "try_again",
    "41": "other_card", "51": "insufficient_funds", "54": "check_expiry", "91": "try_later", "251": "insufficient_funds",
  };
  test("each answer of the bank leads to its advice, and another card can be tried", async () => {
    const cards = await world.sandbox.cards();
    const es = texts("es-CR");
    // Two sessions of five attempts.
    for (const codes of [Object.keys(advices).slice(0, 4), Object.keys(advices).slice(4, 8), Object.keys(advices).slice(8)]) {
      const buyer = await world.visit();
      for (const code of codes) {
        const { number } = cards.find((card) => card.resp_code === code);
        await buyer.pay({ number, cvc: "123" });
        await buyer.sees("declined_title");
        await buyer.frame.getByText(pattern(es[`advice_${advices[code]}`])).waitFor();
        await buyer.frame.getByText(es.declined_money).waitFor();
        const again = ["call_bank", "insufficient_funds", "other_card"].includes(advices[code]) ? "use_other_card" : "try_again";
        await buyer.button(again).click();
        assert.equal(await buyer.field("number").inputValue(), "", "the declined number is gone from the form");
      }
      await buyer.pay(CARDS.mastercard);
      await buyer.sees("paid_title");
      const approved = await world.sandbox.approved(buyer.number);
      assert.deepEqual(approved.map(({ last4 }) => last4), ["4444"]);
      await buyer.close();
    }
  });

  test("is an outcome, not an error: the shop is told to wait for another try and hears no error", async () => {
    const buyer = await world.visit();
    await buyer.page.evaluate(() => {
      window.heard = [];
      for (const name of ["action", "complete", "error"]) {
        document.addEventListener(`ventanilla-${name}`, ({ detail }) => window.heard.push([name, detail.action ?? detail.code]));
      }
    });
    await buyer.pay(CARDS.declined);
    await buyer.sees("declined_title");
    assert.deepEqual(await buyer.page.evaluate(() => window.heard), [["action", "try_again"]]);
    await buyer.close();
  });

  test("when every attempt is used up the session ends, without a debit", async () => {
    const few = await openWorld({ attempts: 2 });
    try {
      const buyer = await few.visit();
      await buyer.pay(CARDS.declined);
      await buyer.sees("declined_title");
      await buyer.button("use_other_card").click();
      await buyer.pay(CARDS.noFunds);
      await buyer.sees("declined_title");
      await buyer.button("use_other_card").click();
      await buyer.pay(CARDS.visa);
      await buyer.sees("exhausted_title");
      assert.equal((await few.sandbox.approved(buyer.number)).length, 0);
    } finally {
      await few.close();
    }
  });
});

describe("the form", () => {
  test("says what is missing only when it is left, and focuses the first wrong field on paying", async () => {
    const buyer = await world.visit();
    const { frame, words } = buyer;
    await buyer.field("number").pressSequentially("42424");
    assert.equal(await frame.getByText("Faltan", { exact: false }).count(), 0, "nobody is scolded while typing");
    await buyer.field("number").press("Tab");
    await frame.getByText(pattern(words.number_missing)).waitFor();
    await buyer.field("number").press("End");
    await buyer.field("number").pressSequentially("24242424242");
    await frame.getByText("Faltan", { exact: false }).waitFor({ state: "hidden" });

    await buyer.field("number").fill("4242424242424241");
    await buyer.button("pay").click();
    await frame.getByText(words.number_check).waitFor();
    await frame.getByText(words.expiry_empty).waitFor();
    await frame.getByText(words.cvc_empty).waitFor();
    await frame.getByText(words.holder_empty).waitFor();
    await frame.getByText("Hay 4 datos por corregir").waitFor();
    assert.ok(await buyer.field("number").evaluate((input) => input === input.getRootNode().activeElement));
    assert.equal((await world.sandbox.debits(buyer.number)).length, 0);
    await buyer.close();
  });

  test("keeps the caret behind the digit that was typed, and groups as the brand does", async () => {
    const buyer = await world.visit();
    const number = buyer.field("number");
    const caret = () => number.evaluate((input) => [input.value, input.selectionStart]);
    await number.pressSequentially("4242424242424242");
    assert.deepEqual(await caret(), ["4242 4242 4242 4242", 19]);
    await number.evaluate((input) => input.setSelectionRange(6, 6));
    await number.press("Backspace");
    assert.deepEqual(await caret(), ["4242 2424 2424 242", 4]);
    await number.pressSequentially("9");
    assert.deepEqual(await caret(), ["4242 9242 4242 4242", 6]);
    await number.evaluate((input) => input.setSelectionRange(4, 4));
    await number.pressSequentially("77");
    assert.equal((await caret())[0].replaceAll(" ", "").slice(0, 6), "424277");
    await number.fill("");
    await number.pressSequentially("378282246310005");
    assert.deepEqual(await caret(), ["3782 822463 10005", 17]);
    await buyer.frame.getByText(buyer.words.cvc_hint_front).waitFor();

    const expiry = buyer.field("expiry");
    await expiry.pressSequentially("930");
    assert.equal(await expiry.inputValue(), "09 / 30");
    for (let count = 0; count < 7; count += 1) await expiry.press("Backspace");
    assert.equal(await expiry.inputValue(), "");
    await buyer.close();
  });

  test("takes a pasted number with spaces, dashes or a line end", async () => {
    const buyer = await world.visit({ permissions: ["clipboard-read", "clipboard-write"] });
    for (const pasted of ["4242 4242 4242 4242", "4242-4242-4242-4242\n", "  4242424242424242 "]) {
      await buyer.page.evaluate((text) => navigator.clipboard.writeText(text), pasted);
      await buyer.field("number").fill("");
      await buyer.field("number").press("Control+V");
      assert.equal(await buyer.field("number").inputValue(), "4242 4242 4242 4242", JSON.stringify(pasted));
    }
    for (const [pasted, shown] of [["12/2034", "12 / 34"], ["1234", "12 / 34"], ["12/34", "12 / 34"]]) {
      await buyer.page.evaluate((text) => navigator.clipboard.writeText(text), pasted);
      await buyer.field("expiry").fill("");
      await buyer.field("expiry").press("Control+V");
      assert.equal(await buyer.field("expiry").inputValue(), shown, JSON.stringify(pasted));
    }
    await buyer.close();
  });

  test("asks the browser to fill in what belongs there, and has no field that nobody sees", async () => {
    const buyer = await world.visit();
    await buyer.field("number").waitFor();
    const inputs = await buyer.frame.locator("input").evaluateAll((all) =>
      all.map((input) => ({ name: input.name, autocomplete: input.autocomplete, seen: input.checkVisibility({ opacityProperty: true, visibilityProperty: true }) })),
    );
    assert.deepEqual(inputs.map(({ autocomplete }) => autocomplete), ["cc-number", "cc-exp", "cc-csc", "cc-name"]);
    // Without a name, no form could put a card number into an address.
    assert.ok(inputs.every(({ name, seen }) => name === "" && seen));
    await buyer.close();
  });
});
