//! A stand-in for the payment providers: answers as their documents say, keeps a ledger that is the truth,
//! and goes wrong on demand.
//!
//! It shares no types with the code it is used against: a misspelt field would then be wrong on both sides
//! and nobody would notice. Both are held against the same samples in `tests/fixtures`. The rules for
//! accounts and QR codes are those of `ventanilla-core`, which has samples of its own.
//!
//! ```text
//! merchant host   : orders, token payments, card tokens, reads, voids, captures, refunds   ┐ greenpay
//! checkout host   : sealed cards                                                           ┘
//! CVU host        : the 17 operations under v2/, and the buyer's pages: GET /wallet, GET /pay/{link}
//! Flux host       : the 4 operations under v3/, and the buyer's wallet: GET /wallet
//! Flexiti host    : the 12 operations under flexiti/pos-api/, and the shopper's identity page: GET /
//! management host : GET / (a page for people), and for programs:
//!   GET /health, /cards, /ledger, /faults, /notifications
//!   POST /faults                a Fault, or {"random": RandomFaults}; DELETE forgets them all
//!   POST /notifications         Notifications
//!   POST /notifications/send    {"path", "references", "forged", "times", "double_encoded"}
//!   POST /sessions/expire       every session that is open runs out
//!   POST /clock                 {"advance_secs"}
//!   POST /cvu/pay               {"code" | "link" | "link_id" | "qr_order_id", "amount", "times",
//!                                "delay_ms", "payer", "insist"}: a buyer pays
//!   GET /cvu/payers             who can
//!   GET, POST /cvu/options      CvuOptions
//!   GET, POST /cvu/notifications, POST /cvu/notifications/send {"ids", "times"}
//!   POST /flux/codes            {"kind"}: a wallet code, of a FluxCodeKind
//!   GET, POST /flux/options     FluxOptions
//!   GET, POST /flexiti/accounts, POST /flexiti/accounts/{account_number}
//!                               who can be identified; a new one or another state of one
//!   POST /flexiti/identify      {"widget_session_id", "outcome", "method"}: the identity page, without it
//!   POST /flexiti/refuse        {"operation", "error", "times"}: the next calls are refused like that
//!   GET, POST /flexiti/options  FlexitiOptions
//!   POST /reset                 forget everything
//! ```
//!
//! No card number and no security code is stored or logged: first six and last four digits are all that is
//! kept of a card.
#![deny(missing_docs)]

mod amount;
mod call;
mod cards;
mod clock;
mod cvu;
mod fault;
mod flexiti;
mod flux;
mod greenpay;
mod ledger;
mod listen;
mod management;
mod notice;
mod notify;
mod origin;
mod page;
mod random;
mod wire;
mod world;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use rsa::RsaPrivateKey;
use rsa::pkcs8::{DecodePrivateKey, EncodePublicKey, LineEnding};
use tokio::net::TcpListener;
use tokio::sync::watch;

use cvu::Cvu;
use fault::Host;
use flexiti::Flexiti;
use flux::Flux;
use greenpay::GreenPay;
use listen::{Door, Listening, OpenDoor};
use world::World;

