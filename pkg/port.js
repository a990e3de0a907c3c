// The messages between the shop's page and the frame: one table each way, held to the letter on the
// side that receives. What is not in a table does not pass, so nothing but a height, a state, a brand
// and four digits can leave the frame, whatever goes wrong inside it.

/** What the frame says to whatever page is around it, before there is a port: that it can hear. */
export const HERE = "ventanilla-here";

/** Longest message, in bytes of its JSON text. */
export const MAX_BYTES = 16 * 1024;

const flag = "boolean";
const object = "object";
/** An object, or nothing. */
const maybe = "object?";
const number = (value) => Number.isInteger(value) && value >= 0 && value <= 100_000;
const id = /^[a-z]{3}_\w{1,60}$/;
const word = /^[a-z][\w-]{0,39}$/;
const secret = /^[\w.~+/=-]{0,4096}$/;
// No twelve digits in a row, even spaced out: an explanation has no use for them, a card number does.
const sentence = /^(?![^]*(?:\d[ -]?){12})[^]{0,500}$/;

/** What each event tells; a name that ends in "?" may be left out. */
export const EVENTS = {
  "ventanilla-ready": { rails: [word] },
  "ventanilla-change": { rail: word, complete: flag, "brand?": word, "last4?": /^\d{4}$/ },
  "ventanilla-submit": { rail: word },
  "ventanilla-action": { rail: word, action: word },
  "ventanilla-complete": { sessionId: id, attemptId: id, rail: word, outcome: word },
  "ventanilla-error": { fault: word, code: word, message: sentence },
};

/** Page to frame. */
export const TO_FRAME = {
  open: {
    clientToken: secret,
    locale: /^[\w-]{0,35}$/,
    rails: /^[\w ,-]{0,100}$/,
    appearance: maybe,
  },
  token: { clientToken: secret },
  verdict: { id: number, proceed: flag },
  appearance: { appearance: maybe },
  close: {},
};

/** Frame to page. */
export const TO_PAGE = {
  hello: {},
  height: { height: number },
  event: { name: (name) => name !== SUBMIT && Object.hasOwn(EVENTS, name), detail: object },
  "token-wanted": {},
  ask: { id: number, detail: (detail) => fits(EVENTS[SUBMIT], detail) },
};

/** The one event that a page may prevent; it crosses as a question, not as an event. */
export const SUBMIT = "ventanilla-submit";

/** `data` if it is one of `messages`, else `undefined`. */
export function read(messages, data) {
  if (!isPlain(data) || !Object.hasOwn(messages, data.kind)) return;
  if (new TextEncoder().encode(JSON.stringify(data)).length > MAX_BYTES) return;
  if (!fits({ kind: word, ...messages[data.kind] }, data)) return;
  return data.kind !== "event" || fits(EVENTS[data.name], data.detail) ? data : undefined;
}

function fits(shape, value) {
  if (!isPlain(value)) return false;
  let left = Object.values(value).filter(isThere).length;
  for (const key in shape) {
    const name = key.replace("?", "");
    const there = Object.hasOwn(value, name) && isThere(value[name]);
    if (there ? !passes(shape[key], value[name]) : name === key && shape[key] !== maybe) return false;
    left -= there;
  }
  return left === 0;
}

function passes(rule, value) {
  if (rule === flag) return typeof value === flag;
  if (rule === object || rule === maybe) return isPlain(value);
  if (Array.isArray(rule)) return Array.isArray(value) && value.every((one) => passes(rule[0], one));
  return rule.test ? typeof value === "string" && rule.test(value) : rule(value);
}

// What is missing in Rust arrives as undefined or null.
const isThere = (value) => value !== undefined && value !== null;

const isPlain = (value) =>
  !!value && typeof value === object && Object.getPrototypeOf(value) === Object.prototype;
