//! SQLite: one file, one process, one writer.
//!
//! Writers queue for one connection and begin with the write lock in hand, so a transaction never
//! fails half-way for want of it, and nothing else needs a lock. Readers see the last commit. Every
//! commit is on disk before it is answered (`synchronous = FULL`).

use std::path::Path;
use std::time::Duration;

use sqlx::pool::PoolConnection;
use sqlx::query::Query;
use sqlx::sqlite::{
    SqliteArguments, SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqlitePool,
    SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{ConnectOptions as _, Transaction};

use super::{Done, Fault, Row, Value, migrations};
use crate::error::{Error, Result};

/// A SQLite database.
pub(in crate::store) struct Sqlite {
    write: SqlitePool,
    read: SqlitePool,
    read_apart: SqlitePool,
}

/// How long a caller waits for the writer's turn.
const TURN: Duration = Duration::from_secs(10);
const READERS: u32 = 4;

const WORDS: [(&str, &str); 3] = [
    ("{now}", "CAST(unixepoch('subsec') * 1000 AS INTEGER)"),
    ("{locked}", ""),
    ("{skip locked}", ""),
];

impl Sqlite {
    pub async fn open(path: &Path) -> Result<Self> {
        let named = |cause: &dyn std::fmt::Display| {
            Error::internal(format!("store {}: {cause}", path.display()))
        };
        make_private(path).map_err(|cause| named(&cause))?;
        let options = SqliteConnectOptions::new()
            .filename(path)
            .busy_timeout(Duration::from_secs(5))
            .foreign_keys(true)
            .log_statements(super::STATEMENTS_LOGGED);
        let write = SqlitePoolOptions::new()
            .max_connections(1)
            .min_connections(1)
            .acquire_timeout(TURN)
            .idle_timeout(None)
            .max_lifetime(None)
            .connect_with(
                options
                    .clone()
                    .journal_mode(SqliteJournalMode::Wal)
                    .synchronous(SqliteSynchronous::Full),
            )
            .await
            .map_err(|cause| named(&cause))?;
        migrations::SQLITE
            .run(&write)
            .await
            .map_err(|cause| named(&cause))?;
        // There is one process, so whoever borrowed these is gone. What is borrowed has its moment, and an
        // index; watches are a handful.
        for give_back in [
            "UPDATE attempt SET leased_until = NULL WHERE next_check_at IS NOT NULL AND leased_until IS NOT NULL",
            "UPDATE operation SET leased_until = NULL WHERE next_check_at IS NOT NULL AND leased_until IS NOT NULL",
            "UPDATE errand SET leased_until = NULL WHERE next_check_at IS NOT NULL AND leased_until IS NOT NULL",
            "UPDATE outbox SET leased_until = NULL WHERE next_try_at IS NOT NULL AND leased_until IS NOT NULL",
            "UPDATE watch SET leased_until = NULL WHERE leased_until IS NOT NULL",
        ] {
            sqlx::query(give_back)
                .execute(&write)
                .await
                .map_err(|cause| named(&cause))?;
        }
        let options = options.read_only(true);
        let readers = |count| {
            SqlitePoolOptions::new()
                .max_connections(count)
                .acquire_timeout(TURN)
                .idle_timeout(None)
                .max_lifetime(None)
                .connect_with(options.clone())
        };
        Ok(Self {
            read: readers(READERS).await.map_err(|cause| named(&cause))?,
            read_apart: readers(1).await.map_err(|cause| named(&cause))?,
            write,
        })
    }

    pub async fn close(&self) {
        self.read.close().await;
        self.read_apart.close().await;
        self.write.close().await;
    }

    pub async fn ready(&self) -> Result<()> {
        let expected = migrations::SQLITE
            .iter()
            .map(|migration| migration.version)
            .max();
        let found: Option<i64> =
            sqlx::query_scalar("SELECT MAX(version) FROM _sqlx_migrations WHERE success")
                .fetch_one(&self.read)
                .await
                .map_err(fault)?;
        if found != expected {
            return Err(Error::internal(format!(
                "the store's tables are at version {found:?}, expected {expected:?}"
            )));
        }
        let mut writer = self.write().await?;
        let journal: String = sqlx::query_scalar("PRAGMA journal_mode")
            .fetch_one(&mut *writer)
            .await
            .map_err(fault)?;
        let synchronous: i64 = sqlx::query_scalar("PRAGMA synchronous")
            .fetch_one(&mut *writer)
            .await
            .map_err(fault)?;
        if journal != "wal" || synchronous < 2 {
            return Err(Error::internal(format!(
                "commits are not durable: journal_mode {journal}, synchronous {synchronous}"
            )));
        }
        Ok(())
    }

    pub async fn read(&self) -> Done<PoolConnection<sqlx::Sqlite>> {
        self.read.acquire().await.map_err(fault)
    }

    pub async fn read_apart(&self) -> Done<PoolConnection<sqlx::Sqlite>> {
        self.read_apart.acquire().await.map_err(fault)
    }

    /// What the first query sees is what all of them see.
    pub async fn snapshot(&self) -> Done<Transaction<'static, sqlx::Sqlite>> {
        self.read.begin().await.map_err(fault)
    }

    pub async fn write(&self) -> Done<PoolConnection<sqlx::Sqlite>> {
        self.write.acquire().await.map_err(fault)
    }

    pub async fn begin(&self) -> Done<Transaction<'static, sqlx::Sqlite>> {
        self.write
            .begin_with("BEGIN IMMEDIATE")
            .await
            .map_err(fault)
    }
}

