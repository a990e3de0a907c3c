//! Amounts and dates, written by the browser.

use alloc::string::{String, ToString};
use alloc::vec;

use js_sys::{Array, Date, Intl, Object, Reflect};
use ventanilla_core::money::Money;
use wasm_bindgen::JsValue;

use super::{Texts, choose, country_tag, padded};

/// A language: its texts, and how its country writes amounts and dates.
pub struct Locale {
    /// The texts.
    pub texts: &'static Texts,
    /// The tag that amounts and dates are written by.
    tag: JsValue,
}

impl Locale {
    /// Of some languages, the one for the tag that the shop wants, or else for what the browser's owner
    /// reads; `None` where there are none.
    #[must_use]
    pub fn open(wanted: &str, languages: &[&'static Texts]) -> Option<Self> {
        let mut tags = vec![String::from(wanted)];
        if let Some(window) = web_sys::window() {
            tags.extend(
                window
                    .navigator()
                    .languages()
                    .iter()
                    .filter_map(|tag| tag.as_string()),
            );
        }
        let (texts, tag) = choose(languages, tags.iter().map(String::as_str))?;
        let tag = country_tag(texts, tag).into();
        Some(Self { texts, tag })
    }

    /// An amount: `₡12 500,00`.
    #[must_use]
    pub fn money(&self, money: Money) -> String {
        let options = options(&[("style", "currency"), ("currency", money.currency().code())]);
        let format = Intl::NumberFormat::new(&Array::of1(&self.tag), &options).format();
        // As decimal text, so that no amount is ever a floating-point number on this side.
        written(format.call1(&JsValue::UNDEFINED, &money.decimal_text().into()))
            .unwrap_or_else(|| money.decimal_text())
    }

    /// Hundredths of a percent: `9,99 %`.
    #[must_use]
    pub fn percent(&self, basis_points: u32) -> String {
        let options = options(&[("style", "percent"), ("minimumFractionDigits", "2")]);
        let format = Intl::NumberFormat::new(&Array::of1(&self.tag), &options).format();
        let decimal = [
            &*(basis_points / 10_000).to_string(),
            ".",
            &padded(basis_points % 10_000, 4),
        ]
        .concat();
        written(format.call1(&JsValue::UNDEFINED, &decimal.as_str().into())).unwrap_or(decimal)
    }

    /// An instant, in the buyer's own time zone: `20 nov 2026, 1:29 p. m.`.
    #[must_use]
    pub fn moment(&self, rfc3339: &str) -> String {
        let options = options(&[("dateStyle", "medium"), ("timeStyle", "short")]);
        let date = Date::new(&rfc3339.into());
        if date.get_time().is_nan() {
            return String::from(rfc3339);
        }
        let format = Intl::DateTimeFormat::new(&Array::of1(&self.tag), &options).format();
        written(format.call1(&JsValue::UNDEFINED, &date)).unwrap_or_else(|| String::from(rfc3339))
    }
}

fn options(pairs: &[(&str, &str)]) -> Object {
    let options = Object::new();
    for (name, value) in pairs {
        let _ = Reflect::set(&options, &(*name).into(), &(*value).into());
    }
    options
}

fn written(answer: Result<JsValue, JsValue>) -> Option<String> {
    answer.ok().and_then(|text| text.as_string())
}
