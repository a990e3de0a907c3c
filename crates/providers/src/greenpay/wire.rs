//! GreenPay's JSON. Requests are exact, answers are read as leniently as money allows: each field is
//! kept as its raw text until somebody asks for it, so an odd value in a field that decides nothing
//! spoils nothing. Fields that are not listed are dropped; some answers echo the merchant's secret.

mod subscription;

use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use ventanilla_core::money::{Currency, Money};

use super::config::Config;
use super::operation::PaidTransaction;
use super::order::{Address, Buyer, Order, OrderItem};

pub(super) use self::subscription::{
    BulkRequest, ChangeRequest, Changed, ChangedResult, ChargedOrder, ChargedResult, CreatedResult,
    FilterFields, ListResult, OrderedCharge, PaymentEntry, PaymentListRequest, PurchaseOrder,
    RetryEntry, SubscriptionEntry, SubscriptionListRequest, SubscriptionPayRequest,
    SubscriptionRequest,
};

pub(super) type Raw = Box<RawValue>;

/// What every call to the merchant host carries, unless noted.
#[derive(Serialize)]
pub(super) struct Credentials<'a> {
    secret: &'a str,
    #[serde(rename = "merchantId")]
    merchant_id: &'a str,
}

impl<'a> Credentials<'a> {
    pub(super) fn of(config: &'a Config) -> Self {
        Self {
            secret: config.secret.expose_secret(),
            merchant_id: &config.merchant_id,
        }
    }
}

/// `M /` and, with `token`, `M /tokenPayment`.
#[derive(Serialize)]
pub(super) struct OrderRequest<'a> {
    #[serde(flatten)]
    credentials: Credentials<'a>,
    terminal: &'a str,
    amount: Amount,
    currency: &'static str,
    description: &'a str,
    #[serde(rename = "orderReference")]
    order_reference: &'a str,
    #[serde(rename = "numberOfPayments", skip_serializing_if = "Vec::is_empty")]
    number_of_payments: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    additional: Option<Additional<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<&'a str>,
}

impl<'a> OrderRequest<'a> {
    pub(super) fn new(config: &'a Config, order: &'a Order, token: Option<&'a str>) -> Self {
        Self {
            credentials: Credentials::of(config),
            terminal: &config.terminal,
            amount: Amount(order.total),
            currency: order.total.currency().code(),
            description: &order.description,
            order_reference: &order.reference,
            number_of_payments: order.installments.iter().map(u8::to_string).collect(),
            additional: Additional::of(order),
            token,
        }
    }
}

/// An amount as a JSON number with every decimal place of its currency, never by way of a float.
pub(super) struct Amount(pub Money);

impl Serialize for Amount {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        RawValue::from_string(self.0.decimal_text())
            .map_err(serde::ser::Error::custom)?
            .serialize(serializer)
    }
}

#[derive(Serialize)]
struct Additional<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    customer: Option<Customer<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    products: Vec<Product<'a>>,
}

impl<'a> Additional<'a> {
    fn of(order: &'a Order) -> Option<Self> {
        let customer = order.buyer.as_ref().and_then(Customer::of);
        // All lines or none: a list that leaves some out would be another order.
        let products: Option<Vec<_>> = order.items.iter().map(Product::of).collect();
        let products = products.unwrap_or_default();
        (customer.is_some() || !products.is_empty()).then_some(Self { customer, products })
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Customer<'a> {
    name: &'a str,
    email: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    billing_address: Option<WireAddress<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    shipping_address: Option<WireAddress<'a>>,
}

impl<'a> Customer<'a> {
    /// The document requires name and email of a customer, and no customer of an order.
    fn of(buyer: &'a Buyer) -> Option<Self> {
        Some(Self {
            name: buyer.name.as_deref()?,
            email: buyer.email.as_deref()?,
            billing_address: buyer.billing_address.as_ref().map(WireAddress::of),
            shipping_address: buyer.shipping_address.as_ref().map(WireAddress::of),
        })
    }
}

#[derive(Serialize)]
struct WireAddress<'a> {
    country: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    province: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    city: Option<&'a str>,
    street1: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    street2: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    zip: Option<&'a str>,
}

