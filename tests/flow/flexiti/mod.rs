//! The Flexiti rail: the buyer proves who they are, picks a plan, and the purchase is authorized and captured.

mod doubt;
mod invariants;
mod operations;
mod outcomes;
mod paying;
mod restart;
mod secrecy;

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use serde_json::{Value, json};
use ventanilla_core::api::{AttemptView, IdempotencyKey, StartAttempt, Step, take_step};
use ventanilla_core::attempt::{AttemptState, NextAction};
use ventanilla_core::problem::Problem;
use ventanilla_core::rails::Rail;
use ventanilla_core::rails::flexiti::{
    FinancingChoice, FlexitiStart, HostedEvent, HostedMessage, Identification, Identified,
    Language, NotIdentified, PostalAddress,
};
use ventanilla_sandbox::{FlexitiAuthorizationEntry, SandboxOptions};

use crate::checkout::Checkout;
use crate::clock::SteppedClock;
use crate::shop::Shop;
use crate::world::{Settings, World};

const MINUTE: Duration = Duration::from_secs(60);
/// Beyond the moment from which on an authorization that reads do not find is held never to have happened.
const BEHIND_THE_FENCE: Duration = Duration::from_secs(31 * 60);
/// What a session asks for.
const BILL: u64 = 100_000;
/// The sandbox's first account.
const ACCOUNT: &str = "10000001";

/// A world with the rail, and the shop that is told what becomes true.
struct Stage {
    world: Arc<World>,
    shop: Shop,
}

/// A sandbox whose clock shows what the proxy's does.
fn options() -> SandboxOptions {
    let start = u64::try_from(SteppedClock::START_MILLIS).unwrap();
    SandboxOptions {
        starts_at: Some(SystemTime::UNIX_EPOCH + Duration::from_millis(start)),
        ..SandboxOptions::default()
    }
}

fn settings(more: &'static str, webhooks: String) -> Settings {
    Settings {
        flexiti: Some(more),
        webhooks: Some(webhooks),
        ..Settings::default()
    }
}

impl Stage {
    async fn open() -> Self {
        Self::open_as("").await
    }

    async fn open_as(more: &'static str) -> Self {
        let (shop, url) = Shop::open().await;
        let world = World::open_as(options(), settings(more, url), None).await;
        Self { world, shop }
    }

    /// On a PostgreSQL database, which other proxies can join.
    async fn open_shared() -> Self {
        let (shop, url) = Shop::open().await;
        let world = World::open_shared_as(options(), settings("", url)).await;
        Self { world, shop }
    }

    async fn checkout(&self) -> Checkout {
        self.world
            .checkout_for(json!({
                "total": { "amount_minor": BILL, "currency": "CAD" },
                "items": [],
                "rails": ["flexiti"],
            }))
            .await
    }

    /// One authorization of the bill, captured once and in full, and everybody knows.
    async fn assert_captured_once(&self, checkout: &Checkout, attempt: &AttemptView) {
        assert_eq!(attempt.state, AttemptState::Succeeded);
        let receipt = attempt.receipt.as_ref().unwrap();
        assert_eq!(receipt.paid.minor(), BILL);
        assert_eq!(receipt.authorization, None, "the merchant's alone");
        let capture = self.captured(attempt).await;
        assert_eq!(capture["state"], "succeeded", "{capture}");
        assert_eq!(capture["amount"]["amount_minor"], BILL);
        let authorizations = self.world.authorizations_of(attempt).await;
        assert_eq!(authorizations.len(), 1, "{authorizations:?}");
        let one = &authorizations[0];
        assert!(!one.auto_capture);
        assert_eq!(
            (one.amount.as_str(), one.captured.as_str()),
            ("1000.00", "1000.00")
        );
        let ledger = self.world.ledger();
        assert_eq!(ledger.flexiti.captures_of(one.authorization_id).count(), 1);
        let record = checkout.record().await;
        assert_eq!(record["state"], "succeeded");
        let told = self.shop.hears_of("attempt.succeeded", &attempt.id).await;
        let number = one.authorization_id.to_string();
        assert_eq!(told["data"]["attempt"]["authorization"], number);
    }

    /// The capture that followed an authorization by itself, once it has ended.
    async fn captured(&self, attempt: &AttemptView) -> Value {
        let told = self
            .shop
            .hears(|news| {
                let operation = &news["data"]["operation"];
                operation["attempt_id"] == attempt.id.as_str() && operation["kind"] == "capture"
            })
            .await;
        told["data"]["operation"].clone()
    }
}

fn address() -> PostalAddress {
    PostalAddress {
        first_name: "Test".into(),
        last_name: "Shopper".into(),
        line1: "1 Example Street".into(),
        line2: String::new(),
        city: "Toronto".into(),
        province: "ON".into(),
        postal_code: "A1A 1A1".into(),
    }
}

fn by_account(number: &str) -> Identification {
    Identification::Account {
        account_number: number.into(),
    }
}

