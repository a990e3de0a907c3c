//! SQLite: one file, one process, one writer.
//!
//! Writers queue for one connection and begin with the write lock in hand, so a transaction never
//! fails half-way for want of it, and nothing else needs a lock. Readers see the last commit. Every
//! commit is on disk before it is answered (`synchronous = FULL`).
//!
//! A statement runs on the thread that asks for it: nearly all take less than handing them to another one would.
//! A commit waits for the disk, and does so on a thread of its own; and it is one for all who were through with
//! theirs when the disk was free. Each of them is a savepoint in it, so that one can fail without the others; none is
//! answered before all of it is on disk.

mod pool;

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rusqlite::types::{ToSql, ToSqlOutput, Value as Cell, ValueRef};
use rusqlite::{CachedStatement, Connection, ErrorCode, ffi};

use super::row::SqliteRow;
use super::{Done, Fault, Value, migrations};
use crate::error::{Error, Result};
use pool::{Access, Lent, Pool};

/// A SQLite database.
pub(in crate::store) struct Sqlite {
    write: Arc<Pool>,
    read: Arc<Pool>,
    read_apart: Arc<Pool>,
}

/// How long a statement waits while another program has the file.
const BUSY: Duration = Duration::from_secs(5);
const BUSY_PAUSE: Duration = Duration::from_millis(10);
const READERS: usize = 4;
/// A statement that takes longer is told of as a warning.
const SLOW: Duration = Duration::from_secs(1);

const WORDS: [(&str, &str); 3] = [
    ("{now}", "CAST(unixepoch('subsec') * 1000 AS INTEGER)"),
    ("{locked}", ""),
    ("{skip locked}", ""),
];

impl Sqlite {
    pub async fn open(path: &Path) -> Result<Self> {
        let pool = |access, size| Arc::new(Pool::new(path.to_owned(), access, size));
        let sqlite = Self {
            write: pool(Access::ReadWrite, 1),
            read: pool(Access::ReadOnly, READERS),
            read_apart: pool(Access::ReadOnly, 1),
        };
        let writer = Arc::clone(&sqlite.write);
        tokio::task::spawn_blocking(move || prepare(&writer))
            .await
            .map_err(Error::internal)?
            .map_err(|cause| Error::internal(format!("store {}: {cause}", path.display())))?;
        Ok(sqlite)
    }

    pub async fn close(&self) {
        self.read.close().await;
        self.read_apart.close().await;
        self.write.close().await;
    }

    pub async fn ready(&self) -> Result<()> {
        let expected = migrations::sqlite().map(|step| step.version).max();
        let found: Option<i64> = one(
            &self.read().await?,
            "SELECT MAX(version) FROM _sqlx_migrations WHERE success",
        )?;
        if found != expected {
            return Err(Error::internal(format!(
                "the store's tables are at version {found:?}, expected {expected:?}"
            )));
        }
        let writer = self.write().await?;
        let journal: String = one(&writer, "PRAGMA journal_mode")?;
        let synchronous: i64 = one(&writer, "PRAGMA synchronous")?;
        if journal != "wal" || synchronous < 2 {
            return Err(Error::internal(format!(
                "commits are not durable: journal_mode {journal}, synchronous {synchronous}"
            )));
        }
        Ok(())
    }

    pub async fn read(&self) -> Done<Link> {
        self.read.lend().await.map(Link::over)
    }

    pub async fn read_apart(&self) -> Done<Link> {
        self.read_apart.lend().await.map(Link::over)
    }

    /// What the first query sees is what all of them see.
    pub async fn snapshot(&self) -> Done<Link> {
        let mut link = self.read().await?;
        link.begin_snapshot().await?;
        Ok(link)
    }

    pub async fn write(&self) -> Done<Link> {
        self.write.lend().await.map(Link::over)
    }

    pub async fn begin(&self) -> Done<Link> {
        let mut link = self.write().await?;
        link.begin().await?;
        Ok(link)
    }
}

