//! What a buyer reads when something is certain.

use alloc::rc::Rc;
use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;

use ventanilla_core::api::ReceiptView;
use ventanilla_core::money::Money;
use ventanilla_core::problem::Fault;
use ventanilla_core::rails::Rail;
use ventanilla_core::rails::card::DeclineAdvice;
use ventanilla_core::rails::flexiti::FinancedCredit;
use ventanilla_core::rails::flux::WalletAdvice;

use super::page::Page;
use super::room::Room;
use super::state::News;
use crate::error::{self, Trouble};
use crate::locale::fill;
use crate::ui::{Button, Copy, Icon, button, can_copy, copy_button, el};

/// The bank said no: why, as far as it helps, and what to do.
pub fn declined(room: &Rc<Room>, advice: DeclineAdvice) -> Page {
    let texts = room.texts();
    let next = match advice {
        DeclineAdvice::CallBank | DeclineAdvice::InsufficientFunds | DeclineAdvice::OtherCard => {
            texts.use_other_card
        }
        DeclineAdvice::CheckNumber
        | DeclineAdvice::CheckExpiry
        | DeclineAdvice::TryAgain
        | DeclineAdvice::TryLater
        | DeclineAdvice::AskShop => texts.try_again,
    };
    Page::new("stop", Icon::Stop, texts.declined_title)
        .say(texts.advice(advice))
        .say(texts.declined_money)
        .action(&deed(room, "vt-first", next, || News::TryAgain).el)
}

/// The buyer's wallet said no: why, as far as it helps, and what to do.
pub fn declined_by_wallet(room: &Rc<Room>, advice: WalletAdvice) -> Page {
    let texts = room.texts();
    Page::new("stop", Icon::Stop, texts.flux_declined_title)
        .say(texts.wallet_advice(advice))
        .say(texts.flux_declined_money)
        .action(&deed(room, "vt-first", texts.flux_new_code, || News::TryAgain).el)
}

/// Nothing was sent to the bank, or to the wallet.
pub fn not_executed(room: &Rc<Room>) -> Page {
    let texts = room.texts();
    let title = match room.attempted() {
        Some(Rail::Flux) => texts.flux_not_executed_title,
        _ => texts.not_executed_title,
    };
    Page::new("over", Icon::Stop, title)
        .say(texts.not_executed_text)
        .action(&deed(room, "vt-first", texts.try_again, || News::TryAgain).el)
}

/// Paid.
pub fn paid(room: &Rc<Room>, receipt: Option<&ReceiptView>, reference: Option<&str>) -> Page {
    let texts = room.texts();
    let title = match room.attempted() {
        Some(Rail::Flexiti) => texts.financed_title,
        _ => texts.paid_title,
    };
    let page = Page::new("done", Icon::Check, title);
    let Some(receipt) = receipt else {
        return page.say(texts.paid_before);
    };
    let locale = room.locale();
    let (payee, order) = room.order();
    let card = receipt
        .last4
        .as_ref()
        .map(|last4| texts.named_card(receipt.brand, last4));
    let installments = receipt
        .installments
        .filter(|count| *count > 1)
        .map(|count| count.to_string());
    let page = page
        .with(el("p", "vt-total").text(&locale.money(receipt.paid)))
        .rows(&with_a_tip(room, receipt))
        .rows(&with_a_plan(room, receipt))
        .rows(&[
            (texts.row_payee, payee.clone()),
            (texts.row_order, order),
            (texts.row_card, card),
            (texts.row_installments, installments),
            (texts.row_date, Some(locale.moment(&receipt.paid_at))),
            (texts.row_authorization, receipt.authorization.clone()),
            (texts.reference, reference.map(String::from)),
        ]);
    let page = match (&receipt.financing, receipt.card_saved) {
        (Some(financing), _) => {
            let text = match financing.credit {
                FinancedCredit::Held => texts.financed_held,
                FinancedCredit::Captured => texts.financed_text,
                FinancedCredit::Released => texts.financed_released,
            };
            page.say(&fill(text, "payee", payee.as_deref().unwrap_or_default()))
        }
        (None, true) => page.say(texts.card_saved),
        (None, false) => page,
    };
    let print = button("button", "vt-second", texts.print).on_press(|| {
        if let Some(window) = web_sys::window() {
            let _ = window.print();
        }
    });
    let page = page.action(&print.el);
    match reference.and_then(|reference| copy(room, reference)) {
        Some(copy) => page.action(&copy.el),
        None => page,
    }
}

