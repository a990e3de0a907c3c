//! Buyers: what a code or a link leads them to, and their payments.

use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use ventanilla_core::qr::Code;

use crate::amount::Amount;
use crate::clock::Moment;
use crate::notify::NotifyMode;
use crate::random::mixed;
use crate::world::State;

use super::Cvu;
use super::cashin::{FIRST_CREDIT, FIRST_LINK, FIRST_ORDER};
use super::code::Scanned;
use super::ledger::{CreditEntry, PayerEntry};
use super::payers::{payer, payers};

/// Something that can be paid, by its place in the ledger.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Target {
    Link(usize),
    Transfer(usize),
    Order(usize),
    /// A sale point, whatever the buyer types.
    SalePoint(usize),
}

/// How a link or an order stands.
#[derive(Debug)]
pub(super) struct Standing {
    pub(super) amount: Amount,
    /// What of it is the merchant's.
    pub(super) own: Amount,
    /// Paid once, it takes no more payments.
    pub(super) once: bool,
    /// It takes no payments from then on.
    pub(super) expires: Option<Moment>,
    /// Waits behind the code of a sale point.
    pub(super) waits: bool,
    /// How often it was paid.
    pub(super) paid: u32,
}

impl Standing {
    /// All of it is the merchant's, and it does not run out.
    pub(super) const fn of(amount: Amount, once: bool) -> Self {
        Self {
            amount,
            own: amount,
            once,
            expires: None,
            waits: false,
            paid: 0,
        }
    }

    fn is_open(&self, now: Moment) -> Result<(), PayRefusal> {
        if self.once && self.paid > 0 {
            return Err(PayRefusal::Paid);
        }
        if self.expires.is_some_and(|moment| moment <= now) {
            return Err(PayRefusal::Expired);
        }
        Ok(())
    }
}

/// A payment.
#[derive(Debug)]
pub(super) struct Credit {
    pub(super) amount: Amount,
    /// What of it is the merchant's.
    pub(super) own: Amount,
    /// The merchant does not see it before.
    pub(super) credited: Moment,
    /// The merchant is told of it first.
    held: bool,
}

impl Credit {
    pub(super) fn is_seen(&self, moment: Moment) -> bool {
        !self.held && self.credited <= moment
    }
}

/// What a buyer is shown before paying.
#[derive(Debug)]
pub(super) struct Payable {
    pub(super) target: Target,
    /// None where the buyer types it.
    pub(super) amount: Option<Amount>,
    pub(super) description: String,
    pub(super) expires: Option<Moment>,
    /// Whether it can be paid now.
    pub(super) open: Result<(), PayRefusal>,
}

/// A payment asked for by a program. Exactly one of `code`, `link`, `link_id` and `qr_order_id`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PayRequest {
    /// The text of a QR code.
    #[serde(default)]
    pub(crate) code: Option<String>,
    /// The address of a payment link or transfer link.
    #[serde(default)]
    pub(crate) link: Option<String>,
    #[serde(default)]
    pub(crate) link_id: Option<u64>,
    #[serde(default)]
    pub(crate) qr_order_id: Option<u64>,
    /// A number, or its text; what is asked for unless told.
    #[serde(default)]
    pub(crate) amount: Option<serde_json::Value>,
    /// Once unless told.
    #[serde(default)]
    pub(crate) times: Option<u32>,
    /// Later than the options say, in milliseconds of the sandbox's clock.
    #[serde(default)]
    pub(crate) delay_ms: u64,
    /// Alias, CUIT or CVU of one of the people here.
    #[serde(default)]
    pub(crate) payer: Option<String>,
    /// Pay what was paid or has run out all the same.
    #[serde(default)]
    pub(crate) insist: bool,
}

