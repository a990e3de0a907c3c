//! Who is measured, and how each is started and ended.

use std::path::PathBuf;
use std::time::Duration;

use tokio::process::Command;
use tokio::time::Instant;
use ventanilla_testbed::postgres::Cluster;

use super::usage::{self, Usage};
use crate::clock::ScaledClock;
use crate::failure::{Failure, Result, Tried as _};
use crate::harness::process::Process;
use crate::harness::proxy::{Proxy, Secrets, Settings, StoreAt};
use crate::harness::sandbox::Sandbox;
use crate::harness::{Binaries, free_ports};

/// Who is measured.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Kind {
    /// The proxy on a file.
    Sqlite,
    /// The proxy on PostgreSQL.
    Postgres,
    /// A plain Node server on PostgreSQL.
    Node,
    /// Bare axum, which writes nothing down.
    Forward,
}

impl Kind {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "Ventanilla on SQLite",
            Self::Postgres => "Ventanilla on PostgreSQL",
            Self::Node => "plain Node on PostgreSQL",
            Self::Forward => "bare axum, forwarding only",
        }
    }
}

/// What all of them stand on.
pub(super) struct Ground {
    pub binaries: Binaries,
    pub folder: PathBuf,
    pub sandbox: Sandbox,
    pub secrets: Secrets,
    pub clock: ScaledClock,
    pub node: Option<PathBuf>,
}

/// One of them. Dropped, it is killed.
pub(super) struct Subject {
    kind: Kind,
    runs: Runs,
    secrets: Secrets,
    /// Lives as long as who works on it.
    _cluster: Option<Cluster>,
}

enum Runs {
    Proxy(Box<Proxy>),
    Peer(Box<Peer>),
}

/// A server that is told everything by its environment, and listens once it answers.
struct Peer {
    name: &'static str,
    program: PathBuf,
    arguments: Vec<String>,
    environment: Vec<(&'static str, String)>,
    log: PathBuf,
    url: String,
    process: Option<Process>,
}

impl Subject {
    /// With a store of its own; starts nothing.
    pub async fn prepare(ground: &Ground, kind: Kind, part: &str) -> Result<Self> {
        let cluster = match kind {
            Kind::Postgres | Kind::Node => Some(
                Cluster::start_with(&[("shared_buffers", "128MB")])
                    .await
                    .map_err(Failure::of)?,
            ),
            Kind::Sqlite | Kind::Forward => None,
        };
        let database = match &cluster {
            Some(cluster) => Some(cluster.create_database().await.map_err(Failure::of)?),
            None => None,
        };
        let name = format!("{part}-{kind:?}").to_lowercase();
        let runs = match kind {
            Kind::Sqlite | Kind::Postgres => {
                let store = match database {
                    Some(url) => StoreAt::Postgres(url),
                    None => StoreAt::Sqlite(ground.folder.join(format!("{name}.db"))),
                };
                let mut settings = Settings::new(&ground.sandbox, store, ground.clock)?;
                settings.cvu_url = Some(ground.sandbox.cvu_url().to_owned());
                settings.log = String::from("info");
                let (binaries, folder) = (&ground.binaries, &ground.folder);
                let proxy = Proxy::prepare(binaries, folder, &name, settings, &ground.secrets)?;
                Runs::Proxy(Box::new(proxy))
            }
            Kind::Node | Kind::Forward => Runs::Peer(Box::new(peer(ground, kind, database)?)),
        };
        Ok(Self {
            kind,
            runs,
            secrets: ground.secrets.clone(),
            _cluster: cluster,
        })
    }

    pub const fn name(&self) -> &'static str {
        self.kind.name()
    }

    pub const fn secrets(&self) -> &Secrets {
        &self.secrets
    }

    pub fn url(&self) -> String {
        match &self.runs {
            Runs::Proxy(proxy) => proxy.url().to_owned(),
            Runs::Peer(peer) => peer.url.clone(),
        }
    }

    /// What a buyer's browser calls the frame's origin.
    pub fn origin(&self) -> String {
        match &self.runs {
            Runs::Proxy(proxy) => proxy.public_origin().to_owned(),
            Runs::Peer(peer) => peer.url.clone(),
        }
    }

    /// Starts it and waits until it answers.
    pub async fn start(&mut self) -> Result<()> {
        match &mut self.runs {
            Runs::Proxy(proxy) => proxy.start().await,
            Runs::Peer(peer) => peer.start().await,
        }
    }

    /// Ends it as its operator would.
    pub async fn end(&mut self) -> Result<()> {
        match &mut self.runs {
            Runs::Proxy(proxy) => proxy.terminate(ENDED_WITHIN).await.map(drop),
            Runs::Peer(peer) => match peer.process.take() {
                Some(mut process) => process.terminate(ENDED_WITHIN).await.map(drop),
                None => Ok(()),
            },
        }
    }

    pub fn usage(&self) -> Result<Usage> {
        let process = match &self.runs {
            Runs::Proxy(proxy) => proxy.id(),
            Runs::Peer(peer) => peer.process.as_ref().and_then(Process::id),
        };
        usage::of(process.ok_or_else(|| Failure::of("it does not run"))?)
    }
}

fn peer(ground: &Ground, kind: Kind, database: Option<String>) -> Result<Peer> {
    let ports = free_ports(1)?;
    let port = ports
        .first()
        .ok_or_else(|| Failure::of("no port is free"))?;
    let (program, arguments) = match (kind, &ground.node) {
        (Kind::Node, Some(script)) => (PathBuf::from("node"), vec![script.display().to_string()]),
        _ => {
            let own = std::env::current_exe().tried("find this program")?;
            (own, vec![String::from("forward")])
        }
    };
    let sandbox = &ground.sandbox;
    let mut environment = vec![
        ("PORT", port.port().to_string()),
        ("MERCHANT_URL", sandbox.merchant_url().to_owned()),
        ("CHECKOUT_URL", sandbox.checkout_url().to_owned()),
        ("PUBLIC_KEY", sandbox.public_key().to_owned()),
        ("PROVIDER_SECRET", ground.secrets.provider_secret.clone()),
        ("API_KEY", ground.secrets.api_key.clone()),
    ];
    environment.extend(database.map(|url| ("DATABASE_URL", url)));
    Ok(Peer {
        name: kind.name(),
        program,
        arguments,
        environment,
        log: ground.folder.join(format!("{kind:?}.log").to_lowercase()),
        url: format!("http://{port}"),
        process: None,
    })
}

impl Peer {
    async fn start(&mut self) -> Result<()> {
        let mut command = Command::new(&self.program);
        command
            .args(&self.arguments)
            .envs(self.environment.iter().map(|(name, value)| (name, value)));
        let mut process = Process::start(self.name, command, &self.log)?;
        let http = crate::harness::wire::client(Duration::from_secs(3))?;
        let (began, url) = (Instant::now(), format!("{}/ready", self.url));
        while !http
            .get(&url)
            .send()
            .await
            .is_ok_and(|answer| answer.status().is_success())
        {
            if !process.runs() || began.elapsed() > STARTED_WITHIN {
                let log = self.log.display();
                return Err(Failure::of(format!(
                    "{} did not start; its log is {log}",
                    self.name
                )));
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
        self.process = Some(process);
        Ok(())
    }
}

const STARTED_WITHIN: Duration = Duration::from_secs(20);
const ENDED_WITHIN: Duration = Duration::from_secs(60);
/// As often as the proxy is asked whether it is ready.
const LOOK_EVERY: Duration = Duration::from_millis(25);
