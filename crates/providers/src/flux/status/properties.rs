//! Nothing that Flux may answer makes the readers panic or believe what is not proven.

use proptest::prelude::*;
use serde_json::{Value, json};
use ventanilla_core::money::{Currency, Money};

use super::*;
use crate::flux::order::Place;

const REFERENCE: &str = "mesa12-0001";

/// Field names that the readers know, so that arbitrary JSON gets past the first look.
const NAMES: [&str; 15] = [
    "data",
    "error",
    "code",
    "message",
    "accessToken",
    "expiresIn",
    "reference",
    "type",
    "status",
    "amount",
    "tip",
    "total",
    "issuer",
    "authorization",
    "date",
];

fn pesos(minor: u64) -> Money {
    Money::from_minor(minor, Currency::MXN).unwrap()
}

fn charge() -> Charge {
    Charge {
        reference: REFERENCE.to_owned(),
        amount: pesos(25_000),
        tip: pesos(2_500),
        place: Place::default(),
    }
}

fn order() -> RefundOrder {
    RefundOrder {
        reference: REFERENCE.to_owned(),
        amount: pesos(27_500),
        message: "Devolucion".to_owned(),
        place: Place::default(),
    }
}

fn paid() -> Value {
    json!({ "data": {
        "date": "2026-11-20T18:30:00.000Z", "issuer": "claropay", "authorization": "123456",
        "reference": REFERENCE, "type": "payment", "status": "ok",
        "amount": 25_000, "tip": 2_500, "total": 27_500,
    }})
}

fn scalar() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        // No amount: any number that JSON may hold, which the parser must refuse.
        any::<f64>().prop_map(Value::from),
        prop::sample::select(vec![0, 2_500, 25_000, 27_500]).prop_map(Value::from),
        "\\PC{0,12}".prop_map(Value::from),
        prop::sample::select(vec![
            "ok",
            "payment",
            "refund",
            "25000",
            REFERENCE,
            "ERR_QR_EXPIRED",
            "ERR_REFERENCE_ALREADY_EXISTS",
            "ERR_NOT_FOUND",
        ])
        .prop_map(Value::from),
    ]
}

