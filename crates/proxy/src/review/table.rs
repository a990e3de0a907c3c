//! The review queue for people.

use std::fmt::Write as _;

use ventanilla_core::money::Money;
use ventanilla_proxy::machine::{OperationRecord, ReviewRecord};

use crate::command::printable;

const BOLD: &str = "\u{1b}[1m";
const YELLOW: &str = "\u{1b}[33m";
const RED: &str = "\u{1b}[31m";
const PLAIN: &str = "\u{1b}[0m";

/// One line of the table.
struct Line {
    id: String,
    what: String,
    state: String,
    amount: String,
    since: String,
    order: String,
    why: String,
}

const HEAD: [&str; 5] = ["ID", "WHAT", "STATE", "AMOUNT", "SINCE"];

/// A table with a line for each attempt and operation and what it waits for below it, or a line that
/// says that there is nothing.
pub fn format(review: &ReviewRecord, colours: bool) -> String {
    let lines = lines(review);
    if lines.is_empty() {
        return "nothing to look at\n".to_owned();
    }
    let mut widths = HEAD.map(str::len);
    for line in &lines {
        for (width, cell) in widths.iter_mut().zip(line.cells()) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let paint = |colour: &'static str| if colours { colour } else { "" };
    let mut out = String::new();
    let row = |out: &mut String, colour: &'static str, cells: [&str; 5]| {
        let padded: Vec<String> = cells
            .iter()
            .zip(widths)
            .map(|(cell, width)| format!("{cell:<width$}"))
            .collect();
        let text = padded.join("  ");
        // Writing to a text cannot fail.
        let _ = writeln!(
            out,
            "{}{}{}",
            paint(colour),
            text.trim_end(),
            paint(if colour.is_empty() { "" } else { PLAIN })
        );
    };
    row(&mut out, BOLD, HEAD);
    for line in &lines {
        let colour = if line.state == "duplicate" {
            RED
        } else {
            YELLOW
        };
        row(&mut out, colour, line.cells());
        let _ = writeln!(out, "    {}; {}", line.order, line.why);
    }
    let _ = writeln!(
        out,
        "\n{} to look at. Settle one with: ventanilla review settle ID --as OUTCOME --note TEXT",
        lines.len()
    );
    out
}

impl Line {
    fn cells(&self) -> [&str; 5] {
        [&self.id, &self.what, &self.state, &self.amount, &self.since]
    }
}

fn lines(review: &ReviewRecord) -> Vec<Line> {
    let attempts = review.attempts.iter().map(|entry| Line {
        id: printable(&entry.attempt.id),
        what: format!("attempt ({})", entry.attempt.rail.name()),
        state: entry.attempt.state.name().to_owned(),
        amount: amount(entry.attempt.total),
        since: printable(&entry.since),
        order: format!(
            "session {}, reference {}",
            printable(&entry.attempt.session_id),
            printable(&entry.attempt.reference)
        ),
        why: printable(&entry.why),
    });
    let operations = review.operations.iter().map(|entry| Line {
        id: printable(&entry.operation.id),
        what: entry.operation.kind.name().to_owned(),
        state: entry.operation.state.name().to_owned(),
        amount: amount(entry.operation.amount),
        since: printable(&entry.since),
        order: of_operation(&entry.operation),
        why: printable(&entry.why),
    });
    let credits = review.credits.iter().map(|credit| Line {
        id: printable(&credit.id),
        what: "credit".to_owned(),
        state: credit.state.name().to_owned(),
        amount: amount(credit.amount),
        since: printable(&credit.credited_at),
        order: if credit.attempts.is_empty() {
            "no attempt asked for it".to_owned()
        } else {
            format!("perhaps of {}", printable(&credit.attempts.join(", ")))
        },
        why: printable(credit.why.as_deref().unwrap_or_default()),
    });
    attempts.chain(operations).chain(credits).collect()
}

