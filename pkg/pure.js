// The element, without registering it. Importing this file does nothing, in a browser or out of one.

import { pins } from "./dist/pins.js";
import { blame, railsOf } from "./launch.js";
import { HERE, SUBMIT, TO_PAGE, read } from "./port.js";
import { titleFor, trouble } from "./trouble.js";

const HELLO_WITHIN_MS = 15_000;
const HELLO_AFTER_LOAD_MS = 5_000;
const TABS = "allow-popups";
const CODES = "; camera; clipboard-read";
const SETUP = "setup-invalid";
const FAILED = "load-failed";

// In bars as tall as the first screen of the only rail, or of cards: it stands until the frame's own skeleton does.
const CSS = `:host{display:block;position:relative;min-height:3rem}:host([hidden]){display:none}
.skeleton,.trouble{box-sizing:border-box;max-width:440px;margin:0 auto;padding:1rem}
.skeleton,iframe{height:41.25rem}[data-rails=cvu]{height:37rem}[data-rails=flux]{height:48rem}[data-rails=flexiti]{height:75.9rem}
@media(max-width:24.9em){[data-rails=flux]{height:52.4rem}}
.skeleton{background:repeating-linear-gradient(color-mix(in srgb,currentColor 9%,transparent) 0 3rem,#0000 0 6.5rem) content-box}
iframe{display:block;width:100%;border:0}iframe:not(.there){position:absolute;inset:0;opacity:0}
.trouble{border:1px solid;border-radius:8px}.trouble~*{display:none}
p{margin:0 0 1rem}button{min-height:3rem;padding:0 1rem;font:inherit}`;

// On a server there is no HTMLElement, and the class is never constructed.
export class VentanillaCheckout extends (globalThis.HTMLElement ?? Object) {
  static observedAttributes = ["proxy", "locale", "mode", "rails", "inline-cards"];

  #clientToken;
  #appearance = null;
  #mounted;
  #restarting;

  get clientToken() {
    return this.#clientToken;
  }

  set clientToken(value) {
    const before = this.#clientToken;
    this.#clientToken = value;
    // A new function is a new way to ask, as every render of a page makes; a new text is a new session.
    if (before && typeof value !== "function" && value !== before) this.#restart();
    else this.#mounted?.open?.();
  }

  get appearance() {
    return this.#appearance;
  }

  set appearance(value) {
    this.#appearance = value ?? null;
    this.#mounted?.appearance?.(this.#appearance);
  }

  connectedCallback() {
    // A page may have set the properties before this class was there.
    for (const name of ["clientToken", "appearance"]) {
      if (!Object.hasOwn(this, name)) continue;
      const value = this[name];
      delete this[name];
      this[name] = value;
    }
    if (!this.#mounted) this.#start();
  }

  disconnectedCallback() {
    // Moving a node disconnects and connects it; only one that stays out is gone.
    queueMicrotask(() => this.isConnected || this.#stop());
  }

  attributeChangedCallback(name, before, after) {
    // Until the checkout is open, these two have not been used.
    const unused = !this.#mounted?.opened && ["locale", "rails"].includes(name);
    if (before !== after && !unused) this.#restart();
  }

  get #locale() {
    const found = this.getAttribute("locale") || this.closest("[lang]")?.lang;
    return (found || navigator.language).slice(0, 35);
  }

  #restart() {
    if (!this.#mounted || this.#restarting) return;
    this.#restarting = true;
    queueMicrotask(() => {
      this.#restarting = false;
      this.#stop();
      if (this.isConnected) this.#start();
    });
  }

  #stop() {
    const mounted = this.#mounted;
    this.#mounted = undefined;
    mounted?.stop?.();
    this.shadowRoot?.replaceChildren();
  }

