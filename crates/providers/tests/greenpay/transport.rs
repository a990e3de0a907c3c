//! What a broken network may make of a call, and that a call that moves money leaves once at most.

use std::process::Command;
use std::time::Duration;

use ventanilla_providers::greenpay::{
    Client, OperationAnswer, PaidTransaction, Payment, SubscriptionAnswer, SubscriptionFilter,
    SubscriptionPayment, TransactionRead,
};
use ventanilla_providers::{Cause, Outcome};

use crate::given::{
    FIRST_PAGE, bulk, card_token, client, config, crc, expected, fixture, impatient_payer,
    impatient_reader, minimal_order, new_subscription, order, paid, sealed, session, sign,
    subscription,
};
use crate::wire_server::{Act, WireServer, deserted_url, http, json};

/// The ways to move money.
#[derive(Clone, Copy, Debug)]
enum Way {
    SealedCard,
    CardToken,
    Void,
    Refund,
    Capture,
    Bulk,
    Subscription,
    SubscriptionPayment,
}

const WAYS: [Way; 8] = [
    Way::SealedCard,
    Way::CardToken,
    Way::Void,
    Way::Refund,
    Way::Capture,
    Way::Bulk,
    Way::Subscription,
    Way::SubscriptionPayment,
];

/// What all of them may be answered.
#[derive(Debug)]
enum End {
    Done,
    Refused(Option<String>),
}

async fn call(client: &Client, way: Way) -> Outcome<End> {
    let paid_with = |payment| match payment {
        Payment::Approved(_) => End::Done,
        Payment::Declined { code } => End::Refused(code),
    };
    let changed = |answer| match answer {
        OperationAnswer::Done => End::Done,
        OperationAnswer::Refused { code } => End::Refused(code),
    };
    match way {
        Way::SealedCard => client
            .pay(&session(), &sealed(), &expected())
            .await
            .map(paid_with),
        Way::CardToken => client
            .pay_with_token(&minimal_order(), &card_token())
            .await
            .map(paid_with),
        Way::Void => client.void(&paid()).await.map(changed),
        Way::Refund => client.refund(&paid()).await.map(changed),
        Way::Capture => client
            .capture(&paid(), Some(crc(100_025)))
            .await
            .map(changed),
        Way::Bulk => client.bulk(&bulk()).await.map(|_| End::Done),
        Way::Subscription => client
            .create_subscription(&new_subscription())
            .await
            .map(|_| End::Done),
        Way::SubscriptionPayment => client
            .pay_subscription(&subscription())
            .await
            .map(|payment| match payment {
                SubscriptionPayment::Approved(_) => End::Done,
                SubscriptionPayment::Declined { code } => End::Refused(code),
            }),
    }
}

impl Way {
    /// The body that says that it was done.
    fn done(self) -> String {
        fixture(match self {
            Self::SealedCard | Self::CardToken => "pay_approved",
            Self::Void => "void_done",
            Self::Refund => "refund_done",
            Self::Capture => "capture_done",
            Self::Bulk => "bulk_taken",
            Self::Subscription => "subscription_created",
            Self::SubscriptionPayment => "subscription_paid",
        })
        .1
    }

    /// The body that says that it was not, and the code for it, where there is such an end.
    fn refused(self) -> Option<(String, &'static str)> {
        let (name, code) = match self {
            Self::SealedCard | Self::CardToken => ("pay_declined", "51"),
            Self::Void => ("void_too_late", "too_late"),
            Self::Refund | Self::Capture => ("void_not_found", "not_found"),
            Self::SubscriptionPayment => ("subscription_pay_declined", "51"),
            Self::Bulk | Self::Subscription => return None,
        };
        Some((fixture(name).1, code))
    }
}

/// What `act` makes of the body of a success is an unknown call with `cause`, after `requests` requests
/// on one connection.
async fn assert_unknown(act: impl Fn(&str) -> Act, cause: Cause, requests: usize) {
    each_alone(
        act,
        requests,
        |outcome| matches!(outcome, Outcome::Unknown(found) if *found == cause),
    )
    .await;
}

