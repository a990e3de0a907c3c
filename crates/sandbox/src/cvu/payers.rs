//! The people who pay at the buyer's pages. None of them lives, and no number of theirs is assigned.

use super::ledger::PayerEntry;

/// Name, CUIT, CVU, alias.
const PEOPLE: [[&str; 4]; 4] = [
    [
        "PERSONA PRUEBA",
        "20999000011",
        "0009001600000004242420",
        "prueba.demo.uno",
    ],
    [
        "OTRA PERSONA PRUEBA",
        "27999000024",
        "0009003000000002718286",
        "prueba.demo.dos",
    ],
    [
        "TERCERA PRUEBA",
        "20999000054",
        "0009004700000005772151",
        "prueba.demo.tres",
    ],
    [
        "EMPRESA PRUEBA SA",
        "30999000106",
        "0009006100000001414215",
        "empresa.prueba",
    ],
];

/// Everybody who can pay.
pub(crate) fn payers() -> Vec<PayerEntry> {
    let payer = |[holder, cuit, cvu, alias]: [&str; 4]| PayerEntry {
        holder: holder.to_owned(),
        cuit: cuit.to_owned(),
        cvu: cvu.to_owned(),
        alias: alias.to_owned(),
    };
    PEOPLE.map(payer).into()
}

/// Whoever has this alias, CUIT or CVU.
pub(super) fn payer(named: &str) -> Option<PayerEntry> {
    payers().into_iter().find(|payer| {
        payer.alias.eq_ignore_ascii_case(named) || payer.cuit == named || payer.cvu == named
    })
}

#[cfg(test)]
mod tests {
    use ventanilla_core::account::{Account, Alias, Cuit};

    use super::*;

    #[test]
    fn everybody_has_numbers_that_can_be() {
        for payer in payers() {
            assert!(Account::parse(&payer.cvu).is_ok(), "{}", payer.cvu);
            assert!(Cuit::parse(&payer.cuit).is_ok(), "{}", payer.cuit);
            assert!(Alias::parse(&payer.alias).is_ok(), "{}", payer.alias);
        }
    }
}
