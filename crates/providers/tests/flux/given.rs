//! What the tests start from: the fixtures, a clock that stands still, orders.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use secrecy::SecretString;
use serde::Deserialize;
use serde_json::value::RawValue;
use ventanilla_core::money::{Currency, Money};
use ventanilla_providers::flux::{
    Charge, Client, Clock, Config, Payment, Place, Refund, RefundOrder, TransactionRead,
};
use ventanilla_providers::{Outcome, ReadRetry, Timeouts};

pub const REFRESH_TOKEN: &str = "REFRESH-DE-PRUEBA";
pub const REFERENCE: &str = "mesa12-0001";
pub const CODE: &str = "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVowMTIzNDU2Nzg5Kysv+/8=";

/// 2026-11-20 18:00:00 UTC, six hours before the fixtures' access token ends.
pub const NOW: i64 = 1_795_197_600;

pub const TOKEN_LINE: &str = "POST /v3/auth/tokens/refreshToken";

pub fn asks_for_a_token(line: &str) -> bool {
    line == TOKEN_LINE
}

/// The good answer to the `count`th request for an access token.
pub fn token_body(count: usize) -> String {
    token_with(count, "1795219200000")
}

/// The same, with what is said of its end.
pub fn token_with(count: usize, expires_in: &str) -> String {
    format!(r#"{{"data":{{"accessToken":"TOKEN-{count}","expiresIn":{expires_in}}}}}"#)
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
    /// As it is written, so that the order of the fields is kept.
    pub body: Option<Box<RawValue>>,
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
    concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/fixtures/flux")
}

pub fn operation(file: &str) -> Operation {
    let path = format!("{}/{file}.json", fixtures_dir());
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{path}: {error}"))
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

    pub fn clock(&self) -> Clock {
        let hand = self.0.clone();
        Arc::new(move || hand.load(Ordering::SeqCst))
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
        ..Config::new(
            &format!("{url}/v3"),
            REFRESH_TOKEN.into(),
            Hand::at(NOW).clock(),
        )
    }
}

pub fn client(url: &str) -> Client {
    Client::new(config(url)).unwrap()
}

pub fn pesos(minor: u64) -> Money {
    Money::from_minor(minor, Currency::MXN).unwrap()
}

pub fn code() -> SecretString {
    CODE.into()
}

pub fn place() -> Place {
    Place {
        store: "sucursal-centro".to_owned(),
        terminal: "caja-01".to_owned(),
        operator: "operador-7".to_owned(),
        table: "12".to_owned(),
    }
}

/// The fixture `with-tip`.
pub fn charge() -> Charge {
    Charge {
        reference: REFERENCE.to_owned(),
        amount: pesos(25_000),
        tip: pesos(2_500),
        place: place(),
    }
}

/// The fixture `full`.
pub fn refund_order() -> RefundOrder {
    RefundOrder {
        reference: REFERENCE.to_owned(),
        amount: pesos(27_500),
        message: "Devolucion de prueba".to_owned(),
        place: place(),
    }
}

/// The three operations that need an access token.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Way {
    Pay,
    Refund,
    Transaction,
}

/// What came of one of them.
#[derive(Debug)]
pub enum Done {
    Pay(Payment),
    Refund(Refund),
    Transaction(TransactionRead),
}

impl Way {
    pub const ALL: [Self; 3] = [Self::Pay, Self::Refund, Self::Transaction];
    pub const MONEY: [Self; 2] = [Self::Pay, Self::Refund];

    pub fn is_read(self) -> bool {
        self == Self::Transaction
    }

    /// The file of its fixtures.
    pub fn file(self) -> &'static str {
        match self {
            Self::Pay => "payments_create",
            Self::Refund => "payments_refund",
            Self::Transaction => "transactions_detail",
        }
    }

    /// The body that says that all is well.
    pub fn done(self) -> String {
        let name = match self {
            Self::Refund => "ok-as-documented",
            Self::Pay | Self::Transaction => "ok",
        };
        answered(self.file(), name).1
    }

    pub async fn call(self, client: &Client) -> Outcome<Done> {
        match self {
            Self::Pay => client.pay(&charge(), &code()).await.map(Done::Pay),
            Self::Refund => client.refund(&refund_order()).await.map(Done::Refund),
            Self::Transaction => client.transaction(REFERENCE).await.map(Done::Transaction),
        }
    }
}
