//! The newest lines of the ledger.

use std::fmt::Write as _;

use crate::ledger::{
    BulkEntry, CallEntry, DebitEntry, DebitState, Ledger, NotificationEntry, OperationEntry,
    OperationState, SubscriptionEntry,
};

use super::text::{Escaped, short_time, spoken, thousands};

/// Lines shown of each list.
const SHOWN: usize = 12;

/// The newest lines, the newest first, each with how many there are in all.
pub(super) struct Latest {
    debits: (Vec<DebitEntry>, usize),
    operations: (Vec<OperationEntry>, usize),
    subscriptions: (Vec<SubscriptionEntry>, usize),
    bulks: (Vec<BulkEntry>, usize),
    notifications: (Vec<NotificationEntry>, usize),
    calls: (Vec<CallEntry>, usize),
}

impl Latest {
    pub(super) fn of(ledger: &Ledger) -> Self {
        Self {
            debits: newest(&ledger.debits),
            operations: newest(&ledger.operations),
            subscriptions: newest(&ledger.subscriptions),
            bulks: newest(&ledger.bulks),
            notifications: newest(&ledger.notifications),
            calls: newest(&ledger.calls),
        }
    }
}

pub(super) fn newest<T: Clone>(lines: &[T]) -> (Vec<T>, usize) {
    let shown = lines.iter().rev().take(SHOWN).cloned().collect();
    (shown, lines.len())
}

pub(super) fn write(page: &mut String, latest: &Latest) -> std::fmt::Result {
    page.push_str(
        "<section id=ledger><h2>Ledger</h2><p>What really happened. All of it as <a href=/ledger>JSON</a>.</p>",
    );
    let columns = ["When", "Amount", "Answer", "Card", "Reference", "Times"];
    write_table(page, "Debits", &columns, &latest.debits, write_debit)?;
    let columns = [
        "When",
        "Operation",
        "Amount",
        "Outcome",
        "Reference",
        "Times",
    ];
    write_table(
        page,
        "Voids, captures, refunds",
        &columns,
        &latest.operations,
        write_operation,
    )?;
    let columns = ["When", "Change", "Amount", "Next", "Subscription", "Times"];
    write_table(
        page,
        "Subscriptions",
        &columns,
        &latest.subscriptions,
        write_subscription,
    )?;
    let columns = ["When", "Payments", "Bulk"];
    write_table(page, "Bulks", &columns, &latest.bulks, write_bulk)?;
    let columns = ["When", "Path", "How", "Answer", "About"];
    write_table(
        page,
        "Notifications",
        &columns,
        &latest.notifications,
        write_notification,
    )?;
    let columns = ["When", "Operation", "Fault", "Effect", "HTTP", "About"];
    write_table(page, "Calls", &columns, &latest.calls, write_call)?;
    page.push_str("</section>");
    Ok(())
}

pub(super) fn write_table<T>(
    page: &mut String,
    name: &str,
    columns: &[&str],
    (lines, total): &(Vec<T>, usize),
    write_line: fn(&mut Cells<'_>, &T) -> std::fmt::Result,
) -> std::fmt::Result {
    let total = thousands(u64::try_from(*total).unwrap_or(u64::MAX));
    write!(page, "<h3>{name} <small>{total}</small></h3>")?;
    if lines.is_empty() {
        page.push_str("<p class=empty>None.</p>");
        return Ok(());
    }
    page.push_str("<table class=lines><thead><tr>");
    for column in columns {
        write!(page, "<th>{column}")?;
    }
    page.push_str("<tbody>");
    for line in lines {
        page.push_str("<tr>");
        write_line(&mut Cells { page, columns }, line)?;
    }
    page.push_str("</table>");
    Ok(())
}

/// The cells of a line still to be written. On a narrow screen the columns have no heads.
pub(super) struct Cells<'a> {
    page: &'a mut String,
    columns: &'a [&'a str],
}

impl<'a> Cells<'a> {
    pub(super) fn cell(&mut self, class: &str, markup: impl std::fmt::Display) -> std::fmt::Result {
        self.next_column();
        write!(self.page, "<td class=\"{class}\">{markup}")
    }

    /// A cell that says nothing without the name of its column.
    pub(super) fn named(
        &mut self,
        class: &str,
        markup: impl std::fmt::Display,
    ) -> std::fmt::Result {
        let name = self.next_column();
        write!(
            self.page,
            "<td data-name=\"{name}\" class=\"{class}\">{markup}"
        )
    }

    fn next_column(&mut self) -> &'a str {
        let (name, rest) = self.columns.split_first().unwrap_or((&"", &[]));
        self.columns = rest;
        name
    }

    pub(super) fn times(&mut self, count: u32) -> std::fmt::Result {
        let class = if count > 1 { "number bad" } else { "number" };
        self.named(class, count)
    }
}

