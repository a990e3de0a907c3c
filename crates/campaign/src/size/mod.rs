//! Whether a store slows down as it fills: the same proxy on a small and on a large one, in turns.
//!
//! | question | room |
//! |---|---|
//! | what is in the stores | `pattern` (ten sessions that are really played), `fill` (and copied) |
//! | how long does a checkout take on each | `measure` |
//! | what do the numbers say | `figures` |
//! | does any statement of the proxy read a whole table | `statements`, `plans` |
//! | how are the databases reached | `database` |
//! | on what machine was it | `machine` |
//! | how is it told, and what is seen meanwhile | `report`, `ticker` |
//!
//! Unlike everything else in this package it knows the store's tables: it copies their rows, and asks for
//! the plans of the statements in the proxy's sources.

mod database;
mod figures;
mod fill;
mod machine;
mod measure;
mod pattern;
mod plans;
mod report;
mod statements;
mod ticker;

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use tokio::time::Instant;
use ventanilla_testbed::postgres::Cluster;

use crate::args::StoreArgument;
use crate::clock::ScaledClock;
use crate::failure::{Failure, Result, Tried as _};
use crate::harness::Binaries;
use crate::harness::proxy::{Proxy, Secrets, Settings, StoreAt, make_folder};
use crate::harness::receiver::Receiver;
use crate::harness::sandbox::Sandbox;
use crate::run::StoreKind;

use database::{Connection, Scans};
use figures::Block;
use machine::Machine;
use measure::{Pace, Side};
use plans::Look;
use statements::Statement;

pub(crate) use figures::percentile;
pub use ticker::Ticker;

/// Measures checkouts on a small and on a large store, in turns, and asks for the plan of every
/// statement on the large one.
///
/// The stores are filled with copies of ten sessions that were really played: paid, declined and then
/// paid, refunded, ended. A checkout is: open a session, read it, start an attempt, until it has ended.
/// Sealing the card is the browser's own work and not counted. Each of five blocks gives the ratio of
/// the large store's p99 (nearest rank) to the small one's; the verdict is the median of the five. The
/// exit status is 0 only if that is at most 1.2 and no statement reads a whole table.
///
/// A million attempts take about 5 GB of disk in each kind of store, one after the other, and some minutes
/// to write.
#[derive(Args, Clone, Debug)]
pub struct SizeArguments {
    /// Where the proxies keep payments
    #[arg(long, value_enum, default_value_t = StoreArgument::Both)]
    pub store: StoreArgument,
    /// How many attempts the small store holds; a multiple of ten
    #[arg(long, default_value_t = 1_000, value_parser = attempts)]
    pub small: u64,
    /// How many attempts the large store holds; a multiple of ten. PostgreSQL rightly reads a table of a
    /// few pages as a whole: from 20000 on its plans mean something
    #[arg(long, default_value_t = 1_000_000, value_parser = attempts)]
    pub large: u64,
    /// How many checkouts are measured on each store in each of the five blocks
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(10..))]
    pub checkouts: u32,
    /// How many buyers pay at a time
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u8).range(1..=64))]
    pub concurrency: u8,
    /// Write the outcome to this file, in Markdown
    #[arg(long, value_name = "FILE")]
    pub report: Option<PathBuf>,
    /// Work in this folder, which must be empty or not be there, and leave everything in it;
    /// PostgreSQL's files are always in the system's folder for temporary files, and never left
    #[arg(long, value_name = "DIR")]
    pub keep: Option<PathBuf>,
    /// The proxy; beside this program unless given
    #[arg(long, value_name = "FILE")]
    pub proxy_bin: Option<PathBuf>,
    /// The provider's stand-in; beside this program unless given
    #[arg(long, value_name = "FILE")]
    pub sandbox_bin: Option<PathBuf>,
    /// Run the SQL in this file on both stores once they are filled: an index that is being considered
    #[arg(long, value_name = "FILE")]
    pub consider: Option<PathBuf>,
    /// Where the proxy's statements are; the store's sources in this repository unless given
    #[arg(long, value_name = "DIR")]
    pub statements: Option<PathBuf>,
}

fn attempts(text: &str) -> std::result::Result<u64, String> {
    let number: u64 = text.parse().map_err(|_| String::from("not a number"))?;
    let fits = (20..=100_000_000).contains(&number) && number.is_multiple_of(pattern::ATTEMPTS);
    fits.then_some(number)
        .ok_or_else(|| String::from("expected a multiple of ten, from 20 to 100000000"))
}

/// What is to be measured.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The programs.
    pub binaries: Binaries,
    /// Where everything is written.
    pub folder: PathBuf,
    /// Whether it stays there.
    pub kept: bool,
    /// The kinds of store, one after the other.
    pub stores: Vec<StoreKind>,
    /// Attempts in the small store.
    pub small: u64,
    /// Attempts in the large store.
    pub large: u64,
    /// Measured checkouts on each store in each block.
    pub checkouts: u32,
    /// Buyers at a time.
    pub concurrency: u8,
    /// SQL for both stores once they are filled.
    pub consider: Option<PathBuf>,
    /// The folder with the proxy's statements.
    pub statements: PathBuf,
}

