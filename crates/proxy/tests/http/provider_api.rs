//! The rest of each provider's API, asked for by the shop's server.

use reqwest::Method;
use serde_json::{Value, json};
use ventanilla_sandbox::{Fault, Kind, Operation};

use crate::support::{Proxy, problem};

const NEW: &str = "flexiti/pos-api/v2.5.1/client-id/demo-merchant";
const OLD: &str = "flexiti/pos-api/v2.5/client-id/demo-merchant";

async fn get(proxy: &Proxy, path: &str) -> Value {
    let answer = proxy.merchant(Method::GET, path).send().await.unwrap();
    let (status, text) = (answer.status(), answer.text().await.unwrap());
    assert_eq!(status, 200, "{path}: {text}");
    serde_json::from_str(&text).unwrap()
}

async fn post(proxy: &Proxy, path: &str, body: &Value, status: u16) -> Value {
    let request = proxy.merchant(Method::POST, path).json(body);
    let answer = request.send().await.unwrap();
    let (found, text) = (answer.status(), answer.text().await.unwrap());
    assert_eq!(found, status, "{path}: {text}");
    serde_json::from_str(&text).unwrap()
}

/// A buyer at the sandbox pays what `target` names.
async fn pay(proxy: &Proxy, target: Value) {
    let url = format!("{}/cvu/pay", proxy.sandbox.management_url);
    let paid = proxy.http.post(url).json(&target).send().await.unwrap();
    assert!(paid.status().is_success(), "{}", paid.text().await.unwrap());
}

