//! Subscriptions: cards that are charged again and again.
//!
//! Documented: the fields of the requests; the answers to what was done, of which those to a change echo the
//! merchant's secret and name the subscription by a number of its own; the list and its filter; that charges
//! are made at midnight, and one without `startDate` on the day that it is made; the words for what a
//! subscription is, `ON_HOLD` after three failures; that an amount is changed of an active one only; that a
//! payment's reference is `<subscription>_<n>`; that a failed payment is listed with `payment_result` `null`
//! and tried again, ten minutes later in the published list.
//!
//! Not documented, and done here as follows: one without `startDate` is charged at once; a charge that fails
//! makes it `PENDING` and is tried again twice under its own reference, ten minutes apart; a charge that was
//! asked for has a reference of its own and is listed with what became of it, declined or not, and one that
//! was approved makes the subscription active again; nothing is charged after `endDate`; what is not there is
//! refused with `code` 404, what does not go with 400; the list takes `subsDate` as a day; the list is sorted
//! by age.

mod answer;
mod due;

use std::sync::Arc;

use serde_json::Value;

use crate::amount::Amount;
use crate::clock::Moment;
use crate::fault::{Fate, Kind, Operation};
use crate::ledger::{DebitState, SubscriptionChange, SubscriptionEntry};
use crate::world::State;

use super::answer::Reply;
use super::bank::{Means, PartOf};
use super::schema::{self, Body, CREDENTIALS, Form, optional, required};
use super::{GreenPay, Order};

use answer::{Changed, Charged, Created, List, Payment, Refused};

const SUBSCRIPTION: [schema::Property; 8] = [
    required("terminal", Form::FilledText),
    required("userId", Form::FilledText),
    required("description", Form::FilledText),
    required("currency", Form::OneOf(&["CRC", "USD"])),
    required("tokens", Form::FilledTexts),
    required("subscription", Form::FilledObjects(CHARGE)),
    optional(
        "initialPayment",
        Form::Object(&[
            required("amount", Form::Price),
            required("description", Form::Text),
        ]),
    ),
    optional("optional", Form::Object(&[])),
];

const CHARGE: &[schema::Property] = &[
    required("amount", Form::Price),
    required(
        "cadence",
        Form::Object(&[
            required("mode", Form::OneOf(&["EVERY"])),
            required("unit", Form::OneOf(&["MONTH"])),
            required("every", Form::Between(1, 1200)),
        ]),
    ),
    optional("startDate", Form::Integer),
    optional("endDate", Form::Integer),
];

const NAMED: [schema::Property; 1] = [required("subscriptionId", Form::FilledText)];
const BY: [schema::Property; 1] = [required("user", Form::FilledText)];

const PAGE: [schema::Property; 3] = [
    required("page", Form::Between(1, u32::MAX as u64)),
    required("pageSize", Form::Between(1, 100)),
    optional(
        "filters",
        Form::Object(&[
            optional("status", Form::Texts),
            optional("user", Form::Text),
            optional("minAmount", Form::Price),
            optional("maxAmount", Form::Price),
            optional("subsDate", Form::Text),
        ]),
    ),
];

/// Every subscription, the oldest first.
#[derive(Default)]
pub(super) struct Subscriptions(Vec<Subscription>);

/// What a subscription is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Status {
    Active,
    Pending,
    OnHold,
    Cancelled,
}

impl Status {
    const fn word(self) -> &'static str {
        match self {
            Self::Active => "ACTIVE",
            Self::Pending => "PENDING",
            Self::OnHold => "ON_HOLD",
            Self::Cancelled => "CANCELLED",
        }
    }
}

struct Subscription {
    id: String,
    /// What changes are answered with instead.
    number: usize,
    status: Status,
    user: String,
    description: String,
    card_token: String,
    currency: String,
    amount: Amount,
    every: u32,
    /// Milliseconds since the epoch, as they came.
    start_date: Option<u64>,
    end_date: Option<u64>,
    /// What came besides, as it came.
    optional: Option<Value>,
    created: Moment,
    /// The list does not show it before.
    visible: Moment,
    /// When it is charged by itself for the first time.
    first: Moment,
    /// How often it was.
    periods: u32,
    /// When it is charged by itself next; when it is tried again if it is pending.
    next: Option<Moment>,
    payments: Vec<Tried>,
}

