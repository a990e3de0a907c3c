//! Nothing that a provider may answer makes the readers panic or believe what is not proven.

use std::sync::LazyLock;

use proptest::prelude::*;
use serde_json::{Value, json};
use ventanilla_core::money::Currency;
use ventanilla_providers::Outcome;
use ventanilla_providers::greenpay::status::SubscriptionChange;
use ventanilla_providers::greenpay::{
    Expected, OperationAnswer, Payment, StateChange, SubscriptionPayment, TransactionRead,
    notification, status,
};

use crate::given::{
    KEY, REFERENCE, SUBSCRIPTION, card_token, expected, fixture_json, sign, subscription,
};

/// Field names that the readers know, so that arbitrary JSON gets past the first look.
const NAMES: [&str; 46] = [
    "status",
    "code",
    "orderId",
    "requestId",
    "authorization",
    "amount",
    "currency",
    "result",
    "errors",
    "_signature",
    "last4",
    "brand",
    "tokenizeResp",
    "expiration_date",
    "session",
    "token",
    "success",
    "resp_code",
    "state",
    "referenceNumber",
    "last_digits",
    "bin",
    "message",
    "keyword",
    "orderReference",
    "void",
    "refund",
    "capture",
    "approved",
    "order",
    "responses",
    "rejected",
    "bulkId",
    "subscriptionId",
    "nextPaymentDate",
    "orderStatus",
    "order_reference",
    "details",
    "entries",
    "id",
    "reference_number",
    "payment_result",
    "payment_retries",
    "attemp_result",
    "card_tokens",
    "purchase_order",
];

fn scalar() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        prop::sample::select(vec![200_u16, 201, 400, 404, 500]).prop_map(Value::from),
        "\\PC{0,12}".prop_map(Value::from),
        prop::sample::select(vec![
            "SUCCESS",
            "FAIL",
            "DELETED",
            "00",
            "05",
            "899",
            "approved",
            "CRC",
            "1250.50",
            REFERENCE,
            "Invalid_pan",
            "Session not found",
            "transaction not found",
            "transaction",
            "not ready for reversion",
            "rejected",
            "ACTIVE",
            "CANCELLED",
            SUBSCRIPTION,
            "9f2c4e6a8b0d1f3a5c7e9b1d3f5a7c9e_1",
            "EVERY 1 MONTH",
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
        1 => prop::sample::select(vec![201_u16, 204, 301, 400, 401, 403, 404, 429, 500, 502, 503, 504]),
        1 => 100_u16..=999,
    ]
}

/// Reads `body` as an answer to everything; true when it was taken for an approved payment.
fn read_all(http_status: u16, body: &str) -> bool {
    let _ = status::order_session(http_status, body);
    let _ = status::saved_token(http_status, body, REFERENCE, &KEY);
    let _ = status::saved_card(http_status, body);
    let _ = status::deletion(http_status, body, REFERENCE);
    let read = status::transaction(http_status, body, REFERENCE);
    assert!(!matches!(read, Outcome::NotSent(_)));
    for change in CHANGES {
        let changed = status::operation(http_status, body, change, REFERENCE);
        assert!(!matches!(changed, Outcome::NotSent(_)));
    }
    for path in notification::Path::ALL {
        let _ = notification::read(path, body.as_bytes(), &KEY);
    }
    let id = subscription();
    let taken = status::bulk(http_status, body);
    assert!(!matches!(taken, Outcome::NotSent(_)));
    let created = status::created_subscription(http_status, body);
    assert!(!matches!(created, Outcome::NotSent(_)));
    let charged = status::subscription_payment(http_status, body, &id);
    assert!(!matches!(charged, Outcome::NotSent(_)));
    let card = card_token();
    for change in [
        SubscriptionChange::Cancelled,
        SubscriptionChange::Card(&card),
        SubscriptionChange::Amount(expected().total),
    ] {
        let _ = status::subscription_change(http_status, body, &id, change);
    }
    let _ = status::subscriptions(http_status, body);
    let _ = status::subscription_payments(http_status, body, &KEY);
    let paid = status::payment(http_status, body, &expected(), &KEY);
    assert!(!matches!(paid, Outcome::NotSent(_)));
    matches!(paid, Outcome::Definite(Payment::Approved(_)))
}

