//! The OpenAPI 3.1 document of both APIs, made from the handlers that serve them.
//!
//! A handler's own annotation (`utoipa::path`) is its route and its entry; the types of its request and answer
//! are the ones it reads and writes. What holds for all routes of an API is said once, here.
//!
//! | question | room |
//! |---|---|
//! | which parameters do routes share | [`params`] |
//! | what is refused with which code | [`problems`] |
//! | an example of each request and answer | `examples/*.json` |
//! | what Rust says in another way than OpenAPI does | `tidy` |
//! | the same for people | [`mod@page`] |

pub mod page;
pub mod params;
pub mod problems;
mod tidy;

use std::sync::LazyLock;

use axum::Router;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, header};
use serde_json::{Value, json};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::{browser_api, merchant_api, webhooks};

/// What a reader should know before the first request.
const ABOUT: &str = include_str!("about.md");

/// For each operation, by its `operationId`, an example of its request and of its answer.
const EXAMPLES: &[&str] = &[
    include_str!("examples/browser.json"),
    include_str!("examples/merchant.json"),
    include_str!("examples/greenpay.json"),
    include_str!("examples/cvu.json"),
    include_str!("examples/flux.json"),
    include_str!("examples/flexiti.json"),
];

static TEXT: LazyLock<String> = LazyLock::new(|| {
    let mut text = format!("{:#}", document());
    text.push('\n');
    text
});

static PAGE: LazyLock<page::Page> = LazyLock::new(|| page::Page::of(&document()));

/// The document.
#[must_use]
pub fn document() -> Value {
    let mut whole = json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Ventanilla",
            "version": env!("CARGO_PKG_VERSION"),
            "description": ABOUT,
            "license": { "name": env!("CARGO_PKG_LICENSE"), "identifier": env!("CARGO_PKG_LICENSE") },
        },
        "servers": [{ "url": "/", "description": "the proxy" }],
        "tags": [
            tag("sessions", "What a shop's server opens, and what its buyers pay"),
            tag("attempts", "Tries to pay a session"),
            tag("operations", "What may follow a payment"),
            tag("review", "What somebody at the merchant must look at"),
            tag("webhooks", "How it stands with what the shop's server is told"),
            tag("greenpay", "The rest of GreenPay's API (Costa Rica): saved cards, subscriptions, transactions"),
            tag("cvu", "The rest of the CVU wallet's API (Argentina)"),
            tag("flux", "The rest of Flux's API (Mexico)"),
            tag("flexiti", "The rest of Flexiti's API (Canada)"),
            tag("checkout", "What the buyer's browser asks, with a client token"),
            tag("reference", "This document"),
        ],
        "paths": {},
        "components": {
            "securitySchemes": {
                "api_key": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "The merchant's API key, from server to server. A request with an `Origin` header is refused: a key that a browser holds is a key that everybody holds.",
                },
                "client_token": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "The client token of one session, for the buyer's browser; 30 minutes at most.",
                },
            },
        },
    });
    let reference: OpenApiRouter = described();
    for (part, scheme, always) in [
        (
            merchant_api::described().into_openapi(),
            Some("api_key"),
            merchant_api::ALWAYS,
        ),
        (
            browser_api::described().into_openapi(),
            Some("client_token"),
            browser_api::ALWAYS,
        ),
        (reference.into_openapi(), None, problems::ALWAYS),
    ] {
        let mut part = json!(part);
        tidy::secure(&mut part, scheme);
        problems::write_out(&mut part, always);
        tidy::merge(&mut whole, part);
    }
    tidy::merge(&mut whole, webhooks::payload::described());
    tidy::merge(&mut whole, problems::described());
    for examples in EXAMPLES {
        let examples: Value = serde_json::from_str(examples).unwrap_or_default();
        tidy::exemplify(&mut whole, &examples);
    }
    tidy::tidy(&mut whole);
    whole
}

/// The document as it is served, printed and checked in: indented by two spaces, with a line end.
#[must_use]
pub fn text() -> &'static str {
    &TEXT
}

/// The document as a page for people, which asks nobody for anything.
#[must_use]
pub fn page() -> &'static str {
    &PAGE.html
}

/// The routes of the document.
pub fn routes() -> Router {
    described().into()
}

fn described() -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(routes!(read_document))
        .routes(routes!(read_page))
}

fn tag(name: &str, description: &str) -> Value {
    json!({ "name": name, "description": description })
}

/// This document
#[utoipa::path(
    get,
    path = "/v1/openapi.json",
    tag = "reference",
    responses((status = 200, description = "An OpenAPI 3.1 document", body = serde_json::Map<String, Value>))
)]
async fn read_document() -> Response {
    let json = HeaderValue::from_static("application/json");
    ([(header::CONTENT_TYPE, json)], text()).into_response()
}

/// This document as a page for people
#[utoipa::path(
    get,
    path = "/docs",
    tag = "reference",
    responses((status = 200, description = "A page without scripts", body = String, content_type = "text/html"))
)]
async fn read_page() -> Response {
    let page = &*PAGE;
    let policy = HeaderValue::from_str(&page.policy)
        .unwrap_or_else(|_| HeaderValue::from_static("default-src 'none'"));
    let html = HeaderValue::from_static("text/html; charset=utf-8");
    let headers = [
        (header::CONTENT_TYPE, html),
        (header::CONTENT_SECURITY_POLICY, policy),
        (
            header::REFERRER_POLICY,
            HeaderValue::from_static("no-referrer"),
        ),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-cache")),
    ];
    (headers, page.html.as_str()).into_response()
}
