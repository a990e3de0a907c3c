//! Who the buyer is, and where the bill goes.
//!
//! Name and postal code are asked for once, though the provider wants them twice: of the person, and of the
//! address.

use alloc::rc::Rc;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use core::cell::Cell;

use ventanilla_core::api::StartAttempt;
use ventanilla_core::rails::Rail;
use ventanilla_core::rails::flexiti::{
    Day, FlexitiOffer, FlexitiStart, Identification, IdentificationKind, IdentityError, PROVINCES,
    Person, PostalAddress, check_account_number, check_birth_date, check_line, check_name,
    check_postal_code,
};

use super::{dashed, language};
use crate::element::events::Choice;
use crate::element::{Later, at_once};
use crate::error::{self, Trouble};
use crate::locale::{Texts, fill};
use crate::rails::{RailForm, Surroundings};
use crate::ui::{El, Field, FieldTexts, Select, el, fresh_id};

/// The Flexiti rail's form.
#[must_use]
pub fn open(offer: &FlexitiOffer, around: &Rc<Surroundings>) -> Rc<dyn RailForm> {
    let texts = around.locale.texts;
    let who = Rc::new(Who::new(offer, around));
    let whole = el("div", "vt-inside");
    if let Some(choice) = &who.choice {
        whole.append(choice);
    }
    let at = |part: Part| who.entry(part).field.el.clone();
    whole.append(&el("div", "vt-fields").children([
        at(Part::Account),
        pair(at(Part::FirstName), at(Part::LastName)),
        at(Part::BirthDate),
    ]));
    whole.append(
        &el("fieldset", "vt-rows")
            .child(el("legend", "vt-legend").text(texts.billing_address))
            .child(el("div", "vt-fields").children([
                at(Part::Line1),
                at(Part::Line2),
                at(Part::City),
                pair(who.province.el.clone(), at(Part::PostalCode)),
            ])),
    );
    if let Some(shipping) = &who.shipping {
        let line = fill(texts.delivered_to, "address", &one_line(shipping));
        whole.append(&el("p", "vt-hint").text(&line));
    }
    whole.append(&el("p", "vt-hint").text(texts.identity_privacy));
    who.watch();
    Rc::new(FlexitiForm { el: whole, who })
}

struct FlexitiForm {
    el: El,
    who: Rc<Who>,
}

struct Who {
    around: Rc<Surroundings>,
    by: Cell<IdentificationKind>,
    /// The choice between two ways to be looked up, where there are two.
    choice: Option<El>,
    radios: Vec<(IdentificationKind, El)>,
    entries: Vec<Entry>,
    province: Select,
    /// Where the shop sends the goods, as far as it said.
    shipping: Option<PostalAddress>,
    today: Day,
}

/// The fields, in the order in which they are looked at.
#[derive(Clone, Copy)]
enum Part {
    Account,
    FirstName,
    LastName,
    BirthDate,
    Line1,
    Line2,
    City,
    PostalCode,
}

struct Entry {
    field: Field,
    /// With what the shop knew.
    known: String,
    /// Says who the buyer is: emptied as soon as it is sent.
    is_identity: bool,
    /// Asked for only so.
    only_by: Option<IdentificationKind>,
    check: fn(&str, Day) -> Result<String, IdentityError>,
    if_empty: &'static str,
    if_odd: &'static str,
}

impl Who {
    fn new(offer: &FlexitiOffer, around: &Rc<Surroundings>) -> Self {
        let texts = around.locale.texts;
        let first = offer.identifications.first().copied();
        let by = Cell::new(first.unwrap_or(IdentificationKind::Person));
        let (choice, radios) = ways(&offer.identifications, by.get(), texts);
        let known = offer.billing.clone().unwrap_or_default();
        let province = Select::new(texts.province, "address-level1", &PROVINCES);
        province.choose(&known.province);
        Self {
            by,
            choice,
            radios,
            entries: entries(&known, texts),
            province,
            shipping: offer.shipping.clone().filter(is_whole),
            today: today(&around.checkout.server_time),
            around: Rc::clone(around),
        }
    }

