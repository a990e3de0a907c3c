//! Payment sessions: one merchant order to be paid.

use serde::{Deserialize, Serialize};

#[cfg(feature = "openapi")]
use crate::openapi::*;

/// Where a payment session stands.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum SessionState {
    /// May be paid.
    Open,
    /// Paid: one attempt succeeded. Final.
    Succeeded,
    /// Its time ran out, or the merchant ended it, before it was paid.
    Expired,
}

impl SessionState {
    /// Every state.
    pub const ALL: [Self; 3] = [Self::Open, Self::Succeeded, Self::Expired];

    /// The state's name on the wire and in the store.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Succeeded => "succeeded",
            Self::Expired => "expired",
        }
    }

    /// Reads a name as [`SessionState::name`] writes it.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }

    /// Whether a session may go from `self` to `next`.
    ///
    /// An expired session may still turn out paid: the money moved before the expiry was known.
    #[must_use]
    pub const fn may_become(self, next: Self) -> bool {
        matches!(
            (self, next),
            (Self::Open, Self::Succeeded | Self::Expired) | (Self::Expired, Self::Succeeded)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_paid_session_stays_paid_and_an_expired_one_is_never_opened_again() {
        use SessionState as S;
        for state in S::ALL {
            for next in S::ALL {
                let allowed = [
                    (S::Open, S::Succeeded),
                    (S::Open, S::Expired),
                    (S::Expired, S::Succeeded),
                ];
                assert_eq!(state.may_become(next), allowed.contains(&(state, next)));
            }
        }
    }

    #[test]
    fn a_name_reads_back_as_its_state_and_is_the_one_in_json() {
        for state in SessionState::ALL {
            assert_eq!(SessionState::from_name(state.name()), Some(state));
            assert_eq!(serde_json::to_value(state).unwrap(), state.name());
        }
    }
}
