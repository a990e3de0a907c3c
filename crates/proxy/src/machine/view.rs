//! Records as merchants and buyers see them.

use std::time::Duration;

use ventanilla_core::api::{AttemptView, ItemView, ReceiptView};
use ventanilla_core::attempt::{AttemptState, NextAction};
use ventanilla_core::rails::Rail;
use ventanilla_core::rails::card::DeclineAdvice;
use ventanilla_core::rails::flux::WalletAdvice;
use ventanilla_core::session::SessionState;

use super::check;
use super::errand::OperationItem;
use super::session::{AttemptRecord, CreditRecord, NewSession, OperationRecord, SessionRecord};
use crate::clock::Timestamp;
use crate::rails::{cvu, flexiti};
use crate::store::{
    AttemptRow, CreditRow, ErrandItem, ErrandRow, OperationRow, PayableRow, SessionRow,
    WholeSession,
};

/// A session as the merchant sees it.
pub fn session_record(whole: WholeSession, now: Timestamp) -> SessionRecord {
    let session = whole.session;
    SessionRecord {
        state: session_state(&session, &whole.attempts, now),
        created_at: session.created_at.rfc3339(),
        expires_at: session.expires_at.rfc3339(),
        attempts: whole.attempts.iter().map(attempt_record).collect(),
        operations: whole.operations.iter().map(operation_record).collect(),
        credits: whole.credits.iter().map(credit_record).collect(),
        id: session.id,
        request: session.request,
    }
}

/// Where a session stands at this moment: its time may have run out since it was last written.
pub fn session_state(
    session: &SessionRow,
    attempts: &[AttemptRow],
    now: Timestamp,
) -> SessionState {
    let over = session.state == SessionState::Open
        && session.expires_at <= now
        && !attempts.iter().any(|attempt| attempt.state.blocks_others());
    if over {
        SessionState::Expired
    } else {
        session.state
    }
}

/// An attempt as the merchant sees it.
pub fn attempt_record(row: &AttemptRow) -> AttemptRecord {
    AttemptRecord {
        id: row.id.clone(),
        session_id: row.session_id.clone(),
        rail: row.rail,
        state: row.state,
        reference: row.at_provider().to_owned(),
        total: row.total,
        tip: row.tip(),
        provider_code: row.provider_code.clone(),
        authorization: row.authorization.clone(),
        brand: row.brand,
        last4: row.last4.clone(),
        created_at: row.created_at.rfc3339(),
        settled_at: row.settled_at.map(Timestamp::rfc3339),
    }
}

/// An operation as the merchant sees it.
pub fn operation_record(row: &OperationRow) -> OperationRecord {
    OperationRecord {
        id: row.id.clone(),
        attempt_id: Some(row.attempt_id.clone()),
        session_id: Some(row.session_id.clone()),
        kind: row.kind,
        state: row.state,
        amount: row.amount,
        reason: row.reason.clone(),
        provider_code: row.provider_code.clone(),
        details: None,
        result: None,
        items: Vec::new(),
        created_at: row.created_at.rfc3339(),
        settled_at: row.settled_at.map(Timestamp::rfc3339),
    }
}

/// An errand as the merchant sees it: an operation that belongs to no attempt.
pub fn errand_record(row: &ErrandRow, items: &[ErrandItem]) -> OperationRecord {
    OperationRecord {
        id: row.id.clone(),
        attempt_id: None,
        session_id: None,
        kind: row.kind.operation(),
        state: row.state,
        amount: row.amount,
        reason: row.reason.clone(),
        provider_code: row.provider_code.clone(),
        details: Some(row.details.clone()),
        result: row.result.clone(),
        items: items.iter().map(operation_item).collect(),
        created_at: row.created_at.rfc3339(),
        settled_at: row.settled_at.map(Timestamp::rfc3339),
    }
}

fn operation_item(item: &ErrandItem) -> OperationItem {
    OperationItem {
        order_reference: item.order_reference.clone(),
        reference: item.reference.clone(),
        state: item.state,
        amount: item.amount,
        authorization: item.authorization.clone(),
        last4: item.last4.clone(),
        settled_at: item.settled_at.map(Timestamp::rfc3339),
    }
}

