//! PostgreSQL: many processes, many connections.
//!
//! Every transaction that writes is READ COMMITTED and begins by taking the row of the session that it is about, so
//! that changes of one session queue. Guarded updates and unique indexes have the last word all the
//! same.
//!
//! Nothing is waited for long: not for a connection, not for a statement, not for a lock. A connection
//! that did not answer is never used again.

use std::borrow::Cow;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgArguments, PgConnectOptions, PgConnection, PgPool, PgPoolOptions, PgRow};
use sqlx::query::Query;
use sqlx::{
    AssertSqlSafe, ConnectOptions as _, Connection as _, Row as _, SqlSafeStr as _, SqlStr,
};

use super::{Done, Fault, Value, migrations};
use crate::clock;
use crate::error::{Error, Result};

/// A PostgreSQL database.
pub(in crate::store) struct Postgres {
    pool: PgPool,
    apart: PgPool,
}

/// Connections of one process, beside the sweeper's own.
const CONNECTIONS: u32 = 16;
/// How long a caller waits for a connection, the time to open one included.
const CONNECT_LIMIT: Duration = Duration::from_secs(2);
/// A statement that has not answered after this has lost its connection. Longer than what the server
/// gives it itself.
const STATEMENT_LIMIT: Duration = Duration::from_secs(7);
/// How long the server takes to tidy up a transaction that nobody wants any more.
const ROLLBACK_LIMIT: Duration = Duration::from_secs(2);
/// How long bringing the tables up to date may take, the wait for another process that does so included.
const MIGRATION_LIMIT: Duration = Duration::from_secs(120);
/// The server's own limits, in milliseconds.
const SERVER_LIMITS: [(&str, &str); 3] = [
    ("statement_timeout", "5000"),
    ("lock_timeout", "3000"),
    ("idle_in_transaction_session_timeout", "10000"),
];
/// Oldest release that is supported, as `server_version_num` has it.
const OLDEST: i64 = 130_000;
/// How far this machine's clock may be from the database's.
const SKEW_LIMIT: Duration = Duration::from_secs(2);

/// A cached plan must not change what it gives (feature not supported).
const OUTDATED: &str = "0A000";

/// A statement is not worth a line of its own at any level: a payment takes a hundred, and the lines cost more than
/// they do. One that takes more than a second is told of as a warning.
const STATEMENTS_LOGGED: log::LevelFilter = log::LevelFilter::Off;

const WORDS: [(&str, &str); 3] = [
    (
        "{now}",
        "CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT)",
    ),
    ("{locked}", "FOR UPDATE"),
    ("{skip locked}", "FOR UPDATE SKIP LOCKED"),
];

impl Postgres {
    pub async fn open(url: &SecretString) -> Result<Self> {
        // EXPOSE: read into the options of a connection; what is wrong with it is never repeated.
        let options: PgConnectOptions = url.expose_secret().parse().map_err(|_| {
            Error::internal(
                "expected a URL such as postgres://user:password@host:5432/database?sslmode=verify-full",
            )
        })?;
        let options = options
            .application_name("ventanilla")
            .log_statements(STATEMENTS_LOGGED);
        migrate(&options).await?;
        let options = options.options(SERVER_LIMITS);
        let pool = |connections| {
            PgPoolOptions::new()
                .max_connections(connections)
                .acquire_timeout(CONNECT_LIMIT)
                .connect_lazy_with(options.clone())
        };
        Ok(Self {
            pool: pool(CONNECTIONS),
            apart: pool(1),
        })
    }

    pub async fn close(&self) {
        self.pool.close().await;
        self.apart.close().await;
    }

    pub async fn ready(&self) -> Result<()> {
        let expected = migrations::POSTGRES
            .iter()
            .map(|migration| migration.version)
            .max();
        let mut link = self.connect().await?;
        let found: Option<i64> = link
            .run(async |connection| {
                sqlx::query_scalar("SELECT MAX(version) FROM _sqlx_migrations WHERE success")
                    .fetch_one(connection)
                    .await
            })
            .await?;
        if found != expected {
            return Err(Error::internal(format!(
                "the store's tables are at version {found:?}, expected {expected:?}"
            )));
        }
        let server = link.run(Server::ask).await?;
        server.refuse_unless_durable()?;
        let here = clock::world();
        let ahead = here.since(server.now);
        let behind = server.now.since(here);
        if ahead.max(behind) > SKEW_LIMIT {
            return Err(Error::internal(format!(
                "the clock here is {:?} {} the database's; at most {SKEW_LIMIT:?} is taken",
                ahead.max(behind),
                if ahead > behind { "ahead of" } else { "behind" }
            )));
        }
        Ok(())
    }

