//! What becomes of something payable: shown, paid, left, too late. Pure.

use serde_json::json;
use ventanilla_core::attempt::AttemptState as S;
use ventanilla_core::money::Money;
use ventanilla_core::rails::cvu::Presentation;

use super::course::{Row as _, Step};
use crate::clock::Timestamp;
use crate::store::{AttemptRow, Change, CreditState, CreditVerdict, PayableRow, Scene};

/// Something that the provider made to be paid.
#[derive(Clone, Debug)]
pub struct Issue {
    /// How it is put before the buyer.
    pub presentation: Presentation,
    /// What a credited payment will name.
    pub provider_id: Option<String>,
    /// The link, the code's text, or where a transfer goes.
    pub content: String,
    /// Until when it is shown.
    pub expires_at: Timestamp,
    /// Until when credits for it are watched for.
    pub watch_until: Timestamp,
}

/// The provider made it: it is recorded, and may be shown from then on.
///
/// An answer that comes after the attempt was given up is of no use: nobody has seen what it holds, and
/// nobody will.
pub(super) fn issued(row: &AttemptRow, issue: &Issue, now: Timestamp) -> Change {
    let evidence = json!({
        "source": "answer",
        "presentation": issue.presentation,
        "provider_id": issue.provider_id,
        "expires_at": issue.expires_at.millis(),
    });
    match row.state {
        S::Sent => {
            let mut after = row.clone();
            after.state = S::Issued;
            after.next_check_at = None;
            let payable = PayableRow {
                attempt_id: row.id.clone(),
                session_id: row.session_id.clone(),
                presentation: issue.presentation,
                provider_id: issue.provider_id.clone(),
                content: issue.content.clone(),
                total: row.total,
                issued_at: row.sent_at.unwrap_or(now),
                expires_at: issue.expires_at,
                watch_until: issue.watch_until,
            };
            let mut change = Change::from(Step::new(after, now, "issued", evidence));
            change.payable = Some(payable);
            change
        }
        S::Unknown => never_shown(row, now),
        _ => Step::new(row.clone(), now, "answer_came_late", evidence).into(),
    }
}

/// Whoever asked for it is gone, so nobody has seen it.
pub(super) fn never_shown(row: &AttemptRow, now: Timestamp) -> Change {
    let mut after = row.with(row.course().ended(S::NotExecuted, now));
    after.reason = Some(String::from("nothing was shown, so nothing can be paid"));
    // There is nothing to look at again.
    after.next_check_at = None;
    Step::new(after, now, "not_executed", json!({ "source": "sweeper" })).into()
}

/// The buyer left it. What is not shown any more stays as it is.
pub(super) fn superseded(
    row: &AttemptRow,
    reason: &str,
    now: Timestamp,
) -> Option<Step<AttemptRow>> {
    (row.state == S::Issued).then(|| {
        let mut after = row.with(row.course().ended(S::Superseded, now));
        after.reason = Some(reason.to_owned());
        Step::new(after, now, "superseded", json!({ "reason": reason }))
    })
}

