//! What an answer of GreenPay proves.
//!
//! Pure: an HTTP status and a body go in, an [`Outcome`] comes out. Whatever is not proof is
//! [`Outcome::Unknown`]; that arm is the default everywhere below.

mod operation;
mod subscription;

use ventanilla_core::card::{Brand, YearMonth};
use ventanilla_core::money::Currency;
use ventanilla_core::seal::ProviderKey;
use ventanilla_core::signature::{self, SignedKind};

pub use self::operation::{NOT_FOUND, NOT_READY, TOO_LATE, operation};
pub use self::subscription::{
    SubscriptionChange, created_subscription, subscription_change, subscription_payment,
    subscription_payments, subscriptions,
};
use super::bulk::BulkId;
use super::operation::StateChange;
use super::order::{
    Approval, CardToken, Expected, OrderSession, Payment, SavedCard, SavedToken, TransactionDetail,
    TransactionRead,
};
use super::wire::{
    self, AnswerBody, PaymentResult, Raw, SchemaViolation, Status, TokenResult, TransactionResult,
};
use crate::http::is_opaque;
use crate::outcome::{Cause, Outcome};

/// The code reported for `Invalid_pan`, which GreenPay says in words before it asks a bank: the
/// response code it has for the same thing.
pub const INVALID_CARD: &str = "14";

/// GreenPay timed out and applies a reversal. Whether it arrived is for a read to tell.
const REVERSED: &str = "899";

/// The error texts that GreenPay's help centre names, in the form [`wire::error_texts`] gives, and
/// what each proves: that the call was not executed, and why.
///
/// "Invalid input syntax for uuid" is documented too and is not here: it is a database's complaint
/// about a session that came from GreenPay itself, so we would not know what it means.
const REFUSALS: [(&str, Cause); 7] = [
    ("bank entity doesn't exist", Cause::Terminal),
    ("invalid card token", Cause::CardToken),
    ("invalid token", Cause::SessionToken),
    ("invalid_pan", Cause::CardNumber),
    ("merchant doesn't exist", Cause::Credentials),
    // Means that decryption failed, whatever it says.
    ("session not exists or is wrong", Cause::SealedCard),
    ("session not found", Cause::Session),
];

/// How GreenPay says that there is no such transaction, in the form [`wire::error_texts`] gives.
const FOUND_NOTHING: &str = "transaction not found";

/// Reads the answer to a payment, by sealed card or by card token.
///
/// * **Approved** needs all of: HTTP 200 or 201, `status` 200, `result.success` true,
///   `result.resp_code` `"00"`, and `orderId`, `amount` and `currency` equal to `expected`, and a
///   `_signature` that verifies for the expected reference.
/// * **Declined** needs a `status` of failure with a `result.resp_code` that is neither `"00"` nor
///   `"899"`, and no word to the contrary: `success`, `orderId`, `amount` and `currency` must agree
///   where they are present, and `orderId` must be present unless the HTTP status is 200 or 201. A
///   signature is not asked for: no document shows a signed decline. Also a decline is the error
///   `Invalid_pan`, as [`INVALID_CARD`].
/// * **Rejected** needs HTTP 401 or 403, a schema violation (HTTP 400), or no `result` and only
///   documented error texts that say that nothing was executed.
pub fn payment(
    http_status: u16,
    body: &str,
    expected: &Expected,
    key: &ProviderKey,
) -> Outcome<Payment> {
    match open(http_status, body) {
        Ok(body) => {
            read_payment(http_status, &body, expected, key).unwrap_or_else(Outcome::Unknown)
        }
        Err(outcome) => outcome.into(),
    }
}

/// Reads the answer to an order or a token order.
pub fn order_session(http_status: u16, body: &str) -> Outcome<OrderSession> {
    let body = match open(http_status, body) {
        Ok(body) => body,
        Err(outcome) => return outcome.into(),
    };
    let session = wire::string(&body.session).zip(wire::string(&body.token));
    match session {
        Some((session, token)) if is_done(http_status) => {
            OrderSession::from_parts(&session, &token)
                .map_or(Outcome::Unknown(Cause::Shape("session")), Outcome::Definite)
        }
        _ => refused_or_unknown(http_status, &body, "session"),
    }
}