    pub async fn connect(&self) -> Done<Link> {
        Link::out_of(&self.pool).await
    }

    pub async fn connect_apart(&self) -> Done<Link> {
        Link::out_of(&self.apart).await
    }
}

/// Brings the tables up to date, on a connection of its own that may take longer. An advisory lock lets
/// processes that start at once do it one after another.
async fn migrate(options: &PgConnectOptions) -> Result<()> {
    let work = async {
        let mut connection = options.connect().await.map_err(fault)?;
        Server::ask(&mut connection)
            .await
            .map_err(fault)?
            .refuse_unless_durable()?;
        migrations::POSTGRES
            .run_direct(None, &mut connection, false)
            .await
            .map_err(Error::internal)?;
        connection.close().await.map_err(fault)?;
        Ok(())
    };
    tokio::time::timeout(MIGRATION_LIMIT, work)
        .await
        .map_err(|_| {
            Fault::Away(format!(
                "the database did not get ready within {MIGRATION_LIMIT:?}"
            ))
        })?
}

/// What the server says of itself.
struct Server {
    version: i64,
    fsync: String,
    full_page_writes: String,
    synchronous_commit: String,
    is_standby: bool,
    now: clock::Timestamp,
}

impl Server {
    async fn ask(connection: &mut PgConnection) -> sqlx::Result<Self> {
        let row = sqlx::query(
            "SELECT CAST(current_setting('server_version_num') AS BIGINT) AS version,
                    current_setting('fsync') AS fsync,
                    current_setting('full_page_writes') AS full_page_writes,
                    current_setting('synchronous_commit') AS synchronous_commit,
                    pg_is_in_recovery() AS is_standby,
                    CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT) AS now",
        )
        .fetch_one(connection)
        .await?;
        Ok(Self {
            version: row.try_get("version")?,
            fsync: row.try_get("fsync")?,
            full_page_writes: row.try_get("full_page_writes")?,
            synchronous_commit: row.try_get("synchronous_commit")?,
            is_standby: row.try_get("is_standby")?,
            now: clock::Timestamp::from_millis(row.try_get("now")?),
        })
    }

    /// A right to send that is used and then forgotten by its database would be used again.
    fn refuse_unless_durable(&self) -> Result<()> {
        let refuse = |problem: String| Err(Error::internal(problem));
        if self.version < OLDEST {
            return refuse(format!(
                "the database is PostgreSQL {}, expected {} or newer",
                self.version / 10_000,
                OLDEST / 10_000
            ));
        }
        if self.is_standby {
            return refuse(String::from(
                "the database is a standby and cannot be written; expected the primary",
            ));
        }
        for (setting, found) in [
            ("fsync", &self.fsync),
            ("full_page_writes", &self.full_page_writes),
        ] {
            if found != "on" {
                return refuse(format!(
                    "commits are not durable: {setting} is {found} in the database, expected on; a crash would forget what was sent"
                ));
            }
        }
        if !["on", "remote_write", "remote_apply"].contains(&self.synchronous_commit.as_str()) {
            return refuse(format!(
                "commits are not durable: synchronous_commit is {} in the database, expected on, remote_write or remote_apply; a crash would forget what was sent",
                self.synchronous_commit
            ));
        }
        Ok(())
    }
}

/// A connection out of the pool.
pub(in crate::store) struct Link {
    /// There until it is dropped.
    connection: Option<PoolConnection<sqlx::Postgres>>,
    in_transaction: bool,
    /// A statement is under way; seen when it is dropped, it was cut off.
    busy: bool,
    /// It did not answer in time.
    lost: bool,
    /// A statement failed; the server takes no other in this transaction.
    failed: bool,
}

impl Link {
    async fn out_of(pool: &PgPool) -> Done<Self> {
        Ok(Self {
            connection: Some(pool.acquire().await.map_err(fault)?),
            in_transaction: false,
            busy: false,
            lost: false,
            failed: false,
        })
    }

    pub async fn begin(&mut self) -> Done<()> {
        // Set first: cut off, it may have begun.
        self.in_transaction = true;
        self.statement("BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE")
            .await
    }

    /// What the first query sees is what all of them see.
    pub async fn begin_snapshot(&mut self) -> Done<()> {
        self.in_transaction = true;
        self.statement("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
            .await
    }

    pub async fn commit(mut self) -> Done<()> {
        // The server would answer a commit of what failed with a rollback, and without an error.
        if self.failed {
            return Err(Fault::Broken(String::from(
                "a statement of this transaction failed; nothing was committed",
            )));
        }
        self.statement("COMMIT").await?;
        self.in_transaction = false;
        Ok(())
    }

    pub async fn execute(&mut self, sql: &'static str, values: &[Value<'_>]) -> Done<u64> {
        self.run(async |connection| {
            Ok(query(sql, values)
                .execute(connection)
                .await?
                .rows_affected())
        })
        .await
    }

