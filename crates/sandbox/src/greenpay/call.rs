//! What happens around every call: the fault it meets, the entry in the ledger, the answer on the wire.

use std::sync::Arc;
use std::time::Duration;

use axum::http::{HeaderMap, StatusCode, header};
use axum::response::Response;
use bytes::Bytes;
use serde_json::Value;

use crate::clock::Moment;
use crate::fault::{BEYOND_FENCE_MS, DrawnBy, Fate, Kind, Operation};
use crate::ledger::CallEntry;
use crate::listen::{Connection, stopped};

use super::answer::Reply;
use super::wire::{self, page};
use super::{GreenPay, Purpose, State, schema};

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
    /// Runs the call: `execute` does the work and is handed what goes wrong with it.
    pub(super) async fn run(
        self,
        greenpay: Arc<GreenPay>,
        execute: impl FnOnce(&GreenPay, &schema::Body, Fate) -> Reply + Send + 'static,
    ) -> Response {
        let fate = self.fate(&greenpay);
        let not_executed = match fate.kind() {
            Some(Kind::Close) => {
                self.note_unexecuted(&greenpay, fate, None);
                match self.connection.close().await {}
            }
            Some(Kind::ResetBefore) => {
                self.note_unexecuted(&greenpay, fate, None);
                match self.connection.reset().await {}
            }
            Some(Kind::GatewayTimeoutBefore) => Some(page(StatusCode::GATEWAY_TIMEOUT)),
            Some(Kind::Error500) => Some(page(StatusCode::INTERNAL_SERVER_ERROR)),
            Some(Kind::RateLimit429) => Some(wire::too_many_requests()),
            Some(Kind::Redirect301) => Some(wire::redirect(self.path)),
            _ => None,
        };
        if let Some(response) = not_executed {
            self.note_unexecuted(&greenpay, fate, Some(response.status()));
            return response;
        }
        if fate.is(Kind::Late) || fate.is(Kind::LateBeyondFence) {
            let response = page(StatusCode::GATEWAY_TIMEOUT);
            self.note_unexecuted(&greenpay, fate, Some(response.status()));
            tokio::spawn(self.run_later(greenpay, fate, execute));
            return response;
        }

        let mut reply = execute(&greenpay, &self.body, fate);
        if let Some(notice) = reply.notice.take() {
            greenpay.notify(*notice).await;
        }
        let response = match fate.kind() {
            Some(Kind::ResetAfter) => {
                self.note(&greenpay, &reply, fate, None);
                match self.connection.reset().await {}
            }
            Some(Kind::GatewayTimeoutAfter) => page(StatusCode::GATEWAY_TIMEOUT),
            Some(Kind::SlowDrip) => wire::dripping(&reply, fate.real_wait()),
            Some(Kind::Truncate) => wire::cut_short(&reply),
            Some(Kind::BrokenJson) => wire::broken_json(&reply),
            Some(Kind::Corrupt) => wire::corrupt(&reply),
            Some(Kind::Oversize) => wire::oversized(&reply),
            _ => wire::whole(&reply),
        };
        self.note(&greenpay, &reply, fate, Some(response.status()));
        if fate.is(Kind::Stall) && !pause(&greenpay, fate.real_wait()).await {
            match self.connection.reset().await {}
        }
        response
    }

    /// Executes what has been answered already.
    async fn run_later(
        self,
        greenpay: Arc<GreenPay>,
        fate: Fate,
        execute: impl FnOnce(&GreenPay, &schema::Body, Fate) -> Reply,
    ) {
        let life = greenpay.life();
        let (waited, fate) = if fate.is(Kind::LateBeyondFence) {
            let wait = Duration::from_millis(fate.ms().unwrap_or(BEYOND_FENCE_MS));
            let due = greenpay.clock.now().plus(wait);
            (wait_until(&greenpay, due).await, fate)
        } else {
            let waited = pause(&greenpay, fate.real_wait()).await;
            (waited, fate.without_fault())
        };
        if !waited || greenpay.life() != life {
            return;
        }
        let mut reply = execute(&greenpay, &self.body, fate);
        let entry = CallEntry {
            later: true,
            executed: reply.executed,
            ..self.entry(&greenpay, reply.reference.clone())
        };
        greenpay.state().ledger.calls.push(entry);
        if let Some(notice) = reply.notice.take() {
            greenpay.notify(*notice).await;
        }
    }

    /// What the call is in for.
    fn fate(&self, greenpay: &GreenPay) -> Fate {
        let mut state = greenpay.state();
        let subject = self.subject(&state);
        let fate = state.faults.take(self.operation, &subject);
        drop(state);
        if let Some(kind) = fate.kind() {
            tracing::info!(
                operation = self.operation.name(),
                fault = kind.name(),
                "{} meets {}",
                self.operation.name(),
                kind.name()
            );
        }
        fate
    }

    /// What a fault by chance is drawn by.
    fn subject(&self, state: &State) -> String {
        let reference = self
            .reference(state)
            .or_else(|| schema::optional_text(&self.body, "token"))
            .unwrap_or_default();
        let by_description = state
            .faults
            .random()
            .is_some_and(|random| random.drawn_by == DrawnBy::Description);
        if !by_description {
            return reference;
        }
        schema::optional_text(&self.body, "description")
            .or_else(|| {
                let known = state.payments.description(&reference, &state.ledger);
                known.map(str::to_owned)
            })
            .unwrap_or(reference)
    }

    fn note(&self, greenpay: &GreenPay, reply: &Reply, fate: Fate, status: Option<StatusCode>) {
        let entry = CallEntry {
            fault: fate.kind(),
            executed: reply.executed,
            http_status: status.map(|status| status.as_u16()),
            ..self.entry(greenpay, reply.reference.clone())
        };
        greenpay.state().ledger.calls.push(entry);
    }

    fn note_unexecuted(&self, greenpay: &GreenPay, fate: Fate, status: Option<StatusCode>) {
        let reference = self.reference(&greenpay.state());
        let entry = CallEntry {
            fault: fate.kind(),
            http_status: status.map(|status| status.as_u16()),
            ..self.entry(greenpay, reference)
        };
        greenpay.state().ledger.calls.push(entry);
    }

    /// An entry of a call that met nothing, was not executed and not answered.
    fn entry(&self, greenpay: &GreenPay, reference: Option<String>) -> CallEntry {
        CallEntry {
            operation: self.operation,
            reference,
            fault: None,
            later: false,
            executed: false,
            http_status: None,
            at: greenpay.clock.now().rfc3339(),
        }
    }

    /// The order reference or `requestId` that the call is about.
    fn reference(&self, state: &State) -> Option<String> {
        let named = ["orderReference", "requestId"]
            .into_iter()
            .find_map(|name| schema::optional_text(&self.body, name));
        named.or_else(|| {
            let session = state.sessions.get(schema::text(&self.body, "session"))?;
            Some(match &session.purpose {
                Purpose::Payment(order) => order.reference.clone(),
                Purpose::CardToken { request_id, .. } => request_id.clone(),
            })
        })
    }
}

/// Waits; `false` when the sandbox is stopped meanwhile.
async fn pause(greenpay: &GreenPay, duration: Duration) -> bool {
    let mut stop = greenpay.stop.clone();
    tokio::select! {
        () = tokio::time::sleep(duration) => true,
        () = stopped(&mut stop) => false,
    }
}

/// Waits for a moment of the sandbox's clock; `false` when the sandbox is stopped meanwhile.
async fn wait_until(greenpay: &GreenPay, moment: Moment) -> bool {
    let mut stop = greenpay.stop.clone();
    tokio::select! {
        () = greenpay.clock.reaches(moment) => true,
        () = stopped(&mut stop) => false,
    }
}
