// How long it takes until a card can be typed in, what is downloaded until then, and what it costs the page:
// the widget in its frame, Adyen's card and Braintree's drop-in, in turns.

import { at, launch, openWorld } from "../e2e/harness.mjs";
import { listen } from "../e2e/harness.mjs";
import { peerPages, release, serving } from "./peers.mjs";
import { summary } from "./figures.mjs";

const SIZE = { width: 412, height: 915 };
/** A phone of the middle class on a mobile network: what Lighthouse calls slow 4G. */
const SLOW = { cpu: 4, latency: 150, downloadThroughput: 200_000, uploadThroughput: 94_000 };
const PROFILES = { plain: null, slow: SLOW };

const OF_ONE_SESSION = 50;
const WINDOW_OPENS_MS = 1_500;
const EMPTY = { contentType: "text/html", body: "<!doctype html>" };

/** Everybody who is measured, and what they call themselves. */
const FORMS = [
  { name: "ours", title: "Ventanilla", path: "/ours.html" },
  { name: "adyen", title: `Adyen Card ${release("@adyen/adyen-web")}`, path: "/adyen.html" },
  { name: "braintree", title: `Braintree Drop-in ${release("braintree-web-drop-in")}`, path: "/braintree.html" },
];

/**
 * Measures every form `runs` times on every profile, after one visit that does not count.
 *
 * Ready is what each vendor calls ready: every input is there and takes a key stroke, and what encrypts is loaded.
 * For ours that is tried, by typing.
 */
export async function measureForms(runs, tell) {
  const { pages, vendor } = await peerPages();
  const served = await listen(serving(pages));
  const own = `http://localhost:${served.port}`;
  const world = await openWorld({ origins: [own], cvu: false });
  // One process for the page and its frames, so that what slows the page down slows its frames down too.
  const browser = await launch(undefined, ["--disable-site-isolation-trials", "--disable-features=IsolateOrigins,site-per-process"]);
  const results = {};
  try {
    const embed = await (await fetch(`${world.proxy}/embed.json`)).json();
    const local = new Set([own, world.proxy].map((origin) => new URL(origin).host));
    for (const [profile, slow] of Object.entries(PROFILES)) {
      const rows = Object.fromEntries(FORMS.map(({ name }) => [name, []]));
      for (let run = 0; run <= runs; run += 1) {
        for (const form of FORMS) {
          if (form.name === "ours") pages["/ours.html"] = ourPage(world.proxy, embed, await token(world));
          tell(`${profile}: ${form.title}, ${run} of ${runs}`);
          const row = await visit({ browser, url: own + form.path, local, vendor, slow, ours: form.name === "ours" });
          if (run > 0) rows[form.name].push(row);
        }
      }
      results[profile] = Object.fromEntries(
        FORMS.map(({ name }) => [name, Object.fromEntries(Object.keys(rows[name][0]).map((key) => [key, summary(rows[name].map((row) => row[key]))]))]),
      );
    }
    tell("200 mounts and unmounts");
    pages["/ours.html"] = ourPage(world.proxy, embed, await token(world));
    const mounts = await mountOften(browser, `${own}/ours.html`, 200, () => token(world));
    return { forms: FORMS, results, mounts, chromium: browser.version() };
  } finally {
    await browser.close();
    await world.close();
    await served.close();
  }
}

async function token(world) {
  const opened = await world.merchant("POST", "/v1/sessions", {
    order_reference: "BENCH-1", total: { amount_minor: 1_250_000, currency: "CRC" }, rails: ["card"],
  });
  return opened.client_token;
}

/** A shop's page as small as the peers' pages. */
function ourPage(proxy, { loader, integrity }, clientToken) {
  const body = `<!doctype html><html lang="es-CR"><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1"><title>Shop</title>
<script src="${loader}" integrity="${integrity}" crossorigin defer></script>
<div id="here"><ventanilla-checkout proxy="${proxy}" rails="card"></ventanilla-checkout></div>
<script>
const checkout = document.querySelector("ventanilla-checkout");
checkout.clientToken = ${JSON.stringify(clientToken)};
checkout.addEventListener("ventanilla-ready", () => {
  globalThis.READY = performance.now();
  globalThis.benchReady?.("");
});
</script>`;
  return { type: "text/html", body: Buffer.from(body) };
}

