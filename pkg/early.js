// The session is asked for while the code that shows it is on its way.

import { send } from "../src/send.js";

/**
 * Asks for the session at once; gives a function that hands it to a widget, once: whoever wants to know how things
 * stand after that asks anew.
 */
export function askEarly(proxy, clientToken) {
  let asked = clientToken ? send(`${proxy}/v1/checkout`, clientToken) : undefined;
  asked?.catch(() => {});
  return () => {
    const given = asked;
    asked = undefined;
    return given;
  };
}
