//! Void, capture and refund: what they do, when they are refused, and every fault they can meet.

use std::time::Duration;

use serde_json::{Value, json};
use ventanilla_sandbox::{
    Fault, Kind, Operation, OperationEntry, OperationKind, OperationRefusal, OperationState,
};

use crate::support::{Answer, Seen, Shop, VISA, card, sample, see};

/// Operation, path, what a read shows afterwards.
const CHANGES: [(Operation, &str, &str); 3] = [
    (Operation::Void, "/transactions/void", "voided"),
    (Operation::Capture, "/transactions/capture", "captured"),
    (Operation::Refund, "/transactions/refund", "refunded"),
];

fn assert_same(answer: &Answer, name: &str) {
    let sample = sample(name);
    assert_eq!(answer.http, sample["http_status"], "{name}");
    assert_eq!(answer.body, sample["body"], "{name}");
}

fn with(paid: &Value, name: &str, value: Value) -> Value {
    let mut request = paid.clone();
    request[name] = value;
    request
}

fn only(shop: &Shop) -> OperationEntry {
    let ledger = shop.sandbox.ledger();
    let [entry] = ledger.operations.as_slice() else {
        panic!("{:?}", ledger.operations)
    };
    entry.clone()
}

#[tokio::test]
async fn answers_are_those_of_the_samples() {
    let shop = Shop::open().await;
    let reference = sample("void_request")["body"]["orderReference"].clone();
    let reference = reference.as_str().unwrap();
    let paid = shop.pay(reference, &card("4111111111111111")).await;
    let request = with(
        &sample("void_request")["body"],
        "authorization",
        paid.body["authorization"].clone(),
    );
    assert_same(&shop.void(&request).await, "void_done");

    let shop = Shop::open().await;
    let paid = shop.paid(reference).await;
    assert_same(&shop.refund(&paid).await, "refund_done");

    let shop = Shop::open().await;
    // The sample's payment is one that nobody made.
    let unknown = sample("void_request")["body"].clone();
    assert_same(&shop.void(&unknown).await, "void_not_found");
    assert_same(&shop.refund(&unknown).await, "void_not_found");
    assert_same(&shop.capture(&unknown).await, "void_not_found");
    let paid = shop.paid("ref-too-late").await;
    shop.sandbox.move_clock(Duration::from_secs(3 * 3_600 + 1));
    assert_same(&shop.void(&paid).await, "void_too_late");
}

#[tokio::test]
async fn what_was_done_is_in_the_ledger_and_a_read_shows_it() {
    for (operation, path, word) in CHANGES {
        let shop = Shop::open().await;
        let paid = shop.paid("ref-done").await;
        assert_eq!(shop.state("ref-done").await.as_deref(), Some("approved"));
        let done = shop.merchant(path, &paid).await;
        assert_eq!(done.body["code"], 200);
        assert_eq!(done.body["status"], "SUCCESS");
        assert_eq!(done.body["result"]["orderReference"], "ref-done");
        assert_eq!(done.body["result"][operation.name()], true);
        assert_eq!(shop.state("ref-done").await.as_deref(), Some(word));
        let entry = only(&shop);
        assert_eq!(entry.kind.name(), operation.name());
        assert_eq!(
            (entry.state, entry.refusal, entry.count),
            (OperationState::Done, None, 1)
        );
        assert_eq!(
            (entry.amount.as_deref(), entry.currency.as_deref()),
            (Some("1250.50"), Some("CRC"))
        );
        // The debit itself did happen.
        assert_eq!(shop.sandbox.ledger().approved().count(), 1);
    }
}

#[tokio::test]
async fn in_json_the_ledger_has_the_names_that_were_agreed() {
    let shop = Shop::open().await;
    let paid = shop.paid("ref-json").await;
    shop.void(&paid).await;
    let ledger = serde_json::to_value(shop.sandbox.ledger()).unwrap();
    let entry = &ledger["operations"][0];
    assert_eq!(
        *entry,
        json!({
            "reference": "ref-json",
            "kind": "void",
            "amount": "1250.50",
            "currency": "CRC",
            "state": "done",
            "refusal": null,
            "at": entry["at"],
            "count": 1,
        })
    );
}

