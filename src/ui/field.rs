//! A text field: label above, hint below, an error in the hint's place.

use alloc::rc::Rc;
use alloc::string::String;

use wasm_bindgen::JsCast;
use web_sys::{Event, HtmlInputElement, InputEvent};
use zeroize::Zeroizing;

use super::{El, Icon, el, fresh_id, icon};

/// What a field says.
pub struct FieldTexts<'a> {
    /// Its label.
    pub label: &'a str,
    /// Its hint, may be empty.
    pub hint: &'a str,
    /// Its placeholder, may be empty.
    pub placeholder: &'a str,
}

/// A text field. What is typed stays in the input: it is never an attribute, and the input has no name
/// under which a form could send it anywhere.
#[derive(Clone)]
pub struct Field {
    /// The whole of it.
    pub el: El,
    input: El,
    hint: El,
    error: El,
    error_text: El,
}

impl Field {
    /// A field that browsers fill in as `autocomplete` (`cc-number`…), on a keyboard for `inputmode`.
    #[must_use]
    pub fn new(
        texts: &FieldTexts<'_>,
        autocomplete: &str,
        inputmode: &str,
        max_length: &str,
    ) -> Self {
        let (id, below) = (fresh_id("input"), fresh_id("below"));
        let input = el("input", "vt-input")
            .attr("id", &id)
            .attr("part", "input")
            .attr("type", "text")
            .attr("autocomplete", autocomplete)
            .attr("inputmode", inputmode)
            .attr("maxlength", max_length)
            .attr("placeholder", texts.placeholder)
            .attr("autocapitalize", "off")
            .attr("autocorrect", "off")
            .attr("spellcheck", "false")
            .attr("aria-required", "true")
            .attr("aria-describedby", &below);
        let hint = el("span", "vt-hint").text(texts.hint);
        let error_text = el("span", "");
        let error = el("span", "vt-error")
            .child(icon(Icon::Alert))
            .child(error_text.clone());
        error.hide(true);
        let label = el("label", "vt-label")
            .attr("for", &id)
            .attr("part", "label")
            .text(texts.label);
        let el = el("div", "vt-field")
            .child(label)
            .child(el("div", "vt-box").child(input.clone()))
            .child(
                el("div", "vt-below")
                    .attr("id", &below)
                    .child(hint.clone())
                    .child(error.clone()),
            );
        Self {
            el,
            input,
            hint,
            error,
            error_text,
        }
    }

    /// The same, which may stay empty.
    #[must_use]
    pub fn optional(self) -> Self {
        self.input.set("aria-required", "false");
        self
    }

    /// The same, for what begins with a capital letter.
    #[must_use]
    pub fn of_names(self) -> Self {
        self.input.set("autocapitalize", "words");
        self
    }

    /// Puts an element at the right end of the input.
    pub fn append(&self, end: &El) {
        if let Some(holder) = self.input.node().parent_element() {
            let _ = holder.append_child(end.node());
        }
    }

    /// Runs `changed` after every change, except in the middle of a composition, when rewriting the text
    /// would lose what the keyboard still holds back.
    pub fn on_input(&self, changed: impl Fn() + 'static) {
        let changed = Rc::new(changed);
        // What fills in by itself says so by "change" in some browsers.
        for name in ["input", "compositionend", "change"] {
            let changed = Rc::clone(&changed);
            let _ = self.input.clone().on(name, move |event: Event| {
                let typed = event.dyn_ref::<InputEvent>();
                if !typed.is_some_and(InputEvent::is_composing) {
                    changed();
                }
            });
        }
    }

    /// Runs `left` when the buyer leaves the field.
    pub fn on_leave(&self, left: impl Fn() + 'static) {
        let _ = self.input.clone().on("blur", move |_| left());
    }

    /// What is typed.
    #[must_use]
    pub fn value(&self) -> Zeroizing<String> {
        Zeroizing::new(self.node().value())
    }

    /// Where the caret is, counted in characters.
    #[must_use]
    pub fn caret(&self) -> usize {
        let units = self
            .node()
            .selection_start()
            .ok()
            .flatten()
            .unwrap_or(u32::MAX);
        // The browser counts UTF-16 code units.
        let mut passed = 0;
        let in_front = |c: &char| {
            passed += c.len_utf16();
            passed <= units as usize
        };
        self.value().chars().take_while(in_front).count()
    }

    /// Replaces what is typed, and puts the caret at a character if the buyer is in the field.
    pub fn retype(&self, text: &str, caret: usize) {
        if *self.value() == *text {
            return;
        }
        self.node().set_value(text);
        if self.input.has_focus() {
            let caret = u32::try_from(caret).unwrap_or(u32::MAX);
            let _ = self.node().set_selection_range(caret, caret);
        }
    }

    /// Empties the field.
    pub fn clear(&self) {
        self.node().set_value("");
    }

    /// Keeps the buyer from typing while a payment is under way.
    pub fn freeze(&self, frozen: bool) {
        self.node().set_read_only(frozen);
    }

    /// Says something else below.
    pub fn set_hint(&self, hint: &str) {
        self.hint.set_text(hint);
    }

    /// Shows what is wrong in the hint's place, or that nothing is.
    pub fn set_error(&self, error: Option<&str>) {
        self.hint.hide(error.is_some());
        self.error.hide(error.is_none());
        self.error_text.set_text(error.unwrap_or_default());
        self.input.set(
            "aria-invalid",
            if error.is_some() { "true" } else { "false" },
        );
    }

    /// Whether an error is shown.
    #[must_use]
    pub fn has_error(&self) -> bool {
        self.input.node().get_attribute("aria-invalid").as_deref() == Some("true")
    }

    /// Moves the focus into the field.
    pub fn focus(&self) {
        self.input.focus();
    }

    fn node(&self) -> &HtmlInputElement {
        self.input.as_node()
    }
}
