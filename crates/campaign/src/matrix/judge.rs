//! What may be held against the proxy, by the name of the rule.
//!
//! | rule | |
//! |---|---|
//! | I1 | no payment moves money twice |
//! | I2 | one right, one call |
//! | I3 | what moved is known |
//! | I4 | what did not move is not claimed |
//! | I5 | an end is an end, unless a negative one turns out to have been paid |
//! | I6 | what was given back, or captured, was so once |
//! | I7 | the merchant was told of every end |
//! | I8 | no card data or secret is on disk |
//! | known | everything has ended; a capture or refund that no read disproves may wait for a person, and so may what only a list shows |
//! | played | the case went as it should |
//! | came by | the place was on the way |

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use ventanilla_core::attempt::AttemptState;
use ventanilla_core::operation::OperationKind;
use ventanilla_core::session::SessionState;

use super::play::Played;
use crate::harness::sandbox::Ledger;
use crate::harness::shop::Session;
use crate::leak::Leak;
use crate::verdict::{Evidence, Finding, compare};

/// Something that must not be.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Fault {
    /// The rule's name.
    pub rule: &'static str,
    /// In words.
    pub what: String,
}

/// The ledger by reference.
pub(super) struct Books {
    whole: Ledger,
    of: HashMap<String, Ledger>,
}

impl Books {
    pub fn of(ledger: Ledger) -> Self {
        let mut of: HashMap<String, Ledger> = HashMap::new();
        for debit in &ledger.debits {
            let part = of.entry(debit.reference.clone()).or_default();
            part.debits.push(debit.clone());
        }
        for operation in &ledger.operations {
            let part = of.entry(operation.reference.clone()).or_default();
            part.operations.push(operation.clone());
        }
        for call in &ledger.calls {
            if let Some(reference) = &call.reference {
                let part = of.entry(reference.clone()).or_default();
                part.calls.push(call.clone());
            }
        }
        Self { whole: ledger, of }
    }

    /// Whether everything that it says about a session is known there.
    pub fn are_known_to(&self, session: &Session) -> bool {
        let verdict = compare(&Evidence {
            sessions: std::slice::from_ref(session),
            ledger: &self.about(std::slice::from_ref(session)),
            deliveries: None,
            doubted: &HashSet::new(),
            credits: &[],
            by_hand: &HashSet::new(),
            in_time: IN_TIME,
        });
        verdict.lost.is_empty()
    }

    /// What it says about the references of sessions.
    fn about(&self, sessions: &[Session]) -> Ledger {
        let mut about = Ledger {
            cvu: self.whole.cvu.clone(),
            ..Ledger::default()
        };
        let attempts = sessions.iter().flat_map(|session| &session.attempts);
        let references: HashSet<&str> =
            attempts.map(|attempt| attempt.reference.as_str()).collect();
        about.flexiti = self.whole.flexiti.about(&references);
        // Where each operation has a reference of its own, its calls have that one.
        let done = self.whole.flexiti.done();
        let of_holds = done.iter().filter(|one| references.contains(one.hold));
        let operations: HashSet<&str> = of_holds.map(|one| one.reference).collect();
        for reference in references.union(&operations) {
            if let Some(part) = self.of.get(*reference) {
                about.debits.extend(part.debits.iter().cloned());
                about.operations.extend(part.operations.iter().cloned());
                about.calls.extend(part.calls.iter().cloned());
            }
        }
        about
    }

    /// Debits, holds and operations of references that are none of `known`.
    pub fn strangers(&self, known: &HashSet<&str>) -> Vec<String> {
        let whole = &self.whole;
        let debits = whole.debits.iter().map(|debit| debit.reference.as_str());
        let operations = whole.operations.iter().map(|one| one.reference.as_str());
        let holds = whole.flexiti.authorizations.iter();
        let holds = holds.map(|hold| hold.reference.as_deref().unwrap_or_default());
        let done = whole.flexiti.done();
        let strangers: HashSet<&str> = debits
            .chain(operations)
            .chain(holds)
            .chain(done.iter().map(|one| one.hold))
            .filter(|reference| !known.contains(reference))
            .collect();
        let mut strangers: Vec<String> = strangers.into_iter().map(str::to_owned).collect();
        strangers.sort();
        strangers
    }
}

