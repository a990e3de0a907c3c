//! The card rail, by GreenPay (Costa Rica).
//!
//! | step | call | moves money |
//! |---|---|---|
//! | prepare | open an order; nothing for a saved card | no |
//! | send | pay with the sealed card, or with the saved card's token | yes, once per right |
//! | operate | capture, void or refund; they name the card's digits and the authorization | yes, once per right |
//! | subscribe, pay a subscription, pay in bulk | what belongs to no checkout | yes, once per right |
//! | read, probe | transaction by our reference | no |
//!
//! `ld` and `lk` come in, are sent, and are wiped; they are never written anywhere. Only the buyer's
//! own installments are offered to the provider in the order, so the sealed card cannot pick others
//! than the machine recorded.

mod told;

use std::fmt;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use secrecy::{ExposeSecret, SecretString};
use ventanilla_core::money::{Currency, Money};
use ventanilla_core::operation::OperationKind;
use ventanilla_core::problem::ProblemCode;
use ventanilla_core::rails::card::{
    CardOffer, CardStart, LD_MAX_CHARS, LK_MAX_CHARS, SaveCardPolicy, SavedCardView,
    SealedCardMessage,
};
use ventanilla_core::seal::ProviderKey;
use ventanilla_providers::Outcome;
use ventanilla_providers::greenpay::{
    self, BulkId, BulkPayment, CardToken, Client, CreatedSubscription, Expected, NewSubscription,
    OperationAnswer, Order, OrderSession, PaidTransaction, Payment, SavedToken, StateChange,
    SubscriptionApproval, SubscriptionId, SubscriptionPayment, TransactionRead,
};
use zeroize::Zeroizing;

pub(crate) use told::{changed, known, made};

use crate::error::{Error, Result};
use crate::id;
use crate::machine::{Address, Breakers, Buyer, Confirmation, Finding, NewSession, Proof, Reading};
use crate::rails::Host;
use crate::store::{AttemptRow, NewSavedCard, SavedCardRow};

/// What the merchant configured for cards.
#[derive(Clone, Debug)]
pub struct CardRailConfig {
    /// The currencies that the merchant's terminal settles in; at least one.
    pub currencies: Vec<Currency>,
    /// The provider's public key as the merchant received it: SPKI, PEM or bare base64.
    pub public_key: String,
    /// SHA-256 fingerprints of the keys that the widget may seal to, 64 lower-case hex digits each.
    /// Empty pins `public_key` alone.
    pub pins: Vec<String>,
    /// Whether a key of 1024 to 2047 bits may be used.
    pub accept_weak_key: bool,
    /// What `client` allows for a whole call that moves money.
    pub call_limit: Duration,
    /// What happens with money that came twice.
    pub duplicates: Duplicates,
}

/// What happens with money that came twice.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Duplicates {
    /// It is sent back by itself.
    #[default]
    Void,
    /// It waits for somebody at the merchant.
    Keep,
}

/// Cards: validates what the browser sent and drives the provider's calls.
pub struct CardRail {
    client: Client,
    currencies: Vec<Currency>,
    public_key: String,
    pins: Vec<String>,
    accept_weak_key: bool,
    modulus_bytes: usize,
    call_limit: Duration,
    duplicates: Duplicates,
}

/// How a card pays.
pub enum CardMeans {
    /// With the card typed now.
    Sealed(SealedCardMessage),
    /// With a saved card, by its identifier here.
    Saved(String),
}

/// A start request that fits its session.
pub struct CardPlan {
    /// How the card pays.
    pub means: CardMeans,
    /// The installments picked.
    pub installments: Option<u8>,
    /// The card is to be saved.
    pub save_card: bool,
}

/// Everything a card attempt needs in memory until its call is over. Wiped when dropped.
pub struct CardPayment {
    order: Order,
    buyer_id: Option<String>,
    means: PayableMeans,
}