#[tokio::test]
async fn a_second_time_is_refused_and_counted() {
    for (_, path, word) in CHANGES {
        let shop = Shop::open().await;
        let paid = shop.paid("ref-twice").await;
        shop.merchant(path, &paid).await;
        let second = shop.merchant(path, &paid).await;
        assert_eq!((second.http, &second.body["code"]), (200, &json!(500)));
        assert_eq!(second.body["status"], "FAIL");
        let ledger = shop.sandbox.ledger();
        let entries: Vec<_> = ledger
            .operations_of("ref-twice")
            .map(|entry| (entry.state, entry.refusal, entry.count))
            .collect();
        assert_eq!(
            entries,
            [
                (OperationState::Done, None, 1),
                (
                    OperationState::Refused,
                    Some(OperationRefusal::DoneBefore),
                    2
                ),
            ],
            "{path}"
        );
        assert_eq!(shop.state("ref-twice").await.as_deref(), Some(word));
    }
}

#[tokio::test]
async fn of_fifty_voids_at_once_one_is_done() {
    let shop = std::sync::Arc::new(Shop::open().await);
    let paid = shop.paid("ref-fifty").await;
    let voids: Vec<_> = (0..50)
        .map(|_| {
            let (shop, paid) = (shop.clone(), paid.clone());
            tokio::spawn(async move { shop.void(&paid).await.body["code"] == 200 })
        })
        .collect();
    let mut done = 0;
    for void in voids {
        done += u32::from(void.await.unwrap());
    }
    assert_eq!(done, 1);
    let ledger = shop.sandbox.ledger();
    assert_eq!(ledger.operations.last().unwrap().count, 50);
}

#[tokio::test]
async fn a_payment_is_named_by_its_card_and_authorization_too() {
    let shop = Shop::open().await;
    let paid = shop.paid("ref-named").await;
    for (name, value) in [
        ("bin", "424243"),
        ("last4", "4243"),
        ("authorization", "not-it"),
        ("orderReference", "ref-nobody"),
    ] {
        for (_, path, _) in CHANGES {
            let refused = shop.merchant(path, &with(&paid, name, json!(value))).await;
            assert_same(&refused, "void_not_found");
        }
    }
    let ledger = shop.sandbox.ledger();
    assert_eq!(ledger.operations.len(), 12);
    assert!(ledger.operations.iter().all(|entry| {
        entry.refusal == Some(OperationRefusal::NotFound) && entry.amount.is_none()
    }));
    assert_eq!(shop.state("ref-named").await.as_deref(), Some("approved"));
}

#[tokio::test]
async fn a_declined_debit_can_be_neither_voided_nor_refunded() {
    let shop = Shop::open().await;
    let declined = shop.pay("ref-declined", &card("4000000000044828")).await;
    let request = shop.with_credentials(json!({
        "bin": "400000",
        "last4": declined.body["last4"],
        "authorization": "000000",
        "orderReference": "ref-declined",
    }));
    assert_same(&shop.void(&request).await, "void_not_found");
    assert_same(&shop.refund(&request).await, "void_not_found");
}

#[tokio::test]
async fn a_void_is_in_time_for_three_hours_and_a_refund_for_seven_days() {
    let shop = Shop::open().await;
    let hours = |hours: u64| Duration::from_secs(hours * 3_600);
    let voided = shop.paid("ref-void-in-time").await;
    shop.sandbox.move_clock(hours(3) - Duration::from_secs(60));
    assert_eq!(shop.void(&voided).await.body["code"], 200);

    let refunded = shop.paid("ref-refund-in-time").await;
    let late = shop.paid("ref-refund-late").await;
    shop.sandbox
        .move_clock(hours(7 * 24) - Duration::from_secs(60));
    assert_eq!(shop.refund(&refunded).await.body["code"], 200);
    shop.sandbox.move_clock(Duration::from_secs(120));
    let refused = shop.refund(&late).await;
    assert_same(&refused, "void_too_late");
    let ledger = shop.sandbox.ledger();
    let last = ledger.operations.last().unwrap();
    assert_eq!(last.refusal, Some(OperationRefusal::TooLate));
    assert_eq!(
        shop.state("ref-refund-late").await.as_deref(),
        Some("approved")
    );
}