/// A payment, and how often it was tried.
struct Tried {
    reference: String,
    /// It was asked for.
    by_hand: bool,
    tries: Vec<Try>,
}

struct Try {
    at: Moment,
    /// Where in the ledger; none when no bank was asked.
    line: Option<usize>,
    approved: bool,
    /// The list does not show it before.
    visible: Moment,
}

impl GreenPay {
    pub(super) fn create_subscription(&self, body: &Body, fate: Fate) -> Reply {
        if let Err(refusal) = schema::check(body, &[&CREDENTIALS, &SUBSCRIPTION]) {
            return refusal;
        }
        if let Err(refusal) = self.check_merchant(body, None) {
            return refusal;
        }
        let now = self.world.clock.now();
        let id = {
            let mut state = self.state();
            let token = schema::first_text(body, "tokens");
            if !state.greenpay.card_tokens.contains_key(token) {
                return Reply::refused(None, &super::merchant::UNKNOWN_CARD_TOKEN);
            }
            let id = state.greenpay.sequence.uuid().replace('-', "");
            let number = state.greenpay.subscriptions.0.len() + 1;
            let subscription = Subscription::of(body, &id, number, now, fate);
            state.greenpay.subscriptions.0.push(subscription);
            state.note_subscription(&id, SubscriptionChange::Created, now);
            id
        };
        // Before anything that is due at once.
        let first = match body.get("initialPayment").and_then(Value::as_object) {
            Some(first) => {
                let amount = schema::price(first, "amount");
                let settled = self.charge(&id, amount, Operation::CreateSubscription, fate, now);
                settled.map(|settled| settled.debit)
            }
            None => None,
        };
        let signature = self.sign(&format!("status:200,subscriptionId:{id}"));
        let state = self.state();
        let subscriptions = &state.greenpay.subscriptions;
        let day = subscriptions.get(&id).and_then(|it| it.next);
        let day = day.map(Moment::local_day);
        let reply = Reply::done(&id, &Created::new(&id, first.as_ref(), &signature, day));
        drop(state);
        self.something_is_due.notify_one();
        reply
    }

    pub(super) fn cancel_subscription(&self, body: &Body, _: Fate) -> Reply {
        const OWN: [schema::Property; 1] = [required("reason", Form::FilledText)];
        self.change_subscription(body, &OWN, |_, subscription| {
            subscription.status = Status::Cancelled;
            subscription.next = None;
            Ok(SubscriptionChange::Cancelled)
        })
    }

    pub(super) fn update_subscription_card(&self, body: &Body, _: Fate) -> Reply {
        const OWN: [schema::Property; 1] = [required("token", Form::FilledText)];
        self.change_subscription(body, &OWN, |knows_card, subscription| {
            let token = schema::text(body, "token");
            if !knows_card {
                return Err(Reply::refused(None, &super::merchant::UNKNOWN_CARD_TOKEN));
            }
            subscription.card_token = token.to_owned();
            Ok(SubscriptionChange::CardChanged)
        })
    }

    pub(super) fn update_subscription(&self, body: &Body, _: Fate) -> Reply {
        const OWN: [schema::Property; 1] = [required("amount", Form::Price)];
        self.change_subscription(body, &OWN, |_, subscription| {
            if subscription.status != Status::Active {
                return Err(refused(&subscription.id, 400, "subscription is not active"));
            }
            if let Some(amount) = schema::price(body, "amount") {
                subscription.amount = amount;
            }
            Ok(SubscriptionChange::AmountChanged)
        })
    }

