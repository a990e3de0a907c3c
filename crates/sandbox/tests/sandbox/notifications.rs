//! Notifications to the merchant, in every mode.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use serde_json::{Value, json};
use ventanilla_sandbox::{
    Fault, Kind, NotificationEntry, Notifications, NotifyMode, Operation, SandboxOptions,
};

use crate::samples::shape;
use crate::support::{Shop, VISA, card, card_with, sample};

/// A merchant that listens.
struct Receiver {
    url: String,
    received: Arc<Mutex<Vec<Received>>>,
    server: tokio::task::JoinHandle<()>,
}

#[derive(Clone, Debug)]
struct Received {
    path: String,
    content_type: String,
    text: String,
    /// How many debits the sandbox had answered by then, as far as the test says.
    answered: bool,
}

#[derive(Clone)]
struct Inbox {
    received: Arc<Mutex<Vec<Received>>>,
    answered: Arc<Mutex<bool>>,
    status: StatusCode,
}

impl Received {
    fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap()
    }
}

async fn receive(
    State(inbox): State<Inbox>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> StatusCode {
    let received = Received {
        path: uri.path().to_owned(),
        content_type: headers["content-type"].to_str().unwrap().to_owned(),
        text: String::from_utf8(body.to_vec()).unwrap(),
        answered: *inbox.answered.lock().unwrap(),
    };
    inbox.received.lock().unwrap().push(received);
    inbox.status
}

impl Receiver {
    async fn open() -> Self {
        Self::open_with(StatusCode::OK, Arc::default()).await
    }

    async fn open_with(status: StatusCode, answered: Arc<Mutex<bool>>) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hooks/abc", listener.local_addr().unwrap());
        let received = Arc::new(Mutex::new(Vec::new()));
        let inbox = Inbox {
            received: Arc::clone(&received),
            answered,
            status,
        };
        let router = Router::new().fallback(receive).with_state(inbox);
        let server = tokio::spawn(async move {
            axum::serve(listener, router).await.unwrap();
        });
        Self {
            url,
            received,
            server,
        }
    }

    fn set(&self, shop: &Shop, mode: NotifyMode) {
        shop.sandbox
            .notify(Notifications {
                url: Some(self.url.parse().unwrap()),
                mode,
                ..Notifications::default()
            })
            .unwrap();
    }

    fn received(&self) -> Vec<Received> {
        self.received.lock().unwrap().clone()
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// The notifications in the ledger, once there are that many.
async fn sent(shop: &Shop, number: usize) -> Vec<NotificationEntry> {
    for _ in 0..500 {
        let sent = shop.sandbox.ledger().notifications;
        if sent.len() >= number {
            assert_eq!(sent.len(), number, "{sent:?}");
            return sent;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("{:?}", shop.sandbox.ledger().notifications);
}

#[tokio::test]
async fn nothing_is_sent_unless_told() {
    let (shop, receiver) = (Shop::open().await, Receiver::open().await);
    shop.pay("ref-quiet", &card(VISA)).await;
    receiver.set(&shop, NotifyMode::Never);
    shop.pay("ref-quiet-too", &card(VISA)).await;
    // Whatever is sent is sent at once, and this is about another payment.
    receiver.set(&shop, NotifyMode::Early);
    shop.pay("ref-loud", &card(VISA)).await;
    let sent = sent(&shop, 1).await;
    assert_eq!(sent[0].references, ["ref-loud"]);
    assert_eq!(receiver.received().len(), 1);
}

#[tokio::test]
async fn a_debit_is_told_to_the_root_with_the_signed_answer() {
    let (shop, receiver) = (Shop::open().await, Receiver::open().await);
    receiver.set(&shop, NotifyMode::OnTime);
    let paid = shop.pay("ref-told", &card(VISA)).await;
    let sent = sent(&shop, 1).await;
    assert_eq!(
        (sent[0].path.as_str(), sent[0].http_status, sent[0].nth),
        ("/", Some(200), 1)
    );
    assert_eq!(sent[0].mode, Some(NotifyMode::OnTime));
    assert!(!sent[0].forged);
    let received = receiver.received();
    assert_eq!(received.len(), 1);
    assert_eq!(received[0].path, "/hooks/abc/");
    assert_eq!(received[0].content_type, "application/json");
    assert_eq!(received[0].json(), paid.body);
    assert!(shop.verifies(
        "status:200,orderId:ref-told",
        &received[0].json()["_signature"]
    ));
}

#[tokio::test]
async fn a_saved_card_is_told_to_its_own_path_and_a_changed_one_is_not() {
    let (shop, receiver) = (Shop::open().await, Receiver::open().await);
    receiver.set(&shop, NotifyMode::Early);
    let content = card_with(VISA, "card.nickname", json!("Mi tarjeta"));
    let saved = shop.save("req-told", &content).await;
    let sent = sent(&shop, 1).await;
    assert_eq!(sent[0].path, "/newCard");
    assert_eq!(sent[0].references, ["req-told"]);
    let received = receiver.received();
    assert_eq!(received[0].path, "/hooks/abc/newCard");
    assert_eq!(received[0].json(), saved.body);

    let session = shop.open_token_order("req-changed").await;
    let mut content = content;
    content["token"] = saved.body["result"]["token"].clone();
    let request = shop.pay_request(&session, &content);
    let path = "/tokenize/update";
    let changed = shop.checkout(path, &session.token, &request).await;
    assert_eq!(changed.body["status"], 201);
    assert_eq!(receiver.received().len(), 1);
}

#[tokio::test]
async fn a_payment_by_card_token_and_a_decline_are_told_too() {
    let (shop, receiver) = (Shop::open().await, Receiver::open().await);
    let content = card_with(VISA, "card.nickname", json!("Mi tarjeta"));
    let saved = shop.save("req-silent", &content).await;
    receiver.set(&shop, NotifyMode::Early);
    let token = saved.body["result"]["token"].as_str().unwrap();
    let paid = shop.pay_with_token("ref-by-token", token).await;
    let declined = shop.pay("ref-declined", &card("4000000000044828")).await;
    let received = receiver.received();
    assert_eq!(received.len(), 2);
    assert_eq!(received[0].json(), paid.body);
    assert_eq!(received[1].json(), declined.body);
    assert!(received[1].json().get("_signature").is_none());
}

#[tokio::test]
async fn a_card_that_the_bank_is_not_asked_about_is_not_told() {
    let (shop, receiver) = (Shop::open().await, Receiver::open().await);
    receiver.set(&shop, NotifyMode::Early);
    let refused = shop.pay("ref-unfit", &card("4242424242424241")).await;
    assert_eq!(refused.error(), "Invalid_pan");
    assert!(receiver.received().is_empty());
}

#[tokio::test]
async fn an_early_notification_is_there_before_the_answer() {
    let answered = Arc::new(Mutex::new(false));
    let receiver = Receiver::open_with(StatusCode::OK, Arc::clone(&answered)).await;
    let shop = Shop::open().await;
    receiver.set(&shop, NotifyMode::Early);
    shop.pay("ref-early", &card(VISA)).await;
    *answered.lock().unwrap() = true;
    let received = receiver.received();
    assert_eq!(received.len(), 1);
    assert!(!received[0].answered);
}

#[tokio::test]
async fn a_late_notification_comes_when_its_time_has_come() {
    let (shop, receiver) = (Shop::open().await, Receiver::open().await);
    shop.sandbox
        .notify(Notifications {
            url: Some(receiver.url.parse().unwrap()),
            mode: NotifyMode::Late,
            late_ms: 600_000,
            ..Notifications::default()
        })
        .unwrap();
    shop.pay("ref-late", &card(VISA)).await;
    shop.sandbox.move_clock(Duration::from_secs(590));
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(receiver.received().is_empty());
    shop.sandbox.move_clock(Duration::from_secs(10));
    assert_eq!(sent(&shop, 1).await[0].references, ["ref-late"]);
}

#[tokio::test]
async fn a_late_notification_is_forgotten_with_the_rest() {
    let (shop, receiver) = (Shop::open().await, Receiver::open().await);
    receiver.set(&shop, NotifyMode::Late);
    shop.pay("ref-forgotten", &card(VISA)).await;
    let reset = format!("{}/reset", shop.sandbox.management_url);
    shop.client.post(reset).send().await.unwrap();
    shop.sandbox.move_clock(Duration::from_secs(3_600));
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(receiver.received().is_empty());
    assert!(shop.sandbox.ledger().notifications.is_empty());
}

#[tokio::test]
async fn the_same_notification_may_come_five_times() {
    let (shop, receiver) = (Shop::open().await, Receiver::open().await);
    receiver.set(&shop, NotifyMode::FiveTimes);
    shop.pay("ref-five", &card(VISA)).await;
    let sent = sent(&shop, 5).await;
    let nth: Vec<_> = sent.iter().map(|entry| entry.nth).collect();
    assert_eq!(nth, [1, 2, 3, 4, 5]);
    let received = receiver.received();
    assert!(received.iter().all(|one| one.text == received[0].text));
}

#[tokio::test]
async fn a_forged_notification_claims_a_success_that_nobody_signed() {
    let (shop, receiver) = (Shop::open().await, Receiver::open().await);
    receiver.set(&shop, NotifyMode::Forged);
    shop.pay("ref-approved", &card(VISA)).await;
    shop.pay("ref-declined", &card("4000000000044828")).await;
    let content = card_with(VISA, "card.nickname", json!("Mi tarjeta"));
    shop.save("req-forged", &content).await;
    let sent = sent(&shop, 3).await;
    assert!(sent.iter().all(|entry| entry.forged));
    for received in receiver.received() {
        let body = received.json();
        let text = match body["orderId"].as_str() {
            Some(reference) => {
                assert_eq!(body["status"], 200);
                assert_eq!(body["result"]["resp_code"], "00");
                format!("status:200,orderId:{reference}")
            }
            None => String::from("status:201,requestId:req-forged"),
        };
        assert_eq!(body["_signature"].as_str().unwrap().len(), 256);
        assert!(!shop.verifies(&text, &body["_signature"]), "{text}");
    }
}

#[tokio::test]
async fn in_the_mixed_mode_a_reference_always_has_the_same_mode() {
    let run = async || {
        let receiver = Receiver::open().await;
        let shop = Shop::open_with(SandboxOptions {
            seed: 7,
            ..SandboxOptions::default()
        })
        .await;
        receiver.set(&shop, NotifyMode::Mixed);
        for number in 0..12 {
            shop.pay(&format!("ref-{number}"), &card(VISA)).await;
        }
        shop.sandbox.move_clock(Duration::from_secs(3_600));
        for _ in 0..100 {
            tokio::time::sleep(Duration::from_millis(10)).await;
            let entries = shop.sandbox.ledger().notifications;
            let late = entries
                .iter()
                .any(|entry| entry.mode == Some(NotifyMode::Late));
            if late {
                break;
            }
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
        let mut modes: Vec<_> = shop
            .sandbox
            .ledger()
            .notifications
            .into_iter()
            .map(|entry| (entry.references[0].clone(), entry.mode, entry.nth))
            .collect();
        modes.sort();
        modes
    };
    let first = run().await;
    assert!(first.len() > 5, "{first:?}");
    assert_eq!(first, run().await);
}

#[tokio::test]
async fn the_notification_tells_the_truth_when_the_answer_does_not() {
    let (shop, receiver) = (Shop::open().await, Receiver::open().await);
    receiver.set(&shop, NotifyMode::OnTime);
    for kind in [
        Kind::WrongAmount,
        Kind::WrongReference,
        Kind::BadSignature,
        Kind::ResetAfter,
        Kind::GatewayTimeoutAfter,
        Kind::Truncate,
    ] {
        let reference = format!("ref-{}", kind.name());
        shop.arm(Fault::once(Operation::Pay, kind)).await;
        let session = shop.open_order(&reference).await;
        let request = shop.pay_request(&session, &card(VISA));
        let url = format!("{}/", shop.sandbox.checkout_url);
        let _ = shop.send(&url, Some(&session.token), &request).await;
    }
    sent(&shop, 6).await;
    for received in receiver.received() {
        let body = received.json();
        let reference = body["orderId"].as_str().unwrap();
        assert!(shop.verifies(
            &format!("status:200,orderId:{reference}"),
            &body["_signature"]
        ));
        assert_eq!(body["amount"], 1250.5);
        assert_eq!(shop.sandbox.ledger().debits_of(reference).count(), 1);
    }
}

#[tokio::test]
async fn what_is_not_executed_is_not_told_and_what_is_late_is_told_late() {
    let (shop, receiver) = (Shop::open().await, Receiver::open().await);
    receiver.set(&shop, NotifyMode::OnTime);
    let session = shop.open_order("ref-later").await;
    let request = shop.pay_request(&session, &card(VISA));
    let url = format!("{}/", shop.sandbox.checkout_url);
    shop.arm(Fault::once(Operation::Pay, Kind::ResetBefore))
        .await;
    let _ = shop.send(&url, Some(&session.token), &request).await;
    shop.arm(Fault::once(Operation::Pay, Kind::Late).for_ms(20))
        .await;
    let _ = shop.send(&url, Some(&session.token), &request).await;
    assert!(receiver.received().is_empty());
    assert_eq!(sent(&shop, 1).await[0].references, ["ref-later"]);
}

#[tokio::test]
async fn a_notification_may_be_json_inside_a_json_text() {
    let (shop, receiver) = (Shop::open().await, Receiver::open().await);
    shop.sandbox
        .notify(Notifications {
            url: Some(receiver.url.parse().unwrap()),
            mode: NotifyMode::Early,
            double_encoded: true,
            ..Notifications::default()
        })
        .unwrap();
    let paid = shop.pay("ref-double", &card(VISA)).await;
    let outer = receiver.received()[0].json();
    let inner: Value = serde_json::from_str(outer.as_str().unwrap()).unwrap();
    assert_eq!(inner, paid.body);
}

#[tokio::test]
async fn a_receiver_that_refuses_or_is_not_there_is_not_asked_again() {
    let shop = Shop::open().await;
    let refusing = Receiver::open_with(StatusCode::SERVICE_UNAVAILABLE, Arc::default()).await;
    refusing.set(&shop, NotifyMode::Early);
    shop.pay("ref-refused", &card(VISA)).await;
    let nobody = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", nobody.local_addr().unwrap());
    drop(nobody);
    shop.sandbox
        .notify(Notifications {
            url: Some(url.parse().unwrap()),
            mode: NotifyMode::Early,
            ..Notifications::default()
        })
        .unwrap();
    let paid = shop.pay("ref-nobody", &card(VISA)).await;
    assert_eq!(paid.body["status"], 200);
    let sent = sent(&shop, 2).await;
    let statuses: Vec<_> = sent.iter().map(|entry| entry.http_status).collect();
    assert_eq!(statuses, [Some(503), None]);
    assert_eq!(refusing.received().len(), 1);
}

/// Sends one by hand over the management host.
async fn by_hand(shop: &Shop, body: Value) -> (u16, Value) {
    let url = format!("{}/notifications/send", shop.sandbox.management_url);
    let answer = shop.send(&url, None, &body).await.unwrap();
    let status = answer.status().as_u16();
    (
        status,
        serde_json::from_str(&answer.text().await.unwrap()).unwrap(),
    )
}

#[tokio::test]
async fn results_of_a_bulk_are_sent_by_hand_each_signed() {
    let (shop, receiver) = (Shop::open().await, Receiver::open().await);
    shop.pay("ref-bulk-1", &card(VISA)).await;
    shop.pay("ref-bulk-2", &card("4000000000044828")).await;
    receiver.set(&shop, NotifyMode::Never);
    let references = ["ref-bulk-1", "ref-bulk-2", "ref-unknown"];
    let (status, answer) = by_hand(
        &shop,
        json!({ "path": "/bulkResume", "references": references }),
    )
    .await;
    assert_eq!(status, 200);
    assert_eq!(answer, json!({ "http_statuses": [200] }));
    let received = receiver.received();
    assert_eq!(received[0].path, "/hooks/abc/bulkResume");
    let body = received[0].json();
    assert!(body["bulkId"].is_string());
    let responses = body["responses"].as_array().unwrap();
    let outcomes: Vec<_> = responses
        .iter()
        .map(|response| (&response["orderId"], &response["status"]))
        .collect();
    assert_eq!(
        outcomes,
        [
            (&json!("ref-bulk-1"), &json!(200)),
            (&json!("ref-bulk-2"), &json!(500)),
            (&json!("ref-unknown"), &json!(200)),
        ]
    );
    assert!(shop.verifies("status:200,orderId:ref-bulk-1", &responses[0]["_signature"]));
    assert_eq!(responses[0]["amount"], 1250.5);
    let ledger = shop.sandbox.ledger();
    assert_eq!(ledger.notifications[0].references, references);
    assert_eq!(ledger.notifications[0].mode, None);
    // Telling of a payment does not make one.
    assert_eq!(ledger.debits.len(), 2);
}

#[tokio::test]
async fn results_of_a_subscription_are_sent_by_hand_unsigned() {
    let (shop, receiver) = (Shop::open().await, Receiver::open().await);
    shop.pay("ref-sub-1", &card(VISA)).await;
    shop.pay("ref-sub-2", &card("4000000000044828")).await;
    receiver.set(&shop, NotifyMode::Never);
    let path = "/subscription/payment/results";
    let (status, _) = by_hand(
        &shop,
        json!({ "path": path, "references": ["ref-sub-1", "ref-sub-2"], "times": 2 }),
    )
    .await;
    assert_eq!(status, 200);
    let received = receiver.received();
    assert_eq!(received.len(), 2);
    let body = received[0].json();
    assert_eq!(
        shape(&json!({ "approved": body["approved"] })),
        shape(&sample("notification_subscription_results")["body"])
    );
    let approved = &body["approved"][0];
    assert_eq!(approved["status"], "approved");
    assert_eq!(approved["order"]["orderReference"], "ref-sub-1");
    assert_eq!(approved["order"]["amount"], 1250.5);
    assert_eq!(approved["order"]["currency"], "CRC");
    assert_eq!(body["rejected"][0]["order"]["orderReference"], "ref-sub-2");
    assert!(!received[0].text.contains("_signature"));
}

#[tokio::test]
async fn a_debit_and_a_saved_card_can_be_told_again_by_hand() {
    let (shop, receiver) = (Shop::open().await, Receiver::open().await);
    let mut paid = shop.pay("ref-again", &card(VISA)).await;
    let content = card_with(VISA, "card.nickname", json!("Mi tarjeta"));
    let saved = shop.save("req-again", &content).await;
    receiver.set(&shop, NotifyMode::Never);
    by_hand(&shop, json!({ "path": "/", "references": ["ref-again"] })).await;
    by_hand(
        &shop,
        json!({ "path": "/newCard", "references": ["req-again"], "double_encoded": true }),
    )
    .await;
    by_hand(
        &shop,
        json!({ "path": "/", "references": ["ref-again"], "forged": true }),
    )
    .await;
    let received = receiver.received();
    paid.body["callback"] = Value::Null;
    assert_eq!(received[0].json(), paid.body);
    let outer = received[1].json();
    let inner: Value = serde_json::from_str(outer.as_str().unwrap()).unwrap();
    assert_eq!(inner, saved.body);
    assert!(!shop.verifies(
        "status:200,orderId:ref-again",
        &received[2].json()["_signature"]
    ));
}

#[tokio::test]
async fn settings_and_sends_that_make_no_sense_say_why() {
    let shop = Shop::open().await;
    let set = format!("{}/notifications", shop.sandbox.management_url);
    let send = format!("{set}/send");
    for (url, body, reason) in [
        (&set, json!({ "mode": "on_time" }), "on_time needs url"),
        (
            &set,
            json!({ "mode": "on_time", "url": "https://shop.example" }),
            "url must begin with http://",
        ),
        (
            &set,
            json!({ "mode": "late", "url": "http://shop.example", "late_ms": 86_400_001 }),
            "late_ms must be at most 86400000, found 86400001",
        ),
        (&set, json!({ "mode": "sometimes" }), "unknown variant"),
        (
            &send,
            json!({ "path": "/", "references": ["ref"] }),
            "no url is set",
        ),
        (
            &send,
            json!({ "path": "/", "references": [] }),
            "references must name at least one",
        ),
        (
            &send,
            json!({ "path": "/", "references": ["a", "b"] }),
            "this shape is about one reference",
        ),
        (
            &send,
            json!({ "path": "/subscription/payment/results", "references": ["a"], "forged": true }),
            "this shape is not signed and cannot be forged",
        ),
        (
            &send,
            json!({ "path": "/elsewhere", "references": ["a"] }),
            "unknown variant",
        ),
    ] {
        let answer = shop.send(url, None, &body).await.unwrap();
        assert_eq!(answer.status().as_u16(), 422, "{body}");
        let text = answer.text().await.unwrap();
        assert!(text.contains(reason), "{body}: {text}");
    }
}

#[tokio::test]
async fn settings_are_listed_and_forgotten_by_a_reset() {
    let (shop, receiver) = (Shop::open().await, Receiver::open().await);
    let url = format!("{}/notifications", shop.sandbox.management_url);
    let wanted = json!({ "url": receiver.url, "mode": "five_times" });
    let set = shop.send(&url, None, &wanted).await.unwrap();
    assert_eq!(set.status().as_u16(), 201);
    let listed = async || -> Value {
        let answer = shop.client.get(&url).send().await.unwrap();
        serde_json::from_str(&answer.text().await.unwrap()).unwrap()
    };
    assert_eq!(
        listed().await,
        json!({ "url": receiver.url, "mode": "five_times", "late_ms": 60_000, "double_encoded": false })
    );
    let reset = format!("{}/reset", shop.sandbox.management_url);
    shop.client.post(reset).send().await.unwrap();
    assert_eq!(listed().await["mode"], "never");
}

#[tokio::test]
async fn the_results_of_a_bulk_are_told_in_one_notification() {
    let (shop, receiver) = (Shop::open().await, Receiver::open().await);
    let good = shop.card_token("req-good", VISA).await;
    let bad = shop.card_token("req-bad", "4000000000044828").await;
    receiver.set(&shop, NotifyMode::OnTime);
    let taken = shop
        .bulk(&[("ref-1", &good), ("ref-2", &bad), ("ref-3", "nobody's")])
        .await;
    let sent = sent(&shop, 1).await;
    assert_eq!(sent[0].path, "/bulkResume");
    assert_eq!(sent[0].references, ["ref-1", "ref-2", "ref-3"]);
    let told = receiver.received()[0].json();
    assert_eq!(told["bulkId"], taken.body["bulkId"]);
    let responses = told["responses"].as_array().unwrap();
    let statuses: Vec<_> = responses.iter().map(|it| &it["status"]).collect();
    assert_eq!(statuses, [&json!(200), &json!(500), &json!(500)]);
    assert!(shop.verifies("status:200,orderId:ref-1", &responses[0]["_signature"]));
    assert_eq!(responses[1]["result"]["resp_code"], "51");
    assert_eq!(responses[2]["errors"][0], "Error: Invalid card token");
    let sample = sample("notification_bulk_results")["body"].clone();
    for (response, like) in responses
        .iter()
        .zip(sample["responses"].as_array().unwrap())
    {
        let mut like = like.clone();
        // It is ten in whole units.
        like["amount"] = json!(10);
        assert_eq!(shape(response), shape(&like));
    }
}

#[tokio::test]
async fn what_a_subscription_was_charged_is_told_whether_by_itself_or_when_asked() {
    let (shop, receiver) = (Shop::open().await, Receiver::open().await);
    let token = shop.card_token("req-good", VISA).await;
    receiver.set(&shop, NotifyMode::OnTime);
    let id = shop.subscribe(&token, None).await;
    let by_itself = sent(&shop, 1).await.remove(0);
    assert_eq!(by_itself.path, "/subscription/payment/results");
    assert_eq!(by_itself.references, [format!("{id}_1")]);
    shop.of_subscription("/subscriptions/pay", &id, json!({}))
        .await;
    let asked = sent(&shop, 2).await.remove(1);
    assert_eq!(asked.references, [format!("{id}_2")]);
    for (told, number) in receiver.received().iter().zip(1..) {
        let told = told.json();
        let approved = &told["approved"][0];
        assert_eq!(
            approved["order"]["orderReference"],
            format!("{id}_{number}")
        );
        assert_eq!(approved["order"]["subscriptionId"], id);
        assert_eq!(approved["orderStatus"], "ACTIVE");
        assert!(told.get("rejected").is_none(), "{told}");
    }
}

#[tokio::test]
async fn a_charge_that_failed_is_told_among_the_rejected() {
    let (shop, receiver) = (Shop::open().await, Receiver::open().await);
    let token = shop.card_token("req-bad", "4000000000044828").await;
    receiver.set(&shop, NotifyMode::OnTime);
    let id = shop.subscribe(&token, None).await;
    sent(&shop, 1).await;
    let told = receiver.received()[0].json();
    let rejected = &told["rejected"][0];
    assert_eq!(rejected["order"]["orderReference"], format!("{id}_1"));
    assert_eq!(rejected["orderStatus"], "PENDING");
    assert_eq!(told["approved"], json!([]));
}
