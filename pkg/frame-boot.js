// Runs inline in the frame's document, before everything else. It waits for one shop page that is on
// the list, fetches the widget's code against its pins, and gives the widget its door to that page.
// What the buyer must know when any of this goes wrong is said here, without the widget.

import { askEarly } from "./early.js";
import { blame, codeOf, moduleFor, railsOf, textsFor, wordsIn } from "./launch.js";
import { HERE, TO_FRAME, read } from "./port.js";
import { titleFor, trouble } from "./trouble.js";

const PINS = __PINS__;
const START_WITHIN_MS = 30_000;
const STOPPED = {
  es: "El formulario se detuvo. Intente de nuevo: si ya pagó, aquí lo verá, y no se le cobrará dos veces.",
  en: "The form has stopped. Try again: if you have already paid, it will say so here, and you will not be charged twice.",
  fr: "Le formulaire s’est arrêté. Réessayez : si vous avez déjà payé, vous le verrez ici, et vous ne serez pas débité deux fois.",
};

const origins = (document.documentElement.dataset.origins ?? "").split(" ");
const verdicts = new Map();
const tokenWaits = [];
const unsent = [];
let port, opened, chosen, begun, mounted, handle, settling, stopped, patience, sentHeight, session, ready, told;
let clientToken = "";
// Before the page says it over the port, the frame's address does.
const address = new URLSearchParams(location.search);
let locale = address.get("locale") ?? "";
let questions = 0;

const glueRan = new Promise((resolve, reject) => {
  // The glue's own tag stands below with its pin; a deferred script has run by then, or never will.
  addEventListener("DOMContentLoaded", async () => {
    // Opened by itself, outside a shop, there is nothing to pay.
    if (parent === window) give("setup-invalid", "this page belongs in a shop's page");
    const glue = globalThis[PINS.global];
    if (glue) return resolve(glue);
    const { file, integrity } = PINS.glue;
    const code = await blame(`/assets/${file}`, integrity);
    reject(Object.assign(new Error("the glue did not run"), { code }));
  });
});
glueRan.catch(failed);

// One rail at this proxy, or one that the page names: its module need not wait for anything.
const there = wordsIn(document.documentElement.dataset.rails);
const named = wordsIn(address.get("rails")).filter((rail) => there.includes(rail));
const likely = there.length > 1 ? named : there;
if (likely.length === 1) choose(likely);

addEventListener("message", (event) => {
  const { data, origin, ports, source } = event;
  if (port || source !== parent || parent === window || !origins.includes(origin)) return;
  if (data?.ventanilla !== 1 || data.kind !== "init" || ports.length !== 1) return;
  port = ports[0];
  port.onmessage = ({ data }) => heard(read(TO_FRAME, data));
  send({ kind: "hello" });
  for (const message of unsent.splice(0)) send(message);
  watchHeight();
});

// The page need not wait for the rest of this document before it answers with the client token. A browser that does
// not say who the page is, as Firefox, has it wait.
const [around] = location.ancestorOrigins ?? [];
if (origins.includes(around)) parent.postMessage(HERE, around);

// A trap in WebAssembly leaves a form that no longer answers. Money may be on its way, so the way out
// is to load the frame again: it then reads from the proxy how the attempt stands.
addEventListener("error", ({ error }) => {
  if (error instanceof WebAssembly.RuntimeError) broke();
});
addEventListener("unhandledrejection", ({ reason }) => {
  if (reason instanceof WebAssembly.RuntimeError) broke();
});

const door = {
  emit(name, detail) {
    // The page takes explanations of this length and no longer.
    if (detail.message) detail.message = detail.message.slice(0, 500);
    send({ kind: "event", name, detail });
  },
  askSubmit: (detail) =>
    new Promise((resolve) => {
      verdicts.set((questions += 1), resolve);
      send({ kind: "ask", id: questions, detail });
    }),
  clientToken: (fresh) =>
    fresh
      ? new Promise((resolve, reject) => {
          tokenWaits.push({ resolve, reject });
          send({ kind: "token-wanted" });
        })
      : Promise.resolve(clientToken),
  earlySession: () => session?.(),
  handOver(rails) {
    choose(rails);
    return chosen !== mounted;
  },
  reader: () => glueRan.then((glue) => glue.reader(location.origin)),
};

