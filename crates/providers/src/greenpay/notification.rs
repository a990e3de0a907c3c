//! What GreenPay posts to the merchant by itself.
//!
//! A notification is a hint, never evidence: it names references, and each is read back with
//! [`Client::transaction`](super::Client::transaction) before anything is believed. A signature covers
//! neither amount nor currency, and one that was made once verifies for ever.
//!
//! GreenPay is given one address and posts to four paths below it:
//!
//! | path | body | signed |
//! |---|---|---|
//! | `/` | the answer to a payment | over `status:<status>,orderId:<orderId>` |
//! | `/newCard` | the answer to a tokenization | over `status:<status>,requestId:<requestId>` |
//! | `/subscription/payment/results` | `{"approved": [{"order": {"orderReference": …, "subscriptionId": …}}]}` | no |
//! | `/bulkResume` | `{"bulkId": …, "responses": […]}`, each the answer to a payment | each, as on `/` |
//!
//! The published excerpts of the last two are cut. Failed payments of subscriptions are said to be posted
//! too, and nobody shows how; they are read where the approved ones would be, under `rejected`. One public plugin met bodies that were a JSON text
//! with the JSON inside; both forms are read.

use std::fmt;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use ventanilla_core::seal::ProviderKey;
use ventanilla_core::signature::{self, SignedKind};
use zeroize::Zeroizing;

use super::bulk::BulkId;
use super::client::is_reference;
use super::subscription::SubscriptionId;
use super::wire::{self, Raw, Status};

/// Which of GreenPay's four paths a notification came in on.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Path {
    /// `/`: a payment ended.
    Payment,
    /// `/newCard`: a card was saved.
    NewCard,
    /// `/subscription/payment/results`: payments of subscriptions were approved.
    SubscriptionResults,
    /// `/bulkResume`: the payments of a bulk ended.
    BulkResults,
}

impl Path {
    /// Every path.
    pub const ALL: [Self; 4] = [
        Self::Payment,
        Self::NewCard,
        Self::SubscriptionResults,
        Self::BulkResults,
    ];

    /// The path below the merchant's address, with its first slash.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Payment => "/",
            Self::NewCard => "/newCard",
            Self::SubscriptionResults => "/subscription/payment/results",
            Self::BulkResults => "/bulkResume",
        }
    }
}

/// That something happened to a reference.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Notice {
    /// The `orderReference` of a payment, the `requestId` of a saved card: 1 to 64 characters out of
    /// `A-Z a-z 0-9 _ -`. Not necessarily ours.
    pub reference: String,
    /// Whether GreenPay signed this reference. False where it signs nothing, and for failures that came
    /// without a signature: no document shows a signed one.
    pub signed: bool,
    /// What it is a part of.
    pub part_of: Option<Whole>,
}

/// What a payment is a part of.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Whole {
    /// A bulk.
    Bulk(BulkId),
    /// A subscription.
    Subscription(SubscriptionId),
}

/// Why a notification was not read. Safe to print and to log: it holds nothing of the notification.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum NoticeError {
    /// The body is not JSON in UTF-8.
    NotJson,
    /// A field is missing or not as documented; names the field.
    Shape(&'static str),
    /// A signature is missing from a success, or does not verify.
    Signature,
}

impl fmt::Display for NoticeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotJson => f.write_str("the notification is not JSON"),
            Self::Shape(field) => {
                write!(
                    f,
                    "the notification's {field} is missing or not as documented"
                )
            }
            Self::Signature => f.write_str("the notification's signature does not verify"),
        }
    }
}

impl std::error::Error for NoticeError {}

/// Reads the body of a notification that came in on `path`: all of it, or nothing.
///
/// The caller limits the length of `body`; the number of notices grows with it.
///
/// # Errors
///
/// [`NoticeError::NotJson`] and [`NoticeError::Shape`] for what is not documented, and
/// [`NoticeError::Signature`] for what GreenPay has not said.
pub fn read(path: Path, body: &[u8], key: &ProviderKey) -> Result<Vec<Notice>, NoticeError> {
    let text = std::str::from_utf8(body).map_err(|_| NoticeError::NotJson)?;
    let inner;
    let text = if text.trim_start().starts_with('"') {
        inner =
            Zeroizing::new(serde_json::from_str::<String>(text).map_err(|_| NoticeError::NotJson)?);
        inner.as_str()
    } else {
        text
    };
    match path {
        Path::Payment => Ok(vec![read_signed(text, SignedKind::Payment, "body", key)?]),
        Path::NewCard => Ok(vec![read_signed(text, SignedKind::Token, "body", key)?]),
        Path::SubscriptionResults => {
            let results: SubscriptionResults = object(text, "body")?;
            let mut found = match (results.approved, &results.rejected) {
                (None, Some(_)) => Vec::new(),
                (approved, _) => entries(approved, "approved")?,
            };
            if results.rejected.is_some() {
                found.extend(entries(results.rejected, "rejected")?);
            }
            found
                .iter()
                .map(|entry| read_subscription(entry.get()))
                .collect()
        }
        Path::BulkResults => {
            let results: BulkResults = object(text, "body")?;
            let bulk = wire::text(&results.bulk_id)
                .and_then(|id| BulkId::parse(&id))
                .ok_or(NoticeError::Shape("bulkId"))?;
            entries(results.responses, "responses")?
                .iter()
                .map(|entry| {
                    let notice = read_signed(entry.get(), SignedKind::Payment, "responses", key)?;
                    Ok(Notice {
                        part_of: Some(Whole::Bulk(bulk.clone())),
                        ..notice
                    })
                })
                .collect()
        }
    }
}

