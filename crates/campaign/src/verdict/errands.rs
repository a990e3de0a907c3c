//! What was asked for without a checkout: each at most once, each known.

use std::collections::{BTreeMap, HashSet};

use ventanilla_core::attempt::AttemptState;
use ventanilla_core::operation::OperationKind;

use super::{Verdict, finding};
use crate::harness::receiver::Deliveries;
use crate::harness::sandbox::{Cashout, CashoutState, Debit, DebitState, Ledger};
use crate::harness::shop::Operation;

/// Something that was asked for without a checkout, as the merchant API has it at the end.
#[derive(Clone, Debug)]
pub struct Errand {
    /// The operation.
    pub operation: Operation,
    /// What nothing else in the ledger is described by.
    pub name: String,
    /// The subscription that it pays.
    pub subscription: Option<String>,
}

/// Whether a debit is none of a checkout's.
fn is_of_errand(debit: &Debit) -> bool {
    debit.bulk_id.is_some() || debit.subscription_id.is_some()
}

/// Whether a transfer is none that goes back: it is described by the operation's own identifier.
fn goes_out(cashout: &Cashout) -> bool {
    cashout.description.starts_with("opr_")
}

/// The ledger without what belongs to no checkout.
#[must_use]
pub fn without_errands(ledger: &Ledger) -> Ledger {
    let mut rest = ledger.clone();
    rest.debits.retain(|debit| !is_of_errand(debit));
    rest.cvu.cashouts.retain(|cashout| !goes_out(cashout));
    rest
}

fn approved(ledger: &Ledger) -> impl Iterator<Item = &Debit> {
    let debits = ledger.debits.iter();
    debits.filter(|debit| debit.state == DebitState::Approved)
}

/// Judges them, and what the ledger has that none of them asked for.
pub fn judge(
    errands: &[Errand],
    ledger: &Ledger,
    deliveries: Option<&Deliveries>,
    verdict: &mut Verdict,
) {
    let approved: Vec<&Debit> = approved(ledger)
        .filter(|debit| is_of_errand(debit))
        .collect();
    for errand in errands {
        judge_end(errand, deliveries, verdict);
        if errand.operation.state == AttemptState::Succeeded {
            verdict.operations += 1;
        }
    }
    judge_done(errands, ledger, &approved, verdict);
    judge_strangers(errands, ledger, &approved, verdict);
}

/// Judges one of several, of which nobody pays the same subscription, by a ledger that they share.
pub fn judge_one(
    errand: &Errand,
    ledger: &Ledger,
    deliveries: Option<&Deliveries>,
    verdict: &mut Verdict,
) {
    let approved: Vec<&Debit> = approved(ledger).collect();
    judge_end(errand, deliveries, verdict);
    judge_done(std::slice::from_ref(errand), ledger, &approved, verdict);
}

fn judge_done(errands: &[Errand], ledger: &Ledger, approved: &[&Debit], verdict: &mut Verdict) {
    let mut paid: BTreeMap<&str, Vec<&Errand>> = BTreeMap::new();
    for errand in errands {
        let Some(subscription) = &errand.subscription else {
            for (what, times, known) in moved(errand, ledger, approved) {
                // In doubt, or for a person: it may have been.
                let may_be = !errand.operation.state.is_final();
                judge_times(&errand.operation.id, &what, times, known, may_be, verdict);
            }
            continue;
        };
        paid.entry(subscription).or_default().push(errand);
    }
    judge_subscriptions(&paid, approved, verdict);
}

fn judge_end(errand: &Errand, deliveries: Option<&Deliveries>, verdict: &mut Verdict) {
    let operation = &errand.operation;
    let is_told = || deliveries.is_none_or(|told| told.told(&operation.id, operation.state));
    if operation.state.is_final() && !is_told() {
        let what = format!("no webhook told that it is {}", operation.state.name());
        verdict.untold.push(finding(&operation.id, &what));
    }
}

fn judge_times(
    id: &str,
    what: &str,
    times: usize,
    known: bool,
    may_be: bool,
    verdict: &mut Verdict,
) {
    match (times, known) {
        (2.., _) => {
            let what = format!("{what} was done {times} times");
            verdict.double.push(finding(id, &what));
        }
        (1, false) => {
            let what = format!("{what} was done, and is not known");
            let findings = if may_be {
                &mut verdict.unknown
            } else {
                &mut verdict.lost
            };
            findings.push(finding(id, &what));
        }
        // It says so for a day, and then asks a person.
        (0, false) if may_be => verdict.waiting += 1,
        (0, true) => {
            let what = format!("{what} was never done");
            verdict.invented.push(finding(id, &what));
        }
        _ => {}
    }
}

