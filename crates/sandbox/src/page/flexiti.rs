//! The Flexiti POS API: what was held, captured and given back, and forms for the shopper's side.

use std::fmt::Write as _;

use crate::flexiti::accounts::FlexitiAccount;
use crate::flexiti::ledger::{
    FlexitiAuthorizationEntry, FlexitiCaptureEntry, FlexitiDepositEntry, FlexitiRefundEntry,
    FlexitiRefusalEntry, FlexitiReleaseEntry, FlexitiReturnEntry, FlexitiSessionEntry,
    FlexitiSessionState,
};
use crate::flexiti::options::FlexitiOptions;
use crate::world::State;

use super::ledger::{Cells, money, newest, write_table};
use super::text::{Escaped, short_time, spoken};

/// The newest lines, the newest first, each with how many there are in all.
pub(super) struct View {
    sessions: (Vec<FlexitiSessionEntry>, usize),
    authorizations: (Vec<FlexitiAuthorizationEntry>, usize),
    captures: (Vec<FlexitiCaptureEntry>, usize),
    releases: (Vec<FlexitiReleaseEntry>, usize),
    returns: (Vec<FlexitiReturnEntry>, usize),
    refunds: (Vec<FlexitiRefundEntry>, usize),
    deposits: (Vec<FlexitiDepositEntry>, usize),
    refused: (Vec<FlexitiRefusalEntry>, usize),
    accounts: Vec<FlexitiAccount>,
    options: FlexitiOptions,
}

impl View {
    pub(super) fn of(state: &State) -> Self {
        let ledger = &state.ledger.flexiti;
        Self {
            sessions: newest(&ledger.sessions),
            authorizations: newest(&ledger.authorizations),
            captures: newest(&ledger.captures),
            releases: newest(&ledger.releases),
            returns: newest(&ledger.returns),
            refunds: newest(&ledger.refunds),
            deposits: newest(&ledger.deposits),
            refused: newest(&ledger.refused),
            accounts: state.flexiti.accounts.all(),
            options: state.flexiti.options.clone(),
        }
    }
}

pub(super) fn write(page: &mut String, view: &View) -> std::fmt::Result {
    page.push_str(
        "<section id=flexiti><h2>Flexiti POS API</h2>\
         <p>A shopper is identified on the page that <code>redirection_url</code> leads to, or here.</p>\
         <div class=forms>",
    );
    write_identify_form(page, view)?;
    write_options_form(page, &view.options)?;
    page.push_str("</div>");
    write_accounts(page, &view.accounts)?;
    let columns = ["When", "Account", "How it stands", "Expires", "Session"];
    write_table(
        page,
        "Widget sessions",
        &columns,
        &view.sessions,
        write_session,
    )?;
    let columns = [
        "When",
        "Amount",
        "Number",
        "Remaining",
        "Captured",
        "Released",
        "Returned",
        "Reference",
        "Times",
    ];
    let lines = &view.authorizations;
    write_table(page, "Authorizations", &columns, lines, write_authorization)?;
    let columns = ["When", "Amount", "Number", "Of", "Reference", "Times"];
    write_table(page, "Captures", &columns, &view.captures, write_capture)?;
    let columns = ["When", "Amount", "Number", "Of", "Reference"];
    write_table(page, "Releases", &columns, &view.releases, write_release)?;
    let columns = ["When", "Amount", "Number", "Of", "Reference", "Times"];
    write_table(page, "Returns", &columns, &view.returns, write_return)?;
    let columns = ["When", "Amount", "Account", "Reference", "Times"];
    write_table(
        page,
        "Refunds to accounts",
        &columns,
        &view.refunds,
        write_refund,
    )?;
    let columns = ["When", "Amount", "Kind", "Account", "Request"];
    write_table(page, "Deposits", &columns, &view.deposits, write_deposit)?;
    let columns = ["When", "Operation", "Error", "About"];
    write_table(page, "Refused", &columns, &view.refused, write_refused)?;
    page.push_str("</section>");
    Ok(())
}

