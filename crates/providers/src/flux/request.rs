//! What goes out: each request checked and written down before an access token is asked for.

use std::borrow::Cow;

use reqwest::Method;
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use ventanilla_core::money::{Currency, Money};

use super::config::Config;
use super::order::{Charge, Place, RefundOrder};
use super::wire::{PaymentRequest, RefundRequest, TokenRequest, is_text};
use crate::http::Body;
use crate::outcome::Cause;

/// A request without its access token.
pub(super) struct Request {
    pub method: Method,
    /// Below the base URL, with a slash at its beginning.
    pub path: Cow<'static, str>,
    pub body: Body,
}

pub(super) fn token(config: &Config) -> Result<Body, Cause> {
    json(&TokenRequest {
        refresh_token: config.refresh_token.expose_secret(),
        grant_type: config.grant_type.as_deref(),
    })
}

pub(super) fn payment(charge: &Charge, code: &SecretString) -> Result<Request, Cause> {
    check_reference(&charge.reference)?;
    check_place(&charge.place)?;
    let amount = centavos(charge.amount).filter(|centavos| *centavos > 0);
    let amount = amount.ok_or(Cause::Request("amount"))?;
    let tip = centavos(charge.tip).ok_or(Cause::Request("tip"))?;
    if amount + tip > CENTAVOS_MAX {
        return Err(Cause::Request("tip"));
    }
    let code = code.expose_secret();
    if !is_wallet_code(code) {
        return Err(Cause::Request("qr"));
    }
    let body = json(&PaymentRequest {
        qr: code,
        amount,
        store: &charge.place.store,
        tip,
        reference: &charge.reference,
        terminal: &charge.place.terminal,
        operator: &charge.place.operator,
        table: &charge.place.table,
    })?;
    Ok(Request {
        method: Method::POST,
        path: "/payments".into(),
        body,
    })
}

pub(super) fn refund(order: &RefundOrder) -> Result<Request, Cause> {
    check_reference(&order.reference)?;
    check_place(&order.place)?;
    let amount = centavos(order.amount).filter(|centavos| *centavos > 0);
    let amount = amount.ok_or(Cause::Request("amount"))?;
    if !is_text(&order.message, 1, 255) {
        return Err(Cause::Request("message"));
    }
    let body = json(&RefundRequest {
        amount,
        message: &order.message,
        store: &order.place.store,
        terminal: &order.place.terminal,
        operator: &order.place.operator,
        table: &order.place.table,
    })?;
    Ok(Request {
        method: Method::POST,
        path: format!("/payments/{}/refund", order.reference).into(),
        body,
    })
}

pub(super) fn transaction(reference: &str) -> Result<Request, Cause> {
    check_reference(reference)?;
    Ok(Request {
        method: Method::GET,
        path: format!("/transactions/{reference}").into(),
        body: Body::none(),
    })
}

// It becomes a segment of a path, where a single and a double dot mean something.
fn check_reference(text: &str) -> Result<(), Cause> {
    let is_one = (1..=64).contains(&text.len())
        && !matches!(text, "." | "..")
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'));
    is_one.then_some(()).ok_or(Cause::Request("reference"))
}

fn check_place(place: &Place) -> Result<(), Cause> {
    for (text, min, field) in [
        (&place.store, 1, "store"),
        (&place.terminal, 0, "terminal"),
        (&place.operator, 0, "operator"),
        (&place.table, 0, "table"),
    ] {
        if !is_text(text, min, 64) {
            return Err(Cause::Request(field));
        }
    }
    Ok(())
}

fn centavos(money: Money) -> Option<u64> {
    (money.currency() == Currency::MXN && money.minor() <= CENTAVOS_MAX).then(|| money.minor())
}

/// What a wallet may show: 1 to 512 printable ASCII characters, neither the first nor the last a space. A
/// space in what is base64 otherwise was a plus before it went through a form: no such code exists.
fn is_wallet_code(text: &str) -> bool {
    let is_of_base64 = |byte: u8| byte.is_ascii_alphanumeric() || b"+/=-_ ".contains(&byte);
    (1..=512).contains(&text.len())
        && text.bytes().all(|byte| matches!(byte, b' '..=b'~'))
        && !text.starts_with(' ')
        && !text.ends_with(' ')
        && !(text.contains(' ') && text.bytes().all(is_of_base64))
}

/// The largest of Flux's integers, which are 32 bits wide.
const CENTAVOS_MAX: u64 = i32::MAX as u64;

fn json(request: &impl Serialize) -> Result<Body, Cause> {
    Body::json(request, BODY_SIZE_HINT).map_err(|_| Cause::Request("body"))
}

/// Larger than any request with texts in few scripts: a vector that grows leaves copies of a wallet code
/// behind.
const BODY_SIZE_HINT: usize = 8192;