pub(super) fn judge(played: &Played, books: &Books, leaks: &[&Leak]) -> Vec<Fault> {
    let mut faults = played.trouble.clone();
    let mut add = |rule: &'static str, what: String| faults.push(Fault { rule, what });
    if !played.came_by {
        add(
            "came by",
            String::from("the proxy did not come by the place"),
        );
    }
    for leak in leaks {
        let file = leak.file.display();
        add("I8", format!("{} ({}) in {file}", leak.kind, leak.form));
    }
    for (id, states) in &played.history {
        for (before, after) in states.iter().zip(states.iter().skip(1)) {
            if !may_follow(*before, *after) {
                add(
                    "I5",
                    format!("{id} was {} and then {}", before.name(), after.name()),
                );
            }
        }
    }
    let is_nothing = played.sessions.is_empty() && played.errand.is_none();
    if is_nothing && played.trouble.is_empty() {
        add("played", String::from("there is no session"));
    }
    if let Some(done) = &played.errand {
        let ledger = played.ledger.as_ref().unwrap_or(&books.whole);
        done.judge(ledger, &played.told, &mut add);
    }
    if !played.sessions.is_empty() {
        let ledger = match &played.ledger {
            Some(ledger) => ledger.clone(),
            None => books.about(&played.sessions),
        };
        judge_sessions(played, &ledger, &mut add);
    }
    faults
}

