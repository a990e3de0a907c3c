//! What this room's tests start from.

use std::time::Duration;

use ventanilla_core::attempt::AttemptState;
use ventanilla_core::operation::OperationKind;
use ventanilla_core::rails::Rail;
use ventanilla_core::session::SessionState;

use super::course::{Course, Row as _};
use super::session::NewSession;
use crate::clock::Timestamp;
use crate::config::Config;
use crate::id;
use crate::rails::card::CardRail;
use crate::server;
use crate::store::{AttemptRow, OperationRow, SessionRow};

/// An open session of CRC 1250.00.
pub(super) fn session(now: Timestamp) -> SessionRow {
    let request: NewSession = serde_json::from_str(
        r#"{"order_reference":"A-1","total":{"amount_minor":125000,"currency":"CRC"},"rails":["card"]}"#,
    )
    .unwrap();
    SessionRow {
        id: id::make_prefixed("ses").unwrap(),
        fingerprint: String::new(),
        is_unattended: false,
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

/// The course of something that was just recorded, in this state.
pub(super) fn course(state: AttemptState, version: i64, now: Timestamp) -> Course {
    let row = attempt(&session(now), "key", now);
    Course {
        state,
        version,
        ..row.course()
    }
}

/// A new operation on `attempt`, about all of it.
pub(super) fn operation(attempt: &AttemptRow, kind: OperationKind, now: Timestamp) -> OperationRow {
    OperationRow::new(attempt, kind, attempt.total, "key", now).unwrap()
}

/// The rail that the example of a configuration makes. Nothing is sent with it.
pub(super) fn card_rail() -> CardRail {
    let environment = |name: &str| {
        let key = "k1:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
        match name {
            "VENTANILLA_API_KEY" => Some("vsk_0123456789abcdefghijklmnopqrstuv".into()),
            "VENTANILLA_TOKEN_KEYS" | "VENTANILLA_STORE_KEYS" => Some(key.into()),
            "VENTANILLA_GREENPAY_SECRET"
            | "VENTANILLA_CVU_PASSWORD"
            | "VENTANILLA_FLUX_REFRESH_TOKEN"
            | "VENTANILLA_FLEXITI_CLIENT_SECRET" => Some("nobody-listens".into()),
            "VENTANILLA_WEBHOOK_SECRETS" => Some("whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX".into()),
            _ => None,
        }
    };
    let example = include_str!("../../ventanilla.example.toml");
    let config = Config::read(example, &environment).unwrap();
    let (card, secret) = (config.settings.card, config.secrets.greenpay_secret);
    server::card_rail(&card.unwrap(), secret.unwrap()).unwrap()
}
