//! A merchant's machine, a provider, and hands on the clock.

use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;
use tokio::sync::watch;
use ventanilla_core::api::{AttemptView, IdempotencyKey, StartAttempt};
use ventanilla_core::attempt::AttemptState;
use ventanilla_core::card::{Card, Cvc, Expiry, Holder, Pan, YearMonth};
use ventanilla_core::money::Currency;
use ventanilla_core::operation::OperationKind;
use ventanilla_core::rails::Rail;
use ventanilla_core::rails::card::{CardStart, SealedCardMessage};
use ventanilla_core::random::{RandomError, RandomSource};
use ventanilla_core::seal::{ProviderKey, SealOptions, seal};
use ventanilla_providers::greenpay;
use ventanilla_proxy::clock::{Clock, SharedClock, Timestamp};
use ventanilla_proxy::error::Result;
use ventanilla_proxy::id;
use ventanilla_proxy::machine::{
    Machine, MachineParts, NewOperation, NewSession, OperationRecord, SessionRecord,
};
use ventanilla_proxy::rails::card::{CardRail, CardRailConfig, Duplicates};
use ventanilla_proxy::store::{AttemptRow, OperationRow, SealingKeys, Store};
use ventanilla_sandbox::{Sandbox, SandboxOptions};
use ventanilla_testbed::relay::Relay;

/// Published test number: approved.
pub const VISA: &str = "4242424242424242";
/// The sandbox's number for code 51.
pub const NO_FUNDS: &str = "4000000000044828";

/// 2026-11-18T11:06:40Z.
pub const START: Timestamp = Timestamp::from_millis(1_795_000_000_000);

/// A clock that stands still until it is moved.
pub struct HandClock(watch::Sender<Duration>);

impl HandClock {
    pub fn new() -> Arc<Self> {
        Arc::new(Self(watch::Sender::new(Duration::ZERO)))
    }

    pub fn advance(&self, by: Duration) {
        self.0.send_modify(|passed| *passed += by);
    }
}

impl Clock for HandClock {
    fn now(&self) -> Timestamp {
        START + self.monotonic()
    }

    fn monotonic(&self) -> Duration {
        *self.0.borrow()
    }

    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        let mut hands = self.0.subscribe();
        let until = *hands.borrow() + duration;
        Box::pin(async move {
            // The clock is gone with the test.
            let _ = hands.wait_for(|passed| *passed >= until).await;
        })
    }
}

/// A directory of its own, gone with it.
pub struct Scratch(PathBuf);

