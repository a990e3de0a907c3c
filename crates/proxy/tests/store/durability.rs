//! A database that may forget what it has committed is refused: a forgotten right to send would be used
//! twice.

use ventanilla_proxy::store::Store;
use ventanilla_testbed::postgres::{self, Cluster};

use crate::support::*;

async fn refusal(url: &str) -> String {
    let refused = Store::open_postgres(&secret(url), None).await;
    refused.err().expect("it must be refused").to_string()
}

#[tokio::test]
async fn a_server_that_does_not_write_through_is_refused() {
    for setting in ["fsync", "full_page_writes"] {
        let cluster = Cluster::start_with(&[(setting, "off")]).await.unwrap();
        let refused = refusal(cluster.url()).await;
        let expected =
            format!("commits are not durable: {setting} is off in the database, expected on");
        assert!(refused.contains(&expected), "{refused}");
    }
}

#[tokio::test]
async fn a_database_that_answers_before_it_has_written_is_refused() {
    let cluster = postgres::shared().await.unwrap();
    for (setting, taken) in [
        ("off", false),
        ("local", false),
        ("on", true),
        ("remote_write", true),
        ("remote_apply", true),
    ] {
        let url = cluster.create_database().await.unwrap();
        let name = database_name(&url);
        cluster
            .run(&format!(
                "ALTER DATABASE {name} SET synchronous_commit = {setting}"
            ))
            .await
            .unwrap();
        if taken {
            Store::open_postgres(&secret(&url), None).await.unwrap();
        } else {
            let refused = refusal(&url).await;
            let expected = format!("synchronous_commit is {setting} in the database, expected on");
            assert!(refused.contains(&expected), "{refused}");
        }
    }
}

/// Puts a function of that name and these bodies before the server's own.
async fn pretend(place: &Place, function: &str, body: &str) {
    let Place::Postgres(url) = place else {
        panic!("for PostgreSQL only")
    };
    let name = database_name(url);
    for statement in [
        String::from("CREATE SCHEMA IF NOT EXISTS pretended"),
        format!("CREATE FUNCTION pretended.{function} LANGUAGE sql AS $$ SELECT {body} $$"),
        format!("ALTER DATABASE {name} SET search_path = public, pretended, pg_catalog"),
    ] {
        place.sql(&statement).await.unwrap();
    }
}

#[tokio::test]
async fn a_standby_and_an_old_release_are_refused() {
    let place = Place::postgres().await;
    pretend(&place, "pg_is_in_recovery() RETURNS BOOLEAN", "TRUE").await;
    let refused = place.try_open().await.err().unwrap().to_string();
    assert!(refused.contains("is a standby"), "{refused}");

    let place = Place::postgres().await;
    let old =
        "CASE $1 WHEN 'server_version_num' THEN '120019' ELSE pg_catalog.current_setting($1) END";
    pretend(&place, "current_setting(TEXT) RETURNS TEXT", old).await;
    let refused = place.try_open().await.err().unwrap().to_string();
    assert!(
        refused.contains("is PostgreSQL 12, expected 13 or newer"),
        "{refused}"
    );
}

#[tokio::test]
async fn a_clock_that_disagrees_with_the_databases_is_not_ready() {
    for (shift, expected) in [
        ("- interval '3 seconds'", Some("ahead of the database's")),
        ("+ interval '3 seconds'", Some("behind the database's")),
        ("+ interval '1 second'", None),
    ] {
        let place = Place::postgres().await;
        let function = "clock_timestamp() RETURNS TIMESTAMPTZ";
        pretend(
            &place,
            function,
            &format!("pg_catalog.clock_timestamp() {shift}"),
        )
        .await;
        let store = place.open().await;
        let ready = store.ready().await.map_err(|error| error.to_string());
        match (ready, expected) {
            (Ok(()), None) => {}
            (Err(said), Some(expected)) => assert!(said.contains(expected), "{said}"),
            (ready, expected) => panic!("{shift}: {ready:?} and not {expected:?}"),
        }
    }
}

#[tokio::test]
async fn a_connection_that_must_be_encrypted_is_not_made_in_the_clear() {
    let cluster = Cluster::start().await.unwrap();
    let refused = refusal(&format!("{}?sslmode=require", cluster.url())).await;
    assert!(refused.contains("TLS"), "{refused}");
    let url = format!("{}?sslmode=disable", cluster.url());
    Store::open_postgres(&secret(&url), None).await.unwrap();
}

#[tokio::test]
async fn what_is_wrong_with_a_url_is_told_without_the_url() {
    for url in [
        "postgres://ana:hunter2@[nowhere/db",
        "mysql:hunter2",
        "postgres://ana:hunter2@127.0.0.1:1/db?sslmode=hunter2",
    ] {
        let refused = refusal(url).await;
        assert!(!refused.contains("hunter2"), "{refused}");
    }
}
