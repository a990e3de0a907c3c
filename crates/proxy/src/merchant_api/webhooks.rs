//! How it stands with webhooks.

use axum::extract::State;
use axum::routing::{get, post};
use axum::{Json, Router};

use super::{Api, Shared};
use crate::error::Result;
use crate::webhooks::WebhooksRecord;

pub(super) fn routes() -> Router<Shared> {
    Router::new()
        .route("/v1/webhooks", get(read))
        .route("/v1/webhooks/enable", post(enable))
}

async fn read(State(api): Api) -> Result<Json<WebhooksRecord>> {
    api.webhooks.record().await.map(Json)
}

async fn enable(State(api): Api) -> Result<Json<WebhooksRecord>> {
    api.webhooks.enable().await.map(Json)
}
