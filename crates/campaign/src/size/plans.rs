//! Whether a statement reads a whole table, by the plan that the database makes for it on the large store.

use std::collections::HashSet;

use serde_json::Value;

use super::database::{Connection, TABLES};
use super::statements::Statement;
use crate::failure::{Failure, Result, Tried as _};
use crate::run::StoreKind;

/// A statement that was looked at.
pub(super) struct Look {
    pub place: String,
    /// In one line.
    pub sql: String,
    /// The steps of its plan that read a whole growing table, or a whole index that grows with one.
    pub scans: Vec<String>,
}

/// Looks at each statement that this database is asked.
pub(super) async fn look(database: &mut Connection, statements: &[Statement]) -> Result<Vec<Look>> {
    let kind = if database.is_postgres() {
        StoreKind::Postgres
    } else {
        StoreKind::Sqlite
    };
    let short = short_indexes(database).await?;
    if kind == StoreKind::Sqlite {
        // No statement deletes a row or changes its key. SQLite looks for the children of a new row only
        // while a foreign key is violated, and shows that search in every plan.
        database.run("PRAGMA foreign_keys = OFF").await?;
    }
    let mut looks = Vec::new();
    for statement in statements
        .iter()
        .filter(|it| it.only.is_none_or(|only| only == kind))
    {
        let sql = fill_in(&statement.sql, kind).ok_or_else(|| {
            Failure::of(format!(
                "{}: a word in braces is not known",
                statement.place
            ))
        })?;
        let mut scans: Vec<String> = match kind {
            StoreKind::Sqlite => steps(database, &sql)
                .await?
                .into_iter()
                .filter(|step| is_scan(step, &short))
                .collect(),
            StoreKind::Postgres => plans(database, &sql)
                .await?
                .iter()
                .flat_map(|plan| scans_of(plan, &short))
                .collect(),
        };
        scans.sort();
        scans.dedup();
        looks.push(Look {
            place: statement.place.clone(),
            sql: sql.split_whitespace().collect::<Vec<_>>().join(" "),
            scans,
        });
    }
    Ok(looks)
}

/// What differs in a statement's text between the engines; none when a word is left over.
fn fill_in(sql: &str, kind: StoreKind) -> Option<String> {
    let words = match kind {
        StoreKind::Sqlite => [
            ("{now}", "CAST(unixepoch('subsec') * 1000 AS INTEGER)"),
            ("{locked}", ""),
            ("{skip locked}", ""),
        ],
        StoreKind::Postgres => [
            (
                "{now}",
                "CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT)",
            ),
            ("{locked}", "FOR UPDATE"),
            ("{skip locked}", "FOR UPDATE SKIP LOCKED"),
        ],
    };
    let filled = words
        .into_iter()
        .fold(sql.to_owned(), |text, (word, meaning)| {
            text.replace(word, meaning)
        });
    (!filled.contains('{')).then_some(filled)
}

/// Indexes of a growing table that hold at most one of a hundred of its rows: those of what is still to
/// be done. To read one of them from end to end is no scan.
async fn short_indexes(database: &mut Connection) -> Result<HashSet<String>> {
    let mut short = HashSet::new();
    if database.is_postgres() {
        let sql = "SELECT i.relname::TEXT AS name FROM pg_index x
                   JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_class t ON t.oid = x.indrelid
                   WHERE t.relnamespace = current_schema()::regnamespace AND i.reltuples * 100 <= t.reltuples";
        short.extend(database.texts(sql, "name").await?);
        return Ok(short);
    }
    for table in TABLES {
        let all = database
            .count(&format!("SELECT COUNT(*) FROM {table}"))
            .await?;
        let of_table = format!(
            "FROM sqlite_schema WHERE type = 'index' AND tbl_name = '{table}' AND sql LIKE '% WHERE %'"
        );
        for name in database
            .texts(&format!("SELECT name {of_table}"), "name")
            .await?
        {
            let sql = format!("SELECT sql {of_table} AND name = '{name}'");
            let made = database.texts(&sql, "sql").await?.concat();
            let which = made.split_once(" WHERE ").map_or("", |(_, which)| which);
            let sql = format!("SELECT COUNT(*) FROM {table} INDEXED BY {name} WHERE {which}");
            if database.count(&sql).await? * 100 <= all {
                short.insert(name);
            }
        }
    }
    Ok(short)
}

/// SQLite's steps, in its words.
async fn steps(database: &mut Connection, sql: &str) -> Result<Vec<String>> {
    database
        .texts(&format!("EXPLAIN QUERY PLAN {sql}"), "detail")
        .await
}

/// `SCAN attempt`, `SCAN attempt USING COVERING INDEX attempt_live`. A `SEARCH attempt` without an index is one
/// too: so SQLite calls it when all that is searched for is the least of all rows.
fn is_scan(step: &str, short: &HashSet<String>) -> bool {
    let mut words = step.split(' ');
    let (Some(kind), Some(table)) = (words.next(), words.next()) else {
        return false;
    };
    let is_whole = kind == "SCAN" || kind == "SEARCH" && words.next().is_none();
    if !is_whole || !TABLES.contains(&table) {
        return false;
    }
    let index = step
        .split_once("INDEX ")
        .and_then(|(_, rest)| rest.split(' ').next());
    !index.is_some_and(|index| short.contains(index))
}

