//! What an answer proves, beyond the fixtures.

use serde_json::{Value, json};
use ventanilla_providers::flux::{Client, Decline, Payment, Refund, RefundOrder, TransactionRead};
use ventanilla_providers::{Cause, Outcome};

use crate::given::{Done, Way, client, pesos, refund_order};
use crate::provider::{Provider, Script};

fn error(code: &str) -> String {
    json!({ "error": { "error": { "code": code, "message": "texto" } } }).to_string()
}

async fn scripted() -> (Provider, Script, Client) {
    let (provider, script) = Provider::scripted().await;
    let client = client(&provider.url);
    (provider, script, client)
}

#[tokio::test]
async fn nothing_but_everything_proves_a_payment() {
    let (_provider, script, client) = scripted().await;
    for (field, value, cause) in [
        ("reference", json!("otra"), Cause::Reference),
        ("reference", Value::Null, Cause::Reference),
        ("reference", json!("MESA12-0001"), Cause::Reference),
        ("status", json!("OK"), Cause::NotFinal),
        ("status", json!(""), Cause::NotFinal),
        ("status", Value::Null, Cause::Shape("status")),
        ("status", json!(true), Cause::Shape("status")),
        ("type", json!("refund"), Cause::Shape("type")),
        ("type", json!(1), Cause::Shape("type")),
        ("amount", json!(25_001), Cause::Amount),
        ("amount", json!(250), Cause::Amount),
        ("amount", json!(25_000.5), Cause::Amount),
        ("amount", json!("25000.00"), Cause::Amount),
        ("amount", json!(-25_000), Cause::Amount),
        ("amount", Value::Null, Cause::Amount),
        ("tip", json!(0), Cause::Amount),
        ("tip", Value::Null, Cause::Amount),
        ("total", json!(25_000), Cause::Total),
        ("total", json!(27_501), Cause::Total),
        ("total", Value::Null, Cause::Amount),
    ] {
        let mut body: Value = serde_json::from_str(&Way::Pay.done()).unwrap();
        body["data"][field] = value.clone();
        script.say(200, &body.to_string());
        let outcome = Way::Pay.call(&client).await;
        assert!(
            matches!(outcome, Outcome::Unknown(found) if found == cause),
            "{field} {value}: {outcome:?}"
        );
    }
    for (http_status, body, cause) in [
        (200, "", Cause::NotJson),
        (200, "{", Cause::NotJson),
        (200, "[]", Cause::Shape("body")),
        (200, "{}", Cause::Shape("data")),
        (200, r#"{"data":null}"#, Cause::Shape("data")),
        (200, r#"{"data":[]}"#, Cause::Shape("data")),
        (200, &error("ERR_QR_EXPIRED"), Cause::UnknownError),
        (400, &Way::Pay.done(), Cause::Contradiction),
        (401, &Way::Pay.done(), Cause::Contradiction),
        (500, &Way::Pay.done(), Cause::HttpStatus(500)),
        (502, &Way::Pay.done(), Cause::HttpStatus(502)),
        (202, &Way::Pay.done(), Cause::Contradiction),
    ] {
        script.say(http_status, body);
        let outcome = Way::Pay.call(&client).await;
        assert!(
            matches!(outcome, Outcome::Unknown(found) if found == cause),
            "{http_status} {body}: {outcome:?}"
        );
    }
}

#[tokio::test]
async fn an_answer_with_data_and_an_error_is_neither() {
    let (_provider, script, client) = scripted().await;
    let mut body: Value = serde_json::from_str(&Way::Pay.done()).unwrap();
    body["error"] = json!({ "error": { "code": "ERR_QR_EXPIRED" } });
    for http_status in [200, 400] {
        script.say(http_status, &body.to_string());
        for way in Way::ALL {
            let outcome = way.call(&client).await;
            assert!(
                matches!(outcome, Outcome::Unknown(Cause::Contradiction)),
                "{way:?} {http_status}: {outcome:?}"
            );
        }
    }
}

#[tokio::test]
async fn a_listed_refusal_is_a_decline_at_either_depth_and_with_any_4xx() {
    let (_provider, script, client) = scripted().await;
    for reason in Decline::ALL {
        let shallow = json!({ "error": { "code": reason.code(), "message": "texto" } });
        for (http_status, body) in [
            (400, error(reason.code())),
            (403, error(reason.code())),
            (409, error(reason.code())),
            (422, shallow.to_string()),
        ] {
            script.say(http_status, &body);
            let outcome = Way::Pay.call(&client).await;
            assert!(
                matches!(&outcome, Outcome::Definite(Done::Pay(Payment::Declined(found))) if *found == reason),
                "{http_status} {body}: {outcome:?}"
            );
            let outcome = Way::Refund.call(&client).await;
            assert!(
                matches!(&outcome, Outcome::Definite(Done::Refund(Refund::Refused(code))) if *code == reason.code()),
                "{http_status} {body}: {outcome:?}"
            );
        }
        for http_status in [200, 202, 302, 429, 500, 503] {
            script.say(http_status, &error(reason.code()));
            let outcome = Way::Pay.call(&client).await;
            assert!(
                matches!(outcome, Outcome::Unknown(_)),
                "{http_status}: {outcome:?}"
            );
        }
    }
}

#[tokio::test]
async fn a_reference_that_is_taken_is_unknown_until_it_is_read() {
    let (_provider, script, client) = scripted().await;
    for http_status in [400, 403, 409] {
        script.say(http_status, &error("ERR_REFERENCE_ALREADY_EXISTS"));
        for way in Way::MONEY {
            let outcome = way.call(&client).await;
            assert!(
                matches!(outcome, Outcome::Unknown(Cause::ReferenceTaken)),
                "{way:?} {http_status}: {outcome:?}"
            );
        }
    }
}

#[tokio::test]
async fn a_code_that_is_not_listed_says_that_nothing_was_done() {
    let (_provider, script, client) = scripted().await;
    for (http_status, code, cause) in [
        (400, "ERR_BAD_REQUEST", Cause::Validation),
        (400, "ERR_UNAUTHORIZED", Cause::Credentials),
        (400, "ERR_FORBIDDEN", Cause::Credentials),
        (400, "ERR_DE_MAÑANA", Cause::UnknownError),
        (401, "ERR_UNAUTHORIZED", Cause::Credentials),
        (403, "ERR_DE_MAÑANA", Cause::Credentials),
    ] {
        script.say(http_status, &error(code));
        for way in Way::ALL {
            let outcome = way.call(&client).await;
            assert!(
                matches!(outcome, Outcome::Rejected(found) if found == cause),
                "{way:?} {http_status} {code}: {outcome:?}"
            );
        }
    }
    for http_status in [404, 409, 418, 422] {
        script.say(http_status, &error("ERR_DE_MAÑANA"));
        for way in Way::MONEY {
            let outcome = way.call(&client).await;
            assert!(
                matches!(outcome, Outcome::Unknown(Cause::HttpStatus(found)) if found == http_status),
                "{way:?} {http_status}: {outcome:?}"
            );
        }
    }
}

#[tokio::test]
async fn an_error_that_cannot_be_read_proves_nothing() {
    let (_provider, script, client) = scripted().await;
    for body in [
        "",
        "{}",
        "<html>",
        r#"{"error":"no"}"#,
        r#"{"error":{}}"#,
        r#"{"error":{"code":400}}"#,
        r#"{"error":{"code":""}}"#,
        r#"{"error":{"error":{"message":"x"}}}"#,
        r#"{"error":[{"code":"ERR_QR_EXPIRED"}]}"#,
        r#"{"error":{"code":"ERR_QR_EXPIRED","error":{"code":"ERR_BANK_REFUSAL"}}}"#,
        r#"{"error":{"error":{"error":{"code":"ERR_QR_EXPIRED"}}}}"#,
        r#"[{"error":{"code":"ERR_QR_EXPIRED"}}]"#,
    ] {
        for http_status in [400, 401, 403, 404] {
            script.say(http_status, body);
            for way in Way::ALL {
                let outcome = way.call(&client).await;
                assert!(
                    matches!(outcome, Outcome::Unknown(_)),
                    "{way:?} {http_status} {body}: {outcome:?}"
                );
            }
        }
    }
}

#[tokio::test]
async fn a_refund_that_is_told_with_the_payments_amount_is_not_believed() {
    let (_provider, script, client) = scripted().await;
    // As the sample of a refund is that of the payment: all of it may be given back, a part may not.
    script.say(200, &Way::Pay.done());
    let outcome = client.refund(&refund_order()).await;
    assert!(
        matches!(outcome, Outcome::Definite(Refund::Done(_))),
        "{outcome:?}"
    );
    let part = RefundOrder {
        amount: pesos(10_000),
        ..refund_order()
    };
    let outcome = client.refund(&part).await;
    assert!(
        matches!(outcome, Outcome::Unknown(Cause::Amount)),
        "{outcome:?}"
    );
    script.say(200, &Way::Pay.done().replace("25000", "24999"));
    let outcome = client.refund(&refund_order()).await;
    assert!(
        matches!(outcome, Outcome::Unknown(Cause::Total)),
        "{outcome:?}"
    );
}

#[tokio::test]
async fn a_look_up_finds_nothing_with_404_or_the_listed_code_only() {
    let (_provider, script, client) = scripted().await;
    for (http_status, code, found) in [
        (404, "ERR_NOT_FOUND", true),
        (404, "ERR_DE_MAÑANA", true),
        (400, "ERR_NOT_FOUND", true),
        (400, "ERR_BAD_REQUEST", false),
        (403, "ERR_NOT_FOUND", false),
        (409, "ERR_NOT_FOUND", false),
        (500, "ERR_NOT_FOUND", false),
        (200, "ERR_NOT_FOUND", false),
    ] {
        script.say(http_status, &error(code));
        let outcome = Way::Transaction.call(&client).await;
        let is_absent = matches!(
            outcome,
            Outcome::Definite(Done::Transaction(TransactionRead::NotFound))
        );
        assert_eq!(is_absent, found, "{http_status} {code}: {outcome:?}");
    }
}

#[tokio::test]
async fn what_is_found_in_another_state_is_told_in_tame_words() {
    let (_provider, script, client) = scripted().await;
    let body = Way::Transaction.done().replace(
        r#""ok""#,
        r#""<b>pendiente de revisión por el área de riesgos""#,
    );
    script.say(200, &body);
    let outcome = Way::Transaction.call(&client).await;
    let Outcome::Definite(Done::Transaction(TransactionRead::Other { status, kind })) = outcome
    else {
        panic!("{outcome:?}");
    };
    assert_eq!(
        (&*status, &*kind),
        ("?b?pendiente de revisi?n por el ", "payment")
    );
}

#[tokio::test]
async fn a_probe_is_answered_by_a_provider_that_takes_the_credentials() {
    let (_provider, script, client) = scripted().await;
    for (http_status, body) in [
        (404, error("ERR_NOT_FOUND")),
        (400, error("ERR_NOT_FOUND")),
        (400, error("ERR_DE_MAÑANA")),
    ] {
        script.say(http_status, &body);
        let outcome = client.probe().await;
        assert!(
            matches!(outcome, Outcome::Definite(())),
            "{body}: {outcome:?}"
        );
    }
    script.say(403, &error("ERR_FORBIDDEN"));
    let outcome = client.probe().await;
    assert!(
        matches!(outcome, Outcome::Rejected(Cause::Credentials)),
        "{outcome:?}"
    );
    script.say(503, "");
    let outcome = client.probe().await;
    assert!(
        matches!(outcome, Outcome::Unknown(Cause::HttpStatus(503))),
        "{outcome:?}"
    );
}
