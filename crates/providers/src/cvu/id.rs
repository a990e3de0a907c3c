//! The provider's numbers. They come as numbers or as text and are kept as text.

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        ///
        /// 1 to 19 ASCII digits, the first of them not zero. `Display` is those digits.
        #[derive(Clone, Debug, Eq, Hash, PartialEq)]
        pub struct $name(String);

        impl $name {
            /// Reads the digits; `None` when the text is anything else.
            #[must_use]
            pub fn parse(text: &str) -> Option<Self> {
                is_id(text).then(|| Self(text.to_owned()))
            }

            /// The digits.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

id! {
    /// Names a credited payment, and nothing before it is credited.
    CashInId
}
id! {
    /// Names a transfer out of the merchant's account.
    CashOutId
}
id! {
    /// Names a payment link.
    LinkId
}
id! {
    /// Names what a dynamic QR code, or the closed static one of a sale point, asks to pay.
    QrOrderId
}
id! {
    /// Names a sale point.
    SalePointId
}

// Zero is how the provider says "none". One number has one text, so that two texts are two numbers.
fn is_id(text: &str) -> bool {
    (1..=19).contains(&text.len())
        && !text.starts_with('0')
        && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_digits_and_never_more_of_a_path() {
        assert_eq!(
            LinkId::parse("900001").map(|id| id.to_string()).as_deref(),
            Some("900001")
        );
        for text in [
            "",
            "0",
            "00",
            "0900001",
            "-1",
            "1.0",
            "1e5",
            "1/../2",
            "１",
            "12345678901234567890",
        ] {
            assert_eq!(LinkId::parse(text), None, "{text:?}");
        }
    }
}
