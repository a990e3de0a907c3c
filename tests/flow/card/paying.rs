//! Payments that are answered.

use std::collections::HashSet;

use aes::cipher::{KeyIvInit as _, StreamCipher as _};
use base64::Engine as _;
use rsa::pkcs8::DecodePrivateKey as _;
use serde_json::{Value, json};
use tokio::task::JoinSet;
use ventanilla_core::attempt::{AttemptState, NextAction};
use ventanilla_core::card::Brand;
use ventanilla_core::session::SessionState;
use ventanilla_sandbox::{DebitState, Operation, test_cards};

use super::{AMEX, MASTERCARD, NO_FUNDS, VISA};
use crate::checkout::Choice;
use crate::world::World;

#[tokio::test]
async fn an_approved_card_ends_in_a_receipt_and_in_one_debit() {
    let world = World::open().await;
    let checkout = world.checkout().await;
    let before = checkout.view().await;
    assert_eq!(before.state, SessionState::Open);
    assert_eq!(
        (before.payee.as_str(), before.order_reference.as_str()),
        ("Tienda Ejemplo", "A-1042")
    );
    assert_eq!(before.total.decimal_text(), "1250.50");

    let attempt = checkout.pay(VISA).await;
    assert_eq!(
        (attempt.state, attempt.next_action),
        (AttemptState::Succeeded, NextAction::Finish)
    );
    let receipt = attempt.receipt.clone().unwrap();
    assert_eq!(receipt.paid, before.total);
    assert_eq!(
        (receipt.brand, receipt.last4.as_deref()),
        (Some(Brand::Visa), Some("4242"))
    );
    assert!(!receipt.card_saved);

    let ledger = world.ledger();
    let [debit] = ledger.debits.as_slice() else {
        panic!("{:?}", ledger.debits)
    };
    assert_eq!(debit.state, DebitState::Approved);
    assert_eq!(debit.reference, world.reference_of(&attempt).await);
    assert_eq!(
        (debit.amount.as_str(), debit.currency.as_str()),
        ("1250.50", "CRC")
    );
    assert_eq!(debit.authorization, receipt.authorization);
    assert_eq!(
        (debit.bin.as_str(), debit.last4.as_str()),
        ("424242", "4242")
    );

    let record = checkout.record().await;
    assert_eq!(record["state"], "succeeded");
    assert_eq!(record["attempts"][0]["state"], "succeeded");
    assert_eq!(record["attempts"][0]["id"], attempt.id.as_str());
    assert_eq!(checkout.view().await.state, SessionState::Succeeded);
}

#[tokio::test]
async fn every_published_card_that_is_approved_is_paid_with_its_brand() {
    let world = World::open().await;
    for listed in test_cards()
        .iter()
        .filter(|card| card.outcome == "approved")
    {
        let attempt = world.checkout().await.pay(listed.number).await;
        let receipt = attempt.receipt.expect(listed.number);
        assert!(
            listed.number.ends_with(&receipt.last4.unwrap()),
            "{}",
            listed.number
        );
        assert!(receipt.brand.is_some(), "{}", listed.number);
    }
    assert_eq!(world.paid(), 9);
}

