//! The inputs of a call: read one by one, and what is wrong is told all at once.

use std::collections::BTreeMap;

use serde_json::value::RawValue;

use crate::amount::Amount;

use super::refusal::{Code, Refusal, WrongField};

/// No purchase is as large; sums of them stay exact.
const MOST_CENTS: u64 = 9_999_999_999_999;

/// Values by name, each as the text of its JSON: a decimal is never anything but its text.
#[derive(Debug, Default)]
pub(super) struct Body(BTreeMap<String, Box<RawValue>>);

impl Body {
    pub(super) fn of_json(bytes: &[u8]) -> Option<Self> {
        serde_json::from_slice(bytes).ok().map(Self)
    }

    pub(super) fn of_texts(texts: &BTreeMap<String, String>) -> Self {
        let values = texts.iter().filter_map(|(name, value)| {
            let value = serde_json::value::to_raw_value(value).ok()?;
            Some((name.clone(), value))
        });
        Self(values.collect())
    }

    /// The JSON of a value that is there and not `null`.
    pub(super) fn raw(&self, name: &str) -> Option<&str> {
        let raw = self.0.get(name)?.get();
        (raw != "null").then_some(raw)
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.raw(name).is_some()
    }

    pub(super) fn text(&self, name: &str) -> Option<String> {
        serde_json::from_str(self.raw(name)?).ok()
    }
}

/// Reads inputs and remembers which are wrong.
pub(super) struct Inputs<'a> {
    body: &'a Body,
    /// `billing_information.`, or nothing.
    within: &'static str,
    wrong: Vec<WrongField>,
}

impl<'a> Inputs<'a> {
    pub(super) const fn of(body: &'a Body) -> Self {
        Self {
            body,
            within: "",
            wrong: Vec::new(),
        }
    }

    pub(super) fn body(&self) -> &Body {
        self.body
    }

    /// Notes that an input is not as it should be.
    pub(super) fn object_to(&mut self, name: &str, problem: &'static str) {
        // What opens something is not told back.
        let secret = matches!(name, "vcc_number" | "verification_code");
        let value = self.body.raw(name).filter(|_| !secret);
        self.wrong.push(WrongField {
            param: format!("{}{name}", self.within),
            problem,
            value: value.unwrap_or("null").to_owned(),
        });
    }

    /// An input that has to be there.
    pub(super) fn need<T>(&mut self, name: &str, read: Option<T>) -> Option<T> {
        if read.is_none() && !self.body.has(name) {
            self.object_to(name, "required");
        }
        read
    }

    /// An input that may be missing, but not be anything.
    fn read<T>(&mut self, name: &str, read: impl FnOnce(&str) -> Option<T>) -> Option<T> {
        let raw = self.body.raw(name)?;
        let value = read(raw);
        if value.is_none() {
            self.object_to(name, "invalid");
        }
        value
    }

    /// Text of at most `longest` characters.
    pub(super) fn text(&mut self, name: &str, longest: usize) -> Option<String> {
        self.read(name, |raw| {
            let text: String = serde_json::from_str(raw).ok()?;
            (text.chars().count() <= longest).then_some(text)
        })
    }

    /// Text that is one of a few.
    pub(super) fn one_of(&mut self, name: &str, values: &[&str]) -> Option<String> {
        self.read(name, |raw| {
            let text: String = serde_json::from_str(raw).ok()?;
            values.contains(&text.as_str()).then_some(text)
        })
    }

    pub(super) fn flag(&mut self, name: &str) -> Option<bool> {
        self.read(name, |raw| serde_json::from_str(raw).ok())
    }

    /// A whole number; `may_be_text` lets its digits be text.
    pub(super) fn number(&mut self, name: &str, may_be_text: bool) -> Option<u64> {
        self.read(name, |raw| digits(raw, may_be_text)?.parse().ok())
    }

    /// The digits of a code, which may have come as a number.
    pub(super) fn code(&mut self, name: &str) -> Option<String> {
        self.read(name, |raw| digits(raw, true))
    }

