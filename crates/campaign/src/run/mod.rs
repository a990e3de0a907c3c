//! One campaign: buyers pay, blows fall, and in the end everybody is asked what they know.
//!
//! | question | room |
//! |---|---|
//! | what does one buyer do | `checkout` with a card, and `operations` once it is paid; `wallet` with a wallet; `code` with a wallet's code; `financing` on credit; the shop, without a checkout: `errands` |
//! | what befalls the proxies and their database | `trouble` |
//! | when is everything settled, and what is the outcome | `settle` |
//! | what is seen meanwhile | `screen`, `meters` |

mod book;
mod checkout;
pub(crate) mod code;
mod errands;
mod financing;
mod meters;
mod operations;
mod outcome;
mod screen;
mod settle;
mod trouble;
mod wallet;

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use serde_json::json;
use tokio::sync::{Mutex, Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::Instant;
use ventanilla_testbed::relay::Relay;

use crate::clock::ScaledClock;
use crate::failure::{Failure, Result, Tried as _};
use crate::harness::Binaries;
use crate::harness::database::Database;
use crate::harness::proxy::{Proxy, Secrets, Settings, StoreAt, make_folder};
use crate::harness::receiver::Receiver;
use crate::harness::sandbox::Sandbox;
use crate::harness::shop::Shop;
use crate::harness::wire::Wire;
use crate::random::Dice;

use book::Book;
use meters::Meters;
use trouble::Blow;

pub use outcome::{Outcome, Totals};
pub use screen::Screen;

/// Which database the proxies keep payments in.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum StoreKind {
    /// A file; takes one proxy.
    Sqlite,
    /// A server of the campaign's own, behind a wire that can be cut.
    Postgres,
}

impl StoreKind {
    /// Its name, for people.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "SQLite",
            Self::Postgres => "PostgreSQL",
        }
    }
}

/// What a campaign is to do.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Decides orders, cards, manners, faults, and when and whom a blow hits.
    pub seed: u64,
    /// How many buyers come.
    pub checkouts: u64,
    /// How many begin in a second, whatever became of those before.
    pub per_second: u64,
    /// So many are served at a time; more wait at the door.
    pub concurrency: usize,
    /// How many of a hundred provider calls meet a fault.
    pub faults_percent: u8,
    /// How often a proxy is killed.
    pub kills: u64,
    /// How often a proxy is stopped for a while.
    pub pauses: u64,
    /// How often the database stops at once.
    pub database_stops: u64,
    /// How often the wire to the database is cut, held, or loses answers.
    pub database_cuts: u64,
    /// How many proxies share the store.
    pub proxies: usize,
    /// The store.
    pub store: StoreKind,
    /// How many times faster than real time clocks run.
    pub speed: u32,
    /// Whether the proxies must be caught leaking: masking is switched off.
    pub control_leak: bool,
    /// The programs.
    pub binaries: Binaries,
    /// Where everything is written.
    pub folder: PathBuf,
    /// Whether the database's files are wanted there as well, even if nothing is wrong.
    pub keep: bool,
}

/// Everybody who takes part.
struct Field {
    checkouts: u64,
    dice: Dice,
    clock: ScaledClock,
    sandbox: Sandbox,
    proxies: Vec<Mutex<Proxy>>,
    database: Option<Database>,
    relay: Option<Relay>,
    receiver: Receiver,
    wire: Wire,
    shop: Shop,
    public_origin: String,
    /// What opens the account at the CVU wallet API.
    cvu_password: String,
    /// What opens the account at the Flux API.
    flux_refresh_token: String,
    approved: Vec<String>,
    declined: Vec<String>,
    /// So many buyers keep the proxies busy at a time.
    tills: Arc<Semaphore>,
    /// How long a buyer puts up with it.
    patience: Duration,
    /// When the last buyers are asked to go.
    closes_at: OnceLock<Instant>,
    operations_offered: AtomicBool,
    book: Book,
    meters: Meters,
    blows: Blows,
}

impl Field {
    /// Whether somebody whose own patience ends at `until` goes on.
    fn goes_on(&self, until: Instant) -> bool {
        let now = Instant::now();
        now < until && self.closes_at.get().is_none_or(|closing| now < *closing)
    }
}

/// What befell the proxies so far.
#[derive(Default)]
struct Blows {
    kills: AtomicU64,
    pauses: AtomicU64,
    database_stops: AtomicU64,
    cuts: AtomicU64,
    /// Calls that met a fault, as of the last look at the ledger.
    faults: AtomicU64,
}

