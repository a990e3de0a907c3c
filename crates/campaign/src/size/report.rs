//! The outcome for people: a few lines for the terminal, and the page in `docs/benchmarks`.

use std::fmt::Write as _;
use std::time::Duration;

use super::figures::{LIMIT, percentile, together};
use super::measure::{BLOCKS, TURN, WARM_UP};
use super::{Measured, Outcome};

/// For the terminal.
pub(super) fn text(outcome: &Outcome) -> String {
    let mut out = String::new();
    for measured in &outcome.measured {
        let _ = writeln!(out, "\n{} {}", measured.kind.name(), measured.version);
        let mut line = |cells: &[String; 4]| {
            let [name, small, large, ratio] = cells;
            let _ = writeln!(out, "  {name:<22} {small:>14} {large:>14} {ratio:>8}");
        };
        line(&head(measured));
        rows(measured).iter().for_each(&mut line);
        for (number, block) in measured.blocks.iter().enumerate() {
            let [small, large] = block.p99().map(millis);
            let name = format!("p99 of block {}", number + 1);
            line(&[name, small, large, format!("{:.2}", block.ratio())]);
        }
        let _ = writeln!(
            out,
            "  median of the blocks' p99 ratios: {:.2}, limit {LIMIT}",
            measured.ratio()
        );
        let _ = writeln!(out, "  {}", looked(measured));
        for look in measured.looks.iter().filter(|look| !look.scans.is_empty()) {
            let _ = writeln!(
                out,
                "    {}: {}\n      {}",
                look.place,
                look.scans.join("; "),
                look.sql
            );
        }
        for (table, times) in scanned(measured) {
            let _ = writeln!(
                out,
                "    while it ran, {table} was read from end to end {times} times"
            );
        }
    }
    let verdict = if outcome.holds() {
        "size does not slow a checkout"
    } else {
        "size slows something down"
    };
    let _ = writeln!(out, "\n{verdict}");
    out
}

/// For `docs/benchmarks`.
pub(super) fn markdown(outcome: &Outcome) -> String {
    let (plan, machine) = (&outcome.plan, &outcome.machine);
    let [small, large] = [plan.small, plan.large].map(grouped);
    let mut out = format!(
        "# Store size\n\n\
         `scripts/bench-store` wrote this page from its run of {}.\n\n",
        machine.day
    );
    let _ = writeln!(
        out,
        "{} The p99 of a checkout at {large} stored attempts, divided by that at {small}, measured in one run; \
         at most {LIMIT} is allowed:\n",
        if outcome.holds() {
            "**Store size does not slow a checkout.**"
        } else {
            "**Something slows down as the store fills.**"
        }
    );
    for measured in &outcome.measured {
        let _ = writeln!(
            out,
            "- {} {}: **{:.2}**",
            measured.kind.name(),
            measured.version,
            measured.ratio()
        );
    }
    for measured in &outcome.measured {
        section(&mut out, measured);
    }
    let memory = machine
        .memory_gib
        .map(|gib| format!("{gib} GiB of memory, "))
        .unwrap_or_default();
    let [median, p99] = machine.commit.map(millis);
    let _ = write!(
        out,
        "\n## How it is measured\n\n\
         - Machine: {} cores, {memory}{}. A write of 4 KiB is on disk after {median} (median; p99 {p99}). Proxies,\n  \
           provider's stand-in, databases, buyers and the webhooks' receiver share it.\n\
         - Each store is filled by copying ten sessions that were really played: five paid at once, one of them\n  \
           refunded (in every fifth copy) and one with a saved card, one paid after one decline, one after two,\n  \
           three that nobody paid. All is settled and delivered, and spread over a year. Copies are inserted\n  \
           under all constraints and triggers. PostgreSQL has its usual settings and was vacuumed and analyzed\n  \
           once; SQLite was not analyzed, as the proxy never does.\n\
         - Two proxies of the same build, one on each store, before one provider's stand-in without faults or\n  \
           delays, with webhooks on. {} buyers at a time. Each store gets {TURN} checkouts, then it is the\n  \
           other's turn; who begins changes with every pair of turns. The first {WARM_UP} on each are not counted.\n\
         - A checkout is: open a session, read it, start an attempt, until it has ended. Sealing the card is the\n  \
           browser's own work and not counted.\n\
         - {BLOCKS} blocks of {} checkouts on each store. Each block gives the ratio of the two p99 (nearest rank);\n  \
           the figure is the median of the {BLOCKS} ratios.\n\
         - Every statement in the store's sources is planned on the large store, by `EXPLAIN QUERY PLAN` or as a\n  \
           prepared statement by `EXPLAIN`. A step that reads a whole growing table, or a whole index with more\n  \
           than one of a hundred of its rows, is a scan. PostgreSQL also counts the scans that happened.\n",
        machine.cores,
        machine.system,
        plan.concurrency,
        grouped(plan.checkouts.into()),
    );
    out
}

