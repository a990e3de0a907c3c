//! What an answer proves. The table is in the module's documentation.

use std::time::Duration;

use reqwest::Url;
use secrecy::SecretString;
use ventanilla_core::account::{Account, Cuit};

use super::address::PayAddress;
use super::amount;
use super::cash_out::CashOutDone;
use super::config::TokenField;
use super::credit::Credit;
use super::id::{CashInId, CashOutId, LinkId, QrOrderId, SalePointId};
use super::moment::{self, Moment};
use super::order::{
    Balance, CashIn, Concept, Link, QrCode, SalePoint, Statistics, TransactionFilter, Voucher,
};
use super::wire::{
    self, BuyerPart, Envelope, Fields, Named, Raw, StatisticsPart, TransactionPage, object, string,
};
use crate::http::{Answer, is_opaque};
use crate::outcome::{Cause, Outcome};
use crate::token::{Fresh, NoToken};

/// What an answer says before its fields are read.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Said {
    /// `status` is `ok`.
    Ok,
    /// HTTP 401 or 403, and no `ok`.
    TurnedAway,
    /// `status` is `error`.
    Error,
    /// Nothing.
    Nothing(Cause),
}

pub(super) fn said(answer: &Answer) -> Said {
    let http_status = answer.status;
    if is_opaque(http_status) {
        return Said::Nothing(Cause::HttpStatus(http_status));
    }
    let envelope: Option<Envelope> = object(&answer.text);
    let status = envelope.as_ref().and_then(|found| string(&found.status));
    match status.as_deref() {
        Some("ok") => Said::Ok,
        _ if matches!(http_status, 401 | 403) => Said::TurnedAway,
        // A server that broke does not know what it did before.
        _ if http_status >= 500 => Said::Nothing(Cause::HttpStatus(http_status)),
        Some("error") => Said::Error,
        _ if !is_done(http_status) => Said::Nothing(Cause::HttpStatus(http_status)),
        _ if envelope.is_some() => Said::Nothing(Cause::Shape("status")),
        _ if serde_json::from_str::<&serde_json::value::RawValue>(&answer.text).is_ok() => {
            Said::Nothing(Cause::Shape("body"))
        }
        _ => Said::Nothing(Cause::NotJson),
    }
}

/// A call that moves no money out: `error` is as good as a refusal, since what it may have left behind is
/// known to nobody.
pub(super) fn harmless<T>(
    answer: &Answer,
    read: impl FnOnce(&str) -> Result<T, Cause>,
) -> Outcome<T> {
    match said(answer) {
        Said::Ok => read(&answer.text).map_or_else(Outcome::Unknown, Outcome::Definite),
        Said::TurnedAway => Outcome::Rejected(Cause::Credentials),
        Said::Error => Outcome::Rejected(Cause::Refused),
        Said::Nothing(cause) => Outcome::Unknown(cause),
    }
}

/// A transfer out. `error` proves nothing: it has no code, and a repeat is answered with it as well as a
/// refusal is.
pub(super) fn cash_out(answer: &Answer) -> Outcome<CashOutDone> {
    match said(answer) {
        Said::Ok if is_done(answer.status) => match id(&answer.text, |fields| &fields.id) {
            Some(id) => CashOutId::parse(&id).map_or(Outcome::Unknown(Cause::Shape("id")), |id| {
                Outcome::Definite(CashOutDone { id })
            }),
            None => Outcome::Unknown(Cause::Shape("id")),
        },
        Said::Ok => Outcome::Unknown(Cause::Contradiction),
        Said::TurnedAway => Outcome::Rejected(Cause::Credentials),
        Said::Error => Outcome::Unknown(Cause::Refused),
        Said::Nothing(cause) => Outcome::Unknown(cause),
    }
}

/// A new access token.
pub(super) fn token(answer: &Answer, field: TokenField, now: Moment) -> Result<Fresh, NoToken> {
    match said(answer) {
        Said::Ok => read_token(&answer.text, field, now).map_err(NoToken::NotSent),
        Said::TurnedAway | Said::Error => Err(NoToken::Rejected(Cause::Credentials)),
        Said::Nothing(cause) => Err(NoToken::NotSent(cause)),
    }
}

fn read_token(body: &str, field: TokenField, now: Moment) -> Result<Fresh, Cause> {
    let fields = fields(body)?;
    let (raw, name) = match field {
        TokenField::Token => (&fields.token, "token"),
        TokenField::AccessToken => (&fields.access_token, "access_token"),
    };
    // What a header can carry.
    let text = string(raw).filter(|text| {
        (1..=TOKEN_MAX).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
    });
    Ok(Fresh {
        secret: SecretString::from(text.ok_or(Cause::Shape(name))?),
        expires_at: expires_at(&fields.expires_at, now),
    })
}