pub use cards::{TestCard, test_cards};
pub use cvu::ledger::{
    CashoutEntry, CashoutRefusal, CashoutState, CreditEntry, CvuLedger, LinkEntry, PartEntry,
    PayerEntry, QrOrderEntry, SalePointEntry, TransferLinkEntry,
};
pub use cvu::options::{
    CvuAbsentIds, CvuBalanceForm, CvuBuyerForm, CvuCodeForm, CvuConceptsForm, CvuCredentials,
    CvuExpirationForm, CvuExpiresAt, CvuListAmounts, CvuListForm, CvuOptions, CvuOptionsError,
    CvuSecondOrder, CvuStaticQrFrom, CvuTokenField, CvuVoucherForm,
};
pub use fault::{DrawnBy, Fault, FaultError, Kind, Operation, RandomFaults};
pub use flexiti::accounts::{
    FlexitiAccount, FlexitiAccountChange, FlexitiAccountError, FlexitiAccountType,
};
pub use flexiti::ledger::{
    FlexitiAuthorizationEntry, FlexitiCaptureEntry, FlexitiDepositEntry, FlexitiLedger,
    FlexitiRefundEntry, FlexitiRefusalEntry, FlexitiReleaseEntry, FlexitiReturnEntry,
    FlexitiSessionEntry, FlexitiSessionState,
};
pub use flexiti::options::{
    FlexitiCapturesForm, FlexitiCount, FlexitiCredentials, FlexitiErrorForm, FlexitiLinkNames,
    FlexitiNoLink, FlexitiOptions, FlexitiOptionsError, FlexitiPlan, FlexitiRatesForm,
    FlexitiReturnFrom, FlexitiTerm, FlexitiTokenForm, FlexitiVersions,
};
pub use flexiti::refusal::FlexitiRefuse;
pub use flexiti::widget::{FlexitiIdentify, FlexitiMethod, FlexitiOutcome};
pub use flux::ledger::{
    FluxCodeEntry, FluxCodeKind, FluxLedger, FluxPaymentEntry, FluxRefundEntry, FluxState,
};
pub use flux::options::{
    FluxCodeForm, FluxCredentials, FluxErrorNesting, FluxExpiresIn, FluxOptions, FluxOptionsError,
    FluxRefundType,
};
pub use ledger::{
    BulkEntry, CallEntry, CardTokenChange, CardTokenEntry, DebitEntry, DebitState, Ledger,
    NotificationEntry, OperationEntry, OperationKind, OperationRefusal, OperationState, OrderEntry,
    SubscriptionChange, SubscriptionEntry,
};
pub use notify::{Notifications, NotifyError, NotifyMode, ReceiverUrl};

/// The private half of the sandbox's key, PKCS#8. Public and worthless: it is the `rsa1024` key of
/// `tests/vectors/greenpay_ld_lk.json`.
const TEST_KEY: &str = include_str!("../keys/sandbox_private.pem");

/// How a sandbox is set up.
#[derive(Clone, Debug)]
pub struct SandboxOptions {
    /// The address of all hosts.
    pub listen_ip: IpAddr,
    /// 0 takes a free port.
    pub merchant_port: u16,
    /// 0 takes a free port.
    pub checkout_port: u16,
    /// 0 takes a free port.
    pub cvu_port: u16,
    /// 0 takes a free port.
    pub flux_port: u16,
    /// 0 takes a free port.
    pub flexiti_port: u16,
    /// 0 takes a free port.
    pub management_port: u16,
    /// Decides sessions, tokens and codes: the same calls in the same order get the same ones.
    pub seed: u64,
    /// How many times faster than the machine's the sandbox's clock runs; at least 1.
    pub speed: u32,
    /// The moment from which it runs faster; the start unless told. Sandboxes, and proxies, with one
    /// anchor and one speed show the same time, whenever each was started.
    pub clock_anchor: Option<SystemTime>,
    /// What its clock shows at the start, for tests that step a clock of their own; the machine's time
    /// unless told.
    pub starts_at: Option<SystemTime>,
    /// How the merchant is notified until told otherwise.
    pub notifications: Notifications,
    /// What the merchant host lets in.
    pub credentials: Credentials,
    /// What happens to an `orderReference` that was seen before.
    pub repeated_reference: RepeatedReference,
    /// The HTTP status of a decline, which no document tells.
    pub decline_status: u16,
    /// A private key in PKCS#8 PEM instead of the built-in one.
    pub private_key_pem: Option<String>,
    /// What the CVU host lets in.
    pub cvu_credentials: CvuCredentials,
    /// How the CVU wallet API is until told otherwise.
    pub cvu: CvuOptions,
    /// How the merchant is notified of credits until told otherwise.
    pub cvu_notifications: Notifications,
    /// What the Flux host lets in.
    pub flux_credentials: FluxCredentials,
    /// How the Flux API is until told otherwise.
    pub flux: FluxOptions,
    /// What the Flexiti host lets in.
    pub flexiti_credentials: FlexitiCredentials,
    /// How the Flexiti POS API is until told otherwise.
    pub flexiti: FlexitiOptions,
}

