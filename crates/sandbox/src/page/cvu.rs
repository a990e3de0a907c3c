//! The CVU wallet API: who paid, what left, and forms for both sides.

use std::fmt::Write as _;

use crate::cvu::ledger::{
    CashoutEntry, CashoutState, CreditEntry, CvuLedger, LinkEntry, QrOrderEntry,
};
use crate::cvu::options::CvuOptions;
use crate::cvu::payers;
use crate::ledger::NotificationEntry;
use crate::notify::Notifications;
use crate::world::State;

use super::controls::write_notify_form;
use super::ledger::{Cells, money, newest, write_notification, write_table};
use super::text::{Escaped, short_time};

/// The newest lines, the newest first, each with how many there are in all.
pub(super) struct View {
    credits: (Vec<CreditEntry>, usize),
    links: (Vec<LinkEntry>, usize),
    qr_orders: (Vec<QrOrderEntry>, usize),
    cashouts: (Vec<CashoutEntry>, usize),
    told: (Vec<NotificationEntry>, usize),
    options: CvuOptions,
    notifications: Notifications,
}

impl View {
    pub(super) fn of(state: &State) -> Self {
        let ledger: &CvuLedger = &state.ledger.cvu;
        Self {
            credits: newest(&ledger.credits),
            links: newest(&ledger.links),
            qr_orders: newest(&ledger.qr_orders),
            cashouts: newest(&ledger.cashouts),
            told: newest(&ledger.notifications),
            options: state.cvu.options.clone(),
            notifications: state.cvu.notifications.clone(),
        }
    }
}

pub(super) fn write(page: &mut String, view: &View, wallet: &str) -> std::fmt::Result {
    write!(
        page,
        "<section id=cvu><h2>CVU wallet API</h2>\
         <p>A buyer pays with the <a href=\"{}\">wallet</a>, at the address of a payment link, or \
         here.</p><div class=forms>",
        Escaped(wallet)
    )?;
    write_pay_form(page)?;
    write_options_form(page, &view.options)?;
    write_notify_form(
        page,
        "/cvu/notifications",
        "Tell the merchant of credits",
        &view.notifications,
    )?;
    page.push_str("</div>");
    let columns = [
        "When",
        "Amount",
        "Asked for",
        "Credited",
        "For",
        "Payer",
        "Times",
    ];
    write_table(page, "Credits", &columns, &view.credits, write_credit)?;
    let columns = ["When", "Amount", "Expires", "Use", "Link"];
    write_table(page, "Payment links", &columns, &view.links, write_link)?;
    let columns = ["When", "Amount", "Order", "Code", "Description"];
    write_table(page, "Orders", &columns, &view.qr_orders, write_order)?;
    let columns = ["When", "Amount", "Outcome", "Reference", "Times"];
    write_table(page, "Cash-outs", &columns, &view.cashouts, write_cashout)?;
    let columns = ["When", "Path", "How", "Answer", "About"];
    write_table(
        page,
        "Notifications of credits",
        &columns,
        &view.told,
        write_notification,
    )?;
    page.push_str("</section>");
    Ok(())
}

fn write_pay_form(page: &mut String) -> std::fmt::Result {
    page.push_str(
        "<form data-post=/cvu/pay><h3>A buyer pays</h3>\
         <p class=hint>Fill in one of code, link and order.</p>\
         <label class=wide>Text of a QR code<input name=code autocomplete=off></label>\
         <label>Payment link, number<input name=link_id type=number min=1 inputmode=numeric></label>\
         <label>Order, number<input name=qr_order_id type=number min=1 inputmode=numeric></label>\
         <label>Another amount<input name=amount inputmode=decimal placeholder=\"1500.50\"></label>\
         <label>Later by, ms<input name=delay_ms type=number min=0 inputmode=numeric></label>\
         <label>Times<input name=times type=number min=1 max=20 value=1 inputmode=numeric></label>\
         <label>Payer<select name=payer>",
    );
    for payer in payers() {
        write!(
            page,
            "<option value=\"{}\">{}",
            Escaped(&payer.alias),
            Escaped(&payer.holder)
        )?;
    }
    page.push_str(
        "</select></label>\
         <label class=\"check wide\"><input name=insist type=checkbox>Even if it is paid or has run out</label>\
         <button>Pay</button></form>",
    );
    Ok(())
}

