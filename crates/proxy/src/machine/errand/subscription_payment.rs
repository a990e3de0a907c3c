//! A payment of a subscription before its day.
//!
//! GreenPay's request has no reference of ours, and its answer no signature. What was paid before is looked up
//! before anything is sent; what is there afterwards and was not before is the payment, unless GreenPay may have
//! made it by itself.

use std::sync::Arc;
use std::time::Duration;

use ventanilla_core::api::IdempotencyKey;
use ventanilla_core::money::Money;
use ventanilla_providers::greenpay::{ChargeResult, ListedPayment, Page, SubscriptionId};
use ventanilla_providers::{Cause, Outcome};

use super::judge::Reading;
use super::subscription::{NUMBER_MAX, local_day, settled_in};
use super::{Deed, Kept, NewSubscriptionPayment, OperationDetails, OperationResult, Ready};
use crate::clock::Timestamp;
use crate::error::{Error, Result};
use crate::machine::Machine;
use crate::machine::check::text;
use crate::machine::course::Finding;
use crate::machine::drive::NOT_CONFIGURED;
use crate::machine::session::OperationRecord;
use crate::rails::Host;
use crate::rails::card::{CardRail, known};
use crate::store::{ErrandKind, ErrandRow};

/// GreenPay takes what is due by itself at midnight, and does not tell how long it is about it.
const BY_ITSELF: Duration = Duration::from_secs(2 * 3600);
/// Most pages of payments that are looked through.
const PAGES_MAX: u32 = 20;
const PAGE_SIZE: u8 = 100;

/// What has to be in memory to ask for a payment of a subscription.
pub(in crate::machine) struct Charge {
    id: SubscriptionId,
    amount: Money,
    /// The references of what was paid before.
    pub(super) known_before: Vec<String>,
}

impl Machine {
    /// Takes a payment of a subscription now, and waits up to 6 s of real time for the outcome. The same key
    /// never takes two, and a subscription is asked for one at a time; repeated, it answers with the operation
    /// as it stands.
    ///
    /// What was opened goes on when the caller goes away.
    ///
    /// # Errors
    ///
    /// `operation-not-possible` when the card rail is not configured, or nothing can be kept sealed;
    /// `operation-running`; `not-found` when the provider does not know the subscription; `amount-invalid`;
    /// `request-malformed`; `idempotency-key-reused`; `provider-unavailable`, `provider-refused`,
    /// `provider-rejected` and `provider-unclear` when it does not tell what was paid so far.
    pub async fn pay_subscription(
        self: &Arc<Self>,
        key: &IdempotencyKey,
        id: &SubscriptionId,
        new: NewSubscriptionPayment,
    ) -> Result<OperationRecord> {
        let kind = ErrandKind::SubscriptionPayment;
        // The same key for another subscription asks for something else.
        let asked = Asked {
            subscription_id: id.as_str().to_owned(),
            new,
        };
        if let Some(known) = self.known_errand(kind, key, &asked).await? {
            return Ok(known);
        }
        let rail = self.card_for_errands()?;
        let new = &asked.new;
        settled_in(rail, new.amount, "amount")?;
        if let Some(reference) = &new.reference {
            text("reference", reference, 1, NUMBER_MAX)?;
        }
        let one = Page { number: 1, size: 1 };
        let call = rail.client().subscription_payments(id, one);
        known(self.read_aside(Host::GreenpayMerchant, call).await?.0)?;
        let details = OperationDetails {
            reference: new.reference.clone(),
            subscription_id: Some(id.as_str().to_owned()),
            ..OperationDetails::default()
        };
        let now = self.clock.now();
        let mut draft = ErrandRow::new(kind, new.amount, details, key.as_str(), now)?;
        draft.subject = Some(id.as_str().to_owned());
        self.open_errand(draft, &[], Kept { asked, body: None })
            .await
    }

    /// A notification named a payment of this subscription: one that was asked for and is in doubt is read back
    /// soon. False when there is none.
    ///
    /// # Errors
    ///
    /// When the store does not answer.
    pub async fn noticed_subscription(&self, id: &SubscriptionId) -> Result<bool> {
        let kind = ErrandKind::SubscriptionPayment;
        let Some(open) = self.store.open_errand_of(kind, id.as_str()).await? else {
            return Ok(false);
        };
        let evidence = serde_json::json!({ "source": "notification" });
        self.bring_forward::<ErrandRow>(&open, "noticed", &evidence)
            .await?;
        Ok(true)
    }
}