/// What a credit means to the attempt it was for.
pub(super) enum Standing {
    /// It pays it.
    Pays(Box<Change>),
    /// Somebody must look, for this reason.
    Doubt(&'static str, Option<Box<Change>>),
}

impl Standing {
    /// As the store takes it.
    pub fn into_verdict(self) -> CreditVerdict {
        match self {
            Self::Pays(change) => CreditVerdict {
                state: CreditState::Matched,
                why: None,
                change: Some(*change),
            },
            Self::Doubt(why, change) => CreditVerdict {
                state: CreditState::Review,
                why: Some(String::from(why)),
                change: change.map(|change| *change),
            },
        }
    }
}

/// Judges a credit that was for this attempt and no other.
pub(super) fn on_credit(scene: &Scene<'_>, amount: Money, now: Timestamp) -> Standing {
    let row = scene.attempt;
    let late = matches!(row.state, S::Expired | S::Superseded);
    let evidence = json!({ "source": "credit", "amount": amount, "late": late });
    let is_payable = matches!(
        row.state,
        S::Issued | S::Expired | S::Superseded | S::Review
    );
    if row.state.took_money() {
        return Standing::Doubt("it was paid before: this may be a second payment", None);
    }
    if !is_payable {
        return Standing::Doubt("money came for what was never shown", None);
    }
    let any = |is: fn(S) -> bool| scene.others.iter().any(|other| is(other.state));
    let paid = any(|state| state == S::Succeeded);
    let blocked = any(S::blocks_others);
    if amount != row.total {
        let why = if amount.minor() < row.total.minor() {
            "less was paid than was asked for"
        } else {
            "more was paid than was asked for"
        };
        // Beside an attempt that paid or may, this one keeps nobody from paying again.
        let change = (row.state != S::Review && !blocked).then(|| {
            let mut after = row.clone();
            after.state = S::Review;
            after.unknown_at = Some(now);
            after.next_check_at = None;
            after.settled_at = None;
            after.reason = Some(String::from(why));
            Box::new(Step::new(after, now, "review", evidence).into())
        });
        return Standing::Doubt(why, change);
    }
    if !paid && blocked {
        return Standing::Doubt("another attempt of its session may still be paid", None);
    }
    let state = if paid { S::Duplicate } else { S::Succeeded };
    // From review there is a way to both; what is shown becomes a duplicate by being left first.
    if state == S::Duplicate && row.state == S::Issued {
        return Standing::Doubt("the session was paid before", None);
    }
    let mut after = row.with(row.course().ended(state, now));
    after.confirmed = Some(amount);
    after.reason = None;
    Standing::Pays(Box::new(
        Step::new(after, now, state.name(), evidence).into(),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::given::{attempt, session};

    const NOW: Timestamp = Timestamp::from_millis(1_795_000_000_000);

    fn in_state(state: S) -> AttemptRow {
        let mut row = attempt(&session(NOW), "key", NOW);
        row.state = state;
        row.sends = 1;
        row.sent_at = Some(NOW);
        row
    }

    fn judged(state: S, other: Option<S>, amount: impl Fn(&AttemptRow) -> Money) -> Standing {
        let row = in_state(state);
        let others: Vec<AttemptRow> = other.into_iter().map(in_state).collect();
        let session = session(NOW);
        let scene = Scene {
            attempt: &row,
            others: &others,
            session: &session,
        };
        on_credit(&scene, amount(&row), NOW)
    }

    fn half(row: &AttemptRow) -> Money {
        Money::from_minor(row.total.minor() / 2, row.total.currency()).unwrap()
    }

    fn became(standing: Standing) -> (&'static str, Option<S>) {
        match standing {
            Standing::Pays(change) => ("pays", Some(change.after.state)),
            Standing::Doubt(_, change) => ("doubt", change.map(|change| change.after.state)),
        }
    }

    #[test]
    fn the_exact_amount_pays_what_was_shown_however_it_ended() {
        for state in [S::Issued, S::Expired, S::Superseded, S::Review] {
            let standing = judged(state, None, |row| row.total);
            assert_eq!(became(standing), ("pays", Some(S::Succeeded)));
        }
    }

    #[test]
    fn another_amount_is_for_somebody_to_look_at_and_keeps_the_buyer_from_paying_again() {
        for state in [S::Issued, S::Expired, S::Superseded] {
            let standing = judged(state, None, half);
            assert_eq!(became(standing), ("doubt", Some(S::Review)));
        }
        assert_eq!(became(judged(S::Review, None, half)), ("doubt", None));
        for other in [S::Succeeded, S::Issued, S::Unknown] {
            let standing = judged(S::Expired, Some(other), half);
            assert_eq!(became(standing), ("doubt", None), "{}", other.name());
        }
    }

    #[test]
    fn a_second_payment_changes_nothing_and_is_reported() {
        for state in [S::Succeeded, S::Duplicate] {
            let standing = judged(state, None, |row| row.total);
            assert_eq!(became(standing), ("doubt", None));
        }
    }

    #[test]
    fn money_for_a_session_that_was_paid_is_a_duplicate() {
        for state in [S::Expired, S::Superseded, S::Review] {
            let standing = judged(state, Some(S::Succeeded), |row| row.total);
            assert_eq!(became(standing), ("pays", Some(S::Duplicate)));
        }
    }

    #[test]
    fn no_second_payment_is_recorded_beside_an_attempt_that_may_still_be_paid() {
        for other in [S::Sent, S::Unknown, S::Review, S::Issued] {
            let standing = judged(S::Superseded, Some(other), |row| row.total);
            assert_eq!(became(standing), ("doubt", None), "{}", other.name());
        }
    }

    #[test]
    fn an_answer_is_of_use_only_to_whoever_still_waits_for_it() {
        let issue = Issue {
            presentation: Presentation::Link,
            provider_id: Some(String::from("7")),
            content: String::from("https://wallet.example/7"),
            expires_at: NOW,
            watch_until: NOW,
        };
        for (state, expected) in [
            (S::Sent, S::Issued),
            (S::Unknown, S::NotExecuted),
            (S::NotExecuted, S::NotExecuted),
        ] {
            let change = issued(&in_state(state), &issue, NOW);
            assert_eq!(change.after.state, expected);
            assert_eq!(change.payable.is_some(), expected == S::Issued);
        }
    }
}
