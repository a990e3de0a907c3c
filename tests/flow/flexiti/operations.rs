//! What may follow an authorization, and what may not.

use serde_json::{Value, json};
use ventanilla_core::api::{AttemptView, IdempotencyKey};
use ventanilla_core::attempt::AttemptState;
use ventanilla_core::rails::flexiti::FinancingChoice;
use ventanilla_sandbox::{Kind, Operation};

use super::{BILL, MINUTE, Stage, on_both_stores};
use crate::world::{Answer, World};

impl Stage {
    pub(super) async fn ask(&self, attempt: &AttemptView, kind: &str, minor: u64) -> Answer {
        let key = self.world.next_key();
        self.ask_with(&key, attempt, kind, minor).await
    }

    /// Under a key that may have been used before.
    pub(super) async fn ask_with(
        &self,
        key: &IdempotencyKey,
        attempt: &AttemptView,
        kind: &str,
        minor: u64,
    ) -> Answer {
        let amount = json!({ "amount": { "amount_minor": minor, "currency": "CAD" } });
        let path = format!("/v1/attempts/{}/{kind}", attempt.id);
        self.world
            .shop_with(key, "POST", &path, Some(&amount))
            .await
    }

    /// Opens an operation, and gives it as it stands when it has ended.
    pub(super) async fn operate(&self, attempt: &AttemptView, kind: &str, minor: u64) -> Value {
        let answer = self.ask(attempt, kind, minor).await;
        assert_eq!(answer.status, 201, "{}", answer.text);
        answer.json()
    }

    /// An authorization that nothing follows by itself.
    pub(super) async fn held() -> (Self, AttemptView) {
        let stage = Self::open_as("capture = false").await;
        let checkout = stage.checkout().await;
        let attempt = checkout.buy().await;
        assert_eq!(attempt.state, AttemptState::Succeeded);
        (stage, attempt)
    }
}

impl World {
    /// Somebody at the merchant gives back a part of a capture, in the provider's back office.
    async fn give_back(&self, authorization: u64, capture: u64, dollars: &str) {
        let credentials = self.sandbox.flexiti_credentials();
        let (id, secret) = (&credentials.client_id, &credentials.client_secret);
        let base = format!("{}/flexiti/pos-api/v2.5", self.sandbox.flexiti_url);
        let flow = ("x-reference-id", "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee");
        let token = self
            .client
            .post(format!("{base}/oauth/token"))
            .header(flow.0, flow.1)
            .header("content-type", "application/x-www-form-urlencoded")
            .body(format!(
                "client_id={id}&client_secret={secret}&scope=merchant"
            ));
        let token = token.send().await.unwrap().text().await.unwrap();
        let token: Value = serde_json::from_str(&token).unwrap();
        let path = format!("authorization/{authorization}/capture/{capture}/return");
        let answer = self
            .client
            .post(format!("{base}/client-id/{id}/{path}"))
            .header(flow.0, flow.1)
            .bearer_auth(token["access_token"].as_str().unwrap())
            .header("content-type", "application/json")
            .body(format!(
                r#"{{"reference":"back-office","full_return":false,"amount":{dollars}}}"#
            ));
        assert!(answer.send().await.unwrap().status().is_success());
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
async fn a_return_larger_than_any_capture_has_left_is_refused_and_says_what_may_come_back() {
    let (stage, attempt) = Stage::held().await;
    let mut captures = Vec::new();
    for minor in [30_000, 50_000] {
        let captured = stage.operate(&attempt, "capture", minor).await;
        captures.push(captured["id"].as_str().unwrap().to_owned());
    }
    // 800 dollars were captured, and no return is of two captures.
    let refused = stage.ask(&attempt, "return", 50_001).await;
    assert_eq!(
        (refused.status, refused.code().as_str()),
        (422, "return-exceeds-capture")
    );
    let said = refused.json()["detail"].as_str().unwrap().to_owned();
    let [first, second] = &captures[..] else {
        panic!("two captures")
    };
    assert_eq!(
        said,
        format!(
            "amount must be at most 50000, because a return is of one capture; \
             left are 30000 of {first}, 50000 of {second}"
        )
    );
    let ledger = stage.world.ledger();
    assert_eq!(ledger.calls_of(Operation::FlexitiReturn).count(), 0);
    // One after the other, all of it comes back.
    for minor in [50_000, 30_000] {
        let returned = stage.operate(&attempt, "return", minor).await;
        assert_eq!(returned["state"], "succeeded", "{returned}");
    }
    let one = &stage.world.authorizations_of(&attempt).await[0];
    assert_eq!(one.returned, "800.00");
}

#[tokio::test]
async fn a_return_that_the_provider_has_no_capture_for_is_not_sent() {
    let (stage, attempt) = Stage::held().await;
    stage.operate(&attempt, "capture", 50_000).await;
    // Somebody takes half of it back at the provider, of which the proxy knows nothing.
    let one = &stage.world.authorizations_of(&attempt).await[0];
    let capture = {
        let ledger = stage.world.ledger();
        let mut captures = ledger.flexiti.captures_of(one.authorization_id);
        captures.next().unwrap().capture_id
    };
    stage
        .world
        .give_back(one.authorization_id, capture, "250.00")
        .await;
    let refused = stage.operate(&attempt, "return", 50_000).await;
    assert_eq!(refused["state"], "not_executed", "{refused}");
    let reason = refused["reason"].as_str().unwrap();
    assert!(reason.contains("at most 25000"), "{reason}");
    let ledger = stage.world.ledger();
    assert_eq!(ledger.calls_of(Operation::FlexitiReturn).count(), 1);
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
