//! What may be configured: one TOML file for everything that may be read by anybody, the environment
//! for secrets. The only place that reads the environment.
//!
//! | variable | what | |
//! |---|---|---|
//! | `VENTANILLA_API_KEY` | the merchant's API key; two, separated by a comma, while it is changed | required |
//! | `VENTANILLA_TOKEN_KEYS` | `kid:base64 of 32 bytes`, separated by commas; the first seals client tokens | required |
//! | `VENTANILLA_STORE_KEYS` | the same form; the first seals saved cards in the store, and what is kept of identity checks | to save cards; with `[flexiti]` |
//! | `VENTANILLA_STORE_URL` | the PostgreSQL database, `postgres://user:password@host:port/database` | instead of `[store] path` |
//! | `VENTANILLA_GREENPAY_SECRET` | GreenPay's secret | with `[card]` |
//! | `VENTANILLA_CVU_PASSWORD` | the password of the CVU wallet's API user | with `[cvu]` |
//! | `VENTANILLA_FLUX_REFRESH_TOKEN` | the refresh token that Flux handed out | with `[flux]` |
//! | `VENTANILLA_FLEXITI_CLIENT_SECRET` | the client secret of Flexiti's developer portal | with `[flexiti]` |
//! | `VENTANILLA_WEBHOOK_SECRETS` | `whsec_` and base64, separated by commas; all of them sign webhooks | with `[webhooks]` |
//! | `VENTANILLA_HOOK_PATH` | the secret in the address that providers send notifications to | to be notified |
//! | `VENTANILLA_LOG` | instead of `[log] level` | |
//!
//! Each secret may instead come from a file named by the same variable with `_FILE` at its end. A
//! file that everybody on the machine may read is refused.
//!
//! Whatever is wrong is told at once, each with its key, what was expected and what was found.

mod cvu;
mod flexiti;
mod flux;
mod secrets;
mod toml_reader;

use std::ffi::OsString;
use std::net::SocketAddr;
use std::num::{NonZeroU8, NonZeroU32};
use std::path::{Path, PathBuf};
use std::time::Duration;

use secrecy::SecretString;
use ventanilla_core::money::Currency;
use ventanilla_core::seal::{KeyError, ProviderKey};

use crate::clock::{self, Clock as _, Timestamp};
use crate::origin::{Origin, is_loopback_host};
use crate::rails::card::Duplicates;
use crate::webhooks::ReceiverUrl;

pub use cvu::Cvu;
pub use flexiti::Flexiti;
pub use flux::Flux;
pub use secrets::Secrets;
use toml_reader::{Section, Tables};

/// Everything that the proxy has to be told.
#[derive(Debug)]
pub struct Config {
    /// From the file.
    pub settings: Settings,
    /// From the environment.
    pub secrets: Secrets,
}

/// What the file says.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `[server]`
    pub server: Server,
    /// `[merchant]`
    pub merchant: Merchant,
    /// `[store]`
    pub store: Store,
    /// `[card]`; its presence turns the card rail on.
    pub card: Option<Card>,
    /// `[cvu]`; its presence turns the CVU rail on.
    pub cvu: Option<Cvu>,
    /// `[flux]`; its presence turns the Flux rail on.
    pub flux: Option<Flux>,
    /// `[flexiti]`; its presence turns the Flexiti rail on.
    pub flexiti: Option<Flexiti>,
    /// `[webhooks]`; without it nobody is told.
    pub webhooks: Option<Webhooks>,
    /// `[assets]`
    pub assets: Assets,
    /// `[clock]`
    pub clock: Clock,
    /// `[limits]`
    pub limits: Limits,
    /// `[log]`
    pub log: Log,
}

/// `[server]`: where it listens and what it is called from outside.
#[derive(Clone, Debug)]
pub struct Server {
    /// Where buyers and the shop's server connect, usually by way of a reverse proxy that speaks TLS.
    /// Port 0 takes any free one.
    pub listen: SocketAddr,
    /// The origin that buyers' browsers see: where the frame lives. With port 0, which needs port 0
    /// in [`Server::listen`], it takes the port that was found.
    pub public_origin: Origin,
    /// Where health and metrics are asked for.
    pub management_listen: SocketAddr,
    /// How many reverse proxies in front append to `X-Forwarded-For`: 0 to 8.
    pub trusted_proxy_hops: u8,
}

