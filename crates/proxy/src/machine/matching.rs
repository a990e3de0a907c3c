//! Which payable a credit was for. Pure.
//!
//! The provider's list of transactions names no link and no code, so a credit is matched by what it is:
//! an exact amount, inside the time in which the payable could be paid, and one session that it could be
//! for. Anything else is for somebody to look at.

use std::time::Duration;

use ventanilla_core::attempt::AttemptState as S;
use ventanilla_core::money::Money;

use super::schedule::minutes;
use crate::clock::Timestamp;
use crate::store::Watched;

/// A wallet that was asked to pay in time may be so late.
pub const GRACE: Duration = minutes(15);
/// The provider writes times to the second or to the minute, always too early.
const ROUNDING: Duration = minutes(1);
/// So far the provider's clock may be behind ours.
const SKEW: Duration = Duration::from_secs(5);

/// A credit, as far as it tells.
#[derive(Clone, Copy, Debug)]
pub struct Seen {
    /// How much.
    pub amount: Money,
    /// When, at the earliest and at the latest; none when the provider's date could not be read.
    pub within: Option<(Timestamp, Timestamp)>,
    /// When a look at the whole list began that did not show it yet.
    pub absent_at: Option<Timestamp>,
}

/// What a credit may have been for, by place in the list that was asked about.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Match {
    /// This, and no other session's could be meant.
    One(usize),
    /// Any of these.
    Several(Vec<usize>),
    /// These, if it came after they could be paid; it may have come before.
    TooEarly(Vec<usize>),
    /// One that was paid already.
    Again(usize),
    /// These, but long after they could be paid.
    TooLate(Vec<usize>),
    /// It came while these could be paid, and none of them asks for so much.
    OtherAmount(Vec<usize>),
    /// None: it came when nothing could be paid.
    Nobody,
}

/// Whether a payable may still be paid for the first time.
const fn is_unpaid(state: S) -> bool {
    matches!(state, S::Issued | S::Expired | S::Superseded)
}

impl Seen {
    fn not_before(&self, moment: Timestamp) -> bool {
        self.within
            .is_none_or(|(_, latest)| latest + ROUNDING >= moment)
    }

    fn not_after(&self, moment: Timestamp) -> bool {
        self.within.is_none_or(|(earliest, _)| earliest <= moment)
    }

    /// Whether it cannot have come before `moment`: by its date, or because it was not there then.
    fn surely_after(&self, moment: Timestamp) -> bool {
        self.within
            .is_some_and(|(earliest, _)| earliest + SKEW >= moment)
            || self.absent_at.is_some_and(|absent| absent >= moment)
    }

    fn in_time(&self, watched: &Watched) -> bool {
        self.not_before(watched.payable.issued_at)
            && self.not_after(watched.payable.expires_at + GRACE)
    }
}

/// Which of these is taken where all are of one session: whichever was paid, it was that session's order.
/// What is shown goes before what was left, and the latest before the earlier.
fn of_one_session(places: &[usize], watched: &[Watched]) -> Option<usize> {
    let one = |place: &usize| &watched[*place];
    let session = &one(places.first()?).payable.session_id;
    let is_alone = places
        .iter()
        .all(|place| one(place).payable.session_id == *session);
    let latest = places
        .iter()
        .max_by_key(|place| (one(place).state == S::Issued, one(place).payable.issued_at));
    latest.copied().filter(|_| is_alone)
}

