//! Every fixture of an answer, read by the operation it belongs to.

use ventanilla_core::card::{Brand, YearMonth};
use ventanilla_providers::greenpay::status::SubscriptionChange;
use ventanilla_providers::greenpay::{
    OperationAnswer, Payment, SavedCard, StateChange, SubscriptionAnswer, SubscriptionPayment,
    TransactionDetail, TransactionRead, status,
};
use ventanilla_providers::{Cause, Outcome};

use crate::given::{
    CARD_TOKEN, KEY, REFERENCE, card_token, crc, expected, fixture, fixture_json, fixtures_dir,
    subscription,
};

fn payment(name: &str) -> Outcome<Payment> {
    let (http_status, body) = fixture(name);
    status::payment(http_status, &body, &expected(), &KEY)
}

#[test]
fn an_approved_payment_gives_authorization_card_and_amount() {
    for name in ["pay_approved", "token_payment_approved"] {
        let Outcome::Definite(Payment::Approved(approval)) = payment(name) else {
            panic!("{name}: {:?}", payment(name));
        };
        assert_eq!(approval.total, crc(125_050));
        assert_eq!(approval.authorization.as_deref(), Some("083215"));
        assert_eq!(approval.last4.as_deref(), Some("1111"));
        assert_eq!(approval.brand, Some(Brand::Visa));
        assert_eq!(approval.bin, None);
        assert!(approval.saved.is_none());
    }
}

fn saved_visa() -> SavedCard {
    SavedCard {
        last4: Some("1111".to_owned()),
        bin: Some("411111".to_owned()),
        brand: Some(Brand::Visa),
        expiry: Some(YearMonth {
            year: 2030,
            month: 12,
        }),
    }
}

#[test]
fn an_approved_payment_that_saved_its_card_gives_the_card_token() {
    let Outcome::Definite(Payment::Approved(approval)) = payment("pay_approved_tokenized") else {
        panic!("{:?}", payment("pay_approved_tokenized"));
    };
    let saved = approval.saved.unwrap();
    assert_eq!(saved.token.expose(), CARD_TOKEN);
    assert_eq!(saved.card, saved_visa());
    assert_eq!(approval.bin.as_deref(), Some("411111"));
}

#[test]
fn an_approval_without_an_amount_is_unknown() {
    let outcome = payment("pay_approved_without_amount");
    assert!(
        matches!(outcome, Outcome::Unknown(Cause::Currency)),
        "{outcome:?}"
    );
}

#[test]
fn a_decline_gives_its_code() {
    let outcome = payment("pay_declined");
    let Outcome::Definite(Payment::Declined { code }) = outcome else {
        panic!("{outcome:?}");
    };
    assert_eq!(code.as_deref(), Some("51"));
}

#[test]
fn a_timeout_with_a_reversal_is_unknown() {
    let outcome = payment("pay_declined_after_reversal");
    assert!(
        matches!(outcome, Outcome::Unknown(Cause::Reversed)),
        "{outcome:?}"
    );
}

#[test]
fn a_card_number_refused_before_the_bank_is_declined_as_an_invalid_card() {
    let outcome = payment("pay_rejected_before_bank");
    let Outcome::Definite(Payment::Declined { code }) = outcome else {
        panic!("{outcome:?}");
    };
    assert_eq!(code.as_deref(), Some(status::INVALID_CARD));
}

#[test]
fn documented_refusals_of_a_payment_say_what_was_refused() {
    for (name, cause) in [
        ("pay_decryption_failed", Cause::SealedCard),
        ("pay_session_not_found", Cause::Session),
        ("pay_invalid_token", Cause::SessionToken),
        ("token_payment_invalid_token", Cause::CardToken),
        ("create_order_unknown_merchant", Cause::Credentials),
        ("create_order_unknown_terminal", Cause::Terminal),
        ("schema_violation", Cause::Validation),
        ("schema_violation_missing_field", Cause::Validation),
    ] {
        let outcome = payment(name);
        assert!(
            matches!(outcome, Outcome::Rejected(found) if found == cause),
            "{name}: {outcome:?}"
        );
    }
}

#[test]
fn a_complaint_about_the_form_of_a_session_that_the_provider_made_is_unknown() {
    let outcome = payment("pay_invalid_uuid");
    assert!(
        matches!(outcome, Outcome::Unknown(Cause::UnknownError)),
        "{outcome:?}"
    );
}

#[test]
fn a_gateway_timeout_is_unknown() {
    let outcome = payment("gateway_timeout");
    assert!(
        matches!(outcome, Outcome::Unknown(Cause::HttpStatus(504))),
        "{outcome:?}"
    );
}

#[test]
fn orders_and_token_orders_give_a_session() {
    for name in ["create_order_response", "tokenize_order_response"] {
        let (http_status, body) = fixture(name);
        let outcome = status::order_session(http_status, &body);
        assert!(
            matches!(outcome, Outcome::Definite(_)),
            "{name}: {outcome:?}"
        );
    }
}

