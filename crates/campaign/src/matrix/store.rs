//! The store that every case gets a copy of.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use tokio::sync::Mutex;
use ventanilla_testbed::postgres::Cluster;
use ventanilla_testbed::relay::Relay;

use crate::failure::{Failure, Result, Tried as _};
use crate::harness::proxy::{StoreAt, make_folder};
use crate::random;
use crate::run::StoreKind;

/// A store that is copied.
pub(super) enum Template {
    /// A file in this folder.
    Sqlite(PathBuf),
    /// A database of this server.
    Postgres(Box<Server>),
}

pub(super) struct Server {
    cluster: Cluster,
    address: SocketAddr,
    user: String,
    /// The server asks for none; it is there to be found where it must not be.
    password: String,
    /// One copy at a time: nobody may be in the database that is copied.
    copying: Mutex<()>,
}

/// A copy.
pub(super) struct Copied {
    /// Where the proxy that is made to fail reaches it.
    pub at: StoreAt,
    /// Where another one does.
    pub beside: StoreAt,
    /// The wire of the first; none if there is no wire.
    pub relay: Option<Relay>,
    name: Option<String>,
}

/// The name of the store's file.
const FILE: &str = "ventanilla.db";
/// The name of the database that is copied.
const DATABASE: &str = "ground";

impl Template {
    /// An empty one.
    pub async fn make(kind: StoreKind, folder: &Path) -> Result<Self> {
        make_folder(folder)?;
        match kind {
            StoreKind::Sqlite => Ok(Self::Sqlite(folder.to_owned())),
            StoreKind::Postgres => {
                let settings = [("max_connections", CONNECTIONS)];
                let cluster = Cluster::start_with(&settings).await.map_err(Failure::of)?;
                let (user, address) = parts(cluster.url()).ok_or_else(|| {
                    Failure::of("the test server's URL is not user@address/database")
                })?;
                let server = Server {
                    cluster,
                    address,
                    user,
                    password: hex::encode(random::bytes::<16>()),
                    copying: Mutex::default(),
                };
                server.run(&format!("CREATE DATABASE {DATABASE}")).await?;
                Ok(Self::Postgres(Box::new(server)))
            }
        }
    }

    /// Where it is, before it is copied.
    pub fn at(&self) -> StoreAt {
        match self {
            Self::Sqlite(folder) => StoreAt::Sqlite(folder.join(FILE)),
            Self::Postgres(server) => server.at(DATABASE, server.address),
        }
    }

    /// What must not be found anywhere.
    pub fn password(&self) -> Option<&str> {
        match self {
            Self::Sqlite(_) => None,
            Self::Postgres(server) => Some(&server.password),
        }
    }

    /// A copy for the case with this number, which writes to `folder`.
    pub async fn copy(&self, folder: &Path, number: u32) -> Result<Copied> {
        match self {
            Self::Sqlite(from) => {
                for ending in ["", "-wal", "-shm"] {
                    let name = format!("{FILE}{ending}");
                    if from.join(&name).exists() {
                        let copied = std::fs::copy(from.join(&name), folder.join(&name));
                        copied.tried("copy the store")?;
                    }
                }
                let at = StoreAt::Sqlite(folder.join(FILE));
                Ok(Copied {
                    beside: at.clone(),
                    at,
                    relay: None,
                    name: None,
                })
            }
            Self::Postgres(server) => {
                let name = format!("case_{number}");
                let turn = server.copying.lock().await;
                let make = format!("CREATE DATABASE {name} TEMPLATE {DATABASE}");
                server.run(&make).await?;
                drop(turn);
                let relay = Relay::start(server.address).await;
                let relay = relay.tried("stand between proxy and database")?;
                Ok(Copied {
                    at: server.at(&name, relay.address()),
                    beside: server.at(&name, server.address),
                    relay: Some(relay),
                    name: Some(name),
                })
            }
        }
    }

    /// Throws away what would only take room.
    pub async fn drop_copy(&self, copied: &Copied) -> Result<()> {
        match (self, &copied.name) {
            (Self::Postgres(server), Some(name)) => {
                server
                    .run(&format!("DROP DATABASE {name} WITH (FORCE)"))
                    .await
            }
            _ => Ok(()),
        }
    }
}

impl Server {
    async fn run(&self, sql: &str) -> Result<()> {
        self.cluster.run(sql).await.map_err(Failure::of)
    }

    fn at(&self, database: &str, address: SocketAddr) -> StoreAt {
        let (user, password) = (&self.user, &self.password);
        StoreAt::Postgres(format!("postgres://{user}:{password}@{address}/{database}"))
    }
}

fn parts(url: &str) -> Option<(String, SocketAddr)> {
    let (user, rest) = url.strip_prefix("postgres://")?.split_once('@')?;
    let (address, _) = rest.split_once('/')?;
    Some((user.to_owned(), address.parse().ok()?))
}

/// Two proxies for each of some dozens of cases at a time.
const CONNECTIONS: &str = "900";
