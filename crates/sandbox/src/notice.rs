//! A notification on its way to the merchant. What it says is the provider's own business; see
//! `greenpay::notice` and `cvu::notice`.

use std::sync::Arc;
use std::time::Duration;

use crate::clock::Moment;
use crate::ledger::NotificationEntry;
use crate::listen::stopped;
use crate::notify::{NotifyMode, ReceiverUrl};
use crate::world::World;

/// Whose list in the ledger a notification is written to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Provider {
    GreenPay,
    Cvu,
}

/// Something to post.
#[derive(Clone, Debug)]
pub(crate) struct Notice {
    pub(crate) provider: Provider,
    /// Where under the merchant's address.
    pub(crate) path: &'static str,
    pub(crate) references: Vec<String>,
    /// None when it is sent by hand.
    pub(crate) mode: Option<NotifyMode>,
    pub(crate) forged: bool,
    pub(crate) json: String,
    pub(crate) url: ReceiverUrl,
    pub(crate) late_ms: u64,
    /// Not before, unless it is to be early: a credit is told of when it is seen.
    pub(crate) due: Option<Moment>,
}

impl World {
    /// Posts what a call gave rise to, when it is time; comes back at once unless that is before the
    /// call's answer.
    pub(crate) async fn notify(self: &Arc<Self>, notice: Notice) {
        if notice.mode == Some(NotifyMode::Early) {
            self.post(&notice, 1).await;
            return;
        }
        let world = Arc::clone(self);
        let life = self.life();
        let mut stop = self.stop.clone();
        let posted = async move {
            let late = (notice.mode == Some(NotifyMode::Late))
                .then(|| Duration::from_millis(notice.late_ms));
            if notice.due.is_some() || late.is_some() {
                let due = notice.due.unwrap_or_else(|| world.clock.now());
                world
                    .clock
                    .reaches(due.plus(late.unwrap_or_default()))
                    .await;
            }
            let times = if notice.mode == Some(NotifyMode::FiveTimes) {
                5
            } else {
                1
            };
            for nth in 1..=times {
                if world.life() != life {
                    return;
                }
                world.post(&notice, nth).await;
            }
        };
        tokio::spawn(async move {
            tokio::select! {
                () = posted => {}
                () = stopped(&mut stop) => {}
            }
        });
    }

    /// Posts a notification now; gives the status answered.
    pub(crate) async fn post(&self, notice: &Notice, nth: u32) -> Option<u16> {
        let life = self.life();
        let at = self.clock.now().rfc3339();
        let path = notice.path;
        let http_status = notice.url.post(path, notice.json.clone()).await;
        tracing::info!(
            reference = notice.references.first(),
            http_status,
            "notification to {path}"
        );
        let mut state = self.state();
        // What was forgotten meanwhile stays forgotten.
        if self.life() == life {
            let list = match notice.provider {
                Provider::GreenPay => &mut state.ledger.notifications,
                Provider::Cvu => &mut state.ledger.cvu.notifications,
            };
            list.push(NotificationEntry {
                path: path.to_owned(),
                references: notice.references.clone(),
                mode: notice.mode,
                forged: notice.forged,
                nth,
                http_status,
                at,
            });
        }
        http_status
    }
}
