//! What the operations do, beyond what the samples show.

use std::time::Duration;

use serde_json::{Value, json};
use ventanilla_sandbox::{FlexitiReturnFrom, FlexitiSessionState, FlexitiTokenForm};

use crate::support::{Call, Merchant, NEW, OLD, changed, options, request, sample};

#[tokio::test]
async fn the_life_of_a_hold_is_the_one_of_the_scenario() {
    let merchant = Merchant::open().await;
    // So that the numbers are those of the scenario.
    let first = merchant
        .authorize(json!({ "amount": 1, "auto_capture": true }))
        .await;
    first.done();
    let dollars = |cents: &Value| {
        let cents = cents.as_u64().unwrap();
        serde_json::from_str::<Value>(&format!("{}.{:02}", cents / 100, cents % 100)).unwrap()
    };
    let scenario = sample("scenario_lifecycle");
    let id = 900_002;
    for step in scenario["steps"].as_array().unwrap() {
        let amount = (!step["amount"].is_null()).then(|| dollars(&step["amount"]));
        let amount = amount.filter(|_| step["full"] != true);
        let answer = match step["op"].as_str().unwrap() {
            "authorize" => {
                let amount = amount.unwrap();
                merchant
                    .authorize(json!({ "amount": amount, "auto_capture": false }))
                    .await
            }
            "capture" => merchant.capture(id, amount.unwrap()).await,
            "release" => merchant.release(id, amount).await,
            "return" => {
                let capture = step["capture_id"].as_u64().unwrap();
                merchant.give_back(id, capture, amount).await
            }
            other => panic!("{other}"),
        };
        if let Some(error) = step["expect_error"].as_str() {
            assert_eq!(answer.refusal(), (409, error), "{step}");
            continue;
        }
        let answer = answer.done();
        if let Some(number) = step["id"].as_u64() {
            assert_eq!(answer["capture_id"], number);
        }
        let expected = &step["expect"];
        let read = merchant.read(id).await.done();
        assert_eq!(read["status"], expected["status"], "{step}");
        for (name, told) in [
            ("remaining", "remaining_amount"),
            ("captured", "captured_amount"),
            ("released", "released_amount"),
            ("returned", "returned_amount"),
        ] {
            let wanted = dollars(&expected[name]).as_f64();
            assert_eq!(read[told].as_f64(), wanted, "{name} {step}");
        }
        if let Some(left) = expected.get("remaining_capture") {
            let told = answer["remaining_capture_amount"].as_f64();
            assert_eq!(told, dollars(left).as_f64());
        }
        if let Some(left) = answer.get("remaining_authorization_amount") {
            assert_eq!(left, &read["remaining_amount"]);
        }
    }
}

#[tokio::test]
async fn credit_is_held_given_back_and_counted() {
    let merchant = Merchant::open().await;
    assert_eq!(merchant.credit(0).await, 1_327_640);
    let id = merchant.held(1_000).await;
    assert_eq!(merchant.credit(0).await, 1_227_640);
    merchant.capture(id, json!(300)).await.done();
    merchant.release(id, Some(json!(200.5))).await.done();
    assert_eq!(merchant.credit(0).await, 1_247_690);
    merchant.give_back(id, 700_001, None).await.done();
    assert_eq!(merchant.credit(0).await, 1_277_690);
    merchant.release(id, None).await.done();
    assert_eq!(merchant.credit(0).await, 1_327_640);
    let ledger = merchant.sandbox.ledger().flexiti;
    let entry = &ledger.authorizations[0];
    let sums = [
        &entry.remaining,
        &entry.captured,
        &entry.released,
        &entry.returned,
    ];
    assert_eq!(sums, ["0.00", "300.00", "700.00", "300.00"]);
    assert!(entry.ended_at.is_some());
    assert_eq!(ledger.releases.len(), 2);
    assert_eq!(
        (ledger.returns[0].capture_id, ledger.returns[0].full),
        (700_001, true)
    );
}

