//! What the answer to a void, a refund or a capture proves.

use super::{FOUND_NOTHING, has_no_error, is_done, open, parse, truth};
use crate::greenpay::operation::{OperationAnswer, StateChange};
use crate::greenpay::wire::{self, AnswerBody, OperationResult, Status};
use crate::outcome::{Cause, Outcome};

/// The code reported when GreenPay does not know the transaction.
pub const NOT_FOUND: &str = "not_found";

/// The code reported when GreenPay does not take a payment back, or take it at all, in the state it
/// is in.
pub const NOT_READY: &str = "not_ready";

/// The code reported when the time for a void is over.
pub const TOO_LATE: &str = "too_late";

/// How the help centre prints the refusal of a void after its time, in the form
/// [`wire::error_texts`] gives.
const NOT_READY_TEXTS: [&str; 2] = ["transaction", "not ready for reversion"];

/// Reads the answer to the call that makes `change` of the transaction of `reference`.
///
/// * **Done** needs all of: HTTP 200 or 201, `code` 200, `status` `SUCCESS`, our reference in
///   `result.orderReference`, `true` under the change's own word (`void`, `refund`), no other change's
///   word, and no error. No document shows the answer to a capture: its word may be missing.
/// * **Refused** needs `status` `FAIL`, no sign of an execution, and exactly one of the two documented
///   refusals: `code` 404 with "Transaction not found", or `code` 500 with "not ready for reversion".
/// * **Rejected** needs HTTP 401 or 403, or a schema violation (HTTP 400).
///
/// None of these answers is signed, so the error texts that refuse other calls prove nothing here.
pub fn operation(
    http_status: u16,
    body: &str,
    change: StateChange,
    reference: &str,
) -> Outcome<OperationAnswer> {
    match open(http_status, body) {
        Ok(body) => match read(http_status, &body, change, reference) {
            Ok(answer) => Outcome::Definite(answer),
            Err(cause) => Outcome::Unknown(cause),
        },
        Err(outcome) => outcome.into(),
    }
}

fn read(
    http_status: u16,
    body: &AnswerBody,
    change: StateChange,
    reference: &str,
) -> Result<OperationAnswer, Cause> {
    match (body.status(), body.code()) {
        (Some(Status::Success), Some(Status::Number(200))) => {
            read_done(http_status, body, change, reference)?;
            Ok(OperationAnswer::Done)
        }
        (Some(Status::Fail), Some(Status::Number(code))) => {
            let code = read_refusal(http_status, body, code, change)?.to_owned();
            Ok(OperationAnswer::Refused { code: Some(code) })
        }
        _ if !is_done(http_status) => Err(Cause::HttpStatus(http_status)),
        _ => Err(Cause::Shape("status")),
    }
}

fn read_done(
    http_status: u16,
    body: &AnswerBody,
    change: StateChange,
    reference: &str,
) -> Result<(), Cause> {
    if !is_done(http_status) {
        return Err(Cause::HttpStatus(http_status));
    }
    let result: OperationResult = parse(&body.result).ok_or(Cause::Shape("result"))?;
    if wire::string(&result.order_reference).as_deref() != Some(reference) {
        return Err(Cause::Reference);
    }
    for (word, name, means) in [
        (&result.void, "void", StateChange::Voided),
        (&result.refund, "refund", StateChange::Refunded),
        (&result.capture, "capture", StateChange::Captured),
    ] {
        if means != change {
            if word.is_some() {
                return Err(Cause::Contradiction);
            }
        } else if word.is_some() || change != StateChange::Captured {
            match truth(word) {
                Some(true) => {}
                Some(false) => return Err(Cause::Contradiction),
                None => return Err(Cause::Shape(name)),
            }
        }
    }
    if has_no_error(&body.errors) {
        Ok(())
    } else {
        Err(Cause::Contradiction)
    }
}

fn read_refusal(
    http_status: u16,
    body: &AnswerBody,
    code: u16,
    change: StateChange,
) -> Result<&'static str, Cause> {
    if body.speaks_of_an_execution() || wire::errors_speak_of_success(&body.errors) {
        return Err(Cause::Contradiction);
    }
    let texts = wire::error_texts(&body.errors).ok_or(Cause::UnknownError)?;
    let status_fits = is_done(http_status) || http_status == code;
    match (code, change) {
        _ if !status_fits => Err(Cause::HttpStatus(http_status)),
        (404, _) if texts == [FOUND_NOTHING] => Ok(NOT_FOUND),
        (500, StateChange::Voided) if texts == NOT_READY_TEXTS => Ok(TOO_LATE),
        (500, StateChange::Refunded | StateChange::Captured) if texts == NOT_READY_TEXTS => {
            Ok(NOT_READY)
        }
        _ => Err(Cause::UnknownError),
    }
}
