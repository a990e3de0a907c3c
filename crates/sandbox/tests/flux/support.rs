//! A merchant's server and a buyer's browser, as small as they can be.

#[path = "../shared/client.rs"]
mod client;

use client::client;
use reqwest::Method;
use serde_json::{Value, json};
use ventanilla_sandbox::{Fault, FluxCodeKind, FluxOptions, Sandbox, SandboxOptions};

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
    /// The code of an error, two levels deep.
    pub fn code(&self) -> &str {
        let code = self.body["error"]["error"]["code"].as_str();
        code.unwrap_or_else(|| panic!("{self:?}"))
    }

    pub fn data(&self) -> &Value {
        assert_eq!(self.http, 200, "{self:?}");
        &self.body["data"]
    }
}

/// The three operations that need a token, each as one call about `mesa12-0001`.
pub const GUARDED: [(&str, &str, &str); 3] = [
    ("flux_pay", "POST", "payments"),
    ("flux_refund", "POST", "payments/mesa12-0001/refund"),
    ("flux_transaction", "GET", "transactions/mesa12-0001"),
];

impl Merchant {
    pub async fn open() -> Self {
        Self::open_with(FluxOptions::default()).await
    }

    pub async fn open_with(flux: FluxOptions) -> Self {
        Self::start(SandboxOptions {
            flux,
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

    pub fn token_request(&self) -> Value {
        let refresh_token = &self.sandbox.flux_credentials().refresh_token;
        json!({ "refreshToken": refresh_token, "grantType": "accessToken" })
    }

    pub async fn ask_for_token(&self, body: &Value) -> Answer {
        self.ask("POST", "auth/tokens/refreshToken", "", Some(body))
            .await
    }

    pub async fn fresh_token(&self) -> String {
        let answer = self.ask_for_token(&self.token_request()).await;
        answer.data()["accessToken"].as_str().unwrap().to_owned()
    }

    pub async fn send(
        &self,
        method: &str,
        path: &str,
        token: &str,
        body: Option<&Value>,
    ) -> Result<reqwest::Response, reqwest::Error> {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let url = format!("{}/v3/{path}", self.sandbox.flux_url);
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

    pub fn code(&self, kind: FluxCodeKind) -> String {
        self.sandbox.flux_code(kind)
    }

    /// A payment of 250.00 and a tip of 25.00 with a fresh code that pays.
    pub fn charge(&self, reference: &str) -> Value {
        json!({
            "qr": self.code(FluxCodeKind::Good), "amount": 25_000, "store": "sucursal-centro",
            "tip": 2_500, "reference": reference, "terminal": "caja-01",
            "operator": "operador-7", "table": "12",
        })
    }

    pub async fn pay(&self, charge: &Value) -> Answer {
        self.ask("POST", "payments", &self.token, Some(charge))
            .await
    }

    pub async fn refund(&self, reference: &str, amount: u64) -> Answer {
        let path = format!("payments/{reference}/refund");
        self.ask("POST", &path, &self.token, Some(&refund(amount)))
            .await
    }

    pub async fn look_up(&self, reference: &str) -> Answer {
        let path = format!("transactions/{reference}");
        self.ask("GET", &path, &self.token, None).await
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

    pub async fn arm(&self, fault: Value) {
        let fault: Fault = serde_json::from_value(fault).unwrap();
        self.sandbox.arm(fault).await.unwrap();
    }

    /// A page, or what a form on it leads to.
    pub async fn page(&self, path: &str, form: Option<&str>) -> Page {
        let url = format!("{}{path}", self.sandbox.flux_url);
        let request = match form {
            None => self.client.get(url),
            Some(form) => self
                .client
                .post(url)
                .header("content-type", "application/x-www-form-urlencoded")
                .header("origin", &self.sandbox.flux_url)
                .body(form.to_owned()),
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

/// A refund of `amount` centavos.
pub fn refund(amount: u64) -> Value {
    json!({
        "amount": amount, "message": "Devolucion de prueba", "store": "sucursal-centro",
        "terminal": "caja-01", "operator": "operador-7", "table": "12",
    })
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
}

/// A sample of `tests/fixtures/flux`.
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
}

pub const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/fixtures/flux");
