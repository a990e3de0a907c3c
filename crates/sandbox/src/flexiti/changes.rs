//! Captures, releases, returns and refunds.

use std::time::Duration;

use crate::call::Reply;
use crate::clock::Moment;
use crate::fault::Fate;
use crate::world::State;

use super::authorize::{Authorization, check_location, dollars};
use super::fields::{Body, Inputs};
use super::json::Object;
use super::ledger::{FlexitiRefundEntry, FlexitiReleaseEntry, FlexitiReturnEntry};
use super::machine::{No, Part};
use super::options::FlexitiReturnFrom;
use super::refusal::{Code, Refusal};
use super::show::{Financing, Shape, USERNAME};
use super::time::{days, stamp};
use super::{Asked, Flexiti, Memory};

/// What is asked for.
struct Wanted {
    reference: Option<String>,
    /// None is everything.
    cents: Option<u64>,
    vcc: Option<String>,
    capture_id: Option<u64>,
}

impl Wanted {
    /// `whole` is the flag that asks for everything, where there is one.
    fn read(body: &Body, whole: Option<&'static str>) -> Result<Self, Refusal> {
        let mut inputs = Inputs::of(body);
        let reference = inputs.text("reference", 40);
        let vcc = inputs.text("vcc_number", 16);
        let capture_id = inputs.number("capture_id", false);
        inputs.object("sku_data");
        for (name, other) in [
            ("external_location_id", "external_employee_id"),
            ("external_employee_id", "external_location_id"),
        ] {
            let text = inputs.text(name, 50);
            if body.has(other) {
                inputs.need(name, text);
            }
        }
        let all = whole.and_then(|name| {
            let flag = inputs.flag(name);
            inputs.need(name, flag)
        });
        // What is sent beside a flag that asks for everything is not looked at.
        let cents = if all == Some(true) {
            Some(None)
        } else {
            let cents = inputs.amount("amount", false);
            inputs.need("amount", cents).map(Some)
        };
        inputs.end(cents.map(|cents| Self {
            reference,
            cents,
            vcc,
            capture_id,
        }))
    }
}

impl Flexiti {
    pub(super) fn capture(&self, asked: &Asked, fate: Fate) -> Result<Reply, Refusal> {
        let body = asked.json()?;
        let wanted = Wanted::read(&body, None)?;
        let now = self.now();
        let mut state = self.state();
        let state = &mut *state;
        let (id, authorization) = state.flexiti.named(asked)?;
        check_location(&body, &state.flexiti)?;
        let account = state.flexiti.accounts.get(authorization.account);
        if !account.is_some_and(super::accounts::FlexitiAccount::is_normal) {
            return Err(Code::NotPermitted.into());
        }
        let part = Part {
            id: state.next_capture(),
            ..part(&wanted, wanted.cents.unwrap_or_default(), fate, now)
        };
        let authorization = state.flexiti.find_mut(id).ok_or(Code::NotFound)?;
        authorization
            .hold
            .capture(part.clone())
            .map_err(drawn_too_far)?;
        let monthly = authorization.financing.monthly(part.cents);
        state.note_capture(id, &part);
        let remaining = state.remaining(id);
        let shape = state.flexiti.shape(asked, fate);
        let answer = shape.id(Object::new(), "capture_id", part.id);
        let answer = told(&shape, answer, id, &part);
        let answer = shape.money(answer, "remaining_authorization_amount", remaining);
        let answer = shape.dollars(answer, "term_amount", monthly);
        let answer = answer
            .text("username", USERNAME)
            .text("status", &shape.status("active"))
            .text("message", shape.message());
        Ok(Reply::of(asked.reference(), true, answer.end()))
    }

