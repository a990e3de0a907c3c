//! What a provider may tell the proxy without being asked.

use std::time::Duration;

use reqwest::{Method, Response};
use serde_json::{Value, json};
use ventanilla_sandbox::{CallEntry, Fault, Kind, Notifications, NotifyMode, Operation};

use crate::support::{HOOK_PATH, PAN, Proxy, fresh_key, problem};

const PATHS: [&str; 5] = [
    "",
    "/",
    "/newCard",
    "/subscription/payment/results",
    "/bulkResume",
];

async fn notify(
    proxy: &Proxy,
    secret: &str,
    path: &str,
    body: impl Into<reqwest::Body>,
) -> Response {
    proxy
        .request(Method::POST, &format!("/hooks/greenpay/{secret}{path}"))
        .body(body)
        .send()
        .await
        .unwrap()
}

async fn metrics(proxy: &Proxy) -> String {
    let url = format!("{}/metrics", proxy.running.management());
    proxy
        .http
        .get(url)
        .send()
        .await
        .unwrap()
        .text()
        .await
        .unwrap()
}

/// Whether notifications were counted so.
async fn is_counted(proxy: &Proxy, kind: &str, verdict: &str) -> bool {
    let line = format!("ventanilla_notifications_total{{kind=\"{kind}\",verdict=\"{verdict}\"}}");
    metrics(proxy).await.contains(&line)
}

/// Everything of an answer that a caller sees, but for the time.
async fn seen(answer: Response) -> (u16, Vec<(String, String)>, String) {
    let status = answer.status().as_u16();
    let mut headers: Vec<(String, String)> = answer
        .headers()
        .iter()
        .filter(|(name, _)| *name != "date")
        .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()))
        .collect();
    headers.sort();
    (status, headers, answer.text().await.unwrap())
}

#[tokio::test]
async fn whatever_is_said_under_the_right_secret_is_answered_with_200_and_nothing() {
    let proxy = Proxy::start().await;
    let bulk = json!({ "bulkId": "b", "responses": [] }).to_string();
    for path in PATHS {
        for body in [
            "",
            "{}",
            "[]",
            "null",
            "not json",
            "\u{0}",
            r#"{"status":200,"orderId":"x","_signature":"00"}"#,
            &bulk,
        ] {
            let answer = notify(&proxy, HOOK_PATH, path, body.to_owned()).await;
            assert_eq!(answer.status(), 200, "{path} {body}");
            assert_eq!(answer.text().await.unwrap(), "", "{path} {body}");
        }
    }
    let large = notify(&proxy, HOOK_PATH, "/", vec![b'x'; 256 * 1024 + 1]).await;
    assert_eq!(
        (large.status().as_u16(), large.text().await.unwrap()),
        (200, String::new())
    );
    assert!(is_counted(&proxy, "payment", "too_large").await);
    assert!(is_counted(&proxy, "payment", "wrong_signature").await);
    assert!(is_counted(&proxy, "bulk_results", "malformed").await);
}

#[tokio::test]
async fn under_a_wrong_secret_there_is_nothing_as_on_any_other_path() {
    let proxy = Proxy::start().await;
    let nowhere = seen(
        proxy
            .request(Method::POST, "/nowhere")
            .body("{}")
            .send()
            .await
            .unwrap(),
    )
    .await;
    assert_eq!(nowhere.0, 404);
    let mut one_off = HOOK_PATH.to_owned();
    one_off.pop();
    one_off.push('0');
    let upper = HOOK_PATH.to_uppercase();
    let longer = format!("{HOOK_PATH}x");
    for secret in ["x", "%FF", "%00", &one_off, &upper, &longer] {
        for path in PATHS {
            let found = seen(notify(&proxy, secret, path, "{}").await).await;
            assert_eq!(found, nowhere, "{secret}{path}");
        }
    }
    for path in ["/other", "/newCard/", "/newcard", "/subscription"] {
        let found = seen(notify(&proxy, HOOK_PATH, path, "{}").await).await;
        assert_eq!(found, nowhere, "{path}");
    }
    for method in [Method::GET, Method::PUT, Method::DELETE, Method::HEAD] {
        let path = format!("/hooks/greenpay/{one_off}/");
        let answer = proxy.request(method, &path).send().await.unwrap();
        assert_eq!(answer.status(), 404);
        let path = format!("/hooks/greenpay/{HOOK_PATH}/");
        let answer = proxy.request(Method::GET, &path).send().await.unwrap();
        problem(answer, 405, "method-not-allowed").await;
    }
}

