//! Refunds.

use std::time::Duration;

use crate::amount::Amount;
use crate::call::Reply;
use crate::clock::Moment;
use crate::fault::Fate;
use crate::world::State;

use super::answer::{self, Refusal, Told};
use super::ledger::{FluxRefundEntry, FluxState};
use super::options::FluxRefundType;
use super::{Asked, Flux};

impl Flux {
    pub(super) fn refund(&self, asked: &Asked, fate: Fate) -> Result<Reply, Refusal> {
        let reference = asked.reference.clone().unwrap_or_default();
        let amount = asked.centavos("amount").filter(|amount| *amount > 0);
        let amount = amount.ok_or(Refusal::BadRequest)?;
        let store = asked.text("store").ok_or(Refusal::BadRequest)?;
        let message = asked.text("message").unwrap_or_default();
        let now = self.world.clock.now();
        let mut state = self.state();
        let result = state.give_back(&reference, &store, amount, fate, now);
        let refunds = &mut state.ledger.flux.refunds;
        let before = refunds.iter().filter(|it| it.reference == reference);
        let count = u32::try_from(before.count() + 1).unwrap_or(u32::MAX);
        refunds.push(FluxRefundEntry {
            reference: reference.clone(),
            amount: Amount::of_hundredths(amount).two_decimals(),
            message,
            state: FluxState::of(result.is_ok()),
            refusal: result.err().map(|refusal| refusal.code().to_owned()),
            at: now.rfc3339(),
            count,
        });
        let place = result?;
        let paid = state.flux.paid.get(place).ok_or(Refusal::Broken)?;
        let told = Told {
            kind: match state.flux.options.refund_type {
                FluxRefundType::Payment => "payment",
                FluxRefundType::Refund => "refund",
            },
            amount,
            tip: 0,
            date: now.rfc3339(),
        };
        let json = answer::transaction(paid, told, &state.flux.options, fate);
        Ok(Reply::of(Some(reference), true, json))
    }
}

impl State {
    /// Gives money back, unless something is against it; gives the payment's place.
    fn give_back(
        &mut self,
        reference: &str,
        store: &str,
        amount: u64,
        fate: Fate,
        now: Moment,
    ) -> Result<usize, Refusal> {
        let mut paid = self.flux.paid.iter_mut().enumerate();
        let found = paid.find(|(_, paid)| {
            paid.reference.as_deref() == Some(reference) && paid.place.store == store
        });
        let (place, paid) = found.ok_or(Refusal::UnknownReference)?;
        let before: u64 = paid.refunds.iter().map(|(amount, _)| amount).sum();
        if before + amount > paid.total() {
            return Err(Refusal::BadRequest);
        }
        let visible = now.plus(Duration::from_millis(fate.hidden_ms));
        paid.refunds.push((amount, visible));
        Ok(place)
    }
}
