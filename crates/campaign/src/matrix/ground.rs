//! What every case starts from: one provider, and stores in which payments have been made already.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::json;
use tokio::task::JoinSet;
use tokio::time::Instant;
use ventanilla_core::api::{AttemptView, StartAttempt};
use ventanilla_core::attempt::AttemptState;
use ventanilla_core::operation::OperationKind;

use super::case::{Case, Deed, POINTS, Purchase};
use super::client::TIP_MINOR;
use super::errand::CODE;
use super::financing::{ACCOUNT, Said, Way};
use super::store::Template;
use crate::clock::ScaledClock;
use crate::failure::{Failure, Result, Tried as _};
use crate::harness::Binaries;
use crate::harness::buyer::{Buyer, CVC, financed, fresh_key, pinned_key, typed_card, wallet_code};
use crate::harness::lender::LenderPage;
use crate::harness::proxy::{Proxy, Secrets, Settings, make_folder};
use crate::harness::receiver::{Message, Receiver};
use crate::harness::sandbox::{Ledger, Sandbox};
use crate::harness::shop::{self, Shop};
use crate::harness::wire::{Answer, Wire};
use crate::leak::Canary;
use crate::run::StoreKind;
use crate::run::code::fresh_code;

/// Shared by all cases; nothing in it changes but the provider's ledger.
pub(super) struct Ground {
    pub binaries: Binaries,
    pub folder: PathBuf,
    pub clock: ScaledClock,
    pub sandbox: Sandbox,
    pub secrets: Secrets,
    /// A card that is approved.
    pub card: String,
    /// A store with paid sessions, and with a saved card of [`SAVER`].
    pub store: Template,
    pub kind: StoreKind,
    pools: HashMap<Purchase, Pool>,
    /// What the merchant was told before any case began.
    pub told: Vec<Message>,
    references: Vec<String>,
    canaries: Mutex<Vec<Canary>>,
}

/// Sessions of the template that were paid in one way, each for one case.
#[derive(Default)]
struct Pool {
    paid: Vec<Paid>,
    next: AtomicUsize,
}

/// A session of the template that is paid.
#[derive(Clone, Debug)]
pub(super) struct Paid {
    pub session: String,
    pub attempt: String,
    /// What was captured of it before any case, where something was.
    capture: Option<String>,
}

/// The buyer whose card is saved.
pub(super) const SAVER: &str = "buyer-1";

impl Ground {
    /// Prepares it for `cases`, in `folder`.
    pub async fn prepare(
        binaries: &Binaries,
        folder: &Path,
        kind: StoreKind,
        cases: &[Case],
    ) -> Result<Self> {
        make_folder(folder)?;
        let clock = ScaledClock::start(SPEED);
        let sandbox = Sandbox::start(binaries, folder, 1, clock).await?;
        let card = sandbox
            .cards()
            .await?
            .into_iter()
            .find(|card| card.outcome == "approved")
            .ok_or_else(|| Failure::of("the sandbox publishes no card that is approved"))?
            .number;
        let mut ground = Self {
            binaries: binaries.clone(),
            store: Template::make(kind, &folder.join(GROUND)).await?,
            kind,
            folder: folder.to_owned(),
            clock,
            sandbox,
            secrets: Secrets::make(),
            card,
            pools: HashMap::new(),
            told: Vec::new(),
            references: Vec::new(),
            canaries: Mutex::default(),
        };
        let rich = json!({
            "available_credit_minor": 9_999_999_999_999_u64, "verification_codes": [CODE],
        });
        let account = format!("/flexiti/accounts/{ACCOUNT}");
        let told = ground.sandbox.tell(reqwest::Method::POST, &account, &rich);
        told.await?;
        let mut wanted: HashMap<Purchase, usize> = HashMap::new();
        for purchase in cases.iter().filter_map(|case| case.deed.follows()) {
            *wanted.entry(purchase).or_default() += 1;
        }
        ground.till(&wanted).await?;
        Ok(ground)
    }

    /// Where a case writes.
    pub fn folder_of(&self, case: Case) -> PathBuf {
        self.folder.join(case.to_string().replace(':', "_"))
    }

    /// The references of the payments that were made before any case.
    pub fn references(&self) -> impl Iterator<Item = &str> {
        self.references.iter().map(String::as_str)
    }

    /// From now on this may be nowhere on disk.
    pub fn note_secret(&self, kind: &'static str, text: &str) {
        let mut canaries = self.canaries.lock().unwrap_or_else(PoisonError::into_inner);
        canaries.push(Canary::fleeting(kind, text));
    }

