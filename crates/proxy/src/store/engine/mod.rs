//! Two databases behind one way to speak to them.
//!
//! A statement is written once. `$1` is a parameter in both; what differs in a statement's text stands
//! in braces and is the engine's to fill in:
//!
//! | word | |
//! |---|---|
//! | `{now}` | the database's own clock, in milliseconds since the epoch: the one that every process on it shares |
//! | `{locked}` | at the end of a query: its rows are this transaction's until it ends |
//! | `{skip locked}` | the same, and rows that are somebody else's are left out |
//!
//! Everything else that differs is in `sqlite` and `postgres`: how a connection is made and kept, how a
//! transaction begins, which errors mean that the database is away.

mod migrations;
mod postgres;
mod row;
mod sqlite;

use std::borrow::Cow;
use std::path::Path;
use std::time::Duration;

use secrecy::SecretString;
use ventanilla_core::money::Money;
use ventanilla_core::problem::ProblemCode;

use crate::clock::Timestamp;
use crate::error::{Error, Result};

pub(super) use row::Row;

/// A database with the tables of this release.
pub(super) enum Engine {
    Sqlite(sqlite::Sqlite),
    Postgres(postgres::Postgres),
}

/// When it is worth trying again while the database is away.
const RETRY_AFTER_SECS: u32 = 2;

impl Engine {
    pub async fn open_sqlite(path: &Path) -> Result<Self> {
        Ok(Self::Sqlite(sqlite::Sqlite::open(path).await?))
    }

    pub async fn open_postgres(url: &SecretString) -> Result<Self> {
        Ok(Self::Postgres(postgres::Postgres::open(url).await?))
    }

    /// Whether other processes may work on the same database.
    pub const fn is_shared(&self) -> bool {
        matches!(self, Self::Postgres(_))
    }

    pub async fn close(&self) {
        match self {
            Self::Sqlite(sqlite) => sqlite.close().await,
            Self::Postgres(postgres) => postgres.close().await,
        }
    }

    pub async fn ready(&self) -> Result<()> {
        match self {
            Self::Sqlite(sqlite) => sqlite.ready().await,
            Self::Postgres(postgres) => postgres.ready().await,
        }
    }

    /// For queries.
    pub async fn read(&self) -> Result<Connection> {
        super::outage::check()?;
        Ok(Connection(match self {
            Self::Sqlite(sqlite) => Link::Sqlite(sqlite.read().await?),
            Self::Postgres(postgres) => Link::Postgres(postgres.connect().await?),
        }))
    }

    /// For queries of the sweeper, which do not queue behind everybody's: else many buyers would keep
    /// each other from learning what became of their payments.
    pub async fn read_apart(&self) -> Result<Connection> {
        super::outage::check()?;
        Ok(Connection(match self {
            Self::Sqlite(sqlite) => Link::Sqlite(sqlite.read_apart().await?),
            Self::Postgres(postgres) => Link::Postgres(postgres.connect_apart().await?),
        }))
    }

    /// As [`Engine::write`], for the sweeper. Where there is one writer, it queues like everybody.
    pub async fn write_apart(&self) -> Result<Connection> {
        super::outage::check()?;
        Ok(Connection(match self {
            Self::Sqlite(sqlite) => Link::Sqlite(sqlite.write().await?),
            Self::Postgres(postgres) => Link::Postgres(postgres.connect_apart().await?),
        }))
    }

    /// For queries that must see one and the same moment.
    pub async fn snapshot(&self) -> Result<Connection> {
        super::outage::check()?;
        Ok(Connection(match self {
            Self::Sqlite(sqlite) => Link::Sqlite(sqlite.snapshot().await?),
            Self::Postgres(postgres) => {
                let mut link = postgres.connect().await?;
                link.begin_snapshot().await?;
                Link::Postgres(link)
            }
        }))
    }

    /// For statements that are whole by themselves; each is a commit.
    pub async fn write(&self) -> Result<Connection> {
        super::outage::check()?;
        Ok(Connection(match self {
            Self::Sqlite(sqlite) => Link::Sqlite(sqlite.write().await?),
            Self::Postgres(postgres) => Link::Postgres(postgres.connect().await?),
        }))
    }

