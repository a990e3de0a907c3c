//! The rest of Flux's API: what it knows of a payment.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use ventanilla_core::money::Money;
use ventanilla_core::problem::ProblemCode;
use ventanilla_providers::flux::TransactionRead;

use super::provider::{Call, not_found, value};
use super::{Api, Shared};
use crate::error::Result;
use crate::openapi::problems::problems;
use crate::rails::Host;
use crate::request::Segment;

problems!(FindProblems = [OF_PROVIDER] NotFound);

pub(super) fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new().routes(routes!(flux_transaction))
}

/// A payment as Flux tells of it.
#[derive(Serialize, ToSchema)]
struct FluxTransaction {
    /// The reference that was asked for.
    reference: String,
    /// Whether Flux says that it is paid.
    paid: bool,
    /// In Flux's words, when it is not paid: no document lists them.
    status: Option<String>,
    /// In Flux's words, when it is not paid.
    kind: Option<String>,
    /// The bill, when it is paid.
    amount: Option<Money>,
    /// The tip, when it is paid.
    tip: Option<Money>,
    /// Both together, when it is paid.
    total: Option<Money>,
    /// The wallet, such as `claropay`.
    issuer: Option<String>,
    /// The wallet's authorization code.
    authorization: Option<String>,
    /// The merchant's number at the wallet.
    affiliation: Option<String>,
    /// When, as it was written: ISO 8601.
    date: Option<String>,
}

/// Reads what Flux knows of a payment
///
/// By our reference: the `reference` of an attempt. Not found does not say that it was never paid while its payment
/// may be on its way.
#[utoipa::path(
    get,
    path = "/v1/flux/transactions/{reference}",
    tag = "flux",
    params(ReferencePath),
    responses((status = 200, description = "The payment", body = FluxTransaction), FindProblems)
)]
async fn flux_transaction(
    State(api): Api,
    Segment(reference): Segment,
) -> Result<Json<FluxTransaction>> {
    if !is_reference(&reference) {
        return Err(ProblemCode::NotFound.into());
    }
    let client = api.machine.flux()?.client();
    let call = client.transaction(&reference);
    let told = api.machine.read_aside(Host::Flux, call).await?;
    let mut record = FluxTransaction {
        reference: reference.clone(),
        paid: false,
        status: None,
        kind: None,
        amount: None,
        tip: None,
        total: None,
        issuer: None,
        authorization: None,
        affiliation: None,
        date: None,
    };
    match value(Call::Reads, told)? {
        TransactionRead::NotFound => return Err(not_found(None)),
        TransactionRead::Other { status, kind } => {
            record.status = Some(status);
            record.kind = Some(kind);
        }
        TransactionRead::Paid(paid) => {
            record.paid = true;
            record.amount = Some(paid.amount);
            record.tip = Some(paid.tip);
            record.total = Some(paid.total);
            record.issuer = paid.issuer;
            record.authorization = paid.authorization;
            record.affiliation = paid.affiliation;
            record.date = paid.date;
        }
    }
    Ok(Json(record))
}

/// What Flux's client takes for a reference.
fn is_reference(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && !matches!(text, "." | "..")
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
}

crate::openapi::params::identifiers! {
    /// A payment's reference in a path.
    ReferencePath = ("reference", "Our reference of the payment: 1 to 64 letters, digits, dots, underscores and hyphens", "^[A-Za-z0-9._-]{1,64}$", "k7wq3m5xz2hvd4nt6yrbcjpe5u"),
}