/// Everything an operation needs in memory until its call is over.
pub struct CardOperation {
    kind: OperationKind,
    amount: Money,
    paid: PaidTransaction,
}

impl CardPlan {
    /// Where its calls go.
    #[must_use]
    pub const fn hosts(&self) -> &'static [Host] {
        match self.means {
            CardMeans::Sealed(_) => &[Host::GreenpayMerchant, Host::GreenpayCheckout],
            CardMeans::Saved(_) => &[Host::GreenpayMerchant],
        }
    }
}

enum PayableMeans {
    Sealed {
        card: SealedCardMessage,
        session: Option<OrderSession>,
    },
    Saved(CardToken),
}

impl fmt::Debug for CardRail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CardRail")
            .field("client", &self.client)
            .field("currencies", &self.currencies)
            .field("pins", &self.pins)
            .finish_non_exhaustive()
    }
}

impl CardRail {
    /// A rail over `client`.
    ///
    /// # Errors
    ///
    /// When the configured key cannot be sealed to under `pins` and `accept_weak_key`, or no
    /// currency is configured.
    pub fn new(client: Client, config: CardRailConfig) -> Result<Self> {
        let refused = |cause: &dyn fmt::Display| {
            Error::new(ProblemCode::KeyRefused).detail(format!("card.public_key: {cause}"))
        };
        if config.currencies.is_empty() {
            return Err(Error::new(ProblemCode::RequestMalformed)
                .detail("card.currencies must name at least one currency"));
        }
        let key = ProviderKey::parse(&config.public_key).map_err(|cause| refused(&cause))?;
        let pins = if config.pins.is_empty() {
            vec![key.fingerprint()]
        } else {
            config.pins
        };
        let public_key = key.to_spki_base64();
        let modulus_bytes = usize::try_from(key.bits().div_ceil(8)).unwrap_or(usize::MAX);
        key.pinned(&pins, config.accept_weak_key)
            .map_err(|cause| refused(&cause))?;
        Ok(Self {
            client,
            currencies: config.currencies,
            public_key,
            pins,
            accept_weak_key: config.accept_weak_key,
            modulus_bytes,
            call_limit: config.call_limit,
            duplicates: config.duplicates,
        })
    }

    /// What reaches the provider.
    #[must_use]
    pub const fn client(&self) -> &Client {
        &self.client
    }

    /// Whether the merchant's terminal settles in `currency`.
    #[must_use]
    pub fn settles(&self, currency: Currency) -> bool {
        self.currencies.contains(&currency)
    }

    /// The longest that a whole call takes which moves money, in the world's time.
    #[must_use]
    pub const fn call_limit(&self) -> Duration {
        self.call_limit
    }

    /// What a session offers on this rail.
    #[must_use]
    pub fn offer(&self, session: &NewSession, saved: Vec<SavedCardRow>) -> CardOffer {
        CardOffer {
            public_key: self.public_key.clone(),
            key_pins: self.pins.clone(),
            accept_weak_key: self.accept_weak_key,
            installments: session.installments.clone(),
            saved_cards: saved
                .into_iter()
                .map(|card| SavedCardView {
                    id: card.id,
                    brand: card.brand,
                    last4: card.last4,
                    expiry_month: card.expiry_month,
                    expiry_year: card.expiry_year,
                })
                .collect(),
            save_card: session.save_card,
        }
    }

