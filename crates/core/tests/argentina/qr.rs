//! Reading codes.

use std::collections::BTreeSet;

use ventanilla_core::account::{Account, Cuit};
use ventanilla_core::money::{Currency, Money};
use ventanilla_core::qr::{Code, Kind, Mismatch, Object, QrError, Warning};

use crate::vectors::{Codes, InvalidCode, are_ours};

fn owned<'a>(objects: impl Iterator<Item = Object<'a>>) -> Vec<(String, String)> {
    objects
        .map(|object| (format!("{:02}", object.tag), object.value.to_owned()))
        .collect()
}

fn pesos(text: &str) -> Money {
    Money::parse_decimal(text, Currency::ARS).unwrap()
}

fn payload(id: &str) -> String {
    let codes = Codes::read();
    let valid = codes.valid.into_iter().map(|code| (code.id, code.payload));
    let quirks = codes.quirks.into_iter().map(|code| (code.id, code.payload));
    valid
        .chain(quirks)
        .find_map(|(found, payload)| (found == id).then_some(payload))
        .unwrap_or_else(|| panic!("no code {id}"))
}

#[test]
fn every_valid_code_is_read_to_the_last_object() {
    for vector in Codes::read().valid {
        let (id, expect) = (&vector.id, &vector.expect);
        let code = Code::read(&vector.payload).unwrap_or_else(|error| panic!("{id}: {error}"));
        assert_eq!(code.text(), vector.payload, "{id}");
        assert_eq!(owned(code.objects()), expect.objects, "{id}");
        for (tag, objects) in &expect.templates {
            let tag = tag.parse().unwrap();
            assert_eq!(&owned(code.template(tag)), objects, "{id} {tag}");
        }
        let kind = match expect.initiation.as_deref() {
            Some("static") => Kind::Static,
            Some("dynamic") => Kind::Dynamic,
            None => Kind::Unstated,
            Some(other) => panic!("{id}: {other}"),
        };
        assert_eq!(code.kind(), kind, "{id}");
        assert_eq!(code.currency(), expect.currency, "{id}");
        assert_eq!(code.amount(), expect.amount.as_deref(), "{id}");
        assert_eq!(code.country(), expect.country, "{id}");
        assert_eq!(code.name(), expect.merchant_name, "{id}");
        assert_eq!(code.city(), expect.merchant_city, "{id}");
        assert_eq!(code.category(), expect.mcc, "{id}");
        assert_eq!(code.object(63), Some(expect.crc.as_str()), "{id}");
        assert_eq!(
            code.acceptors().collect::<Vec<_>>(),
            expect.reverse_domains,
            "{id}"
        );
        let tax_id = expect.tax_id.as_deref().map(Cuit::parse);
        assert_eq!(code.tax_id(), tax_id.and_then(Result::ok), "{id}");
        let account = expect.account.as_deref().map(Account::parse);
        assert_eq!(code.account(), account.and_then(Result::ok), "{id}");
        assert_eq!(code.warnings(), [], "{id}");
    }
}

#[test]
fn a_code_of_the_scheme_agrees_with_the_amount_it_asks_for_and_a_foreign_one_never_does() {
    for vector in Codes::read().valid {
        let code = Code::read(&vector.payload).unwrap();
        if vector.profile == "ar" {
            let total = code.money().unwrap().unwrap_or(pesos("1234.50"));
            assert_eq!(code.held_against(total, None), Ok(()), "{}", vector.id);
        } else {
            let refused = code.held_against(pesos("1234.50"), None);
            assert!(refused.is_err(), "{}", vector.id);
        }
    }
}

/// Why a code would not be shown, by the stable codes; `None` when it would be.
fn refusal(vector: &InvalidCode) -> Option<String> {
    let code = match Code::read(&vector.payload) {
        Ok(code) => code,
        Err(QrError::Value { tag }) => return Some(format!("value {tag:02}")),
        Err(QrError::Missing { tag }) => return Some(format!("missing {tag:02}")),
        Err(error) => return Some(error.code().to_owned()),
    };
    let total = match &vector.expected_amount {
        Some(amount) => pesos(amount),
        None => code
            .money()
            .ok()
            .flatten()
            .unwrap_or_else(|| pesos("1234.50")),
    };
    let mismatch = code.held_against(total, None).err()?;
    Some(format!("mismatch {}", mismatch.code()))
}

