//! Transfers out of the merchant's CVU account.

use axum::Json;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{Api, Shared};
use crate::error::Result;
use crate::machine::{NewCashOut, OperationRecord};
use crate::openapi::params::Keyed;
use crate::openapi::problems::problems;
use crate::request;

/// Largest body of a cash-out, in bytes.
const MAX_BYTES: usize = 4 * 1024;

problems!(StartProblems = [OF_KEY, OF_BODY] AmountInvalid, OperationNotPossible, ProviderUnavailable);

pub(super) fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new().routes(routes!(cvu_cash_out))
}

/// Transfers money out of the CVU account
///
/// To a CVU, a CBU or an alias. Sent at most once; what is in doubt is asked for again under the same number, to which
/// the provider gives the first result.
#[utoipa::path(
    post,
    path = "/v1/cvu/cash-outs",
    tag = "cvu",
    params(Keyed),
    request_body = NewCashOut,
    responses((status = 201, description = "The operation, after 6 s at most", body = OperationRecord), StartProblems)
)]
async fn cvu_cash_out(State(api): Api, request: Request) -> Result<Response> {
    let key = request::idempotency_key(request.headers())?;
    let new: NewCashOut = request::json(request, MAX_BYTES).await?;
    let operation = api.machine.cash_out(&key, new).await?;
    Ok((StatusCode::CREATED, Json(operation)).into_response())
}
