//! What happens around every call: the fault it meets, the entry in the ledger, the answer on the wire.

use std::sync::Arc;
use std::time::Duration;

use axum::http::StatusCode;
use axum::response::Response;
use serde::Serialize;

use crate::fault::{BEYOND_FENCE_MS, Fate, Kind, Operation};
use crate::ledger::CallEntry;
use crate::listen::Connection;
use crate::notice::Notice;
use crate::wire::{self, page};
use crate::world::World;

/// What a call says back, and what it did.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) http_status: u16,
    pub(crate) json: String,
    /// What it was about: an order reference, a `requestId`, the provider's own number.
    pub(crate) reference: Option<String>,
    /// Whether it took effect.
    pub(crate) executed: bool,
    /// What the merchant is told of it besides.
    pub(crate) notice: Option<Box<Notice>>,
}

impl Reply {
    /// HTTP 200 around a body; it took effect.
    pub(crate) fn done(reference: &str, body: &impl Serialize) -> Self {
        Self::of(Some(reference.to_owned()), true, to_json(body))
    }

    /// HTTP 200 around a body; nothing happened.
    pub(crate) fn refused(reference: Option<&str>, body: &impl Serialize) -> Self {
        Self::of(reference.map(str::to_owned), false, to_json(body))
    }

    /// HTTP 200 around JSON.
    pub(crate) const fn of(reference: Option<String>, executed: bool, json: String) -> Self {
        Self {
            http_status: 200,
            json,
            reference,
            executed,
            notice: None,
        }
    }

    pub(crate) const fn with_status(mut self, http_status: u16) -> Self {
        self.http_status = http_status;
        self
    }

    pub(crate) fn with_notice(mut self, notice: Option<Notice>) -> Self {
        self.notice = notice.map(Box::new);
        self
    }
}

pub(crate) fn to_json(body: &impl Serialize) -> String {
    serde_json::to_string(body).expect("answers are plain structs with text keys")
}

/// A call that has been read.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) operation: Operation,
    pub(crate) connection: Connection,
    /// As it was asked for.
    pub(crate) path: String,
    /// What the call is about, as far as it can be told before it is executed.
    pub(crate) reference: Option<String>,
    /// What a fault by chance is drawn by.
    pub(crate) subject: String,
}

impl Call {
    /// Runs the call: `execute` does the work and is handed what goes wrong with it.
    pub(crate) async fn run(
        self,
        world: Arc<World>,
        execute: impl FnOnce(Fate) -> Reply + Send + 'static,
    ) -> Response {
        let fate = self.fate(&world);
        let not_executed = match fate.kind() {
            Some(Kind::Close) => {
                self.note_unexecuted(&world, fate, None);
                match self.connection.close().await {}
            }
            Some(Kind::ResetBefore) => {
                self.note_unexecuted(&world, fate, None);
                match self.connection.reset().await {}
            }
            Some(Kind::GatewayTimeoutBefore) => Some(page(StatusCode::GATEWAY_TIMEOUT)),
            Some(Kind::Error500) => Some(page(StatusCode::INTERNAL_SERVER_ERROR)),
            Some(Kind::RateLimit429) => Some(wire::too_many_requests()),
            Some(Kind::Redirect301) => Some(wire::redirect(&self.path)),
            Some(Kind::Firewall465) => Some(wire::firewalled()),
            _ => None,
        };
        if let Some(response) = not_executed {
            self.note_unexecuted(&world, fate, Some(response.status()));
            return response;
        }
        if fate.is(Kind::Late) || fate.is(Kind::LateBeyondFence) {
            let response = page(StatusCode::GATEWAY_TIMEOUT);
            self.note_unexecuted(&world, fate, Some(response.status()));
            tokio::spawn(self.run_later(world, fate, execute));
            return response;
        }

        let mut reply = execute(fate);
        if let Some(notice) = reply.notice.take() {
            world.notify(*notice).await;
        }
        let response = match fate.kind() {
            Some(Kind::ResetAfter) => {
                self.note(&world, &reply, fate, None);
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
        self.note(&world, &reply, fate, Some(response.status()));
        if fate.is(Kind::Stall) && !world.pause(fate.real_wait()).await {
            match self.connection.reset().await {}
        }
        response
    }

    /// Executes what has been answered already.
    async fn run_later(self, world: Arc<World>, fate: Fate, execute: impl FnOnce(Fate) -> Reply) {
        let life = world.life();
        let (waited, fate) = if fate.is(Kind::LateBeyondFence) {
            let wait = Duration::from_millis(fate.ms().unwrap_or(BEYOND_FENCE_MS));
            let due = world.clock.now().plus(wait);
            (world.wait_until(due).await, fate)
        } else {
            let waited = world.pause(fate.real_wait()).await;
            (waited, fate.without_fault())
        };
        if !waited || world.life() != life {
            return;
        }
        let mut reply = execute(fate);
        let entry = CallEntry {
            later: true,
            executed: reply.executed,
            ..self.entry(&world, reply.reference.clone())
        };
        world.state().ledger.calls.push(entry);
        if let Some(notice) = reply.notice.take() {
            world.notify(*notice).await;
        }
    }

    /// What the call is in for.
    fn fate(&self, world: &World) -> Fate {
        let fate = world.state().faults.take(self.operation, &self.subject);
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

    fn note(&self, world: &World, reply: &Reply, fate: Fate, status: Option<StatusCode>) {
        let entry = CallEntry {
            fault: fate.kind(),
            executed: reply.executed,
            http_status: status.map(|status| status.as_u16()),
            ..self.entry(world, reply.reference.clone())
        };
        world.state().ledger.calls.push(entry);
    }

    fn note_unexecuted(&self, world: &World, fate: Fate, status: Option<StatusCode>) {
        let entry = CallEntry {
            fault: fate.kind(),
            http_status: status.map(|status| status.as_u16()),
            ..self.entry(world, self.reference.clone())
        };
        world.state().ledger.calls.push(entry);
    }

    /// An entry of a call that met nothing, was not executed and not answered.
    fn entry(&self, world: &World, reference: Option<String>) -> CallEntry {
        CallEntry {
            operation: self.operation,
            reference,
            fault: None,
            later: false,
            executed: false,
            http_status: None,
            at: world.clock.now().rfc3339(),
        }
    }
}
