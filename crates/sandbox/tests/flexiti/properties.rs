//! The rules of an authorization, over HTTP: whatever is asked for, every answer and every read agree with
//! a model that knows only the rules.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError, TestRunner};
use serde_json::{Value, json};

use crate::support::{Answer, Merchant, NEW};

#[derive(Clone, Debug)]
enum Step {
    Capture(u64),
    Release(u64),
    ReleaseAll,
    /// Of the n-th capture.
    GiveBack(usize, u64),
    GiveBackAll(usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0_u64..6_000).prop_map(Step::Capture),
        2 => (0_u64..6_000).prop_map(Step::Release),
        1 => Just(Step::ReleaseAll),
        3 => (0_usize..3, 0_u64..6_000).prop_map(|(nth, cents)| Step::GiveBack(nth, cents)),
        1 => (0_usize..3).prop_map(Step::GiveBackAll),
    ]
}

/// Cents, captured and returned, and what else there is.
#[derive(Clone, Debug, Default, PartialEq)]
struct Model {
    amount: u64,
    captures: Vec<(u64, u64)>,
    released: u64,
}

impl Model {
    fn captured(&self) -> u64 {
        self.captures.iter().map(|(captured, _)| captured).sum()
    }

    fn returned(&self) -> u64 {
        self.captures.iter().map(|(_, returned)| returned).sum()
    }

    fn remaining(&self) -> u64 {
        self.amount - self.captured() - self.released
    }

    /// What becomes of a step: the code it is refused with.
    fn take(&mut self, step: &Step) -> Result<u64, &'static str> {
        match *step {
            Step::Capture(0) | Step::Release(0) | Step::GiveBack(_, 0) => Err("wrong_input"),
            Step::Capture(_) | Step::Release(_) | Step::ReleaseAll if self.remaining() == 0 => {
                Err("authorization_ended")
            }
            Step::Capture(cents) | Step::Release(cents) if cents > self.remaining() => {
                Err("auth_amount_exceeded")
            }
            Step::Capture(cents) => {
                self.captures.push((cents, 0));
                Ok(cents)
            }
            Step::Release(cents) => {
                self.released += cents;
                Ok(cents)
            }
            Step::ReleaseAll => {
                let cents = self.remaining();
                self.released += cents;
                Ok(cents)
            }
            Step::GiveBack(nth, cents) => self.give_back(nth, cents),
            Step::GiveBackAll(nth) => {
                let left = self
                    .captures
                    .get(nth)
                    .map(|(captured, back)| captured - back);
                self.give_back(nth, left.unwrap_or_default())
            }
        }
    }

    fn give_back(&mut self, nth: usize, cents: u64) -> Result<u64, &'static str> {
        let Some((captured, returned)) = self.captures.get_mut(nth) else {
            return Err("not_found");
        };
        if cents == 0 || cents > *captured - *returned {
            return Err("capture_amount_exceeded");
        }
        *returned += cents;
        Ok(cents)
    }
}

/// The cents of a JSON number, by its text.
fn cents(value: &Value) -> u64 {
    let text = value.to_string();
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    format!("{whole}{fraction:0<2}").parse().unwrap()
}

/// A JSON number, as people write money.
fn dollars(cents: u64) -> Value {
    serde_json::from_str(&format!("{}.{:02}", cents / 100, cents % 100)).unwrap()
}

async fn ask(merchant: &Merchant, id: u64, first: u64, step: &Step) -> Answer {
    match step {
        Step::Capture(cents) => merchant.capture(id, dollars(*cents)).await,
        Step::Release(cents) => merchant.release(id, Some(dollars(*cents))).await,
        Step::ReleaseAll => merchant.release(id, None).await,
        Step::GiveBack(nth, cents) => {
            let capture = first + u64::try_from(*nth).unwrap();
            merchant.give_back(id, capture, Some(dollars(*cents))).await
        }
        Step::GiveBackAll(nth) => {
            let capture = first + u64::try_from(*nth).unwrap();
            merchant.give_back(id, capture, None).await
        }
    }
}

fn sum(read: &Value, list: &str) -> u64 {
    read[list]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| cents(&one["amount"]))
        .sum()
}