impl Default for SandboxOptions {
    /// Loopback, free ports, seed 0, real time.
    fn default() -> Self {
        Self {
            listen_ip: IpAddr::V4(Ipv4Addr::LOCALHOST),
            merchant_port: 0,
            checkout_port: 0,
            cvu_port: 0,
            flux_port: 0,
            flexiti_port: 0,
            management_port: 0,
            seed: 0,
            speed: 1,
            clock_anchor: None,
            starts_at: None,
            notifications: Notifications::default(),
            credentials: Credentials::default(),
            repeated_reference: RepeatedReference::Accept,
            decline_status: 200,
            private_key_pem: None,
            cvu_credentials: CvuCredentials::default(),
            cvu: CvuOptions::default(),
            cvu_notifications: Notifications::default(),
            flux_credentials: FluxCredentials::default(),
            flux: FluxOptions::default(),
            flexiti_credentials: FlexitiCredentials::default(),
            flexiti: FlexitiOptions::default(),
        }
    }
}

/// What a merchant is given by the provider. These open nothing but a sandbox.
#[derive(Clone, Debug)]
pub struct Credentials {
    /// A UUID.
    pub merchant_id: String,
    /// Any text.
    pub secret: String,
    /// Any text.
    pub terminal: String,
}

impl Default for Credentials {
    fn default() -> Self {
        Self {
            merchant_id: String::from("11111111-1111-4111-8111-111111111111"),
            secret: String::from("sandbox-secret"),
            terminal: String::from("sandbox-terminal"),
        }
    }
}

/// What happens to an `orderReference` that was seen before. The documents say only that it is unique.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum RepeatedReference {
    /// It is taken again, and debited again: the worse of the two for whoever repeats a call.
    Accept,
    /// It is refused.
    Refuse,
}

/// Why a sandbox did not start.
#[derive(Debug)]
pub enum StartError {
    /// A host cannot listen.
    Listen(SocketAddr, std::io::Error),
    /// The private key is not one in PKCS#8 PEM of at least 1024 bits.
    Key,
    /// Notifications cannot be sent like that.
    Notifications(NotifyError),
    /// The CVU wallet API cannot be like that.
    Cvu(CvuOptionsError),
    /// The Flux API cannot be like that.
    Flux(FluxOptionsError),
    /// The Flexiti POS API cannot be like that.
    Flexiti(FlexitiOptionsError),
}

impl std::fmt::Display for StartError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Listen(address, error) => write!(f, "cannot listen on {address}: {error}"),
            Self::Key => {
                f.write_str("the private key must be RSA of 1024 bits or more, in PKCS#8 PEM")
            }
            Self::Notifications(error) => write!(f, "notifications: {error}"),
            Self::Cvu(error) => write!(f, "CVU options: {error}"),
            Self::Flux(error) => write!(f, "Flux options: {error}"),
            Self::Flexiti(error) => write!(f, "Flexiti options: {error}"),
        }
    }
}

impl std::error::Error for StartError {}

/// A sandbox that runs until it is dropped.
pub struct Sandbox {
    /// Base URL of the merchant host, without a slash at the end.
    pub merchant_url: String,
    /// Base URL of the checkout host, without a slash at the end.
    pub checkout_url: String,
    /// Base URL of the CVU host, without a slash at the end.
    pub cvu_url: String,
    /// Base URL of the Flux host, without a slash at the end; that of the API has `/v3` after it.
    pub flux_url: String,
    /// Base URL of the Flexiti host, without a slash at the end.
    pub flexiti_url: String,
    /// Base URL of the management host, without a slash at the end.
    pub management_url: String,
    controls: Arc<Controls>,
    /// A host listens for as long as somebody could give it orders.
    _management: Listening,
    stop: watch::Sender<bool>,
}

