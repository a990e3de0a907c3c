//! A proxy with a sandbox behind it, and who calls it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::{Method, RequestBuilder, Response};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256, Sha384};
use ventanilla_core::card::{Card, Cvc, Expiry, Holder, Pan, YearMonth};
use ventanilla_core::random::{RandomError, RandomSource};
use ventanilla_core::seal::{ProviderKey, SealOptions, seal};
use ventanilla_proxy::clock::{Clock, SharedClock, Timestamp};
use ventanilla_proxy::config::Config;
use ventanilla_proxy::server::{self, Running};
use ventanilla_sandbox::{Sandbox, SandboxOptions};

pub const API_KEY: &str = "vsk_current_0123456789abcdefghijkl";
pub const OLD_API_KEY: &str = "vsk_before_0123456789abcdefghijklm";
pub const GREENPAY_SECRET: &str = "sandbox-secret";
pub const CVU_PASSWORD: &str = "sandbox-password";
pub const HOOK_PATH: &str = "hook-path-canary_0123456789abcdef";
pub const PUBLIC_ORIGIN: &str = "http://127.0.0.1:8787";
pub const SHOP_ORIGIN: &str = "http://localhost:8080";
pub const PAN: &str = "4242424242424242";

/// Who speaks to servers of this machine. They all speak in clear.
pub fn client() -> reqwest::Client {
    reqwest::Client::builder()
        .no_proxy()
        .tls_certs_only([])
        .build()
        .unwrap()
}

/// A clock that stands still until it is told to move; who sleeps, sleeps in real time, or until the
/// clock has moved far enough.
#[derive(Default)]
pub struct HandClock(tokio::sync::watch::Sender<Duration>);

impl HandClock {
    pub fn advance(&self, by: Duration) {
        self.0.send_modify(|passed| *passed += by);
    }
}

impl Clock for HandClock {
    fn now(&self) -> Timestamp {
        // 2026-11-18T11:06:40Z
        Timestamp::from_millis(1_795_000_000_000) + self.monotonic()
    }

    fn monotonic(&self) -> Duration {
        *self.0.borrow()
    }

    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        let end = self.monotonic() + duration;
        let mut moved = self.0.subscribe();
        Box::pin(async move {
            // Neither the clock's end nor a limit reached is more than an end of this sleep.
            let _ = tokio::time::timeout(duration, moved.wait_for(|passed| *passed >= end)).await;
        })
    }
}

/// A folder of its own, gone with the test.
pub struct Folder(pub PathBuf);

