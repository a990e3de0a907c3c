//! The binary, as a person or a service manager runs it.

use reqwest::Method;
use serde_json::Value;
use ventanilla_sandbox::{Sandbox, SandboxOptions};

use crate::flexiti;
use crate::served::{Served, open_session_at, run, ventanilla, write_settings};
use crate::support::{
    API_KEY, Folder, GREENPAY_SECRET, HOOK_PATH, LOADER, OLD_API_KEY, PUBLIC_ORIGIN, client,
    environment, fresh_key, integrity, settings,
};

#[tokio::test]
async fn help_names_every_command_and_variable() {
    let folder = Folder::new();
    let (code, help, _) = run(&folder, &["--help"]);
    assert_eq!(code, 0);
    for word in [
        "serve",
        "check",
        "embed",
        "keys",
        "review",
        "VENTANILLA_API_KEY",
        "VENTANILLA_TOKEN_KEYS",
        "VENTANILLA_STORE_KEYS",
        "VENTANILLA_STORE_URL",
        "VENTANILLA_GREENPAY_SECRET",
        "VENTANILLA_CVU_PASSWORD",
        "VENTANILLA_FLUX_REFRESH_TOKEN",
        "VENTANILLA_FLEXITI_CLIENT_SECRET",
        "VENTANILLA_WEBHOOK_SECRETS",
        "VENTANILLA_HOOK_PATH",
        "VENTANILLA_LOG",
        "Exit codes",
    ] {
        assert!(help.contains(word), "{word}");
    }
    let (code, help, _) = run(&folder, &["serve", "--help"]);
    assert!(code == 0 && help.contains("--config <FILE>") && help.contains("ventanilla.toml"));
    assert_eq!(run(&folder, &["no-such-command"]).0, 2);
}

#[tokio::test]
async fn embed_prints_what_a_shop_pastes_and_needs_no_secret() {
    let folder = Folder::new();
    let sandbox = Sandbox::start(SandboxOptions::default()).await.unwrap();
    write_settings(&folder, &settings(&folder.0, &sandbox));
    let printed = ventanilla(&folder, &["embed"])
        .env_clear()
        .output()
        .unwrap();
    assert_eq!(
        String::from_utf8(printed.stdout).unwrap(),
        format!(
            "<script src=\"{PUBLIC_ORIGIN}/assets/{LOADER}\" integrity=\"{}\" crossorigin=\"anonymous\" defer></script>\n\
             <ventanilla-checkout proxy=\"{PUBLIC_ORIGIN}\"></ventanilla-checkout>\n",
            integrity("loader")
        )
    );
}

