//! Credits: recorded once, whichever way they are seen; an attempt is paid by one of them.

use ventanilla_core::account::{Account, Cuit};
use ventanilla_core::attempt::AttemptState as S;
use ventanilla_core::money::{Currency, Money};
use ventanilla_core::session::SessionState;
use ventanilla_proxy::store::{
    AttemptRow, CreditRow, CreditState, CreditVerdict, NewCredit, Payer, Scene, Store,
};

use crate::support::*;

/// SHA-256, as far as anybody can see.
fn fingerprint(number: usize) -> String {
    format!("{number:064x}")
}

fn credit(number: usize) -> NewCredit {
    NewCredit {
        fingerprint: fingerprint(number),
        cashin_id: None,
        amount: new_session().total,
        credited_at: START - secs(2),
        seen_at: START,
        payer: None,
    }
}

/// As one that a notification told of.
fn notified(number: usize) -> NewCredit {
    NewCredit {
        fingerprint: format!("cashin:{number}"),
        cashin_id: Some(number.to_string()),
        ..credit(number)
    }
}

fn of_another_amount(number: usize) -> NewCredit {
    NewCredit {
        amount: Money::from_minor(1, Currency::CRC).unwrap(),
        ..credit(number)
    }
}

fn verdict(state: CreditState, after: Option<AttemptRow>) -> CreditVerdict {
    CreditVerdict {
        state,
        why: (state != CreditState::Matched).then(|| String::from("why")),
        change: after.map(plain),
    }
}

/// What the exact amount does: it pays the first time, and is for somebody to look at after that.
fn pays(scene: &Scene<'_>) -> Option<CreditVerdict> {
    let row = scene.attempt;
    Some(if row.state.took_money() {
        verdict(CreditState::Review, None)
    } else {
        verdict(CreditState::Matched, Some(moved(row, S::Succeeded)))
    })
}

async fn kinds(store: &Store) -> Vec<String> {
    let told = store.outbox(1_000).await.unwrap();
    told.into_iter().map(|told| told.kind).collect()
}

async fn events(store: &Store, session_id: &str) -> Vec<String> {
    let events = store.events(session_id).await.unwrap();
    events.into_iter().map(|event| event.kind).collect()
}

async fn row_now(store: &Store, id: &str) -> AttemptRow {
    store.attempt(id).await.unwrap().unwrap()
}

async fn all(store: &Store) -> Vec<CreditRow> {
    let start = START - hours(1);
    store.credits_since(start).await.unwrap()
}

async fn a_credit_pays_its_attempt_and_session_in_one_commit(store: Store) {
    let row = issued(&store).await;
    let new = credit(1);
    let recorded = store.credit_attempt(&new, &row.id, pays).await.unwrap();
    let recorded = recorded.unwrap();
    assert_eq!(
        recorded,
        CreditRow {
            id: recorded.id.clone(),
            fingerprint: fingerprint(1),
            cashin_id: None,
            amount: row.total,
            credited_at: START - secs(2),
            seen_at: START,
            state: CreditState::Matched,
            attempt_id: Some(row.id.clone()),
            why: None,
            candidates: vec![],
        }
    );
    assert!(recorded.id.starts_with("crd_"));
    assert_eq!(
        store.credit(&recorded.id).await.unwrap().as_ref(),
        Some(&recorded)
    );
    let whole = store.whole_session(&row.session_id).await.unwrap().unwrap();
    assert_eq!(whole.session.state, SessionState::Succeeded);
    assert_eq!(whole.attempts[0].state, S::Succeeded);
    assert_eq!(whole.credits, [recorded]);
    assert_eq!(
        kinds(&store).await,
        ["attempt.succeeded", "session.succeeded"]
    );
    let events = events(&store, &row.session_id).await;
    assert!(events.iter().any(|kind| kind == "credit_seen"));
}

