//! Saved cards.

use serde_json::json;
use ventanilla_core::attempt::AttemptState;
use ventanilla_core::card::Brand;
use ventanilla_core::rails::card::{SaveCardPolicy, SavedCardView};
use ventanilla_sandbox::{Kind, Operation};

use super::{MASTERCARD, NO_FUNDS, VISA};
use crate::checkout::Choice;
use crate::world::World;

const SAVE: Choice = Choice {
    installments: None,
    save: true,
};

/// A card of Ana's.
async fn saved(world: &std::sync::Arc<World>, number: &str) -> SavedCardView {
    let checkout = world.checkout_of_buyer("ana").await;
    let attempt = checkout.try_to_pay_with(number, SAVE).await.unwrap();
    assert!(attempt.receipt.unwrap().card_saved);
    world
        .checkout_of_buyer("ana")
        .await
        .offer()
        .await
        .saved_cards
        .remove(0)
}

#[tokio::test]
async fn a_card_saved_with_consent_pays_next_time_without_being_typed() {
    let world = World::open().await;
    let first = world.checkout_of_buyer("ana").await;
    assert_eq!(first.offer().await.save_card, SaveCardPolicy::Ask);
    let card = saved(&world, VISA).await;
    assert_eq!(
        (card.brand, card.last4.as_str()),
        (Some(Brand::Visa), "4242")
    );
    assert_eq!(
        (card.expiry_month, card.expiry_year),
        (Some(12), Some(2039))
    );

    let checkout = world.checkout_of_buyer("ana").await;
    let attempt = checkout.pay_with_saved(&card.id).await.unwrap();
    assert_eq!(attempt.state, AttemptState::Succeeded);
    assert_eq!(
        attempt.receipt.as_ref().unwrap().last4.as_deref(),
        Some("4242")
    );
    let ledger = world.ledger();
    let debit = ledger.debits.last().unwrap();
    assert_eq!(debit.operation, Operation::TokenPayment);
    assert_eq!(debit.reference, world.reference_of(&attempt).await);
    assert_eq!(debit.amount, "1250.50");
    assert_eq!(world.paid(), 2);
}

#[tokio::test]
async fn without_consent_no_card_is_saved() {
    let world = World::open().await;
    let attempt = world.checkout_of_buyer("ana").await.pay(VISA).await;
    assert!(!attempt.receipt.unwrap().card_saved);
    assert!(
        world
            .checkout_of_buyer("ana")
            .await
            .offer()
            .await
            .saved_cards
            .is_empty()
    );
    assert!(world.ledger().card_tokens.is_empty());
}

#[tokio::test]
async fn a_declined_card_is_not_saved() {
    let world = World::open().await;
    let checkout = world.checkout_of_buyer("ana").await;
    let attempt = checkout.try_to_pay_with(NO_FUNDS, SAVE).await.unwrap();
    assert_eq!(attempt.state, AttemptState::Declined);
    assert!(
        world
            .checkout_of_buyer("ana")
            .await
            .offer()
            .await
            .saved_cards
            .is_empty()
    );
}

#[tokio::test]
async fn saving_is_refused_where_it_is_not_offered() {
    let world = World::open().await;
    for fields in [json!({}), json!({ "buyer": { "id": "ana" } })] {
        let checkout = world.checkout_for(fields).await;
        let refused = checkout.try_to_pay_with(VISA, SAVE).await.unwrap_err();
        assert_eq!(
            (refused.code.as_str(), refused.status),
            ("request-malformed", 422)
        );
    }
    assert!(world.ledger().calls.is_empty());
}

#[tokio::test]
async fn another_buyers_card_does_not_exist() {
    let world = World::open().await;
    let card = saved(&world, VISA).await;
    let debits = world.ledger().debits.len();
    let bens = world.checkout_of_buyer("ben").await;
    let nobodys = world.checkout().await;
    assert!(bens.offer().await.saved_cards.is_empty());
    assert!(nobodys.offer().await.saved_cards.is_empty());
    let mut answers = Vec::new();
    for checkout in [&bens, &nobodys] {
        answers.push(checkout.pay_with_saved(&card.id).await.unwrap_err());
    }
    answers.push(
        bens.pay_with_saved("crd_aaaaaaaaaaaaaaaaaaaaaaaaaa")
            .await
            .unwrap_err(),
    );
    for refused in &answers {
        assert_eq!(
            (refused.code.as_str(), refused.status),
            ("saved-card-unknown", 422)
        );
        assert_eq!(
            refused, &answers[0],
            "one answer for all, whoever it belongs to"
        );
    }
    assert_eq!(world.ledger().debits.len(), debits);
}

#[tokio::test]
async fn a_saved_card_may_be_declined() {
    let world = World::open().await;
    let card = saved(&world, VISA).await;
    // The shop deletes it at the provider, so that its token pays no more.
    let ledger = world.ledger();
    let token = &ledger.card_tokens[0].token;
    let credentials = world.sandbox.credentials();
    let delete = json!({
        "merchantId": credentials.merchant_id,
        "secret": credentials.secret,
        "token": token,
        "requestId": "req-delete",
    });
    let url = format!("{}/deleteToken", world.sandbox.merchant_url);
    world
        .client
        .post(url)
        .header("content-type", "application/json")
        .body(delete.to_string())
        .send()
        .await
        .unwrap();
    let checkout = world.checkout_of_buyer("ana").await;
    let attempt = checkout.pay_with_saved(&card.id).await.unwrap();
    assert!(
        matches!(
            attempt.state,
            AttemptState::NotExecuted | AttemptState::Declined
        ),
        "{:?}",
        attempt.state
    );
    assert_eq!(
        checkout.pay(MASTERCARD).await.state,
        AttemptState::Succeeded
    );
}

#[tokio::test]
async fn a_saved_card_whose_answer_is_lost_is_debited_once() {
    for kind in [
        Kind::GatewayTimeoutAfter,
        Kind::ResetAfter,
        Kind::BadSignature,
    ] {
        let world = World::open().await;
        let card = saved(&world, VISA).await;
        world.arm(Operation::TokenPayment, kind).await;
        let checkout = world.checkout_of_buyer("ana").await;
        let attempt = checkout.pay_with_saved(&card.id).await.unwrap();
        let attempt = checkout.until(&attempt.id, AttemptState::Succeeded).await;
        assert_eq!(world.debits_of(&attempt).await, 1, "{kind:?}");
        assert_eq!(
            world.ledger().calls_of(Operation::TokenPayment).count(),
            1,
            "{kind:?}"
        );
    }
}

#[tokio::test]
async fn exactly_one_card_must_be_named() {
    let world = World::open().await;
    let card = saved(&world, VISA).await;
    let calls = world.ledger().calls.len();
    let checkout = world.checkout_of_buyer("ana").await;
    let mut both = checkout.sealed_start(VISA, Choice::default()).await;
    both.card.as_mut().unwrap().saved_card = Some(card.id);
    let mut neither = both.clone();
    neither.card.as_mut().unwrap().sealed = None;
    neither.card.as_mut().unwrap().saved_card = None;
    for start in [both, neither] {
        let refused = checkout.start(world.next_key(), start).await.unwrap_err();
        assert_eq!(refused.code, "request-malformed");
    }
    assert_eq!(world.ledger().calls.len(), calls);
}
