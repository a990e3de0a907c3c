//! A PostgreSQL server of the tests' own.
//!
//! Its data is in a temporary folder, it listens on loopback only, it writes as durably as one in
//! service, and it ends with the process that started it, however that ends. Started by root it runs as
//! `postgres` or `nobody`, because PostgreSQL refuses to run as root.
//!
//! `VENTANILLA_TEST_POSTGRES` names a server to use instead, by a URL whose user may create databases.
//! The databases made there, `ventanilla_test_…`, are left where they are.

mod wire;

use std::fs::File;
use std::hash::{BuildHasher as _, RandomState};
use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustix::process::{Pid, Signal, geteuid, kill_process};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use tokio::sync::OnceCell;
use tokio::time::{Instant, sleep};

pub use wire::{Cut, Wire};

/// A server. One that was started here ends when this is dropped.
pub struct Cluster {
    /// With the database `postgres`, or the one that was named.
    url: String,
    own: Option<Own>,
}

/// A result of this room: the error is what to tell whoever runs the tests.
pub type Result<T> = std::result::Result<T, String>;

const MISSING: &str = "no PostgreSQL server was found in PATH or /usr/lib/postgresql/*/bin: install the \
    package postgresql (on Debian: apt-get install postgresql), or name a server in \
    VENTANILLA_TEST_POSTGRES, as postgres://user:password@host:port/database";
const READY_LIMIT: Duration = Duration::from_secs(60);
const LOOK_AGAIN: Duration = Duration::from_millis(25);

/// This process's server, started when it is first asked for; or the one that
/// `VENTANILLA_TEST_POSTGRES` names.
///
/// # Errors
///
/// When there is no server, or it does not start.
pub async fn shared() -> Result<&'static Cluster> {
    static SHARED: OnceCell<Cluster> = OnceCell::const_new();
    SHARED
        .get_or_try_init(async || match variable("VENTANILLA_TEST_POSTGRES") {
            Some(url) => Ok(Cluster { url, own: None }),
            None => Cluster::start().await,
        })
        .await
}

impl Cluster {
    /// A server that writes as durably as one in service.
    ///
    /// # Errors
    ///
    /// When there is none, or it does not start.
    pub async fn start() -> Result<Self> {
        Self::start_with(&[]).await
    }

    /// A server with further settings, `("fsync", "off")`.
    ///
    /// # Errors
    ///
    /// When there is none, or it does not start.
    pub async fn start_with(settings: &[(&str, &str)]) -> Result<Self> {
        let own = Own::create(settings)?;
        let url = format!("postgres://ventanilla@127.0.0.1:{}/postgres", own.port);
        own.start_server()?;
        let cluster = Self {
            url,
            own: Some(own),
        };
        cluster.wait_until_ready().await?;
        Ok(cluster)
    }

    /// Where it is reached.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Where a server that was started here keeps its data and its journal.
    #[must_use]
    pub fn folder(&self) -> Option<&Path> {
        self.own.as_ref().map(|own| own.folder.as_path())
    }

    /// Makes an empty database and gives its URL.
    ///
    /// # Errors
    ///
    /// When the server does not.
    pub async fn create_database(&self) -> Result<String> {
        let name = format!("ventanilla_test_{:016x}", random());
        self.run(&format!("CREATE DATABASE {name}")).await?;
        Ok(with_database(&self.url, &name))
    }

    /// Runs a statement as the server's owner.
    ///
    /// # Errors
    ///
    /// When the server does not.
    pub async fn run(&self, sql: &str) -> Result<()> {
        let told = |error: sqlx::Error| format!("{sql}: {error}");
        let mut connection = PgConnection::connect(&self.url).await.map_err(told)?;
        sqlx::raw_sql(AssertSqlSafe(sql.to_owned()))
            .execute(&mut connection)
            .await
            .map_err(told)?;
        connection.close().await.map_err(told)
    }

