// The CVU rail as two people see it: a buyer in front of the shop's window, and a wallet that pays.

import assert from "node:assert/strict";
import { after, afterEach, before, describe, test } from "node:test";
import { createRequire } from "node:module";
import { AxeBuilder } from "@axe-core/playwright";
import jsQR from "jsqr";
import { eventually, openWorld, picture } from "./harness.mjs";

const { PNG } = createRequire(import.meta.url)("pngjs");

const PHONE = { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true };
const ARGENTINA = { locale: "es-AR", currency: "ARS" };

/** What a wallet's camera reads in a picture of the screen. */
function scan(screenshot) {
  const { data, width, height } = PNG.sync.read(screenshot);
  return jsQR(new Uint8ClampedArray(data), width, height)?.data;
}

/** The number that buyer and shop know the payment by, as the window shows it. */
async function reference(buyer) {
  const shown = buyer.frame.getByText(/^att_[a-z2-7]{26}$/).first();
  return (await shown.textContent()).trim();
}

/** What the merchant's back office reads of the session in which it was. */
async function recorded(world, attempt) {
  const { session_id } = await world.merchant("GET", `/v1/attempts/${attempt}`);
  return world.merchant("GET", `/v1/sessions/${session_id}`);
}

const started = (buyer) => buyer.button("show_how").click();

/** What is before the buyer, out of the sandbox's ledger: the newest link and order. */
async function newest(world) {
  const { cvu } = await world.sandbox.ledger();
  return { link: cvu.links.at(-1), order: cvu.qr_orders.at(-1) };
}

