//! `ventanilla GROUP OPERATION`, as a person and as a program runs it.

use std::io::Write as _;
use std::process::{Output, Stdio};

use serde_json::Value;
use ventanilla_proxy::commands::{ROWS, Shown};
use ventanilla_proxy::openapi;

use crate::served::ventanilla;
use crate::support::{PAN, Proxy};

/// Runs a command against `proxy`: exit code, what it printed, and what it had to complain of.
fn run(proxy: &Proxy, arguments: &[&str]) -> (i32, String, String) {
    let origin = proxy.running.origin();
    let arguments: Vec<&str> = arguments
        .iter()
        .copied()
        .chain(["--proxy", &origin])
        .collect();
    told(
        ventanilla(&proxy.folder, &arguments)
            .stdin(Stdio::null())
            .output()
            .unwrap(),
    )
}

fn told(output: Output) -> (i32, String, String) {
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (
        output.status.code().unwrap(),
        text(output.stdout),
        text(output.stderr),
    )
}

/// The merchant API's operations, by `operationId`.
fn operations() -> Vec<(String, String)> {
    let document = openapi::document();
    let paths = document["paths"].as_object().unwrap();
    let all = paths.iter().flat_map(|(path, item)| {
        let item = item.as_object().unwrap().values();
        item.filter(|operation| operation["security"][0].get("api_key").is_some())
            .map(|operation| {
                (
                    operation["operationId"].as_str().unwrap().to_owned(),
                    path.clone(),
                )
            })
            .collect::<Vec<_>>()
    });
    all.collect()
}

#[test]
fn every_operation_of_the_merchant_api_has_a_command_and_every_command_an_operation() {
    let operations = operations();
    for (operation, path) in &operations {
        assert!(
            ROWS.iter().any(|row| row.operation == operation),
            "{path}: no command for {operation}"
        );
    }
    for row in ROWS {
        assert!(
            operations
                .iter()
                .any(|(operation, _)| operation == row.operation),
            "{}",
            row.typed()
        );
    }
}

