//! Cards that buyers saved.

use secrecy::SecretString;
use ventanilla_core::card::Brand;

use super::engine::{Row, Transaction, values};
use super::sealing::{Place, Sealed, SealingKeys};
use super::{NewSavedCard, SavedCardRow, Store};
use crate::clock::Timestamp;
use crate::error::{Error, Result};

/// Keeps a card. Whether it could be: a card that cannot be sealed must not undo the payment it came
/// with.
pub(super) async fn keep(
    tx: &mut Transaction,
    keys: Option<&SealingKeys>,
    attempt_id: &str,
    card: &NewSavedCard,
    now: Timestamp,
) -> Result<bool> {
    let place = Place::SavedCard {
        card_id: &card.id,
        buyer_id: &card.buyer_id,
    };
    let sealed = match keys.map(|keys| keys.seal(&place, &card.token)) {
        Some(Ok(sealed)) => sealed,
        Some(Err(error)) => {
            tracing::error!(attempt.id = %attempt_id, "attempt {attempt_id}: card not saved: {error}");
            return Ok(false);
        }
        None => {
            tracing::error!(
                attempt.id = %attempt_id,
                "attempt {attempt_id}: card not saved: no sealing key is configured"
            );
            return Ok(false);
        }
    };
    write(tx, Some(attempt_id), card, &sealed, now).await?;
    Ok(true)
}

async fn write(
    tx: &mut Transaction,
    attempt_id: Option<&str>,
    card: &NewSavedCard,
    sealed: &Sealed,
    now: Timestamp,
) -> Result<()> {
    tx.execute(
        "INSERT INTO saved_card (id, buyer_id, attempt_id, key_name, token, brand, last4, bin,
                                 expiry_month, expiry_year, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
        values![
            &card.id,
            &card.buyer_id,
            attempt_id,
            &sealed.key_name,
            &sealed.bytes,
            card.brand.map(Brand::name),
            &card.last4,
            &card.bin,
            card.expiry_month,
            card.expiry_year,
            now,
        ],
    )
    .await?;
    Ok(())
}

impl Store {
    /// A buyer's cards, newest first, at most 20.
    ///
    /// # Errors
    ///
    /// When the store does not answer.
    pub async fn saved_cards(&self, buyer_id: &str) -> Result<Vec<SavedCardRow>> {
        self.engine
            .read()
            .await?
            .fetch_all(
                "SELECT id, buyer_id, brand, last4, bin, expiry_month, expiry_year, created_at FROM saved_card
                 WHERE buyer_id = $1 ORDER BY created_at DESC, id LIMIT 20",
                values![buyer_id],
            )
            .await?
            .iter()
            .map(read)
            .collect()
    }

    /// The provider's token of a buyer's card; none when this buyer has no such card.
    ///
    /// # Errors
    ///
    /// When the store does not answer, or the token does not open with the keys at hand.
    pub async fn card_token(&self, card_id: &str, buyer_id: &str) -> Result<Option<SecretString>> {
        let Some(keys) = &self.keys else {
            return Ok(None);
        };
        let row = self
            .engine
            .read()
            .await?
            .fetch_optional(
                "SELECT key_name, token FROM saved_card WHERE id = $1 AND buyer_id = $2",
                values![card_id, buyer_id],
            )
            .await?;
        let Some(row) = row else {
            return Ok(None);
        };
        open(keys, card_id, buyer_id, &row).map(Some)
    }

    /// A card, whoever's it is.
    ///
    /// # Errors
    ///
    /// When the store does not answer.
    pub async fn saved_card(&self, card_id: &str) -> Result<Option<SavedCardRow>> {
        self.engine
            .read()
            .await?
            .fetch_optional(
                "SELECT id, buyer_id, brand, last4, bin, expiry_month, expiry_year, created_at FROM saved_card
                 WHERE id = $1",
                values![card_id],
            )
            .await?
            .as_ref()
            .map(read)
            .transpose()
    }

    /// Keeps a card that came without a payment.
    ///
    /// # Errors
    ///
    /// When the store does not answer, or has no key to seal it with.
    pub async fn add_card(&self, card: &NewSavedCard, now: Timestamp) -> Result<()> {
        let sealed = self.seal_card(card)?;
        let mut tx = self.engine.begin().await?;
        write(&mut tx, None, card, &sealed, now).await?;
        self.commit(tx).await
    }

    /// Gives a kept card another token, and what is known of it; gives the token that it had. `None` when it
    /// is not there, or not this buyer's.
    ///
    /// # Errors
    ///
    /// When the store does not answer, has no key to seal it with, or cannot open what it had.
    pub async fn replace_card(&self, card: &NewSavedCard) -> Result<Option<SecretString>> {
        let sealed = self.seal_card(card)?;
        let keys = self.keys.as_ref().ok_or_else(no_key)?;
        let mut tx = self.engine.begin().await?;
        // Whoever replaces it at the same time sees this token, and gives it back.
        let before = tx
            .fetch_optional(
                "SELECT key_name, token FROM saved_card WHERE id = $1 AND buyer_id = $2 {locked}",
                values![&card.id, &card.buyer_id],
            )
            .await?;
        let Some(before) = before else {
            return tx.leave(None).await;
        };
        let before = open(keys, &card.id, &card.buyer_id, &before)?;
        tx.execute(
            "UPDATE saved_card SET key_name = $2, token = $3, brand = $4, last4 = $5, bin = $6,
                                   expiry_month = $7, expiry_year = $8
             WHERE id = $1",
            values![
                &card.id,
                &sealed.key_name,
                &sealed.bytes,
                card.brand.map(Brand::name),
                &card.last4,
                &card.bin,
                card.expiry_month,
                card.expiry_year,
            ],
        )
        .await?;
        self.commit(tx).await?;
        Ok(Some(before))
    }

    /// Forgets a card; whether it was there.
    ///
    /// # Errors
    ///
    /// When the store does not answer.
    pub async fn forget_card(&self, card_id: &str) -> Result<bool> {
        let mut tx = self.engine.begin().await?;
        let gone = tx
            .execute("DELETE FROM saved_card WHERE id = $1", values![card_id])
            .await?;
        self.commit(tx).await?;
        Ok(gone > 0)
    }

    fn seal_card(&self, card: &NewSavedCard) -> Result<Sealed> {
        let place = Place::SavedCard {
            card_id: &card.id,
            buyer_id: &card.buyer_id,
        };
        let keys = self.keys.as_ref().ok_or_else(no_key)?;
        keys.seal(&place, &card.token)
    }
}

fn no_key() -> Error {
    Error::internal("no sealing key is configured")
}

fn open(keys: &SealingKeys, card_id: &str, buyer_id: &str, row: &Row) -> Result<SecretString> {
    let sealed = Sealed {
        key_name: row.text("key_name")?,
        bytes: row.bytes("token")?,
    };
    keys.open(&Place::SavedCard { card_id, buyer_id }, &sealed)
}

fn read(row: &Row) -> Result<SavedCardRow> {
    Ok(SavedCardRow {
        id: row.text("id")?,
        buyer_id: row.text("buyer_id")?,
        brand: row.text_if("brand")?.as_deref().and_then(Brand::from_name),
        last4: row.text("last4")?,
        bin: row.text_if("bin")?,
        expiry_month: row.small_if("expiry_month")?,
        expiry_year: row.small_if("expiry_year")?,
        created_at: row.moment("created_at")?,
    })
}