function heard(message) {
  const kind = message?.kind;
  if (kind === "open" && !opened) {
    opened = message;
    ({ clientToken, locale } = message);
    document.title = titleFor(locale);
    session = askEarly("", clientToken);
    choose(railsOf(clientToken));
    ready?.();
  } else if (kind === "token") {
    if (message.clientToken) ({ clientToken } = message);
    for (const { resolve, reject } of tokenWaits.splice(0)) {
      if (message.clientToken) resolve(clientToken);
      else reject(new Error("the page gave no client token"));
    }
  } else if (kind === "verdict") {
    verdicts.get(message.id)?.(message.proceed);
    verdicts.delete(message.id);
  } else if (kind === "appearance") {
    if (opened) opened.appearance = message.appearance;
    handle?.appearance(message.appearance);
  } else if (kind === "close") {
    stopped = true;
    handle?.unmount();
  }
}

function expectCode() {
  return setTimeout(() => give("load-failed", "the code did not arrive in time"), START_WITHIN_MS);
}

/** Turns to the module with these rails, in the buyer's language. */
function choose(rails) {
  chosen = moduleFor(rails, PINS.modules) ?? chosen ?? "all";
  document.documentElement.dataset.module = chosen;
  const wanted = `${chosen} ${locale}`;
  if (wanted === begun) return;
  begun = wanted;
  ready = undefined;
  clearTimeout(patience);
  patience = expectCode();
  const name = chosen;
  // All at once: the code is compiled while the glue is still on its way.
  const parts = [glueRan, codeOf("", PINS.modules, name), textsFor("", PINS.languages, name, locale)];
  Promise.all(parts)
    .then(async ([glue, code, texts]) => {
      const widget = await glue.start(name, code);
      if (wanted !== begun) return;
      clearTimeout(patience);
      ready = () => mount(name, widget, texts);
      if (opened) ready();
    })
    .catch((error) => wanted === begun && failed(error));
}

function mount(name, widget, texts) {
  if (stopped) return;
  mounted = name;
  settling?.disconnect();
  handle?.unmount();
  const root = document.createElement("div");
  root.id = "ventanilla";
  root.className = "waiting";
  document.getElementById("ventanilla").replaceWith(root);
  try {
    handle = widget.mount(root, door, {
      proxy: "",
      locale,
      texts,
      rails: opened.rails,
      appearance: opened.appearance,
      mode: "frame",
    });
  } catch {
    return broke();
  }
  // The widget is busy from the moment it mounts until it knows what to show; until then the skeleton stands.
  const isBusy = () => root.querySelector(":scope > [aria-busy=true]");
  let wasBusy = isBusy();
  settling = new MutationObserver(() => {
    const busy = isBusy();
    wasBusy ||= busy;
    if (busy || !wasBusy) return;
    settling.disconnect();
    root.className = "";
    document.getElementById("skeleton")?.remove();
  });
  settling.observe(root, { attributes: true, childList: true, subtree: true });
}

/** Some of the code is not there, or not ours. Said once, however many wait for it. */
function failed(error) {
  if (error === told) return;
  told = error;
  clearTimeout(patience);
  give(error.code ?? "load-failed", error.message);
}

function broke() {
  if (stopped) return;
  stopped = true;
  give("internal", "the widget stopped");
}

/** Tells buyer and page that it goes no further. */
function give(code, message) {
  const fault = { "load-failed": "network", internal: "internal" }[code] ?? "integration";
  const box = trouble(locale, code, () => location.reload(), code === "internal" ? STOPPED : {});
  box.id = "ventanilla";
  document.getElementById("ventanilla").replaceWith(box);
  document.getElementById("skeleton")?.remove();
  send({ kind: "event", name: "ventanilla-error", detail: { fault, code, message } });
}

function send(message) {
  if (port) port.postMessage(message);
  else unsent.push(message);
}

function tellHeight(height) {
  const whole = Math.ceil(height);
  // Nothing is 0 tall but what is hidden, or off the page.
  if (!whole || whole === sentHeight) return;
  sentHeight = whole;
  send({ kind: "height", height: whole });
}

function watchHeight() {
  // Half a document has half its height, and what the shop has below would move twice.
  if (document.readyState === "loading") return document.addEventListener("readystatechange", watchHeight, { once: true });
  new ResizeObserver(() => tellHeight(document.body.offsetHeight)).observe(document.body);
}