/// Reads the answer to a tokenization or to the update of a card token. The signature must verify
/// for `request_id`.
pub fn saved_token(
    http_status: u16,
    body: &str,
    request_id: &str,
    key: &ProviderKey,
) -> Outcome<SavedToken> {
    let body = match open(http_status, body) {
        Ok(body) => body,
        Err(outcome) => return outcome.into(),
    };
    let Some(status @ (200 | 201)) = body.status().and_then(Status::number) else {
        return refused_or_unknown(http_status, &body, "status");
    };
    if !is_done(http_status) {
        return Outcome::Unknown(Cause::HttpStatus(http_status));
    }
    if wire::string(&body.request_id).as_deref() != Some(request_id) {
        return Outcome::Unknown(Cause::Reference);
    }
    let signed = wire::string(&body.signature).is_some_and(|signature| {
        signature::verify(
            key,
            SignedKind::Token,
            &status.to_string(),
            request_id,
            &signature,
        )
        .is_ok()
    });
    if !signed {
        return Outcome::Unknown(Cause::Signature);
    }
    read_token(&body).map_or(Outcome::Unknown(Cause::Shape("result")), Outcome::Definite)
}

/// Reads the answer to a look-up of a card token. No document shows a success; it is read as the
/// answer to a tokenization is.
pub fn saved_card(http_status: u16, body: &str) -> Outcome<SavedCard> {
    let body = match open(http_status, body) {
        Ok(body) => body,
        Err(outcome) => return outcome.into(),
    };
    match body.status() {
        Some(Status::Number(200 | 201) | Status::Success) if is_done(http_status) => {
            read_card(&body).map_or(Outcome::Unknown(Cause::Shape("result")), Outcome::Definite)
        }
        _ => refused_or_unknown(http_status, &body, "status"),
    }
}

/// Reads the answer to the deletion of a card token. The signature is not asked for: nobody has
/// shown over what it is made, and deleting twice ends the same.
pub fn deletion(http_status: u16, body: &str, request_id: &str) -> Outcome<()> {
    let body = match open(http_status, body) {
        Ok(body) => body,
        Err(outcome) => return outcome.into(),
    };
    if body.status() != Some(Status::Deleted) || !is_done(http_status) {
        return refused_or_unknown(http_status, &body, "status");
    }
    if wire::string(&body.request_id).as_deref() == Some(request_id) {
        Outcome::Definite(())
    } else {
        Outcome::Unknown(Cause::Reference)
    }
}

/// Reads the answer to a look-up of the transaction of `reference`.
///
/// Not found needs `code` 404, `status` `FAIL`, no `result` and the one documented text. Only
/// the state `approved` is documented; every other is [`TransactionRead::Other`], with a
/// [`StateChange`] when it is a change's own word and nothing else.
pub fn transaction(http_status: u16, body: &str, reference: &str) -> Outcome<TransactionRead> {
    match open(http_status, body) {
        Ok(body) => {
            read_transaction(http_status, &body, reference).unwrap_or_else(Outcome::Unknown)
        }
        Err(outcome) => outcome.into(),
    }
}

/// Reads the answer to a bulk. Taken needs HTTP 200 or 201, `status` 200, a `bulkId` and no error; nothing
/// signs it, and it says nothing about the payments.
pub fn bulk(http_status: u16, body: &str) -> Outcome<BulkId> {
    let body = match open(http_status, body) {
        Ok(body) => body,
        Err(outcome) => return outcome.into(),
    };
    let id = wire::text(&body.bulk_id).and_then(|id| BulkId::parse(&id));
    match (body.status(), id) {
        (Some(Status::Number(200)), Some(id)) if is_done(http_status) => {
            if has_no_error(&body.errors) {
                Outcome::Definite(id)
            } else {
                Outcome::Unknown(Cause::Contradiction)
            }
        }
        _ => refused_or_unknown(http_status, &body, "bulkId"),
    }
}

/// What an answer proves before its fields are read.
enum Closed {
    Rejected(Cause),
    Unknown(Cause),
}

impl<T> From<Closed> for Outcome<T> {
    fn from(closed: Closed) -> Self {
        match closed {
            Closed::Rejected(cause) => Self::Rejected(cause),
            Closed::Unknown(cause) => Self::Unknown(cause),
        }
    }
}

