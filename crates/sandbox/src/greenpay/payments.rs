//! What the provider remembers of each reference, so that no list has to be searched.

use std::collections::HashMap;

use crate::amount::Amount;
use crate::clock::Moment;
use crate::ledger::{Ledger, OperationKind};

/// Everything known, by reference.
#[derive(Debug, Default)]
pub(super) struct Payments(HashMap<String, Dossier>);

/// What is known of a reference.
#[derive(Debug, Default)]
pub(super) struct Dossier {
    /// Its newest order: where in the ledger.
    order: Option<usize>,
    /// Its debits, approved and declined.
    debits: Vec<Payment>,
    asked: Asked,
}

/// How often an operation was asked for.
#[derive(Debug, Default)]
struct Asked {
    void: u32,
    capture: u32,
    refund: u32,
}

/// A debit that the bank has answered.
#[derive(Debug)]
pub(super) struct Payment {
    /// Where in the ledger.
    pub(super) line: usize,
    pub(super) approved: bool,
    pub(super) amount: Amount,
    pub(super) executed: Moment,
    /// Reads do not show it before.
    pub(super) visible: Moment,
    pub(super) changes: Vec<Change>,
}

/// An operation that was done.
#[derive(Clone, Copy, Debug)]
pub(super) struct Change {
    pub(super) kind: OperationKind,
    /// Reads do not show it before.
    pub(super) visible: Moment,
}

impl Payments {
    pub(super) fn has_seen(&self, reference: &str) -> bool {
        self.0
            .get(reference)
            .is_some_and(|dossier| dossier.order.is_some() || !dossier.debits.is_empty())
    }

    pub(super) fn note_order(&mut self, reference: &str, line: usize) {
        self.0.entry(reference.to_owned()).or_default().order = Some(line);
    }

    /// Notes a debit; gives how often the reference was debited, this time included.
    pub(super) fn note_debit(&mut self, reference: &str, payment: Payment) -> u32 {
        let debits = &mut self.0.entry(reference.to_owned()).or_default().debits;
        debits.push(payment);
        u32::try_from(debits.len()).unwrap_or(u32::MAX)
    }

    /// Notes that an operation was asked for; gives how often it was, this time included.
    pub(super) fn note_asked(&mut self, reference: &str, kind: OperationKind) -> u32 {
        let asked = &mut self.0.entry(reference.to_owned()).or_default().asked;
        let count = match kind {
            OperationKind::Void => &mut asked.void,
            OperationKind::Capture => &mut asked.capture,
            OperationKind::Refund => &mut asked.refund,
        };
        *count = count.saturating_add(1);
        *count
    }

    pub(super) fn of(&self, reference: &str) -> &[Payment] {
        self.0
            .get(reference)
            .map_or(&[], |dossier| dossier.debits.as_slice())
    }

    pub(super) fn of_mut(&mut self, reference: &str) -> &mut [Payment] {
        self.0
            .get_mut(reference)
            .map_or(&mut [], |dossier| dossier.debits.as_mut_slice())
    }

    /// The merchant's description of what a reference is for.
    pub(super) fn description<'a>(&self, reference: &str, ledger: &'a Ledger) -> Option<&'a str> {
        let dossier = self.0.get(reference)?;
        let ordered = dossier.order.and_then(|line| ledger.orders.get(line));
        let debited = || ledger.debits.get(dossier.debits.first()?.line);
        ordered
            .map(|order| order.description.as_str())
            .or_else(|| debited().map(|debit| debit.description.as_str()))
    }
}

impl Payment {
    /// Whether one of these was done to it, seen or not.
    pub(super) fn is_changed_by(&self, kinds: &[OperationKind]) -> bool {
        self.changes
            .iter()
            .any(|change| kinds.contains(&change.kind))
    }

    /// The word that a read at `moment` shows; none when it does not find the payment. Of these words
    /// the first is documented; the others are made up after it.
    pub(super) fn state_at(&self, moment: Moment) -> Option<&'static str> {
        if !self.approved || self.visible > moment {
            return None;
        }
        let newest = self
            .changes
            .iter()
            .rev()
            .find(|change| change.visible <= moment);
        Some(match newest.map(|change| change.kind) {
            None => "approved",
            Some(OperationKind::Void) => "voided",
            Some(OperationKind::Capture) => "captured",
            Some(OperationKind::Refund) => "refunded",
        })
    }
}
