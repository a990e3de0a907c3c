//! The answers to void, refund and capture, by changing one thing in a documented answer.

use serde_json::{Value, json};
use ventanilla_providers::greenpay::{OperationAnswer, StateChange, status};
use ventanilla_providers::{Cause, Outcome};

use crate::given::{REFERENCE, fixture_json};

const DONE: [(&str, &str, StateChange); 3] = [
    ("void_done", "void", StateChange::Voided),
    ("refund_done", "refund", StateChange::Refunded),
    ("capture_done", "capture", StateChange::Captured),
];

fn changed(name: &str, change: impl FnOnce(&mut Value)) -> String {
    let mut body = fixture_json(name)["body"].clone();
    change(&mut body);
    body.to_string()
}

fn remove(body: &mut Value, field: &str) {
    body.as_object_mut().unwrap().remove(field);
}

#[track_caller]
fn assert_done(body: &str, change: StateChange) {
    let outcome = status::operation(200, body, change, REFERENCE);
    assert!(
        matches!(outcome, Outcome::Definite(OperationAnswer::Done)),
        "{outcome:?}: {body}"
    );
}

#[track_caller]
fn assert_unknown(http_status: u16, body: &str, change: StateChange) -> Cause {
    let outcome = status::operation(http_status, body, change, REFERENCE);
    let Outcome::Unknown(cause) = outcome else {
        panic!("{change:?} {http_status} {outcome:?}: {body}");
    };
    cause
}

#[test]
fn an_operation_that_was_done_is_believed_only_whole() {
    for (name, _, change) in DONE {
        assert_done(&changed(name, |_| {}), change);
        for (spoil, cause) in [
            (
                (|b| remove(&mut b["result"], "orderReference")) as fn(&mut Value),
                Cause::Reference,
            ),
            (
                |b| b["result"]["orderReference"] = json!("another"),
                Cause::Reference,
            ),
            (
                |b| b["result"]["orderReference"] = json!([REFERENCE]),
                Cause::Reference,
            ),
            (|b| remove(b, "result"), Cause::Shape("result")),
            (
                |b| b["result"] = json!([REFERENCE, true, true, true]),
                Cause::Shape("result"),
            ),
            (|b| remove(b, "status"), Cause::Shape("status")),
            (|b| b["status"] = json!(200), Cause::Shape("status")),
            (|b| b["status"] = json!("success"), Cause::Shape("status")),
            (|b| b["status"] = json!("FAIL"), Cause::Contradiction),
            (|b| remove(b, "code"), Cause::Shape("status")),
            (|b| b["code"] = json!(201), Cause::Shape("status")),
            (|b| b["code"] = json!(500), Cause::Shape("status")),
            (|b| b["errors"] = json!(["?"]), Cause::Contradiction),
            (|b| b["errors"] = json!([7]), Cause::Contradiction),
        ] {
            let body = changed(name, spoil);
            assert_eq!(assert_unknown(200, &body, change), cause, "{body}");
        }
        for http_status in [202, 204, 301, 400, 404, 429, 500, 503] {
            let cause = assert_unknown(http_status, &changed(name, |_| {}), change);
            assert_eq!(cause, Cause::HttpStatus(http_status));
        }
    }
}

#[test]
fn an_operation_is_done_under_its_own_word_only() {
    for (name, word, change) in DONE {
        for (value, cause) in [
            (json!(false), Cause::Contradiction),
            (json!("true"), Cause::Shape(word)),
            (json!(1), Cause::Shape(word)),
        ] {
            let body = changed(name, |b| b["result"][word] = value);
            assert_eq!(assert_unknown(200, &body, change), cause, "{body}");
        }
        for (_, other, _) in DONE {
            if other != word {
                let body = changed(name, |b| b["result"][other] = json!(true));
                assert_eq!(assert_unknown(200, &body, change), Cause::Contradiction);
            }
        }
        // No document shows the answer to a capture, so its word may be missing.
        let wordless = changed(name, |b| remove(&mut b["result"], word));
        if change == StateChange::Captured {
            assert_done(&wordless, change);
        } else {
            assert_eq!(assert_unknown(200, &wordless, change), Cause::Shape(word));
        }
    }
}

#[test]
fn an_operation_survives_oddities_in_what_decides_nothing() {
    for (name, _, change) in DONE {
        for odd in [
            (|b| remove(b, "errors")) as fn(&mut Value),
            |b| b["errors"] = Value::Null,
            |b| b["code"] = json!("200"),
            |b| b["secret"] = json!("sandbox-secret"),
            |b| b["result"]["amount"] = json!({}),
            |b| b["brand"] = json!(7),
        ] {
            assert_done(&changed(name, odd), change);
        }
    }
}

