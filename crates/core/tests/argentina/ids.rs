//! CBU, CVU, alias and CUIT.

use proptest::prelude::*;
use ventanilla_core::account::{
    Account, AccountError, AccountKind, Alias, AliasError, Cuit, CuitError, CuitKind,
};

use crate::vectors::{IdKind, Ids, Verdict, are_ours};

/// Reads a text as what it is said to be: what is kept of it, or the code of the error.
fn read(kind: IdKind, text: &str) -> Result<String, &'static str> {
    let account = |wanted, otherwise| {
        let account = Account::parse(text).map_err(AccountError::code)?;
        if account.kind() == wanted {
            Ok(account.to_string())
        } else {
            Err(otherwise)
        }
    };
    match kind {
        IdKind::Cbu => account(AccountKind::Cbu, "not-a-cbu"),
        IdKind::Cvu => account(AccountKind::Cvu, "not-a-cvu"),
        IdKind::Cuit => Cuit::parse(text)
            .map(|cuit| cuit.digits().to_owned())
            .map_err(CuitError::code),
        IdKind::Alias => Alias::parse(text)
            .map(|alias| alias.as_str().to_owned())
            .map_err(AliasError::code),
    }
}

#[test]
fn every_valid_identifier_is_read() {
    for vector in Ids::read().valid {
        let id = &vector.id;
        assert_eq!(
            read(vector.kind, &vector.input).as_deref(),
            Ok(vector.normalized.as_str()),
            "{id}"
        );
        let part = |name: &str| vector.parts.get(name).map(String::as_str);
        match vector.kind {
            IdKind::Cvu | IdKind::Cbu => {
                let account = Account::parse(&vector.input).unwrap();
                assert_eq!(account.as_str(), vector.normalized, "{id}");
                if let Some(entity) = part("psp").or_else(|| part("entity")) {
                    assert_eq!(account.entity(), entity, "{id}");
                }
            }
            IdKind::Cuit => {
                let cuit = Cuit::parse(&vector.input).unwrap();
                if let (Some(kind), Some(body), Some(check)) =
                    (part("type"), part("body"), part("dv"))
                {
                    assert_eq!(cuit.to_string(), format!("{kind}-{body}-{check}"), "{id}");
                }
            }
            IdKind::Alias => {
                let alias = Alias::parse(&vector.input).unwrap();
                assert_eq!(Some(alias.folded()), vector.comparison_key, "{id}");
            }
        }
    }
}

#[test]
fn every_invalid_identifier_is_refused_for_what_is_wrong_with_it() {
    for vector in Ids::read().invalid {
        let id = &vector.id;
        let code = read(vector.kind, &vector.input).expect_err(id);
        if are_ours() {
            let expected = match vector.reason.as_str() {
                "CHARSET" | "NON_DIGIT" => "characters",
                "DV1_MISMATCH" => "first-check-digit",
                "DV2_MISMATCH" => "second-check-digit",
                "DV_MISMATCH" => "check-digit",
                "EMPTY" => "empty",
                "LENGTH" => "length",
                "NOT_A_CBU" => "not-a-cbu",
                "NOT_A_CVU" => "not-a-cvu",
                "RESERVED_DIGIT" => "reserved",
                "TYPE" => "type",
                reason => panic!("{id}: reason {reason} has no code here"),
            };
            assert_eq!(code, expected, "{id}");
        }
    }
}

#[test]
fn a_disputed_identifier_is_taken_as_one_side_or_the_other_takes_it() {
    for vector in Ids::read().disputed {
        let ours = match read(vector.kind, &vector.input) {
            Ok(_) => Verdict::Accept,
            Err(_) => Verdict::Reject,
        };
        assert!(
            [vector.strict, vector.lenient].contains(&ours),
            "{}: {ours:?}",
            vector.id
        );
    }
}

// The reason why a payer must be shown the holder's name.
#[test]
fn what_check_digits_cannot_notice_is_read_as_another_account() {
    for vector in Ids::read().undetectable {
        let original = read(vector.kind, &vector.original).expect(&vector.id);
        let typo = read(vector.kind, &vector.typo).expect(&vector.id);
        assert_ne!(original, typo, "{}", vector.id);
    }
}