/// What an operation belongs to, or what was asked for where it belongs to nothing.
fn of_operation(operation: &OperationRecord) -> String {
    let details = operation.details.as_ref();
    let parts = [
        ("session", operation.session_id.as_ref()),
        ("attempt", operation.attempt_id.as_ref()),
        ("reference", details.and_then(|it| it.reference.as_ref())),
        ("to", details.and_then(|it| it.recipient.as_ref())),
    ];
    let told: Vec<String> = parts
        .into_iter()
        .filter_map(|(name, value)| Some(format!("{name} {}", printable(value?))))
        .collect();
    if told.is_empty() {
        String::from("no checkout")
    } else {
        told.join(", ")
    }
}

fn amount(money: Money) -> String {
    format!("{} {}", money.currency().code(), money.decimal_text())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn review() -> ReviewRecord {
        let attempt = |id: &str, state: &str, why: &str| {
            json!({
                "id": id, "session_id": "ses_1", "rail": "card", "state": state, "reference": "abc",
                "total": { "amount_minor": 1_250_000, "currency": "CRC" },
                "created_at": "2026-11-18T11:06:40.000Z", "since": "2026-11-18T11:07:00.000Z", "why": why,
            })
        };
        let operation = json!({
            "id": "opr_1", "attempt_id": "att_3", "session_id": "ses_3", "kind": "refund", "state": "review",
            "amount": { "amount_minor": 5, "currency": "USD" },
            "created_at": "2026-11-18T11:06:40.000Z", "since": "2026-11-18T11:08:00.000Z", "why": "no answer",
        });
        let alone = json!({
            "id": "opr_2", "kind": "cash_out", "state": "review",
            "amount": { "amount_minor": 150_000, "currency": "ARS" },
            "details": { "reference": "P-7", "recipient": "CVU ****0126" },
            "created_at": "2026-11-18T11:06:40.000Z", "since": "2026-11-18T11:08:30.000Z", "why": "no answer",
        });
        serde_json::from_value(json!({
            "attempts": [
                attempt("att_1", "review", "another amount"),
                attempt("att_22", "duplicate", "twice\u{1b}[2J\nforged line"),
            ],
            "operations": [operation, alone],
            "credits": [{
                "id": "crd_1", "state": "review", "amount": { "amount_minor": 99, "currency": "ARS" },
                "credited_at": "2026-11-18T11:09:00.000Z", "why": "less was paid than was asked for",
                "attempts": ["att_4", "att_5"],
            }],
        }))
        .unwrap()
    }

    #[test]
    fn each_line_is_one_thing_to_look_at_in_columns() {
        let table = format(&review(), false);
        assert_eq!(
            table,
            "\
ID      WHAT            STATE      AMOUNT        SINCE
att_1   attempt (card)  review     CRC 12500.00  2026-11-18T11:07:00.000Z
    session ses_1, reference abc; another amount
att_22  attempt (card)  duplicate  CRC 12500.00  2026-11-18T11:07:00.000Z
    session ses_1, reference abc; twice\u{fffd}[2J\u{fffd}forged line
opr_1   refund          review     USD 0.05      2026-11-18T11:08:00.000Z
    session ses_3, attempt att_3; no answer
opr_2   cash_out        review     ARS 1500.00   2026-11-18T11:08:30.000Z
    reference P-7, to CVU ****0126; no answer
crd_1   credit          review     ARS 0.99      2026-11-18T11:09:00.000Z
    perhaps of att_4, att_5; less was paid than was asked for

5 to look at. Settle one with: ventanilla review settle ID --as OUTCOME --note TEXT
"
        );
        assert_eq!(
            format(&ReviewRecord::default(), true),
            "nothing to look at\n"
        );
    }

    #[test]
    fn colours_change_nothing_but_colours() {
        let coloured = format(&review(), true);
        assert!(coloured.contains(&format!("{RED}att_22")), "{coloured}");
        let bare = [BOLD, YELLOW, RED, PLAIN]
            .iter()
            .fold(coloured, |text, code| text.replace(code, ""));
        assert_eq!(bare, format(&review(), false));
    }
}
