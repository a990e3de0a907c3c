//! Many payments by card token in one call.
//!
//! Documented: the fields of the request, the answer of `status` and `bulkId` alone, and that the results are
//! posted to `/bulkResume`. Not documented, and done here as follows: every bank is asked before the call is
//! answered; a payment whose card token is not known, or whose card is turned away, is among the results with
//! an error and is no debit; one bulk is posted once.

use std::sync::Arc;

use serde::Serialize;

use crate::fault::{Fate, Operation};
use crate::ledger::BulkEntry;

use super::answer::{CheckoutRefusal, Reply, to_json};
use super::bank::{Means, PartOf};
use super::schema::{self, Body, CREDENTIALS, Form, optional, required};
use super::{GreenPay, Order};

const BULK: [schema::Property; 3] = [
    required("terminal", Form::FilledText),
    required("currency", Form::OneOf(&["CRC", "USD"])),
    required("payments", Form::FilledObjects(PAYMENT)),
];

const PAYMENT: &[schema::Property] = &[
    required("orderReference", Form::FilledText),
    required("amount", Form::Price),
    required("token", Form::FilledTexts),
    optional("name", Form::Text),
    optional("email", Form::Text),
    optional(
        "details",
        Form::Object(&[optional("description", Form::Text)]),
    ),
    optional("products", Form::Objects(&[])),
];

#[derive(Serialize)]
struct BulkAnswer<'a> {
    status: u16,
    #[serde(rename = "bulkId")]
    bulk_id: &'a str,
}

impl GreenPay {
    pub(super) fn bulk(&self, body: &Body, fate: Fate) -> Reply {
        if let Err(refusal) = schema::check(body, &[&CREDENTIALS, &BULK]) {
            return refusal;
        }
        if let Err(refusal) = self.check_merchant(body, None) {
            return refusal;
        }
        let now = self.world.clock.now();
        let mut results = Vec::new();
        let mut entry = BulkEntry {
            id: self.state().greenpay.sequence.uuid(),
            references: Vec::new(),
            not_asked: Vec::new(),
            at: now.rfc3339(),
        };
        for payment in schema::objects(body, "payments") {
            let order = order(body, payment);
            let reference = order.reference.clone();
            entry.references.push(reference.clone());
            let settled = {
                let mut state = self.state();
                let token = schema::first_text(payment, "token");
                let card = state.greenpay.card_tokens.get(token).cloned();
                card.and_then(|card| {
                    let means = Means {
                        operation: Operation::Bulk,
                        card,
                        installments: None,
                        save: false,
                        ld_len: None,
                        part_of: PartOf::Bulk(entry.id.clone()),
                    };
                    state.settle(Arc::new(order), means, fate, now)
                })
            };
            results.push(match settled {
                Some(settled) => Ok(settled.debit),
                None => {
                    entry.not_asked.push(reference.clone());
                    Err(to_json(&CheckoutRefusal::about(
                        &reference,
                        "Error: Invalid card token",
                    )))
                }
            });
        }
        let notice = self.notice_of_bulk(&entry, &results);
        let answer = BulkAnswer {
            status: 200,
            bulk_id: &entry.id,
        };
        let reply = Reply::done(&entry.id, &answer).with_notice(notice);
        self.state().ledger.bulks.push(entry);
        reply
    }
}

/// The order in an entry that fits the schema.
fn order(body: &Body, payment: &Body) -> Order {
    Order {
        reference: schema::text(payment, "orderReference").to_owned(),
        amount: schema::price(payment, "amount").expect("the schema took the amount"),
        currency: schema::text(body, "currency").to_owned(),
        description: payment
            .get("details")
            .and_then(|details| details.as_object())
            .map(|details| schema::text(details, "description").to_owned())
            .unwrap_or_default(),
        callback: None,
        installments_offered: Vec::new(),
    }
}
