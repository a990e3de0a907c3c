//! The provider's identity page: where it is, and what it says when it is done.
//!
//! The page posts its message to whoever embeds it, so its origin and window are held against the frame before
//! any of this is asked. Its sets are open: only the one good combination goes on.

use alloc::string::String;

use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, ZeroizeOnDrop};

use super::advice::FinancingAdvice;
#[cfg(feature = "openapi")]
use crate::openapi::*;

/// The provider's page, to be shown in a frame and nowhere else.
///
/// Its address carries a token, so `Debug` does not show it.
#[derive(Clone, Deserialize, Eq, PartialEq, Serialize, Zeroize, ZeroizeOnDrop)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct HostedPage {
    /// Where it is: for the frame alone, never for a log, a link or a store.
    pub address: String,
    /// The origin of its messages, as `https://posapi.flexiti.fi`. Anybody else's are not read.
    pub origin: String,
    /// Milliseconds until it no longer takes the buyer, by the proxy's clock.
    pub expires_in_ms: u64,
}

impl core::fmt::Debug for HostedPage {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("HostedPage")
            .field("origin", &self.origin)
            .field("expires_in_ms", &self.expires_in_ms)
            .finish_non_exhaustive()
    }
}

/// What a message of the page holds, as far as it is read: `{eventType, eventData}`.
///
/// Members that are missing, `null` or of another kind are `None`. It holds an account number, so it has no
/// `Debug` and is wiped.
#[derive(Default, Zeroize, ZeroizeOnDrop)]
pub struct HostedEvent {
    /// `eventType`
    pub kind: String,
    /// `eventData.accountNumber`, digit by digit: a number or a text of digits.
    pub account_number: Option<String>,
    /// `eventData.verified`
    pub verified: Option<bool>,
    /// `eventData.action`
    pub action: Option<String>,
    /// `eventData.widget_session_id`
    pub widget_session_id: Option<String>,
}

/// What a message of the page means.
#[derive(Clone)]
pub enum HostedMessage {
    /// The buyer is who they say, as far as the page may be believed.
    Identified(Identified),
    /// The page is done, and not so.
    NotIdentified(NotIdentifiedAs),
}

/// How a page is done that did not say the one good thing.
///
/// Exhaustive on purpose, as [`Rail`](crate::rails::Rail).
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum NotIdentifiedAs {
    /// The account has to be activated.
    Activate,
    /// The buyer wants an account.
    Apply,
    /// The account is in bad standing.
    BadStanding,
    /// The buyer could not show who they are.
    Unverified,
    /// Another try was asked for, or something said that nobody knows.
    Retry,
    /// The page failed.
    Failure,
    /// The buyer left.
    Cancelled,
}

impl NotIdentifiedAs {
    /// Every end.
    pub const ALL: [Self; 7] = [
        Self::Activate,
        Self::Apply,
        Self::BadStanding,
        Self::Unverified,
        Self::Retry,
        Self::Failure,
        Self::Cancelled,
    ];

    /// What to suggest. It has the same name on the wire.
    #[must_use]
    pub const fn advice(self) -> FinancingAdvice {
        match self {
            Self::Activate => FinancingAdvice::Activate,
            Self::Apply => FinancingAdvice::Apply,
            Self::BadStanding => FinancingAdvice::BadStanding,
            Self::Unverified => FinancingAdvice::Unverified,
            Self::Retry => FinancingAdvice::Retry,
            Self::Failure => FinancingAdvice::Failure,
            Self::Cancelled => FinancingAdvice::Cancelled,
        }
    }
}

/// The step after a page that said the one good thing. Nothing in it is believed: the proxy holds it against
/// the session that it opened, and the provider decides. Wiped when dropped; `Debug` shows nothing.
#[derive(Clone, Deserialize, Eq, PartialEq, Serialize, Zeroize, ZeroizeOnDrop)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Identified {
    /// The session that the page names: 1 to 64 letters, digits and hyphens.
    pub widget_session_id: String,
    /// The account that the page names: 1 to 14 digits.
    pub account_number: String,
}

impl core::fmt::Debug for Identified {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Identified(..)")
    }
}

/// The step after a page that is done and did not say the one good thing: it ends the attempt.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct NotIdentified {
    /// How.
    pub end: NotIdentifiedAs,
}

