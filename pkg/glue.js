// What the pinned script exports beside the widget itself; bundled with wasm-bindgen's output.

import init, * as widget from "wasm-bindgen-output";
import { blame, fetchPinned } from "./launch.js";

const PINS = __PINS__;

/** Starts the WebAssembly in `answer`, the fetch of its pinned file. */
export async function start(answer) {
  await init({ module_or_path: answer });
  return widget;
}

/** Fetches and starts the widget in the shop's own page. */
export async function startInline(proxy) {
  const urlOf = ({ file }) => `${proxy}/assets/${file}`;
  const fetched = ({ file, integrity }) => fetchPinned(urlOf({ file }), integrity);
  try {
    const answer = fetched(PINS.wasm);
    const [css] = await Promise.all([fetched(PINS.css).then((styles) => styles.text()), answer]);
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(css);
    return { sheet, widget: await start(answer) };
  } catch (error) {
    const pins = [PINS.wasm, PINS.css];
    const codes = await Promise.all(pins.map((pin) => blame(urlOf(pin), pin.integrity)));
    error.code = codes.find((code) => code === "load-tampered");
    throw error;
  }
}
