//! Sessions and their attempts.

use axum::Json;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use secrecy::ExposeSecret;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{Api, MerchantApi, Shared};
use crate::error::Result;
use crate::machine::{AttemptRecord, NewSession, SessionRecord};
use crate::openapi::params::{AttemptId, Keyed, SessionId};
use crate::openapi::problems::problems;
use crate::request::{self, Id};

/// Largest body of `POST /v1/sessions`, in bytes.
pub const SESSION_MAX_BYTES: usize = 64 * 1024;

/// The answer of `POST /v1/sessions`.
#[derive(Serialize, ToSchema)]
struct OpenedSession {
    /// The session.
    session: SessionRecord,
    #[serde(flatten)]
    token: FreshToken,
}

/// The answer of `POST /v1/sessions/{id}/client-token`.
#[derive(Serialize, ToSchema)]
struct FreshToken {
    /// For the shop's page; not to be logged or put into a URL.
    client_token: String,
    /// RFC 3339 UTC.
    client_token_expires_at: String,
}

problems!(OpenProblems = [OF_KEY, OF_BODY] AmountInvalid, RailNotOffered);
problems!(ReadProblems = [] NotFound);
problems!(ExpireProblems = [] NotFound, AttemptRunning, SessionPaid);

pub(super) fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(open_session))
        .routes(routes!(read_session))
        .routes(routes!(expire_session))
        .routes(routes!(make_client_token))
        .routes(routes!(read_attempt))
}

/// Opens a session
///
/// What is to be paid, by which rails, until when. The same `Idempotency-Key` with the same body gives the same
/// session as it stands then, and a fresh client token.
#[utoipa::path(
    post,
    path = "/v1/sessions",
    tag = "sessions",
    params(Keyed),
    request_body = NewSession,
    responses((status = 201, description = "The session and its client token", body = OpenedSession), OpenProblems)
)]
async fn open_session(State(api): Api, request: Request) -> Result<Response> {
    let key = request::idempotency_key(request.headers())?;
    let new: NewSession = request::json(request, SESSION_MAX_BYTES).await?;
    let session = api.machine.open_session(&key, new).await?;
    let token = api.token_for(&session)?;
    Ok((StatusCode::CREATED, Json(OpenedSession { session, token })).into_response())
}

/// Reads a session
///
/// With its attempts, what was done with their money, and money that came by itself.
#[utoipa::path(
    get,
    path = "/v1/sessions/{id}",
    tag = "sessions",
    params(SessionId),
    responses((status = 200, description = "The session", body = SessionRecord), ReadProblems)
)]
async fn read_session(State(api): Api, Id(id): Id) -> Result<Json<SessionRecord>> {
    api.session(&id).await.map(Json)
}

/// Ends a session
///
/// It can no longer be paid. One that is paid, or may be being paid, is not ended. Ending it again changes
/// nothing.
#[utoipa::path(
    post,
    path = "/v1/sessions/{id}/expire",
    tag = "sessions",
    params(SessionId),
    responses((status = 200, description = "The session, ended", body = SessionRecord), ExpireProblems)
)]
async fn expire_session(State(api): Api, Id(id): Id) -> Result<Json<SessionRecord>> {
    let session = api.machine.expire_session(&id).await;
    session.map(Json).map_err(request::not_found_alike)
}

/// Makes a fresh client token
///
/// For a page that has been open longer than a token lasts. Earlier ones stay valid until they end.
#[utoipa::path(
    post,
    path = "/v1/sessions/{id}/client-token",
    tag = "sessions",
    params(SessionId),
    responses((status = 200, description = "The client token", body = FreshToken), ReadProblems)
)]
async fn make_client_token(State(api): Api, Id(id): Id) -> Result<Json<FreshToken>> {
    let session = api.machine.attended_session(&id).await;
    let session = session.map_err(request::not_found_alike)?;
    api.token_for(&session).map(Json)
}

/// Reads an attempt
#[utoipa::path(
    get,
    path = "/v1/attempts/{id}",
    tag = "attempts",
    params(AttemptId),
    responses((status = 200, description = "The attempt", body = AttemptRecord), ReadProblems)
)]
async fn read_attempt(State(api): Api, Id(id): Id) -> Result<Json<AttemptRecord>> {
    let attempt = api.machine.attempt(&id).await;
    attempt.map(Json).map_err(request::not_found_alike)
}

impl MerchantApi {
    async fn session(&self, id: &str) -> Result<SessionRecord> {
        let session = self.machine.session(id).await;
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
