//! What a shop moves without a checkout, beside its buyers, and as impatiently as they.

use std::sync::Arc;
use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio::time::Instant;
use ventanilla_core::attempt::AttemptState;

use super::Field;
use crate::failure::{Failure, Result, Tried as _};
use crate::harness::buyer::{fresh_key, own_key, typed_card};
use crate::harness::shop::Operation;
use crate::harness::wire::{Answer, Wire};
use crate::random::Dice;
use crate::verdict::Errand;

/// So many of a hundred checkouts have something beside them.
const SHARE: u64 = 4;

/// What is asked for under one key.
#[derive(Clone, Debug)]
pub(super) struct Wanted {
    name: String,
    path: String,
    body: Value,
    key: String,
    subscription: Option<String>,
}

/// Saves the cards that pay for it, and one that does not, while nothing goes wrong yet.
pub(super) async fn save_cards(field: &Field) -> Result<()> {
    for (owner, numbers) in [(OWNER, &field.approved), (DEBTOR, &field.declined)] {
        let number = numbers.first();
        let number = number.ok_or_else(|| Failure::of("there is no such card"))?;
        save_card(field, owner, number).await?;
    }
    Ok(())
}

async fn save_card(field: &Field, owner: &str, number: &str) -> Result<()> {
    let start = typed_card(number, &own_key(field.sandbox.public_key())?, true)?;
    let sealed = start.card.and_then(|card| card.sealed);
    let sealed = sealed.ok_or_else(|| Failure::of("the card was not sealed"))?;
    field.book.note_secret("ld", &sealed.ld);
    field.book.note_secret("lk", &sealed.lk);
    let request = field
        .shop
        .request(Method::POST, "/v1/greenpay/cards")
        .json(&json!({ "buyer_id": owner, "sealed": sealed }));
    match Wire::send::<Value>(request).await {
        Answer::Done(_) => Ok(()),
        other => Err(Failure::of(format!("a card was answered {other:?}"))),
    }
}

/// Perhaps asks for something that belongs to no checkout.
pub(super) async fn perhaps(field: &Arc<Field>, number: u64) {
    let mut dice = field.dice.of(number).of(ERRANDS);
    if !dice.percent(SHARE) {
        return;
    }
    let name = format!("E-{number}");
    let patient_until = Instant::now() + field.patience / 2;
    let wanted = match dice.below(6) {
        0 => cash_out(&name, &mut dice),
        5 => deposit(&name, &mut dice),
        kind => {
            let Ok(card) = field.shop.saved_card(OWNER).await else {
                return;
            };
            match kind {
                1 | 2 => {
                    let Ok(declined) = field.shop.saved_card(DEBTOR).await else {
                        return;
                    };
                    bulk(&name, &card, &declined, &mut dice)
                }
                _ => subscribe(&name, &card),
            }
        }
    };
    let subscribes = wanted.path.ends_with("/subscriptions");
    let Some(made) = run(field, &mut dice, &wanted, patient_until).await else {
        return;
    };
    if !subscribes || made.state != AttemptState::Succeeded {
        return;
    }
    let Some(subscription) = made.result.and_then(|result| result.subscription_id) else {
        return;
    };
    // Two clerks at once: one of them at a time has their way.
    let one = pay(&format!("{name}-a"), &subscription);
    let other = pay(&format!("{name}-b"), &subscription);
    if dice.percent(30) {
        let (mut first, mut second) = (dice.of(1), dice.of(2));
        tokio::join!(
            run(field, &mut first, &one, patient_until),
            run(field, &mut second, &other, patient_until)
        );
    } else {
        run(field, &mut dice, &one, patient_until).await;
    }
}

fn wanted(name: &str, path: &str, body: Value) -> Wanted {
    Wanted {
        name: name.to_owned(),
        path: path.to_owned(),
        body,
        key: fresh_key().as_str().to_owned(),
        subscription: None,
    }
}

