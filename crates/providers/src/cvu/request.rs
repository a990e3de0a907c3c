//! What goes out: each request checked and written down before an access token is asked for.

use std::borrow::Cow;

use reqwest::Method;
use secrecy::ExposeSecret;
use serde::Serialize;
use serde_json::value::RawValue;
use ventanilla_core::account::Account;
use ventanilla_core::money::Money;

use super::amount::{Sent, can_be_sent};
use super::config::Config;
use super::id::SalePointId;
use super::moment::Moment;
use super::order::{LinkOrder, QrOrder, StaticAmount, StaticOrder, TransferOrder};
use super::wire::{
    CONCEPT_MAX, DESCRIPTION_MAX, DeleteSalePointRequest, LinkRequest, NAME_MAX,
    NewSalePointRequest, QrRequest, SharePart, StaticOrderRequest, StaticQrRequest, TokenRequest,
    TransferRequest, is_text,
};
use crate::http::Body;
use crate::outcome::Cause;

/// A request without its access token.
pub(super) struct Request {
    pub method: Method,
    /// Below the base URL, with a slash at its beginning.
    pub path: Cow<'static, str>,
    pub query: Vec<(&'static str, String)>,
    /// Or why it cannot be sent.
    pub body: Result<Body, Cause>,
}

impl Request {
    pub(super) fn get(path: impl Into<Cow<'static, str>>) -> Self {
        Self {
            method: Method::GET,
            path: path.into(),
            query: Vec::new(),
            body: Ok(Body::none()),
        }
    }

    pub(super) fn post(path: &'static str, body: Result<Body, Cause>) -> Self {
        Self {
            method: Method::POST,
            path: path.into(),
            query: Vec::new(),
            body,
        }
    }
}

pub(super) fn token(config: &Config) -> Request {
    let body = json(&TokenRequest {
        username: &config.username,
        password: config.password.expose_secret(),
    });
    Request::post("/v2/auth/token", body)
}

pub(super) fn qr(order: &QrOrder, as_text: bool) -> Result<Body, Cause> {
    let amount = sent(order.amount, as_text)?;
    check_texts(&order.concept, Some(&order.description))?;
    json(&QrRequest {
        amount,
        concept: &order.concept,
        description: &order.description,
    })
}

pub(super) fn link(order: &LinkOrder, as_text: bool, now: Moment) -> Result<Body, Cause> {
    let amount = sent(order.amount, as_text)?;
    check_texts(&order.concept, None)?;
    if order.expiry.earliest() <= now {
        return Err(Cause::Request("expiration_date"));
    }
    let mut distribution: Vec<SharePart<'_>> = Vec::with_capacity(order.distribution.len());
    let mut distributed: u64 = 0;
    for share in &order.distribution {
        let cvu = Account::as_str(&share.account);
        if !can_be_sent(share.amount) || distribution.iter().any(|part| part.cvu == cvu) {
            return Err(Cause::Request("distribution"));
        }
        distributed = distributed.saturating_add(share.amount.minor());
        let amount = sent(share.amount, as_text)?;
        distribution.push(SharePart { cvu, amount });
    }
    if distributed > order.amount.minor() {
        return Err(Cause::Request("distribution"));
    }
    json(&LinkRequest {
        expiration_date: order.expiry.text(),
        amount,
        multiple_use: order.multiple_use,
        concept: &order.concept,
        distribution,
    })
}

pub(super) fn transfer(order: &TransferOrder, as_text: bool) -> Result<Body, Cause> {
    let amount = sent(order.amount, as_text)?;
    check_texts(&order.concept, Some(&order.description))?;
    json(&TransferRequest {
        cvu: order.account.as_str(),
        cuit: order.cuit.digits(),
        amount,
        concept: &order.concept,
        description: &order.description,
    })
}

pub(super) fn static_order(order: &StaticOrder, as_text: bool) -> Result<Body, Cause> {
    let amount = sent(order.amount, as_text)?;
    check_texts(&order.concept, Some(&order.description))?;
    json(&StaticOrderRequest {
        amount,
        concept: &order.concept,
        description: &order.description,
        sale_point_id: number(&order.sale_point)?,
    })
}

pub(super) fn static_qr(at: &SalePointId, amount: StaticAmount, by_query: bool) -> Request {
    let type_amount = match amount {
        StaticAmount::Open => "open",
        StaticAmount::Closed => "closed",
    };
    let mut request = Request::get("/v2/payment/cashin/qr/sale-point/static");
    if by_query {
        request.query = vec![
            ("type_amount", type_amount.to_owned()),
            ("sale_point_id", at.to_string()),
        ];
    } else {
        request.body = number(at).and_then(|sale_point_id| {
            json(&StaticQrRequest {
                type_amount,
                sale_point_id,
            })
        });
    }
    request
}

pub(super) fn new_sale_point(name: &str) -> Result<Body, Cause> {
    if !is_text(name, NAME_MAX) {
        return Err(Cause::Request("name"));
    }
    json(&NewSalePointRequest { name })
}

pub(super) fn delete_sale_point(id: &SalePointId) -> Request {
    Request {
        method: Method::DELETE,
        path: "/v2/payment/cashin/qr/sale-point".into(),
        query: Vec::new(),
        body: number(id).and_then(|sale_point_id| json(&DeleteSalePointRequest { sale_point_id })),
    }
}

fn sent(money: Money, as_text: bool) -> Result<Sent, Cause> {
    can_be_sent(money)
        .then_some(Sent { money, as_text })
        .ok_or(Cause::Request("amount"))
}

fn check_texts(concept: &str, description: Option<&str>) -> Result<(), Cause> {
    if !is_text(concept, CONCEPT_MAX) {
        return Err(Cause::Request("concept"));
    }
    if description.is_some_and(|text| !is_text(text, DESCRIPTION_MAX)) {
        return Err(Cause::Request("description"));
    }
    Ok(())
}

/// The document sends the number of a sale point as a number.
fn number(id: &SalePointId) -> Result<&RawValue, Cause> {
    serde_json::from_str(id.as_str()).map_err(|_| Cause::Request("sale_point_id"))
}

fn json(request: &impl Serialize) -> Result<Body, Cause> {
    Body::json(request, BODY_SIZE_HINT).map_err(|_| Cause::Request("body"))
}

/// Larger than any request without a long distribution.
const BODY_SIZE_HINT: usize = 2048;
