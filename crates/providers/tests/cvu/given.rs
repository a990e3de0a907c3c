//! What the tests start from: the fixtures, a clock that stands still, orders.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use serde::Deserialize;
use serde_json::value::RawValue;
use ventanilla_core::account::{Account, Cuit};
use ventanilla_core::money::{Currency, Money};
use ventanilla_providers::cvu::{
    CashInId, CashOut, CashOutId, CashOutOrder, Client, Config, Day, Destination, Filter,
    LinkExpiry, LinkOrder, Moment, Period, QrOrder, SalePointId, StaticAmount, StaticOrder,
    TransferOrder,
};
use ventanilla_providers::{Outcome, ReadRetry, Timeouts};

pub const USERNAME: &str = "usuario-api";
pub const PASSWORD: &str = "clave-de-prueba";
pub const CVU: &str = "0009001600000004242420";
pub const CUIT: &str = "20999000011";
pub const REFERENCE: &str = "pedido-0001-intento-1";

/// 2026-11-20 15:00:00 in Buenos Aires, six hours before the fixtures' access tokens end.
pub const NOW: i64 = 1_795_197_600;

pub fn asks_for_a_token(line: &str) -> bool {
    line == "POST /v2/auth/token"
}

/// The good answer to the `count`th request for an access token.
pub fn token_body(count: usize) -> String {
    format!(r#"{{"status":"ok","token":"TOKEN-{count}","expires_at":1795219200}}"#)
}

/// One file of fixtures: an operation with its requests and its answers.
#[derive(Deserialize)]
pub struct Operation {
    pub method: String,
    pub path: String,
    pub requests: Vec<Asked>,
    pub responses: Vec<Answered>,
}

#[derive(Deserialize)]
pub struct Asked {
    pub name: String,
    pub body: Option<serde_json::Value>,
    pub query: Option<serde_json::Value>,
}

#[derive(Deserialize)]
pub struct Answered {
    pub name: String,
    pub http_status: Option<u16>,
    /// As it is written, so that no number is read on the way.
    pub body: Option<Box<RawValue>>,
    pub raw_body: Option<String>,
    pub content_type: Option<String>,
}

pub fn fixtures_dir() -> &'static str {
    concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/fixtures/cvu")
}

pub fn operation(file: &str) -> Operation {
    let path = format!("{}/{file}.json", fixtures_dir());
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{path}: {error}"))
}

pub fn asked(file: &str, name: &str) -> Asked {
    let requests = operation(file).requests;
    requests
        .into_iter()
        .find(|asked| asked.name == name)
        .unwrap()
}

/// HTTP status and body of an answer.
pub fn answered(file: &str, name: &str) -> (u16, String) {
    let responses = operation(file).responses;
    let answered = responses.into_iter().find(|found| found.name == name);
    let answered = answered.unwrap_or_else(|| panic!("{file} has no {name}"));
    let body = answered.body.unwrap().get().to_owned();
    (answered.http_status.unwrap(), body)
}

/// A clock that a test moves.
#[derive(Clone)]
pub struct Hand(Arc<AtomicI64>);

impl Hand {
    pub fn at(secs: i64) -> Self {
        Self(Arc::new(AtomicI64::new(secs)))
    }

    pub fn move_on(&self, secs: i64) {
        self.0.fetch_add(secs, Ordering::SeqCst);
    }

    pub fn clock(&self) -> ventanilla_providers::cvu::Clock {
        let hand = self.0.clone();
        Arc::new(move || Moment::from_unix_secs(hand.load(Ordering::SeqCst)))
    }
}

pub fn config(url: &str) -> Config {
    Config {
        timeouts: Timeouts {
            connect: Duration::from_secs(5),
            money: Duration::from_secs(10),
            read: Duration::from_secs(10),
        },
        read_retry: ReadRetry {
            tries: 2,
            pause: Duration::from_nanos(1),
        },
        ..Config::new(url, USERNAME, PASSWORD.into(), Hand::at(NOW).clock())
    }
}

pub fn client(url: &str) -> Client {
    Client::new(config(url)).unwrap()
}

pub fn pesos(minor: u64) -> Money {
    Money::from_minor(minor, Currency::ARS).unwrap()
}

pub fn account(text: &str) -> Account {
    Account::parse(text).unwrap()
}

pub fn cuit(text: &str) -> Cuit {
    Cuit::parse(text).unwrap()
}

pub fn qr_order() -> QrOrder {
    QrOrder {
        amount: pesos(1_234_567),
        concept: "VAR".to_owned(),
        description: "Pedido 0002".to_owned(),
    }
}

/// The order of the fixture `single-use`, which may be paid until 2026-11-21 18:00 at least.
pub fn link_order() -> LinkOrder {
    LinkOrder {
        amount: pesos(150_050),
        concept: "VAR".to_owned(),
        expiry: LinkExpiry::not_before(Moment::from_unix_secs(NOW + 26 * 3600 + 1800), false),
        multiple_use: false,
        distribution: Vec::new(),
    }
}

pub fn transfer_order() -> TransferOrder {
    TransferOrder {
        account: account("0009099303141592653586"),
        cuit: cuit("30-00000012-0"),
        amount: pesos(150_050),
        concept: "VAR".to_owned(),
        description: "Pedido 0003".to_owned(),
    }
}

