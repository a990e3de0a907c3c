//! What may follow an authorization, and what may not.

use serde_json::{Value, json};
use ventanilla_core::api::AttemptView;
use ventanilla_core::attempt::AttemptState;
use ventanilla_core::rails::flexiti::FinancingChoice;
use ventanilla_sandbox::{Kind, Operation};

use super::{BILL, MINUTE, Stage, on_both_stores};
use crate::world::Answer;

impl Stage {
    pub(super) async fn ask(&self, attempt: &AttemptView, kind: &str, minor: u64) -> Answer {
        let amount = json!({ "amount": { "amount_minor": minor, "currency": "CAD" } });
        let path = format!("/v1/attempts/{}/{kind}", attempt.id);
        self.world.shop("POST", &path, Some(&amount)).await
    }

    /// Opens an operation, and gives it as it stands when it has ended.
    pub(super) async fn operate(&self, attempt: &AttemptView, kind: &str, minor: u64) -> Value {
        let answer = self.ask(attempt, kind, minor).await;
        assert_eq!(answer.status, 201, "{}", answer.text);
        answer.json()
    }

    /// An authorization that nothing follows by itself.
    async fn held() -> (Self, AttemptView) {
        let stage = Self::open_as("capture = false").await;
        let checkout = stage.checkout().await;
        let attempt = checkout.buy().await;
        assert_eq!(attempt.state, AttemptState::Succeeded);
        (stage, attempt)
    }
}

#[tokio::test]
async fn what_is_held_is_captured_or_let_go_and_what_was_captured_comes_back_once() {
    let (stage, attempt) = Stage::held().await;
    let refused = |answer: Answer| {
        assert_eq!(answer.status, 422, "{}", answer.text);
        assert_eq!(answer.code(), "amount-exceeds-payment");
    };
    // Nothing was captured yet.
    refused(stage.ask(&attempt, "return", 1).await);
    refused(stage.ask(&attempt, "refund", 1).await);
    refused(stage.ask(&attempt, "capture", BILL + 1).await);
    for (kind, minor) in [("capture", 60_000), ("release", 30_000)] {
        let done = stage.operate(&attempt, kind, minor).await;
        assert_eq!(done["state"], "succeeded", "{done}");
    }
    refused(stage.ask(&attempt, "capture", 10_001).await);
    refused(stage.ask(&attempt, "release", 10_001).await);
    refused(stage.ask(&attempt, "return", 60_001).await);
    for (kind, minor) in [
        ("return", 20_000),
        ("capture", 10_000),
        ("return", 40_000),
        ("return", 10_000),
    ] {
        let done = stage.operate(&attempt, kind, minor).await;
        assert_eq!(done["state"], "succeeded", "{kind} {done}");
    }
    refused(stage.ask(&attempt, "return", 1).await);
    refused(stage.ask(&attempt, "capture", 1).await);
    let one = &stage.world.authorizations_of(&attempt).await[0];
    assert_eq!(
        [&one.captured, &one.released, &one.returned, &one.remaining],
        ["700.00", "300.00", "700.00", "0.00"]
    );
    let ledger = stage.world.ledger();
    assert!(
        ledger.flexiti.refused.is_empty(),
        "the provider never had to say no: {:?}",
        ledger.flexiti.refused
    );
}

#[tokio::test]
async fn a_return_larger_than_any_capture_has_left_is_not_sent() {
    let (stage, attempt) = Stage::held().await;
    for minor in [50_000, 50_000] {
        stage.operate(&attempt, "capture", minor).await;
    }
    let refused = stage.operate(&attempt, "return", 50_001).await;
    assert_eq!(refused["state"], "not_executed", "{refused}");
    let ledger = stage.world.ledger();
    assert_eq!(ledger.calls_of(Operation::FlexitiReturn).count(), 0);
}

#[tokio::test]
async fn a_regular_purchase_is_refunded_to_the_account() {
    let stage = Stage::open().await;
    let checkout = stage.checkout().await;
    let attempt = checkout.identify().await;
    let choice = FinancingChoice::Regular {};
    let attempt = checkout.finance(&attempt.id, choice).await.unwrap();
    stage.assert_captured_once(&checkout, &attempt).await;
    let returned = stage.operate(&attempt, "return", 1_000).await;
    assert_eq!(returned["state"], "declined", "{returned}");
    assert_eq!(returned["provider_code"], "wrong_transaction_type");
    let refunded = stage.operate(&attempt, "refund", 1_000).await;
    assert_eq!(refunded["state"], "succeeded", "{refunded}");
    assert_eq!(stage.world.ledger().flexiti.refunds.len(), 1);
}

async fn releases_and_returns_in_doubt_are_settled_by_their_own_references(stage: Stage) {
    let checkout = stage.checkout().await;
    let attempt = checkout.buy().await;
    stage.assert_captured_once(&checkout, &attempt).await;
    for (minor, kind) in [(10_000, Kind::ResetAfter), (20_000, Kind::BrokenJson)] {
        stage.world.arm(Operation::FlexitiReturn, kind).await;
        let returned = stage.operate(&attempt, "return", minor).await;
        assert_eq!(returned["state"], "succeeded", "{returned}");
    }
    let one = &stage.world.authorizations_of(&attempt).await[0];
    assert_eq!(one.returned, "300.00");
}

#[tokio::test]
async fn a_refund_in_doubt_is_for_a_person() {
    let stage = Stage::open().await;
    let checkout = stage.checkout().await;
    let attempt = checkout.identify().await;
    let choice = FinancingChoice::Regular {};
    let attempt = checkout.finance(&attempt.id, choice).await.unwrap();
    stage.assert_captured_once(&checkout, &attempt).await;
    stage
        .world
        .arm(Operation::FlexitiRefund, Kind::GatewayTimeoutAfter)
        .await;
    let refund = stage.operate(&attempt, "refund", 1_000).await;
    assert_eq!(refund["state"], "unknown", "{refund}");
    let path = format!("/v1/operations/{}", refund["id"].as_str().unwrap());
    let mut now = refund;
    for _ in 0..300 {
        stage.world.move_clock(20 * MINUTE);
        now = stage.world.shop("GET", &path, None).await.json();
        if now["state"] == "review" {
            break;
        }
    }
    assert_eq!(now["state"], "review", "{now}");
    let ledger = stage.world.ledger();
    assert_eq!(ledger.calls_of(Operation::FlexitiRefund).count(), 1);
}

#[tokio::test]
async fn a_void_is_not_one_of_them() {
    let (stage, attempt) = Stage::held().await;
    let answer = stage.ask(&attempt, "void", BILL).await;
    assert_eq!(answer.status, 409, "{}", answer.text);
    assert_eq!(answer.code(), "operation-not-possible");
}

on_both_stores![releases_and_returns_in_doubt_are_settled_by_their_own_references];
