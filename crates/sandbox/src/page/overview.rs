//! The numbers on top: what happened, at a glance.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::cards::decline_of;
use crate::clock::Moment;
use crate::fault::{Kind, Operation};
use crate::ledger::{DebitState, Ledger, OperationState};

use super::chart::{self, Event, Row};
use super::text::{percent, spoken, thousands};

/// Calls in the course over time.
const COURSE: usize = 2_000;

/// Sums over the ledger.
#[derive(Debug, Default)]
pub(super) struct Overview {
    approved: u64,
    declined: BTreeMap<String, u64>,
    /// Executions of a reference beyond its first.
    debited_again: u64,
    done: u64,
    refused: u64,
    /// Operations asked for a second time and more.
    asked_again: u64,
    heard: u64,
    unheard: u64,
    /// By operation: calls, and those of them that met a fault.
    calls: BTreeMap<Operation, (u64, u64)>,
    faults: BTreeMap<Kind, u64>,
    course: Vec<Event>,
}

impl Overview {
    pub(super) fn of(ledger: &Ledger) -> Self {
        let mut overview = Self::default();
        for debit in &ledger.debits {
            match debit.state {
                DebitState::Approved => overview.approved += 1,
                DebitState::Declined => {
                    *overview
                        .declined
                        .entry(debit.resp_code.clone())
                        .or_default() += 1;
                }
            }
            overview.debited_again += u64::from(debit.count > 1);
        }
        for operation in &ledger.operations {
            match operation.state {
                OperationState::Done => overview.done += 1,
                OperationState::Refused => overview.refused += 1,
            }
            overview.asked_again += u64::from(operation.count > 1);
        }
        for notification in &ledger.notifications {
            match notification.http_status {
                Some(200..=299) => overview.heard += 1,
                _ => overview.unheard += 1,
            }
        }
        for (operation, count) in ledger.count_calls() {
            overview.calls.insert(operation, (count, 0));
        }
        for (kind, by_operation) in ledger.count_faults() {
            overview.faults.insert(kind, by_operation.values().sum());
            for (operation, count) in by_operation {
                overview.calls.entry(operation).or_default().1 += count;
            }
        }
        let latest = ledger.calls.len().saturating_sub(COURSE);
        overview.course = ledger
            .calls
            .iter()
            .skip(latest)
            .filter_map(|call| Some((Moment::read(&call.at)?, call.fault.is_some())))
            .collect();
        // Calls that stalled are written down late.
        overview.course.sort_unstable_by_key(|(moment, _)| *moment);
        overview
    }
}

pub(super) fn write(page: &mut String, overview: &Overview) -> std::fmt::Result {
    page.push_str(
        "<section id=overview><h2>Overview</h2>\
         <p class=row><label class=live><input type=checkbox id=live>Reload every 5 seconds</label></p>\
         <div class=tiles>",
    );
    let declined: u64 = overview.declined.values().sum();
    let calls: u64 = overview.calls.values().map(|(calls, _)| calls).sum();
    let faults: u64 = overview.faults.values().sum();
    write_tile(
        page,
        "Approved debits",
        overview.approved,
        &format!("{} declined", thousands(declined)),
        &[("good", overview.approved), ("bad", declined)],
    )?;
    write_verdict(
        page,
        "Debited twice",
        overview.debited_again,
        ["every reference at most once", "look at the ledger"],
    )?;
    write_tile(
        page,
        "Voids, captures, refunds",
        overview.done,
        &match overview.asked_again {
            0 => format!("{} refused", thousands(overview.refused)),
            again => format!(
                "{} refused, {} asked again",
                thousands(overview.refused),
                thousands(again)
            ),
        },
        &[("good", overview.done), ("bad", overview.refused)],
    )?;
    write_tile(
        page,
        "Notifications heard",
        overview.heard,
        &format!("{} not", thousands(overview.unheard)),
        &[("good", overview.heard), ("bad", overview.unheard)],
    )?;
    write_tile(
        page,
        "Calls",
        calls,
        &format!(
            "{} with a fault, {}",
            thousands(faults),
            percent(faults, calls)
        ),
        &[("plain", calls.saturating_sub(faults)), ("fault", faults)],
    )?;
    page.push_str("</div>");
    if calls == 0 {
        page.push_str("<p class=empty>No call has come yet.</p></section>");
        return Ok(());
    }
    chart::write_course(page, &overview.course)?;
    page.push_str("<div class=charts><div><h3>Calls by operation</h3>");
    let rows: Vec<Row> = overview
        .calls
        .iter()
        .map(|(operation, (calls, faults))| Row {
            name: spoken(operation.name()),
            title: operation.name(),
            parts: vec![("plain", calls.saturating_sub(*faults)), ("fault", *faults)],
            label: (*faults > 0).then(|| {
                let noun = if *faults == 1 { "fault" } else { "faults" };
                format!(
                    "{} <small>{} {noun}</small>",
                    thousands(*calls),
                    thousands(*faults)
                )
            }),
        })
        .collect();
    chart::write_bars(page, &rows)?;
    if !overview.declined.is_empty() {
        page.push_str("<h3>Declines, by code</h3>");
        let rows: Vec<Row> = by_count(&overview.declined)
            .into_iter()
            .map(|(code, count)| {
                let meaning = decline_of(&code).map_or("", |row| row.meaning);
                Row {
                    name: format!("{code} {meaning}"),
                    title: meaning,
                    parts: vec![("bad", count)],
                    label: None,
                }
            })
            .collect();
        chart::write_bars(page, &rows)?;
    }
    page.push_str("</div><div><h3>Faults met, by kind</h3>");
    if overview.faults.is_empty() {
        page.push_str("<p class=empty>None.</p>");
    }
    let rows: Vec<Row> = by_count(&overview.faults)
        .into_iter()
        .map(|(kind, count)| Row {
            name: spoken(kind.name()),
            title: kind.meaning(),
            parts: vec![("fault", count)],
            label: None,
        })
        .collect();
    chart::write_bars(page, &rows)?;
    page.push_str("</div>");
    page.push_str("</div></section>");
    Ok(())
}

/// The most first.
fn by_count<K: Clone + Ord>(counts: &BTreeMap<K, u64>) -> Vec<(K, u64)> {
    let mut rows: Vec<_> = counts.iter().map(|(key, n)| (key.clone(), *n)).collect();
    rows.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    rows
}

fn write_tile(
    page: &mut String,
    name: &str,
    number: u64,
    note: &str,
    parts: &[(&'static str, u64)],
) -> std::fmt::Result {
    write!(
        page,
        "<div class=tile><h3>{name}</h3><p class=big>{}</p>",
        thousands(number)
    )?;
    let whole = parts.iter().map(|(_, count)| count).sum();
    chart::write_bar(page, parts, whole)?;
    write!(page, "<p class=note>{note}</p></div>")
}

/// A number that has to be 0.
fn write_verdict(
    page: &mut String,
    name: &str,
    number: u64,
    [if_none, otherwise]: [&str; 2],
) -> std::fmt::Result {
    let (class, mark, note) = match number {
        0 => ("good", "✓", if_none),
        _ => ("bad", "!", otherwise),
    };
    write!(
        page,
        "<div class=\"tile {class}\"><h3>{name}</h3><p class=big>{}</p>\
         <p class=note><b aria-hidden=true>{mark}</b> {note}</p></div>",
        thousands(number)
    )
}
