//! The ways to pay, on screen. This is the only list of them.

use std::rc::Rc;

use ventanilla_core::api::{CheckoutView, StartAttempt};
use ventanilla_core::rails::Rail;
use ventanilla_core::rails::cvu::Presentation;

use crate::element::events::Choice;
use crate::error::{self, Trouble};
use crate::locale::{Locale, Texts};
use crate::ui::{El, Icon};

pub mod card;
pub mod cvu;

/// What a rail's form finds around it.
pub struct Surroundings {
    /// The language.
    pub locale: Rc<Locale>,
    /// The session.
    pub checkout: CheckoutView,
    /// To be called when the buyer has changed something.
    pub changed: Rc<dyn Fn(&Choice)>,
    /// Speaks to a screen reader.
    pub say: Rc<dyn Fn(&str)>,
}

/// A rail's form: what the buyer fills in before pressing the pay button.
pub trait RailForm {
    /// The form's element.
    fn el(&self) -> &El;
    /// Shows every mistake, moves to the first and counts them.
    ///
    /// # Errors
    ///
    /// How many there are.
    fn check(&self) -> Result<(), usize>;
    /// Turns what was filled in into the start of an attempt.
    ///
    /// # Errors
    ///
    /// When it cannot be sealed.
    fn start(&self) -> Result<StartAttempt, Trouble>;
    /// Forgets what must not stay longer than needed.
    fn clear(&self);
    /// Keeps the buyer from changing anything while a payment is under way.
    fn freeze(&self, frozen: bool);
    /// Moves the focus to where the buyer begins.
    fn focus(&self);
    /// Turns to a presentation, where there are any.
    fn prefer(&self, wanted: Presentation) {
        let _ = wanted;
    }
}

/// What the pay button says, before it is pressed (with `{amount}`) and while it works.
#[must_use]
pub const fn deed(rail: Rail, texts: &Texts) -> (&'static str, &'static str) {
    match rail {
        Rail::Card => (texts.pay, texts.paying),
        Rail::Cvu => (texts.show_how, texts.getting),
    }
}

/// What a buyer is told when a rail's provider does not answer. No money moved.
#[must_use]
pub const fn unavailable(rail: Rail, texts: &Texts) -> &'static str {
    match rail {
        Rail::Card => texts.alert_provider,
        Rail::Cvu => texts.alert_wallet,
    }
}

/// How a rail is offered: icon, name, and one line of what will happen.
#[must_use]
pub const fn face(rail: Rail, texts: &Texts) -> (Icon, &'static str, &'static str) {
    match rail {
        Rail::Card => (Icon::Card, texts.card, texts.card_line),
        Rail::Cvu => (Icon::Scan, texts.wallet, texts.wallet_line),
    }
}

/// A rail's form.
///
/// # Errors
///
/// When the session lacks what the rail needs, or its key is not one to seal to.
pub fn open(rail: Rail, around: Surroundings) -> Result<Rc<dyn RailForm>, Trouble> {
    match rail {
        Rail::Card => match around.checkout.card.clone() {
            Some(offer) => card::open(offer, around),
            None => Err(error::RAIL_NOT_OFFERED.into()),
        },
        Rail::Cvu => match around.checkout.cvu.clone() {
            Some(offer) => cvu::open(&offer, around),
            None => Err(error::RAIL_NOT_OFFERED.into()),
        },
    }
}

/// The rails offered, those that the page named first in the page's order.
#[must_use]
pub fn in_order(offered: &[Rail], wanted: &str) -> Vec<Rail> {
    let mut rails: Vec<Rail> = Vec::new();
    let named = wanted
        .split([',', ' '])
        .filter_map(Rail::from_name)
        .filter(|rail| offered.contains(rail));
    for rail in named.chain(offered.iter().copied()) {
        if !rails.contains(&rail) {
            rails.push(rail);
        }
    }
    rails
}