    pub(super) fn release(&self, asked: &Asked, fate: Fate) -> Result<Reply, Refusal> {
        let body = asked.json()?;
        let wanted = Wanted::read(&body, Some("full_release"))?;
        let now = self.now();
        let mut state = self.state();
        let state = &mut *state;
        let (id, authorization) = state.flexiti.named(asked)?;
        check_location(&body, &state.flexiti)?;
        let cents = wanted.cents.unwrap_or(authorization.hold.remaining);
        let account = authorization.account;
        let part = Part {
            id: state.next_release(),
            ..part(&wanted, cents, fate, now)
        };
        let even_expired = state.flexiti.options.release_after_expiry;
        let authorization = state.flexiti.find_mut(id).ok_or(Code::NotFound)?;
        authorization
            .hold
            .release(part.clone(), even_expired)
            .map_err(drawn_too_far)?;
        state.flexiti.give_credit(account, cents);
        state.ledger.flexiti.releases.push(FlexitiReleaseEntry {
            release_id: part.id,
            authorization_id: id,
            reference: part.reference.clone(),
            amount: dollars(cents),
            full: wanted.cents.is_none(),
            at: now.rfc3339(),
        });
        state.note_standing(id);
        let remaining = state.remaining(id);
        let shape = state.flexiti.shape(asked, fate);
        let answer = shape.id(Object::new(), "release_id", part.id);
        let answer = told(&shape, answer, id, &part);
        let answer = answer.flag("full_release", wanted.cents.is_none());
        let answer = shape.money(answer, "remaining_authorization_amount", remaining);
        let answer = answer
            .text("username", USERNAME)
            .text("message", shape.message());
        Ok(Reply::of(asked.reference(), true, answer.end()))
    }

    pub(super) fn give_back(&self, asked: &Asked, fate: Fate) -> Result<Reply, Refusal> {
        let body = asked.json()?;
        let wanted = Wanted::read(&body, Some("full_return"))?;
        let now = self.now();
        let mut state = self.state();
        let state = &mut *state;
        let (id, authorization) = state.flexiti.named(asked)?;
        let capture_id = asked.capture_id().ok_or(Code::NotFound)?;
        let left = authorization
            .hold
            .left_of(capture_id)
            .ok_or(Code::NotFound)?;
        check_location(&body, &state.flexiti)?;
        state
            .flexiti
            .may_return(authorization, capture_id, &wanted, now)?;
        let account = authorization.account;
        let cents = wanted.cents.unwrap_or(left);
        let part = Part {
            id: state.next_return(),
            of: Some(capture_id),
            ..part(&wanted, cents, fate, now)
        };
        let authorization = state.flexiti.find_mut(id).ok_or(Code::NotFound)?;
        authorization
            .hold
            .give_back(part.clone())
            .map_err(|_| Code::CaptureAmountExceeded)?;
        state.flexiti.give_credit(account, cents);
        let returns = &mut state.ledger.flexiti.returns;
        let before = returns.iter().filter(|one| {
            one.capture_id == capture_id
                && one.reference.is_some()
                && one.reference == part.reference
        });
        let before = u32::try_from(before.count()).unwrap_or(u32::MAX);
        returns.push(FlexitiReturnEntry {
            return_id: part.id,
            authorization_id: id,
            capture_id,
            reference: part.reference.clone(),
            amount: dollars(cents),
            full: wanted.cents.is_none(),
            at: now.rfc3339(),
            count: before.saturating_add(1),
        });
        state.note_standing(id);
        let remaining = state.remaining(id);
        let shape = state.flexiti.shape(asked, fate);
        let answer = shape.id(Object::new(), "return_id", part.id);
        let answer = shape.reference(answer, part.reference.as_deref());
        let answer = shape.id(answer, "capture_id", capture_id);
        let answer = answer.text("date", &stamp(part.at));
        let answer = shape.amount(answer, cents);
        let answer = answer.flag("full_return", wanted.cents.is_none());
        let answer = shape.money(
            answer,
            "remaining_capture_amount",
            left.saturating_sub(cents),
        );
        let answer = shape.money(answer, "remaining_authorization_amount", remaining);
        let answer = answer
            .text("username", USERNAME)
            .text("message", shape.message());
        Ok(Reply::of(asked.reference(), true, answer.end()))
    }

