//! Financing: who the buyer is, the provider's page on which they show it, and how the purchase is paid off.

mod birth_date;
mod form;
mod hosted;
mod offered;

pub use birth_date::dashed;
pub use form::open;
pub use hosted::{SANDBOX, hosted};
pub use offered::offered;

use ventanilla_core::rails::flexiti::Language;

use crate::locale::Texts;

/// The language of the provider's page and texts for somebody who reads `texts`.
fn language(texts: &Texts) -> Language {
    if texts.tag.starts_with("fr") {
        Language::Fr
    } else {
        Language::En
    }
}