/// `[merchant]`: who is paid.
#[derive(Clone, Debug)]
pub struct Merchant {
    /// The name that buyers read: 1 to 80 characters.
    pub name: String,
    /// The origins of the shop's pages; at least one, none of them the proxy's own.
    pub origins: Vec<Origin>,
}

/// `[store]`: where everything is kept, unless [`Secrets::store_url`] says where.
#[derive(Clone, Debug)]
pub struct Store {
    /// The SQLite file; [`Store::path`] has the default.
    pub path: Option<PathBuf>,
}

impl Store {
    /// The SQLite file.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.path.as_deref().unwrap_or(Path::new("ventanilla.db"))
    }
}

/// `[card]`: cards, by GreenPay.
#[derive(Clone, Debug)]
pub struct Card {
    /// GreenPay's host for orders.
    pub merchant_url: ProviderUrl,
    /// GreenPay's host for payments.
    pub checkout_url: ProviderUrl,
    /// The merchant's identifier at GreenPay.
    pub merchant_id: String,
    /// The merchant's terminal at GreenPay.
    pub terminal: String,
    /// GreenPay's public key as the merchant received it: SPKI, PEM or bare base64.
    pub public_key: String,
    /// Fingerprints of the keys that the widget may seal to; empty pins `public_key` alone.
    pub key_pins: Vec<String>,
    /// Whether a key below 2048 bits may be used.
    pub accept_weak_key: bool,
    /// What the terminal settles in; at least one.
    pub currencies: Vec<Currency>,
    /// Whether a card may be typed in a shop's own page.
    pub inline: bool,
    /// How long a whole call that moves money may take: 1 to 120 s, 40 s unless told.
    pub call_limit: Duration,
    /// What happens with money that came twice.
    pub duplicates: Duplicates,
}

/// `[webhooks]`: what the merchant's server is told without asking.
#[derive(Clone, Debug)]
pub struct Webhooks {
    /// Where it is told, within reach of `allow_private`.
    pub url: ReceiverUrl,
}

/// `[assets]`: what the browser runs.
#[derive(Clone, Debug, Default)]
pub struct Assets {
    /// A folder as `scripts/package` makes it, instead of the widget built in.
    pub dir: Option<PathBuf>,
}

/// `[clock]`: for tests and demonstrations.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    /// How many times faster than real time: 1 to 3600; more than 1 only while every provider is on
    /// this machine.
    pub speed: u32,
    /// When it began to run faster; none is when the process starts. With it several processes, and one
    /// after a restart, have the same time.
    pub anchor: Option<Timestamp>,
}

/// `[limits]`: how much one client may ask for.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Requests of one IP address per minute, other than those with a valid API key.
    pub requests_per_ip_per_minute: NonZeroU32,
    /// Requests with client tokens of one session per minute.
    pub requests_per_session_per_minute: NonZeroU32,
    /// Attempts with a card or a wallet's code that one IP address may start per hour.
    pub card_starts_per_ip_per_hour: NonZeroU32,
    /// API keys of one IP address that may be refused per minute.
    pub refused_keys_per_ip_per_minute: NonZeroU32,
    /// Attempts of one session.
    pub attempts_per_session: NonZeroU8,
    /// Attempts under way at a provider at a time; a quarter as many operations and as many reads may
    /// be beside them.
    pub provider_calls: NonZeroU32,
    /// Connections at a time. A buyer who waits for a payment to arrive is one.
    pub connections: NonZeroU32,
    /// Connections of one IP address at a time; not counted behind reverse proxies.
    pub connections_per_ip: NonZeroU32,
}

