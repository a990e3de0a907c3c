//! Nothing that a provider may answer makes the client panic or believe what is not proven.

use std::sync::LazyLock;

use proptest::prelude::*;
use serde_json::{Value, json};
use ventanilla_providers::Outcome;
use ventanilla_providers::flexiti::{Client, Decision};

use crate::find::{ids, list, page_of, row};
use crate::given::{Way, client, text};
use crate::provider::{Provider, Script};

/// Field names that the readers know, so that arbitrary JSON gets past the first look.
const NAMES: [&str; 30] = [
    "error",
    "reference",
    "amount",
    "authorization_id",
    "capture_id",
    "release_id",
    "return_id",
    "status",
    "auto_capture",
    "capture",
    "captures",
    "returns",
    "releases",
    "return",
    "authorizations",
    "authorization",
    "page_number",
    "next_url",
    "next_page_url",
    "date",
    "remaining_amount",
    "captured_amount",
    "financing_option",
    "annual_rates",
    "fees",
    "merchant_information",
    "redirection_url",
    "promotional_purchase",
    "regular_purchase",
    "account_number",
];

fn scalar() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "\\PC{0,12}".prop_map(Value::from),
        prop::sample::select(vec![
            json!(1),
            json!(5000),
            json!(2000.1),
            json!("900002"),
            json!("order-0001"),
            json!("active"),
            json!("opened")
        ]),
    ]
}

fn any_json() -> impl Strategy<Value = Value> {
    scalar().prop_recursive(4, 48, 6, |inner| {
        let name = prop::sample::select(NAMES.to_vec());
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((name, inner), 0..6).prop_map(|fields| fields
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value))
                .collect()),
        ]
    })
}

/// One provider and one client for all cases.
struct Stage {
    runtime: tokio::runtime::Runtime,
    script: Script,
    client: Client,
    _provider: Provider,
}

static STAGE: LazyLock<std::sync::Mutex<Stage>> = LazyLock::new(|| {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let (provider, script) = runtime.block_on(Provider::scripted());
    let client = client(&provider.url);
    std::sync::Mutex::new(Stage {
        runtime,
        script,
        client,
        _provider: provider,
    })
});

/// What comes of this answer to `way`.
fn answered(way: Way, status: u16, body: &str) -> Outcome<Decision<()>> {
    let stage = STAGE
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    stage.script.say(status, body);
    stage.runtime.block_on(way.call(&stage.client))
}

fn any_way() -> impl Strategy<Value = Way> {
    prop::sample::select(Way::ALL.to_vec())
}

/// Ways whose answer says what was done.
fn telling_way() -> impl Strategy<Value = Way> {
    let ways = Way::ALL.into_iter().filter(|way| !way.is_harmless());
    prop::sample::select(
        ways.filter(|way| !matches!(way, Way::Refund | Way::Deposit))
            .collect::<Vec<_>>(),
    )
}

/// A list of `rows` before anybody reads, to which so many are added before each page after the first, read in
/// pages of `size`: the numbers that the client gives.
fn read_while_it_grows(rows: u64, size: usize, added: Vec<u64>) -> (Vec<u64>, bool) {
    let stage = STAGE
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    stage.runtime.block_on(async {
        let provider = Provider::answering(move |seen, count| {
            let newest = rows + added.iter().take(count).sum::<u64>();
            let all: Vec<Value> = (1..=newest).rev().map(|id| row(id, "x")).collect();
            page_of(&all, size, seen)
        })
        .await;
        let list = list(&provider).await;
        (ids(&list), list.is_whole)
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    // Invariant 14. Rows that come in push others to the next page, where they are met again.
    #[test]
    fn any_pages_that_move_while_they_are_read_yield_every_row_once_and_newest_first(rows in 0_u64..30, size in 1_usize..12, added in prop::collection::vec(0_u64..3, 0..8)) {
        // What comes in faster than it is read has no end.
        let added: Vec<u64> = added.into_iter().map(|count| count.min(size as u64 - 1)).collect();
        let (found, is_whole) = read_while_it_grows(rows, size, added);
        prop_assert_eq!(found, (1..=rows).rev().collect::<Vec<u64>>());
        prop_assert!(is_whole);
    }

    #[test]
    fn no_bytes_make_a_reader_panic(way in any_way(), body in "\\PC{0,64}", status in 200_u16..600) {
        let _ = answered(way, status, &body);
    }

    #[test]
    fn no_json_makes_a_reader_panic(way in any_way(), body in any_json(), status in prop::sample::select(vec![200_u16, 201, 400, 404, 409])) {
        let _ = answered(way, status, &body.to_string());
    }

    #[test]
    fn a_good_answer_with_a_hole_in_it_makes_no_reader_panic(way in any_way(), from in 0_usize..2000, len in 1_usize..40) {
        let done = way.done();
        let kept: String = done.chars().enumerate().filter(|(at, _)| !(from..from + len).contains(at)).map(|(_, c)| c).collect();
        let _ = answered(way, 200, &kept);
    }

    #[test]
    fn money_is_believed_only_with_our_reference_and_amount(way in telling_way(), body in any_json()) {
        if let Outcome::Definite(Decision::Done(())) = answered(way, 200, &body.to_string()) {
            prop_assert_eq!(&body["reference"], "order-0001");
            prop_assert!(!body["amount"].is_null());
        }
    }

    #[test]
    fn one_changed_field_never_turns_an_answer_about_another_payment_into_ours(way in telling_way(), reference in "[a-z0-9-]{1,12}", cents in 1_u32..100_000) {
        let mut body: Value = serde_json::from_str(&text(way.done_file())).unwrap();
        if reference != "order-0001" {
            body["reference"] = reference.into();
            let outcome = answered(way, 200, &body.to_string());
            prop_assert!(matches!(outcome, Outcome::Unknown(_)));
        }
        // That of the release.
        prop_assume!(cents != 50_005);
        let mut body: Value = serde_json::from_str(&text(way.done_file())).unwrap();
        body["amount"] = format!("{}.{:02}", cents / 100, cents % 100).into();
        let outcome = answered(way, 200, &body.to_string());
        prop_assert!(matches!(outcome, Outcome::Unknown(_)));
    }

    #[test]
    fn no_error_outside_a_4xx_refuses_anything(way in any_way(), status in prop_oneof![100_u16..400, 500_u16..600], code in prop::sample::select(vec!["credit_exceeded", "not_found", "wrong_inputs"])) {
        prop_assume!(status >= 200);
        let outcome = answered(way, status, &json!({ "error": code }).to_string());
        prop_assert!(matches!(outcome, Outcome::Unknown(_)), "{:?} {} {:?}", way, status, outcome);
    }
}
