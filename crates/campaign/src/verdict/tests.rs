mod credits;
mod holds;
mod transfers;

use serde_json::json;

use super::*;
use crate::harness::receiver::Message;

/// A shop with one paid session, of which everybody tells the same.
struct World {
    sessions: Vec<Session>,
    ledger: Ledger,
    deliveries: Deliveries,
    doubted: HashSet<String>,
    credits: Vec<Credit>,
    by_hand: HashSet<String>,
}

impl World {
    fn new() -> Self {
        let mut world = Self {
            sessions: Vec::new(),
            ledger: Ledger::default(),
            deliveries: Deliveries::default(),
            doubted: HashSet::new(),
            credits: Vec::new(),
            by_hand: HashSet::new(),
        };
        world.session("1", "succeeded", &["succeeded"]);
        world.debit("1-0", "1250.50");
        world.tell("attempt", "att_1-0", "succeeded");
        assert!(world.verdict().is_clean() && world.verdict().unknown.is_empty());
        assert_eq!(world.verdict().paid, 1);
        world
    }

    fn session(&mut self, name: &str, state: &str, attempts: &[&str]) {
        let total = json!({ "amount_minor": 125_050, "currency": "CRC" });
        let attempts: Vec<_> = attempts
            .iter()
            .enumerate()
            .map(|(index, state)| {
                json!({ "id": format!("att_{name}-{index}"), "state": state, "total": total,
                    "reference": format!("{name}-{index}"), "created_at": "2026-11-20T12:00:00Z" })
            })
            .collect();
        let session = json!({ "id": format!("ses_{name}"), "state": state, "total": total,
            "attempts": attempts });
        self.sessions.push(serde_json::from_value(session).unwrap());
    }

    fn debit(&mut self, reference: &str, amount: &str) {
        let debit = json!({ "reference": reference, "amount": amount, "currency": "CRC",
            "state": "approved" });
        self.ledger
            .debits
            .push(serde_json::from_value(debit).unwrap());
    }

    fn operation(&mut self, id: &str, kind: &str, state: &str) {
        let operation = json!({ "id": id, "attempt_id": "att_1-0", "kind": kind, "state": state,
            "created_at": "2026-11-20T12:00:00Z" });
        self.sessions[0]
            .operations
            .push(serde_json::from_value(operation).unwrap());
    }

    fn carried_out(&mut self, reference: &str, kind: &str) {
        self.asked(reference, kind, "done");
    }

    fn asked(&mut self, reference: &str, kind: &str, state: &str) {
        let entry = json!({ "reference": reference, "kind": kind, "state": state });
        self.ledger
            .operations
            .push(serde_json::from_value(entry).unwrap());
    }

    fn tell(&mut self, what: &str, id: &str, state: &str) {
        let message =
            json!({ "type": "attempt.x", "data": { what: { "id": id, "state": state } } });
        self.deliveries
            .messages
            .push(serde_json::from_value::<Message>(message).unwrap());
    }

    fn verdict(&self) -> Verdict {
        compare(&Evidence {
            sessions: &self.sessions,
            ledger: &self.ledger,
            deliveries: Some(&self.deliveries),
            doubted: &self.doubted,
            credits: &self.credits,
            by_hand: &self.by_hand,
            in_time: Duration::from_secs(40 * 60),
        })
    }

    /// How many of each: double, lost, invented, unknown, untold.
    fn counts(&self) -> [usize; 5] {
        let verdict = self.verdict();
        [
            verdict.double.len(),
            verdict.lost.len(),
            verdict.invented.len(),
            verdict.unknown.len(),
            verdict.untold.len(),
        ]
    }
}

#[test]
fn one_reference_debited_twice_is_double() {
    let mut world = World::new();
    world.debit("1-0", "1250.50");
    assert_eq!(world.counts(), [1, 0, 0, 0, 0]);
}

#[test]
fn a_second_debit_of_a_session_is_double_even_if_its_attempt_is_said_to_have_failed() {
    let mut world = World::new();
    world.session("2", "succeeded", &["not_executed", "succeeded"]);
    world.debit("2-0", "1250.50");
    world.debit("2-1", "1250.50");
    world.tell("attempt", "att_2-0", "not_executed");
    world.tell("attempt", "att_2-1", "succeeded");
    let verdict = world.verdict();
    assert_eq!((verdict.double.len(), verdict.lost.len()), (1, 1));
    assert_eq!(verdict.double[0].about, "ses_2");
}

