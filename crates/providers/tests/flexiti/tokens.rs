//! Access tokens: one of the merchant's for all callers, ahead of its end; one of the customer scope for each checkout.

use std::sync::Arc;

use tokio::sync::Notify;
use ventanilla_providers::flexiti::{Client, CustomerToken, Decision, Identification};
use ventanilla_providers::{Cause, Outcome};

use crate::given::{
    Hand, NOW, Way, account, config, customer_token, dollars, fixtures, flow, moment, online, text,
};
use crate::provider::{Provider, Reply, Seen, reply, token};

fn scope(seen: &Seen) -> &str {
    let mut fields = seen
        .body
        .split('&')
        .filter_map(|field| field.split_once('='));
    fields.find(|(name, _)| *name == "scope").unwrap().1
}

fn detail() -> Reply {
    reply(200, &Way::Authorization.done())
}

fn client_at(url: &str, hand: &Hand) -> Client {
    let mut config = config(url);
    config.clock = hand.clock();
    Client::new(config).unwrap()
}

async fn ask(client: &Client) {
    let outcome = Way::Authorization.call(client).await;
    assert!(matches!(outcome, Outcome::Definite(_)), "{outcome:?}");
}

/// Fifty calls that all wait for the one request for a token, which is then answered as `first` says.
async fn fifty(first: fn() -> Reply) -> (Provider, Vec<Outcome<Decision<()>>>) {
    let go_on = Arc::new(Notify::new());
    let held_by = go_on.clone();
    let provider = Provider::start(move |seen, count| match seen.is_for_a_token() {
        true if count == 0 => Reply {
            held_by: Some(held_by.clone()),
            ..first()
        },
        true => token(count + 1),
        false => detail(),
    })
    .await;
    let client = Arc::new(Client::new(config(&provider.url)).unwrap());
    let calls: Vec<_> = (0..50)
        .map(|_| {
            let client = client.clone();
            tokio::spawn(async move { Way::Authorization.call(&client).await })
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
            .all(|outcome| matches!(outcome, Outcome::Definite(_)))
    );
    assert_eq!((provider.token_requests(), provider.count()), (1, 50));
    assert!(
        provider
            .calls()
            .iter()
            .all(|seen| seen.token.as_deref() == Some("TOKEN-1"))
    );
}

#[tokio::test]
async fn fifty_calls_at_once_share_one_refusal_and_the_next_tries_again() {
    let (provider, outcomes) = fifty(|| reply(400, &text("error_invalid_client.json"))).await;
    let is_refused =
        |outcome: &Outcome<_>| matches!(outcome, Outcome::Rejected(Cause::Credentials));
    assert!(outcomes.iter().all(is_refused));
    assert_eq!((provider.token_requests(), provider.count()), (1, 0));
    ask(&Client::new(config(&provider.url)).unwrap()).await;
}

#[tokio::test]
async fn a_token_counts_as_ended_a_minute_before_its_twenty() {
    let provider = Provider::answering(|_, _| detail()).await;
    let hand = Hand::at(NOW);
    let client = client_at(&provider.url, &hand);
    ask(&client).await;
    hand.move_on(1139);
    ask(&client).await;
    assert_eq!(provider.token_requests(), 1);
    hand.move_on(1);
    ask(&client).await;
    assert_eq!(provider.token_requests(), 2);
}

/// A token whose end the provider writes so.
fn token_for(expires_in: &'static str) -> impl Fn(&Seen, usize) -> Reply {
    move |seen, count| match seen.is_for_a_token() {
        true => reply(
            200,
            &format!(
                r#"{{"access_token":"TOKEN-{}","expires_in":{expires_in}}}"#,
                count + 1
            ),
        ),
        false => detail(),
    }
}

#[tokio::test]
async fn an_end_that_is_missing_odd_or_far_off_is_that_of_the_document() {
    for (expires_in, lives) in [
        ("1200", 1140),
        ("\"1200\"", 1140),
        ("1199", 1139),
        ("600", 540),
        ("null", 1140),
        ("\"soon\"", 1140),
        ("1.5", 1140),
        ("-5", 1140),
        ("86400", 1140),
        ("18446744073709551615", 1140),
        ("0", 30),
    ] {
        let provider = Provider::start(token_for(expires_in)).await;
        let hand = Hand::at(NOW);
        let client = client_at(&provider.url, &hand);
        ask(&client).await;
        hand.move_on(lives - 1);
        ask(&client).await;
        assert_eq!(provider.token_requests(), 1, "{expires_in}");
        hand.move_on(1);
        ask(&client).await;
        assert_eq!(provider.token_requests(), 2, "{expires_in}");
    }
}

#[tokio::test]
async fn every_documented_token_is_taken() {
    for fixture in fixtures("response")
        .into_iter()
        .filter(|fixture| fixture.operation == "oauth_token")
    {
        // oauth_token_response.json, oauth_token_response_minimal.json
        let body = text(&fixture.file);
        let provider = Provider::start(move |seen, _| match seen.is_for_a_token() {
            true => reply(200, &body),
            false => detail(),
        })
        .await;
        ask(&Client::new(config(&provider.url)).unwrap()).await;
        let token = provider.calls()[0].token.clone();
        assert_eq!(
            token.as_deref(),
            Some("0000000000000000000000000000000000000001")
        );
    }
}

#[tokio::test]
async fn a_checkout_has_a_fresh_token_of_its_own_and_never_the_merchants() {
    let provider = Provider::answering(|seen, _| match seen.line.ends_with("/widget/init") {
        true => reply(200, &Way::OpenWidget.done()),
        false => detail(),
    })
    .await;
    let client = Client::new(config(&provider.url)).unwrap();
    ask(&client).await;
    let who = Identification::Account(account());
    let mut seen = Vec::new();
    for _ in 0..3 {
        let outcome = client.open_widget(flow(), &who).await;
        let Outcome::Definite(Decision::Done(session)) = outcome else {
            panic!("{outcome:?}")
        };
        seen.push(session.token.expose().to_owned());
        assert_eq!(session.token.good_until(), moment(NOW + 1140));
    }
    ask(&client).await;
    assert_eq!(seen, ["TOKEN-2", "TOKEN-3", "TOKEN-4"]);
    let calls = provider.calls();
    let used: Vec<_> = calls
        .iter()
        .map(|seen| seen.token.as_deref().unwrap())
        .collect();
    assert_eq!(
        used,
        ["TOKEN-1", "TOKEN-2", "TOKEN-3", "TOKEN-4", "TOKEN-1"]
    );
}

#[tokio::test]
async fn each_scope_is_asked_for_by_its_name() {
    let provider = Provider::start(|seen, count| match seen.is_for_a_token() {
        true => reply(
            200,
            &format!(
                r#"{{"access_token":"{}-{count}","expires_in":1200}}"#,
                scope(seen)
            ),
        ),
        false if seen.line.ends_with("/widget/init") => reply(200, &Way::OpenWidget.done()),
        false => detail(),
    })
    .await;
    let client = Client::new(config(&provider.url)).unwrap();
    ask(&client).await;
    let outcome = Way::OpenWidget.call(&client).await;
    assert!(matches!(outcome, Outcome::Definite(_)), "{outcome:?}");
    let calls = provider.calls();
    assert_eq!(calls[0].token.as_deref(), Some("merchant-0"));
    assert_eq!(calls[1].token.as_deref(), Some("customer-1"));
}

#[tokio::test]
async fn a_customers_token_that_is_over_sends_nothing() {
    let provider = Provider::saying(200, "{}").await;
    let hand = Hand::at(NOW);
    let client = client_at(&provider.url, &hand);
    hand.move_on(900);
    let token = customer_token();
    let outcome = client.authorize_online(flow(), &token, &online()).await;
    assert!(
        matches!(outcome, Outcome::NotSent(Cause::Session)),
        "{outcome:?}"
    );
    let outcome = client
        .calculate_interest(flow(), &token, &account(), dollars(1))
        .await;
    assert!(
        matches!(outcome, Outcome::NotSent(Cause::Session)),
        "{outcome:?}"
    );
    assert_eq!((provider.count(), provider.token_requests()), (0, 0));
}

#[tokio::test]
async fn a_customers_token_that_is_not_taken_ends_the_checkout_and_is_not_replaced() {
    let provider = Provider::saying(401, &text("error_invalid_token.json")).await;
    let client = Client::new(config(&provider.url)).unwrap();
    for way in [Way::AuthorizeOnline, Way::CalculateInterest] {
        let outcome = way.call(&client).await;
        assert!(
            matches!(outcome, Outcome::Rejected(Cause::Session)),
            "{way:?}: {outcome:?}"
        );
    }
    assert_eq!((provider.count(), provider.token_requests()), (2, 0));
}

#[tokio::test]
async fn a_read_that_is_turned_away_is_asked_once_more_with_a_fresh_token() {
    for way in [Way::Authorization, Way::Authorizations, Way::Captures] {
        let done = way.done();
        let provider = Provider::answering(move |seen, _| match seen.token.as_deref() {
            Some("TOKEN-1") => reply(401, "<html>"),
            _ => reply(200, &done),
        })
        .await;
        let outcome = way.call(&Client::new(config(&provider.url)).unwrap()).await;
        assert!(
            matches!(outcome, Outcome::Definite(_)),
            "{way:?}: {outcome:?}"
        );
        assert_eq!(
            (provider.count(), provider.token_requests()),
            (2, 2),
            "{way:?}"
        );
    }
}

#[tokio::test]
async fn what_moves_money_is_not_sent_again_when_it_is_turned_away_and_the_next_has_a_fresh_token()
{
    for way in [
        Way::Capture,
        Way::Release,
        Way::Return,
        Way::Refund,
        Way::Deposit,
        Way::AuthorizeInStore,
    ] {
        let done = way.done();
        let provider = Provider::answering(move |seen, _| match seen.token.as_deref() {
            Some("TOKEN-1") => reply(401, "{}"),
            _ => reply(200, &done),
        })
        .await;
        let client = Client::new(config(&provider.url)).unwrap();
        let outcome = way.call(&client).await;
        assert!(
            matches!(outcome, Outcome::Rejected(Cause::Credentials)),
            "{way:?}: {outcome:?}"
        );
        assert_eq!(
            (provider.count(), provider.token_requests()),
            (1, 1),
            "{way:?}"
        );
        let outcome = way.call(&client).await;
        assert!(
            matches!(outcome, Outcome::Definite(_)),
            "{way:?}: {outcome:?}"
        );
        assert_eq!(provider.token_requests(), 2, "{way:?}");
    }
}

#[tokio::test]
async fn without_a_token_nothing_is_sent_whatever_the_provider_says_instead() {
    for (status, body, expected) in [
        (500, "{}", Err(Cause::HttpStatus(500))),
        (301, "", Err(Cause::HttpStatus(301))),
        (200, "{}", Err(Cause::Shape("access_token"))),
        (
            200,
            r#"{"access_token":"a b"}"#,
            Err(Cause::Shape("access_token")),
        ),
        (
            200,
            r#"{"access_token":"a\r\nb: c"}"#,
            Err(Cause::Shape("access_token")),
        ),
        (
            200,
            r#"{"access_token":7}"#,
            Err(Cause::Shape("access_token")),
        ),
        (
            200,
            r#"{"access_token":"T","error":"x"}"#,
            Err(Cause::Contradiction),
        ),
        (200, "<html>", Err(Cause::NotJson)),
        (409, r#"{"error":"general_error"}"#, Err(Cause::Refused)),
        (409, r#"{"error":"credit_exceeded"}"#, Err(Cause::Refused)),
        (409, r#"{"error":"invalid_role"}"#, Ok(Cause::Setup)),
        (409, r#"{"error":"wrong_inputs"}"#, Ok(Cause::Validation)),
        (400, r#"{"error":"invalid_request"}"#, Ok(Cause::Validation)),
        (400, r#"{"error":"invalid_client"}"#, Ok(Cause::Credentials)),
        (401, "", Ok(Cause::Credentials)),
        (403, "", Ok(Cause::Forbidden)),
        (467, "", Ok(Cause::Forbidden)),
    ] {
        let provider = Provider::start(move |_, _| reply(status, body)).await;
        let client = Client::new(config(&provider.url)).unwrap();
        for way in Way::ALL {
            if matches!(way, Way::AuthorizeOnline | Way::CalculateInterest) {
                continue;
            }
            let outcome = way.call(&client).await;
            let is_expected = match (&outcome, expected) {
                (Outcome::NotSent(found), Err(cause)) => *found == cause,
                (Outcome::Rejected(found), Ok(cause)) => *found == cause,
                _ => false,
            };
            assert!(is_expected, "{way:?} {status} {body}: {outcome:?}");
            assert_eq!(provider.count(), 0, "{way:?}");
        }
    }
}

#[tokio::test]
async fn a_probe_takes_a_token_and_keeps_none() {
    let provider = Provider::answering(|_, _| detail()).await;
    let client = Client::new(config(&provider.url)).unwrap();
    let outcome = client.probe(flow().id).await;
    assert!(matches!(outcome, Outcome::Definite(())), "{outcome:?}");
    ask(&client).await;
    assert_eq!(provider.token_requests(), 2);
}

#[test]
fn a_kept_token_is_taken_back_unless_it_would_break_a_header() {
    let until = moment(NOW);
    let token = CustomerToken::from_parts("T", until).unwrap();
    assert_eq!((token.expose(), token.good_until()), ("T", until));
    for text in ["", "a b", "a\r\nb: c", "é", &"a".repeat(4097)] {
        assert!(CustomerToken::from_parts(text, until).is_none(), "{text:?}");
    }
}
