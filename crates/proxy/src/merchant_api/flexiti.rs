//! The rest of Flexiti's API: lists of authorizations and captures, and an authorization in detail.
//!
//! Who a buyer is does not stand in an address: the lists are narrowed to an account by a header.

use axum::Json;
use axum::extract::State;
use http::{HeaderMap, HeaderName};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use ventanilla_core::money::Money;
use ventanilla_core::problem::ProblemCode;
use ventanilla_core::rails::flexiti::{Fee, FinancingChoice, Rate};
use ventanilla_providers::flexiti::{
    AccountNumber, Authorization, AuthorizationDetail, AuthorizationFilter, AuthorizationId,
    AuthorizationRow, AuthorizationStatus, CaptureFilter, CaptureId, CaptureRow, CaptureSeen,
    CaptureStatus, Common, Day, Financing, Merchant, Moment, PurchaseKind, ReleaseSeen, ReturnSeen,
    Totals,
};

use super::provider::{self, Call, not_found, value};
use super::{Api, Shared};
use crate::clock::Timestamp;
use crate::error::{Error, Result};
use crate::openapi::problems::problems;
use crate::rails::{Host, flexiti};
use crate::request::{self, Number, Query};

const HOST: Host = Host::Flexiti;
/// Carries the number of a buyer's account.
const ACCOUNT: HeaderName = HeaderName::from_static("account-number");

problems!(ListProblems = [OF_PROVIDER] RequestMalformed);
problems!(FindProblems = [OF_PROVIDER] NotFound);

pub(super) fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(flexiti_authorizations))
        .routes(routes!(flexiti_authorization))
        .routes(routes!(flexiti_captures))
}