/// The document says number without a unit. A small one is taken for seconds from now, a large one for
/// milliseconds since the epoch. Text is Buenos Aires time, and of an hour whose minute equals the month
/// only the beginning is certain.
fn expires_at(raw: &Option<Raw>, now: Moment) -> Option<Moment> {
    if let Some(number) = wire::whole_number(raw) {
        let secs = i64::try_from(number).ok()?;
        return Some(match number {
            ..DURATION_END => now.plus(Duration::from_secs(number)),
            DURATION_END..MILLIS_START => Moment::from_unix_secs(secs),
            MILLIS_START.. => Moment::from_unix_secs(secs / 1000),
        });
    }
    let read = moment::read(wire::text(raw)?.trim())?;
    let (minute, month) = read.minute_and_month();
    Some(if minute == month {
        read.full_hour()
    } else {
        read
    })
}

pub(super) fn concepts(body: &str) -> Result<Vec<Concept>, Cause> {
    let list = wire::list(&fields(body)?.concepts).ok_or(Cause::Shape("concepts"))?;
    let read = |raw: &Raw| {
        if let Some(code) = wire::scalar(raw) {
            return Some(Concept { code, name: None });
        }
        let named: Named = object(raw.get())?;
        let code = wire::text(&named.code).or_else(|| wire::text(&named.id))?;
        let name = wire::text(&named.name);
        Some(Concept { code, name })
    };
    let read: Option<Vec<_>> = list.iter().map(read).collect();
    read.ok_or(Cause::Shape("concepts"))
}

pub(super) fn balance(body: &str) -> Result<Balance, Cause> {
    let as_pesos = amount::amount(&fields(body)?.amount).ok_or(Cause::Amount)?;
    Ok(Balance { as_pesos })
}

pub(super) fn voucher(body: &str, base: &Url) -> Result<Voucher, Cause> {
    let text = string(&fields(body)?.voucher)
        .filter(|text| !text.is_empty())
        .ok_or(Cause::Shape("voucher"))?;
    if let Some(address) = PayAddress::parse(&text, base) {
        return Ok(Voucher::Address(address));
    }
    // Any other address is none to follow, and no Base64 either.
    if text.contains(':') {
        return Err(Cause::Shape("voucher"));
    }
    Ok(Voucher::Document(text))
}

pub(super) fn cash_in(body: &str) -> Result<CashIn, Cause> {
    let fields = fields(body)?;
    let amount = amount::amount(&fields.amount).ok_or(Cause::Amount)?;
    let parts: Vec<BuyerPart> = wire::objects(&fields.buyer);
    let first = |pick: fn(&BuyerPart) -> Option<String>| parts.iter().find_map(pick);
    let cuit = first(|part| wire::text(&part.cuit));
    let account = first(|part| wire::text(&part.cvu));
    Ok(CashIn {
        transaction: optional_id(&fields.transaction_id, "transaction_id", CashInId::parse)?,
        amount,
        link: optional_id(&fields.link_id, "link_id", LinkId::parse)?,
        qr_order: optional_id(&fields.qr_order_id, "qr_order_id", QrOrderId::parse)?,
        buyer_cuit: cuit.and_then(|text| Cuit::parse(&text).ok()),
        buyer_account: account.and_then(|text| Account::parse(&text).ok()),
        concept: wire::text(&fields.concept).unwrap_or_default(),
        description: wire::text(&fields.description).unwrap_or_default(),
    })
}

pub(super) fn qr(body: &str) -> Result<QrCode, Cause> {
    let text = static_qr(body)?;
    let order = qr_order(body)?;
    Ok(QrCode { text, order })
}

pub(super) fn static_qr(body: &str) -> Result<String, Cause> {
    string(&fields(body)?.qr_code)
        .filter(|text| !text.trim().is_empty() && text.len() <= QR_MAX)
        .ok_or(Cause::Shape("qr_code"))
}

pub(super) fn qr_order(body: &str) -> Result<QrOrderId, Cause> {
    id(body, |fields| &fields.qr_order_id)
        .and_then(|text| QrOrderId::parse(&text))
        .ok_or(Cause::Shape("qr_order_id"))
}

pub(super) fn link(body: &str, base: &Url) -> Result<Link, Cause> {
    let address = string(&fields(body)?.link)
        .and_then(|text| PayAddress::parse(&text, base))
        .ok_or(Cause::Shape("link"))?;
    let id = id(body, |fields| &fields.link_id)
        .and_then(|text| LinkId::parse(&text))
        .ok_or(Cause::Shape("link_id"))?;
    Ok(Link { address, id })
}

pub(super) fn transfer_link(body: &str, base: &Url) -> Result<PayAddress, Cause> {
    string(&fields(body)?.payment_link)
        .and_then(|text| PayAddress::parse(&text, base))
        .ok_or(Cause::Shape("payment_link"))
}

