//! What answers about subscriptions prove.

use ventanilla_core::money::{Currency, Money};
use ventanilla_core::seal::ProviderKey;
use ventanilla_core::signature::{self, SignedKind};

use super::{has_no_error, is_done, open, parse, refused_or_unknown, truth};
use crate::greenpay::order::CardToken;
use crate::greenpay::subscription::{
    Cadence, ChargeResult, ChargeRetry, CreatedSubscription, Listed, ListedApproval, ListedPayment,
    Subscription, SubscriptionAnswer, SubscriptionApproval, SubscriptionId, SubscriptionPayment,
    SubscriptionState, SubscriptionStatus,
};
use crate::greenpay::wire::{
    self, AnswerBody, ChangedResult, ChargedOrder, ChargedResult, CreatedResult, ListResult,
    OrderedCharge, PaymentEntry, PaymentResult, PurchaseOrder, Raw, RetryEntry, Status,
    SubscriptionEntry,
};
use crate::moment::{Day, Moment};
use crate::outcome::{Cause, Outcome};
use crate::raw;

/// What was asked to be changed.
#[derive(Clone, Copy)]
pub enum SubscriptionChange<'a> {
    /// The subscription ends.
    Cancelled,
    /// This card pays.
    Card(&'a CardToken),
    /// This is what each charge takes.
    Amount(Money),
}

/// Reads the answer to the creation of a subscription.
///
/// * **Created** needs all of: HTTP 200 or 201, `status` 200, a `subscriptionId`, no error, and nothing that
///   speaks of a failure or of a first payment, which is never asked for. No document says over what the
///   answer is signed.
/// * **Rejected** as [`payment`](super::payment).
pub fn created_subscription(http_status: u16, body: &str) -> Outcome<CreatedSubscription> {
    let body = match open(http_status, body) {
        Ok(body) => body,
        Err(outcome) => return outcome.into(),
    };
    let id = wire::string(&body.subscription_id).and_then(|id| SubscriptionId::parse(&id));
    let id = match (body.status(), id) {
        (Some(Status::Number(200)), Some(id)) if is_done(http_status) => id,
        _ => return refused_or_unknown(http_status, &body, "subscriptionId"),
    };
    let agrees = match parse::<CreatedResult>(&body.result) {
        Some(result) => {
            result.initial_payment.is_none()
                && (result.success.is_none() || truth(&result.success) == Some(true))
        }
        None => body.has_no_result(),
    };
    if !agrees || !has_no_error(&body.errors) {
        return Outcome::Unknown(Cause::Contradiction);
    }
    Outcome::Definite(CreatedSubscription {
        id,
        next_payment: wire::string(&body.next_payment_date)
            .and_then(|text| Day::parse(text.get(..10)?)),
    })
}

/// Reads the answer to a cancellation, or to a change of card or amount.
///
/// * **Done** needs all of: HTTP 200 or 201, `status` `SUCCESS`, `code` 200 or none, a `result.status`, no
///   error, and no word to the contrary: another `subscriptionId`, another card or amount in what comes
///   back, or a cancelled subscription that is not.
/// * **Refused** needs `status` `FAIL`, a `code`, no `result` and no word of a success.
/// * **Rejected** as [`payment`](super::payment).
pub fn subscription_change(
    http_status: u16,
    body: &str,
    id: &SubscriptionId,
    change: SubscriptionChange<'_>,
) -> Outcome<SubscriptionAnswer> {
    let body = match open(http_status, body) {
        Ok(body) => body,
        Err(outcome) => return outcome.into(),
    };
    match (body.status(), body.code()) {
        (Some(Status::Success), Some(Status::Number(200)) | None) => {
            match read_changed(http_status, &body, id, change) {
                Ok(state) => Outcome::Definite(SubscriptionAnswer::Done(state)),
                Err(cause) => Outcome::Unknown(cause),
            }
        }
        (Some(Status::Fail), Some(Status::Number(code))) => {
            if !(is_done(http_status) || http_status == code) {
                return Outcome::Unknown(Cause::HttpStatus(http_status));
            }
            if body.speaks_of_an_execution() || wire::errors_speak_of_success(&body.errors) {
                return Outcome::Unknown(Cause::Contradiction);
            }
            Outcome::Definite(SubscriptionAnswer::Refused {
                code: Some(code.to_string()),
            })
        }
        _ => refused_or_unknown(http_status, &body, "status"),
    }
}