    /// For several statements in one commit. Dropped without one, nothing happened.
    pub async fn begin(&self) -> Result<Transaction> {
        super::outage::check()?;
        let connection = Connection(match self {
            Self::Sqlite(sqlite) => Link::Sqlite(sqlite.begin().await?),
            Self::Postgres(postgres) => {
                let mut link = postgres.connect().await?;
                link.begin().await?;
                Link::Postgres(link)
            }
        });
        Ok(Transaction {
            connection,
            has_news: false,
        })
    }
}

/// A connection, lent by the engine for a while.
pub(super) struct Connection(Link);

enum Link {
    Sqlite(sqlite::Link),
    Postgres(postgres::Link),
}

impl Connection {
    /// Runs a statement and says how many rows it changed.
    pub async fn execute(&mut self, sql: &'static str, values: &[Value<'_>]) -> Done<u64> {
        match &mut self.0 {
            Link::Sqlite(link) => link.execute(sql, values).await,
            Link::Postgres(link) => link.execute(sql, values).await,
        }
    }

    /// Every row of a query.
    pub async fn fetch_all(&mut self, sql: &'static str, values: &[Value<'_>]) -> Done<Vec<Row>> {
        Ok(match &mut self.0 {
            Link::Sqlite(link) => {
                let rows = link.fetch_all(sql, values).await?;
                rows.into_iter().map(Row::Sqlite).collect()
            }
            Link::Postgres(link) => {
                let rows = link.fetch_all(sql, values).await?;
                rows.into_iter().map(Row::Postgres).collect()
            }
        })
    }

    /// The first row of a query, if there is one.
    pub async fn fetch_optional(
        &mut self,
        sql: &'static str,
        values: &[Value<'_>],
    ) -> Done<Option<Row>> {
        Ok(self.fetch_all(sql, values).await?.into_iter().next())
    }

    /// The row of a query that always has one.
    pub async fn fetch_one(&mut self, sql: &'static str, values: &[Value<'_>]) -> Done<Row> {
        self.fetch_optional(sql, values)
            .await?
            .ok_or_else(|| Fault::Broken(String::from("a query that counts gave no row")))
    }
}

/// A connection on which nothing is true yet.
pub(super) struct Transaction {
    connection: Connection,
    /// The merchant is to be told something that this makes true.
    pub has_news: bool,
}

impl std::ops::Deref for Transaction {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        &self.connection
    }
}

impl std::ops::DerefMut for Transaction {
    fn deref_mut(&mut self) -> &mut Connection {
        &mut self.connection
    }
}

impl Transaction {
    /// Makes it true, on disk.
    ///
    /// An error leaves open whether it is true: the connection may have broken after the database had
    /// committed. Whoever gets one reads again before it concludes anything.
    pub async fn commit(self) -> Done<()> {
        match self.connection.0 {
            Link::Sqlite(link) => link.commit().await,
            Link::Postgres(link) => link.commit().await,
        }
    }

    /// Ends without a change, and gives an answer that rests on what was seen. On SQLite that may be another's
    /// change that is not on disk yet: the answer waits until it is.
    pub async fn leave<T>(self, answer: T) -> Result<T> {
        if let Link::Sqlite(link) = self.connection.0 {
            link.leave().await?;
        }
        Ok(answer)
    }
}

/// What a database said no with.
#[derive(Clone, Debug)]
pub(super) enum Fault {
    /// A unique index refused the row.
    Taken(String),
    /// The database cannot be reached, or not in time.
    Away(String),
    /// Everything else.
    Broken(String),
}

/// A result of the engine.
pub(super) type Done<T> = std::result::Result<T, Fault>;

impl From<Fault> for Error {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Away(cause) => Self::new(ProblemCode::StoreUnavailable)
                .retry_after(RETRY_AFTER_SECS)
                .cause(cause),
            Fault::Taken(cause) | Fault::Broken(cause) => Self::internal(format!("store: {cause}")),
        }
    }
}

