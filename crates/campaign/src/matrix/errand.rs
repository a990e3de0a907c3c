//! What a merchant asks for without a checkout: disturbed, asked for again with its key, waited for, and held
//! against what the provider did.

use serde_json::{Value, json};
use tokio::time::Instant;
use ventanilla_core::attempt::AttemptState;
use ventanilla_core::operation::OperationKind;

use std::time::Duration;

use super::case::{Action, Case, Deed};
use super::client::Client;
use super::financing::ACCOUNT;
use super::ground::{Ground, SAVER};
use super::life::Life;
use super::play::{LEAPS, Played, patience_with};
use crate::failure::{Failure, Result};
use crate::harness::buyer::fresh_key;
use crate::harness::proxy::Proxy;
use crate::harness::receiver::Deliveries;
use crate::harness::sandbox::Ledger;
use crate::harness::shop::{Operation, Shop};
use crate::harness::wire::{Answer, Trouble};
use crate::verdict::{Errand, Finding, Verdict, judge_errand};

/// What is asked for.
struct Wanted {
    path: String,
    body: Value,
    /// What nothing else in the ledger is for.
    name: String,
    /// The subscription that is paid, which nothing else pays.
    subscription: Option<String>,
}

/// What became of it.
#[derive(Debug)]
pub(super) struct Done {
    errand: Errand,
    /// The references of what the provider took for it.
    references: Vec<String>,
}

impl Done {
    /// The references of what the provider took for it.
    pub fn references(&self) -> impl Iterator<Item = &str> {
        self.references.iter().map(String::as_str)
    }
}

/// Plays the cases of what belongs to no checkout.
pub(super) async fn live(
    ground: &Ground,
    case: Case,
    number: u32,
    life: &mut Life<'_>,
    played: &mut Played,
) -> Result<()> {
    let mut client = Client::of(ground, life, case, number);
    life.begin().await?;
    let wanted = want(ground, case, &client.shop).await?;
    let key = fresh_key();
    let asking = client
        .shop
        .run_errand(&wanted.path, &wanted.body, key.as_str());
    let (first, befallen) = tokio::join!(asking, life.befall());
    if let Err(failure) = befallen {
        played.amiss(failure.to_string());
    }
    client.turn_to(life);
    // Whoever was not answered asks again, with the same key.
    let operation = insist(&client.shop, &wanted, key.as_str()).await?;
    if matches!(first, Answer::Done(first) if first.id != operation.id) {
        played.amiss("repeated with its key, it became another one");
    }
    if case.action == Action::Stop && case.point == "t1.after" {
        life.look_for_stale_right(played).await?;
    }
    let operation = settle(life, &client, operation, played).await?;
    played.ends.push(operation.state);
    let again = insist(&client.shop, &wanted, key.as_str()).await?;
    if again.id != operation.id || again.state != operation.state {
        played.amiss("asked for once more with its key, it was another one");
    }
    played.told = if operation.state.is_final() {
        life.told_of(&operation.id, operation.state).await
    } else {
        life.told(&[], &[]).await
    };
    let ledger = life.sandbox().ledger().await?;
    let items = operation.items.iter().map(|item| item.reference.clone());
    let debits = ledger.debits.into_iter().filter(|debit| {
        debit.subscription_id.is_some() && debit.subscription_id == wanted.subscription
    });
    played.errand = Some(Done {
        references: items.chain(debits.map(|debit| debit.reference)).collect(),
        errand: Errand {
            name: wanted.name,
            subscription: wanted.subscription,
            operation,
        },
    });
    Ok(())
}

