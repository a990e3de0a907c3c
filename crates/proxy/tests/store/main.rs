//! What the store must do, whatever the engine: every case that takes a store or a place runs on SQLite
//! and on PostgreSQL. What only one of them has is in the room of its name.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

/// Cases that take a [`ventanilla_proxy::store::Store`], each with a database of its own.
macro_rules! every_engine {
    ($($case:ident),* $(,)?) => {
        every_engine!(@ sqlite, [$($case),*]);
        every_engine!(@ postgres, [$($case),*]);
    };
    (@ $engine:ident, [$($case:ident),*]) => {
        mod $engine {
            $(
                #[tokio::test]
                async fn $case() {
                    let place = crate::support::Place::$engine().await;
                    super::$case(place.open().await).await;
                }
            )*
        }
    };
}

/// Cases that take a [`crate::support::Place`], to open stores on it themselves.
macro_rules! every_place {
    ($($case:ident),* $(,)?) => {
        every_place!(@ on_sqlite, sqlite, [$($case),*]);
        every_place!(@ on_postgres, postgres, [$($case),*]);
    };
    (@ $room:ident, $engine:ident, [$($case:ident),*]) => {
        mod $room {
            $(
                #[tokio::test]
                async fn $case() {
                    super::$case(crate::support::Place::$engine().await).await;
                }
            )*
        }
    };
}

mod attempts;
mod cards;
mod commit;
mod constraints;
mod credits;
mod durability;
mod errands;
mod financing;
mod migrations;
mod news;
mod operations;
mod outage;
mod outbox;
mod payables;
mod requests;
mod sessions;
mod shared;
mod sqlite;
mod support;
mod watch;
mod work;
