//! The way in from JavaScript.

use std::rc::Rc;

use js_sys::Reflect;
use leptos::mount::{UnmountHandle, mount_to};
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::HtmlElement;

use crate::checkout::{Options, open};
use crate::element::JsDoor;
use crate::ui::{Placed, View, apply_appearance};

/// A checkout on a page. Letting go of the handle leaves the checkout where it is.
#[wasm_bindgen]
pub struct Handle {
    mounted: Option<UnmountHandle<Placed>>,
    root: HtmlElement,
}

/// Puts a checkout into `root`, in the place of whatever stands there.
///
/// `options` is `{ proxy: string, locale: string, rails: string, appearance: object | null, mode: "frame" |
/// "inline" }`; what is missing is as if empty.
#[wasm_bindgen]
#[must_use]
pub fn mount(root: HtmlElement, door: JsDoor, options: &JsValue) -> Handle {
    let read = |name: &str| Reflect::get(options, &name.into()).unwrap_or_default();
    let text = |name: &str| read(name).as_string().unwrap_or_default();
    let options = Options {
        proxy: text("proxy"),
        locale: text("locale"),
        rails: text("rails"),
        appearance: read("appearance"),
        framed: text("mode") == "frame",
    };
    root.set_text_content(None);
    let mounted = mount_to(root.clone(), move || View(open(Rc::new(door), &options)));
    Handle {
        mounted: Some(mounted),
        root,
    }
}

#[wasm_bindgen]
impl Handle {
    /// Takes the checkout off the page: its elements, listeners, timers and what was typed. A second call
    /// does nothing.
    pub fn unmount(&mut self) {
        self.mounted.take();
    }

    /// Gives the checkout other looks: an object of `--ventanilla-*` properties and `scheme`.
    pub fn appearance(&self, wanted: &JsValue) {
        if let (Some(_), Some(element)) = (&self.mounted, self.root.first_element_child()) {
            apply_appearance(&element.unchecked_into(), wanted);
        }
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        if let Some(mounted) = self.mounted.take() {
            mounted.forget();
        }
    }
}