    /// Holds a start request against its session.
    ///
    /// # Errors
    ///
    /// `request-malformed` when not exactly one card is given or saving it is not offered;
    /// `card-malformed`, always in the same words, when the sealed card is not what the widget
    /// makes; `installments-not-offered`.
    pub fn check(&self, start: CardStart, session: &NewSession) -> Result<CardPlan> {
        let malformed =
            |detail: &str| Err(Error::new(ProblemCode::RequestMalformed).detail(detail));
        if let Some(picked) = start.installments
            && !session.installments.contains(&picked)
        {
            return Err(
                Error::new(ProblemCode::InstallmentsNotOffered).detail(format!(
                    "card.installments must be one of {:?} or absent, found {picked}",
                    session.installments
                )),
            );
        }
        let means = match (start.sealed, start.saved_card) {
            (Some(sealed), None) => {
                self.check_sealed(&sealed)?;
                CardMeans::Sealed(sealed)
            }
            (None, Some(saved)) => CardMeans::Saved(saved),
            (Some(_), Some(_)) | (None, None) => {
                return malformed("card must hold exactly one of sealed and saved_card");
            }
        };
        if start.save_card {
            if matches!(means, CardMeans::Saved(_)) {
                return malformed("card.save_card goes with card.sealed only");
            }
            let buyer = session.buyer.as_ref().and_then(|buyer| buyer.id.as_ref());
            if session.save_card != SaveCardPolicy::Ask || buyer.is_none() {
                return malformed("card.save_card is not offered in this session");
            }
        }
        Ok(CardPlan {
            means,
            installments: start.installments,
            save_card: start.save_card,
        })
    }

    /// One answer for every damaged `ld` or `lk`: a finer one would help whoever probes the
    /// provider's key.
    pub(crate) fn check_sealed(&self, sealed: &SealedCardMessage) -> Result<()> {
        let ld_fits = (2..=LD_MAX_CHARS).contains(&sealed.ld.len())
            && sealed.ld.len().is_multiple_of(2)
            && sealed
                .ld
                .bytes()
                .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        let lk_fits = sealed.lk.len() <= LK_MAX_CHARS
            && STANDARD
                .decode(&sealed.lk)
                .map(Zeroizing::new)
                .is_ok_and(|bytes| bytes.len() == self.modulus_bytes);
        if ld_fits && lk_fits {
            Ok(())
        } else {
            Err(Error::new(ProblemCode::CardMalformed))
        }
    }

    /// What an attempt needs to be paid.
    ///
    /// # Errors
    ///
    /// `saved-card-unknown` when a token is wanted and missing or not a token.
    pub fn payment(
        plan: CardPlan,
        token: Option<&SecretString>,
        attempt: &AttemptRow,
        session: &NewSession,
    ) -> Result<CardPayment> {
        let means = match plan.means {
            CardMeans::Sealed(card) => PayableMeans::Sealed {
                card,
                session: None,
            },
            CardMeans::Saved(_) => {
                // EXPOSE: from one secret type into the other.
                let token = token.and_then(|token| CardToken::parse(token.expose_secret()));
                PayableMeans::Saved(token.ok_or(ProblemCode::SavedCardUnknown)?)
            }
        };
        Ok(CardPayment {
            order: order(attempt, session),
            buyer_id: session.buyer.as_ref().and_then(|buyer| buyer.id.clone()),
            means,
        })
    }

    /// Opens the provider's order. Moves no money; a saved card needs none.
    ///
    /// # Errors
    ///
    /// Why there is no order.
    pub async fn prepare(
        &self,
        payment: &mut CardPayment,
        breakers: &Breakers,
    ) -> std::result::Result<(), String> {
        let PayableMeans::Sealed { session, .. } = &mut payment.means else {
            return Ok(());
        };
        let outcome = self.client.create_order(&payment.order).await;
        breakers.note(Host::GreenpayMerchant, &outcome);
        match outcome {
            Outcome::Definite(opened) => {
                *session = Some(opened);
                Ok(())
            }
            Outcome::NotSent(cause) | Outcome::Rejected(cause) | Outcome::Unknown(cause) => {
                Err(format!("no order: {cause}"))
            }
        }
    }

