//! Logs: a line of JSON per event, on standard error.
//!
//! The rule is an allow-list: log statements name the fields they write, and no body, header or
//! provider answer is ever one of them. This module is the second net. Every line passes through it
//! before it is written; runs of digits that could be a card number and every secret of the
//! configuration are masked, and each such line is counted, because none should ever occur.

use std::borrow::Cow;
use std::io;
use std::sync::Arc;

use aho_corasick::{AhoCorasick, BuildError, MatchKind};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use secrecy::{ExposeSecret, SecretString};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;
use ventanilla_providers::failpoint;
use zeroize::Zeroizing;

use crate::config::Config;

/// What stands where a secret stood.
const MASK: &[u8] = b"[masked]";
/// What stands where a digit of a card number stood.
const DIGIT_MASK: u8 = b'*';
/// PANs have 12 to 19 digits; those of 12 are no longer issued, and masking them would hit one in ten
/// of all other numbers of that length.
const PAN_DIGITS: std::ops::RangeInclusive<usize> = 13..=19;
/// How many blanks or dashes may stand between two digits of one number.
const MAX_GAP: usize = 3;
/// A shorter secret would be found in innocent words.
const MIN_SECRET_BYTES: usize = 6;

/// Starts writing logs for the rest of the process.
///
/// # Errors
///
/// When something else writes logs already, or the secrets cannot be looked for.
pub fn init(config: &Config) -> Result<(), Box<dyn std::error::Error>> {
    use tracing_subscriber::layer::SubscriberExt as _;
    use tracing_subscriber::util::SubscriberInitExt as _;

    // Config has parsed the same text before.
    let filter = EnvFilter::builder()
        .parse(&config.settings.log.level)
        .unwrap_or_else(|_| EnvFilter::new("info"));
    let writer = MaskingWriter::new(Masker::new(config.secrets.known())?, io::stderr);
    let lines = tracing_subscriber::fmt::layer()
        .json()
        .flatten_event(true)
        .with_current_span(false)
        .with_span_list(false)
        .with_writer(writer);
    tracing_subscriber::registry()
        .with(filter)
        .with(lines)
        .try_init()?;
    // The default hook prints the message, which may hold whatever was being worked on.
    std::panic::set_hook(Box::new(|panic| {
        metrics::counter!("ventanilla_panics_total").increment(1);
        match panic.location() {
            Some(place) => tracing::error!(panic.place = %place, "panic at {place}"),
            None => tracing::error!("panic"),
        }
    }));
    Ok(())
}

/// Finds what must not be in a log.
///
/// One pass finds every secret in every form, however many there are: each line that is written goes
/// through it.
pub struct Masker {
    /// Each secret in each form in which it may turn up.
    secrets: AhoCorasick,
}

impl Masker {
    /// A masker that knows `secrets`, also in base64, hex and as JSON writes them.
    ///
    /// # Errors
    ///
    /// When they are too many or too long to be looked for all at once: gigabytes.
    pub fn new(secrets: &[SecretString]) -> Result<Self, BuildError> {
        let mut forms: Vec<Zeroizing<String>> = Vec::new();
        for secret in secrets {
            // EXPOSE: to look for it in every line.
            let text = secret.expose_secret();
            if text.len() < MIN_SECRET_BYTES {
                continue;
            }
            let json = Zeroizing::new(serde_json::to_string(text).unwrap_or_default());
            for form in [
                text.to_owned(),
                json.trim_matches('"').to_owned(),
                STANDARD.encode(text),
                STANDARD.encode(text).trim_end_matches('=').to_owned(),
                URL_SAFE_NO_PAD.encode(text),
                hex::encode(text),
            ] {
                forms.push(Zeroizing::new(form));
            }
        }
        let secrets = AhoCorasick::builder()
            // The longest, or a part would be masked and the rest of the whole would stay.
            .match_kind(MatchKind::LeftmostLongest)
            .build(forms.iter().map(|form| form.as_bytes()))?;
        Ok(Self { secrets })
    }

    /// `line` without secrets and card numbers.
    #[must_use]
    pub fn mask<'a>(&self, line: &'a [u8]) -> Cow<'a, [u8]> {
        if failpoint::is_bare() {
            return Cow::Borrowed(line);
        }
        match self.without_secrets(line) {
            None => mask_card_numbers(line),
            Some(line) => Cow::Owned(mask_card_numbers(&line).into_owned()),
        }
    }

    fn without_secrets(&self, line: &[u8]) -> Option<Vec<u8>> {
        self.secrets.is_match(line).then(|| {
            let mut masked = Vec::with_capacity(line.len());
            self.secrets
                .replace_all_with_bytes(line, &mut masked, |_, _, masked| {
                    masked.extend_from_slice(MASK);
                    true
                });
            masked
        })
    }
}

