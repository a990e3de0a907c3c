//! Paying by card: a card typed now, or one saved before.

mod cipher;
mod form;
mod plans;
mod saved;
mod words;

use alloc::boxed::Box;
use alloc::rc::Rc;
use alloc::string::String;
use core::cell::Cell;

use ventanilla_core::api::StartAttempt;
use ventanilla_core::rails::Rail;
use ventanilla_core::rails::card::{CardOffer, CardStart, SaveCardPolicy};
use ventanilla_core::seal::{PinnedKey, ProviderKey, SealOptions, Unsealed, prepare};

use crate::element::Later;
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
/// `setup-invalid` where the browser does not encrypt, as in pages without https; `key-refused` when the provider's key is malformed, too weak or not one of the pinned ones.
pub fn open(offer: &CardOffer, around: &Rc<Surroundings>) -> Result<Rc<dyn RailForm>, Trouble> {
    if !cipher::is_there() {
        return Err(error::SETUP_INVALID.into());
    }
    let key = ProviderKey::parse(&offer.public_key)
        .and_then(|key| key.pinned(&offer.key_pins, offer.accept_weak_key))
        .map_err(|_| error::KEY_REFUSED)?;
    let form = Form::new(around, offer.save_card == SaveCardPolicy::Ask);
    let saved = SavedCards::new(around, &offer.saved_cards);
    let plans = Plans::new(around, &offer.installments);

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
        around: Rc::clone(around),
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

    fn unsealed(&self, installments: Option<u8>, save: bool) -> Option<Unsealed> {
        let options = SealOptions { installments, save };
        prepare(&self.form.card()?, &options, &self.key, &mut BrowserRandom).ok()
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

    fn start(&self) -> Later<Result<StartAttempt, Trouble>> {
        let installments = self.plans.as_ref().and_then(Plans::chosen);
        let saved_card = self.saved_card().map(String::from);
        let save_card = saved_card.is_none() && self.form.wants_saving();
        let unsealed = saved_card
            .is_none()
            .then(|| self.unsealed(installments, save_card));
        Box::pin(async move {
            let sealed = match unsealed {
                Some(unsealed) => cipher::seal(unsealed.ok_or(error::INTERNAL)?).await,
                None => None,
            };
            if sealed.is_none() && saved_card.is_none() {
                return Err(error::INTERNAL.into());
            }
            Ok(StartAttempt {
                rail: Rail::Card,
                card: Some(CardStart {
                    sealed,
                    saved_card,
                    installments,
                    save_card,
                }),
                cvu: None,
                flux: None,
                flexiti: None,
            })
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