fn cash_out(name: &str, dice: &mut Dice) -> Wanted {
    let amount = json!({ "amount_minor": dice.between(100, 90_000), "currency": "ARS" });
    let body = json!({
        "reference": name, "amount": amount, "to": { "cvu": SOMEBODY.0, "cuit": SOMEBODY.1 },
    });
    wanted(name, "/v1/cvu/cash-outs", body)
}

fn deposit(name: &str, dice: &mut Dice) -> Wanted {
    let kinds = ["deposit", "in_store_payment", "trade_in"];
    let amount = json!({ "amount_minor": dice.between(100, 900), "currency": "CAD" });
    let body = json!({
        "reference": name, "kind": dice.pick(&kinds), "amount": amount,
        "to": { "account_number": CUSTOMER }, "verification_code": CODE,
        "in_store": { "request_id": name, "location_id": SHOP.0, "employee_id": SHOP.1 },
    });
    wanted(name, "/v1/flexiti/deposits", body)
}

fn bulk(name: &str, card: &str, declined: &str, dice: &mut Dice) -> Wanted {
    let payments: Vec<Value> = (0..dice.between(1, 4))
        .map(|number| {
            let total = json!({ "amount_minor": dice.between(100, 90_000), "currency": "CRC" });
            let (buyer, card) = if dice.percent(DECLINED) {
                (DEBTOR, declined)
            } else {
                (OWNER, card)
            };
            json!({
                "order_reference": format!("{name}/{number}"), "total": total, "buyer_id": buyer,
                "saved_card": card,
            })
        })
        .collect();
    let body = json!({ "reference": name, "payments": payments });
    wanted(name, "/v1/greenpay/bulk-payments", body)
}

fn subscribe(name: &str, card: &str) -> Wanted {
    let body = json!({
        "reference": name, "description": name, "buyer_id": OWNER, "saved_card": card,
        "amount": { "amount_minor": A_MONTH.0, "currency": "CRC" }, "every_months": 1,
        "starts_at": A_MONTH.1,
    });
    wanted(name, "/v1/greenpay/subscriptions", body)
}

fn pay(name: &str, subscription: &str) -> Wanted {
    let amount = json!({ "amount_minor": A_MONTH.0, "currency": "CRC" });
    let path = format!("/v1/greenpay/subscriptions/{subscription}/payments");
    Wanted {
        subscription: Some(subscription.to_owned()),
        ..wanted(name, &path, json!({ "reference": name, "amount": amount }))
    }
}

/// Asks for it, some of it many times at once, and waits for its end.
async fn run(
    field: &Arc<Field>,
    dice: &mut Dice,
    wanted: &Wanted,
    patient_until: Instant,
) -> Option<Operation> {
    if dice.percent(20) {
        let presses: Vec<_> = (0..dice.between(2, 6))
            .map(|_| {
                let (field, wanted) = (Arc::clone(field), wanted.clone());
                tokio::spawn(async move {
                    let shop = &field.shop;
                    let _ = shop
                        .run_errand(&wanted.path, &wanted.body, &wanted.key)
                        .await;
                })
            })
            .collect();
        for press in presses {
            let _ = press.await;
        }
    }
    // Whatever becomes of it from here on is asked for again in the end.
    let mut operation = None;
    while operation.is_none() && field.goes_on(patient_until) {
        match ask(field, wanted).await {
            Asked::Operation(found) => operation = Some(*found),
            Asked::Refused => return None,
            Asked::Later(pause) => {
                let own = Duration::from_millis(dice.between(50, 400));
                tokio::time::sleep(pause.max(own)).await;
            }
        }
    }
    field.book.note_errand(wanted.clone());
    let mut operation = operation?;
    while !operation.state.is_final() && field.goes_on(patient_until) {
        tokio::time::sleep(Duration::from_millis(dice.between(200, 900))).await;
        if let Answer::Done(now) = field.shop.operation(&operation.id).await {
            operation = now;
        }
    }
    Some(operation)
}

