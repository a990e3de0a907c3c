//! A buyer who shows a wallet's code: what the wallet shows, and the tip.

use serde::Deserialize;
use serde_json::json;
use ventanilla_core::money::Money;
use ventanilla_core::rails::flux::{FluxOffer, share};

use super::checkout::{Pressed, Story};
use crate::failure::{Failure, Result, Tried as _};
use crate::harness::buyer::wallet_code;
use crate::harness::sandbox::Sandbox;
use crate::random::Dice;

/// So many of a hundred buyers who do not pay by link or code of the shop show a code of their own.
const SHARE: u64 = 25;
/// What a wallet shows that does not pay.
const REFUSED: [&str; 5] = ["expired", "funds", "refused", "over_limit", "unknown"];

/// What such a buyer's order costs, in centavos; none for a buyer with a card.
pub(super) fn drawn(dice: &mut Dice) -> Option<u64> {
    dice.percent(SHARE).then(|| dice.between(100, 99_999_999))
}

impl Story {
    /// Lets the wallet show a code, and has it charged with a tip or without.
    pub(super) async fn show_code(&mut self, offer: &FluxOffer, bill: Money) -> Result<Pressed> {
        let kind = match self.dice.below(100) {
            0..12 => *self.dice.pick(&REFUSED),
            12..18 => "slow",
            _ => "good",
        };
        let code = fresh_code(&self.field.sandbox, kind).await?;
        let tip = self.tip(offer, bill);
        let start = wallet_code(&code, tip)?;
        self.press_with(&start).await
    }

    fn tip(&mut self, offer: &FluxOffer, bill: Money) -> u64 {
        let Some(policy) = &offer.tip else { return 0 };
        match self.dice.below(100) {
            0..45 => 0,
            45..90 if !policy.percents.is_empty() => share(bill, *self.dice.pick(&policy.percents)),
            _ => self.dice.between(0, policy.most(bill)),
        }
    }
}

/// A code that no wallet has shown before, of this kind.
///
/// # Errors
///
/// When the sandbox does not answer.
pub async fn fresh_code(sandbox: &Sandbox, kind: &str) -> Result<String> {
    #[derive(Deserialize)]
    struct Fresh {
        code: String,
    }
    let body = json!({ "kind": kind });
    let shown = sandbox
        .ask(reqwest::Method::POST, "/flux/codes", &body)
        .await?;
    let shown: Fresh = serde_json::from_slice(&shown).tried("read a wallet's code")?;
    if shown.code.is_empty() {
        return Err(Failure::of("the wallet shows nothing"));
    }
    Ok(shown.code)
}
