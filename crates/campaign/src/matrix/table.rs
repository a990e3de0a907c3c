//! The outcome for people.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use ventanilla_core::attempt::AttemptState;

use super::case::{Action, Deed, POINTS};
use super::{Judged, Outcome};

const WIDTH: usize = 26;

/// A row for each operation and place, a column for each thing that happened there, and below it what
/// went wrong.
pub(super) fn of(outcome: &Outcome) -> String {
    let mut out = format!("\n{:<34}", outcome.store.name());
    for action in Action::ALL {
        let _ = write!(out, "{:<WIDTH$}", action.name());
    }
    out.truncate(out.trim_end().len());
    out.push('\n');
    for deed in Deed::ALL {
        for point in POINTS {
            let of_row = |judged: &&Judged| judged.case.deed == deed && judged.case.point == point;
            let row: Vec<&Judged> = outcome.cases.iter().filter(of_row).collect();
            if row.is_empty() {
                continue;
            }
            let mut line = format!("{:<16}{point:<18}", deed.name());
            for action in Action::ALL {
                let cell = row.iter().find(|judged| judged.case.action == action);
                let _ = write!(
                    line,
                    "{:<WIDTH$}",
                    cell.map_or_else(String::new, |judged| cell_of(judged))
                );
            }
            let _ = writeln!(out, "{}", line.trim_end());
        }
    }
    let failed: Vec<&Judged> = outcome
        .cases
        .iter()
        .filter(|judged| !judged.faults.is_empty())
        .collect();
    if !(failed.is_empty() && outcome.beside.is_empty()) {
        out.push('\n');
    }
    for judged in &failed {
        let _ = writeln!(out, "{}", judged.case);
        for fault in &judged.faults {
            let _ = writeln!(out, "    {}: {}", fault.rule, fault.what);
        }
    }
    for fault in &outcome.beside {
        let _ = writeln!(out, "{}: {}", fault.rule, fault.what);
    }
    let mut rules: BTreeMap<&str, usize> = BTreeMap::new();
    let faults = failed.iter().flat_map(|judged| &judged.faults);
    for fault in faults.chain(&outcome.beside) {
        *rules.entry(fault.rule).or_default() += 1;
    }
    let rules: Vec<String> = rules
        .iter()
        .map(|(rule, times)| format!("{rule} {times}"))
        .collect();
    let longest = outcome
        .cases
        .iter()
        .map(|judged| judged.took)
        .max()
        .unwrap_or_default();
    let _ = write!(
        out,
        "\nmatrix: store={} cases={} failed={} secs={} longest={} scanned={}MiB{}{}",
        outcome.store.name(),
        outcome.cases.len(),
        failed.len(),
        outcome.took.as_secs(),
        longest.as_secs(),
        outcome.scanned >> 20,
        if rules.is_empty() { "" } else { " " },
        rules.join(" ")
    );
    out
}

fn cell_of(judged: &Judged) -> String {
    let ends: Vec<&str> = judged.ends.iter().map(|state| short(*state)).collect();
    let ends = if ends.is_empty() {
        String::from("?")
    } else {
        ends.join(", ")
    };
    if judged.faults.is_empty() {
        ends
    } else {
        format!("FAILED {ends}")
    }
}

const fn short(state: AttemptState) -> &'static str {
    match state {
        AttemptState::Succeeded => "done",
        AttemptState::NotExecuted => "never",
        other => other.name(),
    }
}
