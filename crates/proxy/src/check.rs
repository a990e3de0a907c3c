//! `ventanilla check`: whether everything fits together, before it serves.

use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use ventanilla_core::seal::{ProviderKey, STRONG_BITS};
use ventanilla_providers::flexiti::{AuthorizationFilter, Day, Flow, FlowId, Lang, Moment};
use ventanilla_providers::greenpay::TransactionRead;
use ventanilla_providers::{Cause, Outcome};
use ventanilla_proxy::assets::Widget;
use ventanilla_proxy::clock::{SharedClock, SystemClock};
use ventanilla_proxy::config::{Card, Config, Cvu, Flexiti, Flux, Settings};
use ventanilla_proxy::webhooks::ReceiverUrl;
use ventanilla_proxy::webhooks::address::{OutOfReach, ReachableOnly};
use ventanilla_proxy::{id, server};

/// Exit code when a provider cannot be reached or refuses the credentials, or when the receiver of
/// webhooks is nowhere to be found.
const PROVIDER: u8 = 3;

/// How a point came out.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Verdict {
    /// As it should be.
    Fine,
    /// It will serve, but somebody should know.
    Note,
    /// The provider's or the receiver's side.
    Provider,
    /// It would not serve.
    Wrong,
}

/// Checks everything that can be checked without moving money.
pub fn run(path: &Path) -> Result<ExitCode, String> {
    let mut report = Report::new(io::stdout());
    match Config::load(path) {
        Err(error) => {
            for problem in error.problems() {
                report.line(Verdict::Wrong, "configuration", problem);
            }
        }
        Ok(config) => {
            report.line(Verdict::Fine, "configuration", &path.display().to_string());
            super::runtime()?.block_on(check(config, &mut report));
        }
    }
    Ok(report.end())
}

async fn check(config: Config, report: &mut Report<impl Write>) {
    let Config { settings, secrets } = config;
    check_origins(&settings, report);
    match Widget::open(settings.assets.dir.as_deref()) {
        Ok(widget) => report.line(
            Verdict::Fine,
            "widget",
            &format!("release {}", widget.manifest().release),
        ),
        Err(error) => report.line(Verdict::Wrong, "widget", &error.to_string()),
    }
    let saves_cards = secrets.store_keys.is_some();
    let store_url = secrets.store_url.as_ref();
    match server::open_store(&settings.store, store_url, secrets.store_keys).await {
        Ok(store) => {
            let place = match store_url {
                Some(_) => String::from("PostgreSQL, durable, by VENTANILLA_STORE_URL"),
                None => settings.store.path().display().to_string(),
            };
            match store.ready().await {
                Ok(()) => report.line(Verdict::Fine, "store", &place),
                Err(error) => report.line(Verdict::Wrong, "store", &error.to_string()),
            }
            store.close().await;
        }
        Err(error) => report.line(Verdict::Wrong, "store", &error.to_string()),
    }
    if !saves_cards {
        report.line(
            Verdict::Note,
            "store",
            "VENTANILLA_STORE_KEYS is not set: no card can be saved",
        );
    }
    match &settings.webhooks {
        Some(webhooks) => check_receiver(&webhooks.url, report).await,
        None => report.line(
            Verdict::Note,
            "webhooks",
            "no [webhooks] section: the shop is told nothing and has to ask",
        ),
    }
    let notified = secrets.hook_path.is_some();
    match (settings.card, secrets.greenpay_secret) {
        (Some(card), Some(secret)) => {
            check_key(&card, report);
            check_greenpay(&card, secret, report).await;
            if notified {
                let address = format!(
                    "GreenPay is to notify {}/hooks/greenpay/<VENTANILLA_HOOK_PATH>/",
                    settings.server.public_origin
                );
                report.line(Verdict::Fine, "card", &address);
            } else {
                report.line(
                    Verdict::Note,
                    "card",
                    "VENTANILLA_HOOK_PATH is not set: GreenPay cannot notify",
                );
            }
        }
        _ => report.line(Verdict::Note, "card", "no [card] section: no card is taken"),
    }
    match (&settings.cvu, secrets.cvu_password) {
        (Some(cvu), Some(password)) => {
            check_cvu(cvu, password, report).await;
            if notified {
                let address = format!(
                    "the provider may notify {}/hooks/cvu/<VENTANILLA_HOOK_PATH> of credits",
                    settings.server.public_origin
                );
                report.line(Verdict::Fine, "cvu", &address);
            } else {
                report.line(
                    Verdict::Note,
                    "cvu",
                    "VENTANILLA_HOOK_PATH is not set: credits are told apart by amount and time alone",
                );
            }
        }
        _ => report.line(
            Verdict::Note,
            "cvu",
            "no [cvu] section: no link or QR code is offered",
        ),
    }
    match (&settings.flux, secrets.flux_refresh_token) {
        (Some(flux), Some(token)) => check_flux(flux, token, report).await,
        _ => report.line(
            Verdict::Note,
            "flux",
            "no [flux] section: no wallet's code is taken",
        ),
    }
    match (&settings.flexiti, secrets.flexiti_client_secret) {
        (Some(flexiti), Some(secret)) => check_flexiti(flexiti, secret, report).await,
        _ => report.line(
            Verdict::Note,
            "flexiti",
            "no [flexiti] section: no purchase is financed",
        ),
    }
}

