//! JSON fields as their raw text, and what may be read out of one: an odd value in a field that decides
//! nothing spoils nothing, and no number becomes a floating-point one on the way.

use serde::Deserialize;
use serde_json::value::RawValue;

/// A field as it is written.
pub(crate) type Raw = Box<RawValue>;

/// Reads a JSON object. An array would do for a struct otherwise: its fields in order.
pub(crate) fn object<'a, T: Deserialize<'a>>(text: &'a str) -> Option<T> {
    text.trim_start()
        .starts_with('{')
        .then(|| serde_json::from_str(text).ok())
        .flatten()
}

/// The objects in `raw`: itself, or those in the lists that it is made of, a few levels deep.
pub(crate) fn objects<T: for<'a> Deserialize<'a>>(raw: &Option<Raw>) -> Vec<T> {
    let mut found = Vec::new();
    if let Some(raw) = raw.as_deref() {
        collect(raw, 3, &mut found);
    }
    found
}

fn collect<T: for<'a> Deserialize<'a>>(raw: &RawValue, levels: u8, found: &mut Vec<T>) {
    if let Some(object) = object(raw.get()) {
        found.push(object);
    } else if levels > 0
        && let Ok(list) = serde_json::from_str::<Vec<&RawValue>>(raw.get())
    {
        for raw in list {
            collect(raw, levels - 1, found);
        }
    }
}

/// The elements of a list; `None` for anything else.
pub(crate) fn list(raw: &Option<Raw>) -> Option<Vec<Raw>> {
    serde_json::from_str(raw.as_deref()?.get()).ok()
}

/// The text of a JSON string, or of a number as it is written; `None` for anything else.
pub(crate) fn scalar(raw: &RawValue) -> Option<String> {
    match raw.get().bytes().next()? {
        b'"' => serde_json::from_str(raw.get()).ok(),
        b'-' | b'0'..=b'9' => Some(raw.get().to_owned()),
        _ => None,
    }
}

/// The text of a JSON string; missing and anything else is `None`.
pub(crate) fn string(raw: &Option<Raw>) -> Option<String> {
    raw.as_deref()
        .and_then(|raw| serde_json::from_str(raw.get()).ok())
}

/// As [`scalar`] of a field; missing is `None`.
pub(crate) fn text(raw: &Option<Raw>) -> Option<String> {
    raw.as_deref().and_then(scalar)
}

/// A number without sign, fraction and exponent, or the same as text.
pub(crate) fn whole_number(raw: &Option<Raw>) -> Option<u64> {
    let text = text(raw)?;
    text.bytes()
        .all(|byte| byte.is_ascii_digit())
        .then(|| text.parse().ok())
        .flatten()
}

/// Whether a flag is set: 1, "1" or true.
pub(crate) fn is_one(raw: &Option<Raw>) -> bool {
    raw.as_deref()
        .is_some_and(|raw| matches!(raw.get(), "1" | r#""1""# | "true"))
}

/// Whether a text can be sent: something, at most `max` characters, no control characters.
pub(crate) fn is_text(text: &str, max: usize) -> bool {
    !text.is_empty() && text.chars().count() <= max && !text.chars().any(char::is_control)
}
