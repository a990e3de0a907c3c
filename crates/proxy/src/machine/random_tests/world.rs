//! A session, its machine and its provider, and everything that can happen to them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use ventanilla_core::attempt::AttemptState as S;
use ventanilla_core::money::Money;
use ventanilla_core::operation::OperationKind;

use super::provider::{Fate, Heard, Provider, ReadLuck};
use crate::clock::{Clock as _, Timestamp};
use crate::id;
use crate::machine::course::{Finding, Row, Step as Written};
use crate::machine::judge_operation::{self, Readiness};
use crate::machine::right::take;
use crate::machine::session::{SettleOutcome, SettleReview};
use crate::machine::{Machine, MachineParts, given, judge, sweep};
use crate::rails::card::CardRail;
use crate::store::{
    AttemptRow, Opened, OperationOpened, OperationRow, Overdue, SessionDraft, SessionRow,
    StartRules, Started, Store,
};
use crate::testing::HandClock;

/// The provider's client gives up after this.
pub const CALL: Duration = Duration::from_secs(40);
/// What no store may ever hold.
pub const PAN: &str = "4000000000000002";

#[derive(Clone, Copy, Debug)]
pub enum Step {
    /// All that one sender does, up to its answer.
    Pay(Fate, Heard),
    /// Several reads, so many seconds apart.
    Reads(usize, u32),
    /// All that one sender does with an operation on the newest attempt that took money.
    Do(OperationKind, Fate, Heard),
    ReadsOfOperation(u32),
    Start,
    StartAgain(usize),
    Prepare(usize),
    /// Two senders try; the second, with the same view.
    TakeRight(usize, Fate),
    ReturnRight(usize),
    Answer(usize, Heard),
    Read(usize, ReadLuck),
    /// The provider notifies.
    Notice(usize),
    Operate(usize, OperationKind, Part),
    OperateAgain(usize),
    PrepareOperation(usize, ReadLuck),
    TakeRightToOperate(usize, Fate),
    ReturnRightToOperate(usize),
    AnswerOperation(usize, Heard),
    ReadOperation(usize, ReadLuck),
    /// Somebody looked at the provider's back office, and may have looked wrongly.
    Settle(usize, SettleOutcome),
    SettleOperation(usize, SettleOutcome),
    Wait(u32),
    EndSession,
    Sweep,
}

/// How much of a payment an operation is about.
#[derive(Clone, Copy, Debug)]
pub enum Part {
    All,
    Half,
    More,
}

pub struct World {
    pub machine: Arc<Machine>,
    pub store: Store,
    pub session: SessionRow,
    pub provider: Provider,
    pub attempts_seen: BTreeMap<String, S>,
    pub operations_seen: BTreeMap<String, S>,
    /// What somebody settled against the truth.
    pub misled: BTreeSet<String>,
    clock: Arc<HandClock>,
}

impl World {
    pub async fn new(store: Store, lag: Duration) -> Self {
        let clock = Arc::new(HandClock::default());
        let machine = Machine::open(MachineParts {
            store: store.clone(),
            clock: clock.clone(),
            card: Some(given::card_rail()),
            cvu: None,
            flux: None,
            flexiti: None,
            merchant_name: String::from("Tienda Ejemplo"),
            attempts_per_session: 5,
            provider_calls: 4,
        })
        .await
        .unwrap();
        let row = given::session(clock.now());
        let opened = store
            .open_session(SessionDraft {
                row: &row,
                merchant_key: &row.id,
            })
            .await
            .unwrap();
        let Opened::New(session) = opened else {
            panic!("the session is new")
        };
        Self {
            machine,
            store,
            session,
            provider: Provider::new(lag),
            attempts_seen: BTreeMap::new(),
            operations_seen: BTreeMap::new(),
            misled: BTreeSet::new(),
            clock,
        }
    }

    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub async fn attempts(&self) -> Vec<AttemptRow> {
        self.store.attempts(&self.session.id).await.unwrap()
    }

    pub async fn operations(&self) -> Vec<OperationRow> {
        self.store.operations(&self.session.id).await.unwrap()
    }

    // Counted from the newest, so that most steps meet the one that matters.

    async fn attempt(&self, which: usize) -> Option<AttemptRow> {
        self.attempts().await.into_iter().rev().nth(which)
    }

    async fn operation(&self, which: usize) -> Option<OperationRow> {
        self.operations().await.into_iter().rev().nth(which)
    }

