//! What a broken network may make of a call, and that a call that moves money leaves once at most.

use std::process::Command;
use std::time::Duration;

use ventanilla_providers::greenpay::{Client, Payment, TransactionRead};
use ventanilla_providers::{Cause, Outcome};

use crate::given::{
    card_token, client, config, expected, fixture, impatient_payer, impatient_reader,
    minimal_order, order, sealed, session, sign,
};
use crate::wire_server::{Act, WireServer, deserted_url, http, json};

/// Both ways to move money, told apart by nothing in what is expected of them.
async fn pay(client: &Client, way: Way) -> Outcome<Payment> {
    match way {
        Way::SealedCard => client.pay(&session(), &sealed(), &expected()).await,
        Way::CardToken => client.pay_with_token(&minimal_order(), &card_token()).await,
    }
}

#[derive(Clone, Copy, Debug)]
enum Way {
    SealedCard,
    CardToken,
}

const WAYS: [Way; 2] = [Way::SealedCard, Way::CardToken];

fn approved() -> Vec<u8> {
    let (status, body) = fixture("pay_approved");
    json(status, &body)
}

fn declined() -> Vec<u8> {
    let (status, body) = fixture("pay_declined");
    json(status, &body)
}

/// `act` makes of a payment an unknown one with `cause`, after `requests` requests on one connection.
async fn assert_unknown(act: Act, cause: Cause, requests: usize) {
    for way in WAYS {
        let server = WireServer::start(vec![act.clone(), Act::KeepAnswering(approved())]).await;
        let outcome = pay(&client(&server.url), way).await;
        assert!(
            matches!(outcome, Outcome::Unknown(found) if found == cause),
            "{way:?}: expected {cause:?}, found {outcome:?}"
        );
        assert_eq!(server.connections(), 1, "{way:?}");
        assert_eq!(server.requests().len(), requests, "{way:?}");
    }
}

