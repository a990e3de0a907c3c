//! Who is turned away, and with what.

use serde_json::{Value, json};
use ventanilla_sandbox::{FlexitiErrorForm, FlexitiVersions};

use crate::support::{Call, Merchant, NEW, OLD, TOKEN, changed, options, request, sample};

/// Every operation but the token's, as one call that is taken at a merchant with one open hold and one
/// capture: method, version, what follows, body.
pub fn guarded() -> Vec<(&'static str, &'static str, &'static str, String, Value)> {
    let post = "POST";
    vec![
        (
            "flexiti_widget",
            post,
            OLD,
            String::from("widget/init"),
            sample("widget_init_request_account"),
        ),
        (
            "flexiti_interest",
            post,
            NEW,
            String::from("accounts/10000001/calculate-interest"),
            json!({ "amount": 10 }),
        ),
        (
            "flexiti_deposit",
            post,
            NEW,
            String::from("transactions"),
            sample("deposit_request_account"),
        ),
        (
            "flexiti_authorize",
            post,
            NEW,
            String::from("authorization"),
            changed(
                sample("authorization_request_instore"),
                json!({ "amount": 10 }),
            ),
        ),
        (
            "flexiti_release",
            post,
            OLD,
            String::from("authorization/900001/release"),
            json!({ "reference": "release-1", "full_release": false, "amount": 1 }),
        ),
        (
            "flexiti_capture",
            post,
            OLD,
            String::from("authorization/900001/capture"),
            json!({ "reference": "capture-1", "amount": 1 }),
        ),
        (
            "flexiti_return",
            post,
            OLD,
            String::from("authorization/900001/capture/700001/return"),
            json!({ "reference": "return-1", "full_return": false, "amount": 1 }),
        ),
        (
            "flexiti_refund",
            post,
            OLD,
            String::from("accounts/10000001/refund"),
            json!({ "reference": "refund-1", "amount": 1 }),
        ),
        (
            "flexiti_authorizations",
            "GET",
            NEW,
            String::from("authorizations?page_number=1"),
            Value::Null,
        ),
        (
            "flexiti_authorization",
            "GET",
            NEW,
            String::from("authorization/900001"),
            Value::Null,
        ),
        (
            "flexiti_captures",
            "GET",
            NEW,
            String::from("captures?page_number=1"),
            Value::Null,
        ),
    ]
}

pub fn call<'a>(method: &'a str, path: &'a str, token: &'a str, body: &Value) -> Call<'a> {
    match method {
        "GET" => Call::get(path, token),
        _ => Call::post(path, token, body),
    }
}

/// A merchant at whom every operation finds something to do.
pub async fn busy() -> Merchant {
    let merchant = Merchant::open().await;
    let id = merchant.held(100).await;
    merchant.capture(id, json!(40)).await.done();
    merchant
        .change_account(10_000_001, json!({ "balance_minor": 10_000 }))
        .await;
    merchant
}

#[tokio::test]
async fn every_operation_wants_a_token_a_trace_and_its_own_version() {
    let merchant = busy().await;
    for (name, method, base, rest, body) in guarded() {
        let path = format!("{base}/{rest}");
        let ask =
            async |path: &str, token: &str| merchant.ask(call(method, path, token, &body)).await;
        for token in ["", "0000000000000000000000000000000000000001"] {
            let refused = ask(&path, token).await;
            assert_eq!(refused.refusal(), (401, "invalid_token"), "{name}");
        }
        let mut untraced = call(method, &path, &merchant.token, &body);
        untraced.headers.clear();
        let refused = merchant.ask(untraced).await;
        assert_eq!(refused.refusal(), (409, "wrong_input"), "{name}");
        assert_eq!(refused.body["field_errors"][0]["param"], "x-reference-id");
        let other = if base == OLD { NEW } else { OLD };
        let refused = ask(&format!("{other}/{rest}"), &merchant.token).await;
        assert_eq!(refused.refusal(), (404, "not_found"), "{name}");
        let stranger = path.replace("demo-merchant", "somebody-else");
        let refused = ask(&stranger, &merchant.token).await;
        assert_eq!(refused.refusal(), (400, "invalid_client"), "{name}");
        let taken = ask(&path, &merchant.token).await;
        assert_eq!(taken.http, 200, "{name} {taken:?}");
    }
}