    /// Stops the server as a loss of power would: no connection is told, nothing is written any more.
    ///
    /// # Errors
    ///
    /// When it is not ours to stop, or does not stop.
    pub async fn stop_immediate(&self) -> Result<()> {
        let own = self.own()?;
        own.signal(Signal::QUIT)?;
        let deadline = Instant::now() + READY_LIMIT;
        while own.is_running()? {
            if Instant::now() > deadline {
                return Err(String::from("the PostgreSQL server did not stop"));
            }
            sleep(LOOK_AGAIN).await;
        }
        Ok(())
    }

    /// Starts the server again where it was, and waits until it has recovered.
    ///
    /// # Errors
    ///
    /// When it is not ours to start, or does not start.
    pub async fn start_again(&self) -> Result<()> {
        self.own()?.start_server()?;
        self.wait_until_ready().await
    }

    /// Stops the server's processes where they are, without an answer to anybody, until
    /// [`Cluster::thaw`].
    ///
    /// # Errors
    ///
    /// When they are not ours to stop.
    pub fn freeze(&self) -> Result<()> {
        self.own()?.signal_all(Signal::STOP)
    }

    /// Lets the server's processes go on.
    ///
    /// # Errors
    ///
    /// When they are not ours.
    pub fn thaw(&self) -> Result<()> {
        self.own()?.signal_all(Signal::CONT)
    }

    fn own(&self) -> Result<&Own> {
        self.own
            .as_ref()
            .ok_or_else(|| String::from("this server was not started here"))
    }

    async fn wait_until_ready(&self) -> Result<()> {
        let deadline = Instant::now() + READY_LIMIT;
        loop {
            let error = match PgConnection::connect(&self.url).await {
                Ok(connection) => return connection.close().await.map_err(|e| e.to_string()),
                Err(error) => error,
            };
            let own = self.own()?;
            if !own.is_running()? || Instant::now() > deadline {
                return Err(format!(
                    "the PostgreSQL server did not start: {error}\n{}",
                    own.log()
                ));
            }
            sleep(LOOK_AGAIN).await;
        }
    }
}

/// A server that was started here.
struct Own {
    folder: PathBuf,
    program: PathBuf,
    user: Option<User>,
    port: u16,
    settings: Vec<String>,
    server: Mutex<Option<Child>>,
    watcher: Child,
}

