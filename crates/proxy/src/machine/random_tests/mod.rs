//! Random sequences of everything that can happen to a session, against a provider that is modelled
//! in a few lines.
//!
//! Counts as failure, asserted by name after every step:
//!
//! | | |
//! |---|---|
//! | I1 no double payment | a second executed payment beside one that is not a duplicate |
//! | I2 one send | a call without a right, or two on one |
//! | I3 nothing lost | money that moved and is not recorded so in the end |
//! | I4 nothing invented | an end with money that no provider confirmed |
//! | I5 evidence is monotone | a success that is taken back, a doubt that becomes sendable |
//! | I6 refunds | more given back or captured than was paid; two open operations |
//! | I7 the merchant hears | an end that is not in the outbox |
//! | I8 no card data at rest | a card number in the store |
//! | never silently | a state without the event that led to it |
//!
//! Does not count: how long it takes; what follows from somebody's wrong word about the provider.
//!
//! `PROPTEST_CASES` says how many sequences each property tries; thousands want a disk in memory
//! (`TMPDIR`).

mod invariants;
mod provider;
mod world;

use std::time::Duration;

use proptest::prelude::*;
use secrecy::SecretString;
use ventanilla_core::operation::OperationKind;
use ventanilla_testbed::postgres;

use self::provider::{Fate, Heard, ReadLuck};
use self::world::{Part, Step, World};
use crate::config::process_environment;
use crate::machine::session::SettleOutcome;
use crate::store::Store;
use crate::store::scratch::Scratch;

/// Between an execution and its visibility in reads: well within what the fences allow for.
const LAG: Duration = Duration::from_secs(120);
/// Far beyond them. A second payment can then happen; none may be lost or go unnoticed.
const LONG_LAG: Duration = Duration::from_secs(3 * 3600);
const CASES: u32 = 24;
const POSTGRES_CASES: u32 = 6;

fn fates(latest: u32) -> impl Strategy<Value = Fate> {
    prop_oneof![
        1 => Just(Fate::NeverArrives),
        1 => Just(Fate::Refuses),
        1 => Just(Fate::Declines),
        4 => (0..latest).prop_map(Fate::Executes),
        2 => Just(Fate::Executes(0)),
    ]
}

fn heard() -> impl Strategy<Value = Heard> {
    prop_oneof![
        4 => Just(Heard::Everything),
        3 => Just(Heard::Nothing),
        1 => Just(Heard::AnotherAmount),
    ]
}

fn luck() -> impl Strategy<Value = ReadLuck> {
    prop_oneof![
        6 => Just(ReadLuck::Works),
        1 => Just(ReadLuck::Fails),
        1 => Just(ReadLuck::Strange),
        1 => Just(ReadLuck::AnotherAmount),
    ]
}

fn kinds() -> impl Strategy<Value = (OperationKind, Part)> {
    prop_oneof![
        2 => Just((OperationKind::Void, Part::All)),
        2 => Just((OperationKind::Refund, Part::All)),
        1 => Just((OperationKind::Capture, Part::All)),
        1 => Just((OperationKind::Capture, Part::Half)),
        1 => Just((OperationKind::Refund, Part::Half)),
        1 => Just((OperationKind::Refund, Part::More)),
    ]
}

fn outcomes() -> impl Strategy<Value = SettleOutcome> {
    prop_oneof![
        Just(SettleOutcome::NotExecuted),
        Just(SettleOutcome::Declined),
        Just(SettleOutcome::Succeeded),
    ]
}

fn steps_of_attempts() -> impl Strategy<Value = Step> {
    let which = 0_usize..4;
    prop_oneof![
        6 => (fates(30 * 60), heard()).prop_map(|(fate, heard)| Step::Pay(fate, heard)),
        6 => (0_usize..3, 1_u32..20 * 60).prop_map(|(which, gap)| Step::Reads(which, gap)),
        3 => Just(Step::Start),
        1 => which.clone().prop_map(Step::StartAgain),
        4 => which.clone().prop_map(Step::Prepare),
        5 => (which.clone(), fates(30 * 60)).prop_map(|(which, fate)| Step::TakeRight(which, fate)),
        1 => which.clone().prop_map(Step::ReturnRight),
        3 => (which.clone(), heard()).prop_map(|(which, heard)| Step::Answer(which, heard)),
        5 => (which.clone(), luck()).prop_map(|(which, luck)| Step::Read(which, luck)),
        1 => which.clone().prop_map(Step::Notice),
        1 => (which, outcomes()).prop_map(|(which, outcome)| Step::Settle(which, outcome)),
        3 => (1_u32..40 * 60).prop_map(Step::Wait),
        1 => (1_u32..10 * 3600).prop_map(Step::Wait),
        1 => Just(Step::EndSession),
        2 => Just(Step::Sweep),
    ]
}

