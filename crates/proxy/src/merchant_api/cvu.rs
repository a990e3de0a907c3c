//! The rest of the CVU wallet's API: what is in the account, sale points and their static QR codes, transfer links,
//! credited payments, receipts, transactions.

use axum::Json;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use ventanilla_core::account::{Account, Cuit};
use ventanilla_core::money::{Currency, Money};
use ventanilla_core::problem::ProblemCode;
use ventanilla_providers::cvu::{
    CashIn, CashInId, CashOutId, Credit, Day, Filter, Period, SalePointId, StaticAmount,
    StaticOrder, TransferOrder, Voucher,
};

use super::provider::{self, Call, value};
use super::{Api, Shared};
use crate::error::{Error, Result};
use crate::openapi::problems::problems;
use crate::rails::Host;
use crate::request::{self, Number, Query};

/// Largest body of these routes, in bytes.
const MAX_BYTES: usize = 4 * 1024;
const HOST: Host = Host::CvuWallet;

problems!(ReadProblems = [OF_PROVIDER]);
problems!(QueryProblems = [OF_PROVIDER] RequestMalformed);
problems!(FindProblems = [OF_PROVIDER] NotFound);
problems!(FindQueryProblems = [OF_PROVIDER] NotFound, RequestMalformed);
problems!(CreateProblems = [OF_PROVIDER, OF_BODY] AmountInvalid, NotFound);
problems!(DeleteProblems = [OF_PROVIDER] NotFound);

pub(super) fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(cvu_concepts))
        .routes(routes!(cvu_balance))
        .routes(routes!(cvu_statistics))
        .routes(routes!(cvu_sale_points, cvu_create_sale_point))
        .routes(routes!(cvu_delete_sale_point))
        .routes(routes!(cvu_static_qr))
        .routes(routes!(cvu_static_order))
        .routes(routes!(cvu_transfer_link))
        .routes(routes!(cvu_cash_in))
        .routes(routes!(cvu_voucher))
        .routes(routes!(cvu_transactions))
        .routes(routes!(cvu_transaction_filters))
}

/// What payments may be declared as.
#[derive(Serialize, ToSchema)]
struct CvuConcepts {
    /// Each of them.
    concepts: Vec<CvuConcept>,
}

/// What a payment may be declared as.
#[derive(Serialize, ToSchema)]
struct CvuConcept {
    /// What is sent.
    code: String,
    /// What a person reads, when the provider says.
    name: Option<String>,
}

/// What is in the account.
#[derive(Serialize, ToSchema)]
struct CvuBalance {
    /// In pesos. The provider's document does not say whether its number is in pesos or centavos; it was seen with
    /// decimal places.
    balance: Money,
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct StatisticsQuery {
    /// The period, such as `2026-11`: 1 to 16 letters, digits and hyphens. Its form is not documented.
    #[param(pattern = "^[A-Za-z0-9-]{1,16}$", example = "2026-11")]
    period: String,
}

/// The provider's counts for a period; what it does not say is null.
#[derive(Serialize, ToSchema)]
struct CvuStatistics {
    /// CVUs opened.
    open_cvus: Option<u64>,
    /// Sent.
    total_cash_out: Option<Money>,
    /// Received.
    total_cash_in: Option<Money>,
    /// Bills paid.
    service_payments: Option<u64>,
    /// Text messages sent.
    sent_sms: Option<u64>,
}

/// The sale points.
#[derive(Serialize, ToSchema)]
struct CvuSalePoints {
    /// Each of them.
    sale_points: Vec<CvuSalePoint>,
}

/// A place that takes payments by a static QR code.
#[derive(Serialize, ToSchema)]
struct CvuSalePoint {
    /// Names it.
    id: String,
    /// What a person reads, and how transactions name it.
    name: String,
    /// In the provider's words; empty when it was just opened.
    status: String,
}

/// A sale point to be opened.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewSalePoint {
    /// What a person reads: 1 to 64 characters.
    #[schema(min_length = 1, max_length = 64)]
    name: String,
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct StaticQrQuery {
    /// Who decides the amount: with `open` the buyer types it, with `closed` it is that of the order behind the code.
    #[param(inline)]
    amount: StaticQrAmount,
}

/// Who decides the amount of a static QR code.
#[derive(Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum StaticQrAmount {
    Open,
    Closed,
}

