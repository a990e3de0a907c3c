//! The merchant host: `secret` and `merchantId` in the body.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State as Shared};
use axum::http::HeaderMap;
use axum::response::Response;
use axum::routing::post;
use axum::{Extension, Router};
use serde_json::Value;

use crate::RepeatedReference;
use crate::amount::{Amount, AmountFault};
use crate::clock::Moment;
use crate::fault::{Fate, Kind, Operation};
use crate::ledger::{CardTokenChange, DebitEntry, OrderEntry};
use crate::listen::Connection;
use crate::wire::page;
use crate::world::State;

use super::answer::{
    DeletedAnswer, Refusal, Reply, SessionAnswer, TransactionFound, TransactionMissing,
    TransactionResult,
};
use super::bank::{Means, PartOf, bent_signature, other_reference, token_answer};
use super::call::{Call, read_body};
use super::schema::{self, Body, CREDENTIALS, Form, ORDER, required};
use super::{GreenPay, Order, Purpose, SESSION_LIFETIME};

/// Bodies above this are refused, as the provider's web framework does unless told.
pub(super) const BODY_LIMIT: usize = 100 * 1024;

const WRONG_CREDENTIALS: Refusal = Refusal::of("Merchant doesn't exist");
const UNKNOWN_TERMINAL: Refusal = Refusal::of("Bank entity doesn't exist");
pub(super) const UNKNOWN_CARD_TOKEN: Refusal = Refusal::of("Error: Invalid card token");
/// Not documented; after the other errors of this operation.
const READ_FAILED: Refusal = Refusal::of("Error: query failed");
/// Not documented: the provider may refuse a repeated reference, and this is what it might say.
const REPEATED_REFERENCE: Refusal = Refusal::of("Order reference already exists");

pub(crate) fn router(greenpay: Arc<GreenPay>) -> Router {
    let execute = |operation| -> Option<Execute> {
        Some(match operation {
            Operation::CreateOrder => GreenPay::create_order,
            Operation::TokenPayment => GreenPay::pay_with_token,
            Operation::TokenizeOrder => GreenPay::create_token_order,
            Operation::GetToken => GreenPay::get_token,
            Operation::DeleteToken => GreenPay::delete_token,
            Operation::Transaction => GreenPay::transaction,
            Operation::Void => GreenPay::void,
            Operation::Capture => GreenPay::capture,
            Operation::Refund => GreenPay::refund,
            Operation::Bulk => GreenPay::bulk,
            Operation::CreateSubscription => GreenPay::create_subscription,
            Operation::CancelSubscription => GreenPay::cancel_subscription,
            Operation::UpdateSubscriptionCard => GreenPay::update_subscription_card,
            Operation::UpdateSubscription => GreenPay::update_subscription,
            Operation::PaySubscription => GreenPay::pay_subscription,
            Operation::Subscriptions => GreenPay::list_subscriptions,
            Operation::SubscriptionPayments => GreenPay::list_subscription_payments,
            _ => return None,
        })
    };
    tokio::spawn(Arc::clone(&greenpay).watch_subscriptions());
    let mut router = Router::new();
    for operation in Operation::ALL {
        let Some(execute) = execute(operation) else {
            continue;
        };
        for path in operation.place().paths {
            let handler = move |shared: Shared<Arc<GreenPay>>,
                                connection: Extension<Connection>,
                                headers: HeaderMap,
                                bytes: Bytes| {
                run(shared, connection, headers, bytes, operation, path, execute)
            };
            router = router.route(path, post(handler));
        }
    }
    router
        .fallback(nothing_here)
        .method_not_allowed_fallback(nothing_here)
        .layer(DefaultBodyLimit::max(BODY_LIMIT))
        .with_state(greenpay)
}

pub(super) async fn nothing_here() -> Response {
    page(axum::http::StatusCode::NOT_FOUND)
}

type Execute = fn(&GreenPay, &Body, Fate) -> Reply;

async fn run(
    Shared(greenpay): Shared<Arc<GreenPay>>,
    Extension(connection): Extension<Connection>,
    headers: HeaderMap,
    bytes: Bytes,
    operation: Operation,
    path: &'static str,
    execute: Execute,
) -> Response {
    let body = match read_body(&headers, &bytes) {
        Ok(body) => body,
        Err(refusal) => return *refusal,
    };
    // What was due by now comes first, however busy the task is that sees to it.
    greenpay.charge_due().await;
    let call = Call {
        operation,
        connection,
        path,
        body,
    };
    call.run(greenpay, execute).await
}

