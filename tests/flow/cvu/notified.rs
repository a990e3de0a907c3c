//! Notifications: hints that are read back, and never believed.

use std::time::Duration;

use serde_json::json;
use ventanilla_core::attempt::AttemptState;
use ventanilla_core::rails::cvu::Presentation;
use ventanilla_sandbox::{Fault, Kind, Notifications, NotifyMode, Operation};

use super::{LOOK, MINUTE, Stage, payable, target};
use crate::world::HOOK_PATH;

#[tokio::test]
async fn a_notification_settles_a_payment_before_the_list_is_read() {
    for presentation in [Presentation::Link, Presentation::Qr] {
        let stage = Stage::open().await;
        let checkout = stage.checkout().await;
        let attempt = checkout.issue(presentation).await;
        let credit = stage.world.pay_for(&attempt).await;
        stage.world.notify_of(&credit).await;
        stage.assert_paid(&checkout, &attempt.id).await;
        // Told again, and listed, it is the same money.
        for _ in 0..5 {
            stage.world.notify_of(&credit).await;
        }
        checkout.is_looked_for_with(6 * MINUTE).await;
        stage.world.notify_of(&credit).await;
        assert_eq!(stage.shop.told_of(&attempt.id), ["attempt.succeeded"]);
        stage.assert_paid(&checkout, &attempt.id).await;
    }
}

#[tokio::test]
async fn five_at_once_are_one_payment() {
    let stage = Stage::open().await;
    let checkout = stage.checkout().await;
    let attempt = checkout.issue(Presentation::Link).await;
    let credit = stage.world.pay_for(&attempt).await;
    let mut posted = tokio::task::JoinSet::new();
    for _ in 0..5 {
        let (world, credit) = (stage.world.clone(), credit.clone());
        posted.spawn(async move { world.notify_of(&credit).await });
    }
    posted.join_all().await;
    stage.assert_paid(&checkout, &attempt.id).await;
    checkout.is_looked_for_with(6 * MINUTE).await;
    assert_eq!(stage.shop.told_of(&attempt.id), ["attempt.succeeded"]);
}

#[tokio::test]
async fn forged_notifications_change_nothing() {
    let stage = Stage::open().await;
    let checkout = stage.checkout().await;
    let attempt = checkout.issue(Presentation::Link).await;
    let link_id = stage.world.ledger().cvu.links[0].link_id;
    // Without the secret there is nothing here.
    let body = json!({ "id": 800_001 }).to_string();
    let wrong = HOOK_PATH.replace('k', "j");
    assert_eq!(stage.world.notify(&wrong, &body).await.status, 404);
    for body in [
        body,
        json!({ "id": 990_000_001 }).to_string(),
        json!({ "id": link_id }).to_string(),
        json!({ "id": 1, "link_id": link_id, "amount": 12500.50, "status": "ok" }).to_string(),
        json!({ "id": "1/../../v2/account/balance" }).to_string(),
        json!({ "id": -1 }).to_string(),
        json!([{ "id": 1 }]).to_string(),
        String::from("not json"),
        String::new(),
    ] {
        let answer = stage.world.notify(HOOK_PATH, &body).await;
        assert_eq!((answer.status, answer.text.as_str()), (200, ""), "{body}");
    }
    checkout.is_looked_for().await;
    let waiting = checkout.with_fresh_token().await.attempt(&attempt.id).await;
    assert_eq!(waiting.state, AttemptState::Issued);
    assert!(!payable(&waiting).seen);
    assert!(stage.shop.told().is_empty());
    let ledger = stage.world.ledger();
    assert_eq!(ledger.calls_of(Operation::CvuBalance).count(), 0);
}

#[tokio::test]
async fn a_notification_of_somebody_elses_money_is_nobodys_payment() {
    let stage = Stage::open().await;
    let checkout = stage.checkout().await;
    let attempt = checkout.issue(Presentation::Link).await;
    let before = stage.world.looks();
    let credit = stage.world.transfer("3.00", "empresa.prueba").await;
    stage.world.notify_of(&credit).await;
    checkout.is_looked_for().await;
    assert!(stage.world.looks() > before);
    stage.assert_unpaid(&checkout).await;
    let told = stage.shop.told_of(&attempt.id);
    assert_eq!(told, ["credit.review"], "another amount, while one waits");
}