/// Bill, tip and total, where there is a tip.
fn with_a_tip(room: &Rc<Room>, receipt: &ReceiptView) -> Vec<(&'static str, Option<String>)> {
    let Some(tip) = receipt.tip else {
        return Vec::new();
    };
    let (locale, texts) = (room.locale(), room.texts());
    let bill = receipt.paid.minor().saturating_sub(tip.minor());
    let bill = Money::from_minor(bill, receipt.paid.currency()).ok();
    vec![
        (texts.flux_bill, bill.map(|bill| locale.money(bill))),
        (texts.flux_tip_amount, Some(locale.money(tip))),
        (texts.flux_total, Some(locale.money(receipt.paid))),
    ]
}

/// How a purchase that was financed is paid off.
fn with_a_plan(room: &Rc<Room>, receipt: &ReceiptView) -> Vec<(&'static str, Option<String>)> {
    let Some(financing) = &receipt.financing else {
        return Vec::new();
    };
    let texts = room.texts();
    let way = match &financing.plan {
        None => String::from(texts.regular),
        Some(plan) => {
            let text = match plan.months {
                1 => texts.installments_once,
                _ => texts.monthly,
            };
            let text = fill(text, "n", &plan.months.to_string());
            fill(&text, "amount", &room.locale().money(plan.monthly))
        }
    };
    vec![(texts.row_plan, Some(way))]
}

/// Somebody at the shop is looking.
pub fn review(room: &Rc<Room>, twice: bool, reference: &str) -> Page {
    let texts = room.texts();
    let (title, text) = if twice {
        (texts.twice_title, texts.twice_text)
    } else {
        (texts.review_title, texts.review_text)
    };
    let page = Page::new("wait", Icon::Clock, title)
        .say(text)
        .rows(&[(texts.reference, Some(String::from(reference)))]);
    match copy(room, reference) {
        Some(copy) => page.action(&copy.el),
        None => page,
    }
}

/// The session's time is over.
pub fn expired(room: &Rc<Room>) -> Page {
    let texts = room.texts();
    Page::new("over", Icon::Clock, texts.expired_title).say(texts.expired_text)
}

/// No attempts are left.
pub fn exhausted(room: &Rc<Room>) -> Page {
    let texts = room.texts();
    Page::new("over", Icon::Stop, texts.exhausted_title).say(texts.exhausted_text)
}

/// The session could not be read.
pub fn trouble(room: &Rc<Room>, trouble: &Trouble) -> Page {
    let texts = room.texts();
    if trouble.is(error::FRAME_ONLY) {
        let text = fill(texts.trouble_frame, "code", &trouble.code);
        return Page::new("stop", Icon::Stop, texts.trouble_title).say(&text);
    }
    let text = match trouble.fault {
        Fault::Network | Fault::Provider => String::from(texts.trouble_network),
        Fault::Integration | Fault::Buyer | Fault::Internal => {
            fill(texts.trouble_shop, "code", &trouble.code)
        }
    };
    Page::new("stop", Icon::Stop, texts.trouble_title)
        .say(&text)
        .action(&deed(room, "vt-first", texts.retry, || News::Retry).el)
}

/// A button that brings a piece of news.
pub fn deed(room: &Rc<Room>, class: &str, text: &str, news: impl Fn() -> News + 'static) -> Button {
    let room = Rc::downgrade(room);
    button("button", class, text).on_press(move || {
        if let Some(room) = room.upgrade() {
            room.take(news());
        }
    })
}

/// A button that copies the reference; none where the browser has no clipboard to copy to.
fn copy(room: &Rc<Room>, reference: &str) -> Option<Button> {
    let texts = room.texts();
    let copy = Copy {
        value: reference,
        text: texts.copy_reference,
        copied: texts.copied,
    };
    can_copy().then(|| copy_button(&copy, room.teller(), Rc::new(|| ())))
}