#[test]
fn every_invalid_code_is_refused_for_what_is_wrong_with_it() {
    for vector in Codes::read().invalid {
        let id = &vector.id;
        let Some(refusal) = refusal(&vector) else {
            // What a provider returns with too long a city is shown all the same.
            let warnings = Code::read(&vector.payload).unwrap().warnings();
            let too_long = warnings
                .iter()
                .any(|warning| matches!(warning, Warning::TooLong { .. }));
            assert!(too_long, "{id}: accepted with {warnings:?}");
            continue;
        };
        if vector.crc_fits {
            assert_ne!(refusal, "crc", "{id}");
        }
        if are_ours() {
            let expected = match vector.reason.as_str() {
                "AMOUNT_MISMATCH" => "mismatch amount",
                "AMOUNT_TOO_LONG" | "BAD_AMOUNT" => "value 54",
                "BAD_COUNTRY" => "value 58",
                "BAD_CURRENCY" => "value 53",
                "BAD_INITIATION_METHOD" => "value 01",
                "BAD_MCC" => "value 52",
                "COUNTRY_NOT_AR" => "mismatch country",
                "CRC_FORMAT" => "value 63",
                "CRC_MISMATCH" => "crc",
                "CRC_MISSING" => "missing 63",
                "CURRENCY_NOT_ARS" => "mismatch currency",
                "DUPLICATE_TAG" => "twice",
                "EMPTY" => "empty",
                "FIRST_TAG_NOT_00" => "first",
                "LENGTH_NOT_NUMERIC" => "length",
                "MISSING_TAG_52" => "missing 52",
                "MISSING_TAG_59" => "missing 59",
                "MISSING_TAG_60" => "missing 60",
                "NAME_TOO_LONG" => "value 59",
                "NESTED_OVERFLOW" => "template",
                "NOT_EMV" => "not-emv",
                "NO_MERCHANT_ACCOUNT" => "no-payee",
                "TRUNCATED" => "truncated",
                reason => panic!("{id}: reason {reason} has no code here"),
            };
            assert_eq!(refusal, expected, "{id}");
        }
    }
}

/// The codes that the vectors have for warnings of ours.
const WARNINGS: [(&str, &str); 4] = [
    ("AMOUNT_ZERO", "amount-zero"),
    ("CRC_LOWERCASE", "crc-lower-case"),
    ("RAW_TEMPLATE", "raw-template"),
    ("TAX_ID_SHAPE", "tax-id-shape"),
];

#[test]
fn what_is_only_odd_is_read_with_a_warning() {
    for vector in Codes::read().quirks {
        let id = &vector.id;
        let code = match Code::read(&vector.payload) {
            Ok(code) => code,
            Err(error) => {
                assert!(!vector.strict_errors.is_empty(), "{id}: {error}");
                continue;
            }
        };
        let text = vector.after_trim.as_ref().unwrap_or(&vector.payload);
        assert_eq!(code.text(), text, "{id}");
        let found: BTreeSet<&str> = code
            .warnings()
            .iter()
            .filter_map(|found| WARNINGS.iter().find(|(_, ours)| *ours == found.code()))
            .map(|(theirs, _)| *theirs)
            .collect();
        let expected: BTreeSet<&str> = WARNINGS
            .iter()
            .map(|(theirs, _)| *theirs)
            .filter(|theirs| vector.warnings.iter().any(|warning| warning == theirs))
            .collect();
        assert_eq!(found, expected, "{id}");
    }
}

/// `None` when other vectors are read, which need not have the code.
fn quirk(id: &str) -> Option<Code> {
    are_ours().then(|| Code::read(&payload(id)).unwrap_or_else(|error| panic!("{id}: {error}")))
}

#[test]
fn a_long_city_is_no_reason_to_refuse() {
    if let Some(code) = quirk("city-25") {
        assert_eq!(code.city(), "PROVINCIA DE BUENOS AIRES");
        assert_eq!(code.warnings(), [Warning::TooLong { tag: 60 }]);
    }
}

#[test]
fn lengths_in_bytes_are_understood_where_accents_make_the_difference() {
    if let Some(code) = quirk("accents-in-name-bytes") {
        assert_eq!(code.name(), "Café Ñandú");
        assert_eq!(code.city(), "CABA");
        assert_eq!(code.warnings(), [Warning::LengthsInBytes]);
        assert_eq!(code.held_against(pesos("10"), None), Ok(()));
    }
}

#[test]
fn a_placeholder_in_the_place_of_a_tax_identifier_is_nobodys() {
    for id in ["tax-id-zeros", "public-wallet-test-2"] {
        if let Some(code) = quirk(id) {
            assert_eq!(code.tax_id(), None, "{id}");
        }
    }
    if let Some(code) = quirk("tax-id-in-sub-01") {
        assert_eq!(code.tax_id(), Cuit::parse("30000000120").ok());
    }
}

#[test]
fn an_amount_of_zero_is_no_amount() {
    if let Some(code) = quirk("public-switch-test-zero-amount") {
        assert_eq!(code.amount(), Some("0"));
        assert_eq!(code.money(), Ok(None));
        assert_eq!(code.held_against(pesos("1500"), None), Ok(()));
    }
}

#[test]
fn raw_text_in_a_free_template_is_shown_as_no_objects() {
    if let Some(code) = quirk("raw-unreserved-templates") {
        assert_eq!(code.template(80).count(), 0);
        assert!(code.object(80).is_some());
        assert!(code.warnings().contains(&Warning::RawTemplate { tag: 80 }));
    }
}

#[test]
fn a_lower_case_checksum_fits() {
    let upper = payload("static-open-amount");
    let (body, crc) = upper.split_at(upper.len() - 4);
    let code = Code::read(&format!("{body}{}", crc.to_lowercase())).unwrap();
    assert_eq!(code.warnings(), [Warning::CrcLowerCase]);
}

