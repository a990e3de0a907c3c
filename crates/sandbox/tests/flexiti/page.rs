//! The identity page, by the requests that its script sends; `tests/e2e` has it in a browser.

use serde_json::{Value, json};
use ventanilla_sandbox::{FlexitiOutcome, FlexitiSessionState};

use crate::support::{Answer, Merchant, OLD, TRACE, changed, sample};

struct Page {
    policy: String,
    html: String,
}

async fn page(merchant: &Merchant) -> Page {
    let answer = merchant.client.get(&merchant.sandbox.flexiti_url);
    let answer = answer.send().await.unwrap();
    assert_eq!(answer.status().as_u16(), 200);
    let policy = answer.headers()["content-security-policy"]
        .to_str()
        .unwrap();
    Page {
        policy: policy.to_owned(),
        html: answer.text().await.unwrap(),
    }
}

async fn from(merchant: &Merchant, origin: &str, path: &str, body: &Value) -> Answer {
    let url = format!("{}{path}", merchant.sandbox.flexiti_url);
    let answer = merchant
        .client
        .post(url)
        .header("content-type", "application/json")
        .header("origin", origin)
        .body(body.to_string());
    let answer = answer.send().await.unwrap();
    Answer {
        http: answer.status().as_u16(),
        body: serde_json::from_str(&answer.text().await.unwrap()).unwrap(),
    }
}

async fn ask(merchant: &Merchant, path: &str, body: &Value) -> Answer {
    from(merchant, &merchant.sandbox.flexiti_url, path, body).await
}

fn ending(session: &(String, String), outcome: &str, pin: &str) -> Value {
    json!({
        "widget_session_id": session.0, "token": session.1,
        "outcome": outcome, "pin": pin, "method": "sms",
    })
}

#[tokio::test]
async fn the_address_has_its_query_inside_the_fragment() {
    let merchant = Merchant::open().await;
    let body = sample("widget_init_request_personal");
    let path = format!("{OLD}/widget/init");
    let answer = merchant.post(&path, &body).await.done();
    let url = answer["redirection_url"].as_str().unwrap();
    let session = &merchant.sandbox.ledger().flexiti.sessions[0].widget_session_id;
    let expected = format!(
        "{}/#/widget/demo-merchant/{}?lang=fr&x-reference-id={TRACE}&widget_session_id={session}",
        merchant.sandbox.flexiti_url, merchant.token
    );
    assert_eq!(url, expected);
    merchant.set(|it| it.public_url = Some(String::from("https://identity.example")));
    let answer = merchant.post(&path, &body).await.done();
    let url = answer["redirection_url"].as_str().unwrap();
    assert!(
        url.starts_with("https://identity.example/#/widget/"),
        "{url}"
    );
}

#[tokio::test]
async fn the_page_loads_nothing_from_elsewhere_and_is_framed_by_whom_it_is_told() {
    let merchant = Merchant::open().await;
    let any = page(&merchant).await;
    assert!(any.policy.ends_with("frame-ancestors *"), "{}", any.policy);
    assert!(
        any.policy
            .starts_with("default-src 'none'; style-src 'sha256-")
    );
    assert!(!any.policy.contains("unsafe"));
    for text in ["src=", "http:", "https:", " style=", "onclick"] {
        assert!(!any.html.contains(text), "{text}");
    }
    for text in [
        "<label for=pin",
        "<label for=outcome",
        "postMessage(answer.body, \"*\")",
    ] {
        assert!(any.html.contains(text), "{text}");
    }
    merchant.set(|it| it.frame_ancestors = Some(String::from("https://shop.example")));
    let only = page(&merchant).await;
    assert!(
        only.policy
            .ends_with("frame-ancestors https://shop.example")
    );
}

#[tokio::test]
async fn the_page_shows_little_of_whom_it_asks() {
    let merchant = Merchant::open().await;
    let session = merchant.session(10_000_001).await;
    let opened = json!({ "widget_session_id": session.0, "token": session.1 });
    let shown = ask(&merchant, "/widget/session", &opened).await.done();
    assert_eq!(
        (&shown["name"], &shown["account"]),
        (&json!("Test S."), &json!("0001"))
    );
    assert_eq!(shown["open"], true);
    assert_eq!(shown["outcomes"].as_array().unwrap().len(), 9);
    for wrong in [
        json!({ "widget_session_id": session.0, "token": merchant.token }),
        json!({ "widget_session_id": TRACE, "token": session.1 }),
    ] {
        let answer = ask(&merchant, "/widget/session", &wrong).await;
        assert_eq!(answer.http, 404);
    }
    let elsewhere = from(
        &merchant,
        "https://shop.example",
        "/widget/session",
        &opened,
    )
    .await;
    assert_eq!(elsewhere.http, 403);
    let nobody = merchant.session(99).await;
    let opened = json!({ "widget_session_id": nobody.0, "token": nobody.1 });
    let shown = ask(&merchant, "/widget/session", &opened).await.done();
    assert_eq!(shown["name"], Value::Null);
    assert_eq!(
        shown["outcomes"],
        json!(["apply", "retry", "failure", "cancel"])
    );
}

