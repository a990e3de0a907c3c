//! Opening `ld` and `lk`, and looking at the card inside. The card number and the security code do not
//! leave this file.

use aes::cipher::{KeyIvInit, StreamCipher};
use base64::Engine as _;
use rsa::traits::PublicKeyParts;
use rsa::{Pkcs1v15Encrypt, RsaPrivateKey};
use serde::Deserialize;
use serde_json::Value;

use crate::cards::{self, Outcome};

/// What was inside, without what could pay elsewhere.
#[derive(Debug)]
pub(super) struct Unsealed {
    pub(super) bin: String,
    pub(super) last4: String,
    pub(super) brand: &'static str,
    /// `YYMM`.
    pub(super) expiry: String,
    pub(super) outcome: Outcome,
    /// `tokenize`.
    pub(super) tokenize: bool,
    pub(super) nickname: Option<String>,
    /// `options.numberOfPayments`.
    pub(super) installments: Option<String>,
    pub(super) has_kount_session: bool,
    /// The card token to be changed.
    pub(super) token: Option<String>,
}

/// Why a card is turned away before the bank. `Display` is the provider's text.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Unfit {
    /// Wrong key, or not the form at all.
    Unreadable,
    Pan,
    ExpirationDate,
    Cvc,
    CardHolder,
    Nickname,
}

impl Unfit {
    /// The provider's text. Of these only the first two are documented; the others follow the second.
    pub(super) const fn text(self) -> &'static str {
        match self {
            Self::Unreadable => "Session not exists or is wrong",
            Self::Pan => "Invalid_pan",
            Self::ExpirationDate => "Invalid_expirationDate",
            Self::Cvc => "Invalid_cvc",
            Self::CardHolder => "Invalid_cardHolder",
            Self::Nickname => "Invalid_nickname",
        }
    }
}

/// Opens and judges a sealed card; `now` is year and month.
///
/// An expired card is not turned away here: it reaches the bank, which declines it.
pub(super) fn unseal(
    key: &RsaPrivateKey,
    ld: &str,
    lk: &str,
    now: (u16, u8),
) -> Result<Unsealed, Unfit> {
    let json = open(key, ld, lk).ok_or(Unfit::Unreadable)?;
    let content: Content = serde_json::from_slice(&json).map_err(|_| Unfit::Unreadable)?;
    content.judge(now)
}

/// The JSON text inside.
pub(super) fn open(key: &RsaPrivateKey, ld: &str, lk: &str) -> Option<Vec<u8>> {
    let mut sealed_key = base64::engine::general_purpose::STANDARD.decode(lk).ok()?;
    // The JavaScript library that most shops use drops leading zero bytes of the ciphertext.
    let missing = key.size().checked_sub(sealed_key.len())?;
    sealed_key.splice(0..0, std::iter::repeat_n(0, missing));
    let envelope = key.decrypt(Pkcs1v15Encrypt, &sealed_key).ok()?;
    let envelope: Envelope = serde_json::from_slice(&envelope).ok()?;
    let mut bytes = hex::decode(ld).ok()?;
    let counter = u128::from(envelope.s).to_be_bytes();
    ctr::Ctr128BE::<aes::Aes128>::new(&envelope.k.into(), &counter.into())
        .try_apply_keystream(&mut bytes)
        .ok()?;
    Some(bytes)
}

#[derive(Deserialize)]
struct Envelope {
    k: [u8; 16],
    s: u64,
}

