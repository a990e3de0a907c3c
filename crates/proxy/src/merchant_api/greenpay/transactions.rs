//! What GreenPay knows of a payment.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use ventanilla_core::money::Money;
use ventanilla_core::problem::ProblemCode;
use ventanilla_providers::greenpay::{StateChange, TransactionRead};

use super::{ReferencePath, is_reference};
use crate::error::Result;
use crate::merchant_api::provider::not_found;
use crate::merchant_api::{Api, Shared};
use crate::openapi::problems::problems;
use crate::request::Segment;

problems!(FindProblems = [OF_PROVIDER] NotFound);

pub(super) fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new().routes(routes!(greenpay_transaction))
}

/// A payment, as GreenPay tells of it.
#[derive(Serialize, ToSchema)]
struct GreenpayTransaction {
    /// The reference that was asked for.
    reference: String,
    /// What became of it.
    state: GreenpayTransactionState,
    /// GreenPay's own word for that; `approved` alone is documented.
    provider_state: String,
    /// What was paid, of an approved one.
    total: Option<Money>,
    /// The issuer's authorization code, of an approved one.
    authorization: Option<String>,
    /// The card's first six to eight digits, of an approved one.
    bin: Option<String>,
    /// The card's last four digits, of an approved one.
    last4: Option<String>,
}

/// What became of a payment.
#[derive(Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum GreenpayTransactionState {
    Approved,
    Voided,
    Refunded,
    Captured,
    Other,
}

/// Reads what GreenPay knows of a payment
///
/// `other` proves nothing. Not found does not say that it was never paid while its payment may be on its way.
#[utoipa::path(
    get,
    path = "/v1/greenpay/transactions/{reference}",
    tag = "greenpay",
    params(ReferencePath),
    responses((status = 200, description = "The payment", body = GreenpayTransaction), FindProblems)
)]
async fn greenpay_transaction(
    State(api): Api,
    Segment(reference): Segment,
) -> Result<Json<GreenpayTransaction>> {
    if !is_reference(&reference) {
        return Err(ProblemCode::NotFound.into());
    }
    let mut record = GreenpayTransaction {
        reference,
        state: GreenpayTransactionState::Other,
        provider_state: String::from("approved"),
        total: None,
        authorization: None,
        bin: None,
        last4: None,
    };
    match api.machine.card_transaction(&record.reference).await? {
        TransactionRead::NotFound => return Err(not_found(Some("404"))),
        TransactionRead::Approved(detail) => {
            record.state = GreenpayTransactionState::Approved;
            record.total = Some(detail.total);
            record.authorization = detail.authorization;
            record.bin = detail.bin;
            record.last4 = detail.last4;
        }
        TransactionRead::Other { state, change } => {
            record.provider_state = state;
            record.state = match change {
                Some(StateChange::Voided) => GreenpayTransactionState::Voided,
                Some(StateChange::Refunded) => GreenpayTransactionState::Refunded,
                Some(StateChange::Captured) => GreenpayTransactionState::Captured,
                None => GreenpayTransactionState::Other,
            };
        }
    }
    Ok(Json(record))
}