#[test]
fn an_account_tells_its_kind_its_keeper_and_its_two_blocks() {
    let cvu = Account::parse("0009999001234567890126").unwrap();
    assert_eq!(cvu.kind(), AccountKind::Cvu);
    assert_eq!(cvu.entity(), "9999");
    assert_eq!(cvu.grouped(), "00099990 01234567890126");
    assert_eq!(Account::parse(&cvu.grouped()), Ok(cvu));

    let cbu = Account::parse("9990123345678901234564").unwrap();
    assert_eq!(cbu.kind(), AccountKind::Cbu);
    assert_eq!(cbu.entity(), "999");
}

#[test]
fn zeros_only_pass_the_check_digits_and_are_refused() {
    assert_eq!(
        Account::parse("0000000000000000000000"),
        Err(AccountError::Zeros)
    );
    assert_eq!(Cuit::parse("00000000000"), Err(CuitError::Type));
}

#[test]
fn a_sign_or_a_loose_hyphen_is_no_separator() {
    for text in [
        "-0009999001234567890126",
        "0009999001234567890126-",
        "+0009999001234567890126",
        "0009999\t001234567890126",
        "0009999\u{a0}001234567890126",
        "００09999001234567890126",
    ] {
        assert_eq!(
            Account::parse(text),
            Err(AccountError::Characters),
            "{text:?}"
        );
    }
    assert_eq!(Cuit::parse("-20999000011"), Err(CuitError::Characters));
}

#[test]
fn a_wrong_length_says_how_many_digits_there_are() {
    let found = |text: &str| Account::parse(text).err();
    assert_eq!(found("1 2-3"), Some(AccountError::Length { found: 3 }));
    assert_eq!(
        found(&"1".repeat(23)),
        Some(AccountError::Length { found: 23 })
    );
    assert_eq!(
        found(&"1".repeat(100_000)),
        Some(AccountError::Length { found: 255 })
    );
    assert_eq!(Cuit::parse("99900001"), Err(CuitError::Length { found: 8 }));
}

// 10 is no check digit: lenient readers take 9 for it, and so a number that was never issued.
#[test]
fn a_cuit_that_would_need_a_check_digit_of_ten_is_refused_with_every_digit() {
    for check in 0..=9 {
        assert_eq!(
            Cuit::parse(&format!("2099900209{check}")),
            Err(CuitError::CheckDigit),
            "{check}"
        );
    }
}

#[test]
fn a_cuit_tells_whose_it_is() {
    let kind = |text: &str| Cuit::parse(text).unwrap().kind();
    assert_eq!(kind("20999000011"), CuitKind::Person);
    assert_eq!(kind("30000000120"), CuitKind::Company);
    assert_eq!(kind("50000000318"), CuitKind::Foreign);
}

#[test]
fn dots_and_hyphens_stand_anywhere_in_an_alias() {
    for text in ["......", "-a.b--c", "a..b..c.", "000000"] {
        assert_eq!(Alias::parse(text).unwrap().as_str(), text);
    }
    assert_eq!(Alias::parse(" \n"), Err(AliasError::Empty));
}

#[test]
fn aliases_that_differ_in_case_are_equal() {
    let typed = Alias::parse("Tienda.Demo").unwrap();
    assert_eq!(typed, Alias::parse("TIENDA.demo").unwrap());
    assert_ne!(typed, Alias::parse("tienda-demo").unwrap());
}

#[test]
fn no_debug_text_shows_an_account_a_person_or_an_alias() {
    let account = Account::parse("0009999001234567890126").unwrap();
    let cuit = Cuit::parse("20-99900001-1").unwrap();
    let alias = Alias::parse("prueba.demo.uno").unwrap();
    let text = format!("{account:?} {cuit:?} {alias:?}");
    assert_eq!(text, "Account(****0126) Cuit(20-********-1) Alias(****)");
    assert_eq!(account.masked(), "****0126");
    assert_eq!(cuit.masked(), "20-********-1");
}

#[test]
fn no_error_repeats_what_was_typed() {
    for text in [
        "0009999001234567890127",
        "00099990012345678901",
        "000999900123456789012x",
    ] {
        let message = Account::parse(text).unwrap_err().to_string();
        assert!(!message.contains("999"), "{message}");
    }
}

/// Weights of the two blocks from the left, as the vector file has them.
const FIRST: [u32; 7] = [7, 1, 3, 9, 7, 1, 3];
const SECOND: [u32; 13] = [3, 9, 7, 1, 3, 9, 7, 1, 3, 9, 7, 1, 3];

