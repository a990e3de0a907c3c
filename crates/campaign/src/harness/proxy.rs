//! The proxy as a process, with a configuration and secrets of its own.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use tokio::process::Command;
use tokio::time::Instant;

use super::process::Process;
use super::sandbox::Sandbox;
use super::{Binaries, free_ports, widget};
use crate::clock::ScaledClock;
use crate::failure::{Failure, Result, Tried as _};
use crate::random;

/// Where payments are kept.
#[derive(Clone, Debug)]
pub enum StoreAt {
    /// In this file.
    Sqlite(PathBuf),
    /// In a PostgreSQL database, by its URL with the password.
    Postgres(String),
}

/// What a proxy is told besides its secrets. Several proxies of one fleet share all but the addresses.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The public side.
    pub listen: SocketAddr,
    /// Health and metrics.
    pub management: SocketAddr,
    /// What buyers' browsers see; the same for every proxy behind one balancer.
    pub public_origin: String,
    /// The store.
    pub store: StoreAt,
    /// The provider's merchant host.
    pub merchant_url: String,
    /// The provider's checkout host.
    pub checkout_url: String,
    /// The provider's public key in PEM.
    pub public_key: String,
    /// The host of the CVU wallet API; none takes no CVU payments.
    pub cvu_url: Option<String>,
    /// The host of the Flux API; none takes no wallets' codes.
    pub flux_url: Option<String>,
    /// The host of the Flexiti POS API; none finances nothing.
    pub flexiti_url: Option<String>,
    /// The shared clock.
    pub clock: ScaledClock,
    /// Where webhooks go; none sends none.
    pub webhooks: Option<String>,
    /// The longest that a provider's call may take, in seconds of real time; none is the proxy's own.
    pub call_limit_secs: Option<u32>,
    /// Attempts of one session, 1 to 100.
    pub attempts_per_session: u8,
    /// Log levels.
    pub log: String,
    /// Further lines of TOML, each under the header of its section: `[card]` and `duplicates = "keep"`.
    pub extra: Vec<(&'static str, String)>,
}

impl Settings {
    /// On free ports, before `sandbox`, without webhooks, everything logged.
    ///
    /// # Errors
    ///
    /// When no port is free.
    pub fn new(sandbox: &Sandbox, store: StoreAt, clock: ScaledClock) -> Result<Self> {
        let ports = free_ports(2)?;
        let [listen, management] = ports.as_slice() else {
            return Err(Failure::of("two ports were asked for"));
        };
        Ok(Self {
            listen: *listen,
            management: *management,
            public_origin: format!("http://{listen}"),
            store,
            merchant_url: sandbox.merchant_url().to_owned(),
            checkout_url: sandbox.checkout_url().to_owned(),
            public_key: sandbox.public_key().to_owned(),
            cvu_url: None,
            flux_url: None,
            flexiti_url: None,
            clock,
            webhooks: None,
            call_limit_secs: Some(CALL_LIMIT_SECS),
            attempts_per_session: 10,
            log: String::from("trace"),
            extra: Vec::new(),
        })
    }

