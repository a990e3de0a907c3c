//! Which version of the API each operation is asked in: two are in use at once.

use std::fmt;

/// A version in a path, such as `2.5.1`: 1 to 4 numbers of 1 to 3 digits, with points between. `Display` is
/// that text.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Version(String);

impl Version {
    /// Reads a version; `None` unless it is in the form above.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let is_number = |part: &str| {
            (1..=3).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit())
        };
        let fits = text.split('.').count() <= 4 && text.split('.').all(is_number);
        fits.then(|| Self(text.to_owned()))
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The version of each operation.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Versions {
    /// Access tokens: 2.5.
    pub token: Version,
    /// Opening the identity widget: 2.5.
    pub widget_init: Version,
    /// What a purchase would cost: 2.5.1.
    pub calculate_interest: Version,
    /// Deposits: 2.5.1.
    pub deposit: Version,
    /// Authorizing: 2.5.1.
    pub authorization: Version,
    /// Releasing: 2.5, which the document does not say (its list of what moved to 2.5.1 leaves it out).
    pub release: Version,
    /// Capturing: 2.5, as [`Versions::release`].
    pub capture: Version,
    /// Returning: 2.5, as [`Versions::release`].
    pub returning: Version,
    /// Refunding: 2.5, as [`Versions::release`].
    pub refund: Version,
    /// The list of authorizations: 2.5.1.
    pub authorizations: Version,
    /// One authorization: 2.5.1.
    pub authorization_detail: Version,
    /// The list of captures: 2.5.1.
    pub captures: Version,
}

impl Default for Versions {
    /// As at each field.
    fn default() -> Self {
        let v2_5 = || Version("2.5".to_owned());
        let v2_5_1 = || Version("2.5.1".to_owned());
        Self {
            token: v2_5(),
            widget_init: v2_5(),
            calculate_interest: v2_5_1(),
            deposit: v2_5_1(),
            authorization: v2_5_1(),
            release: v2_5(),
            capture: v2_5(),
            returning: v2_5(),
            refund: v2_5(),
            authorizations: v2_5_1(),
            authorization_detail: v2_5_1(),
            captures: v2_5_1(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_numbers_and_never_more_of_a_path() {
        for text in ["2.5", "2.5.1", "3", "10.0.0.12"] {
            assert_eq!(
                Version::parse(text)
                    .map(|found| found.to_string())
                    .as_deref(),
                Some(text)
            );
        }
        for text in [
            "",
            ".",
            "2.",
            ".5",
            "2..5",
            "v2.5",
            "2.5/..",
            "2.5.1.0.0",
            "2.5555",
            "２",
        ] {
            assert_eq!(Version::parse(text), None, "{text:?}");
        }
    }
}
