//! What goes out, held against the documented requests, and what never does.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use ventanilla_core::money::{Currency, Money};
use ventanilla_providers::flexiti::{
    Address, AuthorizationFilter, CaptureFilter, Client, ConfigError, CustomerId, DepositTo,
    Financing, Flow, Identification, InStoreAuthorization, Lang, OnlineAuthorization, Part, Person,
    PurchaseKind, Refund, Release, Return, SkuData, Version,
};
use ventanilla_providers::{Cause, Outcome};

use crate::given::{
    CUSTOMER_TOKEN, FLOW_ID, SECRET, Way, account, address, authorization_id, capture, capture_id,
    captures_of_january, card, client, code, config, counter, customer_token, deposit, dollars,
    fixture, fixtures, flow, goods, goods_back, in_store, january, online, person, refund, release,
    returning, value,
};
use crate::provider::{Provider, Seen};

async fn provider() -> Provider {
    Provider::saying(200, "{}").await
}

/// The fields of a query or of a form.
fn fields(text: &str) -> BTreeMap<String, String> {
    let url = reqwest::Url::parse(&format!("https://x.example/?{text}")).unwrap();
    url.query_pairs()
        .map(|(name, value)| (name.into_owned(), value.into_owned()))
        .collect()
}

async fn identify(client: &Client, who: &Identification, lang: Lang) {
    let _ = client.open_widget(Flow { lang, ..flow() }, who).await;
}

async fn authorize(client: &Client, order: OnlineAuthorization) {
    let _ = client
        .authorize_online(flow(), &customer_token(), &order)
        .await;
}

/// Makes the call that a request's fixture is of.
async fn ask(client: &Client, file: &str) {
    let at_the_counter = Some(counter());
    match file {
        "widget_init_request_account.json" => {
            identify(client, &Identification::Account(account()), Lang::En).await;
        }
        "widget_init_request_vcc.json" => {
            identify(client, &Identification::Card(card()), Lang::En).await;
        }
        "widget_init_request_personal.json" => identify(client, &person(), Lang::Fr).await,
        "calculate_interest_request.json" => drop(Way::CalculateInterest.call(client).await),
        "deposit_request_account.json" => drop(client.deposit(flow(), &deposit()).await),
        "deposit_request_vcc.json" => {
            let mut order = deposit();
            order.to = DepositTo::Card(card());
            let _ = client.deposit(flow(), &order).await;
        }
        "deposit_request_customer.json" => {
            let mut order = deposit();
            order.to = DepositTo::Customer(CustomerId::parse("1000001-10001").unwrap());
            let _ = client.deposit(flow(), &order).await;
        }
        "authorization_request_online.json" => {
            let (amount, sku_data) = (dollars(100_000), Some(goods()));
            authorize(
                client,
                OnlineAuthorization {
                    amount,
                    sku_data,
                    auto_capture: true,
                    ..online()
                },
            )
            .await;
        }
        "authorization_request_online_preauth.json" => authorize(client, online()).await,
        "authorization_request_online_regular.json" => {
            let (amount, financing) = (dollars(15_000), Financing::Regular);
            authorize(
                client,
                OnlineAuthorization {
                    amount,
                    financing,
                    auto_capture: true,
                    ..online()
                },
            )
            .await;
        }
        "authorization_request_instore.json" => drop(Way::AuthorizeInStore.call(client).await),
        "release_request_partial.json" => drop(client.release(flow(), &release()).await),
        "release_request_full.json" => {
            let order = Release {
                part: Part::All,
                ..release()
            };
            let _ = client.release(flow(), &order).await;
        }
        "release_request_instore.json" => {
            let order = Release {
                counter: at_the_counter,
                ..release()
            };
            let _ = client.release(flow(), &order).await;
        }
        "capture_request.json" => drop(client.capture(flow(), &capture()).await),
        "capture_request_sku.json" => {
            let mut order = capture();
            (order.amount, order.sku_data) = (dollars(149_985), Some(goods()));
            let _ = client.capture(flow(), &order).await;
        }
        "capture_request_instore.json" => {
            let mut order = capture();
            order.counter = at_the_counter;
            let _ = client.capture(flow(), &order).await;
        }
        "return_request_partial.json" => {
            let order = Return {
                card: Some(card()),
                ..returning()
            };
            let _ = client.return_capture(flow(), &order).await;
        }
        "return_request_partial_sku.json" => {
            let order = Return {
                sku_data: Some(goods_back()),
                ..returning()
            };
            let _ = client.return_capture(flow(), &order).await;
        }
        "return_request_full.json" => {
            let order = Return {
                part: Part::All,
                ..returning()
            };
            let _ = client.return_capture(flow(), &order).await;
        }
        "return_request_instore.json" => {
            let order = Return {
                counter: at_the_counter,
                ..returning()
            };
            let _ = client.return_capture(flow(), &order).await;
        }
        "refund_request.json" => drop(client.refund(flow(), &refund()).await),
        "refund_request_full.json" => {
            let order = Refund {
                capture: Some(capture_id("700009")),
                card: Some(card()),
                sku_data: Some(goods_back()),
                ..refund()
            };
            let _ = client.refund(flow(), &order).await;
        }
        "refund_request_instore.json" => {
            let order = Refund {
                counter: at_the_counter,
                ..refund()
            };
            let _ = client.refund(flow(), &order).await;
        }
        "authorizations_list_request.json" => drop(client.authorizations(flow(), &narrow()).await),
        "authorization_get_request.json" => drop(Way::Authorization.call(client).await),
        "captures_list_request.json" => drop(client.captures(flow(), &narrow_captures()).await),
        other => panic!("nothing asks as {other} does"),
    }
}

