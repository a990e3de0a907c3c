//! What goes out, held against the documented requests, and what never does.

use serde_json::Value;
use ventanilla_core::account::Alias;
use ventanilla_core::money::{Currency, Money};
use ventanilla_providers::cvu::{
    CashOut, CashOutOrder, Client, Day, Destination, Filter, LinkExpiry, LinkOrder, Moment, Share,
    StaticAmount,
};
use ventanilla_providers::{Cause, Outcome};

use crate::given::{
    NOW, PASSWORD, USERNAME, Way, account, asked, cash_out_order, client, config, link_order,
    operation, pesos, qr_order, sale_point, static_order, today, transfer_order,
};
use crate::provider::{Provider, Seen};

async fn provider() -> Provider {
    Provider::saying(200, "{}").await
}

/// The one call that was made.
fn only_call(provider: &Provider) -> Seen {
    let mut calls = provider.calls();
    assert_eq!(calls.len(), 1);
    calls.remove(0)
}

fn assert_body(seen: &Seen, file: &str, name: &str) {
    let body: Value = serde_json::from_str(&seen.body).unwrap();
    assert_eq!(Some(body), asked(file, name).body, "{file} {name}");
}

#[tokio::test]
async fn every_operation_goes_to_its_place_with_its_body_and_the_access_token() {
    let provider = provider().await;
    let client = client(&provider.url);
    for (way, calls) in Way::ALL.into_iter().zip(1..) {
        let _ = way.call(&client).await;
        assert_eq!(provider.count(), calls, "{way:?}");
        let seen = provider.calls().pop().unwrap();
        let documented = operation(way.file());
        let path = documented
            .path
            .replace("v2/payment/cashout/{id}", "v2/payment/cashout/700001")
            .replace("v2/payment/cashin/{id}", "v2/payment/cashin/800001")
            .replace("{period}", "2026-11");
        assert_eq!(
            seen.line,
            format!("{} /{path}", documented.method),
            "{way:?}"
        );
        assert_eq!(seen.token.as_deref(), Some("TOKEN-1"), "{way:?}");
        assert!(
            seen.head.contains("accept: application/json\r\n"),
            "{}",
            seen.head
        );
        match &documented.requests[0].body {
            Some(_) => {
                assert_body(&seen, way.file(), &documented.requests[0].name);
                assert!(
                    seen.head.contains("content-type: application/json\r\n"),
                    "{}",
                    seen.head
                );
            }
            None => {
                assert_eq!(seen.body, "", "{way:?}");
                assert!(!seen.head.contains("content-"), "{way:?}: {}", seen.head);
            }
        }
    }
}

#[tokio::test]
async fn the_token_is_asked_for_with_name_and_password_and_nothing_else_is() {
    let provider = provider().await;
    let _ = client(&provider.url).balance().await;
    let seen = provider.first_token_request();
    assert_eq!(seen.token, None);
    assert_body(&seen, "auth_token", "ok");
    let call = only_call(&provider);
    assert!(!call.head.contains(USERNAME) && !call.head.contains(PASSWORD));
}

#[tokio::test]
async fn both_kinds_of_static_code_are_asked_for_by_a_body_in_a_get() {
    for (amount, name) in [
        (StaticAmount::Closed, "closed"),
        (StaticAmount::Open, "open"),
    ] {
        let provider = provider().await;
        let _ = client(&provider.url).static_qr(&sale_point(), amount).await;
        let seen = only_call(&provider);
        assert!(seen.line.starts_with("GET "), "{}", seen.line);
        assert_body(&seen, Way::StaticQr.file(), name);
    }
}

#[tokio::test]
async fn a_static_code_can_be_asked_for_by_query() {
    let provider = provider().await;
    let mut config = config(&provider.url);
    config.static_qr_by_query = true;
    let client = Client::new(config).unwrap();
    let _ = client.static_qr(&sale_point(), StaticAmount::Open).await;
    let seen = only_call(&provider);
    assert_eq!(seen.body, "");
    let documented = asked(Way::StaticQr.file(), "open-as-query").query.unwrap();
    for (name, value) in documented.as_object().unwrap() {
        assert_eq!(seen.parameter(name), value.as_str(), "{name}");
    }
}