impl<'a> WireAddress<'a> {
    fn of(address: &'a Address) -> Self {
        Self {
            country: &address.country,
            province: address.province.as_deref(),
            city: address.city.as_deref(),
            street1: &address.street1,
            street2: address.street2.as_deref(),
            zip: address.postal_code.as_deref(),
        }
    }
}

#[derive(Serialize)]
struct Product<'a> {
    #[serde(rename = "skuId", skip_serializing_if = "Option::is_none")]
    sku: Option<&'a str>,
    description: &'a str,
    quantity: u32,
    price: Amount,
}

impl<'a> Product<'a> {
    /// The document requires the price of a product, and no products of an order.
    fn of(item: &'a OrderItem) -> Option<Self> {
        Some(Self {
            sku: item.sku.as_deref(),
            description: &item.description,
            quantity: item.quantity,
            price: item.unit_price.map(Amount)?,
        })
    }
}

/// `C /`, `C /kount`, `C /tokenize`, `C /tokenize/update`.
#[derive(Serialize)]
pub(super) struct SealedRequest<'a> {
    pub session: &'a str,
    pub ld: &'a str,
    pub lk: &'a str,
}

/// `M /tokenize`.
#[derive(Serialize)]
pub(super) struct TokenOrderRequest<'a> {
    #[serde(flatten)]
    pub credentials: Credentials<'a>,
    #[serde(rename = "requestId")]
    pub request_id: &'a str,
}

/// `M /getToken` and, with `requestId`, `M /deleteToken`.
#[derive(Serialize)]
pub(super) struct TokenRequest<'a> {
    #[serde(flatten)]
    pub credentials: Credentials<'a>,
    pub token: &'a str,
    #[serde(rename = "requestId", skip_serializing_if = "Option::is_none")]
    pub request_id: Option<&'a str>,
}

/// `M /transactions/get`, which takes no secret.
#[derive(Serialize)]
pub(super) struct TransactionRequest<'a> {
    #[serde(rename = "merchantId")]
    pub merchant_id: &'a str,
    #[serde(rename = "orderReference")]
    pub order_reference: &'a str,
}

/// `M /transactions/void`, `M /transactions/refund` and, with or without `amount`,
/// `M /transactions/capture`.
#[derive(Serialize)]
pub(super) struct OperationRequest<'a> {
    #[serde(flatten)]
    credentials: Credentials<'a>,
    bin: &'a str,
    last4: &'a str,
    authorization: &'a str,
    #[serde(rename = "orderReference")]
    order_reference: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    amount: Option<Amount>,
}

impl<'a> OperationRequest<'a> {
    /// The name of the field that cannot be sent, when there is one.
    pub(super) fn new(
        config: &'a Config,
        paid: &'a PaidTransaction,
        amount: Option<Money>,
    ) -> Result<Self, &'static str> {
        if !(6..=8).contains(&paid.bin.len()) || !is_digits(&paid.bin) {
            return Err("bin");
        }
        if paid.last4.len() != 4 || !is_digits(&paid.last4) {
            return Err("last4");
        }
        if !is_code(&paid.authorization) {
            return Err("authorization");
        }
        if amount.is_some_and(|amount| amount.minor() == 0) {
            return Err("amount");
        }
        Ok(Self {
            credentials: Credentials::of(config),
            bin: paid.bin.get(..6).ok_or("bin")?,
            last4: &paid.last4,
            authorization: &paid.authorization,
            order_reference: &paid.reference,
            amount: amount.map(Amount),
        })
    }
}

/// The fields of every answer, and of `tokenizeResp` inside one. `null` and missing are the same.
#[derive(Deserialize)]
pub(super) struct AnswerBody {
    pub status: Option<Raw>,
    pub code: Option<Raw>,
    #[serde(rename = "orderId")]
    pub order_id: Option<Raw>,
    #[serde(rename = "requestId")]
    pub request_id: Option<Raw>,
    pub authorization: Option<Raw>,
    pub amount: Option<Raw>,
    pub currency: Option<Raw>,
    pub result: Option<Raw>,
    pub errors: Option<Raw>,
    #[serde(rename = "_signature")]
    pub signature: Option<Raw>,
    pub last4: Option<Raw>,
    pub brand: Option<Raw>,
    #[serde(rename = "tokenizeResp")]
    pub tokenize_resp: Option<Raw>,
    pub expiration_date: Option<Raw>,
    pub session: Option<Raw>,
    pub token: Option<Raw>,
    #[serde(rename = "bulkId")]
    pub bulk_id: Option<Raw>,
    #[serde(rename = "subscriptionId")]
    pub subscription_id: Option<Raw>,
    #[serde(rename = "nextPaymentDate")]
    pub next_payment_date: Option<Raw>,
}