impl Folder {
    pub fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path =
            std::env::temp_dir().join(format!("ventanilla-http-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A proxy that serves, the sandbox behind it, and a client without opinions.
pub struct Proxy {
    pub running: Running,
    pub sandbox: Sandbox,
    pub clock: Arc<HandClock>,
    pub http: reqwest::Client,
    pub folder: Folder,
}

impl Proxy {
    /// With the usual configuration.
    pub async fn start() -> Self {
        Self::start_with(|text| text).await
    }

    /// With a configuration that `change` made of the usual one.
    pub async fn start_with(change: impl FnOnce(String) -> String) -> Self {
        Self::start_as(change, environment()).await
    }

    /// With every rail, all of them the sandbox's.
    pub async fn start_with_every_rail() -> Self {
        Self::start_before(
            |text, sandbox| text + &rails_of(sandbox),
            environment_of_every_rail(),
        )
        .await
    }

    /// With every rail but the card's at one provider of the test's own.
    pub async fn start_with_rails_at(url: &str) -> Self {
        let rails = rails(url, &format!("{url}/v3"), url);
        Self::start_before(|text, _| text + &rails, environment_of_every_rail()).await
    }

    /// With a configuration that `change` made of the usual one, and other secrets.
    pub async fn start_as(
        change: impl FnOnce(String) -> String,
        environment: BTreeMap<&'static str, String>,
    ) -> Self {
        Self::start_before(|text, _| change(text), environment).await
    }

    /// As [`Proxy::start_as`], where the configuration names a further provider of the sandbox's.
    pub async fn start_before(
        change: impl FnOnce(String, &Sandbox) -> String,
        environment: BTreeMap<&'static str, String>,
    ) -> Self {
        let folder = Folder::new();
        let sandbox = Sandbox::start(SandboxOptions::default()).await.unwrap();
        let clock = Arc::new(HandClock::default());
        let text = change(settings(&folder.0, &sandbox), &sandbox);
        let running = serve(&text, environment, &clock).await;
        Self {
            running,
            sandbox,
            clock,
            http: client(),
            folder,
        }
    }

    /// With the usual configuration and an account of the CVU wallet.
    pub async fn start_with_cvu() -> Self {
        Self::start_before(|text, sandbox| text + &cvu_section(sandbox), environment()).await
    }

    /// Stops it, and starts it again on the same store with a configuration that `change` made of the
    /// usual one.
    pub async fn restart_with(self, change: impl FnOnce(String) -> String) -> Self {
        self.restart_as(change, environment()).await
    }

    /// As [`Proxy::restart_with`], with every rail.
    pub async fn restart_with_every_rail(self, change: impl FnOnce(String) -> String) -> Self {
        let rails = rails_of(&self.sandbox);
        self.restart_as(|text| change(text + &rails), environment_of_every_rail())
            .await
    }

    async fn restart_as(
        self,
        change: impl FnOnce(String) -> String,
        environment: BTreeMap<&'static str, String>,
    ) -> Self {
        self.running.shutdown().await;
        let text = change(settings(&self.folder.0, &self.sandbox));
        let running = serve(&text, environment, &self.clock).await;
        Self { running, ..self }
    }

    /// A request with nothing in it.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http
            .request(method, format!("{}{path}", self.running.origin()))
    }

    /// A request of the shop's server.
    pub fn merchant(&self, method: Method, path: &str) -> RequestBuilder {
        self.request(method, path).bearer_auth(API_KEY)
    }

    /// A request of the frame.
    pub fn frame(&self, method: Method, path: &str, token: &str) -> RequestBuilder {
        self.request(method, path)
            .bearer_auth(token)
            .header("origin", PUBLIC_ORIGIN)
            .header("sec-fetch-site", "same-origin")
    }

    /// A new session: its answer.
    pub async fn open_session(&self, key: &str, body: &Value) -> Response {
        self.merchant(Method::POST, "/v1/sessions")
            .header("idempotency-key", key)
            .json(body)
            .send()
            .await
            .unwrap()
    }

    /// A new session: its identifier and client token.
    pub async fn session(&self) -> (String, String) {
        let answer = self.open_session(&fresh_key(), &new_session()).await;
        assert_eq!(answer.status(), 201);
        let opened: Value = answer.json().await.unwrap();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        (
            text(&opened["session"]["id"]),
            text(&opened["client_token"]),
        )
    }

    /// The body that starts an attempt with a card.
    pub fn card_start(&self, pan: &str) -> Value {
        card_start(&self.sandbox, pan)
    }

    /// Starts an attempt from the frame.
    pub async fn start_attempt(&self, token: &str, key: &str, body: &Value) -> Response {
        self.frame(Method::POST, "/v1/checkout/attempts", token)
            .header("idempotency-key", key)
            .json(body)
            .send()
            .await
            .unwrap()
    }

    /// How often the provider took money.
    pub fn debits(&self) -> u32 {
        self.sandbox
            .ledger()
            .debits
            .iter()
            .map(|debit| debit.count)
            .sum()
    }
}

async fn serve(
    text: &str,
    environment: BTreeMap<&'static str, String>,
    clock: &Arc<HandClock>,
) -> Running {
    let environment = move |name: &str| environment.get(name).cloned().map(Into::into);
    let config = Config::read(text, &environment).unwrap();
    let shared: SharedClock = clock.clone();
    server::start(config, shared).await.unwrap()
}

/// The body that starts an attempt with a card, sealed as the widget seals it.
pub fn card_start(sandbox: &Sandbox, pan: &str) -> Value {
    let sealed = sealed(sandbox, pan, &SealOptions::default());
    json!({ "rail": "card", "card": { "sealed": sealed } })
}

/// As [`card_start`], of a card that is to be saved.
pub fn card_start_to_save(sandbox: &Sandbox, pan: &str) -> Value {
    let sealed = card_to_save(sandbox, pan);
    json!({ "rail": "card", "card": { "sealed": sealed, "save_card": true } })
}

/// A card that is to be saved, sealed as the widget seals it.
pub fn card_to_save(sandbox: &Sandbox, pan: &str) -> Value {
    let options = SealOptions {
        save: true,
        ..SealOptions::default()
    };
    sealed(sandbox, pan, &options)
}

fn sealed(sandbox: &Sandbox, pan: &str, options: &SealOptions) -> Value {
    let card = Card {
        pan: Pan::parse(pan).unwrap(),
        expiry: Expiry::parse(
            "12/30",
            YearMonth {
                year: 2026,
                month: 11,
            },
        )
        .unwrap(),
        cvc: Cvc::parse("123", None).unwrap(),
        holder: Holder::parse("Ana Rojas").unwrap(),
    };
    let key = ProviderKey::parse(&sandbox.public_key_pem()).unwrap();
    let pins = [key.fingerprint()];
    let key = key.pinned(&pins, true).unwrap();
    let sealed = seal(&card, options, &key, &mut System).unwrap();
    json!({ "ld": sealed.ld, "lk": sealed.lk })
}

struct System;

impl RandomSource for System {
    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), RandomError> {
        getrandom::fill(bytes).map_err(|_| RandomError)
    }
}

/// An idempotency key that no other call has.
pub fn fresh_key() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    format!("key-{:016}", NEXT.fetch_add(1, Ordering::Relaxed))
}

