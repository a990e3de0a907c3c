//! The CVU rail, by a CVU wallet (Argentina): the buyer pays from a wallet or bank of their own, and the
//! proxy watches for the credit.
//!
//! | step | call | moves money |
//! |---|---|---|
//! | prepare | none | no |
//! | send | a payment link or a dynamic QR code is asked for; a transfer needs nothing | no; what nobody saw nobody pays |
//! | operate | a transfer back to whoever paid, the same bytes for every repeat | yes; the provider does it once for each reference |
//! | watch | the account's transactions, and a credit by its number when a notification names one | no |
//!
//! What the provider gives is held against the session before it is recorded, and recorded before it is
//! shown. A link or code whose answer was lost was seen by nobody, so its loss is no doubt.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use ventanilla_core::account::{Account, Alias, Cuit};
use ventanilla_core::money::{Currency, Money};
use ventanilla_core::operation::OperationKind;
use ventanilla_core::problem::ProblemCode;
use ventanilla_core::qr::{Code, Payee};
use ventanilla_core::rails::cvu::{CvuOffer, CvuStart, PayableView, Presentation, TransferView};
use ventanilla_providers::cvu::{
    CashIn, CashInId, CashOut, CashOutDone, CashOutOrder, Client, Clock, Credit, Day, Destination,
    Filter, LinkExpiry, LinkOrder, Moment, QrOrder, Transactions,
};
use ventanilla_providers::{Cause, Outcome};

use crate::clock::{SharedClock, Timestamp};
use crate::error::{Error, Result};
use crate::machine::{Breakers, Finding, Issue, NewSession, Proof};
use crate::rails::Host;
use crate::store::{AttemptRow, OperationRow, PayableRow, Payer, SessionRow};

/// Why an attempt ended whose code or link did not fit its session. Buyers are told in their language.
pub const REFUSED: &str = "what the provider gave does not fit the session, and was not shown";

/// After its issue a payable is watched for so long, however it ended.
const WATCH: Duration = Duration::from_secs(72 * 3600);

/// What the merchant configured for this rail.
#[derive(Clone, Debug)]
pub struct CvuRailConfig {
    /// What buyers may choose from, at least one.
    pub presentations: Vec<Presentation>,
    /// The account that transfers go to; needed for [`Presentation::Transfer`].
    pub receiver: Option<Receiver>,
    /// What a code must name as its payee; none when codes are not held against one.
    pub payee: Option<Payee>,
    /// One of the provider's concepts.
    pub concept: String,
    /// How long something payable is shown.
    pub lifetime: Duration,
    /// Whether the provider is known to read the minutes of a link's end.
    pub exact_minutes: bool,
    /// What `client` allows for a whole call that creates something.
    pub call_limit: Duration,
    /// What happens with credits of an amount that nobody was asked for.
    pub strangers: Strangers,
}

/// Where transfers go.
#[derive(Clone, Debug)]
pub struct Receiver {
    /// Its alias.
    pub alias: Option<Alias>,
    /// The account.
    pub account: Account,
    /// Whose it is, as the buyer's bank will show it.
    pub holder: String,
    /// The holder's CUIT.
    pub cuit: Cuit,
}

/// What happens with credits of an amount that nobody was asked for, while something could be paid.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Strangers {
    /// They are put into review: one may be a payment of too much or too little.
    #[default]
    Report,
    /// They are left alone, where an account has other income.
    Ignore,
}

/// CVU payments: asks for what buyers pay, and for what was credited.
pub struct CvuRail {
    client: Client,
    clock: SharedClock,
    config: CvuRailConfig,
}

/// A start request that fits its session.
#[derive(Clone, Copy, Debug)]
pub struct CvuPlan {
    /// What the buyer wants to be shown.
    pub presentation: Presentation,
}

/// Everything an attempt needs until its call is over.
pub struct CvuPayment {
    presentation: Presentation,
    total: Money,
    description: String,
    session_ends_at: Timestamp,
}

impl CvuPlan {
    /// Where its calls go.
    #[must_use]
    pub const fn hosts(self) -> &'static [Host] {
        match self.presentation {
            Presentation::Link | Presentation::Qr => &[Host::CvuWallet],
            Presentation::Transfer => &[],
        }
    }
}

impl fmt::Debug for CvuRail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CvuRail")
            .field("client", &self.client)
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}

/// The time as a client of the provider reads it.
#[must_use]
pub fn client_clock(clock: &SharedClock) -> Clock {
    let clock = Arc::clone(clock);
    Arc::new(move || moment(clock.now()))
}

