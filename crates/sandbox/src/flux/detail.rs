//! Look-ups.

use crate::call::Reply;
use crate::fault::{Fate, Kind};

use super::answer::{self, Refusal};
use super::{Asked, Flux, seen_at};

impl Flux {
    pub(super) fn detail(&self, asked: &Asked, fate: Fate) -> Result<Reply, Refusal> {
        if fate.is(Kind::ReadFails) {
            return Err(Refusal::Broken);
        }
        let moment = seen_at(&self.world, fate).ok_or(Refusal::UnknownReference)?;
        let reference = asked.reference.clone().unwrap_or_default();
        let state = self.state();
        let options = &state.flux.options;
        let mut payments = state.flux.paid.iter();
        let seen = payments
            .find(|paid| paid.reference.as_deref() == Some(&reference) && paid.visible <= moment);
        let paid = seen.ok_or(Refusal::UnknownReference)?;
        let is_refunded =
            options.shows_refunds && paid.refunds.iter().any(|(_, visible)| *visible <= moment);
        let kind = if is_refunded { "refund" } else { "payment" };
        let json = answer::transaction(paid, paid.told(kind), options, fate);
        Ok(Reply::of(Some(reference), true, json))
    }
}
