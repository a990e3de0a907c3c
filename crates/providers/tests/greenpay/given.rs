//! What the tests start from: the order, the keys and the answers of the fixtures.

use std::sync::LazyLock;
use std::time::Duration;

use rsa::pkcs1v15::SigningKey;
use rsa::pkcs8::DecodePrivateKey;
use rsa::sha2::Sha256;
use rsa::signature::{SignatureEncoding, Signer};
use serde_json::Value;
use ventanilla_core::money::{Currency, Money};
use ventanilla_core::rails::card::SealedCardMessage;
use ventanilla_core::seal::ProviderKey;
use ventanilla_providers::greenpay::{
    Address, BulkPayment, Buyer, CardToken, Client, Config, Expected, Moment, NewSubscription,
    Order, OrderItem, OrderSession, Page, PaidTransaction, PayPath, SubscriptionId,
    SubscriptionPayer,
};
use ventanilla_providers::{ReadRetry, Timeouts};

pub const REFERENCE: &str = "mfrggzdfmztwq2lkonuxg53fme";
pub const SECRET: &str = "sandbox-secret";
pub const MERCHANT_ID: &str = "11111111-1111-4111-8111-111111111111";
pub const SESSION: &str = "5f0c2d9e-3b1a-4c7d-9e21-6a8b4f3c2d10";
pub const SESSION_TOKEN: &str = "8d7e6c5b-4a39-4281-b7c6-d5e4f3a2b1c0";
pub const CARD_TOKEN: &str = "c0ffee00-1234-4abc-8def-0123456789ab";
pub const SUBSCRIPTION: &str = "9f2c4e6a8b0d1f3a5c7e9b1d3f5a7c9e";

static VECTORS: LazyLock<Value> = LazyLock::new(|| {
    let text = include_str!("../../../../tests/vectors/greenpay_ld_lk.json");
    serde_json::from_str(text).unwrap()
});

static SIGNING_KEY: LazyLock<SigningKey<Sha256>> = LazyLock::new(|| {
    let pem = VECTORS["rsa_keys"]["rsa1024"]["test_only_private_pkcs8_pem"]
        .as_str()
        .unwrap();
    SigningKey::new(rsa::RsaPrivateKey::from_pkcs8_pem(pem).unwrap())
});

/// The public half of the rsa1024 test key.
pub static KEY: LazyLock<ProviderKey> = LazyLock::new(|| {
    let pem = VECTORS["rsa_keys"]["rsa1024"]["public_spki_pem"]
        .as_str()
        .unwrap();
    ProviderKey::parse(pem).unwrap()
});

/// Signs as the provider does, with the rsa1024 test key.
pub fn sign(text: &str) -> String {
    hex::encode(SIGNING_KEY.sign(text.as_bytes()).to_bytes())
}

pub fn crc(minor: u64) -> Money {
    Money::from_minor(minor, Currency::CRC).unwrap()
}

pub fn expected() -> Expected {
    Expected {
        reference: REFERENCE.to_owned(),
        total: crc(125_050),
    }
}

/// A fixture: HTTP status and body text.
pub fn fixture(name: &str) -> (u16, String) {
    let fixture = fixture_json(name);
    let status = fixture["http_status"].as_u64().unwrap();
    let body = match &fixture["body"] {
        Value::String(text) => text.clone(),
        body => body.to_string(),
    };
    (u16::try_from(status).unwrap(), body)
}

pub fn fixture_json(name: &str) -> Value {
    let path = format!("{}/{name}.json", fixtures_dir());
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    serde_json::from_str(&text).unwrap()
}

pub fn fixtures_dir() -> String {
    concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/fixtures/greenpay").to_owned()
}

pub fn session() -> OrderSession {
    OrderSession::from_parts(SESSION, SESSION_TOKEN).unwrap()
}

pub fn card_token() -> CardToken {
    CardToken::parse(CARD_TOKEN).unwrap()
}

/// The sealed card of the fixture `pay_request`.
pub fn sealed() -> SealedCardMessage {
    serde_json::from_value(serde_json::json!({
        "ld": fixture_json("pay_request")["body"]["ld"],
        "lk": fixture_json("pay_request")["body"]["lk"],
    }))
    .unwrap()
}