#[tokio::test]
async fn captured_at_once_an_authorization_is_closed_a_second_later() {
    let merchant = Merchant::open().await;
    let answer = merchant
        .authorize(json!({ "amount": 19.99, "auto_capture": true }))
        .await
        .done();
    assert_eq!(
        (&answer["status"], &answer["amount"]),
        (&json!("closed"), &json!(19.99))
    );
    assert_eq!(answer["capture"]["amount"], 19.99);
    assert_eq!(answer["ending_date"], answer["capture"]["date"]);
    let read = merchant.read(900_001).await.done();
    assert_eq!(read["captures"].as_array().unwrap().len(), 1);
    assert_eq!(read["remaining_amount"], 0);
    let refused = merchant.capture(900_001, json!(1)).await;
    assert_eq!(refused.refusal(), (409, "authorization_ended"));
}

#[tokio::test]
async fn after_a_year_nothing_is_captured_any_more_but_returns_go_on() {
    let merchant = Merchant::open_with(options(|it| it.return_window_days = 800)).await;
    let id = merchant.held(100).await;
    merchant.capture(id, json!(40)).await.done();
    let a_year = Duration::from_secs(366 * 86_400);
    merchant.sandbox.move_clock(a_year);
    let merchant = Merchant {
        token: merchant.fresh_token("merchant").await,
        ..merchant
    };
    let refused = merchant.capture(id, json!(1)).await;
    assert_eq!(refused.refusal(), (409, "authorization_ended"));
    let refused = merchant.release(id, None).await;
    assert_eq!(refused.refusal(), (409, "authorization_ended"));
    assert_eq!(merchant.read(id).await.done()["status"], "opened");
    merchant
        .give_back(id, 700_001, Some(json!(40)))
        .await
        .done();
    merchant.set(|it| it.release_after_expiry = true);
    merchant.release(id, None).await.done();
}

#[tokio::test]
async fn a_capture_is_returned_within_its_days_counted_from_purchase_or_capture() {
    for (from, http) in [
        (FlexitiReturnFrom::Purchase, 409),
        (FlexitiReturnFrom::Capture, 200),
    ] {
        let merchant = Merchant::open_with(options(|it| it.return_from = from)).await;
        let id = merchant.held(100).await;
        let days = |days: u64| {
            merchant
                .sandbox
                .move_clock(Duration::from_secs(days * 86_400))
        };
        days(300);
        let token = merchant.fresh_token("merchant").await;
        let path = format!("{OLD}/authorization/{id}/capture");
        let body = json!({ "amount": 100 });
        merchant.ask(Call::post(&path, &token, &body)).await.done();
        days(200);
        let token = merchant.fresh_token("merchant").await;
        let path = format!("{OLD}/authorization/{id}/capture/700001/return");
        let body = json!({ "full_return": true });
        let answer = merchant.ask(Call::post(&path, &token, &body)).await;
        assert_eq!(answer.http, http, "{answer:?}");
        if http == 409 {
            assert_eq!(answer.refusal(), (409, "return_date_exceeded"));
        }
    }
}

#[tokio::test]
async fn a_regular_purchase_is_refunded_to_the_account_and_not_returned() {
    let merchant = Merchant::open().await;
    let regular = json!({
        "financing_option": { "transaction_type": "regular_purchase" },
        "amount": 150, "auto_capture": true,
    });
    let answer = merchant.authorize(regular).await.done();
    assert_eq!(answer["fees"], json!([]));
    assert_eq!(answer["annual_rates"]["rate"], 0.3099);
    let refused = merchant.give_back(900_001, 700_001, None).await;
    assert_eq!(refused.refusal(), (409, "wrong_transaction_type"));
    let account = 10_000_001;
    let refused = merchant.refund(account, json!(150.01)).await;
    assert_eq!(refused.refusal(), (409, "refunds_limit_exceeded_amount"));
    assert_eq!(
        merchant.refund(account, json!(50.12)).await.done(),
        json!({})
    );
    assert_eq!(
        merchant.refund(account, json!(99.88)).await.done(),
        json!({})
    );
    let refused = merchant.refund(account, json!(0.01)).await;
    assert_eq!(refused.refusal(), (409, "refunds_limit_exceeded_amount"));
    let counts: Vec<u32> = merchant
        .sandbox
        .ledger()
        .flexiti
        .refunds
        .iter()
        .map(|one| one.count)
        .collect();
    assert_eq!(counts, [1, 2], "the same reference twice");
}