#[tokio::test]
async fn what_is_in_the_cvu_account_is_read() {
    let proxy = Proxy::start_with_every_rail().await;
    let balance = get(&proxy, "/v1/cvu/balance").await;
    assert_eq!(
        balance,
        json!({ "balance": { "amount_minor": 12_500_000, "currency": "ARS" } })
    );
    let concepts = get(&proxy, "/v1/cvu/concepts").await;
    let codes: Vec<&Value> = concepts["concepts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|c| &c["code"])
        .collect();
    assert!(codes.contains(&&json!("VAR")), "{concepts}");
    let filters = get(&proxy, "/v1/cvu/transaction-filters").await;
    assert!(
        !filters["operations"].as_array().unwrap().is_empty(),
        "{filters}"
    );
    let statistics = get(&proxy, "/v1/cvu/statistics?period=2026-11").await;
    assert!(
        statistics
            .as_object()
            .unwrap()
            .contains_key("total_cash_in"),
        "{statistics}"
    );
}

#[tokio::test]
async fn a_cvu_sale_point_is_opened_takes_an_order_is_paid_and_is_closed() {
    let proxy = Proxy::start_with_every_rail().await;
    let opened = post(
        &proxy,
        "/v1/cvu/sale-points",
        &json!({ "name": "Caja 9" }),
        201,
    )
    .await;
    let id = opened["id"].as_str().unwrap();
    let listed = get(&proxy, "/v1/cvu/sale-points").await;
    let listed = listed["sale_points"].as_array().unwrap();
    assert!(
        listed
            .iter()
            .any(|point| point["id"] == id && point["name"] == "Caja 9"),
        "{listed:?}"
    );

    let open = get(&proxy, &format!("/v1/cvu/sale-points/{id}/qr?amount=open")).await;
    let closed = get(
        &proxy,
        &format!("/v1/cvu/sale-points/{id}/qr?amount=closed"),
    )
    .await;
    assert!(open["code"].as_str().unwrap().starts_with("000201"));
    assert_ne!(open["code"], closed["code"]);

    let order = json!({
        "amount": { "amount_minor": 125_050, "currency": "ARS" }, "concept": "VAR", "description": "Mesa 4",
    });
    let order = post(
        &proxy,
        &format!("/v1/cvu/sale-points/{id}/orders"),
        &order,
        201,
    )
    .await;
    assert_eq!(order["sale_point_id"], id);
    pay(&proxy, json!({ "code": closed["code"] })).await;

    let transactions = get(&proxy, "/v1/cvu/transactions?from=2026-11-01&to=2037-01-01").await;
    let row = &transactions["transactions"][0];
    assert_eq!(
        row["amount"],
        json!({ "amount_minor": 125_050, "currency": "ARS" }),
        "{transactions}"
    );
    assert_eq!(
        (&row["income"], &row["sale_point"]),
        (&json!(true), &json!("Caja 9"))
    );

    let credits = proxy.sandbox.ledger().cvu.credits;
    let cash_in = get(&proxy, &format!("/v1/cvu/cash-ins/{}", credits[0].id)).await;
    assert_eq!(cash_in["qr_order_id"], order["qr_order_id"], "{cash_in}");
    assert_eq!(cash_in["amount"]["amount_minor"], 125_050);

    let path = format!("/v1/cvu/sale-points/{id}");
    let closed = proxy.merchant(Method::DELETE, &path).send().await.unwrap();
    assert_eq!(closed.status(), 204);
    let listed = get(&proxy, "/v1/cvu/sale-points").await.to_string();
    assert!(!listed.contains("Caja 9"), "{listed}");
}

#[tokio::test]
async fn the_receipt_of_a_cvu_transfer_is_read() {
    let proxy = Proxy::start_with_every_rail().await;
    let call = async |path: &str, token: &str, body: Value| -> Value {
        let url = format!("{}/v2/{path}", proxy.sandbox.cvu_url);
        let request = proxy.http.post(url).bearer_auth(token).json(&body);
        request.send().await.unwrap().json().await.unwrap()
    };
    let login = json!({ "username": "sandbox-user", "password": "sandbox-password" });
    let opened = call("auth/token", "", login).await;
    let transfer = json!({
        "cvu": "0009999001234567890126", "cuit": "20999000011", "amount": 10.5,
        "reference_id": "order-1", "concept": "VAR", "description": "-",
    });
    let sent = call(
        "payment/cashout",
        opened["token"].as_str().unwrap(),
        transfer,
    )
    .await;
    let path = format!("/v1/cvu/cash-outs/{}/voucher", sent["id"]);
    let voucher = get(&proxy, &path).await;
    assert_ne!(
        voucher["address"].is_string(),
        voucher["document"].is_string(),
        "{voucher}"
    );
    for none in ["0", "x", "99999999999999999999"] {
        let path = format!("/v1/cvu/cash-outs/{none}/voucher");
        let answer = proxy.merchant(Method::GET, &path).send().await.unwrap();
        problem(answer, 404, "not-found").await;
    }
}

#[tokio::test]
async fn cvu_transactions_come_page_by_page_and_none_twice() {
    let proxy = Proxy::start_with_every_rail().await;
    for amount in 1..=5 {
        let link = json!({
            "account": "0009999001234567890126", "cuit": "30-00000012-0",
            "amount": { "amount_minor": amount * 100, "currency": "ARS" }, "concept": "VAR", "description": "-",
        });
        let link = post(&proxy, "/v1/cvu/transfer-links", &link, 201).await;
        pay(&proxy, json!({ "link": link["link"] })).await;
    }
    let days = "from=2026-11-01&to=2037-01-01";
    let (mut seen, mut after) = (Vec::new(), String::new());
    for expected in [2, 2, 1] {
        let path = format!("/v1/cvu/transactions?{days}&limit=2{after}");
        let page = get(&proxy, &path).await;
        let rows = page["transactions"].as_array().unwrap();
        assert_eq!(rows.len(), expected, "{page}");
        assert_eq!(page["is_whole"], true);
        seen.extend(rows.iter().map(|row| row["fingerprint"].clone()));
        after = page["next"]
            .as_str()
            .map(|next| format!("&after={next}"))
            .unwrap_or_default();
    }
    assert!(after.is_empty());
    seen.sort_by_key(Value::to_string);
    seen.dedup();
    assert_eq!(seen.len(), 5);
}

#[tokio::test]
async fn a_query_that_is_not_one_is_refused_by_field() {
    let proxy = Proxy::start_with_every_rail().await;
    for (query, said) in [
        ("", "missing field `from`"),
        ("?from=2026-11-01", "missing field `to`"),
        ("?from=2026-02-30&to=2026-11-02", "from: expected a day"),
        (
            "?from=2026-11-03&to=2026-11-02",
            "to: expected a day that is not before from",
        ),
        (
            "?from=2026-11-01&to=2026-11-02&limit=501",
            "limit: expected a whole number from 1 to 500",
        ),
        ("?from=2026-11-01&to=2026-11-02&limit=x", "limit: expected"),
        (
            "?from=2026-11-01&to=2026-11-02&to=2026-11-03",
            "each parameter of the query once",
        ),
        (
            "?from=2026-11-01&to=2026-11-02&pan=4242424242424242",
            "unknown field, expected one of `from`",
        ),
        (
            "?from=2026-11-01&to=2026-11-02&after=4242424242424242",
            "after: expected the next",
        ),
    ] {
        let path = format!("/v1/cvu/transactions{query}");
        let answer = proxy.merchant(Method::GET, &path).send().await.unwrap();
        let document = problem(answer, 422, "request-malformed").await;
        let detail = document["detail"].as_str().unwrap();
        assert!(
            detail.contains(said) && !detail.contains("4242"),
            "{query}: {detail}"
        );
    }
    let amount = json!({ "amount_minor": 100, "currency": "USD" });
    let order = json!({ "amount": amount, "concept": "VAR", "description": "-" });
    let orders = proxy.merchant(Method::POST, "/v1/cvu/sale-points/7001/orders");
    problem(
        orders.json(&order).send().await.unwrap(),
        422,
        "amount-invalid",
    )
    .await;
}

#[tokio::test]
async fn what_flux_knows_of_a_payment_is_read_by_its_reference() {
    let proxy = Proxy::start_with_every_rail().await;
    let token = proxy
        .http
        .post(format!(
            "{}/v3/auth/tokens/refreshToken",
            proxy.sandbox.flux_url
        ))
        .json(&json!({ "refreshToken": "sandbox-refresh-token", "grantType": "accessToken" }))
        .send()
        .await
        .unwrap();
    let token: Value = token.json().await.unwrap();
    let code = proxy
        .sandbox
        .flux_code(ventanilla_sandbox::FluxCodeKind::Good);
    let payment = json!({
        "qr": code, "amount": 24_995, "tip": 2_500, "store": "Centro", "reference": "order-1.a",
    });
    let paid = proxy
        .http
        .post(format!("{}/v3/payments", proxy.sandbox.flux_url))
        .bearer_auth(token["data"]["accessToken"].as_str().unwrap())
        .json(&payment)
        .send()
        .await
        .unwrap();
    assert!(paid.status().is_success(), "{}", paid.text().await.unwrap());
    let read = get(&proxy, "/v1/flux/transactions/order-1.a").await;
    assert_eq!(read["paid"], true, "{read}");
    assert_eq!(
        read["total"],
        json!({ "amount_minor": 27_495, "currency": "MXN" })
    );
    for unknown in ["order-2", "..", "order%201", "%ff"] {
        let path = format!("/v1/flux/transactions/{unknown}");
        let answer = proxy.merchant(Method::GET, &path).send().await.unwrap();
        assert_eq!(answer.status(), 404, "{unknown}");
    }
}

/// Holds so many dollars at Flexiti for account 10000001: the number of the authorization.
async fn held(proxy: &Proxy, dollars: u32) -> String {
    let flexiti = |path: &str| format!("{}/{path}", proxy.sandbox.flexiti_url);
    let trace = ("x-reference-id", "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee");
    let form = "grant_type=client_credentials&client_id=demo-merchant&client_secret=placeholder-secret&scope=customer";
    let token = proxy
        .http
        .post(flexiti("flexiti/pos-api/v2.5/oauth/token"))
        .header(trace.0, trace.1)
        .header("content-type", "application/x-www-form-urlencoded")
        .body(form)
        .send()
        .await
        .unwrap();
    let token: Value = token.json().await.unwrap();
    let call = async |path: String, body: Value| -> Value {
        let request = proxy.http.post(flexiti(&path)).header(trace.0, trace.1);
        let request = request.bearer_auth(token["access_token"].as_str().unwrap());
        request
            .json(&body)
            .send()
            .await
            .unwrap()
            .json()
            .await
            .unwrap()
    };
    let account = json!({ "account_number": 10_000_001 });
    let opened = call(
        format!("{OLD}/widget/init"),
        json!({ "customer_identification": account, "flow": "purchase" }),
    )
    .await;
    let url = opened["redirection_url"].as_str().unwrap();
    let (_, session) = url.split_once("widget_session_id=").unwrap();
    let identified = proxy
        .http
        .post(format!("{}/flexiti/identify", proxy.sandbox.management_url))
        .json(&json!({ "widget_session_id": session, "outcome": "verified" }))
        .send()
        .await
        .unwrap();
    assert_eq!(identified.status(), 201);
    let sample = std::fs::read(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../tests/fixtures/flexiti/authorization_request_online_preauth.json"
    ));
    let mut request: Value = serde_json::from_slice(&sample.unwrap()).unwrap();
    request["widget_session_id"] = json!(session);
    request["amount"] = json!(dollars);
    let authorized = call(format!("{NEW}/authorization"), request).await;
    authorized["authorization_id"].as_u64().unwrap().to_string()
}

