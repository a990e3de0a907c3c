//! Who the buyer says they are, and where they live. Held to the same rules in the widget and in the proxy.

use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

#[cfg(feature = "openapi")]
use crate::openapi::*;
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::encoding::count_chars;

/// The provinces and territories of Canada, by the two letters of Canada Post.
pub const PROVINCES: [&str; 13] = [
    "AB", "BC", "MB", "NB", "NL", "NS", "NT", "NU", "ON", "PE", "QC", "SK", "YT",
];

/// The youngest age at which anybody in Canada may take credit: the age of majority is 18 or 19, by province.
const YOUNGEST: u16 = 18;
/// Nobody is older.
const OLDEST: u16 = 120;

/// What a session offers on the Flexiti rail.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FlexitiOffer {
    /// By what the buyer may be looked up, at least one.
    pub identifications: Vec<IdentificationKind>,
    /// Where the bill goes, as far as the shop told; to be completed by the buyer.
    #[serde(default)]
    pub billing: Option<PostalAddress>,
    /// Where the goods go, as far as the shop told.
    #[serde(default)]
    pub shipping: Option<PostalAddress>,
}

/// By what a buyer is looked up.
///
/// Exhaustive on purpose, as [`Rail`](crate::rails::Rail).
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum IdentificationKind {
    /// The number of their account.
    Account,
    /// Name, date of birth and postal code.
    Person,
}

impl IdentificationKind {
    /// Every kind.
    pub const ALL: [Self; 2] = [Self::Account, Self::Person];

    /// The name on the wire and in configuration.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Account => "account",
            Self::Person => "person",
        }
    }

    /// Reads a name as [`IdentificationKind::name`] writes it.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.name() == name)
    }
}

/// The language of what the provider tells the buyer.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Language {
    /// English.
    #[default]
    En,
    /// French.
    Fr,
}

impl Language {
    /// The name on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::Fr => "fr",
        }
    }
}

/// The Flexiti part of a start request. It says who the buyer is, so it has no `Debug` and is wiped when
/// dropped.
#[derive(Clone, Deserialize, Serialize, Zeroize, ZeroizeOnDrop)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct FlexitiStart {
    /// By what the buyer is looked up.
    pub identification: Identification,
    /// Where the bill goes.
    pub billing: PostalAddress,
    /// Where the goods go, if elsewhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shipping: Option<PostalAddress>,
    /// The language of the provider's page and texts.
    #[serde(default)]
    #[zeroize(skip)]
    pub language: Language,
}

/// Who the buyer says they are. No `Debug`; wiped when dropped.
#[derive(Clone, Deserialize, Serialize, Zeroize, ZeroizeOnDrop)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(tag = "by", rename_all = "snake_case", deny_unknown_fields)]
pub enum Identification {
    /// By the number of their account.
    Account {
        /// As [`check_account_number`] takes it.
        account_number: String,
    },
    /// By name, date of birth and postal code.
    Person(Person),
}

/// A buyer, by name, date of birth and postal code. No `Debug`; wiped when dropped.
#[derive(Clone, Deserialize, Serialize, Zeroize, ZeroizeOnDrop)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Person {
    /// As [`check_name`] takes it.
    pub first_name: String,
    /// As [`check_name`] takes it.
    pub last_name: String,
    /// As [`check_birth_date`] takes it. It goes to the provider and nowhere else.
    pub birth_date: String,
    /// As [`check_postal_code`] takes it.
    pub postal_code: String,
}

/// A postal address in Canada, with the name of a person. `Debug` shows nobody.
#[derive(Clone, Default, Deserialize, Eq, PartialEq, Serialize, Zeroize, ZeroizeOnDrop)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct PostalAddress {
    /// First name: 1 to 80 characters.
    pub first_name: String,
    /// Last name: 1 to 80 characters.
    pub last_name: String,
    /// Street and number: 1 to 100 characters.
    pub line1: String,
    /// Flat, floor: at most 100 characters.
    #[serde(default)]
    pub line2: String,
    /// City: 1 to 100 characters.
    pub city: String,
    /// One of [`PROVINCES`].
    pub province: String,
    /// As [`check_postal_code`] takes it.
    pub postal_code: String,
}

