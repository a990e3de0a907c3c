//! What GreenPay posts by itself.

use serde_json::{Value, json};
use ventanilla_providers::greenpay::notification::{Notice, NoticeError, Path, Whole, read};
use ventanilla_providers::greenpay::{BulkId, SubscriptionId};

use crate::given::{CARD_TOKEN, KEY, REFERENCE, SUBSCRIPTION, fixture_json, sign};

fn body(fixture: &str) -> Value {
    fixture_json(fixture)["body"].clone()
}

fn notice(reference: &str, signed: bool) -> Notice {
    Notice {
        reference: reference.to_owned(),
        signed,
        part_of: None,
    }
}

/// A payment of the bulk of the fixture.
fn of_bulk(reference: &str, signed: bool) -> Notice {
    let bulk = BulkId::parse("22222222-2222-4222-8222-222222222222").unwrap();
    Notice {
        part_of: Some(Whole::Bulk(bulk)),
        ..notice(reference, signed)
    }
}

/// A payment of a subscription.
fn of_subscription(id: &str, number: u8) -> Notice {
    let subscription = SubscriptionId::parse(id).unwrap();
    Notice {
        part_of: Some(Whole::Subscription(subscription)),
        ..notice(&format!("{id}_{number}"), false)
    }
}

/// Reads `body` in both forms, which must make no difference.
fn read_both(path: Path, body: &Value) -> Result<Vec<Notice>, NoticeError> {
    let plain = body.to_string();
    let nested = Value::String(plain.clone()).to_string();
    let found = read(path, plain.as_bytes(), &KEY);
    assert_eq!(read(path, nested.as_bytes(), &KEY), found, "{body}");
    found
}

#[test]
fn every_documented_notification_gives_its_references() {
    for (path, fixture, notices) in [
        (Path::Payment, "pay_approved", vec![notice(REFERENCE, true)]),
        (
            Path::Payment,
            "pay_approved_tokenized",
            vec![notice(REFERENCE, true)],
        ),
        (
            Path::Payment,
            "pay_declined",
            vec![notice(REFERENCE, false)],
        ),
        (
            Path::NewCard,
            "tokenize_created",
            vec![notice("req-0001", true)],
        ),
        (
            Path::SubscriptionResults,
            "notification_subscription_results",
            vec![of_subscription("33333333-3333-4333-8333-333333333333", 1)],
        ),
        (
            Path::SubscriptionResults,
            "notification_subscription_results_failed",
            vec![of_subscription(SUBSCRIPTION, 3)],
        ),
        (
            Path::BulkResults,
            "notification_bulk_results",
            vec![
                of_bulk(REFERENCE, true),
                of_bulk("nfrggzdfmztwq2lkonuxg53fme", false),
            ],
        ),
    ] {
        assert_eq!(read_both(path, &body(fixture)), Ok(notices), "{fixture}");
    }
}

#[test]
fn paths_are_those_that_greenpay_posts_to() {
    let names = Path::ALL.map(Path::name);
    assert_eq!(
        names,
        [
            "/",
            "/newCard",
            "/subscription/payment/results",
            "/bulkResume"
        ]
    );
}

#[test]
fn a_wrong_signature_is_an_error_whatever_the_notification_says() {
    for (fixture, others) in [
        ("pay_approved", sign("status:200,orderId:another")),
        (
            "pay_approved",
            sign("status:500,orderId:mfrggzdfmztwq2lkonuxg53fme"),
        ),
        (
            "pay_approved",
            sign("status:200,requestId:mfrggzdfmztwq2lkonuxg53fme"),
        ),
        ("pay_approved", String::new()),
        ("pay_approved", "00".repeat(128)),
        ("pay_declined", sign("status:500,orderId:another")),
        ("pay_declined", "00".to_owned()),
    ] {
        let mut body = body(fixture);
        body["_signature"] = json!(others);
        let found = read_both(Path::Payment, &body);
        assert_eq!(found, Err(NoticeError::Signature), "{body}");
    }
    let mut card = body("tokenize_created");
    card["_signature"] = json!(sign("status:201,orderId:req-0001"));
    assert_eq!(read_both(Path::NewCard, &card), Err(NoticeError::Signature));

    let mut bulk = body("notification_bulk_results");
    bulk["responses"][1]["_signature"] = json!("00");
    let found = read_both(Path::BulkResults, &bulk);
    assert_eq!(found, Err(NoticeError::Signature));
}