/// What the management host can do.
pub(crate) struct Controls {
    pub(crate) world: Arc<World>,
    pub(crate) greenpay: Arc<GreenPay>,
    pub(crate) cvu: Arc<Cvu>,
    pub(crate) flux: Arc<Flux>,
    pub(crate) flexiti: Arc<Flexiti>,
    merchant: Listening,
    checkout: Listening,
    cvu_host: Listening,
    flux_host: Listening,
    flexiti_host: Listening,
}

impl Sandbox {
    /// Starts the hosts. They accept connections when this returns.
    ///
    /// # Errors
    ///
    /// [`StartError::Listen`] when an address is taken or not this machine's; [`StartError::Key`] when
    /// [`SandboxOptions::private_key_pem`] cannot be read; [`StartError::Notifications`] when they have
    /// nowhere to go; [`StartError::Cvu`], [`StartError::Flux`] and [`StartError::Flexiti`] when an option
    /// of those APIs is out of range.
    pub async fn start(options: SandboxOptions) -> Result<Self, StartError> {
        let key = read_key(options.private_key_pem.as_deref().unwrap_or(TEST_KEY))?;
        for notifications in [&options.notifications, &options.cvu_notifications] {
            notifications.check().map_err(StartError::Notifications)?;
        }
        options.cvu.check().map_err(StartError::Cvu)?;
        options.flux.check().map_err(StartError::Flux)?;
        options.flexiti.check().map_err(StartError::Flexiti)?;
        let bind = |port| bind(SocketAddr::new(options.listen_ip, port));
        let merchant = bind(options.merchant_port).await?;
        let checkout = bind(options.checkout_port).await?;
        let cvu_host = bind(options.cvu_port).await?;
        let flux_host = bind(options.flux_port).await?;
        let flexiti_host = bind(options.flexiti_port).await?;
        let management = bind(options.management_port).await?;
        let (stop, stopped) = watch::channel(false);
        let world = World::new(&options, stopped.clone());
        let cvu = Cvu::new(
            Arc::clone(&world),
            options.cvu_credentials.clone(),
            format!("http://{}", cvu_host.1),
        );
        let flux = Flux::new(Arc::clone(&world), options.flux_credentials.clone());
        let flexiti = Flexiti::new(
            Arc::clone(&world),
            options.flexiti_credentials.clone(),
            format!("http://{}", flexiti_host.1),
        );
        let greenpay = GreenPay::new(options, key, Arc::clone(&world));
        let start = |(listener, address), router, door: Arc<dyn Door>| {
            Listening::start(listener, address, router, door, stopped.clone())
        };
        let door = |host| {
            Arc::new(HostDoor {
                world: Arc::clone(&world),
                host,
            })
        };
        let merchant = start(
            merchant,
            greenpay::merchant_router(Arc::clone(&greenpay)),
            door(Host::Merchant),
        );
        let checkout = start(
            checkout,
            greenpay::checkout_router(Arc::clone(&greenpay)),
            door(Host::Checkout),
        );
        let cvu_host = start(cvu_host, cvu::router(Arc::clone(&cvu)), door(Host::Cvu));
        let flux_host = start(flux_host, flux::router(Arc::clone(&flux)), door(Host::Flux));
        let flexiti_host = start(
            flexiti_host,
            flexiti::router(Arc::clone(&flexiti)),
            door(Host::Flexiti),
        );
        let url = |host: &Listening| format!("http://{}", host.address());
        let (merchant_url, checkout_url) = (url(&merchant), url(&checkout));
        let (cvu_url, flux_url) = (url(&cvu_host), url(&flux_host));
        let flexiti_url = url(&flexiti_host);
        let controls = Arc::new(Controls {
            world,
            greenpay,
            cvu,
            flux,
            flexiti,
            merchant,
            checkout,
            cvu_host,
            flux_host,
            flexiti_host,
        });
        let management = start(
            management,
            management::router(Arc::clone(&controls)),
            Arc::new(OpenDoor),
        );
        Ok(Self {
            merchant_url,
            checkout_url,
            cvu_url,
            flux_url,
            flexiti_url,
            management_url: url(&management),
            controls,
            _management: management,
            stop,
        })
    }

