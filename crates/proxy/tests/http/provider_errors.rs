//! Each error shape of three providers, as its fixtures have it, on its way to the shop's server: a stable code, the
//! provider's own code where it has one, and never a word of the provider's.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Proxy, fresh_key};

/// What the provider's free texts hold in these tests, besides what the fixtures have.
const FREE_TEXT: &str = "palabras-del-proveedor";

#[derive(Clone)]
struct Canned {
    status: u16,
    body: String,
}

/// A provider that gives access tokens as each of the three does, and answers all else with one thing.
struct Provider {
    url: String,
    answer: Arc<Mutex<Canned>>,
}

impl Provider {
    async fn start() -> Self {
        let answer = Arc::new(Mutex::new(Canned {
            status: 200,
            body: String::new(),
        }));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new().fallback(say).with_state(answer.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, answer }
    }

    fn answers(&self, status: u16, body: impl Into<String>) {
        *self.answer.lock().unwrap() = Canned {
            status,
            body: body.into(),
        };
    }
}

async fn say(State(answer): State<Arc<Mutex<Canned>>>, request: Request) -> Response {
    let token = match request.uri().path() {
        "/v2/auth/token" => Some(json!({ "status": "ok", "token": "t-1", "expires_at": 3600 })),
        "/v3/auth/tokens/refreshToken" => {
            Some(json!({ "data": { "accessToken": "t-1", "expiresIn": 3600 } }))
        }
        path if path.ends_with("/oauth/token") => {
            Some(json!({ "access_token": "t-1", "expires_in": 1200 }))
        }
        _ => None,
    };
    let canned = match token {
        Some(token) => Canned {
            status: 200,
            body: token.to_string(),
        },
        None => answer.lock().unwrap().clone(),
    };
    let status = StatusCode::from_u16(canned.status).unwrap();
    (status, [("content-type", "application/json")], canned.body).into_response()
}

/// Asks, and holds the answer against status, code and provider's code.
async fn expect(proxy: &Proxy, path: &str, what: &str, expected: (u16, &str, Option<&str>)) {
    let answer = proxy.merchant(Method::GET, path).send().await.unwrap();
    let status = answer.status().as_u16();
    let kind = answer.headers()["content-type"]
        .to_str()
        .unwrap()
        .to_owned();
    let text = answer.text().await.unwrap();
    let document: Value = serde_json::from_str(&text).unwrap();
    let code = document["code"].as_str().unwrap();
    let provider_code = document["provider_code"].as_str();
    assert_eq!((status, code, provider_code), expected, "{what}: {text}");
    assert_eq!(kind, "application/problem+json", "{what}");
    assert!(!text.contains(FREE_TEXT), "{what}: {text}");
}