impl Default for Limits {
    fn default() -> Self {
        const fn of(value: u32) -> NonZeroU32 {
            NonZeroU32::new(value).expect("every limit written here is above zero")
        }
        Self {
            requests_per_ip_per_minute: of(600),
            requests_per_session_per_minute: of(240),
            card_starts_per_ip_per_hour: of(20),
            refused_keys_per_ip_per_minute: of(20),
            attempts_per_session: NonZeroU8::new(5).expect("five is above zero"),
            provider_calls: of(64),
            connections: of(16_384),
            connections_per_ip: of(64),
        }
    }
}

/// `[log]`: what is written.
#[derive(Clone, Debug)]
pub struct Log {
    /// Levels per target, as `tracing-subscriber` reads them: `info`, `warn,ventanilla_proxy=debug`.
    pub level: String,
}

/// A provider's base URL: https, or http on this machine; without a slash at its end.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ProviderUrl {
    text: String,
    loopback: bool,
}

impl ProviderUrl {
    /// Reads `https://host[:port][/path]`.
    ///
    /// # Errors
    ///
    /// A text that says what was expected.
    pub fn parse(text: &str) -> std::result::Result<Self, String> {
        const EXPECTED: &str =
            "expected a URL such as https://merchant.example, without user, query or fragment";
        let uri: http::Uri = text.parse().map_err(|_| EXPECTED.to_owned())?;
        let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
            return Err(EXPECTED.to_owned());
        };
        if authority.as_str().contains('@') || uri.query().is_some() || text.contains('#') {
            return Err(EXPECTED.to_owned());
        }
        let loopback = is_loopback_host(authority.host());
        match scheme {
            "https" => {}
            "http" if loopback => {}
            "http" => return Err("expected https (http is for this machine only)".to_owned()),
            _ => return Err(EXPECTED.to_owned()),
        }
        Ok(Self {
            text: text.trim_end_matches('/').to_owned(),
            loopback,
        })
    }

    /// The URL's text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether the host is this machine.
    #[must_use]
    pub const fn is_loopback(&self) -> bool {
        self.loopback
    }
}

/// Everything that is wrong with a configuration, a line each.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ConfigError {
    problems: Vec<String>,
}

impl ConfigError {
    /// The lines, each beginning with the key.
    #[must_use]
    pub fn problems(&self) -> &[String] {
        &self.problems
    }
}

impl std::fmt::Display for ConfigError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.problems.join("\n"))
    }
}

impl std::error::Error for ConfigError {}

impl From<Vec<String>> for ConfigError {
    fn from(problems: Vec<String>) -> Self {
        Self { problems }
    }
}

/// Where secrets come from: the value of a variable, if it is set.
pub type Environment<'a> = &'a dyn Fn(&str) -> Option<OsString>;

/// The environment that this process was started with.
#[must_use]
#[expect(
    clippy::disallowed_methods,
    reason = "this is the place that reads the environment"
)]
pub fn process_environment(name: &str) -> Option<OsString> {
    std::env::var_os(name)
}

/// The API key with which a program on the merchant's side asks a running proxy, from this process's
/// environment: `VENTANILLA_API_KEY`, of two keys the first.
///
/// # Errors
///
/// A text that says what was expected and never repeats a key.
pub fn merchant_key() -> Result<SecretString, String> {
    Secrets::merchant_key(&process_environment)
}

impl Config {
    /// Reads the file at `path` and this process's environment.
    ///
    /// # Errors
    ///
    /// Everything that is wrong, at once.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        Self::read(&read_file(path)?, &process_environment)
    }

    /// Reads `text` as the file and `environment` for the secrets.
    ///
    /// # Errors
    ///
    /// Everything that is wrong, at once.
    pub fn read(text: &str, environment: Environment<'_>) -> Result<Self, ConfigError> {
        let mut problems = Vec::new();
        let settings = Settings::parse(text, environment, &mut problems);
        let wanted = secrets::Wanted {
            card: settings
                .as_ref()
                .is_some_and(|settings| settings.card.is_some()),
            cvu: settings
                .as_ref()
                .is_some_and(|settings| settings.cvu.is_some()),
            flux: settings
                .as_ref()
                .is_some_and(|settings| settings.flux.is_some()),
            flexiti: settings
                .as_ref()
                .is_some_and(|settings| settings.flexiti.is_some()),
            webhooks: settings
                .as_ref()
                .is_some_and(|settings| settings.webhooks.is_some()),
        };
        let secrets = Secrets::read(environment, wanted, &mut problems);
        let path = settings
            .as_ref()
            .and_then(|settings| settings.store.path.as_ref());
        if let (
            Some(path),
            Some(Secrets {
                store_url: Some(_), ..
            }),
        ) = (path, &secrets)
        {
            problems.push(format!(
                "store.path: expected none while VENTANILLA_STORE_URL is set, found {:?}",
                path.display().to_string()
            ));
        }
        match (settings, secrets) {
            (Some(settings), Some(secrets)) if problems.is_empty() => {
                Ok(Self { settings, secrets })
            }
            _ => Err(problems.into()),
        }
    }
}

