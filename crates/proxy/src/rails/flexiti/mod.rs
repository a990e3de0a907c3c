//! The Flexiti rail (Canada): the buyer proves who they are on the provider's page, picks how to pay it off, and
//! the purchase is authorized, then captured.
//!
//! | step | call | moves money |
//! |---|---|---|
//! | open | an access token of this checkout's own, an identity check | no |
//! | offers | what the purchase would cost, plan by plan | no |
//! | send | authorize, without capture; then the merchant's own read of it | holds credit, once per right |
//! | operate | capture, release, return, refund | yes, once per right |
//! | deposit | money that a customer brings to a shop, for their account | yes, once per right |
//! | read, probe | by our reference in the list, then in detail | no |
//!
//! Why a second purchase cannot follow a wrong "it never happened": the access token that an authorization needs
//! lives 20 minutes at most, before minute 30 no doubt is resolved negatively, and what turns up later all the
//! same is a hold, which is let go. Money moves by the capture alone.
//!
//! The token stands in the address of the page. Both are sealed in the store while they are of use, because the
//! buyer may reload, and may be answered by another process; they leave it in the commit that takes the right to
//! send, or that ends the attempt. What stays, sealed, is the account: without it nothing can be read back.

mod deed;
mod deposit;
mod kept;
mod offered;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;
use ventanilla_core::money::Currency;
use ventanilla_core::money::Money;
use ventanilla_core::operation::OperationKind;
use ventanilla_core::problem::ProblemCode;
use ventanilla_core::rails::flexiti::{
    Day, FinancingAdvice, FinancingChoice, FinancingOffers, FlexitiOffer, FlexitiStart, HostedPage,
    IdentificationKind, Identified, Language, PostalAddress,
};
use ventanilla_providers::flexiti::{
    AccountNumber, AuthorizationDetail, AuthorizationId, AuthorizationStatus, BirthDate, Client,
    Clock, Decision, Flow, FlowId, Identification, Lang, Moment, OnlineAuthorization, Person,
    Reference, RefusalClass,
};
use ventanilla_providers::{Cause, Outcome};

use crate::clock::{SharedClock, Timestamp};
use crate::error::{Error, Result};
use crate::machine::{Breakers, Confirmation, Finding, NewSession, Proof, Reading};
use crate::origin::Origin;
use crate::rails::Host;
use crate::store::AttemptRow;

pub use deed::{FlexitiDeed, NotReady};
use kept::Kept;

pub use offered::{fees, rate};

/// Why an attempt ended whose page the provider gave an address that is not its page's.
pub const REFUSED: &str =
    "the provider's page is at another origin than flexiti.page_origin, and was not shown";

/// What the merchant configured for this rail.
#[derive(Clone, Debug)]
pub struct FlexitiRailConfig {
    /// The origin of the provider's page: no other is shown.
    pub page_origin: Origin,
    /// By what buyers may be looked up, at least one.
    pub identifications: Vec<IdentificationKind>,
    /// Whether what was authorized is captured at once.
    pub capture: bool,
    /// The location that authorizations must be for, where it is told.
    pub location_id: Option<u64>,
    /// The merchant that authorizations must be for, where it is told.
    pub merchant_id: Option<u64>,
    /// What `client` allows for a whole call that moves money.
    pub call_limit: Duration,
}

/// Financing: identity, offers, authorization, and what follows it.
pub struct FlexitiRail {
    client: Client,
    config: FlexitiRailConfig,
    clock: SharedClock,
}

/// A start request that fits its session. Wiped when dropped.
pub struct FlexitiPlan {
    who: Identification,
    billing: PostalAddress,
    shipping: PostalAddress,
    language: Language,
}

/// An identity check that is there.
pub struct FlexitiOpening {
    /// Until when it waits for the buyer.
    pub ends_at: Timestamp,
    /// What is to be kept of it.
    pub kept: SecretString,
}

