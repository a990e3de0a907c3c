//! Named places at which a test makes the process fail.
//!
//! In a release build there is nothing here: the calls are empty, and no hook can be installed.

/// The places, in the order in which a payment comes by.
pub const POINTS: [&str; 21] = [
    "t0.before",
    "t0.after",
    "t0b.before",
    "t0b.after",
    "offers.before",
    "offers.after",
    "t1.before",
    "t1.after",
    "send.first_byte",
    "send.full_request",
    "answer.first_byte",
    "answer.parse",
    "t2.before",
    "t2.after",
    "credit.before",
    "credit.after",
    "resolve.before",
    "resolve.after",
    "outbox.before",
    "outbox.after",
    "browser.answer",
];

#[cfg(debug_assertions)]
static HOOK: std::sync::OnceLock<fn(&'static str)> = std::sync::OnceLock::new();

/// Installs what happens at each place, once for the process.
#[cfg(debug_assertions)]
pub fn install(hook: fn(&'static str)) {
    // The second of two has no effect; tests install one for each process.
    let _ = HOOK.set(hook);
}

#[cfg(debug_assertions)]
pub(crate) fn is_installed() -> bool {
    HOOK.get().is_some()
}

/// A payment comes by here.
#[inline]
pub fn hit(point: &'static str) {
    #[cfg(debug_assertions)]
    if let Some(hook) = HOOK.get() {
        debug_assert!(POINTS.contains(&point), "{point} is not in the list");
        hook(point);
    }
    #[cfg(not(debug_assertions))]
    let _ = point;
}

#[cfg(debug_assertions)]
static BARE: std::sync::atomic::AtomicBool = std::sync::atomic::AtomicBool::new(false);

/// From now on requests that move money are written into the log as they are: what everything that hides
/// them is held against. Debug builds only.
#[cfg(debug_assertions)]
pub fn lay_bare() {
    BARE.store(true, std::sync::atomic::Ordering::Relaxed);
}

/// Whether [`lay_bare`] was called; never in a release build.
#[must_use]
#[inline]
pub fn is_bare() -> bool {
    #[cfg(debug_assertions)]
    {
        BARE.load(std::sync::atomic::Ordering::Relaxed)
    }
    #[cfg(not(debug_assertions))]
    false
}
