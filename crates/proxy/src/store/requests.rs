//! What a transfer out is asked for with, kept to the byte before it is sent for the first time: the
//! provider answers the same bytes with the first result, and others with an error.

use secrecy::SecretString;

use super::Store;
use super::engine::values;
use super::sealing::{Place, Sealed};
use crate::error::{Error, Result};

impl Store {
    /// Keeps `body` for an operation unless one is kept already, and gives the one that is.
    ///
    /// # Errors
    ///
    /// When the store does not answer, has no keys to seal with, or what is sealed does not open with
    /// them.
    pub async fn keep_request(
        &self,
        operation_id: &str,
        body: &SecretString,
    ) -> Result<SecretString> {
        let keys = self.keys.as_deref().ok_or_else(|| {
            Error::internal("no sealing key is configured, and a transfer names a person's account")
        })?;
        let place = Place::Request { operation_id };
        let sealed = keys.seal(&place, body)?;
        let mut tx = self.engine.begin().await?;
        tx.execute(
            "INSERT INTO operation_request (operation_id, key_name, body) VALUES ($1, $2, $3)
             ON CONFLICT (operation_id) DO NOTHING",
            values![operation_id, &sealed.key_name, &sealed.bytes],
        )
        .await?;
        let kept = tx
            .fetch_one(
                "SELECT key_name, body FROM operation_request WHERE operation_id = $1",
                values![operation_id],
            )
            .await?;
        self.commit(tx).await?;
        let kept = Sealed {
            key_name: kept.text("key_name")?,
            bytes: kept.bytes("body")?,
        };
        keys.open(&place, &kept)
    }

    /// What is kept for an operation; none when it was never about to be sent.
    ///
    /// # Errors
    ///
    /// When the store does not answer, or what is sealed does not open with the keys at hand.
    pub async fn kept_request(&self, operation_id: &str) -> Result<Option<SecretString>> {
        let row = self
            .engine
            .read()
            .await?
            .fetch_optional(
                "SELECT key_name, body FROM operation_request WHERE operation_id = $1",
                values![operation_id],
            )
            .await?;
        let Some(row) = row else {
            return Ok(None);
        };
        let keys = self.keys.as_deref().ok_or_else(|| {
            Error::internal("no sealing key is configured, and a request is sealed")
        })?;
        let sealed = Sealed {
            key_name: row.text("key_name")?,
            bytes: row.bytes("body")?,
        };
        keys.open(&Place::Request { operation_id }, &sealed)
            .map(Some)
    }

    /// Who paid what an attempt was paid with; none when the provider did not tell, or it was not kept.
    ///
    /// # Errors
    ///
    /// When the store does not answer, or what is sealed does not open with the keys at hand.
    pub async fn payer_of_attempt(&self, attempt_id: &str) -> Result<Option<super::Payer>> {
        let row = self
            .engine
            .read()
            .await?
            .fetch_optional(
                "SELECT id FROM credit WHERE attempt_id = $1 AND state = 'matched'",
                values![attempt_id],
            )
            .await?;
        match row {
            Some(row) => self.payer(&row.text("id")?).await,
            None => Ok(None),
        }
    }
}
