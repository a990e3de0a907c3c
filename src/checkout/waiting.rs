//! What a buyer reads while nobody knows yet.

use alloc::boxed::Box;
use alloc::rc::Rc;
use alloc::string::String;

use ventanilla_core::rails::Rail;

use super::ended::deed;
use super::page::Page;
use super::room::Room;
use super::state::{News, Why};
use crate::reactive::watch;
use crate::ui::{El, Icon, el};

/// The screen of an attempt whose outcome is not known: what is known, that nobody pays twice, the
/// reference, and a way to ask now.
pub fn waiting(room: &Rc<Room>, why: Why, rail: Rail, reference: Option<&str>) -> Page {
    let texts = room.texts();
    let (title, text) = match (rail, why) {
        (_, Why::Connection) => (texts.connection_title, texts.connection_text),
        // Nobody is asked for money before there is something to pay.
        (Rail::Cvu, _) => (texts.code_title, texts.code_text),
        (Rail::Flexiti, Why::Bank) => (texts.lender_title, texts.lender_text),
        (Rail::Flexiti, Why::Confirming) => (texts.lender_late_title, texts.lender_late_text),
        (Rail::Card, Why::Bank) => (texts.bank_title, texts.bank_text),
        (Rail::Card, Why::Confirming) => (texts.confirming_title, texts.confirming_text),
        (Rail::Flux, Why::Bank) => (texts.flux_charge_title, texts.flux_charge_text),
        (Rail::Flux, Why::Confirming) => (texts.flux_confirming_title, texts.flux_confirming_text),
    };
    // A status of its own: only this line changes while the screen stands.
    let status = el("p", "vt-status").attr("role", "status");
    let check = deed(room, "vt-second", texts.check_now, || News::CheckNow);
    let page = Page::new("wait", Icon::Clock, title)
        .say(text)
        .with(status.clone())
        .rows(&[(texts.reference, reference.map(String::from))]);
    let asks_alone = why == Why::Bank;
    let page = if asks_alone {
        page
    } else {
        page.action(&check.el)
    };
    let asking = room.asking();
    let mut asked = false;
    watch(Box::new(move || {
        let asking = asking.get();
        // One sign of life at a time: the button's own, where there is one.
        let in_text = asking && asks_alone;
        status.set_text(match (in_text, asked && !asking) {
            (true, _) => texts.asking,
            (false, true) => texts.no_answer_yet,
            (false, false) => "",
        });
        status.toggle("data-busy", in_text);
        check.set_busy(
            asking,
            if asking {
                texts.asking
            } else {
                texts.check_now
            },
        );
        asked |= asking;
    }));
    page
}

/// While what comes next is being made.
pub fn fetching(room: &Rc<Room>) -> Page {
    Page::new("wait", Icon::Clock, room.texts().getting).with(turning())
}

/// A sign of life for a screen that has no other.
fn turning() -> El {
    let status = el("p", "vt-status");
    status.toggle("data-busy", true);
    status
}
