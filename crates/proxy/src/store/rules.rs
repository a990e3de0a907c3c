//! What may be written, whatever the engine: the machine's rules once more, so that a mistake above
//! the store ends in an error and not in a second payment.

use ventanilla_core::attempt::AttemptState;
use ventanilla_core::money::Money;
use ventanilla_core::operation::OperationKind;
use ventanilla_core::rails::Rail;
use ventanilla_core::rails::flux::with_tip;

use super::record::{
    AttemptRow, CaptureLeft, CreditState, CreditVerdict, ErrandItem, ErrandKind, ErrandRow,
    MAX_RETURNS, OperationRow, PayableRow, SessionRow,
};
use crate::clock::Timestamp;
use crate::error::{Error, Result};

/// What is written in the same commit as a changed attempt.
pub(super) struct Effects {
    /// The attempt paid its session.
    pub pays_session: bool,
    /// What the merchant is told of the attempt.
    pub outbox: Option<&'static str>,
}

/// The part of an attempt, of an operation and of an errand that the same rules hold for.
struct Standing<'a> {
    /// `attempt`, `operation` or `errand`.
    name: &'static str,
    id: &'a str,
    state: AttemptState,
    sends: u8,
    returns: u8,
    sent_at: Option<Timestamp>,
    deadline_at: Option<Timestamp>,
    unknown_at: Option<Timestamp>,
    next_check_at: Option<Timestamp>,
    settled_at: Option<Timestamp>,
}

/// The standing of a row, whichever it is.
macro_rules! standing {
    ($name:literal, $row:expr) => {
        Standing {
            name: $name,
            id: &$row.id,
            state: $row.state,
            sends: $row.sends,
            returns: $row.returns,
            sent_at: $row.sent_at,
            deadline_at: $row.deadline_at,
            unknown_at: $row.unknown_at,
            next_check_at: $row.next_check_at,
            settled_at: $row.settled_at,
        }
    };
}

/// Judges what a new attempt of a session asks for.
///
/// # Errors
///
/// An internal error that names the rule it breaks; nothing may be written then.
pub(super) fn judge_start(session: &SessionRow, draft: &AttemptRow) -> Result<()> {
    let bill = session.request.total;
    let asks = with_tip(bill, draft.tip_minor).ok();
    let broken = if asks != Some(draft.total) {
        Some("an attempt is for the session's total and its tip")
    } else if draft.tip_minor > bill.minor() || (draft.tip_minor > 0 && draft.rail != Rail::Flux) {
        Some("a tip is at most the bill, and the Flux rail's alone")
    } else {
        None
    };
    match broken {
        Some(rule) => {
            let (from, to) = (standing!("attempt", draft), standing!("attempt", draft));
            Err(refused(&from, &to, rule))
        }
        None => Ok(()),
    }
}

/// The reference that the next attempt of a session carries on, where the provider refuses one that it
/// knows: that of the last attempt on the rail, unless it was declined. Whatever became of that one after
/// all, the provider then takes one of the two at most.
pub(super) fn carried_reference(attempts: &[AttemptRow], rail: Rail) -> Option<&str> {
    match rail {
        // A call of ours cannot be executed any more before another one is let go.
        Rail::Card => return None,
        // Nothing that nobody saw is paid.
        Rail::Cvu => return None,
        // What an authorization of before did late is a hold, and is let go.
        Rail::Flexiti => return None,
        Rail::Flux => {}
    }
    let last = attempts.iter().rev().find(|row| row.rail == rail)?;
    (last.state == AttemptState::NotExecuted).then(|| last.at_provider())
}

/// Judges a change of an attempt, and what it makes payable.
///
/// # Errors
///
/// An internal error that names the rule it breaks; nothing may be written then.
pub(super) fn judge(
    before: &AttemptRow,
    after: &AttemptRow,
    payable: Option<&PayableRow>,
) -> Result<Effects> {
    let same_identity = before.id == after.id
        && before.session_id == after.session_id
        && before.idempotency_key == after.idempotency_key
        && before.fingerprint == after.fingerprint
        && before.rail == after.rail
        && before.reference == after.reference
        && before.carried_reference == after.carried_reference
        && before.total == after.total
        && before.tip_minor == after.tip_minor
        && before.created_at == after.created_at;
    let (from, to) = (standing!("attempt", before), standing!("attempt", after));
    let broken = if !same_identity {
        Some("identity, amount and request never change")
    } else if after.state.took_money() && after.confirmed != Some(after.total) {
        broken_transition(&from, &to).or(Some("the provider did not confirm this amount"))
    } else {
        broken_transition(&from, &to)
            .or_else(|| broken_state(&to))
            .or_else(|| broken_payable(before, after, payable))
    };
    if let Some(rule) = broken {
        return Err(refused(&from, &to, rule));
    }
    let changes = before.state != after.state;
    Ok(Effects {
        pays_session: changes && after.state == AttemptState::Succeeded,
        outbox: if changes {
            announcement(after.state)
        } else {
            None
        },
    })
}

