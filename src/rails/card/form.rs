//! The fields of a card.

use alloc::rc::Rc;
use alloc::string::String;
use core::cell::{Cell, RefCell};

use js_sys::Date;
use ventanilla_core::card::typing::{self, Typed};
use ventanilla_core::card::{Brand, Card, Cvc, Expiry, Holder, Pan, PanError, YearMonth};
use ventanilla_core::rails::Rail;
use web_sys::HtmlInputElement;

use crate::element::events::Choice;
use crate::locale::{Texts, fill};
use crate::rails::Surroundings;
use crate::ui::{El, Field, FieldTexts, el, fresh_id};

/// Number, expiry, CVC, holder, and the box that saves the card.
pub struct Form {
    /// The fields.
    pub el: El,
    /// The box that saves the card.
    pub consent: Option<El>,
    fields: Rc<Fields>,
}

struct Fields {
    around: Rc<Surroundings>,
    number: Field,
    badge: El,
    expiry: Field,
    /// Tells deleting from typing.
    expiry_before: RefCell<Option<Typed>>,
    cvc: Field,
    holder: Field,
    save: Option<El>,
    brand: Cell<Option<Brand>>,
    now: YearMonth,
}

/// What follows from a change of a field's text.
type Edit = fn(&Fields);

/// Which field, and how to judge it.
type Judge = fn(&Fields) -> (&Field, Option<String>);

const JUDGES: [Judge; 4] = [
    Fields::judge_number,
    Fields::judge_expiry,
    Fields::judge_cvc,
    Fields::judge_holder,
];

impl Form {
    pub fn new(around: &Rc<Surroundings>, may_save: bool) -> Self {
        let texts = around.locale.texts;
        let field = |label, hint, placeholder, autocomplete, inputmode, max_length| {
            let texts = FieldTexts {
                label,
                hint,
                placeholder,
            };
            Field::new(&texts, autocomplete, inputmode, max_length)
        };
        // Longer than any card has them, so that a pasted number with odd spacing is not cut.
        let number = field(texts.number, "", "", "cc-number", "numeric", "60");
        let expiry = field(
            texts.expiry,
            texts.expiry_hint,
            texts.expiry_placeholder,
            "cc-exp",
            "numeric",
            "20",
        );
        let cvc = field(texts.cvc, texts.cvc_hint, "", "cc-csc", "numeric", "10");
        let holder = field(texts.holder, texts.holder_hint, "", "cc-name", "text", "80");
        let badge = el("span", "vt-badge").attr("aria-hidden", "true");
        badge.hide(true);
        number.append(&badge);
        let save = may_save.then(|| {
            el("input", "vt-check")
                .attr("type", "checkbox")
                .attr("id", &fresh_id("save"))
        });

        let form = el("div", "vt-fields").children([
            number.el.clone(),
            el("div", "vt-pair")
                .child(expiry.el.clone())
                .child(cvc.el.clone()),
            holder.el.clone(),
        ]);
        let fields = Rc::new(Fields {
            around: Rc::clone(around),
            number,
            badge,
            expiry,
            expiry_before: RefCell::default(),
            cvc,
            holder,
            save,
            brand: Cell::new(None),
            now: month_now(&around.checkout.server_time),
        });
        for judge in JUDGES {
            let (field, _) = judge(&fields);
            let at = Rc::downgrade(&fields);
            field.on_leave(move || {
                if let Some(fields) = at.upgrade() {
                    fields.left(judge);
                }
            });
        }
        let consent = fields.save.as_ref().map(|save| consent(save, texts));
        Self {
            el: form,
            consent,
            fields,
        }
    }

    pub fn on_change(&self, changed: &Rc<dyn Fn()>) {
        let edits: [(&Field, Edit); 4] = [
            (&self.fields.number, Fields::number_typed),
            (&self.fields.expiry, Fields::expiry_typed),
            (&self.fields.cvc, Fields::cvc_typed),
            (&self.fields.holder, |_| ()),
        ];
        for ((field, typed), judge) in edits.into_iter().zip(JUDGES) {
            let (at, changed) = (Rc::downgrade(&self.fields), Rc::clone(changed));
            field.on_input(move || {
                if let Some(fields) = at.upgrade() {
                    typed(&fields);
                    fields.clear_if_right(judge);
                }
                changed();
            });
        }
    }

    pub fn check(&self) -> Result<(), usize> {
        let mut count = 0;
        for judge in JUDGES {
            let (field, error) = judge(&self.fields);
            field.set_error(error.as_deref());
            if error.is_some() {
                if count == 0 {
                    field.focus();
                }
                count += 1;
            }
        }
        if count == 0 { Ok(()) } else { Err(count) }
    }

    /// The card, when nothing is wrong with it.
    pub fn card(&self) -> Option<Card> {
        let fields = &self.fields;
        let pan = Pan::parse(&fields.number.value()).ok()?;
        let cvc = Cvc::parse(&fields.cvc.value(), pan.brand()).ok()?;
        let expiry = Expiry::parse(&fields.expiry.value(), fields.now).ok()?;
        let holder = Holder::parse(&fields.holder.value()).ok()?;
        Some(Card {
            pan,
            expiry,
            cvc,
            holder,
        })
    }