impl Settings {
    /// Reads the file at `path`, without any secret.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with it, at once.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let mut problems = Vec::new();
        let settings = Self::parse(&read_file(path)?, &process_environment, &mut problems);
        settings
            .filter(|_| problems.is_empty())
            .ok_or_else(|| problems.into())
    }

    /// `None` only with a problem noted.
    fn parse(text: &str, environment: Environment<'_>, problems: &mut Vec<String>) -> Option<Self> {
        let mut tables = Tables::parse(text, problems)?;
        let server = tables.section("server", problems, read_server);
        let merchant = tables.section("merchant", problems, read_merchant);
        let store = tables.section("store", problems, read_store);
        let card = tables.optional_section("card", problems, read_card);
        let cvu = tables.optional_section("cvu", problems, cvu::read);
        let flux = tables.optional_section("flux", problems, flux::read);
        let flexiti = tables.optional_section("flexiti", problems, flexiti::read);
        let webhooks = tables.optional_section("webhooks", problems, read_webhooks);
        let assets = tables.section("assets", problems, |section, problems| {
            Some(Assets {
                dir: section.optional("dir", problems, toml_reader::path),
            })
        });
        let clock = tables.section("clock", problems, read_clock);
        let limits = tables.section("limits", problems, read_limits);
        let log = tables.section("log", problems, |section, problems| {
            read_log(section, environment, problems)
        });
        tables.finish(problems);

        let settings = Self {
            server: server?,
            merchant: merchant?,
            store: store?,
            card: card?,
            cvu: cvu?,
            flux: flux?,
            flexiti: flexiti?,
            webhooks: webhooks?,
            assets: assets?,
            clock: clock?,
            limits: limits?,
            log: log?,
        };
        settings.check_together(problems);
        Some(settings)
    }

    /// What no section can see alone.
    fn check_together(&self, problems: &mut Vec<String>) {
        let Server {
            listen,
            public_origin,
            management_listen,
            ..
        } = &self.server;
        if public_origin.port() == Some(0) && listen.port() != 0 {
            problems.push(
                "server.public_origin: expected a port; 0 is for tests and needs port 0 in server.listen"
                    .to_owned(),
            );
        }
        if listen == management_listen && listen.port() != 0 {
            problems.push(format!(
                "server.management_listen: expected another address than server.listen, found {listen} for both"
            ));
        }
        if self.merchant.origins.contains(public_origin) {
            problems.push(format!(
                "merchant.origins: {public_origin} is server.public_origin; a shop on the frame's own origin could read the card"
            ));
        }
        let distant = self
            .card
            .iter()
            .flat_map(|card| [&card.merchant_url, &card.checkout_url])
            .chain(self.cvu.iter().map(|cvu| &cvu.url))
            .chain(self.flexiti.iter().map(|flexiti| &flexiti.url))
            .chain(self.flux.iter().map(|flux| &flux.url))
            .chain(self.flux.iter().filter_map(|flux| flux.token_url.as_ref()))
            .find(|url| !url.is_loopback());
        let receiver = self
            .webhooks
            .as_ref()
            .map(|webhooks| &webhooks.url)
            .filter(|url| !url.is_loopback());
        let problem = match (distant, receiver) {
            (Some(url), _) => format!("a provider is not on this machine ({})", url.as_str()),
            // It refuses what was signed in its future.
            (None, Some(url)) => format!("webhooks.url is not this machine ({})", url.as_str()),
            (None, None) => return,
        };
        if self.clock.speed > 1 {
            problems.push(format!(
                "clock.speed: expected 1, found {} while {problem}",
                self.clock.speed
            ));
        }
    }
}

