//! Every sample of `tests/fixtures/flux` is what the sandbox answers. Error codes and texts are invented
//! there, and those of fluxqr.dev here, so of errors the shape and the HTTP status are held.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use ventanilla_sandbox::{
    FluxCredentials, FluxErrorNesting, FluxExpiresIn, FluxOptions, FluxRefundType, SandboxOptions,
};

use crate::support::{Answer, FOLDER, Merchant, Sample};

/// Every path through a body that ends in a value, and the kind of the value.
fn shape(value: &Value, path: &str, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                shape(value, &format!("{path}/{name}"), found);
            }
        }
        value => {
            let kind = match value {
                Value::String(_) => "text",
                Value::Number(_) => "number",
                _ => "other",
            };
            found.insert(format!("{path} {kind}"));
        }
    }
}

/// Holds shape and HTTP status of an answer against a sample, and the values but for those named.
fn hold(answer: &Answer, sample: &Sample, name: &str, but: &[&str]) {
    let (body, http) = sample.response(name);
    assert_eq!(answer.http, http, "{name}: {answer:?}");
    let of = |value: &Value| {
        let mut found = BTreeSet::new();
        shape(value, "", &mut found);
        found
    };
    assert_eq!(of(&answer.body), of(&body), "{name}");
    if let Some(fields) = body["data"].as_object() {
        for (field, value) in fields.iter().filter(|(field, _)| !but.contains(&&***field)) {
            assert_eq!(&answer.body["data"][field], value, "{name} {field}");
        }
    }
}

/// What no two answers share.
const DRAWN: [&str; 2] = ["date", "authorization"];

async fn merchant(change: impl FnOnce(&mut FluxOptions)) -> Merchant {
    let request = Sample::read("auth_refresh_token").request("ok");
    let mut flux = FluxOptions::default();
    change(&mut flux);
    Merchant::start(SandboxOptions {
        flux,
        flux_credentials: FluxCredentials {
            refresh_token: request["refreshToken"].as_str().unwrap().to_owned(),
        },
        ..SandboxOptions::default()
    })
    .await
}

/// The payment of the samples, with a code that pays.
async fn paid(merchant: &Merchant) -> Answer {
    let mut charge = Sample::read("payments_create").request("with-tip");
    charge["qr"] = merchant.charge("")["qr"].clone();
    merchant.pay(&charge).await
}

#[tokio::test]
async fn tokens_come_in_every_form_of_the_sample() {
    let sample = Sample::read("auth_refresh_token");
    for (name, expires_in) in [
        ("ok-seconds", FluxExpiresIn::Seconds),
        ("ok-milliseconds", FluxExpiresIn::Milliseconds),
        ("ok-text", FluxExpiresIn::Text),
    ] {
        let merchant = merchant(|options| options.expires_in = expires_in).await;
        let answer = merchant.ask_for_token(&sample.request("ok")).await;
        hold(&answer, &sample, name, &["accessToken"]);
    }
    let merchant = merchant(|options| options.expires_in = FluxExpiresIn::EpochSeconds).await;
    let answer = merchant.ask_for_token(&sample.request("ok")).await;
    hold(&answer, &sample, "ok-epoch", &["accessToken", "expiresIn"]);
}

#[tokio::test]
async fn a_payment_and_its_look_up_are_the_samples() {
    let merchant = merchant(|_| {}).await;
    hold(
        &paid(&merchant).await,
        &Sample::read("payments_create"),
        "ok",
        &DRAWN,
    );
    let found = merchant.look_up("mesa12-0001").await;
    hold(&found, &Sample::read("transactions_detail"), "ok", &DRAWN);
    let mut without = Sample::read("payments_create").request("no-tip");
    without["qr"] = merchant.charge("")["qr"].clone();
    let told = merchant.pay(&without).await;
    assert_eq!(
        (&told.data()["tip"], &told.data()["table"]),
        (&json!(0), &json!(""))
    );
}

#[tokio::test]
async fn odd_payments_are_the_samples() {
    let sample = Sample::read("payments_create");
    let other = merchant(|options| options.issuer = String::from("otra-billetera")).await;
    hold(&paid(&other).await, &sample, "ok-other-issuer", &DRAWN);
    let merchant = merchant(|_| {}).await;
    merchant
        .arm(json!({ "operation": "flux_pay", "kind": "other_status" }))
        .await;
    hold(&paid(&merchant).await, &sample, "ok-other-status", &DRAWN);
    // In the sample the total is too low.
    merchant
        .arm(json!({ "operation": "flux_transaction", "kind": "wrong_total" }))
        .await;
    let found = merchant.look_up("mesa12-0001").await;
    hold(
        &found,
        &sample,
        "ok-total-mismatch",
        &["date", "authorization", "total"],
    );
    assert_eq!(found.data()["total"], 27_600);
}

