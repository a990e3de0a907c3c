//! A child process and what can be done to it.

use std::fs::OpenOptions;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tokio::process::{Child, Command};

use crate::failure::{Failure, Result, Tried as _};

/// A program that runs, or ran. Dropped, it is killed.
pub struct Process {
    name: String,
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts `command` with its standard error appended to `log`, and its standard output to a file
    /// beside it. The environment is what `command` says and nothing else.
    ///
    /// # Errors
    ///
    /// When the program or the log cannot be opened.
    pub fn start(name: &str, mut command: Command, log: &Path) -> Result<Self> {
        let append = |path: &Path| {
            OpenOptions::new()
                .create(true)
                .append(true)
                .open(path)
                .tried(format_args!("write {}", path.display()))
        };
        let child = command
            .stdin(Stdio::null())
            .stderr(append(log)?)
            .stdout(append(&log.with_extension("out"))?)
            .kill_on_drop(true)
            .spawn()
            .tried(format_args!("start {name}"))?;
        Ok(Self {
            name: name.to_owned(),
            child,
            log: log.to_owned(),
        })
    }

    /// Its standard error.
    #[must_use]
    pub fn log(&self) -> &Path {
        &self.log
    }

    /// Its number, unless it has ended.
    #[must_use]
    pub fn id(&self) -> Option<u32> {
        self.child.id()
    }

    /// Whether it runs; a stopped one does.
    pub fn runs(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Whether it was stopped, by itself or by [`Process::pause`], and not resumed since.
    #[must_use]
    pub fn stands_still(&self) -> bool {
        let status = self
            .child
            .id()
            .and_then(|id| std::fs::read_to_string(format!("/proc/{id}/stat")).ok());
        // The name before the state may hold anything but a closing bracket after the last.
        status
            .as_deref()
            .and_then(|status| status.rsplit_once(") "))
            .is_some_and(|(_, rest)| rest.starts_with('T'))
    }

    /// `SIGKILL`, and waits until it is gone.
    ///
    /// # Errors
    ///
    /// When it was gone already: then it was not this that ended it.
    pub async fn kill(&mut self) -> Result<()> {
        if !self.runs() {
            return Err(Failure::of(format!(
                "{} ended by itself; its log is {}",
                self.name,
                self.log.display()
            )));
        }
        self.child
            .kill()
            .await
            .tried(format_args!("kill {}", self.name))
    }

    /// `SIGTERM`, and waits until it is gone.
    ///
    /// # Errors
    ///
    /// When it is not gone within `limit`.
    pub async fn terminate(&mut self, limit: Duration) -> Result<ExitStatus> {
        self.signal(Signal::TERM)?;
        self.wait_for_end(limit).await
    }

    /// Waits until it is gone.
    ///
    /// # Errors
    ///
    /// When it is not gone within `limit`.
    pub async fn wait_for_end(&mut self, limit: Duration) -> Result<ExitStatus> {
        match tokio::time::timeout(limit, self.child.wait()).await {
            Ok(ended) => ended.tried(format_args!("wait for {}", self.name)),
            Err(_) => Err(Failure::of(format!(
                "{} did not end within {limit:?}",
                self.name
            ))),
        }
    }

    /// `SIGSTOP`: it stands still with everything it has begun.
    ///
    /// # Errors
    ///
    /// When it is gone.
    pub fn pause(&self) -> Result<()> {
        self.signal(Signal::STOP)
    }

    /// `SIGCONT`.
    ///
    /// # Errors
    ///
    /// When it is gone.
    pub fn resume(&self) -> Result<()> {
        self.signal(Signal::CONT)
    }

    fn signal(&self, signal: Signal) -> Result<()> {
        let process = self
            .child
            .id()
            .and_then(|id| i32::try_from(id).ok())
            .and_then(Pid::from_raw)
            .ok_or_else(|| Failure::of(format!("{} is gone", self.name)))?;
        kill_process(process, signal).tried(format_args!("signal {}", self.name))
    }
}
