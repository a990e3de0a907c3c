//! The shop's server: the merchant API.

use std::time::Duration;

use reqwest::{Method, RequestBuilder};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::time::Instant;
use ventanilla_core::attempt::AttemptState;
use ventanilla_core::money::Money;
use ventanilla_core::operation::OperationKind;
use ventanilla_core::rails::Rail;

use super::proxy::Secrets;
use super::wire::{Answer, Wire};
use crate::failure::{Failure, Result};

/// A shop's server. It repeats what was not answered, with the same key.
#[derive(Clone)]
pub struct Shop {
    wire: Wire,
    api_key: String,
    patience: Duration,
}

/// A session just opened.
#[derive(Clone, Debug, Deserialize)]
pub struct Opened {
    /// The session.
    pub session: Session,
    /// For the buyer's page.
    pub client_token: String,
}

/// A session as the merchant sees it.
#[derive(Clone, Debug, Deserialize)]
pub struct Session {
    /// Its identifier.
    pub id: String,
    /// `open`, `succeeded` or `expired`.
    pub state: ventanilla_core::session::SessionState,
    /// What is to be paid.
    pub total: Money,
    /// Its attempts, oldest first.
    pub attempts: Vec<Attempt>,
    /// Operations on them.
    #[serde(default)]
    pub operations: Vec<Operation>,
    /// Money that came by itself for its attempts, or that may have.
    #[serde(default)]
    pub credits: Vec<Credit>,
}

/// An attempt as the merchant sees it.
#[derive(Clone, Debug, Deserialize)]
pub struct Attempt {
    /// Its identifier.
    pub id: String,
    /// Its rail.
    #[serde(default = "card")]
    pub rail: Rail,
    /// Where it stands.
    pub state: AttemptState,
    /// The reference at the provider.
    pub reference: String,
    /// What is to be paid, with the tip.
    pub total: Money,
    /// How much of it is a tip.
    #[serde(default)]
    pub tip: Option<Money>,
    /// RFC 3339 UTC.
    pub created_at: String,
    /// When it ended, RFC 3339 UTC.
    #[serde(default)]
    pub settled_at: Option<String>,
}

const fn card() -> Rail {
    Rail::Card
}

/// What a credit was taken for.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CreditState {
    /// The money of its attempt.
    Matched,
    /// Somebody has to look.
    Review,
    /// Somebody looked, and it is nobody's here.
    Dismissed,
}

/// Money that came by itself, as the merchant sees it.
#[derive(Clone, Debug, Deserialize)]
pub struct Credit {
    /// Its identifier.
    pub id: String,
    /// What it was taken for.
    pub state: CreditState,
    /// How much came.
    pub amount: Money,
    /// Why somebody has to look.
    #[serde(default)]
    pub why: Option<String>,
    /// The attempts whose money it is, or may be.
    pub attempts: Vec<String>,
}

/// An operation as the merchant sees it.
#[derive(Clone, Debug, Deserialize)]
pub struct Operation {
    /// Its identifier.
    pub id: String,
    /// The payment; empty of what belongs to none.
    #[serde(default)]
    pub attempt_id: String,
    /// What is done.
    pub kind: OperationKind,
    /// Where it stands.
    pub state: AttemptState,
    /// How much, where the provider takes an amount.
    #[serde(default)]
    pub amount: Option<Money>,
    /// Why it stands there.
    #[serde(default)]
    pub reason: Option<String>,
    /// What the provider calls what came of it, of what belongs to no payment.
    #[serde(default)]
    pub result: Option<OperationResult>,
    /// Its payments, when it makes several.
    #[serde(default)]
    pub items: Vec<OperationItem>,
    /// RFC 3339 UTC.
    pub created_at: String,
    /// When it ended, RFC 3339 UTC.
    #[serde(default)]
    pub settled_at: Option<String>,
}

/// What the provider calls what came of an operation.
#[derive(Clone, Debug, Deserialize)]
pub struct OperationResult {
    /// A subscription that was made.
    #[serde(default)]
    pub subscription_id: Option<String>,
}

