//! A process ends in the middle, at each step, and another one takes over from the store alone.

use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Runtime;
use ventanilla_core::attempt::AttemptState;
use ventanilla_core::operation::OperationKind;
use ventanilla_core::problem::ProblemCode;
use ventanilla_core::seal::SealOptions;
use ventanilla_core::session::SessionState;
use ventanilla_proxy::machine::{Machine, NewOperation, SessionRecord};
use ventanilla_proxy::store::{AttemptRow, OperationRow, Store};
use ventanilla_sandbox::{Fault, Kind, Operation, Sandbox, SandboxOptions};

use crate::support::{
    HandClock, Scratch, VISA, attempt_until, card_rail, key, new_session, open_machine,
    operation_until, seal_to, secs, start,
};

/// A process: its own runtime, so that everything it was doing ends with it.
struct Process {
    runtime: Option<Runtime>,
    store: Store,
    machine: Arc<Machine>,
}

struct Town {
    sandbox: Sandbox,
    clock: Arc<HandClock>,
    scratch: Scratch,
}

impl Town {
    async fn new() -> Self {
        Self {
            sandbox: Sandbox::start(SandboxOptions::default()).await.unwrap(),
            clock: HandClock::new(),
            scratch: Scratch::new(),
        }
    }

    async fn start_process(&self) -> Process {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let rail = card_rail(&self.sandbox, &self.sandbox.checkout_url);
        let clock = Arc::clone(&self.clock);
        let path = self.scratch.store_path();
        let (store, machine) = runtime
            .spawn(async move {
                let (store, machine) = open_machine(rail, &path, clock).await;
                let (stop, stopped) = tokio::sync::watch::channel(false);
                tokio::spawn({
                    let machine = Arc::clone(&machine);
                    async move {
                        let _stop = stop;
                        machine.run_sweeper(stopped).await;
                    }
                });
                (store, machine)
            })
            .await
            .unwrap();
        Process {
            runtime: Some(runtime),
            store,
            machine,
        }
    }

    /// Starts a payment in `process` and comes back when the attempt is as wanted.
    async fn pay_until(
        &self,
        process: &Process,
        session_id: &str,
        state: AttemptState,
    ) -> AttemptRow {
        let (machine, session_id) = (Arc::clone(&process.machine), session_id.to_owned());
        let card = seal_to(&self.sandbox.public_key_pem(), VISA, SealOptions::default());
        let of = session_id.clone();
        process.runtime.as_ref().unwrap().spawn(async move {
            let start = start(ventanilla_core::rails::card::CardStart {
                sealed: Some(card),
                saved_card: None,
                installments: None,
                save_card: false,
            });
            let _ = machine.start_attempt(&session_id, &key(), start).await;
        });
        attempt_until(&process.store, &of, |row| row.state == state).await
    }
}

impl Town {
    /// Pays in `process`, opens a void of it, and comes back when that is as wanted.
    async fn void_until(
        &self,
        process: &Process,
        session_id: &str,
        state: AttemptState,
    ) -> OperationRow {
        let attempt = self
            .pay_until(process, session_id, AttemptState::Succeeded)
            .await;
        let machine = Arc::clone(&process.machine);
        process.runtime.as_ref().unwrap().spawn(async move {
            let (kind, new) = (OperationKind::Void, NewOperation::default());
            let _ = machine
                .start_operation(&attempt.id, kind, &key(), new)
                .await;
        });
        operation_until(&process.store, session_id, |row| row.state == state).await
    }
}

impl Process {
    async fn session(&self) -> SessionRecord {
        self.machine
            .open_session(&key(), new_session())
            .await
            .unwrap()
    }

