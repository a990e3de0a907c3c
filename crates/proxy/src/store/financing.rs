//! What waits for the buyer of an attempt before anything is sent: an identity check, then offers, then the
//! way that was picked. Who the buyer is, and the token that opens their page, are sealed.

use secrecy::SecretString;
use serde_json::Value;
use ventanilla_core::rails::flexiti::FinancingChoice;

use super::Store;
use super::engine::{Done, Row, Transaction, values};
use super::sealing::{Place, Sealed, SealingKeys};
use crate::clock::Timestamp;
use crate::error::{Error, Result};

/// How far the buyer has come.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum FinancingStage {
    /// To the provider's page.
    Identify,
    /// To the offers.
    Choose,
    /// A way was picked, and the right to send taken for it.
    Chosen,
}

impl FinancingStage {
    const ALL: [Self; 3] = [Self::Identify, Self::Choose, Self::Chosen];

    const fn name(self) -> &'static str {
        match self {
            Self::Identify => "identify",
            Self::Choose => "choose",
            Self::Chosen => "chosen",
        }
    }

    fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|stage| stage.name() == name)
    }
}

/// What waits for a buyer, as it is kept.
pub struct FinancingRow {
    /// How far they have come.
    pub stage: FinancingStage,
    /// Until when it waits.
    pub ends_at: Timestamp,
    /// What the rail keeps of the buyer, as it wrote it.
    pub kept: SecretString,
    /// What was offered.
    pub offers: Option<Value>,
    /// What was picked. It never changes.
    pub choice: Option<FinancingChoice>,
}

/// What a change of an attempt does to what waits for its buyer.
#[derive(Clone)]
pub enum FinancingStep {
    /// It is there.
    Opened {
        /// Until when.
        ends_at: Timestamp,
        /// What the rail keeps.
        kept: SecretString,
    },
    /// The buyer proved who they are.
    Offered {
        /// What the rail keeps from now on.
        kept: SecretString,
        /// What they may pick from.
        offers: Value,
    },
    /// The buyer picked, and this very change takes the right to send.
    Chosen {
        /// What the rail keeps from now on: no token, nothing that opens a page.
        kept: SecretString,
        /// What they picked.
        choice: FinancingChoice,
    },
}

impl Store {
    /// What waits, or waited, for the buyer of an attempt.
    ///
    /// # Errors
    ///
    /// When the store does not answer, or what is sealed does not open with the keys at hand.
    pub async fn financing(&self, attempt_id: &str) -> Result<Option<FinancingRow>> {
        let row = self
            .engine
            .read()
            .await?
            .fetch_optional(
                "SELECT * FROM financing WHERE attempt_id = $1",
                values![attempt_id],
            )
            .await?;
        row.map(|row| read(&row, self.keys.as_deref(), attempt_id))
            .transpose()
    }
}

pub(super) async fn write(
    tx: &mut Transaction,
    keys: Option<&SealingKeys>,
    attempt_id: &str,
    step: FinancingStep,
) -> Result<()> {
    let written = match step {
        FinancingStep::Opened { ends_at, kept } => {
            let kept = seal(keys, attempt_id, &kept)?;
            tx.execute(
                "INSERT INTO financing (attempt_id, stage, ends_at, key_name, body)
                 VALUES ($1, 'identify', $2, $3, $4)",
                values![attempt_id, ends_at, &kept.key_name, &kept.bytes],
            )
            .await
        }
        FinancingStep::Offered { kept, offers } => {
            let kept = seal(keys, attempt_id, &kept)?;
            let offers = offers.to_string();
            tx.execute(
                "UPDATE financing SET stage = 'choose', key_name = $1, body = $2, offers = $3
                 WHERE attempt_id = $4 AND stage = 'identify'",
                values![&kept.key_name, &kept.bytes, &offers, attempt_id],
            )
            .await
        }
        FinancingStep::Chosen { kept, choice } => {
            let kept = seal(keys, attempt_id, &kept)?;
            let choice = serde_json::to_string(&choice).map_err(Error::internal)?;
            // Taken again after the right had come back unused, it is the same one.
            tx.execute(
                "UPDATE financing SET stage = 'chosen', key_name = $1, body = $2, choice = $3
                 WHERE attempt_id = $4 AND (stage = 'choose' OR (stage = 'chosen' AND choice = $3))",
                values![&kept.key_name, &kept.bytes, &choice, attempt_id],
            )
            .await
        }
    }?;
    if written == 1 {
        Ok(())
    } else {
        Err(Error::internal(format!(
            "attempt {attempt_id}: its buyer is at another step"
        )))
    }
}

/// Forgets what is of no use when nothing was sent.
pub(super) async fn forget(tx: &mut Transaction, attempt_id: &str) -> Done<()> {
    tx.execute(
        "DELETE FROM financing WHERE attempt_id = $1 AND stage <> 'chosen'",
        values![attempt_id],
    )
    .await?;
    Ok(())
}

fn seal(keys: Option<&SealingKeys>, attempt_id: &str, kept: &SecretString) -> Result<Sealed> {
    let keys = keys.ok_or_else(|| {
        Error::internal("no sealing key is configured, and it would say who the buyer is")
    })?;
    keys.seal(&Place::Financing { attempt_id }, kept)
}

fn read(row: &Row, keys: Option<&SealingKeys>, attempt_id: &str) -> Result<FinancingRow> {
    let keys =
        keys.ok_or_else(|| Error::internal("no sealing key is configured, and a buyer is sealed"))?;
    let sealed = Sealed {
        key_name: row.text("key_name")?,
        bytes: row.bytes("body")?,
    };
    let offers = row.text_if("offers")?;
    let choice = row.text_if("choice")?;
    Ok(FinancingRow {
        stage: row.named("stage", FinancingStage::from_name)?,
        ends_at: row.moment("ends_at")?,
        kept: keys.open(&Place::Financing { attempt_id }, &sealed)?,
        offers: offers
            .map(|text| serde_json::from_str(&text))
            .transpose()
            .map_err(Error::internal)?,
        choice: choice
            .map(|text| serde_json::from_str(&text))
            .transpose()
            .map_err(Error::internal)?,
    })
}
