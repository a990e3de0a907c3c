//! Whether anything secret is on disk: in logs, metrics, database files, journals or webhooks.
//!
//! Every secret that was in play is looked for in each form in which software writes things down. What is
//! found is told by its kind, its form and its place, never by its value.

mod forms;
mod scan;

use std::path::PathBuf;

use serde::Serialize;

pub use scan::Scan;

/// Something that may be nowhere on disk.
#[derive(Clone)]
pub struct Canary {
    kind: &'static str,
    text: String,
    sort: Sort,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Sort {
    /// A card number.
    Pan,
    /// A CVC: three digits say nothing by themselves.
    Cvc,
    /// One of a few that live as long as the shop.
    Lasting,
    /// One of many that live as long as a payment; all of it is random, so a part gives it away.
    Fleeting,
}

impl Canary {
    /// A card number, digits only.
    #[must_use]
    pub fn pan(digits: &str) -> Self {
        Self::of("card number", digits, Sort::Pan)
    }

    /// A CVC; found only beside a word that says what it is.
    #[must_use]
    pub fn cvc(digits: &str) -> Self {
        Self::of("CVC", digits, Sort::Cvc)
    }

    /// A key or password.
    #[must_use]
    pub fn lasting(kind: &'static str, text: &str) -> Self {
        Self::of(kind, text, Sort::Lasting)
    }

    /// A sealed card, a token or a session.
    #[must_use]
    pub fn fleeting(kind: &'static str, text: &str) -> Self {
        Self::of(kind, text, Sort::Fleeting)
    }

    fn of(kind: &'static str, text: &str, sort: Sort) -> Self {
        Self {
            kind,
            text: text.to_owned(),
            sort,
        }
    }
}

/// Something secret that was found.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize)]
pub struct Leak {
    /// What it is.
    pub kind: &'static str,
    /// How it was written.
    pub form: &'static str,
    /// Where it was first found in this form.
    pub file: PathBuf,
    /// So many bytes from the file's beginning it ends.
    pub offset: u64,
    /// How often one of this kind was found in this form in this file.
    pub times: u64,
}

#[cfg(test)]
mod tests;
