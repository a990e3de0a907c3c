//! Every POST route, sent twice.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{PAN, Proxy, fresh_key, new_session, problem};

#[tokio::test]
async fn a_session_opened_twice_with_one_key_is_one_session() {
    let proxy = Proxy::start().await;
    let key = fresh_key();
    let first = proxy.open_session(&key, &new_session()).await;
    let second = proxy.open_session(&key, &new_session()).await;
    assert_eq!(
        (first.status().as_u16(), second.status().as_u16()),
        (201, 201)
    );
    let (first, second): (Value, Value) =
        (first.json().await.unwrap(), second.json().await.unwrap());
    assert_eq!(first["session"], second["session"]);
    // Each answer has a token of its own, and each opens the session.
    assert_ne!(first["client_token"], second["client_token"]);
    for answer in [&first, &second] {
        let token = answer["client_token"].as_str().unwrap();
        let view = proxy
            .frame(Method::GET, "/v1/checkout", token)
            .send()
            .await
            .unwrap();
        assert_eq!(
            view.json::<Value>().await.unwrap()["session_id"],
            first["session"]["id"]
        );
    }

    let mut other = new_session();
    other["total"]["amount_minor"] = json!(1);
    problem(
        proxy.open_session(&key, &other).await,
        422,
        "idempotency-key-reused",
    )
    .await;
}

#[tokio::test]
async fn an_attempt_started_twice_with_one_key_takes_money_once() {
    let proxy = Proxy::start().await;
    let (_, token) = proxy.session().await;
    let key = fresh_key();
    // Sealed anew each time, as a browser does that starts over.
    let first = proxy
        .start_attempt(&token, &key, &proxy.card_start(PAN))
        .await;
    assert_eq!(first.status(), 200);
    let first: Value = first.json().await.unwrap();
    let second = proxy
        .start_attempt(&token, &key, &proxy.card_start(PAN))
        .await;
    assert_eq!(second.status(), 200);
    let second: Value = second.json().await.unwrap();
    assert_eq!(first["state"], "succeeded");
    assert_eq!(
        (&first["id"], &first["reference"]),
        (&second["id"], &second["reference"])
    );
    assert_eq!(proxy.debits(), 1);

    let other = proxy
        .start_attempt(&token, &fresh_key(), &proxy.card_start(PAN))
        .await;
    let document = problem(other, 409, "session-paid").await;
    assert_eq!(document["attempt_id"], first["id"]);
    assert_eq!(proxy.debits(), 1);
}

#[tokio::test]
async fn one_key_sent_many_times_at_once_takes_money_once() {
    let proxy =
        Proxy::start_with(|text| format!("{text}card_starts_per_ip_per_hour = 100\n")).await;
    let (_, token) = proxy.session().await;
    let key = fresh_key();
    let bodies: Vec<Value> = (0..12).map(|_| proxy.card_start(PAN)).collect();
    let mut answers = Vec::new();
    for body in &bodies {
        let request = proxy
            .frame(Method::POST, "/v1/checkout/attempts", &token)
            .header("idempotency-key", &key)
            .json(body);
        answers.push(tokio::spawn(request.send()));
    }
    let mut ids = std::collections::BTreeSet::new();
    for answer in answers {
        let answer = answer.await.unwrap().unwrap();
        assert!(answer.status().is_success(), "{}", answer.status());
        let view: Value = answer.json().await.unwrap();
        ids.insert(view["id"].as_str().unwrap().to_owned());
    }
    assert_eq!(ids.len(), 1);
    assert_eq!(proxy.debits(), 1);
}

#[tokio::test]
async fn a_session_expired_twice_is_expired() {
    let proxy = Proxy::start().await;
    let (session, token) = proxy.session().await;
    let path = format!("/v1/sessions/{session}/expire");
    for _ in 0..2 {
        let answer = proxy.merchant(Method::POST, &path).send().await.unwrap();
        assert_eq!(answer.status(), 200);
        let record: Value = answer.json().await.unwrap();
        assert_eq!(record["state"], "expired");
    }
    let late = proxy
        .start_attempt(&token, &fresh_key(), &proxy.card_start(PAN))
        .await;
    problem(late, 410, "session-expired").await;
    assert_eq!(proxy.debits(), 0);
    // The buyer's page may still ask how it ended, with a token made after the end.
    let path = format!("/v1/sessions/{session}/client-token");
    let answer = proxy.merchant(Method::POST, &path).send().await.unwrap();
    let made: Value = answer.json().await.unwrap();
    let view = proxy
        .frame(
            Method::GET,
            "/v1/checkout",
            made["client_token"].as_str().unwrap(),
        )
        .send()
        .await
        .unwrap();
    let view: Value = view.json().await.unwrap();
    assert_eq!(view["state"], "expired");
}

#[tokio::test]
async fn a_client_token_made_twice_is_two_tokens_for_one_session() {
    let proxy = Proxy::start().await;
    let (session, _) = proxy.session().await;
    let path = format!("/v1/sessions/{session}/client-token");
    let mut tokens = Vec::new();
    for _ in 0..2 {
        let answer = proxy.merchant(Method::POST, &path).send().await.unwrap();
        assert_eq!(answer.status(), 200);
        let made: Value = answer.json().await.unwrap();
        assert_eq!(made["client_token_expires_at"], "2026-11-18T11:36:40.000Z");
        tokens.push(made["client_token"].as_str().unwrap().to_owned());
    }
    assert_ne!(tokens[0], tokens[1]);
    for token in &tokens {
        let view = proxy
            .frame(Method::GET, "/v1/checkout", token)
            .send()
            .await
            .unwrap();
        assert_eq!(
            view.json::<Value>().await.unwrap()["session_id"],
            session.as_str()
        );
    }
}

#[tokio::test]
async fn a_report_sent_twice_is_counted_and_nothing_else() {
    let proxy = Proxy::start().await;
    for _ in 0..2 {
        let answer = proxy
            .request(Method::POST, "/v1/csp-reports")
            .header("content-type", "application/csp-report")
            .body("{\"csp-report\":{\"blocked-uri\":\"4242424242424242\"}}")
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), 204);
    }
    let metrics = proxy
        .http
        .get(format!("{}/metrics", proxy.running.management()))
        .send()
        .await
        .unwrap();
    let metrics = metrics.text().await.unwrap();
    let line = metrics
        .lines()
        .find(|line| line.starts_with("ventanilla_csp_reports_total "))
        .unwrap();
    let count: u32 = line.rsplit_once(' ').unwrap().1.parse().unwrap();
    assert!(count >= 2, "{line}");
    assert!(!metrics.contains("42424242") && !metrics.contains("\"4242\""));
}
