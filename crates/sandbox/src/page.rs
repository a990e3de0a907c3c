//! The page for people: test cards, faults, ledger. One document, nothing loaded from elsewhere.

use std::fmt::Write as _;

use axum::http::HeaderValue;
use base64::Engine as _;
use rsa::sha2::{Digest, Sha256};

use crate::Controls;
use crate::cards::{TestCard, test_cards};
use crate::fault::{Kind, Operation};
use crate::ledger::{DebitEntry, DebitState};

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// Debits shown, the newest first.
const DEBITS_SHOWN: usize = 50;

/// Only this page's own style and script run, and they talk to this host only.
pub(crate) fn policy() -> HeaderValue {
    let hash = |text: &str| {
        let digest = Sha256::digest(text.as_bytes());
        base64::engine::general_purpose::STANDARD.encode(digest)
    };
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{}'; script-src 'sha256-{}'; connect-src 'self'; \
         base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        hash(STYLE),
        hash(SCRIPT)
    );
    HeaderValue::from_str(&policy).expect("base64 and keywords are header characters")
}

pub(crate) fn render(controls: &Controls) -> String {
    let mut page = String::with_capacity(32 * 1024);
    // Writing to a String cannot fail.
    let _ = write_page(&mut page, controls);
    page
}

fn write_page(page: &mut String, controls: &Controls) -> std::fmt::Result {
    write!(
        page,
        "<!doctype html><html lang=en><meta charset=utf-8>\
         <meta name=viewport content=\"width=device-width, initial-scale=1\">\
         <meta name=color-scheme content=\"light dark\">\
         <title>Payment sandbox</title><style>{STYLE}</style>\
         <h1>Payment sandbox</h1>\
         <p>Stands in for the provider. No money moves here and no card is real.</p>"
    )?;
    write_addresses(page, controls)?;
    write_cards(page)?;
    write_faults(page, controls)?;
    write_ledger(page, controls)?;
    write!(page, "<script>{SCRIPT}</script></html>")
}

fn write_addresses(page: &mut String, controls: &Controls) -> std::fmt::Result {
    let credentials = &controls.greenpay.credentials;
    page.push_str("<h2>Where</h2><dl>");
    for (name, value) in [
        (
            "Merchant host",
            format!(
                "http://{}",
                controls.host(crate::fault::Host::Merchant).address()
            ),
        ),
        (
            "Checkout host",
            format!(
                "http://{}",
                controls.host(crate::fault::Host::Checkout).address()
            ),
        ),
        ("merchantId", credentials.merchant_id.clone()),
        ("secret", credentials.secret.clone()),
        ("terminal", credentials.terminal.clone()),
        ("Seed", controls.greenpay.seed.to_string()),
        ("Sandbox time", controls.greenpay.clock.now().rfc3339()),
    ] {
        write!(page, "<dt>{name}<dd><code>{}</code>", Escaped(&value))?;
    }
    page.push_str("</dl>");
    Ok(())
}

fn write_cards(page: &mut String) -> std::fmt::Result {
    let (approved, others): (Vec<_>, Vec<_>) = test_cards()
        .into_iter()
        .partition(|card| card.outcome == "approved");
    page.push_str(
        "<h2>Test cards</h2><p>Any expiry to come; any CVC of three digits, four for American Express. \
         The last four digits decide: other numbers that pass the check digit are approved. \
         Also as <a href=/cards>JSON</a>.</p>",
    );
    write_card_table(page, &approved)?;
    page.push_str("<details><summary>Declines, a card for each code</summary>");
    write_card_table(page, &others)?;
    page.push_str("</details>");
    Ok(())
}

fn write_card_table(page: &mut String, cards: &[TestCard]) -> std::fmt::Result {
    page.push_str("<table><thead><tr><th>Number<th>Answer<tbody>");
    for card in cards {
        write!(
            page,
            "<tr><td><code>{}</code><td><span class={}>{} {}</span> {}",
            in_fours(card.number),
            card.outcome,
            card.outcome.replace('_', " "),
            card.resp_code.unwrap_or_default(),
            Escaped(card.note)
        )?;
    }
    page.push_str("</table>");
    Ok(())
}

