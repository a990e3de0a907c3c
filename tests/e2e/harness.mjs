// Starts what a shop needs on this machine: the sandbox, a proxy, the demo shop and a browser. Everything
// listens on loopback, on ports of its own, and ends with the test file that started it.

import { spawn } from "node:child_process";
import { randomInt } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";

export const root = join(dirname(fileURLToPath(import.meta.url)), "../..");
export const dist = join(root, "pkg/dist");
export const manifest = () => JSON.parse(readFileSync(join(dist, "manifest.json"), "utf8"));
export const bin = process.env.VENTANILLA_BIN_DIR ?? join(process.env.CARGO_TARGET_DIR ?? join(root, "target"), "debug");
const out = join(root, "tests/e2e/out");

/** Published test cards; declines are the sandbox's own, one per answer of the bank. */
export const CARDS = {
  visa: { number: "4242424242424242", cvc: "123", name: "Visa" },
  mastercard: { number: "5555555555554444", cvc: "123", name: "Mastercard" },
  amex: { number: "378282246310005", cvc: "1234", name: "American Express" },
  unionpay19: { number: "6205500000000000004", cvc: "123", name: "UnionPay" },
  declined: { number: "4000000000000002", cvc: "123", name: "Visa" },
  noFunds: { number: "4000000000009995", cvc: "123", name: "Visa" },
};

/** The widget's texts in a language, by their names in src/locale. */
export function texts(locale) {
  const source = readFileSync(join(root, "src/locale/languages", `${locale.toLowerCase().replace("-", "_")}.rs`), "utf8");
  const found = [...source.matchAll(/^\s*(\w+): "((?:[^"\\]|\\.)*)",$/gm)];
  return Object.fromEntries(found.map(([, name, text]) => [name, JSON.parse(`"${text}"`)]));
}

/** A text with a gap, as a pattern: whatever stands in the gap. */
export const pattern = (text) =>
  new RegExp(`^${text.replace(/[.*+?^$()|[\]\\]/g, "\\$&").replace(/\{\w+\}/g, "[^]+")}$`);

// ---- processes ----------------------------------------------------------------------------------

/** A port for a program that is started next. Not one of those that the system gives to whoever connects: it would be
    somebody's before the program is there. */
export async function freePort() {
  for (;;) {
    const port = 11_000 + randomInt(21_000);
    const server = createServer();
    const free = await new Promise((resolve) => server.once("error", () => resolve(false)).listen(port, "127.0.0.1", () => resolve(true)));
    if (!free) continue;
    await new Promise((done) => server.close(done));
    return port;
  }
}

/** An HTTP server on a free port of 127.0.0.1, also reached as localhost. */
export function listen(handler) {
  const server = createServer(handler);
  return new Promise((resolve, reject) => {
    server.on("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      // A test that fails half-way must not keep the process waiting.
      server.unref();
      resolve({
        port,
        origin: `http://localhost:${port}`,
        close: () => new Promise((done) => (server.close(done), server.closeAllConnections())),
      });
    });
  });
}

export function start(name, command, args, env = {}) {
  const child = spawn(command, args, { env: { PATH: process.env.PATH, ...env }, stdio: ["ignore", "pipe", "pipe"] });
  let said = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (data) => (said += data));
  const ended = new Promise((resolve) => child.once("close", resolve));
  child.on("error", (error) => (said += error));
  return {
    said: () => said,
    /** Waits until `ready` gives something. */
    async until(ready) {
      for (const deadline = Date.now() + 20_000; Date.now() < deadline; await pause(50)) {
        const found = await ready(said);
        if (found) return found;
        if (child.exitCode !== null || !child.pid) break;
      }
      child.kill("SIGKILL");
      throw new Error(`${name} did not start:\n${said}`);
    },
    async stop() {
      child.kill("SIGTERM");
      const forced = setTimeout(() => child.kill("SIGKILL"), 10_000);
      await ended;
      clearTimeout(forced);
    },
  };
}

/** A short wait between two looks at something; never a way to wait for something to have happened. */
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Looks again until `look` gives something true, and gives that. */
export async function eventually(look, what = "what was expected", within = 10_000) {
  for (const deadline = Date.now() + within; ; await pause(50)) {
    const found = await look();
    if (found) return found;
    if (Date.now() > deadline) throw new Error(`${what} did not come about within ${within} ms`);
  }
}

