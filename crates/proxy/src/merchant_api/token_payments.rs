//! Payments with saved cards, of buyers who are not there.

use axum::Json;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{Api, SESSION_MAX_BYTES, Shared};
use crate::error::Result;
use crate::machine::{AttemptRecord, NewTokenPayment};
use crate::openapi::params::Keyed;
use crate::openapi::problems::problems;
use crate::request;

problems!(
    StartProblems = [OF_KEY, OF_BODY]
    AmountInvalid, OperationNotPossible, ProviderUnavailable, RailNotOffered, SavedCardUnknown, SessionExpired,
);

pub(super) fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new().routes(routes!(greenpay_token_payment))
}

/// Takes a payment with a saved card
///
/// Of a buyer who is not there. It is an attempt of a session of its own, which nobody else can pay.
#[utoipa::path(
    post,
    path = "/v1/greenpay/token-payments",
    tag = "greenpay",
    params(Keyed),
    request_body = NewTokenPayment,
    responses((status = 201, description = "The attempt, after 6 s at most", body = AttemptRecord), StartProblems)
)]
async fn greenpay_token_payment(State(api): Api, request: Request) -> Result<Response> {
    let key = request::idempotency_key(request.headers())?;
    let new: NewTokenPayment = request::json(request, SESSION_MAX_BYTES).await?;
    let attempt = api.machine.pay_with_saved_card(&key, new).await?;
    Ok((StatusCode::CREATED, Json(attempt)).into_response())
}
