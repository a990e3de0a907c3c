//! JSON that is written by hand, so that no amount ever becomes a binary number.

use std::fmt::Write as _;

use crate::call::to_json;

/// A JSON object in the making.
#[derive(Debug)]
pub(super) struct Object(String);

impl Object {
    /// `{}` to be filled.
    pub(super) fn new() -> Self {
        Self(String::from("{"))
    }

    /// A value that is JSON already.
    pub(super) fn raw(mut self, name: &str, json: &str) -> Self {
        if self.0.len() > 1 {
            self.0.push(',');
        }
        // Writing to a String cannot fail.
        let _ = write!(self.0, "{}:{json}", to_json(&name));
        self
    }

    pub(super) fn text(self, name: &str, text: &str) -> Self {
        self.raw(name, &to_json(&text))
    }

    /// Text, or `null`.
    pub(super) fn maybe(self, name: &str, text: Option<&str>) -> Self {
        self.raw(name, &to_json(&text))
    }

    pub(super) fn number(self, name: &str, number: u64) -> Self {
        self.raw(name, &number.to_string())
    }

    pub(super) fn flag(self, name: &str, flag: bool) -> Self {
        self.raw(name, if flag { "true" } else { "false" })
    }

    pub(super) fn end(mut self) -> String {
        self.0.push('}');
        self.0
    }
}

/// A JSON list of what is JSON already.
pub(super) fn list(items: impl IntoIterator<Item = String>) -> String {
    let items: Vec<String> = items.into_iter().collect();
    format!("[{}]", items.join(","))
}

/// `0.0999` of ten-thousandths, as JavaScript prints the number.
pub(super) fn rate(ten_thousandths: u32) -> String {
    let text = format!(
        "{}.{:04}",
        ten_thousandths / 10_000,
        ten_thousandths % 10_000
    );
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_a_fraction() {
        assert_eq!(rate(999), "0.0999");
        assert_eq!(rate(3_100), "0.31");
        assert_eq!(rate(0), "0");
        assert_eq!(rate(10_000), "1");
    }

    #[test]
    fn an_object_holds_what_was_put_in() {
        let object = Object::new()
            .text("a\"", "<b>")
            .maybe("c", None)
            .flag("d", true);
        assert_eq!(
            object.number("e", 7).end(),
            r#"{"a\"":"<b>","c":null,"d":true,"e":7}"#
        );
        assert_eq!(list([]), "[]");
    }
}
