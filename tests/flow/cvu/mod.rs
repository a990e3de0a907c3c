//! The CVU rail: links, QR codes and transfers that buyers pay from wallets of their own, and credits that
//! are looked for.

mod amounts;
mod campaign;
mod doubt;
mod forged;
mod late;
mod notified;
mod paying;
mod refunds;
mod refused;
mod restart;
mod secrecy;
mod several;
mod watching;

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use serde_json::{Value, json};
use ventanilla_core::api::{
    AttemptView, IdempotencyKey, StartAttempt, Step, read_attempt, start_attempt, take_step,
};
use ventanilla_core::attempt::AttemptState;
use ventanilla_core::problem::Problem;
use ventanilla_core::rails::Rail;
use ventanilla_core::rails::cvu::{CvuStart, PayableView, Presentation};
use ventanilla_sandbox::{CreditEntry, Operation, SandboxOptions};

use crate::checkout::Checkout;
use crate::clock::SteppedClock;
use crate::shop::Shop;
use crate::world::{Answer, HOOK_PATH, Settings, World};

const MINUTE: Duration = Duration::from_secs(60);
/// Between two looks while a buyer waits.
const LOOK: Duration = Duration::from_secs(3);
/// How long something payable is shown.
const LIFETIME: Duration = Duration::from_secs(15 * 60);
/// What a session asks for.
const TOTAL: &str = "12500.50";

/// The account that the sandbox's codes name.
const ACCOUNT: &str = r#"
    presentations = ["link", "qr", "transfer"]
    alias = "COMERCIO.PRUEBA"
    account = "0009999001234567890126"
    holder = "COMERCIO PRUEBA"
    cuit = "30-00000012-0"
"#;

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

impl Stage {
    async fn open() -> Self {
        Self::open_as(options(), ACCOUNT).await
    }

    /// With these lines in `[cvu]`.
    async fn open_as(options: SandboxOptions, account: &'static str) -> Self {
        let (shop, url) = Shop::open().await;
        let settings = Settings {
            cvu: Some(account),
            webhooks: Some(url),
            ..Settings::default()
        };
        let world = World::open_as(options, settings, None).await;
        Self { world, shop }
    }

    /// On a PostgreSQL database, which other proxies can join.
    async fn open_shared() -> Self {
        let (shop, url) = Shop::open().await;
        let settings = Settings {
            cvu: Some(ACCOUNT),
            webhooks: Some(url),
            ..Settings::default()
        };
        let world = World::open_shared_as(options(), settings).await;
        Self { world, shop }
    }

    async fn checkout(&self) -> Checkout {
        self.checkout_of(1_250_050).await
    }

    /// A session of so many centavos.
    async fn checkout_of(&self, minor: u64) -> Checkout {
        self.world
            .checkout_for(json!({
                "total": { "amount_minor": minor, "currency": "ARS" },
                "items": [],
                "rails": ["cvu"],
            }))
            .await
    }

    /// Waits until the shop was told that an attempt paid, and holds its records to that.
    async fn assert_paid(&self, checkout: &Checkout, attempt: &str) {
        let news = self.shop.hears_of("attempt.succeeded", attempt).await;
        assert_eq!(news["data"]["session"]["state"], "succeeded");
        let checkout = checkout.with_fresh_token().await;
        let view = checkout.attempt(attempt).await;
        assert_eq!(view.state, AttemptState::Succeeded);
        assert!(view.payable.is_none(), "nothing is left to be paid");
        let receipt = view.receipt.unwrap();
        let record = checkout.record().await;
        assert_eq!(record["state"], "succeeded");
        assert_eq!(json!(receipt.paid), record["total"]);
        let recorded = attempt_in(&record, attempt);
        assert_eq!(recorded["state"], "succeeded");
        let succeeded = record["attempts"].as_array().unwrap().iter();
        let succeeded = succeeded.filter(|attempt| attempt["state"] == "succeeded");
        assert_eq!(succeeded.count(), 1, "{record}");
    }

    /// Nobody is held to have paid.
    async fn assert_unpaid(&self, checkout: &Checkout) {
        let record = checkout.record().await;
        assert_ne!(record["state"], "succeeded", "{record}");
        for attempt in record["attempts"].as_array().unwrap() {
            assert_ne!(attempt["state"], "succeeded", "{record}");
            assert_ne!(attempt["state"], "duplicate", "{record}");
        }
    }
}

fn attempt_in<'a>(record: &'a Value, id: &str) -> &'a Value {
    let attempts = record["attempts"].as_array().unwrap();
    attempts.iter().find(|attempt| attempt["id"] == id).unwrap()
}

/// What is payable in an attempt's answer.
fn payable(attempt: &AttemptView) -> &PayableView {
    attempt.payable.as_ref().unwrap()
}

/// What a buyer pays with, as `POST /cvu/pay` takes it.
fn target(attempt: &AttemptView) -> Value {
    let payable = payable(attempt);
    match (&payable.link, &payable.code) {
        (Some(link), None) => json!({ "link": link }),
        (None, Some(code)) => json!({ "code": code }),
        other => panic!("neither link nor code alone: {other:?}"),
    }
}

impl Checkout {
    async fn ask_for(
        &self,
        key: IdempotencyKey,
        presentation: Presentation,
    ) -> Result<AttemptView, Box<Problem>> {
        let start = StartAttempt {
            rail: Rail::Cvu,
            card: None,
            cvu: Some(CvuStart { presentation }),
            flux: None,
            flexiti: None,
        };
        self.call(start_attempt(key, start)).await
    }