#[tokio::test]
async fn flexiti_s_authorizations_and_captures_are_listed_page_by_page_and_read() {
    let proxy = Proxy::start_with_every_rail().await;
    let first = held(&proxy, 500).await;
    let second = held(&proxy, 600).await;
    let days = "from=2020-01-01&to=2037-01-01";
    let page = get(
        &proxy,
        &format!("/v1/flexiti/authorizations?{days}&limit=1"),
    )
    .await;
    let row = &page["authorizations"][0];
    assert_eq!(row["id"], second.as_str(), "{page}");
    assert_eq!(
        row["amount"],
        json!({ "amount_minor": 60_000, "currency": "CAD" })
    );
    assert_eq!(row["status"], "opened");
    let next = page["next"].as_str().unwrap();
    let path = format!("/v1/flexiti/authorizations?{days}&limit=1&after={next}");
    let page = get(&proxy, &path).await;
    assert_eq!(page["authorizations"][0]["id"], first.as_str(), "{page}");
    assert_eq!(page["next"], Value::Null);

    let read = get(&proxy, &format!("/v1/flexiti/authorizations/{first}")).await;
    assert_eq!(read["remaining"]["amount_minor"], 50_000, "{read}");
    assert_eq!(read["captures"], json!([]));
    let captures = get(&proxy, &format!("/v1/flexiti/captures?{days}")).await;
    assert_eq!(captures["captures"], json!([]), "{captures}");

    let of = async |account: &str| {
        let path = format!("/v1/flexiti/authorizations?{days}");
        let request = proxy
            .merchant(Method::GET, &path)
            .header("account-number", account);
        let listed: Value = request.send().await.unwrap().json().await.unwrap();
        listed["authorizations"].as_array().map(Vec::len)
    };
    assert_eq!(of("10000001").await, Some(2));
    assert_eq!(of("10000002").await, Some(0));
    assert_eq!(of("not a number").await, None);

    let unknown = proxy.merchant(Method::GET, "/v1/flexiti/authorizations/999");
    let document = problem(unknown.send().await.unwrap(), 404, "not-found").await;
    assert_eq!(document["provider_code"], "not_found");
}

