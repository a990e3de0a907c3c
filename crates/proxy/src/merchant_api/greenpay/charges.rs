//! What moves money at GreenPay without a checkout: subscriptions that are made or paid, and many payments at once.

use axum::Json;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use ventanilla_core::problem::ProblemCode;
use ventanilla_providers::greenpay::SubscriptionId;

use super::SubscriptionPath;
use crate::error::Result;
use crate::machine::{NewBulk, NewSubscription, NewSubscriptionPayment, OperationRecord};
use crate::merchant_api::{Api, Shared};
use crate::openapi::params::Keyed;
use crate::openapi::problems::problems;
use crate::request::{self, Segment};

/// Largest body about one subscription, in bytes.
const MAX_BYTES: usize = 4 * 1024;
/// Largest body of many payments, in bytes.
const BULK_MAX_BYTES: usize = 64 * 1024;

problems!(
    StartProblems = [OF_KEY, OF_BODY]
    AmountInvalid, OperationNotPossible, ProviderUnavailable, SavedCardUnknown,
);
problems!(
    PayProblems = [OF_KEY, OF_BODY]
    AmountInvalid, NotFound, OperationNotPossible, OperationRunning, ProviderRefused, ProviderRejected,
    ProviderUnavailable, ProviderUnclear,
);

pub(super) fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(greenpay_create_subscription))
        .routes(routes!(greenpay_pay_subscription))
        .routes(routes!(greenpay_bulk_payments))
}

/// Makes a subscription
///
/// Without a payment at once: the first is due at `starts_at`; one now is a token payment of its own. It is asked for
/// at most once; when the answer is lost, it is looked for among the buyer's subscriptions.
#[utoipa::path(
    post,
    path = "/v1/greenpay/subscriptions",
    tag = "greenpay",
    params(Keyed),
    request_body = NewSubscription,
    responses((status = 201, description = "The operation, after 6 s at most", body = OperationRecord), StartProblems)
)]
async fn greenpay_create_subscription(State(api): Api, request: Request) -> Result<Response> {
    let key = request::idempotency_key(request.headers())?;
    let new: NewSubscription = request::json(request, MAX_BYTES).await?;
    let operation = api.machine.subscribe(&key, new).await?;
    Ok((StatusCode::CREATED, Json(operation)).into_response())
}

/// Takes a payment of a subscription now
///
/// Besides what it is charged by itself. It is asked for at most once, one at a time, and settled by the list of the
/// subscription's payments.
#[utoipa::path(
    post,
    path = "/v1/greenpay/subscriptions/{id}/payments",
    tag = "greenpay",
    params(SubscriptionPath, Keyed),
    request_body = NewSubscriptionPayment,
    responses((status = 201, description = "The operation, after 6 s at most", body = OperationRecord), PayProblems)
)]
async fn greenpay_pay_subscription(
    State(api): Api,
    Segment(id): Segment,
    request: Request,
) -> Result<Response> {
    let id = SubscriptionId::parse(&id).ok_or(ProblemCode::NotFound)?;
    let key = request::idempotency_key(request.headers())?;
    let new: NewSubscriptionPayment = request::json(request, MAX_BYTES).await?;
    let operation = api.machine.pay_subscription(&key, &id, new).await?;
    Ok((StatusCode::CREATED, Json(operation)).into_response())
}

/// Takes many payments with saved cards in one call
///
/// Of buyers who are not there. They are asked for at most once; each ends by itself, as reads of it show, and the
/// operation with the last of them. A payment that GreenPay does not show within a day was not made: it tells of no
/// decline that could be read back.
#[utoipa::path(
    post,
    path = "/v1/greenpay/bulk-payments",
    tag = "greenpay",
    params(Keyed),
    request_body = NewBulk,
    responses((status = 201, description = "The operation, after 6 s at most", body = OperationRecord), StartProblems)
)]
async fn greenpay_bulk_payments(State(api): Api, request: Request) -> Result<Response> {
    let key = request::idempotency_key(request.headers())?;
    let new: NewBulk = request::json(request, BULK_MAX_BYTES).await?;
    let operation = api.machine.pay_in_bulk(&key, new).await?;
    Ok((StatusCode::CREATED, Json(operation)).into_response())
}