#[tokio::test]
async fn a_payment_is_voided_or_refunded_but_not_both() {
    let shop = Shop::open().await;
    let paid = shop.paid("ref-both").await;
    assert_eq!(shop.refund(&paid).await.body["code"], 200);
    assert_eq!(shop.void(&paid).await.body["code"], 500);
    assert_eq!(shop.capture(&paid).await.body["code"], 500);
    assert_eq!(shop.state("ref-both").await.as_deref(), Some("refunded"));
    let counts: Vec<_> = shop
        .sandbox
        .ledger()
        .operations
        .iter()
        .map(|entry| (entry.kind, entry.count))
        .collect();
    assert_eq!(
        counts,
        [
            (OperationKind::Refund, 1),
            (OperationKind::Void, 1),
            (OperationKind::Capture, 1)
        ]
    );
}

#[tokio::test]
async fn a_capture_takes_up_to_the_amount_and_can_be_refunded() {
    let shop = Shop::open().await;
    let paid = shop.paid("ref-capture").await;
    let too_much = shop.capture(&with(&paid, "amount", json!(1250.51))).await;
    assert_eq!(too_much.body["code"], 500);
    let part = shop.capture(&with(&paid, "amount", json!(1000.25))).await;
    assert_eq!(part.body["code"], 200);
    assert_eq!(shop.refund(&paid).await.body["code"], 200);
    let ledger = shop.sandbox.ledger();
    let entries: Vec<_> = ledger
        .operations_of("ref-capture")
        .map(|entry| (entry.kind.name(), entry.amount.as_deref(), entry.refusal))
        .collect();
    assert_eq!(
        entries,
        [
            ("capture", Some("1250.51"), Some(OperationRefusal::TooMuch)),
            ("capture", Some("1000.25"), None),
            ("refund", Some("1250.50"), None),
        ]
    );
    for no_price in [json!(0), json!(-1), json!(1.005), json!("1")] {
        let refused = shop.capture(&with(&paid, "amount", no_price)).await;
        assert_eq!(refused.http, 400);
    }
}

#[tokio::test]
async fn of_two_debits_under_one_reference_the_named_one_is_voided() {
    let shop = Shop::open().await;
    let first = shop.paid("ref-shared").await;
    let second = shop.paid("ref-shared").await;
    assert_ne!(first["authorization"], second["authorization"]);
    assert_eq!(shop.void(&second).await.body["code"], 200);
    assert_eq!(shop.void(&first).await.body["code"], 200);
    let ledger = shop.sandbox.ledger();
    let done = ledger
        .operations
        .iter()
        .filter(|entry| entry.state == OperationState::Done);
    assert_eq!(done.count(), 2);
}

/// What the caller of an operation sees of a fault, and whether it is executed.
fn expected(kind: Kind) -> (fn(&Seen, &str) -> bool, bool) {
    let broken: fn(&Seen, &str) -> bool = |seen, _| *seen == Seen::Broken;
    match kind {
        Kind::Refuse | Kind::Close | Kind::ResetBefore => (broken, false),
        Kind::Down => (|seen, _| *seen == Seen::Refused, false),
        Kind::ResetAfter => (broken, true),
        Kind::GatewayTimeoutBefore => (|seen, _| *seen == Seen::Page(504), false),
        Kind::GatewayTimeoutAfter => (|seen, _| *seen == Seen::Page(504), true),
        // Not yet.
        Kind::Late | Kind::LateBeyondFence => (|seen, _| *seen == Seen::Page(504), false),
        Kind::Error500 => (|seen, _| *seen == Seen::Page(500), false),
        Kind::RateLimit429 => (|seen, _| *seen == Seen::Page(429), false),
        Kind::Redirect301 => (|seen, _| *seen == Seen::Page(301), false),
        Kind::Truncate => (|seen, _| *seen == Seen::CutShort(200), true),
        Kind::BrokenJson | Kind::Corrupt => (|seen, _| *seen == Seen::Page(200), true),
        Kind::Stall | Kind::SlowDrip | Kind::Oversize | Kind::DelayVisibility => (
            |seen, _| matches!(seen, Seen::Json(200, body) if body["code"] == 200),
            true,
        ),
        Kind::WrongReference => (
            |seen, reference| {
                matches!(seen, Seen::Json(200, body)
                    if body["code"] == 200 && body["result"]["orderReference"] != reference)
            },
            true,
        ),
        Kind::WrongAmount
        | Kind::FloatDust
        | Kind::BadSignature
        | Kind::ReadFails
        | Kind::ExpireSessions
        | Kind::StatusError
        | Kind::BadCrc
        | Kind::HostileLink
        | Kind::WrongTotal
        | Kind::OtherStatus
        | Kind::Firewall465 => panic!("{} does not fit", kind.name()),
    }
}