    fn change_subscription(
        &self,
        body: &Body,
        own: &[schema::Property],
        change: impl FnOnce(bool, &mut Subscription) -> Result<SubscriptionChange, Reply>,
    ) -> Reply {
        if let Err(refusal) = schema::check(body, &[&CREDENTIALS, &NAMED, &BY, own]) {
            return refusal;
        }
        let id = schema::text(body, "subscriptionId");
        if let Err(refusal) = self.check_credentials(body, Some(id)) {
            return refusal;
        }
        let now = self.world.clock.now();
        let mut guard = self.state();
        let state = &mut *guard;
        let knows_card = state
            .greenpay
            .card_tokens
            .contains_key(schema::text(body, "token"));
        let Some(subscription) = state.greenpay.subscriptions.get_mut(id) else {
            return refused(id, 404, "subscription not found");
        };
        if subscription.status == Status::Cancelled {
            return refused(id, 400, "subscription is cancelled");
        }
        match change(knows_card, subscription) {
            Err(refusal) => return refusal,
            Ok(change) => state.note_subscription(id, change, now),
        }
        let Some(subscription) = state.greenpay.subscriptions.get(id) else {
            return refused(id, 404, "subscription not found");
        };
        Reply::done(id, &Changed::of(subscription, &self.credentials))
    }

    pub(super) fn pay_subscription(&self, body: &Body, fate: Fate) -> Reply {
        if let Err(refusal) = schema::check(body, &[&CREDENTIALS, &NAMED]) {
            return refusal;
        }
        let id = schema::text(body, "subscriptionId");
        if let Err(refusal) = self.check_credentials(body, Some(id)) {
            return refusal;
        }
        let status = self
            .state()
            .greenpay
            .subscriptions
            .get(id)
            .map(|it| it.status);
        match status {
            None => return refused(id, 404, "subscription not found"),
            Some(Status::Cancelled) => return refused(id, 400, "subscription is cancelled"),
            Some(_) => {}
        }
        let now = self.world.clock.now();
        let Some(settled) = self.charge(id, None, Operation::PaySubscription, fate, now) else {
            return Reply::refused(Some(id), &super::merchant::UNKNOWN_CARD_TOKEN);
        };
        let (status, user) = {
            let mut state = self.state();
            let Some(subscription) = state.greenpay.subscriptions.get_mut(id) else {
                return refused(id, 404, "subscription not found");
            };
            let approved = settled.debit.state == DebitState::Approved;
            subscription.paid_by_hand(approved, now);
            (subscription.status, subscription.user.clone())
        };
        let debit = &settled.debit;
        let notice = self.notice_of_charge(debit, status.word());
        Reply::done(
            &debit.reference,
            &Charged::of(debit, status, &user, &self.credentials, fate),
        )
        .with_notice(notice)
    }

    pub(super) fn list_subscriptions(&self, body: &Body, fate: Fate) -> Reply {
        if let Err(refusal) = self.admit_list(body, &[&CREDENTIALS, &PAGE], fate) {
            return refusal;
        }
        let now = self.world.clock.now();
        let filter = body.get("filters").and_then(Value::as_object);
        let state = self.state();
        let found: Vec<_> = state
            .greenpay
            .subscriptions
            .0
            .iter()
            .filter(|it| it.visible <= now && filter.is_none_or(|filter| it.fits(filter)))
            .map(answer::Listed::of)
            .collect();
        Reply::done("", &List::page(&found, page(body)))
    }

    pub(super) fn list_subscription_payments(&self, body: &Body, fate: Fate) -> Reply {
        if let Err(refusal) = self.admit_list(body, &[&CREDENTIALS, &NAMED, &PAGE], fate) {
            return refusal;
        }
        let id = schema::text(body, "subscriptionId");
        let now = self.world.clock.now();
        let seen_at = match (fate.is(Kind::DelayVisibility), fate.ms()) {
            (false, _) => Some(now),
            (true, Some(ms)) => Some(now.minus(std::time::Duration::from_millis(ms))),
            (true, None) => None,
        };
        let state = self.state();
        let Some(subscription) = state.greenpay.subscriptions.get(id) else {
            return refused(id, 404, "subscription not found");
        };
        let found: Vec<_> = subscription
            .payments
            .iter()
            .enumerate()
            .filter(|(_, payment)| seen_at.is_some_and(|seen_at| payment.is_visible(seen_at)))
            .map(|(index, payment)| Payment::of(self, index + 1, payment, &state.ledger, fate))
            .collect();
        Reply::done(id, &List::page(&found, page(body)))
    }

