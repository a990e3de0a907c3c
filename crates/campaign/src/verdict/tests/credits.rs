use super::*;
use crate::harness::shop::CreditState;

impl World {
    /// As [`World::new`], and with a session paid from a wallet.
    pub(super) fn with_wallet() -> Self {
        let mut world = Self::new();
        world.wallet_session("w", "succeeded", &["succeeded"]);
        world.came(1, "50.07", "2026-11-20T12:03:00Z");
        world.record("crd_1", "matched", 5_007, &["att_w-0"]);
        world.tell("attempt", "att_w-0", "succeeded");
        let verdict = world.verdict();
        assert!(verdict.is_clean() && verdict.unknown.is_empty());
        assert_eq!(verdict.paid, 2);
        assert_eq!((verdict.credits.came, verdict.credits.matched), (1, 1));
        world
    }

    fn wallet_session(&mut self, name: &str, state: &str, attempts: &[&str]) {
        self.session(name, state, attempts);
        let total = json!({ "amount_minor": 5_007, "currency": "ARS" });
        let session = self.sessions.last_mut().unwrap();
        session.total = serde_json::from_value(total).unwrap();
        for attempt in &mut session.attempts {
            attempt.rail = Rail::Cvu;
            attempt.total = session.total;
        }
    }

    fn came(&mut self, id: u64, amount: &str, at: &str) {
        let payer = json!({ "holder": "P", "cuit": "1", "cvu": "2", "alias": "a" });
        let credit = json!({ "id": id, "amount": amount, "payer": payer, "credited_at": at });
        self.ledger
            .cvu
            .credits
            .push(serde_json::from_value(credit).unwrap());
    }

    fn notified(&mut self, id: u64, forged: bool) {
        let notification =
            json!({ "references": [id.to_string()], "forged": forged, "http_status": 200 });
        self.ledger
            .cvu
            .notifications
            .push(serde_json::from_value(notification).unwrap());
    }

    fn record(&mut self, id: &str, state: &str, minor: u64, attempts: &[&str]) {
        let credit = json!({ "id": id, "state": state, "attempts": attempts,
            "amount": { "amount_minor": minor, "currency": "ARS" } });
        self.credits.push(serde_json::from_value(credit).unwrap());
    }

    fn tell_credit(&mut self, id: &str) {
        let message = json!({ "type": "credit.review", "data": { "credit": { "id": id } } });
        self.deliveries
            .messages
            .push(serde_json::from_value(message).unwrap());
    }

    fn misread(&mut self, id: u64, fault: &str) {
        let call = json!({ "operation": "cvu_cashin", "reference": id.to_string(), "fault": fault,
            "at": "2026-11-20T12:03:00Z" });
        self.ledger
            .calls
            .push(serde_json::from_value(call).unwrap());
    }

    fn made(&mut self, amount: &str) {
        let link = json!({ "link": "https://wallet.example/1", "amount": amount });
        self.ledger
            .cvu
            .links
            .push(serde_json::from_value(link).unwrap());
    }
}

#[test]
fn a_credit_that_nobody_recorded_is_lost() {
    let mut world = World::with_wallet();
    world.came(2, "30.01", "2026-11-20T12:03:00Z");
    assert_eq!(world.counts(), [0, 1, 0, 0, 0]);
    assert_eq!(world.verdict().lost[0].about, "credit 2");
}

#[test]
fn a_second_credit_of_one_amount_must_be_recorded_too() {
    let mut world = World::with_wallet();
    world.came(2, "50.07", "2026-11-20T12:04:00Z");
    assert_eq!(world.counts(), [0, 1, 0, 0, 0]);
    world.record("crd_2", "review", 5_007, &["att_w-0"]);
    world.tell_credit("crd_2");
    assert_eq!(world.counts(), [0; 5]);
    assert_eq!(world.verdict().credits.review, 1);
}

#[test]
fn a_credit_in_review_of_which_nobody_was_told_is_untold_dismissed_or_not() {
    for state in ["review", "dismissed"] {
        let mut world = World::with_wallet();
        world.came(2, "30.01", "2026-11-20T12:03:00Z");
        world.record("crd_2", state, 3_001, &["att_w-0"]);
        assert_eq!(world.counts(), [0, 0, 0, 0, 1], "{state}");
        // An attempt that comes to review with it says so itself.
        let mut other = World::with_wallet();
        other.came(2, "30.01", "2026-11-20T12:03:00Z");
        other.record("crd_2", state, 3_001, &["att_w-0"]);
        other.tell("attempt", "att_w-0", "review");
        assert_eq!(other.counts(), [0; 5], "{state}");
        world.tell_credit("crd_2");
        assert_eq!(world.counts(), [0; 5], "{state}");
    }
}

#[test]
fn an_attempt_paid_without_a_credit_is_invented() {
    let mut world = World::with_wallet();
    world.ledger.cvu.credits.clear();
    // By the attempt, by the credit's record, and by the webhook.
    assert_eq!(world.counts(), [0, 0, 3, 0, 0]);
    let mut world = World::with_wallet();
    world.credits.clear();
    // Nothing is recorded of the money, neither as the attempt's nor as anything else.
    assert_eq!(world.counts(), [0, 1, 1, 0, 0]);
}

#[test]
fn an_attempt_paid_by_a_credit_of_another_amount_is_double() {
    let mut world = World::with_wallet();
    world.came(2, "49.07", "2026-11-20T12:03:00Z");
    world.ledger.cvu.credits.remove(0);
    world.credits.clear();
    world.record("crd_1", "matched", 4_907, &["att_w-0"]);
    let verdict = world.verdict();
    assert_eq!(verdict.double.len(), 1);
    assert!(!verdict.invented.is_empty(), "nobody paid its own amount");
}

