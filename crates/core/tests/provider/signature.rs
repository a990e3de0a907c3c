//! `_signature`.

use proptest::prelude::*;
use rsa::pkcs1v15::SigningKey;
use rsa::pkcs8::{EncodePublicKey as _, LineEnding};
use rsa::sha2::Sha256;
use rsa::signature::{SignatureEncoding as _, Signer as _};
use rsa::{BigUint, RsaPrivateKey};
use serde_json::Value;
use ventanilla_core::seal::ProviderKey;
use ventanilla_core::signature::{SignedKind, verify};

use crate::vectors::{Expect, LdLk, SignatureVector, Signatures};

/// The text of a JSON value as the provider signs it.
fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn kind(format: &str) -> SignedKind {
    if format.contains("orderId:") {
        SignedKind::Payment
    } else {
        assert!(format.contains("requestId:"), "{format}");
        SignedKind::Token
    }
}

/// A vector taken apart as a caller has it.
struct Answer {
    key: ProviderKey,
    kind: SignedKind,
    status: String,
    reference: String,
    signature: String,
}

impl Answer {
    fn of(file: &Signatures, vector: &SignatureVector) -> Self {
        let field = |name: &str| vector.response.get(name).map(plain).unwrap_or_default();
        let kind = kind(&file.string_format[&vector.kind]);
        Self {
            key: ProviderKey::parse(&file.public_keys[&vector.key].public_spki_pem).unwrap(),
            kind,
            status: field("status"),
            reference: field(match kind {
                SignedKind::Payment => "orderId",
                SignedKind::Token => "requestId",
            }),
            signature: field("_signature"),
        }
    }

    fn verifies(&self) -> bool {
        verify(
            &self.key,
            self.kind,
            &self.status,
            &self.reference,
            &self.signature,
        )
        .is_ok()
    }
}

/// What this project decided where the vectors leave it open: two hex digits for each byte of the
/// modulus, in either case.
fn has_full_length(answer: &Answer) -> bool {
    answer.signature.len() == answer.key.bits().div_ceil(8) as usize * 2
}

#[test]
fn every_vector_is_accepted_or_refused_as_it_says() {
    let file = Signatures::read();
    for vector in &file.vectors {
        let answer = Answer::of(&file, vector);
        let expected = match vector.expect {
            Expect::Valid => true,
            Expect::Invalid => false,
            Expect::Either => has_full_length(&answer),
        };
        assert_eq!(
            answer.verifies(),
            expected,
            "{} ({})",
            vector.name,
            vector.key
        );
    }
}

#[test]
fn the_provider_s_own_published_samples_verify_or_not_as_was_found() {
    let file = Signatures::read();
    let published = &file.published_gateway_samples;
    let key = ProviderKey::parse(&published.recovered_public_key_spki_pem).unwrap();
    for sample in &published.samples {
        let kind = kind(&file.string_format[&sample.kind]);
        let name = match kind {
            SignedKind::Payment => ",orderId:",
            SignedKind::Token => ",requestId:",
        };
        let verified = match sample
            .signed_string
            .strip_prefix("status:")
            .and_then(|rest| rest.split_once(name))
        {
            Some((status, reference)) => {
                verify(&key, kind, status, reference, &sample.signature).is_ok()
            }
            // Nobody knows what it signs; certainly not this.
            None => verify(&key, kind, "200", &sample.signed_string, &sample.signature).is_ok(),
        };
        assert_eq!(
            verified, sample.verifies_with_recovered_key,
            "{}",
            sample.source
        );
    }
    assert!(
        published
            .samples
            .iter()
            .any(|sample| sample.verifies_with_recovered_key)
    );
}

/// The vectors that verify, to be spoilt.
fn valid() -> Vec<Answer> {
    let file = Signatures::read();
    let valid: Vec<Answer> = file
        .vectors
        .iter()
        .filter(|vector| vector.expect == Expect::Valid)
        .map(|vector| Answer::of(&file, vector))
        .collect();
    assert!(!valid.is_empty(), "no valid vector");
    valid
}

#[test]
fn upper_and_mixed_case_hex_is_read_like_lower_case() {
    for mut answer in valid() {
        answer.signature = answer.signature.to_uppercase();
        assert!(answer.verifies());
        let (head, tail) = answer.signature.split_at(answer.signature.len() / 2);
        answer.signature = head.to_lowercase() + tail;
        assert!(answer.verifies());
    }
}

