//! Test cards: which number brings about which answer. No number here belongs to anybody.

use serde::Serialize;

/// What the issuer answers to a card.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Outcome {
    Approved,
    Declined(&'static Decline),
    /// The provider turns the card away before asking the bank.
    NotAsked,
}

/// A response code and the card that brings it about.
///
/// Codes and meanings: GreenPay's help centre and its public shop plugins. The help centre's FAQ gives
/// one test card per code; the endings of those are kept where it has one.
#[derive(Debug, Eq, PartialEq)]
pub(crate) struct Decline {
    /// `result.resp_code`.
    pub(crate) code: &'static str,
    /// What the code means, in English, for developers.
    pub(crate) meaning: &'static str,
    /// What the bank says about it, in Spanish, for nobody's eyes but the merchant's.
    pub(crate) bank_text: &'static str,
    /// The test number. Its last four digits decide.
    pub(crate) number: &'static str,
}

const fn decline(
    code: &'static str,
    number: &'static str,
    meaning: &'static str,
    bank_text: &'static str,
) -> Decline {
    Decline {
        code,
        meaning,
        bank_text,
        number,
    }
}

/// One card for each code, in the order of the codes.
pub(crate) static DECLINES: [Decline; 35] = [
    decline(
        "01",
        "4000000000073785",
        "ask the issuing bank",
        "Consulte a su banco emisor",
    ),
    decline(
        "03",
        "4000000000078768",
        "invalid merchant",
        "Comercio inválido",
    ),
    decline("04", "4000000000099277", "remove card", "Retire la tarjeta"),
    decline("05", "4000000000072449", "declined", "Denegada"),
    decline(
        "12",
        "4000000000043390",
        "invalid transaction",
        "Transacción inválida",
    ),
    decline("13", "4000000000050601", "invalid amount", "Monto inválido"),
    decline("14", "4000000000066144", "invalid card", "Tarjeta inválida"),
    decline(
        "19",
        "4000000000099723",
        "enter the transaction again",
        "Reintente la transacción",
    ),
    decline("30", "4000000000060030", "format error", "Error de formato"),
    decline(
        "31",
        "4000000000087249",
        "bank not supported",
        "Banco no soportado",
    ),
    decline("41", "4000000000044299", "lost card", "Tarjeta perdida"),
    decline(
        "43",
        "4000000000061988",
        "retain and call",
        "Retener y llamar",
    ),
    decline(
        "51",
        "4000000000044828",
        "insufficient funds",
        "Fondos insuficientes",
    ),
    decline("54", "4000000000042483", "expired card", "Tarjeta vencida"),
    decline("55", "4000000000031072", "wrong PIN", "PIN incorrecto"),
    decline(
        "58",
        "4000000000083727",
        "function not allowed",
        "Función no permitida",
    ),
    decline(
        "62",
        "4000000000070062",
        "authorization error",
        "Error de autorización",
    ),
    decline(
        "63",
        "4000000000053894",
        "authorization error",
        "Error de autorización",
    ),
    decline(
        "65",
        "4000000000020323",
        "authorization error",
        "Error de autorización",
    ),
    decline(
        "78",
        "4000000000004475",
        "authorization error",
        "Error de autorización",
    ),
    decline(
        "89",
        "4000000000085870",
        "invalid terminal",
        "Terminal inválida",
    ),
    decline(
        "91",
        "4000000000013880",
        "issuer does not answer",
        "Emisor no responde",
    ),
    decline("96", "4000000000036964", "not supported", "No soportada"),
    decline(
        "201",
        "4000000000090201",
        "ask by voice",
        "Consulte por voz",
    ),
    decline(
        "203",
        "4000000000070203",
        "invalid merchant",
        "Comercio inválido",
    ),
    decline("205", "4000000000050205", "declined", "Denegada"),
    decline(
        "212",
        "4000000000060212",
        "invalid transaction",
        "Transacción inválida",
    ),
    decline("241", "4000000000010241", "retain card", "Retener tarjeta"),
    decline(
        "251",
        "4000000000080251",
        "insufficient funds",
        "Fondos insuficientes",
    ),
    decline("255", "4000000000040255", "wrong PIN", "PIN incorrecto"),
    decline(
        "262",
        "4000000000009375",
        "authorization error",
        "Error de autorización",
    ),
    decline(
        "278",
        "4000000000070278",
        "transaction not found",
        "Transacción no encontrada",
    ),
    decline("296", "4000000000050296", "not supported", "No soportada"),
    decline(
        "899",
        "4000000000060899",
        "timed out, reversal applied",
        "Tiempo agotado, reversada",
    ),
    decline(
        "996",
        "4000000000080996",
        "refused by the fraud check",
        "Rechazada",
    ),
];