/// A payment to be made.
#[derive(Clone, Debug)]
pub(super) struct Payment {
    pub(super) target: Target,
    pub(super) amount: Option<Amount>,
    pub(super) times: u32,
    pub(super) delay_ms: u64,
    pub(super) payer: PayerEntry,
    pub(super) insist: bool,
    /// The form of a page that it comes from: sent again, it is no other payment.
    pub(super) form: Option<u64>,
}

/// Why nobody can pay that.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum PayRefusal {
    OneOf,
    Unknown,
    Broken,
    Foreign,
    NoOrder,
    Removed,
    Paid,
    Expired,
    AmountNeeded,
    Amount,
    Payer,
    Times,
    Delay,
}

impl PayRefusal {
    /// What is wrong, for programs.
    pub(crate) const fn text(self) -> &'static str {
        match self {
            Self::OneOf => "name one of code, link, link_id and qr_order_id",
            Self::Unknown => "there is no such link or order",
            Self::Broken => "this is no QR code that can be read",
            Self::Foreign => "this code is not of this sandbox",
            Self::NoOrder => "no order waits at this sale point",
            Self::Removed => "this sale point was removed",
            Self::Paid => "it was paid",
            Self::Expired => "it has run out",
            Self::AmountNeeded => "amount is needed: nothing says how much it is",
            Self::Amount => "amount must be above zero, with at most two decimals",
            Self::Payer => "payer must be the alias, CUIT or CVU of one of /cvu/payers",
            Self::Times => "times must be from 1 to 20",
            Self::Delay => "delay_ms must be at most a day",
        }
    }
}

const MOST_TIMES: u32 = 20;
const LONGEST_DELAY_MS: u64 = 86_400_000;

impl State {
    /// What the text of a code leads to.
    pub(super) fn scanned(&self, text: &str, now: Moment) -> Result<Target, PayRefusal> {
        let text = text.trim();
        let Some(scanned) = self.cvu.codes.get(text) else {
            return Err(match Code::read(text) {
                Ok(_) => PayRefusal::Foreign,
                Err(_) => PayRefusal::Broken,
            });
        };
        let live = |place: usize| {
            let sale_point = self.ledger.cvu.sale_points.get(place);
            sale_point
                .filter(|sale_point| sale_point.removed_at.is_none())
                .ok_or(PayRefusal::Removed)
        };
        match *scanned {
            Scanned::Order(place) => Ok(Target::Order(place)),
            Scanned::Open(place) => live(place).map(|_| Target::SalePoint(place)),
            Scanned::Closed(place) => {
                let sale_point = live(place)?;
                let waiting = self.order_waiting_at(sale_point.sale_point_id, now);
                waiting.map(Target::Order).ok_or(PayRefusal::NoOrder)
            }
        }
    }

    fn standing(&self, target: Target) -> Option<&Standing> {
        match target {
            Target::Link(place) => self.cvu.links.get(place),
            Target::Transfer(place) => self.cvu.transfer_links.get(place),
            Target::Order(place) => self.cvu.qr_orders.get(place),
            Target::SalePoint(_) => None,
        }
    }

    fn standing_mut(&mut self, target: Target) -> Option<&mut Standing> {
        match target {
            Target::Link(place) => self.cvu.links.get_mut(place),
            Target::Transfer(place) => self.cvu.transfer_links.get_mut(place),
            Target::Order(place) => self.cvu.qr_orders.get_mut(place),
            Target::SalePoint(_) => None,
        }
    }

    /// What a buyer is shown.
    pub(super) fn payable(&self, target: Target, now: Moment) -> Payable {
        let standing = self.standing(target);
        let blank = self.blank_credit(target);
        Payable {
            target,
            amount: standing.map(|standing| standing.amount),
            description: match (blank.description.is_empty(), target) {
                (true, Target::SalePoint(place)) => {
                    let sale_point = self.ledger.cvu.sale_points.get(place);
                    sale_point
                        .map(|sale_point| sale_point.name.clone())
                        .unwrap_or_default()
                }
                _ => blank.description,
            },
            expires: standing.and_then(|standing| standing.expires),
            open: standing.map_or(Ok(()), |standing| standing.is_open(now)),
        }
    }