#[test]
fn two_succeeded_attempts_of_one_session_are_double() {
    let mut world = World::new();
    world.session("2", "succeeded", &["succeeded", "succeeded"]);
    for attempt in ["2-0", "2-1"] {
        world.debit(attempt, "1250.50");
        world.tell("attempt", &format!("att_{attempt}"), "succeeded");
    }
    assert_eq!(world.counts(), [2, 0, 0, 0, 0]);
}

#[test]
fn a_duplicate_that_the_merchant_was_told_of_is_not_double() {
    let mut world = World::new();
    world.session("2", "succeeded", &["duplicate", "succeeded"]);
    world.debit("2-0", "1250.50");
    world.debit("2-1", "1250.50");
    world.tell("attempt", "att_2-1", "succeeded");
    assert_eq!(world.counts(), [1, 0, 0, 0, 1], "nobody was told");
    world.tell("attempt", "att_2-0", "duplicate");
    assert_eq!(world.counts(), [0; 5]);
    assert_eq!(world.verdict().duplicates, 1);
}

#[test]
fn an_approved_debit_is_lost_in_every_state_but_the_two_that_say_so() {
    use AttemptState as S;
    for state in S::ALL {
        let mut world = World::new();
        world.sessions[0].attempts[0].state = state;
        world.deliveries.messages.clear();
        world.tell("attempt", "att_1-0", state.name());
        let lost = usize::from(!matches!(state, S::Succeeded | S::Duplicate));
        assert_eq!(world.verdict().lost.len(), lost, "{}", state.name());
    }
}

#[test]
fn a_debit_of_a_reference_that_nobody_knows_is_lost() {
    let mut world = World::new();
    world.debit("nobody's", "1250.50");
    assert_eq!(world.counts(), [0, 1, 0, 0, 0]);
}

#[test]
fn a_declined_debit_moves_no_money() {
    let mut world = World::new();
    world.session("2", "open", &["declined"]);
    world.debit("2-0", "1250.50");
    world.ledger.debits[1].state = DebitState::Declined;
    world.tell("attempt", "att_2-0", "declined");
    assert_eq!(world.counts(), [0; 5]);
}

#[test]
fn a_success_without_a_debit_is_invented() {
    let mut world = World::new();
    world.ledger.debits.clear();
    // Once by the merchant API, once by the webhook.
    assert_eq!(world.counts(), [0, 0, 2, 0, 0]);
}

#[test]
fn a_success_of_another_amount_or_currency_is_invented() {
    let mut world = World::new();
    world.ledger.debits[0].amount = String::from("1250.51");
    assert_eq!(world.counts(), [0, 0, 1, 0, 0]);
    world.ledger.debits[0].amount = String::from("1250.50");
    world.ledger.debits[0].currency = String::from("USD");
    assert_eq!(world.counts(), [0, 0, 1, 0, 0]);
}

#[test]
fn a_paid_session_without_a_paid_attempt_is_invented_and_the_other_way_round_lost() {
    let mut world = World::new();
    world.session("2", "succeeded", &[]);
    assert_eq!(world.counts(), [0, 0, 1, 0, 0]);
    let mut world = World::new();
    world.sessions[0].state = SessionState::Expired;
    assert_eq!(world.counts(), [0, 1, 0, 0, 0]);
}

#[test]
fn a_webhook_that_speaks_of_money_that_did_not_move_is_invented() {
    let mut world = World::new();
    world.session("2", "open", &["not_executed"]);
    world.tell("attempt", "att_2-0", "not_executed");
    assert_eq!(world.counts(), [0; 5]);
    world.tell("attempt", "att_2-0", "succeeded");
    assert_eq!(world.counts(), [0, 0, 1, 0, 0]);
}

#[test]
fn an_end_that_no_webhook_told_is_untold() {
    let mut world = World::new();
    world.deliveries.messages.clear();
    assert_eq!(world.counts(), [0, 0, 0, 0, 1]);
    world.tell("attempt", "att_1-0", "declined");
    assert_eq!(world.counts(), [0, 0, 0, 0, 1], "another end was told");
}

#[test]
fn what_cannot_be_verified_or_changed_is_held_against_the_proxy() {
    let mut world = World::new();
    world.deliveries.unverified = 1;
    assert!(!world.verdict().is_clean());
    let mut world = World::new();
    world.deliveries.changed = 1;
    assert!(!world.verdict().is_clean());
}

#[test]
fn what_is_not_settled_is_unknown_with_its_reason_and_nothing_worse() {
    let mut world = World::new();
    world.session("2", "open", &["unknown"]);
    let call = json!({ "operation": "pay", "reference": "2-0", "fault": "reset_before",
        "at": "2026-11-20T12:00:00Z" });
    world
        .ledger
        .calls
        .push(serde_json::from_value(call).unwrap());
    let verdict = world.verdict();
    assert!(verdict.is_clean());
    assert_eq!(
        verdict.unknown[0].what,
        "the attempt is unknown: its call met reset_before"
    );
}

