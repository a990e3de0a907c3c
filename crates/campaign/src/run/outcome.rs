//! What a campaign came to.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use serde::Serialize;

use super::book::read;
use super::errands::CODE;
use super::meters;
use super::settle::Settled;
use super::{Field, Plan, Screen};
use crate::failure::{Result, Tried as _};
use crate::harness::buyer::{CVC, CVC4};
use crate::harness::proxy::Secrets;
use crate::harness::sandbox::{Call, Ledger, Payer, Sandbox};
use crate::harness::wallet;
use crate::leak::{Canary, Leak, Scan};
use crate::verdict::Verdict;

/// What a campaign came to.
#[derive(Debug, Serialize)]
pub struct Outcome {
    /// `SQLite` or `PostgreSQL`.
    pub store: &'static str,
    /// What decided.
    pub seed: u64,
    /// Proxies.
    pub proxies: usize,
    /// Checkouts begun.
    pub checkouts: u64,
    /// Buyers who saw that they had paid.
    pub seen_paid: u64,
    /// Provider calls that met a fault, by its kind.
    pub faults: BTreeMap<String, u64>,
    /// Provider calls.
    pub calls: usize,
    /// Approved debits.
    pub debits: usize,
    /// `kill -9`.
    pub kills: u64,
    /// `SIGSTOP`.
    pub pauses: u64,
    /// Immediate stops of the database.
    pub database_stops: u64,
    /// Cuts, silences and lost answers on the wire to the database.
    pub database_cuts: u64,
    /// What ledger, merchant API and webhooks say together.
    pub verdict: Verdict,
    /// Webhooks delivered, and turned away on purpose.
    pub deliveries: [u64; 2],
    /// Whether something was not settled when the schedule had run its course.
    pub gave_up: bool,
    /// What a rule of the machine or the store prevented, by its label.
    pub guard_hits: BTreeMap<String, u64>,
    /// How often a circuit breaker was found to have opened, by looking every second.
    pub breaker_openings: u64,
    /// Answers that buyers and shop do not provide for.
    pub surprises: BTreeMap<String, u64>,
    /// Proxies that did not end as they should when they were asked to.
    pub untidy: Vec<String>,
    /// What was found on disk.
    pub leaks: Vec<Leak>,
    /// Texts looked for, and bytes read.
    pub scanned: [u64; 2],
    /// Masking was off: leaks are what was hoped for.
    pub control_leak: bool,
    /// Seconds until the last buyer had gone.
    pub paying_secs: u64,
    /// Seconds until everything was settled and told.
    pub settled_secs: u64,
}

/// How long it took.
pub(super) struct Times {
    pub paying: Duration,
    pub until_settled: Duration,
}

/// What is summed up in the last line.
#[derive(Clone, Copy, Debug, Default)]
pub struct Totals {
    checkouts: u64,
    faults: u64,
    kills: u64,
    double: usize,
    lost: usize,
    invented: usize,
    unknown: usize,
}

impl Totals {
    /// Adds a campaign.
    pub fn add(&mut self, outcome: &Outcome) {
        self.checkouts += outcome.checkouts;
        self.faults += outcome.faulted();
        self.kills += outcome.kills;
        self.double += outcome.verdict.double.len();
        self.lost += outcome.verdict.lost.len();
        self.invented += outcome.verdict.invented.len();
        self.unknown += outcome.verdict.unknown.len();
    }
}

impl std::fmt::Display for Totals {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            checkouts,
            faults,
            kills,
            double,
            lost,
            invented,
            unknown,
        } = self;
        write!(
            f,
            "checkouts={checkouts} faults={faults} kills={kills} double={double} lost={lost} \
             invented={invented} unknown={unknown}"
        )
    }
}

impl Outcome {
    /// Provider calls that met a fault.
    #[must_use]
    pub fn faulted(&self) -> u64 {
        self.faults.values().sum()
    }

    /// Whether nothing may be held against the proxies; in a control run, whether they were caught.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.verdict.is_clean()
            && self.untidy.is_empty()
            && self.leaks.is_empty() != self.control_leak
    }
}

