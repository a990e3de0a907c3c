//! Somebody who receives webhooks, and does with them what a test says.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use http::{HeaderMap, Method, StatusCode};
use http_body_util::BodyExt as _;
use serde_json::Value;
use sha2::Sha256;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// A webhook as it arrived.
#[derive(Clone, Debug)]
pub struct Heard {
    pub method: Method,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

impl Heard {
    pub fn header(&self, name: &str) -> &str {
        self.headers[name].to_str().unwrap()
    }

    pub fn id(&self) -> &str {
        self.header("webhook-id")
    }

    pub fn at_secs(&self) -> i64 {
        self.header("webhook-timestamp").parse().unwrap()
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    pub fn kind(&self) -> String {
        self.json()["type"].as_str().unwrap().to_owned()
    }

    /// Whether one of the signatures is right, by the standard's own words: HMAC-SHA256 over
    /// `id.timestamp.body` with the bytes behind `whsec_`.
    pub fn is_signed_with(&self, secret: &str) -> bool {
        let key = STANDARD
            .decode(secret.strip_prefix("whsec_").unwrap())
            .unwrap();
        let mut mac = Hmac::<Sha256>::new_from_slice(&key).unwrap();
        mac.update(format!("{}.{}.", self.id(), self.header("webhook-timestamp")).as_bytes());
        mac.update(&self.body);
        let expected = format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()));
        let mut signatures = self.header("webhook-signature").split(' ');
        signatures.any(|signature| signature == expected)
    }
}

/// What a receiver does with a webhook.
pub enum Reply {
    Status(u16),
    With(u16, &'static str, String),
    Body(u16, &'static str),
    /// 200, and a body that never ends.
    Endless,
    /// Nothing, until the other side hangs up.
    Silence,
}

/// A server of the test's own.
pub struct Receiver {
    pub url: String,
    heard: watch::Receiver<Vec<Heard>>,
    task: JoinHandle<()>,
}

impl Receiver {
    /// Takes everything.
    pub async fn start() -> Self {
        Self::answering(|_, _| Reply::Status(200)).await
    }

    /// Answers the webhook with the given number, from 0, as `reply` says.
    pub async fn answering(reply: impl FnMut(usize, &Heard) -> Reply + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (heard, hearing) = watch::channel(Vec::new());
        let heard = Arc::new(heard);
        let reply = Arc::new(Mutex::new(reply));
        let hear = move |request: Request| {
            let (heard, reply) = (heard.clone(), reply.clone());
            async move {
                let (parts, body) = request.into_parts();
                let webhook = Heard {
                    method: parts.method,
                    headers: parts.headers,
                    body: body.collect().await.unwrap().to_bytes().to_vec(),
                };
                let reply = {
                    // Counted and answered in one turn, so that the numbers are in order.
                    let mut reply = reply.lock().unwrap();
                    let number = heard.borrow().len();
                    let reply = reply(number, &webhook);
                    heard.send_modify(|all| all.push(webhook));
                    reply
                };
                answer(reply).await
            }
        };
        let router = Router::new().fallback(hear);
        let task = tokio::spawn(async move {
            axum::serve(listener, router).await.unwrap();
        });
        Self {
            url: format!("http://127.0.0.1:{port}/webhooks"),
            heard: hearing,
            task,
        }
    }

    /// The first `count` webhooks, once they have arrived.
    pub async fn heard(&self, count: usize) -> Vec<Heard> {
        let mut hearing = self.heard.clone();
        let all = tokio::time::timeout(
            Duration::from_secs(20),
            hearing.wait_for(|all| all.len() >= count),
        )
        .await;
        match all {
            Ok(all) => all.unwrap().clone(),
            Err(_) => panic!("{} webhooks arrived, not {count}", self.so_far().len()),
        }
    }

    /// What has arrived until now.
    pub fn so_far(&self) -> Vec<Heard> {
        self.heard.borrow().clone()
    }

    /// The section of the configuration that sends webhooks here.
    pub fn section(&self) -> String {
        format!("[webhooks]\nurl = \"{}\"\nallow_private = true\n", self.url)
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn answer(reply: Reply) -> Response {
    match reply {
        Reply::Status(status) => StatusCode::from_u16(status).unwrap().into_response(),
        Reply::With(status, name, value) => {
            (StatusCode::from_u16(status).unwrap(), [(name, value)]).into_response()
        }
        Reply::Body(status, body) => (StatusCode::from_u16(status).unwrap(), body).into_response(),
        Reply::Endless => Body::new(Endless).into_response(),
        Reply::Silence => std::future::pending().await,
    }
}

/// As many bytes as anybody takes.
struct Endless;

impl hyper::body::Body for Endless {
    type Data = bytes::Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<hyper::body::Frame<bytes::Bytes>, Self::Error>>> {
        std::task::Poll::Ready(Some(Ok(hyper::body::Frame::data(
            bytes::Bytes::from_static(&[b'x'; 8192]),
        ))))
    }
}
