// The Flux rail: a buyer's wallet shows a code, the window reads it and charges it at once.

import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createRequire } from "node:module";
import { after, before, beforeEach, describe, test } from "node:test";
import { AxeBuilder } from "@axe-core/playwright";
import { CONDITIONS, HEIGHT, WIDTH, film, frame, random } from "./frames.mjs";
import { manifest, openWorld, pattern, picture, texts } from "./harness.mjs";

const { PNG } = createRequire(import.meta.url)("pngjs");

const MEXICO = { locale: "es-MX", currency: "MXN" };
const phone = (width) => ({ viewport: { width, height: 844 }, screen: { width }, hasTouch: true, isMobile: true });
const PHONE = phone(390);
const KIOSK = { viewport: { width: 768, height: 1024 }, screen: { width: 768 }, hasTouch: true };
const RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22a", "wcag22aa"];
const CAMERA = { permissions: ["camera"] };
/** The rail's texts, by their names without what they begin with. */
const words = Object.fromEntries(Object.entries(texts("es-MX")).map(([name, text]) => [name.replace(/^flux_/, ""), text]));
const folder = mkdtempSync(join(tmpdir(), "ventanilla-camera-"));
const filmed = join(folder, "camera.y4m");

/** What the camera sees from the next time it is opened. */
const camera = (...frames) => writeFileSync(filmed, film(frames.length > 1 ? frames : [frames[0], frames[0]]));

/** A picture file of a code. */
function png(grey, sizes = [WIDTH, HEIGHT]) {
  const made = new PNG({ width: sizes[0], height: sizes[1] });
  grey.forEach((value, at) => made.data.set([value, value, value, 255], at * 4));
  return PNG.sync.write(made);
}


const inFrame = (buyer) => buyer.page.frames().find((one) => one.url().includes("/frame"));
const camerasOn = (buyer) =>
  inFrame(buyer).evaluate(() => window.streams.flatMap((one) => one.getTracks()).filter(({ readyState }) => readyState === "live").length);
const fetchedReader = (buyer) => buyer.seen.requests.filter(({ url }) => /\/assets\/reader\./.test(url)).length;
const press = (buyer, name) => buyer.frame.getByRole("button", { name: pattern(words[name]) }).click();
const says = (buyer, name) => buyer.frame.getByText(pattern(words[name])).first().waitFor();
const field = (buyer) => buyer.frame.getByLabel(words.code, { exact: true });

/** From the tip to the code. */
async function chooses(buyer, tip = words.tip_none) {
  await buyer.frame.getByText(tip, { exact: true }).click();
  await press(buyer, "go_on");
}

async function payments(world) {
  const { flux } = await world.sandbox.ledger();
  return flux.payments;
}

let world;
before(async () => (world = await openWorld({ locale: "es-MX", flux: { tips: true }, cvu: false, film: filmed })));
after(async () => {
  await world?.close();
  rmSync(folder, { recursive: true, force: true });
});

const visit = async (options) => {
  const buyer = await world.visit({ ...MEXICO, ...options });
  await buyer.frame.getByText(words.tip_none, { exact: true }).waitFor();
  return buyer;
};