const answers = (url) => fetch(url).then((answer) => answer.ok, () => false);

async function keys() {
  const made = start("ventanilla keys", join(bin, "ventanilla"), ["keys"]);
  const said = await made.until((text) => /VENTANILLA_TOKEN_KEYS=.+\n/.test(text) && text);
  await made.stop();
  const lines = [...said.matchAll(/^(?:export )?(VENTANILLA_\w+)=["']?([^"'\n]*)["']?$/gm)];
  return Object.fromEntries(lines.map(([, name, value]) => [name, value]));
}

// ---- the world ----------------------------------------------------------------------------------

/**
 * Sandbox, proxy, shop and browser.
 *
 * @param options.origins more pages that may embed the proxy's frame
 * @param options.speed   how fast the proxy's and the sandbox's clocks run
 * @param options.inline  whether cards may be typed inline
 * @param options.assets  a folder of the widget's files instead of pkg/dist
 * @param options.attempts how many attempts a session has
 * @param options.credits how the CVU wallet notifies: never, or as POST /cvu/notifications has it
 * @param options.lifetime how many seconds a link or code is shown
 * @param options.cvu     whether the proxy has the CVU rail beside the card rail
 * @param options.flux    the proxy's Flux rail, {tips}: whether a tip may be added; without it there is none
 * @param options.flexiti  lines of the proxy's [flexiti]; nothing leaves the rail out
 * @param options.film    what Chromium plays in a camera's place, a file; without it there is no camera
 */
