//! The operations.

use std::fmt;
use std::time::Duration;

use reqwest::Url;
use ventanilla_core::money::Money;

use super::authorization::{Asked, AuthorizationDetail, AuthorizationRow, Authorized, authorized};
use super::config::{Config, ConfigError};
use super::filter::{AuthorizationFilter, CaptureFilter};
use super::id::{AuthorizationId, Flow, FlowId, Reference};
use super::listing::{self, CaptureRow, Listing, Page, Row, Walk};
use super::log::Operation;
use super::offer::{self, Offers};
use super::order::{
    Capture, Deposit, Identification, InStoreAuthorization, OnlineAuthorization, Refund, Release,
    Return,
};
use super::piece::{CaptureDone, ReleaseDone, ReturnDone, captured, released, returned};
use super::refusal::{Decision, RefusalClass};
use super::request::{self, Request};
use super::secret::{AccountNumber, CustomerToken};
use super::send::CUSTOMER;
use super::status;
use super::widget::{self, WidgetSession};
use crate::base_url::parse_base_url;
use crate::http::Transport;
use crate::moment::{Day, Moment};
use crate::outcome::{Cause, Outcome};
use crate::token::{NoToken, Renewal, Tokens};

/// A client of the Flexiti POS API for one merchant.
///
/// Calls that change nothing are repeated inside as [`ReadRetry`](crate::ReadRetry) says, and those of the
/// merchant's once more with a fresh access token when the provider answers 401. Everything else is sent
/// once, whatever happens. A method whose future is dropped half-way leaves an unknown call behind: run those
/// that hold or move money in a task of their own.
///
/// All methods end [`Outcome::NotSent`] when no access token could be had, with why it could not, and
/// [`Outcome::Rejected`] when the provider does not take the credentials. Those that take a [`CustomerToken`]
/// end [`Outcome::NotSent`] with [`Cause::Session`] when it is over, and [`Outcome::Rejected`] with it when
/// the provider does not take it: the buyer then starts again.
pub struct Client {
    pub(super) config: Config,
    pub(super) base: Url,
    pub(super) transport: Transport,
    /// Of the merchant scope; those of the customer scope are never shared.
    pub(super) tokens: Tokens,
}

/// What [`Client::find`] found.
#[derive(Debug)]
pub struct Found {
    /// The authorizations of that reference, newest first: one, unless something went wrong.
    pub authorizations: Vec<AuthorizationDetail>,
    /// Whether there are no others: the whole list was read, and all of it could be.
    pub is_conclusive: bool,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("base", &self.base.as_str())
            .finish_non_exhaustive()
    }
}

impl Client {
    /// A client; nothing is sent.
    ///
    /// # Errors
    ///
    /// Each [`ConfigError`], as its documentation says.
    pub fn new(config: Config) -> Result<Self, ConfigError> {
        config.check_credentials()?;
        let base = parse_base_url(&config.base_url, "base_url")?;
        Ok(Self {
            transport: Transport::new(&[&base], config.timeouts, config.read_retry)
                .map_err(|_| ConfigError::Tls)?,
            base,
            tokens: Tokens::new(config.clock.clone(), Renewal::Ahead(config.renew_ahead)),
            config,
        })
    }

    /// Whether the provider answers and takes the credentials. Asks for an access token of the customer scope
    /// and drops it.
    pub async fn probe(&self, flow: FlowId) -> Outcome<()> {
        self.customer_token(flow).await.map(drop)
    }

    /// A fresh access token for one checkout. It is not kept: one buyer's token stands in the address of
    /// their widget, and must open nobody else's.
    pub async fn customer_token(&self, flow: FlowId) -> Outcome<CustomerToken> {
        match self.ask_for_token(flow, CUSTOMER).await {
            Ok(fresh) => {
                // Always there: `status::token` says so of a token whose end the provider does not name.
                let ends_at = fresh.expires_at.unwrap_or_else(|| (self.config.clock)());
                let good_until = ends_at.minus(self.config.renew_ahead);
                Outcome::Definite(CustomerToken::new(fresh.secret, good_until))
            }
            Err(failure @ (NoToken::Rejected(_) | NoToken::NotSent(_))) => failure.into(),
        }
    }

