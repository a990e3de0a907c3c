//! What the CVU rail sends to the proxy and is offered by it.
//!
//! The buyer pays from a wallet or bank of their own: by a payment link, by an interoperable QR code,
//! or by a transfer to the merchant's account. Nothing is taken; the proxy watches for the credit.

use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

#[cfg(feature = "openapi")]
use crate::openapi::*;

/// A way in which something payable is put before the buyer.
///
/// Exhaustive on purpose, as [`Rail`](crate::rails::Rail).
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Presentation {
    /// A payment link: a page of the provider where the buyer pays.
    Link,
    /// A dynamic interoperable QR code, scanned with any wallet.
    Qr,
    /// A transfer to the merchant's account, by alias or CVU.
    Transfer,
}

impl Presentation {
    /// Every presentation.
    pub const ALL: [Self; 3] = [Self::Link, Self::Qr, Self::Transfer];

    /// The name on the wire and in the store.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Link => "link",
            Self::Qr => "qr",
            Self::Transfer => "transfer",
        }
    }

    /// Reads a name as [`Presentation::name`] writes it.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.name() == name)
    }
}

/// What a session offers on the CVU rail.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CvuOffer {
    /// The presentations that the merchant has switched on, at least one.
    pub presentations: Vec<Presentation>,
}

/// The CVU part of a start request.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct CvuStart {
    /// Which presentation the buyer wants.
    pub presentation: Presentation,
}

/// Something payable as its buyer may see it. Recorded by the proxy before anybody sees it.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PayableView {
    /// How it is put before the buyer.
    pub presentation: Presentation,
    /// With [`Presentation::Link`]: an `https:` address of the provider.
    #[serde(default)]
    pub link: Option<String>,
    /// With [`Presentation::Qr`]: the EMV text, held against the session by the proxy. Drawn as it is.
    #[serde(default)]
    pub code: Option<String>,
    /// With [`Presentation::Transfer`]: where to.
    #[serde(default)]
    pub transfer: Option<TransferView>,
    /// Milliseconds until it must not be paid any more, by the proxy's clock; 0 when that is past.
    pub expires_in_ms: u64,
    /// Money was seen that may be this payment, and somebody at the shop has to look at it.
    #[serde(default)]
    pub seen: bool,
}

/// Where a transfer goes: what the buyer's bank will show, so that the buyer can compare.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TransferView {
    /// The account's alias.
    #[serde(default)]
    pub alias: Option<String>,
    /// The account's CVU or CBU, 22 digits.
    pub account: String,
    /// The account's holder.
    pub holder: String,
    /// The holder's CUIT, as `20-99900001-1`.
    pub cuit: String,
    /// An `https:` address of the provider that begins the transfer.
    #[serde(default)]
    pub link: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_reads_back_as_its_presentation_and_is_the_one_in_json() {
        for known in Presentation::ALL {
            assert_eq!(Presentation::from_name(known.name()), Some(known));
            assert_eq!(serde_json::to_value(known).unwrap(), known.name());
        }
        assert_eq!(Presentation::from_name("Link"), None);
    }

    #[test]
    fn a_start_request_takes_no_amount() {
        let start = |json| serde_json::from_str::<CvuStart>(json).is_ok();
        assert!(start(r#"{"presentation":"qr"}"#));
        assert!(!start(r#"{"presentation":"qr","amount_minor":1}"#));
        assert!(!start(r#"{"presentation":"coin"}"#));
        assert!(!start("{}"));
    }
}