/// What was to be done, how often it was, and whether it is said to be.
fn moved(errand: &Errand, ledger: &Ledger, approved: &[&Debit]) -> Vec<(String, usize, bool)> {
    let operation = &errand.operation;
    let is_done = operation.state == AttemptState::Succeeded;
    match operation.kind {
        OperationKind::CashOut => {
            let sent = ledger.cvu.cashouts.iter().filter(|cashout| {
                cashout.state == CashoutState::Sent && cashout.description == operation.id
            });
            vec![(String::from("the transfer"), sent.count(), is_done)]
        }
        OperationKind::Deposit => {
            let brought = ledger.flexiti.deposits.iter();
            let times = brought.filter(|it| it.request_id == errand.name);
            vec![(String::from("the deposit"), times.count(), is_done)]
        }
        OperationKind::Bulk => {
            let items = operation.items.iter().map(|item| {
                let debits = approved.iter();
                let times = debits.filter(|debit| debit.reference == item.reference);
                let known = item.state == AttemptState::Succeeded;
                (format!("payment {}", item.reference), times.count(), known)
            });
            items.collect()
        }
        _ => {
            let times = subscriptions_called(&errand.name, ledger);
            vec![(String::from("the subscription"), times, is_done)]
        }
    }
}

/// How many were made whose description begins so: the proxy puts its reference behind it.
fn subscriptions_called(name: &str, ledger: &Ledger) -> usize {
    let beginning = format!("{name} (");
    let made = ledger.subscriptions.iter();
    made.filter(|entry| entry.change == "created" && entry.description.starts_with(&beginning))
        .count()
}

/// Payments of one subscription have no reference of ours: as many were made as are known.
fn judge_subscriptions(
    paid: &BTreeMap<&str, Vec<&Errand>>,
    approved: &[&Debit],
    verdict: &mut Verdict,
) {
    for (subscription, errands) in paid {
        let debits = approved
            .iter()
            .filter(|debit| debit.subscription_id.as_deref() == Some(subscription))
            .count();
        let states = || errands.iter().map(|errand| errand.operation.state);
        let known = states()
            .filter(|state| *state == AttemptState::Succeeded)
            .count();
        let may_be = states().filter(|state| !state.is_final()).count();
        if debits > errands.len() {
            let what = format!("{debits} payments, and {} were asked for", errands.len());
            verdict.double.push(finding(subscription, &what));
        } else if debits > known + may_be {
            let what = format!("{debits} payments, and {known} are known");
            verdict.lost.push(finding(subscription, &what));
        } else if debits > known {
            let what = format!("{debits} payments, and {known} are known yet");
            verdict.unknown.push(finding(subscription, &what));
        } else if known > debits {
            let what = format!("{known} payments are known, and there are {debits}");
            verdict.invented.push(finding(subscription, &what));
        } else {
            verdict.waiting += may_be;
        }
    }
}

