//! The answer to many payments at once.

use serde_json::{Value, json};
use ventanilla_core::money::{Currency, Money};
use ventanilla_providers::greenpay::{BulkPayment, Client, status};
use ventanilla_providers::{Cause, Outcome};

use crate::given::{bulk, client, crc, fixture, fixture_json};
use crate::wire_server::{Act, WireServer, json as answer};

fn changed(change: impl FnOnce(&mut Value)) -> String {
    let mut body = fixture_json("bulk_taken")["body"].clone();
    change(&mut body);
    body.to_string()
}

#[test]
fn a_bulk_that_was_taken_has_a_name_and_nothing_else() {
    let (http_status, body) = fixture("bulk_taken");
    let outcome = status::bulk(http_status, &body);
    let Outcome::Definite(id) = outcome else {
        panic!("{outcome:?}");
    };
    assert_eq!(id.as_str(), "22222222-2222-4222-8222-222222222222");
}

#[test]
fn a_bulk_is_taken_only_by_the_whole_answer() {
    for (spoil, cause) in [
        (
            (|b| b["bulkId"] = Value::Null) as fn(&mut Value),
            Cause::Shape("bulkId"),
        ),
        (|b| b["bulkId"] = json!(["1"]), Cause::Shape("bulkId")),
        (|b| b["bulkId"] = json!("a b"), Cause::Shape("bulkId")),
        (|b| b["status"] = json!(202), Cause::Shape("bulkId")),
        (|b| b["status"] = json!("SUCCESS"), Cause::Shape("bulkId")),
        (|b| b["status"] = json!(500), Cause::Shape("bulkId")),
        (|b| b["errors"] = json!(["?"]), Cause::Contradiction),
        (
            // A bulk with a name is one that was taken, whatever else is said.
            |b| {
                b["status"] = json!(500);
                b["errors"] = json!(["Invalid card token"]);
            },
            Cause::UnknownError,
        ),
    ] {
        let body = changed(spoil);
        let outcome = status::bulk(200, &body);
        assert!(
            matches!(outcome, Outcome::Unknown(found) if found == cause),
            "{outcome:?}: {body}"
        );
    }
    for http_status in [202, 301, 404, 429, 500, 504] {
        let outcome = status::bulk(http_status, &changed(|_| {}));
        assert!(
            matches!(outcome, Outcome::Unknown(Cause::HttpStatus(found)) if found == http_status),
            "{outcome:?}"
        );
    }
}

#[test]
fn documented_refusals_of_a_bulk_say_what_was_refused() {
    for (name, cause) in [
        ("create_order_unknown_merchant", Cause::Credentials),
        ("create_order_unknown_terminal", Cause::Terminal),
        ("get_token_invalid", Cause::CardToken),
        ("schema_violation", Cause::Validation),
    ] {
        let (http_status, body) = fixture(name);
        let outcome = status::bulk(http_status, &body);
        assert!(
            matches!(outcome, Outcome::Rejected(found) if found == cause),
            "{name}: {outcome:?}"
        );
    }
}

#[tokio::test]
async fn a_bulk_that_cannot_be_told_apart_or_added_up_is_not_sent() {
    let server = WireServer::start(vec![Act::Send(answer(200, "{}"))]).await;
    let client = client(&server.url);
    let odd = |change: fn(&mut Vec<BulkPayment>)| {
        let mut payments = bulk();
        change(&mut payments);
        payments
    };
    for (payments, field) in [
        (odd(Vec::clear), "payments"),
        (
            odd(|b| b[1].reference = b[0].reference.clone()),
            "reference",
        ),
        (odd(|b| b[1].reference = "a b".to_owned()), "reference"),
        (odd(|b| b[0].total = crc(0)), "total"),
        (
            odd(|b| b[1].total = Money::from_minor(1, Currency::USD).unwrap()),
            "total",
        ),
        (
            odd(|b| {
                let many = (0..=Client::BULK_MAX).map(|nth| BulkPayment {
                    reference: format!("ref-{nth}"),
                    ..b[0].clone()
                });
                *b = many.collect();
            }),
            "payments",
        ),
    ] {
        let outcome = client.bulk(&payments).await;
        assert!(
            matches!(outcome, Outcome::NotSent(Cause::Request(found)) if found == field),
            "{field}: {outcome:?}"
        );
    }
    assert_eq!(server.connections(), 0);
}
