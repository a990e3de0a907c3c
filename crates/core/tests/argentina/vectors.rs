//! The vector files: `argentina_ids.json` and `emv_qr.json`.
//!
//! They are read from the folder that `VENTANILLA_VECTORS` names, else from `tests/vectors` of this
//! project. Any files of the same shape do. Reasons are compared with ours for our own files only:
//! where a text is wrong in two ways, either may be named.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Deserialize;
use serde::de::DeserializeOwned;

#[derive(Deserialize)]
pub struct Ids {
    pub valid: Vec<ValidId>,
    pub invalid: Vec<InvalidId>,
    pub disputed: Vec<DisputedId>,
    pub undetectable: Vec<UndetectableId>,
}

#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "lowercase")]
pub enum IdKind {
    Alias,
    Cbu,
    Cuit,
    Cvu,
}

#[derive(Deserialize)]
pub struct ValidId {
    pub id: String,
    pub kind: IdKind,
    pub input: String,
    pub normalized: String,
    #[serde(default)]
    pub parts: BTreeMap<String, String>,
    pub comparison_key: Option<String>,
}

#[derive(Deserialize)]
pub struct InvalidId {
    pub id: String,
    pub kind: IdKind,
    pub input: String,
    pub reason: String,
}

#[derive(Deserialize)]
pub struct DisputedId {
    pub id: String,
    pub kind: IdKind,
    pub input: String,
    pub strict: Verdict,
    pub lenient: Verdict,
}

#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    Accept,
    Reject,
}

#[derive(Deserialize)]
pub struct UndetectableId {
    pub id: String,
    pub kind: IdKind,
    pub original: String,
    pub typo: String,
}

#[derive(Deserialize)]
pub struct Codes {
    pub valid: Vec<ValidCode>,
    pub invalid: Vec<InvalidCode>,
    pub quirks: Vec<Quirk>,
}

#[derive(Deserialize)]
pub struct ValidCode {
    pub id: String,
    pub profile: String,
    pub payload: String,
    pub expect: Expected,
}

#[derive(Deserialize)]
pub struct Expected {
    pub initiation: Option<String>,
    pub currency: String,
    pub amount: Option<String>,
    pub country: String,
    pub merchant_name: String,
    pub merchant_city: String,
    pub mcc: String,
    pub crc: String,
    pub reverse_domains: Vec<String>,
    pub tax_id: Option<String>,
    pub account: Option<String>,
    pub objects: Vec<(String, String)>,
    #[serde(default)]
    pub templates: BTreeMap<String, Vec<(String, String)>>,
}

#[derive(Deserialize)]
pub struct InvalidCode {
    pub id: String,
    pub reason: String,
    pub payload: String,
    pub crc_fits: bool,
    pub expected_amount: Option<String>,
}

#[derive(Deserialize)]
pub struct Quirk {
    pub id: String,
    pub payload: String,
    pub strict_errors: Vec<String>,
    pub warnings: Vec<String>,
    pub after_trim: Option<String>,
}

impl Ids {
    pub fn read() -> Self {
        let file: Self = read("argentina_ids.json");
        assert!(!file.valid.is_empty(), "nothing valid");
        assert!(!file.invalid.is_empty(), "nothing invalid");
        file
    }
}

impl Codes {
    pub fn read() -> Self {
        let file: Self = read("emv_qr.json");
        assert!(!file.valid.is_empty(), "nothing valid");
        assert!(!file.invalid.is_empty(), "nothing invalid");
        assert!(!file.quirks.is_empty(), "no quirks");
        file
    }

    /// Valid codes of the Argentine scheme.
    pub fn argentine(&self) -> impl Iterator<Item = &ValidCode> {
        self.valid.iter().filter(|code| code.profile == "ar")
    }
}

/// Whether the files are this project's own.
pub fn are_ours() -> bool {
    other_folder().is_none()
}

#[expect(
    clippy::disallowed_methods,
    reason = "a test that may be pointed at other vectors; nothing that ships reads this variable"
)]
fn other_folder() -> Option<PathBuf> {
    std::env::var_os("VENTANILLA_VECTORS").map(PathBuf::from)
}

fn read<T: DeserializeOwned>(file: &str) -> T {
    let folder = other_folder()
        .unwrap_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/vectors"));
    let path = folder.join(file);
    let text = std::fs::read_to_string(&path)
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
