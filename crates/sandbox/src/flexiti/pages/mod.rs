//! The shopper's identity page: what `redirection_url` leads to, made to be framed. It stands in for the
//! provider's own page, and lets a person choose how real shoppers come to an end. Nothing is loaded from
//! elsewhere.

use std::sync::Arc;

use axum::extract::rejection::JsonRejection;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::{Next, from_fn};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use base64::Engine as _;
use rsa::sha2::{Digest, Sha256};
use serde_json::json;

use crate::origin;

use super::Flexiti;
use super::widget::{IdentifyRefusal, Opened, Sent};

/// The look of the buyer's pages of the other provider.
const STYLE: &str = include_str!("../../cvu/pages/pages.css");
const SCRIPT: &str = include_str!("identity.js");
const PAGE: &str = include_str!("identity.html");

pub(super) fn router() -> Router<Arc<Flexiti>> {
    Router::new()
        .route("/", get(page))
        .route("/widget/session", post(session))
        .route("/widget/end", post(end))
        .layer(from_fn(refuse_other_origins))
}

async fn refuse_other_origins(request: Request, next: Next) -> Response {
    if origin::is_own(request.headers()) {
        next.run(request).await
    } else {
        refusal(StatusCode::FORBIDDEN, "this origin may not use this page")
    }
}

fn refusal(status: StatusCode, text: &str) -> Response {
    (status, Json(json!({ "error": text }))).into_response()
}

/// Which session it is of stands in the fragment, which no server sees.
async fn page(State(flexiti): State<Arc<Flexiti>>) -> Response {
    let ancestors = flexiti.state().flexiti.options.frame_ancestors.clone();
    let html = PAGE.replace("{style}", STYLE).replace("{script}", SCRIPT);
    let headers = [
        (
            header::CONTENT_SECURITY_POLICY,
            policy(ancestors.as_deref().unwrap_or("*")),
        ),
        (
            header::REFERRER_POLICY,
            HeaderValue::from_static("no-referrer"),
        ),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (
            header::X_CONTENT_TYPE_OPTIONS,
            HeaderValue::from_static("nosniff"),
        ),
    ];
    (headers, Html(html)).into_response()
}

fn policy(ancestors: &str) -> HeaderValue {
    let hash = |text: &str| {
        let digest = Sha256::digest(text.as_bytes());
        base64::engine::general_purpose::STANDARD.encode(digest)
    };
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{}'; script-src 'sha256-{}'; connect-src 'self'; \
         form-action 'none'; base-uri 'none'; frame-ancestors {ancestors}",
        hash(STYLE),
        hash(SCRIPT)
    );
    HeaderValue::from_str(&policy)
        .expect("base64, keywords and checked sources are header characters")
}

async fn session(
    State(flexiti): State<Arc<Flexiti>>,
    body: Result<Json<Opened>, JsonRejection>,
) -> Response {
    let opened = match body {
        Ok(Json(opened)) => opened,
        Err(rejection) => return refusal(rejection.status(), &rejection.body_text()),
    };
    match flexiti.shown(&opened) {
        Some(shown) => Json(shown).into_response(),
        None => refusal(StatusCode::NOT_FOUND, IdentifyRefusal::Unknown.text()),
    }
}

/// Answers with the message that the page is to post.
async fn end(
    State(flexiti): State<Arc<Flexiti>>,
    body: Result<Json<Sent>, JsonRejection>,
) -> Response {
    let sent = match body {
        Ok(Json(sent)) => sent,
        Err(rejection) => return refusal(rejection.status(), &rejection.body_text()),
    };
    match flexiti.sent(&sent) {
        Ok(message) => Json(message).into_response(),
        Err(why) => {
            let status = match why {
                IdentifyRefusal::Unknown => StatusCode::NOT_FOUND,
                IdentifyRefusal::Pin => StatusCode::UNPROCESSABLE_ENTITY,
                _ => StatusCode::CONFLICT,
            };
            refusal(status, why.text())
        }
    }
}
