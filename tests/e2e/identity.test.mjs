// The sandbox's stand-in for Flexiti's identity page, framed by a shop as the real one is.

import { AxeBuilder } from "@axe-core/playwright";
import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { bin, eventually, launch, listen, start } from "./harness.mjs";

const RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22a", "wcag22aa"];
const TRACE = { "x-reference-id": "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee" };
const PATH = "flexiti/pos-api/v2.5";

let browser, sandbox, shop, flexiti, management;
before(async () => {
  const ports = ["management", "merchant", "checkout", "cvu", "flexiti"].flatMap((name) => [`--${name}-port`, "0"]);
  sandbox = start("sandbox", join(bin, "ventanilla-sandbox"), [...ports, "--seed", "20261120"]);
  [management, flexiti] = await sandbox.until((said) => {
    const urls = ["test cards", "Flexiti host"].map((name) => said.match(new RegExp(`^${name}\\D*?(http:\\S+)`, "im"))?.[1]);
    return urls.every(Boolean) && urls;
  });
  shop = await listen((request, response) => {
    const url = new URL(request.url, "http://shop").searchParams.get("frame");
    if (!url) return response.writeHead(404).end();
    response.setHeader("content-type", "text/html");
    response.end(`<!doctype html><html lang=en><title>Shop</title><meta name=viewport content="width=device-width">
      <style>body{margin:0}iframe{border:0;width:100%;height:600px}</style><main><h1>Shop</h1>
      <iframe title="Identity" sandbox="allow-forms allow-same-origin allow-scripts" src="${url.replaceAll("&", "&amp;")}"></iframe></main>
      <script>window.told = []; addEventListener("message", ({ data, origin, source }) =>
        told.push({ data, origin, framed: source === document.querySelector("iframe").contentWindow }))</script>`);
  });
  browser = await launch();
});
after(async () => {
  await browser?.close();
  await shop?.close();
  await sandbox?.stop();
});

async function post(url, body, headers) {
  const answer = await fetch(url, { method: "POST", body, headers });
  return answer.status === 204 ? undefined : answer.json();
}

/** Opens a session as a merchant's server does; gives what it was answered. */
async function session(lang, account = 10000001) {
  const form = new URLSearchParams({ client_id: "demo-merchant", client_secret: "placeholder-secret", scope: "customer" });
  const { access_token } = await post(`${flexiti}/${PATH}/oauth/token`, form, TRACE);
  const asked = { flow: "purchase", lang, customer_identification: { account_number: account } };
  const headers = { ...TRACE, authorization: `Bearer ${access_token}`, "content-type": "application/json" };
  const { redirection_url } = await post(`${flexiti}/${PATH}/client-id/demo-merchant/widget/init`, JSON.stringify(asked), headers);
  return { url: redirection_url, id: new URLSearchParams(redirection_url.split("?")[1]).get("widget_session_id") };
}

/** A shopper in front of the framed page. */
async function visit(opened, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1024, height: 800 }, reducedMotion: "reduce", ...options });
  context.setDefaultTimeout(10_000);
  const page = await context.newPage();
  const wrong = [];
  page.on("console", (message) => message.type() === "error" && !/422|404/.test(message.text()) && wrong.push(message.text()));
  page.on("pageerror", (error) => wrong.push(String(error)));
  await page.goto(`${shop.origin}/?frame=${encodeURIComponent(opened.url)}`);
  const frame = page.frameLocator("iframe");
  await frame.getByRole("heading").waitFor();
  return { page, frame, wrong, told: () => page.evaluate("told"), close: () => context.close() };
}