/// A small order.
pub fn new_session() -> Value {
    json!({
        "order_reference": "A-1001",
        "total": { "amount_minor": 1_250_000, "currency": "CRC" },
        "description": "Café de Tarrazú",
        "items": [{ "sku": "C-1", "description": "Café, 1 kg", "quantity": 2,
            "unit_price": { "amount_minor": 625_000, "currency": "CRC" } }],
        "buyer": { "id": "buyer-7", "name": "Ana Rojas", "email": "ana@example.com",
            "billing_address": { "country": "CR", "street1": "Calle 1", "city": "San José" } }
    })
}

/// The secrets.
pub fn environment() -> BTreeMap<&'static str, String> {
    BTreeMap::from([
        ("VENTANILLA_API_KEY", format!("{API_KEY},{OLD_API_KEY}")),
        (
            "VENTANILLA_TOKEN_KEYS",
            format!("k1:{}", STANDARD.encode([7; 32])),
        ),
        (
            "VENTANILLA_STORE_KEYS",
            format!("s1:{}", STANDARD.encode([9; 32])),
        ),
        ("VENTANILLA_GREENPAY_SECRET", GREENPAY_SECRET.to_owned()),
        ("VENTANILLA_CVU_PASSWORD", CVU_PASSWORD.to_owned()),
        ("VENTANILLA_WEBHOOK_SECRETS", webhook_secret(1)),
        ("VENTANILLA_HOOK_PATH", HOOK_PATH.to_owned()),
    ])
}

/// The secrets, with those of every rail at the sandbox.
pub fn environment_of_every_rail() -> BTreeMap<&'static str, String> {
    let mut environment = environment();
    for (name, secret) in [
        ("VENTANILLA_CVU_PASSWORD", "sandbox-password"),
        ("VENTANILLA_FLUX_REFRESH_TOKEN", "sandbox-refresh-token"),
        ("VENTANILLA_FLEXITI_CLIENT_SECRET", "placeholder-secret"),
    ] {
        environment.insert(name, secret.to_owned());
    }
    environment
}

fn rails_of(sandbox: &Sandbox) -> String {
    let flux = format!("{}/v3", sandbox.flux_url);
    rails(&sandbox.cvu_url, &flux, &sandbox.flexiti_url)
}

/// The sections of every rail but the card's.
pub fn rails(cvu: &str, flux: &str, flexiti: &str) -> String {
    format!(
        r#"
[cvu]
url = "{cvu}"
username = "sandbox-user"
concept = "VAR"
[flux]
url = "{flux}"
store = "Centro"
[flexiti]
url = "{flexiti}"
client_id = "demo-merchant"
"#
    )
}

/// A secret that webhooks are signed with, of 32 bytes.
pub fn webhook_secret(byte: u8) -> String {
    format!("whsec_{}", STANDARD.encode([byte; 32]))
}

