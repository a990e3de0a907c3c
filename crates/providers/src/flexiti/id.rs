//! Names: the provider's numbers, our references, and the name of a flow of calls.

use std::fmt;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $max:literal) => {
        $(#[$doc])*
        ///
        #[doc = concat!("1 to ", $max, " ASCII digits, the first of them not zero. `Display` is those digits.")]
        #[derive(Clone, Debug, Eq, Hash, PartialEq)]
        pub struct $name(String);

        impl $name {
            /// Reads the digits; `None` when the text is anything else.
            #[must_use]
            pub fn parse(text: &str) -> Option<Self> {
                is_number(text, $max).then(|| Self(text.to_owned()))
            }

            /// The digits.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

id! {
    /// Names an authorization.
    AuthorizationId, 16
}
id! {
    /// Names a capture. The document says up to 9 digits; more are read.
    CaptureId, 16
}
id! {
    /// Names a release.
    ReleaseId, 16
}
id! {
    /// Names a return.
    ReturnId, 16
}

// One number has one text, so that two texts are two numbers. Zero is how the provider says "unknown".
pub(super) fn is_number(text: &str, max: usize) -> bool {
    (1..=max).contains(&text.len())
        && !text.starts_with('0')
        && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Our name for one operation, unique for ever: 1 to 40 of `A-Z a-z 0-9 _ -`. `Display` is that text.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Reference(String);

impl Reference {
    /// Reads a reference; `None` unless it is in the form above.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let fits = (1..=40).contains(&text.len())
            && text
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-');
        fits.then(|| Self(text.to_owned()))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Names a flow of calls to the provider's support, in `x-reference-id`: a GUID. No secret, and nothing that
/// calls are told apart by.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct FlowId([u8; 16]);

impl FlowId {
    /// A GUID of version 4 (RFC 9562, 5.4) from random bytes.
    #[must_use]
    pub const fn from_random(mut bytes: [u8; 16]) -> Self {
        bytes[6] = bytes[6] & 0x0f | 0x40;
        bytes[8] = bytes[8] & 0x3f | 0x80;
        Self(bytes)
    }

    /// Reads a GUID with hyphens or without; `None` when the text is anything else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let digits: String = match text.len() {
            32 => text.to_owned(),
            36 => {
                let hyphens = [8, 13, 18, 23].map(|at| text.as_bytes().get(at) == Some(&b'-'));
                if hyphens != [true; 4] {
                    return None;
                }
                text.replace('-', "")
            }
            _ => return None,
        };
        let mut bytes = [0; 16];
        hex::decode_to_slice(digits, &mut bytes).ok()?;
        Some(Self(bytes))
    }

    /// In lower-case hex, with hyphens or without.
    #[must_use]
    pub fn text(self, hyphenated: bool) -> String {
        let mut text = hex::encode(self.0);
        if hyphenated {
            for at in [20, 16, 12, 8] {
                text.insert(at, '-');
            }
        }
        text
    }
}

/// The language of what a buyer is told.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Lang {
    /// English.
    #[default]
    En,
    /// French.
    Fr,
}

impl Lang {
    pub(super) const fn code(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::Fr => "fr",
        }
    }
}

/// What every call says besides what it asks.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Flow {
    /// The flow that the call belongs to.
    pub id: FlowId,
    /// The language of its messages.
    pub lang: Lang,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_digits_and_never_more_of_a_path() {
        assert!(AuthorizationId::parse("1234567890123456").is_some());
        for text in [
            "",
            "0",
            "0900001",
            "-1",
            "1.0",
            "1e5",
            "1/../2",
            "１",
            "12345678901234567",
        ] {
            assert_eq!(AuthorizationId::parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn a_reference_is_forty_harmless_characters_at_most() {
        assert!(Reference::parse(&"a".repeat(40)).is_some());
        for text in ["", "a b", "é", "a/b", "a\n", &"a".repeat(41)] {
            assert_eq!(Reference::parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn a_flow_is_named_with_hyphens_or_without() {
        let text = "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee";
        let flow = FlowId::parse(text).unwrap();
        assert_eq!(flow.text(true), text);
        assert_eq!(flow.text(false), text.replace('-', ""));
        assert_eq!(FlowId::parse(&flow.text(false)), Some(flow));
        let random = FlowId::from_random([0xff; 16]).text(true);
        assert_eq!(random, "ffffffff-ffff-4fff-bfff-ffffffffffff");
        for text in [
            "",
            "x",
            "aaaaaaaabbbb-4ccc-8ddd--eeeeeeeeeeee",
            &"g".repeat(32),
        ] {
            assert_eq!(FlowId::parse(text), None, "{text:?}");
        }
    }
}
