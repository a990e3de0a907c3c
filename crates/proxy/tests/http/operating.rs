//! `docs/operating.md`, as far as a machine can hold it against what is there.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use ventanilla_sandbox::{Sandbox, SandboxOptions};

use crate::receiver::Receiver;
use crate::served::{Served, ventanilla, write_settings};
use crate::support::{Folder, client, settings};

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn guide() -> String {
    std::fs::read_to_string(repository().join("docs/operating.md")).unwrap()
}

/// The words of `text` that begin so.
fn words(text: &str, beginning: &str) -> BTreeSet<String> {
    let words = text.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
    words
        .filter(|word| word.starts_with(beginning) && word.len() > beginning.len())
        .map(str::to_owned)
        .collect()
}

/// The fenced blocks in one language.
fn blocks(guide: &str, language: &str) -> Vec<String> {
    let fence = format!("```{language}\n");
    let inside = guide.split(&fence).skip(1);
    inside
        .filter_map(|rest| rest.split("```").next())
        .map(str::to_owned)
        .collect()
}

/// The names of guards in the sources.
fn guards(folder: &Path, found: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            guards(&path, found);
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap_or_default();
        let after = text.split("\"guard\" => \"").skip(1);
        found.extend(
            after
                .filter_map(|rest| rest.split('"').next())
                .map(str::to_owned),
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_an_alert_is_about_is_counted_from_the_start() {
    let folder = Folder::new();
    let sandbox = Sandbox::start(SandboxOptions::default()).await.unwrap();
    let receiver = Receiver::start().await;
    let text = settings(&folder.0, &sandbox) + &receiver.section();
    write_settings(&folder, &text);
    let served = Served::start(&folder, &[]);
    let http = client();
    // What counts requests and wrong keys begins with the first of them.
    let refused = http.get(format!("{}/v1/review", served.origin)).send();
    assert_eq!(refused.await.unwrap().status(), 401);
    let told = served.line.trim_end().trim_end_matches(')');
    let management = told.split_whitespace().last().unwrap();
    let named = words(&blocks(&guide(), "yaml").concat(), "ventanilla_");
    assert!(named.len() > 5, "{named:?}");
    // How much is in doubt and waits is said once it was looked for.
    let deadline = Instant::now() + Duration::from_secs(20);
    let metrics = loop {
        let answer = http.get(format!("{management}/metrics")).send();
        let metrics = answer.await.unwrap().text().await.unwrap();
        let measured = words(&metrics, "ventanilla_");
        let missing: Vec<_> = named.difference(&measured).collect();
        if missing.is_empty() {
            break metrics;
        }
        assert!(Instant::now() < deadline, "not measured: {missing:?}");
        tokio::task::yield_now().await;
    };
    let mut known = BTreeSet::new();
    guards(&repository().join("crates/proxy/src"), &mut known);
    assert!(known.len() > 5, "{known:?}");
    for guard in known {
        let line = format!("ventanilla_guard_hits_total{{guard=\"{guard}\"}} 0");
        assert!(metrics.contains(&line), "{guard} is not counted yet");
    }
}

#[test]
fn every_secret_of_our_own_is_in_the_table_of_rotation_and_is_made_by_the_command() {
    let guide = guide();
    let (_, table) = guide.split_once("## Key rotation").unwrap();
    let (table, _) = table.split_once("\n## ").unwrap();
    let rows: Vec<&str> = table.lines().filter(|line| line.starts_with('|')).collect();
    let rotated = words(&rows.concat(), "VENTANILLA_");
    let made = ventanilla(&Folder::new(), &["keys"]).output().unwrap();
    let made = String::from_utf8(made.stdout).unwrap();
    let named = made.lines().filter_map(|line| line.split_once('='));
    let named: BTreeSet<String> = named.map(|(name, _)| name.to_owned()).collect();
    assert_eq!(rotated, named);
}

#[test]
fn every_command_and_variable_of_the_guide_exists() {
    let guide = guide();
    let example = repository().join("crates/proxy/ventanilla.example.toml");
    let example = std::fs::read_to_string(example).unwrap();
    let documented = words(&example, "VENTANILLA_");
    for name in words(&guide, "VENTANILLA_") {
        assert!(documented.contains(&name), "{name}");
    }
    let folder = Folder::new();
    let lines = blocks(&guide, "sh").concat();
    let typed = lines
        .lines()
        .filter_map(|line| line.split("ventanilla ").nth(1));
    let mut tried = 0;
    for command in typed.filter_map(|rest| rest.split_whitespace().next()) {
        if !command.chars().all(|letter| letter.is_ascii_lowercase()) {
            continue;
        }
        let help = ventanilla(&folder, &[command, "--help"]).output().unwrap();
        assert!(help.status.success(), "ventanilla {command}");
        tried += 1;
    }
    assert!(tried >= 4, "{tried}");
}
