//! The provider's error codes. Their set is open: what is not in the table below proves nothing.

use crate::outcome::Cause;

/// What came of asking for something: it was done, or it was refused. A refusal is an outcome, not an error.
///
/// Exhaustive on purpose: there is no third.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Decision<T> {
    /// Done.
    Done(T),
    /// The provider refused in documented words; nothing changed.
    Refused(Refusal),
}

impl<T> Decision<T> {
    /// Changes the value of what was done.
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Decision<U> {
        match self {
            Self::Done(value) => Decision::Done(change(value)),
            Self::Refused(refusal) => Decision::Refused(refusal),
        }
    }
}

/// Why something was refused.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Refusal {
    /// What it comes down to.
    pub class: RefusalClass,
    /// The provider's documented code.
    pub code: &'static str,
}

/// What the provider's codes come down to. The words are stable, the provider's codes need not be.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum RefusalClass {
    /// The buyer's account cannot be used for this.
    Account,
    /// The buyer has not that much credit, with interest.
    Credit,
    /// The authorization is at its end.
    Ended,
    /// Not for this kind of purchase.
    Kind,
    /// More than a customer may pay in a day.
    Limit,
    /// The provider knows no such authorization, account, card or capture.
    NotFound,
    /// Not permitted, for a reason that the provider keeps to itself.
    NotPermitted,
    /// No such plan, or not over that time.
    Plan,
    /// The time for it is over.
    TooLate,
    /// More than is left.
    TooMuch,
    /// The buyer has not proved who they are.
    Unverified,
}

impl RefusalClass {
    /// A stable word for it, such as `credit` or `too_much`.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Account => "account",
            Self::Credit => "credit",
            Self::Ended => "ended",
            Self::Kind => "kind",
            Self::Limit => "limit",
            Self::NotFound => "not_found",
            Self::NotPermitted => "not_permitted",
            Self::Plan => "plan",
            Self::TooLate => "too_late",
            Self::TooMuch => "too_much",
            Self::Unverified => "unverified",
        }
    }
}

/// What a code means.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Meaning {
    /// Refused, by the rules of the business.
    Refused(Refusal),
    /// Not executed: the merchant's credentials, its set-up, or the request itself are at fault.
    Invalid(Cause),
    /// An error that says nothing of what was done.
    Vague(Cause),
}

const REFUSALS: [(&str, RefusalClass); 22] = [
    ("account_type_not_permitted", RefusalClass::Account),
    ("auth_amount_exceeded", RefusalClass::TooMuch),
    ("auth_not_allowed", RefusalClass::NotPermitted),
    ("authorization_ended", RefusalClass::Ended),
    ("capture_amount_exceeded", RefusalClass::TooMuch),
    ("credit_exceeded", RefusalClass::Credit),
    ("customer_identity_not_found", RefusalClass::Unverified),
    ("limit_payment_amount_24", RefusalClass::Limit),
    ("not_enough_credit", RefusalClass::Credit),
    ("not_found", RefusalClass::NotFound),
    ("not_permitted", RefusalClass::NotPermitted),
    ("not_verified", RefusalClass::Unverified),
    ("plan_term_not_available", RefusalClass::Plan),
    ("plan_term_not_set", RefusalClass::Plan),
    ("refunds_limit_exceeded_amount", RefusalClass::TooMuch),
    ("return_date_exceeded", RefusalClass::TooLate),
    ("user_not_able_to_purchase", RefusalClass::Account),
    ("user_not_active", RefusalClass::Account),
    ("vcc_account_mismatch", RefusalClass::Account),
    ("verification_code_required", RefusalClass::Unverified),
    ("wrong_transaction_type", RefusalClass::Kind),
    ("wrong_verification_code", RefusalClass::Unverified),
];

pub(super) fn meaning(code: &str) -> Meaning {
    let code = code.trim().to_ascii_lowercase();
    if let Some(&(code, class)) = REFUSALS.iter().find(|(known, _)| *known == code) {
        return Meaning::Refused(Refusal { class, code });
    }
    match code.as_str() {
        "invalid_client" | "invalid_token" => Meaning::Invalid(Cause::Credentials),
        "invalid_role" | "external_location_id_not_found" | "invalid_transaction_type" => {
            Meaning::Invalid(Cause::Setup)
        }
        "wrong_input" | "wrong_inputs" | "invalid_request" => Meaning::Invalid(Cause::Validation),
        // Usually the merchant's set-up, says the document. Usually is no proof.
        "general_error" | "generic_error" => Meaning::Vague(Cause::Refused),
        _ => Meaning::Vague(Cause::UnknownError),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_known_refusal_has_its_class_in_any_case() {
        for (code, class) in REFUSALS {
            let refusal = Refusal { class, code };
            assert_eq!(meaning(code), Meaning::Refused(refusal));
            assert_eq!(
                meaning(&format!(" {} ", code.to_uppercase())),
                Meaning::Refused(refusal)
            );
        }
    }

    #[test]
    fn set_up_and_request_are_told_from_a_decline_and_the_rest_says_nothing() {
        assert_eq!(meaning("invalid_role"), Meaning::Invalid(Cause::Setup));
        assert_eq!(meaning("wrong_input"), Meaning::Invalid(Cause::Validation));
        assert_eq!(
            meaning("invalid_client"),
            Meaning::Invalid(Cause::Credentials)
        );
        assert_eq!(meaning("general_error"), Meaning::Vague(Cause::Refused));
        for code in ["", "credit", "credit_exceeded_2", "duplicate_reference"] {
            assert_eq!(
                meaning(code),
                Meaning::Vague(Cause::UnknownError),
                "{code:?}"
            );
        }
    }
}