/// What `act` makes of the body of a success is believed.
async fn assert_done(act: impl Fn(&str) -> Act) {
    each_alone(act, 1, |outcome| {
        matches!(outcome, Outcome::Definite(End::Done))
    })
    .await;
}

/// Every way meets `act` on one connection and ends as `is_expected` says.
async fn each_alone(
    act: impl Fn(&str) -> Act,
    requests: usize,
    is_expected: impl Fn(&Outcome<End>) -> bool,
) {
    let mut acts: Vec<_> = WAYS.iter().map(|way| act(&way.done())).collect();
    acts.push(Act::Stall);
    let server = WireServer::start(acts).await;
    // One client for all: to read the trusted certificates takes longer than the rest.
    let client = client(&server.url);
    for (way, calls) in WAYS.into_iter().zip(1..) {
        let outcome = call(&client, way).await;
        assert!(is_expected(&outcome), "{way:?}: {outcome:?}");
        assert_eq!(server.connections(), calls, "{way:?}");
        assert_eq!(server.requests().len(), calls * requests, "{way:?}");
    }
}

#[tokio::test]
async fn what_was_done_is_one_request_on_one_connection() {
    assert_done(|body| Act::Send(json(200, body))).await;
}

#[tokio::test]
async fn what_was_refused_is_one_request_on_one_connection() {
    for way in WAYS {
        let Some((body, expected_code)) = way.refused() else {
            continue;
        };
        let server = WireServer::start(vec![Act::Send(json(200, &body))]).await;
        let outcome = call(&client(&server.url), way).await;
        let Outcome::Definite(End::Refused(code)) = outcome else {
            panic!("{way:?}: {outcome:?}");
        };
        assert_eq!(code.as_deref(), Some(expected_code), "{way:?}");
        assert_eq!(
            (server.connections(), server.requests().len()),
            (1, 1),
            "{way:?}"
        );
    }
}

#[tokio::test]
async fn a_refused_connection_proves_that_nothing_was_sent() {
    for way in WAYS {
        let outcome = call(&client(&deserted_url().await), way).await;
        assert!(
            matches!(outcome, Outcome::NotSent(Cause::Connect)),
            "{way:?}: {outcome:?}"
        );
    }
}

#[tokio::test]
async fn a_host_name_that_does_not_resolve_proves_that_nothing_was_sent() {
    // A label of a name has at most 63 characters, so nobody is even asked for this one.
    let url = format!("https://{}.invalid", "a".repeat(64));
    for way in WAYS {
        let outcome = call(&client(&url), way).await;
        assert!(
            matches!(outcome, Outcome::NotSent(Cause::Connect)),
            "{way:?}: {outcome:?}"
        );
    }
}

#[tokio::test]
async fn a_failed_tls_handshake_proves_that_nothing_was_sent() {
    for way in WAYS {
        let plain = Act::Send(json(200, &way.done()));
        for act in [Act::CloseAtOnce, plain, Act::Ignore] {
            let server = WireServer::start(vec![act]).await;
            let mut config = config(&server.url.replace("http:", "https:"));
            config.timeouts.connect = Duration::from_millis(100);
            let outcome = call(&Client::new(config).unwrap(), way).await;
            assert!(
                matches!(outcome, Outcome::NotSent(Cause::Connect)),
                "{way:?}: {outcome:?}"
            );
            assert_eq!(server.connections(), 1);
        }
    }
}

#[tokio::test]
async fn a_connection_closed_before_the_request_is_read_is_unknown() {
    assert_unknown(|_| Act::CloseAtOnce, Cause::ConnectionLost, 0).await;
}

#[tokio::test]
async fn a_connection_reset_after_the_request_is_unknown() {
    assert_unknown(|_| Act::ResetAfterRequest, Cause::ConnectionLost, 1).await;
}

#[tokio::test]
async fn a_connection_closed_without_an_answer_is_unknown() {
    assert_unknown(|_| Act::Send(Vec::new()), Cause::ConnectionLost, 1).await;
}

#[tokio::test]
async fn an_answer_cut_in_the_head_is_unknown() {
    assert_unknown(
        |body| Act::Send(json(200, body)[..30].to_vec()),
        Cause::ConnectionLost,
        1,
    )
    .await;
}