const fn moment(at: Timestamp) -> Moment {
    Moment::from_unix_secs(at.millis().div_euclid(1000))
}

const fn timestamp(at: Moment) -> Timestamp {
    Timestamp::from_millis(at.unix_secs() * 1000)
}

impl CvuRail {
    /// A rail over `client`.
    ///
    /// # Errors
    ///
    /// When nothing can be presented, or transfers without a receiver.
    pub fn new(client: Client, clock: SharedClock, config: CvuRailConfig) -> Result<Self> {
        let malformed =
            |detail: &str| Err(Error::new(ProblemCode::RequestMalformed).detail(detail));
        if config.presentations.is_empty() {
            return malformed("cvu.presentations must name at least one presentation");
        }
        if config.presentations.contains(&Presentation::Transfer) && config.receiver.is_none() {
            return malformed(
                "cvu.presentations names transfer, which needs cvu.account, cvu.holder and cvu.cuit",
            );
        }
        Ok(Self {
            client,
            clock,
            config,
        })
    }

    /// Whether this rail settles in `currency`.
    #[must_use]
    pub fn settles(currency: Currency) -> bool {
        currency == Currency::ARS
    }

    /// The provider's client, for what is about no payment of ours.
    #[must_use]
    pub const fn client(&self) -> &Client {
        &self.client
    }

    /// The longest that a whole call takes which creates something, in the world's time.
    #[must_use]
    pub const fn call_limit(&self) -> Duration {
        self.config.call_limit
    }

    /// What happens with credits of an amount that nobody was asked for.
    #[must_use]
    pub const fn strangers(&self) -> Strangers {
        self.config.strangers
    }

    /// What a session offers on this rail.
    #[must_use]
    pub fn offer(&self) -> CvuOffer {
        CvuOffer {
            presentations: self.config.presentations.clone(),
        }
    }

    /// Holds a start request against what is offered.
    ///
    /// # Errors
    ///
    /// `request-malformed` for a presentation that is not offered.
    pub fn check(&self, start: CvuStart) -> Result<CvuPlan> {
        let presentation = start.presentation;
        if !self.config.presentations.contains(&presentation) {
            return Err(Error::new(ProblemCode::RequestMalformed).detail(format!(
                "cvu.presentation {} is not offered",
                presentation.name()
            )));
        }
        Ok(CvuPlan { presentation })
    }

    /// What an attempt needs to be issued.
    #[must_use]
    pub fn payment(plan: CvuPlan, session: &SessionRow) -> CvuPayment {
        CvuPayment {
            presentation: plan.presentation,
            total: session.request.total,
            description: description(&session.request),
            session_ends_at: session.expires_at,
        }
    }

    /// Asks for something payable. Moves no money.
    pub async fn send(&self, payment: &CvuPayment, breakers: &Breakers) -> Finding<Proof> {
        let now = self.clock.now();
        let ends_at = (now + self.config.lifetime).min(payment.session_ends_at);
        let issued = match payment.presentation {
            Presentation::Link => self.link(payment, ends_at, breakers).await,
            Presentation::Qr => self.code(payment, breakers).await,
            Presentation::Transfer => self.transfer(),
        };
        match issued {
            Ok((provider_id, content)) => Finding::Confirmed(Proof::Issued(Issue {
                presentation: payment.presentation,
                provider_id,
                content,
                expires_at: ends_at,
                watch_until: now + WATCH,
            })),
            Err(NotMade::NotSent(cause)) => Finding::NotSent(cause),
            Err(NotMade::Lost(cause)) => Finding::Rejected(cause),
        }
    }

    async fn link(
        &self,
        payment: &CvuPayment,
        ends_at: Timestamp,
        breakers: &Breakers,
    ) -> std::result::Result<(Option<String>, String), NotMade> {
        let order = LinkOrder {
            amount: payment.total,
            concept: self.config.concept.clone(),
            expiry: LinkExpiry::not_before(moment(ends_at), self.config.exact_minutes),
            multiple_use: false,
            distribution: Vec::new(),
        };
        let outcome = self.client.link(&order).await;
        breakers.note(Host::CvuWallet, &outcome);
        let link = created(outcome)?;
        Ok((
            Some(link.id.as_str().to_owned()),
            link.address.as_str().to_owned(),
        ))
    }