// Judged by independent implementations of RSA and AES.
#[tokio::test]
async fn a_sealed_card_opens_to_the_same_card() {
    let world = World::open().await;
    let checkout = world.checkout_for(json!({ "installments": [3, 6] })).await;
    let choice = Choice {
        installments: Some(6),
        save: true,
    };
    let sealed = checkout.seal(AMEX, choice).await;
    let private = include_str!("../../../crates/sandbox/keys/sandbox_private.pem");
    let private = rsa::RsaPrivateKey::from_pkcs8_pem(private).unwrap();
    let lk = base64::engine::general_purpose::STANDARD
        .decode(&sealed.lk)
        .unwrap();
    assert_eq!(lk.len(), 128);
    let envelope: Value =
        serde_json::from_slice(&private.decrypt(rsa::Pkcs1v15Encrypt, &lk).unwrap()).unwrap();
    let key: [u8; 16] = serde_json::from_value(envelope["k"].clone()).unwrap();
    let counter = u128::from(envelope["s"].as_u64().unwrap()).to_be_bytes();
    let mut opened = hex::decode(&sealed.ld).unwrap();
    ctr::Ctr128BE::<aes::Aes128>::new(&key.into(), &counter.into()).apply_keystream(&mut opened);
    let opened: Value = serde_json::from_slice(&opened).unwrap();
    let nickname = opened["card"]["nickname"].as_str().unwrap().to_owned();
    assert_eq!(
        opened,
        json!({
            "card": {
                "cardHolder": "Marta Solano Mora",
                "expirationDate": { "month": 12, "year": 39 },
                "cardNumber": AMEX,
                "cvc": "9371",
                "nickname": nickname,
            },
            "tokenize": true,
            "options": { "numberOfPayments": "6" },
        })
    );
    assert!((6..50).contains(&nickname.chars().count()), "{nickname}");
}

/// What a buyer is advised after each response code, by the provider's table of codes. 899 is missing:
/// it is no end.
const ADVICE: [(&str, &str); 34] = [
    ("01", "call_bank"),
    ("03", "ask_shop"),
    ("04", "other_card"),
    ("05", "other_card"),
    ("12", "other_card"),
    ("13", "ask_shop"),
    ("14", "check_number"),
    ("19", "try_again"),
    ("30", "ask_shop"),
    ("31", "other_card"),
    ("41", "other_card"),
    ("43", "other_card"),
    ("51", "insufficient_funds"),
    ("54", "check_expiry"),
    ("55", "other_card"),
    ("58", "other_card"),
    ("62", "other_card"),
    ("63", "other_card"),
    ("65", "other_card"),
    ("78", "other_card"),
    ("89", "ask_shop"),
    ("91", "try_later"),
    ("96", "try_later"),
    ("201", "call_bank"),
    ("203", "ask_shop"),
    ("205", "other_card"),
    ("212", "other_card"),
    ("241", "other_card"),
    ("251", "insufficient_funds"),
    ("255", "other_card"),
    ("262", "other_card"),
    ("278", "other_card"),
    ("296", "try_later"),
    ("996", "other_card"),
];

#[tokio::test]
async fn every_decline_comes_with_advice_and_without_the_banks_words() {
    let world = World::open().await;
    let mut codes = HashSet::new();
    for listed in test_cards()
        .iter()
        .filter(|card| card.outcome == "declined")
    {
        let code = listed.resp_code.unwrap();
        let Some((_, advice)) = ADVICE.iter().find(|(listed, _)| *listed == code) else {
            assert_eq!(code, "899", "a code without advice");
            continue;
        };
        codes.insert(code);
        let checkout = world.checkout().await;
        let attempt = checkout.pay(listed.number).await;
        assert_eq!(
            (attempt.state, attempt.next_action),
            (AttemptState::Declined, NextAction::TryAgain),
            "{code}"
        );
        assert_eq!(
            serde_json::to_value(attempt.advice).unwrap(),
            *advice,
            "{code}"
        );
        assert!(attempt.receipt.is_none(), "{code}");
        let record = checkout.record().await;
        assert_eq!(record["state"], "open", "{code}");
        assert_eq!(record["attempts"][0]["provider_code"], code);
    }
    assert_eq!(codes.len(), ADVICE.len());
    assert_eq!(world.paid(), 0);
    let answers = world.answers.lock().unwrap().join("\n");
    for words in [
        "Denegada",
        "Tarjeta perdida",
        "Fondos insuficientes",
        "Rechazada",
    ] {
        assert!(!answers.contains(words), "{words}");
    }
}

