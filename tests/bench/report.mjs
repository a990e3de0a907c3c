// The page that the figures are read on.

import { writeFileSync } from "node:fs";
import { basename } from "node:path";
import { isOurs, median } from "./figures.mjs";
import { bars } from "./plot.mjs";

const kB = (bytes) => `${(bytes / 1000).toFixed(1)} kB`;
const MB = (bytes) => `${(bytes / 1e6).toFixed(1)} MB`;
const ms = (value, digits = 0) => `${value.toFixed(digits)} ms`;
const table = (head, rows) =>
  [head, head.map((_, at) => (at === 0 ? "---" : "--:")), ...rows].map((row) => `| ${row.join(" | ")} |`).join("\n");

/** Writes REPORT.md and its plots. */
export function write(report, results) {
  const name = basename(report);
  const plot = (what, svg) => {
    writeFileSync(`${report}-${what}.svg`, svg);
    return `![](${name}-${what}.svg)`;
  };
  const parts = [
    results.widget && widget(results.widget, plot),
    results.proxy && proxy(results.proxy, plot),
  ].filter(Boolean);
  writeFileSync(
    `${report}.md`,
    `# Beside its peers\n\n\`scripts/bench\` wrote this page. Everybody in a table was measured in one run, in turns; figures are medians.\n\n${parts.join("\n\n")}\n`,
  );
}

const where = ({ day, cores, processor, memory_gib }) => `${day}, ${cores} cores (${processor}), ${memory_gib} GiB`;

function widget({ machine, runs, forms, results, mounts, chromium, encryption }, plot) {
  const cell = (profile, name, key) => results[profile][name][key].median;
  const row = (title, profile, key, shown) => [title, ...forms.map(({ name }) => shown(cell(profile, name, key)))];
  const ratio = (name) => (cell("slow", "ours", "ready") / cell("slow", name, "ready")).toFixed(2);
  const bar = (profile, key, shown) =>
    forms.map(({ name, title }) => ({ label: title, value: cell(profile, name, key), shown: shown(cell(profile, name, key)), own: name === "ours" }));
  const seal = (of) => encryption.map((one) => of(one));
  const { before, after } = mounts;
  const change = (key) => `${before[key]} → ${after[key]}`;
  return `## A card form

${plot("ready", bars("Until a card can be typed in, slowed-down phone profile", bar("slow", "ready", ms)))}

${plot("bytes", bars("Downloaded until then, as it comes over the wire", bar("plain", "bytes", kB)))}

${table(
    ["", ...forms.map(({ title }) => title)],
    [
      row("ready, plain", "plain", "ready", ms),
      row("**ready, slow**", "slow", "ready", (value) => `**${ms(value)}**`),
      row("bytes on the wire", "plain", "bytes", kB),
      row("main thread busy, plain", "plain", "task", ms),
      row("main thread busy, slow", "slow", "task", ms),
      row("JavaScript heap", "plain", "heap", MB),
      row("**requests to hosts that are not the shop's or its proxy's**", "plain", "third", (value) => `**${value}**`),
    ],
  )}

Time on the slow profile, ours divided by theirs: ${forms.filter(({ name }) => name !== "ours").map(({ name, title }) => `${title} **${ratio(name)}**`).join(", ")}.

${mounts.times} mounts and unmounts of ours in one page: heap ${MB(before.heap)} → ${MB(after.heap)} (${(((after.heap - before.heap) / before.heap) * 100).toFixed(1)} %),
frames ${change("frames")}, documents ${change("documents")}, listeners ${change("listeners")}, nodes ${change("nodes")}.

### Encrypting a card

${table(
    ["key", ...seal(({ bits, profile }) => `${bits} bits${profile === "slow" ? ", slow processor" : ""}`)],
    [
      ["ours, median", ...seal(({ ours }) => ms(ours.median.median, 2))],
      ["jsencrypt + aes-js, median", ...seal(({ peer }) => ms(peer.median.median, 2))],
      ["ours, first call", ...seal(({ ours }) => ms(ours.first.median, 1))],
      ["jsencrypt + aes-js, first call", ...seal(({ peer }) => ms(peer.first.median, 1))],
      ["ours, p95", ...seal(({ ours }) => ms(ours.p95.median, 2))],
      ["jsencrypt + aes-js, p95", ...seal(({ peer }) => ms(peer.p95.median, 2))],
    ],
  )}

### How it is measured

- ${where(machine)}. Chromium ${chromium}, headless, one process for page and frames; ${runs} visits each with an empty cache, after one that does not
  count. "Slow" is a processor four times as slow, 1.6 Mbit/s and 150 ms.
- "Ready" is what each vendor calls ready. For ours it is \`ventanilla-ready\`: every input is there and takes a key stroke, which is
  tried, and what encrypts is loaded. The peers' own frames are stand-ins of one input each, because the real ones come from their
  vendors' hosts; that flatters them. Their other requests to those hosts fail at once, or get an empty page. They are counted, their
  bytes are not.
- Encryption: the same card, in one page, 100 calls each in turns of 20, and that in seven pages; what both made is decrypted and compared
  in the same run.`;
}

