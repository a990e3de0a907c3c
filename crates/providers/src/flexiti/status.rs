//! What an answer proves. The table is in the module's documentation.

use std::time::Duration;

use secrecy::SecretString;

use super::refusal::{Decision, Meaning, Refusal, meaning};
use super::secret::is_token;
use super::wire::{self, Envelope, TokenFields, object};
use crate::code::note;
use crate::http::{Answer, is_opaque};
use crate::moment::Moment;
use crate::outcome::{Cause, Outcome};
use crate::token::{Fresh, NoToken};

/// What an answer says before its fields are read.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Said {
    /// HTTP 2xx, and no error.
    Ok,
    /// HTTP 401: the access token is not taken.
    TokenRefused,
    /// A documented refusal.
    Refused(Refusal),
    /// In a documented way: not executed.
    Invalid(Cause),
    /// An error of the provider's that says nothing of what was done.
    Vague(Cause),
    /// Nothing.
    Nothing(Cause),
}

pub(super) fn said(answer: &Answer) -> Said {
    let http_status = answer.status;
    if is_opaque(http_status) {
        return Said::Nothing(Cause::HttpStatus(http_status));
    }
    let envelope: Option<Envelope> = object(&answer.text);
    let error = envelope.and_then(|found| found.error);
    if let Some(code) = wire::string(&error) {
        note(&code);
    }
    match http_status {
        200..=299 if error.is_some() => Said::Nothing(Cause::Contradiction),
        200..=299 => Said::Ok,
        401 => Said::TokenRefused,
        // The rest of them come from the firewall in front of the provider.
        403 | 465..=467 => Said::Invalid(Cause::Forbidden),
        400..=499 => match wire::string(&error) {
            // One status stands for many things: the code decides.
            Some(code) => match meaning(&code) {
                Meaning::Refused(refusal) => Said::Refused(refusal),
                Meaning::Invalid(cause) => Said::Invalid(cause),
                Meaning::Vague(cause) => Said::Vague(cause),
            },
            None => Said::Nothing(Cause::HttpStatus(http_status)),
        },
        // A server that broke does not know what it did before.
        _ => Said::Nothing(Cause::HttpStatus(http_status)),
    }
}

/// A call that moves money, or holds it. An error whose code is not documented proves nothing.
pub(super) fn moving<T>(
    answer: &Answer,
    read: impl FnOnce(&str) -> Result<T, Cause>,
) -> Outcome<Decision<T>> {
    match said(answer) {
        Said::Ok => read(&answer.text).map_or_else(Outcome::Unknown, |done| {
            Outcome::Definite(Decision::Done(done))
        }),
        Said::Refused(refusal) => Outcome::Definite(Decision::Refused(refusal)),
        Said::TokenRefused => Outcome::Rejected(Cause::Credentials),
        Said::Invalid(cause) => Outcome::Rejected(cause),
        Said::Vague(cause) | Said::Nothing(cause) => Outcome::Unknown(cause),
    }
}

/// A call that changes nothing: any error of the provider's is as good as a refusal.
pub(super) fn harmless<T>(
    answer: &Answer,
    read: impl FnOnce(&str) -> Result<T, Cause>,
) -> Outcome<Decision<T>> {
    match said(answer) {
        Said::Vague(cause) => Outcome::Rejected(cause),
        _ => moving(answer, read),
    }
}

/// As [`harmless`], where the provider has no refusals.
pub(super) fn listed<T>(
    answer: &Answer,
    read: impl FnOnce(&str) -> Result<T, Cause>,
) -> Outcome<T> {
    match harmless(answer, read) {
        Outcome::Definite(Decision::Done(value)) => Outcome::Definite(value),
        Outcome::Definite(Decision::Refused(_)) => Outcome::Rejected(Cause::Refused),
        Outcome::NotSent(cause) => Outcome::NotSent(cause),
        Outcome::Rejected(cause) => Outcome::Rejected(cause),
        Outcome::Unknown(cause) => Outcome::Unknown(cause),
    }
}

/// An answer whose status says all: its body may be empty, or any object.
pub(super) fn any_object(body: &str) -> Result<(), Cause> {
    let is_empty = body.trim().is_empty();
    if is_empty || object::<Envelope>(body).is_some() {
        Ok(())
    } else {
        Err(Cause::Shape("body"))
    }
}

/// A new access token.
pub(super) fn token(answer: &Answer, now: Moment) -> Result<Fresh, NoToken> {
    match said(answer) {
        Said::Ok => read_token(&answer.text, now).map_err(NoToken::NotSent),
        Said::TokenRefused => Err(NoToken::Rejected(Cause::Credentials)),
        Said::Invalid(cause) => Err(NoToken::Rejected(cause)),
        Said::Refused(_) => Err(NoToken::NotSent(Cause::Refused)),
        Said::Vague(cause) | Said::Nothing(cause) => Err(NoToken::NotSent(cause)),
    }
}

fn read_token(body: &str, now: Moment) -> Result<Fresh, Cause> {
    let fields: TokenFields = object(body).ok_or_else(|| not_an_object(body))?;
    let text = wire::string(&fields.access_token).filter(|text| is_token(text));
    let lives = wire::whole_number(&fields.expires_in).map_or(LIFE, Duration::from_secs);
    Ok(Fresh {
        secret: SecretString::from(text.ok_or(Cause::Shape("access_token"))?),
        expires_at: Some(now.plus(lives.min(LIFE))),
    })
}

/// Why a body that is no object is not read.
pub(super) fn not_an_object(body: &str) -> Cause {
    if serde_json::from_str::<&serde_json::value::RawValue>(body).is_ok() {
        Cause::Shape("body")
    } else {
        Cause::NotJson
    }
}

/// How long an access token lives, whatever the provider says beyond it.
const LIFE: Duration = Duration::from_secs(1200);
