//! The wallet: which code to show, and the code.

use std::fmt::Write as _;
use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Path, RawQuery, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};

use crate::clock::Moment;
use crate::flux::Flux;
use crate::flux::code::Code;
use crate::flux::ledger::{FluxCodeKind, FluxPaymentEntry};
use crate::page::text::Escaped;

use super::markup::{clock_time, pesos, spoken, state};
use super::{page, qr};

const TITLE: &str = "Billetera de prueba";

pub(super) async fn choose() -> Response {
    page(StatusCode::OK, TITLE, &chooser(FluxCodeKind::Good, ""))
}

/// Makes a code that nobody has seen before, and leads to it.
pub(super) async fn make(State(flux): State<Arc<Flux>>, body: Bytes) -> Response {
    let wanted = std::str::from_utf8(&body).ok();
    let kind = wanted
        .and_then(|form| form.strip_prefix("kind="))
        .and_then(FluxCodeKind::from_name);
    let Some(kind) = kind else {
        let said = state("bad", "!", "Elige qué código mostrar.");
        let content = chooser(FluxCodeKind::Good, &said);
        return page(StatusCode::UNPROCESSABLE_ENTITY, TITLE, &content);
    };
    let number = flux.fresh_code(kind).number;
    Redirect::to(&format!("/wallet/codes/{number}")).into_response()
}

/// Shows a code; with `?dark` light on dark.
pub(super) async fn show(
    State(flux): State<Arc<Flux>>,
    Path(number): Path<String>,
    RawQuery(query): RawQuery,
) -> Response {
    let now = flux.world.clock.now();
    let found = number.parse().ok().and_then(|number: u64| {
        let state = flux.state();
        let code = state.flux.code(number)?.clone();
        let line = code.used_by;
        let paid = line.and_then(|line| state.ledger.flux.payments.get(line).cloned());
        Some((number, code, paid))
    });
    let Some((number, code, paid)) = found else {
        let said = state("bad", "!", "No encontramos ese código. Muestra uno nuevo.");
        let content = chooser(FluxCodeKind::Good, &said);
        return page(StatusCode::NOT_FOUND, TITLE, &content);
    };
    let inverted = query.as_deref() == Some("dark");
    let content = shown(number, &code, paid.as_ref(), inverted, now);
    page(StatusCode::OK, TITLE, &content)
}

/// The form with the kinds, after what is to be said.
fn chooser(chosen: FluxCodeKind, said: &str) -> String {
    let mut html = format!(
        "<h1>{TITLE}</h1><p>Muestra un código en la tienda, para que lo escaneen y te cobren.</p>{said}\
         <form method=post action=/wallet><fieldset><legend>Qué código</legend>"
    );
    for kind in FluxCodeKind::ALL {
        let checked = if kind == chosen { " checked" } else { "" };
        // Writing to a String cannot fail.
        let _ = write!(
            html,
            "<label class=choice><input type=radio name=kind value={}{checked}>{}</label>",
            kind.name(),
            spoken(kind)
        );
    }
    html.push_str("</fieldset><button>Mostrar código</button></form>");
    html
}

fn shown(
    number: u64,
    code: &Code,
    paid: Option<&FluxPaymentEntry>,
    inverted: bool,
    now: Moment,
) -> String {
    let mut html = format!("<h1>{TITLE}</h1>");
    let said = match paid {
        Some(paid) => state("good", "✓", &format!("Pagaste {}.", pesos(&paid.total))),
        None if code.expires <= now => state("bad", "!", "Este código ya venció."),
        None => state(
            "wait",
            "…",
            &format!("Sirve una vez, hasta las {}.", clock_time(code.expires)),
        ),
    };
    html.push_str(&said);
    let picture = qr::picture(&code.text, inverted);
    let (query, words) = if inverted {
        ("", "Verlo en negro sobre blanco")
    } else {
        ("?dark", "Verlo en blanco sobre negro")
    };
    // Writing to a String cannot fail.
    let _ = write!(
        html,
        "{}<p class=soft>Código {number}: {}.</p>\
         <form method=post action=/wallet><input type=hidden name=kind value={}>\
         <label for=text>Texto del código</label>\
         <textarea id=text rows=3 readonly spellcheck=false autocomplete=off>{}</textarea>\
         <button class=quiet type=button id=copy hidden>Copiar texto</button>\
         <p class=hint id=copied role=status></p>\
         <button>Mostrar otro igual</button></form>\
         <p class=last><a href=\"/wallet/codes/{number}{query}\">{words}</a></p>\
         <p class=last><a href=/wallet>Elegir otro código</a></p>",
        picture.unwrap_or_default(),
        spoken(code.kind),
        code.kind.name(),
        Escaped(&code.text)
    );
    html
}
