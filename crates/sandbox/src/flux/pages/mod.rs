//! The buyer's wallet: it shows codes for a shop to scan. It stands in for a wallet's app, and lets a person
//! choose what real codes do: pay, run out, or be refused. Nothing is loaded from elsewhere, and everything
//! works without a script.

mod markup;
mod qr;
mod wallet;

use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::{Next, from_fn};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::get;
use base64::Engine as _;
use rsa::sha2::{Digest, Sha256};

use crate::origin;

use super::Flux;

/// One look for all wallets here, and what only this one has.
const STYLE: &str = concat!(
    include_str!("../../cvu/pages/pages.css"),
    include_str!("pages.css")
);
const SCRIPT: &str = include_str!("pages.js");

pub(super) fn router() -> Router<Arc<Flux>> {
    Router::new()
        .route("/", get(async || Redirect::to("/wallet")))
        .route("/wallet", get(wallet::choose).post(wallet::make))
        .route("/wallet/codes/{number}", get(wallet::show))
        .layer(from_fn(refuse_other_origins))
}

async fn refuse_other_origins(request: Request, next: Next) -> Response {
    if origin::is_own(request.headers()) {
        next.run(request).await
    } else {
        (StatusCode::FORBIDDEN, "this origin may not use these pages").into_response()
    }
}

/// A page, with what its browser may do.
fn page(status: StatusCode, title: &str, content: &str) -> Response {
    let html = markup::document(title, content, STYLE, SCRIPT);
    let headers = [
        (header::CONTENT_SECURITY_POLICY, policy()),
        (
            header::REFERRER_POLICY,
            // Of no other kind: without a referrer a form says nothing of the page it was sent from.
            HeaderValue::from_static("same-origin"),
        ),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (
            header::X_CONTENT_TYPE_OPTIONS,
            HeaderValue::from_static("nosniff"),
        ),
    ];
    (status, headers, Html(html)).into_response()
}

fn policy() -> HeaderValue {
    let hash = |text: &str| {
        let digest = Sha256::digest(text.as_bytes());
        base64::engine::general_purpose::STANDARD.encode(digest)
    };
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{}'; script-src 'sha256-{}'; form-action 'self'; \
         base-uri 'none'; frame-ancestors 'none'",
        hash(STYLE),
        hash(SCRIPT)
    );
    HeaderValue::from_str(&policy).expect("base64 and keywords are header characters")
}
