//! The proxies of one case, their store and whom they tell, through all their lives.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use ventanilla_core::attempt::AttemptState;

use super::case::{Action, Case, Deed};
use super::ground::{Ground, LOG};
use super::judge::Fault;
use super::play::{Played, standings};
use super::store::Copied;
use crate::failure::{Failure, Result};
use crate::harness::proxy::{Proxy, Settings, StoreAt, make_folder};
use crate::harness::receiver::{Deliveries, Message, Receiver};
use crate::harness::sandbox::{Ledger, Sandbox};
use crate::harness::shop::{Credit, CreditState, Session};
use crate::harness::wire::Wire;
use crate::run::StoreKind;

/// The proxies through all their lives.
pub(super) struct Life<'a> {
    pub ground: &'a Ground,
    case: Case,
    folder: PathBuf,
    /// The provider of what is paid from a wallet.
    account: Option<Arc<Sandbox>>,
    pub store: Copied,
    receiver: Receiver,
    /// Of each proxy, in the order of `proxies`.
    settings: Vec<Settings>,
    /// The first is made to fail; a shared store has another, once that has happened.
    pub proxies: Vec<Proxy>,
    /// The first one's.
    pub log: PathBuf,
    pub public_origin: String,
}

impl<'a> Life<'a> {
    pub async fn prepare(ground: &'a Ground, case: Case, number: u32) -> Result<Self> {
        let folder = ground.folder_of(case);
        make_folder(&folder)?;
        let store = ground.store.copy(&folder, number).await?;
        let bodies = folder.join("webhooks.jsonl");
        let receiver = Receiver::start(&ground.secrets, &bodies, number.into()).await?;
        let mut account = None;
        if case.deed.presentation().is_some() || case.deed == Deed::SendOut {
            let sandbox = Sandbox::start(&ground.binaries, &folder, number.into(), ground.clock);
            account = Some(Arc::new(sandbox.await?));
        }
        let mut life = Self {
            ground,
            case,
            folder,
            account,
            store,
            receiver,
            settings: Vec::new(),
            proxies: Vec::new(),
            log: PathBuf::new(),
            public_origin: String::new(),
        };
        let mut settings = life.settings_at(life.store.at.clone())?;
        life.public_origin.clone_from(&settings.public_origin);
        settings.public_origin.clone_from(&life.public_origin);
        life.settings.push(settings);
        life.proxies.push(life.proxy(0)?);
        if let Some(first) = life.proxies.first() {
            first.log().clone_into(&mut life.log);
        }
        Ok(life)
    }

    fn settings_at(&self, store: StoreAt) -> Result<Settings> {
        let ground = self.ground;
        let mut settings = Settings::new(self.sandbox(), store, ground.clock)?;
        let account = self.account.as_ref();
        settings.cvu_url = account.map(|sandbox| sandbox.cvu_url().to_owned());
        settings.webhooks = Some(self.receiver.url().to_owned());
        settings.flux_url = Some(ground.sandbox.flux_url().to_owned());
        // Its calls may take twice as long, and everybody's right to send would last with them.
        let flexiti = ground.sandbox.flexiti_url().to_owned();
        settings.flexiti_url = self.case.deed.needs_flexiti().then_some(flexiti);
        settings.log = String::from(LOG);
        settings.call_limit_secs = Some(CALL_LIMIT_SECS);
        Ok(settings)
    }

    /// The provider.
    pub fn sandbox(&self) -> &Sandbox {
        self.account.as_deref().unwrap_or(&self.ground.sandbox)
    }

    /// The provider of what is paid from a wallet.
    pub fn account(&self) -> Result<Arc<Sandbox>> {
        let account = self.account.clone();
        account.ok_or_else(|| Failure::of("the case has no account"))
    }

    /// What the provider's own ledger says, where the case has one.
    pub async fn ledger_of_account(&self) -> Result<Option<Ledger>> {
        match &self.account {
            Some(sandbox) => sandbox.ledger().await.map(Some),
            None => Ok(None),
        }
    }

    /// The proxy with this number, as its settings say now.
    fn proxy(&self, number: usize) -> Result<Proxy> {
        let settings = self.settings.get(number).cloned();
        let settings = settings.ok_or_else(|| Failure::of("there is no such proxy"))?;
        let name = format!("proxy-{}", number + 1);
        let ground = self.ground;
        Proxy::prepare(
            &ground.binaries,
            &self.folder,
            &name,
            settings,
            &ground.secrets,
        )
    }