/// Runs a campaign.
///
/// # Errors
///
/// When it cannot be run: a program is missing, a proxy does not come back, nobody answers. What the
/// proxies did wrong is no error but in the [`Outcome`].
pub async fn campaign(plan: &Plan, screen: &mut Screen) -> Result<Outcome> {
    let begun = Instant::now();
    let secrets = Secrets::make();
    let field = Arc::new(set_up(plan, &secrets).await?);
    screen.headline(plan);
    errands::save_cards(&field).await?;
    let trouble = u64::from(plan.faults_percent);
    field.receiver.turn_away(trouble / 2);
    field
        .sandbox
        .let_chance_decide(plan.faults_percent, plan.seed)
        .await?;
    let (stop, stopped) = watch::channel(false);
    let mut blows = deal_blows(&field, plan, &stopped);
    let watching = tokio::spawn(watch_over(Arc::clone(&field)));
    let selling = tokio::spawn(sell(Arc::clone(&field), plan.per_second, plan.concurrency));
    while !selling.is_finished() {
        screen.progress("paying", &field);
        tokio::time::sleep(Duration::from_millis(100)).await;
        while let Some(dealt) = blows.try_join_next() {
            dealt.tried("deal the blows")??;
        }
    }
    selling.await.tried("serve the buyers")?;
    stop.send_replace(true);
    while let Some(dealt) = blows.join_next().await {
        dealt.tried("deal the blows")??;
    }
    let paying = begun.elapsed();
    let settled = settle::settle(&field, screen).await?;
    watching.abort();
    let times = outcome::Times {
        paying,
        until_settled: begun.elapsed(),
    };
    outcome::draw_up(plan, &field, &secrets, settled, times, screen).await
}

async fn set_up(plan: &Plan, secrets: &Secrets) -> Result<Field> {
    if plan.store == StoreKind::Sqlite && plan.proxies > 1 {
        return Err(Failure::of(
            "SQLite takes one proxy; --store postgres takes more",
        ));
    }
    make_folder(&plan.folder)?;
    let clock = ScaledClock::start(plan.speed);
    let sandbox = Sandbox::start(&plan.binaries, &plan.folder, plan.seed, clock).await?;
    let options = json!({ "buyer": "mixed", "credit_spread_ms": LONGEST_CREDIT_MS });
    sandbox
        .tell(reqwest::Method::POST, "/cvu/options", &options)
        .await?;
    // Enough credit for everybody who comes with this account.
    let rich = json!({
        "available_credit_minor": 9_999_999_999_999_u64, "verification_codes": [errands::CODE],
    });
    let account = format!("/flexiti/accounts/{}", errands::CUSTOMER);
    sandbox.tell(reqwest::Method::POST, &account, &rich).await?;
    let receiver = Receiver::start(secrets, &plan.folder.join("webhooks.jsonl"), plan.seed).await?;
    let (database, relay, store) = match plan.store {
        StoreKind::Sqlite => (
            None,
            None,
            StoreAt::Sqlite(plan.folder.join("ventanilla.db")),
        ),
        StoreKind::Postgres => {
            let database = Database::start().await?;
            let relay = Relay::start(database.address())
                .await
                .tried("stand between proxies and database")?;
            let url = database.url_by(relay.address());
            (Some(database), Some(relay), StoreAt::Postgres(url))
        }
    };
    let mut proxies: Vec<Mutex<Proxy>> = Vec::new();
    let mut urls = Vec::new();
    let mut public_origin = None;
    for number in 1..=plan.proxies {
        let mut settings = Settings::new(&sandbox, store.clone(), clock)?;
        // One balancer in front of them all, as far as browsers can tell.
        let origin = public_origin.get_or_insert_with(|| settings.public_origin.clone());
        settings.public_origin.clone_from(origin);
        settings.webhooks = Some(receiver.url().to_owned());
        settings.cvu_url = Some(sandbox.cvu_url().to_owned());
        settings.flux_url = Some(sandbox.flux_url().to_owned());
        settings.flexiti_url = Some(sandbox.flexiti_url().to_owned());
        let name = format!("proxy-{number}");
        let mut proxy = Proxy::prepare(&plan.binaries, &plan.folder, &name, settings, secrets)?;
        if plan.control_leak {
            proxy.set("VENTANILLA_UNMASKED", "1");
        }
        proxy.start().await?;
        if number == 1 {
            let hooks = format!("{}/hooks/greenpay/{}", proxy.url(), secrets.hook_path);
            sandbox.notify(&hooks, "mixed").await?;
            let hooks = format!("{}/hooks/cvu/{}", proxy.url(), secrets.hook_path);
            sandbox.notify_of_credits(&hooks, "mixed").await?;
        }
        urls.push(proxy.url().to_owned());
        proxies.push(Mutex::new(proxy));
    }
    if let Some(relay) = &relay
        && relay.accepted() == 0
    {
        return Err(Failure::of(
            "the proxies are ready and never asked PostgreSQL for anything",
        ));
    }
    let wire = Wire::to(urls);
    let (approved, declined) = cards(&sandbox).await?;
    Ok(Field {
        checkouts: plan.checkouts,
        dice: Dice::new(plan.seed),
        clock,
        shop: Shop::new(wire.clone(), secrets),
        wire,
        sandbox,
        proxies,
        database,
        relay,
        receiver,
        public_origin: public_origin.unwrap_or_default(),
        cvu_password: secrets.cvu_password.clone(),
        flux_refresh_token: secrets.flux_refresh_token.clone(),
        approved,
        declined,
        tills: Arc::new(Semaphore::new(TILLS)),
        // Long enough to see the end of a doubt that only the provider's fence resolves.
        patience: clock.real(FENCE_SEEN) + Duration::from_secs(30),
        closes_at: OnceLock::new(),
        operations_offered: AtomicBool::new(true),
        book: Book::default(),
        meters: Meters::new(plan.folder.join("metrics.txt")),
        blows: Blows::default(),
    })
}