/// What asking once came to.
enum Asked {
    Operation(Box<Operation>),
    /// Another one is in its way, or its card is gone: nothing was recorded.
    Refused,
    Later(Duration),
}

async fn ask(field: &Field, wanted: &Wanted) -> Asked {
    let shop = &field.shop;
    match shop
        .run_errand(&wanted.path, &wanted.body, &wanted.key)
        .await
    {
        Answer::Done(operation) => Asked::Operation(Box::new(operation)),
        Answer::Problem(trouble) => match (trouble.status, trouble.code.as_str()) {
            (500.. | 429, _) => Asked::Later(trouble.come_back_after.unwrap_or_default()),
            (_, "operation-running" | "saved-card-unknown") => Asked::Refused,
            (status, code) => {
                let what = format!("what belongs to no checkout was answered {status} {code}");
                field.book.note_surprise(what);
                Asked::Refused
            }
        },
        Answer::Nothing(_) => Asked::Later(Duration::ZERO),
    }
}

/// Asks until it is answered; none when it was refused.
async fn insist(field: Arc<Field>, wanted: Wanted) -> Result<Option<Errand>> {
    let deadline = Instant::now() + ANSWERED_WITHIN;
    loop {
        match ask(&field, &wanted).await {
            Asked::Operation(operation) => {
                return Ok(Some(Errand {
                    operation: *operation,
                    name: wanted.name,
                    subscription: wanted.subscription,
                }));
            }
            Asked::Refused => return Ok(None),
            Asked::Later(_) if Instant::now() < deadline => {}
            Asked::Later(_) => {
                return Err(Failure::of("what belongs to no checkout was not answered"));
            }
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// In the end, with everybody alive: asks again with each key, has what is in doubt read, and waits until nothing
/// changes for a while.
pub(super) async fn settle(field: &Arc<Field>) -> Result<Vec<Errand>> {
    let mut asking = JoinSet::new();
    for wanted in field.book.errands() {
        // What is in doubt is answered late; so all are asked about at once.
        asking.spawn(insist(Arc::clone(field), wanted));
    }
    let mut errands: Vec<Errand> = Vec::new();
    while let Some(asked) = asking.join_next().await {
        errands.extend(asked.tried("ask about what belongs to no checkout")??);
    }
    for errand in errands.iter().filter(|it| !it.operation.state.is_final()) {
        field.shop.read_now(&errand.operation.id).await;
    }
    let mut changed_at = Instant::now();
    while changed_at.elapsed() < QUIET {
        let open = errands
            .iter_mut()
            .filter(|errand| !errand.operation.state.is_final());
        let mut waits = false;
        for errand in open {
            waits = true;
            if let Answer::Done(now) = field.shop.operation(&errand.operation.id).await {
                if now.state != errand.operation.state {
                    changed_at = Instant::now();
                }
                errand.operation = now;
            }
        }
        if !waits {
            break;
        }
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
    Ok(errands)
}

/// The number of the dice that decide about it.
const ERRANDS: u64 = 77;
/// Whose card pays.
const OWNER: &str = "buyer-of-the-shop";
/// Whose card is declined, and how many of a hundred payments in one call are with it.
const DEBTOR: &str = "buyer-without-money";
const DECLINED: u64 = 20;
/// Of the sandbox's people, who do not live: account and tax identifier.
const SOMEBODY: (&str, &str) = ("0009001600000004242420", "20999000011");
/// The sandbox's first account, what its customer reads out, and the sandbox's shop: location and employee.
pub(super) const CUSTOMER: &str = "10000001";
pub(super) const CODE: &str = "8203945176";
const SHOP: (&str, &str) = ("00-00001", "00001-CLERK");
/// What a subscription takes, in hundredths of a colón, and from when on.
const A_MONTH: (u32, &str) = (1_000, "2100-01-01T12:00:00Z");
const ANSWERED_WITHIN: Duration = Duration::from_secs(60);
/// On a clock 60 times faster than real time, these are five minutes.
const QUIET: Duration = Duration::from_secs(5);
