//! The provider's `_signature`: RSASSA-PKCS1-v1_5 with SHA-256 over a short text, in hex.
//!
//! The text is `status:<status>,orderId:<reference>`, or `requestId` for card tokens. It covers no
//! amount, no currency and no time: a signature proves that the provider answered so about this
//! reference once, and nothing more. The text escapes nothing either, so references must come from
//! an alphabet without comma and colon.

use alloc::vec::Vec;

use sha2::{Digest as _, Sha256};

use crate::encoding::from_hex;
use crate::seal::ProviderKey;

/// What a signed answer is about.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum SignedKind {
    /// A payment: the reference is its `orderId`.
    Payment,
    /// A card token made, changed or deleted: the reference is its `requestId`.
    Token,
}

/// The signature does not prove the answer. Always the same, whatever is wrong with it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct SignatureError;

impl core::fmt::Display for SignatureError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("the provider's signature does not verify")
    }
}

impl core::error::Error for SignatureError {}

/// The DER of a `DigestInfo` for SHA-256 up to the digest itself (RFC 8017 section 9.2, note 1).
const SHA256_DIGEST_INFO: [u8; 19] = [
    0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05,
    0x00, 0x04, 0x20,
];

/// Verifies that the provider answered with `status` about `reference`.
///
/// `status` is the text of the answer's `status` (`200`, `DELETED`). `reference` is the one that was
/// asked about, never the one in the answer: that is what stops another order's approval.
///
/// The signature must have two hex digits for every byte of the modulus. Upper case is read like
/// lower case, which is all that was ever seen; a signature that lost its leading zeros is refused,
/// as the clients in use refuse it.
///
/// # Errors
///
/// [`SignatureError`] unless the signature verifies.
pub fn verify(
    key: &ProviderKey,
    kind: SignedKind,
    status: &str,
    reference: &str,
    signature_hex: &str,
) -> Result<(), SignatureError> {
    let signature = from_hex(signature_hex).ok_or(SignatureError)?;
    let block = key.modulus().raise(&signature).ok_or(SignatureError)?;
    let digest = Sha256::new()
        .chain_update("status:")
        .chain_update(status)
        .chain_update(match kind {
            SignedKind::Payment => ",orderId:",
            SignedKind::Token => ",requestId:",
        })
        .chain_update(reference)
        .finalize();
    // The block is made and compared whole: reading it is how verifiers were fooled.
    if block == encode(&digest, block.len()) {
        Ok(())
    } else {
        Err(SignatureError)
    }
}

/// `00 01`, `ff` up to the length, `00`, the `DigestInfo` (RFC 8017 section 9.2). Every key is long
/// enough: the smallest leaves 74 bytes of `ff`.
fn encode(digest: &[u8], length: usize) -> Vec<u8> {
    let tail = SHA256_DIGEST_INFO.len() + digest.len() + 1;
    let mut block = Vec::with_capacity(length);
    block.extend([0, 1]);
    block.resize(length.saturating_sub(tail), 0xff);
    block.push(0);
    block.extend(SHA256_DIGEST_INFO);
    block.extend_from_slice(digest);
    block
}