/// Reads the concepts: whether the host is there, lets us in, and knows the configured one.
async fn check_cvu(cvu: &Cvu, password: secrecy::SecretString, report: &mut Report<impl Write>) {
    let clock: SharedClock = Arc::new(SystemClock::new(1));
    let place = "cvu.url";
    let url = cvu.url.as_str();
    let client = match server::cvu_client(cvu, password, &clock) {
        Ok(client) => client,
        Err(error) => return report.line(Verdict::Wrong, place, &error.to_string()),
    };
    match client.concepts().await {
        Outcome::Definite(concepts) => {
            report.line(Verdict::Fine, place, &format!("{url} answers"));
            if !concepts.iter().any(|known| known.code == cvu.concept) {
                let codes: Vec<&str> = concepts.iter().map(|known| known.code.as_str()).collect();
                report.line(
                    Verdict::Wrong,
                    "cvu.concept",
                    &format!(
                        "expected one of {}, found {:?}",
                        codes.join(", "),
                        cvu.concept
                    ),
                );
            }
        }
        outcome => {
            let cause = outcome
                .cause()
                .map_or_else(String::new, |cause| match cause {
                    Cause::Credentials => {
                        format!("{cause}: look at cvu.username and VENTANILLA_CVU_PASSWORD")
                    }
                    other => other.to_string(),
                });
            report.line(Verdict::Provider, place, &format!("{url}: {cause}"));
        }
    }
}

/// Asks for an access token and for a payment that nobody made: whether the host is there and lets us in.
async fn check_flux(flux: &Flux, token: secrecy::SecretString, report: &mut Report<impl Write>) {
    let clock: SharedClock = Arc::new(SystemClock::new(1));
    let place = "flux.url";
    let url = flux.url.as_str();
    let client = match server::flux_client(flux, token, &clock) {
        Ok(client) => client,
        Err(error) => return report.line(Verdict::Wrong, place, &error.to_string()),
    };
    let outcome = match client.ready().await {
        Outcome::Definite(()) => client.probe().await,
        refused => refused,
    };
    match outcome {
        Outcome::Definite(()) => report.line(Verdict::Fine, place, &format!("{url} answers")),
        outcome => {
            let cause = outcome
                .cause()
                .map_or_else(String::new, |cause| match cause {
                    Cause::Credentials => {
                        format!(
                            "{cause}: look at VENTANILLA_FLUX_REFRESH_TOKEN and flux.grant_type"
                        )
                    }
                    other => other.to_string(),
                });
            report.line(Verdict::Provider, place, &format!("{url}: {cause}"));
        }
    }
}

/// Asks for an access token of the customer scope, and for a list of what was authorized today: whether the host
/// is there, lets us in, and lets us read as the merchant.
async fn check_flexiti(
    flexiti: &Flexiti,
    secret: secrecy::SecretString,
    report: &mut Report<impl Write>,
) {
    let clock: SharedClock = Arc::new(SystemClock::new(1));
    let place = "flexiti.url";
    let url = flexiti.url.as_str();
    let client = match server::flexiti_client(flexiti, secret, &clock) {
        Ok(client) => client,
        Err(error) => return report.line(Verdict::Wrong, place, &error.to_string()),
    };
    let mut bytes = [0_u8; 16];
    if let Err(error) = getrandom::fill(&mut bytes) {
        return report.line(Verdict::Wrong, place, &error.to_string());
    }
    let flow = Flow {
        id: FlowId::from_random(bytes),
        lang: Lang::En,
    };
    let today = Day::utc(Moment::from_unix_secs(clock.now().millis() / 1000));
    let outcome = match client.probe(flow.id).await {
        Outcome::Definite(()) => {
            let mut filter = AuthorizationFilter::days(today, today);
            filter.common.max_pages = 1;
            client.authorizations(flow, &filter).await.map(drop)
        }
        refused => refused,
    };
    match outcome {
        Outcome::Definite(()) => {
            report.line(Verdict::Fine, place, &format!("{url} answers"));
            let shown = format!(
                "{} is the only page that the frame shows",
                flexiti.page_origin
            );
            report.line(Verdict::Fine, "flexiti.page_origin", &shown);
        }
        outcome => {
            let cause = outcome
                .cause()
                .map_or_else(String::new, |cause| match cause {
                    Cause::Credentials => format!(
                        "{cause}: look at flexiti.client_id and VENTANILLA_FLEXITI_CLIENT_SECRET"
                    ),
                    other => other.to_string(),
                });
            report.line(Verdict::Provider, place, &format!("{url}: {cause}"));
        }
    }
}

