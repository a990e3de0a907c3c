//! What may be said on the command line.

use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum};

use crate::load::LoadArguments;
use crate::load::forward::ForwardArguments;
use crate::matrix::MatrixArguments;
use crate::size::SizeArguments;

/// Thousands of checkouts against real proxies under faults, kills and cut wires, held against the
/// ledger of the provider's stand-in.
///
/// Starts everything itself, on free ports of this machine, and ends it. The last line on standard
/// output sums up; the exit status is 0 only if nothing was paid twice, lost, invented, left untold
/// or leaked.
#[derive(Debug, Parser)]
#[command(
    name = "ventanilla-campaign",
    version,
    args_conflicts_with_subcommands = true
)]
pub struct Arguments {
    /// What else may be done than a campaign
    #[command(subcommand)]
    pub command: Option<Command>,
    /// How many buyers come
    #[arg(long, default_value_t = 2_000, value_parser = clap::value_parser!(u64).range(1..))]
    pub checkouts: u64,
    /// How many of a hundred provider calls meet a fault
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u8).range(..=100))]
    pub faults: u8,
    /// How often a proxy is killed with SIGKILL and started again, at random moments of the run
    #[arg(long, default_value_t = 20)]
    pub kills: u64,
    /// How many proxies share PostgreSQL; SQLite always has one
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=16))]
    pub proxies: u8,
    /// Where the proxies keep payments
    #[arg(long, value_enum, default_value_t = StoreArgument::Both)]
    pub store: StoreArgument,
    /// Decides orders, cards, manners, faults and blows; drawn and told unless given
    #[arg(long)]
    pub seed: Option<u64>,
    /// How often PostgreSQL stops at once, as by a power cut, and starts again
    #[arg(long, default_value_t = 0)]
    pub db_stops: u64,
    /// How often the wire to PostgreSQL is cut, falls silent or loses answers
    #[arg(long, default_value_t = 10)]
    pub db_cuts: u64,
    /// How often a proxy is stopped with SIGSTOP for a while
    #[arg(long, default_value_t = 0)]
    pub pauses: u64,
    /// How many buyers are served at a time; more wait at the door
    #[arg(long, default_value_t = 600, value_parser = clap::value_parser!(u16).range(1..))]
    pub concurrency: u16,
    /// How many buyers come in a second, whatever became of those before them
    #[arg(long, default_value_t = 25, value_parser = clap::value_parser!(u64).range(1..=10_000))]
    pub rate: u64,
    /// How many times faster than real time the clocks of proxies and provider run
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..=3_600))]
    pub speed: u32,
    /// Keep logs, databases and webhooks in this folder, which must be empty or not be there;
    /// otherwise they are kept only if something is wrong
    #[arg(long, value_name = "DIR")]
    pub keep: Option<PathBuf>,
    /// Write everything that was found to this file
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// The control run: the proxies (debug builds) mask nothing in their logs, and must be caught
    #[arg(long)]
    pub control_leak: bool,
    /// The proxy; beside this program unless given
    #[arg(long, value_name = "FILE")]
    pub proxy_bin: Option<PathBuf>,
    /// The provider's stand-in; beside this program unless given
    #[arg(long, value_name = "FILE")]
    pub sandbox_bin: Option<PathBuf>,
    /// A widget made by scripts/package, instead of a stand-in of a few bytes
    #[arg(long, value_name = "DIR")]
    pub assets: Option<PathBuf>,
}

/// What else may be done.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Plays the crash matrix
    Matrix(MatrixArguments),
    Size(SizeArguments),
    Load(LoadArguments),
    /// Serves as the one that only forwards, for `load`
    #[command(hide = true)]
    Forward(ForwardArguments),
}

/// Where payments are kept.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub enum StoreArgument {
    /// A SQLite file, with one proxy
    Sqlite,
    /// A PostgreSQL server of the campaign's own
    Postgres,
    /// A campaign on each, one after the other
    Both,
}
