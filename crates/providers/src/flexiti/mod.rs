//! Flexiti, Canada: financing, POS API 2.5.
//!
//! Written from the API's transactions document and what is public of the vendor's developer pages (read
//! 2026-11-20). What no source says is marked \[inferred\] and can be configured where it matters.
//!
//! | fact | |
//! |---|---|
//! | host | configured; the vendor has one for training, one for integration, one that is live. Paths begin with `flexiti/pos-api/v{version}/client-id/{client_id}/` |
//! | version | two at once, see [`Versions`]. For release, capture, return and refund it is \[inferred\] |
//! | authentication | `POST oauth/token`, the only form among JSON, gives `Authorization: Bearer` for 20 minutes. Scope `merchant`: one token for all, asked for by one caller at a time, ahead of its end; never by the refresh token, which gives no more than a new one. Scope `customer`: a fresh one for each checkout, never kept |
//! | `x-reference-id` | a GUID that names a flow to the vendor's support, see [`FlowId`] |
//! | amount unit | dollars with up to two decimal places, as JSON numbers, in one sample as text. Read digit by digit |
//! | currency | CAD; no field says so |
//! | rates | fractions with four decimal places: 0.0999 is 9.99 % |
//! | dates | UTC, `2026-01-05T15:00:00Z`. In which zone the days of a filter begin is not documented |
//! | identity | a hosted page in a frame, see [`WidgetSession`]: it proves who the buyer is, and pays nothing |
//! | time-outs | none is documented. Ours are in [`Timeouts`](crate::Timeouts) |
//! | idempotency | `x-idempotency-key` is documented for deposits alone, see [`Config::idempotency_key`]. Nothing rests on it |
//! | read-back | by our own reference: [`Client::find`], then `captures_of`, `releases_of`, `returns_of`. A refund and a deposit have none |
//! | notifications | none is documented |
//! | test codes | the code 2222 works in the vendor's sandboxes for applications only |
//!
//! # An authorization
//!
//! ```text
//! authorize(auto_capture) ──────────────────────────────▶ closed ◀─┐
//! authorize ──▶ opened ──── capture, release: nothing left ────────┘
//!                 │  └───── capture, release: a part of it ──▶ opened
//!                 └───────── its time is over: no status says so
//! ```
//!
//! A return changes none of this. What was captured is counted with what was returned of it \[inferred\]; see
//! [`AuthorizationDetail::adds_up`].
//!
//! # Status table
//!
//! | answer | changes nothing | holds or moves money |
//! |---|---|---|
//! | HTTP 2xx and what belongs to it, about our reference and amount | definite | definite |
//! | HTTP 2xx, a field missing, unreadable or another than ours, or an `error` in it | unknown | unknown |
//! | HTTP 401 | the merchant's: asked once more with a fresh access token; then rejected | rejected |
//! | HTTP 403, and 465 to 467 of the firewall before it | rejected: [`Cause::Forbidden`](crate::Cause::Forbidden) | rejected |
//! | another 4xx with a documented refusal, see [`RefusalClass`] | definite: refused | definite: refused |
//! | `invalid_client`, `invalid_token` | rejected: [`Cause::Credentials`](crate::Cause::Credentials) | rejected |
//! | `invalid_role`, `external_location_id_not_found`, `invalid_transaction_type` | rejected: [`Cause::Setup`](crate::Cause::Setup) | rejected |
//! | `wrong_input(s)`, `invalid_request` | rejected: [`Cause::Validation`](crate::Cause::Validation) | rejected |
//! | `general_error`, `generic_error` | rejected | unknown: an error in general proves nothing |
//! | any other code | rejected: [`Cause::UnknownError`](crate::Cause::UnknownError) | unknown: the vendor adds codes, and one may say that it was done before |
//! | a 4xx without a code, 3xx, 429, 5xx, HTML, no JSON, too long | unknown | unknown |
//! | no connection, no access token, a customer's token that is over | not sent | not sent |
//!
//! # Known quirks
//!
//! * 409 is the status of every refusal, and 404 that of an unknown authorization, account, card and of an identity that
//!   was not proved: the code decides.
//! * The widget's session stands in the query of the address's *fragment*.
//! * The list of captures comes flat or with each row one step deeper, and with other names for dates and status.
//! * Pages name the next as `next_url` or `next_page_url`; it is never followed. Whether `count` is of the page or of all
//!   is not documented; it is not read.
//! * `capture` is one object when an authorization is made, `captures` a list when it is read.
//! * `merchant_id` is 0 in the list where it is not known.
//! * `annual_rates` is an object, a list, or missing.
//! * A deposit's sample has its amount and account number as text, see [`Config::deposit_as_text`].
//! * Refunds and deposits are answered with `{}` or nothing.
//! * Buyers, employees and cards in answers (`customer`, `username`, `VCC`, addresses) are dropped while reading.

mod amount;
mod authorization;
mod client;
mod config;
mod filter;
mod id;
mod listing;
mod log;
mod offer;
mod order;
mod piece;
mod refusal;
mod request;
mod secret;
mod send;
mod sku;
mod status;
mod version;
mod widget;
mod wire;

pub use crate::moment::{Clock, Day, Moment};
pub use amount::Cents;
pub use authorization::{
    AddressCheck, Authorization, AuthorizationDetail, AuthorizationRow, AuthorizationStatus,
    Authorized, Merchant, Totals,
};
pub use client::{Client, Found};
pub use config::{Config, ConfigError};
pub use filter::{AuthorizationFilter, CaptureFilter, Common, PurchaseKind};
pub use id::{AuthorizationId, CaptureId, Flow, FlowId, Lang, Reference, ReleaseId, ReturnId};
pub use listing::{CaptureRow, CapturedOf, Listing};
pub use offer::{Fee, Offers, Plan, Rate, RegularOffer, Term, Text};
pub use order::{
    Address, Capture, Counter, Deposit, DepositKind, DepositTo, Financing, Identification,
    InStoreAuthorization, OnlineAuthorization, Part, Person, Refund, Release, Return,
};
pub use piece::{
    CaptureDone, CaptureSeen, CaptureStatus, ReleaseDone, ReleaseSeen, ReturnDone, ReturnSeen,
};
pub use refusal::{Decision, Refusal, RefusalClass};
pub use secret::{
    AccountNumber, BirthDate, CardNumber, CustomerId, CustomerToken, VerificationCode,
    WidgetSessionId,
};
pub use sku::{Product, SkuData};
pub use version::{Version, Versions};
pub use widget::{WidgetAddress, WidgetSession};
