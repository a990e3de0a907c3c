//! Money that went back by transfer: one transfer for each reference, however often it was asked for, and to
//! somebody who paid.

use std::collections::{BTreeMap, HashMap};

use super::credits::minor;
use super::{Evidence, Verdict, attempts, finding};
use crate::harness::sandbox::{Cashout, CashoutState};

/// Everything that was asked for under one reference.
pub(super) struct Transfer<'a> {
    /// The attempt whose money it was.
    pub attempt: &'a str,
    /// Whether it left.
    pub left: bool,
}

/// Judges them, and gives those of attempts that a session knows.
pub(super) fn judge<'a>(evidence: &Evidence<'a>, verdict: &mut Verdict) -> Vec<Transfer<'a>> {
    let totals: HashMap<&str, u64> = attempts(evidence.sessions)
        .map(|attempt| (attempt.id.as_str(), attempt.total.minor()))
        .collect();
    let mut by_reference: BTreeMap<&str, Vec<&'a Cashout>> = BTreeMap::new();
    for cashout in &evidence.ledger.cvu.cashouts {
        let of_reference = by_reference.entry(&cashout.reference_id).or_default();
        of_reference.push(cashout);
    }
    let mut transfers = Vec::new();
    for (reference, asked) in by_reference {
        let sent: Vec<&Cashout> = asked
            .iter()
            .copied()
            .filter(|cashout| cashout.state == CashoutState::Sent)
            .collect();
        if sent.len() > 1 {
            let what = format!("its one transfer left {} times", sent.len());
            verdict.double.push(finding(reference, &what));
        }
        let refusals = asked
            .iter()
            .filter_map(|cashout| cashout.refusal.as_deref());
        if refusals.into_iter().any(|why| why == "reference_used") {
            let what = "it was asked for again otherwise than before";
            verdict.double.push(finding(reference, what));
        }
        let Some((attempt, total)) = asked.first().and_then(|cashout| {
            Some((
                cashout.description.as_str(),
                *totals.get(&*cashout.description)?,
            ))
        }) else {
            let what = "a transfer of a payment that no session knows";
            verdict.lost.push(finding(reference, what));
            continue;
        };
        for cashout in &sent {
            if cashout
                .amount
                .as_deref()
                .and_then(minor)
                .is_none_or(|amount| amount > total)
            {
                verdict
                    .double
                    .push(finding(attempt, "more went back than was paid"));
            }
            let came_from = evidence.ledger.cvu.credits.iter().any(|credit| {
                minor(&credit.amount) == Some(total)
                    && Some(&credit.payer.cvu) == cashout.cvu.as_ref()
            });
            if !came_from {
                let what = "its money went back to somebody who did not pay it";
                verdict.lost.push(finding(attempt, what));
            }
        }
        transfers.push(Transfer {
            attempt,
            left: !sent.is_empty(),
        });
    }
    transfers
}