fn read_file(path: &Path) -> Result<String, ConfigError> {
    std::fs::read_to_string(path).map_err(|error| {
        ConfigError::from(vec![format!(
            "{}: the configuration cannot be read: {error}",
            path.display()
        )])
    })
}

fn read_server(section: &mut Section, problems: &mut Vec<String>) -> Option<Server> {
    let listen = section.optional("listen", problems, toml_reader::address);
    let management = section.optional("management_listen", problems, toml_reader::address);
    let hops = section.optional("trusted_proxy_hops", problems, |value| {
        toml_reader::integer(value, 0, 8)
    });
    let public_origin = section.required("public_origin", problems, page_origin);
    Some(Server {
        listen: listen.unwrap_or(SocketAddr::from(([127, 0, 0, 1], 8787))),
        public_origin: public_origin?,
        management_listen: management.unwrap_or(SocketAddr::from(([127, 0, 0, 1], 8788))),
        trusted_proxy_hops: hops.unwrap_or(0),
    })
}

fn read_merchant(section: &mut Section, problems: &mut Vec<String>) -> Option<Merchant> {
    let name = section.required("name", problems, |value| {
        let name = toml_reader::text(value)?;
        let fits = (1..=80).contains(&name.chars().count()) && !name.chars().any(char::is_control);
        fits.then(|| name.to_owned())
            .ok_or_else(|| "expected 1 to 80 characters without control characters".to_owned())
    });
    let origins = section.required("origins", problems, |value| {
        let origins = toml_reader::list(value, page_origin)?;
        if origins.is_empty() {
            return Err("expected at least one origin such as https://shop.example".to_owned());
        }
        if let Some(origin) = origins.iter().find(|origin| origin.port() == Some(0)) {
            return Err(format!("expected a port, found {origin}"));
        }
        Ok(origins)
    });
    Some(Merchant {
        name: name?,
        origins: origins?,
    })
}

/// An origin that pages may live on: https, or http on this machine.
fn page_origin(value: &toml::Value) -> Result<Origin, String> {
    let text = toml_reader::text(value)?;
    let origin = Origin::parse(text).map_err(|error| format!("{error}, found {text:?}"))?;
    if origin.is_https() || origin.is_loopback() {
        Ok(origin)
    } else {
        Err(format!(
            "expected https (http is for this machine only), found {text:?}"
        ))
    }
}

fn read_store(section: &mut Section, problems: &mut Vec<String>) -> Option<Store> {
    let path = section.optional("path", problems, toml_reader::path);
    Some(Store { path })
}

fn read_clock(section: &mut Section, problems: &mut Vec<String>) -> Option<Clock> {
    let speed = section.optional("speed", problems, |value| {
        toml_reader::integer(value, 1, 3600)
    });
    let anchor = section.optional("anchor", problems, |value| {
        let text = toml_reader::text(value)?;
        let anchor: Timestamp = text
            .parse()
            .map_err(|error| format!("{error}, found {text:?}"))?;
        if anchor > clock::world() {
            return Err(format!("expected a moment that has passed, found {text:?}"));
        }
        Ok(anchor)
    });
    let speed = speed.unwrap_or(1);
    match anchor {
        Some(_) if speed == 1 => problems.push(
            "clock.anchor: expected none while clock.speed is 1: there is nothing to count from it"
                .to_owned(),
        ),
        // The year 9000. Beyond 9999 a moment can no longer be written.
        Some(anchor)
            if clock::SystemClock::anchored(speed, anchor).now().millis() > 221_845_392_000_000 =>
        {
            problems.push(format!(
                "clock.anchor: expected a later moment: {speed} times faster from {} on, it is the year 9000 by now",
                anchor.rfc3339()
            ));
        }
        _ => {}
    }
    Some(Clock { speed, anchor })
}

