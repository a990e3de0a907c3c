//! What the shop's server may ask, with the API key and never from a browser.
//!
//! | call | answer |
//! |---|---|
//! | `POST /v1/sessions` | 201: a new session and its client token; `Idempotency-Key` required |
//! | `GET /v1/sessions/{id}` | the session and its attempts |
//! | `POST /v1/sessions/{id}/expire` | the session, ended unless it is paid or being paid |
//! | `POST /v1/sessions/{id}/client-token` | a fresh client token |
//! | `GET /v1/attempts/{id}` | the attempt |

mod key;

use std::sync::Arc;

use axum::extract::{Path, Request, State};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Extension, Json, Router};
use http::{StatusCode, header};
use secrecy::ExposeSecret;
use serde::Serialize;
use ventanilla_core::problem::ProblemCode;

use crate::clock::SharedClock;
use crate::error::{Error, Result};
use crate::limits::{Client, Limits};
use crate::machine::{AttemptRecord, Machine, NewSession, SessionRecord};
use crate::request;
use crate::token::ClientTokens;

pub use key::{
    ApiKeys, ApiKeysError, MAX_CHARS as API_KEY_MAX_CHARS, MIN_CHARS as API_KEY_MIN_CHARS,
};

/// Largest body of `POST /v1/sessions`, in bytes.
pub const SESSION_MAX_BYTES: usize = 64 * 1024;

/// What the merchant API works with.
pub struct MerchantApi {
    /// Sessions and attempts.
    pub machine: Arc<Machine>,
    /// Who may ask.
    pub keys: ApiKeys,
    /// Makes client tokens.
    pub tokens: Arc<ClientTokens>,
    /// How often a wrong key may be tried.
    pub limits: Arc<Limits>,
    /// The time.
    pub clock: SharedClock,
}

/// The answer of `POST /v1/sessions`.
#[derive(Serialize)]
struct OpenedSession {
    session: SessionRecord,
    #[serde(flatten)]
    token: FreshToken,
}

/// The answer of `POST /v1/sessions/{id}/client-token`.
#[derive(Serialize)]
struct FreshToken {
    /// For the shop's page; not to be logged or put into a URL.
    client_token: String,
    /// RFC 3339 UTC.
    client_token_expires_at: String,
}

type Api = State<Arc<MerchantApi>>;

/// The routes.
pub fn routes(api: MerchantApi) -> Router {
    let api = Arc::new(api);
    Router::new()
        .route("/v1/sessions", post(open_session))
        .route("/v1/sessions/{id}", get(read_session))
        .route("/v1/sessions/{id}/expire", post(expire_session))
        .route("/v1/sessions/{id}/client-token", post(make_client_token))
        .route("/v1/attempts/{id}", get(read_attempt))
        .route_layer(middleware::from_fn_with_state(api.clone(), admit))
        .with_state(api)
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

async fn open_session(State(api): Api, request: Request) -> Result<Response> {
    let key = request::idempotency_key(request.headers())?;
    let new: NewSession = request::json(request, SESSION_MAX_BYTES).await?;
    let session = api.machine.open_session(&key, new).await?;
    let token = api.token_for(&session)?;
    Ok((StatusCode::CREATED, Json(OpenedSession { session, token })).into_response())
}

async fn read_session(State(api): Api, Path(id): Path<String>) -> Result<Json<SessionRecord>> {
    api.session(&id).await.map(Json)
}

async fn expire_session(State(api): Api, Path(id): Path<String>) -> Result<Json<SessionRecord>> {
    let id = request::identifier(&id)?;
    let session = api.machine.expire_session(id).await;
    session.map(Json).map_err(request::not_found_alike)
}

async fn make_client_token(State(api): Api, Path(id): Path<String>) -> Result<Json<FreshToken>> {
    let session = api.session(&id).await?;
    api.token_for(&session).map(Json)
}

async fn read_attempt(State(api): Api, Path(id): Path<String>) -> Result<Json<AttemptRecord>> {
    let id = request::identifier(&id)?;
    let attempt = api.machine.attempt(id).await;
    attempt.map(Json).map_err(request::not_found_alike)
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

    async fn session(&self, id: &str) -> Result<SessionRecord> {
        let session = self.machine.session(request::identifier(id)?).await;
        session.map_err(request::not_found_alike)
    }

    fn token_for(&self, session: &SessionRecord) -> Result<FreshToken> {
        let token = self.tokens.seal(&session.id, self.clock.now())?;
        Ok(FreshToken {
            // EXPOSE: this answer is how the shop's server gets it.
            client_token: token.text.expose_secret().to_owned(),
            client_token_expires_at: token.expires_at.rfc3339(),
        })
    }
}