    /// What a credit says of what was paid.
    fn blank_credit(&self, target: Target) -> CreditEntry {
        let ledger = &self.ledger.cvu;
        let mut credit = CreditEntry {
            id: 0,
            amount: String::new(),
            ordered: self
                .standing(target)
                .map(|standing| standing.amount.two_decimals()),
            link_id: None,
            qr_order_id: None,
            sale_point_id: None,
            payment_link: None,
            concept: String::new(),
            description: String::new(),
            payer: PayerEntry {
                holder: String::new(),
                cuit: String::new(),
                cvu: String::new(),
                alias: String::new(),
            },
            paid_at: String::new(),
            credited_at: String::new(),
            count: 1,
        };
        match target {
            Target::Link(place) => {
                if let Some(link) = ledger.links.get(place) {
                    credit.link_id = Some(link.link_id);
                    credit.concept.clone_from(&link.concept);
                }
            }
            Target::Transfer(place) => {
                if let Some(link) = ledger.transfer_links.get(place) {
                    credit.payment_link = Some(link.payment_link.clone());
                    credit.concept.clone_from(&link.concept);
                    credit.description.clone_from(&link.description);
                }
            }
            Target::Order(place) => {
                if let Some(order) = ledger.qr_orders.get(place) {
                    credit.qr_order_id = Some(order.qr_order_id);
                    credit.sale_point_id = order.sale_point_id;
                    credit.concept.clone_from(&order.concept);
                    credit.description.clone_from(&order.description);
                }
            }
            Target::SalePoint(place) => {
                let sale_point = ledger.sale_points.get(place);
                credit.sale_point_id = sale_point.map(|sale_point| sale_point.sale_point_id);
            }
        }
        credit
    }

    /// Writes a payment down; gives it.
    fn credit(
        &mut self,
        payment: &Payment,
        amount: Amount,
        held: impl Fn(u64) -> bool,
        now: Moment,
        seed: u64,
    ) -> CreditEntry {
        let id = FIRST_CREDIT + u64::try_from(self.cvu.credits.len()).unwrap_or_default();
        let options = &self.cvu.options;
        let spread = mixed(seed ^ mixed(id)) % (options.credit_spread_ms + 1);
        let delay = options.credit_delay_ms + spread + payment.delay_ms;
        let credited = now.plus(Duration::from_millis(delay));
        let blank = self.blank_credit(payment.target);
        let (mut count, mut others) = (1, 0);
        if let Some(standing) = self.standing_mut(payment.target) {
            standing.paid = standing.paid.saturating_add(1);
            standing.waits = false;
            count = standing.paid;
            others = standing.amount.hundredths() - standing.own.hundredths();
        }
        self.cvu.credits.push(Credit {
            amount,
            own: Amount::of_hundredths(amount.hundredths().saturating_sub(others)),
            credited,
            held: held(id),
        });
        let credit = CreditEntry {
            id,
            amount: amount.two_decimals(),
            payer: payment.payer.clone(),
            paid_at: now.rfc3339(),
            credited_at: credited.rfc3339(),
            count,
            ..blank
        };
        tracing::info!(
            id,
            link_id = credit.link_id,
            qr_order_id = credit.qr_order_id,
            count,
            "a buyer paid {}",
            credit.amount
        );
        self.ledger.cvu.credits.push(credit.clone());
        credit
    }
}

