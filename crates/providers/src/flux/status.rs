//! What an answer proves. The table is in the module's documentation.

use secrecy::SecretString;
use serde_json::value::RawValue;
use ventanilla_core::money::Money;

use super::decline::Decline;
use super::life::life;
use super::order::{Charge, Payment, Refund, RefundOrder, Transaction, TransactionRead};
use super::wire::{self, Envelope, Raw, TokenData, TransactionData};
use crate::code::note;
use crate::http::{Answer, is_opaque};
use crate::moment::Moment;
use crate::outcome::{Cause, Outcome};
use crate::token::{Fresh, NoToken};

const REFERENCE_TAKEN: &str = "ERR_REFERENCE_ALREADY_EXISTS";
const NOT_FOUND: &str = "ERR_NOT_FOUND";

/// What an answer says before its fields are read.
enum Said {
    /// `data`, and no error.
    Data(Option<Raw>),
    /// A 4xx with an error that has a code.
    Error { http_status: u16, code: String },
    /// Nothing.
    Nothing(Cause),
}

fn said(answer: &Answer) -> Said {
    let http_status = answer.status;
    if is_opaque(http_status) || http_status >= 500 {
        return Said::Nothing(Cause::HttpStatus(http_status));
    }
    let is_done = matches!(http_status, 200 | 201);
    let Some(envelope) = wire::object::<Envelope>(&answer.text) else {
        return Said::Nothing(match serde_json::from_str::<&RawValue>(&answer.text) {
            _ if !is_done => Cause::HttpStatus(http_status),
            Ok(_) => Cause::Shape("body"),
            Err(_) => Cause::NotJson,
        });
    };
    match (&envelope.data, &envelope.error) {
        (Some(_), None) if is_done => Said::Data(envelope.data),
        (Some(_), _) => Said::Nothing(Cause::Contradiction),
        (None, Some(_)) if is_done => Said::Nothing(Cause::UnknownError),
        (None, Some(_)) if !(400..500).contains(&http_status) => {
            Said::Nothing(Cause::HttpStatus(http_status))
        }
        (None, Some(_)) => match wire::error_code(&envelope.error) {
            Some(code) => {
                note(&code);
                Said::Error { http_status, code }
            }
            None => Said::Nothing(Cause::Shape("error")),
        },
        (None, None) if is_done => Said::Nothing(Cause::Shape("data")),
        (None, None) => Said::Nothing(Cause::HttpStatus(http_status)),
    }
}

/// A payment. Paid needs everything that [`Charge`] says, a `status` of `ok`, a `type` of `payment` or none,
/// and a total that is the sum.
pub(super) fn payment(answer: &Answer, charge: &Charge) -> Outcome<Payment> {
    match said(answer) {
        Said::Data(data) => {
            let paid = done(&data, &charge.reference).and_then(|(fields, transaction)| {
                if fields.kind.is_some() && wire::string(&fields.kind).as_deref() != Some("payment")
                {
                    return Err(Cause::Shape("type"));
                }
                if (transaction.amount, transaction.tip) != (charge.amount, charge.tip) {
                    return Err(Cause::Amount);
                }
                with_its_total(transaction)
            });
            paid.map_or_else(Outcome::Unknown, |transaction| {
                Outcome::Definite(Payment::Paid(transaction))
            })
        }
        Said::Error { code, .. } if code == REFERENCE_TAKEN => {
            Outcome::Unknown(Cause::ReferenceTaken)
        }
        Said::Error { http_status, code } => match Decline::from_code(&code) {
            Some(reason) => Outcome::Definite(Payment::Declined(reason)),
            None => refused(http_status, &code),
        },
        Said::Nothing(cause) => Outcome::Unknown(cause),
    }
}

/// A refund. The sample of one still says `payment`, so the `type` is not looked at; but the total must be
/// what was asked for, or the answer may be about the payment.
pub(super) fn refund(answer: &Answer, order: &RefundOrder) -> Outcome<Refund> {
    match said(answer) {
        Said::Data(data) => {
            let refunded = done(&data, &order.reference).and_then(|(_, transaction)| {
                if transaction.total == order.amount {
                    with_its_total(transaction)
                } else {
                    Err(Cause::Amount)
                }
            });
            refunded.map_or_else(Outcome::Unknown, |transaction| {
                Outcome::Definite(Refund::Done(transaction))
            })
        }
        // Perhaps: it was given back already.
        Said::Error { code, .. } if code == REFERENCE_TAKEN => {
            Outcome::Unknown(Cause::ReferenceTaken)
        }
        Said::Error { http_status, code } => {
            let listed = match Decline::from_code(&code) {
                Some(reason) => Some(reason.code()),
                None => (code == NOT_FOUND).then_some(NOT_FOUND),
            };
            match listed {
                Some(code) => Outcome::Definite(Refund::Refused(code)),
                None => refused(http_status, &code),
            }
        }
        Said::Nothing(cause) => Outcome::Unknown(cause),
    }
}