impl HostedMessage {
    /// Reads a message; `None` for one that is none of the page's ends, and is to be passed over.
    ///
    /// | `eventType` | `accountNumber` | `verified` | `action` | |
    /// |---|---|---|---|---|
    /// | `flx-success` | a number | `true` | `purchase` | identified, with a session |
    /// | `flx-success` | | | `retry` | retry |
    /// | `flx-success` | none | not `true` | `activation`, `apply` | that |
    /// | `flx-success` | none | not `true` | none, `purchase` | bad standing |
    /// | `flx-success` | a number | not `true` | `purchase` | unverified |
    /// | `flx-success` | anything else | | | retry: nothing may follow from it |
    /// | `flx-failure` | | | | failure |
    /// | `flx-cancel` | | | | cancelled |
    #[must_use]
    pub fn read(event: &HostedEvent) -> Option<Self> {
        let end = match event.kind.as_str() {
            "flx-success" => match Self::succeeded(event) {
                Ok(identified) => return Some(Self::Identified(identified)),
                Err(end) => end,
            },
            "flx-failure" => NotIdentifiedAs::Failure,
            "flx-cancel" => NotIdentifiedAs::Cancelled,
            _ => return None,
        };
        Some(Self::NotIdentified(end))
    }

    fn succeeded(event: &HostedEvent) -> Result<Identified, NotIdentifiedAs> {
        let verified = event.verified == Some(true);
        match (
            event.account_number.as_deref(),
            verified,
            event.action.as_deref(),
        ) {
            (Some(account), true, Some("purchase")) => {
                let session = event.widget_session_id.as_deref();
                Identified::new(session.unwrap_or_default(), account).ok_or(NotIdentifiedAs::Retry)
            }
            (None, false, Some("activation")) => Err(NotIdentifiedAs::Activate),
            (None, false, Some("apply")) => Err(NotIdentifiedAs::Apply),
            (None, false, None | Some("purchase")) => Err(NotIdentifiedAs::BadStanding),
            (Some(_), false, Some("purchase")) => Err(NotIdentifiedAs::Unverified),
            _ => Err(NotIdentifiedAs::Retry),
        }
    }
}

impl Identified {
    /// The step, if both are in their form.
    #[must_use]
    pub fn new(widget_session_id: &str, account_number: &str) -> Option<Self> {
        let it = Self {
            widget_session_id: String::from(widget_session_id),
            account_number: String::from(account_number),
        };
        it.is_well_formed().then_some(it)
    }

