//! A buyer who finances the purchase: proves who they are, picks a plan, some of them twice over.

use ventanilla_core::api::{AttemptView, Step};
use ventanilla_core::attempt::NextAction;
use ventanilla_core::rails::flexiti::FinancingChoice;
use ventanilla_core::session::SessionState;

use super::checkout::{Pressed, Story};
use crate::failure::{Failure, Result};
use crate::harness::buyer::financed;
use crate::harness::lender::LenderPage;
use crate::harness::wire::Answer;
use crate::random::Dice;

/// What a buyer who finances comes with.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Credit {
    /// What the order costs, in cents.
    pub total_minor: u64,
    account: u64,
}

/// So many of a hundred buyers finance, of those who do not pay from a wallet.
const SHARE: u64 = 20;
/// The sandbox's first account, and how many it has: one of them is frozen, and one poor.
const ACCOUNTS: (u64, u64) = (10_000_001, 4);
/// So often an attempt is begun at most.
const MOST_ASKED: usize = 4;

impl Credit {
    /// What a buyer comes with; none if with something else.
    pub(super) fn drawn(dice: &mut Dice) -> Option<Self> {
        dice.percent(SHARE).then(|| Self {
            total_minor: dice.between(100, 3_000),
            account: ACCOUNTS.0 + dice.below(ACCOUNTS.1),
        })
    }
}

impl Story {
    /// Tries until the purchase is financed or the buyer has had enough; gives the attempt that paid.
    pub(super) async fn pay_on_credit(&mut self, credit: Credit) -> Result<Option<String>> {
        for _ in 0..MOST_ASKED {
            let Some(view) = self.look().await? else {
                return Ok(None);
            };
            if view.state != SessionState::Open {
                return Ok(None);
            }
            let attempt = match view.attempt {
                Some(attempt) if attempt.next_action != NextAction::TryAgain => attempt.id,
                _ => {
                    self.perhaps_shop_ends_it();
                    self.queue().await;
                    match self.press_with(&financed(credit.account)).await? {
                        Pressed::Attempt(attempt) => attempt.id,
                        Pressed::Other(id) => id,
                        Pressed::Over => return Ok(None),
                    }
                }
            };
            match self.go_through(&attempt).await? {
                Some(NextAction::Finish) => return Ok(Some(attempt)),
                Some(NextAction::TryAgain) => {}
                _ => return Ok(None),
            }
        }
        Ok(None)
    }

    /// From the page to the end; none when the buyer has had enough.
    async fn go_through(&mut self, attempt: &str) -> Result<Option<NextAction>> {
        loop {
            let next = |view: &AttemptView| view.next_action != NextAction::Wait;
            let Some(view) = self.watch(attempt, next).await? else {
                return Ok(None);
            };
            let step = match view.next_action {
                NextAction::Identify => {
                    if self.dice.percent(3) {
                        // Left the page open and went away.
                        return Ok(None);
                    }
                    self.pass(&view).await?
                }
                NextAction::Choose => self.pick(&view)?,
                NextAction::Wait => None,
                over => return Ok(Some(over)),
            };
            if let Some(step) = step {
                self.take(attempt, step).await?;
            }
            if !self.rest().await {
                return Ok(None);
            }
        }
    }

    /// Brings the provider's page to an end; the step that follows.
    async fn pass(&mut self, view: &AttemptView) -> Result<Option<Step>> {
        let page = LenderPage::of(view)?;
        self.field.book.note_secret("Flexiti token", &page.token);
        let outcome = match self.dice.below(100) {
            0..90 => "verified",
            90..94 => "unverified",
            94..97 => "cancel",
            _ => "failure",
        };
        let ended = page.end(&self.field.sandbox, outcome).await;
        // Whoever came to an end before, and whose step was lost, starts again.
        Ok(ended.unwrap_or(Some(Step::Supersede)))
    }

    fn pick(&mut self, view: &AttemptView) -> Result<Option<Step>> {
        let offers = view
            .offers
            .as_ref()
            .ok_or_else(|| Failure::of("there is nothing to choose from"))?;
        if offers.plans.is_empty() || (offers.regular.is_some() && self.dice.percent(15)) {
            return Ok(Some(Step::Finance(FinancingChoice::Regular {})));
        }
        let plan = self.dice.pick(&offers.plans);
        Ok(Some(Step::Finance(FinancingChoice::Plan {
            plan: plan.plan.clone(),
            months: plan.months,
        })))
    }

    /// Takes a step, some of them many times at once, until it is answered.
    async fn take(&mut self, attempt: &str, step: Step) -> Result<()> {
        if self.dice.percent(15) {
            let presses = (0..self.dice.between(2, 12)).map(|_| {
                let (buyer, id, step) = (self.buyer.clone(), attempt.to_owned(), step.clone());
                tokio::spawn(async move { buyer.step(&id, step).await })
            });
            for press in presses.collect::<Vec<_>>() {
                let _ = press.await;
            }
        }
        loop {
            match self.buyer.step(attempt, step.clone()).await {
                Answer::Done(_) => return Ok(()),
                Answer::Problem(trouble) => {
                    let expected = ["identity-refused", "plan-not-offered"];
                    if expected.contains(&trouble.code.as_str())
                        || !self.gets_over(&trouble).await?
                    {
                        return Ok(());
                    }
                    self.stand_back(&trouble).await;
                }
                Answer::Nothing(_) => {}
            }
            if !self.rest().await {
                return Ok(());
            }
        }
    }
}
