//! What waits for a buyer before anything is sent: sealed, written with its attempt, gone when it is over.

use secrecy::ExposeSecret as _;
use serde_json::json;
use ventanilla_core::attempt::AttemptState as S;
use ventanilla_core::money::{Currency, Money};
use ventanilla_core::operation::OperationKind as K;
use ventanilla_core::rails::Rail;
use ventanilla_core::rails::flexiti::FinancingChoice;
use ventanilla_proxy::error::Result;
use ventanilla_proxy::id;
use ventanilla_proxy::store::{
    AttemptRow, Change, FinancingStage, FinancingStep, OperationOpened, OperationRow, Overdue,
    SessionRow, Started, Store,
};

use crate::support::*;

const WAITS: u64 = 20;

async fn start(store: &Store, session: &SessionRow) -> Started {
    let draft = AttemptRow {
        rail: Rail::Flexiti,
        installments: None,
        ..draft(session)
    };
    store.start(&draft, RULES).await.unwrap()
}

async fn take(store: &Store, after: AttemptRow, step: FinancingStep) -> Result<AttemptRow> {
    let id = after.id.clone();
    let mut change = Some(Change {
        financing: Some(step),
        ..plain(after)
    });
    let row = store.change(&id, |_| change.take()).await?;
    Ok(row.unwrap())
}

fn opened(kept: &str) -> FinancingStep {
    FinancingStep::Opened {
        ends_at: START + minutes(WAITS),
        kept: secret(kept),
    }
}

fn offered(kept: &str) -> FinancingStep {
    FinancingStep::Offered {
        kept: secret(kept),
        offers: json!({ "plans": [] }),
    }
}

fn chosen(months: u32) -> FinancingStep {
    FinancingStep::Chosen {
        kept: secret("what is left"),
        choice: FinancingChoice::Plan {
            plan: String::from("4"),
            months,
        },
    }
}

/// An attempt that waits for its buyer.
async fn waiting(store: &Store) -> (SessionRow, AttemptRow) {
    let session = open(store).await;
    let Started::New(row) = start(store, &session).await else {
        panic!("nothing is in the way");
    };
    let mut after = moved(&row, S::Prepared);
    after.next_check_at = Some(START + minutes(WAITS));
    let row = take(store, after, opened("a token of the buyer's")).await;
    (session, row.unwrap())
}

async fn sent(store: &Store) -> AttemptRow {
    let (_, row) = waiting(store).await;
    let row = take(store, row, offered("an account")).await.unwrap();
    let mut after = moved(&row, S::Sent);
    after.next_check_at = None;
    take(store, after, chosen(6)).await.unwrap()
}

async fn what_waits_is_sealed_and_goes_from_step_to_step(place: Place) {
    let store = place.open().await;
    let (_, row) = waiting(&store).await;
    let found = store.financing(&row.id).await.unwrap().unwrap();
    assert_eq!(found.stage, FinancingStage::Identify);
    assert_eq!(found.ends_at, START + minutes(WAITS));
    assert_eq!(found.kept.expose_secret(), "a token of the buyer's");
    assert!(found.offers.is_none() && found.choice.is_none());

    // No choice before there is one.
    let mut early = moved(&row, S::Sent);
    early.next_check_at = None;
    assert!(take(&store, early, chosen(6)).await.is_err());
    assert_eq!(store.attempt(&row.id).await.unwrap(), Some(row.clone()));

    let row = take(&store, row, offered("an account")).await.unwrap();
    let found = store.financing(&row.id).await.unwrap().unwrap();
    assert_eq!(found.stage, FinancingStage::Choose);
    assert_eq!(found.offers, Some(json!({ "plans": [] })));
    // Offered twice, it is refused: somebody was here meanwhile.
    assert!(take(&store, row.clone(), offered("x")).await.is_err());

    let mut after = moved(&row, S::Sent);
    after.next_check_at = None;
    let row = take(&store, after, chosen(6)).await.unwrap();
    let found = store.financing(&row.id).await.unwrap().unwrap();
    assert_eq!(found.stage, FinancingStage::Chosen);
    assert_eq!(found.kept.expose_secret(), "what is left");
    assert!(matches!(
        found.choice,
        Some(FinancingChoice::Plan { months: 6, .. })
    ));
    store.close().await;
    let bytes = place.bytes().await;
    for kept in ["a token of the buyer's", "an account", "what is left"] {
        let kept = kept.as_bytes();
        assert!(!bytes.windows(kept.len()).any(|window| window == kept));
    }
}

