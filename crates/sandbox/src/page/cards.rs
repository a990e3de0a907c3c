//! The test cards.

use std::fmt::Write as _;

use crate::cards::{TestCard, test_cards};

use super::text::{Escaped, in_fours};

pub(super) fn write(page: &mut String) -> std::fmt::Result {
    let (approved, others): (Vec<_>, Vec<_>) = test_cards()
        .into_iter()
        .partition(|card| card.outcome == "approved");
    page.push_str(
        "<section id=cards><h2>Test cards</h2>\
         <p>Any expiry to come; any CVC of three digits, four for American Express. \
         The last four digits decide: other numbers that pass the check digit are approved. \
         Also as <a href=/cards>JSON</a>.</p>",
    );
    write_table(page, &approved)?;
    page.push_str("<details><summary>Declines, a card for each code</summary>");
    write_table(page, &others)?;
    page.push_str(
        "</details>\
         <p>Every approved debit can be captured once, up to its amount; voided within three hours; \
         refunded within seven days, by the clock of this sandbox. A read then shows \
         <code>captured</code>, <code>voided</code> or <code>refunded</code>: made-up words, as no document \
         names the provider's own.</p></section>",
    );
    Ok(())
}

fn write_table(page: &mut String, cards: &[TestCard]) -> std::fmt::Result {
    page.push_str("<table class=cards><thead><tr><th>Number<th>Answer<tbody>");
    for card in cards {
        let class = match card.outcome {
            "approved" => "good",
            _ => "bad",
        };
        write!(
            page,
            "<tr><td><code>{}</code><td><span class={class}>{} {}</span> {}",
            in_fours(card.number),
            card.outcome.replace('_', " "),
            card.resp_code.unwrap_or_default(),
            Escaped(card.note)
        )?;
    }
    page.push_str("</table>");
    Ok(())
}
