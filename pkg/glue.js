// What the pinned script exports: a start for each module of the widget, in the frame or inline. What
// wasm-bindgen makes for a module runs only when that module starts.

import { modules } from "modules";
import { blame, fetchPinned, languageFor, moduleFor, railsOf, wordsIn } from "./launch.js";
import { openReader } from "./reader.js";

const PINS = __PINS__;
const loaded = {};

/** Starts a module with the WebAssembly in `answer`, the fetch of its pinned file. */
export async function start(name, answer) {
  const widget = modules[name]();
  await widget.default({ module_or_path: answer });
  return widget;
}

/** The texts for whoever wants to read in `locale`. */
export function textsFor(locale, proxy = "") {
  const tag = languageFor(locale, Object.keys(PINS.languages));
  return once(proxy, PINS.languages[tag], async (answer) => (await answer).text());
}

/** Opens what reads codes from pixels; `proxy` is the origin with its files. */
export const reader = (proxy) => openReader(PINS.reader, proxy);

/**
 * Puts the widget into `root`, a shadow root in the shop's own page, as soon as its code is there;
 * `fail(code, message)` hears when it does not come.
 */
export function mountInline(root, door, options, fail) {
  const { proxy } = options;
  const own = root.adoptedStyleSheets;
  let chosen, mounted, handle, stopped;

  async function choose(rails) {
    const name = moduleFor(rails, PINS.modules) ?? chosen ?? "all";
    if (name === chosen) return;
    chosen = name;
    try {
      const module = once(proxy, PINS.modules[name], (answer) => start(name, answer));
      const [widget, texts, sheet] = await Promise.all([module, textsFor(options.locale, proxy), once(proxy, PINS.css, sheetOf), token]);
      if (stopped || name !== chosen) return;
      handle?.unmount();
      const holder = document.createElement("div");
      root.adoptedStyleSheets = [...own, sheet];
      root.replaceChildren(holder);
      mounted = name;
      const inside = { clientToken, handOver, reader: () => reader(proxy) };
      handle = widget.mount(holder, { ...door, ...inside }, { ...options, texts });
    } catch (error) {
      if (name === chosen) fail(error.code ?? "load-failed", error.message);
    }
  }

  const handOver = (rails) => {
    choose(rails);
    return chosen !== mounted;
  };
  // The first token is the widget's, which finds out by itself that there is none.
  const first = door.clientToken();
  const clientToken = (fresh) => (fresh ? door.clientToken() : first.catch(() => door.clientToken()));
  const token = first.catch(() => "").then((text) => void choose(railsOf(text)));
  const wanted = wordsIn(options.rails);
  if (wanted.length === 1) choose(wanted);
  return {
    appearance(appearance) {
      options.appearance = appearance;
      handle?.appearance(appearance);
    },
    unmount() {
      stopped = true;
      handle?.unmount();
    },
  };
}

/** What `use` makes of a pinned file: once, however many elements there are. */
function once(proxy, { file, integrity }, use) {
  const url = `${proxy}/assets/${file}`;
  loaded[file] ??= use(fetchPinned(url, integrity)).catch(async (error) => {
    delete loaded[file];
    error.code = await blame(url, integrity);
    error.message = `${file} did not start: ${error.message}`;
    throw error;
  });
  return loaded[file];
}

async function sheetOf(answer) {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(await (await answer).text());
  return sheet;
}
