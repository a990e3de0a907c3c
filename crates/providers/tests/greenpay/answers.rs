//! The status table of `greenpay`, row by row, by changing one thing in a documented answer.

use serde_json::{Value, json};
use ventanilla_core::money::{Currency, Money};
use ventanilla_providers::greenpay::{Expected, Payment, StateChange, TransactionRead, status};
use ventanilla_providers::{Cause, Outcome};

use crate::given::{KEY, REFERENCE, crc, expected, fixture, fixture_json, sign};

fn body(name: &str) -> Value {
    fixture_json(name)["body"].clone()
}

fn changed(name: &str, change: impl FnOnce(&mut Value)) -> String {
    let mut body = body(name);
    change(&mut body);
    body.to_string()
}

fn remove(body: &mut Value, field: &str) {
    body.as_object_mut().unwrap().remove(field);
}

fn read(body: &str) -> Outcome<Payment> {
    status::payment(200, body, &expected(), &KEY)
}

#[track_caller]
fn assert_approved(body: &str) {
    let outcome = read(body);
    assert!(
        matches!(outcome, Outcome::Definite(Payment::Approved(_))),
        "{outcome:?}: {body}"
    );
}

#[track_caller]
fn assert_unknown(body: &str, cause: Cause) {
    let outcome = read(body);
    assert!(
        matches!(outcome, Outcome::Unknown(found) if found == cause),
        "expected {cause:?}, found {outcome:?}: {body}"
    );
}

#[track_caller]
fn assert_declined(http_status: u16, body: &str, expected_code: &str) {
    let outcome = status::payment(http_status, body, &expected(), &KEY);
    let Outcome::Definite(Payment::Declined { code }) = &outcome else {
        panic!("{outcome:?}: {body}");
    };
    assert_eq!(code.as_deref(), Some(expected_code));
}

#[test]
fn an_approval_is_believed_only_whole() {
    assert_approved(&changed("pay_approved", |_| {}));
    for (change, cause) in [
        (
            (|b| remove(b, "orderId")) as fn(&mut Value),
            Cause::Reference,
        ),
        (|b| b["orderId"] = Value::Null, Cause::Reference),
        (|b| b["orderId"] = json!("another"), Cause::Reference),
        (
            |b| b["orderId"] = json!(["mfrggzdfmztwq2lkonuxg53fme"]),
            Cause::Reference,
        ),
        (|b| remove(b, "amount"), Cause::Amount),
        (|b| b["amount"] = json!(1250.51), Cause::Amount),
        (|b| b["amount"] = json!(1250), Cause::Amount),
        (|b| b["amount"] = json!("1250,50"), Cause::Amount),
        (|b| b["amount"] = json!(-1250.5), Cause::Amount),
        (|b| b["amount"] = json!(125_050), Cause::Amount),
        (|b| b["amount"] = json!([1250.5]), Cause::Amount),
        (|b| remove(b, "currency"), Cause::Currency),
        (|b| b["currency"] = json!("USD"), Cause::Currency),
        (|b| b["currency"] = json!("crc"), Cause::Currency),
        (|b| remove(b, "_signature"), Cause::Signature),
        (|b| b["_signature"] = json!(""), Cause::Signature),
        (|b| b["_signature"] = json!("00"), Cause::Signature),
        (
            |b| b["_signature"] = json!(sign("status:200,orderId:another")),
            Cause::Signature,
        ),
        (
            |b| b["_signature"] = json!(sign("status:500,orderId:mfrggzdfmztwq2lkonuxg53fme")),
            Cause::Signature,
        ),
        (|b| remove(b, "status"), Cause::Shape("status")),
        (|b| b["status"] = json!("SUCCESS"), Cause::Shape("status")),
        (|b| b["status"] = json!("approved"), Cause::Shape("status")),
        (|b| b["status"] = json!(201), Cause::Shape("status")),
        (|b| b["status"] = json!(200.0), Cause::Shape("status")),
        (|b| b["status"] = json!(true), Cause::Shape("status")),
        (|b| b["status"] = json!("+200"), Cause::Shape("status")),
        (
            |b| b["result"]["success"] = json!(false),
            Cause::Contradiction,
        ),
        (
            |b| b["result"]["success"] = json!("true"),
            Cause::Shape("success"),
        ),
        (
            |b| remove(&mut b["result"], "success"),
            Cause::Shape("success"),
        ),
        (
            |b| b["result"]["resp_code"] = json!("05"),
            Cause::Contradiction,
        ),
        (
            |b| b["result"]["resp_code"] = json!("899"),
            Cause::Contradiction,
        ),
        (
            |b| b["result"]["resp_code"] = json!(0),
            Cause::Shape("resp_code"),
        ),
        (
            |b| remove(&mut b["result"], "resp_code"),
            Cause::Shape("resp_code"),
        ),
        (|b| b["result"] = Value::Null, Cause::Shape("result")),
        (
            |b| b["result"] = json!([true, "00"]),
            Cause::Shape("result"),
        ),
        (|b| b["status"] = json!(500), Cause::Contradiction),
    ] {
        assert_unknown(&changed("pay_approved", change), cause);
    }
}