/// Judges what a credit that was seen for an attempt is taken for, and what becomes of the attempt with
/// it. The change itself is judged by [`judge`].
///
/// # Errors
///
/// An internal error that names the rule it breaks; nothing may be written then.
pub(super) fn judge_credit(
    before: &AttemptRow,
    amount: Money,
    verdict: &CreditVerdict,
) -> Result<()> {
    let after = verdict
        .change
        .as_ref()
        .map_or(before, |change| &change.after);
    let pays = after.state.took_money() && !before.state.took_money();
    let broken = match verdict.state {
        CreditState::Matched if !after.state.took_money() => {
            Some("a credit is matched with an attempt that took money")
        }
        CreditState::Matched if amount != after.total => {
            Some("a credit of another amount is not matched")
        }
        CreditState::Review | CreditState::Dismissed if pays => {
            Some("a credit that is not matched pays nothing")
        }
        CreditState::Review | CreditState::Dismissed if verdict.why.is_none() => {
            Some("a credit that is not matched has a reason")
        }
        CreditState::Matched | CreditState::Review | CreditState::Dismissed => None,
    };
    match broken {
        Some(rule) => {
            let (from, to) = (standing!("attempt", before), standing!("attempt", after));
            Err(refused(&from, &to, rule))
        }
        None => Ok(()),
    }
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
    let same_identity = before.id == after.id
        && before.attempt_id == after.attempt_id
        && before.session_id == after.session_id
        && before.kind == after.kind
        && before.idempotency_key == after.idempotency_key
        && before.fingerprint == after.fingerprint
        && before.reference == after.reference
        && before.amount == after.amount
        && before.created_at == after.created_at;
    let (from, to) = (
        standing!("operation", before),
        standing!("operation", after),
    );
    if !same_identity {
        return Err(refused(
            &from,
            &to,
            "identity, kind and amount never change",
        ));
    }
    judge_resumed(&from, &to)
}

/// Judges a change of an errand, and says what the merchant is told of it.
///
/// # Errors
///
/// An internal error that names the rule it breaks; nothing may be written then.
pub(super) fn judge_errand(before: &ErrandRow, after: &ErrandRow) -> Result<Option<&'static str>> {
    let same_identity = before.id == after.id
        && before.kind == after.kind
        && before.idempotency_key == after.idempotency_key
        && before.subject == after.subject
        && before.reference == after.reference
        && before.amount == after.amount
        && before.details == after.details
        && before.created_at == after.created_at;
    let (from, to) = (standing!("errand", before), standing!("errand", after));
    let is_out = before.sends > before.returns;
    let broken = if !same_identity {
        Some("identity, kind, amount and what was asked for never change")
    } else if is_out && before.known_before != after.known_before {
        Some("what there was before is looked up before anything is sent")
    } else if before.result.is_some() && after.result.is_none() {
        Some("what came of it is not forgotten")
    } else {
        None
    };
    match broken {
        Some(rule) => Err(refused(&from, &to, rule)),
        None => judge_resumed(&from, &to),
    }
}

/// Judges the payments that a new errand makes: several make its amount, in one currency, and only a kind
/// that makes several has any.
///
/// # Errors
///
/// An internal error that names the rule it breaks; nothing may be written then.
pub(super) fn judge_errand_items(draft: &ErrandRow, items: &[ErrandItem]) -> Result<()> {
    let mut sum = 0_u64;
    let mut fits = items.is_empty() != (draft.kind == ErrandKind::Bulk);
    for (place, item) in items.iter().enumerate() {
        sum = sum.saturating_add(item.amount.minor());
        fits &= item.amount.currency() == draft.amount.currency()
            && usize::try_from(item.position) == Ok(place);
    }
    if fits && (items.is_empty() || sum == draft.amount.minor()) {
        return Ok(());
    }
    let (from, to) = (standing!("errand", draft), standing!("errand", draft));
    let rule = "the payments of an errand make its amount, in their order and one currency";
    Err(refused(&from, &to, rule))
}

