//! Faults by chance, which repeat.

use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize};

use super::kind::Wait;
use super::{FaultError, Kind, LONGEST_HIDDEN_MS, LONGEST_WAIT_MS, Met, Operation};
use crate::random::{hashed, mixed};

/// What identifies a call beside its operation and how often that came.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DrawnBy {
    /// The order reference, `requestId` or card token it is about; at the CVU wallet API the
    /// `reference_id`, the number or the name it is about, and without any what is to be paid or listed;
    /// at Flexiti the `reference` or `request_id` beside the number in the path.
    /// Repeats when these do.
    #[default]
    Reference,
    /// The order's description: for a merchant that draws its references anew each time, but numbers
    /// its orders. Calls that tell no description go by their reference.
    Description,
}

/// Faults drawn by chance: the n-th call of an operation about one reference always meets the same one
/// for the same seed, whatever came before and whatever comes at the same time.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct RandomFaults {
    /// How many calls of a hundred meet a fault, 0 to 100.
    pub share_percent: u8,
    /// Decides which.
    pub seed: u64,
    /// Only these operations; all unless told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operations: Option<Vec<Operation>>,
    /// Only these kinds, and how often in relation to each other; unless told, every kind alike that
    /// is neither `refuse` nor `down` (these two cannot be drawn), `late`, `late_beyond_fence` nor
    /// `oversize`. A kind that does not fit an operation is left out there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weights: Option<BTreeMap<Kind, u32>>,
    /// The longest wait drawn for `stall`, `slow_drip` and `late`, in milliseconds: 80 unless told, at
    /// least 1, at most one hour.
    #[serde(default = "short_wait")]
    pub longest_ms: u64,
    /// Every debit and operation stays hidden from reads for a time drawn between 0 and this, in
    /// milliseconds of the sandbox's clock; faults or not. 0 unless told, at most 120 000.
    #[serde(default)]
    pub hidden_ms: u64,
    /// What a call is told by.
    #[serde(default)]
    pub drawn_by: DrawnBy,
}

const fn short_wait() -> u64 {
    80
}

impl Default for RandomFaults {
    /// No faults.
    fn default() -> Self {
        Self {
            share_percent: 0,
            seed: 0,
            operations: None,
            weights: None,
            longest_ms: short_wait(),
            hidden_ms: 0,
            drawn_by: DrawnBy::default(),
        }
    }
}

impl RandomFaults {
    fn check(&self) -> Result<(), FaultError> {
        let at_most = |name: &str, most: u64, found: u64| {
            if found > most {
                return Err(FaultError(format!(
                    "{name} must be at most {most}, found {found}"
                )));
            }
            Ok(())
        };
        at_most("share_percent", 100, u64::from(self.share_percent))?;
        at_most("longest_ms", LONGEST_WAIT_MS, self.longest_ms)?;
        at_most("hidden_ms", LONGEST_HIDDEN_MS, self.hidden_ms)?;
        if self.longest_ms == 0 {
            return Err(FaultError(String::from(
                "longest_ms must be at least 1, found 0",
            )));
        }
        let Some(weights) = &self.weights else {
            return Ok(());
        };
        if let Some(kind) = weights.keys().find(|kind| !kind.can_be_drawn()) {
            return Err(FaultError(format!(
                "{} hits more than one call and cannot be drawn",
                kind.name()
            )));
        }
        if weights.values().all(|weight| *weight == 0) {
            return Err(FaultError(String::from(
                "weights must name a kind with a weight above 0",
            )));
        }
        Ok(())
    }

    fn weight(&self, kind: Kind) -> u32 {
        self.weights
            .as_ref()
            .map_or(u32::from(kind.is_drawn_unasked()), |weights| {
                weights.get(&kind).copied().unwrap_or_default()
            })
    }

    fn concerns(&self, operation: Operation) -> bool {
        self.operations
            .as_ref()
            .is_none_or(|only| only.contains(&operation))
    }

    fn kind(&self, operation: Operation, draw: u64) -> Option<Kind> {
        let fitting = || {
            Kind::ALL
                .into_iter()
                .filter(|kind| kind.fits(operation))
                .map(|kind| (kind, u64::from(self.weight(kind))))
        };
        let sum: u64 = fitting().map(|(_, weight)| weight).sum();
        let mut left = draw.checked_rem(sum)?;
        fitting()
            .find(|(_, weight)| {
                let is_it = left < *weight;
                left = left.saturating_sub(*weight);
                is_it
            })
            .map(|(kind, _)| kind)
    }
}

/// A [`RandomFaults`] at work.
#[derive(Clone, Debug)]
pub(super) struct Drawing {
    random: RandomFaults,
    /// How often each operation came about each subject, by the hash of both.
    came: HashMap<u64, u32>,
}

/// What was drawn for a call.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Drawn {
    pub(super) met: Option<Met>,
    pub(super) hidden_ms: u64,
}

impl Drawing {
    pub(super) fn new(random: RandomFaults) -> Result<Self, FaultError> {
        random.check()?;
        Ok(Self {
            random,
            came: HashMap::new(),
        })
    }

    pub(super) const fn random(&self) -> &RandomFaults {
        &self.random
    }

