// How long it takes to encrypt a card for GreenPay: as the widget does it, beside jsencrypt and aes-js, in one page.

import { constants, createDecipheriv, generateKeyPairSync, privateDecrypt } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { launch, listen, root } from "../e2e/harness.mjs";
import { median, percentile, summary } from "./figures.mjs";
import { sealingScript, serving } from "./peers.mjs";

const built = join(root, "var/bench");
const CARD = { number: "4242424242424242", expiry: "12/39", cvc: "123", holder: "Ana Solano Mora" };
const [PAGES, CALLS, TURN] = [7, 100, 20];
/** The keys that GreenPay hands out, and those that it should; and an old phone. */
const CASES = [
  { bits: 1024, profile: "plain" },
  { bits: 2048, profile: "plain" },
  { bits: 1024, profile: "slow", cpu: 4 },
  { bits: 2048, profile: "slow", cpu: 4 },
];

export async function measureEncryption(tell) {
  const text = (type, body) => ({ type, body: Buffer.from(body) });
  const pages = {
    "/": text("text/html", "<!doctype html><meta charset=utf-8><title>sealing</title>"),
    "/ours.js": text("text/javascript", readFileSync(join(built, "seal.js"))),
    "/ours.wasm": text("application/wasm", readFileSync(join(built, "seal_bg.wasm"))),
    "/cipher.js": text("text/javascript", readFileSync(join(root, "src/rails/card/cipher.js"))),
    "/peer.js": text("text/javascript", await sealingScript()),
  };
  const served = await listen(serving(pages));
  const browser = await launch();
  try {
    const results = [];
    for (const { bits, profile, cpu = 1 } of CASES) {
      tell(`encryption: ${bits} bits, ${profile}`);
      const keys = generateKeyPairSync("rsa", { modulusLength: bits });
      const pages = [];
      for (let at = 0; at < PAGES; at += 1) pages.push(await inFreshPage(browser, `${served.origin}/`, keys, cpu));
      const row = { bits, profile };
      for (const name of ["ours", "peer"]) {
        const over = (of) => summary(pages.map((page) => of(page[name])));
        row[name] = {
          first: over(({ first }) => first),
          median: over(({ times }) => median(times)),
          p95: over(({ times }) => percentile(times, 0.95)),
        };
      }
      results.push(row);
    }
    return results;
  } finally {
    await browser.close();
    await served.close();
  }
}

/** What both take in a page of their own, and that GreenPay could read what they made. */
async function inFreshPage(browser, url, keys, cpu) {
  const page = await browser.newPage();
  if (cpu > 1) {
    const devtools = await page.context().newCDPSession(page);
    await devtools.send("Emulation.setCPUThrottlingRate", { rate: cpu });
  }
  await page.goto(url);
  const pem = keys.publicKey.export({ type: "spki", format: "pem" });
  const measured = await page.evaluate(inPage, { pem, card: CARD, calls: CALLS, turn: TURN });
  await page.close();
  for (const name of ["ours", "peer"]) {
    const opened = open(keys.privateKey, measured[name].last);
    if (opened.card?.cardNumber !== CARD.number) throw new Error(`what ${name} sealed does not hold the card`);
  }
  return measured;
}

/** Runs in the page: each in turns, the first call apart. */
async function inPage({ pem, card, calls, turn }) {
  const ours = await import("/ours.js");
  await ours.default({ module_or_path: "/ours.wasm" });
  const { encrypt } = await import("/cipher.js");
  await import("/peer.js");
  const key = ours.Key.read(pem.replace(/-----[^-]+-----|\s/g, ""));
  const [month, year] = card.expiry.split("/").map(Number);
  const message = JSON.stringify({
    card: { cardHolder: card.holder, expirationMonth: month, expirationYear: year, cardNumber: card.number, cvc: card.cvc, nickname: "" },
  });
  const sealers = {
    async ours() {
      const prepared = key.prepare(card.number, card.expiry, card.cvc, card.holder);
      const ciphertext = await encrypt(prepared.key(), prepared.counter(), prepared.plaintext());
      const [ld, lk] = prepared.sealed(new Uint8Array(ciphertext)).split(" ");
      return { ld, lk };
    },
    peer: async () => globalThis.peerSeal(pem, message),
  };
  const results = { ours: { times: [] }, peer: { times: [] } };
  const timed = async (name) => {
    const began = performance.now();
    results[name].last = await sealers[name]();
    return performance.now() - began;
  };
  for (const name of ["ours", "peer"]) results[name].first = await timed(name);
  for (let done = 0; done < calls; done += turn) {
    for (const name of ["ours", "peer"]) {
      for (let call = 0; call < turn; call += 1) results[name].times.push(await timed(name));
    }
  }
  return results;
}

/** What GreenPay reads of it. */
function open(privateKey, { ld, lk }) {
  const { k, s } = JSON.parse(decryptPkcs1(privateKey, Buffer.from(lk, "base64")));
  const counter = Buffer.alloc(16);
  counter[15] = s;
  const cipher = createDecipheriv("aes-128-ctr", Buffer.from(k), counter);
  return JSON.parse(Buffer.concat([cipher.update(Buffer.from(ld, "hex")), cipher.final()]).toString("utf8"));
}

/** RSAES-PKCS1-v1_5 by hand: Node opens it no more by itself, because of what a server that answers could tell. */
function decryptPkcs1(key, encrypted) {
  const block = privateDecrypt({ key, padding: constants.RSA_NO_PADDING }, encrypted);
  return block.subarray(block.indexOf(0, 2) + 1).toString("utf8");
}
