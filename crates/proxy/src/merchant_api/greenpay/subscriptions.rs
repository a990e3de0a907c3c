//! Subscriptions: what they are, what was paid, and what is changed of them.

use axum::Json;
use axum::extract::{Request, State};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use ventanilla_core::money::{Currency, Money};
use ventanilla_core::problem::ProblemCode;
use ventanilla_providers::greenpay::{
    CadenceUnit, ChargeResult, Listed, ListedPayment, Moment, Page, Subscription,
    SubscriptionFilter, SubscriptionId, SubscriptionState, SubscriptionStatus,
};

use super::{SubscriptionPath, malformed, text};
use crate::clock::Timestamp;
use crate::error::Result;
use crate::machine::SubscriptionChange;
use crate::merchant_api::{Api, Shared};
use crate::openapi::problems::problems;
use crate::request::{self, Number, Query, Segment};

/// Largest body, in bytes.
const MAX_BYTES: usize = 4 * 1024;
/// Entries of an answer unless told.
const LIMIT: u8 = 25;
/// Most entries of an answer.
const LIMIT_MAX: u64 = 100;
/// Most pages that are counted.
const PAGES_MAX: u64 = 999_999_999;

problems!(ListProblems = [OF_PROVIDER] RequestMalformed);
problems!(FindQueryProblems = [OF_PROVIDER] NotFound, RequestMalformed);
problems!(ChangeProblems = [OF_PROVIDER, OF_BODY] NotFound);
problems!(CardProblems = [OF_PROVIDER, OF_BODY] NotFound, SavedCardUnknown);
problems!(AmountProblems = [OF_PROVIDER, OF_BODY] AmountInvalid, NotFound);

pub(super) fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(greenpay_subscriptions))
        .routes(routes!(greenpay_subscription_payments))
        .routes(routes!(greenpay_cancel_subscription))
        .routes(routes!(greenpay_change_subscription_card))
        .routes(routes!(greenpay_change_subscription_amount))
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct SubscriptionsQuery {
    /// How many at most; 25 unless told.
    #[param(value_type = Option<u8>, minimum = 1, maximum = 100)]
    limit: Option<Number>,
    /// Those behind the answer whose `next` this is, asked with the same `limit`.
    #[param(value_type = Option<String>, pattern = "^[0-9]{1,9}$")]
    after: Option<Number>,
    /// In one of these statuses, separated by commas; in any unless told.
    #[param(
        pattern = "^(active|cancelled|not_paid|on_hold|pending|review)(,(active|cancelled|not_paid|on_hold|pending|review))*$",
        example = "pending,on_hold"
    )]
    status: Option<String>,
    /// Of this buyer.
    #[param(min_length = 1, max_length = 64)]
    buyer_id: Option<String>,
    /// That take at least so much, in minor units.
    #[param(value_type = Option<u64>, minimum = 1)]
    min_amount_minor: Option<Number>,
    /// That take at most so much, in minor units.
    #[param(value_type = Option<u64>, minimum = 1)]
    max_amount_minor: Option<Number>,
    /// Made then. Whether GreenPay means the moment or its day is not documented.
    #[param(value_type = Option<String>, format = DateTime)]
    created_at: Option<String>,
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct PaymentsQuery {
    /// How many at most; 25 unless told.
    #[param(value_type = Option<u8>, minimum = 1, maximum = 100)]
    limit: Option<Number>,
    /// Those behind the answer whose `next` this is, asked with the same `limit`.
    #[param(value_type = Option<String>, pattern = "^[0-9]{1,9}$")]
    after: Option<Number>,
}

/// What a subscription is: charged when it is due, ended for good, with a payment that failed, with one that failed
/// three times, with one that failed at the bank and is due, looked into by GreenPay, or in a state that no document
/// describes.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum GreenpaySubscriptionStatus {
    Active,
    Cancelled,
    NotPaid,
    OnHold,
    Pending,
    Review,
    Other,
}

/// A subscription; what GreenPay does not say is null.
#[derive(Serialize, ToSchema)]
struct GreenpaySubscription {
    /// GreenPay's name for it.
    id: String,
    /// What it is.
    status: GreenpaySubscriptionStatus,
    /// The shop's own identifier of the buyer.
    buyer_id: Option<String>,
    /// What it is for.
    description: Option<String>,
    /// What each charge takes.
    amount: Option<Money>,
    /// How often it is charged: every so many units.
    every: Option<u16>,
    /// The unit.
    unit: Option<GreenpayCadenceUnit>,
    /// When it began, or begins, RFC 3339 UTC.
    starts_at: Option<String>,
    /// When it ends, RFC 3339 UTC.
    ends_at: Option<String>,
    /// When it is charged next, RFC 3339 UTC.
    next_payment_at: Option<String>,
}

