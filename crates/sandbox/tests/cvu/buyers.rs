//! Buyers who pay exactly, otherwise, late, twice, or not at all; and the ledger that knows.

use std::time::Duration;

use serde_json::{Value, json};
use ventanilla_sandbox::CvuOptions;

use crate::support::Merchant;

#[tokio::test]
async fn the_ledger_tells_of_every_credit_what_was_paid_for_which_order_and_when() {
    let merchant = Merchant::open().await;
    let link = merchant.link().await;
    let request = json!({ "link_id": link["link_id"], "payer": "prueba.demo.tres" });
    merchant.pay(&request).await;
    let code = merchant.code().await;
    let request = json!({ "qr_order_id": code["qr_order_id"], "amount": "1400.25" });
    merchant.pay(&request).await;
    let ledger = merchant.sandbox.ledger().cvu;
    let [first, second] = ledger.credits.as_slice() else {
        panic!("{:?}", ledger.credits);
    };
    assert_eq!(
        (first.id, first.amount.as_str(), first.ordered.as_deref()),
        (800_001, "1500.50", Some("1500.50"))
    );
    assert_eq!((first.link_id, first.qr_order_id), (Some(900_001), None));
    assert_eq!(first.payer.cuit, "20999000054");
    assert_eq!(first.paid_at, first.credited_at);
    assert_eq!(
        (second.amount.as_str(), second.ordered.as_deref()),
        ("1400.25", Some("1500.50"))
    );
    assert_eq!((second.link_id, second.qr_order_id), (None, Some(910_001)));
    assert_eq!(ledger.credits_of_link(900_001).count(), 1);
    assert_eq!(ledger.credits_of_order(910_001).count(), 1);
}

#[tokio::test]
async fn what_was_paid_is_listed_without_any_number_that_names_it() {
    let merchant = Merchant::open().await;
    merchant
        .pay(&json!({ "link_id": merchant.link().await["link_id"] }))
        .await;
    let row = merchant.rows().await.remove(0);
    assert_eq!(row["operation"], "Link de cobro");
    let fields: Vec<&String> = row.as_object().unwrap().keys().collect();
    assert_eq!(
        fields,
        [
            "amount",
            "cuit",
            "cvu_cbu",
            "date",
            "holder",
            "income",
            "operation",
            "sale_point_name",
            "status"
        ]
    );
}

#[tokio::test]
async fn a_credit_appears_after_its_delay_everywhere_at_once() {
    let merchant = Merchant::open_with(CvuOptions {
        credit_delay_ms: 30_000,
        ..CvuOptions::default()
    })
    .await;
    let code = merchant.code().await;
    let request = json!({ "code": code["qr_code"], "delay_ms": 30_000 });
    merchant.pay(&request).await;
    merchant.sandbox.move_clock(Duration::from_secs(59));
    assert!(merchant.rows().await.is_empty());
    assert_eq!(
        merchant.cashin(800_001).await.message(),
        "acreditacion inexistente"
    );
    assert_eq!(
        merchant.get("v2/account/balance").await.body["amount"],
        125_000
    );
    merchant.sandbox.move_clock(Duration::from_secs(1));
    assert_eq!(merchant.rows().await.len(), 1);
    assert!(merchant.cashin(800_001).await.is_ok());
    assert_eq!(
        merchant.get("v2/account/balance").await.body["amount"],
        126_500
    );
}

#[tokio::test]
async fn credits_spread_over_the_time_asked_for_and_the_same_way_each_time() {
    let delays = async || {
        let merchant = Merchant::open_with(CvuOptions {
            credit_spread_ms: 60_000,
            ..CvuOptions::default()
        })
        .await;
        let sale_point = merchant.sale_point("Caja 1").await;
        let code = merchant.fixed_code(sale_point, "open").await;
        let request = json!({ "code": code, "amount": 1, "times": 20 });
        merchant.pay(&request).await;
        let ledger = merchant.sandbox.ledger().cvu;
        let moment = |text: &str| {
            let form = &time::format_description::well_known::Rfc3339;
            time::OffsetDateTime::parse(text, form).unwrap()
        };
        let credits = ledger.credits.iter();
        credits
            .map(|it| (moment(&it.credited_at) - moment(&it.paid_at)).whole_milliseconds())
            .collect::<Vec<_>>()
    };
    let first = delays().await;
    assert_eq!(first, delays().await);
    assert!(first.iter().all(|delay| (0..=60_000).contains(delay)));
    assert!(first.iter().any(|delay| *delay > 30_000));
}