#[test]
fn an_approval_survives_oddities_in_what_decides_nothing() {
    for change in [
        (|b| remove(b, "errors")) as fn(&mut Value),
        |b| b["errors"] = json!([{"a": [1, true]}]),
        |b| b["callback"] = json!({}),
        |b| b["last4"] = json!(1111),
        |b| b["brand"] = json!(7),
        |b| b["authorization"] = json!({"a": 1}),
        |b| b["tokenizeResp"] = json!("no"),
        |b| b["tokenizeResp"] = json!({"status": 500, "result": null}),
        |b| b["secret"] = json!("sandbox-secret"),
        |b| b["amount"] = json!("1250.50"),
        |b| b["status"] = json!("200"),
        |b| b["code"] = json!("x"),
    ] {
        assert_approved(&changed("pay_approved", change));
    }
    for amount in [
        "1250.50",
        "1250.5",
        "1250.500",
        "12505e-1",
        "1250.4999999983",
        "\"1250.50\"",
        "\"1250.5\"",
    ] {
        let text = changed("pay_approved", |b| b["amount"] = json!("AMOUNT"))
            .replace("\"AMOUNT\"", amount);
        assert_approved(&text);
    }
}

#[test]
fn amounts_never_pass_through_a_float() {
    // As doubles, both amounts of each pair are one number.
    let large = Expected {
        reference: REFERENCE.to_owned(),
        total: Money::from_minor(9_007_199_254_741, Currency::CRC).unwrap(),
    };
    let text = |amount: &str| {
        changed("pay_approved", |b| b["amount"] = json!("AMOUNT")).replace("\"AMOUNT\"", amount)
    };
    let paid = status::payment(200, &text("90071992547.41"), &large, &KEY);
    assert!(
        matches!(paid, Outcome::Definite(Payment::Approved(_))),
        "{paid:?}"
    );
    for other in [
        "90071992547.42",
        "90071992547.4",
        "900719925474.1",
        "90071992547.411",
    ] {
        let paid = status::payment(200, &text(other), &large, &KEY);
        assert!(
            matches!(paid, Outcome::Unknown(Cause::Amount)),
            "{other}: {paid:?}"
        );
    }
}

#[test]
fn a_field_that_comes_twice_is_unknown() {
    let text = changed("pay_approved", |_| {});
    for twice in [
        r#""status":200,"#,
        r#""amount":1250.5,"#,
        r#""result":null,"#,
    ] {
        assert_unknown(
            &text.replacen('{', &format!("{{{twice}"), 1),
            Cause::Shape("body"),
        );
    }
}