#[tokio::test]
async fn after_a_decline_another_card_pays() {
    let world = World::open().await;
    let checkout = world.checkout().await;
    let declined = checkout.pay(NO_FUNDS).await;
    let paid = checkout.pay(MASTERCARD).await;
    assert_eq!(paid.state, AttemptState::Succeeded);
    assert_ne!(
        world.reference_of(&paid).await,
        world.reference_of(&declined).await,
        "each attempt has a reference of its own"
    );
    assert_eq!(
        checkout.attempt(&declined.id).await.state,
        AttemptState::Declined
    );
    assert_eq!(world.paid(), 1);
}

#[tokio::test]
async fn attempts_run_out() {
    let world = World::open().await;
    let checkout = world.checkout().await;
    for _ in 0..5 {
        assert_eq!(checkout.pay(NO_FUNDS).await.state, AttemptState::Declined);
    }
    assert_eq!(
        checkout.try_to_pay(VISA).await.unwrap_err().code,
        "attempts-exhausted"
    );
    assert_eq!(world.ledger().debits.len(), 5);
}

#[tokio::test]
async fn a_paid_session_takes_no_second_payment() {
    let world = World::open().await;
    let checkout = world.checkout().await;
    let paid = checkout.pay(VISA).await;
    let refused = checkout.try_to_pay(MASTERCARD).await.unwrap_err();
    assert_eq!(refused.code, "session-paid");
    assert_eq!(refused.attempt_id, Some(paid.id));
    assert_eq!(world.ledger().debits.len(), 1);
}

#[tokio::test]
async fn the_same_key_twice_is_one_attempt() {
    let world = World::open().await;
    let checkout = world.checkout().await;
    let key = world.next_key();
    let first = checkout
        .start(
            key.clone(),
            checkout.sealed_start(VISA, Choice::default()).await,
        )
        .await
        .unwrap();
    // The card is sealed anew, as a widget does that was started again: other ciphertext, same request.
    let second = checkout
        .start(key, checkout.sealed_start(VISA, Choice::default()).await)
        .await
        .unwrap();
    assert_eq!((first.id, first.state), (second.id, second.state));
    assert_eq!(world.ledger().debits.len(), 1);
}

#[tokio::test]
async fn the_same_key_with_another_body_is_refused() {
    let world = World::open().await;
    let checkout = world.checkout_for(json!({ "installments": [3] })).await;
    let key = world.next_key();
    checkout
        .start(
            key.clone(),
            checkout.sealed_start(NO_FUNDS, Choice::default()).await,
        )
        .await
        .unwrap();
    let in_three = Choice {
        installments: Some(3),
        save: false,
    };
    let refused = checkout
        .start(key, checkout.sealed_start(VISA, in_three).await)
        .await
        .unwrap_err();
    assert_eq!(
        (refused.code.as_str(), refused.status),
        ("idempotency-key-reused", 422)
    );
    assert_eq!(world.ledger().debits.len(), 1);
}

#[tokio::test]
async fn without_a_key_nothing_is_started() {
    let world = World::open().await;
    let checkout = world.checkout().await;
    let start = checkout.sealed_start(VISA, Choice::default()).await;
    for key in [
        None,
        Some("short"),
        Some("spaces are not allowed"),
        Some(""),
    ] {
        let mut request = checkout
            .request("POST", "/v1/checkout/attempts")
            .header("content-type", "application/json")
            .body(serde_json::to_string(&start).unwrap());
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        let answer = world.send(request).await;
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (400, "idempotency-key-invalid"),
            "{key:?}"
        );
    }
    assert!(world.ledger().calls.is_empty());
}

#[tokio::test]
async fn of_fifty_submits_with_five_keys_one_debits() {
    let world = World::open().await;
    let checkout = world.checkout().await;
    let keys: Vec<_> = (0..5).map(|_| world.next_key()).collect();
    let mut submits = JoinSet::new();
    for number in 0..50 {
        let (checkout, key) = (checkout.clone(), keys[number % keys.len()].clone());
        submits.spawn(async move {
            let start = checkout.sealed_start(VISA, Choice::default()).await;
            checkout.start(key, start).await
        });
    }
    let mut attempts = HashSet::new();
    for answer in submits.join_all().await {
        match answer {
            Ok(attempt) => {
                assert_eq!(attempt.state, AttemptState::Succeeded);
                attempts.insert(attempt.id);
            }
            Err(problem) => {
                assert!(
                    ["attempt-running", "session-paid"].contains(&problem.code.as_str()),
                    "{problem:?}"
                );
                attempts.insert(problem.attempt_id.unwrap());
            }
        }
    }
    assert_eq!(attempts.len(), 1, "everybody is told of the same attempt");
    let ledger = world.ledger();
    assert_eq!(ledger.debits.len(), 1);
    assert_eq!(ledger.calls_of(Operation::Pay).count(), 1);
}

