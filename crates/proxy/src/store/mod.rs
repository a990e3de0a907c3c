//! The truth: sessions, attempts, operations, errands, and everything that happened to them.
//!
//! Nothing in memory is the truth. Every transition is one commit that holds the changed attempt,
//! operation or errand, the event with its evidence, the session when it is thereby paid, and what the merchant
//! is to be told. No transaction is open while a provider is called.
//!
//! | engine | processes | |
//! |---|---|---|
//! | SQLite | one | a file |
//! | PostgreSQL | many | leases by `SKIP LOCKED`, on the database's clock |
//!
//! Both keep the same rules, by the same statements and by constraints of their own:
//!
//! | rule | kept by |
//! |---|---|
//! | one live attempt for a session | unique index `attempt_live` |
//! | one right to send, back at most twice | checks on `attempt`, `operation` and `errand`; guarded updates |
//! | money is recorded in the amount that was asked for | check on `attempt` |
//! | one open operation for an attempt | unique index `operation_open` |
//! | no more is given back, or captured, than was paid | trigger `operation_within_payment` |
//! | a hold is captured or let go, and no more comes back than was captured | trigger `operation_within_hold` |
//! | nothing is payable that is not recorded, as it is | `rules`; triggers on `payable` |
//! | a credit is recorded once, whichever way it is seen | unique fingerprint and cash-in |
//! | an attempt is paid by one credit, of its amount | unique index `credit_matched`; trigger `credit_of_the_amount` |
//! | a merchant's key opens one errand of its kind, and a subject has one open | unique (`kind`, `idempotency_key`); unique index `errand_open` |
//! | a payment of an errand is recorded in the amount that was asked for | check on `errand_item` |
//! | what happened is never rewritten | triggers on `event`, `attempt`, `operation`, `credit` and the tables of errands |
//!
//! What differs between the engines is in `engine`, what may be written is in `rules`, and the
//! statements lie by subject in the other rooms.
//!
//! A commit whose answer was lost is an error to the caller, and may be true all the same. Whoever
//! repeats a request with its key gets what was recorded; whoever changes something sees it as it now
//! stands, and a right to send whose commit failed is not used.

mod attempts;
mod cards;
mod credits;
mod engine;
mod errands;
mod events;
mod financing;
mod operations;
pub mod outage;
mod outbox;
mod payables;
mod record;
mod requests;
mod rules;
#[cfg(test)]
pub(crate) mod scratch;
mod sealing;
mod sessions;
mod watch;
mod work;

use std::path::Path;
use std::sync::Arc;

use secrecy::SecretString;
use tokio::sync::Notify;

use crate::error::Result;
use engine::{Engine, Transaction};

pub use financing::{FinancingRow, FinancingStage, FinancingStep};
pub use record::{
    AttemptRow, CaptureLeft, Change, CreditRow, CreditState, CreditVerdict, DisabledReceiver,
    Doubt, Ended, ErrandChange, ErrandEventRow, ErrandItem, ErrandKind, ErrandOpened, ErrandRow,
    ErrandScene, EventRow, MAX_RETURNS, NewCredit, NewSavedCard, News, Opened, OperationChange,
    OperationOpened, OperationRow, OperationScene, OutboxRow, Overdue, PayableRow, Payer,
    ReviewRows, SavedCardRow, Scene, SessionDraft, SessionRow, StartRules, Started, TOKEN_PAYMENT,
    Undelivered, Watched, WholeErrand, WholeSession,
};
pub(crate) use rules::left as left_of_payment;
pub use sealing::SealingKeys;
pub use watch::Turn;

/// The open store. Clones share it.
///
/// Every call may fail with `store-unavailable` while the database cannot be reached, and with
/// `internal` when it or this release is broken.
#[derive(Clone)]
pub struct Store {
    engine: Arc<Engine>,
    keys: Option<Arc<SealingKeys>>,
    news: Arc<Notify>,
}

impl Store {
    /// Opens or creates the SQLite database at `path` and brings its tables up to date. A new file
    /// can be read by its owner only.
    ///
    /// Without `keys` no card can be saved, and it is not kept who paid a credit.
    ///
    /// # Errors
    ///
    /// When the file cannot be opened or written, or was written by a newer release.
    pub async fn open_sqlite(path: &Path, keys: Option<SealingKeys>) -> Result<Self> {
        Ok(Self::over(Engine::open_sqlite(path).await?, keys))
    }

