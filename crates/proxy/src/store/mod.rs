//! The truth: sessions, attempts, and everything that happened to them.
//!
//! Nothing in memory is the truth. Every transition is one commit that holds the changed attempt,
//! the event with its evidence, the session when it is thereby paid, and what the merchant is to be
//! told. No transaction is open while a provider is called.
//!
//! SQLite is the engine (one process). What is known only to it stays in `sqlite`; the rules that
//! every engine keeps are in `rules`.

mod record;
mod rules;
mod sealing;
mod sqlite;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;

use crate::clock::Timestamp;
use crate::error::Result;

pub use record::{
    AttemptRow, Change, Doubt, Ended, EventRow, MAX_RETURNS, NewSavedCard, Opened, OutboxRow,
    Overdue, SavedCardRow, Scene, SessionDraft, SessionRow, StartRules, Started,
};
pub use sealing::SealingKeys;

/// The open store. Clones share it.
#[derive(Clone)]
pub struct Store {
    sqlite: Arc<sqlite::Sqlite>,
    keys: Option<Arc<SealingKeys>>,
}

impl Store {
    /// Opens or creates the SQLite database at `path` and brings its tables up to date. A new file
    /// can be read by its owner only.
    ///
    /// Without `keys` no card can be saved.
    ///
    /// # Errors
    ///
    /// When the file cannot be opened or written, or was written by a newer release.
    pub async fn open_sqlite(path: &Path, keys: Option<SealingKeys>) -> Result<Self> {
        Ok(Self {
            sqlite: Arc::new(sqlite::Sqlite::open(path).await?),
            keys: keys.map(Arc::new),
        })
    }

    /// Finishes what is being written and lets the file go.
    pub async fn close(&self) {
        self.sqlite.close().await;
    }

    /// Whether the store answers, with the tables of this release and durable commits.
    ///
    /// # Errors
    ///
    /// Saying what is wrong.
    pub async fn ready(&self) -> Result<()> {
        self.sqlite.ready().await
    }

    /// Whether cards can be saved.
    #[must_use]
    pub const fn saves_cards(&self) -> bool {
        self.keys.is_some()
    }

    /// Records a session, once for each merchant's key.
    ///
    /// # Errors
    ///
    /// When the store does not answer.
    pub async fn open_session(&self, draft: SessionDraft<'_>) -> Result<Opened> {
        self.sqlite.open_session(draft).await
    }

    /// The session that a merchant's key opened.
    ///
    /// # Errors
    ///
    /// When the store does not answer.
    pub async fn session_of_key(&self, merchant_key: &str) -> Result<Option<SessionRow>> {
        self.sqlite.session_of_key(merchant_key).await
    }

    /// A session.
    ///
    /// # Errors
    ///
    /// When the store does not answer.
    pub async fn session(&self, id: &str) -> Result<Option<SessionRow>> {
        self.sqlite.session(id).await
    }

    /// A session's attempts, oldest first.
    ///
    /// # Errors
    ///
    /// When the store does not answer.
    pub async fn attempts(&self, session_id: &str) -> Result<Vec<AttemptRow>> {
        self.sqlite.attempts(session_id).await
    }

    /// An attempt.
    ///
    /// # Errors
    ///
    /// When the store does not answer.
    pub async fn attempt(&self, id: &str) -> Result<Option<AttemptRow>> {
        self.sqlite.attempt(id).await
    }

    /// Ends a session, and with it attempts that never took the right to send.
    ///
    /// # Errors
    ///
    /// When the store does not answer.
    pub async fn end_session(&self, id: &str, now: Timestamp) -> Result<Ended> {
        self.sqlite.end_session(id, now).await
    }

    /// Records an attempt in the state new, unless another one is in the way.
    ///
    /// # Errors
    ///
    /// When the store does not answer.
    pub async fn start(&self, draft: &AttemptRow, rules: StartRules) -> Result<Started> {
        self.sqlite.start(draft, rules).await
    }

