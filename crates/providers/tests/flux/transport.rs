//! What a broken network may make of a call, and that what moves money leaves once at most.

use ventanilla_providers::flux::Client;
use ventanilla_providers::{Cause, Outcome};

use crate::given::{Way, client, config, token_body};
use crate::provider::Provider;
use crate::wire_server::{Act, WireServer, deserted_url, http, json};

fn token() -> Act {
    Act::Send(json(200, &token_body(1)))
}

/// `act` makes every way end unknown with `cause`; the read is asked `reads` times.
async fn assert_unknown(act: impl Fn(&str) -> Act, cause: Cause, reads: usize) {
    let times = |way: Way| if way.is_read() { reads } else { 1 };
    let mut acts = vec![token()];
    for way in Way::ALL {
        acts.extend(std::iter::repeat_n(act(&way.done()), times(way)));
    }
    acts.push(Act::Stall);
    let server = WireServer::start(acts).await;
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
            matches!(outcome, Outcome::Definite(_)),
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
async fn nobody_there_any_more_means_that_nothing_was_sent() {
    for way in Way::MONEY {
        let server = WireServer::start_and_vanish(vec![token()]).await;
        let client = client(&server.url);
        let ready = client.ready().await;
        assert!(matches!(ready, Outcome::Definite(())), "{ready:?}");
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
    for status in [200, 400, 404, 500] {
        let act = |_: &str| Act::Send(http(status, "text/html", page));
        assert_unknown(act, Cause::ContentType, 1).await;
    }
    // At the door: a page of whatever stands in front of Flux says nothing of Flux.
    let act = |_: &str| Act::Send(http(403, "text/html", page));
    assert_unknown(act, Cause::HttpStatus(403), 1).await;
    let act = |_: &str| Act::Send(http(502, "text/html", page));
    assert_unknown(act, Cause::HttpStatus(502), 2).await;
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
async fn a_redirect_is_not_followed_and_a_rate_limit_not_believed() {
    let other = WireServer::start(vec![Act::Send(json(200, "{}"))]).await;
    for status in [301, 302, 307, 308, 429] {
        let answer = format!(
            "HTTP/1.1 {status} X\r\nlocation: {}/v3/payments\r\ncontent-length: 0\r\n\r\n",
            other.url
        );
        let act = |_: &str| Act::Send(answer.clone().into_bytes());
        assert_unknown(act, Cause::HttpStatus(status), 1).await;
    }
    assert_eq!(other.connections(), 0);
}

#[tokio::test]
async fn a_look_up_outlives_a_provider_that_is_away_for_a_moment() {
    for act in [
        Act::ResetAfterRequest,
        Act::Send(http(503, "text/html", "")),
    ] {
        let found = Act::Send(json(200, &Way::Transaction.done()));
        let server = WireServer::start(vec![token(), act, found]).await;
        let outcome = Way::Transaction.call(&client(&server.url)).await;
        assert!(matches!(outcome, Outcome::Definite(_)), "{outcome:?}");
    }
}

#[tokio::test]
async fn a_provider_that_never_answers_is_given_up() {
    let server = WireServer::start(vec![token(), Act::Stall]).await;
    let mut config = config(&server.url);
    config.timeouts.money = std::time::Duration::from_millis(100);
    let client = Client::new(config).unwrap();
    for way in Way::MONEY {
        let outcome = way.call(&client).await;
        assert!(
            matches!(outcome, Outcome::Unknown(Cause::Timeout)),
            "{way:?}: {outcome:?}"
        );
    }
    assert_eq!(server.requests().len(), 1 + 2);
}
