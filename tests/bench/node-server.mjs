// A plain Node server that takes cards by GreenPay with the care that the proxy takes: a session, an attempt with
// a reference of its own, the right to send committed before the debit is sent, the outcome committed with the
// session, the signature verified. No framework; `pg` and what Node brings. scripts/bench measures it beside the proxy.

import { createHash, createPublicKey, randomBytes, timingSafeEqual, verify } from "node:crypto";
import { createServer } from "node:http";
import { createRequire } from "node:module";

const pg = createRequire(new URL("./peers/package.json", import.meta.url))("pg");
const { PORT, MERCHANT_URL, CHECKOUT_URL, PUBLIC_KEY, PROVIDER_SECRET, API_KEY, DATABASE_URL } = process.env;
const MERCHANT = { secret: PROVIDER_SECRET, merchantId: "11111111-1111-4111-8111-111111111111" };
const TERMINAL = "sandbox-terminal";

const key = createPublicKey(PUBLIC_KEY);
const spki = key.export({ type: "spki", format: "der" });
const pin = createHash("sha256").update(spki).digest("hex");
const database = new pg.Pool({ connectionString: DATABASE_URL, max: 16 });

await database.query(`
  CREATE TABLE IF NOT EXISTS session (
    id TEXT PRIMARY KEY, key TEXT NOT NULL UNIQUE, state TEXT NOT NULL, request JSONB NOT NULL, created_at TIMESTAMPTZ NOT NULL DEFAULT now());
  CREATE TABLE IF NOT EXISTS attempt (
    id TEXT PRIMARY KEY, session_id TEXT NOT NULL REFERENCES session (id), key TEXT NOT NULL, reference TEXT NOT NULL UNIQUE,
    state TEXT NOT NULL, authorization_code TEXT, last4 TEXT, created_at TIMESTAMPTZ NOT NULL DEFAULT now(), UNIQUE (session_id, key));
  CREATE UNIQUE INDEX IF NOT EXISTS attempt_live ON attempt (session_id) WHERE state IN ('new', 'sent', 'unknown', 'succeeded');
  CREATE TABLE IF NOT EXISTS event (
    id BIGSERIAL PRIMARY KEY, session_id TEXT NOT NULL, attempt_id TEXT, kind TEXT NOT NULL, at TIMESTAMPTZ NOT NULL DEFAULT now());
`);

class Refusal extends Error {
  constructor(status, code) {
    super(code);
    this.status = status;
  }
}

const fresh = (prefix) => `${prefix}_${randomBytes(16).toString("hex")}`;

async function transaction(work) {
  const client = await database.connect();
  try {
    await client.query("BEGIN");
    const done = await work(client);
    await client.query("COMMIT");
    return done;
  } catch (error) {
    await client.query("ROLLBACK").catch(() => {});
    throw error;
  } finally {
    client.release();
  }
}

function bearer(request) {
  const [, token] = /^Bearer (\S+)$/.exec(request.headers.authorization ?? "") ?? [];
  if (!token) throw new Refusal(401, "unauthorized");
  return token;
}

const known = Buffer.from(API_KEY);

function admitShop(request) {
  const given = Buffer.from(bearer(request));
  if (given.length !== known.length || !timingSafeEqual(given, known)) throw new Refusal(401, "unauthorized");
}

function idempotencyKey(request) {
  const found = request.headers["idempotency-key"];
  if (!found) throw new Refusal(400, "idempotency-key-missing");
  return found;
}

async function body(request) {
  const pieces = [];
  for await (const piece of request) pieces.push(piece);
  return JSON.parse(Buffer.concat(pieces).toString("utf8"));
}

async function openSession(request) {
  admitShop(request);
  const [id, idempotency, wanted] = [fresh("ses"), idempotencyKey(request), await body(request)];
  if (!Number.isSafeInteger(wanted?.total?.amount_minor) || wanted.total.amount_minor <= 0) throw new Refusal(422, "amount-invalid");
  await transaction(async (client) => {
    await client.query("INSERT INTO session (id, key, state, request) VALUES ($1, $2, 'open', $3)", [id, idempotency, wanted]);
    await client.query("INSERT INTO event (session_id, kind) VALUES ($1, 'opened')", [id]);
  });
  return { session: { id, state: "open", ...wanted, attempts: [] }, client_token: id };
}

