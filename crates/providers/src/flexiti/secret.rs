//! What nobody may print, log or serialise: numbers of accounts and cards, dates of birth, tokens, sessions.

use std::fmt;

use secrecy::{ExposeSecret, SecretString};

use super::id::is_number;
use crate::moment::Moment;

macro_rules! secret {
    ($(#[$doc:meta])* $name:ident, $fits:expr) => {
        $(#[$doc])*
        ///
        /// `Debug` shows nothing of it.
        #[derive(Clone)]
        pub struct $name(SecretString);

        impl $name {
            /// Reads the text; `None` unless it is as above.
            #[must_use]
            pub fn parse(text: &str) -> Option<Self> {
                let fits: fn(&str) -> bool = $fits;
                fits(text).then(|| Self(SecretString::from(text)))
            }

            /// The text.
            #[must_use]
            pub fn expose(&self) -> &str {
                self.0.expose_secret()
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($name), "(..)"))
            }
        }

        impl PartialEq for $name {
            fn eq(&self, other: &Self) -> bool {
                self.expose() == other.expose()
            }
        }

        impl Eq for $name {}
    };
}

secret! {
    /// The number of a buyer's account: 1 to 14 ASCII digits, the first of them not zero.
    AccountNumber, |text| is_number(text, 14)
}
secret! {
    /// The number of a Flexiti card: 16 ASCII digits. Always text: a JavaScript number does not hold it.
    CardNumber, |text| text.len() == 16 && is_digits(text)
}
secret! {
    /// The provider's number of a customer, such as `1234567-12345`: digits, a hyphen, digits, 31 characters
    /// at most.
    CustomerId, |text| text.len() <= 31
        && text.split_once('-').is_some_and(|(a, b)| is_digits(a) && is_digits(b))
}
secret! {
    /// The code of a verification in a shop: 1 to 10 ASCII digits. Kept as text for its leading zeros.
    VerificationCode, |text| text.len() <= 10 && is_digits(text)
}
secret! {
    /// A date of birth, such as `1990-01-01`: a day of the calendar in the years 1900 to 2099.
    BirthDate, is_birth_date
}
secret! {
    /// Names the widget session in which a buyer proves who they are: 1 to 64 of `A-Z a-z 0-9 -`, a GUID as
    /// far as is known.
    WidgetSessionId, |text| (1..=64).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

/// An access token of the customer scope, for one checkout only: it stands in the widget's address.
///
/// `Debug` shows nothing of it.
#[derive(Clone)]
pub struct CustomerToken {
    pub(super) secret: SecretString,
    good_until: Moment,
}

impl CustomerToken {
    /// A token that was kept; `None` unless it is 1 to 4096 printable ASCII characters.
    #[must_use]
    pub fn from_parts(text: &str, good_until: Moment) -> Option<Self> {
        is_token(text).then(|| Self {
            secret: SecretString::from(text),
            good_until,
        })
    }

    pub(super) const fn new(secret: SecretString, good_until: Moment) -> Self {
        Self { secret, good_until }
    }

    /// The token, to be kept sealed and to be seen by no page.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.secret.expose_secret()
    }

    /// From when on it is not used any more, a little before the provider's end. Nothing extends it: the
    /// checkout must then be started again.
    #[must_use]
    pub const fn good_until(&self) -> Moment {
        self.good_until
    }
}

impl fmt::Debug for CustomerToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CustomerToken")
            .field("good_until", &self.good_until)
            .finish_non_exhaustive()
    }
}

/// Whether a header can carry it.
pub(super) fn is_token(text: &str) -> bool {
    (1..=4096).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_birth_date(text: &str) -> bool {
    let number = |range| {
        let digits = text
            .get::<std::ops::Range<usize>>(range)
            .filter(|part| is_digits(part));
        digits.and_then(|part| part.parse::<u32>().ok())
    };
    let hyphens = [4, 7].map(|at| text.as_bytes().get(at) == Some(&b'-'));
    let (Some(year), Some(month), Some(day)) = (number(0..4), number(5..7), number(8..10)) else {
        return false;
    };
    let is_leap = year % 4 == 0 && year != 1900;
    let days = match month {
        2 if is_leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return false,
    };
    let is_day = (1900..=2099).contains(&year) && (1..=days).contains(&day);
    text.len() == 10 && hyphens == [true; 2] && is_day
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_taken_in_their_form_only() {
        assert!(AccountNumber::parse("10000001").is_some());
        for text in ["", "0", "01", "1a", "123456789012345"] {
            assert_eq!(AccountNumber::parse(text), None, "{text:?}");
        }
        assert!(CardNumber::parse("0000000000000001").is_some());
        assert_eq!(CardNumber::parse("1"), None);
        assert!(CustomerId::parse("1000001-10001").is_some());
        for text in ["", "-", "1-", "-1", "1", "1-a", "1-1-1"] {
            assert_eq!(CustomerId::parse(text), None, "{text:?}");
        }
        assert!(VerificationCode::parse("0123").is_some());
        assert_eq!(VerificationCode::parse("12345678901"), None);
        assert!(WidgetSessionId::parse("11111111-2222-4333-8444-555555555555").is_some());
        assert_eq!(WidgetSessionId::parse("a b"), None);
    }

    #[test]
    fn a_date_of_birth_is_a_day_of_the_calendar() {
        for text in [
            "1990-01-01",
            "1900-12-31",
            "1956-02-29",
            "2000-02-29",
            "2099-11-30",
        ] {
            assert!(BirthDate::parse(text).is_some(), "{text}");
        }
        for text in [
            "",
            "1990",
            "1990-1-1",
            "90-01-01",
            "1899-12-31",
            "2100-01-01",
            "1990-00-01",
            "1990-13-01",
            "1990-01-00",
            "1990-01-32",
            "1990-04-31",
            "1990-02-29",
            "1900-02-29",
            "01-01-1990",
            "1990/01/01",
            "1990-01-01 ",
            "+990-01-01",
            "1990-01-0é",
        ] {
            assert_eq!(BirthDate::parse(text), None, "{text:?}");
        }
    }
}
