//! What can be asked of the provider.

use std::fmt;

use secrecy::SecretString;
use ventanilla_core::money::Money;

use super::id::{AuthorizationId, CaptureId, Reference};
use super::secret::{
    AccountNumber, BirthDate, CardNumber, CustomerId, VerificationCode, WidgetSessionId,
};
use super::sku::SkuData;

/// How the widget is to know the buyer.
pub enum Identification {
    /// By account.
    Account(AccountNumber),
    /// By a Flexiti card; only where [`Config::identify_by_card`](super::Config::identify_by_card) says so.
    Card(CardNumber),
    /// By name, date of birth and postal code.
    Person(Person),
}

/// A buyer. `Debug` shows nobody.
pub struct Person {
    /// 1 to 80 characters.
    pub first_name: SecretString,
    /// 1 to 80 characters.
    pub last_name: SecretString,
    /// Goes to the provider and nowhere else.
    pub date_of_birth: BirthDate,
    /// 1 to 10 characters.
    pub postal_code: SecretString,
}

/// How a purchase is paid off.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Financing {
    /// By a plan of the merchant's.
    Promotional {
        /// The plan.
        plan_id: u64,
        /// Months.
        term: u32,
    },
    /// By the account's own terms.
    Regular,
}

/// An address, with the name of a person. `Debug` shows nobody.
#[derive(Clone)]
pub struct Address {
    /// 1 to 100 characters.
    pub first_name: String,
    /// 1 to 100 characters.
    pub last_name: String,
    /// 1 to 100 characters.
    pub address_1: String,
    /// May be empty; up to 100 characters.
    pub address_2: String,
    /// 1 to 100 characters.
    pub city: String,
    /// Two capital letters, such as `ON`.
    pub province: String,
    /// 1 to 10 characters.
    pub postal_code: String,
}

/// Where and by whom something is done in a shop; nothing online has it. `Debug` shows nobody.
#[derive(Clone)]
pub struct Counter {
    /// The shop, as the merchant names it: 1 to 50 characters.
    pub location_id: String,
    /// The employee, as the merchant names them, which may be by name: 1 to 50 characters.
    pub employee_id: SecretString,
}

/// Asks to hold, or with `auto_capture` to take, an amount of the buyer's credit; the buyer is online.
#[derive(Debug)]
pub struct OnlineAuthorization {
    /// Ours.
    pub reference: Reference,
    /// Whose credit.
    pub account: AccountNumber,
    /// A card of that account, if the provider is to see it.
    pub card: Option<CardNumber>,
    /// Canadian dollars, more than none.
    pub amount: Money,
    /// How it is paid off.
    pub financing: Financing,
    /// Whether the amount is taken at once. Hold and capture instead: a hold that got lost can be released.
    pub auto_capture: bool,
    /// The goods.
    pub sku_data: Option<SkuData>,
    /// Whom the bill goes to.
    pub billing: Address,
    /// Where the goods go.
    pub shipping: Address,
    /// In which the buyer proved who they are.
    pub widget_session: WidgetSessionId,
}

/// As [`OnlineAuthorization`]; the buyer stands in a shop.
#[derive(Debug)]
pub struct InStoreAuthorization {
    /// Ours.
    pub reference: Reference,
    /// Whose credit.
    pub account: AccountNumber,
    /// A card of that account, if the provider is to see it.
    pub card: Option<CardNumber>,
    /// Canadian dollars, more than none.
    pub amount: Money,
    /// How it is paid off.
    pub financing: Financing,
    /// Whether the amount is taken at once.
    pub auto_capture: bool,
    /// The goods.
    pub sku_data: Option<SkuData>,
    /// Whom the bill goes to.
    pub billing: Option<Address>,
    /// Where the goods go.
    pub shipping: Option<Address>,
    /// By which the buyer was verified.
    pub verification_code: VerificationCode,
    /// Of that verification: 1 to 64 characters.
    pub request_id: String,
    /// Where.
    pub counter: Counter,
}

/// How much of something is undone.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Part {
    /// All that is left.
    All,
    /// This much: Canadian dollars, more than none.
    Amount(Money),
}

/// Asks to give up a hold, or a part of it.
#[derive(Debug)]
pub struct Release {
    /// Of what.
    pub authorization: AuthorizationId,
    /// Ours.
    pub reference: Reference,
    /// How much.
    pub part: Part,
    /// Where, in a shop.
    pub counter: Option<Counter>,
}

/// Asks to take a held amount, or a part of it.
#[derive(Debug)]
pub struct Capture {
    /// Of what.
    pub authorization: AuthorizationId,
    /// Ours.
    pub reference: Reference,
    /// Canadian dollars, more than none.
    pub amount: Money,
    /// The goods.
    pub sku_data: Option<SkuData>,
    /// Where, in a shop.
    pub counter: Option<Counter>,
}

/// Asks to give back what was captured, or a part of it; promotional purchases only.
#[derive(Debug)]
pub struct Return {
    /// Of what.
    pub authorization: AuthorizationId,
    /// Of which of its captures.
    pub capture: CaptureId,
    /// Ours.
    pub reference: Reference,
    /// How much.
    pub part: Part,
    /// A card of the account, if the provider is to see it.
    pub card: Option<CardNumber>,
    /// The goods, without [`SkuData::shipping_total`].
    pub sku_data: Option<SkuData>,
    /// Where, in a shop.
    pub counter: Option<Counter>,
}

/// Asks to give money to an account, as for a regular purchase. No read of the provider shows it, so nothing
/// can find out whether a refund whose answer was lost was made: prefer [`Return`].
#[derive(Debug)]
pub struct Refund {
    /// Whose.
    pub account: AccountNumber,
    /// Ours.
    pub reference: Reference,
    /// Canadian dollars, more than none.
    pub amount: Money,
    /// Of which capture.
    pub capture: Option<CaptureId>,
    /// A card of the account, if the provider is to see it.
    pub card: Option<CardNumber>,
    /// The goods, without [`SkuData::shipping_total`].
    pub sku_data: Option<SkuData>,
    /// Where, in a shop.
    pub counter: Option<Counter>,
}

/// Whom a [`Deposit`] is for.
#[derive(Debug)]
pub enum DepositTo {
    /// An account.
    Account(AccountNumber),
    /// The account of a card.
    Card(CardNumber),
    /// A customer.
    Customer(CustomerId),
}

/// What a [`Deposit`] is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum DepositKind {
    /// A deposit.
    Deposit,
    /// A payment of what is owed, made in a shop.
    InStorePayment,
    /// Goods taken in part payment.
    TradeIn,
}

/// Asks to put money into an account. It needs the code of a verification in a shop, so that no checkout
/// online has it.
#[derive(Debug)]
pub struct Deposit {
    /// Ours. The provider is told of it only as [`Config::idempotency_key`](super::Config::idempotency_key)
    /// says.
    pub reference: Reference,
    /// What it is.
    pub kind: DepositKind,
    /// Canadian dollars, more than none.
    pub amount: Money,
    /// Whom it is for.
    pub to: DepositTo,
    /// By which the customer was verified.
    pub verification_code: VerificationCode,
    /// Of that verification, and where, in a shop.
    pub in_store: Option<(String, Counter)>,
}

impl fmt::Debug for Identification {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Account(_) => "Account(..)",
            Self::Card(_) => "Card(..)",
            Self::Person(_) => "Person(..)",
        })
    }
}

impl fmt::Debug for Person {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Person").finish_non_exhaustive()
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Address").finish_non_exhaustive()
    }
}

impl fmt::Debug for Counter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Counter")
            .field("location_id", &self.location_id)
            .finish_non_exhaustive()
    }
}
