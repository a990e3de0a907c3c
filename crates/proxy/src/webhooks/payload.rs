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
//! when it is about an operation. An operation that belongs to no attempt stands alone: without `session` and
//! `attempt`, and with its payments when it makes several. Nothing that the buyer typed is in it, and no key, token or card number.
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

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Value, json};
use utoipa::{PartialSchema as _, ToSchema};
use ventanilla_core::attempt::AttemptState;
use ventanilla_core::money::Money;
use ventanilla_core::session::SessionState;

use crate::clock::Timestamp;
use crate::machine::{AttemptRecord, OperationRecord, view};
use crate::store::{AttemptRow, CreditRow, ErrandItem, ErrandRow, OperationRow, SessionRow};

/// The body of a webhook.
#[derive(Serialize, ToSchema)]
pub struct Webhook {
    /// `session.`, `attempt.` or `operation.` and the state that it came to, or `credit.review`.
    #[serde(rename = "type")]
    pub kind: String,
    /// When it became true, RFC 3339 UTC.
    pub timestamp: String,
    /// What it is about.
    pub data: WebhookData,
}

/// What a webhook is about, as the commit left it.
#[derive(Serialize, ToSchema)]
pub struct WebhookData {
    /// The session; missing only with a credit that may be nobody's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session: Option<WebhookSession>,
    /// The attempt, when it is about one, or about an operation on one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attempt: Option<AttemptRecord>,
    /// The operation, when it is about one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operation: Option<OperationRecord>,
    /// The credit, when it is about one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub credit: Option<WebhookCredit>,
}

/// A session in a webhook: nothing that the buyer typed is in it.
#[derive(Serialize, ToSchema)]
pub struct WebhookSession {
    /// `ses_` and 26 characters.
    pub id: String,
    /// The merchant's order number.
    pub order_reference: String,
    /// Where it stands.
    pub state: SessionState,
    /// What is to be paid.
    pub total: Money,
    /// What the merchant wanted back.
    pub metadata: BTreeMap<String, String>,
}

/// Money that came of which it is not certain whose it is. Who paid is not in it.
#[derive(Serialize, ToSchema)]
pub struct WebhookCredit {
    /// `crd_` and 26 characters.
    pub id: String,
    /// How much came.
    pub amount: Money,
    /// When it came, by the provider; RFC 3339 UTC.
    pub credited_at: String,
    /// Why somebody must look, in our own words.
    pub why: Option<String>,
    /// The attempts whose money it may be; may be empty.
    pub attempts: Vec<String>,
}

/// The records that a webhook tells of.
#[derive(Clone, Copy, Default)]
pub struct Records<'a> {
    /// The session; none with a credit that may be nobody's, and with an errand.
    pub session: Option<&'a SessionRow>,
    /// The attempt, when it is about one.
    pub attempt: Option<&'a AttemptRow>,
    /// The operation, when it is about one.
    pub operation: Option<&'a OperationRow>,
    /// The errand and its payments, when it is about one.
    pub errand: Option<(&'a ErrandRow, &'a [ErrandItem])>,
    /// The credit, when it is about one.
    pub credit: Option<&'a CreditRow>,
}

/// The body of a webhook. Written once, in the commit that makes it true; every try sends the same.
#[must_use]
pub fn payload(kind: &str, at: Timestamp, about: Records<'_>) -> Value {
    json!(Webhook {
        kind: kind.to_owned(),
        timestamp: at.rfc3339(),
        data: WebhookData {
            session: about.session.map(|session| WebhookSession {
                id: session.id.clone(),
                order_reference: session.request.order_reference.clone(),
                state: session.state,
                total: session.request.total,
                metadata: session.request.metadata.clone(),
            }),
            attempt: about.attempt.map(view::attempt_record),
            operation: about.operation.map(view::operation_record).or_else(|| {
                about
                    .errand
                    .map(|(errand, items)| view::errand_record(errand, items))
            }),
            credit: about.credit.map(|credit| WebhookCredit {
                id: credit.id.clone(),
                amount: credit.amount,
                credited_at: credit.credited_at.rfc3339(),
                why: credit.why.clone(),
                attempts: credit
                    .attempt_id
                    .iter()
                    .chain(&credit.candidates)
                    .cloned()
                    .collect(),
            }),
        },
    })
}

/// The webhooks as the OpenAPI document tells of them.
pub(crate) fn described() -> Value {
    let mut schemas = Vec::new();
    Webhook::schemas(&mut schemas);
    schemas.push((Webhook::name().into_owned(), Webhook::schema()));
    let schemas: serde_json::Map<String, Value> = schemas
        .into_iter()
        .map(|(name, schema)| (name, json!(schema)))
        .collect();
    let ends: Vec<String> = AttemptState::ALL
        .into_iter()
        .filter(|state| state.is_final() || *state == AttemptState::Review)
        .map(|state| format!("`{}`", state.name()))
        .collect();
    let ends = ends.join(", ");
    let webhooks = [
        (
            "session",
            "A session ended",
            "`session.succeeded` or `session.expired`.".to_owned(),
        ),
        (
            "attempt",
            "An attempt ended, or waits for a person",
            format!("`attempt.` and one of {ends}."),
        ),
        (
            "operation",
            "An operation ended, or waits for a person",
            "`operation.` and its state.".to_owned(),
        ),
        (
            "credit",
            "Money came, and it is not certain whose it is",
            "`credit.review`.".to_owned(),
        ),
    ];
    let webhooks: serde_json::Map<String, Value> = webhooks
        .into_iter()
        .map(|(name, summary, types)| {
            (
                name.to_owned(),
                json!({ "post": webhook(name, summary, &types) }),
            )
        })
        .collect();
    json!({ "webhooks": webhooks, "components": { "schemas": schemas } })
}

fn webhook(name: &str, summary: &str, types: &str) -> Value {
    let header = |name: &str, description: &str| {
        json!({
            "name": name, "in": "header", "required": true, "description": description,
            "schema": { "type": "string" },
        })
    };
    json!({
        "operationId": format!("webhook_{name}"),
        "tags": ["webhooks"],
        "summary": summary,
        "description": format!(
            "{types} In the form of Standard Webhooks 1.0, at least once, in no order that could be relied on. What \
             has been seen is dropped by `webhook-id`."
        ),
        "security": [],
        "parameters": [
            header("webhook-id", "`msg_` and 26 characters; the same in every try"),
            header("webhook-timestamp", "when this try was made, in seconds since the epoch"),
            header("webhook-signature", "`v1,` and base64 of HMAC-SHA256 over `id.timestamp.body`, once for each secret, apart by a space"),
        ],
        "requestBody": {
            "required": true,
            "content": { "application/json": { "schema": { "$ref": "#/components/schemas/Webhook" } } },
        },
        "responses": {
            "2XX": { "description": "Taken; within 15 s" },
            "410": { "description": "No more of them, until `POST /v1/webhooks/enable`" },
            "default": { "description": "Tried again for five days; with 429 and 503, `Retry-After` is kept to" },
        },
    })
}
