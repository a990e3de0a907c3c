//! What each operation does, and what the ledger says about it.

use std::time::Duration;

use serde_json::json;
use ventanilla_sandbox::{
    CardTokenChange, DebitState, Operation, RepeatedReference, SandboxOptions, test_cards,
};

use crate::support::{Shop, VISA, card, card_with};

#[tokio::test]
async fn an_approved_card_is_debited_once_and_the_answer_is_signed() {
    let shop = Shop::open().await;
    let paid = shop.pay("ref-approved", &card(VISA)).await;
    assert_eq!(paid.http, 200);
    assert_eq!(paid.body["status"], 200);
    assert_eq!(paid.body["result"]["success"], true);
    assert_eq!(paid.body["result"]["resp_code"], "00");
    assert_eq!(paid.body["last4"], "4242");
    assert_eq!(paid.body["brand"], "Visa");
    assert!(shop.verifies("status:200,orderId:ref-approved", &paid.body["_signature"]));

    let ledger = shop.sandbox.ledger();
    let [debit] = ledger.debits.as_slice() else {
        panic!("{:?}", ledger.debits)
    };
    assert_eq!(debit.reference, "ref-approved");
    assert_eq!(
        (debit.amount.as_str(), debit.currency.as_str()),
        ("1250.50", "CRC")
    );
    assert_eq!(debit.state, DebitState::Approved);
    assert_eq!(
        (debit.bin.as_str(), debit.last4.as_str()),
        ("424242", "4242")
    );
    assert_eq!(
        debit.authorization.as_deref(),
        paid.body["authorization"].as_str()
    );
    assert_eq!((debit.count, debit.tokenized), (1, false));
    assert_eq!(debit.operation, Operation::Pay);
    assert!(debit.ld_len.is_some_and(|length| length > 200));
}

#[tokio::test]
async fn every_test_card_is_answered_as_the_list_says() {
    let shop = Shop::open().await;
    for (index, listed) in test_cards().into_iter().enumerate() {
        let reference = format!("ref-card-{index}");
        let answer = shop.pay(&reference, &card(listed.number)).await;
        let result = &answer.body["result"];
        assert_eq!(answer.http, 200, "{}", listed.number);
        assert_eq!(
            result["resp_code"].as_str(),
            listed.resp_code,
            "{}",
            listed.number
        );
        let approved = listed.outcome == "approved";
        assert_eq!(answer.body["status"], if approved { 200 } else { 500 });
        assert_eq!(
            result["success"].as_bool(),
            listed.resp_code.map(|code| code == "00")
        );
        assert_eq!(
            answer.body.get("_signature").is_some(),
            approved,
            "{}",
            listed.number
        );
        assert_eq!(
            shop.transaction(&reference).await.body["code"],
            if approved { 200 } else { 404 },
            "{}",
            listed.number
        );
    }
}

#[tokio::test]
async fn a_session_pays_once() {
    let shop = Shop::open().await;
    let session = shop.open_order("ref-once").await;
    let request = shop.pay_request(&session, &card(VISA));
    let first = shop.checkout("/", &session.token, &request).await;
    let second = shop.checkout("/", &session.token, &request).await;
    assert_eq!(first.body["status"], 200);
    assert_eq!(second.error(), "Session not found");
    assert_eq!(shop.sandbox.ledger().debits.len(), 1);
}

#[tokio::test]
async fn of_fifty_calls_in_one_session_one_is_executed() {
    let shop = std::sync::Arc::new(Shop::open().await);
    let session = shop.open_order("ref-fifty").await;
    let request = shop.pay_request(&session, &card(VISA));
    let calls: Vec<_> = (0..50)
        .map(|_| {
            let (shop, session, request) = (shop.clone(), session.clone(), request.clone());
            tokio::spawn(async move {
                shop.checkout("/", &session.token, &request).await.body["status"] == 200
            })
        })
        .collect();
    let mut approved = 0;
    for call in calls {
        approved += u32::from(call.await.unwrap());
    }
    assert_eq!(approved, 1);
    assert_eq!(shop.sandbox.ledger().debits.len(), 1);
}

#[tokio::test]
async fn a_session_lives_thirty_minutes() {
    let shop = Shop::open().await;
    let session = shop.open_order("ref-late").await;
    let request = shop.pay_request(&session, &card(VISA));
    shop.sandbox.move_clock(Duration::from_secs(30 * 60 + 1));
    let late = shop.checkout("/", &session.token, &request).await;
    assert_eq!(late.error(), "Session not found");

    let session = shop.open_order("ref-in-time").await;
    let request = shop.pay_request(&session, &card(VISA));
    shop.sandbox.move_clock(Duration::from_secs(29 * 60));
    assert_eq!(
        shop.checkout("/", &session.token, &request).await.body["status"],
        200
    );
}

