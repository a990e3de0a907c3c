//! The Flux rail: a code that the buyer's wallet shows, charged at once, with a tip if there is one.

mod declined;
mod doubt;
mod paying;
mod refunds;
mod refused;
mod restart;
mod secrecy;

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use serde_json::{Value, json};
use ventanilla_core::api::{AttemptView, IdempotencyKey, StartAttempt};
use ventanilla_core::attempt::AttemptState;
use ventanilla_core::problem::Problem;
use ventanilla_core::rails::Rail;
use ventanilla_core::rails::flux::FluxStart;
use ventanilla_core::wallet_code::WalletCode;
use ventanilla_sandbox::{FluxCodeKind, FluxPaymentEntry, SandboxOptions};

use crate::checkout::Checkout;
use crate::clock::SteppedClock;
use crate::shop::Shop;
use crate::world::{Settings, World};

const MINUTE: Duration = Duration::from_secs(60);
/// Beyond the moment from which on a payment that reads do not find is held never to have happened.
const BEHIND_THE_FENCE: Duration = Duration::from_secs(16 * 60);
/// What a session asks for.
const BILL: u64 = 25_000;
/// A tenth of it.
const TIP: u64 = 2_500;
/// What the merchant configured.
const TIPS: &str = "tips = true\ntip_cap_percent = 50";

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

fn settings(webhooks: String) -> Settings {
    Settings {
        flux: Some(TIPS),
        webhooks: Some(webhooks),
        ..Settings::default()
    }
}

impl Stage {
    async fn open() -> Self {
        Self::open_as(options()).await
    }

    async fn open_as(options: SandboxOptions) -> Self {
        let (shop, url) = Shop::open().await;
        let world = World::open_as(options, settings(url), None).await;
        Self { world, shop }
    }

    /// On a PostgreSQL database, which other proxies can join.
    async fn open_shared() -> Self {
        let (shop, url) = Shop::open().await;
        let world = World::open_shared_as(options(), settings(url)).await;
        Self { world, shop }
    }

    async fn checkout(&self) -> Checkout {
        self.world
            .checkout_for(json!({
                "total": { "amount_minor": BILL, "currency": "MXN" },
                "items": [],
                "rails": ["flux"],
            }))
            .await
    }

    /// One charge of bill and tip, and everybody knows.
    async fn assert_paid_once(&self, checkout: &Checkout, attempt: &AttemptView, tip: u64) {
        assert_eq!(attempt.state, AttemptState::Succeeded);
        let receipt = attempt.receipt.as_ref().unwrap();
        assert_eq!(receipt.paid.minor(), BILL + tip);
        assert_eq!(
            receipt.tip.map_or(0, ventanilla_core::money::Money::minor),
            tip
        );
        let reference = self.world.reference_of(attempt).await;
        let paid = self.world.charges_of(&reference);
        assert_eq!(paid.len(), 1, "{paid:?}");
        assert_eq!(paid[0].amount, "250.00");
        assert_eq!(paid[0].tip, pesos(tip));
        let record = checkout.record().await;
        assert_eq!(record["state"], "succeeded");
        let recorded = attempt_in(&record, &attempt.id);
        assert_eq!(recorded["total"]["amount_minor"], BILL + tip);
        let told = self.shop.hears_of("attempt.succeeded", &attempt.id).await;
        assert_eq!(&told["data"]["attempt"], recorded);
        let told_tip = &told["data"]["attempt"]["tip"];
        assert_eq!(told_tip["amount_minor"].as_u64().unwrap_or(0), tip);
    }
}

fn pesos(centavos: u64) -> String {
    format!("{}.{:02}", centavos / 100, centavos % 100)
}

fn attempt_in<'a>(record: &'a Value, id: &str) -> &'a Value {
    let attempts = record["attempts"].as_array().unwrap();
    attempts.iter().find(|attempt| attempt["id"] == id).unwrap()
}

/// What the widget sends with this code and tip.
fn start(code: &str, tip_minor: u64) -> StartAttempt {
    let code = WalletCode::parse(code).ok().unwrap();
    StartAttempt {
        rail: Rail::Flux,
        card: None,
        cvu: None,
        flux: Some(FluxStart::new(&code, tip_minor)),
        flexiti: None,
    }
}

impl Checkout {
    async fn try_to_charge_as(
        &self,
        key: IdempotencyKey,
        code: &str,
        tip: u64,
    ) -> Result<AttemptView, Box<Problem>> {
        self.start(key, start(code, tip)).await
    }

    async fn try_to_charge(&self, code: &str, tip: u64) -> Result<AttemptView, Box<Problem>> {
        let key = self.world.next_key();
        self.try_to_charge_as(key, code, tip).await
    }

    /// Charges a fresh code that pays.
    async fn charge(&self, tip: u64) -> AttemptView {
        let code = self.world.code(FluxCodeKind::Good);
        self.try_to_charge(&code, tip).await.unwrap()
    }
}

impl World {
    fn code(&self, kind: FluxCodeKind) -> String {
        self.sandbox.flux_code(kind)
    }

    /// The charges of a reference that moved money.
    fn charges_of(&self, reference: &str) -> Vec<FluxPaymentEntry> {
        let ledger = self.ledger();
        let paid = ledger.flux.paid();
        paid.filter(|paid| paid.reference.as_deref() == Some(reference))
            .cloned()
            .collect()
    }

    /// How often money moved.
    fn charged(&self) -> usize {
        self.ledger().flux.paid().count()
    }
}

/// Cases that take a [`Stage`], on each of the stores.
macro_rules! on_both_stores {
    ($($case:ident),* $(,)?) => {
        mod on_sqlite {
            $(
                #[tokio::test]
                async fn $case() {
                    super::$case(crate::flux::Stage::open().await).await;
                }
            )*
        }
        mod on_postgres {
            $(
                #[tokio::test]
                async fn $case() {
                    super::$case(crate::flux::Stage::open_shared().await).await;
                }
            )*
        }
    };
}
use on_both_stores;