    async fn code(
        &self,
        payment: &CvuPayment,
        breakers: &Breakers,
    ) -> std::result::Result<(Option<String>, String), NotMade> {
        let order = QrOrder {
            amount: payment.total,
            concept: self.config.concept.clone(),
            description: payment.description.clone(),
        };
        let outcome = self.client.qr(&order).await;
        breakers.note(Host::CvuWallet, &outcome);
        let given = created(outcome)?;
        let refused = |why: &dyn fmt::Display| {
            metrics::counter!("ventanilla_guard_hits_total", "guard" => "code_refused")
                .increment(1);
            tracing::error!(
                "a QR code of the provider was not shown: {why}; nobody can pay by code until that is mended"
            );
            NotMade::Lost(String::from(REFUSED))
        };
        let code = Code::read(&given.text).map_err(|error| refused(&error))?;
        code.held_against(payment.total, self.config.payee.as_ref())
            .map_err(|mismatch| refused(&mismatch))?;
        Ok((
            Some(given.order.as_str().to_owned()),
            code.text().to_owned(),
        ))
    }

    fn transfer(&self) -> std::result::Result<(Option<String>, String), NotMade> {
        let receiver = self.config.receiver.as_ref().ok_or_else(|| {
            NotMade::NotSent(String::from("no account to transfer to is configured"))
        })?;
        let view = TransferView {
            alias: receiver
                .alias
                .as_ref()
                .map(|alias| alias.as_str().to_owned()),
            account: receiver.account.as_str().to_owned(),
            holder: receiver.holder.clone(),
            cuit: receiver.cuit.to_string(),
            link: None,
        };
        let content =
            serde_json::to_string(&view).map_err(|error| NotMade::NotSent(error.to_string()))?;
        Ok((None, content))
    }

    /// What was credited to the account since `since`, in the provider's order.
    ///
    /// # Errors
    ///
    /// Why the list could not be read as a whole.
    pub async fn credits(&self, since: Timestamp) -> std::result::Result<Transactions, String> {
        let filter = Filter::days(Day::of(moment(since)), Day::of(moment(self.clock.now())));
        match self.client.transactions(&filter).await {
            Outcome::Definite(list) => {
                if list.unreadable > 0 {
                    metrics::counter!("ventanilla_guard_hits_total", "guard" => "credit_unreadable")
                        .increment(1);
                    tracing::error!(
                        "{} transactions of the CVU account could not be read: any of them may be a payment",
                        list.unreadable
                    );
                }
                if !list.is_whole {
                    tracing::warn!("the list of transactions was not read to its end");
                }
                Ok(list)
            }
            Outcome::NotSent(cause) | Outcome::Rejected(cause) | Outcome::Unknown(cause) => {
                Err(cause.to_string())
            }
        }
    }

    /// A credit by its number, which a notification told.
    ///
    /// # Errors
    ///
    /// Why it could not be read. It proves nothing.
    pub async fn credit(&self, id: &CashInId) -> std::result::Result<CashIn, String> {
        match self.client.cashin(id).await {
            Outcome::Definite(cashin) => Ok(cashin),
            Outcome::NotSent(cause) | Outcome::Rejected(cause) | Outcome::Unknown(cause) => {
                Err(cause.to_string())
            }
        }
    }

    /// The amount of an operation, if this rail has it: a refund, of all or a part.
    ///
    /// # Errors
    ///
    /// `operation-not-possible` for any but refund; `amount-invalid` for none or another currency;
    /// `amount-exceeds-payment`.
    pub fn operation_amount(
        kind: OperationKind,
        asked: Option<Money>,
        attempt: &AttemptRow,
    ) -> Result<Money> {
        if kind != OperationKind::Refund {
            return Err(Error::new(ProblemCode::OperationNotPossible)
                .detail(format!("rail cvu has refund, not {}", kind.name())));
        }
        let paid = attempt.total;
        let amount = asked.unwrap_or(paid);
        if amount.minor() == 0 || amount.currency() != paid.currency() {
            return Err(Error::new(ProblemCode::AmountInvalid).detail(format!(
                "amount must be more than zero and in {}",
                paid.currency()
            )));
        }
        if amount.minor() > paid.minor() {
            return Err(Error::new(ProblemCode::AmountExceedsPayment)
                .detail(format!("amount must be at most {}", paid.minor())));
        }
        Ok(amount)
    }