#[tokio::test]
async fn without_a_secret_configured_there_are_no_such_paths() {
    let mut environment = crate::support::environment();
    environment.remove("VENTANILLA_HOOK_PATH");
    let proxy = Proxy::start_as(|text| text, environment).await;
    let answer = notify(&proxy, HOOK_PATH, "/", "{}").await;
    problem(answer, 404, "not-found").await;
}

#[tokio::test]
async fn a_saved_card_causes_nothing_and_is_counted() {
    let proxy = Proxy::start().await;
    let body = json!({ "status": 500, "requestId": "abcdefghijklmnopqrstuvwxyz" }).to_string();
    assert_eq!(
        notify(&proxy, HOOK_PATH, "/newCard", body).await.status(),
        200
    );
    assert!(is_counted(&proxy, "new_card", "ignored").await);
}

#[tokio::test]
async fn references_of_others_are_told_from_ours_that_are_missing() {
    let proxy = Proxy::start().await;
    let results = |reference: &str| {
        json!({ "approved": [{ "status": 200, "order": { "orderReference": reference } }] })
            .to_string()
    };
    let path = "/subscription/payment/results";
    notify(&proxy, HOOK_PATH, path, results("ORDER-1001")).await;
    assert!(is_counted(&proxy, "subscription_results", "foreign").await);
    notify(
        &proxy,
        HOOK_PATH,
        path,
        results("abcdefghijklmnopqrstuvwxyz"),
    )
    .await;
    assert!(is_counted(&proxy, "subscription_results", "unknown").await);
    let metrics = metrics(&proxy).await;
    for word in [HOOK_PATH, "ORDER-1001", "abcdefghijklmnopqrstuvwxyz"] {
        assert!(!metrics.contains(word), "{word}");
    }
    assert!(metrics.contains("route=\"/hooks/greenpay/{secret}/subscription/payment/results\""));
}

/// What GreenPay was told to send where.
fn notifications(proxy: &Proxy, mode: NotifyMode) -> Notifications {
    let url = format!("{}/hooks/greenpay/{HOOK_PATH}", proxy.running.origin());
    Notifications {
        url: Some(url.parse().unwrap()),
        mode,
        ..Notifications::default()
    }
}

async fn attempt_of(proxy: &Proxy, session: &str) -> Value {
    let path = format!("/v1/sessions/{session}");
    let answer = proxy.merchant(Method::GET, &path).send().await.unwrap();
    answer.json::<Value>().await.unwrap()["attempts"][0].clone()
}

fn reads(proxy: &Proxy) -> usize {
    let is_read = |call: &&CallEntry| call.operation == Operation::Transaction;
    proxy.sandbox.ledger().calls.iter().filter(is_read).count()
}

/// Waits until there were more than `before` reads, and for a while no further one: how many.
async fn reads_after(proxy: &Proxy, before: usize) -> usize {
    let mut seen = before;
    let mut quiet = 0;
    for _ in 0..400 {
        tokio::time::sleep(Duration::from_millis(50)).await;
        let now = reads(proxy);
        quiet = if now == seen { quiet + 1 } else { 0 };
        seen = now;
        if seen > before && quiet >= 12 {
            return seen;
        }
    }
    panic!("{seen} reads");
}