#[tokio::test]
async fn an_answer_cut_in_the_body_is_unknown() {
    assert_unknown(
        |body| Act::Send(cut(json(200, body), 1)),
        Cause::ConnectionLost,
        1,
    )
    .await;
}

#[tokio::test]
async fn a_connection_reset_in_the_middle_of_the_body_is_unknown() {
    assert_unknown(
        |body| Act::SendThenReset(cut(json(200, body), 40)),
        Cause::ConnectionLost,
        1,
    )
    .await;
}

#[tokio::test]
async fn a_chunked_answer_without_its_last_chunk_is_unknown() {
    let answer = |body: &str| {
        let length = body.len();
        format!(
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n{length:x}\r\n{body}\r\n"
        )
    };
    assert_unknown(
        |body| Act::Send(answer(body).into_bytes()),
        Cause::ConnectionLost,
        1,
    )
    .await;
}

#[tokio::test]
async fn a_redirect_is_not_followed_nor_is_its_body_believed() {
    for status in [301, 302, 303, 307, 308] {
        let answer = |body: &str| {
            let length = body.len();
            format!(
                "HTTP/1.1 {status} X\r\nlocation: /again\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
            )
        };
        assert_unknown(
            |body| Act::Send(answer(body).into_bytes()),
            Cause::HttpStatus(status),
            1,
        )
        .await;
    }
}

#[tokio::test]
async fn statuses_that_prove_nothing_are_unknown_even_with_a_perfect_body() {
    for status in [206, 429, 502, 503, 504] {
        let cause = Cause::HttpStatus(status);
        assert_unknown(|body| Act::Send(json(status, body)), cause, 1).await;
        for name in ["pay_declined", "pay_session_not_found", "void_not_found"] {
            let body = fixture(name).1;
            assert_unknown(|_| Act::Send(json(status, &body)), cause, 1).await;
        }
    }
    assert_unknown(
        |_| Act::Send(b"HTTP/1.1 204 X\r\n\r\n".to_vec()),
        Cause::HttpStatus(204),
        1,
    )
    .await;
}

#[tokio::test]
async fn the_html_of_a_gateway_timeout_is_unknown() {
    let (status, body) = fixture("gateway_timeout");
    assert_unknown(
        |_| Act::Send(http(status, "text/html", &body)),
        Cause::HttpStatus(504),
        1,
    )
    .await;
}

#[tokio::test]
async fn a_success_under_an_error_status_is_unknown() {
    for status in [202, 400, 404, 500] {
        assert_unknown(
            |body| Act::Send(json(status, body)),
            Cause::HttpStatus(status),
            1,
        )
        .await;
    }
}

#[tokio::test]
async fn an_answer_past_the_time_limit_is_unknown() {
    for way in WAYS {
        let server = WireServer::start(vec![Act::Stall]).await;
        let outcome = call(&impatient_payer(&server.url), way).await;
        assert!(
            matches!(outcome, Outcome::Unknown(Cause::Timeout)),
            "{way:?}: {outcome:?}"
        );
        assert_eq!(
            (server.connections(), server.requests().len()),
            (1, 1),
            "{way:?}"
        );
    }
}

#[tokio::test]
async fn a_body_that_never_ends_is_cut_off_by_the_time_limit() {
    for way in WAYS {
        let endless = cut(json(200, &way.done()), 1);
        let server = WireServer::start(vec![Act::KeepAnswering(endless)]).await;
        let outcome = call(&impatient_payer(&server.url), way).await;
        assert!(
            matches!(outcome, Outcome::Unknown(Cause::Timeout)),
            "{way:?}: {outcome:?}"
        );
    }
}

#[tokio::test]
async fn an_answer_of_a_mebibyte_is_unknown() {
    let padded = |body: &str| format!("{body}{}", " ".repeat(1024 * 1024));
    assert_unknown(
        |body| Act::Send(json(200, &padded(body))),
        Cause::AnswerTooLong,
        1,
    )
    .await;
}