    /// Opens an identity check for one checkout, under an access token of its own. Moves no money; repeated
    /// inside, since a check that nobody passes just ends.
    pub async fn open_widget(
        &self,
        flow: Flow,
        who: &Identification,
    ) -> Outcome<Decision<WidgetSession>> {
        let seen = Operation::start("open_widget");
        seen.end_decision(self.opened(flow, who).await)
    }

    async fn opened(&self, flow: Flow, who: &Identification) -> Outcome<Decision<WidgetSession>> {
        let request = request::widget_init(&self.config, who, flow.lang);
        if let Err(cause) = request.body {
            return Outcome::NotSent(cause);
        }
        let token = match self.customer_token(flow.id).await {
            Outcome::Definite(token) => token,
            Outcome::NotSent(cause) => return Outcome::NotSent(cause),
            Outcome::Rejected(cause) => return Outcome::Rejected(cause),
            Outcome::Unknown(cause) => return Outcome::Unknown(cause),
        };
        let answer = match self.ask_for(flow.id, &request, &token).await {
            Ok(answer) => answer,
            Err(stopped) => return stopped.into(),
        };
        let read = |body: &str| widget::opened(body, &self.base);
        let opened = status::harmless(&answer, read);
        opened.map(|decision| decision.map(|(address, id)| WidgetSession { address, id, token }))
    }

    /// In which ways the buyer may pay `amount` off. Moves no money; repeated inside.
    ///
    /// `amount`: Canadian dollars, more than none.
    pub async fn calculate_interest(
        &self,
        flow: Flow,
        token: &CustomerToken,
        account: &AccountNumber,
        amount: Money,
    ) -> Outcome<Decision<Offers>> {
        let seen = Operation::start("calculate_interest");
        let request = request::calculate_interest(&self.config, account, amount);
        let answer = self.ask_for(flow.id, &request, token).await;
        let read = |body: &str| offer::offers(body, account, amount);
        seen.end_decision(answer.map_or_else(Into::into, |answer| status::harmless(&answer, read)))
    }

    /// **Moves money.** Puts money into an account, once. The answer has nothing to check: any success of HTTP is one.
    pub async fn deposit(&self, flow: Flow, order: &Deposit) -> Outcome<Decision<()>> {
        let request = request::deposit(&self.config, order, flow.lang);
        self.once("deposit", flow.id, &request, status::any_object)
            .await
    }

    /// **Holds or moves money.** Authorizes a purchase of a buyer who is online, once.
    ///
    /// Done only with an authorization of our reference, of the amount to the cent, and open; with
    /// `auto_capture`, closed with a capture of all of it. What falls short is unknown and is settled with
    /// [`Client::find`].
    pub async fn authorize_online(
        &self,
        flow: Flow,
        token: &CustomerToken,
        order: &OnlineAuthorization,
    ) -> Outcome<Decision<Authorized>> {
        let seen = Operation::start("authorize_online");
        let request = request::authorization_online(&self.config, order, flow.lang);
        let asked = Asked {
            reference: &order.reference,
            amount: order.amount,
            financing: order.financing,
            auto_capture: order.auto_capture,
        };
        let answer = self.tell_for(flow.id, &request, token).await;
        let read = |body: &str| authorized(body, &asked);
        seen.end_decision(answer.map_or_else(Into::into, |answer| status::moving(&answer, read)))
    }

    /// **Holds or moves money.** As [`Client::authorize_online`], of a buyer who stands in a shop.
    pub async fn authorize_in_store(
        &self,
        flow: Flow,
        order: &InStoreAuthorization,
    ) -> Outcome<Decision<Authorized>> {
        let request = request::authorization_in_store(&self.config, order, flow.lang);
        let asked = Asked {
            reference: &order.reference,
            amount: order.amount,
            financing: order.financing,
            auto_capture: order.auto_capture,
        };
        let read = |body: &str| authorized(body, &asked);
        self.once("authorize_in_store", flow.id, &request, read)
            .await
    }