impl Own {
    fn create(settings: &[(&str, &str)]) -> Result<Self> {
        let programs = find_programs().ok_or(MISSING)?;
        let user = User::to_run_as()?;
        let folder = std::env::temp_dir().join(format!("ventanilla-postgres-{:016x}", random()));
        let failed = |what: &str, error: &dyn std::fmt::Display| {
            format!("{what} {}: {error}", folder.display())
        };
        std::fs::create_dir(&folder).map_err(|error| failed("create", &error))?;
        let watcher = watch(&folder)?;
        std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o700))
            .map_err(|error| failed("protect", &error))?;
        if let Some(user) = &user {
            chown(&folder, Some(user.uid), Some(user.gid))
                .map_err(|error| failed("give away", &error))?;
        }
        let initdb = command(&programs.join("initdb"), user.as_ref(), &folder)
            .args(["--username=ventanilla", "--auth=trust", "--no-locale"])
            .args(["--encoding=UTF8", "--no-sync", "--pgdata=data"])
            .output()
            .map_err(|error| format!("initdb: {error}"))?;
        if !initdb.status.success() {
            let said = String::from_utf8_lossy(&initdb.stderr);
            return Err(format!("initdb: {said}"));
        }
        let settings = settings
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        Ok(Self {
            program: programs.join("postgres"),
            user,
            port: free_port()?,
            settings,
            server: Mutex::new(None),
            watcher,
            folder,
        })
    }

    fn start_server(&self) -> Result<()> {
        let told = |error: std::io::Error| format!("{}: {error}", self.program.display());
        let log = File::options()
            .create(true)
            .append(true)
            .open(self.folder.join("log"))
            .map_err(told)?;
        let sockets = format!("unix_socket_directories={}", self.folder.display());
        let port = format!("port={}", self.port);
        let mut arguments = vec![
            "listen_addresses=127.0.0.1",
            "fsync=on",
            "max_connections=300",
            "shared_buffers=32MB",
            &sockets,
            &port,
        ];
        arguments.extend(self.settings.iter().map(String::as_str));
        let mut server = command(&self.program, self.user.as_ref(), &self.folder);
        server.arg("-D").arg("data");
        for argument in arguments {
            server.args(["-c", argument]);
        }
        let server = server
            .stdout(log.try_clone().map_err(told)?)
            .stderr(log)
            .spawn()
            .map_err(told)?;
        *self.server() = Some(server);
        Ok(())
    }

    fn server(&self) -> MutexGuard<'_, Option<Child>> {
        self.server.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_running(&self) -> Result<bool> {
        match self.server().as_mut() {
            Some(server) => Ok(server
                .try_wait()
                .map_err(|error| error.to_string())?
                .is_none()),
            None => Ok(false),
        }
    }

    fn pid(&self) -> Option<Pid> {
        self.server().as_ref().map(Pid::from_child)
    }

    fn signal(&self, signal: Signal) -> Result<()> {
        let pid = self.pid().ok_or("the server does not run")?;
        kill_process(pid, signal).map_err(|error| error.to_string())
    }

    /// The server and every process of it.
    fn signal_all(&self, signal: Signal) -> Result<()> {
        let pid = self.pid().ok_or("the server does not run")?;
        let parent = pid.as_raw_nonzero().to_string();
        self.signal(signal)?;
        let processes = std::fs::read_dir("/proc").map_err(|error| error.to_string())?;
        for process in processes.flatten() {
            // `pid (name) state parent …`; the name may hold anything.
            let stat = std::fs::read_to_string(process.path().join("stat")).unwrap_or_default();
            let of_server = stat
                .rsplit_once(") ")
                .and_then(|(_, rest)| rest.split(' ').nth(1))
                == Some(&parent);
            let child = process.file_name().to_string_lossy().parse().ok();
            if let (true, Some(child)) = (of_server, child.and_then(Pid::from_raw)) {
                // It may have ended meanwhile.
                let _ = kill_process(child, signal);
            }
        }
        Ok(())
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.join("log")).unwrap_or_default()
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        let _ = self.signal_all(Signal::CONT);
        let _ = self.signal(Signal::QUIT);
        if let Some(mut server) = self.server().take() {
            let _ = server.wait();
        }
        drop(self.watcher.stdin.take());
        let _ = self.watcher.wait();
    }
}

