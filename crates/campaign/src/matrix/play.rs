//! One case from beginning to end, as shop and buyer live through it.
//!
//! Something goes wrong, and everybody does what they would do then: the process is started again, the
//! request is repeated with its key, what is in doubt is waited for. Where that takes hours, the proxy is
//! ended and comes back with its clock so much further on.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use ventanilla_core::attempt::AttemptState;

use super::case::{Action, Case, Deed};
use super::client::{Client, Wish};
use super::errand;
use super::ground::Ground;
use super::judge::{Books, Fault};
use super::life::{ENDS_WITHIN, Life};
use super::wallet;
use crate::failure::{Failure, Result};
use crate::harness::proxy::Proxy;
use crate::harness::receiver::Deliveries;
use crate::harness::sandbox::Ledger;
use crate::harness::shop::{Credit, Session};
use crate::leak::Canary;
use crate::run::StoreKind;

/// What became of a case.
#[derive(Debug)]
pub(super) struct Played {
    pub case: Case,
    /// As the merchant API had them in the end; none if it did not come to that.
    pub sessions: Vec<Session>,
    /// What the provider says of what was paid from a wallet.
    pub ledger: Option<Ledger>,
    /// The credits of which somebody said whose they are.
    pub settled: Vec<Credit>,
    /// What was asked for without a checkout, in the end.
    pub errand: Option<errand::Done>,
    /// What the merchant was told.
    pub told: Deliveries,
    /// Whether the proxy came by the place.
    pub came_by: bool,
    /// Each state that the merchant API showed, in order, by attempt or operation.
    pub history: HashMap<String, Vec<AttemptState>>,
    /// The states in which that which was disturbed ended, and what was asked for after it.
    pub ends: Vec<AttemptState>,
    /// What did not go as it should while it was played.
    pub trouble: Vec<Fault>,
    pub took: Duration,
}

/// Plays `case`, the one with this number.
pub(super) async fn play(ground: Arc<Ground>, case: Case, number: u32) -> Played {
    let begun = Instant::now();
    let mut played = Played {
        case,
        sessions: Vec::new(),
        ledger: None,
        settled: Vec::new(),
        errand: None,
        told: Deliveries::default(),
        came_by: false,
        history: HashMap::new(),
        ends: Vec::new(),
        trouble: Vec::new(),
        took: Duration::ZERO,
    };
    if let Err(failure) = go_through(&ground, case, number, &mut played).await {
        played.amiss(failure.to_string());
    }
    played.took = begun.elapsed();
    played
}

async fn go_through(ground: &Ground, case: Case, number: u32, played: &mut Played) -> Result<()> {
    let mut life = Life::prepare(ground, case, number).await?;
    let done = match case.deed {
        Deed::Credit | Deed::OtherCredit | Deed::Resolve => {
            wallet::live(ground, case, number, &mut life, played).await
        }
        deed if deed.is_errand() => errand::live(ground, case, number, &mut life, played).await,
        _ => live(ground, case, number, &mut life, played).await,
    };
    played.ledger = life.ledger_of_account().await?;
    for proxy in &mut life.proxies {
        if proxy.runs() && !proxy.terminate(ENDS_WITHIN).await?.success() {
            played.amiss("a proxy did not end well");
        }
    }
    let log = std::fs::read_to_string(&life.log).unwrap_or_default();
    played.came_by = log.contains(&format!("fail point {}\"", case.point));
    ground.store.drop_copy(&life.store).await?;
    done
}

async fn live(
    ground: &Ground,
    case: Case,
    number: u32,
    life: &mut Life<'_>,
    played: &mut Played,
) -> Result<()> {
    let mut client = Client::of(ground, life, case, number);
    let mut wish = Wish::default();
    if case.deed == Deed::CashOut {
        wallet::pay_before(life, &client, &mut wish, played).await?;
    }
    life.begin().await?;
    let (asked, befallen) = tokio::join!(client.ask(&mut wish), life.befall());
    if let Err(failure) = befallen {
        played.amiss(failure.to_string());
    }
    asked?;
    client.turn_to(life);
    // Whoever was not answered asks again, with the same key.
    client.insist(&mut wish).await?;
    if case.action == Action::Stop && case.point == "t1.after" {
        life.look_for_stale_right(played).await?;
    }
    let session = settle(life, &client, &wish, played).await?;
    played.ends.extend(wish.end_in(&session));

    if matches!(case.deed, Deed::Link | Deed::Qr) {
        wallet::pay_all(life, &client, &mut wish, played).await?;
    } else {
        client.ask_once_more(&session, &mut wish, played).await?;
    }
    let session = settle(life, &client, &wish, played).await?;
    if wish.once_more.is_some() {
        played.ends.extend(wish.end_in(&session));
    }
    played.closes(life, vec![session]).await;
    Ok(())
}

/// Waits until nothing of the session changes any more; if need be, for a day.
async fn settle(
    life: &mut Life<'_>,
    client: &Client<'_>,
    wish: &Wish,
    played: &mut Played,
) -> Result<Session> {
    let mut session = rest(life, client, wish, played).await?;
    for by in LEAPS {
        if rests(&session) {
            break;
        }
        life.leap(by, played).await?;
        session = rest(life, client, wish, played).await?;
    }
    if life.may_send_late() {
        session = account(life, client, wish, played, session).await?;
    }
    Ok(session)
}

