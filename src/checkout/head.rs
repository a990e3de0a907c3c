//! Who is paid, and how much.

use alloc::string::{String, ToString};

use ventanilla_core::api::CheckoutView;

use crate::locale::{Locale, fill};
use crate::ui::{El, el};

/// The head of a checkout.
pub fn head(view: &CheckoutView, locale: &Locale) -> El {
    let texts = locale.texts;
    let order = fill(texts.order, "order", &view.order_reference);
    let head = el("header", "vt-head")
        .child(
            el("p", "vt-payee")
                .child(el("span", "").text(&view.payee))
                .child(el("span", "vt-order").text(&order)),
        )
        .child(el("p", "vt-total").text(&locale.money(view.total)));
    if !view.items.is_empty() {
        head.append(&items(view, locale));
    }
    head
}

fn items(view: &CheckoutView, locale: &Locale) -> El {
    let count = view.items.len();
    let summary = match count {
        1 => String::from(locale.texts.item),
        _ => fill(locale.texts.items, "n", &count.to_string()),
    };
    let list = el("ul", "vt-items");
    for item in &view.items {
        let quantity = match item.quantity {
            1 => String::new(),
            quantity => [&*quantity.to_string(), " × "].concat(),
        };
        let total = item
            .total
            .map(|total| locale.money(total))
            .unwrap_or_default();
        list.append(
            &el("li", "")
                .child(el("span", "").text(&[quantity, item.description.clone()].concat()))
                .child(el("span", "vt-amount").text(&total)),
        );
    }
    el("details", "vt-details")
        .child(el("summary", "").text(&summary))
        .child(list)
}
