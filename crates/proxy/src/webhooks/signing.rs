//! How a receiver knows that a webhook is ours: Standard Webhooks 1.0, symmetric.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::{ExposeSecret, SecretString};
use standardwebhooks::Webhook;
use zeroize::Zeroizing;

use crate::error::{Error, Result};

/// What a secret begins with.
pub const PREFIX: &str = "whsec_";
/// Fewest bytes of a secret's key.
pub const MIN_BYTES: usize = 24;
/// Most bytes of a secret's key.
pub const MAX_BYTES: usize = 64;
/// Most secrets at a time.
const MAX_SECRETS: usize = 4;

/// The secrets that every webhook is signed with: one, or several while the merchant changes from one
/// to another.
pub struct SigningSecrets {
    keys: Vec<Webhook>,
}

/// Why a text holds no signing secrets. Never repeats the text.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum SigningSecretsError {
    /// None, or more than four.
    Count {
        /// How many there are.
        found: usize,
    },
    /// A secret is not [`PREFIX`] and the base64 of [`MIN_BYTES`] to [`MAX_BYTES`] bytes.
    Form {
        /// Which, from 1.
        entry: usize,
    },
    /// The same secret twice.
    Repeated,
}

impl std::fmt::Display for SigningSecretsError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Count { found } => write!(
                f,
                "expected one to {MAX_SECRETS} secrets separated by commas, found {found}"
            ),
            Self::Form { entry } => write!(
                f,
                "secret {entry}: expected {PREFIX} and the base64 of {MIN_BYTES} to {MAX_BYTES} bytes; make one with `ventanilla keys`"
            ),
            Self::Repeated => f.write_str("expected different secrets, found the same one twice"),
        }
    }
}

impl std::error::Error for SigningSecretsError {}

impl SigningSecrets {
    /// Reads secrets separated by commas.
    ///
    /// # Errors
    ///
    /// Each [`SigningSecretsError`], as its documentation says.
    pub fn parse(text: &SecretString) -> std::result::Result<Self, SigningSecretsError> {
        // EXPOSE: decoded into keys at once.
        let entries: Vec<&str> = text.expose_secret().split(',').map(str::trim).collect();
        if entries.len() > MAX_SECRETS || entries == [""] {
            let found = entries.iter().filter(|entry| !entry.is_empty()).count();
            return Err(SigningSecretsError::Count { found });
        }
        let mut seen: Vec<Zeroizing<Vec<u8>>> = Vec::new();
        let mut keys = Vec::new();
        for (index, entry) in entries.iter().enumerate() {
            let form = || SigningSecretsError::Form { entry: index + 1 };
            let encoded = entry.strip_prefix(PREFIX).ok_or_else(form)?;
            let bytes = Zeroizing::new(STANDARD.decode(encoded).map_err(|_| form())?);
            // The crate would sign with a key of no bytes, which anybody can do.
            if !(MIN_BYTES..=MAX_BYTES).contains(&bytes.len()) {
                return Err(form());
            }
            if seen.contains(&bytes) {
                return Err(SigningSecretsError::Repeated);
            }
            keys.push(Webhook::from_bytes(bytes.to_vec()).map_err(|_| form())?);
            seen.push(bytes);
        }
        Ok(Self { keys })
    }

    /// The header `webhook-signature`: `v1,` and base64 for each secret, separated by blanks.
    /// `at_secs` is in seconds since the epoch.
    ///
    /// # Errors
    ///
    /// `internal` when `body` is not UTF-8.
    pub fn sign(&self, id: &str, at_secs: i64, body: &[u8]) -> Result<String> {
        let signatures: std::result::Result<Vec<String>, _> = self
            .keys
            .iter()
            .map(|key| key.sign(id, at_secs, body))
            .collect();
        Ok(signatures.map_err(Error::internal)?.join(" "))
    }
}

impl std::fmt::Debug for SigningSecrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} set", self.keys.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(byte: u8, length: usize) -> String {
        format!("{PREFIX}{}", STANDARD.encode(vec![byte; length]))
    }

    fn secrets(text: &str) -> std::result::Result<SigningSecrets, SigningSecretsError> {
        SigningSecrets::parse(&text.into())
    }

    // The vector that the reference implementations of Standard Webhooks share.
    #[test]
    fn a_signature_is_that_of_the_standard() {
        let signed = secrets("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
            .unwrap()
            .sign(
                "msg_p5jXN8AQM9LWM0D4loKWxJek",
                1_614_265_330,
                br#"{"test": 2432232314}"#,
            )
            .unwrap();
        assert_eq!(signed, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn several_secrets_sign_at_the_same_time() {
        let (old, new) = (secret(1, 24), secret(2, 64));
        let alone = |secret: &str| secrets(secret).unwrap().sign("msg_1", 1, b"{}").unwrap();
        let both = secrets(&format!("{new}, {old}")).unwrap();
        assert_eq!(
            both.sign("msg_1", 1, b"{}").unwrap(),
            format!("{} {}", alone(&new), alone(&old))
        );
        assert_eq!(format!("{both:?}"), "2 set");
    }

    #[test]
    fn identifier_time_and_body_are_all_signed() {
        let secrets = secrets(&secret(1, 32)).unwrap();
        let signed = secrets.sign("msg_1", 1, b"{}").unwrap();
        for other in [
            secrets.sign("msg_2", 1, b"{}"),
            secrets.sign("msg_1", 2, b"{}"),
            secrets.sign("msg_1", 1, b"{ }"),
        ] {
            assert_ne!(other.unwrap(), signed);
        }
    }

    #[test]
    fn a_secret_that_cannot_be_used_is_refused_without_being_repeated() {
        let good = secret(1, 32);
        let five: Vec<String> = (1..=5).map(|byte| secret(byte, 32)).collect();
        for (text, error) in [
            (String::new(), SigningSecretsError::Count { found: 0 }),
            (five.join(","), SigningSecretsError::Count { found: 5 }),
            (PREFIX.to_owned(), SigningSecretsError::Form { entry: 1 }),
            (secret(1, 23), SigningSecretsError::Form { entry: 1 }),
            (secret(1, 65), SigningSecretsError::Form { entry: 1 }),
            (
                STANDARD.encode([1; 32]),
                SigningSecretsError::Form { entry: 1 },
            ),
            (format!("{good},"), SigningSecretsError::Form { entry: 2 }),
            (
                format!("{good},whsec_!"),
                SigningSecretsError::Form { entry: 2 },
            ),
            (format!("{good},{good}"), SigningSecretsError::Repeated),
        ] {
            let found = secrets(&text).unwrap_err();
            assert_eq!(found, error, "{text}");
            assert!(text.len() < 8 || !found.to_string().contains(&text));
        }
    }
}
