//! Several proxies on one PostgreSQL database, as processes.

use serde_json::Value;
use ventanilla_sandbox::{Sandbox, SandboxOptions};
use ventanilla_testbed::postgres;

use crate::receiver::{Heard, Receiver};
use crate::served::{Served, open_session_at, ventanilla, write_settings};
use crate::support::{API_KEY, Folder, PUBLIC_ORIGIN, card_start, client, fresh_key, settings};
use crate::webhooks_out::make_news_at;

/// The tests' server asks for no password and so takes any.
const PASSWORD: &str = "database-password-canary";

async fn database() -> String {
    let cluster = postgres::shared().await.unwrap();
    let url = cluster.create_database().await.unwrap();
    url.replacen("ventanilla@", &format!("ventanilla:{PASSWORD}@"), 1)
}

fn prepare(folder: &Folder, sandbox: &Sandbox) {
    let text = settings(&folder.0, sandbox);
    let path = folder.0.join("store.db").display().to_string();
    write_settings(folder, &text.replace(&format!("path = \"{path}\"\n"), ""));
}

fn serve(folder: &Folder, url: &str) -> Served {
    Served::start(
        folder,
        &[("VENTANILLA_STORE_URL", url), ("VENTANILLA_LOG", "trace")],
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_opened_at_one_is_paid_at_another_and_read_at_both() {
    let (folder, url) = (Folder::new(), database().await);
    let sandbox = Sandbox::start(SandboxOptions::default()).await.unwrap();
    prepare(&folder, &sandbox);
    let proxies = [serve(&folder, &url), serve(&folder, &url)];
    let http = client();
    let opened = open_session_at(&proxies[0].origin).await.unwrap();
    let paid: Value = http
        .post(format!("{}/v1/checkout/attempts", proxies[1].origin))
        .bearer_auth(opened["client_token"].as_str().unwrap())
        .header("origin", PUBLIC_ORIGIN)
        .header("idempotency-key", fresh_key())
        .json(&card_start(&sandbox, "5555555555554444"))
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(paid["state"], "succeeded");
    let id = opened["session"]["id"].as_str().unwrap();
    for proxy in &proxies {
        let session: Value = http
            .get(format!("{}/v1/sessions/{id}", proxy.origin))
            .bearer_auth(API_KEY)
            .send()
            .await
            .unwrap()
            .json()
            .await
            .unwrap();
        assert_eq!(session["state"], "succeeded", "{session}");
        assert_eq!(session["attempts"][0]["id"], paid["id"]);
    }
    assert_eq!(sandbox.ledger().debits.len(), 1);

    for proxy in proxies {
        let (code, log) = proxy.stop();
        assert_eq!(code, Some(0));
        assert!(log.contains("SIGTERM: stopping"));
        assert!(!log.contains(PASSWORD), "the password is in the log");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_either_of_them_writes_is_told_once() {
    const SESSIONS: usize = 20;
    let (folder, url) = (Folder::new(), database().await);
    let sandbox = Sandbox::start(SandboxOptions::default()).await.unwrap();
    prepare(&folder, &sandbox);
    let receiver = Receiver::start().await;
    let text = std::fs::read_to_string(folder.0.join("ventanilla.toml")).unwrap();
    write_settings(&folder, &(text + &receiver.section()));
    let proxies = [serve(&folder, &url), serve(&folder, &url)];
    for number in 0..SESSIONS {
        make_news_at(&proxies[number % 2].origin).await;
    }
    let heard = receiver.heard(SESSIONS).await;
    for proxy in proxies {
        assert_eq!(proxy.stop().0, Some(0));
    }
    assert_eq!(receiver.so_far().len(), SESSIONS);
    let mut ids: Vec<&str> = heard.iter().map(Heard::id).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), SESSIONS);
}

#[tokio::test(flavor = "multi_thread")]
async fn check_tells_how_the_database_is_without_its_password() {
    let (folder, url) = (Folder::new(), database().await);
    let sandbox = Sandbox::start(SandboxOptions::default()).await.unwrap();
    prepare(&folder, &sandbox);
    let check = |url: &str| {
        let output = ventanilla(&folder, &["check"])
            .env("VENTANILLA_STORE_URL", url)
            .output()
            .unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        assert!(!said.contains(PASSWORD), "{said}");
        (output.status.code(), said)
    };
    let (code, said) = check(&url);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("ok    store: PostgreSQL"), "{said}");

    let nowhere = format!("postgres://ana:{PASSWORD}@127.0.0.1:1/payments");
    let (code, said) = check(&nowhere);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("FAIL  store: store-unavailable"), "{said}");
}
