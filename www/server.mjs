#!/usr/bin/env node
// The demo shop's server: static files, orders, and the calls to the Ventanilla proxy that need the
// secret key. Nothing but Node itself; what is here is what any shop has to write, in its own language.

import { createHash, createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import { existsSync } from "node:fs";
import { copyFile, mkdir, readFile, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const HELP = `usage: node www/server.mjs [--export DIR]

Serves the demo shop. Settings come from the environment:

  PORT                 port of the shop (default 8080; 0 takes a free one)
  HOST                 address to listen on (default 127.0.0.1)
  PROXY                origin of the Ventanilla proxy (default http://127.0.0.1:8787)
  VENTANILLA_API_KEY   the proxy's secret key; of two separated by a comma, the first
  SANDBOX              address of the sandbox's help page, linked as "test cards" (default none)
  VENTANILLA_WEBHOOK_SECRETS  what the proxy signs webhooks with; of two, either will do (default none)

  --export DIR         write the shop's page and files to DIR and stop, for a server of static files
  --help               this text
`;

const here = dirname(fileURLToPath(import.meta.url));
const proxy = new URL(process.env.PROXY || "http://127.0.0.1:8787").origin;
const sandbox = process.env.SANDBOX || "";
const apiKey = (process.env.VENTANILLA_API_KEY || "").split(",")[0].trim();
const webhookKeys = (process.env.VENTANILLA_WEBHOOK_SECRETS || "")
  .split(",")
  .filter((secret) => secret.trim())
  .map((secret) => Buffer.from(secret.trim().replace(/^whsec_/, ""), "base64"));

// Prices live here and nowhere else: what a browser sends is how many of what, never what it costs.
// In minor units, so that a price is exact.
const CATALOGUE = [
  { sku: "poas-340", names: { es: "Poás, tueste medio", en: "Poás, medium roast", fr: "Poás, torréfaction moyenne" }, prices: { CRC: 690000, USD: 1350, ARS: 1890000, MXN: 24900, CAD: 1890 } },
  { sku: "tarrazu-340", names: { es: "Tarrazú, proceso miel", en: "Tarrazú, honey process", fr: "Tarrazú, procédé miel" }, prices: { CRC: 840000, USD: 1650, ARS: 2310000, MXN: 29950, CAD: 2290 } },
  { sku: "chorreador", names: { es: "Chorreador de cedro", en: "Cedar chorreador", fr: "Chorreador en cèdre" }, prices: { CRC: 1450000, USD: 2850, ARS: 3975050, MXN: 52500, CAD: 3950 } },
  { sku: "degustacion", names: { es: "Caja de degustación", en: "Tasting box", fr: "Coffret dégustation" }, prices: { CRC: 1190000, USD: 2340, ARS: 3260000, MXN: 43000, CAD: 3250 } },
];
const SHIPPING = { sku: "envio", names: { es: "Envío", en: "Shipping", fr: "Livraison" }, prices: { CRC: 250000, USD: 490, ARS: 690000, MXN: 9500, CAD: 690 } };
const KNOWN_BUYERS = { ana: { id: "buyer-ana-solano", name: "Ana Solano Mora", email: "ana.solano@correo.example" } };
const MOST_OF_ONE = 20;

const FILES = {
  "/shop.css": "text/css; charset=utf-8",
  "/shop.js": "text/javascript; charset=utf-8",
  "/texts.js": "text/javascript; charset=utf-8",
  "/img/logo.svg": "image/svg+xml",
  "/img/poas-340.svg": "image/svg+xml",
  "/img/tarrazu-340.svg": "image/svg+xml",
  "/img/chorreador.svg": "image/svg+xml",
  "/img/degustacion.svg": "image/svg+xml",
};

/** Orders by number. A real shop has a database here. */
const orders = new Map();

class Refusal extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

// ---- orders -------------------------------------------------------------------------------------

function priceOrder({ items, currency, language = "es", buyer = "guest", installments = false }) {
  if (!["CRC", "USD", "ARS", "MXN", "CAD"].includes(currency)) throw new Refusal(422, "currency must be CRC, USD, ARS, MXN or CAD");
  if (!Array.isArray(items) || items.length === 0) throw new Refusal(422, "the cart is empty");
  if (buyer !== "guest" && !Object.hasOwn(KNOWN_BUYERS, buyer)) throw new Refusal(422, "nobody of that name shops here");
  const tongue = ["es", "en", "fr"].includes(language) ? language : "es";
  const lines = items.map(({ sku, quantity }) => {
    const product = CATALOGUE.find((one) => one.sku === sku);
    if (!product) throw new Refusal(422, "the cart has something that is not sold here");
    if (!Number.isInteger(quantity) || quantity < 1 || quantity > MOST_OF_ONE) {
      throw new Refusal(422, `of one article, 1 to ${MOST_OF_ONE} can be bought at a time`);
    }
    return { ...product, quantity };
  });
  lines.push({ ...SHIPPING, quantity: 1 });
  const priced = lines.map(({ sku, names, prices, quantity }) => ({
    sku,
    description: names[tongue],
    quantity,
    unit_price: { amount_minor: prices[currency], currency },
  }));
  const amount_minor = priced.reduce((sum, line) => sum + line.unit_price.amount_minor * line.quantity, 0);
  return { items: priced, total: { amount_minor, currency }, buyer, installments: installments === true };
}

async function openOrder(visitor, wanted) {
  const priced = priceOrder(wanted);
  const number = `CP-${randomBytes(5).toString("hex").toUpperCase()}`;
  const known = KNOWN_BUYERS[priced.buyer];
  const opened = await askProxy("POST", "/v1/sessions", {
    key: `order-${number}-${visitor.slice(0, 8)}`,
    body: {
      order_reference: number,
      description: `Café Poás, ${number}`,
      total: priced.total,
      items: priced.items,
      ...(known && { buyer: known, save_card: "ask" }),
      ...(priced.installments && { installments: [3, 6, 12] }),
    },
  });
  const order = { ...priced, number, visitor, session: opened.session.id };
  orders.set(number, order);
  return { ...publicOrder(order), client_token: opened.client_token };
}

/** What happened to the money is asked of the proxy, by the secret key; never of the browser. */
async function readOrder(order) {
  const session = await askProxy("GET", `/v1/sessions/${order.session}`);
  return { ...publicOrder(order), state: session.state, told: order.told ?? null };
}

/**
 * The proxy tells what happened, signed as https://www.standardwebhooks.com says. It tells until it is
 * heard, so the same news may come twice: what is done here must bear that.
 */
async function hear(request, response) {
  const body = await readBody(request, 65_536);
  const [id, at, signatures] = ["webhook-id", "webhook-timestamp", "webhook-signature"].map((name) => request.headers[name] ?? "");
  const fresh = Math.abs(Date.now() / 1000 - Number(at)) < 300;
  const given = signatures.split(" ").map((signature) => signature.replace(/^v1,/, ""));
  const signed = webhookKeys.some((key) => {
    const expected = createHmac("sha256", key).update(`${id}.${at}.`).update(body).digest("base64");
    return given.some((one) => isSame(one, expected));
  });
  if (!fresh || !signed) throw new Refusal(401, "this is not signed by the payment proxy");
  const { type, data } = JSON.parse(body.toString("utf8"));
  // Of some money it is not certain which session it was for: "credit.review". A real shop shows it to somebody.
  if (type === "credit.review") console.log(`credit ${data.credit.id}: ${data.credit.why}`);
  const order = orders.get(data.session?.order_reference);
  if (order && type.startsWith("session.")) {
    order.told = type;
    console.log(`order ${order.number}: ${type}`);
  }
  response.writeHead(204, HEADERS);
  response.end();
}

const publicOrder = ({ number, items, total, buyer }) => ({ number, items, total, buyer });

async function askProxy(method, path, { key, body } = {}) {
  const answer = await fetch(proxy + path, {
    method,
    headers: {
      Authorization: `Bearer ${apiKey}`,
      ...(key && { "Idempotency-Key": key }),
      ...(body && { "Content-Type": "application/json" }),
    },
    body: body && JSON.stringify(body),
    signal: AbortSignal.timeout(10_000),
  }).catch((error) => {
    throw new Refusal(502, `the payment proxy does not answer: ${error.message}`);
  });
  const found = await answer.json().catch(() => ({}));
  if (!answer.ok) {
    console.error(`${method} ${path}: ${answer.status} ${found.code ?? ""} ${found.detail ?? ""}`);
    throw new Refusal(502, `the payment proxy refused: ${found.code ?? answer.status}`);
  }
  return found;
}

// ---- HTTP ---------------------------------------------------------------------------------------

async function answer(request, response) {
  const { pathname } = new URL(request.url, "http://shop");
  if (pathname === "/webhooks" && request.method === "POST") return hear(request, response);
  const visitor = visitorOf(request, response);
  if (!pathname.startsWith("/api/")) return serveFile(pathname, response);

  if (request.method === "POST") {
    // Other sites may make a browser send a form here, but not with this header.
    if (request.headers["content-type"] !== "application/json") throw new Refusal(415, "send application/json");
  }
  if (pathname === "/api/catalogue" && request.method === "GET") {
    return json(response, 200, { products: CATALOGUE, shipping: SHIPPING });
  }
  if (pathname === "/api/orders" && request.method === "POST") {
    return json(response, 201, await openOrder(visitor, await readJson(request)));
  }
  const [, number, rest] = /^\/api\/orders\/(CP-[0-9A-F]{10})(\/client-token)?$/.exec(pathname) ?? [];
  const order = orders.get(number);
  if (!order || !isSame(order.visitor, visitor)) throw new Refusal(404, "no such order");
  if (!rest && request.method === "GET") return json(response, 200, await readOrder(order));
  if (rest && request.method === "POST") {
    const { client_token } = await askProxy("POST", `/v1/sessions/${order.session}/client-token`, {
      key: `token-${randomBytes(12).toString("hex")}`,
    });
    return json(response, 200, { client_token });
  }
  throw new Refusal(405, "not this way");
}

async function serveFile(pathname, response) {
  if (Object.hasOwn(FILES, pathname)) {
    response.writeHead(200, { ...HEADERS, "Content-Type": FILES[pathname], "Cache-Control": "no-cache" });
    return response.end(await readFile(join(here, pathname)));
  }
  // One page; which order it shows is in its address.
  if (pathname !== "/" && !/^\/pago\/CP-[0-9A-F]{10}$/.test(pathname)) throw new Refusal(404, "nothing is here");
  const embed = await embedding();
  response.writeHead(200, {
    ...HEADERS,
    "Content-Type": "text/html; charset=utf-8",
    "Cache-Control": "no-store",
    "Content-Security-Policy": policy(embed),
  });
  return response.end(await page(embed));
}

const HEADERS = { "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer" };

/** The loader by its hash, the frame by its origin: all that the checkout needs of a shop's policy. */
const policy = ({ integrity }) =>
  [
    "default-src 'none'",
    `script-src 'self' '${integrity}'`,
    "style-src 'self'",
    "img-src 'self'",
    "connect-src 'self'",
    `frame-src ${proxy}`,
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
  ].join("; ");

/** Which loader belongs to the proxy's release, and its hash. */
async function embedding() {
  const answer = await fetch(`${proxy}/embed.json`, { signal: AbortSignal.timeout(5_000) });
  if (!answer.ok) throw new Refusal(502, `the payment proxy has no loader: ${answer.status}`);
  return answer.json();
}

async function page({ loader, integrity }, folder = here) {
  const values = { loader: new URL(loader, proxy).href, integrity, proxy, sandbox };
  const template = await readFile(join(folder, "index.html"), "utf8");
  // A name that is not ours belongs to a development server that prepared the page.
  return template.replace(/\{\{(\w+)\}\}/g, (whole, name) => (name in values ? escapeHtml(values[name]) : whole));
}

const escapeHtml = (text) => text.replace(/[&<>"']/g, (found) => `&#${found.charCodeAt(0)};`);

/** A cookie tells visitors apart, so that an order's number alone opens nothing. */
function visitorOf(request, response) {
  const [, found] = /(?:^|;\s*)visitor=([\w-]{32})(?:;|$)/.exec(request.headers.cookie ?? "") ?? [];
  if (found) return found;
  const made = randomBytes(24).toString("base64url");
  response.setHeader("Set-Cookie", `visitor=${made}; Path=/; HttpOnly; SameSite=Lax`);
  return made;
}

const isSame = (one, other) => timingSafeEqual(digest(one), digest(other));
const digest = (text) => createHash("sha256").update(text).digest();

async function readBody(request, most) {
  const parts = [];
  let size = 0;
  for await (const part of request) {
    size += part.length;
    if (size > most) throw new Refusal(413, "the request is too large");
    parts.push(part);
  }
  return Buffer.concat(parts);
}

async function readJson(request) {
  const body = await readBody(request, 16_384);
  try {
    const found = JSON.parse(body.toString("utf8"));
    if (found && typeof found === "object") return found;
  } catch {
    // Told below.
  }
  throw new Refusal(400, "the request is not a JSON object");
}

function json(response, status, body) {
  response.writeHead(status, { ...HEADERS, "Content-Type": "application/json", "Cache-Control": "no-store" });
  response.end(JSON.stringify(body));
}

// ---- start --------------------------------------------------------------------------------------

async function exportTo(folder) {
  await mkdir(join(folder, "img"), { recursive: true });
  // A page that is there already may have been prepared by a development server.
  const prepared = existsSync(join(folder, "index.html"));
  await writeFile(join(folder, "index.html"), await page(await embedding(), prepared ? folder : here));
  for (const file of Object.keys(FILES)) await copyFile(join(here, file), join(folder, file));
}

const [option, folder] = process.argv.slice(2);
if (option === "--export" && folder) {
  await exportTo(folder);
} else if (option) {
  process.stdout.write(HELP);
  process.exitCode = option === "--help" || option === "-h" ? 0 : 2;
} else {
  if (!apiKey) {
    console.error("VENTANILLA_API_KEY is not set; see node www/server.mjs --help");
    process.exit(2);
  }
  const server = createServer((request, response) => {
    answer(request, response).catch((error) => {
      if (!(error instanceof Refusal)) console.error(error);
      if (response.headersSent) return response.destroy();
      json(response, error.status ?? 500, { error: error.status ? error.message : "something broke in the shop" });
    });
  });
  server.listen(Number(process.env.PORT ?? 8080), process.env.HOST || "127.0.0.1", () => {
    console.log(`shop: http://localhost:${server.address().port}/`);
  });
  for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => process.exit(0));
}