async function visit({ browser, url, local, vendor, slow, ours }) {
  const context = await browser.newContext({ viewport: SIZE, locale: "es-CR" });
  const page = await context.newPage();
  let third = 0;
  await context.route(
    (asked) => !local.has(asked.host),
    (route) => {
      third += 1;
      const asked = route.request();
      // A document that does not come is a page of the browser's own about that, far heavier than anything of the vendor's.
      const answer = vendor(new URL(asked.url())) ?? (asked.resourceType() === "document" && EMPTY);
      return answer ? route.fulfill(answer) : route.abort();
    },
  );
  const devtools = await context.newCDPSession(page);
  let bytes = 0;
  const theirs = new Set();
  devtools.on("Network.requestWillBeSent", ({ requestId, request: { url } }) => local.has(new URL(url).host) || theirs.add(requestId));
  devtools.on("Network.loadingFinished", ({ requestId, encodedDataLength }) => (bytes += theirs.has(requestId) ? 0 : encodedDataLength));
  await devtools.send("Network.enable");
  await devtools.send("Performance.enable");
  if (slow) {
    const { cpu, ...network } = slow;
    await devtools.send("Emulation.setCPUThrottlingRate", { rate: cpu });
    await devtools.send("Network.emulateNetworkConditions", { offline: false, ...network });
  }
  // Asking a page from outside whether it is ready runs a script of the tool's own in it, so the page tells.
  await devtools.send("Runtime.enable");
  await devtools.send("Runtime.addBinding", { name: "benchReady" });
  const told = new Promise((done, fail) => {
    devtools.once("Runtime.bindingCalled", done);
    page.once("close", () => fail(new Error(`${url} was never ready`)));
  });
  // A new window has a start of its own, which is not the page's.
  await page.waitForTimeout(WINDOW_OPENS_MS);
  const late = setTimeout(() => page.close(), 60_000);
  await page.goto(url, { waitUntil: "commit" });
  await told;
  clearTimeout(late);
  const { result } = await devtools.send("Runtime.evaluate", { expression: "READY" });
  const ready = result.value;
  const { TaskDuration, ScriptDuration, JSHeapUsedSize } = await metrics(devtools);
  if (ours) await takesAKeyStroke(page);
  await context.close();
  return { ready, bytes, third, task: TaskDuration * 1000, script: ScriptDuration * 1000, heap: JSHeapUsedSize };
}

async function takesAKeyStroke(page) {
  const number = at(page, "es-CR").field("number");
  await number.pressSequentially("4");
  if ((await number.inputValue()) !== "4") throw new Error("the form was called ready and took no key stroke");
}

async function metrics(devtools) {
  const { metrics } = await devtools.send("Performance.getMetrics");
  return Object.fromEntries(metrics.map(({ name, value }) => [name, value]));
}

/** What is left behind by mounting and unmounting the widget `times` times, after `times / 10` that do not count. */
async function mountOften(browser, url, times, token) {
  const context = await browser.newContext({ viewport: SIZE, locale: "es-CR" });
  const page = await context.newPage();
  const devtools = await context.newCDPSession(page);
  await devtools.send("Performance.enable");
  await devtools.send("HeapProfiler.enable");
  await page.goto(url);
  await page.waitForFunction(() => globalThis.READY);
  /** So many of one session: a proxy answers one only so often in a minute. */
  const again = async (rounds) => {
    for (let done = 0; done < rounds; done += OF_ONE_SESSION) await mount(page, Math.min(OF_ONE_SESSION, rounds - done), await token());
  };
  const settled = async () => {
    // Finalisers free what one collection only marks.
    for (let round = 0; round < 3; round += 1) await devtools.send("HeapProfiler.collectGarbage");
    const { JSHeapUsedSize, JSEventListeners, Nodes, Frames, Documents } = await metrics(devtools);
    return { heap: JSHeapUsedSize, listeners: JSEventListeners, nodes: Nodes, frames: Frames, documents: Documents };
  };
  await again(times / 10);
  const before = await settled();
  await again(times);
  const after = await settled();
  await context.close();
  return { times, before, after };
}

const mount = (page, rounds, token) =>
  page.evaluate(
    async ({ rounds, token }) => {
      const here = document.querySelector("#here");
      globalThis.proxy ??= here.querySelector("ventanilla-checkout").getAttribute("proxy");
      here.replaceChildren();
      for (let round = 0; round < rounds; round += 1) {
        const checkout = document.createElement("ventanilla-checkout");
        checkout.setAttribute("proxy", globalThis.proxy);
        checkout.setAttribute("rails", "card");
        checkout.clientToken = token;
        const ready = new Promise((done) => checkout.addEventListener("ventanilla-ready", done, { once: true }));
        here.append(checkout);
        await ready;
        checkout.remove();
        await new Promise((done) => setTimeout(done));
      }
    },
    { rounds, token },
  );