    fn texts(&self) -> &'static Texts {
        self.around.locale.texts
    }

    fn entry(&self, part: Part) -> &Entry {
        &self.entries[part as usize]
    }

    /// Those that are asked for.
    fn asked(&self) -> impl Iterator<Item = &Entry> {
        self.entries
            .iter()
            .filter(|entry| entry.only_by.is_none_or(|by| by == self.by.get()))
    }

    fn watch(self: &Rc<Self>) {
        for (kind, radio) in &self.radios {
            let (kind, at) = (*kind, Rc::downgrade(self));
            let _ = radio.clone().on("change", move |_| {
                if let Some(who) = at.upgrade() {
                    who.look_up_by(kind);
                }
            });
        }
        for index in 0..self.entries.len() {
            let field = &self.entries[index].field;
            let at = Rc::downgrade(self);
            field.on_leave(move || {
                if let Some(who) = at.upgrade() {
                    who.left(&who.entries[index]);
                }
            });
            let at = Rc::downgrade(self);
            field.on_input(move || {
                if let Some(who) = at.upgrade() {
                    who.typed(&who.entries[index]);
                }
            });
        }
        let at = Rc::downgrade(self);
        self.province.on_change(move || {
            if let Some(who) = at.upgrade() {
                who.province.set_error(None);
                who.tell();
            }
        });
        self.look_up_by(self.by.get());
    }

    fn look_up_by(&self, kind: IdentificationKind) {
        self.by.set(kind);
        for entry in &self.entries {
            let hidden = entry.only_by.is_some_and(|by| by != kind);
            entry.field.el.hide(hidden);
        }
    }

    fn left(&self, entry: &Entry) {
        let typed = entry.field.value();
        // Passing through an empty field is no mistake yet.
        if typed.trim().is_empty() {
            return;
        }
        if core::ptr::eq(entry, self.entry(Part::BirthDate)) {
            entry.field.retype(&dashed(&typed), usize::MAX);
        }
        let wrong = self.wrong(entry);
        entry.field.set_error(wrong);
    }

    fn typed(&self, entry: &Entry) {
        if entry.field.has_error() && self.wrong(entry).is_none() {
            entry.field.set_error(None);
        }
        self.tell();
    }

    fn tell(&self) {
        (self.around.changed)(&Choice {
            rail: Rail::Flexiti,
            complete: self.start().is_some(),
            brand: None,
            last4: None,
        });
    }

    fn read(&self, entry: &Entry) -> Result<String, IdentityError> {
        (entry.check)(&entry.field.value(), self.today)
    }

    /// What to do about it.
    fn wrong(&self, entry: &Entry) -> Option<&'static str> {
        let texts = self.texts();
        Some(match self.read(entry).err()? {
            IdentityError::Empty => entry.if_empty,
            IdentityError::Form => entry.if_odd,
            IdentityError::TooLong => texts.too_long,
            IdentityError::NoSuchDay => texts.birth_date_no_day,
            IdentityError::TooYoung => texts.birth_date_too_young,
            IdentityError::TooOld => texts.birth_date_too_old,
        })
    }

    /// The start, when nothing is wrong with what was typed.
    fn start(&self) -> Option<FlexitiStart> {
        let value = |part| self.read(self.entry(part)).ok();
        let billing = PostalAddress {
            first_name: value(Part::FirstName)?,
            last_name: value(Part::LastName)?,
            line1: value(Part::Line1)?,
            line2: value(Part::Line2)?,
            city: value(Part::City)?,
            province: self.province.chosen()?,
            postal_code: value(Part::PostalCode)?,
        };
        let identification = match self.by.get() {
            IdentificationKind::Account => Identification::Account {
                account_number: value(Part::Account)?,
            },
            IdentificationKind::Person => Identification::Person(Person {
                first_name: billing.first_name.clone(),
                last_name: billing.last_name.clone(),
                birth_date: value(Part::BirthDate)?,
                postal_code: billing.postal_code.clone(),
            }),
        };
        let shipping = self.shipping.clone().map(|mut shipping| {
            shipping.first_name.clone_from(&billing.first_name);
            shipping.last_name.clone_from(&billing.last_name);
            shipping
        });
        Some(FlexitiStart {
            identification,
            billing,
            shipping,
            language: language(self.texts()),
        })
    }
}

impl RailForm for FlexitiForm {
    fn el(&self) -> &El {
        &self.el
    }

    fn check(&self) -> Result<(), usize> {
        let who = &self.who;
        let mut count = 0;
        for entry in who.asked() {
            let wrong = who.wrong(entry);
            entry.field.set_error(wrong);
            if wrong.is_some() {
                if count == 0 {
                    entry.field.focus();
                }
                count += 1;
            }
        }
        if who.province.chosen().is_none() {
            who.province.set_error(Some(who.texts().province_empty));
            if count == 0 {
                who.province.focus();
            }
            count += 1;
        }
        if count == 0 { Ok(()) } else { Err(count) }
    }

    fn start(&self) -> Later<Result<StartAttempt, Trouble>> {
        let start = self.who.start().map(|start| StartAttempt {
            rail: Rail::Flexiti,
            card: None,
            cvu: None,
            flux: None,
            flexiti: Some(start),
        });
        at_once(start.ok_or_else(|| error::INTERNAL.into()))
    }

    /// Empties what says who the buyer is. Where they live stays, for another try.
    fn clear(&self) {
        for entry in self.who.entries.iter().filter(|entry| entry.is_identity) {
            entry.field.clear();
            entry.field.retype(&entry.known, 0);
            entry.field.set_error(None);
        }
    }

    fn freeze(&self, frozen: bool) {
        for entry in &self.who.entries {
            entry.field.freeze(frozen);
        }
        for (_, radio) in &self.who.radios {
            radio.toggle("disabled", frozen);
        }
        self.who.province.freeze(frozen);
    }

    fn focus(&self) {
        let by = self.who.by.get();
        match self.who.radios.iter().find(|(kind, _)| *kind == by) {
            Some((_, radio)) => radio.focus(),
            None => {
                if let Some(entry) = self.who.asked().next() {
                    entry.field.focus();
                }
            }
        }
    }
}