fn write_debit(cells: &mut Cells<'_>, debit: &DebitEntry) -> std::fmt::Result {
    let (class, word) = match debit.state {
        DebitState::Approved => ("good", "approved"),
        DebitState::Declined => ("bad", "declined"),
    };
    cells.cell("number", short_time(&debit.executed_at))?;
    cells.cell("number", money(&debit.currency, &debit.amount))?;
    cells.cell(class, format!("{word} {}", Escaped(&debit.resp_code)))?;
    cells.cell(
        "",
        format!("{} {}", Escaped(&debit.brand), Escaped(&debit.last4)),
    )?;
    cells.cell("reference", Escaped(&debit.reference))?;
    cells.times(debit.count)
}

fn write_operation(cells: &mut Cells<'_>, operation: &OperationEntry) -> std::fmt::Result {
    cells.cell("number", short_time(&operation.at))?;
    cells.cell("", operation.kind.name())?;
    let amount = match (&operation.currency, &operation.amount) {
        (Some(currency), Some(amount)) => money(currency, amount),
        _ => String::from("unknown"),
    };
    cells.cell("number", amount)?;
    match (operation.state, operation.refusal) {
        (OperationState::Done, _) => cells.cell("good", "done")?,
        (OperationState::Refused, None) => cells.cell("bad", "refused")?,
        (OperationState::Refused, Some(refusal)) => {
            cells.cell("bad", format!("refused: {}", refusal.meaning()))?;
        }
    }
    cells.cell("reference", Escaped(&operation.reference))?;
    cells.times(operation.count)
}

fn write_subscription(cells: &mut Cells<'_>, entry: &SubscriptionEntry) -> std::fmt::Result {
    cells.cell("number", short_time(&entry.at))?;
    cells.cell("", spoken(entry.change.name()))?;
    cells.cell("number", money(&entry.currency, &entry.amount))?;
    let day = entry.next_payment_at.as_deref().and_then(|it| it.get(..10));
    cells.named("number", Escaped(day.unwrap_or("never")))?;
    cells.cell("reference", Escaped(&entry.id))?;
    cells.times(entry.count)
}

fn write_bulk(cells: &mut Cells<'_>, entry: &BulkEntry) -> std::fmt::Result {
    cells.cell("number", short_time(&entry.at))?;
    let payments = match entry.not_asked.len() {
        0 => entry.references.len().to_string(),
        not_asked => format!(
            "{}, {not_asked} of them not asked for",
            entry.references.len()
        ),
    };
    cells.named("", payments)?;
    cells.cell("reference", Escaped(&entry.id))
}

pub(super) fn write_notification(
    cells: &mut Cells<'_>,
    entry: &NotificationEntry,
) -> std::fmt::Result {
    cells.cell("number", short_time(&entry.at))?;
    cells.cell("", format!("<code>{}</code>", Escaped(&entry.path)))?;
    let mode = entry.mode.map_or("by hand", |mode| mode.name());
    let nth = if entry.nth > 1 {
        format!(", no. {}", entry.nth)
    } else {
        String::new()
    };
    let forged = if entry.forged && entry.mode.is_none() {
        ", forged"
    } else {
        ""
    };
    cells.cell("", format!("{}{forged}{nth}", spoken(mode)))?;
    match entry.http_status {
        Some(status @ 200..=299) => cells.named("good", status)?,
        Some(status) => cells.named("bad", status)?,
        None => cells.named("bad", "none")?,
    }
    cells.cell("reference", Escaped(&entry.references.join(", ")))
}

fn write_call(cells: &mut Cells<'_>, call: &CallEntry) -> std::fmt::Result {
    cells.cell("number", short_time(&call.at))?;
    cells.cell("", spoken(call.operation.name()))?;
    match call.fault {
        Some(kind) => cells.cell(
            "fault",
            format!(
                "<span title=\"{}\">{}</span>",
                Escaped(kind.meaning()),
                spoken(kind.name())
            ),
        )?,
        None => cells.cell("", "")?,
    }
    cells.named(
        "",
        match (call.executed, call.later) {
            (true, false) => "yes",
            (true, true) => "yes, later",
            (false, false) => "none",
            (false, true) => "none, later",
        },
    )?;
    match call.http_status {
        Some(status) => cells.named("number", status)?,
        None => cells.named("", "none")?,
    }
    cells.cell(
        "reference",
        Escaped(call.reference.as_deref().unwrap_or_default()),
    )
}

pub(super) fn money(currency: &str, amount: &str) -> String {
    format!("{}&nbsp;{}", Escaped(currency), Escaped(amount))
}
