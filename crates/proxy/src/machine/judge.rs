//! What an answer or a read proves about an attempt, and what follows. Pure: time and chance are parameters.
//!
//! Evidence is monotone: success beats unknown beats negative. A success is never taken back, a
//! negative end stands until money turns up after all, and what contradicts is kept and reported.
//!
//! For GreenPay a negative read proves something only behind a fence: its order session lives 30
//! minutes, so 35 minutes after the right to send was taken no call of ours can be executed any more.
//! Until then no second attempt is allowed, which is why each attempt may have a reference of its own.
//!
//! On the Flux rail a call has no such end. What makes a negative read safe there is that the next attempt
//! goes out under the same reference, of which the provider takes one payment; so what a read shows may be
//! the money of an earlier attempt than the one that was read for.

use std::time::Duration;

use serde_json::{Value, json};
use ventanilla_core::attempt::AttemptState as S;
use ventanilla_core::card::Brand;
use ventanilla_core::money::Money;
use ventanilla_core::operation::OperationKind;
use ventanilla_core::rails::Rail;

use super::course::{Finding, Row as _, Step, contradiction, unconfirmed};
use super::judge_payable::{self, Issue};
use super::schedule::{self, MIN_GAP, REVIEW_AFTER, minutes};
use crate::clock::Timestamp;
use crate::store::{AttemptRow, Change, NewSavedCard, Scene};

/// What the one call of an attempt came to when it came to what was asked for.
#[derive(Clone)]
pub enum Proof {
    /// The provider took the money.
    Paid(Confirmation),
    /// The provider made something that the buyer pays.
    Issued(Issue),
}

/// What a provider confirmed.
#[derive(Clone)]
pub struct Confirmation {
    /// The amount, with the tip.
    pub total: Money,
    /// How much of it is a tip, in minor units.
    pub tip_minor: u64,
    /// The issuer's authorization code.
    pub authorization: Option<String>,
    /// The card's brand.
    pub brand: Option<Brand>,
    /// The card's last four digits.
    pub last4: Option<String>,
    /// The card's leading digits.
    pub bin: Option<String>,
    /// A card that was saved on the way.
    pub saved: Option<NewSavedCard>,
}

/// What a read by reference came to.
#[derive(Clone)]
pub enum Reading {
    /// The provider has the payment, and nothing was done with it since. Whether its amount is ours
    /// is judged here.
    Confirmed(Confirmation),
    /// The provider has the payment, and this was done with it since.
    Changed(OperationKind),
    /// The provider did this very operation.
    Done,
    /// The provider does not know the reference, at this moment.
    NotFound,
    /// The provider has it in a state that proves nothing.
    Other(String),
    /// There is nothing to read: what was asked for was never shown, so nobody can have paid it.
    NeverShown,
    /// There was no answer that could be read.
    Failed(String),
}

/// What is to be done.
pub enum Verdict {
    /// This.
    Change(Box<Change>),
    /// First these attempts, which never took the right to send or are only shown, must be ended; then
    /// judge again.
    EndFirst(Vec<String>),
    /// Nothing.
    Nothing,
}

/// So long after its right was taken no call can be executed any more, or, where the provider refuses a
/// reference that it knows, will be.
#[must_use]
pub const fn fence(rail: Rail) -> Duration {
    match rail {
        // GreenPay's order session lives 30 minutes.
        Rail::Card | Rail::Cvu => minutes(35),
        Rail::Flux => minutes(15),
        // The access token that it needs lives 20 minutes, and what comes late is a hold, which is let go.
        Rail::Flexiti => minutes(30),
    }
}

/// So many reads in a row must not find a payment before it is held never to have happened.
pub const NOT_FOUND_NEEDED: u32 = 3;
/// Behind the fence, the reads that are still missing need not wait for the schedule.
const LAST_READS_GAP: Duration = Duration::from_secs(20);
/// Money for an attempt that is held not to have happened waits so long, at least and at most, for the
/// attempt beside it.
const DEFERRED_GAP: Duration = Duration::from_secs(30);
const DEFERRED_GAP_MAX: Duration = minutes(60);

