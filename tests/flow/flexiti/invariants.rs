//! Whatever a merchant asks for in whatever order, the proxy's records, a model of an authorization and what
//! really happened at the provider agree after every step.

use serde_json::Value;
use ventanilla_core::api::AttemptView;

use super::{BILL, Stage};

/// An authorization, by the rules of its provider. Minor units.
struct Model {
    captures: Vec<(u64, u64)>,
    released: u64,
}

impl Model {
    fn captured(&self) -> u64 {
        self.captures.iter().map(|(amount, _)| amount).sum()
    }

    fn returned(&self) -> u64 {
        self.captures.iter().map(|(_, back)| back).sum()
    }

    fn remaining(&self) -> u64 {
        BILL - self.captured() - self.released
    }

    /// What becomes of an operation.
    fn take(&mut self, kind: &str, minor: u64) -> &'static str {
        match kind {
            "capture" | "release" if minor > self.remaining() => "amount-exceeds-payment",
            "capture" => {
                self.captures.push((minor, 0));
                "succeeded"
            }
            "release" => {
                self.released += minor;
                "succeeded"
            }
            _ if minor > self.captured() - self.returned() => "amount-exceeds-payment",
            _ => {
                let fits = |(amount, back): &&mut (u64, u64)| *amount - *back >= minor;
                match self.captures.iter_mut().find(fits) {
                    Some((_, back)) => {
                        *back += minor;
                        "succeeded"
                    }
                    None => "not_executed",
                }
            }
        }
    }
}

/// Numbers that are the same in every run. (SplitMix64.)
struct Chance(u64);

impl Chance {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let number = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (number ^ (number >> 31)) % limit
    }
}

fn dollars(minor: u64) -> String {
    format!("{}.{:02}", minor / 100, minor % 100)
}

/// What the proxy's records say was done, in minor units.
fn recorded(record: &Value, kinds: &[&str]) -> u64 {
    let operations = record["operations"].as_array().unwrap();
    let done = operations
        .iter()
        .filter(|one| one["state"] == "succeeded" && kinds.iter().any(|kind| one["kind"] == *kind));
    done.map(|one| one["amount"]["amount_minor"].as_u64().unwrap())
        .sum()
}

async fn agrees(stage: &Stage, attempt: &AttemptView, record: &Value, model: &Model) {
    let one = &stage.world.authorizations_of(attempt).await[0];
    let ledger = stage.world.ledger();
    // Money adds up, none of it twice, and nothing comes back that was not taken.
    assert_eq!(
        model.captured() + model.released + model.remaining(),
        BILL,
        "held in full"
    );
    assert_eq!(
        [&one.captured, &one.released, &one.remaining, &one.returned],
        [
            &dollars(model.captured()),
            &dollars(model.released),
            &dollars(model.remaining()),
            &dollars(model.returned())
        ]
    );
    assert_eq!(one.ended_at.is_some(), model.remaining() == 0, "closed");
    assert_eq!(recorded(record, &["capture"]), model.captured());
    assert_eq!(recorded(record, &["release"]), model.released);
    assert_eq!(recorded(record, &["return"]), model.returned());
    let of_provider: Vec<u64> = ledger
        .flexiti
        .captures_of(one.authorization_id)
        .map(|capture| capture.capture_id)
        .collect();
    assert_eq!(of_provider.len(), model.captures.len());
    assert!(
        ledger.flexiti.refused.is_empty(),
        "nothing was asked in vain"
    );
}

#[tokio::test]
async fn records_model_and_provider_agree_after_every_operation() {
    let stage = Stage::open_as("capture = false").await;
    for seed in 0..5 {
        let checkout = stage.checkout().await;
        let attempt = checkout.buy().await;
        let mut chance = Chance(seed);
        let mut model = Model {
            captures: Vec::new(),
            released: 0,
        };
        for _ in 0..14 {
            let kind = ["capture", "release", "return", "return"]
                [usize::try_from(chance.below(4)).unwrap()];
            let most = [BILL, BILL / 5, 3][usize::try_from(chance.below(3)).unwrap()];
            let minor = 1 + chance.below(most);
            let before = checkout.record().await;
            let answer = stage.ask(&attempt, kind, minor).await;
            let expected = model.take(kind, minor);
            let came = if answer.status == 201 {
                answer.json()["state"].as_str().unwrap().to_owned()
            } else {
                // What is refused changes nothing.
                assert_eq!(checkout.record().await, before);
                answer.code()
            };
            assert_eq!(came, expected, "{kind} of {minor}: {}", answer.text);
            let checkout = checkout.with_fresh_token().await;
            agrees(&stage, &attempt, &checkout.record().await, &model).await;
        }
        // Whatever the parts were, what is left is exactly what is left.
        if model.remaining() > 0 {
            let rest = model.remaining();
            let answer = stage.ask(&attempt, "capture", rest).await;
            assert_eq!(answer.json()["state"], model.take("capture", rest));
        }
        agrees(&stage, &attempt, &checkout.record().await, &model).await;
        let answer = stage.ask(&attempt, "capture", 1).await;
        assert_eq!(answer.code(), "amount-exceeds-payment");
    }
}
