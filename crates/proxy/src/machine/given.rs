//! What this room's tests start from.

use std::time::Duration;

use ventanilla_core::attempt::AttemptState as S;
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
        id: id::make_prefixed("att").unwrap(),
        session_id: session.id.clone(),
        idempotency_key: key.to_owned(),
        fingerprint: String::from("same"),
        rail: Rail::Card,
        state: S::New,
        version: 0,
        reference: id::make().unwrap(),
        total: session.request.total,
        installments: None,
        save_card: false,
        saved_card_id: None,
        owner: String::from("test"),
        created_at: now,
        sends: 0,
        returns: 0,
        sent_at: None,
        deadline_at: None,
        unknown_at: None,
        not_found: 0,
        second_looks: 0,
        last_read_at: None,
        next_check_at: None,
        reason: None,
        provider_code: None,
        confirmed: None,
        authorization: None,
        brand: None,
        last4: None,
        bin: None,
        card_saved: false,
        settled_at: None,
    }
}
