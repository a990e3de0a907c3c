//! Sealing a card to the provider: `ld` and `lk`.
//!
//! GreenPay's own form of hybrid encryption. `ld` is the card as compact JSON under AES-128 in CTR
//! mode, in hex; `lk` is key and counter as compact JSON under RSAES-PKCS1-v1_5 with the provider's
//! public key, in base64. Key and counter are made here, from the full range, for one card, and
//! leave in `lk` only: used twice they would give two cards away.
//!
//! Nothing binds `ld` to `lk`, to a session or to an amount, and neither can be told from a forged
//! one; that is the provider's format. What carries them must be TLS, and both are to be treated as
//! the card itself.

mod der;
mod json;
mod key;

use alloc::string::String;
use alloc::vec::Vec;

use aes::Aes128;
use ctr::Ctr128BE;
use ctr::cipher::{KeyIvInit as _, StreamCipher as _};
use zeroize::Zeroizing;

use crate::card::{Card, Pan};
use crate::encoding::{to_base64, to_hex};
use crate::rails::card::SealedCardMessage;
use crate::random::{RandomError, RandomSource};

pub use key::{KeyError, MAX_BITS, MIN_BITS, PinnedKey, ProviderKey, STRONG_BITS};

/// What is sealed along with the card.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct SealOptions {
    /// The installments the buyer picked; none is a single payment.
    pub installments: Option<u8>,
    /// Ask the provider to keep the card and to answer with a card token. The card's nickname there
    /// is its brand and last four digits.
    pub save: bool,
}

/// The card was not sealed; nothing may be sent.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum SealError {
    /// The random source could not deliver.
    Random,
    /// The key has no room for the key envelope. No key of [`MIN_BITS`] or more is that small.
    KeyTooSmall,
}

impl core::fmt::Display for SealError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::Random => "card was not sealed: the random source delivered no bytes",
            Self::KeyTooSmall => "card was not sealed: the provider's key is too small",
        })
    }
}

impl core::error::Error for SealError {}

impl From<RandomError> for SealError {
    fn from(_: RandomError) -> Self {
        Self::Random
    }
}

/// Seals a card to the provider's key, with a key and counter of its own.
///
/// `ld` has two hex digits per byte of the card object; `lk` always has the base64 length of the
/// whole modulus, 172 characters for 1024 bits.
///
/// # Errors
///
/// Each [`SealError`]. There is no message then, not even a partial one.
pub fn seal(
    card: &Card,
    options: &SealOptions,
    key: &PinnedKey,
    random: &mut impl RandomSource,
) -> Result<SealedCardMessage, SealError> {
    let mut unsealed = prepare(card, options, key, random)?;
    let (key, counter) = (&unsealed.key, &unsealed.counter);
    Ctr128BE::<Aes128>::new((&**key).into(), counter.into())
        .apply_keystream(&mut unsealed.plaintext);
    let ciphertext = core::mem::take(&mut *unsealed.plaintext);
    Ok(unsealed.sealed(&ciphertext))
}

/// Everything of [`seal`] but AES, for whoever has one of their own: [`Unsealed`] says what is to be encrypted.
///
/// # Errors
///
/// Each [`SealError`].
pub fn prepare(
    card: &Card,
    options: &SealOptions,
    key: &PinnedKey,
    random: &mut impl RandomSource,
) -> Result<Unsealed, SealError> {
    let mut aes_key = Zeroizing::new([0; 16]);
    random.fill(&mut *aes_key)?;
    let mut counter = [0];
    random.fill(&mut counter)?;
    let [counter] = counter;

    let lk = encrypt_lk(&pair_json(&aes_key, counter), key.key(), random)?;

    let nickname = options.save.then(|| nickname(&card.pan));
    let plaintext = card_json(
        card,
        &Extras {
            nickname: nickname.as_deref(),
            tokenize: options.save,
            installments: options.installments,
        },
    );
    Ok(Unsealed {
        key: aes_key,
        counter: counter_block(counter),
        plaintext,
        lk,
    })
}

