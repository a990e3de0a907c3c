//! The crash matrix: every operation, at every place that it comes by, with everything that may happen
//! there; each in a proxy of its own, before one provider that does nothing wrong. What is paid from a wallet has
//! an account of its own besides, because whoever reads an account's list sees all of it.
//!
//! | question | room |
//! |---|---|
//! | which cases are there | `case` |
//! | what do they start from | `ground`, `store` |
//! | what happens in one | `play`; to its proxies: `life`; what is asked of them: `client`; from a wallet: `wallet`; of who finances: `financing`; without a checkout: `errand` |
//! | what may be held against it | `judge` |
//! | how is it shown | `table` |
//!
//! On PostgreSQL, which proxies may share, fewer operations are played, and another proxy takes over from
//! the one that failed; its store is dropped at the wire.
//!
//! Needs a debug build of the proxy: release builds have no fail points.

mod case;
mod client;
mod errand;
mod financing;
mod ground;
mod judge;
mod life;
mod play;
mod store;
mod table;
mod wallet;

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use tokio::task::JoinSet;
use tokio::time::Instant;
use ventanilla_core::attempt::AttemptState;

use crate::args::StoreArgument;
use crate::failure::{Result, Tried as _};
use crate::harness::Binaries;
use crate::leak::{Leak, Scan};
use crate::run::StoreKind;

pub use case::{Action, Case, Deed, POINTS, Pick};
pub use judge::Fault;

use ground::Ground;
use judge::Books;
use play::Played;

/// Makes a proxy fail at every place that a payment or an operation on one comes by, in every
/// way, and holds what becomes of it against the provider's ledger.
#[derive(Args, Clone, Debug)]
pub struct MatrixArguments {
    /// Only these: OPERATION:POINT:ACTION, where any part left out stands for all; may be given
    /// several times
    #[arg(long, value_name = "CASE")]
    pub only: Vec<Pick>,
    /// Where the proxies keep payments
    #[arg(long, value_enum, default_value_t = StoreArgument::Both)]
    pub store: StoreArgument,
    /// So many cases of each store at a time; most of them wait most of the time
    #[arg(long, default_value_t = 16, value_parser = clap::value_parser!(u16).range(1..=256))]
    pub jobs: u16,
    /// Keep logs, databases and webhooks in this folder, which must be empty or not be there;
    /// otherwise they are kept only if something is wrong
    #[arg(long, value_name = "DIR")]
    pub keep: Option<PathBuf>,
    /// The proxy, a debug build; beside this program unless given
    #[arg(long, value_name = "FILE")]
    pub proxy_bin: Option<PathBuf>,
    /// The provider's stand-in; beside this program unless given
    #[arg(long, value_name = "FILE")]
    pub sandbox_bin: Option<PathBuf>,
}

/// What is to be played.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The programs.
    pub binaries: Binaries,
    /// Where everything is written.
    pub folder: PathBuf,
    /// Which cases; none means all.
    pub only: Vec<Pick>,
    /// The store.
    pub store: StoreKind,
    /// How many at a time.
    pub jobs: usize,
}

/// What it came to.
#[derive(Debug)]
pub struct Outcome {
    /// The store.
    pub store: StoreKind,
    /// The cases, in the order of the table.
    pub cases: Vec<Judged>,
    /// What belongs to no case.
    pub beside: Vec<Fault>,
    /// Bytes in which secrets were looked for.
    pub scanned: u64,
    /// How long it took.
    pub took: Duration,
}

/// One case.
#[derive(Debug)]
pub struct Judged {
    /// Which.
    pub case: Case,
    /// How it ended, and how what was asked for after it did.
    pub ends: Vec<AttemptState>,
    /// What is held against it.
    pub faults: Vec<Fault>,
    /// How long it took.
    pub took: Duration,
}

impl Plan {
    /// The cases that are to be played.
    #[must_use]
    pub fn cases(&self) -> Vec<Case> {
        let picked =
            |case: &Case| self.only.is_empty() || self.only.iter().any(|pick| pick.takes(*case));
        let fits = |case: &Case| self.store == StoreKind::Sqlite || case.is_for_shared_stores();
        Case::all()
            .filter(|case| picked(case) && fits(case))
            .collect()
    }
}

impl Outcome {
    /// Whether nothing may be held against the proxy.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.beside.is_empty() && self.cases.iter().all(|judged| judged.faults.is_empty())
    }
}

impl std::fmt::Display for Outcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&table::of(self))
    }
}

