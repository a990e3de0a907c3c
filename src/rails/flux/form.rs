//! The form: the tip first, where one is taken, then the code. A code that is read is charged at once.

use alloc::rc::Rc;
use alloc::string::String;
use core::cell::Cell;

use ventanilla_core::api::StartAttempt;
use ventanilla_core::money::Money;
use ventanilla_core::rails::Rail;
use ventanilla_core::rails::flux::{FluxOffer, FluxStart, with_tip};

use super::reader::Reader;
use super::tip_step::TipStep;
use crate::element::events::Choice;
use crate::element::{Later, at_once};
use crate::error::{self, Trouble};
use crate::locale::Texts;
use crate::locale::fill;
use crate::rails::{RailForm, Surroundings};
use crate::ui::{Button, El, button, el};

/// The Flux rail's form.
#[must_use]
pub fn open(offer: &FluxOffer, around: &Rc<Surroundings>) -> Rc<dyn RailForm> {
    let texts = around.locale.texts;
    let phone = is_phone();
    let tip = offer
        .tip
        .clone()
        .map(|policy| TipStep::new(policy, around, texts));
    let reader = Reader::new(around, texts, phone);
    let sums = el("dl", "vt-list vt-sums");
    let change = button("button", "vt-second", texts.flux_tip_change);
    let second = el("div", "")
        .child(sums.clone())
        .child(change.el.clone())
        .child(reader.el.clone());
    let whole = el("div", "vt-inside");
    if let Some(tip) = &tip {
        whole.append(&tip.el);
    }
    whole.append(&second);
    let form = Rc::new(FluxForm {
        el: whole,
        around: Rc::clone(around),
        texts,
        phone,
        given: Cell::new(None),
        tip,
        reader,
        sums,
        change,
        second,
    });
    form.turn_to(form.tip.is_none().then_some(0));
    let here = Rc::downgrade(&form);
    let _ = form.change.clone().on_press(move || {
        if let Some(form) = here.upgrade() {
            form.reader.clear();
            form.turn_to(None);
            if let Some(tip) = &form.tip {
                tip.focus();
            }
        }
    });
    form
}

struct FluxForm {
    el: El,
    around: Rc<Surroundings>,
    texts: &'static Texts,
    phone: bool,
    /// The tip, once the buyer has gone on from it.
    given: Cell<Option<u64>>,
    tip: Option<Rc<TipStep>>,
    reader: Rc<Reader>,
    sums: El,
    change: Button,
    second: El,
}

impl FluxForm {
    /// Turns to the code, with a tip, or back to the tip.
    fn turn_to(&self, given: Option<u64>) {
        self.given.set(given);
        if let Some(tip) = &self.tip {
            tip.el.hide(given.is_some());
        }
        self.second.hide(given.is_none());
        self.change.el.hide(self.tip.is_none());
        self.sums.set_text("");
        if let (Some(tip), true) = (given, self.tip.is_some()) {
            self.add_up(tip);
        }
        (self.around.retitle)();
    }

    /// Bill, tip and total: before anything is read.
    fn add_up(&self, tip: u64) {
        let (bill, locale) = (self.around.checkout.total, &self.around.locale);
        let tip = Money::from_minor(tip, bill.currency()).unwrap_or(bill);
        let row = |name: &str, money: Money| {
            el("div", "")
                .child(el("dt", "").text(name))
                .child(el("dd", "").text(&locale.money(money)))
        };
        self.sums.append(&row(self.texts.flux_bill, bill));
        self.sums.append(&row(self.texts.flux_tip_amount, tip));
        self.sums.append(&row(self.texts.flux_total, self.total()));
    }

    fn total(&self) -> Money {
        let bill = self.around.checkout.total;
        match (self.given.get(), &self.tip) {
            (Some(tip), _) => with_tip(bill, tip).unwrap_or(bill),
            (None, Some(step)) => step.total(),
            (None, None) => bill,
        }
    }

    fn tell(&self, complete: bool) {
        (self.around.changed)(&Choice {
            rail: Rail::Flux,
            complete,
            brand: None,
            last4: None,
        });
    }
}

impl RailForm for FluxForm {
    fn el(&self) -> &El {
        &self.el
    }

    fn deed(&self) -> Option<String> {
        let texts = self.around.locale.texts;
        let text = if self.given.get().is_some() {
            texts.pay
        } else {
            self.texts.flux_go_on
        };
        Some(fill(
            text,
            "amount",
            &self.around.locale.money(self.total()),
        ))
    }

    fn check(&self) -> Result<(), usize> {
        match (&self.tip, self.given.get()) {
            (Some(step), None) => {
                let tip = step.check()?;
                self.turn_to(Some(tip));
                self.tell(false);
                if self.phone {
                    (self.around.say)(self.texts.flux_copy_code);
                    self.reader.focus_first();
                } else {
                    self.reader.focus();
                    // The press that leads here asks for it: at a till or a kiosk there is one way.
                    self.reader.open_camera();
                }
                Err(0)
            }
            _ => {
                self.reader.check()?;
                self.tell(true);
                Ok(())
            }
        }
    }

    fn start(&self) -> Later<Result<StartAttempt, Trouble>> {
        let start = self.reader.take_code().map(|code| StartAttempt {
            rail: Rail::Flux,
            card: None,
            cvu: None,
            flux: Some(FluxStart::new(&code, self.given.get().unwrap_or_default())),
            flexiti: None,
        });
        at_once(start.ok_or_else(|| error::INTERNAL.into()))
    }

    fn clear(&self) {
        self.reader.clear();
    }

    fn leave(&self) {
        self.reader.leave();
    }

    fn freeze(&self, frozen: bool) {
        self.reader.freeze(frozen);
        self.change.el.toggle("disabled", frozen);
        if let Some(tip) = &self.tip {
            tip.freeze(frozen);
        }
    }

    fn focus(&self) {
        match (&self.tip, self.given.get()) {
            (Some(tip), None) => tip.focus(),
            _ => self.reader.focus_first(),
        }
    }
}

/// By the screen and not by the frame, which is narrow on any device. A phone cannot see its own screen; whatever
/// is larger stands at a till, a table or a kiosk.
fn is_phone() -> bool {
    web_sys::window()
        .and_then(|window| {
            window
                .match_media("(max-device-width: 600px)")
                .ok()
                .flatten()
        })
        .is_some_and(|query| query.matches())
}
