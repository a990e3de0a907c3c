//! The Flux rail (Mexico): the buyer's wallet shows a code, the checkout reads it, and it is charged at once.
//!
//! | step | call | moves money |
//! |---|---|---|
//! | prepare | an access token, renewed ahead of its end | no |
//! | send | charge the code: the bill, the tip, our reference | yes, once per right |
//! | operate | refund the whole payment, by our reference | yes, once per right |
//! | read, probe | transaction by our reference | no |
//!
//! Why a second payment cannot follow a wrong "it never happened": the provider refuses a reference that it
//! knows. Until a definite decline every attempt of a session therefore carries the first one's reference
//! ([`AttemptRow::at_provider`]), so that the late execution of an earlier one and the next one exclude each
//! other. "Already exists" says that something arrived and not what became of it; that is read back.
//!
//! The code is as good as cash until it is used. It comes in, is sent, and is wiped; it is never written
//! anywhere.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;
use ventanilla_core::money::{Currency, Money};
use ventanilla_core::operation::OperationKind;
use ventanilla_core::problem::ProblemCode;
use ventanilla_core::rails::flux::{FluxOffer, FluxStart};
use ventanilla_core::wallet_code::WalletCode;
use ventanilla_providers::Outcome;
use ventanilla_providers::flux::{
    Charge, Client, Clock, Payment, Place, Refund, RefundOrder, Transaction, TransactionRead,
};

use crate::clock::SharedClock;
use crate::error::{Error, Result};
use crate::machine::{Breakers, Confirmation, Finding, Proof, Reading};
use crate::rails::Host;
use crate::store::{AttemptRow, OperationRow};

/// The most that bill and tip may come to, in centavos: the provider's integers have 32 bits.
const MOST: u64 = 2_147_483_647;

/// What the merchant configured for this rail.
#[derive(Clone, Debug)]
pub struct FluxRailConfig {
    /// Where payments are made.
    pub place: Place,
    /// What is offered: how a tip may be added.
    pub offer: FluxOffer,
    /// What `client` allows for a whole call that moves money.
    pub call_limit: Duration,
}

/// Wallet codes: holds what was read against the session, and charges it.
pub struct FluxRail {
    client: Client,
    config: FluxRailConfig,
}

/// A start request that fits its session. Wiped when dropped.
pub struct FluxPlan {
    code: WalletCode,
    /// The tip, in minor units.
    pub tip_minor: u64,
    /// Bill and tip together.
    pub total: Money,
}

/// Everything an attempt needs in memory until its call is over. Wiped when dropped.
pub struct FluxPayment {
    code: SecretString,
    charge: Charge,
}

impl FluxPlan {
    /// Where its calls go.
    #[must_use]
    pub const fn hosts() -> &'static [Host] {
        &[Host::Flux]
    }
}

impl fmt::Debug for FluxRail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FluxRail")
            .field("client", &self.client)
            .field("config", &self.config)
            .finish()
    }
}

/// The time as a client of the provider reads it.
#[must_use]
pub fn client_clock(clock: &SharedClock) -> Clock {
    let clock = Arc::clone(clock);
    Arc::new(move || clock.now().millis().div_euclid(1000))
}

impl FluxRail {
    /// A rail over `client`.
    #[must_use]
    pub const fn new(client: Client, config: FluxRailConfig) -> Self {
        Self { client, config }
    }

    /// Whether this rail settles in `currency`.
    #[must_use]
    pub fn settles(currency: Currency) -> bool {
        currency == Currency::MXN
    }

    /// The provider's client, for what is about no payment of ours.
    #[must_use]
    pub const fn client(&self) -> &Client {
        &self.client
    }

    /// The longest that a whole call takes which moves money, in the world's time.
    #[must_use]
    pub const fn call_limit(&self) -> Duration {
        self.config.call_limit
    }

    /// What a session offers on this rail.
    #[must_use]
    pub fn offer(&self) -> FluxOffer {
        self.config.offer.clone()
    }

    /// Holds a start request against what is offered for `bill`.
    ///
    /// # Errors
    ///
    /// `wallet-code-malformed`, saying what was read instead; `tip-not-allowed`; `rail-not-offered` for an
    /// amount that the provider's integers do not hold.
    pub fn check(&self, start: &FluxStart, bill: Money) -> Result<FluxPlan> {
        let code = WalletCode::parse(&start.code).map_err(|other| {
            Error::new(ProblemCode::WalletCodeMalformed)
                .detail(format!("{}: {other}", other.code()))
        })?;
        let too_much = || {
            Error::new(ProblemCode::RailNotOffered)
                .detail(format!("rail flux takes at most {MOST} minor units"))
        };
        if bill.minor() > MOST {
            return Err(too_much());
        }
        let offer = &self.config.offer;
        let total = offer.total(bill, start.tip_minor).map_err(|error| {
            Error::new(ProblemCode::TipNotAllowed).detail(format!("flux.tip_minor: {error}"))
        })?;
        if total.minor() > MOST {
            return Err(too_much());
        }
        Ok(FluxPlan {
            code,
            tip_minor: start.tip_minor,
            total,
        })
    }

