//! Random sequences of everything that can happen to a session, against a provider that is modelled
//! in a few lines and never lies about what it proves.
//!
//! Counts as failure: a second executed payment in one session; an executed payment that does not end
//! in `succeeded` or `duplicate`; an end that no provider confirmed; a second right to send; a change
//! of state that is not in the diagram or not told to the merchant. Does not count: how long it takes.

use std::path::PathBuf;
use std::time::Duration;

use proptest::prelude::*;
use ventanilla_core::attempt::AttemptState as S;
use ventanilla_core::money::{Currency, Money};
use ventanilla_core::session::SessionState;

use super::drive::take;
use super::given::{attempt, session};
use super::judge::{self, Confirmation, Finding, Reading, Verdict};
use crate::clock::Timestamp;
use crate::id;
use crate::store::{
    AttemptRow, Change, Opened, Overdue, SessionDraft, SessionRow, StartRules, Started, Store,
};

#[derive(Clone, Copy, Debug)]
enum Step {
    Start,
    StartAgain(usize),
    Prepare(usize),
    /// Two senders try; the second, with the same view.
    TakeRight(usize, Fate),
    ReturnRight(usize),
    Answer(usize, bool),
    Read(usize, ReadLuck),
    Wait(u32),
    EndSession,
    Sweep,
}

/// What the provider does with a call.
#[derive(Clone, Copy, Debug)]
enum Fate {
    NeverArrives,
    Refuses,
    Declines,
    /// So many seconds after it was sent.
    Executes(u32),
}

#[derive(Clone, Copy, Debug)]
enum ReadLuck {
    Works,
    Fails,
    Strange,
}

/// The provider's truth about one attempt.
#[derive(Clone, Copy)]
struct Truth {
    fate: Fate,
    sent_at: Timestamp,
    answered: bool,
}

/// Between an execution and its visibility in reads: well within what the fence allows for.
const LAG: Duration = Duration::from_secs(120);
/// Far beyond it. A second payment can then happen; none may be lost or go unnoticed.
const LONG_LAG: Duration = Duration::from_secs(3 * 3600);
const CALL: Duration = Duration::from_secs(40);

fn fates() -> impl Strategy<Value = Fate> {
    prop_oneof![
        1 => Just(Fate::NeverArrives),
        1 => Just(Fate::Refuses),
        1 => Just(Fate::Declines),
        4 => (0_u32..30 * 60).prop_map(Fate::Executes),
        2 => Just(Fate::Executes(0)),
    ]
}

fn steps() -> impl Strategy<Value = Step> {
    let which = 0_usize..4;
    prop_oneof![
        4 => Just(Step::Start),
        1 => which.clone().prop_map(Step::StartAgain),
        4 => which.clone().prop_map(Step::Prepare),
        5 => (which.clone(), fates()).prop_map(|(which, fate)| Step::TakeRight(which, fate)),
        1 => which.clone().prop_map(Step::ReturnRight),
        3 => (which.clone(), any::<bool>()).prop_map(|(which, heard)| Step::Answer(which, heard)),
        5 => (which, prop_oneof![4 => Just(ReadLuck::Works), 1 => Just(ReadLuck::Fails), 1 => Just(ReadLuck::Strange)])
            .prop_map(|(which, luck)| Step::Read(which, luck)),
        3 => (1_u32..40 * 60).prop_map(Step::Wait),
        1 => (1_u32..30 * 3600).prop_map(Step::Wait),
        1 => Just(Step::EndSession),
        2 => Just(Step::Sweep),
    ]
}

struct World {
    store: Store,
    session: SessionRow,
    now: Timestamp,
    lag: Duration,
    truths: std::collections::BTreeMap<String, Truth>,
    last_seen: std::collections::BTreeMap<String, S>,
}

