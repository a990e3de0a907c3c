//! What the card rail sends to the proxy and is offered by it.

use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::card::Brand;
#[cfg(feature = "openapi")]
use crate::openapi::*;

/// What a session offers on the card rail.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CardOffer {
    /// The provider's RSA public key, SPKI in standard base64 on one line.
    pub public_key: String,
    /// SHA-256 fingerprints of that key's SPKI bytes that may be sealed to, 64 lower-case hex digits
    /// each: the current one and, around a change of keys, the next.
    pub key_pins: Vec<String>,
    /// Whether a key of 1024 to 2047 bits may be used. GreenPay hands out 1024-bit keys.
    pub accept_weak_key: bool,
    /// Installment counts the buyer may pick besides paying at once, each from 2 to 99, ascending.
    pub installments: Vec<u8>,
    /// Cards this buyer saved before, newest first.
    pub saved_cards: Vec<SavedCardView>,
    /// Whether the buyer may be asked to save the card.
    pub save_card: SaveCardPolicy,
}

/// Whether a session lets the buyer save a card.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum SaveCardPolicy {
    /// Nothing is offered or saved.
    #[default]
    Never,
    /// A box, not ticked beforehand.
    Ask,
}

/// A saved card as its buyer may see it.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SavedCardView {
    /// The proxy's own identifier of the saved card; the provider's card token stays in the proxy.
    pub id: String,
    /// The card's brand, when it is known.
    pub brand: Option<Brand>,
    /// Last four digits.
    pub last4: String,
    /// Expiry month, 1 to 12, when the provider told it.
    pub expiry_month: Option<u8>,
    /// Expiry year, four digits, when the provider told it.
    pub expiry_year: Option<u16>,
}

/// The card part of a start request: exactly one of [`CardStart::sealed`] and
/// [`CardStart::saved_card`].
#[derive(Clone, Deserialize, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct CardStart {
    /// A card typed now, sealed in the browser.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sealed: Option<SealedCardMessage>,
    /// [`SavedCardView::id`] of a saved card.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub saved_card: Option<String>,
    /// The installments picked, out of [`CardOffer::installments`]; none is a single payment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub installments: Option<u8>,
    /// The buyer ticked the box that saves the card. Only with [`CardStart::sealed`].
    #[serde(default)]
    pub save_card: bool,
}

/// `ld` and `lk` on their way to the proxy. As good as a card number to whoever breaks the
/// provider's key, so it has no `Debug` and is never stored.
#[derive(Clone, Deserialize, Serialize, zeroize::Zeroize, zeroize::ZeroizeOnDrop)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct SealedCardMessage {
    /// The card as AES-128-CTR ciphertext, lower-case hex.
    pub ld: String,
    /// The key envelope as RSAES-PKCS1-v1_5 ciphertext, standard base64.
    pub lk: String,
}

/// Largest accepted `ld`, in characters: a card object of 1 KiB is several times the longest real one.
pub const LD_MAX_CHARS: usize = 2048;
/// Largest accepted `lk`, in characters: 8192 bits in base64.
pub const LK_MAX_CHARS: usize = 1368;

/// What to suggest to a buyer whose card was declined.
///
/// The bank's own words are never shown, and neither is a reason that would help somebody who holds
/// a stolen card: such codes are [`DeclineAdvice::OtherCard`].
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum DeclineAdvice {
    /// The bank wants to hear from its customer.
    CallBank,
    /// The number was not accepted: look at it again.
    CheckNumber,
    /// The expiry date was not accepted, or the card has expired.
    CheckExpiry,
    /// Not enough money or credit on this card.
    InsufficientFunds,
    /// Another card or another method.
    OtherCard,
    /// Nothing wrong with the card: try again.
    TryAgain,
    /// The bank or its network does not answer now: try later.
    TryLater,
    /// The shop's set-up is at fault, not the buyer.
    AskShop,
}

impl DeclineAdvice {
    /// The advice for a GreenPay response code (`result.resp_code`), by the table of codes that
    /// GreenPay's help centre and its public shop plugins print.
    ///
    /// Codes of two and three digits mix and `2xx` is not always `xx`, so each is listed. A code
    /// that is not listed is a plain decline.
    #[must_use]
    pub fn for_greenpay(code: &str) -> Self {
        match code {
            "01" | "201" => Self::CallBank,
            "03" | "203" | "13" | "30" | "89" => Self::AskShop,
            "14" => Self::CheckNumber,
            "19" | "899" => Self::TryAgain,
            "51" | "251" => Self::InsufficientFunds,
            "54" => Self::CheckExpiry,
            "91" | "96" | "296" => Self::TryLater,
            _ => Self::OtherCard,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // GreenPay's help centre, "FAQ" of 2020-02-25, and the tables in its public shop plugins.
    #[test]
    fn every_listed_response_code_has_its_advice() {
        use DeclineAdvice as A;
        for (codes, advice) in [
            (&["01", "201"][..], A::CallBank),
            (&["03", "203", "13", "30", "89"], A::AskShop),
            (&["14"], A::CheckNumber),
            (&["19", "899"], A::TryAgain),
            (&["51", "251"], A::InsufficientFunds),
            (&["54"], A::CheckExpiry),
            (&["91", "96", "296"], A::TryLater),
            (
                &[
                    "05", "205", "12", "212", "31", "55", "255", "58", "62", "262", "63", "65",
                    "78", "278",
                ],
                A::OtherCard,
            ),
        ] {
            for code in codes {
                assert_eq!(A::for_greenpay(code), advice, "{code}");
            }
        }
    }

    #[test]
    fn a_thief_learns_nothing_from_the_advice() {
        // Picked up, lost, retained, retained, fraud.
        for code in ["04", "41", "43", "241", "996"] {
            assert_eq!(
                DeclineAdvice::for_greenpay(code),
                DeclineAdvice::for_greenpay("05"),
                "{code}"
            );
        }
    }

    #[test]
    fn a_code_nobody_listed_is_a_plain_decline() {
        for code in [
            "", "1", "5", "00", "0", "001", "051", "291", "51 ", "٥١", "999999", "null",
        ] {
            assert_eq!(
                DeclineAdvice::for_greenpay(code),
                DeclineAdvice::OtherCard,
                "{code:?}"
            );
        }
    }

    #[test]
    fn a_start_request_takes_no_field_it_does_not_know() {
        let start = |json| serde_json::from_str::<CardStart>(json).is_ok();
        assert!(start(r#"{"sealed":{"ld":"00","lk":"AA=="}}"#));
        assert!(start(
            r#"{"saved_card":"card_1","installments":3,"save_card":false}"#
        ));
        assert!(!start(r#"{"sealed":{"ld":"00","lk":"AA==","amount":1}}"#));
        assert!(!start(r#"{"saved_card":"card_1","amount_minor":1}"#));
        assert!(!start(r#"{"saved_card":"card_1","installments":256}"#));
    }
}