fn fixture(path: &str) -> Value {
    let path = format!("{}/../../tests/fixtures/{path}", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// `error` with every text that people read replaced.
fn with_free_text(mut error: Value) -> Value {
    for name in ["message", "msg", "error_description"] {
        if error.get(name).is_some() {
            error[name] = json!(FREE_TEXT);
        }
    }
    error
}

#[tokio::test]
async fn every_error_of_flexiti_s_fixtures_reaches_the_shop_with_its_code() {
    let provider = Provider::start().await;
    let proxy = Proxy::start_with_rails_at(&provider.url).await;
    let manifest = fixture("flexiti/manifest.json");
    let errors = manifest["fixtures"].as_array().unwrap().iter();
    let mut seen = 0;
    for error in errors.filter(|fixture| fixture["kind"] == "error") {
        let file = error["file"].as_str().unwrap();
        let status = u16::try_from(error["status"].as_u64().unwrap()).unwrap();
        let body = with_free_text(fixture(&format!("flexiti/{file}")));
        provider.answers(status, body.to_string());
        let told = body["error"].as_str().filter(|code| !code.contains(' '));
        let expected = match (status, body["error"].as_str()) {
            (401 | 403, _) | (_, Some("invalid_client" | "invalid_token")) => {
                (502, "provider-refused", told)
            }
            _ => (422, "provider-rejected", told),
        };
        let list = "/v1/flexiti/captures?from=2026-01-01&to=2026-01-02";
        expect(&proxy, list, file, expected).await;
        let expected = match told {
            Some("not_found") => (404, "not-found", told),
            _ => expected,
        };
        expect(&proxy, "/v1/flexiti/authorizations/1", file, expected).await;
        seen += 1;
    }
    assert!(seen >= 15, "{seen}");
}

#[tokio::test]
async fn every_error_of_a_flexiti_deposit_ends_it_with_a_stable_word() {
    let provider = Provider::start().await;
    let proxy = Proxy::start_with_rails_at(&provider.url).await;
    let refused = [
        "account_type_not_permitted",
        "limit_payment_amount_24",
        "not_enough_credit",
        "not_verified",
        "user_not_able_to_purchase",
        "user_not_active",
        "vcc_account_mismatch",
        "verification_code_required",
        "wrong_verification_code",
    ];
    let invalid = [
        (400, "invalid_client"),
        (401, "invalid_token"),
        (403, "Insufficient scope: authorized scope is insufficient"),
        (409, "external_location_id_not_found"),
        (409, "invalid_role"),
        (409, "invalid_transaction_type"),
        (409, "wrong_inputs"),
    ];
    let refused = refused.map(|code| (409, code, "declined", Some(code)));
    let unknown = (404, "not_found", "declined", Some("not_found"));
    let invalid = invalid.map(|(status, code)| (status, code, "not_executed", None));
    let all = refused.into_iter().chain([unknown]).chain(invalid);
    for (status, code, state, told) in all {
        let body = json!({ "message": FREE_TEXT, "error": code });
        provider.answers(status, body.to_string());
        let asked = proxy
            .merchant(Method::POST, "/v1/flexiti/deposits")
            .header("idempotency-key", fresh_key())
            .json(&json!({
                "kind": "deposit", "amount": { "amount_minor": 100, "currency": "CAD" },
                "to": { "account_number": "10000001" }, "verification_code": "1234",
            }))
            .send();
        let answer = asked.await.unwrap();
        assert_eq!(answer.status(), 201, "{code}");
        let text = answer.text().await.unwrap();
        let operation: Value = serde_json::from_str(&text).unwrap();
        let (is, says) = (&operation["state"], operation["provider_code"].as_str());
        assert_eq!((is, says), (&json!(state), told), "{code}: {text}");
        assert_eq!(operation["reason"].is_string(), told.is_none(), "{text}");
        assert!(!text.contains(FREE_TEXT), "{text}");
    }
}

#[tokio::test]
async fn statuses_of_flexiti_s_firewall_and_broken_answers_are_told_apart() {
    let provider = Provider::start().await;
    let proxy = Proxy::start_with_rails_at(&provider.url).await;
    for (status, body, expected) in [
        (465, FREE_TEXT, (502, "provider-refused", None)),
        (466, FREE_TEXT, (502, "provider-refused", None)),
        (467, FREE_TEXT, (502, "provider-refused", None)),
        (500, FREE_TEXT, (503, "provider-unavailable", None)),
        (504, FREE_TEXT, (503, "provider-unavailable", None)),
        (200, FREE_TEXT, (502, "provider-unclear", None)),
        (200, "[]", (502, "provider-unclear", None)),
        (
            409,
            r#"{"message":"palabras-del-proveedor","error":"of_tomorrow"}"#,
            (422, "provider-rejected", Some("of_tomorrow")),
        ),
    ] {
        provider.answers(status, body);
        expect(&proxy, "/v1/flexiti/authorizations/1", body, expected).await;
    }
}

#[tokio::test]
async fn every_error_that_flux_documents_reaches_the_shop_with_its_code() {
    let provider = Provider::start().await;
    let proxy = Proxy::start_with_rails_at(&provider.url).await;
    let fixtures = fixture("flux/transactions_detail.json");
    let answers = fixtures["responses"].as_array().unwrap().iter();
    let mut seen = 0;
    for answer in answers.filter(|answer| answer["http_status"] != 200) {
        let status = u16::try_from(answer["http_status"].as_u64().unwrap()).unwrap();
        provider.answers(status, answer["body"].to_string());
        let code = answer["body"].pointer("/error/error/code");
        let code = code
            .or(answer["body"].pointer("/error/code"))
            .and_then(Value::as_str);
        let expected = match (status, code) {
            (401 | 403, code) => (502, "provider-refused", code),
            (404, Some(_)) | (400, Some("ERR_NOT_FOUND")) => (404, "not-found", None),
            (400, code @ Some(_)) => (422, "provider-rejected", code),
            _ => (503, "provider-unavailable", None),
        };
        let what = answer.to_string();
        expect(&proxy, "/v1/flux/transactions/a-1", &what, expected).await;
        seen += 1;
    }
    assert!(seen >= 3, "{seen}");
    for (code, expected) in [
        ("ERR_BAD_REQUEST", (422, "provider-rejected")),
        ("ERR_UNAUTHORIZED", (502, "provider-refused")),
        ("ERR_FORBIDDEN", (502, "provider-refused")),
        ("CODIGO_DE_PRUEBA_400", (422, "provider-rejected")),
    ] {
        let body = json!({ "error": { "error": { "code": code, "message": FREE_TEXT } } });
        provider.answers(400, body.to_string());
        let (status, problem) = expected;
        expect(
            &proxy,
            "/v1/flux/transactions/a-1",
            code,
            (status, problem, Some(code)),
        )
        .await;
    }
}

#[tokio::test]
async fn what_the_cvu_wallet_says_of_an_error_stays_with_the_proxy() {
    let provider = Provider::start().await;
    let proxy = Proxy::start_with_rails_at(&provider.url).await;
    let error = json!({ "status": "error", "message": FREE_TEXT }).to_string();
    for (status, body, expected) in [
        // It has no codes: the envelope is all there is.
        (200, error.as_str(), (422, "provider-rejected", None)),
        (400, error.as_str(), (422, "provider-rejected", None)),
        (401, error.as_str(), (502, "provider-refused", None)),
        (403, error.as_str(), (502, "provider-refused", None)),
        (500, error.as_str(), (503, "provider-unavailable", None)),
        (503, FREE_TEXT, (503, "provider-unavailable", None)),
        (200, FREE_TEXT, (502, "provider-unclear", None)),
        (
            200,
            r#"{"status":"palabras-del-proveedor"}"#,
            (502, "provider-unclear", None),
        ),
        (
            200,
            r#"{"status":"ok","amount":"palabras-del-proveedor"}"#,
            (502, "provider-unclear", None),
        ),
    ] {
        provider.answers(status, body);
        expect(
            &proxy,
            "/v1/cvu/balance",
            &format!("{status} {body}"),
            expected,
        )
        .await;
    }
}
