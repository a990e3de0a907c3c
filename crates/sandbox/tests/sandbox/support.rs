//! A buyer's browser and a shop's server, as small as they can be.

#[path = "../shared/client.rs"]
mod client;

use aes::cipher::{KeyIvInit, StreamCipher};
use base64::Engine as _;
use client::client;
use rsa::pkcs8::DecodePublicKey;
use rsa::sha2::{Digest, Sha256};
use rsa::{Pkcs1v15Encrypt, Pkcs1v15Sign, RsaPublicKey};
use serde_json::{Value, json};
use ventanilla_sandbox::{Sandbox, SandboxOptions};

pub const VISA: &str = "4242424242424242";

pub struct Shop {
    pub sandbox: Sandbox,
    pub client: reqwest::Client,
}

/// An answer: HTTP status and JSON body.
#[derive(Debug)]
pub struct Answer {
    pub http: u16,
    pub body: Value,
}

impl Answer {
    pub fn error(&self) -> &str {
        self.body["errors"][0].as_str().unwrap_or_default()
    }
}

/// What a caller sees.
#[derive(Debug, PartialEq)]
pub enum Seen {
    /// The connection could not be made.
    Refused,
    /// The connection broke before an answer.
    Broken,
    /// Head of an answer, but not its whole body.
    CutShort(u16),
    Page(u16),
    Json(u16, Value),
}

pub async fn see(sent: Result<reqwest::Response, reqwest::Error>) -> Seen {
    match sent {
        Err(error) if error.is_connect() => Seen::Refused,
        Err(_) => Seen::Broken,
        Ok(response) => {
            let status = response.status().as_u16();
            match response.text().await {
                Err(_) => Seen::CutShort(status),
                Ok(text) => match serde_json::from_str(&text) {
                    Ok(body) => Seen::Json(status, body),
                    Err(_) => Seen::Page(status),
                },
            }
        }
    }
}

/// `session` and `token` of an order.
#[derive(Clone, Debug)]
pub struct Session {
    pub session: String,
    pub token: String,
}

impl Shop {
    pub async fn open() -> Self {
        Self::open_with(SandboxOptions::default()).await
    }

    pub async fn open_with(options: SandboxOptions) -> Self {
        let client = client();
        Self {
            sandbox: Sandbox::start(options).await.unwrap(),
            client,
        }
    }

    pub async fn send(
        &self,
        url: &str,
        token: Option<&str>,
        body: &Value,
    ) -> Result<reqwest::Response, reqwest::Error> {
        let mut request = self
            .client
            .post(url)
            .header("content-type", "application/json")
            .body(body.to_string());
        if let Some(token) = token {
            request = request.header("liszt-token", token);
        }
        request.send().await
    }

    async fn answer(&self, url: &str, token: Option<&str>, body: &Value) -> Answer {
        let response = self.send(url, token, body).await.unwrap();
        Answer {
            http: response.status().as_u16(),
            body: serde_json::from_str(&response.text().await.unwrap()).unwrap(),
        }
    }

    pub async fn merchant(&self, path: &str, body: &Value) -> Answer {
        self.answer(&format!("{}{path}", self.sandbox.merchant_url), None, body)
            .await
    }

    pub async fn checkout(&self, path: &str, token: &str, body: &Value) -> Answer {
        let url = format!("{}{path}", self.sandbox.checkout_url);
        self.answer(&url, Some(token), body).await
    }

    pub fn with_credentials(&self, mut body: Value) -> Value {
        let credentials = self.sandbox.credentials();
        body["merchantId"] = json!(credentials.merchant_id);
        body["secret"] = json!(credentials.secret);
        body
    }

    pub fn order(&self, reference: &str) -> Value {
        self.with_credentials(json!({
            "terminal": self.sandbox.credentials().terminal,
            "amount": 1250.5,
            "currency": "CRC",
            "description": "Café Tarrazú",
            "orderReference": reference,
            "numberOfPayments": ["3", "6"],
        }))
    }