/// A static QR code.
#[derive(Serialize, ToSchema)]
struct CvuStaticQr {
    /// The EMV text to draw, as it came.
    code: String,
}

/// An order to be put behind the closed static QR code of a sale point.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewStaticOrder {
    /// Argentine pesos, more than none.
    amount: Money,
    /// One of the concepts; 1 to 64 characters.
    #[schema(min_length = 1, max_length = 64)]
    concept: String,
    /// 1 to 255 characters.
    #[schema(min_length = 1, max_length = 255)]
    description: String,
}

/// An order behind the closed static QR code of a sale point.
#[derive(Serialize, ToSchema)]
struct CvuStaticOrder {
    /// What the credited payment will name.
    qr_order_id: String,
    /// Where.
    sale_point_id: String,
    /// How much.
    amount: Money,
}

/// A transfer link to be made. Whether account and CUIT are the payer's or the receiver's is not documented.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewTransferLink {
    /// A CVU or CBU: 22 digits.
    #[schema(pattern = "^[0-9]{22}$")]
    account: String,
    /// The CUIT of that account's holder: 11 digits, with hyphens or without.
    #[schema(pattern = "^[0-9]{2}-?[0-9]{8}-?[0-9]$")]
    cuit: String,
    /// Argentine pesos, more than none.
    amount: Money,
    /// One of the concepts; 1 to 64 characters.
    #[schema(min_length = 1, max_length = 64)]
    concept: String,
    /// 1 to 255 characters.
    #[schema(min_length = 1, max_length = 255)]
    description: String,
}

/// A transfer link.
#[derive(Serialize, ToSchema)]
struct CvuTransferLink {
    /// An `https:` address of the provider that begins the transfer. It has no number: its payment can be told from
    /// others by amount, time and payer only.
    link: String,
}

/// A credited payment.
#[derive(Serialize, ToSchema)]
struct CvuCashIn {
    /// As the provider numbers it, when it says.
    transaction_id: Option<String>,
    /// What was credited, which need not be what was asked for.
    amount: Money,
    /// The link that was paid, if it was one.
    link_id: Option<String>,
    /// The order of the QR code that was paid, if it was one.
    qr_order_id: Option<String>,
    /// The buyer's CUIT, when it is one.
    buyer_cuit: Option<String>,
    /// The buyer's CVU or CBU, when it is one.
    buyer_account: Option<String>,
    /// The concept; may be empty.
    concept: String,
    /// The description; may be empty.
    description: String,
}

