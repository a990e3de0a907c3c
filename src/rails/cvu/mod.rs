//! Paying from a wallet or bank of one's own: by a QR code, a link or a transfer.

use alloc::vec::Vec;

mod form;
mod shown;

pub use form::open;
pub use shown::show;

use ventanilla_core::rails::cvu::Presentation;

use crate::locale::Texts;
use crate::rails::Surroundings;

/// The presentations in the order that suits this device: nobody can scan the screen they hold.
fn in_order(offered: &[Presentation]) -> Vec<Presentation> {
    let first = if is_handheld() {
        Presentation::Link
    } else {
        Presentation::Qr
    };
    let mut ordered = offered.to_vec();
    if let Some(at) = ordered.iter().position(|offered| *offered == first) {
        ordered.remove(at);
        ordered.insert(0, first);
    }
    ordered
}

/// Calls `each` with every presentation besides one and its name, in the order that suits this device.
pub fn for_others(
    around: &Surroundings,
    shown: Presentation,
    each: &mut dyn FnMut(Presentation, &'static str),
) {
    let Some(offer) = &around.checkout.cvu else {
        return;
    };
    for presentation in in_order(&offer.presentations) {
        if presentation != shown {
            each(presentation, face(presentation, around.locale.texts).0);
        }
    }
}

/// How a presentation is offered: its name, and one line of what will happen.
const fn face(presentation: Presentation, texts: &Texts) -> (&'static str, &'static str) {
    match presentation {
        Presentation::Link => (texts.link, texts.link_line),
        Presentation::Qr => (texts.qr, texts.qr_line),
        Presentation::Transfer => (texts.transfer, texts.transfer_line),
    }
}

/// By the screen and not by the frame, which is narrow on any device.
fn is_handheld() -> bool {
    web_sys::window()
        .and_then(|window| {
            window
                .match_media("(pointer: coarse), (max-device-width: 600px)")
                .ok()
                .flatten()
        })
        .is_some_and(|query| query.matches())
}
