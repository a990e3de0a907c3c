//! What the campaign remembers: which sessions there are, who was seen in doubt, what must not leak.

use std::collections::{BTreeMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::errands::Wanted;
use crate::harness::shop::Credit;
use crate::leak::Canary;

/// Shared by everybody who takes part.
#[derive(Default)]
pub(super) struct Book {
    /// Checkouts begun.
    pub begun: AtomicU64,
    /// Checkouts whose buyer has gone, for whatever reason.
    pub finished: AtomicU64,
    /// Buyers who saw that they had paid.
    pub paid: AtomicU64,
    /// Buyers who wait for an attempt in doubt.
    pub in_doubt: AtomicU64,
    /// Requests for operations that were answered.
    pub operations: AtomicU64,
    pages: Mutex<Pages>,
}

#[derive(Default)]
struct Pages {
    sessions: Vec<String>,
    doubted: HashSet<String>,
    canaries: Vec<Canary>,
    shown: Vec<Canary>,
    settled_by_hand: Vec<Credit>,
    errands: Vec<Wanted>,
    surprises: BTreeMap<String, u64>,
}

impl Book {
    fn pages(&self) -> MutexGuard<'_, Pages> {
        self.pages.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn note_session(&self, id: &str) {
        self.pages().sessions.push(id.to_owned());
    }

    pub fn note_doubt(&self, attempt_id: &str) {
        let mut pages = self.pages();
        if !pages.doubted.contains(attempt_id) {
            pages.doubted.insert(attempt_id.to_owned());
        }
    }

    /// From now on this may be nowhere on disk.
    pub fn note_secret(&self, kind: &'static str, text: &str) {
        self.pages().canaries.push(Canary::fleeting(kind, text));
    }

    /// A buyer was shown this: from now on it may be nowhere on disk but in the store.
    pub fn note_shown(&self, kind: &'static str, text: &str) {
        self.pages().shown.push(Canary::lasting(kind, text));
    }

    /// Somebody at the shop settled a credit, which is like that since.
    pub fn note_settled(&self, credit: Credit) {
        self.pages().settled_by_hand.push(credit);
    }

    /// The shop asked for something that belongs to no checkout.
    pub fn note_errand(&self, wanted: Wanted) {
        self.pages().errands.push(wanted);
    }

    /// An answer that the story does not provide for.
    pub fn note_surprise(&self, what: String) {
        *self.pages().surprises.entry(what).or_default() += 1;
    }

    pub fn sessions(&self) -> Vec<String> {
        self.pages().sessions.clone()
    }

    pub fn doubted(&self) -> HashSet<String> {
        self.pages().doubted.clone()
    }

    pub fn take_canaries(&self) -> Vec<Canary> {
        std::mem::take(&mut self.pages().canaries)
    }

    pub fn take_shown(&self) -> Vec<Canary> {
        std::mem::take(&mut self.pages().shown)
    }

    pub fn settled_by_hand(&self) -> Vec<Credit> {
        self.pages().settled_by_hand.clone()
    }

    pub fn errands(&self) -> Vec<Wanted> {
        self.pages().errands.clone()
    }

    pub fn surprises(&self) -> BTreeMap<String, u64> {
        self.pages().surprises.clone()
    }
}

/// Adds one, and gives back what it came to.
pub(super) fn count(counter: &AtomicU64) -> u64 {
    counter.fetch_add(1, Ordering::Relaxed) + 1
}

/// What a counter stands at.
pub(super) fn read(counter: &AtomicU64) -> u64 {
    counter.load(Ordering::Relaxed)
}
