/**
 * The contract between a shop's page and `<ventanilla-checkout>`. Names here are frozen once released.
 *
 * Three lines embed it; the token comes from your server, which opened a payment session with the proxy:
 *
 * ```html
 * <ventanilla-checkout proxy="https://pay.shop.example"></ventanilla-checkout>
 * <script type="module">
 *   const checkout = document.querySelector("ventanilla-checkout");
 *   checkout.clientToken = async () => (await fetch("/api/checkout", { method: "POST" })).text();
 *   checkout.addEventListener("ventanilla-complete", (event) => confirmOnYourServer(event.detail));
 * </script>
 * ```
 */

/** A way to pay, as events and the `rails` attribute name it. */
export type Rail = "card" | "cvu" | "flux" | "flexiti";

/** Whose turn it is when something went wrong. */
export type Fault = "integration" | "buyer" | "network" | "provider" | "internal";

/**
 * What has to happen before an attempt can end, or what may follow its end. `identify`: a page of the provider's
 * is showing, on which the buyer proves who they are; `choose`: they pick how to pay the purchase off.
 */
export type NextAction = "wait" | "pay" | "identify" | "choose" | "try_again" | "ask_shop";

/** How a session ended. `authorized`: a lender holds the amount for you, and you have not captured it. */
export type Outcome = "captured" | "authorized" | "declined";

/** A card brand, once its leading digits leave no doubt. */
export type Brand = "visa" | "mastercard" | "amex" | "discover" | "diners" | "jcb" | "union_pay" | "maestro" | (string & {});

/** `ventanilla-ready`: the form can be used. */
export interface ReadyDetail {
  /** The rails shown, in their order. */
  rails: Rail[];
}

/** `ventanilla-change`: what the buyer has chosen or filled in has changed. */
export interface ChangeDetail {
  rail: Rail;
  /** Whether nothing is missing to pay. */
  complete: boolean;
  /** The brand, once it is certain. */
  brand?: Brand;
  /** Four digits, once the number is whole. */
  last4?: string;
}

/** `ventanilla-submit`: the buyer pressed the button. Prevent it and nothing is sent. */
export interface SubmitDetail {
  rail: Rail;
}

/** `ventanilla-action`: the buyer has something to pay, to wait for or to do. */
export interface ActionDetail {
  rail: Rail;
  action: NextAction;
}

/** `ventanilla-complete`: the outcome is final. */
export interface CompleteDetail {
  /** The payment session, to be looked up by your server. */
  sessionId: string;
  /** The attempt that ended it. */
  attemptId: string;
  rail: Rail;
  outcome: Outcome;
}

/** `ventanilla-error`: something is wrong that a decline is not. */
export interface ErrorDetail {
  fault: Fault;
  /** Stable; every code is listed in the project's README. Texts may change, codes do not. */
  code: string;
  /** One sentence in English for a developer, at most 500 characters. Never card data, never a token. */
  message: string;
}

/**
 * The events, all of them bubbling and composed. None ever carries card data or a token.
 */
export interface CheckoutEventMap {
  /** Once the form can be used. */
  "ventanilla-ready": CustomEvent<ReadyDetail>;
  /** Each time what the buyer has chosen or filled in changes. */
  "ventanilla-change": CustomEvent<ChangeDetail>;
  /** Before anything is sent. The only event that `preventDefault()` stops. */
  "ventanilla-submit": CustomEvent<SubmitDetail>;
  /** When there is something to wait for, or to do, after an attempt. */
  "ventanilla-action": CustomEvent<ActionDetail>;
  /**
   * Once per session, after the outcome is final. Show it, do not ship on it: confirm on your server
   * with `GET /v1/sessions/{id}`.
   */
  "ventanilla-complete": CustomEvent<CompleteDetail>;
  /** When something went wrong. A declined card is an outcome, not an error. */
  "ventanilla-error": CustomEvent<ErrorDetail>;
}

/**
 * How the checkout looks: CSS values by custom property, and the colour scheme. What is left out keeps its
 * default, and what could load something (`url(…)`) is ignored. Also settable as CSS custom properties of
 * the element, in inline mode.
 */