    /// **Gives up a hold**, or a part of it, once. What is unknown is settled with
    /// [`AuthorizationDetail::releases_of`].
    pub async fn release(&self, flow: Flow, order: &Release) -> Outcome<Decision<ReleaseDone>> {
        let request = request::release(&self.config, order, flow.lang);
        let read = |body: &str| released(body, order);
        self.once("release", flow.id, &request, read).await
    }

    /// **Moves money.** Takes what is held, or a part of it, once. What is unknown is settled with
    /// [`AuthorizationDetail::captures_of`].
    pub async fn capture(&self, flow: Flow, order: &Capture) -> Outcome<Decision<CaptureDone>> {
        let request = request::capture(&self.config, order, flow.lang);
        let read = |body: &str| captured(body, order);
        self.once("capture", flow.id, &request, read).await
    }

    /// **Moves money.** Gives back what was captured, or a part of it, once. What is unknown is settled with
    /// [`AuthorizationDetail::returns_of`].
    ///
    /// Until when is the provider's to say, see
    /// [`CaptureSeen::is_late_to_return`](super::CaptureSeen::is_late_to_return).
    pub async fn return_capture(
        &self,
        flow: Flow,
        order: &Return,
    ) -> Outcome<Decision<ReturnDone>> {
        let request = request::returning(&self.config, order, flow.lang);
        let read = |body: &str| returned(body, order);
        self.once("return_capture", flow.id, &request, read).await
    }

    /// **Moves money.** Gives money to an account, once. The answer has nothing to check: any success of HTTP is one. What is
    /// unknown stays so, since no read shows refunds: a person must settle it.
    pub async fn refund(&self, flow: Flow, order: &Refund) -> Outcome<Decision<()>> {
        let request = request::refund(&self.config, order);
        self.once("refund", flow.id, &request, status::any_object)
            .await
    }

    /// The authorizations of some days, all pages up to the filter's limit. Reads.
    pub async fn authorizations(
        &self,
        flow: Flow,
        filter: &AuthorizationFilter,
    ) -> Outcome<Listing<AuthorizationRow>> {
        let seen = Operation::start("authorizations");
        seen.end(self.listed_authorizations(flow, filter).await)
    }

    async fn listed_authorizations(
        &self,
        flow: Flow,
        filter: &AuthorizationFilter,
    ) -> Outcome<Listing<AuthorizationRow>> {
        if let Err(cause) = filter.check() {
            return Outcome::NotSent(cause);
        }
        let request = |page| request::authorizations(&self.config, filter, page, flow.lang);
        let is_stable = filter.status.is_none();
        self.walk(
            flow.id,
            filter.common.max_pages,
            is_stable,
            request,
            listing::authorizations,
        )
        .await
    }

    /// The captures of some days, all pages up to the filter's limit. Reads.
    pub async fn captures(
        &self,
        flow: Flow,
        filter: &CaptureFilter,
    ) -> Outcome<Listing<CaptureRow>> {
        let seen = Operation::start("captures");
        if let Err(cause) = filter.check() {
            return seen.end(Outcome::NotSent(cause));
        }
        let request = |page| request::captures(&self.config, filter, page, flow.lang);
        let (pages, is_stable) = (filter.common.max_pages, filter.status.is_none());
        let listed = self.walk(flow.id, pages, is_stable, request, listing::captures);
        seen.end(listed.await)
    }

    /// One authorization with all that was done with it; `None` when the provider knows none of that number.
    /// A read.
    pub async fn authorization(
        &self,
        flow: Flow,
        id: &AuthorizationId,
    ) -> Outcome<Option<AuthorizationDetail>> {
        let seen = Operation::start("authorization");
        seen.end(self.detail(flow, id).await)
    }

    /// The authorizations that carry our `reference`, out of those that the account got within a day of
    /// `around`. Reads: the list, then each of those found in detail.
    ///
    /// Nothing found proves nothing unless [`Found::is_conclusive`], nor while an authorization may still be
    /// on its way.
    pub async fn find(
        &self,
        flow: Flow,
        account: &AccountNumber,
        reference: &Reference,
        around: Moment,
    ) -> Outcome<Found> {
        let seen = Operation::start("find");
        seen.end(self.found(flow, account, reference, around).await)
    }

