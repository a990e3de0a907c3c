//! The provider's stand-in as a process of its own, and its ledger.

use std::collections::{HashMap, HashSet};
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};
use tokio::process::Command;
use tokio::time::Instant;
use ventanilla_core::account::{Account, Cuit};
use ventanilla_core::operation::OperationKind;

use super::process::Process;
use super::proxy::{MERCHANT_ID, TERMINAL};
use super::{Binaries, free_ports};
use crate::clock::ScaledClock;
use crate::failure::{Failure, Result, Tried as _};
use crate::leak::Canary;

/// A sandbox that runs until it is dropped.
pub struct Sandbox {
    process: Process,
    merchant_url: String,
    checkout_url: String,
    cvu_url: String,
    flux_url: String,
    flexiti_url: String,
    management_url: String,
    public_key: String,
    http: reqwest::Client,
}

impl Sandbox {
    /// Starts one on free ports and waits until it answers. Its log goes to `folder`.
    ///
    /// # Errors
    ///
    /// When it ends instead, or does not answer within 20 s.
    pub async fn start(
        binaries: &Binaries,
        folder: &Path,
        seed: u64,
        clock: ScaledClock,
    ) -> Result<Self> {
        let ports = free_ports(6)?;
        let [management, merchant, checkout, cvu, flux, flexiti] = ports.as_slice() else {
            return Err(Failure::of("six ports were asked for"));
        };
        let port = |address: &SocketAddr| address.port().to_string();
        let key = Command::new(&binaries.sandbox)
            .arg("--print-public-key")
            .output()
            .await
            .tried("ask the sandbox for its key")?;
        let mut command = Command::new(&binaries.sandbox);
        if clock.speed() > 1 {
            command.args(["--clock-anchor", &clock.anchor()]);
        }
        command.env_clear().args([
            "--management-port",
            &port(management),
            "--merchant-port",
            &port(merchant),
            "--checkout-port",
            &port(checkout),
            "--cvu-port",
            &port(cvu),
            "--flux-port",
            &port(flux),
            "--flexiti-port",
            &port(flexiti),
            "--seed",
            &seed.to_string(),
            "--speed",
            &clock.speed().to_string(),
            "--log",
            "warn",
        ]);
        let process = Process::start("the sandbox", command, &folder.join("sandbox.log"))?;
        let mut sandbox = Self {
            process,
            merchant_url: format!("http://{merchant}"),
            checkout_url: format!("http://{checkout}"),
            cvu_url: format!("http://{cvu}"),
            flux_url: format!("http://{flux}"),
            flexiti_url: format!("http://{flexiti}"),
            management_url: format!("http://{management}"),
            public_key: String::from_utf8(key.stdout).tried("read the sandbox's key")?,
            http: super::wire::client(Duration::from_secs(60))?,
        };
        sandbox.ready(Duration::from_secs(60)).await?;
        Ok(sandbox)
    }

