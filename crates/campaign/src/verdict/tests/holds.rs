use super::*;

impl World {
    /// A session that was financed, captured, and of which everybody tells the same.
    fn with_credit() -> Self {
        let mut world = World::new();
        world.session("f", "succeeded", &["succeeded"]);
        let session = world.sessions.last_mut().unwrap();
        session.total = Money::from_minor(125_050, Currency::CAD).unwrap();
        session.attempts[0].total = session.total;
        session.attempts[0].rail = Rail::Flexiti;
        world.hold(7, "f-0", "1250.50");
        world.tell("attempt", "att_f-0", "succeeded");
        world.done("capture", "succeeded");
        world.taken(7, "1250.50");
        assert_eq!(world.counts(), [0; 5]);
        world
    }

    fn hold(&mut self, id: u64, reference: &str, amount: &str) {
        let hold = json!({ "authorization_id": id, "reference": reference, "amount": amount });
        let holds = &mut self.ledger.flexiti.authorizations;
        holds.push(serde_json::from_value(hold).unwrap());
    }

    fn taken(&mut self, id: u64, amount: &str) {
        let capture =
            json!({ "authorization_id": id, "capture_id": 9, "reference": null, "amount": amount });
        let captures = &mut self.ledger.flexiti.captures;
        captures.push(serde_json::from_value(capture).unwrap());
    }

    fn given_back(&mut self, capture: u64, amount: &str) {
        let refund = json!({ "capture_id": capture, "reference": null, "amount": amount });
        let refunds = &mut self.ledger.flexiti.refunds;
        refunds.push(serde_json::from_value(refund).unwrap());
    }

    /// An operation of the financed attempt, as the shop knows it.
    fn done(&mut self, kind: &str, state: &str) {
        let id = format!("opr_{kind}");
        let operation = json!({ "id": id, "attempt_id": "att_f-0", "kind": kind, "state": state,
            "created_at": "2026-11-20T12:00:00Z" });
        let operations = &mut self.sessions.last_mut().unwrap().operations;
        operations.push(serde_json::from_value(operation).unwrap());
        self.tell("operation", &id, state);
    }

    fn became(&mut self, state: AttemptState) {
        let session = self.sessions.last_mut().unwrap();
        session.attempts[0].state = state;
        session.state = SessionState::Open;
    }
}

#[test]
fn credit_that_is_held_twice_or_captured_twice_is_double() {
    let mut world = World::with_credit();
    world.hold(8, "f-0", "1250.50");
    assert_eq!(world.counts(), [1, 0, 0, 0, 0]);
    let mut world = World::with_credit();
    world.taken(7, "1250.50");
    // More than was held, more often than wanted, and one of them known.
    let [double, lost, ..] = world.counts();
    assert!(double > 0 && lost > 0, "{:?}", world.counts());
}

#[test]
fn credit_that_is_held_for_nobody_or_for_what_never_happened_is_lost() {
    let mut world = World::with_credit();
    world.hold(8, "of nobody", "1.00");
    assert_eq!(world.counts(), [0, 1, 0, 0, 0]);
    let mut world = World::with_credit();
    world.became(AttemptState::NotExecuted);
    let [_, lost, ..] = world.counts();
    assert!(lost > 0, "{:?}", world.counts());
}

#[test]
fn a_purchase_without_a_hold_or_of_another_amount_is_invented() {
    let mut world = World::with_credit();
    world.ledger.flexiti.authorizations[0].amount = String::from("1250.49");
    world.ledger.flexiti.captures[0].amount = String::from("1250.49");
    assert_eq!(world.counts(), [0, 0, 1, 0, 0]);
    let mut world = World::with_credit();
    world.ledger.flexiti.authorizations.clear();
    world.ledger.flexiti.captures.clear();
    let [_, _, invented, ..] = world.counts();
    assert!(invented >= 2, "{:?}", world.counts());
}

#[test]
fn a_capture_is_known_if_it_happened_and_only_then() {
    let mut world = World::with_credit();
    world.ledger.flexiti.captures.clear();
    assert_eq!(world.counts(), [0, 0, 1, 0, 0]);
    let mut world = World::with_credit();
    world.sessions.last_mut().unwrap().operations.clear();
    let [_, lost, ..] = world.counts();
    assert!(lost > 0, "{:?}", world.counts());
}

#[test]
fn a_refund_to_an_account_is_known_or_in_doubt_and_happens_once() {
    for (state, expected) in [
        ("succeeded", [0; 5]),
        // No read shows it.
        ("review", [0, 0, 0, 1, 0]),
        ("not_executed", [0, 1, 0, 0, 0]),
    ] {
        let mut world = World::with_credit();
        world.given_back(9, "1250.50");
        world.done("refund", state);
        assert_eq!(world.counts(), expected, "{state}");
    }
    let mut world = World::with_credit();
    world.given_back(9, "1250.50");
    world.given_back(9, "1250.50");
    world.done("refund", "succeeded");
    let [double, ..] = world.counts();
    assert!(double > 0, "{:?}", world.counts());
    let mut world = World::with_credit();
    world.given_back(10, "1.00");
    assert_eq!(
        world.counts(),
        [0, 1, 0, 0, 0],
        "of a capture that nobody knows"
    );
}
