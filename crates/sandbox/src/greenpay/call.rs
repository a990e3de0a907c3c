//! Reading a call, and telling what it is about.

use std::sync::Arc;

use axum::http::{HeaderMap, StatusCode, header};
use axum::response::Response;
use bytes::Bytes;
use serde_json::Value;

use crate::call;
use crate::fault::{DrawnBy, Fate, Operation};
use crate::listen::Connection;
use crate::wire::page;
use crate::world::State;

use super::answer::Reply;
use super::{GreenPay, Purpose, schema};

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
        let world = Arc::clone(&greenpay.world);
        let (reference, subject) = {
            let state = world.state();
            (self.reference(&state), self.subject(&state))
        };
        let call = call::Call {
            operation: self.operation,
            connection: self.connection,
            path: self.path.to_owned(),
            reference,
            subject,
        };
        let body = self.body;
        call.run(world, move |fate| execute(&greenpay, &body, fate))
            .await
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
                let known = state
                    .greenpay
                    .payments
                    .description(&reference, &state.ledger);
                known.map(str::to_owned)
            })
            .unwrap_or(reference)
    }

    /// The order reference or `requestId` that the call is about.
    fn reference(&self, state: &State) -> Option<String> {
        let named = ["orderReference", "requestId"]
            .into_iter()
            .find_map(|name| schema::optional_text(&self.body, name));
        let named = named.or_else(|| schema::optional_text(&self.body, "subscriptionId"));
        // A bulk is told by the first of its payments, a subscription to come by what it is called.
        let named = named.or_else(|| {
            let first = schema::objects(&self.body, "payments").next()?;
            schema::optional_text(first, "orderReference")
        });
        let named = named.or_else(|| {
            (self.operation == Operation::CreateSubscription)
                .then(|| schema::optional_text(&self.body, "description"))
                .flatten()
        });
        named.or_else(|| {
            let session = state
                .greenpay
                .sessions
                .get(schema::text(&self.body, "session"))?;
            Some(match &session.purpose {
                Purpose::Payment(order) => order.reference.clone(),
                Purpose::CardToken { request_id, .. } => request_id.clone(),
            })
        })
    }
}