    async fn ready(&mut self, limit: Duration) -> Result<()> {
        let deadline = Instant::now() + limit;
        let url = format!("{}/health", self.management_url);
        while self.http.get(&url).send().await.is_err() {
            if !self.process.runs() || Instant::now() > deadline {
                let log = self.process.log().display();
                return Err(Failure::of(format!(
                    "the sandbox did not start; its log is {log}"
                )));
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        Ok(())
    }

    /// The provider's merchant host.
    #[must_use]
    pub fn merchant_url(&self) -> &str {
        &self.merchant_url
    }

    /// The provider's checkout host.
    #[must_use]
    pub fn checkout_url(&self) -> &str {
        &self.checkout_url
    }

    /// The host of the CVU wallet API.
    #[must_use]
    pub fn cvu_url(&self) -> &str {
        &self.cvu_url
    }

    /// The host of the Flux API.
    #[must_use]
    pub fn flux_url(&self) -> &str {
        &self.flux_url
    }

    /// The host of the Flexiti POS API.
    #[must_use]
    pub fn flexiti_url(&self) -> &str {
        &self.flexiti_url
    }

    /// The key that cards are sealed to, in PEM.
    #[must_use]
    pub fn public_key(&self) -> &str {
        &self.public_key
    }

    /// What really happened so far.
    ///
    /// # Errors
    ///
    /// When the sandbox does not answer, or not as this module knows it.
    pub async fn ledger(&self) -> Result<Ledger> {
        let what = "read the ledger";
        let asked = self.http.get(format!("{}/ledger", self.management_url));
        let body = asked.send().await.tried(what)?.bytes().await.tried(what)?;
        let mut ledger: Ledger = serde_json::from_slice(&body).tried(what)?;
        ledger.take_in_flux();
        Ok(ledger)
    }

    /// How many calls came so far, to all of its hosts but the management host.
    ///
    /// # Errors
    ///
    /// When the sandbox does not answer.
    pub async fn count_calls(&self) -> Result<u64> {
        #[derive(Deserialize)]
        struct Counted {
            calls: HashMap<String, u64>,
        }
        let said = self.ask(reqwest::Method::GET, "/faults", &Value::Null);
        let counted: Counted = serde_json::from_slice(&said.await?).tried("count the calls")?;
        Ok(counted.calls.values().sum())
    }

    /// The published test cards.
    ///
    /// # Errors
    ///
    /// When the sandbox does not answer.
    pub async fn cards(&self) -> Result<Vec<TestCard>> {
        let what = "read the test cards";
        let asked = self.http.get(format!("{}/cards", self.management_url));
        let body = asked.send().await.tried(what)?.bytes().await.tried(what)?;
        serde_json::from_slice(&body).tried(what)
    }

    /// Lets `percent` of all calls meet a fault, which the seed decides.
    ///
    /// # Errors
    ///
    /// When the sandbox refuses.
    pub async fn let_chance_decide(&self, percent: u8, seed: u64) -> Result<()> {
        let random = json!({ "random": { "share_percent": percent, "seed": seed } });
        self.arm(&random).await
    }

    /// Sets a fault, in the management host's own words:
    /// `{"operation": "pay", "kind": "reset_after", "times": 1}`.
    ///
    /// # Errors
    ///
    /// When the sandbox refuses.
    pub async fn arm(&self, fault: &Value) -> Result<()> {
        self.tell(reqwest::Method::POST, "/faults", fault).await
    }

    /// From now on the provider notifies the merchant at `url`: `never`, `on_time`, `early`, `late`,
    /// `five_times`, `forged`, or `mixed`, which is one of them for each payment.
    ///
    /// # Errors
    ///
    /// When the sandbox refuses.
    pub async fn notify(&self, url: &str, mode: &str) -> Result<()> {
        let wanted = json!({ "url": url, "mode": mode, "late_ms": LATE_MS });
        self.tell(reqwest::Method::POST, "/notifications", &wanted)
            .await
    }

    /// As [`Sandbox::notify`], of credits: to the very address `url`.
    ///
    /// # Errors
    ///
    /// When the sandbox refuses.
    pub async fn notify_of_credits(&self, url: &str, mode: &str) -> Result<()> {
        let wanted = json!({ "url": url, "mode": mode, "late_ms": LATE_MS });
        self.tell(reqwest::Method::POST, "/cvu/notifications", &wanted)
            .await
    }

    /// Forgets every fault.
    ///
    /// # Errors
    ///
    /// When the sandbox does not answer.
    pub async fn clear_faults(&self) -> Result<()> {
        self.tell(reqwest::Method::DELETE, "/faults", &Value::Null)
            .await
    }

    /// Makes a subscription by the provider's own API, first due in many years: its name.
    ///
    /// # Errors
    ///
    /// When the sandbox refuses.
    pub async fn subscribe(
        &self,
        secret: &str,
        card_token: &str,
        description: &str,
    ) -> Result<String> {
        #[derive(Deserialize)]
        struct Made {
            #[serde(rename = "subscriptionId")]
            subscription_id: String,
        }
        let what = "make a subscription";
        let charge = json!({
            "amount": 10, "startDate": IN_THE_YEAR_2100,
            "cadence": { "mode": "EVERY", "unit": "MONTH", "every": 1 },
        });
        let request = json!({
            "secret": secret, "merchantId": MERCHANT_ID, "terminal": TERMINAL, "userId": "buyer-1",
            "description": description, "currency": "CRC", "tokens": [card_token],
            "subscription": [charge],
        });
        let asked = self
            .http
            .post(format!("{}/subscriptions", self.merchant_url));
        let answer = asked.json(&request).send().await.tried(what)?;
        let body = answer.bytes().await.tried(what)?;
        let made: Made = serde_json::from_slice(&body).tried(what)?;
        Ok(made.subscription_id)
    }

    /// Moves its clock on.
    ///
    /// # Errors
    ///
    /// When the sandbox refuses.
    pub async fn move_clock(&self, by: Duration) -> Result<()> {
        let by = json!({ "advance_secs": by.as_secs() });
        self.tell(reqwest::Method::POST, "/clock", &by).await
    }

    /// Any other call of the management host.
    ///
    /// # Errors
    ///
    /// When the sandbox refuses.
    pub async fn tell(&self, method: reqwest::Method, path: &str, body: &Value) -> Result<()> {
        self.ask(method, path, body).await.map(|_| ())
    }

    /// Any call of the management host; gives its answer.
    pub(crate) async fn ask(
        &self,
        method: reqwest::Method,
        path: &str,
        body: &Value,
    ) -> Result<Vec<u8>> {
        let what = format!("tell the sandbox: {method} {path}");
        let mut request = self
            .http
            .request(method, format!("{}{path}", self.management_url));
        if !body.is_null() {
            request = request.json(body);
        }
        let answer = request.send().await.tried(&what)?;
        let is_done = answer.status().is_success();
        let said = answer.bytes().await.tried(&what)?;
        if is_done {
            return Ok(said.to_vec());
        }
        let said = String::from_utf8_lossy(&said);
        Err(Failure::of(format!("could not {what}: {said}")))
    }
}

/// In milliseconds.
const IN_THE_YEAR_2100: i64 = 4_102_444_800_000;
/// So late a late notification comes, on the scaled clock: a minute.
const LATE_MS: u32 = 60_000;

/// A published test card.
#[derive(Clone, Debug, Deserialize)]
pub struct TestCard {
    /// The number.
    pub number: String,
    /// `approved`, `declined` or `not_asked`.
    pub outcome: String,
}

/// What really happened, as far as this module needs it.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Ledger {
    /// Debits that reached the bank.
    pub debits: Vec<Debit>,
    /// Captures, voids and refunds.
    pub operations: Vec<Operation>,
    /// Many payments in one call, each time that they were taken.
    #[serde(default)]
    pub bulks: Vec<Bulk>,
    /// Every change of a subscription.
    #[serde(default)]
    pub subscriptions: Vec<SubscriptionEntry>,
    /// Every change of a card token.
    pub card_tokens: Vec<CardToken>,
    /// Orders.
    pub orders: Vec<Order>,
    /// Every call.
    pub calls: Vec<Call>,
    /// What happened at the CVU wallet API.
    #[serde(default)]
    pub cvu: CvuLedger,
    /// What happened at the Flux API. What it did to money is among the debits and operations, too.
    #[serde(default)]
    pub flux: FluxLedger,
    /// What happened at the Flexiti POS API.
    #[serde(default)]
    pub flexiti: FlexitiLedger,
}

impl Ledger {
    /// Whoever looks for money looks at one list: a charge is a debit, whoever's money it takes.
    fn take_in_flux(&mut self) {
        for charge in &self.flux.payments {
            self.debits.push(Debit {
                reference: charge.reference.clone(),
                amount: charge.total.clone(),
                currency: String::from("MXN"),
                state: match charge.state {
                    OperationState::Done => DebitState::Approved,
                    OperationState::Refused => DebitState::Declined,
                },
                tip: Some(charge.tip.clone()),
                subscription_id: None,
                bulk_id: None,
            });
        }
        for refund in &self.flux.refunds {
            self.operations.push(Operation {
                reference: refund.reference.clone(),
                kind: String::from("refund"),
                amount: Some(refund.amount.clone()),
                currency: Some(String::from("MXN")),
                state: refund.state,
            });
        }
    }
}

/// What really happened at the Flux API, as far as this module needs it.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct FluxLedger {
    /// Codes that wallets showed.
    pub codes: Vec<FluxCode>,
    /// Charges that were asked for.
    pub payments: Vec<FluxCharge>,
    /// Refunds that were asked for.
    pub refunds: Vec<FluxRefund>,
}

