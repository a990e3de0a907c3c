//! An attempt that waits for its buyer before anything is sent: the identity check, the offers, the choice.
//!
//! ```text
//!  new ──▶ prepared: identify ──▶ prepared: choose ──▶ sent (the choice and the right in one commit)
//!   │            │                      │
//!   └────────────┴──────────────────────┴──▶ not_executed: over, left, out of time
//! ```
//!
//! While it waits, `next_check_at` is when it stops to. Nothing is in memory only, so that any process takes the
//! next step, and a restart loses nobody.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use ventanilla_core::api::AttemptView;
use ventanilla_core::attempt::{AttemptState, NextAction};
use ventanilla_core::operation::OperationKind;
use ventanilla_core::problem::ProblemCode;
use ventanilla_core::rails::Rail;
use ventanilla_core::rails::flexiti::{
    FinancedCredit, FinancedView, FinancingAdvice, FinancingChoice, FinancingOffers, Identified,
};
use ventanilla_providers::failpoint::hit;

use super::course::{Row as _, Step};
use super::drive::Payment;
use super::judge::Reading;
use super::right::{Call, send_once};
use super::{ANSWER_WITHIN, Machine, Until};
use crate::clock::Timestamp;
use crate::error::{Error, Result};
use crate::rails::flexiti::{FlexitiPlan, FlexitiRail, NoOffers, reason};
use crate::store::{AttemptRow, Change, FinancingRow, FinancingStage, FinancingStep, OperationRow};

/// A capture is two calls of a provider that answers within a second.
const CAPTURED_WITHIN: Duration = Duration::from_secs(2);

/// T0 to T0b: opens the identity check, and puts it before the buyer.
pub(super) async fn open(machine: &Machine, attempt: &AttemptRow, plan: FlexitiPlan) -> Result<()> {
    let Some(rail) = &machine.flexiti else {
        return over(machine, &attempt.id, "the rail is not configured").await;
    };
    let opening = match rail.open(plan, &machine.breakers).await {
        Ok(opening) => opening,
        Err(cause) => return over(machine, &attempt.id, &cause).await,
    };
    hit("t0b.before");
    machine
        .apply::<AttemptRow>(&attempt.id, |scene, now| {
            let row = scene.attempt;
            let course = row.course();
            let after = row.with(course.prepared(course.version, Some(opening.ends_at))?);
            let evidence = json!({ "ends_at": opening.ends_at.millis() });
            let mut change = Change::from(Step::new(after, now, "prepared", evidence));
            change.financing = Some(FinancingStep::Opened {
                ends_at: opening.ends_at,
                kept: opening.kept.clone(),
            });
            Some(change)
        })
        .await?;
    hit("t0b.after");
    Ok(())
}

/// The page said that the buyer is who they say: held against what was opened, and offers are asked for.
pub(super) async fn identified(
    machine: &Machine,
    row: &AttemptRow,
    identified: &Identified,
) -> Result<()> {
    let Some((rail, waiting)) = waiting(machine, row).await? else {
        return Ok(());
    };
    rail.fits(&waiting.kept, identified)?;
    if waiting.stage != FinancingStage::Identify {
        return Ok(());
    }
    machine.breakers.refuse_if_open(FlexitiPlan::hosts())?;
    let asked = rail.offers(&waiting.kept, identified, row.total, &machine.breakers);
    let (kept, offers) = match asked.await {
        Ok(offers) => offers,
        Err(NoOffers::Over(advice)) => return over(machine, &row.id, reason(advice)).await,
        Err(NoOffers::NotNow) => return Err(ProblemCode::ProviderUnavailable.into()),
    };
    let count = offers.plans.len() + usize::from(offers.regular.is_some());
    let offers = serde_json::to_value(offers).map_err(Error::internal)?;
    let version = row.version;
    hit("offers.before");
    machine
        .apply::<AttemptRow>(&row.id, |scene, now| {
            let row = scene.attempt;
            // Said twice at once, it is once enough.
            if row.version != version || !row.waits_for_buyer() {
                return None;
            }
            let evidence = json!({ "offers": count });
            let mut change = Change::from(Step::new(row.clone(), now, "identified", evidence));
            change.financing = Some(FinancingStep::Offered {
                kept: kept.clone(),
                offers: offers.clone(),
            });
            Some(change)
        })
        .await?;
    hit("offers.after");
    Ok(())
}