#[tokio::test]
async fn transactions_are_asked_for_by_query() {
    let provider = provider().await;
    let filter = Filter {
        operation: Some("QR".to_owned()),
        ..today()
    };
    let _ = client(&provider.url).transactions(&filter).await;
    let seen = only_call(&provider);
    let documented = asked(Way::Transactions.file(), "paged").query.unwrap();
    let documented = documented.as_object().unwrap();
    for (name, value) in documented {
        assert_eq!(seen.parameter(name), value.as_str(), "{name}");
    }
    assert_eq!(seen.query.split('&').count(), documented.len());
}

#[tokio::test]
async fn links_go_out_as_documented_for_many_payments_and_with_a_distribution() {
    let shares = [
        ("0009002305555555555550", 50_025),
        ("0009099303141592653586", 100_025),
    ];
    let share = |(cvu, minor)| Share {
        account: account(cvu),
        amount: pesos(minor),
    };
    for (name, order) in [
        ("single-use", link_order()),
        (
            "multiple-use",
            LinkOrder {
                multiple_use: true,
                ..link_order()
            },
        ),
        (
            "with-distribution",
            LinkOrder {
                distribution: shares.map(share).into(),
                ..link_order()
            },
        ),
    ] {
        let provider = provider().await;
        let _ = client(&provider.url).link(&order).await;
        assert_body(&only_call(&provider), Way::Link.file(), name);
    }
}

