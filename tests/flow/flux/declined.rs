//! Codes that do not pay: an outcome, with what to do about it.

use ventanilla_core::attempt::{AttemptState, NextAction};
use ventanilla_core::rails::flux::WalletAdvice as A;
use ventanilla_sandbox::FluxCodeKind as C;

use super::{Stage, TIP, attempt_in, on_both_stores};

async fn a_refused_code_says_what_to_do_and_lets_another_one_in(stage: Stage) {
    for (kind, code, advice) in [
        (C::Expired, "ERR_QR_EXPIRED", A::NewCode),
        (C::Used, "ERR_QR_EXPIRED", A::NewCode),
        (C::Malformed, "ERR_QR_MALFORMED", A::NewCode),
        (C::Unknown, "ERR_QR_UNKNOWN", A::OtherMethod),
        (C::Disabled, "ERR_QR_DISABLED", A::OtherMethod),
        (C::Funds, "ERR_INSUFFICIENT_BALANCE", A::InsufficientFunds),
        (C::OverLimit, "ERR_MAX_AMOUNT_EXCEEDED", A::Limit),
        (C::BelowMinimum, "ERR_MIN_AMOUNT_SUBCEED", A::Limit),
        (C::Refused, "ERR_BANK_REFUSAL", A::OtherMethod),
        (C::Account, "ERR_ISSUER_ACCOUNT_VIOLATION", A::OtherMethod),
        (C::Commerce, "ERR_FORBIDDEN_COMMERCE", A::OtherMethod),
    ] {
        let checkout = stage.checkout().await;
        let shown = stage.world.code(kind);
        let attempt = checkout.try_to_charge(&shown, TIP).await.unwrap();
        assert_eq!(
            (attempt.state, attempt.next_action),
            (AttemptState::Declined, NextAction::TryAgain),
            "{kind:?}"
        );
        assert_eq!(attempt.wallet_advice, Some(advice), "{kind:?}");
        assert_eq!(attempt.advice, None, "a wallet's no is no card's");
        assert!(attempt.receipt.is_none());
        let told = stage.shop.hears_of("attempt.declined", &attempt.id).await;
        assert_eq!(told["data"]["attempt"]["provider_code"], code);

        let paid = checkout.charge(0).await;
        stage.assert_paid_once(&checkout, &paid, 0).await;
        // After a decline the next attempt has a reference of its own.
        let record = checkout.record().await;
        let reference = |id: &str| attempt_in(&record, id)["reference"].clone();
        assert_ne!(reference(&attempt.id), reference(&paid.id));
    }
}

on_both_stores![a_refused_code_says_what_to_do_and_lets_another_one_in];