/// `result` of a payment.
#[derive(Deserialize)]
pub(super) struct PaymentResult {
    pub success: Option<Raw>,
    pub resp_code: Option<Raw>,
}

/// `result` of a tokenization.
#[derive(Deserialize)]
pub(super) struct TokenResult {
    pub token: Option<Raw>,
    pub last_digits: Option<Raw>,
    pub bin: Option<Raw>,
}

/// `result` of a transaction read.
#[derive(Deserialize)]
pub(super) struct TransactionResult {
    pub amount: Option<Raw>,
    pub currency: Option<Raw>,
    pub state: Option<Raw>,
    #[serde(rename = "referenceNumber")]
    pub reference_number: Option<Raw>,
    #[serde(rename = "authorizationID")]
    pub authorization: Option<Raw>,
    #[serde(rename = "creditCardBin")]
    pub bin: Option<Raw>,
    #[serde(rename = "cardNumber")]
    pub last4: Option<Raw>,
}

/// `result` of a void, a refund or a capture.
#[derive(Deserialize)]
pub(super) struct OperationResult {
    #[serde(rename = "orderReference")]
    pub order_reference: Option<Raw>,
    pub void: Option<Raw>,
    pub refund: Option<Raw>,
    pub capture: Option<Raw>,
}

/// One entry of the bare array that a schema violation is answered with.
#[derive(Deserialize)]
pub(super) struct SchemaViolation {
    #[expect(dead_code, reason = "its presence is what is checked")]
    keyword: String,
    #[expect(dead_code, reason = "its presence is what is checked")]
    #[serde(rename = "schemaPath")]
    schema_path: String,
}

/// `status` and `code`, which are numbers or words.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Status {
    Number(u16),
    Success,
    Fail,
    Deleted,
    /// Neither; proves nothing.
    Other,
}

impl AnswerBody {
    /// `status`; `None` when the field is missing.
    pub(super) fn status(&self) -> Option<Status> {
        self.status.as_deref().map(status)
    }

    /// `code`; `None` when the field is missing.
    pub(super) fn code(&self) -> Option<Status> {
        self.code.as_deref().map(status)
    }

    /// The number that says how it went: `status` when it is one, else `code`.
    pub(super) fn number(&self) -> Option<u16> {
        let number = |status: Option<Status>| status.and_then(Status::number);
        number(self.status()).or_else(|| number(self.code()))
    }

    /// Whether there is a field that only an executed call has.
    pub(super) fn speaks_of_an_execution(&self) -> bool {
        self.order_id.is_some()
            || self.bulk_id.is_some()
            || self.subscription_id.is_some()
            || self.is_authorized()
            || !self.has_no_result()
    }

    /// Whether there is an authorization, in whatever form.
    pub(super) fn is_authorized(&self) -> bool {
        is_authorized(&self.authorization)
    }

    /// Whether `result` holds nothing: missing, `null` or `{}`.
    pub(super) fn has_no_result(&self) -> bool {
        self.result
            .as_deref()
            .is_none_or(|raw| raw.get().bytes().all(|b| b"{} \t\r\n".contains(&b)))
    }
}

impl Status {
    /// The number, when it is one.
    pub(super) const fn number(self) -> Option<u16> {
        match self {
            Self::Number(number) => Some(number),
            _ => None,
        }
    }
}

pub(super) fn status(raw: &RawValue) -> Status {
    let Some(text) = scalar(raw) else {
        return Status::Other;
    };
    match text.as_str() {
        "SUCCESS" => Status::Success,
        "FAIL" => Status::Fail,
        "DELETED" => Status::Deleted,
        digits if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
            digits.parse().map_or(Status::Other, Status::Number)
        }
        _ => Status::Other,
    }
}