  #start() {
    const root = this.shadowRoot ?? this.attachShadow({ mode: "open" });
    root.adoptedStyleSheets = [sheet()];
    const skeleton = document.createElement("div");
    skeleton.className = "skeleton";
    skeleton.dataset.rails = this.#options().rails || railsOf(`${this.#clientToken}`);
    root.append(skeleton);
    // Whatever is still under way when the element starts over finds that it is no longer mounted.
    const mounted = (this.#mounted = {});
    const live = () => this.#mounted === mounted;
    const fail = (code, message) => {
      if (!live()) return;
      root.querySelector(".trouble")?.remove();
      root.prepend(trouble(this.#locale, code, () => this.#restart()));
      const fault = code === FAILED ? "network" : "integration";
      this.#emit("ventanilla-error", { fault, code, message });
    };
    const wanted = this.getAttribute("proxy");
    const proxy = originOf(wanted);
    const inline = this.getAttribute("mode") === "inline";
    if (!proxy) {
      fail(SETUP, `proxy must be an origin such as https://pay.example, found ${wanted}`);
    } else if (inline && !this.hasAttribute("inline-cards")) {
      fail(SETUP, "mode=inline takes cards only with the attribute inline-cards");
    } else if (inline) {
      this.#inline(root, mounted, live, proxy, fail);
    } else if (proxy === location.origin) {
      fail(SETUP, `the frame needs an origin of its own; page and proxy are both ${proxy}`);
    } else {
      this.#frame(root, mounted, live, proxy, fail);
    }
  }

  #frame(root, mounted, live, proxy, fail) {
    let port, greeted, timer, given, again, spoke, asked = "";
    const post = (message) => port?.postMessage(message);
    const expectHello = (ms) => {
      clearTimeout(timer);
      timer = setTimeout(
        fail,
        ms,
        FAILED,
        `${proxy}/frame did not answer; is it up, and is ${location.origin} in its list of origins?`,
      );
    };
    mounted.open = async () => {
      if (!greeted || mounted.opened || !this.#clientToken) return;
      mounted.opened = true;
      const greetedPort = port;
      const clientToken = again ?? (await this.#token(fail));
      if (port !== greetedPort) return;
      mounted.opened = !!clientToken;
      given = clientToken;
      again = undefined;
      if (!given || load(railsOf(given))) return;
      post({ kind: "open", clientToken, ...this.#options() });
    };
    mounted.appearance = (appearance) =>
      mounted.opened && post({ kind: "appearance", appearance });
    mounted.stop = () => {
      removeEventListener("message", hear);
      clearTimeout(timer);
      post({ kind: "close" });
      port?.close();
    };

    const frame = Object.assign(document.createElement("iframe"), {
      title: titleFor(this.#locale),
      allow: "payment; publickey-credentials-get; clipboard-write",
      referrerPolicy: "no-referrer",
      // The last two together are safe only because the frame is on another origin than this page.
      sandbox: "allow-forms allow-modals allow-scripts allow-same-origin",
    });
    // Payment links and lenders' pages open tabs, which are not this frame's to confine; a wallet's code is read by
    // camera, or pasted; a lender's page stands in a frame inside. What a frame may is fixed when it loads, so it loads
    // again when the page's word on the rails was not the last: the token's is better, and the session's, which is
    // read inside, best. A frame that needs none of it is never granted any.
    const load = (rails) => {
      const links = /cvu|flexiti/.test(rails) && !frame.sandbox.contains(TABS);
      const codes = rails.includes("flux") && !frame.allow.includes(CODES);
      const lends = rails.includes("flexiti") && !asked.includes("flexiti");
      if (links) {
        frame.sandbox.add(TABS, "allow-popups-to-escape-sandbox");
        if (navigator.share) frame.allow += "; web-share";
      }
      if (codes) frame.allow += CODES;
      if (frame.src && !links && !codes && !lends) return false;
      port?.close();
      again = given;
      asked = rails;
      frame.dataset.rails = rails;
      frame.src = `${proxy}/frame?${new URLSearchParams({ rails, locale: this.#locale })}`;
      return true;
    };
    load(this.#options().rails);
    // Once per document in the frame: a buyer may reload it by itself. It speaks as soon as it can hear; one that does
    // not is greeted when it has loaded.
    const hear = ({ source, origin, data }) => {
      if (data !== HERE || origin !== proxy || source !== frame.contentWindow) return;
      spoke = true;
      greet();
    };
    addEventListener("message", hear);
    frame.onload = () => {
      if (!spoke) greet();
      spoke = false;
    };
    const greet = () => {
      if (!live()) return;
      port?.close();
      greeted = mounted.opened = false;
      const channel = new MessageChannel();
      port = channel.port1;
      port.onmessage = async ({ data }) => {
        const message = live() && read(TO_PAGE, data);
        if (!message) return;
        const { kind, id, detail } = message;
        if (kind === "hello") {
          clearTimeout(timer);
          // A frame that is put into its place again would load again.
          for (const other of root.querySelectorAll("div")) other.remove();
          frame.className = "there";
          greeted = true;
          mounted.open();
        } else if (kind === "height") {
          frame.style.height = `${message.height}px`;
        } else if (kind === "event") {
          if (!load(detail.rails ?? "")) this.#emit(message.name, detail);
        } else if (kind === "ask") {
          post({ kind: "verdict", id, proceed: this.#emit(SUBMIT, detail) });
        } else {
          post({ kind: "token", clientToken: (await this.#token()) ?? "" });
        }
      };
      frame.contentWindow.postMessage({ ventanilla: 1, kind: "init" }, proxy, [channel.port2]);
      expectHello(HELLO_AFTER_LOAD_MS);
    };
    expectHello(HELLO_WITHIN_MS);
    root.append(frame);
  }

  async #inline(root, mounted, live, proxy, fail) {
    if (!warned) console.warn("ventanilla: inline, every script of this page can read the card");
    warned = true;
    const emit = (name, detail) => live() && this.#emit(name, detail);
    const door = {
      emit,
      askSubmit: async (detail) => emit(SUBMIT, detail),
      clientToken: async () => {
        const clientToken = await this.#token();
        if (!clientToken) throw new Error("clientToken gave no text");
        return clientToken;
      },
    };
    try {
      await (glue ??= loadGlue(proxy));
      let handle;
      mounted.open = () => {
        if (!live() || handle || !this.#clientToken) return;
        mounted.opened = true;
        const options = { proxy, mode: "inline", ...this.#options() };
        handle = globalThis[pins.global].mountInline(root, door, options, fail);
      };
      mounted.appearance = (appearance) => handle?.appearance(appearance);
      mounted.stop = () => handle?.unmount();
      mounted.open();
    } catch (error) {
      glue = undefined;
      fail(error.code, error.message);
    }
  }

  #options() {
    const rails = this.getAttribute("rails") ?? "";
    return { locale: this.#locale, rails, appearance: this.#appearance };
  }

  /** The client token, or nothing; then `fail` has been told. */
  async #token(fail) {
    let found = this.#clientToken;
    try {
      if (typeof found === "function") found = await found();
      if (found && typeof found === "string") return found;
      found = `clientToken must give a text, found ${typeof found}`;
    } catch (error) {
      found = `the clientToken function failed: ${error?.message}`;
    }
    fail?.("client-token-invalid", found);
  }

  #emit(name, detail) {
    const options = { detail, bubbles: true, composed: true, cancelable: name === SUBMIT };
    return this.dispatchEvent(new CustomEvent(name, options));
  }
}

/** Registers the element, unless the page already has one of that name, and returns its class. */
export function define({ tagName = "ventanilla-checkout" } = {}) {
  const registry = globalThis.customElements;
  if (registry && !registry.get(tagName)) {
    // A class can be registered once; a further name needs one of its own.
    registry.define(tagName, defined ? class extends VentanillaCheckout {} : VentanillaCheckout);
    defined = true;
  }
  return registry?.get(tagName) ?? VentanillaCheckout;
}

let defined, warned, glue, styles;

function sheet() {
  if (!styles) (styles = new CSSStyleSheet()).replaceSync(CSS);
  return styles;
}

function originOf(text) {
  try {
    const { origin } = new URL(text);
    return /^https?:/.test(origin) && origin;
  } catch {
    return false;
  }
}

/** The widget's side in this page: loaded once, however many elements there are. */
function loadGlue(proxy) {
  const { file, integrity } = pins.inline;
  const url = `${proxy}/assets/${file}`;
  return new Promise((resolve, reject) => {
    // The pin decides what runs; the policy only says so to a page with Trusted Types.
    const policy = globalThis.trustedTypes?.createPolicy("ventanilla", { createScriptURL: () => url });
    const script = Object.assign(document.createElement("script"), {
      src: policy?.createScriptURL("") ?? url,
      integrity,
      crossOrigin: "anonymous",
      onload: resolve,
      onerror: async () => {
        script.remove();
        const code = await blame(url, integrity);
        reject(Object.assign(new Error(`${file} was refused`), { code }));
      },
    });
    document.head.append(script);
  });
}