fn narrow() -> AuthorizationFilter {
    let mut filter = january();
    filter.common.account = Some(account());
    filter.common.kind = Some(PurchaseKind::Promotional);
    filter.common.page_size = Some(2);
    filter.status = Some("opened".to_owned());
    filter
}

fn narrow_captures() -> CaptureFilter {
    let mut filter = captures_of_january();
    filter.common = narrow().common;
    filter.common.page_size = Some(10);
    CaptureFilter {
        status: Some("active".to_owned()),
        capture: Some(capture_id("700002")),
        corporation_id: Some(1),
        merchant_id: Some(2),
        location_id: Some(3),
        authorization_employee: Some("demo-user".into()),
        capture_employee: Some("demo-user".into()),
        ..filter
    }
}

/// The same value with every number in one form: 1000 and 1000.0 are one number to a reader of JSON.
fn plain(value: Value) -> Value {
    match value {
        Value::Number(number) => number.as_f64().into(),
        Value::Array(values) => values.into_iter().map(plain).collect(),
        Value::Object(fields) => fields
            .into_iter()
            .map(|(name, value)| (name, plain(value)))
            .collect(),
        other => other,
    }
}

/// Line and query, as the provider would see them.
fn assert_place(seen: &Seen, method: &str, path: &str, file: &str) {
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    assert_eq!(seen.line, format!("{method} {path}"), "{file}");
    if method == "POST" {
        assert_eq!(seen.query, query, "{file}");
    }
}

#[tokio::test]
async fn every_documented_request_goes_to_its_place_as_it_is_drawn() {
    let provider = provider().await;
    let mut config = config(&provider.url);
    config.deposit_as_text = true;
    let client = Client::new(config).unwrap();
    let mut asked = 0;
    for fixture in fixtures("request") {
        let file = fixture.file.as_str();
        if fixture.operation == "oauth_token" {
            continue;
        }
        ask(&client, file).await;
        asked += 1;
        assert_eq!(provider.count(), asked, "{file}");
        let seen = provider.calls().pop().unwrap();
        let documented = value(file);
        assert!(
            seen.head
                .contains(&format!("x-reference-id: {FLOW_ID}\r\n")),
            "{file}"
        );
        assert!(seen.head.contains("accept: application/json\r\n"), "{file}");
        assert!(!seen.head.contains("x-idempotency-key"), "{file}");
        if let Some(path) = &fixture.path {
            assert_place(&seen, fixture.method.as_deref().unwrap(), path, file);
            let body: Value = serde_json::from_str(&seen.body).unwrap();
            assert_eq!(plain(body), plain(documented), "{file}");
            assert!(
                seen.head.contains("content-type: application/json\r\n"),
                "{file}"
            );
        } else {
            assert_place(&seen, "GET", documented["path"].as_str().unwrap(), file);
            let query: BTreeMap<String, String> =
                serde_json::from_value(documented["query"].clone()).unwrap();
            assert_eq!(fields(&seen.query), query, "{file}");
            assert_eq!(seen.body, "", "{file}");
            assert!(!seen.head.contains("content-"), "{file}: {}", seen.head);
        }
    }
    assert_eq!(asked, 27);
}