impl core::fmt::Debug for PostalAddress {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("PostalAddress(..)")
    }
}

/// A day of the calendar, as whoever has a clock tells it.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Day {
    /// 1 to 9999.
    pub year: u16,
    /// 1 to 12.
    pub month: u8,
    /// 1 to 31.
    pub day: u8,
}

/// What is wrong with something that a buyer typed. It never repeats it.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum IdentityError {
    /// Nothing was typed.
    Empty,
    /// More than the field holds.
    TooLong,
    /// Not in the field's form.
    Form,
    /// No such day.
    NoSuchDay,
    /// The buyer would be too young for credit, or not born yet.
    TooYoung,
    /// Nobody is that old.
    TooOld,
}

impl core::fmt::Display for IdentityError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::Empty => "expected something",
            Self::TooLong => "expected fewer characters",
            Self::Form => "expected another form",
            Self::NoSuchDay => "expected a day of the calendar",
            Self::TooYoung => "expected somebody who may take credit",
            Self::TooOld => "expected somebody who lives",
        })
    }
}

impl core::error::Error for IdentityError {}

/// Reads the number of an account: 8 to 14 digits, the first of them not zero. Spaces and hyphens between
/// them do not count. The digits alone are given back.
///
/// # Errors
///
/// [`IdentityError::Empty`], [`IdentityError::TooLong`], [`IdentityError::Form`].
pub fn check_account_number(typed: &str) -> Result<String, IdentityError> {
    let mut digits = String::with_capacity(14);
    for c in typed.trim().chars() {
        match c {
            '0'..='9' if digits.len() == 14 => return Err(IdentityError::TooLong),
            '0'..='9' => digits.push(c),
            ' ' | '\u{a0}' | '-' => {}
            _ => return Err(IdentityError::Form),
        }
    }
    match digits.len() {
        0 => Err(IdentityError::Empty),
        8..=14 if !digits.starts_with('0') => Ok(digits),
        _ => Err(IdentityError::Form),
    }
}

/// Reads a name: 1 to 80 characters without control characters. White space around it does not count.
///
/// # Errors
///
/// [`IdentityError::Empty`], [`IdentityError::TooLong`], [`IdentityError::Form`].
pub fn check_name(typed: &str) -> Result<String, IdentityError> {
    text(typed, 80)
}

/// Reads a date of birth: `1990-01-31`, of somebody who is 18 to 120 years old on `today`.
///
/// # Errors
///
/// [`IdentityError::Empty`], [`IdentityError::Form`], [`IdentityError::NoSuchDay`],
/// [`IdentityError::TooYoung`], [`IdentityError::TooOld`].
pub fn check_birth_date(typed: &str, today: Day) -> Result<String, IdentityError> {
    let typed = typed.trim();
    if typed.is_empty() {
        return Err(IdentityError::Empty);
    }
    let born = Day::parse(typed)?;
    let age = born.age_on(today);
    match age {
        Some(age) if age > OLDEST => Err(IdentityError::TooOld),
        Some(age) if age >= YOUNGEST => Ok(String::from(typed)),
        _ => Err(IdentityError::TooYoung),
    }
}

/// Reads a postal code of Canada, `A1A 1A1`, in any case, with or without the space; it is given back as
/// printed here. By Canada Post's addressing guidelines no code has D, F, I, O, Q or U, and none begins with
/// W or Z.
///
/// # Errors
///
/// [`IdentityError::Empty`], [`IdentityError::Form`].
pub fn check_postal_code(typed: &str) -> Result<String, IdentityError> {
    let mut code = String::with_capacity(7);
    for c in typed.chars().filter(|c| !matches!(c, ' ' | '\u{a0}' | '-')) {
        let c = c.to_ascii_uppercase();
        let fits = match code.len() {
            0 => is_letter(c) && !matches!(c, 'W' | 'Z'),
            2 | 5 => is_letter(c),
            1 | 4 | 6 => c.is_ascii_digit(),
            _ => false,
        };
        if !fits {
            return Err(IdentityError::Form);
        }
        code.push(c);
        if code.len() == 3 {
            code.push(' ');
        }
    }
    match code.len() {
        0 => Err(IdentityError::Empty),
        7 => Ok(code),
        _ => Err(IdentityError::Form),
    }
}