fn check(model: &Model, read: &Value) -> Result<(), TestCaseError> {
    for (name, expected) in [
        ("amount", model.amount),
        ("remaining_amount", model.remaining()),
        ("captured_amount", model.captured()),
        ("released_amount", model.released),
        ("returned_amount", model.returned()),
    ] {
        prop_assert_eq!(cents(&read[name]), expected, "{} {}", name, read);
    }
    prop_assert_eq!(sum(read, "captures"), model.captured());
    prop_assert_eq!(sum(read, "returns"), model.returned());
    prop_assert_eq!(sum(read, "releases"), model.released);
    let closed = model.remaining() == 0;
    prop_assert_eq!(&read["status"], if closed { "closed" } else { "opened" });
    prop_assert_eq!(read["ending_date"].is_null(), !closed);
    Ok(())
}

async fn walk(merchant: &Merchant, amount: u64, steps: &[Step]) -> Result<(), TestCaseError> {
    let held = merchant
        .authorize(json!({ "amount": dollars(amount), "auto_capture": false }))
        .await
        .done();
    let id = held["authorization_id"].as_u64().unwrap();
    let captures = merchant.sandbox.ledger().flexiti.captures.len();
    let first = 700_001 + u64::try_from(captures).unwrap();
    let mut model = Model {
        amount,
        ..Model::default()
    };
    let mut read = merchant.read(id).await.done();
    check(&model, &read)?;
    for step in steps {
        let answer = ask(merchant, id, first, step).await;
        match model.take(step) {
            Err(code) => {
                prop_assert_eq!(answer.refusal().1, code, "{:?}", step);
                let after = merchant.read(id).await.done();
                prop_assert_eq!(&after, &read, "refused, and yet something changed");
            }
            Ok(moved) => {
                let answer = answer.done();
                prop_assert_eq!(cents(&answer["amount"]), moved);
                prop_assert_eq!(
                    cents(&answer["remaining_authorization_amount"]),
                    model.remaining()
                );
                read = merchant.read(id).await.done();
                check(&model, &read)?;
            }
        }
    }
    // What lists say is the same.
    let list = merchant.list("page_number=1&page_size=1").await.done();
    let row = &list["authorizations"][0];
    for name in ["amount", "remaining_amount", "captured_amount", "status"] {
        prop_assert_eq!(&row[name], &read[name]);
    }
    let captures = merchant
        .get(&format!("{NEW}/captures?page_number=1"))
        .await
        .done();
    let of_this: u64 = captures["captures"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|one| one["authorization"]["authorization_id"] == id)
        .map(|one| cents(&one["amount"]))
        .sum();
    prop_assert_eq!(of_this, model.captured());
    Ok(())
}

#[test]
fn whatever_is_asked_for_answers_and_reads_agree_with_the_rules() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let merchant = runtime.block_on(Merchant::open());
    let mut runner = TestRunner::new(Config {
        cases: 24,
        failure_persistence: None,
        ..Config::default()
    });
    let cases = (1_u64..12_000, vec(step(), 0..12));
    let outcome = runner.run(&cases, |(amount, steps)| {
        runtime.block_on(async {
            let change = json!({ "available_credit_minor": 10_000_000 });
            merchant.change_account(10_000_001, change).await;
            walk(&merchant, amount, &steps).await
        })
    });
    outcome.unwrap();
}

#[test]
fn any_page_size_yields_every_row_once() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let merchant = runtime.block_on(Merchant::open());
    runtime.block_on(async {
        for _ in 0..11 {
            merchant.held(1).await;
        }
    });
    let mut runner = TestRunner::new(Config {
        cases: 16,
        failure_persistence: None,
        ..Config::default()
    });
    let outcome = runner.run(&(1_u64..14), |size| {
        let seen: Vec<u64> = runtime.block_on(async {
            let mut seen = Vec::new();
            for number in 1.. {
                let query = format!("page_number={number}&page_size={size}");
                let page = merchant.list(&query).await.done();
                let rows = page["authorizations"].as_array().unwrap().clone();
                seen.extend(
                    rows.iter()
                        .map(|row| row["authorization_id"].as_u64().unwrap()),
                );
                if page["next_url"].is_null() {
                    break;
                }
            }
            seen
        });
        prop_assert_eq!(seen, (900_001..=900_011).rev().collect::<Vec<u64>>());
        Ok(())
    });
    outcome.unwrap();
}