    /// Dollars, above zero and with at most two decimals, in cents.
    pub(super) fn amount(&mut self, name: &str, may_be_text: bool) -> Option<u64> {
        self.read(name, |raw| read_amount(raw, may_be_text))
    }

    /// An object inside.
    pub(super) fn object(&mut self, name: &str) -> Option<Body> {
        self.read(name, |raw| Body::of_json(raw.as_bytes()))
    }

    /// The inputs of an object inside; what is wrong with them is to be given to [`Inputs::join`].
    pub(super) const fn inside<'b>(body: &'b Body, within: &'static str) -> Inputs<'b> {
        Inputs {
            body,
            within,
            wrong: Vec::new(),
        }
    }

    pub(super) fn join(&mut self, inner: Vec<WrongField>) {
        self.wrong.extend(inner);
    }

    pub(super) fn wrong(self) -> Vec<WrongField> {
        self.wrong
    }

    /// What was read, unless an input was wrong.
    pub(super) fn end<T>(self, value: Option<T>) -> Result<T, Refusal> {
        match value {
            Some(value) if self.wrong.is_empty() => Ok(value),
            _ => Err(Refusal {
                code: Code::WrongInputs,
                fields: self.wrong,
            }),
        }
    }
}

fn digits(raw: &str, may_be_text: bool) -> Option<String> {
    let text: String = if raw.starts_with('"') {
        if !may_be_text {
            return None;
        }
        serde_json::from_str(raw).ok()?
    } else {
        raw.to_owned()
    };
    let all = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    all.then_some(text)
}

fn read_amount(raw: &str, may_be_text: bool) -> Option<u64> {
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
    let cents = Amount::read_text(&text).ok()?.hundredths();
    (cents <= MOST_CENTS).then_some(cents)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(json: &str) -> Body {
        Body::of_json(json.as_bytes()).unwrap()
    }

    #[test]
    fn an_amount_is_read_from_its_text() {
        let read = |json: &str, as_text| {
            let body = body(&format!("{{\"amount\":{json}}}"));
            Inputs::of(&body).amount("amount", as_text)
        };
        assert_eq!(read("2000.1", false), Some(200_010));
        assert_eq!(read("99999999999.99", false), Some(9_999_999_999_999));
        assert_eq!(read("\"10.00\"", true), Some(1_000));
        for refused in [
            "\"10.00\"",
            "0",
            "-1",
            "1.005",
            "1e3",
            "100000000000",
            "true",
            "[]",
        ] {
            assert_eq!(read(refused, false), None, "{refused}");
        }
    }

    #[test]
    fn what_is_wrong_is_told_with_its_place_but_for_what_opens_something() {
        let body = body(r#"{"amount":-1,"vcc_number":7,"auto_capture":"x"}"#);
        let mut inputs = Inputs::of(&body);
        inputs.amount("amount", false);
        inputs.text("vcc_number", 16);
        inputs.flag("auto_capture");
        let reference = inputs.text("reference", 40);
        assert_eq!(inputs.need("reference", reference), None);
        let refusal = inputs.end(Some(())).unwrap_err();
        let told: Vec<_> = refusal
            .fields
            .iter()
            .map(|it| (it.param.as_str(), it.problem, it.value.as_str()))
            .collect();
        assert_eq!(
            told,
            [
                ("amount", "invalid", "-1"),
                ("vcc_number", "invalid", "null"),
                ("auto_capture", "invalid", "\"x\""),
                ("reference", "required", "null"),
            ]
        );
    }

    #[test]
    fn a_code_keeps_the_digits_it_came_with() {
        let mut codes = ["1234", "\"0042\""].map(|json| {
            let body = body(&format!("{{\"verification_code\":{json}}}"));
            Inputs::of(&body).code("verification_code")
        });
        assert_eq!(codes[0].take().as_deref(), Some("1234"));
        assert_eq!(codes[1].take().as_deref(), Some("0042"));
    }
}