/// Waits until what the provider did is known, for as long as somebody is being given up who then sends
/// after all.
async fn account(
    life: &Life<'_>,
    client: &Client<'_>,
    wish: &Wish,
    played: &mut Played,
    mut session: Session,
) -> Result<Session> {
    let deadline = Instant::now() + KNOWN_WITHIN;
    loop {
        let books = Books::of(life.sandbox().ledger().await?);
        let all_is_known = books.are_known_to(&session);
        if all_is_known || Instant::now() > deadline {
            return Ok(session);
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
        session = client.shop.session(wish.session()?).await?;
        played.saw(&session);
    }
}

/// Watches the session until it rests, or until nothing has changed for so long that nothing will
/// for a while.
async fn rest(
    life: &mut Life<'_>,
    client: &Client<'_>,
    wish: &Wish,
    played: &mut Played,
) -> Result<Session> {
    let id = wish.session()?;
    let mut changed_at = Instant::now();
    loop {
        let session = client.shop.session(id).await?;
        if played.saw(&session) {
            changed_at = Instant::now();
        }
        if rests(&session) || changed_at.elapsed() > patience(life.ground.kind, &session) {
            return Ok(session);
        }
        if !life.proxies.iter_mut().all(Proxy::runs) {
            return Err(Failure::of("a proxy ended by itself"));
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// How long nothing changes before nothing will for a while.
fn patience(kind: StoreKind, session: &Session) -> Duration {
    patience_with(kind, states(session))
}

/// Likewise, of what stands so.
pub(super) fn patience_with(
    kind: StoreKind,
    states: impl Iterator<Item = AttemptState>,
) -> Duration {
    let states: Vec<AttemptState> = states.collect();
    let is = |wanted: &[AttemptState]| states.iter().any(|state| wanted.contains(state));
    if is(&[AttemptState::New, AttemptState::Prepared]) && kind == StoreKind::Postgres {
        LEFT_BEHIND
    } else if is(&[AttemptState::Sent]) {
        OVERDUE_AFTER
    } else {
        QUIET
    }
}

impl Played {
    /// That is how it ended.
    pub async fn closes(&mut self, life: &Life<'_>, sessions: Vec<Session>) {
        self.told = life.told(&sessions, &self.settled).await;
        self.sessions = sessions;
    }

    /// Those who paid from a wallet, as they may be written nowhere.
    pub fn payers(&self) -> impl Iterator<Item = Canary> {
        let credits = self.ledger.iter().flat_map(|ledger| &ledger.cvu.credits);
        credits.flat_map(|credit| credit.payer.canaries())
    }

    /// It did not go as it should.
    pub fn amiss(&mut self, what: impl Into<String>) {
        let what = what.into();
        let rule = "played";
        self.trouble.push(Fault { rule, what });
    }

    /// Whether anything stands otherwise than before.
    pub fn saw(&mut self, session: &Session) -> bool {
        let mut changed = false;
        for (id, state) in standings(session) {
            changed |= self.saw_standing(id, state);
        }
        changed
    }

    /// Likewise, of one thing.
    pub fn saw_standing(&mut self, id: &str, state: AttemptState) -> bool {
        let states = self.history.entry(id.to_owned()).or_default();
        let changed = states.last() != Some(&state);
        if changed {
            states.push(state);
        }
        changed
    }
}

pub(super) fn standings(session: &Session) -> impl Iterator<Item = (&str, AttemptState)> {
    let attempts = session.attempts.iter();
    let operations = session.operations.iter();
    attempts
        .map(|attempt| (attempt.id.as_str(), attempt.state))
        .chain(operations.map(|operation| (operation.id.as_str(), operation.state)))
}

fn states(session: &Session) -> impl Iterator<Item = AttemptState> {
    standings(session).map(|(_, state)| state)
}

/// Whether nothing of it will change by itself. What is under review waits for a person, and what is shown for
/// its buyer.
fn rests(session: &Session) -> bool {
    let waits = |state| matches!(state, AttemptState::Review | AttemptState::Issued);
    states(session).all(|state| state.is_final() || waits(state))
}

/// An answer may be 10 s late before its call is held in doubt; both are real time.
const OVERDUE_AFTER: Duration = Duration::from_secs(17);
/// On a clock 30 times faster the first five reads of what is in doubt fit in, and a store that is gone
/// for three seconds is back.
const QUIET: Duration = Duration::from_secs(5);
/// A late sender's news has its payment read again within seconds; the clock is fast, the machine busy.
const KNOWN_WITHIN: Duration = Duration::from_secs(20);
/// In a store that several may share, what somebody died with is lent to him for half a minute of real time.
const LEFT_BEHIND: Duration = Duration::from_secs(40);
/// Past the provider's fence, and past the time after which what is not disproved is reviewed.
pub(super) const LEAPS: [Duration; 2] = [
    Duration::from_secs(50 * 60),
    Duration::from_secs(26 * 60 * 60),
];