    /// Notes what a page sends.
    pub fn note_card(&self, start: &StartAttempt) {
        if let Some(sealed) = start.card.as_ref().and_then(|card| card.sealed.as_ref()) {
            self.note_secret("ld", &sealed.ld);
            self.note_secret("lk", &sealed.lk);
        }
    }

    /// Everything that may be nowhere on disk.
    pub fn canaries(&self, ledger: &Ledger) -> Vec<Canary> {
        let noted = self.canaries.lock().unwrap_or_else(PoisonError::into_inner);
        let mut canaries = noted.clone();
        canaries.extend([
            Canary::pan(&self.card),
            Canary::cvc(CVC),
            Canary::fleeting("verification code", CODE),
        ]);
        for (kind, text) in [
            ("API key", &self.secrets.api_key),
            ("token key", &self.secrets.token_key),
            ("store key", &self.secrets.store_key),
            ("provider secret", &self.secrets.provider_secret),
            ("CVU password", &self.secrets.cvu_password),
            ("Flux refresh token", &self.secrets.flux_refresh_token),
            ("Flexiti secret", &self.secrets.flexiti_secret),
            ("webhook secret", &self.secrets.webhook_secret),
            ("hook path", &self.secrets.hook_path),
        ] {
            canaries.push(Canary::lasting(kind, text));
        }
        if let Some(password) = self.store.password() {
            canaries.push(Canary::lasting("database password", password));
        }
        let tokens = ledger.card_tokens.iter();
        canaries.extend(tokens.map(|made| Canary::fleeting("card token", &made.token)));
        let codes = ledger.flux.codes.iter();
        canaries.extend(codes.map(|shown| Canary::fleeting("wallet code", &shown.code)));
        let checks = ledger.flexiti.sessions.iter();
        canaries.extend(
            checks.map(|check| Canary::fleeting("identity check", &check.widget_session_id)),
        );
        for order in &ledger.orders {
            for (kind, text) in [("session", &order.session), ("liszt token", &order.token)] {
                canaries.push(Canary::fleeting(kind, text));
            }
        }
        canaries
    }

    /// A paid session that no other case has, for an operation.
    pub fn take_paid(&self, deed: Deed) -> Result<Paid> {
        let pool = deed
            .follows()
            .and_then(|purchase| self.pools.get(&purchase));
        let paid = pool.and_then(|pool| {
            let next = pool.next.fetch_add(1, Ordering::Relaxed);
            pool.paid.get(next).cloned()
        });
        paid.ok_or_else(|| Failure::of("fewer sessions were paid than there are cases"))
    }

