//! Payment attempts: one try to pay a session on one rail.
//!
//! ```text
//!         T0             T1 (uses up the right to send)      T2
//!  new ────────▶ prepared ──────────────▶ sent ───────▶ succeeded
//!   │               │                      │ ├────────▶ declined
//!   │               └──── 1 min ─────▶ not_executed ◀── not sent
//!   └──────────────────────────▶           │ └────────▶ unknown ──▶ succeeded | declined
//!                                          │                      | not_executed | review
//!                                          └──────────▶ issued ───▶ succeeded | expired
//!                                                                 | superseded | review
//! ```
//!
//! Where the buyer pays by themselves (a link, a code), what is sent is the wish for something payable,
//! and *issued* is it being there to be paid.
//!
//! Unknown is not a failure: the money may have moved. Only a read that proves it changes an unknown
//! attempt.

use serde::{Deserialize, Serialize};

#[cfg(feature = "openapi")]
use crate::openapi::*;

/// Where an attempt stands.
///
/// Exhaustive on purpose: an outcome that a caller has not heard of must break its build.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum AttemptState {
    /// Recorded; nothing asked of the provider yet.
    New,
    /// The provider opened its order; no money can have moved.
    Prepared,
    /// The one right to send was used up; the call is on its way or was.
    Sent,
    /// The call's outcome is not known. Settled by reading, never by sending again.
    Unknown,
    /// The provider confirmed our reference, amount and currency.
    Succeeded,
    /// The issuer or provider said no.
    Declined,
    /// Proven never to have been executed.
    NotExecuted,
    /// Somebody at the merchant must look: reads did not settle it.
    Review,
    /// Money arrived although the session was paid already; to be sent back.
    Duplicate,
    /// Something payable is before the buyer, who may pay it or not.
    Issued,
    /// Its time ran out unpaid. Money may come all the same; it is watched for.
    Expired,
    /// The buyer left it for another one. Money may come all the same; it is watched for.
    Superseded,
}

impl AttemptState {
    /// Every state, in the order of the diagram.
    pub const ALL: [Self; 12] = [
        Self::New,
        Self::Prepared,
        Self::Sent,
        Self::Unknown,
        Self::Succeeded,
        Self::Declined,
        Self::NotExecuted,
        Self::Review,
        Self::Duplicate,
        Self::Issued,
        Self::Expired,
        Self::Superseded,
    ];

    /// The state's name on the wire and in the store.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Prepared => "prepared",
            Self::Sent => "sent",
            Self::Unknown => "unknown",
            Self::Succeeded => "succeeded",
            Self::Declined => "declined",
            Self::NotExecuted => "not_executed",
            Self::Review => "review",
            Self::Duplicate => "duplicate",
            Self::Issued => "issued",
            Self::Expired => "expired",
            Self::Superseded => "superseded",
        }
    }

    /// Reads a name as [`AttemptState::name`] writes it.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }

    /// Whether an attempt may go from `self` to `next`.
    ///
    /// `Sent → Prepared` is the sender handing the right back with proof that nothing was sent.
    /// A negative end may still become [`Succeeded`](Self::Succeeded) or
    /// [`Duplicate`](Self::Duplicate): success beats unknown beats negative, and late money is
    /// recorded, never dropped.
    #[must_use]
    pub const fn may_become(self, next: Self) -> bool {
        use AttemptState as S;
        matches!(
            (self, next),
            (S::New, S::Prepared | S::NotExecuted)
                | (S::Prepared, S::Sent | S::NotExecuted)
                | (
                    S::Sent,
                    S::Prepared
                        | S::Succeeded
                        | S::Declined
                        | S::NotExecuted
                        | S::Unknown
                        | S::Issued
                )
                | (
                    S::Unknown,
                    S::Succeeded | S::Declined | S::NotExecuted | S::Review | S::Duplicate
                )
                | (
                    S::Review,
                    S::Succeeded | S::Declined | S::NotExecuted | S::Duplicate
                )
                | (S::Declined | S::NotExecuted, S::Succeeded | S::Duplicate)
                | (
                    S::Issued,
                    S::Succeeded | S::Expired | S::Superseded | S::Review
                )
                | (
                    S::Expired | S::Superseded,
                    S::Succeeded | S::Duplicate | S::Review
                )
        )
    }

    /// Whether no second attempt may be started beside this one: money has moved or may have.
    #[must_use]
    pub const fn blocks_others(self) -> bool {
        matches!(
            self,
            Self::New
                | Self::Prepared
                | Self::Sent
                | Self::Unknown
                | Self::Succeeded
                | Self::Review
                | Self::Issued
        )
    }

    /// Whether money was taken with an attempt in this state.
    #[must_use]
    pub const fn took_money(self) -> bool {
        matches!(self, Self::Succeeded | Self::Duplicate)
    }

    /// Whether the attempt has ended, as far as anyone knows.
    #[must_use]
    pub const fn is_final(self) -> bool {
        matches!(
            self,
            Self::Succeeded
                | Self::Declined
                | Self::NotExecuted
                | Self::Duplicate
                | Self::Expired
                | Self::Superseded
        )
    }
}