    pub async fn open_order(&self, reference: &str) -> Session {
        session_in(&self.merchant("/", &self.order(reference)).await)
    }

    pub async fn open_token_order(&self, request_id: &str) -> Session {
        let request = self.with_credentials(json!({ "requestId": request_id }));
        session_in(&self.merchant("/tokenize", &request).await)
    }

    pub fn pay_request(&self, session: &Session, card: &Value) -> Value {
        let (ld, lk) = self.seal(card);
        json!({ "session": session.session, "ld": ld, "lk": lk })
    }

    /// Opens an order and pays it.
    pub async fn pay(&self, reference: &str, card: &Value) -> Answer {
        let session = self.open_order(reference).await;
        let request = self.pay_request(&session, card);
        self.checkout("/", &session.token, &request).await
    }

    pub async fn pay_with_token(&self, reference: &str, token: &str) -> Answer {
        let mut request = self.order(reference);
        request["token"] = json!(token);
        self.merchant("/tokenPayment", &request).await
    }

    pub async fn save(&self, request_id: &str, content: &Value) -> Answer {
        let session = self.open_token_order(request_id).await;
        let request = self.pay_request(&session, content);
        self.checkout("/tokenize", &session.token, &request).await
    }

    /// Saves a card; gives its token.
    pub async fn card_token(&self, request_id: &str, number: &str) -> String {
        let content = card_with(number, "card.nickname", json!("Mi tarjeta"));
        let saved = self.save(request_id, &content).await;
        saved.body["result"]["token"].as_str().unwrap().to_owned()
    }

    /// What asks for payments in one call: of 10 CRC each, by reference and card token.
    pub async fn bulk(&self, payments: &[(&str, &str)]) -> Answer {
        let payment = |(reference, token): &(&str, &str)| json!({ "orderReference": reference, "amount": 10, "token": [token] });
        let payments: Vec<_> = payments.iter().map(payment).collect();
        let request = self.with_credentials(json!({
            "terminal": self.sandbox.credentials().terminal,
            "currency": "CRC",
            "payments": payments,
        }));
        self.merchant("/bulk", &request).await
    }

    /// What asks for a subscription of 10 CRC a month, from a day on or from now on.
    pub fn subscription(&self, token: &str, start_date: Option<i64>) -> Value {
        let mut charge = json!({
            "amount": 10,
            "cadence": { "mode": "EVERY", "unit": "MONTH", "every": 1 },
        });
        if let Some(start_date) = start_date {
            charge["startDate"] = json!(start_date);
        }
        self.with_credentials(json!({
            "terminal": self.sandbox.credentials().terminal,
            "userId": "buyer-7",
            "description": "Café del mes",
            "currency": "CRC",
            "tokens": [token],
            "subscription": [charge],
        }))
    }

    /// Makes a subscription; gives its name.
    pub async fn subscribe(&self, token: &str, start_date: Option<i64>) -> String {
        let request = self.subscription(token, start_date);
        let made = self.merchant("/subscriptions", &request).await;
        assert_eq!(made.body["status"], 200, "{made:?}");
        made.body["subscriptionId"].as_str().unwrap().to_owned()
    }

    /// Asks something of a subscription.
    pub async fn of_subscription(&self, path: &str, id: &str, more: Value) -> Answer {
        let mut request = self.with_credentials(more);
        request["subscriptionId"] = json!(id);
        self.merchant(path, &request).await
    }

    /// The subscription, as the list has it.
    pub async fn listed(&self, id: &str) -> Value {
        let request = self.with_credentials(json!({ "page": 1, "pageSize": 100 }));
        let list = self.merchant("/subscriptions/list", &request).await;
        let entries = list.body["result"]["entries"].as_array().unwrap().clone();
        entries.into_iter().find(|entry| entry["id"] == id).unwrap()
    }

    /// Its payments, as the list has them.
    pub async fn payments(&self, id: &str) -> Vec<Value> {
        let list = self
            .of_subscription(
                "/subscriptions/list/payments",
                id,
                json!({ "page": 1, "pageSize": 100 }),
            )
            .await;
        list.body["result"]["entries"].as_array().unwrap().clone()
    }