#[test]
fn a_signature_of_any_other_length_or_alphabet_is_refused() {
    for answer in valid() {
        let spoilt = |signature: String| {
            !Answer {
                signature,
                key: answer.key.clone(),
                status: answer.status.clone(),
                reference: answer.reference.clone(),
                ..answer
            }
            .verifies()
        };
        let whole = &answer.signature;
        if let Some(rest) = whole.strip_prefix("00") {
            assert!(spoilt(rest.into()), "stripped of its leading zero byte");
        }
        for other in [
            String::new(),
            "0".into(),
            "00".into(),
            format!("00{whole}"),
            format!("{whole}00"),
            format!(" {whole}"),
            format!("{whole}\n"),
            format!("0x{whole}"),
            whole.replace(char::is_alphabetic, "g"),
            whole[1..].into(),
            whole[..whole.len() - 2].into(),
            "0".repeat(whole.len()),
            "f".repeat(whole.len()),
            "é".repeat(whole.len() / 2),
        ] {
            assert!(spoilt(other.clone()), "{other}");
        }
    }
}

// Dropping the leading zeros of a number is the commonest mistake of all.
#[test]
fn a_signature_that_lost_its_leading_zero_byte_is_refused() {
    let (private, key) = private_key();
    let signer = SigningKey::<Sha256>::new(private);
    let (reference, signature) = (0..10_000)
        .find_map(|index| {
            let reference = format!("ORDER-{index}");
            let signature = hex::encode(
                signer
                    .sign(format!("status:200,orderId:{reference}").as_bytes())
                    .to_bytes(),
            );
            signature
                .starts_with("00")
                .then_some((reference, signature))
        })
        .expect("one signature in 256 begins with a zero byte");
    assert!(verify(&key, SignedKind::Payment, "200", &reference, &signature).is_ok());
    assert!(
        verify(
            &key,
            SignedKind::Payment,
            "200",
            &reference,
            &signature[2..]
        )
        .is_err()
    );
    assert!(
        verify(
            &key,
            SignedKind::Payment,
            "200",
            &reference,
            &signature[1..]
        )
        .is_err()
    );
}

#[test]
fn every_changed_digit_status_reference_kind_and_key_is_noticed() {
    let answers = valid();
    let other_key = |answer: &Answer| {
        answers
            .iter()
            .map(|other| &other.key)
            .find(|key| key.fingerprint() != answer.key.fingerprint())
            .cloned()
    };
    for answer in &answers {
        let check = |kind, status: &str, reference: &str, signature: &str| {
            verify(&answer.key, kind, status, reference, signature).is_ok()
        };
        let Answer {
            kind,
            status,
            reference,
            signature,
            ..
        } = answer;
        assert!(check(*kind, status, reference, signature));
        for index in (0..signature.len()).step_by(7) {
            let mut changed = signature.clone().into_bytes();
            changed[index] = if changed[index] == b'0' { b'1' } else { b'0' };
            assert!(!check(
                *kind,
                status,
                reference,
                &String::from_utf8(changed).unwrap()
            ));
        }
        for other in ["", "0", "201x", " 200", "DELETE"] {
            assert!(!check(*kind, other, reference, signature));
        }
        for other in [
            String::new(),
            format!("{reference} "),
            format!("x{reference}"),
            reference.to_lowercase() + "1",
        ] {
            assert!(!check(*kind, status, &other, signature));
        }
        let swapped = match kind {
            SignedKind::Payment => SignedKind::Token,
            SignedKind::Token => SignedKind::Payment,
        };
        assert!(!check(swapped, status, reference, signature));
        if let Some(key) = other_key(answer) {
            assert!(verify(&key, *kind, status, reference, signature).is_err());
        }
    }
}

/// A block signed as it is, whatever it says.
fn signed_block(private: &RsaPrivateKey, block: &[u8]) -> String {
    use rsa::traits::{PrivateKeyParts as _, PublicKeyParts as _};
    let signature = BigUint::from_bytes_be(block)
        .modpow(private.d(), private.n())
        .to_bytes_be();
    format!(
        "{:0>width$}",
        hex::encode(signature),
        width = private.size() * 2
    )
}

fn private_key() -> (RsaPrivateKey, ProviderKey) {
    let private = LdLk::read().shortest_key();
    let public = private
        .to_public_key()
        .to_public_key_pem(LineEnding::LF)
        .unwrap();
    (private, ProviderKey::parse(&public).unwrap())
}

