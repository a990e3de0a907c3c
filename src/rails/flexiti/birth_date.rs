//! A date as people type it.

use alloc::string::String;
use alloc::vec::Vec;

/// With the hyphens of `1990-01-31`, which a keyboard of digits does not have: `19900131`, `1990/1/31`.
/// Whatever is no date in this order stays as it is.
#[must_use]
pub fn dashed(typed: &str) -> String {
    let typed = typed.trim();
    let is_mark = |c: char| matches!(c, '-' | '/' | '.' | ' ' | '\u{a0}');
    if !typed.chars().all(|c| c.is_ascii_digit() || is_mark(c)) {
        return String::from(typed);
    }
    let parts: Vec<&str> = typed
        .split(is_mark)
        .filter(|part| !part.is_empty())
        .collect();
    let (year, month, day) = match parts[..] {
        [whole] if whole.len() == 8 => {
            let (year, rest) = whole.split_at(4);
            let (month, day) = rest.split_at(2);
            (year, month, day)
        }
        [year, month, day] if year.len() == 4 => (year, month, day),
        _ => return String::from(typed),
    };
    let padded = |part: &str| {
        [
            "0".repeat(2_usize.saturating_sub(part.len())).as_str(),
            part,
        ]
        .concat()
    };
    [year, "-", &padded(month), "-", &padded(day)].concat()
}
