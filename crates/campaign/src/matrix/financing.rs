//! What is financed: the buyer's way through the provider's page and its offers.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;
use ventanilla_core::api::{AttemptView, Step};
use ventanilla_core::attempt::{AttemptState, NextAction};
use ventanilla_core::rails::flexiti::FinancingChoice;

use crate::failure::{Failure, Result};
use crate::harness::buyer::Buyer;
use crate::harness::lender::LenderPage;
use crate::harness::sandbox::Sandbox;
use crate::harness::wire::Answer;

/// The sandbox's first account: in order, and rich enough for all cases together.
pub(super) const ACCOUNT: u64 = 10_000_001;

/// How the purchase is paid off.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Way {
    /// By the first plan that is offered.
    Plan,
    /// By the terms of the account.
    Regular,
}

/// The widget of one buyer: it says what the page said until the proxy has taken it.
#[derive(Default)]
pub(super) struct Said(Mutex<Option<(LenderPage, Step)>>);

impl Said {
    /// Takes every step that the attempt waits for, each once: up to its authorization, or as far as there are
    /// answers. `note` hears of each page.
    pub async fn go_on(
        &self,
        sandbox: &Sandbox,
        buyer: &Buyer,
        attempt: AttemptView,
        way: Way,
        note: impl Fn(&LenderPage),
    ) -> Result<Answer<AttemptView>> {
        let deadline = Instant::now() + PAGE_WITHIN;
        let mut view = attempt;
        loop {
            let answer = match view.next_action {
                NextAction::Identify => {
                    let page = LenderPage::of(&view)?;
                    note(&page);
                    let step = self.end(sandbox, page).await?;
                    buyer.step(&view.id, step).await
                }
                NextAction::Choose => buyer.step(&view.id, Step::Finance(pick(&view, way)?)).await,
                NextAction::Wait if is_coming(view.state) && Instant::now() < deadline => {
                    buyer.read(&view.id, 1).await
                }
                _ => return Ok(Answer::Done(view)),
            };
            match answer {
                Answer::Done(next) => view = next,
                other => return Ok(other),
            }
        }
    }

    /// What the page says at its end, or has said already.
    async fn end(&self, sandbox: &Sandbox, page: LenderPage) -> Result<Step> {
        if let Some(step) = self.before(&page) {
            return Ok(step);
        }
        let step = page.end(sandbox, "verified").await?;
        let step = step.ok_or_else(|| Failure::of("the provider's page said nothing"))?;
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((page, step.clone()));
        Ok(step)
    }

    fn before(&self, page: &LenderPage) -> Option<Step> {
        let said = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let of_page = said.as_ref().filter(|(of, _)| of == page);
        of_page.map(|(_, step)| step.clone())
    }
}

/// Whether the page or the offers are still on their way.
const fn is_coming(state: AttemptState) -> bool {
    matches!(state, AttemptState::New | AttemptState::Prepared)
}

fn pick(view: &AttemptView, way: Way) -> Result<FinancingChoice> {
    let offers = view.offers.as_ref();
    let plan = offers.and_then(|offers| offers.plans.first());
    match (way, plan) {
        (Way::Regular, _) => Ok(FinancingChoice::Regular {}),
        (Way::Plan, Some(plan)) => Ok(FinancingChoice::Plan {
            plan: plan.plan.clone(),
            months: plan.months,
        }),
        (Way::Plan, None) => Err(Failure::of("no plan is offered")),
    }
}

/// Whatever was to come and died is given up by then, or by those who watch the session.
const PAGE_WITHIN: Duration = Duration::from_secs(5);
