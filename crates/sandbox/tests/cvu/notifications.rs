//! What the merchant is told of credits, and when.

use std::time::Duration;

use axum::Router;
use axum::extract::State;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use ventanilla_sandbox::{CvuOptions, Notifications, NotifyMode};

use crate::support::Merchant;

/// A merchant that listens, and what it hears.
struct Ear {
    url: String,
    heard: mpsc::UnboundedReceiver<(String, Value)>,
}

async fn hear(
    State(tell): State<mpsc::UnboundedSender<(String, Value)>>,
    uri: axum::http::Uri,
    body: String,
) {
    let body = serde_json::from_str(&body).unwrap();
    tell.send((uri.path().to_owned(), body)).unwrap();
}

impl Ear {
    async fn open() -> Self {
        let (tell, heard) = mpsc::unbounded_channel();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hooks/cvu", listener.local_addr().unwrap());
        let router = Router::new().fallback(hear).with_state(tell);
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, heard }
    }

    async fn next(&mut self) -> Value {
        let (path, body) = self.heard.recv().await.unwrap();
        assert_eq!(path, "/hooks/cvu");
        body
    }
}

async fn opened(mode: NotifyMode, options: CvuOptions) -> (Merchant, Ear) {
    let merchant = Merchant::open_with(options).await;
    let ear = Ear::open().await;
    let notifications = Notifications {
        url: Some(ear.url.parse().unwrap()),
        mode,
        late_ms: 60_000,
        ..Notifications::default()
    };
    merchant.sandbox.notify_credits(notifications).unwrap();
    (merchant, ear)
}

async fn pay(merchant: &Merchant) {
    let code = merchant.code().await["qr_code"].clone();
    merchant.pay(&json!({ "code": code })).await;
}

/// Waits until the ledger has this many notifications.
async fn posted(merchant: &Merchant, count: usize) {
    while merchant.sandbox.ledger().cvu.notifications.len() < count {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_credit_is_told_with_its_number_when_it_can_be_read() {
    let delayed = CvuOptions {
        credit_delay_ms: 60_000,
        ..CvuOptions::default()
    };
    let (merchant, mut ear) = opened(NotifyMode::OnTime, delayed).await;
    pay(&merchant).await;
    merchant.sandbox.move_clock(Duration::from_secs(60));
    assert_eq!(ear.next().await, json!({ "id": 800_001 }));
    assert!(merchant.cashin(800_001).await.is_ok());
    posted(&merchant, 1).await;
    let ledger = merchant.sandbox.ledger();
    assert!(
        ledger.notifications.is_empty(),
        "that list is of the other rail"
    );
    let entry = &ledger.cvu.notifications[0];
    assert_eq!((entry.forged, entry.http_status), (false, Some(200)));
    assert_eq!(entry.references, ["800001"]);
}

#[tokio::test]
async fn a_forged_one_names_a_credit_that_is_not_there() {
    let (merchant, mut ear) = opened(NotifyMode::Forged, CvuOptions::default()).await;
    pay(&merchant).await;
    let id = ear.next().await["id"].as_u64().unwrap();
    assert_eq!(
        merchant.cashin(id).await.message(),
        "acreditacion inexistente"
    );
    posted(&merchant, 1).await;
    assert!(merchant.sandbox.ledger().cvu.notifications[0].forged);
}

#[tokio::test]
async fn repeated_ones_all_name_the_same_credit() {
    let (merchant, mut ear) = opened(NotifyMode::FiveTimes, CvuOptions::default()).await;
    pay(&merchant).await;
    for _ in 0..5 {
        assert_eq!(ear.next().await["id"], 800_001);
    }
}

#[tokio::test]
async fn whoever_is_told_early_cannot_read_the_credit_yet() {
    let merchant = Merchant::open().await;
    let (tell, mut heard) = mpsc::unbounded_channel();
    let (client, token) = (merchant.client.clone(), merchant.token.clone());
    let cashin = format!("{}/v2/payment/cashin/800001", merchant.sandbox.cvu_url);
    // Reads before it answers the notification.
    let hook = move || {
        let read = client.get(&cashin).bearer_auth(&token);
        let tell = tell.clone();
        async move {
            let answer = read.send().await.unwrap().text().await.unwrap();
            tell.send(answer).unwrap();
        }
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let router = Router::new().fallback(hook);
    tokio::spawn(async move { axum::serve(listener, router).await });
    let early = Notifications {
        url: Some(url.parse().unwrap()),
        mode: NotifyMode::Early,
        ..Notifications::default()
    };
    merchant.sandbox.notify_credits(early).unwrap();
    pay(&merchant).await;
    let answer = heard.recv().await.unwrap();
    assert!(answer.contains("acreditacion inexistente"), "{answer}");
    assert!(merchant.cashin(800_001).await.is_ok());
}

#[tokio::test]
async fn a_late_one_comes_when_the_credit_is_there_for_long() {
    let (merchant, mut ear) = opened(NotifyMode::Late, CvuOptions::default()).await;
    pay(&merchant).await;
    assert!(merchant.cashin(800_001).await.is_ok());
    assert!(ear.heard.try_recv().is_err());
    merchant.sandbox.move_clock(Duration::from_secs(60));
    assert_eq!(ear.next().await["id"], 800_001);
}

#[tokio::test]
async fn none_is_sent_where_none_is_wanted_but_one_by_hand() {
    let (merchant, mut ear) = opened(NotifyMode::Never, CvuOptions::default()).await;
    pay(&merchant).await;
    let by_hand = json!({ "ids": [800_001, 5], "times": 2 });
    let answer = merchant
        .manage("POST", "/cvu/notifications/send", Some(&by_hand))
        .await;
    assert_eq!(answer.body["http_statuses"], json!([200, 200, 200, 200]));
    for id in [800_001, 800_001, 5, 5] {
        assert_eq!(ear.next().await["id"], id);
    }
    assert!(ear.heard.try_recv().is_err());
    let entries = merchant.sandbox.ledger().cvu.notifications;
    let forged: Vec<bool> = entries.iter().map(|entry| entry.forged).collect();
    assert_eq!(forged, [false, false, true, true]);
}

#[tokio::test]
async fn how_they_are_sent_is_set_by_json_too() {
    let merchant = Merchant::open().await;
    let path = "/cvu/notifications";
    let wanted = json!({ "url": "http://127.0.0.1:9/hooks/cvu", "mode": "mixed" });
    assert_eq!(merchant.manage("POST", path, Some(&wanted)).await.http, 201);
    assert_eq!(
        merchant.manage("GET", path, None).await.body["mode"],
        "mixed"
    );
    let greenpay = merchant.manage("GET", "/notifications", None).await;
    assert_eq!(greenpay.body["mode"], "never");
    let refused = merchant
        .manage("POST", path, Some(&json!({ "mode": "late" })))
        .await;
    assert_eq!(refused.body["error"], "late needs url");
}