#[tokio::test]
async fn the_fee_is_carried_by_the_earliest_capture_that_is_not_fully_returned() {
    let merchant = Merchant::open().await;
    let id = merchant.held(100).await;
    for _ in 0..2 {
        merchant.capture(id, json!(30)).await.done();
    }
    let bearers = || -> Vec<bool> {
        let ledger = merchant.sandbox.ledger().flexiti;
        ledger.captures.iter().map(|one| one.carries_fee).collect()
    };
    assert_eq!(bearers(), [true, false]);
    merchant.give_back(id, 700_001, None).await.done();
    assert_eq!(bearers(), [false, true]);
    let counts: Vec<u32> = merchant
        .sandbox
        .ledger()
        .flexiti
        .captures_of(id)
        .map(|one| one.count)
        .collect();
    assert_eq!(counts, [1, 2]);
}

#[tokio::test]
async fn money_brought_to_a_store_raises_the_credit_up_to_ten_thousand_a_day() {
    let merchant = Merchant::open().await;
    let path = format!("{NEW}/transactions?lang=en");
    let deposit = |amount: &str| {
        changed(
            sample("deposit_request_account"),
            json!({ "amount": amount }),
        )
    };
    for name in [
        "deposit_request_account",
        "deposit_request_vcc",
        "deposit_request_customer",
    ] {
        assert_eq!(merchant.post(&path, &sample(name)).await.done(), json!({}));
    }
    assert_eq!(merchant.credit(0).await, 1_330_640);
    let refused = merchant.post(&path, &deposit("9970.01")).await;
    assert_eq!(refused.refusal(), (409, "limit_payment_amount_24"));
    merchant.post(&path, &deposit("9970.00")).await.done();
    merchant.sandbox.move_clock(Duration::from_secs(86_401));
    let token = merchant.fresh_token("merchant").await;
    let again = Call::post(&path, &token, &deposit("10000"));
    assert_eq!(merchant.ask(again).await.http, 200);
    assert_eq!(merchant.sandbox.ledger().flexiti.deposits.len(), 5);
}

#[tokio::test]
async fn in_store_a_verification_code_takes_the_place_of_the_widget() {
    let merchant = Merchant::open().await;
    let path = format!("{NEW}/authorization");
    let in_store = sample("authorization_request_instore");
    merchant.post(&path, &in_store).await.done();
    let entry = merchant.sandbox.ledger().flexiti.authorizations.remove(0);
    assert_eq!(entry.widget_session_id, None);
    let wrong = changed(in_store, json!({ "verification_code": 1 }));
    assert_eq!(
        merchant.post(&path, &wrong).await.refusal(),
        (409, "not_verified")
    );
}

#[tokio::test]
async fn a_token_opens_the_door_for_twenty_minutes_and_can_be_refreshed_before() {
    let merchant = Merchant::open().await;
    let form = "grant_type=client_credentials&client_id=demo-merchant\
                &client_secret=placeholder-secret&scope=merchant";
    let first = merchant.token_answer(form).await.done();
    let text = |answer: &Value, name: &str| answer[name].as_str().unwrap().to_owned();
    let refresh = text(&first, "refresh_token");
    let refreshed = format!(
        "grant_type=refresh_token&client_id=demo-merchant\
         &client_secret=placeholder-secret&refresh_token={refresh}"
    );
    let second = merchant.token_answer(&refreshed).await.done();
    assert_eq!(second["scope"], "merchant");
    merchant.sandbox.move_clock(Duration::from_secs(1_199));
    let list = format!("{NEW}/authorizations?page_number=1");
    let token = text(&first, "access_token");
    assert_eq!(merchant.ask(Call::get(&list, &token)).await.http, 200);
    merchant.sandbox.move_clock(Duration::from_secs(1));
    let expired = merchant.ask(Call::get(&list, &token)).await;
    assert_eq!(expired.refusal(), (401, "invalid_token"));
    let late = merchant.token_answer(&refreshed).await;
    assert_eq!(late.refusal(), (400, "invalid_request"));
}