#[test]
fn only_a_failure_may_come_without_a_signature() {
    for status in [json!(200), json!(201), json!("SUCCESS"), json!("approved")] {
        let mut body = body("pay_approved");
        body["status"] = status;
        body.as_object_mut().unwrap().remove("_signature");
        let found = read_both(Path::Payment, &body);
        assert_eq!(found, Err(NoticeError::Signature), "{body}");
    }
    for status in [json!(500), json!(402), json!("FAIL")] {
        let mut body = body("pay_approved");
        body["status"] = status;
        body["_signature"] = Value::Null;
        let found = read_both(Path::Payment, &body);
        assert_eq!(found, Ok(vec![notice(REFERENCE, false)]), "{body}");
    }
}

#[test]
fn a_signed_failure_counts_as_signed() {
    let mut body = body("pay_declined");
    body["_signature"] = json!(sign(&format!("status:500,orderId:{REFERENCE}")));
    let found = read_both(Path::Payment, &body);
    assert_eq!(found, Ok(vec![notice(REFERENCE, true)]));
}

#[test]
fn a_notification_of_another_path_is_an_unknown_shape() {
    for (path, fixture, field) in [
        (Path::Payment, "tokenize_created", "orderId"),
        (Path::Payment, "notification_bulk_results", "status"),
        (Path::NewCard, "pay_approved", "requestId"),
        (Path::SubscriptionResults, "pay_approved", "approved"),
        (Path::BulkResults, "pay_approved", "bulkId"),
        (
            Path::BulkResults,
            "notification_subscription_results",
            "bulkId",
        ),
    ] {
        let found = read_both(path, &body(fixture));
        assert_eq!(found, Err(NoticeError::Shape(field)), "{path:?} {fixture}");
    }
}

#[test]
fn an_unknown_shape_is_named() {
    let bulk = |responses: Value| json!({"bulkId": "1", "responses": responses});
    let results = |approved: Value| json!({"approved": approved});
    for (path, body, field) in [
        (Path::Payment, json!({}), "status"),
        (Path::Payment, json!({"status": 200}), "orderId"),
        (Path::Payment, json!({"status": {}}), "status"),
        (Path::Payment, json!([]), "body"),
        (Path::Payment, json!([200, REFERENCE, null, null]), "body"),
        (Path::Payment, json!(7), "body"),
        (Path::Payment, json!(null), "body"),
        (
            Path::Payment,
            json!({"status": 500, "orderId": "a,status:200"}),
            "orderId",
        ),
        (
            Path::Payment,
            json!({"status": 500, "orderId": ""}),
            "orderId",
        ),
        (
            Path::Payment,
            json!({"status": 500, "orderId": "a".repeat(65)}),
            "orderId",
        ),
        (Path::NewCard, json!({"status": 201}), "requestId"),
        (Path::SubscriptionResults, results(Value::Null), "approved"),
        (Path::SubscriptionResults, results(json!({})), "approved"),
        (Path::SubscriptionResults, results(json!([7])), "approved"),
        (Path::SubscriptionResults, results(json!([{}])), "order"),
        (
            Path::SubscriptionResults,
            results(json!([{"order": []}])),
            "order",
        ),
        (
            Path::SubscriptionResults,
            results(json!([{"order": {}}])),
            "orderReference",
        ),
        (Path::BulkResults, json!({"responses": []}), "bulkId"),
        (Path::BulkResults, json!({"bulkId": 1}), "responses"),
        (Path::BulkResults, bulk(json!("x")), "responses"),
        (Path::BulkResults, bulk(json!([[]])), "responses"),
        (Path::BulkResults, bulk(json!([{}])), "status"),
    ] {
        let found = read_both(path, &body);
        assert_eq!(found, Err(NoticeError::Shape(field)), "{path:?} {body}");
    }
}

