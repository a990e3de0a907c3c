// A shop that is one long page mounts a checkout again and again. Whatever a checkout takes, it gives back.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { merchantPage, openWorld } from "./harness.mjs";

const TIMES = 200;
/** What a browser builds once, whoever comes first: its caches, compiled functions, the first form's styles. */
const FIRST = 100;

let world, page;
before(async () => {
  page = await merchantPage({ body: "<main></main>" });
  world = await openWorld({ origins: [page.origin], inline: true });
});
after(async () => {
  await world?.close();
  await page?.close();
});

/** Mounts and unmounts a checkout in a page, as often as is wanted; resolves when the last one is gone. */
async function mount({ times, inline, proxy }) {
  const main = document.querySelector("main");
  for (let time = 0; time < times; time += 1) {
    const checkout = document.createElement("ventanilla-checkout");
    checkout.setAttribute("proxy", proxy);
    if (inline) {
      checkout.setAttribute("mode", "inline");
      checkout.setAttribute("inline-cards", "");
    }
    checkout.clientToken = window.token;
    const ready = new Promise((resolve, reject) => {
      checkout.addEventListener("ventanilla-ready", resolve, { once: true });
      checkout.addEventListener("ventanilla-error", ({ detail }) => reject(new Error(detail.message)), { once: true });
    });
    main.append(checkout);
    await ready;
    checkout.remove();
    // The element unmounts in a microtask, and a frame's window goes with its next task.
    await new Promise((resolve) => setTimeout(resolve));
  }
}

/** What the page holds once everything is collected that nobody needs. */
async function held(devtools, tab) {
  for (let round = 0; round < 3; round += 1) await devtools.send("HeapProfiler.collectGarbage");
  const { metrics } = await devtools.send("Performance.getMetrics");
  const of = (name) => metrics.find((metric) => metric.name === name).value;
  const memory = await tab.evaluate(() => window.memories.map(({ buffer }) => buffer.byteLength));
  return { frames: of("Frames"), listeners: of("JSEventListeners"), nodes: of("Nodes"), heap: of("JSHeapUsedSize"), memory };
}

describe(`${TIMES} checkouts mounted and unmounted`, () => {
  for (const inline of [false, true]) {
    test(`${inline ? "inline" : "in a frame"}: no frame, no listener, no node and no memory is left of them`, async () => {
      const context = await world.browser.newContext({ locale: "es-CR" });
      const tab = await context.newPage();
      await tab.addInitScript(() => {
        window.memories = [];
        WebAssembly.Instance = class extends WebAssembly.Instance {
          constructor(...given) {
            super(...given);
            window.memories.push(...Object.values(this.exports).filter((one) => one instanceof WebAssembly.Memory));
          }
        };
      });
      await tab.goto(page.with(world));
      const opened = await world.merchant("POST", "/v1/sessions", { order_reference: "MONTAJE", total: { amount_minor: 250000, currency: "CRC" } });
      await tab.evaluate((token) => (window.token = token), opened.client_token);
      const devtools = await context.newCDPSession(tab);
      await devtools.send("Performance.enable");
      await devtools.send("HeapProfiler.enable");
      const wanted = { inline, proxy: world.proxy };

      await tab.evaluate(mount, { ...wanted, times: FIRST });
      const first = await held(devtools, tab);
      await tab.evaluate(mount, { ...wanted, times: TIMES });
      const last = await held(devtools, tab);

      assert.equal(first.memory.length, inline ? 1 : 0, "the module is loaded once, and never in the shop's page but inline");
      assert.equal(await tab.locator("iframe").count(), 0);
      assert.equal(tab.frames().length, 1);
      const { heap: heapBefore, ...countedBefore } = first;
      const { heap, ...counted } = last;
      assert.deepEqual(counted, countedBefore);
      assert.ok(heap <= heapBefore * 1.05, `the heap grew from ${heapBefore} to ${heap} bytes`);
      await context.close();
    });
  }
});
