//! What must agree before a code is shown.

use ventanilla_core::account::{Account, Cuit};
use ventanilla_core::money::{Currency, Money};
use ventanilla_core::qr::{Code, Kind, Mismatch, Payee, Writer};

const CUIT: &str = "30-00000012-0";
const OTHER_CUIT: &str = "20-99900001-1";
const CVU: &str = "0009999001234567890126";
const OTHER_CVU: &str = "0009999000000000000260";

fn pesos(text: &str) -> Money {
    Money::parse_decimal(text, Currency::ARS).unwrap()
}

fn cuit(text: &str) -> Cuit {
    Cuit::parse(text).unwrap()
}

fn account(text: &str) -> Account {
    Account::parse(text).unwrap()
}

fn writer() -> Writer {
    Writer::new(Kind::Dynamic)
        .template(43, &[(0, "com.ejemplo.psp"), (1, "caja-1")])
        .merchant("COMERCIO PRUEBA", "CABA")
}

fn held(code: Writer, total: &str) -> Result<(), Mismatch> {
    code.finish().unwrap().held_against(pesos(total), None)
}

fn held_against_payee(code: &Code, cuit: Option<&str>, cvu: Option<&str>) -> Result<(), Mismatch> {
    let payee = Payee {
        cuit: cuit.map(self::cuit),
        account: cvu.map(account),
    };
    code.held_against(pesos("1500.00"), Some(&payee))
}

#[test]
fn an_amount_agrees_to_the_cent_in_whatever_form_it_is_written() {
    for text in ["1500", "1500.", "1500.0", "1500.00", "0001500.00"] {
        assert_eq!(held(writer().object(54, text), "1500.00"), Ok(()), "{text}");
    }
    for text in ["1500.01", "1499.99", "150000", "15", "9999999999999"] {
        assert_eq!(
            held(writer().object(54, text), "1500.00"),
            Err(Mismatch::Amount),
            "{text}"
        );
    }
}

#[test]
fn a_code_without_an_amount_agrees_with_every_total() {
    assert_eq!(held(writer(), "0.01"), Ok(()));
    assert_eq!(held(writer().object(54, "0.00"), "1500.00"), Ok(()));
}

#[test]
fn a_fee_on_top_is_another_amount_and_a_question_for_a_tip_is_not() {
    let asks = || writer().amount(pesos("1500.00"));
    let fixed = asks().object(55, "02").object(56, "0.01");
    let percentage = asks().object(55, "03").object(57, "1.5");
    assert_eq!(held(fixed, "1500.00"), Err(Mismatch::Amount));
    assert_eq!(held(percentage, "1500.00"), Err(Mismatch::Amount));
    assert_eq!(held(asks().object(55, "01"), "1500.00"), Ok(()));
}

#[test]
fn only_pesos_in_argentina_are_shown() {
    assert_eq!(
        held(writer().object(53, "840"), "1500.00"),
        Err(Mismatch::Currency)
    );
    assert_eq!(
        held(writer().object(58, "UY"), "1500.00"),
        Err(Mismatch::Country)
    );
    let dollars = Money::parse_decimal("1500.00", Currency::USD).unwrap();
    assert_eq!(
        writer().finish().unwrap().held_against(dollars, None),
        Err(Mismatch::Currency)
    );
}

#[test]
fn a_configured_payee_must_be_the_one_of_the_code() {
    let code = writer()
        .tax_id(&cuit(CUIT))
        .account(&account(CVU))
        .finish()
        .unwrap();
    let held = |cuit, cvu| held_against_payee(&code, cuit, cvu);
    assert_eq!(held(None, None), Ok(()));
    assert_eq!(held(Some(CUIT), None), Ok(()));
    assert_eq!(held(None, Some(CVU)), Ok(()));
    assert_eq!(held(Some(CUIT), Some(CVU)), Ok(()));
    assert_eq!(held(Some(OTHER_CUIT), None), Err(Mismatch::Payee));
    assert_eq!(held(None, Some(OTHER_CVU)), Err(Mismatch::Payee));
    assert_eq!(held(Some(CUIT), Some(OTHER_CVU)), Err(Mismatch::Payee));
    assert_eq!(held(Some(OTHER_CUIT), Some(CVU)), Err(Mismatch::Payee));
}

#[test]
fn a_code_that_names_nobody_is_not_the_configured_payees() {
    let silent = writer().finish().unwrap();
    let placeholder = writer().template(50, &[(0, "123456789")]).finish().unwrap();
    for code in [silent, placeholder] {
        let held = |cuit, cvu| held_against_payee(&code, cuit, cvu);
        assert_eq!(held(Some(CUIT), None), Err(Mismatch::Payee));
        assert_eq!(held(None, Some(CVU)), Err(Mismatch::Payee));
    }
}

#[test]
fn what_a_code_leaves_out_is_made_up_for_by_what_it_states() {
    let code = writer().tax_id(&cuit(CUIT)).finish().unwrap();
    assert_eq!(held_against_payee(&code, Some(CUIT), Some(CVU)), Ok(()));
}
