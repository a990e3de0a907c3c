//! A store that refuses everything for a while, in debug builds: for tests of what stands on it.

use crate::error::Result;

#[cfg(debug_assertions)]
static REFUSES_UNTIL: std::sync::Mutex<Option<tokio::time::Instant>> = std::sync::Mutex::new(None);

/// From now on, and for this long in real time, every store of this process refuses whatever is asked
/// of it. Nothing that was begun before is touched.
#[cfg(debug_assertions)]
pub fn refuse_for(duration: std::time::Duration) {
    *REFUSES_UNTIL
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner) =
        Some(tokio::time::Instant::now() + duration);
}

#[cfg(debug_assertions)]
pub(super) fn check() -> Result<()> {
    let until = *REFUSES_UNTIL
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    if until.is_some_and(|until| tokio::time::Instant::now() < until) {
        return Err(super::engine::Fault::Away(String::from("refused for a test")).into());
    }
    Ok(())
}

#[cfg(not(debug_assertions))]
pub(super) const fn check() -> Result<()> {
    Ok(())
}
