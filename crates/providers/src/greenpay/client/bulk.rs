//! Many payments in one call.

use std::collections::HashSet;

use super::{Client, interpret, is_reference};
use crate::greenpay::bulk::{BulkId, BulkPayment};
use crate::greenpay::log::Operation;
use crate::greenpay::status;
use crate::greenpay::wire::BulkRequest;
use crate::http::{Body, Lost};
use crate::outcome::{Cause, Outcome};

/// A payment with its card token, written down.
const PAYMENT_SIZE_HINT: usize = 1024;

impl Client {
    /// Most payments of a bulk. GreenPay documents no limit; this one keeps the notification of its results
    /// well inside of what is read of one.
    pub const BULK_MAX: usize = 100;

    /// **Moves money.** Asks for many payments at once, by card tokens, once, as [`Client::pay`] sends once.
    ///
    /// Definite means that GreenPay took the request, and nothing about the payments: each is settled with
    /// [`Client::transaction`], by its own reference. The notification of the results names those.
    ///
    /// Not sent, with [`Cause::Request`], unless there are 1 to [`Client::BULK_MAX`] payments of more than
    /// nothing, in one currency and under different references.
    pub async fn bulk(&self, payments: &[BulkPayment]) -> Outcome<BulkId> {
        let seen = Operation::start("bulk");
        let answer = match self.bulk_body(payments) {
            Ok(body) => self.send_once(&self.merchant, "/bulk", None, body).await,
            Err(cause) => Err(Lost::NotSent(cause)),
        };
        seen.end(interpret(answer, status::bulk))
    }

    fn bulk_body(&self, payments: &[BulkPayment]) -> Result<Body, Cause> {
        let mut references = HashSet::new();
        let currency = payments
            .first()
            .map(|payment| payment.total.currency())
            .filter(|_| payments.len() <= Self::BULK_MAX)
            .ok_or(Cause::Request("payments"))?;
        for payment in payments {
            if !is_reference(&payment.reference) || !references.insert(&payment.reference) {
                return Err(Cause::Request("reference"));
            }
            if payment.total.currency() != currency || payment.total.minor() == 0 {
                return Err(Cause::Request("total"));
            }
        }
        let request = BulkRequest::new(&self.config, currency, payments);
        Body::json(&request, PAYMENT_SIZE_HINT * (payments.len() + 1))
            .map_err(|_| Cause::Request("body"))
    }
}