#[tokio::test]
async fn an_answer_of_exactly_the_longest_length_is_read() {
    let padded = |body: &str, over: usize| {
        let room = Cause::ANSWER_MAX_BYTES - body.len() + over;
        format!("{body}{}", " ".repeat(room))
    };
    assert_done(|body| Act::Send(json(200, &padded(body, 0)))).await;
    assert_unknown(
        |body| Act::Send(json(200, &padded(body, 1))),
        Cause::AnswerTooLong,
        1,
    )
    .await;
}

#[tokio::test]
async fn broken_json_is_unknown() {
    for broken in ["", "{", "<html>", "approved"] {
        assert_unknown(|_| Act::Send(json(200, broken)), Cause::NotJson, 1).await;
    }
    let half = |body: &str| json(200, &body[..body.len() - 1]);
    assert_unknown(|body| Act::Send(half(body)), Cause::NotJson, 1).await;
    let twice = |body: &str| json(200, &format!("{body}{body}"));
    assert_unknown(|body| Act::Send(twice(body)), Cause::NotJson, 1).await;
    let mut not_text = cut(json(200, &" ".repeat(4)), 4);
    not_text.extend_from_slice(&[b'"', 0xff, 0xfe, b'"']);
    assert_unknown(|_| Act::Send(not_text.clone()), Cause::NotJson, 1).await;
}

#[tokio::test]
async fn another_content_type_is_unknown_even_with_a_perfect_body() {
    for content_type in [
        "text/html",
        "text/html; charset=utf-8",
        "application/javascript",
        "json",
    ] {
        assert_unknown(
            |body| Act::Send(http(200, content_type, body)),
            Cause::ContentType,
            1,
        )
        .await;
    }
}

#[tokio::test]
async fn an_answer_without_a_content_type_speaks_for_itself() {
    let answer = |body: &str| {
        let length = body.len();
        format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n{body}")
    };
    assert_done(|body| Act::Send(answer(body).into_bytes())).await;
}

#[tokio::test]
async fn a_compressed_answer_is_unknown() {
    let answer = |body: &str| {
        let length = body.len();
        format!(
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-encoding: gzip\r\ncontent-length: {length}\r\n\r\n{body}"
        )
    };
    assert_unknown(
        |body| Act::Send(answer(body).into_bytes()),
        Cause::ContentType,
        1,
    )
    .await;
}

#[tokio::test]
async fn bad_credentials_are_a_rejection_whatever_the_body_is() {
    for status in [401, 403] {
        for answer in [
            json(status, "{}"),
            json(status, "?"),
            http(status, "text/html", "<html>"),
        ] {
            each_alone(
                |_| Act::Send(answer.clone()),
                1,
                |outcome| matches!(outcome, Outcome::Rejected(Cause::Credentials)),
            )
            .await;
        }
    }
}

#[tokio::test]
async fn a_request_that_was_found_malformed_is_rejected() {
    let (status, body) = fixture("schema_violation");
    each_alone(
        |_| Act::Send(json(status, &body)),
        1,
        |outcome| matches!(outcome, Outcome::Rejected(Cause::Validation)),
    )
    .await;
}

#[tokio::test]
async fn everything_that_moves_money_opens_a_connection_of_its_own() {
    let (status, body) = fixture("transaction_approved");
    for way in WAYS {
        let server = WireServer::start(vec![
            Act::KeepAnswering(json(status, &body)),
            Act::KeepAnswering(json(200, &way.done())),
        ])
        .await;
        let client = client(&server.url);

        // Reads share a connection, which shows that there is a pool to keep away from.
        for _ in 0..2 {
            let read = client.transaction(&expected().reference).await;
            assert!(
                matches!(read, Outcome::Definite(TransactionRead::Approved(_))),
                "{read:?}"
            );
        }
        assert_eq!(server.connections(), 1);

        for calls in 1..=3 {
            let outcome = call(&client, way).await;
            assert!(
                matches!(outcome, Outcome::Definite(End::Done)),
                "{way:?}: {outcome:?}"
            );
            assert_eq!(server.connections(), 1 + calls, "{way:?}");
        }
        assert_eq!(server.requests().len(), 2 + 3);
    }
}

