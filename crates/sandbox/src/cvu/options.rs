//! How the CVU wallet API behaves where its document is silent or contradicts its public clients.

use serde::{Deserialize, Serialize};

/// What the CVU host lets in. These open nothing but a sandbox.
#[derive(Clone, Debug)]
pub struct CvuCredentials {
    /// Any text.
    pub username: String,
    /// Any text.
    pub password: String,
}

impl Default for CvuCredentials {
    fn default() -> Self {
        Self {
            username: String::from("sandbox-user"),
            password: String::from("sandbox-password"),
        }
    }
}

/// How the CVU wallet API behaves. In JSON, what is not named is as by default.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct CvuOptions {
    /// For how long a token opens the door, in seconds of the sandbox's clock: one hour by default.
    pub token_lifetime_secs: u32,
    /// A new token ends the ones before it.
    pub one_token: bool,
    /// The name of the token in the answer.
    pub token_field: CvuTokenField,
    /// The form of `expires_at`.
    pub expires_at: CvuExpiresAt,
    /// The HTTP status of an error, which the document does not tell: 200 by default, 200 to 599.
    pub error_status: u16,
    /// The HTTP status when a token has run out: 401 by default, 200 to 599.
    pub unauthorized_status: u16,
    /// Every id in an answer is text.
    pub ids_as_text: bool,
    /// Amounts in requests may be text as well as numbers.
    pub amounts_as_text: bool,
    /// The amount of a cash-in is text.
    pub cashin_amount_as_text: bool,
    /// The form of the balance.
    pub balance: CvuBalanceForm,
    /// The balance at the start, in centavos: 12 500 000 by default.
    pub initial_balance_minor: u64,
    /// The form of the concepts.
    pub concepts: CvuConceptsForm,
    /// The form of `buyer` in a cash-in.
    pub buyer: CvuBuyerForm,
    /// How a cash-in says that there is no link or no order.
    pub absent_ids: CvuAbsentIds,
    /// The list of transactions.
    pub list: CvuListForm,
    /// The amounts in the list of transactions, which are text in every form.
    pub list_amounts: CvuListAmounts,
    /// A row without a sale point says `null` instead of an empty text.
    pub null_sale_point: bool,
    /// The form of a voucher.
    pub voucher: CvuVoucherForm,
    /// How `expiration_date` is read.
    pub expiration: CvuExpirationForm,
    /// What a dynamic QR code holds.
    pub code: CvuCodeForm,
    /// What happens to an order for a sale point that has one already.
    pub second_order: CvuSecondOrder,
    /// For how long an order waits at its sale point, in seconds of the sandbox's clock: 600 by default.
    pub static_order_secs: u32,
    /// Where the call for a static QR code takes its parameters from.
    pub static_qr_from: CvuStaticQrFrom,
    /// The user may read the statistics.
    pub statistics_allowed: bool,
    /// How long after a buyer paid the credit appears, in milliseconds of the sandbox's clock; at most a
    /// day.
    pub credit_delay_ms: u64,
    /// Each credit appears later by a time of its own between 0 and this, decided by the seed; at most a
    /// day.
    pub credit_spread_ms: u64,
    /// What links begin with, instead of the address of this host: `https://…` without a slash at the
    /// end.
    pub public_url: Option<String>,
}

impl Default for CvuOptions {
    fn default() -> Self {
        Self {
            token_lifetime_secs: 3_600,
            one_token: false,
            token_field: CvuTokenField::Token,
            expires_at: CvuExpiresAt::Seconds,
            error_status: 200,
            unauthorized_status: 401,
            ids_as_text: false,
            amounts_as_text: false,
            cashin_amount_as_text: false,
            balance: CvuBalanceForm::Pesos,
            initial_balance_minor: 12_500_000,
            concepts: CvuConceptsForm::Text,
            buyer: CvuBuyerForm::Object,
            absent_ids: CvuAbsentIds::Null,
            list: CvuListForm::Object,
            list_amounts: CvuListAmounts::Point,
            null_sale_point: false,
            voucher: CvuVoucherForm::Pdf,
            expiration: CvuExpirationForm::AsWritten,
            code: CvuCodeForm::Amount,
            second_order: CvuSecondOrder::Refuse,
            static_order_secs: 600,
            static_qr_from: CvuStaticQrFrom::Body,
            statistics_allowed: true,
            credit_delay_ms: 0,
            credit_spread_ms: 0,
            public_url: None,
        }
    }
}