    /// Whether both are in their form.
    #[must_use]
    pub fn is_well_formed(&self) -> bool {
        let session = self.widget_session_id.as_bytes();
        let account = self.account_number.as_bytes();
        let is_session = (1..=64).contains(&session.len())
            && session
                .iter()
                .all(|byte| byte.is_ascii_alphanumeric() || *byte == b'-');
        let is_account = (1..=14).contains(&account.len())
            && account.iter().all(u8::is_ascii_digit)
            && account.first() != Some(&b'0');
        is_session && is_account
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SESSION: &str = "11111111-2222-4333-8444-555555555555";

    fn event(account: Option<&str>, verified: Option<bool>, action: Option<&str>) -> HostedEvent {
        HostedEvent {
            kind: String::from("flx-success"),
            account_number: account.map(String::from),
            verified,
            action: action.map(String::from),
            widget_session_id: Some(String::from(SESSION)),
        }
    }

    fn end(event: &HostedEvent) -> Option<NotIdentifiedAs> {
        match HostedMessage::read(event).expect("an end of the page") {
            HostedMessage::Identified(_) => None,
            HostedMessage::NotIdentified(end) => Some(end),
        }
    }

    #[test]
    fn only_the_one_good_combination_goes_on() {
        let some = Some("10000001");
        for (account, verified, action, expected) in [
            (some, Some(true), Some("purchase"), None),
            (
                some,
                Some(false),
                Some("purchase"),
                Some(NotIdentifiedAs::Unverified),
            ),
            (
                some,
                None,
                Some("purchase"),
                Some(NotIdentifiedAs::Unverified),
            ),
            (
                None,
                Some(false),
                Some("activation"),
                Some(NotIdentifiedAs::Activate),
            ),
            (
                None,
                Some(false),
                Some("apply"),
                Some(NotIdentifiedAs::Apply),
            ),
            (None, Some(false), None, Some(NotIdentifiedAs::BadStanding)),
            (
                None,
                Some(false),
                Some("purchase"),
                Some(NotIdentifiedAs::BadStanding),
            ),
            (None, None, None, Some(NotIdentifiedAs::BadStanding)),
            (
                some,
                Some(true),
                Some("retry"),
                Some(NotIdentifiedAs::Retry),
            ),
            (
                None,
                Some(false),
                Some("retry"),
                Some(NotIdentifiedAs::Retry),
            ),
            // Contradictions, and words of tomorrow.
            (
                None,
                Some(true),
                Some("purchase"),
                Some(NotIdentifiedAs::Retry),
            ),
            (
                None,
                Some(true),
                Some("activation"),
                Some(NotIdentifiedAs::Retry),
            ),
            (
                some,
                Some(true),
                Some("apply"),
                Some(NotIdentifiedAs::Retry),
            ),
            (some, Some(true), None, Some(NotIdentifiedAs::Retry)),
            (some, Some(true), Some("sms"), Some(NotIdentifiedAs::Retry)),
            (
                Some("0"),
                Some(true),
                Some("purchase"),
                Some(NotIdentifiedAs::Retry),
            ),
            (
                Some("1e7"),
                Some(true),
                Some("purchase"),
                Some(NotIdentifiedAs::Retry),
            ),
        ] {
            let event = event(account, verified, action);
            assert_eq!(end(&event), expected, "{account:?} {verified:?} {action:?}");
        }
        let mut without_session = event(some, Some(true), Some("purchase"));
        without_session.widget_session_id = None;
        assert_eq!(end(&without_session), Some(NotIdentifiedAs::Retry));
    }

    #[test]
    fn what_is_no_end_of_the_page_is_passed_over() {
        for (kind, expected) in [
            ("flx-failure", Some(NotIdentifiedAs::Failure)),
            ("flx-cancel", Some(NotIdentifiedAs::Cancelled)),
        ] {
            let mut event = event(None, None, None);
            event.kind = String::from(kind);
            assert_eq!(end(&event), expected);
        }
        for kind in ["", "flx-resize", "FLX-SUCCESS", "success"] {
            let mut event = event(Some("1"), Some(true), Some("purchase"));
            event.kind = String::from(kind);
            assert!(HostedMessage::read(&event).is_none(), "{kind}");
        }
    }

    #[test]
    fn nothing_of_a_buyer_is_printed() {
        let step = Identified::new(SESSION, "10000001").unwrap();
        assert_eq!(alloc::format!("{step:?}"), "Identified(..)");
        let page = HostedPage {
            address: String::from("https://flexiti.example/#/widget/demo/TOKEN"),
            origin: String::from("https://flexiti.example"),
            expires_in_ms: 1,
        };
        let printed = alloc::format!("{page:?}");
        assert!(printed.contains("flexiti.example") && !printed.contains("TOKEN"));
    }

    #[test]
    fn an_end_has_the_name_of_its_advice() {
        for end in NotIdentifiedAs::ALL {
            assert_eq!(serde_json::to_value(end).unwrap(), end.advice().name());
        }
    }

    proptest! {
        #[test]
        fn whatever_the_page_says_only_well_formed_steps_come_of_it(
            kind in "flx-(success|failure|cancel)|\\PC{0,12}",
            account in proptest::option::of("\\PC{0,16}|[0-9]{1,16}"),
            verified: Option<bool>,
            action in proptest::option::of("purchase|apply|activation|retry|\\PC{0,10}"),
            session in proptest::option::of("[a-z0-9-]{0,70}|\\PC{0,10}"),
        ) {
            let event = HostedEvent {
                kind,
                account_number: account.clone(),
                verified,
                action: action.clone(),
                widget_session_id: session.clone(),
            };
            if let Some(HostedMessage::Identified(step)) = HostedMessage::read(&event) {
                prop_assert!(step.is_well_formed());
                prop_assert_eq!(Some(&step.account_number), account.as_ref());
                prop_assert_eq!(Some(&step.widget_session_id), session.as_ref());
                prop_assert_eq!((verified, action.as_deref()), (Some(true), Some("purchase")));
            }
        }
    }
}