fn read_changed(
    http_status: u16,
    body: &AnswerBody,
    id: &SubscriptionId,
    change: SubscriptionChange<'_>,
) -> Result<SubscriptionState, Cause> {
    if !is_done(http_status) {
        return Err(Cause::HttpStatus(http_status));
    }
    let result: ChangedResult = parse(&body.result).ok_or(Cause::Shape("result"))?;
    if result.subscription_id.is_some()
        && wire::string(&result.subscription_id).as_deref() != Some(id.as_str())
    {
        return Err(Cause::Reference);
    }
    if !has_no_error(&body.errors) {
        return Err(Cause::Contradiction);
    }
    let status = wire::string(&result.status)
        .map(|word| SubscriptionStatus::read(&word))
        .ok_or(Cause::Shape("status"))?;
    match change {
        SubscriptionChange::Cancelled if status != SubscriptionStatus::Cancelled => {
            return Err(Cause::NotFinal);
        }
        SubscriptionChange::Card(card) if !has_card(&result, card) => {
            return Err(Cause::Contradiction);
        }
        SubscriptionChange::Amount(amount) if !has_amount(&result, amount) => {
            return Err(Cause::Amount);
        }
        _ => {}
    }
    Ok(SubscriptionState {
        status,
        next_payment: moment(&result.next_payment),
    })
}

/// What does not come back does not contradict.
fn has_card(result: &ChangedResult, card: &CardToken) -> bool {
    result.card_tokens.is_none()
        || raw::list(&result.card_tokens).is_some_and(|tokens| {
            tokens
                .iter()
                .any(|token| wire::scalar(token).as_deref() == Some(card.expose()))
        })
}

/// What does not come back does not contradict.
fn has_amount(result: &ChangedResult, amount: Money) -> bool {
    let fits = |found: &Option<Raw>| {
        found.is_none() || wire::amount(found, amount.currency()) == Some(amount)
    };
    let ordered = parse::<PurchaseOrder>(&result.purchase_order);
    let charges = ordered.map_or_else(Vec::new, |order| {
        raw::objects::<OrderedCharge>(&order.subscription)
    });
    fits(&result.amount) && charges.iter().all(|charge| fits(&charge.amount))
}

/// Reads the answer to a charge that was asked for. Nothing signs it.
///
/// * **Approved** needs all of: HTTP 200 or 201, `status` `SUCCESS`, `code` 200, `result.status` `approved`,
///   `id` in `order.subscriptionId`, a reference of one of its payments, an authorization, an amount and its
///   currency, and no error.
/// * **Declined** needs `result.status` `rejected` or `declined` \[undocumented\], `id` and such a reference,
///   no authorization, and in `order.details` no code that says otherwise.
/// * **Rejected** as [`payment`](super::payment).
pub fn subscription_payment(
    http_status: u16,
    body: &str,
    id: &SubscriptionId,
) -> Outcome<SubscriptionPayment> {
    let body = match open(http_status, body) {
        Ok(body) => body,
        Err(outcome) => return outcome.into(),
    };
    let Some(result) = parse::<ChargedResult>(&body.result).filter(|it| it.order.is_some()) else {
        return refused_or_unknown(http_status, &body, "result");
    };
    match read_charge(http_status, &body, &result, id) {
        Ok(payment) => Outcome::Definite(payment),
        Err(cause) => Outcome::Unknown(cause),
    }
}

