//! Ten sessions as shops have them, really played: what a store is filled with are copies of these.

use std::time::Duration;

use tokio::time::Instant;
use ventanilla_core::attempt::AttemptState;
use ventanilla_core::operation::OperationKind;

use super::database::Connection;
use super::measure::Side;
use crate::failure::{Failure, Result};
use crate::harness::buyer::fresh_key;
use crate::harness::proxy::StoreAt;
use crate::harness::sandbox::Sandbox;
use crate::harness::shop;
use crate::harness::wire::Answer;

/// Attempts of the ten sessions.
pub(super) const ATTEMPTS: u64 = 10;

/// A card that is approved and one that is declined.
#[derive(Clone)]
pub(super) struct Cards {
    pub approved: String,
    pub declined: String,
}

impl Cards {
    pub async fn of(sandbox: &Sandbox) -> Result<Self> {
        let cards = sandbox.cards().await?;
        let of = |outcome: &str| {
            cards
                .iter()
                .find(|card| card.outcome == outcome)
                .map(|card| card.number.clone())
                .ok_or_else(|| Failure::of(format!("the sandbox publishes no {outcome} card")))
        };
        Ok(Self {
            approved: of("approved")?,
            declined: of("declined")?,
        })
    }
}

/// Plays them: five paid at once, one of them refunded and one with a saved card; one paid after one
/// decline, one after two; three that nobody paid.
pub(super) async fn play(side: &Side) -> Result<()> {
    for (number, declines) in [0, 0, 0, 0, 0, 1, 2].into_iter().enumerate() {
        let saves = number == 1;
        let opened = side.open(&order(number, saves)).await?;
        for _ in 0..declines {
            let (_, state) = side.pay(&opened, &side.cards.declined, false).await?;
            expect(state, AttemptState::Declined)?;
        }
        let (attempt, state) = side.pay(&opened, &side.cards.approved, saves).await?;
        expect(state, AttemptState::Succeeded)?;
        if number == 0 {
            refund(side, &attempt).await?;
        }
    }
    for number in 7..10 {
        let opened = side.open(&order(number, false)).await?;
        match side.shop.expire(&opened.session).await {
            Answer::Done(_) => {}
            other => {
                return Err(Failure::of(format!(
                    "ending a session was answered {other:?}"
                )));
            }
        }
    }
    Ok(())
}

fn order(number: usize, saves: bool) -> serde_json::Value {
    let mut order = shop::order(&format!("A-100{number}"), 1_250_000);
    if saves && let Some(fields) = order.as_object_mut() {
        fields.insert("save_card".into(), "ask".into());
        let buyer = fields
            .get_mut("buyer")
            .and_then(|buyer| buyer.as_object_mut());
        if let Some(buyer) = buyer {
            buyer.insert("id".into(), "buyer-000001".into());
        }
    }
    order
}

fn expect(found: AttemptState, expected: AttemptState) -> Result<()> {
    if found == expected {
        return Ok(());
    }
    let (found, expected) = (found.name(), expected.name());
    Err(Failure::of(format!(
        "a payment is {found}, expected {expected}"
    )))
}

async fn refund(side: &Side, attempt: &str) -> Result<()> {
    let key = fresh_key();
    let asked = side
        .shop
        .operate(attempt, OperationKind::Refund, key.as_str())
        .await;
    let Answer::Done(mut operation) = asked else {
        return Err(Failure::of(format!("a refund was answered {asked:?}")));
    };
    let deadline = Instant::now() + WITHIN;
    while !operation.state.is_final() && Instant::now() < deadline {
        tokio::time::sleep(LOOK_AGAIN).await;
        if let Answer::Done(now) = side.shop.operation(&operation.id).await {
            operation = now;
        }
    }
    expect(operation.state, AttemptState::Succeeded)
}

/// Waits until everything in the store is as it will stay: told to the merchant, with nothing due.
pub(super) async fn wait_until_told(store: &StoreAt) -> Result<()> {
    let deadline = Instant::now() + WITHIN;
    let mut database = Connection::open(store).await?;
    loop {
        let open = database
            .count(
                "SELECT (SELECT COUNT(*) FROM outbox WHERE delivered_at IS NULL)
                      + (SELECT COUNT(*) FROM attempt WHERE next_check_at IS NOT NULL)
                      + (SELECT COUNT(*) FROM operation WHERE next_check_at IS NOT NULL)
                      + (SELECT COUNT(*) FROM session WHERE state = 'open')",
            )
            .await?;
        if open == 0 {
            return database.close().await;
        }
        if Instant::now() > deadline {
            return Err(Failure::of(format!(
                "of the ten sessions, {open} rows are not at their end"
            )));
        }
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}

const WITHIN: Duration = Duration::from_secs(60);
const LOOK_AGAIN: Duration = Duration::from_millis(100);