/// The fields of an answer that its signature covers. The others stay where they are: among them may
/// be a card token.
#[derive(Deserialize)]
struct SignedAnswer {
    status: Option<Raw>,
    #[serde(rename = "orderId")]
    order_id: Option<Raw>,
    #[serde(rename = "requestId")]
    request_id: Option<Raw>,
    #[serde(rename = "_signature")]
    signature: Option<Raw>,
}

#[derive(Deserialize)]
struct SubscriptionResults {
    approved: Option<Raw>,
    rejected: Option<Raw>,
}

#[derive(Deserialize)]
struct SubscriptionResult {
    order: Option<Raw>,
}

#[derive(Deserialize)]
struct SubscriptionOrder {
    #[serde(rename = "orderReference")]
    order_reference: Option<Raw>,
    #[serde(rename = "subscriptionId")]
    subscription_id: Option<Raw>,
}

#[derive(Deserialize)]
struct BulkResults {
    #[serde(rename = "bulkId")]
    bulk_id: Option<Raw>,
    responses: Option<Raw>,
}

fn read_signed(
    text: &str,
    kind: SignedKind,
    place: &'static str,
    key: &ProviderKey,
) -> Result<Notice, NoticeError> {
    let answer: SignedAnswer = object(text, place)?;
    let status = answer
        .status
        .as_deref()
        .ok_or(NoticeError::Shape("status"))?;
    let status_text = wire::scalar(status).ok_or(NoticeError::Shape("status"))?;
    let reference = match kind {
        SignedKind::Payment => reference(&answer.order_id, "orderId")?,
        SignedKind::Token => reference(&answer.request_id, "requestId")?,
    };
    let failed = matches!(
        wire::status(status),
        Status::Fail | Status::Number(300..=u16::MAX)
    );
    if answer.signature.is_none() && failed {
        return Ok(Notice {
            reference,
            signed: false,
            part_of: None,
        });
    }
    let signature = wire::string(&answer.signature).ok_or(NoticeError::Signature)?;
    signature::verify(key, kind, &status_text, &reference, &signature)
        .map_err(|_| NoticeError::Signature)?;
    Ok(Notice {
        reference,
        signed: true,
        part_of: None,
    })
}

fn read_subscription(text: &str) -> Result<Notice, NoticeError> {
    let result: SubscriptionResult = object(text, "approved")?;
    let order = result.order.ok_or(NoticeError::Shape("order"))?;
    let order: SubscriptionOrder = object(order.get(), "order")?;
    Ok(Notice {
        reference: reference(&order.order_reference, "orderReference")?,
        signed: false,
        part_of: wire::text(&order.subscription_id)
            .and_then(|id| SubscriptionId::parse(&id))
            .map(Whole::Subscription),
    })
}

/// The signed text is not escaped: a status or a reference with a comma in it could say something else.
fn reference(raw: &Option<Raw>, field: &'static str) -> Result<String, NoticeError> {
    raw.as_deref()
        .and_then(wire::scalar)
        .filter(|text| is_reference(text))
        .ok_or(NoticeError::Shape(field))
}

/// A list would do for a struct: its fields in order.
fn object<T: DeserializeOwned>(text: &str, place: &'static str) -> Result<T, NoticeError> {
    match serde_json::from_str(text) {
        Ok(value) if text.trim_start().starts_with('{') => Ok(value),
        Err(error) if !error.is_data() => Err(NoticeError::NotJson),
        _ => Err(NoticeError::Shape(place)),
    }
}

fn entries(list: Option<Raw>, field: &'static str) -> Result<Vec<Raw>, NoticeError> {
    let list = list.ok_or(NoticeError::Shape(field))?;
    serde_json::from_str(list.get()).map_err(|_| NoticeError::Shape(field))
}