/// Judges the answer to the one call. Only the sender knows it, and it may come after others gave the
/// attempt up.
///
/// A call that was not sent is not judged here while the right may still be returned.
pub fn on_answer(scene: &Scene<'_>, finding: Finding<Proof>, now: Timestamp) -> Verdict {
    let row = scene.attempt;
    match finding {
        Finding::Confirmed(Proof::Issued(issue)) => {
            Verdict::Change(Box::new(judge_payable::issued(row, &issue, now)))
        }
        Finding::Confirmed(Proof::Paid(confirmation)) if is_anothers(scene, &confirmation) => {
            Verdict::Nothing
        }
        Finding::Confirmed(Proof::Paid(confirmation)) if !fits(row, &confirmation) => {
            mismatch(row, confirmation.total, now, "answer")
        }
        Finding::Confirmed(Proof::Paid(confirmation)) => {
            confirmed(scene, confirmation, now, "answer")
        }
        _ => unconfirmed(row, &finding, now).map_or(Verdict::Nothing, Verdict::of),
    }
}

/// Judges a read.
///
/// `jitter` spreads reads over time: −200 to 200 thousandths.
pub fn on_reading(scene: &Scene<'_>, reading: Reading, now: Timestamp, jitter: i32) -> Verdict {
    let row = scene.attempt;
    if !matches!(
        row.state,
        S::Unknown | S::Review | S::Declined | S::NotExecuted
    ) {
        return Verdict::Nothing;
    }
    // Money that was seen stays seen, whatever a later read says.
    let reading = deferred(row).map_or(reading, Reading::Confirmed);
    let mut after = row.clone();
    after.last_read_at = Some(now);
    match reading {
        Reading::Confirmed(confirmation) if is_anothers(scene, &confirmation) => {
            anothers(after, now, jitter)
        }
        Reading::Confirmed(confirmation) if !fits(row, &confirmation) => {
            mismatch(row, confirmation.total, now, "read")
        }
        Reading::Confirmed(confirmation) => confirmed(scene, confirmation, now, "read"),
        Reading::NotFound => {
            // Two reads at once are one.
            if row.last_read_at.is_none_or(|read| now >= read + MIN_GAP) {
                after.not_found = row.not_found.saturating_add(1);
            }
            let evidence = json!({ "source": "read", "found": false, "in_a_row": after.not_found });
            if row.state == S::Unknown && is_conclusive(&after, now) {
                let mut after = ended(&after, S::NotExecuted, now);
                after.reason = Some(String::from(
                    "the provider never saw it, and cannot execute it any more",
                ));
                return change(after, now, "not_executed", evidence);
            }
            Verdict::of(looked(after, now, jitter, "read", evidence))
        }
        // Something was done with a payment of ours whose amount the provider tells no longer.
        Reading::Changed(kind) => {
            after.not_found = 0;
            let evidence = json!({ "source": "read", "done": kind });
            if row.state == S::Unknown {
                after.state = S::Review;
                after.next_check_at = schedule::in_review(row.unknown_at, now);
                after.reason = Some(format!("the provider shows a {} of it", kind.name()));
                return change(after, now, "review", evidence);
            }
            Verdict::of(looked(after, now, jitter, "read", evidence))
        }
        Reading::Other(state) => {
            after.not_found = 0;
            let evidence = json!({ "source": "read", "provider_state": state });
            Verdict::of(looked(after, now, jitter, "read", evidence))
        }
        Reading::NeverShown if row.state == S::Unknown => {
            Verdict::Change(Box::new(judge_payable::never_shown(&after, now)))
        }
        Reading::NeverShown => {
            after.next_check_at = None;
            change(
                after,
                now,
                "read",
                json!({ "source": "read", "shown": false }),
            )
        }
        // Of attempts there is no such word.
        Reading::Done => Verdict::Nothing,
        Reading::Failed(cause) => {
            let evidence = json!({ "source": "read", "failed": cause });
            if matches!(row.state, S::Declined | S::NotExecuted) {
                after.next_check_at =
                    schedule::second_look_again(row.settled_at.unwrap_or(now), now);
                return change(after, now, "read_failed", evidence);
            }
            let mut step = looked(after, now, jitter, "read_failed", evidence);
            step.after.next_check_at = schedule::after_failure(step.after.next_check_at, now);
            Verdict::of(step)
        }
    }
}

