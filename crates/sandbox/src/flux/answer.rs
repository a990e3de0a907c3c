//! Answers, in the provider's shapes: `data`, or an error in an error. The texts of the messages are
//! invented, as those of `tests/fixtures/flux` are.

use serde::Serialize;
use serde_json::json;
use serde_json::value::RawValue;

use crate::call::to_json;
use crate::fault::{Fate, Kind};

use super::options::{FluxErrorNesting, FluxOptions};
use super::payment::Paid;

/// What the merchant is told of a payment or a refund.
#[derive(Serialize)]
struct Transaction<'a> {
    date: String,
    issuer: &'a str,
    authorization: &'a str,
    reference: String,
    #[serde(rename = "type")]
    kind: &'a str,
    status: &'a str,
    amount: Box<RawValue>,
    tip: u64,
    total: Box<RawValue>,
    store: &'a str,
    affiliation: &'a str,
    terminal: &'a str,
    operator: &'a str,
    table: &'a str,
}

/// The parts in which a refund and a payment differ.
pub(super) struct Told<'a> {
    pub(super) kind: &'a str,
    pub(super) amount: u64,
    pub(super) tip: u64,
    pub(super) date: String,
}

/// `{"data": …}` about a payment, bent as the fault says.
pub(super) fn transaction(
    paid: &Paid,
    told: Told<'_>,
    options: &FluxOptions,
    fate: Fate,
) -> String {
    let more = if fate.is(Kind::WrongAmount) { 100 } else { 0 };
    let amount = told.amount + more;
    let total = amount + told.tip + if fate.is(Kind::WrongTotal) { 100 } else { 0 };
    let number = |centavos: u64| {
        let text = if fate.is(Kind::FloatDust) {
            format!("{}.99999983", centavos.saturating_sub(1))
        } else {
            centavos.to_string()
        };
        RawValue::from_string(text).expect("a number is JSON")
    };
    let reference = paid.reference.clone().unwrap_or_default();
    let data = Transaction {
        date: told.date,
        issuer: &options.issuer,
        authorization: &paid.authorization,
        reference: if fate.is(Kind::WrongReference) {
            format!("{reference}-otra")
        } else {
            reference
        },
        kind: told.kind,
        status: if fate.is(Kind::OtherStatus) {
            "pending"
        } else {
            "ok"
        },
        amount: number(amount),
        tip: told.tip,
        total: number(total),
        store: &paid.place.store,
        affiliation: AFFILIATION,
        terminal: &paid.place.terminal,
        operator: &paid.place.operator,
        table: &paid.place.table,
    };
    #[derive(Serialize)]
    struct Data<T> {
        data: T,
    }
    to_json(&Data { data })
}

/// The merchant's number at the wallet.
const AFFILIATION: &str = "7654321";

/// Why a call is turned away.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Refusal {
    BadRequest,
    WrongRefreshToken,
    Unauthorized,
    Forbidden,
    CodeUnknown,
    CodeDisabled,
    CodeExpired,
    CodeMalformed,
    Funds,
    Bank,
    Account,
    Commerce,
    TooMuch,
    TooLittle,
    ReferenceUsed,
    UnknownReference,
    /// Nothing is known of why.
    Broken,
    /// No such place.
    Nothing,
}

impl Refusal {
    pub(super) const fn code(self) -> &'static str {
        match self {
            Self::BadRequest => "ERR_BAD_REQUEST",
            Self::WrongRefreshToken | Self::Unauthorized => "ERR_UNAUTHORIZED",
            Self::Forbidden => "ERR_FORBIDDEN",
            Self::CodeUnknown => "ERR_QR_UNKNOWN",
            Self::CodeDisabled => "ERR_QR_DISABLED",
            Self::CodeExpired => "ERR_QR_EXPIRED",
            Self::CodeMalformed => "ERR_QR_MALFORMED",
            Self::Funds => "ERR_INSUFFICIENT_BALANCE",
            Self::Bank => "ERR_BANK_REFUSAL",
            Self::Account => "ERR_ISSUER_ACCOUNT_VIOLATION",
            Self::Commerce => "ERR_FORBIDDEN_COMMERCE",
            Self::TooMuch => "ERR_MAX_AMOUNT_EXCEEDED",
            // As it is spelt.
            Self::TooLittle => "ERR_MIN_AMOUNT_SUBCEED",
            Self::ReferenceUsed => "ERR_REFERENCE_ALREADY_EXISTS",
            Self::UnknownReference | Self::Nothing => "ERR_NOT_FOUND",
            Self::Broken => "ERR_INTERNAL",
        }
    }

    const fn message(self) -> &'static str {
        match self {
            Self::BadRequest => "datos incompletos o incorrectos",
            Self::WrongRefreshToken => "refreshToken invalido",
            Self::Unauthorized => "token vencido o ausente",
            Self::Forbidden => "usuario sin permiso",
            Self::CodeUnknown => "qr desconocido",
            Self::CodeDisabled => "qr desactivado",
            Self::CodeExpired => "qr vencido",
            Self::CodeMalformed => "qr mal formado",
            Self::Funds => "saldo insuficiente",
            Self::Bank => "rechazado por el banco",
            Self::Account => "la cuenta del cliente tiene un problema",
            Self::Commerce => "medio de pago no valido en este comercio",
            Self::TooMuch => "monto mayor al permitido",
            Self::TooLittle => "monto menor al permitido",
            Self::ReferenceUsed => "referencia ya utilizada",
            Self::UnknownReference => "transaccion inexistente",
            Self::Broken => "error interno",
            Self::Nothing => "recurso inexistente",
        }
    }

    pub(super) const fn http_status(self) -> u16 {
        match self {
            Self::Unauthorized => 401,
            Self::Forbidden => 403,
            Self::Nothing => 404,
            Self::Broken => 500,
            _ => 400,
        }
    }

    pub(super) fn json(self, options: &FluxOptions) -> String {
        let code = match self {
            Self::UnknownReference => &options.unknown_reference_code,
            _ => self.code(),
        };
        let error = json!({ "code": code, "message": self.message() });
        let body = match options.error_nesting {
            FluxErrorNesting::Two => json!({ "error": { "error": error } }),
            FluxErrorNesting::One => json!({ "error": error }),
        };
        body.to_string()
    }
}
