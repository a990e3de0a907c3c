//! Finding what became of an authorization by our reference alone, and lists that move while they are read.

use serde_json::{Value, json};
use ventanilla_providers::flexiti::{AuthorizationRow, Found, Listing, Reference};
use ventanilla_providers::{Cause, Outcome};

use crate::given::{NOW, account, changed, client, flow, january, moment, reference, text, value};
use crate::provider::{Provider, Reply, Seen, reply};

/// A row of the list, newest first by its number.
pub fn row(id: u64, reference: &str) -> Value {
    let mut row = value("authorizations_list_page2.json")["authorizations"][0].clone();
    row["authorization_id"] = id.into();
    row["reference"] = reference.into();
    row
}

/// The page that was asked for, of `rows`.
pub fn page_of(rows: &[Value], size: usize, seen: &Seen) -> Reply {
    let number: usize = seen.parameter("page_number").unwrap().parse().unwrap();
    let shown: Vec<_> = rows
        .iter()
        .skip((number - 1) * size)
        .take(size)
        .cloned()
        .collect();
    let next = (rows.len() > number * size).then_some("https://elsewhere.example/steal");
    let page = json!({"count": 7, "page_number": number, "page_size": size, "authorizations": shown, "next_url": next});
    reply(200, &page.to_string())
}

fn detail_of(seen: &Seen, reference: &str) -> Reply {
    let id = seen.line.rsplit('/').next().unwrap();
    let changes = [
        ("authorization_id", json!(id)),
        ("reference", json!(reference)),
    ];
    reply(
        200,
        &changed("authorization_get_response_opened.json", &changes),
    )
}

fn is_list(seen: &Seen) -> bool {
    seen.line.ends_with("/authorizations")
}

async fn find(provider: &Provider) -> Outcome<Found> {
    let around = moment(NOW);
    client(&provider.url)
        .find(flow(), &account(), &reference(), around)
        .await
}

pub async fn list(provider: &Provider) -> Listing<AuthorizationRow> {
    match client(&provider.url)
        .authorizations(flow(), &january())
        .await
    {
        Outcome::Definite(list) => list,
        outcome => panic!("{outcome:?}"),
    }
}

pub fn ids(list: &Listing<AuthorizationRow>) -> Vec<u64> {
    list.rows
        .iter()
        .map(|row| row.authorization.id.as_str().parse().unwrap())
        .collect()
}

#[tokio::test]
async fn an_authorization_is_found_by_our_reference_among_the_accounts_own_of_those_days() {
    let provider = Provider::answering(|seen, _| match is_list(seen) {
        true => page_of(
            &[
                row(3, "order-0003"),
                row(2, "order-0001"),
                row(1, "order-00011"),
            ],
            2,
            seen,
        ),
        false => detail_of(seen, "order-0001"),
    })
    .await;
    let Outcome::Definite(found) = find(&provider).await else {
        panic!()
    };
    assert!(found.is_conclusive);
    let [detail] = &found.authorizations[..] else {
        panic!()
    };
    assert_eq!(detail.authorization.id.as_str(), "2");
    assert_eq!(detail.captures_of(&reference()).count(), 1);
    let calls = provider.calls();
    assert_eq!(calls.len(), 3, "two pages and one detail");
    for (name, to) in [
        ("account_number", "10000001"),
        ("creation_date_from", "2026-01-04"),
        ("creation_date_to", "2026-01-06"),
        ("page_number", "1"),
    ] {
        assert_eq!(calls[0].parameter(name), Some(to), "{name}");
    }
    assert_eq!(
        calls[0].parameter("authorization_status"),
        None,
        "it may have any"
    );
}

#[tokio::test]
async fn two_of_one_reference_are_both_found() {
    let provider = Provider::answering(|seen, _| match is_list(seen) {
        true => page_of(&[row(3, "order-0001"), row(2, "order-0001")], 9, seen),
        false => detail_of(seen, "order-0001"),
    })
    .await;
    let Outcome::Definite(found) = find(&provider).await else {
        panic!()
    };
    assert_eq!(found.authorizations.len(), 2);
}

#[tokio::test]
async fn nothing_found_is_conclusive_only_when_all_was_read() {
    let mut odd = row(2, "order-0001");
    odd["amount"] = json!("x");
    for (rows, is_conclusive) in [
        (vec![], true),
        (vec![row(1, "order-0002")], true),
        (vec![row(3, "order-0002"), odd], false),
        (vec![json!(7)], false),
    ] {
        let provider = Provider::answering(move |seen, _| page_of(&rows, 9, seen)).await;
        let Outcome::Definite(found) = find(&provider).await else {
            panic!()
        };
        assert_eq!(
            (found.authorizations.len(), found.is_conclusive),
            (0, is_conclusive)
        );
    }
    // More pages than are read.
    let endless = Provider::answering(|seen, _| {
        let number: u64 = seen.parameter("page_number").unwrap().parse().unwrap();
        let page = json!({"page_number": number, "authorizations": [row(number, "x")], "next_page_url": "x"});
        reply(200, &page.to_string())
    })
    .await;
    let Outcome::Definite(found) = find(&endless).await else {
        panic!()
    };
    assert!(!found.is_conclusive);
    assert_eq!(endless.count(), 50);
}

