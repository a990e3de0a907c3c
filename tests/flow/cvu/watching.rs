//! How the account is looked at: once for everybody.

use std::time::Duration;

use tokio::task::JoinSet;
use ventanilla_core::api::read_attempt;
use ventanilla_core::attempt::AttemptState;
use ventanilla_core::rails::cvu::Presentation;
use ventanilla_sandbox::{CvuBuyerForm, CvuExpiresAt, CvuListAmounts, CvuListForm, Operation};

use super::{LIFETIME, LOOK, MINUTE, Stage};
use crate::checkout::Checkout;
use crate::world::World;

/// Sessions of different amounts, each with a code that is shown.
async fn waiting(stage: &Stage, count: u64) -> Vec<(Checkout, String)> {
    let mut waiting = Vec::new();
    for number in 0..count {
        let checkout = stage.checkout_of(1_000_000 + number).await;
        let attempt = checkout.issue(Presentation::Transfer).await;
        waiting.push((checkout, attempt.id));
    }
    waiting
}

/// So often the proxy is asked in a second, by however many.
const ASKS: usize = 100;

/// Everybody asks, while `seconds` go by one at a time; how often the provider was asked.
async fn looks_while_they_wait(
    world: &World,
    waiting: &[(Checkout, String)],
    seconds: u32,
) -> usize {
    let before = world.looks();
    for _ in 0..seconds {
        world.move_clock(Duration::from_secs(1));
        let mut asked = JoinSet::new();
        for (checkout, id) in waiting.iter().cloned().cycle().take(ASKS) {
            asked.spawn(async move { checkout.call(read_attempt(&id, 0)).await.unwrap().state });
        }
        for state in asked.join_all().await {
            assert_eq!(state, AttemptState::Issued);
        }
    }
    world.looks() - before
}

#[tokio::test]
async fn a_hundred_buyers_cost_no_more_looks_than_one() {
    const SECONDS: u32 = 20;
    let stage = Stage::open().await;
    let one = waiting(&stage, 1).await;
    let alone = looks_while_they_wait(&stage.world, &one, SECONDS).await;
    assert!(alone >= 2, "{alone}: somebody looks");
    let stage = Stage::open().await;
    let hundred = waiting(&stage, 100).await;
    let together = looks_while_they_wait(&stage.world, &hundred, SECONDS).await;
    // One every two seconds of the steps, and the real time that the answers took.
    let most = usize::try_from(SECONDS).unwrap() / 2 + 15;
    assert!(together >= 2, "{together}: somebody looks");
    assert!(
        together <= most,
        "{together} looks for a hundred buyers, {alone} for one"
    );
}

#[tokio::test]
async fn two_proxies_on_one_database_share_a_look() {
    const SECONDS: u32 = 20;
    let stage = Stage::open_shared().await;
    let beside = stage.world.beside().await;
    let mut fifty = waiting(&stage, 50).await;
    for (number, (checkout, _)) in fifty.iter_mut().enumerate() {
        if number % 2 == 1 {
            *checkout = checkout.through(&beside);
        }
    }
    let looks = looks_while_they_wait(&stage.world, &fifty, SECONDS).await;
    let most = usize::try_from(SECONDS).unwrap() / 2 + 15;
    assert!((2..=most).contains(&looks), "{looks} looks of both");

    // What one of them finds, a buyer at the other hears of.
    stage.world.transfer("10000.01", "prueba.demo.uno").await;
    let (checkout, id) = &fifty[1];
    checkout.waits_for(id, AttemptState::Succeeded).await;
    stage.assert_paid(checkout, id).await;
    stage.world.kill_proxy();
    stage.world.transfer("10000.03", "prueba.demo.uno").await;
    let (checkout, id) = &fifty[3];
    checkout.waits_for(id, AttemptState::Succeeded).await;
    let told = stage.shop.hears_of("attempt.succeeded", id).await;
    assert_eq!(told["data"]["session"]["state"], "succeeded");
}

