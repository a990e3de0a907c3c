use super::*;

impl World {
    /// A session paid from a wallet whose money was asked back, and how that ended.
    fn with_refund(state: &str) -> Self {
        let mut world = World::with_wallet();
        let refund = json!({ "id": "opr_w", "attempt_id": "att_w-0", "kind": "refund",
            "state": state, "created_at": "2026-11-20T12:10:00Z" });
        let session = world.sessions.last_mut().unwrap();
        session
            .operations
            .push(serde_json::from_value(refund).unwrap());
        world.tell("operation", "opr_w", state);
        world
    }

    /// With a transfer that left, of which everybody tells the same.
    fn with_transfer() -> Self {
        let mut world = Self::with_refund("succeeded");
        world.transfer("r1", "sent");
        assert_eq!(world.counts(), [0; 5]);
        world
    }

    fn transfer(&mut self, reference: &str, state: &str) {
        let cashout = json!({ "reference_id": reference, "cvu": "2", "amount": "50.07",
            "description": "att_w-0", "state": state, "refusal": null });
        self.ledger
            .cvu
            .cashouts
            .push(serde_json::from_value(cashout).unwrap());
    }
}

#[test]
fn a_transfer_that_is_asked_for_again_under_its_reference_is_one() {
    let mut world = World::with_transfer();
    world.transfer("r1", "repeated");
    assert_eq!(world.counts(), [0; 5]);
}

#[test]
fn money_that_was_sent_back_twice_or_asked_for_more_often_than_wanted_is_double() {
    let mut world = World::with_transfer();
    world.transfer("r1", "sent");
    assert_eq!(world.counts(), [1, 0, 0, 0, 0]);
    let mut world = World::with_transfer();
    world.transfer("r2", "refused");
    assert_eq!(world.counts(), [1, 0, 0, 0, 0]);
    let mut world = World::with_transfer();
    world.transfer("r2", "sent");
    // Given back twice, asked for twice, and one of them known.
    assert_eq!(world.counts(), [2, 1, 0, 0, 0]);
}

#[test]
fn a_repeat_that_is_not_what_was_asked_before_is_double() {
    let mut world = World::with_transfer();
    world.transfer("r1", "refused");
    world.ledger.cvu.cashouts[1].refusal = Some(String::from("reference_used"));
    assert_eq!(world.counts(), [1, 0, 0, 0, 0]);
}

#[test]
fn more_than_was_paid_is_double_and_less_is_not() {
    for (amount, double) in [("50.08", 1), ("50.07", 0), ("20.00", 0)] {
        let mut world = World::with_transfer();
        world.ledger.cvu.cashouts[0].amount = Some(String::from(amount));
        assert_eq!(world.counts(), [double, 0, 0, 0, 0], "{amount}");
    }
}

#[test]
fn a_transfer_that_the_merchant_does_not_know_of_is_lost() {
    let mut world = World::with_refund("not_executed");
    world.transfer("r1", "sent");
    assert_eq!(world.counts(), [0, 1, 0, 0, 0]);
    let mut world = World::with_transfer();
    world.transfer("r2", "sent");
    world.ledger.cvu.cashouts[1].description = String::from("att_nobody");
    assert_eq!(world.counts(), [0, 1, 0, 0, 0]);
}

#[test]
fn money_that_went_to_somebody_who_did_not_pay_is_lost() {
    let mut world = World::with_transfer();
    world.ledger.cvu.cashouts[0].cvu = Some(String::from("3"));
    assert_eq!(world.counts(), [0, 1, 0, 0, 0]);
}

#[test]
fn a_refund_without_a_transfer_is_invented() {
    assert_eq!(World::with_refund("succeeded").counts(), [0, 0, 1, 0, 0]);
    let mut world = World::with_refund("succeeded");
    world.transfer("r1", "refused");
    assert_eq!(world.counts(), [0, 0, 1, 0, 0]);
}