#[test]
fn json_that_is_not_an_object_is_unknown() {
    for text in [
        "null",
        "[]",
        "0",
        "\"\"",
        "true",
        "[200]",
        "[[]]",
        "{\"status\":200}",
    ] {
        let outcome = read(text);
        assert!(
            matches!(outcome, Outcome::Unknown(_)),
            "{text}: {outcome:?}"
        );
    }
    let whole = changed("pay_approved", |_| {});
    assert_unknown(
        &serde_json::to_string(&whole).unwrap(),
        Cause::Shape("body"),
    );
    assert_unknown(&format!("[{whole}]"), Cause::Shape("body"));
    // The values of an approval without their names.
    let b = body("pay_approved");
    let values = json!([
        b["status"],
        null,
        b["orderId"],
        null,
        b["authorization"],
        b["amount"],
        b["currency"],
        b["result"],
        b["errors"],
        b["_signature"],
        b["last4"],
        b["brand"],
        null,
        null,
        null,
        null,
    ]);
    assert_unknown(&values.to_string(), Cause::Shape("body"));
}

// The table of codes is that of GreenPay's help centre and its public shop plugins.
#[test]
fn every_documented_code_of_failure_is_a_decline_but_that_of_a_reversal() {
    let codes = [
        "01", "03", "04", "05", "12", "13", "14", "19", "30", "31", "41", "43", "51", "54", "55",
        "58", "62", "63", "65", "78", "89", "91", "96", "201", "203", "205", "212", "241", "251",
        "255", "262", "278", "296", "996",
    ];
    for code in codes {
        assert_declined(
            200,
            &changed("pay_declined", |b| b["result"]["resp_code"] = json!(code)),
            code,
        );
    }
    assert_unknown(
        &changed("pay_declined", |b| b["result"]["resp_code"] = json!("899")),
        Cause::Reversed,
    );
}

#[test]
fn a_decline_is_believed_unless_something_contradicts_it() {
    for change in [
        (|b| remove(b, "orderId")) as fn(&mut Value),
        |b| remove(b, "amount"),
        |b| remove(b, "currency"),
        |b| remove(b, "errors"),
        |b| remove(&mut b["result"], "success"),
        |b| b["status"] = json!(402),
        |b| b["status"] = json!("FAIL"),
        |b| b["_signature"] = json!("00"),
    ] {
        assert_declined(200, &changed("pay_declined", change), "51");
    }
    for (change, cause) in [
        (
            (|b| b["orderId"] = json!("another")) as fn(&mut Value),
            Cause::Reference,
        ),
        (|b| b["amount"] = json!(1), Cause::Amount),
        (|b| b["currency"] = json!("USD"), Cause::Currency),
        (|b| b["status"] = json!(200), Cause::Contradiction),
        (|b| b["status"] = json!(202), Cause::Shape("status")),
        (|b| b["status"] = json!("SUCCESS"), Cause::Shape("status")),
        (|b| remove(b, "status"), Cause::Shape("status")),
        (
            |b| b["result"]["success"] = json!(true),
            Cause::Contradiction,
        ),
        (
            |b| b["result"]["success"] = json!(0),
            Cause::Shape("success"),
        ),
        (
            |b| b["result"]["resp_code"] = json!("00"),
            Cause::Contradiction,
        ),
        (
            |b| b["result"]["resp_code"] = json!("000"),
            Cause::Contradiction,
        ),
        (
            |b| b["result"]["resp_code"] = json!(51),
            Cause::Shape("resp_code"),
        ),
        (
            |b| b["result"]["resp_code"] = json!(""),
            Cause::Shape("resp_code"),
        ),
        (
            |b| b["result"]["resp_code"] = json!("no money"),
            Cause::Shape("resp_code"),
        ),
        (
            |b| b["result"]["resp_code"] = Value::Null,
            Cause::Shape("resp_code"),
        ),
        (|b| b["result"] = json!("51"), Cause::Shape("result")),
    ] {
        assert_unknown(&changed("pay_declined", change), cause);
    }
}