/// The two kinds of purchases.
#[derive(Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum FlexitiPurchase {
    Promotional,
    Regular,
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct AuthorizationsQuery {
    /// The first day of creation. In which time zone Flexiti's days begin is not documented: ask for a day more on
    /// either side.
    #[param(value_type = String, format = Date, example = "2026-11-18")]
    from: String,
    /// The last day of creation, not before the first.
    #[param(value_type = String, format = Date, example = "2026-11-20")]
    to: String,
    /// One kind of purchases alone.
    #[param(inline)]
    kind: Option<FlexitiPurchase>,
    /// One status alone, such as `opened`.
    #[param(min_length = 1, max_length = 20)]
    status: Option<String>,
    /// How many at most; 100 unless told.
    #[param(value_type = Option<u16>, minimum = 1, maximum = 500)]
    limit: Option<Number>,
    /// Those behind the one that the `next` of an earlier answer names.
    #[param(pattern = "^[1-9][0-9]{0,15}$")]
    after: Option<String>,
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct CapturesQuery {
    /// The first day of creation, as for authorizations.
    #[param(value_type = String, format = Date, example = "2026-11-18")]
    from: String,
    /// The last day of creation, not before the first.
    #[param(value_type = String, format = Date, example = "2026-11-20")]
    to: String,
    /// One kind of purchases alone.
    #[param(inline)]
    kind: Option<FlexitiPurchase>,
    /// One status alone, such as `active`.
    #[param(min_length = 1, max_length = 20)]
    status: Option<String>,
    /// One capture alone.
    #[param(pattern = "^[1-9][0-9]{0,15}$")]
    capture: Option<String>,
    /// Of one corporation's authorizations.
    #[param(value_type = Option<u64>, minimum = 1)]
    corporation: Option<Number>,
    /// Of one merchant's authorizations.
    #[param(value_type = Option<u64>, minimum = 1)]
    merchant: Option<Number>,
    /// Of one location's authorizations.
    #[param(value_type = Option<u64>, minimum = 1)]
    location: Option<Number>,
    /// How many at most; 100 unless told.
    #[param(value_type = Option<u16>, minimum = 1, maximum = 500)]
    limit: Option<Number>,
    /// Those behind the one that the `next` of an earlier answer names.
    #[param(pattern = "^[1-9][0-9]{0,15}$")]
    after: Option<String>,
}

/// Authorizations, newest first.
#[derive(Serialize, ToSchema)]
struct FlexitiAuthorizations {
    /// Each of them.
    authorizations: Vec<FlexitiAuthorization>,
    /// Names the last of them, when there are more: for `after`.
    next: Option<String>,
    /// Whether the list that these are of was all of it.
    is_whole: bool,
    /// How many rows of that list could not be read.
    unreadable: usize,
}

/// Captures, newest first.
#[derive(Serialize, ToSchema)]
struct FlexitiCaptures {
    /// Each of them.
    captures: Vec<FlexitiCaptureOf>,
    /// Names the last of them, when there are more: for `after`.
    next: Option<String>,
    /// Whether the list that these are of was all of it.
    is_whole: bool,
    /// How many rows of that list could not be read.
    unreadable: usize,
}

/// An authorization. Nothing about the buyer is in it.
#[derive(Serialize, ToSchema)]
struct FlexitiAuthorization {
    /// Names it.
    id: String,
    /// The `reference` of the attempt, if it is one of ours; may be empty.
    reference: String,
    /// When it was made, RFC 3339 UTC, if that can be read.
    created_at: Option<String>,
    /// Until when it may be captured, RFC 3339 UTC, if that can be read. No status says that this is over.
    expires_at: Option<String>,
    /// When it was closed, RFC 3339 UTC.
    ended_at: Option<String>,
    /// `opened` while something remains, `closed` when nothing does, or another word of Flexiti's.
    status: String,
    /// Whether all of it was taken at once, when it is said.
    auto_capture: Option<bool>,
    /// How much was authorized.
    amount: Money,
    /// How it is paid off, if that can be read.
    financing: Option<FinancingChoice>,
    /// Flexiti's number of the corporation that it was made for.
    corporation_id: Option<u64>,
    /// Flexiti's number of the merchant that it was made for.
    merchant_id: Option<u64>,
    /// Flexiti's number of the shop that it was made for.
    location_id: Option<u64>,
    /// What is charged besides.
    fees: Vec<Fee>,
    /// At which rates.
    rates: Vec<Rate>,
    /// May still be captured.
    remaining: Option<Money>,
    /// Taken.
    captured: Option<Money>,
    /// Given up.
    released: Option<Money>,
    /// Given back.
    returned: Option<Money>,
}

/// An authorization with all that was done with it.
#[derive(Serialize, ToSchema)]
struct FlexitiAuthorizationDetail {
    #[serde(flatten)]
    authorization: FlexitiAuthorization,
    /// What was taken.
    captures: Vec<FlexitiCapture>,
    /// What was given back.
    returns: Vec<FlexitiPiece>,
    /// What was given up.
    releases: Vec<FlexitiPiece>,
}

/// A capture.
#[derive(Serialize, ToSchema)]
struct FlexitiCapture {
    /// Names it.
    id: String,
    /// Our operation's reference, if it is one of ours; may be empty.
    reference: String,
    /// When, RFC 3339 UTC, if that can be read.
    at: Option<String>,
    /// `active`, or another word of Flexiti's.
    status: String,
    /// How much was taken.
    amount: Money,
    /// What is due each month, when it is said.
    term_amount: Option<Money>,
}

/// A capture, and of which authorization.
#[derive(Serialize, ToSchema)]
struct FlexitiCaptureOf {
    #[serde(flatten)]
    capture: FlexitiCapture,
    /// Of which authorization.
    authorization_id: String,
    /// That authorization's reference; may be empty.
    authorization_reference: String,
    /// Whether all of it was taken at once, when it is said.
    auto_capture: Option<bool>,
    /// How it is paid off, if that can be read.
    financing: Option<FinancingChoice>,
    /// Flexiti's number of the corporation that it was made for.
    corporation_id: Option<u64>,
    /// Flexiti's number of the merchant that it was made for.
    merchant_id: Option<u64>,
    /// Flexiti's number of the shop that it was made for.
    location_id: Option<u64>,
    /// What was given back of it.
    returns: Vec<FlexitiPiece>,
}

/// A return or a release.
#[derive(Serialize, ToSchema)]
struct FlexitiPiece {
    /// Names it.
    id: String,
    /// Our operation's reference, if it is one of ours; may be empty.
    reference: String,
    /// When, RFC 3339 UTC, if that can be read.
    at: Option<String>,
    /// How much.
    amount: Money,
}

/// Lists Flexiti's authorizations
///
/// Of some days, newest first, page by page; there is no filter by reference. A row that loses the asked status while
/// the list is read may be missed.
#[utoipa::path(
    get,
    path = "/v1/flexiti/authorizations",
    tag = "flexiti",
    params(AuthorizationsQuery, AccountHeader),
    responses((status = 200, description = "The authorizations", body = FlexitiAuthorizations), ListProblems)
)]
async fn flexiti_authorizations(
    State(api): Api,
    Query(query): Query<AuthorizationsQuery>,
    headers: HeaderMap,
) -> Result<Json<FlexitiAuthorizations>> {
    let limit = request::limit(query.limit)?;
    let filter = AuthorizationFilter {
        common: common(&query.from, &query.to, query.kind, &headers)?,
        status: query.status,
    };
    let rail = api.machine.flexiti()?;
    let call = rail.client().authorizations(rail.flow()?, &filter);
    let found = value(Call::Reads, api.machine.read_aside(HOST, call).await?)?;
    let name = |row: &AuthorizationRow| row.authorization.id.to_string();
    let (page, next) = provider::page(found.rows, name, query.after.as_deref(), limit)?;
    Ok(Json(FlexitiAuthorizations {
        authorizations: page
            .iter()
            .map(|row| FlexitiAuthorization::of(&row.authorization, row.totals))
            .collect(),
        next,
        is_whole: found.is_whole,
        unreadable: found.unreadable,
    }))
}