fn steps_of_operations() -> impl Strategy<Value = Step> {
    let which = 0_usize..3;
    prop_oneof![
        6 => (kinds(), fates(40), heard()).prop_map(|((kind, _), fate, heard)| Step::Do(kind, fate, heard)),
        6 => (1_u32..20 * 60).prop_map(Step::ReadsOfOperation),
        3 => (which.clone(), kinds()).prop_map(|(which, (kind, part))| Step::Operate(which, kind, part)),
        1 => which.clone().prop_map(Step::OperateAgain),
        4 => (which.clone(), luck()).prop_map(|(which, luck)| Step::PrepareOperation(which, luck)),
        // A call that was sent is executed before its deadline or not at all.
        4 => (which.clone(), fates(40)).prop_map(|(which, fate)| Step::TakeRightToOperate(which, fate)),
        1 => which.clone().prop_map(Step::ReturnRightToOperate),
        3 => (which.clone(), heard()).prop_map(|(which, heard)| Step::AnswerOperation(which, heard)),
        5 => (which.clone(), luck()).prop_map(|(which, luck)| Step::ReadOperation(which, luck)),
        1 => (which, outcomes()).prop_map(|(which, outcome)| Step::SettleOperation(which, outcome)),
        3 => (1_u32..10 * 60).prop_map(Step::Wait),
        1 => (1_u32..30 * 3600).prop_map(Step::Wait),
        2 => Just(Step::Sweep),
    ]
}

/// A payment is made early on, so that there is something to operate on.
fn steps_with_operations() -> impl Strategy<Value = Vec<Step>> {
    let paid = (fates(60), heard()).prop_map(|(fate, heard)| {
        vec![
            Step::Start,
            Step::Prepare(0),
            Step::TakeRight(0, fate),
            Step::Wait(60),
            Step::Answer(0, heard),
            Step::Read(0, ReadLuck::Works),
            Step::Wait(240),
            Step::Read(0, ReadLuck::Works),
        ]
    });
    let mixed = prop_oneof![3 => steps_of_operations(), 1 => steps_of_attempts()];
    (paid, proptest::collection::vec(mixed, 1..40)).prop_map(|(mut steps, mixed)| {
        steps.extend(mixed);
        steps
    })
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
}

/// Plays a sequence on SQLite, against a provider whose reads lag behind.
fn play(steps: Vec<Step>, lag: Duration) {
    let scratch = Scratch::new();
    runtime().block_on(async {
        let path = scratch.file("store.db");
        let store = Store::open_sqlite(&path, None).await.unwrap();
        play_on(store, steps, lag).await;
    });
    invariants::i8_no_card_data_at_rest(&scratch.bytes());
}

/// The same on PostgreSQL.
fn play_on_postgres(steps: Vec<Step>, lag: Duration) {
    runtime().block_on(async {
        let cluster = postgres::shared().await.unwrap();
        let url = SecretString::from(cluster.create_database().await.unwrap());
        let store = Store::open_postgres(&url, None).await.unwrap();
        play_on(store, steps, lag).await;
    });
}

async fn play_on(store: Store, steps: Vec<Step>, lag: Duration) {
    let mut world = World::new(store, lag).await;
    for step in steps {
        world.act(step).await;
        world.check().await;
    }
    world.settle_down().await;
    world.check().await;
    world.check_end().await;
    world.store.close().await;
}

fn cases(unless_told: u32) -> ProptestConfig {
    let told = process_environment("PROPTEST_CASES");
    let told = told.and_then(|cases| cases.to_str()?.parse().ok());
    ProptestConfig {
        cases: told.unwrap_or(unless_told),
        max_shrink_iters: 400,
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(cases(CASES))]

    #[test]
    fn no_sequence_pays_twice_loses_a_payment_or_invents_one(
        steps in proptest::collection::vec(steps_of_attempts(), 1..40)
    ) {
        play(steps, LAG);
    }

    #[test]
    fn no_sequence_gives_back_twice_loses_an_operation_or_invents_one(
        steps in steps_with_operations()
    ) {
        play(steps, LAG);
    }

    #[test]
    fn with_reads_that_lag_beyond_every_fence_everything_is_still_recorded(
        steps in prop_oneof![
            proptest::collection::vec(steps_of_attempts(), 10..60),
            steps_with_operations(),
        ]
    ) {
        play(steps, LONG_LAG);
    }
}

proptest! {
    #![proptest_config(cases(POSTGRES_CASES))]

    #[test]
    fn on_postgresql_as_on_sqlite(
        steps in prop_oneof![
            proptest::collection::vec(steps_of_attempts(), 10..40),
            steps_with_operations(),
        ],
        long in any::<bool>(),
    ) {
        play_on_postgres(steps, if long { LONG_LAG } else { LAG });
    }
}