/// The published test cards: approved, declined.
async fn cards(sandbox: &Sandbox) -> Result<(Vec<String>, Vec<String>)> {
    let cards = sandbox.cards().await?;
    let of = |outcome: &str| -> Vec<String> {
        let of_outcome = cards.iter().filter(|card| card.outcome == outcome);
        of_outcome.map(|card| card.number.clone()).collect()
    };
    let (approved, declined) = (of("approved"), of("declined"));
    if approved.is_empty() || declined.is_empty() {
        return Err(Failure::of("the sandbox publishes no test cards"));
    }
    Ok((approved, declined))
}

fn deal_blows(
    field: &Arc<Field>,
    plan: &Plan,
    stop: &watch::Receiver<bool>,
) -> JoinSet<Result<()>> {
    let mut blows = JoinSet::new();
    for (number, blow, times) in [
        (1, Blow::Kill, plan.kills),
        (2, Blow::Pause, plan.pauses),
        (3, Blow::DatabaseStop, plan.database_stops),
        (4, Blow::DatabaseCut, plan.database_cuts),
    ] {
        let dice = field.dice.of(u64::MAX - number);
        blows.spawn(trouble::deal(
            Arc::clone(field),
            blow,
            times,
            dice,
            stop.clone(),
        ));
    }
    blows
}

/// Lets buyers in at a steady pace, however those before them fare, as long as there is room.
async fn sell(field: Arc<Field>, per_second: u64, concurrency: usize) {
    let begun = Instant::now();
    let room = Arc::new(Semaphore::new(concurrency));
    let mut buyers = JoinSet::new();
    for number in 0..field.checkouts {
        let due = Duration::from_millis(number * 1_000 / per_second.max(1));
        tokio::time::sleep_until(begun + due).await;
        let Ok(place) = Arc::clone(&room).acquire_owned().await else {
            break;
        };
        let field = Arc::clone(&field);
        book::count(&field.book.begun);
        buyers.spawn(async move {
            checkout::play(field, number).await;
            drop(place);
        });
        while buyers.try_join_next().is_some() {}
    }
    // What they still wait for is settled without them.
    let _ = field.closes_at.set(Instant::now() + CLOSING);
    while buyers.join_next().await.is_some() {}
}

/// Reads every proxy's counters each second, and the ledger as often as it can be had cheaply.
async fn watch_over(field: Arc<Field>) {
    let mut next_look = Instant::now();
    loop {
        for proxy in &field.proxies {
            // Whoever holds it is about to kill it, and reads it first.
            if let Ok(proxy) = proxy.try_lock() {
                field.meters.read(&proxy).await;
            }
        }
        if Instant::now() >= next_look {
            let began = Instant::now();
            if let Ok(ledger) = field.sandbox.ledger().await {
                let faults = ledger.calls.iter().filter(|call| call.fault.is_some());
                let faults = u64::try_from(faults.count()).unwrap_or(u64::MAX);
                field.blows.faults.store(faults, Ordering::Relaxed);
            }
            next_look = Instant::now() + began.elapsed() * 20;
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

/// So long, on the scaled clock, the provider's list may not show a credit yet.
const LONGEST_CREDIT_MS: u64 = 120_000;
/// A good two for each call that a proxy makes at a time, so that it is always busy, also while some wait for a
/// provider that does not answer, and seldom has to turn somebody away: that is its own tests' business.
const TILLS: usize = 150;
/// Buyers who come last may try again once or twice, and need not see the end of every doubt.
const CLOSING: Duration = Duration::from_secs(6);
/// The first read that can end a doubt is at 36 minutes, give or take a fifth; two more may follow it.
const FENCE_SEEN: Duration = Duration::from_secs(45 * 60);
