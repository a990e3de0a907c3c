//! The wallet: it takes the text of a code, as its camera would, and pays what it leads to.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use crate::cvu::Cvu;
use crate::cvu::buyer::{PayRefusal, Payable};
use crate::page::text::Escaped;

use super::form::{self, Sent};
use super::markup::{alert, spoken};
use super::page;

const TITLE: &str = "Billetera de prueba";

pub(super) async fn show() -> Response {
    scanner(StatusCode::OK, "", None)
}

/// Shows what a code leads to.
pub(super) async fn scan(State(cvu): State<Arc<Cvu>>, body: Bytes) -> Response {
    let sent = Sent::of(&body);
    match payable(&cvu, &sent) {
        Ok(payable) => paying(StatusCode::OK, &cvu, &payable, &sent, None),
        Err(refusal) => scanner(
            StatusCode::UNPROCESSABLE_ENTITY,
            sent.field("code"),
            Some(refusal),
        ),
    }
}

/// Pays it, or does not.
pub(super) async fn pay(State(cvu): State<Arc<Cvu>>, body: Bytes) -> Response {
    let sent = Sent::of(&body);
    let payable = match payable(&cvu, &sent) {
        Ok(payable) => payable,
        Err(refusal) => {
            let status = StatusCode::UNPROCESSABLE_ENTITY;
            return scanner(status, sent.field("code"), Some(refusal));
        }
    };
    if sent.field("deed") == "never" {
        return page(StatusCode::OK, TITLE, &form::walked_off(&payable));
    }
    match form::obey(&cvu, &payable, &sent).await {
        Ok(response) => response,
        Err(refusal) => paying(
            StatusCode::UNPROCESSABLE_ENTITY,
            &cvu,
            &payable,
            &sent,
            Some(refusal),
        ),
    }
}

fn payable(cvu: &Cvu, sent: &Sent) -> Result<Payable, PayRefusal> {
    let now = cvu.world.clock.now();
    let state = cvu.state();
    let target = state.scanned(sent.field("code"), now)?;
    Ok(state.payable(target, now))
}

fn paying(
    status: StatusCode,
    cvu: &Cvu,
    payable: &Payable,
    sent: &Sent,
    refusal: Option<PayRefusal>,
) -> Response {
    let code = sent.field("code");
    let content = form::page(cvu, TITLE, payable, "/wallet/pay", code, sent, refusal);
    let again = "<p class=last><a href=/wallet>Escanear otro código</a></p>";
    page(status, TITLE, &format!("{content}{again}"))
}

fn scanner(status: StatusCode, code: &str, refusal: Option<PayRefusal>) -> Response {
    let said = refusal.map_or_else(String::new, |refusal| alert(spoken(refusal)));
    let invalid = if refusal.is_some() {
        " aria-invalid=true autofocus"
    } else {
        ""
    };
    let content = format!(
        "<h1>{TITLE}</h1><p>Pegá el texto de un código QR, como si lo hubieras escaneado.</p>{said}\
         <form method=post action=/wallet>\
         <label for=code>Texto del código</label>\
         <textarea id=code name=code rows=6 required spellcheck=false autocomplete=off \
         autocapitalize=off aria-describedby=code-hint{invalid}>{}</textarea>\
         <p class=hint id=code-hint>Empieza con 000201. En la tienda lo copiás con “Copiar código”.</p>\
         <div id=picture hidden><label for=file>O elegí una imagen del código</label>\
         <input id=file type=file accept=\"image/*\"><p class=hint id=found role=status></p></div>\
         <button>Continuar</button></form>",
        Escaped(code)
    );
    page(status, TITLE, &content)
}