#[test]
fn refused_orders_say_what_was_refused() {
    for (name, cause) in [
        ("create_order_unknown_merchant", Cause::Credentials),
        ("create_order_unknown_terminal", Cause::Terminal),
        ("schema_violation", Cause::Validation),
    ] {
        let (http_status, body) = fixture(name);
        let outcome = status::order_session(http_status, &body);
        assert!(
            matches!(outcome, Outcome::Rejected(found) if found == cause),
            "{name}: {outcome:?}"
        );
    }
}

#[test]
fn a_saved_card_gives_its_token() {
    for (name, token) in [
        ("tokenize_created", CARD_TOKEN),
        (
            "update_token_created",
            "00000000-0000-4000-8000-000000000001",
        ),
    ] {
        let (http_status, body) = fixture(name);
        let outcome = status::saved_token(http_status, &body, "req-0001", &KEY);
        let Outcome::Definite(saved) = outcome else {
            panic!("{name}: {outcome:?}");
        };
        assert_eq!(saved.token.expose(), token);
        assert_eq!(saved.card, saved_visa());
        let another = status::saved_token(http_status, &body, "req-0009", &KEY);
        assert!(
            matches!(another, Outcome::Unknown(Cause::Reference)),
            "{another:?}"
        );
    }
}

#[test]
fn a_card_token_is_found_or_not() {
    let (http_status, body) = fixture("get_token_found");
    let outcome = status::saved_card(http_status, &body);
    let Outcome::Definite(card) = outcome else {
        panic!("{outcome:?}");
    };
    assert_eq!(card, saved_visa());
    let (http_status, body) = fixture("get_token_invalid");
    let outcome = status::saved_card(http_status, &body);
    assert!(
        matches!(outcome, Outcome::Rejected(Cause::CardToken)),
        "{outcome:?}"
    );
}

#[test]
fn a_card_token_is_deleted_for_our_request_only() {
    let (http_status, body) = fixture("delete_token");
    let outcome = status::deletion(http_status, &body, "req-0002");
    assert!(matches!(outcome, Outcome::Definite(())), "{outcome:?}");
    let outcome = status::deletion(http_status, &body, "req-0009");
    assert!(
        matches!(outcome, Outcome::Unknown(Cause::Reference)),
        "{outcome:?}"
    );
    let (http_status, body) = fixture("get_token_invalid");
    let outcome = status::deletion(http_status, &body, "req-0002");
    assert!(
        matches!(outcome, Outcome::Rejected(Cause::CardToken)),
        "{outcome:?}"
    );
}

#[test]
fn an_approved_transaction_gives_what_a_void_needs() {
    for name in ["transaction_approved", "transaction_approved_kount"] {
        let (http_status, body) = fixture(name);
        let outcome = status::transaction(http_status, &body, REFERENCE);
        let Outcome::Definite(read) = outcome else {
            panic!("{name}: {outcome:?}");
        };
        assert_eq!(
            read,
            TransactionRead::Approved(TransactionDetail {
                total: crc(125_050),
                authorization: Some("083215".to_owned()),
                bin: Some("411111".to_owned()),
                last4: Some("1111".to_owned()),
            })
        );
    }
}

#[test]
fn a_transaction_that_is_not_there_is_not_found() {
    let (http_status, body) = fixture("transaction_not_found");
    let outcome = status::transaction(http_status, &body, REFERENCE);
    assert!(
        matches!(outcome, Outcome::Definite(TransactionRead::NotFound)),
        "{outcome:?}"
    );
}

#[test]
fn a_read_with_a_malformed_request_proves_nothing_about_the_payment() {
    let (http_status, body) = fixture("schema_violation");
    let outcome = status::transaction(http_status, &body, REFERENCE);
    assert!(
        matches!(outcome, Outcome::Rejected(Cause::Validation)),
        "{outcome:?}"
    );
}

const CHANGES: [StateChange; 3] = [
    StateChange::Voided,
    StateChange::Refunded,
    StateChange::Captured,
];

#[test]
fn void_refund_and_capture_are_done_by_their_own_answers() {
    for (name, done) in [
        ("void_done", StateChange::Voided),
        ("refund_done", StateChange::Refunded),
        ("capture_done", StateChange::Captured),
    ] {
        let (http_status, body) = fixture(name);
        for change in CHANGES {
            let outcome = status::operation(http_status, &body, change, REFERENCE);
            if change == done {
                assert!(
                    matches!(outcome, Outcome::Definite(OperationAnswer::Done)),
                    "{name}: {outcome:?}"
                );
            } else {
                assert!(
                    matches!(outcome, Outcome::Unknown(_)),
                    "{name} for {change:?}: {outcome:?}"
                );
            }
        }
    }
}

#[test]
fn a_refused_operation_says_why_in_a_word_of_ours() {
    for (name, change, expected_code) in [
        ("void_not_found", StateChange::Voided, status::NOT_FOUND),
        ("void_not_found", StateChange::Refunded, status::NOT_FOUND),
        ("void_not_found", StateChange::Captured, status::NOT_FOUND),
        ("void_too_late", StateChange::Voided, status::TOO_LATE),
        ("void_too_late", StateChange::Refunded, status::NOT_READY),
        ("void_too_late", StateChange::Captured, status::NOT_READY),
    ] {
        let (http_status, body) = fixture(name);
        let outcome = status::operation(http_status, &body, change, REFERENCE);
        let Outcome::Definite(OperationAnswer::Refused { code }) = outcome else {
            panic!("{name}: {outcome:?}");
        };
        assert_eq!(code.as_deref(), Some(expected_code), "{name}");
    }
}