const CHANGES: [StateChange; 3] = [
    StateChange::Voided,
    StateChange::Refunded,
    StateChange::Captured,
];

/// A field of an approval, and what was made of it.
#[derive(Clone, Debug)]
enum Made {
    Kept,
    Removed,
    Replaced(Value),
}

const ESSENTIAL: [&str; 7] = [
    "/status",
    "/orderId",
    "/amount",
    "/currency",
    "/result/success",
    "/result/resp_code",
    "/_signature",
];

static SIGNATURES: LazyLock<Vec<String>> = LazyLock::new(|| {
    vec![
        sign(&format!("status:200,orderId:{REFERENCE}")),
        sign(&format!("status:500,orderId:{REFERENCE}")),
        sign(&format!("status:200,requestId:{REFERENCE}")),
        sign("status:200,orderId:another"),
    ]
});

fn made() -> impl Strategy<Value = Made> {
    prop_oneof![
        8 => Just(Made::Kept),
        1 => Just(Made::Removed),
        1 => scalar().prop_map(Made::Replaced),
        1 => prop::sample::select(SIGNATURES.clone()).prop_map(|text| Made::Replaced(text.into())),
    ]
}

fn apply(body: &mut Value, pointer: &str, made: &Made) {
    match made {
        Made::Kept => {}
        Made::Removed => {
            let (parent, name) = pointer.rsplit_once('/').unwrap();
            body.pointer_mut(parent)
                .unwrap()
                .as_object_mut()
                .unwrap()
                .remove(name);
        }
        Made::Replaced(value) => *body.pointer_mut(pointer).unwrap() = value.clone(),
    }
}

/// The answer to a call that makes `change`, as documented, and the field with its word.
fn changed(change: StateChange) -> (Value, &'static str) {
    let (name, word) = match change {
        StateChange::Voided => ("void_done", "/result/void"),
        StateChange::Refunded => ("refund_done", "/result/refund"),
        StateChange::Captured => ("capture_done", "/result/capture"),
    };
    (fixture_json(name)["body"].clone(), word)
}

/// The rule for an operation that was done, said once more and differently.
fn is_proof_of(change: StateChange, http_status: u16, body: &Value) -> bool {
    let is = |pointer: &str, values: &[Value]| {
        body.pointer(pointer)
            .is_some_and(|found| values.contains(found))
    };
    let (_, word) = changed(change);
    [200, 201].contains(&http_status)
        && is("/code", &[json!(200), json!("200")])
        && is("/status", &[json!("SUCCESS")])
        && is("/result/orderReference", &[json!(REFERENCE)])
        && (is(word, &[json!(true)])
            || change == StateChange::Captured && body.pointer(word).is_none_or(Value::is_null))
        && body
            .pointer("/errors")
            .is_none_or(|errors| errors.is_null() || errors.as_array().is_some_and(Vec::is_empty))
}

/// The rule for an approval, said once more and differently.
fn is_proof(http_status: u16, body: &Value) -> bool {
    let is = |pointer: &str, values: &[Value]| {
        body.pointer(pointer)
            .is_some_and(|found| values.contains(found))
    };
    [200, 201].contains(&http_status)
        && is("/status", &[json!(200), json!("200")])
        && is("/orderId", &[json!(REFERENCE)])
        && is("/amount", &[json!(1250.5), json!("1250.50")])
        && is("/currency", &[json!("CRC")])
        && is("/result/success", &[json!(true)])
        && is("/result/resp_code", &[json!("00")])
        && is("/_signature", &[json!(SIGNATURES[0])])
}

