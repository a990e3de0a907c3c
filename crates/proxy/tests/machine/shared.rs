//! Several proxies on one PostgreSQL database, and one that loses its connection at the worst moment.

use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;
use tokio::sync::watch;
use ventanilla_core::attempt::AttemptState;
use ventanilla_core::operation::OperationKind;
use ventanilla_core::rails::card::CardStart;
use ventanilla_core::seal::SealOptions;
use ventanilla_proxy::machine::{Machine, NewOperation};
use ventanilla_proxy::store::Store;
use ventanilla_sandbox::{Fault, Kind, Operation, Sandbox, SandboxOptions};
use ventanilla_testbed::postgres::{self, Cut, Wire};

use crate::support::{
    HandClock, VISA, attempt_until, card_rail, key, machine_over, new_session, operation_until,
    seal_to, sealing_keys, secs, start,
};

struct Town {
    sandbox: Sandbox,
    clock: Arc<HandClock>,
    url: String,
}

/// A proxy with connections of its own.
struct Proxy {
    store: Store,
    machine: Arc<Machine>,
    _sweeping: Option<watch::Sender<bool>>,
}

impl Town {
    async fn new() -> Self {
        let cluster = postgres::shared().await.unwrap();
        Self {
            sandbox: Sandbox::start(SandboxOptions::default()).await.unwrap(),
            clock: HandClock::new(),
            url: cluster.create_database().await.unwrap(),
        }
    }

    async fn proxy(&self) -> Proxy {
        let mut proxy = self.idle_proxy(&self.url).await;
        let (sweeping, stopped) = watch::channel(false);
        tokio::spawn(Arc::clone(&proxy.machine).run_sweeper(stopped));
        proxy._sweeping = Some(sweeping);
        proxy
    }

    /// One that does not sweep.
    async fn idle_proxy(&self, url: &str) -> Proxy {
        let store = Store::open_postgres(&SecretString::from(url), Some(sealing_keys()))
            .await
            .unwrap();
        let rail = card_rail(&self.sandbox, &self.sandbox.checkout_url);
        let machine = machine_over(&store, rail, self.clock.clone()).await;
        Proxy {
            store,
            machine,
            _sweeping: None,
        }
    }

    /// Starts a payment and does not wait for it.
    fn pay(&self, proxy: &Proxy, session_id: &str) {
        let (machine, session_id) = (Arc::clone(&proxy.machine), session_id.to_owned());
        let sealed = seal_to(&self.sandbox.public_key_pem(), VISA, SealOptions::default());
        let start = start(CardStart {
            sealed: Some(sealed),
            saved_card: None,
            installments: None,
            save_card: false,
        });
        tokio::spawn(async move { machine.start_attempt(&session_id, &key(), start).await });
    }
}

async fn session(proxy: &Proxy) -> String {
    let session = proxy.machine.open_session(&key(), new_session()).await;
    session.unwrap().id
}

#[tokio::test]
async fn a_proxy_that_starts_leaves_the_others_attempts_alone_until_they_are_old() {
    let town = Town::new().await;
    let fault = Fault::once(Operation::CreateOrder, Kind::Stall).for_ms(60_000);
    town.sandbox.arm(fault).await.unwrap();
    let first = town.idle_proxy(&town.url).await;
    let session = session(&first).await;
    town.pay(&first, &session);
    let is_new = |row: &ventanilla_proxy::store::AttemptRow| row.state == AttemptState::New;
    let row = attempt_until(&first.store, &session, is_new).await;

    let second = town.proxy().await;
    town.clock.advance(secs(59));
    let unsent = second.store.attempt(&row.id).await.unwrap().unwrap();
    assert_eq!(unsent.state, AttemptState::New);
    town.clock.advance(secs(2));
    let ended = attempt_until(&second.store, &session, |row| {
        row.state == AttemptState::NotExecuted
    })
    .await;
    assert_eq!(ended.sends, 0);
    assert!(town.sandbox.ledger().debits.is_empty());
}

