//! Writing codes.

use proptest::prelude::*;
use ventanilla_core::account::{Account, Cuit};
use ventanilla_core::money::{Currency, MAX_MINOR, Money};
use ventanilla_core::qr::{Code, Kind, QrError, Writer};

use crate::ids;
use crate::vectors::Codes;

#[test]
fn what_the_vectors_say_is_written_as_they_write_it() {
    let mut same_order = 0;
    for vector in Codes::read().argentine() {
        let id = &vector.id;
        let original = Code::read(&vector.payload).unwrap();
        let writer = original
            .objects()
            .filter(|object| !matches!(object.tag, 0 | 1 | 63))
            .fold(Writer::new(original.kind()), |writer, object| {
                writer.object(object.tag, object.value)
            });
        let written = writer
            .finish()
            .unwrap_or_else(|error| panic!("{id}: {error}"));
        let mut objects: Vec<_> = original
            .objects()
            .filter(|object| object.tag != 63)
            .collect();
        if objects.is_sorted_by_key(|object| object.tag) {
            assert_eq!(written.text(), original.text(), "{id}");
            same_order += 1;
        }
        objects.sort_by_key(|object| object.tag);
        let body: Vec<_> = written
            .objects()
            .filter(|object| object.tag != 63)
            .collect();
        assert_eq!(body, objects, "{id}");
    }
    assert!(same_order > 0, "every code is in an order of its own");
}

#[test]
fn a_static_and_a_dynamic_code_are_written_as_published_ones_look() {
    let sign = Writer::new(Kind::Static)
        .merchant("COMERCIO PRUEBA", "CABA")
        .tax_id(&Cuit::parse("30-00000012-0").unwrap())
        .template(
            43,
            &[(0, "com.ejemplo.psp"), (1, "https://ejemplo.test/pos/1001")],
        )
        .finish()
        .unwrap();
    assert_eq!(
        sign.text(),
        "00020101021143520015com.ejemplo.psp0129https://ejemplo.test/pos/100150150011300000001205204970053030325802AR5915COMERCIO PRUEBA6004CABA630456C8"
    );
    let order = Writer::new(Kind::Dynamic)
        .template(41, &[(0, "ar.com.ejemplo.qr"), (1, "CAJA01")])
        .tax_id(&Cuit::parse("30-00000012-0").unwrap())
        .account(&Account::parse("0009999001234567890126").unwrap())
        .amount(Money::parse_decimal("12345.67", Currency::ARS).unwrap())
        .merchant("COMERCIO PRUEBA", "CABA")
        .object(61, "C1000AAA")
        .template(62, &[(3, "SUC1"), (5, "ORDEN-0001"), (7, "CAJA01")])
        .finish()
        .unwrap();
    assert_eq!(
        order.text(),
        "00020101021241310017ar.com.ejemplo.qr0106CAJA015015001130000000120512600220009999001234567890126520497005303032540812345.675802AR5915COMERCIO PRUEBA6004CABA6108C1000AAA62320304SUC10510ORDEN-00010706CAJA01630484A0"
    );
    assert_eq!(order.label(5), Some("ORDEN-0001"));
}

fn writer() -> Writer {
    Writer::new(Kind::Static)
        .template(43, &[(0, "com.ejemplo.psp")])
        .merchant("COMERCIO PRUEBA", "CABA")
}

#[test]
fn what_the_reader_would_refuse_is_not_written() {
    let value = |tag| Some(QrError::Value { tag });
    let error = |writer: Writer| writer.finish().err();
    assert_eq!(error(writer().object(61, "")), value(61));
    assert_eq!(error(writer().object(80, &"x".repeat(100))), value(80));
    assert_eq!(error(writer().object(100, "x")), value(100));
    assert_eq!(error(writer().template(62, &[(5, "")])), value(5));
    assert_eq!(error(writer().template(62, &[])), value(62));
    assert_eq!(error(writer().object(54, "1,50")), value(54));
    assert_eq!(
        error(writer().amount(Money::from_minor(MAX_MINOR, Currency::ARS).unwrap())),
        value(54)
    );
    assert_eq!(error(writer().object(55, "02")), value(55));
    assert_eq!(error(writer().object(56, "10")), value(55));
    assert_eq!(error(writer().object(57, "1.5")), value(55));
    assert_eq!(
        error(writer().object(55, "03").object(57, "1,5")),
        value(57)
    );
    assert_eq!(
        error(writer().object(60, "CABA")),
        Some(QrError::Twice { tag: 60 })
    );
    assert_eq!(
        error(writer().template(62, &[(5, "A"), (5, "B")])),
        Some(QrError::Template { tag: 62 })
    );
    assert_eq!(
        error(writer().template(44, &[(1, "no domain")])),
        Some(QrError::Template { tag: 44 })
    );
    assert_eq!(
        error(writer().object(51, "0009999001234567890126")),
        Some(QrError::Template { tag: 51 })
    );
    assert_eq!(
        error(Writer::new(Kind::Static).merchant("COMERCIO PRUEBA", "CABA")),
        Some(QrError::NoPayee)
    );
    let long = ["x"; 4].map(|x| x.repeat(99));
    let full = long
        .iter()
        .zip(80..)
        .fold(writer(), |writer, (value, tag)| writer.object(tag, value));
    assert_eq!(error(full), None);
    let long = ["x"; 5].map(|x| x.repeat(99));
    let fuller = long
        .iter()
        .zip(80..)
        .fold(writer(), |writer, (value, tag)| writer.object(tag, value));
    assert_eq!(error(fuller), Some(QrError::TooLong));
}

