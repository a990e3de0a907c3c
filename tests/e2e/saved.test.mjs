// Saved cards and installments.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { CARDS, openWorld, pattern } from "./harness.mjs";

let world;
before(async () => (world = await openWorld()));
after(() => world?.close());

test("a known buyer saves a card, and pays the next order with it without typing anything", async () => {
  const buyer = await world.visit({ buyer: "ana" });
  const save = buyer.frame.getByLabel(buyer.words.save_card);
  assert.equal(await save.isChecked(), false, "nobody's card is saved unasked");
  await buyer.fill(CARDS.visa);
  await save.check();
  await buyer.button("pay").click();
  await buyer.sees("paid_title");
  await buyer.frame.getByText(buyer.words.card_saved).waitFor();
  const [first] = await world.sandbox.approved(buyer.number);
  assert.equal(first.tokenized, true);

  const again = await world.visit({ buyer: "ana", cart: [["chorreador", 1]] });
  const saved = again.frame.getByRole("radio", { name: /4242/ });
  await saved.waitFor();
  assert.ok(await saved.isChecked());
  assert.equal(await again.field("number").isVisible(), false);
  await again.button("pay").click();
  await again.sees("paid_title");
  const debits = await world.sandbox.debits(again.number);
  assert.deepEqual(debits.map(({ operation, amount, last4, state }) => [operation, amount, last4, state]), [["token_payment", "17000.00", "4242", "approved"]]);
  await buyer.close();
  await again.close();
});

test("a guest is not asked to save a card, and sees nobody's saved cards", async () => {
  const buyer = await world.visit({ buyer: "guest" });
  await buyer.field("number").waitFor();
  assert.equal(await buyer.frame.getByLabel(buyer.words.save_card).count(), 0);
  assert.equal(await buyer.frame.getByRole("radio").count(), 0);
  await buyer.close();
});

test("nothing that was typed is lost by looking at the saved card and back", async () => {
  const buyer = await world.visit({ buyer: "ana" });
  await buyer.frame.getByRole("radio", { name: buyer.words.another_card }).check();
  await buyer.fill({ ...CARDS.mastercard, holder: "Luis Mora" });
  await buyer.frame.getByRole("radio", { name: /4242/ }).check();
  assert.equal(await buyer.field("number").isVisible(), false);
  await buyer.frame.getByRole("radio", { name: buyer.words.another_card }).check();
  assert.equal(await buyer.field("number").inputValue(), "5555 5555 5555 4444");
  assert.equal(await buyer.field("holder").inputValue(), "Luis Mora");
  await buyer.button("pay").click();
  await buyer.sees("paid_title");
  const debits = await world.sandbox.debits(buyer.number);
  assert.deepEqual(debits.map(({ last4 }) => last4), ["4444"]);
  await buyer.close();
});

test("a saved card that is declined is an outcome like any other, and another card can be tried", async () => {
  const { number } = (await world.sandbox.cards()).find(({ resp_code }) => resp_code === "51");
  const buyer = await world.visit({ buyer: "ana" });
  await buyer.frame.getByRole("radio", { name: buyer.words.another_card }).check();
  await buyer.pay({ number, cvc: "123" });
  await buyer.sees("declined_title");
  await buyer.button("use_other_card").click();
  await buyer.frame.getByRole("radio", { name: /4242/ }).check();
  await buyer.button("pay").click();
  await buyer.sees("paid_title");
  assert.equal((await world.sandbox.approved(buyer.number)).length, 1);
  await buyer.close();
});

test("installments are offered when the shop offers them, and the chosen count reaches the bank", async () => {
  const plain = await world.visit();
  await plain.field("number").waitFor();
  assert.equal(await plain.field("installments").count(), 0);
  await plain.close();

  const buyer = await world.visit({ installments: true, cart: [["chorreador", 1]] });
  await buyer.field("number").waitFor();
  const offered = await buyer.field("installments").locator("option").allInnerTexts();
  assert.equal(offered.length, 4);
  assert.match(offered[0], pattern(buyer.words.installments_once));
  await buyer.field("installments").selectOption({ index: 2 });
  await buyer.pay(CARDS.visa);
  await buyer.sees("paid_title");
  const [debit] = await world.sandbox.approved(buyer.number);
  assert.equal(debit.installments, "6");
  assert.equal(debit.amount, "17000.00");
  await buyer.close();
});