fn read_charge(
    http_status: u16,
    body: &AnswerBody,
    result: &ChargedResult,
    id: &SubscriptionId,
) -> Result<SubscriptionPayment, Cause> {
    if !is_done(http_status) {
        return Err(Cause::HttpStatus(http_status));
    }
    let order: ChargedOrder = parse(&result.order).ok_or(Cause::Shape("order"))?;
    let is_ours = wire::string(&order.subscription_id).as_deref() == Some(id.as_str());
    let reference = wire::string(&order.order_reference)
        .filter(|reference| is_ours && id.has_payment(reference))
        .ok_or(Cause::Reference)?;
    let word = wire::string(&result.status).ok_or(Cause::Shape("status"))?;
    match (word.to_ascii_lowercase().as_str(), body.status()) {
        ("approved", Some(Status::Success)) => {
            let is_clean = has_no_error(&body.errors) && has_no_error(&order.errors);
            if body.code() != Some(Status::Number(200)) || !is_clean {
                return Err(Cause::Contradiction);
            }
            let currency = wire::string(&order.currency)
                .and_then(|code| Currency::from_code(&code))
                .ok_or(Cause::Currency)?;
            Ok(SubscriptionPayment::Approved(SubscriptionApproval {
                reference,
                total: wire::amount(&order.amount, currency).ok_or(Cause::Amount)?,
                authorization: wire::code(&order.authorization)
                    .ok_or(Cause::Shape("authorization"))?,
                status: wire::string(&result.order_status)
                    .map(|word| SubscriptionStatus::read(&word)),
            }))
        }
        ("rejected" | "declined", Some(Status::Success | Status::Fail)) => {
            let details: Option<PaymentResult> = parse(&order.details);
            let code = details.as_ref().map(decline_code).transpose()?.flatten();
            if wire::is_authorized(&order.authorization) {
                return Err(Cause::Contradiction);
            }
            Ok(SubscriptionPayment::Declined { code })
        }
        _ => Err(Cause::NotFinal),
    }
}

/// Reads a page of the merchant's subscriptions. An entry without a name or a status spoils it.
pub fn subscriptions(http_status: u16, body: &str) -> Outcome<Listed<Subscription>> {
    listed(http_status, body, read_subscription)
}

/// Reads a page of a subscription's payments. An entry without a reference spoils it; what became of one
/// needs for an approval what [`payment`](super::payment) needs, but for the amount, which is for the caller
/// to compare.
///
/// **Rejected** as [`payment`](super::payment), and with [`Cause::NotFound`] when GreenPay does not know the
/// subscription: `status` `FAIL`, `code` 404, no `result`, and no word of a success. The text beside it is
/// documented nowhere and not looked at.
pub fn subscription_payments(
    http_status: u16,
    body: &str,
    key: &ProviderKey,
) -> Outcome<Listed<ListedPayment>> {
    let is_unknown = open(http_status, body).is_ok_and(|body| {
        (is_done(http_status) || http_status == 404)
            && body.status() == Some(Status::Fail)
            && body.code() == Some(Status::Number(404))
            && body.has_no_result()
            && !wire::errors_speak_of_success(&body.errors)
    });
    if is_unknown {
        return Outcome::Rejected(Cause::NotFound);
    }
    listed(http_status, body, |entry| read_listed(entry, key))
}

fn listed<T>(http_status: u16, body: &str, read: impl Fn(&Raw) -> Option<T>) -> Outcome<Listed<T>> {
    let body = match open(http_status, body) {
        Ok(body) => body,
        Err(outcome) => return outcome.into(),
    };
    match (body.status(), body.code()) {
        (Some(Status::Success), Some(Status::Number(200)) | None) if is_done(http_status) => {}
        _ => return refused_or_unknown(http_status, &body, "status"),
    }
    let Some(result) = parse::<ListResult>(&body.result) else {
        return Outcome::Unknown(Cause::Shape("result"));
    };
    let entries = raw::list(&result.entries)
        .and_then(|entries| entries.iter().map(read).collect::<Option<Vec<_>>>());
    match entries {
        Some(entries) => Outcome::Definite(Listed {
            entries,
            total_entries: raw::whole_number(&result.total_entries),
            total_pages: raw::whole_number(&result.total_pages),
        }),
        None => Outcome::Unknown(Cause::Shape("entries")),
    }
}

