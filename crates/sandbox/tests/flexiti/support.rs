//! A merchant's server and a shopper's browser, as small as they can be.

#[path = "../shared/client.rs"]
mod client;

use std::time::{Duration, SystemTime};

use client::client;
use reqwest::Method;
use serde_json::{Value, json};
use ventanilla_sandbox::{Fault, FlexitiOptions, Sandbox, SandboxOptions};

pub const OLD: &str = "flexiti/pos-api/v2.5/client-id/demo-merchant";
pub const NEW: &str = "flexiti/pos-api/v2.5.1/client-id/demo-merchant";
pub const TOKEN: &str = "flexiti/pos-api/v2.5/oauth/token";
pub const TRACE: &str = "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee";

/// 2026-01-12T09:00:00Z.
const STARTS: Duration = Duration::from_secs(1_768_208_400);

pub struct Merchant {
    pub sandbox: Sandbox,
    pub client: reqwest::Client,
    /// Of scope merchant.
    pub token: String,
}

/// An answer: HTTP status and JSON body.
#[derive(Debug)]
pub struct Answer {
    pub http: u16,
    pub body: Value,
}

impl Answer {
    /// Status and code of a refusal.
    pub fn refusal(&self) -> (u16, &str) {
        assert!(self.http >= 400, "{self:?}");
        (self.http, self.body["error"].as_str().unwrap())
    }

    pub fn done(self) -> Value {
        assert_eq!(self.http, 200, "{self:?}");
        self.body
    }
}

/// A call, as far as it is not like every other.
pub struct Call<'a> {
    pub method: &'a str,
    pub path: &'a str,
    pub token: &'a str,
    pub content_type: &'a str,
    pub headers: Vec<(&'a str, &'a str)>,
    pub body: String,
}

impl<'a> Call<'a> {
    pub fn get(path: &'a str, token: &'a str) -> Self {
        Self {
            method: "GET",
            path,
            token,
            content_type: "",
            headers: vec![("x-reference-id", TRACE)],
            body: String::new(),
        }
    }

    pub fn post(path: &'a str, token: &'a str, body: &Value) -> Self {
        Self {
            method: "POST",
            content_type: "application/json",
            body: body.to_string(),
            ..Self::get(path, token)
        }
    }
}

impl Merchant {
    pub async fn open() -> Self {
        Self::open_with(FlexitiOptions::default()).await
    }

    /// On a day of the samples.
    pub async fn open_with(flexiti: FlexitiOptions) -> Self {
        Self::start(SandboxOptions {
            flexiti,
            starts_at: Some(SystemTime::UNIX_EPOCH + STARTS),
            ..SandboxOptions::default()
        })
        .await
    }

    pub async fn start(options: SandboxOptions) -> Self {
        let client = client();
        let mut merchant = Self {
            sandbox: Sandbox::start(options).await.unwrap(),
            client,
            token: String::new(),
        };
        merchant.token = merchant.fresh_token("merchant").await;
        merchant
    }

    pub async fn send(&self, call: Call<'_>) -> Result<reqwest::Response, reqwest::Error> {
        let method = Method::from_bytes(call.method.as_bytes()).unwrap();
        let url = format!("{}/{}", self.sandbox.flexiti_url, call.path);
        let mut request = self.client.request(method, url);
        if !call.token.is_empty() {
            request = request.header("authorization", format!("Bearer {}", call.token));
        }
        if !call.content_type.is_empty() {
            request = request.header("content-type", call.content_type);
        }
        for (name, value) in call.headers {
            request = request.header(name, value);
        }
        request.body(call.body).send().await
    }