describe("with a camera", () => {
  for (const [condition, options] of [["clean", {}], ["blurred", {}], ["rotated", KIOSK], ["inverted", {}], ["small", KIOSK], ["combined", {}]]) {
    test(`a ${condition} code is read and charged at once`, async () => {
      const code = await world.sandbox.walletCode();
      camera(...Array.from({ length: 4 }, (_, at) => frame(code, condition, random(CONDITIONS.indexOf(condition) * 10 + at))));
      const paid = (await payments(world)).length;
      const buyer = await visit({ ...CAMERA, ...options });
      await chooses(buyer);
      await buyer.sees("paid_title");
      const made = (await payments(world)).slice(paid);
      assert.deepEqual(made.map(({ state, amount, tip }) => [state, amount, tip]), [["done", "344.00", "0.00"]]);
      await buyer.close();
    });
  }

  test("the camera is off once a code was read, when it is turned off, when another page hides it, and when it leaves", async () => {
    camera(frame("https://example.mx/menu", "clean"));
    const context = { ...CAMERA };
    const buyer = await visit(context);
    await inFrame(buyer).evaluate(() => {
      window.streams = [];
      const open = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
      navigator.mediaDevices.getUserMedia = async (...given) => {
        const stream = await open(...given);
        window.streams.push(stream);
        return stream;
      };
    });
    await chooses(buyer);
    await says(buyer, "code_address");
    await picture(buyer.page, "flux-live");
    assert.equal(await camerasOn(buyer), 1, "a wrong code leaves it on");
    await press(buyer, "close_camera");
    assert.equal(await camerasOn(buyer), 0, "turned off");

    await press(buyer, "open_camera");
    await says(buyer, "looking");
    await inFrame(buyer).evaluate(() => {
      Object.defineProperty(document, "hidden", { configurable: true, value: true });
      document.dispatchEvent(new Event("visibilitychange"));
      delete document.hidden;
    });
    assert.equal(await camerasOn(buyer), 0, "hidden");

    await press(buyer, "open_camera");
    await says(buyer, "looking");
    await press(buyer, "tip_change");
    assert.equal(await camerasOn(buyer), 0, "back at the tip");

    await press(buyer, "go_on");
    await says(buyer, "looking");
    const code = await world.sandbox.walletCode();
    await press(buyer, "close_camera");
    camera(frame(code, "clean"));
    await press(buyer, "open_camera");
    await buyer.sees("paid_title");
    assert.equal(await camerasOn(buyer), 0, "read");
    await buyer.close();
  });

  test("who waits at a code that is no wallet's is told what it is, and the right one is taken afterwards", async () => {
    const part = (id, value) => id + String(value.length).padStart(2, "0") + value;
    const parts = [["00", "01"], ["26", part("00", "com.example")], ["52", "5814"], ["53", "484"], ["58", "MX"], ["59", "Cafe Centro"], ["60", "CDMX"], ["63", "D9C2"]];
    camera(frame(parts.map(([id, value]) => part(id, value)).join(""), "clean"));
    const buyer = await visit(CAMERA);
    await chooses(buyer);
    await says(buyer, "code_merchant");
    await field(buyer).fill(await world.sandbox.walletCode());
    await buyer.button("pay").click();
    await buyer.sees("paid_title");
    await buyer.close();
  });

  test("a code that the wallet refuses is told as what it is, and a new one pays", async () => {
    const [refused, good] = [await world.sandbox.walletCode("funds"), await world.sandbox.walletCode()];
    camera(frame(refused, "clean"));
    const buyer = await visit(CAMERA);
    await chooses(buyer);
    await buyer.frame.getByRole("heading", { name: words.declined_title }).waitFor();
    await says(buyer, "advice_funds");
    await picture(buyer.page, "flux-declined");
    await press(buyer, "new_code");
    await press(buyer, "open_camera");
    await says(buyer, "code_again");
    await press(buyer, "close_camera");
    camera(frame(good, "clean"));
    await press(buyer, "open_camera");
    await buyer.sees("paid_title");
    await buyer.close();
  });

  test("nobody who has no accessibility to spare is left out: axe finds nothing at the tip, the camera and the ways", async () => {
    camera(frame("https://example.mx/menu", "clean"));
    for (const [name, size] of [["desktop", {}], ["kiosk", KIOSK], ["phone", PHONE], ["small", phone(320)], ["dark", { ...PHONE, colorScheme: "dark" }]]) {
      const buyer = await visit({ ...CAMERA, ...size });
      await picture(buyer.page, `flux-tip-${name}`);
      const axe = async () => (await new AxeBuilder({ page: buyer.page }).withTags(RULES).analyze()).violations.map(({ id, nodes }) => [id, nodes.map(({ target }) => target.join(" ")).join()].join(": "));
      assert.deepEqual(await axe(), [], `${name}, tip`);
      await chooses(buyer, "20 %");
      if (!["desktop", "kiosk"].includes(name)) await press(buyer, "open_camera");
      await says(buyer, "code_address");
      await picture(buyer.page, `flux-camera-${name}`);
      assert.deepEqual(await axe(), [], `${name}, camera`);
      await buyer.close();
    }
  });
});