#[tokio::test]
async fn saving_and_replacing_a_card_is_tried_once() {
    for act in [
        Act::ResetAfterRequest,
        Act::Send(json(503, "{}")),
        Act::CloseAtOnce,
    ] {
        let server = WireServer::start(vec![act]).await;
        let client = client(&server.url);
        let created = client.create_token(&session(), &sealed(), "req-0001").await;
        assert!(matches!(created, Outcome::Unknown(_)), "{created:?}");
        assert_eq!(server.connections(), 1);
        let updated = client.update_token(&session(), &sealed(), "req-0001").await;
        assert!(matches!(updated, Outcome::Unknown(_)), "{updated:?}");
        assert_eq!(server.connections(), 2);
    }
}

#[tokio::test]
async fn an_order_is_opened_although_two_tries_break() {
    let (status, body) = fixture("create_order_response");
    let server = WireServer::start(vec![
        Act::ResetAfterRequest,
        Act::Send(json(503, "")),
        Act::Send(json(status, &body)),
    ])
    .await;
    let outcome = client(&server.url).create_order(&order()).await;
    assert!(matches!(outcome, Outcome::Definite(_)), "{outcome:?}");
    assert_eq!(server.connections(), 3);
}

#[tokio::test]
async fn a_repeated_call_gives_up_after_its_tries() {
    let server = WireServer::start(vec![Act::ResetAfterRequest]).await;
    let outcome = client(&server.url).transaction("reference").await;
    assert!(
        matches!(outcome, Outcome::Unknown(Cause::ConnectionLost)),
        "{outcome:?}"
    );
    assert_eq!(server.connections(), 3);

    let server = WireServer::start(vec![Act::Send(json(504, ""))]).await;
    let outcome = client(&server.url).create_order(&order()).await;
    assert!(
        matches!(outcome, Outcome::Unknown(Cause::HttpStatus(504))),
        "{outcome:?}"
    );
    assert_eq!(server.connections(), 3);
}

#[tokio::test]
async fn what_is_not_worth_repeating_is_not_repeated() {
    for (answer, cause) in [
        (json(429, ""), Cause::HttpStatus(429)),
        (json(500, "{}"), Cause::HttpStatus(500)),
        (json(200, "{"), Cause::NotJson),
    ] {
        let server = WireServer::start(vec![Act::Send(answer)]).await;
        let outcome = client(&server.url).create_order(&order()).await;
        assert!(
            matches!(outcome, Outcome::Unknown(found) if found == cause),
            "{outcome:?}"
        );
        assert_eq!(server.connections(), 1);
    }
    let server = WireServer::start(vec![Act::Stall]).await;
    let outcome = impatient_reader(&server.url).transaction("reference").await;
    assert!(
        matches!(outcome, Outcome::Unknown(Cause::Timeout)),
        "{outcome:?}"
    );
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn a_repeated_call_was_not_sent_only_if_no_try_was() {
    let outcome = client(&deserted_url().await).create_order(&order()).await;
    assert!(
        matches!(outcome, Outcome::NotSent(Cause::Connect)),
        "{outcome:?}"
    );
}

#[tokio::test]
async fn a_repeated_call_that_fails_to_connect_after_a_try_that_was_sent_is_unknown() {
    let sent: [Act; 2] = [Act::ResetAfterRequest, Act::Send(json(503, ""))];
    for act in sent {
        let server = WireServer::start_and_vanish(vec![act]).await;
        let outcome = client(&server.url).create_order(&order()).await;
        assert!(
            matches!(outcome, Outcome::Unknown(Cause::Connect)),
            "{outcome:?}"
        );
        assert_eq!(server.connections(), 1);
    }
}

// The environment cannot be changed in a running test, so this test binary runs once more.
#[test]
fn a_proxy_in_the_environment_is_not_used() {
    let output = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "transport::what_was_done_is_one_request_on_one_connection",
            "transport::an_order_is_opened_although_two_tries_break",
        ])
        // The discard port: a proxy there would swallow the request or refuse it.
        .envs(
            ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"]
                .map(|name| (name, "http://127.0.0.1:9")),
        )
        .env_remove("NO_PROXY")
        .env_remove("no_proxy")
        .env_remove("REQUEST_METHOD")
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}");
    assert!(text.contains("2 passed"), "{text}");
}

