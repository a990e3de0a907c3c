//! What must hold of every authorization, whatever a merchant asks for in whatever order: in the proxy's records, in
//! a model of its rules, and in what really happened at the provider.
//!
//! A authorized, C captured, R released, M remaining; cᵢ a capture, tᵢ what was returned of it, T their sum.
//!
//! | | invariant | at the provider's stand-in | in the proxy's records, and its client |
//! |---|---|---|---|
//! | 1 | A = C + R + M until expiry | `sandbox` `flexiti/machine/tests.rs`: `every_sequence_…`; over HTTP, `tests/flexiti/properties.rs`: `whatever_is_asked_for_…` | [`records_model_and_provider_agree_after_every_operation`] |
//! | 2 | 0 ≤ M ≤ A, and M never grows | the same | the same |
//! | 3 | 0 ≤ tᵢ ≤ cᵢ, T ≤ C | the same | the same, capture by capture; `proxy` `tests/store/financing.rs`, on both databases |
//! | 4 | closed ⇔ M = 0; an end is never left | the same | the same |
//! | 5 | what is refused changes nothing | the same | the same: the whole record |
//! | 6 | answers and reads tell the same sums | `whatever_is_asked_for_…` | the client takes no answer in another amount: `providers` `tests/flexiti/properties.rs`: `one_changed_field_…` |
//! | 7 | x ≤ 0, parts of a cent and x above the limit go nowhere | `refusals.rs` | the same: the provider never had to say no; `providers` `flexiti/amount.rs`: `a_third_decimal_place_…` |
//! | 8 | after closed or expired no capture, but returns | `machine/tests.rs`: `after_its_time_…` | the same, closed; [`after_its_time_nothing_is_captured_and_what_was_captured_comes_back`] |
//! | 9 | `auto_capture` is one capture of A | `operations.rs` | the proxy's own way, which is one operation: `Stage::assert_captured_once` in every purchase |
//! | 10 | the same key again changes nothing; with another body it is refused | `operations.rs` | the same, after each operation |
//! | 11 | any parts of A in any order leave M = 0 | `machine/tests.rs`: `parts_of_the_whole_…` | [`any_parts_in_any_order_leave_exactly_nothing`] |
//! | 12 | the sums hang on what was accepted, not on its order | `machine/tests.rs`: `the_sums_hang_…` | the same |
//! | 13 | one fee, of the earliest capture not wholly returned | `machine/tests.rs`: `every_sequence_…`, `the_fee_moves_…` | no record of the proxy's has fees |
//! | 14 | all pages have every row once, newest first, whatever comes in meanwhile | `properties.rs`: `any_page_size_…` | `providers` `tests/flexiti/properties.rs`: `any_pages_that_move_…` |
//! | 15 | cents → JSON → cents is the identity | `machine/tests.rs`: `cents_go_through_json_…` | `providers` `flexiti/amount.rs`: `cents_survive_the_wire_…` |
//! | 16 | the list of captures sums to each authorization's C | `whatever_is_asked_for_…` | `records_model_and_provider_…`: each operation is a capture of its amount |

use std::time::Duration;

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
                    None => "return-exceeds-capture",
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

fn cents(dollars: &str) -> u64 {
    dollars.replace('.', "").parse().unwrap()
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
    let returned_of = |capture: u64| -> u64 {
        let returns = ledger.flexiti.returns.iter();
        let of_it = returns.filter(|one| one.capture_id == capture);
        of_it.map(|one| cents(&one.amount)).sum()
    };
    let of_provider: Vec<(u64, u64)> = ledger
        .flexiti
        .captures_of(one.authorization_id)
        .map(|capture| (cents(&capture.amount), returned_of(capture.capture_id)))
        .collect();
    assert_eq!(of_provider, model.captures, "capture by capture");
    assert!(
        of_provider.iter().all(|(captured, back)| back <= captured),
        "no more comes back of one than it was"
    );
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
            let key = stage.world.next_key();
            let answer = stage.ask_with(&key, &attempt, kind, minor).await;
            let expected = model.take(kind, minor);
            let came = if answer.status == 201 {
                answer.json()["state"].as_str().unwrap().to_owned()
            } else {
                // What is refused changes nothing.
                assert_eq!(checkout.record().await, before);
                answer.code()
            };
            assert_eq!(came, expected, "{kind} of {minor}: {}", answer.text);
            // Said again it is the same; said otherwise it is refused, and so is nothing at all.
            let again = stage.ask_with(&key, &attempt, kind, minor).await;
            assert_eq!((again.status, &again.text), (answer.status, &answer.text));
            if answer.status == 201 {
                let other = stage.ask_with(&key, &attempt, kind, minor + 1).await;
                assert_eq!(other.code(), "idempotency-key-reused");
            }
            let nothing = stage.ask(&attempt, kind, 0).await;
            assert_eq!(nothing.code(), "amount-invalid");
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

#[tokio::test]
async fn any_parts_in_any_order_leave_exactly_nothing() {
    let stage = Stage::open_as("capture = false").await;
    let mut chance = Chance(11);
    for _ in 0..3 {
        // Parts of the whole, some of which are let go.
        let mut parts = Vec::new();
        let mut left = BILL;
        while left > 0 && parts.len() < 6 {
            let minor = (1 + chance.below(BILL / 3)).min(left);
            let kind = ["capture", "capture", "release"][usize::try_from(chance.below(3)).unwrap()];
            parts.push((kind, minor));
            left -= minor;
        }
        if left > 0 {
            parts.push(("capture", left));
        }
        let mut ends = Vec::new();
        for _ in 0..2 {
            let checkout = stage.checkout().await;
            let attempt = checkout.buy().await;
            for (kind, minor) in &parts {
                let done = stage.operate(&attempt, kind, *minor).await;
                assert_eq!(done["state"], "succeeded", "{done}");
            }
            let one = &stage.world.authorizations_of(&attempt).await[0];
            assert_eq!(one.remaining, "0.00", "{parts:?}");
            assert!(one.ended_at.is_some());
            let record = checkout.record().await;
            let kinds = [["capture"], ["release"]];
            let [captured, released] = kinds.map(|kind| recorded(&record, &kind));
            assert_eq!(captured + released, BILL);
            ends.push((
                captured,
                released,
                one.captured.clone(),
                one.released.clone(),
            ));
            parts.reverse();
        }
        assert_eq!(ends[0], ends[1], "the order makes no difference: {parts:?}");
    }
}

#[tokio::test]
async fn after_its_time_nothing_is_captured_and_what_was_captured_comes_back() {
    let (stage, attempt) = Stage::held().await;
    let captured = stage.operate(&attempt, "capture", 40_000).await;
    assert_eq!(captured["state"], "succeeded");
    let year = Duration::from_secs(366 * 86_400);
    stage.world.move_clock(year);
    for kind in ["capture", "release"] {
        let refused = stage.operate(&attempt, kind, 10_000).await;
        assert_eq!(refused["state"], "declined", "{refused}");
        assert_eq!(refused["provider_code"], "authorization_ended");
    }
    let returned = stage.operate(&attempt, "return", 40_000).await;
    assert_eq!(returned["state"], "succeeded", "{returned}");
    let one = &stage.world.authorizations_of(&attempt).await[0];
    assert_eq!(
        [&one.captured, &one.released, &one.returned],
        ["400.00", "0.00", "400.00"]
    );
}
