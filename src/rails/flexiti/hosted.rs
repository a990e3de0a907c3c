//! The provider's page in a frame.
//!
//! Its address holds a token, so it goes into the frame and nowhere else. Its messages go to everybody, so
//! everybody's arrive here: only those of this frame's window, from the page's origin and about the session in
//! its address are read, and only the first of them that ends it is passed on.

use alloc::boxed::Box;
use alloc::string::String;
use core::cell::Cell;

use ventanilla_core::rails::flexiti::{HostedEvent, HostedMessage, HostedPage};
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{HtmlIFrameElement, MessageEvent};

use super::language;
use crate::json::Read;
use crate::link::parameter;
use crate::rails::Surroundings;
use crate::ui::{El, el, listen};

/// What the page may do in its frame. Not move the shop's page elsewhere, which the provider's own script allows.
pub const SANDBOX: &str =
    "allow-forms allow-pointer-lock allow-popups allow-same-origin allow-scripts";

/// The page, and what is said while it is on its way. `done` hears once what it said.
#[must_use]
pub fn hosted(page: &HostedPage, around: &Surroundings, done: Box<dyn Fn(HostedMessage)>) -> El {
    let texts = around.locale.texts;
    let status = el("p", "vt-status")
        .attr("role", "status")
        .text(texts.page_coming);
    status.toggle("data-busy", true);
    let there = status.clone();
    let frame = el("iframe", "vt-hosted")
        .attr("title", texts.page_name)
        .attr("lang", language(texts).name())
        .attr("sandbox", SANDBOX)
        .on("load", move |_| {
            there.toggle("data-busy", false);
            there.set_text("");
        });
    hear(page, &frame, done);
    frame.set("src", &page.address);
    el("div", "vt-shown").child(status).child(frame)
}

fn hear(page: &HostedPage, frame: &El, done: Box<dyn Fn(HostedMessage)>) {
    let Some(window) = web_sys::window() else {
        return;
    };
    let session = parameter(&page.address, "widget_session_id").map(String::from);
    let (origin, frame, is_over) = (page.origin.clone(), frame.clone(), Cell::new(false));
    listen(
        &window,
        "message",
        Box::new(move |event| {
            let event: &MessageEvent = event.unchecked_ref();
            if is_over.get() || !is_from(event, &frame) || event.origin() != origin {
                return;
            }
            let Some(said) = HostedEvent::read(&event.data()) else {
                return;
            };
            // Of an earlier session, whose page may have taken its time.
            if said.widget_session_id.is_some() && said.widget_session_id != session {
                return;
            }
            if let Some(message) = HostedMessage::read(&said) {
                is_over.set(true);
                done(message);
            }
        }),
    );
}

fn is_from(event: &MessageEvent, frame: &El) -> bool {
    let window = frame.as_node::<HtmlIFrameElement>().content_window();
    let source: Option<JsValue> = event.source().map(JsValue::from);
    source.is_some() && source == window.map(JsValue::from)
}