/// Whether an attempt's reads prove that it never happened and never will.
fn is_conclusive(row: &AttemptRow, now: Timestamp) -> bool {
    row.not_found >= NOT_FOUND_NEEDED
        && row
            .sent_at
            .is_some_and(|sent_at| now >= sent_at + fence(row.rail))
        // On a clock that runs faster than the network, the call may outlast the fence.
        && row.deadline_at.is_some_and(|deadline_at| now >= deadline_at)
}

/// When an attempt in doubt is read next.
fn next_check(row: &AttemptRow, now: Timestamp, jitter: i32) -> Timestamp {
    let sent_at = row.sent_at.unwrap_or(now);
    let fence = fence(row.rail);
    let behind = sent_at + fence;
    if now >= behind && row.not_found > 0 {
        return now + LAST_READS_GAP;
    }
    let since = row.unknown_at.unwrap_or(sent_at);
    let planned = schedule::planned(&schedule::ATTEMPTS, since, now, jitter);
    // The first read behind the fence must not be spread in front of it.
    let at = if planned.offset > fence {
        planned.at.max(behind + Duration::from_secs(1))
    } else {
        planned.at
    };
    at.max(now + MIN_GAP)
}

/// A read that settled nothing: when is the next?
fn looked(
    mut after: AttemptRow,
    now: Timestamp,
    jitter: i32,
    kind: &'static str,
    evidence: Value,
) -> Step<AttemptRow> {
    match after.state {
        S::Unknown => {
            let since = after.unknown_at.unwrap_or(now);
            if now.since(since) >= REVIEW_AFTER {
                after.state = S::Review;
                after.next_check_at = None;
                after.reason = Some(String::from("reads did not settle it within 7 days"));
                return Step::new(after, now, "review", evidence);
            }
            after.next_check_at = Some(next_check(&after, now, jitter));
        }
        S::Review => after.next_check_at = schedule::in_review(after.unknown_at, now),
        S::Declined | S::NotExecuted => {
            after.second_looks = after.second_looks.saturating_add(1);
            let settled_at = after.settled_at.unwrap_or(now);
            after.next_check_at = schedule::second_look(after.unknown_at, settled_at, now);
        }
        S::New
        | S::Prepared
        | S::Sent
        | S::Succeeded
        | S::Duplicate
        | S::Issued
        | S::Expired
        | S::Superseded => {}
    }
    Step::new(after, now, kind, evidence)
}

/// Whether money of an attempt that is held not to have happened was seen, and waits for the attempt
/// beside it.
#[must_use]
pub const fn is_deferred(row: &AttemptRow) -> bool {
    matches!(row.state, S::Declined | S::NotExecuted) && row.confirmed.is_some()
}

/// What was seen of a deferred attempt.
fn deferred(row: &AttemptRow) -> Option<Confirmation> {
    let total = row.confirmed.filter(|_| is_deferred(row))?;
    Some(Confirmation {
        total,
        tip_minor: row.tip_minor,
        authorization: row.authorization.clone(),
        brand: row.brand,
        last4: row.last4.clone(),
        bin: row.bin.clone(),
        saved: None,
    })
}

/// Whether what a provider confirmed is what the attempt is for.
fn fits(row: &AttemptRow, confirmation: &Confirmation) -> bool {
    confirmation.total == row.total && confirmation.tip_minor == row.tip_minor
}

/// The attempts whose money it may be that a read for `read` showed, if it cannot be that one's: those that
/// went out under the same reference, are held not to have happened, and were for this amount.
pub fn sharing<'a>(
    attempts: &'a [AttemptRow],
    read: &'a AttemptRow,
    reading: &'a Reading,
) -> impl Iterator<Item = &'a str> {
    attempts
        .iter()
        .filter(|row| row.id != read.id && row.at_provider() == read.at_provider())
        .filter(|row| matches!(row.state, S::Declined | S::NotExecuted))
        .filter(move |row| {
            matches!(reading, Reading::Confirmed(found) if fits(row, found) && !fits(read, found))
        })
        .map(|row| row.id.as_str())
}