#[tokio::test]
async fn whoever_waits_at_one_proxy_hears_of_what_another_one_finds() {
    let town = Town::new().await;
    let fault = Fault::once(Operation::Pay, Kind::Stall).for_ms(60_000);
    town.sandbox.arm(fault).await.unwrap();
    let first = town.idle_proxy(&town.url).await;
    let session = session(&first).await;
    town.pay(&first, &session);
    let row = attempt_until(&first.store, &session, |row| {
        row.state == AttemptState::Sent
    })
    .await;
    let waiting = tokio::spawn({
        let (machine, session, id) = (Arc::clone(&first.machine), session.clone(), row.id.clone());
        async move {
            let asked = tokio::time::Instant::now();
            let wait = Duration::from_secs(30);
            let view = machine.attempt_view(&session, &id, wait).await.unwrap();
            (view.state, asked.elapsed())
        }
    });
    let second = town.proxy().await;
    town.clock.advance(secs(51));
    let found = |row: &ventanilla_proxy::store::AttemptRow| row.state == AttemptState::Succeeded;
    attempt_until(&second.store, &session, found).await;
    let (state, waited) = waiting.await.unwrap();
    assert!(
        matches!(state, AttemptState::Unknown | AttemptState::Succeeded),
        "{}",
        state.name()
    );
    assert!(waited < Duration::from_secs(20), "{waited:?}");
}

/// Whether the right to send was taken is not known then, so it is not used.
#[tokio::test]
async fn a_right_whose_commit_had_no_answer_is_not_used() {
    for cut in [Cut::Before, Cut::After] {
        let town = Town::new().await;
        let wire = Wire::to(&town.url).await.unwrap();
        let sender = town.idle_proxy(wire.url()).await;
        let session = session(&sender).await;
        // Recorded, prepared, and then the right.
        wire.cut_commit(2, cut);
        town.pay(&sender, &session);
        while wire.is_waiting() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let other = town.proxy().await;

        let (expected, settled) = match cut {
            Cut::Before => (AttemptState::Prepared, AttemptState::NotExecuted),
            Cut::After => (AttemptState::Sent, AttemptState::Unknown),
        };
        attempt_until(&other.store, &session, |row| row.state == expected).await;
        // Nobody comes for it; its age or its deadline does.
        town.clock.advance(secs(61));
        attempt_until(&other.store, &session, |row| row.state == settled).await;
        let ledger = town.sandbox.ledger();
        assert_eq!(ledger.calls_of(Operation::Pay).count(), 0, "{cut:?}");
        assert!(ledger.debits.is_empty());
    }
}

#[tokio::test]
async fn an_operation_opened_at_one_proxy_is_done_once_by_whichever_takes_it_up() {
    let town = Town::new().await;
    let door = town.idle_proxy(&town.url).await;
    let (_one, _other) = (town.proxy().await, town.proxy().await);
    let session_id = session(&door).await;
    town.pay(&door, &session_id);
    let attempt = attempt_until(&door.store, &session_id, |row| {
        row.state == AttemptState::Succeeded
    })
    .await;
    let asking = tokio::spawn({
        let (machine, id) = (Arc::clone(&door.machine), attempt.id);
        async move {
            let (kind, new) = (OperationKind::Void, NewOperation::default());
            machine.start_operation(&id, kind, &key(), new).await
        }
    });
    operation_until(&door.store, &session_id, |_| true).await;
    // The others look when they wake up, and both do.
    town.clock.advance(secs(31));
    // Its own process does not take it up, and hears of its end all the same.
    let record = asking.await.unwrap().unwrap();
    assert_eq!(record.state, AttemptState::Succeeded);
    let row = door.store.operation(&record.id).await.unwrap().unwrap();
    assert_eq!(row.sends, 1);
    let ledger = town.sandbox.ledger();
    assert_eq!(ledger.calls_of(Operation::Void).count(), 1);
}
