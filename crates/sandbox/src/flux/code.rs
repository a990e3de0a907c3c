//! Wallet codes: what a buyer shows, for one use and a short time.

use std::time::Duration;

use base64::Engine as _;
use serde::{Deserialize, Serialize};

use crate::clock::Moment;
use crate::random::{Sequence, mixed};
use crate::world::State;

use super::answer::Refusal;
use super::ledger::{FluxCodeEntry, FluxCodeKind};
use super::options::FluxCodeForm;
use super::{Flux, Memory};

/// A code that a wallet shows.
#[derive(Clone, Debug)]
pub(super) struct Code {
    pub(super) text: String,
    pub(super) kind: FluxCodeKind,
    pub(super) expires: Moment,
    /// The payment that used it up, by its place in the ledger.
    pub(super) used_by: Option<usize>,
}

/// A code asked for by a program.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CodeRequest {
    /// One that pays unless told.
    #[serde(default)]
    pub(crate) kind: FluxCodeKind,
}

/// A code that was just made.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct FreshCode {
    pub(crate) number: u64,
    pub(crate) kind: FluxCodeKind,
    pub(crate) code: String,
    pub(crate) expires_at: String,
}

impl Code {
    pub(super) fn is_slow(&self) -> bool {
        self.kind == FluxCodeKind::Slow
    }

    /// Whether it pays at `now`; `beyond` when its time does not count.
    pub(super) fn pays(&self, now: Moment, beyond: bool) -> Result<(), Refusal> {
        let refusal = match self.kind {
            FluxCodeKind::Unknown => Refusal::CodeUnknown,
            FluxCodeKind::Malformed => Refusal::CodeMalformed,
            FluxCodeKind::Disabled => Refusal::CodeDisabled,
            FluxCodeKind::Expired | FluxCodeKind::Used => Refusal::CodeExpired,
            _ if self.used_by.is_some() || (self.expires <= now && !beyond) => Refusal::CodeExpired,
            FluxCodeKind::Good | FluxCodeKind::Slow => return Ok(()),
            FluxCodeKind::Funds => Refusal::Funds,
            FluxCodeKind::OverLimit => Refusal::TooMuch,
            FluxCodeKind::BelowMinimum => Refusal::TooLittle,
            FluxCodeKind::Refused => Refusal::Bank,
            FluxCodeKind::Account => Refusal::Account,
            FluxCodeKind::Commerce => Refusal::Commerce,
        };
        Err(refusal)
    }
}

impl Memory {
    pub(super) fn code_of(&self, text: &str) -> Option<&Code> {
        self.codes.get(*self.texts.get(text)?)
    }

    /// A code by its number, which counts from 1.
    pub(super) fn code(&self, number: u64) -> Option<&Code> {
        let place = usize::try_from(number.checked_sub(1)?).ok()?;
        self.codes.get(place)
    }

    /// The place of the code that a merchant sends, if it pays.
    pub(super) fn presented(
        &self,
        text: &str,
        now: Moment,
        beyond: bool,
    ) -> Result<usize, Refusal> {
        let Some(place) = self.texts.get(text).copied() else {
            // A plus that became a space on its way, for one.
            let is_text = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
            return Err(if is_text {
                Refusal::CodeUnknown
            } else {
                Refusal::CodeMalformed
            });
        };
        let code = self.codes.get(place).ok_or(Refusal::CodeUnknown)?;
        code.pays(now, beyond).map(|()| place)
    }
}

impl Flux {
    /// Makes a code that no wallet has shown before.
    pub(crate) fn fresh_code(&self, kind: FluxCodeKind) -> FreshCode {
        let now = self.world.clock.now();
        let seed = self.world.seed;
        self.state().fresh_code(kind, seed, now)
    }
}

impl State {
    fn fresh_code(&mut self, kind: FluxCodeKind, seed: u64, now: Moment) -> FreshCode {
        let memory = &mut self.flux;
        let place = memory.codes.len();
        let number = u64::try_from(place).unwrap_or(u64::MAX - 1) + 1;
        let text = drawn(seed, number, memory.options.code_form);
        let life = Duration::from_secs(u64::from(memory.options.code_lifetime_secs));
        let expires = match kind {
            FluxCodeKind::Expired => now,
            _ => now.plus(life),
        };
        memory.texts.insert(text.clone(), place);
        memory.codes.push(Code {
            text: text.clone(),
            kind,
            expires,
            used_by: None,
        });
        self.ledger.flux.codes.push(FluxCodeEntry {
            number,
            kind,
            code: text.clone(),
            at: now.rfc3339(),
            expires_at: expires.rfc3339(),
        });
        FreshCode {
            number,
            kind,
            code: text,
            expires_at: expires.rfc3339(),
        }
    }
}

/// The text of a code. In base64 there are always a plus and a slash in it: what happens to them on the way
/// is worth seeing.
fn drawn(seed: u64, number: u64, form: FluxCodeForm) -> String {
    // Not the numbers that tokens are drawn from.
    let mut sequence = Sequence::new(seed.rotate_left(17) ^ mixed(number));
    match form {
        FluxCodeForm::Base64 => {
            let mut bytes = Vec::with_capacity(43);
            // `+/+/`
            bytes.extend([0xfb, 0xff, 0xbf]);
            for _ in 0..5 {
                bytes.extend(sequence.next().to_be_bytes());
            }
            base64::engine::general_purpose::STANDARD.encode(bytes)
        }
        FluxCodeForm::Json => {
            format!(r#"{{"CT":"{}","MT":"$203.50"}}"#, sequence.digits(12))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_the_same_for_the_same_seed_and_never_comes_twice() {
        for form in [FluxCodeForm::Base64, FluxCodeForm::Json] {
            let texts: std::collections::HashSet<_> =
                (1..=500).map(|number| drawn(7, number, form)).collect();
            assert_eq!(texts.len(), 500);
            assert_eq!(drawn(7, 1, form), drawn(7, 1, form));
            assert_ne!(drawn(7, 1, form), drawn(8, 1, form));
        }
    }

    #[test]
    fn a_code_in_base64_has_what_forms_and_paths_get_wrong() {
        for number in 1..100 {
            let text = drawn(7, number, FluxCodeForm::Base64);
            assert!(
                text.contains('+') && text.contains('/') && text.ends_with('='),
                "{text}"
            );
        }
    }
}
