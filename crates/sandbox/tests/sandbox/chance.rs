//! Faults by chance.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use ventanilla_sandbox::{DrawnBy, Kind, Operation, RandomFaults, SandboxOptions};

use crate::support::{Shop, VISA, card, see};

#[tokio::test]
async fn chance_draws_the_same_faults_for_the_same_seed() {
    let run = async |seed| {
        let shop = Shop::open_with(SandboxOptions::default()).await;
        shop.sandbox
            .arm_random(RandomFaults {
                share_percent: 40,
                seed,
                operations: Some(vec![Operation::Transaction]),
                ..RandomFaults::default()
            })
            .unwrap();
        let url = format!("{}/transactions/get", shop.sandbox.merchant_url);
        let request = shop.read_request("ref-chance");
        for _ in 0..40 {
            let _ = see(shop.send(&url, None, &request).await).await;
        }
        let ledger = shop.sandbox.ledger();
        ledger
            .calls
            .iter()
            .map(|call| call.fault)
            .collect::<Vec<_>>()
    };
    let first = run(7).await;
    assert_eq!(first.len(), 40);
    assert!(
        (8..=24).contains(&first.iter().flatten().count()),
        "{first:?}"
    );
    assert_eq!(first, run(7).await);
    assert_ne!(first, run(8).await);
}

/// The faults of some checkouts, by what each call is about, its operation and how often that came.
async fn met_by_checkouts(
    random: RandomFaults,
    order: &[usize],
    reference_of: impl Fn(usize) -> String,
) -> BTreeMap<(String, Operation, u32), Option<Kind>> {
    let shop = Shop::open().await;
    shop.sandbox.arm_random(random).unwrap();
    let merchant = format!("{}/", shop.sandbox.merchant_url);
    let read_url = format!("{merchant}transactions/get");
    for number in order {
        let reference = reference_of(*number);
        let mut request = shop.order(&reference);
        request["description"] = json!(format!("order {number}"));
        let _ = see(shop.send(&merchant, None, &request).await).await;
        for _ in 0..3 {
            let read = shop.read_request(&reference);
            let _ = see(shop.send(&read_url, None, &read).await).await;
        }
    }
    let number_of: BTreeMap<String, usize> = order
        .iter()
        .map(|number| (reference_of(*number), *number))
        .collect();
    let mut nth = BTreeMap::new();
    let mut met = BTreeMap::new();
    for call in shop.sandbox.ledger().calls {
        let checkout = number_of[&call.reference.unwrap()].to_string();
        let nth = nth
            .entry((checkout.clone(), call.operation))
            .and_modify(|nth| *nth += 1)
            .or_insert(1_u32);
        met.insert((checkout, call.operation, *nth), call.fault);
    }
    met
}

fn half_of_all() -> RandomFaults {
    RandomFaults {
        share_percent: 50,
        seed: 7,
        longest_ms: 1,
        ..RandomFaults::default()
    }
}

#[tokio::test]
async fn a_checkout_meets_the_same_faults_whenever_it_comes() {
    let reference_of = |number| format!("ref-{number}");
    let forwards: Vec<usize> = (0..20).collect();
    let backwards: Vec<usize> = (0..20).rev().collect();
    let first = met_by_checkouts(half_of_all(), &forwards, reference_of).await;
    let second = met_by_checkouts(half_of_all(), &backwards, reference_of).await;
    assert_eq!(first.len(), 80);
    assert!(first.values().flatten().count() > 20);
    assert_eq!(first, second);
}

#[tokio::test]
async fn by_description_a_checkout_meets_the_same_faults_under_another_reference() {
    let numbers: Vec<usize> = (0..20).collect();
    // A merchant that draws its references anew each time.
    let run = async |drawn_by, salt: &str| {
        let random = RandomFaults {
            drawn_by,
            // Orders that meet no fault, so that their descriptions are known to the reads.
            operations: Some(vec![Operation::Transaction]),
            ..half_of_all()
        };
        met_by_checkouts(random, &numbers, |number| format!("{salt}-{number}")).await
    };
    let first = run(DrawnBy::Description, "first").await;
    assert!(first.values().flatten().count() > 10);
    assert_eq!(first, run(DrawnBy::Description, "second").await);
    assert_ne!(first, run(DrawnBy::Reference, "second").await);
}

#[tokio::test]
async fn every_operation_about_a_payment_is_drawn_by_its_description() {
    let shop = Shop::open().await;
    let mut met = Vec::new();
    for reference in ["ref-one", "ref-two"] {
        let paid = shop.paid(reference).await;
        shop.sandbox
            .arm_random(RandomFaults {
                drawn_by: DrawnBy::Description,
                ..half_of_all()
            })
            .unwrap();
        for path in ["get", "void", "capture", "refund"] {
            let url = format!("{}/transactions/{path}", shop.sandbox.merchant_url);
            let _ = see(shop.send(&url, None, &paid).await).await;
        }
        shop.sandbox.clear_faults().await;
        let ledger = shop.sandbox.ledger();
        let calls = ledger.calls.iter().rev().take(4);
        met.push(calls.map(|call| call.fault).collect::<Vec<_>>());
    }
    assert_eq!(met[0], met[1]);
}

#[tokio::test]
async fn only_kinds_with_a_weight_are_met_and_counted() {
    let shop = Shop::open().await;
    let random: RandomFaults = serde_json::from_value(json!({
        "share_percent": 100,
        "seed": 7,
        "weights": { "error_500": 1, "read_fails": 1 },
    }))
    .unwrap();
    shop.sandbox.arm_random(random).unwrap();
    for number in 0..30 {
        let url = format!("{}/transactions/get", shop.sandbox.merchant_url);
        let read = shop.read_request(&format!("ref-{number}"));
        let _ = see(shop.send(&url, None, &read).await).await;
    }
    let url = format!("{}/faults", shop.sandbox.management_url);
    let listed = shop.client.get(url).send().await.unwrap();
    let listed: Value = serde_json::from_str(&listed.text().await.unwrap()).unwrap();
    assert_eq!(listed["calls"], json!({ "transaction": 30 }));
    let count = |kind: &str| listed["met"][kind]["transaction"].as_u64().unwrap();
    assert_eq!(count("error_500") + count("read_fails"), 30);
    assert_eq!(listed["met"].as_object().unwrap().len(), 2);
}

#[tokio::test]
async fn with_a_time_to_hide_every_debit_is_hidden_for_part_of_it() {
    let shop = Shop::open().await;
    shop.sandbox
        .arm_random(RandomFaults {
            seed: 7,
            hidden_ms: 120_000,
            ..RandomFaults::default()
        })
        .unwrap();
    for number in 0..10 {
        let paid = shop.pay(&format!("ref-{number}"), &card(VISA)).await;
        assert_eq!(paid.body["status"], 200);
    }
    let visible = async || {
        let mut visible = 0;
        for number in 0..10 {
            visible += usize::from(shop.state(&format!("ref-{number}")).await.is_some());
        }
        visible
    };
    assert!(visible().await < 5);
    shop.sandbox.move_clock(std::time::Duration::from_secs(60));
    assert!((1..10).contains(&visible().await));
    shop.sandbox.move_clock(std::time::Duration::from_secs(60));
    assert_eq!(visible().await, 10);
}
