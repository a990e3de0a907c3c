// Runs in a worker of its own and reads one picture after another: with the browser's own detector where it
// has one that works, else with our decoder, fetched when it is needed. What goes wrong here stops this
// worker, and whoever started it starts another.

import { initSync, read } from "bindgen-reader";
import { fetchPinned } from "./launch.js";

const DETECTOR_WITHIN_MS = 2_000;
const THROWS_ALLOWED = 3;

const ROWS = [
  2087295, 1070657, 1529437, 1527645, 1528669, 1068865, 2086271, 6912, 1305041, 1743928, 510050, 352407, 292089,
  1340672, 538495, 170561, 2083677, 1742941, 510557, 877121, 1865087,
];
// A code that says 7, row by row, a bit per module: the first picture a detector is shown.
const SPECIMEN = { text: "7", rows: ROWS, module: 4, quiet: 4 };

let detector;
let throws = 0;
let wasm;
let decoder;

onmessage = async ({ data }) => {
  if (data.pixels) {
    const picture = new ImageData(new Uint8ClampedArray(data.pixels), data.width, data.height);
    postMessage({ text: await find(picture) });
    return;
  }
  wasm = data.wasm;
  if (data.trust) detector = await openDetector();
  if (!detector) await openDecoder();
  postMessage({ native: !!detector });
};

// What a promise is rejected with does not stop a worker by itself.
onunhandledrejection = ({ reason }) => {
  throw reason;
};

async function find(picture) {
  if (!detector) return decode(picture);
  try {
    return await detect(picture);
  } catch {
    throws += 1;
    if (throws >= THROWS_ALLOWED) {
      detector = undefined;
      await openDecoder();
    }
    return null;
  }
}

/** The browser's detector, if it can read a code that we know; several exist that find nothing. */
async function openDetector() {
  try {
    const formats = await within(DETECTOR_WITHIN_MS, BarcodeDetector.getSupportedFormats());
    if (!formats.includes("qr_code")) return;
    const detector = new BarcodeDetector({ formats: ["qr_code"] });
    if ((await first(detector, specimen())) === SPECIMEN.text) return detector;
  } catch {
    // As good as none.
  }
}

/** Most detectors know dark on light only. */
async function detect(picture) {
  const found = await first(detector, picture);
  if (found) return found;
  const { data } = picture;
  for (let at = 0; at < data.length; at += 1) if (at % 4 < 3) data[at] = 255 - data[at];
  return first(detector, picture);
}

async function first(detector, picture) {
  const found = await within(DETECTOR_WITHIN_MS, detector.detect(picture));
  // A find without a text is none.
  return found.find(({ rawValue }) => rawValue)?.rawValue ?? null;
}

function specimen() {
  const { rows, module, quiet } = SPECIMEN;
  const side = (rows.length + 2 * quiet) * module;
  const picture = new ImageData(side, side);
  const place = (at) => Math.floor(at / module) - quiet;
  for (let y = 0; y < side; y += 1) {
    for (let x = 0; x < side; x += 1) {
      const dark = place(x) >= 0 && (rows[place(y)] >> place(x)) & 1;
      picture.data.set(dark ? [0, 0, 0, 255] : [255, 255, 255, 255], (y * side + x) * 4);
    }
  }
  return picture;
}

async function openDecoder() {
  decoder ??= WebAssembly.compileStreaming(fetchPinned(wasm.url, wasm.integrity));
  initSync({ module: await decoder });
}

const decode = ({ data, width, height }) => read(new Uint8Array(data.buffer), width, height) ?? null;

function within(ms, promise) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error("no answer in time")), ms);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}
