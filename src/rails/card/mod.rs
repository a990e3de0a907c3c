//! Paying by card: a card typed now, or one saved before.

mod form;
mod plans;
mod saved;

use std::cell::Cell;
use std::rc::Rc;

use ventanilla_core::api::StartAttempt;
use ventanilla_core::rails::Rail;
use ventanilla_core::rails::card::{CardOffer, CardStart, SaveCardPolicy};
use ventanilla_core::seal::{PinnedKey, ProviderKey, SealOptions, seal};

use crate::element::events::Choice;
use crate::error::{self, Trouble};
use crate::rails::{RailForm, Surroundings};
use crate::random::BrowserRandom;
use crate::ui::{El, el};

use form::Form;
use plans::Plans;
use saved::SavedCards;

/// The card rail's form.
///
/// # Errors
///
/// `key-refused` when the provider's key is malformed, too weak or not one of the pinned ones.
pub fn open(offer: CardOffer, around: Surroundings) -> Result<Rc<dyn RailForm>, Trouble> {
    let key = ProviderKey::parse(&offer.public_key)
        .and_then(|key| key.pinned(&offer.key_pins, offer.accept_weak_key))
        .map_err(|_| error::KEY_REFUSED)?;
    let around = Rc::new(around);
    let form = Form::new(&around, offer.save_card == SaveCardPolicy::Ask);
    let saved = SavedCards::new(&around, &offer.saved_cards);
    let plans = Plans::new(&around, &offer.installments);

    let whole = el("div", "vt-card");
    if let Some(saved) = &saved {
        whole.append(&saved.el);
    }
    whole.append(&form.el);
    if let Some(plans) = &plans {
        whole.append(&plans.el);
    }
    if let Some(consent) = &form.consent {
        whole.append(consent);
    }
    let card = Rc::new(CardForm {
        el: whole,
        form,
        saved,
        plans,
        key,
        around,
        told: Cell::new(None),
    });
    card.open_or_fold();
    card.listen();
    Ok(card)
}

struct CardForm {
    el: El,
    form: Form,
    saved: Option<SavedCards>,
    plans: Option<Plans>,
    key: PinnedKey,
    around: Rc<Surroundings>,
    told: Cell<Option<Choice>>,
}

impl CardForm {
    fn listen(self: &Rc<Self>) {
        // Weak: what is listened with must not keep alive what it is listened for.
        let card = Rc::downgrade(self);
        let changed: Rc<dyn Fn()> = Rc::new(move || {
            if let Some(card) = card.upgrade() {
                card.open_or_fold();
                card.tell();
            }
        });
        self.form.on_change(&changed);
        if let Some(saved) = &self.saved {
            saved.on_change(&changed);
        }
    }

    /// Nothing is to be typed for a saved card.
    fn open_or_fold(&self) {
        let folded = self.saved_card().is_some();
        self.form.el.hide(folded);
        if let Some(consent) = &self.form.consent {
            consent.hide(folded);
        }
    }

    fn saved_card(&self) -> Option<&str> {
        self.saved.as_ref().and_then(SavedCards::chosen)
    }

    fn tell(&self) {
        let choice = match self.saved.as_ref().and_then(SavedCards::chosen_view) {
            Some(saved) => Choice {
                rail: Rail::Card,
                complete: true,
                brand: saved.brand,
                last4: Some(saved.last4.clone()),
            },
            None => self.form.choice(),
        };
        let told = self.told.take();
        if told.as_ref() != Some(&choice) {
            (self.around.changed)(&choice);
        }
        self.told.set(Some(choice));
    }
}

impl RailForm for CardForm {
    fn el(&self) -> &El {
        &self.el
    }

    fn check(&self) -> Result<(), usize> {
        if self.saved_card().is_some() {
            Ok(())
        } else {
            self.form.check()
        }
    }

    fn start(&self) -> Result<StartAttempt, Trouble> {
        let installments = self.plans.as_ref().and_then(Plans::chosen);
        let card = if let Some(id) = self.saved_card() {
            CardStart {
                sealed: None,
                saved_card: Some(String::from(id)),
                installments,
                save_card: false,
            }
        } else {
            let card = self.form.card().ok_or(error::INTERNAL)?;
            let save = self.form.wants_saving();
            let options = SealOptions { installments, save };
            let sealed = seal(&card, &options, &self.key, &mut BrowserRandom)
                .map_err(|_| error::INTERNAL)?;
            CardStart {
                sealed: Some(sealed),
                saved_card: None,
                installments,
                save_card: save,
            }
        };
        Ok(StartAttempt {
            rail: Rail::Card,
            card: Some(card),
            cvu: None,
            flux: None,
            flexiti: None,
        })
    }

    fn clear(&self) {
        self.form.clear();
        self.tell();
    }

    fn freeze(&self, frozen: bool) {
        self.form.freeze(frozen);
        if let Some(saved) = &self.saved {
            saved.freeze(frozen);
        }
        if let Some(plans) = &self.plans {
            plans.freeze(frozen);
        }
    }

    fn focus(&self) {
        match (&self.saved, self.saved_card()) {
            (Some(saved), Some(_)) => saved.focus(),
            _ => self.form.focus(),
        }
    }
}