    fn admit_list(
        &self,
        body: &Body,
        lists: &[&[schema::Property]],
        fate: Fate,
    ) -> Result<(), Reply> {
        schema::check(body, lists)?;
        self.check_credentials(body, None)?;
        if fate.is(Kind::ReadFails) {
            return Err(Reply::refused(
                None,
                &Refused::new(500, "Error: query failed"),
            ));
        }
        Ok(())
    }

    /// Charges a subscription under the next of its references, with another amount if one is given. `None`
    /// when no bank is asked.
    fn charge(
        &self,
        id: &str,
        amount: Option<Amount>,
        operation: Operation,
        fate: Fate,
        now: Moment,
    ) -> Option<super::bank::Settled> {
        let mut state = self.state();
        let subscription = state.greenpay.subscriptions.get_mut(id)?;
        let reference = match amount {
            // The first payment is the one with the number 0.
            Some(_) => format!("{id}_0"),
            None => subscription.next_reference(),
        };
        subscription.payments.push(Tried {
            reference: reference.clone(),
            by_hand: true,
            tries: Vec::new(),
        });
        state.charge_subscription(id, &reference, amount, operation, fate, now)
    }
}

impl Subscriptions {
    fn get(&self, id: &str) -> Option<&Subscription> {
        self.0.iter().find(|subscription| subscription.id == id)
    }

    fn get_mut(&mut self, id: &str) -> Option<&mut Subscription> {
        self.0.iter_mut().find(|subscription| subscription.id == id)
    }
}

impl State {
    /// Asks the bank for a payment of a subscription, and writes down what became of it.
    fn charge_subscription(
        &mut self,
        id: &str,
        reference: &str,
        amount: Option<Amount>,
        operation: Operation,
        fate: Fate,
        now: Moment,
    ) -> Option<super::bank::Settled> {
        let subscription = self.greenpay.subscriptions.get(id)?;
        let order = Order {
            reference: reference.to_owned(),
            amount: amount.unwrap_or(subscription.amount),
            currency: subscription.currency.clone(),
            description: subscription.description.clone(),
            callback: None,
            installments_offered: Vec::new(),
        };
        let card = self
            .greenpay
            .card_tokens
            .get(&subscription.card_token)
            .cloned();
        let line = self.ledger.debits.len();
        let settled = card.and_then(|card| {
            let means = Means {
                operation,
                card,
                installments: None,
                save: false,
                ld_len: None,
                part_of: PartOf::Subscription(id.to_owned()),
            };
            self.settle(Arc::new(order), means, fate, now)
        });
        let subscription = self.greenpay.subscriptions.get_mut(id)?;
        let payment = subscription
            .payments
            .iter_mut()
            .find(|payment| payment.reference == reference)?;
        payment.tries.push(Try {
            at: now,
            line: settled.is_some().then_some(line),
            approved: settled
                .as_ref()
                .is_some_and(|settled| settled.debit.state == DebitState::Approved),
            visible: now.plus(std::time::Duration::from_millis(fate.hidden_ms)),
        });
        settled
    }

    fn note_subscription(&mut self, id: &str, change: SubscriptionChange, now: Moment) {
        let Some(subscription) = self.greenpay.subscriptions.get(id) else {
            return;
        };
        let same = self.greenpay.subscriptions.0.iter().filter(|other| {
            other.user == subscription.user && other.description == subscription.description
        });
        let count = u32::try_from(same.count()).unwrap_or(u32::MAX);
        tracing::info!(subscription = id, count, "subscription {}", change.name());
        self.ledger.subscriptions.push(SubscriptionEntry {
            id: id.to_owned(),
            change,
            user_id: subscription.user.clone(),
            description: subscription.description.clone(),
            amount: subscription.amount.two_decimals(),
            currency: subscription.currency.clone(),
            card_token: subscription.card_token.clone(),
            next_payment_at: subscription.next.map(Moment::rfc3339),
            count,
            at: now.rfc3339(),
        });
    }
}