/// The receipt of a transfer: one of the two.
#[derive(Serialize, ToSchema)]
struct CvuVoucher {
    /// Where it can be read.
    address: Option<String>,
    /// The document itself, a PDF in Base64 as far as is known.
    document: Option<String>,
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct TransactionsQuery {
    /// The first day, in Buenos Aires.
    #[param(value_type = String, format = Date, example = "2026-11-18")]
    from: String,
    /// The last day, not before the first.
    #[param(value_type = String, format = Date, example = "2026-11-20")]
    to: String,
    /// One kind alone: the `id` of one of the filters.
    #[param(min_length = 1, max_length = 64)]
    operation: Option<String>,
    /// How many at most; 100 unless told.
    #[param(value_type = Option<u16>, minimum = 1, maximum = 500)]
    limit: Option<Number>,
    /// Those behind the one that the `next` of an earlier answer names.
    #[param(pattern = "^[0-9a-f]{64}$")]
    after: Option<String>,
}

/// Transactions of the account, in the provider's order.
#[derive(Serialize, ToSchema)]
struct CvuTransactions {
    /// Each of them.
    transactions: Vec<CvuTransaction>,
    /// Names the last of them, when there are more: for `after`.
    next: Option<String>,
    /// Whether the list that these are of was all of it. It is not when it has more than 50 of the provider's pages,
    /// or moved whenever it was read.
    is_whole: bool,
    /// How many rows of that list could not be read; any of them may be a payment.
    unreadable: usize,
}

/// A transaction.
#[derive(Serialize, ToSchema)]
struct CvuTransaction {
    /// Names it: the provider does not. 64 lower-case hex digits.
    fingerprint: String,
    /// Whether money came in.
    income: bool,
    /// How much.
    amount: Money,
    /// When, as it came.
    date: String,
    /// The kind, in the provider's words; may be empty.
    operation: String,
    /// The name of the other side; may be empty.
    holder: String,
    /// The CUIT of the other side, when it is one.
    cuit: Option<String>,
    /// The CVU or CBU of the other side, when it is one.
    account: Option<String>,
    /// In the provider's words; may be empty.
    status: String,
    /// The sale point, when there is one.
    sale_point: Option<String>,
}

/// The kinds of transactions that their list can be narrowed to.
#[derive(Serialize, ToSchema)]
struct CvuTransactionFilters {
    /// Each of them.
    operations: Vec<CvuTransactionFilter>,
}

/// A kind of transactions.
#[derive(Serialize, ToSchema)]
struct CvuTransactionFilter {
    /// What is sent as `operation`.
    id: String,
    /// What a person reads; may be empty.
    name: String,
    /// In the provider's words; may be empty.
    kind: String,
}

/// Lists what a CVU payment may be declared as
#[utoipa::path(
    get,
    path = "/v1/cvu/concepts",
    tag = "cvu",
    responses((status = 200, description = "The concepts", body = CvuConcepts), ReadProblems)
)]
async fn cvu_concepts(State(api): Api) -> Result<Json<CvuConcepts>> {
    let client = api.machine.cvu()?.client();
    let told = api.machine.read_aside(HOST, client.concepts()).await?;
    let concepts = value(Call::Reads, told)?.into_iter();
    let concepts = concepts.map(|concept| CvuConcept {
        code: concept.code,
        name: concept.name,
    });
    Ok(Json(CvuConcepts {
        concepts: concepts.collect(),
    }))
}

/// Reads what is in the CVU account
#[utoipa::path(
    get,
    path = "/v1/cvu/balance",
    tag = "cvu",
    responses((status = 200, description = "The balance", body = CvuBalance), ReadProblems)
)]
async fn cvu_balance(State(api): Api) -> Result<Json<CvuBalance>> {
    let client = api.machine.cvu()?.client();
    let told = api.machine.read_aside(HOST, client.balance()).await?;
    let balance = value(Call::Reads, told)?.as_pesos;
    Ok(Json(CvuBalance { balance }))
}

/// Reads the CVU provider's counts for a period
///
/// For a user that is tied to the collecting account only.
#[utoipa::path(
    get,
    path = "/v1/cvu/statistics",
    tag = "cvu",
    params(StatisticsQuery),
    responses((status = 200, description = "The counts", body = CvuStatistics), QueryProblems)
)]
async fn cvu_statistics(
    State(api): Api,
    Query(query): Query<StatisticsQuery>,
) -> Result<Json<CvuStatistics>> {
    let period = Period::parse(&query.period)
        .ok_or_else(|| malformed("period: expected 1 to 16 letters, digits and hyphens"))?;
    let client = api.machine.cvu()?.client();
    let told = api.machine.read_aside(HOST, client.statistics(&period));
    let found = value(Call::Reads, told.await?)?;
    Ok(Json(CvuStatistics {
        open_cvus: found.open_cvus,
        total_cash_out: found.total_cash_out,
        total_cash_in: found.total_cash_in,
        service_payments: found.service_payments,
        sent_sms: found.sent_sms,
    }))
}

/// Lists the CVU sale points
#[utoipa::path(
    get,
    path = "/v1/cvu/sale-points",
    tag = "cvu",
    responses((status = 200, description = "The sale points", body = CvuSalePoints), ReadProblems)
)]
async fn cvu_sale_points(State(api): Api) -> Result<Json<CvuSalePoints>> {
    let client = api.machine.cvu()?.client();
    let told = api.machine.read_aside(HOST, client.sale_points()).await?;
    let sale_points = value(Call::Reads, told)?.into_iter();
    let sale_points = sale_points.map(|point| CvuSalePoint {
        id: point.id.to_string(),
        name: point.name,
        status: point.status,
    });
    Ok(Json(CvuSalePoints {
        sale_points: sale_points.collect(),
    }))
}

