//! Many payments with saved cards in one call.
//!
//! Each has a reference of its own and is read back by it, like any payment. The provider's answer says no more
//! than that it took the request.

use std::collections::BTreeSet;
use std::sync::Arc;

use ventanilla_core::api::IdempotencyKey;
use ventanilla_core::attempt::AttemptState;
use ventanilla_core::money::Money;
use ventanilla_core::problem::ProblemCode;
use ventanilla_providers::greenpay::{BulkPayment, Client};

use super::judge::{PaymentReading, Reading};
use super::subscription::{BUYER_MAX, NUMBER_MAX, settled_in};
use super::{Deed, Kept, NewBulk, OperationDetails, OperationResult, Ready};
use crate::error::{Error, Result};
use crate::machine::Machine;
use crate::machine::check::text;
use crate::machine::course::Finding;
use crate::machine::drive::NOT_CONFIGURED;
use crate::machine::judge;
use crate::machine::session::OperationRecord;
use crate::store::{ErrandItem, ErrandKind, ErrandRow};

/// Most payments that are read in one go: well within the time for which the errand is this process's to read.
const READ_AT_ONCE: usize = 20;

impl Machine {
    /// Takes many payments at once, and waits up to 6 s of real time for what comes of them. The same key never
    /// takes them twice; repeated, it answers with the operation as it stands.
    ///
    /// What was opened goes on when the caller goes away.
    ///
    /// # Errors
    ///
    /// `operation-not-possible` when the card rail is not configured, or nothing can be kept sealed;
    /// `amount-invalid`; `saved-card-unknown`; `request-malformed`; `idempotency-key-reused`;
    /// `provider-unavailable`.
    pub async fn pay_in_bulk(
        self: &Arc<Self>,
        key: &IdempotencyKey,
        new: NewBulk,
    ) -> Result<OperationRecord> {
        let kind = ErrandKind::Bulk;
        if let Some(known) = self.known_errand(kind, key, &new).await? {
            return Ok(known);
        }
        let rail = self.card_for_errands()?;
        check(&new)?;
        let mut items = Vec::new();
        let mut sum = 0_u64;
        let mut currency = None;
        for (position, payment) in (0_u32..).zip(&new.payments) {
            let total = payment.total;
            settled_in(rail, total, &format!("payments[{position}].total"))?;
            if *currency.get_or_insert(total.currency()) != total.currency() {
                return Err(Error::new(ProblemCode::AmountInvalid)
                    .detail("every total must be in one currency"));
            }
            sum = sum.saturating_add(total.minor());
            let field = format!("payments[{position}].saved_card");
            self.needs_card(&payment.saved_card, &payment.buyer_id, &field)
                .await?;
            items.push(ErrandItem::new(position, &payment.order_reference, total)?);
        }
        let amount = currency.and_then(|currency| Money::from_minor(sum, currency).ok());
        let amount = amount.ok_or_else(|| {
            Error::new(ProblemCode::AmountInvalid).detail("the totals are too much together")
        })?;
        let details = OperationDetails {
            reference: new.reference.clone(),
            ..OperationDetails::default()
        };
        let draft = ErrandRow::new(kind, amount, details, key.as_str(), self.clock.now())?;
        let kept = Kept {
            asked: new,
            body: None,
        };
        self.open_errand(draft, &items, kept).await
    }
}

fn check(new: &NewBulk) -> Result<()> {
    let malformed = |detail: String| Err(Error::new(ProblemCode::RequestMalformed).detail(detail));
    if let Some(reference) = &new.reference {
        text("reference", reference, 1, NUMBER_MAX)?;
    }
    if !(1..=Client::BULK_MAX).contains(&new.payments.len()) {
        return malformed(format!(
            "payments must be 1 to {}, found {}",
            Client::BULK_MAX,
            new.payments.len()
        ));
    }
    let mut numbers = BTreeSet::new();
    for (position, payment) in new.payments.iter().enumerate() {
        let field = |name: &str| format!("payments[{position}].{name}");
        text(
            &field("order_reference"),
            &payment.order_reference,
            1,
            NUMBER_MAX,
        )?;
        text(&field("buyer_id"), &payment.buyer_id, 1, BUYER_MAX)?;
        if !numbers.insert(&payment.order_reference) {
            return malformed(format!(
                "{} is another payment's too",
                field("order_reference")
            ));
        }
    }
    Ok(())
}

