//! What is charged by itself, by the sandbox's clock.

use std::sync::Arc;
use std::time::Duration;

use crate::clock::Moment;
use crate::fault::{Fate, Operation};
use crate::ledger::DebitState;
use crate::listen::stopped;
use crate::notice::Notice;

use super::super::GreenPay;
use super::{Status, Subscription, Subscriptions, Tried};

/// How long after a charge that failed it is tried again.
const AGAIN_AFTER: Duration = Duration::from_secs(600);
/// By the help centre, it is on hold after so many failures.
const MOST_TRIES: usize = 3;

impl GreenPay {
    /// Charges what is due whenever it is, until the sandbox is stopped.
    pub(in crate::greenpay) async fn watch_subscriptions(self: Arc<Self>) {
        let mut stop = self.world.stop.clone();
        let watching = async {
            loop {
                let changed = self.something_is_due.notified();
                let next = self.state().greenpay.subscriptions.next_due();
                match next {
                    None => changed.await,
                    Some(due) => tokio::select! {
                        () = self.world.clock.reaches(due) => {}
                        () = changed => {}
                    },
                }
                self.charge_due().await;
            }
        };
        tokio::select! {
            () = watching => {}
            () = stopped(&mut stop) => {}
        }
    }

    /// Charges what is due by now, and tells the merchant.
    pub(in crate::greenpay) async fn charge_due(&self) {
        let now = self.world.clock.now();
        let mut notices: Vec<Notice> = Vec::new();
        loop {
            let due = self.state().greenpay.subscriptions.due(now);
            let Some(id) = due else { break };
            notices.extend(self.charge_one(&id, now));
        }
        for notice in notices {
            self.world.notify(notice).await;
        }
    }

    fn charge_one(&self, id: &str, now: Moment) -> Option<Notice> {
        let (debit, status) = {
            let mut state = self.state();
            let subscription = state.greenpay.subscriptions.get_mut(id)?;
            let due = subscription.next.take()?;
            let reference = subscription.due_reference();
            let at = due.min(now);
            let settled = state.charge_subscription(
                id,
                &reference,
                None,
                Operation::CreateSubscription,
                Fate::default(),
                at,
            );
            let approved = settled
                .as_ref()
                .is_some_and(|settled| settled.debit.state == DebitState::Approved);
            let subscription = state.greenpay.subscriptions.get_mut(id)?;
            subscription.charged(approved, at);
            (settled?.debit, subscription.status)
        };
        self.notice_of_charge(&debit, status.word())
    }
}

impl Subscriptions {
    fn next_due(&self) -> Option<Moment> {
        self.0.iter().filter_map(|it| it.next).min()
    }

    /// One that is due.
    fn due(&self, now: Moment) -> Option<String> {
        self.0
            .iter()
            .filter(|it| it.next.is_some_and(|next| next <= now))
            .min_by_key(|it| it.next)
            .map(|it| it.id.clone())
    }
}

impl Subscription {
    /// The reference of the payment that is to be tried again, or a new one.
    fn due_reference(&mut self) -> String {
        let again = match self.status {
            Status::Pending => self.payments.iter().rev().find(|it| !it.by_hand),
            _ => None,
        };
        if let Some(payment) = again {
            return payment.reference.clone();
        }
        let reference = self.next_reference();
        self.payments.push(Tried {
            reference: reference.clone(),
            by_hand: false,
            tries: Vec::new(),
        });
        reference
    }

    fn charged(&mut self, approved: bool, at: Moment) {
        let tries = self
            .payments
            .iter()
            .rev()
            .find(|it| !it.by_hand)
            .map_or(0, |payment| payment.tries.len());
        if approved {
            self.status = Status::Active;
            self.next = self.next_period(at);
        } else if tries < MOST_TRIES {
            self.status = Status::Pending;
            self.next = Some(at.plus(AGAIN_AFTER));
        } else {
            self.status = Status::OnHold;
        }
    }
}
