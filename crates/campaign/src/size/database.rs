//! The store's database, beside the proxy: SQLite or PostgreSQL, asked in SQL text.

use std::path::PathBuf;

use sqlx::{AssertSqlSafe, Connection as _, PgConnection, Row as _};

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
    Sqlite(rusqlite::Connection, PathBuf),
    Postgres(PgConnection),
}

const SETTINGS: &str =
    "PRAGMA foreign_keys = ON; PRAGMA synchronous = OFF; PRAGMA cache_size = -524288;";

impl Connection {
    /// Durable it is not: who loses power while filling a store for a benchmark fills it again.
    pub async fn open(store: &StoreAt) -> Result<Self> {
        let what = "open the store";
        match store {
            StoreAt::Sqlite(path) => {
                let connection = rusqlite::Connection::open(path).tried(what)?;
                connection.execute_batch(SETTINGS).tried(what)?;
                Ok(Self::Sqlite(connection, path.clone()))
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
        let what = format_args!("run {sql}");
        match self {
            Self::Sqlite(connection, _) => connection.execute_batch(sql).tried(what),
            Self::Postgres(connection) => sqlx::raw_sql(AssertSqlSafe(sql.to_owned()))
                .execute(connection)
                .await
                .map(drop)
                .tried(what),
        }
    }

    /// The column `name` of every row, as text.
    pub async fn texts(&mut self, sql: &str, name: &str) -> Result<Vec<String>> {
        let what = format_args!("run {sql}");
        match self {
            Self::Sqlite(connection, _) => {
                let mut statement = connection.prepare(sql).tried(what)?;
                // Of a statement with parameters the plan is asked, and they are nothing.
                let texts = statement.raw_query().mapped(|row| row.get(name));
                texts.collect::<rusqlite::Result<_>>().tried(what)
            }
            // A plan is of the type json, which in this protocol is text as well.
            Self::Postgres(connection) => sqlx::raw_sql(AssertSqlSafe(sql.to_owned()))
                .fetch_all(connection)
                .await
                .and_then(|rows| rows.iter().map(|row| row.try_get_unchecked(name)).collect())
                .tried(what),
        }
    }

    /// The one number of a query that gives one.
    pub async fn count(&mut self, sql: &str) -> Result<u64> {
        let what = format_args!("run {sql}");
        let number: i64 = match self {
            Self::Sqlite(connection, _) => connection
                .query_row(sql, (), |row| row.get(0))
                .tried(what)?,
            Self::Postgres(connection) => sqlx::query_scalar(AssertSqlSafe(sql.to_owned()))
                .fetch_one(connection)
                .await
                .tried(what)?,
        };
        u64::try_from(number).tried(what)
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
        let what = "close the store";
        match self {
            Self::Sqlite(connection, _) => {
                connection.close().map_err(|(_, cause)| cause).tried(what)
            }
            Self::Postgres(connection) => connection.close().await.tried(what),
        }
    }
}
