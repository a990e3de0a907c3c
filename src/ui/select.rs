//! A choice out of a list that unfolds: label above, an error below.

use alloc::string::String;

use web_sys::HtmlSelectElement;

use super::{El, Icon, el, fresh_id, icon};

/// A choice out of a list, of which nothing is chosen at first.
#[derive(Clone)]
pub struct Select {
    /// The whole of it.
    pub el: El,
    select: El,
    error: El,
    error_text: El,
}

impl Select {
    /// A list that browsers fill in as `autocomplete`.
    #[must_use]
    pub fn new(label: &str, autocomplete: &str, values: &[&str]) -> Self {
        let (id, below) = (fresh_id("select"), fresh_id("below"));
        let select = el("select", "vt-input vt-select")
            .attr("id", &id)
            .attr("part", "input")
            .attr("autocomplete", autocomplete)
            .attr("aria-required", "true")
            .attr("aria-describedby", &below)
            .child(el("option", "").attr("value", "").text("–"))
            .children(
                values
                    .iter()
                    .map(|value| el("option", "").attr("value", value).text(value)),
            );
        let error_text = el("span", "");
        let error = el("span", "vt-error")
            .child(icon(Icon::Alert))
            .child(error_text.clone());
        error.hide(true);
        let label = el("label", "vt-label")
            .attr("for", &id)
            .attr("part", "label")
            .text(label);
        let el = el("div", "vt-field")
            .child(label)
            .child(el("div", "vt-box").child(select.clone()))
            .child(
                el("div", "vt-below")
                    .attr("id", &below)
                    .child(error.clone()),
            );
        Self {
            el,
            select,
            error,
            error_text,
        }
    }

    /// Chooses a value; nothing where it is not in the list.
    pub fn choose(&self, value: &str) {
        self.node().set_value(value);
    }

    /// The value chosen.
    #[must_use]
    pub fn chosen(&self) -> Option<String> {
        Some(self.node().value()).filter(|value| !value.is_empty())
    }

    /// Runs `changed` when another value is chosen.
    pub fn on_change(&self, changed: impl Fn() + 'static) {
        let _ = self.select.clone().on("change", move |_| changed());
    }

    /// Shows what is wrong, or that nothing is.
    pub fn set_error(&self, error: Option<&str>) {
        self.error.hide(error.is_none());
        self.error_text.set_text(error.unwrap_or_default());
        let invalid = if error.is_some() { "true" } else { "false" };
        self.select.set("aria-invalid", invalid);
    }

    /// Keeps the buyer from choosing while a payment is under way.
    pub fn freeze(&self, frozen: bool) {
        self.select.toggle("disabled", frozen);
    }

    /// Moves the focus here.
    pub fn focus(&self) {
        self.select.focus();
    }

    fn node(&self) -> &HtmlSelectElement {
        self.select.as_node()
    }
}