pub(super) async fn execute(
    connection: &mut SqliteConnection,
    sql: &'static str,
    values: &[Value<'_>],
) -> Done<u64> {
    let done = query(sql, values)
        .execute(connection)
        .await
        .map_err(fault)?;
    Ok(done.rows_affected())
}

pub(super) async fn fetch_all(
    connection: &mut SqliteConnection,
    sql: &'static str,
    values: &[Value<'_>],
) -> Done<Vec<Row>> {
    let rows = query(sql, values)
        .fetch_all(connection)
        .await
        .map_err(fault)?;
    Ok(rows.into_iter().map(Row::Sqlite).collect())
}

pub(super) async fn commit(transaction: Transaction<'static, sqlx::Sqlite>) -> Done<()> {
    transaction.commit().await.map_err(fault)
}

fn query<'q>(sql: &'static str, values: &[Value<'_>]) -> Query<'q, sqlx::Sqlite, SqliteArguments> {
    let mut query = sqlx::query(super::fill_in(sql, WORDS));
    for value in values {
        query = match *value {
            Value::Text(text) => query.bind(text),
            Value::Whole(whole) => query.bind(whole),
            Value::Flag(flag) => query.bind(flag),
            Value::Bytes(bytes) => query.bind(bytes),
        };
    }
    query
}

fn fault(cause: sqlx::Error) -> Fault {
    // SQLITE_BUSY, _LOCKED, _IOERR, _FULL and _CANTOPEN: the file cannot be had or written now.
    const AWAY: [i64; 5] = [5, 6, 10, 13, 14];
    let said = cause.to_string();
    match &cause {
        sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed | sqlx::Error::Io(_) => {
            Fault::Away(said)
        }
        sqlx::Error::Database(database) if database.is_unique_violation() => Fault::Taken(said),
        sqlx::Error::Database(database) => {
            let code: Option<i64> = database.code().and_then(|code| code.parse().ok());
            // The low byte is the code, the rest says more of it.
            if code.is_some_and(|code| AWAY.contains(&(code & 0xff))) {
                Fault::Away(said)
            } else {
                Fault::Broken(said)
            }
        }
        _ => Fault::Broken(said),
    }
}

/// Makes a new file readable by its owner only; the engine gives its other files the same rights.
fn make_private(path: &Path) -> std::io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map(drop)
}
