//! What a broken network may make of a call, and that what is not a read leaves once at most.

use ventanilla_providers::cvu::Client;
use ventanilla_providers::{Cause, Outcome};

use crate::given::{Way, client, config};
use crate::provider::Provider;
use crate::wire_server::{Act, WireServer, deserted_url, http, json};

fn token() -> Act {
    Act::Send(json(
        200,
        r#"{"status":"ok","token":"TOKEN-1","expires_at":1795219200}"#,
    ))
}

/// `act` makes every way end unknown with `cause`; reads are asked `reads` times.
async fn assert_unknown(act: impl Fn(&str) -> Act, cause: Cause, reads: usize) {
    let times = |way: Way| if way.is_read() { reads } else { 1 };
    let mut acts = vec![token()];
    for way in Way::ALL {
        acts.extend(std::iter::repeat_n(act(&way.done()), times(way)));
    }
    acts.push(Act::Stall);
    let server = WireServer::start(acts).await;
    // One client for all: to read the trusted certificates takes longer than the rest.
    let client = client(&server.url);
    let mut requests = 1;
    for way in Way::ALL {
        let outcome = way.call(&client).await;
        assert!(
            matches!(&outcome, Outcome::Unknown(found) if *found == cause),
            "{way:?}: {outcome:?}"
        );
        requests += times(way);
        assert_eq!(server.requests().len(), requests, "{way:?}");
    }
}

#[tokio::test]
async fn what_is_done_is_one_request() {
    let (provider, script) = Provider::scripted().await;
    let client = client(&provider.url);
    for (way, calls) in Way::ALL.into_iter().zip(1..) {
        script.say(200, &way.done());
        let outcome = way.call(&client).await;
        assert!(
            matches!(outcome, Outcome::Definite(())),
            "{way:?}: {outcome:?}"
        );
        assert_eq!(provider.count(), calls, "{way:?}");
    }
}

#[tokio::test]
async fn nobody_there_means_that_nothing_was_sent() {
    let url = deserted_url().await;
    let client = client(&url);
    for way in Way::ALL {
        let outcome = way.call(&client).await;
        assert!(
            matches!(outcome, Outcome::NotSent(Cause::Connect)),
            "{way:?}: {outcome:?}"
        );
    }
}

#[tokio::test]
async fn a_connection_that_breaks_is_unknown() {
    assert_unknown(|_| Act::ResetAfterRequest, Cause::ConnectionLost, 2).await;
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_unknown() {
    assert_unknown(
        |body| {
            let mut bytes = json(200, body);
            bytes.truncate(bytes.len() - 3);
            Act::Send(bytes)
        },
        Cause::ConnectionLost,
        2,
    )
    .await;
}

#[tokio::test]
async fn an_html_page_is_unknown_whatever_its_status_says() {
    let page = "<html><body>ok</body></html>";
    assert_unknown(
        |_| Act::Send(http(200, "text/html", page)),
        Cause::ContentType,
        1,
    )
    .await;
    assert_unknown(
        |_| Act::Send(http(500, "text/html", page)),
        Cause::ContentType,
        1,
    )
    .await;
    assert_unknown(
        |_| Act::Send(http(502, "text/html", page)),
        Cause::HttpStatus(502),
        2,
    )
    .await;
    assert_unknown(|_| Act::Send(json(200, page)), Cause::NotJson, 1).await;
}

#[tokio::test]
async fn a_huge_answer_is_unknown_and_not_read_to_its_end() {
    let filler = " ".repeat(Cause::ANSWER_MAX_BYTES);
    assert_unknown(
        |body| Act::Send(json(200, &format!("{filler}{body}"))),
        Cause::AnswerTooLong,
        1,
    )
    .await;
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let other = WireServer::start(vec![Act::Send(json(200, r#"{"status":"ok"}"#))]).await;
    for status in [301, 302, 307, 308] {
        let location = format!(
            "HTTP/1.1 {status} X\r\nlocation: {}/v2/account/balance\r\ncontent-length: 0\r\n\r\n",
            other.url
        );
        assert_unknown(
            |_| Act::Send(location.clone().into_bytes()),
            Cause::HttpStatus(status),
            1,
        )
        .await;
    }
    assert_eq!(other.connections(), 0);
}

#[tokio::test]
async fn a_status_other_than_ok_is_a_failure_whatever_http_says() {
    let (provider, script) = Provider::scripted().await;
    let client = client(&provider.url);
    for http_status in [200, 201, 400, 404, 422] {
        for way in Way::ALL {
            script.say(http_status, &way.done().replace(r#""ok""#, r#""error""#));
            let outcome = way.call(&client).await;
            let is_expected = match way {
                Way::CashOut => matches!(outcome, Outcome::Unknown(Cause::Refused)),
                _ => matches!(outcome, Outcome::Rejected(Cause::Refused)),
            };
            assert!(is_expected, "{way:?} {http_status}: {outcome:?}");
            script.say(
                http_status,
                &way.done().replace(r#""ok""#, r#""procesando""#),
            );
            let outcome = way.call(&client).await;
            assert!(
                matches!(outcome, Outcome::Unknown(_)),
                "{way:?} {http_status}: {outcome:?}"
            );
        }
    }
}

#[tokio::test]
async fn an_ok_is_one_whatever_http_says_but_for_a_transfer_out() {
    let (provider, script) = Provider::scripted().await;
    let client = client(&provider.url);
    let mut calls = 0;
    for way in Way::ALL {
        for http_status in [400, 500] {
            script.say(http_status, &way.done());
            let outcome = way.call(&client).await;
            let is_expected = match way {
                Way::CashOut => matches!(outcome, Outcome::Unknown(Cause::Contradiction)),
                _ => matches!(outcome, Outcome::Definite(())),
            };
            assert!(is_expected, "{way:?} {http_status}: {outcome:?}");
            calls += 1;
            assert_eq!(provider.count(), calls, "{way:?} {http_status}");
        }
    }
}

#[tokio::test]
async fn a_read_outlives_a_provider_that_is_away_for_a_moment() {
    for way in Way::ALL.into_iter().filter(|way| way.is_read()) {
        for act in [
            Act::ResetAfterRequest,
            Act::Send(http(503, "text/html", "")),
        ] {
            let server =
                WireServer::start(vec![token(), act, Act::Send(json(200, &way.done()))]).await;
            let outcome = way.call(&client(&server.url)).await;
            assert!(
                matches!(outcome, Outcome::Definite(())),
                "{way:?}: {outcome:?}"
            );
        }
    }
}

#[tokio::test]
async fn a_provider_that_never_answers_is_given_up() {
    let server = WireServer::start(vec![token(), Act::Stall]).await;
    let mut config = config(&server.url);
    config.timeouts.money = std::time::Duration::from_millis(100);
    let client = Client::new(config).unwrap();
    for way in Way::ALL.into_iter().filter(|way| !way.is_read()) {
        let outcome = way.call(&client).await;
        assert!(
            matches!(outcome, Outcome::Unknown(Cause::Timeout)),
            "{way:?}: {outcome:?}"
        );
    }
    assert_eq!(server.requests().len(), 1 + 7);
}

#[tokio::test]
async fn a_probe_is_answered_by_a_provider_that_takes_the_credentials() {
    let body = Way::Concepts.done();
    let server = WireServer::start(vec![token(), Act::Send(json(200, &body))]).await;
    let outcome = client(&server.url).probe().await;
    assert!(matches!(outcome, Outcome::Definite(())), "{outcome:?}");
}