    /// **Moves money.** To be called once for each right to send.
    pub async fn send(&self, payment: &CardPayment, breakers: &Breakers) -> Finding<Proof> {
        let (host, outcome) = match &payment.means {
            PayableMeans::Sealed {
                card,
                session: Some(session),
            } => {
                let expected = Expected {
                    reference: payment.order.reference.clone(),
                    total: payment.order.total,
                };
                let outcome = self.client.pay(session, card, &expected).await;
                (Host::GreenpayCheckout, outcome)
            }
            PayableMeans::Sealed { session: None, .. } => {
                return Finding::NotSent(String::from("there is no order to pay"));
            }
            PayableMeans::Saved(token) => {
                let outcome = self.client.pay_with_token(&payment.order, token).await;
                (Host::GreenpayMerchant, outcome)
            }
        };
        breakers.note(host, &outcome);
        match outcome {
            Outcome::NotSent(cause) => Finding::NotSent(cause.to_string()),
            Outcome::Rejected(cause) => Finding::Rejected(cause.to_string()),
            Outcome::Unknown(cause) => Finding::Unknown(cause.to_string()),
            Outcome::Definite(Payment::Declined { code }) => Finding::Declined { code },
            Outcome::Definite(Payment::Approved(approval)) => {
                let last4 = approval.last4;
                let saved = approval
                    .saved
                    .and_then(|saved| saved_card(saved, payment, last4.as_deref(), approval.brand));
                Finding::Confirmed(Proof::Paid(Confirmation {
                    total: approval.total,
                    tip_minor: 0,
                    authorization: approval.authorization,
                    brand: approval.brand,
                    last4,
                    bin: approval.bin,
                    saved,
                }))
            }
        }
    }

    /// **Moves money, later.** To be called once for each right to send.
    pub async fn subscribe(
        &self,
        new: &NewSubscription,
        breakers: &Breakers,
    ) -> Finding<CreatedSubscription> {
        finding(self.client.create_subscription(new).await, breakers)
    }

    /// **Moves money.** To be called once for each right to send.
    pub async fn pay_subscription(
        &self,
        id: &SubscriptionId,
        breakers: &Breakers,
    ) -> Finding<SubscriptionApproval> {
        match finding(self.client.pay_subscription(id).await, breakers) {
            Finding::Confirmed(SubscriptionPayment::Approved(approval)) => {
                Finding::Confirmed(approval)
            }
            Finding::Confirmed(SubscriptionPayment::Declined { code }) => {
                Finding::Declined { code }
            }
            Finding::Declined { code } => Finding::Declined { code },
            Finding::NotSent(cause) => Finding::NotSent(cause),
            Finding::Rejected(cause) => Finding::Rejected(cause),
            Finding::Unknown(cause) => Finding::Unknown(cause),
        }
    }

    /// **Moves money.** To be called once for each right to send.
    pub async fn bulk(&self, payments: &[BulkPayment], breakers: &Breakers) -> Finding<BulkId> {
        finding(self.client.bulk(payments).await, breakers)
    }

    /// Reads a payment back by our reference.
    pub async fn read(&self, reference: &str) -> Reading {
        match self.client.transaction(reference).await {
            Outcome::Definite(TransactionRead::Approved(detail)) => {
                Reading::Confirmed(Confirmation {
                    total: detail.total,
                    tip_minor: 0,
                    authorization: detail.authorization,
                    brand: None,
                    last4: detail.last4,
                    bin: detail.bin,
                    saved: None,
                })
            }
            Outcome::Definite(TransactionRead::NotFound) => Reading::NotFound,
            Outcome::Definite(TransactionRead::Other { state, change }) => match change {
                Some(StateChange::Voided) => Reading::Changed(OperationKind::Void),
                Some(StateChange::Refunded) => Reading::Changed(OperationKind::Refund),
                Some(StateChange::Captured) => Reading::Changed(OperationKind::Capture),
                None => Reading::Other(state),
            },
            Outcome::NotSent(cause) | Outcome::Rejected(cause) | Outcome::Unknown(cause) => {
                Reading::Failed(cause.to_string())
            }
        }
    }