/** Rules that a program can check; the page is looked at on its own, as axe does not know its frame's policy. */
async function axe(page, where) {
  const { violations, passes } = await new AxeBuilder({ page }).withTags(RULES).analyze();
  const said = violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ target, failureSummary }) => `${target.join(" ")}: ${failureSummary}`).join("; ")}`);
  assert.deepEqual(said, [], where);
  assert.ok(passes.length > 5, `${where}: axe looked at next to nothing`);
}

const state = async (id) => {
  const ledger = await (await fetch(`${management}/ledger`)).json();
  return ledger.flexiti.sessions.find((one) => one.widget_session_id === id).state;
};

const WORDS = {
  en: { title: "Confirm it is you", go: "Continue", outcome: "How this ends", pin: "PIN", done: /^✓? ?Done/, wrong: /not right/, over: /has ended/, html: "en-CA" },
  fr: { title: "Confirmez votre identité", go: "Continuer", outcome: "Comment cela se termine", pin: "NIP", done: /C’est fait/, wrong: /pas le bon/, over: /est terminée/, html: "fr-CA" },
};

for (const lang of ["en", "fr"]) {
  const words = WORDS[lang];
  for (const colorScheme of ["light", "dark"]) {
    test(`everybody can use it: ${lang}, ${colorScheme}, on a small screen`, async () => {
      const opened = await session(lang);
      const context = await browser.newContext({ colorScheme, viewport: { width: 320, height: 640 } });
      const page = await context.newPage();
      await page.goto(opened.url);
      await page.getByLabel(words.pin, { exact: true }).waitFor();
      assert.equal(await page.locator("html").getAttribute("lang"), words.html);
      assert.equal(await page.title(), words.title);
      await axe(page, "the form");
      await page.getByRole("button", { name: words.go }).click();
      await page.getByText(words.wrong).waitFor();
      await axe(page, "a wrong PIN");
      assert.ok(await page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "nothing sticks out");
      await page.getByLabel(words.pin, { exact: true }).fill("2222");
      await page.getByRole("button", { name: words.go }).click();
      await page.getByText(words.done).waitFor();
      await axe(page, "done");
      await context.close();
    });
  }

  test(`a shopper is identified by keyboard alone, framed: ${lang}`, async () => {
    const opened = await session(lang);
    const shopper = await visit(opened);
    const pin = shopper.frame.getByLabel(words.pin, { exact: true });
    await pin.waitFor();
    for (let presses = 0; presses < 8 && !(await pin.evaluate((field) => field === document.activeElement)); presses += 1) {
      await shopper.page.keyboard.press("Tab");
    }
    await shopper.page.keyboard.type("1111");
    await shopper.page.keyboard.press("Enter");
    await shopper.frame.getByText(words.wrong).waitFor();
    assert.ok(await pin.evaluate((field) => field === document.activeElement && field.getAttribute("aria-invalid") === "true"));
    assert.deepEqual(await shopper.told(), []);
    await shopper.page.keyboard.type("2222");
    await shopper.page.keyboard.press("Enter");
    const [told] = await eventually(async () => (await shopper.told()).length && shopper.told(), "a message");
    assert.equal(told.framed, true);
    assert.equal(told.origin, new URL(flexiti).origin);
    assert.equal(told.data.eventType, "flx-success");
    const { accountNumber, verified, action, widget_session_id } = told.data.eventData;
    assert.deepEqual([accountNumber, verified, action, widget_session_id], [10000001, true, "purchase", opened.id]);
    assert.equal(await state(opened.id), "verified");
    await shopper.frame.getByText(words.done).waitFor();
    assert.deepEqual(shopper.wrong, []);
    await shopper.close();
  });
}

describe("a person chooses how it ends", () => {
  for (const [outcome, type, action] of [
    ["unverified", "flx-success", "purchase"],
    ["activation", "flx-success", "activation"],
    ["apply", "flx-success", "apply"],
    ["bad_standing", "flx-success", null],
    ["retry", "flx-success", "retry"],
    ["failure", "flx-failure"],
    ["cancel", "flx-cancel"],
  ]) {
    test(outcome, async () => {
      const shopper = await visit(await session("en"));
      const choice = shopper.frame.getByLabel("How this ends");
      await choice.selectOption(outcome);
      assert.equal(await shopper.frame.getByLabel("PIN", { exact: true }).isVisible(), false);
      await shopper.frame.getByRole("button", { name: "Continue" }).click();
      const [told] = await eventually(async () => (await shopper.told()).length && shopper.told(), "a message");
      assert.equal(told.data.eventType, type);
      assert.equal(told.data.eventData?.action, action);
      await shopper.close();
    });
  }

  test("to leave is one button", async () => {
    const opened = await session("en");
    const shopper = await visit(opened);
    await shopper.frame.getByRole("button", { name: "Cancel" }).click();
    await eventually(async () => (await shopper.told())[0]?.data.eventType === "flx-cancel", "the message");
    assert.equal(await state(opened.id), "declined");
    await shopper.close();
  });

  test("a message of an earlier session comes first, and the shopper goes on", async () => {
    const earlier = await session("en");
    const opened = await session("en");
    const shopper = await visit(opened);
    await shopper.frame.getByLabel("How this ends").selectOption("stale");
    await shopper.frame.getByRole("button", { name: "Continue" }).click();
    await shopper.frame.getByText("A message of an earlier session was posted.").waitFor();
    await shopper.frame.getByLabel("How this ends").selectOption("verified");
    await shopper.frame.getByLabel("PIN", { exact: true }).fill("2222");
    await shopper.frame.getByRole("button", { name: "Continue" }).click();
    await eventually(async () => (await shopper.told()).length === 2, "both messages");
    const ids = (await shopper.told()).map(({ data }) => data.eventData.widget_session_id);
    assert.deepEqual(ids, [earlier.id, opened.id]);
    await shopper.close();
  });
});

test("a page that was left open until its session ended says so, and still talks", async () => {
  const opened = await session("fr");
  await post(`${management}/sessions/expire`);
  const shopper = await visit(opened);
  await shopper.frame.getByText(WORDS.fr.over).waitFor();
  await shopper.frame.getByLabel(WORDS.fr.outcome).selectOption("stale");
  await shopper.frame.getByRole("button", { name: WORDS.fr.go }).click();
  await eventually(async () => (await shopper.told())[0]?.data.eventData.widget_session_id === opened.id, "the message");
  assert.equal(await state(opened.id), "open");
  await shopper.close();
});

test("who may frame it is a setting", async () => {
  const opened = await session("en");
  const set = (options) => post(`${management}/flexiti/options`, JSON.stringify(options), { "content-type": "application/json" });
  await set({ frame_ancestors: "https://shop.example" });
  const context = await browser.newContext();
  const page = await context.newPage();
  const refused = page.waitForEvent("console", { predicate: (message) => /frame-ancestors/.test(message.text()) });
  await page.goto(`${shop.origin}/?frame=${encodeURIComponent(opened.url)}`);
  await refused;
  await set({});
  await context.close();
});
