//! The one shape of every screen that is not the form: a sign, a sentence of state, what to know, one
//! thing to do.

use alloc::string::String;

use crate::ui::{El, Icon, disc, el, fresh_id};

/// A screen under construction.
pub struct Page {
    /// The element.
    pub el: El,
    /// Takes the focus when the screen comes up.
    pub heading: El,
    actions: El,
}

impl Page {
    /// A screen of a kind (`done`, `wait`, `stop`) with its sentence of state.
    pub fn new(kind: &str, icon: Icon, title: &str) -> Self {
        let page = Self::plain(kind, title);
        let before = Some(page.heading.node().as_ref());
        let _ = page.el.node().insert_before(disc(icon).node(), before);
        page
    }

    /// A screen without a sign.
    pub fn plain(kind: &str, title: &str) -> Self {
        let id = fresh_id("title");
        let heading = el("h2", "vt-title")
            .attr("id", &id)
            .attr("tabindex", "-1")
            .text(title);
        let section = el("section", &["vt-page vt-", kind].concat())
            .attr("aria-labelledby", &id)
            .child(heading.clone());
        Self {
            el: section,
            heading,
            actions: el("div", "vt-actions"),
        }
    }

    /// Says something.
    pub fn say(self, text: &str) -> Self {
        self.with(el("p", "vt-say").text(text))
    }

    /// Shows anything.
    pub fn with(self, child: El) -> Self {
        self.el.append(&child);
        self
    }

    /// Shows names and values.
    pub fn rows(self, rows: &[(&str, Option<String>)]) -> Self {
        let list = el("dl", "vt-list");
        for (name, value) in rows {
            if let Some(value) = value {
                list.append(
                    &el("div", "")
                        .child(el("dt", "").text(name))
                        .child(el("dd", "").text(value)),
                );
            }
        }
        self.with(list)
    }

    /// Offers something to do.
    pub fn action(self, button: &El) -> Self {
        self.actions.append(button);
        self.el.append(&self.actions);
        self
    }
}
