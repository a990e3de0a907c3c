// The pinned script of the frame: it starts modules of the widget. What wasm-bindgen makes serves all of them, in a
// scope of its own for each.

import { bindings } from "modules";
import { openReader } from "./reader.js";

const PINS = __READER__;
const started = {};

/** Starts a module with its code, which was held against its pin: once, however many checkouts there are. */
export function start(name, code) {
  if (!started[name]) {
    const widget = bindings();
    widget.initSync({ module: code });
    started[name] = widget;
  }
  return started[name];
}

/** Opens what reads codes from pixels; `proxy` is the origin with its files. */
export const reader = (proxy) => openReader(PINS, proxy);