#[tokio::test]
async fn amounts_go_out_with_both_decimal_places_as_a_number_or_as_text() {
    for (minor, number) in [
        (150_050, "1500.50"),
        (1, "0.01"),
        (100_000_000, "1000000.00"),
        (9_999_999_999_999, "99999999999.99"),
    ] {
        for as_text in [false, true] {
            let provider = provider().await;
            let mut config = config(&provider.url);
            config.amounts_as_text = as_text;
            let client = Client::new(config).unwrap();
            let amount = pesos(minor);
            let _ = client
                .qr(&ventanilla_providers::cvu::QrOrder {
                    amount,
                    ..qr_order()
                })
                .await;
            let out = client
                .prepare_cashout(&CashOutOrder {
                    amount,
                    ..cash_out_order()
                })
                .unwrap();
            let quote = if as_text { "\"" } else { "" };
            let written = format!(r#""amount":{quote}{number}{quote},"#);
            assert!(only_call(&provider).body.contains(&written), "{written}");
            assert!(
                str::from_utf8(out.body()).unwrap().contains(&written),
                "{written}"
            );
        }
    }
}

/// Nothing was sent, because of this field.
fn assert_held_back<T: std::fmt::Debug>(outcome: &Outcome<T>, field: &str) {
    assert!(
        matches!(outcome, Outcome::NotSent(Cause::Request(found)) if *found == field),
        "{field}: {outcome:?}"
    );
}

#[tokio::test]
async fn what_the_provider_would_misread_is_never_sent() {
    let provider = provider().await;
    let client = client(&provider.url);
    let nothing = pesos(0);
    let dollars = Money::from_minor(100, Currency::USD).unwrap();

    for amount in [nothing, dollars] {
        let mut order = qr_order();
        order.amount = amount;
        assert_held_back(&client.qr(&order).await, "amount");
        let mut order = link_order();
        order.amount = amount;
        assert_held_back(&client.link(&order).await, "amount");
        let mut order = transfer_order();
        order.amount = amount;
        assert_held_back(&client.transfer_link(&order).await, "amount");
        let mut order = static_order();
        order.amount = amount;
        assert_held_back(&client.static_order(&order).await, "amount");
    }
    for text in [String::new(), "a\nb".to_owned(), "ñ".repeat(256)] {
        let mut order = qr_order();
        order.description = text.clone();
        assert_held_back(&client.qr(&order).await, "description");
        let mut order = qr_order();
        order.concept = text.clone();
        assert_held_back(&client.qr(&order).await, "concept");
        assert_held_back(&client.create_sale_point(&text).await, "name");
        let filter = Filter {
            operation: Some(text),
            ..today()
        };
        assert_held_back(&client.transactions(&filter).await, "operation");
    }
    let from = Day::parse("2026-11-21").unwrap();
    assert_held_back(
        &client.transactions(&Filter { from, ..today() }).await,
        "date_from",
    );
    assert!(provider.calls().is_empty());
    assert_eq!(
        provider.token_requests(),
        0,
        "not even a token is asked for"
    );
}

#[tokio::test]
async fn a_distribution_that_does_not_fit_is_never_sent() {
    let provider = provider().await;
    let client = client(&provider.url);
    let (one, other) = ("0009002305555555555550", "0009099303141592653586");
    for shares in [
        // The fixture `invalid-distribution-sum`.
        vec![(one, 100_000), (other, 100_000)],
        vec![(one, 150_051)],
        vec![(one, 100), (one, 100)],
        vec![(one, 0)],
    ] {
        let shares = shares.into_iter().map(|(cvu, minor)| Share {
            account: account(cvu),
            amount: pesos(minor),
        });
        let order = LinkOrder {
            distribution: shares.collect(),
            ..link_order()
        };
        assert_held_back(&client.link(&order).await, "distribution");
    }
    assert!(provider.calls().is_empty());
}

#[tokio::test]
async fn a_link_that_is_dead_under_some_reading_is_never_sent() {
    let provider = provider().await;
    let client = client(&provider.url);
    // The fixture `invalid-past-expiration`, now, and an hour that has begun.
    for (secs, exact) in [
        (1_577_880_060, false),
        (NOW, true),
        (NOW - 60, false),
        (NOW, false),
    ] {
        let expiry = LinkExpiry::not_before(Moment::from_unix_secs(secs), exact);
        let order = LinkOrder {
            expiry,
            ..link_order()
        };
        assert_held_back(&client.link(&order).await, "expiration_date");
    }
    assert!(provider.calls().is_empty());
    let expiry = client.link_expiry(Moment::from_unix_secs(NOW + 1));
    assert_eq!(expiry.text(), "2026-11-20 16:11:00");
    let _ = client
        .link(&LinkOrder {
            expiry,
            ..link_order()
        })
        .await;
    assert!(
        only_call(&provider)
            .body
            .contains(r#""expiration_date":"2026-11-20 16:11:00""#)
    );
}

#[tokio::test]
async fn a_provider_that_reads_minutes_gets_them() {
    let provider = provider().await;
    let mut config = config(&provider.url);
    config.exact_minutes = true;
    let client = Client::new(config).unwrap();
    let expiry = client.link_expiry(Moment::from_unix_secs(NOW + 15 * 60 + 7));
    let _ = client
        .link(&LinkOrder {
            expiry,
            ..link_order()
        })
        .await;
    assert!(
        only_call(&provider)
            .body
            .contains(r#""expiration_date":"2026-11-20 15:15:07""#)
    );
}

#[test]
fn a_transfer_out_is_written_as_documented() {
    let body = |order: &CashOutOrder| -> Value {
        serde_json::from_slice(CashOut::prepare(order, false).unwrap().body()).unwrap()
    };
    let file = Way::CashOut.file();
    assert_eq!(Some(body(&cash_out_order())), asked(file, "by-cvu").body);
    let alias = Destination::Alias(Alias::parse("prueba.demo.uno").unwrap());
    let by_alias = CashOutOrder {
        to: alias,
        ..cash_out_order()
    };
    assert_eq!(Some(body(&by_alias)), asked(file, "by-alias").body);
}