impl Scratch {
    pub fn new() -> Self {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(id::make().unwrap());
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub fn store_path(&self) -> PathBuf {
        self.0.join("ventanilla.db")
    }

    /// Every byte the store ever put on disk here.
    pub fn bytes(&self) -> Vec<u8> {
        std::fs::read_dir(&self.0)
            .unwrap()
            .flat_map(|file| std::fs::read(file.unwrap().path()).unwrap())
            .collect()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

pub fn sealing_keys() -> SealingKeys {
    SealingKeys::parse("test:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=").unwrap()
}

/// A machine, its sweeper, its provider.
pub struct Window {
    pub sandbox: Sandbox,
    pub clock: Arc<HandClock>,
    pub scratch: Scratch,
    pub store: Store,
    pub machine: Arc<Machine>,
    _sweeping: watch::Sender<bool>,
}

impl Window {
    pub async fn open() -> Self {
        let clock = HandClock::new();
        Self::open_with(clock.clone(), clock).await
    }

    /// With another clock in the machine than the one moved by hand.
    pub async fn open_with(clock: Arc<HandClock>, machine_clock: SharedClock) -> Self {
        let sandbox = Sandbox::start(SandboxOptions::default()).await.unwrap();
        let rail = card_rail(&sandbox, &sandbox.checkout_url);
        Self::open_over(sandbox, rail, clock, machine_clock).await
    }

    /// With other settings than the usual.
    pub async fn open_set(settings: Settings) -> Self {
        let sandbox = Sandbox::start(SandboxOptions::default()).await.unwrap();
        let rail = card_rail_set(&sandbox, &sandbox.checkout_url, settings);
        let clock = HandClock::new();
        let scratch = Scratch::new();
        let store = Store::open_sqlite(&scratch.store_path(), Some(sealing_keys()))
            .await
            .unwrap();
        let machine = machine_set(&store, rail, clock.clone(), settings).await;
        Self::over(sandbox, clock, scratch, store, machine)
    }

    /// With a provider that opens orders and cannot be connected to for paying them.
    pub async fn open_without_checkout_host() -> Self {
        let sandbox = Sandbox::start(SandboxOptions::default()).await.unwrap();
        // Nobody listens on the port of tcpmux.
        let rail = card_rail(&sandbox, "http://127.0.0.1:1");
        let clock = HandClock::new();
        Self::open_over(sandbox, rail, clock.clone(), clock).await
    }

    /// With a wire to the provider.
    pub async fn open_at_a_wire() -> (Self, Relay) {
        let mut sandbox = Sandbox::start(SandboxOptions::default()).await.unwrap();
        let address = sandbox.merchant_url.strip_prefix("http://").unwrap();
        let wire = Relay::start(address.parse().unwrap()).await.unwrap();
        sandbox.merchant_url = format!("http://{}", wire.address());
        let rail = card_rail(&sandbox, &sandbox.checkout_url);
        let clock = HandClock::new();
        let window = Self::open_over(sandbox, rail, clock.clone(), clock).await;
        (window, wire)
    }

    /// With a wire to the provider's host that takes payments.
    pub async fn open_at_a_wire_to_pay() -> (Self, Relay) {
        let sandbox = Sandbox::start(SandboxOptions::default()).await.unwrap();
        let address = sandbox.checkout_url.strip_prefix("http://").unwrap();
        let wire = Relay::start(address.parse().unwrap()).await.unwrap();
        let rail = card_rail(&sandbox, &format!("http://{}", wire.address()));
        let clock = HandClock::new();
        let window = Self::open_over(sandbox, rail, clock.clone(), clock).await;
        (window, wire)
    }

    async fn open_over(
        sandbox: Sandbox,
        rail: CardRail,
        clock: Arc<HandClock>,
        machine_clock: SharedClock,
    ) -> Self {
        let scratch = Scratch::new();
        let (store, machine) = open_machine(rail, &scratch.store_path(), machine_clock).await;
        Self::over(sandbox, clock, scratch, store, machine)
    }

    fn over(
        sandbox: Sandbox,
        clock: Arc<HandClock>,
        scratch: Scratch,
        store: Store,
        machine: Arc<Machine>,
    ) -> Self {
        let (sweeping, stopped) = watch::channel(false);
        tokio::spawn(Arc::clone(&machine).run_sweeper(stopped));
        Self {
            sandbox,
            clock,
            scratch,
            store,
            machine,
            _sweeping: sweeping,
        }
    }

    pub async fn session(&self) -> SessionRecord {
        self.session_of(new_session()).await
    }

    pub async fn session_of(&self, new: NewSession) -> SessionRecord {
        self.machine.open_session(&key(), new).await.unwrap()
    }

    pub fn sealed(&self, number: &str) -> SealedCardMessage {
        self.sealed_with(number, SealOptions::default())
    }

    pub fn sealed_with(&self, number: &str, options: SealOptions) -> SealedCardMessage {
        seal_to(&self.sandbox.public_key_pem(), number, options)
    }

    pub fn card(&self, number: &str) -> StartAttempt {
        start(CardStart {
            sealed: Some(self.sealed(number)),
            saved_card: None,
            installments: None,
            save_card: false,
        })
    }

    pub async fn pay(&self, session_id: &str, number: &str) -> Result<AttemptView> {
        self.machine
            .start_attempt(session_id, &key(), self.card(number))
            .await
    }

    /// Starts a payment, does not wait for its outcome, and comes back when the attempt is as
    /// `wanted`.
    pub async fn pay_until(
        &self,
        session_id: &str,
        wanted: impl Fn(&AttemptRow) -> bool,
    ) -> AttemptRow {
        let (machine, start) = (Arc::clone(&self.machine), self.card(VISA));
        let of = session_id.to_owned();
        tokio::spawn(async move { machine.start_attempt(&of, &key(), start).await });
        attempt_until(&self.store, session_id, wanted).await
    }

    /// A session that is paid, by this attempt.
    pub async fn paid(&self) -> AttemptRow {
        let session = self.session().await;
        let view = self.pay(&session.id, VISA).await.unwrap();
        assert_eq!(view.state, AttemptState::Succeeded);
        self.row(&view.id).await
    }

    pub async fn operate(&self, attempt_id: &str, kind: OperationKind) -> Result<OperationRecord> {
        self.machine
            .start_operation(attempt_id, kind, &key(), NewOperation::default())
            .await
    }

    /// Opens an operation, does not wait for its outcome, and comes back when it is as `wanted`.
    pub async fn operate_until(
        &self,
        attempt: &AttemptRow,
        kind: OperationKind,
        wanted: impl Fn(&OperationRow) -> bool,
    ) -> OperationRow {
        let (machine, id) = (Arc::clone(&self.machine), attempt.id.clone());
        tokio::spawn(async move {
            machine
                .start_operation(&id, kind, &key(), NewOperation::default())
                .await
        });
        operation_until(&self.store, &attempt.session_id, |row| {
            row.kind == kind && wanted(row)
        })
        .await
    }

    /// Moves the clock on and waits for what this makes due for an operation.
    pub async fn advance_to_operation(&self, before: &OperationRow, by: Duration) -> OperationRow {
        self.clock.advance(by);
        operation_until(&self.store, &before.session_id, |row| {
            row.id == before.id && row.version > before.version
        })
        .await
    }

    pub async fn row(&self, attempt_id: &str) -> AttemptRow {
        self.store.attempt(attempt_id).await.unwrap().unwrap()
    }

    /// Waits until the attempt is as `wanted`; the clock stands still meanwhile.
    pub async fn until(
        &self,
        attempt_id: &str,
        wanted: impl Fn(&AttemptRow) -> bool,
    ) -> AttemptRow {
        let session_id = self.row(attempt_id).await.session_id;
        attempt_until(&self.store, &session_id, |row| {
            row.id == attempt_id && wanted(row)
        })
        .await
    }

    /// Moves the clock on and waits for the read that this makes due.
    pub async fn advance_to_read(&self, attempt_id: &str, by: Duration) -> AttemptRow {
        let before = self.row(attempt_id).await;
        self.clock.advance(by);
        self.until(attempt_id, |row| {
            row.last_read_at > before.last_read_at || row.state != before.state
        })
        .await
    }

    /// What the merchant is told, in order.
    pub async fn told(&self) -> Vec<String> {
        let outbox = self.store.outbox(100).await.unwrap();
        outbox.into_iter().map(|row| row.kind).collect()
    }
}

/// Waits until one of a session's attempts is as `wanted`.
pub async fn attempt_until(
    store: &Store,
    session_id: &str,
    wanted: impl Fn(&AttemptRow) -> bool,
) -> AttemptRow {
    for _ in 0..6_000 {
        let rows = store.attempts(session_id).await.unwrap();
        if let Some(row) = rows.into_iter().rfind(|row| wanted(row)) {
            return row;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("the attempts stayed {:?}", store.attempts(session_id).await);
}

/// Waits until one of a session's operations is as `wanted`.
pub async fn operation_until(
    store: &Store,
    session_id: &str,
    wanted: impl Fn(&OperationRow) -> bool,
) -> OperationRow {
    for _ in 0..6_000 {
        let rows = store.operations(session_id).await.unwrap();
        if let Some(row) = rows.into_iter().rfind(|row| wanted(row)) {
            return row;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!(
        "the operations stayed {:?}",
        store.operations(session_id).await
    );
}

pub async fn open_machine(
    rail: CardRail,
    path: &Path,
    clock: SharedClock,
) -> (Store, Arc<Machine>) {
    let store = Store::open_sqlite(path, Some(sealing_keys()))
        .await
        .unwrap();
    let machine = machine_over(&store, rail, clock).await;
    (store, machine)
}

pub async fn machine_over(store: &Store, rail: CardRail, clock: SharedClock) -> Arc<Machine> {
    machine_set(store, rail, clock, Settings::default()).await
}

/// What a merchant may set otherwise.
#[derive(Clone, Copy)]
pub struct Settings {
    pub duplicates: Duplicates,
    pub provider_calls: u32,
    pub call_limit: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            duplicates: Duplicates::Void,
            provider_calls: 64,
            call_limit: ventanilla_providers::Timeouts::default().money,
        }
    }
}

async fn machine_set(
    store: &Store,
    rail: CardRail,
    clock: SharedClock,
    settings: Settings,
) -> Arc<Machine> {
    Machine::open(MachineParts {
        store: store.clone(),
        clock,
        card: Some(rail),
        cvu: None,
        flux: None,
        flexiti: None,
        merchant_name: String::from("Tienda Ejemplo"),
        attempts_per_session: 3,
        provider_calls: settings.provider_calls,
    })
    .await
    .unwrap()
}

pub fn card_rail(sandbox: &Sandbox, checkout_url: &str) -> CardRail {
    card_rail_set(sandbox, checkout_url, Settings::default())
}

fn card_rail_set(sandbox: &Sandbox, checkout_url: &str, settings: Settings) -> CardRail {
    let credentials = sandbox.credentials();
    let client = greenpay::Client::new(greenpay::Config {
        merchant_url: sandbox.merchant_url.clone(),
        checkout_url: checkout_url.to_owned(),
        merchant_id: credentials.merchant_id.clone(),
        secret: SecretString::from(credentials.secret.as_str()),
        terminal: credentials.terminal.clone(),
        public_key: ProviderKey::parse(&sandbox.public_key_pem()).unwrap(),
        pay_path: greenpay::PayPath::Plain,
        timeouts: ventanilla_providers::Timeouts {
            money: settings.call_limit,
            ..ventanilla_providers::Timeouts::default()
        },
        read_retry: ventanilla_providers::ReadRetry {
            tries: 1,
            pause: Duration::ZERO,
        },
    })
    .unwrap();
    let config = CardRailConfig {
        currencies: vec![Currency::CRC, Currency::USD],
        public_key: sandbox.public_key_pem(),
        pins: Vec::new(),
        accept_weak_key: true,
        call_limit: settings.call_limit,
        duplicates: settings.duplicates,
    };
    CardRail::new(client, config).unwrap()
}

pub fn new_session() -> NewSession {
    serde_json::from_str(
        r#"{"order_reference":"A-1001","total":{"amount_minor":125050,"currency":"CRC"}}"#,
    )
    .unwrap()
}

/// A session for a buyer who may save cards.
pub fn session_for(buyer: &str) -> NewSession {
    let mut new = new_session();
    new.buyer =
        serde_json::from_value(serde_json::json!({ "id": buyer, "name": "Ana Mora" })).unwrap();
    new.save_card = ventanilla_core::rails::card::SaveCardPolicy::Ask;
    new
}

pub fn key() -> IdempotencyKey {
    id::make().unwrap().parse().unwrap()
}

pub fn start(card: CardStart) -> StartAttempt {
    StartAttempt {
        rail: Rail::Card,
        card: Some(card),
        cvu: None,
        flux: None,
        flexiti: None,
    }
}

pub fn seal_to(public_key_pem: &str, number: &str, options: SealOptions) -> SealedCardMessage {
    let card = Card {
        pan: Pan::parse(number).unwrap(),
        expiry: Expiry::parse(
            "12/30",
            YearMonth {
                year: 2026,
                month: 11,
            },
        )
        .unwrap(),
        cvc: Cvc::parse("123", None).unwrap(),
        holder: Holder::parse("Ana Mora").unwrap(),
    };
    let key = ProviderKey::parse(public_key_pem).unwrap();
    let pins = [key.fingerprint()];
    let key = key.pinned(&pins, true).unwrap();
    seal(&card, &options, &key, &mut SystemRandom).unwrap()
}

struct SystemRandom;

impl RandomSource for SystemRandom {
    fn fill(&mut self, bytes: &mut [u8]) -> std::result::Result<(), RandomError> {
        getrandom::fill(bytes).map_err(|_| RandomError)
    }
}

pub const fn secs(count: u64) -> Duration {
    Duration::from_secs(count)
}

pub const fn minutes(count: u64) -> Duration {
    secs(count * 60)
}

pub const fn hours(count: u64) -> Duration {
    minutes(count * 60)
}