impl Plan {
    /// What was said on the command line, for these programs and in this folder.
    #[must_use]
    pub fn of(arguments: &SizeArguments, binaries: Binaries, folder: PathBuf, kept: bool) -> Self {
        let sources = concat!(env!("CARGO_MANIFEST_DIR"), "/../proxy/src/store");
        Self {
            binaries,
            folder,
            kept,
            stores: match arguments.store {
                StoreArgument::Sqlite => vec![StoreKind::Sqlite],
                StoreArgument::Postgres => vec![StoreKind::Postgres],
                StoreArgument::Both => vec![StoreKind::Sqlite, StoreKind::Postgres],
            },
            small: arguments.small,
            large: arguments.large,
            checkouts: arguments.checkouts,
            concurrency: arguments.concurrency,
            consider: arguments.consider.clone(),
            statements: arguments
                .statements
                .clone()
                .unwrap_or_else(|| PathBuf::from(sources)),
        }
    }
}

/// What it came to.
pub struct Outcome {
    machine: Machine,
    plan: Plan,
    measured: Vec<Measured>,
}

/// What one kind of store came to.
struct Measured {
    kind: StoreKind,
    version: String,
    filled_in: Duration,
    small: Filled,
    large: Filled,
    /// From the start of the proxy on the small and on the large store until it was ready.
    ready_in: [Duration; 2],
    blocks: Vec<Block>,
    looks: Vec<Look>,
    /// Of the proxy on the large store, from its start to its end; only PostgreSQL counts them.
    scans: Option<Scans>,
}

/// What is in a store before anything is measured.
#[derive(Clone, Copy)]
struct Filled {
    attempts: u64,
    events: u64,
    bytes: u64,
}

impl Measured {
    fn ratio(&self) -> f64 {
        figures::median_ratio(&self.blocks)
    }

    fn holds(&self) -> bool {
        let scanned = |scans: &Scans| scans.iter().any(|(_, times)| *times > 0);
        figures::is_within(self.ratio())
            && self.looks.iter().all(|look| look.scans.is_empty())
            && !self.scans.as_ref().is_some_and(scanned)
    }
}

impl Outcome {
    /// Whether size slows nothing down, on any kind of store.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.measured.iter().all(Measured::holds)
    }

    /// For `docs/benchmarks`.
    #[must_use]
    pub fn markdown(&self) -> String {
        report::markdown(self)
    }
}

impl std::fmt::Display for Outcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&report::text(self))
    }
}

/// Fills the stores and measures. `progress` is told what goes on, many times a second.
///
/// # Errors
///
/// When it cannot be done: a program is missing, a payment without trouble does not succeed, the disk
/// is full.
pub async fn size(plan: &Plan, progress: &mut dyn FnMut(&str)) -> Result<Outcome> {
    if plan.small >= plan.large {
        return Err(Failure::of(
            "the large store must be larger than the small one",
        ));
    }
    let statements = statements::read(&plan.statements)?;
    let _cleared = Cleared((!plan.kept).then(|| plan.folder.clone()));
    make_folder(&plan.folder)?;
    let machine = Machine::look(&plan.folder)?;
    let mut measured = Vec::new();
    for kind in &plan.stores {
        measured.push(one_kind(plan, *kind, &statements, progress).await?);
    }
    Ok(Outcome {
        machine,
        plan: plan.clone(),
        measured,
    })
}

/// Removes a folder, however the run ends: what is in it is large.
struct Cleared(Option<PathBuf>);

impl Drop for Cleared {
    fn drop(&mut self) {
        if let Some(folder) = &self.0 {
            let _ = std::fs::remove_dir_all(folder);
        }
    }
}

/// What both proxies of a kind of store stand on.
struct Ground<'a> {
    plan: &'a Plan,
    folder: PathBuf,
    sandbox: Sandbox,
    receiver: Receiver,
    secrets: Secrets,
    clock: ScaledClock,
}