/// A card that is to be encrypted with AES-128 in counter mode, the counter one big-endian number of 128 bits. Once.
pub struct Unsealed {
    /// The key.
    pub key: Zeroizing<[u8; 16]>,
    /// The first counter.
    pub counter: [u8; 16],
    /// What is encrypted.
    pub plaintext: Zeroizing<Vec<u8>>,
    lk: String,
}

impl Unsealed {
    /// The message with the ciphertext of [`Unsealed::plaintext`].
    #[must_use]
    pub fn sealed(self, ciphertext: &[u8]) -> SealedCardMessage {
        SealedCardMessage {
            ld: to_hex(ciphertext),
            lk: self.lk,
        }
    }
}

/// What a card object holds besides the card.
#[doc(hidden)]
#[derive(Clone, Copy, Default)]
pub struct Extras<'a> {
    /// The card's name at the provider, 6 to 49 characters.
    pub nickname: Option<&'a str>,
    /// Whether a card token is wanted.
    pub tokenize: bool,
    /// The installments picked.
    pub installments: Option<u8>,
}

/// The plaintext of `ld`. Public for tests against published vectors; [`seal`] is what to call.
#[doc(hidden)]
#[must_use]
pub fn card_json(card: &Card, extras: &Extras<'_>) -> Zeroizing<Vec<u8>> {
    json::card(card, extras)
}

/// The plaintext of `lk`. Public for tests against published vectors; [`seal`] is what to call.
#[doc(hidden)]
#[must_use]
pub fn pair_json(key: &[u8; 16], counter: u8) -> Zeroizing<Vec<u8>> {
    json::pair(key, counter)
}

/// `ld`, made in place, so that no copy of the plaintext is left. Public for tests against published
/// vectors; [`seal`] is what to call: a key may be used once.
#[doc(hidden)]
#[must_use]
pub fn encrypt_ld(key: &[u8; 16], counter: u8, plaintext: &mut [u8]) -> String {
    Ctr128BE::<Aes128>::new(key.into(), &counter_block(counter).into()).apply_keystream(plaintext);
    to_hex(plaintext)
}

const fn counter_block(counter: u8) -> [u8; 16] {
    u128::to_be_bytes(counter as u128)
}

fn encrypt_lk(
    message: &[u8],
    key: &ProviderKey,
    random: &mut impl RandomSource,
) -> Result<String, SealError> {
    let block = pad(message, key.modulus().bytes(), random)?;
    // The block begins with a zero byte and the modulus does not, so the block is below it.
    let ciphertext = key.modulus().raise(&block).ok_or(SealError::KeyTooSmall)?;
    Ok(to_base64(&ciphertext))
}

/// How many zero bytes in the padding are drawn again before the random source is given up: a good
/// one delivers 4 in the largest block.
const MAX_REDRAWS: u32 = 256;

/// `00 02`, at least eight random bytes that are not zero, `00`, the message (RFC 8017 section 7.2.1).
fn pad(
    message: &[u8],
    length: usize,
    random: &mut impl RandomSource,
) -> Result<Zeroizing<Vec<u8>>, SealError> {
    let padding = length
        .checked_sub(message.len() + 3)
        .filter(|padding| *padding >= 8)
        .ok_or(SealError::KeyTooSmall)?;
    let mut block = Zeroizing::new(Vec::with_capacity(length));
    block.extend([0, 2]);
    block.resize(2 + padding, 0);
    let mut redraws = 0;
    if let Some(bytes) = block.get_mut(2..) {
        random.fill(bytes)?;
        for byte in bytes {
            while *byte == 0 {
                redraws += 1;
                if redraws > MAX_REDRAWS {
                    return Err(SealError::Random);
                }
                random.fill(core::slice::from_mut(byte))?;
            }
        }
    }
    block.push(0);
    block.extend_from_slice(message);
    Ok(block)
}

