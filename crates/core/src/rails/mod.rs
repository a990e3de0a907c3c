//! The ways to pay, and what each sends and receives.

pub mod card;
pub mod cvu;
pub mod flexiti;
pub mod flux;

use serde::{Deserialize, Serialize};

#[cfg(feature = "openapi")]
use crate::openapi::*;

/// A way to pay.
///
/// Exhaustive on purpose: a rail that a place has not heard of must not compile there.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Rail {
    /// A payment card, by GreenPay (Costa Rica).
    Card,
    /// A payment link, QR code or transfer, by a CVU wallet (Argentina).
    Cvu,
    /// A wallet's code, read and charged at once, by Flux (Mexico).
    Flux,
    /// Financing, by Flexiti (Canada).
    Flexiti,
}

impl Rail {
    /// Every rail, in the order in which they are offered unless a merchant says otherwise.
    pub const ALL: [Self; 4] = [Self::Card, Self::Cvu, Self::Flux, Self::Flexiti];

    /// The rail's name on the wire, in configuration and in logs.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Card => "card",
            Self::Cvu => "cvu",
            Self::Flux => "flux",
            Self::Flexiti => "flexiti",
        }
    }

    /// Reads a name as [`Rail::name`] writes it; `None` for any other text.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|rail| rail.name() == name)
    }
}

impl core::fmt::Display for Rail {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_reads_back_as_its_rail_and_is_the_one_in_json() {
        for rail in Rail::ALL {
            assert_eq!(Rail::from_name(rail.name()), Some(rail));
            assert_eq!(serde_json::to_value(rail).unwrap(), rail.name());
        }
        assert_eq!(Rail::from_name("Card"), None);
    }
}
