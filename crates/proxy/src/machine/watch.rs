//! Who waits for news of which attempt or operation.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

/// A bell for each attempt and operation that somebody waits for. It rings in this process only; what it means is
/// read from the store.
#[derive(Default)]
pub(super) struct Bells(Mutex<HashMap<String, Arc<Notify>>>);

/// Somebody who listens to a bell. The bell goes with its last listener.
pub(super) struct Listener<'a> {
    bells: &'a Bells,
    id: String,
    bell: Option<Arc<Notify>>,
}

impl Bells {
    /// Listens from now on.
    pub fn listen(&self, id: &str) -> Listener<'_> {
        let bell = Arc::clone(self.lock().entry(id.to_owned()).or_default());
        Listener {
            bells: self,
            id: id.to_owned(),
            bell: Some(bell),
        }
    }

    /// Tells every listener that it changed.
    pub fn ring(&self, id: &str) {
        if let Some(bell) = self.lock().get(id) {
            bell.notify_waiters();
        }
    }

    /// How many attempts and operations are waited for.
    pub fn listened_to(&self) -> u32 {
        u32::try_from(self.lock().len()).unwrap_or(u32::MAX)
    }

    /// Whether nobody waits for anything.
    pub fn nobody_listens(&self) -> bool {
        self.lock().is_empty()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<String, Arc<Notify>>> {
        // Nothing under this lock can be left half-done.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A listener whose time is limited.
pub(super) struct Patience<'a> {
    listener: Listener<'a>,
    deadline: Instant,
    look_again: Option<Duration>,
}

impl<'a> Patience<'a> {
    /// For `limit`; `look_again` is how often to look although nothing rang, where others may have
    /// changed it.
    pub fn new(listener: Listener<'a>, limit: Duration, look_again: Option<Duration>) -> Self {
        Self {
            listener,
            deadline: Instant::now() + limit,
            look_again,
        }
    }

    /// The next ring after this call: to be called before looking, so that nothing is missed.
    pub fn listen(&self) -> impl Future<Output = ()> + use<> {
        self.listener.next()
    }

    /// Waits until it is worth another look; false when the time is over.
    pub async fn wait(&self, ring: impl Future<Output = ()>) -> bool {
        let now = Instant::now();
        if now >= self.deadline {
            return false;
        }
        let next = self
            .look_again
            .map_or(self.deadline, |gap| self.deadline.min(now + gap));
        // A last look when the time is over costs little and may be news.
        let _ = tokio::time::timeout_at(next, ring).await;
        true
    }
}

impl Listener<'_> {
    /// The next ring after this call, also one that comes before it is awaited.
    pub fn next(&self) -> impl Future<Output = ()> + use<> {
        let ring = self.bell.clone().map(Notify::notified_owned);
        async move {
            match ring {
                Some(ring) => ring.await,
                None => std::future::pending().await,
            }
        }
    }
}

impl Drop for Listener<'_> {
    fn drop(&mut self) {
        let mut bells = self.bells.lock();
        self.bell = None;
        if bells
            .get(&self.id)
            .is_some_and(|bell| Arc::strong_count(bell) == 1)
        {
            bells.remove(&self.id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_ring_between_listening_and_waiting_is_heard() {
        let bells = Bells::default();
        let listener = bells.listen("att_a");
        let ring = listener.next();
        bells.ring("att_b");
        bells.ring("att_a");
        ring.await;
    }

    #[tokio::test]
    async fn a_bell_goes_with_its_last_listener() {
        let bells = Bells::default();
        let first = bells.listen("att_a");
        let second = bells.listen("att_a");
        drop(first);
        assert_eq!(bells.lock().len(), 1);
        drop(second);
        assert_eq!(bells.lock().len(), 0);
    }
}