impl World {
    async fn new(path: &std::path::Path, lag: Duration) -> Self {
        let store = Store::open_sqlite(path, None).await.unwrap();
        let now = Timestamp::from_millis(1_795_000_000_000);
        let row = session(now);
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
            store,
            session,
            now,
            lag,
            truths: std::collections::BTreeMap::new(),
            last_seen: std::collections::BTreeMap::new(),
        }
    }

    async fn attempts(&self) -> Vec<AttemptRow> {
        self.store.attempts(&self.session.id).await.unwrap()
    }

    async fn pick(&self, which: usize) -> Option<AttemptRow> {
        // Counted from the newest, so that most steps meet the attempt that matters.
        self.attempts().await.into_iter().rev().nth(which)
    }

    fn draft(&self, key: &str) -> AttemptRow {
        attempt(&self.session, key, self.now)
    }

    async fn start(&self, draft: &AttemptRow) -> Started {
        let rules = StartRules {
            attempts: 5,
            abandoned_before: self.now - Duration::from_secs(60),
        };
        self.store.start(draft, rules).await.unwrap()
    }

    async fn settle(
        &self,
        id: &str,
        verdict: impl Fn(&crate::store::Scene<'_>) -> Verdict + Send + Sync,
    ) {
        loop {
            let mut first = Vec::new();
            self.store
                .change(id, |scene| match verdict(scene) {
                    Verdict::Change(change) => Some(*change),
                    Verdict::EndFirst(others) => {
                        first = others;
                        None
                    }
                    Verdict::Nothing => None,
                })
                .await
                .unwrap();
            if first.is_empty() {
                return;
            }
            for other in first {
                self.end_unsent(&other).await;
            }
        }
    }

    async fn end_unsent(&self, id: &str) {
        let now = self.now;
        self.store
            .change(id, |scene| {
                let unsent = matches!(scene.attempt.state, S::New | S::Prepared);
                unsent.then(|| {
                    let mut after = scene.attempt.clone();
                    after.state = S::NotExecuted;
                    after.settled_at = Some(now);
                    plain(after, now)
                })
            })
            .await
            .unwrap();
    }

    async fn read(&self, id: &str, luck: ReadLuck) {
        let row = self.store.attempt(id).await.unwrap().unwrap();
        let reading = match luck {
            ReadLuck::Fails => Reading::Failed(String::from("no answer")),
            ReadLuck::Strange => Reading::Other(String::from("pending")),
            ReadLuck::Works => match self.truths.get(id) {
                Some(truth) if executed(truth, self.now - self.lag) => {
                    Reading::Confirmed(confirmation(row.total))
                }
                _ => Reading::NotFound,
            },
        };
        let now = self.now;
        self.settle(id, |scene| {
            judge::on_reading(scene, reading.clone(), now, 0)
        })
        .await;
    }

    async fn sweep(&self) {
        let overdue = Overdue {
            deadline_before: self.now - Duration::from_secs(10),
            unsent_before: self.now - Duration::from_secs(1800),
        };
        for row in self.store.overdue(overdue).await.unwrap() {
            if row.state == S::Sent {
                self.settle(&row.id, |scene| {
                    judge::on_answer(scene, Finding::Unknown(String::from("overdue")), self.now)
                })
                .await;
            } else {
                self.end_unsent(&row.id).await;
            }
        }
        self.store.expire_sessions(self.now).await.unwrap();
    }

    async fn act(&mut self, step: Step) {
        match step {
            Step::Start => {
                let draft = self.draft(&id::make().unwrap());
                self.start(&draft).await;
            }
            Step::StartAgain(which) => {
                if let Some(row) = self.pick(which).await {
                    let draft = self.draft(&row.idempotency_key);
                    let Started::Same(same) = self.start(&draft).await else {
                        panic!("a key starts one attempt")
                    };
                    assert_eq!(same.id, row.id);
                }
            }
            Step::Prepare(which) => {
                if let Some(row) = self.pick(which).await
                    && row.state == S::New
                {
                    let mut after = row.clone();
                    after.state = S::Prepared;
                    self.store
                        .change(&row.id, |_| Some(plain(after.clone(), self.now)))
                        .await
                        .unwrap();
                }
            }
            Step::TakeRight(which, fate) => {
                let Some(row) = self.pick(which).await else {
                    return;
                };
                let (now, deadline) = (self.now, self.now + CALL);
                let try_to_take = || {
                    self.store.change(&row.id, |scene| {
                        take(scene, row.version, now, deadline, "test")
                    })
                };
                let (first, second) = (try_to_take().await.unwrap(), try_to_take().await.unwrap());
                assert!(second.is_none(), "a right is taken once");
                if first.is_some() {
                    let truth = Truth {
                        fate,
                        sent_at: now,
                        answered: false,
                    };
                    self.truths.insert(row.id, truth);
                }
            }
            Step::ReturnRight(which) => {
                let Some(row) = self.pick(which).await else {
                    return;
                };
                let unsent = self.truths.get(&row.id).is_some_and(|truth| {
                    matches!(truth.fate, Fate::NeverArrives) && !truth.answered
                });
                if unsent && judge::may_return(&row, row.version) {
                    let mut after = row.clone();
                    after.state = S::Prepared;
                    after.returns += 1;
                    self.store
                        .change(&row.id, |_| Some(plain(after.clone(), self.now)))
                        .await
                        .unwrap();
                    self.truths.remove(&row.id);
                }
            }
            Step::Answer(which, heard) => {
                let Some(row) = self.pick(which).await else {
                    return;
                };
                let Some(truth) = self.truths.get_mut(&row.id) else {
                    return;
                };
                if std::mem::replace(&mut truth.answered, true) {
                    return;
                }
                let finding = match truth.fate {
                    _ if !heard => Finding::Unknown(String::from("connection lost")),
                    Fate::NeverArrives => Finding::NotSent(String::from("no connection")),
                    Fate::Refuses => Finding::Rejected(String::from("refused")),
                    Fate::Declines => Finding::Declined {
                        code: Some(String::from("05")),
                    },
                    Fate::Executes(_) if executed(truth, self.now) => {
                        Finding::Confirmed(confirmation(row.total))
                    }
                    Fate::Executes(_) => Finding::Unknown(String::from("gateway timeout")),
                };
                let now = self.now;
                self.settle(&row.id, |scene| {
                    judge::on_answer(scene, finding.clone(), now)
                })
                .await;
            }
            Step::Read(which, luck) => {
                if let Some(row) = self.pick(which).await {
                    self.read(&row.id, luck).await;
                }
            }
            Step::Wait(seconds) => self.now = self.now + Duration::from_secs(u64::from(seconds)),
            Step::EndSession => {
                self.store
                    .end_session(&self.session.id, self.now)
                    .await
                    .unwrap();
            }
            Step::Sweep => self.sweep().await,
        }
    }

    async fn check(&mut self) {
        let attempts = self.attempts().await;
        let session = self.store.session(&self.session.id).await.unwrap().unwrap();
        let live = attempts
            .iter()
            .filter(|row| row.state.blocks_others())
            .count();
        assert!(live <= 1, "{live} live attempts");
        let paid = attempts
            .iter()
            .filter(|row| row.state == S::Succeeded)
            .count();
        assert_eq!(paid == 1, session.state == SessionState::Succeeded);
        let executed = attempts
            .iter()
            .filter(|row| {
                self.truths
                    .get(&row.id)
                    .is_some_and(|truth| executed(truth, self.now))
            })
            .count();
        assert!(
            executed <= 1 || self.lag == LONG_LAG,
            "{executed} payments in one session"
        );
        let outbox = self.store.outbox(1_000).await.unwrap();
        for row in &attempts {
            let outstanding = row.sends - row.returns;
            assert!(outstanding <= 1);
            let truth = self.truths.get(&row.id);
            assert_eq!(
                outstanding == 1,
                truth.is_some(),
                "rights out and calls made agree"
            );
            if matches!(row.state, S::Succeeded | S::Duplicate) {
                assert_eq!(row.confirmed, Some(row.total));
                assert!(truth.is_some_and(|truth| matches!(truth.fate, Fate::Executes(_))));
            }
            let before = self
                .last_seen
                .insert(row.id.clone(), row.state)
                .unwrap_or(S::New);
            if before != row.state {
                assert!(
                    !matches!(before, S::Succeeded | S::Duplicate),
                    "{} is for ever",
                    before.name()
                );
                if matches!(before, S::Declined | S::NotExecuted) {
                    assert!(matches!(row.state, S::Succeeded | S::Duplicate));
                }
                if row.state.is_final() || row.state == S::Review {
                    let kind = format!("attempt.{}", row.state.name());
                    assert!(
                        outbox
                            .iter()
                            .any(|told| told.kind == kind
                                && told.attempt_id.as_deref() == Some(&row.id)),
                        "{kind} was not told"
                    );
                }
            }
        }
    }

    /// Everything settles once the provider can be read and time passes.
    async fn end(&mut self) {
        // Half an hour at a time behind the fence, then faster, eight days in all.
        let minutes = [30; 4].into_iter().chain([6 * 60; 32]);
        for minutes in minutes {
            self.now = self.now + Duration::from_secs(minutes * 60);
            self.sweep().await;
            for row in self
                .store
                .claim_due(self.now, Duration::ZERO, 50)
                .await
                .unwrap()
            {
                self.read(&row.id, ReadLuck::Works).await;
            }
        }
        self.check().await;
        for row in self.attempts().await {
            let executed = self
                .truths
                .get(&row.id)
                .is_some_and(|truth| executed(truth, self.now));
            let took_money = matches!(row.state, S::Succeeded | S::Duplicate);
            assert_eq!(executed, took_money, "attempt ended {}", row.state.name());
            assert!(row.state.is_final(), "attempt ended {}", row.state.name());
        }
    }
}