#[tokio::test]
async fn tries_of_zero_count_as_one() {
    let (status, body) = fixture("transaction_not_found");
    let server = WireServer::start(vec![Act::Send(json(status, &body))]).await;
    let mut config = config(&server.url);
    config.read_retry.tries = 0;
    config.read_retry.pause = Duration::from_secs(3600);
    let outcome = Client::new(config).unwrap().transaction("reference").await;
    assert!(
        matches!(outcome, Outcome::Definite(TransactionRead::NotFound)),
        "{outcome:?}"
    );
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn what_cannot_be_sent_is_not_sent() {
    let server = WireServer::start(vec![Act::Send(json(200, "{}"))]).await;
    let client = client(&server.url);
    for reference in ["", "a b", "a,status:200", "ñ", &"a".repeat(65)] {
        let mut expected = expected();
        expected.reference = reference.to_owned();
        let paid = client.pay(&session(), &sealed(), &expected).await;
        assert!(
            matches!(paid, Outcome::NotSent(Cause::Request("reference"))),
            "{paid:?}"
        );
        let mut order = order();
        order.reference = reference.to_owned();
        let paid = client.pay_with_token(&order, &card_token()).await;
        assert!(
            matches!(paid, Outcome::NotSent(Cause::Request("reference"))),
            "{paid:?}"
        );
        let mut transaction = crate::given::paid();
        transaction.reference = reference.to_owned();
        for changed in [
            client.void(&transaction).await,
            client.refund(&transaction).await,
            client.capture(&transaction, None).await,
        ] {
            assert!(
                matches!(changed, Outcome::NotSent(Cause::Request("reference"))),
                "{changed:?}"
            );
        }
        let saved = client.create_token(&session(), &sealed(), reference).await;
        assert!(
            matches!(saved, Outcome::NotSent(Cause::Request("reference"))),
            "{saved:?}"
        );
        let read = client.transaction(reference).await;
        assert!(
            matches!(read, Outcome::NotSent(Cause::Request("reference"))),
            "{read:?}"
        );
    }
    let mut order = order();
    order.items[0].unit_price = Some(
        ventanilla_core::money::Money::from_minor(1, ventanilla_core::money::Currency::USD)
            .unwrap(),
    );
    let opened = client.create_order(&order).await;
    assert!(
        matches!(opened, Outcome::NotSent(Cause::Request("items"))),
        "{opened:?}"
    );
    assert_eq!(server.connections(), 0);
}

#[tokio::test]
async fn every_operation_reads_its_documented_answer_over_the_wire() {
    let answering = async |name: &str| {
        let (status, body) = fixture(name);
        WireServer::start(vec![Act::Send(json(status, &body))]).await
    };
    let server = answering("tokenize_order_response").await;
    let opened = client(&server.url).create_token_order("req-0001").await;
    assert!(matches!(opened, Outcome::Definite(_)), "{opened:?}");

    let server = answering("tokenize_created").await;
    let saved = client(&server.url)
        .create_token(&session(), &sealed(), "req-0001")
        .await;
    assert!(matches!(saved, Outcome::Definite(_)), "{saved:?}");

    let server = answering("update_token_created").await;
    let saved = client(&server.url)
        .update_token(&session(), &sealed(), "req-0001")
        .await;
    assert!(matches!(saved, Outcome::Definite(_)), "{saved:?}");

    let server = answering("get_token_found").await;
    let found = client(&server.url).token(&card_token()).await;
    assert!(matches!(found, Outcome::Definite(_)), "{found:?}");

    let server = answering("delete_token").await;
    let deleted = client(&server.url)
        .delete_token(&card_token(), "req-0002")
        .await;
    assert!(matches!(deleted, Outcome::Definite(())), "{deleted:?}");

    let server = answering("transaction_not_found").await;
    let read = client(&server.url).transaction(&expected().reference).await;
    assert!(
        matches!(read, Outcome::Definite(TransactionRead::NotFound)),
        "{read:?}"
    );

    let server = answering("subscription_cancelled").await;
    let cancelled = client(&server.url)
        .cancel_subscription(&subscription(), "back-office", "Moved away")
        .await;
    assert!(
        matches!(cancelled, Outcome::Definite(SubscriptionAnswer::Done(_))),
        "{cancelled:?}"
    );

    let server = answering("subscription_card_changed").await;
    let changed = client(&server.url)
        .change_subscription_card(&subscription(), "back-office", &card_token())
        .await;
    assert!(
        matches!(changed, Outcome::Definite(SubscriptionAnswer::Done(_))),
        "{changed:?}"
    );

    let server = answering("subscription_amount_changed").await;
    let changed = client(&server.url)
        .change_subscription_amount(&subscription(), "back-office", crc(550_099))
        .await;
    assert!(
        matches!(changed, Outcome::Definite(SubscriptionAnswer::Done(_))),
        "{changed:?}"
    );

    let server = answering("subscriptions_listed").await;
    let listed = client(&server.url)
        .subscriptions(&SubscriptionFilter::default(), FIRST_PAGE)
        .await;
    assert!(matches!(listed, Outcome::Definite(_)), "{listed:?}");

    let server = answering("subscription_payments_listed").await;
    let listed = client(&server.url)
        .subscription_payments(&subscription(), FIRST_PAGE)
        .await;
    assert!(matches!(listed, Outcome::Definite(_)), "{listed:?}");
}

#[tokio::test]
async fn a_card_and_an_authorization_that_cannot_be_are_not_sent() {
    let server = WireServer::start(vec![Act::Send(json(200, "{}"))]).await;
    let client = client(&server.url);
    let odd = |change: fn(&mut PaidTransaction)| {
        let mut transaction = paid();
        change(&mut transaction);
        transaction
    };
    for (transaction, field) in [
        (odd(|t| t.bin = "41111".to_owned()), "bin"),
        (odd(|t| t.bin = "4111111111111111".to_owned()), "bin"),
        (odd(|t| t.bin = "41111x".to_owned()), "bin"),
        (odd(|t| t.bin = "41111ñ".to_owned()), "bin"),
        (odd(|t| t.last4 = "111".to_owned()), "last4"),
        (odd(|t| t.last4 = "11111".to_owned()), "last4"),
        (odd(|t| t.last4 = "11 1".to_owned()), "last4"),
        (odd(|t| t.authorization.clear()), "authorization"),
        (odd(|t| t.authorization.push(' ')), "authorization"),
        (odd(|t| t.authorization = "0".repeat(33)), "authorization"),
    ] {
        for changed in [
            client.void(&transaction).await,
            client.refund(&transaction).await,
            client.capture(&transaction, None).await,
        ] {
            assert!(
                matches!(changed, Outcome::NotSent(Cause::Request(found)) if found == field),
                "{transaction:?}: {changed:?}"
            );
        }
    }
    let nothing = client.capture(&paid(), Some(crc(0))).await;
    assert!(
        matches!(nothing, Outcome::NotSent(Cause::Request("amount"))),
        "{nothing:?}"
    );
    assert_eq!(server.connections(), 0);
}

/// All but the last `missing` bytes.
fn cut(mut answer: Vec<u8>, missing: usize) -> Vec<u8> {
    answer.truncate(answer.len() - missing);
    answer
}

#[tokio::test]
async fn an_approval_of_another_order_is_unknown_even_if_it_is_well_signed() {
    let (_, body) = fixture("pay_approved");
    let mut body: serde_json::Value = serde_json::from_str(&body).unwrap();
    body["orderId"] = "another".into();
    body["_signature"] = sign("status:200,orderId:another").into();
    let server = WireServer::start(vec![Act::Send(json(200, &body.to_string()))]).await;
    for way in [Way::SealedCard, Way::CardToken] {
        let outcome = call(&client(&server.url), way).await;
        assert!(
            matches!(outcome, Outcome::Unknown(Cause::Reference)),
            "{way:?}: {outcome:?}"
        );
    }
}