#[tokio::test]
async fn a_list_and_a_detail_that_disagree_prove_nothing() {
    let provider = Provider::answering(|seen, _| match is_list(seen) {
        true => page_of(&[row(2, "order-0001")], 9, seen),
        false => detail_of(seen, "order-0002"),
    })
    .await;
    let outcome = find(&provider).await;
    assert!(
        matches!(outcome, Outcome::Unknown(Cause::Contradiction)),
        "{outcome:?}"
    );
    let provider = Provider::answering(|seen, _| match is_list(seen) {
        true => page_of(&[row(2, "order-0001")], 9, seen),
        false => reply(404, &text("error_not_found.json")),
    })
    .await;
    let outcome = find(&provider).await;
    assert!(
        matches!(outcome, Outcome::Unknown(Cause::Contradiction)),
        "{outcome:?}"
    );
}

#[tokio::test]
async fn a_page_that_fails_fails_the_list_and_what_is_to_be_found() {
    for (status, body) in [
        (500, "{}"),
        (409, r#"{"error":"x"}"#),
        (200, "{}"),
        (200, r#"{"authorizations":{}}"#),
    ] {
        let provider = Provider::answering(move |seen, _| match seen.parameter("page_number") {
            Some("2") => reply(status, body),
            _ => page_of(&[row(2, "a"), row(1, "b")], 1, seen),
        })
        .await;
        let outcome = find(&provider).await;
        assert!(
            !matches!(outcome, Outcome::Definite(_)),
            "{body}: {outcome:?}"
        );
    }
}

#[tokio::test]
async fn a_page_that_is_not_the_one_asked_for_is_never_counted() {
    let pages = [
        text("authorizations_list_page1.json"),
        text("authorizations_list_page1.json"),
    ];
    let provider = Provider::answering(move |_, count| reply(200, &pages[count])).await;
    let outcome = client(&provider.url)
        .authorizations(flow(), &january())
        .await;
    assert!(
        matches!(outcome, Outcome::Unknown(Cause::Shape("page_number"))),
        "{outcome:?}"
    );
}

#[tokio::test]
async fn pages_are_asked_for_by_number_and_no_link_is_followed() {
    let provider = Provider::answering(|seen, _| {
        let rows: Vec<_> = (1..=5).rev().map(|id| row(id, "x")).collect();
        page_of(&rows, 2, seen)
    })
    .await;
    let found = list(&provider).await;
    assert_eq!(ids(&found), [5, 4, 3, 2, 1]);
    assert!(found.is_whole);
    let calls = provider.calls();
    let asked: Vec<_> = calls
        .iter()
        .map(|seen| seen.parameter("page_number").unwrap())
        .collect();
    assert_eq!(asked, ["1", "2", "3"]);
    assert!(
        calls
            .iter()
            .all(|seen| is_list(seen) && seen.token.is_some())
    );
}

// Newest first: what comes in between pushes the last row of a page to the next, where it would count twice.
#[tokio::test]
async fn what_comes_in_while_pages_are_read_loses_no_row_and_counts_none_twice() {
    let provider = Provider::answering(|seen, count| {
        let newest = 5 + u64::try_from(count).unwrap();
        let rows: Vec<_> = (1..=newest).rev().map(|id| row(id, "x")).collect();
        page_of(&rows, 2, seen)
    })
    .await;
    let found = list(&provider).await;
    assert_eq!(ids(&found), [5, 4, 3, 2, 1]);
}

#[tokio::test]
async fn a_list_of_one_status_that_has_pages_may_have_lost_a_row() {
    for (size, is_whole) in [(9, true), (1, false)] {
        let provider =
            Provider::answering(move |seen, _| page_of(&[row(2, "a"), row(1, "b")], size, seen))
                .await;
        let mut filter = january();
        filter.status = Some("opened".to_owned());
        let Outcome::Definite(found) = client(&provider.url).authorizations(flow(), &filter).await
        else {
            panic!()
        };
        assert_eq!((found.rows.len(), found.is_whole), (2, is_whole));
    }
}

#[tokio::test]
async fn more_pages_than_wanted_are_not_read_and_the_list_says_so() {
    for (max_pages, rows, is_whole) in [(0, 1, false), (1, 1, false), (2, 2, true), (3, 2, true)] {
        let provider =
            Provider::answering(|seen, _| page_of(&[row(2, "a"), row(1, "b")], 1, seen)).await;
        let mut filter = january();
        filter.common.max_pages = max_pages;
        let Outcome::Definite(found) = client(&provider.url).authorizations(flow(), &filter).await
        else {
            panic!()
        };
        assert_eq!(
            (found.rows.len(), found.is_whole),
            (rows, is_whole),
            "{max_pages}"
        );
    }
}

#[tokio::test]
async fn a_reference_is_found_whole_and_never_in_part() {
    let rows = [
        row(1, "order-0001x"),
        row(2, "ORDER-0001"),
        row(3, " order-0001"),
    ];
    let provider = Provider::answering(move |seen, _| page_of(&rows, 9, seen)).await;
    let Outcome::Definite(found) = find(&provider).await else {
        panic!()
    };
    assert!(found.authorizations.is_empty());
    assert!(Reference::parse(" order-0001").is_none());
}