const A_DAY_MS: u64 = 86_400_000;

/// An option that cannot be; says why.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CvuOptionsError(String);

impl std::fmt::Display for CvuOptionsError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for CvuOptionsError {}

impl CvuOptions {
    pub(crate) fn check(&self) -> Result<(), CvuOptionsError> {
        for (name, status) in [
            ("error_status", self.error_status),
            ("unauthorized_status", self.unauthorized_status),
        ] {
            if !(200..600).contains(&status) {
                return Err(CvuOptionsError(format!(
                    "{name} must be from 200 to 599, found {status}"
                )));
            }
        }
        for (name, ms) in [
            ("credit_delay_ms", self.credit_delay_ms),
            ("credit_spread_ms", self.credit_spread_ms),
        ] {
            if ms > A_DAY_MS {
                return Err(CvuOptionsError(format!(
                    "{name} must be at most {A_DAY_MS}, found {ms}"
                )));
            }
        }
        Ok(())
    }
}

/// The name of the token in the answer to `v2/auth/token`.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CvuTokenField {
    /// `token`, as documented.
    Token,
    /// `access_token`, as a public client reads.
    AccessToken,
}

/// The form of `expires_at`, documented as a number without a unit.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CvuExpiresAt {
    /// Seconds since 1970.
    Seconds,
    /// Milliseconds since 1970.
    Milliseconds,
    /// `YYYY-MM-DD HH:MM:SS` in Buenos Aires, as a public client reads.
    Text,
}

/// The form of the balance, documented as an integer without a unit.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CvuBalanceForm {
    /// Whole pesos, centavos cut off.
    Pesos,
    /// Whole centavos.
    Centavos,
    /// Pesos as text with two decimals.
    DecimalText,
}

/// The form of the concepts, whose elements the document does not describe.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CvuConceptsForm {
    /// Text.
    Text,
    /// `{"id", "name"}`.
    Objects,
    /// There are none, and none is asked for.
    Empty,
}

/// The form of `buyer`, which the document draws as no JSON can be.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CvuBuyerForm {
    /// `{"cuit", "cvu"}`.
    Object,
    /// A list with that object.
    List,
    /// A list with an object for each of the two.
    Pairs,
    /// Each cash-in in one of these forms, by its id.
    Mixed,
}

/// How a cash-in says that there is no link or no order.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CvuAbsentIds {
    /// `null`.
    Null,
    /// `0`.
    Zero,
    /// The field is not there.
    LeftOut,
}

/// The form of the list of transactions.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CvuListForm {
    /// `{"status", "transactions"}`, with four numbers when paginated, as documented.
    Object,
    /// The bare list, as a public client reads.
    Bare,
}

/// The form of the amounts in the list of transactions.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CvuListAmounts {
    /// `1500.50`.
    Point,
    /// `1.500,50`.
    EsAr,
}

/// The form of a voucher, documented as text.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CvuVoucherForm {
    /// A PDF in base64, as a public client reads.
    Pdf,
    /// An address.
    Link,
}

/// How `expiration_date` is read. The document says `Y-m-d H:m:s`, in which the second `m` is again the
/// month.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CvuExpirationForm {
    /// As that format is read: what stands for the minutes is the month, and the minutes are 0.
    AsWritten,
    /// The same, and refused unless written again it is the same text: the minutes must be the month.
    AsWrittenStrict,
    /// As it is surely meant.
    Minutes,
}

/// What a dynamic QR code holds.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CvuCodeForm {
    /// The amount, and where to ask for the order.
    Amount,
    /// Only where to ask for the order.
    AtAcceptor,
    /// No code: the beginning of a picture in base64.
    Picture,
}

/// What happens to an order for a sale point that has one already. The document does not say.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CvuSecondOrder {
    /// It is refused.
    Refuse,
    /// It takes the place of the first.
    Replace,
}

/// Where the call for a static QR code takes its parameters from.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CvuStaticQrFrom {
    /// The JSON body of the GET, as documented.
    Body,
    /// The query; a body is not read.
    Query,
}
