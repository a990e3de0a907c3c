//! The provider's JSON. Requests are exact, answers are read as leniently as money allows: each field is
//! kept as its raw text until somebody asks for it, so an odd value in a field that decides nothing spoils
//! nothing. Fields that are not listed are dropped; an error's `message` is one of them.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::amount::Sent;
pub(super) use crate::raw::{
    Raw, is_one, is_text, list, object, objects, scalar, string, text, whole_number,
};

/// Longest concept that is sent, in characters. The provider states none.
pub(super) const CONCEPT_MAX: usize = 64;
/// Longest description that is sent, in characters. The provider states none.
pub(super) const DESCRIPTION_MAX: usize = 255;
/// Longest name of a sale point that is sent, in characters. The provider states none.
pub(super) const NAME_MAX: usize = 64;

/// `POST v2/auth/token`.
#[derive(Serialize)]
pub(super) struct TokenRequest<'a> {
    pub username: &'a str,
    pub password: &'a str,
}

/// `POST v2/payment/cashout`, with either `cvu` or `alias`.
#[derive(Serialize)]
pub(super) struct CashOutRequest<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cvu: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alias: Option<&'a str>,
    pub cuit: &'a str,
    pub amount: Sent,
    pub reference_id: &'a str,
    pub concept: &'a str,
    pub description: &'a str,
}

/// `POST v2/payment/cashin/qr/generate`.
#[derive(Serialize)]
pub(super) struct QrRequest<'a> {
    pub amount: Sent,
    pub concept: &'a str,
    pub description: &'a str,
}

/// `POST v2/payment/cashin/link/generate`.
#[derive(Serialize)]
pub(super) struct LinkRequest<'a> {
    pub expiration_date: &'a str,
    pub amount: Sent,
    pub multiple_use: bool,
    pub concept: &'a str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub distribution: Vec<SharePart<'a>>,
}

/// One part of a `distribution`.
#[derive(Serialize)]
pub(super) struct SharePart<'a> {
    pub cvu: &'a str,
    pub amount: Sent,
}

/// `POST v2/payment/cashin/transfer/generate`.
#[derive(Serialize)]
pub(super) struct TransferRequest<'a> {
    pub cvu: &'a str,
    pub cuit: &'a str,
    pub amount: Sent,
    pub concept: &'a str,
    pub description: &'a str,
}

/// `POST v2/payment/cashin/qr/static/order`.
#[derive(Serialize)]
pub(super) struct StaticOrderRequest<'a> {
    pub amount: Sent,
    pub concept: &'a str,
    pub description: &'a str,
    pub sale_point_id: &'a RawValue,
}

/// `GET v2/payment/cashin/qr/sale-point/static`, in the body.
#[derive(Serialize)]
pub(super) struct StaticQrRequest<'a> {
    pub type_amount: &'static str,
    pub sale_point_id: &'a RawValue,
}

/// `POST v2/payment/cashin/qr/sale-point`.
#[derive(Serialize)]
pub(super) struct NewSalePointRequest<'a> {
    pub name: &'a str,
}

/// `DELETE v2/payment/cashin/qr/sale-point`, in the body.
#[derive(Serialize)]
pub(super) struct DeleteSalePointRequest<'a> {
    pub sale_point_id: &'a RawValue,
}

/// What every answer has.
#[derive(Deserialize)]
pub(super) struct Envelope {
    pub status: Option<Raw>,
}

/// The fields of the short answers. `null` and missing are the same.
#[derive(Deserialize)]
pub(super) struct Fields {
    pub token: Option<Raw>,
    pub access_token: Option<Raw>,
    pub expires_at: Option<Raw>,
    pub concepts: Option<Raw>,
    pub amount: Option<Raw>,
    pub id: Option<Raw>,
    pub voucher: Option<Raw>,
    pub qr_code: Option<Raw>,
    pub qr_order_id: Option<Raw>,
    pub payment_link: Option<Raw>,
    pub link: Option<Raw>,
    pub link_id: Option<Raw>,
    pub sale_points: Option<Raw>,
    pub sale_point_id: Option<Raw>,
    pub operations: Option<Raw>,
    pub data: Option<Raw>,
    pub buyer: Option<Raw>,
    pub concept: Option<Raw>,
    pub description: Option<Raw>,
    pub transaction_id: Option<Raw>,
}

/// `GET v2/account/transactions`, with or without pages.
#[derive(Deserialize)]
pub(super) struct TransactionPage {
    pub transactions: Option<Raw>,
    pub page: Option<Raw>,
    pub pages: Option<Raw>,
}

/// One row of it.
#[derive(Deserialize)]
pub(super) struct TransactionRow {
    pub income: Option<Raw>,
    pub date: Option<Raw>,
    pub amount: Option<Raw>,
    pub operation: Option<Raw>,
    pub holder: Option<Raw>,
    pub cuit: Option<Raw>,
    pub cvu_cbu: Option<Raw>,
    pub status: Option<Raw>,
    pub sale_point_name: Option<Raw>,
}

/// A concept, a sale point or a kind of transaction.
#[derive(Deserialize)]
pub(super) struct Named {
    pub id: Option<Raw>,
    pub code: Option<Raw>,
    pub name: Option<Raw>,
    pub status: Option<Raw>,
    #[serde(rename = "type")]
    pub kind: Option<Raw>,
}

/// `buyer`, or one of the pairs that it is made of.
#[derive(Deserialize)]
pub(super) struct BuyerPart {
    pub cuit: Option<Raw>,
    pub cvu: Option<Raw>,
}

/// One of the four parts of `data` in the statistics.
#[derive(Deserialize)]
pub(super) struct StatisticsPart {
    pub count_open_cvu: Option<Raw>,
    pub total_cashout: Option<Raw>,
    pub total_cashin: Option<Raw>,
    pub count_payments_services: Option<Raw>,
    pub count_sent_sms: Option<Raw>,
}