/// A code that a wallet showed.
#[derive(Clone, Debug, Deserialize)]
pub struct FluxCode {
    /// Its text.
    pub code: String,
}

/// A charge that was asked for.
#[derive(Clone, Debug, Deserialize)]
pub struct FluxCharge {
    /// The proxy's reference, which it always sends.
    pub reference: String,
    /// In pesos with two decimals.
    pub tip: String,
    /// With the tip, in pesos with two decimals.
    pub total: String,
    /// Whether it moved money.
    pub state: OperationState,
}

/// A refund that was asked for.
#[derive(Clone, Debug, Deserialize)]
pub struct FluxRefund {
    /// The reference of the payment.
    pub reference: String,
    /// In pesos with two decimals.
    pub amount: String,
    /// Whether it moved money.
    pub state: OperationState,
}

/// Whether a debit moved money.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "snake_case")]
pub enum DebitState {
    /// It did.
    Approved,
    /// It did not.
    Declined,
}

/// A debit that reached the bank.
#[derive(Clone, Debug, Deserialize)]
pub struct Debit {
    /// The proxy's reference.
    pub reference: String,
    /// In whole units with two decimals.
    pub amount: String,
    /// ISO 4217 code.
    pub currency: String,
    /// Whether it moved money.
    pub state: DebitState,
    /// How much of it is a tip, where there can be one; likewise.
    #[serde(default)]
    pub tip: Option<String>,
    /// The subscription that it is a payment of.
    #[serde(default)]
    pub subscription_id: Option<String>,
    /// The call of many payments that it was in.
    #[serde(default)]
    pub bulk_id: Option<String>,
}

