//! What the operations do, beyond what the samples show.

use std::time::Duration;

use serde_json::{Value, json};
use ventanilla_sandbox::{
    FluxCodeForm, FluxCodeKind, FluxExpiresIn, FluxOptions, FluxState, SandboxOptions,
};

use crate::support::Merchant;

#[tokio::test]
async fn a_payment_is_made_told_and_found() {
    let merchant = Merchant::open().await;
    let made = merchant.pay(&merchant.charge("mesa12-0001")).await;
    let told = made.data();
    assert_eq!(told["status"], "ok");
    assert_eq!(
        (&told["amount"], &told["tip"], &told["total"]),
        (&json!(25_000), &json!(2_500), &json!(27_500))
    );
    assert_eq!(&merchant.look_up("mesa12-0001").await.body, &made.body);
    let ledger = merchant.sandbox.ledger().flux;
    let paid: Vec<_> = ledger.paid().collect();
    assert_eq!(paid.len(), 1);
    assert_eq!(paid[0].reference.as_deref(), Some("mesa12-0001"));
    assert_eq!(
        [&*paid[0].amount, &paid[0].tip, &paid[0].total],
        ["250.00", "25.00", "275.00"]
    );
    assert_eq!((paid[0].code, paid[0].count), (Some(1), 1));
    assert_eq!(
        paid[0].authorization.as_deref(),
        told["authorization"].as_str()
    );
}

#[tokio::test]
async fn without_a_tip_the_tip_is_none_and_without_a_reference_nothing_is_found() {
    let merchant = Merchant::open().await;
    let least = json!({ "qr": merchant.code(FluxCodeKind::Good), "amount": 1, "store": "a" });
    let made = merchant.pay(&least).await;
    assert_eq!(
        (&made.data()["tip"], &made.data()["total"]),
        (&json!(0), &json!(1))
    );
    assert_eq!(made.data()["reference"], "");
    let ledger = merchant.sandbox.ledger().flux;
    assert_eq!(ledger.payments[0].reference, None);
}

#[tokio::test]
async fn a_reference_pays_once_at_its_store_whatever_code_comes_with_it() {
    let merchant = Merchant::open().await;
    let first = merchant.charge("ref-1");
    merchant.pay(&first).await.data();
    let mut other_amount = merchant.charge("ref-1");
    other_amount["amount"] = json!(1);
    for again in [first, merchant.charge("ref-1"), other_amount] {
        let answer = merchant.pay(&again).await;
        assert_eq!(
            (answer.http, answer.code()),
            (400, "ERR_REFERENCE_ALREADY_EXISTS")
        );
    }
    let mut elsewhere = merchant.charge("ref-1");
    elsewhere["store"] = json!("sucursal-norte");
    merchant.pay(&elsewhere).await.data();
    let ledger = merchant.sandbox.ledger().flux;
    assert_eq!(ledger.paid().count(), 2);
    let counts: Vec<_> = ledger.payments_of("ref-1").map(|it| it.count).collect();
    assert_eq!(counts, [1, 2, 3, 4, 1]);
}

#[tokio::test]
async fn a_declined_reference_may_be_used_again_unless_told_otherwise() {
    for uses_it_up in [false, true] {
        let merchant = Merchant::open_with(FluxOptions {
            declined_uses_reference: uses_it_up,
            ..FluxOptions::default()
        })
        .await;
        let mut declined = merchant.charge("ref-1");
        declined["qr"] = json!(merchant.code(FluxCodeKind::Funds));
        assert_eq!(
            merchant.pay(&declined).await.code(),
            "ERR_INSUFFICIENT_BALANCE"
        );
        assert_eq!(merchant.look_up("ref-1").await.code(), "ERR_NOT_FOUND");
        let answer = merchant.pay(&merchant.charge("ref-1")).await;
        let expected = if uses_it_up { 400 } else { 200 };
        assert_eq!(answer.http, expected, "{answer:?}");
    }
}

#[tokio::test]
async fn a_code_pays_once_and_for_three_minutes() {
    let merchant = Merchant::open().await;
    let first = merchant.charge("ref-1");
    let second = merchant.charge("ref-2");
    merchant.pay(&first).await.data();
    let mut again = merchant.charge("ref-3");
    again["qr"] = first["qr"].clone();
    assert_eq!(merchant.pay(&again).await.code(), "ERR_QR_EXPIRED");
    merchant.sandbox.move_clock(Duration::from_secs(179));
    let third = merchant.charge("ref-4");
    merchant.sandbox.move_clock(Duration::from_secs(1));
    assert_eq!(merchant.pay(&second).await.code(), "ERR_QR_EXPIRED");
    merchant.pay(&third).await.data();
    let ledger = merchant.sandbox.ledger().flux;
    let entry = &ledger.payments[1];
    assert_eq!(entry.state, FluxState::Refused);
    assert_eq!(entry.refusal.as_deref(), Some("ERR_QR_EXPIRED"));
}

