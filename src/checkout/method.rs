//! The methods, the chosen one's form, and the pay button.

use alloc::rc::Rc;
use alloc::string::String;
use alloc::vec::Vec;
use core::cell::Cell;

use ventanilla_core::api::StartAttempt;
use ventanilla_core::problem::Fault;
use ventanilla_core::rails::Rail;
use ventanilla_core::rails::cvu::Presentation;

use super::room::Room;
use super::state::News;
use crate::element::events::Event;
use crate::element::{Later, at_once};
use crate::error::{self, Trouble};
use crate::locale::{Texts, fill};
use crate::rails::{self, RailForm};
use crate::ui::{Button, El, Icon, button, el, fresh_id, icon};

/// The form: one row per rail, the chosen one opened in place; what was typed in the others stays.
pub struct Methods {
    /// The element.
    pub el: El,
    methods: Vec<Method>,
    chosen: Cell<usize>,
    alert: El,
    pay: Button,
    /// About cards, and where nobody else can read them.
    privacy: El,
    texts: &'static Texts,
    amount: String,
    busy: Cell<bool>,
}

/// A rail, its form, and the button that opens it, where there are several.
struct Method {
    rail: Rail,
    form: Rc<dyn RailForm>,
    radio: Option<El>,
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
        let mut methods = Vec::new();
        let mut troubles = Vec::new();
        for rail in rails {
            let around = room.surroundings().ok_or(error::INTERNAL)?;
            match rails::open(rail, around) {
                Ok(form) => methods.push(Method {
                    rail,
                    form,
                    radio: None,
                }),
                Err(trouble) => troubles.push(trouble),
            }
        }
        if methods.is_empty() {
            let trouble = troubles.pop();
            return Err(trouble.unwrap_or_else(|| error::RAIL_NOT_OFFERED.into()));
        }
        for trouble in troubles {
            room.tell(&Event::Error(trouble));
        }

