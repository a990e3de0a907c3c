//! What the merchant asks for without a checkout, and what it is shown of it.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use ventanilla_core::attempt::AttemptState;
use ventanilla_core::money::Money;

use crate::machine::NewItem;

/// A transfer out of the merchant's CVU account: the body of `POST /v1/cvu/cash-outs`.
///
/// `Debug` shows nothing of the recipient.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewCashOut {
    /// The merchant's own number for it, for people: 1 to 64 characters. It is not sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// How much goes out: Argentine pesos, more than zero.
    pub amount: Money,
    /// Where it goes.
    pub to: Recipient,
    /// One of the provider's concepts, 1 to 64 characters; the configured one unless told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub concept: Option<String>,
    /// What the recipient's bank may show: 1 to 100 characters; the operation's identifier unless told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

/// Whose account money goes to: exactly one of an account and an alias, and the holder's CUIT or CUIL.
#[derive(Clone, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Recipient {
    /// The 22 digits of a CVU or CBU.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cvu: Option<String>,
    /// An alias, 6 to 20 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alias: Option<String>,
    /// The holder's tax identifier, 11 digits.
    pub cuit: String,
}

impl fmt::Debug for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Recipient(****)")
    }
}

/// A payment with a saved card, of a buyer who is not there: the body of `POST /v1/greenpay/token-payments`.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewTokenPayment {
    /// The merchant's order number, for people: 1 to 64 characters.
    pub order_reference: String,
    /// What is taken; more than zero, in a currency that the card rail settles in.
    pub total: Money,
    /// Whose card it is, by the shop's own identifier.
    pub buyer_id: String,
    /// The saved card: `crd_` and 26 characters.
    pub saved_card: String,
    /// One line about the order: at most 200 characters.
    #[serde(default)]
    pub description: Option<String>,
    /// What is bought: at most 100 lines.
    #[serde(default)]
    pub items: Vec<NewItem>,
    /// In so many installments, 2 to 99; at once unless told.
    #[serde(default)]
    pub installments: Option<u8>,
    /// Anything the merchant wants back: at most 20 short texts.
    #[serde(default)]
    pub metadata: BTreeMap<String, String>,
}

/// A subscription that a saved card pays, without a payment at once: the body of `POST /v1/greenpay/subscriptions`.
///
/// A first payment now is a payment of its own: `POST /v1/greenpay/token-payments`.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewSubscription {
    /// The merchant's own number for it, for people: 1 to 64 characters. It is not sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 1, max_length = 64)]
    pub reference: Option<String>,
    /// Whose card it is, by the shop's own identifier; GreenPay lists the subscription by it.
    #[schema(min_length = 1, max_length = 64)]
    pub buyer_id: String,
    /// The saved card that pays: `crd_` and 26 characters.
    pub saved_card: String,
    /// One line about it: 1 to 200 characters. GreenPay keeps it with our reference behind it, by which the
    /// subscription is found again when its creation was not answered.
    #[schema(min_length = 1, max_length = 200)]
    pub description: String,
    /// What each payment takes; more than zero, in a currency that the card rail settles in.
    pub amount: Money,
    /// Months from one payment to the next: 1 to 60.
    #[schema(minimum = 1, maximum = 60)]
    pub every_months: u8,
    /// When the first payment is due, RFC 3339: at least 24 hours from now. GreenPay takes it at midnight of that
    /// day.
    #[schema(format = DateTime)]
    pub starts_at: String,
    /// When it ends, RFC 3339: after `starts_at`. Without it, it goes on until it is cancelled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(format = DateTime)]
    pub ends_at: Option<String>,
}

/// A payment of a subscription before its day: the body of `POST /v1/greenpay/subscriptions/{id}/payments`.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewSubscriptionPayment {
    /// The merchant's own number for it, for people: 1 to 64 characters. It is not sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 1, max_length = 64)]
    pub reference: Option<String>,
    /// What the subscription takes. It is not sent: GreenPay takes what was agreed, and what it took is held
    /// against this.
    pub amount: Money,
}

/// Many payments with saved cards in one call: the body of `POST /v1/greenpay/bulk-payments`.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewBulk {
    /// The merchant's own number for all of it, for people: 1 to 64 characters. It is not sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 1, max_length = 64)]
    pub reference: Option<String>,
    /// 1 to 100 payments, all of them in one currency.
    #[schema(min_items = 1, max_items = 100)]
    pub payments: Vec<NewBulkPayment>,
}

/// One payment of many.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewBulkPayment {
    /// The merchant's order number, for people: 1 to 64 characters, no other payment's beside it. It is not sent.
    #[schema(min_length = 1, max_length = 64)]
    pub order_reference: String,
    /// What is taken; more than zero, in a currency that the card rail settles in.
    pub total: Money,
    /// Whose card it is, by the shop's own identifier.
    #[schema(min_length = 1, max_length = 64)]
    pub buyer_id: String,
    /// The saved card: `crd_` and 26 characters.
    pub saved_card: String,
}

