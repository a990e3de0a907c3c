//! How it stands with webhooks.

use axum::Json;
use axum::extract::State;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{Api, Shared};
use crate::error::Result;
use crate::openapi::problems::problems;
use crate::webhooks::WebhooksRecord;

problems!(EnableProblems = [] NotFound);

pub(super) fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(read_webhooks))
        .routes(routes!(enable_webhooks))
}

/// Reads how it stands with webhooks
///
/// The receiver, and how much waits for it.
#[utoipa::path(
    get,
    path = "/v1/webhooks",
    tag = "webhooks",
    responses((status = 200, description = "How it stands", body = WebhooksRecord))
)]
async fn read_webhooks(State(api): Api) -> Result<Json<WebhooksRecord>> {
    api.webhooks.record().await.map(Json)
}

/// Sends to the receiver again
///
/// To one that answered 410; and what was given up in the last five days once more. Not found where none is
/// configured.
#[utoipa::path(
    post,
    path = "/v1/webhooks/enable",
    tag = "webhooks",
    responses((status = 200, description = "How it stands now", body = WebhooksRecord), EnableProblems)
)]
async fn enable_webhooks(State(api): Api) -> Result<Json<WebhooksRecord>> {
    api.webhooks.enable().await.map(Json)
}