/// The configuration file.
pub fn settings(folder: &Path, sandbox: &Sandbox) -> String {
    let assets = folder.join("dist");
    write_widget(&assets);
    format!(
        r#"
[server]
listen = "127.0.0.1:0"
public_origin = "{PUBLIC_ORIGIN}"
management_listen = "127.0.0.1:0"
trusted_proxy_hops = 0
[merchant]
name = "Tienda Ejemplo"
origins = ["{SHOP_ORIGIN}"]
[store]
path = "{}"
[card]
merchant_url = "{}"
checkout_url = "{}"
merchant_id = "11111111-1111-4111-8111-111111111111"
terminal = "sandbox-terminal"
public_key = """{}"""
accept_weak_key = true
currencies = ["CRC", "USD"]
inline = false
[assets]
dir = "{}"
[limits]
requests_per_ip_per_minute = 10000
"#,
        folder.join("store.db").display(),
        sandbox.merchant_url,
        sandbox.checkout_url,
        sandbox.public_key_pem(),
        assets.display(),
    )
}

/// The account of the CVU wallet, below [`settings`].
pub fn cvu_section(sandbox: &Sandbox) -> String {
    let (url, user) = (&sandbox.cvu_url, &sandbox.cvu_credentials().username);
    format!(
        "[cvu]\nurl = \"{url}\"\nusername = \"{user}\"\nconcept = \"VAR\"\ncheck_payee = false\n"
    )
}

pub const GLUE: &str = "glue.3f2a91c0.js";
pub const LOADER: &str = "ventanilla.7c11d2e4.js";
pub const WASM: &str = "ventanilla.90ab12cd.wasm";
pub const BOOT_SCRIPT: &str = "boot()";
pub const STYLE: &str = "body{margin:0}";

/// A widget as scripts/package makes it, but of a few bytes.
pub fn write_widget(folder: &Path) {
    std::fs::create_dir_all(folder).unwrap();
    let frame = format!(
        "<!doctype html><html data-origins=\"__VENTANILLA_ORIGINS__\" data-rails=\"__VENTANILLA_RAILS__\"><style>{STYLE}</style><script>{BOOT_SCRIPT}</script>"
    );
    let files = [
        (GLUE, "glue"),
        (LOADER, "loader"),
        (WASM, "\0asm"),
        ("pins.js", "pins"),
        ("frame.html", frame.as_str()),
    ];
    let listed: Vec<Value> = files
        .iter()
        .map(|(name, content)| json!({ "file": name, "integrity": integrity(content) }))
        .collect();
    let manifest = json!({
        "release": "0.1.0", "loader": LOADER, "glue": GLUE, "wasm": { "all": WASM, "card": WASM, "cvu": WASM, "flux": WASM, "flexiti": WASM }, "frame": "frame.html",
        "script_hashes": [inline_hash(BOOT_SCRIPT), integrity("glue")],
        "style_hashes": [inline_hash(STYLE)],
        "files": listed,
    });
    for (name, content) in files {
        std::fs::write(folder.join(name), content).unwrap();
    }
    std::fs::write(folder.join(format!("{GLUE}.br")), "glue in brotli").unwrap();
    std::fs::write(folder.join("manifest.json"), manifest.to_string()).unwrap();
}

pub fn integrity(content: &str) -> String {
    format!("sha384-{}", STANDARD.encode(Sha384::digest(content)))
}

pub fn inline_hash(content: &str) -> String {
    format!("sha256-{}", STANDARD.encode(Sha256::digest(content)))
}

/// Asserts a problem document with its status and code, and gives it back.
pub async fn problem(answer: Response, status: u16, code: &str) -> Value {
    let found = answer.status().as_u16();
    assert_eq!(answer.headers()["content-type"], "application/problem+json");
    assert_eq!(answer.headers()["cache-control"], "no-store");
    assert_eq!(answer.headers()["x-content-type-options"], "nosniff");
    let document: Value = answer.json().await.unwrap();
    assert_eq!(
        (found, document["code"].as_str()),
        (status, Some(code)),
        "{document}"
    );
    assert_eq!(document["status"], status);
    assert_eq!(document["type"], format!("urn:ventanilla:problem:{code}"));
    document
}