/// Many payments in one call that was taken.
#[derive(Clone, Debug, Deserialize)]
pub struct Bulk {
    /// The proxy's reference of each.
    pub references: Vec<String>,
}

/// Something that happened to a subscription.
#[derive(Clone, Debug, Deserialize)]
pub struct SubscriptionEntry {
    /// `created`, and others.
    pub change: String,
    /// What it is for.
    pub description: String,
}

/// Whether an operation took effect.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "snake_case")]
pub enum OperationState {
    /// It did.
    Done,
    /// It was refused.
    Refused,
}

/// A capture, void or refund that the provider looked at.
#[derive(Clone, Debug, Deserialize)]
pub struct Operation {
    /// The reference of the payment.
    pub reference: String,
    /// `capture`, `void` or `refund`.
    pub kind: String,
    /// In whole units with two decimals; none of a payment that the provider does not know.
    pub amount: Option<String>,
    /// ISO 4217 code; none of a payment that the provider does not know.
    pub currency: Option<String>,
    /// Whether it took effect.
    pub state: OperationState,
}

/// A change of a card token.
#[derive(Clone, Debug, Deserialize)]
pub struct CardToken {
    /// The card token.
    pub token: String,
}

/// An order that was opened.
#[derive(Clone, Debug, Deserialize)]
pub struct Order {
    /// The proxy's reference.
    pub reference: String,
    /// What the order's card call names it by.
    pub session: String,
    /// What the order's card call is let in by.
    pub token: String,
}

/// A call that arrived.
#[derive(Clone, Debug, Deserialize)]
pub struct Call {
    /// Which one: `create_order`, `pay`, `transaction` and so on.
    pub operation: String,
    /// The reference it was about, as far as it could be told.
    pub reference: Option<String>,
    /// The fault it met.
    pub fault: Option<String>,
    /// Whether this is the late execution of a call that was noted before.
    #[serde(default)]
    pub later: bool,
    /// When, RFC 3339 UTC on the scaled clock.
    pub at: String,
}