fn open(http_status: u16, text: &str) -> Result<AnswerBody, Closed> {
    if is_opaque(http_status) {
        return Err(Closed::Unknown(Cause::HttpStatus(http_status)));
    }
    let body = serde_json::from_str::<AnswerBody>(text);
    if matches!(http_status, 401 | 403) {
        return match body {
            // Turned away at the door and yet let in: the fields will tell.
            Ok(body) if body.speaks_of_an_execution() => Ok(body),
            Ok(body) => Err(Closed::Rejected(
                refusal(&body).unwrap_or(Cause::Credentials),
            )),
            Err(_) => Err(Closed::Rejected(Cause::Credentials)),
        };
    }
    if http_status == 400
        && serde_json::from_str::<Vec<SchemaViolation>>(text)
            .is_ok_and(|entries| !entries.is_empty())
    {
        return Err(Closed::Rejected(Cause::Validation));
    }
    // An array would do for a struct: its fields in order.
    if body.is_ok() && !text.trim_start().starts_with('{') {
        return Err(Closed::Unknown(Cause::Shape("body")));
    }
    body.map_err(|error| {
        Closed::Unknown(if error.is_data() {
            Cause::Shape("body")
        } else {
            Cause::NotJson
        })
    })
}

fn read_payment(
    http_status: u16,
    body: &AnswerBody,
    expected: &Expected,
    key: &ProviderKey,
) -> Result<Outcome<Payment>, Cause> {
    if body.order_id.is_some() && !is_about(body, &expected.reference) {
        return Err(Cause::Reference);
    }
    match body.status() {
        Some(Status::Number(200)) => {
            let approval = read_approval(http_status, body, expected, key)?;
            Ok(Outcome::Definite(Payment::Approved(approval)))
        }
        Some(Status::Number(0..=299))
        | Some(Status::Success | Status::Deleted | Status::Other)
        | None => Err(Cause::Shape("status")),
        Some(Status::Number(_) | Status::Fail) if body.has_no_result() => match refusal(body) {
            _ if body.is_authorized() => Err(Cause::Contradiction),
            Some(Cause::CardNumber) => Ok(Outcome::Definite(Payment::Declined {
                code: Some(INVALID_CARD.to_owned()),
            })),
            Some(cause) => Ok(Outcome::Rejected(cause)),
            None => Err(Cause::UnknownError),
        },
        Some(Status::Number(_) | Status::Fail) => {
            let code = read_decline(http_status, body, expected)?;
            Ok(Outcome::Definite(Payment::Declined { code: Some(code) }))
        }
    }
}

fn read_approval(
    http_status: u16,
    body: &AnswerBody,
    expected: &Expected,
    key: &ProviderKey,
) -> Result<Approval, Cause> {
    if !is_done(http_status) {
        return Err(Cause::HttpStatus(http_status));
    }
    let result: PaymentResult = parse(&body.result).ok_or(Cause::Shape("result"))?;
    let success = truth(&result.success).ok_or(Cause::Shape("success"))?;
    let code = wire::string(&result.resp_code).ok_or(Cause::Shape("resp_code"))?;
    if !success || code != "00" {
        return Err(Cause::Contradiction);
    }
    if !is_about(body, &expected.reference) {
        return Err(Cause::Reference);
    }
    let currency = expected.total.currency();
    if wire::string(&body.currency).as_deref() != Some(currency.code()) {
        return Err(Cause::Currency);
    }
    if wire::amount(&body.amount, currency) != Some(expected.total) {
        return Err(Cause::Amount);
    }
    let signature = wire::string(&body.signature).ok_or(Cause::Signature)?;
    signature::verify(
        key,
        SignedKind::Payment,
        "200",
        &expected.reference,
        &signature,
    )
    .map_err(|_| Cause::Signature)?;
    let saved = read_tokenize_resp(body, &expected.reference);
    Ok(Approval {
        authorization: wire::code(&body.authorization),
        total: expected.total,
        last4: wire::digits(&body.last4, 4, 4),
        brand: brand(&body.brand),
        bin: saved.as_ref().and_then(|saved| saved.card.bin.clone()),
        saved,
    })
}