/// Reads an authorization of Flexiti's
///
/// With all that was done with it.
#[utoipa::path(
    get,
    path = "/v1/flexiti/authorizations/{id}",
    tag = "flexiti",
    params(AuthorizationPath),
    responses((status = 200, description = "The authorization", body = FlexitiAuthorizationDetail), FindProblems)
)]
async fn flexiti_authorization(
    State(api): Api,
    request::Id(id): request::Id,
) -> Result<Json<FlexitiAuthorizationDetail>> {
    let id = AuthorizationId::parse(&id).ok_or(ProblemCode::NotFound)?;
    let rail = api.machine.flexiti()?;
    let call = rail.client().authorization(rail.flow()?, &id);
    let found = value(Call::Reads, api.machine.read_aside(HOST, call).await?)?;
    let found = found.ok_or_else(|| not_found(Some("not_found")))?;
    Ok(Json(found.into()))
}

/// Lists Flexiti's captures
///
/// Of some days, newest first, page by page.
#[utoipa::path(
    get,
    path = "/v1/flexiti/captures",
    tag = "flexiti",
    params(CapturesQuery, AccountHeader),
    responses((status = 200, description = "The captures", body = FlexitiCaptures), ListProblems)
)]
async fn flexiti_captures(
    State(api): Api,
    Query(query): Query<CapturesQuery>,
    headers: HeaderMap,
) -> Result<Json<FlexitiCaptures>> {
    let limit = request::limit(query.limit)?;
    let capture = query.capture.as_deref().map(|text| {
        CaptureId::parse(text).ok_or_else(|| malformed("capture: expected 1 to 16 digits"))
    });
    let number = |name: &str, number: Option<Number>| {
        number
            .map(|number| number.within(name, 1, u64::MAX))
            .transpose()
    };
    let filter = CaptureFilter {
        common: common(&query.from, &query.to, query.kind, &headers)?,
        status: query.status,
        capture: capture.transpose()?,
        corporation_id: number("corporation", query.corporation)?,
        merchant_id: number("merchant", query.merchant)?,
        location_id: number("location", query.location)?,
        authorization_employee: None,
        capture_employee: None,
    };
    let rail = api.machine.flexiti()?;
    let call = rail.client().captures(rail.flow()?, &filter);
    let found = value(Call::Reads, api.machine.read_aside(HOST, call).await?)?;
    let name = |row: &CaptureRow| row.capture.id.to_string();
    let (page, next) = provider::page(found.rows, name, query.after.as_deref(), limit)?;
    Ok(Json(FlexitiCaptures {
        captures: page.into_iter().map(Into::into).collect(),
        next,
        is_whole: found.is_whole,
        unreadable: found.unreadable,
    }))
}

fn common(
    from: &str,
    to: &str,
    kind: Option<FlexitiPurchase>,
    headers: &HeaderMap,
) -> Result<Common> {
    let day = |name: &str, text: &str| {
        Day::parse(text).ok_or_else(|| malformed(&format!("{name}: expected a day as 2026-11-20")))
    };
    let mut common = Common::days(day("from", from)?, day("to", to)?);
    if common.from > common.to {
        return Err(malformed("to: expected a day that is not before from"));
    }
    common.kind = kind.map(|kind| match kind {
        FlexitiPurchase::Promotional => PurchaseKind::Promotional,
        FlexitiPurchase::Regular => PurchaseKind::Regular,
    });
    if headers.contains_key(&ACCOUNT) {
        let account = request::only(headers, &ACCOUNT).and_then(AccountNumber::parse);
        common.account = Some(
            account.ok_or_else(|| malformed("Account-Number: expected one of 1 to 14 digits"))?,
        );
    }
    Ok(common)
}