/// What really happened at the CVU wallet API, as far as this module needs it.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct CvuLedger {
    /// Payment links made.
    pub links: Vec<Link>,
    /// Orders behind a QR code.
    pub qr_orders: Vec<QrOrder>,
    /// Payments by buyers.
    pub credits: Vec<Credit>,
    /// Transfers that were asked for.
    pub cashouts: Vec<Cashout>,
    /// Notifications posted to the merchant.
    pub notifications: Vec<Notification>,
}

/// What really happened at the Flexiti POS API, as far as this module needs it.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct FlexitiLedger {
    /// Identity checks opened.
    pub sessions: Vec<IdentityCheck>,
    /// Credit that was held.
    pub authorizations: Vec<Hold>,
    /// What was taken of it.
    pub captures: Vec<OfHold>,
    /// What was let go of it.
    pub releases: Vec<OfHold>,
    /// What came back of what was taken.
    pub returns: Vec<OfHold>,
    /// What was given back to accounts.
    #[serde(default)]
    pub refunds: Vec<RefundToAccount>,
    /// What customers brought.
    #[serde(default)]
    pub deposits: Vec<Brought>,
}

/// Something that was done with held credit, or with what was captured of it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct DoneWithHold<'a> {
    /// The proxy's reference of the authorization; empty if it has none, or nobody knows which it is.
    pub hold: &'a str,
    /// What.
    pub kind: OperationKind,
    /// The proxy's reference of the operation; empty if it has none.
    pub reference: &'a str,
}

impl FlexitiLedger {
    /// What was done with held credit.
    #[must_use]
    pub fn done(&self) -> Vec<DoneWithHold<'_>> {
        let holds: HashMap<u64, &str> = self
            .authorizations
            .iter()
            .map(|hold| (hold.authorization_id, text(&hold.reference)))
            .collect();
        let of_hold = |id: u64| holds.get(&id).copied().unwrap_or_default();
        let captures = self.captures.iter();
        let holds_of_captures: HashMap<u64, u64> = captures
            .filter_map(|one| Some((one.capture_id?, one.authorization_id)))
            .collect();
        let lists = [
            (&self.captures, OperationKind::Capture),
            (&self.releases, OperationKind::Release),
            (&self.returns, OperationKind::Return),
        ];
        let of_holds = lists.into_iter().flat_map(|(list, kind)| {
            list.iter().map(move |one| DoneWithHold {
                hold: of_hold(one.authorization_id),
                kind,
                reference: text(&one.reference),
            })
        });
        let refunds = self.refunds.iter().map(|one| {
            let hold = one.capture_id.and_then(|id| holds_of_captures.get(&id));
            DoneWithHold {
                hold: hold.map_or("", |id| of_hold(*id)),
                kind: OperationKind::Refund,
                reference: text(&one.reference),
            }
        });
        of_holds.chain(refunds).collect()
    }

    /// What is about the authorizations of these references.
    #[must_use]
    pub fn about(&self, references: &HashSet<&str>) -> Self {
        let is_one = |hold: &&Hold| references.contains(text(&hold.reference));
        let holds = self.authorizations.iter().filter(is_one);
        let authorizations: Vec<Hold> = holds.cloned().collect();
        let ids: HashSet<u64> = authorizations
            .iter()
            .map(|hold| hold.authorization_id)
            .collect();
        let of = |list: &[OfHold]| -> Vec<OfHold> {
            let list = list
                .iter()
                .filter(|one| ids.contains(&one.authorization_id));
            list.cloned().collect()
        };
        let captures = of(&self.captures);
        let captured: HashSet<u64> = captures.iter().filter_map(|one| one.capture_id).collect();
        let refunds = self.refunds.iter().filter(|one| {
            one.capture_id
                .is_some_and(|capture| captured.contains(&capture))
        });
        Self {
            sessions: Vec::new(),
            authorizations,
            captures,
            releases: of(&self.releases),
            returns: of(&self.returns),
            refunds: refunds.cloned().collect(),
            deposits: Vec::new(),
        }
    }
}

fn text(reference: &Option<String>) -> &str {
    reference.as_deref().unwrap_or_default()
}

/// An identity check that was opened.
#[derive(Clone, Debug, Deserialize)]
pub struct IdentityCheck {
    /// Names it.
    pub widget_session_id: String,
}