fn any_json() -> impl Strategy<Value = Value> {
    scalar().prop_recursive(4, 48, 8, |inner| {
        let name = prop_oneof![
            4 => prop::sample::select(NAMES.to_vec()).prop_map(str::to_owned),
            1 => "\\PC{0,8}",
        ];
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(name, inner, 0..10)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

fn http_status() -> impl Strategy<Value = u16> {
    prop_oneof![
        3 => Just(200_u16),
        1 => prop::sample::select(vec![201_u16, 204, 301, 400, 401, 403, 404, 409, 429, 500, 502, 503, 504]),
        1 => 100_u16..=999,
    ]
}

fn answer(status: u16, body: &str) -> Answer {
    Answer {
        status,
        text: body.to_owned().into(),
    }
}

/// Reads `body` as an answer to everything; what became of a payment.
fn read_all(http_status: u16, body: &str) -> Outcome<Payment> {
    let answer = answer(http_status, body);
    let _ = token(&answer, 1_795_197_600);
    let found = transaction(&answer, REFERENCE, &[]);
    assert!(!matches!(found, Outcome::NotSent(_)));
    let refunded = refund(&answer, &order());
    assert!(!matches!(refunded, Outcome::NotSent(_)));
    let paid = payment(&answer, &charge());
    assert!(!matches!(paid, Outcome::NotSent(_)));
    paid
}

const fn is_paid(outcome: &Outcome<Payment>) -> bool {
    matches!(outcome, Outcome::Definite(Payment::Paid(_)))
}

/// A field of a payment, and what was made of it.
#[derive(Clone, Debug)]
enum Made {
    Kept,
    Removed,
    Replaced(Value),
}

const ESSENTIAL: [&str; 6] = ["reference", "type", "status", "amount", "tip", "total"];

fn made() -> impl Strategy<Value = Made> {
    prop_oneof![
        8 => Just(Made::Kept),
        1 => Just(Made::Removed),
        1 => scalar().prop_map(Made::Replaced),
    ]
}

/// The rule for a payment, said once more and differently.
fn is_proof(http_status: u16, body: &Value) -> bool {
    let data = &body["data"];
    let is = |field: &str, values: &[Value]| values.contains(&data[field]);
    [200, 201].contains(&http_status)
        && is("reference", &[json!(REFERENCE)])
        && is("type", &[json!("payment"), Value::Null])
        && is("status", &[json!("ok")])
        && is("amount", &[json!(25_000), json!("25000")])
        && is("tip", &[json!(2_500), json!("2500")])
        && is("total", &[json!(27_500), json!("27500")])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn no_json_makes_a_reader_panic_or_pay(http_status in http_status(), body in any_json()) {
        let outcome = read_all(http_status, &body.to_string());
        prop_assert!(!is_paid(&outcome) || is_proof(http_status, &body), "{}", body);
    }

    #[test]
    fn no_text_makes_a_reader_panic_or_pay(http_status in http_status(), text in "\\PC{0,200}") {
        prop_assert!(matches!(read_all(http_status, &text), Outcome::Unknown(_)));
    }

    #[test]
    fn no_cut_through_a_payment_makes_a_reader_panic_or_pay(cut in any::<prop::sample::Index>()) {
        let text = paid().to_string();
        let cut = text.get(..cut.index(text.len())).unwrap_or_default();
        prop_assert!(matches!(read_all(200, cut), Outcome::Unknown(_)));
    }

    #[test]
    fn a_payment_is_paid_exactly_when_everything_is_proven(
        http_status in http_status(),
        changes in prop::array::uniform6(made()),
    ) {
        let mut body = paid();
        for (field, made) in ESSENTIAL.into_iter().zip(&changes) {
            match made {
                Made::Kept => {}
                Made::Removed => {
                    body["data"].as_object_mut().unwrap().remove(field);
                }
                Made::Replaced(value) => body["data"][field] = value.clone(),
            }
        }
        let outcome = read_all(http_status, &body.to_string());
        prop_assert_eq!(is_paid(&outcome), is_proof(http_status, &body), "{}", body);
        prop_assert!(is_paid(&outcome) || matches!(outcome, Outcome::Unknown(_)), "{}", body);
    }

    #[test]
    fn a_payment_is_declined_by_a_listed_code_in_a_4xx_only(
        http_status in http_status(),
        code in prop_oneof![
            prop::sample::select(Decline::ALL.to_vec()).prop_map(|reason| reason.code().to_owned()),
            Just("ERR_REFERENCE_ALREADY_EXISTS".to_owned()),
            "[A-Z_]{0,20}",
        ],
        deep in any::<bool>(),
    ) {
        let error = json!({ "code": code, "message": "texto" });
        let body = if deep { json!({ "error": { "error": error } }) } else { json!({ "error": error }) };
        let outcome = read_all(http_status, &body.to_string());
        let declined = matches!(outcome, Outcome::Definite(Payment::Declined(_)));
        let expected = (400..500).contains(&http_status) && http_status != 429
            && Decline::from_code(&code).is_some();
        prop_assert_eq!(declined, expected, "{} {}", http_status, body);
        if code == "ERR_REFERENCE_ALREADY_EXISTS" {
            prop_assert!(matches!(outcome, Outcome::Unknown(_)), "{} {}", http_status, body);
        }
    }

    #[test]
    fn a_payment_of_another_amount_or_reference_is_not_ours(
        minor in 1_u64..=1_000_000_000,
        reference in "[a-z2-7]{26}",
    ) {
        let charge = Charge { reference, amount: pesos(minor), ..charge() };
        let outcome = payment(&answer(200, &paid().to_string()), &charge);
        prop_assert!(matches!(outcome, Outcome::Unknown(_)));
    }
}
