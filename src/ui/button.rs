//! Buttons.

use alloc::boxed::Box;

use super::{El, el};

/// A button that can be busy: it keeps its place, its width and the focus, and cannot be pressed.
#[derive(Clone)]
pub struct Button {
    /// The element.
    pub el: El,
    label: El,
}

/// A button with a class and a text. `kind` is `submit` or `button`.
#[must_use]
pub fn button(kind: &str, class: &str, text: &str) -> Button {
    let label = el("span", "vt-label").text(text);
    let el = el("button", &["vt-button ", class].concat())
        .attr("type", kind)
        .attr("part", "button")
        .child(el("span", "vt-progress").attr("aria-hidden", "true"))
        .child(label.clone());
    Button { el, label }
}

impl Button {
    /// Calls `pressed` on every press while the button is not busy.
    #[must_use]
    pub fn on_press(self, pressed: impl FnMut() + 'static) -> Self {
        // Boxed, so that what stands around a press is downloaded once.
        self.on_press_boxed(Box::new(pressed))
    }

    fn on_press_boxed(self, mut pressed: Box<dyn FnMut()>) -> Self {
        let at = self.clone();
        let el = self.el.on("click", move |_| {
            if !at.is_busy() {
                pressed();
            }
        });
        Self { el, ..self }
    }

    /// Shows whether the deed is under way, and under which text.
    pub fn set_busy(&self, busy: bool, text: &str) {
        self.el
            .set("aria-disabled", if busy { "true" } else { "false" });
        self.label.set_text(text);
    }

    /// Shows another text.
    pub fn set_text(&self, text: &str) {
        self.label.set_text(text);
    }

    /// Whether the deed is under way.
    #[must_use]
    pub fn is_busy(&self) -> bool {
        self.el.node().get_attribute("aria-disabled").as_deref() == Some("true")
    }
}