    fn toml(&self, assets: &Path) -> String {
        let mut sections: Vec<(&str, String)> = Vec::new();
        let mut add = |section: &'static str, lines: String| sections.push((section, lines));
        add(
            "server",
            format!(
                "listen = \"{}\"\npublic_origin = \"{}\"\nmanagement_listen = \"{}\"\ntrusted_proxy_hops = 1\n",
                self.listen, self.public_origin, self.management
            ),
        );
        add(
            "merchant",
            format!("name = \"Café Poás\"\norigins = [\"{SHOP_ORIGIN}\"]\n"),
        );
        if let StoreAt::Sqlite(path) = &self.store {
            add("store", format!("path = \"{}\"\n", path.display()));
        }
        let mut card = format!(
            "merchant_url = \"{}\"\ncheckout_url = \"{}\"\nmerchant_id = \"{MERCHANT_ID}\"\n\
             terminal = \"{TERMINAL}\"\ncurrencies = [\"CRC\", \"USD\"]\naccept_weak_key = true\n\
             public_key = \"\"\"\n{}\"\"\"\n",
            self.merchant_url, self.checkout_url, self.public_key
        );
        if let Some(secs) = self.call_limit_secs {
            let _ = writeln!(card, "call_limit_secs = {secs}");
        }
        add("card", card);
        if let Some(url) = &self.cvu_url {
            let mut cvu = format!(
                "url = \"{url}\"\nusername = \"{CVU_USER}\"\nconcept = \"VAR\"\n\
                 presentations = [\"link\", \"qr\", \"transfer\"]\nalias = \"COMERCIO.PRUEBA\"\n\
                 account = \"{CVU_ACCOUNT}\"\nholder = \"COMERCIO PRUEBA\"\ncuit = \"{CVU_CUIT}\"\n\
                 lifetime_secs = {}\n",
                CVU_LIFETIME.as_secs()
            );
            if let Some(secs) = self.call_limit_secs {
                let _ = writeln!(cvu, "call_limit_secs = {secs}");
            }
            add("cvu", cvu);
        }
        if let Some(url) = &self.flux_url {
            let mut flux = format!(
                "url = \"{url}/v3\"\nstore = \"Sucursal Centro\"\nterminal = \"caja-01\"\ntips = true\n"
            );
            if let Some(secs) = self.call_limit_secs {
                let _ = writeln!(flux, "call_limit_secs = {secs}");
            }
            add("flux", flux);
        }
        if let Some(url) = &self.flexiti_url {
            let mut flexiti = format!("url = \"{url}\"\nclient_id = \"{FLEXITI_CLIENT}\"\n");
            if let Some(secs) = self.call_limit_secs {
                let _ = writeln!(flexiti, "call_limit_secs = {secs}");
            }
            add("flexiti", flexiti);
        }
        let mut clock = format!("speed = {}\n", self.clock.speed());
        if self.clock.speed() > 1 {
            let _ = writeln!(clock, "anchor = \"{}\"", self.clock.anchor());
        }
        add("clock", clock);
        add(
            "limits",
            format!("attempts_per_session = {}\n", self.attempts_per_session),
        );
        add("log", format!("level = \"{}\"\n", self.log));
        if let Some(url) = &self.webhooks {
            add(
                "webhooks",
                format!("url = \"{url}\"\nallow_private = true\n"),
            );
        }
        add("assets", format!("dir = \"{}\"\n", assets.display()));
        for (section, lines) in &self.extra {
            match sections.iter_mut().find(|(name, _)| name == section) {
                Some((_, before)) => {
                    before.push_str(lines);
                    before.push('\n');
                }
                None => sections.push((section, format!("{lines}\n"))),
            }
        }
        sections
            .iter()
            .map(|(name, lines)| format!("[{name}]\n{lines}\n"))
            .collect()
    }
}

/// The secrets of one shop: made afresh, because a leak must be told from a coincidence.
#[derive(Clone)]
pub struct Secrets {
    /// The merchant's API key.
    pub api_key: String,
    /// The 32 bytes that seal client tokens, in base64.
    pub token_key: String,
    /// The 32 bytes that seal saved cards, in base64.
    pub store_key: String,
    /// What the provider knows the merchant by.
    pub provider_secret: String,
    /// What opens the account at the CVU wallet API.
    pub cvu_password: String,
    /// What opens the account at the Flux API.
    pub flux_refresh_token: String,
    /// What belongs to the merchant's identifier at Flexiti.
    pub flexiti_secret: String,
    /// What webhooks are signed with: `whsec_` and base64.
    pub webhook_secret: String,
    /// The last part of the address that the provider notifies.
    pub hook_path: String,
}

impl Secrets {
    /// Fresh ones. The providers' are those that every sandbox has.
    #[must_use]
    pub fn make() -> Self {
        Self {
            api_key: format!("vsk_{}", URL_SAFE_NO_PAD.encode(random::bytes::<32>())),
            token_key: STANDARD.encode(random::bytes::<32>()),
            store_key: STANDARD.encode(random::bytes::<32>()),
            provider_secret: String::from("sandbox-secret"),
            cvu_password: String::from("sandbox-password"),
            flux_refresh_token: String::from("sandbox-refresh-token"),
            flexiti_secret: String::from("placeholder-secret"),
            webhook_secret: format!("whsec_{}", STANDARD.encode(random::bytes::<32>())),
            hook_path: URL_SAFE_NO_PAD.encode(random::bytes::<32>()),
        }
    }

    fn environment(&self, webhooks: bool) -> Vec<(&'static str, String)> {
        let mut all = vec![
            ("VENTANILLA_API_KEY", self.api_key.clone()),
            ("VENTANILLA_TOKEN_KEYS", format!("t1:{}", self.token_key)),
            ("VENTANILLA_STORE_KEYS", format!("s1:{}", self.store_key)),
            ("VENTANILLA_GREENPAY_SECRET", self.provider_secret.clone()),
        ];
        if webhooks {
            all.push(("VENTANILLA_WEBHOOK_SECRETS", self.webhook_secret.clone()));
            all.push(("VENTANILLA_HOOK_PATH", self.hook_path.clone()));
        }
        all
    }
}