/// Opens a CVU sale point
///
/// Sent once, and not idempotent at the provider: after `provider-unclear`, look for it in the list.
#[utoipa::path(
    post,
    path = "/v1/cvu/sale-points",
    tag = "cvu",
    request_body = NewSalePoint,
    responses((status = 201, description = "The sale point", body = CvuSalePoint), CreateProblems)
)]
async fn cvu_create_sale_point(State(api): Api, request: Request) -> Result<Response> {
    let new: NewSalePoint = request::json(request, MAX_BYTES).await?;
    let id = apart(async move {
        let client = api.machine.cvu()?.client();
        let call = client.create_sale_point(&new.name);
        let told = api.machine.create_aside(HOST, call).await?;
        Ok((value(Call::Creates, told)?, new.name))
    });
    let (id, name) = id.await?;
    let point = CvuSalePoint {
        id: id.to_string(),
        name,
        status: String::new(),
    };
    Ok((StatusCode::CREATED, Json(point)).into_response())
}

/// Closes a CVU sale point
///
/// Its static QR code is no longer taken. Sent once: after `provider-unclear`, look for it in the list.
#[utoipa::path(
    delete,
    path = "/v1/cvu/sale-points/{id}",
    tag = "cvu",
    params(SalePointPath),
    responses((status = 204, description = "It is closed"), DeleteProblems)
)]
async fn cvu_delete_sale_point(
    State(api): Api,
    request::Id(id): request::Id,
) -> Result<StatusCode> {
    let id = sale_point(&id)?;
    apart(async move {
        let client = api.machine.cvu()?.client();
        let call = client.delete_sale_point(&id);
        let told = api.machine.create_aside(HOST, call).await?;
        value(Call::Creates, told)
    })
    .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Reads the static QR code of a CVU sale point
#[utoipa::path(
    get,
    path = "/v1/cvu/sale-points/{id}/qr",
    tag = "cvu",
    params(SalePointPath, StaticQrQuery),
    responses((status = 200, description = "The code", body = CvuStaticQr), FindQueryProblems)
)]
async fn cvu_static_qr(
    State(api): Api,
    request::Id(id): request::Id,
    Query(query): Query<StaticQrQuery>,
) -> Result<Json<CvuStaticQr>> {
    let id = sale_point(&id)?;
    let amount = match query.amount {
        StaticQrAmount::Open => StaticAmount::Open,
        StaticQrAmount::Closed => StaticAmount::Closed,
    };
    let client = api.machine.cvu()?.client();
    let told = api.machine.read_aside(HOST, client.static_qr(&id, amount));
    let code = value(Call::Reads, told.await?)?;
    Ok(Json(CvuStaticQr { code }))
}

/// Puts an order behind the closed static QR code of a CVU sale point
///
/// Sent once. What becomes of an earlier order that nobody paid is not documented: have one open order for each
/// sale point. Its payment is none of a session's: it shows in the transactions, and in review if the configuration
/// says so of strangers' money.
#[utoipa::path(
    post,
    path = "/v1/cvu/sale-points/{id}/orders",
    tag = "cvu",
    params(SalePointPath),
    request_body = NewStaticOrder,
    responses((status = 201, description = "The order", body = CvuStaticOrder), CreateProblems)
)]
async fn cvu_static_order(
    State(api): Api,
    request::Id(id): request::Id,
    request: Request,
) -> Result<Response> {
    let sale_point = sale_point(&id)?;
    let new: NewStaticOrder = request::json(request, MAX_BYTES).await?;
    let order = StaticOrder {
        sale_point,
        amount: pesos(new.amount)?,
        concept: new.concept,
        description: new.description,
    };
    let (qr_order_id, order) = apart(async move {
        let client = api.machine.cvu()?.client();
        let call = client.static_order(&order);
        let told = api.machine.create_aside(HOST, call).await?;
        Ok((value(Call::Creates, told)?, order))
    })
    .await?;
    let order = CvuStaticOrder {
        qr_order_id: qr_order_id.to_string(),
        sale_point_id: order.sale_point.to_string(),
        amount: order.amount,
    };
    Ok((StatusCode::CREATED, Json(order)).into_response())
}

