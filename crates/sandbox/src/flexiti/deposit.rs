//! Money that a shopper brings to a store.

use std::time::Duration;

use crate::call::Reply;
use crate::clock::Moment;

use super::authorize::{check_location, dollars};
use super::fields::{Body, Inputs};
use super::ledger::FlexitiDepositEntry;
use super::refusal::{Code, Refusal};
use super::{Asked, Flexiti, Memory};

/// $10,000 a day.
const MOST_A_DAY: u64 = 1_000_000;
const A_DAY: Duration = Duration::from_secs(86_400);
const KINDS: [&str; 3] = ["deposit", "instore_payment", "tradein"];

/// What was brought: account, cents, when.
#[derive(Debug, Default)]
pub(super) struct Deposits(Vec<(u64, u64, Moment)>);

impl Deposits {
    fn of_the_last_day(&self, account: u64, now: Moment) -> u64 {
        let of_account = self.0.iter().filter(|(of, ..)| *of == account);
        let recent = of_account.filter(|(_, _, at)| !at.is_older_than(A_DAY, now));
        recent.map(|(_, cents, _)| cents).sum()
    }
}

struct Wanted {
    who: Who,
    cents: u64,
    request_id: String,
}

enum Who {
    Account(u64),
    Vcc(String),
    Customer(String),
}

impl Wanted {
    fn read(body: &Body) -> Result<Self, Refusal> {
        const WAYS: [&str; 3] = ["account_number", "vcc_number", "customer_id"];
        let mut inputs = Inputs::of(body);
        // Only here text will do: the provider's own sample has it so.
        let cents = inputs.amount("amount", true);
        let cents = inputs.need("amount", cents);
        let mut in_store = ["request_id", "external_location_id", "external_employee_id"]
            .into_iter()
            .map(|name| {
                let text = inputs.text(name, 50);
                inputs.need(name, text)
            })
            .collect::<Vec<_>>();
        let request_id = in_store.swap_remove(0);
        let ways: Vec<&str> = WAYS.into_iter().filter(|way| body.has(way)).collect();
        let who = match ways.as_slice() {
            ["account_number"] => inputs.number("account_number", true).map(Who::Account),
            ["vcc_number"] => inputs.text("vcc_number", 16).map(Who::Vcc),
            ["customer_id"] => inputs.text("customer_id", 20).map(Who::Customer),
            _ => {
                inputs.object_to("account_number", "required");
                None
            }
        };
        let read = (|| {
            Some(Self {
                who: who?,
                cents: cents?,
                request_id: request_id?,
            })
        })();
        inputs.end(read)
    }

    fn find(&self, memory: &Memory) -> Option<u64> {
        let found = match &self.who {
            Who::Account(number) => memory.accounts.get(*number),
            Who::Vcc(vcc) => memory.accounts.find(|one| one.vcc_number == *vcc),
            Who::Customer(id) => memory.accounts.find(|one| one.customer_id == *id),
        };
        found.map(|account| account.account_number)
    }
}

impl Flexiti {
    pub(super) fn deposit(&self, asked: &Asked) -> Result<Reply, Refusal> {
        let body = asked.json()?;
        let kind = body.text("transaction_type").unwrap_or_default();
        if !KINDS.contains(&kind.as_str()) {
            return Err(Code::InvalidTransactionType.into());
        }
        let wanted = Wanted::read(&body)?;
        let mut codes = Inputs::of(&body);
        let code = codes.code("verification_code");
        let code = code.ok_or(Code::VerificationCodeRequired)?;
        let now = self.now();
        {
            let mut state = self.state();
            let state = &mut *state;
            let memory = &mut state.flexiti;
            let number = wanted.find(memory).ok_or(Code::NotFound)?;
            check_location(&body, memory)?;
            let before = memory.deposits.of_the_last_day(number, now);
            let account = memory.accounts.get_mut(number).ok_or(Code::NotFound)?;
            if !account.verification_codes.contains(&code) {
                return Err(Code::VerificationCodeWrong.into());
            }
            if !account.is_normal() {
                return Err(Code::UserNotActive.into());
            }
            if before.saturating_add(wanted.cents) > MOST_A_DAY {
                return Err(Code::LimitPaymentAmount24.into());
            }
            let credit = account.available_credit_minor;
            account.available_credit_minor = credit.saturating_add(wanted.cents);
            account.balance_minor = account.balance_minor.saturating_sub(wanted.cents);
            memory.deposits.0.push((number, wanted.cents, now));
            state.ledger.flexiti.deposits.push(FlexitiDepositEntry {
                account_number: number,
                transaction_type: kind,
                request_id: wanted.request_id.clone(),
                amount: dollars(wanted.cents),
                at: now.rfc3339(),
            });
        }
        Ok(self.nothing_to_say(Some(wanted.request_id)))
    }
}