/// Fails without the unique identities: nothing else keeps these apart.
async fn of_fifty_times_the_same_credit_one_is_recorded(store: Store) {
    let by_print = |task| NewCredit {
        fingerprint: fingerprint(1),
        ..if task % 2 == 0 {
            notified(1)
        } else {
            credit(1)
        }
    };
    let by_number = |task| NewCredit {
        fingerprint: fingerprint(100 + task),
        ..notified(2)
    };
    let seen: [&(dyn Fn(usize) -> NewCredit + Sync); 2] = [&by_print, &by_number];
    for seen in seen {
        let row = issued(&store).await;
        let recorded = together((0..50).map(|task| {
            let (store, id, new) = (store.clone(), row.id.clone(), seen(task));
            async move { patiently(|| store.credit_attempt(&new, &id, pays)).await }
        }))
        .await;
        let recorded: Vec<CreditRow> = recorded.into_iter().flatten().collect();
        assert_eq!(recorded.len(), 1);
        assert_eq!(recorded[0].state, CreditState::Matched);
        let after = row_now(&store, &row.id).await;
        assert_eq!(
            (after.state, after.version),
            (S::Succeeded, row.version + 1)
        );
    }
    assert_eq!(all(&store).await.len(), 2);
}

async fn of_fifty_different_credits_one_pays_and_the_others_are_looked_at(store: Store) {
    let row = issued(&store).await;
    let recorded = together((0..50).map(|number| {
        let (store, id, new) = (store.clone(), row.id.clone(), credit(number));
        async move { patiently(|| store.credit_attempt(&new, &id, pays)).await }
    }))
    .await;
    let count = |state| {
        let recorded = recorded.iter().flatten();
        recorded.filter(|credit| credit.state == state).count()
    };
    assert_eq!(
        (count(CreditState::Matched), count(CreditState::Review)),
        (1, 49)
    );
    assert_eq!(row_now(&store, &row.id).await.state, S::Succeeded);
    let kinds = kinds(&store).await;
    let told = |kind: &str| kinds.iter().filter(|told| *told == kind).count();
    assert_eq!(told("session.succeeded"), 1);
    assert_eq!(told("credit.review"), 49);
}

async fn a_credit_that_is_known_changes_nothing_for_anybody(store: Store) {
    let paid = issued(&store).await;
    let mut first = notified(1);
    first.fingerprint = fingerprint(1);
    let first = store.credit_attempt(&first, &paid.id, pays).await.unwrap();
    assert!(first.is_some());
    let other = issued(&store).await;
    let before = (all(&store).await, kinds(&store).await);
    let by_number = NewCredit {
        fingerprint: fingerprint(2),
        ..notified(1)
    };
    for again in [credit(1), notified(1), by_number] {
        for row in [&paid, &other] {
            let recorded = store.credit_attempt(&again, &row.id, pays).await;
            assert_eq!(recorded.unwrap(), None);
        }
        let recorded = store.credit_in_doubt(&again, "why", &[]).await;
        assert_eq!(recorded.unwrap(), None);
    }
    assert_eq!((all(&store).await, kinds(&store).await), before);
    assert_eq!(row_now(&store, &other.id).await, other);
}

/// Their sessions are not the same, so only the index keeps these apart.
async fn a_credit_that_is_seen_for_two_attempts_at_once_pays_one(store: Store) {
    for number in 0..10 {
        let rows = [issued(&store).await, issued(&store).await];
        let recorded = together(rows.clone().into_iter().map(|row| {
            let (store, new) = (store.clone(), notified(number));
            async move { patiently(|| store.credit_attempt(&new, &row.id, pays)).await }
        }))
        .await;
        assert_eq!(recorded.into_iter().flatten().count(), 1);
        let mut paid = 0;
        for row in &rows {
            paid += u32::from(row_now(&store, &row.id).await.state == S::Succeeded);
        }
        assert_eq!(paid, 1);
    }
}