pub(super) fn statistics(body: &str) -> Result<Statistics, Cause> {
    let fields = fields(body)?;
    let parts: Vec<StatisticsPart> = wire::objects(&fields.data);
    if parts.is_empty() {
        return Err(Cause::Shape("data"));
    }
    let mut found = Statistics::default();
    for part in &parts {
        let count = |known: &mut Option<u64>, raw| *known = known.or(wire::whole_number(raw));
        count(&mut found.open_cvus, &part.count_open_cvu);
        count(&mut found.service_payments, &part.count_payments_services);
        count(&mut found.sent_sms, &part.count_sent_sms);
        found.total_cash_out = found.total_cash_out.or(amount::amount(&part.total_cashout));
        found.total_cash_in = found.total_cash_in.or(amount::amount(&part.total_cashin));
    }
    Ok(found)
}

pub(super) fn sale_points(body: &str) -> Result<Vec<SalePoint>, Cause> {
    let list = wire::list(&fields(body)?.sale_points).ok_or(Cause::Shape("sale_points"))?;
    let read = |raw: &Raw| {
        let named: Named = object(raw.get())?;
        Some(SalePoint {
            id: SalePointId::parse(&wire::text(&named.id)?)?,
            name: wire::text(&named.name).unwrap_or_default(),
            status: wire::text(&named.status).unwrap_or_default(),
        })
    };
    let read: Option<Vec<_>> = list.iter().map(read).collect();
    read.ok_or(Cause::Shape("sale_points"))
}

pub(super) fn new_sale_point(body: &str) -> Result<SalePointId, Cause> {
    id(body, |fields| &fields.sale_point_id)
        .and_then(|text| SalePointId::parse(&text))
        .ok_or(Cause::Shape("sale_point_id"))
}

pub(super) fn transaction_filters(body: &str) -> Result<Vec<TransactionFilter>, Cause> {
    let list = wire::list(&fields(body)?.operations).ok_or(Cause::Shape("operations"))?;
    let read = |raw: &Raw| {
        let named: Named = object(raw.get())?;
        Some(TransactionFilter {
            id: wire::text(&named.id)?,
            name: wire::text(&named.name).unwrap_or_default(),
            kind: wire::text(&named.kind).unwrap_or_default(),
        })
    };
    let read: Option<Vec<_>> = list.iter().map(read).collect();
    read.ok_or(Cause::Shape("operations"))
}

/// One answer to a question for transactions.
pub(super) struct Page {
    /// `None` for a row that cannot be read.
    pub rows: Vec<Option<Credit>>,
    /// Which page this is and of how many, if it is one of several.
    pub of: Option<(u64, u64)>,
}

/// Reads a list of transactions: with pages, without, or the bare list that a public client expects.
pub(super) fn page(answer: &Answer) -> Outcome<Page> {
    if is_done(answer.status)
        && let Ok(list) = serde_json::from_str::<Vec<Raw>>(&answer.text)
    {
        let rows = list.iter().map(Credit::read).collect();
        return Outcome::Definite(Page { rows, of: None });
    }
    harmless(answer, |body| {
        let page: TransactionPage = object(body).ok_or(Cause::Shape("body"))?;
        let list = wire::list(&page.transactions).ok_or(Cause::Shape("transactions"))?;
        let of = match &page.pages {
            None => None,
            pages => {
                let pages = wire::whole_number(pages).ok_or(Cause::Shape("pages"))?;
                let page = wire::whole_number(&page.page).ok_or(Cause::Shape("page"))?;
                Some((page, pages))
            }
        };
        let rows = list.iter().map(Credit::read).collect();
        Ok(Page { rows, of })
    })
}

fn fields(body: &str) -> Result<Fields, Cause> {
    object(body).ok_or(Cause::Shape("body"))
}

fn id(body: &str, pick: fn(&Fields) -> &Option<Raw>) -> Option<String> {
    wire::text(pick(&fields(body).ok()?))
}

/// Zero and `null` are how the provider says "none"; what is there and no number spoils the answer, since
/// it says which order was paid.
fn optional_id<T>(
    raw: &Option<Raw>,
    name: &'static str,
    parse: fn(&str) -> Option<T>,
) -> Result<Option<T>, Cause> {
    match wire::text(raw) {
        None if raw.is_none() => Ok(None),
        Some(none) if none.is_empty() || none == "0" => Ok(None),
        Some(text) => parse(&text).map(Some).ok_or(Cause::Shape(name)),
        None => Err(Cause::Shape(name)),
    }
}

const fn is_done(http_status: u16) -> bool {
    matches!(http_status, 200..=299)
}

const TOKEN_MAX: usize = 4096;
/// Far above the 512 characters that the standard allows.
const QR_MAX: usize = 4096;
/// Below: a duration of up to three years. Above: a moment after 1973.
const DURATION_END: u64 = 100_000_000;
/// Seconds would be a moment after the year 5000.
const MILLIS_START: u64 = 100_000_000_000;
