// Holds a running proxy against the OpenAPI document that it serves: starts the sandbox and a proxy on free ports,
// makes some of everything (sessions, payments, refunds, saved cards, subscriptions, sale points, authorizations), and
// lets schemathesis ask.
// `node scripts/api.mjs SCHEMATHESIS [SECONDS]`, from scripts/test, which builds and installs what it needs.
import { spawn } from "node:child_process";
import { constants, createCipheriv, publicEncrypt, randomBytes } from "node:crypto";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const [schemathesis, seconds = "110"] = process.argv.slice(2);
const root = resolve(fileURLToPath(import.meta.url), "../..");
const folder = join(root, "var/api");
const bin = join(process.env.CARGO_TARGET_DIR ?? join(root, "target"), "debug");
const children = [];
const apiKey = "vsk_api_check_0123456789abcdefghijkl";

const freePort = () =>
  new Promise((done, failed) => {
    const server = createServer().on("error", failed);
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => done(port));
    });
  });

async function start(program, args, env, ready) {
  const child = spawn(join(bin, program), args, { env: { PATH: process.env.PATH, ...env }, stdio: ["ignore", "inherit", "inherit"] });
  children.push(child);
  for (let tries = 0; tries < 200; tries++) {
    if (child.exitCode !== null) throw new Error(`${program} ended with ${child.exitCode}`);
    if (await fetch(ready).then((answer) => answer.ok, () => false)) return;
    await new Promise((later) => setTimeout(later, 100));
  }
  throw new Error(`${program} is not ready at ${ready}`);
}