/// Makes the file, brings its tables up to date, and gives back what was borrowed in it: there is one process, so
/// whoever borrowed it is gone.
fn prepare(writer: &Pool) -> std::result::Result<(), String> {
    let said = |cause: rusqlite::Error| cause.to_string();
    make_private(&writer.path).map_err(|cause| cause.to_string())?;
    let mut connection = writer.open().map_err(said)?;
    connection.busy_timeout(BUSY).map_err(said)?;
    migrations::bring_up_to_date(&mut connection)?;
    // What is borrowed has its moment, and an index; watches are a handful.
    for give_back in [
        "UPDATE attempt SET leased_until = NULL WHERE next_check_at IS NOT NULL AND leased_until IS NOT NULL",
        "UPDATE operation SET leased_until = NULL WHERE next_check_at IS NOT NULL AND leased_until IS NOT NULL",
        "UPDATE errand SET leased_until = NULL WHERE next_check_at IS NOT NULL AND leased_until IS NOT NULL",
        "UPDATE outbox SET leased_until = NULL WHERE next_try_at IS NOT NULL AND leased_until IS NOT NULL",
        "UPDATE watch SET leased_until = NULL WHERE leased_until IS NOT NULL",
    ] {
        connection.execute(give_back, ()).map_err(said)?;
    }
    connection.busy_timeout(Duration::ZERO).map_err(said)?;
    writer.add(connection);
    Ok(())
}

/// The one value that a query gives.
fn one<T: rusqlite::types::FromSql>(link: &Link, sql: &str) -> Done<T> {
    link.connection()?
        .query_row(sql, (), |row| row.get(0))
        .map_err(fault)
}

/// A connection out of the pool.
pub(in crate::store) struct Link {
    pool: Arc<Pool>,
    /// There until a commit takes it.
    lent: Option<Lent>,
    is_begun: bool,
}

/// What of a transaction is one caller's.
const SAVE: &str = "SAVEPOINT one";
const KEEP: &str = "RELEASE one";
const UNDO: &str = "ROLLBACK TO one";

impl Link {
    fn over(lent: Lent) -> Self {
        Self {
            pool: Arc::clone(&lent.pool),
            lent: Some(lent),
            is_begun: false,
        }
    }

    fn connection(&self) -> Done<&Connection> {
        self.lent
            .as_ref()
            .and_then(|lent| lent.connection.as_ref())
            .ok_or_else(gone)
    }

    /// For queries of one and the same moment.
    async fn begin_snapshot(&mut self) -> Done<()> {
        self.patiently(|connection| run(connection, "BEGIN")).await
    }

    /// With the write lock, which may be in hand already for whoever is not on disk yet.
    async fn begin(&mut self) -> Done<()> {
        if self.lent.is_none() {
            self.lent = Some(self.pool.lend().await?);
        }
        self.patiently(|connection| {
            if connection.is_autocommit() {
                run(connection, "BEGIN IMMEDIATE")?;
            }
            run(connection, SAVE)
        })
        .await?;
        self.is_begun = true;
        Ok(())
    }

    pub async fn commit(mut self) -> Done<()> {
        self.write_to_disk().await
    }

    pub async fn leave(mut self) -> Done<()> {
        self.step_back().await
    }

    /// Undoes what was done here, and waits until everything that could be seen is on disk.
    async fn step_back(&mut self) -> Done<()> {
        if self.is_begun {
            self.undo();
        }
        let lent = self.lent.take().ok_or_else(gone)?;
        self.pool.wait_for_disk(lent).await
    }

    async fn write_to_disk(&mut self) -> Done<()> {
        run(self.connection()?, KEEP).map_err(fault)?;
        self.is_begun = false;
        let lent = self.lent.take().ok_or_else(gone)?;
        self.pool.put_on_disk(lent).await
    }