/// In what a subscription's charges are counted.
#[derive(Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum GreenpayCadenceUnit {
    Day,
    Week,
    Month,
    Year,
}

/// Subscriptions, in GreenPay's order.
#[derive(Serialize, ToSchema)]
struct GreenpaySubscriptions {
    /// Each of them.
    subscriptions: Vec<GreenpaySubscription>,
    /// For `after`, when there are more.
    next: Option<String>,
    /// How many there are in all, when GreenPay says.
    total: Option<u64>,
}

/// Payments of a subscription, in GreenPay's order.
#[derive(Serialize, ToSchema)]
struct GreenpaySubscriptionPayments {
    /// Each of them.
    payments: Vec<GreenpaySubscriptionPayment>,
    /// For `after`, when there are more.
    next: Option<String>,
    /// How many there are in all, when GreenPay says.
    total: Option<u64>,
}

/// A payment of a subscription.
#[derive(Serialize, ToSchema)]
struct GreenpaySubscriptionPayment {
    /// GreenPay's reference of it: the subscription's name, `_` and a number.
    reference: String,
    /// What became of it when it was first tried.
    #[serde(flatten)]
    first: GreenpayCharge,
    /// Each time that it was tried again.
    retries: Vec<GreenpayCharge>,
}

/// What became of a payment that was tried.
#[derive(Serialize, ToSchema)]
struct GreenpayCharge {
    /// When, RFC 3339 UTC.
    tried_at: Option<String>,
    /// What became of it.
    state: GreenpayChargeState,
    /// What was paid, of an approved one.
    total: Option<Money>,
    /// The issuer's authorization code, of an approved one.
    authorization: Option<String>,
    /// The card's last four digits, of an approved one.
    last4: Option<String>,
    /// GreenPay's code, of one that was declined.
    provider_code: Option<String>,
}

/// What became of a payment that was tried: paid, and GreenPay's signature says so; not paid; nothing is told; what is
/// told proves nothing.
#[derive(Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum GreenpayChargeState {
    Approved,
    Declined,
    Untold,
    Unproven,
}

/// A subscription to be ended.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct GreenpayCancellation {
    /// Who does it. GreenPay keeps it.
    #[schema(min_length = 1, max_length = 100)]
    by: String,
    /// Why. GreenPay keeps it.
    #[schema(min_length = 1, max_length = 255)]
    reason: String,
}

/// Another card for a subscription.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct GreenpayCardChange {
    /// Who does it. GreenPay keeps it.
    #[schema(min_length = 1, max_length = 100)]
    by: String,
    /// The saved card that pays from now on, `crd_` and 26 characters.
    card: String,
}

/// Another amount for a subscription.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct GreenpayAmountChange {
    /// Who does it. GreenPay keeps it.
    #[schema(min_length = 1, max_length = 100)]
    by: String,
    /// What each later charge takes, in the subscription's currency; more than none.
    amount: Money,
}

/// A subscription that was changed.
#[derive(Serialize, ToSchema)]
struct ChangedGreenpaySubscription {
    /// GreenPay's name for it.
    id: String,
    /// What it is now.
    status: GreenpaySubscriptionStatus,
    /// When it is charged next, RFC 3339 UTC, when GreenPay says.
    next_payment_at: Option<String>,
}

/// Lists subscriptions
#[utoipa::path(
    get,
    path = "/v1/greenpay/subscriptions",
    tag = "greenpay",
    params(SubscriptionsQuery),
    responses((status = 200, description = "They", body = GreenpaySubscriptions), ListProblems)
)]
async fn greenpay_subscriptions(
    State(api): Api,
    Query(asked): Query<SubscriptionsQuery>,
) -> Result<Json<GreenpaySubscriptions>> {
    let page = page(asked.limit.clone(), asked.after.clone())?;
    let filter = filter(asked)?;
    let listed = api.machine.subscriptions(&filter, page).await?;
    Ok(Json(GreenpaySubscriptions {
        next: next(&listed, page),
        total: listed.total_entries,
        subscriptions: listed.entries.into_iter().map(subscription).collect(),
    }))
}

/// Lists a subscription's payments
///
/// With each time that one was tried again.
#[utoipa::path(
    get,
    path = "/v1/greenpay/subscriptions/{id}/payments",
    tag = "greenpay",
    params(SubscriptionPath, PaymentsQuery),
    responses((status = 200, description = "They", body = GreenpaySubscriptionPayments), FindQueryProblems)
)]
async fn greenpay_subscription_payments(
    State(api): Api,
    Segment(id): Segment,
    Query(asked): Query<PaymentsQuery>,
) -> Result<Json<GreenpaySubscriptionPayments>> {
    let id = name(&id)?;
    let page = page(asked.limit, asked.after)?;
    let listed = api.machine.subscription_payments(&id, page).await?;
    Ok(Json(GreenpaySubscriptionPayments {
        next: next(&listed, page),
        total: listed.total_entries,
        payments: listed.entries.into_iter().map(payment).collect(),
    }))
}