/// Plays the cases of `plan`. `progress` is told how many are over, and of how many.
///
/// # Errors
///
/// When they cannot be played at all. What went wrong in one of them is in the [`Outcome`].
pub async fn matrix(plan: &Plan, mut progress: impl FnMut(usize, usize)) -> Result<Outcome> {
    let begun = Instant::now();
    let cases = plan.cases();
    let ground = Ground::prepare(&plan.binaries, &plan.folder, plan.store, &cases).await?;
    let ground = Arc::new(ground);
    let mut all: Vec<Played> = Vec::with_capacity(cases.len());
    let mut playing = JoinSet::new();
    let mut turns: Vec<(Case, u32)> = cases.iter().copied().zip(1..).collect();
    // What a dead task or proxy had borrowed is waited for longest.
    let is_shared = plan.store == StoreKind::Postgres;
    turns.sort_by_key(|(case, _)| !case.takes_long(is_shared));
    for (case, number) in turns {
        while playing.len() >= plan.jobs {
            all.extend(next(&mut playing).await?);
            progress(all.len(), cases.len());
        }
        playing.spawn(play::play(Arc::clone(&ground), case, number));
    }
    while !playing.is_empty() {
        all.extend(next(&mut playing).await?);
        progress(all.len(), cases.len());
    }
    let ledger = ground.sandbox.ledger().await?;
    let mut canaries = ground.canaries(&ledger);
    canaries.extend(all.iter().flat_map(Played::payers));
    let folder = plan.folder.clone();
    let scan = tokio::task::spawn_blocking(move || scan(&canaries, &folder))
        .await
        .tried("look for secrets")?
        .tried("look for secrets")?;
    let leaks = scan.leaks();
    let books = Books::of(ledger);
    let beside = beside(&all, &ground, &books, &leaks);
    let mut by_case: HashMap<Case, Judged> = all
        .into_iter()
        .map(|played| (played.case, judged(&played, &books, &ground, &leaks)))
        .collect();
    Ok(Outcome {
        store: plan.store,
        cases: cases
            .iter()
            .filter_map(|case| by_case.remove(case))
            .collect(),
        beside,
        scanned: scan.bytes(),
        took: begun.elapsed(),
    })
}

async fn next(playing: &mut JoinSet<Played>) -> Result<Option<Played>> {
    match playing.join_next().await {
        Some(played) => Ok(Some(played.tried("play a case")?)),
        None => Ok(None),
    }
}

fn judged(played: &Played, books: &Books, ground: &Ground, leaks: &[Leak]) -> Judged {
    let folder = ground.folder_of(played.case);
    let of_case: Vec<&Leak> = leaks
        .iter()
        .filter(|leak| leak.file.starts_with(&folder))
        .collect();
    Judged {
        case: played.case,
        ends: played.ends.clone(),
        faults: judge::judge(played, books, &of_case),
        took: played.took,
    }
}

/// Money that belongs to no session that anybody knows, and leaks before the first case.
fn beside(all: &[Played], ground: &Ground, books: &Books, leaks: &[Leak]) -> Vec<Fault> {
    let played = all.iter().flat_map(|played| &played.sessions);
    let mut known: HashSet<&str> = ground.references().collect();
    known.extend(played.flat_map(|session| {
        session
            .attempts
            .iter()
            .map(|attempt| attempt.reference.as_str())
    }));
    let errands = all.iter().filter_map(|played| played.errand.as_ref());
    known.extend(errands.flat_map(errand::Done::references));
    let mut faults: Vec<Fault> = books
        .strangers(&known)
        .into_iter()
        .map(|reference| Fault {
            rule: "I3",
            what: format!("the ledger has {reference}, which no session knows"),
        })
        .collect();
    let of_cases: Vec<PathBuf> = all
        .iter()
        .map(|played| ground.folder_of(played.case))
        .collect();
    for leak in leaks {
        if !of_cases.iter().any(|folder| leak.file.starts_with(folder)) {
            let file = leak.file.display();
            faults.push(Fault {
                rule: "I8",
                what: format!("{} ({}) in {file}", leak.kind, leak.form),
            });
        }
    }
    faults
}

/// Reads everything in the folder but what the provider's stand-in wrote: it may know.
fn scan(canaries: &[crate::leak::Canary], folder: &Path) -> std::io::Result<Scan> {
    let mut scan = Scan::new(canaries);
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            scan.read(&path)?;
        }
    }
    Ok(scan)
}