async fn of_a_verdict_that_breaks_a_rule_nothing_is_written(store: Store) {
    let row = issued(&store).await;
    let paid = || Some(moved(&row, S::Succeeded));
    let without_reason = || CreditVerdict {
        why: None,
        ..verdict(CreditState::Review, None)
    };
    let unconfirmed = || {
        let mut after = moved(&row, S::Succeeded);
        after.confirmed = None;
        Some(after)
    };
    let verdicts: [(NewCredit, CreditVerdict); 8] = [
        (credit(1), verdict(CreditState::Matched, None)),
        (
            credit(1),
            verdict(CreditState::Matched, Some(moved(&row, S::Review))),
        ),
        (of_another_amount(1), verdict(CreditState::Matched, paid())),
        (credit(1), verdict(CreditState::Matched, unconfirmed())),
        (credit(1), verdict(CreditState::Review, paid())),
        (credit(1), verdict(CreditState::Dismissed, paid())),
        (credit(1), without_reason()),
        (
            credit(1),
            verdict(CreditState::Review, Some(moved(&row, S::Declined))),
        ),
    ];
    let before = kinds(&store).await;
    for (place, (new, verdict)) in verdicts.into_iter().enumerate() {
        let mut verdict = Some(verdict);
        let recorded = store.credit_attempt(&new, &row.id, |_| verdict.take());
        assert!(recorded.await.is_err(), "{place}");
        assert_eq!(all(&store).await, [], "{place}");
        assert_eq!(row_now(&store, &row.id).await, row, "{place}");
    }
    assert_eq!(kinds(&store).await, before);
    assert!(
        store
            .credit_attempt(&credit(1), "att_x", pays)
            .await
            .is_err()
    );
    // Whoever wants nothing yet is asked again.
    let nothing = store.credit_attempt(&credit(1), &row.id, |_| None).await;
    assert_eq!(nothing.unwrap(), None);
    let recorded = store.credit_attempt(&credit(1), &row.id, pays).await;
    assert!(recorded.unwrap().is_some());
}

async fn a_second_credit_is_not_matched_with_what_was_paid(store: Store) {
    let row = issued(&store).await;
    store
        .credit_attempt(&credit(1), &row.id, pays)
        .await
        .unwrap();
    let before = all(&store).await;
    let again = store
        .credit_attempt(&credit(2), &row.id, |_| {
            Some(verdict(CreditState::Matched, None))
        })
        .await;
    assert!(again.is_err());
    assert_eq!(all(&store).await, before);
}

async fn a_credit_in_doubt_is_told_and_shown_until_somebody_settles_it(store: Store) {
    let (one, other, third) = (
        issued(&store).await,
        issued(&store).await,
        issued(&store).await,
    );
    let candidates = [one.id.clone(), other.id.clone()];
    let why = "more than one payment waits for this amount";
    let recorded = store.credit_in_doubt(&credit(1), why, &candidates).await;
    let doubt = recorded.unwrap().unwrap();
    assert_eq!(doubt.candidates, candidates);
    let nobodys = of_another_amount(2);
    let nobodys = store.credit_in_doubt(&nobodys, "whose?", &[]).await;
    let nobodys = nobodys.unwrap().unwrap();

    let told = store.outbox(10).await.unwrap();
    assert_eq!(
        (told[0].kind.as_str(), told[0].session_id.as_deref()),
        ("credit.review", None)
    );
    assert_eq!(told[0].credit_id.as_ref(), Some(&doubt.id));
    assert_eq!(
        told[0].payload,
        serde_json::json!({
            "type": "credit.review",
            "timestamp": START.rfc3339(),
            "data": { "credit": {
                "id": doubt.id,
                "amount": { "amount_minor": 125_050, "currency": "CRC" },
                "credited_at": (START - secs(2)).rfc3339(),
                "why": why,
                "attempts": candidates,
            } },
        })
    );
    let due = store.claim_outbox(START, LEASE, 10).await.unwrap();
    assert_eq!(due.len(), 2, "and can be delivered");

    let both = [doubt.clone(), nobodys.clone()];
    assert_eq!(store.review().await.unwrap().credits, both);
    for (row, expected) in [(&one, 1), (&other, 1), (&third, 0)] {
        let whole = store.whole_session(&row.session_id).await.unwrap().unwrap();
        assert_eq!(whole.credits.len(), expected);
        assert_eq!(whole.attempts[0].state, S::Issued);
    }

    let settle = async |id: &str| store.settle_credit(id, "seen by ana", START).await;
    let settled = settle(&doubt.id).await.unwrap().unwrap();
    assert_eq!(settled.state, CreditState::Dismissed);
    assert_eq!(all(&store).await, [settled, nobodys.clone()]);
    assert_eq!(store.review().await.unwrap().credits, [nobodys]);
    assert_eq!(settle(&doubt.id).await.unwrap(), None, "once");
    assert_eq!(settle("crd_x").await.unwrap(), None);
    let known = store.credit_in_doubt(&credit(1), "why", &[]).await;
    assert_eq!(known.unwrap(), None, "what is settled stays known");
}

