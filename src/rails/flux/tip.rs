//! What a buyer chose to leave as a tip, and what it comes to. The arithmetic and the cap are
//! [`ventanilla_core::rails::flux`]'s; the proxy reckons it again.

use alloc::string::String;

use ventanilla_core::money::{Currency, Money};
use ventanilla_core::rails::flux::{TipPolicy, share};

/// What is chosen.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Choice {
    /// No tip.
    None,
    /// So many percent of the bill.
    Percent(u8),
    /// An amount of the buyer's own, typed.
    Own,
}

/// Why there is no tip yet.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Missing {
    /// Nothing is chosen: nothing is, beforehand.
    Choice,
    /// What was typed is no amount.
    Amount,
    /// It is more than may be left.
    Above(Money),
}

/// The tip in minor units.
///
/// # Errors
///
/// Each [`Missing`], as its documentation says.
pub fn reckon(
    chosen: Option<Choice>,
    typed: &str,
    bill: Money,
    policy: &TipPolicy,
) -> Result<u64, Missing> {
    let tip = match chosen.ok_or(Missing::Choice)? {
        Choice::None => 0,
        Choice::Percent(percent) => share(bill, percent),
        Choice::Own => read_amount(typed, bill.currency()).ok_or(Missing::Amount)?,
    };
    let most = policy.most(bill);
    if tip > most {
        let most = Money::from_minor(most, bill.currency());
        return Err(most.map_or(Missing::Amount, Missing::Above));
    }
    Ok(tip)
}

/// An amount as people type it, in minor units: `50`, `$1,234.50`, `1.234,5`, `1 234,50 MXN`.
///
/// Point and comma mean the opposite in two of the countries that read this page, so what follows decides: one or
/// two digits at the end are cents, groups of three are thousands. `None` for anything else.
#[must_use]
pub fn read_amount(typed: &str, currency: Currency) -> Option<u64> {
    let text: String = typed
        .chars()
        .filter(|c| !c.is_whitespace() && !matches!(c, '$' | '\''))
        .collect();
    let code = currency.code();
    let text = text.strip_prefix(code).unwrap_or(&text);
    let text = text.strip_suffix(code).unwrap_or(text);
    let (whole, cents) = match text.rsplit_once(['.', ',']) {
        Some((whole, cents)) if cents.len() <= usize::from(currency.exponent()) => (whole, cents),
        _ => (text, ""),
    };
    let whole = without_groups(whole)?;
    let decimal = if cents.is_empty() {
        whole
    } else {
        let missing = usize::from(currency.exponent()).saturating_sub(cents.len());
        [&*whole, ".", cents, &"0".repeat(missing)].concat()
    };
    let money = Money::parse_decimal(&decimal, currency).ok()?;
    Some(money.minor())
}

/// `1,234,567` as `1234567`; `None` when the groups are not of three, or of two kinds.
fn without_groups(whole: &str) -> Option<String> {
    let mut groups = whole.split(['.', ',']);
    let first = groups.next()?;
    let mut joined = String::from(first);
    let mut grouped = false;
    for group in groups {
        if group.len() != 3 {
            return None;
        }
        joined.push_str(group);
        grouped = true;
    }
    let two_kinds = whole.contains('.') && whole.contains(',');
    let odd = two_kinds || (grouped && !(1..=3).contains(&first.len()));
    let digits = !joined.is_empty() && joined.bytes().all(|byte| byte.is_ascii_digit());
    (digits && !odd).then_some(joined)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    fn pesos(centavos: u64) -> Money {
        Money::from_minor(centavos, Currency::MXN).unwrap()
    }

    fn policy() -> TipPolicy {
        TipPolicy {
            percents: vec![10, 15, 20],
            cap_percent: 100,
            confirm_percent: 30,
        }
    }

    #[test]
    fn nothing_is_chosen_beforehand_and_none_is_a_choice() {
        assert_eq!(
            reckon(None, "", pesos(25_000), &policy()),
            Err(Missing::Choice)
        );
        assert_eq!(
            reckon(Some(Choice::None), "9", pesos(25_000), &policy()),
            Ok(0)
        );
    }

    #[test]
    fn a_share_is_of_the_bill_in_whole_centavos() {
        for (percent, tip) in [(10, 2_500), (15, 3_749), (20, 4_999)] {
            let bill = pesos(24_995);
            assert_eq!(
                reckon(Some(Choice::Percent(percent)), "", bill, &policy()),
                Ok(tip)
            );
        }
    }

    #[test]
    fn an_amount_of_ones_own_is_taken_up_to_the_cap() {
        let own = |typed| reckon(Some(Choice::Own), typed, pesos(25_000), &policy());
        assert_eq!(own("37.5"), Ok(3_750));
        assert_eq!(own("250"), Ok(25_000));
        assert_eq!(own("250.01"), Err(Missing::Above(pesos(25_000))));
        assert_eq!(own("mucho"), Err(Missing::Amount));
        assert_eq!(own(""), Err(Missing::Amount));
    }

    #[test]
    fn amounts_are_read_as_people_of_five_countries_type_them() {
        for (typed, centavos) in [
            ("0", 0),
            ("7", 700),
            ("7.5", 750),
            ("7,50", 750),
            ("7.", 700),
            ("$1,234.50", 123_450),
            ("1.234,50", 123_450),
            ("1 234,50", 123_450),
            ("1\u{202f}234,50 $", 123_450),
            ("1,234", 123_400),
            ("1.234.567", 123_456_700),
            ("MXN 12", 1_200),
            ("12 MXN", 1_200),
            (" 00012 ", 1_200),
        ] {
            assert_eq!(
                read_amount(typed, Currency::MXN),
                Some(centavos),
                "{typed:?}"
            );
        }
    }

    #[test]
    fn what_is_no_amount_is_not_guessed_at() {
        for typed in [
            "",
            " ",
            "$",
            ".",
            ".5",
            "-5",
            "+5",
            "5%",
            "1e3",
            "1,2,3",
            "12,34,567",
            "1234,567",
            "1.234,567",
            "1,234.567",
            "١٢",
            "12 pesos",
            "99999999999999999999",
        ] {
            assert_eq!(read_amount(typed, Currency::MXN), None, "{typed:?}");
        }
    }
}
