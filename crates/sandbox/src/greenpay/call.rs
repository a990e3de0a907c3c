//! What happens around every call: the fault it meets, the entry in the ledger, the answer on the wire.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use hyper::body::{Frame, SizeHint};
use serde_json::Value;

use crate::fault::{Kind, Met, Operation};
use crate::ledger::CallEntry;
use crate::listen::{Connection, stopped};

use super::answer::Reply;
use super::schema;
use super::{GreenPay, Purpose};

/// A call that has been read.
pub(super) struct Call {
    pub(super) operation: Operation,
    pub(super) connection: Connection,
    pub(super) path: &'static str,
    pub(super) body: schema::Body,
}

/// Reads a body as the provider's web framework does: one that is not declared as JSON is no body, and
/// one that is not JSON is an HTTP 400 page.
pub(super) fn read_body(headers: &HeaderMap, bytes: &Bytes) -> Result<schema::Body, Box<Response>> {
    let is_json = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|value| {
            value
                .split(';')
                .next()
                .is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/json"))
        });
    if !is_json || bytes.is_empty() {
        return Ok(schema::Body::new());
    }
    match serde_json::from_slice(bytes) {
        Ok(Value::Object(body)) => Ok(body),
        Ok(Value::Array(_)) => Ok(schema::Body::new()),
        _ => Err(Box::new(page(StatusCode::BAD_REQUEST))),
    }
}

impl Call {
    /// Runs the call: `execute` does the work and is handed the fault when that is one of the answer's
    /// content.
    pub(super) async fn run(
        self,
        greenpay: Arc<GreenPay>,
        execute: impl FnOnce(&GreenPay, &schema::Body, Option<Kind>) -> Reply + Send + 'static,
    ) -> Response {
        let met = greenpay.state().faults.take(self.operation);
        if let Some(met) = met {
            tracing::info!(
                operation = self.operation.name(),
                fault = met.kind.name(),
                "{} meets {}",
                self.operation.name(),
                met.kind.name()
            );
        }
        let not_executed = match met.map(|met| met.kind) {
            Some(Kind::ResetBefore) => {
                self.note_unexecuted(&greenpay, met, None);
                match self.connection.reset().await {}
            }
            Some(Kind::GatewayTimeoutBefore) => Some(page(StatusCode::GATEWAY_TIMEOUT)),
            Some(Kind::Error500) => Some(page(StatusCode::INTERNAL_SERVER_ERROR)),
            Some(Kind::RateLimit429) => Some(too_many_requests()),
            Some(Kind::Redirect301) => Some(redirect(self.path)),
            _ => None,
        };
        if let Some(response) = not_executed {
            self.note_unexecuted(&greenpay, met, Some(response.status()));
            return response;
        }
        if let Some(Met {
            kind: Kind::Late,
            ms,
        }) = met
        {
            let response = page(StatusCode::GATEWAY_TIMEOUT);
            self.note_unexecuted(&greenpay, met, Some(response.status()));
            tokio::spawn(async move {
                if pause(&greenpay, ms).await {
                    let reply = execute(&greenpay, &self.body, None);
                    self.note(&greenpay, &reply, None, None);
                }
            });
            return response;
        }

        let reply = execute(&greenpay, &self.body, met.map(|met| met.kind));
        let response = match met.map(|met| met.kind) {
            Some(Kind::ResetAfter) => {
                self.note(&greenpay, &reply, met, None);
                match self.connection.reset().await {}
            }
            Some(Kind::GatewayTimeoutAfter) => page(StatusCode::GATEWAY_TIMEOUT),
            Some(Kind::Truncate) => cut_short(&reply),
            Some(Kind::BrokenJson) => json(&reply, Bytes::copy_from_slice(half(&reply.json))),
            Some(Kind::Oversize) => json(&reply, oversized(&reply.json)),
            _ => json(&reply, Bytes::from(reply.json.clone())),
        };
        self.note(&greenpay, &reply, met, Some(response.status()));
        if let Some(Met {
            kind: Kind::Stall,
            ms,
        }) = met
            && !pause(&greenpay, ms).await
        {
            match self.connection.reset().await {}
        }
        response
    }