/// The buyer picked: the one authorization is sent.
pub(super) async fn finance(
    machine: &Arc<Machine>,
    row: &AttemptRow,
    choice: FinancingChoice,
) -> Result<()> {
    let Some((rail, waiting)) = waiting(machine, row).await? else {
        return Ok(());
    };
    let offered = offered(&waiting)?
        .ok_or_else(|| Error::new(ProblemCode::PlanNotOffered).detail("nothing was offered yet"))?;
    if !offered.has(&choice) {
        return Err(ProblemCode::PlanNotOffered.into());
    }
    machine.breakers.refuse_if_open(FlexitiPlan::hosts())?;
    let payment = rail.payment(&waiting.kept, choice, row)?;
    let slot = machine.turn().await?;
    let call = Call::begin(machine);
    if !call.may_go_on() {
        return Err(ProblemCode::ProviderUnavailable.into());
    }
    let attempt = row.clone();
    // A task of its own, because the caller's future is dropped when the browser hangs up.
    let sending = tokio::spawn(async move {
        let id = attempt.id.clone();
        let payment = Payment::Flexiti(Box::new(payment));
        if let Err(error) = send_once(&call.machine, attempt, payment).await {
            tracing::error!(attempt.id = %id, "attempt {id} was left to the sweeper: {error}");
        }
        drop(slot);
    });
    if tokio::time::timeout(ANSWER_WITHIN, sending).await.is_ok() {
        // Somebody else may have been first, and not be done.
        machine
            .watch(&row.session_id, &row.id, ANSWER_WITHIN, Until::Ended)
            .await?;
        if rail.captures() {
            await_capture(machine, row).await?;
        }
    }
    Ok(())
}

/// Gives the capture that follows by itself a moment, so that the buyer need not read that it is to come.
async fn await_capture(machine: &Machine, row: &AttemptRow) -> Result<()> {
    let operations = machine.store.operations(&row.session_id).await?;
    let mut captures = operations
        .iter()
        .filter(|one| one.attempt_id == row.id && one.kind == OperationKind::Capture);
    let Some(capture) = captures.next() else {
        return Ok(());
    };
    let patience = machine.patience(&capture.id, CAPTURED_WITHIN);
    loop {
        let ring = patience.listen();
        let now = machine.any_operation(&capture.id).await?;
        if NextAction::after(now.state()) != NextAction::Wait || !patience.wait(ring).await {
            return Ok(());
        }
    }
}

/// Ends an attempt that waits, or has not come to wait yet.
pub(super) async fn over(machine: &Machine, id: &str, reason: &str) -> Result<()> {
    machine.end_unsent::<AttemptRow>(id, reason).await?;
    Ok(())
}

/// What waits, unless the attempt has gone on or is over. Out of time, it is ended.
async fn waiting<'m>(
    machine: &'m Machine,
    row: &AttemptRow,
) -> Result<Option<(&'m FlexitiRail, FinancingRow)>> {
    let (Some(rail), true) = (&machine.flexiti, row.waits_for_buyer()) else {
        return Ok(None);
    };
    let found = machine.store.financing(&row.id).await?;
    // Somebody may have picked since the attempt was looked at.
    let Some(waiting) = found.filter(|found| found.stage != FinancingStage::Chosen) else {
        return Ok(None);
    };
    if waiting.ends_at <= machine.clock.now() {
        over(machine, &row.id, reason(FinancingAdvice::Expired)).await?;
        return Ok(None);
    }
    Ok(Some((rail, waiting)))
}

fn offered(waiting: &FinancingRow) -> Result<Option<FinancingOffers>> {
    let offers = waiting.offers.clone().map(serde_json::from_value);
    offers.transpose().map_err(Error::internal)
}

/// Adds what waits for the buyer to the view of their attempt, or to its receipt what they picked.
pub(super) async fn show(
    machine: &Machine,
    row: &AttemptRow,
    mut view: AttemptView,
    now: Timestamp,
) -> Result<AttemptView> {
    if row.rail != Rail::Flexiti {
        return Ok(view);
    }
    if let Some(receipt) = &mut view.receipt {
        receipt.financing = picked(machine, row).await?;
        return Ok(view);
    }
    if !row.waits_for_buyer() {
        return Ok(view);
    }
    let Some(rail) = &machine.flexiti else {
        return Ok(view);
    };
    let Some(waiting) = machine.store.financing(&row.id).await? else {
        return Ok(view);
    };
    if waiting.ends_at <= now {
        // The sweeper ends it in a moment.
        return Ok(view);
    }
    match (waiting.stage, offered(&waiting)?) {
        (FinancingStage::Identify, _) => {
            view.next_action = NextAction::Identify;
            view.hosted_page = Some(rail.page(&waiting.kept, waiting.ends_at)?);
        }
        (FinancingStage::Choose, Some(offers)) => {
            view.next_action = NextAction::Choose;
            view.offers = Some(rail.shown(offers, waiting.ends_at));
        }
        (FinancingStage::Choose | FinancingStage::Chosen, _) => {}
    }
    Ok(view)
}