#[test]
fn an_operation_carried_out_twice_is_double() {
    let mut world = World::new();
    world.operation("opr_1", "void", "succeeded");
    world.tell("operation", "opr_1", "succeeded");
    world.carried_out("1-0", "void");
    assert_eq!(world.counts(), [0; 5]);
    assert_eq!(world.verdict().operations, 1);
    world.carried_out("1-0", "void");
    // Money given back twice; asked for twice and wanted once; known once.
    assert_eq!(world.counts(), [2, 1, 0, 0, 0]);
}

#[test]
fn an_operation_asked_for_more_often_than_it_was_wanted_is_double_even_if_it_was_refused() {
    let mut world = World::new();
    world.operation("opr_1", "void", "succeeded");
    world.tell("operation", "opr_1", "succeeded");
    world.carried_out("1-0", "void");
    world.asked("1-0", "void", "refused");
    assert_eq!(world.counts(), [1, 0, 0, 0, 0]);
    world.operation("opr_2", "void", "declined");
    world.tell("operation", "opr_2", "declined");
    assert_eq!(world.counts(), [0; 5], "somebody wanted it twice");
}

#[test]
fn a_payment_s_call_sent_twice_is_double_whatever_came_of_it() {
    let mut world = World::new();
    let call = |later: bool| {
        let call = json!({ "operation": "pay", "reference": "1-0", "fault": "late",
            "later": later, "at": "2026-11-20T12:00:00Z" });
        serde_json::from_value(call).unwrap()
    };
    world.ledger.calls = vec![call(false), call(true)];
    assert_eq!(world.counts(), [0; 5], "late is not twice");
    world.ledger.calls.push(call(false));
    assert_eq!(world.counts(), [1, 0, 0, 0, 0]);
}

#[test]
fn money_given_back_in_two_ways_is_double() {
    let mut world = World::new();
    for (id, kind) in [("opr_1", "void"), ("opr_2", "refund")] {
        world.operation(id, kind, "succeeded");
        world.tell("operation", id, "succeeded");
        world.carried_out("1-0", kind);
    }
    assert_eq!(world.counts(), [1, 0, 0, 0, 0]);
}

#[test]
fn a_capture_carried_out_twice_is_double() {
    let mut world = World::new();
    for id in ["opr_1", "opr_2"] {
        world.operation(id, "capture", "succeeded");
        world.tell("operation", id, "succeeded");
        world.carried_out("1-0", "capture");
    }
    assert_eq!(world.counts(), [1, 0, 0, 0, 0]);
}

#[test]
fn an_operation_that_was_carried_out_and_is_not_known_is_lost() {
    let mut world = World::new();
    world.carried_out("1-0", "refund");
    // Nobody wanted it, either.
    assert_eq!(world.counts(), [1, 1, 0, 0, 0]);
    world.operation("opr_1", "refund", "not_executed");
    world.tell("operation", "opr_1", "not_executed");
    assert_eq!(world.counts(), [0, 1, 0, 0, 0]);
    let mut world = World::new();
    world.carried_out("nobody's", "refund");
    assert_eq!(world.counts(), [0, 1, 0, 0, 0]);
}

#[test]
fn an_operation_that_is_said_to_be_done_and_was_not_is_invented() {
    let mut world = World::new();
    world.operation("opr_1", "void", "succeeded");
    world.tell("operation", "opr_1", "succeeded");
    assert_eq!(world.counts(), [0, 0, 1, 0, 0]);
}

#[test]
fn an_operation_in_doubt_is_unknown_and_its_end_has_to_be_told() {
    let mut world = World::new();
    world.operation("opr_1", "void", "review");
    assert_eq!(world.counts(), [0, 0, 0, 1, 0]);
    let mut world = World::new();
    world.operation("opr_1", "void", "not_executed");
    assert_eq!(world.counts(), [0, 0, 0, 0, 1]);
}

#[test]
fn the_truth_of_an_attempt_in_doubt_is_timed_from_its_call_to_its_end() {
    let mut world = World::new();
    world.sessions[0].attempts[0].settled_at = Some(String::from("2026-11-20T12:01:00Z"));
    assert_eq!(world.verdict().truth, Truth::default(), "nobody doubted");
    world.doubted.insert(String::from("att_1-0"));
    assert_eq!(world.verdict().truth.max_ms, 60_000);
    let call = json!({ "operation": "pay", "reference": "1-0", "fault": "reset_after",
        "at": "2026-11-20T12:00:10.500Z" });
    world
        .ledger
        .calls
        .push(serde_json::from_value(call).unwrap());
    let truth = world.verdict().truth;
    assert_eq!((truth.settled, truth.max_ms), (1, 49_500));
}