// The blocks that lax verifiers were fooled with (Bleichenbacher 2006 and after): the private key
// signs them here, so that only the comparison stands between them and acceptance.
#[test]
fn a_block_that_only_looks_like_the_right_one_is_refused() {
    use rsa::sha2::Digest as _;
    use rsa::traits::PublicKeyParts as _;
    let (private, key) = private_key();
    let size = private.size();
    let digest = Sha256::digest(b"status:200,orderId:ORDER-1").to_vec();
    let info = hex::decode("3031300d060960864801650304020105000420").unwrap();
    let block = |head: &[u8], fill: u8, separator: &[u8], tail: &[&[u8]], garbage: usize| {
        let tail = tail.concat();
        let fill_length = size - head.len() - separator.len() - tail.len() - garbage;
        [
            head,
            &vec![fill; fill_length],
            separator,
            &tail,
            &vec![0x5a; garbage],
        ]
        .concat()
    };
    let accepts = |block: &[u8]| {
        assert_eq!(block.len(), size);
        verify(
            &key,
            SignedKind::Payment,
            "200",
            "ORDER-1",
            &signed_block(&private, block),
        )
        .is_ok()
    };
    let whole: [&[u8]; 2] = [&info, &digest];
    assert!(
        accepts(&block(&[0, 1], 0xff, &[0], &whole, 0)),
        "the right one"
    );
    let without_null = hex::decode("302f300b0609608648016503040201").unwrap();
    let sha1_info = hex::decode("3021300906052b0e03021a05000414").unwrap();
    for (wrong, why) in [
        (
            block(&[0, 1], 0xff, &[0], &whole, 20),
            "garbage behind the digest",
        ),
        (
            block(&[0, 1], 0xff, &[0], &[&info, &digest, &[0]], 0),
            "one byte behind the digest",
        ),
        (block(&[0, 2], 0xff, &[0], &whole, 0), "encryption padding"),
        (block(&[0, 0], 0xff, &[0], &whole, 0), "block type 0"),
        (block(&[0, 1], 0xfe, &[0], &whole, 0), "another fill"),
        (block(&[0, 1], 0x00, &[0], &whole, 0), "no fill"),
        (block(&[0, 1], 0xff, &[], &whole, 0), "no separator"),
        (block(&[0, 1], 0xff, &[0], &[&digest], 0), "no DigestInfo"),
        (
            block(&[0, 1], 0xff, &[0], &[&without_null, &[4, 32], &digest], 0),
            "absent parameters",
        ),
        (
            block(&[0, 1], 0xff, &[0], &[&sha1_info, &digest[..20]], 0),
            "SHA-1",
        ),
        (
            block(&[0, 1], 0xff, &[0], &[&info, &Sha256::digest(b"x")], 0),
            "another digest",
        ),
    ] {
        assert!(!accepts(&wrong), "{why}");
    }
}

#[test]
fn a_signature_not_below_the_modulus_is_refused_though_it_is_the_same_number() {
    use rsa::traits::PublicKeyParts as _;
    let (private, key) = private_key();
    let signer = SigningKey::<Sha256>::new(private.clone());
    // Adding the modulus must not need another byte.
    let (reference, sum) = (0..1_000)
        .find_map(|index| {
            let reference = format!("ORDER-{index}");
            let signature = signer.sign(format!("status:200,orderId:{reference}").as_bytes());
            let sum = BigUint::from_bytes_be(&signature.to_bytes()) + private.n();
            (sum.to_bytes_be().len() == private.size()).then_some((reference, sum))
        })
        .expect("a modulus below the highest has room for such a sum");
    let sum = hex::encode(sum.to_bytes_be());
    assert!(verify(&key, SignedKind::Payment, "200", &reference, &sum).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn what_an_independent_library_signs_verifies_and_only_as_it_was_signed(
        status in "200|201|500|DELETED", reference in "[A-Za-z0-9_-]{1,40}", other in "[A-Za-z0-9_-]{1,40}"
    ) {
        let (private, key) = private_key();
        let signer = SigningKey::<Sha256>::new(private);
        for (kind, field) in [(SignedKind::Payment, "orderId"), (SignedKind::Token, "requestId")] {
            let signature = signer.sign(format!("status:{status},{field}:{reference}").as_bytes());
            let signature = hex::encode(signature.to_bytes());
            prop_assert!(verify(&key, kind, &status, &reference, &signature).is_ok());
            prop_assert_eq!(verify(&key, kind, &status, &other, &signature).is_ok(), other == reference);
        }
    }

    #[test]
    fn no_text_makes_the_verifier_panic(signature in "(\\PC|[0-9a-f]){0,300}", reference in "\\PC{0,20}") {
        let (_, key) = private_key();
        prop_assert!(verify(&key, SignedKind::Payment, "200", &reference, &signature).is_err());
    }
}

#[test]
fn the_signature_of_a_fresh_key_verifies() {
    let private = RsaPrivateKey::new(&mut rsa::rand_core::OsRng, 1024).unwrap();
    let public = private
        .to_public_key()
        .to_public_key_pem(LineEnding::LF)
        .unwrap();
    let key = ProviderKey::parse(&public).unwrap();
    let signature = SigningKey::<Sha256>::new(private).sign(b"status:200,orderId:ORDER-1");
    let signature = hex::encode(signature.to_bytes());
    assert!(
        verify(&key, SignedKind::Payment, "200", "ORDER-1", &signature).is_ok(),
        "{public}"
    );
}
