//! Parts that the pages share.

use ventanilla_core::money::es_ar::format_money;
use ventanilla_core::money::{Currency, Money};

use crate::amount::Amount;
use crate::cvu::buyer::PayRefusal;
use crate::cvu::code::{PAYEE, PAYEE_CUIT};
use crate::page::text::Escaped;

pub(super) fn document(title: &str, content: &str, style: &str, script: &str) -> String {
    format!(
        "<!doctype html><html lang=es-AR><meta charset=utf-8>\
         <meta name=viewport content=\"width=device-width, initial-scale=1\">\
         <meta name=color-scheme content=\"light dark\">\
         <title>{}</title><style>{style}</style>\
         <p class=stage>Simulador de pagos. Acá no se mueve dinero.</p>\
         <main>{content}</main><script>{script}</script></html>",
        Escaped(title)
    )
}

/// `$ 1.500,50`.
pub(super) fn pesos(amount: Amount) -> String {
    match Money::from_minor(amount.hundredths(), Currency::ARS) {
        Ok(money) => format_money(money),
        Err(_) => amount.two_decimals(),
    }
}

/// Who is paid and how much: the same at the head of every page.
pub(super) fn head(title: &str, amount: Option<Amount>, description: &str) -> String {
    let amount = match amount {
        Some(amount) => format!("<p class=amount>{}</p>", pesos(amount)),
        None => String::from("<p class=amount>Elegís vos cuánto</p>"),
    };
    let description = match description {
        "" => String::new(),
        description => format!("<p class=about>{}</p>", Escaped(description)),
    };
    format!(
        "<h1>{title}</h1><section class=head aria-label=\"Qué se paga\">{amount}\
         <p class=payee>{PAYEE}</p><p class=soft>CUIT {}</p>{description}</section>",
        hyphenated(PAYEE_CUIT)
    )
}

/// `30-00000012-0`.
fn hyphenated(cuit: &str) -> String {
    match (cuit.get(..2), cuit.get(2..10), cuit.get(10..)) {
        (Some(kind), Some(body), Some(check)) => format!("{kind}-{body}-{check}"),
        _ => cuit.to_owned(),
    }
}

/// A sentence that something is wrong.
pub(super) fn alert(text: &str) -> String {
    format!(
        "<p class=\"said bad\" role=alert><span aria-hidden=true>!</span> {}</p>",
        Escaped(text)
    )
}

/// A sentence of how things stand.
pub(super) fn state(class: &str, mark: &str, text: &str) -> String {
    format!(
        "<p class=\"said {class}\" role=status><span aria-hidden=true>{mark}</span> {}</p>",
        Escaped(text)
    )
}

/// The end of the last four digits.
pub(super) fn last_four(cvu: &str) -> &str {
    cvu.get(cvu.len().saturating_sub(4)..).unwrap_or_default()
}

/// What is wrong and what to do, for the buyer.
pub(super) const fn spoken(refusal: PayRefusal) -> &'static str {
    match refusal {
        PayRefusal::OneOf | PayRefusal::Unknown => {
            "No encontramos lo que querés pagar. Pedí un código o un link nuevo."
        }
        PayRefusal::Broken => {
            "Ese texto no es un código QR de pago, o le falta una parte. Copialo entero y pegalo de nuevo."
        }
        PayRefusal::Foreign => {
            "Ese código es de otro comercio. Acá solo se pagan los que creó este simulador."
        }
        PayRefusal::NoOrder => {
            "Todavía no hay un importe cargado para este código. Esperá a que lo carguen y escanealo de nuevo."
        }
        PayRefusal::Removed => "Este punto de venta ya no está. Pedí otro código.",
        PayRefusal::Paid => "Ya está pagado. No hace falta que hagas nada más.",
        PayRefusal::Expired => "Venció y ya no se puede pagar. Pedí uno nuevo en la tienda.",
        PayRefusal::AmountNeeded => "Escribí cuánto querés pagar.",
        PayRefusal::Amount => {
            "Escribí un importe mayor que cero, con coma para los centavos: 1500,50."
        }
        PayRefusal::Payer => "Elegí quién paga.",
        PayRefusal::Times => "Elegí si se paga una o dos veces.",
        PayRefusal::Delay => "Elegí cuándo llega el pago.",
    }
}
