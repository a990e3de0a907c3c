//! How long what is before the buyer may still be paid or used.

use alloc::rc::Rc;
use alloc::string::{String, ToString};

use super::room::Room;
use super::state::News;
use crate::locale::fill;
use crate::reactive::keep;
use crate::timer::Timer;
use crate::ui::{El, el};

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
    keep(Timer::every(1_000, move || {
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
    let [hours_text, minutes_text, secs_text] = [hours, minutes, secs].map(|part| part.to_string());
    match (hours, minutes) {
        (0, 0) => [&*secs_text, " s"].concat(),
        (0, _) => [&*minutes_text, " min ", &*secs_text, " s"].concat(),
        _ => [&*hours_text, " h ", &*minutes_text, " min"].concat(),
    }
}
