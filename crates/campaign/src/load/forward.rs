//! A server that forwards and does nothing else: no database, no checks, nothing kept. What a checkout costs
//! at least.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use clap::Args;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::failure::{Failure, Result, Tried as _};
use crate::harness::proxy::{MERCHANT_ID, TERMINAL};
use crate::random;

/// What it is told; by its environment, which no list of processes shows.
#[derive(Args, Clone)]
pub struct ForwardArguments {
    #[arg(env = "PORT")]
    port: u16,
    #[arg(env = "MERCHANT_URL")]
    merchant_url: String,
    #[arg(env = "CHECKOUT_URL")]
    checkout_url: String,
    #[arg(env = "PUBLIC_KEY")]
    public_key: String,
    #[arg(env = "PROVIDER_SECRET")]
    provider_secret: String,
}

impl std::fmt::Debug for ForwardArguments {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ForwardArguments({}, ****)", self.port)
    }
}

struct Forward {
    merchant_url: String,
    checkout_url: String,
    public_key: String,
    secret: String,
    http: reqwest::Client,
}

/// What the provider answers to an order.
#[derive(Deserialize)]
struct Ordered {
    session: String,
    token: String,
}

type Answer = std::result::Result<Json<Value>, StatusCode>;

/// Serves until it is killed.
///
/// # Errors
///
/// When the port is taken.
pub async fn serve(told: &ForwardArguments) -> Result<()> {
    let pem = told.public_key.lines();
    let forward = Arc::new(Forward {
        merchant_url: told.merchant_url.clone(),
        checkout_url: told.checkout_url.clone(),
        public_key: pem.filter(|line| !line.starts_with('-')).collect(),
        secret: told.provider_secret.clone(),
        http: crate::harness::wire::client(std::time::Duration::from_secs(30))?,
    });
    let router = Router::new()
        .route("/ready", get(async || StatusCode::NO_CONTENT))
        .route("/v1/sessions", post(open))
        .route("/v1/checkout", get(read))
        .route("/v1/checkout/attempts", post(pay))
        .with_state(forward);
    let address = format!("127.0.0.1:{}", told.port);
    let listener = TcpListener::bind(&address)
        .await
        .tried(format_args!("listen on {address}"))?;
    axum::serve(listener, router).await.tried("serve")
}

async fn open() -> Json<Value> {
    let id = format!("ses_{}", hex::encode(random::bytes::<16>()));
    let total = json!({ "amount_minor": 1_250_000, "currency": "CRC" });
    Json(json!({
        "session": { "id": id, "state": "open", "total": total, "attempts": [] },
        "client_token": id,
    }))
}

async fn read(State(forward): State<Arc<Forward>>) -> Json<Value> {
    let pin = fingerprint(&forward.public_key).unwrap_or_default();
    Json(json!({
        "session_id": "ses_forward", "state": "open", "payee": "Café Poás", "order_reference": "A-1001",
        "total": { "amount_minor": 1_250_000, "currency": "CRC" }, "items": [], "rails": ["card"],
        "card": {
            "public_key": forward.public_key, "key_pins": [pin], "accept_weak_key": true,
            "installments": [], "saved_cards": [], "save_card": "never",
        },
        "expires_at": "2030-01-01T00:00:00Z", "server_time": "2030-01-01T00:00:00Z",
    }))
}

fn fingerprint(public_key: &str) -> Option<String> {
    let key = ventanilla_core::seal::ProviderKey::parse(public_key).ok()?;
    Some(key.fingerprint())
}

async fn pay(State(forward): State<Arc<Forward>>, Json(start): Json<Value>) -> Answer {
    let paid = forward
        .pay(&start)
        .await
        .map_err(|_| StatusCode::BAD_GATEWAY)?;
    Ok(Json(paid))
}

impl Forward {
    async fn pay(&self, start: &Value) -> Result<Value> {
        let what = "ask the provider";
        let reference = hex::encode(random::bytes::<16>());
        let order = json!({
            "secret": self.secret, "merchantId": MERCHANT_ID, "terminal": TERMINAL, "amount": 12_500,
            "currency": "CRC", "description": "A-1001", "orderReference": reference,
        });
        let asked = self
            .http
            .post(format!("{}/", self.merchant_url))
            .json(&order)
            .send();
        let ordered: Ordered = asked.await.tried(what)?.json().await.tried(what)?;
        let mut sealed = start["card"]["sealed"].clone();
        sealed["session"] = json!(ordered.session);
        let asked = self.http.post(format!("{}/", self.checkout_url));
        let asked = asked
            .header("liszt-token", ordered.token)
            .json(&sealed)
            .send();
        let answer: Value = asked.await.tried(what)?.json().await.tried(what)?;
        if answer["result"]["success"] != json!(true) {
            return Err(Failure::of("the provider did not approve"));
        }
        Ok(json!({
            "id": format!("att_{reference}"), "rail": "card", "state": "succeeded", "next_action": "finish",
            "age_ms": 0, "reference": reference,
        }))
    }
}