#[tokio::test]
async fn serve_refuses_a_wrong_configuration_and_a_missing_widget() {
    let folder = Folder::new();
    let sandbox = Sandbox::start(SandboxOptions::default()).await.unwrap();
    let (code, _, said) = run(&folder, &["serve"]);
    assert!(
        code == 1 && said.contains("ventanilla.toml: the configuration cannot be read"),
        "{said}"
    );

    write_settings(
        &folder,
        &settings(&folder.0, &sandbox).replace("trusted_proxy_hops = 0", "hops = 0"),
    );
    let (code, _, said) = run(&folder, &["serve"]);
    assert!(
        code == 1 && said.starts_with("server.hops: expected one of the keys"),
        "{said}"
    );

    let empty = folder.0.join("empty");
    std::fs::create_dir(&empty).unwrap();
    let text = settings(&folder.0, &sandbox);
    let text = text.replace(
        &folder.0.join("dist").display().to_string(),
        &empty.display().to_string(),
    );
    write_settings(&folder, &text);
    let (code, _, said) = run(&folder, &["serve"]);
    assert!(code == 1 && said.contains("scripts/package"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn check_tells_what_is_right_and_what_is_not() {
    let folder = Folder::new();
    let sandbox = Sandbox::start(SandboxOptions::default()).await.unwrap();
    write_settings(&folder, &settings(&folder.0, &sandbox));
    let (code, said, _) = run(&folder, &["check"]);
    assert_eq!(code, 0, "{said}");
    for line in [
        "ok    configuration: ventanilla.toml",
        "ok    widget: release 0.1.0",
        "ok    store: ",
        "ok    card.public_key: 1024 bits, SHA-256 ",
        "note  card.public_key: 1024 bits are weak",
        "ok    card.merchant_url: http://127.0.0.1:",
        "ok    card: GreenPay is to notify http://127.0.0.1:8787/hooks/greenpay/<VENTANILLA_HOOK_PATH>/",
        "note  webhooks: no [webhooks] section",
        "ready to serve",
    ] {
        assert!(said.contains(line), "{line}\n{said}");
    }
    // It asked and moved nothing.
    assert!(sandbox.ledger().debits.is_empty() && sandbox.ledger().orders.is_empty());
    for secret in [API_KEY, OLD_API_KEY, GREENPAY_SECRET, HOOK_PATH] {
        assert!(!said.contains(secret));
    }

    let telling = |section: &str| {
        let text = settings(&folder.0, &sandbox) + "[webhooks]\n" + section;
        write_settings(&folder, &text);
        run(&folder, &["check"])
    };
    for section in [
        "url = \"http://127.0.0.1:1/\"\nallow_private = true",
        "url = \"https://localhost/\"\nallow_private = true",
    ] {
        let (code, said, _) = telling(section);
        assert!(code == 0 && said.contains("ok    webhooks.url: "), "{said}");
    }
    let (code, said, _) = telling("url = \"https://localhost/\"");
    assert_eq!(code, 1, "{said}");
    assert!(
        said.contains(
            "FAIL  webhooks.url: https://localhost/: localhost has private addresses only"
        ),
        "{said}"
    );

    let closed = settings(&folder.0, &sandbox).replace(&sandbox.merchant_url, "http://127.0.0.1:1");
    write_settings(&folder, &closed);
    let (code, said, _) = run(&folder, &["check"]);
    assert_eq!(code, 3, "{said}");
    assert!(
        said.contains(
            "FAIL  card.merchant_url: http://127.0.0.1:1: provider could not be connected to"
        ),
        "{said}"
    );

    write_settings(&folder, "[server]\n");
    let (code, said, _) = run(&folder, &["check"]);
    assert_eq!(code, 1, "{said}");
    assert!(
        said.contains("FAIL  configuration: merchant.name: expected a value, found none"),
        "{said}"
    );
    assert!(
        said.ends_with("not ready: put right what is marked FAIL\n"),
        "{said}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn check_asks_flux_for_a_token_and_tells_where_a_wrong_one_comes_from() {
    let folder = Folder::new();
    let sandbox = Sandbox::start(SandboxOptions::default()).await.unwrap();
    let flux = format!(
        "[flux]\nurl = \"{}/v3\"\nstore = \"Centro\"\n",
        sandbox.flux_url
    );
    write_settings(&folder, &(settings(&folder.0, &sandbox) + &flux));
    for (token, expected, line) in [
        (
            sandbox.flux_credentials().refresh_token.as_str(),
            0,
            "ok    flux.url: http://127.0.0.1:",
        ),
        (
            "another-refresh-token",
            3,
            "FAIL  flux.url: http://127.0.0.1:",
        ),
    ] {
        let checked = ventanilla(&folder, &["check"])
            .env("VENTANILLA_FLUX_REFRESH_TOKEN", token)
            .output()
            .unwrap();
        let said = String::from_utf8(checked.stdout).unwrap();
        assert_eq!(checked.status.code(), Some(expected), "{said}");
        assert!(said.contains(line), "{said}");
        let points = said.contains("look at VENTANILLA_FLUX_REFRESH_TOKEN");
        assert_eq!(points, expected != 0, "{said}");
        assert!(!said.contains(token), "{said}");
    }
    assert!(sandbox.ledger().flux.payments.is_empty());
    let (code, said, _) = run(&folder, &["check"]);
    assert_eq!(code, 1, "{said}");
    assert!(
        said.contains("VENTANILLA_FLUX_REFRESH_TOKEN: expected it"),
        "{said}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn check_asks_flexiti_for_a_token_and_a_list_and_tells_where_refused_credentials_come_from() {
    let folder = Folder::new();
    let sandbox = Sandbox::start(SandboxOptions::default()).await.unwrap();
    let usual = settings(&folder.0, &sandbox);
    let checked = |more: &str, url: &str, secret: Option<&str>| {
        write_settings(&folder, &(usual.clone() + &flexiti::section(url, more)));
        let mut command = ventanilla(&folder, &["check"]);
        if let Some(secret) = secret {
            command.env("VENTANILLA_FLEXITI_CLIENT_SECRET", secret);
        }
        let checked = command.output().unwrap();
        let said = String::from_utf8(checked.stdout).unwrap();
        assert!(secret.is_none_or(|secret| !said.contains(secret)), "{said}");
        (checked.status.code(), said)
    };
    let secret = sandbox.flexiti_credentials().client_secret.clone();
    let url = &sandbox.flexiti_url;

    let (code, said) = checked("", url, Some(&secret));
    assert_eq!(code, Some(0), "{said}");
    for line in [
        format!("ok    flexiti.url: {url} answers"),
        format!("ok    flexiti.page_origin: {url} is the only page that the frame shows"),
    ] {
        assert!(said.contains(&line), "{line}\n{said}");
    }
    let asked = sandbox.ledger().flexiti;
    assert!(asked.sessions.is_empty() && asked.authorizations.is_empty());

    let (code, said) = checked("", url, Some("another-client-secret"));
    assert_eq!(code, Some(3), "{said}");
    let points = "look at flexiti.client_id and VENTANILLA_FLEXITI_CLIENT_SECRET";
    assert!(
        said.contains(&format!("FAIL  flexiti.url: {url}: ")) && said.contains(points),
        "{said}"
    );

    let (code, said) = checked("", "http://127.0.0.1:1", Some(&secret));
    assert_eq!(code, Some(3), "{said}");
    assert!(
        said.contains("FAIL  flexiti.url: http://127.0.0.1:1: provider could not be connected to")
            && !said.contains(points),
        "{said}"
    );

    let (code, said) = checked("", url, None);
    assert_eq!(code, Some(1), "{said}");
    assert!(
        said.contains("VENTANILLA_FLEXITI_CLIENT_SECRET: expected it"),
        "{said}"
    );
    let (code, said) = checked(
        "page_origin = \"http://elsewhere.example\"",
        url,
        Some(&secret),
    );
    assert_eq!(code, Some(1), "{said}");
    assert!(
        said.contains("flexiti.page_origin: expected https"),
        "{said}"
    );
}

/// The canary run: everything is logged, a card is paid, and nothing of it may be in the log.
#[tokio::test(flavor = "multi_thread")]
async fn a_served_payment_leaves_no_card_token_or_secret_in_the_most_talkative_log() {
    let folder = Folder::new();
    let sandbox = Sandbox::start(SandboxOptions::default()).await.unwrap();
    write_settings(&folder, &settings(&folder.0, &sandbox));
    let served = Served::start(&folder, &[("VENTANILLA_LOG", "trace")]);
    let line = served.line.clone();
    assert!(
        line.starts_with("ventanilla 0.1.0 listens on http://127.0.0.1:"),
        "{line}"
    );
    assert!(
        line.contains(&format!(
            " as {PUBLIC_ORIGIN} (management on http://127.0.0.1:"
        )),
        "{line}"
    );
    let origin = &served.origin;

    let http = client();
    let opened = open_session_at(origin).await.unwrap();
    let token = opened["client_token"].as_str().unwrap();
    let start = crate::support::card_start(&sandbox, "5555555555554444");
    let paid: Value = http
        .request(Method::POST, format!("{origin}/v1/checkout/attempts"))
        .bearer_auth(token)
        .header("origin", PUBLIC_ORIGIN)
        .header("idempotency-key", fresh_key())
        .json(&start)
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(paid["state"], "succeeded");
    // A card number where none belongs.
    let stray = http
        .get(format!("{origin}/4000056655665556?pan=4000056655665556"))
        .header("x-note", "4000 0566 5566 5556")
        .send()
        .await
        .unwrap();
    assert_eq!(stray.status(), 404);

    let (code, log) = served.stop();
    assert_eq!(code, Some(0));
    assert!(
        log.lines().count() > 20,
        "the log is too quiet to prove anything: {log}"
    );
    assert!(log.contains("SIGTERM: stopping"));
    for line in log.lines() {
        assert!(
            serde_json::from_str::<Value>(line).is_ok(),
            "not a line of JSON: {line}"
        );
    }

    let sealed = &start["card"]["sealed"];
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let hex = |text: &str| text.bytes().map(|b| format!("{b:02x}")).collect::<String>();
    for canary in [
        "5555555555554444".to_owned(),
        "5555 5555 5555 4444".to_owned(),
        "4000056655665556".to_owned(),
        "4000 0566 5566 5556".to_owned(),
        hex("5555555555554444"),
        text(&sealed["ld"]),
        text(&sealed["lk"]),
        token.to_owned(),
        API_KEY.to_owned(),
        GREENPAY_SECRET.to_owned(),
        environment()["VENTANILLA_TOKEN_KEYS"].clone(),
    ] {
        assert!(!log.contains(&canary), "{canary} is in the log");
    }
}