    pub async fn ask(&self, call: Call<'_>) -> Answer {
        let response = self.send(call).await.unwrap();
        let http = response.status().as_u16();
        let text = response.text().await.unwrap();
        Answer {
            http,
            body: serde_json::from_str(&text).unwrap_or_else(|_| panic!("{http} {text}")),
        }
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.ask(Call::get(path, &self.token)).await
    }

    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        self.ask(Call::post(path, &self.token, body)).await
    }

    pub fn token_call(form: &str) -> Call<'_> {
        Call {
            method: "POST",
            content_type: "application/x-www-form-urlencoded",
            body: form.to_owned(),
            ..Call::get(TOKEN, "")
        }
    }

    pub async fn token_answer(&self, form: &str) -> Answer {
        self.ask(Self::token_call(form)).await
    }

    pub async fn fresh_token(&self, scope: &str) -> String {
        let form = format!(
            "grant_type=client_credentials&client_id=demo-merchant\
             &client_secret=placeholder-secret&scope={scope}"
        );
        let answer = self.token_answer(&form).await.done();
        answer["access_token"].as_str().unwrap().to_owned()
    }

    /// Opens a widget session for an account; gives its id and the token it was opened with.
    pub async fn session(&self, account: u64) -> (String, String) {
        let token = self.fresh_token("customer").await;
        let body = json!({
            "customer_identification": { "account_number": account }, "flow": "purchase",
        });
        let path = format!("{OLD}/widget/init");
        let answer = self.ask(Call::post(&path, &token, &body)).await.done();
        let url = answer["redirection_url"].as_str().unwrap();
        let (_, id) = url.split_once("widget_session_id=").unwrap();
        (id.to_owned(), token)
    }

    pub async fn identify(&self, session: &str, outcome: &str) -> Answer {
        let wanted = json!({ "widget_session_id": session, "outcome": outcome });
        self.manage("POST", "/flexiti/identify", Some(&wanted))
            .await
    }

    /// A session whose shopper was verified.
    pub async fn verified(&self, account: u64) -> (String, String) {
        let (session, token) = self.session(account).await;
        assert_eq!(self.identify(&session, "verified").await.http, 201);
        (session, token)
    }

    /// Authorizes online, with a session of its own; `changes` are of the request.
    pub async fn authorize(&self, changes: Value) -> Answer {
        let account = changes["account_number"].as_u64().unwrap_or(10_000_001);
        let (session, token) = self.verified(account).await;
        let request = changed(request(&session), changes);
        let path = format!("{NEW}/authorization");
        self.ask(Call::post(&path, &token, &request)).await
    }

    /// The number of an authorization of so many dollars that was not captured.
    pub async fn held(&self, dollars: u32) -> u64 {
        let answer = self
            .authorize(json!({ "amount": dollars, "auto_capture": false }))
            .await;
        answer.done()["authorization_id"].as_u64().unwrap()
    }

    pub async fn capture(&self, id: u64, amount: Value) -> Answer {
        let path = format!("{OLD}/authorization/{id}/capture");
        self.post(
            &path,
            &json!({ "reference": "order-0001", "amount": amount }),
        )
        .await
    }

    pub async fn release(&self, id: u64, amount: Option<Value>) -> Answer {
        let path = format!("{OLD}/authorization/{id}/release");
        let mut body = json!({ "reference": "order-0001", "full_release": amount.is_none() });
        body["amount"] = amount.unwrap_or_default();
        self.post(&path, &body).await
    }

    pub async fn give_back(&self, id: u64, capture: u64, amount: Option<Value>) -> Answer {
        let path = format!("{OLD}/authorization/{id}/capture/{capture}/return");
        let mut body = json!({ "reference": "order-0001", "full_return": amount.is_none() });
        body["amount"] = amount.unwrap_or_default();
        self.post(&path, &body).await
    }

    pub async fn refund(&self, account: u64, amount: Value) -> Answer {
        let path = format!("{OLD}/accounts/{account}/refund");
        self.post(
            &path,
            &json!({ "reference": "order-0001", "amount": amount }),
        )
        .await
    }

    pub async fn read(&self, id: u64) -> Answer {
        self.get(&format!("{NEW}/authorization/{id}")).await
    }

    pub async fn list(&self, query: &str) -> Answer {
        self.get(&format!("{NEW}/authorizations?{query}")).await
    }

    /// A call to the management host.
    pub async fn manage(&self, method: &str, path: &str, body: Option<&Value>) -> Answer {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let url = format!("{}{path}", self.sandbox.management_url);
        let mut request = self.client.request(method, url);
        if let Some(body) = body {
            request = request
                .header("content-type", "application/json")
                .body(body.to_string());
        }
        let response = request.send().await.unwrap();
        Answer {
            http: response.status().as_u16(),
            body: serde_json::from_str(&response.text().await.unwrap()).unwrap_or_default(),
        }
    }

    pub async fn change_account(&self, account: u64, change: Value) {
        let path = format!("/flexiti/accounts/{account}");
        let answer = self.manage("POST", &path, Some(&change)).await;
        assert_eq!(answer.http, 201, "{answer:?}");
    }

    pub async fn credit(&self, account: usize) -> u64 {
        let accounts = self.manage("GET", "/flexiti/accounts", None).await.body;
        accounts[account]["available_credit_minor"]
            .as_u64()
            .unwrap()
    }

    pub async fn arm(&self, fault: Value) {
        let fault: Fault = serde_json::from_value(fault).unwrap();
        self.sandbox.arm(fault).await.unwrap();
    }

    pub fn set(&self, change: impl FnOnce(&mut FlexitiOptions)) {
        self.sandbox.set_flexiti(options(change)).unwrap();
    }
}

pub fn options(change: impl FnOnce(&mut FlexitiOptions)) -> FlexitiOptions {
    let mut options = FlexitiOptions::default();
    change(&mut options);
    options
}

/// An online authorization as the samples have it.
pub fn request(session: &str) -> Value {
    let mut request = sample("authorization_request_online_preauth");
    request["widget_session_id"] = json!(session);
    request
}

/// With other fields; `null` takes one away.
pub fn changed(mut value: Value, changes: Value) -> Value {
    let Value::Object(changes) = changes else {
        return value;
    };
    for (name, change) in changes {
        if change.is_null() {
            value.as_object_mut().unwrap().remove(&name);
        } else {
            value[name] = change;
        }
    }
    value
}

pub const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/fixtures/flexiti");

/// A sample of `tests/fixtures/flexiti`.
pub fn sample(name: &str) -> Value {
    let path = format!("{FOLDER}/{name}.json");
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}