/// Reads a line of an address, or a city: 1 to 100 characters without control characters. White space around
/// it does not count.
///
/// # Errors
///
/// [`IdentityError::Empty`], [`IdentityError::TooLong`], [`IdentityError::Form`].
pub fn check_line(typed: &str) -> Result<String, IdentityError> {
    text(typed, 100)
}

const fn is_letter(c: char) -> bool {
    c.is_ascii_uppercase() && !matches!(c, 'D' | 'F' | 'I' | 'O' | 'Q' | 'U')
}

fn text(typed: &str, most: usize) -> Result<String, IdentityError> {
    let typed = typed.trim();
    if typed.is_empty() {
        return Err(IdentityError::Empty);
    }
    if count_chars(typed) > most {
        return Err(IdentityError::TooLong);
    }
    if typed.chars().any(char::is_control) {
        return Err(IdentityError::Form);
    }
    Ok(String::from(typed))
}

impl Identification {
    /// Which kind it is.
    #[must_use]
    pub const fn kind(&self) -> IdentificationKind {
        match self {
            Self::Account { .. } => IdentificationKind::Account,
            Self::Person(_) => IdentificationKind::Person,
        }
    }

    /// The same, with each field as its check gives it back.
    ///
    /// # Errors
    ///
    /// The field's name and what is wrong with it.
    pub fn check(&self, today: Day) -> Result<Self, (&'static str, IdentityError)> {
        let at = |name: &'static str| move |error| (name, error);
        Ok(match self {
            Self::Account { account_number } => Self::Account {
                account_number: check_account_number(account_number)
                    .map_err(at("account_number"))?,
            },
            Self::Person(person) => Self::Person(Person {
                first_name: check_name(&person.first_name).map_err(at("first_name"))?,
                last_name: check_name(&person.last_name).map_err(at("last_name"))?,
                birth_date: check_birth_date(&person.birth_date, today)
                    .map_err(at("birth_date"))?,
                postal_code: check_postal_code(&person.postal_code).map_err(at("postal_code"))?,
            }),
        })
    }
}

impl PostalAddress {
    /// The same, with each field as its check gives it back.
    ///
    /// # Errors
    ///
    /// The field's name and what is wrong with it.
    pub fn check(&self) -> Result<Self, (&'static str, IdentityError)> {
        let at = |name: &'static str| move |error| (name, error);
        let province = self.province.trim();
        Ok(Self {
            first_name: check_name(&self.first_name).map_err(at("first_name"))?,
            last_name: check_name(&self.last_name).map_err(at("last_name"))?,
            line1: check_line(&self.line1).map_err(at("line1"))?,
            line2: match check_line(&self.line2) {
                Err(IdentityError::Empty) => String::new(),
                line => line.map_err(at("line2"))?,
            },
            city: check_line(&self.city).map_err(at("city"))?,
            province: PROVINCES
                .into_iter()
                .find(|known| known.eq_ignore_ascii_case(province))
                .map(String::from)
                .ok_or_else(|| {
                    let error = if province.is_empty() {
                        IdentityError::Empty
                    } else {
                        IdentityError::Form
                    };
                    ("province", error)
                })?,
            postal_code: check_postal_code(&self.postal_code).map_err(at("postal_code"))?,
        })
    }
}