async fn a_doubt_about_an_attempt_is_told_once_by_it_or_by_the_credit(store: Store) {
    let row = issued(&store).await;
    let in_review = |scene: &Scene<'_>| {
        let came = scene.attempt.state == S::Issued;
        let after = came.then(|| moved(scene.attempt, S::Review));
        Some(verdict(CreditState::Review, after))
    };
    let first = of_another_amount(1);
    let first = store.credit_attempt(&first, &row.id, in_review).await;
    let first = first.unwrap().unwrap();
    assert_eq!(kinds(&store).await, ["attempt.review"]);
    let second = of_another_amount(2);
    let second = store.credit_attempt(&second, &row.id, in_review).await;
    let second = second.unwrap().unwrap();
    assert_eq!(kinds(&store).await, ["attempt.review", "credit.review"]);
    let told = store.outbox(10).await.unwrap();
    let data = &told[1].payload["data"];
    assert_eq!(told[1].session_id.as_ref(), Some(&row.session_id));
    assert_eq!(data["session"]["id"], row.session_id.as_str());
    assert_eq!(data["attempt"]["state"], "review");
    assert_eq!(data["credit"]["id"], second.id.as_str());
    assert_eq!(
        data["credit"]["attempts"],
        serde_json::json!([row.id.clone()])
    );
    // Whoever settles it leaves it with the session.
    store.settle_credit(&first.id, "ana", START).await.unwrap();
    let events = store.events(&row.session_id).await.unwrap();
    let last = events.last().unwrap();
    assert_eq!(last.kind, "credit_settled_by_hand");
    assert_eq!(last.evidence["note"], "ana");
    assert_eq!(last.evidence["credit"], first.id.as_str());
    // Settling another one that is matched is not possible.
    let paid = issued(&store).await;
    let matched = store.credit_attempt(&credit(3), &paid.id, pays).await;
    let matched = matched.unwrap().unwrap();
    let refused = store.settle_credit(&matched.id, "ana", START).await;
    assert_eq!(refused.unwrap(), None);
    assert_eq!(store.credit(&matched.id).await.unwrap(), Some(matched));
}

async fn both_identities_come_to_one_credit_and_stay(store: Store) {
    let listed = store.credit_in_doubt(&credit(1), "why", &[]).await;
    let listed = listed.unwrap().unwrap();
    let told = store.credit_in_doubt(&notified(2), "why", &[]).await;
    let told = told.unwrap().unwrap();
    let number = async |id: &str, number| store.attach_cashin(id, number).await.unwrap();
    assert!(!number("crd_x", "9").await);
    assert!(!number(&listed.id, "2").await, "another credit has it");
    assert!(number(&listed.id, "1").await);
    assert!(number(&listed.id, "1").await, "it has it");
    assert!(!number(&listed.id, "9").await, "it has another one");
    let print = async |id: &str, number: usize| {
        let attached = store.attach_fingerprint(id, &fingerprint(number)).await;
        attached.unwrap()
    };
    assert!(!print("crd_x", 9).await);
    assert!(!print(&told.id, 1).await, "another credit has it");
    assert!(print(&told.id, 2).await);
    assert!(print(&told.id, 2).await, "it has it");
    assert!(!print(&told.id, 9).await, "it has another one");
    assert!(!print(&listed.id, 9).await, "it never had a placeholder");
    for again in [credit(1), credit(2), notified(1), notified(2)] {
        let known = store.credit_in_doubt(&again, "why", &[]).await.unwrap();
        assert_eq!(known, None);
    }
    let rows = all(&store).await;
    let expected = [(1, "1"), (2, "2")].map(|(print, number)| {
        let number = Some(number.to_owned());
        (fingerprint(print), number)
    });
    let found: Vec<_> = rows
        .into_iter()
        .map(|row| (row.fingerprint, row.cashin_id))
        .collect();
    assert_eq!(found, expected);
}

