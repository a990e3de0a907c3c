//! Answers, in the provider's shapes.
//!
//! | shape | when |
//! |---|---|
//! | `{status: 500, errors: […]}` | a merchant call refused |
//! | `{status: 500, result: null, errors: […]}` | a checkout call refused before the bank |
//! | [`PaymentAnswer`] with `status` 200 or 500 | the bank was asked |
//! | `{code: 404, status: "FAIL", result: {}, errors: […]}` | `transactions/get` |
//! | [`ChangeDone`], [`ChangeRefused`] | `transactions/void`, `transactions/capture`, `transactions/refund` |
//! | HTTP 400 and a bare array | schema violation, see [`super::schema`] |

use std::borrow::Cow;

use serde::Serialize;
use serde_json::value::RawValue;

use crate::ledger::OperationKind;

pub(crate) use crate::call::{Reply, to_json};

/// A number with exactly these characters.
pub(crate) fn number(text: String) -> Box<RawValue> {
    RawValue::from_string(text).expect("amounts print as JSON numbers")
}

/// `{status: 500, errors}`: the form of the published `getToken` error.
#[derive(Serialize)]
pub(crate) struct Refusal {
    status: u16,
    errors: [&'static str; 1],
}

impl Refusal {
    pub(crate) const fn of(text: &'static str) -> Self {
        Self {
            status: 500,
            errors: [text],
        }
    }
}

/// `{status: 500, result: null, errors}`: refused before the bank.
#[derive(Serialize)]
pub(crate) struct CheckoutRefusal<'a> {
    status: u16,
    #[serde(rename = "orderId", skip_serializing_if = "Option::is_none")]
    order_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    authorization: Option<Option<()>>,
    result: Option<()>,
    errors: [&'static str; 1],
}

impl<'a> CheckoutRefusal<'a> {
    /// Before the order is known.
    pub(crate) const fn of(text: &'static str) -> Self {
        Self {
            status: 500,
            order_id: None,
            authorization: None,
            result: None,
            errors: [text],
        }
    }

    /// About an order.
    pub(crate) const fn about(order_id: &'a str, text: &'static str) -> Self {
        Self {
            order_id: Some(order_id),
            authorization: Some(None),
            ..Self::of(text)
        }
    }
}

/// The answer of the bank.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PaymentAnswer<'a> {
    pub(crate) status: u16,
    pub(crate) order_id: Cow<'a, str>,
    pub(crate) authorization: Option<&'a str>,
    pub(crate) amount: Box<RawValue>,
    pub(crate) currency: &'a str,
    pub(crate) result: BankResult<'a>,
    pub(crate) errors: Vec<&'static str>,
    pub(crate) callback: Option<&'a str>,
    #[serde(rename = "_signature", skip_serializing_if = "Option::is_none")]
    pub(crate) signature: Option<String>,
    pub(crate) last4: &'a str,
    pub(crate) brand: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) tokenize_resp: Option<TokenAnswer<'a>>,
}

#[derive(Serialize)]
pub(crate) struct BankResult<'a> {
    pub(crate) time_local_tran: String,
    pub(crate) systems_trace_audit_number: &'a str,
    pub(crate) success: bool,
    pub(crate) retrieval_ref_num: &'a str,
    pub(crate) resp_code: &'static str,
    pub(crate) reserved_private4: Option<&'static str>,
    pub(crate) proc_code: &'static str,
    pub(crate) network_international_id: &'static str,
    pub(crate) mti: &'static str,
    pub(crate) merchant_id: u32,
    pub(crate) date_local_tran: String,
    pub(crate) card_acceptor_terminal_id: &'static str,
    pub(crate) authorization_id_resp: Option<&'a str>,
}

/// A card token made or changed; without `request_id` and signature also the answer of `getToken`.
#[derive(Serialize)]
pub(crate) struct TokenAnswer<'a> {
    pub(crate) status: u16,
    #[serde(rename = "requestId", skip_serializing_if = "Option::is_none")]
    pub(crate) request_id: Option<&'a str>,
    pub(crate) result: TokenResult<'a>,
    pub(crate) expiration_date: &'a str,
    pub(crate) brand: &'a str,
    pub(crate) nickname: Option<&'a str>,
    pub(crate) errors: [(); 0],
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) callback: Option<Option<&'a str>>,
    #[serde(rename = "_signature", skip_serializing_if = "Option::is_none")]
    pub(crate) signature: Option<String>,
}