#[tokio::test]
async fn every_command_has_a_help_that_says_what_it_takes_and_how_it_ends() {
    let proxy = Proxy::start().await;
    for row in ROWS.iter().filter(|row| !matches!(row.shown, Shown::Own)) {
        let arguments: Vec<&str> = row.words.iter().copied().chain(["--help"]).collect();
        let (code, help, said) = told(ventanilla(&proxy.folder, &arguments).output().unwrap());
        assert_eq!(code, 0, "{}: {said}", row.typed());
        for word in [
            "/v1/",
            "--json",
            "--proxy",
            "VENTANILLA_API_KEY",
            "Exit codes: 0 done",
            "6 not confirmed",
        ] {
            assert!(help.contains(word), "{}: {word}\n{help}", row.typed());
        }
        assert_eq!(
            help.contains("--yes"),
            row.asks.is_some(),
            "{}",
            row.typed()
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_is_opened_read_and_ended() {
    let proxy = Proxy::start().await;
    let key = "0123456789abcdef";
    let open = [
        "session",
        "open",
        "--order-reference",
        "A-7",
        "--total",
        "CRC 12500.00",
        "--rails",
        "card",
        "--metadata",
        r#"{"cart":"c-99"}"#,
        "--idempotency-key",
        key,
        "--json",
    ];
    let (code, opened, said) = run(&proxy, &open);
    assert_eq!((code, said.as_str()), (0, ""), "{opened}");
    let opened: Value = serde_json::from_str(&opened).unwrap();
    assert_eq!(opened["session"]["total"]["amount_minor"], 1_250_000);
    assert_eq!(opened["session"]["metadata"]["cart"], "c-99");
    let (_, again, _) = run(&proxy, &open);
    let again: Value = serde_json::from_str(&again).unwrap();
    assert_eq!(again["session"]["id"], opened["session"]["id"]);

    let id = opened["session"]["id"].as_str().unwrap();
    let (code, table, _) = run(&proxy, &["session", "read", id]);
    assert_eq!(code, 0);
    for line in ["CRC 12500.00", "open", "A-7"] {
        assert!(table.contains(line), "{table}");
    }
    assert!(
        !table.contains('\u{1b}'),
        "no colours where there is no terminal"
    );
    let (code, ended, _) = run(&proxy, &["session", "expire", id, "--yes", "--json"]);
    assert_eq!(code, 0);
    assert_eq!(
        serde_json::from_str::<Value>(&ended).unwrap()["state"],
        "expired"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_may_come_from_a_file_or_from_standard_input() {
    let proxy = Proxy::start().await;
    let body = crate::support::new_session().to_string();
    let file = proxy.folder.0.join("session.json");
    std::fs::write(&file, &body).unwrap();
    let file = file.display().to_string();
    let (code, opened, said) = run(&proxy, &["session", "open", "--body", &file, "--json"]);
    assert_eq!(code, 0, "{opened}{said}");
    assert!(said.starts_with("idempotency key "), "{said}");

    let origin = proxy.running.origin();
    let arguments = [
        "session", "open", "--body", "-", "--json", "--proxy", &origin,
    ];
    let mut child = ventanilla(&proxy.folder, &arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(body.as_bytes())
        .unwrap();
    let (code, opened, said) = told(child.wait_with_output().unwrap());
    assert_eq!(code, 0, "{opened}{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn money_is_not_moved_without_a_yes() {
    let proxy = Proxy::start().await;
    let (_, token) = proxy.session().await;
    let key = crate::support::fresh_key();
    let paid = proxy
        .start_attempt(&token, &key, &proxy.card_start(PAN))
        .await;
    let paid: Value = paid.json().await.unwrap();
    let attempt = paid["id"].as_str().unwrap();

    let (code, printed, said) = run(&proxy, &["operation", "void", attempt]);
    assert_eq!((code, printed.as_str()), (6, ""), "{said}");
    assert!(
        said.contains("this undoes the payment") && said.contains("--yes"),
        "{said}"
    );
    let (_, shown, _) = run(&proxy, &["attempt", "read", attempt, "--json"]);
    let session = serde_json::from_str::<Value>(&shown).unwrap()["session_id"].clone();
    let (_, shown, _) = run(
        &proxy,
        &["session", "read", session.as_str().unwrap(), "--json"],
    );
    assert_eq!(
        serde_json::from_str::<Value>(&shown).unwrap()["operations"],
        serde_json::json!([])
    );

    let (code, table, said) = run(&proxy, &["operation", "void", attempt, "--yes"]);
    assert_eq!(code, 0, "{said}");
    assert!(
        table.contains("void") && table.contains("succeeded"),
        "{table}"
    );
    assert!(said.contains("--idempotency-key"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_is_a_table_and_goes_on_page_by_page() {
    let proxy = Proxy::start_with_every_rail().await;
    for amount in ["1.00", "2.00", "3.00"] {
        let amount = format!("ARS {amount}");
        let (code, made, said) = run(
            &proxy,
            &[
                "cvu",
                "transfer-link",
                "--account",
                "0009999001234567890126",
                "--cuit",
                "30-00000012-0",
                "--amount",
                &amount,
                "--concept",
                "VAR",
                "--description",
                "-",
                "--json",
            ],
        );
        assert_eq!(code, 0, "{made}{said}");
        let made: Value = serde_json::from_str(&made).unwrap();
        let pay = proxy
            .http
            .post(format!("{}/cvu/pay", proxy.sandbox.management_url));
        let paid = pay
            .json(&serde_json::json!({ "link": made["link"] }))
            .send()
            .await
            .unwrap();
        assert!(paid.status().is_success());
    }
    let list = [
        "cvu",
        "transactions",
        "--from",
        "2026-11-01",
        "--to",
        "2037-01-01",
        "--limit",
        "2",
    ];
    let (code, table, said) = run(&proxy, &list);
    assert_eq!(code, 0, "{said}");
    let lines: Vec<&str> = table.lines().collect();
    assert!(
        lines[0].starts_with("DATE") && lines[0].contains("AMOUNT"),
        "{table}"
    );
    assert_eq!(
        lines.iter().filter(|line| line.contains("ARS ")).count(),
        2,
        "{table}"
    );
    let next = lines
        .iter()
        .find_map(|line| line.strip_prefix("next: "))
        .unwrap();

    let after: Vec<&str> = list.iter().copied().chain(["--after", next]).collect();
    let (_, table, _) = run(&proxy, &after);
    assert_eq!(
        table.lines().filter(|line| line.contains("ARS ")).count(),
        1,
        "{table}"
    );
    assert!(!table.contains("next: "), "{table}");

    let all: Vec<&str> = list.iter().copied().chain(["--all", "--json"]).collect();
    let (_, whole, _) = run(&proxy, &all);
    let whole: Value = serde_json::from_str(&whole).unwrap();
    assert_eq!(
        whole["transactions"].as_array().unwrap().len(),
        3,
        "{whole}"
    );
    assert_eq!(whole["next"], Value::Null);
}

#[tokio::test(flavor = "multi_thread")]
async fn how_a_command_ended_is_its_exit_code() {
    let proxy = Proxy::start().await;
    for (arguments, code, word) in [
        (&["attempt", "read", "att_x"][..], 5, "not-found"),
        (&["attempt", "read", "../sessions"], 5, "not-found"),
        (
            &["operation", "capture", "att_x", "--amount", "12500"],
            2,
            "--amount: expected",
        ),
        (
            &[
                "operation",
                "refund",
                "att_x",
                "--idempotency-key",
                "short",
                "--yes",
            ],
            5,
            "idempotency-key-invalid",
        ),
        (&["cvu", "balance"], 5, "rail-not-configured"),
        (&["session", "open", "--order-reference", "A"], 2, "--total"),
        (
            &["session", "open", "--body", "no-such-file"],
            2,
            "no-such-file",
        ),
    ] {
        let (found, printed, said) = run(&proxy, arguments);
        assert_eq!(
            (found, printed.as_str()),
            (code, ""),
            "{arguments:?}: {said}"
        );
        assert!(said.contains(word), "{arguments:?}: {said}");
    }
    let nowhere = ["attempt", "read", "att_x", "--proxy", "http://127.0.0.1:1"];
    let (code, _, said) = told(ventanilla(&proxy.folder, &nowhere).output().unwrap());
    assert_eq!(code, 3, "{said}");
    let origin = proxy.running.origin();
    let asking = ["attempt", "read", "att_x", "--proxy", &origin];
    let wrong = ventanilla(&proxy.folder, &asking)
        .env("VENTANILLA_API_KEY", "vsk_another_0123456789abcdefghijkl")
        .output()
        .unwrap();
    let (code, _, said) = told(wrong);
    assert_eq!(code, 4, "{said}");
}
