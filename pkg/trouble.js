// What the buyer reads when the widget itself cannot speak: before its code runs, or after it broke.

const TEXTS = {
  es: {
    title: "Formulario de pago",
    again: "Intentar de nuevo",
    failed: "No se pudo abrir el formulario de pago. Intente de nuevo o avise a la tienda.",
    "load-tampered":
      "El formulario de pago no es el original y no se abrió. No escriba su tarjeta en esta página y avise a la tienda.",
  },
  en: {
    title: "Payment form",
    again: "Try again",
    failed: "The payment form could not be opened. Try again or tell the shop.",
    "load-tampered":
      "The payment form is not the original and was not opened. Do not type your card on this page, and tell the shop.",
  },
  fr: {
    title: "Formulaire de paiement",
    again: "Réessayer",
    failed: "Le formulaire de paiement n’a pas pu s’ouvrir. Réessayez ou avisez la boutique.",
    "load-tampered":
      "Le formulaire de paiement n’est pas l’original et ne s’est pas ouvert. N’entrez pas votre carte sur cette page et avisez la boutique.",
  },
};

/** Spanish, English or French: the first that the page or else the browser asks for. */
export const languageOf = (locale) =>
  [locale, ...navigator.languages]
    .map((tag) => tag.slice(0, 2).toLowerCase())
    .find((language) => TEXTS[language]) ?? "en";

/** The frame's accessible name. */
export const titleFor = (locale) => TEXTS[languageOf(locale)].title;

/** An error that a screen reader announces, with a button that runs `again`. */
export function trouble(locale, code, again, own) {
  const lang = languageOf(locale);
  const texts = TEXTS[lang];
  const make = (tag, properties) => Object.assign(document.createElement(tag), properties);
  const box = make("div", { className: "trouble", role: "alert", lang });
  box.append(
    make("p", { textContent: own?.[lang] ?? texts[code] ?? texts.failed }),
    make("button", { type: "button", textContent: texts.again, onclick: again }),
  );
  return box;
}
