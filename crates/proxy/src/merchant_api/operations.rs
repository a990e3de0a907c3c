//! Operations: what the merchant does with money after it was taken.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use ventanilla_core::operation::OperationKind;

use super::{Api, MerchantApi, Shared};
use crate::error::Result;
use crate::machine::{NewOperation, OperationRecord};
use crate::openapi::params::{AttemptId, Keyed, OperationId};
use crate::openapi::problems::problems;
use crate::request::{self, Id};

/// Largest body of an operation, in bytes.
const MAX_BYTES: usize = 4 * 1024;

problems!(
    StartProblems = [OF_KEY, OF_BODY]
    AmountExceedsPayment, AmountInvalid, NotFound, OperationNotPossible, OperationRunning, ProviderUnavailable,
    ReturnExceedsCapture,
);
problems!(ReadProblems = [] NotFound);

pub(super) fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(read_operation))
        .routes(routes!(capture))
        .routes(routes!(void))
        .routes(routes!(release))
        .routes(routes!(refund))
        .routes(routes!(return_goods))
}

/// Reads an operation
#[utoipa::path(
    get,
    path = "/v1/operations/{id}",
    tag = "operations",
    params(OperationId),
    responses((status = 200, description = "The operation", body = OperationRecord), ReadProblems)
)]
async fn read_operation(State(api): Api, Id(id): Id) -> Result<Json<OperationRecord>> {
    let operation = api.machine.operation(&id).await;
    operation.map(Json).map_err(request::not_found_alike)
}

/// Captures what an authorization holds
///
/// All that is held, or a part of it. On the Flexiti rail; there the whole is captured by itself unless told
/// otherwise.
#[utoipa::path(
    post,
    path = "/v1/attempts/{id}/capture",
    tag = "operations",
    params(AttemptId, Keyed),
    request_body = Option<NewOperation>,
    responses((status = 201, description = "The operation, after 6 s at most", body = OperationRecord), StartProblems)
)]
async fn capture(State(api): Api, id: Id, request: Request) -> Result<Response> {
    start(api, id, OperationKind::Capture, request).await
}

/// Voids a payment before it is settled
///
/// All of it. On the card rail, within three hours.
#[utoipa::path(
    post,
    path = "/v1/attempts/{id}/void",
    tag = "operations",
    params(AttemptId, Keyed),
    request_body = Option<NewOperation>,
    responses((status = 201, description = "The operation, after 6 s at most", body = OperationRecord), StartProblems)
)]
async fn void(State(api): Api, id: Id, request: Request) -> Result<Response> {
    start(api, id, OperationKind::Void, request).await
}

/// Releases what an authorization holds
///
/// All that is still held, or a part of it. On the Flexiti rail.
#[utoipa::path(
    post,
    path = "/v1/attempts/{id}/release",
    tag = "operations",
    params(AttemptId, Keyed),
    request_body = Option<NewOperation>,
    responses((status = 201, description = "The operation, after 6 s at most", body = OperationRecord), StartProblems)
)]
async fn release(State(api): Api, id: Id, request: Request) -> Result<Response> {
    start(api, id, OperationKind::Release, request).await
}

/// Refunds a payment
///
/// All of it, or a part where the rail has that; never more in all than was paid.
#[utoipa::path(
    post,
    path = "/v1/attempts/{id}/refund",
    tag = "operations",
    params(AttemptId, Keyed),
    request_body = Option<NewOperation>,
    responses((status = 201, description = "The operation, after 6 s at most", body = OperationRecord), StartProblems)
)]
async fn refund(State(api): Api, id: Id, request: Request) -> Result<Response> {
    start(api, id, OperationKind::Refund, request).await
}

/// Takes goods back on a financed purchase
///
/// All that was captured, or a part of it. On the Flexiti rail.
#[utoipa::path(
    post,
    path = "/v1/attempts/{id}/return",
    tag = "operations",
    params(AttemptId, Keyed),
    request_body = Option<NewOperation>,
    responses((status = 201, description = "The operation, after 6 s at most", body = OperationRecord), StartProblems)
)]
async fn return_goods(State(api): Api, id: Id, request: Request) -> Result<Response> {
    start(api, id, OperationKind::Return, request).await
}

async fn start(
    api: Arc<MerchantApi>,
    Id(attempt): Id,
    kind: OperationKind,
    request: Request,
) -> Result<Response> {
    let key = request::idempotency_key(request.headers())?;
    let new: NewOperation = request::json_or_default(request, MAX_BYTES).await?;
    let operation = api
        .machine
        .start_operation(&attempt, kind, &key, new)
        .await
        .map_err(request::not_found_alike)?;
    Ok((StatusCode::CREATED, Json(operation)).into_response())
}
