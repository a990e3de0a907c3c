//! The operations.

use std::fmt;

use reqwest::Url;
use secrecy::SecretString;

use super::config::{Config, ConfigError, moments};
use super::log::Operation;
use super::order::{Charge, Payment, Refund, RefundOrder, TransactionRead};
use super::{request, status};
use crate::base_url::{operation_url, parse_base_url};
use crate::http::Transport;
use crate::outcome::{Cause, Outcome};
use crate::token::{Renewal, Tokens};

/// A client of the Flux API for one merchant.
///
/// The read is repeated inside as [`ReadRetry`](crate::ReadRetry) says, and once more with a fresh access
/// token when Flux answers 401. Payments and refunds are sent once, whatever happens; a method whose future
/// is dropped half-way leaves an unknown call behind: run those two in a task of their own.
///
/// All methods end [`Outcome::NotSent`] when no access token could be had, with why it could not, and
/// [`Outcome::Rejected`] with [`Cause::Credentials`] when Flux does not take the refresh token or the access
/// token made of it.
pub struct Client {
    pub(super) config: Config,
    pub(super) base: Url,
    pub(super) token_url: Url,
    pub(super) transport: Transport,
    pub(super) tokens: Tokens,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("base", &self.base.as_str())
            .field("token_url", &self.token_url.as_str())
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
        let token_url = match &config.token_url {
            Some(url) => parse_base_url(url, "token_url")?,
            None => operation_url(&base, "/auth/tokens/refreshToken"),
        };
        let servers = [&base, &token_url];
        Ok(Self {
            transport: Transport::new(&servers, config.timeouts, config.read_retry)
                .map_err(|_| ConfigError::Tls)?,
            base,
            token_url,
            tokens: Tokens::new(moments(&config.clock), Renewal::FourFifths),
            config,
        })
    }

    /// Makes sure that there is an access token, and one that is not about to end. Moves no money.
    ///
    /// To be called before the right to send a payment is used up: a payment that is turned away for its
    /// token is not sent again by itself, and this makes it rare.
    pub async fn ready(&self) -> Outcome<()> {
        self.token(None)
            .await
            .map_or_else(Into::into, |_| Outcome::Definite(()))
    }

    /// Whether Flux answers and takes the credentials. Looks up a transaction that nobody made.
    pub async fn probe(&self) -> Outcome<()> {
        let seen = Operation::start("probe");
        seen.end(match self.look_up(PROBED).await {
            Outcome::Definite(_) | Outcome::Rejected(Cause::UnknownError | Cause::Validation) => {
                Outcome::Definite(())
            }
            Outcome::NotSent(cause) => Outcome::NotSent(cause),
            Outcome::Rejected(cause) => Outcome::Rejected(cause),
            Outcome::Unknown(cause) => Outcome::Unknown(cause),
        })
    }

    /// **Moves money.** Charges the wallet code that the buyer shows, once: one connection, one request,
    /// never repeated whatever happens.
    ///
    /// `code`: 1 to 512 printable ASCII characters, exactly as they were read; neither the first nor the last
    /// a space, and none in what is base64 otherwise. As good as cash until used, it goes into the body of the
    /// request and nowhere else.
    ///
    /// Paid only with everything that the module's table asks for; what falls short is unknown and is
    /// settled with [`Client::transaction`]. [`Cause::ReferenceTaken`] says that an earlier sending of
    /// [`Charge::reference`] arrived, and not what became of it; [`Cause::Total`] and [`Cause::NotFinal`]
    /// are for a person to look at if the look-up says the same.
    pub async fn pay(&self, charge: &Charge, code: &SecretString) -> Outcome<Payment> {
        let seen = Operation::start("pay");
        let answer = self.tell(request::payment(charge, code)).await;
        seen.end_payment(answer.map_or_else(Into::into, |answer| status::payment(&answer, charge)))
    }

    /// **Moves money.** Gives money back, once, as [`Client::pay`] sends once.
    ///
    /// A refund has no name of its own, so two of one payment cannot be told apart, and
    /// [`Client::transaction`] need not show one: what is unknown is for a person to settle.
    pub async fn refund(&self, order: &RefundOrder) -> Outcome<Refund> {
        let seen = Operation::start("refund");
        let answer = self.tell(request::refund(order)).await;
        seen.end_refund(answer.map_or_else(Into::into, |answer| status::refund(&answer, order)))
    }

    /// What Flux knows of the payment of `reference`. A read.
    ///
    /// Not found: HTTP 404 with an error that has a code, or HTTP 400 with the code `ERR_NOT_FOUND` or one of
    /// [`Config::absent_codes`]; no document says what is answered. A read that fails proves nothing about
    /// the payment, whichever way it fails (a rejected read included), and neither does
    /// [`TransactionRead::NotFound`] while a payment may still be on its way.
    pub async fn transaction(&self, reference: &str) -> Outcome<TransactionRead> {
        let seen = Operation::start("transaction");
        seen.end(self.look_up(reference).await)
    }

    async fn look_up(&self, reference: &str) -> Outcome<TransactionRead> {
        let answer = self.ask(request::transaction(reference)).await;
        answer.map_or_else(Into::into, |answer| {
            status::transaction(&answer, reference, &self.config.absent_codes)
        })
    }
}

/// A reference that no payment of ours has: they are all drawn at random.
const PROBED: &str = "ventanilla-probe";