/// Waits until the provider has posted so many notifications, and each was answered.
async fn notified(proxy: &Proxy, count: usize) {
    for _ in 0..400 {
        let sent = proxy.sandbox.ledger().notifications;
        if sent.len() >= count {
            assert!(
                sent.iter().all(|sent| sent.http_status == Some(200)),
                "{sent:?}"
            );
            return;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("{:?}", proxy.sandbox.ledger().notifications);
}

async fn a_moment() {
    tokio::time::sleep(Duration::from_millis(300)).await;
}

#[tokio::test]
async fn a_payment_in_doubt_is_read_back_soon_after_the_provider_notifies_of_it() {
    for double_encoded in [false, true] {
        let proxy = Proxy::start().await;
        proxy
            .sandbox
            .notify(Notifications {
                late_ms: 1_000_000,
                double_encoded,
                ..notifications(&proxy, NotifyMode::Late)
            })
            .unwrap();
        for fault in [
            Fault::once(Operation::Pay, Kind::ResetAfter),
            Fault::times(Operation::Transaction, Kind::Error500, 1_000),
        ] {
            proxy.sandbox.arm(fault).await.unwrap();
        }
        let (session, token) = proxy.session().await;
        let (key, body) = (fresh_key(), proxy.card_start(PAN));
        // The buyer goes away; what was started goes on.
        let start = proxy.start_attempt(&token, &key, &body);
        let _ = tokio::time::timeout(Duration::from_millis(700), start).await;
        // So far into the doubt that the next read would be hours away.
        let before = reads_after(&proxy, 0).await;
        proxy.clock.advance(Duration::from_secs(13 * 3600));
        reads_after(&proxy, before).await;
        proxy.sandbox.clear_faults().await;
        proxy.clock.advance(Duration::from_secs(60));
        a_moment().await;
        assert_eq!(attempt_of(&proxy, &session).await["state"], "unknown");

        proxy.sandbox.move_clock(Duration::from_secs(1_001));
        notified(&proxy, 1).await;
        proxy.clock.advance(Duration::from_secs(3));
        for _ in 0..400 {
            if attempt_of(&proxy, &session).await["state"] == "succeeded" {
                break;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        assert_eq!(attempt_of(&proxy, &session).await["state"], "succeeded");
        assert!(is_counted(&proxy, "payment", "noticed").await);
        assert_eq!(proxy.debits(), 1);
    }
}

#[tokio::test]
async fn a_notification_that_lies_changes_nothing() {
    let proxy = Proxy::start().await;
    let forged = notifications(&proxy, NotifyMode::Forged);
    proxy.sandbox.notify(forged).unwrap();
    let (session, token) = proxy.session().await;
    let declined: Value = proxy
        .start_attempt(&token, &fresh_key(), &proxy.card_start("4000000000009995"))
        .await
        .json()
        .await
        .unwrap();
    assert_eq!(declined["state"], "declined");
    notified(&proxy, 1).await;
    a_moment().await;
    assert_eq!(attempt_of(&proxy, &session).await["state"], "declined");
    assert!(is_counted(&proxy, "payment", "wrong_signature").await);
}

#[tokio::test]
async fn a_notification_that_comes_early_and_five_times_finds_one_payment() {
    for mode in [NotifyMode::Early, NotifyMode::FiveTimes] {
        let proxy = Proxy::start().await;
        proxy.sandbox.notify(notifications(&proxy, mode)).unwrap();
        let (session, token) = proxy.session().await;
        let paid: Value = proxy
            .start_attempt(&token, &fresh_key(), &proxy.card_start(PAN))
            .await
            .json()
            .await
            .unwrap();
        assert_eq!(paid["state"], "succeeded");
        notified(&proxy, if mode == NotifyMode::Early { 1 } else { 5 }).await;
        assert_eq!(attempt_of(&proxy, &session).await["state"], "succeeded");
        assert_eq!(proxy.debits(), 1);
    }
}