#[tokio::test]
async fn a_token_is_asked_for_by_a_form_and_nothing_else_knows_the_secret() {
    let provider = provider().await;
    let client = client(&provider.url);
    let _ = client.customer_token(flow().id).await;
    let seen = provider.first_token_request();
    let fixture = fixture("oauth_token_request_form.json");
    assert_place(
        &seen,
        "POST",
        fixture.path.as_deref().unwrap(),
        &fixture.file,
    );
    assert!(
        seen.head
            .contains("content-type: application/x-www-form-urlencoded\r\n")
    );
    assert!(
        seen.head
            .contains(&format!("x-reference-id: {FLOW_ID}\r\n"))
    );
    assert_eq!(seen.token, None);
    let sent: Value = fields(&seen.body).into_iter().collect();
    assert_eq!(sent, value(&fixture.file));

    let _ = Way::Release.call(&client).await;
    let seen = provider.calls().pop().unwrap();
    assert!(!seen.head.contains(SECRET) && !seen.body.contains(SECRET));
}

#[tokio::test]
async fn a_token_for_back_office_is_of_the_merchant_scope() {
    let provider = provider().await;
    let _ = Way::Capture.call(&client(&provider.url)).await;
    let sent = fields(&provider.first_token_request().body);
    assert_eq!(sent["scope"], "merchant");
    // The fixture of the refresh is of what is not done: it gives no more than asking anew.
    assert_eq!(sent["grant_type"], "client_credentials");
    assert!(!sent.contains_key("refresh_token"));
}

#[tokio::test]
async fn every_call_carries_the_token_of_its_scope() {
    let provider = provider().await;
    let client = client(&provider.url);
    for way in Way::ALL {
        let _ = way.call(&client).await;
        let seen = provider.calls().pop().unwrap();
        let token = seen.token.unwrap();
        match way {
            Way::AuthorizeOnline | Way::CalculateInterest => assert_eq!(token, CUSTOMER_TOKEN),
            // The first was the merchant's.
            Way::OpenWidget => assert_eq!(token, "TOKEN-2"),
            _ => assert_eq!(token, "TOKEN-1", "{way:?}"),
        }
    }
}

#[tokio::test]
async fn each_operation_has_a_version_of_its_own() {
    let provider = provider().await;
    let mut config = config(&provider.url);
    let versions = &mut config.versions;
    let all = [
        &mut versions.token,
        &mut versions.authorization_detail,
        &mut versions.authorizations,
        &mut versions.authorization,
        &mut versions.calculate_interest,
        &mut versions.capture,
        &mut versions.captures,
        &mut versions.deposit,
        &mut versions.widget_init,
        &mut versions.refund,
        &mut versions.release,
        &mut versions.returning,
    ];
    for (number, version) in all.into_iter().enumerate() {
        *version = Version::parse(&format!("9.{number}")).unwrap();
    }
    let client = Client::new(config).unwrap();
    let mut seen = BTreeSet::new();
    for way in Way::ALL {
        let _ = way.call(&client).await;
        let line = provider.calls().pop().unwrap().line;
        seen.insert(line.split('/').nth(3).unwrap().to_owned());
    }
    let expected: BTreeSet<_> = (1..12).map(|number| format!("v9.{number}")).collect();
    assert_eq!(seen, expected);
    let line = provider.first_token_request().line;
    assert_eq!(line, "POST /flexiti/pos-api/v9.0/oauth/token");
}