    /// What a transfer back to the payer is asked for with, to the byte.
    ///
    /// # Errors
    ///
    /// What is missing to make one.
    pub fn transfer_back(
        &self,
        operation: &OperationRow,
        payer: Option<Payer>,
    ) -> std::result::Result<SecretString, String> {
        let known = payer.and_then(|payer| payer.account.zip(payer.cuit));
        let (account, cuit) = known.ok_or_else(|| {
            String::from("nothing was sent: the account that paid is not known, or was not kept for want of VENTANILLA_STORE_KEYS")
        })?;
        let order = CashOutOrder {
            to: Destination::Account(account),
            cuit,
            amount: operation.amount,
            reference_id: operation.reference.clone(),
            concept: self.config.concept.clone(),
            description: operation.attempt_id.clone(),
        };
        self.transfer_of(&order).map_err(|cause| cause.to_string())
    }

    /// What a transfer is asked for with, to the byte.
    ///
    /// # Errors
    ///
    /// [`Cause::Request`] with the name of the field that the provider does not take.
    pub fn transfer_of(&self, order: &CashOutOrder) -> std::result::Result<SecretString, Cause> {
        let request = self.client.prepare_cashout(order)?;
        let body = std::str::from_utf8(request.body()).map_err(|_| Cause::Request("body"))?;
        Ok(SecretString::from(body))
    }

    /// The concept of a transfer that names none.
    #[must_use]
    pub fn concept(&self) -> &str {
        &self.config.concept
    }

    /// A transfer as it was kept.
    ///
    /// # Errors
    ///
    /// When it is none.
    pub fn kept_transfer(kept: &SecretString) -> Result<CashOut> {
        // EXPOSE: from one secret type into the other.
        CashOut::from_body(kept.expose_secret().as_bytes()).map_err(Error::internal)
    }

    /// **Moves money**, once for each reference however often it is sent. Neither a refusal nor anything
    /// else that is not a confirmation proves that an earlier sending did nothing.
    pub async fn cash_out(&self, transfer: &CashOut, breakers: &Breakers) -> Finding<CashOutDone> {
        let outcome = self.client.cashout(transfer).await;
        breakers.note(Host::CvuWallet, &outcome);
        match outcome {
            Outcome::Definite(done) => Finding::Confirmed(done),
            Outcome::NotSent(cause) => Finding::NotSent(cause.to_string()),
            Outcome::Rejected(cause) => Finding::Rejected(cause.to_string()),
            Outcome::Unknown(cause) => Finding::Unknown(cause.to_string()),
        }
    }

    /// Whether the provider answers.
    pub async fn probe(&self) -> bool {
        matches!(self.client.probe().await, Outcome::Definite(()))
    }
}

/// From when to when a row of the list may have been credited.
#[must_use]
pub fn credited_within(credit: &Credit) -> Option<(Timestamp, Timestamp)> {
    let (earliest, latest) = credit.within()?;
    Some((timestamp(earliest), timestamp(latest)))
}

/// Something payable as its buyer may see it.
#[must_use]
pub fn payable_view(row: &PayableRow, seen: bool, now: Timestamp) -> PayableView {
    let left = row.expires_at.since(now);
    let of = |presentation| (row.presentation == presentation).then(|| row.content.clone());
    PayableView {
        presentation: row.presentation,
        link: of(Presentation::Link),
        code: of(Presentation::Qr),
        transfer: of(Presentation::Transfer)
            .and_then(|content| serde_json::from_str(&content).ok()),
        expires_in_ms: u64::try_from(left.as_millis()).unwrap_or(u64::MAX),
        seen,
    }
}

/// Why there is nothing to show.
enum NotMade {
    /// No byte of the wish left.
    NotSent(String),
    /// It was refused, or what came of it was not shown to anybody.
    Lost(String),
}

/// What was asked for, if it was given. Whatever became of the wish, nobody has seen what it was for.
fn created<T>(outcome: Outcome<T>) -> std::result::Result<T, NotMade> {
    let lost = |cause: &Cause| NotMade::Lost(format!("nothing was shown: {cause}"));
    match outcome {
        Outcome::Definite(given) => Ok(given),
        Outcome::NotSent(cause) => Err(NotMade::NotSent(cause.to_string())),
        Outcome::Rejected(cause) | Outcome::Unknown(cause) => Err(lost(&cause)),
    }
}

/// What the buyer's wallet shows: the merchant's order reference, as far as it goes.
fn description(session: &NewSession) -> String {
    let text: String = session
        .order_reference
        .chars()
        .filter(|char| !char.is_control())
        .take(64)
        .collect();
    if text.is_empty() {
        String::from("-")
    } else {
        text
    }
}
