//! How long it took until what was in doubt was settled.

use std::collections::HashMap;

use serde::Serialize;

use super::{Evidence, attempts};
use crate::clock::parse_ms;
use crate::harness::sandbox::Call;

/// From the right to send until the end, on the scaled clock, of the attempts that were in doubt.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize)]
pub struct Truth {
    /// How many of them were settled.
    pub settled: usize,
    /// Half of them took at most so many milliseconds.
    pub p50_ms: u64,
    /// 99 of 100 took at most so many.
    pub p99_ms: u64,
    /// The longest took so many.
    pub max_ms: u64,
}

pub(super) fn measure(evidence: &Evidence<'_>) -> Truth {
    let mut sent_at: HashMap<&str, i64> = HashMap::new();
    for call in &evidence.ledger.calls {
        if let (true, Some(reference), Some(at)) =
            (is_payment(call), &call.reference, parse_ms(&call.at))
        {
            sent_at.entry(reference).or_insert(at);
        }
    }
    let mut took: Vec<u64> = attempts(evidence.sessions)
        .filter(|attempt| evidence.doubted.contains(&attempt.id))
        .filter_map(|attempt| {
            let settled = parse_ms(attempt.settled_at.as_deref()?)?;
            // A call that never arrived is counted from the attempt's beginning, just before it.
            // One that goes on under a reference is not counted from the call before it.
            let created = parse_ms(&attempt.created_at);
            let sent = sent_at
                .get(attempt.reference.as_str())
                .copied()
                .max(created)?;
            Some(u64::try_from(settled - sent).unwrap_or(0))
        })
        .collect();
    took.sort_unstable();
    Truth {
        settled: took.len(),
        p50_ms: at_most(&took, 50),
        p99_ms: at_most(&took, 99),
        max_ms: took.last().copied().unwrap_or(0),
    }
}

/// Whether a call asks for money.
pub(super) fn is_payment(call: &Call) -> bool {
    matches!(
        call.operation.as_str(),
        "pay" | "token_payment" | "flux_pay" | "flexiti_authorize"
    )
}

/// The smallest of `sorted` that `percent` of them do not exceed.
fn at_most(sorted: &[u64], percent: usize) -> u64 {
    let rank = (sorted.len() * percent).div_ceil(100);
    sorted.get(rank.saturating_sub(1)).copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_values_that_occurred() {
        let sorted: Vec<u64> = (1..=200).collect();
        assert_eq!(at_most(&sorted, 50), 100);
        assert_eq!(at_most(&sorted, 99), 198);
        assert_eq!(at_most(&[7], 50), 7);
        assert_eq!(at_most(&[], 99), 0);
    }
}