fn read_decline(http_status: u16, body: &AnswerBody, expected: &Expected) -> Result<String, Cause> {
    if !is_done(http_status) && body.order_id.is_none() {
        return Err(Cause::HttpStatus(http_status));
    }
    let result: PaymentResult = parse(&body.result).ok_or(Cause::Shape("result"))?;
    let code = wire::string(&result.resp_code).ok_or(Cause::Shape("resp_code"))?;
    if !(1..=8).contains(&code.len()) || !code.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return Err(Cause::Shape("resp_code"));
    }
    if code.bytes().all(|byte| byte == b'0') {
        return Err(Cause::Contradiction);
    }
    if result.success.is_some() {
        match truth(&result.success) {
            Some(false) => {}
            Some(true) => return Err(Cause::Contradiction),
            None => return Err(Cause::Shape("success")),
        }
    }
    let currency = expected.total.currency();
    if body.currency.is_some() && wire::string(&body.currency).as_deref() != Some(currency.code()) {
        return Err(Cause::Currency);
    }
    if body.amount.is_some() && wire::amount(&body.amount, currency) != Some(expected.total) {
        return Err(Cause::Amount);
    }
    if code == REVERSED {
        return Err(Cause::Reversed);
    }
    Ok(code)
}

fn read_transaction(
    http_status: u16,
    body: &AnswerBody,
    reference: &str,
) -> Result<Outcome<TransactionRead>, Cause> {
    match (body.status(), body.code()) {
        (Some(Status::Fail), Some(Status::Number(404))) if body.has_no_result() => {
            let texts = wire::error_texts(&body.errors).ok_or(Cause::UnknownError)?;
            if !(is_done(http_status) || http_status == 404) || texts != [FOUND_NOTHING] {
                return Err(Cause::UnknownError);
            }
            Ok(Outcome::Definite(TransactionRead::NotFound))
        }
        (Some(Status::Success | Status::Number(200)), Some(Status::Number(200)) | None) => {
            if !is_done(http_status) {
                return Err(Cause::HttpStatus(http_status));
            }
            let result: TransactionResult = parse(&body.result).ok_or(Cause::Shape("result"))?;
            let state = wire::string(&result.state).ok_or(Cause::Shape("state"))?;
            if is_about_another(&result, reference) {
                return Err(Cause::Reference);
            }
            if !state.eq_ignore_ascii_case("approved") {
                return Ok(Outcome::Definite(TransactionRead::Other {
                    change: change(&state),
                    state: printable(&state),
                }));
            }
            let currency = wire::string(&result.currency)
                .and_then(|code| Currency::from_code(&code))
                .ok_or(Cause::Currency)?;
            let total = wire::amount(&result.amount, currency).ok_or(Cause::Amount)?;
            Ok(Outcome::Definite(TransactionRead::Approved(
                TransactionDetail {
                    total,
                    authorization: wire::code(&result.authorization),
                    bin: wire::digits(&result.bin, 6, 8),
                    last4: wire::digits(&result.last4, 4, 4),
                },
            )))
        }
        _ => Ok(refused_or_unknown(http_status, body, "status")),
    }
}

/// No document says whether `referenceNumber` is our reference or the bank's twelve digits, so it is
/// not asked to be ours; but another payment's reference in its place is no answer to our question.
fn is_about_another(result: &TransactionResult, reference: &str) -> bool {
    wire::string(&result.reference_number).is_some_and(|number| {
        number != reference
            && number.len() == reference.len()
            && !number.bytes().all(|byte| byte.is_ascii_digit())
    })
}

/// A failure to read the saved card never touches the payment it came with.
fn read_tokenize_resp(body: &AnswerBody, reference: &str) -> Option<SavedToken> {
    let inner: AnswerBody = parse(&body.tokenize_resp)?;
    let saved = matches!(inner.status(), Some(Status::Number(200 | 201)))
        && wire::string(&inner.request_id).as_deref() == Some(reference);
    let token = saved.then(|| read_token(&inner)).flatten();
    if token.is_none() {
        tracing::warn!("GreenPay approved a payment but did not save its card as documented");
    }
    token
}

fn read_token(body: &AnswerBody) -> Option<SavedToken> {
    let result: TokenResult = parse(&body.result)?;
    Some(SavedToken {
        token: CardToken::parse(&wire::string(&result.token)?)?,
        card: read_card(body)?,
    })
}