pub(super) async fn draw_up(
    plan: &Plan,
    field: &Field,
    secrets: &Secrets,
    settled: Settled,
    times: Times,
    screen: &mut Screen,
) -> Result<Outcome> {
    screen.step("ending the proxies");
    let mut untidy = Vec::new();
    for proxy in &field.proxies {
        let mut proxy = proxy.lock().await;
        field.meters.read(&proxy).await;
        match proxy.terminate(Duration::from_secs(50)).await {
            Ok(status) if status.success() => {}
            Ok(status) => untidy.push(format!("{} ended with {status}", proxy.name())),
            Err(failure) => untidy.push(failure.to_string()),
        }
    }
    screen.step("looking for secrets in logs, metrics, database and webhooks");
    let mut canaries = canaries(field, secrets, &settled);
    canaries.extend(tokens(plan, field, &settled.ledger).await?);
    let shown = field.book.take_shown();
    let folder = plan.folder.clone();
    let mut database = None;
    if let Some(server) = &field.database {
        server.stop_at_once().await?;
        database = server.folder().map(Path::to_owned);
    }
    let scanned = database.clone();
    let (scan, beside_store) = tokio::task::spawn_blocking(move || {
        let scan = scan(&canaries, &folder, scanned.as_deref())?;
        Ok::<_, std::io::Error>((scan, scan_beside_store(&shown, &folder)?))
    })
    .await
    .tried("look for secrets")?
    .tried("look for secrets")?;
    let leaks: Vec<Leak> = [scan.leaks(), beside_store.leaks()].concat();
    screen.clear();
    let totals = field.meters.totals();
    let mut faults = BTreeMap::new();
    for kind in settled
        .ledger
        .calls
        .iter()
        .filter_map(|call| call.fault.as_ref())
    {
        *faults.entry(kind.clone()).or_default() += 1;
    }
    let approved = settled
        .ledger
        .debits
        .iter()
        .filter(|debit| debit.state == crate::harness::sandbox::DebitState::Approved);
    let outcome = Outcome {
        store: plan.store.name(),
        seed: plan.seed,
        proxies: plan.proxies,
        checkouts: read(&field.book.begun),
        seen_paid: read(&field.book.paid),
        faults,
        calls: settled.ledger.calls.len(),
        debits: approved.count(),
        kills: read(&field.blows.kills),
        pauses: read(&field.blows.pauses),
        database_stops: read(&field.blows.database_stops),
        database_cuts: read(&field.blows.cuts),
        deliveries: [settled.deliveries.count, settled.deliveries.turned_away],
        verdict: settled.verdict,
        gave_up: settled.gave_up,
        guard_hits: labelled(&totals, "ventanilla_guard_hits_total", "guard"),
        breaker_openings: totals
            .iter()
            .filter(|(name, _)| name.starts_with(meters::BREAKER))
            .map(|(_, times)| times)
            .sum(),
        surprises: field.book.surprises(),
        untidy,
        leaks,
        scanned: [
            u64::try_from(scan.needles() + beside_store.needles()).unwrap_or(u64::MAX),
            scan.bytes(),
        ],
        control_leak: plan.control_leak,
        paying_secs: times.paying.as_secs(),
        settled_secs: times.until_settled.as_secs(),
    };
    if let (Some(database), true) = (database, plan.keep || !outcome.is_clean()) {
        let kept = plan.folder.join("database");
        tokio::task::spawn_blocking(move || copy(&database, &kept))
            .await
            .tried("keep the database")?
            .tried("keep the database")?;
    }
    Ok(outcome)
}

/// Copies a folder of files and folders; sockets and links are left out.
fn copy(from: &Path, to: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let (kind, to) = (entry.file_type()?, to.join(entry.file_name()));
        if kind.is_dir() {
            copy(&entry.path(), &to)?;
        } else if kind.is_file() {
            std::fs::copy(entry.path(), to)?;
        }
    }
    Ok(())
}

/// The counters called `name`, by their label.
fn labelled(totals: &BTreeMap<String, u64>, name: &str, label: &str) -> BTreeMap<String, u64> {
    let prefix = format!("{name}{{");
    let key = format!("{label}=\"");
    let of_label = totals.iter().filter_map(|(counter, times)| {
        let labels = counter.strip_prefix(&prefix)?;
        let (_, value) = labels.split_once(&key)?;
        Some((value.split('"').next()?.to_owned(), *times))
    });
    of_label.filter(|(_, times)| *times > 0).collect()
}