fn write_options_form(page: &mut String, now: &CvuOptions) -> std::fmt::Result {
    write!(
        page,
        "<form data-post=/cvu/options><h3>When credits appear, and odd forms</h3>\
         <label>After, ms<input name=credit_delay_ms type=number min=0 max=86400000 value={} inputmode=numeric></label>\
         <label>And up to, ms<input name=credit_spread_ms type=number min=0 max=86400000 value={} inputmode=numeric></label>",
        now.credit_delay_ms, now.credit_spread_ms
    )?;
    let json = serde_json::to_value(now).unwrap_or_default();
    for (label, field, values) in [
        ("Buyer", "buyer", &["object", "list", "pairs", "mixed"][..]),
        (
            "Token expires at",
            "expires_at",
            &["seconds", "milliseconds", "text"],
        ),
        ("Amounts in lists", "list_amounts", &["point", "es_ar"]),
        ("List", "list", &["object", "bare"]),
        (
            "Expiration date",
            "expiration",
            &["as_written", "as_written_strict", "minutes"],
        ),
        (
            "Dynamic code",
            "code",
            &["amount", "at_acceptor", "picture"],
        ),
        ("Second order", "second_order", &["refuse", "replace"]),
    ] {
        write!(page, "<label>{label}<select name={field}>")?;
        for value in values {
            let selected = if json[field] == **value {
                " selected"
            } else {
                ""
            };
            write!(page, "<option{selected}>{value}")?;
        }
        page.push_str("</select></label>");
    }
    page.push_str(
        "<p class=hint>Everything else is set back. All options are at \
         <a href=/cvu/options>/cvu/options</a>.</p><button>Set</button></form>",
    );
    Ok(())
}

fn pesos(amount: &str) -> String {
    money("ARS", amount)
}

fn write_credit(cells: &mut Cells<'_>, credit: &CreditEntry) -> std::fmt::Result {
    cells.cell("number", short_time(&credit.paid_at))?;
    cells.cell("number", pesos(&credit.amount))?;
    let differs = credit
        .ordered
        .as_ref()
        .is_some_and(|it| *it != credit.amount);
    let class = if differs { "number bad" } else { "number" };
    match &credit.ordered {
        Some(ordered) => cells.named(class, pesos(ordered))?,
        None => cells.named("", "any")?,
    }
    cells.named("number", short_time(&credit.credited_at))?;
    let what = match (credit.link_id, credit.qr_order_id, credit.sale_point_id) {
        (Some(id), ..) => format!("link {id}"),
        (None, Some(id), _) => format!("order {id}"),
        (None, None, Some(id)) => format!("sale point {id}"),
        (None, None, None) => String::from("transfer link"),
    };
    cells.cell("", what)?;
    cells.cell("", Escaped(&credit.payer.holder))?;
    cells.times(credit.count)
}

fn write_link(cells: &mut Cells<'_>, link: &LinkEntry) -> std::fmt::Result {
    cells.cell("number", short_time(&link.at))?;
    cells.cell("number", pesos(&link.amount))?;
    cells.named("number", short_time(&link.expires_at))?;
    cells.cell("", if link.multiple_use { "several" } else { "once" })?;
    cells.cell(
        "reference",
        format!(
            "{} <a href=\"{url}\">{url}</a>",
            link.link_id,
            url = Escaped(&link.link)
        ),
    )
}

fn write_order(cells: &mut Cells<'_>, order: &QrOrderEntry) -> std::fmt::Result {
    cells.cell("number", short_time(&order.at))?;
    cells.cell("number", pesos(&order.amount))?;
    cells.cell("number", order.qr_order_id)?;
    match (&order.qr_code, order.sale_point_id) {
        (Some(code), _) => cells.cell("reference", Escaped(code))?,
        (None, Some(id)) => cells.cell("", format!("of sale point {id}"))?,
        (None, None) => cells.cell("", "")?,
    }
    cells.cell("", Escaped(&order.description))
}

fn write_cashout(cells: &mut Cells<'_>, cashout: &CashoutEntry) -> std::fmt::Result {
    cells.cell("number", short_time(&cashout.at))?;
    let amount = cashout.amount.as_deref();
    cells.cell(
        "number",
        amount.map_or_else(|| String::from("unknown"), pesos),
    )?;
    let (class, word) = match cashout.state {
        CashoutState::Sent => ("good", "sent"),
        CashoutState::Repeated => ("", "told again"),
        CashoutState::Refused => ("bad", "refused"),
    };
    cells.cell(class, word)?;
    cells.cell("reference", Escaped(&cashout.reference_id))?;
    cells.times(cashout.count)
}
