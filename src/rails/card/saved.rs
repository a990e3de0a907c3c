//! Cards saved before.

use alloc::rc::Rc;
use alloc::string::String;
use alloc::vec::Vec;
use core::cell::Cell;

use ventanilla_core::rails::card::SavedCardView;

use crate::locale::{fill, padded};
use crate::rails::Surroundings;
use crate::ui::{El, el, fresh_id};

/// A list of saved cards, and "another card" as its last row.
pub struct SavedCards {
    /// The element.
    pub el: El,
    cards: Vec<SavedCardView>,
    /// One for each card, and one for another.
    radios: Vec<El>,
    chosen: Rc<Cell<usize>>,
}

impl SavedCards {
    /// The list; `None` when no card is saved.
    pub fn new(around: &Surroundings, cards: &[SavedCardView]) -> Option<Self> {
        if cards.is_empty() {
            return None;
        }
        let texts = around.locale.texts;
        let group = fresh_id("saved");
        let list =
            el("fieldset", "vt-rows").child(el("legend", "vt-legend").text(texts.which_card));
        let mut radios = Vec::new();
        let mut chosen = cards.len();
        let names = cards
            .iter()
            .map(|card| texts.named_card(card.brand, &card.last4));
        for (index, name) in names.chain([String::from(texts.another_card)]).enumerate() {
            let radio = el("input", "vt-radio")
                .attr("type", "radio")
                .attr("name", &group);
            let body = el("span", "vt-row-text").child(el("span", "").text(&name));
            if let Some(card) = cards.get(index) {
                let over = has_expired(card, &around.checkout.server_time);
                if let Some(date) = expiry_date(card) {
                    let text = if over {
                        texts.has_expired
                    } else {
                        texts.expires
                    };
                    body.append(&el("span", "vt-hint").text(&fill(text, "date", &date)));
                }
                radio.toggle("data-over", over);
                radio.toggle("disabled", over);
                if !over && chosen == cards.len() {
                    chosen = index;
                }
            }
            list.append(&el("label", "vt-row").child(radio.clone()).child(body));
            radios.push(radio);
        }
        if let Some(radio) = radios.get(chosen) {
            radio.toggle("checked", true);
        }
        Some(Self {
            el: list,
            cards: cards.to_vec(),
            radios,
            chosen: Rc::new(Cell::new(chosen)),
        })
    }

    pub fn on_change(&self, changed: &Rc<dyn Fn()>) {
        for (index, radio) in self.radios.iter().enumerate() {
            let (chosen, changed) = (Rc::clone(&self.chosen), Rc::clone(changed));
            let _ = radio.clone().on("change", move |_| {
                chosen.set(index);
                changed();
            });
        }
    }

    /// The saved card that is chosen; `None` for another card.
    pub fn chosen_view(&self) -> Option<&SavedCardView> {
        self.cards.get(self.chosen.get())
    }

    /// The identifier of the saved card that is chosen.
    pub fn chosen(&self) -> Option<&str> {
        self.chosen_view().map(|card| card.id.as_str())
    }

    pub fn freeze(&self, frozen: bool) {
        for radio in &self.radios {
            radio.toggle(
                "disabled",
                frozen || radio.node().has_attribute("data-over"),
            );
        }
    }

    pub fn focus(&self) {
        if let Some(radio) = self.radios.get(self.chosen.get()) {
            radio.focus();
        }
    }
}

fn expiry_date(card: &SavedCardView) -> Option<String> {
    let (month, year) = (card.expiry_month?, card.expiry_year?);
    Some(
        [
            &*padded(month.into(), 2),
            "/",
            &padded((year % 100).into(), 2),
        ]
        .concat(),
    )
}

/// By the date at the front of the proxy's RFC 3339 time; a card is good through its last month.
fn has_expired(card: &SavedCardView, server_time: &str) -> bool {
    match (card.expiry_month, card.expiry_year) {
        (Some(month), Some(year)) => {
            *[&*padded(year.into(), 4), "-", &padded(month.into(), 2)].concat()
                < *server_time.get(..7).unwrap_or_default()
        }
        _ => false,
    }
}