/// A credit as the merchant sees it.
pub fn credit_record(row: &CreditRow) -> CreditRecord {
    let seen_for = row.attempt_id.iter();
    CreditRecord {
        id: row.id.clone(),
        state: row.state,
        amount: row.amount,
        credited_at: row.credited_at.rfc3339(),
        why: row.why.clone(),
        attempts: seen_for.chain(&row.candidates).cloned().collect(),
    }
}

/// An attempt as its buyer sees it.
///
/// `payable` is what it put before the buyer; `seen`, whether money was seen that may be for it.
pub fn attempt_view(
    row: &AttemptRow,
    payable: Option<&PayableRow>,
    seen: bool,
    now: Timestamp,
) -> AttemptView {
    let age = now.since(row.created_at);
    let next_action = NextAction::after(row.state);
    AttemptView {
        id: row.id.clone(),
        rail: row.rail,
        state: row.state,
        next_action,
        poll_after_ms: matches!(next_action, NextAction::Wait | NextAction::Pay)
            .then(|| poll_after_ms(age)),
        age_ms: u64::try_from(age.as_millis()).unwrap_or(u64::MAX),
        // The provider's look-up asks for our reference and no secret, so the buyer's browser gets
        // the attempt's own identifier; the shop finds the attempt by it.
        reference: row.id.clone(),
        advice: (row.state == AttemptState::Declined)
            .then(|| advice(row))
            .flatten(),
        financing_advice: (row.rail == Rail::Flexiti && row.state.is_final())
            .then(|| flexiti::advice(row))
            .flatten(),
        // What waits for the buyer is added by whoever reads it.
        hosted_page: None,
        offers: None,
        wallet_advice: (row.state == AttemptState::Declined)
            .then(|| wallet_advice(row))
            .flatten(),
        tip: row.tip(),
        payable: payable
            .filter(|_| !row.state.took_money())
            .map(|payable| cvu::payable_view(payable, seen, now)),
        refused: row.state == AttemptState::NotExecuted
            && matches!(row.reason.as_deref(), Some(cvu::REFUSED | flexiti::REFUSED)),
        receipt: (row.state == AttemptState::Succeeded)
            .then(|| receipt(row))
            .flatten(),
    }
}

/// The lines of an order as its buyer sees them.
pub fn items(session: &NewSession) -> Vec<ItemView> {
    session
        .items
        .iter()
        .enumerate()
        .map(|(index, item)| ItemView {
            description: item.description.clone(),
            quantity: item.quantity,
            total: check::line_total(index, item).ok().flatten(),
        })
        .collect()
}

/// From 2 s, slower the longer it takes, to 15 s from the third minute on.
fn poll_after_ms(age: Duration) -> u32 {
    let millis = u32::try_from(age.as_millis() / 12).unwrap_or(u32::MAX);
    millis.clamp(2_000, 15_000)
}

fn advice(row: &AttemptRow) -> Option<DeclineAdvice> {
    match row.rail {
        Rail::Card => Some(
            row.provider_code
                .as_deref()
                .map_or(DeclineAdvice::OtherCard, DeclineAdvice::for_greenpay),
        ),
        Rail::Cvu => Some(DeclineAdvice::TryAgain),
        Rail::Flux | Rail::Flexiti => None,
    }
}

fn wallet_advice(row: &AttemptRow) -> Option<WalletAdvice> {
    match row.rail {
        Rail::Card | Rail::Cvu | Rail::Flexiti => None,
        Rail::Flux => Some(
            row.provider_code
                .as_deref()
                .map_or(WalletAdvice::OtherMethod, WalletAdvice::for_flux),
        ),
    }
}

fn receipt(row: &AttemptRow) -> Option<ReceiptView> {
    Some(ReceiptView {
        paid: row.confirmed?,
        tip: row.tip(),
        paid_at: match row.rail {
            Rail::Card | Rail::Flux | Rail::Flexiti => row.sent_at.or(row.settled_at)?,
            // What was sent is the wish for a code.
            Rail::Cvu => row.settled_at?,
        }
        .rfc3339(),
        brand: row.brand,
        last4: row.last4.clone(),
        // Flexiti's is the number that captures and returns go by: the merchant's.
        authorization: (row.rail != Rail::Flexiti)
            .then(|| row.authorization.clone())
            .flatten(),
        installments: row.installments,
        card_saved: row.card_saved,
        // Added by whoever reads what was picked.
        financing: None,
    })
}
