//! A subscription that a saved card pays, made without a payment at once.
//!
//! GreenPay's request has no reference. Ours stands behind the description, which the list shows: by it a
//! subscription is found again whose creation was not answered. That the list does not show it proves nothing.

use std::sync::Arc;
use std::time::Duration;

use secrecy::ExposeSecret as _;
use ventanilla_core::api::IdempotencyKey;
use ventanilla_core::money::Money;
use ventanilla_core::problem::ProblemCode;
use ventanilla_providers::Outcome;
use ventanilla_providers::greenpay::{
    self, CardToken, Moment, Page, Subscription, SubscriptionFilter,
};

use super::judge::Reading;
use super::{Deed, Kept, NewSubscription, OperationDetails, OperationResult, Ready};
use crate::clock::Timestamp;
use crate::error::{Error, Result};
use crate::machine::Machine;
use crate::machine::check::text;
use crate::machine::course::Finding;
use crate::machine::drive::NOT_CONFIGURED;
use crate::machine::session::OperationRecord;
use crate::rails::card::CardRail;
use crate::store::{ErrandKind, ErrandRow};

pub(super) const NUMBER_MAX: usize = 64;
pub(super) const BUYER_MAX: usize = 64;
const DESCRIPTION_MAX: usize = 200;
const EVERY_MONTHS_MAX: u8 = 60;
/// The first payment is at least so far away: never on the day of the creation, at which GreenPay would take it at
/// once.
const AHEAD: Duration = Duration::from_secs(24 * 3600);
/// Costa Rica has no summer time.
pub(super) const COSTA_RICA: i64 = -6 * 3600;
/// Most pages that are looked through.
const PAGES_MAX: u32 = 50;
const PAGE_SIZE: u8 = 100;

impl Machine {
    /// Makes a subscription, and waits up to 6 s of real time for it. The same key never makes two; repeated,
    /// it answers with the operation as it stands.
    ///
    /// What was opened goes on when the caller goes away.
    ///
    /// # Errors
    ///
    /// `operation-not-possible` when the card rail is not configured, or nothing can be kept sealed;
    /// `amount-invalid`; `saved-card-unknown`; `request-malformed`; `idempotency-key-reused`;
    /// `provider-unavailable`.
    pub async fn subscribe(
        self: &Arc<Self>,
        key: &IdempotencyKey,
        new: NewSubscription,
    ) -> Result<OperationRecord> {
        let kind = ErrandKind::Subscription;
        if let Some(known) = self.known_errand(kind, key, &new).await? {
            return Ok(known);
        }
        let rail = self.card_for_errands()?;
        settled_in(rail, new.amount, "amount")?;
        let now = self.clock.now();
        let (starts_at, ends_at) = check(&new, now)?;
        self.needs_card(&new.saved_card, &new.buyer_id, "saved_card")
            .await?;
        let details = OperationDetails {
            reference: new.reference.clone(),
            description: Some(new.description.clone()),
            buyer_id: Some(new.buyer_id.clone()),
            saved_card: Some(new.saved_card.clone()),
            every_months: Some(new.every_months),
            starts_at: Some(starts_at.rfc3339()),
            ends_at: ends_at.map(Timestamp::rfc3339),
            ..OperationDetails::default()
        };
        let draft = ErrandRow::new(kind, new.amount, details, key.as_str(), now)?;
        let kept = Kept {
            asked: new,
            body: None,
        };
        self.open_errand(draft, &[], kept).await
    }

    /// The card rail, where what is asked for can be kept sealed.
    pub(super) fn card_for_errands(&self) -> Result<&CardRail> {
        let rail = self.card.as_ref().ok_or_else(|| {
            Error::new(ProblemCode::OperationNotPossible).detail("rail card is not configured")
        })?;
        self.needs_sealing_keys()?;
        Ok(rail)
    }

    /// The provider's token of a buyer's saved card; none when the buyer has no such card (any more).
    pub(super) async fn card_of_errand(
        &self,
        card: &str,
        buyer: &str,
    ) -> Result<Option<CardToken>> {
        let token = self.store.card_token(card, buyer).await?;
        // EXPOSE: from one secret type into the other.
        Ok(token.and_then(|token| CardToken::parse(token.expose_secret())))
    }

    /// Refuses a card that is not the buyer's; `field` names it in a request.
    pub(super) async fn needs_card(&self, card: &str, buyer: &str, field: &str) -> Result<()> {
        match self.card_of_errand(card, buyer).await? {
            Some(_) => Ok(()),
            None => Err(Error::new(ProblemCode::SavedCardUnknown)
                .detail(format!("{field} is no card of this buyer_id"))),
        }
    }
}

/// Whether the card rail takes an amount.
pub(super) fn settled_in(rail: &CardRail, amount: Money, field: &str) -> Result<()> {
    if amount.minor() == 0 || !rail.settles(amount.currency()) {
        return Err(Error::new(ProblemCode::AmountInvalid).detail(format!(
            "{field} must be more than zero and in a currency of the card rail"
        )));
    }
    Ok(())
}