/// Whether what was confirmed is the money of another attempt of the session that went out under the same
/// reference: it is recorded for that one, or was seen for it while it cannot be this one's.
fn is_anothers(scene: &Scene<'_>, confirmation: &Confirmation) -> bool {
    let row = scene.attempt;
    scene
        .others
        .iter()
        .filter(|other| other.at_provider() == row.at_provider())
        .any(|other| {
            let recorded = other.state.took_money();
            let seen = is_deferred(other) && !fits(row, confirmation) && fits(other, confirmation);
            (recorded || seen) && other.authorization == confirmation.authorization
        })
}

/// The provider shows the money of another attempt under the reference of this one, which it will therefore
/// never take.
fn anothers(mut after: AttemptRow, now: Timestamp, jitter: i32) -> Verdict {
    let evidence = json!({ "source": "read", "found": "another attempt under the same reference" });
    if after.state == S::Unknown {
        let mut after = ended(&after, S::NotExecuted, now);
        after.reason = Some(String::from(
            "the provider took another attempt under the same reference",
        ));
        return change(after, now, "not_executed", evidence);
    }
    // What was seen and waited was that one's.
    if is_deferred(&after) {
        after.confirmed = None;
        after.authorization = None;
    }
    Verdict::of(looked(after, now, jitter, "read", evidence))
}

/// The provider has our money, in our amount.
fn confirmed(
    scene: &Scene<'_>,
    confirmation: Confirmation,
    now: Timestamp,
    source: &str,
) -> Verdict {
    let row = scene.attempt;
    let evidence = json!({
        "source": source,
        "total": confirmation.total,
        "authorization": confirmation.authorization,
        "late": matches!(row.state, S::Declined | S::NotExecuted),
    });
    match row.state {
        S::New | S::Prepared | S::Issued | S::Expired | S::Superseded => {
            return Verdict::of(contradiction(row, now, evidence));
        }
        S::Succeeded | S::Duplicate => {
            return if row.authorization == confirmation.authorization {
                Verdict::Nothing
            } else {
                Verdict::of(contradiction(row, now, evidence))
            };
        }
        S::Sent | S::Unknown | S::Review | S::Declined | S::NotExecuted => {}
    }
    let with = |states: &[S]| -> Vec<&AttemptRow> {
        scene
            .others
            .iter()
            .filter(|other| states.contains(&other.state))
            .collect()
    };
    let unsent = with(&[S::New, S::Prepared]);
    let paid = !with(&[S::Succeeded]).is_empty();
    let doubtful = with(&[S::Sent, S::Unknown, S::Review]);
    let shown = with(&[S::Issued]);
    if !paid && doubtful.is_empty() && !(unsent.is_empty() && shown.is_empty()) {
        let ids = unsent.into_iter().chain(shown);
        return Verdict::EndFirst(ids.map(|other| other.id.clone()).collect());
    }
    let mut after = row.clone();
    after.confirmed = Some(confirmation.total);
    after.authorization = confirmation.authorization;
    after.brand = confirmation.brand.or(after.brand);
    after.last4 = confirmation.last4.or(after.last4);
    after.bin = confirmation.bin.or(after.bin);
    if source == "read" {
        after.last_read_at = Some(now);
    }
    let (kind, after) = if let (false, Some(other)) = (paid, doubtful.first()) {
        // This attempt was held not to have happened, so another one was let go and is on its way.
        // Which of the two pays the session is known when that one has ended.
        let doubt = now.since(other.unknown_at.or(other.sent_at).unwrap_or(now));
        let gap = (doubt / 4).clamp(DEFERRED_GAP, DEFERRED_GAP_MAX);
        after.next_check_at = Some(now + gap);
        ("late_money_deferred", after)
    } else {
        let state = if paid { S::Duplicate } else { S::Succeeded };
        let mut after = ended(&after, state, now);
        after.reason = None;
        after.provider_code = None;
        (state.name(), after)
    };
    let mut change = Change::from(Step::new(after, now, kind, evidence));
    change.saved_card = confirmation.saved;
    Verdict::Change(Box::new(change))
}