fn judge_strangers(
    errands: &[Errand],
    ledger: &Ledger,
    approved: &[&Debit],
    verdict: &mut Verdict,
) {
    let items = errands.iter().flat_map(|errand| &errand.operation.items);
    let references: HashSet<&str> = items.map(|item| item.reference.as_str()).collect();
    let ids: HashSet<&str> = errands.iter().map(|it| it.operation.id.as_str()).collect();
    let subscriptions: HashSet<&str> = errands
        .iter()
        .filter_map(|errand| errand.subscription.as_deref())
        .collect();
    for debit in approved {
        let is_known = match &debit.subscription_id {
            Some(id) => subscriptions.contains(id.as_str()),
            None => references.contains(debit.reference.as_str()),
        };
        if !is_known {
            let what = "an approved debit that nobody asked for";
            verdict.lost.push(finding(&debit.reference, what));
        }
    }
    let names: HashSet<&str> = errands.iter().map(|errand| errand.name.as_str()).collect();
    for brought in &ledger.flexiti.deposits {
        if !names.contains(brought.request_id.as_str()) {
            let what = "a deposit that nobody asked for";
            verdict.lost.push(finding(&brought.request_id, what));
        }
    }
    for cashout in ledger.cvu.cashouts.iter().filter(|it| goes_out(it)) {
        if cashout.state == CashoutState::Sent && !ids.contains(cashout.description.as_str()) {
            let what = "a transfer that nobody asked for";
            verdict.lost.push(finding(&cashout.reference_id, what));
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn errand(kind: &str, state: &str, items: &Value) -> Errand {
        let operation = json!({
            "id": "opr_1", "kind": kind, "state": state, "items": items,
            "created_at": "2026-11-20T13:00:00.000Z",
        });
        Errand {
            operation: serde_json::from_value(operation).unwrap(),
            name: String::from("E-1"),
            subscription: (kind == "subscription_payment").then(|| String::from("sub")),
        }
    }

    fn ledger(debits: &[Value], transfers: usize, subscriptions: usize) -> Ledger {
        let debits = debits.iter().map(|debit| {
            let mut whole = json!({ "amount": "10.00", "currency": "CRC", "state": "approved" });
            for (name, value) in debit.as_object().unwrap() {
                whole[name] = value.clone();
            }
            serde_json::from_value(whole).unwrap()
        });
        let transfer = json!({
            "reference_id": "r", "cvu": null, "amount": "10.00", "description": "opr_1",
            "state": "sent", "refusal": null,
        });
        let made = json!({ "change": "created", "description": "E-1 (r)" });
        let mut ledger = Ledger {
            debits: debits.collect(),
            subscriptions: vec![serde_json::from_value(made).unwrap(); subscriptions],
            ..Ledger::default()
        };
        ledger.cvu.cashouts = vec![serde_json::from_value(transfer).unwrap(); transfers];
        ledger
    }

    fn brought(times: usize) -> Ledger {
        let one = json!({ "request_id": "E-1" });
        let mut ledger = Ledger::default();
        ledger.flexiti.deposits = vec![serde_json::from_value(one).unwrap(); times];
        ledger
    }

    /// How many findings of double, lost, invented and unknown, and how many wait.
    fn found(errands: &[Errand], ledger: &Ledger) -> [usize; 5] {
        let mut verdict = Verdict::default();
        judge(errands, ledger, None, &mut verdict);
        let Verdict {
            double,
            lost,
            invented,
            unknown,
            waiting,
            ..
        } = verdict;
        [
            double.len(),
            lost.len(),
            invented.len(),
            unknown.len(),
            waiting,
        ]
    }

    #[test]
    fn what_was_done_is_held_against_what_is_known_of_it() {
        let none = json!([]);
        let paid = json!({ "reference": "sub_1", "subscription_id": "sub" });
        for (kind, once, twice) in [
            ("cash_out", ledger(&[], 1, 0), ledger(&[], 2, 0)),
            ("subscription", ledger(&[], 0, 1), ledger(&[], 0, 2)),
            ("deposit", brought(1), brought(2)),
            (
                "subscription_payment",
                ledger(std::slice::from_ref(&paid), 0, 0),
                ledger(&[paid.clone(), paid.clone()], 0, 0),
            ),
        ] {
            let never = ledger(&[], 0, 0);
            let done = [errand(kind, "succeeded", &none)];
            assert_eq!(found(&done, &once), [0; 5], "{kind}");
            assert_eq!(found(&done, &twice), [1, 0, 0, 0, 0], "{kind}");
            assert_eq!(found(&done, &never), [0, 0, 1, 0, 0], "{kind}");
            let not = [errand(kind, "not_executed", &none)];
            assert_eq!(found(&not, &never), [0; 5], "{kind}");
            assert_eq!(found(&not, &once), [0, 1, 0, 0, 0], "{kind}");
            let doubted = [errand(kind, "unknown", &none)];
            assert_eq!(found(&doubted, &once), [0, 0, 0, 1, 0], "{kind}");
            assert_eq!(found(&doubted, &never), [0, 0, 0, 0, 1], "{kind}");
        }
    }

    #[test]
    fn each_payment_of_many_is_held_against_its_own_debit() {
        let items = json!([
            { "reference": "a", "state": "succeeded" }, { "reference": "b", "state": "not_executed" },
        ]);
        let bulk = [errand("bulk", "succeeded", &items)];
        let debit = |reference: &str| json!({ "reference": reference, "bulk_id": "1" });
        assert_eq!(found(&bulk, &ledger(&[debit("a")], 0, 0)), [0; 5]);
        assert_eq!(found(&bulk, &ledger(&[], 0, 0)), [0, 0, 1, 0, 0]);
        let both = ledger(&[debit("a"), debit("b")], 0, 0);
        assert_eq!(found(&bulk, &both), [0, 1, 0, 0, 0]);
        let strange = ledger(&[debit("a"), debit("c")], 0, 0);
        assert_eq!(found(&bulk, &strange), [0, 1, 0, 0, 0]);
    }

    #[test]
    fn the_checkouts_ledger_has_nothing_of_it() {
        let debit = json!({ "reference": "a", "bulk_id": "1" });
        let rest = without_errands(&ledger(&[debit, json!({ "reference": "b" })], 2, 0));
        assert_eq!(rest.debits.len(), 1);
        assert!(rest.cvu.cashouts.is_empty());
    }
}