    pub async fn fetch_all(&mut self, sql: &'static str, values: &[Value<'_>]) -> Done<Vec<PgRow>> {
        self.run(async |connection| query(sql, values).fetch_all(connection).await)
            .await
    }

    async fn statement(&mut self, sql: &'static str) -> Done<()> {
        self.run(async |connection| sqlx::raw_sql(sql).execute(connection).await.map(drop))
            .await
    }

    async fn run<T>(
        &mut self,
        work: impl AsyncFnOnce(&mut PgConnection) -> sqlx::Result<T>,
    ) -> Done<T> {
        let Some(connection) = &mut self.connection else {
            return Err(Fault::Broken(String::from("the connection was given back")));
        };
        self.busy = true;
        let answer = tokio::time::timeout(STATEMENT_LIMIT, work(connection)).await;
        self.busy = false;
        match answer {
            Ok(Ok(done)) => Ok(done),
            Ok(Err(cause)) => {
                self.failed = true;
                self.lost = is_outdated(&cause);
                Err(fault(cause))
            }
            Err(_) => {
                self.failed = true;
                self.lost = true;
                Err(Fault::Away(format!(
                    "the database did not answer within {STATEMENT_LIMIT:?}"
                )))
            }
        }
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        let Some(mut connection) = self.connection.take() else {
            return;
        };
        if self.lost {
            connection.close_on_drop();
        } else if self.in_transaction || self.busy {
            let Ok(runtime) = tokio::runtime::Handle::try_current() else {
                // Closed, the server rolls back by itself.
                drop(connection.detach());
                return;
            };
            runtime.spawn(async move {
                // Without a transaction this is a warning in the server's log, and no error.
                let rollback = sqlx::raw_sql("ROLLBACK").execute(&mut *connection);
                let done = tokio::time::timeout(ROLLBACK_LIMIT, rollback).await;
                if !matches!(done, Ok(Ok(_))) {
                    connection.close_on_drop();
                }
            });
        }
    }
}

fn query<'q>(sql: &'static str, values: &[Value<'_>]) -> Query<'q, sqlx::Postgres, PgArguments> {
    let mut query = sqlx::query(match super::fill_in(sql, WORDS) {
        Cow::Borrowed(text) => SqlStr::from_static(text),
        // Both what was replaced and what replaced it stand in this program.
        Cow::Owned(text) => AssertSqlSafe(text).into_sql_str(),
    });
    for value in values {
        query = match *value {
            Value::Text(text) => query.bind(text.map(storable)),
            Value::Whole(whole) => query.bind(whole),
            Value::Flag(flag) => query.bind(flag),
            Value::Bytes(bytes) => query.bind(bytes),
        };
    }
    query
}

/// PostgreSQL has no text with the character zero. A provider that sends one must not keep an outcome
/// from being written.
fn storable(text: &str) -> Cow<'_, str> {
    if text.contains('\0') {
        Cow::Owned(text.replace('\0', "\u{fffd}"))
    } else {
        Cow::Borrowed(text)
    }
}

fn fault(cause: sqlx::Error) -> Fault {
    let said = cause.to_string();
    match &cause {
        sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::Protocol(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed => Fault::Away(said),
        sqlx::Error::Database(database) => match database.code().as_deref() {
            Some("23505") => Fault::Taken(said),
            Some(code) if is_away(code) => Fault::Away(said),
            _ => Fault::Broken(said),
        },
        _ => Fault::Broken(said),
    }
}

/// Whether this connection remembers tables that have changed: a newer release has brought them up to date.
/// A new one does not.
fn is_outdated(cause: &sqlx::Error) -> bool {
    cause
        .as_database_error()
        .and_then(sqlx::error::DatabaseError::code)
        .is_some_and(|code| code == OUTDATED)
}

/// Whether an SQLSTATE says that the database cannot be reached or written now, and not that the
/// statement is wrong.
fn is_away(code: &str) -> bool {
    // Connection, resources, operator, the system below: whole classes.
    const CLASSES: [&str; 4] = ["08", "53", "57", "58"];
    // Serialization failure, deadlock, lock not had in time, a transaction left idle, a standby.
    const CODES: [&str; 6] = ["40001", "40P01", "55P03", "25P03", "25006", OUTDATED];
    CLASSES.iter().any(|class| code.starts_with(class)) || CODES.contains(&code)
}