    pub fn read_request(&self, reference: &str) -> Value {
        json!({
            "merchantId": self.sandbox.credentials().merchant_id,
            "orderReference": reference,
        })
    }

    pub async fn transaction(&self, reference: &str) -> Answer {
        self.merchant("/transactions/get", &self.read_request(reference))
            .await
    }

    /// What a read shows: the state, or nothing when the payment is not found.
    pub async fn state(&self, reference: &str) -> Option<String> {
        let read = self.transaction(reference).await;
        read.body["result"]["state"].as_str().map(str::to_owned)
    }

    /// Pays by card; gives what void, capture and refund are to name.
    pub async fn paid(&self, reference: &str) -> Value {
        let paid = self.pay(reference, &card(VISA)).await;
        self.with_credentials(json!({
            "bin": "424242",
            "last4": paid.body["last4"],
            "authorization": paid.body["authorization"],
            "orderReference": reference,
        }))
    }

    pub async fn void(&self, paid: &Value) -> Answer {
        self.merchant("/transactions/void", paid).await
    }

    pub async fn capture(&self, paid: &Value) -> Answer {
        self.merchant("/transactions/capture", paid).await
    }

    pub async fn refund(&self, paid: &Value) -> Answer {
        self.merchant("/transactions/refund", paid).await
    }

    pub async fn arm(&self, fault: ventanilla_sandbox::Fault) {
        self.sandbox.arm(fault).await.unwrap();
    }

    fn public_key(&self) -> RsaPublicKey {
        RsaPublicKey::from_public_key_pem(&self.sandbox.public_key_pem()).unwrap()
    }

    /// Seals a card object as a browser does.
    pub fn seal(&self, content: &Value) -> (String, String) {
        seal_to(&self.public_key(), content.to_string().into_bytes())
    }

    pub fn verifies(&self, text: &str, signature: &Value) -> bool {
        let signature = hex::decode(signature.as_str().unwrap()).unwrap();
        let digest = Sha256::digest(text.as_bytes());
        self.public_key()
            .verify(Pkcs1v15Sign::new::<Sha256>(), &digest, &signature)
            .is_ok()
    }
}

pub fn session_in(answer: &Answer) -> Session {
    let text = |name: &str| answer.body[name].as_str().unwrap().to_owned();
    Session {
        session: text("session"),
        token: text("token"),
    }
}

pub fn seal_to(key: &RsaPublicKey, mut content: Vec<u8>) -> (String, String) {
    let aes_key = [7_u8; 16];
    let mut counter = [0_u8; 16];
    counter[15] = 254;
    ctr::Ctr128BE::<aes::Aes128>::new(&aes_key.into(), &counter.into())
        .apply_keystream(&mut content);
    let envelope = json!({ "k": aes_key, "s": 254 }).to_string();
    let lk = key
        .encrypt(
            &mut rsa::rand_core::OsRng,
            Pkcs1v15Encrypt,
            envelope.as_bytes(),
        )
        .unwrap();
    (
        hex::encode(content),
        base64::engine::general_purpose::STANDARD.encode(lk),
    )
}

/// A card object that fits in every way.
pub fn card(number: &str) -> Value {
    json!({
        "card": {
            "cardHolder": "Marta Solano Mora",
            "expirationDate": { "month": 12, "year": 39 },
            "cardNumber": number,
            "cvc": if number.len() == 15 { "1234" } else { "123" },
        }
    })
}

pub fn card_with(number: &str, path: &str, value: Value) -> Value {
    let mut content = card(number);
    match path.split_once('.') {
        Some((outer, inner)) => content[outer][inner] = value,
        None => content[path] = value,
    }
    content
}

/// A sample of `tests/fixtures/greenpay`.
pub fn sample(name: &str) -> Value {
    let path = format!(
        "{}/../../tests/fixtures/greenpay/{name}.json",
        env!("CARGO_MANIFEST_DIR")
    );
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}
