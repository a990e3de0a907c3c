//! The tip: a row of choices, an amount of one's own, and what it all comes to.

use alloc::rc::Rc;
use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;
use core::cell::Cell;

use ventanilla_core::money::Money;
use ventanilla_core::rails::flux::{TipPolicy, share, with_tip};

use super::tip::{Choice, Missing, reckon};
use crate::locale::Texts;
use crate::locale::fill;
use crate::rails::Surroundings;
use crate::ui::{Button, El, Field, FieldTexts, Icon, button, el, fresh_id, icon};

/// The step before the code, where a tip is taken.
pub struct TipStep {
    /// The element.
    pub el: El,
    policy: TipPolicy,
    bill: Money,
    around: Rc<Surroundings>,
    texts: &'static Texts,
    chosen: Rc<Cell<Option<Choice>>>,
    radios: Vec<El>,
    own: Field,
    error: El,
    error_text: El,
    sure: El,
    sure_text: El,
    yes: Button,
    meant: Rc<Meant>,
}

/// The large tip that the buyer was asked about, and the one that they said is meant.
#[derive(Default)]
struct Meant {
    asked: Cell<Option<u64>>,
    kept: Cell<Option<u64>>,
}

impl TipStep {
    pub fn new(policy: TipPolicy, around: &Rc<Surroundings>, texts: &'static Texts) -> Rc<Self> {
        let (locale, bill) = (&around.locale, around.checkout.total);
        let money =
            |minor| Money::from_minor(minor, bill.currency()).map(|money| locale.money(money));
        let error_text = el("span", "");
        let error = el("p", "vt-below vt-error")
            .attr("id", &fresh_id("below"))
            .child(icon(Icon::Alert))
            .child(error_text.clone());
        error.hide(true);
        let most = money(policy.most(bill)).unwrap_or_default();
        let own = Field::new(
            &FieldTexts {
                label: texts.flux_tip_amount,
                hint: &fill(texts.flux_tip_amount_hint, "amount", &most),
                placeholder: "",
            },
            "off",
            "decimal",
            "16",
        );
        own.el.hide(true);

        let group = fresh_id("tip");
        let grid = el("div", "vt-tips");
        let list = el("fieldset", "vt-rows vt-tip-step")
            .child(el("legend", "vt-legend").text(texts.flux_tip))
            .child(grid.clone())
            .child(error.clone());
        let mut choices = vec![(Choice::None, String::from(texts.flux_tip_none), None)];
        for percent in &policy.percents {
            let name = fill(texts.flux_tip_percent, "percent", &percent.to_string());
            choices.push((
                Choice::Percent(*percent),
                name,
                money(share(bill, *percent)).ok(),
            ));
        }
        choices.push((Choice::Own, String::from(texts.flux_tip_own), None));
        let mut radios = Vec::new();
        for (_, name, amount) in &choices {
            let radio = el("input", "vt-radio")
                .attr("type", "radio")
                .attr("name", &group);
            let text = el("span", "vt-row-text").child(el("span", "").text(name));
            if let Some(amount) = amount {
                text.append(&el("span", "vt-hint").text(amount));
            }
            grid.append(&el("label", "vt-row").child(radio.clone()).child(text));
            radios.push(radio);
        }
        let sure_text = el("p", "").attr("role", "alert");
        let meant: Rc<Meant> = Rc::default();
        let (yes_meant, pay) = (Rc::clone(&meant), Rc::clone(&around.pay));
        let yes = button("button", "vt-second", "").on_press(move || {
            yes_meant.kept.set(yes_meant.asked.get());
            pay();
        });
        let sure = el("div", "vt-sure")
            .child(sure_text.clone())
            .child(yes.el.clone());
        sure.hide(true);
        let step = Rc::new(Self {
            el: el("div", "")
                .child(list)
                .child(own.el.clone())
                .child(sure.clone()),
            policy,
            bill,
            around: Rc::clone(around),
            texts,
            chosen: Rc::default(),
            radios,
            own,
            error,
            error_text,
            sure,
            sure_text,
            yes,
            meant,
        });
        for (at, (choice, ..)) in choices.into_iter().enumerate() {
            let here = Rc::downgrade(&step);
            let _ = step.radios[at].clone().on("change", move |_| {
                if let Some(step) = here.upgrade() {
                    step.chosen.set(Some(choice));
                    step.own.el.hide(choice != Choice::Own);
                    if choice == Choice::Own {
                        step.own.focus();
                    }
                    step.changed();
                }
            });
        }
        let here = Rc::downgrade(&step);
        step.own.on_input(move || {
            if let Some(step) = here.upgrade() {
                step.changed();
            }
        });
        step
    }

    /// The tip as it is filled in.
    pub fn tip(&self) -> Result<u64, Missing> {
        reckon(
            self.chosen.get(),
            &self.own.value(),
            self.bill,
            &self.policy,
        )
    }

    /// Shows what is missing, or asks once more about a large tip.
    ///
    /// # Errors
    ///
    /// How much is to be corrected; 0 when the buyer is asked.
    pub fn check(&self) -> Result<u64, usize> {
        let tip = match self.tip() {
            Ok(tip) => tip,
            Err(missing) => {
                self.complain(Some(missing));
                return Err(1);
            }
        };
        self.complain(None);
        if self.policy.asks_again(self.bill, tip) && self.meant.kept.get() != Some(tip) {
            self.ask(tip);
            return Err(0);
        }
        Ok(tip)
    }

    /// What is paid in all, as it is filled in.
    pub fn total(&self) -> Money {
        with_tip(self.bill, self.tip().unwrap_or_default()).unwrap_or(self.bill)
    }

    pub fn freeze(&self, frozen: bool) {
        for radio in &self.radios {
            radio.toggle("disabled", frozen);
        }
        self.own.freeze(frozen);
    }

    pub fn focus(&self) {
        if let Some(first) = self.radios.first() {
            first.focus();
        }
    }

    fn changed(&self) {
        self.complain(None);
        self.sure.hide(true);
        self.sure_text.set_text("");
        (self.around.retitle)();
    }

    fn complain(&self, missing: Option<Missing>) {
        let texts = self.texts;
        let at_field = match missing {
            Some(Missing::Amount) => Some(String::from(texts.flux_tip_unreadable)),
            Some(Missing::Above(most)) => Some(fill(
                texts.flux_tip_above,
                "amount",
                &self.around.locale.money(most),
            )),
            Some(Missing::Choice) | None => None,
        };
        self.own.set_error(at_field.as_deref());
        let choice = missing == Some(Missing::Choice);
        self.error.hide(!choice);
        self.error_text
            .set_text(if choice { texts.flux_tip_missing } else { "" });
        if choice {
            self.focus();
        } else if at_field.is_some() {
            self.own.focus();
        }
    }

    fn ask(&self, tip: u64) {
        let amount = Money::from_minor(tip, self.bill.currency())
            .map(|tip| self.around.locale.money(tip))
            .unwrap_or_default();
        let percent = self.policy.confirm_percent.to_string();
        let question = fill(
            &fill(self.texts.flux_tip_sure, "amount", &amount),
            "percent",
            &percent,
        );
        self.meant.asked.set(Some(tip));
        self.sure.hide(false);
        self.sure_text.set_text(&question);
        self.yes
            .set_text(&fill(self.texts.flux_tip_keep, "amount", &amount));
        self.yes.el.focus();
    }
}