    fn first(&mut self) -> Result<&mut Proxy> {
        let first = self.proxies.first_mut();
        first.ok_or_else(|| Failure::of("there is no proxy"))
    }

    /// Whether the database is dropped at its wire, and not in the proxy.
    fn drops_the_wire(&self) -> bool {
        self.case.action == Action::DropStore && self.store.relay.is_some()
    }

    /// Whether another proxy judges the payment while its sender stands still.
    pub fn may_send_late(&self) -> bool {
        self.case.action == Action::Stop && self.ground.kind == StoreKind::Postgres
    }

    /// Has the proxy live without trouble, for what goes before.
    pub async fn begin_well(&mut self) -> Result<()> {
        self.first()?.start().await
    }

    /// Ends that, once the merchant was told so many things.
    pub async fn end_well(&mut self, told: usize) -> Result<()> {
        let deadline = Instant::now() + TOLD_WITHIN;
        while self.receiver.deliveries().messages.len() < told {
            if Instant::now() > deadline {
                return Err(Failure::of("the merchant was not told what went before"));
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        if self.first()?.terminate(ENDS_WITHIN).await?.success() {
            Ok(())
        } else {
            Err(Failure::of("a proxy did not end well"))
        }
    }

    pub async fn begin(&mut self) -> Result<()> {
        // Stopped at the place, it can be cut off from its database exactly there.
        let action = if self.drops_the_wire() {
            Action::Stop
        } else {
            self.case.action
        };
        let nth = self.case.deed.nth(self.case.point);
        let fail_point = format!("{}={}@{nth}", self.case.point, action.name());
        let variables = [("VENTANILLA_FAILPOINT", fail_point.as_str())];
        self.first()?.start_with(&variables).await
    }

    /// Waits for what is to happen, and does what an operator would do after it.
    pub async fn befall(&mut self) -> Result<()> {
        let shared = self.ground.kind == StoreKind::Postgres;
        match self.case.action {
            Action::Exit => {
                self.first()?.wait_for_end(COMES_BY_WITHIN).await?;
                if shared {
                    self.proxies.clear();
                    self.settings.clear();
                    self.start_another().await
                } else {
                    self.first()?.start().await
                }
            }
            Action::Stop => {
                self.stands_still().await?;
                if shared {
                    self.start_another().await?;
                    tokio::time::sleep(STOPPED_UNTIL_OVERDUE).await;
                    self.first()?.resume()?;
                    self.ends_its_call().await
                } else {
                    tokio::time::sleep(STOPPED_FOR).await;
                    self.first()?.resume()
                }
            }
            Action::DropStore if self.drops_the_wire() => {
                self.stands_still().await?;
                if let Some(relay) = &self.store.relay {
                    relay.refuse(true);
                    relay.cut();
                }
                self.first()?.resume()?;
                tokio::time::sleep(DROPPED_FOR).await;
                if let Some(relay) = &self.store.relay {
                    relay.refuse(false);
                }
                Ok(())
            }
            Action::Panic | Action::DropStore => Ok(()),
        }
    }

    async fn stands_still(&mut self) -> Result<()> {
        let deadline = Instant::now() + COMES_BY_WITHIN;
        while !self.first()?.stands_still() {
            if Instant::now() > deadline {
                return Err(Failure::of("the proxy did not stop"));
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(())
    }

    /// What the one that was stopped has still to say is written: others may have judged without it.
    async fn ends_its_call(&mut self) -> Result<()> {
        let deadline = Instant::now() + COMES_BY_WITHIN;
        loop {
            // Just awake and with much to catch up on, it may be slow to answer.
            let metrics = self.first()?.metrics().await.unwrap_or_default();
            if metrics
                .lines()
                .any(|line| line == "ventanilla_calls_under_way 0")
            {
                return Ok(());
            }
            if Instant::now() > deadline {
                return Err(Failure::of("the stopped proxy did not end its call"));
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    async fn start_another(&mut self) -> Result<()> {
        let mut settings = self.settings_at(self.store.beside.clone())?;
        settings.public_origin.clone_from(&self.public_origin);
        self.settings.push(settings);
        let mut another = self.proxy(self.settings.len() - 1)?;
        another.start().await?;
        self.proxies.push(another);
        Ok(())
    }

    /// A right that was slept over must not be used.
    pub async fn look_for_stale_right(&mut self, played: &mut Played) -> Result<()> {
        let metrics = self.first()?.metrics().await?;
        let found = metrics.lines().any(|line| {
            line.starts_with("ventanilla_guard_hits_total")
                && line.contains("stale_sender")
                && !line.ends_with(" 0")
        });
        if !found {
            played.trouble.push(Fault {
                rule: "I2",
                what: String::from("a right to send was slept over, and used nevertheless"),
            });
        }
        Ok(())
    }

    /// Ends the proxies and starts them again `by` later, as far as they can tell.
    pub async fn leap(&mut self, by: Duration, played: &mut Played) -> Result<()> {
        for proxy in &mut self.proxies {
            if !proxy.terminate(ENDS_WITHIN).await?.success() {
                played.amiss("a proxy did not end well");
            }
        }
        for settings in &mut self.settings {
            settings.clock = settings.clock.ahead(by);
        }
        for number in 0..self.settings.len() {
            let mut proxy = self.proxy(number)?;
            proxy.start().await?;
            if let Some(place) = self.proxies.get_mut(number) {
                *place = proxy;
            }
        }
        Ok(())
    }

    pub fn wire(&self) -> Wire {
        Wire::to(
            self.proxies
                .iter()
                .map(|proxy| proxy.url().to_owned())
                .collect(),
        )
    }

    /// What the merchant was told, once it was told how this ended.
    pub async fn told_of(&self, id: &str, state: AttemptState) -> Deliveries {
        let deadline = Instant::now() + TOLD_WITHIN;
        loop {
            let told = self.receiver.deliveries();
            if told.told(id, state) || Instant::now() > deadline {
                return told;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// What the merchant was told, once everything has been told that there is.
    pub async fn told(&self, sessions: &[Session], settled: &[Credit]) -> Deliveries {
        let deadline = Instant::now() + TOLD_WITHIN;
        loop {
            let mut told = self.receiver.deliveries();
            let is_of = |id: &str| {
                let mut attempts = sessions.iter().flat_map(|session| &session.attempts);
                attempts.any(|attempt| attempt.id == id)
            };
            let before = self.ground.told.iter().filter(|message| {
                let attempt = message.data.attempt.as_ref();
                attempt.is_some_and(|attempt| is_of(&attempt.id))
            });
            told.messages = before.cloned().chain(told.messages).collect();
            let missing = sessions.iter().flat_map(standings).any(|(id, state)| {
                state.is_final()
                    && !told.messages.iter().any(|message| {
                        let data = &message.data;
                        let mut told = data.attempt.iter().chain(&data.operation);
                        told.any(|standing| standing.id == id && standing.state == state)
                    })
            });
            let credits = sessions.iter().flat_map(|session| &session.credits);
            let unheard = credits.chain(settled).any(|credit| {
                let is_of_it = |message: &Message| {
                    let about = message.data.credit.as_ref();
                    about.is_some_and(|about| about.id == credit.id)
                };
                credit.state != CreditState::Matched && !told.messages.iter().any(is_of_it)
            });
            if !(missing || unheard) || Instant::now() > deadline {
                return told;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

/// Longer than a right to send is good for, which is 5 s, and shorter than an order session lives.
const STOPPED_FOR: Duration = Duration::from_millis(5_500);
/// Longer than it takes until somebody else holds the call in doubt.
const STOPPED_UNTIL_OVERDUE: Duration = Duration::from_secs(16);
/// As long as a proxy itself pretends it.
const DROPPED_FOR: Duration = Duration::from_secs(3);
/// The whole way from the request to the last webhook, on a busy machine, where the account may first have to
/// be given back by somebody who died.
const COMES_BY_WITHIN: Duration = Duration::from_secs(100);
pub(super) const ENDS_WITHIN: Duration = Duration::from_secs(60);
const TOLD_WITHIN: Duration = Duration::from_secs(60);
/// The provider is on this machine: what has not answered by then will not.
const CALL_LIMIT_SECS: u32 = 2;