/// A parameter of a statement.
#[derive(Clone, Copy)]
pub(super) enum Value<'a> {
    Text(Option<&'a str>),
    Whole(Option<i64>),
    Flag(bool),
    Bytes(Option<&'a [u8]>),
}

/// The parameters of a statement, from `$1` on.
macro_rules! values {
    ($($value:expr),* $(,)?) => {
        &[$($crate::store::engine::Value::from($value)),*]
    };
}
pub(super) use values;

impl<'a> From<&'a str> for Value<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(Some(text))
    }
}

impl<'a> From<Option<&'a str>> for Value<'a> {
    fn from(text: Option<&'a str>) -> Self {
        Self::Text(text)
    }
}

impl<'a> From<&'a String> for Value<'a> {
    fn from(text: &'a String) -> Self {
        Self::Text(Some(text))
    }
}

impl<'a> From<&'a Option<String>> for Value<'a> {
    fn from(text: &'a Option<String>) -> Self {
        Self::Text(text.as_deref())
    }
}

impl<'a> From<&'a Vec<u8>> for Value<'a> {
    fn from(bytes: &'a Vec<u8>) -> Self {
        Self::Bytes(Some(bytes))
    }
}

impl<'a> From<Option<&'a [u8]>> for Value<'a> {
    fn from(bytes: Option<&'a [u8]>) -> Self {
        Self::Bytes(bytes)
    }
}

impl From<bool> for Value<'_> {
    fn from(flag: bool) -> Self {
        Self::Flag(flag)
    }
}

impl From<i64> for Value<'_> {
    fn from(whole: i64) -> Self {
        Self::Whole(Some(whole))
    }
}

impl From<Option<i64>> for Value<'_> {
    fn from(whole: Option<i64>) -> Self {
        Self::Whole(whole)
    }
}

impl From<u8> for Value<'_> {
    fn from(whole: u8) -> Self {
        Self::Whole(Some(i64::from(whole)))
    }
}

impl From<u32> for Value<'_> {
    fn from(whole: u32) -> Self {
        Self::Whole(Some(i64::from(whole)))
    }
}

impl From<Option<u8>> for Value<'_> {
    fn from(whole: Option<u8>) -> Self {
        Self::Whole(whole.map(i64::from))
    }
}

impl From<Option<u16>> for Value<'_> {
    fn from(whole: Option<u16>) -> Self {
        Self::Whole(whole.map(i64::from))
    }
}

impl From<Timestamp> for Value<'_> {
    fn from(moment: Timestamp) -> Self {
        Self::Whole(Some(moment.millis()))
    }
}

impl From<Option<Timestamp>> for Value<'_> {
    fn from(moment: Option<Timestamp>) -> Self {
        Self::Whole(moment.map(Timestamp::millis))
    }
}

/// Milliseconds.
impl From<Duration> for Value<'_> {
    fn from(duration: Duration) -> Self {
        // Far from where adding a moment would overflow.
        Self::Whole(Some(
            i64::try_from(duration.as_millis()).unwrap_or(i64::MAX / 4),
        ))
    }
}

/// Minor units; the currency is a parameter of its own.
impl From<Money> for Value<'_> {
    fn from(money: Money) -> Self {
        Self::from(Some(money))
    }
}

/// Minor units; the currency is a parameter of its own.
impl From<Option<Money>> for Value<'_> {
    fn from(money: Option<Money>) -> Self {
        Self::Whole(money.map(|money| {
            i64::try_from(money.minor()).expect("Money is at most MAX_MINOR, far below 2^63")
        }))
    }
}

/// A statement's text with this engine's words filled in.
fn fill_in(sql: &'static str, words: [(&str, &str); 3]) -> Cow<'static, str> {
    if !sql.contains('{') {
        return Cow::Borrowed(sql);
    }
    let text = words
        .into_iter()
        .fold(sql.to_owned(), |text, (word, meaning)| {
            text.replace(word, meaning)
        });
    Cow::Owned(text)
}