fn write_identify_form(page: &mut String, view: &View) -> std::fmt::Result {
    page.push_str(
        "<form data-post=/flexiti/identify><h3>A shopper is identified</h3>\
         <label class=wide>Session<input name=widget_session_id required autocomplete=off",
    );
    let mut sessions = view.sessions.0.iter();
    if let Some(open) = sessions.find(|one| one.state == FlexitiSessionState::Open) {
        write!(page, " value=\"{}\"", Escaped(&open.widget_session_id))?;
    }
    page.push_str("></label>");
    write_choice(
        page,
        "Outcome",
        "outcome",
        &[
            "verified",
            "unverified",
            "activation",
            "apply",
            "bad_standing",
            "retry",
            "failure",
            "cancel",
        ],
        "verified",
    )?;
    write_choice(
        page,
        "PIN sent by",
        "method",
        &["sms", "email", "security_question"],
        "sms",
    )?;
    page.push_str("<button>Identify</button></form>");
    Ok(())
}

fn write_choice(
    page: &mut String,
    label: &str,
    name: &str,
    values: &[&str],
    now: &str,
) -> std::fmt::Result {
    write!(page, "<label>{label}<select name={name}>")?;
    for value in values {
        let selected = if *value == now { " selected" } else { "" };
        write!(page, "<option{selected} value={value}>{}", spoken(value))?;
    }
    page.push_str("</select></label>");
    Ok(())
}

fn write_options_form(page: &mut String, now: &FlexitiOptions) -> std::fmt::Result {
    page.push_str("<form data-post=/flexiti/options><h3>Odd forms</h3>");
    let json = serde_json::to_value(now).unwrap_or_default();
    for (label, name, values) in [
        ("Token", "token", &["full", "capital", "minimal"][..]),
        ("Versions", "versions", &["documented", "newest", "any"]),
        ("Annual rates", "rates", &["object", "list", "left_out"]),
        ("Link names", "link_names", &["url", "page_url"]),
        ("No further page", "no_link", &["null", "empty", "left_out"]),
        ("List of captures", "captures", &["flat", "wrapped"]),
        (
            "Errors",
            "errors",
            &["field_errors", "error_fields", "code_description"],
        ),
    ] {
        let set = json[name].as_str().unwrap_or_default();
        write_choice(page, label, name, values, set)?;
    }
    for (label, name) in [
        ("Honour x-idempotency-key", "idempotency"),
        ("Numbers as text", "numbers_as_text"),
        ("Any token of the widget", "any_token"),
    ] {
        let checked = if json[name] == true { " checked" } else { "" };
        write!(
            page,
            "<label class=\"check wide\"><input name={name} type=checkbox{checked}>{label}</label>"
        )?;
    }
    page.push_str(
        "<p class=hint>Everything else is set back. All options are at \
         <a href=/flexiti/options>/flexiti/options</a>.</p><button>Set</button></form>",
    );
    Ok(())
}

fn write_accounts(page: &mut String, accounts: &[FlexitiAccount]) -> std::fmt::Result {
    page.push_str(
        "<h3>Accounts</h3><div class=scroll tabindex=0 role=region aria-label=Accounts>\
         <table><thead><tr><th>Number<th>Holder<th>Born<th>Postal code<th>Status<th>Credit<tbody>",
    );
    for account in accounts {
        let credit = account.available_credit_minor;
        write!(
            page,
            "<tr><td class=number>{}<td>{} {}<td class=number>{}<td>{}<td>{}<td class=number>{}",
            account.account_number,
            Escaped(&account.first_name),
            Escaped(&account.last_name),
            Escaped(&account.dob),
            Escaped(&account.postal_code),
            Escaped(&account.status),
            dollars(&format!("{}.{:02}", credit / 100, credit % 100)),
        )?;
    }
    page.push_str("</table></div>");
    Ok(())
}

