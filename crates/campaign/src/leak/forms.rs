//! The forms in which a secret may be written.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};

use super::{Canary, Sort};

/// A form and the bytes to look for.
pub(super) type Form = (&'static str, Vec<u8>);

/// A shorter text would be found in innocent ones.
pub(super) const SHORTEST: usize = 8;
/// So much of something random is enough to know it by.
const PART: usize = 24;

impl Canary {
    pub(super) fn forms(&self) -> Vec<Form> {
        let mut forms = match self.sort {
            Sort::Pan => pan(&self.text),
            Sort::Cvc => cvc(&self.text),
            Sort::Lasting => whole(self.text.as_bytes()),
            Sort::Fleeting => fleeting(&self.text),
        };
        forms.retain(|(_, bytes)| bytes.len() >= SHORTEST);
        forms
    }
}

fn pan(digits: &str) -> Vec<Form> {
    let mut forms = whole(digits.as_bytes());
    for groups in [&[4, 4, 4, 4, 4][..], &[4, 6, 5], &[4, 6, 4], &[6, 13]] {
        for (form, gap) in [
            ("grouped by spaces", " "),
            ("grouped by dashes", "-"),
            ("grouped, URL-encoded", "%20"),
            ("grouped, form-encoded", "+"),
        ] {
            let grouped = grouped(digits, groups, gap);
            if grouped != digits && !forms.iter().any(|(_, known)| known == grouped.as_bytes()) {
                forms.push((form, grouped.into_bytes()));
            }
        }
    }
    forms
}

fn grouped(digits: &str, groups: &[usize], gap: &str) -> String {
    let mut parts = Vec::new();
    let mut rest = digits;
    for size in groups {
        let (part, after) = rest.split_at((*size).min(rest.len()));
        if !part.is_empty() {
            parts.push(part);
        }
        rest = after;
    }
    if !rest.is_empty() {
        parts.push(rest);
    }
    parts.join(gap)
}

fn cvc(digits: &str) -> Vec<Form> {
    let mut forms = Vec::new();
    for word in ["cvc", "cvv", "Cvc", "CVC", "securityCode", "security_code"] {
        let quoted = format!("\"{word}\":\"{digits}\"");
        for text in [
            quoted.clone(),
            format!("\"{word}\": \"{digits}\""),
            format!("?{word}={digits}"),
            format!("&{word}={digits}"),
            format!(" {word}={digits}"),
            format!("\"{word}={digits}"),
            format!("{word}: {digits}"),
            format!("{word}: \"{digits}\""),
            format!("{word}(\"{digits}\")"),
        ] {
            forms.push(("beside its name", text.into_bytes()));
        }
        let escaped = quoted.replace('"', "\\\"");
        forms.push(("beside its name, JSON-escaped", escaped.into_bytes()));
        forms.push(("beside its name, hex", hex::encode(&quoted).into_bytes()));
        forms.extend(base64_forms(quoted.as_bytes()));
    }
    forms
}

/// Of a secret of which every part is known to be one.
fn whole(bytes: &[u8]) -> Vec<Form> {
    let mut forms = vec![
        ("plain", bytes.to_vec()),
        ("hex", hex::encode(bytes).into_bytes()),
        ("hex, capitals", hex::encode_upper(bytes).into_bytes()),
    ];
    let urlencoded = urlencoded(bytes);
    if urlencoded != bytes {
        forms.push(("URL-encoded", urlencoded));
    }
    if let Ok(text) = std::str::from_utf8(bytes)
        && text.contains('/')
    {
        forms.push(("JSON-escaped", text.replace('/', "\\/").into_bytes()));
    }
    forms.extend(base64_forms(bytes));
    forms
}

/// Of a long random text: its beginning, middle and end as they are, its middle in every other form,
/// and what it stands for if it is hex or base64 itself.
fn fleeting(text: &str) -> Vec<Form> {
    let bytes = text.as_bytes();
    if bytes.len() <= 2 * PART {
        let mut forms = whole(bytes);
        forms.extend(bare(text).map(|bytes| ("decoded", bytes)));
        return forms;
    }
    let part = |from: usize| bytes.get(from..from + PART).unwrap_or_default();
    let middle = part((bytes.len() - PART) / 2);
    let mut forms = whole(middle);
    // A client token begins with a version and the name of its key, which are no secrets.
    let random_from = text.rfind('.').map_or(0, |dot| dot + 1);
    for from in [random_from, bytes.len() - PART] {
        if from + PART <= bytes.len() {
            forms.push(("plain", part(from).to_vec()));
        }
    }
    if let Some(decoded) = bare(text)
        && decoded.len() >= PART
    {
        let from = (decoded.len() - PART) / 2;
        forms.extend(
            decoded
                .get(from..from + PART)
                .map(|part| ("decoded", part.to_vec())),
        );
    }
    forms
}

/// The bytes that a text in hex or base64, or a UUID, stands for.
fn bare(text: &str) -> Option<Vec<u8>> {
    let without_dashes = text.replace('-', "");
    let from_hex = if text.len() == 36 {
        hex::decode(without_dashes).ok()
    } else {
        hex::decode(text).ok()
    };
    from_hex.or_else(|| STANDARD.decode(text).ok())
}

fn urlencoded(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    for byte in bytes {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(byte) {
            out.push(*byte);
        } else {
            out.extend(format!("%{byte:02X}").into_bytes());
        }
    }
    out
}

/// `bytes` as they look inside of longer bytes in base64, at each of the three places where they may
/// begin, in both alphabets.
fn base64_forms(bytes: &[u8]) -> Vec<Form> {
    let mut forms = Vec::new();
    for before in 0..3_usize {
        let mut padded = vec![0; before];
        padded.extend_from_slice(bytes);
        // Characters that depend on what stands before or after are left off.
        let from = (before * 8).div_ceil(6);
        let to = padded.len() * 8 / 6;
        for (form, engine) in [("base64", &STANDARD), ("base64, URL alphabet", &URL_SAFE)] {
            let text = engine.encode(&padded);
            let Some(inner) = text.get(from..to) else {
                continue;
            };
            if !forms
                .iter()
                .any(|(_, known): &Form| known == inner.as_bytes())
            {
                forms.push((form, inner.as_bytes().to_vec()));
            }
        }
    }
    forms
}
