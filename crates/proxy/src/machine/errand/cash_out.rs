//! A transfer out of the merchant's CVU account, to whom the merchant says.

use std::sync::Arc;

use secrecy::{ExposeSecret as _, SecretString};
use ventanilla_core::account::{Account, AccountKind, Alias, Cuit};
use ventanilla_core::api::IdempotencyKey;
use ventanilla_core::attempt::AttemptState;
use ventanilla_core::money::Currency;
use ventanilla_core::problem::ProblemCode;
use ventanilla_providers::cvu::{CashOut, CashOutDone, CashOutOrder, Destination};

use super::judge::Reading;
use super::{Deed, Kept, NewCashOut, OperationDetails, OperationResult, Ready, Recipient};
use crate::error::{Error, Result};
use crate::machine::Machine;
use crate::machine::check::text;
use crate::machine::course::Finding;
use crate::machine::drive::NOT_CONFIGURED;
use crate::machine::session::OperationRecord;
use crate::rails::cvu::CvuRail;
use crate::store::{ErrandKind, ErrandRow};

const NUMBER_MAX: usize = 64;
const CONCEPT_MAX: usize = 64;
const DESCRIPTION_MAX: usize = 100;

impl Machine {
    /// Sends money from the merchant's CVU account, and waits up to 6 s of real time for the outcome. The
    /// same key never sends twice; repeated, it answers with the operation as it stands.
    ///
    /// What was opened goes on when the caller goes away.
    ///
    /// # Errors
    ///
    /// `operation-not-possible` when the CVU rail is not configured, or nothing can be kept sealed;
    /// `amount-invalid`; `request-malformed`; `idempotency-key-reused`; `provider-unavailable`.
    pub async fn cash_out(
        self: &Arc<Self>,
        key: &IdempotencyKey,
        new: NewCashOut,
    ) -> Result<OperationRecord> {
        let kind = ErrandKind::CashOut;
        // A repeated request is answered before it is judged: what made it fit may be gone since.
        if let Some(known) = self.known_errand(kind, key, &new).await? {
            return Ok(known);
        }
        let rail = self.cvu.as_ref().ok_or_else(|| {
            Error::new(ProblemCode::OperationNotPossible).detail("rail cvu is not configured")
        })?;
        self.needs_sealing_keys()?;
        let to = destination(&new.to)?;
        let cuit = Cuit::parse(&new.to.cuit).map_err(|error| misfit("to.cuit", &error))?;
        check(&new)?;
        let details = OperationDetails {
            reference: new.reference.clone(),
            recipient: Some(masked(&to)),
            concept: Some(
                new.concept
                    .clone()
                    .unwrap_or_else(|| rail.concept().to_owned()),
            ),
            description: new.description.clone(),
            ..OperationDetails::default()
        };
        let now = self.clock.now();
        let draft = ErrandRow::new(kind, new.amount, details, key.as_str(), now)?;
        let order = CashOutOrder {
            to,
            cuit,
            amount: draft.amount,
            reference_id: draft.reference.clone(),
            concept: draft.details.concept.clone().unwrap_or_default(),
            description: new.description.clone().unwrap_or_else(|| draft.id.clone()),
        };
        let body = rail.transfer_of(&order).map_err(|cause| {
            Error::new(ProblemCode::RequestMalformed).detail(format!("it cannot be sent: {cause}"))
        })?;
        let kept = Kept {
            asked: new,
            // EXPOSE: into what is sealed.
            body: Some(body.expose_secret().to_owned()),
        };
        self.open_errand(draft, &[], kept).await
    }
}

fn check(new: &NewCashOut) -> Result<()> {
    if new.amount.minor() == 0 || new.amount.currency() != Currency::ARS {
        return Err(Error::new(ProblemCode::AmountInvalid)
            .detail("amount must be more than zero and in ARS"));
    }
    for (field, value, max) in [
        ("reference", &new.reference, NUMBER_MAX),
        ("concept", &new.concept, CONCEPT_MAX),
        ("description", &new.description, DESCRIPTION_MAX),
    ] {
        if let Some(value) = value {
            text(field, value, 1, max)?;
        }
    }
    Ok(())
}

fn misfit(field: &str, error: &dyn std::fmt::Display) -> Error {
    Error::new(ProblemCode::RequestMalformed).detail(format!("{field}: {error}"))
}

fn destination(to: &Recipient) -> Result<Destination> {
    match (&to.cvu, &to.alias) {
        (Some(cvu), None) => Account::parse(cvu)
            .map(Destination::Account)
            .map_err(|error| misfit("to.cvu", &error)),
        (None, Some(alias)) => Alias::parse(alias)
            .map(Destination::Alias)
            .map_err(|error| misfit("to.alias", &error)),
        (Some(_), Some(_)) | (None, None) => Err(Error::new(ProblemCode::RequestMalformed)
            .detail("to must hold exactly one of cvu and alias")),
    }
}

/// What may be shown of where money goes.
fn masked(to: &Destination) -> String {
    match to {
        Destination::Account(account) => {
            let kind = match account.kind() {
                AccountKind::Cbu => "CBU",
                AccountKind::Cvu => "CVU",
            };
            format!("{kind} {}", account.masked())
        }
        Destination::Alias(alias) => {
            let beginning: String = alias.as_str().chars().take(2).collect();
            format!("alias {beginning}****")
        }
    }
}

/// The transfer as it was kept.
async fn kept(machine: &Machine, row: &ErrandRow) -> Result<CashOut> {
    let kept: Kept<NewCashOut> = Kept::of(machine, &row.id).await?;
    let body = kept.body.map(SecretString::from);
    let body = body.ok_or_else(|| Error::internal("a transfer was kept without its bytes"))?;
    CvuRail::kept_transfer(&body)
}

pub(super) async fn ready(machine: &Machine, row: &ErrandRow) -> Result<Ready> {
    if machine.cvu.is_none() {
        return Ok(Ready::never("rail cvu is not configured any more"));
    }
    Ok(Ready::Now(Deed::CashOut(kept(machine, row).await?)))
}

/// **Moves money**, once for each reference however often it is sent.
pub(super) async fn send(machine: &Machine, transfer: &CashOut) -> Finding<OperationResult> {
    match &machine.cvu {
        Some(rail) => rail
            .cash_out(transfer, &machine.breakers)
            .await
            .map(|done| result_of(&done)),
        None => Finding::NotSent(String::from(NOT_CONFIGURED)),
    }
}

/// What became of it: the same bytes again, to which the provider gives the first result. Only while nobody
/// has said that it never happened.
pub(super) async fn read(machine: &Machine, row: &ErrandRow) -> Result<Reading> {
    if row.state != AttemptState::Unknown {
        return Ok(Reading::NotAsked);
    }
    let transfer = kept(machine, row).await?;
    Ok(match send(machine, &transfer).await {
        Finding::Confirmed(result) => Reading::Done(result),
        // Neither a refusal nor silence proves that an earlier sending did nothing.
        Finding::Declined { .. } => Reading::Failed(String::from("it was refused")),
        Finding::NotSent(cause) | Finding::Rejected(cause) | Finding::Unknown(cause) => {
            Reading::Failed(cause)
        }
    })
}

fn result_of(done: &CashOutDone) -> OperationResult {
    OperationResult {
        cash_out_id: Some(done.id.to_string()),
        ..OperationResult::default()
    }
}
