//! Where a call that moves money comes by while it is sent, and what has left by then.
//!
//! A process has one hook, so these tests have a binary of their own; each test has a thread of its own,
//! and so has what is remembered.
#![cfg(debug_assertions)]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::cell::{Cell, RefCell};
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener};
use std::sync::{Arc, Once};
use std::time::Duration;

use tokio::task::{JoinHandle, spawn_blocking};
use ventanilla_core::money::{Currency, Money};
use ventanilla_core::seal::ProviderKey;
use ventanilla_providers::flexiti;
use ventanilla_providers::flux;
use ventanilla_providers::greenpay::{
    CardToken, Client, Config, Expected, Order, OrderSession, PaidTransaction, PayPath,
};
use ventanilla_providers::{Cause, Outcome, ReadRetry, Timeouts, failpoint};

const REFERENCE: &str = "mfrggzdfmztwq2lkonuxg53fme";

const SENDING: [&str; 4] = [
    "send.first_byte",
    "send.full_request",
    "answer.first_byte",
    "answer.parse",
];

thread_local! {
    static HITS: RefCell<Vec<&'static str>> = const { RefCell::new(Vec::new()) };
    static PANIC_AT: Cell<Option<&'static str>> = const { Cell::new(None) };
}

fn remember_hits() {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        failpoint::install(|point| {
            HITS.with_borrow_mut(|hits| hits.push(point));
            assert_ne!(PANIC_AT.get(), Some(point), "as the test wants it");
        });
    });
}

/// One connection, answered with `answer` as soon as a whole request is there; every byte that came in.
fn server(answer: &'static str) -> (String, JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let task = spawn_blocking(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut bytes = Vec::new();
        let mut buffer = [0; 4096];
        loop {
            let read = stream.read(&mut buffer).unwrap_or(0);
            bytes.extend_from_slice(&buffer[..read]);
            let text = String::from_utf8_lossy(&bytes);
            let whole = text
                .split_once("\r\n\r\n")
                .is_some_and(|(head, body)| body.len() == length(head));
            if whole {
                // The client may be gone, as the test wants it.
                let _ = stream.write_all(answer.as_bytes());
                let _ = stream.shutdown(Shutdown::Write);
            }
            if read == 0 {
                return text.into_owned();
            }
        }
    });
    (url, task)
}

fn length(head: &str) -> usize {
    let head = head.to_lowercase();
    let field = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "));
    field.unwrap().parse().unwrap()
}

/// The provider answers, in a way that proves nothing.
const ANSWER: &str =
    "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}";

fn client(url: &str) -> Client {
    let vectors = include_str!("../../../../tests/vectors/greenpay_ld_lk.json");
    let vectors: serde_json::Value = serde_json::from_str(vectors).unwrap();
    let pem = &vectors["rsa_keys"]["rsa1024"]["public_spki_pem"];
    Client::new(Config {
        merchant_url: url.to_owned(),
        checkout_url: url.to_owned(),
        merchant_id: "11111111-1111-4111-8111-111111111111".to_owned(),
        secret: "sandbox-secret".into(),
        terminal: "sandbox-terminal".to_owned(),
        public_key: ProviderKey::parse(pem.as_str().unwrap()).unwrap(),
        pay_path: PayPath::Plain,
        timeouts: Timeouts {
            money: Duration::from_secs(10),
            ..Timeouts::default()
        },
        read_retry: ReadRetry {
            tries: 1,
            ..ReadRetry::default()
        },
    })
    .unwrap()
}

#[derive(Clone, Copy, Debug)]
enum Call {
    Pay,
    PayWithToken,
    Void,
    Refund,
    Capture,
    FluxPay,
    FluxRefund,
    AuthorizeOnline,
}

const CALLS: [Call; 8] = [
    Call::Pay,
    Call::PayWithToken,
    Call::Void,
    Call::Refund,
    Call::Capture,
    Call::FluxPay,
    Call::FluxRefund,
    Call::AuthorizeOnline,
];

