//! Answers, in the provider's shapes: `status` is `ok`, or `error` beside a `message`. The texts of the
//! messages are invented, as those of `tests/fixtures/cvu` are.

use std::fmt::Write as _;

use crate::amount::Amount;
use crate::call::{Reply, to_json};

/// A JSON object in the making. Amounts go in as their text, so that none becomes a binary number.
#[derive(Debug)]
pub(super) struct Object(String);

impl Object {
    /// `{}` to be filled.
    pub(super) fn new() -> Self {
        Self(String::from("{"))
    }

    /// `{"status":"ok"}` to be filled.
    pub(super) fn ok() -> Self {
        Self::new().text("status", "ok")
    }

    /// A value that is JSON already.
    pub(super) fn raw(mut self, name: &str, json: &str) -> Self {
        if self.0.len() > 1 {
            self.0.push(',');
        }
        // Writing to a String cannot fail.
        let _ = write!(self.0, "{}:{json}", to_json(&name));
        self
    }

    pub(super) fn text(self, name: &str, text: &str) -> Self {
        self.raw(name, &to_json(&text))
    }

    pub(super) fn number(self, name: &str, number: u64) -> Self {
        self.raw(name, &number.to_string())
    }

    /// An id, as a number or as text.
    pub(super) fn id(self, name: &str, id: u64, as_text: bool) -> Self {
        if as_text {
            self.text(name, &id.to_string())
        } else {
            self.number(name, id)
        }
    }

    /// An amount as JavaScript prints the number.
    pub(super) fn amount(self, name: &str, amount: Amount) -> Self {
        self.raw(name, &amount.number_text())
    }

    pub(super) fn end(mut self) -> String {
        self.0.push('}');
        self.0
    }

    /// The answer to a call that took effect.
    pub(super) fn done(self, reference: &str) -> Reply {
        Reply::of(Some(reference.to_owned()), true, self.end())
    }
}

/// A JSON list of what is JSON already.
pub(super) fn list(items: impl IntoIterator<Item = String>) -> String {
    let items: Vec<String> = items.into_iter().collect();
    format!("[{}]", items.join(","))
}

/// Why a call is turned away.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Refusal {
    WrongCredentials,
    NotAuthorized,
    TokenExpired,
    Unavailable,
    NotJson,
    Amount,
    Concept,
    Account,
    Cuit,
    OneAccount,
    Reference,
    ReferenceUsed,
    NoFunds,
    NoSuchAlias,
    OtherHolder,
    Expiration,
    Distribution,
    MultipleUse,
    UnknownCredit,
    UnknownTransfer,
    UnknownSalePoint,
    SalePointName,
    SalePointNameUsed,
    SalePointBusy,
    TypeAmount,
    Dates,
    NotAllowed,
    Nothing,
}

impl Refusal {
    pub(super) const fn message(self) -> &'static str {
        match self {
            Self::WrongCredentials => "credenciales invalidas",
            Self::NotAuthorized => "no autorizado",
            Self::TokenExpired => "token vencido",
            Self::Unavailable => "operacion no disponible",
            Self::NotJson => "json invalido",
            Self::Amount => "monto invalido",
            Self::Concept => "concepto invalido",
            Self::Account => "cvu invalido",
            Self::Cuit => "cuit invalido",
            Self::OneAccount => "indicar cvu o alias",
            Self::Reference => "reference_id requerido",
            Self::ReferenceUsed => "reference_id ya utilizado",
            Self::NoFunds => "saldo insuficiente",
            Self::NoSuchAlias => "alias inexistente",
            Self::OtherHolder => "el cuit no corresponde a la cuenta",
            Self::Expiration => "expiration_date invalida",
            Self::Distribution => "distribution invalida",
            Self::MultipleUse => "multiple_use requerido",
            Self::UnknownCredit => "acreditacion inexistente",
            Self::UnknownTransfer => "transferencia inexistente",
            Self::UnknownSalePoint => "punto de venta inexistente",
            Self::SalePointName => "nombre requerido",
            Self::SalePointNameUsed => "nombre repetido",
            Self::SalePointBusy => "el punto de venta tiene una orden pendiente",
            Self::TypeAmount => "type_amount invalido",
            Self::Dates => "rango de fechas invalido",
            Self::NotAllowed => "usuario sin permiso",
            Self::Nothing => "recurso inexistente",
        }
    }

    pub(super) fn json(self) -> String {
        Object::new()
            .text("status", "error")
            .text("message", self.message())
            .end()
    }
}
