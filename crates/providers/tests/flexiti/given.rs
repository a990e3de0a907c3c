//! What the tests start from: the fixtures, a clock that stands still, orders.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use secrecy::SecretString;
use serde::Deserialize;
use serde_json::Value;
use ventanilla_core::money::{Currency, Money};
use ventanilla_providers::flexiti::{
    AccountNumber, Address, AuthorizationFilter, AuthorizationId, BirthDate, Capture,
    CaptureFilter, CaptureId, CardNumber, Cents, Client, Clock, Config, Counter, CustomerToken,
    Day, Decision, Deposit, DepositKind, DepositTo, Financing, Flow, FlowId, Identification,
    InStoreAuthorization, Lang, Moment, OnlineAuthorization, Part, Person, Product, Reference,
    Refund, Release, Return, SkuData, VerificationCode, WidgetSessionId,
};
use ventanilla_providers::{Outcome, ReadRetry, Timeouts};

pub const CLIENT_ID: &str = "demo-merchant";
pub const SECRET: &str = "placeholder-secret";
pub const CUSTOMER_TOKEN: &str = "CUSTOMER-TOKEN-1";
pub const ACCOUNT: &str = "10000001";
pub const CARD: &str = "0000000000000001";
pub const CLERK: &str = "00001-CLERK";
pub const SESSION: &str = "11111111-2222-4333-8444-555555555555";
pub const FLOW_ID: &str = "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee";

pub fn asks_for_a_token(line: &str) -> bool {
    line.starts_with("POST ") && line.ends_with("/oauth/token")
}

/// The good answer to the `count`th request for an access token.
pub fn token_body(count: usize) -> String {
    format!(r#"{{"access_token":"TOKEN-{count}","expires_in":1200}}"#)
}

/// 2026-01-05 15:00:00 UTC, when the fixtures' first authorization is made.
pub const NOW: i64 = 1_767_625_200;

/// One entry of the fixtures' list.
#[derive(Clone, Deserialize)]
pub struct Fixture {
    pub file: String,
    pub operation: String,
    pub kind: String,
    pub method: Option<String>,
    pub path: Option<String>,
    pub status: Option<u16>,
}

#[derive(Deserialize)]
struct Manifest {
    fixtures: Vec<Fixture>,
}

pub fn fixtures_dir() -> &'static str {
    concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/fixtures/flexiti")
}

pub fn fixtures(kind: &str) -> Vec<Fixture> {
    let manifest: Manifest = serde_json::from_str(&text("manifest.json")).unwrap();
    let mut fixtures = manifest.fixtures;
    fixtures.retain(|fixture| fixture.kind == kind);
    assert!(!fixtures.is_empty(), "{kind}");
    fixtures
}

pub fn fixture(file: &str) -> Fixture {
    let manifest: Manifest = serde_json::from_str(&text("manifest.json")).unwrap();
    let mut found = manifest.fixtures.into_iter();
    found.find(|fixture| fixture.file == file).unwrap()
}

pub fn text(file: &str) -> String {
    let path = format!("{}/{file}", fixtures_dir());
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

pub fn value(file: &str) -> Value {
    serde_json::from_str(&text(file)).unwrap()
}

/// A fixture with some of its fields changed.
pub fn changed(file: &str, changes: &[(&str, Value)]) -> String {
    let mut value = value(file);
    for (name, to) in changes {
        value[*name] = to.clone();
    }
    value.to_string()
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
        identify_by_card: true,
        ..Config::new(url, CLIENT_ID, SECRET.into(), Hand::at(NOW).clock())
    }
}

pub fn client(url: &str) -> Client {
    Client::new(config(url)).unwrap()
}

pub fn flow() -> Flow {
    Flow {
        id: FlowId::parse(FLOW_ID).unwrap(),
        lang: Lang::En,
    }
}

pub fn moment(secs: i64) -> Moment {
    Moment::from_unix_secs(secs)
}

/// A customer's token that is good for a quarter of an hour.
pub fn customer_token() -> CustomerToken {
    CustomerToken::from_parts(CUSTOMER_TOKEN, moment(NOW + 900)).unwrap()
}

pub fn dollars(minor: u64) -> Money {
    Money::from_minor(minor, Currency::CAD).unwrap()
}

pub fn account() -> AccountNumber {
    AccountNumber::parse(ACCOUNT).unwrap()
}

pub fn card() -> CardNumber {
    CardNumber::parse(CARD).unwrap()
}

pub fn reference() -> Reference {
    Reference::parse("order-0001").unwrap()
}

