// What a shop's server would write against the client that is made of docs/openapi.json. It is compiled and never run:
// where the document says something else than this expects, it does not compile.
import createClient from "openapi-fetch";
import type { components, paths } from "../../var/api/client.d.ts";

type Money = components["schemas"]["Money"];
type Problem = components["schemas"]["ProblemDocument"];

const proxy = createClient<paths>({
  baseUrl: "https://pay.shop.example",
  headers: { Authorization: "Bearer vsk_…" },
});

/** A session's identifier and its client token. */
export async function open(orderReference: string, total: Money, key: string): Promise<[string, string]> {
  const { data, error } = await proxy.POST("/v1/sessions", {
    params: { header: { "Idempotency-Key": key } },
    body: { order_reference: orderReference, total, rails: ["card"], metadata: { cart: "c-99" } },
  });
  if (error) throw new Error(told(error));
  return [data.session.id, data.client_token];
}

export async function refund(attempt: string, key: string, amount?: Money): Promise<boolean> {
  const { data, error } = await proxy.POST("/v1/attempts/{id}/refund", {
    params: { path: { id: attempt }, header: { "Idempotency-Key": key } },
    ...(amount ? { body: { amount } } : {}),
  });
  if (error) throw new Error(told(error));
  return data.state === "succeeded";
}

export async function* transactions(from: string, to: string) {
  for (let after: string | null | undefined; after !== null; ) {
    const { data, error } = await proxy.GET("/v1/cvu/transactions", {
      params: { query: { from, to, limit: 500, ...(after ? { after } : {}) } },
    });
    if (error) throw new Error(told(error));
    for (const row of data.transactions) yield { at: row.date, minor: row.income ? row.amount.amount_minor : -row.amount.amount_minor };
    after = data.next ?? null;
  }
}

export async function misuse() {
  // @ts-expect-error an amount is minor units, never a decimal text
  await open("A-1", { amount_minor: "12.50", currency: "CRC" }, "k");
  // @ts-expect-error a call that takes effect once needs its key
  await proxy.POST("/v1/attempts/{id}/void", { params: { path: { id: "att_x" } } });
  // @ts-expect-error no such rail
  await proxy.POST("/v1/sessions", { params: { header: { "Idempotency-Key": "k" } }, body: { order_reference: "A", total: { amount_minor: 1, currency: "CRC" }, rails: ["barter"] } });
}

function told(problem: Problem): string {
  return problem.provider_code ? `${problem.code} (${problem.provider_code})` : `${problem.code}: ${problem.title}`;
}