        let amount = room.locale().money(checkout.total);
        let pay = button("submit", "vt-first vt-pay", "");
        // There from the start, or a screen reader misses the first thing it says.
        let alert = el("div", "vt-alert").attr("role", "alert");
        let list = el("div", "vt-methods");
        let form = el("form", "vt-form")
            .attr("novalidate", "")
            .child(list.clone())
            .child(alert.clone())
            .child(pay.el.clone());
        let privacy = el("p", "vt-privacy");
        if room.is_framed() {
            form.append(
                &privacy
                    .clone()
                    .child(icon(Icon::Lock))
                    .child(el("span", "").text(&fill(texts.privacy, "payee", &checkout.payee))),
            );
        }
        draw_radios(&mut methods);
        let methods = Rc::new(Self {
            el: form.clone(),
            methods,
            chosen: Cell::new(0),
            alert,
            pay,
            privacy,
            texts,
            amount,
            busy: Cell::new(false),
        });
        methods.draw(&list);
        methods.choose(0);
        let (at, room) = (Rc::downgrade(&methods), Rc::downgrade(room));
        let _ = form.on("submit", move |event| {
            event.prevent_default();
            if let (Some(methods), Some(room)) = (at.upgrade(), room.upgrade()) {
                methods.submit(&room);
            }
        });
        Ok(methods)
    }

    /// The rail whose row is open.
    pub fn rail(&self) -> Option<Rail> {
        self.method().map(|method| method.rail)
    }

    /// The start of what is filled in now; an error when it cannot be sealed.
    pub fn start(&self) -> Later<Result<StartAttempt, Trouble>> {
        match self.method() {
            Some(method) => method.form.start(),
            None => at_once(Err(error::INTERNAL.into())),
        }
    }

    /// Empties what must not stay.
    pub fn clear(&self) {
        for method in &self.methods {
            method.form.clear();
        }
    }

    /// Lets go of what only a form on screen may hold.
    pub fn leave(&self) {
        for method in &self.methods {
            method.form.leave();
        }
    }

    /// Moves the focus to where the buyer begins.
    pub fn focus(&self) {
        if let Some(method) = self.method() {
            method.form.focus();
        }
    }

    /// Opens the CVU rail's row and turns it to a presentation.
    pub fn prefer(&self, wanted: Presentation) {
        for (index, method) in self.methods.iter().enumerate() {
            if method.rail == Rail::Cvu {
                method.form.prefer(wanted);
                self.choose(index);
            }
        }
    }

    /// Shows a payment under way, or why the last one was not started.
    pub fn show(&self, busy: bool, alert: Option<&Trouble>) {
        self.busy.set(busy);
        self.name_the_deed();
        self.el
            .set("aria-busy", if busy { "true" } else { "false" });
        for method in &self.methods {
            method.form.freeze(busy);
            if let Some(radio) = &method.radio {
                radio.toggle("disabled", busy);
            }
        }
        self.alert.set_text("");
        if let Some(trouble) = alert {
            let text = alert_text(self.rail().unwrap_or(Rail::Card), trouble, self.texts);
            self.alert.append(&icon(Icon::Alert));
            self.alert.append(&el("span", "").text(&text));
        }
    }

    fn method(&self) -> Option<&Method> {
        self.methods.get(self.chosen.get())
    }

    /// Shows on the pay button what it does.
    pub fn name_the_deed(&self) {
        let busy = self.busy.get();
        if let Some(method) = self.method() {
            let (idle, working) = rails::deed(method.rail, self.texts);
            let text = if busy {
                String::from(working)
            } else {
                let own = method.form.deed();
                own.unwrap_or_else(|| fill(idle, "amount", &self.amount))
            };
            self.pay.set_busy(busy, &text);
        }
    }

    /// Does what the pay button does.
    pub fn submit(&self, room: &Rc<Room>) {
        if self.busy.get() {
            return;
        }
        let Some(method) = self.method() else {
            return;
        };
        match method.form.check() {
            Err(0) => {}
            Err(count) => room.say(&self.texts.to_correct(count)),
            Ok(()) => room.take(News::PayPressed(method.rail)),
        }
    }

    fn draw(self: &Rc<Self>, list: &El) {
        let alone = self.methods.len() == 1;
        if !alone {
            list.set("role", "group");
            list.set("aria-label", self.texts.methods);
        }
        for (index, method) in self.methods.iter().enumerate() {
            let (sign, name, line) = rails::face(method.rail, self.texts);
            let row_text = el("span", "vt-row-text")
                .child(el("span", "vt-name").text(name))
                .child(el("span", "vt-hint").text(line));
            let row = el(if alone { "div" } else { "label" }, "vt-row vt-method-row");
            if let Some(radio) = &method.radio {
                let at = Rc::downgrade(self);
                row.append(&radio.clone().on("change", move |_| {
                    if let Some(methods) = at.upgrade() {
                        methods.choose(index);
                    }
                }));
            }
            row.append(&icon(sign));
            row.append(&row_text);
            let opened = el("div", "vt-method")
                .child(row)
                .child(method.form.el().clone());
            list.append(&opened);
        }
    }

    fn choose(&self, index: usize) {
        self.chosen.set(index);
        for (each, method) in self.methods.iter().enumerate() {
            let chosen = each == index;
            method.form.el().hide(!chosen);
            if let Some(radio) = &method.radio {
                radio.check(chosen);
            }
            if !chosen {
                method.form.leave();
            } else {
                self.privacy.hide(method.rail != Rail::Card);
            }
        }
        self.name_the_deed();
    }
}

/// Why a press of a button came to nothing. No money moved.
pub fn alert_text(rail: Rail, trouble: &Trouble, texts: &Texts) -> String {
    if trouble.is(error::SAVED_CARD_UNKNOWN) {
        return String::from(texts.alert_saved_card);
    }
    match trouble.fault {
        Fault::Network => String::from(texts.alert_network),
        Fault::Provider => String::from(rails::unavailable(rail, texts)),
        Fault::Buyer | Fault::Integration | Fault::Internal => {
            fill(texts.alert_shop, "code", &trouble.code)
        }
    }
}

/// Nothing is to be chosen where there is one method.
fn draw_radios(methods: &mut [Method]) {
    if methods.len() == 1 {
        return;
    }
    let group = fresh_id("method");
    for method in methods {
        let radio = el("input", "vt-radio")
            .attr("type", "radio")
            .attr("name", &group);
        method.radio = Some(radio);
    }
}
