//! How long what is before the buyer may still be paid or used.

use std::rc::Rc;

use gloo_timers::callback::Interval;

use super::room::Room;
use super::state::News;
use crate::locale::fill;
use crate::ui::{El, el, keep};

/// The seconds left at which a screen reader is told, besides at the start.
const TOLD_AT_SECS: [u64; 2] = [300, 60];

/// Counts down for the eye, and tells the ear now and then.
pub fn countdown(room: &Rc<Room>) -> El {
    let texts = room.texts();
    let clock = el("p", "vt-clock").attr("role", "timer");
    let shown = clock.clone();
    let show = move |secs| {
        let text = fill(texts.time_left, "time", &span(secs));
        shown.set_text(&text);
        text
    };
    show(room.left_secs());
    let room = Rc::downgrade(room);
    let mut before = u64::MAX;
    keep(Interval::new(1_000, move || {
        let Some(room) = room.upgrade() else {
            return;
        };
        let secs = room.left_secs();
        let text = show(secs);
        let crossed = |mark: &u64| before > *mark && secs <= *mark;
        if secs == 0 {
            room.take(News::RanOut);
        } else if before == u64::MAX || TOLD_AT_SECS.iter().any(crossed) {
            room.say(&text);
        }
        before = secs;
    }));
    clock
}

/// `14 min 30 s`, the same in every language here.
fn span(secs: u64) -> String {
    let (hours, minutes, secs) = (secs / 3_600, secs / 60 % 60, secs % 60);
    match (hours, minutes) {
        (0, 0) => format!("{secs} s"),
        (0, _) => format!("{minutes} min {secs} s"),
        _ => format!("{hours} h {minutes} min"),
    }
}