#[tokio::test]
async fn a_slow_code_pays_at_once_and_is_answered_later() {
    let merchant = Merchant::open().await;
    let mut charge = merchant.charge("ref-1");
    charge["qr"] = json!(merchant.code(FluxCodeKind::Slow));
    let asked = merchant.pay(&charge);
    let moved = async {
        while merchant.sandbox.ledger().flux.paid().count() == 0 {
            tokio::task::yield_now().await;
        }
        // It waits from now on, by the sandbox's clock.
        while merchant.sandbox.ledger().calls.len() < 2 {
            tokio::task::yield_now().await;
        }
        merchant.sandbox.move_clock(Duration::from_secs(7));
        let waiting = merchant.look_up("ref-1").await;
        assert_eq!(waiting.http, 200);
        merchant.sandbox.move_clock(Duration::from_secs(60));
    };
    let (answer, ()) = tokio::join!(asked, moved);
    assert_eq!(answer.http, 200);
}

#[tokio::test]
async fn money_is_given_back_in_parts_until_all_of_it_is() {
    let merchant = Merchant::open().await;
    merchant.pay(&merchant.charge("ref-1")).await.data();
    for (amount, http) in [(10_000, 200), (17_501, 400), (17_500, 200), (1, 400)] {
        let answer = merchant.refund("ref-1", amount).await;
        assert_eq!(answer.http, http, "{amount}: {answer:?}");
        if http == 200 {
            let told = answer.data();
            assert_eq!(
                (&told["amount"], &told["total"]),
                (&json!(amount), &json!(amount))
            );
            assert_eq!(
                (&told["tip"], &told["type"]),
                (&json!(0), &json!("payment"))
            );
        }
    }
    assert_eq!(merchant.refund("nadie", 1).await.code(), "ERR_NOT_FOUND");
    let ledger = merchant.sandbox.ledger().flux;
    let refunded: Vec<_> = ledger.refunded("ref-1").map(|it| &*it.amount).collect();
    assert_eq!(refunded, ["100.00", "175.00"]);
    let counts: Vec<_> = ledger.refunds.iter().map(|it| it.count).collect();
    assert_eq!(counts, [1, 2, 3, 4, 1]);
    assert_eq!(merchant.look_up("ref-1").await.data()["type"], "payment");
}

#[tokio::test]
async fn a_token_opens_the_door_until_its_time_is_over() {
    let merchant = Merchant::open().await;
    merchant.pay(&merchant.charge("ref-1")).await.data();
    merchant.sandbox.move_clock(Duration::from_secs(3_599));
    merchant.look_up("ref-1").await.data();
    merchant.sandbox.move_clock(Duration::from_secs(1));
    let expired = merchant.look_up("ref-1").await;
    assert_eq!((expired.http, expired.code()), (401, "ERR_UNAUTHORIZED"));
    let path = "transactions/ref-1";
    for (token, http) in [("", 401), ("X", 401), (&*merchant.fresh_token().await, 200)] {
        let answer = merchant.ask("GET", path, token, None).await;
        assert_eq!(answer.http, http, "{token}");
    }
}

#[tokio::test]
async fn a_new_token_ends_the_one_before_only_where_that_is_told() {
    for one_token in [false, true] {
        let merchant = Merchant::open_with(FluxOptions {
            one_token,
            ..FluxOptions::default()
        })
        .await;
        merchant.pay(&merchant.charge("ref-1")).await.data();
        merchant.fresh_token().await;
        let expected = if one_token { 401 } else { 200 };
        assert_eq!(merchant.look_up("ref-1").await.http, expected);
    }
}

#[tokio::test]
async fn a_token_says_when_it_ends_as_a_moment_or_as_a_life() {
    let merchant = Merchant::open().await;
    let mut told = Vec::new();
    for expires_in in [
        FluxExpiresIn::EpochMilliseconds,
        FluxExpiresIn::EpochSeconds,
        FluxExpiresIn::Seconds,
        FluxExpiresIn::Milliseconds,
        FluxExpiresIn::Text,
    ] {
        let options = FluxOptions {
            expires_in,
            ..FluxOptions::default()
        };
        merchant.sandbox.set_flux(options).unwrap();
        let answer = merchant.ask_for_token(&merchant.token_request()).await;
        told.push(answer.data()["expiresIn"].clone());
    }
    let millis = told[0].as_u64().unwrap();
    assert!(told[1].as_u64().unwrap().abs_diff(millis / 1_000) <= 60);
    assert_eq!(&told[2..], [json!(3_600), json!(3_600_000), json!("3600")]);
}

#[tokio::test]
async fn the_same_seed_gives_the_same_codes_tokens_and_authorizations() {
    let told = async |seed| -> Vec<Value> {
        let merchant = Merchant::start(SandboxOptions {
            seed,
            ..SandboxOptions::default()
        })
        .await;
        let charge = merchant.charge("ref-1");
        let paid = merchant.pay(&charge).await;
        vec![
            charge["qr"].clone(),
            json!(merchant.token),
            paid.data()["authorization"].clone(),
        ]
    };
    let first = told(7).await;
    assert_eq!(first, told(7).await);
    let other = told(8).await;
    assert!(first.iter().zip(&other).all(|(one, two)| one != two));
}

#[tokio::test]
async fn a_code_can_be_the_json_of_the_one_sample() {
    let merchant = Merchant::open_with(FluxOptions {
        code_form: FluxCodeForm::Json,
        ..FluxOptions::default()
    })
    .await;
    let charge = merchant.charge("ref-1");
    let code: Value = serde_json::from_str(charge["qr"].as_str().unwrap()).unwrap();
    assert_eq!(code["CT"].as_str().map(str::len), Some(12));
    merchant.pay(&charge).await.data();
}