    async fn attempt_of(&self, operation: &OperationRow) -> AttemptRow {
        self.store
            .attempt(&operation.attempt_id)
            .await
            .unwrap()
            .unwrap()
    }

    async fn start(&self, key: &str) -> Started {
        let rules = StartRules {
            attempts: 5,
            abandoned_before: self.now() - Duration::from_secs(60),
        };
        let draft = given::attempt(&self.session, key, self.now());
        self.store.start(&draft, rules).await.unwrap()
    }

    async fn operate(&self, attempt: &AttemptRow, kind: OperationKind, amount: Money, key: &str) {
        let draft = OperationRow {
            fingerprint: format!("{} {}", kind.name(), amount.minor()),
            ..OperationRow::new(attempt, kind, amount, key, self.now()).unwrap()
        };
        if let OperationOpened::New(row) = self.store.open_operation(&draft).await.unwrap() {
            assert!(
                matches!(attempt.state, S::Succeeded | S::Duplicate),
                "I6: only what was paid is operated on"
            );
            assert_eq!(row.state, S::New);
        }
    }

    async fn prepare<R: Row>(&self, row: &R) {
        let version = row.course().version;
        self.machine
            .apply::<R>(row.id(), |scene, now| {
                let row = R::in_scene(scene);
                let resume_at = R::RESUMED.then(|| now + Duration::from_secs(60));
                let after = row.with(row.course().prepared(version, resume_at)?);
                Some(written(after, now))
            })
            .await
            .unwrap();
    }

    /// Two senders on one view. Whether one of them may send.
    async fn take_right<R: Row>(&self, row: &R) -> bool {
        let version = row.course().version;
        let mut rights = 0;
        for sender in ["one", "other"] {
            let taken = self
                .machine
                .apply::<R>(row.id(), |scene, now| {
                    take::<R>(scene, version, now, now + CALL, sender).map(R::Change::from)
                })
                .await
                .unwrap();
            rights += usize::from(taken.is_some_and(|row| row.course().state == S::Sent));
        }
        assert!(rights <= 1, "I2: a right is taken once");
        rights == 1
    }

    async fn return_right<R: Row>(&mut self, row: &R) {
        let version = row.course().version;
        if row.course().returned(version, None).is_none() || !self.provider.take_back(row.id()) {
            return;
        }
        self.machine
            .apply::<R>(row.id(), |scene, now| {
                let row = R::in_scene(scene);
                let resume_at = R::RESUMED.then(|| now + Duration::from_secs(60));
                let after = row.with(row.course().returned(version, resume_at)?);
                Some(written(after, now))
            })
            .await
            .unwrap();
    }

    async fn answer<R: Row>(&self, row: &R, finding: Option<Finding<R::Proof>>) {
        if let Some(finding) = finding {
            R::settle_answer(&self.machine, row.id(), &finding)
                .await
                .unwrap();
        }
    }

    pub async fn read(&self, row: &AttemptRow, luck: ReadLuck) {
        let reading = self.provider.shows(row, luck, self.now());
        self.machine
            .settle(&row.id, |scene, now| {
                judge::on_reading(scene, reading.clone(), now, 0)
            })
            .await
            .unwrap();
    }

    pub async fn read_operation(&self, row: &OperationRow, luck: ReadLuck) {
        let attempt = self.attempt_of(row).await;
        let reading = self.provider.shows(&attempt, luck, self.now());
        let disproves = CardRail::reads_disprove(row.kind);
        self.machine
            .apply::<OperationRow>(&row.id, |scene, now| {
                judge_operation::on_reading(scene, reading.clone(), disproves, now, 0)
            })
            .await
            .unwrap();
    }

    pub async fn prepare_operation(&self, row: &OperationRow, luck: ReadLuck) {
        if row.state != S::New {
            return;
        }
        let attempt = self.attempt_of(row).await;
        let reading = self.provider.shows(&attempt, luck, self.now());
        match judge_operation::readiness(row.kind, reading) {
            Readiness::Ready(_) => self.prepare(row).await,
            Readiness::Over(reason) => {
                self.machine
                    .end_unsent::<OperationRow>(&row.id, &reason)
                    .await
                    .unwrap();
            }
            Readiness::Later(_) => {}
        }
    }

    pub async fn send_operation(&mut self, row: &OperationRow, fate: Fate) {
        if self.take_right(row).await {
            self.provider.operate(row, fate, self.now());
        }
    }

    pub async fn answer_operation(&mut self, row: &OperationRow, heard: Heard) {
        let finding = self.provider.answer_operation(row, heard, self.now());
        self.answer(row, finding).await;
    }

