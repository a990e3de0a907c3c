//! `lk`, and the whole message.

use std::collections::HashSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rsa::pkcs8::{DecodePrivateKey as _, EncodePublicKey as _, LineEnding};
use rsa::traits::PublicKeyParts as _;
use rsa::{Pkcs1v15Encrypt, RsaPrivateKey};
use serde::Deserialize;
use ventanilla_core::card::{Card, Cvc, Expiry, Holder, Pan, YearMonth};
use ventanilla_core::rails::card::{LD_MAX_CHARS, LK_MAX_CHARS, SealedCardMessage};
use ventanilla_core::random::RandomSource;
use ventanilla_core::seal::{
    MIN_BITS, PinnedKey, ProviderKey, SealError, SealOptions, encrypt_ld, pair_json, seal,
};

use crate::random::{FailsAfter, Sequence, WritesNothing};
use crate::vectors::LdLk;

/// The key envelope as the provider reads it.
#[derive(Deserialize, Eq, Hash, PartialEq)]
#[serde(deny_unknown_fields)]
struct Pair {
    k: [u8; 16],
    s: u8,
}

fn card() -> Card {
    let now = YearMonth {
        year: 2026,
        month: 11,
    };
    Card {
        pan: Pan::parse("4242 4242 4242 4242").unwrap(),
        expiry: Expiry::parse("01 / 31", now).unwrap(),
        cvc: Cvc::parse("123", None).unwrap(),
        holder: Holder::parse("José Ñúñez Güell").unwrap(),
    }
}

const CARD_JSON: &str = r#"{"card":{"cardHolder":"José Ñúñez Güell","expirationDate":{"month":1,"year":31},"cardNumber":"4242424242424242","cvc":"123"}}"#;

fn pinned(public_pem: &str) -> PinnedKey {
    let key = ProviderKey::parse(public_pem).unwrap();
    let pin = key.fingerprint();
    key.pinned(&[pin], true).unwrap()
}

fn public_pem(private: &RsaPrivateKey) -> String {
    private
        .to_public_key()
        .to_public_key_pem(LineEnding::LF)
        .unwrap()
}

fn sealed(
    key: &PinnedKey,
    options: &SealOptions,
    random: &mut impl RandomSource,
) -> SealedCardMessage {
    seal(&card(), options, key, random).unwrap()
}

/// What the provider reads in the two texts.
fn opened(private: &RsaPrivateKey, message: &SealedCardMessage) -> (Pair, String) {
    let lk = STANDARD.decode(&message.lk).unwrap();
    assert_eq!(lk.len(), private.size(), "lk is as long as the modulus");
    let envelope = private.decrypt(Pkcs1v15Encrypt, &lk).unwrap();
    let pair: Pair = serde_json::from_slice(&envelope).unwrap();
    assert_eq!(
        envelope,
        *pair_json(&pair.k, pair.s),
        "the envelope is compact JSON"
    );
    assert!(
        message
            .ld
            .bytes()
            .all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
    );
    let mut bytes = hex::decode(&message.ld).unwrap();
    // CTR decrypts as it encrypts.
    let _ = encrypt_ld(&pair.k, pair.s, &mut bytes);
    (pair, String::from_utf8(bytes).unwrap())
}

#[test]
fn the_envelope_of_every_pair_is_written_byte_for_byte() {
    for pair in LdLk::read().aes_pairs {
        assert_eq!(
            *pair_json(&pair.k, pair.s),
            pair.pair_json.as_bytes(),
            "{}",
            pair.name
        );
    }
}

// Shows that what decrypts our own below also decrypts the clients' in use. Those drop leading zero
// bytes of the ciphertext, which has to be put back before.
#[test]
fn every_lk_of_other_clients_decrypts_to_its_pair() {
    let vectors = LdLk::read();
    for vector in &vectors.lk {
        let private = RsaPrivateKey::from_pkcs8_pem(
            &vectors.rsa_keys[&vector.key].test_only_private_pkcs8_pem,
        )
        .unwrap();
        let short = STANDARD.decode(&vector.lk).unwrap();
        let mut lk = vec![0; private.size() - short.len()];
        lk.extend(short);
        let envelope = private.decrypt(Pkcs1v15Encrypt, &lk).unwrap();
        let expected = &vectors.pair(&vector.pair).pair_json;
        assert_eq!(
            envelope,
            expected.as_bytes(),
            "{} by {}",
            vector.pair,
            vector.producer
        );
    }
}

#[test]
fn a_card_sealed_to_any_key_of_the_vectors_opens_with_its_private_key() {
    for (name, key) in LdLk::read()
        .rsa_keys
        .into_iter()
        .filter(|(_, key)| key.bits >= MIN_BITS)
    {
        let private = RsaPrivateKey::from_pkcs8_pem(&key.test_only_private_pkcs8_pem).unwrap();
        let public = pinned(&key.public_spki_pem);
        let mut random = Sequence(3);
        for _ in 0..20 {
            let (_, json) = opened(
                &private,
                &sealed(&public, &SealOptions::default(), &mut random),
            );
            assert_eq!(json, CARD_JSON, "{name}");
        }
    }
}

#[test]
fn a_card_sealed_to_a_long_key_opens_with_its_private_key() {
    for pem in [
        include_str!("keys/test-only-3072.pem"),
        include_str!("keys/test-only-4096.pem"),
    ] {
        let private = RsaPrivateKey::from_pkcs8_pem(pem).unwrap();
        let message = sealed(
            &pinned(&public_pem(&private)),
            &SealOptions::default(),
            &mut Sequence(4),
        );
        assert_eq!(opened(&private, &message).1, CARD_JSON);
    }
}

