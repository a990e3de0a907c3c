//! From identity to capture.

use ventanilla_core::api::{Step, read_attempt};
use ventanilla_core::attempt::{AttemptState, NextAction};
use ventanilla_core::rails::flexiti::{FinancingChoice, Identification, Person};
use ventanilla_sandbox::Operation;

use super::{BILL, Stage, on_both_stores, plan, session_of};

async fn a_purchase_is_identified_planned_authorized_and_captured(stage: Stage) {
    let checkout = stage.checkout().await;
    let attempt = checkout.begin().await;
    assert_eq!(attempt.state, AttemptState::Prepared);
    let page = attempt.hosted_page.as_ref().unwrap();
    assert!(page.address.starts_with(&stage.world.sandbox.flexiti_url));
    assert_eq!(page.origin, stage.world.sandbox.flexiti_url);
    assert!(page.expires_in_ms > 0 && page.expires_in_ms <= 20 * 60 * 1000);

    let attempt = checkout.page_ends(&attempt, "verified").await.unwrap();
    assert_eq!(attempt.next_action, NextAction::Choose);
    assert!(attempt.hosted_page.is_none());
    let offers = attempt.offers.as_ref().unwrap();
    let months: Vec<u32> = offers.plans.iter().map(|plan| plan.months).collect();
    assert_eq!(months, [6, 12]);
    assert_eq!(offers.plans[0].name, "Example plan");
    assert_eq!(offers.plans[0].rates[0].basis_points, 999);
    assert!(
        offers.plans[0].rates[0].message.is_some(),
        "the law's texts"
    );
    assert_eq!(offers.plans[0].fees[0].amount.minor(), 5_000);
    let regular = offers.regular.as_ref().unwrap();
    assert_eq!(
        regular.basis_points, None,
        "what the provider thinks of the buyer"
    );

    let attempt = checkout.finance(&attempt.id, plan(6)).await.unwrap();
    stage.assert_captured_once(&checkout, &attempt).await;
    let one = &stage.world.authorizations_of(&attempt).await[0];
    assert_eq!((one.plan_id, one.term), (Some(4), Some(6)));
}

async fn a_hundred_choices_at_once_are_one_authorization(stage: Stage) {
    let checkout = stage.checkout().await;
    let attempt = checkout.identify().await;
    let choices = (0..100).map(|number| {
        let (checkout, id) = (checkout.clone(), attempt.id.clone());
        let months = if number % 2 == 0 { 6 } else { 12 };
        tokio::spawn(async move { checkout.finance(&id, plan(months)).await })
    });
    for choice in choices.collect::<Vec<_>>() {
        match choice.await.unwrap() {
            Ok(view) => assert_eq!(view.id, attempt.id),
            // Every turn may be taken.
            Err(problem) => assert_eq!(problem.code, "provider-unavailable"),
        }
    }
    let attempt = checkout.until(&attempt.id, AttemptState::Succeeded).await;
    stage.assert_captured_once(&checkout, &attempt).await;
    let ledger = stage.world.ledger();
    assert_eq!(ledger.calls_of(Operation::FlexitiAuthorize).count(), 1);
}

#[tokio::test]
async fn a_buyer_by_name_pays_by_the_terms_of_the_account() {
    let stage = Stage::open().await;
    let checkout = stage.checkout().await;
    let person = Identification::Person(Person {
        first_name: "Test".into(),
        last_name: "Shopper".into(),
        birth_date: "1990-01-01".into(),
        postal_code: "a1a1a1".into(),
    });
    let key = stage.world.next_key();
    let attempt = checkout.try_to_begin_as(key, person).await.unwrap();
    let attempt = checkout.page_ends(&attempt, "verified").await.unwrap();
    let choice = FinancingChoice::Regular {};
    let attempt = checkout.finance(&attempt.id, choice).await.unwrap();
    stage.assert_captured_once(&checkout, &attempt).await;
    let one = &stage.world.authorizations_of(&attempt).await[0];
    assert_eq!(one.transaction_type, "regular_purchase");
}

#[tokio::test]
async fn a_page_that_is_reloaded_goes_on_where_it_was() {
    let stage = Stage::open().await;
    let checkout = stage.checkout().await;
    let attempt = checkout.begin().await;
    let seen = checkout.view().await.attempt.unwrap();
    assert_eq!(
        (&seen.id, seen.next_action),
        (&attempt.id, NextAction::Identify)
    );
    assert_eq!(session_of(&seen), session_of(&attempt));
    checkout.page_ends(&attempt, "verified").await.unwrap();
    let seen = checkout.view().await.attempt.unwrap();
    assert_eq!(seen.next_action, NextAction::Choose);
    assert!(seen.offers.is_some());
    let attempt = checkout.finance(&seen.id, plan(12)).await.unwrap();
    stage.assert_captured_once(&checkout, &attempt).await;
}

#[tokio::test]
async fn whoever_waits_hears_of_the_next_step() {
    let stage = Stage::open().await;
    let checkout = stage.checkout().await;
    let attempt = checkout.begin().await;
    let (waits, id) = (checkout.clone(), attempt.id.clone());
    let heard = tokio::spawn(async move { waits.call(read_attempt(&id, 25)).await.unwrap() });
    tokio::task::yield_now().await;
    checkout.page_ends(&attempt, "verified").await.unwrap();
    assert_eq!(heard.await.unwrap().next_action, NextAction::Choose);
}

#[tokio::test]
async fn steps_that_come_twice_change_nothing_more() {
    let stage = Stage::open().await;
    let checkout = stage.checkout().await;
    let attempt = checkout.begin().await;
    let message = stage
        .world
        .page_says(&session_of(&attempt), "verified")
        .await;
    let said = ventanilla_core::rails::flexiti::Identified::new(
        &session_of(&attempt),
        message.account_number.as_deref().unwrap(),
    );
    let said = Step::Identified(said.unwrap());
    for _ in 0..3 {
        let again = checkout.try_step(&attempt.id, said.clone()).await.unwrap();
        assert_eq!(again.next_action, NextAction::Choose);
    }
    let ledger = stage.world.ledger();
    assert_eq!(ledger.calls_of(Operation::FlexitiInterest).count(), 1);
    let attempt = checkout.finance(&attempt.id, plan(6)).await.unwrap();
    for step in [said, Step::Finance(plan(12)), Step::Supersede] {
        let again = checkout.try_step(&attempt.id, step).await.unwrap();
        assert_eq!(again.state, AttemptState::Succeeded);
    }
    stage.assert_captured_once(&checkout, &attempt).await;
}

#[tokio::test]
async fn a_merchant_who_captures_later_holds_the_credit_and_takes_it_in_parts() {
    let stage = Stage::open_as("capture = false").await;
    let checkout = stage.checkout().await;
    let attempt = checkout.buy().await;
    assert_eq!(attempt.state, AttemptState::Succeeded);
    let ledger = stage.world.ledger();
    assert_eq!(ledger.calls_of(Operation::FlexitiCapture).count(), 0);
    for minor in [40_000, BILL - 40_000] {
        let captured = stage.operate(&attempt, "capture", minor).await;
        assert_eq!(captured["state"], "succeeded", "{captured}");
    }
    let one = &stage.world.authorizations_of(&attempt).await[0];
    assert_eq!(
        (one.captured.as_str(), one.remaining.as_str()),
        ("1000.00", "0.00")
    );
}

on_both_stores![
    a_hundred_choices_at_once_are_one_authorization,
    a_purchase_is_identified_planned_authorized_and_captured,
];