#[tokio::test]
async fn the_name_of_a_flow_goes_without_hyphens_where_so_configured() {
    let provider = provider().await;
    let mut config = config(&provider.url);
    config.hyphenated_flow_id = false;
    let _ = Way::Release.call(&Client::new(config).unwrap()).await;
    let header = format!("x-reference-id: {}\r\n", FLOW_ID.replace('-', ""));
    assert!(provider.first_token_request().head.contains(&header));
    assert!(provider.calls()[0].head.contains(&header));
}

#[tokio::test]
async fn money_moving_calls_alone_carry_a_key_and_the_hash_of_their_body_where_so_configured() {
    use sha2::Digest;
    let provider = provider().await;
    let mut config = config(&provider.url);
    config.idempotency_key = true;
    let client = Client::new(config).unwrap();
    for way in Way::ALL {
        let _ = way.call(&client).await;
        let seen = provider.calls().pop().unwrap();
        let hash = hex::encode(sha2::Sha256::digest(&seen.body));
        let is_keyed = seen.head.contains("x-idempotency-key: order-0001\r\n")
            && seen.head.contains(&format!("x-context-hash: {hash}\r\n"));
        assert_eq!(is_keyed, !way.is_harmless(), "{way:?}: {}", seen.head);
    }
}

#[tokio::test]
async fn a_client_id_cannot_leave_its_place_in_the_path() {
    let provider = provider().await;
    for (id, escaped) in [("a/b?c#d", "a%2Fb%3Fc%23d"), ("a%2e", "a%252e")] {
        let mut config = config(&provider.url);
        config.client_id = id.to_owned();
        let _ = Way::Authorization.call(&Client::new(config).unwrap()).await;
        let line = provider.calls().pop().unwrap().line;
        assert_eq!(
            line,
            format!("GET /flexiti/pos-api/v2.5.1/client-id/{escaped}/authorization/900002")
        );
    }
}

#[tokio::test]
async fn a_base_url_may_have_a_path() {
    let provider = provider().await;
    let url = format!("{}/gateway/", provider.url);
    let _ = Way::Authorization.call(&client(&url)).await;
    let line = provider.calls().pop().unwrap().line;
    assert!(
        line.starts_with("GET /gateway/flexiti/pos-api/v2.5.1/client-id/"),
        "{line}"
    );
}

#[tokio::test]
async fn a_language_goes_with_whatever_the_buyer_may_read() {
    let provider = provider().await;
    let client = client(&provider.url);
    let french = Flow {
        lang: Lang::Fr,
        ..flow()
    };
    let _ = client
        .authorize_online(french, &customer_token(), &online())
        .await;
    assert_eq!(provider.calls().pop().unwrap().query, "lang=fr");
    let _ = client.refund(french, &refund()).await;
    assert_eq!(provider.calls().pop().unwrap().query, "");
}

/// Nothing was sent, because of this field.
fn assert_held_back<T>(outcome: Outcome<T>, field: &str) {
    assert!(
        matches!(outcome, Outcome::NotSent(Cause::Request(found)) if found == field),
        "{field}: {:?}",
        outcome.cause()
    );
}

#[tokio::test]
async fn an_amount_that_is_none_or_in_another_currency_is_never_sent() {
    let provider = provider().await;
    let client = client(&provider.url);
    let token = customer_token();
    for amount in [dollars(0), Money::from_minor(100, Currency::USD).unwrap()] {
        let of = account();
        let asked = client.calculate_interest(flow(), &token, &of, amount);
        assert_held_back(asked.await, "amount");
        let order = OnlineAuthorization { amount, ..online() };
        assert_held_back(
            client.authorize_online(flow(), &token, &order).await,
            "amount",
        );
        let order = InStoreAuthorization {
            amount,
            ..in_store()
        };
        assert_held_back(client.authorize_in_store(flow(), &order).await, "amount");
        let part = Part::Amount(amount);
        let order = Release { part, ..release() };
        assert_held_back(client.release(flow(), &order).await, "amount");
        let order = Return {
            part,
            ..returning()
        };
        assert_held_back(client.return_capture(flow(), &order).await, "amount");
        let mut order = capture();
        order.amount = amount;
        assert_held_back(client.capture(flow(), &order).await, "amount");
        let order = Refund { amount, ..refund() };
        assert_held_back(client.refund(flow(), &order).await, "amount");
        let mut order = deposit();
        order.amount = amount;
        assert_held_back(client.deposit(flow(), &order).await, "amount");
    }
    assert_eq!((provider.count(), provider.token_requests()), (0, 0));
}