#[tokio::test]
async fn tokens_come_in_the_forms_that_sources_show() {
    let merchant = Merchant::open().await;
    let form = "client_id=demo-merchant&client_secret=placeholder-secret";
    let answer = merchant.token_answer(form).await.done();
    assert_eq!(answer["scope"], "customer", "what opens less");
    let token = answer["access_token"].as_str().unwrap();
    assert!(token.len() == 40 && token.bytes().all(|byte| byte.is_ascii_hexdigit()));
    merchant.set(|it| it.token = FlexitiTokenForm::Capital);
    assert_eq!(
        merchant.token_answer(form).await.done()["token_type"],
        "Bearer"
    );
    merchant.set(|it| it.token = FlexitiTokenForm::Minimal);
    let minimal = merchant.token_answer(form).await.done();
    assert_eq!(minimal["expires_in"], 1_199);
    assert_eq!(minimal.as_object().unwrap().len(), 2);
}

#[tokio::test]
async fn a_session_is_for_one_authorization_of_its_own_account_by_its_own_token() {
    let merchant = Merchant::open().await;
    let path = format!("{NEW}/authorization");
    let authorize =
        async |token: &str, request: &Value| merchant.ask(Call::post(&path, token, request)).await;
    let (session, token) = merchant.session(10_000_001).await;
    let wanted = changed(request(&session), json!({ "amount": 10 }));
    let early = authorize(&token, &wanted).await;
    assert_eq!(early.refusal(), (404, "customer_identity_not_found"));
    merchant.identify(&session, "verified").await;
    let other = changed(wanted.clone(), json!({ "account_number": 10_000_004 }));
    assert_eq!(
        authorize(&token, &other).await.refusal(),
        (409, "not_verified")
    );
    let other_token = merchant.fresh_token("customer").await;
    let refused = authorize(&other_token, &wanted).await;
    assert_eq!(refused.refusal(), (409, "not_verified"));
    authorize(&token, &wanted).await.done();
    let state = || merchant.sandbox.ledger().flexiti.sessions[0].state;
    assert_eq!(state(), FlexitiSessionState::Used);
    assert_eq!(
        authorize(&token, &wanted).await.refusal(),
        (409, "not_verified")
    );
    let made_up = request("11111111-2222-4333-8444-555555555555");
    assert_eq!(
        authorize(&token, &made_up).await.refusal(),
        (409, "not_verified")
    );
    merchant.set(|it| {
        it.session_reuse = true;
        it.any_token = true;
    });
    authorize(&other_token, &wanted).await.done();
    let counts: Vec<u32> = merchant
        .sandbox
        .ledger()
        .flexiti
        .authorizations_of("order-0001")
        .map(|one| one.count)
        .collect();
    assert_eq!(counts, [1, 2], "a double hold is to be seen");
}

#[tokio::test]
async fn a_session_ends_with_its_token() {
    let merchant = Merchant::open().await;
    let (session, _) = merchant.verified(10_000_001).await;
    merchant.sandbox.move_clock(Duration::from_secs(1_200));
    let token = merchant.fresh_token("customer").await;
    merchant.set(|it| it.any_token = true);
    let path = format!("{NEW}/authorization");
    let answer = merchant
        .ask(Call::post(&path, &token, &request(&session)))
        .await;
    assert_eq!(answer.refusal(), (409, "not_verified"));
}

#[tokio::test]
async fn nobody_with_an_account_still_gets_a_page() {
    let merchant = Merchant::open().await;
    let (session, _) = merchant.session(99).await;
    let refused = merchant.identify(&session, "verified").await;
    assert_eq!(refused.http, 409);
    let answer = merchant.identify(&session, "apply").await;
    assert_eq!(answer.body["eventData"]["action"], "apply");
    assert_eq!(answer.body["eventData"]["customerId"], Value::Null);
}

