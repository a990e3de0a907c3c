//! Many payments while a fifth of all calls goes wrong.

use std::time::Duration;

use tokio::task::JoinSet;
use ventanilla_core::api::read_attempt;
use ventanilla_core::attempt::AttemptState;
use ventanilla_sandbox::{Operation, RandomFaults};

use super::{NO_FUNDS, VISA};
use crate::checkout::Checkout;
use crate::world::World;

const CHECKOUTS: usize = 40;
const SEED: u64 = 7;
/// Less than the day that the sessions last.
const STEPS: usize = 60;
const STEP: Duration = Duration::from_secs(20 * 60);

// Failure is: a reference debited twice, a debit that is not recorded as paid, a payment recorded that
// was not debited, a call for money that was made twice, an attempt that never ends. Ending in "not
// executed" without having paid is none.
#[tokio::test]
async fn with_a_fifth_of_all_calls_going_wrong_every_attempt_ends_in_the_truth() {
    let world = World::open().await;
    world
        .sandbox
        .arm_random(RandomFaults {
            share_percent: 20,
            seed: SEED,
            ..RandomFaults::default()
        })
        .unwrap();
    let mut payments = JoinSet::new();
    for number in 0..CHECKOUTS {
        let checkout = world.checkout().await;
        payments.spawn(async move {
            let card = if number % 4 == 3 { NO_FUNDS } else { VISA };
            checkout.pay(card).await.id
        });
    }
    let attempts = payments.join_all().await;

    let mut open = attempts.clone();
    for _ in 0..STEPS {
        let mut still_open = Vec::new();
        for id in open {
            let record = world.attempt_record(&id).await;
            let state = AttemptState::from_name(record["state"].as_str().unwrap()).unwrap();
            if !state.is_final() {
                still_open.push((id, record["session_id"].as_str().unwrap().to_owned()));
            }
        }
        if let Some((id, session)) = still_open.first() {
            world.move_clock(STEP);
            // Reads are on their way; the proxy says when the first of them made a difference.
            let checkout = Checkout::new(world.clone(), session.clone(), String::new());
            let visitor = checkout.with_fresh_token().await;
            visitor.call(read_attempt(id, 1)).await.unwrap();
        }
        open = still_open.into_iter().map(|(id, _)| id).collect();
        if open.is_empty() {
            break;
        }
    }
    assert!(
        open.is_empty(),
        "seed {SEED}: {} attempts did not end",
        open.len()
    );

    let ledger = world.ledger();
    let met = ledger
        .calls
        .iter()
        .filter(|call| call.fault.is_some())
        .count();
    assert!(
        met > CHECKOUTS / 4,
        "seed {SEED}: only {met} faults were met"
    );
    let mut paid = 0;
    for id in &attempts {
        let record = world.attempt_record(id).await;
        let reference = record["reference"].as_str().unwrap();
        let debited = world.paid_for(reference);
        let recorded = usize::from(record["state"] == "succeeded");
        assert_eq!(recorded, debited, "seed {SEED}: {record}");
        let asked = ledger
            .calls_of(Operation::Pay)
            .filter(|call| call.reference.as_deref() == Some(reference))
            .count();
        assert!(
            asked <= 1,
            "seed {SEED}: {reference} was asked for {asked} times"
        );
        paid += recorded;
    }
    assert_eq!(world.paid(), paid, "seed {SEED}: every debit is somebody's");
    assert!(paid > CHECKOUTS / 4, "seed {SEED}: only {paid} were paid");
}