describe("without a camera to use", () => {
  const refusing = (name) =>
    `navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException("", ${JSON.stringify(name)}));`;
  for (const [name, script, said] of [
    ["refused", refusing("NotAllowedError"), "denied"],
    ["missing", refusing("NotFoundError"), "missing"],
    ["used by another program", refusing("NotReadableError"), "in_use"],
    ["asked for too strictly, twice", refusing("OverconstrainedError"), "missing"],
    ["stumbling, twice", refusing("AbortError"), "broken"],
    ["on an insecure page", `Object.defineProperty(navigator, "mediaDevices", { value: undefined });`, "insecure"],
    ["forbidden by the shop", `document.featurePolicy.allowsFeature = () => false;` + refusing("NotAllowedError"), "policy"],
    [
      "never answered",
      `navigator.mediaDevices.getUserMedia = () => new Promise(() => {});
       const later = setTimeout;
       setTimeout = (deed, ms, ...given) => later(deed, ms === 10_000 ? 50 : ms, ...given);`,
      "asking_long",
    ],
  ]) {
    test(`one that is ${name} says so, and what to do instead`, async () => {
      const buyer = await visit({});
      await inFrame(buyer).evaluate(script);
      await chooses(buyer);
      await says(buyer, said);
      await picture(buyer.page, `flux-${said}`);
      assert.ok(await field(buyer).isEditable());
      await field(buyer).fill(await world.sandbox.walletCode());
      await buyer.button("pay").click();
      await buyer.sees("paid_title");
      await buyer.close();
    });
  }

  test("a refusal by the browser itself is one, and the camera can be asked for again", async () => {
    camera(frame(await world.sandbox.walletCode(), "clean"));
    const buyer = await visit({});
    await chooses(buyer);
    await says(buyer, "denied");
    await buyer.context.grantPermissions(["camera"]);
    await press(buyer, "open_camera");
    await buyer.sees("paid_title");
    await buyer.close();
  });
});

describe("other ways", () => {
  let buyer;
  beforeEach(async () => {
    buyer = await visit({ ...PHONE, permissions: ["clipboard-read", "clipboard-write"] });
  });

  test("on a phone the code is pasted first, and nothing that reads pictures is fetched for it", async () => {
    await chooses(buyer);
    await picture(buyer.page, "flux-phone");
    const code = await world.sandbox.walletCode();
    await buyer.page.evaluate((text) => navigator.clipboard.writeText(text), code);
    await press(buyer, "paste");
    await buyer.sees("paid_title");
    assert.equal(fetchedReader(buyer), 0);
    const kept = await inFrame(buyer).evaluate(() => {
      const stores = ["sessionStorage", "localStorage"].map((name) => {
        try {
          return JSON.stringify({ ...window[name] });
        } catch {
          // A browser that lets a frame keep nothing.
          return "";
        }
      });
      const inputs = [...document.querySelectorAll("input")].map(({ value }) => value);
      return [document.documentElement.outerHTML, location.href, ...stores, ...inputs];
    });
    for (const place of [...kept, world.proxyLog(), ...buyer.seen.problems, ...buyer.seen.requests.map(({ url }) => url)]) {
      assert.ok(!place.includes(code), "the code is nowhere");
    }
    await buyer.close();
  });

  test("a screenshot is read, upright or light on dark, and stays on the device", async () => {
    for (const condition of ["clean", "inverted"]) {
      const one = await visit(PHONE);
      const sent = [];
      one.context.on("request", (request) => sent.push(request.postDataBuffer() ?? ""));
      await chooses(one);
      const buffer = png(frame(await world.sandbox.walletCode(), condition));
      await one.frame.locator("input[type=file]").setInputFiles({ name: "captura.png", mimeType: "image/png", buffer });
      await one.sees("paid_title");
      assert.ok(fetchedReader(one) > 0, "the decoder came when it was needed");
      assert.ok(sent.every((body) => body.length < 500), `sent ${sent.map((body) => body.length)} bytes`);
      await one.close();
    }
    await buyer.close();
  });

  test("a file that is no picture, one without a code and one too large each say so", async () => {
    await chooses(buyer);
    const pick = buyer.frame.locator("input[type=file]");
    await pick.setInputFiles({ name: "nota.png", mimeType: "image/png", buffer: Buffer.from("nada") });
    await says(buyer, "picture_unreadable");
    await pick.setInputFiles({ name: "gris.png", mimeType: "image/png", buffer: png(new Uint8Array(WIDTH * HEIGHT).fill(120)) });
    await says(buyer, "picture_empty");
    await pick.setInputFiles({ name: "grande.png", mimeType: "image/png", buffer: Buffer.alloc(15_000_001) });
    await says(buyer, "picture_large");
    await picture(buyer.page, "flux-phone-note");
    await buyer.close();
  });

  test("what is typed is told apart from a code", async () => {
    await chooses(buyer);
    for (const [typed, said] of [
      ["", "code_missing"],
      ["https://example.mx/pagar?id=1", "code_address"],
      ["Zm9vK2Jhci9i YXo5MDIxNDUy", "code_spaces"],
      ["0000003100012345678901", "code_account"],
      ["x".repeat(513), "code_long"],
      ["código", "code_foreign"],
    ]) {
      await field(buyer).fill(typed);
      await buyer.button("pay").click();
      await says(buyer, said);
    }
    assert.equal(buyer.seen.requests.filter(({ url }) => url.endsWith("/attempts")).length, 0, "nothing was sent");
    await buyer.close();
  });

  test("a scanner that types pays from the field and from anywhere else", async () => {
    const one = await visit({});
    await chooses(one);
    await field(one).focus();
    await one.page.keyboard.insertText(await world.sandbox.walletCode());
    await one.page.keyboard.press("Enter");
    await one.sees("paid_title");
    await one.close();

    await chooses(buyer);
    const code = await world.sandbox.walletCode();
    await inFrame(buyer).evaluate((text) => {
      document.activeElement?.blur();
      for (const key of [...text, "Enter"]) document.body.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }));
    }, code);
    await buyer.sees("paid_title");
    assert.ok(buyer.page.url().includes("/pago/"), "the shop's page is where it was");
    await buyer.close();
  });
});

