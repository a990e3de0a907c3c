//! Start, health, metrics, stop.

use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use ventanilla_sandbox::{Fault, Kind, Operation};

use crate::support::{PAN, Proxy, fresh_key};

async fn management(proxy: &Proxy, path: &str) -> (u16, String) {
    let answer = proxy
        .http
        .get(format!("{}{path}", proxy.running.management()))
        .send()
        .await
        .unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}

#[tokio::test]
async fn the_management_side_answers_about_health_and_nothing_else() {
    let proxy = Proxy::start().await;
    assert_eq!(
        management(&proxy, "/livez").await,
        (200, "alive\n".to_owned())
    );
    assert_eq!(
        management(&proxy, "/readyz").await,
        (200, "ready\n".to_owned())
    );
    for path in ["/", "/frame", "/v1/sessions", "/v1/checkout", "/embed.json"] {
        assert_eq!(management(&proxy, path).await.0, 404, "{path}");
    }
}

#[tokio::test]
async fn metrics_count_by_route_and_hold_no_identifier() {
    let proxy = Proxy::start().await;
    let (session, token) = proxy.session().await;
    let attempt: Value = proxy
        .start_attempt(&token, &fresh_key(), &proxy.card_start(PAN))
        .await
        .json()
        .await
        .unwrap();
    let id = attempt["id"].as_str().unwrap();
    let _ = proxy
        .frame(Method::GET, &format!("/v1/checkout/attempts/{id}"), &token)
        .send()
        .await
        .unwrap();
    let _ = proxy
        .frame(Method::GET, "/v1/checkout", "bad")
        .send()
        .await
        .unwrap();
    let _ = proxy
        .request(Method::GET, &format!("/{session}"))
        .send()
        .await
        .unwrap();
    let _ = proxy
        .request("BREW".parse().unwrap(), "/frame")
        .send()
        .await
        .unwrap();

    let (_, text) = management(&proxy, "/metrics").await;
    for line in [
        "ventanilla_http_requests_total{route=\"/v1/checkout/attempts/{id}\",method=\"GET\",status=\"2xx\"}",
        "ventanilla_http_requests_total{route=\"/v1/sessions\",method=\"POST\",status=\"2xx\"}",
        "ventanilla_http_requests_total{route=\"unmatched\",method=\"GET\",status=\"4xx\"}",
        "ventanilla_http_requests_total{route=\"/frame\",method=\"other\",status=\"4xx\"}",
        "ventanilla_http_request_seconds_bucket{route=\"/v1/checkout/attempts\",le=\"+Inf\"}",
        "ventanilla_client_tokens_refused_total{reason=\"malformed\"}",
        "ventanilla_connections ",
    ] {
        assert!(text.contains(line), "{line}\n{text}");
    }
    let reference = attempt["reference"].as_str().unwrap();
    for secret in [
        session.as_str(),
        id,
        reference,
        token.as_str(),
        "127.0.0.1",
        // The digits alone may stand in any measurement.
        "42424242",
        "\"4242\"",
        "1250000",
    ] {
        assert!(!text.contains(secret), "{secret}");
    }
}

#[tokio::test]
async fn a_client_that_stops_in_the_middle_of_a_head_is_hung_up_on_and_others_are_served() {
    let proxy = Proxy::start().await;
    let address = proxy.running.origin().replace("http://", "");
    let started = Instant::now();
    let mut slow = Vec::new();
    for _ in 0..40 {
        let mut socket = TcpStream::connect(&address).await.unwrap();
        socket
            .write_all(b"GET /frame HTTP/1.1\r\nHost: x\r\nX-Slow: ")
            .await
            .unwrap();
        slow.push(socket);
    }
    assert_eq!(
        proxy
            .request(Method::GET, "/frame")
            .send()
            .await
            .unwrap()
            .status(),
        200
    );
    for mut socket in slow {
        let mut rest = Vec::new();
        let _ = socket.read_to_end(&mut rest).await;
        assert!(rest.is_empty() || rest.starts_with(b"HTTP/1.1 408"));
    }
    assert!(
        started.elapsed() >= Duration::from_secs(4),
        "{:?}",
        started.elapsed()
    );
    assert!(
        started.elapsed() < Duration::from_secs(12),
        "{:?}",
        started.elapsed()
    );
}

#[tokio::test]
async fn one_address_has_so_many_connections_and_no_more() {
    let proxy = Proxy::start_with(|text| format!("{text}connections_per_ip = 3\n")).await;
    let address = proxy.running.origin().replace("http://", "");
    let ask = b"GET /frame HTTP/1.1\r\nHost: x\r\n\r\n";
    let mut kept = Vec::new();
    for _ in 0..3 {
        let mut socket = TcpStream::connect(&address).await.unwrap();
        socket.write_all(ask).await.unwrap();
        let mut start = [0; 12];
        socket.read_exact(&mut start).await.unwrap();
        assert_eq!(&start, b"HTTP/1.1 200");
        kept.push(socket);
    }
    let mut fourth = TcpStream::connect(&address).await.unwrap();
    let _ = fourth.write_all(ask).await;
    let mut answer = Vec::new();
    let _ = fourth.read_to_end(&mut answer).await;
    assert!(answer.is_empty());
}

#[tokio::test]
async fn a_running_attempt_is_answered_with_202_and_waiting_ends_when_the_proxy_stops() {
    let proxy = Proxy::start().await;
    let stall = Fault {
        operation: Operation::Pay,
        kind: Kind::Stall,
        times: 1,
        ms: Some(8_000),
        reads: None,
    };
    proxy.sandbox.arm(stall).await.unwrap();
    let (_, token) = proxy.session().await;
    let answer = proxy
        .start_attempt(&token, &fresh_key(), &proxy.card_start(PAN))
        .await;
    assert_eq!(answer.status(), 202);
    let attempt: Value = answer.json().await.unwrap();
    assert_eq!(
        (&attempt["state"], &attempt["next_action"]),
        (&"sent".into(), &"wait".into())
    );
    assert!(attempt["poll_after_ms"].as_u64().unwrap() > 0);

    let path = format!(
        "/v1/checkout/attempts/{}?wait=25",
        attempt["id"].as_str().unwrap()
    );
    let waiting = tokio::spawn(proxy.frame(Method::GET, &path, &token).send());
    let (origin, readyz) = (
        proxy.running.origin(),
        format!("{}/readyz", proxy.running.management()),
    );
    // The waiting request is on its way; its answer cannot come before the provider's.
    let a_moment = || tokio::time::sleep(Duration::from_millis(300));
    a_moment().await;
    let stopped = Instant::now();
    let Proxy {
        running,
        http,
        sandbox,
        folder: _folder,
        ..
    } = proxy;
    let while_stopping = async {
        a_moment().await;
        let ready = http.get(&readyz).send().await.unwrap();
        let refused = http.get(format!("{origin}/frame")).send().await.is_err();
        (
            ready.status().as_u16(),
            ready.text().await.unwrap(),
            refused,
        )
    };
    let (answer, seen, ()) = tokio::join!(waiting, while_stopping, running.shutdown());
    assert_eq!(seen, (503, "not ready: stopping\n".to_owned(), true));
    let answer = answer.unwrap().unwrap();
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.json::<Value>().await.unwrap()["state"], "sent");
    assert!(
        stopped.elapsed() < Duration::from_secs(20),
        "{:?}",
        stopped.elapsed()
    );
    // The provider call under way was waited for.
    assert_eq!(sandbox.ledger().debits.len(), 1);
    assert!(http.get(&readyz).send().await.is_err());
}
