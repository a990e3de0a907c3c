//! What all of the sandbox shares: one clock, one ledger, one plan of faults.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

use crate::clock::{Clock, Moment};
use crate::fault::FaultPlan;
use crate::ledger::Ledger;
use crate::listen::stopped;
use crate::notify::Notifications;
use crate::{
    CvuOptions, FlexitiOptions, FluxOptions, SandboxOptions, cvu, flexiti, flux, greenpay,
};

pub(crate) struct World {
    pub(crate) clock: Clock,
    pub(crate) seed: u64,
    pub(crate) stop: watch::Receiver<bool>,
    /// How notifications are sent until told otherwise.
    notifications: Notifications,
    /// How the CVU wallet API is until told otherwise.
    cvu: CvuOptions,
    /// How credits are notified until told otherwise.
    cvu_notifications: Notifications,
    /// How the Flux API is until told otherwise.
    flux: FluxOptions,
    /// How the Flexiti POS API is until told otherwise.
    flexiti: FlexitiOptions,
    /// Counts how often everything was forgotten.
    life: AtomicU64,
    state: Mutex<State>,
}

/// What changes.
pub(crate) struct State {
    pub(crate) ledger: Ledger,
    pub(crate) faults: FaultPlan,
    pub(crate) notifications: Notifications,
    pub(crate) greenpay: greenpay::Memory,
    pub(crate) cvu: cvu::Memory,
    pub(crate) flux: flux::Memory,
    pub(crate) flexiti: flexiti::Memory,
}

impl World {
    pub(crate) fn new(options: &SandboxOptions, stop: watch::Receiver<bool>) -> Arc<Self> {
        Arc::new(Self {
            clock: match options.starts_at {
                Some(now) => Clock::started_at(now, options.speed, options.clock_anchor),
                None => Clock::new(options.speed, options.clock_anchor),
            },
            seed: options.seed,
            stop,
            notifications: options.notifications.clone(),
            cvu: options.cvu.clone(),
            cvu_notifications: options.cvu_notifications.clone(),
            flux: options.flux.clone(),
            flexiti: options.flexiti.clone(),
            life: AtomicU64::new(0),
            state: Mutex::new(State {
                ledger: Ledger::default(),
                faults: FaultPlan::default(),
                notifications: options.notifications.clone(),
                greenpay: greenpay::Memory::new(options.seed),
                cvu: cvu::Memory::new(options.cvu.clone(), options.cvu_notifications.clone()),
                flux: flux::Memory::new(options.flux.clone()),
                flexiti: flexiti::Memory::new(options.flexiti.clone()),
            }),
        })
    }

    /// The state. A panic elsewhere must not silence the ledger, so a poisoned lock is opened all the
    /// same.
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Forgets everything: ledger, sessions, card tokens, links and codes, authorizations, faults, what was still to be
    /// executed or posted, and how far the clock was moved on.
    pub(crate) fn reset(&self) {
        {
            let mut state = self.state();
            *state = State {
                ledger: Ledger::default(),
                faults: FaultPlan::default(),
                notifications: self.notifications.clone(),
                greenpay: greenpay::Memory::new(self.seed),
                cvu: cvu::Memory::new(self.cvu.clone(), self.cvu_notifications.clone()),
                flux: flux::Memory::new(self.flux.clone()),
                flexiti: flexiti::Memory::new(self.flexiti.clone()),
            };
            self.life.fetch_add(1, Ordering::Release);
        }
        self.clock.forget_moves();
    }

    /// Which life this is: another after everything was forgotten.
    pub(crate) fn life(&self) -> u64 {
        self.life.load(Ordering::Acquire)
    }

    /// Waits; `false` when the sandbox is stopped meanwhile.
    pub(crate) async fn pause(&self, duration: Duration) -> bool {
        let mut stop = self.stop.clone();
        tokio::select! {
            () = tokio::time::sleep(duration) => true,
            () = stopped(&mut stop) => false,
        }
    }

    /// Waits for a moment of the sandbox's clock; `false` when the sandbox is stopped meanwhile.
    pub(crate) async fn wait_until(&self, moment: Moment) -> bool {
        let mut stop = self.stop.clone();
        tokio::select! {
            () = self.clock.reaches(moment) => true,
            () = stopped(&mut stop) => false,
        }
    }
}