impl Cvu {
    /// Pays what a program names.
    pub(crate) async fn pay_by_hand(
        self: &Arc<Self>,
        request: PayRequest,
    ) -> Result<Vec<CreditEntry>, PayRefusal> {
        let target = self.target(&request)?;
        let amount = match &request.amount {
            None => None,
            Some(serde_json::Value::Number(number)) => Some(Amount::read(number)),
            Some(serde_json::Value::String(text)) => Some(Amount::read_text(text)),
            Some(_) => return Err(PayRefusal::Amount),
        };
        let payer = match &request.payer {
            Some(named) => payer(named).ok_or(PayRefusal::Payer)?,
            None => payers().into_iter().next().ok_or(PayRefusal::Payer)?,
        };
        let times = request.times.unwrap_or(1);
        if !(1..=MOST_TIMES).contains(&times) {
            return Err(PayRefusal::Times);
        }
        if request.delay_ms > LONGEST_DELAY_MS {
            return Err(PayRefusal::Delay);
        }
        self.pay(Payment {
            target,
            amount: amount.transpose().map_err(|_| PayRefusal::Amount)?,
            times,
            delay_ms: request.delay_ms,
            payer,
            insist: request.insist,
            form: None,
        })
        .await
    }

    fn target(&self, request: &PayRequest) -> Result<Target, PayRefusal> {
        let now = self.world.clock.now();
        let state = self.state();
        let place = |id: u64, first: u64, length: usize| {
            let place = usize::try_from(id.checked_sub(first)?).ok()?;
            (place < length).then_some(place)
        };
        let target = match (
            &request.code,
            &request.link,
            request.link_id,
            request.qr_order_id,
        ) {
            (Some(code), None, None, None) => return state.scanned(code, now),
            (None, Some(link), None, None) => link
                .rsplit('/')
                .next()
                .and_then(|slug| state.cvu.slugs.get(slug).copied()),
            (None, None, Some(id), None) => {
                place(id, FIRST_LINK, state.cvu.links.len()).map(Target::Link)
            }
            (None, None, None, Some(id)) => {
                place(id, FIRST_ORDER, state.cvu.qr_orders.len()).map(Target::Order)
            }
            _ => return Err(PayRefusal::OneOf),
        };
        target.ok_or(PayRefusal::Unknown)
    }

    /// Pays as often as told. Several payments cross: the first does not close the door on the others.
    pub(super) async fn pay(
        self: &Arc<Self>,
        payment: Payment,
    ) -> Result<Vec<CreditEntry>, PayRefusal> {
        let now = self.world.clock.now();
        let seed = self.world.seed;
        let credits: Vec<CreditEntry> = {
            let mut state = self.state();
            let sent_before = payment.form.and_then(|form| state.cvu.forms.get(&form));
            if let Some(ids) = sent_before {
                let credits = state.ledger.cvu.credits.iter();
                return Ok(credits.filter(|it| ids.contains(&it.id)).cloned().collect());
            }
            let payable = state.payable(payment.target, now);
            if !payment.insist {
                payable.open?;
            }
            let amount = payment.amount.or(payable.amount);
            let amount = amount.ok_or(PayRefusal::AmountNeeded)?;
            let settings = state.cvu.notifications.clone();
            let held = |id: u64| {
                settings.url.is_some()
                    && settings.mode_for(&id.to_string(), seed) == NotifyMode::Early
            };
            let credits: Vec<CreditEntry> = (0..payment.times)
                .map(|_| state.credit(&payment, amount, held, now, seed))
                .collect();
            if let Some(form) = payment.form {
                let ids = credits.iter().map(|credit| credit.id).collect();
                state.cvu.forms.insert(form, ids);
            }
            credits
        };
        for credit in &credits {
            self.tell(credit).await;
        }
        Ok(credits)
    }

    /// Tells the merchant of a credit, and lets it be seen.
    async fn tell(&self, credit: &CreditEntry) {
        let life = self.world.life();
        if let Some(notice) = self.notice_of(credit) {
            self.world.notify(notice).await;
        }
        let place = usize::try_from(credit.id - FIRST_CREDIT).unwrap_or(usize::MAX);
        let mut state = self.state();
        if self.world.life() == life
            && let Some(credit) = state.cvu.credits.get_mut(place)
        {
            credit.held = false;
        }
    }
}