/// Everything an attempt needs in memory until its call is over.
pub struct FlexitiPayment {
    kept: Kept,
    order: OnlineAuthorization,
    choice: FinancingChoice,
    rest: SecretString,
}

/// Why there are no offers.
pub enum NoOffers {
    /// The attempt is over, with this to suggest.
    Over(FinancingAdvice),
    /// The provider could not be asked; the same may be asked again.
    NotNow,
}

impl FlexitiPlan {
    /// Where its calls go.
    #[must_use]
    pub const fn hosts() -> &'static [Host] {
        &[Host::Flexiti]
    }
}

impl fmt::Debug for FlexitiRail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FlexitiRail")
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

fn moment(at: Timestamp) -> Moment {
    Moment::from_unix_secs(at.millis().div_euclid(1000))
}

/// How an attempt that ends unsent says what to suggest: in its reason.
#[must_use]
pub const fn reason(advice: FinancingAdvice) -> &'static str {
    match advice {
        FinancingAdvice::Activate => "the buyer's account has to be activated first",
        FinancingAdvice::Apply => "the buyer has no account",
        FinancingAdvice::BadStanding => "the buyer's account cannot buy now",
        FinancingAdvice::Unverified => "the buyer could not show who they are",
        FinancingAdvice::Retry => "the identity check has to be begun anew",
        FinancingAdvice::Failure => "the identity check failed",
        FinancingAdvice::Cancelled => "the buyer left the identity check",
        FinancingAdvice::Expired => "the time for the identity check or the choice ran out",
        FinancingAdvice::Credit => "the buyer's credit does not cover the purchase",
        FinancingAdvice::OtherPlan => "the plan is not to be had any more",
        FinancingAdvice::OtherMethod => "the provider offers this buyer no way to finance it",
    }
}

/// What to suggest after an attempt ended so.
#[must_use]
pub fn advice(row: &AttemptRow) -> Option<FinancingAdvice> {
    if let Some(code) = &row.provider_code {
        return Some(FinancingAdvice::for_flexiti(code));
    }
    let said = row.reason.as_deref()?;
    FinancingAdvice::ALL
        .into_iter()
        .find(|advice| reason(*advice) == said)
}

impl FlexitiRail {
    /// A rail over `client`.
    #[must_use]
    pub const fn new(client: Client, config: FlexitiRailConfig, clock: SharedClock) -> Self {
        Self {
            client,
            config,
            clock,
        }
    }

    /// Whether this rail settles in `currency`.
    #[must_use]
    pub fn settles(currency: Currency) -> bool {
        currency == Currency::CAD
    }

    /// The provider's client, for what is about no payment of ours.
    #[must_use]
    pub const fn client(&self) -> &Client {
        &self.client
    }

    /// A flow of its own, for what is about no payment of ours.
    ///
    /// # Errors
    ///
    /// When the operating system has no randomness.
    pub fn flow(&self) -> Result<Flow> {
        self.new_flow(Language::En)
    }

    /// The longest that a whole call takes which moves money, in the world's time: the authorization, and
    /// the merchant's own read of it.
    #[must_use]
    pub const fn call_limit(&self) -> Duration {
        self.config.call_limit.saturating_mul(2)
    }

    /// What follows an authorization by itself, if anything does.
    #[must_use]
    pub const fn captures(&self) -> bool {
        self.config.capture
    }

    /// What `session` offers on this rail.
    #[must_use]
    pub fn offer(&self, session: &NewSession) -> FlexitiOffer {
        let buyer = session.buyer.as_ref();
        let known = |address: Option<&crate::machine::Address>| {
            let address = address.filter(|address| address.country == "CA")?;
            let text = |found: &Option<String>| found.clone().unwrap_or_default();
            Some(PostalAddress {
                first_name: String::new(),
                last_name: String::new(),
                line1: address.street1.clone(),
                line2: text(&address.street2),
                city: text(&address.city),
                province: text(&address.province),
                postal_code: text(&address.postal_code),
            })
        };
        FlexitiOffer {
            identifications: self.config.identifications.clone(),
            billing: known(buyer.and_then(|buyer| buyer.billing_address.as_ref())),
            shipping: known(buyer.and_then(|buyer| buyer.shipping_address.as_ref())),
        }
    }