#[test]
fn an_attempt_with_two_credits_for_its_money_is_double() {
    let mut world = World::with_wallet();
    world.came(2, "50.07", "2026-11-20T12:04:00Z");
    world.record("crd_2", "matched", 5_007, &["att_w-0"]);
    assert_eq!(world.counts(), [1, 0, 0, 0, 0]);
}

#[test]
fn two_sessions_paid_by_one_credit_are_double() {
    let mut world = World::with_wallet();
    world.wallet_session("v", "succeeded", &["succeeded"]);
    world.tell("attempt", "att_v-0", "succeeded");
    world.record("crd_2", "matched", 5_007, &["att_v-0"]);
    // One was paid by the other's credit, and a credit is recorded that never came.
    assert_eq!(world.counts(), [1, 0, 1, 0, 0]);
    world.came(2, "50.07", "2026-11-20T12:04:00Z");
    assert_eq!(world.counts(), [0; 5]);
}

#[test]
fn a_credit_matched_to_an_attempt_that_is_not_paid_is_lost() {
    let mut world = World::with_wallet();
    world.sessions[1].attempts[0].state = AttemptState::Expired;
    world.sessions[1].state = SessionState::Open;
    world.deliveries.messages.pop();
    world.tell("attempt", "att_w-0", "expired");
    assert_eq!(world.counts(), [0, 1, 0, 0, 0]);
}

#[test]
fn a_credit_outside_of_its_time_pays_nothing_unless_it_was_notified_or_somebody_says_so() {
    for at in ["2026-11-20T11:58:00Z", "2026-11-20T12:41:00Z"] {
        let mut world = World::with_wallet();
        world.ledger.cvu.credits[0].credited_at = String::from(at);
        assert_eq!(world.counts(), [0, 0, 1, 0, 0], "{at}");
        world.notified(1, true);
        assert_eq!(world.counts(), [0, 0, 1, 0, 0], "{at}");
        world.by_hand.insert(String::from("crd_1"));
        assert_eq!(world.counts(), [0; 5], "{at}");
    }
    let mut world = World::with_wallet();
    world.ledger.cvu.credits[0].credited_at = String::from("2026-11-20T12:41:00Z");
    world.notified(1, false);
    assert_eq!(world.counts(), [0; 5]);
}

#[test]
fn credits_of_one_amount_are_dealt_out_so_that_all_of_them_fit() {
    let mut world = World::with_wallet();
    // The second attempt may have the first credit only, which the first may have as well as the other.
    world.wallet_session("v", "succeeded", &["succeeded"]);
    world.tell("attempt", "att_v-0", "succeeded");
    world.record("crd_2", "matched", 5_007, &["att_v-0"]);
    world.sessions[2].attempts[0].created_at = String::from("2026-11-20T11:30:00Z");
    world.came(2, "50.07", "2026-11-20T12:30:00Z");
    assert_eq!(world.counts(), [0; 5]);
}

#[test]
fn what_is_recorded_and_never_came_is_invented_unless_the_provider_told_a_wrong_amount() {
    let mut world = World::with_wallet();
    world.record("crd_2", "review", 4_000, &[]);
    world.tell_credit("crd_2");
    assert_eq!(world.counts(), [0, 0, 1, 0, 0]);
    // One unit more than what came.
    let mut world = World::with_wallet();
    world.record("crd_2", "review", 5_107, &[]);
    world.tell_credit("crd_2");
    assert_eq!(world.counts(), [0; 5]);
    assert_eq!(world.verdict().credits.false_answers, 1);
    // The credit that came, once more and for something else.
    let mut world = World::with_wallet();
    world.record("crd_2", "review", 5_007, &[]);
    world.tell_credit("crd_2");
    assert_eq!(world.counts(), [0, 0, 1, 0, 0]);
    world.misread(1, "wrong_reference");
    assert_eq!(world.counts(), [0; 5]);
    world.credits[1].state = CreditState::Matched;
    assert!(!world.verdict().is_clean(), "and nothing may be paid by it");
}

#[test]
fn a_credit_that_is_recorded_with_a_wrong_amount_is_lost_unless_it_was_read_so() {
    let mut world = World::with_wallet();
    world.came(2, "30.01", "2026-11-20T12:03:00Z");
    world.record("crd_2", "review", 3_101, &["att_w-0"]);
    world.tell_credit("crd_2");
    assert_eq!(world.counts(), [0, 1, 0, 0, 0]);
    world.misread(2, "wrong_amount");
    assert_eq!(world.counts(), [0; 5]);
}

#[test]
fn a_link_that_was_asked_for_more_often_than_it_was_wanted_is_double() {
    let mut world = World::with_wallet();
    world.made("50.07");
    assert_eq!(world.counts(), [0; 5]);
    world.made("50.07");
    assert_eq!(world.counts(), [1, 0, 0, 0, 0]);
}

#[test]
fn an_attempt_from_a_wallet_is_not_held_against_debits_and_its_end_has_to_be_told() {
    let mut world = World::with_wallet();
    world.deliveries.messages.pop();
    assert_eq!(world.counts(), [0, 0, 0, 0, 1]);
    world.sessions[1].attempts[0].state = AttemptState::Review;
    world.sessions[1].state = SessionState::Open;
    assert_eq!(world.verdict().unknown.len(), 1);
}

#[test]
fn the_session_s_own_word_of_a_credit_goes_before_an_older_one() {
    let mut world = World::with_wallet();
    let matched = world.credits.remove(0);
    world.sessions[1].credits.push(matched);
    world.record("crd_1", "review", 5_007, &["att_w-0"]);
    assert_eq!(world.counts(), [0; 5]);
}