/// Ends the server and removes its folder when this process is gone: its end of the pipe closes then,
/// whatever it died of.
fn watch(folder: &Path) -> Result<Child> {
    const SCRIPT: &str = r#"
trap '' INT TERM HUP
cat >/dev/null
lock=$1/data/postmaster.pid
pid=$(head -n 1 "$lock" 2>/dev/null)
if [ -n "$pid" ]; then
  kill -CONT "$pid" 2>/dev/null
  kill -QUIT "$pid" 2>/dev/null
  tries=0
  while [ -e "$lock" ] && [ "$tries" -lt 200 ]; do
    sleep 0.05
    tries=$((tries + 1))
  done
fi
rm -rf "$1"
"#;
    Command::new("sh")
        .args(["-c", SCRIPT, "watcher"])
        .arg(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()
        .map_err(|error| format!("sh: {error}"))
}

/// Whom to run a server as.
struct User {
    uid: u32,
    gid: u32,
}

impl User {
    /// None is whoever runs this; root is not taken by PostgreSQL.
    fn to_run_as() -> Result<Option<Self>> {
        if !geteuid().is_root() {
            return Ok(None);
        }
        ["postgres", "nobody"]
            .into_iter()
            .find_map(Self::named)
            .map(Some)
            .ok_or_else(|| String::from("there is neither a user postgres nor a user nobody"))
    }

    fn named(name: &str) -> Option<Self> {
        let number = |what: &str| {
            let output = Command::new("id").args([what, name]).output().ok()?;
            String::from_utf8(output.stdout).ok()?.trim().parse().ok()
        };
        Some(Self {
            uid: number("-u")?,
            gid: number("-g")?,
        })
    }
}

fn command(program: &Path, user: Option<&User>, folder: &Path) -> Command {
    let mut command = Command::new(program);
    command
        .current_dir(folder)
        .stdin(Stdio::null())
        // A signal to the tests' group, Ctrl-C, is not for the server.
        .process_group(0)
        .env("LC_ALL", "C");
    if let Some(user) = user {
        command.uid(user.uid).gid(user.gid);
    }
    command
}

/// A folder with `initdb` and `postgres`: of the search path, or the newest of those that distributions
/// keep out of it.
fn find_programs() -> Option<PathBuf> {
    let path = variable("PATH").unwrap_or_default();
    let mut packaged: Vec<(u32, PathBuf)> = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|version| {
            let number = version.file_name().to_str()?.parse().ok()?;
            Some((number, version.path().join("bin")))
        })
        .collect();
    packaged.sort_by_key(|(version, _)| std::cmp::Reverse(*version));
    std::env::split_paths(&path)
        .chain(packaged.into_iter().map(|(_, folder)| folder))
        .find(|folder| folder.join("initdb").is_file() && folder.join("postgres").is_file())
}

#[expect(
    clippy::disallowed_methods,
    reason = "tests are told by their environment, and have no configuration"
)]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

fn free_port() -> Result<u16> {
    TcpListener::bind(("127.0.0.1", 0))
        .and_then(|listener| listener.local_addr())
        .map(|address| address.port())
        .map_err(|error| error.to_string())
}

/// `url` with another database.
fn with_database(url: &str, name: &str) -> String {
    let (address, query) = match url.split_once('?') {
        Some((address, query)) => (address, format!("?{query}")),
        None => (url, String::new()),
    };
    let server = match address.split_once("://") {
        Some((_, rest)) if rest.contains('/') => address.rsplit_once('/').map(|(server, _)| server),
        _ => None,
    };
    format!("{}/{name}{query}", server.unwrap_or(address))
}

/// A number that no other process picks.
fn random() -> u64 {
    RandomState::new().hash_one(std::process::id())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_server_keeps_what_was_committed_when_it_stops_without_goodbye() {
        let cluster = Cluster::start().await.unwrap();
        let folder = cluster.own().unwrap().folder.clone();
        cluster
            .run("CREATE TABLE kept AS SELECT 1 AS one")
            .await
            .unwrap();
        cluster.stop_immediate().await.unwrap();
        assert!(cluster.run("SELECT one FROM kept").await.is_err());
        cluster.start_again().await.unwrap();
        cluster.run("SELECT one FROM kept").await.unwrap();
        drop(cluster);
        assert!(!folder.exists(), "nothing is left behind");
    }

    #[test]
    fn a_database_is_named_in_the_url_of_its_server() {
        for url in [
            "postgres://a:b@h:1?sslmode=disable",
            "postgres://a:b@h:1/?sslmode=disable",
            "postgres://a:b@h:1/postgres?sslmode=disable",
        ] {
            assert_eq!(
                with_database(url, "x"),
                "postgres://a:b@h:1/x?sslmode=disable"
            );
        }
        assert_eq!(with_database("postgres://h", "x"), "postgres://h/x");
    }

    #[tokio::test]
    async fn every_database_is_empty_and_its_own() {
        let cluster = shared().await.unwrap();
        let (one, other) = (
            cluster.create_database().await.unwrap(),
            cluster.create_database().await.unwrap(),
        );
        assert_ne!(one, other);
        for url in [one, other] {
            let mut connection = PgConnection::connect(&url).await.unwrap();
            sqlx::raw_sql("CREATE TABLE mine (one INT)")
                .execute(&mut connection)
                .await
                .unwrap();
        }
    }
}