/// Judges a change of one payment of an errand.
///
/// # Errors
///
/// An internal error that names the rule it breaks; nothing may be written then.
pub(super) fn judge_errand_item(
    errand_id: &str,
    before: &ErrandItem,
    after: &ErrandItem,
) -> Result<()> {
    use AttemptState as S;
    let same_identity = before.position == after.position
        && before.order_reference == after.order_reference
        && before.reference == after.reference
        && before.amount == after.amount;
    let may_follow = before.state == after.state
        || matches!(
            (before.state, after.state),
            (S::Unknown, S::Succeeded | S::NotExecuted) | (S::NotExecuted, S::Succeeded)
        );
    let is_confirmed = after.state != S::Succeeded || after.confirmed == Some(after.amount);
    let has_end = (after.state == S::Unknown) == after.settled_at.is_none();
    if same_identity && may_follow && is_confirmed && has_end {
        return Ok(());
    }
    metrics::counter!("ventanilla_guard_hits_total", "guard" => "transition").increment(1);
    Err(Error::internal(format!(
        "errand {errand_id}: payment {} from {} to {} refused",
        before.position,
        before.state.name(),
        after.state.name()
    )))
}

/// Judges a step of what anybody may take up: an operation or an errand. Says what the merchant is told.
fn judge_resumed(from: &Standing<'_>, to: &Standing<'_>) -> Result<Option<&'static str>> {
    use AttemptState as S;
    let changes = from.state != to.state;
    let idle = matches!(to.state, S::New | S::Prepared) && to.next_check_at.is_none();
    let broken = if changes && is_an_attempts_alone(to.state) {
        Some(NO_SUCH_TRANSITION)
    } else {
        broken_transition(from, to)
            .or_else(|| broken_state(to))
            .or(idle.then_some("what is not sent yet must be taken up"))
    };
    if let Some(rule) = broken {
        return Err(refused(from, to, rule));
    }
    Ok(match to.state {
        _ if !changes => None,
        S::New | S::Prepared | S::Sent | S::Unknown => None,
        // Refused above.
        S::Duplicate | S::Issued | S::Expired | S::Superseded => None,
        S::Succeeded => Some("operation.succeeded"),
        S::Declined => Some("operation.declined"),
        S::NotExecuted => Some("operation.not_executed"),
        S::Review => Some("operation.review"),
    })
}

/// Whether no operation and no errand comes to this state.
const fn is_an_attempts_alone(state: AttemptState) -> bool {
    use AttemptState as S;
    matches!(state, S::Duplicate | S::Issued | S::Expired | S::Superseded)
}

/// Whether an attempt is in review by a change.
pub(super) fn came_to_review(before: AttemptState, after: AttemptState) -> bool {
    before != after && after == AttemptState::Review
}

const NO_SUCH_TRANSITION: &str = "there is no such transition";

/// What a step from one standing to the next breaks: the diagram, or the one right to send.
fn broken_transition(before: &Standing<'_>, after: &Standing<'_>) -> Option<&'static str> {
    use AttemptState as S;
    if before.state != after.state && !before.state.may_become(after.state) {
        return Some(NO_SUCH_TRANSITION);
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
        return Some("the right to send is taken and returned with its state only");
    }
    let incomplete =
        before.sends != before.returns || after.sent_at.is_none() || after.deadline_at.is_none();
    (takes == 1 && incomplete).then_some("the right to send is out, or its moment is missing")
}

/// What a standing lacks.
fn broken_state(standing: &Standing<'_>) -> Option<&'static str> {
    if standing.state.is_final() != standing.settled_at.is_some() {
        return Some("an end has a moment, and nothing else has");
    }
    let unread = standing.unknown_at.is_none() || standing.next_check_at.is_none();
    (standing.state == AttemptState::Unknown && unread).then_some("a doubt must be read back")
}

/// What is wrong with what a change makes payable: it is there when the attempt comes to issued, and only
/// then, and it is this attempt's.
fn broken_payable(
    before: &AttemptRow,
    after: &AttemptRow,
    payable: Option<&PayableRow>,
) -> Option<&'static str> {
    let issues = before.state != after.state && after.state == AttemptState::Issued;
    let Some(payable) = payable else {
        return issues.then_some("what is issued must be recorded");
    };
    let fits = payable.attempt_id == after.id
        && payable.session_id == after.session_id
        && payable.total == after.total
        && payable.expires_at <= payable.watch_until;
    if !issues {
        Some("something payable comes with the attempt that is issued")
    } else if fits {
        None
    } else {
        Some("what is issued is not what the attempt is for")
    }
}