impl FlexitiAuthorization {
    fn of(from: &Authorization, totals: Totals) -> Self {
        let Merchant {
            corporation_id,
            merchant_id,
            location_id,
        } = from.merchant;
        Self {
            id: from.id.to_string(),
            reference: from.reference.clone(),
            created_at: from.created.map(instant),
            expires_at: from.expires.map(instant),
            ended_at: from.ended.map(instant),
            status: match &from.status {
                AuthorizationStatus::Opened => "opened".to_owned(),
                AuthorizationStatus::Closed => "closed".to_owned(),
                AuthorizationStatus::Other(word) => word.clone(),
            },
            auto_capture: from.auto_capture,
            amount: from.amount,
            financing: from.financing.map(financing),
            corporation_id,
            merchant_id,
            location_id,
            fees: flexiti::fees(&from.fees),
            rates: from.rates.iter().map(flexiti::rate).collect(),
            remaining: totals.remaining,
            captured: totals.captured,
            released: totals.released,
            returned: totals.returned,
        }
    }
}

impl From<AuthorizationDetail> for FlexitiAuthorizationDetail {
    fn from(found: AuthorizationDetail) -> Self {
        Self {
            authorization: FlexitiAuthorization::of(&found.authorization, found.totals),
            captures: found.captures.into_iter().map(Into::into).collect(),
            returns: found.returns.into_iter().map(Into::into).collect(),
            releases: found.releases.into_iter().map(Into::into).collect(),
        }
    }
}

impl From<CaptureSeen> for FlexitiCapture {
    fn from(seen: CaptureSeen) -> Self {
        Self {
            id: seen.id.to_string(),
            reference: seen.reference,
            at: seen.at.map(instant),
            status: match seen.status {
                CaptureStatus::Active => "active".to_owned(),
                CaptureStatus::Other(word) => word,
            },
            amount: seen.amount,
            term_amount: seen.term_amount,
        }
    }
}

impl From<CaptureRow> for FlexitiCaptureOf {
    fn from(row: CaptureRow) -> Self {
        let of = row.authorization;
        Self {
            capture: row.capture.into(),
            authorization_id: of.id.to_string(),
            authorization_reference: of.reference,
            auto_capture: of.auto_capture,
            financing: of.financing.map(financing),
            corporation_id: of.merchant.corporation_id,
            merchant_id: of.merchant.merchant_id,
            location_id: of.merchant.location_id,
            returns: row.returns.into_iter().map(Into::into).collect(),
        }
    }
}

impl From<ReturnSeen> for FlexitiPiece {
    fn from(seen: ReturnSeen) -> Self {
        Self {
            id: seen.id.to_string(),
            reference: seen.reference,
            at: seen.at.map(instant),
            amount: seen.amount,
        }
    }
}

impl From<ReleaseSeen> for FlexitiPiece {
    fn from(seen: ReleaseSeen) -> Self {
        Self {
            id: seen.id.to_string(),
            reference: seen.reference,
            at: seen.at.map(instant),
            amount: seen.amount,
        }
    }
}

fn financing(from: Financing) -> FinancingChoice {
    match from {
        Financing::Regular => FinancingChoice::Regular {},
        Financing::Promotional { plan_id, term } => FinancingChoice::Plan {
            plan: plan_id.to_string(),
            months: term,
        },
    }
}

fn instant(moment: Moment) -> String {
    Timestamp::from_millis(moment.unix_secs().saturating_mul(1_000)).rfc3339()
}

fn malformed(detail: &str) -> Error {
    Error::new(ProblemCode::RequestMalformed).detail(detail)
}

crate::openapi::params::identifiers! {
    /// An authorization's number in a path.
    AuthorizationPath = ("id", "The authorization: 1 to 16 digits", "^[1-9][0-9]{0,15}$", "9000000000001"),
}

/// The header that narrows a list to a buyer's account.
struct AccountHeader;

impl IntoParams for AccountHeader {
    fn into_params(
        _: impl Fn() -> Option<utoipa::openapi::path::ParameterIn>,
    ) -> Vec<utoipa::openapi::path::Parameter> {
        vec![crate::openapi::params::header(
            "Account-Number",
            "One buyer's alone: the number of their account, 1 to 14 digits. In a header, because addresses are logged \
             on the way.",
            "^[1-9][0-9]{0,13}$",
            "10000001",
        )]
    }
}