#[tokio::test]
async fn refunds_are_the_samples() {
    let sample = Sample::read("payments_refund");
    for (name, refund_type) in [
        ("ok-as-documented", FluxRefundType::Payment),
        ("ok-type-refund", FluxRefundType::Refund),
    ] {
        let merchant = merchant(|options| {
            options.refund_type = refund_type;
            options.shows_refunds = true;
        })
        .await;
        paid(&merchant).await.data();
        let path = "payments/mesa12-0001/refund";
        let body = sample.request("full");
        let answer = merchant
            .ask("POST", path, &merchant.token, Some(&body))
            .await;
        hold(&answer, &sample, name, &DRAWN);
        let found = merchant.look_up("mesa12-0001").await;
        hold(
            &found,
            &Sample::read("transactions_detail"),
            "ok-refunded",
            &DRAWN,
        );
    }
    let merchant = merchant(|_| {}).await;
    paid(&merchant).await.data();
    let path = "payments/mesa12-0001/refund";
    let body = sample.request("partial");
    let answer = merchant
        .ask("POST", path, &merchant.token, Some(&body))
        .await;
    assert_eq!(answer.data()["total"], 10_000);
}

#[tokio::test]
async fn what_is_to_be_refused_before_it_is_sent_is_refused_here_too() {
    let merchant = merchant(|_| {}).await;
    let sample = Sample::read("payments_create");
    for request in sample.0["requests"].as_array().unwrap() {
        if request["expect"].is_null() {
            continue;
        }
        let answer = merchant.pay(&request["body"]).await;
        hold(&answer, &sample, "bad-request", &[]);
    }
}

#[tokio::test]
async fn errors_have_the_shapes_of_the_samples() {
    for (file, _) in HELD {
        let sample = Sample::read(file);
        let method = sample.0["method"].as_str().unwrap();
        let path = sample.0["path"].as_str().unwrap();
        let path = path.replace("{reference}", "nadie");
        let body = json!({});
        let body = (method == "POST").then_some(&body);
        for (name, nesting) in [
            ("bad-request", FluxErrorNesting::Two),
            ("single-nesting", FluxErrorNesting::One),
        ] {
            let merchant = merchant(|options| options.error_nesting = nesting).await;
            let token = if sample.0["auth"] == true {
                merchant.token.clone()
            } else {
                String::new()
            };
            let answer = merchant.ask(method, &path, &token, body).await;
            hold(&answer, &sample, name, &[]);
        }
        if sample.0["auth"] == true {
            let merchant = merchant(|_| {}).await;
            let answer = merchant.ask(method, &path, "VENCIDO", body).await;
            hold(&answer, &sample, "unauthorized", &[]);
            let options = FluxOptions {
                allowed: false,
                ..FluxOptions::default()
            };
            merchant.sandbox.set_flux(options).unwrap();
            let answer = merchant.ask(method, &path, &merchant.token, body).await;
            hold(&answer, &sample, "forbidden", &[]);
        }
    }
}

#[tokio::test]
async fn a_look_up_of_nothing_and_one_that_fails_are_the_samples() {
    let sample = Sample::read("transactions_detail");
    for (name, status) in [("unknown-reference", 400), ("unknown-reference-404", 404)] {
        let merchant = merchant(|options| options.unknown_reference_status = status).await;
        hold(&merchant.look_up("nadie").await, &sample, name, &[]);
    }
    let merchant = merchant(|_| {}).await;
    merchant
        .arm(json!({ "operation": "flux_transaction", "kind": "read_fails" }))
        .await;
    hold(
        &merchant.look_up("nadie").await,
        &sample,
        "server-error",
        &[],
    );
}

/// What is held here of each file, beside the errors that all have.
const HELD: [(&str, &[&str]); 4] = [
    (
        "auth_refresh_token",
        &["ok-seconds", "ok-milliseconds", "ok-epoch", "ok-text"],
    ),
    (
        "payments_create",
        &[
            "ok",
            "ok-total-mismatch",
            "ok-other-issuer",
            "ok-other-status",
        ],
    ),
    ("payments_refund", &["ok-as-documented", "ok-type-refund"]),
    (
        "transactions_detail",
        &[
            "ok",
            "ok-refunded",
            "unknown-reference",
            "unknown-reference-404",
        ],
    ),
];

/// For clients to be tried with: a field of tomorrow, no answer at all, a reverse proxy's page, and a 500,
/// which comes as such a page here but for a read.
const NOT_HELD: [&str; 4] = ["ok-extra-fields", "timeout", "not-json", "server-error"];

#[test]
fn no_sample_is_left_out() {
    let files: BTreeSet<String> = std::fs::read_dir(FOLDER)
        .unwrap()
        .map(|file| file.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(files.len(), HELD.len());
    for (file, held) in HELD {
        let sample = Sample::read(file);
        let shared = ["bad-request", "single-nesting", "unauthorized", "forbidden"];
        let names: BTreeSet<&str> = sample.0["responses"]
            .as_array()
            .unwrap()
            .iter()
            .filter_map(|response| response["name"].as_str())
            .filter(|name| !shared.contains(name) && !NOT_HELD.contains(name))
            .collect();
        assert_eq!(names, held.iter().copied().collect(), "{file}");
    }
}
