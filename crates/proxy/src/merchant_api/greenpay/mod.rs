//! The rest of GreenPay's API: saved cards, subscriptions, many payments at once, transactions.
//!
//! Cards are named by identifiers of ours; GreenPay's tokens of them are in no answer and no request.

mod cards;
mod charges;
mod subscriptions;
mod transactions;

use utoipa_axum::router::OpenApiRouter;
use ventanilla_core::problem::ProblemCode;

use super::Shared;
use crate::error::{Error, Result};

pub(super) fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .merge(cards::routes())
        .merge(charges::routes())
        .merge(subscriptions::routes())
        .merge(transactions::routes())
}

fn malformed(detail: impl Into<String>) -> Error {
    Error::new(ProblemCode::RequestMalformed).detail(detail)
}

/// A text of 1 to `max` characters without control characters.
fn text(field: &'static str, value: &str, max: usize) -> Result<()> {
    let length = value.chars().count();
    if !(1..=max).contains(&length) || value.chars().any(char::is_control) {
        return Err(malformed(format!(
            "{field} must have 1 to {max} characters and no control characters, found {length}"
        )));
    }
    Ok(())
}

/// Whether a text can be a name or a reference of GreenPay's: 1 to 64 characters of `A-Z a-z 0-9 _ -`.
fn is_reference(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'))
}

crate::openapi::params::identifiers! {
    /// A saved card's identifier in a path.
    CardId = ("id", "The saved card: `crd_` and 26 characters", "^[A-Za-z0-9_]{1,64}$", "crd_q7mzx4k2vw5hd3nt6yrbcjpe5u"),
    /// A subscription's name in a path.
    SubscriptionPath = ("id", "GreenPay's name of the subscription", "^[A-Za-z0-9_-]{1,64}$", "9f2c4e6a8b0d1f3a5c7e9b1d3f5a7c9e"),
    /// A payment's reference in a path.
    ReferencePath = ("reference", "GreenPay's `orderReference` of the payment: our `reference` of an attempt, or of a payment of a subscription", "^[A-Za-z0-9_-]{1,64}$", "k7wq3m5xz2hvd4nt6yrbcjpe5u"),
}