export async function openWorld({
  origins = [], speed = 1, inline = false, assets = dist, attempts = 5, locale = "es-CR", credits = "never", lifetime = 900, cvu = true,
  flux, flexiti, film,
} = {}) {
  const folder = mkdtempSync(join(tmpdir(), "ventanilla-e2e-"));
  const running = [];
  const close = async () => {
    for (const one of running.reverse()) await one.stop().catch(() => {});
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    const sandbox = start("sandbox", join(bin, "ventanilla-sandbox"), [
      "--management-port", "0", "--merchant-port", "0", "--checkout-port", "0", "--cvu-port", "0", "--flux-port", "0", "--flexiti-port", "0", "--seed", "20261120", "--speed", String(speed),
    ]);
    running.push(sandbox);
    const hosts = ["test cards", "merchant host", "checkout host", "cvu host", "flux host", "flexiti host"];
    const [management, merchant, checkout, wallet, fluxHost, lender] = await sandbox.until((said) => {
      const urls = hosts.map((name) => said.match(new RegExp(`^${name}\\D*?(http:\\S+)`, "im"))?.[1].replace(/\/$/, ""));
      return urls.every(Boolean) && urls;
    });
    const publicKey = start("public key", join(bin, "ventanilla-sandbox"), ["--print-public-key"]);
    const pem = await publicKey.until((said) => /-----END PUBLIC KEY-----\n/.test(said) && said);

    const [shopPort, proxyPort, managementPort] = [await freePort(), await freePort(), await freePort()];
    const shop = `http://localhost:${shopPort}`;
    const proxy = `http://127.0.0.1:${proxyPort}`;
    const secrets = {
      ...(await keys()),
      VENTANILLA_GREENPAY_SECRET: "sandbox-secret",
      VENTANILLA_CVU_PASSWORD: "sandbox-password",
      VENTANILLA_FLUX_REFRESH_TOKEN: "sandbox-refresh-token",
      VENTANILLA_FLEXITI_CLIENT_SECRET: "placeholder-secret",
    };
    await send(`${management}/notifications`, "POST", { url: `${proxy}/hooks/greenpay/${secrets.VENTANILLA_HOOK_PATH}`, mode: "on_time" });
    await send(`${management}/cvu/notifications`, "POST", { url: `${proxy}/hooks/cvu/${secrets.VENTANILLA_HOOK_PATH}`, mode: credits });
    const config = join(folder, "ventanilla.toml");
    writeFileSync(
      config,
      `[server]
listen = "127.0.0.1:${proxyPort}"
public_origin = "${proxy}"
management_listen = "127.0.0.1:${managementPort}"
[merchant]
name = "Café Poás"
origins = ${JSON.stringify([shop, ...origins])}
[store]
path = "${folder}/ventanilla.db"
[card]
merchant_url = "${merchant}"
checkout_url = "${checkout}"
merchant_id = "11111111-1111-4111-8111-111111111111"
terminal = "sandbox-terminal"
currencies = ["CRC", "USD"]
accept_weak_key = true
inline = ${inline}
public_key = """
${pem.trim()}
"""
${cvu ? cvuRail(wallet, lifetime) : ""}
${flux ? fluxRail(fluxHost, flux) : ""}
${flexiti === undefined ? "" : `[flexiti]\nurl = "${lender}"\nclient_id = "demo-merchant"\n${flexiti}`}
[webhooks]
url = "${shop}/webhooks"
allow_private = true
[assets]
dir = "${assets}"
[clock]
speed = ${speed}
[limits]
requests_per_ip_per_minute = 100000
requests_per_session_per_minute = 100000
card_starts_per_ip_per_hour = 100000
attempts_per_session = ${attempts}
`,
    );
    const serve = () => {
      const process = start("proxy", join(bin, "ventanilla"), ["serve", "--config", config], secrets);
      running.push(process);
      return process;
    };
    const ready = (process) => process.until(() => answers(`http://127.0.0.1:${managementPort}/readyz`));
    let proxyProcess = serve();
    await ready(proxyProcess);

    const shopProcess = start("shop", process.execPath, [join(root, "www/server.mjs")], {
      PORT: String(shopPort), PROXY: proxy, SANDBOX: management, VENTANILLA_API_KEY: secrets.VENTANILLA_API_KEY,
      VENTANILLA_WEBHOOK_SECRETS: secrets.VENTANILLA_WEBHOOK_SECRETS,
    });
    running.push(shopProcess);
    await shopProcess.until(() => answers(`${shop}/`));

    const browser = await launch(film);
    running.push({ stop: () => browser.close() });
    const apiKey = secrets.VENTANILLA_API_KEY.split(",")[0];

    const world = {
      browser, shop, proxy, apiKey, close, speed,
      sandbox: {
        url: management,
        ledger: async () => (await fetch(`${management}/ledger`)).json(),
        /** Debits of an order of the demo shop. */
        async debits(number) {
          const { debits } = await this.ledger();
          return debits.filter(({ description }) => description.includes(number));
        },
        approved: async (number) => (await world.sandbox.debits(number)).filter(({ state }) => state === "approved"),
        cards: async () => (await fetch(`${management}/cards`)).json(),
        async fault(fault) {
          const answer = await send(`${management}/faults`, "POST", fault);
          if (!answer.ok) throw new Error(`the sandbox refused the fault: ${await answer.text()}`);
        },
        clear: () => send(`${management}/faults`, "DELETE"),
        /** Somebody pays a link or a code: {code} or {link_id} or {qr_order_id}, and how. */
        async pay(wanted) {
          const answer = await send(`${management}/cvu/pay`, "POST", wanted);
          if (!answer.ok) throw new Error(`the sandbox refused the payment: ${await answer.text()}`);
          return answer.json();
        },
        wallet: `${wallet}/wallet`,
        flux: async (options) => send(`${management}/flux/options`, "POST", options),
        /** A code that a buyer's Flux wallet shows, of a kind such as good, funds, expired. */
        async walletCode(kind = "good") {
          const answer = await send(`${management}/flux/codes`, "POST", { kind });
          return (await answer.json()).code;
        },
        cvu: async (options) => send(`${management}/cvu/options`, "POST", options),
        lender,
        /** Somebody shows who they are, without the page. */
        identify: (session) => send(`${management}/flexiti/identify`, "POST", { widget_session_id: session }),
        async refuse(wanted) {
          const answer = await send(`${management}/flexiti/refuse`, "POST", wanted);
          if (!answer.ok) throw new Error(`the sandbox refused the order: ${await answer.text()}`);
        },
      },
      /** The merchant's side of the proxy. */
      merchant: async (method, path, body) => {
        const answer = await send(proxy + path, method, body, {
          Authorization: `Bearer ${apiKey}`,
          ...(method === "POST" && { "Idempotency-Key": `e2e-${crypto.randomUUID()}` }),
        });
        return { status: answer.status, ...(await answer.json()) };
      },
      metrics: async () => (await fetch(`http://127.0.0.1:${managementPort}/metrics`)).text(),
      async cspReports() {
        const [, count] = /^ventanilla_csp_reports_total(?:\{[^}]*\})? (\d+)/m.exec(await world.metrics()) ?? [0, "0"];
        return Number(count);
      },
      proxyLog: () => proxyProcess.said(),
      async restartProxy(meanwhile = async () => {}) {
        await proxyProcess.stop();
        await meanwhile();
        proxyProcess = serve();
        await ready(proxyProcess);
      },
      visit: (options) => visit(world, { locale, ...options }),
    };
    return world;
  } catch (error) {
    await close();
    throw error;
  }
}

