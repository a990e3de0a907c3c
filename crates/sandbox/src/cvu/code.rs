//! The texts of QR codes, written with the rules that the widget reads them by.

use ventanilla_core::account::{Account, Cuit};
use ventanilla_core::money::{Currency, Money};
use ventanilla_core::qr::{Kind, Writer};

use crate::amount::Amount;

use super::options::CvuCodeForm;

/// Who is paid, in every code.
pub(super) const PAYEE: &str = "COMERCIO PRUEBA";
/// The payee's CUIT.
pub(super) const PAYEE_CUIT: &str = "30000000120";
/// The payee's account.
pub(super) const PAYEE_CVU: &str = "0009999001234567890126";
const CITY: &str = "CABA";
/// A made-up acceptor.
const ACCEPTOR: &str = "com.ejemplo.psp";
/// The tag that most Argentine codes name their acceptor in.
const ACCEPTOR_TAG: u8 = 43;
/// EMVCo MPM 1.1, data object 54. A longer amount is kept at the acceptor.
const LONGEST_AMOUNT: usize = 13;

/// What the text of a code leads to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Scanned {
    /// The order with this place in the ledger.
    Order(usize),
    /// The sale point with this place in the ledger: the buyer types the amount.
    Open(usize),
    /// The sale point with this place in the ledger: there is an order behind it, or none.
    Closed(usize),
}

/// The code of an order.
pub(super) fn dynamic(order: u64, amount: Amount, form: CvuCodeForm) -> String {
    let place = format!("{order:08}-0000-4000-8000-{order:012}");
    let writer =
        Writer::new(Kind::Dynamic).template(ACCEPTOR_TAG, &[(0, ACCEPTOR), (2, "3"), (6, &place)]);
    let reference = format!("ORDEN-{order}");
    let writer = match form {
        CvuCodeForm::Amount if amount.two_decimals().len() <= LONGEST_AMOUNT => writer
            .amount(money(amount))
            .template(62, &[(5, &reference)]),
        CvuCodeForm::Amount | CvuCodeForm::AtAcceptor => writer,
        CvuCodeForm::Picture => return String::from("iVBORw0KGgoAAAANSUhEUgAA"),
    };
    finished(writer)
}

/// The code on the sign of a sale point.
pub(super) fn fixed(sale_point: u64, is_open: bool) -> String {
    let kind = if is_open { "" } else { "?kind=closed" };
    let place = format!("https://ejemplo.test/pos/{}{kind}", 1_000 + sale_point);
    finished(Writer::new(Kind::Static).template(ACCEPTOR_TAG, &[(0, ACCEPTOR), (1, &place)]))
}

fn finished(writer: Writer) -> String {
    let cuit = Cuit::parse(PAYEE_CUIT).expect("the payee's CUIT is a constant that fits");
    let account = Account::parse(PAYEE_CVU).expect("the payee's CVU is a constant that fits");
    writer
        .tax_id(&cuit)
        .account(&account)
        .merchant(PAYEE, CITY)
        .finish()
        .expect("every value is short, and the amount was read")
        .text()
        .to_owned()
}

fn money(amount: Amount) -> Money {
    Money::from_minor(amount.hundredths(), Currency::ARS)
        .expect("amounts are read up to what money holds")
}

/// The same text under a checksum that is wrong.
pub(super) fn with_bad_crc(code: &str) -> String {
    let (text, crc) = code
        .split_at_checked(code.len().saturating_sub(4))
        .unwrap_or((code, ""));
    let wrong = if crc == "0000" { "FFFF" } else { "0000" };
    format!("{text}{wrong}")
}

#[cfg(test)]
mod tests {
    use ventanilla_core::qr::Code;

    use super::*;

    fn amount(text: &str) -> Amount {
        Amount::of_two_decimals(text).unwrap()
    }

    #[test]
    fn the_code_of_an_order_reads_back_with_its_amount() {
        let text = dynamic(910_001, amount("12345.67"), CvuCodeForm::Amount);
        let code = Code::read(&text).unwrap();
        assert_eq!(code.kind(), Kind::Dynamic);
        assert_eq!(code.amount(), Some("12345.67"));
        assert_eq!(code.name(), PAYEE);
        assert_eq!(code.currency(), "032");
        assert_eq!(code.tax_id().unwrap().digits(), PAYEE_CUIT);
        assert_eq!(code.account().unwrap().as_str(), PAYEE_CVU);
        assert_eq!(code.acceptors().collect::<Vec<_>>(), [ACCEPTOR]);
        assert!(code.warnings().is_empty());
    }

    #[test]
    fn an_amount_kept_at_the_acceptor_is_not_in_the_code() {
        let text = dynamic(910_001, amount("12345.67"), CvuCodeForm::AtAcceptor);
        assert_eq!(Code::read(&text).unwrap().amount(), None);
    }

    #[test]
    fn an_amount_too_long_for_a_code_is_kept_at_the_acceptor() {
        let text = dynamic(999_999_999, amount("99999999999.99"), CvuCodeForm::Amount);
        assert_eq!(Code::read(&text).unwrap().amount(), None);
        let text = dynamic(910_001, amount("9999999999.99"), CvuCodeForm::Amount);
        assert_eq!(Code::read(&text).unwrap().amount(), Some("9999999999.99"));
    }

    #[test]
    fn the_two_codes_of_a_sale_point_are_static_and_differ() {
        let (open, closed) = (fixed(1, true), fixed(1, false));
        assert_ne!(open, closed);
        for text in [open, closed] {
            let code = Code::read(&text).unwrap();
            assert_eq!((code.kind(), code.amount()), (Kind::Static, None));
        }
    }

    #[test]
    fn a_bad_checksum_is_bad() {
        assert!(Code::read(&with_bad_crc(&fixed(1, true))).is_err());
    }
}
