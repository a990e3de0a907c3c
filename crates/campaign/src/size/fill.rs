//! Fills a store with copies of what is in it, by SQL, under all its constraints and triggers.
//!
//! A copy differs from its pattern in what must be its own: identifiers, references and keys, which stay as
//! random as they were, and moments, which are spread over the year before. All else is what the proxy
//! itself wrote, so that a copy has whatever columns and evidence this release gives to a payment.

use super::database::{Connection, TABLES};
use super::pattern;
use crate::failure::{Failure, Result};

/// Copies the ten sessions in the store until it holds `attempts`. `progress` is told how many it holds.
pub(super) async fn fill(
    database: &mut Connection,
    attempts: u64,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<()> {
    let found = database.count("SELECT COUNT(*) FROM attempt").await?;
    if found != pattern::ATTEMPTS {
        return Err(Failure::of(format!(
            "the sessions that are to be copied have {found} attempts, expected {}",
            pattern::ATTEMPTS
        )));
    }
    let mut inserts = Vec::new();
    for table in TABLES {
        database.run(&set_aside(table)).await?;
        let columns = database.columns(table).await?;
        inserts.push(insert(table, &columns));
    }
    let copies = attempts / pattern::ATTEMPTS - 1;
    let mix = mix(database.is_postgres());
    let mut done = 0;
    while done < copies {
        progress((done + 1) * pattern::ATTEMPTS, attempts);
        let to = copies.min(done + AT_ONCE);
        database.run("BEGIN").await?;
        for insert in &inserts {
            let series = format!(
                "WITH RECURSIVE series (number) AS (
                     SELECT CAST({} AS BIGINT) UNION ALL SELECT number + 1 FROM series WHERE number < {to}),
                 copy AS MATERIALIZED (
                     SELECT number, {mix} AS mix, ({copies} + 1 - number) * {} AS earlier FROM series)",
                done + 1,
                (YEAR_MS / (copies + 1)).max(1),
            );
            database.run(&insert.replace(SERIES, &series)).await?;
        }
        database.run("COMMIT").await?;
        done = to;
    }
    progress(attempts, attempts);
    Ok(())
}

/// Keeps the rows that are there now, in their order.
fn set_aside(table: &str) -> String {
    let order = match table {
        "event" => "id",
        "saved_card" => "created_at",
        _ => "rowid",
    };
    format!(
        "CREATE TEMPORARY TABLE pattern_{table} AS
         SELECT row_number() OVER (ORDER BY {order}) AS place, {table}.* FROM {table}"
    )
}

fn insert(table: &str, columns: &[String]) -> String {
    let values: Vec<String> = columns.iter().map(|column| value(column)).collect();
    format!(
        "INSERT INTO {table} ({}) {SERIES}
         SELECT {} FROM copy CROSS JOIN pattern_{table} AS p{} ORDER BY copy.number, p.place",
        columns.join(", "),
        values.join(", "),
        // Not one payment in ten is refunded.
        match table {
            "operation" => " WHERE number % 5 = 0",
            "event" | "outbox" => " WHERE p.operation_id IS NULL OR number % 5 = 0",
            _ => "",
        }
    )
}

/// What a copy has in a column.
fn value(column: &str) -> String {
    match column {
        "id" | "session_id" | "attempt_id" | "operation_id" | "saved_card_id" => prefixed(column),
        "merchant_key" | "idempotency_key" | "reference" => {
            format!("copy.mix || substr(p.{column}, 9)")
        }
        "buyer_id" => {
            String::from("CASE WHEN p.buyer_id IS NOT NULL THEN 'buyer-' || copy.number END")
        }
        "request" => String::from("replace(p.request, 'buyer-000001', 'buyer-' || copy.number)"),
        "payload" | "evidence" => {
            let id = |column| format!("COALESCE(p.{column}, p.session_id)");
            let own =
                |column| format!("COALESCE({}, {})", prefixed(column), prefixed("session_id"));
            let [session, attempt] = ["session_id", "attempt_id"];
            format!(
                "replace(replace(p.{column}, {}, {}), {}, {})",
                id(session),
                own(session),
                id(attempt),
                own(attempt)
            )
        }
        moment if moment == "at" || moment.ends_with("_at") || moment.ends_with("_until") => {
            format!("p.{moment} - copy.earlier")
        }
        _ => format!("p.{column}"),
    }
}

/// `ses_` and the like, eight characters of the copy's own, and the rest.
fn prefixed(column: &str) -> String {
    format!("substr(p.{column}, 1, 4) || copy.mix || substr(p.{column}, 13)")
}

/// Eight characters out of those of identifiers, different for each number below 2³², and scattered like
/// chance: the number times 2³²/φ, which is odd, modulo 2³².
fn mix(is_postgres: bool) -> String {
    let scattered = "number * 2654435761 % 4294967296";
    let hex = if is_postgres {
        format!("lpad(to_hex({scattered}), 8, '0')")
    } else {
        format!("printf('%08x', {scattered})")
    };
    // Identifiers have neither 0 and 1 nor 8 and 9.
    [('0', 'g'), ('1', 'h'), ('8', 'i'), ('9', 'j')]
        .into_iter()
        .fold(hex, |text, (digit, letter)| {
            format!("replace({text}, '{digit}', '{letter}')")
        })
}

