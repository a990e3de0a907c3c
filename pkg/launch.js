// What is fetched, in the frame and inline alike: pinned files, and of them the buyer's language and the module
// with the session's rails. Until the session is read, hints say which: a wrong one costs time and nothing else.

/** Fetches a file that must match its pin; once more past the cache, which may hold half a file. */
export const fetchPinned = (url, integrity) =>
  fetch(url, { integrity }).catch(() => fetch(url, { integrity, cache: "reload" }));

const loaded = {};

/**
 * What `use` makes of a file of the release: once, however many want it. `pin` is its SHA-256 in base64, of which the
 * first eight bytes are in its name. What fails says why by its `code`, and may be tried again.
 */
export function once(proxy, stem, extension, pin, use) {
  const hash = Array.from(atob(pin).slice(0, 8), (byte) => byte.charCodeAt().toString(16).padStart(2, 0)).join("");
  const url = `${proxy}/assets/${stem}.${hash}.${extension}`;
  const integrity = `sha256-${pin}`;
  loaded[url] ??= use(fetchPinned(url, integrity)).catch(async (error) => {
    delete loaded[url];
    error.code = await blame(url, integrity);
    error.message = `${url} did not start: ${error.message}`;
    throw error;
  });
  return loaded[url];
}

/** The code of a module, compiled as it arrives; it runs when the glue starts it. */
export const codeOf = (proxy, modules, name) =>
  once(proxy, `ventanilla-${name}`, "wasm", modules[name], (answer) => WebAssembly.compileStreaming(answer));

/** The texts of a module for whoever wants to read in `locale`. */
export function textsFor(proxy, languages, name, locale) {
  const tag = languageFor(locale, Object.keys(languages));
  return once(proxy, `${tag}-${name}`, "txt", languages[tag][name], async (answer) => (await answer).text());
}

/** Why a pinned file did not load: its bytes are not the pinned ones, or it did not arrive. */
export async function blame(url, integrity) {
  const arrives = (options) =>
    fetch(url, { cache: "reload", ...options }).then(
      (response) => response.ok,
      () => false,
    );
  return (await arrives()) && !(await arrives({ integrity })) ? "load-tampered" : "load-failed";
}

/** The names in a list of rails, however it is written. */
export const wordsIn = (list) => list?.match(/[a-z_]+/g) ?? [];

/** The rails that a client token, `v2.key.rails.…`, says its session has. */
export const railsOf = (clientToken) => wordsIn(clientToken.split(".")[2]);

/** The name of the module with these rails; nothing when none of them is known. */
export function moduleFor(rails, modules) {
  const known = rails.filter((rail) => Object.hasOwn(modules, rail));
  return known.length > 1 ? "all" : known[0];
}

/** Of some languages, the one for what the shop wants or else the browser's owner reads, as src/locale chooses. */
export function languageFor(wanted, languages) {
  const kind = (tag) => tag.split(/[-_]/)[0];
  for (const tag of [wanted, ...navigator.languages].map((tag) => tag.toLowerCase())) {
    const find = (form) => languages.find((one) => form(one.toLowerCase()) === form(tag));
    const found = find((one) => one) ?? find(kind);
    if (found) return found;
  }
  return "en-CA";
}
