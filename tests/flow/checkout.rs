//! The buyer's side: what the widget does, without the widget.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use ventanilla_core::api::{
    AttemptView, Call, CheckoutView, IDEMPOTENCY_KEY, IdempotencyKey, StartAttempt, read_attempt,
    read_checkout, start_attempt,
};
use ventanilla_core::attempt::AttemptState;
use ventanilla_core::card::{Card, Cvc, Expiry, Holder, Pan, YearMonth};
use ventanilla_core::problem::Problem;
use ventanilla_core::rails::Rail;
use ventanilla_core::rails::card::{CardOffer, CardStart, SealedCardMessage};
use ventanilla_core::random::{RandomError, RandomSource};
use ventanilla_core::seal::{ProviderKey, SealOptions, seal};

use crate::world::{Answer, World};

/// A checkout in a buyer's browser.
#[derive(Clone)]
pub struct Checkout {
    pub world: Arc<World>,
    pub session: String,
    pub token: String,
}

/// What the buyer chooses besides the card.
#[derive(Clone, Copy, Default)]
pub struct Choice {
    pub installments: Option<u8>,
    pub save: bool,
}

/// So many answers are waited for before a test gives up.
const READS: usize = 40;
/// So long the proxy may hold each of them back.
const WAIT_SECS: u8 = 2;

impl Checkout {
    pub fn new(world: Arc<World>, session: String, token: String) -> Self {
        Self {
            world,
            session,
            token,
        }
    }

    /// A request with everything that the widget's frame sends.
    pub fn request(&self, method: &str, path: &str) -> reqwest::RequestBuilder {
        self.world
            .client
            .request(
                method.parse().unwrap(),
                format!("{}{path}", self.world.origin()),
            )
            .bearer_auth(&self.token)
            .header("origin", self.world.frame_origin())
    }

    /// Sends what `core::api` built.
    pub async fn call<B: Serialize, A: DeserializeOwned>(
        &self,
        call: Call<B, A>,
    ) -> Result<A, Box<Problem>> {
        let answer = self.world.send(self.build(&call)).await;
        read(&answer)
    }

    /// Sends a call that may find nobody there.
    pub async fn try_call<B: Serialize, A>(&self, call: Call<B, A>) -> Result<(), reqwest::Error> {
        self.build(&call).send().await.map(drop)
    }

    fn build<B: Serialize, A>(&self, call: &Call<B, A>) -> reqwest::RequestBuilder {
        let mut request = self.request(call.method, &call.path);
        if let Some(key) = &call.idempotency_key {
            request = request.header(IDEMPOTENCY_KEY, key.as_str());
        }
        if let Some(body) = &call.body {
            request = request
                .header("content-type", "application/json")
                .body(serde_json::to_string(body).unwrap());
        }
        request
    }

    /// Posts a body to the attempts as it is.
    pub async fn post(&self, body: &Value) -> Answer {
        let key = self.world.next_key();
        let request = self
            .request("POST", "/v1/checkout/attempts")
            .header(IDEMPOTENCY_KEY, key.as_str())
            .header("content-type", "application/json")
            .body(body.to_string());
        self.world.send(request).await
    }

    pub async fn view(&self) -> CheckoutView {
        self.call(read_checkout()).await.unwrap()
    }

    pub async fn offer(&self) -> CardOffer {
        self.view().await.card.unwrap()
    }

    /// Seals a card as the widget does: to the key that the session offers, if it is pinned.
    pub async fn seal(&self, number: &str, choice: Choice) -> SealedCardMessage {
        let offer = self.offer().await;
        let key = ProviderKey::parse(&offer.public_key)
            .unwrap()
            .pinned(&offer.key_pins, offer.accept_weak_key)
            .unwrap();
        let options = SealOptions {
            installments: choice.installments,
            save: choice.save,
        };
        seal(&card(number), &options, &key, &mut Chance::new()).unwrap()
    }

    pub async fn sealed_start(&self, number: &str, choice: Choice) -> StartAttempt {
        StartAttempt {
            rail: Rail::Card,
            card: Some(CardStart {
                sealed: Some(self.seal(number, choice).await),
                saved_card: None,
                installments: choice.installments,
                save_card: choice.save,
            }),
            cvu: None,
            flux: None,
            flexiti: None,
        }
    }

    pub async fn start(
        &self,
        key: IdempotencyKey,
        start: StartAttempt,
    ) -> Result<AttemptView, Box<Problem>> {
        self.call(start_attempt(key, start)).await
    }

    pub async fn try_to_pay_with(
        &self,
        number: &str,
        choice: Choice,
    ) -> Result<AttemptView, Box<Problem>> {
        let start = self.sealed_start(number, choice).await;
        self.start(self.world.next_key(), start).await
    }

    pub async fn try_to_pay(&self, number: &str) -> Result<AttemptView, Box<Problem>> {
        self.try_to_pay_with(number, Choice::default()).await
    }

    pub async fn pay(&self, number: &str) -> AttemptView {
        self.try_to_pay(number).await.unwrap()
    }

    pub async fn pay_with_saved(&self, id: &str) -> Result<AttemptView, Box<Problem>> {
        let start = StartAttempt {
            rail: Rail::Card,
            card: Some(CardStart {
                sealed: None,
                saved_card: Some(id.to_owned()),
                installments: None,
                save_card: false,
            }),
            cvu: None,
            flux: None,
            flexiti: None,
        };
        self.start(self.world.next_key(), start).await
    }

