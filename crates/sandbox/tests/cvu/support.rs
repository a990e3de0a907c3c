//! A merchant's server and a buyer's browser, as small as they can be.

#[path = "../shared/client.rs"]
mod client;

use std::collections::BTreeMap;

use client::client;
use reqwest::Method;
use serde_json::{Value, json};
use ventanilla_sandbox::{CvuOptions, Fault, Sandbox, SandboxOptions};

pub struct Merchant {
    pub sandbox: Sandbox,
    pub client: reqwest::Client,
    pub token: String,
}

/// An answer: HTTP status and JSON body.
#[derive(Debug)]
pub struct Answer {
    pub http: u16,
    pub body: Value,
}

impl Answer {
    pub fn message(&self) -> &str {
        assert_eq!(self.body["status"], "error", "{self:?}");
        self.body["message"].as_str().unwrap()
    }

    pub fn is_ok(&self) -> bool {
        self.body["status"] == "ok"
    }
}

/// The 16 operations that need a token, each as one call that is taken.
pub const GUARDED: [(&str, &str, &str); 16] = [
    ("cvu_concepts", "GET", "v2/payment/concepts"),
    ("cvu_balance", "GET", "v2/account/balance"),
    ("cvu_cashout", "POST", "v2/payment/cashout"),
    ("cvu_voucher", "GET", "v2/payment/cashout/700001"),
    ("cvu_cashin", "GET", "v2/payment/cashin/800001"),
    ("cvu_qr", "POST", "v2/payment/cashin/qr/generate"),
    (
        "cvu_transfer",
        "POST",
        "v2/payment/cashin/transfer/generate",
    ),
    ("cvu_statistics", "GET", "v2/whitelabel/statics/2026-11"),
    ("cvu_link", "POST", "v2/payment/cashin/link/generate"),
    ("cvu_sale_points", "GET", "v2/payment/cashin/qr/sale-point"),
    (
        "cvu_static_qr",
        "GET",
        "v2/payment/cashin/qr/sale-point/static",
    ),
    (
        "cvu_create_sale_point",
        "POST",
        "v2/payment/cashin/qr/sale-point",
    ),
    (
        "cvu_delete_sale_point",
        "DELETE",
        "v2/payment/cashin/qr/sale-point",
    ),
    (
        "cvu_static_order",
        "POST",
        "v2/payment/cashin/qr/static/order",
    ),
    ("cvu_transactions", "GET", "v2/account/transactions"),
    ("cvu_filters", "GET", "v2/account/transactions_filters"),
];

impl Merchant {
    pub async fn open() -> Self {
        Self::open_with(CvuOptions::default()).await
    }

