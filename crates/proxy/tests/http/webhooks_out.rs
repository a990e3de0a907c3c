//! What the merchant's server is told without asking.

use std::time::Duration;

use reqwest::{Method, Response};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use ventanilla_sandbox::{Sandbox, SandboxOptions};

use crate::receiver::{Heard, Receiver, Reply};
use crate::served::{Served, open_session_at, write_settings};
use crate::support::{
    API_KEY, Folder, GREENPAY_SECRET, HOOK_PATH, PAN, Proxy, client, environment, fresh_key,
    new_session, settings, webhook_secret,
};

const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(24 * 3600);

async fn telling(receiver: &Receiver) -> Proxy {
    Proxy::start_with(|text| text + &receiver.section()).await
}

/// Opens a session and ends it: the shortest way to news.
async fn make_news(proxy: &Proxy) -> String {
    let (session, _) = proxy.session().await;
    let answer = proxy
        .merchant(Method::POST, &format!("/v1/sessions/{session}/expire"))
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 200);
    session
}

async fn standing(proxy: &Proxy) -> Value {
    let answer = proxy.merchant(Method::GET, "/v1/webhooks").send().await;
    answer.unwrap().json().await.unwrap()
}

async fn enable(proxy: &Proxy) -> Value {
    let answer = proxy
        .merchant(Method::POST, "/v1/webhooks/enable")
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 200);
    answer.json().await.unwrap()
}

