//! What somebody at the merchant must look at: the routes, and the command that speaks to them.

use std::time::Duration;

use reqwest::{Method, Response};
use serde_json::{Value, json};
use ventanilla_sandbox::{Fault, Kind, Operation};

use crate::served::{run, ventanilla, write_settings};
use crate::support::{API_KEY, Folder, PAN, Proxy, fresh_key, problem, settings};

async fn get(proxy: &Proxy, path: &str) -> Value {
    let answer = proxy.merchant(Method::GET, path).send().await.unwrap();
    assert_eq!(answer.status(), 200, "{path}");
    answer.json().await.unwrap()
}

async fn post(proxy: &Proxy, path: &str, body: &Value) -> Response {
    proxy
        .merchant(Method::POST, path)
        .json(body)
        .send()
        .await
        .unwrap()
}

/// Pays into a doubt that no read will ever settle, and waits for the attempt to be in review: its
/// session and itself.
async fn attempt_in_review(proxy: &Proxy) -> (String, String) {
    let (session, token) = proxy.session().await;
    for fault in [
        Fault::once(Operation::Pay, Kind::ResetAfter),
        Fault::times(Operation::Transaction, Kind::WrongAmount, 100),
    ] {
        proxy.sandbox.arm(fault).await.unwrap();
    }
    let body = proxy.card_start(PAN);
    // The buyer goes away; what was started goes on.
    let key = fresh_key();
    let start = proxy.start_attempt(&token, &key, &body);
    let _ = tokio::time::timeout(Duration::from_millis(500), start).await;
    for _ in 0..400 {
        proxy.clock.advance(Duration::from_secs(3));
        let attempts = get(proxy, &format!("/v1/sessions/{session}")).await["attempts"].clone();
        if attempts[0]["state"] == "review" {
            return (session, attempts[0]["id"].as_str().unwrap().to_owned());
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("{}", get(proxy, &format!("/v1/sessions/{session}")).await);
}

/// Runs `ventanilla review` against `proxy`, away from the threads that serve it.
async fn review(proxy: &Proxy, arguments: &[&str]) -> (i32, String, String) {
    let origin = proxy.running.origin();
    let mut all = vec!["review".to_owned()];
    all.extend(arguments.iter().map(|text| (*text).to_owned()));
    all.extend(["--proxy".to_owned(), origin]);
    tokio::task::spawn_blocking(move || {
        let arguments: Vec<&str> = all.iter().map(String::as_str).collect();
        run(&Folder::new(), &arguments)
    })
    .await
    .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn where_nothing_is_in_review_that_is_said() {
    let proxy = Proxy::start().await;
    assert_eq!(
        get(&proxy, "/v1/review").await,
        json!({ "attempts": [], "operations": [], "credits": [] })
    );
    let (code, said, complained) = review(&proxy, &[]).await;
    assert_eq!(
        (code, said.as_str(), complained.as_str()),
        (0, "nothing to look at\n", "")
    );
    let (code, said, _) = review(&proxy, &["--json"]).await;
    assert_eq!(code, 0);
    assert_eq!(
        serde_json::from_str::<Value>(&said).unwrap(),
        json!({ "attempts": [], "operations": [], "credits": [] })
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_in_review_is_listed_and_settled_by_the_word_of_whoever_looked() {
    let proxy = Proxy::start().await;
    let (session, attempt) = attempt_in_review(&proxy).await;
    let listed = get(&proxy, "/v1/review").await;
    assert_eq!(listed["attempts"][0]["id"], attempt.as_str());
    assert_eq!(listed["attempts"][0]["session_id"], session.as_str());
    assert!(
        listed["attempts"][0]["why"]
            .as_str()
            .is_some_and(|why| !why.is_empty())
    );

    let (code, table, _) = review(&proxy, &[]).await;
    assert_eq!(code, 0, "{table}");
    let lines: Vec<&str> = table.lines().collect();
    assert!(
        lines[0].starts_with("ID ") && lines[0].ends_with("SINCE"),
        "{table}"
    );
    for word in [
        &attempt,
        "attempt (card)",
        "review",
        "CRC 12500.00",
        "2026-11-18T11:",
    ] {
        assert!(lines[1].contains(word), "{word}: {table}");
    }
    assert!(lines[2].contains(&session), "{table}");
    assert!(
        !table.contains('\u{1b}'),
        "colours where nobody sees them: {table}"
    );
    let (_, json, _) = review(&proxy, &["--json"]).await;
    assert_eq!(serde_json::from_str::<Value>(&json).unwrap(), listed);

    let (code, said, _) = review(&proxy, &["read", &attempt]).await;
    assert_eq!(
        (code, said),
        (0, format!("{attempt} is read back at the provider now\n"))
    );

    // Money that no provider confirmed is not taken by anybody's word.
    let settle = |outcome: &'static str, note: &'static str| {
        let (proxy, attempt) = (&proxy, attempt.as_str());
        async move { review(proxy, &["settle", attempt, "--as", outcome, "--note", note]).await }
    };
    let (code, _, complained) = settle("succeeded", "seen in the portal").await;
    assert_eq!(code, 5, "{complained}");
    assert!(
        complained.starts_with("operation-not-possible: "),
        "{complained}"
    );
    let (code, _, complained) = settle("declined", "x").await;
    assert_eq!(code, 5, "{complained}");
    assert!(
        complained.starts_with("request-malformed: "),
        "{complained}"
    );
    let (code, said, complained) = settle("declined", "seen in the portal: declined").await;
    assert_eq!(
        (code, said),
        (0, format!("{attempt} is settled as declined\n")),
        "{complained}"
    );

    assert_eq!(
        get(&proxy, &format!("/v1/attempts/{attempt}")).await["state"],
        "declined"
    );
    assert_eq!(get(&proxy, "/v1/review").await["attempts"], json!([]));
    let (code, _, complained) = settle("declined", "seen in the portal: declined").await;
    assert_eq!(code, 5, "a second time: {complained}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_proxy_refuses_is_said_with_a_code_of_its_own() {
    let proxy = Proxy::start().await;
    for arguments in [
        &["read", "att_aaaaaaaaaaaaaaaaaaaaaaaaaa"][..],
        &["read", "opr_aaaaaaaaaaaaaaaaaaaaaaaaaa"],
        &["read", "../../v1/sessions"],
        &[
            "settle",
            "att_a",
            "--as",
            "declined",
            "--note",
            "seen in the portal",
        ],
    ] {
        let (code, said, complained) = review(&proxy, arguments).await;
        assert_eq!(
            (code, said.as_str()),
            (5, ""),
            "{arguments:?}: {complained}"
        );
        assert_eq!(complained, "not-found: nothing has this identifier\n");
    }
    for arguments in [
        &["settle", "att_a"][..],
        &["settle", "att_a", "--as", "paid", "--note", "seen"],
        &["no-such-step"],
    ] {
        assert_eq!(review(&proxy, arguments).await.0, 2, "{arguments:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_that_is_not_there_and_a_key_that_is_not_its_own_are_told_apart() {
    let proxy = Proxy::start().await;
    let folder = Folder::new();
    let origin = proxy.running.origin();
    let wrong = tokio::task::spawn_blocking(move || {
        ventanilla(&Folder::new(), &["review", "--proxy", &origin])
            .env("VENTANILLA_API_KEY", "vsk_another_0123456789abcdefghijkl")
            .output()
            .unwrap()
    })
    .await
    .unwrap();
    assert_eq!(wrong.status.code(), Some(4));
    let complained = String::from_utf8(wrong.stderr).unwrap();
    assert!(
        complained.contains("refused the key of VENTANILLA_API_KEY"),
        "{complained}"
    );
    assert!(!complained.contains("vsk_another"));

    let (code, _, complained) = run(&folder, &["review", "--proxy", "http://127.0.0.1:1"]);
    assert_eq!(code, 3);
    assert!(
        complained.starts_with("no proxy could be reached at http://127.0.0.1:1: "),
        "{complained}"
    );
    // Somebody who is no proxy.
    let sandbox = proxy.sandbox.merchant_url.clone();
    let (code, _, complained) =
        tokio::task::spawn_blocking(move || run(&Folder::new(), &["review", "--proxy", &sandbox]))
            .await
            .unwrap();
    assert_eq!(code, 3);
    assert!(
        complained.contains("answered something else than a proxy"),
        "{complained}"
    );

    for (arguments, expected) in [
        (
            &["review"][..],
            "ventanilla.toml: the configuration cannot be read",
        ),
        (
            &["review", "--proxy", "http://pay.shop.example"],
            "--proxy: expected https",
        ),
    ] {
        let (code, _, complained) = run(&folder, arguments);
        assert!(
            code == 1 && complained.starts_with(expected),
            "{complained}"
        );
    }
    let keyless = ventanilla(&folder, &["review", "--proxy", "http://127.0.0.1:1"])
        .env_remove("VENTANILLA_API_KEY")
        .output()
        .unwrap();
    assert_eq!(keyless.status.code(), Some(1));
    assert!(
        String::from_utf8(keyless.stderr)
            .unwrap()
            .starts_with("VENTANILLA_API_KEY: expected it")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn without_an_address_the_proxy_of_the_configuration_is_asked() {
    let proxy = Proxy::start().await;
    let folder = Folder::new();
    let port = proxy
        .running
        .origin()
        .rsplit_once(':')
        .unwrap()
        .1
        .to_owned();
    let text =
        settings(&folder.0, &proxy.sandbox).replacen("127.0.0.1:0", &format!("0.0.0.0:{port}"), 1);
    write_settings(&folder, &text);
    let (code, said, complained) = tokio::task::spawn_blocking(move || run(&folder, &["review"]))
        .await
        .unwrap();
    assert_eq!(
        (code, said.as_str()),
        (0, "nothing to look at\n"),
        "{complained}"
    );
}

#[tokio::test]
async fn the_routes_want_the_key_and_a_body_that_fits() {
    let proxy = Proxy::start().await;
    let at = |path: &str| {
        proxy
            .request(Method::POST, path)
            .bearer_auth("vsk_wrong_0123456789abcdefghijklmno")
    };
    for path in [
        "/v1/review/att_a/read",
        "/v1/review/att_a/settle",
        "/v1/webhooks/enable",
    ] {
        problem(at(path).send().await.unwrap(), 401, "api-key-invalid").await;
        let from_a_browser = proxy
            .merchant(Method::POST, path)
            .header("origin", "https://shop.example");
        problem(
            from_a_browser.send().await.unwrap(),
            403,
            "origin-not-allowed",
        )
        .await;
    }
    let id = "/v1/review/att_aaaaaaaaaaaaaaaaaaaaaaaaaa";
    problem(
        post(&proxy, &format!("{id}/read"), &json!({})).await,
        404,
        "not-found",
    )
    .await;
    let fitting = json!({ "outcome": "declined", "note": "seen in the portal" });
    problem(
        post(&proxy, &format!("{id}/settle"), &fitting).await,
        404,
        "not-found",
    )
    .await;
    for body in [
        json!({}),
        json!({ "outcome": "paid", "note": "seen in the portal" }),
        json!({ "outcome": "declined", "note": "seen in the portal", "amount": 1 }),
    ] {
        let answer = post(&proxy, &format!("{id}/settle"), &body).await;
        problem(answer, 422, "request-malformed").await;
    }
    let key_in_the_clear = proxy.request(Method::GET, &format!("/v1/review?key={API_KEY}"));
    problem(
        key_in_the_clear.send().await.unwrap(),
        401,
        "api-key-invalid",
    )
    .await;
}
