//! The access token: one request for it at a time, ahead of its end, and a read that is asked once more.

use std::sync::Arc;

use tokio::sync::Notify;
use ventanilla_providers::flux::Client;
use ventanilla_providers::{Cause, Outcome};

use crate::given::{Done, Hand, NOW, Way, config, token_with};
use crate::provider::{Provider, Reply, reply, token};

const UNAUTHORIZED: &str = r#"{"error":{"error":{"code":"ERR_UNAUTHORIZED","message":"x"}}}"#;

fn found() -> Reply {
    reply(200, &Way::Transaction.done())
}

fn client_at(url: &str, hand: &Hand) -> Client {
    let mut config = config(url);
    config.clock = hand.clock();
    Client::new(config).unwrap()
}

async fn ask(client: &Client) {
    let outcome = Way::Transaction.call(client).await;
    assert!(matches!(outcome, Outcome::Definite(_)), "{outcome:?}");
}

/// Fifty calls that all wait for the one request for a token, which is then answered as `first` says.
async fn fifty(first: fn() -> Reply) -> (Provider, Vec<Outcome<Done>>) {
    let go_on = Arc::new(Notify::new());
    let held_by = go_on.clone();
    let provider = Provider::start(move |seen, count| match seen.is_for_a_token() {
        true if count == 0 => Reply {
            held_by: Some(held_by.clone()),
            ..first()
        },
        true => token(count + 1),
        false => found(),
    })
    .await;
    let client = Arc::new(Client::new(config(&provider.url)).unwrap());
    let calls: Vec<_> = (0..50)
        .map(|_| {
            let client = client.clone();
            tokio::spawn(async move { Way::Transaction.call(&client).await })
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
    assert!(outcomes.iter().all(|it| matches!(it, Outcome::Definite(_))));
    assert_eq!(provider.token_requests(), 1);
    let calls = provider.calls();
    assert_eq!(calls.len(), 50);
    assert!(
        calls
            .iter()
            .all(|seen| seen.token.as_deref() == Some("TOKEN-1"))
    );
}

#[tokio::test]
async fn fifty_calls_at_once_share_one_refusal_and_the_next_tries_again() {
    let (provider, outcomes) = fifty(|| reply(400, UNAUTHORIZED)).await;
    let is_refused = |it: &Outcome<Done>| matches!(it, Outcome::Rejected(Cause::Credentials));
    assert!(outcomes.iter().all(is_refused));
    assert_eq!(provider.token_requests(), 1);
    assert!(provider.calls().is_empty());
    ask(&Client::new(config(&provider.url)).unwrap()).await;
}

#[tokio::test]
async fn fifty_calls_that_are_turned_away_ask_for_one_more_token() {
    let provider = Provider::answering(|seen, _| match seen.token.as_deref() {
        Some("TOKEN-1") => reply(401, UNAUTHORIZED),
        _ => found(),
    })
    .await;
    let client = Arc::new(Client::new(config(&provider.url)).unwrap());
    let calls: Vec<_> = (0..50)
        .map(|_| {
            let client = client.clone();
            tokio::spawn(async move { Way::Transaction.call(&client).await })
        })
        .collect();
    for call in calls {
        assert!(matches!(call.await.unwrap(), Outcome::Definite(_)));
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
        false => found(),
    })
    .await;
    let client = Arc::new(Client::new(config(&provider.url)).unwrap());
    let first = tokio::spawn({
        let client = client.clone();
        async move { Way::Transaction.call(&client).await }
    });
    provider.has_been_asked().await;
    first.abort();
    ask(&client).await;
    assert_eq!(provider.token_requests(), 2);
}

/// A client whose tokens all come with this end, and its clock and provider.
async fn with_ends(expires_in: &'static str) -> (Client, Hand, Provider) {
    let provider = Provider::start(move |seen, count| {
        if seen.is_for_a_token() {
            reply(200, &token_with(count + 1, expires_in))
        } else {
            found()
        }
    })
    .await;
    let hand = Hand::at(NOW);
    (client_at(&provider.url, &hand), hand, provider)
}

#[tokio::test]
async fn a_token_is_renewed_when_four_fifths_of_its_life_are_over_in_whichever_form_its_end_comes()
{
    for (expires_in, renewed_after) in [
        ("1795219200", 17_280),
        ("1795219200000", 17_280),
        ("\"1795219200000\"", 17_280),
        ("3600", 2_880),
        ("\"3600\"", 2_880),
        ("3600000", 2_880),
        ("2592000", 2_073_600),
        ("2592001", 2_073),
        ("604800000", 483_840),
    ] {
        let (client, hand, provider) = with_ends(expires_in).await;
        ask(&client).await;
        hand.move_on(renewed_after - 1);
        ask(&client).await;
        assert_eq!(provider.token_requests(), 1, "{expires_in}");
        hand.move_on(1);
        ask(&client).await;
        assert_eq!(provider.token_requests(), 2, "{expires_in}");
    }
}

#[tokio::test]
async fn an_end_that_is_past_missing_or_nonsense_neither_asks_at_every_call_nor_never_again() {
    for (expires_in, renewed_after) in [
        ("0", 48),
        ("1", 48),
        ("1795100000", 48),
        ("1795197600000", 48),
        ("null", 240),
        ("\"pronto\"", 240),
        ("-5", 240),
        ("3600.5", 240),
        ("18446744073709551616", 240),
        ("18446744073709551615", 2_073_600),
    ] {
        let (client, hand, provider) = with_ends(expires_in).await;
        ask(&client).await;
        hand.move_on(renewed_after - 1);
        ask(&client).await;
        assert_eq!(provider.token_requests(), 1, "{expires_in}");
        hand.move_on(1);
        ask(&client).await;
        assert_eq!(provider.token_requests(), 2, "{expires_in}");
    }
}

#[tokio::test]
async fn a_token_that_cannot_be_renewed_ahead_is_used_to_its_end_with_rests_between_tries() {
    let provider = Provider::start(|seen, count| match seen.is_for_a_token() {
        true if count == 0 => reply(200, &token_with(1, "3600")),
        true => reply(500, "{}"),
        false => found(),
    })
    .await;
    let hand = Hand::at(NOW);
    let client = client_at(&provider.url, &hand);
    ask(&client).await;
    hand.move_on(2_880);
    for _ in 0..5 {
        ask(&client).await;
    }
    assert_eq!(provider.token_requests(), 2);
    hand.move_on(10);
    ask(&client).await;
    assert_eq!(provider.token_requests(), 3);
    hand.move_on(710);
    let outcome = Way::Pay.call(&client).await;
    assert!(
        matches!(outcome, Outcome::NotSent(Cause::HttpStatus(500))),
        "{outcome:?}"
    );
}

#[tokio::test]
async fn whoever_is_ready_has_a_token_and_sends_nothing_else() {
    let provider = Provider::answering(|_, _| reply(200, &Way::Pay.done())).await;
    let hand = Hand::at(NOW);
    let client = client_at(&provider.url, &hand);
    for _ in 0..3 {
        let outcome = client.ready().await;
        assert!(matches!(outcome, Outcome::Definite(())), "{outcome:?}");
    }
    assert_eq!((provider.token_requests(), provider.calls().len()), (1, 0));
    let outcome = Way::Pay.call(&client).await;
    assert!(matches!(outcome, Outcome::Definite(_)), "{outcome:?}");
    assert_eq!(provider.token_requests(), 1);
    hand.move_on(17_280);
    let _ = client.ready().await;
    assert_eq!(provider.token_requests(), 2, "ahead of its end");
}

#[tokio::test]
async fn whoever_has_no_token_is_not_ready_and_learns_why() {
    let provider = Provider::start(|_, count| match count {
        0 => reply(500, "{}"),
        _ => reply(403, UNAUTHORIZED),
    })
    .await;
    let client = Client::new(config(&provider.url)).unwrap();
    let outcome = client.ready().await;
    assert!(
        matches!(outcome, Outcome::NotSent(Cause::HttpStatus(500))),
        "{outcome:?}"
    );
    let outcome = client.ready().await;
    assert!(
        matches!(outcome, Outcome::Rejected(Cause::Credentials)),
        "{outcome:?}"
    );
}

#[tokio::test]
async fn a_look_up_that_is_turned_away_is_asked_once_more_with_a_fresh_token() {
    for body in [UNAUTHORIZED, "<html>"] {
        let provider = Provider::answering(move |seen, _| match seen.token.as_deref() {
            Some("TOKEN-1") => reply(401, body),
            _ => found(),
        })
        .await;
        ask(&Client::new(config(&provider.url)).unwrap()).await;
        assert_eq!((provider.calls().len(), provider.token_requests()), (2, 2));
    }
    let provider = Provider::saying(401, UNAUTHORIZED).await;
    let client = Client::new(config(&provider.url)).unwrap();
    let outcome = Way::Transaction.call(&client).await;
    assert!(
        matches!(outcome, Outcome::Rejected(Cause::Credentials)),
        "{outcome:?}"
    );
    assert_eq!((provider.calls().len(), provider.token_requests()), (2, 2));
}

#[tokio::test]
async fn a_look_up_that_is_forbidden_is_not_asked_again() {
    let provider = Provider::saying(403, UNAUTHORIZED).await;
    let client = Client::new(config(&provider.url)).unwrap();
    let outcome = Way::Transaction.call(&client).await;
    assert!(
        matches!(outcome, Outcome::Rejected(Cause::Credentials)),
        "{outcome:?}"
    );
    assert_eq!((provider.calls().len(), provider.token_requests()), (1, 1));
}

#[tokio::test]
async fn what_moves_money_is_not_sent_again_when_it_is_turned_away_and_the_next_has_a_fresh_token()
{
    for way in Way::MONEY {
        let provider = Provider::answering(move |_, count| match count {
            0 => reply(401, UNAUTHORIZED),
            _ => reply(200, &way.done()),
        })
        .await;
        let client = Client::new(config(&provider.url)).unwrap();
        let outcome = way.call(&client).await;
        assert!(
            matches!(outcome, Outcome::Rejected(Cause::Credentials)),
            "{way:?}: {outcome:?}"
        );
        assert_eq!((provider.calls().len(), provider.token_requests()), (1, 1));
        let outcome = way.call(&client).await;
        assert!(
            matches!(outcome, Outcome::Definite(_)),
            "{way:?}: {outcome:?}"
        );
        let tokens: Vec<_> = provider
            .calls()
            .into_iter()
            .map(|seen| seen.token)
            .collect();
        assert_eq!(
            tokens,
            [Some("TOKEN-1".to_owned()), Some("TOKEN-2".to_owned())]
        );
    }
}

#[tokio::test]
async fn without_a_token_nothing_is_sent_whatever_the_provider_says_instead() {
    for (status, body, not_sent) in [
        (500, "{}", Some(Cause::HttpStatus(500))),
        (301, "", Some(Cause::HttpStatus(301))),
        (200, "{}", Some(Cause::Shape("data"))),
        (200, r#"{"data":{}}"#, Some(Cause::Shape("accessToken"))),
        (
            200,
            r#"{"data":{"accessToken":"a b"}}"#,
            Some(Cause::Shape("accessToken")),
        ),
        (404, UNAUTHORIZED, Some(Cause::HttpStatus(404))),
        (403, "", Some(Cause::HttpStatus(403))),
        (401, UNAUTHORIZED, None),
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