async fn a_doubt_is_resolved_by_the_number_of_a_notification(store: Store) {
    let (mine, other) = (issued(&store).await, issued(&store).await);
    let candidates = [mine.id.clone(), other.id.clone()];
    let doubt = store.credit_in_doubt(&credit(1), "why", &candidates).await;
    let doubt = doubt.unwrap().unwrap();
    let resolve = async |credit: &str, number: &str, attempt: &str| {
        store
            .resolve_credit(credit, Some(number), attempt, pays)
            .await
    };
    assert_eq!(resolve("crd_x", "1", &mine.id).await.unwrap(), None);
    let later = store
        .resolve_credit(&doubt.id, Some("1"), &mine.id, |_| None)
        .await;
    assert_eq!(later.unwrap(), None);
    assert_eq!(all(&store).await, std::slice::from_ref(&doubt));

    let resolved = resolve(&doubt.id, "1", &mine.id).await.unwrap().unwrap();
    assert_eq!(resolved.state, CreditState::Matched);
    assert_eq!(resolved.attempt_id.as_ref(), Some(&mine.id));
    assert_eq!(resolved.cashin_id.as_deref(), Some("1"));
    assert_eq!((&resolved.why, resolved.candidates.len()), (&None, 0));
    assert_eq!(all(&store).await, [resolved]);
    assert_eq!(row_now(&store, &mine.id).await.state, S::Succeeded);
    let whole = store.whole_session(&other.session_id).await.unwrap();
    assert_eq!(whole.unwrap().credits, [], "it is the other's no more");
    assert_eq!(resolve(&doubt.id, "1", &other.id).await.unwrap(), None);
    assert_eq!(row_now(&store, &other.id).await, other);

    // A number that another credit has, and a credit that has another number.
    let second = store.credit_in_doubt(&credit(2), "why", &candidates).await;
    let second = second.unwrap().unwrap();
    assert_eq!(resolve(&second.id, "1", &other.id).await.unwrap(), None);
    assert!(store.attach_cashin(&second.id, "2").await.unwrap());
    assert_eq!(resolve(&second.id, "3", &other.id).await.unwrap(), None);
    assert_eq!(row_now(&store, &other.id).await, other);
    // It may turn out to be one too many of its own.
    let again = resolve(&second.id, "2", &mine.id).await.unwrap().unwrap();
    assert_eq!(
        (again.state, again.attempt_id.as_ref()),
        (CreditState::Review, Some(&mine.id))
    );
}

async fn a_doubt_is_resolved_by_somebody_and_keeps_its_number(store: Store) {
    for (number, new) in [(None, credit(1)), (Some("2"), notified(2))] {
        let row = issued(&store).await;
        let doubt = store.credit_in_doubt(&new, "why", &[]).await;
        let doubt = doubt.unwrap().unwrap();
        let resolved = store.resolve_credit(&doubt.id, None, &row.id, pays).await;
        let resolved = resolved.unwrap().unwrap();
        assert_eq!(resolved.cashin_id.as_deref(), number);
        assert_eq!(store.credit(&doubt.id).await.unwrap(), Some(resolved));
        assert_eq!(row_now(&store, &row.id).await.state, S::Succeeded);
        let events = events(&store, &row.session_id).await;
        assert!(events.iter().any(|kind| kind == "credit_resolved"));
    }
}

async fn a_doubt_that_fifty_resolve_at_once_is_resolved_once(store: Store) {
    let row = issued(&store).await;
    let doubt = store.credit_in_doubt(&credit(1), "why", &[]).await;
    let doubt = doubt.unwrap().unwrap();
    let resolved = together((0..50).map(|_| {
        let (store, credit, id) = (store.clone(), doubt.id.clone(), row.id.clone());
        async move { patiently(|| store.resolve_credit(&credit, Some("1"), &id, pays)).await }
    }))
    .await;
    assert_eq!(resolved.into_iter().flatten().count(), 1);
    assert_eq!(row_now(&store, &row.id).await.version, row.version + 1);
}

async fn money_that_came_twice_goes_back_in_the_commit_that_records_it(store: Store) {
    use ventanilla_core::operation::OperationKind;
    use ventanilla_proxy::store::OperationRow;
    let session = open(&store).await;
    let first = issued_in(&store, &session).await;
    let first = advance(&store, &first, &[S::Superseded]).await;
    let second = issued_in(&store, &session).await;
    store
        .credit_attempt(&credit(1), &second.id, pays)
        .await
        .unwrap();
    let late = credit(2);
    let late = store.credit_attempt(&late, &first.id, |scene| {
        let mut verdict = verdict(
            CreditState::Matched,
            Some(moved(scene.attempt, S::Duplicate)),
        );
        let kind = OperationKind::Return;
        let back = OperationRow::new(scene.attempt, kind, scene.attempt.total, "key", START);
        verdict.change.as_mut().unwrap().operation = Some(back.unwrap());
        Some(verdict)
    });
    assert!(late.await.unwrap().is_some());
    let whole = store.whole_session(&session.id).await.unwrap().unwrap();
    assert_eq!(whole.attempts[0].state, S::Duplicate);
    assert_eq!(whole.operations.len(), 1);
    assert_eq!(whole.credits.len(), 2);
}

