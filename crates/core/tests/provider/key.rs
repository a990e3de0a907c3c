//! The provider's public key: every form in which people keep it, and everything that is refused.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;
use rsa::pkcs1::{EncodeRsaPrivateKey as _, EncodeRsaPublicKey as _};
use rsa::pkcs8::{DecodePrivateKey as _, DecodePublicKey as _, EncodePublicKey as _, LineEnding};
use rsa::{BigUint, RsaPrivateKey, RsaPublicKey};
use ventanilla_core::seal::{KeyError, PinnedKey, ProviderKey};

use crate::vectors::LdLk;

fn error(text: &str) -> Option<KeyError> {
    ProviderKey::parse(text).err()
}

/// The SPKI of a key that need not be a good one, in base64.
fn spki(modulus: BigUint, exponent: u32) -> String {
    let key = RsaPublicKey::new_unchecked(modulus, BigUint::from(exponent));
    STANDARD.encode(key.to_public_key_der().unwrap())
}

/// An odd number of this many bits.
fn odd(bits: usize) -> BigUint {
    (BigUint::from(1_u32) << (bits - 1)) + BigUint::from(1_u32)
}

#[test]
fn a_key_reads_the_same_in_every_form_in_which_people_keep_it() {
    for key in LdLk::read().rsa_keys.into_values() {
        let pem = key.public_spki_pem;
        let bare = key.public_spki_base64_one_line;
        let public = RsaPublicKey::from_public_key_pem(&pem).unwrap();
        let lines: String = pem
            .lines()
            .filter(|line| !line.starts_with('-'))
            .map(|line| format!("{line}\n"))
            .collect();
        let pkcs1 = public.to_pkcs1_pem(LineEnding::LF).unwrap();
        for text in [
            pem.clone(),
            pem.trim().to_string(),
            pem.replace('\n', "\r\n"),
            pem.replace('\n', "\\n"),
            pem.replace('\n', "\\r\\n"),
            pem.replace('\n', " "),
            format!("\n\t  {}  \r\n", pem.replace('\n', " \n  ")),
            format!("-----BEGIN PUBLIC KEY-----{bare}-----END PUBLIC KEY-----"),
            bare.clone(),
            format!("  {bare}\n"),
            lines.clone(),
            lines.replace('\n', "\r\n"),
            lines.replace('\n', "\\n"),
            pkcs1.clone(),
            pkcs1.replace('\n', "\\n"),
            STANDARD.encode(public.to_pkcs1_der().unwrap()),
        ] {
            let read = ProviderKey::parse(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
            assert_eq!(read.bits(), key.bits);
            assert_eq!(read.to_spki_base64(), bare);
        }
    }
}

// `openssl pkey -pubin -outform DER | sha256sum`.
#[test]
fn the_fingerprint_is_the_one_that_openssl_prints() {
    for (pem, fingerprint) in [
        (
            include_str!("keys/test-only-3072.pem"),
            "aa87afa513922e66d7d01c6870a1e287c9de981f9707d9f0c84142efa7f655f8",
        ),
        (
            include_str!("keys/test-only-4096.pem"),
            "be8bea4559eae19aa4d1f63d727b701d8c1f8eca72cc0f87c9c706d8a1dbdbe8",
        ),
    ] {
        let public = RsaPrivateKey::from_pkcs8_pem(pem).unwrap().to_public_key();
        let key = ProviderKey::parse(&public.to_public_key_pem(LineEnding::LF).unwrap()).unwrap();
        assert_eq!(key.fingerprint(), fingerprint);
    }
}

#[test]
fn a_key_of_the_wrong_size_parity_or_exponent_is_refused() {
    assert_eq!(
        error(&spki(odd(512), 65537)),
        Some(KeyError::TooSmall { bits: 512 })
    );
    // A key of this size stands in the test of a public client.
    assert_eq!(
        error(&spki(odd(1023), 65537)),
        Some(KeyError::TooSmall { bits: 1023 })
    );
    assert_eq!(error(&spki(odd(1024), 65537)), None);
    assert_eq!(error(&spki(odd(8192), 65537)), None);
    assert_eq!(
        error(&spki(odd(8193), 65537)),
        Some(KeyError::TooLarge { bits: 8193 })
    );
    assert_eq!(
        error(&spki(odd(100_000), 65537)),
        Some(KeyError::TooLarge { bits: 100_000 })
    );
    assert_eq!(
        error(&spki(odd(1024) + BigUint::from(1_u32), 65537)),
        Some(KeyError::EvenModulus)
    );
    for exponent in [0, 1, 2, 3, 17, 257, 65535, 65536, 65538, 131_073, u32::MAX] {
        assert_eq!(
            error(&spki(odd(1024), exponent)),
            Some(KeyError::Exponent),
            "{exponent}"
        );
    }
    let long = RsaPublicKey::new_unchecked(
        odd(1024),
        (BigUint::from(1_u32) << 256) + BigUint::from(65537_u32),
    );
    assert_eq!(
        error(&STANDARD.encode(long.to_public_key_der().unwrap())),
        Some(KeyError::Exponent)
    );
}

#[test]
fn a_private_key_is_refused_as_such_in_every_form() {
    for key in LdLk::read().rsa_keys.into_values() {
        let private = RsaPrivateKey::from_pkcs8_pem(&key.test_only_private_pkcs8_pem).unwrap();
        let pkcs8_bare: String = key
            .test_only_private_pkcs8_pem
            .lines()
            .filter(|line| !line.starts_with('-'))
            .collect();
        for text in [
            key.test_only_private_pkcs8_pem.clone(),
            pkcs8_bare,
            private.to_pkcs1_pem(LineEnding::LF).unwrap().to_string(),
            STANDARD.encode(private.to_pkcs1_der().unwrap().as_bytes()),
            "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----"
                .to_string(),
        ] {
            assert_eq!(error(&text), Some(KeyError::PrivateKey));
        }
    }
}

#[test]
fn keys_of_other_algorithms_and_other_documents_are_told_apart() {
    // Made with `openssl genpkey` for this test: P-256 and Ed25519.
    for text in [
        "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEibG41h1iN0eqshsUdQUQ3BgVjrXvTlmLnwJWkfRfCr9Ij4m01Vg/cO8pukUYxon37heAHqt3/gpZIlrDcO3zIg==",
        "MCowBQYDK2VwAyEAj6WnA66kNMBhQ3wEDHlD0B0Z9E0wBHKS9Ce5bRhbhg8=",
    ] {
        assert_eq!(error(text), Some(KeyError::NotRsa));
    }
    for text in [
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----",
        "",
        "AAAA",
        "MAA=",
        "MAMCAQA=",
    ] {
        let expected = if text == "MAMCAQA=" {
            KeyError::PrivateKey
        } else {
            KeyError::Structure
        };
        assert_eq!(error(text), Some(expected), "{text}");
    }
    for text in [
        "not a key",
        "https://shop.example/key.pem",
        "-----BEGIN",
        "-----BEGIN PUBLIC KEY-----",
        "-----BEGIN PUBLIC KEY-----\nAAAA",
        "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END RSA PUBLIC KEY-----",
        "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY----- and more",
    ] {
        assert_eq!(error(text), Some(KeyError::Encoding), "{text}");
    }
}

fn der() -> Vec<u8> {
    STANDARD.decode(spki(odd(1024), 65537)).unwrap()
}

#[test]
fn no_shortened_or_lengthened_key_is_read() {
    let der = der();
    for length in 0..der.len() {
        assert!(
            error(&STANDARD.encode(&der[..length])).is_some(),
            "{length}"
        );
    }
    let longer = [der.clone(), vec![0]].concat();
    assert_eq!(error(&STANDARD.encode(longer)), Some(KeyError::Structure));
}

// Two spellings of one key would have two fingerprints.
#[test]
fn a_key_in_other_than_its_one_der_spelling_is_refused() {
    let der = der();
    // 30 81 9f: the same length in two bytes.
    let long_length = [&[0x30, 0x82, 0x00, 0x9f], &der[3..]].concat();
    assert_eq!(
        error(&STANDARD.encode(long_length)),
        Some(KeyError::Structure)
    );
    let indefinite = [&[0x30, 0x80], &der[3..], &[0, 0]].concat();
    assert_eq!(
        error(&STANDARD.encode(indefinite)),
        Some(KeyError::Structure)
    );
}

#[test]
fn every_changed_byte_gives_another_key_or_none() {
    let der = der();
    let fingerprint = ProviderKey::parse(&STANDARD.encode(&der))
        .unwrap()
        .fingerprint();
    for index in 0..der.len() {
        for flip in [1, 0x80, 0xff] {
            let mut changed = der.clone();
            changed[index] ^= flip;
            if let Ok(key) = ProviderKey::parse(&STANDARD.encode(&changed)) {
                assert_ne!(key.fingerprint(), fingerprint);
                assert_eq!(STANDARD.decode(key.to_spki_base64()).unwrap(), changed);
            }
        }
    }
}

fn pinned(pins: &[&str], bits: usize, accept_weak: bool) -> Result<PinnedKey, KeyError> {
    let key = ProviderKey::parse(&spki(odd(bits), 65537)).unwrap();
    let own = key.fingerprint();
    let pins: Vec<String> = pins.iter().map(|pin| pin.replace("OWN", &own)).collect();
    key.pinned(&pins, accept_weak)
}

#[test]
fn only_a_pinned_key_may_be_sealed_to() {
    let other = "0".repeat(64);
    assert_eq!(pinned(&[], 2048, true).err(), Some(KeyError::NotPinned));
    assert_eq!(pinned(&[""], 2048, true).err(), Some(KeyError::NotPinned));
    assert_eq!(
        pinned(&[&other], 2048, true).err(),
        Some(KeyError::NotPinned)
    );
    assert_eq!(
        pinned(&["OWN "], 2048, true).err(),
        Some(KeyError::NotPinned)
    );
    assert_eq!(
        pinned(&["OWN0"], 2048, true).err(),
        Some(KeyError::NotPinned)
    );
    // The current one and the next, in either order.
    assert!(pinned(&["OWN", &other], 2048, false).is_ok());
    assert!(pinned(&[&other, "OWN"], 2048, false).is_ok());
    let key = ProviderKey::parse(&spki(odd(2048), 65537)).unwrap();
    let upper = key.fingerprint().to_uppercase();
    assert!(key.pinned(&[upper], false).is_ok());
}

#[test]
fn a_weak_key_may_be_sealed_to_only_where_the_merchant_said_so() {
    for (bits, weak) in [(1024, true), (2047, true), (2048, false), (4096, false)] {
        assert!(pinned(&["OWN"], bits, true).is_ok());
        let expected = weak.then_some(KeyError::Weak {
            bits: u32::try_from(bits).unwrap(),
        });
        assert_eq!(pinned(&["OWN"], bits, false).err(), expected);
    }
    // Saying so does not unpin it.
    assert_eq!(pinned(&[], 1024, true).err(), Some(KeyError::NotPinned));
}

proptest! {
    #[test]
    fn no_text_makes_the_reader_panic(text in "(\\PC|[A-Za-z0-9+/=\n-]){0,200}") {
        let _ = ProviderKey::parse(&text);
        let _ = ProviderKey::parse(&format!("-----BEGIN PUBLIC KEY-----{text}"));
    }

    #[test]
    fn no_bytes_make_the_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200), depth in 0..7_usize) {
        // Behind headers that lead it in ever deeper.
        let head = der();
        let ends = [0, 3, 5, 18, 22, 25, 29];
        let bytes = [&head[..ends[depth]], &bytes].concat();
        let _ = ProviderKey::parse(&STANDARD.encode(bytes));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn a_key_comes_back_from_its_own_text(mut modulus in proptest::collection::vec(any::<u8>(), 128..=1024)) {
        *modulus.first_mut().unwrap() |= 0x80;
        *modulus.last_mut().unwrap() |= 1;
        let text = spki(BigUint::from_bytes_be(&modulus), 65537);
        let key = ProviderKey::parse(&text).unwrap();
        prop_assert_eq!(key.bits() as usize, modulus.len() * 8);
        prop_assert_eq!(&key.to_spki_base64(), &text);
        let again = ProviderKey::parse(&key.to_spki_base64()).unwrap();
        prop_assert_eq!(again.fingerprint(), key.fingerprint());
    }
}
