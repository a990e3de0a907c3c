//! What somebody at the merchant must look at, and what they found.

use axum::extract::{Path, Request, State};
use axum::routing::{get, post};
use axum::{Json, Router};
use http::StatusCode;

use super::{Api, Shared};
use crate::error::Result;
use crate::machine::{ReviewRecord, SettleReview};
use crate::request;

/// Largest body of a settlement, in bytes: a note of 500 characters, escaped.
const MAX_BYTES: usize = 8 * 1024;

pub(super) fn routes() -> Router<Shared> {
    Router::new()
        .route("/v1/review", get(list))
        .route("/v1/review/{id}/read", post(read_again))
        .route("/v1/review/{id}/settle", post(settle))
}

async fn list(State(api): Api) -> Result<Json<ReviewRecord>> {
    api.machine.review().await.map(Json)
}

async fn read_again(State(api): Api, Path(id): Path<String>) -> Result<StatusCode> {
    let id = request::identifier(&id)?;
    let read = api.machine.read_again(id).await;
    read.map_err(request::not_found_alike)?;
    Ok(StatusCode::NO_CONTENT)
}

async fn settle(State(api): Api, Path(id): Path<String>, request: Request) -> Result<StatusCode> {
    let id = request::identifier(&id)?;
    let found: SettleReview = request::json(request, MAX_BYTES).await?;
    let settled = api.machine.settle_review(id, found).await;
    settled.map_err(request::not_found_alike)?;
    Ok(StatusCode::NO_CONTENT)
}
