//! The Flux API: what was paid and given back, a form that makes codes, and one for odd forms.

use std::fmt::Write as _;

use crate::flux::ledger::{
    FluxCodeEntry, FluxCodeKind, FluxLedger, FluxPaymentEntry, FluxRefundEntry, FluxState,
};
use crate::flux::options::FluxOptions;
use crate::world::State;

use super::ledger::{Cells, money, newest, write_table};
use super::text::{Escaped, short_time, spoken};

/// The newest lines, the newest first, each with how many there are in all.
pub(super) struct View {
    payments: (Vec<FluxPaymentEntry>, usize),
    refunds: (Vec<FluxRefundEntry>, usize),
    codes: (Vec<FluxCodeEntry>, usize),
    options: FluxOptions,
}

impl View {
    pub(super) fn of(state: &State) -> Self {
        let ledger: &FluxLedger = &state.ledger.flux;
        Self {
            payments: newest(&ledger.payments),
            refunds: newest(&ledger.refunds),
            codes: newest(&ledger.codes),
            options: state.flux.options.clone(),
        }
    }
}

pub(super) fn write(page: &mut String, view: &View, wallet: &str) -> std::fmt::Result {
    write!(
        page,
        "<section id=flux><h2>Flux API</h2>\
         <p>A buyer shows a code of the <a href=\"{}\">wallet</a>; the shop scans it.</p>\
         <div class=forms>",
        Escaped(wallet)
    )?;
    write_code_form(page)?;
    write_options_form(page, &view.options)?;
    page.push_str("</div>");
    let columns = [
        "When",
        "Amount",
        "Tip",
        "Outcome",
        "Code",
        "Reference",
        "Times",
    ];
    write_table(page, "Payments", &columns, &view.payments, write_payment)?;
    let columns = ["When", "Amount", "Outcome", "Reference", "Times"];
    write_table(page, "Refunds", &columns, &view.refunds, write_refund)?;
    let columns = ["When", "Number", "Kind", "Expires", "Text"];
    write_table(page, "Wallet codes", &columns, &view.codes, write_code)?;
    page.push_str("</section>");
    Ok(())
}

fn write_code_form(page: &mut String) -> std::fmt::Result {
    page.push_str(
        "<form data-post=/flux/codes><h3>Make a wallet code</h3>\
         <label class=wide>Kind<select name=kind>",
    );
    for kind in FluxCodeKind::ALL {
        write!(
            page,
            "<option value={}>{}",
            kind.name(),
            spoken(kind.name())
        )?;
    }
    page.push_str("</select></label><button>Make</button></form>");
    Ok(())
}

fn write_options_form(page: &mut String, now: &FluxOptions) -> std::fmt::Result {
    write!(
        page,
        "<form data-post=/flux/options><h3>Times, and odd forms</h3>\
         <label>A code lives, s<input name=code_lifetime_secs type=number min=1 value={} inputmode=numeric></label>\
         <label>A slow one takes, ms<input name=slow_ms type=number min=0 max=3600000 value={} inputmode=numeric></label>",
        now.code_lifetime_secs, now.slow_ms
    )?;
    let json = serde_json::to_value(now).unwrap_or_default();
    for (label, field, values) in [
        (
            "Token expires in",
            "expires_in",
            &[
                "epoch_milliseconds",
                "epoch_seconds",
                "seconds",
                "milliseconds",
                "text",
            ][..],
        ),
        ("Depth of errors", "error_nesting", &["two", "one"]),
        ("Codes", "code_form", &["base64", "json"]),
        ("Type of refunds", "refund_type", &["payment", "refund"]),
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
         <a href=/flux/options>/flux/options</a>.</p><button>Set</button></form>",
    );
    Ok(())
}

fn pesos(amount: &str) -> String {
    money("MXN", amount)
}

/// What became of something, or why nothing did.
fn write_outcome(
    cells: &mut Cells<'_>,
    state: FluxState,
    done: &str,
    refusal: Option<&str>,
) -> std::fmt::Result {
    match state {
        FluxState::Done => cells.cell("good", done),
        FluxState::Refused => cells.cell("bad", Escaped(refusal.unwrap_or("refused"))),
    }
}

fn write_payment(cells: &mut Cells<'_>, payment: &FluxPaymentEntry) -> std::fmt::Result {
    cells.cell("number", short_time(&payment.at))?;
    cells.cell("number", pesos(&payment.amount))?;
    cells.named("number", pesos(&payment.tip))?;
    write_outcome(cells, payment.state, "paid", payment.refusal.as_deref())?;
    match payment.code {
        Some(number) => cells.named("number", number)?,
        None => cells.named("", "of nobody here")?,
    }
    cells.cell(
        "reference",
        Escaped(payment.reference.as_deref().unwrap_or_default()),
    )?;
    cells.times(payment.count)
}

fn write_refund(cells: &mut Cells<'_>, refund: &FluxRefundEntry) -> std::fmt::Result {
    cells.cell("number", short_time(&refund.at))?;
    cells.cell("number", pesos(&refund.amount))?;
    write_outcome(cells, refund.state, "given back", refund.refusal.as_deref())?;
    cells.cell("reference", Escaped(&refund.reference))?;
    cells.times(refund.count)
}

fn write_code(cells: &mut Cells<'_>, code: &FluxCodeEntry) -> std::fmt::Result {
    cells.cell("number", short_time(&code.at))?;
    cells.named("number", code.number)?;
    cells.cell("", spoken(code.kind.name()))?;
    cells.named("number", short_time(&code.expires_at))?;
    cells.cell("reference", Escaped(&code.code))
}