#[tokio::test]
async fn a_fast_clock_ages_sessions_faster() {
    let shop = Shop::open_with(SandboxOptions {
        speed: 1_000_000,
        ..SandboxOptions::default()
    })
    .await;
    let session = shop.open_order("ref-fast").await;
    let request = shop.pay_request(&session, &card(VISA));
    // Thirty minutes go by in 1.8 ms; a call takes about as long.
    let mut answer = shop.checkout("/", &session.token, &request).await;
    for _ in 0..100 {
        if answer.error() == "Session not found" {
            return;
        }
        let session = shop.open_order("ref-fast").await;
        tokio::time::sleep(Duration::from_millis(4)).await;
        let request = shop.pay_request(&session, &card(VISA));
        answer = shop.checkout("/", &session.token, &request).await;
    }
    panic!("no session aged: {answer:?}");
}

#[tokio::test]
async fn a_repeated_reference_is_debited_again_unless_told_otherwise() {
    let shop = Shop::open().await;
    shop.pay("ref-twice", &card(VISA)).await;
    shop.pay("ref-twice", &card(VISA)).await;
    let counts: Vec<_> = shop
        .sandbox
        .ledger()
        .debits
        .iter()
        .map(|debit| debit.count)
        .collect();
    assert_eq!(counts, [1, 2]);

    let strict = Shop::open_with(SandboxOptions {
        repeated_reference: RepeatedReference::Refuse,
        ..SandboxOptions::default()
    })
    .await;
    strict.open_order("ref-twice").await;
    let refused = strict.merchant("/", &strict.order("ref-twice")).await;
    assert_eq!(refused.error(), "Order reference already exists");
}

#[tokio::test]
async fn amounts_come_back_as_a_number_when_paying_and_as_text_when_reading() {
    let shop = Shop::open().await;
    for (index, (sent, number, text)) in [
        (json!(119), json!(119), "119.00"),
        (json!(1250.5), json!(1250.5), "1250.50"),
        (json!(0.07), json!(0.07), "0.07"),
        (json!(12_345_678.99), json!(12_345_678.99), "12345678.99"),
    ]
    .into_iter()
    .enumerate()
    {
        let reference = format!("ref-amount-{index}");
        let mut order = shop.order(&reference);
        order["amount"] = sent;
        let session = crate::support::session_in(&shop.merchant("/", &order).await);
        let request = shop.pay_request(&session, &card(VISA));
        let paid = shop.checkout("/", &session.token, &request).await;
        assert_eq!(paid.body["amount"], number);
        assert_eq!(
            shop.transaction(&reference).await.body["result"]["amount"],
            text
        );
    }
}

#[tokio::test]
async fn installments_that_the_order_offers_are_taken_and_others_are_not() {
    let shop = Shop::open().await;
    let in_three = card_with(VISA, "options", json!({ "numberOfPayments": "3" }));
    assert_eq!(
        shop.pay("ref-in-three", &in_three).await.body["status"],
        200
    );
    assert_eq!(
        shop.sandbox.ledger().debits[0].installments.as_deref(),
        Some("3")
    );
    let in_twelve = card_with(VISA, "options", json!({ "numberOfPayments": "12" }));
    let refused = shop.pay("ref-in-twelve", &in_twelve).await;
    assert_eq!(refused.error(), "Invalid_numberOfPayments");
    assert_eq!(shop.sandbox.ledger().debits.len(), 1);
}

#[tokio::test]
async fn paying_by_the_fraud_check_path_needs_its_session_inside_the_sealed_card() {
    let shop = Shop::open().await;
    let session = shop.open_order("ref-kount").await;
    let without = shop.pay_request(&session, &card(VISA));
    let refused = shop.checkout("/kount", &session.token, &without).await;
    assert_eq!(refused.error(), "Invalid_kountSession");
    let content = card_with(
        VISA,
        "kountSession",
        json!("0123456789abcdef0123456789abcdef"),
    );
    let with = shop.pay_request(&session, &content);
    assert_eq!(
        shop.checkout("/kount", &session.token, &with).await.body["status"],
        200
    );
}

#[tokio::test]
async fn a_card_saved_while_paying_pays_again_by_its_token() {
    let shop = Shop::open().await;
    let first = shop
        .pay("ref-save", &card_with(VISA, "tokenize", json!(true)))
        .await;
    let token = first.body["tokenizeResp"]["result"]["token"]
        .as_str()
        .unwrap();
    let again = shop.pay_with_token("ref-again", token).await;
    assert_eq!(again.body["status"], 200);
    assert_eq!(again.body["orderId"], "ref-again");
    assert!(shop.verifies("status:200,orderId:ref-again", &again.body["_signature"]));
    let ledger = shop.sandbox.ledger();
    assert!(ledger.debits[0].tokenized);
    assert_eq!(ledger.debits[1].operation, Operation::TokenPayment);
    assert_eq!(ledger.debits[1].last4, "4242");
    assert_eq!(ledger.debits[1].ld_len, None);
    assert_eq!(ledger.card_tokens[0].change, CardTokenChange::Created);
}