#[test]
fn lengths_count_characters_and_the_checksum_runs_over_bytes() {
    let code = Writer::new(Kind::Static)
        .template(43, &[(0, "com.ejemplo.psp")])
        .merchant("PANADERIA NANDU", "CABA")
        .template(64, &[(0, "ES"), (1, "Panadería Ñandú 🥐")])
        .finish()
        .unwrap();
    assert!(code.text().contains("0117Panadería Ñandú 🥐6304"));
    assert_eq!(
        code.template(64).nth(1).unwrap().value,
        "Panadería Ñandú 🥐"
    );
}

/// What a code may say.
#[derive(Clone, Debug)]
struct Said {
    kind: Kind,
    domain: String,
    cuit: Option<Cuit>,
    account: Option<Account>,
    minor: Option<u64>,
    name: String,
    city: String,
    reference: String,
}

impl Said {
    fn write(&self) -> Code {
        let mut writer = Writer::new(self.kind)
            .template(62, &[(5, &self.reference)])
            .template(43, &[(0, &self.domain), (1, "caja-1")])
            .merchant(&self.name, &self.city);
        if let Some(cuit) = &self.cuit {
            writer = writer.tax_id(cuit);
        }
        if let Some(account) = &self.account {
            writer = writer.account(account);
        }
        if let Some(minor) = self.minor {
            writer = writer.amount(Money::from_minor(minor, Currency::ARS).unwrap());
        }
        writer.finish().unwrap()
    }
}

fn said() -> impl Strategy<Value = Said> {
    (
        proptest::sample::select(vec![Kind::Static, Kind::Dynamic, Kind::Unstated]),
        "[a-z]{2,4}\\.[a-z0-9.]{1,20}",
        proptest::option::of(ids::cuit()),
        proptest::option::of(ids::account()),
        proptest::option::of(1..=999_999_999_999_u64),
        "[ -~áéíñÑü€🥐]{1,25}",
        "[ -~]{1,15}",
        "[ -~]{1,25}",
    )
        .prop_map(
            |(kind, domain, cuit, account, minor, name, city, reference)| Said {
                kind,
                domain,
                cuit,
                account,
                minor,
                name,
                city,
                reference,
            },
        )
}

/// A code in ASCII, as most are.
pub fn ascii_code() -> impl Strategy<Value = Code> {
    said().prop_map(|said| {
        let name = said.name.replace(|c: char| !c.is_ascii(), "N");
        Said { name, ..said }.write()
    })
}

proptest! {
    #[test]
    fn what_was_written_is_read(said in said()) {
        let code = Code::read(said.write().text()).unwrap();
        prop_assert_eq!(code.kind(), said.kind);
        prop_assert_eq!(code.acceptors().collect::<Vec<_>>(), [&said.domain]);
        prop_assert_eq!(code.tax_id(), said.cuit);
        prop_assert_eq!(code.account(), said.account);
        let money = code.money().unwrap();
        prop_assert_eq!(money.map(Money::minor), said.minor);
        prop_assert_eq!(code.name(), said.name);
        prop_assert_eq!(code.city(), said.city);
        prop_assert_eq!(code.label(5), Some(said.reference.as_str()));
        prop_assert_eq!((code.category(), code.currency(), code.country()), ("9700", "032", "AR"));
        prop_assert_eq!(code.warnings(), []);
        let total = money.unwrap_or(Money::from_minor(1, Currency::ARS).unwrap());
        prop_assert_eq!(code.held_against(total, None), Ok(()));
    }
}