/// A payment of an operation that makes several.
#[derive(Clone, Debug, Deserialize)]
pub struct OperationItem {
    /// The reference at the provider.
    pub reference: String,
    /// Where it stands.
    pub state: AttemptState,
}

impl Shop {
    /// A shop that talks over `wire`.
    #[must_use]
    pub fn new(wire: Wire, secrets: &Secrets) -> Self {
        Self {
            wire,
            api_key: secrets.api_key.clone(),
            patience: Duration::from_secs(60),
        }
    }

    /// `POST /v1/sessions`, repeated until it is answered.
    ///
    /// # Errors
    ///
    /// When it is refused, or not answered for a minute.
    pub async fn open_session(&self, key: &str, order: &Value) -> Result<Opened> {
        self.insist(|| {
            self.request(Method::POST, "/v1/sessions")
                .header("idempotency-key", key)
                .json(order)
        })
        .await
    }

    /// `GET /v1/sessions/{id}`, repeated until it is answered.
    ///
    /// # Errors
    ///
    /// As [`Shop::open_session`].
    pub async fn session(&self, id: &str) -> Result<Session> {
        self.insist(|| self.request(Method::GET, &format!("/v1/sessions/{id}")))
            .await
    }

    /// A fresh client token for a session.
    ///
    /// # Errors
    ///
    /// As [`Shop::open_session`].
    pub async fn client_token(&self, id: &str) -> Result<String> {
        #[derive(Deserialize)]
        struct Fresh {
            client_token: String,
        }
        let path = format!("/v1/sessions/{id}/client-token");
        let fresh: Fresh = self.insist(|| self.request(Method::POST, &path)).await?;
        Ok(fresh.client_token)
    }

    /// `POST /v1/sessions/{id}/expire`, once.
    pub async fn expire(&self, id: &str) -> Answer<Session> {
        Wire::send(self.request(Method::POST, &format!("/v1/sessions/{id}/expire"))).await
    }

    /// `POST /v1/attempts/{id}/{kind}`, once.
    pub async fn operate(
        &self,
        attempt_id: &str,
        kind: OperationKind,
        key: &str,
    ) -> Answer<Operation> {
        let path = format!("/v1/attempts/{attempt_id}/{}", kind.name());
        let request = self
            .request(Method::POST, &path)
            .header("idempotency-key", key)
            .json(&json!({}));
        Wire::send(request).await
    }

    /// Asks for what belongs to no checkout, once: `POST` to `path`.
    pub async fn run_errand(&self, path: &str, body: &Value, key: &str) -> Answer<Operation> {
        let request = self
            .request(Method::POST, path)
            .header("idempotency-key", key)
            .json(body);
        Wire::send(request).await
    }

    /// A saved card of a buyer, by its identifier: `GET /v1/greenpay/cards`, repeated until it is answered.
    ///
    /// # Errors
    ///
    /// As [`Shop::open_session`], and when the buyer has none.
    pub async fn saved_card(&self, buyer_id: &str) -> Result<String> {
        #[derive(Deserialize)]
        struct Cards {
            cards: Vec<Card>,
        }
        #[derive(Deserialize)]
        struct Card {
            id: String,
        }
        let path = format!("/v1/greenpay/cards?buyer_id={buyer_id}");
        let found: Cards = self.insist(|| self.request(Method::GET, &path)).await?;
        let card = found.cards.into_iter().next();
        card.map(|card| card.id)
            .ok_or_else(|| Failure::of("the buyer has no saved card"))
    }

    /// `GET /v1/operations/{id}`, once.
    pub async fn operation(&self, id: &str) -> Answer<Operation> {
        Wire::send(self.request(Method::GET, &format!("/v1/operations/{id}"))).await
    }

    /// `POST /v1/review/{id}/read`, once: what is in doubt is to be read now. Whether it was taken.
    pub async fn read_now(&self, id: &str) -> bool {
        let path = format!("/v1/review/{id}/read");
        let answer = self.request(Method::POST, &path).send().await;
        answer.is_ok_and(|answer| answer.status().is_success())
    }