    /// Holds a start request against what is offered.
    ///
    /// # Errors
    ///
    /// `identity-malformed`, naming the field and never what was typed.
    pub fn check(&self, start: &FlexitiStart) -> Result<FlexitiPlan> {
        let refused = |place: String, said: &dyn fmt::Display| {
            Error::new(ProblemCode::IdentityMalformed).detail(format!("{place}: {said}"))
        };
        let kind = start.identification.kind();
        if !self.config.identifications.contains(&kind) {
            let place = String::from("flexiti.identification.by");
            return Err(refused(place, &"this way is not offered"));
        }
        let today = today(self.clock.now());
        let who = start
            .identification
            .check(today)
            .map_err(|(field, said)| refused(format!("flexiti.identification.{field}"), &said))?;
        let address = |place: &str, address: &PostalAddress| {
            let checked = address.check();
            checked.map_err(|(field, said)| refused(format!("flexiti.{place}.{field}"), &said))
        };
        let billing = address("billing", &start.billing)?;
        let shipping = match &start.shipping {
            Some(shipping) => address("shipping", shipping)?,
            None => billing.clone(),
        };
        Ok(FlexitiPlan {
            who: identification(&who)?,
            billing,
            shipping,
            language: start.language,
        })
    }

    /// Opens an identity check. Moves no money.
    ///
    /// # Errors
    ///
    /// Why there is none: a reason to end the attempt with.
    pub async fn open(
        &self,
        plan: FlexitiPlan,
        breakers: &Breakers,
    ) -> std::result::Result<FlexitiOpening, String> {
        let flow = self
            .new_flow(plan.language)
            .map_err(|error| error.to_string())?;
        let outcome = self.client.open_widget(flow, &plan.who).await;
        breakers.note(Host::Flexiti, &outcome);
        let session = match outcome {
            Outcome::Definite(Decision::Done(session)) => session,
            Outcome::Definite(Decision::Refused(refusal)) => {
                let advice = match refusal.class {
                    RefusalClass::NotFound => FinancingAdvice::Apply,
                    _ => FinancingAdvice::for_flexiti(refusal.code),
                };
                return Err(reason(advice).to_owned());
            }
            Outcome::NotSent(cause) | Outcome::Rejected(cause) | Outcome::Unknown(cause) => {
                return Err(format!("no identity check: {cause}"));
            }
        };
        if session.address.origin() != self.config.page_origin.as_str() {
            return Err(REFUSED.to_owned());
        }
        let good_until = Timestamp::from_millis(session.token.good_until().unix_secs() * 1000);
        let account = match &plan.who {
            Identification::Account(number) => Some(number.clone()),
            Identification::Card(_) | Identification::Person(_) => None,
        };
        let kept = Kept::opened(flow, &session, account, &plan.billing, &plan.shipping);
        Ok(FlexitiOpening {
            // A check that dies before anybody can pass it is of no use.
            ends_at: good_until.min(self.clock.now() + SESSION_LIMIT),
            kept: kept.write().map_err(|error| error.to_string())?,
        })
    }

    /// The provider's page, for the frame of the buyer that it was opened for.
    ///
    /// # Errors
    ///
    /// `internal` when what was kept is not what this rail writes.
    pub fn page(&self, kept: &SecretString, ends_at: Timestamp) -> Result<HostedPage> {
        let kept = Kept::read(kept)?;
        let page = kept.page.as_ref().ok_or_else(kept::damaged)?;
        Ok(HostedPage {
            address: page.address.clone(),
            origin: page.origin.clone(),
            expires_in_ms: left(ends_at, self.clock.now()),
        })
    }

