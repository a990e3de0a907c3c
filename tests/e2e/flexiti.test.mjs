// The Flexiti rail as its buyer sees it: who they are, the provider's page in a frame, a plan, the end.

import assert from "node:assert/strict";
import { after, afterEach, before, describe, test } from "node:test";
import { AxeBuilder } from "@axe-core/playwright";
import { eventually, openWorld, pattern, picture } from "./harness.mjs";

const RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22a", "wcag22aa"];
const CANADA = { locale: "en-CA", currency: "CAD" };
// Where the sandbox's first account lives; nobody does.
const HOME = { line1: "1 Example Street", line2: "Unit 2", city: "Toronto", province: "ON", postal_code: "a1a1a1" };
const PERSON = { first_name: "Test", last_name: "Shopper", birth_date: "19900101" };
const ACCOUNT = "10000001";
const PAGE = {
  "en-CA": { pin: "PIN", go: "Continue", ends: "How this ends" },
  "fr-CA": { pin: "NIP", go: "Continuer", ends: "Comment cela se termine" },
};

let world;
before(async () => (world = await openWorld({ locale: "en-CA", flexiti: "", attempts: 20 })));
after(() => world?.close());
afterEach(() => world.sandbox.clear());

/** Fills in who the buyer is, by account unless told. */
async function introduce(buyer, { by = "account" } = {}) {
  await buyer.field(`by_${by}`).check();
  if (by === "account") await buyer.field("account_number").fill(ACCOUNT);
  else await buyer.field("birth_date").fill(PERSON.birth_date);
  for (const name of ["first_name", "last_name"]) await buyer.field(name).fill(PERSON[name]);
  for (const name of ["line1", "line2", "city", "postal_code"]) await buyer.field(name).fill(HOME[name]);
  await buyer.field("province").selectOption(HOME.province);
}

/** Up to the provider's page; gives that. */
async function toThePage(buyer, options) {
  await introduce(buyer, options);
  await buyer.button("go_to_lender").click();
  return thePage(buyer);
}

async function thePage(buyer) {
  await buyer.sees("identify_title");
  const there = buyer.frame.locator("iframe").contentFrame();
  const words = PAGE[await buyer.frame.locator("main [lang]").first().getAttribute("lang")];
  const lender = {
    there,
    pin: there.getByLabel(words.pin, { exact: true }),
    go: there.getByRole("button", { name: words.go }),
    async end(how) {
      await there.getByLabel(words.ends).selectOption(how);
      await lender.go.click();
    },
    async verify() {
      await lender.pin.fill("2222");
      await lender.go.click();
    },
  };
  await lender.go.waitFor();
  return lender;
}

async function toTheOffers(buyer, options) {
  await (await toThePage(buyer, options)).verify();
  await buyer.sees("choose_title");
}

const plans = (buyer) => buyer.frame.getByRole("radio", { name: pattern(buyer.words.monthly) });

/** What the provider's ledger has of an order's payment, by the merchant's record of it. */
async function ledger(buyer) {
  const [, attempt] = buyer.seen.requests.map(({ url }) => /\/attempts\/(att_\w+)/.exec(url)).find(Boolean);
  const { session_id } = await world.merchant("GET", `/v1/attempts/${attempt}`);
  const session = await world.merchant("GET", `/v1/sessions/${session_id}`);
  const { flexiti } = await world.sandbox.ledger();
  const references = new Set(session.attempts.map(({ reference }) => reference));
  const authorizations = flexiti.authorizations.filter(({ reference }) => references.has(reference));
  const ids = new Set(authorizations.map(({ authorization_id }) => authorization_id));
  return { session, authorizations, captures: flexiti.captures.filter(({ authorization_id }) => ids.has(authorization_id)) };
}

const visit = (options) => world.visit({ ...CANADA, ...options });