/// Makes a CVU transfer link
///
/// Sent once; one whose answer is lost nobody has seen.
#[utoipa::path(
    post,
    path = "/v1/cvu/transfer-links",
    tag = "cvu",
    request_body = NewTransferLink,
    responses((status = 201, description = "The link", body = CvuTransferLink), CreateProblems)
)]
async fn cvu_transfer_link(State(api): Api, request: Request) -> Result<Response> {
    let new: NewTransferLink = request::json(request, MAX_BYTES).await?;
    let order = TransferOrder {
        account: Account::parse(&new.account)
            .map_err(|error| malformed(&format!("account: {error}")))?,
        cuit: Cuit::parse(&new.cuit).map_err(|error| malformed(&format!("cuit: {error}")))?,
        amount: pesos(new.amount)?,
        concept: new.concept,
        description: new.description,
    };
    let address = apart(async move {
        let client = api.machine.cvu()?.client();
        let call = client.transfer_link(&order);
        let told = api.machine.create_aside(HOST, call).await?;
        value(Call::Creates, told)
    });
    let link = address.await?.as_str().to_owned();
    Ok((StatusCode::CREATED, Json(CvuTransferLink { link })).into_response())
}

/// Reads a credited CVU payment
///
/// By the number that a notification gave it. The provider answers one that does not exist as any other error:
/// `provider-rejected`.
#[utoipa::path(
    get,
    path = "/v1/cvu/cash-ins/{id}",
    tag = "cvu",
    params(CashInPath),
    responses((status = 200, description = "The payment", body = CvuCashIn), FindProblems)
)]
async fn cvu_cash_in(State(api): Api, request::Id(id): request::Id) -> Result<Json<CvuCashIn>> {
    let id = CashInId::parse(&id).ok_or(ProblemCode::NotFound)?;
    let client = api.machine.cvu()?.client();
    let told = api.machine.read_aside(HOST, client.cashin(&id)).await?;
    Ok(Json(value(Call::Reads, told)?.into()))
}

/// Reads the receipt of a CVU transfer
#[utoipa::path(
    get,
    path = "/v1/cvu/cash-outs/{id}/voucher",
    tag = "cvu",
    params(CashOutPath),
    responses((status = 200, description = "The receipt", body = CvuVoucher), FindProblems)
)]
async fn cvu_voucher(State(api): Api, request::Id(id): request::Id) -> Result<Json<CvuVoucher>> {
    let id = CashOutId::parse(&id).ok_or(ProblemCode::NotFound)?;
    let client = api.machine.cvu()?.client();
    let told = api.machine.read_aside(HOST, client.voucher(&id)).await?;
    let (address, document) = match value(Call::Reads, told)? {
        Voucher::Address(address) => (Some(address.as_str().to_owned()), None),
        Voucher::Document(document) => (None, Some(document)),
    };
    Ok(Json(CvuVoucher { address, document }))
}

/// Lists transactions of the CVU account
///
/// Of some days, in the provider's order, page by page. The provider's list has no numbers and may move while it is
/// read: each row is named by a fingerprint, which stays the same.
#[utoipa::path(
    get,
    path = "/v1/cvu/transactions",
    tag = "cvu",
    params(TransactionsQuery),
    responses((status = 200, description = "The transactions", body = CvuTransactions), QueryProblems)
)]
async fn cvu_transactions(
    State(api): Api,
    Query(query): Query<TransactionsQuery>,
) -> Result<Json<CvuTransactions>> {
    let day = |name: &str, text: &str| {
        Day::parse(text).ok_or_else(|| malformed(&format!("{name}: expected a day as 2026-11-20")))
    };
    let limit = request::limit(query.limit)?;
    let mut filter = Filter::days(day("from", &query.from)?, day("to", &query.to)?);
    if filter.from > filter.to {
        return Err(malformed("to: expected a day that is not before from"));
    }
    filter.operation = query.operation;
    let client = api.machine.cvu()?.client();
    let told = api.machine.read_aside(HOST, client.transactions(&filter));
    let found = value(Call::Reads, told.await?)?;
    let (page, next) = provider::page(
        found.credits,
        Credit::fingerprint,
        query.after.as_deref(),
        limit,
    )?;
    Ok(Json(CvuTransactions {
        transactions: page.iter().map(CvuTransaction::of).collect(),
        next,
        is_whole: found.is_whole,
        unreadable: found.unreadable,
    }))
}