const CHARGED: [&str; 8] = [
    "/status",
    "/code",
    "/result/status",
    "/result/order/subscriptionId",
    "/result/order/order_reference",
    "/result/order/amount",
    "/result/order/currency",
    "/result/order/authorization",
];

/// The rule for a charge of a subscription, said once more and differently.
fn is_proof_of_charge(http_status: u16, body: &Value) -> bool {
    let text = |pointer: &str| {
        let found = body.pointer(pointer);
        found.map_or_else(String::new, |value| match value {
            Value::String(text) => text.clone(),
            value => value.to_string(),
        })
    };
    let is = |pointer: &str, values: &[Value]| {
        body.pointer(pointer)
            .is_some_and(|found| values.contains(found))
    };
    let currency = Currency::from_code(&text("/result/order/currency")).filter(|_| {
        body.pointer("/result/order/currency")
            .is_some_and(Value::is_string)
    });
    let amount = body.pointer("/result/order/amount").is_some_and(|found| {
        (found.is_number() || found.is_string())
            && currency.is_some_and(|currency| {
                let amount = text("/result/order/amount");
                ventanilla_core::money::Money::parse_provider_decimal(&amount, currency).is_ok()
            })
    });
    let authorization = body
        .pointer("/result/order/authorization")
        .is_some_and(|found| {
            let text = text("/result/order/authorization");
            (found.is_number() || found.is_string())
                && (1..=32).contains(&text.len())
                && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
        });
    let reference = text("/result/order/order_reference");
    [200, 201].contains(&http_status)
        && is("/status", &[json!("SUCCESS")])
        && is("/code", &[json!(200), json!("200")])
        && text("/result/status").eq_ignore_ascii_case("approved")
        && is("/result/order/subscriptionId", &[json!(SUBSCRIPTION)])
        && [format!("{SUBSCRIPTION}_1"), format!("{SUBSCRIPTION}_2")].contains(&reference)
        && amount
        && authorization
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn no_json_makes_a_reader_panic_or_approve(http_status in http_status(), body in any_json()) {
        prop_assert!(!read_all(http_status, &body.to_string()));
    }

    #[test]
    fn no_text_makes_a_reader_panic_or_approve(http_status in http_status(), text in "\\PC{0,200}") {
        prop_assert!(!read_all(http_status, &text));
    }

    #[test]
    fn no_cut_through_an_approval_makes_a_reader_panic_or_approve(cut in any::<prop::sample::Index>()) {
        let text = fixture_json("pay_approved_tokenized")["body"].to_string();
        let cut = cut.index(text.len());
        prop_assert!(!read_all(200, &text[..cut]));
    }

    #[test]
    fn a_payment_is_approved_exactly_when_everything_is_proven(
        http_status in http_status(),
        changes in prop::array::uniform7(made()),
    ) {
        let mut body = fixture_json("pay_approved")["body"].clone();
        for (pointer, made) in ESSENTIAL.into_iter().zip(&changes) {
            apply(&mut body, pointer, made);
        }
        prop_assert_eq!(read_all(http_status, &body.to_string()), is_proof(http_status, &body), "{}", body);
    }

    #[test]
    fn an_operation_is_done_exactly_when_everything_is_proven(
        http_status in http_status(),
        change in prop::sample::select(CHANGES.to_vec()),
        changes in prop::array::uniform5(made()),
    ) {
        let (mut body, word) = changed(change);
        let essential = ["/code", "/status", "/result/orderReference", word, "/errors"];
        for (pointer, made) in essential.into_iter().zip(&changes) {
            apply(&mut body, pointer, made);
        }
        let outcome = status::operation(http_status, &body.to_string(), change, REFERENCE);
        prop_assert_eq!(
            matches!(outcome, Outcome::Definite(OperationAnswer::Done)),
            is_proof_of(change, http_status, &body),
            "{} {}", http_status, body
        );
    }

    #[test]
    fn no_json_ends_an_operation_but_in_its_own_words(
        http_status in http_status(),
        change in prop::sample::select(CHANGES.to_vec()),
        body in any_json(),
    ) {
        let text = body.to_string();
        match status::operation(http_status, &text, change, REFERENCE) {
            Outcome::Definite(OperationAnswer::Done) => {
                prop_assert!(is_proof_of(change, http_status, &body), "{}", text);
            }
            Outcome::Definite(OperationAnswer::Refused { .. }) => {
                prop_assert_eq!(&body["status"], &json!("FAIL"));
                prop_assert!(text.contains("not found") || text.contains("not ready"), "{}", text);
            }
            _ => {}
        }
    }

    #[test]
    fn a_charge_of_a_subscription_is_approved_exactly_when_everything_is_proven(
        http_status in http_status(),
        changes in prop::array::uniform8(made()),
    ) {
        let mut body = fixture_json("subscription_paid")["body"].clone();
        for (pointer, made) in CHARGED.into_iter().zip(&changes) {
            apply(&mut body, pointer, made);
        }
        let outcome = status::subscription_payment(http_status, &body.to_string(), &subscription());
        prop_assert_eq!(
            matches!(outcome, Outcome::Definite(SubscriptionPayment::Approved(_))),
            is_proof_of_charge(http_status, &body),
            "{} {}", http_status, body
        );
    }

    #[test]
    fn no_json_is_a_signed_notification(body in any_json()) {
        for path in notification::Path::ALL {
            let notices = notification::read(path, body.to_string().as_bytes(), &KEY);
            prop_assert!(notices.unwrap_or_default().iter().all(|notice| !notice.signed));
        }
    }

    #[test]
    fn no_bytes_make_a_reader_of_notifications_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        for path in notification::Path::ALL {
            prop_assert!(notification::read(path, &bytes, &KEY).is_err());
        }
    }

    #[test]
    fn an_approval_is_never_taken_for_a_decline(
        http_status in http_status(),
        changes in prop::array::uniform7(made()),
    ) {
        let mut body = fixture_json("pay_approved")["body"].clone();
        for (pointer, made) in ESSENTIAL.into_iter().zip(&changes) {
            apply(&mut body, pointer, made);
        }
        let paid = status::payment(http_status, &body.to_string(), &expected(), &KEY);
        if matches!(paid, Outcome::Definite(Payment::Declined { .. })) {
            // Somebody who changed both what says yes: then it reads as a decline.
            prop_assert_ne!(body.pointer("/status"), Some(&json!(200)));
            prop_assert_ne!(body.pointer("/result/resp_code"), Some(&json!("00")));
            prop_assert_ne!(body.pointer("/result/success"), Some(&json!(true)));
        }
    }

    #[test]
    fn an_approval_of_another_amount_or_reference_is_not_ours(
        minor in 0_u64..=1_000_000_000,
        reference in "[a-z2-7]{26}",
    ) {
        let body = fixture_json("pay_approved")["body"].to_string();
        let expected = Expected {
            reference: reference.clone(),
            total: ventanilla_core::money::Money::from_minor(minor, Currency::CRC).unwrap(),
        };
        let paid = status::payment(200, &body, &expected, &KEY);
        let ours = minor == 125_050 && reference == REFERENCE;
        prop_assert_eq!(matches!(paid, Outcome::Definite(_)), ours);
    }

    #[test]
    fn a_transaction_is_approved_or_absent_only_by_its_own_words(http_status in http_status(), body in any_json()) {
        let read = status::transaction(http_status, &body.to_string(), REFERENCE);
        match read {
            Outcome::Definite(TransactionRead::Approved(_)) => {
                let state = body["result"]["state"].as_str().unwrap_or_default().to_lowercase();
                prop_assert_eq!(state, "approved");
            }
            Outcome::Definite(TransactionRead::NotFound) => prop_assert_eq!(&body["code"], &json!(404)),
            _ => {}
        }
    }
}