async fn what_was_picked_never_changes_however_often_the_right_is_taken(place: Place) {
    let store = place.open().await;
    let row = sent(&store).await;
    let returned = advance(&store, &row, &[S::Prepared]).await;
    assert!(
        take(&store, moved(&returned, S::Sent), chosen(12))
            .await
            .is_err()
    );
    let again = take(&store, moved(&returned, S::Sent), chosen(6))
        .await
        .unwrap();
    assert_eq!((again.state, again.sends), (S::Sent, 2));
    let rewritten = place.sql("UPDATE financing SET choice = 'other'").await;
    assert!(rewritten.is_err(), "what a buyer picked never changes");
    assert!(place.sql("DELETE FROM financing").await.is_err());
}

async fn nothing_of_a_buyer_is_kept_when_nothing_was_sent(store: Store) {
    let (_, row) = waiting(&store).await;
    let mut after = moved(&row, S::NotExecuted);
    after.next_check_at = None;
    let mut change = Some(plain(after));
    store.change(&row.id, |_| change.take()).await.unwrap();
    assert!(store.financing(&row.id).await.unwrap().is_none());
    // What was sent is needed to read it back.
    let row = sent(&store).await;
    advance(&store, &row, &[S::NotExecuted]).await;
    assert!(store.financing(&row.id).await.unwrap().is_some());
}

async fn whatever_waits_is_not_left_behind_until_its_time_is_over(store: Store) {
    let (session, row) = waiting(&store).await;
    let overdue = |waited: u64| Overdue {
        deadline_before: START,
        unsent_before: START + hours(1),
        waited_until: START + minutes(waited),
    };
    assert!(store.overdue(overdue(WAITS - 1)).await.unwrap().is_empty());
    let over = store.overdue(overdue(WAITS)).await.unwrap();
    assert_eq!(over, std::slice::from_ref(&row));
    assert!(store.unsent_of_others("another").await.unwrap().is_empty());
    let due = START + hours(1);
    assert!(store.claim_due(due, secs(60), 9).await.unwrap().is_empty());
    let next = store.next_due(secs(1), secs(1)).await.unwrap();
    assert_eq!(next, Some(START + minutes(WAITS)));
    assert!(matches!(start(&store, &session).await, Started::Running(id) if id == row.id));
}

async fn without_keys_nothing_waits(place: Place) {
    let store = place.open_without_keys().await;
    let session = open(&store).await;
    let Started::New(row) = start(&store, &session).await else {
        panic!("nothing is in the way");
    };
    let mut after = moved(&row, S::Prepared);
    after.next_check_at = Some(START + minutes(WAITS));
    assert!(take(&store, after, opened("a token")).await.is_err());
    assert_eq!(store.attempt(&row.id).await.unwrap(), Some(row));
}

fn operation(attempt: &AttemptRow, kind: K, minor: u64) -> OperationRow {
    let amount = Money::from_minor(minor, Currency::CRC).unwrap();
    OperationRow::new(attempt, kind, amount, &id::make().unwrap(), START).unwrap()
}

async fn a_hold_is_captured_or_let_go_and_no_more_comes_back_than_was_captured(store: Store) {
    let row = sent(&store).await;
    let row = advance(&store, &row, &[S::Succeeded]).await;
    let held = row.total.minor();
    for (kind, minor, left) in [
        (K::Return, 1, Some(0)),
        (K::Capture, held + 1, Some(held)),
        (K::Capture, 100, None),
        (K::Release, held - 99, Some(held - 100)),
        (K::Release, held - 200, None),
        (K::Capture, 101, Some(100)),
        (K::Refund, 101, Some(100)),
        (K::Return, 60, None),
        (K::Refund, 41, Some(40)),
        (K::Capture, 100, None),
        (K::Return, 141, Some(140)),
        (K::Return, 100, None),
        (K::Return, 40, None),
        (K::Return, 1, Some(0)),
    ] {
        let draft = operation(&row, kind, minor);
        match (store.open_operation(&draft).await.unwrap(), left) {
            (OperationOpened::New(opened), None) => {
                let path = [S::Prepared, S::Sent, S::Succeeded];
                advance_operation(&store, &opened, &path).await;
            }
            (OperationOpened::TooMuch { left: found }, Some(left)) => {
                assert_eq!(found, left, "{kind:?} of {minor}");
            }
            _ => panic!("{kind:?} of {minor}"),
        }
    }
}

