//! The management host.

use serde_json::{Value, json};

use crate::support::{Shop, VISA, card};

async fn post(shop: &Shop, path: &str, body: &Value) -> (u16, Value) {
    let url = format!("{}{path}", shop.sandbox.management_url);
    let response = shop.send(&url, None, body).await.unwrap();
    let status = response.status().as_u16();
    let text = response.text().await.unwrap();
    (status, serde_json::from_str(&text).unwrap_or_default())
}

async fn get(shop: &Shop, path: &str) -> Value {
    let url = format!("{}{path}", shop.sandbox.management_url);
    let text = shop
        .client
        .get(url)
        .send()
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    serde_json::from_str(&text).unwrap()
}

#[tokio::test]
async fn it_says_that_it_is_there() {
    let shop = Shop::open().await;
    assert_eq!(get(&shop, "/health").await, json!({ "status": "ok" }));
}

#[tokio::test]
async fn the_ledger_tells_every_order_debit_and_call() {
    let shop = Shop::open().await;
    shop.pay("ref-ledger", &card(VISA)).await;
    let ledger = get(&shop, "/ledger").await;
    assert_eq!(ledger["orders"][0]["reference"], "ref-ledger");
    assert_eq!(ledger["orders"][0]["amount"], "1250.50");
    let debit = &ledger["debits"][0];
    for (field, value) in [
        ("reference", json!("ref-ledger")),
        ("amount", json!("1250.50")),
        ("currency", json!("CRC")),
        ("state", json!("approved")),
        ("resp_code", json!("00")),
        ("last4", json!("4242")),
        ("bin", json!("424242")),
        ("brand", json!("Visa")),
        ("installments", Value::Null),
        ("tokenized", json!(false)),
        ("count", json!(1)),
    ] {
        assert_eq!(debit[field], value, "{field}");
    }
    let calls: Vec<_> = ledger["calls"]
        .as_array()
        .unwrap()
        .iter()
        .map(|call| &call["operation"])
        .collect();
    assert_eq!(calls, ["create_order", "pay"]);
}

#[tokio::test]
async fn a_fault_is_set_listed_met_and_cleared() {
    let shop = Shop::open().await;
    let fault = json!({ "operation": "transaction", "kind": "gateway_timeout_before", "times": 2 });
    let (status, listed) = post(&shop, "/faults", &fault).await;
    assert_eq!(status, 201);
    assert_eq!(listed["armed"], json!([fault]));
    let url = format!("{}/transactions/get", shop.sandbox.merchant_url);
    let read = json!({
        "merchantId": shop.sandbox.credentials().merchant_id,
        "orderReference": "ref-managed",
    });
    assert_eq!(
        shop.send(&url, None, &read)
            .await
            .unwrap()
            .status()
            .as_u16(),
        504
    );
    assert_eq!(get(&shop, "/faults").await["armed"][0]["times"], 1);
    let clear = shop
        .client
        .delete(format!("{}/faults", shop.sandbox.management_url))
        .send();
    assert_eq!(clear.await.unwrap().status().as_u16(), 204);
    assert_eq!(
        get(&shop, "/faults").await,
        json!({
            "armed": [],
            "random": null,
            "calls": { "transaction": 1 },
            "met": { "gateway_timeout_before": { "transaction": 1 } },
        })
    );
    assert_eq!(
        shop.send(&url, None, &read)
            .await
            .unwrap()
            .status()
            .as_u16(),
        200
    );
}

#[tokio::test]
async fn the_random_mode_is_set_by_json_too() {
    let shop = Shop::open().await;
    let random = json!({ "random": { "share_percent": 20, "seed": 7 } });
    let (status, listed) = post(&shop, "/faults", &random).await;
    assert_eq!(status, 201);
    assert_eq!(
        listed["random"],
        json!({
            "share_percent": 20,
            "seed": 7,
            "longest_ms": 80,
            "hidden_ms": 0,
            "drawn_by": "reference",
        })
    );
    let weighed = json!({ "random": {
        "share_percent": 25,
        "seed": 7,
        "operations": ["void", "refund"],
        "weights": { "reset_after": 3, "late": 1 },
        "longest_ms": 500,
        "hidden_ms": 90_000,
        "drawn_by": "description",
    } });
    let (status, listed) = post(&shop, "/faults", &weighed).await;
    assert_eq!(status, 201);
    assert_eq!(listed["random"], weighed["random"]);
}