    /// The key that cards are sealed to and that `_signature` verifies with: SPKI in PEM.
    #[must_use]
    pub fn public_key_pem(&self) -> String {
        to_public_pem(&self.controls.greenpay.key)
    }

    /// What the merchant host lets in.
    #[must_use]
    pub fn credentials(&self) -> &Credentials {
        &self.controls.greenpay.credentials
    }

    /// What the CVU host lets in.
    #[must_use]
    pub fn cvu_credentials(&self) -> &CvuCredentials {
        &self.controls.cvu.credentials
    }

    /// What the Flux host lets in.
    #[must_use]
    pub fn flux_credentials(&self) -> &FluxCredentials {
        &self.controls.flux.credentials
    }

    /// The text of a wallet code that nobody has shown before.
    #[must_use]
    pub fn flux_code(&self, kind: FluxCodeKind) -> String {
        self.controls.flux.fresh_code(kind).code
    }

    /// Says how the Flux API is from now on.
    ///
    /// # Errors
    ///
    /// [`FluxOptionsError`] when a number is out of range.
    pub fn set_flux(&self, options: FluxOptions) -> Result<(), FluxOptionsError> {
        self.controls.set_flux(options)
    }

    /// What the Flexiti host lets in.
    #[must_use]
    pub fn flexiti_credentials(&self) -> &FlexitiCredentials {
        &self.controls.flexiti.credentials
    }

    /// Says how the Flexiti POS API is from now on.
    ///
    /// # Errors
    ///
    /// [`FlexitiOptionsError`] when a number is out of range.
    pub fn set_flexiti(&self, options: FlexitiOptions) -> Result<(), FlexitiOptionsError> {
        self.controls.set_flexiti(options)
    }

    /// Says how the CVU wallet API is from now on.
    ///
    /// # Errors
    ///
    /// [`CvuOptionsError`] when a number is out of range.
    pub fn set_cvu(&self, options: CvuOptions) -> Result<(), CvuOptionsError> {
        self.controls.set_cvu(options)
    }

    /// Says how the merchant is notified of credits from now on.
    ///
    /// # Errors
    ///
    /// [`NotifyError`] when there is no address or a number is out of range.
    pub fn notify_credits(&self, notifications: Notifications) -> Result<(), NotifyError> {
        self.controls.notify_credits(notifications)
    }

    /// What happened so far.
    #[must_use]
    pub fn ledger(&self) -> Ledger {
        self.controls.world.state().ledger.clone()
    }

    /// Sets a fault.
    ///
    /// # Errors
    ///
    /// [`FaultError`] when the kind does not fit the operation or a number is out of range.
    pub async fn arm(&self, fault: Fault) -> Result<(), FaultError> {
        self.controls.arm(fault).await
    }

    /// Lets chance decide, the same for the same seed.
    ///
    /// # Errors
    ///
    /// [`FaultError`] when a number is out of range or a kind cannot be drawn.
    pub fn arm_random(&self, random: RandomFaults) -> Result<(), FaultError> {
        self.controls.world.state().faults.arm_random(random)
    }

    /// Forgets every fault; hosts that were down listen again.
    pub async fn clear_faults(&self) {
        self.controls.clear_faults().await;
    }

    /// Says how the merchant is notified from now on.
    ///
    /// # Errors
    ///
    /// [`NotifyError`] when there is no address or a number is out of range.
    pub fn notify(&self, notifications: Notifications) -> Result<(), NotifyError> {
        self.controls.notify(notifications)
    }

    /// Moves the sandbox's clock on.
    pub fn move_clock(&self, duration: Duration) {
        self.controls.world.clock.move_on(duration);
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        self.stop.send_replace(true);
    }
}

impl Controls {
    pub(crate) async fn arm(&self, fault: Fault) -> Result<(), FaultError> {
        let fault = self.world.state().faults.arm(fault)?;
        if fault.kind == Kind::Down {
            self.host(fault.operation.host()).go_away().await;
        }
        Ok(())
    }

