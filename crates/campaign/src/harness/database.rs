//! PostgreSQL, as an operator who pulls the plug sees it.

use std::net::SocketAddr;
use std::path::Path;

use ventanilla_testbed::postgres::Cluster;

use crate::failure::{Failure, Result, Tried as _};
use crate::random;

/// A PostgreSQL server with an empty database for the proxies; gone with all its files when dropped.
pub struct Database {
    cluster: Cluster,
    address: SocketAddr,
    /// `user`, and the database's name.
    names: (String, String),
    password: String,
}

impl Database {
    /// Makes one and starts it.
    ///
    /// # Errors
    ///
    /// When PostgreSQL is not installed or does not start.
    pub async fn start() -> Result<Self> {
        let cluster = Cluster::start().await.map_err(Failure::of)?;
        let url = cluster.create_database().await.map_err(Failure::of)?;
        let (names, address) = parts(&url)
            .ok_or_else(|| Failure::of("the test server's URL is not user@address/database"))?;
        Ok(Self {
            cluster,
            address,
            names,
            // The server asks for none; it is there to be found where it must not be.
            password: hex::encode(random::bytes::<16>()),
        })
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// What the proxies show it.
    #[must_use]
    pub fn password(&self) -> &str {
        &self.password
    }

    /// Its URL when it is reached by way of `address`. Holds the password.
    #[must_use]
    pub fn url_by(&self, address: SocketAddr) -> String {
        let (user, database) = &self.names;
        format!("postgres://{user}:{}@{address}/{database}", self.password)
    }

    /// Everything it ever wrote, its journal included.
    #[must_use]
    pub fn folder(&self) -> Option<&Path> {
        self.cluster.folder()
    }

    /// Stops it as a power cut does.
    ///
    /// # Errors
    ///
    /// When it cannot be stopped.
    pub async fn stop_at_once(&self) -> Result<()> {
        let stopped = self.cluster.stop_immediate().await;
        stopped.tried("stop the database")
    }

    /// Starts it again, and waits until it has recovered.
    ///
    /// # Errors
    ///
    /// When it cannot be started.
    pub async fn come_back(&self) -> Result<()> {
        let started = self.cluster.start_again().await;
        started.tried("start the database again")
    }
}

fn parts(url: &str) -> Option<((String, String), SocketAddr)> {
    let (user, rest) = url.strip_prefix("postgres://")?.split_once('@')?;
    let (address, database) = rest.split_once('/')?;
    let names = (user.to_owned(), database.to_owned());
    Some((names, address.parse().ok()?))
}
