//! The sandbox as a program of its own.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, SystemTime};

use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

const PROGRAM: &str = env!("CARGO_BIN_EXE_ventanilla-sandbox");

struct Program {
    child: Child,
    management_url: String,
    merchant_url: String,
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Program {
    fn start(arguments: &[&str]) -> Self {
        let mut child = Command::new(PROGRAM)
            .args(["--management-port", "0", "--merchant-port", "0"])
            .args(["--checkout-port", "0", "--cvu-port", "0"])
            .args(["--flux-port", "0", "--flexiti-port", "0"])
            .args(["--log", "warn"])
            .args(arguments)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        // All of it: a program whose output nobody reads ends.
        let output = BufReader::new(child.stdout.take().unwrap());
        let lines = output.lines().map(Result::unwrap);
        let lines: Vec<_> = lines.take_while(|line| !line.starts_with("seed")).collect();
        let url = |line: &String| line.split_whitespace().last().unwrap().to_owned();
        let (management_url, merchant_url) = (url(&lines[0]), url(&lines[1]));
        Self {
            child,
            management_url,
            merchant_url,
        }
    }

    async fn get(&self, path: &str) -> Value {
        let answer = reqwest::get(format!("{}{path}", self.management_url)).await;
        serde_json::from_str(&answer.unwrap().text().await.unwrap()).unwrap()
    }
}

fn refused(arguments: &[&str]) -> String {
    let Output { status, stderr, .. } = Command::new(PROGRAM).args(arguments).output().unwrap();
    assert!(!status.success(), "{arguments:?}");
    String::from_utf8(stderr).unwrap()
}

#[expect(clippy::disallowed_methods, reason = "the program reads it too")]
fn now() -> OffsetDateTime {
    SystemTime::now().into()
}

#[tokio::test]
async fn from_its_anchor_on_the_clock_runs_as_many_times_faster() {
    let anchor = now() - Duration::from_secs(100);
    let text = anchor.format(&Rfc3339).unwrap();
    let program = Program::start(&["--speed", "1000", "--clock-anchor", &text]);
    let order = json!({
        "merchantId": "11111111-1111-4111-8111-111111111111",
        "secret": "sandbox-secret",
        "terminal": "sandbox-terminal",
        "amount": 1,
        "currency": "CRC",
        "description": "",
        "orderReference": "ref-anchor",
    });
    let opened = reqwest::Client::new()
        .post(&program.merchant_url)
        .json(&order)
        .send()
        .await
        .unwrap();
    assert_eq!(opened.status().as_u16(), 200);
    let real = now() - anchor;
    let ledger = program.get("/ledger").await;
    let opened_at = ledger["orders"][0]["opened_at"].as_str().unwrap();
    let scaled = OffsetDateTime::parse(opened_at, &Rfc3339).unwrap() - anchor;
    assert!(scaled > Duration::from_secs(100_000), "{scaled}");
    assert!(scaled <= real * 1_000, "{scaled} {real}");
}

#[tokio::test]
async fn with_an_address_the_merchant_is_notified_on_time_unless_told_otherwise() {
    let program = Program::start(&["--notify-url", "http://127.0.0.1:9/hooks/"]);
    let set = program.get("/notifications").await;
    assert_eq!(
        (&set["url"], &set["mode"]),
        (&json!("http://127.0.0.1:9/hooks"), &json!("on_time"))
    );
    let program = Program::start(&[
        "--notify-url",
        "http://127.0.0.1:9",
        "--notify-mode",
        "five_times",
    ]);
    assert_eq!(program.get("/notifications").await["mode"], "five_times");
}

#[test]
fn what_cannot_be_is_refused_with_a_reason() {
    assert!(refused(&["--clock-anchor", "yesterday"]).contains("not a moment in RFC 3339"));
    assert!(refused(&["--notify-url", "https://shop.example"]).contains("speaks no TLS"));
    assert!(refused(&["--notify-mode", "sometimes"]).contains("must be one of never, on_time"));
    assert!(refused(&["--notify-mode", "early"]).contains("early needs url"));
}
