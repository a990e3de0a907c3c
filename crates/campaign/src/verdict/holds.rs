//! Credit that is held, captured, let go and given back: what a financed purchase comes to.

use std::collections::HashMap;

use ventanilla_core::attempt::AttemptState as S;
use ventanilla_core::money::{Currency, Money};
use ventanilla_core::rails::Rail;

use super::{Verdict, finding};
use crate::harness::sandbox::{Hold, Ledger};
use crate::harness::shop::Attempt;

/// What was held, by the proxy's reference.
pub(super) struct Holds<'a> {
    by_reference: HashMap<&'a str, Vec<&'a Hold>>,
    /// What was captured of an authorization, in cents.
    captured: HashMap<u64, u64>,
}

impl<'a> Holds<'a> {
    pub fn of(ledger: &'a Ledger) -> Self {
        let mut by_reference: HashMap<&str, Vec<&Hold>> = HashMap::new();
        for hold in &ledger.flexiti.authorizations {
            let reference = hold.reference.as_deref().unwrap_or_default();
            by_reference.entry(reference).or_default().push(hold);
        }
        let mut captured: HashMap<u64, u64> = HashMap::new();
        for capture in &ledger.flexiti.captures {
            *captured.entry(capture.authorization_id).or_default() += cents(&capture.amount);
        }
        Self {
            by_reference,
            captured,
        }
    }

    pub fn has(&self, reference: &str) -> bool {
        self.by_reference.contains_key(reference)
    }

    /// Holds an attempt's end against what was held for it; whether money was taken for it.
    pub fn judge(&self, attempt: &Attempt, verdict: &mut Verdict) -> bool {
        if attempt.rail != Rail::Flexiti {
            return false;
        }
        let none = Vec::new();
        let held = self
            .by_reference
            .get(attempt.reference.as_str())
            .unwrap_or(&none);
        if held.len() > 1 {
            verdict.double.push(finding(
                &attempt.id,
                &format!("its reference was authorized {} times", held.len()),
            ));
        }
        match (attempt.state, held.first()) {
            (S::Succeeded | S::Duplicate, None) => verdict.invented.push(finding(
                &attempt.id,
                &format!("{} without an authorization", attempt.state.name()),
            )),
            (S::Succeeded | S::Duplicate, Some(hold))
                if cents(&hold.amount) != attempt.total.minor() =>
            {
                verdict.invented.push(finding(
                    &attempt.id,
                    &format!("authorized for CAD {}, another amount", hold.amount),
                ));
            }
            (S::Succeeded | S::Duplicate, Some(_)) | (_, None) => {}
            (state, Some(_)) => verdict.lost.push(finding(
                &attempt.id,
                &format!("an authorization, and the attempt is {}", state.name()),
            )),
        }
        let taken: u64 = held
            .iter()
            .filter_map(|hold| self.captured.get(&hold.authorization_id))
            .sum();
        if taken > attempt.total.minor() {
            verdict.double.push(finding(
                &attempt.id,
                &format!("{taken} cents were captured of it"),
            ));
        }
        taken > 0
    }

    /// Credit that was held for nobody.
    pub fn judge_strangers(&self, known: &std::collections::HashSet<&str>, verdict: &mut Verdict) {
        let strangers = self.by_reference.keys();
        for reference in strangers.filter(|reference| !known.contains(*reference)) {
            verdict.lost.push(finding(
                reference,
                "an authorization of a reference that no session knows",
            ));
        }
    }
}

fn cents(text: &str) -> u64 {
    Money::parse_decimal(text, Currency::CAD).map_or(0, Money::minor)
}