#[tokio::test]
async fn an_approved_payment_is_one_request_on_one_connection() {
    for way in WAYS {
        let server = WireServer::start(vec![Act::Send(approved())]).await;
        let outcome = pay(&client(&server.url), way).await;
        assert!(
            matches!(outcome, Outcome::Definite(Payment::Approved(_))),
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
async fn a_declined_payment_is_one_request_on_one_connection() {
    for way in WAYS {
        let server = WireServer::start(vec![Act::Send(declined())]).await;
        let outcome = pay(&client(&server.url), way).await;
        let Outcome::Definite(Payment::Declined { code }) = outcome else {
            panic!("{way:?}: {outcome:?}");
        };
        assert_eq!(code.as_deref(), Some("51"));
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
        let outcome = pay(&client(&deserted_url().await), way).await;
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
    let outcome = pay(&client(&url), Way::SealedCard).await;
    assert!(
        matches!(outcome, Outcome::NotSent(Cause::Connect)),
        "{outcome:?}"
    );
}

#[tokio::test]
async fn a_failed_tls_handshake_proves_that_nothing_was_sent() {
    for act in [Act::CloseAtOnce, Act::Send(approved()), Act::Ignore] {
        let server = WireServer::start(vec![act]).await;
        let mut config = config(&server.url.replace("http:", "https:"));
        config.timeouts.connect = Duration::from_millis(300);
        let outcome = pay(&Client::new(config).unwrap(), Way::SealedCard).await;
        assert!(
            matches!(outcome, Outcome::NotSent(Cause::Connect)),
            "{outcome:?}"
        );
        assert_eq!(server.connections(), 1);
    }
}

#[tokio::test]
async fn a_connection_closed_before_the_request_is_read_is_unknown() {
    assert_unknown(Act::CloseAtOnce, Cause::ConnectionLost, 0).await;
}

#[tokio::test]
async fn a_connection_reset_after_the_request_is_unknown() {
    assert_unknown(Act::ResetAfterRequest, Cause::ConnectionLost, 1).await;
}

#[tokio::test]
async fn a_connection_closed_without_an_answer_is_unknown() {
    assert_unknown(Act::Send(Vec::new()), Cause::ConnectionLost, 1).await;
}

#[tokio::test]
async fn an_answer_cut_in_the_head_is_unknown() {
    assert_unknown(
        Act::Send(approved()[..30].to_vec()),
        Cause::ConnectionLost,
        1,
    )
    .await;
}

#[tokio::test]
async fn an_answer_cut_in_the_body_is_unknown() {
    let whole = approved();
    assert_unknown(
        Act::Send(whole[..whole.len() - 1].to_vec()),
        Cause::ConnectionLost,
        1,
    )
    .await;
}

#[tokio::test]
async fn a_connection_reset_in_the_middle_of_the_body_is_unknown() {
    let whole = approved();
    assert_unknown(
        Act::SendThenReset(whole[..whole.len() - 40].to_vec()),
        Cause::ConnectionLost,
        1,
    )
    .await;
}

#[tokio::test]
async fn a_chunked_answer_without_its_last_chunk_is_unknown() {
    let (_, body) = fixture("pay_approved");
    let answer = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n{:x}\r\n{body}\r\n",
        body.len()
    );
    assert_unknown(Act::Send(answer.into_bytes()), Cause::ConnectionLost, 1).await;
}

#[tokio::test]
async fn a_redirect_is_not_followed_nor_is_its_body_believed() {
    for name in ["pay_approved", "pay_declined"] {
        let (_, body) = fixture(name);
        for status in [301, 302, 303, 307, 308] {
            let answer = format!(
                "HTTP/1.1 {status} X\r\nlocation: /again\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
                body.len()
            );
            assert_unknown(Act::Send(answer.into_bytes()), Cause::HttpStatus(status), 1).await;
        }
    }
}

#[tokio::test]
async fn statuses_that_prove_nothing_are_unknown_even_with_a_perfect_body() {
    for name in ["pay_approved", "pay_declined", "pay_session_not_found"] {
        let (_, body) = fixture(name);
        for status in [204, 206, 429, 502, 503, 504] {
            let mut answer = json(status, &body);
            if status == 204 {
                answer = b"HTTP/1.1 204 X\r\n\r\n".to_vec();
            }
            assert_unknown(Act::Send(answer), Cause::HttpStatus(status), 1).await;
        }
    }
}

#[tokio::test]
async fn the_html_of_a_gateway_timeout_is_unknown() {
    let (status, body) = fixture("gateway_timeout");
    assert_unknown(
        Act::Send(http(status, "text/html", &body)),
        Cause::HttpStatus(504),
        1,
    )
    .await;
}

#[tokio::test]
async fn an_approval_under_an_error_status_is_unknown() {
    let (_, body) = fixture("pay_approved");
    for status in [202, 400, 404, 500] {
        assert_unknown(Act::Send(json(status, &body)), Cause::HttpStatus(status), 1).await;
    }
}

#[tokio::test]
async fn an_answer_past_the_time_limit_is_unknown() {
    for way in WAYS {
        let server = WireServer::start(vec![Act::Stall]).await;
        let outcome = pay(&impatient_payer(&server.url), way).await;
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
    let whole = approved();
    let server =
        WireServer::start(vec![Act::KeepAnswering(whole[..whole.len() - 1].to_vec())]).await;
    let outcome = pay(&impatient_payer(&server.url), Way::SealedCard).await;
    assert!(
        matches!(outcome, Outcome::Unknown(Cause::Timeout)),
        "{outcome:?}"
    );
}

#[tokio::test]
async fn an_answer_of_a_mebibyte_is_unknown() {
    let (_, body) = fixture("pay_approved");
    let padded = format!("{body}{}", " ".repeat(1024 * 1024));
    assert_unknown(Act::Send(json(200, &padded)), Cause::AnswerTooLong, 1).await;
}

#[tokio::test]
async fn an_answer_of_exactly_the_longest_length_is_read() {
    let (_, body) = fixture("pay_approved");
    let room = Cause::ANSWER_MAX_BYTES - body.len();
    let longest = format!("{body}{}", " ".repeat(room));
    let server = WireServer::start(vec![Act::Send(json(200, &longest))]).await;
    let outcome = pay(&client(&server.url), Way::SealedCard).await;
    assert!(
        matches!(outcome, Outcome::Definite(Payment::Approved(_))),
        "{outcome:?}"
    );

    let longer = format!("{body}{}", " ".repeat(room + 1));
    assert_unknown(Act::Send(json(200, &longer)), Cause::AnswerTooLong, 1).await;
}

#[tokio::test]
async fn broken_json_is_unknown() {
    let (_, body) = fixture("pay_approved");
    let cut = &body[..body.len() - 1];
    for broken in ["", "{", "<html>", "approved", cut, &format!("{body}{body}")] {
        assert_unknown(Act::Send(json(200, broken)), Cause::NotJson, 1).await;
    }
    let mut not_text = json(200, &" ".repeat(4));
    not_text.truncate(not_text.len() - 4);
    not_text.extend_from_slice(&[b'"', 0xff, 0xfe, b'"']);
    assert_unknown(Act::Send(not_text), Cause::NotJson, 1).await;
}

#[tokio::test]
async fn another_content_type_is_unknown_even_with_a_perfect_body() {
    let (_, body) = fixture("pay_approved");
    for content_type in [
        "text/html",
        "text/html; charset=utf-8",
        "application/javascript",
        "json",
    ] {
        assert_unknown(
            Act::Send(http(200, content_type, &body)),
            Cause::ContentType,
            1,
        )
        .await;
    }
}

#[tokio::test]
async fn an_answer_without_a_content_type_speaks_for_itself() {
    let (_, body) = fixture("pay_approved");
    let answer = format!(
        "HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    let server = WireServer::start(vec![Act::Send(answer.into_bytes())]).await;
    let outcome = pay(&client(&server.url), Way::SealedCard).await;
    assert!(
        matches!(outcome, Outcome::Definite(Payment::Approved(_))),
        "{outcome:?}"
    );
}

#[tokio::test]
async fn a_compressed_answer_is_unknown() {
    let (_, body) = fixture("pay_approved");
    let answer = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-encoding: gzip\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    assert_unknown(Act::Send(answer.into_bytes()), Cause::ContentType, 1).await;
}

#[tokio::test]
async fn bad_credentials_are_a_rejection_whatever_the_body_is() {
    for way in WAYS {
        for status in [401, 403] {
            for answer in [
                json(status, "{}"),
                json(status, "?"),
                http(status, "text/html", "<html>"),
            ] {
                let server = WireServer::start(vec![Act::Send(answer)]).await;
                let outcome = pay(&client(&server.url), way).await;
                assert!(
                    matches!(outcome, Outcome::Rejected(Cause::Credentials)),
                    "{outcome:?}"
                );
                assert_eq!((server.connections(), server.requests().len()), (1, 1));
            }
        }
    }
}

#[tokio::test]
async fn every_payment_opens_a_connection_of_its_own() {
    let (status, body) = fixture("transaction_approved");
    let server = WireServer::start(vec![
        Act::KeepAnswering(json(status, &body)),
        Act::KeepAnswering(approved()),
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

    for payments in 1..=3 {
        for way in WAYS {
            let before = server.connections();
            let outcome = pay(&client, way).await;
            assert!(
                matches!(outcome, Outcome::Definite(Payment::Approved(_))),
                "{outcome:?}"
            );
            assert_eq!(
                server.connections(),
                before + 1,
                "payment {payments}, {way:?}"
            );
        }
    }
    assert_eq!(server.requests().len(), 2 + 6);
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
            "transport::an_approved_payment_is_one_request_on_one_connection",
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
    let server = WireServer::start(vec![Act::Send(approved())]).await;
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
}

#[tokio::test]
async fn an_approval_of_another_order_is_unknown_even_if_it_is_well_signed() {
    let (_, body) = fixture("pay_approved");
    let mut body: serde_json::Value = serde_json::from_str(&body).unwrap();
    body["orderId"] = "another".into();
    body["_signature"] = sign("status:200,orderId:another").into();
    assert_unknown(Act::Send(json(200, &body.to_string())), Cause::Reference, 1).await;
}
