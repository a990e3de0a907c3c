//! Connections to a file, lent one by one; and commits, which several may share.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use super::{BUSY, fault, run};
use crate::store::engine::{Done, Fault};

/// How long a caller waits for a connection.
const TURN: Duration = Duration::from_secs(10);
/// Statements that a connection keeps prepared: more than there are.
const PREPARED: usize = 256;

#[derive(Clone, Copy, Eq, PartialEq)]
pub(super) enum Access {
    ReadWrite,
    ReadOnly,
}

/// Connections of one kind. They are lent in the order in which they are asked for.
pub(super) struct Pool {
    pub path: PathBuf,
    pub access: Access,
    size: usize,
    permits: Arc<Semaphore>,
    free: Mutex<Vec<Connection>>,
    /// Those whose changes are in the transaction that is open between two lendings.
    group: Mutex<Option<Arc<Group>>>,
}

impl Pool {
    pub fn new(path: PathBuf, access: Access, size: usize) -> Self {
        Self {
            path,
            access,
            size,
            permits: Arc::new(Semaphore::new(size)),
            free: Mutex::default(),
            group: Mutex::default(),
        }
    }

    pub fn open(&self) -> rusqlite::Result<Connection> {
        let access = match self.access {
            Access::ReadWrite => OpenFlags::SQLITE_OPEN_READ_WRITE,
            Access::ReadOnly => OpenFlags::SQLITE_OPEN_READ_ONLY,
        };
        // One thread at a time has a connection, so that it needs no lock of its own.
        let flags = access | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(&self.path, flags)?;
        connection.set_prepared_statement_cache_capacity(PREPARED);
        connection.pragma_update(None, "foreign_keys", true)?;
        if self.access == Access::ReadWrite {
            connection.busy_timeout(BUSY)?;
            connection.pragma_update(None, "journal_mode", "wal")?;
            connection.pragma_update(None, "synchronous", "full")?;
        }
        // A thread that waits inside of SQLite is one less for everybody else.
        connection.busy_timeout(Duration::ZERO)?;
        Ok(connection)
    }

    pub async fn lend(self: &Arc<Self>) -> Done<Lent> {
        let permit = tokio::time::timeout(TURN, Arc::clone(&self.permits).acquire_owned())
            .await
            .map_err(|_| Fault::Away(format!("no connection was free within {TURN:?}")))?
            .map_err(|_| Fault::Away(String::from("the store is closed")))?;
        self.take(permit)
    }

    fn take(self: &Arc<Self>, permit: OwnedSemaphorePermit) -> Done<Lent> {
        let free = lock(&self.free).pop();
        let connection = match free {
            Some(connection) => connection,
            None => self.open().map_err(fault)?,
        };
        Ok(Lent {
            connection: Some(connection),
            pool: Arc::clone(self),
            _permit: permit,
        })
    }

    /// Puts what was done with a connection on disk, with what others have done since the last time, and waits for
    /// it. Whoever stops waiting has it there all the same.
    pub async fn put_on_disk(self: &Arc<Self>, lent: Lent) -> Done<()> {
        let group = Arc::clone(lock(&self.group).get_or_insert_with(Arc::default));
        let outcome = group.outcome.subscribe();
        // Whoever waits for the connection already comes first, and into the same commit.
        drop(lent);
        let pool = Arc::clone(self);
        tokio::spawn(async move { pool.commit(&group).await });
        told(outcome).await
    }

    /// Gives a connection back that changed nothing, and waits until what others have changed is on disk.
    pub async fn wait_for_disk(&self, lent: Lent) -> Done<()> {
        let group = lock(&self.group)
            .as_ref()
            .map(|group| group.outcome.subscribe());
        drop(lent);
        match group {
            Some(outcome) => told(outcome).await,
            None => Ok(()),
        }
    }

    /// Commits for a group, unless somebody of it did meanwhile.
    async fn commit(self: Arc<Self>, group: &Group) {
        // However long it takes: what is not on disk may not be left open.
        let Ok(permit) = Arc::clone(&self.permits).acquire_owned().await else {
            return;
        };
        if group.outcome.borrow().is_some() {
            return;
        }
        let lent = match self.take(permit) {
            Ok(lent) => lent,
            Err(fault) => return self.tell_group(&Err(fault)),
        };
        let work = tokio::task::spawn_blocking(move || {
            if let Some(connection) = &lent.connection {
                // Told before the next one begins; and what could not be put on disk is undone as it goes back.
                lent.pool.tell_group(&commit(connection));
            }
        });
        // Where the process ends before, nobody hears anything: it is on disk or is not.
        let _ = work.await;
    }

    /// Says what became of the open transaction to all who are in it.
    fn tell_group(&self, outcome: &Outcome) {
        if let Some(group) = lock(&self.group).take() {
            group.outcome.send_replace(Some(outcome.clone()));
        }
    }

    /// Waits until every connection is back and everything is on disk, and lends none from then on.
    pub async fn close(&self) {
        let all = u32::try_from(self.size).unwrap_or(u32::MAX);
        let Ok(_all) = self.permits.acquire_many(all).await else {
            return;
        };
        self.permits.close();
        let connections = std::mem::take(&mut *lock(&self.free));
        // Changes whose turn to be put on disk has not come.
        if let Some(connection) = connections.iter().find(|one| !one.is_autocommit()) {
            self.tell_group(&commit(connection));
        }
    }

    /// Takes a connection that was opened for it.
    pub fn add(&self, connection: Connection) {
        lock(&self.free).push(connection);
    }
}

fn commit(connection: &Connection) -> Outcome {
    run(connection, "COMMIT").map_err(fault)
}

async fn told(mut outcome: watch::Receiver<Option<Outcome>>) -> Done<()> {
    match outcome.wait_for(Option::is_some).await.as_deref() {
        Ok(Some(outcome)) => outcome.clone(),
        _ => Err(Fault::Away(String::from("the process is ending"))),
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whose changes are on disk together, or not at all.
#[derive(Default)]
struct Group {
    outcome: watch::Sender<Option<Outcome>>,
}

type Outcome = Done<()>;

/// A connection that goes back when it is dropped.
pub(super) struct Lent {
    /// There until it is dropped.
    pub connection: Option<Connection>,
    pub pool: Arc<Pool>,
    /// Given back behind the connection.
    _permit: OwnedSemaphorePermit,
}

impl Drop for Lent {
    fn drop(&mut self) {
        let Some(connection) = self.connection.take() else {
            return;
        };
        let is_open = !connection.is_autocommit();
        let is_awaited = lock(&self.pool.group).is_some();
        if is_open && !is_awaited && connection.execute_batch("ROLLBACK").is_err() {
            // Closed, it is undone as well.
            return;
        }
        // When the disk is full, for one, SQLite gives up the whole of a transaction by itself.
        if is_awaited && !is_open {
            self.pool.tell_group(&Err(Fault::Away(String::from(
                "the transaction was given up before it was on disk",
            ))));
        }
        self.pool.add(connection);
    }
}
