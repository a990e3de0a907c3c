// What a row of measurements comes to, and the list of named figures that programs read.

const sorted = (numbers) => [...numbers].sort((a, b) => a - b);

/** The middle one; of an even count the lower of the two in the middle. */
export const median = (numbers) => sorted(numbers)[Math.floor((numbers.length - 1) / 2)];

/** The smallest that is not below `share` of all (nearest rank). */
export const percentile = (numbers, share) => sorted(numbers)[Math.max(0, Math.ceil(numbers.length * share) - 1)];

/** The middle one with the smallest and the greatest: `{median, low, high}`. */
export const summary = (numbers) => ({ median: median(numbers), low: Math.min(...numbers), high: Math.max(...numbers) });

/** What a visit of a card form's page gives, with its unit. */
const OF_A_FORM = { ready: "ms", bytes: "B", task: "ms", script: "ms", heap: "B", third: "requests" };
const OF_A_CALL = { median: "ms", first: "ms", p95: "ms" };
const OF_A_ROUND = { per_second: "checkouts/s", p50_ms: "ms", p99_ms: "ms", cpu_ms: "ms" };

/**
 * Every figure of ours: `{name, unit, median, spread, peer, ratio}`. `spread` is the smallest and the greatest measured.
 * `peer` is whom it was measured beside, with its own median and spread, and `ratio` ours divided by theirs; both are
 * null where there is nobody, and the ratio where theirs is nothing.
 */
export function named({ widget, proxy }) {
  return [...(widget ? ofWidget(widget) : []), ...(proxy ? ofProxy(proxy) : [])];
}

function figure(name, unit, own, peer) {
  const { median, low, high } = own;
  const beside = peer && { name: peer.name, median: peer.median, spread: [peer.low, peer.high] };
  return { name, unit, median, spread: [low, high], peer: beside ?? null, ratio: beside?.median ? median / beside.median : null };
}

const once = (value) => ({ median: value, low: value, high: value });

function ofWidget({ forms, results, mounts, encryption }) {
  const peers = forms.filter(({ name }) => name !== "ours");
  const ofForms = Object.entries(results).flatMap(([profile, by]) =>
    Object.entries(OF_A_FORM).flatMap(([key, unit]) =>
      peers.map(({ name, title }) => figure(`form-${key}-${profile}-beside-${name}`, unit, by.ours[key], { name: title, ...by[name][key] })),
    ),
  );
  const ofCalls = encryption.flatMap(({ bits, profile, ours, peer }) =>
    Object.entries(OF_A_CALL).map(([key, unit]) =>
      figure(`sealing-${key}-${bits}-${profile}`, unit, ours[key], { name: "jsencrypt + aes-js", ...peer[key] }),
    ),
  );
  const { times, before, after } = mounts;
  const left = ["frames", "documents", "listeners", "nodes"].map((key) => figure(`left-by-${times}-mounts-${key}`, key, once(after[key] - before[key])));
  const heap = figure(`left-by-${times}-mounts-heap`, "%", once(((after.heap - before.heap) / before.heap) * 100));
  return [...ofForms, ...ofCalls, ...left, heap];
}

const slug = (name) => name.toLowerCase().replace(/[^a-z0-9]+/g, "-");

function ofProxy({ subjects, waiting }) {
  const [own, peers] = [subjects.filter(isOurs), subjects.filter((one) => !isOurs(one))];
  const over = (rounds, key) => summary(rounds.map((round) => round[key]));
  const beside = (one, what, unit, of) =>
    peers.map((peer) => figure(`${slug(one.name)}-${what}-beside-${slug(peer.name)}`, unit, of(one), { name: peer.name, ...of(peer) }));
  const ofSubjects = own.flatMap((one) => [
    ...Object.entries(OF_A_ROUND).flatMap(([key, unit]) => beside(one, key.replaceAll("_", "-"), unit, ({ rounds }) => over(rounds, key))),
    ...["p50_ms", "p99_ms"].flatMap((key) => beside(one, `steady-${key.replaceAll("_", "-")}`, "ms", ({ steady }) => over(steady, key))),
    ...beside(one, "idle-memory", "B", ({ idle }) => once(idle.rss_bytes)),
    ...beside(one, "loaded-memory", "B", ({ loaded }) => once(loaded.rss_bytes)),
    ...beside(one, "cold-start", "ms", ({ cold_start_ms }) => once(cold_start_ms)),
  ]);
  const ofWaiting = waiting.flatMap((one) => [
    figure(`${slug(one.name)}-${one.waiting}-wait-memory`, "B", once(one.during.rss_bytes)),
    figure(`${slug(one.name)}-${one.waiting}-wait-processor`, "%", once(one.cpu_percent)),
    figure(`${slug(one.name)}-${one.waiting}-wait-provider-calls`, "calls/min", once(one.calls_all_per_minute), {
      name: "a few who wait", ...once(one.calls_few_per_minute),
    }),
    figure(`${slug(one.name)}-${one.waiting}-wait-p99`, "ms", once(one.checkouts_meanwhile.p99_ms), { name: "nobody waits", ...once(one.checkouts_alone.p99_ms) }),
  ]);
  return [...ofSubjects, ...ofWaiting];
}

/** Whether one that was measured is the proxy. */
export const isOurs = ({ name }) => name.startsWith("Ventanilla");