#[tokio::test]
async fn what_the_provider_would_misread_is_never_sent() {
    let provider = provider().await;
    let client = client(&provider.url);
    let token = customer_token();
    let authorize =
        async |order: OnlineAuthorization| client.authorize_online(flow(), &token, &order).await;

    for financing in [
        Financing::Promotional {
            plan_id: 0,
            term: 6,
        },
        Financing::Promotional {
            plan_id: 4,
            term: 0,
        },
    ] {
        assert_held_back(
            authorize(OnlineAuthorization {
                financing,
                ..online()
            })
            .await,
            "financing_option",
        );
    }
    for change in [
        (|address| address.first_name.clear()) as fn(&mut Address),
        |address| address.city = "a\nb".to_owned(),
        |address| address.province = "Ontario".to_owned(),
        |address| address.province = "on".to_owned(),
        |address| address.postal_code = "A1A 1A1 A1A".to_owned(),
        |address| address.address_2 = "x".repeat(101),
    ] {
        let mut odd = address();
        change(&mut odd);
        let order = OnlineAuthorization {
            billing: odd.clone(),
            ..online()
        };
        assert_held_back(authorize(order).await, "billing_information");
        let order = OnlineAuthorization {
            shipping: odd,
            ..online()
        };
        assert_held_back(authorize(order).await, "shipping_information");
    }
    let sku = |change: fn(&mut SkuData)| {
        let mut data = goods();
        change(&mut data);
        OnlineAuthorization {
            sku_data: Some(data),
            ..online()
        }
    };
    assert_held_back(
        authorize(sku(|data| {
            data.purchase_order = Some("12345678901".to_owned())
        }))
        .await,
        "purchase_order",
    );
    assert_held_back(
        authorize(sku(|data| data.register_id = Some(String::new()))).await,
        "register_id",
    );
    assert_held_back(
        authorize(sku(|data| data.products[0].quantity = 0)).await,
        "products",
    );
    let dollars_of_us = |data: &mut SkuData| {
        data.shipping_total = Some(Money::from_minor(1, Currency::USD).unwrap());
    };
    assert_held_back(authorize(sku(dollars_of_us)).await, "shipping_total");

    let with_shipping = Return {
        sku_data: Some(goods()),
        ..returning()
    };
    assert_held_back(
        client.return_capture(flow(), &with_shipping).await,
        "shipping_total",
    );
    let with_shipping = Refund {
        sku_data: Some(goods()),
        ..refund()
    };
    assert_held_back(
        client.refund(flow(), &with_shipping).await,
        "shipping_total",
    );

    let mut order = in_store();
    order.counter.location_id.clear();
    assert_held_back(
        client.authorize_in_store(flow(), &order).await,
        "external_location_id",
    );
    let mut order = in_store();
    order.counter.employee_id = "".into();
    assert_held_back(
        client.authorize_in_store(flow(), &order).await,
        "external_employee_id",
    );
    let order = InStoreAuthorization {
        request_id: String::new(),
        ..in_store()
    };
    assert_held_back(
        client.authorize_in_store(flow(), &order).await,
        "request_id",
    );
    assert_eq!((provider.count(), provider.token_requests()), (0, 0));
}

