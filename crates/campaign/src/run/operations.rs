//! What a shop does with money after it was taken, as impatiently as the buyers.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::time::Instant;
use ventanilla_core::api::IdempotencyKey;
use ventanilla_core::operation::OperationKind;

use super::Field;
use super::book::count;
use crate::harness::buyer::fresh_key;
use crate::harness::shop::Operation;
use crate::harness::wire::Answer;
use crate::random::Dice;

/// Voids, refunds or captures a share of the paid attempts; some of them twice over.
pub(super) async fn perhaps(field: &Arc<Field>, mut dice: Dice, attempt: &str) {
    let first = match dice.below(100) {
        0..12 => OperationKind::Void,
        12..20 => OperationKind::Refund,
        20..26 => OperationKind::Capture,
        _ => return,
    };
    tokio::time::sleep(Duration::from_millis(dice.below(800))).await;
    if dice.percent(10) {
        // Two clerks at once: at most one of them may have their way.
        let (one, other) = (dice.of(1), dice.of(2));
        tokio::join!(
            operate(field, one, attempt, first),
            operate(field, other, attempt, OperationKind::Refund)
        );
        return;
    }
    operate(field, dice.of(1), attempt, first).await;
    if first == OperationKind::Capture && dice.percent(50) {
        operate(field, dice.of(2), attempt, OperationKind::Refund).await;
    }
}

/// Sends a share of what was paid from a wallet back by transfer; some of it by two clerks at once.
pub(super) async fn perhaps_send_back(field: &Arc<Field>, mut dice: Dice, attempt: &str) {
    if !dice.percent(30) {
        return;
    }
    tokio::time::sleep(Duration::from_millis(dice.below(800))).await;
    let (one, other) = (dice.of(1), dice.of(2));
    let refund = OperationKind::Refund;
    if dice.percent(15) {
        tokio::join!(
            operate(field, one, attempt, refund),
            operate(field, other, attempt, refund)
        );
    } else {
        operate(field, one, attempt, refund).await;
    }
}

/// Takes back a share of what was financed, or tries to let go what is captured by then; some of it by two
/// clerks at once.
pub(super) async fn perhaps_undo(field: &Arc<Field>, mut dice: Dice, attempt: &str) {
    if !dice.percent(30) {
        return;
    }
    tokio::time::sleep(Duration::from_millis(dice.below(800))).await;
    let (one, other) = (dice.of(1), dice.of(2));
    if dice.percent(25) {
        tokio::join!(
            operate(field, one, attempt, OperationKind::Return),
            operate(field, other, attempt, OperationKind::Release)
        );
    } else {
        operate(field, one, attempt, OperationKind::Return).await;
    }
}

async fn operate(field: &Arc<Field>, mut dice: Dice, attempt: &str, kind: OperationKind) {
    if !field.operations_offered.load(Ordering::Relaxed) {
        return;
    }
    let key = fresh_key();
    if dice.percent(20) {
        let presses: Vec<_> = (0..dice.between(2, 6))
            .map(|_| {
                let (field, attempt, key) = (Arc::clone(field), attempt.to_owned(), key.clone());
                tokio::spawn(async move {
                    let _ = field.shop.operate(&attempt, kind, key.as_str()).await;
                })
            })
            .collect();
        for press in presses {
            let _ = press.await;
        }
    }
    let patient_until = Instant::now() + field.patience / 2;
    if let Some(operation) = insist(field, &mut dice, attempt, kind, &key, patient_until).await {
        count(&field.book.operations);
        follow(field, &mut dice, operation, patient_until).await;
    }
}

async fn insist(
    field: &Field,
    dice: &mut Dice,
    attempt: &str,
    kind: OperationKind,
    key: &IdempotencyKey,
    patient_until: Instant,
) -> Option<Operation> {
    while field.goes_on(patient_until) {
        match field.shop.operate(attempt, kind, key.as_str()).await {
            Answer::Done(operation) => return Some(operation),
            Answer::Problem(trouble) => match (trouble.status, trouble.code.as_str()) {
                (404 | 405, _) => {
                    // This proxy has no operations; nobody need ask again.
                    field.operations_offered.store(false, Ordering::Relaxed);
                    return None;
                }
                (_, "operation-running" | "operation-not-possible" | "amount-exceeds-payment") => {
                    return None;
                }
                (500.. | 429, _) => {
                    tokio::time::sleep(trouble.come_back_after.unwrap_or_default()).await;
                }
                (status, code) => {
                    field
                        .book
                        .note_surprise(format!("an operation was answered {status} {code}"));
                    return None;
                }
            },
            Answer::Nothing(_) => {}
        }
        tokio::time::sleep(Duration::from_millis(dice.between(50, 400))).await;
    }
    None
}

async fn follow(field: &Field, dice: &mut Dice, mut operation: Operation, patient_until: Instant) {
    while !operation.state.is_final() && field.goes_on(patient_until) {
        tokio::time::sleep(Duration::from_millis(dice.between(200, 900))).await;
        if let Answer::Done(now) = field.shop.operation(&operation.id).await {
            operation = now;
        }
    }
}