fn section(out: &mut String, measured: &Measured) {
    let _ = writeln!(out, "\n## {} {}\n", measured.kind.name(), measured.version);
    let mut line = |cells: [String; 4]| {
        let _ = writeln!(out, "| {} |", cells.join(" | "));
    };
    line(head(measured));
    line(["---", "--:", "--:", "--:"].map(String::from));
    rows(measured).into_iter().for_each(&mut line);
    for (number, block) in measured.blocks.iter().enumerate() {
        let [small, large] = block.p99().map(millis);
        let name = format!("p99 of block {}", number + 1);
        line([name, small, large, format!("{:.2}", block.ratio())]);
    }
    let _ = writeln!(
        out,
        "\nMedian of the blocks' ratios: **{:.2}**. Both stores were filled in {} s.\n\n{}",
        measured.ratio(),
        measured.filled_in.as_secs(),
        looked(measured)
    );
    for look in measured.looks.iter().filter(|look| !look.scans.is_empty()) {
        let _ = writeln!(
            out,
            "- {}: {}\n  `{}`",
            look.place,
            look.scans.join("; "),
            look.sql
        );
    }
    for (table, times) in scanned(measured) {
        let _ = writeln!(
            out,
            "- while it ran, `{table}` was read from end to end {times} times"
        );
    }
}

fn head(measured: &Measured) -> [String; 4] {
    let attempts = |count| format!("{} attempts", grouped(count));
    [
        String::new(),
        attempts(measured.small.attempts),
        attempts(measured.large.attempts),
        String::from("ratio"),
    ]
}

fn rows(measured: &Measured) -> Vec<[String; 4]> {
    let (small, large) = (&measured.small, &measured.large);
    let [small_ready, large_ready] = measured.ready_in.map(millis);
    let [all_small, all_large] = together(&measured.blocks);
    let mut rows = Vec::new();
    for (name, share) in [("p50", 50), ("p99", 99), ("longest", 100)] {
        let times = [percentile(&all_small, share), percentile(&all_large, share)];
        let ratio = times[1].as_secs_f64() / times[0].as_secs_f64();
        let [one, other] = times.map(millis);
        rows.push([name.to_owned(), one, other, format!("{ratio:.2}")]);
    }
    for (name, one, other) in [
        ("events", grouped(small.events), grouped(large.events)),
        ("on disk", megabytes(small.bytes), megabytes(large.bytes)),
        ("proxy ready after", small_ready, large_ready),
    ] {
        rows.push([name.to_owned(), one, other, String::new()]);
    }
    rows
}

fn looked(measured: &Measured) -> String {
    let scans = measured
        .looks
        .iter()
        .filter(|look| !look.scans.is_empty())
        .count();
    let all = measured.looks.len();
    match scans {
        0 => format!("None of the store's {all} statements reads a whole table."),
        _ => format!("Of the store's {all} statements, {scans} read a whole table:"),
    }
}

/// Tables that were read from end to end, and how often.
fn scanned(measured: &Measured) -> impl Iterator<Item = &(String, u64)> {
    let all = measured.scans.iter().flatten();
    all.filter(|(_, times)| *times > 0)
}

fn millis(time: Duration) -> String {
    let micros = time.as_micros();
    if micros < 10_000 {
        format!("{}.{:02} ms", micros / 1_000, micros % 1_000 / 10)
    } else {
        format!("{}.{} ms", micros / 1_000, micros % 1_000 / 100)
    }
}

fn megabytes(bytes: u64) -> String {
    format!(
        "{}.{} MB",
        grouped(bytes / 1_000_000),
        bytes % 1_000_000 / 100_000
    )
}

/// With a comma before every third digit.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_for_people() {
        assert_eq!(
            [0, 999, 1_000, 1_000_000].map(grouped),
            ["0", "999", "1,000", "1,000,000"]
        );
        assert_eq!(megabytes(5_049_999_999), "5,049.9 MB");
        assert_eq!(millis(Duration::from_micros(9_999)), "9.99 ms");
        assert_eq!(millis(Duration::from_micros(12_345)), "12.3 ms");
    }
}