/// What must happen before an attempt can end, or what may follow its end. One screen each.
///
/// Exhaustive on purpose, as [`AttemptState`].
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum NextAction {
    /// Nothing for the buyer to do but wait; ask again after `poll_after_ms`.
    Wait,
    /// The buyer pays what is shown; ask again after `poll_after_ms`.
    Pay,
    /// The buyer proves who they are on the provider's page; ask again after `poll_after_ms`.
    Identify,
    /// The buyer picks how to pay it off; ask again after `poll_after_ms`.
    Choose,
    /// The buyer may start another attempt.
    TryAgain,
    /// The shop is looking into it; the buyer must not pay again.
    AskShop,
    /// Done; show the receipt.
    Finish,
}

impl NextAction {
    /// What follows from an attempt's state alone. A prepared attempt may also wait for its buyer
    /// ([`Identify`](Self::Identify), [`Choose`](Self::Choose)): whoever keeps its record knows.
    #[must_use]
    pub const fn after(state: AttemptState) -> Self {
        match state {
            AttemptState::New
            | AttemptState::Prepared
            | AttemptState::Sent
            | AttemptState::Unknown => Self::Wait,
            AttemptState::Succeeded => Self::Finish,
            AttemptState::Issued => Self::Pay,
            AttemptState::Declined
            | AttemptState::NotExecuted
            | AttemptState::Expired
            | AttemptState::Superseded => Self::TryAgain,
            AttemptState::Review | AttemptState::Duplicate => Self::AskShop,
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;

    fn next_of(state: AttemptState) -> Vec<AttemptState> {
        AttemptState::ALL
            .into_iter()
            .filter(|next| state.may_become(*next))
            .collect()
    }

    #[test]
    fn an_attempt_that_ended_changes_only_because_money_arrived() {
        use AttemptState as S;
        for state in S::ALL.into_iter().filter(|state| state.is_final()) {
            let expected = match state {
                S::Succeeded | S::Duplicate => Vec::new(),
                // Money that came for it may be more or less than was asked for.
                S::Expired | S::Superseded => Vec::from([S::Succeeded, S::Review, S::Duplicate]),
                _ => Vec::from([S::Succeeded, S::Duplicate]),
            };
            assert_eq!(next_of(state), expected, "{}", state.name());
        }
    }

    #[test]
    fn every_move_is_one_the_diagram_shows() {
        use AttemptState as S;
        for (state, expected) in [
            (S::New, &[S::Prepared, S::NotExecuted][..]),
            (S::Prepared, &[S::Sent, S::NotExecuted]),
            (
                S::Sent,
                &[
                    S::Prepared,
                    S::Unknown,
                    S::Succeeded,
                    S::Declined,
                    S::NotExecuted,
                    S::Issued,
                ],
            ),
            (
                S::Issued,
                &[S::Succeeded, S::Review, S::Expired, S::Superseded],
            ),
            (
                S::Unknown,
                &[
                    S::Succeeded,
                    S::Declined,
                    S::NotExecuted,
                    S::Review,
                    S::Duplicate,
                ],
            ),
            (
                S::Review,
                &[S::Succeeded, S::Declined, S::NotExecuted, S::Duplicate],
            ),
        ] {
            assert_eq!(next_of(state), expected, "{}", state.name());
        }
    }

    #[test]
    fn what_is_not_known_never_becomes_sendable_again() {
        use AttemptState as S;
        for state in [
            S::Unknown,
            S::Review,
            S::Succeeded,
            S::Declined,
            S::NotExecuted,
            S::Duplicate,
            S::Issued,
            S::Expired,
            S::Superseded,
        ] {
            for next in [S::New, S::Prepared, S::Sent] {
                assert!(!state.may_become(next), "{} {}", state.name(), next.name());
            }
        }
    }

    #[test]
    fn every_state_can_be_reached_and_none_becomes_itself() {
        let mut reached = Vec::from([AttemptState::New]);
        while let Some(next) = reached
            .iter()
            .flat_map(|state| next_of(*state))
            .find(|next| !reached.contains(next))
        {
            reached.push(next);
        }
        assert_eq!(reached.len(), AttemptState::ALL.len());
        for state in AttemptState::ALL {
            assert!(!state.may_become(state));
        }
    }

    #[test]
    fn no_second_attempt_runs_beside_one_that_moved_money_or_may_have() {
        use AttemptState as S;
        for state in S::ALL {
            let over = matches!(
                state,
                S::Declined | S::NotExecuted | S::Duplicate | S::Expired | S::Superseded
            );
            assert_eq!(state.blocks_others(), !over, "{}", state.name());
        }
    }

    #[test]
    fn the_buyer_pays_again_only_after_a_no() {
        use AttemptState as S;
        for state in S::ALL {
            let action = NextAction::after(state);
            assert_eq!(
                action == NextAction::TryAgain,
                matches!(
                    state,
                    S::Declined | S::NotExecuted | S::Expired | S::Superseded
                ),
                "{}",
                state.name()
            );
            assert_eq!(action == NextAction::Finish, state == S::Succeeded);
            assert_eq!(action == NextAction::Pay, state == S::Issued);
            if !state.is_final() && !matches!(state, S::Review | S::Issued) {
                assert_eq!(action, NextAction::Wait);
            }
        }
    }

    #[test]
    fn a_name_reads_back_as_its_state_and_is_the_one_in_json() {
        for state in AttemptState::ALL {
            assert_eq!(AttemptState::from_name(state.name()), Some(state));
            assert_eq!(serde_json::to_value(state).unwrap(), state.name());
        }
        assert_eq!(AttemptState::from_name("Sent"), None);
    }
}
