//! Copying.

use alloc::rc::Rc;
use alloc::string::String;

use wasm_bindgen_futures::JsFuture;
use web_sys::Clipboard;

use super::{Button, El, button, run};
use crate::timer::wait;

/// How long a button says that it copied.
const COPIED_MS: u32 = 2_500;

/// What is copied, and what is said.
pub struct Copy<'a> {
    /// The value.
    pub value: &'a str,
    /// The button's text.
    pub text: &'a str,
    /// Its text, and the words for a screen reader, once it is done.
    pub copied: &'a str,
}

/// Whether this page can copy: not outside secure contexts.
#[must_use]
pub fn can_copy() -> bool {
    clipboard().is_some()
}

/// A button that copies, and calls `refused` where the browser does not let it.
#[must_use]
pub fn copy_button(copy: &Copy<'_>, say: Rc<dyn Fn(&str)>, refused: Rc<dyn Fn()>) -> Button {
    let (value, text) = (String::from(copy.value), String::from(copy.text));
    let copied = String::from(copy.copied);
    let button = button("button", "vt-second", &text);
    let at = button.clone();
    button.on_press(move || {
        let write = clipboard().map(|clipboard| JsFuture::from(clipboard.write_text(&value)));
        let (at, say, refused) = (at.clone(), Rc::clone(&say), Rc::clone(&refused));
        let (text, copied) = (text.clone(), copied.clone());
        run(async move {
            let done = match write {
                Some(write) => write.await.is_ok(),
                None => false,
            };
            if !done {
                return refused();
            }
            say(&copied);
            at.set_text(&copied);
            wait(COPIED_MS).await;
            at.set_text(&text);
        });
    })
}

/// Selects everything in an element, so that the buyer can copy it.
pub fn select(shown: &El) {
    let selection = web_sys::window().and_then(|window| window.get_selection().ok().flatten());
    if let Some(selection) = selection {
        let _ = selection.select_all_children(shown.node());
    }
}

fn clipboard() -> Option<Clipboard> {
    let clipboard = web_sys::window()?.navigator().clipboard();
    (!clipboard.is_undefined()).then_some(clipboard)
}