    /// What an attempt needs to be paid. The reference is [`FluxPayment::carry`]'s.
    ///
    /// # Errors
    ///
    /// `internal` when bill or tip is no amount.
    pub fn payment(&self, plan: &FluxPlan) -> Result<FluxPayment> {
        let money = |minor| Money::from_minor(minor, plan.total.currency());
        let bill = money(plan.total.minor() - plan.tip_minor).map_err(Error::internal)?;
        Ok(FluxPayment {
            // EXPOSE: from one secret type into the other.
            code: SecretString::from(plan.code.as_str()),
            charge: Charge {
                reference: String::new(),
                amount: bill,
                tip: money(plan.tip_minor).map_err(Error::internal)?,
                place: self.config.place.clone(),
            },
        })
    }

    /// Makes sure that there is an access token. Moves no money.
    ///
    /// # Errors
    ///
    /// Why there is none.
    pub async fn prepare(&self, breakers: &Breakers) -> std::result::Result<(), String> {
        let outcome = self.client.ready().await;
        breakers.note(Host::Flux, &outcome);
        match outcome {
            Outcome::Definite(()) => Ok(()),
            Outcome::NotSent(cause) | Outcome::Rejected(cause) | Outcome::Unknown(cause) => {
                Err(format!("no access token: {cause}"))
            }
        }
    }

    /// **Moves money.** To be called once for each right to send.
    pub async fn send(&self, payment: &FluxPayment, breakers: &Breakers) -> Finding<Proof> {
        let outcome = self.client.pay(&payment.charge, &payment.code).await;
        breakers.note(Host::Flux, &outcome);
        match outcome {
            Outcome::NotSent(cause) => Finding::NotSent(cause.to_string()),
            Outcome::Rejected(cause) => Finding::Rejected(cause.to_string()),
            Outcome::Unknown(cause) => Finding::Unknown(cause.to_string()),
            Outcome::Definite(Payment::Declined(reason)) => Finding::Declined {
                code: Some(reason.code().to_owned()),
            },
            Outcome::Definite(Payment::Paid(paid)) => {
                Finding::Confirmed(Proof::Paid(confirmation(paid)))
            }
        }
    }

    /// Reads a payment back by the reference that it went out under.
    pub async fn read(&self, attempt: &AttemptRow) -> Reading {
        match self.client.transaction(attempt.at_provider()).await {
            Outcome::Definite(TransactionRead::Paid(paid)) => {
                Reading::Confirmed(confirmation(paid))
            }
            Outcome::Definite(TransactionRead::NotFound) => Reading::NotFound,
            // No document says that reads show refunds; one that does is believed, as it says that money left.
            Outcome::Definite(TransactionRead::Other { kind, .. }) if kind == "refund" => {
                Reading::Changed(OperationKind::Refund)
            }
            Outcome::Definite(TransactionRead::Other { status, kind }) => {
                Reading::Other(format!("{kind}: {status}"))
            }
            Outcome::NotSent(cause) | Outcome::Rejected(cause) | Outcome::Unknown(cause) => {
                Reading::Failed(cause.to_string())
            }
        }
    }

    /// Whether the provider answers and takes our credentials.
    pub async fn probe(&self) -> bool {
        matches!(self.client.probe().await, Outcome::Definite(()))
    }

    /// The amount of an operation, if this rail has it: a refund of bill and tip together. That a part can
    /// be refunded, and several parts one after the other, is documented nowhere.
    ///
    /// # Errors
    ///
    /// `operation-not-possible` for any but a refund; `request-malformed` for an amount.
    pub fn operation_amount(
        kind: OperationKind,
        asked: Option<Money>,
        attempt: &AttemptRow,
    ) -> Result<Money> {
        match (kind, asked) {
            (OperationKind::Refund, None) => Ok(attempt.total),
            (OperationKind::Refund, Some(_)) => Err(Error::new(ProblemCode::RequestMalformed)
                .detail(
                    "a wallet's payment is given back as a whole, with its tip: leave amount out",
                )),
            _ => Err(Error::new(ProblemCode::OperationNotPossible)
                .detail(format!("rail flux has refund, not {}", kind.name()))),
        }
    }

    /// The refund that `operation` asks for.
    #[must_use]
    pub fn refund(&self, operation: &OperationRow, attempt: &AttemptRow) -> RefundOrder {
        RefundOrder {
            reference: attempt.at_provider().to_owned(),
            amount: operation.amount,
            message: format!("refund {}", operation.id),
            place: self.config.place.clone(),
        }
    }

    /// **Moves money.** To be called once for each right to send.
    pub async fn operate(&self, refund: &RefundOrder, breakers: &Breakers) -> Finding<()> {
        let outcome = self.client.refund(refund).await;
        breakers.note(Host::Flux, &outcome);
        match outcome {
            Outcome::NotSent(cause) => Finding::NotSent(cause.to_string()),
            Outcome::Rejected(cause) => Finding::Rejected(cause.to_string()),
            Outcome::Unknown(cause) => Finding::Unknown(cause.to_string()),
            Outcome::Definite(Refund::Done(_)) => Finding::Confirmed(()),
            Outcome::Definite(Refund::Refused(code)) => Finding::Declined {
                code: Some(code.to_owned()),
            },
        }
    }
}

impl FluxPayment {
    /// Takes the reference that was recorded for the attempt.
    pub fn carry(&mut self, attempt: &AttemptRow) {
        attempt.at_provider().clone_into(&mut self.charge.reference);
    }
}

fn confirmation(paid: Transaction) -> Confirmation {
    Confirmation {
        total: paid.total,
        tip_minor: paid.tip.minor(),
        authorization: paid.authorization,
        brand: None,
        last4: None,
        bin: None,
        saved: None,
    }
}