fn read_card(body: &AnswerBody) -> Option<SavedCard> {
    let result: TokenResult = parse(&body.result)?;
    Some(SavedCard {
        last4: wire::digits(&result.last_digits, 4, 4),
        bin: wire::digits(&result.bin, 6, 8),
        brand: brand(&body.brand),
        expiry: expiry(&body.expiration_date),
    })
}

/// A refusal by a documented text, or nothing known; `missing` is what a success would have had.
fn refused_or_unknown<T>(http_status: u16, body: &AnswerBody, missing: &'static str) -> Outcome<T> {
    let failed = !matches!(body.number(), Some(200 | 201));
    match refusal(body) {
        Some(cause) if failed && !body.speaks_of_an_execution() => Outcome::Rejected(cause),
        _ if !is_done(http_status) => Outcome::Unknown(Cause::HttpStatus(http_status)),
        _ if failed && body.errors.is_some() => Outcome::Unknown(Cause::UnknownError),
        _ => Outcome::Unknown(Cause::Shape(missing)),
    }
}

/// What the error texts prove, when there are some and all say the same.
fn refusal(body: &AnswerBody) -> Option<Cause> {
    let texts = wire::error_texts(&body.errors)?;
    let cause_of = |text: &String| {
        REFUSALS
            .iter()
            .find(|(known, _)| known == text)
            .map(|(_, cause)| *cause)
    };
    let first = cause_of(texts.first()?)?;
    texts
        .iter()
        .all(|text| cause_of(text) == Some(first))
        .then_some(first)
}

/// Whether `errors` is missing or holds nothing.
fn has_no_error(errors: &Option<Raw>) -> bool {
    wire::error_texts(errors).is_some_and(|texts| texts.is_empty())
}

const fn is_done(http_status: u16) -> bool {
    matches!(http_status, 200 | 201)
}

fn is_about(body: &AnswerBody, reference: &str) -> bool {
    wire::string(&body.order_id).as_deref() == Some(reference)
}

fn parse<T: serde::de::DeserializeOwned>(raw: &Option<Raw>) -> Option<T> {
    let text = raw.as_deref()?.get();
    text.starts_with('{')
        .then(|| serde_json::from_str(text).ok())
        .flatten()
}

fn truth(raw: &Option<Raw>) -> Option<bool> {
    serde_json::from_str(raw.as_deref()?.get()).ok()
}

fn brand(raw: &Option<Raw>) -> Option<Brand> {
    let name: String = wire::string(raw)?
        .chars()
        .filter(char::is_ascii_alphabetic)
        .map(|c| c.to_ascii_lowercase())
        .collect();
    match name.as_str() {
        "amex" | "americanexpress" => Some(Brand::Amex),
        "diners" | "dinersclub" => Some(Brand::Diners),
        "discover" => Some(Brand::Discover),
        "jcb" => Some(Brand::Jcb),
        "maestro" => Some(Brand::Maestro),
        "mastercard" => Some(Brand::Mastercard),
        "unionpay" => Some(Brand::UnionPay),
        "visa" => Some(Brand::Visa),
        _ => None,
    }
}

/// `YYMM`.
fn expiry(raw: &Option<Raw>) -> Option<YearMonth> {
    let number: u16 = wire::digits(raw, 4, 4)?.parse().ok()?;
    let month = u8::try_from(number % 100).ok()?;
    (1..=12).contains(&month).then_some(YearMonth {
        year: 2000 + number / 100,
        month,
    })
}

/// Whole words only: `void_pending` or `not captured` is none of them.
fn change(state: &str) -> Option<StateChange> {
    match state.to_ascii_lowercase().as_str() {
        "void" | "voided" => Some(StateChange::Voided),
        "refund" | "refunded" => Some(StateChange::Refunded),
        "capture" | "captured" => Some(StateChange::Captured),
        _ => None,
    }
}

pub(super) fn printable(state: &str) -> String {
    state
        .chars()
        .take(32)
        .map(|c| match c {
            'a'..='z' | 'A'..='Z' | '0'..='9' | '_' | '-' | ' ' => c,
            _ => '?',
        })
        .collect()
}
