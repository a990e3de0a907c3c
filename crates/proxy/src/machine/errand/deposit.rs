//! Money that a customer brings to a shop, put into their Flexiti account.
//!
//! The customer proves who they are with a code that they read out in the shop. Flexiti answers with nothing, and no
//! read shows a deposit: one whose answer was lost is for a person.

use std::sync::Arc;

use secrecy::SecretString;
use ventanilla_core::api::IdempotencyKey;
use ventanilla_core::attempt::AttemptState;
use ventanilla_core::money::Currency;
use ventanilla_core::problem::ProblemCode;
use ventanilla_providers::flexiti::{
    AccountNumber, CardNumber, Counter, CustomerId, Deposit, DepositKind as Kind, DepositTo,
    Reference, VerificationCode,
};

use super::judge::Reading;
use super::{
    Deed, DepositAccount, DepositKind, Kept, NewDeposit, OperationDetails, OperationResult, Ready,
};
use crate::error::{Error, Result};
use crate::machine::Machine;
use crate::machine::check::text;
use crate::machine::course::Finding;
use crate::machine::drive::NOT_CONFIGURED;
use crate::machine::session::OperationRecord;
use crate::store::{ErrandKind, ErrandRow};

const NUMBER_MAX: usize = 64;
const COUNTER_MAX: usize = 50;

impl Machine {
    /// Puts money into a customer's Flexiti account, and waits up to 6 s of real time for the outcome. The same key
    /// never sends twice; repeated, it answers with the operation as it stands.
    ///
    /// What was opened goes on when the caller goes away.
    ///
    /// # Errors
    ///
    /// `operation-not-possible` when the Flexiti rail is not configured, or nothing can be kept sealed;
    /// `amount-invalid`; `request-malformed`; `idempotency-key-reused`; `provider-unavailable`.
    pub async fn deposit(
        self: &Arc<Self>,
        key: &IdempotencyKey,
        new: NewDeposit,
    ) -> Result<OperationRecord> {
        let kind = ErrandKind::Deposit;
        if let Some(known) = self.known_errand(kind, key, &new).await? {
            return Ok(known);
        }
        if self.flexiti.is_none() {
            return Err(Error::new(ProblemCode::OperationNotPossible)
                .detail("rail flexiti is not configured"));
        }
        self.needs_sealing_keys()?;
        check(&new)?;
        let in_store = new.in_store.as_ref();
        let details = OperationDetails {
            reference: new.reference.clone(),
            deposit: Some(new.kind),
            recipient: Some(masked(&account(&new.to)?)),
            request_id: in_store.map(|shop| shop.request_id.clone()),
            location_id: in_store.map(|shop| shop.location_id.clone()),
            ..OperationDetails::default()
        };
        let now = self.clock.now();
        let draft = ErrandRow::new(kind, new.amount, details, key.as_str(), now)?;
        // What does not fit is refused before anything is recorded.
        order(&new, &draft)?;
        let kept = Kept {
            asked: new,
            body: None,
        };
        self.open_errand(draft, &[], kept).await
    }
}

fn check(new: &NewDeposit) -> Result<()> {
    if new.amount.minor() == 0 || new.amount.currency() != Currency::CAD {
        return Err(Error::new(ProblemCode::AmountInvalid)
            .detail("amount must be more than zero and in CAD"));
    }
    if let Some(reference) = &new.reference {
        text("reference", reference, 1, NUMBER_MAX)?;
    }
    if let Some(shop) = &new.in_store {
        text("in_store.request_id", &shop.request_id, 1, NUMBER_MAX)?;
        text("in_store.location_id", &shop.location_id, 1, COUNTER_MAX)?;
        text("in_store.employee_id", &shop.employee_id, 1, COUNTER_MAX)?;
    }
    Ok(())
}

fn unfit(what: &str) -> Error {
    Error::new(ProblemCode::RequestMalformed).detail(what)
}

fn account(to: &DepositAccount) -> Result<DepositTo> {
    match (&to.account_number, &to.card_number, &to.customer_id) {
        (Some(number), None, None) => AccountNumber::parse(number)
            .map(DepositTo::Account)
            .ok_or_else(|| unfit("to.account_number must be 1 to 14 digits, the first not zero")),
        (None, Some(number), None) => CardNumber::parse(number)
            .map(DepositTo::Card)
            .ok_or_else(|| unfit("to.card_number must be 16 digits")),
        (None, None, Some(id)) => CustomerId::parse(id)
            .map(DepositTo::Customer)
            .ok_or_else(|| unfit("to.customer_id must be digits, a hyphen, and digits")),
        _ => Err(unfit(
            "to must have exactly one of account_number, card_number and customer_id",
        )),
    }
}

/// Whose account it is, as far as somebody else may see.
fn masked(to: &DepositTo) -> String {
    let (kind, number) = match to {
        DepositTo::Account(number) => ("account", number.expose()),
        DepositTo::Card(number) => ("card", number.expose()),
        DepositTo::Customer(id) => ("customer", id.expose()),
    };
    // Of a number that is hardly longer than its end, the end tells too much.
    let end = match number.len() {
        ..8 => "",
        length => number.get(length - 4..).unwrap_or_default(),
    };
    format!("{kind} ****{end}")
}

fn order(new: &NewDeposit, row: &ErrandRow) -> Result<Deposit> {
    let reference = Reference::parse(&row.reference)
        .ok_or_else(|| Error::internal("an own reference is not one that the provider takes"))?;
    Ok(Deposit {
        reference,
        kind: match new.kind {
            DepositKind::Deposit => Kind::Deposit,
            DepositKind::InStorePayment => Kind::InStorePayment,
            DepositKind::TradeIn => Kind::TradeIn,
        },
        amount: row.amount,
        to: account(&new.to)?,
        verification_code: VerificationCode::parse(&new.verification_code)
            .ok_or_else(|| unfit("verification_code must be 1 to 10 digits"))?,
        in_store: new.in_store.as_ref().map(|shop| {
            let counter = Counter {
                location_id: shop.location_id.clone(),
                employee_id: SecretString::from(shop.employee_id.as_str()),
            };
            (shop.request_id.clone(), counter)
        }),
    })
}

pub(super) async fn ready(machine: &Machine, row: &ErrandRow) -> Result<Ready> {
    if machine.flexiti.is_none() {
        return Ok(Ready::never(NOT_CONFIGURED));
    }
    let kept: Kept<NewDeposit> = Kept::of(machine, &row.id).await?;
    Ok(Ready::Now(Deed::Deposit(Box::new(order(
        &kept.asked,
        row,
    )?))))
}

/// **Moves money.** To be called once for each right to send.
pub(super) async fn send(machine: &Machine, order: &Deposit) -> Finding<OperationResult> {
    match &machine.flexiti {
        Some(rail) => {
            let done = rail.deposit(order, &machine.breakers).await;
            done.map(|()| OperationResult::default())
        }
        None => Finding::NotSent(String::from(NOT_CONFIGURED)),
    }
}

/// There is nothing to read.
pub(super) fn read(row: &ErrandRow) -> Reading {
    match row.state {
        AttemptState::Unknown => Reading::NotShown,
        _ => Reading::NotAsked,
    }
}