#[tokio::test]
async fn notifications_of_every_kind_and_credits_that_come_late_end_in_the_truth() {
    for mode in [
        NotifyMode::Early,
        NotifyMode::OnTime,
        NotifyMode::Late,
        NotifyMode::FiveTimes,
        NotifyMode::Forged,
    ] {
        let mut options = super::options();
        options.cvu.credit_delay_ms = 20_000;
        let stage = Stage::open_as(options, super::ACCOUNT).await;
        let url = format!("{}/hooks/cvu/{HOOK_PATH}", stage.world.origin());
        stage
            .world
            .sandbox
            .notify_credits(Notifications {
                url: Some(url.parse().unwrap()),
                mode,
                ..Notifications::default()
            })
            .unwrap();
        let checkout = stage.checkout().await;
        let attempt = checkout.issue(Presentation::Qr).await;
        stage.world.pay_for(&attempt).await;
        checkout.is_looked_for_with(Duration::from_secs(1)).await;
        checkout
            .waits_with(&attempt.id, AttemptState::Succeeded, 2 * LOOK)
            .await;
        stage.assert_paid(&checkout, &attempt.id).await;
        stage.world.move_clock(2 * MINUTE);
        checkout.is_looked_for_with(6 * MINUTE).await;
        assert_eq!(
            stage.shop.told_of(&attempt.id),
            ["attempt.succeeded"],
            "{mode:?}"
        );
    }
}

#[tokio::test]
async fn a_list_that_came_first_and_a_notification_that_came_last_are_one_payment() {
    let stage = Stage::open().await;
    let checkout = stage.checkout().await;
    let attempt = checkout.issue(Presentation::Link).await;
    let credit = stage.world.pay_for(&attempt).await;
    checkout
        .waits_for(&attempt.id, AttemptState::Succeeded)
        .await;
    stage.world.notify_of(&credit).await;
    stage.world.notify_of(&credit).await;
    checkout.is_looked_for_with(6 * MINUTE).await;
    stage.assert_paid(&checkout, &attempt.id).await;
    assert_eq!(stage.shop.count(), 1);
    // The second one that follows is not taken for the first.
    let again = json!({ "insist": true });
    let second = stage
        .world
        .pay_more(&target(&attempt), again)
        .await
        .remove(0);
    stage.world.notify_of(&second).await;
    stage.shop.hears_of("credit.review", &attempt.id).await;
}

#[tokio::test]
async fn told_by_its_number_while_the_list_is_read_it_is_the_same_money() {
    for is_shared in [false, true] {
        let stage = if is_shared {
            Stage::open_shared().await
        } else {
            Stage::open().await
        };
        let checkout = stage.checkout().await;
        let link = checkout.issue(Presentation::Link).await;
        let code = checkout.change_to(&link, Presentation::Qr).await;
        checkout.is_looked_for().await;
        // The list shows the money, and its answer is on its way for a while.
        let credit = stage.world.pay_for(&link).await;
        let stall = Fault::once(Operation::CvuTransactions, Kind::Stall).for_ms(1_500);
        stage.world.sandbox.arm(stall).await.unwrap();
        let is_stalled = || {
            let ledger = stage.world.ledger();
            ledger.calls.iter().any(|call| call.fault.is_some())
        };
        for _ in 0..2_000 {
            if is_stalled() {
                break;
            }
            checkout.view().await;
            stage.world.move_clock(Duration::from_millis(20));
        }
        assert!(is_stalled());
        let other = if is_shared {
            stage.world.beside().await
        } else {
            stage.world.clone()
        };
        other.notify_of(&credit).await;
        // Where two processes judge, the one that looks goes first, and the list does not tell which of a
        // session's attempts was paid.
        checkout.is_looked_for_with(6 * MINUTE).await;
        let record = checkout.record().await;
        let paid = [&link.id, &code.id]
            .into_iter()
            .filter(|id| super::attempt_in(&record, id)["state"] == "succeeded");
        let paid: Vec<_> = paid.collect();
        assert_eq!(paid.len(), 1, "{record}");
        assert!(is_shared || paid == [&link.id], "its number names the link");
        stage.assert_paid(&checkout, paid[0]).await;
        let credits = record["credits"].as_array().unwrap();
        assert_eq!(credits.len(), 1, "shared: {is_shared}, {record}");
        let told = [&link.id, &code.id].map(|id| stage.shop.told_of(id));
        let succeeded = told
            .iter()
            .flatten()
            .filter(|kind| *kind == "attempt.succeeded");
        assert_eq!(succeeded.count(), 1, "{told:?}");
    }
}
