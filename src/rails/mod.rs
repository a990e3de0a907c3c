//! The ways to pay, on screen. This is the only list of them, and of what each build has of them.
//!
//! `scripts/package` builds a module for each rail, with the feature of its name, and one for sessions that
//! offer several: nobody downloads a rail that they are not offered.

use alloc::rc::Rc;
use alloc::string::String;
use alloc::vec::Vec;

use ventanilla_core::api::{CheckoutView, StartAttempt};
use ventanilla_core::rails::Rail;
use ventanilla_core::rails::cvu::{PayableView, Presentation};
use ventanilla_core::rails::flexiti::{
    FinancingChoice, FinancingOffers, HostedMessage, HostedPage,
};
use wasm_bindgen::JsValue;

use crate::element::Later;
use crate::element::events::Choice;
use crate::error::{self, Trouble};
use crate::locale::{Locale, Texts};
use crate::ui::{El, Icon};

#[cfg(feature = "card")]
pub mod card;
#[cfg(feature = "cvu")]
pub mod cvu;
#[cfg(feature = "flexiti")]
pub mod flexiti;
pub mod flux;

/// Whether this build has a rail's form and screens.
#[must_use]
pub const fn has(rail: Rail) -> bool {
    match rail {
        Rail::Card => cfg!(feature = "card"),
        Rail::Cvu => cfg!(feature = "cvu"),
        Rail::Flux => cfg!(feature = "flux"),
        Rail::Flexiti => cfg!(feature = "flexiti"),
    }
}

/// Whether this build has a rail on which the buyer pays by themselves, and so needs the screens for it.
pub const PAYABLE: bool = has(Rail::Cvu);

/// Whether this build has a rail on which a provider lends, and so needs the screens for it.
pub const FINANCED: bool = has(Rail::Flexiti);

/// The rails that it takes to show a session: those offered, and that of an attempt that is there.
#[must_use]
pub fn needed(view: &CheckoutView) -> Vec<Rail> {
    let attempted = view.attempt.as_ref().map(|attempt| attempt.rail);
    in_order(&view.rails, "")
        .into_iter()
        .chain(attempted.filter(|rail| !view.rails.contains(rail)))
        .collect()
}

/// Whether this build has every one of `rails`.
#[must_use]
pub fn has_all(rails: &[Rail]) -> bool {
    rails.iter().all(|rail| has(*rail))
}

/// What a rail's form finds around it.
pub struct Surroundings {
    /// The language.
    pub locale: Rc<Locale>,
    /// The session.
    pub checkout: Rc<CheckoutView>,
    /// To be called when the buyer has changed something.
    pub changed: Rc<dyn Fn(&Choice)>,
    /// Speaks to a screen reader.
    pub say: Rc<dyn Fn(&str)>,
    /// Presses the pay button: for what is paid as soon as it is there.
    pub pay: Rc<dyn Fn()>,
    /// To be called when [`RailForm::deed`] has changed.
    pub retitle: Rc<dyn Fn()>,
    /// Opens what finds codes in pixels; `None` where there is nothing that can.
    pub reader: Rc<dyn Fn() -> Later<Option<JsValue>>>,
}

/// A rail's form: what the buyer fills in before pressing the pay button.
pub trait RailForm {
    /// The form's element.
    fn el(&self) -> &El;
    /// Shows every mistake, moves to the first and counts them.
    ///
    /// # Errors
    ///
    /// How many there are; 0 when there is nothing to correct, but the form has a further step.
    fn check(&self) -> Result<(), usize>;
    /// Turns what is filled in now into the start of an attempt. What comes of it is an error when it cannot be sealed.
    fn start(&self) -> Later<Result<StartAttempt, Trouble>>;
    /// Forgets what must not stay longer than needed.
    fn clear(&self);
    /// Keeps the buyer from changing anything while a payment is under way.
    fn freeze(&self, frozen: bool);
    /// Moves the focus to where the buyer begins.
    fn focus(&self);
    /// What the pay button says until it is pressed, where it is not what the rail's always says.
    fn deed(&self) -> Option<String> {
        None
    }
    /// Lets go of what only a form that is on screen may hold.
    fn leave(&self) {}
    /// Turns to a presentation, where there are any.
    fn prefer(&self, wanted: Presentation) {
        let _ = wanted;
    }
}

/// What the pay button says, before it is pressed (with `{amount}`) and while it works.
#[must_use]
pub const fn deed(rail: Rail, texts: &Texts) -> (&'static str, &'static str) {
    match rail {
        Rail::Card | Rail::Flux => (texts.pay, texts.paying),
        Rail::Cvu => (texts.show_how, texts.getting),
        Rail::Flexiti => (texts.go_to_lender, texts.asking_lender),
    }
}

