//! Saved cards that the merchant looks after, beside those that buyers save while paying.
//!
//! The provider's token of a card never leaves here: a card is named by an identifier of ours, and its token
//! lies sealed in the store. What is written here and what the provider keeps cannot be changed in one step, so
//! the order is such that what is left behind by a crash is a token that nobody knows, never a card without one.

use std::sync::Arc;

use secrecy::{ExposeSecret, SecretString};
use ventanilla_core::problem::ProblemCode;
use ventanilla_core::rails::card::SealedCardMessage;
use ventanilla_providers::greenpay::{CardToken, SavedToken};
use ventanilla_providers::{Cause, Outcome};

use super::Machine;
use crate::error::{Error, Result};
use crate::id;
use crate::rails::Host;
use crate::rails::card::{known, made};
use crate::store::{NewSavedCard, SavedCardRow};

const HOST: Host = Host::GreenpayMerchant;

/// How a card is replaced.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Replacement {
    /// By a card that is saved for it; the one before is deleted at the provider.
    Fresh,
    /// In place: the sealed card names the provider's token, which the merchant has from elsewhere.
    InPlace,
}

impl Machine {
    /// Saves a card for a buyer.
    ///
    /// # Errors
    ///
    /// `rail-not-configured` without a card rail, `request-malformed` without a sealing key, `card-malformed`,
    /// `provider-rejected`, `provider-refused`, `provider-unavailable`, `provider-unclear`: then there may be a
    /// token at the provider that nobody knows.
    pub async fn save_card(
        self: &Arc<Self>,
        buyer_id: String,
        sealed: SealedCardMessage,
    ) -> Result<SavedCardRow> {
        self.may_save()?;
        let machine = Arc::clone(self);
        apart(async move {
            let saved = machine.tokenize(&sealed, Replacement::Fresh).await?;
            let card = kept(id::make_prefixed("crd")?, buyer_id, saved)?;
            machine.store.add_card(&card, machine.clock.now()).await?;
            machine.card_row(&card.id).await
        })
        .await
    }

    /// A buyer's cards, newest first, at most 20.
    ///
    /// # Errors
    ///
    /// `rail-not-configured` without a card rail.
    pub async fn cards_of(&self, buyer_id: &str) -> Result<Vec<SavedCardRow>> {
        self.card()?;
        self.store.saved_cards(buyer_id).await
    }

    /// A card, with what the provider knows of it now.
    ///
    /// # Errors
    ///
    /// `not-found`; `provider-rejected` when the provider does not know it any more; `provider-unavailable`.
    pub async fn saved_card(&self, card_id: &str) -> Result<SavedCardRow> {
        let client = self.card()?.client();
        let (row, token) = self.card_and_token(card_id).await?;
        let (outcome, _) = self.read_aside(HOST, client.token(&token)).await?;
        let now = known(outcome)?;
        Ok(SavedCardRow {
            brand: now.brand.or(row.brand),
            last4: now.last4.unwrap_or(row.last4),
            bin: now.bin.or(row.bin),
            expiry_month: now.expiry.map(|expiry| expiry.month).or(row.expiry_month),
            expiry_year: now.expiry.map(|expiry| expiry.year).or(row.expiry_year),
            ..row
        })
    }

    /// Replaces a card, which keeps its identifier.
    ///
    /// A subscription that the card pays goes on with the card that it had, unless it is replaced in place.
    ///
    /// # Errors
    ///
    /// As [`Machine::save_card`], and `not-found`.
    pub async fn replace_card(
        self: &Arc<Self>,
        card_id: &str,
        sealed: SealedCardMessage,
        how: Replacement,
    ) -> Result<SavedCardRow> {
        self.may_save()?;
        let row = self.card_row(card_id).await?;
        let machine = Arc::clone(self);
        apart(async move {
            let saved = machine.tokenize(&sealed, how).await?;
            let card = kept(row.id, row.buyer_id, saved)?;
            match machine.store.replace_card(&card).await? {
                Some(before) if how == Replacement::Fresh => {
                    machine.delete_what_is_left(&before).await;
                }
                Some(_) => {}
                None => {
                    // Deleted meanwhile; what was saved for it is nobody's.
                    machine.delete_what_is_left(&card.token).await;
                    return Err(ProblemCode::NotFound.into());
                }
            }
            machine.card_row(&card.id).await
        })
        .await
    }