#[tokio::test]
async fn a_fault_that_cannot_be_set_says_why() {
    let shop = Shop::open().await;
    for (body, reason) in [
        (
            json!({ "operation": "pay", "kind": "explode" }),
            "unknown variant `explode`",
        ),
        (
            json!({ "operation": "pay", "kind": "stall" }),
            "stall needs ms",
        ),
        (
            json!({ "operation": "pay", "kind": "truncate", "tmes": 2 }),
            "unknown field `tmes`",
        ),
        (
            json!({ "operation": "transaction", "kind": "bad_signature" }),
            "bad_signature does not fit transaction",
        ),
        (
            json!({ "random": { "share_percent": 101, "seed": 7 } }),
            "share_percent must be at most 100, found 101",
        ),
    ] {
        let (status, answer) = post(&shop, "/faults", &body).await;
        assert_eq!(status, 422, "{body}");
        let error = answer["error"].as_str().unwrap();
        assert!(error.contains(reason), "{error}");
    }
}

#[tokio::test]
async fn a_host_that_is_down_can_be_brought_back_from_here() {
    let shop = Shop::open().await;
    let down = json!({ "operation": "create_order", "kind": "down" });
    assert_eq!(post(&shop, "/faults", &down).await.0, 201);
    let url = format!("{}/", shop.sandbox.merchant_url);
    let order = shop.order("ref-back");
    assert!(
        shop.send(&url, None, &order)
            .await
            .unwrap_err()
            .is_connect()
    );
    assert_eq!(post(&shop, "/reset", &json!({})).await.0, 204);
    assert_eq!(
        shop.send(&url, None, &order)
            .await
            .unwrap()
            .status()
            .as_u16(),
        200
    );
}

#[tokio::test]
async fn a_reset_forgets_everything() {
    let shop = Shop::open().await;
    shop.pay("ref-forgotten", &card(VISA)).await;
    post(
        &shop,
        "/faults",
        &json!({ "operation": "pay", "kind": "truncate" }),
    )
    .await;
    assert_eq!(post(&shop, "/reset", &json!({})).await.0, 204);
    let ledger = get(&shop, "/ledger").await;
    assert_eq!(
        ledger,
        json!({
            "orders": [],
            "debits": [],
            "operations": [],
            "card_tokens": [],
            "bulks": [],
            "subscriptions": [],
            "notifications": [],
            "cvu": {
                "links": [],
                "transfer_links": [],
                "qr_orders": [],
                "sale_points": [],
                "credits": [],
                "cashouts": [],
                "notifications": [],
            },
            "flux": { "codes": [], "payments": [], "refunds": [] },
            "flexiti": {
                "sessions": [],
                "authorizations": [],
                "captures": [],
                "releases": [],
                "returns": [],
                "refunds": [],
                "deposits": [],
                "refused": [],
            },
            "calls": [],
        })
    );
    assert_eq!(get(&shop, "/faults").await["armed"], json!([]));
    assert_eq!(shop.transaction("ref-forgotten").await.body["code"], 404);
}

#[tokio::test]
async fn the_clock_can_be_moved_on() {
    let shop = Shop::open().await;
    let session = shop.open_order("ref-clock").await;
    assert_eq!(
        post(&shop, "/clock", &json!({ "advance_secs": 1_801 }))
            .await
            .0,
        204
    );
    let request = shop.pay_request(&session, &card(VISA));
    let late = shop.checkout("/", &session.token, &request).await;
    assert_eq!(late.error(), "Session not found");
    assert_eq!(
        post(&shop, "/clock", &json!({ "advance_secs": -1 }))
            .await
            .0,
        422
    );
}

#[tokio::test]
async fn every_open_session_can_be_ended_at_once() {
    let shop = Shop::open().await;
    let session = shop.open_order("ref-ended").await;
    assert_eq!(post(&shop, "/sessions/expire", &json!({})).await.0, 204);
    let request = shop.pay_request(&session, &card(VISA));
    let late = shop.checkout("/", &session.token, &request).await;
    assert_eq!(late.error(), "Session not found");
    assert_eq!(shop.pay("ref-after", &card(VISA)).await.body["status"], 200);
}

