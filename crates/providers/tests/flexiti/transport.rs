//! What a broken network may make of a call, and that what holds or moves money leaves once at most.

use ventanilla_providers::flexiti::{Client, Decision};
use ventanilla_providers::{Cause, Outcome};

use crate::given::{Way, client, config};
use crate::provider::{Provider, token as token_reply};
use crate::wire_server::{Act, WireServer, deserted_url, http, json};

fn token() -> Act {
    Act::Send(token_reply(1).bytes)
}

/// `act` makes every way end unknown with `cause`; what is harmless is asked `times`.
async fn assert_unknown(act: impl Fn(&str) -> Act, cause: Cause, times: usize) {
    let times = |way: Way| if way.is_harmless() { times } else { 1 };
    let mut acts = vec![token()];
    for way in Way::ALL {
        if way == Way::OpenWidget {
            acts.push(token());
        }
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
        requests += times(way) + usize::from(way == Way::OpenWidget);
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
            matches!(outcome, Outcome::Definite(Decision::Done(()))),
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
    let broken = |body: &str| {
        let mut bytes = json(200, &format!("{body} "));
        bytes.truncate(bytes.len() - 1);
        Act::Send(bytes)
    };
    assert_unknown(broken, Cause::ConnectionLost, 2).await;
}

#[tokio::test]
async fn an_html_page_is_unknown_whatever_its_status_says() {
    let page = "<html><body>ok</body></html>";
    for status in [200, 404, 409, 500] {
        assert_unknown(
            |_| Act::Send(http(status, "text/html", page)),
            Cause::ContentType,
            1,
        )
        .await;
    }
    assert_unknown(
        |_| Act::Send(http(502, "text/html", page)),
        Cause::HttpStatus(502),
        2,
    )
    .await;
}

#[tokio::test]
async fn what_is_no_json_is_unknown() {
    let (provider, script) = Provider::scripted().await;
    let client = client(&provider.url);
    for (body, cause) in [
        ("<html>", Cause::NotJson),
        ("{", Cause::NotJson),
        ("[]", Cause::Shape("body")),
        ("null", Cause::Shape("body")),
        ("\"\"", Cause::Shape("body")),
    ] {
        for way in Way::ALL {
            // All that is read of those two answers is whether they are objects.
            let cause = match way {
                Way::Deposit | Way::Refund => Cause::Shape("body"),
                _ => cause,
            };
            script.say(200, body);
            let outcome = way.call(&client).await;
            assert!(
                matches!(&outcome, Outcome::Unknown(found) if *found == cause),
                "{way:?} {body}: {outcome:?}"
            );
        }
    }
}

#[tokio::test]
async fn a_huge_answer_is_unknown_and_not_read_to_its_end() {
    let filler = " ".repeat(Cause::ANSWER_MAX_BYTES);
    let huge = |body: &str| Act::Send(json(200, &format!("{filler}{body}")));
    assert_unknown(huge, Cause::AnswerTooLong, 1).await;
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let other = WireServer::start(vec![Act::Send(json(200, "{}"))]).await;
    for status in [301, 302, 307, 308] {
        let location = format!(
            "HTTP/1.1 {status} X\r\nlocation: {}/flexiti\r\ncontent-length: 0\r\n\r\n",
            other.url
        );
        let redirect = |_: &str| Act::Send(location.clone().into_bytes());
        assert_unknown(redirect, Cause::HttpStatus(status), 1).await;
    }
    assert_eq!(other.connections(), 0);
}

#[tokio::test]
async fn what_changes_nothing_outlives_a_provider_that_is_away_for_a_moment() {
    for way in Way::ALL.into_iter().filter(|way| way.is_harmless()) {
        for act in [
            Act::ResetAfterRequest,
            Act::Send(http(503, "text/html", "")),
        ] {
            let done = Act::Send(json(200, &way.done()));
            let mut acts = vec![act, done];
            if way != Way::CalculateInterest {
                acts.insert(0, token());
            }
            let server = WireServer::start(acts).await;
            let outcome = way.call(&client(&server.url)).await;
            assert!(
                matches!(outcome, Outcome::Definite(_)),
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
    let moving: Vec<_> = Way::ALL
        .into_iter()
        .filter(|way| !way.is_harmless())
        .collect();
    // The first is one of the merchant's, so that the token is asked for.
    assert!(moving[0].is_merchants());
    for way in &moving {
        let outcome = way.call(&client).await;
        assert!(
            matches!(outcome, Outcome::Unknown(Cause::Timeout)),
            "{way:?}: {outcome:?}"
        );
    }
    assert_eq!(server.requests().len(), 1 + moving.len());
}
