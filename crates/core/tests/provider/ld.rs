//! `ld`: the card object and its encryption.

use serde::{Deserialize, Serialize};
use ventanilla_core::card::{Brand, Card, Cvc, Expiry, Holder, Pan, YearMonth};
use ventanilla_core::seal::{Extras, card_json, encrypt_ld};

use crate::vectors::{CardVector, LdLk};

/// The card object as this project writes it: this order, these types, nothing else.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Canonical {
    card: CanonicalCard,
    #[serde(skip_serializing_if = "Option::is_none")]
    tokenize: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    options: Option<Options>,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct CanonicalCard {
    card_holder: String,
    expiration_date: ExpirationDate,
    card_number: String,
    cvc: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    nickname: Option<String>,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct ExpirationDate {
    month: u8,
    year: u8,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Options {
    number_of_payments: String,
}

/// What our writer makes of the vector's values; `None` for a vector that our types rule out: other
/// fields, other types, another order, or a holder with control characters.
fn rewritten(vector: &CardVector) -> Option<Vec<u8>> {
    let object: Canonical = serde_json::from_str(&vector.json).ok()?;
    if serde_json::to_string(&object).ok()? != vector.json || object.tokenize == Some(false) {
        return None;
    }
    let Canonical {
        card: values,
        tokenize,
        options,
    } = object;
    // As good as any month in which the card is still good.
    let now = YearMonth {
        year: 2000 + u16::from(values.expiration_date.year),
        month: 1,
    };
    let card = Card {
        holder: Holder::parse(&values.card_holder).ok()?,
        expiry: Expiry::parse(
            &format!(
                "{:02}/{:02}",
                values.expiration_date.month, values.expiration_date.year
            ),
            now,
        )
        .ok()?,
        cvc: Cvc::parse(&values.cvc, Brand::of_prefix(&values.card_number)).ok()?,
        pan: Pan::parse(&values.card_number).ok()?,
    };
    let installments = match options {
        None => None,
        Some(options) => Some(options.number_of_payments.parse().ok()?),
    };
    let json = card_json(
        &card,
        &Extras {
            nickname: values.nickname.as_deref(),
            tokenize: tokenize.unwrap_or_default(),
            installments,
        },
    );
    Some(json.to_vec())
}

#[test]
fn every_ld_is_the_card_under_the_pair_byte_for_byte() {
    let vectors = LdLk::read();
    for vector in &vectors.ld {
        let card = vectors.card(&vector.card);
        let pair = vectors.pair(&vector.pair);
        let mut bytes = card.json.clone().into_bytes();
        assert_eq!(hex::encode(&bytes), card.utf8_hex, "{}", card.name);
        let ld = encrypt_ld(&pair.k, pair.s, &mut bytes);
        assert_eq!(ld, vector.ld, "{} under {}", vector.card, vector.pair);
        assert_eq!(
            hex::encode(&bytes),
            ld,
            "the buffer holds the ciphertext alone"
        );
    }
}

#[test]
fn the_card_writer_writes_every_card_it_can_express_byte_for_byte() {
    let vectors = LdLk::read();
    let mut written = 0;
    for vector in &vectors.cards {
        if let Some(json) = rewritten(vector) {
            assert_eq!(
                String::from_utf8(json).unwrap(),
                vector.json,
                "{}",
                vector.name
            );
            written += 1;
        }
    }
    assert!(written > 0, "no vector in the canonical form");
}

#[test]
fn a_card_typed_by_a_buyer_encrypts_to_the_vectors_own_ld() {
    let vectors = LdLk::read();
    let mut encrypted = 0;
    for vector in &vectors.ld {
        if let Some(mut json) = rewritten(vectors.card(&vector.card)) {
            let pair = vectors.pair(&vector.pair);
            assert_eq!(
                encrypt_ld(&pair.k, pair.s, &mut json),
                vector.ld,
                "{}",
                vector.card
            );
            encrypted += 1;
        }
    }
    assert!(encrypted > 0, "no vector in the canonical form");
}
