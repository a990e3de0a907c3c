//! The rules of an authorization, for any sequence of operations.

use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::TestCaseError;

use crate::amount::Amount;
use crate::flexiti::time::a_year_after;

use super::*;

/// What a merchant may ask for.
#[derive(Clone, Debug)]
enum Step {
    Capture(u64),
    Release(u64),
    ReleaseAll,
    /// Of the n-th capture.
    GiveBack(usize, u64),
    GiveBackAll(usize),
    /// The clock goes on.
    Days(u32),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0_u64..60_000).prop_map(Step::Capture),
        2 => (0_u64..60_000).prop_map(Step::Release),
        1 => Just(Step::ReleaseAll),
        3 => (0_usize..4, 0_u64..60_000).prop_map(|(nth, cents)| Step::GiveBack(nth, cents)),
        1 => (0_usize..4).prop_map(Step::GiveBackAll),
        1 => (0_u32..200).prop_map(Step::Days),
    ]
}

fn start() -> Moment {
    Moment::read("2026-01-05T16:00:00Z").unwrap()
}

fn opened(amount: u64) -> Hold {
    Hold::open(amount, start(), a_year_after(start()))
}

/// One hold and the clock that it lives under.
struct Walk {
    hold: Hold,
    now: Moment,
    next_id: u64,
}

impl Walk {
    fn new(amount: u64) -> Self {
        Self {
            hold: opened(amount),
            now: start(),
            next_id: 1,
        }
    }

    fn part(&mut self, cents: u64, of: Option<u64>) -> Part {
        self.next_id += 1;
        Part {
            id: self.next_id,
            reference: None,
            cents,
            at: self.now,
            visible: self.now,
            of,
        }
    }

    fn capture_id(&self, nth: usize) -> Option<u64> {
        self.hold.captures.get(nth).map(|one| one.id)
    }

    /// Does it; says whether it was taken.
    fn take(&mut self, step: &Step) -> Result<(), No> {
        match *step {
            Step::Capture(cents) => {
                let part = self.part(cents, None);
                self.hold.capture(part)
            }
            Step::Release(cents) => {
                let part = self.part(cents, None);
                self.hold.release(part, false)
            }
            Step::ReleaseAll => {
                let part = self.part(self.hold.remaining, None);
                self.hold.release(part, false)
            }
            Step::GiveBack(nth, cents) => {
                let of = self.capture_id(nth);
                let part = self.part(cents, of);
                self.hold.give_back(part)
            }
            Step::GiveBackAll(nth) => {
                let of = self.capture_id(nth);
                let left = of.and_then(|id| self.hold.left_of(id)).unwrap_or_default();
                let part = self.part(left, of);
                self.hold.give_back(part)
            }
            Step::Days(days) => {
                let more = Duration::from_secs(u64::from(days) * 86_400);
                self.now = self.now.plus(more);
                Ok(())
            }
        }
    }
}

fn check(before: &Hold, walk: &Walk) -> Result<(), TestCaseError> {
    let hold = &walk.hold;
    // 1, 2
    prop_assert_eq!(
        hold.amount,
        hold.captured() + hold.released() + hold.remaining
    );
    prop_assert!(hold.remaining <= before.remaining);
    // 3
    for capture in &hold.captures {
        prop_assert!(hold.left_of(capture.id).unwrap() <= capture.cents);
    }
    prop_assert!(hold.returned() <= hold.captured());
    // 4
    let closed = hold.standing(walk.now) == Standing::Closed;
    prop_assert_eq!(closed, hold.remaining == 0);
    prop_assert_eq!(closed, hold.ended.is_some());
    if before.standing(walk.now) != Standing::Opened {
        prop_assert_eq!(before.standing(walk.now), hold.standing(walk.now));
    }
    // 13
    let live: Vec<u64> = hold
        .captures
        .iter()
        .filter(|one| hold.left_of(one.id).unwrap() > 0)
        .map(|one| one.id)
        .collect();
    prop_assert_eq!(hold.fee_bearer(), live.first().copied());
    // What a read sees without anything hidden is what is.
    prop_assert_eq!(&hold.seen(walk.now), hold);
    Ok(())
}