    pub async fn sweep(&self) {
        let overdue = Overdue {
            deadline_before: self.now() - Duration::from_secs(10),
            unsent_before: self.now() - Duration::from_secs(60),
            waited_until: self.now(),
        };
        for row in self.store.overdue(overdue).await.unwrap() {
            if row.state == S::Sent {
                sweep::doubt(&self.machine, &row).await.unwrap();
            } else {
                self.machine
                    .end_unsent::<AttemptRow>(&row.id, "nobody came")
                    .await
                    .unwrap();
            }
        }
        let overdue = self.store.overdue_operations(overdue.deadline_before).await;
        for row in overdue.unwrap() {
            sweep::doubt(&self.machine, &row).await.unwrap();
        }
        self.store.expire_sessions(self.now()).await.unwrap();
    }

    pub async fn settle(&mut self, id: &str, outcome: SettleOutcome, executed: bool) {
        let settle = |note: &str| SettleReview {
            outcome,
            note: note.to_owned(),
            attempt_id: None,
        };
        let told_too_much = self.machine.settle_review(id, settle(PAN)).await;
        assert!(told_too_much.is_err(), "I8: a note holds no card number");
        let settled = self.machine.settle_review(id, settle("seen in the portal"));
        if settled.await.is_ok() && executed != (outcome == SettleOutcome::Succeeded) {
            self.misled.insert(id.to_owned());
        }
    }

    pub fn wait(&self, duration: Duration) {
        self.clock.advance(duration);
    }

    pub async fn act(&mut self, step: Step) {
        match step {
            Step::Pay(fate, heard) => {
                self.start(&id::make().unwrap()).await;
                let Some(row) = self.attempt(0).await else {
                    return;
                };
                self.prepare(&row).await;
                let row = self.store.attempt(&row.id).await.unwrap().unwrap();
                if self.take_right(&row).await {
                    self.provider.pay(&row, fate, self.now());
                    let finding = self.provider.answer_payment(&row, heard, self.now());
                    self.answer(&row, finding).await;
                }
            }
            Step::Reads(which, gap) => {
                for _ in 0..3 {
                    self.wait(Duration::from_secs(u64::from(gap)));
                    if let Some(row) = self.attempt(which).await {
                        self.read(&row, ReadLuck::Works).await;
                    }
                }
            }
            Step::Start => {
                self.start(&id::make().unwrap()).await;
            }
            Step::StartAgain(which) => {
                if let Some(row) = self.attempt(which).await {
                    let Started::Same(same) = self.start(&row.idempotency_key).await else {
                        panic!("a key starts one attempt")
                    };
                    assert_eq!(same.id, row.id);
                }
            }
            Step::Prepare(which) => {
                if let Some(row) = self.attempt(which).await {
                    self.prepare(&row).await;
                }
            }
            Step::TakeRight(which, fate) => {
                if let Some(row) = self.attempt(which).await
                    && self.take_right(&row).await
                {
                    self.provider.pay(&row, fate, self.now());
                }
            }
            Step::ReturnRight(which) => {
                if let Some(row) = self.attempt(which).await {
                    self.return_right(&row).await;
                }
            }
            Step::Answer(which, heard) => {
                if let Some(row) = self.attempt(which).await {
                    let finding = self.provider.answer_payment(&row, heard, self.now());
                    self.answer(&row, finding).await;
                }
            }
            Step::Read(which, luck) => {
                if let Some(row) = self.attempt(which).await {
                    self.read(&row, luck).await;
                }
            }
            Step::Notice(which) => {
                if let Some(row) = self.attempt(which).await {
                    assert!(self.machine.noticed(&row.reference).await.unwrap());
                }
                assert!(!self.machine.noticed("somebody-else-s").await.unwrap());
            }
            Step::Wait(seconds) => self.wait(Duration::from_secs(u64::from(seconds))),
            Step::EndSession => {
                self.store
                    .end_session(&self.session.id, self.now())
                    .await
                    .unwrap();
            }
            Step::Sweep => self.sweep().await,
            Step::Settle(which, outcome) => {
                if let Some(row) = self.attempt(which).await {
                    let executed = self.provider.is_executed(&row.id, None);
                    self.settle(&row.id, outcome, executed).await;
                }
            }
            _ => self.act_on_operations(step).await,
        }
    }

