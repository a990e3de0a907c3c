//! A campaign's outcome for people.

use std::fmt::Write as _;

use crate::run::Outcome;
use crate::verdict::Finding;

/// So many findings of one sort are shown; the rest are in the JSON file.
const SHOWN: usize = 10;
/// Width of the longest bar.
const BAR: u64 = 40;

/// The table, and a bar for each kind of fault.
#[must_use]
pub fn table(outcome: &Outcome) -> String {
    let verdict = &outcome.verdict;
    let mut out = format!("\n{}, seed {}\n", outcome.store, outcome.seed);
    let mut row = |name: &str, value: String| {
        let _ = writeln!(out, "  {name:<28} {value}");
    };
    row(
        "checkouts",
        format!(
            "{}, {} sessions paid, {} buyers saw it",
            outcome.checkouts, verdict.paid, outcome.seen_paid
        ),
    );
    row(
        "provider calls",
        format!(
            "{}, {} of them with a fault, {} approved debits",
            outcome.calls,
            outcome.faulted(),
            outcome.debits
        ),
    );
    row(
        "proxies",
        format!(
            "{}, {} kills, {} pauses",
            outcome.proxies, outcome.kills, outcome.pauses
        ),
    );
    if outcome.database_stops + outcome.database_cuts > 0 {
        row(
            "database",
            format!(
                "{} immediate stops, {} cuts of its wire",
                outcome.database_stops, outcome.database_cuts
            ),
        );
    }
    let credits = &verdict.credits;
    row(
        "credits",
        format!(
            "{} by link, code or transfer; {} matched, {} in review, {} dismissed; {} of these never \
             came, the provider answered wrongly",
            credits.came, credits.matched, credits.review, credits.dismissed, credits.false_answers
        ),
    );
    row(
        "operations that succeeded",
        format!(
            "{}; {} without a checkout were never carried out, and wait for a person",
            verdict.operations, verdict.waiting
        ),
    );
    let [count, turned_away] = outcome.deliveries;
    row(
        "webhooks",
        format!("{count} delivered, {turned_away} turned away on purpose"),
    );
    row(
        "time to truth",
        format!(
            "{} in doubt; p50 {}, p99 {}, longest {} (scaled clock)",
            verdict.truth.settled,
            duration(verdict.truth.p50_ms),
            duration(verdict.truth.p99_ms),
            duration(verdict.truth.max_ms)
        ),
    );
    row("duplicates, told", verdict.duplicates.to_string());
    row("guard hits", labelled(&outcome.guard_hits));
    row("breaker openings", outcome.breaker_openings.to_string());
    row(
        "leak scan",
        format!(
            "{} texts in {} MiB",
            outcome.scanned[0],
            outcome.scanned[1] >> 20
        ),
    );
    row(
        "took",
        format!(
            "{} s until the last buyer had gone, {} s until all was settled",
            outcome.paying_secs, outcome.settled_secs
        ),
    );
    if !outcome.surprises.is_empty() {
        row("unexpected answers", labelled(&outcome.surprises));
    }
    out.push_str("\n  faults met\n");
    let most = outcome.faults.values().copied().max().unwrap_or(1).max(1);
    for (kind, times) in &outcome.faults {
        let width = usize::try_from((times * BAR).div_ceil(most)).unwrap_or(0);
        let _ = writeln!(out, "  {kind:<24} {times:>6} {}", "█".repeat(width));
    }
    out.push('\n');
    for (name, findings) in [
        ("double", &verdict.double),
        ("lost", &verdict.lost),
        ("invented", &verdict.invented),
        ("unknown", &verdict.unknown),
        ("untold", &verdict.untold),
        ("untrue", &verdict.untrue),
    ] {
        list(&mut out, name, findings);
    }
    if outcome.gave_up {
        out.push_str("  not everything was settled when the schedule had run its course\n");
    }
    for untidy in &outcome.untidy {
        let _ = writeln!(out, "  untidy: {untidy}");
    }
    leaks(&mut out, outcome);
    out
}

fn list(out: &mut String, name: &str, findings: &[Finding]) {
    let _ = writeln!(out, "  {name:<9} {}", findings.len());
    for finding in findings.iter().take(SHOWN) {
        let _ = writeln!(out, "      {}: {}", finding.about, finding.what);
    }
    if findings.len() > SHOWN {
        let _ = writeln!(out, "      … and {} more", findings.len() - SHOWN);
    }
}

fn leaks(out: &mut String, outcome: &Outcome) {
    let _ = writeln!(out, "  {:<9} {}", "leaks", outcome.leaks.len());
    for leak in outcome.leaks.iter().take(SHOWN) {
        let _ = writeln!(
            out,
            "      {} ({}) in {}, {} times, first before byte {}",
            leak.kind,
            leak.form,
            leak.file.display(),
            leak.times,
            leak.offset
        );
    }
    if outcome.control_leak {
        out.push_str(if outcome.leaks.is_empty() {
            "  the control run was not caught: the scan proves nothing\n"
        } else {
            "  the control run was caught, as it should be\n"
        });
    }
}

fn labelled(counts: &std::collections::BTreeMap<String, u64>) -> String {
    if counts.is_empty() {
        return String::from("none");
    }
    let each: Vec<_> = counts
        .iter()
        .map(|(name, times)| format!("{name} {times}"))
        .collect();
    each.join(", ")
}

/// Minutes and seconds.
fn duration(ms: u64) -> String {
    let secs = ms / 1_000;
    if secs < 60 {
        format!("{secs}.{} s", ms % 1_000 / 100)
    } else {
        format!("{} min {} s", secs / 60, secs % 60)
    }
}