fn closed(body: &str, weights: &[u32]) -> String {
    let sum: u32 = body
        .chars()
        .zip(weights)
        .map(|(digit, weight)| digit.to_digit(10).unwrap() * weight)
        .sum();
    format!("{body}{}", (10 - sum % 10) % 10)
}

pub fn account() -> impl Strategy<Value = Account> {
    let cbu = ("[1-9][0-9]{6}", "[0-9]{13}");
    let cvu = ("000[0-9]{4}", "0[0-9]{11}[1-9]");
    prop_oneof![
        cbu.prop_map(|(first, second)| (first, second)),
        cvu.prop_map(|(first, second)| (first, second)),
    ]
    .prop_map(|(first, second)| {
        let text = closed(&first, &FIRST) + &closed(&second, &SECOND);
        Account::parse(&text).unwrap_or_else(|error| panic!("{text}: {error}"))
    })
}

pub fn cuit() -> impl Strategy<Value = Cuit> {
    let kinds = [
        "20", "23", "24", "25", "26", "27", "30", "33", "34", "50", "51", "55",
    ];
    (proptest::sample::select(kinds.to_vec()), "[0-9]{8}")
        .prop_filter_map("needs a check digit of ten", |(kind, body)| {
            (0..=9).find_map(|check| Cuit::parse(&format!("{kind}{body}{check}")).ok())
        })
}

fn digits_of(text: &str) -> Vec<char> {
    text.chars().collect()
}

fn swapped(text: &str, index: usize) -> (String, u32) {
    let mut digits = digits_of(text);
    let apart = digits[index]
        .to_digit(10)
        .unwrap()
        .abs_diff(digits[index + 1].to_digit(10).unwrap());
    digits.swap(index, index + 1);
    (digits.into_iter().collect(), apart)
}

fn with_digit(text: &str, index: usize, digit: char) -> String {
    let mut digits = digits_of(text);
    digits[index] = digit;
    digits.into_iter().collect()
}

proptest! {
    #[test]
    fn an_account_reads_back_from_what_it_is_written_as(account in account()) {
        prop_assert_eq!(Account::parse(account.as_str()), Ok(account.clone()));
        prop_assert_eq!(Account::parse(&account.to_string()), Ok(account.clone()));
        prop_assert_eq!(Account::parse(&account.grouped()), Ok(account));
    }

    #[test]
    fn one_wrong_digit_of_an_account_is_always_noticed(account in account(), index in 0..22_usize, digit in proptest::char::range('0', '9')) {
        let altered = with_digit(account.as_str(), index, digit);
        prop_assert_eq!(Account::parse(&altered).is_ok(), altered == account.as_str());
    }

    // All neighbouring weights differ by 2 or 6, so a difference of 5 adds up to a multiple of ten.
    #[test]
    fn swapped_neighbours_in_an_account_are_noticed_unless_they_differ_by_five(account in account(), index in 0..21_usize) {
        let (altered, apart) = swapped(account.as_str(), index);
        if !matches!(apart, 0 | 5) {
            prop_assert!(Account::parse(&altered).is_err(), "{}", altered);
        }
    }

    #[test]
    fn a_cuit_reads_back_from_what_it_is_written_as(cuit in cuit()) {
        prop_assert_eq!(Cuit::parse(&cuit.to_string()), Ok(cuit.clone()));
        prop_assert_eq!(Cuit::parse(cuit.digits()), Ok(cuit));
    }

    #[test]
    fn one_wrong_digit_or_one_swap_in_a_cuit_is_always_noticed(cuit in cuit(), index in 0..11_usize, digit in proptest::char::range('0', '9')) {
        let altered = with_digit(cuit.digits(), index, digit);
        prop_assert_eq!(Cuit::parse(&altered).is_ok(), altered == cuit.digits());
        let (altered, _) = swapped(cuit.digits(), index.min(9));
        prop_assert_eq!(Cuit::parse(&altered).is_ok(), altered == cuit.digits());
    }

    #[test]
    fn no_text_makes_a_reader_panic(text in "\\PC{0,40}|[0-9 -]{0,40}") {
        let _ = Account::parse(&text);
        let _ = Cuit::parse(&text);
        let _ = Alias::parse(&text);
    }
}
