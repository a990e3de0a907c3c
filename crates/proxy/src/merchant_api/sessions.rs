//! Sessions and their attempts.

use axum::extract::{Path, Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use http::StatusCode;
use secrecy::ExposeSecret;
use serde::Serialize;

use super::{Api, MerchantApi, Shared};
use crate::error::Result;
use crate::machine::{AttemptRecord, NewSession, SessionRecord};
use crate::request;

/// Largest body of `POST /v1/sessions`, in bytes.
pub const SESSION_MAX_BYTES: usize = 64 * 1024;

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

pub(super) fn routes() -> Router<Shared> {
    Router::new()
        .route("/v1/sessions", post(open_session))
        .route("/v1/sessions/{id}", get(read_session))
        .route("/v1/sessions/{id}/expire", post(expire_session))
        .route("/v1/sessions/{id}/client-token", post(make_client_token))
        .route("/v1/attempts/{id}", get(read_attempt))
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
    async fn session(&self, id: &str) -> Result<SessionRecord> {
        let session = self.machine.session(request::identifier(id)?).await;
        session.map_err(request::not_found_alike)
    }

    fn token_for(&self, session: &SessionRecord) -> Result<FreshToken> {
        let token = self
            .tokens
            .seal(&session.id, &session.request.rails, self.clock.now())?;
        Ok(FreshToken {
            // EXPOSE: this answer is how the shop's server gets it.
            client_token: token.text.expose_secret().to_owned(),
            client_token_expires_at: token.expires_at.rfc3339(),
        })
    }
}