#[test]
fn a_decline_under_an_error_status_must_name_our_reference() {
    let named = changed("pay_declined", |_| {});
    let nameless = changed("pay_declined", |b| remove(b, "orderId"));
    for http_status in [400, 402, 403, 422, 500] {
        assert_declined(http_status, &named, "51");
        let outcome = status::payment(http_status, &nameless, &expected(), &KEY);
        assert!(
            matches!(outcome, Outcome::Unknown(_)),
            "{http_status}: {outcome:?}"
        );
    }
}

#[test]
fn only_documented_texts_alone_reject_a_payment() {
    let with = |status: u16, errors: Value| {
        json!({"status": status, "result": null, "errors": errors}).to_string()
    };
    for errors in [
        json!(["Session not found"]),
        json!([["Session not found"]]),
        json!("Session not found"),
        json!(["Error: session not found."]),
        json!([{"success": false, "errors": [["Session not found"]], "code": 404}]),
        json!([{"message": "Session not found"}]),
        json!(["Session not found", "Session not found"]),
    ] {
        let outcome = read(&with(500, errors.clone()));
        assert!(
            matches!(outcome, Outcome::Rejected(Cause::Session)),
            "{errors}: {outcome:?}"
        );
    }
    for errors in [
        json!([]),
        json!(null),
        json!(["Timeout"]),
        json!(["Session not found", "Timeout"]),
        json!(["Session not found", "Invalid token"]),
        json!(["Session not found", 7]),
        json!([7]),
        json!({"code": "Session not found"}),
        json!(["Session not found in the payment network"]),
    ] {
        assert_unknown(&with(500, errors), Cause::UnknownError);
    }
    assert_unknown(
        &with(200, json!(["Session not found"])),
        Cause::Shape("result"),
    );
    for contradiction in [
        json!({"status": 500, "errors": ["Session not found"], "authorization": "083215"}),
        json!({"status": 500, "errors": ["Invalid_pan"], "authorization": 83215}),
    ] {
        assert_unknown(&contradiction.to_string(), Cause::Contradiction);
    }
    let executed =
        json!({"status": 500, "errors": ["Session not found"], "result": {"success": true}});
    assert_unknown(&executed.to_string(), Cause::Shape("resp_code"));
    let another = json!({"status": 500, "errors": ["Session not found"], "orderId": "another"});
    assert_unknown(&another.to_string(), Cause::Reference);
}

#[test]
fn a_closed_door_rejects_unless_the_payment_went_through_it() {
    for http_status in [401, 403] {
        for text in [
            "",
            "{}",
            "Forbidden",
            r#"{"message":"Forbidden"}"#,
            r#"{"status":500,"errors":["?"]}"#,
        ] {
            let outcome = status::payment(http_status, text, &expected(), &KEY);
            assert!(
                matches!(outcome, Outcome::Rejected(Cause::Credentials)),
                "{outcome:?}"
            );
        }
        let text = r#"{"status":401,"errors":["Invalid token"]}"#;
        let outcome = status::payment(http_status, text, &expected(), &KEY);
        assert!(
            matches!(outcome, Outcome::Rejected(Cause::SessionToken)),
            "{outcome:?}"
        );
        let approved = changed("pay_approved", |_| {});
        let outcome = status::payment(http_status, &approved, &expected(), &KEY);
        assert!(
            matches!(outcome, Outcome::Unknown(Cause::HttpStatus(_))),
            "{outcome:?}"
        );
    }
}

