//! What the shop's server may ask, with the API key and never from a browser.
//!
//! | call | answer |
//! |---|---|
//! | `POST /v1/sessions` | 201: a new session and its client token; `Idempotency-Key` required |
//! | `GET /v1/sessions/{id}` | the session, its attempts and their operations |
//! | `POST /v1/sessions/{id}/expire` | the session, ended unless it is paid or being paid |
//! | `POST /v1/sessions/{id}/client-token` | a fresh client token |
//! | `GET /v1/attempts/{id}` | the attempt |
//! | `POST /v1/attempts/{id}/{capture, void, release, refund, return}` | 201: the operation, after 6 s at most; `Idempotency-Key` required; a body with `amount` for less than the whole |
//! | `POST /v1/cvu/cash-outs` | 201: the operation, after 6 s at most; `Idempotency-Key` required |
//! | `POST /v1/greenpay/token-payments` | 201: the attempt, after 6 s at most; `Idempotency-Key` required |
//! | `POST /v1/greenpay/{subscriptions, subscriptions/{id}/payments, bulk-payments}` | 201: the operation, after 6 s at most; `Idempotency-Key` required |
//! | `POST /v1/flexiti/deposits` | 201: the operation, after 6 s at most; `Idempotency-Key` required |
//! | `GET /v1/operations/{id}` | the operation, on an attempt or without one |
//! | `GET /v1/review` | the attempts and operations that somebody must look at |
//! | `POST /v1/review/{id}/read` | 204: an attempt or operation in doubt is read back now |
//! | `POST /v1/review/{id}/settle` | 204: it came out as somebody saw at the provider's; `outcome` and `note` |
//! | `GET /v1/webhooks` | the receiver, and how much waits for it |
//! | `POST /v1/webhooks/enable` | the same; a receiver that answered 410 is sent to again, and what was given up in the last five days once more |
//! | `/v1/greenpay/…`, `/v1/cvu/…`, `/v1/flux/…`, `/v1/flexiti/…` | the rest of each provider's API, as the OpenAPI document says |
//!
//! The same `Idempotency-Key` with the same body gives the same session, operation or attempt as it stands then.

mod cash_outs;
mod cvu;
mod deposits;
mod flexiti;
mod flux;
mod greenpay;
mod key;
mod operations;
mod provider;
mod review;
mod sessions;
mod token_payments;
mod webhooks;

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Router};
use http::header;
use utoipa_axum::router::OpenApiRouter;
use ventanilla_core::problem::ProblemCode;

use crate::clock::SharedClock;
use crate::error::{Error, Result};
use crate::limits::{Client, Limits};
use crate::machine::Machine;
use crate::request;
use crate::token::ClientTokens;
use crate::webhooks::Webhooks;

pub use key::{
    ApiKeys, ApiKeysError, MAX_CHARS as API_KEY_MAX_CHARS, MIN_CHARS as API_KEY_MIN_CHARS,
};
pub use sessions::SESSION_MAX_BYTES;

/// What the merchant API works with.
pub struct MerchantApi {
    /// Sessions, attempts and operations.
    pub machine: Arc<Machine>,
    /// What the merchant's server is told.
    pub webhooks: Arc<Webhooks>,
    /// Who may ask.
    pub keys: ApiKeys,
    /// Makes client tokens.
    pub tokens: Arc<ClientTokens>,
    /// How often a wrong key may be tried.
    pub limits: Arc<Limits>,
    /// The time.
    pub clock: SharedClock,
}

type Shared = Arc<MerchantApi>;
type Api = State<Shared>;

/// What the paths of this API begin with.
const PREFIXES: [&str; 9] = [
    "/v1/sessions",
    "/v1/attempts",
    "/v1/operations",
    "/v1/review",
    "/v1/webhooks",
    "/v1/greenpay",
    "/v1/cvu",
    "/v1/flux",
    "/v1/flexiti",
];

/// Whether a path is one of this API's, or would be if it existed.
#[must_use]
pub fn owns(path: &str) -> bool {
    PREFIXES.iter().any(|prefix| path.starts_with(prefix))
}

/// What any of these routes may refuse.
pub const ALWAYS: &[ProblemCode] = &[
    ProblemCode::ApiKeyInvalid,
    ProblemCode::OriginNotAllowed,
    ProblemCode::RateLimited,
    ProblemCode::Internal,
    ProblemCode::StoreUnavailable,
];

/// The routes.
pub fn routes(api: MerchantApi) -> Router {
    let api = Arc::new(api);
    Router::from(described())
        .route_layer(middleware::from_fn_with_state(api.clone(), admit))
        .with_state(api)
}

/// The routes, with what the OpenAPI document says of them.
pub(crate) fn described() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .merge(sessions::routes())
        .merge(operations::routes())
        .merge(cash_outs::routes())
        .merge(deposits::routes())
        .merge(token_payments::routes())
        .merge(review::routes())
        .merge(webhooks::routes())
        .merge(greenpay::routes())
        .merge(cvu::routes())
        .merge(flux::routes())
        .merge(flexiti::routes())
}

async fn admit(
    State(api): Api,
    Extension(client): Extension<Client>,
    request: Request,
    next: Next,
) -> Response {
    match api.check(&request, client) {
        Ok(()) => next.run(request).await,
        Err(error) => error.into_response(),
    }
}

impl MerchantApi {
    fn check(&self, request: &Request, client: Client) -> Result<()> {
        if request.headers().contains_key(header::ORIGIN) {
            // A key that a browser holds is a key that everybody holds.
            return Err(Error::new(ProblemCode::OriginNotAllowed)
                .detail("the merchant API is for servers; the API key must not be in a browser"));
        }
        if request::bearer(request.headers()).is_some_and(|key| self.keys.accept(key)) {
            return Ok(());
        }
        metrics::counter!("ventanilla_api_keys_refused_total").increment(1);
        self.limits.refused_key(client)?;
        Err(Error::new(ProblemCode::ApiKeyInvalid))
    }
}
