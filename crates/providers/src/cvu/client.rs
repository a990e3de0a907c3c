//! The operations.

use std::fmt;

use reqwest::Url;

use super::address::PayAddress;
use super::cash_out::{CashOut, CashOutDone, CashOutOrder};
use super::config::{Config, ConfigError};
use super::credit::{Filter, Transactions};
use super::expiry::LinkExpiry;
use super::id::{CashInId, CashOutId, QrOrderId, SalePointId};
use super::moment::Moment;
use super::order::{
    Balance, CashIn, Concept, Link, LinkOrder, Period, QrCode, QrOrder, SalePoint, StaticAmount,
    StaticOrder, Statistics, TransactionFilter, TransferOrder, Voucher,
};
use super::request::{self, Request};
use super::{listing, log::Operation, status};
use crate::base_url::parse_base_url;
use crate::http::{Answer, Transport};
use crate::outcome::{Cause, Outcome};
use crate::token::{Renewal, Tokens};

/// A client of the CVU wallet API for one merchant.
///
/// Reads are repeated inside as [`ReadRetry`](crate::ReadRetry) says, and once more with a fresh access
/// token when the provider answers 401 or 403. Everything else is sent once, whatever happens. A method
/// whose future is dropped half-way leaves an unknown call behind: run those that create something or move
/// money in a task of their own.
///
/// All methods end [`Outcome::NotSent`] when no access token could be had, with why it could not, and
/// [`Outcome::Rejected`] with [`Cause::Credentials`] when the provider does not take the credentials.
pub struct Client {
    pub(super) config: Config,
    pub(super) base: Url,
    pub(super) transport: Transport,
    pub(super) tokens: Tokens,
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

    /// The first link expiry that is not before `wanted` under any reading that this provider may have.
    #[must_use]
    pub fn link_expiry(&self, wanted: Moment) -> LinkExpiry {
        LinkExpiry::not_before(wanted, self.config.exact_minutes)
    }

    /// Writes a transfer down as this client sends it, see [`CashOut::prepare`].
    ///
    /// # Errors
    ///
    /// As [`CashOut::prepare`].
    pub fn prepare_cashout(&self, order: &CashOutOrder) -> Result<CashOut, Cause> {
        CashOut::prepare(order, self.config.amounts_as_text)
    }

    /// Whether the provider answers and takes the credentials. Reads the concepts.
    pub async fn probe(&self) -> Outcome<()> {
        self.read(
            "probe",
            Request::get("/v2/payment/concepts"),
            status::concepts,
        )
        .await
        .map(|_| ())
    }

    /// What a payment may be declared as. A read.
    pub async fn concepts(&self) -> Outcome<Vec<Concept>> {
        self.read(
            "concepts",
            Request::get("/v2/payment/concepts"),
            status::concepts,
        )
        .await
    }

    /// What is in the account; nothing for a buyer to see. A read.
    pub async fn balance(&self) -> Outcome<Balance> {
        self.read(
            "balance",
            Request::get("/v2/account/balance"),
            status::balance,
        )
        .await
    }

    /// **Moves money out of the merchant's account.** Sends exactly [`CashOut::body`], once.
    ///
    /// Definite only with `ok` and a number. Whatever else comes back, an error of the provider included, is
    /// unknown: the same bytes sent again are how the provider is asked what became of them. No byte of
    /// this sending reached the provider with [`Outcome::NotSent`], and it did not execute this sending with
    /// [`Outcome::Rejected`]; neither says anything about an earlier sending of the same bytes.
    pub async fn cashout(&self, cash_out: &CashOut) -> Outcome<CashOutDone> {
        let request = Request::post("/v2/payment/cashout", Ok(cash_out.to_body()));
        self.once("cashout", request, status::cash_out).await
    }

    /// The receipt of a transfer. A read.
    pub async fn voucher(&self, id: &CashOutId) -> Outcome<Voucher> {
        let request = Request::get(format!("/v2/payment/cashout/{id}"));
        self.read("voucher", request, |body| status::voucher(body, &self.base))
            .await
    }

    /// What is known of a credited payment. A read.
    pub async fn cashin(&self, id: &CashInId) -> Outcome<CashIn> {
        let request = Request::get(format!("/v2/payment/cashin/{id}"));
        self.read("cashin", request, status::cash_in).await
    }

    /// Makes a dynamic QR code. Sent once; when the outcome is unknown a code may exist that nobody has
    /// seen, so that nobody can pay it.
    pub async fn qr(&self, order: &QrOrder) -> Outcome<QrCode> {
        let body = request::qr(order, self.config.amounts_as_text);
        let request = Request::post("/v2/payment/cashin/qr/generate", body);
        self.once("qr", request, |answer| status::harmless(answer, status::qr))
            .await
    }