/// Cancels a subscription
///
/// For good. When the answer is `provider-unclear` it may be repeated.
#[utoipa::path(
    post,
    path = "/v1/greenpay/subscriptions/{id}/cancel",
    tag = "greenpay",
    params(SubscriptionPath),
    request_body = GreenpayCancellation,
    responses((status = 200, description = "What it is now", body = ChangedGreenpaySubscription), ChangeProblems)
)]
async fn greenpay_cancel_subscription(
    State(api): Api,
    Segment(id): Segment,
    request: Request,
) -> Result<Json<ChangedGreenpaySubscription>> {
    let id = name(&id)?;
    let GreenpayCancellation { by, reason } = request::json(request, MAX_BYTES).await?;
    text("reason", &reason, 255)?;
    change(api, id, by, SubscriptionChange::Cancel { reason }).await
}

/// Lets another saved card pay a subscription
///
/// From now on. When the answer is `provider-unclear` it may be repeated.
#[utoipa::path(
    post,
    path = "/v1/greenpay/subscriptions/{id}/card",
    tag = "greenpay",
    params(SubscriptionPath),
    request_body = GreenpayCardChange,
    responses((status = 200, description = "What it is now", body = ChangedGreenpaySubscription), CardProblems)
)]
async fn greenpay_change_subscription_card(
    State(api): Api,
    Segment(id): Segment,
    request: Request,
) -> Result<Json<ChangedGreenpaySubscription>> {
    let id = name(&id)?;
    let GreenpayCardChange { by, card } = request::json(request, MAX_BYTES).await?;
    change(api, id, by, SubscriptionChange::Card(card)).await
}

/// Changes what a subscription takes
///
/// Of an active one, from its next charge on. When the answer is `provider-unclear` it may be repeated.
#[utoipa::path(
    post,
    path = "/v1/greenpay/subscriptions/{id}/amount",
    tag = "greenpay",
    params(SubscriptionPath),
    request_body = GreenpayAmountChange,
    responses((status = 200, description = "What it is now", body = ChangedGreenpaySubscription), AmountProblems)
)]
async fn greenpay_change_subscription_amount(
    State(api): Api,
    Segment(id): Segment,
    request: Request,
) -> Result<Json<ChangedGreenpaySubscription>> {
    let id = name(&id)?;
    let GreenpayAmountChange { by, amount } = request::json(request, MAX_BYTES).await?;
    change(api, id, by, SubscriptionChange::Amount(amount)).await
}

/// In a task of its own: a caller may hang up.
async fn change(
    api: Shared,
    id: SubscriptionId,
    by: String,
    change: SubscriptionChange,
) -> Result<Json<ChangedGreenpaySubscription>> {
    text("by", &by, 100)?;
    let name = id.as_str().to_owned();
    let changing =
        tokio::spawn(async move { api.machine.change_subscription(&id, &by, change).await });
    let SubscriptionState {
        status,
        next_payment,
    } = changing.await.map_err(crate::error::Error::internal)??;
    Ok(Json(ChangedGreenpaySubscription {
        id: name,
        status: status_of(&status),
        next_payment_at: next_payment.map(rfc3339),
    }))
}

fn name(segment: &str) -> Result<SubscriptionId> {
    SubscriptionId::parse(segment).ok_or_else(|| ProblemCode::NotFound.into())
}

/// GreenPay counts pages; what is behind an answer is the page after its own.
fn page(limit: Option<Number>, after: Option<Number>) -> Result<Page> {
    let size = limit
        .map(|limit| limit.within("limit", 1, LIMIT_MAX))
        .transpose()?;
    let before = after
        .map(|after| after.within("after", 1, PAGES_MAX))
        .transpose()?;
    Ok(Page {
        number: 1 + before.and_then(|it| it.try_into().ok()).unwrap_or(0),
        size: size.and_then(|it| it.try_into().ok()).unwrap_or(LIMIT),
    })
}

/// Names the page, when another one comes behind it.
fn next<T>(listed: &Listed<T>, page: Page) -> Option<String> {
    (!listed.is_last(page)).then(|| page.number.to_string())
}