/// Waits until it stands with webhooks as `done` wants.
async fn settled(proxy: &Proxy, done: impl Fn(&Value) -> bool) -> Value {
    for _ in 0..400 {
        let standing = standing(proxy).await;
        if done(&standing) {
            return standing;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("it stands: {}", standing(proxy).await);
}

async fn nothing_waits(proxy: &Proxy) -> Value {
    settled(proxy, |standing| standing["waiting"] == 0).await
}

/// Waits until it is written down that a try failed: the next one is due some day.
async fn missed(proxy: &Proxy) -> Value {
    settled(proxy, |standing| standing["next_try_at"].is_string()).await
}

/// Long enough for a webhook that should not come.
async fn a_moment() {
    tokio::time::sleep(Duration::from_millis(300)).await;
}

fn session_of(webhook: &Heard) -> String {
    let json = webhook.json();
    json["data"]["session"]["id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_payment_is_told_signed_in_the_form_of_the_merchant_api() {
    let receiver = Receiver::start().await;
    let proxy = telling(&receiver).await;
    let mut order = new_session();
    order["metadata"] = json!({ "cart": "77" });
    let opened: Value = proxy
        .open_session(&fresh_key(), &order)
        .await
        .json()
        .await
        .unwrap();
    let token = opened["client_token"].as_str().unwrap();
    let start = proxy.card_start(PAN);
    let paid: Value = proxy
        .start_attempt(token, &fresh_key(), &start)
        .await
        .json()
        .await
        .unwrap();
    assert_eq!(paid["state"], "succeeded");

    let mut heard = receiver.heard(2).await;
    heard.sort_by_key(Heard::kind);
    let kinds: Vec<String> = heard.iter().map(Heard::kind).collect();
    assert_eq!(kinds, ["attempt.succeeded", "session.succeeded"]);
    let id = paid["id"].as_str().unwrap();
    let attempt: Value = proxy
        .merchant(Method::GET, &format!("/v1/attempts/{id}"))
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    let told = heard[0].json();
    assert_eq!(told["timestamp"], "2026-11-18T11:06:40.000Z");
    assert_eq!(told["data"]["attempt"], attempt);
    assert_eq!(
        told["data"]["session"],
        json!({
            "id": opened["session"]["id"], "order_reference": "A-1001", "state": "succeeded",
            "total": { "amount_minor": 1_250_000, "currency": "CRC" }, "metadata": { "cart": "77" },
        })
    );
    assert_eq!(heard[1].json()["data"]["session"]["state"], "succeeded");

    for webhook in &heard {
        assert_eq!(webhook.method, Method::POST);
        assert!(webhook.id().starts_with("msg_") && webhook.id().len() == 30);
        assert_eq!(webhook.at_secs(), 1_795_000_000);
        assert_eq!(webhook.header("content-type"), "application/json");
        assert!(webhook.is_signed_with(&webhook_secret(1)));
        assert!(!webhook.is_signed_with(&webhook_secret(2)));
        assert!(!webhook.headers.contains_key("authorization"));
        assert!(!webhook.headers.contains_key("cookie"));
        let body = String::from_utf8(webhook.body.clone()).unwrap();
        let sealed = &start["card"]["sealed"];
        for secret in [
            PAN,
            "424242424242",
            "Ana Rojas",
            "ana@example.com",
            sealed["ld"].as_str().unwrap(),
            sealed["lk"].as_str().unwrap(),
            token,
            API_KEY,
            GREENPAY_SECRET,
            &webhook_secret(1),
        ] {
            assert!(!body.contains(secret), "{secret}: {body}");
        }
    }
    assert_ne!(heard[0].id(), heard[1].id());
    let standing = nothing_waits(&proxy).await;
    assert_eq!(
        standing,
        json!({
            "receiver": { "url": receiver.url, "state": "enabled", "disabled_at": null, "reason": null },
            "waiting": 0, "oldest_waiting_at": null, "next_try_at": null,
        })
    );
}

#[tokio::test]
async fn while_a_secret_is_changed_both_are_good() {
    let receiver = Receiver::start().await;
    let mut secrets = environment();
    let both = format!("{},{}", webhook_secret(2), webhook_secret(1));
    secrets.insert("VENTANILLA_WEBHOOK_SECRETS", both);
    let proxy = Proxy::start_as(|text| text + &receiver.section(), secrets).await;
    make_news(&proxy).await;
    let heard = receiver.heard(1).await;
    assert_eq!(heard[0].header("webhook-signature").split(' ').count(), 2);
    for byte in [1, 2] {
        assert!(heard[0].is_signed_with(&webhook_secret(byte)), "{byte}");
    }
    assert!(!heard[0].is_signed_with(&webhook_secret(3)));
}

#[tokio::test]
async fn what_was_not_taken_is_sent_again_with_the_same_identifier_and_body_and_a_fresh_signature()
{
    let receiver = Receiver::answering(|number, _| match number {
        0 => Reply::Status(500),
        1 => Reply::Status(404),
        _ => Reply::Status(204),
    })
    .await;
    let proxy = telling(&receiver).await;
    make_news(&proxy).await;
    receiver.heard(1).await;
    missed(&proxy).await;
    a_moment().await;
    assert_eq!(receiver.so_far().len(), 1, "the clock stands still");
    proxy.clock.advance(Duration::from_secs(6));
    receiver.heard(2).await;
    missed(&proxy).await;
    proxy.clock.advance(Duration::from_secs(36));
    let heard = receiver.heard(3).await;
    nothing_waits(&proxy).await;
    proxy.clock.advance(DAY);
    a_moment().await;
    assert_eq!(
        receiver.so_far().len(),
        3,
        "what was taken is not sent again"
    );

    let times: Vec<i64> = heard.iter().map(Heard::at_secs).collect();
    assert_eq!(times, [1_795_000_000, 1_795_000_006, 1_795_000_042]);
    for webhook in &heard {
        assert_eq!(
            (webhook.id(), &webhook.body),
            (heard[0].id(), &heard[0].body)
        );
        assert!(webhook.is_signed_with(&webhook_secret(1)));
    }
}

#[tokio::test]
async fn what_nobody_takes_for_three_days_is_given_up_and_can_be_had_again() {
    let receiver =
        Receiver::answering(|number, _| Reply::Status(if number < 12 { 500 } else { 200 })).await;
    let proxy = telling(&receiver).await;
    make_news(&proxy).await;
    for tried in 1..=12 {
        receiver.heard(tried).await;
        if tried < 12 {
            missed(&proxy).await;
        }
        proxy.clock.advance(29 * HOUR);
    }
    nothing_waits(&proxy).await;
    a_moment().await;
    assert_eq!(receiver.so_far().len(), 12);
    // Nothing was disabled, and a merchant that lost news gets it by the same call.
    enable(&proxy).await;
    let heard = receiver.heard(13).await;
    assert_eq!(heard[12].id(), heard[0].id());
    nothing_waits(&proxy).await;
}

#[tokio::test]
async fn a_receiver_that_is_gone_is_left_alone_until_it_is_enabled_also_after_a_restart() {
    let receiver =
        Receiver::answering(|number, _| Reply::Status(if number == 0 { 410 } else { 200 })).await;
    let proxy = telling(&receiver).await;
    let first = make_news(&proxy).await;
    receiver.heard(1).await;
    let standing = settled(&proxy, |standing| {
        standing["receiver"]["state"] == "disabled"
    })
    .await;
    assert_eq!(
        standing["receiver"]["disabled_at"],
        "2026-11-18T11:06:40.000Z"
    );
    assert_eq!(standing["receiver"]["reason"], "it answered 410");

    let second = make_news(&proxy).await;
    nothing_waits(&proxy).await;
    let section = receiver.section();
    let proxy = proxy.restart_with(|text| text + &section).await;
    proxy.clock.advance(DAY);
    a_moment().await;
    assert_eq!(receiver.so_far().len(), 1);
    assert_eq!(standing_state(&proxy).await, "disabled");

    let enabled = enable(&proxy).await;
    assert_eq!(enabled["receiver"]["state"], "enabled");
    let heard = receiver.heard(3).await;
    let mut told: Vec<String> = heard.iter().skip(1).map(session_of).collect();
    told.sort();
    let mut expected = vec![first, second];
    expected.sort();
    assert_eq!(told, expected);
    nothing_waits(&proxy).await;
}

async fn standing_state(proxy: &Proxy) -> Value {
    standing(proxy).await["receiver"]["state"].clone()
}

#[tokio::test]
async fn another_url_is_another_receiver() {
    let gone = Receiver::answering(|_, _| Reply::Status(410)).await;
    let proxy = telling(&gone).await;
    make_news(&proxy).await;
    settled(&proxy, |standing| {
        standing["receiver"]["state"] == "disabled"
    })
    .await;
    let receiver = Receiver::start().await;
    let section = receiver.section();
    let proxy = proxy.restart_with(|text| text + &section).await;
    assert_eq!(standing_state(&proxy).await, "enabled");
    let session = make_news(&proxy).await;
    assert_eq!(session_of(&receiver.heard(1).await[0]), session);
    assert_eq!(gone.so_far().len(), 1);
}

#[tokio::test]
async fn a_receiver_that_asks_for_time_has_it() {
    for status in [429, 503] {
        let receiver = Receiver::answering(move |number, _| match number {
            0 => Reply::With(status, "retry-after", "120".to_owned()),
            _ => Reply::Status(200),
        })
        .await;
        let proxy = telling(&receiver).await;
        make_news(&proxy).await;
        receiver.heard(1).await;
        let standing = missed(&proxy).await;
        assert_eq!(standing["next_try_at"], "2026-11-18T11:08:40.000Z");
        // Not even what it has not seen yet.
        make_news(&proxy).await;
        proxy.clock.advance(Duration::from_secs(119));
        a_moment().await;
        assert_eq!(receiver.so_far().len(), 1, "{status}");
        proxy.clock.advance(Duration::from_secs(2));
        receiver.heard(3).await;
        nothing_waits(&proxy).await;
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let elsewhere = Receiver::start().await;
    let target = elsewhere.url.clone();
    let receiver = Receiver::answering(move |number, _| match number {
        0 => Reply::With(307, "location", target.clone()),
        _ => Reply::Status(200),
    })
    .await;
    let proxy = telling(&receiver).await;
    make_news(&proxy).await;
    receiver.heard(1).await;
    missed(&proxy).await;
    proxy.clock.advance(Duration::from_secs(6));
    receiver.heard(2).await;
    nothing_waits(&proxy).await;
    assert!(elsewhere.so_far().is_empty());
}

#[tokio::test]
async fn a_name_that_is_this_machine_is_not_connected_to() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let proxy = Proxy::start_with(|text| {
        format!("{text}[webhooks]\nurl = \"https://localhost:{port}/\"\n")
    })
    .await;
    make_news(&proxy).await;
    let connected = tokio::time::timeout(Duration::from_secs(1), listener.accept()).await;
    assert!(connected.is_err(), "somebody connected");
    // It was tried: the next try is due in a few seconds.
    let next = missed(&proxy).await["next_try_at"].clone();
    assert!(next.as_str().unwrap() > "2026-11-18T11:06:43", "{next}");
    let allowed =
        format!("[webhooks]\nurl = \"https://localhost:{port}/\"\nallow_private = true\n");
    let proxy = proxy.restart_with(|text| text + &allowed).await;
    proxy.clock.advance(Duration::from_secs(6));
    let connected = tokio::time::timeout(Duration::from_secs(10), listener.accept()).await;
    assert!(connected.is_ok(), "nobody connected where it is allowed");
}

#[tokio::test]
async fn a_slow_receiver_holds_up_one_webhook_and_no_other() {
    let receiver = Receiver::answering(|number, _| match number {
        0 => Reply::Silence,
        _ => Reply::Status(200),
    })
    .await;
    let proxy = telling(&receiver).await;
    make_news(&proxy).await;
    receiver.heard(1).await;
    for _ in 0..20 {
        make_news(&proxy).await;
    }
    receiver.heard(21).await;
    settled(&proxy, |standing| standing["waiting"] == 1).await;
}

#[tokio::test]
async fn an_answer_without_end_is_not_read_to_its_end() {
    let receiver = Receiver::answering(|_, _| Reply::Endless).await;
    let proxy = telling(&receiver).await;
    for count in 1..=10 {
        make_news(&proxy).await;
        receiver.heard(count).await;
    }
    nothing_waits(&proxy).await;
}

#[tokio::test]
async fn where_nobody_is_told_news_is_forgotten_after_five_days() {
    let proxy = Proxy::start().await;
    make_news(&proxy).await;
    assert_eq!(
        standing(&proxy).await,
        json!({
            "receiver": null, "waiting": 1, "oldest_waiting_at": "2026-11-18T11:06:40.000Z",
            "next_try_at": null,
        })
    );
    let answer = proxy
        .merchant(Method::POST, "/v1/webhooks/enable")
        .send()
        .await
        .unwrap();
    crate::support::problem(answer, 404, "not-found").await;

    proxy.clock.advance(5 * DAY - HOUR);
    let late = make_news(&proxy).await;
    a_moment().await;
    assert_eq!(standing(&proxy).await["waiting"], 2);
    proxy.clock.advance(2 * HOUR);
    settled(&proxy, |standing| standing["waiting"] == 1).await;

    let receiver = Receiver::start().await;
    let section = receiver.section();
    let proxy = proxy.restart_with(|text| text + &section).await;
    let heard = receiver.heard(1).await;
    nothing_waits(&proxy).await;
    let told: Vec<String> = heard.iter().map(session_of).collect();
    assert_eq!(told, [late]);
}

#[tokio::test]
async fn the_metrics_tell_how_delivery_stands() {
    let receiver =
        Receiver::answering(|number, _| Reply::Status(if number == 0 { 500 } else { 200 })).await;
    let proxy = telling(&receiver).await;
    make_news(&proxy).await;
    receiver.heard(1).await;
    missed(&proxy).await;
    make_news(&proxy).await;
    receiver.heard(2).await;
    settled(&proxy, |standing| standing["waiting"] == 1).await;
    let metrics = proxy
        .http
        .get(format!("{}/metrics", proxy.running.management()))
        .send()
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    for line in [
        "ventanilla_webhook_tries_total{outcome=\"delivered\"}",
        "ventanilla_webhook_tries_total{outcome=\"missed\"}",
        "ventanilla_webhooks_waiting ",
        "ventanilla_oldest_webhook_seconds ",
    ] {
        assert!(metrics.contains(line), "{line}\n{metrics}");
    }
    for secret in [receiver.url.as_str(), receiver.heard(1).await[0].id()] {
        assert!(!metrics.contains(secret), "{secret}");
    }
}

/// Opens a session at a proxy in a process of its own, and ends it.
pub async fn make_news_at(origin: &str) {
    assert_eq!(end_a_session_at(origin).await.unwrap().status(), 200);
}

/// Opens a session at a proxy in a process of its own, which may end with it.
async fn end_a_session_at(origin: &str) -> reqwest::Result<Response> {
    let http = client();
    let opened = open_session_at(origin).await.unwrap();
    let session = opened["session"]["id"].as_str().unwrap();
    http.post(format!("{origin}/v1/sessions/{session}/expire"))
        .bearer_auth(API_KEY)
        .send()
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_after_sending_and_before_recording_sends_again_under_the_same_identifier() {
    let folder = Folder::new();
    let sandbox = Sandbox::start(SandboxOptions::default()).await.unwrap();
    let receiver = Receiver::answering(|number, _| match number {
        0 => Reply::Silence,
        _ => Reply::Status(200),
    })
    .await;
    write_settings(
        &folder,
        &(settings(&folder.0, &sandbox) + &receiver.section()),
    );
    let served = Served::start(&folder, &[]);
    make_news_at(&served.origin).await;
    receiver.heard(1).await;
    served.kill();

    let served = Served::start(&folder, &[]);
    let heard = receiver.heard(2).await;
    assert_eq!(heard[1].id(), heard[0].id());
    assert_eq!(heard[1].body, heard[0].body);
    assert!(heard[1].is_signed_with(&webhook_secret(1)));
    assert_eq!(served.stop().0, Some(0));
}

#[cfg(debug_assertions)]
#[tokio::test(flavor = "multi_thread")]
async fn a_crash_on_either_side_of_recording_loses_nothing_and_repeats_at_most_the_same() {
    for (point, times) in [("outbox.before", 2), ("outbox.after", 1)] {
        let folder = Folder::new();
        let sandbox = Sandbox::start(SandboxOptions::default()).await.unwrap();
        let receiver = Receiver::start().await;
        let text = settings(&folder.0, &sandbox) + &receiver.section();
        write_settings(&folder, &text);
        let crash = format!("{point}=exit");
        let mut served = Served::start(&folder, &[("VENTANILLA_FAILPOINT", &crash)]);
        // It may be gone before it answers.
        let _ = end_a_session_at(&served.origin).await;
        assert_eq!(served.wait(), None, "{point}: it ended by a signal");
        let first = receiver.heard(1).await;

        let served = Served::start(&folder, &[]);
        make_news_at(&served.origin).await;
        let heard = receiver.heard(times + 1).await;
        let same = heard.iter().filter(|heard| heard.id() == first[0].id());
        assert_eq!(same.count(), times, "{point}");
        assert_eq!(served.stop().0, Some(0));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_secret_and_nothing_that_a_receiver_answers_is_in_the_most_talkative_log() {
    let folder = Folder::new();
    let sandbox = Sandbox::start(SandboxOptions::default()).await.unwrap();
    let receiver = Receiver::answering(|_, _| Reply::Body(500, "receiver-body-canary")).await;
    write_settings(
        &folder,
        &(settings(&folder.0, &sandbox) + &receiver.section()),
    );
    let served = Served::start(&folder, &[("VENTANILLA_LOG", "trace")]);
    make_news_at(&served.origin).await;
    let heard = receiver.heard(1).await;
    let http = client();
    for path in ["/", "/newCard", "/bulkResume", "/elsewhere"] {
        http.post(format!(
            "{}/hooks/greenpay/{HOOK_PATH}{path}",
            served.origin
        ))
        .body("notification-body-canary")
        .send()
        .await
        .unwrap();
    }
    let (code, log) = served.stop();
    assert_eq!(code, Some(0));
    assert!(log.contains("it answered 500"), "{log}");
    assert!(log.contains("the notification is not JSON"), "{log}");
    // Nor did the second net have to catch anything.
    assert!(!log.contains("[masked]"), "{log}");
    let signature = heard[0].header("webhook-signature");
    for secret in [
        HOOK_PATH,
        webhook_secret(1).as_str(),
        webhook_secret(1).strip_prefix("whsec_").unwrap(),
        signature.strip_prefix("v1,").unwrap(),
        "receiver-body-canary",
        "notification-body-canary",
        "A-1001",
    ] {
        assert!(!log.contains(secret), "{secret}: {log}");
    }
}
