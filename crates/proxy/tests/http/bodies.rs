//! What may be sent: size, form, content type.

use reqwest::Method;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::support::{API_KEY, PUBLIC_ORIGIN, Proxy, fresh_key, new_session, problem};

const ATTEMPT_LIMIT: usize = 16 * 1024;
const SESSION_LIMIT: usize = 64 * 1024;

/// JSON of exactly `bytes` bytes.
fn padded(body: &Value, bytes: usize) -> String {
    let text = body.to_string();
    let (start, end) = text.split_at(text.len() - 1);
    format!("{start}{}{end}", " ".repeat(bytes - text.len()))
}

/// Sends a head and a body as they are, and reads the whole answer.
async fn raw(proxy: &Proxy, head: &str, body: &[u8]) -> String {
    let address = proxy.running.origin().replace("http://", "");
    let mut socket = tokio::net::TcpStream::connect(address).await.unwrap();
    let head = format!(
        "{}\r\nHost: x\r\nConnection: close\r\n\r\n",
        head.trim_end()
    );
    // The answer may come, and the connection end, before the body was taken.
    let _ = socket.write_all(head.as_bytes()).await;
    let _ = socket.write_all(body).await;
    let mut answer = Vec::new();
    let _ = socket.read_to_end(&mut answer).await;
    String::from_utf8_lossy(&answer).into_owned()
}