    /// Starts an attempt and hangs up before the answer; gives the attempt as it stands once the
    /// proxy has begun with it.
    pub async fn pay_and_hang_up(&self, number: &str) -> AttemptView {
        let start = self.sealed_start(number, Choice::default()).await;
        let request = self.build(&start_attempt(self.world.next_key(), start));
        let call = tokio::spawn(request.send());
        let attempt = self
            .attempt_once(|attempt| attempt.state != AttemptState::New)
            .await;
        call.abort();
        attempt
    }

    /// The session's latest attempt, once there is one that `wanted` likes.
    pub async fn attempt_once(&self, wanted: impl Fn(&AttemptView) -> bool) -> AttemptView {
        for _ in 0..2_000 {
            if let Some(attempt) = self.view().await.attempt
                && wanted(&attempt)
            {
                return attempt;
            }
        }
        panic!("no such attempt came up: {:?}", self.view().await.attempt);
    }

    /// An attempt as it stands.
    pub async fn attempt(&self, id: &str) -> AttemptView {
        self.call(read_attempt(id, 0)).await.unwrap()
    }

    /// Waits, by the proxy's own waiting, until an attempt is in `state`; fails when it ends in another.
    pub async fn until(&self, id: &str, state: AttemptState) -> AttemptView {
        self.until_moving(id, state, Duration::ZERO).await
    }

    /// The same, moving the clock on between two answers.
    pub async fn until_moving(&self, id: &str, state: AttemptState, step: Duration) -> AttemptView {
        let mut last = None;
        for _ in 0..READS {
            // A client token lives half an hour, and the clock is moved on by more.
            let visitor = self.with_fresh_token().await;
            let wait = if step.is_zero() { WAIT_SECS } else { 1 };
            let attempt = visitor.call(read_attempt(id, wait)).await.unwrap();
            if attempt.state == state {
                return attempt;
            }
            assert!(
                !attempt.state.is_final(),
                "attempt ended {:?} instead of {state:?}",
                attempt.state
            );
            last = Some(attempt);
            self.world.move_clock(step);
        }
        panic!("attempt did not become {state:?}: {last:?}");
    }

    /// The checkout as it goes on when the shop's page has asked for a fresh token.
    pub async fn with_fresh_token(&self) -> Self {
        let path = format!("/v1/sessions/{}/client-token", self.session);
        let answer = self.world.shop("POST", &path, None).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        Self {
            token: answer.json()["client_token"].as_str().unwrap().to_owned(),
            ..self.clone()
        }
    }

    /// The same checkout, by way of another proxy.
    pub fn through(&self, world: &Arc<World>) -> Self {
        Self {
            world: Arc::clone(world),
            ..self.clone()
        }
    }

    /// The session as the shop's server sees it.
    pub async fn record(&self) -> Value {
        let path = format!("/v1/sessions/{}", self.session);
        self.world.shop("GET", &path, None).await.json()
    }
}

impl World {
    /// An attempt as the shop's server sees it.
    pub async fn attempt_record(&self, id: &str) -> Value {
        let answer = self.shop("GET", &format!("/v1/attempts/{id}"), None).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        answer.json()
    }

    /// The provider's name for an attempt, which the buyer is not told.
    pub async fn reference_of(&self, attempt: &AttemptView) -> String {
        let record = self.attempt_record(&attempt.id).await;
        let reference = record["reference"].as_str().unwrap();
        assert_ne!(reference, attempt.reference);
        reference.to_owned()
    }

    /// How often an attempt moved money.
    pub async fn debits_of(&self, attempt: &AttemptView) -> usize {
        self.paid_for(&self.reference_of(attempt).await)
    }
}

pub fn read<A: DeserializeOwned>(answer: &Answer) -> Result<A, Box<Problem>> {
    if (200..300).contains(&answer.status) {
        Ok(serde_json::from_str(&answer.text).unwrap())
    } else {
        let problem: Box<Problem> = serde_json::from_str(&answer.text).unwrap();
        assert_eq!(problem.status, answer.status, "{}", answer.text);
        Err(problem)
    }
}

/// A card that fits in every way.
pub fn card(number: &str) -> Card {
    let pan = Pan::parse(number).unwrap();
    let now = YearMonth {
        year: 2026,
        month: 11,
    };
    let cvc = if number.len() == 15 { "9371" } else { "937" };
    Card {
        expiry: Expiry::parse("12/39", now).unwrap(),
        cvc: Cvc::parse(cvc, pan.brand()).unwrap(),
        holder: Holder::parse("Marta Solano Mora").unwrap(),
        pan,
    }
}

/// Bytes that are different in every sealing and the same in every run. (SplitMix64.)
pub struct Chance(u64);

impl Chance {
    pub fn new() -> Self {
        static SEEDS: AtomicU64 = AtomicU64::new(1);
        Self(SEEDS.fetch_add(1, Ordering::Relaxed) << 32)
    }
}

impl RandomSource for Chance {
    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), RandomError> {
        for chunk in bytes.chunks_mut(8) {
            self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let number = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            let drawn = (number ^ (number >> 31)).to_be_bytes();
            chunk.copy_from_slice(drawn.get(..chunk.len()).ok_or(RandomError)?);
        }
        Ok(())
    }
}
