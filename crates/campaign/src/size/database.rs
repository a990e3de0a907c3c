//! The store's database, beside the proxy: SQLite or PostgreSQL, asked in SQL text.

use std::path::PathBuf;

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteSynchronous};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, PgConnection, Row as _};

use crate::failure::{Result, Tried as _};
use crate::harness::proxy::StoreAt;

/// How often each table was read from end to end.
pub(super) type Scans = Vec<(String, u64)>;

/// The tables that grow with every payment.
pub(super) const TABLES: [&str; 6] = [
    "session",
    "attempt",
    "operation",
    "event",
    "outbox",
    "saved_card",
];

/// A connection. All SQL is of this program, or of the proxy's sources; names and numbers are all that
/// is ever put into it.
pub(super) enum Connection {
    Sqlite(SqliteConnection, PathBuf),
    Postgres(PgConnection),
}

impl Connection {
    /// Durable it is not: who loses power while filling a store for a benchmark fills it again.
    pub async fn open(store: &StoreAt) -> Result<Self> {
        let what = "open the store";
        match store {
            StoreAt::Sqlite(path) => {
                let options = SqliteConnectOptions::new()
                    .filename(path)
                    .foreign_keys(true)
                    .synchronous(SqliteSynchronous::Off)
                    .pragma("cache_size", "-524288");
                Ok(Self::Sqlite(
                    options.connect().await.tried(what)?,
                    path.clone(),
                ))
            }
            StoreAt::Postgres(url) => {
                let mut connection = PgConnection::connect(url).await.tried(what)?;
                sqlx::raw_sql("SET synchronous_commit = off")
                    .execute(&mut connection)
                    .await
                    .tried(what)?;
                Ok(Self::Postgres(connection))
            }
        }
    }

    pub const fn is_postgres(&self) -> bool {
        matches!(self, Self::Postgres(_))
    }

    /// Runs statements.
    pub async fn run(&mut self, sql: &str) -> Result<()> {
        let text = AssertSqlSafe(sql.to_owned());
        let ran = match self {
            Self::Sqlite(connection, _) => sqlx::raw_sql(text).execute(connection).await.map(drop),
            Self::Postgres(connection) => sqlx::raw_sql(text).execute(connection).await.map(drop),
        };
        ran.tried(format_args!("run {sql}"))
    }

    /// The column `name` of every row, as text.
    pub async fn texts(&mut self, sql: &str, name: &str) -> Result<Vec<String>> {
        let text = AssertSqlSafe(sql.to_owned());
        let texts: sqlx::Result<Vec<String>> = match self {
            Self::Sqlite(connection, _) => sqlx::raw_sql(text)
                .fetch_all(connection)
                .await
                .and_then(|rows| rows.iter().map(|row| row.try_get(name)).collect()),
            // A plan is of the type json, which in this protocol is text as well.
            Self::Postgres(connection) => sqlx::raw_sql(text)
                .fetch_all(connection)
                .await
                .and_then(|rows| rows.iter().map(|row| row.try_get_unchecked(name)).collect()),
        };
        texts.tried(format_args!("run {sql}"))
    }

    /// The one number of a query that gives one.
    pub async fn count(&mut self, sql: &str) -> Result<u64> {
        let text = AssertSqlSafe(sql.to_owned());
        let number: sqlx::Result<i64> = match self {
            Self::Sqlite(connection, _) => sqlx::query_scalar(text).fetch_one(connection).await,
            Self::Postgres(connection) => sqlx::query_scalar(text).fetch_one(connection).await,
        };
        let number = number.tried(format_args!("run {sql}"))?;
        u64::try_from(number).tried(format_args!("run {sql}"))
    }

    /// The columns of a table that are given when a row is written.
    pub async fn columns(&mut self, table: &str) -> Result<Vec<String>> {
        let sql = match self {
            // `INTEGER PRIMARY KEY` is given by SQLite itself.
            Self::Sqlite(..) => format!(
                "SELECT name FROM pragma_table_info('{table}') WHERE NOT (pk = 1 AND type = 'INTEGER') ORDER BY cid"
            ),
            Self::Postgres(_) => format!(
                "SELECT column_name AS name FROM information_schema.columns
                 WHERE table_schema = current_schema() AND table_name = '{table}' AND is_identity = 'NO'
                 ORDER BY ordinal_position"
            ),
        };
        self.texts(&sql, "name").await
    }

    /// Leaves the store as one in service is left by its own housekeeping.
    pub async fn settle(&mut self) -> Result<()> {
        match self {
            Self::Sqlite(..) => self.run("PRAGMA wal_checkpoint(TRUNCATE)").await,
            Self::Postgres(_) => {
                self.run("VACUUM (ANALYZE)").await?;
                self.run("CHECKPOINT").await
            }
        }
    }

    pub async fn version(&mut self) -> Result<String> {
        let sql = match self {
            Self::Sqlite(..) => "SELECT sqlite_version() AS version",
            Self::Postgres(_) => {
                "SELECT split_part(current_setting('server_version'), ' ', 1) AS version"
            }
        };
        Ok(self.texts(sql, "version").await?.concat())
    }

    pub async fn bytes_on_disk(&mut self) -> Result<u64> {
        if let Self::Sqlite(_, path) = self {
            let journal = path.with_extension("db-wal");
            let size = |path: &PathBuf| std::fs::metadata(path).map_or(0, |file| file.len());
            return Ok(size(path) + size(&journal));
        }
        self.count("SELECT pg_database_size(current_database())")
            .await
    }

    /// Sets the counters behind [`Connection::scans`] to zero.
    pub async fn forget_scans(&mut self) -> Result<()> {
        match self {
            Self::Sqlite(..) => Ok(()),
            Self::Postgres(_) => self.run("SELECT pg_stat_reset()").await,
        }
    }

    /// How often each growing table was read from end to end since; SQLite does not count.
    pub async fn scans(&mut self) -> Result<Option<Scans>> {
        if !self.is_postgres() {
            return Ok(None);
        }
        let mut scans = Vec::new();
        for table in TABLES {
            let sql = format!(
                "SELECT COALESCE(SUM(seq_scan), 0)::BIGINT FROM pg_stat_user_tables WHERE relname = '{table}'"
            );
            scans.push((table.to_owned(), self.count(&sql).await?));
        }
        Ok(Some(scans))
    }

    pub async fn close(self) -> Result<()> {
        let closed = match self {
            Self::Sqlite(connection, _) => connection.close().await,
            Self::Postgres(connection) => connection.close().await,
        };
        closed.tried("close the store")
    }
}