/// What the widget sends.
fn start(identification: Identification) -> StartAttempt {
    StartAttempt {
        rail: Rail::Flexiti,
        card: None,
        cvu: None,
        flux: None,
        flexiti: Some(FlexitiStart {
            identification,
            billing: address(),
            shipping: None,
            language: Language::En,
        }),
    }
}

fn plan(months: u32) -> FinancingChoice {
    FinancingChoice::Plan {
        plan: "4".into(),
        months,
    }
}

/// The session that stands in the address of the provider's page.
fn session_of(attempt: &AttemptView) -> String {
    let page = attempt.hosted_page.as_ref().unwrap();
    let (_, rest) = page.address.split_once("widget_session_id=").unwrap();
    rest.split('&').next().unwrap().to_owned()
}

impl Checkout {
    async fn try_to_begin_as(
        &self,
        key: IdempotencyKey,
        identification: Identification,
    ) -> Result<AttemptView, Box<Problem>> {
        self.start(key, start(identification)).await
    }

    /// Starts an attempt and waits until the provider's page is there.
    async fn begin(&self) -> AttemptView {
        let key = self.world.next_key();
        let attempt = self
            .try_to_begin_as(key, by_account(ACCOUNT))
            .await
            .unwrap();
        assert_eq!(attempt.next_action, NextAction::Identify, "{attempt:?}");
        attempt
    }

    async fn try_step(&self, id: &str, step: Step) -> Result<AttemptView, Box<Problem>> {
        self.call(take_step(id, step)).await
    }

    /// Lets the page come to an end, and takes the step that the widget takes from its message.
    async fn page_ends(
        &self,
        attempt: &AttemptView,
        outcome: &str,
    ) -> Result<AttemptView, Box<Problem>> {
        let message = self.world.page_says(&session_of(attempt), outcome).await;
        let step = match HostedMessage::read(&message).unwrap() {
            HostedMessage::Identified(said) => Step::Identified(said),
            HostedMessage::NotIdentified(end) => Step::NotIdentified(NotIdentified { end }),
        };
        self.try_step(&attempt.id, step).await
    }

    /// Up to the offers.
    async fn identify(&self) -> AttemptView {
        let attempt = self.begin().await;
        let attempt = self.page_ends(&attempt, "verified").await.unwrap();
        assert_eq!(attempt.next_action, NextAction::Choose, "{attempt:?}");
        attempt
    }

    async fn finance(
        &self,
        id: &str,
        choice: FinancingChoice,
    ) -> Result<AttemptView, Box<Problem>> {
        self.try_step(id, Step::Finance(choice)).await
    }

    /// All the way.
    async fn buy(&self) -> AttemptView {
        let attempt = self.identify().await;
        self.finance(&attempt.id, plan(6)).await.unwrap()
    }
}

impl World {
    /// Brings a widget session to an end; what its page posts, as the widget reads it.
    async fn page_says(&self, session: &str, outcome: &str) -> HostedEvent {
        let answer = self
            .manage(
                "/flexiti/identify",
                &json!({ "widget_session_id": session, "outcome": outcome }),
            )
            .await;
        let data = &answer["eventData"];
        let text = |value: &Value| value.as_str().map(str::to_owned);
        HostedEvent {
            kind: text(&answer["eventType"]).unwrap(),
            account_number: data["accountNumber"]
                .as_u64()
                .map(|number| number.to_string()),
            verified: data["verified"].as_bool(),
            action: text(&data["action"]),
            widget_session_id: text(&data["widget_session_id"]),
        }
    }

    /// Asks the sandbox's management host.
    async fn manage(&self, path: &str, body: &Value) -> Value {
        let answer = self
            .client
            .post(format!("{}{path}", self.sandbox.management_url))
            .header("content-type", "application/json")
            .body(body.to_string())
            .send()
            .await
            .unwrap();
        let status = answer.status();
        let text = answer.text().await.unwrap();
        assert!(status.is_success(), "{status}: {text}");
        serde_json::from_str(&text).unwrap_or(Value::Null)
    }

    /// The authorizations that an attempt got.
    async fn authorizations_of(&self, attempt: &AttemptView) -> Vec<FlexitiAuthorizationEntry> {
        let reference = self.reference_of(attempt).await;
        let ledger = self.ledger();
        let found = ledger.flexiti.authorizations_of(&reference);
        found.cloned().collect()
    }
}

fn forged(attempt: &AttemptView) -> Identified {
    let mut session = session_of(attempt);
    let last = if session.ends_with('0') { "1" } else { "0" };
    session.replace_range(session.len() - 1.., last);
    Identified::new(&session, ACCOUNT).unwrap()
}

/// Cases that take a [`Stage`], on each of the stores.
macro_rules! on_both_stores {
    ($($case:ident),* $(,)?) => {
        mod on_sqlite {
            $(
                #[tokio::test]
                async fn $case() {
                    super::$case(crate::flexiti::Stage::open().await).await;
                }
            )*
        }
        mod on_postgres {
            $(
                #[tokio::test]
                async fn $case() {
                    super::$case(crate::flexiti::Stage::open_shared().await).await;
                }
            )*
        }
    };
}
use on_both_stores;