fn filter(asked: SubscriptionsQuery) -> Result<SubscriptionFilter> {
    let words = asked.status.as_deref().unwrap_or_default();
    let statuses = words
        .split(',')
        .filter(|_| asked.status.is_some())
        .map(asked_status)
        .collect::<Result<_>>()?;
    if let Some(buyer_id) = &asked.buyer_id {
        text("buyer_id", buyer_id, 64)?;
    }
    // GreenPay does not look at the currency; those of its terminals have the same minor units.
    let money = |field: &'static str, minor: Option<Number>| {
        let most = 9_999_999_999_999;
        let minor = minor
            .map(|minor| minor.within(field, 1, most))
            .transpose()?;
        let money = minor.map(|minor| Money::from_minor(minor, Currency::CRC));
        money
            .transpose()
            .map_err(|_| malformed(format!("{field} is too large")))
    };
    let created_at = asked.created_at.as_deref().map(|moment| -> Result<Moment> {
        let moment: Timestamp = moment
            .parse()
            .map_err(|_| malformed("created_at must be a moment in RFC 3339"))?;
        Ok(Moment::from_unix_secs(moment.millis() / 1000))
    });
    Ok(SubscriptionFilter {
        statuses,
        min_amount: money("min_amount_minor", asked.min_amount_minor)?,
        max_amount: money("max_amount_minor", asked.max_amount_minor)?,
        created_at: created_at.transpose()?,
        user_id: asked.buyer_id,
    })
}

/// Every status that can be asked for, with its name here.
const STATUSES: [(GreenpaySubscriptionStatus, &str, SubscriptionStatus); 6] = {
    use GreenpaySubscriptionStatus as Told;
    use SubscriptionStatus as Known;
    [
        (Told::Active, "active", Known::Active),
        (Told::Cancelled, "cancelled", Known::Cancelled),
        (Told::NotPaid, "not_paid", Known::NotPaid),
        (Told::OnHold, "on_hold", Known::OnHold),
        (Told::Pending, "pending", Known::Pending),
        (Told::Review, "review", Known::Review),
    ]
};

fn asked_status(word: &str) -> Result<SubscriptionStatus> {
    let mut statuses = STATUSES.into_iter();
    let known = statuses.find(|(_, name, _)| *name == word);
    known.map(|(_, _, status)| status).ok_or_else(|| {
        let names = STATUSES.map(|(_, name, _)| name);
        malformed(format!(
            "status: expected one or more of {}, separated by commas",
            names.join(", ")
        ))
    })
}

fn status_of(status: &SubscriptionStatus) -> GreenpaySubscriptionStatus {
    let mut statuses = STATUSES.into_iter();
    let known = statuses.find(|(_, _, known)| known == status);
    known.map_or(GreenpaySubscriptionStatus::Other, |(status, ..)| status)
}

fn subscription(found: Subscription) -> GreenpaySubscription {
    GreenpaySubscription {
        id: found.id.as_str().to_owned(),
        status: status_of(&found.status),
        buyer_id: found.user_id,
        description: found.description,
        amount: found.amount,
        every: found.cadence.map(|cadence| cadence.every),
        unit: found.cadence.map(|cadence| match cadence.unit {
            CadenceUnit::Day => GreenpayCadenceUnit::Day,
            CadenceUnit::Week => GreenpayCadenceUnit::Week,
            CadenceUnit::Month => GreenpayCadenceUnit::Month,
            CadenceUnit::Year => GreenpayCadenceUnit::Year,
        }),
        starts_at: found.starts_at.map(rfc3339),
        ends_at: found.ends_at.map(rfc3339),
        next_payment_at: found.next_payment.map(rfc3339),
    }
}

fn payment(found: ListedPayment) -> GreenpaySubscriptionPayment {
    let retries = found.retries.into_iter();
    GreenpaySubscriptionPayment {
        reference: found.reference,
        first: charge(found.paid_at, found.result),
        retries: retries
            .map(|retry| charge(retry.tried_at, retry.result))
            .collect(),
    }
}

fn charge(tried_at: Option<Moment>, result: ChargeResult) -> GreenpayCharge {
    let mut charge = GreenpayCharge {
        tried_at: tried_at.map(rfc3339),
        state: GreenpayChargeState::Untold,
        total: None,
        authorization: None,
        last4: None,
        provider_code: None,
    };
    match result {
        ChargeResult::Approved(approval) => {
            charge.state = GreenpayChargeState::Approved;
            charge.total = Some(approval.total);
            charge.authorization = approval.authorization;
            charge.last4 = approval.last4;
        }
        ChargeResult::Declined { code } => {
            charge.state = GreenpayChargeState::Declined;
            charge.provider_code = code;
        }
        ChargeResult::Nothing => {}
        ChargeResult::Unproven => charge.state = GreenpayChargeState::Unproven,
    }
    charge
}

/// RFC 3339 UTC.
fn rfc3339(moment: Moment) -> String {
    Timestamp::from_millis(moment.unix_secs().saturating_mul(1000)).rfc3339()
}
