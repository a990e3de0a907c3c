//! The provider's public key, and who decides that it may be sealed to.

use alloc::string::String;
use alloc::vec::Vec;

use sha2::{Digest as _, Sha256};

use super::der;
use crate::encoding::{from_base64, to_base64, to_hex};
use crate::rsa_public::Modulus;

/// Smallest modulus, in bits. GreenPay's keys have exactly this size.
pub const MIN_BITS: u32 = 1024;
/// Smallest modulus, in bits, that is not weak by today's measure (NIST SP 800-131A).
pub const STRONG_BITS: u32 = 2048;
/// Largest modulus, in bits.
pub const MAX_BITS: u32 = 8192;

/// The one exponent that is accepted, 65537, big-endian.
const EXPONENT: [u8; 3] = [1, 0, 1];

/// A provider's RSA public key: an odd modulus of [`MIN_BITS`] to [`MAX_BITS`], the exponent 65537.
///
/// It verifies the provider's signatures; only a [`PinnedKey`] is sealed to.
#[derive(Clone)]
pub struct ProviderKey {
    modulus: Modulus,
    spki: Vec<u8>,
    bits: u32,
}

/// Why a text is not a [`ProviderKey`], or why a key may not be sealed to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum KeyError {
    /// Neither PEM nor base64.
    Encoding,
    /// A private key. Whoever it belongs to should replace it.
    PrivateKey,
    /// Not the DER of a public key.
    Structure,
    /// A public key of another kind than RSA.
    NotRsa,
    /// A modulus below [`MIN_BITS`].
    TooSmall {
        /// Its size in bits.
        bits: u32,
    },
    /// A modulus above [`MAX_BITS`].
    TooLarge {
        /// Its size in bits.
        bits: u32,
    },
    /// An even modulus, which no two primes make.
    EvenModulus,
    /// An exponent other than 65537.
    Exponent,
    /// A modulus below [`STRONG_BITS`], which nobody accepted.
    Weak {
        /// Its size in bits.
        bits: u32,
    },
    /// The fingerprint is not among the pins.
    NotPinned,
}

impl core::fmt::Display for KeyError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Encoding => f.write_str("public key must be PEM or base64"),
            Self::PrivateKey => f.write_str("public key expected, found a private key"),
            Self::Structure => {
                f.write_str("public key must be an SPKI or PKCS#1 public key, found other bytes")
            }
            Self::NotRsa => f.write_str("public key must be an RSA key, found another algorithm"),
            Self::TooSmall { bits } => write!(
                f,
                "public key must have at least {MIN_BITS} bits, found {bits}"
            ),
            Self::TooLarge { bits } => write!(
                f,
                "public key must have at most {MAX_BITS} bits, found {bits}"
            ),
            Self::EvenModulus => {
                f.write_str("public key must have an odd modulus, found an even one")
            }
            Self::Exponent => f.write_str("public key must have the exponent 65537, found another"),
            Self::Weak { bits } => write!(
                f,
                "public key must have at least {STRONG_BITS} bits unless a weak key is accepted, found {bits}"
            ),
            Self::NotPinned => f.write_str("public key's fingerprint is not among the pinned ones"),
        }
    }
}

impl core::error::Error for KeyError {}

impl ProviderKey {
    /// Reads a public key in any form in which people keep it: PEM with its dashes or the bare
    /// base64, on one line or many, with LF, CRLF, blanks or literal `\n` between the lines; SPKI
    /// (`PUBLIC KEY`) or PKCS#1 (`RSA PUBLIC KEY`).
    ///
    /// # Errors
    ///
    /// Each [`KeyError`] but [`KeyError::Weak`] and [`KeyError::NotPinned`].
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let der = decode(text)?;
        let (modulus, exponent) = der::read_public_key(&der)?;
        let bits = u32::try_from(modulus.len())
            .unwrap_or(u32::MAX)
            .saturating_mul(8)
            .saturating_sub(modulus.first().map_or(0, |byte| byte.leading_zeros()));
        if bits < MIN_BITS {
            return Err(KeyError::TooSmall { bits });
        }
        if bits > MAX_BITS {
            return Err(KeyError::TooLarge { bits });
        }
        if modulus.last().is_none_or(|byte| byte % 2 == 0) {
            return Err(KeyError::EvenModulus);
        }
        if exponent != EXPONENT {
            return Err(KeyError::Exponent);
        }
        Ok(Self {
            modulus: Modulus::new(modulus),
            spki: der::write_spki(modulus, exponent),
            bits,
        })
    }

    /// The size of the modulus in bits, [`MIN_BITS`] to [`MAX_BITS`].
    #[must_use]
    pub const fn bits(&self) -> u32 {
        self.bits
    }

    /// SHA-256 of the key's SPKI in DER, 64 lower-case hex digits. The same as
    /// `openssl pkey -pubin -outform DER | sha256sum` prints.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        to_hex(&Sha256::digest(&self.spki))
    }

    /// The key's SPKI in standard base64 on one line, whatever form it was read from.
    #[must_use]
    pub fn to_spki_base64(&self) -> String {
        to_base64(&self.spki)
    }

    /// Allows the key to be sealed to, if its fingerprint is one of `pins` and it has at least
    /// [`STRONG_BITS`] or `accept_weak` is true.
    ///
    /// # Errors
    ///
    /// [`KeyError::NotPinned`] and [`KeyError::Weak`].
    pub fn pinned(self, pins: &[String], accept_weak: bool) -> Result<PinnedKey, KeyError> {
        let fingerprint = self.fingerprint();
        if !pins
            .iter()
            .any(|pin| pin.eq_ignore_ascii_case(&fingerprint))
        {
            return Err(KeyError::NotPinned);
        }
        if self.bits < STRONG_BITS && !accept_weak {
            return Err(KeyError::Weak { bits: self.bits });
        }
        Ok(PinnedKey(self))
    }

    pub(crate) const fn modulus(&self) -> &Modulus {
        &self.modulus
    }
}

/// A [`ProviderKey`] that may be sealed to.
#[derive(Clone)]
pub struct PinnedKey(ProviderKey);

impl PinnedKey {
    /// The key.
    #[must_use]
    pub const fn key(&self) -> &ProviderKey {
        &self.0
    }
}

/// The DER inside a text.
fn decode(text: &str) -> Result<Vec<u8>, KeyError> {
    // A key written into one line of an environment file has its line breaks spelt out.
    let mut spread = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        let spelt_out = c == '\\' && rest.next_if(|c| matches!(c, 'n' | 'r')).is_some();
        spread.push(if spelt_out { '\n' } else { c });
    }
    let text = spread.trim();
    let body = match text.strip_prefix("-----BEGIN ") {
        None => text,
        Some(rest) => {
            let (label, rest) = rest.split_once('-').ok_or(KeyError::Encoding)?;
            if label.ends_with("PRIVATE KEY") {
                return Err(KeyError::PrivateKey);
            }
            if !matches!(label, "PUBLIC KEY" | "RSA PUBLIC KEY") {
                return Err(KeyError::Structure);
            }
            rest.strip_prefix("----")
                .and_then(|rest| rest.strip_suffix("-----"))
                .and_then(|rest| rest.strip_suffix(label))
                .and_then(|rest| rest.strip_suffix("-----END "))
                .ok_or(KeyError::Encoding)?
        }
    };
    from_base64(body).ok_or(KeyError::Encoding)
}
