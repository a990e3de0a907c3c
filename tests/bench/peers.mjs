// The peers' pages, built from their npm packages and served with brotli from this machine. What they would
// fetch from their vendors is answered by stand-ins that do less than the real thing, which flatters them:
// a frame of theirs is one input.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { brotliCompressSync, constants } from "node:zlib";
import { build } from "esbuild";
import { root } from "../e2e/harness.mjs";

const peers = join(root, "tests/bench/peers");
const installed = (path) => readFileSync(join(peers, "node_modules", path), "utf8");

/** The release of a peer's package. */
export const release = (name) => JSON.parse(installed(`${name}/package.json`)).version;

const OPTIONS = {
  bundle: true, minify: true, format: "esm", platform: "browser", target: "es2022", legalComments: "none", write: false,
  define: { "process.env.NODE_ENV": '"production"', global: "globalThis" }, logLevel: "error",
};

async function script(contents) {
  const built = await build({ ...OPTIONS, stdin: { contents, resolveDir: peers } });
  return built.outputFiles[0].text;
}

async function minified(path, loader) {
  const built = await build({ ...OPTIONS, bundle: false, format: undefined, stdin: { contents: installed(path), loader } });
  return built.outputFiles[0].text;
}

const ADYEN = `
import { AdyenCheckout, Card } from "@adyen/adyen-web";
const core = await AdyenCheckout({
  environment: "test", clientKey: "test_" + "A".repeat(32), countryCode: "US", locale: "en-US",
  amount: { value: 1000, currency: "USD" }, analytics: { enabled: false }, onSubmit() {}, onAdditionalDetails() {}, onError() {},
  paymentMethodsResponse: { paymentMethods: [{ type: "scheme", name: "Cards", brands: ["visa", "mc", "amex"] }] },
});
const mounted = (then) => new Card(core, { onConfigSuccess: then }).mount("#here");
mounted(() => {
  globalThis.READY = performance.now();
  globalThis.benchReady?.("");
});
`;

const BRAINTREE = `
const api = "https://api.sandbox.braintreegateway.com:443/merchants/m/client_api";
const token = btoa(JSON.stringify({
  version: 2, authorizationFingerprint: "x|y", environment: "sandbox", clientApiUrl: api, configUrl: api + "/v1/configuration",
}));
braintree.dropin.create({ authorization: token, container: "#here" }).then(() => {
  globalThis.READY = performance.now();
  globalThis.benchReady?.("");
});
`;

const BRAINTREE_FRAME = `
import Framebus from "framebus";
const field = window.name.split("-").pop();
document.body.append(document.createElement("input"));
new Framebus({ channel: location.hash.slice(1) }).emit("hosted-fields:FRAME_READY", { field }, () => {});
`;

const ADYEN_FRAME = `<input><script>addEventListener("message", (event) => {
  try {
    const { fieldType, numKey } = JSON.parse(event.data);
    parent.postMessage(JSON.stringify({ action: "config", fieldType, numKey }), event.origin);
  } catch {}
})</script>`;

const HEAD = '<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1"><title>Shop</title>';

/** The pages by path, each `{type, body}`, and what answers in a vendor's place. */
export async function peerPages() {
  const text = (type, body) => ({ type, body: Buffer.from(body) });
  const frame = await script(BRAINTREE_FRAME);
  const pages = {
    "/adyen.html": text("text/html", `${HEAD}<link rel="stylesheet" href="/adyen.css"><div id="here"></div><script type="module" src="/adyen.js"></script>`),
    "/adyen.js": text("text/javascript", await script(ADYEN)),
    "/adyen.css": text("text/css", installed("@adyen/adyen-web/styles/adyen.css")),
    "/braintree.html": text(
      "text/html",
      `${HEAD}<link id="braintree-dropin-stylesheet" rel="stylesheet" href="/dropin.css"><div id="here"></div><script src="/dropin.js"></script><script src="/braintree.js"></script>`,
    ),
    "/braintree.js": text("text/javascript", BRAINTREE),
    "/dropin.js": text("text/javascript", await minified("braintree-web-drop-in/dist/browser/dropin.js", "js")),
    "/dropin.css": text("text/css", await minified("braintree-web-drop-in/dropin.css", "css")),
  };
  const configuration = {
    challenges: ["cvv"], clientApiUrl: "https://api.sandbox.braintreegateway.com:443/merchants/m/client_api",
    assetsUrl: "https://assets.braintreegateway.com", environment: "sandbox", merchantId: "m",
    creditCards: { supportedCardTypes: ["Visa", "MasterCard"] }, analytics: {},
  };
  /** What a vendor's host is asked for, by what its path ends with; anything else fails. */
  const vendor = ({ pathname }) => {
    if (pathname.endsWith("securedFields.html")) return { contentType: "text/html", body: ADYEN_FRAME };
    if (pathname.includes("hosted-fields-frame")) {
      return { contentType: "text/html", body: `<!doctype html><body><script type="module">${frame}</script>` };
    }
    if (pathname.endsWith("/configuration")) {
      return { contentType: "application/json", headers: { "access-control-allow-origin": "*" }, body: JSON.stringify(configuration) };
    }
  };
  return { pages, vendor };
}

/** What a merchant would write to encrypt for GreenPay without us, as a script that leaves `seal` behind. */
export const sealingScript = () =>
  script(`
import { JSEncrypt } from "jsencrypt";
import aes from "aes-js";
globalThis.peerSeal = (pem, message) => {
  const k = [...crypto.getRandomValues(new Uint8Array(16))];
  const [s] = crypto.getRandomValues(new Uint8Array(1));
  const ld = aes.utils.hex.fromBytes(new aes.ModeOfOperation.ctr(k, new aes.Counter(s)).encrypt(aes.utils.utf8.toBytes(message)));
  const rsa = new JSEncrypt();
  rsa.setPublicKey(pem);
  return { ld, lk: rsa.encrypt(JSON.stringify({ k, s })) };
};
`);

/** Answers `pages` with brotli at the quality that a release is compressed with. */
export function serving(pages) {
  const packed = new Map();
  return (request, response) => {
    const { pathname } = new URL(request.url, "http://page");
    const page = pages[pathname];
    if (!page) return response.writeHead(pathname === "/favicon.ico" ? 204 : 404).end();
    if (!packed.has(pathname)) {
      packed.set(pathname, brotliCompressSync(page.body, { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } }));
    }
    response.writeHead(200, { "Content-Type": page.type, "Content-Encoding": "br", "Cache-Control": "no-store" });
    response.end(packed.get(pathname));
  };
}
