//! What somebody at the merchant must look at, and what they found.

use axum::Json;
use axum::extract::{Request, State};
use http::StatusCode;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{Api, Shared};
use crate::error::Result;
use crate::machine::{ReviewRecord, SettleReview};
use crate::openapi::params::ReviewId;
use crate::openapi::problems::problems;
use crate::request::{self, Id};

/// Largest body of a settlement, in bytes: a note of 500 characters, escaped.
const MAX_BYTES: usize = 8 * 1024;

problems!(ReadProblems = [] NotFound, OperationNotPossible);
problems!(SettleProblems = [OF_BODY] NotFound, OperationNotPossible);

pub(super) fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(list_review))
        .routes(routes!(read_again))
        .routes(routes!(settle_review))
}

/// Lists what somebody must look at
///
/// Payments and operations whose outcome cannot be found out by reading, and money that came and whose payment
/// cannot be told; oldest first.
#[utoipa::path(
    get,
    path = "/v1/review",
    tag = "review",
    responses((status = 200, description = "What is in review; each list may be empty", body = ReviewRecord))
)]
async fn list_review(State(api): Api) -> Result<Json<ReviewRecord>> {
    api.machine.review().await.map(Json)
}

/// Reads an attempt or operation back now
///
/// It must be in doubt or in review. What the provider answers is in the attempt or operation soon afterwards.
#[utoipa::path(
    post,
    path = "/v1/review/{id}/read",
    tag = "review",
    params(ReviewId),
    responses((status = 204, description = "It is read back"), ReadProblems)
)]
async fn read_again(State(api): Api, Id(id): Id) -> Result<StatusCode> {
    let read = api.machine.read_again(&id).await;
    read.map_err(request::not_found_alike)?;
    Ok(StatusCode::NO_CONTENT)
}

/// Settles what is in review
///
/// By the word of somebody who looked at the provider's back office. Money that a provider did not confirm is
/// never recorded as taken; what a later read proves goes before the word.
#[utoipa::path(
    post,
    path = "/v1/review/{id}/settle",
    tag = "review",
    params(ReviewId),
    request_body = SettleReview,
    responses((status = 204, description = "It is settled"), SettleProblems)
)]
async fn settle_review(State(api): Api, Id(id): Id, request: Request) -> Result<StatusCode> {
    let found: SettleReview = request::json(request, MAX_BYTES).await?;
    let settled = api.machine.settle_review(&id, found).await;
    settled.map_err(request::not_found_alike)?;
    Ok(StatusCode::NO_CONTENT)
}
