//! What a purchase costs: the plans on offer, and what is paid each month.

use crate::call::Reply;
use crate::fault::Fate;

use super::fields::Inputs;
use super::json::{Object, list};
use super::refusal::{Code, Refusal};
use super::show::Financing;
use super::{Asked, Flexiti};

impl Flexiti {
    pub(super) fn interest(&self, asked: &Asked, fate: Fate) -> Result<Reply, Refusal> {
        let body = asked.json()?;
        let mut inputs = Inputs::of(&body);
        let amount = inputs.amount("amount", false);
        let amount = inputs.need("amount", amount);
        let amount = inputs.end(amount)?;
        let state = self.state();
        let memory = &state.flexiti;
        let account = asked.id().and_then(|id| memory.accounts.get(id));
        let account = account.ok_or(Code::NotFound)?;
        let shape = memory.shape(asked, fate);
        let plans = memory.options.plans.iter();
        let plans = plans.filter(|plan| plan.minimum_minor <= amount);
        let plans = plans.map(|plan| {
            let terms = plan.terms.iter().map(|term| {
                let financing = Financing::promotional(plan, term);
                let shown = Object::new().number("term", u64::from(term.term));
                let shown = shape.dollars(shown, "term_amount", financing.monthly(amount));
                let shown = shown.raw("fees", &shape.fees(&financing, true));
                shape.rates(shown, &financing).end()
            });
            Object::new()
                .number("plan_id", plan.plan_id)
                .text("plan_name", &plan.plan_name)
                .raw("terms", &list(terms))
                .end()
        });
        let regular = shape.dollars(Object::new(), "term_amount", amount);
        let regular = regular
            .raw("air", &super::json::rate(account.air))
            .raw("fees", "[]")
            .flag("verify", false);
        let answer = shape.id(Object::new(), "account_number", account.account_number);
        let answer = answer.text("account_type", account.account_type.name());
        let answer = shape
            .amount(answer, amount)
            .raw("customer", &shape.customer(account, true, true))
            .raw("regular_purchase", &regular.end())
            .raw("promotional_purchase", &list(plans));
        Ok(Reply::of(asked.reference(), true, answer.end()))
    }
}