    /// As the samples are: the list of an early day, dates that run out at the minute they say.
    pub async fn open_with(cvu: CvuOptions) -> Self {
        Self::start(SandboxOptions {
            cvu,
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
        merchant.token = merchant.fresh_token().await;
        merchant
    }

    pub fn credentials(&self) -> Value {
        let credentials = self.sandbox.cvu_credentials();
        json!({ "username": credentials.username, "password": credentials.password })
    }

    pub async fn fresh_token(&self) -> String {
        let answer = self
            .ask("POST", "v2/auth/token", "", Some(&self.credentials()))
            .await;
        ["token", "access_token"]
            .iter()
            .find_map(|name| answer.body[name].as_str())
            .unwrap()
            .to_owned()
    }

    pub async fn send(
        &self,
        method: &str,
        path: &str,
        token: &str,
        body: Option<&Value>,
    ) -> Result<reqwest::Response, reqwest::Error> {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let url = format!("{}/{path}", self.sandbox.cvu_url);
        let mut request = self.client.request(method, url);
        if !token.is_empty() {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        if let Some(body) = body {
            request = request
                .header("content-type", "application/json")
                .body(body.to_string());
        }
        request.send().await
    }

    pub async fn ask(&self, method: &str, path: &str, token: &str, body: Option<&Value>) -> Answer {
        let response = self.send(method, path, token, body).await.unwrap();
        let http = response.status().as_u16();
        let text = response.text().await.unwrap();
        Answer {
            http,
            body: serde_json::from_str(&text).unwrap_or_else(|_| panic!("{http} {text}")),
        }
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, &self.token, None).await
    }

    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        self.ask("POST", path, &self.token, Some(body)).await
    }

    /// A date that is to come, a day from now, under every reading of the format.
    pub async fn tomorrow(&self) -> String {
        self.day_and(1, |month| format!("18:{month}:00")).await
    }

    /// `days` from the sandbox's today in Buenos Aires, with a time made of the month.
    pub async fn day_and(&self, days: i64, clock: impl Fn(&str) -> String) -> String {
        let date = self.now().await + time::Duration::days(days);
        let month = format!("{:02}", u8::from(date.month()));
        format!("{} {}", date.date(), clock(&month))
    }

    /// The sandbox's time in Buenos Aires, told by its own ledger.
    pub async fn now(&self) -> time::OffsetDateTime {
        self.get("v2/payment/concepts").await;
        let ledger = self.sandbox.ledger();
        let at = &ledger.calls.last().unwrap().at;
        time::OffsetDateTime::parse(at, &time::format_description::well_known::Rfc3339)
            .unwrap()
            .to_offset(time::macros::offset!(-3))
    }

    /// The list of everything from yesterday to tomorrow.
    pub async fn transactions(&self, more: &str) -> Answer {
        let now = self.now().await;
        let (from, to) = (
            (now - time::Duration::days(1)).date(),
            (now + time::Duration::days(2)).date(),
        );
        self.get(&format!(
            "v2/account/transactions?date_from={from}&date_to={to}{more}"
        ))
        .await
    }

    pub async fn rows(&self) -> Vec<Value> {
        let answer = self.transactions("").await;
        answer.body["transactions"].as_array().unwrap().clone()
    }

    pub async fn link(&self) -> Value {
        let request = json!({
            "expiration_date": self.tomorrow().await,
            "amount": 1500.5,
            "multiple_use": false,
            "concept": "VAR",
        });
        let answer = self.post("v2/payment/cashin/link/generate", &request).await;
        assert!(answer.is_ok(), "{answer:?}");
        answer.body
    }

    pub async fn code(&self) -> Value {
        let request = json!({ "amount": 1500.5, "concept": "VAR", "description": "Pedido 0001" });
        let answer = self.post("v2/payment/cashin/qr/generate", &request).await;
        assert!(answer.is_ok(), "{answer:?}");
        answer.body
    }

    pub async fn sale_point(&self, name: &str) -> u64 {
        let answer = self
            .post("v2/payment/cashin/qr/sale-point", &json!({ "name": name }))
            .await;
        answer.body["sale_point_id"].as_u64().unwrap()
    }

    pub async fn fixed_code(&self, sale_point: u64, kind: &str) -> String {
        let body = json!({ "type_amount": kind, "sale_point_id": sale_point });
        let path = "v2/payment/cashin/qr/sale-point/static";
        let answer = self.ask("GET", path, &self.token, Some(&body)).await;
        answer.body["qr_code"].as_str().unwrap().to_owned()
    }

    pub async fn order_at(&self, sale_point: u64) -> Answer {
        let order = json!({
            "amount": 1500.5, "concept": "VAR", "description": "Pedido 0004",
            "sale_point_id": sale_point,
        });
        self.post("v2/payment/cashin/qr/static/order", &order).await
    }

    pub async fn cashin(&self, id: u64) -> Answer {
        self.get(&format!("v2/payment/cashin/{id}")).await
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

    /// A buyer pays; gives the credits.
    pub async fn pay(&self, request: &Value) -> Vec<Value> {
        let answer = self.manage("POST", "/cvu/pay", Some(request)).await;
        assert_eq!(answer.http, 201, "{answer:?}");
        answer.body.as_array().unwrap().clone()
    }

    pub async fn arm(&self, fault: Value) {
        let fault: Fault = serde_json::from_value(fault).unwrap();
        self.sandbox.arm(fault).await.unwrap();
    }

    /// A page, or what a form on it leads to.
    pub async fn page(&self, path: &str, form: Option<&[(&str, &str)]>) -> Page {
        let url = format!("{}{path}", self.sandbox.cvu_url);
        let request = match form {
            None => self.client.get(url),
            Some(fields) => self
                .client
                .post(url)
                .header("content-type", "application/x-www-form-urlencoded")
                .header("origin", &self.sandbox.cvu_url)
                .body(encoded(fields)),
        };
        let response = request.send().await.unwrap();
        let headers = response.headers().clone();
        let header = |name: &str| {
            let value = headers.get(name);
            value.map_or_else(String::new, |it| it.to_str().unwrap().to_owned())
        };
        Page {
            http: response.status().as_u16(),
            location: header("location"),
            policy: header("content-security-policy"),
            html: response.text().await.unwrap(),
        }
    }
}

#[derive(Debug)]
pub struct Page {
    pub http: u16,
    pub location: String,
    pub policy: String,
    pub html: String,
}

impl Page {
    pub fn says(&self, text: &str) -> bool {
        self.html.contains(text)
    }

    /// The value of a hidden field.
    pub fn hidden(&self, name: &str) -> String {
        let start = format!("name={name} value=");
        let (_, rest) = self.html.split_once(&start).unwrap();
        let rest = rest.trim_start_matches('"');
        rest.split(['"', '>']).next().unwrap().to_owned()
    }
}

fn encoded(fields: &[(&str, &str)]) -> String {
    let escaped = |text: &str| -> String {
        text.bytes()
            .map(|byte| match byte {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => char::from(byte).to_string(),
                byte => format!("%{byte:02X}"),
            })
            .collect()
    };
    let fields: Vec<String> = fields
        .iter()
        .map(|(name, value)| format!("{name}={}", escaped(value)))
        .collect();
    fields.join("&")
}

/// The form of a payment page, filled in.
pub fn filled<'a>(changes: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let mut fields = BTreeMap::from([
        ("form", "1"),
        ("choice", "exact"),
        ("other", ""),
        ("payer", "prueba.demo.uno"),
        ("when", "now"),
        ("times", "1"),
        ("deed", "pay"),
    ]);
    fields.extend(changes.iter().copied());
    fields.into_iter().collect()
}