    pub async fn execute(&mut self, sql: &'static str, values: &[Value<'_>]) -> Done<u64> {
        self.whole(sql, |connection, sql| {
            let mut statement = bound(connection, sql, values)?;
            statement.raw_execute()
        })
        .await
        .map(|rows| rows as u64)
    }

    pub async fn fetch_all(
        &mut self,
        sql: &'static str,
        values: &[Value<'_>],
    ) -> Done<Vec<SqliteRow>> {
        self.whole(sql, |connection, sql| {
            let mut statement = bound(connection, sql, values)?;
            let names = statement.column_names().into_iter();
            let names: Arc<[Box<str>]> = names.map(Box::from).collect();
            let mut found = Vec::new();
            let mut rows = statement.raw_query();
            while let Some(row) = rows.next()? {
                let cells: rusqlite::Result<Vec<Cell>> = (0..names.len())
                    .map(|place| Cell::try_from(row.get_ref(place)?).map_err(Into::into))
                    .collect();
                found.push(SqliteRow::new(Arc::clone(&names), cells?));
            }
            Ok(found)
        })
        .await
    }

    /// Runs a statement; one that writes outside of a transaction is a commit of its own.
    async fn whole<T>(
        &mut self,
        sql: &'static str,
        run: impl Fn(&Connection, &str) -> rusqlite::Result<T>,
    ) -> Done<T> {
        let text = super::fill_in(sql, WORDS);
        let began = Instant::now();
        let by_itself = self.pool.access == Access::ReadWrite && !self.is_begun;
        if by_itself {
            self.begin().await?;
        }
        let done = self.patiently(|connection| run(connection, &text)).await;
        let took = began.elapsed();
        if took > SLOW {
            tracing::warn!("a statement took {took:?}: {sql}");
        }
        if by_itself {
            match done {
                Ok(_) => self.write_to_disk().await?,
                Err(_) => self.step_back().await?,
            }
        }
        done
    }

    /// What others have done in the same transaction stays.
    fn undo(&mut self) {
        self.is_begun = false;
        let Ok(connection) = self.connection() else {
            return;
        };
        let undone = run(connection, UNDO).and_then(|()| run(connection, KEEP));
        if undone.is_err() && !connection.is_autocommit() {
            let _ = connection.execute_batch("ROLLBACK");
        }
    }

    /// Tries again while another program has the file. No thread is held meanwhile.
    async fn patiently<T>(
        &mut self,
        mut act: impl FnMut(&Connection) -> rusqlite::Result<T>,
    ) -> Done<T> {
        let began = Instant::now();
        loop {
            match act(self.connection()?) {
                Err(cause) if is_busy(&cause) && began.elapsed() < BUSY => {}
                done => return done.map_err(fault),
            }
            tokio::time::sleep(BUSY_PAUSE).await;
        }
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        if self.is_begun {
            self.undo();
        }
    }
}

fn gone() -> Fault {
    Fault::Broken(String::from("the connection was given back"))
}

fn run(connection: &Connection, sql: &str) -> rusqlite::Result<()> {
    connection.prepare_cached(sql)?.raw_execute().map(drop)
}

/// A statement with its parameters. SQLite knows `$1` by its name and not by its number.
fn bound<'c>(
    connection: &'c Connection,
    sql: &str,
    values: &[Value<'_>],
) -> rusqlite::Result<CachedStatement<'c>> {
    let mut statement = connection.prepare_cached(sql)?;
    let count = statement.parameter_count();
    for place in 1..=count {
        let number = statement.parameter_name(place).and_then(number);
        let value = number.and_then(|number| values.get(number.checked_sub(1)?));
        let value = value.ok_or(rusqlite::Error::InvalidParameterCount(count, values.len()))?;
        statement.raw_bind_parameter(place, value)?;
    }
    Ok(statement)
}

fn number(name: &str) -> Option<usize> {
    name.strip_prefix('$')?.parse().ok()
}