/// `line` with every digit masked that is part of 13 to 19 digits with a right Luhn check digit,
/// blanks and dashes between them left aside.
#[must_use]
pub fn mask_card_numbers(line: &[u8]) -> Cow<'_, [u8]> {
    let mut masked = Cow::Borrowed(line);
    for run in digit_runs(line) {
        for start in 0..run.len() {
            // The longest window first: it covers the shorter ones that begin with it.
            let found = PAN_DIGITS.rev().find_map(|length| {
                let window = run.get(start..start + length)?;
                passes_luhn(line, window).then_some(window)
            });
            for place in found.unwrap_or_default() {
                if let Some(digit) = masked.to_mut().get_mut(*place) {
                    *digit = DIGIT_MASK;
                }
            }
        }
    }
    masked
}

/// The places of the digits of each run that is long enough to hold a card number.
fn digit_runs(line: &[u8]) -> Vec<Vec<usize>> {
    let mut runs = Vec::new();
    let mut run: Vec<usize> = Vec::new();
    let mut gap = 0;
    let mut close = |run: &mut Vec<usize>| {
        if run.len() >= *PAN_DIGITS.start() {
            runs.push(std::mem::take(run));
        } else {
            run.clear();
        }
    };
    for (place, byte) in line.iter().enumerate() {
        match byte {
            b'0'..=b'9' => {
                run.push(place);
                gap = 0;
            }
            b' ' | b'-' if gap < MAX_GAP => gap += 1,
            _ => {
                close(&mut run);
                gap = 0;
            }
        }
    }
    close(&mut run);
    runs
}

fn passes_luhn(line: &[u8], places: &[usize]) -> bool {
    let digits = places.iter().rev().filter_map(|place| line.get(*place));
    let sum: u32 = digits
        .enumerate()
        .map(|(index, byte)| {
            let digit = u32::from(byte - b'0');
            // Luhn counts from the right: an odd length must not shift which digits double.
            match (index % 2, digit) {
                (0, digit) => digit,
                (_, digit) if digit > 4 => digit * 2 - 9,
                (_, digit) => digit * 2,
            }
        })
        .sum();
    sum.is_multiple_of(10)
}

/// Writes whole lines, masked.
pub struct MaskingWriter<M> {
    masker: Arc<Masker>,
    inner: M,
}

impl<M> MaskingWriter<M> {
    /// Masks what goes to `inner`.
    #[must_use]
    pub fn new(masker: Masker, inner: M) -> Self {
        Self {
            masker: Arc::new(masker),
            inner,
        }
    }
}

impl<'a, M: MakeWriter<'a>> MakeWriter<'a> for MaskingWriter<M> {
    type Writer = MaskedLine<M::Writer>;

    fn make_writer(&'a self) -> Self::Writer {
        MaskedLine {
            masker: self.masker.clone(),
            line: Vec::new(),
            inner: self.inner.make_writer(),
        }
    }
}

/// One event on its way out. It is collected whole, so that nothing slips through between two writes.
pub struct MaskedLine<W: io::Write> {
    masker: Arc<Masker>,
    line: Vec<u8>,
    inner: W,
}

impl<W: io::Write> io::Write for MaskedLine<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.line.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let line = std::mem::take(&mut self.line);
        let masked = self.masker.mask(&line);
        if matches!(masked, Cow::Owned(_)) {
            metrics::counter!("ventanilla_log_redactions_total").increment(1);
        }
        self.inner.write_all(&masked)?;
        self.inner.flush()
    }
}