fn check_origins(settings: &Settings, report: &mut Report<impl Write>) {
    if !settings.server.public_origin.is_https() {
        report.line(
            Verdict::Note,
            "server.public_origin",
            "http: for this machine only, never for buyers",
        );
    }
    if settings.server.trusted_proxy_hops == 0 && settings.server.public_origin.is_https() {
        report.line(
            Verdict::Note,
            "server.trusted_proxy_hops",
            "0 with an https origin: behind a reverse proxy all buyers would count as one client",
        );
    }
    if settings.card.as_ref().is_some_and(|card| card.inline) {
        report.line(
            Verdict::Note,
            "card.inline",
            "true: every script of the shop's page can read the cards typed there",
        );
    }
}

/// Whether the receiver of webhooks may be connected to; nothing is sent.
async fn check_receiver(url: &ReceiverUrl, report: &mut Report<impl Write>) {
    let place = "webhooks.url";
    let shown = url.as_str();
    let Some(name) = url.name() else {
        return report.line(Verdict::Fine, place, shown);
    };
    match ReachableOnly::new(url.reach()).addresses(name).await {
        Ok(found) => {
            let addresses: Vec<String> = found.iter().map(|at| at.ip().to_string()).collect();
            report.line(
                Verdict::Fine,
                place,
                &format!("{shown} is at {}", addresses.join(", ")),
            );
        }
        Err(error) if error.is::<OutOfReach>() => report.line(
            Verdict::Wrong,
            place,
            &format!(
                "{shown}: {name} has private addresses only; nothing is sent there without allow_private"
            ),
        ),
        Err(error) => report.line(
            Verdict::Provider,
            place,
            &format!("{shown}: {name} could not be resolved: {error}"),
        ),
    }
}

fn check_key(card: &Card, report: &mut Report<impl Write>) {
    let key = match ProviderKey::parse(&card.public_key) {
        Ok(key) => key,
        Err(error) => return report.line(Verdict::Wrong, "card.public_key", &error.to_string()),
    };
    let (bits, fingerprint) = (key.bits(), key.fingerprint());
    let pins = match card.key_pins.len() {
        0 => "pinned by itself".to_owned(),
        count => format!("among {count} pins"),
    };
    report.line(
        Verdict::Fine,
        "card.public_key",
        &format!("{bits} bits, SHA-256 {fingerprint}, {pins}"),
    );
    if bits < STRONG_BITS {
        report.line(
            Verdict::Note,
            "card.public_key",
            &format!(
                "{bits} bits are weak by today's measure (at least {STRONG_BITS}); accept_weak_key takes it. Ask GreenPay for a longer key"
            ),
        );
    }
}

/// Asks for a payment that nobody made: a read that only says whether the host is there.
async fn check_greenpay(
    card: &Card,
    secret: secrecy::SecretString,
    report: &mut Report<impl Write>,
) {
    let asked = async {
        let client = server::greenpay_client(card, secret)?;
        let reference = id::make()?;
        Ok::<_, ventanilla_proxy::error::Error>(client.transaction(&reference).await)
    };
    let place = "card.merchant_url";
    let url = card.merchant_url.as_str();
    match asked.await {
        Ok(Outcome::Definite(TransactionRead::NotFound)) => {
            report.line(Verdict::Fine, place, &format!("{url} answers"));
        }
        Ok(Outcome::Definite(_)) => report.line(
            Verdict::Provider,
            place,
            &format!("{url} knows a payment that was never made: is this GreenPay?"),
        ),
        Ok(outcome) => {
            let cause = outcome
                .cause()
                .map_or_else(String::new, |cause| match cause {
                    Cause::Credentials => format!("{cause}: look at card.merchant_id"),
                    other => other.to_string(),
                });
            report.line(Verdict::Provider, place, &format!("{url}: {cause}"));
        }
        Err(error) => report.line(Verdict::Wrong, place, &error.to_string()),
    }
}

/// Writes a line per point and remembers the worst.
struct Report<W> {
    out: W,
    worst: Verdict,
}

impl<W: Write> Report<W> {
    const fn new(out: W) -> Self {
        Self {
            out,
            worst: Verdict::Fine,
        }
    }

    fn line(&mut self, verdict: Verdict, what: &str, said: &str) {
        let mark = match verdict {
            Verdict::Fine => "ok   ",
            Verdict::Note => "note ",
            Verdict::Provider | Verdict::Wrong => "FAIL ",
        };
        self.worst = self.worst.max(verdict);
        // With standard output gone, the exit code still tells.
        let _ = writeln!(self.out, "{mark} {what}: {said}");
    }

    fn end(mut self) -> ExitCode {
        let (said, code) = match self.worst {
            Verdict::Fine | Verdict::Note => ("ready to serve", ExitCode::SUCCESS),
            Verdict::Provider => (
                "a provider, or the receiver of webhooks, does not answer as it should",
                ExitCode::from(PROVIDER),
            ),
            Verdict::Wrong => (
                "not ready: put right what is marked FAIL",
                ExitCode::FAILURE,
            ),
        };
        let _ = writeln!(self.out, "{said}");
        code
    }
}
