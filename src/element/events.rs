//! What the shop's page is told: one table of events.

use alloc::string::String;
use alloc::vec::Vec;

use ventanilla_core::attempt::NextAction;
use ventanilla_core::card::Brand;
use ventanilla_core::rails::Rail;

use crate::error::Trouble;

/// Something the shop's page is told. None of it is card data or a token.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Event {
    /// The form can be used.
    Ready {
        /// The rails shown, in their order.
        rails: Vec<Rail>,
    },
    /// What the buyer has chosen or filled in has changed.
    Change(Choice),
    /// The buyer has something to do or to wait for.
    Action {
        /// The rail.
        rail: Rail,
        /// What follows.
        action: NextAction,
    },
    /// The session has its outcome. Once.
    Complete {
        /// The session.
        session_id: String,
        /// The attempt.
        attempt_id: String,
        /// Its rail.
        rail: Rail,
        /// The outcome.
        outcome: Outcome,
    },
    /// Something went wrong.
    Error(Trouble),
}

/// What the buyer has chosen so far.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Choice {
    /// The rail.
    pub rail: Rail,
    /// Whether nothing is missing to pay.
    pub complete: bool,
    /// The card's brand, once it is certain.
    pub brand: Option<Brand>,
    /// The card's last four digits, once the number is whole.
    pub last4: Option<String>,
}

/// How a session ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Outcome {
    /// Paid.
    Captured,
    /// The provider held the amount for the shop, which has not taken it.
    Authorized,
    /// Declined, and no attempt is left.
    Declined,
}

impl Outcome {
    /// The outcome's name in an event's detail.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Captured => "captured",
            Self::Authorized => "authorized",
            Self::Declined => "declined",
        }
    }
}

/// `ventanilla-ready`, detail `{ rails: string[] }`.
pub const READY: &str = "ventanilla-ready";
/// `ventanilla-change`, detail `{ rail, complete: boolean, brand?: string, last4?: string }`.
pub const CHANGE: &str = "ventanilla-change";
/// `ventanilla-submit`, detail `{ rail }`. The only one that a page may prevent; it is asked, not told.
pub const SUBMIT: &str = "ventanilla-submit";
/// `ventanilla-action`, detail `{ rail, action }`: `wait`, `pay`, `identify` (a page of the provider's is
/// showing), `choose`, `try_again`, `ask_shop`.
pub const ACTION: &str = "ventanilla-action";
/// `ventanilla-complete`, detail `{ sessionId, attemptId, rail, outcome: "captured" | "authorized" | "declined" }`.
pub const COMPLETE: &str = "ventanilla-complete";
/// `ventanilla-error`, detail `{ fault, code, message }`.
pub const ERROR: &str = "ventanilla-error";

/// Every event.
pub const EVENTS: [&str; 6] = [READY, CHANGE, SUBMIT, ACTION, COMPLETE, ERROR];

/// Attributes of the element: short public text only.
pub const ATTRIBUTES: [&str; 5] = ["proxy", "locale", "mode", "rails", "inline-cards"];

/// A next action's name in an event's detail.
#[must_use]
pub const fn action_name(action: NextAction) -> &'static str {
    match action {
        NextAction::Wait => "wait",
        NextAction::Pay => "pay",
        NextAction::Identify => "identify",
        NextAction::Choose => "choose",
        NextAction::TryAgain => "try_again",
        NextAction::AskShop => "ask_shop",
        NextAction::Finish => "finish",
    }
}