#[tokio::test]
async fn two_payments_that_cross_are_both_taken_and_a_third_is_not() {
    let merchant = Merchant::open().await;
    let link = merchant.link().await;
    let twice = json!({ "link_id": link["link_id"], "times": 2 });
    let credits = merchant.pay(&twice).await;
    let counts: Vec<&Value> = credits.iter().map(|credit| &credit["count"]).collect();
    assert_eq!(counts, [1, 2]);
    let answer = merchant
        .manage(
            "POST",
            "/cvu/pay",
            Some(&json!({ "link_id": link["link_id"] })),
        )
        .await;
    assert_eq!(
        (answer.http, &answer.body["error"]),
        (409, &json!("it was paid"))
    );
    let insisting = json!({ "link_id": link["link_id"], "insist": true });
    assert_eq!(merchant.pay(&insisting).await[0]["count"], 3);
}

#[tokio::test]
async fn a_link_for_several_uses_is_paid_again_and_again() {
    let merchant = Merchant::open().await;
    let request = json!({
        "expiration_date": merchant.tomorrow().await, "amount": 10, "multiple_use": true,
        "concept": "VAR",
    });
    let made = merchant
        .post("v2/payment/cashin/link/generate", &request)
        .await;
    for count in 1..=3 {
        let paid = merchant
            .pay(&json!({ "link_id": made.body["link_id"] }))
            .await;
        assert_eq!(paid[0]["count"], count);
    }
}

#[tokio::test]
async fn a_link_that_has_run_out_takes_payments_from_those_who_insist_only() {
    let merchant = Merchant::open().await;
    let link = merchant.link().await;
    merchant.sandbox.move_clock(Duration::from_secs(3 * 86_400));
    let mut request = json!({ "link_id": link["link_id"] });
    let answer = merchant.manage("POST", "/cvu/pay", Some(&request)).await;
    assert_eq!(
        (answer.http, &answer.body["error"]),
        (409, &json!("it has run out"))
    );
    request["insist"] = json!(true);
    assert_eq!(merchant.pay(&request).await.len(), 1);
}

#[tokio::test]
async fn a_code_that_was_spoilt_leads_nowhere() {
    let merchant = Merchant::open().await;
    merchant
        .arm(json!({ "operation": "cvu_qr", "kind": "bad_crc" }))
        .await;
    let spoilt = merchant.code().await["qr_code"].clone();
    let foreign = "00020101021143520015com.ejemplo.psp0129https://ejemplo.test/pos/1001501500113000000012052049700\
                   53030325802AR5915COMERCIO PRUEBA6004CABA630456C8";
    for (code, error) in [
        (spoilt, "this is no QR code that can be read"),
        (json!(foreign), "this code is not of this sandbox"),
    ] {
        let request = json!({ "code": code });
        let answer = merchant.manage("POST", "/cvu/pay", Some(&request)).await;
        assert_eq!((answer.http, &answer.body["error"]), (422, &json!(error)));
    }
    assert!(merchant.sandbox.ledger().cvu.credits.is_empty());
}

#[tokio::test]
async fn a_request_to_pay_that_cannot_be_says_why() {
    let merchant = Merchant::open().await;
    let code = merchant.code().await["qr_code"].clone();
    let sale_point = merchant.sale_point("Caja 1").await;
    let open = merchant.fixed_code(sale_point, "open").await;
    for (request, status, error) in [
        (
            json!({}),
            422,
            "name one of code, link, link_id and qr_order_id",
        ),
        (
            json!({ "code": code, "link_id": 1 }),
            422,
            "name one of code, link, link_id and qr_order_id",
        ),
        (
            json!({ "link_id": 900_001 }),
            404,
            "there is no such link or order",
        ),
        (
            json!({ "qr_order_id": 1 }),
            404,
            "there is no such link or order",
        ),
        (
            json!({ "code": code, "amount": "1,5" }),
            422,
            "amount must be above zero, with at most two decimals",
        ),
        (
            json!({ "code": code, "amount": 0 }),
            422,
            "amount must be above zero, with at most two decimals",
        ),
        (
            json!({ "code": open }),
            422,
            "amount is needed: nothing says how much it is",
        ),
        (
            json!({ "code": code, "times": 21 }),
            422,
            "times must be from 1 to 20",
        ),
        (
            json!({ "code": code, "payer": "nadie" }),
            422,
            "payer must be the alias, CUIT or CVU of one of /cvu/payers",
        ),
        (
            json!({ "code": code, "delay_ms": 86_400_001 }),
            422,
            "delay_ms must be at most a day",
        ),
    ] {
        let answer = merchant.manage("POST", "/cvu/pay", Some(&request)).await;
        assert_eq!(
            (answer.http, &answer.body["error"]),
            (status, &json!(error)),
            "{request}"
        );
    }
}
