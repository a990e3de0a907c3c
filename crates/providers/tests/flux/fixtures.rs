//! Every answer of the fixtures, over HTTP, read by the operation it belongs to.

use std::collections::BTreeSet;

use ventanilla_providers::flux::{Client, Payment, Refund, Transaction, TransactionRead};
use ventanilla_providers::{Cause, Outcome};

use crate::given::{Done, Way, client, config, fixtures_dir, operation, pesos};
use crate::provider::Provider;
use crate::wire_server::{Act, WireServer, http};

#[derive(Debug, Eq, PartialEq)]
enum Expected {
    Definite,
    Other,
    NotFound,
    Rejected(Cause),
    Unknown(Cause),
}

fn expected(name: &str) -> Expected {
    match name {
        "ok-total-mismatch" => Expected::Unknown(Cause::Total),
        "ok-other-status" => Expected::Unknown(Cause::NotFinal),
        "ok-refunded" => Expected::Other,
        _ if name.starts_with("ok") => Expected::Definite,
        "unauthorized" | "forbidden" => Expected::Rejected(Cause::Credentials),
        // Nobody told that this code means a reference that does not exist.
        "bad-request" | "single-nesting" | "unknown-reference" => {
            Expected::Rejected(Cause::UnknownError)
        }
        "unknown-reference-404" => Expected::NotFound,
        "server-error" => Expected::Unknown(Cause::HttpStatus(500)),
        "not-json" => Expected::Unknown(Cause::HttpStatus(502)),
        _ => panic!("{name} is new"),
    }
}

fn seen(outcome: Outcome<Done>) -> Expected {
    match outcome {
        Outcome::Definite(Done::Pay(Payment::Paid(_)))
        | Outcome::Definite(Done::Refund(Refund::Done(_)))
        | Outcome::Definite(Done::Transaction(TransactionRead::Paid(_))) => Expected::Definite,
        Outcome::Definite(Done::Transaction(TransactionRead::NotFound)) => Expected::NotFound,
        Outcome::Definite(Done::Transaction(TransactionRead::Other { status, kind })) => {
            assert_eq!((&*status, &*kind), ("ok", "refund"));
            Expected::Other
        }
        Outcome::Definite(done) => panic!("{done:?}"),
        Outcome::Rejected(cause) => Expected::Rejected(cause),
        Outcome::Unknown(cause) => Expected::Unknown(cause),
        Outcome::NotSent(cause) => panic!("{cause}"),
    }
}

#[tokio::test]
async fn every_answer_of_every_operation_is_what_its_fixture_says() {
    let mut read = 0;
    let (provider, script) = Provider::scripted().await;
    let client = client(&provider.url);
    for way in Way::ALL {
        for answered in operation(way.file()).responses {
            let name = &*answered.name;
            let Some(status) = answered.http_status else {
                assert_eq!(name, "timeout", "{way:?}");
                continue;
            };
            let body = match (&answered.body, &answered.raw_body) {
                (Some(body), _) => body.get(),
                (None, Some(raw)) => raw,
                (None, None) => panic!("{way:?} {name} has no body"),
            };
            script.say(status, body);
            assert_eq!(
                seen(way.call(&client).await),
                expected(name),
                "{way:?} {name}"
            );
            read += 1;
        }
    }
    assert_eq!(read, 29);
}

#[test]
fn every_file_of_fixtures_belongs_to_an_operation() {
    let mut files: BTreeSet<_> = Way::ALL
        .iter()
        .map(|way| format!("{}.json", way.file()))
        .collect();
    files.insert("auth_refresh_token.json".to_owned());
    let found: BTreeSet<_> = std::fs::read_dir(fixtures_dir())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(found, files);
}

#[tokio::test]
async fn a_payment_is_told_with_its_parts_and_who_took_it() {
    let (provider, script) = Provider::scripted().await;
    script.say(200, &Way::Pay.done());
    let Outcome::Definite(Done::Pay(Payment::Paid(paid))) =
        Way::Pay.call(&client(&provider.url)).await
    else {
        panic!("it is paid");
    };
    let expected = Transaction {
        amount: pesos(25_000),
        tip: pesos(2_500),
        total: pesos(27_500),
        issuer: Some("claropay".to_owned()),
        authorization: Some("123456".to_owned()),
        affiliation: Some("7654321".to_owned()),
        date: Some("2026-11-20T18:30:00.000Z".to_owned()),
    };
    assert_eq!(paid, expected);
    script.say(200, &Way::Transaction.done());
    let found = Way::Transaction.call(&client(&provider.url)).await;
    let Outcome::Definite(Done::Transaction(TransactionRead::Paid(found))) = found else {
        panic!("{found:?}");
    };
    assert_eq!(found, expected);
}

#[tokio::test]
async fn a_code_that_is_known_to_mean_nothing_there_is_taken_for_it() {
    let (provider, script) = Provider::scripted().await;
    let (status, body) = crate::given::answered(Way::Transaction.file(), "unknown-reference");
    script.say(status, &body);
    let mut config = config(&provider.url);
    config.absent_codes = vec!["CODIGO_DE_PRUEBA_400".to_owned()];
    let client = Client::new(config).unwrap();
    assert_eq!(
        seen(Way::Transaction.call(&client).await),
        Expected::NotFound
    );
    assert_eq!(
        seen(Way::Pay.call(&client).await),
        Expected::Rejected(Cause::UnknownError),
        "which is about look-ups alone"
    );
}

#[tokio::test]
async fn an_access_token_is_taken_in_every_form_and_a_refusal_stops_the_call() {
    for answered in operation("auth_refresh_token").responses {
        let name = answered.name.as_str();
        let body = answered
            .body
            .map_or_else(|| answered.raw_body.unwrap(), |body| body.get().to_owned());
        let kind = answered
            .content_type
            .as_deref()
            .unwrap_or("application/json");
        let answer = http(answered.http_status.unwrap(), kind, &body);
        let paid = crate::wire_server::json(200, &Way::Pay.done());
        // The token is asked for twice when the provider is not there.
        let again = if name == "not-json" {
            answer.clone()
        } else {
            paid
        };
        let server = WireServer::start(vec![Act::Send(answer), Act::Send(again)]).await;
        let outcome = Way::Pay.call(&client(&server.url)).await;
        let (is_expected, requests) = match name {
            "bad-request" | "single-nesting" => {
                (matches!(outcome, Outcome::Rejected(Cause::Credentials)), 1)
            }
            "server-error" => (
                matches!(outcome, Outcome::NotSent(Cause::HttpStatus(500))),
                1,
            ),
            "not-json" => (
                matches!(outcome, Outcome::NotSent(Cause::HttpStatus(502))),
                2,
            ),
            _ => (matches!(outcome, Outcome::Definite(_)), 2),
        };
        assert!(is_expected, "{name}: {outcome:?}");
        assert_eq!(server.requests().len(), requests, "{name}");
    }
}