/// The order of the fixture `create_order_request`, as far as a shop tells it.
pub fn order() -> Order {
    let address = Address {
        country: "CR".to_owned(),
        street1: "Calle 5".to_owned(),
        street2: Some("Casa 12".to_owned()),
        city: Some("Escazú".to_owned()),
        province: Some("San José".to_owned()),
        postal_code: Some("10201".to_owned()),
    };
    Order {
        reference: REFERENCE.to_owned(),
        total: crc(125_050),
        description: "Café Tarrazú".to_owned(),
        installments: vec![3, 6, 12],
        buyer: Some(Buyer {
            name: Some("Marta Solano Mora".to_owned()),
            email: Some("marta.solano@example.com".to_owned()),
            billing_address: Some(address.clone()),
            shipping_address: Some(address),
        }),
        items: vec![OrderItem {
            sku: Some("CAFE-500".to_owned()),
            description: "Café Tarrazú 500 g".to_owned(),
            quantity: 2,
            unit_price: Some(crc(62_525)),
        }],
    }
}

/// The same order from a shop that tells nothing but what it must.
pub fn minimal_order() -> Order {
    Order {
        installments: Vec::new(),
        buyer: None,
        items: Vec::new(),
        ..order()
    }
}

pub fn config(url: &str) -> Config {
    Config {
        merchant_url: url.to_owned(),
        checkout_url: url.to_owned(),
        merchant_id: MERCHANT_ID.to_owned(),
        secret: SECRET.into(),
        terminal: "sandbox-terminal".to_owned(),
        public_key: KEY.clone(),
        pay_path: PayPath::Plain,
        timeouts: Timeouts {
            connect: Duration::from_secs(5),
            money: Duration::from_secs(10),
            read: Duration::from_secs(10),
        },
        read_retry: ReadRetry {
            tries: 3,
            pause: Duration::from_nanos(1),
        },
    }
}

pub fn client(url: &str) -> Client {
    Client::new(config(url)).unwrap()
}

/// The payment of the fixture `transaction_approved`.
pub fn paid() -> PaidTransaction {
    PaidTransaction {
        reference: REFERENCE.to_owned(),
        authorization: "083215".to_owned(),
        bin: "411111".to_owned(),
        last4: "1111".to_owned(),
    }
}

pub fn subscription() -> SubscriptionId {
    SubscriptionId::parse(SUBSCRIPTION).unwrap()
}

/// The subscription of the fixture `create_subscription_request`.
pub fn new_subscription() -> NewSubscription {
    NewSubscription {
        user_id: "buyer-7".to_owned(),
        description: "Café del mes sub-2f9k".to_owned(),
        card: card_token(),
        amount: crc(125_050),
        every_months: 1,
        starts_at: Some(Moment::from_unix_secs(1_796_083_200)),
        ends_at: Some(Moment::from_unix_secs(1_827_619_200)),
        payer: Some(SubscriptionPayer {
            name: Some("Marta Solano Mora".to_owned()),
            email: Some("marta.solano@example.com".to_owned()),
            identification: Some("1-0456-0789".to_owned()),
            country: Some("CR".to_owned()),
            postal_code: Some("10201".to_owned()),
        }),
    }
}

/// The payments of the fixture `bulk_request`.
pub fn bulk() -> Vec<BulkPayment> {
    vec![
        BulkPayment {
            reference: REFERENCE.to_owned(),
            total: crc(125_050),
            card: card_token(),
            name: Some("Marta Solano Mora".to_owned()),
            email: Some("marta.solano@example.com".to_owned()),
        },
        BulkPayment {
            reference: "nfrggzdfmztwq2lkonuxg53fme".to_owned(),
            total: crc(90_000),
            card: CardToken::parse("c0ffee00-1234-4abc-8def-0123456789ac").unwrap(),
            name: None,
            email: None,
        },
    ]
}

/// The first page, of a hundred entries.
pub const FIRST_PAGE: Page = Page {
    number: 1,
    size: 100,
};

/// A client that gives up on what moves money after 150 ms, and on nothing else.
pub fn impatient_payer(url: &str) -> Client {
    let mut config = config(url);
    config.timeouts.money = Duration::from_millis(150);
    config.timeouts.read = Duration::from_secs(3600);
    Client::new(config).unwrap()
}

/// A client that gives up on a read after 150 ms, and on nothing else.
pub fn impatient_reader(url: &str) -> Client {
    let mut config = config(url);
    config.timeouts.money = Duration::from_secs(3600);
    config.timeouts.read = Duration::from_millis(150);
    Client::new(config).unwrap()
}