pub(super) async fn ready(machine: &Machine, row: &ErrandRow) -> Result<Ready> {
    if machine.card.is_none() {
        return Ok(Ready::never(NOT_CONFIGURED));
    }
    let kept: Kept<NewBulk> = Kept::of(machine, &row.id).await?;
    let whole = machine.store.whole_errand(&row.id).await?;
    let items = whole.map(|whole| whole.items).unwrap_or_default();
    if items.len() != kept.asked.payments.len() {
        return Err(Error::internal("payments were kept without their request"));
    }
    let mut payments = Vec::new();
    for (item, asked) in items.iter().zip(&kept.asked.payments) {
        let card = machine
            .card_of_errand(&asked.saved_card, &asked.buyer_id)
            .await?;
        let Some(card) = card else {
            return Ok(Ready::never("a saved card was deleted meanwhile"));
        };
        payments.push(BulkPayment {
            reference: item.reference.clone(),
            total: item.amount,
            card,
            name: None,
            email: None,
        });
    }
    Ok(Ready::Now(Deed::Bulk(payments)))
}

/// **Moves money.** To be called once for each right to send.
pub(super) async fn send(machine: &Machine, payments: &[BulkPayment]) -> Finding<OperationResult> {
    match &machine.card {
        Some(rail) => {
            let taken = rail.bulk(payments, &machine.breakers).await;
            taken.map(|id| OperationResult {
                bulk_id: Some(id.as_str().to_owned()),
                ..OperationResult::default()
            })
        }
        None => Finding::NotSent(String::from(NOT_CONFIGURED)),
    }
}

/// What became of those that are not known to have been made, by the reference of each; those that were not read
/// for longest first.
pub(super) async fn read(machine: &Machine, row: &ErrandRow) -> Result<Reading> {
    let Some(rail) = &machine.card else {
        return Ok(Reading::Failed(String::from(NOT_CONFIGURED)));
    };
    let whole = machine.store.whole_errand(&row.id).await?;
    let mut items = whole.map(|whole| whole.items).unwrap_or_default();
    let is_open = items.iter().any(|item| item.state == AttemptState::Unknown);
    items.retain(|item| {
        if is_open {
            item.state == AttemptState::Unknown
        } else {
            item.state == AttemptState::NotExecuted
        }
    });
    items.sort_by_key(|item| item.last_read_at);
    let more = items
        .iter()
        .skip(READ_AT_ONCE)
        .any(|item| item.last_read_at == items.last().and_then(|last| last.last_read_at));
    let mut read = Vec::new();
    for item in items.iter().take(READ_AT_ONCE) {
        let reading = match rail.read(&item.reference).await {
            judge::Reading::Confirmed(confirmation) => PaymentReading::Taken {
                total: confirmation.total,
                authorization: confirmation.authorization,
                last4: confirmation.last4,
            },
            judge::Reading::NotFound => PaymentReading::NotFound,
            judge::Reading::Changed(kind) => PaymentReading::Other(format!("a {}", kind.name())),
            judge::Reading::Other(state) => PaymentReading::Other(state),
            judge::Reading::Failed(cause) => PaymentReading::Failed(cause),
            judge::Reading::Done | judge::Reading::NeverShown => {
                PaymentReading::Failed(String::from("the read is of something else"))
            }
        };
        read.push((item.position, reading));
    }
    Ok(Reading::Payments { read, more })
}