fn read_card(section: &mut Section, problems: &mut Vec<String>) -> Option<Card> {
    let url = |value: &toml::Value| {
        let text = toml_reader::text(value)?;
        ProviderUrl::parse(text).map_err(|error| format!("{error}, found {text:?}"))
    };
    let merchant_url = section.required("merchant_url", problems, url);
    let checkout_url = section.required("checkout_url", problems, url);
    let merchant_id = section.required("merchant_id", problems, |value| {
        let text = toml_reader::text(value)?;
        is_uuid(text).then(|| text.to_owned()).ok_or_else(|| {
            format!("expected the UUID of 36 characters that GreenPay handed out, found {text:?}")
        })
    });
    let terminal = section.required("terminal", problems, name_at_provider);
    let public_key = read_public_key(section, problems);
    let key_pins = section.optional("key_pins", problems, |value| {
        toml_reader::list(value, |value| {
            let text = toml_reader::text(value)?;
            let fits = text.len() == 64
                && text
                    .bytes()
                    .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
            fits.then(|| text.to_owned())
                .ok_or_else(|| format!("expected 64 lower-case hex digits, found {text:?}"))
        })
    });
    let accept_weak_key = section.optional("accept_weak_key", problems, toml_reader::boolean);
    let currencies = section.required("currencies", problems, |value| {
        let currencies = toml_reader::list(value, greenpay_currency)?;
        let distinct: std::collections::HashSet<_> = currencies.iter().collect();
        if currencies.is_empty() || distinct.len() < currencies.len() {
            return Err("expected at least one currency, each once".to_owned());
        }
        Ok(currencies)
    });
    let inline = section.optional("inline", problems, toml_reader::boolean);
    let call_limit_secs = section.optional("call_limit_secs", problems, |value| {
        toml_reader::integer(value, 1, 120)
    });
    let duplicates = section.optional("duplicates", problems, |value| {
        match toml_reader::text(value)? {
            "void" => Ok(Duplicates::Void),
            "keep" => Ok(Duplicates::Keep),
            found => Err(format!("expected void or keep, found {found:?}")),
        }
    });
    if let Some(key) = &public_key {
        let pins = key_pins.as_deref().unwrap_or_default();
        if let Err(problem) = check_public_key(key, pins, accept_weak_key.unwrap_or(false)) {
            problems.push(problem);
        }
    }
    Some(Card {
        merchant_url: merchant_url?,
        checkout_url: checkout_url?,
        merchant_id: merchant_id?,
        terminal: terminal?,
        public_key: public_key?,
        key_pins: key_pins.unwrap_or_default(),
        accept_weak_key: accept_weak_key.unwrap_or(false),
        currencies: currencies?,
        inline: inline.unwrap_or(false),
        call_limit: Duration::from_secs(call_limit_secs.unwrap_or(40)),
        duplicates: duplicates.unwrap_or_default(),
    })
}

/// Whether the widget will seal cards to this key.
fn check_public_key(text: &str, pins: &[String], accept_weak: bool) -> Result<(), String> {
    let key = ProviderKey::parse(text).map_err(|error| format!("card.public_key: {error}"))?;
    let own_pin = [key.fingerprint()];
    let pins = if pins.is_empty() { &own_pin } else { pins };
    match key.pinned(pins, accept_weak) {
        Ok(_) => Ok(()),
        Err(KeyError::NotPinned) => Err(format!(
            "card.key_pins: expected the fingerprint of card.public_key, {}, among them",
            own_pin[0]
        )),
        Err(error) => Err(format!(
            "card.public_key: {error}; GreenPay hands out keys of 1024 bits, and accept_weak_key = true takes them"
        )),
    }
}

fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(index, byte)| match index {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

fn name_at_provider(value: &toml::Value) -> Result<String, String> {
    let text = toml_reader::text(value)?;
    let fits = (1..=128).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic());
    fits.then(|| text.to_owned())
        .ok_or_else(|| "expected the text that GreenPay handed out, without blanks".to_owned())
}