#[tokio::test]
async fn a_customers_token_opens_what_a_shopper_does_and_nothing_else() {
    let merchant = busy().await;
    let token = merchant.fresh_token("customer").await;
    for (name, method, base, rest, body) in guarded() {
        let path = format!("{base}/{rest}");
        let answer = merchant.ask(call(method, &path, &token, &body)).await;
        if matches!(name, "flexiti_widget" | "flexiti_interest") {
            assert_eq!(answer.http, 200, "{name}");
        } else {
            // The authorization among them is one in store.
            let sentence = "Insufficient scope: authorized scope is insufficient";
            assert_eq!(answer.refusal(), (403, sentence), "{name}");
        }
    }
}

#[tokio::test]
async fn a_token_is_asked_for_by_form_only() {
    let merchant = Merchant::open().await;
    let form = "client_id=demo-merchant&client_secret=placeholder-secret";
    let json = sample("oauth_token_request_form").to_string();
    let mut call = Merchant::token_call(&json);
    call.content_type = "application/json";
    assert_eq!(merchant.ask(call).await.refusal(), (400, "invalid_request"));
    let path = format!("{TOKEN}?{form}");
    let mut call = Merchant::token_call(form);
    call.path = &path;
    assert_eq!(merchant.ask(call).await.refusal(), (400, "invalid_request"));
    for (form, refusal) in [
        ("client_id=demo-merchant", (400, "invalid_client")),
        (
            "client_id=demo-merchant&client_secret=wrong",
            (400, "invalid_client"),
        ),
        (
            &format!("{form}&grant_type=password"),
            (400, "invalid_request"),
        ),
        (&format!("{form}&scope=admin"), (409, "wrong_input")),
        (
            &format!("{form}&grant_type=refresh_token"),
            (409, "wrong_input"),
        ),
        (
            &format!("{form}&grant_type=refresh_token&refresh_token=0"),
            (400, "invalid_request"),
        ),
    ] {
        let answer = merchant.token_answer(form).await;
        assert_eq!(answer.refusal(), refusal, "{form}");
    }
    let mut call = Merchant::token_call(form);
    call.headers = vec![("x-reference-id", "aaaaaaaabbbb4ccc8dddeeeeeeeeeeee")];
    assert_eq!(merchant.ask(call).await.http, 200, "without hyphens");
}

#[tokio::test]
async fn inputs_that_are_wrong_are_told_with_their_names() {
    let merchant = Merchant::open().await;
    let path = format!("{NEW}/authorization");
    let (session, token) = merchant.verified(10_000_001).await;
    for (changes, param) in [
        (json!({ "amount": 0 }), "amount"),
        (json!({ "amount": -1 }), "amount"),
        (json!({ "amount": 1.005 }), "amount"),
        (json!({ "amount": "10.00" }), "amount"),
        (json!({ "amount": null }), "amount"),
        (json!({ "account_number": "10000001" }), "account_number"),
        (json!({ "auto_capture": null }), "auto_capture"),
        (json!({ "reference": "r".repeat(41) }), "reference"),
        (json!({ "widget_session_id": null }), "widget_session_id"),
        (
            json!({ "billing_information": null }),
            "billing_information",
        ),
        (json!({ "verification_code": 9999 }), "verification_code"),
        (
            json!({ "financing_option": { "transaction_type": "gift" } }),
            "financing_option.transaction_type",
        ),
        (
            json!({ "shipping_information": changed(
                request("")["shipping_information"].clone(), json!({ "postal_code": "A1A" })
            ) }),
            "shipping_information.postal_code",
        ),
        (
            json!({ "shipping_information": changed(
                request("")["shipping_information"].clone(), json!({ "address_2": null })
            ) }),
            "shipping_information.address_2",
        ),
    ] {
        let wanted = changed(request(&session), changes.clone());
        // Some make it a call in store, for which a customer's token is not enough.
        let token = if changes.get("verification_code").is_some() {
            &merchant.token
        } else {
            &token
        };
        let answer = merchant.ask(Call::post(&path, token, &wanted)).await;
        assert_eq!(answer.refusal(), (409, "wrong_input"), "{changes}");
        assert_eq!(answer.body["field_errors"][0]["param"], param, "{changes}");
    }
    assert!(merchant.sandbox.ledger().flexiti.authorizations.is_empty());
}