describe("with a wallet that tells of every credit", () => {
  let world;
  before(async () => (world = await openWorld({ locale: "es-AR", credits: "on_time" })));
  after(() => world?.close());
  afterEach(() => world.sandbox.clear());

  test("a wallet reads the code from the screen's pixels, pays, and the window says so by itself", async () => {
    const buyer = await world.visit(ARGENTINA);
    await started(buyer);
    await buyer.sees("qr_title");
    await picture(buyer.page, "cvu-qr-desktop");
    const code = scan(await buyer.page.screenshot());
    assert.ok(code?.startsWith("000201"), `the code is on the screen: ${code}`);
    const attempt = await reference(buyer);

    const pays = await world.browser.newContext({ ...PHONE, locale: "es-AR" });
    const wallet = await pays.newPage();
    await wallet.goto(world.sandbox.wallet);
    await wallet.getByLabel("Texto del código").fill(code);
    await wallet.getByRole("button", { name: "Continuar" }).click();
    await wallet.getByText(/25\.800,00/).first().waitFor();
    await wallet.getByRole("button", { name: /^Pagar/ }).click();

    await buyer.sees("paid_title");
    await picture(buyer.page, "cvu-paid");
    const session = await recorded(world, attempt);
    assert.equal(session.state, "succeeded");
    assert.deepEqual(session.credits.map(({ state }) => state), ["matched"]);
    await buyer.page.getByRole("heading", { name: /^Gracias/ }).waitFor();
    await pays.close();
    await buyer.close();
  });

  test("on a phone the link comes first, opens beside the shop, and paying it pays the order", async () => {
    const buyer = await world.visit({ ...ARGENTINA, ...PHONE });
    await started(buyer);
    await buyer.sees("link_title");
    await picture(buyer.page, "cvu-link-phone");
    const opened = buyer.context.waitForEvent("page");
    await buyer.frame.getByRole("link", { name: buyer.words.open_link }).click();
    const provider = await opened;
    await provider.getByRole("button", { name: /^Pagar/ }).click();
    await buyer.sees("paid_title");
    await buyer.close();
  });

  test("a transfer shows what the bank will show, and each part is copied by itself", async () => {
    const buyer = await world.visit({ ...ARGENTINA, permissions: ["clipboard-read", "clipboard-write"] });
    await buyer.frame.getByText(buyer.words.transfer, { exact: true }).click();
    await started(buyer);
    await buyer.frame.getByText("CAFE.POAS.DEMO").waitFor();
    await buyer.frame.getByText("30-00000012-0").waitFor();
    await picture(buyer.page, "cvu-transfer");
    for (const [name, said] of [
      ["copy_alias", buyer.words.alias_copied],
      ["copy_amount", buyer.words.amount_copied],
    ]) {
      await buyer.button(name).click();
      await buyer.frame.getByText(said).first().waitFor();
    }
    await buyer.close();
  });

  test("another presentation takes the place of the first, and what is paid then counts", async () => {
    const buyer = await world.visit(ARGENTINA);
    await started(buyer);
    await buyer.sees("qr_title");
    const first = await reference(buyer);
    await buyer.frame.getByRole("button", { name: buyer.words.link, exact: true }).click();
    await buyer.sees("link_title");
    assert.equal(await buyer.heading("qr_title").count(), 0, "one thing at a time can be paid");
    const { link } = await newest(world);
    await world.sandbox.pay({ link_id: link.link_id });
    await buyer.sees("paid_title");
    const { attempts } = await recorded(world, first);
    assert.deepEqual(attempts.map(({ state }) => state), ["superseded", "succeeded"]);
    await buyer.close();
  });

  test("less than was asked for is looked at by the shop, and the buyer never reads that it failed", async () => {
    for (const [amount, why] of [["20000.00", "less was paid"], ["30000.00", "more was paid"]]) {
      const buyer = await world.visit(ARGENTINA);
      await started(buyer);
      await buyer.sees("qr_title");
      const attempt = await reference(buyer);
      const { order } = await newest(world);
      await world.sandbox.pay({ qr_order_id: order.qr_order_id, amount });
      await buyer.sees("review_title");
      await picture(buyer.page, "cvu-review");
      const said = await buyer.frame.locator("body").innerText();
      assert.doesNotMatch(said, /rechaz|fall[óo]|error/i);
      assert.equal(await buyer.button("show_how").count(), 0, "nothing to pay again with");
      const { credits, state } = await recorded(world, attempt);
      assert.notEqual(state, "succeeded");
      assert.ok(credits[0].why.startsWith(why), credits[0].why);
      const review = await world.merchant("GET", "/v1/review");
      assert.ok(review.credits.some(({ attempts }) => attempts.includes(attempt)));
      await buyer.close();
    }
  });

  test("paid twice is one payment, and the second is the shop's to look at", async () => {
    const buyer = await world.visit(ARGENTINA);
    await started(buyer);
    await buyer.sees("qr_title");
    const attempt = await reference(buyer);
    const { order } = await newest(world);
    await world.sandbox.pay({ qr_order_id: order.qr_order_id, times: 2, insist: true });
    await buyer.sees("paid_title");
    await eventually(async () => (await recorded(world, attempt)).credits.length === 2, "the second credit");
    const { credits, attempts } = await recorded(world, attempt);
    assert.deepEqual(credits.map(({ state }) => state).sort(), ["matched", "review"]);
    assert.equal(attempts.filter(({ state }) => state === "succeeded").length, 1);
    await buyer.close();
  });

  test("a code that does not fit the order is never shown, and the operator hears of it", async () => {
    for (const kind of ["bad_crc", "wrong_amount"]) {
      await world.sandbox.fault({ operation: "cvu_qr", kind, times: 1 });
      const buyer = await world.visit(ARGENTINA);
      await started(buyer);
      await buyer.sees("refused_title");
      await picture(buyer.page, `cvu-refused-${kind}`);
      assert.equal(await buyer.frame.getByRole("img", { name: /QR/ }).count(), 0);
      assert.equal(scan(await buyer.page.screenshot()), undefined, "no code is on the screen");
      await buyer.close();
    }
    assert.match(await world.metrics(), /ventanilla_guard_hits_total\{guard="code_refused"\} 2/);
  });

  test("a reload shows the same code, and a page that slept asks at once", async () => {
    const buyer = await world.visit(ARGENTINA);
    await started(buyer);
    await buyer.sees("qr_title");
    const before = scan(await buyer.page.screenshot());
    await buyer.page.reload();
    await buyer.sees("qr_title");
    assert.equal(scan(await buyer.page.screenshot()), before);

    const session = await buyer.context.newCDPSession(buyer.page);
    await session.send("Page.setWebLifecycleState", { state: "frozen" });
    const { order } = await newest(world);
    await world.sandbox.pay({ qr_order_id: order.qr_order_id });
    await session.send("Page.setWebLifecycleState", { state: "active" });
    await buyer.sees("paid_title");
    await buyer.close();
  });

  test("without a network the code stays, and what was paid meanwhile is shown when it is back", async () => {
    const buyer = await world.visit(ARGENTINA);
    await started(buyer);
    await buyer.sees("qr_title");
    await buyer.context.setOffline(true);
    const { order } = await newest(world);
    await world.sandbox.pay({ qr_order_id: order.qr_order_id });
    await buyer.sees("qr_title");
    await buyer.context.setOffline(false);
    await buyer.sees("paid_title", { timeout: 40_000 });
    await buyer.close();
  });

  test("a clock that is wrong by five minutes changes nothing of the time that is left", async () => {
    for (const minutes of [-5, 5]) {
      const buyer = await world.visit({ ...ARGENTINA, clockOffMinutes: minutes });
      await started(buyer);
      await buyer.sees("qr_title");
      const left = await buyer.frame.getByRole("timer").innerText();
      assert.match(left, /1[45]/, `about a quarter of an hour is left: ${left}`);
      await buyer.close();
    }
  });

  test("paid while the proxy is down, the window finds out when it is back", async () => {
    // An amount of its own: there is no notification to tell it from others.
    const buyer = await world.visit({ ...ARGENTINA, cart: [["chorreador", 3]] });
    await started(buyer);
    await buyer.sees("qr_title");
    const attempt = await reference(buyer);
    await world.restartProxy(async () => {
      const { order } = await newest(world);
      await world.sandbox.pay({ qr_order_id: order.qr_order_id });
    });
    await buyer.sees("paid_title", { timeout: 40_000 });
    assert.equal((await recorded(world, attempt)).state, "succeeded");
    await buyer.close();
  });

  test("where the clipboard is refused the text is there to be copied by hand", async () => {
    const buyer = await world.visit(ARGENTINA);
    await buyer.context.addInitScript(() => {
      Object.defineProperty(Navigator.prototype, "clipboard", { get: () => undefined });
    });
    await buyer.page.reload();
    await started(buyer);
    await buyer.sees("qr_title");
    await buyer.button("copy_code").click();
    await buyer.frame.getByText(buyer.words.copy_by_hand).first().waitFor();
    await buyer.frame.getByText(/^000201/).first().waitFor();
    await buyer.close();
  });

  test("only a session that offers links may open a page of its own, and nobody else is asked for anything", async () => {
    const card = await world.visit({ locale: "es-AR", currency: "CRC" });
    await card.field("number").waitFor();
    const sandbox = (buyer) => buyer.page.locator("ventanilla-checkout iframe").getAttribute("sandbox");
    assert.doesNotMatch(await sandbox(card), /popups|top-navigation/);
    await card.close();
    const buyer = await world.visit(ARGENTINA);
    await started(buyer);
    await buyer.sees("qr_title");
    assert.match(await sandbox(buyer), /allow-popups/);
    assert.doesNotMatch(await sandbox(buyer), /top-navigation/);
    const own = new Set([world.shop, world.proxy]);
    const foreign = buyer.seen.requests.map(({ url }) => new URL(url)).filter(({ protocol, origin }) => protocol.startsWith("http") && !own.has(origin));
    assert.deepEqual(foreign.map(String), []);
    assert.deepEqual(buyer.seen.problems, []);
    await buyer.close();
  });

  test("every screen can be used by everybody: axe finds nothing, and nothing is wider than a small phone", async () => {
    for (const locale of ["es-AR", "en-CA", "fr-CA"]) {
      for (const [width, colorScheme] of [[320, "light"], [390, "dark"], [1280, "light"]]) {
        const buyer = await world.visit({ locale, currency: "ARS", viewport: { width, height: 900 }, colorScheme });
        await started(buyer);
        await buyer.sees("qr_title");
        await picture(buyer.page, `cvu-${locale}-${width}-${colorScheme}`);
        const { violations } = await new AxeBuilder({ page: buyer.page }).withTags(["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]).analyze();
        assert.deepEqual(violations.map(({ id, nodes }) => `${id}: ${nodes[0].html}`), [], `${locale} ${width}`);
        const wide = await buyer.frame.locator("html").evaluate((html) => html.scrollWidth - html.clientWidth);
        assert.ok(wide <= 0, `${locale} at ${width} px: ${wide} px too wide`);
        await buyer.close();
      }
    }
  });
});

describe("with a wallet that tells nothing, on a fast clock", () => {
  let world;
  // Five minutes of the proxy are fifteen seconds of the buyer: enough to read and pay a code on a slow machine.
  before(async () => (world = await openWorld({ locale: "es-AR", speed: 20, lifetime: 300 })));
  after(() => world?.close());

  test("time over: a new code in place, and money for the old one still counts", async () => {
    const buyer = await world.visit(ARGENTINA);
    await started(buyer);
    await buyer.sees("qr_title");
    const attempt = await reference(buyer);
    const { order } = await newest(world);
    await buyer.sees("over_title", { timeout: 60_000 });
    await buyer.button("get_new").waitFor({ timeout: 60_000 });
    await picture(buyer.page, "cvu-over");
    await world.sandbox.pay({ qr_order_id: order.qr_order_id, insist: true });
    await eventually(async () => (await recorded(world, attempt)).state === "succeeded", "the late money", 30_000);
    await buyer.sees("paid_title", { timeout: 30_000 });
    await buyer.close();
  });

  test("a new code is another code, and paying it pays the order", async () => {
    const buyer = await world.visit(ARGENTINA);
    await started(buyer);
    await buyer.sees("qr_title");
    const first = scan(await buyer.page.screenshot());
    await buyer.button("get_new").click({ timeout: 60_000 });
    await buyer.sees("qr_title");
    const { order } = await newest(world);
    const second = scan(await buyer.page.screenshot());
    assert.ok(first && second && second !== first);
    await world.sandbox.pay({ qr_order_id: order.qr_order_id, insist: true });
    await buyer.sees("paid_title", { timeout: 30_000 });
    await buyer.close();
  });
});
