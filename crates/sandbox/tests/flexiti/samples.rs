//! Every sample of `tests/fixtures/flexiti` is taken or answered by the sandbox in its shape.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use ventanilla_sandbox::{
    FlexitiCapturesForm, FlexitiErrorForm, FlexitiLinkNames, FlexitiRatesForm, FlexitiTokenForm,
};

use crate::support::{Answer, Call, Merchant, NEW, OLD, changed, sample};

/// What no two answers share: moments, texts that are invented on both sides, drawn ids, and amounts that
/// the samples give without having computed them.
const DRAWN: [&str; 12] = [
    "date",
    "expiration_date",
    "ending_date",
    "capture_date",
    "return_date",
    "message",
    "description",
    "term_amount",
    "available_credit",
    "access_token",
    "refresh_token",
    "redirection_url",
];

/// A value with nothing left of what is drawn but its kind.
fn plain(value: &Value) -> Value {
    match value {
        Value::Object(fields) => fields
            .iter()
            .map(|(name, field)| {
                let kind = match field {
                    Value::String(_) => json!("text"),
                    Value::Number(_) => json!("number"),
                    other => other.clone(),
                };
                let is_drawn = DRAWN.contains(&name.as_str());
                (name.clone(), if is_drawn { kind } else { plain(field) })
            })
            .collect(),
        Value::Array(items) => items.iter().map(plain).collect(),
        // A whole number is the same with a point in it.
        Value::Number(number) => json!(number.as_f64()),
        other => other.clone(),
    }
}

fn hold(answer: Answer, name: &str) {
    let body = answer.done();
    assert_eq!(plain(&body), plain(&sample(name)), "{name}");
}

fn hold_error(answer: &Answer, name: &str) {
    let manifest = sample("manifest");
    let fixtures = manifest["fixtures"].as_array().unwrap();
    let file = json!(format!("{name}.json"));
    let entry = fixtures.iter().find(|one| one["file"] == file).unwrap();
    assert_eq!(entry["status"], answer.http, "{name} {answer:?}");
    assert_eq!(plain(&answer.body), plain(&sample(name)), "{name}");
}

/// The hold of the samples: its number, the first capture that it gets, and how it goes on.
async fn at_the_second_authorization() -> Merchant {
    let merchant = Merchant::open().await;
    merchant
        .authorize(sample("authorization_request_online").without_session())
        .await
        .done();
    merchant
        .authorize(sample("authorization_request_online_preauth").without_session())
        .await
        .done();
    merchant
}

trait WithoutSession {
    fn without_session(self) -> Self;
}

impl WithoutSession for Value {
    /// So that the session of the test is used.
    fn without_session(self) -> Self {
        let mut request = self;
        request.as_object_mut().unwrap().remove("widget_session_id");
        request
    }
}

