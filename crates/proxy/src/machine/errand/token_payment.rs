//! A payment with a saved card, of a buyer who is not there: a session and its one attempt, opened in one go.
//! It is an attempt like any other, and nobody else can pay its session: no client token is made of it.

use std::sync::Arc;

use ventanilla_core::api::{IdempotencyKey, StartAttempt};
use ventanilla_core::problem::ProblemCode;
use ventanilla_core::rails::Rail;
use ventanilla_core::rails::card::CardStart;

use super::NewTokenPayment;
use crate::error::{Error, Result};
use crate::machine::session::{AttemptRecord, Buyer, NewSession};
use crate::machine::{Machine, fingerprint};
use crate::rails::Host;
use crate::store::{Opened, SessionRow, TOKEN_PAYMENT};

impl Machine {
    /// Pays with a saved card and waits up to 6 s of real time for the outcome. The same key never pays
    /// twice; repeated, it answers with the attempt as it stands.
    ///
    /// What was started goes on when the caller goes away.
    ///
    /// # Errors
    ///
    /// `rail-not-offered` when the card rail is not configured or does not settle in the currency;
    /// `saved-card-unknown`; `amount-invalid`; `request-malformed`; `idempotency-key-reused`;
    /// `session-expired` when nothing was started within half an hour under this key;
    /// `provider-unavailable`.
    pub async fn pay_with_saved_card(
        self: &Arc<Self>,
        key: &IdempotencyKey,
        new: NewTokenPayment,
    ) -> Result<AttemptRecord> {
        let start = StartAttempt {
            rail: Rail::Card,
            card: Some(CardStart {
                sealed: None,
                saved_card: Some(new.saved_card.clone()),
                installments: new.installments,
                save_card: false,
            }),
            cvu: None,
            flux: None,
            flexiti: None,
        };
        let session = self.session_of_token_payment(key, new).await?;
        let started = self.start_attempt(&session.id, key, start).await?;
        self.attempt(&started.id).await
    }

    async fn session_of_token_payment(
        &self,
        key: &IdempotencyKey,
        new: NewTokenPayment,
    ) -> Result<SessionRow> {
        // No key of a session has this beginning.
        let merchant_key = format!("{TOKEN_PAYMENT}{}", key.as_str());
        let fingerprint = fingerprint(&new)?;
        if self.store.session_of_key(&merchant_key).await?.is_none() {
            // What can be known beforehand leaves no session behind.
            self.breakers.refuse_if_open(&[Host::GreenpayMerchant])?;
            let (card, buyer) = (&new.saved_card, &new.buyer_id);
            if !self.store.saves_cards() || self.store.card_token(card, buyer).await?.is_none() {
                return Err(Error::new(ProblemCode::SavedCardUnknown)
                    .detail("saved_card is no card of this buyer_id"));
            }
        }
        let request = NewSession {
            order_reference: new.order_reference,
            total: new.total,
            rails: vec![Rail::Card],
            description: new.description,
            items: new.items,
            buyer: Some(Buyer {
                id: Some(new.buyer_id),
                ..Buyer::default()
            }),
            installments: new.installments.into_iter().collect(),
            save_card: Default::default(),
            expires_in_secs: None,
            metadata: new.metadata,
        };
        match self.open_under(&merchant_key, fingerprint, request).await? {
            Opened::New(row) | Opened::Same(row) => Ok(row),
            Opened::KeyReused => Err(ProblemCode::IdempotencyKeyReused.into()),
        }
    }
}