async function ask(method, url, { body, headers = {}, form } = {}) {
  const sent = form ?? (body && JSON.stringify(body));
  const type = form ? "application/x-www-form-urlencoded" : "application/json";
  const answer = await fetch(url, { method, body: sent, headers: { ...(sent && { "content-type": type }), ...headers } });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${method} ${url}: ${answer.status} ${text}`);
  return text ? JSON.parse(text) : null;
}

/** A card as the widget seals it, which GreenPay is to keep: AES-128 in counter mode, and its key under RSA. */
function sealed(publicKey) {
  const [key, counter] = [randomBytes(16), randomBytes(1)[0]];
  const card = { cardHolder: "Ana Rojas", expirationDate: { month: 12, year: 39 }, cardNumber: "4242424242424242", cvc: "123", nickname: "visa 4242" };
  const cipher = createCipheriv("aes-128-ctr", key, Buffer.from([...Array(15).fill(0), counter]));
  const ld = cipher.update(JSON.stringify({ card, tokenize: true }), "utf8", "hex") + cipher.final("hex");
  const pair = Buffer.from(JSON.stringify({ k: [...key], s: counter }));
  const lk = publicEncrypt({ key: publicKey, padding: constants.RSA_PKCS1_PADDING }, pair).toString("base64");
  return { ld, lk };
}

rmSync(folder, { recursive: true, force: true });
mkdirSync(folder, { recursive: true });
const [port, management, sandbox, merchant, checkout, cvu, flux, flexiti] = await Promise.all(Array.from({ length: 8 }, freePort));
const at = (number) => `http://127.0.0.1:${number}`;
const key = (kid) => `${kid}:${randomBytes(32).toString("base64")}`;

try {
  await start(
    "ventanilla-sandbox",
    ["--management-port", sandbox, "--merchant-port", merchant, "--checkout-port", checkout, "--cvu-port", cvu, "--flux-port", flux, "--flexiti-port", flexiti].map(String),
    {},
    `${at(sandbox)}/health`,
  );
  const printed = spawn(join(bin, "ventanilla-sandbox"), ["--print-public-key"]);
  let publicKey = "";
  for await (const part of printed.stdout) publicKey += part;
  const settings = join(folder, "ventanilla.toml");
  writeFileSync(
    settings,
    `[server]
listen = "127.0.0.1:${port}"
public_origin = "${at(port)}"
management_listen = "127.0.0.1:${management}"
[merchant]
name = "Tienda"
origins = ["http://localhost:8080"]
[store]
path = "${join(folder, "store.db")}"
[card]
merchant_url = "${at(merchant)}"
checkout_url = "${at(checkout)}"
merchant_id = "11111111-1111-4111-8111-111111111111"
terminal = "sandbox-terminal"
currencies = ["CRC", "USD"]
accept_weak_key = true
public_key = """
${publicKey}
"""
[cvu]
url = "${at(cvu)}"
username = "sandbox-user"
concept = "VAR"
presentations = ["link", "qr"]
[flux]
url = "${at(flux)}/v3"
store = "Centro"
tips = true
[flexiti]
url = "${at(flexiti)}"
client_id = "demo-merchant"
[assets]
dir = "${join(root, "tests/flow/widget")}"
[limits]
requests_per_ip_per_minute = 100000
requests_per_session_per_minute = 100000
card_starts_per_ip_per_hour = 100000
refused_keys_per_ip_per_minute = 100000
[log]
level = "warn"
`,
  );
  await start(
    "ventanilla",
    ["serve", "--config", settings],
    {
      VENTANILLA_API_KEY: apiKey,
      VENTANILLA_TOKEN_KEYS: key("t1"),
      VENTANILLA_STORE_KEYS: key("s1"),
      VENTANILLA_GREENPAY_SECRET: "sandbox-secret",
      VENTANILLA_CVU_PASSWORD: "sandbox-password",
      VENTANILLA_FLUX_REFRESH_TOKEN: "sandbox-refresh-token",
      VENTANILLA_FLEXITI_CLIENT_SECRET: "placeholder-secret",
    },
    `${at(management)}/readyz`,
  );

  const shop = (method, path, body) =>
    ask(method, at(port) + path, {
      body,
      headers: { authorization: `Bearer ${apiKey}`, ...(method === "POST" && { "idempotency-key": randomBytes(16).toString("hex") }) },
    });
  const page = (token, method, path, body) =>
    ask(method, at(port) + path, {
      body,
      headers: { authorization: `Bearer ${token}`, origin: at(port), ...(method === "POST" && { "idempotency-key": randomBytes(16).toString("hex") }) },
    });
  const sessions = [], attempts = [], operations = [], references = [];
  /** A buyer in the middle of it: their token and attempt. */
  let buyer;
  const open = async (order, minor, currency) => {
    const opened = await shop("POST", "/v1/sessions", { order_reference: order, total: { amount_minor: minor, currency }, expires_in_secs: 86400 });
    sessions.push(opened.session.id);
    return opened;
  };
  for (let number = 0; number < 6; number++) await open(`C-${number}`, 1000 + number, number % 2 ? "USD" : "CRC");
  for (let number = 0; number < 3; number++) {
    const { client_token: token } = await open(`A-${number}`, 125000 + number, "ARS");
    const { id, payable } = await page(token, "POST", "/v1/checkout/attempts", { rail: "cvu", cvu: { presentation: "link" } });
    attempts.push(id);
    if (number === 2) {
      buyer = { token, attempt: id };
      continue;
    }
    await ask("POST", `${at(sandbox)}/cvu/pay`, { body: { link: payable.link } });
    await page(token, "POST", `/v1/checkout/attempts/${id}/steps`, { step: "check" });
    for (let tries = 0; tries < 20; tries++) {
      if ((await page(token, "GET", `/v1/checkout/attempts/${id}?wait=2`)).state === "succeeded") break;
    }
    operations.push((await shop("POST", `/v1/attempts/${id}/refund`, { amount: { amount_minor: 100 + number, currency: "ARS" } })).id);
  }
  {
    const { client_token: token } = await open("M-0", 24995, "MXN");
    const { code } = await ask("POST", `${at(sandbox)}/flux/codes`, { body: {} });
    const paid = await page(token, "POST", "/v1/checkout/attempts", { rail: "flux", flux: { code, tip_minor: 2500 } });
    attempts.push(paid.id);
    references.push((await shop("GET", `/v1/attempts/${paid.id}`)).reference);
    operations.push((await shop("POST", `/v1/attempts/${paid.id}/refund`)).id);
  }
  const cards = [], subscriptions = [], transactions = [];
  // Some of them are deleted, or ended, while others are still asked for.
  for (let number = 0; number < 8; number++) {
    cards.push((await shop("POST", "/v1/greenpay/cards", { buyer_id: "buyer-7", sealed: sealed(publicKey) })).id);
    const made = await shop("POST", "/v1/greenpay/subscriptions", {
      buyer_id: "buyer-7", saved_card: cards[0], description: "Café del mes", amount: { amount_minor: 1000, currency: "CRC" },
      every_months: 1, starts_at: "2100-01-01T12:00:00Z",
    });
    operations.push(made.id);
    subscriptions.push(made.result.subscription_id);
  }
  for (let number = 0; number < 2; number++) {
    const paid = await shop("POST", "/v1/greenpay/token-payments", {
      order_reference: `T-${number}`, total: { amount_minor: 1000, currency: "CRC" }, buyer_id: "buyer-7", saved_card: cards[0],
    });
    attempts.push(paid.id);
    transactions.push(paid.reference);
  }
  const point = (await shop("POST", "/v1/cvu/sale-points", { name: "Caja 9" })).id;
  const ledger = await ask("GET", `${at(sandbox)}/ledger`);
  const cashIns = ledger.cvu.credits.map(({ id }) => String(id));
  const cashOuts = (ledger.cvu.cashouts ?? []).map(({ id }) => String(id));

  const trace = { "x-reference-id": "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee" };
  const [old, current] = ["v2.5", "v2.5.1"].map((version) => `${at(flexiti)}/flexiti/pos-api/${version}/client-id/demo-merchant`);
  const { access_token: customer } = await ask("POST", `${at(flexiti)}/flexiti/pos-api/v2.5/oauth/token`, {
    form: "grant_type=client_credentials&client_id=demo-merchant&client_secret=placeholder-secret&scope=customer",
    headers: trace,
  });
  const shopper = { ...trace, authorization: `Bearer ${customer}` };
  const widget = await ask("POST", `${old}/widget/init`, { body: { flow: "purchase", customer_identification: { account_number: 10000001 } }, headers: shopper });
  const session = widget.redirection_url.split("widget_session_id=")[1];
  await ask("POST", `${at(sandbox)}/flexiti/identify`, { body: { widget_session_id: session, outcome: "verified" } });
  const sample = JSON.parse(readFileSync(join(root, "tests/fixtures/flexiti/authorization_request_online_preauth.json"), "utf8"));
  const authorized = await ask("POST", `${current}/authorization`, { body: { ...sample, widget_session_id: session, amount: 500 }, headers: shopper });

  const known = {
    sessions, attempts, operations, references, cards, subscriptions, transactions,
    buyers: ["buyer-7"],
    points: [point], cash_ins: cashIns, cash_outs: cashOuts.length ? cashOuts : ["1"],
    authorizations: [String(authorized.authorization_id)],
    own: [buyer.attempt],
  };
  // Some of what is asked for is there, and some of it is not.
  const of = (paths, dictionary, parameter = "path.id") => `
[[operations]]
include-path = ${JSON.stringify(paths)}
parameters = { "${parameter}" = { dictionary = "${dictionary}", probability = 0.8 } }
`;
  const document = await ask("GET", `${at(port)}/v1/openapi.json`);
  const paths = (start) => Object.keys(document.paths).filter((path) => path.startsWith(start) && path.includes("{"));
  const checks = [
    "not_a_server_error", "status_code_conformance", "content_type_conformance", "response_schema_conformance",
    "negative_data_rejection", "missing_required_header", "unsupported_method", "ignored_auth",
  ];
  const dictionaries = Object.entries(known).map(([name, values]) => `[dictionaries.${name}]\nvalues = ${JSON.stringify(values)}\n`);
  /** One run: whose operations, with which headers, for how much of the time. */
  const run = async (name, headers, operations, chosen, share) => {
    const config = join(folder, `${name}.toml`);
    writeFileSync(config, `headers = ${headers}\n${dictionaries.join("")}${operations.join("")}`);
    const args = [
      "--config-file", config, "run", `${at(port)}/v1/openapi.json`, ...chosen,
      "--checks", checks.join(","), "--phases", "examples,coverage,fuzzing", "--seed", "7",
      // One thread: with several, Python 3.11 now and then loses count in `ast.parse`, which hypothesis calls (a
      // SystemError under a KeyError, on whatever operation it was at). And a buyer's page may wait 25 s.
      "--max-time", String(Math.round(Number(seconds) * share)), "--workers", "1", "--request-timeout", "40",
      "--continue-on-failure",
      "--report", "json", "--report-json-path", join(folder, `${name}.json`),
    ];
    const child = spawn(schemathesis, args, { cwd: folder, stdio: "inherit", env: { ...process.env, NO_COLOR: "1" } });
    return new Promise((done) => child.on("close", done));
  };
  const shopRun = await run(
    "merchant",
    `{ Authorization = "Bearer ${apiKey}" }`,
    [
      of(paths("/v1/sessions/"), "sessions"),
      of([...paths("/v1/attempts/"), ...paths("/v1/review/")], "attempts"),
      of(paths("/v1/operations/"), "operations"),
      of(paths("/v1/cvu/sale-points/"), "points"),
      of(paths("/v1/cvu/cash-ins/"), "cash_ins"),
      of(paths("/v1/cvu/cash-outs/"), "cash_outs"),
      of(paths("/v1/flux/"), "references", "path.reference"),
      of(paths("/v1/greenpay/cards/"), "cards"),
      of(["/v1/greenpay/cards"], "buyers", "query.buyer_id"),
      of(paths("/v1/greenpay/subscriptions/"), "subscriptions"),
      of(paths("/v1/greenpay/transactions/"), "transactions", "path.reference"),
      of(paths("/v1/flexiti/"), "authorizations"),
    ],
    ["--exclude-path-regex", "^/v1/checkout"],
    0.8,
  );
  const pageRun = await run(
    "browser",
    `{ Authorization = "Bearer ${buyer.token}", Origin = "${at(port)}" }`,
    [of(paths("/v1/checkout/"), "own")],
    ["--include-path-regex", "^/v1/checkout"],
    0.2,
  );
  process.exitCode = shopRun || pageRun;
} finally {
  for (const child of children) child.kill("SIGTERM");
}
