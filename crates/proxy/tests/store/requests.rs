//! What a transfer out is asked for with: kept to the byte, once, sealed.

use secrecy::{ExposeSecret as _, SecretString};
use ventanilla_core::operation::OperationKind;
use ventanilla_proxy::store::{OperationOpened, OperationRow, Store};

use crate::support::*;

async fn a_refund(store: &Store) -> OperationRow {
    let attempt = paid(store).await;
    let kind = OperationKind::CashOut;
    let draft = OperationRow::new(&attempt, kind, attempt.total, "a", START).unwrap();
    match store.open_operation(&draft).await.unwrap() {
        OperationOpened::New(row) => row,
        _ => panic!("nothing is in the way"),
    }
}

async fn the_first_request_is_the_one_that_is_sent_again(place: Place) {
    let store = place.open().await;
    let operation = a_refund(&store).await;
    assert!(store.kept_request(&operation.id).await.unwrap().is_none());
    let kept = together((0..30).map(|task| {
        let (store, id) = (store.clone(), operation.id.clone());
        async move {
            let body = secret(&format!("body {task}"));
            let kept = patiently(|| store.keep_request(&id, &body)).await;
            kept.expose_secret().to_owned()
        }
    }))
    .await;
    assert!(kept.iter().all(|body| *body == kept[0]), "{kept:?}");
    store.close().await;

    let store = place.open().await;
    let again = store.kept_request(&operation.id).await.unwrap().unwrap();
    assert_eq!(again.expose_secret(), kept[0]);
    let other = secret("another body");
    let again = store.keep_request(&operation.id, &other).await.unwrap();
    assert_eq!(again.expose_secret(), kept[0]);
    let nobodys = store.keep_request("opr_x", &other).await;
    assert!(nobodys.is_err(), "there is no such operation");
}

async fn what_was_asked_for_never_changes_and_is_sealed(place: Place) {
    let account = "0009001600000004242420";
    let store = place.open().await;
    let operation = a_refund(&store).await;
    let body: SecretString = secret(r#"{"cvu":"0009001600000004242420","amount":12.50}"#);
    store.keep_request(&operation.id, &body).await.unwrap();
    for statement in [
        "DELETE FROM operation_request",
        "UPDATE operation_request SET key_name = 'other'",
    ] {
        assert!(place.sql(statement).await.is_err(), "{statement}");
    }
    let bytes = place.bytes().await;
    let text = String::from_utf8_lossy(&bytes);
    assert!(text.contains(&operation.id), "or nothing would be found");
    assert!(!text.contains(account));
    assert!(!text.contains(&hex::encode(account)));

    // It opens for its own operation only, and with the keys.
    let other = a_refund(&store).await;
    let moved = format!(
        "INSERT INTO operation_request SELECT '{}', key_name, body FROM operation_request",
        other.id
    );
    place.sql(&moved).await.unwrap();
    assert!(store.kept_request(&other.id).await.is_err());
    store.close().await;
    let store = place.open_without_keys().await;
    assert!(store.keep_request(&operation.id, &body).await.is_err());
    assert!(store.kept_request(&operation.id).await.is_err());
}

every_place![
    the_first_request_is_the_one_that_is_sent_again,
    what_was_asked_for_never_changes_and_is_sealed,
];
