//! Calls for the merchant that are about no payment of ours: balances, lists, sale points.
//!
//! They take no place from payments: they have turns of their own, and none begins with a provider that does not
//! answer.

use std::time::Duration;

use ventanilla_core::problem::ProblemCode;
use ventanilla_core::rails::Rail;
use ventanilla_providers::{Outcome, ProviderCode, with_code};

use super::Machine;
use crate::error::{Error, Result};
use crate::rails::Host;
use crate::rails::card::CardRail;
use crate::rails::cvu::CvuRail;
use crate::rails::flexiti::FlexitiRail;
use crate::rails::flux::FluxRail;

/// How long a call waits for its turn.
const TURN_WITHIN: Duration = Duration::from_secs(5);

impl Machine {
    /// Waits for `call` to `host`, when it is its turn: what is proven, and the provider's own code of a
    /// refusal. Does not count for whether the host answers: what only reads proves less than a payment.
    ///
    /// # Errors
    ///
    /// `provider-unavailable` while the host is left to rest, and when there was no turn for it within 5 s.
    pub async fn read_aside<T>(
        &self,
        host: Host,
        call: impl Future<Output = Outcome<T>>,
    ) -> Result<(Outcome<T>, Option<ProviderCode>)> {
        self.breakers.refuse_if_open(&[host])?;
        let turn = tokio::time::timeout(TURN_WITHIN, self.asides.acquire()).await;
        let Ok(Ok(_turn)) = turn else {
            return Err(Error::new(ProblemCode::ProviderUnavailable)
                .detail("too many of these calls are under way")
                .retry_after(1));
        };
        Ok(with_code(call).await)
    }

    /// As [`Machine::read_aside`], for a call that leaves something behind at the provider: it counts for whether
    /// the host answers. To be run in a task of its own, since a caller may hang up.
    ///
    /// # Errors
    ///
    /// As [`Machine::read_aside`].
    pub async fn create_aside<T>(
        &self,
        host: Host,
        call: impl Future<Output = Outcome<T>>,
    ) -> Result<(Outcome<T>, Option<ProviderCode>)> {
        let (outcome, code) = self.read_aside(host, call).await?;
        self.breakers.note(host, &outcome);
        Ok((outcome, code))
    }

    /// The card rail.
    ///
    /// # Errors
    ///
    /// `rail-not-configured`.
    pub fn card(&self) -> Result<&CardRail> {
        self.card.as_ref().ok_or_else(|| missing(Rail::Card))
    }

    /// The CVU rail.
    ///
    /// # Errors
    ///
    /// `rail-not-configured`.
    pub fn cvu(&self) -> Result<&CvuRail> {
        self.cvu.as_ref().ok_or_else(|| missing(Rail::Cvu))
    }

    /// The Flux rail.
    ///
    /// # Errors
    ///
    /// `rail-not-configured`.
    pub fn flux(&self) -> Result<&FluxRail> {
        self.flux.as_ref().ok_or_else(|| missing(Rail::Flux))
    }

    /// The Flexiti rail.
    ///
    /// # Errors
    ///
    /// `rail-not-configured`.
    pub fn flexiti(&self) -> Result<&FlexitiRail> {
        self.flexiti.as_ref().ok_or_else(|| missing(Rail::Flexiti))
    }
}

fn missing(rail: Rail) -> Error {
    Error::new(ProblemCode::RailNotConfigured)
        .detail(format!("expected [{rail}] in the configuration"))
}
