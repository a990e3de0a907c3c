//! One folder per rail: what it offers, what it takes, and how it reaches its provider.
//!
//! There is no trait over them: rails share a lifecycle, which is the machine's, not operations.

pub mod card;
pub mod cvu;
pub mod flexiti;
pub mod flux;

/// A provider's host, as far as it can fail apart from another.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Host {
    /// GreenPay's for orders, reads, saved cards and operations.
    GreenpayMerchant,
    /// GreenPay's for sealed cards.
    GreenpayCheckout,
    /// The CVU wallet's.
    CvuWallet,
    /// Flux's.
    Flux,
    /// Flexiti's.
    Flexiti,
}

impl Host {
    /// Every host.
    pub const ALL: [Self; 5] = [
        Self::GreenpayMerchant,
        Self::GreenpayCheckout,
        Self::CvuWallet,
        Self::Flux,
        Self::Flexiti,
    ];

    /// The name in logs and metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::GreenpayMerchant => "greenpay_merchant",
            Self::GreenpayCheckout => "greenpay_checkout",
            Self::CvuWallet => "cvu_wallet",
            Self::Flux => "flux",
            Self::Flexiti => "flexiti",
        }
    }
}