/// The provider has money of ours, but not the amount that was asked for.
fn mismatch(row: &AttemptRow, found: Money, now: Timestamp, source: &str) -> Verdict {
    let evidence = json!({ "source": source, "expected": row.total, "found": found });
    let mut after = row.clone();
    match row.state {
        S::Sent | S::Unknown => {
            // From sent there is no way to review; the read that follows at once leads there.
            let review = row.state == S::Unknown && source == "read";
            after.state = if review { S::Review } else { S::Unknown };
            after.unknown_at = row.unknown_at.or(Some(now));
            after.next_check_at = if review {
                schedule::in_review(after.unknown_at, now)
            } else {
                Some(now)
            };
            after.reason = Some(String::from("the provider has another amount"));
            change(after, now, "amount_differs", evidence)
        }
        S::Review => {
            after.last_read_at = Some(now);
            Verdict::of(looked(after, now, 0, "amount_differs", evidence))
        }
        S::Declined | S::NotExecuted => {
            after.last_read_at = Some(now);
            Verdict::of(looked(after, now, 0, "contradiction", evidence))
        }
        S::New
        | S::Prepared
        | S::Succeeded
        | S::Duplicate
        | S::Issued
        | S::Expired
        | S::Superseded => Verdict::of(contradiction(row, now, evidence)),
    }
}

fn ended(row: &AttemptRow, state: S, now: Timestamp) -> AttemptRow {
    row.with(row.course().ended(state, now))
}

fn change(after: AttemptRow, at: Timestamp, kind: &'static str, evidence: Value) -> Verdict {
    Verdict::of(Step::new(after, at, kind, evidence))
}