every_engine![
    a_credit_in_doubt_is_told_and_shown_until_somebody_settles_it,
    a_credit_pays_its_attempt_and_session_in_one_commit,
    a_credit_that_is_known_changes_nothing_for_anybody,
    a_credit_that_is_seen_for_two_attempts_at_once_pays_one,
    a_doubt_about_an_attempt_is_told_once_by_it_or_by_the_credit,
    a_doubt_is_resolved_by_somebody_and_keeps_its_number,
    a_doubt_is_resolved_by_the_number_of_a_notification,
    a_doubt_that_fifty_resolve_at_once_is_resolved_once,
    a_second_credit_is_not_matched_with_what_was_paid,
    both_identities_come_to_one_credit_and_stay,
    money_that_came_twice_goes_back_in_the_commit_that_records_it,
    of_a_verdict_that_breaks_a_rule_nothing_is_written,
    of_fifty_different_credits_one_pays_and_the_others_are_looked_at,
    of_fifty_times_the_same_credit_one_is_recorded,
];

const CUIT: &str = "20999000011";
const ACCOUNT: &str = "0009999001234567890126";

fn payer() -> Payer {
    Payer {
        cuit: Some(Cuit::parse(CUIT).unwrap()),
        account: Some(Account::parse(ACCOUNT).unwrap()),
    }
}

async fn who_paid_is_sealed_and_read_back(place: Place) {
    let store = place.open().await;
    let row = issued(&store).await;
    let partly = Payer {
        cuit: None,
        ..payer()
    };
    let unknown = Payer {
        cuit: None,
        account: None,
    };
    let mut ids = Vec::new();
    for (number, told) in [Some(payer()), Some(partly), Some(unknown), None]
        .into_iter()
        .enumerate()
    {
        let new = NewCredit {
            payer: told.clone(),
            ..credit(number)
        };
        let recorded = store.credit_attempt(&new, &row.id, pays).await;
        let id = recorded.unwrap().unwrap().id;
        let kept = store.payer(&id).await.unwrap();
        assert!(kept == told, "{number}");
        ids.push(id);
    }
    assert!(store.payer("crd_x").await.unwrap().is_none());
    // Neither is it told to the merchant, nor left anywhere in the database.
    let bytes = place.bytes().await;
    assert!(found(&bytes, &fingerprint(1)), "or nothing would be found");
    for secret in [CUIT, "20-99900001-1", ACCOUNT, "01234567890126"] {
        assert!(!found(&bytes, secret), "{secret}");
        assert!(!found(&bytes, &hex::encode(secret)), "{secret} in hex");
    }
    // It opens in its own place only.
    let elsewhere = format!(
        "UPDATE credit SET payer = (SELECT payer FROM credit WHERE id = '{}') WHERE id = '{}'",
        ids[0], ids[1]
    );
    assert_eq!(place.sql(&elsewhere).await.unwrap(), 1);
    assert!(store.payer(&ids[1]).await.is_err());
    assert!(store.payer(&ids[0]).await.unwrap().is_some());
}

fn found(bytes: &[u8], text: &str) -> bool {
    let mut windows = bytes.windows(text.len());
    windows.any(|part| part == text.as_bytes())
}

async fn without_keys_the_credit_is_kept_and_not_who_paid(place: Place) {
    let store = place.open_without_keys().await;
    let row = issued(&store).await;
    let new = NewCredit {
        payer: Some(payer()),
        ..credit(1)
    };
    let recorded = store.credit_attempt(&new, &row.id, pays).await;
    let id = recorded.unwrap().unwrap().id;
    assert!(store.payer(&id).await.unwrap().is_none());
    assert!(!found(&place.bytes().await, CUIT));
    store.close().await;
    let store = place.open().await;
    assert!(store.payer(&id).await.unwrap().is_none());
}

every_place![
    who_paid_is_sealed_and_read_back,
    without_keys_the_credit_is_kept_and_not_who_paid,
];
