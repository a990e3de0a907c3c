//! The screens of a purchase that a provider finances.

use alloc::boxed::Box;
use alloc::rc::Rc;

use ventanilla_core::rails::Rail;
use ventanilla_core::rails::flexiti::FinancingAdvice;

use super::countdown::countdown;
use super::ended::deed;
use super::method::alert_text;
use super::page::Page;
use super::room::Room;
use super::state::{Instead, News, Pick};
use super::waiting::fetching;
use crate::locale::{Texts, fill};
use crate::rails;
use crate::reactive::watch;
use crate::ui::{Button, El, Icon, button, el, icon};

/// The provider's page on which the buyer shows who they are, and a way out of it.
pub fn identify(room: &Rc<Room>) -> Page {
    let texts = room.texts();
    let (Some(around), Some(page)) = (room.surroundings(), room.hosted_page()) else {
        return fetching(room);
    };
    let at = Rc::downgrade(room);
    let shown = rails::identify(&page, &around, move |message| {
        if let Some(room) = at.upgrade() {
            room.take(News::Hosted(message));
        }
    });
    let Some(shown) = shown else {
        return fetching(room);
    };
    Page::plain("bill", texts.identify_title)
        .say(texts.identify_text)
        .with(countdown(room))
        .with(shown)
        .action(&leave(room).el)
}

/// The ways to pay the purchase off, and the button that takes one of them.
pub fn choose(room: &Rc<Room>) -> Page {
    let texts = room.texts();
    let (Some(around), Some(offers)) = (room.surroundings(), room.offers()) else {
        return fetching(room);
    };
    let around = Rc::new(around);
    let Some(offered) = rails::offered(&offers, &around) else {
        return fetching(room);
    };
    let total = around.locale.money(around.checkout.total);
    let text = fill(texts.finance, "amount", &total);
    let alert = el("div", "vt-alert").attr("role", "alert");
    let (at, ways, asks) = (Rc::downgrade(room), Rc::clone(&offered), alert.clone());
    let finance = button("button", "vt-first vt-pay", &text).on_press(move || {
        let Some(choice) = ways.picked() else {
            ways.focus();
            return warn(&asks, texts.pick_first);
        };
        if let Some(room) = at.upgrade() {
            room.take(News::Picked(choice));
        }
    });
    let leave = leave(room);
    let asked = alert.clone();
    let list = offered
        .el()
        .clone()
        .on("change", move |_| asked.set_text(""));
    let page = Page::plain("bill", texts.choose_title)
        .with(countdown(room))
        .with(list)
        .with(alert.clone())
        .with(finance.el.clone())
        .action(&leave.el);
    let pick = room.pick();
    watch(Box::new(move || {
        let pick = pick.get();
        let busy = pick == Pick::Sent;
        offered.freeze(busy);
        finance.set_busy(busy, if busy { texts.asking_lender } else { &text });
        leave.set_busy(busy, texts.leave);
        alert.set_text("");
        if let Pick::Lost(trouble) = &pick {
            warn(&alert, &alert_text(Rail::Flexiti, trouble, texts));
        }
    }));
    page
}

/// The purchase was not financed: why, as far as it helps, and what to do.
pub fn not_financed(room: &Rc<Room>, advice: FinancingAdvice) -> Page {
    let texts = room.texts();
    let (title, text) = said(advice, texts);
    let has_others = room
        .checkout()
        .is_some_and(|checkout| checkout.rails.len() > 1);
    let next = match advice {
        FinancingAdvice::Apply
        | FinancingAdvice::BadStanding
        | FinancingAdvice::Credit
        | FinancingAdvice::OtherMethod
            if has_others =>
        {
            texts.other_method
        }
        _ => texts.begin_again,
    };
    let (kind, sign) = match advice {
        FinancingAdvice::Cancelled | FinancingAdvice::Expired | FinancingAdvice::Retry => {
            ("over", Icon::Clock)
        }
        _ => ("stop", Icon::Stop),
    };
    Page::new(kind, sign, title)
        .say(text)
        .say(texts.nothing_financed)
        .rows(&[(texts.reference, room.reference())])
        .action(&deed(room, "vt-first", next, || News::TryAgain).el)
}

fn warn(alert: &El, text: &str) {
    alert.set_text("");
    alert.append(&icon(Icon::Alert));
    alert.append(&el("span", "").text(text));
}

fn leave(room: &Rc<Room>) -> Button {
    let wish = || News::Wants(Instead::Method);
    deed(room, "vt-second", room.texts().leave, wish)
}

const fn said(advice: FinancingAdvice, texts: &Texts) -> (&'static str, &'static str) {
    match advice {
        FinancingAdvice::Activate => (texts.activate_title, texts.activate_text),
        FinancingAdvice::Apply => (texts.apply_title, texts.apply_text),
        FinancingAdvice::BadStanding => (texts.standing_title, texts.standing_text),
        FinancingAdvice::Unverified => (texts.unverified_title, texts.unverified_text),
        FinancingAdvice::Retry => (texts.again_title, texts.again_text),
        FinancingAdvice::Failure => (texts.page_down_title, texts.page_down_text),
        FinancingAdvice::Cancelled => (texts.left_title, texts.left_text),
        FinancingAdvice::Expired => (texts.over_title, texts.slow_text),
        FinancingAdvice::Credit => (texts.credit_title, texts.credit_text),
        FinancingAdvice::OtherPlan => (texts.plan_gone_title, texts.plan_gone_text),
        FinancingAdvice::OtherMethod => (texts.not_financed_title, texts.not_financed_text),
    }
}
