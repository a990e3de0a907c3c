//! The merchant's API key.

use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use subtle::{Choice, ConstantTimeEq};

/// Fewest characters of an API key: 192 bits in base64.
pub const MIN_CHARS: usize = 32;
/// Most characters of an API key.
pub const MAX_CHARS: usize = 256;

/// The API keys that are valid at the moment, as SHA-256 digests: one, or two while the merchant
/// changes from one to the other.
pub struct ApiKeys {
    digests: Vec<[u8; 32]>,
}

/// Why a text holds no API keys. Never repeats the text.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ApiKeysError {
    /// None, or more than two.
    Count {
        /// How many there are.
        found: usize,
    },
    /// A key is not [`MIN_CHARS`] to [`MAX_CHARS`] visible ASCII characters.
    Form {
        /// Which, from 1.
        entry: usize,
    },
    /// The same key twice.
    Repeated,
}

impl std::fmt::Display for ApiKeysError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Count { found } => {
                write!(
                    f,
                    "expected one or two keys separated by a comma, found {found}"
                )
            }
            Self::Form { entry } => write!(
                f,
                "key {entry}: expected {MIN_CHARS} to {MAX_CHARS} visible ASCII characters; make one with `ventanilla keys`"
            ),
            Self::Repeated => f.write_str("expected two different keys, found the same one twice"),
        }
    }
}

impl std::error::Error for ApiKeysError {}

impl ApiKeys {
    /// Reads one key, or two separated by a comma.
    ///
    /// # Errors
    ///
    /// Each [`ApiKeysError`], as its documentation says.
    pub fn parse(text: &SecretString) -> Result<Self, ApiKeysError> {
        // EXPOSE: hashed at once.
        let keys: Vec<&str> = text.expose_secret().split(',').map(str::trim).collect();
        if !(1..=2).contains(&keys.len()) || keys == [""] {
            let found = keys.iter().filter(|key| !key.is_empty()).count();
            return Err(ApiKeysError::Count { found });
        }
        let misshapen = keys.iter().position(|key| {
            !(MIN_CHARS..=MAX_CHARS).contains(&key.len())
                || !key.bytes().all(|b| b.is_ascii_graphic())
        });
        if let Some(index) = misshapen {
            return Err(ApiKeysError::Form { entry: index + 1 });
        }
        let digests: Vec<[u8; 32]> = keys.iter().map(|key| digest(key)).collect();
        match digests.as_slice() {
            [first, second] if bool::from(first.ct_eq(second)) => Err(ApiKeysError::Repeated),
            _ => Ok(Self { digests }),
        }
    }

    /// Whether `presented` is one of the keys. Takes the same time whichever it is and however much
    /// of it is right.
    #[must_use]
    pub fn accept(&self, presented: &str) -> bool {
        let presented = digest(presented);
        let found = self.digests.iter().fold(Choice::from(0), |found, known| {
            found | known.ct_eq(&presented)
        });
        found.into()
    }
}

impl std::fmt::Debug for ApiKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} set", self.digests.len())
    }
}

fn digest(key: &str) -> [u8; 32] {
    Sha256::digest(key).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: &str = "vsk_old_0123456789abcdefghijklmnop";
    const NEW: &str = "vsk_new_0123456789abcdefghijklmnop";

    fn keys(text: &str) -> Result<ApiKeys, ApiKeysError> {
        ApiKeys::parse(&text.into())
    }

    #[test]
    fn either_key_is_accepted_while_they_change() {
        let both = keys(&format!("{NEW}, {OLD}")).unwrap();
        assert!(both.accept(NEW) && both.accept(OLD));
        let one = keys(NEW).unwrap();
        assert!(one.accept(NEW) && !one.accept(OLD));
    }

    #[test]
    fn nothing_but_the_whole_key_is_accepted() {
        let keys = keys(NEW).unwrap();
        let start = NEW.strip_suffix('p').unwrap();
        let longer = format!("{NEW} ");
        for presented in ["", start, &longer, &NEW.to_uppercase(), "null"] {
            assert!(!keys.accept(presented), "{presented:?}");
        }
    }

    #[test]
    fn keys_that_cannot_be_used_are_refused_without_being_repeated() {
        let three = format!("{NEW},{OLD},{NEW}x");
        for (text, error) in [
            ("", ApiKeysError::Count { found: 0 }),
            (three.as_str(), ApiKeysError::Count { found: 3 }),
            ("short", ApiKeysError::Form { entry: 1 }),
            (&format!("{NEW},"), ApiKeysError::Form { entry: 2 }),
            (
                &format!("{NEW} with a blank inside"),
                ApiKeysError::Form { entry: 1 },
            ),
            (&format!("{NEW},{NEW}"), ApiKeysError::Repeated),
        ] {
            let found = keys(text).unwrap_err();
            assert_eq!(found, error);
            assert!(text.is_empty() || !found.to_string().contains(text));
        }
        assert_eq!(format!("{:?}", keys(NEW).unwrap()), "1 set");
    }
}
