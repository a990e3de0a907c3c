//! Paying in installments.

use alloc::string::ToString;

use ventanilla_core::money::Money;
use web_sys::HtmlSelectElement;

use crate::locale::installment;
use crate::rails::Surroundings;
use crate::ui::{El, el, fresh_id};

/// The choice of installments.
pub struct Plans {
    /// The element.
    pub el: El,
    select: El,
}

impl Plans {
    /// The choice; `None` when the session offers no installments.
    pub fn new(around: &Surroundings, counts: &[u8]) -> Option<Self> {
        if counts.is_empty() {
            return None;
        }
        let (locale, total) = (&around.locale, around.checkout.total);
        let (id, below) = (fresh_id("installments"), fresh_id("below"));
        let select = el("select", "vt-input vt-select")
            .attr("id", &id)
            .attr("part", "input")
            .attr("aria-describedby", &below);
        for count in core::iter::once(1).chain(counts.iter().copied()) {
            let (each_minor, even) = installment(total.minor(), count);
            let each =
                Money::from_minor(each_minor, total.currency()).map(|each| locale.money(each));
            let text = locale.texts.plan(count, &each.unwrap_or_default(), even);
            select.append(
                &el("option", "")
                    .attr("value", &count.to_string())
                    .text(&text),
            );
        }
        let el = el("div", "vt-field")
            .child(
                el("label", "vt-label")
                    .attr("for", &id)
                    .attr("part", "label")
                    .text(locale.texts.installments),
            )
            .child(el("div", "vt-box").child(select.clone()))
            .child(
                el("div", "vt-below")
                    .attr("id", &below)
                    .child(el("span", "vt-hint").text(locale.texts.installments_hint)),
            );
        Some(Self { el, select })
    }

    /// The count chosen; `None` is a single payment.
    pub fn chosen(&self) -> Option<u8> {
        let count = self
            .select
            .as_node::<HtmlSelectElement>()
            .value()
            .parse()
            .ok()?;
        (count > 1).then_some(count)
    }

    pub fn freeze(&self, frozen: bool) {
        self.select.toggle("disabled", frozen);
    }
}