#[tokio::test]
async fn a_declined_card_is_not_saved() {
    let shop = Shop::open().await;
    let declined = shop
        .pay(
            "ref-no-save",
            &card_with("4000000000044828", "tokenize", json!(true)),
        )
        .await;
    assert!(declined.body.get("tokenizeResp").is_none());
    assert!(shop.sandbox.ledger().card_tokens.is_empty());
}

#[tokio::test]
async fn a_saved_card_that_the_bank_declines_is_declined_by_its_token_too() {
    let shop = Shop::open().await;
    let content = card_with("4000000000044828", "card.nickname", json!("Sin fondos"));
    let saved = shop.save("req-declines", &content).await;
    assert_eq!(saved.body["status"], 201);
    assert!(shop.verifies(
        "status:201,requestId:req-declines",
        &saved.body["_signature"]
    ));
    let token = saved.body["result"]["token"].as_str().unwrap();
    let declined = shop.pay_with_token("ref-token-declined", token).await;
    assert_eq!(declined.body["result"]["resp_code"], "51");
    assert_eq!(
        shop.transaction("ref-token-declined").await.body["code"],
        404
    );
}

#[tokio::test]
async fn an_expired_card_is_declined_by_the_bank() {
    let shop = Shop::open().await;
    let expired = card_with(
        VISA,
        "card.expirationDate",
        json!({ "month": 1, "year": 20 }),
    );
    let declined = shop.pay("ref-expired", &expired).await;
    assert_eq!(declined.body["result"]["resp_code"], "54");
}

#[tokio::test]
async fn another_merchants_reference_is_not_found() {
    let shop = Shop::open().await;
    shop.pay("ref-ours", &card(VISA)).await;
    let read = json!({
        "merchantId": "22222222-2222-4222-8222-222222222222",
        "orderReference": "ref-ours",
    });
    assert_eq!(
        shop.merchant("/transactions/get", &read).await.body["code"],
        404
    );
}

#[tokio::test]
async fn a_decline_comes_with_the_http_status_that_was_asked_for() {
    let shop = Shop::open_with(SandboxOptions {
        decline_status: 500,
        ..SandboxOptions::default()
    })
    .await;
    let declined = shop.pay("ref-http-500", &card("4000000000000002")).await;
    assert_eq!(declined.http, 500);
    assert_eq!(declined.body["result"]["resp_code"], "05");
    assert_eq!(shop.pay("ref-http-200", &card(VISA)).await.http, 200);
}

#[tokio::test]
async fn the_same_seed_gives_the_same_sessions() {
    let sessions = async |seed| {
        let shop = Shop::open_with(SandboxOptions {
            seed,
            ..SandboxOptions::default()
        })
        .await;
        let first = shop.open_order("ref-1").await;
        let second = shop.open_order("ref-2").await;
        [first.session, first.token, second.session, second.token]
    };
    assert_eq!(sessions(7).await, sessions(7).await);
    assert_ne!(sessions(7).await, sessions(8).await);
}

#[tokio::test]
async fn a_key_of_2048_bits_serves_as_well() {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../tests/vectors/greenpay_ld_lk.json"
    );
    let vectors: serde_json::Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let pem = vectors["rsa_keys"]["rsa2048"]["test_only_private_pkcs8_pem"]
        .as_str()
        .unwrap();
    let shop = Shop::open_with(SandboxOptions {
        private_key_pem: Some(pem.to_owned()),
        ..SandboxOptions::default()
    })
    .await;
    let paid = shop.pay("ref-2048", &card(VISA)).await;
    assert_eq!(paid.body["status"], 200);
    assert_eq!(paid.body["_signature"].as_str().unwrap().len(), 512);
    assert!(shop.verifies("status:200,orderId:ref-2048", &paid.body["_signature"]));
}

#[tokio::test]
async fn nothing_that_could_pay_elsewhere_is_in_the_ledger_or_on_the_page() {
    let shop = Shop::open().await;
    let mut content = card_with("5105105105105100", "tokenize", json!(true));
    content["card"]["cvc"] = json!("987");
    content["card"]["cardHolder"] = json!("Zenobia Quesada");
    shop.pay("ref-nothing-kept", &content).await;
    let ledger = serde_json::to_string(&shop.sandbox.ledger()).unwrap();
    let page = shop
        .client
        .get(&shop.sandbox.management_url)
        .send()
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    for text in [ledger, page] {
        assert!(text.contains("5100"), "the last four digits are there");
        for secret in ["5105105105105100", "51051051", "\"987\"", "Zenobia"] {
            assert!(!text.contains(secret), "{secret}");
        }
    }
}
