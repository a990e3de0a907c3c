//! Which presentation.

use alloc::rc::Rc;
use alloc::vec::Vec;
use core::cell::Cell;

use ventanilla_core::api::StartAttempt;
use ventanilla_core::rails::Rail;
use ventanilla_core::rails::cvu::{CvuOffer, CvuStart, Presentation};

use super::{face, in_order};
use crate::element::events::Choice;
use crate::element::{Later, at_once};
use crate::error::{self, Trouble};
use crate::rails::{RailForm, Surroundings};
use crate::ui::{El, el, fresh_id};

/// The CVU rail's form: one row per presentation, or one line when there is nothing to choose.
///
/// # Errors
///
/// `rail-not-offered` when no presentation is offered.
pub fn open(offer: &CvuOffer, around: &Surroundings) -> Result<Rc<dyn RailForm>, Trouble> {
    let presentations = in_order(&offer.presentations);
    let first = *presentations.first().ok_or(error::RAIL_NOT_OFFERED)?;
    let texts = around.locale.texts;
    let whole = el("div", "vt-inside");
    let chosen = Rc::new(Cell::new(first));
    let mut radios = Vec::new();
    if presentations.len() == 1 {
        whole.append(&el("p", "vt-hint").text(face(first, texts).1));
    } else {
        let group = fresh_id("way");
        let list = el("fieldset", "vt-rows").child(el("legend", "vt-legend").text(texts.which_way));
        let changed = Rc::clone(&around.changed);
        for presentation in presentations {
            let (name, line) = face(presentation, texts);
            let (chosen, changed) = (Rc::clone(&chosen), Rc::clone(&changed));
            let radio = el("input", "vt-radio")
                .attr("type", "radio")
                .attr("name", &group)
                .on("change", move |_| {
                    chosen.set(presentation);
                    changed(&Choice {
                        rail: Rail::Cvu,
                        complete: true,
                        brand: None,
                        last4: None,
                    });
                });
            radio.toggle("checked", presentation == first);
            let row_text = el("span", "vt-row-text")
                .child(el("span", "").text(name))
                .child(el("span", "vt-hint").text(line));
            list.append(&el("label", "vt-row").child(radio.clone()).child(row_text));
            radios.push((presentation, radio));
        }
        whole.append(&list);
    }
    Ok(Rc::new(CvuForm {
        el: whole,
        chosen,
        radios,
    }))
}

struct CvuForm {
    el: El,
    chosen: Rc<Cell<Presentation>>,
    radios: Vec<(Presentation, El)>,
}

impl RailForm for CvuForm {
    fn el(&self) -> &El {
        &self.el
    }

    fn check(&self) -> Result<(), usize> {
        Ok(())
    }

    fn start(&self) -> Later<Result<StartAttempt, Trouble>> {
        at_once(Ok(StartAttempt {
            rail: Rail::Cvu,
            card: None,
            cvu: Some(CvuStart {
                presentation: self.chosen.get(),
            }),
            flux: None,
            flexiti: None,
        }))
    }

    fn clear(&self) {}

    fn freeze(&self, frozen: bool) {
        for (_, radio) in &self.radios {
            radio.toggle("disabled", frozen);
        }
    }

    fn focus(&self) {
        for (presentation, radio) in &self.radios {
            if *presentation == self.chosen.get() {
                radio.focus();
            }
        }
    }

    fn prefer(&self, wanted: Presentation) {
        self.chosen.set(wanted);
        for (presentation, radio) in &self.radios {
            radio.check(*presentation == wanted);
        }
    }
}
