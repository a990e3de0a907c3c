//! Who waits for news of which attempt.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Notify;

/// A bell for each attempt that somebody waits for. It rings in this process only; what it means is
/// read from the store.
#[derive(Default)]
pub(super) struct Bells(Mutex<HashMap<String, Arc<Notify>>>);

/// Somebody who listens to an attempt's bell. The bell goes with its last listener.
pub(super) struct Listener<'a> {
    bells: &'a Bells,
    attempt_id: String,
    bell: Option<Arc<Notify>>,
}

impl Bells {
    /// Listens from now on.
    pub fn listen(&self, attempt_id: &str) -> Listener<'_> {
        let bell = Arc::clone(self.lock().entry(attempt_id.to_owned()).or_default());
        Listener {
            bells: self,
            attempt_id: attempt_id.to_owned(),
            bell: Some(bell),
        }
    }

    /// Tells every listener that the attempt changed.
    pub fn ring(&self, attempt_id: &str) {
        if let Some(bell) = self.lock().get(attempt_id) {
            bell.notify_waiters();
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<String, Arc<Notify>>> {
        // Nothing under this lock can be left half-done.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
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
            .get(&self.attempt_id)
            .is_some_and(|bell| Arc::strong_count(bell) == 1)
        {
            bells.remove(&self.attempt_id);
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