#[tokio::test]
async fn a_filter_that_makes_no_sense_is_never_sent() {
    let provider = provider().await;
    let client = client(&provider.url);
    let refused = async |change: fn(&mut CaptureFilter), field: &str| {
        let mut filter = captures_of_january();
        change(&mut filter);
        assert_held_back(client.captures(flow(), &filter).await, field);
    };
    refused(|filter| filter.common.page_size = Some(0), "page_size").await;
    refused(
        |filter| std::mem::swap(&mut filter.common.from, &mut filter.common.to),
        "creation_date_from",
    )
    .await;
    refused(
        |filter| filter.status = Some(String::new()),
        "capture_status",
    )
    .await;
    refused(
        |filter| filter.capture_employee = Some("".into()),
        "capture_employee_username",
    )
    .await;
    refused(
        |filter| filter.authorization_employee = Some("a\n".into()),
        "authorization_employee_username",
    )
    .await;
    let mut filter = january();
    filter.status = Some("x".repeat(21));
    assert_held_back(
        client.authorizations(flow(), &filter).await,
        "authorization_status",
    );
    assert_eq!((provider.count(), provider.token_requests()), (0, 0));
}

#[tokio::test]
async fn a_card_identifies_nobody_unless_so_configured() {
    let provider = provider().await;
    let mut config = config(&provider.url);
    config.identify_by_card = false;
    let client = Client::new(config).unwrap();
    let outcome = client
        .open_widget(flow(), &Identification::Card(card()))
        .await;
    assert_held_back(outcome, "vcc_number");
    assert_eq!((provider.count(), provider.token_requests()), (0, 0));
}

#[tokio::test]
async fn a_name_that_is_none_identifies_nobody() {
    let provider = provider().await;
    let client = client(&provider.url);
    for (field, change) in [
        (
            "first_name",
            (|who| who.first_name = "".into()) as fn(&mut Person),
        ),
        ("last_name", |who| who.last_name = "x".repeat(81).into()),
        ("postal_code", |who| who.postal_code = "A1A 1A1 A1A".into()),
    ] {
        let Identification::Person(mut who) = person() else {
            panic!()
        };
        change(&mut who);
        assert_held_back(
            client
                .open_widget(flow(), &Identification::Person(who))
                .await,
            field,
        );
    }
    assert_eq!((provider.count(), provider.token_requests()), (0, 0));
}

#[tokio::test]
async fn a_deposit_is_for_one_and_outside_a_shop_it_names_none() {
    let provider = provider().await;
    let client = client(&provider.url);
    let mut order = deposit();
    order.in_store = None;
    order.verification_code = code("0123");
    let _ = client.deposit(flow(), &order).await;
    let body: Value = serde_json::from_str(&provider.calls()[0].body).unwrap();
    // Numbers, as everywhere else, but for a code that would lose its zero.
    let expected = serde_json::json!({
        "verification_code": "0123", "transaction_type": "deposit", "amount": 10, "account_number": 10_000_001,
    });
    assert_eq!(body, expected);
}

#[test]
fn a_configuration_that_cannot_work_is_refused_by_name() {
    let refusal = |change: fn(&mut ventanilla_providers::flexiti::Config)| {
        let mut config = config("https://posapi.flexiti.example");
        change(&mut config);
        Client::new(config).err()
    };
    assert_eq!(refusal(|_| {}), None);
    for id in ["", ".", "..", "a b", "é"] {
        let mut config = config("https://posapi.flexiti.example");
        config.client_id = id.to_owned();
        assert_eq!(
            Client::new(config).err(),
            Some(ConfigError::ClientId),
            "{id:?}"
        );
    }
    assert_eq!(
        refusal(|c| c.client_secret = "".into()),
        Some(ConfigError::ClientSecret)
    );
    assert_eq!(
        refusal(|c| c.base_url = "x".into()),
        Some(ConfigError::Url("base_url"))
    );
    let plain = refusal(|c| c.base_url = "http://posapi.flexiti.example".into());
    assert_eq!(plain, Some(ConfigError::Plaintext("base_url")));
    assert!(plain.unwrap().to_string().contains("base_url"));
}

#[tokio::test]
async fn an_authorization_that_is_asked_about_is_named_by_its_number() {
    let provider = provider().await;
    let client = client(&provider.url);
    let _ = client
        .authorization(flow(), &authorization_id("1234567890123456"))
        .await;
    let seen = provider.calls().pop().unwrap();
    assert!(
        seen.line.ends_with("/authorization/1234567890123456"),
        "{}",
        seen.line
    );
}