/// What a buyer is told when a rail's provider does not answer. No money moved.
#[must_use]
pub const fn unavailable(rail: Rail, texts: &Texts) -> &'static str {
    match rail {
        Rail::Card => texts.alert_provider,
        Rail::Cvu | Rail::Flux | Rail::Flexiti => texts.alert_wallet,
    }
}

/// How a rail is offered: icon, name, and one line of what will happen.
#[must_use]
pub const fn face(rail: Rail, texts: &Texts) -> (Icon, &'static str, &'static str) {
    match rail {
        Rail::Card => (Icon::Card, texts.card, texts.card_line),
        Rail::Cvu => (Icon::Scan, texts.wallet, texts.wallet_line),
        Rail::Flux => (Icon::Scan, texts.flux_method, texts.flux_method_line),
        Rail::Flexiti => (Icon::Calendar, texts.financing, texts.financing_line),
    }
}

/// A rail's form.
///
/// # Errors
///
/// When the session lacks what the rail needs, or its key is not one to seal to.
pub fn open(rail: Rail, around: Surroundings) -> Result<Rc<dyn RailForm>, Trouble> {
    let around = Rc::new(around);
    let checkout = &around.checkout;
    let form = match rail {
        #[cfg(feature = "card")]
        Rail::Card => match &checkout.card {
            Some(offer) => Some(card::open(offer, &around)?),
            None => None,
        },
        #[cfg(feature = "cvu")]
        Rail::Cvu => match &checkout.cvu {
            Some(offer) => Some(cvu::open(offer, &around)?),
            None => None,
        },
        #[cfg(feature = "flux")]
        Rail::Flux => checkout
            .flux
            .as_ref()
            .map(|offer| flux::open(offer, &around)),
        #[cfg(feature = "flexiti")]
        Rail::Flexiti => checkout
            .flexiti
            .as_ref()
            .map(|offer| flexiti::open(offer, &around)),
        #[cfg(not(all(
            feature = "card",
            feature = "cvu",
            feature = "flux",
            feature = "flexiti"
        )))]
        _ => None,
    };
    form.ok_or_else(|| error::RAIL_NOT_OFFERED.into())
}

/// What the buyer pays by themselves, as its rail puts it: the heading, the thing itself, and the steps for
/// somebody who has never done it. `None` where this build has no such rail.
#[must_use]
pub fn show(payable: &PayableView, around: &Rc<Surroundings>) -> Option<(String, El, El)> {
    #[cfg(feature = "cvu")]
    return Some(cvu::show(payable, around));
    #[cfg(not(feature = "cvu"))]
    {
        let _ = (payable, around);
        None
    }
}

/// Calls `each` with every other way in which the same could be put, and its name.
pub fn for_others(
    around: &Surroundings,
    shown: Presentation,
    each: &mut dyn FnMut(Presentation, &'static str),
) {
    #[cfg(feature = "cvu")]
    cvu::for_others(around, shown, each);
    #[cfg(not(feature = "cvu"))]
    let _ = (around, shown, each);
}

/// The provider's page in a frame; `done` hears what it said, once. `None` where this build has no such rail.
#[must_use]
pub fn identify(
    page: &HostedPage,
    around: &Surroundings,
    done: impl Fn(HostedMessage) + 'static,
) -> Option<El> {
    #[cfg(feature = "flexiti")]
    return Some(flexiti::hosted(page, around, alloc::boxed::Box::new(done)));
    #[cfg(not(feature = "flexiti"))]
    {
        let _ = (page, around, done);
        None
    }
}

/// The ways to pay a purchase off, one of which the buyer picks.
pub trait Offered {
    /// The choice's element.
    fn el(&self) -> &El;
    /// What is picked.
    fn picked(&self) -> Option<FinancingChoice>;
    /// Moves the focus to where the buyer picks.
    fn focus(&self);
    /// Keeps the buyer from picking another while one is on its way.
    fn freeze(&self, frozen: bool);
}

/// The ways to pay a purchase off. `None` where this build has no such rail.
#[must_use]
pub fn offered(offers: &FinancingOffers, around: &Rc<Surroundings>) -> Option<Rc<dyn Offered>> {
    #[cfg(feature = "flexiti")]
    return Some(flexiti::offered(offers, around));
    #[cfg(not(feature = "flexiti"))]
    {
        let _ = (offers, around);
        None
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
