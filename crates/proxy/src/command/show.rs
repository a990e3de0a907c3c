//! An answer for people.

use std::fmt::Write as _;

use serde_json::Value;
use ventanilla_core::money::Money;
use ventanilla_proxy::commands::{Row, Shown};

use super::printable;

const BOLD: &str = "\u{1b}[1m";
const PLAIN: &str = "\u{1b}[0m";
/// Longer texts are cut short in a table of several.
const WIDEST: usize = 48;

/// The answer of the row's operation.
pub fn people(row: &Row, answer: &Value, colours: bool) -> String {
    match row.shown {
        Shown::List(list, columns) => {
            let rows = answer[list]
                .as_array()
                .map(Vec::as_slice)
                .unwrap_or_default();
            let mut out = lines(rows, columns, colours);
            for (name, value) in answer.as_object().into_iter().flatten() {
                if name != list && !value.is_null() {
                    let _ = writeln!(out, "{name}: {}", cell(value));
                }
            }
            out
        }
        Shown::Record | Shown::Own => {
            let mut out = String::new();
            if answer.is_null() {
                out.push_str("done\n");
            }
            record(answer, 0, colours, &mut out);
            out
        }
    }
}

/// A table with a line for each row, or a line that says that there is none.
fn lines(rows: &[Value], columns: &[&str], colours: bool) -> String {
    if rows.is_empty() {
        return "none\n".to_owned();
    }
    let head: Vec<String> = columns
        .iter()
        .map(|column| {
            column
                .rsplit('.')
                .next()
                .unwrap_or(column)
                .replace('_', " ")
                .to_uppercase()
        })
        .collect();
    let cells: Vec<Vec<String>> = rows
        .iter()
        .map(|row| {
            columns
                .iter()
                .map(|column| short(cell(at(row, column))))
                .collect()
        })
        .collect();
    let widths: Vec<usize> = head
        .iter()
        .enumerate()
        .map(|(index, name)| {
            let column = cells.iter().filter_map(|row| row.get(index));
            column
                .map(|cell| cell.chars().count())
                .fold(name.len(), usize::max)
        })
        .collect();
    let line = |cells: &[String]| {
        let padded: Vec<String> = cells
            .iter()
            .zip(&widths)
            .map(|(cell, width)| format!("{cell:<width$}", width = *width))
            .collect();
        padded.join("  ").trim_end().to_owned()
    };
    let mut out = String::new();
    let (bold, plain) = if colours { (BOLD, PLAIN) } else { ("", "") };
    // Writing to a text cannot fail.
    let _ = writeln!(out, "{bold}{}{plain}", line(&head));
    for row in &cells {
        let _ = writeln!(out, "{}", line(row));
    }
    out
}

/// `a.b` of `row`; the row itself for an empty name.
fn at<'a>(row: &'a Value, column: &str) -> &'a Value {
    if column.is_empty() {
        return row;
    }
    column.split('.').fold(row, |value, name| &value[name])
}

/// A line for each field that is there.
fn record(value: &Value, depth: usize, colours: bool, out: &mut String) {
    let Some(members) = value.as_object() else {
        return;
    };
    let indent = "  ".repeat(depth);
    let (bold, plain) = if colours { (BOLD, PLAIN) } else { ("", "") };
    let width = members.keys().map(|name| name.chars().count()).max();
    let width = width.unwrap_or_default();
    for (name, value) in members {
        let name = printable(name);
        match value {
            Value::Null => {}
            Value::Array(items) if items.iter().any(Value::is_object) => {
                for item in items {
                    let _ = writeln!(out, "{indent}{bold}{name}{plain}");
                    record(item, depth + 1, colours, out);
                }
            }
            Value::Object(members) if money(value).is_none() => {
                if !members.is_empty() {
                    let _ = writeln!(out, "{indent}{bold}{name}{plain}");
                    record(value, depth + 1, colours, out);
                }
            }
            Value::Array(items) if items.is_empty() => {}
            value => {
                let _ = writeln!(out, "{indent}{bold}{name:<width$}{plain}  {}", cell(value));
            }
        }
    }
}

fn cell(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => printable(text),
        Value::Array(items) => {
            let cells: Vec<String> = items.iter().map(cell).collect();
            cells.join(", ")
        }
        value => match money(value) {
            Some(money) => format!("{} {}", money.currency().code(), money.decimal_text()),
            None => printable(&value.to_string()),
        },
    }
}

fn money(value: &Value) -> Option<Money> {
    serde_json::from_value(value.clone()).ok()
}

fn short(text: String) -> String {
    if text.chars().count() <= WIDEST {
        return text;
    }
    let mut cut: String = text.chars().take(WIDEST - 1).collect();
    cut.push('…');
    cut
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn row(shown: Shown) -> Row {
        Row {
            operation: "x",
            words: &["x"],
            asks: None,
            shown,
        }
    }

    #[test]
    fn a_list_is_a_line_for_each_in_columns_and_says_how_it_goes_on() {
        let answer = json!({
            "rows": [
                { "id": "1", "amount": { "amount_minor": 5, "currency": "ARS" }, "of": { "name": "a\u{1b}[2J" } },
                { "id": "22", "amount": null, "of": { "name": "x".repeat(60) } },
            ],
            "next": "22",
        });
        let row = row(Shown::List("rows", &["id", "amount", "of.name"]));
        let long = format!("{}…", "x".repeat(47));
        assert_eq!(
            people(&row, &answer, false),
            format!(
                "ID  AMOUNT    NAME\n1   ARS 0.05  a\u{fffd}[2J\n22            {long}\nnext: 22\n"
            )
        );
        assert_eq!(
            people(&row, &json!({ "rows": [], "next": null }), true),
            "none\n"
        );
    }

    #[test]
    fn a_record_is_a_line_for_each_field_that_is_there() {
        let answer = json!({
            "id": "opr_1", "amount": { "amount_minor": 5, "currency": "CRC" }, "reason": null,
            "metadata": {}, "captures": [{ "id": 1 }], "rails": ["card", "cvu"],
        });
        assert_eq!(
            people(&row(Shown::Record), &answer, false),
            "amount    CRC 0.05\ncaptures\n  id  1\nid        opr_1\nrails     card, cvu\n"
        );
        assert_eq!(people(&row(Shown::Record), &Value::Null, false), "done\n");
    }
}