fn judge_sessions(played: &Played, ledger: &Ledger, add: &mut impl FnMut(&'static str, String)) {
    let by_hand = played.settled.iter().map(|credit| credit.id.clone());
    let verdict = compare(&Evidence {
        sessions: &played.sessions,
        ledger,
        deliveries: Some(&played.told),
        doubted: &HashSet::new(),
        credits: &played.settled,
        by_hand: &by_hand.collect(),
        in_time: IN_TIME,
    });
    let double = if played.case.deed.kind().is_some() {
        "I6"
    } else {
        "I1"
    };
    for (rule, findings) in [
        (double, &verdict.double),
        ("I3", &verdict.lost),
        ("I4", &verdict.invented),
        ("I7", &verdict.untold),
        ("I7", &verdict.untrue),
    ] {
        for Finding { about, what } in findings {
            add(rule, format!("{about}: {what}"));
        }
    }
    for session in &played.sessions {
        judge_session(session, ledger, add);
    }
    judge_calls_of_holds(ledger, add);
}

fn judge_session(session: &Session, ledger: &Ledger, add: &mut impl FnMut(&'static str, String)) {
    judge_calls(session, ledger, add);
    let is_paid = session.state == SessionState::Succeeded;
    for attempt in &session.attempts {
        // What is shown waits for its buyer, unless another one was paid.
        let waits = attempt.state == AttemptState::Issued && !is_paid;
        if !attempt.state.is_final() && !waits {
            add(
                "known",
                format!("{} is {}", attempt.id, attempt.state.name()),
            );
        }
    }
    for operation in &session.operations {
        let may_wait = operation.state == AttemptState::Review
            && matches!(
                operation.kind,
                OperationKind::Capture | OperationKind::Refund
            );
        if !operation.state.is_final() && !may_wait {
            add(
                "known",
                format!("{} is {}", operation.id, operation.state.name()),
            );
        }
    }
}

/// The provider, which misbehaves in no case, was called once for each right at the most.
fn judge_calls(session: &Session, ledger: &Ledger, add: &mut impl FnMut(&'static str, String)) {
    let calls = |names: &[&str], reference: &str| {
        let is_one = |call: &&crate::harness::sandbox::Call| {
            names.contains(&call.operation.as_str()) && call.reference.as_deref() == Some(reference)
        };
        ledger.calls.iter().filter(is_one).count()
    };
    for attempt in &session.attempts {
        let names = ["pay", "token_payment", "flux_pay", "flexiti_authorize"];
        let times = calls(&names, &attempt.reference);
        // Those that went out under one reference have a right each.
        let is_of = |other: &&crate::harness::shop::Attempt| other.reference == attempt.reference;
        if times > session.attempts.iter().filter(is_of).count() {
            add("I2", format!("{} was sent {times} times", attempt.id));
        }
        for kind in OperationKind::ALL {
            let is_of = |operation: &&crate::harness::shop::Operation| {
                operation.attempt_id == attempt.id && operation.kind == kind
            };
            let rights = session.operations.iter().filter(is_of).count();
            let of_flux = format!("flux_{}", kind.name());
            let times = calls(&[kind.name(), &of_flux], &attempt.reference);
            if times > rights {
                let (id, name) = (&attempt.id, kind.name());
                add(
                    "I2",
                    format!("{times} calls to {name} {id}, and {rights} rights"),
                );
            }
        }
    }
}

/// Of held credit each operation has a reference of its own, and so has its right.
fn judge_calls_of_holds(ledger: &Ledger, add: &mut impl FnMut(&'static str, String)) {
    let done = ledger.flexiti.done();
    let known: HashSet<(OperationKind, &str)> =
        done.iter().map(|one| (one.kind, one.reference)).collect();
    for (kind, reference) in known {
        let name = format!("flexiti_{}", kind.name());
        let is_one = |call: &&crate::harness::sandbox::Call| {
            call.operation == name && call.reference.as_deref() == Some(reference)
        };
        let times = ledger.calls.iter().filter(is_one).count();
        if times > 1 {
            let name = kind.name();
            add(
                "I2",
                format!("the {name} {reference} was sent {times} times"),
            );
        }
    }
}

/// Whether what was seen in one state may be seen in another afterwards.
fn may_follow(before: AttemptState, after: AttemptState) -> bool {
    use AttemptState as S;
    match before {
        S::Declined | S::NotExecuted | S::Expired | S::Superseded => {
            matches!(after, S::Succeeded | S::Duplicate)
        }
        _ => !before.is_final(),
    }
}

/// A credit is awaited for no longer than a minute of real time, in which half an hour goes by.
const IN_TIME: Duration = Duration::from_secs(90 * 60);

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::case::{Action, Case, Deed};
    use super::*;
    use crate::harness::receiver::{Deliveries, Message};

    const REFERENCE: &str = "abv45ck6evxp5slfnbx4hezbk7";

    fn session(state: &str, operations: &Value) -> Session {
        let total = json!({"amount_minor": 1_001, "currency": "CRC"});
        let at = "2026-11-20T13:00:00.000Z";
        serde_json::from_value(json!({
            "id": "ses_1",
            "state": if state == "succeeded" { "succeeded" } else { "open" },
            "total": total,
            "attempts": [{
                "id": "att_1", "state": state, "reference": REFERENCE, "total": total,
                "created_at": at, "settled_at": at,
            }],
            "operations": operations,
        }))
        .unwrap()
    }

    fn operation(kind: &str, state: &str) -> Value {
        json!([{
            "id": "opr_1", "attempt_id": "att_1", "kind": kind, "state": state,
            "created_at": "2026-11-20T13:00:00.000Z",
        }])
    }

    fn ledger(debits: usize, calls: &[&str]) -> Ledger {
        let debit = json!({
            "reference": REFERENCE, "amount": "10.01", "currency": "CRC", "state": "approved",
        });
        let calls: Vec<Value> = calls
            .iter()
            .map(|name| {
                json!({
                    "operation": name, "reference": REFERENCE, "fault": null,
                    "at": "2026-11-20T13:00:00.000Z",
                })
            })
            .collect();
        Ledger {
            debits: vec![serde_json::from_value(debit).unwrap(); debits],
            calls: serde_json::from_value(calls.into()).unwrap(),
            ..Ledger::default()
        }
    }

    fn played(deed: Deed, session: Session) -> Played {
        let tell = |name: &str, id: &str, state: AttemptState| -> Message {
            let data = json!({ name: { "id": id, "state": state } });
            serde_json::from_value(json!({ "type": "any", "data": data })).unwrap()
        };
        let attempts = session.attempts.iter();
        let operations = session.operations.iter();
        let messages = attempts
            .map(|attempt| tell("attempt", &attempt.id, attempt.state))
            .chain(operations.map(|one| tell("operation", &one.id, one.state)))
            .collect();
        Played {
            case: Case {
                deed,
                point: "t1.after",
                action: Action::Exit,
            },
            sessions: vec![session],
            ledger: None,
            settled: Vec::new(),
            errand: None,
            told: Deliveries {
                messages,
                ..Deliveries::default()
            },
            came_by: true,
            history: HashMap::new(),
            ends: Vec::new(),
            trouble: Vec::new(),
            took: Duration::ZERO,
        }
    }

    fn rules(played: &Played, ledger: Ledger) -> Vec<&'static str> {
        let faults = judge(played, &Books::of(ledger), &[]);
        faults.iter().map(|fault| fault.rule).collect()
    }

    #[test]
    fn a_payment_that_was_made_told_and_sent_once_is_clean() {
        let played = played(Deed::Pay, session("succeeded", &json!([])));
        assert!(rules(&played, ledger(1, &["create_order", "pay", "transaction"])).is_empty());
    }

    #[test]
    fn money_is_held_against_what_is_known_of_it() {
        let paid = played(Deed::Pay, session("succeeded", &json!([])));
        assert_eq!(rules(&paid, ledger(2, &["pay"])), ["I1"]);
        assert_eq!(rules(&paid, ledger(0, &["pay"])), ["I4", "I4"]);
        let never = played(Deed::Pay, session("not_executed", &json!([])));
        assert_eq!(rules(&never, ledger(1, &["pay"])), ["I3"]);
        assert!(rules(&never, ledger(0, &[])).is_empty());
    }

    #[test]
    fn more_calls_than_rights_are_told() {
        let finds =
            |played: &Played, calls: &[&str]| rules(played, ledger(1, calls)).contains(&"I2");
        let paid = played(Deed::Pay, session("succeeded", &json!([])));
        assert!(!finds(&paid, &["pay", "transaction", "transaction"]));
        assert!(finds(&paid, &["pay", "pay"]));
        assert!(finds(&paid, &["pay", "token_payment"]));
        assert!(finds(&paid, &["pay", "void"]));
        let never = session("succeeded", &operation("void", "not_executed"));
        let voided = played(Deed::Void, never);
        assert!(!finds(&voided, &["pay", "void"]));
        assert!(finds(&voided, &["pay", "void", "void"]));
    }

    /// A purchase that was financed, and captured in so many calls under one reference.
    fn captured(calls: usize) -> Ledger {
        let flexiti = json!({
            "sessions": [], "releases": [], "returns": [], "refunds": [],
            "authorizations": [
                { "authorization_id": 7, "reference": REFERENCE, "amount": "10.01" },
            ],
            "captures": [{
                "authorization_id": 7, "capture_id": 9, "reference": "of-the-capture", "amount": "10.01",
            }],
        });
        let call = |name: &str, reference: &str| {
            json!({
                "operation": name, "reference": reference, "fault": null,
                "at": "2026-11-20T13:00:00.000Z",
            })
        };
        let authorized = std::iter::once(call("flexiti_authorize", REFERENCE));
        let captured = std::iter::repeat_n(call("flexiti_capture", "of-the-capture"), calls);
        let calls: Vec<Value> = authorized.chain(captured).collect();
        Ledger {
            calls: serde_json::from_value(calls.into()).unwrap(),
            flexiti: serde_json::from_value(flexiti).unwrap(),
            ..Ledger::default()
        }
    }

    #[test]
    fn an_operation_on_held_credit_that_was_sent_twice_is_told_by_its_own_reference() {
        let mut session = session("succeeded", &operation("capture", "succeeded"));
        session.attempts[0].rail = ventanilla_core::rails::Rail::Flexiti;
        let played = played(Deed::CaptureFlexiti, session);
        assert!(rules(&played, captured(1)).is_empty());
        assert_eq!(rules(&played, captured(2)), ["I2"]);
    }

    #[test]
    fn credit_that_is_held_for_nobody_is_found() {
        let books = Books::of(captured(1));
        assert_eq!(books.strangers(&HashSet::new()), [REFERENCE]);
        assert!(books.strangers(&HashSet::from([REFERENCE])).is_empty());
    }

    #[test]
    fn an_end_that_changes_is_told_unless_it_turns_out_to_be_paid() {
        use AttemptState as S;
        for (states, expected) in [
            (vec![S::New, S::Sent, S::Unknown, S::Succeeded], false),
            (vec![S::NotExecuted, S::Succeeded], false),
            (vec![S::Declined, S::Duplicate], false),
            (vec![S::Succeeded, S::Unknown], true),
            (vec![S::Sent, S::NotExecuted, S::Sent], true),
            (vec![S::Declined, S::NotExecuted], true),
        ] {
            let mut played = played(Deed::Pay, session("succeeded", &json!([])));
            played.history = HashMap::from([(String::from("att_1"), states.clone())]);
            let found = rules(&played, ledger(1, &["pay"]));
            assert_eq!(found.contains(&"I5"), expected, "{states:?}");
        }
    }

    #[test]
    fn only_what_no_read_disproves_may_wait_for_a_person() {
        for (deed, kind, state, expected) in [
            (Deed::Refund, "refund", "review", false),
            (Deed::Capture, "capture", "review", false),
            (Deed::Refund, "refund", "unknown", true),
            (Deed::Void, "void", "review", true),
            (Deed::Void, "void", "sent", true),
        ] {
            let played = played(deed, session("succeeded", &operation(kind, state)));
            let found = rules(&played, ledger(1, &["pay", kind]));
            assert_eq!(found.contains(&"known"), expected, "{kind} {state}");
        }
        let doubted = played(Deed::Pay, session("unknown", &json!([])));
        assert_eq!(rules(&doubted, ledger(0, &["pay"])), ["known"]);
    }

    #[test]
    fn what_the_provider_did_is_known_once_a_session_says_so() {
        let books = Books::of(ledger(1, &[]));
        assert!(books.are_known_to(&session("succeeded", &json!([]))));
        assert!(!books.are_known_to(&session("not_executed", &json!([]))));
    }

    #[test]
    fn what_was_not_told_is_told_here() {
        let mut played = played(Deed::Pay, session("succeeded", &json!([])));
        played.told.messages.clear();
        assert_eq!(rules(&played, ledger(1, &["pay"])), ["I7"]);
    }

    #[test]
    fn a_case_that_proves_nothing_fails() {
        let mut played = played(Deed::Pay, session("succeeded", &json!([])));
        played.came_by = false;
        assert_eq!(rules(&played, ledger(1, &["pay"])), ["came by"]);
        played.came_by = true;
        played.sessions.clear();
        assert_eq!(rules(&played, ledger(1, &["pay"])), ["played"]);
    }

    #[test]
    fn money_that_nobody_knows_of_is_found() {
        let books = Books::of(ledger(1, &[]));
        assert_eq!(books.strangers(&HashSet::new()), [REFERENCE]);
        assert!(books.strangers(&HashSet::from([REFERENCE])).is_empty());
    }
}