pub fn authorization_id(text: &str) -> AuthorizationId {
    AuthorizationId::parse(text).unwrap()
}

pub fn capture_id(text: &str) -> CaptureId {
    CaptureId::parse(text).unwrap()
}

pub fn code(text: &str) -> VerificationCode {
    VerificationCode::parse(text).unwrap()
}

pub fn plan() -> Financing {
    Financing::Promotional {
        plan_id: 4,
        term: 6,
    }
}

pub fn address() -> Address {
    Address {
        first_name: "Test".to_owned(),
        last_name: "Shopper".to_owned(),
        address_1: "100 Example Street".to_owned(),
        address_2: String::new(),
        city: "Sampleville".to_owned(),
        province: "ON".to_owned(),
        postal_code: "A1A1A1".to_owned(),
    }
}

pub fn counter() -> Counter {
    Counter {
        location_id: "00-00001".to_owned(),
        employee_id: CLERK.into(),
    }
}

pub fn person() -> Identification {
    let secret = |text: &str| SecretString::from(text);
    Identification::Person(Person {
        first_name: secret("Test"),
        last_name: secret("Shopper"),
        date_of_birth: BirthDate::parse("1990-01-01").unwrap(),
        postal_code: secret("A1A1A1"),
    })
}

fn cents(cents: i64) -> Option<Cents> {
    Cents::new(cents)
}

fn product(
    number: u8,
    category: &str,
    which: &str,
    quantity: u32,
    unit: i64,
    line: i64,
) -> Product {
    Product {
        sku_id: format!("SKU-000{number}"),
        category: category.to_owned(),
        description: format!("Placeholder item {which}"),
        quantity,
        unit_price: cents(unit).unwrap(),
        extended_price: cents(line).unwrap(),
    }
}

/// Goods that go out.
pub fn goods() -> SkuData {
    SkuData {
        purchase_order: Some("PO00000001".to_owned()),
        shipping_total: Some(dollars(0)),
        register_id: Some("REG-01".to_owned()),
        transaction_discount_total: cents(-5_000),
        transaction_subtotal: cents(100_000),
        gst_hst: cents(13_000),
        pst: cents(0),
        transaction_total: cents(108_000),
        products: vec![
            product(1, "furniture", "one", 1, 90_000, 90_000),
            product(2, "accessories", "two", 2, 5_000, 10_000),
        ],
    }
}

/// Goods that come back.
pub fn goods_back() -> SkuData {
    SkuData {
        shipping_total: None,
        transaction_discount_total: cents(0),
        transaction_subtotal: cents(-90_000),
        gst_hst: cents(-11_700),
        transaction_total: cents(-101_700),
        products: vec![product(1, "furniture", "one", 1, 90_000, 90_000)],
        ..goods()
    }
}

/// What the proxy asks: a hold of 5000.00.
pub fn online() -> OnlineAuthorization {
    OnlineAuthorization {
        reference: reference(),
        account: account(),
        card: None,
        amount: dollars(500_000),
        financing: plan(),
        auto_capture: false,
        sku_data: None,
        billing: address(),
        shipping: address(),
        widget_session: WidgetSessionId::parse(SESSION).unwrap(),
    }
}

pub fn in_store() -> InStoreAuthorization {
    InStoreAuthorization {
        reference: reference(),
        account: account(),
        card: Some(card()),
        amount: dollars(100_000),
        financing: plan(),
        auto_capture: true,
        sku_data: None,
        billing: Some(address()),
        shipping: Some(address()),
        verification_code: code("9999"),
        request_id: "REQ00000000000000001".to_owned(),
        counter: counter(),
    }
}

pub fn release() -> Release {
    Release {
        authorization: authorization_id("900002"),
        reference: reference(),
        part: Part::Amount(dollars(50_005)),
        counter: None,
    }
}

pub fn capture() -> Capture {
    Capture {
        authorization: authorization_id("900002"),
        reference: reference(),
        amount: dollars(200_010),
        sku_data: None,
        counter: None,
    }
}

pub fn returning() -> Return {
    Return {
        authorization: authorization_id("900002"),
        capture: capture_id("700002"),
        reference: reference(),
        part: Part::Amount(dollars(100_000)),
        card: None,
        sku_data: None,
        counter: None,
    }
}

pub fn refund() -> Refund {
    Refund {
        account: account(),
        reference: reference(),
        amount: dollars(5_012),
        capture: None,
        card: None,
        sku_data: None,
        counter: None,
    }
}

