//! The browser API without the browser: what to send, and how to read the answer.
//!
//! This module sends nothing. A [`Call`] says method, path, headers and body; the caller sends it
//! with what it has (fetch in the widget, reqwest in tests), reads the JSON into the call's answer
//! type or into a [`Problem`](crate::problem::Problem), and keeps the rest to itself.

mod view;

use alloc::string::{String, ToString};
use core::marker::PhantomData;

use serde::{Deserialize, Serialize};

#[cfg(feature = "openapi")]
use crate::openapi::*;
use crate::rails::Rail;
use crate::rails::card::CardStart;
use crate::rails::cvu::CvuStart;
use crate::rails::flexiti::{FinancingChoice, FlexitiStart, Identified, NotIdentified};
use crate::rails::flux::FluxStart;

pub use view::{AttemptView, BuyerText, CheckoutView, ItemView, ReceiptView};

/// The header that carries the idempotency key.
pub const IDEMPOTENCY_KEY: &str = "Idempotency-Key";

/// Where [`read_checkout`] reads the session.
pub const CHECKOUT_PATH: &str = "/v1/checkout";

/// Longest time, in seconds, that [`read_attempt`] may ask the proxy to hold the answer back.
pub const MAX_WAIT_SECS: u8 = 25;

/// One request to the proxy's browser API. Every call carries `Authorization: Bearer <client token>`
/// and, with a body, `Content-Type: application/json`.
pub struct Call<B, A> {
    /// `GET` or `POST`.
    pub method: &'static str,
    /// Path and query below the proxy's origin.
    pub path: String,
    /// Goes into the [`IDEMPOTENCY_KEY`] header.
    pub idempotency_key: Option<IdempotencyKey>,
    /// The JSON body.
    pub body: Option<B>,
    answer: PhantomData<A>,
}

/// The body of a call that has none.
#[derive(Serialize)]
pub enum NoBody {}

/// `GET /v1/checkout`: the session as the buyer may see it.
#[must_use]
pub fn read_checkout() -> Call<NoBody, CheckoutView> {
    Call {
        method: "GET",
        path: String::from(CHECKOUT_PATH),
        idempotency_key: None,
        body: None,
        answer: PhantomData,
    }
}

/// `POST /v1/checkout/attempts`: starts an attempt. The same key never starts two; repeated, it
/// answers with the attempt as it stands now.
#[must_use]
pub fn start_attempt(key: IdempotencyKey, start: StartAttempt) -> Call<StartAttempt, AttemptView> {
    Call {
        method: "POST",
        path: String::from("/v1/checkout/attempts"),
        idempotency_key: Some(key),
        body: Some(start),
        answer: PhantomData,
    }
}

/// `GET /v1/checkout/attempts/{id}`: an attempt's state and next action. With `wait_secs` the proxy
/// holds the answer back until the state changes, [`MAX_WAIT_SECS`] at most.
#[must_use]
pub fn read_attempt(id: &str, wait_secs: u8) -> Call<NoBody, AttemptView> {
    let mut path = ["/v1/checkout/attempts/", id].concat();
    if wait_secs > 0 {
        path.push_str("?wait=");
        path.push_str(&wait_secs.min(MAX_WAIT_SECS).to_string());
    }
    Call {
        method: "GET",
        path,
        idempotency_key: None,
        body: None,
        answer: PhantomData,
    }
}

/// `POST /v1/checkout/attempts/{id}/steps`: the buyer takes a step in an attempt. Repeated, it changes
/// nothing more and answers with the attempt as it stands.
#[must_use]
pub fn take_step(id: &str, step: Step) -> Call<Step, AttemptView> {
    Call {
        method: "POST",
        path: ["/v1/checkout/attempts/", id, "/steps"].concat(),
        idempotency_key: None,
        body: Some(step),
        answer: PhantomData,
    }
}

/// The body of [`take_step`].
///
/// Exhaustive on purpose, as [`Rail`].
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(tag = "step", rename_all = "snake_case", deny_unknown_fields)]
pub enum Step {
    /// The buyer leaves what is shown ([`AttemptState::Issued`](crate::attempt::AttemptState::Issued))
    /// for another presentation or rail. Money that comes for it all the same is seen. Also leaves what
    /// waits for the buyer before anything was sent.
    Supersede,
    /// The buyer says that it was paid: the provider is asked at once. Nothing is believed.
    Check,
    /// The provider's page said that the buyer is who they say
    /// ([`NextAction::Identify`](crate::attempt::NextAction::Identify)).
    Identified(Identified),
    /// The provider's page is done and did not say so: the attempt is over.
    NotIdentified(NotIdentified),
    /// The buyer picked how to pay it off
    /// ([`NextAction::Choose`](crate::attempt::NextAction::Choose)).
    Finance(FinancingChoice),
}

/// The body of [`start_attempt`]. There is no amount in it, and none is accepted; a tip, on the rail
/// that has one, is held against the session.
#[derive(Clone, Deserialize, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct StartAttempt {
    /// The rail.
    pub rail: Rail,
    /// With [`Rail::Card`], what the card rail needs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub card: Option<CardStart>,
    /// With [`Rail::Cvu`], what the CVU rail needs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cvu: Option<CvuStart>,
    /// With [`Rail::Flux`], what the Flux rail needs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flux: Option<FluxStart>,
    /// With [`Rail::Flexiti`], what the Flexiti rail needs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flexiti: Option<FlexitiStart>,
}

/// Names one intended effect: 16 to 64 characters out of `A-Z a-z 0-9 _ -`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct IdempotencyKey(String);

/// A text that is not an [`IdempotencyKey`].
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct IdempotencyKeyError;

impl core::fmt::Display for IdempotencyKeyError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("an idempotency key has 16 to 64 characters out of A-Z a-z 0-9 _ -")
    }
}