#[tokio::test]
async fn the_cards_are_listed_as_json_and_on_the_page() {
    let shop = Shop::open().await;
    let cards = get(&shop, "/cards").await;
    let cards = cards.as_array().unwrap();
    let page = shop
        .client
        .get(&shop.sandbox.management_url)
        .send()
        .await
        .unwrap();
    let policy = page.headers()["content-security-policy"]
        .to_str()
        .unwrap()
        .to_owned();
    assert!(policy.starts_with("default-src 'none'"), "{policy}");
    let page = page.text().await.unwrap();
    let squeezed = page.replace(' ', "");
    for card in cards {
        let number = card["number"].as_str().unwrap();
        assert!(squeezed.contains(number), "{number}");
    }
    for number in [
        "4242424242424242",
        "5555555555554444",
        "378282246310005",
        "6205500000000000004",
    ] {
        assert!(
            cards.iter().any(|card| card["number"] == number),
            "{number}"
        );
    }
    assert!(
        !page.contains("http://www") && !page.contains("https://"),
        "the page loads nothing"
    );
}

async fn page(shop: &Shop) -> String {
    let page = shop.client.get(&shop.sandbox.management_url).send().await;
    page.unwrap().text().await.unwrap()
}

#[tokio::test]
async fn text_from_outside_stays_text_on_the_page() {
    let shop = Shop::open().await;
    let paid = shop.paid("<b>ref</b>").await;
    shop.void(&paid).await;
    shop.merchant(
        "/getToken",
        &shop.with_credentials(json!({ "token": "<i>token</i>" })),
    )
    .await;
    let settings = json!({ "url": "http://127.0.0.1:9/'><u>", "mode": "early" });
    post(&shop, "/notifications", &settings).await;
    shop.pay("<s>told</s>", &card(VISA)).await;
    let page = page(&shop).await;
    assert!(page.contains("&lt;b&gt;ref&lt;/b&gt;"));
    assert!(page.contains("&lt;s&gt;told&lt;/s&gt;"));
    for markup in ["<b>ref", "<i>token", "'><u>", "<s>told"] {
        assert!(!page.contains(markup), "{markup}");
    }
}

#[tokio::test]
async fn the_page_shows_what_happened_and_what_is_set() {
    let shop = Shop::open().await;
    let empty = page(&shop).await;
    assert!(empty.contains("No call has come yet."));
    assert!(empty.contains("No fault is set."));
    let paid = shop.paid("ref-shown").await;
    shop.void(&paid).await;
    shop.void(&paid).await;
    shop.pay("ref-declined", &card("4000000000044828")).await;
    let stall = json!({ "operation": "refund", "kind": "stall", "ms": 20_000, "times": 3 });
    post(&shop, "/faults", &stall).await;
    let random = json!({ "random": { "share_percent": 0, "seed": 77, "hidden_ms": 5 } });
    post(&shop, "/faults", &random).await;
    let page = page(&shop).await;
    for shown in [
        "ref-shown",
        "refused: done before",
        "1 refused, 1 asked again",
        "51 insufficient funds",
        "3 to come",
        "0 % of all calls, seed 77; hidden for up to 5 ms",
        "every reference at most once",
    ] {
        assert!(page.contains(shown), "{shown}");
    }
}

#[tokio::test]
async fn a_double_debit_stands_out() {
    let shop = Shop::open().await;
    shop.pay("ref-double", &card(VISA)).await;
    assert!(!page(&shop).await.contains("tile bad"));
    shop.pay("ref-double", &card(VISA)).await;
    let page = page(&shop).await;
    assert!(page.contains("tile bad") && page.contains("look at the ledger"));
}

#[tokio::test]
async fn the_page_has_no_style_that_its_policy_forbids() {
    let shop = Shop::open().await;
    shop.pay("ref-styled", &card(VISA)).await;
    let page = page(&shop).await;
    assert!(!page.contains(" style="));
    assert_eq!(page.matches("<script").count(), 1);
    assert!(!page.contains(" onclick="));
}

#[tokio::test]
async fn another_origin_may_not_press_the_buttons() {
    let shop = Shop::open().await;
    let press = async |origin: &str| {
        let url = format!("{}/reset", shop.sandbox.management_url);
        let response = shop
            .client
            .post(url)
            .header("origin", origin)
            .send()
            .await
            .unwrap();
        response.status().as_u16()
    };
    assert_eq!(press("http://shop.example").await, 403);
    assert_eq!(press("null").await, 403);
    assert_eq!(press(&shop.sandbox.management_url).await, 204);
}