describe("the tip", () => {
  test("nothing is chosen beforehand, and each choice is what it says, down to the receipt", async () => {
    for (const [choice, tip, total] of [["10 %", "34.40", "378.40"], ["15 %", "51.60", "395.60"], ["20 %", "68.80", "412.80"]]) {
      const buyer = await visit({});
      assert.equal(await buyer.frame.locator("input[type=radio]:checked").count(), 0);
      await press(buyer, "go_on");
      await says(buyer, "tip_missing");
      await chooses(buyer, choice);
      await buyer.frame.getByText(`$${total}`, { exact: true }).first().waitFor();
      await field(buyer).fill(await world.sandbox.walletCode());
      await buyer.frame.getByRole("button", { name: `Pagar $${total}` }).click();
      await buyer.sees("paid_title");
      for (const amount of ["344.00", tip, total]) await buyer.frame.locator(".vt-done").getByText(`$${amount}`, { exact: true }).first().waitFor();
      if (choice === "15 %") await picture(buyer.page, "flux-paid");
      const made = (await payments(world)).at(-1);
      assert.deepEqual([made.amount, made.tip, made.total], ["344.00", tip, total]);
      await buyer.close();
    }
  });

  test("an amount of one's own is taken as it is typed, up to the cap, and asked about above thirty percent", async () => {
    const buyer = await visit(PHONE);
    await buyer.frame.getByText(words.tip_own, { exact: true }).click();
    const own = buyer.frame.getByLabel(words.tip_amount, { exact: true });
    await own.fill("mucho");
    await press(buyer, "go_on");
    await says(buyer, "tip_unreadable");
    await own.fill("1,000.00");
    await press(buyer, "go_on");
    await buyer.frame.getByText("La propina puede ser de $344.00 como máximo").waitFor();
    await own.fill("150");
    await press(buyer, "go_on");
    await says(buyer, "tip_sure");
    await picture(buyer.page, "flux-tip-sure");
    await press(buyer, "tip_keep");
    await field(buyer).fill(await world.sandbox.walletCode());
    await buyer.button("pay").click();
    await buyer.sees("paid_title");
    assert.equal((await payments(world)).at(-1).tip, "150.00");
    await buyer.close();
  });
});

test("a charge whose answer is late is waited for, and never called a failure", async () => {
  // Longer than the proxy holds its answer back.
  await world.sandbox.flux({ slow_ms: 15_000 });
  const buyer = await visit({});
  await chooses(buyer);
  await field(buyer).fill(await world.sandbox.walletCode("slow"));
  await buyer.button("pay").click();
  await buyer.frame.getByRole("heading", { name: words.charge_title }).waitFor();
  await picture(buyer.page, "flux-waiting");
  assert.doesNotMatch(await buyer.frame.locator("body").innerText(), /rechaz|fall[óo]|error/i);
  await buyer.sees("paid_title", { timeout: 30_000 });
  await buyer.close();
});

test("whoever pays by card gets no camera and fetches nothing that reads codes", async () => {
  const buyer = await world.visit({ locale: "es-CR", currency: "CRC", permissions: ["camera"] });
  await buyer.field("number").waitFor();
  const { reader } = manifest();
  const fetched = buyer.seen.requests.map(({ url }) => url.split("/").pop());
  for (const file of [...Object.values(reader), manifest().wasm.flux]) assert.ok(!fetched.includes(file), file);
  const refusal = await inFrame(buyer).evaluate(() => navigator.mediaDevices.getUserMedia({ video: true }).then(() => "given", ({ name }) => name));
  assert.equal(refusal, "NotAllowedError");
  const sandbox = await buyer.page.locator("ventanilla-checkout iframe").getAttribute("allow");
  assert.doesNotMatch(sandbox, /camera|clipboard-read/);
  await buyer.close();
});

test("no policy was broken anywhere", async () => {
  assert.equal(await world.cspReports(), 0);
});