#[tokio::test]
async fn who_is_to_be_identified_is_named_in_one_of_three_ways() {
    let merchant = Merchant::open().await;
    let path = format!("{OLD}/widget/init");
    for (body, param) in [
        (json!({ "flow": "purchase" }), "customer_identification"),
        (
            json!({ "flow": "apply", "customer_identification": { "account_number": 1 } }),
            "flow",
        ),
        (
            json!({ "flow": "purchase", "customer_identification": {} }),
            "customer_identification.account_number",
        ),
        (
            json!({ "flow": "purchase", "customer_identification": {
                "account_number": 10_000_001, "vcc_number": "0000000000000001",
            } }),
            "customer_identification.account_number",
        ),
        (
            json!({ "flow": "purchase", "customer_identification": { "personal_information": {
                "first_name": "Test", "last_name": "Shopper", "dob": "01/01/1990", "postal_code": "A1A1A1",
            } } }),
            "personal_information.dob",
        ),
        (
            json!({ "flow": "purchase", "customer_identification": { "personal_information": {
                "first_name": "Test", "last_name": "Shopper", "dob": "1990-01-01",
            } } }),
            "personal_information.postal_code",
        ),
    ] {
        let answer = merchant.post(&path, &body).await;
        assert_eq!(answer.refusal(), (409, "wrong_input"), "{body}");
        assert_eq!(answer.body["field_errors"][0]["param"], param, "{body}");
    }
    for (name, lang) in [("account", "en"), ("vcc", "en"), ("personal", "fr")] {
        let body = sample(&format!("widget_init_request_{name}"));
        merchant.post(&path, &body).await.done();
        let session = merchant.sandbox.ledger().flexiti.sessions.pop().unwrap();
        assert_eq!(session.account_number, Some(10_000_001), "{name}");
        assert_eq!(session.lang, lang);
    }
}

#[tokio::test]
async fn an_account_that_may_not_buy_does_not() {
    let merchant = Merchant::open().await;
    let refused = merchant
        .authorize(json!({ "account_number": 10_000_002, "amount": 10 }))
        .await;
    assert_eq!(refused.refusal(), (409, "user_not_able_to_purchase"));
    // 50.00 of credit: the amount alone would do, the interest does not.
    let poor = async |amount: f64| {
        let wanted = json!({ "account_number": 10_000_003, "amount": amount });
        merchant.authorize(wanted).await
    };
    assert_eq!(poor(50.0).await.refusal(), (409, "credit_exceeded"));
    poor(48.0).await.done();
    for (changes, refusal) in [
        (
            json!({ "vcc_number": "0000000000000002" }),
            "vcc_account_mismatch",
        ),
        (
            json!({ "financing_option": { "transaction_type": "promotional_purchase" } }),
            "plan_term_not_set",
        ),
    ] {
        let answer = merchant.authorize(changes).await;
        assert_eq!(answer.refusal(), (409, refusal));
    }
    let unknown = changed(
        sample("authorization_request_instore"),
        json!({ "account_number": 77 }),
    );
    let path = format!("{NEW}/authorization");
    assert_eq!(
        merchant.post(&path, &unknown).await.refusal(),
        (404, "not_found")
    );
    let elsewhere = changed(
        sample("authorization_request_instore"),
        json!({ "external_location_id": "00-00009" }),
    );
    let answer = merchant.post(&path, &elsewhere).await;
    assert_eq!(answer.refusal(), (409, "external_location_id_not_found"));
}

#[tokio::test]
async fn without_its_holders_standing_a_hold_is_released_and_returned_but_not_captured() {
    let merchant = busy().await;
    merchant
        .change_account(10_000_001, json!({ "status": "NFRZ" }))
        .await;
    let refused = merchant.capture(900_001, json!(1)).await;
    assert_eq!(refused.refusal(), (409, "not_permitted"));
    merchant.release(900_001, Some(json!(1))).await.done();
    merchant.give_back(900_001, 700_001, None).await.done();
    let again = merchant.give_back(900_001, 700_001, None).await;
    assert_eq!(again.refusal(), (409, "capture_amount_exceeded"));
}

