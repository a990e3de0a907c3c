//! Money that the merchant moves without a checkout: how an errand is opened, and how the sweeper takes it
//! to its end.
//!
//! An errand is an operation to whoever asks; here it is a row of its own, because nothing was paid that it
//! could be held against. What was asked for is kept sealed, so nothing is needed for it but the store:
//! whoever opened it may go away, and any process may take it up.
//!
//! | errand | sent | read back |
//! |---|---|---|
//! | cash-out | bytes that are kept | the same bytes again: the provider gives the first result |
//! | subscription | our reference behind the description | the buyer's subscriptions: the one with our reference |
//! | payment of a subscription | no reference of ours | the subscription's payments: the one that was not there before |
//! | many payments | a reference of ours for each | each payment by its reference |
//! | deposit | no reference of ours, unless the provider takes a key | nothing: no read shows it |

mod bulk;
mod cash_out;
mod deposit;
mod judge;
mod record;
mod subscription;
mod subscription_payment;
mod token_payment;

use std::sync::Arc;

use secrecy::{ExposeSecret as _, SecretString};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use ventanilla_core::api::IdempotencyKey;
use ventanilla_core::attempt::AttemptState;
use ventanilla_core::problem::ProblemCode;
use ventanilla_providers::cvu::CashOut;
use ventanilla_providers::failpoint::hit;
use ventanilla_providers::flexiti::Deposit;
use ventanilla_providers::greenpay::{self, BulkPayment};

use super::Machine;
use super::course::{Course, Finding, Row, alike};
use super::operate::{UNSENT_LIMIT, postpone};
use super::right::{Call, send_once};
use super::session::OperationRecord;
use super::sweep::jitter;
use crate::error::{Error, Result};
use crate::rails::Host;
use crate::store::{
    ErrandChange, ErrandItem, ErrandKind, ErrandOpened, ErrandRow, ErrandScene, Store,
};

pub use record::{
    DepositAccount, DepositKind, InStore, NewBulk, NewBulkPayment, NewCashOut, NewDeposit,
    NewSubscription, NewSubscriptionPayment, NewTokenPayment, OperationDetails, OperationItem,
    OperationResult, Recipient,
};

/// What has to be in memory until the call of an errand is over.
pub(super) enum Deed {
    CashOut(CashOut),
    Bulk(Vec<BulkPayment>),
    Subscription(Box<greenpay::NewSubscription>),
    SubscriptionPayment(subscription_payment::Charge),
    Deposit(Box<Deposit>),
}

/// What is kept sealed of an errand.
#[derive(Deserialize, Serialize)]
struct Kept<T> {
    /// The merchant's request.
    asked: T,
    /// The bytes that every sending has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    body: Option<String>,
}

impl<T: Serialize + DeserializeOwned> Kept<T> {
    fn seal(&self) -> Result<SecretString> {
        serde_json::to_string(self)
            .map(SecretString::from)
            .map_err(Error::internal)
    }

    async fn of(machine: &Machine, id: &str) -> Result<Self> {
        let text = machine.store.errand_request(id).await?;
        // EXPOSE: read at once; nothing of it is in an error, since it was written here.
        serde_json::from_str(text.expose_secret())
            .map_err(|_| Error::internal(format!("errand {id}: what was kept of it is damaged")))
    }
}

impl Machine {
    /// The answer to a key that was used before: the errand as it stands, in 6 s of real time at most.
    async fn known_errand<T>(
        &self,
        kind: ErrandKind,
        key: &IdempotencyKey,
        asked: &T,
    ) -> Result<Option<OperationRecord>>
    where
        T: Serialize + DeserializeOwned + PartialEq,
    {
        match self.store.errand_of_key(kind, key.as_str()).await? {
            Some(row) => self.same_errand(&row, asked).await.map(Some),
            None => Ok(None),
        }
    }

    /// What was asked for is compared as it was kept: a digest of an account would be a trace of it.
    async fn same_errand<T>(&self, row: &ErrandRow, asked: &T) -> Result<OperationRecord>
    where
        T: Serialize + DeserializeOwned + PartialEq,
    {
        let kept: Kept<T> = Kept::of(self, &row.id).await?;
        if kept.asked == *asked {
            self.operation_when_over(&row.id).await
        } else {
            Err(ProblemCode::IdempotencyKeyReused.into())
        }
    }

    /// T0, and what came of it in 6 s of real time at most.
    async fn open_errand<T>(
        self: &Arc<Self>,
        draft: ErrandRow,
        items: &[ErrandItem],
        kept: Kept<T>,
    ) -> Result<OperationRecord>
    where
        T: Serialize + DeserializeOwned + PartialEq,
    {
        self.breakers.refuse_if_open(hosts(draft.kind))?;
        let request = kept.seal()?;
        hit("t0.before");
        let opened = self.store.open_errand(&draft, items, &request).await?;
        hit("t0.after");
        match opened {
            ErrandOpened::New(row) => {
                tracing::info!(
                    operation.id = %row.id,
                    "errand {} opened: {} of {}",
                    row.id,
                    row.kind.name(),
                    row.amount.decimal_text()
                );
                self.wake.notify_one();
                self.operation_when_over(&row.id).await
            }
            ErrandOpened::Known(row) => self.same_errand(&row, &kept.asked).await,
            ErrandOpened::Running(id) => Err(Error::new(ProblemCode::OperationRunning)
                .detail(format!("operation {id} runs, or its outcome is not known"))),
        }
    }

