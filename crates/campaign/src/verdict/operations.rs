//! Captures, voids and refunds, by whichever rail: each at most once, each known.

use std::collections::{HashMap, HashSet};

use ventanilla_core::attempt::AttemptState;
use ventanilla_core::operation::OperationKind;
use ventanilla_core::rails::Rail;

use super::{Evidence, Verdict, attempts, finding, standing, told, transfers};
use crate::harness::sandbox::{DoneWithHold, OperationState};
use crate::harness::shop::Operation;

/// By attempt and kind, how often.
type Counts<'a> = HashMap<(&'a str, OperationKind), u32>;
/// By attempt and kind, what the merchant API has.
type Records<'a> = HashMap<(&'a str, OperationKind), Vec<&'a Operation>>;

pub(super) fn judge(evidence: &Evidence<'_>, verdict: &mut Verdict) {
    // Of several under one reference it is the one that took the money.
    let mut attempt_of: HashMap<&str, &str> = HashMap::new();
    for attempt in attempts(evidence.sessions) {
        let known = attempt_of.entry(&attempt.reference).or_insert(&attempt.id);
        if attempt.state.took_money() {
            *known = &attempt.id;
        }
    }
    let mut done = Counts::new();
    let mut asked = Counts::new();
    for entry in &evidence.ledger.operations {
        let known = attempt_of.get(entry.reference.as_str());
        match (known, OperationKind::from_name(&entry.kind)) {
            (Some(attempt), Some(kind)) => {
                *asked.entry((attempt, kind)).or_default() += 1;
                if entry.state == OperationState::Done {
                    *done.entry((attempt, kind)).or_default() += 1;
                }
            }
            _ => verdict.lost.push(finding(
                &entry.reference,
                &format!("a {} of a payment that no session knows", entry.kind),
            )),
        }
    }
    for transfer in transfers::judge(evidence, verdict) {
        let of = (transfer.attempt, OperationKind::Refund);
        *asked.entry(of).or_default() += 1;
        if transfer.left {
            *done.entry(of).or_default() += 1;
        }
    }
    for DoneWithHold { hold, kind, .. } in evidence.ledger.flexiti.done() {
        match attempt_of.get(hold) {
            Some(attempt) => {
                *asked.entry((attempt, kind)).or_default() += 1;
                *done.entry((attempt, kind)).or_default() += 1;
            }
            None => verdict.lost.push(finding(
                hold,
                &format!("a {} of a purchase that no session knows", kind.name()),
            )),
        }
    }
    let mut records = Records::new();
    for operation in evidence
        .sessions
        .iter()
        .flat_map(|session| &session.operations)
    {
        let of = (operation.attempt_id.as_str(), operation.kind);
        records.entry(of).or_default().push(operation);
    }
    // A refund that no read shows can only be said to be in doubt.
    let unshown: HashSet<(&str, OperationKind)> = attempts(evidence.sessions)
        .filter(|attempt| matches!(attempt.rail, Rail::Flux | Rail::Flexiti))
        .map(|attempt| (attempt.id.as_str(), OperationKind::Refund))
        .collect();
    judge_money(&done, &records, &unshown, verdict);
    for ((attempt, kind), times) in asked {
        let rights = records.get(&(attempt, kind)).map_or(0, Vec::len);
        if usize::try_from(times).is_ok_and(|times| times > rights) {
            verdict.double.push(finding(
                attempt,
                &format!(
                    "the provider was asked {times} times for the {} that was wanted {rights} times",
                    kind.name()
                ),
            ));
        }
    }
    judge_ends(evidence, verdict);
}

fn judge_money(
    done: &Counts<'_>,
    records: &Records<'_>,
    unshown: &HashSet<(&str, OperationKind)>,
    verdict: &mut Verdict,
) {
    let mut given_back: HashMap<&str, u32> = HashMap::new();
    for ((attempt, kind), times) in done {
        if kind.gives_back() {
            *given_back.entry(attempt).or_default() += times;
        } else if *times > 1 {
            verdict.double.push(finding(
                attempt,
                &format!("the {} was carried out {times} times", kind.name()),
            ));
        }
        let of_kind = records.get(&(*attempt, *kind));
        let mut known = in_state(of_kind, AttemptState::Succeeded);
        if unshown.contains(&(*attempt, *kind)) {
            known += in_state(of_kind, AttemptState::Unknown);
            known += in_state(of_kind, AttemptState::Review);
        }
        if known < *times {
            verdict.lost.push(finding(
                attempt,
                &format!(
                    "{} carried out {times} times, and known {known} times",
                    kind.name()
                ),
            ));
        }
    }
    for (attempt, times) in given_back {
        if times > 1 {
            verdict.double.push(finding(
                attempt,
                &format!("its money was given back {times} times"),
            ));
        }
    }
    for ((attempt, kind), operations) in records {
        let known = in_state(Some(operations), AttemptState::Succeeded);
        let times = done.get(&(*attempt, *kind)).copied().unwrap_or(0);
        if known > times {
            verdict.invented.push(finding(
                attempt,
                &format!(
                    "{} known {known} times, and carried out {times} times",
                    kind.name()
                ),
            ));
        }
    }
}

fn in_state(operations: Option<&Vec<&Operation>>, state: AttemptState) -> u32 {
    let of_it = operations
        .into_iter()
        .flatten()
        .filter(|operation| operation.state == state);
    u32::try_from(of_it.count()).unwrap_or(u32::MAX)
}

fn judge_ends(evidence: &Evidence<'_>, verdict: &mut Verdict) {
    let told = told(evidence.deliveries);
    for operation in evidence
        .sessions
        .iter()
        .flat_map(|session| &session.operations)
    {
        if operation.state == AttemptState::Succeeded {
            verdict.operations += 1;
        }
        if !operation.state.is_final() {
            verdict.unknown.push(finding(
                &operation.id,
                &standing(
                    operation.kind.name(),
                    operation.state,
                    operation.reason.as_deref(),
                ),
            ));
            continue;
        }
        let unheard = told
            .as_ref()
            .is_some_and(|told| !told.contains(&(operation.id.as_str(), operation.state)));
        if unheard {
            verdict.untold.push(finding(
                &operation.id,
                &format!(
                    "no webhook told that the {} is {}",
                    operation.kind.name(),
                    operation.state.name()
                ),
            ));
        }
    }
}