/// Whatever an operation is answered with, also with what belongs to another, it never takes it for
/// its own success.
#[test]
fn no_operation_takes_the_answer_of_another_for_its_own() {
    let payments = [
        "pay_approved",
        "pay_approved_tokenized",
        "token_payment_approved",
    ];
    let declines = ["pay_declined", "pay_rejected_before_bank"];
    let mut answers = 0;
    for entry in std::fs::read_dir(fixtures_dir()).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        if fixture_json(&name)["http_status"].is_null() {
            continue;
        }
        answers += 1;
        let (http_status, body) = fixture(&name);
        match status::payment(http_status, &body, &expected(), &KEY) {
            Outcome::Definite(Payment::Approved(_)) => {
                assert!(payments.contains(&&*name), "{name}")
            }
            Outcome::Definite(Payment::Declined { .. }) => {
                assert!(declines.contains(&&*name), "{name}")
            }
            _ => {}
        }
        let read = status::transaction(http_status, &body, REFERENCE);
        assert_eq!(
            matches!(read, Outcome::Definite(_)),
            // A void says in the same words that there is no transaction.
            name.starts_with("transaction_") || name == "void_not_found",
            "{name}"
        );
        for (change, done) in CHANGES
            .into_iter()
            .zip(["void_done", "refund_done", "capture_done"])
        {
            let ended = match status::operation(http_status, &body, change, REFERENCE) {
                Outcome::Definite(OperationAnswer::Done) => name == done,
                Outcome::Definite(OperationAnswer::Refused { .. }) => {
                    // A read says in the same words that there is no transaction.
                    ["void_not_found", "void_too_late", "transaction_not_found"].contains(&&*name)
                }
                Outcome::Rejected(cause) => {
                    cause == Cause::Validation && name.starts_with("schema_violation")
                }
                Outcome::Unknown(_) | Outcome::NotSent(_) => name != done,
            };
            assert!(ended, "{name} for {change:?}");
        }
        let opened = status::order_session(http_status, &body);
        assert_eq!(
            matches!(opened, Outcome::Definite(_)),
            name.contains("order_response"),
            "{name}"
        );
        let saved = status::saved_token(http_status, &body, "req-0001", &KEY);
        assert_eq!(
            matches!(saved, Outcome::Definite(_)),
            ["tokenize_created", "update_token_created"].contains(&&*name),
            "{name}"
        );
        let deleted = status::deletion(http_status, &body, "req-0002");
        assert_eq!(
            matches!(deleted, Outcome::Definite(())),
            name == "delete_token",
            "{name}"
        );
        let taken = status::bulk(http_status, &body);
        assert_eq!(
            matches!(taken, Outcome::Definite(_)),
            name == "bulk_taken",
            "{name}"
        );
        subscriptions_take_only_their_own(&name, http_status, &body);
    }
    assert!(answers >= 35, "found {answers} fixtures of answers");
}

fn subscriptions_take_only_their_own(name: &str, http_status: u16, body: &str) {
    let created = status::created_subscription(http_status, body);
    assert_eq!(
        matches!(created, Outcome::Definite(_)),
        name == "subscription_created",
        "{name}"
    );
    let charged = status::subscription_payment(http_status, body, &subscription());
    let ended = match charged {
        Outcome::Definite(SubscriptionPayment::Approved(_)) => name == "subscription_paid",
        Outcome::Definite(SubscriptionPayment::Declined { .. }) => {
            name == "subscription_pay_declined"
        }
        _ => !["subscription_paid", "subscription_pay_declined"].contains(&name),
    };
    assert!(ended, "{name}");
    let card = card_token();
    for (change, done) in [
        (SubscriptionChange::Cancelled, "subscription_cancelled"),
        (SubscriptionChange::Card(&card), "subscription_card_changed"),
        (
            SubscriptionChange::Amount(crc(550_099)),
            "subscription_amount_changed",
        ),
    ] {
        let changed = status::subscription_change(http_status, body, &subscription(), change);
        if matches!(changed, Outcome::Definite(SubscriptionAnswer::Done(_))) {
            // Nothing but what comes back tells a change of the card from one of the amount.
            assert!(name == done || name.starts_with("subscription_"), "{name}");
        } else {
            assert_ne!(name, done);
        }
    }
    let listed = status::subscriptions(http_status, body);
    assert_eq!(
        matches!(listed, Outcome::Definite(_)),
        name == "subscriptions_listed",
        "{name}"
    );
    let payments = status::subscription_payments(http_status, body, &KEY);
    assert_eq!(
        matches!(payments, Outcome::Definite(_)),
        name == "subscription_payments_listed",
        "{name}"
    );
}