/// Stands where the copies' numbers are to come from.
const SERIES: &str = "{series}";
/// Copies in one transaction.
const AT_ONCE: u64 = 500;
const YEAR_MS: u64 = 365 * 24 * 60 * 60 * 1_000;

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    const SCHEMA: &str = "
        PRAGMA foreign_keys = ON;
        CREATE TABLE session (id TEXT PRIMARY KEY, merchant_key TEXT NOT NULL UNIQUE, buyer_id TEXT, request TEXT,
                              created_at INTEGER NOT NULL) STRICT;
        CREATE TABLE attempt (id TEXT PRIMARY KEY, session_id TEXT NOT NULL REFERENCES session (id),
                              reference TEXT NOT NULL UNIQUE, unheard_of TEXT NOT NULL, settled_at INTEGER) STRICT;
        CREATE TABLE operation (id TEXT PRIMARY KEY, attempt_id TEXT NOT NULL REFERENCES attempt (id)) STRICT;
        CREATE TABLE event (id INTEGER PRIMARY KEY AUTOINCREMENT, session_id TEXT NOT NULL REFERENCES session (id),
                            attempt_id TEXT REFERENCES attempt (id), operation_id TEXT REFERENCES operation (id),
                            evidence TEXT NOT NULL) STRICT;
        CREATE TABLE outbox (id TEXT PRIMARY KEY, session_id TEXT NOT NULL, attempt_id TEXT, operation_id TEXT,
                             payload TEXT NOT NULL) STRICT;
        CREATE TABLE saved_card (id TEXT PRIMARY KEY, buyer_id TEXT NOT NULL, token BLOB, created_at INTEGER) STRICT;";

    async fn database() -> Connection {
        let memory = rusqlite::Connection::open_in_memory().unwrap();
        let mut database = Connection::Sqlite(memory, PathBuf::new());
        database.run(SCHEMA).await.unwrap();
        let tail = "aaaabbbbccccddddeeeeffff";
        for number in 2..12 {
            let one = char::from(b'a' + number);
            let buyer = if number == 2 {
                "'buyer-000001'"
            } else {
                "NULL"
            };
            database
                .run(&format!(
                    "INSERT INTO session VALUES ('ses_{tail}{one}z', 'key-{tail}{one}', {buyer}, '\"buyer-000001\"', 40000000000);
                     INSERT INTO attempt VALUES ('att_{tail}{one}z', 'ses_{tail}{one}z', '{tail}{one}z', 'as it was', NULL);
                     INSERT INTO event (session_id, attempt_id, evidence)
                         VALUES ('ses_{tail}{one}z', 'att_{tail}{one}z', 'att_{tail}{one}z of ses_{tail}{one}z');"
                ))
                .await
                .unwrap();
        }
        database
            .run(&format!(
                "INSERT INTO operation VALUES ('opr_{tail}zz', 'att_{tail}cz')"
            ))
            .await
            .unwrap();
        database
    }

    #[tokio::test]
    async fn copies_are_their_own_and_belong_together() {
        let mut database = database().await;
        let mut told = Vec::new();
        fill(&mut database, 10_000, &mut |done, of| told.push((done, of)))
            .await
            .unwrap();
        assert_eq!(told.last(), Some(&(10_000, 10_000)));
        for (sql, expected) in [
            ("SELECT COUNT(*) FROM session", 10_000),
            ("SELECT COUNT(*) FROM attempt", 10_000),
            (
                "SELECT COUNT(*) FROM attempt WHERE unheard_of = 'as it was' AND settled_at IS NULL",
                10_000,
            ),
            ("SELECT COUNT(DISTINCT length(id)) FROM attempt", 1),
            ("SELECT COUNT(*) FROM operation", 200),
            ("SELECT COUNT(DISTINCT buyer_id) FROM session", 1_000),
            (
                "SELECT COUNT(*) FROM event WHERE evidence = attempt_id || ' of ' || session_id",
                10_000,
            ),
            (
                "SELECT COUNT(*) FROM event e JOIN attempt a ON a.id = e.attempt_id AND a.session_id = e.session_id",
                10_000,
            ),
            (
                "SELECT COUNT(DISTINCT created_at) FROM session WHERE created_at BETWEEN 40000000000 - 31536000000 AND 40000000000",
                1_000,
            ),
            (
                "SELECT COUNT(*) FROM (SELECT created_at < LAG(created_at) OVER (ORDER BY rowid) AS back FROM session WHERE rowid > 10) WHERE back",
                0,
            ),
            (
                "SELECT COUNT(*) FROM attempt WHERE substr(id, 5) GLOB '*[^a-z2-7]*'",
                0,
            ),
        ] {
            assert_eq!(database.count(sql).await.unwrap(), expected, "{sql}");
        }
    }

    #[tokio::test]
    async fn the_plan_of_a_statement_is_told_without_its_parameters() {
        let mut database = database().await;
        let plan = "EXPLAIN QUERY PLAN SELECT * FROM attempt WHERE reference = $1";
        let told = database.texts(plan, "detail").await.unwrap();
        assert!(
            told[0].starts_with("SEARCH attempt USING INDEX"),
            "{told:?}"
        );
    }

    #[tokio::test]
    async fn a_store_that_holds_anything_else_is_not_copied() {
        let mut database = database().await;
        fill(&mut database, 20, &mut |_, _| {}).await.unwrap();
        assert!(fill(&mut database, 40, &mut |_, _| {}).await.is_err());
    }
}