/// Money that a customer brings to a shop, for their Flexiti account: the body of `POST /v1/flexiti/deposits`.
#[derive(Clone, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewDeposit {
    /// The merchant's own number for it, for people: 1 to 64 characters. It is not sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 1, max_length = 64)]
    pub reference: Option<String>,
    /// What it is.
    pub kind: DepositKind,
    /// How much: Canadian dollars, more than zero.
    pub amount: Money,
    /// Whose account it is for.
    pub to: DepositAccount,
    /// The code by which the customer was verified, as they read it out: 1 to 10 digits.
    #[schema(pattern = "^[0-9]{1,10}$")]
    pub verification_code: String,
    /// Where it is done; Flexiti asks for it in a shop.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub in_store: Option<InStore>,
}

impl fmt::Debug for NewDeposit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewDeposit")
            .field("kind", &self.kind)
            .field("amount", &self.amount)
            .finish_non_exhaustive()
    }
}

/// What is brought.
///
/// Exhaustive on purpose: these are the provider's three.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DepositKind {
    /// A deposit.
    Deposit,
    /// A payment of what is owed.
    InStorePayment,
    /// Goods taken in part payment.
    TradeIn,
}

/// Whose account money is put into: exactly one of the three.
#[derive(Clone, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DepositAccount {
    /// The number of the account: 1 to 14 digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(pattern = "^[1-9][0-9]{0,13}$")]
    pub account_number: Option<String>,
    /// The number of a Flexiti card: 16 digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(pattern = "^[0-9]{16}$")]
    pub card_number: Option<String>,
    /// Flexiti's number of the customer: digits, a hyphen, digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(pattern = "^[0-9]+-[0-9]+$", max_length = 31)]
    pub customer_id: Option<String>,
}

impl fmt::Debug for DepositAccount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DepositAccount(****)")
    }
}

/// Where and by whom a customer was verified.
#[derive(Clone, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct InStore {
    /// The merchant's number of the verification: 1 to 64 characters.
    #[schema(min_length = 1, max_length = 64)]
    pub request_id: String,
    /// The shop, as Flexiti knows it: 1 to 50 characters.
    #[schema(min_length = 1, max_length = 50)]
    pub location_id: String,
    /// The employee, as Flexiti knows them: 1 to 50 characters.
    #[schema(min_length = 1, max_length = 50)]
    pub employee_id: String,
}

impl fmt::Debug for InStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InStore")
            .field("location_id", &self.location_id)
            .finish_non_exhaustive()
    }
}

/// What the merchant is shown of what it asked for. No account and no token is in it.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
pub struct OperationDetails {
    /// The merchant's own number for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// Where money goes, masked: `CVU ****0126`, `CBU ****0126`, `alias pr****`, `account ****0001`, `card ****0001`
    /// or `customer ****0001`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recipient: Option<String>,
    /// The provider's concept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub concept: Option<String>,
    /// What it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Whose card pays, by the shop's own identifier.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub buyer_id: Option<String>,
    /// The saved card that pays, by its identifier here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub saved_card: Option<String>,
    /// The subscription that is paid, by the provider's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subscription_id: Option<String>,
    /// Months from one payment to the next.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub every_months: Option<u8>,
    /// When the first payment is due, RFC 3339 UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub starts_at: Option<String>,
    /// When it ends, RFC 3339 UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ends_at: Option<String>,
    /// What is put into an account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deposit: Option<DepositKind>,
    /// The merchant's number of the verification that it is under.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// The shop that it is made in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location_id: Option<String>,
}

/// What the provider calls what came of an operation, as far as it said.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
pub struct OperationResult {
    /// The number of a transfer, by which its voucher is read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cash_out_id: Option<String>,
    /// The name of a subscription that was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subscription_id: Option<String>,
    /// The provider's reference of a payment of a subscription.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payment_reference: Option<String>,
    /// The issuer's authorization code of that payment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authorization: Option<String>,
    /// The number of many payments in one call. Nothing can be read by it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bulk_id: Option<String>,
}

/// One payment of an operation that makes several.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
pub struct OperationItem {
    /// The merchant's order number.
    pub order_reference: String,
    /// Our reference at the provider, this payment's alone.
    pub reference: String,
    /// `unknown` until it is `succeeded` or `not_executed`.
    pub state: AttemptState,
    /// How much.
    pub amount: Money,
    /// The issuer's authorization code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authorization: Option<String>,
    /// The card's last four digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last4: Option<String>,
    /// When it ended, RFC 3339 UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settled_at: Option<String>,
}
