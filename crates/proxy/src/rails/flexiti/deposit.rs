//! Money that a customer brings to a shop, for their account.

use ventanilla_core::rails::flexiti::Language;
use ventanilla_providers::flexiti::Deposit;

use super::FlexitiRail;
use super::deed::found;
use crate::machine::{Breakers, Finding};

impl FlexitiRail {
    /// **Moves money.** To be called once for each right to send: no read shows what came of it.
    pub async fn deposit(&self, order: &Deposit, breakers: &Breakers) -> Finding<()> {
        match self.new_flow(Language::En) {
            Ok(flow) => found(self.client.deposit(flow, order).await, breakers),
            Err(error) => Finding::NotSent(error.to_string()),
        }
    }
}
