//! Payments.

use std::time::Duration;

use crate::amount::Amount;
use crate::call::Reply;
use crate::clock::Moment;
use crate::fault::{Fate, Kind};
use crate::random::{Sequence, mixed};
use crate::world::State;

use super::answer::{self, Refusal, Told};
use super::ledger::{FluxPaymentEntry, FluxState};
use super::{Asked, Flux};

/// A payment that was made.
#[derive(Clone, Debug)]
pub(super) struct Paid {
    pub(super) reference: Option<String>,
    pub(super) amount: u64,
    pub(super) tip: u64,
    pub(super) authorization: String,
    pub(super) place: Place,
    pub(super) at: Moment,
    /// Reads do not show it before.
    pub(super) visible: Moment,
    /// What was given back, each with when reads show it.
    pub(super) refunds: Vec<(u64, Moment)>,
}

impl Paid {
    pub(super) const fn total(&self) -> u64 {
        self.amount + self.tip
    }

    pub(super) fn told<'a>(&self, kind: &'a str) -> Told<'a> {
        Told {
            kind,
            amount: self.amount,
            tip: self.tip,
            date: self.at.rfc3339(),
        }
    }
}

/// Where a payment was made.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) store: String,
    pub(super) terminal: String,
    pub(super) operator: String,
    pub(super) table: String,
}

/// A payment that is asked for.
struct Wanted {
    qr: String,
    amount: u64,
    tip: u64,
    reference: Option<String>,
    place: Place,
}

impl Wanted {
    fn of(asked: &Asked) -> Option<Self> {
        let text = |name: &str| asked.text(name).unwrap_or_default();
        let is_text = |name: &str| asked.field(name).is_none_or(serde_json::Value::is_string);
        let names = ["reference", "terminal", "operator", "table"];
        if !names.into_iter().all(is_text) {
            return None;
        }
        Some(Self {
            qr: asked.text("qr")?,
            amount: asked.centavos("amount").filter(|amount| *amount > 0)?,
            tip: match asked.field("tip") {
                Some(_) => asked.centavos("tip")?,
                None => 0,
            },
            reference: asked.text("reference"),
            place: Place {
                store: asked.text("store")?,
                terminal: text("terminal"),
                operator: text("operator"),
                table: text("table"),
            },
        })
    }
}

impl Flux {
    pub(super) fn pay(&self, asked: &Asked, fate: Fate) -> Result<Reply, Refusal> {
        let wanted = Wanted::of(asked).ok_or(Refusal::BadRequest)?;
        let now = self.world.clock.now();
        let seed = self.world.seed;
        let mut state = self.state();
        let place = state.charge(&wanted, fate, seed, now)?;
        let paid = state.flux.paid.get(place).ok_or(Refusal::Broken)?;
        let told = paid.told("payment");
        let json = answer::transaction(paid, told, &state.flux.options, fate);
        Ok(Reply::of(wanted.reference, true, json))
    }
}

impl State {
    /// Takes the money, unless something is against it; gives the payment's place.
    fn charge(
        &mut self,
        wanted: &Wanted,
        fate: Fate,
        seed: u64,
        now: Moment,
    ) -> Result<usize, Refusal> {
        let count = self.flux.asked_for(wanted);
        let result = self.may_charge(wanted, fate, now);
        let line = self.ledger.flux.payments.len();
        let place = self.flux.paid.len();
        let authorization = result.is_ok().then(|| {
            let drawn = u64::try_from(place).unwrap_or_default();
            Sequence::new(seed ^ mixed(drawn | 1 << 40)).digits(6)
        });
        if let (Ok(code), Some(authorization)) = (result, &authorization) {
            if let Some(code) = self.flux.codes.get_mut(code) {
                code.used_by = Some(line);
            }
            self.flux.paid.push(Paid {
                reference: wanted.reference.clone(),
                amount: wanted.amount,
                tip: wanted.tip,
                authorization: authorization.clone(),
                place: wanted.place.clone(),
                at: now,
                visible: now.plus(Duration::from_millis(fate.hidden_ms)),
                refunds: Vec::new(),
            });
        }
        let code = self.flux.texts.get(&wanted.qr).copied();
        let pesos = |centavos| Amount::of_hundredths(centavos).two_decimals();
        tracing::info!(
            reference = wanted.reference,
            count,
            "flux payment {}",
            if result.is_ok() { "made" } else { "refused" }
        );
        self.ledger.flux.payments.push(FluxPaymentEntry {
            reference: wanted.reference.clone(),
            amount: pesos(wanted.amount),
            tip: pesos(wanted.tip),
            total: pesos(wanted.amount + wanted.tip),
            state: FluxState::of(result.is_ok()),
            refusal: result.err().map(|refusal| refusal.code().to_owned()),
            authorization,
            code: code.and_then(|place| u64::try_from(place + 1).ok()),
            store: wanted.place.store.clone(),
            terminal: wanted.place.terminal.clone(),
            operator: wanted.place.operator.clone(),
            table: wanted.place.table.clone(),
            at: now.rfc3339(),
            count,
        });
        result.map(|_| place)
    }

    /// The place of the code that pays.
    fn may_charge(&self, wanted: &Wanted, fate: Fate, now: Moment) -> Result<usize, Refusal> {
        // The reference comes first: whoever repeats a call with a fresh code must not pay twice.
        if self.is_taken(wanted) {
            return Err(Refusal::ReferenceUsed);
        }
        let beyond = fate.is(Kind::LateBeyondFence);
        self.flux.presented(&wanted.qr, now, beyond)
    }

    fn is_taken(&self, wanted: &Wanted) -> bool {
        let declined_too = self.flux.options.declined_uses_reference;
        wanted.reference.is_some()
            && self.ledger.flux.payments.iter().any(|payment| {
                payment.reference == wanted.reference
                    && payment.store == wanted.place.store
                    && (payment.state == FluxState::Done || declined_too)
            })
    }
}

impl super::Memory {
    fn asked_for(&mut self, wanted: &Wanted) -> u32 {
        let Some(reference) = &wanted.reference else {
            return 1;
        };
        let key = (wanted.place.store.clone(), reference.clone());
        let count = self.asked.entry(key).or_default();
        *count = count.saturating_add(1);
        *count
    }
}