async fn a_return_is_of_one_capture_and_says_what_each_has_left(store: Store) {
    let row = sent(&store).await;
    let row = advance(&store, &row, &[S::Succeeded]).await;
    let path = [S::Prepared, S::Sent, S::Succeeded];
    let mut captures = Vec::new();
    for (kind, minor) in [
        (K::Capture, 100),
        (K::Capture, 70),
        (K::Release, 5),
        (K::Capture, 90),
        // Of the first that has enough: of the second, when of the first 60 are gone.
        (K::Return, 60),
        (K::Return, 50),
    ] {
        let opened = store.open_operation(&operation(&row, kind, minor)).await;
        let OperationOpened::New(opened) = opened.unwrap() else {
            panic!("{kind:?} of {minor}");
        };
        let ended = advance_operation(&store, &opened, &path).await;
        if kind == K::Capture {
            captures.push(ended.id);
        }
    }
    // One that came to nothing took nothing back.
    let opened = store.open_operation(&operation(&row, K::Return, 90)).await;
    let OperationOpened::New(opened) = opened.unwrap() else {
        panic!("the third has enough");
    };
    advance_operation(&store, &opened, &[S::Prepared, S::NotExecuted]).await;

    let left: Vec<(&String, u64)> = captures.iter().zip([40, 20, 90]).collect();
    let refused = store.open_operation(&operation(&row, K::Return, 91)).await;
    let OperationOpened::NoCapture(found) = refused.unwrap() else {
        panic!("no capture has 91 left, although 150 are");
    };
    let found: Vec<(&String, u64)> = found
        .iter()
        .map(|one| (&one.operation_id, one.left))
        .collect();
    assert_eq!(found, left);
    let whole = store.open_operation(&operation(&row, K::Return, 90)).await;
    assert!(matches!(whole.unwrap(), OperationOpened::New(_)));
}

/// The database itself, should a mistake above it ask for more.
async fn the_database_lets_no_more_go_than_is_held(place: Place) {
    let store = place.open().await;
    let row = sent(&store).await;
    let row = advance(&store, &row, &[S::Succeeded]).await;
    let insert = |kind: &str, minor: u64| {
        format!(
            "INSERT INTO operation (id, attempt_id, session_id, kind, idempotency_key, fingerprint, state, version,
                                    reference, amount_minor, currency, created_at, sends, sent_at, deadline_at, settled_at)
             VALUES ('{kind}{minor}', '{}', '{}', '{kind}', '{kind}{minor}', 'f', 'succeeded', 3, '{kind}{minor}',
                     {minor}, 'CRC', 1, 1, 1, 1, 1)",
            row.id, row.session_id
        )
    };
    let held = row.total.minor();
    assert!(place.sql(&insert("return", 1)).await.is_err());
    place.sql(&insert("capture", 100)).await.unwrap();
    assert!(place.sql(&insert("release", held - 99)).await.is_err());
    place.sql(&insert("release", held - 100)).await.unwrap();
    assert!(place.sql(&insert("return", 101)).await.is_err());
    place.sql(&insert("return", 100)).await.unwrap();
}

every_engine![
    a_return_is_of_one_capture_and_says_what_each_has_left,
    a_hold_is_captured_or_let_go_and_no_more_comes_back_than_was_captured,
    nothing_of_a_buyer_is_kept_when_nothing_was_sent,
    whatever_waits_is_not_left_behind_until_its_time_is_over,
];
every_place![
    the_database_lets_no_more_go_than_is_held,
    what_waits_is_sealed_and_goes_from_step_to_step,
    what_was_picked_never_changes_however_often_the_right_is_taken,
    without_keys_nothing_waits,
];