    /// Has a proxy take as many payments of each kind as are `wanted`, and save a card; ends it.
    async fn till(&mut self, wanted: &HashMap<Purchase, usize>) -> Result<()> {
        let folder = self.folder.join(GROUND);
        let bodies = folder.join("webhooks.jsonl");
        let receiver = Receiver::start(&self.secrets, &bodies, 1).await?;
        let mut settings = Settings::new(&self.sandbox, self.store.at(), self.clock)?;
        settings.webhooks = Some(receiver.url().to_owned());
        settings.flux_url = Some(self.sandbox.flux_url().to_owned());
        settings.flexiti_url = Some(self.sandbox.flexiti_url().to_owned());
        // What is held stays held until it is captured.
        settings
            .extra
            .push(("flexiti", String::from("capture = false")));
        settings.log = String::from(LOG);
        let mut proxy = Proxy::prepare(&self.binaries, &folder, "proxy", settings, &self.secrets)?;
        compare_points(&mut proxy).await?;
        proxy.start().await?;
        let till = Arc::new(Till::of(&proxy, &self.secrets, &self.card));
        till.pay(0, true).await?;
        let count = |purchase| wanted.get(&purchase).copied().unwrap_or(0);
        let mut by_card = Vec::new();
        let mut paying = JoinSet::new();
        for number in 1..=count(Purchase::ByCard) {
            while paying.len() >= AT_A_TIME {
                by_card.extend(joined(&mut paying).await?);
            }
            let till = Arc::clone(&till);
            paying.spawn(async move { till.pay(number, false).await });
        }
        while !paying.is_empty() {
            by_card.extend(joined(&mut paying).await?);
        }
        self.fill(Purchase::ByCard, by_card);
        let mut by_code = Vec::new();
        for number in 1..=count(Purchase::ByCode) {
            let code = fresh_code(&self.sandbox, "good").await?;
            by_code.push(till.pay_by_code(number, &code).await?);
        }
        self.fill(Purchase::ByCode, by_code);
        for purchase in [Purchase::Held, Purchase::WithPlan, Purchase::Regular] {
            let mut financed = Vec::new();
            for _ in 0..count(purchase) {
                let note = |page: &LenderPage| self.note_secret("Flexiti token", &page.token);
                let paid = till.finance(&self.sandbox, purchase, note).await?;
                financed.push(paid);
            }
            self.fill(purchase, financed);
        }
        let ledger = self.sandbox.ledger().await?;
        let held = ledger.flexiti.authorizations.into_iter();
        self.references = held.filter_map(|hold| hold.reference).collect();
        let debits = ledger.debits.into_iter();
        self.references.extend(debits.map(|debit| debit.reference));
        let deadline = Instant::now() + TOLD_WITHIN;
        loop {
            self.told = receiver.deliveries().messages;
            let is_told = |id: &String| {
                self.told.iter().any(|message| {
                    let data = &message.data;
                    let mut about = data.attempt.iter().chain(&data.operation);
                    about.any(|standing| standing.id == *id)
                })
            };
            let mut paid = self.pools.values().flat_map(|pool| &pool.paid);
            if paid.all(|paid| is_told(&paid.attempt) && paid.capture.iter().all(is_told)) {
                break;
            }
            if Instant::now() > deadline {
                return Err(Failure::of("the merchant was not told of every payment"));
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        // What was delivered is still to be written down.
        tokio::time::sleep(Duration::from_millis(200)).await;
        let ended = proxy.terminate(Duration::from_secs(50)).await?;
        if ended.success() {
            Ok(())
        } else {
            Err(Failure::of(format!("the first proxy ended with {ended}")))
        }
    }
}

impl Ground {
    fn fill(&mut self, purchase: Purchase, paid: Vec<Paid>) {
        let next = AtomicUsize::new(0);
        self.pools.insert(purchase, Pool { paid, next });
    }
}

async fn joined(paying: &mut JoinSet<Result<Paid>>) -> Result<Option<Paid>> {
    match paying.join_next().await {
        Some(paid) => Ok(Some(paid.tried("pay")??)),
        None => Ok(None),
    }
}

/// Where payments are made without anything going wrong.
struct Till {
    wire: Wire,
    shop: Shop,
    origin: String,
    card: String,
    financed: AtomicU32,
}

impl Till {
    fn of(proxy: &Proxy, secrets: &Secrets, card: &str) -> Self {
        let wire = Wire::to(vec![proxy.url().to_owned()]);
        Self {
            shop: Shop::new(wire.clone(), secrets),
            wire,
            origin: proxy.public_origin().to_owned(),
            card: card.to_owned(),
            financed: AtomicU32::new(0),
        }
    }

    async fn pay(&self, number: usize, save: bool) -> Result<Paid> {
        let number = u32::try_from(number).unwrap_or(u32::MAX);
        let order = order(&format!("G-{number}"), number, save);
        self.settle(number, &order, async |buyer: &Buyer| {
            self.start(buyer, save).await
        })
        .await
    }

    /// Opens a session for `order` and pays it with what `start` says.
    async fn settle(
        &self,
        number: u32,
        order: &serde_json::Value,
        start: impl AsyncFnOnce(&Buyer) -> Result<StartAttempt>,
    ) -> Result<Paid> {
        let opened = self.shop.open_session(fresh_key().as_str(), order).await?;
        let buyer = Buyer::new(self.wire.clone(), &self.origin, opened.client_token, number);
        let start = start(&buyer).await?;
        let key = fresh_key();
        let attempt = match buyer.start(&key, &start).await {
            Answer::Done(attempt) => attempt,
            other => return Err(Failure::of(format!("a payment was answered {other:?}"))),
        };
        self.paid(&buyer, &opened.session.id, attempt).await
    }

    /// Waits until it is.
    async fn paid(&self, buyer: &Buyer, session: &str, attempt: AttemptView) -> Result<Paid> {
        let attempt = self.follow(buyer, attempt).await?;
        if attempt.state != AttemptState::Succeeded {
            let state = attempt.state.name();
            return Err(Failure::of(format!("a payment without trouble is {state}")));
        }
        Ok(Paid {
            session: session.to_owned(),
            attempt: attempt.id,
            capture: None,
        })
    }

    /// Finances a purchase, and captures what is held unless it is to stay so.
    async fn finance(
        &self,
        sandbox: &Sandbox,
        purchase: Purchase,
        note: impl Fn(&LenderPage),
    ) -> Result<Paid> {
        // Not the numbers of those who pay with cards or codes.
        let number = 700 + self.financed.fetch_add(1, Ordering::Relaxed);
        let order = order_on_credit(&format!("G-{number}"), number);
        let opened = self.shop.open_session(fresh_key().as_str(), &order).await?;
        let buyer = Buyer::new(self.wire.clone(), &self.origin, opened.client_token, number);
        let said = Said::default();
        let way = match purchase {
            Purchase::Regular => Way::Regular,
            _ => Way::Plan,
        };
        let begun = match buyer.start(&fresh_key(), &financed(ACCOUNT)).await {
            Answer::Done(attempt) => said.go_on(sandbox, &buyer, attempt, way, note).await?,
            other => other,
        };
        let Answer::Done(attempt) = begun else {
            return Err(Failure::of(format!("a purchase was answered {begun:?}")));
        };
        let mut paid = self.paid(&buyer, &opened.session.id, attempt).await?;
        if purchase != Purchase::Held {
            paid.capture = Some(self.capture(&paid.attempt).await?);
        }
        Ok(paid)
    }

    async fn capture(&self, attempt: &str) -> Result<String> {
        let (kind, key) = (OperationKind::Capture, fresh_key());
        match self.shop.operate(attempt, kind, key.as_str()).await {
            Answer::Done(capture) if capture.state == AttemptState::Succeeded => Ok(capture.id),
            other => Err(Failure::of(format!("a capture was answered {other:?}"))),
        }
    }

    async fn pay_by_code(&self, number: usize, code: &str) -> Result<Paid> {
        // Not the numbers of those who pay with cards.
        let number = 500 + u32::try_from(number).unwrap_or(u32::MAX / 2);
        let order = order_by_code(&format!("G-{number}"), number);
        self.settle(number, &order, async |_: &Buyer| {
            wallet_code(code, TIP_MINOR)
        })
        .await
    }

    async fn start(&self, buyer: &Buyer, save: bool) -> Result<StartAttempt> {
        let Answer::Done(view) = buyer.checkout().await else {
            return Err(Failure::of("a session without trouble could not be read"));
        };
        let offer = view
            .card
            .ok_or_else(|| Failure::of("the proxy offers no card"))?;
        typed_card(&self.card, &pinned_key(&offer)?, save)
    }

    async fn follow(&self, buyer: &Buyer, mut attempt: AttemptView) -> Result<AttemptView> {
        let deadline = Instant::now() + PAID_WITHIN;
        while !attempt.state.is_final() && Instant::now() < deadline {
            if let Answer::Done(view) = buyer.read(&attempt.id, 5).await {
                attempt = view;
            }
        }
        Ok(attempt)
    }
}

/// An order with an amount of its own; with `saver`, of the buyer whose card is or will be saved.
pub(super) fn order(reference: &str, number: u32, saver: bool) -> serde_json::Value {
    let mut order = shop::order(reference, 1_000 + u64::from(number));
    if saver && let Some(fields) = order.as_object_mut() {
        fields.insert("save_card".into(), "ask".into());
        let buyer = fields
            .get_mut("buyer")
            .and_then(|buyer| buyer.as_object_mut());
        if let Some(buyer) = buyer {
            buyer.insert("id".into(), SAVER.into());
        }
    }
    order
}

/// An order in Mexico with an amount of its own.
pub(super) fn order_by_code(reference: &str, number: u32) -> serde_json::Value {
    shop::order_in_mexico(reference, 1_000 + u64::from(number))
}

/// An order in Canada with an amount of its own.
pub(super) fn order_on_credit(reference: &str, number: u32) -> serde_json::Value {
    shop::order_in_canada(reference, 1_000 + u64::from(number))
}

/// Asks the proxy for a place that it does not have, and holds its list against ours: a place at which
/// nothing is made to fail proves nothing.
async fn compare_points(proxy: &mut Proxy) -> Result<()> {
    proxy.launch(&[("VENTANILLA_FAILPOINT", "?")])?;
    if proxy.wait_for_end(Duration::from_secs(20)).await.is_err() {
        proxy.kill().await?;
        return Err(Failure::of(
            "the proxy has no fail points; the matrix needs a debug build",
        ));
    }
    let said = std::fs::read_to_string(proxy.log()).tried("read what the proxy said")?;
    let listed = format!("the points are {}\n", POINTS.join(", "));
    if said.contains(&listed) {
        Ok(())
    } else {
        let said = said.lines().last().unwrap_or("nothing");
        Err(Failure::of(format!(
            "the proxy's fail points are not those of the matrix; it said: {said}"
        )))
    }
}

/// The folder of what was before the first case.
const GROUND: &str = "ground";
/// Everything, because nothing secret may be in it.
pub(super) const LOG: &str = "trace";
/// Fast enough that a minute is not waited for, and slow enough that a right to send gets stale before
/// the provider's order does.
const SPEED: u32 = 30;
const AT_A_TIME: usize = 6;
const PAID_WITHIN: Duration = Duration::from_secs(30);
const TOLD_WITHIN: Duration = Duration::from_secs(30);