/// How the purchase is paid off, and what has become of the credit so far.
async fn picked(machine: &Machine, row: &AttemptRow) -> Result<Option<FinancedView>> {
    let Some(kept) = machine.store.financing(&row.id).await? else {
        return Ok(None);
    };
    let plan = match (offered(&kept)?, &kept.choice) {
        (Some(offers), Some(choice)) => offers.picked(choice),
        _ => None,
    };
    let operations = machine.store.operations(&row.session_id).await?;
    let credit = credit(row, &operations);
    Ok(Some(FinancedView { plan, credit }))
}

/// What has become of what is held for an attempt.
fn credit(row: &AttemptRow, operations: &[OperationRow]) -> FinancedCredit {
    let done = |kind: OperationKind| -> u64 {
        let is_one = |one: &&OperationRow| {
            one.attempt_id == row.id && one.kind == kind && one.state == AttemptState::Succeeded
        };
        let done = operations.iter().filter(is_one);
        done.map(|one| one.amount.minor()).sum()
    };
    let (captured, released) = (done(OperationKind::Capture), done(OperationKind::Release));
    match captured + released >= row.total.minor() {
        false => FinancedCredit::Held,
        true if captured > 0 => FinancedCredit::Captured,
        true => FinancedCredit::Released,
    }
}

/// What the provider shows of an attempt.
pub(super) async fn read(machine: &Machine, attempt: &AttemptRow) -> Reading {
    let Some(rail) = &machine.flexiti else {
        return Reading::Failed(String::from("the rail is not configured"));
    };
    match machine.store.financing(&attempt.id).await {
        Ok(Some(kept)) => rail.read(attempt, &kept.kept).await,
        Ok(None) => Reading::Failed(String::from("nothing was kept to read it back with")),
        Err(error) => Reading::Failed(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use ventanilla_core::money::Money;

    use super::*;
    use crate::machine::given;

    const NOW: Timestamp = Timestamp::from_millis(1_795_000_000_000);

    /// What is said of the credit for an attempt of 100, after these operations.
    fn after(operations: &[(OperationKind, AttemptState, u64)]) -> FinancedCredit {
        let session = given::session(NOW);
        let mut attempt = given::attempt(&session, "key", NOW);
        let amount = |minor| Money::from_minor(minor, attempt.total.currency()).unwrap();
        let rows: Vec<OperationRow> = operations
            .iter()
            .map(|(kind, state, minor)| OperationRow {
                state: *state,
                amount: amount(*minor),
                ..given::operation(&attempt, *kind, NOW)
            })
            .collect();
        attempt.total = amount(100);
        credit(&attempt, &rows)
    }

    #[test]
    fn credit_is_held_until_every_part_of_it_is_captured_or_let_go() {
        use AttemptState as S;
        use OperationKind as K;
        for (operations, expected) in [
            (vec![], FinancedCredit::Held),
            (
                vec![(K::Capture, S::Succeeded, 100)],
                FinancedCredit::Captured,
            ),
            (vec![(K::Capture, S::Succeeded, 99)], FinancedCredit::Held),
            (
                vec![
                    (K::Capture, S::Succeeded, 40),
                    (K::Release, S::Succeeded, 60),
                ],
                FinancedCredit::Captured,
            ),
            (
                vec![(K::Release, S::Succeeded, 100)],
                FinancedCredit::Released,
            ),
            // What comes back later was taken.
            (
                vec![
                    (K::Capture, S::Succeeded, 100),
                    (K::Return, S::Succeeded, 100),
                ],
                FinancedCredit::Captured,
            ),
        ] {
            assert_eq!(after(&operations), expected, "{operations:?}");
        }
        // Nothing that is not certain counts.
        for state in [
            S::New,
            S::Sent,
            S::Unknown,
            S::Review,
            S::Declined,
            S::NotExecuted,
        ] {
            let operation = (K::Capture, state, 100);
            assert_eq!(after(&[operation]), FinancedCredit::Held, "{state:?}");
        }
    }
}