/// The choice between the ways to be looked up, and its radios.
fn ways(
    kinds: &[IdentificationKind],
    first: IdentificationKind,
    texts: &Texts,
) -> (Option<El>, Vec<(IdentificationKind, El)>) {
    if kinds.len() < 2 {
        return (None, Vec::new());
    }
    let group = fresh_id("by");
    let list = el("fieldset", "vt-rows").child(el("legend", "vt-legend").text(texts.look_up_by));
    let mut radios = Vec::new();
    for kind in kinds {
        let name = match kind {
            IdentificationKind::Account => texts.by_account,
            IdentificationKind::Person => texts.by_person,
        };
        let radio = el("input", "vt-radio")
            .attr("type", "radio")
            .attr("name", &group);
        radio.toggle("checked", *kind == first);
        let row_text = el("span", "vt-row-text").child(el("span", "").text(name));
        list.append(&el("label", "vt-row").child(radio.clone()).child(row_text));
        radios.push((*kind, radio));
    }
    (Some(list), radios)
}

/// The fields, in the order of [`Part`].
fn entries(known: &PostalAddress, texts: &'static Texts) -> Vec<Entry> {
    let field = |label, hint, autocomplete, inputmode, max_length| {
        let texts = FieldTexts {
            label,
            hint,
            placeholder: "",
        };
        Field::new(&texts, autocomplete, inputmode, max_length)
    };
    let name = |label, autocomplete, if_empty| Entry {
        field: field(label, "", autocomplete, "text", "80").of_names(),
        known: String::new(),
        is_identity: true,
        only_by: None,
        check: |typed, _| check_name(typed),
        if_empty,
        if_odd: texts.odd_signs,
    };
    let line = |label, autocomplete, known: &str, if_empty| Entry {
        field: field(label, "", autocomplete, "text", "100").of_names(),
        known: String::from(known),
        is_identity: false,
        only_by: None,
        check: |typed, _| check_line(typed),
        if_empty,
        if_odd: texts.odd_signs,
    };
    let account = Entry {
        field: field(
            texts.account_number,
            texts.account_number_hint,
            "off",
            "numeric",
            "24",
        ),
        known: String::new(),
        is_identity: true,
        only_by: Some(IdentificationKind::Account),
        check: |typed, _| check_account_number(typed),
        if_empty: texts.account_number_empty,
        if_odd: texts.account_number_odd,
    };
    let birth_date = Entry {
        field: field(
            texts.birth_date,
            texts.birth_date_hint,
            "bday",
            "numeric",
            "14",
        ),
        known: String::new(),
        is_identity: true,
        only_by: Some(IdentificationKind::Person),
        check: |typed, today| check_birth_date(&dashed(typed), today),
        if_empty: texts.birth_date_empty,
        if_odd: texts.birth_date_odd,
    };
    let mut line2 = line(texts.line2, "address-line2", &known.line2, "");
    line2.field = line2.field.optional();
    line2.check = |typed, _| match check_line(typed) {
        Err(IdentityError::Empty) => Ok(String::new()),
        line => line,
    };
    let postal_code = Entry {
        field: field(
            texts.postal_code,
            texts.postal_code_hint,
            "postal-code",
            "text",
            "10",
        ),
        known: known.postal_code.clone(),
        is_identity: true,
        only_by: None,
        check: |typed, _| check_postal_code(typed),
        if_empty: texts.postal_code_empty,
        if_odd: texts.postal_code_odd,
    };
    let entries = vec![
        account,
        name(texts.first_name, "given-name", texts.first_name_empty),
        name(texts.last_name, "family-name", texts.last_name_empty),
        birth_date,
        line(
            texts.line1,
            "address-line1",
            &known.line1,
            texts.line1_empty,
        ),
        line2,
        line(texts.city, "address-level2", &known.city, texts.city_empty),
        postal_code,
    ];
    for entry in &entries {
        entry.field.retype(&entry.known, 0);
    }
    entries
}

fn pair(first: El, second: El) -> El {
    el("div", "vt-pair").child(first).child(second)
}

/// Whether nothing but a name is missing.
fn is_whole(address: &PostalAddress) -> bool {
    let mut named = address.clone();
    named.first_name = String::from("-");
    named.last_name = String::from("-");
    named.check().is_ok()
}

fn one_line(address: &PostalAddress) -> String {
    let PostalAddress {
        line1,
        line2,
        city,
        province,
        postal_code,
        ..
    } = address;
    let gap = if line2.is_empty() { "" } else { ", " };
    [
        line1,
        gap,
        line2,
        ", ",
        city,
        " ",
        province,
        " ",
        postal_code,
    ]
    .concat()
}

/// The day that it is by the proxy's clock, which holds dates of birth against it.
fn today(server_time: &str) -> Day {
    let day = server_time.get(..10).and_then(|day| Day::parse(day).ok());
    day.unwrap_or(Day {
        year: 9999,
        month: 12,
        day: 31,
    })
}