#[test]
fn payments_of_subscriptions_that_failed_come_with_those_that_did_not() {
    let mut both = body("notification_subscription_results");
    both["rejected"] = body("notification_subscription_results_failed")["rejected"].clone();
    let found = read_both(Path::SubscriptionResults, &both);
    let first = of_subscription("33333333-3333-4333-8333-333333333333", 1);
    assert_eq!(found, Ok(vec![first, of_subscription(SUBSCRIPTION, 3)]));

    both["rejected"] = json!("none");
    let found = read_both(Path::SubscriptionResults, &both);
    assert_eq!(found, Err(NoticeError::Shape("rejected")));
}

#[test]
fn a_payment_of_a_subscription_that_is_not_named_is_noticed_all_the_same() {
    for odd in [Value::Null, json!(""), json!([]), json!("a b")] {
        let mut results = body("notification_subscription_results");
        results["approved"][0]["order"]["subscriptionId"] = odd;
        let found = read_both(Path::SubscriptionResults, &results);
        let plain = notice("33333333-3333-4333-8333-333333333333_1", false);
        assert_eq!(found, Ok(vec![plain]));
    }
}

#[test]
fn lists_may_be_empty() {
    let empty = json!({"approved": []});
    assert_eq!(read_both(Path::SubscriptionResults, &empty), Ok(vec![]));
    let empty = json!({"bulkId": "1", "responses": []});
    assert_eq!(read_both(Path::BulkResults, &empty), Ok(vec![]));
}

#[test]
fn what_is_not_json_is_said_to_be_so() {
    let whole = body("pay_approved").to_string();
    let nested_twice = Value::String(Value::String(whole.clone()).to_string()).to_string();
    let not_inside = Value::String(String::from("approved")).to_string();
    for text in [
        "",
        "approved",
        "{",
        "\"",
        &whole[..whole.len() - 1],
        &format!("{whole}{whole}"),
        &not_inside,
    ] {
        for path in Path::ALL {
            let found = read(path, text.as_bytes(), &KEY);
            assert_eq!(found, Err(NoticeError::NotJson), "{path:?} {text}");
        }
    }
    let found = read(Path::Payment, &[b'"', 0xff, b'"'], &KEY);
    assert_eq!(found, Err(NoticeError::NotJson));
    let found = read(Path::Payment, nested_twice.as_bytes(), &KEY);
    assert_eq!(found, Err(NoticeError::Shape("body")));
}

#[test]
fn a_field_that_comes_twice_is_an_unknown_shape() {
    let text = body("pay_approved")
        .to_string()
        .replacen('{', r#"{"orderId":"another","#, 1);
    let found = read(Path::Payment, text.as_bytes(), &KEY);
    assert_eq!(found, Err(NoticeError::Shape("body")));
}

#[test]
fn neither_a_notice_nor_an_error_holds_more_than_the_reference() {
    let card = body("tokenize_created");
    assert!(card.to_string().contains(CARD_TOKEN));
    let shown = format!("{:?}", read_both(Path::NewCard, &card));
    assert!(
        shown.contains("req-0001") && !shown.contains(CARD_TOKEN),
        "{shown}"
    );

    let odd = json!({"status": 200, "orderId": "4111111111111111 "});
    let error = read_both(Path::Payment, &odd).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the notification's orderId is missing or not as documented"
    );
    assert!(!format!("{error:?}").contains("4111"));
}