    /// Holds what the page is said to have said against the check that was opened. It proves nothing more:
    /// the provider decides when it is asked for offers.
    ///
    /// # Errors
    ///
    /// `identity-malformed`; `identity-refused` when it is of another check, or of another account.
    pub fn fits(&self, kept: &SecretString, identified: &Identified) -> Result<()> {
        if !identified.is_well_formed() {
            return Err(ProblemCode::IdentityMalformed.into());
        }
        let kept = Kept::read(kept)?;
        let session = kept.session.as_deref();
        let same_session = session == Some(identified.widget_session_id.as_str());
        let same_account = kept
            .account
            .as_deref()
            .is_none_or(|known| known == identified.account_number);
        if same_session && same_account {
            Ok(())
        } else {
            Err(ProblemCode::IdentityRefused.into())
        }
    }

    /// What the buyer may pick from. Moves no money.
    ///
    /// # Errors
    ///
    /// [`NoOffers`].
    pub async fn offers(
        &self,
        kept: &SecretString,
        identified: &Identified,
        total: Money,
        breakers: &Breakers,
    ) -> std::result::Result<(SecretString, FinancingOffers), NoOffers> {
        let internal = |error: Error| {
            tracing::error!("what was kept of an identity check cannot be used: {error}");
            NoOffers::Over(FinancingAdvice::Failure)
        };
        let mut kept = Kept::read(kept).map_err(internal)?;
        let account = AccountNumber::parse(&identified.account_number)
            .ok_or(NoOffers::Over(FinancingAdvice::Failure))?;
        let token = kept.token().map_err(internal)?;
        let flow = kept.flow().map_err(internal)?;
        let outcome = self
            .client
            .calculate_interest(flow, &token, &account, total);
        let outcome = outcome.await;
        breakers.note(Host::Flexiti, &outcome);
        let offers = match outcome {
            Outcome::Definite(Decision::Done(offers)) => offered::offers(&offers),
            Outcome::Definite(Decision::Refused(refusal)) => {
                let advice = FinancingAdvice::for_flexiti(refusal.code);
                return Err(NoOffers::Over(advice));
            }
            Outcome::NotSent(Cause::Session) | Outcome::Rejected(Cause::Session) => {
                return Err(NoOffers::Over(FinancingAdvice::Expired));
            }
            Outcome::NotSent(_) | Outcome::Rejected(_) | Outcome::Unknown(_) => {
                return Err(NoOffers::NotNow);
            }
        };
        if offers.is_empty() {
            return Err(NoOffers::Over(FinancingAdvice::OtherMethod));
        }
        kept.account = Some(identified.account_number.clone());
        kept.page = None;
        let kept = kept.write().map_err(internal)?;
        Ok((kept, offers))
    }

    /// What was offered, as it is shown now.
    #[must_use]
    pub fn shown(&self, mut offers: FinancingOffers, ends_at: Timestamp) -> FinancingOffers {
        offers.expires_in_ms = left(ends_at, self.clock.now());
        offers
    }

    /// What an attempt needs to be authorized.
    ///
    /// # Errors
    ///
    /// `internal` when what was kept is not what this rail writes.
    pub fn payment(
        &self,
        kept: &SecretString,
        choice: FinancingChoice,
        attempt: &AttemptRow,
    ) -> Result<FlexitiPayment> {
        let kept = Kept::read(kept)?;
        let account = kept.account.as_deref().and_then(AccountNumber::parse);
        let order = OnlineAuthorization {
            reference: own_reference(attempt.at_provider())?,
            account: account.ok_or_else(kept::damaged)?,
            card: None,
            amount: attempt.total,
            financing: offered::financing(&choice).ok_or(ProblemCode::PlanNotOffered)?,
            auto_capture: false,
            sku_data: None,
            billing: kept::address(kept.billing.as_ref())?,
            shipping: kept::address(kept.shipping.as_ref())?,
            widget_session: kept.widget_session()?,
        };
        Ok(FlexitiPayment {
            rest: kept.rest().write()?,
            kept,
            order,
            choice,
        })
    }