fn greenpay_currency(value: &toml::Value) -> Result<Currency, String> {
    let text = toml_reader::text(value)?;
    Currency::from_code(text)
        .filter(|currency| matches!(currency, Currency::CRC | Currency::USD))
        .ok_or_else(|| format!("expected CRC or USD, found {text:?}"))
}

fn read_public_key(section: &mut Section, problems: &mut Vec<String>) -> Option<String> {
    let inline = section.optional("public_key", problems, |value| {
        toml_reader::text(value).map(str::to_owned)
    });
    let from_file = section.optional("public_key_file", problems, |value| {
        let path = toml_reader::path(value)?;
        std::fs::read_to_string(&path)
            .map_err(|error| format!("{} cannot be read: {error}", path.display()))
    });
    match (inline, from_file) {
        (Some(key), None) | (None, Some(key)) => Some(key),
        (Some(_), Some(_)) => {
            problems.push(
                "card.public_key: expected either this or public_key_file, found both".to_owned(),
            );
            None
        }
        (None, None) => {
            // A file that could not be read was told already.
            if !section.was_given("public_key_file") && !section.was_given("public_key") {
                problems.push(
                    "card.public_key: expected GreenPay's public key here or a path in public_key_file, found neither"
                        .to_owned(),
                );
            }
            None
        }
    }
}

fn read_webhooks(section: &mut Section, problems: &mut Vec<String>) -> Option<Webhooks> {
    let allow_private = section.optional("allow_private", problems, toml_reader::boolean);
    let url = section.required("url", problems, |value| {
        let text = toml_reader::text(value)?;
        ReceiverUrl::parse(text, allow_private.unwrap_or(false))
            .map_err(|error| format!("{error}, found {text:?}"))
    });
    Some(Webhooks { url: url? })
}

fn read_limits(section: &mut Section, problems: &mut Vec<String>) -> Option<Limits> {
    let count = |value: &toml::Value| {
        let count: u32 = toml_reader::integer(value, 1, 1_000_000)?;
        NonZeroU32::new(count).ok_or_else(|| "expected at least 1".to_owned())
    };
    let mut limits = Limits::default();
    for (key, limit) in [
        (
            "requests_per_ip_per_minute",
            &mut limits.requests_per_ip_per_minute,
        ),
        (
            "requests_per_session_per_minute",
            &mut limits.requests_per_session_per_minute,
        ),
        (
            "card_starts_per_ip_per_hour",
            &mut limits.card_starts_per_ip_per_hour,
        ),
        (
            "refused_keys_per_ip_per_minute",
            &mut limits.refused_keys_per_ip_per_minute,
        ),
        ("provider_calls", &mut limits.provider_calls),
        ("connections", &mut limits.connections),
        ("connections_per_ip", &mut limits.connections_per_ip),
    ] {
        if let Some(told) = section.optional(key, problems, count) {
            *limit = told;
        }
    }
    let attempts = section.optional("attempts_per_session", problems, |value| {
        let count: u8 = toml_reader::integer(value, 1, 100)?;
        NonZeroU8::new(count).ok_or_else(|| "expected at least 1".to_owned())
    });
    if let Some(attempts) = attempts {
        limits.attempts_per_session = attempts;
    }
    Some(limits)
}

fn read_log(
    section: &mut Section,
    environment: Environment<'_>,
    problems: &mut Vec<String>,
) -> Option<Log> {
    let told = section.optional("level", problems, |value| {
        toml_reader::text(value).map(str::to_owned)
    });
    let (key, level) = match environment("VENTANILLA_LOG") {
        Some(level) => ("VENTANILLA_LOG", level.to_string_lossy().into_owned()),
        None => ("log.level", told.unwrap_or_else(|| "info".to_owned())),
    };
    if let Err(error) = tracing_subscriber::EnvFilter::builder().parse(&level) {
        problems.push(format!(
            "{key}: expected levels such as info or warn,ventanilla_proxy=debug, found {level:?}: {error}"
        ));
        return None;
    }
    Some(Log { level })
}

#[cfg(test)]
mod tests;
