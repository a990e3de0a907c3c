//! A sandbox, a proxy in front of it, and a shop's server.

use std::cell::RefCell;
use std::collections::HashMap;
use std::ffi::OsString;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, Once};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::runtime::Runtime;
use ventanilla_core::api::IdempotencyKey;
use ventanilla_proxy::clock::SharedClock;
use ventanilla_proxy::config::Config;
use ventanilla_proxy::server::{self, Running};
use ventanilla_sandbox::{DebitState, Fault, Kind, Ledger, Operation, Sandbox, SandboxOptions};

use ventanilla_testbed::postgres;

use crate::checkout::Checkout;
use crate::clock::SteppedClock;

/// The page that the shop's buyers see.
pub const SHOP: &str = "http://localhost:8080";
/// The shop's API key.
pub const API_KEY: &str = "flow-api-key-0123456789abcdefghijklmnop";
/// What buyers' browsers see of several proxies behind one door.
const SHARED_ORIGIN: &str = "https://pay.shop.example";
const TOKEN_KEY: &str = "t1:MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";
/// What follows `/hooks/cvu/`.
pub const HOOK_PATH: &str = "flow-hook-path-0123456789abcdefghijk";
const WEBHOOK_SECRET: &str = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";
const STORE_KEY: &str = "s1:ZmVkY2JhOTg3NjU0MzIxMGZlZGNiYTk4NzY1NDMyMTA=";

/// Whether and what the proxy writes down while it runs.
pub type Written = Arc<Mutex<Vec<u8>>>;

pub struct World {
    pub sandbox: Arc<Sandbox>,
    pub clock: Arc<SteppedClock>,
    pub client: reqwest::Client,
    /// Every answer that the proxy gave, head and body.
    pub answers: Mutex<Vec<String>>,
    proxy: Mutex<Option<Proxy>>,
    origin: Mutex<String>,
    folder: PathBuf,
    /// The PostgreSQL database instead of a SQLite file, and the origin that all proxies on it share.
    shared: Option<String>,
    log: Option<Written>,
    keys: Arc<AtomicU64>,
    settings: Settings,
}

/// What the merchant configured besides cards.
#[derive(Clone, Default)]
pub struct Settings {
    /// Lines for `[cvu]` after those that are always there, the account among them; without it the rail
    /// is off.
    pub cvu: Option<&'static str>,
    /// Where the rail's provider is reached, if somebody is in between.
    pub cvu_url: Option<String>,
    /// Lines for `[flux]` after those that are always there; without it the rail is off.
    pub flux: Option<&'static str>,
    /// Lines for `[flexiti]` after those that are always there; without it the rail is off.
    pub flexiti: Option<&'static str>,
    /// Where the shop is told what became true.
    pub webhooks: Option<String>,
}

/// A proxy in a runtime of its own, so that it can be killed.
struct Proxy {
    runtime: Option<Runtime>,
    running: Option<Running>,
}

impl Drop for Proxy {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// An answer as it came.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub text: String,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap()
    }

    /// The code of a problem document.
    pub fn code(&self) -> String {
        self.json()["code"].as_str().unwrap_or_default().to_owned()
    }
}

impl World {
    pub async fn open() -> Arc<Self> {
        Self::open_with(SandboxOptions::default(), None).await
    }

    /// With everything that the proxy logs, at every level, written to `log`.
    pub async fn open_with(options: SandboxOptions, log: Option<Written>) -> Arc<Self> {
        let sandbox = Sandbox::start(options).await.unwrap();
        let mut world = Self::empty(Arc::new(sandbox));
        world.log = log;
        world.start_proxy().await;
        Arc::new(world)
    }

    /// On a PostgreSQL database of its own, where [`World::beside`] can join.
    pub async fn open_shared() -> Arc<Self> {
        Self::open_shared_as(SandboxOptions::default(), Settings::default()).await
    }

    /// The same, of a merchant with these settings.
    pub async fn open_shared_as(options: SandboxOptions, settings: Settings) -> Arc<Self> {
        let sandbox = Sandbox::start(options).await.unwrap();
        let cluster = postgres::shared().await.unwrap();
        let mut world = Self::empty(Arc::new(sandbox));
        world.shared = Some(cluster.create_database().await.unwrap());
        world.settings = settings;
        world.start_proxy().await;
        Arc::new(world)
    }