impl Subscription {
    /// What a body asks for that fits the schema.
    fn of(body: &Body, id: &str, number: usize, now: Moment, fate: Fate) -> Self {
        let empty = Body::new();
        let charge = schema::objects(body, "subscription")
            .next()
            .unwrap_or(&empty);
        let whole = |name: &str| charge.get(name).and_then(Value::as_u64);
        let every = charge
            .get("cadence")
            .and_then(|cadence| cadence.get("every"))
            .and_then(Value::as_u64);
        let start_date = whole("startDate");
        let first = start_date
            .map(|millis| Moment::of_unix_millis(millis).midnight_after_months(0))
            .filter(|first| *first > now)
            .unwrap_or(now);
        Self {
            id: id.to_owned(),
            number,
            status: Status::Active,
            user: schema::text(body, "userId").to_owned(),
            description: schema::text(body, "description").to_owned(),
            card_token: schema::first_text(body, "tokens").to_owned(),
            currency: schema::text(body, "currency").to_owned(),
            amount: schema::price(charge, "amount").expect("the schema took the amount"),
            every: every.and_then(|every| every.try_into().ok()).unwrap_or(1),
            start_date,
            end_date: whole("endDate"),
            optional: body.get("optional").cloned(),
            created: now,
            visible: now.plus(std::time::Duration::from_millis(fate.hidden_ms)),
            first,
            periods: 0,
            next: Some(first),
            payments: Vec::new(),
        }
    }

    /// `<subscription>_<n>`, from 1.
    fn next_reference(&self) -> String {
        let first = format!("{}_0", self.id);
        let numbered = self.payments.iter().filter(|it| it.reference != first);
        format!("{}_{}", self.id, numbered.count() + 1)
    }

    fn paid_by_hand(&mut self, approved: bool, now: Moment) {
        match (self.status, approved) {
            (Status::Pending | Status::OnHold, true) => {
                self.status = Status::Active;
                self.next = self.next_period(now);
            }
            (Status::Active, false) => self.status = Status::Pending,
            _ => {}
        }
    }

    /// The first period that begins after `now`.
    fn next_period(&mut self, now: Moment) -> Option<Moment> {
        let mut due = self.period(self.periods);
        while due <= now {
            self.periods += 1;
            due = self.period(self.periods);
        }
        let ends = self.end_date.map(Moment::of_unix_millis);
        ends.is_none_or(|ends| due <= ends).then_some(due)
    }

    fn period(&self, number: u32) -> Moment {
        match number {
            0 => self.first,
            _ => self
                .first
                .midnight_after_months(self.every.saturating_mul(number)),
        }
    }

    fn fits(&self, filter: &Body) -> bool {
        let statuses = filter.get("status").and_then(Value::as_array);
        let is_in = |statuses: &Vec<Value>| {
            statuses.is_empty() || statuses.iter().any(|it| it == self.status.word())
        };
        let day = schema::optional_text(filter, "subsDate");
        let is_of_day = |text: String| {
            Moment::read(&text).is_some_and(|moment| moment.local_day() == self.created.local_day())
        };
        statuses.is_none_or(is_in)
            && schema::optional_text(filter, "user").is_none_or(|user| user == self.user)
            && schema::price(filter, "minAmount").is_none_or(|least| self.amount >= least)
            && schema::price(filter, "maxAmount").is_none_or(|most| self.amount <= most)
            && day.is_none_or(is_of_day)
    }
}

impl Tried {
    fn is_visible(&self, seen_at: Moment) -> bool {
        self.tries
            .first()
            .is_none_or(|first| first.visible <= seen_at)
    }
}

fn refused(id: &str, code: u16, text: &'static str) -> Reply {
    Reply::refused(Some(id), &Refused::new(code, text))
}

/// Page and size of a body that fits the schema.
fn page(body: &Body) -> (usize, usize) {
    let number = |name: &str| {
        let number = body.get(name).and_then(Value::as_u64);
        number.and_then(|number| usize::try_from(number).ok())
    };
    (
        number("page").unwrap_or(1),
        number("pageSize").unwrap_or(100),
    )
}
