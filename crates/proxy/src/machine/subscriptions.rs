//! What a merchant sees and changes of subscriptions. Nothing here is kept: the provider is asked.

use ventanilla_core::money::Money;
use ventanilla_core::problem::ProblemCode;
use ventanilla_providers::greenpay::{
    Listed, ListedPayment, Page, Subscription, SubscriptionFilter, SubscriptionId,
    SubscriptionState, TransactionRead,
};

use super::Machine;
use crate::error::{Error, Result};
use crate::rails::Host;
use crate::rails::card::{changed, known};

const HOST: Host = Host::GreenpayMerchant;

/// What is changed of a subscription.
pub enum SubscriptionChange {
    /// It ends.
    Cancel {
        /// Why, 1 to 255 characters.
        reason: String,
    },
    /// Another saved card pays, by its identifier here.
    Card(String),
    /// It takes another amount.
    Amount(Money),
}

impl Machine {
    /// A page of the subscriptions.
    ///
    /// # Errors
    ///
    /// `rail-not-configured` without a card rail, `provider-rejected`, `provider-refused`, `provider-unavailable`.
    pub async fn subscriptions(
        &self,
        filter: &SubscriptionFilter,
        page: Page,
    ) -> Result<Listed<Subscription>> {
        let client = self.card()?.client();
        let call = client.subscriptions(filter, page);
        known(self.read_aside(HOST, call).await?.0)
    }

    /// A page of a subscription's payments.
    ///
    /// # Errors
    ///
    /// As [`Machine::subscriptions`]; `not-found` when the provider does not know the subscription.
    pub async fn subscription_payments(
        &self,
        id: &SubscriptionId,
        page: Page,
    ) -> Result<Listed<ListedPayment>> {
        let client = self.card()?.client();
        let call = client.subscription_payments(id, page);
        known(self.read_aside(HOST, call).await?.0)
    }

    /// Changes a subscription. `by`: who does it, 1 to 100 characters; the provider keeps it.
    ///
    /// # Errors
    ///
    /// As [`Machine::subscriptions`]; `saved-card-unknown`; `amount-invalid` for none, or in a currency that
    /// the terminal does not settle; `provider-unclear`, after which it may be repeated.
    pub async fn change_subscription(
        &self,
        id: &SubscriptionId,
        by: &str,
        change: SubscriptionChange,
    ) -> Result<SubscriptionState> {
        let rail = self.card()?;
        let client = rail.client();
        let (outcome, _) = match change {
            SubscriptionChange::Cancel { reason } => {
                let call = client.cancel_subscription(id, by, &reason);
                self.create_aside(HOST, call).await?
            }
            SubscriptionChange::Card(card_id) => {
                let found = self.card_and_token(&card_id).await;
                let (_, token) = found.map_err(|error| match error.code() {
                    ProblemCode::NotFound => Error::new(ProblemCode::SavedCardUnknown),
                    _ => error,
                })?;
                let call = client.change_subscription_card(id, by, &token);
                self.create_aside(HOST, call).await?
            }
            SubscriptionChange::Amount(amount) => {
                if amount.minor() == 0 || !rail.settles(amount.currency()) {
                    return Err(Error::new(ProblemCode::AmountInvalid).detail(
                        "amount must be more than zero and in a currency of the card rail",
                    ));
                }
                let call = client.change_subscription_amount(id, by, amount);
                self.create_aside(HOST, call).await?
            }
        };
        changed(outcome)
    }

    /// What the provider knows of a card payment, ours or not.
    ///
    /// # Errors
    ///
    /// As [`Machine::subscriptions`].
    pub async fn card_transaction(&self, reference: &str) -> Result<TransactionRead> {
        let client = self.card()?.client();
        let call = client.transaction(reference);
        known(self.read_aside(HOST, call).await?.0)
    }
}