async fn want(ground: &Ground, case: Case, shop: &Shop) -> Result<Wanted> {
    let name = case.to_string();
    let mut subscription = None;
    let (path, body) = match case.deed {
        Deed::SendOut => (
            String::from("/v1/cvu/cash-outs"),
            json!({
                "reference": name,
                "amount": { "amount_minor": 150_050, "currency": "ARS" },
                "to": { "cvu": SOMEBODY.0, "cuit": SOMEBODY.1 },
            }),
        ),
        Deed::Bulk => {
            let card = shop.saved_card(SAVER).await?;
            let payment = |number: u32, minor: u32| {
                json!({
                    "order_reference": format!("{number}"), "buyer_id": SAVER, "saved_card": card,
                    "total": { "amount_minor": minor, "currency": "CRC" },
                })
            };
            let payments = [payment(1, 1_000), payment(2, 2_050)];
            let body = json!({ "reference": name, "payments": payments });
            (String::from("/v1/greenpay/bulk-payments"), body)
        }
        Deed::Subscribe => (
            String::from("/v1/greenpay/subscriptions"),
            json!({
                "reference": name, "description": name, "buyer_id": SAVER,
                "saved_card": shop.saved_card(SAVER).await?,
                "amount": { "amount_minor": 1_000, "currency": "CRC" },
                "every_months": 1, "starts_at": "2100-01-01T12:00:00Z",
            }),
        ),
        Deed::PaySubscribed => {
            let ledger = ground.sandbox.ledger().await?;
            let token = ledger.card_tokens.first();
            let token = token.ok_or_else(|| Failure::of("no card was saved"))?;
            let secret = &ground.secrets.provider_secret;
            let made = ground.sandbox.subscribe(secret, &token.token, &name);
            let id = made.await?;
            let path = format!("/v1/greenpay/subscriptions/{id}/payments");
            subscription = Some(id);
            let amount = json!({ "amount_minor": 1_000, "currency": "CRC" });
            (path, json!({ "reference": name, "amount": amount }))
        }
        Deed::Deposit => (
            String::from("/v1/flexiti/deposits"),
            json!({
                "reference": name, "kind": "deposit",
                "amount": { "amount_minor": 1_000, "currency": "CAD" },
                "to": { "account_number": ACCOUNT.to_string() }, "verification_code": CODE,
                "in_store": { "request_id": name, "location_id": SHOP.0, "employee_id": SHOP.1 },
            }),
        ),
        _ => return Err(Failure::of("it belongs to a checkout")),
    };
    Ok(Wanted {
        path,
        body,
        name,
        subscription,
    })
}

