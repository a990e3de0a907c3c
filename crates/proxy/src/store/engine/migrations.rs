//! The steps that bring a database's tables up to date, in order, as `migrations/` has them.
//!
//! A list and no macro of sqlx's: the macro has the compiler build every driver a second time for itself. sqlx takes the
//! steps on PostgreSQL; those on SQLite are taken here, and marked as sqlx marks them.

use std::borrow::Cow;
use std::sync::LazyLock;

use rusqlite::TransactionBehavior;
use sqlx::SqlStr;
use sqlx::migrate::{Migration, MigrationType, Migrator};

/// Files of a folder of `migrations/`, without their ending.
macro_rules! steps {
    ($folder:literal: $($name:literal),+ $(,)?) => {
        vec![
            $(step($name, include_str!(concat!("../../../migrations/", $folder, "/", $name, ".sql")))),+
        ]
    };
}

static SQLITE: LazyLock<Vec<Migration>> = LazyLock::new(|| {
    steps!["sqlite":
        "0001_sessions_and_attempts",
        "0002_operations_and_delivery",
        "0003_credits",
        "0004_tips_and_references",
        "0005_financing",
        "0006_errands",
        "0007_cards_without_a_payment",
        "0008_credit_candidates",
        "0009_deposits",
    ]
});

pub(super) static POSTGRES: LazyLock<Migrator> = LazyLock::new(|| {
    Migrator::with_migrations(steps!["postgres":
        "0001_sessions_attempts_and_operations",
        "0002_credits",
        "0003_tips_and_references",
        "0004_financing",
        "0005_errands",
        "0006_cards_without_a_payment",
        "0007_credit_candidates",
        "0008_deposits",
    ])
});

/// The steps of a file.
pub(super) fn sqlite() -> impl Iterator<Item = &'static Migration> {
    SQLITE.iter()
}

/// Takes the steps that a file lacks, each in a commit of its own. What is wrong with the file is said.
pub(super) fn bring_up_to_date(
    connection: &mut rusqlite::Connection,
) -> std::result::Result<(), String> {
    let said = |cause: rusqlite::Error| cause.to_string();
    let tx = connection
        .transaction_with_behavior(TransactionBehavior::Immediate)
        .map_err(said)?;
    tx.execute_batch(MARKS).map_err(said)?;
    let taken = taken(&tx).map_err(said)?;
    tx.commit().map_err(said)?;
    for (version, checksum) in &taken {
        let known = SQLITE.iter().find(|step| step.version == *version);
        let known = known.ok_or_else(|| {
            format!("its tables are at version {version}, made by a newer release than this one")
        })?;
        if *known.checksum != **checksum {
            return Err(format!(
                "its tables were brought to version {version} by other steps than this release's"
            ));
        }
    }
    for step in SQLITE.iter() {
        if !taken.iter().any(|(version, _)| *version == step.version) {
            take(connection, step)
                .map_err(|cause| format!("bringing it to version {}: {cause}", step.version))?;
        }
    }
    Ok(())
}

const MARKS: &str = "CREATE TABLE IF NOT EXISTS _sqlx_migrations (
    version BIGINT PRIMARY KEY, description TEXT NOT NULL, installed_on TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
    success BOOLEAN NOT NULL, checksum BLOB NOT NULL, execution_time BIGINT NOT NULL)";

/// The versions and checksums of the steps that were taken.
fn taken(connection: &rusqlite::Connection) -> rusqlite::Result<Vec<(i64, Vec<u8>)>> {
    connection
        .prepare("SELECT version, CAST(checksum AS BLOB) FROM _sqlx_migrations ORDER BY version")?
        .query_map((), |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect()
}

/// Takes a step, unless another process did meanwhile.
fn take(connection: &mut rusqlite::Connection, step: &Migration) -> rusqlite::Result<()> {
    let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    if taken(&tx)?
        .iter()
        .any(|(version, _)| *version == step.version)
    {
        return Ok(());
    }
    tx.execute_batch(step.sql.as_str())?;
    tx.execute(
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
         VALUES (?1, ?2, TRUE, ?3, 0)",
        (step.version, &*step.description, &*step.checksum),
    )?;
    tx.commit()
}

/// A step by the name of its file, `0001_what_it_brings`.
fn step(name: &'static str, sql: &'static str) -> Migration {
    let (version, description) = name.split_once('_').unwrap_or((name, ""));
    let version = version
        .parse()
        .expect("the names above begin with a number");
    let sql = SqlStr::from_static(sql);
    Migration::new(
        version,
        Cow::Owned(description.replace('_', " ")),
        MigrationType::Simple,
        sql,
        false,
    )
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[tokio::test]
    async fn every_file_of_the_folders_is_a_step_as_sqlx_reads_it() {
        let postgres: Vec<Migration> = POSTGRES.iter().cloned().collect();
        for (folder, steps) in [
            ("migrations/sqlite", &*SQLITE),
            ("migrations/postgres", &postgres),
        ] {
            let read = Migrator::new(Path::new(folder)).await.unwrap();
            let of = |step: &Migration| {
                (
                    step.version,
                    step.description.to_string(),
                    step.checksum.to_vec(),
                )
            };
            let known: Vec<_> = steps.iter().map(of).collect();
            let found: Vec<_> = read.iter().map(of).collect();
            assert_eq!(known, found, "{folder}");
        }
    }
}