impl Day {
    /// Reads `1990-01-31`.
    ///
    /// # Errors
    ///
    /// [`IdentityError::Form`], [`IdentityError::NoSuchDay`].
    pub fn parse(text: &str) -> Result<Self, IdentityError> {
        let mut parts = text.split('-');
        let mut number = |digits: usize| {
            let part = parts.next().filter(|part| {
                part.len() == digits && part.bytes().all(|byte| byte.is_ascii_digit())
            });
            part.and_then(|part| part.parse::<u16>().ok())
                .ok_or(IdentityError::Form)
        };
        let (year, month, day) = (number(4)?, number(2)?, number(2)?);
        if parts.next().is_some() {
            return Err(IdentityError::Form);
        }
        let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        let days = match month {
            2 if is_leap => 29,
            2 => 28,
            4 | 6 | 9 | 11 => 30,
            1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
            _ => return Err(IdentityError::NoSuchDay),
        };
        if year == 0 || !(1..=days).contains(&day) {
            return Err(IdentityError::NoSuchDay);
        }
        Ok(Self {
            year,
            month: u8::try_from(month).map_err(|_| IdentityError::NoSuchDay)?,
            day: u8::try_from(day).map_err(|_| IdentityError::NoSuchDay)?,
        })
    }

    /// Whole years from this day to `today`; `None` when it is later.
    fn age_on(self, today: Self) -> Option<u16> {
        let years = today.year.checked_sub(self.year)?;
        let had_birthday = (today.month, today.day) >= (self.month, self.day);
        if had_birthday {
            Some(years)
        } else {
            years.checked_sub(1)
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString as _;
    use proptest::prelude::*;

    use super::*;

    const TODAY: Day = Day {
        year: 2026,
        month: 11,
        day: 20,
    };

    #[test]
    fn an_account_number_is_8_to_14_digits_however_they_are_spaced() {
        for (typed, expected) in [
            ("10000001", "10000001"),
            (" 1000 0001 ", "10000001"),
            ("12-345-678-901-234", "12345678901234"),
        ] {
            assert_eq!(check_account_number(typed).as_deref(), Ok(expected));
        }
        for (typed, expected) in [
            ("", IdentityError::Empty),
            (" - ", IdentityError::Empty),
            ("1234567", IdentityError::Form),
            ("01234567", IdentityError::Form),
            ("1234567a", IdentityError::Form),
            ("１２３４５６７８", IdentityError::Form),
            ("123456789012345", IdentityError::TooLong),
        ] {
            assert_eq!(check_account_number(typed), Err(expected), "{typed:?}");
        }
    }

    #[test]
    fn a_postal_code_is_of_canada_in_any_writing() {
        for typed in ["M5V 3L9", "m5v3l9", " m5v-3l9 ", "M5V\u{a0}3L9"] {
            assert_eq!(
                check_postal_code(typed).as_deref(),
                Ok("M5V 3L9"),
                "{typed:?}"
            );
        }
        for typed in [
            "M5V 3L", "M5V 3L99", "5MV 3L9", "D5V 3L9", "W5V 3L9", "M5O 3L9", "90210", "M5V 3LÉ",
        ] {
            assert_eq!(
                check_postal_code(typed),
                Err(IdentityError::Form),
                "{typed:?}"
            );
        }
        assert_eq!(check_postal_code("  "), Err(IdentityError::Empty));
    }

    #[test]
    fn a_date_of_birth_is_a_day_of_somebody_who_may_take_credit() {
        for typed in [
            "1990-01-01",
            "1956-02-29",
            "2008-11-20",
            "1906-11-20",
            "1905-11-21",
        ] {
            assert_eq!(
                check_birth_date(typed, TODAY).as_deref(),
                Ok(typed),
                "{typed}"
            );
        }
        for (typed, expected) in [
            ("", IdentityError::Empty),
            ("01-01-1990", IdentityError::Form),
            ("1990-1-1", IdentityError::Form),
            ("1990-01-01-01", IdentityError::Form),
            ("1990-02-29", IdentityError::NoSuchDay),
            ("1900-02-29", IdentityError::NoSuchDay),
            ("1990-13-01", IdentityError::NoSuchDay),
            ("1990-00-01", IdentityError::NoSuchDay),
            ("1990-04-31", IdentityError::NoSuchDay),
            ("0000-01-01", IdentityError::NoSuchDay),
            ("2008-11-21", IdentityError::TooYoung),
            ("2026-11-21", IdentityError::TooYoung),
            ("2030-01-01", IdentityError::TooYoung),
            ("1905-11-20", IdentityError::TooOld),
        ] {
            assert_eq!(check_birth_date(typed, TODAY), Err(expected), "{typed:?}");
        }
    }

    #[test]
    fn a_name_has_1_to_80_characters() {
        assert_eq!(check_name(" Zoé ").as_deref(), Ok("Zoé"));
        assert!(check_name(&"é".repeat(80)).is_ok());
        assert_eq!(check_name(&"é".repeat(81)), Err(IdentityError::TooLong));
        assert_eq!(check_name(" \t"), Err(IdentityError::Empty));
        assert_eq!(check_name("a\u{7}b"), Err(IdentityError::Form));
    }

    fn address() -> PostalAddress {
        PostalAddress {
            first_name: "Test".to_string(),
            last_name: "Shopper".to_string(),
            line1: "1 Example Street".to_string(),
            line2: String::new(),
            city: "Toronto".to_string(),
            province: "on".to_string(),
            postal_code: "m5v3l9".to_string(),
        }
    }

    #[test]
    fn an_address_is_checked_field_by_field_and_says_which_is_wrong() {
        let checked = address().check().unwrap();
        assert_eq!(
            (checked.province.as_str(), checked.postal_code.as_str()),
            ("ON", "M5V 3L9")
        );
        assert_eq!(alloc::format!("{checked:?}"), "PostalAddress(..)");
        type Spoil = fn(&mut PostalAddress);
        let cases: [(Spoil, &str, IdentityError); 5] = [
            (
                |it| it.first_name.clear(),
                "first_name",
                IdentityError::Empty,
            ),
            (
                |it| it.line1 = "x".repeat(101),
                "line1",
                IdentityError::TooLong,
            ),
            (
                |it| it.province = "ZZ".to_string(),
                "province",
                IdentityError::Form,
            ),
            (|it| it.province.clear(), "province", IdentityError::Empty),
            (
                |it| it.postal_code = "90210".to_string(),
                "postal_code",
                IdentityError::Form,
            ),
        ];
        for (spoil, field, error) in cases {
            let mut address = address();
            spoil(&mut address);
            assert_eq!(address.check().err(), Some((field, error)));
        }
    }

    #[test]
    fn a_start_takes_neither_an_amount_nor_a_card() {
        let start = |json: &str| serde_json::from_str::<FlexitiStart>(json).is_ok();
        let billing = serde_json::to_string(&address()).unwrap();
        let with = |identification: &str, more: &str| {
            alloc::format!(r#"{{"identification":{identification},"billing":{billing}{more}}}"#)
        };
        let account = r#"{"by":"account","account_number":"10000001"}"#;
        let person = r#"{"by":"person","first_name":"T","last_name":"S","birth_date":"1990-01-01","postal_code":"M5V 3L9"}"#;
        assert!(start(&with(account, "")));
        assert!(start(&with(person, r#","language":"fr""#)));
        for (identification, more) in [
            (account, r#","amount_minor":1"#),
            (account, r#","language":"es""#),
            (r#"{"by":"account"}"#, ""),
            (r#"{"by":"account","account_number":1}"#, ""),
            (r#"{"by":"card","card_number":"1"}"#, ""),
        ] {
            assert!(
                !start(&with(identification, more)),
                "{identification} {more}"
            );
        }
    }

    proptest! {
        #[test]
        fn whatever_is_typed_what_a_check_takes_it_takes_again(typed in "\\PC{0,20}") {
            for check in [check_account_number, check_name, check_postal_code] {
                if let Ok(taken) = check(&typed) {
                    prop_assert_eq!(check(&taken), Ok(taken.clone()));
                }
            }
            let _ = check_birth_date(&typed, TODAY);
        }

        #[test]
        fn a_postal_code_of_any_letters_and_digits_is_read_back_as_printed(
            code in "[ABCEGHJ-NPRSTVXY][0-9][ABCEGHJ-NPRSTV-Z] [0-9][ABCEGHJ-NPRSTV-Z][0-9]"
        ) {
            prop_assert_eq!(check_postal_code(&code.to_lowercase().replace(' ', "")), Ok(code));
        }
    }
}
