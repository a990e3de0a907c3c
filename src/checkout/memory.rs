//! What a tab remembers of a start that is not answered yet: the idempotency key and the attempt before it.
//! Never anything of a card.

use alloc::string::String;

use ventanilla_core::api::IdempotencyKey;
use web_sys::Storage;

use super::state::Remembered;

/// Remembers a start of a session before it is sent. A browser that keeps nothing is no obstacle.
pub fn remember(session_id: &str, key: &IdempotencyKey, after: Option<&str>) {
    if let Some(storage) = storage() {
        let _ = storage.set_item(
            &name(session_id),
            &[key.as_str(), " ", after.unwrap_or_default()].concat(),
        );
    }
}

/// Forgets it.
pub fn forget(session_id: &str) {
    if let Some(storage) = storage() {
        let _ = storage.remove_item(&name(session_id));
    }
}

/// What is remembered of a session.
pub fn recall(session_id: &str) -> Option<Remembered> {
    let kept = storage()?.get_item(&name(session_id)).ok()??;
    let (_, after) = kept.split_once(' ')?;
    Some(Remembered {
        after: (!after.is_empty()).then(|| String::from(after)),
    })
}

fn storage() -> Option<Storage> {
    web_sys::window()?.session_storage().ok()?
}

fn name(session_id: &str) -> String {
    ["ventanilla:", session_id].concat()
}