#[test]
fn only_a_list_of_schema_violations_under_http_400_is_one() {
    let (_, violation) = fixture("schema_violation");
    for (http_status, text) in [
        (200, violation.as_str()),
        (500, violation.as_str()),
        (400, "[]"),
        (400, "[1]"),
        (400, "{}"),
        (400, r#"[{"keyword":"required"}]"#),
    ] {
        let outcome = status::payment(http_status, text, &expected(), &KEY);
        assert!(
            matches!(outcome, Outcome::Unknown(_)),
            "{http_status} {text}: {outcome:?}"
        );
    }
}

#[test]
fn a_card_is_reported_as_saved_only_for_our_reference() {
    for change in [
        (|b| b["tokenizeResp"]["requestId"] = json!("another")) as fn(&mut Value),
        |b| b["tokenizeResp"]["status"] = json!(500),
        |b| b["tokenizeResp"]["result"]["token"] = json!(""),
        |b| b["tokenizeResp"]["result"]["token"] = json!("a b"),
        |b| remove(&mut b["tokenizeResp"]["result"], "token"),
        |b| b["tokenizeResp"] = json!([]),
    ] {
        let text = changed("pay_approved_tokenized", change);
        let outcome = read(&text);
        let Outcome::Definite(Payment::Approved(approval)) = outcome else {
            panic!("{outcome:?}");
        };
        assert!(approval.saved.is_none(), "{text}");
    }
}

#[test]
fn odd_card_details_are_left_out() {
    let text = changed("pay_approved_tokenized", |b| {
        b["last4"] = json!("11111");
        b["authorization"] = json!("<b>");
        b["brand"] = json!("Mastercard Débito");
        b["tokenizeResp"]["expiration_date"] = json!("3013");
        b["tokenizeResp"]["result"]["bin"] = json!("41111111111");
        b["tokenizeResp"]["result"]["last_digits"] = json!("x111");
    });
    let Outcome::Definite(Payment::Approved(approval)) = read(&text) else {
        panic!("{:?}", read(&text));
    };
    assert_eq!(
        (
            approval.last4,
            approval.authorization,
            approval.brand,
            approval.bin
        ),
        (None, None, None, None)
    );
    let card = approval.saved.unwrap().card;
    assert_eq!((card.last4, card.bin, card.expiry), (None, None, None));
}

#[test]
fn brands_are_known_by_the_names_providers_give_them() {
    use ventanilla_core::card::Brand;
    for (name, brand) in [
        ("Visa", Some(Brand::Visa)),
        ("VISA", Some(Brand::Visa)),
        ("MasterCard", Some(Brand::Mastercard)),
        ("American Express", Some(Brand::Amex)),
        ("amex", Some(Brand::Amex)),
        ("Diners Club", Some(Brand::Diners)),
        ("JCB", Some(Brand::Jcb)),
        ("Discover", Some(Brand::Discover)),
        ("UnionPay", Some(Brand::UnionPay)),
        ("Maestro", Some(Brand::Maestro)),
        ("", None),
        ("Carnet", None),
    ] {
        let Outcome::Definite(Payment::Approved(approval)) =
            read(&changed("pay_approved", |b| b["brand"] = json!(name)))
        else {
            panic!("{name}");
        };
        assert_eq!(approval.brand, brand, "{name}");
    }
}

#[test]
fn a_card_token_is_believed_only_when_signed_for_our_request() {
    let read = |text: &str| status::saved_token(200, text, "req-0001", &KEY);
    for (change, cause) in [
        (
            (|b| remove(b, "_signature")) as fn(&mut Value),
            Cause::Signature,
        ),
        (
            |b| b["_signature"] = json!(sign("status:201,orderId:req-0001")),
            Cause::Signature,
        ),
        (
            |b| b["_signature"] = json!(sign("status:200,requestId:req-0001")),
            Cause::Signature,
        ),
        (|b| remove(b, "requestId"), Cause::Reference),
        (|b| remove(b, "result"), Cause::Shape("result")),
        (
            |b| remove(&mut b["result"], "token"),
            Cause::Shape("result"),
        ),
        (|b| remove(b, "status"), Cause::UnknownError),
        (|b| b["status"] = json!(500), Cause::UnknownError),
    ] {
        let text = changed("tokenize_created", change);
        let outcome = read(&text);
        assert!(
            matches!(outcome, Outcome::Unknown(found) if found == cause),
            "expected {cause:?}, found {outcome:?}"
        );
    }
    let outcome = read(r#"{"status":500,"result":null,"errors":["Invalid_pan"]}"#);
    assert!(
        matches!(outcome, Outcome::Rejected(Cause::CardNumber)),
        "{outcome:?}"
    );
}

#[test]
fn a_transaction_is_approved_with_amount_and_currency_or_not_at_all() {
    let read = |change: fn(&mut Value)| {
        status::transaction(200, &changed("transaction_approved", change), REFERENCE)
    };
    for (change, cause) in [
        (
            (|b| remove(&mut b["result"], "amount")) as fn(&mut Value),
            Cause::Amount,
        ),
        (|b| b["result"]["amount"] = json!("much"), Cause::Amount),
        (|b| b["result"]["currency"] = json!("XXX"), Cause::Currency),
        (|b| remove(&mut b["result"], "state"), Cause::Shape("state")),
        (|b| remove(b, "status"), Cause::UnknownError),
        (|b| b["code"] = json!(404), Cause::UnknownError),
        (|b| b["code"] = json!(500), Cause::UnknownError),
        (|b| b["status"] = json!("FAIL"), Cause::UnknownError),
        (|b| b["result"] = json!([]), Cause::Shape("result")),
        // Another payment's reference where ours or the bank's number belongs.
        (
            |b| b["result"]["referenceNumber"] = json!("nfrggzdfmztwq2lkonuxg53fme"),
            Cause::Reference,
        ),
    ] {
        let outcome = read(change);
        assert!(
            matches!(outcome, Outcome::Unknown(_)),
            "expected {cause:?}, found {outcome:?}"
        );
        if !matches!(cause, Cause::UnknownError) {
            assert_eq!(outcome.cause(), Some(cause));
        }
    }
    for change in [
        (|b| b["result"]["amount"] = json!(1250.5)) as fn(&mut Value),
        |b| b["result"]["referenceNumber"] = json!(REFERENCE),
        |b| remove(&mut b["result"], "referenceNumber"),
        |b| remove(b, "code"),
    ] {
        let outcome = read(change);
        let Outcome::Definite(TransactionRead::Approved(detail)) = outcome else {
            panic!("{outcome:?}");
        };
        assert_eq!(detail.total, crc(125_050));
    }
    let dollars = read(|b| b["result"]["currency"] = json!("USD"));
    let Outcome::Definite(TransactionRead::Approved(detail)) = dollars else {
        panic!("{dollars:?}");
    };
    assert_ne!(detail.total, crc(125_050));
}

#[test]
fn an_undocumented_state_is_neither_approved_nor_absent() {
    use StateChange::{Captured, Refunded, Voided};
    for (state, shown, expected_change) in [
        ("declined", "declined", None),
        ("void", "void", Some(Voided)),
        ("VOIDED", "VOIDED", Some(Voided)),
        ("refund", "refund", Some(Refunded)),
        ("Refunded", "Refunded", Some(Refunded)),
        ("capture", "capture", Some(Captured)),
        ("captured", "captured", Some(Captured)),
        ("void pending", "void pending", None),
        ("not_captured", "not_captured", None),
        ("unrefunded", "unrefunded", None),
        ("voided ", "voided ", None),
        ("", "", None),
        ("approved!", "approved?", None),
        ("<script>", "?script?", None),
        (&*"x".repeat(99), &*"x".repeat(32), None),
    ] {
        let text = changed("transaction_approved", |b| {
            b["result"]["state"] = json!(state)
        });
        let outcome = status::transaction(200, &text, REFERENCE);
        let Outcome::Definite(TransactionRead::Other {
            state: found,
            change,
        }) = outcome
        else {
            panic!("{outcome:?}");
        };
        assert_eq!((&*found, change), (shown, expected_change));
    }
}

#[test]
fn a_transaction_is_absent_only_by_the_documented_words() {
    for change in [
        (|b| b["errors"] = json!(["Merchant not found"])) as fn(&mut Value),
        |b| b["errors"] = json!([]),
        |b| b["errors"] = json!(["transaction not found", "database error"]),
        |b| b["code"] = json!(500),
        |b| b["status"] = json!("SUCCESS"),
        |b| b["result"] = json!({"state": "approved"}),
        |b| remove(b, "code"),
        |b| remove(b, "status"),
    ] {
        let text = changed("transaction_not_found", change);
        let outcome = status::transaction(200, &text, REFERENCE);
        assert!(
            matches!(outcome, Outcome::Unknown(_)),
            "{text}: {outcome:?}"
        );
    }
    let text = changed("transaction_not_found", |_| {});
    for http_status in [500, 502, 503, 504, 429, 301] {
        let outcome = status::transaction(http_status, &text, REFERENCE);
        assert!(
            matches!(outcome, Outcome::Unknown(_)),
            "{http_status}: {outcome:?}"
        );
    }
    let outcome = status::transaction(404, &text, REFERENCE);
    assert!(
        matches!(outcome, Outcome::Definite(TransactionRead::NotFound)),
        "{outcome:?}"
    );
}

#[test]
fn an_order_needs_a_whole_session() {
    for text in [
        r#"{"session":"a"}"#,
        r#"{"token":"a"}"#,
        r#"{"session":"","token":"a"}"#,
        r#"{"session":"a","token":"b c"}"#,
        r#"{"session":1,"token":"a"}"#,
        "{}",
        r#"{"status":500,"errors":["?"]}"#,
    ] {
        let outcome = status::order_session(200, text);
        assert!(
            matches!(outcome, Outcome::Unknown(_)),
            "{text}: {outcome:?}"
        );
    }
    let (_, text) = fixture("create_order_response");
    for http_status in [202, 400, 404, 429, 500, 503] {
        let outcome = status::order_session(http_status, &text);
        assert!(
            matches!(outcome, Outcome::Unknown(Cause::HttpStatus(_))),
            "{http_status}: {outcome:?}"
        );
    }
}

#[test]
fn a_refusal_of_an_order_that_went_through_is_unknown() {
    for text in [
        r#"{"status":500,"errors":["Merchant doesn't exist"],"orderId":"a"}"#,
        r#"{"status":500,"errors":["Merchant doesn't exist"],"authorization":"083215"}"#,
        r#"{"status":500,"errors":["Merchant doesn't exist"],"result":{"success":true}}"#,
        r#"{"status":200,"errors":["Merchant doesn't exist"]}"#,
        r#"{"status":"SUCCESS","code":200,"errors":["Merchant doesn't exist"]}"#,
    ] {
        let outcome = status::order_session(200, text);
        assert!(
            matches!(outcome, Outcome::Unknown(_)),
            "{text}: {outcome:?}"
        );
    }
}

#[test]
fn a_card_token_made_or_deleted_under_an_error_status_is_unknown() {
    let (_, made) = fixture("tokenize_created");
    let (_, deleted) = fixture("delete_token");
    let (_, found) = fixture("get_token_found");
    for http_status in [202, 400, 404, 429, 500, 503] {
        let outcome = status::saved_token(http_status, &made, "req-0001", &KEY);
        assert!(
            matches!(outcome, Outcome::Unknown(Cause::HttpStatus(_))),
            "{outcome:?}"
        );
        let outcome = status::deletion(http_status, &deleted, "req-0002");
        assert!(
            matches!(outcome, Outcome::Unknown(Cause::HttpStatus(_))),
            "{outcome:?}"
        );
        let outcome = status::saved_card(http_status, &found);
        assert!(
            matches!(outcome, Outcome::Unknown(Cause::HttpStatus(_))),
            "{outcome:?}"
        );
    }
}