/// A proxy that can be started again and again with the same configuration.
pub struct Proxy {
    name: String,
    program: PathBuf,
    folder: PathBuf,
    settings: Settings,
    assets: PathBuf,
    config: PathBuf,
    log: PathBuf,
    url: String,
    management: String,
    public_origin: String,
    environment: Vec<(&'static str, String)>,
    http: reqwest::Client,
    process: Option<Process>,
}

impl Proxy {
    /// Writes the configuration to `folder`; starts nothing.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub fn prepare(
        binaries: &Binaries,
        folder: &Path,
        name: &str,
        settings: Settings,
        secrets: &Secrets,
    ) -> Result<Self> {
        let config = folder.join(format!("{name}.toml"));
        let assets = match &binaries.assets {
            Some(assets) => assets.clone(),
            None => widget::write(folder)?,
        };
        let mut environment = secrets.environment(settings.webhooks.is_some());
        if settings.cvu_url.is_some() {
            environment.push(("VENTANILLA_CVU_PASSWORD", secrets.cvu_password.clone()));
        }
        if settings.flux_url.is_some() {
            let token = secrets.flux_refresh_token.clone();
            environment.push(("VENTANILLA_FLUX_REFRESH_TOKEN", token));
        }
        if settings.flexiti_url.is_some() {
            let secret = secrets.flexiti_secret.clone();
            environment.push(("VENTANILLA_FLEXITI_CLIENT_SECRET", secret));
        }
        if let StoreAt::Postgres(url) = &settings.store {
            environment.push(("VENTANILLA_STORE_URL", url.clone()));
        }
        let proxy = Self {
            name: name.to_owned(),
            program: binaries.proxy.clone(),
            folder: folder.to_owned(),
            assets,
            config,
            log: folder.join(format!("{name}.log")),
            url: format!("http://{}", settings.listen),
            management: format!("http://{}", settings.management),
            public_origin: settings.public_origin.clone(),
            settings,
            environment,
            http: super::wire::client(Duration::from_secs(3))?,
            process: None,
        };
        proxy.configure()?;
        Ok(proxy)
    }

    fn configure(&self) -> Result<()> {
        std::fs::write(&self.config, self.settings.toml(&self.assets))
            .tried(format_args!("write {}", self.config.display()))
    }

    /// From the next life on it has this clock.
    ///
    /// # Errors
    ///
    /// When the configuration cannot be written.
    pub fn set_clock(&mut self, clock: ScaledClock) -> Result<()> {
        self.settings.clock = clock;
        self.configure()
    }

    /// The name it was given.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where the public side is reached from this machine.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// What buyers' browsers see.
    #[must_use]
    pub fn public_origin(&self) -> &str {
        &self.public_origin
    }

    /// The number of its process, unless it does not run.
    #[must_use]
    pub fn id(&self) -> Option<u32> {
        self.process.as_ref().and_then(Process::id)
    }

    /// Everything it ever logged, over all its lives.
    #[must_use]
    pub fn log(&self) -> &Path {
        &self.log
    }

    /// Sets a variable for this and every later life.
    pub fn set(&mut self, name: &'static str, value: impl Into<String>) {
        self.environment.push((name, value.into()));
    }

    /// Starts it and waits until it is ready.
    ///
    /// # Errors
    ///
    /// When it ends instead, or is not ready within a minute.
    pub async fn start(&mut self) -> Result<()> {
        self.start_with(&[]).await
    }

    /// Starts it with further variables, for this life only, and waits until it is ready. It ends when its
    /// database does not answer; then it is started again, as whatever runs it in earnest does.
    ///
    /// # Errors
    ///
    /// As [`Proxy::start`].
    pub async fn start_with(&mut self, variables: &[(&str, &str)]) -> Result<()> {
        let deadline = Instant::now() + READY_WITHIN;
        loop {
            self.launch(variables)?;
            let left = deadline.saturating_duration_since(Instant::now());
            match self.ready(left).await {
                Err(_) if !self.runs() && self.misses_its_store() && !left.is_zero() => {
                    tokio::time::sleep(STARTED_AGAIN_AFTER).await;
                }
                ended => return ended,
            }
        }
    }

    /// Whether the last thing that it said is that its database does not answer.
    fn misses_its_store(&self) -> bool {
        last_line(&self.log).contains("store-unavailable")
    }

    /// Starts it and does not wait.
    ///
    /// # Errors
    ///
    /// When the program cannot be started.
    pub fn launch(&mut self, variables: &[(&str, &str)]) -> Result<()> {
        let mut command = Command::new(&self.program);
        command
            .arg("serve")
            .arg("--config")
            .arg(&self.config)
            .current_dir(&self.folder)
            .env_clear()
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .envs(variables.iter().copied());
        self.process = Some(Process::start(&self.name, command, &self.log)?);
        Ok(())
    }

