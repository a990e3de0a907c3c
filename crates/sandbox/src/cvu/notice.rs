//! What the merchant is told of a credit: `{"id"}`, the number of the cash-in, posted to the very address
//! that is set. No document describes any such thing, and nothing signs it; whoever hears it has to read
//! the cash-in. A forged one names a cash-in that there is not.

use serde::Deserialize;

use crate::clock::Moment;
use crate::notice::{Notice, Provider};
use crate::notify::{NotifyError, NotifyMode};

use super::Cvu;
use super::answer::Object;
use super::ledger::CreditEntry;

/// Far from any number that is given.
const FORGED: u64 = 990_000_000;

/// A notification sent by hand.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CvuByHand {
    /// Numbers of cash-ins, which need not be.
    ids: Vec<u64>,
    #[serde(default = "once")]
    times: u8,
}

const fn once() -> u8 {
    1
}

impl Cvu {
    pub(super) fn notice_of(&self, credit: &CreditEntry) -> Option<Notice> {
        let settings = self.state().cvu.notifications.clone();
        let reference = credit.id.to_string();
        let mode = settings.mode_for(&reference, self.world.seed);
        if mode == NotifyMode::Never {
            return None;
        }
        let forged = mode == NotifyMode::Forged;
        let id = credit.id + if forged { FORGED } else { 0 };
        Some(Notice {
            provider: Provider::Cvu,
            path: "",
            references: vec![reference],
            mode: Some(mode),
            forged,
            json: settings.encode(&body(id)),
            url: settings.url.clone()?,
            late_ms: settings.late_ms,
            due: Moment::read(&credit.credited_at),
        })
    }

    /// Posts notifications now; gives the statuses answered.
    pub(crate) async fn notify_by_hand(
        &self,
        by_hand: CvuByHand,
    ) -> Result<Vec<Option<u16>>, NotifyError> {
        let (settings, known) = {
            let state = self.state();
            let known: Vec<u64> = state.ledger.cvu.credits.iter().map(|it| it.id).collect();
            (state.cvu.notifications.clone(), known)
        };
        let Some(url) = settings.url.clone() else {
            return Err(NotifyError(String::from("no url is set")));
        };
        let mut statuses = Vec::new();
        for id in by_hand.ids {
            let notice = Notice {
                provider: Provider::Cvu,
                path: "",
                references: vec![id.to_string()],
                mode: None,
                forged: !known.contains(&id),
                json: settings.encode(&body(id)),
                url: url.clone(),
                late_ms: 0,
                due: None,
            };
            for nth in 1..=by_hand.times {
                statuses.push(self.world.post(&notice, u32::from(nth)).await);
            }
        }
        Ok(statuses)
    }
}

fn body(id: u64) -> String {
    Object::new().number("id", id).end()
}
