//! Card tokens and payers at rest.

use aes_gcm::aead::{Aead, KeyInit, Payload};
use aes_gcm::{Aes256Gcm, Nonce};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

use crate::error::{Error, Result};

/// The keys that seal saved card tokens, and who paid a credit: 256 bits each, with a short name. The
/// first seals; every one opens, so that a key can be changed without losing what was sealed under the
/// one before.
pub struct SealingKeys(Vec<(String, Aes256Gcm)>);

/// Where something sealed lies: it opens there only.
pub(super) enum Place<'a> {
    /// The token of a saved card.
    SavedCard { card_id: &'a str, buyer_id: &'a str },
    /// Who paid a credit.
    Payer { credit_id: &'a str },
    /// What a transfer out is asked for with.
    Request { operation_id: &'a str },
    /// What an errand is asked for with.
    Errand { errand_id: &'a str },
    /// What is kept of an identity check.
    Financing { attempt_id: &'a str },
}

impl Place<'_> {
    fn bytes(&self) -> Vec<u8> {
        // Identifiers have a fixed alphabet without a zero byte, so no two places can be confused.
        match self {
            Self::SavedCard { card_id, buyer_id } => {
                ["saved-card", card_id, buyer_id].join("\0").into_bytes()
            }
            Self::Payer { credit_id } => ["payer", credit_id].join("\0").into_bytes(),
            Self::Request { operation_id } => ["request", operation_id].join("\0").into_bytes(),
            Self::Errand { errand_id } => ["errand", errand_id].join("\0").into_bytes(),
            Self::Financing { attempt_id } => ["financing", attempt_id].join("\0").into_bytes(),
        }
    }
}

impl std::fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::SavedCard { card_id, .. } => write!(f, "saved card {card_id}"),
            Self::Payer { credit_id } => write!(f, "the payer of credit {credit_id}"),
            Self::Request { operation_id } => write!(f, "the request of operation {operation_id}"),
            Self::Errand { errand_id } => write!(f, "the request of errand {errand_id}"),
            Self::Financing { attempt_id } => write!(f, "the buyer of attempt {attempt_id}"),
        }
    }
}

/// A sealed text.
pub(super) struct Sealed {
    /// The name of the key.
    pub key_name: String,
    /// 12 bytes of nonce, the ciphertext, 16 bytes of tag.
    pub bytes: Vec<u8>,
}

impl SealingKeys {
    /// Reads `name:base64 of 32 bytes`, several separated by commas, the current one first. A name
    /// has 1 to 32 characters out of `A-Z a-z 0-9 _ -`.
    ///
    /// # Errors
    ///
    /// A text that says what was expected; it never repeats a key.
    pub fn parse(text: &str) -> std::result::Result<Self, String> {
        let mut keys: Vec<(String, Aes256Gcm)> = Vec::new();
        for (place, entry) in text.split(',').map(str::trim).enumerate() {
            let place = place + 1;
            let (name, encoded) = entry.split_once(':').ok_or_else(|| {
                format!("key {place} must be a name, a colon and 32 bytes in base64")
            })?;
            let named = (1..=32).contains(&name.len())
                && name
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
            if !named {
                return Err(format!(
                    "the name of key {place} must have 1 to 32 characters out of A-Z a-z 0-9 _ -"
                ));
            }
            if keys.iter().any(|(known, _)| known == name) {
                return Err(format!("the name {name} stands twice"));
            }
            let bytes = Zeroizing::new(
                STANDARD
                    .decode(encoded)
                    .map_err(|_| format!("key {name} must be standard base64"))?,
            );
            let cipher = Aes256Gcm::new_from_slice(&bytes)
                .map_err(|_| format!("key {name} must have 32 bytes, found {}", bytes.len()))?;
            keys.push((name.to_owned(), cipher));
        }
        Ok(Self(keys))
    }

    /// Seals a text to its place.
    pub(super) fn seal(&self, place: &Place<'_>, text: &SecretString) -> Result<Sealed> {
        let (name, cipher) = self
            .0
            .first()
            .ok_or_else(|| Error::internal("there is no key to seal with"))?;
        let mut nonce = [0_u8; NONCE_BYTES];
        getrandom::fill(&mut nonce).map_err(Error::internal)?;
        let sealed = cipher
            .encrypt(
                &Nonce::from(nonce),
                Payload {
                    // EXPOSE: it leaves this function as ciphertext only.
                    msg: text.expose_secret().as_bytes(),
                    aad: &place.bytes(),
                },
            )
            .map_err(|_| Error::internal(format!("{place} could not be sealed")))?;
        let mut bytes = nonce.to_vec();
        bytes.extend_from_slice(&sealed);
        Ok(Sealed {
            key_name: name.clone(),
            bytes,
        })
    }