    fn note(
        &self,
        greenpay: &GreenPay,
        reply: &Reply,
        met: Option<Met>,
        status: Option<StatusCode>,
    ) {
        self.write_down(
            greenpay,
            reply.reference.clone(),
            reply.executed,
            met,
            status,
        );
    }

    fn note_unexecuted(&self, greenpay: &GreenPay, met: Option<Met>, status: Option<StatusCode>) {
        let reference = self.reference(greenpay);
        self.write_down(greenpay, reference, false, met, status);
    }

    fn write_down(
        &self,
        greenpay: &GreenPay,
        reference: Option<String>,
        executed: bool,
        met: Option<Met>,
        status: Option<StatusCode>,
    ) {
        let at = greenpay.clock.now().rfc3339();
        greenpay.state().ledger.calls.push(CallEntry {
            operation: self.operation,
            reference,
            fault: met.map(|met| met.kind),
            executed,
            http_status: status.map(|status| status.as_u16()),
            at,
        });
    }

    /// What a call that is not executed would have been about.
    fn reference(&self, greenpay: &GreenPay) -> Option<String> {
        let named = ["orderReference", "requestId"]
            .into_iter()
            .find_map(|name| schema::optional_text(&self.body, name));
        named.or_else(|| {
            let state = greenpay.state();
            let session = state.sessions.get(schema::text(&self.body, "session"))?;
            Some(match &session.purpose {
                Purpose::Payment(order) => order.reference.clone(),
                Purpose::CardToken { request_id, .. } => request_id.clone(),
            })
        })
    }
}

/// Waits; `false` when the sandbox is stopped meanwhile.
async fn pause(greenpay: &GreenPay, ms: u64) -> bool {
    let mut stop = greenpay.stop.clone();
    tokio::select! {
        () = tokio::time::sleep(Duration::from_millis(ms)) => true,
        () = stopped(&mut stop) => false,
    }
}

const JSON: HeaderValue = HeaderValue::from_static("application/json; charset=utf-8");
const HTML: HeaderValue = HeaderValue::from_static("text/html");

fn json(reply: &Reply, body: Bytes) -> Response {
    let status = StatusCode::from_u16(reply.http_status).unwrap_or(StatusCode::OK);
    (status, [(header::CONTENT_TYPE, JSON)], body).into_response()
}

/// A page as a reverse proxy in front of the provider makes it.
pub(super) fn page(status: StatusCode) -> Response {
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

fn too_many_requests() -> Response {
    let mut response = page(StatusCode::TOO_MANY_REQUESTS);
    response
        .headers_mut()
        .insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    response
}

fn redirect(path: &'static str) -> Response {
    let mut response = page(StatusCode::MOVED_PERMANENTLY);
    response
        .headers_mut()
        .insert(header::LOCATION, HeaderValue::from_static(path));
    response
}

fn half(json: &str) -> &[u8] {
    json.as_bytes().get(..json.len() / 2).unwrap_or_default()
}

fn oversized(json: &str) -> Bytes {
    const BLANKS: usize = 4 * 1024 * 1024;
    let mut body = Vec::with_capacity(json.len() + BLANKS);
    body.extend_from_slice(json.as_bytes());
    body.resize(json.len() + BLANKS, b' ');
    Bytes::from(body)
}

/// Announces the whole length, sends half of it and closes the connection.
fn cut_short(reply: &Reply) -> Response {
    let body = CutShort {
        first_half: Some(Bytes::copy_from_slice(half(&reply.json))),
        announced: reply.json.len() as u64,
        flushed: false,
    };
    let status = StatusCode::from_u16(reply.http_status).unwrap_or(StatusCode::OK);
    (status, [(header::CONTENT_TYPE, JSON)], Body::new(body)).into_response()
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
