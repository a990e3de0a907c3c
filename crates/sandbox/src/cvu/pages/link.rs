//! The page behind a payment link or a transfer link.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{StatusCode, Uri};
use axum::response::Response;

use crate::cvu::Cvu;
use crate::cvu::buyer::{PayRefusal, Payable};

use super::form::{self, Sent};
use super::markup::{alert, spoken};
use super::page;

const TITLE: &str = "Pagar";

pub(super) async fn show(
    State(cvu): State<Arc<Cvu>>,
    Path(slug): Path<String>,
    uri: Uri,
) -> Response {
    match payable(&cvu, &slug) {
        Some(payable) => paying(StatusCode::OK, &cvu, &payable, &uri, &Sent::default(), None),
        None => nothing(),
    }
}

pub(super) async fn pay(
    State(cvu): State<Arc<Cvu>>,
    Path(slug): Path<String>,
    uri: Uri,
    body: Bytes,
) -> Response {
    let sent = Sent::of(&body);
    let Some(payable) = payable(&cvu, &slug) else {
        return nothing();
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
            &uri,
            &sent,
            Some(refusal),
        ),
    }
}

fn payable(cvu: &Cvu, slug: &str) -> Option<Payable> {
    let state = cvu.state();
    let target = state.cvu.slugs.get(slug).copied()?;
    Some(state.payable(target, cvu.world.clock.now()))
}

fn paying(
    status: StatusCode,
    cvu: &Cvu,
    payable: &Payable,
    uri: &Uri,
    sent: &Sent,
    refusal: Option<PayRefusal>,
) -> Response {
    let content = form::page(cvu, TITLE, payable, uri.path(), "", sent, refusal);
    page(status, TITLE, &content)
}

fn nothing() -> Response {
    let content = format!("<h1>{TITLE}</h1>{}", alert(spoken(PayRefusal::Unknown)));
    page(StatusCode::NOT_FOUND, TITLE, &content)
}
