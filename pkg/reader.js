// Starts the worker that reads codes from pixels. Nothing of it is fetched before a buyer needs it; what is
// read goes to the caller and nowhere else.

import { fetchPinned } from "./launch.js";

const FAILURES_ALLOWED = 3;
const ANSWER_WITHIN_MS = 8_000;
// Allowed by name in the policy of the frame that scans, and nowhere else.
const POLICY = "ventanilla-reader";

let script, policy;

/**
 * Opens a reader. One picture at a time.
 *
 * @param {{worker: Pin, wasm: Pin}} pins
 * @param {string} proxy the origin with the files
 * @param {boolean} trusted whether the browser's own detector may be used, if it works
 * @returns {Promise<{read: (picture: ImageData) => Promise<string | null>, close: () => void}>} `read` takes
 *   the picture's pixels away from the caller, and fails when no way of reading is left
 */
export async function openReader(pins, proxy, trusted = true) {
  const urlOf = ({ file }) => `${proxy}/assets/${file}`;
  const open = async (trust) => {
    const worker = new Worker(await addressOf(urlOf(pins.worker), pins.worker.integrity));
    await ask(worker, { trust, wasm: { url: urlOf(pins.wasm), integrity: pins.wasm.integrity } });
    return worker;
  };
  let worker = await open(trusted);
  let failures = 0;
  let closed = false;
  return {
    async read({ data, width, height }) {
      try {
        const { text } = await ask(worker, { pixels: data.buffer, width, height }, [data.buffer]);
        failures = 0;
        return text;
      } catch (error) {
        failures += 1;
        if (closed || failures >= FAILURES_ALLOWED) throw error;
        // Whatever it was, not once more with a detector that is not ours.
        worker = await open(false);
        if (closed) worker.terminate();
        return null;
      }
    },
    close() {
      closed = true;
      worker.terminate();
    },
  };
}

/**
 * A worker has no attribute for a pin, but a fetch has: what runs is the text that was checked. The policy
 * gives this one address to whoever asks, and takes none from anybody.
 */
async function addressOf(url, integrity) {
  script ??= await fetchPinned(url, integrity)
    .then((answer) => answer.text())
    .then((text) => URL.createObjectURL(new Blob([text], { type: "text/javascript" })));
  policy ??= globalThis.trustedTypes?.createPolicy(POLICY, { createScriptURL: () => script });
  return policy?.createScriptURL("") ?? script;
}

function ask(worker, question, transferred = []) {
  let timer;
  return new Promise((resolve, reject) => {
    worker.onmessage = ({ data }) => resolve(data);
    worker.onerror = (event) => {
      event.preventDefault();
      reject(new Error("the decoder stopped"));
    };
    timer = setTimeout(reject, ANSWER_WITHIN_MS, new Error("the decoder did not answer in time"));
    worker.postMessage(question, transferred);
  })
    .catch((error) => {
      worker.terminate();
      throw error;
    })
    .finally(() => clearTimeout(timer));
}