/// Long enough for the provider, which asks for 6 to 49 characters: the shortest is `JCB 4242`.
fn nickname(pan: &Pan) -> String {
    let mut name = String::from(pan.brand().map_or("Card", |brand| brand.display_name()));
    name.push(' ');
    name.push_str(pan.last4().as_str());
    name
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::card::{Cvc, Expiry, Holder, YearMonth};
    use crate::random::tests::{Sequence, Stuck};

    #[test]
    fn padding_holds_no_zero_byte_in_ten_thousand_blocks() {
        let mut random = Sequence(1);
        let mut seen = [false; 256];
        for length in [128, 256] {
            for _ in 0..5_000 {
                let block = pad(b"message", length, &mut random).unwrap();
                let (head, rest) = block.split_at(2);
                let (padding, message) = rest.split_at(length - 2 - 8);
                assert_eq!((head, message), (&[0, 2][..], &b"\0message"[..]));
                assert!(padding.iter().all(|byte| *byte != 0));
                for byte in padding {
                    seen[usize::from(*byte)] = true;
                }
                assert_eq!(block.capacity(), length, "the buffer moved");
            }
        }
        assert!(!seen[0] && seen[1..].iter().all(|seen| *seen));
    }

    #[test]
    fn padding_takes_as_long_a_message_as_leaves_eight_bytes_and_no_longer() {
        let mut random = Sequence(2);
        assert_eq!(
            pad(&[1; 117], 128, &mut random).map(|block| block.len()),
            Ok(128)
        );
        assert_eq!(
            pad(&[1; 118], 128, &mut random).err(),
            Some(SealError::KeyTooSmall)
        );
        assert_eq!(
            pad(&[1; 128], 128, &mut random).err(),
            Some(SealError::KeyTooSmall)
        );
        assert_eq!(
            pad(&[1; 500], 128, &mut random).err(),
            Some(SealError::KeyTooSmall)
        );
    }

    // A source that claims success and writes nothing leaves zeros, which no padding may hold.
    #[test]
    fn a_source_stuck_at_zero_is_given_up() {
        assert_eq!(pad(b"m", 128, &mut Stuck(0)).err(), Some(SealError::Random));
        assert!(pad(b"m", 128, &mut Stuck(1)).is_ok());
    }

    #[test]
    fn the_nickname_is_the_brand_and_last_four_digits_and_of_a_length_the_provider_takes() {
        for (number, expected) in [
            ("4242424242424242", "Visa 4242"),
            ("378282246310005", "American Express 0005"),
            ("3530111333300000", "JCB 0000"),
            ("9999999999999995", "Card 9995"),
        ] {
            let name = nickname(&Pan::parse(number).unwrap());
            assert_eq!(name, expected);
            assert!((6..=49).contains(&name.len()));
        }
    }

    #[test]
    fn installments_and_saving_are_told_only_when_wanted() {
        let now = YearMonth {
            year: 2026,
            month: 11,
        };
        let card = Card {
            pan: Pan::parse("5555 5555 5555 4444").unwrap(),
            expiry: Expiry::parse("01/31", now).unwrap(),
            cvc: Cvc::parse("012", None).unwrap(),
            holder: Holder::parse("Ana Mora").unwrap(),
        };
        let text =
            |extras: Extras<'_>| String::from_utf8(card_json(&card, &extras).to_vec()).unwrap();
        let object = r#"{"card":{"cardHolder":"Ana Mora","expirationDate":{"month":1,"year":31},"cardNumber":"5555555555554444","cvc":"012""#;
        assert_eq!(text(Extras::default()), alloc::format!("{object}}}}}"));
        assert_eq!(
            text(Extras {
                nickname: Some("Mastercard 4444"),
                tokenize: true,
                installments: Some(12)
            }),
            alloc::format!(
                r#"{object},"nickname":"Mastercard 4444"}},"tokenize":true,"options":{{"numberOfPayments":"12"}}}}"#
            )
        );
    }
}