    pub fn choice(&self) -> Choice {
        let pan = Pan::parse(&self.fields.number.value()).ok();
        Choice {
            rail: Rail::Card,
            complete: self.card().is_some(),
            brand: self.fields.brand.get(),
            last4: pan.map(|pan| String::from(pan.last4().as_str())),
        }
    }

    pub fn wants_saving(&self) -> bool {
        self.fields
            .save
            .as_ref()
            .is_some_and(|save| save.as_node::<HtmlInputElement>().checked())
    }

    /// Empties everything but the name, which is no secret and tedious to type.
    pub fn clear(&self) {
        let fields = &self.fields;
        for field in [&fields.number, &fields.expiry, &fields.cvc] {
            field.clear();
            field.set_error(None);
        }
        fields.expiry_before.take();
        fields.number_typed();
    }

    pub fn freeze(&self, frozen: bool) {
        let fields = &self.fields;
        for field in [&fields.number, &fields.expiry, &fields.cvc, &fields.holder] {
            field.freeze(frozen);
        }
        if let Some(save) = &fields.save {
            save.toggle("disabled", frozen);
        }
    }

    pub fn focus(&self) {
        self.fields.number.focus();
    }
}

impl Fields {
    fn texts(&self) -> &'static Texts {
        self.around.locale.texts
    }

    fn number_typed(&self) {
        let typed = typing::card_number(&self.number.value(), self.number.caret());
        self.number.retype(&typed.text, typed.caret);
        let brand = Brand::of_prefix(&typed.text);
        if brand == self.brand.replace(brand) {
            return;
        }
        let texts = self.texts();
        let name = brand.map_or("", Brand::display_name);
        self.badge.set_text(name);
        self.badge.hide(brand.is_none());
        self.cvc.set_hint(match brand {
            Some(Brand::Amex) => texts.cvc_hint_front,
            _ => texts.cvc_hint,
        });
        // Shown too late to be heard otherwise: the field is in the middle of being typed in.
        if brand.is_some() {
            (self.around.say)(&fill(texts.brand_found, "brand", name));
        }
        self.cvc_typed();
        self.clear_if_right(Self::judge_cvc);
    }

    fn expiry_typed(&self) {
        let typed = {
            let before = self.expiry_before.borrow();
            let before = before.as_ref().map_or("", |before| before.text.as_str());
            typing::expiry(&self.expiry.value(), self.expiry.caret(), before)
        };
        self.expiry.retype(&typed.text, typed.caret);
        self.expiry_before.replace(Some(typed));
    }

    fn cvc_typed(&self) {
        let typed = typing::cvc(&self.cvc.value(), self.cvc.caret(), self.brand.get());
        self.cvc.retype(&typed.text, typed.caret);
    }

    fn left(&self, judge: Judge) {
        let (field, error) = judge(self);
        // Passing through an empty field is no mistake yet.
        if !field.value().trim().is_empty() {
            field.set_error(error.as_deref());
        }
    }

    fn clear_if_right(&self, judge: Judge) {
        let (field, error) = judge(self);
        if field.has_error() && error.is_none() {
            field.set_error(None);
        }
    }

    fn judge_number(&self) -> (&Field, Option<String>) {
        let error = Pan::parse(&self.number.value()).err();
        (
            &self.number,
            error.map(|error: PanError| self.texts().pan_error(error)),
        )
    }

    fn judge_expiry(&self) -> (&Field, Option<String>) {
        let error = Expiry::parse(&self.expiry.value(), self.now).err();
        (
            &self.expiry,
            error.map(|error| String::from(self.texts().expiry_error(error))),
        )
    }

    fn judge_cvc(&self) -> (&Field, Option<String>) {
        let error = Cvc::parse(&self.cvc.value(), self.brand.get()).err();
        (&self.cvc, error.map(|error| self.texts().cvc_error(error)))
    }

    fn judge_holder(&self) -> (&Field, Option<String>) {
        let error = Holder::parse(&self.holder.value()).err();
        (
            &self.holder,
            error.map(|error| String::from(self.texts().holder_error(error))),
        )
    }
}

fn consent(save: &El, texts: &Texts) -> El {
    let id = save.node().id();
    let below = fresh_id("below");
    save.set("aria-describedby", &below);
    el("div", "vt-consent")
        .child(save.clone())
        .child(el("label", "").attr("for", &id).text(texts.save_card))
        .child(
            el("p", "vt-hint")
                .attr("id", &below)
                .text(texts.save_card_hint),
        )
}

/// The month it is where the buyer is, by the proxy's clock: the buyer's own may be years off.
fn month_now(server_time: &str) -> YearMonth {
    let told = Date::new(&server_time.into());
    let date = if told.get_time().is_nan() {
        Date::new_0()
    } else {
        told
    };
    YearMonth {
        year: u16::try_from(date.get_full_year()).unwrap_or(u16::MAX),
        month: u8::try_from(date.get_month() + 1).unwrap_or(1),
    }
}