#[tokio::test]
async fn what_is_not_there_is_not_found() {
    let merchant = busy().await;
    let too_much = merchant.capture(900_001, json!(60.01)).await;
    assert_eq!(too_much.refusal(), (409, "auth_amount_exceeded"));
    for answer in [
        merchant.capture(900_009, json!(1)).await,
        merchant.release(1, None).await,
        merchant.give_back(900_001, 700_009, None).await,
        merchant.give_back(900_009, 700_001, None).await,
        merchant.refund(77, json!(1)).await,
        merchant.read(900_009).await,
        // What the documents' own samples ask for: no question mark before the language.
        merchant
            .get(&format!("{NEW}/authorization/900001&lang=en"))
            .await,
        merchant.get(&format!("{NEW}/authorization")).await,
        merchant.get("nowhere").await,
    ] {
        assert_eq!(answer.refusal(), (404, "not_found"));
    }
    let other = json!({ "amount": 1, "capture_id": 700_001 });
    let path = format!("{OLD}/accounts/10000001/refund");
    let promotional = merchant.post(&path, &other).await;
    assert_eq!(promotional.refusal(), (404, "not_found"));
}

#[tokio::test]
async fn a_deposit_is_refused_by_its_own_codes() {
    let merchant = Merchant::open().await;
    let path = format!("{NEW}/transactions");
    for (changes, refusal) in [
        (
            json!({ "transaction_type": "gift" }),
            (409, "invalid_transaction_type"),
        ),
        (
            json!({ "verification_code": null }),
            (409, "verification_code_required"),
        ),
        (
            json!({ "verification_code": 1 }),
            (409, "wrong_verification_code"),
        ),
        (json!({ "account_number": "77" }), (404, "not_found")),
        (
            json!({ "account_number": "10000002" }),
            (409, "user_not_active"),
        ),
        (
            json!({ "vcc_number": "0000000000000001" }),
            (409, "wrong_input"),
        ),
        (json!({ "amount": "ten" }), (409, "wrong_input")),
        (json!({ "request_id": null }), (409, "wrong_input")),
    ] {
        let body = changed(sample("deposit_request_account"), changes.clone());
        let answer = merchant.post(&path, &body).await;
        assert_eq!(answer.refusal(), refusal, "{changes}");
    }
    let ledger = merchant.sandbox.ledger().flexiti;
    assert!(ledger.deposits.is_empty());
    assert_eq!(ledger.refused.len(), 8);
}

#[tokio::test]
async fn what_looks_like_an_attack_is_stopped_by_the_firewall() {
    let merchant = busy().await;
    let path = format!("{OLD}/authorization/900001/capture");
    let body = json!({ "reference": "<script>", "amount": 1 });
    let answer = merchant
        .send(Call::post(&path, &merchant.token, &body))
        .await;
    let answer = answer.unwrap();
    assert_eq!(answer.status().as_u16(), 465);
    assert_eq!(answer.headers()["content-type"], "text/html");
    let path = format!("{NEW}/authorizations?page_number=1&lang=%3Cscript");
    let answer = merchant
        .send(Call::get(&path, &merchant.token))
        .await
        .unwrap();
    assert_eq!(answer.status().as_u16(), 465);
    assert_eq!(merchant.sandbox.ledger().flexiti.captures.len(), 1);
}