    /// Refuses what names accounts or cards and could not be kept.
    fn needs_sealing_keys(&self) -> Result<()> {
        if self.store.saves_cards() {
            return Ok(());
        }
        Err(Error::new(ProblemCode::OperationNotPossible)
            .detail("the proxy has no VENTANILLA_STORE_KEYS to keep what is asked for"))
    }
}

/// What is due with an errand: to send it, or to read back what became of it.
pub(super) async fn take_up(machine: &Arc<Machine>, row: ErrandRow) -> Result<()> {
    match row.state {
        AttemptState::New | AttemptState::Prepared => {
            let call = Call::begin(machine);
            if call.may_go_on() {
                drive(machine, row).await
            } else {
                // Another process takes it up.
                Ok(())
            }
        }
        _ => read(machine, &row).await,
    }
}

/// From new to T2.
async fn drive(machine: &Machine, row: ErrandRow) -> Result<()> {
    let now = machine.clock.now();
    if now.since(row.created_at) > UNSENT_LIMIT {
        let reason = row.reason.as_deref().unwrap_or("it could not be sent");
        machine.end_unsent::<ErrandRow>(&row.id, reason).await?;
        return Ok(());
    }
    if let Some(rest) = machine.breakers.rest_of(hosts(row.kind)) {
        return postpone(machine, &row, "the provider does not answer", now + rest).await;
    }
    let ready = match row.kind {
        ErrandKind::CashOut => cash_out::ready(machine, &row).await?,
        ErrandKind::Bulk => bulk::ready(machine, &row).await?,
        ErrandKind::Subscription => subscription::ready(machine, &row).await?,
        ErrandKind::SubscriptionPayment => subscription_payment::ready(machine, &row).await?,
        ErrandKind::Deposit => deposit::ready(machine, &row).await?,
    };
    match ready {
        Ready::Now(deed) => send_once(machine, row, deed).await,
        Ready::Later(cause) => postpone(machine, &row, &cause, now).await,
        Ready::Never(reason) => {
            machine.end_unsent::<ErrandRow>(&row.id, &reason).await?;
            Ok(())
        }
    }
}

/// Whether an errand can be sent.
enum Ready {
    /// It can.
    Now(Deed),
    /// Perhaps later.
    Later(String),
    /// It never can.
    Never(String),
}

impl Ready {
    fn never(reason: &str) -> Self {
        Self::Never(reason.to_owned())
    }
}

async fn read(machine: &Machine, row: &ErrandRow) -> Result<()> {
    let reading = match row.kind {
        ErrandKind::CashOut => cash_out::read(machine, row).await?,
        ErrandKind::Bulk => bulk::read(machine, row).await?,
        ErrandKind::Subscription => subscription::read(machine, row).await?,
        ErrandKind::SubscriptionPayment => subscription_payment::read(machine, row).await?,
        ErrandKind::Deposit => deposit::read(row),
    };
    let jitter = jitter();
    machine
        .apply::<ErrandRow>(&row.id, |scene, now| {
            judge::on_reading(scene, &reading, now, jitter)
        })
        .await?;
    Ok(())
}

/// Where errands of a kind go.
const fn hosts(kind: ErrandKind) -> &'static [Host] {
    match kind {
        ErrandKind::CashOut => &[Host::CvuWallet],
        ErrandKind::Bulk | ErrandKind::Subscription | ErrandKind::SubscriptionPayment => {
            &[Host::GreenpayMerchant]
        }
        ErrandKind::Deposit => &[Host::Flexiti],
    }
}

impl Row for ErrandRow {
    const NAME: &'static str = "errand";
    const RESUMED: bool = true;
    type Scene<'a> = ErrandScene<'a>;
    type Change = ErrandChange;
    type Proof = OperationResult;
    type Call = Deed;

    alike!();

    fn attempt_id(&self) -> Option<&str> {
        None
    }

    fn operation_id(&self) -> Option<&str> {
        Some(&self.id)
    }

    fn session_id(&self) -> Option<&str> {
        None
    }

    fn in_scene<'s>(scene: &'s ErrandScene<'_>) -> &'s Self {
        scene.errand
    }

    fn obstacle(_: &ErrandScene<'_>) -> Option<&'static str> {
        None
    }

    fn kind(change: &ErrandChange) -> &'static str {
        change.kind
    }

    fn taken_for(mut change: ErrandChange, deed: &Deed) -> ErrandChange {
        if let Deed::SubscriptionPayment(charge) = deed {
            change.after.known_before = Some(charge.known_before.clone());
        }
        change
    }

    fn count(&self) {
        metrics::counter!(
            "ventanilla_operations_total",
            "kind" => self.kind.name(),
            "outcome" => self.state.name()
        )
        .increment(1);
    }

    async fn change<F>(store: &Store, id: &str, decide: F) -> Result<Option<Self>>
    where
        F: FnMut(&ErrandScene<'_>) -> Option<ErrandChange> + Send,
    {
        store.change_errand(id, decide).await
    }

    async fn send(machine: &Machine, deed: &Deed) -> Finding<OperationResult> {
        match deed {
            Deed::CashOut(transfer) => cash_out::send(machine, transfer).await,
            Deed::Bulk(payments) => bulk::send(machine, payments).await,
            Deed::Subscription(new) => subscription::send(machine, new).await,
            Deed::SubscriptionPayment(charge) => subscription_payment::send(machine, charge).await,
            Deed::Deposit(order) => deposit::send(machine, order).await,
        }
    }

    async fn settle_answer(
        machine: &Machine,
        id: &str,
        finding: &Finding<OperationResult>,
    ) -> Result<()> {
        machine
            .apply::<Self>(id, |scene, now| judge::on_answer(scene, finding, now))
            .await?;
        Ok(())
    }
}