/// What is kept of it.
#[derive(Eq, PartialEq, serde::Deserialize, serde::Serialize)]
struct Asked {
    subscription_id: String,
    new: NewSubscriptionPayment,
}

fn subscription_of(row: &ErrandRow) -> Result<SubscriptionId> {
    let subject = row.subject.as_deref().and_then(SubscriptionId::parse);
    subject.ok_or_else(|| Error::internal("a payment of no subscription was kept"))
}

pub(super) async fn ready(machine: &Machine, row: &ErrandRow) -> Result<Ready> {
    let Some(rail) = &machine.card else {
        return Ok(Ready::never(NOT_CONFIGURED));
    };
    let id = subscription_of(row)?;
    Ok(match all_payments(rail, &id).await {
        Ok(payments) => Ready::Now(Deed::SubscriptionPayment(Charge {
            id,
            amount: row.amount,
            known_before: payments.into_iter().map(|it| it.reference).collect(),
        })),
        Err(Cause::NotFound) => Ready::never("the provider does not know the subscription"),
        Err(cause) => Ready::Later(cause.to_string()),
    })
}

/// Every payment that the provider shows, in its order.
async fn all_payments(
    rail: &CardRail,
    id: &SubscriptionId,
) -> std::result::Result<Vec<ListedPayment>, Cause> {
    let mut page = Page {
        number: 1,
        size: PAGE_SIZE,
    };
    let mut payments = Vec::new();
    loop {
        let listed = match rail.client().subscription_payments(id, page).await {
            Outcome::Definite(listed) => listed,
            Outcome::NotSent(cause) | Outcome::Rejected(cause) | Outcome::Unknown(cause) => {
                return Err(cause);
            }
        };
        let is_last = listed.is_last(page);
        payments.extend(listed.entries);
        if is_last {
            return Ok(payments);
        }
        if page.number >= PAGES_MAX {
            // What is left out might be what is looked for.
            return Err(Cause::AnswerTooLong);
        }
        page.number += 1;
    }
}

/// **Moves money.** To be called once for each right to send.
pub(super) async fn send(machine: &Machine, charge: &Charge) -> Finding<OperationResult> {
    let Some(rail) = &machine.card else {
        return Finding::NotSent(String::from(NOT_CONFIGURED));
    };
    match rail.pay_subscription(&charge.id, &machine.breakers).await {
        Finding::Confirmed(approval) if approval.total != charge.amount => Finding::Unknown(
            String::from("the provider says that it took another amount"),
        ),
        finding => finding.map(|approval| OperationResult {
            payment_reference: Some(approval.reference),
            ..OperationResult::default()
        }),
    }
}

/// What became of it, by the list of the subscription's payments.
pub(super) async fn read(machine: &Machine, row: &ErrandRow) -> Result<Reading> {
    let Some(rail) = &machine.card else {
        return Ok(Reading::Failed(String::from(NOT_CONFIGURED)));
    };
    Ok(match all_payments(rail, &subscription_of(row)?).await {
        Ok(payments) => reading_of(row, &payments, machine.clock.now()),
        Err(cause) => Reading::Failed(cause.to_string()),
    })
}

fn reading_of(row: &ErrandRow, payments: &[ListedPayment], now: Timestamp) -> Reading {
    let told = row.result.as_ref();
    if let Some(told) = told.and_then(|told| told.payment_reference.as_deref()) {
        let found = payments.iter().find(|it| it.reference == told);
        return found.map_or(Reading::NotShown, |found| became_of(row, found));
    }
    let known_before = row.known_before.as_deref().unwrap_or_default();
    let mut fresh = payments
        .iter()
        .filter(|it| !known_before.contains(&it.reference));
    match (fresh.next(), fresh.next()) {
        (None, _) => Reading::NotShown,
        (Some(found), None) if !may_be_by_itself(row, now) => became_of(row, found),
        _ => Reading::Unclear(String::from(
            "the provider shows payments of the subscription that it may have taken by itself",
        )),
    }
}

fn became_of(row: &ErrandRow, found: &ListedPayment) -> Reading {
    let mut result = OperationResult {
        payment_reference: Some(found.reference.clone()),
        ..OperationResult::default()
    };
    if let Some(approval) = found.approval() {
        if approval.total != row.amount {
            return Reading::Unclear(String::from(
                "the provider shows the payment with another amount",
            ));
        }
        result.authorization.clone_from(&approval.authorization);
        return Reading::Done(result);
    }
    match &found.result {
        ChargeResult::Declined { code } if found.retries.is_empty() => Reading::Declined {
            code: code.clone(),
            result,
        },
        _ => Reading::NotShown,
    }
}