#[tokio::test]
async fn every_fault_that_fits_does_to_an_operation_what_it_says() {
    let shop = Shop::open().await;
    for (operation, path, word) in CHANGES {
        for kind in Kind::ALL.into_iter().filter(|kind| kind.fits(operation)) {
            let case = format!("{} of {}", kind.name(), operation.name());
            let reference = format!("ref-{}-{}", kind.name(), operation.name());
            let paid = shop.paid(&reference).await;
            let mut fault = Fault::once(operation, kind);
            if let Kind::Stall | Kind::SlowDrip | Kind::Late | Kind::DelayVisibility = kind {
                // Long enough for a late one not to happen while the test looks.
                fault.ms = Some(if kind == Kind::Late { 60_000 } else { 20 });
            }
            shop.arm(fault).await;
            let url = format!("{}{path}", shop.sandbox.merchant_url);
            let seen = see(shop.send(&url, None, &paid).await).await;
            let (is_expected, executed) = expected(kind);
            assert!(is_expected(&seen, &reference), "{case}: {seen:?}");
            let ledger = shop.sandbox.ledger();
            let done = ledger.operations_of(&reference).count();
            assert_eq!(done, usize::from(executed), "{case}");
            if kind != Kind::Down {
                let call = ledger.calls.last().unwrap();
                assert_eq!(
                    (call.operation, call.fault, call.executed),
                    (operation, Some(kind), executed),
                    "{case}"
                );
            }
            shop.sandbox.clear_faults().await;
            shop.sandbox.move_clock(Duration::from_secs(1));
            let state = shop.state(&reference).await;
            let shown = if executed { word } else { "approved" };
            assert_eq!(state.as_deref(), Some(shown), "{case}");
        }
    }
}

#[tokio::test]
async fn a_late_void_is_done_after_the_timeout_was_answered() {
    let shop = Shop::open().await;
    let paid = shop.paid("ref-late").await;
    shop.arm(Fault::once(Operation::Void, Kind::Late).for_ms(30))
        .await;
    let url = format!("{}/transactions/void", shop.sandbox.merchant_url);
    let seen = see(shop.send(&url, None, &paid).await).await;
    assert_eq!(seen, Seen::Page(504));
    assert!(shop.sandbox.ledger().operations.is_empty());
    for _ in 0..200 {
        if shop.state("ref-late").await.as_deref() == Some("voided") {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("it was never done");
}

#[tokio::test]
async fn a_payment_by_card_token_is_voided_like_any_other() {
    let shop = Shop::open().await;
    let content = crate::support::card_with(VISA, "card.nickname", json!("Mi tarjeta"));
    let saved = shop.save("req-void", &content).await;
    let token = saved.body["result"]["token"].as_str().unwrap();
    let paid = shop.pay_with_token("ref-token", token).await;
    let request = shop.with_credentials(json!({
        "bin": "424242",
        "last4": "4242",
        "authorization": paid.body["authorization"],
        "orderReference": "ref-token",
    }));
    assert_eq!(shop.void(&request).await.body["code"], 200);
    assert_eq!(shop.state("ref-token").await.as_deref(), Some("voided"));
}