#[test]
fn a_refusal_is_believed_only_in_the_documented_words_alone() {
    for (_, _, change) in DONE {
        for spoil in [
            (|b| b["errors"] = json!([])) as fn(&mut Value),
            |b| remove(b, "errors"),
            |b| b["errors"] = json!(["Transaction not found", "Timeout"]),
            |b| b["errors"] = json!(["Merchant not found"]),
            |b| b["errors"] = json!([7]),
            |b| b["errors"] = json!([{"success": true, "errors": ["Transaction not found"]}]),
            |b| b["code"] = json!(500),
            |b| b["code"] = json!(200),
            |b| remove(b, "code"),
            |b| b["status"] = json!("SUCCESS"),
            |b| b["status"] = json!(404),
            |b| b["result"] = json!({"orderReference": REFERENCE}),
            |b| b["authorization"] = json!("083215"),
            |b| b["orderId"] = json!(REFERENCE),
        ] {
            assert_unknown(200, &changed("void_not_found", spoil), change);
        }
        for spoil in [
            (|b| b["errors"][0]["success"] = json!(true)) as fn(&mut Value),
            |b| b["errors"][0]["success"] = json!("no"),
            |b| b["errors"][0]["result"] = json!({"void": true}),
            |b| b["errors"][0]["result"] = json!("done"),
            |b| b["errors"][0]["errors"][0] = json!(["transaction"]),
            |b| b["errors"][0]["errors"][0] = json!(["not ready for reversion"]),
            |b| b["errors"][0]["errors"][0] = json!(["refund", "not ready for reversion"]),
            |b| b["errors"][0]["errors"][0] = json!(["transaction", "not ready"]),
            |b| b["code"] = json!(404),
            |b| b["status"] = json!("SUCCESS"),
            |b| b["result"] = json!({"void": true}),
        ] {
            assert_unknown(200, &changed("void_too_late", spoil), change);
        }
    }
}

#[test]
fn a_refusal_may_come_under_its_own_code_as_http_status_and_under_no_other() {
    for (name, code) in [("void_not_found", 404), ("void_too_late", 500)] {
        let body = changed(name, |_| {});
        for http_status in [200, 201, code] {
            let outcome = status::operation(http_status, &body, StateChange::Voided, REFERENCE);
            assert!(
                matches!(outcome, Outcome::Definite(OperationAnswer::Refused { .. })),
                "{http_status}: {outcome:?}"
            );
        }
        for http_status in [202, 301, 400, 429, 502, 503, 504, 904 - code] {
            assert_unknown(http_status, &body, StateChange::Voided);
        }
    }
}

#[test]
fn what_refuses_another_call_proves_nothing_about_an_operation() {
    for text in [
        "Merchant doesn't exist",
        "Invalid token",
        "Session not found",
        "Invalid_pan",
    ] {
        let body = json!({"code": 500, "status": "FAIL", "result": {}, "errors": [text]});
        for (_, _, change) in DONE {
            let cause = assert_unknown(200, &body.to_string(), change);
            assert_eq!(cause, Cause::UnknownError, "{text}");
        }
    }
}

#[test]
fn a_closed_door_rejects_unless_the_operation_went_through_it() {
    for (name, _, change) in DONE {
        for http_status in [401, 403] {
            for text in ["", "{}", "Forbidden", r#"{"message":"Forbidden"}"#] {
                let outcome = status::operation(http_status, text, change, REFERENCE);
                assert!(
                    matches!(outcome, Outcome::Rejected(Cause::Credentials)),
                    "{outcome:?}"
                );
            }
            let done = changed(name, |_| {});
            let cause = assert_unknown(http_status, &done, change);
            assert_eq!(cause, Cause::HttpStatus(http_status));
        }
    }
}

#[test]
fn a_field_that_comes_twice_is_unknown() {
    for (name, word, change) in DONE {
        let body = changed(name, |_| {});
        for (whole, twice) in [
            (
                r#""code":200"#.to_owned(),
                r#""code":200,"code":200"#.to_owned(),
            ),
            (
                format!(r#""{word}":true"#),
                format!(r#""{word}":true,"{word}":true"#),
            ),
        ] {
            assert!(body.contains(&whole), "{body}");
            assert_unknown(200, &body.replace(&whole, &twice), change);
        }
    }
}