#[test]
fn a_fault_says_where_it_is() {
    let good = payload("static-open-amount");
    let read = |text: &str| Code::read(text).err();
    assert_eq!(
        read(&format!("{good}5802AR")),
        Some(QrError::AfterCrc {
            at: good.chars().count()
        })
    );
    assert_eq!(
        read(&good.replacen("010211", "01a211", 1)),
        Some(QrError::Length { at: 6 })
    );
    assert_eq!(
        read(&good.replacen("010211", "0x0211", 1)),
        Some(QrError::Tag { at: 6 })
    );
    assert_eq!(read("00020101"), Some(QrError::Truncated { at: 6 }));
    assert_eq!(read("00020102\u{7}1"), Some(QrError::Control { at: 8 }));
    assert_eq!(read(&"0".repeat(513)), Some(QrError::TooLong));
}

/// Closes a text with its checksum, worked out apart from the reader's.
fn sealed(body: &str) -> String {
    let body = format!("{body}6304");
    let mut register = 0xffff_u32;
    for bit in body
        .bytes()
        .flat_map(|byte| (0..8).rev().map(move |shift| u32::from(byte >> shift & 1)))
    {
        register = register << 1 ^ bit << 16;
        if register & 0x1_0000 != 0 {
            register ^= 0x1_1021;
        }
    }
    format!("{body}{register:04X}")
}

const REST: &str = "43120008com.test5204970053030325802AR5915COMERCIO PRUEBA6004CABA";

#[test]
fn a_value_that_its_object_cannot_have_is_refused_under_a_right_checksum() {
    assert!(Code::read(&sealed(&format!("000201{REST}"))).is_ok());
    let read = |start: &str| Code::read(&sealed(&format!("{start}{REST}"))).err();
    let value = |tag| Some(QrError::Value { tag });
    assert_eq!(read("000202"), value(0));
    assert_eq!(read("000201550204"), value(55));
    assert_eq!(read("00020154051.005"), value(54));
    assert_eq!(read("0002016100"), Some(QrError::Length { at: 6 }));
}

#[test]
fn places_count_characters_whatever_their_bytes() {
    assert_eq!(
        Code::read("0002015903ñ🥐xzz").err(),
        Some(QrError::Tag { at: 13 })
    );
}

#[test]
fn what_no_reader_needs_is_only_warned_of() {
    let warnings = |end: &str| {
        Code::read(&sealed(&format!("000201{REST}{end}")))
            .unwrap()
            .warnings()
    };
    assert_eq!(warnings("5015001130-000000-1"), [Warning::TaxIdShape]);
    assert_eq!(warnings("5017001330-00000012-0"), [Warning::TaxIdShape]);
    assert_eq!(
        warnings("512600220009999001234567890127"),
        [Warning::Account]
    );
    assert_eq!(warnings("6110C1000AAABB"), []);
    assert_eq!(warnings("6111C1000AAABBB"), [Warning::TooLong { tag: 61 }]);
}

#[test]
fn a_name_or_raw_text_that_looks_like_objects_is_not_taken_apart() {
    let text =
        sealed(&format!("000201{REST}80070001Xzz").replace("5915COMERCIO PRUEBA", "59070003ABC"));
    let code = Code::read(&text).unwrap();
    assert_eq!(code.name(), "0003ABC");
    assert_eq!(code.template(59).count(), 0);
    assert_eq!(code.template(80).count(), 0);
    assert_eq!(code.warnings(), [Warning::RawTemplate { tag: 80 }]);
}

#[test]
fn a_picture_or_an_address_is_told_apart_from_a_damaged_code() {
    for text in [
        "https://ejemplo.test/",
        "data:image/png;base64,iVBORw0KGgo",
        "{}",
        "000",
        "\u{feff}000201",
        "００0201",
    ] {
        assert_eq!(Code::read(text), Err(QrError::NotEmv), "{text:?}");
    }
    assert_eq!(
        Code::read(&"iVBORw0KGgoAAAANSUhEUgAA".repeat(100)),
        Err(QrError::NotEmv)
    );
    assert_eq!(Code::read(" \r\n"), Err(QrError::Empty));
}

#[test]
fn a_currency_or_country_that_differs_is_a_mismatch_and_no_fault_of_the_code() {
    let foreign = Codes::read()
        .valid
        .into_iter()
        .find(|code| code.profile == "emvco");
    if let Some(foreign) = foreign {
        let code = Code::read(&foreign.payload).unwrap();
        assert_eq!(
            code.held_against(pesos("23.72"), None),
            Err(Mismatch::Currency)
        );
        assert_eq!(code.money(), Err(Mismatch::Currency));
    }
}

#[test]
fn no_debug_text_shows_the_account_in_a_code() {
    let code = Code::read(&payload("dynamic-acceptor-account-amount")).unwrap();
    let text = format!("{code:?}");
    assert!(!text.contains("0009999"), "{text}");
    assert!(!text.contains("3000000"), "{text}");
}
