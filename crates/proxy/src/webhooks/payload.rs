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
//! `type` is `session.<state>`, `attempt.<state>` or `operation.<state>`; `timestamp` is when it became
//! true. `attempt` is there when the news is about an attempt or an operation, `operation` when it is
//! about an operation. Nothing that the buyer typed is in it, and no key, token or card number.

use serde_json::{Value, json};

use crate::clock::Timestamp;
use crate::machine::view;
use crate::store::{AttemptRow, OperationRow, SessionRow};

/// The body of a webhook. Written once, in the commit that makes it true; every try sends the same.
#[must_use]
pub fn payload(
    kind: &str,
    at: Timestamp,
    session: &SessionRow,
    attempt: Option<&AttemptRow>,
    operation: Option<&OperationRow>,
) -> Value {
    let mut data = json!({
        "session": {
            "id": session.id,
            "order_reference": session.request.order_reference,
            "state": session.state,
            "total": session.request.total,
            "metadata": session.request.metadata,
        },
    });
    if let Some(attempt) = attempt {
        data["attempt"] = json!(view::attempt_record(attempt));
    }
    if let Some(operation) = operation {
        data["operation"] = json!(view::operation_record(operation));
    }
    json!({ "type": kind, "timestamp": at.rfc3339(), "data": data })
}