async fn one_kind(
    plan: &Plan,
    kind: StoreKind,
    statements: &[Statement],
    progress: &mut dyn FnMut(&str),
) -> Result<Measured> {
    let name = kind.name();
    let folder = plan.folder.join(name.to_lowercase());
    make_folder(&folder)?;
    let _cleared = Cleared((!plan.kept).then(|| folder.clone()));
    let clock = ScaledClock::start(1);
    let secrets = Secrets::make();
    let ground = Ground {
        plan,
        sandbox: Sandbox::start(&plan.binaries, &folder, 1, clock).await?,
        receiver: Receiver::start(&secrets, &folder.join("webhooks.jsonl"), 1).await?,
        secrets,
        clock,
        folder,
    };
    let cards = pattern::Cards::of(&ground.sandbox).await?;
    let cluster = match kind {
        StoreKind::Sqlite => None,
        StoreKind::Postgres => Some(
            Cluster::start_with(&[("shared_buffers", "128MB")])
                .await
                .map_err(Failure::of)?,
        ),
    };
    let begun = Instant::now();
    let mut stores = Vec::new();
    for (side, attempts) in [("small", plan.small), ("large", plan.large)] {
        let store = match &cluster {
            None => StoreAt::Sqlite(ground.folder.join(format!("{side}.db"))),
            Some(cluster) => {
                StoreAt::Postgres(cluster.create_database().await.map_err(Failure::of)?)
            }
        };
        progress(&format!(
            "{name}, {side} store: the ten sessions that are copied"
        ));
        let mut proxy = ground.proxy(&format!("{side}-pattern"), &store)?;
        proxy.start().await?;
        pattern::play(&Side::of(&proxy, &ground.secrets, &cards)).await?;
        pattern::wait_until_told(&store).await?;
        end(&mut proxy).await?;
        let mut database = Connection::open(&store).await?;
        fill::fill(&mut database, attempts, &mut |done, of| {
            progress(&format!(
                "{name}, {side} store: {done} of {of} attempts written"
            ));
        })
        .await?;
        if let Some(file) = &plan.consider {
            let sql =
                std::fs::read_to_string(file).tried(format_args!("read {}", file.display()))?;
            database.run(&sql).await?;
        }
        progress(&format!("{name}, {side} store: statistics"));
        database.settle().await?;
        stores.push((store, counted(&mut database).await?));
        database.close().await?;
    }
    let [(small, small_filled), (large, large_filled)] = stores.as_slice() else {
        return Err(Failure::of("there are two stores"));
    };
    let filled_in = begun.elapsed();

    progress(&format!("{name}: plans of {} statements", statements.len()));
    let mut database = Connection::open(large).await?;
    let version = database.version().await?;
    let looks = plans::look(&mut database, statements).await?;
    database.forget_scans().await?;
    database.close().await?;

    let (mut small_proxy, small_ready) = ground.started("small", small).await?;
    let (mut large_proxy, large_ready) = ground.started("large", large).await?;
    let sides = [
        Side::of(&small_proxy, &ground.secrets, &cards),
        Side::of(&large_proxy, &ground.secrets, &cards),
    ];
    let pace = Pace {
        checkouts: plan.checkouts,
        concurrency: plan.concurrency,
    };
    let blocks = measure::measure(&sides, pace, &mut |what| {
        progress(&format!("{name}: {what}"))
    })
    .await?;
    end(&mut small_proxy).await?;
    end(&mut large_proxy).await?;
    let mut database = Connection::open(large).await?;
    let scans = database.scans().await?;
    database.close().await?;
    Ok(Measured {
        kind,
        version,
        filled_in,
        small: *small_filled,
        large: *large_filled,
        ready_in: [small_ready, large_ready],
        blocks,
        looks,
        scans,
    })
}

impl Ground<'_> {
    fn proxy(&self, name: &str, store: &StoreAt) -> Result<Proxy> {
        let mut settings = Settings::new(&self.sandbox, store.clone(), self.clock)?;
        settings.webhooks = Some(self.receiver.url().to_owned());
        settings.log = String::from("warn");
        // The proxy's own: on a machine that is busy elsewhere, a slow call is slow and not in doubt.
        settings.call_limit_secs = None;
        Proxy::prepare(
            &self.plan.binaries,
            &self.folder,
            name,
            settings,
            &self.secrets,
        )
    }

    async fn started(&self, name: &str, store: &StoreAt) -> Result<(Proxy, Duration)> {
        let mut proxy = self.proxy(name, store)?;
        let begun = Instant::now();
        proxy.launch(&[])?;
        proxy.ready(READY_WITHIN).await?;
        Ok((proxy, begun.elapsed()))
    }
}

async fn end(proxy: &mut Proxy) -> Result<()> {
    let ended = proxy.terminate(END_WITHIN).await?;
    if ended.success() {
        Ok(())
    } else {
        Err(Failure::of(format!("{} ended with {ended}", proxy.name())))
    }
}

async fn counted(database: &mut Connection) -> Result<Filled> {
    Ok(Filled {
        attempts: database.count("SELECT COUNT(*) FROM attempt").await?,
        events: database.count("SELECT COUNT(*) FROM event").await?,
        bytes: database.bytes_on_disk().await?,
    })
}

/// Writes the report.
///
/// # Errors
///
/// When it cannot be written.
pub fn write_report(outcome: &Outcome, file: &Path) -> Result<()> {
    let what = format!("write {}", file.display());
    if let Some(folder) = file.parent() {
        std::fs::create_dir_all(folder).tried(&what)?;
    }
    std::fs::write(file, outcome.markdown()).tried(&what)
}

/// Whatever the proxy does to a large store before it is ready, it is to be seen and not to be an error.
const READY_WITHIN: Duration = Duration::from_secs(300);
const END_WITHIN: Duration = Duration::from_secs(60);
