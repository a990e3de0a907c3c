//! What may be written, whatever the engine: the machine's rules once more, so that a mistake above
//! the store ends in an error and not in a second payment.

use ventanilla_core::attempt::AttemptState;

use super::record::{AttemptRow, MAX_RETURNS, OperationRow};
use crate::error::{Error, Result};

/// What is written in the same commit as a changed attempt.
pub(super) struct Effects {
    /// The attempt paid its session.
    pub pays_session: bool,
    /// What the merchant is told of the attempt.
    pub outbox: Option<&'static str>,
}

/// Judges a change of an attempt.
///
/// # Errors
///
/// An internal error that names the rule it breaks; nothing may be written then.
pub(super) fn judge(before: &AttemptRow, after: &AttemptRow) -> Result<Effects> {
    use AttemptState as S;
    let broken = |rule: &str| {
        metrics::counter!("ventanilla_guard_hits_total", "guard" => "transition").increment(1);
        Err(Error::internal(format!(
            "attempt {}: {} to {} refused: {rule}",
            before.id,
            before.state.name(),
            after.state.name()
        )))
    };
    let same_identity = before.id == after.id
        && before.session_id == after.session_id
        && before.idempotency_key == after.idempotency_key
        && before.fingerprint == after.fingerprint
        && before.rail == after.rail
        && before.reference == after.reference
        && before.total == after.total
        && before.created_at == after.created_at;
    if !same_identity {
        return broken("identity, amount and request never change");
    }
    let changes = before.state != after.state;
    if changes && !before.state.may_become(after.state) {
        return broken("there is no such transition");
    }
    let (takes, returns) = match (before.state, after.state) {
        (S::Prepared, S::Sent) => (1, 0),
        (S::Sent, S::Prepared) => (0, 1),
        _ => (0, 0),
    };
    if before.sends.checked_add(takes) != Some(after.sends)
        || before.returns.checked_add(returns) != Some(after.returns)
        || after.returns > MAX_RETURNS
    {
        return broken("the right to send is taken and returned with its state only");
    }
    if takes == 1
        && (before.sends != before.returns
            || after.sent_at.is_none()
            || after.deadline_at.is_none())
    {
        return broken("the right to send is out, or its moment is missing");
    }
    if matches!(after.state, S::Succeeded | S::Duplicate) && after.confirmed != Some(after.total) {
        return broken("the provider did not confirm this amount");
    }
    if after.state.is_final() != after.settled_at.is_some() {
        return broken("an end has a moment, and nothing else has");
    }
    if after.state == S::Unknown && (after.unknown_at.is_none() || after.next_check_at.is_none()) {
        return broken("a doubt must be read back");
    }
    Ok(Effects {
        pays_session: changes && after.state == S::Succeeded,
        outbox: if changes {
            announcement(after.state)
        } else {
            None
        },
    })
}

/// Judges a change of an operation, and says what the merchant is told of it.
///
/// # Errors
///
/// An internal error that names the rule it breaks; nothing may be written then.
pub(super) fn judge_operation(
    before: &OperationRow,
    after: &OperationRow,
) -> Result<Option<&'static str>> {
    use AttemptState as S;
    let broken = |rule: &str| {
        metrics::counter!("ventanilla_guard_hits_total", "guard" => "transition").increment(1);
        Err(Error::internal(format!(
            "operation {}: {} to {} refused: {rule}",
            before.id,
            before.state.name(),
            after.state.name()
        )))
    };
    let same_identity = before.id == after.id
        && before.attempt_id == after.attempt_id
        && before.session_id == after.session_id
        && before.kind == after.kind
        && before.idempotency_key == after.idempotency_key
        && before.fingerprint == after.fingerprint
        && before.reference == after.reference
        && before.amount == after.amount
        && before.created_at == after.created_at;
    if !same_identity {
        return broken("identity, kind and amount never change");
    }
    let changes = before.state != after.state;
    if changes && (!before.state.may_become(after.state) || after.state == S::Duplicate) {
        return broken("there is no such transition");
    }
    let (takes, returns) = match (before.state, after.state) {
        (S::Prepared, S::Sent) => (1, 0),
        (S::Sent, S::Prepared) => (0, 1),
        _ => (0, 0),
    };
    if before.sends.checked_add(takes) != Some(after.sends)
        || before.returns.checked_add(returns) != Some(after.returns)
        || after.returns > MAX_RETURNS
    {
        return broken("the right to send is taken and returned with its state only");
    }
    if takes == 1
        && (before.sends != before.returns
            || after.sent_at.is_none()
            || after.deadline_at.is_none())
    {
        return broken("the right to send is out, or its moment is missing");
    }
    if after.state.is_final() != after.settled_at.is_some() {
        return broken("an end has a moment, and nothing else has");
    }
    if after.state == S::Unknown && (after.unknown_at.is_none() || after.next_check_at.is_none()) {
        return broken("a doubt must be read back");
    }
    if matches!(after.state, S::New | S::Prepared) && after.next_check_at.is_none() {
        return broken("what is not sent yet must be taken up");
    }
    Ok(match after.state {
        _ if !changes => None,
        S::New | S::Prepared | S::Sent | S::Unknown | S::Duplicate => None,
        S::Succeeded => Some("operation.succeeded"),
        S::Declined => Some("operation.declined"),
        S::NotExecuted => Some("operation.not_executed"),
        S::Review => Some("operation.review"),
    })
}

/// Whether money was taken with an attempt in this state.
pub(super) const fn is_paid(state: AttemptState) -> bool {
    matches!(state, AttemptState::Succeeded | AttemptState::Duplicate)
}

/// Whether an operation in this state keeps others of its attempt from being opened. As the index
/// `operation_open`.
pub(super) const fn is_open(state: AttemptState) -> bool {
    use AttemptState as S;
    matches!(
        state,
        S::New | S::Prepared | S::Sent | S::Unknown | S::Review
    )
}

/// Whether an operation in this state has moved money or may have. As the trigger
/// `operation_within_payment`.
pub(super) const fn counts(state: AttemptState) -> bool {
    is_open(state) || matches!(state, AttemptState::Succeeded)
}

/// What the merchant is told when an attempt comes to a state.
fn announcement(state: AttemptState) -> Option<&'static str> {
    match state {
        AttemptState::New | AttemptState::Prepared | AttemptState::Sent | AttemptState::Unknown => {
            None
        }
        AttemptState::Succeeded => Some("attempt.succeeded"),
        AttemptState::Declined => Some("attempt.declined"),
        AttemptState::NotExecuted => Some("attempt.not_executed"),
        AttemptState::Review => Some("attempt.review"),
        AttemptState::Duplicate => Some("attempt.duplicate"),
    }
}
