//! The vector files: `greenpay_ld_lk.json` and `greenpay_signature.json`.
//!
//! They are read from the folder that `VENTANILLA_VECTORS` names, else from `tests/vectors` of this
//! project. Any files of the same shape do; nothing here knows their names or numbers.

use std::collections::BTreeMap;
use std::path::PathBuf;

use rsa::RsaPrivateKey;
use rsa::pkcs8::DecodePrivateKey as _;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use ventanilla_core::seal::MIN_BITS;

#[derive(Deserialize)]
pub struct LdLk {
    pub rsa_keys: BTreeMap<String, RsaKey>,
    pub aes_pairs: Vec<AesPair>,
    pub cards: Vec<CardVector>,
    pub ld: Vec<LdVector>,
    pub lk: Vec<LkVector>,
}

#[derive(Deserialize)]
pub struct RsaKey {
    pub bits: u32,
    pub public_spki_pem: String,
    pub public_spki_base64_one_line: String,
    pub test_only_private_pkcs8_pem: String,
}

#[derive(Deserialize)]
pub struct AesPair {
    pub name: String,
    pub k: [u8; 16],
    pub s: u8,
    pub pair_json: String,
}

#[derive(Deserialize)]
pub struct CardVector {
    pub name: String,
    pub json: String,
    pub utf8_hex: String,
}

#[derive(Deserialize)]
pub struct LdVector {
    pub card: String,
    pub pair: String,
    pub ld: String,
}

#[derive(Deserialize)]
pub struct LkVector {
    pub key: String,
    pub pair: String,
    pub producer: String,
    pub lk: String,
}

#[derive(Deserialize)]
pub struct Signatures {
    /// What is signed for each kind of answer.
    pub string_format: BTreeMap<String, String>,
    pub public_keys: BTreeMap<String, PublicKey>,
    pub vectors: Vec<SignatureVector>,
    pub published_gateway_samples: Published,
}

#[derive(Deserialize)]
pub struct PublicKey {
    pub public_spki_pem: String,
}

#[derive(Deserialize)]
pub struct SignatureVector {
    pub name: String,
    pub kind: String,
    pub key: String,
    pub response: Map<String, Value>,
    pub expect: Expect,
}

#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "lowercase")]
pub enum Expect {
    Valid,
    Invalid,
    Either,
}

#[derive(Deserialize)]
pub struct Published {
    pub recovered_public_key_spki_pem: String,
    pub samples: Vec<Sample>,
}

#[derive(Deserialize)]
pub struct Sample {
    pub source: String,
    pub kind: String,
    pub signed_string: String,
    pub signature: String,
    pub verifies_with_recovered_key: bool,
}

impl LdLk {
    pub fn read() -> Self {
        let file: Self = read("greenpay_ld_lk.json");
        assert!(!file.rsa_keys.is_empty(), "no keys");
        assert!(!file.aes_pairs.is_empty(), "no pairs");
        assert!(!file.cards.is_empty(), "no cards");
        assert!(!file.ld.is_empty(), "no ld");
        assert!(!file.lk.is_empty(), "no lk");
        file
    }

    /// The private key with the fewest bits that may be sealed to.
    pub fn shortest_key(&self) -> RsaPrivateKey {
        let key = self
            .rsa_keys
            .values()
            .filter(|key| key.bits >= MIN_BITS)
            .min_by_key(|key| key.bits)
            .expect("a key that may be sealed to");
        RsaPrivateKey::from_pkcs8_pem(&key.test_only_private_pkcs8_pem).unwrap()
    }

    pub fn pair(&self, name: &str) -> &AesPair {
        self.aes_pairs
            .iter()
            .find(|pair| pair.name == name)
            .unwrap_or_else(|| panic!("no pair {name}"))
    }

    pub fn card(&self, name: &str) -> &CardVector {
        self.cards
            .iter()
            .find(|card| card.name == name)
            .unwrap_or_else(|| panic!("no card {name}"))
    }
}

impl Signatures {
    pub fn read() -> Self {
        let file: Self = read("greenpay_signature.json");
        assert!(!file.string_format.is_empty(), "no formats");
        assert!(!file.public_keys.is_empty(), "no keys");
        assert!(!file.vectors.is_empty(), "no vectors");
        assert!(
            !file.published_gateway_samples.samples.is_empty(),
            "no published samples"
        );
        file
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "a test that may be pointed at other vectors; nothing that ships reads this variable"
)]
fn read<T: DeserializeOwned>(file: &str) -> T {
    let folder = std::env::var_os("VENTANILLA_VECTORS").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/vectors"),
        PathBuf::from,
    );
    let path = folder.join(file);
    let text = std::fs::read_to_string(&path)
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