impl ToSql for Value<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match *self {
            Self::Text(Some(text)) => ValueRef::Text(text.as_bytes()),
            Self::Whole(Some(whole)) => ValueRef::Integer(whole),
            Self::Flag(flag) => ValueRef::Integer(i64::from(flag)),
            Self::Bytes(Some(bytes)) => ValueRef::Blob(bytes),
            Self::Text(None) | Self::Whole(None) | Self::Bytes(None) => ValueRef::Null,
        }))
    }
}

fn is_busy(cause: &rusqlite::Error) -> bool {
    matches!(
        cause.sqlite_error_code(),
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked)
    )
}

fn fault(cause: rusqlite::Error) -> Fault {
    let said = cause.to_string();
    match cause.sqlite_error() {
        Some(error) if is_taken(error.extended_code) => Fault::Taken(said),
        // The file cannot be had or written now.
        Some(error) => match error.code {
            ErrorCode::DatabaseBusy
            | ErrorCode::DatabaseLocked
            | ErrorCode::SystemIoFailure
            | ErrorCode::DiskFull
            | ErrorCode::CannotOpen => Fault::Away(said),
            _ => Fault::Broken(said),
        },
        None => Fault::Broken(said),
    }
}

const fn is_taken(extended_code: i32) -> bool {
    matches!(
        extended_code,
        ffi::SQLITE_CONSTRAINT_UNIQUE | ffi::SQLITE_CONSTRAINT_PRIMARYKEY
    )
}

