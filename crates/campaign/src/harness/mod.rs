//! Real processes and the people around them: to be started, killed, stopped, asked and held to account.
//!
//! | what | room |
//! |---|---|
//! | a child process: kill -9, SIGTERM, SIGSTOP, wait for its end | [`process`] |
//! | the proxy, with a configuration and secrets of its own | [`proxy`] |
//! | the provider's stand-in and its ledger | [`sandbox`] |
//! | the shop's server: the merchant API | [`shop`] |
//! | the buyer's browser: the browser API, cards sealed as the widget seals them | [`buyer`] |
//! | the page on which a buyer who finances a purchase shows who they are | [`lender`] |
//! | the buyer's wallet and bank: links, codes and transfers are paid there | [`wallet`] |
//! | who the proxy tells: verified webhooks | [`receiver`] |
//!
//! A test of its own stands on it like this:
//!
//! ```no_run
//! # use std::time::Duration;
//! # use ventanilla_campaign::{clock::ScaledClock, failure::Result, harness::*};
//! # async fn story(binaries: Binaries, folder: &std::path::Path) -> Result<()> {
//! let clock = ScaledClock::start(60);
//! let sandbox = sandbox::Sandbox::start(&binaries, folder, 7, clock).await?;
//! let secrets = proxy::Secrets::make();
//! let store = proxy::StoreAt::Sqlite(folder.join("ventanilla.db"));
//! let settings = proxy::Settings::new(&sandbox, store, clock)?;
//! let mut proxy = proxy::Proxy::prepare(&binaries, folder, "proxy", settings, &secrets)?;
//! proxy.start_with(&[("VENTANILLA_FAILPOINT", "t1.after=exit")]).await?;
//!
//! let wire = wire::Wire::to(vec![proxy.url().to_owned()]);
//! let shop = shop::Shop::new(wire.clone(), &secrets);
//! let opened = shop.open_session("key-0123456789abcdef", &shop::order("A-1", 1_000)).await?;
//! let buyer = buyer::Buyer::new(wire, proxy.public_origin(), opened.client_token, 1);
//! // … start an attempt; the proxy dies on its way …
//! proxy.wait_for_end(Duration::from_secs(10)).await?;
//! proxy.start().await?;
//! let ledger = sandbox.ledger().await?;
//! # let _ = (buyer, ledger);
//! # Ok(())
//! # }
//! ```

pub mod buyer;
pub mod database;
pub mod lender;
pub mod process;
pub mod proxy;
pub mod receiver;
pub mod sandbox;
pub mod shop;
pub mod wallet;
pub mod widget;
pub mod wire;

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::ops::Range;
use std::path::PathBuf;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU16, Ordering};

use crate::failure::{Failure, Result};
use crate::random;

/// The programs that are run.
#[derive(Clone, Debug)]
pub struct Binaries {
    /// `ventanilla`.
    pub proxy: PathBuf,
    /// `ventanilla-sandbox`.
    pub sandbox: PathBuf,
    /// A folder as `scripts/package` makes it; none makes a stand-in of a few bytes.
    pub assets: Option<PathBuf>,
}

/// `count` ports of the loopback that were free a moment ago. Nothing keeps them, because a proxy comes
/// back on the port on which it was killed; so they lie below those that systems give to outgoing
/// connections, and this process hands none out twice.
///
/// # Errors
///
/// When none is free.
pub fn free_ports(count: usize) -> Result<Vec<SocketAddr>> {
    static NEXT: LazyLock<AtomicU16> =
        LazyLock::new(|| AtomicU16::new(u16::from_be_bytes(random::bytes())));
    let found: Vec<SocketAddr> = (0..PORTS.len())
        .map(|_| PORTS.start + NEXT.fetch_add(1, Ordering::Relaxed) % (PORTS.end - PORTS.start))
        .map(|port| SocketAddr::from((Ipv4Addr::LOCALHOST, port)))
        .filter(|address| TcpListener::bind(address).is_ok())
        .take(count)
        .collect();
    if found.len() == count {
        Ok(found)
    } else {
        Err(Failure::of("could not find free ports"))
    }
}

/// Linux gives ports from 32768 on to outgoing connections.
const PORTS: Range<u16> = 12_000..32_000;
