//! What every case starts from: one provider, and stores in which payments have been made already.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::Instant;
use ventanilla_core::api::{AttemptView, StartAttempt};
use ventanilla_core::attempt::AttemptState;

use super::case::{Case, Deed, POINTS};
use super::client::TIP_MINOR;
use super::store::Template;
use crate::clock::ScaledClock;
use crate::failure::{Failure, Result, Tried as _};
use crate::harness::Binaries;
use crate::harness::buyer::{Buyer, CVC, fresh_key, pinned_key, typed_card, wallet_code};
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
    paid: Vec<Paid>,
    next: AtomicUsize,
    /// Those that were paid with a wallet's code.
    by_code: Vec<Paid>,
    next_by_code: AtomicUsize,
    /// What the merchant was told before any case began.
    pub told: Vec<Message>,
    references: Vec<String>,
    canaries: Mutex<Vec<Canary>>,
}

/// A session of the template that is paid.
#[derive(Clone, Debug)]
pub(super) struct Paid {
    pub session: String,
    pub attempt: String,
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
            paid: Vec::new(),
            next: AtomicUsize::new(0),
            by_code: Vec::new(),
            next_by_code: AtomicUsize::new(0),
            told: Vec::new(),
            references: Vec::new(),
            canaries: Mutex::default(),
        };
        let operations = |by_code| {
            let cases = cases.iter().map(|case| case.deed);
            let cases = cases.filter(|deed| deed.kind().is_some() && deed.presentation().is_none());
            cases.filter(|deed| deed.is_by_code() == by_code).count()
        };
        ground.till(operations(false), operations(true)).await?;
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
        canaries.extend([Canary::pan(&self.card), Canary::cvc(CVC)]);
        for (kind, text) in [
            ("API key", &self.secrets.api_key),
            ("token key", &self.secrets.token_key),
            ("store key", &self.secrets.store_key),
            ("provider secret", &self.secrets.provider_secret),
            ("CVU password", &self.secrets.cvu_password),
            ("Flux refresh token", &self.secrets.flux_refresh_token),
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
        for order in &ledger.orders {
            for (kind, text) in [("session", &order.session), ("liszt token", &order.token)] {
                canaries.push(Canary::fleeting(kind, text));
            }
        }
        canaries
    }

    /// A paid session that no other case has, for an operation.
    pub fn take_paid(&self, deed: Deed) -> Result<Paid> {
        let (all, next) = if deed.is_by_code() {
            (&self.by_code, &self.next_by_code)
        } else {
            (&self.paid, &self.next)
        };
        let paid = all.get(next.fetch_add(1, Ordering::Relaxed)).cloned();
        paid.ok_or_else(|| Failure::of("fewer sessions were paid than there are cases"))
    }

    /// Has a proxy take `payments` payments with cards and `by_code` with wallets' codes, and save a card;
    /// ends it.
    async fn till(&mut self, payments: usize, by_code: usize) -> Result<()> {
        let folder = self.folder.join(GROUND);
        let bodies = folder.join("webhooks.jsonl");
        let receiver = Receiver::start(&self.secrets, &bodies, 1).await?;
        let mut settings = Settings::new(&self.sandbox, self.store.at(), self.clock)?;
        settings.webhooks = Some(receiver.url().to_owned());
        settings.flux_url = Some(self.sandbox.flux_url().to_owned());
        settings.log = String::from(LOG);
        let mut proxy = Proxy::prepare(&self.binaries, &folder, "proxy", settings, &self.secrets)?;
        compare_points(&mut proxy).await?;
        proxy.start().await?;
        let till = Arc::new(Till::of(&proxy, &self.secrets, &self.card));
        till.pay(0, true).await?;
        let mut paying = JoinSet::new();
        for number in 1..=payments {
            while paying.len() >= AT_A_TIME {
                self.paid.extend(joined(&mut paying).await?);
            }
            let till = Arc::clone(&till);
            paying.spawn(async move { till.pay(number, false).await });
        }
        while !paying.is_empty() {
            self.paid.extend(joined(&mut paying).await?);
        }
        for number in 1..=by_code {
            let code = fresh_code(&self.sandbox, "good").await?;
            self.by_code.push(till.pay_by_code(number, &code).await?);
        }
        let debits = self.sandbox.ledger().await?.debits;
        self.references = debits.into_iter().map(|debit| debit.reference).collect();
        let deadline = Instant::now() + TOLD_WITHIN;
        loop {
            self.told = receiver.deliveries().messages;
            let of = |paid: &Paid| {
                let is_it = |message: &Message| {
                    let attempt = message.data.attempt.as_ref();
                    attempt.is_some_and(|attempt| attempt.id == paid.attempt)
                };
                self.told.iter().any(is_it)
            };
            if self.paid.iter().chain(&self.by_code).all(of) {
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
}

impl Till {
    fn of(proxy: &Proxy, secrets: &Secrets, card: &str) -> Self {
        let wire = Wire::to(vec![proxy.url().to_owned()]);
        Self {
            shop: Shop::new(wire.clone(), secrets),
            wire,
            origin: proxy.public_origin().to_owned(),
            card: card.to_owned(),
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
        let attempt = self.follow(&buyer, attempt).await?;
        if attempt.state != AttemptState::Succeeded {
            let state = attempt.state.name();
            return Err(Failure::of(format!("a payment without trouble is {state}")));
        }
        Ok(Paid {
            session: opened.session.id,
            attempt: attempt.id,
        })
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
