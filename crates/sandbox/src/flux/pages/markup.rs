//! Parts that the pages share.

use time::macros::{format_description, offset};

use crate::clock::Moment;
use crate::flux::ledger::FluxCodeKind;
use crate::page::text::Escaped;

pub(super) fn document(title: &str, content: &str, style: &str, script: &str) -> String {
    format!(
        "<!doctype html><html lang=es-MX><meta charset=utf-8>\
         <meta name=viewport content=\"width=device-width, initial-scale=1\">\
         <meta name=color-scheme content=\"light dark\">\
         <title>{}</title><style>{style}</style>\
         <p class=stage>Simulador de pagos. Aquí no se mueve dinero.</p>\
         <main>{content}</main><script>{script}</script></html>",
        Escaped(title)
    )
}

/// A sentence of how things stand.
pub(super) fn state(class: &str, mark: &str, text: &str) -> String {
    format!(
        "<p class=\"said {class}\" role=status><span aria-hidden=true>{mark}</span> {}</p>",
        Escaped(text)
    )
}

/// `15:04:05` in Mexico City, which keeps UTC-6 the whole year.
pub(super) fn clock_time(moment: Moment) -> String {
    moment
        .at_offset(offset!(-6))
        .format(format_description!("[hour]:[minute]:[second]"))
        .unwrap_or_default()
}

/// `$1,234.50` of `1234.50`.
pub(super) fn pesos(two_decimals: &str) -> String {
    let (whole, fraction) = two_decimals.split_once('.').unwrap_or((two_decimals, "00"));
    let groups: Vec<&str> = whole
        .as_bytes()
        .rchunks(3)
        .rev()
        .map(|group| std::str::from_utf8(group).unwrap_or_default())
        .collect();
    format!("${}.{fraction}", groups.join(","))
}

/// What a code does, for the buyer.
pub(super) const fn spoken(kind: FluxCodeKind) -> &'static str {
    match kind {
        FluxCodeKind::Good => "Paga",
        FluxCodeKind::Slow => "Paga, pero tarda",
        FluxCodeKind::Expired => "Está vencido",
        FluxCodeKind::Used => "Ya se usó en otra tienda",
        FluxCodeKind::Unknown => "Es de otra red y no lo conocen",
        FluxCodeKind::Malformed => "Está dañado",
        FluxCodeKind::Disabled => "Está desactivado",
        FluxCodeKind::Funds => "No tiene saldo",
        FluxCodeKind::OverLimit => "Pasa de su límite",
        FluxCodeKind::BelowMinimum => "No llega a su mínimo",
        FluxCodeKind::Refused => "El banco lo rechaza",
        FluxCodeKind::Account => "La cuenta tiene un problema",
        FluxCodeKind::Commerce => "No sirve en esta tienda",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pesos_are_written_as_in_mexico() {
        assert_eq!(pesos("250.00"), "$250.00");
        assert_eq!(pesos("1234.50"), "$1,234.50");
        assert_eq!(pesos("1234567.05"), "$1,234,567.05");
    }
}