/// The plans that PostgreSQL makes for it: five for the values at hand, and then, as for any prepared
/// statement, whichever it finds cheaper, those or one for all values.
async fn plans(database: &mut Connection, sql: &str) -> Result<Vec<Value>> {
    const TIMES: usize = 7;
    database.run(&format!("PREPARE looked_at AS {sql}")).await?;
    let types = "SELECT unnest(parameter_types)::TEXT AS name FROM pg_prepared_statements WHERE name = 'looked_at'";
    let values: Vec<&str> = database
        .texts(types, "name")
        .await?
        .iter()
        .map(|name| typical(name))
        .collect();
    let given = if values.is_empty() {
        String::new()
    } else {
        format!("({})", values.join(", "))
    };
    let explain = format!("EXPLAIN (FORMAT JSON) EXECUTE looked_at{given}");
    let mut plans = Vec::new();
    for _ in 0..TIMES {
        let text = database.texts(&explain, "QUERY PLAN").await?.concat();
        plans.push(serde_json::from_str(&text).tried("read a plan")?);
    }
    database.run("DEALLOCATE looked_at").await?;
    Ok(plans)
}

/// A moment after all that is in the store, a key that is not there.
fn typical(name: &str) -> &'static str {
    match name {
        "bigint" => "4000000000000",
        "boolean" => "FALSE",
        "bytea" => "'\\x00'",
        _ => "'none'",
    }
}

fn scans_of(plan: &Value, short: &HashSet<String>) -> Vec<String> {
    let text = |name: &str| plan.get(name).and_then(Value::as_str);
    let mut scans = Vec::new();
    let relation = text("Relation Name").unwrap_or_default();
    match text("Node Type") {
        Some("Seq Scan") if TABLES.contains(&relation) => {
            scans.push(format!("Seq Scan on {relation}"))
        }
        Some(kind @ ("Index Scan" | "Index Only Scan" | "Bitmap Index Scan"))
            if text("Index Cond").is_none() =>
        {
            let index = text("Index Name").unwrap_or_default();
            if !short.contains(index) {
                scans.push(format!("{kind} using all of {index}"));
            }
        }
        _ => {}
    }
    let inner: Vec<&Value> = match plan {
        Value::Array(plans) => plans.iter().collect(),
        _ => plan
            .get("Plan")
            .into_iter()
            .chain(
                plan.get("Plans")
                    .and_then(Value::as_array)
                    .into_iter()
                    .flatten(),
            )
            .collect(),
    };
    scans.extend(inner.into_iter().flat_map(|plan| scans_of(plan, short)));
    scans
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn short() -> HashSet<String> {
        HashSet::from([String::from("attempt_due")])
    }

    #[test]
    fn a_whole_table_or_a_whole_long_index_is_a_scan() {
        for (step, expected) in [
            ("SCAN attempt", true),
            ("SCAN attempt USING COVERING INDEX attempt_live", true),
            ("SCAN attempt USING INDEX attempt_due", false),
            (
                "SEARCH attempt USING INDEX attempt_live (session_id=?)",
                false,
            ),
            ("SEARCH attempt", true),
            ("SEARCH attempt USING INTEGER PRIMARY KEY (rowid=?)", false),
            ("SCAN due", false),
            ("SEARCH moments", false),
            ("SCAN 2-ROW VALUES CLAUSE", false),
        ] {
            assert_eq!(is_scan(step, &short()), expected, "{step}");
        }
    }

    #[test]
    fn scans_are_found_anywhere_in_a_plan() {
        let plan = json!([{ "Plan": { "Node Type": "ModifyTable", "Relation Name": "attempt", "Plans": [
            { "Node Type": "Seq Scan", "Relation Name": "attempt" },
            { "Node Type": "Seq Scan", "Relation Name": "disabled_receiver" },
            { "Node Type": "CTE Scan", "CTE Name": "due" },
            { "Node Type": "Bitmap Heap Scan", "Plans": [
                { "Node Type": "Bitmap Index Scan", "Index Name": "attempt_live" },
                { "Node Type": "Bitmap Index Scan", "Index Name": "attempt_due" },
                { "Node Type": "Index Scan", "Index Name": "attempt_pkey", "Index Cond": "(id = $1)" },
            ] },
        ] } }]);
        assert_eq!(
            scans_of(&plan, &short()),
            [
                "Seq Scan on attempt",
                "Bitmap Index Scan using all of attempt_live"
            ]
        );
    }

    #[test]
    fn a_word_that_is_not_known_is_told() {
        let sql = "SELECT $2 WHERE a <= {now} + $11 {skip locked}";
        assert!(
            fill_in(sql, StoreKind::Postgres)
                .unwrap()
                .ends_with("FOR UPDATE SKIP LOCKED")
        );
        assert_eq!(fill_in("SELECT {later}", StoreKind::Sqlite), None);
    }
}