    /// Opens the PostgreSQL database at `url`, `postgres://user:password@host:port/database`, and brings
    /// its tables up to date. Several processes may do so at once. Whether and how the connection is
    /// encrypted is said by `sslmode` in the URL.
    ///
    /// Without `keys` no card can be saved, and it is not kept who paid a credit.
    ///
    /// # Errors
    ///
    /// When the database cannot be reached, is older than PostgreSQL 13, was written by a newer release,
    /// or may lose what it has committed: `fsync`, `full_page_writes` and `synchronous_commit` must be on.
    pub async fn open_postgres(url: &SecretString, keys: Option<SealingKeys>) -> Result<Self> {
        Ok(Self::over(Engine::open_postgres(url).await?, keys))
    }

    fn over(engine: Engine, keys: Option<SealingKeys>) -> Self {
        Self {
            engine: Arc::new(engine),
            keys: keys.map(Arc::new),
            news: Arc::default(),
        }
    }

    /// Makes a transaction true, and wakes whoever waits for news if there is some in it.
    async fn commit(&self, tx: Transaction) -> Result<()> {
        let has_news = tx.has_news;
        tx.commit().await?;
        if has_news {
            self.news.notify_one();
        }
        Ok(())
    }

    /// Finishes what is being written and lets the database go.
    pub async fn close(&self) {
        self.engine.close().await;
    }

    /// Whether the store answers, with the tables of this release and durable commits; where it is
    /// shared, also whether the clock here agrees with the database's to 2 s.
    ///
    /// # Errors
    ///
    /// Saying what is wrong.
    pub async fn ready(&self) -> Result<()> {
        outage::check()?;
        self.engine.ready().await
    }

    /// Whether cards can be saved.
    #[must_use]
    pub const fn saves_cards(&self) -> bool {
        self.keys.is_some()
    }

    /// Whether other processes may work on the same store at the same time.
    #[must_use]
    pub fn is_shared(&self) -> bool {
        self.engine.is_shared()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use ventanilla_testbed::postgres;

    use super::engine::Connection;
    use super::scratch::Scratch;
    use super::*;
    use crate::clock::Timestamp;

    const NOW: Timestamp = Timestamp::from_millis(1_795_000_000_000);

    /// Every connection for queries, until nobody gets one at once any more.
    async fn all_connections(store: &Store) -> Vec<Connection> {
        let mut held = Vec::new();
        let at_once = Duration::from_secs(1);
        while let Ok(Ok(connection)) = tokio::time::timeout(at_once, store.engine.read()).await {
            held.push(connection);
        }
        held
    }

    async fn sweeps_while_every_connection_is_taken(store: &Store) {
        let held = all_connections(store).await;
        assert!(!held.is_empty());
        let overdue = Overdue {
            deadline_before: NOW,
            unsent_before: NOW,
            waited_until: NOW,
        };
        let nothing = Duration::ZERO;
        assert!(store.overdue(overdue).await.unwrap().is_empty());
        assert!(store.overdue_operations(NOW).await.unwrap().is_empty());
        assert!(store.overdue_errands(NOW).await.unwrap().is_empty());
        assert!(store.next_due(nothing, nothing).await.unwrap().is_none());
        assert!(store.claim_due(NOW, nothing, 1).await.unwrap().is_empty());
        assert!(
            store
                .claim_operations(NOW, nothing, 1)
                .await
                .unwrap()
                .is_empty()
        );
        assert!(
            store
                .claim_errands(NOW, nothing, 1)
                .await
                .unwrap()
                .is_empty()
        );
        assert_eq!(store.expire_sessions(NOW).await.unwrap(), 0);
        assert_eq!(store.doubt().await.unwrap().open, 0);
    }

    #[tokio::test]
    async fn a_sweep_does_not_queue_behind_the_queries_of_others_on_sqlite() {
        let scratch = Scratch::new();
        let store = Store::open_sqlite(&scratch.file("store.db"), None).await;
        sweeps_while_every_connection_is_taken(&store.unwrap()).await;
    }

    #[tokio::test]
    async fn a_sweep_does_not_queue_behind_the_queries_of_others_on_postgresql() {
        let cluster = postgres::shared().await.unwrap();
        let url = SecretString::from(cluster.create_database().await.unwrap());
        let store = Store::open_postgres(&url, None).await;
        sweeps_while_every_connection_is_taken(&store.unwrap()).await;
    }
}
