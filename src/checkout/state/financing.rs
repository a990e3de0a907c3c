//! A purchase that a provider finances: its page, its offers, and the buyer's pick.

use alloc::string::String;
use alloc::vec::Vec;

use ventanilla_core::api::{AttemptView, Step};
use ventanilla_core::rails::flexiti::{
    FinancingChoice, HostedMessage, HostedPage, NotIdentified, NotIdentifiedAs,
};

use super::{ASK_FOR_MS, Deed, Due, Pick, Screen, State};
use crate::element::events::Event;
use crate::error;
use crate::link::is_page;

impl State {
    /// Takes the page's word to the proxy: one, of the page that is on screen.
    pub(super) fn hear(&mut self, message: HostedMessage, now_ms: u64, deeds: &mut Vec<Deed>) {
        let Screen::Identify { id } = &self.screen else {
            return;
        };
        let step = match message {
            HostedMessage::Identified(said) => Step::Identified(said),
            HostedMessage::NotIdentified(end) => Step::NotIdentified(NotIdentified { end }),
        };
        let id = id.clone();
        self.show(Screen::Fetching);
        self.ask_anew(now_ms);
        self.say(id, step, deeds);
    }

    /// Says it until the proxy has taken it, which changes nothing more when it is repeated.
    pub(super) fn say(&mut self, id: String, step: Step, deeds: &mut Vec<Deed>) {
        self.said = Some(step.clone());
        self.step(id, step, deeds);
    }

    pub(super) fn pick(&mut self, choice: FinancingChoice, now_ms: u64, deeds: &mut Vec<Deed>) {
        let Screen::Choose { id } = &self.screen else {
            return;
        };
        if self.pick == Pick::Sent || !self.offers().is_some_and(|offers| offers.has(&choice)) {
            return;
        }
        let id = id.clone();
        self.pick = Pick::Sent;
        self.ask_anew(now_ms);
        self.step(id, Step::Finance(choice), deeds);
        deeds.push(Deed::WakeSlow);
    }

    /// Shows the provider's page, for as long as it takes the buyer.
    pub(super) fn identify(&mut self, view: AttemptView, now_ms: u64, deeds: &mut Vec<Deed>) {
        let Some(page) = &view.hosted_page else {
            return;
        };
        let (id, left_ms, fits) = (view.id.clone(), page.expires_in_ms, may_be_shown(page));
        if let Some(step) = self.said.clone() {
            self.attempt = Some(view);
            return self.step(id, step, deeds);
        }
        if !fits {
            self.attempt = Some(view);
            self.show(Screen::Fetching);
            let end = NotIdentifiedAs::Failure;
            return self.say(id, Step::NotIdentified(NotIdentified { end }), deeds);
        }
        self.wait_for_buyer(Screen::Identify { id }, left_ms, view, now_ms, deeds);
    }

    /// Shows how the purchase may be paid off.
    pub(super) fn choose(&mut self, view: AttemptView, now_ms: u64, deeds: &mut Vec<Deed>) {
        let left_ms = view
            .offers
            .as_ref()
            .map_or(0, |offers| offers.expires_in_ms);
        if self.pick == Pick::Sent {
            // Asked after the connection was lost: what was picked has not arrived.
            self.pick = Pick::Lost(error::NETWORK.into());
        }
        let screen = Screen::Choose {
            id: view.id.clone(),
        };
        self.wait_for_buyer(screen, left_ms, view, now_ms, deeds);
    }

    fn wait_for_buyer(
        &mut self,
        screen: Screen,
        left_ms: u64,
        view: AttemptView,
        now_ms: u64,
        deeds: &mut Vec<Deed>,
    ) {
        self.said = None;
        let poll_after_ms = view.poll_after_ms;
        if self.screen != screen {
            let pick = core::mem::take(&mut self.pick);
            self.show(screen);
            self.pick = pick;
            self.asked = 0;
            let (rail, action) = (view.rail, view.next_action);
            deeds.push(Deed::Tell(Event::Action { rail, action }));
        }
        self.deadline_ms = now_ms + left_ms;
        self.ask_until_ms = self.deadline_ms + ASK_FOR_MS;
        self.attempt = Some(view);
        self.due = Due::ReadAttempt;
        self.ask_later(poll_after_ms, now_ms, deeds);
    }
}

/// Whether a frame may be given this address: one of the origin whose messages are listened to.
fn may_be_shown(page: &HostedPage) -> bool {
    let below = page.address.strip_prefix(page.origin.as_str());
    is_page(&page.address) && below.is_some_and(|path| path.starts_with('/'))
}
