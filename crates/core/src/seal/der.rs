//! The little DER that an RSA public key is written in (RFC 5280, RFC 8017 appendix A.1.1).

use alloc::vec::Vec;

use super::key::KeyError;

const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
const SEQUENCE: u8 = 0x30;

/// `rsaEncryption` with its NULL parameters, RFC 3279 section 2.3.1.
const RSA_ENCRYPTION: [u8; 13] = [
    0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00,
];

/// Modulus and exponent of an SPKI or PKCS#1 public key, big-endian without leading zeros.
///
/// A key is accepted only if writing it again gives the same bytes. So lengths, signs and the end
/// need no checks while reading, and no two spellings of a key have different fingerprints.
pub(super) fn read_public_key(der: &[u8]) -> Result<(&[u8], &[u8]), KeyError> {
    let (outer, _) = read(der, SEQUENCE).ok_or(KeyError::Structure)?;
    if let Some((algorithm, rest)) = read(outer, SEQUENCE) {
        if algorithm != RSA_ENCRYPTION {
            return Err(KeyError::NotRsa);
        }
        let (bits, _) = read(rest, BIT_STRING).ok_or(KeyError::Structure)?;
        let key = bits.strip_prefix(&[0]).ok_or(KeyError::Structure)?;
        let (key, _) = read(key, SEQUENCE).ok_or(KeyError::Structure)?;
        let (modulus, exponent) = read_numbers(key)?;
        if write_spki(modulus, exponent) != der {
            return Err(KeyError::Structure);
        }
        return Ok((modulus, exponent));
    }
    let (modulus, exponent) = read_numbers(outer)?;
    // Private keys of both kinds begin with their version, which is 0 or 1.
    if matches!(modulus, [] | [1]) {
        return Err(KeyError::PrivateKey);
    }
    if write_pkcs1(modulus, exponent) != der {
        return Err(KeyError::Structure);
    }
    Ok((modulus, exponent))
}

/// The key as SPKI.
pub(super) fn write_spki(modulus: &[u8], exponent: &[u8]) -> Vec<u8> {
    write(
        SEQUENCE,
        &[
            &write(SEQUENCE, &[&RSA_ENCRYPTION]),
            &write(BIT_STRING, &[&[0], &write_pkcs1(modulus, exponent)]),
        ],
    )
}

fn write_pkcs1(modulus: &[u8], exponent: &[u8]) -> Vec<u8> {
    write(SEQUENCE, &[&write_number(modulus), &write_number(exponent)])
}

fn read_numbers(key: &[u8]) -> Result<(&[u8], &[u8]), KeyError> {
    let (modulus, rest) = read(key, INTEGER).ok_or(KeyError::Structure)?;
    let modulus = without_leading_zeros(modulus);
    // What follows the version in a private key is no exponent; it must not hide the version.
    let exponent = read(rest, INTEGER).map_or(&[][..], |(exponent, _)| exponent);
    Ok((modulus, without_leading_zeros(exponent)))
}

fn without_leading_zeros(mut number: &[u8]) -> &[u8] {
    while let [0, rest @ ..] = number {
        number = rest;
    }
    number
}

/// The content of the first value, if it has this tag, and what follows the value.
fn read(der: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (length, rest) = match der {
        [first, length @ 0..=0x7f, rest @ ..] if *first == tag => (usize::from(*length), rest),
        [first, 0x81, length, rest @ ..] if *first == tag => (usize::from(*length), rest),
        [first, 0x82, high, low, rest @ ..] if *first == tag => {
            (usize::from(u16::from_be_bytes([*high, *low])), rest)
        }
        _ => return None,
    };
    rest.split_at_checked(length)
}

fn write(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let length = parts.iter().map(|part| part.len()).sum::<usize>();
    // Longer than any key that `read` can have read; it would not compare equal to anything.
    let [high, low] = u16::try_from(length).unwrap_or(u16::MAX).to_be_bytes();
    let mut der = Vec::with_capacity(length + 4);
    der.push(tag);
    match (high, low) {
        (0, 0..=0x7f) => der.push(low),
        (0, _) => der.extend([0x81, low]),
        _ => der.extend([0x82, high, low]),
    }
    for part in parts {
        der.extend_from_slice(part);
    }
    der
}

/// A positive INTEGER: a leading zero byte keeps its highest bit from being a sign.
fn write_number(number: &[u8]) -> Vec<u8> {
    let sign: &[u8] = match number {
        [] | [0x80..=0xff, ..] => &[0],
        _ => &[],
    };
    write(INTEGER, &[sign, number])
}