    /// Deletes a card, at the provider and here.
    ///
    /// # Errors
    ///
    /// `not-found`; `provider-rejected`, `provider-refused`, `provider-unavailable`, `provider-unclear`: then the
    /// card is still here, and deleting it may be repeated.
    pub async fn delete_card(self: &Arc<Self>, card_id: &str) -> Result<()> {
        let (row, token) = self.card_and_token(card_id).await?;
        let machine = Arc::clone(self);
        apart(async move {
            machine.delete_at_provider(&token).await?;
            machine.store.forget_card(&row.id).await?;
            Ok(())
        })
        .await
    }

    /// The provider's token of a card, whoever's it is.
    ///
    /// # Errors
    ///
    /// `not-found`.
    pub(super) async fn card_and_token(&self, card_id: &str) -> Result<(SavedCardRow, CardToken)> {
        let row = self.card_row(card_id).await?;
        let token = self.store.card_token(&row.id, &row.buyer_id).await?;
        let token = token.ok_or(ProblemCode::NotFound)?;
        Ok((row, card_token(&token)?))
    }

    async fn card_row(&self, card_id: &str) -> Result<SavedCardRow> {
        let row = self.store.saved_card(card_id).await?;
        row.ok_or_else(|| ProblemCode::NotFound.into())
    }

    fn may_save(&self) -> Result<()> {
        self.card()?;
        if !self.store.saves_cards() {
            return Err(Error::new(ProblemCode::RequestMalformed).detail(
                "cards can be saved with a sealing key in the proxy's configuration only",
            ));
        }
        self.breakers
            .refuse_if_open(&[Host::GreenpayMerchant, Host::GreenpayCheckout])
    }

    async fn tokenize(&self, sealed: &SealedCardMessage, how: Replacement) -> Result<SavedToken> {
        let rail = self.card()?;
        rail.check_sealed(sealed)?;
        let client = rail.client();
        let request_id = id::make()?;
        // Nothing is left behind by it: one that nobody uses just dies.
        let opened = self.create_aside(HOST, client.create_token_order(&request_id));
        let session = known(opened.await?.0)?;
        let (outcome, _) = match how {
            Replacement::Fresh => {
                let call = client.create_token(&session, sealed, &request_id);
                self.create_aside(Host::GreenpayCheckout, call).await?
            }
            Replacement::InPlace => {
                let call = client.update_token(&session, sealed, &request_id);
                self.create_aside(Host::GreenpayCheckout, call).await?
            }
        };
        made(outcome)
    }

    /// One that the provider does not know is as good as deleted.
    async fn delete_at_provider(&self, token: &CardToken) -> Result<()> {
        let client = self.card()?.client();
        let request_id = id::make()?;
        let call = client.delete_token(token, &request_id);
        match self.create_aside(HOST, call).await? {
            (Outcome::Rejected(Cause::CardToken), _) => Ok(()),
            (outcome, _) => made(outcome),
        }
    }

    /// If that fails, a token stays at the provider that nobody knows.
    async fn delete_what_is_left(&self, token: &SecretString) {
        let deleted = match card_token(token) {
            Ok(token) => self.delete_at_provider(&token).await,
            Err(error) => Err(error),
        };
        if let Err(error) = deleted {
            tracing::warn!("a card that was replaced was not deleted at the provider: {error}");
        }
    }
}

fn card_token(token: &SecretString) -> Result<CardToken> {
    // EXPOSE: from one secret type into the other.
    CardToken::parse(token.expose_secret())
        .ok_or_else(|| Error::internal("a saved card's token is no card token"))
}

fn kept(id: String, buyer_id: String, saved: SavedToken) -> Result<NewSavedCard> {
    let card = saved.card;
    Ok(NewSavedCard {
        id,
        buyer_id,
        // EXPOSE: from one secret type into the other.
        token: SecretString::from(saved.token.expose()),
        brand: card.brand,
        last4: card.last4.ok_or_else(|| {
            Error::new(ProblemCode::ProviderUnclear)
                .cause("the provider saved a card and did not tell its last four digits")
        })?,
        bin: card.bin,
        expiry_month: card.expiry.map(|expiry| expiry.month),
        expiry_year: card.expiry.map(|expiry| expiry.year),
    })
}

/// In a task of its own: a caller that goes away half-way must not leave a token behind that nobody knows.
async fn apart<T: Send + 'static>(
    work: impl Future<Output = Result<T>> + Send + 'static,
) -> Result<T> {
    tokio::spawn(work).await.map_err(Error::internal)?
}