    /// Makes a transfer link. Sent once, as [`Client::qr`]. It has no number: its payment can be told from
    /// others by amount, time and payer only.
    pub async fn transfer_link(&self, order: &TransferOrder) -> Outcome<PayAddress> {
        let body = request::transfer(order, self.config.amounts_as_text);
        let request = Request::post("/v2/payment/cashin/transfer/generate", body);
        self.once("transfer_link", request, |answer| {
            status::harmless(answer, |body| status::transfer_link(body, &self.base))
        })
        .await
    }

    /// The provider's counts for a period; for a user that is tied to the collecting account only. A read.
    pub async fn statistics(&self, period: &Period) -> Outcome<Statistics> {
        let request = Request::get(format!("/v2/whitelabel/statics/{}", period.as_str()));
        self.read("statistics", request, status::statistics).await
    }

    /// Makes a payment link. Sent once, as [`Client::qr`].
    ///
    /// [`Cause::Request`] with `expiration_date` when the link would be dead already under some reading.
    pub async fn link(&self, order: &LinkOrder) -> Outcome<Link> {
        let now = (self.config.clock)();
        let body = request::link(order, self.config.amounts_as_text, now);
        let request = Request::post("/v2/payment/cashin/link/generate", body);
        self.once("link", request, |answer| {
            status::harmless(answer, |body| status::link(body, &self.base))
        })
        .await
    }

    /// The sale points. A read.
    pub async fn sale_points(&self) -> Outcome<Vec<SalePoint>> {
        let request = Request::get("/v2/payment/cashin/qr/sale-point");
        self.read("sale_points", request, status::sale_points).await
    }

    /// The text of the static QR code of a sale point, as it came. A read.
    pub async fn static_qr(&self, at: &SalePointId, amount: StaticAmount) -> Outcome<String> {
        let request = request::static_qr(at, amount, self.config.static_qr_by_query);
        self.read("static_qr", request, status::static_qr).await
    }

    /// Opens a sale point. Sent once; when the outcome is unknown, look for it in
    /// [`Client::sale_points`]. `name`: 1 to 64 characters, none of them a control character.
    pub async fn create_sale_point(&self, name: &str) -> Outcome<SalePointId> {
        let body = request::new_sale_point(name);
        let request = Request::post("/v2/payment/cashin/qr/sale-point", body);
        self.once("create_sale_point", request, |answer| {
            status::harmless(answer, status::new_sale_point)
        })
        .await
    }

    /// Closes a sale point. Sent once; when the outcome is unknown, look for it in
    /// [`Client::sale_points`].
    pub async fn delete_sale_point(&self, id: &SalePointId) -> Outcome<()> {
        let request = request::delete_sale_point(id);
        self.once("delete_sale_point", request, |answer| {
            status::harmless(answer, |_| Ok(()))
        })
        .await
    }

    /// Puts an order behind the closed static QR code of a sale point. Sent once. What becomes of an earlier
    /// order that nobody paid is not documented: have one open order for each sale point.
    pub async fn static_order(&self, order: &StaticOrder) -> Outcome<QrOrderId> {
        let body = request::static_order(order, self.config.amounts_as_text);
        let request = Request::post("/v2/payment/cashin/qr/static/order", body);
        self.once("static_order", request, |answer| {
            status::harmless(answer, status::qr_order)
        })
        .await
    }

    /// The transactions of some days, all pages up to the filter's limit. Reads.
    ///
    /// The list has no numbers and moves while it is read. So when there are pages, the first is read again
    /// at the end: if it has changed, all are read again, and if that does not help, the first page alone
    /// is the answer, which is true of one moment, and not the whole.
    pub async fn transactions(&self, filter: &Filter) -> Outcome<Transactions> {
        let seen = Operation::start("transactions");
        seen.end(listing::read(self, filter).await)
    }

    /// The kinds of transactions that the list can be narrowed to. A read.
    pub async fn transaction_filters(&self) -> Outcome<Vec<TransactionFilter>> {
        let request = Request::get("/v2/account/transactions_filters");
        self.read("transaction_filters", request, status::transaction_filters)
            .await
    }

    async fn read<T>(
        &self,
        operation: &'static str,
        request: Request,
        read: impl FnOnce(&str) -> Result<T, Cause>,
    ) -> Outcome<T> {
        let seen = Operation::start(operation);
        let answer = self.ask(request).await;
        seen.end(answer.map_or_else(Into::into, |answer| status::harmless(&answer, read)))
    }

    async fn once<T>(
        &self,
        operation: &'static str,
        request: Request,
        read: impl FnOnce(&Answer) -> Outcome<T>,
    ) -> Outcome<T> {
        let seen = Operation::start(operation);
        let answer = self.tell(request).await;
        seen.end(answer.map_or_else(Into::into, |answer| read(&answer)))
    }
}