    /// Whether the provider answers: a read of a reference that nobody ever used.
    ///
    /// GreenPay reads at one of its two hosts only, so this stands for both.
    pub async fn probe(&self) -> bool {
        match id::make() {
            Ok(reference) => {
                let outcome = self.client.transaction(&reference).await;
                matches!(outcome, Outcome::Definite(_))
            }
            Err(_) => false,
        }
    }

    /// What sends money back that came twice, if that is not left to the merchant.
    #[must_use]
    pub const fn returns_duplicates(&self) -> Option<OperationKind> {
        match self.duplicates {
            Duplicates::Void => Some(OperationKind::Void),
            Duplicates::Keep => None,
        }
    }

    /// The amount of an operation, if this rail has it.
    ///
    /// # Errors
    ///
    /// `operation-not-possible` for any but capture, void and refund; `request-malformed` for an
    /// amount with void or refund, which GreenPay does as a whole; `amount-invalid` for none or
    /// another currency; `amount-exceeds-payment`.
    pub fn operation_amount(
        kind: OperationKind,
        asked: Option<Money>,
        attempt: &AttemptRow,
    ) -> Result<Money> {
        let paid = attempt.total;
        match (kind, asked) {
            (OperationKind::Capture | OperationKind::Void | OperationKind::Refund, None) => {
                Ok(paid)
            }
            (OperationKind::Capture, Some(asked)) => {
                if asked.minor() == 0 || asked.currency() != paid.currency() {
                    return Err(Error::new(ProblemCode::AmountInvalid).detail(format!(
                        "amount must be more than zero and in {}",
                        paid.currency()
                    )));
                }
                if asked.minor() > paid.minor() {
                    return Err(Error::new(ProblemCode::AmountExceedsPayment)
                        .detail(format!("amount must be at most {}", paid.minor())));
                }
                Ok(asked)
            }
            (OperationKind::Void | OperationKind::Refund, Some(_)) => {
                Err(Error::new(ProblemCode::RequestMalformed)
                    .detail("amount goes with capture only: cards are given back as a whole"))
            }
            (
                OperationKind::Release
                | OperationKind::Return
                | OperationKind::CashOut
                | OperationKind::Bulk
                | OperationKind::Subscription
                | OperationKind::SubscriptionPayment
                | OperationKind::Deposit,
                _,
            ) => Err(
                Error::new(ProblemCode::OperationNotPossible).detail(format!(
                    "rail card has capture, void and refund, not {}",
                    kind.name()
                )),
            ),
        }
    }

    /// Makes an operation ready, with what the provider tells of the payment now or told before.
    ///
    /// # Errors
    ///
    /// What is missing.
    pub fn operation(
        kind: OperationKind,
        amount: Money,
        attempt: &AttemptRow,
        now: Option<&Confirmation>,
    ) -> std::result::Result<CardOperation, String> {
        let told = |pick: fn(&Confirmation) -> &Option<String>, kept: &Option<String>, what| {
            now.and_then(|now| pick(now).clone())
                .or_else(|| kept.clone())
                .ok_or_else(|| format!("the provider never told the {what} that it asks for"))
        };
        Ok(CardOperation {
            kind,
            amount,
            paid: PaidTransaction {
                reference: attempt.reference.clone(),
                authorization: told(
                    |now| &now.authorization,
                    &attempt.authorization,
                    "authorization",
                )?,
                bin: told(|now| &now.bin, &attempt.bin, "leading digits")?,
                last4: told(|now| &now.last4, &attempt.last4, "last four digits")?,
            },
        })
    }