/// A look-up. `absent_codes` as [`Config::absent_codes`](super::Config::absent_codes).
pub(super) fn transaction(
    answer: &Answer,
    reference: &str,
    absent_codes: &[String],
) -> Outcome<TransactionRead> {
    match said(answer) {
        Said::Data(data) => read(&data, reference).map_or_else(Outcome::Unknown, Outcome::Definite),
        Said::Error { http_status, code } => {
            let is_absent = match http_status {
                404 => true,
                400 => code == NOT_FOUND || absent_codes.contains(&code),
                _ => false,
            };
            if is_absent {
                Outcome::Definite(TransactionRead::NotFound)
            } else {
                refused(http_status, &code)
            }
        }
        Said::Nothing(cause) => Outcome::Unknown(cause),
    }
}

/// A new access token; `now` in seconds since the epoch.
pub(super) fn token(answer: &Answer, now: i64) -> Result<Fresh, NoToken> {
    match said(answer) {
        Said::Data(data) => read_token(&data, now).map_err(NoToken::NotSent),
        Said::Error {
            http_status: 400 | 401 | 403,
            ..
        } => Err(NoToken::Rejected(Cause::Credentials)),
        Said::Error { http_status, .. } => Err(NoToken::NotSent(Cause::HttpStatus(http_status))),
        Said::Nothing(cause) => Err(NoToken::NotSent(cause)),
    }
}

fn read_token(data: &Option<Raw>, now: i64) -> Result<Fresh, Cause> {
    let data: TokenData = wire::field(data).ok_or(Cause::Shape("data"))?;
    // What a header can carry.
    let text = wire::string(&data.access_token).filter(|text| {
        (1..=TOKEN_MAX).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
    });
    Ok(Fresh {
        secret: SecretString::from(text.ok_or(Cause::Shape("accessToken"))?),
        expires_at: wire::whole_number(&data.expires_in)
            .map(|told| Moment::from_unix_secs(now.saturating_add(life(told, now)))),
    })
}

/// A transaction of ours that is `ok`.
fn done(data: &Option<Raw>, reference: &str) -> Result<(TransactionData, Transaction), Cause> {
    let fields = ours(data, reference)?;
    match wire::string(&fields.status).as_deref() {
        Some("ok") => {}
        Some(_) => return Err(Cause::NotFinal),
        None => return Err(Cause::Shape("status")),
    }
    let transaction = amounts(&fields)?;
    Ok((fields, transaction))
}

fn read(data: &Option<Raw>, reference: &str) -> Result<TransactionRead, Cause> {
    let fields = ours(data, reference)?;
    let status = wire::string(&fields.status).ok_or(Cause::Shape("status"))?;
    let kind = wire::string(&fields.kind).ok_or(Cause::Shape("type"))?;
    if (status.as_str(), kind.as_str()) == ("ok", "payment") {
        return amounts(&fields)
            .and_then(with_its_total)
            .map(TransactionRead::Paid);
    }
    Ok(TransactionRead::Other {
        status: word(&status),
        kind: word(&kind),
    })
}

fn ours(data: &Option<Raw>, reference: &str) -> Result<TransactionData, Cause> {
    let fields: TransactionData = wire::field(data).ok_or(Cause::Shape("data"))?;
    if wire::string(&fields.reference).as_deref() == Some(reference) {
        Ok(fields)
    } else {
        Err(Cause::Reference)
    }
}

fn amounts(fields: &TransactionData) -> Result<Transaction, Cause> {
    let amount = wire::amount(&fields.amount).ok_or(Cause::Amount)?;
    let tip = wire::amount(&fields.tip).ok_or(Cause::Amount)?;
    let total = wire::amount(&fields.total).ok_or(Cause::Amount)?;
    Ok(Transaction {
        amount,
        tip,
        total,
        issuer: wire::short_text(&fields.issuer),
        authorization: wire::short_text(&fields.authorization),
        affiliation: wire::short_text(&fields.affiliation),
        date: wire::short_text(&fields.date),
    })
}

fn with_its_total(transaction: Transaction) -> Result<Transaction, Cause> {
    let minor = |money: Money| money.minor();
    if minor(transaction.amount) + minor(transaction.tip) == minor(transaction.total) {
        Ok(transaction)
    } else {
        Err(Cause::Total)
    }
}

/// A 4xx that says no without a code that is listed for it: the collection gives these statuses to what
/// was not done.
fn refused<T>(http_status: u16, code: &str) -> Outcome<T> {
    match (http_status, code) {
        (401 | 403, _) | (400, "ERR_UNAUTHORIZED" | "ERR_FORBIDDEN") => {
            Outcome::Rejected(Cause::Credentials)
        }
        (400, "ERR_BAD_REQUEST") => Outcome::Rejected(Cause::Validation),
        (400, _) => Outcome::Rejected(Cause::UnknownError),
        _ => Outcome::Unknown(Cause::HttpStatus(http_status)),
    }
}

/// A provider's word, fit for a log.
fn word(text: &str) -> String {
    text.chars()
        .take(32)
        .map(|char| match char {
            'A'..='Z' | 'a'..='z' | '0'..='9' | '_' | '-' | ' ' => char,
            _ => '?',
        })
        .collect()
}

/// Longest access token that is taken, in bytes.
const TOKEN_MAX: usize = 8192;

#[cfg(test)]
mod properties;
