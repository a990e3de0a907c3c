//! The access token: one request for it at a time, ahead of its end, and a read that is asked once more.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use ventanilla_providers::cvu::Client;
use ventanilla_providers::{Cause, Outcome};

use crate::given::{Hand, NOW, Way, config};
use crate::provider::{Provider, Reply, reply, token};

fn balance() -> Reply {
    reply(200, r#"{"status":"ok","amount":125000}"#)
}

/// A token that the provider says ends at this.
fn token_until(count: usize, expires_at: &str) -> Reply {
    let count = count + 1;
    reply(
        200,
        &format!(r#"{{"status":"ok","token":"TOKEN-{count}","expires_at":{expires_at}}}"#),
    )
}

fn client_at(url: &str, hand: &Hand) -> Client {
    let mut config = config(url);
    config.clock = hand.clock();
    Client::new(config).unwrap()
}

async fn ask(client: &Client) {
    let outcome = client.balance().await;
    assert!(matches!(outcome, Outcome::Definite(_)), "{outcome:?}");
}

/// Fifty calls that all wait for the one request for a token, which is then answered as `first` says.
async fn fifty(first: fn() -> Reply) -> (Provider, Vec<Outcome<()>>) {
    let go_on = Arc::new(Notify::new());
    let held_by = go_on.clone();
    let provider = Provider::start(move |seen, count| match seen.is_for_a_token() {
        true if count == 0 => Reply {
            held_by: Some(held_by.clone()),
            ..first()
        },
        true => token(count + 1),
        false => balance(),
    })
    .await;
    let client = Arc::new(Client::new(config(&provider.url)).unwrap());
    let calls: Vec<_> = (0..50)
        .map(|_| {
            let client = client.clone();
            tokio::spawn(async move { Way::Balance.call(&client).await })
        })
        .collect();
    provider.has_been_asked().await;
    // One thread: every call that was spawned before has run as far as it can by now.
    tokio::task::yield_now().await;
    go_on.notify_one();
    let mut outcomes = Vec::new();
    for call in calls {
        outcomes.push(call.await.unwrap());
    }
    (provider, outcomes)
}

#[tokio::test]
async fn fifty_calls_at_once_ask_for_one_token() {
    let (provider, outcomes) = fifty(|| token(1)).await;
    assert!(
        outcomes
            .iter()
            .all(|outcome| matches!(outcome, Outcome::Definite(())))
    );
    assert_eq!(provider.token_requests(), 1);
    assert_eq!(provider.calls().len(), 50);
    assert!(
        provider
            .calls()
            .iter()
            .all(|seen| seen.token.as_deref() == Some("TOKEN-1"))
    );
}

#[tokio::test]
async fn fifty_calls_at_once_share_one_refusal_and_the_next_tries_again() {
    let (provider, outcomes) = fifty(|| {
        reply(
            200,
            r#"{"status":"error","message":"credenciales invalidas"}"#,
        )
    })
    .await;
    assert!(
        outcomes
            .iter()
            .all(|outcome| matches!(outcome, Outcome::Rejected(Cause::Credentials)))
    );
    assert_eq!(provider.token_requests(), 1);
    assert!(provider.calls().is_empty());
    ask(&Client::new(config(&provider.url)).unwrap()).await;
}

#[tokio::test]
async fn fifty_calls_that_are_turned_away_ask_for_one_more_token() {
    let provider = Provider::answering(|seen, _| match seen.token.as_deref() {
        Some("TOKEN-1") => reply(401, r#"{"status":"error","message":"token vencido"}"#),
        _ => balance(),
    })
    .await;
    let client = Arc::new(Client::new(config(&provider.url)).unwrap());
    let calls: Vec<_> = (0..50)
        .map(|_| {
            let client = client.clone();
            tokio::spawn(async move { Way::Balance.call(&client).await })
        })
        .collect();
    for call in calls {
        assert!(matches!(call.await.unwrap(), Outcome::Definite(())));
    }
    assert_eq!(provider.token_requests(), 2);
}

#[tokio::test]
async fn a_caller_that_goes_away_while_the_token_is_asked_for_leaves_nobody_waiting() {
    let never = Arc::new(Notify::new());
    let provider = Provider::start(move |seen, count| match seen.is_for_a_token() {
        true if count == 0 => Reply {
            held_by: Some(never.clone()),
            ..token(1)
        },
        true => token(count + 1),
        false => balance(),
    })
    .await;
    let client = Arc::new(Client::new(config(&provider.url)).unwrap());
    let first = tokio::spawn({
        let client = client.clone();
        async move { Way::Balance.call(&client).await }
    });
    provider.has_been_asked().await;
    first.abort();
    ask(&client).await;
    assert_eq!(provider.token_requests(), 2);
}

// Six hours after NOW in every form; of the text's hour only the beginning is certain where the minute is
// the month.
#[tokio::test]
async fn a_token_is_renewed_a_minute_before_its_end_in_whichever_form_the_end_comes() {
    for expires_at in [
        "1795219200",
        "\"1795219200\"",
        "1795219200000",
        "21600",
        "\"2026-11-20 21:00:00\"",
        "\"2026-11-20 21:11:00\"",
        "\"2026-11-21T00:00:00.000000Z\"",
    ] {
        let provider = Provider::start(move |seen, count| {
            if seen.is_for_a_token() {
                token_until(count, expires_at)
            } else {
                balance()
            }
        })
        .await;
        let hand = Hand::at(NOW);
        let client = client_at(&provider.url, &hand);
        ask(&client).await;
        hand.move_on(6 * 3600 - 61);
        ask(&client).await;
        assert_eq!(provider.token_requests(), 1, "{expires_at}");
        hand.move_on(1);
        ask(&client).await;
        assert_eq!(provider.token_requests(), 2, "{expires_at}");
    }
}

#[tokio::test]
async fn a_token_is_renewed_as_far_ahead_as_configured() {
    let provider = Provider::answering(|_, _| balance()).await;
    let hand = Hand::at(NOW);
    let mut config = config(&provider.url);
    config.clock = hand.clock();
    config.renew_ahead = Duration::from_secs(600);
    let client = Client::new(config).unwrap();
    ask(&client).await;
    hand.move_on(6 * 3600 - 601);
    ask(&client).await;
    assert_eq!(provider.token_requests(), 1);
    hand.move_on(1);
    ask(&client).await;
    assert_eq!(provider.token_requests(), 2);
}

#[tokio::test]
async fn an_end_that_is_past_missing_or_nonsense_neither_asks_at_every_call_nor_never_again() {
    for (expires_at, lives) in [
        ("1", 30),
        ("1795100000", 30),
        ("\"2026-11-20 14:00:00\"", 30),
        ("null", 240),
        ("\"pronto\"", 240),
        ("-5", 240),
        ("1.5e9", 240),
        ("99999999999999", 86_340),
        ("18446744073709551616", 240),
    ] {
        let provider = Provider::start(move |seen, count| {
            if seen.is_for_a_token() {
                token_until(count, expires_at)
            } else {
                balance()
            }
        })
        .await;
        let hand = Hand::at(NOW);
        let client = client_at(&provider.url, &hand);
        ask(&client).await;
        hand.move_on(lives - 1);
        ask(&client).await;
        assert_eq!(provider.token_requests(), 1, "{expires_at}");
        hand.move_on(1);
        ask(&client).await;
        assert_eq!(provider.token_requests(), 2, "{expires_at}");
    }
}

#[tokio::test]
async fn a_token_that_cannot_be_renewed_ahead_is_used_to_its_end_with_rests_between_tries() {
    let provider = Provider::start(|seen, count| match seen.is_for_a_token() {
        true if count == 0 => token(1),
        true => reply(500, "{}"),
        false => balance(),
    })
    .await;
    let hand = Hand::at(NOW);
    let client = client_at(&provider.url, &hand);
    ask(&client).await;
    hand.move_on(6 * 3600 - 60);
    for _ in 0..5 {
        ask(&client).await;
    }
    assert_eq!(provider.token_requests(), 2);
    hand.move_on(10);
    ask(&client).await;
    assert_eq!(provider.token_requests(), 3);
    hand.move_on(50);
    let outcome = client.balance().await;
    assert!(
        matches!(outcome, Outcome::NotSent(Cause::HttpStatus(500))),
        "{outcome:?}"
    );
}

#[tokio::test]
async fn a_read_that_is_turned_away_is_asked_once_more_with_a_fresh_token() {
    for status in [401, 403] {
        for way in Way::ALL.into_iter().filter(|way| way.is_read()) {
            let done = way.done();
            let provider = Provider::answering(move |seen, _| match seen.token.as_deref() {
                Some("TOKEN-1") => reply(status, "<html>"),
                _ => reply(200, &done),
            })
            .await;
            let outcome = way.call(&Client::new(config(&provider.url)).unwrap()).await;
            assert!(
                matches!(outcome, Outcome::Definite(())),
                "{way:?}: {outcome:?}"
            );
            assert_eq!(
                (provider.calls().len(), provider.token_requests()),
                (2, 2),
                "{way:?}"
            );
            let calls = provider.calls();
            assert_eq!(calls[0].body, calls[1].body, "{way:?}");
        }
    }
}

#[tokio::test]
async fn a_read_that_is_turned_away_twice_is_rejected() {
    for way in Way::ALL.into_iter().filter(|way| way.is_read()) {
        let provider = Provider::saying(403, r#"{"status":"error","message":"no"}"#).await;
        let outcome = way.call(&Client::new(config(&provider.url)).unwrap()).await;
        assert!(
            matches!(outcome, Outcome::Rejected(Cause::Credentials)),
            "{way:?}: {outcome:?}"
        );
        assert_eq!(
            (provider.calls().len(), provider.token_requests()),
            (2, 2),
            "{way:?}"
        );
    }
}

#[tokio::test]
async fn what_creates_something_is_not_sent_again_when_it_is_turned_away() {
    for way in Way::ALL.into_iter().filter(|way| !way.is_read()) {
        let provider =
            Provider::saying(401, r#"{"status":"error","message":"token vencido"}"#).await;
        let client = Client::new(config(&provider.url)).unwrap();
        let outcome = way.call(&client).await;
        assert!(
            matches!(outcome, Outcome::Rejected(Cause::Credentials)),
            "{way:?}: {outcome:?}"
        );
        assert_eq!(
            (provider.calls().len(), provider.token_requests()),
            (1, 1),
            "{way:?}"
        );
    }
}

// The provider has no error codes: it may say so of a token it forgot, with HTTP 200.
#[tokio::test]
async fn after_an_error_a_token_that_is_not_new_is_given_up() {
    for way in [Way::Balance, Way::Qr, Way::CashOut] {
        let provider = Provider::saying(200, r#"{"status":"error","message":"x"}"#).await;
        let hand = Hand::at(NOW);
        let client = client_at(&provider.url, &hand);
        let _ = way.call(&client).await;
        hand.move_on(59);
        let _ = way.call(&client).await;
        assert_eq!(
            provider.token_requests(),
            1,
            "{way:?}: a new token is not to blame"
        );
        hand.move_on(1);
        let _ = way.call(&client).await;
        let _ = way.call(&client).await;
        let _ = way.call(&client).await;
        assert_eq!(
            provider.token_requests(),
            2,
            "{way:?}: and neither is the next one"
        );
    }
}

#[tokio::test]
async fn without_a_token_nothing_is_sent_whatever_the_provider_says_instead() {
    for (status, body, not_sent) in [
        (500, "{}", Some(Cause::HttpStatus(500))),
        (301, "", Some(Cause::HttpStatus(301))),
        (200, "{}", Some(Cause::Shape("status"))),
        (
            200,
            r#"{"status":"pending","token":"T"}"#,
            Some(Cause::Shape("status")),
        ),
        (403, "", None),
    ] {
        let provider = Provider::start(move |_, _| reply(status, body)).await;
        let client = Client::new(config(&provider.url)).unwrap();
        for way in Way::ALL {
            let outcome = way.call(&client).await;
            let is_expected = match not_sent {
                Some(cause) => matches!(&outcome, Outcome::NotSent(found) if *found == cause),
                None => matches!(outcome, Outcome::Rejected(Cause::Credentials)),
            };
            assert!(is_expected, "{way:?} {status}: {outcome:?}");
            assert!(provider.calls().is_empty(), "{way:?}");
        }
    }
}