#[derive(Deserialize)]
struct Content {
    card: Card,
    #[serde(default)]
    tokenize: Option<bool>,
    #[serde(default)]
    options: Option<Options>,
    #[serde(default, rename = "kountSession")]
    kount_session: Option<String>,
    #[serde(default)]
    token: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Card {
    card_holder: String,
    expiration_date: ExpirationDate,
    card_number: Value,
    cvc: Value,
    #[serde(default)]
    nickname: Option<String>,
}

#[derive(Deserialize)]
struct ExpirationDate {
    month: Value,
    year: Value,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Options {
    #[serde(default)]
    number_of_payments: Option<Value>,
}

impl Content {
    fn judge(self, now: (u16, u8)) -> Result<Unsealed, Unfit> {
        // Shops send numbers and texts alike.
        let pan = digits(&self.card.card_number).ok_or(Unfit::Pan)?;
        if !(12..=19).contains(&pan.len()) || !cards::passes_luhn(&pan) {
            return Err(Unfit::Pan);
        }
        let brand = cards::brand_of(&pan);
        let mut cvc = digits(&self.card.cvc).ok_or(Unfit::Cvc)?;
        let cvc_length = if brand == "Amex" { 4 } else { 3 };
        if self.card.cvc.is_number() {
            // A number has lost its leading zeros.
            cvc = format!("{cvc:0>cvc_length$}");
        }
        if cvc.len() != cvc_length {
            return Err(Unfit::Cvc);
        }
        let (year, month) = self
            .card
            .expiration_date
            .read()
            .ok_or(Unfit::ExpirationDate)?;
        if self.card.card_holder.trim().is_empty() {
            return Err(Unfit::CardHolder);
        }
        // The help centre: longer than 5 and shorter than 50 characters.
        if self
            .card
            .nickname
            .as_ref()
            .is_some_and(|nickname| !(6..50).contains(&nickname.chars().count()))
        {
            return Err(Unfit::Nickname);
        }
        let outcome = match cards::outcome_of(&pan) {
            Outcome::Approved if (year, month) < now => cards::DECLINES
                .iter()
                .find(|row| row.code == "54")
                .map_or(Outcome::Approved, Outcome::Declined),
            outcome => outcome,
        };
        Ok(Unsealed {
            bin: pan.get(..6).unwrap_or_default().to_owned(),
            last4: cards::last_four(&pan).to_owned(),
            brand,
            expiry: format!("{:02}{month:02}", year % 100),
            outcome,
            tokenize: self.tokenize.unwrap_or(false),
            nickname: self.card.nickname,
            installments: self
                .options
                .and_then(|options| options.number_of_payments)
                .and_then(|count| digits(&count)),
            has_kount_session: self
                .kount_session
                .is_some_and(|session| !session.is_empty()),
            token: self.token,
        })
    }
}

impl ExpirationDate {
    /// Year with four digits, and month.
    fn read(&self) -> Option<(u16, u8)> {
        let month: u8 = digits(&self.month)?.parse().ok()?;
        let year = digits(&self.year)?;
        let year: u16 = match year.len() {
            2 => year.parse::<u16>().ok()? + 2000,
            4 => year.parse().ok()?,
            _ => return None,
        };
        (1..=12).contains(&month).then_some((year, month))
    }
}

/// Decimal digits out of a text or a whole number.
fn digits(value: &Value) -> Option<String> {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        _ => return None,
    };
    let all_digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    all_digits.then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rsa::pkcs8::DecodePrivateKey;

    const NOW: (u16, u8) = (2026, 11);

    fn vectors() -> Value {
        let path = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../tests/vectors/greenpay_ld_lk.json"
        );
        serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
    }