fn chunked(body: &str) -> Vec<u8> {
    let mut out = Vec::new();
    for chunk in body.as_bytes().chunks(1000) {
        out.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
        out.extend_from_slice(chunk);
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(b"0\r\n\r\n");
    out
}

#[tokio::test]
async fn a_body_one_byte_too_long_is_refused_with_and_without_an_announced_length() {
    let proxy = Proxy::start().await;
    let (_, token) = proxy.session().await;
    let attempt = json!({ "rail": "card" });
    let attempts = format!(
        "POST /v1/checkout/attempts HTTP/1.1\r\nAuthorization: Bearer {token}\r\nOrigin: {PUBLIC_ORIGIN}\r\n\
         Idempotency-Key: {}\r\nContent-Type: application/json",
        fresh_key()
    );
    let sessions = format!(
        "POST /v1/sessions HTTP/1.1\r\nAuthorization: Bearer {API_KEY}\r\nIdempotency-Key: {}\r\n\
         Content-Type: application/json",
        fresh_key()
    );
    for (head, body, limit, fits) in [
        (&attempts, &attempt, ATTEMPT_LIMIT, "422"),
        (&sessions, &new_session(), SESSION_LIMIT, "201"),
    ] {
        for (bytes, status) in [(limit, fits), (limit + 1, "413")] {
            let body = padded(body, bytes);
            let announced = format!("{head}\r\nContent-Length: {bytes}");
            let answer = raw(&proxy, &announced, body.as_bytes()).await;
            assert!(
                answer.starts_with(&format!("HTTP/1.1 {status}")),
                "{bytes}: {answer}"
            );
            let unannounced = format!("{head}\r\nTransfer-Encoding: chunked");
            let answer = raw(&proxy, &unannounced, &chunked(&body)).await;
            assert!(
                answer.starts_with(&format!("HTTP/1.1 {status}")),
                "chunked {bytes}: {answer}"
            );
            if status == "413" {
                assert!(answer.contains("body-too-large"), "{answer}");
            }
        }
    }
}

#[tokio::test]
async fn only_plain_json_is_taken() {
    let proxy = Proxy::start().await;
    let (_, token) = proxy.session().await;
    for (content_type, encoding) in [
        (Some("application/json"), Some("gzip")),
        (Some("application/json"), Some("br")),
        (Some("application/json"), Some("identity")),
        (Some("text/plain"), None),
        (Some("application/x-www-form-urlencoded"), None),
        (Some("multipart/form-data; boundary=x"), None),
        (None, None),
    ] {
        let requests = [
            proxy.frame(Method::POST, "/v1/checkout/attempts", &token),
            proxy.merchant(Method::POST, "/v1/sessions"),
        ];
        for mut request in requests {
            request = request.header("idempotency-key", fresh_key()).body("{}");
            if let Some(content_type) = content_type {
                request = request.header("content-type", content_type);
            }
            if let Some(encoding) = encoding {
                request = request.header("content-encoding", encoding);
            }
            problem(request.send().await.unwrap(), 415, "unsupported-media-type").await;
        }
    }
}

#[tokio::test]
async fn a_post_without_a_usable_idempotency_key_is_refused() {
    let proxy = Proxy::start().await;
    let (_, token) = proxy.session().await;
    let long = "k".repeat(65);
    for key in [
        None,
        Some("short"),
        Some("has blanks in it 123"),
        Some(long.as_str()),
    ] {
        let requests = [
            proxy
                .frame(Method::POST, "/v1/checkout/attempts", &token)
                .json(&json!({ "rail": "card" })),
            proxy
                .merchant(Method::POST, "/v1/sessions")
                .json(&new_session()),
        ];
        for mut request in requests {
            if let Some(key) = key {
                request = request.header("idempotency-key", key);
            }
            problem(
                request.send().await.unwrap(),
                400,
                "idempotency-key-invalid",
            )
            .await;
        }
    }
}

#[tokio::test]
async fn the_browser_cannot_name_an_amount_or_anything_else_that_is_not_asked() {
    let proxy = Proxy::start().await;
    let (session, token) = proxy.session().await;
    let card = proxy.card_start("4242424242424242");
    for (place, field) in [
        ("", "amount"),
        ("", "total"),
        ("", "session_id"),
        ("/card", "amount_minor"),
        ("/card/sealed", "currency"),
    ] {
        let mut body = card.clone();
        body.pointer_mut(place).unwrap()[field] = json!(1);
        let document = problem(
            proxy.start_attempt(&token, &fresh_key(), &body).await,
            422,
            "request-malformed",
        )
        .await;
        let detail = document["detail"].as_str().unwrap();
        assert!(
            detail.contains("unknown field") && detail.contains("expected"),
            "{detail}"
        );
    }
    assert_eq!(proxy.debits(), 0);
    let record: Value = proxy
        .merchant(Method::GET, &format!("/v1/sessions/{session}"))
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(record["attempts"], json!([]));
}

#[tokio::test]
async fn malformed_json_is_told_by_place_and_expectation_and_never_repeated() {
    let proxy = Proxy::start().await;
    let (_, token) = proxy.session().await;
    for body in [
        "",
        "{",
        "[]",
        "null",
        "{\"rail\":\"4242424242424242\"}",
        "{\"rail\":4242424242424242}",
        "{\"4242424242424242\":1}",
        "{\"rail\":\"card\"} 4242424242424242",
        "{\"rail\":\"card\",\"rail\":\"card\"}",
        &format!("{}1{}", "[".repeat(5000), "]".repeat(5000)),
        &format!("{{\"rail\":{}", "{\"a\":".repeat(3000)),
    ] {
        let answer = proxy
            .frame(Method::POST, "/v1/checkout/attempts", &token)
            .header("idempotency-key", fresh_key())
            .header("content-type", "application/json")
            .body(body.to_owned())
            .send()
            .await
            .unwrap();
        let document = problem(answer, 422, "request-malformed").await.to_string();
        assert!(
            document.contains("detail") && !document.contains("4242"),
            "{document}"
        );
    }
    let amount =
        json!({ "order_reference": "A1", "total": { "amount_minor": "12,50", "currency": "CRC" } });
    let document = problem(
        proxy.open_session(&fresh_key(), &amount).await,
        422,
        "request-malformed",
    )
    .await;
    let detail = document["detail"].as_str().unwrap();
    assert!(
        detail.starts_with("total.amount_minor: invalid type, expected u64"),
        "{detail}"
    );
}

#[tokio::test]
async fn the_wait_is_limited_and_nothing_else_may_be_in_the_query() {
    let proxy = Proxy::start().await;
    let (_, token) = proxy.session().await;
    for query in ["wait=26", "wait=-1", "wait=x", "wait=1&wait=2", "amount=1"] {
        let path = format!("/v1/checkout/attempts/att_x?{query}");
        let answer = proxy
            .frame(Method::GET, &path, &token)
            .send()
            .await
            .unwrap();
        problem(answer, 422, "request-malformed").await;
    }
}
