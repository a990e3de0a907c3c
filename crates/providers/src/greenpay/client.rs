//! The operations.

mod bulk;
mod subscriptions;

use std::fmt;

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method, Url};
use secrecy::ExposeSecret;
use serde::Serialize;
use ventanilla_core::money::Money;
use ventanilla_core::rails::card::SealedCardMessage;

use super::config::{Config, ConfigError, PayPath};
use super::log::Operation;
use super::operation::{OperationAnswer, PaidTransaction, StateChange};
use super::order::{
    CardToken, Expected, Order, OrderSession, Payment, SavedCard, SavedToken, TransactionRead,
};
use super::status;
use super::wire::{
    Credentials, OperationRequest, OrderRequest, SealedRequest, TokenOrderRequest, TokenRequest,
    TransactionRequest,
};
use crate::base_url::{operation_url, parse_base_url};
use crate::http::{Answer, Body, Call, Lost, Transport};
use crate::outcome::{Cause, Outcome};

/// Carries [`OrderSession`]'s token to the checkout host, and goes nowhere else.
const LISZT_TOKEN: HeaderName = HeaderName::from_static("liszt-token");

/// A client of GreenPay's V1 API for one merchant.
///
/// Each method makes one call; which of them are repeated inside is said at each. A method whose
/// future is dropped half-way leaves an unknown call behind: run those that move money in a task of
/// their own.
pub struct Client {
    config: Config,
    merchant: Url,
    checkout: Url,
    transport: Transport,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("merchant", &self.merchant.as_str())
            .field("checkout", &self.checkout.as_str())
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
        let merchant = parse_base_url(&config.merchant_url, "merchant_url")?;
        let checkout = parse_base_url(&config.checkout_url, "checkout_url")?;
        let servers = [&merchant, &checkout];
        Ok(Self {
            transport: Transport::new(&servers, config.timeouts, config.read_retry)
                .map_err(|_| ConfigError::Tls)?,
            merchant,
            checkout,
            config,
        })
    }

    /// Opens an order, the right to pay once. Moves no money; repeated inside as
    /// [`ReadRetry`](crate::ReadRetry) says, since an order that nobody pays just dies.
    pub async fn create_order(&self, order: &Order) -> Outcome<OrderSession> {
        let seen = Operation::start("create_order");
        let answer = match self.order_body(order, None) {
            Ok(body) => self.send_repeatable(&self.merchant, "/", body).await,
            Err(cause) => Err(Lost::NotSent(cause)),
        };
        seen.end(interpret(answer, status::order_session))
    }

    /// **Moves money.** Pays the order of `session` with a sealed card, once: one connection, one
    /// request, never repeated whatever happens.
    ///
    /// Approved only with everything that [`status::payment`] asks for; what falls short is unknown
    /// and is settled with [`Client::transaction`].
    pub async fn pay(
        &self,
        session: &OrderSession,
        card: &SealedCardMessage,
        expected: &Expected,
    ) -> Outcome<Payment> {
        let seen = Operation::start("pay");
        let path = match self.config.pay_path {
            PayPath::Plain => "/",
            PayPath::Kount => "/kount",
        };
        let answer = if is_reference(&expected.reference) {
            self.send_sealed(path, session, card).await
        } else {
            Err(Lost::NotSent(Cause::Request("reference")))
        };
        seen.end_payment(interpret(answer, |http_status, body| {
            status::payment(http_status, body, expected, &self.config.public_key)
        }))
    }

    /// **Moves money.** Pays an order with a saved card, once, as [`Client::pay`] does. The order need
    /// not have been opened.
    pub async fn pay_with_token(&self, order: &Order, card: &CardToken) -> Outcome<Payment> {
        let seen = Operation::start("pay_with_token");
        let expected = Expected {
            reference: order.reference.clone(),
            total: order.total,
        };
        let answer = match self.order_body(order, Some(card)) {
            Ok(body) => {
                self.send_once(&self.merchant, "/tokenPayment", None, body)
                    .await
            }
            Err(cause) => Err(Lost::NotSent(cause)),
        };
        seen.end_payment(interpret(answer, |http_status, body| {
            status::payment(http_status, body, &expected, &self.config.public_key)
        }))
    }

    /// Opens a token order, the right to save or replace one card. `request_id` as
    /// [`Order::reference`]. Moves no money; repeated inside as [`Client::create_order`] is.
    pub async fn create_token_order(&self, request_id: &str) -> Outcome<OrderSession> {
        let seen = Operation::start("create_token_order");
        let answer = match request_body(
            request_id,
            &TokenOrderRequest {
                credentials: Credentials::of(&self.config),
                request_id,
            },
        ) {
            Ok(body) => {
                self.send_repeatable(&self.merchant, "/tokenize", body)
                    .await
            }
            Err(cause) => Err(Lost::NotSent(cause)),
        };
        seen.end(interpret(answer, status::order_session))
    }

    /// Saves a card, once. When the outcome is unknown a card token may exist that nobody knows;
    /// start over with a new `request_id`.
    pub async fn create_token(
        &self,
        session: &OrderSession,
        card: &SealedCardMessage,
        request_id: &str,
    ) -> Outcome<SavedToken> {
        self.save("create_token", "/tokenize", session, card, request_id)
            .await
    }

    /// Replaces a saved card, once. The card token to replace is inside the sealed card.
    pub async fn update_token(
        &self,
        session: &OrderSession,
        card: &SealedCardMessage,
        request_id: &str,
    ) -> Outcome<SavedToken> {
        self.save(
            "update_token",
            "/tokenize/update",
            session,
            card,
            request_id,
        )
        .await
    }

    /// What GreenPay knows about a saved card. A read; repeated inside.
    ///
    /// [`Cause::CardToken`] as rejection when GreenPay does not know the card token.
    pub async fn token(&self, card: &CardToken) -> Outcome<SavedCard> {
        let seen = Operation::start("token");
        let answer = match json(&TokenRequest {
            credentials: Credentials::of(&self.config),
            token: card.expose(),
            request_id: None,
        }) {
            Ok(body) => {
                self.send_repeatable(&self.merchant, "/getToken", body)
                    .await
            }
            Err(cause) => Err(Lost::NotSent(cause)),
        };
        seen.end(interpret(answer, status::saved_card))
    }

    /// Deletes a saved card. Repeated inside: it ends the same however often it is done.
    ///
    /// [`Cause::CardToken`] as rejection when GreenPay does not know the card token (any more).
    pub async fn delete_token(&self, card: &CardToken, request_id: &str) -> Outcome<()> {
        let seen = Operation::start("delete_token");
        let answer = match request_body(
            request_id,
            &TokenRequest {
                credentials: Credentials::of(&self.config),
                token: card.expose(),
                request_id: Some(request_id),
            },
        ) {
            Ok(body) => {
                self.send_repeatable(&self.merchant, "/deleteToken", body)
                    .await
            }
            Err(cause) => Err(Lost::NotSent(cause)),
        };
        seen.end(interpret(answer, |http_status, body| {
            status::deletion(http_status, body, request_id)
        }))
    }

    /// What GreenPay knows about the payment of `reference`. A read; repeated inside. Sends no secret.
    ///
    /// A read that fails proves nothing about the payment, whichever way it fails (a rejected read
    /// included), and neither does [`TransactionRead::NotFound`] while a
    /// payment may still be on its way.
    pub async fn transaction(&self, reference: &str) -> Outcome<TransactionRead> {
        let seen = Operation::start("transaction");
        let answer = match request_body(
            reference,
            &TransactionRequest {
                merchant_id: &self.config.merchant_id,
                order_reference: reference,
            },
        ) {
            Ok(body) => {
                self.send_repeatable(&self.merchant, "/transactions/get", body)
                    .await
            }
            Err(cause) => Err(Lost::NotSent(cause)),
        };
        seen.end(interpret(answer, |http_status, body| {
            status::transaction(http_status, body, reference)
        }))
    }

    /// **Moves money.** Undoes a payment that is not settled yet, once, as [`Client::pay`] sends once.
    /// GreenPay's help centre allows three hours.
    ///
    /// Done or refused only with everything that [`status::operation`] asks for; what falls short is
    /// unknown, and so is whether the payment still stands.
    pub async fn void(&self, paid: &PaidTransaction) -> Outcome<OperationAnswer> {
        self.change("void", StateChange::Voided, paid, None).await
    }

    /// **Moves money.** Gives a settled payment back, all of it, once, as [`Client::void`].
    /// GreenPay's help centre allows seven calendar days, at one bank only (BAC).
    pub async fn refund(&self, paid: &PaidTransaction) -> Outcome<OperationAnswer> {
        self.change("refund", StateChange::Refunded, paid, None)
            .await
    }

    /// **Moves money.** Takes what an authorization holds, once, as [`Client::void`]; at one bank only
    /// (BAC).
    ///
    /// `amount`: how much of it, above zero and in the currency of the payment, which is not sent;
    /// `None` for all.
    pub async fn capture(
        &self,
        paid: &PaidTransaction,
        amount: Option<Money>,
    ) -> Outcome<OperationAnswer> {
        self.change("capture", StateChange::Captured, paid, amount)
            .await
    }

    async fn change(
        &self,
        operation: &'static str,
        change: StateChange,
        paid: &PaidTransaction,
        amount: Option<Money>,
    ) -> Outcome<OperationAnswer> {
        let seen = Operation::start(operation);
        let path = match change {
            StateChange::Voided => "/transactions/void",
            StateChange::Refunded => "/transactions/refund",
            StateChange::Captured => "/transactions/capture",
        };
        let body = OperationRequest::new(&self.config, paid, amount)
            .map_err(Cause::Request)
            .and_then(|request| request_body(&paid.reference, &request));
        let answer = match body {
            Ok(body) => self.send_once(&self.merchant, path, None, body).await,
            Err(cause) => Err(Lost::NotSent(cause)),
        };
        seen.end_operation(interpret(answer, |http_status, body| {
            status::operation(http_status, body, change, &paid.reference)
        }))
    }

    async fn save(
        &self,
        operation: &'static str,
        path: &'static str,
        session: &OrderSession,
        card: &SealedCardMessage,
        request_id: &str,
    ) -> Outcome<SavedToken> {
        let seen = Operation::start(operation);
        let answer = if is_reference(request_id) {
            self.send_sealed(path, session, card).await
        } else {
            Err(Lost::NotSent(Cause::Request("reference")))
        };
        seen.end(interpret(answer, |http_status, body| {
            status::saved_token(http_status, body, request_id, &self.config.public_key)
        }))
    }

    fn order_body(&self, order: &Order, card: Option<&CardToken>) -> Result<Body, Cause> {
        let currency = order.total.currency();
        let one_currency = order.items.iter().all(|item| {
            item.unit_price
                .is_none_or(|price| price.currency() == currency)
        });
        if !one_currency {
            return Err(Cause::Request("items"));
        }
        let request = OrderRequest::new(&self.config, order, card.map(CardToken::expose));
        request_body(&order.reference, &request)
    }

    async fn send_sealed(
        &self,
        path: &str,
        session: &OrderSession,
        card: &SealedCardMessage,
    ) -> Result<Answer, Lost> {
        let body = json(&SealedRequest {
            session: session.session.expose_secret(),
            ld: &card.ld,
            lk: &card.lk,
        })
        .map_err(Lost::NotSent)?;
        self.send_once(&self.checkout, path, Some(session), body)
            .await
    }

    async fn send_once(
        &self,
        base: &Url,
        path: &str,
        session: Option<&OrderSession>,
        body: Body,
    ) -> Result<Answer, Lost> {
        let mut headers = HeaderMap::new();
        if let Some(session) = session {
            let mut token = HeaderValue::from_str(session.token.expose_secret())
                .map_err(|_| Lost::NotSent(Cause::Request("session")))?;
            token.set_sensitive(true);
            headers.insert(LISZT_TOKEN, token);
        }
        let call = Call {
            method: Method::POST,
            url: operation_url(base, path),
            headers,
            body,
        };
        self.transport.send_once(call).await
    }

    async fn send_repeatable(&self, base: &Url, path: &str, body: Body) -> Result<Answer, Lost> {
        let call = Call {
            method: Method::POST,
            url: operation_url(base, path),
            headers: HeaderMap::new(),
            body,
        };
        self.transport.send_repeatable(call).await
    }
}

fn interpret<T>(
    answer: Result<Answer, Lost>,
    read: impl FnOnce(u16, &str) -> Outcome<T>,
) -> Outcome<T> {
    match answer {
        Ok(answer) => read(answer.status, &answer.text),
        Err(lost) => lost.into(),
    }
}

/// Large enough for every request with a sealed card of the longest accepted size.
const BODY_SIZE_HINT: usize = 4096;

/// The body of a request about `reference`.
fn request_body(reference: &str, request: &impl Serialize) -> Result<Body, Cause> {
    if is_reference(reference) {
        json(request)
    } else {
        Err(Cause::Request("reference"))
    }
}

fn json(request: &impl Serialize) -> Result<Body, Cause> {
    Body::json(request, BODY_SIZE_HINT).map_err(|_| Cause::Request("body"))
}

pub(super) fn is_reference(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-')
}