fn canaries(field: &Field, secrets: &Secrets, settled: &Settled) -> Vec<Canary> {
    let mut canaries = field.book.take_canaries();
    let cards = field.approved.iter().chain(&field.declined);
    canaries.extend(cards.map(|digits| Canary::pan(digits)));
    canaries.extend([
        Canary::cvc(CVC),
        Canary::cvc(CVC4),
        Canary::fleeting("verification code", CODE),
    ]);
    for (kind, text) in [
        ("API key", &secrets.api_key),
        ("token key", &secrets.token_key),
        ("store key", &secrets.store_key),
        ("provider secret", &secrets.provider_secret),
        ("CVU password", &secrets.cvu_password),
        ("Flux refresh token", &secrets.flux_refresh_token),
        ("Flexiti secret", &secrets.flexiti_secret),
        ("webhook secret", &secrets.webhook_secret),
        ("hook path", &secrets.hook_path),
    ] {
        canaries.push(Canary::lasting(kind, text));
    }
    if let Some(database) = &field.database {
        canaries.push(Canary::lasting("database password", database.password()));
    }
    let tokens = settled.ledger.card_tokens.iter();
    canaries.extend(tokens.map(|made| Canary::fleeting("card token", &made.token)));
    for order in &settled.ledger.orders {
        for (kind, text) in [("session", &order.session), ("liszt token", &order.token)] {
            canaries.push(Canary::fleeting(kind, text));
        }
    }
    let codes = settled.ledger.flux.codes.iter();
    canaries.extend(codes.map(|shown| Canary::fleeting("wallet code", &shown.code)));
    let checks = settled.ledger.flexiti.sessions.iter();
    canaries
        .extend(checks.map(|check| Canary::fleeting("identity check", &check.widget_session_id)));
    let payers: BTreeMap<&str, &Payer> = settled
        .ledger
        .cvu
        .credits
        .iter()
        .map(|credit| (credit.payer.cvu.as_str(), &credit.payer))
        .collect();
    canaries.extend(payers.into_values().flat_map(Payer::canaries));
    canaries
}

/// The tokens of the CVU wallet API and of the Flux API, of which the ledger keeps nothing: another sandbox with
/// the same seed gives out the same.
async fn tokens(plan: &Plan, field: &Field, ledger: &Ledger) -> Result<Vec<Canary>> {
    let count = |name: &str| {
        let is_token = |call: &&Call| call.operation == name;
        ledger.calls.iter().filter(is_token).count()
    };
    let twin = Sandbox::start(&plan.binaries, &plan.folder, plan.seed, field.clock).await?;
    let of_cvu = wallet::tokens(&twin, &field.cvu_password, count("cvu_token")).await?;
    let of_flux =
        wallet::flux_tokens(&twin, &field.flux_refresh_token, count("flux_token")).await?;
    let canaries = |kind: &'static str, tokens: Vec<String>| {
        let tokens = tokens.into_iter();
        tokens.map(move |token| Canary::fleeting(kind, &token))
    };
    Ok(canaries("CVU token", of_cvu)
        .chain(canaries("Flux token", of_flux))
        .collect())
}

/// Reads everything in the folder but what the provider's stand-in wrote: it may know.
fn scan(canaries: &[Canary], folder: &Path, database: Option<&Path>) -> std::io::Result<Scan> {
    let mut scan = Scan::new(canaries);
    if let Some(database) = database {
        scan.read(database)?;
    }
    read_inside(&mut scan, folder, "")?;
    Ok(scan)
}

/// As [`scan`], for what the store keeps and buyers are shown: it may be nowhere else.
fn scan_beside_store(canaries: &[Canary], folder: &Path) -> std::io::Result<Scan> {
    let mut scan = Scan::new(canaries);
    read_inside(&mut scan, folder, "ventanilla.db")?;
    Ok(scan)
}

/// Reads what is in the folder, but neither what the provider's stand-in wrote nor, unless it is empty,
/// what begins with `store`.
fn read_inside(scan: &mut Scan, folder: &Path, store: &str) -> std::io::Result<()> {
    let mut inside = std::fs::read_dir(folder)?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<std::io::Result<Vec<_>>>()?;
    inside.sort();
    for path in inside {
        let begins_with = |beginning: &str| {
            path.file_name()
                .is_some_and(|name| name.to_string_lossy().starts_with(beginning))
        };
        if !begins_with("sandbox") && (store.is_empty() || !begins_with(store)) {
            scan.read(&path)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_line_is_as_promised() {
        let totals = Totals {
            checkouts: 2_000,
            faults: 1_530,
            kills: 20,
            unknown: 3,
            ..Totals::default()
        };
        assert_eq!(
            totals.to_string(),
            "checkouts=2000 faults=1530 kills=20 double=0 lost=0 invented=0 unknown=3"
        );
    }

    #[test]
    fn counters_are_told_apart_by_their_label() {
        let totals = BTreeMap::from([
            (String::from("x_total{a=\"1\",guard=\"live\"}"), 2),
            (String::from("x_total{guard=\"idle\"}"), 0),
            (String::from("y_total{guard=\"live\"}"), 9),
        ]);
        let found = labelled(&totals, "x_total", "guard");
        assert_eq!(found, BTreeMap::from([(String::from("live"), 2)]));
    }
}