    /// The credits that somebody must look at: `GET /v1/review`, repeated until it is answered.
    ///
    /// # Errors
    ///
    /// As [`Shop::open_session`].
    pub async fn credits_in_review(&self) -> Result<Vec<Credit>> {
        #[derive(Deserialize)]
        struct Review {
            credits: Vec<Credit>,
        }
        let review: Review = self
            .insist(|| self.request(Method::GET, "/v1/review"))
            .await?;
        Ok(review.credits)
    }

    /// `POST /v1/review/{id}/settle`, once: a credit is the money of `attempt_id`, or nobody's here. Whether
    /// that was taken.
    pub async fn settle_credit(&self, id: &str, attempt_id: Option<&str>) -> bool {
        let note = "seen in the account";
        let found = match attempt_id {
            Some(attempt_id) => {
                json!({ "outcome": "matched", "attempt_id": attempt_id, "note": note })
            }
            None => json!({ "outcome": "dismissed", "note": note }),
        };
        let path = format!("/v1/review/{id}/settle");
        let answer = self.request(Method::POST, &path).json(&found).send().await;
        answer.is_ok_and(|answer| answer.status().is_success())
    }

    /// Any other call of the merchant API.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.wire.request(method, path).bearer_auth(&self.api_key)
    }

    async fn insist<T: serde::de::DeserializeOwned>(
        &self,
        request: impl Fn() -> RequestBuilder,
    ) -> Result<T> {
        let deadline = Instant::now() + self.patience;
        let mut pause = Duration::from_millis(20);
        loop {
            let answer = Wire::send(request()).await;
            let again = answer.is_worth_repeating() && Instant::now() < deadline;
            match answer {
                Answer::Done(done) => return Ok(done),
                Answer::Problem(trouble) if !again => {
                    let Trouble { status, code, .. } = trouble;
                    return Err(Failure::of(format!(
                        "the shop was answered {status} {code}"
                    )));
                }
                Answer::Nothing(why) if !again => {
                    return Err(Failure::of(format!("the shop was not answered: {why}")));
                }
                Answer::Problem(_) | Answer::Nothing(_) => {}
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(Duration::from_millis(500));
        }
    }
}

use super::wire::Trouble;

/// A small order of `amount_minor` hundredths of a colón.
#[must_use]
pub fn order(order_reference: &str, amount_minor: u64) -> Value {
    json!({
        "order_reference": order_reference,
        "total": { "amount_minor": amount_minor, "currency": "CRC" },
        "description": "Café de Tarrazú",
        "expires_in_secs": 86_400,
        "buyer": { "name": "Ana Rojas", "email": "ana@example.com",
            "billing_address": { "country": "CR", "street1": "Calle 1", "city": "San José" } }
    })
}

/// A small order of `amount_minor` Mexican centavos, to be paid with a wallet's code.
#[must_use]
pub fn order_in_mexico(order_reference: &str, amount_minor: u64) -> Value {
    json!({
        "order_reference": order_reference,
        "total": { "amount_minor": amount_minor, "currency": "MXN" },
        "description": "Chilaquiles",
        "rails": ["flux"],
        "expires_in_secs": 86_400,
    })
}

/// A small order of `amount_minor` cents, to be financed.
#[must_use]
pub fn order_in_canada(order_reference: &str, amount_minor: u64) -> Value {
    json!({
        "order_reference": order_reference,
        "total": { "amount_minor": amount_minor, "currency": "CAD" },
        "description": "Espresso machine",
        "rails": ["flexiti"],
        "expires_in_secs": 86_400,
    })
}

/// A small order of `amount_minor` centavos, to be paid from a wallet.
#[must_use]
pub fn order_in_pesos(order_reference: &str, amount_minor: u64) -> Value {
    json!({
        "order_reference": order_reference,
        "total": { "amount_minor": amount_minor, "currency": "ARS" },
        "description": "Yerba mate",
        "rails": ["cvu"],
        "expires_in_secs": 86_400,
    })
}
