//! The operations as a person at a terminal calls them: one row for each operation of the merchant API.
//!
//! What a command takes, and what its help says, is in the OpenAPI document of the operation that it calls
//! ([`openapi`](crate::openapi)); a row says what the document does not.

/// An operation of the merchant API, as a command.
pub struct Row {
    /// Its `operationId`.
    pub operation: &'static str,
    /// The words behind `ventanilla`.
    pub words: &'static [&'static str],
    /// What is done to money or to what takes it; asked about before it is sent.
    pub asks: Option<&'static str>,
    /// How the answer is shown to people.
    pub shown: Shown,
}

/// How an answer is shown to people.
#[derive(Clone, Copy)]
pub enum Shown {
    /// Field by field.
    Record,
    /// A line for each element of the list under this name, with these fields of it.
    List(&'static str, &'static [&'static str]),
    /// In a manner of the command's own.
    Own,
}

use Shown::{List, Own, Record};

/// Every row, in the order of the help.
pub const ROWS: &[Row] = &[
    row("open_session", &["session", "open"], None, Record),
    row("read_session", &["session", "read"], None, Record),
    row(
        "expire_session",
        &["session", "expire"],
        Some("ends the session for its buyer"),
        Record,
    ),
    row("make_client_token", &["session", "token"], None, Record),
    row("read_attempt", &["attempt", "read"], None, Record),
    row("read_operation", &["operation", "read"], None, Record),
    row(
        "capture",
        &["operation", "capture"],
        Some("takes money that is held"),
        Record,
    ),
    row(
        "void",
        &["operation", "void"],
        Some("undoes the payment"),
        Record,
    ),
    row(
        "release",
        &["operation", "release"],
        Some("lets go of money that is held"),
        Record,
    ),
    row(
        "refund",
        &["operation", "refund"],
        Some("gives money back to the buyer"),
        Record,
    ),
    row(
        "return_goods",
        &["operation", "return"],
        Some("gives money back to the buyer"),
        Record,
    ),
    row("list_review", &["review"], None, Own),
    row("read_again", &["review", "read"], None, Own),
    row("settle_review", &["review", "settle"], None, Own),
    row("read_webhooks", &["webhooks", "read"], None, Record),
    row("enable_webhooks", &["webhooks", "enable"], None, Record),
    row(
        "greenpay_token_payment",
        &["greenpay", "token-payment"],
        Some("takes money with a saved card"),
        Record,
    ),
    row(
        "greenpay_bulk_payments",
        &["greenpay", "bulk-payments"],
        Some("takes money with each of the saved cards"),
        Record,
    ),
    row(
        "greenpay_create_subscription",
        &["greenpay", "create-subscription"],
        Some("has a saved card pay again and again"),
        Record,
    ),
    row(
        "greenpay_pay_subscription",
        &["greenpay", "pay-subscription"],
        Some("takes a payment of the subscription now"),
        Record,
    ),
    row(
        "cvu_cash_out",
        &["cvu", "cash-out"],
        Some("sends money out of the account"),
        Record,
    ),
    row(
        "flexiti_deposit",
        &["flexiti", "deposit"],
        Some("puts money into the customer's account"),
        Record,
    ),
    row(
        "greenpay_save_card",
        &["greenpay", "save-card"],
        None,
        Record,
    ),
    row(
        "greenpay_cards",
        &["greenpay", "cards"],
        None,
        List(
            "cards",
            &[
                "id",
                "brand",
                "last4",
                "expiry_month",
                "expiry_year",
                "created_at",
            ],
        ),
    ),
    row("greenpay_card", &["greenpay", "card"], None, Record),
    row(
        "greenpay_replace_card",
        &["greenpay", "replace-card"],
        Some("deletes the card before at GreenPay"),
        Record,
    ),
    row(
        "greenpay_delete_card",
        &["greenpay", "delete-card"],
        Some("deletes the card at GreenPay and here"),
        Record,
    ),
    row(
        "greenpay_subscriptions",
        &["greenpay", "subscriptions"],
        None,
        List(
            "subscriptions",
            &[
                "id",
                "status",
                "buyer_id",
                "amount",
                "every",
                "unit",
                "next_payment_at",
            ],
        ),
    ),
    row(
        "greenpay_subscription_payments",
        &["greenpay", "subscription-payments"],
        None,
        List(
            "payments",
            &["reference", "tried_at", "state", "total", "provider_code"],
        ),
    ),
    row(
        "greenpay_cancel_subscription",
        &["greenpay", "cancel-subscription"],
        Some("ends the subscription for good"),
        Record,
    ),
    row(
        "greenpay_change_subscription_card",
        &["greenpay", "change-subscription-card"],
        Some("lets another card pay the subscription"),
        Record,
    ),
    row(
        "greenpay_change_subscription_amount",
        &["greenpay", "change-subscription-amount"],
        Some("changes what the subscription takes"),
        Record,
    ),
    row(
        "greenpay_transaction",
        &["greenpay", "transaction"],
        None,
        Record,
    ),
    row(
        "cvu_concepts",
        &["cvu", "concepts"],
        None,
        List("concepts", &["code", "name"]),
    ),
    row("cvu_balance", &["cvu", "balance"], None, Record),
    row("cvu_statistics", &["cvu", "statistics"], None, Record),
    row(
        "cvu_sale_points",
        &["cvu", "sale-points"],
        None,
        List("sale_points", &["id", "name", "status"]),
    ),
    row(
        "cvu_create_sale_point",
        &["cvu", "open-sale-point"],
        None,
        Record,
    ),
    row(
        "cvu_delete_sale_point",
        &["cvu", "close-sale-point"],
        Some("ends the sale point's static QR code"),
        Record,
    ),
    row("cvu_static_qr", &["cvu", "static-qr"], None, Record),
    row(
        "cvu_static_order",
        &["cvu", "order"],
        Some("asks the next buyer at the sale point to pay"),
        Record,
    ),
    row("cvu_transfer_link", &["cvu", "transfer-link"], None, Record),
    row("cvu_cash_in", &["cvu", "cash-in"], None, Record),
    row("cvu_voucher", &["cvu", "voucher"], None, Record),
    row(
        "cvu_transactions",
        &["cvu", "transactions"],
        None,
        List(
            "transactions",
            &[
                "date",
                "income",
                "amount",
                "operation",
                "holder",
                "cuit",
                "sale_point",
                "status",
            ],
        ),
    ),
    row(
        "cvu_transaction_filters",
        &["cvu", "transaction-filters"],
        None,
        List("operations", &["id", "name", "kind"]),
    ),
    row("flux_transaction", &["flux", "transaction"], None, Record),
    row(
        "flexiti_authorizations",
        &["flexiti", "authorizations"],
        None,
        List(
            "authorizations",
            &[
                "id",
                "created_at",
                "status",
                "amount",
                "remaining",
                "captured",
                "returned",
                "reference",
            ],
        ),
    ),
    row(
        "flexiti_authorization",
        &["flexiti", "authorization"],
        None,
        Record,
    ),
    row(
        "flexiti_captures",
        &["flexiti", "captures"],
        None,
        List(
            "captures",
            &[
                "id",
                "at",
                "status",
                "amount",
                "authorization_id",
                "reference",
            ],
        ),
    ),
];

/// What each first word is about, for the help.
pub const GROUPS: &[(&str, &str)] = &[
    ("session", "Open payment sessions, read and end them"),
    ("attempt", "Read attempts to pay a session"),
    (
        "operation",
        "Capture, void, release, refund or take back what was paid",
    ),
    (
        "greenpay",
        "GreenPay's saved cards, subscriptions and transactions (Costa Rica)",
    ),
    (
        "cvu",
        "The CVU wallet's account, sale points, transactions (Argentina)",
    ),
    ("flux", "What Flux knows of a payment (Mexico)"),
    (
        "flexiti",
        "Flexiti's authorizations, captures and deposits (Canada)",
    ),
    (
        "webhooks",
        "See how it stands with webhooks, and send to the receiver again",
    ),
];

const fn row(
    operation: &'static str,
    words: &'static [&'static str],
    asks: Option<&'static str>,
    shown: Shown,
) -> Row {
    Row {
        operation,
        words,
        asks,
        shown,
    }
}

impl Row {
    /// The row of an operation.
    #[must_use]
    pub fn of(operation: &str) -> Option<&'static Self> {
        ROWS.iter().find(|row| row.operation == operation)
    }

    /// The command, as it is typed.
    #[must_use]
    pub fn typed(&self) -> String {
        format!("ventanilla {}", self.words.join(" "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_operations_share_a_command_and_none_has_two() {
        for (index, row) in ROWS.iter().enumerate() {
            for other in ROWS.iter().skip(index + 1) {
                assert_ne!(row.words, other.words, "{}", row.operation);
                assert_ne!(row.operation, other.operation);
            }
        }
    }
}