impl core::error::Error for IdempotencyKeyError {}

impl IdempotencyKey {
    /// The key's text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// A key of 128 random bits in 32 lower-case hex digits.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        let mut text = String::with_capacity(32);
        for nibble in bytes.into_iter().flat_map(|byte| [byte >> 4, byte & 15]) {
            text.push(char::from_digit(u32::from(nibble), 16).unwrap_or('0'));
        }
        Self(text)
    }
}

impl core::str::FromStr for IdempotencyKey {
    type Err = IdempotencyKeyError;

    fn from_str(text: &str) -> Result<Self, IdempotencyKeyError> {
        let fits = (16..=64).contains(&text.len())
            && text
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
        fits.then(|| Self(String::from(text)))
            .ok_or(IdempotencyKeyError)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::rails::card::SealedCardMessage;
    use crate::rails::flexiti::NotIdentifiedAs;

    fn key(text: &str) -> Result<IdempotencyKey, IdempotencyKeyError> {
        text.parse()
    }

    #[test]
    fn an_idempotency_key_has_16_to_64_characters_of_its_alphabet() {
        for text in ["abcdefghijklmnop", "A-Z_a-z-0123456789", &"k".repeat(64)] {
            assert_eq!(
                key(text).map(|key| key.as_str().to_string()),
                Ok(text.to_string())
            );
        }
        for text in [
            "",
            "abcdefghijklmno",
            &"k".repeat(65),
            "abcdefghijklmno ",
            "abcdefghijklmno.",
            "abcdefghijklmnoñ",
            " abcdefghijklmnop",
        ] {
            assert_eq!(key(text), Err(IdempotencyKeyError), "{text:?}");
        }
    }

    #[test]
    fn a_start_carries_the_key_and_no_amount() {
        let call = start_attempt(
            key("0123456789abcdef").unwrap(),
            StartAttempt {
                rail: Rail::Card,
                card: Some(CardStart {
                    sealed: Some(SealedCardMessage {
                        ld: "00".into(),
                        lk: "AA==".into(),
                    }),
                    saved_card: None,
                    installments: None,
                    save_card: false,
                }),
                cvu: None,
                flux: None,
                flexiti: None,
            },
        );
        assert_eq!(
            (call.method, call.path.as_str()),
            ("POST", "/v1/checkout/attempts")
        );
        assert_eq!(call.idempotency_key.unwrap().as_str(), "0123456789abcdef");
        assert_eq!(
            serde_json::to_string(&call.body.unwrap()).unwrap(),
            r#"{"rail":"card","card":{"sealed":{"ld":"00","lk":"AA=="},"save_card":false}}"#
        );
        for body in [
            r#"{"rail":"card","amount_minor":1}"#,
            r#"{"rail":"card","currency":"CRC"}"#,
            r#"{"rail":"barter"}"#,
            r#"{}"#,
        ] {
            assert!(
                serde_json::from_str::<StartAttempt>(body).is_err(),
                "{body}"
            );
        }
    }

    #[test]
    fn a_step_names_itself_and_takes_nothing_else() {
        let identified = Identified::new("11111111-2222-4333-8444-555555555555", "10000001");
        for (step, json) in [
            (Step::Supersede, r#"{"step":"supersede"}"#),
            (Step::Check, r#"{"step":"check"}"#),
            (
                Step::Identified(identified.unwrap()),
                r#"{"step":"identified","widget_session_id":"11111111-2222-4333-8444-555555555555","account_number":"10000001"}"#,
            ),
            (
                Step::NotIdentified(NotIdentified {
                    end: NotIdentifiedAs::Cancelled,
                }),
                r#"{"step":"not_identified","end":"cancelled"}"#,
            ),
            (
                Step::Finance(FinancingChoice::Regular {}),
                r#"{"step":"finance","by":"regular"}"#,
            ),
            (
                Step::Finance(FinancingChoice::Plan {
                    plan: "4".into(),
                    months: 6,
                }),
                r#"{"step":"finance","by":"plan","plan":"4","months":6}"#,
            ),
        ] {
            assert_eq!(serde_json::to_string(&step).unwrap(), json);
            assert_eq!(serde_json::from_str::<Step>(json).unwrap(), step);
            let more = json.replacen('{', r#"{"amount_minor":1,"#, 1);
            let bare = matches!(step, Step::Supersede | Step::Check);
            assert!(
                bare || serde_json::from_str::<Step>(&more).is_err(),
                "{more}"
            );
        }
    }

    #[test]
    fn reads_have_neither_key_nor_body_and_wait_no_longer_than_allowed() {
        let checkout = read_checkout();
        assert_eq!(
            (checkout.method, checkout.path.as_str()),
            ("GET", "/v1/checkout")
        );
        assert!(checkout.body.is_none() && checkout.idempotency_key.is_none());
        assert_eq!(read_attempt("at_1", 0).path, "/v1/checkout/attempts/at_1");
        assert_eq!(
            read_attempt("at_1", 5).path,
            "/v1/checkout/attempts/at_1?wait=5"
        );
        assert_eq!(
            read_attempt("at_1", 255).path,
            "/v1/checkout/attempts/at_1?wait=25"
        );
    }

    proptest! {
        #[test]
        fn a_key_made_of_random_bytes_reads_back_and_tells_them_apart(a: [u8; 16], b: [u8; 16]) {
            let (key_a, key_b) = (IdempotencyKey::from_bytes(a), IdempotencyKey::from_bytes(b));
            prop_assert_eq!(key(key_a.as_str()), Ok(key_a.clone()));
            prop_assert_eq!(key_a == key_b, a == b);
            prop_assert_eq!(key_a.as_str(), hex::encode(a));
        }
    }
}
