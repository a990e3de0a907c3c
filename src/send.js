// One call to the proxy: from the WebAssembly, and from whoever asks for the session before that is there.

/** How long an answer may take, beyond what the proxy was asked to hold it back. */
const PATIENCE_MS = 30_000;

/**
 * Gives whether the proxy granted it, and the JSON of its answer; that is missing where something else answered, or
 * only half of it came. Rejects when there was no answer.
 */
export async function send(url, clientToken, key, body) {
  const headers = { Authorization: `Bearer ${clientToken}` };
  if (key) headers["Idempotency-Key"] = key;
  if (body) headers["Content-Type"] = "application/json";
  const abort = new AbortController();
  const impatience = setTimeout(() => abort.abort(), PATIENCE_MS);
  const request = new Request(url, {
    method: body ? "POST" : "GET",
    headers,
    body,
    cache: "no-store",
    credentials: "omit",
    redirect: "error",
    referrerPolicy: "no-referrer",
    signal: abort.signal,
  });
  try {
    const answer = await fetch(request);
    return [answer.ok, await answer.json().catch(() => {})];
  } finally {
    clearTimeout(impatience);
  }
}