fn refused(before: &Standing<'_>, after: &Standing<'_>, rule: &str) -> Error {
    metrics::counter!("ventanilla_guard_hits_total", "guard" => "transition").increment(1);
    Error::internal(format!(
        "{} {}: {} to {} refused: {rule}",
        before.name,
        before.id,
        before.state.name(),
        after.state.name()
    ))
}

/// What is said when a row was changed since it was seen.
pub(super) fn overtaken(name: &str, id: &str) -> Error {
    metrics::counter!("ventanilla_guard_hits_total", "guard" => "version").increment(1);
    Error::internal(format!("{name} {id}: somebody else changed it meanwhile"))
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

/// How much of a payment an operation of `kind` may still be about, in minor units, beside `others`. As the
/// triggers `operation_within_payment` and `operation_within_hold`.
pub(crate) fn left(rail: Rail, paid: Money, others: &[OperationRow], kind: OperationKind) -> u64 {
    let sum = |is: &dyn Fn(&OperationRow) -> bool| -> u64 {
        let like = others.iter().filter(|other| is(other));
        like.map(|other| other.amount.minor()).sum()
    };
    let used = |is: &dyn Fn(OperationKind) -> bool| {
        sum(&|other: &OperationRow| counts(other.state) && is(other.kind))
    };
    match rail {
        // Captures draw on one sum, everything that gives back on another.
        Rail::Card | Rail::Cvu | Rail::Flux => paid
            .minor()
            .saturating_sub(used(&|other| other.gives_back() == kind.gives_back())),
        // What is paid is held: each part of it is captured or let go, and what was captured comes back once.
        Rail::Flexiti if of_hold(kind) => paid.minor().saturating_sub(used(&of_hold)),
        Rail::Flexiti => {
            let captured = sum(&|other: &OperationRow| {
                other.kind == OperationKind::Capture && other.state == AttemptState::Succeeded
            });
            captured.saturating_sub(used(&|other| !of_hold(other)))
        }
    }
}

/// The captures of a hold of which something can still come back, oldest first; `others` in the order in which they
/// were opened, as one is over before the next. A return is of the first that has enough left, which is how the
/// rail picks one.
pub(super) fn captures_left(others: &[OperationRow]) -> Vec<CaptureLeft> {
    let mut captures: Vec<CaptureLeft> = Vec::new();
    for other in others {
        let amount = other.amount.minor();
        match other.kind {
            _ if other.state != AttemptState::Succeeded => {}
            OperationKind::Capture => captures.push(CaptureLeft {
                operation_id: other.id.clone(),
                left: amount,
            }),
            OperationKind::Return => {
                let mut with_enough = captures.iter_mut();
                if let Some(capture) = with_enough.find(|capture| capture.left >= amount) {
                    capture.left -= amount;
                }
            }
            OperationKind::Release
            | OperationKind::Refund
            | OperationKind::Void
            | OperationKind::CashOut
            | OperationKind::Bulk
            | OperationKind::Subscription
            | OperationKind::SubscriptionPayment
            | OperationKind::Deposit => {}
        }
    }
    captures.retain(|capture| capture.left > 0);
    captures
}

/// Whether it is about what is held, and not about what was taken of it.
const fn of_hold(kind: OperationKind) -> bool {
    matches!(kind, OperationKind::Capture | OperationKind::Release)
}

/// What the merchant is told when an attempt comes to a state.
fn announcement(state: AttemptState) -> Option<&'static str> {
    match state {
        AttemptState::New
        | AttemptState::Prepared
        | AttemptState::Sent
        | AttemptState::Unknown
        | AttemptState::Issued => None,
        AttemptState::Expired => Some("attempt.expired"),
        AttemptState::Superseded => Some("attempt.superseded"),
        AttemptState::Succeeded => Some("attempt.succeeded"),
        AttemptState::Declined => Some("attempt.declined"),
        AttemptState::NotExecuted => Some("attempt.not_executed"),
        AttemptState::Review => Some("attempt.review"),
        AttemptState::Duplicate => Some("attempt.duplicate"),
    }
}
