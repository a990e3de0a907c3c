//! Saved cards.

use secrecy::{ExposeSecret, SecretString};
use ventanilla_core::attempt::AttemptState as S;
use ventanilla_proxy::id;
use ventanilla_proxy::store::{AttemptRow, NewSavedCard, Store};

use crate::support::*;

async fn a_saved_card_belongs_to_its_buyer_and_comes_with_the_payment(store: Store) {
    let save = |row: &AttemptRow, buyer: &str| {
        let mut change = plain(moved(row, S::Succeeded));
        change.saved_card = Some(NewSavedCard {
            id: id::make_prefixed("crd").unwrap(),
            buyer_id: buyer.to_owned(),
            token: SecretString::from("provider-token"),
            brand: Some(ventanilla_core::card::Brand::Visa),
            last4: String::from("4242"),
            bin: Some(String::from("424242")),
            expiry_month: Some(12),
            expiry_year: Some(2030),
        });
        change
    };
    for (order, buyer) in ["ana", "ana", "leo"].into_iter().enumerate() {
        let session = open(&store).await;
        let row = begin(&store, &session).await;
        let row = advance(&store, &row, way_to(S::Sent)).await;
        let at = START + secs(u64::try_from(order).unwrap());
        let mut change = save(&row, buyer);
        change.at = at;
        let mut change = Some(change);
        let after = store
            .change(&row.id, |_| change.take())
            .await
            .unwrap()
            .unwrap();
        assert!(after.card_saved);
    }
    let cards = store.saved_cards("ana").await.unwrap();
    assert_eq!(cards.len(), 2);
    assert_eq!(
        (cards[0].expiry_month, cards[0].expiry_year),
        (Some(12), Some(2030))
    );
    let token = store
        .card_token(&cards[0].id, "ana")
        .await
        .unwrap()
        .unwrap();
    assert_eq!(token.expose_secret(), "provider-token");
    assert!(
        store
            .card_token(&cards[0].id, "leo")
            .await
            .unwrap()
            .is_none()
    );
    assert!(store.card_token("crd_x", "ana").await.unwrap().is_none());

    // Nothing is kept of a payment that was not written.
    let session = open(&store).await;
    let row = begin(&store, &session).await;
    let row = advance(&store, &row, way_to(S::Sent)).await;
    let mut wrong = save(&row, "eva");
    wrong.after.confirmed = None;
    let mut wrong = Some(wrong);
    assert!(store.change(&row.id, |_| wrong.take()).await.is_err());
    assert!(store.saved_cards("eva").await.unwrap().is_empty());
}

fn card(buyer: &str, token: &str) -> NewSavedCard {
    NewSavedCard {
        id: id::make_prefixed("crd").unwrap(),
        buyer_id: buyer.to_owned(),
        token: SecretString::from(token),
        brand: Some(ventanilla_core::card::Brand::Visa),
        last4: String::from("4242"),
        bin: None,
        expiry_month: None,
        expiry_year: None,
    }
}

async fn a_card_may_be_kept_without_a_payment_and_is_whose_it_is(store: Store) {
    let (first, second) = (card("ana", "token-1"), card("ana", "token-2"));
    store.add_card(&first, START).await.unwrap();
    store.add_card(&second, START + secs(1)).await.unwrap();
    let cards = store.saved_cards("ana").await.unwrap();
    let ids: Vec<_> = cards.iter().map(|card| &card.id).collect();
    assert_eq!(ids, [&second.id, &first.id]);
    let row = store.saved_card(&first.id).await.unwrap().unwrap();
    assert_eq!((row.buyer_id.as_str(), row.created_at), ("ana", START));
    let token = store.card_token(&first.id, "ana").await.unwrap().unwrap();
    assert_eq!(token.expose_secret(), "token-1");
    // The same card does not come twice.
    assert!(store.add_card(&first, START).await.is_err());
}

async fn a_replaced_card_gives_back_the_token_that_it_had(store: Store) {
    let first = card("ana", "token-1");
    store.add_card(&first, START).await.unwrap();
    let other = |buyer: &str, token: &str| NewSavedCard {
        id: first.id.clone(),
        last4: String::from("4444"),
        expiry_month: Some(1),
        ..card(buyer, token)
    };
    let before = store.replace_card(&other("ana", "token-2")).await.unwrap();
    assert_eq!(before.unwrap().expose_secret(), "token-1");
    let before = store.replace_card(&other("ana", "token-3")).await.unwrap();
    assert_eq!(before.unwrap().expose_secret(), "token-2");
    let row = store.saved_card(&first.id).await.unwrap().unwrap();
    assert_eq!((row.last4.as_str(), row.expiry_month), ("4444", Some(1)));
    assert_eq!(row.created_at, START);

    let not_his = store.replace_card(&other("leo", "token-4")).await.unwrap();
    assert!(not_his.is_none());
    let token = store.card_token(&first.id, "ana").await.unwrap().unwrap();
    assert_eq!(token.expose_secret(), "token-3");
}

async fn a_forgotten_card_is_gone(store: Store) {
    let first = card("ana", "token-1");
    store.add_card(&first, START).await.unwrap();
    assert!(store.forget_card(&first.id).await.unwrap());
    assert!(!store.forget_card(&first.id).await.unwrap());
    assert!(store.saved_card(&first.id).await.unwrap().is_none());
    assert!(store.card_token(&first.id, "ana").await.unwrap().is_none());
    let nothing = store.replace_card(&first).await.unwrap();
    assert!(nothing.is_none());
}

every_engine![
    a_saved_card_belongs_to_its_buyer_and_comes_with_the_payment,
    a_card_may_be_kept_without_a_payment_and_is_whose_it_is,
    a_replaced_card_gives_back_the_token_that_it_had,
    a_forgotten_card_is_gone,
];
