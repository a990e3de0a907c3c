//! Elements and listeners.

use alloc::boxed::Box;

use crate::reactive::keep;
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast, UnwrapThrowExt};
use web_sys::{Document, Element, Event, EventTarget, HtmlElement, HtmlInputElement};

/// An element under construction, or kept to be changed later; a clone is the same element.
#[derive(Clone)]
pub struct El(Element);

/// A new element with a class.
#[must_use]
pub fn el(tag: &str, class: &str) -> El {
    let element = document()
        .create_element(tag)
        .expect_throw("a tag name written in this crate is valid");
    El(element).attr_if("class", class)
}

/// A new element that only draws.
#[must_use]
pub fn svg(tag: &str) -> El {
    let namespace = Some("http://www.w3.org/2000/svg");
    El(document()
        .create_element_ns(namespace, tag)
        .expect_throw("a tag name written in this crate is valid"))
}

pub(super) fn document() -> Document {
    web_sys::window()
        .and_then(|window| window.document())
        .expect_throw("the widget runs in a page")
}

impl El {
    /// Sets an attribute. Not for what a buyer typed.
    #[must_use]
    pub fn attr(self, name: &str, value: &str) -> Self {
        self.set(name, value);
        self
    }

    fn attr_if(self, name: &str, value: &str) -> Self {
        if value.is_empty() {
            self
        } else {
            self.attr(name, value)
        }
    }

    /// Shows a text, and nothing but it.
    #[must_use]
    pub fn text(self, text: &str) -> Self {
        self.set_text(text);
        self
    }

    /// Puts a child behind those that are there.
    #[must_use]
    pub fn child(self, child: El) -> Self {
        self.append(&child);
        self
    }

    /// Puts children behind those that are there.
    #[must_use]
    pub fn children(self, children: impl IntoIterator<Item = El>) -> Self {
        for child in children {
            self.append(&child);
        }
        self
    }

    /// Calls `heard` on every event of that name, for as long as the surrounding owner lives.
    #[must_use]
    pub fn on(self, name: &'static str, heard: impl FnMut(Event) + 'static) -> Self {
        listen(&self.0, name, Box::new(heard));
        self
    }

    /// The element itself.
    #[must_use]
    pub fn node(&self) -> &Element {
        &self.0
    }

    /// The element as the kind it was made as.
    #[must_use]
    pub fn as_node<T: JsCast>(&self) -> &T {
        self.0.unchecked_ref()
    }

    /// Puts a child behind those that are there.
    pub fn append(&self, child: &El) {
        let _ = self.0.append_child(&child.0);
    }

    /// Sets an attribute. Not for what a buyer typed.
    pub fn set(&self, name: &str, value: &str) {
        let _ = self.0.set_attribute(name, value);
    }

    /// Sets an attribute to nothing, or takes it away.
    pub fn toggle(&self, name: &str, present: bool) {
        let _ = self.0.toggle_attribute_with_force(name, present);
    }

    /// Ticks a box or picks a row, or takes it back.
    pub fn check(&self, checked: bool) {
        self.as_node::<HtmlInputElement>().set_checked(checked);
    }

    /// Shows a text, and nothing but it.
    pub fn set_text(&self, text: &str) {
        self.0.set_text_content(Some(text));
    }

    /// Hides the element from everybody, or shows it.
    pub fn hide(&self, hidden: bool) {
        self.toggle("hidden", hidden);
    }

    /// Puts `child` in the place of everything inside.
    pub fn show_only(&self, child: &El) {
        self.0.set_text_content(None);
        self.append(child);
    }

    /// Moves the focus here.
    pub fn focus(&self) {
        let _ = self.as_node::<HtmlElement>().focus();
    }

    /// Whether the focus is here or inside, be it in the page of a frame.
    #[must_use]
    pub fn has_focus(&self) -> bool {
        // A frame whose page has the focus is active, and yet no selector's.
        let active = document().active_element();
        self.0.matches(":focus-within").unwrap_or(false)
            || active.is_some_and(|active| self.0.contains(Some(&active)))
    }
}

/// Calls `heard` on every event of that name, for as long as the surrounding owner lives.
pub fn listen(target: &EventTarget, name: &'static str, heard: Box<dyn FnMut(Event)>) {
    let heard = Closure::wrap(heard);
    let _ = target.add_event_listener_with_callback(name, heard.as_ref().unchecked_ref());
    keep(Listener {
        target: target.clone(),
        name,
        heard,
    });
}

struct Listener {
    target: EventTarget,
    name: &'static str,
    heard: Closure<dyn FnMut(Event)>,
}

impl Drop for Listener {
    fn drop(&mut self) {
        let heard = self.heard.as_ref().unchecked_ref();
        let _ = self
            .target
            .remove_event_listener_with_callback(self.name, heard);
    }
}