/// Whether there is an authorization, in whatever form.
pub(super) fn is_authorized(authorization: &Option<Raw>) -> bool {
    authorization
        .as_deref()
        .is_some_and(|raw| raw.get() != r#""""#)
}

/// The text of a JSON string, or of a number as it is written; `None` for anything else.
pub(super) fn scalar(raw: &RawValue) -> Option<String> {
    match raw.get().bytes().next()? {
        b'"' => serde_json::from_str(raw.get()).ok(),
        b'-' | b'0'..=b'9' => Some(raw.get().to_owned()),
        _ => None,
    }
}

/// As [`scalar`] of a field; missing is `None`.
pub(super) fn text(raw: &Option<Raw>) -> Option<String> {
    raw.as_deref().and_then(scalar)
}

/// The text of a JSON string.
pub(super) fn string(raw: &Option<Raw>) -> Option<String> {
    raw.as_deref()
        .and_then(|raw| serde_json::from_str(raw.get()).ok())
}

/// An amount written as a number or as text, in `currency`.
pub(super) fn amount(raw: &Option<Raw>, currency: Currency) -> Option<Money> {
    let text = scalar(raw.as_deref()?)?;
    let money = Money::parse_provider_decimal(&text, currency).ok()?;
    if Money::parse_decimal(&text, currency).is_err() {
        tracing::info!("a GreenPay amount carried floating-point dust and was rounded");
    }
    Some(money)
}

/// A short code of letters and digits, such as an authorization.
pub(super) fn code(raw: &Option<Raw>) -> Option<String> {
    let text = scalar(raw.as_deref()?)?;
    is_code(&text).then_some(text)
}

fn is_code(text: &str) -> bool {
    (1..=32).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric())
}

/// Digits, `min` to `max` of them.
pub(super) fn digits(raw: &Option<Raw>, min: usize, max: usize) -> Option<String> {
    let text = string(raw)?;
    ((min..=max).contains(&text.len()) && is_digits(&text)).then_some(text)
}

fn is_digits(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_digit())
}

/// Every text in an `errors` field, which holds strings, objects and arrays, nested or not.
/// `None` when something in it cannot be read.
pub(super) fn error_texts(errors: &Option<Raw>) -> Option<Vec<String>> {
    let mut texts = Vec::new();
    if let Some(raw) = errors.as_deref() {
        collect(&serde_json::from_str(raw.get()).ok()?, &mut texts)?;
    }
    Some(texts)
}

fn collect(value: &serde_json::Value, texts: &mut Vec<String>) -> Option<()> {
    use serde_json::Value;
    match value {
        Value::Null => Some(()),
        Value::String(text) => {
            texts.push(plain(text));
            Some(())
        }
        Value::Array(values) => values.iter().try_for_each(|value| collect(value, texts)),
        Value::Object(fields) => ["errors", "error", "message"]
            .into_iter()
            .filter_map(|name| fields.get(name))
            .try_for_each(|value| collect(value, texts)),
        Value::Bool(_) | Value::Number(_) => None,
    }
}

/// Whether something inside `errors` says that the call succeeded, or has a result.
pub(super) fn errors_speak_of_success(errors: &Option<Raw>) -> bool {
    errors
        .as_deref()
        .is_some_and(|raw| match serde_json::from_str(raw.get()) {
            Ok(value) => speaks_of_success(&value),
            Err(_) => true,
        })
}

fn speaks_of_success(value: &serde_json::Value) -> bool {
    use serde_json::Value;
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
        Value::Array(values) => values.iter().any(speaks_of_success),
        Value::Object(fields) => {
            let denied = |name: &str| match fields.get(name) {
                None | Some(Value::Null | Value::Bool(false)) => true,
                Some(Value::Object(inside)) => inside.is_empty(),
                Some(_) => false,
            };
            !denied("success") || !denied("result") || fields.values().any(speaks_of_success)
        }
    }
}

/// An error text without what varies between its printed forms.
fn plain(text: &str) -> String {
    let text = text.trim().to_lowercase().replace('\u{2019}', "'");
    let text = text.strip_prefix("error:").unwrap_or(&text);
    text.trim().trim_end_matches('.').to_owned()
}