    async fn found(
        &self,
        flow: Flow,
        account: &AccountNumber,
        reference: &Reference,
        around: Moment,
    ) -> Outcome<Found> {
        let (from, to) = (Day::utc(around.minus(DAY)), Day::utc(around.plus(DAY)));
        let mut filter = AuthorizationFilter::days(from, to);
        filter.common.account = Some(account.clone());
        let listed = match self.listed_authorizations(flow, &filter).await {
            Outcome::Definite(listed) => listed,
            Outcome::NotSent(cause) => return Outcome::NotSent(cause),
            Outcome::Rejected(cause) => return Outcome::Rejected(cause),
            Outcome::Unknown(cause) => return Outcome::Unknown(cause),
        };
        let is_conclusive = listed.is_whole && listed.unreadable == 0;
        let mut authorizations = Vec::new();
        for row in listed.rows {
            if row.authorization.reference != reference.as_str() {
                continue;
            }
            match self.detail(flow, &row.authorization.id).await {
                Outcome::Definite(Some(detail))
                    if detail.authorization.reference == reference.as_str() =>
                {
                    authorizations.push(detail);
                }
                // The list knows it under this reference.
                Outcome::Definite(_) => return Outcome::Unknown(Cause::Contradiction),
                Outcome::NotSent(cause) => return Outcome::NotSent(cause),
                Outcome::Rejected(cause) => return Outcome::Rejected(cause),
                Outcome::Unknown(cause) => return Outcome::Unknown(cause),
            }
        }
        Outcome::Definite(Found {
            authorizations,
            is_conclusive,
        })
    }

    async fn detail(
        &self,
        flow: Flow,
        id: &AuthorizationId,
    ) -> Outcome<Option<AuthorizationDetail>> {
        let request = request::authorization_detail(&self.config, id, flow.lang);
        let answer = match self.ask(flow.id, &request).await {
            Ok(answer) => answer,
            Err(stopped) => return stopped.into(),
        };
        let read = |body: &str| AuthorizationDetail::read(body, id);
        match status::harmless(&answer, read) {
            Outcome::Definite(Decision::Done(detail)) => {
                if detail.adds_up() == Some(false) {
                    tracing::warn!(
                        provider = "flexiti",
                        "an authorization's amounts and lists do not add up"
                    );
                }
                Outcome::Definite(Some(detail))
            }
            Outcome::Definite(Decision::Refused(refusal)) => match refusal.class {
                RefusalClass::NotFound => Outcome::Definite(None),
                _ => Outcome::Rejected(Cause::Refused),
            },
            Outcome::NotSent(cause) => Outcome::NotSent(cause),
            Outcome::Rejected(cause) => Outcome::Rejected(cause),
            Outcome::Unknown(cause) => Outcome::Unknown(cause),
        }
    }

    async fn walk<T: Row>(
        &self,
        flow: FlowId,
        max_pages: u16,
        is_stable: bool,
        request: impl Fn(u32) -> Request,
        read: fn(&str, u32) -> Result<Page<T>, Cause>,
    ) -> Outcome<Listing<T>> {
        let mut walk = Walk::new();
        for number in 1..=u32::from(max_pages.max(1)) {
            let answer = match self.ask(flow, &request(number)).await {
                Ok(answer) => answer,
                Err(stopped) => return stopped.into(),
            };
            let page = match status::listed(&answer, |body| read(body, number)) {
                Outcome::Definite(page) => page,
                Outcome::NotSent(cause) => return Outcome::NotSent(cause),
                Outcome::Rejected(cause) => return Outcome::Rejected(cause),
                Outcome::Unknown(cause) => return Outcome::Unknown(cause),
            };
            if !walk.take(page) {
                return Outcome::Definite(walk.end(is_stable || number == 1));
            }
        }
        Outcome::Definite(walk.end(false))
    }

    async fn once<T>(
        &self,
        operation: &'static str,
        flow: FlowId,
        request: &Request,
        read: impl FnOnce(&str) -> Result<T, Cause>,
    ) -> Outcome<Decision<T>> {
        let seen = Operation::start(operation);
        let answer = self.tell(flow, request).await;
        seen.end_decision(answer.map_or_else(Into::into, |answer| status::moving(&answer, read)))
    }
}

const DAY: Duration = Duration::from_secs(86_400);