proptest! {
    #[test]
    fn every_sequence_of_operations_keeps_the_sums_and_the_states(
        amount in 1_u64..200_000,
        steps in vec(step(), 0..40),
    ) {
        let mut walk = Walk::new(amount);
        for step in &steps {
            let before = walk.hold.clone();
            let stood = before.standing(walk.now);
            let done = walk.take(step);
            // 5
            if done.is_err() {
                prop_assert_eq!(&before, &walk.hold);
            }
            // 7, 8
            match step {
                Step::Capture(cents) | Step::Release(cents) => {
                    let fits = stood == Standing::Opened && *cents > 0 && *cents <= before.remaining;
                    prop_assert_eq!(done.is_ok(), fits, "{:?}", step);
                }
                Step::ReleaseAll => prop_assert_eq!(done.is_ok(), stood == Standing::Opened),
                Step::GiveBack(nth, cents) => {
                    let left = before.captures.get(*nth).and_then(|one| before.left_of(one.id));
                    let fits = left.is_some_and(|left| *cents > 0 && *cents <= left);
                    prop_assert_eq!(done.is_ok(), fits, "{:?}", step);
                }
                Step::GiveBackAll(_) | Step::Days(_) => {}
            }
            check(&before, &walk)?;
        }
    }

    /// 11
    #[test]
    fn parts_of_the_whole_in_any_order_leave_nothing(
        parts in vec(1_u64..100_000, 1..30).prop_shuffle(),
    ) {
        let mut walk = Walk::new(parts.iter().sum());
        for cents in &parts {
            prop_assert_eq!(walk.take(&Step::Capture(*cents)), Ok(()));
        }
        prop_assert_eq!(walk.hold.remaining, 0);
        prop_assert_eq!(walk.take(&Step::Capture(1)), Err(No::Ended));
    }

    /// 12
    #[test]
    fn the_sums_hang_on_what_was_taken_and_not_on_its_order(
        parts in vec((1_u64..1_000, any::<bool>()), 1..20),
        seed in vec(any::<u32>(), 20),
    ) {
        let sums = |parts: &[(u64, bool)]| {
            let mut walk = Walk::new(20_000);
            for (cents, captured) in parts {
                let step = if *captured { Step::Capture(*cents) } else { Step::Release(*cents) };
                walk.take(&step).unwrap();
            }
            let hold = walk.hold;
            (hold.captured(), hold.released(), hold.remaining)
        };
        let mut order: Vec<usize> = (0..parts.len()).collect();
        order.sort_by_key(|index| seed[*index]);
        let shuffled: Vec<_> = order.into_iter().map(|index| parts[index]).collect();
        prop_assert_eq!(sums(&parts), sums(&shuffled));
    }

    /// 15
    #[test]
    fn cents_go_through_json_and_come_back(cents in 1_u64..10_000_000_000_000) {
        let amount = Amount::of_hundredths(cents);
        for text in [amount.number_text(), amount.two_decimals()] {
            prop_assert_eq!(Amount::read_text(&text).unwrap().hundredths(), cents);
        }
        let number: serde_json::Number = serde_json::from_str(&amount.number_text()).unwrap();
        prop_assert_eq!(Amount::read_text(&number.to_string()).unwrap(), amount);
    }

    #[test]
    fn what_is_hidden_is_missing_from_the_sums_too(
        amount in 1_000_u64..200_000,
        steps in vec((step(), any::<bool>()), 0..20),
    ) {
        let mut walk = Walk::new(amount);
        for (step, hidden) in &steps {
            let lists = |hold: &Hold| [hold.captures.len(), hold.releases.len(), hold.returns.len()];
            let before = lists(&walk.hold);
            if walk.take(step).is_err() || before == lists(&walk.hold) {
                continue;
            }
            let later = walk.now.plus(Duration::from_secs(400 * 86_400));
            let hold = &mut walk.hold;
            for (parts, before) in [&mut hold.captures, &mut hold.releases, &mut hold.returns]
                .into_iter()
                .zip(before)
            {
                if let Some(part) = parts.get_mut(before).filter(|_| *hidden) {
                    part.visible = later;
                }
            }
            let seen = walk.hold.seen(walk.now);
            prop_assert_eq!(seen.amount, seen.captured() + seen.released() + seen.remaining);
            prop_assert_eq!(seen.ended.is_some(), seen.remaining == 0);
        }
    }
}

#[test]
fn what_was_captured_whole_at_once_is_closed() {
    let mut walk = Walk::new(100_000);
    walk.take(&Step::Capture(100_000)).unwrap();
    assert_eq!(walk.hold.standing(walk.now), Standing::Closed);
    assert_eq!(walk.hold.captures.len(), 1);
    assert_eq!(walk.hold.ended, Some(walk.now));
}

#[test]
fn after_its_time_only_returns_go_on() {
    let mut walk = Walk::new(100_000);
    walk.take(&Step::Capture(40_000)).unwrap();
    walk.take(&Step::Days(365)).unwrap();
    assert_eq!(walk.hold.standing(walk.now), Standing::Expired);
    assert_eq!(walk.take(&Step::Capture(1)), Err(No::Ended));
    assert_eq!(walk.take(&Step::ReleaseAll), Err(No::Ended));
    walk.take(&Step::GiveBackAll(0)).unwrap();
    assert_eq!(walk.take(&Step::GiveBackAll(0)), Err(No::TooMuch));
    let part = walk.part(60_000, None);
    assert_eq!(walk.hold.release(part, true), Ok(()));
}

#[test]
fn the_fee_moves_to_the_next_capture_when_the_first_is_returned() {
    let mut walk = Walk::new(100_000);
    for _ in 0..3 {
        walk.take(&Step::Capture(10_000)).unwrap();
    }
    let ids: Vec<u64> = walk.hold.captures.iter().map(|one| one.id).collect();
    let mut bearers = vec![walk.hold.fee_bearer()];
    for nth in 0..3 {
        walk.take(&Step::GiveBackAll(nth)).unwrap();
        bearers.push(walk.hold.fee_bearer());
    }
    assert_eq!(bearers, [Some(ids[0]), Some(ids[1]), Some(ids[2]), None]);
    walk.take(&Step::Capture(10_000)).unwrap();
    assert_eq!(walk.hold.fee_bearer(), walk.capture_id(3));
}
