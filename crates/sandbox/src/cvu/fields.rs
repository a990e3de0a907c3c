//! The parameters of a call: a JSON object, or a query.

use std::collections::BTreeMap;

use serde_json::value::RawValue;

use crate::amount::Amount;

/// Values by name, each as the text of its JSON: a decimal is never anything but its text.
#[derive(Debug, Default)]
pub(super) struct Fields(BTreeMap<String, Box<RawValue>>);

impl Fields {
    /// Of a body; none when it is there and is no JSON object.
    pub(super) fn of_json(body: &[u8]) -> Option<Self> {
        if body.iter().all(u8::is_ascii_whitespace) {
            return Some(Self::default());
        }
        serde_json::from_slice(body).ok().map(Self)
    }

    pub(super) fn of_query(query: BTreeMap<String, String>) -> Self {
        let values = query.into_iter().filter_map(|(name, value)| {
            let value = serde_json::value::to_raw_value(&value).ok()?;
            Some((name, value))
        });
        Self(values.collect())
    }

    /// The JSON of a value that is there and not `null`.
    pub(super) fn raw(&self, name: &str) -> Option<&str> {
        let raw = self.0.get(name)?.get();
        (raw != "null").then_some(raw)
    }

    /// Text; of a number its digits.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        let raw = self.raw(name)?;
        if raw.starts_with('"') {
            serde_json::from_str(raw).ok()
        } else {
            let is_number = raw.starts_with(|c: char| c == '-' || c.is_ascii_digit());
            is_number.then(|| raw.to_owned())
        }
    }

    /// Text that is not blank.
    pub(super) fn filled(&self, name: &str) -> Option<String> {
        self.text(name).filter(|text| !text.trim().is_empty())
    }

    /// A whole number, or its digits as text.
    pub(super) fn id(&self, name: &str) -> Option<u64> {
        self.text(name)?.parse().ok()
    }

    pub(super) fn flag(&self, name: &str) -> Option<bool> {
        serde_json::from_str(self.raw(name)?).ok()
    }

    /// An amount above zero with at most two decimals, and no more than any account holds.
    pub(super) fn amount(&self, name: &str, may_be_text: bool) -> Option<Amount> {
        read_amount(self.raw(name)?, may_be_text)
    }

    /// A list of objects; an empty one when it is not there.
    pub(super) fn objects(&self, name: &str) -> Option<Vec<Self>> {
        let Some(raw) = self.raw(name) else {
            return Some(Vec::new());
        };
        let objects: Vec<BTreeMap<String, Box<RawValue>>> = serde_json::from_str(raw).ok()?;
        Some(objects.into_iter().map(Self).collect())
    }
}

/// No transfer is as large; sums of them stay exact.
const MOST_HUNDREDTHS: u64 = 9_999_999_999_999;

fn read_amount(raw: &str, may_be_text: bool) -> Option<Amount> {
    let text: String = if raw.starts_with('"') {
        if !may_be_text {
            return None;
        }
        serde_json::from_str(raw).ok()?
    } else {
        raw.to_owned()
    };
    if !text.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    Amount::read_text(&text)
        .ok()
        .filter(|amount| amount.hundredths() <= MOST_HUNDREDTHS)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(json: &str) -> Fields {
        Fields::of_json(json.as_bytes()).unwrap()
    }

    #[test]
    fn an_amount_is_read_from_its_text() {
        let read = |json: &str, may_be_text| {
            fields(&format!("{{\"amount\":{json}}}"))
                .amount("amount", may_be_text)
                .map(Amount::two_decimals)
        };
        assert_eq!(read("1500.5", false).as_deref(), Some("1500.50"));
        assert_eq!(
            read("99999999999.99", false).as_deref(),
            Some("99999999999.99")
        );
        assert_eq!(read("\"1500.50\"", true).as_deref(), Some("1500.50"));
        for refused in [
            "\"1500.50\"",
            "0",
            "-1",
            "1.005",
            "1e3",
            "100000000000",
            "null",
            "true",
        ] {
            assert_eq!(read(refused, false), None, "{refused}");
        }
    }

    #[test]
    fn ids_come_as_numbers_and_as_text() {
        assert_eq!(fields(r#"{"id":7}"#).id("id"), Some(7));
        assert_eq!(fields(r#"{"id":"7"}"#).id("id"), Some(7));
        assert_eq!(fields(r#"{"id":"x"}"#).id("id"), None);
        assert_eq!(fields(r#"{"id":null}"#).id("id"), None);
    }

    #[test]
    fn what_is_no_object_is_no_body() {
        assert!(Fields::of_json(b"").is_some());
        assert!(Fields::of_json(b"[1]").is_none());
        assert!(Fields::of_json(b"{").is_none());
    }
}
