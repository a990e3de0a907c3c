//! Money that customers bring to a shop, for their Flexiti accounts.

use axum::Json;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{Api, Shared};
use crate::error::Result;
use crate::machine::{NewDeposit, OperationRecord};
use crate::openapi::params::Keyed;
use crate::openapi::problems::problems;
use crate::request;

/// Largest body of a deposit, in bytes.
const MAX_BYTES: usize = 4 * 1024;

problems!(StartProblems = [OF_KEY, OF_BODY] AmountInvalid, OperationNotPossible, ProviderUnavailable);

pub(super) fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new().routes(routes!(flexiti_deposit))
}

/// Puts money into a customer's Flexiti account
///
/// A deposit, a payment made in a shop, or a trade-in, of a customer who reads out the code of a verification in that
/// shop. Sent at most once. Flexiti lists no deposits: one that was not answered is in `review` within about an hour,
/// for somebody to look at Flexiti's own pages.
#[utoipa::path(
    post,
    path = "/v1/flexiti/deposits",
    tag = "flexiti",
    params(Keyed),
    request_body = NewDeposit,
    responses((status = 201, description = "The operation, after 6 s at most", body = OperationRecord), StartProblems)
)]
async fn flexiti_deposit(State(api): Api, request: Request) -> Result<Response> {
    let key = request::idempotency_key(request.headers())?;
    let new: NewDeposit = request::json(request, MAX_BYTES).await?;
    let operation = api.machine.deposit(&key, new).await?;
    Ok((StatusCode::CREATED, Json(operation)).into_response())
}