const cvuRail = (url, lifetime) => `[cvu]
url = "${url}"
username = "sandbox-user"
concept = "VAR"
presentations = ["link", "qr", "transfer"]
alias = "CAFE.POAS.DEMO"
account = "0009999001234567890126"
holder = "Café Poás"
cuit = "30-00000012-0"
lifetime_secs = ${lifetime}`;

const fluxRail = (url, { tips = false }) => `[flux]
url = "${url}/v3"
store = "Café Poás"
tips = ${tips}`;

function send(url, method, body, headers = {}) {
  return fetch(url, {
    method,
    headers: { ...(body && { "Content-Type": "application/json" }), ...headers },
    body: body && JSON.stringify(body),
  });
}

export function launch(film, more = []) {
  return chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    headless: true,
    args: [
      "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-quic", "--no-first-run", "--no-default-browser-check",
      "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-domain-reliability",
      ...(film ? ["--use-fake-device-for-media-stream", `--use-file-for-fake-video-capture=${film}`] : []),
      ...more,
    ],
  });
}

// ---- a buyer ------------------------------------------------------------------------------------

/** A buyer with a browser profile of their own, who has put something into the cart and gone to pay. */
async function visit(world, options = {}) {
  const { locale, buyer = "guest", currency = "CRC", installments = false, cart = [["poas-340", 1]], storageState, clockOffMinutes = 0, screen, ...rest } = options;
  const context = await world.browser.newContext({ locale, viewport: { width: 1280, height: 900 }, reducedMotion: "reduce", storageState, ...rest });
  context.setDefaultTimeout(15_000);
  if (screen) await context.addInitScript(ofScreen, screen);
  const seen = watch(context);
  const settings = { locale, currency, buyer, installments };
  await context.addInitScript(
    ([shop, settings, cart]) => {
      if (location.origin !== shop || sessionStorage.getItem("cart")) return;
      localStorage.setItem("settings", JSON.stringify(settings));
      sessionStorage.setItem("cart", JSON.stringify(cart));
    },
    [world.shop, settings, cart],
  );
  if (clockOffMinutes) {
    await context.addInitScript((off) => {
      const Right = Date;
      globalThis.Date = class extends Right {
        constructor(...given) {
          super(...(given.length ? given : [Right.now() + off]));
        }
        static now() {
          return Right.now() + off;
        }
      };
    }, clockOffMinutes * 60_000);
  }
  const page = await context.newPage();
  await page.goto(`${world.shop}/#carrito`);
  await page.locator("#pay").click();
  await page.waitForURL(/\/pago\/CP-/);
  const number = page.url().split("/").pop();
  return { ...at(page, locale), context, number, seen, close: () => context.close() };
}

/** Chromium plays a phone in the page alone: a frame of another origin sees the machine's own screen. */
function ofScreen({ width }) {
  const real = matchMedia.bind(globalThis);
  globalThis.matchMedia = (query) => {
    const [, most] = /^\(max-device-width: (\d+)px\)$/.exec(query) ?? [];
    return most ? real(width <= Number(most) ? "all" : "not all") : real(query);
  };
}

/** The address of the frame that asks; a page that is just being opened has none yet. */
function frameOf(request) {
  try {
    return request.frame().url();
  } catch {
    return "";
  }
}

/** What a page asked for and complained about, in all its frames. */
export function watch(context) {
  const seen = { requests: [], problems: [] };
  context.on("request", (request) => {
    seen.requests.push({ url: request.url(), from: request.serviceWorker() ? "" : frameOf(request) });
  });
  context.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) seen.problems.push(message.text());
  });
  context.on("weberror", (error) => seen.problems.push(String(error.error())));
  return seen;
}