/// A client of Flux that has its access token already.
async fn flux_client(url: &str) -> flux::Client {
    let (auth, token) = server(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 49\r\n\r\n\
         {\"data\":{\"accessToken\":\"TOKEN\",\"expiresIn\":3600}}",
    );
    let mut config = flux::Config::new(url, "refresh".into(), Arc::new(|| 0));
    config.token_url = Some(auth);
    let client = flux::Client::new(config).unwrap();
    let ready = client.ready().await;
    assert!(matches!(ready, Outcome::Definite(())), "{ready:?}");
    token.await.unwrap();
    client
}

/// Flexiti's authorization, which needs no access token to be asked for first.
async fn authorize(url: &str) -> Outcome<()> {
    let clock = std::sync::Arc::new(|| flexiti::Moment::from_unix_secs(0));
    let config = flexiti::Config::new(url, "demo-merchant", "sandbox-secret".into(), clock);
    let flow = flexiti::Flow {
        id: flexiti::FlowId::from_random([7; 16]),
        lang: flexiti::Lang::En,
    };
    let token = flexiti::CustomerToken::from_parts("token", flexiti::Moment::from_unix_secs(1));
    let address = flexiti::Address {
        first_name: "Test".to_owned(),
        last_name: "Shopper".to_owned(),
        address_1: "100 Example Street".to_owned(),
        address_2: String::new(),
        city: "Sampleville".to_owned(),
        province: "ON".to_owned(),
        postal_code: "A1A1A1".to_owned(),
    };
    let order = flexiti::OnlineAuthorization {
        reference: flexiti::Reference::parse(REFERENCE).unwrap(),
        account: flexiti::AccountNumber::parse("10000001").unwrap(),
        card: None,
        amount: Money::from_minor(125_050, Currency::CAD).unwrap(),
        financing: flexiti::Financing::Regular,
        auto_capture: false,
        sku_data: None,
        billing: address.clone(),
        shipping: address,
        widget_session: flexiti::WidgetSessionId::parse("session").unwrap(),
    };
    let client = flexiti::Client::new(config).unwrap();
    client
        .authorize_online(flow, &token.unwrap(), &order)
        .await
        .map(drop)
}

/// The cause of an outcome that proves nothing.
async fn cause(call: Call, url: &str) -> Cause {
    let client = client(url);
    let total = Money::from_minor(125_050, Currency::CRC).unwrap();
    let paid = PaidTransaction {
        reference: REFERENCE.to_owned(),
        authorization: "083215".to_owned(),
        bin: "411111".to_owned(),
        last4: "1111".to_owned(),
    };
    let outcome = match call {
        Call::Pay => {
            let session = OrderSession::from_parts("session", "token").unwrap();
            let card = serde_json::json!({ "ld": "ab".repeat(200), "lk": "A".repeat(172) });
            let card = serde_json::from_value(card).unwrap();
            let reference = REFERENCE.to_owned();
            let expected = Expected { reference, total };
            client.pay(&session, &card, &expected).await.map(drop)
        }
        Call::PayWithToken => {
            let order = Order {
                reference: REFERENCE.to_owned(),
                total,
                description: "Café Tarrazú".to_owned(),
                installments: Vec::new(),
                buyer: None,
                items: Vec::new(),
            };
            let card = CardToken::parse("c0ffee00-1234-4abc-8def-0123456789ab").unwrap();
            client.pay_with_token(&order, &card).await.map(drop)
        }
        Call::Void => client.void(&paid).await.map(drop),
        Call::Refund => client.refund(&paid).await.map(drop),
        Call::Capture => client.capture(&paid, Some(total)).await.map(drop),
        Call::FluxPay => {
            let pesos = |minor| Money::from_minor(minor, Currency::MXN).unwrap();
            let charge = flux::Charge {
                reference: REFERENCE.to_owned(),
                amount: pesos(25_000),
                tip: pesos(0),
                place: flux_place(),
            };
            let client = flux_client(url).await;
            client.pay(&charge, &"QUJD".into()).await.map(drop)
        }
        Call::FluxRefund => {
            let order = flux::RefundOrder {
                reference: REFERENCE.to_owned(),
                amount: Money::from_minor(25_000, Currency::MXN).unwrap(),
                message: "Devolucion".to_owned(),
                place: flux_place(),
            };
            flux_client(url).await.refund(&order).await.map(drop)
        }
        Call::AuthorizeOnline => authorize(url).await,
    };
    match outcome {
        Outcome::Unknown(cause) | Outcome::NotSent(cause) => cause,
        _ => panic!("{outcome:?}"),
    }
}

fn flux_place() -> flux::Place {
    flux::Place {
        store: "sucursal-centro".to_owned(),
        ..flux::Place::default()
    }
}

/// What the server got and where the call came by, when it panics at `point`.
async fn sent_until(call: Call, point: &'static str) -> (String, Vec<&'static str>) {
    remember_hits();
    PANIC_AT.set(Some(point));
    let (url, server) = server(ANSWER);
    let task = tokio::spawn(async move { cause(call, &url).await });
    assert!(task.await.unwrap_err().is_panic(), "{call:?} at {point}");
    PANIC_AT.set(None);
    (server.await.unwrap(), HITS.take())
}

#[tokio::test]
async fn every_call_that_moves_money_comes_by_four_points_in_order() {
    remember_hits();
    for call in CALLS {
        let (url, server) = server(ANSWER);
        cause(call, &url).await;
        assert_eq!(HITS.take(), SENDING, "{call:?}");
        let request = server.await.unwrap();
        let (head, body) = request.split_once("\r\n\r\n").unwrap();
        assert_eq!(body.len(), length(head), "{call:?}");
        serde_json::from_str::<serde_json::Value>(body).unwrap();
        assert!(
            !head.to_lowercase().contains("transfer-encoding"),
            "{call:?}: {head}"
        );
    }
}

#[tokio::test]
async fn at_the_first_byte_nothing_but_it_has_left_and_nothing_more_ever_does() {
    for call in CALLS {
        let (request, hits) = sent_until(call, "send.first_byte").await;
        let (_, body) = request.split_once("\r\n\r\n").unwrap();
        assert_eq!(body, "{", "{call:?}");
        assert_eq!(hits, SENDING[..1]);
    }
}

#[tokio::test]
async fn at_the_full_request_and_later_all_of_it_has_left() {
    for (hit, point) in SENDING.into_iter().enumerate().skip(1) {
        let (request, hits) = sent_until(Call::Void, point).await;
        let (head, body) = request.split_once("\r\n\r\n").unwrap();
        assert_eq!(body.len(), length(head), "{point}");
        assert_eq!(hits, SENDING[..=hit]);
    }
}

#[tokio::test]
async fn a_call_comes_by_only_as_far_as_it_gets() {
    remember_hits();
    for (answer, cause_of_it, points) in [
        ("", Cause::ConnectionLost, 2),
        (
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\r\n{}",
            Cause::ConnectionLost,
            3,
        ),
        (
            "HTTP/1.1 504 X\r\ncontent-length: 0\r\n\r\n",
            Cause::HttpStatus(504),
            4,
        ),
    ] {
        let (url, server) = server(answer);
        assert_eq!(cause(Call::Refund, &url).await, cause_of_it);
        assert_eq!(HITS.take(), SENDING[..points], "{answer}");
        server.await.unwrap();
    }
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", nobody.local_addr().unwrap());
    drop(nobody);
    assert_eq!(cause(Call::Refund, &url).await, Cause::Connect);
    assert!(HITS.take().is_empty());
}

#[tokio::test]
async fn a_read_comes_by_no_point() {
    remember_hits();
    let (url, server) = server(ANSWER);
    let read = client(&url).transaction(REFERENCE).await;
    assert!(matches!(read, Outcome::Unknown(_)), "{read:?}");
    server.await.unwrap();
    assert!(HITS.take().is_empty());
}
