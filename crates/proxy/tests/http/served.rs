//! The binary, serving in a process of its own.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, Command, Output, Stdio};
use std::thread::JoinHandle;

use serde_json::Value;

use crate::support::{API_KEY, Folder, client, environment, fresh_key, new_session};

/// The binary with `arguments`, in `folder`, with the usual secrets and no other environment.
pub fn ventanilla(folder: &Folder, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ventanilla"));
    command
        .args(arguments)
        .current_dir(&folder.0)
        .env_clear()
        .envs(environment());
    command
}

pub fn write_settings(folder: &Folder, text: &str) {
    std::fs::write(folder.0.join("ventanilla.toml"), text).unwrap();
}

/// Runs it to its end: exit code, what it printed, and what it had to complain of.
pub fn run(folder: &Folder, arguments: &[&str]) -> (i32, String, String) {
    let Output {
        status,
        stdout,
        stderr,
    } = ventanilla(folder, arguments).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (status.code().unwrap(), text(stdout), text(stderr))
}

/// Opens a session at a proxy in a process of its own.
pub async fn open_session_at(origin: &str) -> reqwest::Result<Value> {
    let http = client();
    http.post(format!("{origin}/v1/sessions"))
        .bearer_auth(API_KEY)
        .header("idempotency-key", fresh_key())
        .json(&new_session())
        .send()
        .await?
        .json()
        .await
}

/// A proxy that serves. It does not outlive the test.
pub struct Served {
    child: Child,
    log: Option<JoinHandle<String>>,
    /// What it said when it listened.
    pub line: String,
    /// Where it listens.
    pub origin: String,
}

impl Served {
    /// Starts it with the settings in `folder`, and waits until it listens.
    pub fn start(folder: &Folder, environment: &[(&str, &str)]) -> Self {
        let mut child = ventanilla(folder, &["serve"])
            .envs(environment.iter().copied())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut log = child.stderr.take().unwrap();
        let log = std::thread::spawn(move || {
            let mut text = String::new();
            let _ = log.read_to_string(&mut text);
            text
        });
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let origin = line
            .split_whitespace()
            .nth(4)
            .unwrap_or_default()
            .to_owned();
        Self {
            child,
            log: Some(log),
            line,
            origin,
        }
    }

    /// Tells it to stop: its exit code and what it logged.
    pub fn stop(mut self) -> (Option<i32>, String) {
        let process = i32::try_from(self.child.id()).unwrap();
        let process = rustix::process::Pid::from_raw(process).unwrap();
        rustix::process::kill_process(process, rustix::process::Signal::TERM).unwrap();
        let code = self.child.wait().unwrap().code();
        (code, self.log.take().unwrap().join().unwrap())
    }

    /// Waits until it ends by itself: its exit code, or none when a signal ended it.
    pub fn wait(&mut self) -> Option<i32> {
        self.child.wait().unwrap().code()
    }

    /// Ends it in the middle of whatever it does.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
