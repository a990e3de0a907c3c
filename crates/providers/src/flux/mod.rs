//! Flux, Mexico: payments with a code that the buyer's wallet shows, API V3.
//!
//! Written from the Postman collection of the Flux API (read 2026-11-20); fluxqr.dev ("API", "Error codes") is
//! used where it is silent, and public clients of the same company's API where that is.
//!
//! | fact | |
//! |---|---|
//! | host | configured, with the version: `https://sandbox.fluxqr.com/v3` in the collection. Everything is JSON |
//! | authentication | `POST auth/tokens/refreshToken` turns the merchant's refresh token into an access token, which every other call carries as `Authorization: Bearer` \[public clients; the collection says only that it is needed\] |
//! | access token | `expiresIn` is drawn as a moment in milliseconds \[fluxqr.dev\] and documented without a unit. Within a year of now it is read as a moment in seconds or milliseconds, else as a life in either. Renewed when 80 % of its life are over, one request at a time |
//! | amount unit | centavos, as JSON integers of 32 bits \[fluxqr.dev; the collection says only integer\] |
//! | currency | MXN; no field says so |
//! | wallet code | text, read from the buyer's screen, for one use. Opaque: JSON in the one sample, base64-like in public clients |
//! | time-outs | none is documented. Ours are in [`Timeouts`](crate::Timeouts) |
//! | idempotency | a used `reference` is refused \[fluxqr.dev\]: [`Cause::ReferenceTaken`](crate::Cause::ReferenceTaken). Refunds have nothing of the kind |
//! | read-back | [`Client::transaction`] by `reference`. Whether it shows refunds is not documented |
//! | refunds | by `reference` and amount; whether partial, repeated, or with the tip is not documented |
//! | notifications, lists, cancelling | none |
//!
//! # Status table
//!
//! | answer | a payment | a refund | a look-up |
//! |---|---|---|---|
//! | HTTP 200 with `data`, our `reference`, `status` `ok` | paid, if `type` is `payment` or missing, amount and tip are ours and `total` is their sum; else unknown | done, if `total` is what was asked for and the sum of its parts; else unknown | found, if `type` is `payment` and `total` is the sum |
//! | the same, any other `status` or `type` | unknown | unknown (`type` is not looked at) | other |
//! | `total` that is not the sum | unknown | unknown | unknown |
//! | HTTP 4xx with a code of [`Decline`] | declined | refused | as below |
//! | HTTP 4xx, `ERR_REFERENCE_ALREADY_EXISTS` | unknown | unknown | as below |
//! | HTTP 4xx, `ERR_NOT_FOUND` | as below | refused | not found with 400, 404 |
//! | HTTP 404 with any other code | unknown | unknown | not found |
//! | HTTP 401, 403 with any other code | rejected: credentials | rejected | 401 is asked once more with a fresh access token; then rejected |
//! | HTTP 400 with any other code | rejected: not done | rejected | rejected |
//! | HTTP 3xx, 429, 5xx: the body is not believed; any other status | unknown | unknown | unknown |
//! | an error without a code, `data` and an error together, either with the wrong status, no JSON, HTML, too long | unknown | unknown | unknown |
//! | no connection, or no access token | not sent | not sent | not sent |
//! | refresh token refused (HTTP 400, 401, 403) | rejected | rejected | rejected |
//!
//! # Known quirks
//!
//! * Errors lie two levels deep, `error.error.code`, and are seen one level deep too.
//! * Codes are an open set. The collection gives 400, 401 and 403 to what was not done, so a code that is not
//!   listed is no decline there but a rejection: the same reference may be used again.
//! * A 5xx may be Flux's or the wallet's, so it proves nothing even with a code that is a decline elsewhere.
//! * `issuer`, `type` and `status` are drawn with one value each; they are open sets.
//! * The samples of a refund and of a look-up are those of a payment.

mod client;
mod config;
mod decline;
mod life;
mod log;
mod order;
mod request;
mod send;
mod status;
mod wire;

pub use client::Client;
pub use config::{Clock, Config, ConfigError};
pub use decline::Decline;
pub use order::{Charge, Payment, Place, Refund, RefundOrder, Transaction, TransactionRead};