/// The row of a response code; none for an approval.
pub(crate) fn decline_of(code: &str) -> Option<&'static Decline> {
    DECLINES.iter().find(|row| row.code == code)
}

/// Cards that other test systems publish for a decline, which developers know by heart.
const PUBLISHED_DECLINES: [(&str, &str); 6] = [
    ("4000000000000002", "05"),
    ("4000000000009995", "51"),
    ("4000000000009987", "41"),
    ("4000000000009979", "43"),
    ("4000000000000069", "54"),
    ("4000000000000119", "96"),
];

/// Turned away before the bank is asked: `result` is null.
const NOT_ASKED: &str = "4000000000070500";

const PUBLISHED_APPROVALS: [(&str, &str); 9] = [
    ("4242424242424242", "Visa"),
    ("4111111111111111", "Visa"),
    ("5555555555554444", "Mastercard"),
    ("2223003122003222", "Mastercard, the 2-series"),
    (
        "378282246310005",
        "American Express: 15 digits and a CVC of 4",
    ),
    ("36227206271667", "Diners Club: 14 digits"),
    ("3566002020360505", "JCB"),
    ("6011111111111117", "Discover"),
    ("6205500000000000004", "UnionPay: 19 digits"),
];

/// What the issuer of the card with these digits answers.
pub(crate) fn outcome_of(pan: &str) -> Outcome {
    let ends_as = |number: &str| last_four(number) == last_four(pan);
    if ends_as(NOT_ASKED) {
        return Outcome::NotAsked;
    }
    let code_of_published = PUBLISHED_DECLINES
        .iter()
        .find(|(number, _)| *number == pan)
        .map(|(_, code)| *code);
    DECLINES
        .iter()
        .find(|row| code_of_published.map_or_else(|| ends_as(row.number), |code| code == row.code))
        .map_or(Outcome::Approved, Outcome::Declined)
}

/// A row of the list of test cards.
#[derive(Clone, Debug, Serialize)]
pub struct TestCard {
    /// The number to type.
    pub number: &'static str,
    /// `approved`, `declined` or `not_asked`.
    pub outcome: &'static str,
    /// `result.resp_code`; none when the bank is not asked.
    pub resp_code: Option<&'static str>,
    /// What it stands for.
    pub note: &'static str,
    /// Whether other test systems publish the number too.
    pub published: bool,
}

/// Every test card: approvals, then declines by code.
#[must_use]
pub fn test_cards() -> Vec<TestCard> {
    let approvals = PUBLISHED_APPROVALS.iter().map(|(number, note)| TestCard {
        number,
        outcome: "approved",
        resp_code: Some("00"),
        note,
        published: true,
    });
    let published = PUBLISHED_DECLINES.iter().filter_map(|(number, code)| {
        DECLINES
            .iter()
            .find(|row| row.code == *code)
            .map(|row| (*number, row, true))
    });
    let mut declines: Vec<_> = DECLINES
        .iter()
        .map(|row| (row.number, row, false))
        .chain(published)
        .collect();
    // Stable: the published card of a code comes behind the constructed one.
    declines.sort_by_key(|(_, row, _)| (row.code.len(), row.code));
    approvals
        .chain(
            declines
                .into_iter()
                .map(|(number, row, published)| TestCard {
                    number,
                    outcome: "declined",
                    resp_code: Some(row.code),
                    note: row.meaning,
                    published,
                }),
        )
        .chain([TestCard {
            number: NOT_ASKED,
            outcome: "not_asked",
            resp_code: None,
            note: "turned away before the bank is asked (result is null)",
            published: false,
        }])
        .collect()
}