    /// Opens a text.
    ///
    /// # Errors
    ///
    /// When its key is not among ours, or the bytes or their place were changed.
    pub(super) fn open(&self, place: &Place<'_>, sealed: &Sealed) -> Result<SecretString> {
        let (_, cipher) = self
            .0
            .iter()
            .find(|(name, _)| *name == sealed.key_name)
            .ok_or_else(|| {
                Error::internal(format!(
                    "{place} is sealed under the key {}, which is not configured",
                    sealed.key_name
                ))
            })?;
        let damaged = || Error::internal(format!("{place} does not open"));
        let (nonce, bytes) = sealed
            .bytes
            .split_first_chunk::<NONCE_BYTES>()
            .ok_or_else(damaged)?;
        let opened = Zeroizing::new(
            cipher
                .decrypt(
                    &Nonce::from(*nonce),
                    Payload {
                        msg: bytes,
                        aad: &place.bytes(),
                    },
                )
                .map_err(|_| damaged())?,
        );
        let text = std::str::from_utf8(&opened).map_err(|_| damaged())?;
        Ok(SecretString::from(text))
    }
}

const NONCE_BYTES: usize = 12;

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: &str = "2025:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
    const BOTH: &str = "2026:Hx4dHBsaGRgXFhUUExIREA8ODQwLCgkIBwYFBAMCAQA=, \
                        2025:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

    const fn card<'a>(card_id: &'a str, buyer_id: &'a str) -> Place<'a> {
        Place::SavedCard { card_id, buyer_id }
    }

    #[test]
    fn a_text_opens_in_its_own_place_only() {
        let keys = SealingKeys::parse(OLD).unwrap();
        let token = SecretString::from("6a2b8d9e-card-token");
        let mut sealed = keys.seal(&card("crd_a", "buyer-1"), &token).unwrap();
        assert!(!sealed.bytes.windows(10).any(|part| part == b"card-token"));
        assert_eq!(
            keys.open(&card("crd_a", "buyer-1"), &sealed)
                .unwrap()
                .expose_secret(),
            token.expose_secret()
        );
        for place in [
            card("crd_a", "buyer-2"),
            card("crd_b", "buyer-1"),
            Place::Payer { credit_id: "crd_a" },
        ] {
            assert!(keys.open(&place, &sealed).is_err(), "{place}");
        }
        let own = card("crd_a", "buyer-1");
        for place in 0..sealed.bytes.len() {
            sealed.bytes[place] ^= 1;
            assert!(keys.open(&own, &sealed).is_err(), "byte {place}");
            sealed.bytes[place] ^= 1;
        }
        sealed.bytes.truncate(NONCE_BYTES - 1);
        assert!(keys.open(&own, &sealed).is_err());
    }

    /// Cards that were sealed by an earlier release open with this one.
    #[test]
    fn the_place_of_a_card_is_written_as_it_always_was() {
        let place = card("crd_a", "buyer-1").bytes();
        assert_eq!(place, b"saved-card\0crd_a\0buyer-1");
    }

    #[test]
    fn what_was_sealed_under_an_earlier_key_opens_after_a_change_of_keys() {
        let token = SecretString::from("token");
        let before = SealingKeys::parse(OLD).unwrap();
        let after = SealingKeys::parse(BOTH).unwrap();
        let place = card("crd_a", "b");
        let sealed = before.seal(&place, &token).unwrap();
        assert_eq!(
            after.open(&place, &sealed).unwrap().expose_secret(),
            "token"
        );
        let sealed = after.seal(&place, &token).unwrap();
        assert_eq!(sealed.key_name, "2026");
        assert!(before.open(&place, &sealed).is_err());
    }

    #[test]
    fn a_malformed_key_is_named_but_never_repeated() {
        for (text, expected) in [
            ("", "key 1 must be a name"),
            ("AAECAwQ=", "key 1 must be a name"),
            (":AAECAwQ=", "name of key 1 must have"),
            ("a b:AAECAwQ=", "name of key 1 must have"),
            ("k:AAECAwQ=", "key k must have 32 bytes, found 5"),
            ("k:*", "key k must be standard base64"),
        ] {
            let error = SealingKeys::parse(text).err().unwrap();
            assert!(error.contains(expected), "{text:?}: {error}");
            assert!(!error.contains("AAECAwQ"), "{error}");
        }
        let twice = format!("{OLD},{OLD}");
        assert!(
            SealingKeys::parse(&twice)
                .err()
                .unwrap()
                .contains("stands twice")
        );
    }
}