    /// As [`World::open_with`], of a merchant with these settings.
    pub async fn open_as(
        options: SandboxOptions,
        settings: Settings,
        log: Option<Written>,
    ) -> Arc<Self> {
        let sandbox = Sandbox::start(options).await.unwrap();
        let mut world = Self::empty(Arc::new(sandbox));
        world.log = log;
        world.settings = settings;
        world.start_proxy().await;
        Arc::new(world)
    }

    /// A second proxy of the same merchant: same database, same provider, same clock.
    pub async fn beside(&self) -> Arc<Self> {
        let mut world = Self::empty(Arc::clone(&self.sandbox));
        world.clock = Arc::clone(&self.clock);
        world.shared.clone_from(&self.shared);
        world.keys = Arc::clone(&self.keys);
        world.settings = self.settings.clone();
        world.start_proxy().await;
        Arc::new(world)
    }

    fn empty(sandbox: Arc<Sandbox>) -> Self {
        static WORLDS: AtomicU64 = AtomicU64::new(0);
        install_log();
        let number = WORLDS.fetch_add(1, Ordering::Relaxed);
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR"))
            .join(format!("flow-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let client = reqwest::Client::builder()
            .no_proxy()
            .tls_certs_only([])
            .pool_max_idle_per_host(0)
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .unwrap();
        Self {
            sandbox,
            clock: Arc::new(SteppedClock::new()),
            client,
            answers: Mutex::default(),
            proxy: Mutex::new(None),
            origin: Mutex::default(),
            folder,
            shared: None,
            log: None,
            settings: Settings::default(),
            keys: Arc::new(AtomicU64::new(1)),
        }
    }

    pub async fn start_proxy(&self) {
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        builder.worker_threads(1).enable_all();
        if let Some(written) = &self.log {
            let written = Arc::clone(written);
            builder.on_thread_start(move || listen_in(&written));
        }
        let runtime = builder.build().unwrap();
        let config = self.config();
        let clock: SharedClock = self.clock.clone();
        let running = runtime
            .spawn(server::start(config, clock))
            .await
            .unwrap()
            .unwrap();
        *self.origin.lock().unwrap() = running.origin();
        *self.proxy.lock().unwrap() = Some(Proxy {
            runtime: Some(runtime),
            running: Some(running),
        });
    }

    /// Ends the proxy as a power cut does: in the middle of whatever it was doing.
    pub fn kill_proxy(&self) {
        drop(self.proxy.lock().unwrap().take());
    }

    /// Ends the proxy as an operator does.
    pub async fn stop_proxy(&self) {
        let mut proxy = self.proxy.lock().unwrap().take().unwrap();
        let running = proxy.running.take().unwrap();
        let runtime = proxy.runtime.as_ref().unwrap();
        runtime.spawn(running.shutdown()).await.unwrap();
    }

    fn config(&self) -> Config {
        let credentials = self.sandbox.credentials();
        let cvu_password = &self.sandbox.cvu_credentials().password;
        let text = format!(
            r#"
            [server]
            listen = "127.0.0.1:0"
            public_origin = "{public_origin}"
            management_listen = "127.0.0.1:0"
            [merchant]
            name = "Tienda Ejemplo"
            origins = ["{SHOP}"]
            {store}
            [card]
            merchant_url = "{merchant_url}"
            checkout_url = "{checkout_url}"
            merchant_id = "{merchant_id}"
            terminal = "{terminal}"
            public_key = '''{public_key}'''
            accept_weak_key = true
            currencies = ["CRC", "USD"]
            [assets]
            dir = {widget:?}
            [limits]
            requests_per_ip_per_minute = 1000000
            requests_per_session_per_minute = 1000000
            card_starts_per_ip_per_hour = 1000000
            connections_per_ip = 2000
            {cvu}
            {flux}
            {flexiti}
            {webhooks}
            "#,
            flexiti = self
                .settings
                .flexiti
                .map_or_else(String::new, |more| self.flexiti_section(more)),
            flux = self
                .settings
                .flux
                .map_or_else(String::new, |more| self.flux_section(more)),
            cvu = self
                .settings
                .cvu
                .map_or_else(String::new, |more| self.cvu_section(more)),
            webhooks = self
                .settings
                .webhooks
                .as_ref()
                .map_or_else(String::new, |url| {
                    format!("[webhooks]\nurl = {url:?}\nallow_private = true")
                }),
            public_origin = match &self.shared {
                Some(_) => SHARED_ORIGIN,
                None => "http://127.0.0.1:0",
            },
            store = match &self.shared {
                Some(_) => String::new(),
                None => format!("[store]\npath = {:?}", self.store()),
            },
            merchant_url = self.sandbox.merchant_url,
            checkout_url = self.sandbox.checkout_url,
            merchant_id = credentials.merchant_id,
            terminal = credentials.terminal,
            public_key = self.sandbox.public_key_pem(),
            widget = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/flow/widget"),
        );
        let mut environment = HashMap::from([
            ("VENTANILLA_API_KEY", API_KEY),
            ("VENTANILLA_TOKEN_KEYS", TOKEN_KEY),
            ("VENTANILLA_STORE_KEYS", STORE_KEY),
            ("VENTANILLA_GREENPAY_SECRET", &credentials.secret),
        ]);
        if self.settings.cvu.is_some() {
            environment.insert("VENTANILLA_CVU_PASSWORD", cvu_password);
            environment.insert("VENTANILLA_HOOK_PATH", HOOK_PATH);
        }
        if self.settings.flux.is_some() {
            let token = &self.sandbox.flux_credentials().refresh_token;
            environment.insert("VENTANILLA_FLUX_REFRESH_TOKEN", token);
        }
        if self.settings.flexiti.is_some() {
            let secret = &self.sandbox.flexiti_credentials().client_secret;
            environment.insert("VENTANILLA_FLEXITI_CLIENT_SECRET", secret);
        }
        if self.settings.webhooks.is_some() {
            environment.insert("VENTANILLA_WEBHOOK_SECRETS", WEBHOOK_SECRET);
        }
        if let Some(database) = &self.shared {
            environment.insert("VENTANILLA_STORE_URL", database);
        }
        Config::read(&text, &|name| environment.get(name).map(OsString::from)).unwrap()
    }

    fn cvu_section(&self, more: &str) -> String {
        format!(
            r#"
            [cvu]
            url = "{url}"
            username = "{username}"
            concept = "VAR"
            {more}
            "#,
            url = self
                .settings
                .cvu_url
                .as_ref()
                .unwrap_or(&self.sandbox.cvu_url),
            username = self.sandbox.cvu_credentials().username,
        )
    }

    fn flux_section(&self, more: &str) -> String {
        format!(
            r#"
            [flux]
            url = "{url}/v3"
            store = "Sucursal Centro"
            terminal = "caja-01"
            {more}
            "#,
            url = self.sandbox.flux_url,
        )
    }

    fn flexiti_section(&self, more: &str) -> String {
        format!(
            r#"
            [flexiti]
            url = "{url}"
            client_id = "{client_id}"
            {more}
            "#,
            url = self.sandbox.flexiti_url,
            client_id = self.sandbox.flexiti_credentials().client_id,
        )
    }

    fn store(&self) -> PathBuf {
        self.folder.join("store.db")
    }

    /// Every byte that the store wrote, write-ahead log included.
    pub fn store_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for entry in std::fs::read_dir(&self.folder).unwrap() {
            bytes.extend(std::fs::read(entry.unwrap().path()).unwrap());
        }
        assert!(!bytes.is_empty(), "there is a store");
        bytes
    }

    /// The origin that the frame has.
    pub fn frame_origin(&self) -> String {
        match &self.shared {
            Some(_) => SHARED_ORIGIN.to_owned(),
            None => self.origin(),
        }
    }

    /// Where the proxy is reached.
    pub fn origin(&self) -> String {
        self.origin.lock().unwrap().clone()
    }

    pub fn next_key(&self) -> IdempotencyKey {
        let number = self.keys.fetch_add(1, Ordering::Relaxed);
        IdempotencyKey::from_bytes(u128::from(number).to_be_bytes())
    }

    /// Sends a request and keeps the answer for whoever looks for leaks.
    pub async fn send(&self, request: reqwest::RequestBuilder) -> Answer {
        let response = request.send().await.unwrap();
        let status = response.status().as_u16();
        let head = format!("{:?}", response.headers());
        let text = response.text().await.unwrap();
        self.answers.lock().unwrap().push(format!("{head}\n{text}"));
        Answer { status, text }
    }

    /// A call of the shop's server.
    pub async fn shop(&self, method: &str, path: &str, body: Option<&Value>) -> Answer {
        self.shop_with(&self.next_key(), method, path, body).await
    }

    /// The same under a key that may have been used before.
    pub async fn shop_with(
        &self,
        key: &IdempotencyKey,
        method: &str,
        path: &str,
        body: Option<&Value>,
    ) -> Answer {
        let mut request = self
            .client
            .request(method.parse().unwrap(), format!("{}{path}", self.origin()))
            .bearer_auth(API_KEY)
            .header("idempotency-key", key.as_str());
        if let Some(body) = body {
            request = request
                .header("content-type", "application/json")
                .body(body.to_string());
        }
        self.send(request).await
    }

    /// A session of CRC 1250.50 with nothing special about it, lasting a day so that the clock can be
    /// moved.
    pub async fn checkout(self: &Arc<Self>) -> Checkout {
        self.checkout_for(json!({})).await
    }

    /// The same with some fields otherwise.
    pub async fn checkout_for(self: &Arc<Self>, fields: Value) -> Checkout {
        let mut session = json!({
            "order_reference": "A-1042",
            "total": { "amount_minor": 125_050, "currency": "CRC" },
            "description": "Café Tarrazú",
            "items": [{
                "sku": "CAFE-500",
                "description": "Café Tarrazú 500 g",
                "quantity": 2,
                "unit_price": { "amount_minor": 62_525, "currency": "CRC" },
            }],
            "expires_in_secs": 86_400,
        });
        for (name, value) in fields.as_object().unwrap() {
            session[name] = value.clone();
        }
        let opened = self.shop("POST", "/v1/sessions", Some(&session)).await;
        assert_eq!(opened.status, 201, "{}", opened.text);
        let opened = opened.json();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        Checkout::new(
            Arc::clone(self),
            text(&opened["session"]["id"]),
            text(&opened["client_token"]),
        )
    }

    /// A session of a buyer who may save cards.
    pub async fn checkout_of_buyer(self: &Arc<Self>, buyer: &str) -> Checkout {
        self.checkout_for(json!({ "buyer": { "id": buyer }, "save_card": "ask" }))
            .await
    }

    pub async fn arm(&self, operation: Operation, kind: Kind) {
        self.sandbox
            .arm(Fault::once(operation, kind))
            .await
            .unwrap();
    }

    pub async fn arm_times(&self, operation: Operation, kind: Kind, times: u32) {
        self.sandbox
            .arm(Fault::times(operation, kind, times))
            .await
            .unwrap();
    }

    pub fn ledger(&self) -> Ledger {
        self.sandbox.ledger()
    }

    /// The debits that moved money.
    pub fn paid(&self) -> usize {
        self.ledger().approved().count()
    }

    /// The debits of a reference that moved money.
    pub fn paid_for(&self, reference: &str) -> usize {
        let ledger = self.ledger();
        let debits = ledger.debits_of(reference);
        debits
            .filter(|debit| debit.state == DebitState::Approved)
            .count()
    }

    /// The proxy's clock, and the provider's where money has a date that is compared.
    pub fn move_clock(&self, by: Duration) {
        let settings = &self.settings;
        if settings.cvu.is_some() || settings.flux.is_some() || settings.flexiti.is_some() {
            self.sandbox.move_clock(by);
        }
        self.clock.move_on(by);
    }
}

impl Drop for World {
    fn drop(&mut self) {
        // What is left behind lies in the build folder and is in nobody's way.
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

thread_local! {
    /// Where this thread's log goes.
    static LISTENER: RefCell<Option<Written>> = const { RefCell::new(None) };
}

/// Sends everything that this thread logs from now on, at every level, to `written`.
fn listen_in(written: &Written) {
    LISTENER.set(Some(Arc::clone(written)));
}

/// One subscriber for the whole process, before anything is logged: one that comes later may miss what
/// was first logged without it.
fn install_log() {
    use tracing_subscriber::layer::SubscriberExt as _;
    use tracing_subscriber::{Layer as _, fmt, registry};
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        let has_listener = tracing_subscriber::filter::dynamic_filter_fn(|_, _| {
            LISTENER.with_borrow(Option::is_some)
        });
        let layer = fmt::layer()
            .with_ansi(false)
            .with_writer(|| Writer(LISTENER.with_borrow(Clone::clone).unwrap_or_default()))
            .with_filter(has_listener);
        tracing::subscriber::set_global_default(registry().with(layer)).unwrap();
    });
}

struct Writer(Written);

impl Write for Writer {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
