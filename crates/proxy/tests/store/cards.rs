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

every_engine![a_saved_card_belongs_to_its_buyer_and_comes_with_the_payment,];
