//! Operations: what the merchant does with money after it was taken.

use std::sync::Arc;

use axum::extract::{Path, Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use http::StatusCode;
use ventanilla_core::operation::OperationKind;

use super::{Api, MerchantApi, Shared};
use crate::error::Result;
use crate::machine::{NewOperation, OperationRecord};
use crate::request;

/// Largest body of an operation, in bytes.
const MAX_BYTES: usize = 4 * 1024;

/// The operations that a merchant may ask for; their names are in the paths.
const KINDS: [OperationKind; 5] = [
    OperationKind::Capture,
    OperationKind::Void,
    OperationKind::Release,
    OperationKind::Refund,
    OperationKind::Return,
];

pub(super) fn routes() -> Router<Shared> {
    let mut router = Router::new().route("/v1/operations/{id}", get(read));
    for kind in KINDS {
        let path = format!("/v1/attempts/{{id}}/{}", kind.name());
        router = router.route(
            &path,
            post(
                move |State(api): Api, Path(attempt): Path<String>, request: Request| {
                    start(api, attempt, kind, request)
                },
            ),
        );
    }
    router
}

async fn start(
    api: Arc<MerchantApi>,
    attempt: String,
    kind: OperationKind,
    request: Request,
) -> Result<Response> {
    let attempt = request::identifier(&attempt)?;
    let key = request::idempotency_key(request.headers())?;
    let new: NewOperation = request::json_or_default(request, MAX_BYTES).await?;
    let operation = api
        .machine
        .start_operation(attempt, kind, &key, new)
        .await
        .map_err(request::not_found_alike)?;
    Ok((StatusCode::CREATED, Json(operation)).into_response())
}

async fn read(State(api): Api, Path(id): Path<String>) -> Result<Json<OperationRecord>> {
    let id = request::identifier(&id)?;
    let operation = api.machine.operation(id).await;
    operation.map(Json).map_err(request::not_found_alike)
}