// 1024 bits by which chance makes some moduli end or begin oddly; a failure prints the key.
#[test]
fn a_card_sealed_to_a_fresh_key_opens_with_its_private_key() {
    for bits in [1024, 1030, 1056] {
        let private = RsaPrivateKey::new(&mut rsa::rand_core::OsRng, bits).unwrap();
        let public = public_pem(&private);
        assert_eq!(
            ProviderKey::parse(&public).unwrap().bits() as usize,
            bits,
            "{public}"
        );
        let message = sealed(&pinned(&public), &SealOptions::default(), &mut Sequence(5));
        assert_eq!(opened(&private, &message).1, CARD_JSON, "{public}");
    }
}

#[test]
fn what_the_buyer_chose_is_sealed_with_the_card() {
    let (private, public) = test_key();
    let open = |options| opened(&private, &sealed(&public, &options, &mut Sequence(6))).1;
    let inside = CARD_JSON.strip_suffix("}}").unwrap();
    assert_eq!(
        open(SealOptions {
            installments: Some(3),
            save: false
        }),
        format!(r#"{inside}}},"options":{{"numberOfPayments":"3"}}}}"#)
    );
    assert_eq!(
        open(SealOptions {
            installments: None,
            save: true
        }),
        format!(r#"{inside},"nickname":"Visa 4242"}},"tokenize":true}}"#)
    );
    assert_eq!(
        open(SealOptions {
            installments: Some(12),
            save: true
        }),
        format!(
            r#"{inside},"nickname":"Visa 4242"}},"tokenize":true,"options":{{"numberOfPayments":"12"}}}}"#
        )
    );
}

#[test]
fn ten_thousand_messages_repeat_no_lk_and_no_ld() {
    let (_, public) = test_key();
    let length = public.key().bits().div_ceil(8).div_ceil(3) as usize * 4;
    let mut random = Sequence(7);
    let (mut lks, mut lds) = (HashSet::new(), HashSet::new());
    let mut leading_zeros = 0;
    for _ in 0..10_000 {
        let message = sealed(&public, &SealOptions::default(), &mut random);
        assert_eq!(message.lk.len(), length);
        leading_zeros += usize::from(STANDARD.decode(&message.lk).unwrap().starts_with(&[0]));
        assert!(lks.insert(message.lk.clone()));
        assert!(lds.insert(message.ld.clone()));
    }
    assert!(leading_zeros > 0, "none was there to be kept");
}

#[test]
fn keys_and_counters_cover_every_value_of_a_byte() {
    let (private, public) = test_key();
    let mut random = Sequence(8);
    let mut in_key = [false; 256];
    let mut high_counter = false;
    let mut pairs = HashSet::new();
    for _ in 0..250 {
        let (pair, _) = opened(
            &private,
            &sealed(&public, &SealOptions::default(), &mut random),
        );
        for byte in pair.k {
            in_key[usize::from(byte)] = true;
        }
        high_counter |= pair.s == 255 || pair.s == 0;
        assert!(pairs.insert(pair), "a key was used twice");
    }
    assert!(in_key[255] && in_key.iter().filter(|seen| **seen).count() > 250);
    assert!(high_counter);
}

#[test]
fn nothing_is_sealed_when_the_random_source_fails_at_any_point() {
    let (_, public) = test_key();
    let attempt =
        |mut random: FailsAfter| seal(&card(), &SealOptions::default(), &public, &mut random).err();
    // Key, counter, padding.
    for delivered in 0..3 {
        assert_eq!(
            attempt(FailsAfter(delivered, Sequence(9))),
            Some(SealError::Random),
            "{delivered}"
        );
    }
    assert_eq!(attempt(FailsAfter(100, Sequence(9))), None);
    assert_eq!(
        seal(
            &card(),
            &SealOptions::default(),
            &public,
            &mut WritesNothing
        )
        .err(),
        Some(SealError::Random)
    );
}

#[test]
fn the_largest_message_is_one_that_the_proxy_takes() {
    let now = YearMonth {
        year: 2026,
        month: 11,
    };
    let card = Card {
        pan: Pan::parse("6304000000000000000").unwrap(),
        expiry: Expiry::parse("12/46", now).unwrap(),
        cvc: Cvc::parse("1234", None).unwrap(),
        holder: Holder::parse(&"💳".repeat(60)).unwrap(),
    };
    let modulus = [vec![0xff; 1023], vec![1]].concat();
    let largest = rsa::RsaPublicKey::new_unchecked(
        rsa::BigUint::from_bytes_be(&modulus),
        rsa::BigUint::from(65537_u32),
    );
    let public = pinned(&largest.to_public_key_pem(LineEnding::LF).unwrap());
    assert_eq!(public.key().bits(), 8192);
    let options = SealOptions {
        installments: Some(99),
        save: true,
    };
    let message = seal(&card, &options, &public, &mut Sequence(10)).unwrap();
    assert!(message.ld.len() <= LD_MAX_CHARS);
    assert_eq!(message.lk.len(), LK_MAX_CHARS);
}

fn test_key() -> (RsaPrivateKey, PinnedKey) {
    let private = LdLk::read().shortest_key();
    let public = pinned(&public_pem(&private));
    (private, public)
}