    /// Changes an attempt: `decide` sees it in its surroundings and says what is to become of it, or
    /// that nothing is. What it decides is written only over what it saw.
    ///
    /// Gives the attempt as it now stands, or none when `decide` wanted nothing.
    ///
    /// # Errors
    ///
    /// When the store does not answer, there is no such attempt, or the change breaks a rule.
    pub async fn change<F>(&self, id: &str, decide: F) -> Result<Option<AttemptRow>>
    where
        F: FnMut(&Scene<'_>) -> Option<Change> + Send,
    {
        self.sqlite.change(id, self.keys.as_deref(), decide).await
    }

    /// Attempts that are due for a read, each lent to one caller for `lease`.
    ///
    /// # Errors
    ///
    /// When the store does not answer.
    pub async fn claim_due(
        &self,
        now: Timestamp,
        lease: Duration,
        limit: u32,
    ) -> Result<Vec<AttemptRow>> {
        self.sqlite.claim_due(now, lease, limit).await
    }

    /// Brings the next read of an attempt in doubt forward to `to`. Whether it was later before.
    ///
    /// # Errors
    ///
    /// When the store does not answer.
    pub async fn pull_forward(&self, id: &str, to: Timestamp) -> Result<bool> {
        self.sqlite.pull_forward(id, to).await
    }

    /// Attempts that wait for something that will not come: calls past their deadline, and attempts
    /// that never took the right to send.
    ///
    /// # Errors
    ///
    /// When the store does not answer.
    pub async fn overdue(&self, overdue: Overdue) -> Result<Vec<AttemptRow>> {
        self.sqlite.overdue(overdue).await
    }

    /// Attempts that another process recorded and that never took the right to send.
    ///
    /// # Errors
    ///
    /// When the store does not answer.
    pub async fn unsent_of_others(&self, owner: &str) -> Result<Vec<AttemptRow>> {
        self.sqlite.unsent_of_others(owner).await
    }

    /// Ends every session whose time ran out and in which no attempt is in the way.
    ///
    /// # Errors
    ///
    /// When the store does not answer.
    pub async fn expire_sessions(&self, now: Timestamp) -> Result<u64> {
        self.sqlite.expire_sessions(now).await
    }

    /// The earliest moment at which a read or an end is due. `sent_grace` and `unsent_limit` are added
    /// to deadlines and to the start of attempts that were never sent.
    ///
    /// # Errors
    ///
    /// When the store does not answer.
    pub async fn next_due(
        &self,
        sent_grace: Duration,
        unsent_limit: Duration,
    ) -> Result<Option<Timestamp>> {
        self.sqlite.next_due(sent_grace, unsent_limit).await
    }

    /// The attempts in doubt.
    ///
    /// # Errors
    ///
    /// When the store does not answer.
    pub async fn doubt(&self) -> Result<Doubt> {
        self.sqlite.doubt().await
    }

    /// A buyer's cards, newest first, at most 20.
    ///
    /// # Errors
    ///
    /// When the store does not answer.
    pub async fn saved_cards(&self, buyer_id: &str) -> Result<Vec<SavedCardRow>> {
        self.sqlite.saved_cards(buyer_id).await
    }

    /// The provider's token of a buyer's card; none when this buyer has no such card.
    ///
    /// # Errors
    ///
    /// When the store does not answer, or the token does not open with the keys at hand.
    pub async fn card_token(&self, card_id: &str, buyer_id: &str) -> Result<Option<SecretString>> {
        let Some(keys) = &self.keys else {
            return Ok(None);
        };
        match self.sqlite.sealed_token(card_id, buyer_id).await? {
            Some(sealed) => keys.open(card_id, buyer_id, &sealed).map(Some),
            None => Ok(None),
        }
    }

    /// What happened in a session, in order.
    ///
    /// # Errors
    ///
    /// When the store does not answer.
    pub async fn events(&self, session_id: &str) -> Result<Vec<EventRow>> {
        self.sqlite.events(session_id).await
    }

    /// What the merchant was not told yet, oldest first, at most `limit`.
    ///
    /// # Errors
    ///
    /// When the store does not answer.
    pub async fn outbox(&self, limit: u32) -> Result<Vec<OutboxRow>> {
        self.sqlite.outbox(limit).await
    }
}
