//! What GreenPay's answers to calls that move no money are to the merchant who asked.
//!
//! | GreenPay | the merchant is told |
//! |---|---|
//! | did it, or told it | what it is |
//! | refuses the merchant's credentials or terminal | `provider-refused` |
//! | could not open the sealed card, or refuses its number | `card-malformed` |
//! | does not know what was asked about | `not-found` |
//! | refuses in another documented way, or says that it did not do it | `provider-rejected` |
//! | is not reached, or does not answer a read | `provider-unavailable` |
//! | does not answer a change, or answers in a way that proves nothing | `provider-unclear` |
//!
//! GreenPay says most of it in words. Its words are never told; a code of ours for each is, as its own code.

use ventanilla_core::problem::ProblemCode;
use ventanilla_providers::greenpay::{SubscriptionAnswer, SubscriptionState};
use ventanilla_providers::{Cause, Outcome, ProviderCode};

use crate::error::{Error, Result};

/// What a read told.
///
/// # Errors
///
/// As the room says.
pub(crate) fn known<T>(outcome: Outcome<T>) -> Result<T> {
    match outcome {
        Outcome::Unknown(
            cause @ (Cause::Timeout | Cause::ConnectionLost | Cause::HttpStatus(_)),
        ) => Err(Error::new(ProblemCode::ProviderUnavailable).cause(cause)),
        outcome => made(outcome),
    }
}

/// What a change made.
///
/// # Errors
///
/// As the room says.
pub(crate) fn made<T>(outcome: Outcome<T>) -> Result<T> {
    match outcome {
        Outcome::Definite(value) => Ok(value),
        Outcome::NotSent(Cause::Request(field)) => Err(Error::new(ProblemCode::RequestMalformed)
            .detail(format!("{field} is not what the provider takes"))),
        Outcome::NotSent(cause) => Err(Error::new(ProblemCode::ProviderUnavailable).cause(cause)),
        Outcome::Rejected(cause) => Err(Error::new(problem(cause))
            .cause(cause)
            .provider_code(code(cause).and_then(ProviderCode::parse))),
        Outcome::Unknown(cause) => Err(Error::new(ProblemCode::ProviderUnclear).cause(cause)),
    }
}

/// What a subscription is after it was changed.
///
/// # Errors
///
/// As the room says.
pub(crate) fn changed(outcome: Outcome<SubscriptionAnswer>) -> Result<SubscriptionState> {
    match made(outcome)? {
        SubscriptionAnswer::Done(state) => Ok(state),
        SubscriptionAnswer::Refused { code } => Err(Error::new(ProblemCode::ProviderRejected)
            .provider_code(code.as_deref().and_then(ProviderCode::parse))),
    }
}

const fn problem(cause: Cause) -> ProblemCode {
    match cause {
        Cause::Credentials | Cause::Forbidden | Cause::Setup | Cause::Terminal => {
            ProblemCode::ProviderRefused
        }
        Cause::CardNumber | Cause::SealedCard => ProblemCode::CardMalformed,
        Cause::NotFound => ProblemCode::NotFound,
        _ => ProblemCode::ProviderRejected,
    }
}

const fn code(cause: Cause) -> Option<&'static str> {
    Some(match cause {
        Cause::CardNumber => "invalid_pan",
        Cause::CardToken => "invalid_card_token",
        Cause::Credentials => "merchant_unknown",
        Cause::NotFound => "404",
        Cause::SealedCard => "session_wrong",
        Cause::Session => "session_not_found",
        Cause::SessionToken => "invalid_token",
        Cause::Terminal => "bank_entity_unknown",
        Cause::Validation => "schema_violation",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_way_to_fail_is_told_apart() {
        use ProblemCode as P;
        for (outcome, read, change) in [
            (
                Outcome::NotSent(Cause::Connect),
                P::ProviderUnavailable,
                P::ProviderUnavailable,
            ),
            (
                Outcome::NotSent(Cause::Request("user")),
                P::RequestMalformed,
                P::RequestMalformed,
            ),
            (
                Outcome::Rejected(Cause::Terminal),
                P::ProviderRefused,
                P::ProviderRefused,
            ),
            (
                Outcome::Rejected(Cause::SealedCard),
                P::CardMalformed,
                P::CardMalformed,
            ),
            (Outcome::Rejected(Cause::NotFound), P::NotFound, P::NotFound),
            (
                Outcome::Rejected(Cause::Validation),
                P::ProviderRejected,
                P::ProviderRejected,
            ),
            (
                Outcome::Unknown(Cause::Timeout),
                P::ProviderUnavailable,
                P::ProviderUnclear,
            ),
            (
                Outcome::Unknown(Cause::NotJson),
                P::ProviderUnclear,
                P::ProviderUnclear,
            ),
        ] {
            let again: Outcome<()> = match &outcome {
                Outcome::NotSent(cause) => Outcome::NotSent(*cause),
                Outcome::Rejected(cause) => Outcome::Rejected(*cause),
                Outcome::Unknown(cause) => Outcome::Unknown(*cause),
                Outcome::Definite(()) => Outcome::Definite(()),
            };
            assert_eq!(known::<()>(outcome).unwrap_err().code(), read);
            assert_eq!(made(again).unwrap_err().code(), change);
        }
    }
}