    /// Waits until it says that it is ready.
    ///
    /// # Errors
    ///
    /// When it ends instead, or is not ready within `limit`.
    pub async fn ready(&mut self, limit: Duration) -> Result<()> {
        let deadline = Instant::now() + limit;
        loop {
            if self.says_ready().await {
                return Ok(());
            }
            if !self.runs() {
                return Err(Failure::of(format!(
                    "{} ended instead of getting ready: {}",
                    self.name,
                    last_line(&self.log)
                )));
            }
            if Instant::now() > deadline {
                return Err(Failure::of(format!(
                    "{} was not ready within {limit:?}",
                    self.name
                )));
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
    }

    /// Whether it says that it is ready.
    pub async fn says_ready(&self) -> bool {
        let asked = self.http.get(format!("{}/readyz", self.management));
        matches!(asked.send().await, Ok(answer) if answer.status().is_success())
    }

    /// Its metrics in Prometheus' text format.
    ///
    /// # Errors
    ///
    /// When it does not answer.
    pub async fn metrics(&self) -> Result<String> {
        let what = format!("read the metrics of {}", self.name);
        let asked = self.http.get(format!("{}/metrics", self.management));
        let answer = asked.send().await.tried(&what)?;
        answer.text().await.tried(&what)
    }

    /// Whether its process runs; a stopped one does.
    pub fn runs(&mut self) -> bool {
        self.process.as_mut().is_some_and(Process::runs)
    }

    /// Whether its process was stopped and not resumed since.
    #[must_use]
    pub fn stands_still(&self) -> bool {
        self.process.as_ref().is_some_and(Process::stands_still)
    }

    /// `kill -9`, and waits until it is gone.
    ///
    /// # Errors
    ///
    /// When it was gone already.
    pub async fn kill(&mut self) -> Result<()> {
        self.process()?.kill().await
    }

    /// `SIGTERM`, and waits until it is gone.
    ///
    /// # Errors
    ///
    /// When it is not gone within `limit`.
    pub async fn terminate(&mut self, limit: Duration) -> Result<ExitStatus> {
        self.process()?.terminate(limit).await
    }

    /// Waits until it is gone, whatever ends it.
    ///
    /// # Errors
    ///
    /// When it is not gone within `limit`.
    pub async fn wait_for_end(&mut self, limit: Duration) -> Result<ExitStatus> {
        self.process()?.wait_for_end(limit).await
    }

    /// `SIGSTOP`.
    ///
    /// # Errors
    ///
    /// When it is gone.
    pub fn pause(&mut self) -> Result<()> {
        self.process()?.pause()
    }

    /// `SIGCONT`.
    ///
    /// # Errors
    ///
    /// When it is gone.
    pub fn resume(&mut self) -> Result<()> {
        self.process()?.resume()
    }

    fn process(&mut self) -> Result<&mut Process> {
        self.process
            .as_mut()
            .ok_or_else(|| Failure::of(format!("{} was never started", self.name)))
    }
}

/// Makes a folder that only its owner may enter: logs of everything are about to lie in it.
///
/// # Errors
///
/// When it cannot be made.
pub fn make_folder(path: &Path) -> Result<()> {
    let what = format!("make the folder {}", path.display());
    std::fs::create_dir_all(path).tried(&what)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o700)).tried(&what)
}

fn last_line(log: &Path) -> String {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    text.lines().last().unwrap_or("it said nothing").to_owned()
}

/// The shop's page.
pub const SHOP_ORIGIN: &str = "https://shop.example";
pub(crate) const MERCHANT_ID: &str = "11111111-1111-4111-8111-111111111111";
pub(crate) const TERMINAL: &str = "sandbox-terminal";
/// Who the sandbox's Flexiti POS API lets in.
const FLEXITI_CLIENT: &str = "demo-merchant";
/// Who the sandbox's CVU wallet API lets in.
pub(super) const CVU_USER: &str = "sandbox-user";
/// The account that its codes name.
pub(super) const CVU_ACCOUNT: &str = "0009999001234567890126";
/// Whose account it is.
pub(super) const CVU_CUIT: &str = "30-00000012-0";
/// How long something payable is shown, on the scaled clock: not so long that nobody waits for its end.
pub const CVU_LIFETIME: Duration = Duration::from_secs(10 * 60);
const READY_WITHIN: Duration = Duration::from_secs(60);
const STARTED_AGAIN_AFTER: Duration = Duration::from_millis(250);
/// The sandbox is on this machine: what has not answered by then will not.
const CALL_LIMIT_SECS: u32 = 3;