    async fn act_on_operations(&mut self, step: Step) {
        match step {
            Step::Do(kind, fate, heard) => {
                let took_money =
                    |row: &AttemptRow| matches!(row.state, S::Succeeded | S::Duplicate);
                let Some(attempt) = self.attempts().await.into_iter().rfind(took_money) else {
                    return;
                };
                let key = id::make().unwrap();
                self.operate(&attempt, kind, attempt.total, &key).await;
                let Some(row) = self.operation(0).await else {
                    return;
                };
                self.prepare_operation(&row, ReadLuck::Works).await;
                let row = self.store.operation(&row.id).await.unwrap().unwrap();
                if row.state == S::Prepared {
                    self.send_operation(&row, fate).await;
                    self.answer_operation(&row, heard).await;
                }
            }
            Step::ReadsOfOperation(gap) => {
                for _ in 0..3 {
                    self.wait(Duration::from_secs(u64::from(gap)));
                    if let Some(row) = self.operation(0).await {
                        self.read_operation(&row, ReadLuck::Works).await;
                    }
                }
            }
            Step::Operate(which, kind, part) => {
                if let Some(row) = self.attempt(which).await {
                    let minor = match part {
                        Part::All => row.total.minor(),
                        Part::Half => row.total.minor() / 2,
                        Part::More => row.total.minor() + 1,
                    };
                    let amount = Money::from_minor(minor, row.total.currency()).unwrap();
                    // Asked for twice, at once and with two keys.
                    for _ in 0..2 {
                        let key = id::make().unwrap();
                        self.operate(&row, kind, amount, &key).await;
                    }
                }
            }
            Step::OperateAgain(which) => {
                if let Some(row) = self.operation(which).await {
                    let before = self.operations().await.len();
                    let attempt = self.attempt_of(&row).await;
                    self.operate(&attempt, row.kind, row.amount, &row.idempotency_key)
                        .await;
                    assert_eq!(self.operations().await.len(), before, "a key opens one");
                }
            }
            Step::PrepareOperation(which, luck) => {
                if let Some(row) = self.operation(which).await {
                    self.prepare_operation(&row, luck).await;
                }
            }
            Step::TakeRightToOperate(which, fate) => {
                if let Some(row) = self.operation(which).await {
                    self.send_operation(&row, fate).await;
                }
            }
            Step::ReturnRightToOperate(which) => {
                if let Some(row) = self.operation(which).await {
                    self.return_right(&row).await;
                }
            }
            Step::AnswerOperation(which, heard) => {
                if let Some(row) = self.operation(which).await {
                    self.answer_operation(&row, heard).await;
                }
            }
            Step::ReadOperation(which, luck) => {
                if let Some(row) = self.operation(which).await {
                    self.read_operation(&row, luck).await;
                }
            }
            Step::SettleOperation(which, outcome) => {
                if let Some(row) = self.operation(which).await {
                    let executed = self.provider.ever_takes_effect(&row);
                    self.settle(&row.id, outcome, executed).await;
                }
            }
            _ => unreachable!("the other steps are about attempts"),
        }
    }

    /// Everything settles once the provider can be read and time passes.
    pub async fn settle_down(&mut self) {
        // Half an hour at a time behind the fence, then faster, eight days in all.
        let minutes = [30; 4].into_iter().chain([6 * 60; 32]);
        for minutes in minutes {
            self.wait(Duration::from_secs(minutes * 60));
            self.sweep().await;
            let now = self.now();
            for row in self.store.claim_due(now, Duration::ZERO, 50).await.unwrap() {
                self.read(&row, ReadLuck::Works).await;
            }
            let due = self.store.claim_operations(now, Duration::ZERO, 50).await;
            for row in due.unwrap() {
                if matches!(row.state, S::New | S::Prepared) {
                    self.prepare_operation(&row, ReadLuck::Works).await;
                    let row = self.store.operation(&row.id).await.unwrap().unwrap();
                    self.send_operation(&row, Fate::Executes(0)).await;
                    self.answer_operation(&row, Heard::Everything).await;
                } else {
                    self.read_operation(&row, ReadLuck::Works).await;
                }
            }
        }
        // What reads did not settle, somebody does; one last read first.
        for row in self.attempts().await {
            if row.state == S::Review {
                self.machine.read_again(&row.id).await.unwrap();
                self.read(&row, ReadLuck::Works).await;
                let executed = self.provider.is_executed(&row.id, None);
                self.settle(&row.id, SettleOutcome::NotExecuted, executed)
                    .await;
            }
        }
    }
}

fn written<R: Row>(after: R, now: Timestamp) -> R::Change {
    Written::new(after, now, "step", serde_json::json!({})).into()
}