fn dollars(amount: &str) -> String {
    money("CAD", amount)
}

fn about(cells: &mut Cells<'_>, reference: Option<&str>) -> std::fmt::Result {
    cells.cell("reference", Escaped(reference.unwrap_or_default()))
}

fn write_session(cells: &mut Cells<'_>, session: &FlexitiSessionEntry) -> std::fmt::Result {
    cells.cell("number", short_time(&session.at))?;
    match session.account_number {
        Some(number) => cells.cell("number", number)?,
        None => cells.named("", "none")?,
    }
    let (class, word) = match session.state {
        FlexitiSessionState::Open => ("", "open"),
        FlexitiSessionState::Verified => ("good", "verified"),
        FlexitiSessionState::Declined => ("bad", "declined"),
        FlexitiSessionState::Used => ("", "used"),
    };
    cells.cell(class, word)?;
    cells.named("number", short_time(&session.expires_at))?;
    about(cells, Some(&session.widget_session_id))
}

fn write_authorization(
    cells: &mut Cells<'_>,
    entry: &FlexitiAuthorizationEntry,
) -> std::fmt::Result {
    cells.cell("number", short_time(&entry.at))?;
    cells.cell("number", dollars(&entry.amount))?;
    cells.cell("number", entry.authorization_id)?;
    for amount in [
        &entry.remaining,
        &entry.captured,
        &entry.released,
        &entry.returned,
    ] {
        cells.named("number", Escaped(amount))?;
    }
    about(cells, entry.reference.as_deref())?;
    cells.times(entry.count)
}

fn write_capture(cells: &mut Cells<'_>, entry: &FlexitiCaptureEntry) -> std::fmt::Result {
    cells.cell("number", short_time(&entry.at))?;
    cells.cell("number", dollars(&entry.amount))?;
    cells.cell("number", entry.capture_id)?;
    cells.named("number", entry.authorization_id)?;
    about(cells, entry.reference.as_deref())?;
    cells.times(entry.count)
}

fn write_release(cells: &mut Cells<'_>, entry: &FlexitiReleaseEntry) -> std::fmt::Result {
    cells.cell("number", short_time(&entry.at))?;
    cells.cell("number", dollars(&entry.amount))?;
    cells.cell("number", entry.release_id)?;
    cells.named("number", entry.authorization_id)?;
    about(cells, entry.reference.as_deref())
}

fn write_return(cells: &mut Cells<'_>, entry: &FlexitiReturnEntry) -> std::fmt::Result {
    cells.cell("number", short_time(&entry.at))?;
    cells.cell("number", dollars(&entry.amount))?;
    cells.cell("number", entry.return_id)?;
    cells.named("number", entry.capture_id)?;
    about(cells, entry.reference.as_deref())?;
    cells.times(entry.count)
}

fn write_refund(cells: &mut Cells<'_>, entry: &FlexitiRefundEntry) -> std::fmt::Result {
    cells.cell("number", short_time(&entry.at))?;
    cells.cell("number", dollars(&entry.amount))?;
    cells.cell("number", entry.account_number)?;
    about(cells, entry.reference.as_deref())?;
    cells.times(entry.count)
}

fn write_deposit(cells: &mut Cells<'_>, entry: &FlexitiDepositEntry) -> std::fmt::Result {
    cells.cell("number", short_time(&entry.at))?;
    cells.cell("number", dollars(&entry.amount))?;
    cells.cell("", spoken(&entry.transaction_type))?;
    cells.cell("number", entry.account_number)?;
    about(cells, Some(&entry.request_id))
}

fn write_refused(cells: &mut Cells<'_>, entry: &FlexitiRefusalEntry) -> std::fmt::Result {
    cells.cell("number", short_time(&entry.at))?;
    cells.cell("", spoken(entry.operation.name()))?;
    cells.cell("bad", spoken(&entry.error))?;
    about(cells, entry.reference.as_deref())
}