#[tokio::test]
async fn every_end_posts_the_message_of_its_sample() {
    let merchant = Merchant::open().await;
    for (outcome, name, state) in [
        (
            "verified",
            "success_purchase_verified",
            FlexitiSessionState::Verified,
        ),
        (
            "unverified",
            "success_purchase_unverified",
            FlexitiSessionState::Declined,
        ),
        (
            "activation",
            "success_activation",
            FlexitiSessionState::Declined,
        ),
        ("apply", "success_apply", FlexitiSessionState::Declined),
        (
            "bad_standing",
            "success_derogatory",
            FlexitiSessionState::Declined,
        ),
        ("retry", "success_retry", FlexitiSessionState::Declined),
        ("failure", "failure", FlexitiSessionState::Declined),
        ("cancel", "cancel", FlexitiSessionState::Declined),
    ] {
        let session = merchant.session(10_000_001).await;
        let posted = ask(&merchant, "/widget/end", &ending(&session, outcome, "2222")).await;
        let mut expected = sample(&format!("widget_event_{name}"));
        let posted = posted.done();
        if expected["eventData"].get("widget_session_id").is_some() {
            let data = expected["eventData"].take();
            expected["eventData"] = changed(data, json!({ "widget_session_id": session.0 }));
        }
        if outcome == "failure" {
            let message = posted["eventData"]["message"].clone();
            expected["eventData"]["message"] = message;
        }
        assert_eq!(posted, expected, "{outcome}");
        let entry = merchant.sandbox.ledger().flexiti.sessions.pop().unwrap();
        assert_eq!(entry.state, state, "{outcome}");
    }
    merchant.set(|it| {
        it.flat_failure = true;
        it.bad_standing_purchase = true;
    });
    let (session, _) = merchant.session(10_000_001).await;
    let bad = merchant.identify(&session, "bad_standing").await;
    assert_eq!(bad.body["eventData"]["action"], "purchase");
    let (session, _) = merchant.session(10_000_001).await;
    let failed = merchant.identify(&session, "failure").await.body;
    assert_eq!(
        (&failed["error"], failed.get("eventData")),
        (&json!(409), None)
    );
}

#[tokio::test]
async fn a_wrong_pin_can_be_typed_again_twice() {
    let merchant = Merchant::open().await;
    let session = merchant.session(10_000_001).await;
    for pin in ["", "1111"] {
        let answer = ask(&merchant, "/widget/end", &ending(&session, "verified", pin)).await;
        assert_eq!(
            (answer.http, &answer.body["error"]),
            (422, &json!("the PIN is wrong"))
        );
    }
    let third = ask(
        &merchant,
        "/widget/end",
        &ending(&session, "verified", "3333"),
    )
    .await;
    assert_eq!(third.done()["eventData"]["verified"], false);
    let late = ask(
        &merchant,
        "/widget/end",
        &ending(&session, "verified", "2222"),
    )
    .await;
    assert_eq!(late.http, 409);
    let session = merchant.session(10_000_001).await;
    ask(
        &merchant,
        "/widget/end",
        &ending(&session, "verified", "1111"),
    )
    .await;
    let right = ask(
        &merchant,
        "/widget/end",
        &ending(&session, "verified", " 2222 "),
    )
    .await;
    assert_eq!(right.done()["eventData"]["verified"], true);
}

#[tokio::test]
async fn a_message_of_an_earlier_session_verifies_nothing() {
    let merchant = Merchant::open().await;
    let earlier = merchant.session(10_000_001).await;
    let session = merchant.session(10_000_001).await;
    let stale = ask(&merchant, "/widget/end", &ending(&session, "stale", ""))
        .await
        .done();
    assert_eq!(stale["eventData"]["verified"], true);
    assert_eq!(stale["eventData"]["widget_session_id"], earlier.0);
    let state = |index: usize| merchant.sandbox.ledger().flexiti.sessions[index].state;
    assert_eq!(state(0), FlexitiSessionState::Open);
    assert_eq!(state(1), FlexitiSessionState::Open, "the shopper can go on");
    // A page that was left open says it of its own session.
    merchant.manage("POST", "/sessions/expire", None).await;
    let opened = json!({ "widget_session_id": session.0, "token": session.1 });
    let shown = ask(&merchant, "/widget/session", &opened).await.done();
    assert_eq!(shown["open"], false);
    assert_eq!(shown["outcomes"], json!(["failure", "cancel", "stale"]));
    let stale = ask(&merchant, "/widget/end", &ending(&session, "stale", ""))
        .await
        .done();
    assert_eq!(stale["eventData"]["widget_session_id"], session.0);
    let over = ask(
        &merchant,
        "/widget/end",
        &ending(&session, "verified", "2222"),
    )
    .await;
    assert_eq!(over.http, 409);
    let failed = ask(&merchant, "/widget/end", &ending(&session, "failure", ""))
        .await
        .done();
    assert_eq!(failed["eventData"]["error"], 401);
    assert_eq!(
        state(1),
        FlexitiSessionState::Open,
        "a session that is over stays as it was"
    );
}

#[test]
fn an_outcome_is_named_in_the_json_as_on_the_page() {
    let script = include_str!("../../src/flexiti/pages/identity.js");
    for outcome in [FlexitiOutcome::BadStanding, FlexitiOutcome::Stale] {
        let name = serde_json::to_value(outcome).unwrap();
        let key = format!("{}: ", name.as_str().unwrap());
        assert_eq!(
            script.matches(&key).count(),
            2 + usize::from(key == "stale: ") * 2
        );
    }
}
