//! Identifiers: 128 random bits each, unguessable and unique for ever.

use crate::error::{Error, Result};

/// 128 random bits as 26 characters of lower-case base32 (RFC 4648 alphabet, no padding).
///
/// # Errors
///
/// [`ventanilla_core::problem::ProblemCode::Internal`] when the operating system has no randomness.
pub fn make() -> Result<String> {
    const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
    let mut bytes = [0_u8; 16];
    getrandom::fill(&mut bytes).map_err(Error::internal)?;
    let bits = u128::from_be_bytes(bytes);
    // The first character takes the 3 bits that 25 characters of 5 leave over.
    Ok((0..26)
        .map(|place| {
            let index = (bits >> (125 - 5 * place)) & 31;
            char::from(ALPHABET[usize::try_from(index).unwrap_or(0)])
        })
        .collect())
}

/// An identifier with a prefix that tells people what it names: `ses_…`, `att_…`, `crd_…`.
///
/// # Errors
///
/// As [`make`].
pub fn make_prefixed(prefix: &str) -> Result<String> {
    Ok(format!("{prefix}_{}", make()?))
}