    fn entries<'a>(vectors: &'a Value, list: &str) -> &'a Vec<Value> {
        vectors[list].as_array().unwrap()
    }

    fn text<'a>(value: &'a Value, name: &str) -> &'a str {
        value[name].as_str().unwrap()
    }

    fn key(vectors: &Value, name: &str) -> RsaPrivateKey {
        let pem = &vectors["rsa_keys"][name]["test_only_private_pkcs8_pem"];
        RsaPrivateKey::from_pkcs8_pem(pem.as_str().unwrap()).unwrap()
    }

    fn judge(json: &str) -> Result<Unsealed, Unfit> {
        serde_json::from_str::<Content>(json).unwrap().judge(NOW)
    }

    fn card(number: &str, expiry: &str, cvc: &str) -> String {
        format!(
            r#"{{"card":{{"cardHolder":"Marta Solano","expirationDate":{expiry},"cardNumber":{number},"cvc":{cvc}}}}}"#
        )
    }

    const NEXT_YEAR: &str = r#"{"month":12,"year":27}"#;

    #[test]
    fn every_published_pair_of_ld_and_lk_opens_to_its_card() {
        let vectors = vectors();
        let mut opened = 0;
        for lk in entries(&vectors, "lk") {
            let key = key(&vectors, text(lk, "key"));
            for ld in entries(&vectors, "ld") {
                if ld["pair"] != lk["pair"] {
                    continue;
                }
                let json = open(&key, text(ld, "ld"), text(lk, "lk")).unwrap();
                let card = entries(&vectors, "cards")
                    .iter()
                    .find(|card| card["name"] == ld["card"])
                    .unwrap();
                assert_eq!(
                    json,
                    text(card, "json").as_bytes(),
                    "{} {}",
                    ld["card"],
                    lk["producer"]
                );
                opened += 1;
            }
        }
        assert!(opened > 100, "only {opened} pairs were there to try");
    }

    #[test]
    fn a_ciphertext_that_lost_its_leading_zero_byte_opens_all_the_same() {
        use rand_from_seed::Seeded;
        let vectors = vectors();
        // Padding out of these seeds makes a ciphertext whose first byte is zero, one in 256.
        for (name, seed) in [
            ("rsa1024", 17_535_292_539_777_895_432),
            ("rsa2048", 4_547_214_129_047_523_525),
        ] {
            let key = key(&vectors, name);
            let pair = &entries(&vectors, "aes_pairs")[1];
            let ld = entries(&vectors, "ld")
                .iter()
                .find(|ld| ld["pair"] == pair["name"])
                .unwrap();
            let sealed = key
                .to_public_key()
                .encrypt(
                    &mut Seeded(seed),
                    Pkcs1v15Encrypt,
                    text(pair, "pair_json").as_bytes(),
                )
                .unwrap();
            assert_eq!(sealed[0], 0, "{name}: take another seed");
            let short = base64::engine::general_purpose::STANDARD.encode(&sealed[1..]);
            let full = base64::engine::general_purpose::STANDARD.encode(&sealed);
            let ld = text(ld, "ld");
            assert!(open(&key, ld, &full).is_some(), "{name}");
            assert_eq!(open(&key, ld, &short), open(&key, ld, &full), "{name}");
        }
    }

    #[test]
    fn another_key_opens_nothing() {
        let vectors = vectors();
        let lk = &entries(&vectors, "lk")[0];
        let ld = entries(&vectors, "ld")
            .iter()
            .find(|ld| ld["pair"] == lk["pair"])
            .unwrap();
        let other = key(&vectors, "rsa2048");
        assert_eq!(
            unseal(&other, text(ld, "ld"), text(lk, "lk"), NOW).unwrap_err(),
            Unfit::Unreadable
        );
    }

    #[test]
    fn every_card_of_the_vectors_is_taken_the_legacy_forms_included() {
        for card in entries(&vectors(), "cards") {
            let unsealed = judge(text(card, "json")).unwrap();
            assert_eq!(unsealed.bin.len(), 6, "{}", card["name"]);
            assert_eq!(unsealed.last4.len(), 4, "{}", card["name"]);
            assert_eq!(unsealed.expiry.len(), 4, "{}", card["name"]);
        }
    }

    #[test]
    fn options_of_the_card_object_are_read() {
        let unsealed = judge(
            r#"{"card":{"cardHolder":"Marta Solano","expirationDate":{"month":"1","year":"31"},"cardNumber":"378282246310005","cvc":"0123","nickname":"Tarjeta azul"},"tokenize":true,"options":{"numberOfPayments":"3"},"kountSession":"k"}"#,
        )
        .unwrap();
        assert_eq!(unsealed.brand, "Amex");
        assert_eq!(unsealed.expiry, "3101");
        assert!(unsealed.tokenize && unsealed.has_kount_session);
        assert_eq!(unsealed.installments.as_deref(), Some("3"));
        assert_eq!(unsealed.nickname.as_deref(), Some("Tarjeta azul"));
    }

    #[test]
    fn a_card_that_cannot_be_one_is_turned_away_with_the_reason() {
        let unfit = |json: String| judge(&json).unwrap_err();
        let pan = r#""4242424242424242""#;
        assert_eq!(
            unfit(card(r#""4242424242424241""#, NEXT_YEAR, r#""123""#)),
            Unfit::Pan
        );
        assert_eq!(
            unfit(card(r#""42424242424""#, NEXT_YEAR, r#""123""#)),
            Unfit::Pan
        );
        assert_eq!(
            unfit(card(r#""4242 4242 4242 4242""#, NEXT_YEAR, r#""123""#)),
            Unfit::Pan
        );
        assert_eq!(unfit(card("null", NEXT_YEAR, r#""123""#)), Unfit::Pan);
        assert_eq!(unfit(card(pan, NEXT_YEAR, r#""12""#)), Unfit::Cvc);
        assert_eq!(unfit(card(pan, NEXT_YEAR, r#""1234""#)), Unfit::Cvc);
        assert_eq!(
            unfit(card(r#""378282246310005""#, NEXT_YEAR, r#""123""#)),
            Unfit::Cvc
        );
        assert_eq!(
            unfit(card(pan, r#"{"month":13,"year":27}"#, r#""123""#)),
            Unfit::ExpirationDate
        );
        assert_eq!(
            unfit(card(pan, r#"{"month":1,"year":"027"}"#, r#""123""#)),
            Unfit::ExpirationDate
        );
        assert_eq!(
            unfit(card(pan, NEXT_YEAR, r#""123","nickname":"corto""#)),
            Unfit::Nickname
        );
    }

    #[test]
    fn an_expired_card_reaches_the_bank_and_is_declined_there() {
        let outcome = |expiry: &str| {
            judge(&card(r#""4242424242424242""#, expiry, "12"))
                .unwrap()
                .outcome
        };
        assert_eq!(outcome(r#"{"month":11,"year":26}"#), Outcome::Approved);
        assert!(
            matches!(outcome(r#"{"month":10,"year":26}"#), Outcome::Declined(row) if row.code == "54")
        );
    }

    #[test]
    fn nothing_that_is_not_a_sealed_card_makes_it_panic() {
        let vectors = vectors();
        let key = key(&vectors, "rsa1024");
        let lk = text(&entries(&vectors, "lk")[0], "lk");
        for (ld, lk) in [
            ("", ""),
            ("zz", lk),
            ("00", lk),
            ("0", lk),
            ("00", "AA=="),
            ("00", "not base64"),
            ("00", &"A".repeat(400)),
        ] {
            assert_eq!(
                unseal(&key, ld, lk, NOW).unwrap_err(),
                Unfit::Unreadable,
                "{ld} {lk}"
            );
        }
    }

    /// Randomness for padding that is the same in every run.
    mod rand_from_seed {
        use rsa::rand_core::{CryptoRng, Error, RngCore, impls};

        pub(super) struct Seeded(pub(super) u64);

        impl RngCore for Seeded {
            fn next_u32(&mut self) -> u32 {
                u32::try_from(self.next_u64() >> 32).unwrap()
            }
            fn next_u64(&mut self) -> u64 {
                self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
                crate::random::mixed(self.0)
            }
            fn fill_bytes(&mut self, bytes: &mut [u8]) {
                impls::fill_bytes_via_next(self, bytes);
            }
            fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Error> {
                self.fill_bytes(bytes);
                Ok(())
            }
        }

        impl CryptoRng for Seeded {}
    }
}