    /// **Holds credit.** To be called once for each right to send.
    ///
    /// The authorization is asked for with the buyer's token, so its answer is not believed: it counts when
    /// the merchant's own read shows it.
    pub async fn send(&self, payment: &FlexitiPayment, breakers: &Breakers) -> Finding<Proof> {
        let (Ok(flow), Ok(token)) = (payment.kept.flow(), payment.kept.token()) else {
            return Finding::NotSent(String::from("what was kept of the buyer is damaged"));
        };
        let outcome = self
            .client
            .authorize_online(flow, &token, &payment.order)
            .await;
        breakers.note(Host::Flexiti, &outcome);
        match outcome {
            Outcome::NotSent(Cause::Session) | Outcome::Rejected(Cause::Session) => {
                Finding::Rejected(reason(FinancingAdvice::Expired).to_owned())
            }
            Outcome::NotSent(cause) => Finding::NotSent(cause.to_string()),
            Outcome::Rejected(cause) => Finding::Rejected(cause.to_string()),
            Outcome::Unknown(cause) => Finding::Unknown(cause.to_string()),
            Outcome::Definite(Decision::Refused(refusal)) => Finding::Declined {
                code: Some(refusal.code.to_owned()),
            },
            Outcome::Definite(Decision::Done(done)) => {
                let id = done.authorization.id;
                match self.detail(flow, &id).await {
                    Ok(Some(detail)) => {
                        match self.judged(&detail, payment.order.reference.as_str()) {
                            Reading::Confirmed(confirmation) => {
                                Finding::Confirmed(Proof::Paid(confirmation))
                            }
                            _ => Finding::Unknown(String::from(
                                "the merchant's own read shows the authorization otherwise",
                            )),
                        }
                    }
                    Ok(None) => Finding::Unknown(String::from(
                        "the merchant's own read does not show the authorization yet",
                    )),
                    Err(cause) => {
                        Finding::Unknown(format!("authorized, and not read back: {cause}"))
                    }
                }
            }
        }
    }

    /// Reads an attempt back by our reference. `kept` is what was kept when its right was taken.
    pub async fn read(&self, attempt: &AttemptRow, kept: &SecretString) -> Reading {
        let prepared = || {
            let kept = Kept::read(kept)?;
            let account = kept.account.as_deref().and_then(AccountNumber::parse);
            let account = account.ok_or_else(kept::damaged)?;
            Ok::<_, Error>((kept.flow()?, account, own_reference(attempt.at_provider())?))
        };
        let (flow, account, reference) = match prepared() {
            Ok(prepared) => prepared,
            Err(error) => return Reading::Failed(error.to_string()),
        };
        let around = moment(attempt.sent_at.unwrap_or(attempt.created_at));
        match self.client.find(flow, &account, &reference, around).await {
            Outcome::Definite(found) => match found.authorizations.as_slice() {
                [] if found.is_conclusive => Reading::NotFound,
                [] => Reading::Failed(String::from("the list could not be read to its end")),
                [one] => self.judged(one, reference.as_str()),
                _ => Reading::Other(String::from("several authorizations of one reference")),
            },
            Outcome::NotSent(cause) | Outcome::Rejected(cause) | Outcome::Unknown(cause) => {
                Reading::Failed(cause.to_string())
            }
        }
    }

