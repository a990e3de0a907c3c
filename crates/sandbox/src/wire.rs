//! Answers on the wire, whole and spoilt.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use hyper::body::{Frame, SizeHint};
use tokio::time::{Instant, Sleep};

use crate::call::Reply;

const JSON: HeaderValue = HeaderValue::from_static("application/json; charset=utf-8");
const HTML: HeaderValue = HeaderValue::from_static("text/html");

/// The answer as it should be.
pub(crate) fn whole(reply: &Reply) -> Response {
    json(reply, Bytes::from(reply.json.clone()))
}

fn json(reply: &Reply, body: impl Into<Body>) -> Response {
    let status = StatusCode::from_u16(reply.http_status).unwrap_or(StatusCode::OK);
    (status, [(header::CONTENT_TYPE, JSON)], body.into()).into_response()
}

/// A page as a reverse proxy in front of the provider makes it.
pub(crate) fn page(status: StatusCode) -> Response {
    let title = format!(
        "{} {}",
        status.as_str(),
        match status {
            StatusCode::GATEWAY_TIMEOUT => "Gateway Time-out",
            _ => status.canonical_reason().unwrap_or_default(),
        }
    );
    let html = format!(
        "<html><head><title>{title}</title></head><body><center><h1>{title}</h1></center></body></html>"
    );
    (status, [(header::CONTENT_TYPE, HTML)], html).into_response()
}

/// What a firewall says in front of a provider; no registry knows the status.
pub(crate) fn firewalled() -> Response {
    page(StatusCode::from_u16(465).unwrap_or(StatusCode::FORBIDDEN))
}

pub(crate) fn too_many_requests() -> Response {
    let mut response = page(StatusCode::TOO_MANY_REQUESTS);
    response
        .headers_mut()
        .insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    response
}

pub(crate) fn redirect(path: &str) -> Response {
    let mut response = page(StatusCode::MOVED_PERMANENTLY);
    // What was asked for came in a request line, so it fits a header.
    if let Ok(location) = HeaderValue::from_str(path) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    response
}

fn half(json: &str) -> &[u8] {
    json.as_bytes().get(..json.len() / 2).unwrap_or_default()
}

/// Half a JSON document, and nothing on the wire that says so.
pub(crate) fn broken_json(reply: &Reply) -> Response {
    json(reply, Bytes::copy_from_slice(half(&reply.json)))
}

/// A bit of every sixteenth byte is flipped, which leaves no UTF-8: no number comes out as another one.
pub(crate) fn corrupt(reply: &Reply) -> Response {
    let mut body = reply.json.clone().into_bytes();
    for byte in body.iter_mut().skip(1).step_by(16) {
        *byte ^= 0x80;
    }
    json(reply, body)
}

pub(crate) fn oversized(reply: &Reply) -> Response {
    const BLANKS: usize = 4 * 1024 * 1024;
    let mut body = Vec::with_capacity(reply.json.len() + BLANKS);
    body.extend_from_slice(reply.json.as_bytes());
    body.resize(reply.json.len() + BLANKS, b' ');
    json(reply, body)
}

/// Announces the whole length, sends half of it and closes the connection.
pub(crate) fn cut_short(reply: &Reply) -> Response {
    json(
        reply,
        Body::new(CutShort {
            first_half: Some(Bytes::copy_from_slice(half(&reply.json))),
            announced: reply.json.len() as u64,
            flushed: false,
        }),
    )
}

/// Sends the body little by little, the last of it after `over`.
pub(crate) fn dripping(reply: &Reply, over: Duration) -> Response {
    json(
        reply,
        Body::new(Drip {
            bytes: Bytes::from(reply.json.clone()),
            sent: 0,
            began: Instant::now(),
            over,
            next: Box::pin(tokio::time::sleep(Duration::ZERO)),
        }),
    )
}

struct CutShort {
    first_half: Option<Bytes>,
    announced: u64,
    flushed: bool,
}

impl hyper::body::Body for CutShort {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, std::io::Error>>> {
        if let Some(first_half) = self.first_half.take() {
            return Poll::Ready(Some(Ok(Frame::data(first_half))));
        }
        if !self.flushed {
            // Only a body that is not ready lets the server send what it has.
            self.flushed = true;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(Some(Err(std::io::Error::other("cut short on purpose"))))
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.announced)
    }
}

struct Drip {
    bytes: Bytes,
    sent: usize,
    began: Instant,
    over: Duration,
    next: Pin<Box<Sleep>>,
}

impl Drip {
    /// How much is to have been sent by now.
    fn due(&self) -> usize {
        let length = self.bytes.len();
        let elapsed = self.began.elapsed();
        if elapsed >= self.over {
            return length;
        }
        let share = (length as u128 * elapsed.as_micros()).checked_div(self.over.as_micros());
        share
            .and_then(|share| usize::try_from(share).ok())
            .map_or(length, |share| share.min(length))
    }
}

impl hyper::body::Body for Drip {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, std::convert::Infallible>>> {
        /// Finer than this nobody can tell it from a slow line.
        const TICK: Duration = Duration::from_millis(5);
        loop {
            if self.sent == self.bytes.len() {
                return Poll::Ready(None);
            }
            if self.next.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
            let next = Instant::now() + TICK;
            self.next.as_mut().reset(next);
            let due = self.due();
            if due > self.sent {
                let drop = self.bytes.slice(self.sent..due);
                self.sent = due;
                return Poll::Ready(Some(Ok(Frame::data(drop))));
            }
        }
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact((self.bytes.len() - self.sent) as u64)
    }
}