#[tokio::test]
async fn a_rail_that_is_not_configured_says_so() {
    let proxy = Proxy::start().await;
    for path in [
        "/v1/cvu/balance",
        "/v1/flux/transactions/a",
        "/v1/flexiti/authorizations/1",
    ] {
        let answer = proxy.merchant(Method::GET, path).send().await.unwrap();
        problem(answer, 409, "rail-not-configured").await;
    }
    let nobody = proxy.request(Method::GET, "/v1/cvu/balance");
    problem(nobody.send().await.unwrap(), 401, "api-key-invalid").await;
}

#[tokio::test]
async fn a_sale_point_whose_answer_is_lost_is_said_to_be_unclear_and_is_made_once() {
    let proxy = Proxy::start_with_every_rail().await;
    let lost = Fault::once(Operation::CvuCreateSalePoint, Kind::ResetAfter);
    proxy.sandbox.arm(lost).await.unwrap();
    let request = proxy.merchant(Method::POST, "/v1/cvu/sale-points");
    let answer = request
        .json(&json!({ "name": "Caja 9" }))
        .send()
        .await
        .unwrap();
    problem(answer, 502, "provider-unclear").await;
    let listed = get(&proxy, "/v1/cvu/sale-points").await.to_string();
    assert_eq!(listed.matches("Caja 9").count(), 1, "{listed}");
}

#[tokio::test]
async fn nothing_is_begun_with_a_provider_that_does_not_answer() {
    let proxy = Proxy::start_with_every_rail().await;
    let dead = Fault::times(Operation::CvuCreateSalePoint, Kind::ResetAfter, 5);
    proxy.sandbox.arm(dead).await.unwrap();
    for _ in 0..5 {
        let request = proxy.merchant(Method::POST, "/v1/cvu/sale-points");
        let answer = request
            .json(&json!({ "name": "Caja 9" }))
            .send()
            .await
            .unwrap();
        problem(answer, 502, "provider-unclear").await;
    }
    let answer = proxy
        .merchant(Method::GET, "/v1/cvu/balance")
        .send()
        .await
        .unwrap();
    assert!(answer.headers().contains_key("retry-after"));
    problem(answer, 503, "provider-unavailable").await;
}