fn check(new: &NewSubscription, now: Timestamp) -> Result<(Timestamp, Option<Timestamp>)> {
    let malformed = |detail: String| Error::new(ProblemCode::RequestMalformed).detail(detail);
    if let Some(reference) = &new.reference {
        text("reference", reference, 1, NUMBER_MAX)?;
    }
    text("buyer_id", &new.buyer_id, 1, BUYER_MAX)?;
    text("description", &new.description, 1, DESCRIPTION_MAX)?;
    if !(1..=EVERY_MONTHS_MAX).contains(&new.every_months) {
        return Err(malformed(format!(
            "every_months must be 1 to {EVERY_MONTHS_MAX}, found {}",
            new.every_months
        )));
    }
    let moment = |field: &str, value: &str| {
        let moment: Timestamp = value
            .parse()
            .map_err(|_| malformed(format!("{field} must be a moment in RFC 3339")))?;
        let in_range = (0..=253_402_300_799).contains(&moment.millis().div_euclid(1000));
        in_range
            .then_some(moment)
            .ok_or_else(|| malformed(format!("{field} must be in the years 1970 to 9999")))
    };
    let starts_at = moment("starts_at", &new.starts_at)?;
    if starts_at < now + AHEAD {
        return Err(malformed(String::from(
            "starts_at must be at least 24 hours from now; a first payment now is a token payment of its own",
        )));
    }
    let ends_at = new.ends_at.as_deref().map(|it| moment("ends_at", it));
    let ends_at = ends_at.transpose()?;
    if ends_at.is_some_and(|ends_at| ends_at.since(starts_at) < Duration::from_secs(1)) {
        return Err(malformed(String::from("ends_at must be after starts_at")));
    }
    Ok((starts_at, ends_at))
}

/// The day in Costa Rica, counted from 1970.
pub(super) const fn local_day(at: Timestamp) -> i64 {
    (at.millis().div_euclid(1000) + COSTA_RICA).div_euclid(86_400)
}

const fn moment(at: Timestamp) -> Moment {
    Moment::from_unix_secs(at.millis().div_euclid(1000))
}

pub(super) async fn ready(machine: &Machine, row: &ErrandRow) -> Result<Ready> {
    if machine.card.is_none() {
        return Ok(Ready::never(NOT_CONFIGURED));
    }
    let kept: Kept<NewSubscription> = Kept::of(machine, &row.id).await?;
    let new = kept.asked;
    let parsed = |text: &str| text.parse::<Timestamp>().map_err(Error::internal);
    let starts_at = parsed(&new.starts_at)?;
    let ends_at = new.ends_at.as_deref().map(parsed).transpose()?;
    if local_day(starts_at) <= local_day(machine.clock.now()) {
        return Ok(Ready::never(
            "the day of its first payment came before it could be sent",
        ));
    }
    let card = machine
        .card_of_errand(&new.saved_card, &new.buyer_id)
        .await?;
    let Some(card) = card else {
        return Ok(Ready::never("the saved card was deleted meanwhile"));
    };
    Ok(Ready::Now(Deed::Subscription(Box::new(
        greenpay::NewSubscription {
            user_id: new.buyer_id,
            description: format!("{} ({})", new.description, row.reference),
            card,
            amount: row.amount,
            every_months: new.every_months,
            starts_at: Some(moment(starts_at)),
            ends_at: ends_at.map(moment),
            payer: None,
        },
    ))))
}

/// **Moves money, later.**
pub(super) async fn send(
    machine: &Machine,
    new: &greenpay::NewSubscription,
) -> Finding<OperationResult> {
    match &machine.card {
        Some(rail) => {
            let made = rail.subscribe(new, &machine.breakers).await;
            made.map(|made| OperationResult {
                subscription_id: Some(made.id.as_str().to_owned()),
                ..OperationResult::default()
            })
        }
        None => Finding::NotSent(String::from(NOT_CONFIGURED)),
    }
}

/// Looks for it among the buyer's subscriptions.
pub(super) async fn read(machine: &Machine, row: &ErrandRow) -> Result<Reading> {
    let Some(rail) = &machine.card else {
        return Ok(Reading::Failed(String::from(NOT_CONFIGURED)));
    };
    let filter = SubscriptionFilter {
        user_id: row.details.buyer_id.clone(),
        ..SubscriptionFilter::default()
    };
    let mut page = Page {
        number: 1,
        size: PAGE_SIZE,
    };
    loop {
        let listed = match rail.client().subscriptions(&filter, page).await {
            Outcome::Definite(listed) => listed,
            Outcome::NotSent(cause) | Outcome::Rejected(cause) | Outcome::Unknown(cause) => {
                return Ok(Reading::Failed(cause.to_string()));
            }
        };
        if let Some(found) = listed.entries.iter().find(|found| is_ours(found, row)) {
            return Ok(reading_of(found, row));
        }
        if listed.is_last(page) || page.number >= PAGES_MAX {
            return Ok(Reading::NotShown);
        }
        page.number += 1;
    }
}

fn is_ours(found: &Subscription, row: &ErrandRow) -> bool {
    let description = found.description.as_deref().unwrap_or_default();
    description.ends_with(&format!("({})", row.reference))
}

fn reading_of(found: &Subscription, row: &ErrandRow) -> Reading {
    if found.amount != Some(row.amount) {
        return Reading::Unclear(String::from(
            "the provider shows the subscription with another amount",
        ));
    }
    Reading::Done(OperationResult {
        subscription_id: Some(found.id.as_str().to_owned()),
        ..OperationResult::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-11-18T11:06:40Z.
    const NOW: Timestamp = Timestamp::from_millis(1_795_000_000_000);

    #[test]
    fn what_is_a_day_away_is_never_of_the_same_day_in_costa_rica() {
        let midnight = Timestamp::from_millis(1_794_981_600_000);
        assert_eq!(midnight.rfc3339(), "2026-11-18T06:00:00.000Z");
        assert_eq!(local_day(midnight), local_day(NOW));
        let before = Timestamp::from_millis(midnight.millis() - 1);
        assert_eq!(local_day(before), local_day(NOW) - 1);
        for hours in 0..24 {
            let now = midnight + Duration::from_secs(hours * 3600);
            assert_eq!(local_day(now), local_day(midnight));
            assert!(local_day(now + AHEAD) > local_day(now));
        }
    }
}
