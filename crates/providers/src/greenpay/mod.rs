//! GreenPay, Costa Rica: payment cards, API V1.
//!
//! Written from the official collection "GreenPay API Services" (published 2022-07, read 2026-11-20)
//! and the help centre's V1 articles (2019 to 2023); what public shop plugins do is used where both
//! are silent.
//!
//! | fact | |
//! |---|---|
//! | hosts | merchant `https://merchant.greenpay.me` (sandbox `https://sandbox-merchant.greenpay.me`), checkout `https://checkout.greenpay.me` (sandbox `https://sandbox-checkout.greenpay.me`); all calls are POST with JSON |
//! | authentication | merchant host: `secret` and `merchantId` in the body, `transactions/get` only `merchantId`. Checkout host: `session` in the body and its token in the header `liszt-token` |
//! | amount unit | major units as a JSON number with decimals (1250.50); read back as a number or as text |
//! | currencies | CRC, USD |
//! | time-outs | order session 30 minutes; no time limit of a call is documented. One plugin has waited 180 s. Ours are in [`Timeouts`](crate::Timeouts) |
//! | idempotency | none. `orderReference` is the only handle, and whether a repeated one is refused is not documented |
//! | read-back | `transactions/get` by `orderReference`; only `approved` and "transaction not found" are documented |
//! | after a payment | `transactions/void` within 3 hours (Banco Nacional, facilitator scheme), `transactions/refund` of the whole within 7 calendar days (BAC), `transactions/capture` of a pre-authorization (BAC). Each names `bin`, `last4` and `authorization` besides the reference |
//! | many payments at once | `bulk`: answered with a `bulkId` alone, results by notification, each payment read back by its own reference |
//! | subscriptions | charged by GreenPay at midnight, every so many months; created, cancelled, given another card or amount, charged at once, listed. A payment's reference is `<subscriptionId>_<n>`, GreenPay's own. One that is created without `startDate` is charged on that very day |
//! | notifications | JSON by POST to four paths below one registered address, see [`notification`]; no header authenticates them |
//! | signature | `_signature`: RSASSA-PKCS1-v1_5 with SHA-256 over `status:<status>,orderId:<reference>`, card tokens `requestId` in its place; hex. Amount and currency are **not** signed |
//! | identifiers | `merchantId`, `session` and its token: UUID. `orderReference`, `requestId`: ours, out of `A-Z a-z 0-9 _ -` because the signed text is not escaped. Card token: opaque |
//!
//! # Status table
//!
//! The HTTP status is not the outcome: failures come with HTTP 200 too. [`status`] reads this table.
//!
//! | answer to a payment | outcome |
//! |---|---|
//! | `status` 200, `result.success`, `resp_code` 00, our reference, amount and currency, signature verifies | approved |
//! | the same with anything missing, different or unsigned | unknown |
//! | other `status`, `result.resp_code` present | declined with that code |
//! | `resp_code` 899 (timed out, reversal applied) | unknown, until a read tells |
//! | other `status`, no `result`, `Invalid_pan` | declined with code 14 ([`status::INVALID_CARD`]): refused before a bank was asked |
//! | …, `Session not exists or is wrong` | rejected: the sealed card could not be opened |
//! | …, `Session not found`, `Invalid token`, `Invalid card token`, `Merchant doesn't exist`, `Bank entity doesn't exist` | rejected |
//! | …, any other text or none | unknown |
//! | HTTP 400 with a bare array of schema violations | rejected |
//! | HTTP 401, 403 | rejected |
//! | HTTP 3xx, 429, 502, 503, 504 | unknown, the body is not looked at |
//! | any other HTTP status (500 among them) | as its body says; unknown unless it is a decline with our reference or a documented refusal |
//! | no connection | not sent |
//! | anything else | unknown |
//!
//! | answer to a void, a refund or a capture | outcome |
//! |---|---|
//! | `code` 200, `status` SUCCESS, `result.orderReference` ours, `result.void` or `result.refund` true, no error | done |
//! | the same to a capture, `result.capture` true or missing \[undocumented: no source shows this answer\] | done |
//! | `code` 404, `status` FAIL, no `result`, `Transaction not found` | refused: [`status::NOT_FOUND`] |
//! | `code` 500, `status` FAIL, no `result`, `not ready for reversion` inside the nested error | refused: [`status::TOO_LATE`] for a void, else [`status::NOT_READY`] |
//! | HTTP 400 with a bare array of schema violations; HTTP 401, 403 | rejected |
//! | no connection | not sent |
//! | anything else, other error texts among it | unknown |
//!
//! | answer about a subscription, or to a bulk | outcome |
//! |---|---|
//! | `status` 200, `subscriptionId` (created) or `bulkId`, no error, no word of a first payment | done |
//! | `code` 200, `status` SUCCESS, `result.status`, no error, nothing that differs from what was asked (cancelled, another card, another amount) | done |
//! | `code` 200, `status` SUCCESS, `result.status` approved, `order` with our subscription, an authorization, an amount, no error (charged at once) | approved |
//! | …, `result.status` rejected or declined \[undocumented\], no authorization | declined |
//! | `status` FAIL, `code`, no `result`, to a cancellation or a change | refused with that `code` |
//! | `code` 200, `status` SUCCESS, every one of `result.entries` readable (lists) | definite |
//! | `code` 404, `status` FAIL, no `result`, to a list of payments \[undocumented\] | rejected: it does not know the subscription |
//! | documented error texts, schema violations, HTTP 401, 403 | rejected, as above |
//! | anything else | unknown |
//!
//! | a listed payment of a subscription | meaning |
//! |---|---|
//! | `payment_result`, or a retry's `attemp_result`, with `status` 200, `result.success`, `resp_code` 00, its own reference, and a signature that verifies | approved |
//! | the same with another `status` and no authorization | declined |
//! | `null` | nothing is told |
//! | anything else, 899 among it | unproven |
//!
//! | `result.state` of a read | meaning |
//! |---|---|
//! | `approved` | approved |
//! | `void`, `voided`; `refund`, `refunded`; `capture`, `captured` \[undocumented\] | other, changed by that operation |
//! | any other word \[undocumented\] | other; proves nothing |
//!
//! # Known quirks
//!
//! * `status` is a number or one of SUCCESS, FAIL, DELETED; some answers put the number in `code`.
//! * `errors` holds texts, objects or nested arrays; a schema violation is a bare array.
//! * Some answers echo the merchant's `secret`. No field that is not listed in `wire` is kept.
//! * The HTTP status of a decline is not documented, and no source shows a signed one.
//! * One published approval with `tokenizeResp` does not verify by the key that verifies others. Such a
//!   payment is unknown until it is read back, and the card saved with it is then not known to us.
//! * Amounts were seen with the dust of binary floating point: 7459.9999983 is 7460.00.
//! * The oldest published approvals lack `amount` and `currency`: unknown until read back.
//! * The success of a card token look-up is not documented.
//! * Nothing signs the answers to void, refund and capture, and no idempotency key tells two of them
//!   apart: in doubt, only a read may follow.
//! * The refusal of a late void hides two texts three levels deep, with a `code` of its own.
//! * The answer to a changed subscription has an `id` that is not the subscription's name, and the order it
//!   was made of with the merchant's `secret` inside.
//! * A cancelled subscription is CANCELLED in answers and CANCELED in one published filter.
//! * In a list of payments the retries are `attemp_date` and `attemp_result`.
//! * A notification was once a JSON text with the JSON inside, and may arrive before the answer to the
//!   call does.

mod bulk;
mod client;
mod config;
mod log;
pub mod notification;
mod operation;
mod order;
pub mod status;
mod subscription;
mod wire;

pub use crate::moment::{Day, Moment};
pub use bulk::{BulkId, BulkPayment};
pub use client::Client;
pub use config::{Config, ConfigError, PayPath};
pub use operation::{OperationAnswer, PaidTransaction, StateChange};
pub use order::{
    Address, Approval, Buyer, CardToken, Expected, Order, OrderItem, OrderSession, Payment,
    SavedCard, SavedToken, TransactionDetail, TransactionRead,
};
pub use subscription::{
    Cadence, CadenceUnit, ChargeResult, ChargeRetry, CreatedSubscription, Listed, ListedApproval,
    ListedPayment, NewSubscription, Page, Subscription, SubscriptionAnswer, SubscriptionApproval,
    SubscriptionFilter, SubscriptionId, SubscriptionPayer, SubscriptionPayment, SubscriptionState,
    SubscriptionStatus,
};