/// What `seen` may have been for.
pub fn find(seen: &Seen, watched: &[Watched]) -> Match {
    let places = |fits: &dyn Fn(&Watched) -> bool| -> Vec<usize> {
        (0..watched.len())
            .filter(|place| fits(&watched[*place]))
            .collect()
    };
    let first = |places: &[usize]| {
        let issued = places.iter().map(|place| watched[*place].payable.issued_at);
        issued.min().unwrap_or(Timestamp::from_millis(i64::MAX))
    };
    let exact = |one: &Watched| one.payable.total == seen.amount;
    let unpaid = places(&|one| exact(one) && is_unpaid(one.state) && seen.in_time(one));
    if !unpaid.is_empty() {
        // Whoever paid too little or too much may pay all of it after that.
        let may_be = |state: S| is_unpaid(state) || state == S::Review;
        let all = places(&|one| exact(one) && may_be(one.state) && seen.in_time(one));
        let is_alone = of_one_session(&all, watched).is_some();
        return match of_one_session(&unpaid, watched).filter(|_| is_alone) {
            // Without a date, there being no other is no proof that it came in time.
            Some(_) if seen.within.is_none() => Match::Several(unpaid),
            Some(meant) if seen.surely_after(first(&unpaid)) => Match::One(meant),
            Some(_) => Match::TooEarly(unpaid),
            None => Match::Several(all),
        };
    }
    let since = |one: &Watched| seen.not_before(one.payable.issued_at);
    // What is in review was paid too, though not what was asked for.
    let was_paid = |state: S| state.took_money() || state == S::Review;
    let paid = places(&|one| exact(one) && was_paid(one.state) && since(one));
    if let [place, ..] = paid[..] {
        return Match::Again(place);
    }
    let late = places(&|one| exact(one) && is_unpaid(one.state) && since(one));
    if !late.is_empty() {
        return Match::TooLate(late);
    }
    // Whatever became of it: too much, too little or a part may come for what has ended, too.
    let near = places(&|one| seen.in_time(one));
    if near.is_empty() {
        Match::Nobody
    } else {
        Match::OtherAmount(near)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use ventanilla_core::money::Currency;
    use ventanilla_core::rails::cvu::Presentation;

    use super::*;
    use crate::store::PayableRow;

    const ISSUED: Timestamp = Timestamp::from_millis(1_795_000_000_000);

    fn pesos(minor: u64) -> Money {
        Money::from_minor(minor, Currency::ARS).unwrap()
    }

    fn watched(minor: u64, state: S) -> Watched {
        Watched {
            payable: PayableRow {
                attempt_id: String::from("att_a"),
                session_id: String::from("ses_a"),
                presentation: Presentation::Qr,
                provider_id: None,
                content: String::new(),
                total: pesos(minor),
                issued_at: ISSUED,
                expires_at: ISSUED + minutes(15),
                watch_until: ISSUED + minutes(72 * 60),
            },
            state,
        }
    }

    fn at(minor: u64, moment: Timestamp) -> Seen {
        Seen {
            amount: pesos(minor),
            within: Some((moment, moment)),
            absent_at: None,
        }
    }

    #[test]
    fn an_exact_amount_in_time_with_one_candidate_is_that_candidate() {
        for state in [S::Issued, S::Expired, S::Superseded] {
            let list = [watched(500, S::Issued), watched(700, state)];
            assert_eq!(find(&at(700, ISSUED + minutes(3)), &list), Match::One(1));
        }
    }

    #[test]
    fn the_window_is_from_issue_to_a_quarter_of_an_hour_after_its_end() {
        let list = [watched(700, S::Issued)];
        for (moment, expected) in [
            (ISSUED - minutes(2), Match::Nobody),
            (ISSUED - minutes(1), Match::TooEarly(vec![0])),
            (ISSUED - SKEW, Match::One(0)),
            (ISSUED, Match::One(0)),
            (ISSUED + minutes(30), Match::One(0)),
            (
                ISSUED + minutes(30) + Duration::from_millis(1),
                Match::TooLate(vec![0]),
            ),
        ] {
            assert_eq!(find(&at(700, moment), &list), expected, "{moment:?}");
        }
    }

    fn of_session(session: &str, watched: Watched) -> Watched {
        let mut other = watched;
        other.payable.session_id = session.to_owned();
        other
    }

    #[test]
    fn of_two_sessions_that_could_be_meant_neither_is_taken() {
        for state in [S::Issued, S::Expired, S::Superseded] {
            let list = [
                watched(700, S::Issued),
                of_session("ses_b", watched(700, state)),
            ];
            let several = Match::Several(vec![0, 1]);
            assert_eq!(find(&at(700, ISSUED + minutes(1)), &list), several);
        }
    }

    #[test]
    fn whoever_paid_another_amount_before_may_be_the_one_who_pays_all_of_it_now() {
        let now = at(700, ISSUED + minutes(1));
        for state in [S::Issued, S::Expired, S::Superseded] {
            let list = [
                watched(700, state),
                of_session("ses_b", watched(700, S::Review)),
            ];
            assert_eq!(find(&now, &list), Match::Several(vec![0, 1]));
        }
        let list = [watched(700, S::Issued), watched(700, S::Review)];
        assert_eq!(find(&now, &list), Match::One(0));
    }

    #[test]
    fn of_several_of_one_session_the_one_that_is_shown_is_taken_or_else_the_latest() {
        let later = |state| {
            let mut one = watched(700, state);
            one.payable.issued_at = ISSUED + minutes(2);
            one
        };
        let seen = at(700, ISSUED + minutes(3));
        for (list, expected) in [
            ([watched(700, S::Superseded), later(S::Issued)], 1),
            ([watched(700, S::Issued), later(S::Superseded)], 0),
            ([watched(700, S::Expired), later(S::Expired)], 1),
            ([later(S::Superseded), watched(700, S::Expired)], 0),
        ] {
            assert_eq!(find(&seen, &list), Match::One(expected));
        }
    }

    #[test]
    fn what_may_have_come_before_is_taken_only_if_it_was_not_there_then() {
        let list = [watched(700, S::Issued)];
        let hour = (ISSUED - minutes(30), ISSUED + minutes(29));
        let seen = |absent_at| Seen {
            within: Some(hour),
            absent_at,
            ..at(700, ISSUED)
        };
        let early = Match::TooEarly(vec![0]);
        assert_eq!(find(&seen(None), &list), early);
        assert_eq!(find(&seen(Some(ISSUED - minutes(1))), &list), early);
        assert_eq!(find(&seen(Some(ISSUED)), &list), Match::One(0));
    }

    #[test]
    fn a_credit_without_a_date_is_never_taken_by_itself() {
        let undated = Seen {
            amount: pesos(700),
            within: None,
            absent_at: None,
        };
        let list = [watched(700, S::Issued)];
        assert_eq!(find(&undated, &list), Match::Several(vec![0]));
    }

    #[test]
    fn a_second_credit_for_what_was_paid_is_told_apart() {
        for state in [S::Succeeded, S::Duplicate] {
            let list = [watched(700, state)];
            assert_eq!(find(&at(700, ISSUED + minutes(5)), &list), Match::Again(0));
        }
        // Somebody else's, with the same price, is the likelier reason while one waits.
        let list = [watched(700, S::Succeeded), watched(700, S::Issued)];
        assert_eq!(find(&at(700, ISSUED + minutes(5)), &list), Match::One(1));
    }

    #[test]
    fn more_or_less_than_was_asked_for_is_never_taken() {
        let list = [watched(700, S::Issued), watched(900, S::Expired)];
        for minor in [1, 699, 701, 1400] {
            let found = find(&at(minor, ISSUED + minutes(1)), &list);
            assert_eq!(found, Match::OtherAmount(vec![0, 1]), "{minor}");
        }
    }

    #[test]
    fn money_in_time_is_never_nobodys_whatever_became_of_what_was_shown() {
        for state in [
            S::Issued,
            S::Expired,
            S::Superseded,
            S::Review,
            S::Succeeded,
            S::Duplicate,
        ] {
            let list = [watched(700, state)];
            for minor in [1, 700, 1400] {
                let found = find(&at(minor, ISSUED + minutes(20)), &list);
                assert_ne!(found, Match::Nobody, "{minor} beside {}", state.name());
            }
        }
    }

    fn states() -> impl Strategy<Value = S> {
        prop::sample::select(S::ALL.to_vec())
    }

    proptest! {
        #[test]
        fn what_is_taken_has_the_amount_is_unpaid_and_stands_alone(
            list in prop::collection::vec((1_u64..4, states(), 0_u64..40, 0_u8..4), 0..6),
            minor in 1_u64..4,
            after in 0_u64..60,
        ) {
            let list: Vec<Watched> = list
                .into_iter()
                .map(|(minor, state, shift, session)| {
                    let mut one = of_session(&format!("ses_{session}"), watched(minor, state));
                    one.payable.issued_at = one.payable.issued_at + minutes(shift);
                    one.payable.expires_at = one.payable.expires_at + minutes(shift);
                    one
                })
                .collect();
            let seen = at(minor, ISSUED + minutes(after));
            if let Match::One(place) = find(&seen, &list) {
                prop_assert_eq!(list[place].payable.total, seen.amount);
                prop_assert!(is_unpaid(list[place].state));
                let mut rivals = list.iter().filter(|one| {
                    one.payable.total == seen.amount && is_unpaid(one.state) && seen.in_time(one)
                });
                let session = &list[place].payable.session_id;
                prop_assert!(rivals.all(|one| one.payable.session_id == *session));
            }
        }
    }
}
