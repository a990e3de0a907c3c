//! How the purchase may be paid off: one card for each way, with what it costs. The provider's texts are
//! disclosures, and shown unchanged.

use alloc::rc::Rc;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use ventanilla_core::rails::flexiti::{
    Fee, FinancingChoice, FinancingOffers, FinancingPlan, Rate, RegularPurchase,
};
use web_sys::HtmlInputElement;

use super::language;
use crate::locale::fill;
use crate::rails::{Offered, Surroundings};
use crate::ui::{El, el, fresh_id};

/// The ways, of which nothing is picked beforehand, unless there is only one.
#[must_use]
pub fn offered(offers: &FinancingOffers, around: &Rc<Surroundings>) -> Rc<dyn Offered> {
    let texts = around.locale.texts;
    let list = el("fieldset", "vt-rows").child(el("legend", "vt-legend").text(texts.which_plan));
    let mut ways = Ways {
        el: list,
        group: fresh_id("plan"),
        around: Rc::clone(around),
        radios: Vec::new(),
    };
    for plan in &offers.plans {
        ways.add_plan(plan);
    }
    if let Some(regular) = &offers.regular {
        ways.add_regular(regular);
    }
    if let [(_, only)] = &ways.radios[..] {
        only.check(true);
    }
    Rc::new(ways)
}

struct Ways {
    el: El,
    group: String,
    around: Rc<Surroundings>,
    radios: Vec<(FinancingChoice, El)>,
}

impl Ways {
    fn add_plan(&mut self, plan: &FinancingPlan) {
        let locale = &self.around.locale;
        let text = match plan.months {
            1 => locale.texts.installments_once,
            _ => locale.texts.monthly,
        };
        let name = fill(text, "n", &plan.months.to_string());
        let name = fill(&name, "amount", &locale.money(plan.monthly));
        let line = self.theirs("span", "vt-hint", &plan.name);
        let terms = self.terms(&plan.fees, &plan.rates);
        let choice = FinancingChoice::Plan {
            plan: plan.plan.clone(),
            months: plan.months,
        };
        self.add(choice, &name, line, &terms);
    }

    fn add_regular(&mut self, regular: &RegularPurchase) {
        let texts = self.around.locale.texts;
        let line = fill(
            texts.regular_line,
            "amount",
            &self.around.locale.money(regular.amount),
        );
        let line = el("span", "vt-hint").text(&line);
        let own: Vec<Rate> = regular
            .basis_points
            .iter()
            .map(|basis_points| Rate {
                description: String::new(),
                basis_points: *basis_points,
                message: None,
            })
            .collect();
        let terms = self.terms(&regular.fees, &own);
        self.add(FinancingChoice::Regular {}, texts.regular, line, &terms);
    }

    fn add(&mut self, choice: FinancingChoice, name: &str, line: El, terms: &El) {
        let id = fresh_id("terms");
        terms.set("id", &id);
        let radio = el("input", "vt-radio")
            .attr("type", "radio")
            .attr("name", &self.group)
            .attr("aria-describedby", &id);
        let row_text = el("span", "vt-row-text")
            .child(el("span", "vt-name").text(name))
            .child(line);
        let row = el("label", "vt-row").child(radio.clone()).child(row_text);
        self.el
            .append(&el("div", "vt-way").child(row).child(terms.clone()));
        self.radios.push((choice, radio));
    }

    /// What it costs besides, and what the law wants said.
    fn terms(&self, fees: &[Fee], rates: &[Rate]) -> El {
        let locale = &self.around.locale;
        let list = el("dl", "vt-costs");
        let mut messages = Vec::new();
        let mut row = |description: &str, ours: &str, value: &str, message: &Option<String>| {
            let name = if description.is_empty() {
                el("dt", "").text(ours)
            } else {
                self.theirs("dt", "", description)
            };
            list.append(&el("div", "").child(name).child(el("dd", "").text(value)));
            messages.extend(message.as_ref().map(|text| self.theirs("p", "", text)));
        };
        for rate in rates {
            let value = locale.percent(rate.basis_points);
            let ours = locale.texts.annual_rate;
            row(&rate.description, ours, &value, &rate.message);
        }
        for fee in fees {
            let value = locale.money(fee.amount);
            row(&fee.description, locale.texts.fee, &value, &fee.message);
        }
        let terms = el("div", "vt-terms");
        if !rates.is_empty() || !fees.is_empty() {
            terms.append(&list);
        }
        terms.children(messages)
    }

    /// A text of the provider's, which is in the language that it was asked for.
    fn theirs(&self, tag: &str, class: &str, text: &str) -> El {
        let language = language(self.around.locale.texts);
        el(tag, class).attr("lang", language.name()).text(text)
    }
}

impl Offered for Ways {
    fn el(&self) -> &El {
        &self.el
    }

    fn picked(&self) -> Option<FinancingChoice> {
        let is_picked = |radio: &El| radio.as_node::<HtmlInputElement>().checked();
        let picked = self.radios.iter().find(|(_, radio)| is_picked(radio));
        picked.map(|(choice, _)| choice.clone())
    }

    fn focus(&self) {
        if let Some((_, first)) = self.radios.first() {
            first.focus();
        }
    }

    fn freeze(&self, frozen: bool) {
        for (_, radio) in &self.radios {
            radio.toggle("disabled", frozen);
        }
    }
}
