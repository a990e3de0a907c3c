//! Everything that is no purchase: the page's other ends, forged words, refusals, time.

use serde_json::json;
use ventanilla_core::api::Step;
use ventanilla_core::attempt::{AttemptState, NextAction};
use ventanilla_core::rails::flexiti::{FinancingAdvice, FinancingChoice, Identified};
use ventanilla_sandbox::{Kind, Operation};

use super::{ACCOUNT, MINUTE, Stage, by_account, forged, on_both_stores, plan, session_of};

#[tokio::test]
async fn every_other_end_of_the_page_has_a_way_on_of_its_own() {
    let stage = Stage::open().await;
    let checkout = stage.checkout().await;
    for (outcome, advice) in [
        ("unverified", FinancingAdvice::Unverified),
        ("activation", FinancingAdvice::Activate),
        ("apply", FinancingAdvice::Apply),
        ("bad_standing", FinancingAdvice::BadStanding),
        ("retry", FinancingAdvice::Retry),
        ("failure", FinancingAdvice::Failure),
        ("cancel", FinancingAdvice::Cancelled),
    ] {
        let attempt = checkout.begin().await;
        let over = checkout.page_ends(&attempt, outcome).await.unwrap();
        assert_eq!(
            (over.state, over.next_action),
            (AttemptState::NotExecuted, NextAction::TryAgain),
            "{outcome}"
        );
        assert_eq!(over.financing_advice, Some(advice), "{outcome}");
        assert!(over.hosted_page.is_none());
    }
    let ledger = stage.world.ledger();
    assert_eq!(ledger.calls_of(Operation::FlexitiAuthorize).count(), 0);
    // Nothing of it stands in the way of a purchase.
    let attempt = checkout.buy().await;
    stage.assert_captured_once(&checkout, &attempt).await;
}

async fn words_of_another_session_or_account_are_refused_and_change_nothing(stage: Stage) {
    let checkout = stage.checkout().await;
    let attempt = checkout.begin().await;
    let other = Identified::new(&session_of(&attempt), "10000002").unwrap();
    for said in [forged(&attempt), other] {
        let refused = checkout.try_step(&attempt.id, Step::Identified(said)).await;
        assert_eq!(refused.unwrap_err().code, "identity-refused");
    }
    let ledger = stage.world.ledger();
    assert_eq!(ledger.calls_of(Operation::FlexitiInterest).count(), 0);
    // A plan before there are any.
    let early = checkout.finance(&attempt.id, plan(6)).await;
    assert_eq!(early.unwrap_err().code, "plan-not-offered");
    let seen = checkout.attempt(&attempt.id).await;
    assert_eq!(seen.next_action, NextAction::Identify);
}

#[tokio::test]
async fn a_page_that_says_more_than_the_provider_knows_buys_nothing() {
    let stage = Stage::open().await;
    let checkout = stage.checkout().await;
    let attempt = checkout.begin().await;
    // Nobody passed the check.
    let said = Identified::new(&session_of(&attempt), ACCOUNT).unwrap();
    let seen = checkout.try_step(&attempt.id, Step::Identified(said)).await;
    let seen = seen.unwrap();
    let over = if seen.next_action == NextAction::Choose {
        checkout.finance(&attempt.id, plan(6)).await.unwrap()
    } else {
        seen
    };
    assert_eq!(over.next_action, NextAction::TryAgain);
    assert_eq!(over.financing_advice, Some(FinancingAdvice::Unverified));
    assert!(stage.world.ledger().flexiti.authorizations.is_empty());
}

#[tokio::test]
async fn a_plan_that_was_not_offered_is_refused() {
    let stage = Stage::open().await;
    let checkout = stage.checkout().await;
    let attempt = checkout.identify().await;
    for choice in [
        plan(7),
        FinancingChoice::Plan {
            plan: "5".into(),
            months: 6,
        },
        FinancingChoice::Plan {
            plan: "04".into(),
            months: 6,
        },
    ] {
        let refused = checkout.finance(&attempt.id, choice).await.unwrap_err();
        assert_eq!(refused.code, "plan-not-offered");
    }
    let ledger = stage.world.ledger();
    assert_eq!(ledger.calls_of(Operation::FlexitiAuthorize).count(), 0);
    let attempt = checkout.finance(&attempt.id, plan(12)).await.unwrap();
    stage.assert_captured_once(&checkout, &attempt).await;
}

#[tokio::test]
async fn a_refused_authorization_is_an_outcome_with_a_way_on() {
    let stage = Stage::open().await;
    let checkout = stage.checkout().await;
    for (error, advice) in [
        ("credit_exceeded", FinancingAdvice::Credit),
        ("plan_term_not_available", FinancingAdvice::OtherPlan),
        ("not_verified", FinancingAdvice::Unverified),
        ("user_not_able_to_purchase", FinancingAdvice::BadStanding),
    ] {
        let attempt = checkout.identify().await;
        let refuse = json!({ "operation": "flexiti_authorize", "error": error });
        stage.world.manage("/flexiti/refuse", &refuse).await;
        let declined = checkout.finance(&attempt.id, plan(6)).await.unwrap();
        assert_eq!(declined.state, AttemptState::Declined, "{error}");
        assert_eq!(declined.financing_advice, Some(advice), "{error}");
        let record = stage.world.attempt_record(&attempt.id).await;
        assert_eq!(record["provider_code"], error);
    }
    assert!(stage.world.ledger().flexiti.authorizations.is_empty());
}