pub fn deposit() -> Deposit {
    Deposit {
        reference: reference(),
        kind: DepositKind::Deposit,
        amount: dollars(1_000),
        to: DepositTo::Account(account()),
        verification_code: code("1234"),
        in_store: Some(("REQ00000000000000001".to_owned(), counter())),
    }
}

pub fn january() -> AuthorizationFilter {
    let day = |text| Day::parse(text).unwrap();
    AuthorizationFilter::days(day("2026-01-01"), day("2026-01-31"))
}

pub fn captures_of_january() -> CaptureFilter {
    let day = |text| Day::parse(text).unwrap();
    CaptureFilter::days(day("2026-01-01"), day("2026-01-31"))
}

/// The operations that are one request besides that for a token.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Way {
    Authorization,
    Authorizations,
    AuthorizeInStore,
    AuthorizeOnline,
    CalculateInterest,
    Capture,
    Captures,
    Deposit,
    OpenWidget,
    Refund,
    Release,
    Return,
}

impl Way {
    pub const ALL: [Self; 12] = [
        Self::Authorization,
        Self::Authorizations,
        Self::AuthorizeInStore,
        Self::AuthorizeOnline,
        Self::CalculateInterest,
        Self::Capture,
        Self::Captures,
        Self::Deposit,
        Self::OpenWidget,
        Self::Refund,
        Self::Release,
        Self::Return,
    ];

    /// Whether it changes nothing.
    pub fn is_harmless(self) -> bool {
        matches!(
            self,
            Self::Authorization
                | Self::Authorizations
                | Self::CalculateInterest
                | Self::Captures
                | Self::OpenWidget
        )
    }

    /// Whether it is asked with the merchant's token.
    pub fn is_merchants(self) -> bool {
        !matches!(
            self,
            Self::AuthorizeOnline | Self::CalculateInterest | Self::OpenWidget
        )
    }

    /// The fixture of an answer that says that all is well.
    pub fn done_file(self) -> &'static str {
        match self {
            Self::Authorization => "authorization_get_response_opened.json",
            Self::Authorizations => "authorizations_list_page2.json",
            Self::AuthorizeInStore => "authorization_response_auto_capture.json",
            Self::AuthorizeOnline => "authorization_response_preauth.json",
            Self::CalculateInterest => "calculate_interest_response.json",
            Self::Capture => "capture_response.json",
            Self::Captures => "captures_list_flat.json",
            Self::Deposit => "deposit_response_undocumented.json",
            Self::OpenWidget => "widget_init_response.json",
            Self::Refund => "refund_response.json",
            Self::Release => "release_response_partial.json",
            Self::Return => "return_response.json",
        }
    }

    pub fn done(self) -> String {
        match self {
            Self::Authorizations => changed(self.done_file(), &[("page_number", 1.into())]),
            _ => text(self.done_file()),
        }
    }

    pub async fn call(self, client: &Client) -> Outcome<Decision<()>> {
        let done = |_: ()| Decision::Done(());
        let token = customer_token();
        match self {
            Self::Authorization => {
                let id = authorization_id("900002");
                client.authorization(flow(), &id).await.map(drop).map(done)
            }
            Self::Authorizations => client
                .authorizations(flow(), &january())
                .await
                .map(drop)
                .map(done),
            Self::AuthorizeInStore => {
                let outcome = client.authorize_in_store(flow(), &in_store()).await;
                outcome.map(|decision| decision.map(drop))
            }
            Self::AuthorizeOnline => {
                let outcome = client.authorize_online(flow(), &token, &online()).await;
                outcome.map(|decision| decision.map(drop))
            }
            Self::CalculateInterest => {
                let of = account();
                let asked = client.calculate_interest(flow(), &token, &of, dollars(100_000));
                asked.await.map(|decision| decision.map(drop))
            }
            Self::Capture => {
                let outcome = client.capture(flow(), &capture()).await;
                outcome.map(|decision| decision.map(drop))
            }
            Self::Captures => {
                let listed = client.captures(flow(), &captures_of_january()).await;
                listed.map(drop).map(done)
            }
            Self::Deposit => client.deposit(flow(), &deposit()).await,
            Self::OpenWidget => {
                let who = Identification::Account(account());
                let outcome = client.open_widget(flow(), &who).await;
                outcome.map(|decision| decision.map(drop))
            }
            Self::Refund => client.refund(flow(), &refund()).await,
            Self::Release => {
                let outcome = client.release(flow(), &release()).await;
                outcome.map(|decision| decision.map(drop))
            }
            Self::Return => {
                let outcome = client.return_capture(flow(), &returning()).await;
                outcome.map(|decision| decision.map(drop))
            }
        }
    }
}
