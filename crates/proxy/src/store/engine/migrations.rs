//! The steps that bring a database's tables up to date, in order, as `migrations/` has them.
//!
//! A list and no macro of sqlx's: the macro has the compiler build every driver a second time for itself.

use std::borrow::Cow;
use std::sync::LazyLock;

use sqlx::SqlStr;
use sqlx::migrate::{Migration, MigrationType, Migrator};

/// Files of a folder of `migrations/`, without their ending.
macro_rules! steps {
    ($folder:literal: $($name:literal),+ $(,)?) => {
        Migrator::with_migrations(vec![
            $(step($name, include_str!(concat!("../../../migrations/", $folder, "/", $name, ".sql")))),+
        ])
    };
}

pub(super) static SQLITE: LazyLock<Migrator> = LazyLock::new(|| {
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
    steps!["postgres":
        "0001_sessions_attempts_and_operations",
        "0002_credits",
        "0003_tips_and_references",
        "0004_financing",
        "0005_errands",
        "0006_cards_without_a_payment",
        "0007_credit_candidates",
        "0008_deposits",
    ]
});

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
        for (folder, steps) in [
            ("migrations/sqlite", &*SQLITE),
            ("migrations/postgres", &*POSTGRES),
        ] {
            let read = Migrator::new(Path::new(folder)).await.unwrap();
            let known = |steps: &Migrator| -> Vec<(i64, String, Vec<u8>)> {
                let of = |step: &Migration| {
                    (
                        step.version,
                        step.description.to_string(),
                        step.checksum.to_vec(),
                    )
                };
                steps.iter().map(of).collect()
            };
            assert_eq!(known(steps), known(&read), "{folder}");
        }
    }
}