impl Verdict {
    fn of(step: Step<AttemptRow>) -> Self {
        Self::Change(Box::new(step.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::given::attempt;
    use crate::machine::schedule::days;
    use crate::store::SessionRow;

    const T1: Timestamp = Timestamp::from_millis(1_795_000_000_000);

    fn in_doubt() -> AttemptRow {
        let mut row = attempt(&session(), "key", T1);
        row.state = S::Unknown;
        row.version = 4;
        row.sends = 1;
        row.sent_at = Some(T1);
        row.deadline_at = Some(T1 + Duration::from_secs(40));
        row.unknown_at = Some(T1 + Duration::from_secs(40));
        row
    }

    fn session() -> SessionRow {
        crate::machine::given::session(T1)
    }

    fn ended_negative() -> AttemptRow {
        let mut row = in_doubt();
        row.state = S::NotExecuted;
        row.settled_at = Some(T1 + minutes(40));
        row
    }

    fn confirmation() -> Confirmation {
        Confirmation {
            total: in_doubt().total,
            tip_minor: 0,
            authorization: Some(String::from("123456")),
            brand: None,
            last4: None,
            bin: None,
            saved: None,
        }
    }

    /// What a read of `row` beside one other attempt in `other` leads to.
    fn read_beside(row: &AttemptRow, other: S, reading: Reading) -> Verdict {
        let mut beside = in_doubt();
        beside.id = String::from("att_b");
        beside.state = other;
        let session = session();
        let scene = Scene {
            attempt: row,
            others: &[beside],
            session: &session,
        };
        on_reading(&scene, reading, T1 + days(1), 0)
    }

    fn changed(verdict: Verdict) -> Change {
        match verdict {
            Verdict::Change(change) => *change,
            Verdict::EndFirst(_) | Verdict::Nothing => panic!("a change is due"),
        }
    }

    #[test]
    fn late_money_pays_the_session_unless_another_attempt_did_or_may() {
        let row = ended_negative();
        for (other, expected) in [
            (S::Declined, S::Succeeded),
            (S::NotExecuted, S::Succeeded),
            (S::Duplicate, S::Succeeded),
            (S::Succeeded, S::Duplicate),
            (S::Sent, S::NotExecuted),
            (S::Unknown, S::NotExecuted),
            (S::Review, S::NotExecuted),
        ] {
            let change = changed(read_beside(&row, other, Reading::Confirmed(confirmation())));
            assert_eq!(change.after.state, expected, "beside {}", other.name());
            let waits = change.after.next_check_at == Some(T1 + days(1) + DEFERRED_GAP_MAX);
            assert_eq!(waits, expected == S::NotExecuted, "beside {}", other.name());
            assert_eq!(is_deferred(&change.after), waits, "beside {}", other.name());
        }
    }

    #[test]
    fn money_that_was_seen_waits_for_the_attempt_beside_it_whatever_later_reads_say() {
        let seen = Reading::Confirmed(confirmation());
        let row = changed(read_beside(&ended_negative(), S::Unknown, seen)).after;
        for reading in [
            Reading::NotFound,
            Reading::Other(String::from("pending")),
            Reading::Failed(String::from("timeout")),
        ] {
            for (other, expected) in [
                (S::Unknown, S::NotExecuted),
                (S::Declined, S::Succeeded),
                (S::Succeeded, S::Duplicate),
            ] {
                let after = changed(read_beside(&row, other, reading.clone())).after;
                assert_eq!(after.state, expected, "beside {}", other.name());
                let waits = after.next_check_at.is_some_and(|at| at > T1 + days(1));
                assert_eq!(waits, expected == S::NotExecuted, "beside {}", other.name());
                assert_eq!(after.authorization, confirmation().authorization);
            }
        }
    }

    #[test]
    fn late_money_first_ends_an_attempt_that_never_took_the_right() {
        for other in [S::New, S::Prepared] {
            let verdict = read_beside(&ended_negative(), other, Reading::Confirmed(confirmation()));
            assert!(matches!(verdict, Verdict::EndFirst(ids) if ids == ["att_b"]));
        }
    }

    #[test]
    fn a_strange_state_breaks_a_row_of_reads_that_found_nothing_and_a_failed_read_does_not() {
        let mut row = in_doubt();
        row.not_found = 2;
        let after = |reading| changed(read_beside(&row, S::Declined, reading)).after;
        assert_eq!(after(Reading::Other(String::from("pending"))).not_found, 0);
        assert_eq!(after(Reading::Failed(String::from("timeout"))).not_found, 2);
        assert_eq!(after(Reading::NotFound).state, S::NotExecuted);
    }

    #[test]
    fn two_reads_at_once_are_one() {
        let mut row = in_doubt();
        row.not_found = 2;
        let now = T1 + days(1);
        for (gap, expected) in [
            (Duration::ZERO, S::Unknown),
            (MIN_GAP - Duration::from_millis(1), S::Unknown),
            (MIN_GAP, S::NotExecuted),
        ] {
            row.last_read_at = Some(now - gap);
            let after = changed(read_beside(&row, S::Declined, Reading::NotFound)).after;
            assert_eq!(after.state, expected, "{gap:?}");
        }
    }

    #[test]
    fn a_payment_in_doubt_that_somebody_undid_is_for_somebody_to_look_at() {
        let undone = Reading::Changed(OperationKind::Void);
        let after = changed(read_beside(&in_doubt(), S::Declined, undone)).after;
        assert_eq!(after.state, S::Review);
        assert!(after.reason.unwrap().contains("void"));
        assert!(after.next_check_at.is_some());
    }

    #[test]
    fn a_read_that_failed_is_repeated_within_ten_minutes_however_late_it_is() {
        let (row, session) = (in_doubt(), session());
        let scene = Scene {
            attempt: &row,
            others: &[],
            session: &session,
        };
        let now = T1 + minutes(13 * 60);
        let after = |reading| changed(on_reading(&scene, reading, now, 0)).after;
        let failed = after(Reading::Failed(String::from("timeout")));
        assert_eq!(failed.next_check_at, Some(now + minutes(10)));
        let strange = after(Reading::Other(String::from("pending")));
        assert!(strange.next_check_at > Some(now + minutes(10 * 60)));
    }

    #[test]
    fn a_payment_whose_sender_reports_after_its_end_is_looked_at_at_once_and_then_less_and_less() {
        let (row, session) = (ended_negative(), session());
        let late = row.settled_at.unwrap() + minutes(60);
        let beside = |row: &AttemptRow, judge: &dyn Fn(&Scene<'_>) -> Verdict| {
            let scene = Scene {
                attempt: row,
                others: &[],
                session: &session,
            };
            changed(judge(&scene)).after
        };
        let timeout = || Finding::Unknown(String::from("timeout"));
        let mut row = beside(&row, &|scene| on_answer(scene, timeout(), late));
        for wait in [0, 2, 10, 60] {
            let now = late + Duration::from_secs(wait);
            assert_eq!((row.state, row.next_check_at), (S::NotExecuted, Some(now)));
            let found = || Reading::Confirmed(confirmation());
            let paid = beside(&row, &|scene| on_reading(scene, found(), now, 0));
            assert_eq!(paid.state, S::Succeeded);
            row = beside(&row, &|scene| on_reading(scene, Reading::NotFound, now, 0));
        }
    }

    #[test]
    fn what_was_never_shown_is_not_read_again() {
        for state in [S::Review, S::Declined, S::NotExecuted] {
            let mut row = ended_negative();
            row.state = state;
            row.next_check_at = Some(T1);
            let after = changed(read_beside(&row, S::Declined, Reading::NeverShown)).after;
            assert_eq!((after.state, after.next_check_at), (state, None));
        }
    }

    #[test]
    fn a_contradiction_is_kept_and_changes_nothing() {
        let mut paid = in_doubt();
        paid.state = S::Succeeded;
        paid.confirmed = Some(paid.total);
        paid.authorization = Some(String::from("123456"));
        paid.settled_at = Some(T1);
        let session = session();
        let scene = Scene {
            attempt: &paid,
            others: &[],
            session: &session,
        };
        let mut another = confirmation();
        another.authorization = Some(String::from("654321"));
        for finding in [
            Finding::Declined { code: None },
            Finding::NotSent(String::from("no connection")),
            Finding::Rejected(String::from("refused")),
            Finding::Confirmed(Proof::Paid(another)),
        ] {
            let change = changed(on_answer(&scene, finding, T1 + minutes(1)));
            assert_eq!(change.kind, "contradiction");
            assert_eq!(change.after, paid);
        }
        let same = on_answer(&scene, Finding::Confirmed(Proof::Paid(confirmation())), T1);
        assert!(matches!(same, Verdict::Nothing));
    }

    #[test]
    fn the_first_read_behind_the_fence_is_never_spread_in_front_of_it() {
        let mut row = in_doubt();
        for since_t1 in [0, 40] {
            row.unknown_at = Some(T1 + Duration::from_secs(since_t1));
            let now = row.unknown_at.unwrap() + minutes(20);
            assert!(next_check(&row, now, -200) > T1 + fence(Rail::Card));
        }
    }

    #[test]
    fn behind_the_fence_missing_reads_do_not_wait_for_the_schedule() {
        let mut row = in_doubt();
        row.not_found = 1;
        let now = T1 + minutes(90);
        assert_eq!(next_check(&row, now, 200), now + LAST_READS_GAP);
    }

    #[test]
    fn only_three_reads_in_a_row_with_the_last_behind_the_fence_prove_that_nothing_happened() {
        let mut row = in_doubt();
        let at_fence = T1 + fence(Rail::Card);
        for (not_found, now, expected) in [
            (2, at_fence, false),
            (3, at_fence - Duration::from_millis(1), false),
            (300, at_fence - Duration::from_secs(1), false),
            (3, at_fence, true),
        ] {
            row.not_found = not_found;
            assert_eq!(
                is_conclusive(&row, now),
                expected,
                "{not_found} reads at {now:?}"
            );
        }
        // A clock so fast that the call itself outlasts the fence.
        row.deadline_at = Some(at_fence + minutes(10));
        assert!(!is_conclusive(&row, at_fence));
    }

    /// An attempt on the Flux rail that ended as never executed, and the next one under its reference, with
    /// another tip.
    fn carried() -> (AttemptRow, AttemptRow) {
        let mut earlier = ended_negative();
        earlier.rail = Rail::Flux;
        let mut later = in_doubt();
        later.rail = Rail::Flux;
        later.id = String::from("att_later");
        later.carried_reference = Some(earlier.reference.clone());
        later.total = Money::from_minor(130_000, earlier.total.currency()).unwrap();
        later.tip_minor = 5_000;
        (earlier, later)
    }

    fn of(row: &AttemptRow) -> Confirmation {
        Confirmation {
            total: row.total,
            tip_minor: row.tip_minor,
            ..confirmation()
        }
    }

    fn read_of(row: &AttemptRow, others: &[AttemptRow], found: &Confirmation) -> Change {
        let session = session();
        let scene = Scene {
            attempt: row,
            others,
            session: &session,
        };
        let reading = Reading::Confirmed(found.clone());
        changed(on_reading(&scene, reading, T1 + minutes(50), 0))
    }

    #[test]
    fn money_of_an_earlier_attempt_under_the_same_reference_is_that_ones() {
        let (earlier, later) = carried();
        let found = of(&earlier);
        let attempts = [earlier.clone(), later.clone()];
        let reading = Reading::Confirmed(found.clone());
        let sharing: Vec<_> = sharing(&attempts, &later, &reading).collect();
        assert_eq!(sharing, [earlier.id.as_str()]);
        // As the sweeper does: the earlier one takes note, the later one ends, the earlier one is paid.
        let noted = read_of(&earlier, std::slice::from_ref(&later), &found).after;
        assert!(is_deferred(&noted));
        let over = read_of(&later, std::slice::from_ref(&noted), &found).after;
        assert_eq!(over.state, S::NotExecuted);
        assert!(!is_deferred(&over));
        let paid = read_of(&noted, std::slice::from_ref(&over), &found).after;
        assert_eq!(
            (paid.state, paid.confirmed),
            (S::Succeeded, Some(earlier.total))
        );
    }

    #[test]
    fn money_of_the_attempt_that_was_read_is_nobody_elses() {
        let (mut earlier, later) = carried();
        for same_amount in [false, true] {
            if same_amount {
                earlier.total = later.total;
                earlier.tip_minor = later.tip_minor;
            }
            let found = of(&later);
            let attempts = [earlier.clone(), later.clone()];
            let reading = Reading::Confirmed(found.clone());
            assert_eq!(sharing(&attempts, &later, &reading).count(), 0);
            let paid = read_of(&later, std::slice::from_ref(&earlier), &found).after;
            assert_eq!(paid.state, S::Succeeded);
            // The earlier one, looked at once more, is no second payment.
            let looked = read_of(&earlier, std::slice::from_ref(&paid), &found).after;
            assert_eq!(looked.state, S::NotExecuted);
            // Nor is it when it had seen the money before the later one was settled.
            let mut noted = earlier.clone();
            noted.confirmed = Some(found.total);
            noted.authorization.clone_from(&found.authorization);
            let looked = read_of(&noted, std::slice::from_ref(&paid), &found).after;
            assert_eq!(looked.state, S::NotExecuted);
            assert!(!is_deferred(&looked));
        }
    }

    #[test]
    fn a_second_authorization_under_one_reference_is_a_second_payment() {
        let (earlier, later) = carried();
        let mut paid = later;
        paid.state = S::Succeeded;
        paid.authorization = Some(String::from("654321"));
        let twice = read_of(&earlier, std::slice::from_ref(&paid), &of(&earlier)).after;
        assert_eq!(twice.state, S::Duplicate);
    }

    #[test]
    fn a_tip_that_differs_is_another_amount() {
        let (_, later) = carried();
        let mut found = of(&later);
        found.tip_minor = 0;
        let row = read_of(&later, &[], &found).after;
        assert_eq!((row.state, row.confirmed), (S::Review, None));
    }

    #[test]
    fn a_wallets_payment_is_held_not_to_have_happened_from_minute_15_on() {
        for (rail, minute, expected) in [
            (Rail::Flux, 14, false),
            (Rail::Flux, 15, true),
            (Rail::Card, 34, false),
            (Rail::Card, 35, true),
        ] {
            let mut row = in_doubt();
            row.rail = rail;
            row.not_found = NOT_FOUND_NEEDED;
            assert_eq!(
                is_conclusive(&row, T1 + minutes(minute)),
                expected,
                "{rail} {minute}"
            );
        }
    }
}
