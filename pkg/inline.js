// The pinned script of the shop's page, where the widget is inline: what the frame has, and its door.

import { reader, start } from "./glue.js";
import { askEarly } from "./early.js";
import { codeOf, moduleFor, once, railsOf, textsFor, wordsIn } from "./launch.js";

const PINS = __PINS__;

/**
 * Puts the widget into `root`, a shadow root in the shop's own page, as soon as its code is there;
 * `fail(code, message)` hears when it does not come.
 */
export function mountInline(root, door, options, fail) {
  const { proxy, locale } = options;
  const own = root.adoptedStyleSheets;
  let chosen, mounted, handle, stopped, early;

  async function choose(rails) {
    const name = moduleFor(rails, PINS.modules) ?? chosen ?? "all";
    if (name === chosen) return;
    chosen = name;
    try {
      const module = codeOf(proxy, PINS.modules, name).then((code) => start(name, code));
      const texts = textsFor(proxy, PINS.languages, name, locale);
      const [widget, language, sheet] = await Promise.all([module, texts, once(proxy, "style", "css", PINS.css, sheetOf), token]);
      if (stopped || name !== chosen) return;
      handle?.unmount();
      const holder = document.createElement("div");
      root.adoptedStyleSheets = [...own, sheet];
      root.replaceChildren(holder);
      mounted = name;
      const inside = { clientToken, earlySession: () => early(), handOver, reader: () => reader(proxy) };
      handle = widget.mount(holder, { ...door, ...inside }, { ...options, texts: language });
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
  const token = first.catch(() => "").then((text) => {
    early = askEarly(proxy, text);
    choose(railsOf(text));
  });
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

async function sheetOf(answer) {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(await (await answer).text());
  return sheet;
}