#[tokio::test]
async fn installments_that_are_offered_reach_the_bank() {
    let world = World::open().await;
    let checkout = world.checkout_for(json!({ "installments": [6, 3] })).await;
    assert_eq!(checkout.offer().await.installments, [3, 6]);
    let in_six = Choice {
        installments: Some(6),
        save: false,
    };
    let attempt = checkout.try_to_pay_with(VISA, in_six).await.unwrap();
    assert_eq!(attempt.receipt.unwrap().installments, Some(6));
    assert_eq!(world.ledger().debits[0].installments.as_deref(), Some("6"));
}

#[tokio::test]
async fn installments_that_are_not_offered_are_refused() {
    let world = World::open().await;
    let checkout = world.checkout_for(json!({ "installments": [3] })).await;
    let in_twelve = Choice {
        installments: Some(12),
        save: false,
    };
    let refused = checkout.try_to_pay_with(VISA, in_twelve).await.unwrap_err();
    assert_eq!(
        (refused.code.as_str(), refused.status),
        ("installments-not-offered", 422)
    );
    assert!(world.ledger().calls.is_empty());
}

#[tokio::test]
async fn installments_hidden_in_the_sealed_card_do_not_pay() {
    let world = World::open().await;
    let checkout = world.checkout_for(json!({ "installments": [3, 6] })).await;
    let in_six = Choice {
        installments: Some(6),
        save: false,
    };
    let mut start = checkout.sealed_start(VISA, in_six).await;
    start.card.as_mut().unwrap().installments = Some(3);
    let attempt = checkout.start(world.next_key(), start).await.unwrap();
    assert_ne!(attempt.state, AttemptState::Succeeded);
    assert!(world.ledger().debits.is_empty());
}

#[tokio::test]
async fn dollars_are_debited_as_dollars() {
    let world = World::open().await;
    let total = json!({ "total": { "amount_minor": 1, "currency": "USD" }, "items": [] });
    let attempt = world.checkout_for(total).await.pay(VISA).await;
    assert_eq!(attempt.receipt.unwrap().paid.decimal_text(), "0.01");
    let ledger = world.ledger();
    assert_eq!(
        (
            ledger.debits[0].amount.as_str(),
            ledger.debits[0].currency.as_str()
        ),
        ("0.01", "USD")
    );
}

#[tokio::test]
async fn a_decline_is_one_whatever_its_http_status() {
    for decline_status in [400, 402, 500] {
        let options = ventanilla_sandbox::SandboxOptions {
            decline_status,
            ..Default::default()
        };
        let world = World::open_with(options, None).await;
        let attempt = world.checkout().await.pay(NO_FUNDS).await;
        assert_eq!(attempt.state, AttemptState::Declined, "{decline_status}");
    }
}

#[tokio::test]
async fn a_buyer_who_hangs_up_has_paid_all_the_same() {
    let world = World::open().await;
    let checkout = world.checkout().await;
    world
        .sandbox
        .arm(
            ventanilla_sandbox::Fault::once(Operation::Pay, ventanilla_sandbox::Kind::Stall)
                .for_ms(300),
        )
        .await
        .unwrap();
    let attempt = checkout.pay_and_hang_up(VISA).await;
    let paid = checkout.until(&attempt.id, AttemptState::Succeeded).await;
    assert_eq!(world.debits_of(&paid).await, 1);
}
