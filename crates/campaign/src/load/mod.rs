//! What a checkout costs: the proxy on each kind of store, beside a plain Node server that does the same on
//! the same database, and beside a server that only forwards.
//!
//! | question | room |
//! |---|---|
//! | who is measured, and how are they started | `subject` |
//! | what is a checkout, how many at a time, how long do they take | `checkouts` |
//! | what do ten thousand buyers who wait cost | `waiting` |
//! | what does a process use | `usage` |
//! | who only forwards | `forward` |
//!
//! Everybody answers the same requests with the same JSON, so one set of buyers measures them all, in turns.

mod checkouts;
pub mod forward;
mod subject;
mod usage;
mod waiting;

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use serde::Serialize;
use tokio::time::Instant;

use crate::clock::ScaledClock;
use crate::failure::Result;
use crate::harness::Binaries;
use crate::harness::proxy::{Secrets, make_folder};
use crate::harness::sandbox::Sandbox;

use checkouts::{Round, Steady};
use subject::{Kind, Subject};
use usage::Usage;
use waiting::Waiting;

/// Measures checkouts a second, their latency, memory, processor time and cold starts, in turns, and what
/// buyers who wait cost. Prints JSON.
///
/// A checkout is: open a session, read it, pay it with a card, until it is paid. Sealing the card is the
/// browser's own work and not counted. The sandbox answers at once, so what is measured is the server's own.
#[derive(Args, Clone, Debug)]
pub struct LoadArguments {
    /// How many checkouts make a round
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(10..))]
    pub checkouts: u32,
    /// How many rounds each has, in turns; the figures are medians over them
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    pub rounds: u32,
    /// How many buyers pay at a time
    #[arg(long, default_value_t = 16, value_parser = clap::value_parser!(u8).range(1..=64))]
    pub concurrency: u8,
    /// How many buyers come each second, in the part about a steady stream
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub steady: u32,
    /// How many buyers wait at a time, in the part about waiting
    #[arg(long, default_value_t = 10_000)]
    pub waiting: u32,
    /// The Node server that is measured beside the proxy; without it there is none
    #[arg(long, value_name = "FILE")]
    pub node: Option<PathBuf>,
    /// The proxy; beside this program unless given
    #[arg(long, value_name = "FILE")]
    pub proxy_bin: Option<PathBuf>,
    /// The provider's stand-in; beside this program unless given
    #[arg(long, value_name = "FILE")]
    pub sandbox_bin: Option<PathBuf>,
    /// Work in this folder, which must be empty or not be there, and leave everything in it
    #[arg(long, value_name = "DIR")]
    pub keep: Option<PathBuf>,
}

/// What it came to.
#[derive(Debug, Serialize)]
pub struct Outcome {
    checkouts: u32,
    rounds: u32,
    concurrency: u8,
    steady_per_second: u32,
    subjects: Vec<Measured>,
    waiting: Vec<Waiting>,
}

/// What one of them came to.
#[derive(Debug, Serialize)]
struct Measured {
    name: &'static str,
    /// From the start of the process until it answers, in milliseconds; the median of five.
    cold_start_ms: f64,
    /// Before the first checkout and after the last.
    idle: Usage,
    loaded: Usage,
    rounds: Vec<Round>,
    steady: Vec<Steady>,
}

const COLD_STARTS: usize = 5;
/// Checkouts before anything is counted.
const WARM_UP: u32 = 200;

/// Measures everybody. `progress` is told what goes on, many times a second.
///
/// # Errors
///
/// When it cannot be done: a program is missing, or a payment without trouble does not succeed.
pub async fn load(
    arguments: &LoadArguments,
    binaries: Binaries,
    folder: PathBuf,
    progress: &mut dyn FnMut(&str),
) -> Result<Outcome> {
    make_folder(&folder)?;
    let secrets = Secrets::make();
    let clock = ScaledClock::start(1);
    let sandbox = Sandbox::start(&binaries, &folder, 1, clock).await?;
    let card = checkouts::approved_card(&sandbox).await?;
    let mut kinds = vec![Kind::Sqlite, Kind::Postgres];
    kinds.extend(arguments.node.is_some().then_some(Kind::Node));
    kinds.push(Kind::Forward);
    let ground = subject::Ground {
        binaries,
        folder,
        sandbox,
        secrets,
        clock,
        node: arguments.node.clone(),
    };
    let mut subjects = Vec::new();
    for kind in kinds {
        progress(&format!("{}: cold starts", kind.name()));
        subjects.push(begin(&ground, kind).await?);
    }
    for (subject, _) in &subjects {
        progress(&format!("{}: warming up", subject.name()));
        checkouts::round(subject, &card, WARM_UP, arguments.concurrency).await?;
    }
    for number in 1..=arguments.rounds {
        for (subject, measured) in &mut subjects {
            let of = arguments.rounds;
            progress(&format!("{}: round {number} of {of}", subject.name()));
            let before = subject.usage()?;
            let count = arguments.checkouts;
            let mut round = checkouts::round(subject, &card, count, arguments.concurrency).await?;
            round.cpu_ms = (subject.usage()?.cpu_ms - before.cpu_ms) / f64::from(count);
            measured.rounds.push(round);
        }
        for (subject, measured) in &mut subjects {
            let (of, rate) = (arguments.rounds, arguments.steady);
            let name = subject.name();
            progress(&format!("{name}: {rate} a second, round {number} of {of}"));
            let steady = checkouts::steady(subject, &card, arguments.checkouts, rate).await?;
            measured.steady.push(steady);
        }
    }
    let mut outcome = Outcome {
        checkouts: arguments.checkouts,
        rounds: arguments.rounds,
        concurrency: arguments.concurrency,
        steady_per_second: arguments.steady,
        subjects: Vec::new(),
        waiting: Vec::new(),
    };
    for (mut subject, mut measured) in subjects {
        measured.loaded = subject.usage()?;
        outcome.subjects.push(measured);
        subject.end().await?;
    }
    for kind in [Kind::Sqlite, Kind::Postgres] {
        if arguments.waiting == 0 {
            break;
        }
        let mut subject = Subject::prepare(&ground, kind, "waited-for").await?;
        subject.start().await?;
        let waited =
            waiting::measure(&subject, &ground.sandbox, &card, arguments, progress).await?;
        outcome.waiting.push(waited);
        subject.end().await?;
    }
    Ok(outcome)
}

async fn begin(ground: &subject::Ground, kind: Kind) -> Result<(Subject, Measured)> {
    let mut subject = Subject::prepare(ground, kind, "measured").await?;
    let mut starts = Vec::new();
    for _ in 0..COLD_STARTS {
        let began = Instant::now();
        subject.start().await?;
        starts.push(began.elapsed());
        subject.end().await?;
    }
    subject.start().await?;
    // What a start leaves to be done later is done.
    tokio::time::sleep(Duration::from_secs(1)).await;
    starts.sort_unstable();
    let middle = starts.get(COLD_STARTS / 2).copied().unwrap_or_default();
    let idle = subject.usage()?;
    let measured = Measured {
        name: kind.name(),
        cold_start_ms: middle.as_secs_f64() * 1_000.0,
        idle,
        loaded: idle,
        rounds: Vec::new(),
        steady: Vec::new(),
    };
    Ok((subject, measured))
}
