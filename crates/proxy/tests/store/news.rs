//! What whoever follows the events is told.

use ventanilla_core::attempt::AttemptState as S;
use ventanilla_core::operation::OperationKind;
use ventanilla_proxy::store::{OperationRow, Store};

use crate::support::*;

async fn news_are_of_what_happened_behind_an_event_and_name_whom_it_is_about(store: Store) {
    let before = store.newest_event().await.unwrap();
    let row = paid(&store).await;
    let asked = OperationRow::new(&row, OperationKind::Refund, row.total, "key", START).unwrap();
    store.open_operation(&asked).await.unwrap();
    let news = store.events_after(before).await.unwrap();
    assert!(news.is_sorted_by(|a, b| a.event < b.event));
    let about: Vec<&str> = news.iter().map(|news| news.about.as_str()).collect();
    assert!(about.contains(&row.id.as_str()) && about.contains(&row.session_id.as_str()));
    assert_eq!(about.last(), Some(&asked.id.as_str()));

    let newest = store.newest_event().await.unwrap();
    assert_eq!(news.last().map(|news| news.event), Some(newest));
    assert_eq!(store.events_after(newest).await.unwrap(), []);
    let other = begin(&store, &open(&store).await).await;
    advance(&store, &other, way_to(S::Declined)).await;
    let news = store.events_after(newest).await.unwrap();
    assert!(news.iter().any(|news| news.about == other.id));
    assert!(news.iter().all(|news| news.about != row.id));
}

every_engine!(news_are_of_what_happened_behind_an_event_and_name_whom_it_is_about);
