//! The languages, each a whole [`Texts`].

use super::Texts;

mod en_ca;
mod es_ar;
mod es_cr;
mod es_mx;
mod fr_ca;

/// Every language, in the order in which one stands in for another of the same kind.
pub static LANGUAGES: [&Texts; 5] = [
    &es_cr::TEXTS,
    &en_ca::TEXTS,
    &fr_ca::TEXTS,
    &es_ar::TEXTS,
    &es_mx::TEXTS,
];