    pub(crate) async fn clear_faults(&self) {
        self.world.state().faults = fault::FaultPlan::default();
        self.merchant.come_back().await;
        self.checkout.come_back().await;
        self.cvu_host.come_back().await;
        self.flux_host.come_back().await;
        self.flexiti_host.come_back().await;
    }

    pub(crate) fn notify(&self, notifications: Notifications) -> Result<(), NotifyError> {
        notifications.check()?;
        self.world.state().notifications = notifications;
        Ok(())
    }

    pub(crate) fn set_cvu(&self, options: CvuOptions) -> Result<(), CvuOptionsError> {
        options.check()?;
        self.world.state().cvu.options = options;
        Ok(())
    }

    pub(crate) fn set_flux(&self, options: FluxOptions) -> Result<(), FluxOptionsError> {
        options.check()?;
        self.world.state().flux.options = options;
        Ok(())
    }

    pub(crate) fn set_flexiti(&self, options: FlexitiOptions) -> Result<(), FlexitiOptionsError> {
        options.check()?;
        self.world.state().flexiti.options = options;
        Ok(())
    }

    pub(crate) fn notify_credits(&self, notifications: Notifications) -> Result<(), NotifyError> {
        notifications.check()?;
        self.world.state().cvu.notifications = notifications;
        Ok(())
    }

    /// Ends every session and every token.
    pub(crate) fn end_sessions(&self) {
        let mut state = self.world.state();
        state.end_sessions();
        state.cvu.end_tokens();
        state.flux.end_tokens();
        state.end_flexiti_sessions();
    }

    pub(crate) async fn reset(&self) {
        self.clear_faults().await;
        self.world.reset();
    }

    pub(crate) const fn host(&self, host: Host) -> &Listening {
        match host {
            Host::Merchant => &self.merchant,
            Host::Checkout => &self.checkout,
            Host::Cvu => &self.cvu_host,
            Host::Flux => &self.flux_host,
            Host::Flexiti => &self.flexiti_host,
        }
    }
}

/// Turns away those whose call meets [`Kind::Refuse`].
struct HostDoor {
    world: Arc<World>,
    host: Host,
}

impl Door for HostDoor {
    fn is_watched(&self) -> bool {
        self.world.state().faults.may_refuse(self.host)
    }

    fn turns_away(&self, method: &str, path: &str) -> bool {
        let Some(operation) = Operation::at(self.host, method, path) else {
            return false;
        };
        let at = self.world.clock.now().rfc3339();
        let mut state = self.world.state();
        if !state.faults.take_refusal(operation) {
            return false;
        }
        state.ledger.calls.push(CallEntry {
            operation,
            reference: None,
            fault: Some(Kind::Refuse),
            later: false,
            executed: false,
            http_status: None,
            at,
        });
        true
    }
}

/// The public half of a private key in PKCS#8 PEM, or of the built-in one: SPKI in PEM.
///
/// # Errors
///
/// [`StartError::Key`] when the key cannot be read.
pub fn public_key_pem(private_key_pem: Option<&str>) -> Result<String, StartError> {
    read_key(private_key_pem.unwrap_or(TEST_KEY)).map(|key| to_public_pem(&key))
}

fn read_key(pem: &str) -> Result<RsaPrivateKey, StartError> {
    use rsa::traits::PublicKeyParts;
    RsaPrivateKey::from_pkcs8_pem(pem)
        .ok()
        .filter(|key| key.size() >= 128)
        .ok_or(StartError::Key)
}

fn to_public_pem(key: &RsaPrivateKey) -> String {
    key.to_public_key()
        .to_public_key_pem(LineEnding::LF)
        .expect("a key that was read can be written")
}

async fn bind(wanted: SocketAddr) -> Result<(TcpListener, SocketAddr), StartError> {
    let failed = |error| StartError::Listen(wanted, error);
    let listener = TcpListener::bind(wanted).await.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    Ok((listener, address))
}
