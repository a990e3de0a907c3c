// Registers <ventanilla-checkout>. Importing it twice, or two releases of it, keeps the first.
import { define } from "./pure.js";

export { define, VentanillaCheckout } from "./pure.js";

define();
