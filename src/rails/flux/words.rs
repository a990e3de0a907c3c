//! What is said about a camera, and about what was read.

use ventanilla_core::wallet_code::NotAWalletCode;

use super::reading::Failure;
use crate::locale::Texts;

impl Texts {
    /// Why the camera cannot be used, and what to do.
    #[must_use]
    pub const fn camera_failure(&self, failure: Failure) -> &'static str {
        match failure {
            Failure::Denied => self.flux_denied,
            Failure::Policy => self.flux_policy,
            Failure::Missing => self.flux_missing,
            Failure::Busy => self.flux_in_use,
            Failure::Insecure => self.flux_insecure,
            Failure::Ended => self.flux_ended,
            Failure::Broken => self.flux_broken,
            Failure::NoDecoder => self.flux_no_decoder,
        }
    }

    /// What was read instead of a wallet's code.
    #[must_use]
    pub const fn wrong_code(&self, wrong: NotAWalletCode) -> &'static str {
        match wrong {
            NotAWalletCode::Empty => self.flux_code_missing,
            NotAWalletCode::WebAddress => self.flux_code_address,
            NotAWalletCode::MerchantCode => self.flux_code_merchant,
            NotAWalletCode::Account => self.flux_code_account,
            NotAWalletCode::TooLong => self.flux_code_long,
            NotAWalletCode::Spaces => self.flux_code_spaces,
            NotAWalletCode::NotPrintable => self.flux_code_foreign,
        }
    }
}