#[tokio::test]
async fn every_code_of_every_operation_can_be_ordered() {
    const COMMON: [&str; 6] = [
        "invalid_token",
        "insufficient_scope",
        "invalid_role",
        "general_error",
        "external_location_id_not_found",
        "account_type_not_permitted",
    ];
    let own: &[(&str, &[&str])] = &[
        (
            "flexiti_widget",
            &["invalid_role", "general_error", "wrong_inputs"],
        ),
        (
            "flexiti_deposit",
            &[
                "user_not_able_to_purchase",
                "not_enough_credit",
                "not_verified",
            ],
        ),
        (
            "flexiti_authorize",
            &["auth_not_allowed", "not_permitted", "credit_exceeded"],
        ),
        ("flexiti_release", &["not_permitted", "authorization_ended"]),
        (
            "flexiti_capture",
            &["not_permitted", "auth_amount_exceeded"],
        ),
        ("flexiti_return", &["not_permitted", "return_date_exceeded"]),
        ("flexiti_refund", &["refunds_limit_exceeded_amount"]),
    ];
    let merchant = busy().await;
    for (name, method, base, rest, body) in guarded() {
        let path = format!("{base}/{rest}");
        let own = own
            .iter()
            .find(|(of, _)| *of == name)
            .map_or(&[][..], |(_, own)| own);
        let common: &[&str] = if name == "flexiti_widget" {
            &[]
        } else {
            &COMMON
        };
        for code in common.iter().chain(own) {
            let order = json!({ "operation": name, "error": code });
            let ordered = merchant
                .manage("POST", "/flexiti/refuse", Some(&order))
                .await;
            assert_eq!(ordered.http, 204, "{name} {code} {ordered:?}");
            let answer = merchant
                .ask(call(method, &path, &merchant.token, &body))
                .await;
            let (status, error) = match *code {
                "invalid_token" => (401, "invalid_token"),
                "insufficient_scope" => {
                    (403, "Insufficient scope: authorized scope is insufficient")
                }
                "wrong_inputs" => (409, "wrong_input"),
                code => (409, code),
            };
            assert_eq!(answer.refusal(), (status, error), "{name}");
        }
        let answer = merchant
            .ask(call(method, &path, &merchant.token, &body))
            .await;
        assert_eq!(answer.http, 200, "{name} {answer:?}");
    }
    for (operation, error) in [
        ("flexiti_token", "not_found"),
        ("flexiti_release", "credit_exceeded"),
        ("pay", "general_error"),
    ] {
        let order = json!({ "operation": operation, "error": error });
        let answer = merchant
            .manage("POST", "/flexiti/refuse", Some(&order))
            .await;
        assert_eq!(answer.http, 422, "{operation} {error}");
    }
}

#[tokio::test]
async fn errors_come_in_the_forms_that_sources_show() {
    let merchant = Merchant::open().await;
    let path = format!("{NEW}/accounts/10000001/calculate-interest");
    let wrong = async || merchant.post(&path, &json!({})).await;
    let names =
        |answer: &Value| -> Vec<String> { answer.as_object().unwrap().keys().cloned().collect() };
    let first = wrong().await;
    assert_eq!(
        names(&first.body),
        ["error", "field_errors", "message", "url"]
    );
    merchant.set(|it| it.errors = FlexitiErrorForm::ErrorFields);
    let second = wrong().await;
    assert_eq!(names(&second.body), ["error", "error_fields", "message"]);
    assert_eq!(second.refusal(), (409, "wrong_inputs"));
    merchant.set(|it| it.errors = FlexitiErrorForm::CodeDescription);
    let third = wrong().await;
    assert_eq!(names(&third.body), ["code", "error", "error_description"]);
    assert_eq!(third.body["code"], 409);
    merchant.set(|it| it.generic_error = true);
    merchant
        .arm(json!({ "operation": "flexiti_interest", "kind": "status_error" }))
        .await;
    assert_eq!(wrong().await.refusal(), (409, "generic_error"));
}

#[tokio::test]
async fn versions_are_those_that_were_told() {
    let versions = |versions| options(|it| it.versions = versions);
    let merchant = Merchant::open_with(versions(FlexitiVersions::Newest)).await;
    let id = merchant.held(100).await;
    let old = merchant.capture(id, json!(1)).await;
    assert_eq!(old.refusal(), (404, "not_found"));
    let path = format!("{NEW}/authorization/{id}/capture");
    merchant.post(&path, &json!({ "amount": 1 })).await.done();
    let merchant = Merchant::open_with(versions(FlexitiVersions::Any)).await;
    let id = merchant.held(100).await;
    for base in [OLD, NEW] {
        let path = format!("{base}/authorization/{id}/capture");
        merchant.post(&path, &json!({ "amount": 1 })).await.done();
    }
}