export interface Appearance {
  /** Light or dark, whatever the page around the element is (the default, `auto`, follows it). */
  scheme?: "auto" | "light" | "dark";
  /** Buttons and the chosen row. */
  "--ventanilla-accent"?: string;
  /** Text on the accent; without it, black or white, whichever reads better. */
  "--ventanilla-accent-text"?: string;
  /** Errors. */
  "--ventanilla-error"?: string;
  /** Font families that the buyer's system has. */
  "--ventanilla-font"?: string;
  /** Text. */
  "--ventanilla-ink"?: string;
  /** Borders. */
  "--ventanilla-line"?: string;
  /** Background of fields and rows. */
  "--ventanilla-paper"?: string;
  /** Corner radius. */
  "--ventanilla-radius"?: string;
  /** Widest the checkout gets. */
  "--ventanilla-width"?: string;
}

/**
 * Attributes, all of them short public text:
 *
 * | attribute | value | default |
 * |---|---|---|
 * | `proxy` | origin of the proxy, such as `https://pay.shop.example` | none; required |
 * | `locale` | `es-CR`, `es-AR`, `es-MX`, `en-CA`, `fr-CA` or any other language tag | nearest `lang`, then the browser's |
 * | `mode` | `frame` or `inline` | `frame` |
 * | `rails` | names of rails, apart by spaces, in the order to show; with just one its code is fetched at once | the session's |
 * | `inline-cards` | present: cards may be typed in inline mode, where every script of the page can read them | absent |
 *
 * Changing one starts the checkout over.
 */
export interface CheckoutAttributes {
  proxy: string;
  locale?: string;
  mode?: "frame" | "inline";
  rails?: string;
  "inline-cards"?: boolean | "";
}

/** The client token, or how to get one. Asked again when the one in use has expired. */
export type ClientToken = string | (() => string | Promise<string>);

/**
 * The class behind `<ventanilla-checkout>`.
 *
 * Taking it out of the page ends the checkout; a payment that is under way goes on, and is found again by
 * its session. Moving it within the page loads the frame anew, as browsers do with every frame.
 */
export declare class VentanillaCheckout extends HTMLElement {
  /** The attributes whose change starts the checkout over. */
  static readonly observedAttributes: readonly (keyof CheckoutAttributes)[];

  /**
   * A client token of a payment session, or a function that fetches one; a property, never an attribute.
   * May be set before or after the element is in the document: until it is there, a skeleton shows.
   *
   * Another string is another session and starts over. Another function only replaces the way to ask.
   */
  clientToken: ClientToken | null | undefined;

  /** How the checkout looks; may be changed at any time. */
  appearance: Appearance | null;

  addEventListener<K extends keyof CheckoutEventMap>(
    type: K,
    listener: (this: VentanillaCheckout, event: CheckoutEventMap[K]) => unknown,
    options?: boolean | AddEventListenerOptions,
  ): void;
  addEventListener<K extends keyof HTMLElementEventMap>(
    type: K,
    listener: (this: VentanillaCheckout, event: HTMLElementEventMap[K]) => unknown,
    options?: boolean | AddEventListenerOptions,
  ): void;
  addEventListener(
    type: string,
    listener: EventListenerOrEventListenerObject,
    options?: boolean | AddEventListenerOptions,
  ): void;
  removeEventListener<K extends keyof CheckoutEventMap>(
    type: K,
    listener: (this: VentanillaCheckout, event: CheckoutEventMap[K]) => unknown,
    options?: boolean | EventListenerOptions,
  ): void;
  removeEventListener(
    type: string,
    listener: EventListenerOrEventListenerObject,
    options?: boolean | EventListenerOptions,
  ): void;
}

/**
 * Registers the element, and returns its class. Does nothing if the page already has an element of that
 * name, and outside a browser. `ventanilla` (index.js) calls it on import; `ventanilla/pure` leaves it to
 * you.
 *
 * @param options.tagName The element's name, with a hyphen. Default `ventanilla-checkout`.
 */
export declare function define(options?: { tagName?: string }): typeof VentanillaCheckout;

declare global {
  interface HTMLElementTagNameMap {
    "ventanilla-checkout": VentanillaCheckout;
  }
}