    /// Takes from what the account's regular purchases left to pay. It has no number, and the answer
    /// says nothing.
    pub(super) fn refund(&self, asked: &Asked) -> Result<Reply, Refusal> {
        let body = asked.json()?;
        let wanted = Wanted::read(&body, None)?;
        let cents = wanted.cents.unwrap_or_default();
        let at = self.now().rfc3339();
        {
            let mut state = self.state();
            let state = &mut *state;
            let number = asked.id().ok_or(Code::NotFound)?;
            let account = state.flexiti.accounts.get(number).ok_or(Code::NotFound)?;
            if wanted
                .vcc
                .as_ref()
                .is_some_and(|vcc| *vcc != account.vcc_number)
            {
                return Err(Code::VccAccountMismatch.into());
            }
            check_location(&body, &state.flexiti)?;
            if let Some(capture_id) = wanted.capture_id
                && !state.flexiti.is_regular_capture(number, capture_id)
            {
                return Err(Code::NotFound.into());
            }
            if cents > account.balance_minor {
                return Err(Code::RefundsLimitExceededAmount.into());
            }
            let account = state.flexiti.accounts.get_mut(number);
            if let Some(account) = account {
                account.balance_minor -= cents;
            }
            state.flexiti.give_credit(number, cents);
            let refunds = &mut state.ledger.flexiti.refunds;
            let before = refunds.iter().filter(|one| {
                one.account_number == number
                    && one.reference.is_some()
                    && one.reference == wanted.reference
            });
            let before = u32::try_from(before.count()).unwrap_or(u32::MAX);
            refunds.push(FlexitiRefundEntry {
                account_number: number,
                reference: wanted.reference.clone(),
                capture_id: wanted.capture_id,
                amount: dollars(cents),
                at,
                count: before.saturating_add(1),
            });
        }
        Ok(self.nothing_to_say(asked.reference()))
    }
}

fn part(wanted: &Wanted, cents: u64, fate: Fate, now: Moment) -> Part {
    Part {
        id: 0,
        reference: wanted.reference.clone(),
        cents,
        at: now,
        visible: now.plus(Duration::from_millis(fate.hidden_ms)),
        of: None,
    }
}

/// What a capture and a release have in common.
fn told(shape: &Shape<'_>, answer: Object, authorization_id: u64, part: &Part) -> Object {
    let answer = shape.reference(answer, part.reference.as_deref());
    let answer = shape.id(answer, "authorization_id", authorization_id);
    let answer = answer.text("date", &stamp(part.at));
    shape.amount(answer, part.cents)
}

const fn drawn_too_far(no: No) -> Code {
    match no {
        No::Ended | No::Nothing => Code::AuthorizationEnded,
        No::TooMuch => Code::AuthAmountExceeded,
        No::Unknown => Code::NotFound,
    }
}

impl State {
    fn remaining(&self, id: u64) -> u64 {
        let found = self.flexiti.find(id);
        found.map_or(0, |authorization| authorization.hold.remaining)
    }
}

impl Memory {
    /// The authorization that the path names.
    fn named(&self, asked: &Asked) -> Result<(u64, &Authorization), Code> {
        let id = asked.id().ok_or(Code::NotFound)?;
        let found = self.find(id).ok_or(Code::NotFound)?;
        Ok((id, found))
    }

    fn may_return(
        &self,
        authorization: &Authorization,
        capture_id: u64,
        wanted: &Wanted,
        now: Moment,
    ) -> Result<(), Code> {
        let account = self.accounts.get(authorization.account);
        let vcc = account.map(|account| &account.vcc_number);
        if wanted.vcc.is_some() && wanted.vcc.as_ref() != vcc {
            return Err(Code::VccAccountMismatch);
        }
        if matches!(authorization.financing, Financing::Regular { .. }) {
            return Err(Code::WrongTransactionType);
        }
        let mut captures = authorization.hold.captures.iter();
        let capture = captures.find(|one| one.id == capture_id);
        let from = match self.options.return_from {
            FlexitiReturnFrom::Purchase => authorization.hold.opened,
            FlexitiReturnFrom::Capture => capture.ok_or(Code::NotFound)?.at,
        };
        if from.is_older_than(days(self.options.return_window_days), now) {
            return Err(Code::ReturnDateExceeded);
        }
        Ok(())
    }

    fn give_credit(&mut self, account: u64, cents: u64) {
        if let Some(account) = self.accounts.get_mut(account) {
            let credit = account.available_credit_minor;
            account.available_credit_minor = credit.saturating_add(cents);
        }
    }

    fn is_regular_capture(&self, account: u64, capture_id: u64) -> bool {
        self.authorizations.iter().any(|one| {
            one.account == account
                && matches!(one.financing, Financing::Regular { .. })
                && one.hold.captures.iter().any(|part| part.id == capture_id)
        })
    }
}