#[derive(Serialize)]
pub(crate) struct TokenResult<'a> {
    pub(crate) token: &'a str,
    pub(crate) last_digits: &'a str,
    pub(crate) bin: &'a str,
    pub(crate) khash: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DeletedAnswer<'a> {
    pub(crate) status: &'static str,
    pub(crate) request_id: &'a str,
    pub(crate) errors: [(); 0],
    pub(crate) callback: Option<()>,
    #[serde(rename = "_signature")]
    pub(crate) signature: String,
}

#[derive(Serialize)]
pub(crate) struct SessionAnswer<'a> {
    pub(crate) session: &'a str,
    pub(crate) token: &'a str,
}

#[derive(Serialize)]
pub(crate) struct TransactionFound<'a> {
    pub(crate) code: u16,
    pub(crate) status: &'static str,
    pub(crate) result: TransactionResult<'a>,
    pub(crate) errors: [(); 0],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TransactionResult<'a> {
    pub(crate) amount: String,
    pub(crate) authorizer: &'static str,
    pub(crate) date: &'a str,
    pub(crate) merchant: &'static str,
    pub(crate) reference_number: &'a str,
    pub(crate) state: &'static str,
    pub(crate) retrieval_number: &'a str,
    #[serde(rename = "authorizationID")]
    pub(crate) authorization_id: &'a str,
    pub(crate) currency: &'a str,
    pub(crate) credit_card_bin: &'a str,
    pub(crate) card_number: &'a str,
    pub(crate) description: &'a str,
    pub(crate) source: &'static str,
}

#[derive(Serialize)]
pub(crate) struct TransactionMissing {
    code: u16,
    status: &'static str,
    result: Nothing,
    errors: [&'static str; 1],
}

#[derive(Serialize)]
struct Nothing {}

impl TransactionMissing {
    pub(crate) const fn new() -> Self {
        Self {
            code: 404,
            status: "FAIL",
            result: Nothing {},
            errors: ["transaction not found"],
        }
    }

    /// A read that went wrong on the provider's side. Not documented; after the other errors of this
    /// operation.
    pub(crate) const fn unreadable() -> Self {
        Self {
            code: 500,
            errors: ["Error: query failed"],
            ..Self::new()
        }
    }
}

/// A void, a capture or a refund that was done.
#[derive(Serialize)]
pub(crate) struct ChangeDone<'a> {
    code: u16,
    status: &'static str,
    result: ChangeResult<'a>,
    errors: [(); 0],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ChangeResult<'a> {
    order_reference: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    void: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    capture: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    refund: Option<bool>,
}

impl<'a> ChangeDone<'a> {
    pub(crate) fn new(kind: OperationKind, order_reference: &'a str) -> Self {
        let done = |which| (kind == which).then_some(true);
        Self {
            code: 200,
            status: "SUCCESS",
            result: ChangeResult {
                order_reference,
                void: done(OperationKind::Void),
                capture: done(OperationKind::Capture),
                refund: done(OperationKind::Refund),
            },
            errors: [],
        }
    }
}

/// A void, a capture or a refund that was not done.
#[derive(Serialize)]
pub(crate) struct ChangeRefused {
    code: u16,
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    result: Option<Nothing>,
    errors: [ChangeError; 1],
}

#[derive(Serialize)]
#[serde(untagged)]
enum ChangeError {
    Text(&'static str),
    Nested {
        success: bool,
        result: Option<()>,
        errors: [[&'static str; 2]; 1],
        code: u16,
    },
}

impl ChangeRefused {
    /// No such payment: without `result`.
    pub(crate) const fn not_found() -> Self {
        Self {
            code: 404,
            status: "FAIL",
            result: None,
            errors: [ChangeError::Text("Error: Transaction not found")],
        }
    }

    /// The payment is not, or no longer, one that this can be done to. Documented for a void that comes
    /// too late.
    pub(crate) const fn not_ready(kind: OperationKind) -> Self {
        Self::nested(match kind {
            OperationKind::Void | OperationKind::Refund => {
                ["transaction", "not ready for reversion"]
            }
            OperationKind::Capture => ["transaction", "not ready for capture"],
        })
    }

    pub(crate) const fn too_much() -> Self {
        Self::nested(["amount", "greater than authorized"])
    }

    const fn nested(reason: [&'static str; 2]) -> Self {
        Self {
            code: 500,
            status: "FAIL",
            result: Some(Nothing {}),
            errors: [ChangeError::Nested {
                success: false,
                result: None,
                errors: [reason],
                code: 400,
            }],
        }
    }
}