    /// What the merchant's own read of an authorization says.
    fn judged(&self, detail: &AuthorizationDetail, reference: &str) -> Reading {
        let found = &detail.authorization;
        let is = |wanted: Option<u64>, found: Option<u64>| {
            wanted.is_none_or(|wanted| found.is_none_or(|found| found == wanted))
        };
        let ours = found.reference == reference
            && is(self.config.location_id, found.merchant.location_id)
            && is(self.config.merchant_id, found.merchant.merchant_id);
        if !ours {
            return Reading::Other(String::from(
                "an authorization for another merchant or place",
            ));
        }
        if !detail.captures.is_empty() {
            return Reading::Changed(OperationKind::Capture);
        }
        if !detail.releases.is_empty() {
            return Reading::Changed(OperationKind::Release);
        }
        match &found.status {
            AuthorizationStatus::Opened => Reading::Confirmed(Confirmation {
                total: found.amount,
                tip_minor: 0,
                authorization: Some(found.id.as_str().to_owned()),
                brand: None,
                last4: None,
                bin: None,
                saved: None,
            }),
            AuthorizationStatus::Closed => Reading::Other(String::from("closed")),
            AuthorizationStatus::Other(word) => Reading::Other(word.clone()),
        }
    }

    async fn detail(
        &self,
        flow: Flow,
        id: &AuthorizationId,
    ) -> std::result::Result<Option<AuthorizationDetail>, String> {
        match self.client.authorization(flow, id).await {
            Outcome::Definite(detail) => Ok(detail),
            Outcome::NotSent(cause) | Outcome::Rejected(cause) | Outcome::Unknown(cause) => {
                Err(cause.to_string())
            }
        }
    }

    /// Whether the provider answers and takes our credentials.
    pub async fn probe(&self) -> bool {
        let Ok(flow) = self.new_flow(Language::En) else {
            return false;
        };
        matches!(self.client.probe(flow.id).await, Outcome::Definite(()))
    }

    fn new_flow(&self, language: Language) -> Result<Flow> {
        let mut bytes = [0_u8; 16];
        getrandom::fill(&mut bytes).map_err(Error::internal)?;
        Ok(Flow {
            id: FlowId::from_random(bytes),
            lang: match language {
                Language::En => Lang::En,
                Language::Fr => Lang::Fr,
            },
        })
    }
}

impl FlexitiPayment {
    /// What was picked.
    #[must_use]
    pub const fn choice(&self) -> &FinancingChoice {
        &self.choice
    }

    /// What is kept from now on: enough to read it back.
    #[must_use]
    pub fn rest(&self) -> SecretString {
        self.rest.clone()
    }
}

fn own_reference(text: &str) -> Result<Reference> {
    Reference::parse(text)
        .ok_or_else(|| Error::internal("an own reference is not one that the provider takes"))
}

fn identification(who: &ventanilla_core::rails::flexiti::Identification) -> Result<Identification> {
    use ventanilla_core::rails::flexiti::Identification as Asked;
    let unfit = || Error::new(ProblemCode::IdentityMalformed);
    Ok(match who {
        Asked::Account { account_number } => {
            Identification::Account(AccountNumber::parse(account_number).ok_or_else(unfit)?)
        }
        Asked::Person(person) => Identification::Person(Person {
            // EXPOSE: from one secret type into the other.
            first_name: SecretString::from(person.first_name.as_str()),
            last_name: SecretString::from(person.last_name.as_str()),
            date_of_birth: BirthDate::parse(&person.birth_date).ok_or_else(unfit)?,
            // The provider's samples have no space in it.
            postal_code: SecretString::from(person.postal_code.replace(' ', "")),
        }),
    })
}

fn left(ends_at: Timestamp, now: Timestamp) -> u64 {
    u64::try_from(ends_at.since(now).as_millis()).unwrap_or(u64::MAX)
}

/// The day that it is in UTC.
fn today(now: Timestamp) -> Day {
    let text = now.rfc3339();
    let day = text.get(..10).and_then(|day| Day::parse(day).ok());
    day.unwrap_or(Day {
        year: 9999,
        month: 12,
        day: 31,
    })
}

/// The longest that an identity check and a choice may take, whatever the provider says of its token.
const SESSION_LIMIT: Duration = Duration::from_secs(20 * 60);