fn executed(truth: &Truth, now: Timestamp) -> bool {
    matches!(truth.fate, Fate::Executes(after)
        if truth.sent_at + Duration::from_secs(u64::from(after)) <= now)
}

fn confirmation(total: Money) -> Confirmation {
    assert_eq!(total.currency(), Currency::CRC);
    Confirmation {
        total,
        authorization: Some(String::from("123456")),
        brand: None,
        last4: Some(String::from("4242")),
        bin: None,
        saved: None,
    }
}

fn plain(after: AttemptRow, at: Timestamp) -> Change {
    Change {
        after,
        at,
        kind: "step",
        evidence: serde_json::json!({}),
        saved_card: None,
    }
}

/// A directory of its own, gone with it.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Self {
        let path = std::env::temp_dir().join(format!("ventanilla-{}", id::make().unwrap()));
        std::fs::create_dir(&path).unwrap();
        Self(path)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Plays a sequence against a provider whose reads lag behind.
fn play(steps: Vec<Step>, lag: Duration) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let scratch = Scratch::new();
    runtime.block_on(async {
        let mut world = World::new(&scratch.0.join("store.db"), lag).await;
        for step in steps {
            world.act(step).await;
            world.check().await;
        }
        world.end().await;
        world.store.close().await;
    });
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, max_shrink_iters: 200, ..ProptestConfig::default() })]

    #[test]
    fn no_sequence_pays_twice_loses_a_payment_or_invents_one(
        steps in proptest::collection::vec(steps(), 1..40)
    ) {
        play(steps, LAG);
    }

    #[test]
    fn with_reads_that_lag_beyond_the_fence_every_payment_is_still_recorded(
        steps in proptest::collection::vec(steps(), 10..60)
    ) {
        play(steps, LONG_LAG);
    }
}
