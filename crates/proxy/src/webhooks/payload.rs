//! What a webhook says: the records as the commit left them, in the form of the merchant API.
//!
//! ```json
//! {
//!   "type": "attempt.succeeded",
//!   "timestamp": "2026-11-20T13:00:00.000Z",
//!   "data": {
//!     "session": { "id": "ses_…", "order_reference": "A-1001", "state": "succeeded",
//!                  "total": { "amount_minor": 1250000, "currency": "CRC" }, "metadata": {} },
//!     "attempt": { "id": "att_…", "state": "succeeded", … },
//!     "operation": { "id": "opr_…", "state": "succeeded", … }
//!   }
//! }
//! ```
//!
//! `type` is `session.<state>`, `attempt.<state>`, `operation.<state>` or `credit.review`; `timestamp` is
//! when it became true. `attempt` is there when the news is about an attempt or an operation, `operation`
//! when it is about an operation. Nothing that the buyer typed is in it, and no key, token or card number.
//!
//! `credit.review` says that money came of which it is not certain whose it is. `session` and `attempt`
//! are there when it was seen for one attempt; `attempts` names those whose money it may be, and may be
//! empty. Who paid is not in it.
//!
//! ```json
//! {
//!   "type": "credit.review",
//!   "timestamp": "2026-11-20T13:00:00.000Z",
//!   "data": {
//!     "credit": { "id": "crd_…", "amount": { "amount_minor": 125000, "currency": "ARS" },
//!                 "credited_at": "2026-11-20T12:59:30.000Z", "why": "…", "attempts": ["att_…"] }
//!   }
//! }
//! ```

use serde_json::{Value, json};

use crate::clock::Timestamp;
use crate::machine::view;
use crate::store::{AttemptRow, CreditRow, OperationRow, SessionRow};

/// The records that a webhook tells of.
#[derive(Clone, Copy, Default)]
pub struct Records<'a> {
    /// The session; none only with a credit that may be nobody's.
    pub session: Option<&'a SessionRow>,
    /// The attempt, when it is about one.
    pub attempt: Option<&'a AttemptRow>,
    /// The operation, when it is about one.
    pub operation: Option<&'a OperationRow>,
    /// The credit, when it is about one.
    pub credit: Option<&'a CreditRow>,
}

/// The body of a webhook. Written once, in the commit that makes it true; every try sends the same.
#[must_use]
pub fn payload(kind: &str, at: Timestamp, about: Records<'_>) -> Value {
    let mut data = json!({});
    if let Some(session) = about.session {
        data["session"] = json!({
            "id": session.id,
            "order_reference": session.request.order_reference,
            "state": session.state,
            "total": session.request.total,
            "metadata": session.request.metadata,
        });
    }
    if let Some(attempt) = about.attempt {
        data["attempt"] = json!(view::attempt_record(attempt));
    }
    if let Some(operation) = about.operation {
        data["operation"] = json!(view::operation_record(operation));
    }
    if let Some(credit) = about.credit {
        data["credit"] = json!({
            "id": credit.id,
            "amount": credit.amount,
            "credited_at": credit.credited_at.rfc3339(),
            "why": credit.why,
            "attempts": attempts_of(credit),
        });
    }
    json!({ "type": kind, "timestamp": at.rfc3339(), "data": data })
}

/// The attempts whose money a credit is, or may be.
fn attempts_of(credit: &CreditRow) -> Vec<&str> {
    let seen_for = credit.attempt_id.iter();
    seen_for
        .chain(&credit.candidates)
        .map(String::as_str)
        .collect()
}