/// Lists the kinds of CVU transactions
///
/// Each can be asked for alone.
#[utoipa::path(
    get,
    path = "/v1/cvu/transaction-filters",
    tag = "cvu",
    responses((status = 200, description = "The kinds", body = CvuTransactionFilters), ReadProblems)
)]
async fn cvu_transaction_filters(State(api): Api) -> Result<Json<CvuTransactionFilters>> {
    let client = api.machine.cvu()?.client();
    let told = api.machine.read_aside(HOST, client.transaction_filters());
    let operations = value(Call::Reads, told.await?)?.into_iter();
    let operations = operations.map(|filter| CvuTransactionFilter {
        id: filter.id,
        name: filter.name,
        kind: filter.kind,
    });
    Ok(Json(CvuTransactionFilters {
        operations: operations.collect(),
    }))
}

impl From<CashIn> for CvuCashIn {
    fn from(found: CashIn) -> Self {
        Self {
            transaction_id: found.transaction.map(|id| id.to_string()),
            amount: found.amount,
            link_id: found.link.map(|id| id.to_string()),
            qr_order_id: found.qr_order.map(|id| id.to_string()),
            buyer_cuit: found.buyer_cuit.map(|cuit| cuit.digits().to_owned()),
            buyer_account: found
                .buyer_account
                .map(|account| account.as_str().to_owned()),
            concept: found.concept,
            description: found.description,
        }
    }
}

impl CvuTransaction {
    fn of(row: &Credit) -> Self {
        Self {
            fingerprint: row.fingerprint(),
            income: row.income,
            amount: row.amount,
            date: row.date.clone(),
            operation: row.operation.clone(),
            holder: row.holder.expose().to_owned(),
            cuit: row.cuit.as_ref().map(|cuit| cuit.digits().to_owned()),
            account: row
                .account
                .as_ref()
                .map(|account| account.as_str().to_owned()),
            status: row.status.clone(),
            sale_point: row.sale_point_name.clone(),
        }
    }
}

/// In a task of its own: what was begun goes on when the caller hangs up.
async fn apart<T: Send + 'static>(
    call: impl Future<Output = Result<T>> + Send + 'static,
) -> Result<T> {
    tokio::spawn(call).await.map_err(Error::internal)?
}

fn sale_point(id: &str) -> Result<SalePointId> {
    SalePointId::parse(id).ok_or_else(|| ProblemCode::NotFound.into())
}

fn pesos(amount: Money) -> Result<Money> {
    if amount.currency() != Currency::ARS || amount.minor() == 0 {
        return Err(Error::new(ProblemCode::AmountInvalid)
            .detail("amount must be in ARS and more than zero"));
    }
    Ok(amount)
}

fn malformed(detail: &str) -> Error {
    Error::new(ProblemCode::RequestMalformed).detail(detail)
}

crate::openapi::params::identifiers! {
    /// A sale point's number in a path.
    SalePointPath = ("id", "The sale point: 1 to 19 digits", "^[1-9][0-9]{0,18}$", "7001"),
    /// A credited payment's number in a path.
    CashInPath = ("id", "The credited payment: 1 to 19 digits", "^[1-9][0-9]{0,18}$", "500123"),
    /// A transfer's number in a path.
    CashOutPath = ("id", "The transfer: 1 to 19 digits", "^[1-9][0-9]{0,18}$", "300077"),
}