/// Asks with `key` until there is an answer.
async fn insist(shop: &Shop, wanted: &Wanted, key: &str) -> Result<Operation> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let answer = shop.run_errand(&wanted.path, &wanted.body, key).await;
        let again = answer.is_worth_repeating() && Instant::now() < deadline;
        match answer {
            Answer::Done(operation) => return Ok(operation),
            Answer::Problem(Trouble { status, code, .. }) if !again => {
                return Err(Failure::of(format!(
                    "repeated, it was answered {status} {code}"
                )));
            }
            Answer::Nothing(why) if !again => {
                return Err(Failure::of(format!("it was not answered: {why}")));
            }
            Answer::Problem(_) | Answer::Nothing(_) => {}
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Waits until nothing of it changes any more; if need be, for more than a day.
async fn settle(
    life: &mut Life<'_>,
    client: &Client<'_>,
    operation: Operation,
    played: &mut Played,
) -> Result<Operation> {
    let mut operation = rest(life, client, operation, played).await?;
    for by in LEAPS {
        if rests(&operation) {
            break;
        }
        life.leap(by, played).await?;
        operation = rest(life, client, operation, played).await?;
    }
    Ok(operation)
}

async fn rest(
    life: &mut Life<'_>,
    client: &Client<'_>,
    mut operation: Operation,
    played: &mut Played,
) -> Result<Operation> {
    let mut changed_at = Instant::now();
    loop {
        if let Answer::Done(now) = client.shop.operation(&operation.id).await {
            operation = now;
        }
        if played.saw_standing(&operation.id, operation.state) {
            changed_at = Instant::now();
        }
        let patience = patience_with(life.ground.kind, std::iter::once(operation.state));
        if rests(&operation) || changed_at.elapsed() > patience {
            return Ok(operation);
        }
        if !life.proxies.iter_mut().all(Proxy::runs) {
            return Err(Failure::of("a proxy ended by itself"));
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

fn rests(operation: &Operation) -> bool {
    operation.state.is_final() || operation.state == AttemptState::Review
}

impl Done {
    /// What may be held against the proxy.
    pub fn judge(
        &self,
        ledger: &Ledger,
        told: &Deliveries,
        add: &mut impl FnMut(&'static str, String),
    ) {
        let mut verdict = Verdict::default();
        judge_errand(&self.errand, ledger, Some(told), &mut verdict);
        let operation = &self.errand.operation;
        // No read proves that a list will not show it yet, or there is no list.
        let waits = operation.state == AttemptState::Review
            && matches!(
                operation.kind,
                OperationKind::Subscription
                    | OperationKind::SubscriptionPayment
                    | OperationKind::Deposit
            );
        if waits {
            verdict.unknown.clear();
        } else if !operation.state.is_final() {
            let what = format!("{} is {}", operation.id, operation.state.name());
            add("known", what);
        }
        for (rule, findings) in [
            ("I1", &verdict.double),
            ("I3", &verdict.lost),
            ("I4", &verdict.invented),
            ("I3", &verdict.unknown),
            ("I7", &verdict.untold),
        ] {
            for Finding { about, what } in findings {
                add(rule, format!("{about}: {what}"));
            }
        }
        let is_ours = |reference: &String| self.references.contains(reference);
        let bulks = ledger.bulks.iter();
        let asked = bulks.filter(|bulk| bulk.references.iter().any(is_ours));
        let calls = ledger.calls.iter().filter(|call| {
            call.operation == "flexiti_deposit"
                && call.reference.as_deref() == Some(&self.errand.name)
        });
        let times = match operation.kind {
            OperationKind::Bulk => asked.count(),
            OperationKind::Deposit => calls.count(),
            _ => 0,
        };
        if times > 1 {
            add("I2", format!("{} was sent {times} times", operation.id));
        }
    }
}

/// Of the sandbox's people, who do not live: account and tax identifier.
const SOMEBODY: (&str, &str) = ("0009001600000004242420", "20999000011");
/// What is read out in a shop, and the shop of the sandbox: location and employee.
pub(super) const CODE: &str = "8203945176";
const SHOP: (&str, &str) = ("00-00001", "00001-CLERK");
/// On a busy machine, with a proxy that may just be starting.
const PATIENCE: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use super::*;

    fn done(kind: &str, state: &str) -> Done {
        let operation = json!({
            "id": "opr_1", "kind": kind, "state": state, "created_at": "2026-11-20T13:00:00.000Z",
        });
        Done {
            errand: Errand {
                operation: serde_json::from_value(operation).unwrap(),
                name: String::from("case"),
                subscription: (kind == "subscription_payment").then(|| String::from("sub")),
            },
            references: Vec::new(),
        }
    }

    fn ledger(debits: usize) -> Ledger {
        let debit = json!({
            "reference": "sub_1", "amount": "10.00", "currency": "CRC", "state": "approved",
            "subscription_id": "sub",
        });
        Ledger {
            debits: vec![serde_json::from_value(debit).unwrap(); debits],
            ..Ledger::default()
        }
    }

    fn rules(done: &Done, ledger: &Ledger) -> Vec<&'static str> {
        let mut rules = Vec::new();
        let standing = json!({ "id": "opr_1", "state": done.errand.operation.state });
        let message = json!({ "type": "any", "data": { "operation": standing } });
        let told = Deliveries {
            messages: vec![serde_json::from_value(message).unwrap()],
            ..Deliveries::default()
        };
        done.judge(ledger, &told, &mut |rule, _| rules.push(rule));
        rules
    }

    #[test]
    fn what_was_done_is_held_against_what_is_known_of_it() {
        let paid = done("subscription_payment", "succeeded");
        assert!(rules(&paid, &ledger(1)).is_empty());
        assert_eq!(rules(&paid, &ledger(2)), ["I1"]);
        assert_eq!(rules(&paid, &ledger(0)), ["I4"]);
        let never = done("subscription_payment", "not_executed");
        assert!(rules(&never, &ledger(0)).is_empty());
        assert_eq!(rules(&never, &ledger(1)), ["I3"]);
        // What waits for a person says so.
        assert!(rules(&done("subscription_payment", "review"), &ledger(1)).is_empty());
        assert_eq!(
            rules(&done("subscription_payment", "unknown"), &ledger(0)),
            ["known"]
        );
        assert_eq!(rules(&done("cash_out", "review"), &ledger(0)), ["known"]);
        let mut lost = Vec::new();
        paid.judge(&ledger(1), &Deliveries::default(), &mut |rule, _| {
            lost.push(rule)
        });
        assert_eq!(lost, ["I7"]);
    }
}