    /// Something payable, as the buyer sees it.
    async fn issue(&self, presentation: Presentation) -> AttemptView {
        let attempt = self
            .ask_for(self.world.next_key(), presentation)
            .await
            .unwrap();
        assert_eq!(attempt.state, AttemptState::Issued, "{attempt:?}");
        assert_eq!(payable(&attempt).presentation, presentation);
        attempt
    }

    async fn step(&self, attempt: &AttemptView, step: Step) -> AttemptView {
        self.call(take_step(&attempt.id, step)).await.unwrap()
    }

    /// Leaves what is shown for another presentation.
    async fn change_to(&self, shown: &AttemptView, presentation: Presentation) -> AttemptView {
        let left = self.step(shown, Step::Supersede).await;
        assert_eq!(left.state, AttemptState::Superseded);
        self.issue(presentation).await
    }

    /// Waits with the clock going on until an attempt is in `state`.
    async fn waits_for(&self, id: &str, state: AttemptState) -> AttemptView {
        self.waits_with(id, state, LOOK).await
    }

    /// The same, the clock going on by so much between two answers.
    async fn waits_with(&self, id: &str, state: AttemptState, step: Duration) -> AttemptView {
        let mut last = None;
        for _ in 0..30 {
            self.world.move_clock(step);
            let visitor = self.with_fresh_token().await;
            let attempt = visitor.call(read_attempt(id, 1)).await.unwrap();
            if attempt.state == state {
                return attempt;
            }
            last = Some(attempt);
        }
        panic!("attempt did not become {state:?}: {last:?}");
    }

    /// Lets the proxy look at the account twice, by a buyer who waits: what there was to be seen before is
    /// settled then.
    async fn is_looked_for(&self) {
        self.is_looked_for_with(LOOK).await;
    }

    /// The same, the clock going on by so much at a time.
    async fn is_looked_for_with(&self, step: Duration) {
        let looks = |world: &World| {
            let ledger = world.ledger();
            let of_it = ledger.calls_of(Operation::CvuTransactions);
            of_it.filter(|call| call.executed).count()
        };
        // The second begins when the first has ended, and the third when the second has.
        let enough = looks(&self.world) + 3;
        for _ in 0..60 {
            self.world.move_clock(step);
            let visitor = self.with_fresh_token().await;
            for _ in 0..100 {
                visitor.view().await;
                if looks(&self.world) >= enough {
                    return;
                }
            }
        }
        panic!("the proxy does not look");
    }
}

impl World {
    /// A buyer pays; what the provider has to say to it.
    async fn try_to_pay(&self, payment: &Value) -> Result<Vec<CreditEntry>, String> {
        let request = self
            .client
            .post(format!("{}/cvu/pay", self.sandbox.management_url))
            .header("content-type", "application/json")
            .body(payment.to_string());
        let answer = request.send().await.unwrap();
        let paid = answer.status().is_success();
        let text = answer.text().await.unwrap();
        if paid {
            Ok(serde_json::from_str(&text).unwrap())
        } else {
            Err(text)
        }
    }

    /// A buyer pays `target`, with `more` said about it.
    async fn pay_more(&self, target: &Value, more: Value) -> Vec<CreditEntry> {
        let mut payment = target.clone();
        for (name, value) in more.as_object().unwrap() {
            payment[name] = value.clone();
        }
        self.try_to_pay(&payment).await.unwrap()
    }

    /// A buyer pays what was asked for, once.
    async fn pay_for(&self, attempt: &AttemptView) -> CreditEntry {
        self.pay_more(&target(attempt), json!({})).await.remove(0)
    }

    /// A plain transfer to the merchant's account from `payer`: the provider has no link and no order for
    /// it.
    async fn transfer(&self, amount: &str, payer: &str) -> CreditEntry {
        let credentials = self.sandbox.cvu_credentials();
        let login = json!({ "username": credentials.username, "password": credentials.password });
        let opened = self.provider("v2/auth/token", "", &login.to_string()).await;
        let token = opened["token"].as_str().unwrap();
        let order = format!(
            r#"{{"cvu":"0009999001234567890126","cuit":"30000000120","amount":{amount},"concept":"VAR","description":"-"}}"#
        );
        let made = self
            .provider("v2/payment/cashin/transfer/generate", token, &order)
            .await;
        let target = json!({ "link": made["payment_link"] });
        self.pay_more(&target, json!({ "payer": payer }))
            .await
            .remove(0)
    }

    /// A call of the provider that is not the proxy's.
    async fn provider(&self, path: &str, token: &str, body: &str) -> Value {
        let request = self
            .client
            .post(format!("{}/{path}", self.sandbox.cvu_url))
            .bearer_auth(token)
            .header("content-type", "application/json")
            .body(body.to_owned());
        let answer = request.send().await.unwrap();
        serde_json::from_str(&answer.text().await.unwrap()).unwrap()
    }

    /// Posts a notification to the proxy, from whomever.
    async fn notify(&self, secret: &str, body: &str) -> Answer {
        let request = self
            .client
            .post(format!("{}/hooks/cvu/{secret}", self.origin()))
            .header("content-type", "application/json")
            .body(body.to_owned());
        self.send(request).await
    }

    /// Posts the notification of a credit.
    async fn notify_of(&self, credit: &CreditEntry) {
        let body = json!({ "id": credit.id }).to_string();
        assert_eq!(self.notify(HOOK_PATH, &body).await.status, 200);
    }

    /// How often the account was read.
    fn looks(&self) -> usize {
        self.ledger().calls_of(Operation::CvuTransactions).count()
    }
}