    /// **Moves money.** To be called once for each right to send.
    pub async fn operate(&self, operation: &CardOperation, breakers: &Breakers) -> Finding<()> {
        let paid = &operation.paid;
        let outcome = match operation.kind {
            OperationKind::Capture => self.client.capture(paid, Some(operation.amount)).await,
            OperationKind::Void => self.client.void(paid).await,
            OperationKind::Refund => self.client.refund(paid).await,
            OperationKind::Release
            | OperationKind::Return
            | OperationKind::CashOut
            | OperationKind::Bulk
            | OperationKind::Subscription
            | OperationKind::SubscriptionPayment
            | OperationKind::Deposit => {
                return Finding::NotSent(String::from("rail card has no such operation"));
            }
        };
        breakers.note(Host::GreenpayMerchant, &outcome);
        match outcome {
            Outcome::NotSent(cause) => Finding::NotSent(cause.to_string()),
            Outcome::Rejected(cause) => Finding::Rejected(cause.to_string()),
            Outcome::Unknown(cause) => Finding::Unknown(cause.to_string()),
            Outcome::Definite(OperationAnswer::Done) => Finding::Confirmed(()),
            Outcome::Definite(OperationAnswer::Refused { code }) => Finding::Declined { code },
        }
    }

    /// Whether reads that keep showing the payment as it was prove that an operation was not
    /// executed. GreenPay settles refunds and captures in its own time; a void shows at once.
    #[must_use]
    pub const fn reads_disprove(kind: OperationKind) -> bool {
        matches!(kind, OperationKind::Void)
    }
}

/// What a call to the merchant host came to, which counts for whether that answers.
fn finding<T>(outcome: Outcome<T>, breakers: &Breakers) -> Finding<T> {
    breakers.note(Host::GreenpayMerchant, &outcome);
    match outcome {
        Outcome::Definite(proof) => Finding::Confirmed(proof),
        Outcome::NotSent(cause) => Finding::NotSent(cause.to_string()),
        Outcome::Rejected(cause) => Finding::Rejected(cause.to_string()),
        Outcome::Unknown(cause) => Finding::Unknown(cause.to_string()),
    }
}

fn saved_card(
    saved: SavedToken,
    payment: &CardPayment,
    last4: Option<&str>,
    brand: Option<ventanilla_core::card::Brand>,
) -> Option<NewSavedCard> {
    let buyer_id = payment.buyer_id.clone()?;
    let card = saved.card;
    Some(NewSavedCard {
        id: id::make_prefixed("crd").ok()?,
        buyer_id,
        // EXPOSE: from one secret type into the other.
        token: SecretString::from(saved.token.expose()),
        brand: card.brand.or(brand),
        last4: card.last4.or_else(|| last4.map(str::to_owned))?,
        bin: card.bin,
        expiry_month: card.expiry.map(|expiry| expiry.month),
        expiry_year: card.expiry.map(|expiry| expiry.year),
    })
}

fn order(attempt: &AttemptRow, session: &NewSession) -> Order {
    Order {
        reference: attempt.reference.clone(),
        total: attempt.total,
        description: session
            .description
            .clone()
            .unwrap_or_else(|| session.order_reference.clone()),
        installments: attempt.installments.into_iter().collect(),
        buyer: session.buyer.as_ref().and_then(buyer),
        items: session
            .items
            .iter()
            .map(|item| greenpay::OrderItem {
                sku: item.sku.clone(),
                description: item.description.clone(),
                quantity: item.quantity,
                unit_price: item.unit_price,
            })
            .collect(),
    }
}

/// GreenPay's customer has a name and an electronic mail address, or is not told at all.
fn buyer(buyer: &Buyer) -> Option<greenpay::Buyer> {
    Some(greenpay::Buyer {
        name: Some(buyer.name.clone()?),
        email: Some(buyer.email.clone()?),
        billing_address: buyer.billing_address.as_ref().map(address),
        shipping_address: buyer.shipping_address.as_ref().map(address),
    })
}

fn address(address: &Address) -> greenpay::Address {
    greenpay::Address {
        country: address.country.clone(),
        street1: address.street1.clone(),
        street2: address.street2.clone(),
        city: address.city.clone(),
        province: address.province.clone(),
        postal_code: address.postal_code.clone(),
    }
}