/** The checkout in a page, in the words of a language. */
export function at(page, locale = "es-CR") {
  const words = texts(locale);
  const frame = page.locator("ventanilla-checkout iframe").contentFrame();
  return { page, frame, words, ...form(frame, words) };
}

/** The form, in a frame or inline. */
export function form(scope, words) {
  const field = (name) => scope.getByLabel(words[name], { exact: true });
  const button = (name) => scope.getByRole("button", { name: pattern(words[name]) });
  const heading = (name) => scope.getByRole("heading", { name: pattern(words[name]) });
  return {
    field, button, heading,
    async fill({ number, cvc, expiry = "12/34", holder = "Ana Solano Mora" }) {
      await field("number").fill(number);
      await field("expiry").fill(expiry);
      await field("cvc").fill(cvc);
      await field("holder").fill(holder);
    },
    async pay(card) {
      if (card) await this.fill(card);
      await button("pay").click();
    },
    sees: (name, options) => heading(name).waitFor(options),
  };
}

// ---- other pages --------------------------------------------------------------------------------

/**
 * A shop's page of its own origin, for what the demo shop does not do. It takes client tokens from a
 * function `tokenFromServer` that the test gives to the browser.
 *
 * @param options.head  markup for the head, before the loader
 * @param options.body  the body; the default is the embedding alone
 * @param options.load  how the loader comes: markup with {{loader}}, {{integrity}} and {{proxy}}
 * @param options.headers  response headers
 */
export async function merchantPage({ head = "", body = EMBEDDING, load = SCRIPT_TAG, headers = {}, files = {} } = {}) {
  let world;
  const server = await listen(async (request, response) => {
    const { pathname, searchParams } = new URL(request.url, "http://page");
    const file = Object.entries(files).find(([folder]) => pathname.startsWith(folder));
    if (file) return serveFile(join(file[1], pathname.slice(file[0].length)), response);
    if (pathname === "/favicon.ico") return response.writeHead(204).end();
    if (pathname !== "/") return response.writeHead(404).end();
    const proxy = searchParams.get("proxy") ?? world.proxy;
    const { loader, integrity } = await (await fetch(`${world.proxy}/embed.json`)).json();
    const fill = (text) => text.replaceAll("{{proxy}}", proxy).replaceAll("{{loader}}", loader).replaceAll("{{integrity}}", integrity);
    const filled = Object.entries(headers).map(([name, value]) => [name, fill(value)]);
    response.writeHead(200, { "Content-Type": "text/html; charset=utf-8", ...Object.fromEntries(filled) });
    response.end(fill(`<!doctype html><html lang="es-CR"><head><meta charset="utf-8"><title>Tienda</title>${head}${load}</head><body>${body}</body></html>`));
  });
  return { ...server, with: (given) => ((world = given), `${server.origin}/`) };
}

const SCRIPT_TAG = '<script src="{{loader}}" integrity="{{integrity}}" crossorigin defer></script>';
const EMBEDDING = `<ventanilla-checkout proxy="{{proxy}}"></ventanilla-checkout>
<script>document.querySelector("ventanilla-checkout").clientToken = () => window.tokenFromServer();</script>`;

const TYPES = { css: "text/css", html: "text/html; charset=utf-8", js: "text/javascript", wasm: "application/wasm" };

function serveFile(path, response) {
  try {
    response.writeHead(200, { "Content-Type": TYPES[path.split(".").pop()] ?? "application/octet-stream" });
    response.end(readFileSync(path));
  } catch {
    response.writeHead(404).end();
  }
}

/** A picture for people to look at, in tests/e2e/out. */
export async function picture(page, name) {
  mkdirSync(out, { recursive: true });
  // The frame paints by itself, after the page.
  const painted = () =>
    new Promise((done) => {
      requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done, 50)));
      // What is hidden paints nothing.
      setTimeout(done, 500);
    });
  for (const frame of page.frames()) await frame.evaluate(painted).catch(() => {});
  await page.screenshot({ path: join(out, `${name}.png`), animations: "disabled" });
}