pub fn static_order() -> StaticOrder {
    StaticOrder {
        sale_point: sale_point(),
        amount: pesos(150_050),
        concept: "VAR".to_owned(),
        description: "Pedido 0004".to_owned(),
    }
}

pub fn cash_out_order() -> CashOutOrder {
    CashOutOrder {
        to: Destination::Account(account(CVU)),
        cuit: cuit(CUIT),
        amount: pesos(150_050),
        reference_id: REFERENCE.to_owned(),
        concept: "VAR".to_owned(),
        description: "Pedido 0001".to_owned(),
    }
}

pub fn cash_out() -> CashOut {
    CashOut::prepare(&cash_out_order(), false).unwrap()
}

pub fn sale_point() -> SalePointId {
    SalePointId::parse("1").unwrap()
}

pub fn cash_in_id() -> CashInId {
    CashInId::parse("800001").unwrap()
}

pub fn cash_out_id() -> CashOutId {
    CashOutId::parse("700001").unwrap()
}

pub fn period() -> Period {
    Period::parse("2026-11").unwrap()
}

pub fn today() -> Filter {
    let day = Day::parse("2026-11-20").unwrap();
    Filter::days(day, day)
}

/// Sixteen of the seventeen operations; the other is the access token.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Way {
    Balance,
    CashIn,
    CashOut,
    Concepts,
    CreateSalePoint,
    DeleteSalePoint,
    Link,
    Qr,
    SalePoints,
    StaticOrder,
    StaticQr,
    Statistics,
    TransactionFilters,
    Transactions,
    TransferLink,
    Voucher,
}

impl Way {
    pub const ALL: [Self; 16] = [
        Self::Balance,
        Self::CashIn,
        Self::CashOut,
        Self::Concepts,
        Self::CreateSalePoint,
        Self::DeleteSalePoint,
        Self::Link,
        Self::Qr,
        Self::SalePoints,
        Self::StaticOrder,
        Self::StaticQr,
        Self::Statistics,
        Self::TransactionFilters,
        Self::Transactions,
        Self::TransferLink,
        Self::Voucher,
    ];

    /// Whether it changes nothing.
    pub fn is_read(self) -> bool {
        !matches!(
            self,
            Self::CashOut
                | Self::CreateSalePoint
                | Self::DeleteSalePoint
                | Self::Link
                | Self::Qr
                | Self::StaticOrder
                | Self::TransferLink
        )
    }

    /// The file of its fixtures.
    pub fn file(self) -> &'static str {
        match self {
            Self::Balance => "account_balance",
            Self::CashIn => "payment_cashin_detail",
            Self::CashOut => "payment_cashout",
            Self::Concepts => "payment_concepts",
            Self::CreateSalePoint => "sale_point_create",
            Self::DeleteSalePoint => "sale_point_delete",
            Self::Link => "cashin_link_generate",
            Self::Qr => "cashin_qr_generate",
            Self::SalePoints => "sale_point_list",
            Self::StaticOrder => "sale_point_static_order",
            Self::StaticQr => "sale_point_static_qr",
            Self::Statistics => "whitelabel_statics",
            Self::TransactionFilters => "account_transactions_filters",
            Self::Transactions => "account_transactions",
            Self::TransferLink => "cashin_transfer_generate",
            Self::Voucher => "payment_cashout_voucher",
        }
    }

    /// The body that says that all is well.
    pub fn done(self) -> String {
        let name = match self {
            Self::CashIn => "ok-from-link",
            Self::Concepts => "ok-strings",
            Self::StaticQr => "ok-closed",
            Self::Statistics => "ok-values",
            Self::Transactions => "ok-plain",
            Self::Voucher => "ok-base64-pdf",
            _ => "ok",
        };
        answered(self.file(), name).1
    }

    pub async fn call(self, client: &Client) -> Outcome<()> {
        match self {
            Self::Balance => client.balance().await.map(drop),
            Self::CashIn => client.cashin(&cash_in_id()).await.map(drop),
            Self::CashOut => client.cashout(&cash_out()).await.map(drop),
            Self::Concepts => client.concepts().await.map(drop),
            Self::CreateSalePoint => client.create_sale_point("Caja 1").await.map(drop),
            Self::DeleteSalePoint => client.delete_sale_point(&sale_point()).await,
            Self::Link => client.link(&link_order()).await.map(drop),
            Self::Qr => client.qr(&qr_order()).await.map(drop),
            Self::SalePoints => client.sale_points().await.map(drop),
            Self::StaticOrder => client.static_order(&static_order()).await.map(drop),
            Self::StaticQr => client
                .static_qr(&sale_point(), StaticAmount::Closed)
                .await
                .map(drop),
            Self::Statistics => client.statistics(&period()).await.map(drop),
            Self::TransactionFilters => client.transaction_filters().await.map(drop),
            Self::Transactions => client.transactions(&today()).await.map(drop),
            Self::TransferLink => client.transfer_link(&transfer_order()).await.map(drop),
            Self::Voucher => client.voucher(&cash_out_id()).await.map(drop),
        }
    }
}