#[tokio::test]
async fn the_plans_are_those_of_the_settings() {
    let merchant = Merchant::open().await;
    let plans = json!({ "plans": [
        { "plan_id": 7, "plan_name": "Grand", "minimum_minor": 50_000, "terms": [{ "term": 3, "rate": 0 }] },
        { "plan_id": 8, "plan_name": "Petit", "terms": [{ "term": 24, "rate": 2_999, "fee_minor": 999 }] },
    ] });
    let set = merchant
        .manage("POST", "/flexiti/options", Some(&plans))
        .await;
    assert_eq!(set.http, 201);
    let path = format!("{NEW}/accounts/10000001/calculate-interest?lang=fr");
    let offered = merchant
        .post(&path, &json!({ "amount": 499.99 }))
        .await
        .done();
    let offered = &offered["promotional_purchase"];
    assert_eq!(offered.as_array().unwrap().len(), 1);
    assert_eq!(offered[0]["terms"][0]["fees"][0]["amount"], 9.99);
    assert_eq!(offered[0]["terms"][0]["annual_rates"]["rate"], 0.2999);
    let offered = merchant.post(&path, &json!({ "amount": 500 })).await.done();
    assert_eq!(
        offered["promotional_purchase"][0]["terms"][0]["term_amount"],
        166.67
    );
    let choose = |plan: u64, term: u64| {
        json!({ "amount": 100, "financing_option": {
            "transaction_type": "promotional_purchase", "plan_id": plan, "term": term,
        } })
    };
    for (plan, term) in [(7, 3), (8, 12), (4, 6)] {
        let refused = merchant.authorize(choose(plan, term)).await;
        assert_eq!(refused.refusal(), (409, "plan_term_not_available"));
    }
    merchant.authorize(choose(8, 24)).await.done();
}

#[tokio::test]
async fn people_are_told_in_their_language() {
    let merchant = Merchant::open().await;
    let path = |lang: &str| format!("{NEW}/accounts/10000001/calculate-interest{lang}");
    let told = async |lang: &str| {
        let answer = merchant
            .post(&path(lang), &json!({ "amount": 5 }))
            .await
            .done();
        let terms = &answer["promotional_purchase"][0]["terms"];
        terms[0]["annual_rates"]["message"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    assert!(told("").await.starts_with("Simulated"));
    assert!(told("?lang=fr").await.starts_with("Avis"));
    let unknown = merchant
        .post(&path("?lang=es"), &json!({ "amount": 5 }))
        .await;
    assert_eq!(unknown.refusal(), (409, "wrong_input"));
}

#[tokio::test]
async fn a_key_that_comes_again_is_answered_again_only_where_that_is_told() {
    let merchant = Merchant::open().await;
    let id = merchant.held(100).await;
    let path = format!("{OLD}/authorization/{id}/capture");
    let capture = async |key: &'static str, hash: &'static str, amount: u32| {
        let body = json!({ "reference": "order-0001", "amount": amount });
        let mut call = Call::post(&path, &merchant.token, &body);
        call.headers.push(("x-idempotency-key", key));
        call.headers.push(("x-context-hash", hash));
        merchant.ask(call).await
    };
    capture("one", "a", 10).await.done();
    capture("one", "a", 10).await.done();
    let captured = || merchant.sandbox.ledger().flexiti.captures.len();
    assert_eq!(captured(), 2, "not honoured unless told");
    merchant.set(|it| it.idempotency = true);
    let first = capture("two", "a", 10).await.done();
    let before = merchant.read(id).await.done();
    assert_eq!(capture("two", "a", 10).await.done(), first);
    assert_eq!(merchant.read(id).await.done(), before);
    for (hash, amount) in [("a", 11), ("b", 10)] {
        let refused = capture("two", hash, amount).await;
        assert_eq!(refused.refusal(), (409, "idempotency_conflict"));
    }
    // What was refused leaves its key free.
    capture("three", "a", 1_000).await.refusal();
    capture("three", "a", 5).await.done();
    assert_eq!(captured(), 4);
}