impl GreenPay {
    fn create_order(&self, body: &Body, fate: Fate) -> Reply {
        if let Err(refusal) = schema::check(body, &[&CREDENTIALS, &ORDER]) {
            return refusal;
        }
        let order = match self.acceptable_order(body) {
            Ok(order) => order,
            Err(refusal) => return refusal,
        };
        let now = self.world.clock.now();
        let lifetime = lifetime(fate);
        let order = Arc::new(order);
        let mut guard = self.state();
        let state = &mut *guard;
        let purpose = Purpose::Payment(Arc::clone(&order));
        let (session, token) = state.open_session(purpose, now, lifetime);
        state
            .greenpay
            .payments
            .note_order(&order.reference, state.ledger.orders.len());
        state.ledger.orders.push(OrderEntry {
            reference: order.reference.clone(),
            amount: order.amount.two_decimals(),
            currency: order.currency.clone(),
            description: order.description.clone(),
            installments_offered: order.installments_offered.clone(),
            session: session.clone(),
            token: token.clone(),
            opened_at: now.rfc3339(),
            expires_at: now.plus(lifetime).rfc3339(),
        });
        Reply::done(
            &order.reference,
            &SessionAnswer {
                session: &session,
                token: &token,
            },
        )
    }

    fn pay_with_token(&self, body: &Body, fate: Fate) -> Reply {
        const TOKEN: [schema::Property; 1] = [required("token", Form::FilledText)];
        if let Err(refusal) = schema::check(body, &[&CREDENTIALS, &ORDER, &TOKEN]) {
            return refusal;
        }
        let order = match self.acceptable_order(body) {
            Ok(order) => order,
            Err(refusal) => return refusal,
        };
        let settled = {
            let mut state = self.state();
            let Some(card) = state
                .greenpay
                .card_tokens
                .get(schema::text(body, "token"))
                .cloned()
            else {
                return Reply::refused(Some(&order.reference), &UNKNOWN_CARD_TOKEN);
            };
            // There is no `ld` to pick one of several counts in: a single one is the one picked.
            let installments = match order.installments_offered.as_slice() {
                [only] => Some(only.clone()),
                _ => None,
            };
            let means = Means {
                operation: Operation::TokenPayment,
                card,
                installments,
                save: false,
                ld_len: None,
                part_of: PartOf::Nothing,
            };
            state.settle(Arc::new(order), means, fate, self.world.clock.now())
        };
        match settled {
            Some(settled) => self.payment_reply(&settled, fate),
            None => Reply::refused(
                Some(schema::text(body, "orderReference")),
                &super::answer::CheckoutRefusal::of("Error: payment not processed"),
            ),
        }
    }

    /// The order in a body that fits the schema.
    fn acceptable_order(&self, body: &Body) -> Result<Order, Reply> {
        let reference = schema::text(body, "orderReference");
        self.check_merchant(body, Some(reference))?;
        if self.repeated_reference == RepeatedReference::Refuse && self.has_seen(reference) {
            return Err(Reply::refused(Some(reference), &REPEATED_REFERENCE));
        }
        let amount = body
            .get("amount")
            .and_then(Value::as_number)
            .ok_or(AmountFault::NotAboveZero)
            .and_then(Amount::read)
            .expect("the schema took the amount");
        Ok(Order {
            reference: reference.to_owned(),
            amount,
            currency: schema::text(body, "currency").to_owned(),
            description: schema::text(body, "description").to_owned(),
            callback: schema::optional_text(body, "callback"),
            installments_offered: body
                .get("numberOfPayments")
                .and_then(Value::as_array)
                .into_iter()
                .flatten()
                .filter_map(Value::as_str)
                .map(str::to_owned)
                .collect(),
        })
    }

    fn has_seen(&self, reference: &str) -> bool {
        self.state().greenpay.payments.has_seen(reference)
    }

    /// Credentials and terminal.
    pub(super) fn check_merchant(&self, body: &Body, reference: Option<&str>) -> Result<(), Reply> {
        self.check_credentials(body, reference)?;
        if schema::text(body, "terminal") == self.credentials.terminal {
            Ok(())
        } else {
            Err(Reply::refused(reference, &UNKNOWN_TERMINAL))
        }
    }

    pub(super) fn check_credentials(
        &self,
        body: &Body,
        reference: Option<&str>,
    ) -> Result<(), Reply> {
        let right = schema::text(body, "merchantId")
            .eq_ignore_ascii_case(&self.credentials.merchant_id)
            && schema::text(body, "secret") == self.credentials.secret;
        if right {
            Ok(())
        } else {
            Err(Reply::refused(reference, &WRONG_CREDENTIALS))
        }
    }

    fn create_token_order(&self, body: &Body, fate: Fate) -> Reply {
        const REQUEST: [schema::Property; 2] = [
            required("requestId", Form::FilledText),
            schema::optional("callback", Form::Text),
        ];
        if let Err(refusal) = schema::check(body, &[&CREDENTIALS, &REQUEST]) {
            return refusal;
        }
        let request_id = schema::text(body, "requestId");
        if let Err(refusal) = self.check_credentials(body, Some(request_id)) {
            return refusal;
        }
        let purpose = Purpose::CardToken {
            request_id: request_id.to_owned(),
            callback: schema::optional_text(body, "callback"),
        };
        let now = self.world.clock.now();
        let (session, token) = self.state().open_session(purpose, now, lifetime(fate));
        Reply::done(
            request_id,
            &SessionAnswer {
                session: &session,
                token: &token,
            },
        )
    }