    /// The end of it, without goodbye.
    fn kill(mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

#[tokio::test]
async fn a_process_that_ends_before_the_right_is_taken_leaves_nothing_behind() {
    let town = Town::new().await;
    let fault = Fault::once(Operation::CreateOrder, Kind::Stall).for_ms(20_000);
    town.sandbox.arm(fault).await.unwrap();
    let first = town.start_process().await;
    let session = first.session().await;
    let row = town.pay_until(&first, &session.id, AttemptState::New).await;
    first.kill();
    town.sandbox.clear_faults().await;

    let second = town.start_process().await;
    let row = second.store.attempt(&row.id).await.unwrap().unwrap();
    assert_eq!(
        row.state,
        AttemptState::NotExecuted,
        "known at once: nothing was sent"
    );
    town.pay_until(&second, &session.id, AttemptState::Succeeded)
        .await;
    assert_eq!(town.sandbox.ledger().debits.len(), 1);
}

#[tokio::test]
async fn a_process_that_ends_after_the_right_is_taken_leaves_the_outcome_to_reads() {
    for (kind, executed) in [(Kind::Stall, true), (Kind::Late, false)] {
        let town = Town::new().await;
        let fault = match kind {
            Kind::Stall => Fault::once(Operation::Pay, kind).for_ms(20_000),
            // Reached the provider, and never executed within this test.
            _ => Fault::once(Operation::Pay, kind).for_ms(3_600_000),
        };
        town.sandbox.arm(fault).await.unwrap();
        let first = town.start_process().await;
        let session = first.session().await;
        let expected = if executed {
            AttemptState::Sent
        } else {
            AttemptState::Unknown
        };
        let row = town.pay_until(&first, &session.id, expected).await;
        if executed {
            for _ in 0..2_000 {
                if town.sandbox.ledger().debits.len() == 1 {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        }
        first.kill();

        let second = town.start_process().await;
        // Nobody else may send while it is in doubt.
        let card = seal_to(&town.sandbox.public_key_pem(), VISA, SealOptions::default());
        let again = start(ventanilla_core::rails::card::CardStart {
            sealed: Some(card),
            saved_card: None,
            installments: None,
            save_card: false,
        });
        let refused = second
            .machine
            .start_attempt(&session.id, &key(), again)
            .await
            .unwrap_err();
        assert_eq!(refused.code(), ProblemCode::AttemptRunning);
        town.clock.advance(secs(51));
        if executed {
            attempt_until(&second.store, &session.id, |row| {
                row.state == AttemptState::Succeeded
            })
            .await;
            let session = second.machine.session(&session.id).await.unwrap();
            assert_eq!(session.state, SessionState::Succeeded);
        } else {
            let row = attempt_until(&second.store, &session.id, |row| row.not_found > 0).await;
            assert_eq!(row.state, AttemptState::Unknown);
        }
        let row = second.store.attempt(&row.id).await.unwrap().unwrap();
        assert_eq!(row.sends, 1);
        assert_eq!(town.sandbox.ledger().calls_of(Operation::Pay).count(), 1);
    }
}

#[tokio::test]
async fn a_process_that_ends_in_doubt_hands_the_doubt_over() {
    let town = Town::new().await;
    for fault in [
        Fault::once(Operation::Pay, Kind::ResetAfter),
        Fault::times(Operation::Transaction, Kind::Error500, 1),
    ] {
        town.sandbox.arm(fault).await.unwrap();
    }
    let first = town.start_process().await;
    let session = first.session().await;
    town.pay_until(&first, &session.id, AttemptState::Unknown)
        .await;
    attempt_until(&first.store, &session.id, |row| row.last_read_at.is_some()).await;
    first.kill();

    let second = town.start_process().await;
    town.clock.advance(secs(3));
    attempt_until(&second.store, &session.id, |row| {
        row.state == AttemptState::Succeeded
    })
    .await;
    assert_eq!(town.sandbox.ledger().debits.len(), 1);
}

#[tokio::test]
async fn an_end_survives_its_process() {
    let town = Town::new().await;
    let first = town.start_process().await;
    let session = first.session().await;
    let row = town
        .pay_until(&first, &session.id, AttemptState::Succeeded)
        .await;
    first.kill();

    let second = town.start_process().await;
    assert_eq!(second.store.attempt(&row.id).await.unwrap(), Some(row));
    let told = second.store.outbox(10).await.unwrap();
    assert_eq!(told.len(), 2);
    second.machine.ready().await.unwrap();
}

#[tokio::test]
async fn an_operation_whose_process_ends_before_the_right_is_taken_is_taken_up_by_the_next() {
    let town = Town::new().await;
    let first = town.start_process().await;
    let session = first.session().await;
    let stall = Fault::once(Operation::Transaction, Kind::Stall).for_ms(20_000);
    town.sandbox.arm(stall).await.unwrap();
    town.void_until(&first, &session.id, AttemptState::New)
        .await;
    while town
        .sandbox
        .ledger()
        .calls_of(Operation::Transaction)
        .count()
        == 0
    {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    first.kill();
    town.sandbox.clear_faults().await;

    let second = town.start_process().await;
    let row = operation_until(&second.store, &session.id, |row| {
        row.state == AttemptState::Succeeded
    })
    .await;
    assert_eq!(row.sends, 1);
    assert_eq!(town.sandbox.ledger().operations.len(), 1);
}

#[tokio::test]
async fn an_operation_whose_process_ends_after_the_right_is_taken_is_left_to_reads() {
    for (kind, executed) in [(Kind::Stall, true), (Kind::Late, false)] {
        let town = Town::new().await;
        let first = town.start_process().await;
        let session = first.session().await;
        let fault = match kind {
            Kind::Stall => Fault::once(Operation::Void, kind).for_ms(20_000),
            // Reached the provider, and never executed within this test.
            _ => Fault::once(Operation::Void, kind).for_ms(3_600_000),
        };
        town.sandbox.arm(fault).await.unwrap();
        let state = if executed {
            AttemptState::Sent
        } else {
            AttemptState::Unknown
        };
        let row = town.void_until(&first, &session.id, state).await;
        while town.sandbox.ledger().calls_of(Operation::Void).count() == 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        first.kill();

        let second = town.start_process().await;
        let refused = second
            .machine
            .start_operation(
                &row.attempt_id,
                OperationKind::Refund,
                &key(),
                NewOperation::default(),
            )
            .await
            .unwrap_err();
        assert_eq!(refused.code(), ProblemCode::OperationRunning);
        town.clock.advance(secs(51));
        if executed {
            operation_until(&second.store, &session.id, |row| {
                row.state == AttemptState::Succeeded
            })
            .await;
        } else {
            let row = operation_until(&second.store, &session.id, |row| row.not_done > 0).await;
            assert_eq!(row.state, AttemptState::Unknown);
        }
        let row = second.store.operation(&row.id).await.unwrap().unwrap();
        assert_eq!(row.sends, 1);
        assert_eq!(town.sandbox.ledger().calls_of(Operation::Void).count(), 1);
    }
}