impl<W: io::Write> Drop for MaskedLine<W> {
    fn drop(&mut self) {
        // Nobody is left to tell.
        let _ = io::Write::flush(self);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::sync::Mutex;

    fn masked(text: &str) -> String {
        String::from_utf8(mask_card_numbers(text.as_bytes()).into_owned()).unwrap()
    }

    #[test]
    fn published_test_numbers_are_masked_however_they_are_written() {
        for text in [
            "4242424242424242",
            "4242 4242 4242 4242",
            "4242-4242-4242-4242",
            "4242  4242 - 4242 4242",
            "378282246310005",
            "3782 822463 10005",
            "5555555555554444",
            "6304000000000000018",
            "4222222222222",
        ] {
            let line = masked(&format!("{{\"message\":\"card {text}!\"}}"));
            assert!(!line.bytes().any(|b| b.is_ascii_digit()), "{line}");
            assert!(
                line.starts_with("{\"message\":\"card *") && line.ends_with("*!\"}"),
                "{line}"
            );
        }
    }

    #[test]
    fn a_card_number_inside_longer_digits_is_masked() {
        let line = masked("99942424242424242420001");
        assert!(!line.contains("4242424242424242"), "{line}");
    }

    #[test]
    fn what_is_no_card_number_stays() {
        for text in [
            "1000000000000",
            "1000-0000-0000-0",
            "2026-11-20T13:00:00.000Z",
            "127.0.0.1:54321 in 123456 us",
            "ses_abcdefghijklmnop234567abcd",
            "424242424242",
            "",
        ] {
            assert_eq!(masked(text), text);
        }
    }

    #[test]
    fn secrets_are_masked_in_every_form() {
        let secret = "vsk_\"quoted\" secret";
        let masker = Masker::new(&[secret.into(), "abc".into()]).unwrap();
        for form in [
            secret.to_owned(),
            serde_json::to_string(secret).unwrap(),
            STANDARD.encode(secret),
            URL_SAFE_NO_PAD.encode(secret),
            hex::encode(secret),
        ] {
            let line = format!("before {form} after {form}");
            let masked = String::from_utf8(masker.mask(line.as_bytes()).into_owned()).unwrap();
            assert!(
                !masked.contains("quoted") && masked.matches("[masked]").count() == 2,
                "{masked}"
            );
            assert!(
                masked.starts_with("before ") && masked.contains(" after "),
                "{masked}"
            );
        }
        // Too short to be told from a word.
        assert_eq!(&*masker.mask(b"abc"), b"abc");
    }

    #[test]
    fn of_a_secret_that_begins_like_another_nothing_stays() {
        for order in [
            ["sandbox-secret", "sandbox-secret-two"],
            ["sandbox-secret-two", "sandbox-secret"],
        ] {
            let masker = Masker::new(&order.map(SecretString::from)).unwrap();
            assert_eq!(
                &*masker.mask(b"a sandbox-secret-two, sandbox-secret."),
                b"a [masked], [masked]."
            );
        }
    }

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn an_event_with_a_card_number_in_message_field_or_span_is_written_without_it() {
        let lines = Lines::default();
        let sink = lines.clone();
        let writer = MaskingWriter::new(Masker::new(&["topsecret".into()]).unwrap(), move || {
            sink.clone()
        });
        let subscriber = tracing_subscriber::fmt()
            .json()
            .with_max_level(tracing::Level::TRACE)
            .with_writer(writer)
            .finish();
        tracing::subscriber::with_default(subscriber, || {
            let span = tracing::info_span!("attempt", pan = "5555 5555 5555 4444");
            let _entered = span.enter();
            tracing::warn!(
                pan = "378282246310005",
                number = 4_242_424_242_424_242_u64,
                "saw topsecret"
            );
        });
        let written = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
        assert!(written.contains("saw [masked]"), "{written}");
        for leak in ["5555", "3782", "4242", "topsecret"] {
            assert!(!written.contains(leak), "{leak}: {written}");
        }
    }

    /// An independent reading of the rule: no window of 13 to 19 digits, gaps aside, passes Luhn.
    fn holds_card_number(text: &str) -> bool {
        let blanks = text.replace('-', " ");
        blanks
            .split("    ")
            .map(|piece| piece.replace(' ', ""))
            .flat_map(|piece| {
                let runs = piece.split(|c: char| !c.is_ascii_digit());
                runs.map(str::to_owned).collect::<Vec<_>>()
            })
            .map(|run| {
                run.chars()
                    .filter_map(|c| c.to_digit(10))
                    .collect::<Vec<_>>()
            })
            .any(|digits| {
                (13..=19).any(|length| {
                    digits.windows(length).any(|window| {
                        let sum: u32 = window
                            .iter()
                            .rev()
                            .enumerate()
                            .map(|(i, d)| {
                                if i % 2 == 1 {
                                    d * 2 / 10 + d * 2 % 10
                                } else {
                                    *d
                                }
                            })
                            .sum();
                        sum.is_multiple_of(10)
                    })
                })
            })
    }

    proptest! {
        #[test]
        fn no_card_number_survives(text in "([0-9]{1,24}|[ -]|[a-z\"{}:,.]){0,12}") {
            let line = masked(&text);
            prop_assert!(!holds_card_number(&line), "{line}");
            prop_assert_eq!(line.chars().count(), text.chars().count());
        }

        #[test]
        fn masking_twice_changes_nothing_more(text in "[0-9 -]{0,80}") {
            let once = masked(&text);
            prop_assert_eq!(masked(&once), once);
        }
    }
}