/// A sample of `tests/fixtures/cvu`.
pub struct Sample(pub Value);

impl Sample {
    pub fn read(name: &str) -> Self {
        let path = format!("{FOLDER}/{name}.json");
        Self(serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap())
    }

    fn named(&self, list: &str, name: &str) -> &Value {
        let list = self.0[list].as_array().unwrap();
        list.iter()
            .find(|one| one["name"] == name)
            .unwrap_or_else(|| panic!("no {name}"))
    }

    pub fn request(&self, name: &str) -> Value {
        self.named("requests", name)["body"].clone()
    }

    /// Body and HTTP status of an answer.
    pub fn response(&self, name: &str) -> (Value, u16) {
        let response = self.named("responses", name);
        let http = response["http_status"].as_u64().unwrap();
        (response["body"].clone(), u16::try_from(http).unwrap())
    }

    pub fn body(&self, name: &str) -> Value {
        self.response(name).0
    }
}

pub const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/fixtures/cvu");

/// The value without what no two answers share.
pub fn without(mut value: Value, names: &[&str]) -> Value {
    match &mut value {
        Value::Object(fields) => {
            for name in names {
                fields.remove(*name);
            }
            for field in fields.values_mut() {
                *field = without(field.take(), names);
            }
        }
        Value::Array(items) => {
            for item in items {
                *item = without(item.take(), names);
            }
        }
        _ => {}
    }
    value
}