/// Whether the digits pass the check-digit rule of ISO/IEC 7812-1.
pub(crate) fn passes_luhn(digits: &str) -> bool {
    let sum: u32 = digits
        .bytes()
        .rev()
        .map(|byte| u32::from(byte.wrapping_sub(b'0')))
        .enumerate()
        .map(|(index, digit)| match (index % 2, digit) {
            (0, digit) => digit,
            (_, digit @ 0..=4) => digit * 2,
            (_, digit) => digit * 2 - 9,
        })
        .sum();
    sum.is_multiple_of(10)
}

/// The brand as the provider spells it.
pub(crate) fn brand_of(pan: &str) -> &'static str {
    let prefix = |length: usize| {
        pan.get(..length)
            .and_then(|text| text.parse::<u32>().ok())
            .unwrap_or(0)
    };
    match (prefix(1), prefix(2), prefix(4)) {
        (4, ..) => "Visa",
        (_, 51..=55, _) | (_, _, 2221..=2720) => "Mastercard",
        (_, 34 | 37, _) => "Amex",
        (_, 35, _) => "JCB",
        (_, 36 | 38 | 39, _) | (_, _, 3000..=3059) => "Diners",
        (_, 62, _) => "UnionPay",
        (_, 65, _) | (_, _, 6011) => "Discover",
        (_, 50 | 56..=58 | 63 | 67, _) => "Maestro",
        _ => "Unknown",
    }
}

pub(crate) fn last_four(pan: &str) -> &str {
    pan.get(pan.len().saturating_sub(4)..).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_test_card_passes_the_check_digit_and_is_listed_once() {
        let cards = test_cards();
        let numbers: std::collections::HashSet<_> = cards.iter().map(|card| card.number).collect();
        assert_eq!(numbers.len(), cards.len());
        for card in cards {
            assert!(passes_luhn(card.number), "{}", card.number);
        }
    }

    #[test]
    fn every_test_card_brings_about_what_the_list_says() {
        for card in test_cards() {
            let (outcome, code) = match outcome_of(card.number) {
                Outcome::Approved => ("approved", Some("00")),
                Outcome::Declined(row) => ("declined", Some(row.code)),
                Outcome::NotAsked => ("not_asked", None),
            };
            assert_eq!(
                (outcome, code),
                (card.outcome, card.resp_code),
                "{}",
                card.number
            );
        }
    }

    #[test]
    fn no_two_codes_share_an_ending() {
        let endings: std::collections::HashSet<_> =
            DECLINES.iter().map(|row| last_four(row.number)).collect();
        assert_eq!(endings.len(), DECLINES.len());
        assert!(!endings.contains(last_four(NOT_ASKED)));
    }

    #[test]
    fn a_published_decline_is_matched_whole_so_that_only_that_card_is_declined() {
        assert_eq!(outcome_of("5200000000000002"), Outcome::Approved);
        assert!(
            matches!(outcome_of("4000000000000002"), Outcome::Declined(row) if row.code == "05")
        );
        // By its ending: any prefix will do.
        assert!(
            matches!(outcome_of("5100000000004828"), Outcome::Declined(row) if row.code == "51")
        );
    }

    #[test]
    fn one_digit_wrong_fails_the_check_digit() {
        assert!(passes_luhn("4242424242424242"));
        assert!(!passes_luhn("4242424242424241"));
        assert!(!passes_luhn("4242424242424224"));
    }

    #[test]
    fn brands_are_told_by_their_prefix() {
        for (number, brand) in [
            ("4242424242424242", "Visa"),
            ("2223003122003222", "Mastercard"),
            ("5555555555554444", "Mastercard"),
            ("378282246310005", "Amex"),
            ("36227206271667", "Diners"),
            ("3566002020360505", "JCB"),
            ("6011111111111117", "Discover"),
            ("6205500000000000004", "UnionPay"),
            ("6304000000000000000", "Maestro"),
        ] {
            assert_eq!(brand_of(number), brand, "{number}");
        }
    }
}
