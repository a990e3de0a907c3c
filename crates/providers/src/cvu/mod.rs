//! CVU wallet, Argentina: payment links, interoperable QR codes, transfers, API V2.
//!
//! Written from the API summary of the CVU wallet API (read 2026-11-20); what public clients of the same
//! paths do is used where it is silent.
//!
//! | fact | |
//! |---|---|
//! | host | configured; a provider has one for tests and one that is live. Every path begins with `v2/`, everything is JSON |
//! | authentication | `POST v2/auth/token` with the API user's name and password gives an access token; every other call carries it as `Authorization: Bearer` \[public clients; the document says only that it is needed\] |
//! | access token | `expires_at` is a number without a unit (seconds, milliseconds since the epoch, or a duration) or text in Buenos Aires time. One request at a time, ahead of the end |
//! | amount unit | pesos with two decimal places. Sent as a JSON number (1500.50). Read back as integer, decimal or text, with either decimal sign; see "Known quirks" |
//! | currency | ARS; no field says so |
//! | dates | without an offset: Buenos Aires, UTC-03:00 all year. `expiration_date` is documented as `Y-m-d H:m:s`, see [`LinkExpiry`] |
//! | time-outs | none is documented. Ours are in [`Timeouts`](crate::Timeouts) |
//! | idempotency | `cashout` alone, by `reference_id` and the same data: [`CashOut`] is those bytes. Nothing else has any |
//! | read-back | none by link or QR order. [`Client::cashin`] of a credited payment names them; the transaction list names nothing |
//! | cancelling, refunds | none. A refund is a [`Client::cashout`] to the buyer's account |
//! | notifications | none is documented |
//! | identifiers | integers, also seen as text; kept as text. 0 and `null` mean none |
//!
//! # Status table
//!
//! `status` in the body is the outcome, the HTTP status is not: failures come with HTTP 200. There is no error
//! code, and the `message` is for nobody to act on; it is dropped.
//!
//! | answer | a read, or something created | a transfer out |
//! |---|---|---|
//! | `status` `ok` and what belongs to it | definite | definite with HTTP 2xx, else unknown |
//! | `status` `ok`, a field missing or unreadable | unknown | unknown |
//! | HTTP 401, 403 without `ok` | a read is asked once more with a fresh access token; then rejected | rejected |
//! | HTTP 3xx, 429, 502, 503, 504: the body is not looked at; any other 5xx without `ok` | unknown | unknown |
//! | `status` `error` | rejected: [`Cause::Refused`](crate::Cause::Refused) | unknown: the same bytes must be sent again |
//! | any other `status`, none, no JSON, HTML, too long | unknown | unknown |
//! | no connection, or no access token | not sent | not sent |
//! | credentials refused | rejected | rejected |
//!
//! A read of a cash-in that does not exist is answered with an error too, so a rejected read proves nothing
//! about a payment.
//!
//! # Known quirks
//!
//! * The transaction list has no numbers. [`Credit::fingerprint`] tells its rows apart.
//! * Text amounts may be `1500.50` or `1.500,50`. One that could mean two amounts (`1.500`) is not read, and
//!   neither is anything with an exponent or a third decimal place that is not zero.
//! * The list is read by query parameters; the document draws a JSON body. It comes with pages, without, or
//!   as a bare list.
//! * `GET …/sale-point/static` and `DELETE …/sale-point` carry a JSON body.
//! * `buyer` is drawn as a list with names in it: an object, a list of one, and a list of pairs are read.
//! * A public client finds the access token in `access_token`, see [`TokenField`].
//! * An access token that the provider forgot may be answered with `error` and HTTP 200, which nothing tells
//!   from any other error. A token older than a minute is given up after one.
//! * The statistics' path says `statics`.

mod address;
mod amount;
mod cash_out;
mod client;
mod config;
mod credit;
mod expiry;
mod id;
mod listing;
mod log;
mod moment;
mod order;
mod request;
mod send;
mod status;
mod wire;

pub use crate::moment::Clock;
pub use address::PayAddress;
pub use cash_out::{CashOut, CashOutDone, CashOutOrder, Destination};
pub use client::Client;
pub use config::{Config, ConfigError, TokenField};
pub use credit::{Credit, Filter, Holder, Transactions};
pub use expiry::LinkExpiry;
pub use id::{CashInId, CashOutId, LinkId, QrOrderId, SalePointId};
pub use moment::{Day, Moment};
pub use order::{
    Balance, CashIn, Concept, Link, LinkOrder, Period, QrCode, QrOrder, SalePoint, Share,
    StaticAmount, StaticOrder, Statistics, TransactionFilter, TransferOrder, Voucher,
};