async fn a_check_that_nobody_passes_in_time_is_over(stage: Stage) {
    let checkout = stage.checkout().await;
    let attempt = checkout.begin().await;
    // Another start is not let in beside it.
    let key = stage.world.next_key();
    let second = checkout.try_to_begin_as(key, by_account(ACCOUNT)).await;
    assert_eq!(second.unwrap_err().code, "attempt-running");
    for _ in 0..18 {
        stage.world.move_clock(MINUTE);
    }
    let checkout = checkout.with_fresh_token().await;
    let seen = checkout.attempt(&attempt.id).await;
    assert_eq!(
        seen.next_action,
        NextAction::Identify,
        "it waits for its buyer"
    );
    let over = checkout
        .until_moving(&attempt.id, AttemptState::NotExecuted, MINUTE)
        .await;
    assert_eq!(over.financing_advice, Some(FinancingAdvice::Expired));
    let checkout = checkout.with_fresh_token().await;
    let attempt = checkout.buy().await;
    stage.assert_captured_once(&checkout, &attempt).await;
}

#[tokio::test]
async fn whoever_leaves_the_page_may_start_at_once() {
    let stage = Stage::open().await;
    let checkout = stage.checkout().await;
    let attempt = checkout.identify().await;
    let left = checkout
        .try_step(&attempt.id, Step::Supersede)
        .await
        .unwrap();
    assert_eq!(left.state, AttemptState::NotExecuted);
    assert_eq!(left.financing_advice, Some(FinancingAdvice::Cancelled));
    let attempt = checkout.buy().await;
    stage.assert_captured_once(&checkout, &attempt).await;
}

#[tokio::test]
async fn an_attempt_of_another_session_takes_no_step() {
    let stage = Stage::open().await;
    let checkout = stage.checkout().await;
    let attempt = checkout.identify().await;
    let stranger = stage.checkout().await;
    let refused = stranger.finance(&attempt.id, plan(6)).await.unwrap_err();
    assert_eq!(refused.code, "not-found");
}

#[tokio::test]
async fn offers_that_cannot_be_had_now_may_be_asked_for_again() {
    let stage = Stage::open().await;
    let checkout = stage.checkout().await;
    let attempt = checkout.begin().await;
    stage
        .world
        .arm_times(Operation::FlexitiInterest, Kind::Error500, 10)
        .await;
    let refused = checkout.page_ends(&attempt, "verified").await.unwrap_err();
    assert_eq!(refused.code, "provider-unavailable");
    stage.world.sandbox.clear_faults().await;
    let said = Identified::new(&session_of(&attempt), ACCOUNT).unwrap();
    let seen = checkout.try_step(&attempt.id, Step::Identified(said)).await;
    assert_eq!(seen.unwrap().next_action, NextAction::Choose);
}

#[tokio::test]
async fn a_page_at_another_place_than_configured_is_not_shown() {
    let stage = Stage::open_as("page_origin = \"https://posapi.flexiti.example\"").await;
    let checkout = stage.checkout().await;
    let key = stage.world.next_key();
    let attempt = checkout.try_to_begin_as(key, by_account(ACCOUNT)).await;
    let attempt = attempt.unwrap();
    assert_eq!(attempt.state, AttemptState::NotExecuted);
    assert!(attempt.refused && attempt.hosted_page.is_none());
}

#[tokio::test]
async fn what_a_buyer_types_is_held_to_its_form_and_not_repeated() {
    let stage = Stage::open().await;
    let checkout = stage.checkout().await;
    let body = |identification, postal: &str| {
        json!({ "rail": "flexiti", "flexiti": {
            "identification": identification,
            "billing": { "first_name": "Test", "last_name": "Shopper", "line1": "1 Example Street",
                         "city": "Toronto", "province": "ON", "postal_code": postal },
        }})
    };
    let person = |birth: &str| {
        json!({ "by": "person", "first_name": "T", "last_name": "S", "birth_date": birth,
                "postal_code": "A1A 1A1" })
    };
    let account = |number: &str| json!({ "by": "account", "account_number": number });
    for (body, field) in [
        (body(account("123"), "A1A1A1"), "account_number"),
        (body(account("1000000a"), "A1A1A1"), "account_number"),
        (body(account(ACCOUNT), "90210"), "billing.postal_code"),
        (body(person("1990-02-30"), "A1A1A1"), "birth_date"),
        (body(person("2020-01-01"), "A1A1A1"), "birth_date"),
    ] {
        let answer = checkout.post(&body).await;
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (422, "identity-malformed")
        );
        let detail = answer.json()["detail"].as_str().unwrap().to_owned();
        assert!(detail.contains(field), "{detail}");
        for typed in ["1000000a", "90210", "1990-02-30", "2020-01-01"] {
            assert!(!answer.text.contains(typed), "{}", answer.text);
        }
    }
    assert!(stage.world.ledger().flexiti.sessions.is_empty());
}

on_both_stores![
    a_check_that_nobody_passes_in_time_is_over,
    words_of_another_session_or_account_are_refused_and_change_nothing,
];
