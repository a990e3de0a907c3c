//! What a buyer keeps of a payment.

use std::fmt::Write as _;
use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;

use crate::amount::Amount;
use crate::clock::Moment;
use crate::cvu::code::PAYEE;
use crate::cvu::ledger::CreditEntry;
use crate::cvu::{Cvu, time};
use crate::page::text::Escaped;

use super::markup::{alert, last_four, pesos, spoken, state};
use super::page;

pub(super) async fn show(State(cvu): State<Arc<Cvu>>, Path(ids): Path<String>) -> Response {
    let ids: Vec<u64> = ids.split(',').filter_map(|id| id.parse().ok()).collect();
    let credits: Vec<CreditEntry> = {
        let state = cvu.state();
        let credits = state.ledger.cvu.credits.iter();
        credits.filter(|it| ids.contains(&it.id)).cloned().collect()
    };
    if credits.is_empty() {
        let unknown = alert(spoken(crate::cvu::buyer::PayRefusal::Unknown));
        let content = format!("<h1>Comprobante</h1>{unknown}");
        return page(StatusCode::NOT_FOUND, "Comprobante", &content);
    }
    let now = cvu.world.clock.now();
    let title = match credits.len() {
        1 => "Pagaste",
        _ => "Pagaste dos veces",
    };
    let mut html = format!("<h1>{title}</h1>");
    for credit in &credits {
        // Writing to a String cannot fail.
        let _ = write_credit(&mut html, credit, now);
    }
    page(StatusCode::OK, title, &html)
}

fn write_credit(html: &mut String, credit: &CreditEntry, now: Moment) -> std::fmt::Result {
    let amount = Amount::of_two_decimals(&credit.amount);
    let amount = amount.map_or_else(|| credit.amount.clone(), pesos);
    let moment = |text: &str| Moment::read(text).map_or_else(String::new, time::spoken);
    let arrived = Moment::read(&credit.credited_at).is_none_or(|moment| moment <= now);
    let said = if arrived {
        state("good", "✓", "El comercio ya recibió el pago.")
    } else {
        let when = moment(&credit.credited_at);
        state("wait", "…", &format!("Al comercio le llega el {when}."))
    };
    write!(
        html,
        "<section class=head aria-label=\"Pago {}\"><p class=amount>{amount}</p>\
         <p class=payee>{PAYEE}</p>{said}<dl><dt>Pagó<dd>{}<dt>Desde<dd>CVU terminado en {}\
         <dt>Fecha<dd>{}<dt>Número<dd>{}</dl></section>",
        credit.id,
        Escaped(&credit.payer.holder),
        last_four(&credit.payer.cvu),
        moment(&credit.paid_at),
        credit.id
    )
}
