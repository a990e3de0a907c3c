//! The documented ways in which a payment is refused.

/// Why a payment was declined: the codes that Flux lists for it. Whatever it does not list is no decline.
///
/// Exhaustive on purpose: a new code must be given its advice.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Decline {
    /// Flux does not know the wallet code.
    CodeUnknown,
    /// The wallet code is switched off.
    CodeDisabled,
    /// The wallet code has expired.
    CodeExpired,
    /// The wallet code cannot be read.
    CodeMalformed,
    /// Not enough money in the wallet.
    InsufficientBalance,
    /// The bank behind the wallet refused.
    BankRefusal,
    /// Something is the matter with the buyer's account at the wallet.
    AccountViolation,
    /// The wallet does not pay this merchant.
    ForbiddenCommerce,
    /// More than the wallet pays at once.
    AboveMaximum,
    /// Less than the wallet pays.
    BelowMinimum,
}

/// What a buyer may do after a [`Decline`]. What is the matter with the buyer's account is nothing to tell
/// on a screen that others may see.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum DeclineAdvice {
    /// Show a fresh code of the same wallet.
    NewCode,
    /// Put money into the wallet, or pay in another way.
    InsufficientFunds,
    /// Another wallet, or another way to pay.
    OtherWallet,
    /// Another way to pay: no wallet code will do for this amount.
    OtherMethod,
}

impl Decline {
    /// Every reason.
    pub const ALL: [Self; 10] = [
        Self::CodeUnknown,
        Self::CodeDisabled,
        Self::CodeExpired,
        Self::CodeMalformed,
        Self::InsufficientBalance,
        Self::BankRefusal,
        Self::AccountViolation,
        Self::ForbiddenCommerce,
        Self::AboveMaximum,
        Self::BelowMinimum,
    ];

    /// Flux's code for it.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::CodeUnknown => "ERR_QR_UNKNOWN",
            Self::CodeDisabled => "ERR_QR_DISABLED",
            Self::CodeExpired => "ERR_QR_EXPIRED",
            Self::CodeMalformed => "ERR_QR_MALFORMED",
            Self::InsufficientBalance => "ERR_INSUFFICIENT_BALANCE",
            Self::BankRefusal => "ERR_BANK_REFUSAL",
            Self::AccountViolation => "ERR_ISSUER_ACCOUNT_VIOLATION",
            Self::ForbiddenCommerce => "ERR_FORBIDDEN_COMMERCE",
            Self::AboveMaximum => "ERR_MAX_AMOUNT_EXCEEDED",
            // As it is spelt.
            Self::BelowMinimum => "ERR_MIN_AMOUNT_SUBCEED",
        }
    }

    /// Reads Flux's code; `None` for any that is not in the list.
    #[must_use]
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.code() == code)
    }

    /// What the buyer may do.
    #[must_use]
    pub const fn advice(self) -> DeclineAdvice {
        match self {
            Self::CodeExpired | Self::CodeMalformed => DeclineAdvice::NewCode,
            Self::InsufficientBalance => DeclineAdvice::InsufficientFunds,
            Self::CodeUnknown
            | Self::CodeDisabled
            | Self::BankRefusal
            | Self::AccountViolation
            | Self::ForbiddenCommerce => DeclineAdvice::OtherWallet,
            Self::AboveMaximum | Self::BelowMinimum => DeclineAdvice::OtherMethod,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // fluxqr.dev, "Error codes".
    #[test]
    fn every_listed_code_has_its_advice() {
        use DeclineAdvice as A;
        for (code, advice) in [
            ("ERR_QR_UNKNOWN", A::OtherWallet),
            ("ERR_QR_DISABLED", A::OtherWallet),
            ("ERR_QR_EXPIRED", A::NewCode),
            ("ERR_QR_MALFORMED", A::NewCode),
            ("ERR_INSUFFICIENT_BALANCE", A::InsufficientFunds),
            ("ERR_BANK_REFUSAL", A::OtherWallet),
            ("ERR_ISSUER_ACCOUNT_VIOLATION", A::OtherWallet),
            ("ERR_FORBIDDEN_COMMERCE", A::OtherWallet),
            ("ERR_MAX_AMOUNT_EXCEEDED", A::OtherMethod),
            ("ERR_MIN_AMOUNT_SUBCEED", A::OtherMethod),
        ] {
            let reason = Decline::from_code(code).unwrap();
            assert_eq!(reason.code(), code);
            assert_eq!(reason.advice(), advice, "{code}");
        }
    }

    #[test]
    fn what_is_not_listed_or_no_refusal_is_no_decline() {
        for code in [
            "",
            "ERR_QR_EXPIRED ",
            "err_qr_expired",
            "ERR_REFERENCE_ALREADY_EXISTS",
            "ERR_BAD_REQUEST",
            "ERR_UNAUTHORIZED",
            "ERR_FORBIDDEN",
            "ERR_NOT_FOUND",
            "CODIGO_DE_PRUEBA_400",
        ] {
            assert_eq!(Decline::from_code(code), None, "{code}");
        }
    }
}
