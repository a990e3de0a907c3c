//! Cards that buyers saved.

use secrecy::SecretString;
use ventanilla_core::card::Brand;

use super::engine::{Row, Transaction, values};
use super::sealing::{Place, Sealed, SealingKeys};
use super::{NewSavedCard, SavedCardRow, Store};
use crate::clock::Timestamp;
use crate::error::Result;

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
    Ok(true)
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
                "SELECT id, brand, last4, expiry_month, expiry_year FROM saved_card
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
        let sealed = Sealed {
            key_name: row.text("key_name")?,
            bytes: row.bytes("token")?,
        };
        let place = Place::SavedCard { card_id, buyer_id };
        keys.open(&place, &sealed).map(Some)
    }
}

fn read(row: &Row) -> Result<SavedCardRow> {
    Ok(SavedCardRow {
        id: row.text("id")?,
        brand: row.text_if("brand")?.as_deref().and_then(Brand::from_name),
        last4: row.text("last4")?,
        expiry_month: row.small_if("expiry_month")?,
        expiry_year: row.small_if("expiry_year")?,
    })
}
