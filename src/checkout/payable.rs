//! The screens of what the buyer pays by themselves.

use alloc::boxed::Box;
use alloc::rc::Rc;
use alloc::string::String;

use super::countdown::countdown;
use super::ended;
use super::page::Page;
use super::room::Room;
use super::state::{Check, Instead, News, Standing};
use super::waiting::fetching;
use crate::rails;
use crate::reactive::watch;
use crate::ui::{Button, Icon, el};

/// The screen of something payable as it stands.
pub fn payable(room: &Rc<Room>, standing: Standing) -> Page {
    let texts = room.texts();
    let reference = [(texts.reference, room.reference())];
    match standing {
        Standing::Open => open(room),
        Standing::Seen => Page::new("wait", Icon::Clock, texts.seen_title)
            .say(texts.seen_text)
            .rows(&reference),
        Standing::Closing => {
            let page = Page::new("wait", Icon::Clock, texts.over_title)
                .say(texts.closing_text)
                .rows(&reference);
            check(room, page, texts.check_now)
        }
        Standing::Over => over(room),
    }
}

/// It was not made, or it does not fit the order.
pub fn not_issued(room: &Rc<Room>, refused: bool, reference: &str) -> Page {
    let texts = room.texts();
    let (title, text, next) = if refused {
        (texts.refused_title, texts.refused_text, texts.other_method)
    } else {
        (
            texts.not_issued_title,
            texts.not_issued_text,
            texts.try_again,
        )
    };
    Page::new("stop", Icon::Stop, title)
        .say(text)
        .rows(&[(texts.reference, Some(String::from(reference)))])
        .action(&ended::deed(room, "vt-first", next, || News::TryAgain).el)
}

fn open(room: &Rc<Room>) -> Page {
    let texts = room.texts();
    let (Some(around), Some(payable)) = (room.surroundings(), room.payable()) else {
        return fetching(room);
    };
    let ways = el("div", "vt-actions");
    let mut several = false;
    let mut offer = |name: &str, instead: Instead| {
        several = true;
        ways.append(&wish(room, name, instead).el);
    };
    let each = &mut |way, name: &'static str| offer(name, Instead::Presentation(way));
    rails::for_others(&around, payable.presentation, each);
    if around.checkout.rails.len() > 1 {
        offer(texts.other_method, Instead::Method);
    }
    let Some((title, shown, steps)) = rails::show(&payable, &Rc::new(around)) else {
        return fetching(room);
    };
    let page = Page::plain("bill", &title)
        .with(countdown(room))
        .with(shown)
        .say(texts.waiting_for_payment);
    let mut page = check(room, page, texts.already_paid).with(steps);
    if several {
        page = page
            .with(el("p", "vt-instead").text(texts.instead))
            .with(ways);
    }
    page.rows(&[(texts.reference, room.reference())])
}

fn over(room: &Rc<Room>) -> Page {
    let texts = room.texts();
    let mut page = Page::new("over", Icon::Clock, texts.over_title)
        .say(texts.over_text)
        .rows(&[(texts.reference, room.reference())]);
    if let Some(payable) = room.payable() {
        let same = Instead::Presentation(payable.presentation);
        let again = ended::deed(room, "vt-first", texts.get_new, move || News::Wants(same));
        page = page.action(&again.el);
    }
    let page = check(room, page, texts.already_paid);
    page.action(&wish(room, texts.other_method, Instead::Method).el)
}

fn wish(room: &Rc<Room>, text: &str, instead: Instead) -> Button {
    ended::deed(room, "vt-second", text, move || News::Wants(instead))
}

/// The button by which the buyer says that it is paid, and what came of it.
fn check(room: &Rc<Room>, page: Page, text: &'static str) -> Page {
    let texts = room.texts();
    let status = el("p", "vt-status").attr("role", "status");
    let button = ended::deed(room, "vt-second", text, || News::CheckNow);
    let page = page.with(status.clone()).action(&button.el);
    let found = room.check();
    watch(Box::new(move || {
        let found = found.get();
        let asking = found == Check::Asking;
        button.set_busy(asking, if asking { texts.asking } else { text });
        status.set_text(match found {
            Check::None | Check::Asking => "",
            Check::NotYet => texts.not_seen_yet,
            Check::Lost => texts.no_connection,
        });
    }));
    page
}
