import type { ForwardRefExoticComponent, RefAttributes } from "react";
import type { Appearance, CheckoutAttributes, CheckoutEventMap, ClientToken, VentanillaCheckout } from "./index.js";

/** The element's attributes and properties as props, and one callback per event. */
export interface CheckoutProps extends Omit<CheckoutAttributes, "inline-cards"> {
  /** See {@link VentanillaCheckout.clientToken}. */
  clientToken?: ClientToken;
  /** See {@link VentanillaCheckout.appearance}. Keep the same object between renders. */
  appearance?: Appearance;
  /** The attribute `inline-cards`. */
  inlineCards?: boolean;
  className?: string;
  id?: string;
  onReady?: (event: CheckoutEventMap["ventanilla-ready"]) => void;
  onChange?: (event: CheckoutEventMap["ventanilla-change"]) => void;
  /** `event.preventDefault()` keeps anything from being sent. */
  onSubmit?: (event: CheckoutEventMap["ventanilla-submit"]) => void;
  onAction?: (event: CheckoutEventMap["ventanilla-action"]) => void;
  onComplete?: (event: CheckoutEventMap["ventanilla-complete"]) => void;
  onError?: (event: CheckoutEventMap["ventanilla-error"]) => void;
}

/** `<ventanilla-checkout>` as a React component. Registers the element when it first mounts. */
export declare const Checkout: ForwardRefExoticComponent<CheckoutProps & RefAttributes<VentanillaCheckout>>;