/// Makes a new file readable by its owner only; the engine gives its other files the same rights.
fn make_private(path: &Path) -> std::io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::scratch::Scratch;

    const ADD: &str = "INSERT INTO watch (name, due_at) VALUES ($1, 0)";

    async fn add(link: &mut Link, name: &str) -> Done<u64> {
        link.execute(ADD, &[Value::from(name)]).await
    }

    async fn names(sqlite: &Sqlite) -> Vec<String> {
        let mut link = sqlite.read().await.unwrap();
        let rows = link.fetch_all("SELECT name FROM watch ORDER BY name", &[]);
        let rows = rows
            .await
            .unwrap()
            .into_iter()
            .map(super::super::Row::Sqlite);
        rows.map(|row| row.text("name").unwrap()).collect()
    }

    /// How many commits are in the log beside the file: the frames that end one
    /// (<https://sqlite.org/fileformat2.html#walformat>).
    fn commits(scratch: &Scratch) -> usize {
        let log = std::fs::read(scratch.file("store.db-wal")).unwrap();
        let frames = log[32..].chunks_exact(24 + 4096);
        frames.filter(|frame| frame[4..8] != [0; 4]).count()
    }

    async fn opened(scratch: &Scratch) -> Arc<Sqlite> {
        let path = scratch.file("store.db");
        Arc::new(Sqlite::open(&path).await.unwrap())
    }

    /// Does something beside everything else.
    fn meanwhile<T, F>(
        sqlite: &Arc<Sqlite>,
        work: impl FnOnce(Arc<Sqlite>) -> F,
    ) -> tokio::task::JoinHandle<T>
    where
        T: Send + 'static,
        F: Future<Output = T> + Send + 'static,
    {
        tokio::spawn(work(Arc::clone(sqlite)))
    }

    #[tokio::test]
    async fn whoever_queues_for_the_disk_is_put_there_together() {
        let scratch = Scratch::new();
        let sqlite = opened(&scratch).await;
        let mut first = sqlite.begin().await.unwrap();
        add(&mut first, "first").await.unwrap();
        let others: Vec<_> = (0..20)
            .map(|number| {
                meanwhile(&sqlite, |sqlite| async move {
                    let mut link = sqlite.begin().await.unwrap();
                    add(&mut link, &format!("other-{number}")).await.unwrap();
                    link.commit().await.unwrap();
                    // Whoever is answered is seen by everybody.
                    assert!(names(&sqlite).await.contains(&format!("other-{number}")));
                })
            })
            .collect();
        tokio::task::yield_now().await;
        let before = commits(&scratch);
        first.commit().await.unwrap();
        for other in others {
            other.await.unwrap();
        }
        assert_eq!(names(&sqlite).await.len(), 21);
        assert_eq!(commits(&scratch), before + 1);
    }

    #[tokio::test]
    async fn one_who_fails_or_leaves_takes_nobody_along() {
        let scratch = Scratch::new();
        let sqlite = opened(&scratch).await;
        let mut first = sqlite.begin().await.unwrap();
        add(&mut first, "kept").await.unwrap();
        let again = meanwhile(&sqlite, |sqlite| async move {
            let mut link = sqlite.begin().await.unwrap();
            add(&mut link, "undone").await.unwrap();
            let taken = add(&mut link, "kept").await;
            assert!(matches!(taken, Err(Fault::Taken(_))));
        });
        let alone = meanwhile(&sqlite, |sqlite| async move {
            let mut link = sqlite.write().await.unwrap();
            assert!(matches!(add(&mut link, "kept").await, Err(Fault::Taken(_))));
            assert_eq!(add(&mut link, "alone").await.unwrap(), 1);
        });
        let left = meanwhile(&sqlite, |sqlite| async move {
            let mut link = sqlite.begin().await.unwrap();
            add(&mut link, "left").await.unwrap();
        });
        tokio::task::yield_now().await;
        first.commit().await.unwrap();
        for other in [again, alone, left] {
            other.await.unwrap();
        }
        assert_eq!(names(&sqlite).await, ["alone", "kept"]);
    }

    #[tokio::test]
    async fn what_is_committed_is_on_disk_when_nobody_waits_for_it() {
        let scratch = Scratch::new();
        let sqlite = opened(&scratch).await;
        let mut link = sqlite.begin().await.unwrap();
        add(&mut link, "on its way").await.unwrap();
        let mut commit = Box::pin(link.commit());
        let once = std::future::poll_fn(|context| {
            let _ = commit.as_mut().poll(context);
            std::task::Poll::Ready(())
        });
        once.await;
        drop(commit);
        sqlite.close().await;
        assert_eq!(names(&*opened(&scratch).await).await, ["on its way"]);
        assert!(matches!(sqlite.begin().await.err(), Some(Fault::Away(_))));
    }

    #[tokio::test]
    async fn when_the_whole_transaction_is_given_up_everybody_in_it_hears_so() {
        let scratch = Scratch::new();
        let sqlite = opened(&scratch).await;
        let mut first = sqlite.begin().await.unwrap();
        add(&mut first, "first").await.unwrap();
        let breaks = meanwhile(&sqlite, |sqlite| async move {
            let mut link = sqlite.begin().await.unwrap();
            add(&mut link, "second").await.unwrap();
            link.execute("ROLLBACK", &[]).await.unwrap();
            link.commit().await
        });
        tokio::task::yield_now().await;
        assert!(matches!(first.commit().await, Err(Fault::Away(_))));
        assert!(breaks.await.unwrap().is_err());
        assert!(names(&sqlite).await.is_empty());
        let mut link = sqlite.write().await.unwrap();
        add(&mut link, "third").await.unwrap();
        assert_eq!(names(&sqlite).await, ["third"]);
    }

    #[tokio::test]
    async fn another_program_at_the_file_is_waited_for() {
        let scratch = Scratch::new();
        let sqlite = opened(&scratch).await;
        let other = Connection::open(scratch.file("store.db")).unwrap();
        other.execute_batch("BEGIN IMMEDIATE").unwrap();
        let waiting = meanwhile(&sqlite, |sqlite| async move {
            let mut link = sqlite.write().await.unwrap();
            add(&mut link, "patient").await
        });
        tokio::task::yield_now().await;
        assert!(names(&sqlite).await.is_empty());
        other.execute_batch("COMMIT").unwrap();
        assert_eq!(waiting.await.unwrap().unwrap(), 1);
    }
}