/// Credit that was held.
#[derive(Clone, Debug, Deserialize)]
pub struct Hold {
    /// Its number.
    pub authorization_id: u64,
    /// The proxy's reference.
    pub reference: Option<String>,
    /// In dollars with two decimals.
    pub amount: String,
}

/// Something that was done with held credit.
#[derive(Clone, Debug, Deserialize)]
pub struct OfHold {
    /// The number of the authorization.
    pub authorization_id: u64,
    /// The number of the capture, of captures and returns.
    #[serde(default)]
    pub capture_id: Option<u64>,
    /// The proxy's reference of the operation.
    pub reference: Option<String>,
    /// In dollars with two decimals.
    pub amount: String,
}

/// Money that was given back to an account.
#[derive(Clone, Debug, Deserialize)]
pub struct RefundToAccount {
    /// The number of the capture that it is of.
    pub capture_id: Option<u64>,
    /// The proxy's reference of the operation.
    pub reference: Option<String>,
    /// In dollars with two decimals.
    pub amount: String,
}

/// Money that a customer brought.
#[derive(Clone, Debug, Deserialize)]
pub struct Brought {
    /// The merchant's number of the verification.
    pub request_id: String,
}

/// What became of a transfer that was asked for.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "snake_case")]
pub enum CashoutState {
    /// The money left.
    Sent,
    /// It had left before under this reference, and that was told again.
    Repeated,
    /// Nothing happened.
    Refused,
}

/// A transfer that was asked for.
#[derive(Clone, Debug, Deserialize)]
pub struct Cashout {
    /// The proxy's reference.
    pub reference_id: String,
    /// The account it goes to.
    pub cvu: Option<String>,
    /// In pesos with two decimals; none when it could not be read.
    pub amount: Option<String>,
    /// The attempt whose money it is.
    pub description: String,
    /// What became of it.
    pub state: CashoutState,
    /// Why not.
    pub refusal: Option<String>,
}

/// A payment link that was made.
#[derive(Clone, Debug, Deserialize)]
pub struct Link {
    /// The address for the buyer.
    pub link: String,
    /// In pesos with two decimals.
    pub amount: String,
}

/// An order behind a QR code.
#[derive(Clone, Debug, Deserialize)]
pub struct QrOrder {
    /// The text of its code.
    pub qr_code: Option<String>,
    /// In pesos with two decimals.
    pub amount: String,
}

/// A payment by a buyer.
#[derive(Clone, Debug, Deserialize)]
pub struct Credit {
    /// The number of the cash-in.
    pub id: u64,
    /// In pesos with two decimals.
    pub amount: String,
    /// Who paid.
    pub payer: Payer,
    /// When the merchant sees it, RFC 3339 UTC on the scaled clock.
    pub credited_at: String,
}

/// Who paid.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Payer {
    /// The name.
    pub holder: String,
    /// The CUIT, eleven digits.
    pub cuit: String,
    /// The account, 22 digits.
    pub cvu: String,
    /// What the account is called.
    pub alias: String,
}

impl Payer {
    /// What of it may be written nowhere, as it may be written.
    #[must_use]
    pub fn canaries(&self) -> Vec<Canary> {
        let mut canaries = vec![
            Canary::lasting("payer's name", &self.holder),
            Canary::lasting("payer's alias", &self.alias),
            Canary::lasting("payer's CUIT", &self.cuit),
            Canary::lasting("payer's account", &self.cvu),
        ];
        if let Ok(cuit) = Cuit::parse(&self.cuit) {
            canaries.push(Canary::lasting("payer's CUIT", &cuit.to_string()));
        }
        if let Ok(account) = Account::parse(&self.cvu) {
            canaries.push(Canary::lasting("payer's account", &account.grouped()));
        }
        canaries
    }
}

/// A notification that was posted.
#[derive(Clone, Debug, Deserialize)]
pub struct Notification {
    /// What it was about: the number of a cash-in.
    pub references: Vec<String>,
    /// Whether what it says is not so.
    pub forged: bool,
    /// What was answered; none when nothing was.
    pub http_status: Option<u16>,
}