fn write_faults(page: &mut String, controls: &Controls) -> std::fmt::Result {
    page.push_str("<h2>Faults</h2><form id=fault><label>Operation<select name=operation>");
    for operation in Operation::ALL {
        let selected = if operation == Operation::Pay {
            " selected"
        } else {
            ""
        };
        write!(page, "<option{selected}>{}", operation.name())?;
    }
    page.push_str("</select></label><label>Kind<select name=kind>");
    for kind in Kind::ALL {
        let selected = if kind == Kind::GatewayTimeoutAfter {
            " selected"
        } else {
            ""
        };
        write!(
            page,
            "<option{selected} value={}>{}: {}",
            kind.name(),
            kind.name(),
            kind.meaning()
        )?;
    }
    page.push_str(
        "</select></label>\
         <label>Times<input name=times type=number min=1 value=1 inputmode=numeric></label>\
         <label>Milliseconds (stall, late)<input name=ms type=number min=0 inputmode=numeric></label>\
         <button>Set fault</button></form>\
         <p class=row><button data-delete=/faults>Clear faults</button>\
         <button data-post=/clock data-body='{\"advance_secs\":1860}'>Move the clock on by 31 minutes</button>\
         <button data-post=/reset>Forget everything</button></p>\
         <p id=said role=status></p>",
    );
    let (armed, random) = {
        let state = controls.greenpay.state();
        (
            state.faults.armed().to_vec(),
            state.faults.random().cloned(),
        )
    };
    if armed.is_empty() && random.is_none() {
        page.push_str("<p>No fault is set.</p>");
    } else {
        page.push_str("<ul>");
        for fault in armed {
            write!(
                page,
                "<li>{}: {} ({} to come)",
                fault.operation.name(),
                fault.kind.meaning(),
                fault.times
            )?;
        }
        if let Some(random) = random {
            write!(
                page,
                "<li>by chance: {} % of the calls, seed {}",
                random.share_percent, random.seed
            )?;
        }
        page.push_str("</ul>");
    }
    page.push_str(
        "<details><summary>By command line</summary><pre>\
curl -H 'content-type: application/json' -d '{\"operation\":\"pay\",\"kind\":\"reset_after\"}' <b>this address</b>/faults\n\
curl -H 'content-type: application/json' -d '{\"operation\":\"pay\",\"kind\":\"stall\",\"ms\":20000,\"times\":2}' …/faults\n\
curl -H 'content-type: application/json' -d '{\"operation\":\"transaction\",\"kind\":\"delay_visibility\",\"reads\":3}' …/faults\n\
curl -H 'content-type: application/json' -d '{\"random\":{\"share_percent\":20,\"seed\":7}}' …/faults\n\
curl -X DELETE …/faults\n\
curl -X POST …/reset</pre></details>",
    );
    Ok(())
}

fn write_ledger(page: &mut String, controls: &Controls) -> std::fmt::Result {
    let (debits, total, calls) = {
        let state = controls.greenpay.state();
        let newest: Vec<DebitEntry> = state
            .ledger
            .debits
            .iter()
            .rev()
            .take(DEBITS_SHOWN)
            .cloned()
            .collect();
        (newest, state.ledger.debits.len(), state.ledger.calls.len())
    };
    write!(
        page,
        "<h2>Ledger</h2><p>{total} debits, {calls} calls. All of it as <a href=/ledger>JSON</a>.</p>"
    )?;
    if debits.is_empty() {
        return Ok(());
    }
    page.push_str(
        "<div class=wide><table><thead><tr><th>When<th>Amount<th>Answer<th>Card<th>Reference<th>Times<tbody>",
    );
    for debit in debits {
        let (class, answer) = match debit.state {
            DebitState::Approved => ("approved", "approved"),
            DebitState::Declined => ("declined", "declined"),
        };
        write!(
            page,
            "<tr><td>{}<td class=number>{} {}<td class={class}>{answer} {}<td>{} {}<td><code>{}</code><td>{}",
            Escaped(&debit.executed_at),
            Escaped(&debit.currency),
            Escaped(&debit.amount),
            Escaped(&debit.resp_code),
            Escaped(&debit.brand),
            Escaped(&debit.last4),
            Escaped(&debit.reference),
            debit.count
        )?;
    }
    page.push_str("</table></div>");
    Ok(())
}

fn in_fours(number: &str) -> String {
    number
        .as_bytes()
        .chunks(4)
        .map(|chunk| std::str::from_utf8(chunk).unwrap_or_default())
        .collect::<Vec<_>>()
        .join(" ")
}

/// Text that came from outside.
struct Escaped<'a>(&'a str);

impl std::fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for character in self.0.chars() {
            match character {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                other => f.write_char(other)?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_from_outside_cannot_become_markup() {
        let text = r#"<script>alert("1")</script>'&"#;
        assert_eq!(
            Escaped(text).to_string(),
            "&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;&#39;&amp;"
        );
    }

    #[test]
    fn card_numbers_are_shown_in_fours() {
        assert_eq!(in_fours("378282246310005"), "3782 8224 6310 005");
    }
}