async function axe(buyer, where) {
  const { violations, passes } = await new AxeBuilder({ page: buyer.page }).withTags(RULES).analyze();
  const told = violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ target, failureSummary }) => `${target.join(" ")}: ${failureSummary}`).join("; ")}`);
  assert.deepEqual(told, [], where);
  assert.ok(passes.length > 12, `${where}: axe looked at next to nothing`);
  const wide = await buyer.frame.locator("html").evaluate((html) => html.scrollWidth - html.clientWidth);
  assert.ok(wide <= 0, `${where}: ${wide} px too wide`);
}

describe("from who the buyer is to the receipt", () => {
  test("by account number: identified, a plan picked, authorized and captured, once each", async () => {
    const buyer = await visit();
    await picture(buyer.page, "flexiti-form");
    await toTheOffers(buyer);
    await picture(buyer.page, "flexiti-offers");
    await plans(buyer).first().check();
    await buyer.button("finance").click();
    await buyer.sees("financed_title");
    await picture(buyer.page, "flexiti-financed");
    const { session, authorizations, captures } = await eventually(async () => {
      const found = await ledger(buyer);
      return found.captures.length && found;
    }, "the capture");
    assert.equal(session.state, "succeeded");
    assert.deepEqual(authorizations.map(({ account_number, amount, plan_id, term }) => [account_number, amount, plan_id, term]), [[Number(ACCOUNT), "25.80", 4, 6]]);
    assert.deepEqual(captures.map(({ amount }) => amount), ["25.80"]);
    await buyer.page.getByRole("heading", { name: /^Thank you/ }).waitFor();
    await buyer.close();
  });

  test("by name and date of birth, in French, as a regular purchase", async () => {
    const buyer = await visit({ locale: "fr-CA" });
    await toTheOffers(buyer, { by: "person" });
    await buyer.frame.getByRole("radio", { name: new RegExp(`^${buyer.words.regular}`) }).check();
    await buyer.button("finance").click();
    await buyer.sees("financed_title");
    const { authorizations } = await ledger(buyer);
    assert.deepEqual(authorizations.map(({ transaction_type, plan_id }) => [transaction_type, plan_id]), [["regular_purchase", null]]);
    await buyer.close();
  });

  test("what the provider must disclose is shown as it came", async () => {
    const buyer = await visit();
    const answered = buyer.context.waitForEvent("response", (response) => /\/steps$/.test(response.url()) && response.ok());
    await toTheOffers(buyer);
    const { offers } = await (await answered).json();
    const disclosures = [...offers.plans, offers.regular].flatMap((way) => [...way.fees, ...(way.rates ?? [])]).map(({ message }) => message).filter(Boolean);
    assert.ok(disclosures.length, "there are some");
    for (const text of disclosures) await buyer.frame.getByText(text, { exact: true }).first().waitFor();
    await buyer.close();
  });
});

describe("every other end of the page has its own way on", () => {
  for (const [how, title] of [
    ["unverified", "unverified_title"],
    ["activation", "activate_title"],
    ["apply", "apply_title"],
    ["bad_standing", "standing_title"],
    ["retry", "again_title"],
    ["failure", "page_down_title"],
    ["cancel", "left_title"],
  ]) {
    test(how, async () => {
      const buyer = await visit();
      await (await toThePage(buyer)).end(how);
      await buyer.sees(title);
      await picture(buyer.page, `flexiti-end-${how}`);
      await axe(buyer, how);
      await buyer.button("begin_again").click();
      await toTheOffers(buyer);
      assert.deepEqual((await ledger(buyer)).authorizations, []);
      await buyer.close();
    });
  }

  test("the buyer leaves by our own button, from the page and from the offers", async () => {
    const buyer = await visit();
    await toThePage(buyer);
    await buyer.button("leave").click();
    await toTheOffers(buyer);
    await buyer.button("leave").click();
    await buyer.button("go_to_lender").waitFor();
    const { session } = await ledger(buyer);
    assert.deepEqual(session.attempts.map(({ state }) => state), ["not_executed", "not_executed"]);
    await buyer.close();
  });

  test("refused after the pick: the buyer reads what helps, and not what the provider called it", async () => {
    for (const [error, title] of [
      ["credit_exceeded", "credit_title"],
      ["auth_not_allowed", "not_financed_title"],
      ["plan_term_not_available", "plan_gone_title"],
    ]) {
      const buyer = await visit();
      await toTheOffers(buyer);
      await plans(buyer).first().check();
      await world.sandbox.refuse({ operation: "flexiti_authorize", error });
      await buyer.button("finance").click();
      await buyer.sees(title);
      await picture(buyer.page, `flexiti-refused-${error}`);
      assert.ok(!(await buyer.frame.locator("body").innerText()).includes(error));
      await buyer.close();
    }
  });
});

describe("of its messages one counts", () => {
  const said = (session) => ({
    eventType: "flx-success",
    eventData: { accountNumber: Number(ACCOUNT), verified: true, action: "purchase", widget_session_id: session },
  });
  /** The session of the page before the buyer, which nobody else can know. */
  const sessionOf = (buyer) =>
    buyer.frame.locator("iframe").evaluate((frame) => new URLSearchParams(frame.src.split("?")[1]).get("widget_session_id"));

  async function nothingCameOfIt(buyer, steps, lender) {
    await lender.pin.fill("22");
    await buyer.sees("identify_title");
    assert.deepEqual(steps, []);
    await lender.verify();
    await buyer.sees("choose_title");
    assert.equal(steps.length, 1);
  }

  function stepsOf(buyer) {
    const steps = [];
    buyer.context.on("request", (request) => /\/steps$/.test(request.url()) && steps.push(request.postDataJSON()));
    return steps;
  }

  test("one of the shop's page is passed over, even with everything right but who sent it", async () => {
    const buyer = await visit();
    const lender = await toThePage(buyer);
    const steps = stepsOf(buyer);
    const message = said(await sessionOf(buyer));
    await buyer.page.evaluate((message) => {
      const { shadowRoot } = document.querySelector("ventanilla-checkout");
      shadowRoot.querySelector("iframe").contentWindow.postMessage(message, "*");
    }, message);
    await nothingCameOfIt(buyer, steps, lender);
    await buyer.close();
  });

  test("one of the checkout's own window, and of another frame of the provider's origin, are passed over", async () => {
    const buyer = await visit();
    const lender = await toThePage(buyer);
    const steps = stepsOf(buyer);
    const message = said(await sessionOf(buyer));
    await buyer.frame.locator("body").evaluate((_, message) => window.postMessage(message, "*"), message);
    // The same origin, another window.
    await buyer.frame.locator("body").evaluate((body, address) => {
      const frame = document.createElement("iframe");
      frame.id = "other";
      frame.src = address;
      body.append(frame);
      return new Promise((done) => (frame.onload = done));
    }, await buyer.frame.locator("iframe").first().getAttribute("src"));
    const twin = buyer.frame.locator("#other").contentFrame();
    await twin.locator("body").evaluate((_, message) => window.parent.postMessage(message, "*"), message);
    await buyer.frame.locator("#other").evaluate((frame) => frame.remove());
    await nothingCameOfIt(buyer, steps, lender);
    await buyer.close();
  });

  test("one about another session is passed over, and the buyer goes on", async () => {
    const earlier = await visit();
    await toThePage(earlier);
    const buyer = await visit();
    const lender = await toThePage(buyer);
    const steps = stepsOf(buyer);
    await lender.end("stale");
    await lender.there.getByText("A message of an earlier session was posted.").waitFor();
    await lender.there.locator("body").evaluate((_, message) => window.parent.postMessage(message, "*"), said(crypto.randomUUID()));
    await lender.there.getByLabel(PAGE["en-CA"].ends).selectOption("verified");
    await nothingCameOfIt(buyer, steps, lender);
    await earlier.close();
    await buyer.close();
  });

  test("said twice, and then something else, it is said once", async () => {
    const buyer = await visit();
    const lender = await toThePage(buyer);
    const steps = stepsOf(buyer);
    const message = said(await sessionOf(buyer));
    await world.sandbox.identify(message.eventData.widget_session_id);
    await lender.there.locator("body").evaluate((_, message) => {
      for (const one of [message, message, { eventType: "flx-cancel" }]) window.parent.postMessage(one, "*");
    }, message);
    await buyer.sees("choose_title");
    assert.deepEqual(steps.map(({ step }) => step), ["identified"]);
    await buyer.close();
  });

  test("a word that the provider does not stand by finances nothing", async () => {
    const buyer = await visit();
    const lender = await toThePage(buyer);
    // From the right window, of the right session, and made up.
    const message = said(await sessionOf(buyer));
    await lender.there.locator("body").evaluate((_, message) => window.parent.postMessage(message, "*"), message);
    await buyer.frame.getByRole("heading", { name: pattern(buyer.words.identify_title) }).waitFor({ state: "detached" });
    const pick = plans(buyer).first();
    const over = buyer.heading("unverified_title");
    await pick.or(over).first().waitFor();
    if (await pick.isVisible()) {
      await pick.check();
      await buyer.button("finance").click();
      await over.waitFor();
    }
    assert.deepEqual((await ledger(buyer)).authorizations, []);
    await buyer.close();
  });
});

describe("whatever the buyer does, it is financed once", () => {
  test("pressed twice, and reloaded while it is on its way", async () => {
    const buyer = await visit();
    await toTheOffers(buyer);
    await plans(buyer).first().check();
    await world.sandbox.fault({ operation: "flexiti_authorize", kind: "stall", ms: 3_000, times: 1 });
    await buyer.button("finance").evaluate((button) => {
      button.click();
      button.click();
    });
    await buyer.frame.getByRole("button", { name: buyer.words.asking_lender }).waitFor();
    await buyer.page.reload();
    await buyer.sees("financed_title", { timeout: 30_000 });
    assert.equal((await ledger(buyer)).authorizations.length, 1);
    await buyer.close();
  });

  test("a reload at each step finds the step", async () => {
    const buyer = await visit();
    await toThePage(buyer);
    await buyer.page.reload();
    const lender = await thePage(buyer);
    await lender.verify();
    await buyer.sees("choose_title");
    await buyer.page.reload();
    await buyer.sees("choose_title");
    await plans(buyer).last().check();
    await buyer.button("finance").click();
    await buyer.sees("financed_title");
    assert.deepEqual((await ledger(buyer)).authorizations.map(({ term }) => term), [12]);
    await buyer.close();
  });

  test("the connection breaks at each step, and the buyer goes on where they were", async () => {
    const buyer = await visit();
    const lender = await toThePage(buyer);
    let broken = 0;
    await buyer.context.route("**/steps", (route) => ((broken += 1) % 2 ? route.abort() : route.continue()));
    await lender.verify();
    await buyer.sees("choose_title", { timeout: 30_000 });
    await plans(buyer).first().check();
    await buyer.button("finance").click();
    await buyer.frame.getByText(buyer.words.alert_network).waitFor({ timeout: 30_000 });
    await buyer.button("finance").click();
    await buyer.sees("financed_title");
    assert.equal((await ledger(buyer)).authorizations.length, 1);
    await buyer.close();
  });

  test("nobody knows yet: the buyer reads that, and it is read back", async () => {
    const buyer = await visit();
    await toTheOffers(buyer);
    await plans(buyer).first().check();
    await world.sandbox.fault({ operation: "flexiti_authorize", kind: "reset_after", times: 1 });
    await buyer.button("finance").click();
    await buyer.sees("financed_title", { timeout: 60_000 });
    assert.equal((await ledger(buyer)).authorizations.length, 1);
    await buyer.close();
  });
});

test("mistakes are said beside the fields, and the first of them is where the buyer is taken", async () => {
  for (const locale of ["en-CA", "fr-CA"]) {
    const buyer = await visit({ locale, viewport: { width: 390, height: 844 } });
    await buyer.field("by_person").check();
    await buyer.field("birth_date").fill("2020-13-45");
    await buyer.field("postal_code").fill("90210");
    await buyer.button("go_to_lender").click();
    for (const name of ["first_name_empty", "birth_date_no_day", "line1_empty", "city_empty", "postal_code_odd", "province_empty"]) {
      await buyer.frame.getByText(buyer.words[name], { exact: true }).first().waitFor();
    }
    assert.ok(await buyer.field("first_name").evaluate((field) => field === document.activeElement));
    await picture(buyer.page, `flexiti-mistakes-${locale}`);
    await axe(buyer, `mistakes, ${locale}`);
    await buyer.close();
  }
});

test("by keyboard alone, the focus goes where the buyer is: through the page and out of it", async () => {
  const buyer = await visit();
  const { keyboard } = buyer.page;
  const isAt = (place) => eventually(() => place.evaluate((element) => element === element.ownerDocument.activeElement), "the focus");
  const tabTo = async (place) => {
    for (let presses = 0; presses < 12; presses += 1) {
      if (await place.evaluate((element) => element === element.ownerDocument.activeElement && element.ownerDocument.hasFocus())) return;
      await keyboard.press("Tab");
    }
    assert.fail("the keyboard does not get there");
  };
  await introduce(buyer);
  await buyer.field("postal_code").press("Enter");
  const lender = await thePage(buyer);
  // The page may take the focus to itself, which is where it is wanted next.
  await isAt(buyer.heading("identify_title").or(buyer.frame.locator("iframe:focus")).last());
  await tabTo(lender.pin);
  await keyboard.type("2222");
  await keyboard.press("Enter");
  await buyer.sees("choose_title");
  await isAt(buyer.heading("choose_title"));
  await tabTo(plans(buyer).first());
  await keyboard.press("Space");
  await tabTo(buyer.button("finance"));
  await keyboard.press("Enter");
  await buyer.sees("financed_title");
  await isAt(buyer.heading("financed_title"));
  await buyer.close();
});

test("what is typed is autocompleted as what it is, has no name, and is emptied when it is sent", async () => {
  const buyer = await visit();
  await buyer.field("by_person").check();
  for (const [name, expected] of [
    ["first_name", "given-name"], ["last_name", "family-name"], ["birth_date", "bday"], ["postal_code", "postal-code"],
    ["line1", "address-line1"], ["city", "address-level2"], ["province", "address-level1"],
  ]) {
    assert.deepEqual(await buyer.field(name).evaluate((field) => [field.autocomplete, field.name]), [expected, ""], name);
  }
  await toThePage(buyer, { by: "person" });
  await buyer.button("leave").click();
  await buyer.button("go_to_lender").waitFor();
  for (const name of ["first_name", "last_name", "birth_date", "postal_code"]) assert.equal(await buyer.field(name).inputValue(), "", name);
  assert.equal(await buyer.field("line1").inputValue(), HOME.line1);
  await buyer.close();
});

test("every screen can be used by everybody: axe finds nothing, and nothing is wider than a small phone", async () => {
  for (const locale of ["en-CA", "fr-CA"]) {
    for (const [width, colorScheme] of [[320, "light"], [390, "dark"], [1280, "light"]]) {
      const where = `${locale}-${width}-${colorScheme}`;
      const buyer = await visit({ locale, viewport: { width, height: 900 }, colorScheme });
      await buyer.button("go_to_lender").waitFor();
      await picture(buyer.page, `flexiti-form-${where}`);
      await axe(buyer, `form ${where}`);
      const lender = await toThePage(buyer);
      await buyer.page.locator("ventanilla-checkout").scrollIntoViewIfNeeded();
      await picture(buyer.page, `flexiti-page-${where}`);
      await axe(buyer, `page ${where}`);
      await lender.verify();
      await buyer.sees("choose_title");
      await buyer.button("finance").click();
      await buyer.frame.getByText(buyer.words.pick_first).waitFor();
      await picture(buyer.page, `flexiti-offers-${where}`);
      await axe(buyer, `offers ${where}`);
      await plans(buyer).first().check();
      await buyer.button("finance").click();
      await buyer.sees("financed_title");
      await picture(buyer.page, `flexiti-financed-${where}`);
      await axe(buyer, `financed ${where}`);
      await buyer.close();
    }
  }
});

test("no token, address of the page, account or person is stored, told, logged or put into an address", async () => {
  const buyer = await visit();
  await buyer.page.evaluate(() => {
    window.told = [];
    for (const name of ["ready", "change", "submit", "action", "complete", "error"]) {
      document.addEventListener(`ventanilla-${name}`, ({ type, detail }) => window.told.push({ type, detail }), true);
    }
  });
  await toThePage(buyer, { by: "person" });
  const src = await buyer.frame.locator("iframe").getAttribute("src");
  const [, , , token] = new URL(src).hash.split(/[/?]/).filter(Boolean);
  assert.ok(token?.length > 20, "the address holds a token");
  const secrets = [token, src, ACCOUNT, "1990-01-01", "19900101", PERSON.last_name, HOME.line1];
  const lender = await thePage(buyer);
  await lender.verify();
  await buyer.sees("choose_title");
  await plans(buyer).first().check();
  await buyer.button("finance").click();
  await buyer.sees("financed_title");
  const told = await buyer.page.evaluate(() => window.told);
  assert.deepEqual(told.filter(({ type }) => type === "ventanilla-action").map(({ detail }) => detail.action), ["identify", "choose"]);
  const stored = await Promise.all(
    [buyer.page.locator("body"), buyer.frame.locator("body")].map((place) =>
      place.evaluate(() => {
        const stores = ["localStorage", "sessionStorage"].map((name) => {
          try {
            return { ...window[name] };
          } catch {
            return "refused";
          }
        });
        return JSON.stringify([...stores, document.cookie, location.href, document.title]);
      }),
    ),
  );
  // The page's own script speaks to its own server; the address in its frame is what it was opened with.
  const addresses = buyer.seen.requests.map(({ url }) => url).filter((url) => !url.startsWith(world.sandbox.lender));
  const places = { told: JSON.stringify(told), stored: stored.join(), console: buyer.seen.problems.join(), addresses: addresses.join(), log: world.proxyLog() };
  for (const secret of secrets) {
    for (const [place, text] of Object.entries(places)) assert.ok(!text.includes(secret), `${place} holds ${secret}`);
  }
  assert.deepEqual(buyer.seen.problems, []);
  assert.equal(await world.cspReports(), 0);
  await buyer.close();
});

test("the frame may show the provider's page and no other, and cannot be moved elsewhere by it", async () => {
  const buyer = await visit();
  await toThePage(buyer);
  const frame = buyer.frame.locator("iframe");
  assert.equal(await frame.getAttribute("sandbox"), "allow-forms allow-pointer-lock allow-popups allow-same-origin allow-scripts");
  assert.equal(await frame.getAttribute("title"), buyer.words.page_name);
  for (const [rails, shown, embedder] of [
    ["?rails=flexiti", world.sandbox.lender, "unsafe-none"],
    ["?rails=card,cvu,flux", undefined, "require-corp"],
    ["", undefined, "require-corp"],
  ]) {
    const { headers } = await fetch(`${world.proxy}/frame${rails}`);
    const policy = headers.get("content-security-policy").split("; ").find((one) => one.startsWith("frame-src "));
    assert.equal(policy, shown && `frame-src ${shown}`, rails);
    assert.equal(headers.get("cross-origin-embedder-policy"), embedder, rails);
  }
  await buyer.close();
});

test("whatever rails the shop's page names, the buyer gets to the lender's page: the frame loads again for it", async () => {
  const buyer = await visit();
  for (const rails of ["cvu", "flux", "card,cvu", "flexiti"]) {
    await buyer.button("go_to_lender").waitFor();
    // Another choice of rails starts the element over.
    await buyer.page.locator("ventanilla-checkout").evaluate((element, rails) => element.setAttribute("rails", rails), rails);
    await toThePage(buyer);
    await buyer.button("leave").click();
  }
  assert.equal(await world.cspReports(), 0);
  await buyer.close();
});

describe("on a fast clock", () => {
  let fast;
  // Twenty minutes of the proxy are forty seconds of the buyer's patience with a test.
  before(async () => (fast = await openWorld({ locale: "en-CA", flexiti: "", speed: 30 })));
  after(() => fast?.close());

  test("the time runs out on the page: it goes, and the buyer starts again", async () => {
    const buyer = await fast.visit(CANADA);
    await toThePage(buyer);
    await buyer.sees("over_title", { timeout: 90_000 });
    await buyer.frame.getByText(buyer.words.slow_text).waitFor();
    assert.equal(await buyer.frame.locator("iframe").count(), 0);
    await buyer.button("begin_again").click();
    await toThePage(buyer);
    await buyer.close();
  });
});