/// A session in Mexico whose attempts all went out under one reference, each with its tip.
fn in_mexico(world: &mut World, attempts: &[(&str, u64)]) {
    let money = |minor: u64| json!({ "amount_minor": minor, "currency": "MXN" });
    let attempts: Vec<_> = attempts
        .iter()
        .enumerate()
        .map(|(index, (state, tip))| {
            world.tell("attempt", &format!("att_m-{index}"), state);
            let tip_record = (*tip > 0).then(|| money(*tip));
            json!({ "id": format!("att_m-{index}"), "rail": "flux", "state": state,
                "total": money(10_000 + tip), "tip": tip_record, "reference": "m",
                "created_at": "2026-11-20T12:00:00Z" })
        })
        .collect();
    let session = json!({ "id": "ses_m", "state": "succeeded", "total": money(10_000),
        "attempts": attempts });
    world
        .sessions
        .push(serde_json::from_value(session).unwrap());
}

fn charge(world: &mut World, total: &str, tip: &str) {
    let debit = json!({ "reference": "m", "amount": total, "currency": "MXN", "tip": tip,
        "state": "approved" });
    world
        .ledger
        .debits
        .push(serde_json::from_value(debit).unwrap());
}

#[test]
fn a_tip_is_held_against_the_ledger() {
    let told = |attempts: &[(&str, u64)], total: &str, tip: &str| {
        let mut world = World::new();
        in_mexico(&mut world, attempts);
        charge(&mut world, total, tip);
        world.counts()
    };
    assert_eq!(told(&[("succeeded", 1_000)], "110.00", "10.00"), [0; 5]);
    assert_eq!(told(&[("succeeded", 0)], "100.00", "0.00"), [0; 5]);
    assert_eq!(told(&[("succeeded", 1_000)], "100.00", "0.00")[2], 1);
    assert_eq!(told(&[("succeeded", 1_000)], "110.00", "0.00")[2], 1);
    assert_eq!(told(&[("succeeded", 0)], "110.00", "10.00")[2], 1);
}

#[test]
fn attempts_under_one_reference_are_one_payment() {
    let told = |attempts: &[(&str, u64)], charges: usize, sends: usize| {
        let mut world = World::new();
        in_mexico(&mut world, attempts);
        (0..charges).for_each(|_| charge(&mut world, "100.00", "0.00"));
        for _ in 0..sends {
            let call = json!({ "operation": "flux_pay", "reference": "m", "fault": null,
                "at": "2026-11-20T12:00:00Z" });
            world
                .ledger
                .calls
                .push(serde_json::from_value(call).unwrap());
        }
        world.counts()
    };
    let both = [("not_executed", 500), ("succeeded", 0)];
    assert_eq!(told(&both, 1, 2), [0; 5]);
    assert_eq!(told(&both, 1, 3)[0], 1, "three calls, and two rights");
    assert!(told(&both, 2, 2)[0] > 0, "charged twice");
    assert!(told(&both, 0, 2)[2] > 0, "paid with nobody's money");
    let neither = [("not_executed", 0), ("not_executed", 0)];
    assert!(told(&neither, 1, 2)[1] > 0, "charged, and nobody knows");
}

/// No read shows a refund there, so whoever is in doubt can only say so.
#[test]
fn a_refund_in_mexico_whose_answer_was_lost_is_known_when_it_is_in_doubt() {
    let told = |state: &str| {
        let mut world = World::new();
        in_mexico(&mut world, &[("succeeded", 0)]);
        charge(&mut world, "100.00", "0.00");
        world.carried_out("m", "refund");
        let refund = json!({ "id": "opr_m", "attempt_id": "att_m-0", "kind": "refund",
            "state": state, "created_at": "2026-11-20T12:00:00Z" });
        let session = world.sessions.last_mut().unwrap();
        session
            .operations
            .push(serde_json::from_value(refund).unwrap());
        world.tell("operation", "opr_m", state);
        world.counts()
    };
    assert_eq!(told("succeeded"), [0; 5]);
    assert_eq!(told("unknown"), [0, 0, 0, 1, 0]);
    assert_eq!(told("review"), [0, 0, 0, 1, 0]);
    assert_eq!(told("not_executed")[1], 1);
    assert_eq!(told("declined")[1], 1);
}