fn read_subscription(entry: &Raw) -> Option<Subscription> {
    let entry: SubscriptionEntry = raw::object(entry.get())?;
    let currency = wire::string(&entry.currency).and_then(|code| Currency::from_code(&code));
    Some(Subscription {
        id: SubscriptionId::parse(&wire::string(&entry.id)?)?,
        status: SubscriptionStatus::read(&wire::string(&entry.status)?),
        user_id: wire::text(&entry.user_id),
        description: wire::text(&entry.description),
        amount: currency.and_then(|currency| wire::amount(&entry.amount, currency)),
        cadence: wire::string(&entry.cadence).and_then(|text| Cadence::read(&text)),
        starts_at: epoch(&entry.startdate),
        ends_at: epoch(&entry.enddate),
        next_payment: moment(&entry.next_payment_date),
    })
}

fn read_listed(entry: &Raw, key: &ProviderKey) -> Option<ListedPayment> {
    let entry: PaymentEntry = raw::object(entry.get())?;
    let reference = wire::string(&entry.reference_number)
        .filter(|reference| crate::greenpay::client::is_reference(reference))?;
    let retries = match &entry.payment_retries {
        Some(_) => raw::list(&entry.payment_retries)?,
        None => Vec::new(),
    };
    let retries = retries.iter().map(|retry| {
        let retry: RetryEntry = raw::object(retry.get())?;
        Some(ChargeRetry {
            tried_at: moment(&retry.attempt_date),
            result: read_result(&retry.attempt_result, &reference, key),
        })
    });
    Some(ListedPayment {
        paid_at: moment(&entry.payment_date),
        result: read_result(&entry.payment_result, &reference, key),
        retries: retries.collect::<Option<_>>()?,
        reference,
    })
}

fn read_result(found: &Option<Raw>, reference: &str, key: &ProviderKey) -> ChargeResult {
    if found.is_none() {
        return ChargeResult::Nothing;
    }
    parse::<AnswerBody>(found)
        .and_then(|answer| read_answer(&answer, reference, key))
        .unwrap_or(ChargeResult::Unproven)
}

fn read_answer(answer: &AnswerBody, reference: &str, key: &ProviderKey) -> Option<ChargeResult> {
    if wire::string(&answer.order_id).as_deref() != Some(reference) {
        return None;
    }
    let result: Option<PaymentResult> = parse(&answer.result);
    match answer.status() {
        Some(Status::Number(200)) => {
            let result = result?;
            let approved = truth(&result.success) == Some(true)
                && wire::string(&result.resp_code).as_deref() == Some("00");
            let signature = wire::string(&answer.signature)?;
            signature::verify(key, SignedKind::Payment, "200", reference, &signature).ok()?;
            let currency = Currency::from_code(&wire::string(&answer.currency)?)?;
            let total = wire::amount(&answer.amount, currency)?;
            approved.then(|| {
                ChargeResult::Approved(ListedApproval {
                    total,
                    authorization: wire::code(&answer.authorization),
                    last4: wire::digits(&answer.last4, 4, 4),
                })
            })
        }
        Some(Status::Number(300..) | Status::Fail) if !answer.is_authorized() => {
            let code = match &result {
                Some(result) => decline_code(result).ok()?,
                None => None,
            };
            Some(ChargeResult::Declined { code })
        }
        _ => None,
    }
}

/// The code of a decline, if it is told.
fn decline_code(result: &PaymentResult) -> Result<Option<String>, Cause> {
    if truth(&result.success) == Some(true) {
        return Err(Cause::Contradiction);
    }
    let code = wire::string(&result.resp_code).filter(|code| {
        (1..=8).contains(&code.len()) && code.bytes().all(|b| b.is_ascii_alphanumeric())
    });
    match code.as_deref() {
        Some(super::REVERSED) => Err(Cause::Reversed),
        Some(code) if code.bytes().all(|byte| byte == b'0') => Err(Cause::Contradiction),
        _ => Ok(code),
    }
}

/// A moment as text, with a time or without one; UTC unless it says otherwise.
fn moment(found: &Option<Raw>) -> Option<Moment> {
    let text = wire::string(found)?;
    Moment::read(&text, 0).or_else(|| Moment::read(&format!("{text} 00:00:00"), 0))
}

/// Milliseconds since the epoch, as a number or as text.
fn epoch(found: &Option<Raw>) -> Option<Moment> {
    let millis = raw::whole_number(found)?;
    i64::try_from(millis / 1000)
        .ok()
        .map(Moment::from_unix_secs)
}