#[tokio::test]
async fn a_credit_that_appears_with_a_delay_is_found_when_it_does() {
    let mut options = super::options();
    options.cvu.credit_delay_ms = 5 * 60 * 1000;
    let stage = Stage::open_as(options, super::ACCOUNT).await;
    let checkout = stage.checkout().await;
    let attempt = checkout.issue(Presentation::Qr).await;
    stage.world.move_clock(LIFETIME - MINUTE);
    stage.world.pay_for(&attempt).await;
    checkout.is_looked_for().await;
    stage.assert_unpaid(&checkout).await;
    stage.world.move_clock(MINUTE);
    checkout.waits_for(&attempt.id, AttemptState::Expired).await;
    stage.world.move_clock(4 * MINUTE);
    checkout
        .waits_with(&attempt.id, AttemptState::Succeeded, 5 * LOOK)
        .await;
    stage.assert_paid(&checkout, &attempt.id).await;
}

#[tokio::test]
async fn an_access_token_that_runs_out_is_renewed_and_nobody_notices() {
    let mut options = super::options();
    options.cvu.token_lifetime_secs = 120;
    let stage = Stage::open_as(options, super::ACCOUNT).await;
    for _ in 0..3 {
        let checkout = stage.checkout().await;
        let attempt = checkout.issue(Presentation::Link).await;
        stage.world.pay_for(&attempt).await;
        checkout
            .waits_for(&attempt.id, AttemptState::Succeeded)
            .await;
        stage.world.move_clock(20 * MINUTE);
        // Ended by the provider before its time, too.
        stage
            .world
            .arm(
                Operation::CvuTransactions,
                ventanilla_sandbox::Kind::ExpireSessions,
            )
            .await;
        stage.world.move_clock(20 * MINUTE);
    }
    let tokens = stage.world.ledger().calls_of(Operation::CvuToken).count();
    assert!((3..=60).contains(&tokens), "{tokens}");
}

#[tokio::test]
async fn a_provider_that_writes_things_its_own_way_is_understood() {
    let mut options = super::options();
    options.cvu.ids_as_text = true;
    options.cvu.cashin_amount_as_text = true;
    options.cvu.null_sale_point = true;
    options.cvu.list = CvuListForm::Bare;
    options.cvu.list_amounts = CvuListAmounts::EsAr;
    options.cvu.expires_at = CvuExpiresAt::Text;
    options.cvu.buyer = CvuBuyerForm::Mixed;
    let stage = Stage::open_as(options, super::ACCOUNT).await;
    let checkout = stage.checkout().await;
    let attempt = checkout.issue(Presentation::Link).await;
    stage.world.pay_for(&attempt).await;
    checkout
        .waits_for(&attempt.id, AttemptState::Succeeded)
        .await;
    stage.assert_paid(&checkout, &attempt.id).await;
    let checkout = stage.checkout().await;
    let attempt = checkout.issue(Presentation::Qr).await;
    let credit = stage.world.pay_for(&attempt).await;
    stage.world.notify_of(&credit).await;
    stage.assert_paid(&checkout, &attempt.id).await;
}

#[tokio::test]
async fn many_rows_of_others_hide_nobody() {
    let stage = Stage::open().await;
    for number in 0..45 {
        let amount = format!("{}.00", 10 + number);
        stage.world.transfer(&amount, "empresa.prueba").await;
    }
    stage.world.move_clock(3 * MINUTE);
    let checkout = stage.checkout().await;
    let attempt = checkout.issue(Presentation::Transfer).await;
    stage.world.transfer(super::TOTAL, "prueba.demo.uno").await;
    checkout
        .waits_for(&attempt.id, AttemptState::Succeeded)
        .await;
    stage.assert_paid(&checkout, &attempt.id).await;
    assert_eq!(stage.shop.count(), 1);
}
