//! What this room's tests start from.

use std::time::Duration;

use ventanilla_core::rails::Rail;
use ventanilla_core::session::SessionState;

use super::session::NewSession;
use crate::clock::Timestamp;
use crate::id;
use crate::store::{AttemptRow, SessionRow};

/// An open session of CRC 1250.00.
pub(super) fn session(now: Timestamp) -> SessionRow {
    let request: NewSession = serde_json::from_str(
        r#"{"order_reference":"A-1","total":{"amount_minor":125000,"currency":"CRC"},"rails":["card"]}"#,
    )
    .unwrap();
    SessionRow {
        id: id::make_prefixed("ses").unwrap(),
        fingerprint: String::new(),
        state: SessionState::Open,
        request,
        created_at: now,
        expires_at: now + Duration::from_secs(86_400),
    }
}

/// A new attempt.
pub(super) fn attempt(session: &SessionRow, key: &str, now: Timestamp) -> AttemptRow {
    AttemptRow {
        fingerprint: String::from("same"),
        ..AttemptRow::new(session, Rail::Card, key, "test", now).unwrap()
    }
}
