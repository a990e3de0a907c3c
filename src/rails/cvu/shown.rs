//! What the buyer pays by themselves, as it is put before them.

use alloc::rc::Rc;
use alloc::string::String;

use js_sys::{Function, Reflect};
use ventanilla_core::rails::cvu::{PayableView, Presentation, TransferView};
use wasm_bindgen::JsCast;
use wasm_bindgen_futures::JsFuture;

use crate::json::object;
use crate::link::is_page;
use crate::locale::{Texts, fill};
use crate::rails::Surroundings;
use crate::ui::{Button, Copy, El, button, copy_button, el, qr, run, select};

/// The heading, what is paid, and the steps for somebody who has never done it.
#[must_use]
pub fn show(payable: &PayableView, around: &Rc<Surroundings>) -> (String, El, El) {
    let texts = around.locale.texts;
    let amount = around.locale.money(around.checkout.total);
    let whole = el("div", "vt-shown");
    let (title, first, second) = match payable.presentation {
        Presentation::Qr => (texts.qr_title, texts.qr_first, texts.qr_second),
        Presentation::Link => (texts.link_title, texts.link_first, texts.link_second),
        Presentation::Transfer => (
            texts.transfer_title,
            texts.transfer_first,
            texts.transfer_second,
        ),
    };
    if let Some(code) = &payable.code {
        show_code(&whole, code, &amount, around);
    }
    if let Some(link) = &payable.link {
        show_link(&whole, link, around);
    }
    if let Some(transfer) = &payable.transfer {
        show_transfer(&whole, transfer, &amount, around);
    }
    let amount_in = |text: &str| fill(text, "amount", &amount);
    let list = el("ol", "vt-steps");
    for step in [first, second, texts.last_step] {
        list.append(&el("li", "").text(&amount_in(step)));
    }
    let steps = el("details", "vt-details")
        .child(el("summary", "").text(texts.how_to_pay))
        .child(list);
    (amount_in(title), whole, steps)
}

fn show_code(whole: &El, code: &str, amount: &str, around: &Rc<Surroundings>) {
    let texts = around.locale.texts;
    let payee = &around.checkout.payee;
    let alt = fill(&fill(texts.qr_alt, "amount", amount), "payee", payee);
    let drawn = qr(code, &alt);
    // For a wallet that takes a code as text; seen only where it has to be copied by hand.
    let text = el("p", "vt-value").text(code);
    text.hide(drawn.is_some());
    if let Some(drawn) = drawn {
        whole.append(
            &el("figure", "vt-figure")
                .child(drawn)
                .child(el("figcaption", "").text(&[payee, " · ", amount].concat())),
        );
    }
    let copy = Copy {
        value: code,
        text: texts.copy_code,
        copied: texts.code_copied,
    };
    whole.append(&copy_of(&copy, &text, around).el);
    whole.append(&text);
}

fn show_link(whole: &El, link: &str, around: &Rc<Surroundings>) {
    let texts = around.locale.texts;
    if let Some(open) = open_link(link, texts) {
        whole.append(&open);
    }
    let text = el("p", "vt-value").text(link);
    let copy = Copy {
        value: link,
        text: texts.copy_link,
        copied: texts.link_copied,
    };
    let row = el("div", "vt-actions").child(copy_of(&copy, &text, around).el);
    if let Some(share) = share(link, texts) {
        row.append(&share.el);
    }
    whole.append(&text);
    whole.append(&row);
}

fn show_transfer(whole: &El, transfer: &TransferView, amount: &str, around: &Rc<Surroundings>) {
    let texts = around.locale.texts;
    let list = el("dl", "vt-list");
    let row = |name: &str, value: &str, copy: Option<Copy<'_>>| {
        let text = el("span", "vt-value").text(value);
        let value = el("dd", "").child(text.clone());
        if let Some(copy) = copy {
            value.append(&copy_of(&copy, &text, around).el);
        }
        list.append(&el("div", "").child(el("dt", "").text(name)).child(value));
    };
    if let Some(alias) = &transfer.alias {
        let copy = Copy {
            value: alias,
            text: texts.copy_alias,
            copied: texts.alias_copied,
        };
        row("Alias", alias, Some(copy));
    }
    // The numbers of payment service providers begin so, and no bank's does.
    let kind = if transfer.account.starts_with("000") {
        "CVU"
    } else {
        "CBU"
    };
    let copy = Copy {
        value: &transfer.account,
        text: &fill(texts.copy_account, "kind", kind),
        copied: &fill(texts.account_copied, "kind", kind),
    };
    row(kind, &transfer.account, Some(copy));
    // As it is typed in Argentina, whatever the buyer reads: the app that takes it is Argentine.
    let decimal = around.checkout.total.decimal_text();
    let (whole_part, cents) = decimal.split_once('.').unwrap_or((&decimal, "00"));
    let typed = [whole_part, ",", cents].concat();
    let copy = Copy {
        value: &typed,
        text: texts.copy_amount,
        copied: texts.amount_copied,
    };
    row(texts.row_amount, amount, Some(copy));
    row(texts.row_holder, &transfer.holder, None);
    row("CUIT", &transfer.cuit, None);
    whole.append(&list);
    if let Some(open) = transfer
        .link
        .as_deref()
        .and_then(|link| open_link(link, texts))
    {
        whole.append(&open);
    }
}

/// A button that copies what `text` shows, or selects it for the buyer to copy.
fn copy_of(copy: &Copy<'_>, text: &El, around: &Rc<Surroundings>) -> Button {
    let (text, told) = (text.clone(), Rc::clone(around));
    let refused = Rc::new(move || {
        text.hide(false);
        select(&text);
        (told.say)(told.locale.texts.copy_by_hand);
    });
    copy_button(copy, Rc::clone(&around.say), refused)
}

/// A link to another tab; `None` for anything that is not a page.
fn open_link(link: &str, texts: &Texts) -> Option<El> {
    is_page(link).then(|| {
        el("a", "vt-button vt-first vt-pay")
            .attr("href", link)
            .attr("target", "_blank")
            .attr("rel", "noopener noreferrer")
            .attr("part", "button")
            .text(texts.open_link)
    })
}

/// A button that hands the link to another app; `None` where the browser cannot.
fn share(link: &str, texts: &Texts) -> Option<Button> {
    let navigator = web_sys::window()?.navigator();
    let share: Function = Reflect::get(&navigator, &"share".into())
        .ok()?
        .dyn_into()
        .ok()?;
    let data = object(&[("url", link.into())]);
    Some(
        button("button", "vt-second", texts.share).on_press(move || {
            if let Ok(shared) = share.call1(&navigator, &data) {
                // The buyer may change their mind; that is no trouble.
                run(async move {
                    let _ = JsFuture::from(js_sys::Promise::from(shared)).await;
                });
            }
        }),
    )
}