    pub(super) fn draw(&mut self, operation: Operation, subject: &str) -> Drawn {
        if !self.random.concerns(operation) {
            return Drawn::default();
        }
        let call = mixed(hashed(subject) ^ hashed(operation.name()).rotate_left(32));
        let nth = self.came.entry(call).or_default();
        *nth += 1;
        let draw = mixed(self.random.seed ^ mixed(call ^ mixed(u64::from(*nth))));
        // Each question its own number: which calls meet a fault does not hang on the kinds there are.
        let number = |question: u64| mixed(draw ^ mixed(question));
        let met = (number(1) % 100 < u64::from(self.random.share_percent))
            .then(|| self.random.kind(operation, number(2)))
            .flatten()
            .map(|kind| Met {
                kind,
                ms: match kind.wait() {
                    Wait::Real => Some(1 + number(3) % self.random.longest_ms),
                    Wait::Hidden => Some(1 + number(3) % LONGEST_HIDDEN_MS),
                    Wait::None | Wait::BeyondFence => None,
                },
            });
        Drawn {
            met,
            hidden_ms: number(4) % (self.random.hidden_ms + 1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn twenty_percent(seed: u64) -> RandomFaults {
        RandomFaults {
            share_percent: 20,
            seed,
            ..RandomFaults::default()
        }
    }

    fn drawing(random: RandomFaults) -> Drawing {
        Drawing::new(random).unwrap()
    }

    fn drawn(seed: u64, calls: usize) -> Vec<Option<Met>> {
        let mut drawing = drawing(twenty_percent(seed));
        (0..calls)
            .map(|number| drawing.draw(Operation::Pay, &format!("ref-{number}")).met)
            .collect()
    }

    #[test]
    fn drawn_faults_are_the_same_for_the_same_seed_and_near_the_share_asked_for() {
        assert_eq!(drawn(7, 1_000), drawn(7, 1_000));
        assert_ne!(drawn(7, 1_000), drawn(8, 1_000));
        let met = drawn(7, 10_000).iter().flatten().count();
        assert!((1_800..2_200).contains(&met), "{met}");
    }

    #[test]
    fn what_a_call_meets_does_not_hang_on_the_order_in_which_calls_arrive() {
        let calls: Vec<(Operation, String)> = (0..400)
            .map(|number| {
                let operation = Operation::ALL[number % Operation::ALL.len()];
                (operation, format!("ref-{}", number % 50))
            })
            .collect();
        let met_by = |order: &[usize]| {
            let mut drawing = drawing(twenty_percent(7));
            let mut nth = HashMap::new();
            let mut met = BTreeMap::new();
            for index in order {
                let (operation, reference) = &calls[*index];
                let nth: &mut u32 = nth.entry((*operation, reference)).or_default();
                *nth += 1;
                let drawn = drawing.draw(*operation, reference).met;
                met.insert((*operation, reference.clone(), *nth), drawn);
            }
            met
        };
        let forwards: Vec<usize> = (0..calls.len()).collect();
        let backwards: Vec<usize> = (0..calls.len()).rev().collect();
        assert_eq!(met_by(&forwards), met_by(&backwards));
    }

    #[test]
    fn the_second_call_about_a_reference_is_drawn_anew() {
        let mut drawing = drawing(twenty_percent(7));
        let met: Vec<_> = (0..200)
            .map(|_| drawing.draw(Operation::Transaction, "ref-same").met)
            .collect();
        let share = met.iter().flatten().count();
        assert!((20..60).contains(&share), "{share}");
    }

    #[test]
    fn kinds_come_as_often_as_their_weights_say() {
        let weights = BTreeMap::from([(Kind::ResetAfter, 3), (Kind::Stall, 1)]);
        let mut drawing = drawing(RandomFaults {
            share_percent: 100,
            weights: Some(weights),
            ..RandomFaults::default()
        });
        let mut count = BTreeMap::<Kind, u32>::new();
        for number in 0..4_000 {
            let met = drawing.draw(Operation::Void, &number.to_string()).met;
            *count.entry(met.unwrap().kind).or_default() += 1;
        }
        assert_eq!(count.len(), 2);
        assert!(
            (2_850..3_150).contains(&count[&Kind::ResetAfter]),
            "{count:?}"
        );
    }

    #[test]
    fn every_kind_that_is_drawn_unasked_is_drawn_for_every_operation_it_fits() {
        let mut drawing = drawing(RandomFaults {
            share_percent: 100,
            ..RandomFaults::default()
        });
        for operation in Operation::ALL {
            let mut met: Vec<Kind> = (0..2_000)
                .filter_map(|number| drawing.draw(operation, &format!("ref-{number}")).met)
                .map(|met| met.kind)
                .collect();
            met.sort_unstable();
            met.dedup();
            let expected: Vec<Kind> = Kind::ALL
                .into_iter()
                .filter(|kind| kind.is_drawn_unasked() && kind.fits(operation))
                .collect();
            assert_eq!(met, expected, "{}", operation.name());
        }
    }

    #[test]
    fn an_operation_that_no_weighed_kind_fits_meets_nothing() {
        let mut drawing = drawing(RandomFaults {
            share_percent: 100,
            weights: Some(BTreeMap::from([(Kind::ReadFails, 1)])),
            ..RandomFaults::default()
        });
        assert_eq!(drawing.draw(Operation::Pay, "ref").met, None);
        assert!(drawing.draw(Operation::Transaction, "ref").met.is_some());
    }

    #[test]
    fn times_drawn_stay_within_what_was_asked_for() {
        let mut drawing = drawing(RandomFaults {
            share_percent: 100,
            weights: Some(BTreeMap::from([(Kind::Stall, 1)])),
            longest_ms: 5,
            hidden_ms: 1_000,
            ..RandomFaults::default()
        });
        let drawn: Vec<Drawn> = (0..500)
            .map(|number| drawing.draw(Operation::Pay, &number.to_string()))
            .collect();
        let waits: Vec<u64> = drawn.iter().map(|d| d.met.unwrap().ms.unwrap()).collect();
        assert_eq!(
            (waits.iter().min(), waits.iter().max()),
            (Some(&1), Some(&5))
        );
        let longest = drawn.iter().map(|d| d.hidden_ms).max().unwrap();
        assert!((900..=1_000).contains(&longest), "{longest}");
    }
}