#[test]
fn every_file_of_the_manifest_is_held_against_the_sandbox() {
    let this = concat!(
        include_str!("samples.rs"),
        include_str!("operations.rs"),
        include_str!("refusals.rs"),
        include_str!("page.rs")
    );
    let manifest = sample("manifest");
    let files: BTreeSet<String> = manifest["fixtures"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["file"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(files.len(), 80);
    for file in &files {
        let name = file.trim_end_matches(".json");
        let short = ["widget_event_", "widget_init_request_"]
            .iter()
            .find_map(|prefix| name.strip_prefix(prefix));
        let quoted = |name: &str| this.contains(&format!("\"{name}\""));
        assert!(
            quoted(name) || short.is_some_and(quoted),
            "{name} is not used"
        );
    }
    let mut there: BTreeSet<String> = std::fs::read_dir(crate::support::FOLDER)
        .unwrap()
        .map(|file| file.unwrap().file_name().into_string().unwrap())
        .collect();
    there.remove("manifest.json");
    assert_eq!(there, files);
}

#[tokio::test]
async fn paths_are_those_of_the_manifest() {
    let merchant = at_the_second_authorization().await;
    merchant.capture(900_002, json!(2000.1)).await.done();
    let manifest = sample("manifest");
    for fixture in manifest["fixtures"].as_array().unwrap() {
        let Some(path) = fixture["path"].as_str() else {
            continue;
        };
        let path = path.trim_start_matches('/');
        let call = Call::post(path, &merchant.token, &json!({ "nothing": "that fits" }));
        let answer = merchant.ask(call).await;
        // There, and its inputs were looked at.
        assert_ne!(answer.http, 404, "{path} {answer:?}");
        assert!([400, 409].contains(&answer.http), "{path} {answer:?}");
    }
}

#[tokio::test]
async fn tokens_are_as_in_their_samples() {
    let merchant = Merchant::open().await;
    let form = |name: &str| -> String {
        let fields = sample(name);
        let fields = fields.as_object().unwrap().iter();
        let fields = fields.map(|(name, value)| format!("{name}={}", value.as_str().unwrap()));
        fields.collect::<Vec<_>>().join("&")
    };
    let asked = form("oauth_token_request_form");
    let first = merchant.token_answer(&asked).await;
    let refresh = first.body["refresh_token"].as_str().unwrap().to_owned();
    hold(first, "oauth_token_response");
    let placeholder = "0000000000000000000000000000000000000002";
    let again = form("oauth_token_refresh_request_form").replace(placeholder, &refresh);
    hold(merchant.token_answer(&again).await, "oauth_token_response");
    merchant.set(|it| it.token = FlexitiTokenForm::Minimal);
    hold(
        merchant.token_answer(&asked).await,
        "oauth_token_response_minimal",
    );
    let wrong = asked.replace("placeholder-secret", "another");
    hold_error(&merchant.token_answer(&wrong).await, "error_invalid_client");
    merchant.set(|it| it.errors = FlexitiErrorForm::CodeDescription);
    let answer = merchant.token_answer(&wrong).await;
    let (told, shown) = (answer.body, sample("error_code_description_shape"));
    assert_eq!(
        (&told["code"], &told["error"]),
        (&shown["code"], &shown["error"])
    );
    assert!(told["error_description"].is_string());
}

#[tokio::test]
async fn the_widget_is_opened_as_in_its_samples() {
    let merchant = Merchant::open().await;
    let token = merchant.fresh_token("customer").await;
    let path = format!("{OLD}/widget/init");
    for name in ["account", "vcc", "personal"] {
        let body = sample(&format!("widget_init_request_{name}"));
        let answer = merchant.ask(Call::post(&path, &token, &body)).await;
        hold(answer, "widget_init_response");
    }
    let shape = |url: &str| -> (Vec<String>, Vec<String>) {
        let (_, fragment) = url.split_once('#').unwrap();
        let (path, query) = fragment.split_once('?').unwrap();
        let names = query
            .split('&')
            .map(|pair| pair.split('=').next().unwrap().to_owned());
        let path = path.split('/').take(3).map(str::to_owned);
        (path.collect(), names.collect())
    };
    let body = sample("widget_init_request_account");
    let answer = merchant.ask(Call::post(&path, &token, &body)).await.done();
    let shown = sample("widget_init_response");
    let url = |value: &Value| value["redirection_url"].as_str().unwrap().to_owned();
    assert_eq!(shape(&url(&answer)), shape(&url(&shown)));
}

#[tokio::test]
async fn plans_are_as_in_their_sample() {
    let merchant = Merchant::open().await;
    let path = format!("{NEW}/accounts/10000001/calculate-interest");
    let answer = merchant
        .post(&path, &sample("calculate_interest_request"))
        .await;
    let months = &answer.body["promotional_purchase"][0]["terms"][0];
    assert_eq!(months["term_amount"], 171.56, "computed, and the sample's");
    hold(answer, "calculate_interest_response");
}

#[tokio::test]
async fn authorizations_are_as_in_their_samples() {
    let merchant = Merchant::open().await;
    let online = sample("authorization_request_online").without_session();
    hold(
        merchant.authorize(online).await,
        "authorization_response_auto_capture",
    );
    let preauth = sample("authorization_request_online_preauth").without_session();
    hold(
        merchant.authorize(preauth).await,
        "authorization_response_preauth",
    );
    let regular = sample("authorization_request_online_regular").without_session();
    let answer = merchant.authorize(regular).await.done();
    let option = json!({ "transaction_type": "regular_purchase" });
    assert_eq!(answer["financing_option"], option);
    let path = format!("{NEW}/authorization?lang=en");
    let in_store = sample("authorization_request_instore");
    let answer = merchant.post(&path, &in_store).await.done();
    let expected = changed(
        sample("authorization_response_auto_capture"),
        json!({ "authorization_id": 900_004 }),
    );
    let capture = changed(
        expected["capture"].clone(),
        json!({ "capture_id": 700_003 }),
    );
    let expected = changed(expected, json!({ "capture": capture }));
    assert_eq!(plain(&answer), plain(&expected));
}

#[tokio::test]
async fn the_life_of_a_hold_is_as_in_its_samples() {
    let merchant = at_the_second_authorization().await;
    let post = async |rest: &str, name: &str| {
        let path = format!("{OLD}/authorization/900002/{rest}?lang=en");
        merchant.post(&path, &sample(name)).await
    };
    let read = format!("{NEW}/authorization/900002?lang=en");
    let request = sample("authorization_get_request");
    assert!(
        request["path"]
            .as_str()
            .unwrap()
            .ends_with("/authorization/900002")
    );
    hold(post("capture", "capture_request").await, "capture_response");
    hold(
        post("release", "release_request_partial").await,
        "release_response_partial",
    );
    let returned = post("capture/700002/return", "return_request_partial").await;
    hold(returned, "return_response");
    hold(
        merchant.get(&read).await,
        "authorization_get_response_opened",
    );
    merchant.set(|it| {
        it.numbers_as_text = true;
        it.capital_status = true;
        it.rates = FlexitiRatesForm::List;
        it.null_lists = true;
        it.unknown_fields = true;
        it.merchant_zero = true;
    });
    hold(merchant.get(&read).await, "quirk_strings_nulls_unknown");
    merchant.set(|_| {});
    hold(
        post("capture", "capture_request_sku").await,
        "capture_response_second",
    );
    hold(
        post("release", "release_request_full").await,
        "release_response_full",
    );
    hold(
        merchant.get(&read).await,
        "authorization_get_response_closed",
    );
    let at_once = format!("{NEW}/authorization/900001");
    hold(
        merchant.get(&at_once).await,
        "authorization_get_response_auto_capture",
    );
}

#[tokio::test]
async fn what_is_sent_in_store_or_with_a_basket_is_taken_too() {
    let merchant = at_the_second_authorization().await;
    for (rest, name) in [
        ("capture", "capture_request_instore"),
        ("release", "release_request_instore"),
        ("capture/700002/return", "return_request_instore"),
        ("capture/700002/return", "return_request_partial_sku"),
        ("capture/700002/return", "return_request_full"),
    ] {
        let path = format!("{OLD}/authorization/900002/{rest}");
        merchant.post(&path, &sample(name)).await.done();
    }
    let path = format!("{NEW}/transactions?lang=en");
    for name in [
        "deposit_request_account",
        "deposit_request_vcc",
        "deposit_request_customer",
    ] {
        hold(
            merchant.post(&path, &sample(name)).await,
            "deposit_response_undocumented",
        );
    }
    let regular = sample("authorization_request_online_regular").without_session();
    merchant.authorize(regular).await.done();
    let path = format!("{OLD}/accounts/10000001/refund");
    // With everything that can be named, the sample's capture among it.
    let capture = merchant
        .sandbox
        .ledger()
        .flexiti
        .captures
        .pop()
        .unwrap()
        .capture_id;
    let full = changed(
        sample("refund_request_full"),
        json!({ "capture_id": capture }),
    );
    hold(merchant.post(&path, &full).await, "refund_response");
    for name in ["refund_request", "refund_request_instore"] {
        // Of what was brought and what was refunded too little is left.
        merchant
            .change_account(10_000_001, json!({ "balance_minor": 5_012 }))
            .await;
        hold(merchant.post(&path, &sample(name)).await, "refund_response");
    }
    merchant.set(|it| it.empty_bodies = true);
    merchant
        .change_account(10_000_001, json!({ "balance_minor": 5_012 }))
        .await;
    let call = Call::post(&path, &merchant.token, &sample("refund_request"));
    let silent = merchant.send(call).await.unwrap();
    assert_eq!(silent.status().as_u16(), 200);
    assert_eq!(silent.text().await.unwrap(), "");
}

#[tokio::test]
async fn lists_are_as_in_their_samples() {
    let merchant = Merchant::open().await;
    let empty = merchant.list("page_number=1&lang=en").await;
    hold(empty, "authorizations_list_empty");
    let merchant = at_the_second_authorization().await;
    // Past the second that capturing at once takes.
    merchant
        .sandbox
        .move_clock(std::time::Duration::from_secs(5));
    let post = async |rest: &str, name: &str| {
        let path = format!("{OLD}/authorization/900002/{rest}");
        merchant.post(&path, &sample(name)).await.done()
    };
    post("capture", "capture_request").await;
    post("release", "release_request_partial").await;
    post("capture/700002/return", "return_request_partial").await;
    post("capture", "capture_request_sku").await;
    post("release", "release_request_full").await;
    merchant.held(250).await;
    merchant.set(|it| it.public_url = Some(String::from("https://flexiti.example")));
    for (number, name) in [
        (1, "authorizations_list_page1"),
        (2, "authorizations_list_page2"),
    ] {
        let query = format!("lang=en&page_size=2&page_number={number}");
        hold(merchant.list(&query).await, name);
    }
    let named = |it: &mut ventanilla_sandbox::FlexitiOptions| {
        it.public_url = Some(String::from("https://flexiti.example"));
        it.link_names = FlexitiLinkNames::PageUrl;
    };
    merchant.set(named);
    let page = merchant.list("lang=en&page_size=2&page_number=1").await;
    hold(page, "authorizations_list_table_names");
    let query = |name: &str, without: &[&str]| -> String {
        let sample = sample(name);
        let query = sample["query"].as_object().unwrap().iter();
        let query = query.filter(|(name, _)| !without.contains(&name.as_str()));
        let query = query.map(|(name, value)| format!("{name}={}", value.as_str().unwrap()));
        query.collect::<Vec<_>>().join("&")
    };
    let narrowed = query("authorizations_list_request", &[]);
    let found = merchant.list(&narrowed).await.done();
    assert_eq!(found["authorizations"][0]["authorization_id"], 900_003);
    assert_eq!(found["count"], 1, "the only one that is open");
    let captures = |query: String| format!("{NEW}/captures?{query}");
    // The capture of the hold that was captured at once is in no sample.
    let flat = merchant.get(&captures(String::from("page_number=1"))).await;
    let mut told = flat.done();
    told["captures"].as_array_mut().unwrap().pop();
    let told = changed(
        told,
        json!({
            "count": 2, "next_url": Value::Null, "previous_url": Value::Null,
        }),
    );
    let renamed = changed(
        sample("captures_list_flat"),
        json!({
            "next_page_url": Value::Null, "previous_page_url": Value::Null,
        }),
    );
    let links = [
        "next_url",
        "previous_url",
        "next_page_url",
        "previous_page_url",
    ];
    assert_eq!(without(&told, &links), without(&renamed, &links));
    merchant.set(|it| {
        named(it);
        it.captures = FlexitiCapturesForm::Wrapped;
    });
    // The sample of the answer is of a page of a hundred.
    let one = query("captures_list_request", &["page_size"]);
    hold(merchant.get(&captures(one)).await, "captures_list_wrapped");
}

fn without(value: &Value, names: &[&str]) -> Value {
    let mut value = plain(value);
    for name in names {
        value.as_object_mut().unwrap().remove(*name);
    }
    value
}

#[tokio::test]
async fn errors_are_as_in_their_samples() {
    let merchant = at_the_second_authorization().await;
    let path = format!("{NEW}/authorization");
    let in_store = |changes: Value| changed(sample("authorization_request_instore"), changes);
    let authorize = async |changes: Value| merchant.post(&path, &in_store(changes)).await;
    let cut = changed(
        sample("authorization_request_instore")["billing_information"].clone(),
        json!({ "postal_code": "A1A" }),
    );
    let answer = authorize(json!({ "billing_information": cut })).await;
    hold_error(&answer, "error_wrong_inputs");
    merchant.set(|it| it.errors = FlexitiErrorForm::ErrorFields);
    let answer = authorize(json!({ "amount": null })).await;
    hold_error(&answer, "error_wrong_inputs_alt");
    merchant.set(|_| {});
    hold_error(
        &authorize(json!({ "amount": 99_999 })).await,
        "error_credit_exceeded",
    );
    let answer = authorize(json!({ "verification_code": 1 })).await;
    hold_error(&answer, "error_not_verified");
    let (session, token) = merchant.session(10_000_001).await;
    let request = changed(
        sample("authorization_request_online"),
        json!({ "widget_session_id": session }),
    );
    let answer = merchant.ask(Call::post(&path, &token, &request)).await;
    hold_error(&answer, "error_customer_identity_not_found");
    let plan = json!({ "transaction_type": "promotional_purchase", "plan_id": 9, "term": 6 });
    let answer = authorize(json!({ "financing_option": plan })).await;
    hold_error(&answer, "error_plan_term_not_available");
    merchant
        .change_account(10_000_001, json!({ "status": "NFRZ" }))
        .await;
    hold_error(
        &authorize(json!({})).await,
        "error_user_not_able_to_purchase",
    );
    merchant
        .change_account(10_000_001, json!({ "status": "NNOR" }))
        .await;
    let ended = merchant.capture(900_001, json!(1)).await;
    hold_error(&ended, "error_authorization_ended");
    let exceeded = merchant.capture(900_002, json!(5000.01)).await;
    hold_error(&exceeded, "error_auth_amount_exceeded");
    let exceeded = merchant
        .give_back(900_001, 700_001, Some(json!(1000.01)))
        .await;
    hold_error(&exceeded, "error_capture_amount_exceeded");
    let regular = sample("authorization_request_online_regular").without_session();
    merchant.authorize(regular).await.done();
    let wrong = merchant.give_back(900_003, 700_002, None).await;
    hold_error(&wrong, "error_wrong_transaction_type");
    let refused = merchant.refund(10_000_001, json!(150.01)).await;
    hold_error(&refused, "error_refunds_limit_exceeded_amount");
    hold_error(&merchant.read(1).await, "error_not_found");
    let read = format!("{NEW}/authorization/900001");
    let nobody = merchant.ask(Call::get(&read, "0")).await;
    hold_error(&nobody, "error_invalid_token");
    let customer = merchant.ask(Call::get(&read, &token)).await;
    hold_error(&customer, "error_insufficient_scope");
    merchant
        .arm(json!({ "operation": "flexiti_authorization", "kind": "status_error" }))
        .await;
    hold_error(&merchant.get(&read).await, "error_general_error");
    merchant.set(|it| it.return_window_days = 0);
    merchant
        .sandbox
        .move_clock(std::time::Duration::from_secs(60));
    let late = merchant.give_back(900_001, 700_001, None).await;
    hold_error(&late, "error_return_date_exceeded");
}
