//! The methods, the chosen one's form, and the pay button.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use ventanilla_core::api::StartAttempt;
use ventanilla_core::problem::Fault;
use ventanilla_core::rails::Rail;

use super::room::Room;
use super::state::News;
use crate::element::events::Event;
use crate::error::{self, Trouble};
use crate::locale::{Texts, fill};
use crate::rails::{self, RailForm, Surroundings};
use crate::ui::{Button, El, Icon, button, el, fresh_id, icon};

/// The form: one row per rail, the chosen one opened in place; what was typed in the others stays.
pub struct Methods {
    /// The element.
    pub el: El,
    forms: Vec<(Rail, Rc<dyn RailForm>)>,
    chosen: Cell<usize>,
    alert: El,
    pay: Button,
    texts: &'static Texts,
    pay_text: String,
    busy: RefCell<bool>,
}

impl Methods {
    /// The form for a session's rails.
    ///
    /// # Errors
    ///
    /// When none of them can be paid with.
    pub fn open(room: &Rc<Room>, wanted: &str) -> Result<Rc<Self>, Trouble> {
        let checkout = room.checkout().ok_or(error::INTERNAL)?;
        let texts = room.texts();
        let rails = rails::in_order(&checkout.rails, wanted);
        let mut forms = Vec::new();
        let mut trouble = Trouble::from(error::RAIL_NOT_OFFERED);
        for rail in rails {
            let (told, heard) = (Rc::downgrade(room), Rc::downgrade(room));
            let around = Surroundings {
                locale: room.locale(),
                checkout: checkout.clone(),
                changed: Rc::new(move |choice| {
                    if let Some(room) = told.upgrade() {
                        room.tell(&Event::Change(choice.clone()));
                    }
                }),
                say: Rc::new(move |text| {
                    if let Some(room) = heard.upgrade() {
                        room.say(text);
                    }
                }),
            };
            match rails::open(rail, around) {
                Ok(form) => forms.push((rail, form)),
                Err(found) => trouble = found,
            }
        }
        if forms.is_empty() {
            return Err(trouble);
        }

        let pay_text = fill(texts.pay, "amount", &room.locale().money(checkout.total));
        let pay = button("submit", "vt-first vt-pay", &pay_text);
        // There from the start, or a screen reader misses the first thing it says.
        let alert = el("div", "vt-alert").attr("role", "alert");
        let list = el("div", "vt-methods");
        let form = el("form", "vt-form")
            .attr("novalidate", "")
            .child(list.clone())
            .child(alert.clone())
            .child(pay.el.clone());
        if room.is_framed() {
            form.append(
                &el("p", "vt-privacy")
                    .child(icon(Icon::Lock))
                    .child(el("span", "").text(&fill(texts.privacy, "payee", &checkout.payee))),
            );
        }
        let methods = Rc::new(Self {
            el: form.clone(),
            forms,
            chosen: Cell::new(0),
            alert,
            pay,
            texts,
            pay_text,
            busy: RefCell::new(false),
        });
        methods.draw(&list);
        let (at, room) = (Rc::downgrade(&methods), Rc::downgrade(room));
        let _ = form.on("submit", move |event| {
            event.prevent_default();
            if let (Some(methods), Some(room)) = (at.upgrade(), room.upgrade()) {
                methods.submitted(&room);
            }
        });
        Ok(methods)
    }

    /// The rail whose row is open.
    pub fn rail(&self) -> Option<Rail> {
        self.forms.get(self.chosen.get()).map(|(rail, _)| *rail)
    }

    /// The start of what is filled in.
    ///
    /// # Errors
    ///
    /// When it cannot be sealed.
    pub fn start(&self) -> Result<StartAttempt, Trouble> {
        self.form().ok_or(error::INTERNAL)?.start()
    }

    /// Empties what must not stay.
    pub fn clear(&self) {
        for (_, form) in &self.forms {
            form.clear();
        }
    }

    /// Moves the focus to where the buyer begins.
    pub fn focus(&self) {
        if let Some(form) = self.form() {
            form.focus();
        }
    }

    /// Shows a payment under way, or why the last one was not started.
    pub fn show(&self, busy: bool, alert: Option<&Trouble>) {
        self.busy.replace(busy);
        self.pay.set_busy(
            busy,
            if busy {
                self.texts.paying
            } else {
                &self.pay_text
            },
        );
        self.el
            .set("aria-busy", if busy { "true" } else { "false" });
        for (_, form) in &self.forms {
            form.freeze(busy);
        }
        self.alert.set_text("");
        if let Some(trouble) = alert {
            let text = self.alert_text(trouble);
            self.alert.append(&icon(Icon::Alert));
            self.alert.append(&el("span", "").text(&text));
        }
    }

    fn alert_text(&self, trouble: &Trouble) -> String {
        let texts = self.texts;
        if trouble.is(error::SAVED_CARD_UNKNOWN) {
            return String::from(texts.alert_saved_card);
        }
        match trouble.fault {
            Fault::Network => String::from(texts.alert_network),
            Fault::Provider => String::from(texts.alert_provider),
            Fault::Buyer | Fault::Integration | Fault::Internal => {
                fill(texts.alert_shop, "code", &trouble.code)
            }
        }
    }

    fn form(&self) -> Option<&Rc<dyn RailForm>> {
        self.forms.get(self.chosen.get()).map(|(_, form)| form)
    }

    fn submitted(&self, room: &Rc<Room>) {
        if *self.busy.borrow() {
            return;
        }
        match self.form().map(|form| form.check()) {
            Some(Err(count)) => room.say(&self.texts.to_correct(count)),
            Some(Ok(())) => room.take(News::PayPressed),
            None => {}
        }
    }

    fn draw(self: &Rc<Self>, list: &El) {
        let group = fresh_id("method");
        let alone = self.forms.len() == 1;
        if !alone {
            list.set("role", "group");
            list.set("aria-label", self.texts.methods);
        }
        for (index, (rail, form)) in self.forms.iter().enumerate() {
            let (sign, name, line) = rails::face(*rail, self.texts);
            let row_text = el("span", "vt-row-text")
                .child(el("span", "vt-name").text(name))
                .child(el("span", "vt-hint").text(line));
            let row = el(if alone { "div" } else { "label" }, "vt-row vt-method-row");
            if !alone {
                let radio = el("input", "vt-radio")
                    .attr("type", "radio")
                    .attr("name", &group);
                radio.toggle("checked", index == 0);
                let at = Rc::downgrade(self);
                row.append(&radio.on("change", move |_| {
                    if let Some(methods) = at.upgrade() {
                        methods.choose(index);
                    }
                }));
            }
            row.append(&icon(sign));
            row.append(&row_text);
            form.el().hide(index != 0);
            list.append(&el("div", "vt-method").child(row).child(form.el().clone()));
        }
    }

    fn choose(&self, index: usize) {
        self.chosen.set(index);
        for (each, (_, form)) in self.forms.iter().enumerate() {
            form.el().hide(each != index);
        }
    }
}