async function sessionOf(request) {
  const { rows } = await database.query("SELECT id, state, request FROM session WHERE id = $1", [bearer(request)]);
  if (rows.length === 0) throw new Refusal(401, "client-token-invalid");
  return rows[0];
}

async function readCheckout(request) {
  const { id, state, request: wanted } = await sessionOf(request);
  const now = new Date();
  return {
    session_id: id, state, payee: "Café Poás", order_reference: wanted.order_reference, total: wanted.total, items: [], rails: ["card"],
    card: {
      public_key: spki.toString("base64"), key_pins: [pin], accept_weak_key: true, installments: [], saved_cards: [], save_card: "never",
    },
    expires_at: new Date(now.getTime() + 1_800_000).toISOString(), server_time: now.toISOString(),
  };
}

async function ask(url, message, headers = {}) {
  const answer = await fetch(url, {
    method: "POST", body: JSON.stringify(message), headers: { "Content-Type": "application/json", ...headers }, redirect: "error",
    signal: AbortSignal.timeout(30_000),
  });
  return answer.json();
}

async function startAttempt(request) {
  const session = await sessionOf(request);
  const [id, idempotency, { card }] = [fresh("att"), idempotencyKey(request), await body(request)];
  const reference = randomBytes(16).toString("hex");
  const { total, order_reference } = session.request;
  await transaction(async (client) => {
    await client.query("SELECT 1 FROM session WHERE id = $1 FOR UPDATE", [session.id]);
    await client.query("INSERT INTO attempt (id, session_id, key, reference, state) VALUES ($1, $2, $3, $4, 'new')", [id, session.id, idempotency, reference]);
    await client.query("INSERT INTO event (session_id, attempt_id, kind) VALUES ($1, $2, 'started')", [session.id, id]);
  });
  const order = await ask(`${MERCHANT_URL}/`, {
    ...MERCHANT, terminal: TERMINAL, amount: total.amount_minor / 100, currency: total.currency, description: order_reference, orderReference: reference,
  });
  const { rowCount } = await database.query("UPDATE attempt SET state = 'sent' WHERE id = $1 AND state = 'new'", [id]);
  if (rowCount !== 1) throw new Refusal(409, "attempt-running");
  const paid = await ask(`${CHECKOUT_URL}/`, { session: order.session, ...card.sealed }, { "liszt-token": order.token });
  const approved =
    paid.status === 200 && paid.result?.success === true && paid.result.resp_code === "00" && paid.orderId === reference &&
    verify("sha256", Buffer.from(`status:200,orderId:${reference}`), key, Buffer.from(paid._signature, "hex"));
  const state = approved ? "succeeded" : "unknown";
  await transaction(async (client) => {
    await client.query("UPDATE attempt SET state = $2, authorization_code = $3, last4 = $4 WHERE id = $1 AND state = 'sent'", [id, state, paid.authorization, paid.last4]);
    if (approved) await client.query("UPDATE session SET state = 'succeeded' WHERE id = $1", [session.id]);
    await client.query("INSERT INTO event (session_id, attempt_id, kind) VALUES ($1, $2, $3)", [session.id, id, state]);
  });
  return { id, rail: "card", state, next_action: approved ? "finish" : "wait", age_ms: 0, reference: id };
}

const ROUTES = {
  "GET /ready": () => ({}),
  "POST /v1/sessions": openSession,
  "GET /v1/checkout": readCheckout,
  "POST /v1/checkout/attempts": startAttempt,
};

const server = createServer(async (request, response) => {
  const send = (status, message) => response.writeHead(status, { "Content-Type": "application/json" }).end(JSON.stringify(message));
  try {
    const route = ROUTES[`${request.method} ${request.url}`];
    if (!route) throw new Refusal(404, "not-found");
    send(200, await route(request));
  } catch (error) {
    if (!(error instanceof Refusal)) console.error(error);
    send(error.status ?? 500, { code: error.status ? error.message : "internal" });
  }
});

server.listen(Number(PORT), "127.0.0.1");
process.on("SIGTERM", () => {
  server.close(() => void database.end().then(() => process.exit(0)));
  server.closeIdleConnections();
});