/// Whether GreenPay may have taken a payment by itself between the look before and now.
fn may_be_by_itself(row: &ErrandRow, now: Timestamp) -> bool {
    let sent_at = row.sent_at.unwrap_or(row.created_at);
    local_day(sent_at - BY_ITSELF) != local_day(now)
}

#[cfg(test)]
mod tests {
    use ventanilla_core::attempt::AttemptState;
    use ventanilla_core::money::Currency;
    use ventanilla_providers::greenpay::ListedApproval;

    use super::*;

    /// 05:06:40 in Costa Rica.
    const SENT: Timestamp = Timestamp::from_millis(1_795_000_000_000);

    fn crc(minor: u64) -> Money {
        Money::from_minor(minor, Currency::CRC).unwrap()
    }

    fn in_doubt() -> ErrandRow {
        let details = OperationDetails::default();
        let kind = ErrandKind::SubscriptionPayment;
        let mut row = ErrandRow::new(kind, crc(1_000), details, "key", SENT).unwrap();
        row.subject = Some(String::from("s"));
        row.state = AttemptState::Unknown;
        row.sent_at = Some(SENT);
        row.known_before = Some(vec![String::from("s_1")]);
        row
    }

    fn listed(number: u8, result: ChargeResult) -> ListedPayment {
        ListedPayment {
            reference: format!("s_{number}"),
            paid_at: None,
            result,
            retries: Vec::new(),
        }
    }

    fn approved(number: u8, minor: u64) -> ListedPayment {
        let approval = ListedApproval {
            total: crc(minor),
            authorization: Some(String::from("083215")),
            last4: None,
        };
        listed(number, ChargeResult::Approved(approval))
    }

    fn declined(number: u8) -> ListedPayment {
        let code = Some(String::from("51"));
        listed(number, ChargeResult::Declined { code })
    }

    #[test]
    fn the_one_payment_that_was_not_there_before_is_the_one_that_was_asked_for() {
        let row = in_doubt();
        let hour = SENT + Duration::from_secs(3600);
        let read = |payments: &[ListedPayment]| reading_of(&row, payments, hour);
        let before = approved(1, 1_000);
        assert!(matches!(read(&[]), Reading::NotShown));
        assert!(matches!(
            read(std::slice::from_ref(&before)),
            Reading::NotShown
        ));
        let Reading::Done(result) = read(&[before.clone(), approved(2, 1_000)]) else {
            panic!("it is there");
        };
        assert_eq!(result.payment_reference.as_deref(), Some("s_2"));
        assert_eq!(result.authorization.as_deref(), Some("083215"));
        assert!(matches!(
            read(&[declined(2), before.clone()]),
            Reading::Declined { code: Some(code), .. } if code == "51"
        ));
        for proves_nothing in [ChargeResult::Nothing, ChargeResult::Unproven] {
            let found = listed(2, proves_nothing);
            assert!(matches!(read(&[before.clone(), found]), Reading::NotShown));
        }
    }

    #[test]
    fn what_may_be_another_payment_is_for_somebody_to_look_at() {
        let row = in_doubt();
        let hour = SENT + Duration::from_secs(3600);
        let unclear = |row: &ErrandRow, payments: &[ListedPayment], now| {
            matches!(reading_of(row, payments, now), Reading::Unclear(_))
        };
        assert!(unclear(&row, &[approved(2, 1_001)], hour));
        assert!(unclear(&row, &[approved(2, 1_000), declined(3)], hour));
        // Midnight came between.
        let next_day = SENT + Duration::from_secs(19 * 3600);
        assert!(unclear(&row, &[approved(2, 1_000)], next_day));
        let mut after_midnight = row.clone();
        after_midnight.sent_at = Some(SENT - Duration::from_secs(4 * 3600));
        assert!(unclear(&after_midnight, &[approved(2, 1_000)], SENT));
        // Unless its answer named it.
        let mut told = row;
        told.result = Some(OperationResult {
            payment_reference: Some(String::from("s_3")),
            ..OperationResult::default()
        });
        let both = [approved(2, 1_000), approved(3, 1_000)];
        let Reading::Done(result) = reading_of(&told, &both, next_day) else {
            panic!("it was named");
        };
        assert_eq!(result.payment_reference.as_deref(), Some("s_3"));
    }
}