function proxy({ machine, checkouts, rounds, concurrency, steady_per_second: rate, subjects, waiting }, plot) {
  const middle = (subject, key) => median(subject.rounds.map((round) => round[key]));
  const steady = (subject, key) => median(subject.steady.map((round) => round[key]));
  const bar = (key, shown) => subjects.map((one) => ({ label: one.name, value: middle(one, key), shown: shown(middle(one, key)), own: isOurs(one) }));
  const row = (title, of) => [title, ...subjects.map(of)];
  const least = subjects.at(-1);
  return `## A proxy

${plot("rate", bars("Checkouts a second", bar("per_second", (value) => value.toFixed(0))))}

${plot("latency", bars("The slowest of a hundred checkouts", bar("p99_ms", (value) => ms(value, 1))))}

${table(
    ["", ...subjects.map(({ name }) => name)],
    [
      row("**checkouts a second**", (one) => `**${middle(one, "per_second").toFixed(0)}**`),
      row("p50", (one) => ms(middle(one, "p50_ms"), 1)),
      row("p99", (one) => ms(middle(one, "p99_ms"), 1)),
      row(`p50 at ${rate} checkouts a second`, (one) => ms(steady(one, "p50_ms"), 1)),
      row(`p99 at ${rate} checkouts a second`, (one) => ms(steady(one, "p99_ms"), 1)),
      row(`**its own share of that p99**`, (one) => `**${ms(steady(one, "p99_ms") - steady(least, "p99_ms"), 1)}**`),
      row("processor time of one checkout", (one) => ms(middle(one, "cpu_ms"), 2)),
      row("memory, idle", (one) => MB(one.idle.rss_bytes)),
      row("memory, after the last checkout", (one) => MB(one.loaded.rss_bytes)),
      row("cold start", (one) => ms(one.cold_start_ms)),
    ],
  )}
${waiting.length === 0 ? "" : `
### Buyers who wait

${table(
    ["", ...waiting.map(({ name, waiting }) => `${name}, ${waiting.toLocaleString("en")} wait`)],
    [
      ["memory without and with them", ...waiting.map(({ before, during }) => `${MB(before.rss_bytes)} → ${MB(during.rss_bytes)}`)],
      ["processor while nothing happens", ...waiting.map(({ cpu_percent }) => `${cpu_percent.toFixed(1)} %`)],
      ["**calls to the provider a minute, with a few and with all of them**", ...waiting.map((one) => `**${one.calls_few_per_minute} → ${one.calls_all_per_minute}**`)],
      ["p50 of a card checkout without and with them", ...waiting.map((one) => `${ms(one.checkouts_alone.p50_ms, 1)} → ${ms(one.checkouts_meanwhile.p50_ms, 1)}`)],
      ["p99 of a card checkout without and with them", ...waiting.map((one) => `${ms(one.checkouts_alone.p99_ms, 1)} → ${ms(one.checkouts_meanwhile.p99_ms, 1)}`)],
      ["requests that failed", ...waiting.map(({ failed }) => failed)],
    ],
  )}
`}
### How it is measured

- ${where(machine)}. Release builds. ${rounds} rounds of ${checkouts} checkouts for each, in turns, ${concurrency} buyers at a time, after 200 that do not count.
- A checkout is: open a session, read it, pay it with a card, until it is paid. Buyers, provider and database are on the same machine.
- At ${rate} a second, ${checkouts} checkouts come in each of ${rounds} rounds whether or not those before them are done, and a checkout's time runs from
  when it is due. Its own share is what it takes beyond bare axum, which makes the same calls to the provider.
- The provider's stand-in answers at once. Commits are durable: SQLite syncs, PostgreSQL runs as it is installed.
- The Node server (\`tests/bench/node-server.mjs\`) does what the proxy does for a card and nothing else: the right to send is committed first, the
  signature verified. It reads nothing back, tells no shop, heals nothing after a crash. Bare axum writes nothing down.
- Processor time is the server's own, of all its threads, without the database's.`;
}
