//! The documented ways in which a payment is refused.

/// Why a payment was declined: the codes that Flux lists for it. Whatever it does not list is no decline.
///
/// What a buyer is advised to do after each is `core`'s to say.
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
}

#[cfg(test)]
mod tests {
    use super::*;

    // fluxqr.dev, "Error codes".
    #[test]
    fn every_listed_code_reads_back_as_its_reason() {
        for reason in Decline::ALL {
            assert_eq!(Decline::from_code(reason.code()), Some(reason));
        }
        assert_eq!(
            Decline::from_code("ERR_MIN_AMOUNT_SUBCEED"),
            Some(Decline::BelowMinimum)
        );
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