    fn delete_token(&self, body: &Body, fate: Fate) -> Reply {
        const REQUEST: [schema::Property; 2] = [
            required("token", Form::FilledText),
            required("requestId", Form::FilledText),
        ];
        if let Err(refusal) = schema::check(body, &[&CREDENTIALS, &REQUEST]) {
            return refusal;
        }
        let request_id = schema::text(body, "requestId");
        if let Err(refusal) = self.check_credentials(body, Some(request_id)) {
            return refusal;
        }
        {
            let token = schema::text(body, "token");
            let mut state = self.state();
            let Some(card) = state.greenpay.card_tokens.remove(token) else {
                return Reply::refused(Some(request_id), &UNKNOWN_CARD_TOKEN);
            };
            let now = self.world.clock.now();
            state.note_card_token(token, &card, CardTokenChange::Deleted, request_id, now);
        }
        let named = if fate.is(Kind::WrongReference) {
            other_reference(request_id)
        } else {
            request_id.to_owned()
        };
        let signature = self.sign(&format!("status:DELETED,requestId:{named}"));
        Reply::done(
            request_id,
            &DeletedAnswer {
                status: "DELETED",
                request_id: &named,
                errors: [],
                callback: None,
                signature: bent_signature(signature, fate),
            },
        )
    }

    fn get_token(&self, body: &Body, fate: Fate) -> Reply {
        const REQUEST: [schema::Property; 1] = [required("token", Form::FilledText)];
        if let Err(refusal) = schema::check(body, &[&CREDENTIALS, &REQUEST]) {
            return refusal;
        }
        if let Err(refusal) = self.check_credentials(body, None) {
            return refusal;
        }
        if fate.is(Kind::ReadFails) {
            return Reply::refused(None, &READ_FAILED);
        }
        let token = schema::text(body, "token");
        let card = self.state().greenpay.card_tokens.get(token).cloned();
        match card {
            Some(card) => Reply::done(token, &token_answer(200, token, &card, None)),
            None => Reply::refused(None, &UNKNOWN_CARD_TOKEN),
        }
    }

    fn transaction(&self, body: &Body, fate: Fate) -> Reply {
        const REQUEST: [schema::Property; 2] = [
            required("merchantId", Form::Uuid),
            required("orderReference", Form::FilledText),
        ];
        if let Err(refusal) = schema::check(body, &[&REQUEST]) {
            return refusal;
        }
        let reference = schema::text(body, "orderReference");
        if fate.is(Kind::ReadFails) {
            return Reply::refused(Some(reference), &TransactionMissing::unreadable());
        }
        let is_ours =
            schema::text(body, "merchantId").eq_ignore_ascii_case(&self.credentials.merchant_id);
        // What the read sees is how things were then; without a moment it sees nothing.
        let seen_at = match (fate.is(Kind::DelayVisibility), fate.ms()) {
            (false, _) => Some(self.world.clock.now()),
            (true, Some(ms)) => Some(self.world.clock.now().minus(Duration::from_millis(ms))),
            (true, None) => None,
        };
        let found = seen_at
            .filter(|_| is_ours)
            .and_then(|moment| self.state().found(reference, moment));
        let Some((debit, state)) = found else {
            return Reply::refused(Some(reference), &TransactionMissing::new());
        };
        let amount = match fate.kind() {
            Some(Kind::WrongAmount) => format!("1{}", debit.amount),
            Some(Kind::FloatDust) => format!("{}00000017", debit.amount),
            _ => debit.amount.clone(),
        };
        Reply::done(
            reference,
            &TransactionFound {
                code: 200,
                status: "SUCCESS",
                result: TransactionResult {
                    amount,
                    authorizer: "sandbox-bank",
                    date: &debit.local_date,
                    merchant: "Tienda Ejemplo",
                    reference_number: &debit.retrieval_number,
                    state,
                    retrieval_number: &debit.retrieval_number,
                    authorization_id: debit.authorization.as_deref().unwrap_or_default(),
                    currency: &debit.currency,
                    credit_card_bin: &debit.bin,
                    card_number: &debit.last4,
                    description: &debit.description,
                    source: "api",
                },
                errors: [],
            },
        )
    }
}

impl State {
    /// The approved debit that a read of a reference finds, and its state, as things were at `moment`.
    fn found(&self, reference: &str, moment: Moment) -> Option<(DebitEntry, &'static str)> {
        self.greenpay
            .payments
            .of(reference)
            .iter()
            .find_map(|payment| {
                let state = payment.state_at(moment)?;
                let debit = self.ledger.debits.get(payment.line)?;
                Some((debit.clone(), state))
            })
    }
}

/// How long a session lives that is opened now.
fn lifetime(fate: Fate) -> Duration {
    if fate.is(Kind::ExpireSessions) {
        Duration::ZERO
    } else {
        SESSION_LIFETIME
    }
}
