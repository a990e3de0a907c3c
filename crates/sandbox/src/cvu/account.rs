//! What the merchant can read of its account: balance, transactions, statistics, and the words for them.

use ::time::Date;
use std::collections::BTreeSet;

use ventanilla_core::money::es_ar::format_money;
use ventanilla_core::money::{Currency, Money};

use crate::amount::Amount;
use crate::call::Reply;
use crate::clock::Moment;
use crate::fault::{Fate, Kind};
use crate::world::State;

use super::answer::{Object, Refusal, list};
use super::ledger::{CashoutEntry, CreditEntry};
use super::options::{CvuBalanceForm, CvuConceptsForm, CvuListAmounts, CvuListForm, CvuOptions};
use super::{Asked, Cvu, seen_at, time};

/// Codes and names of what a payment can be for. The codes are placeholders.
const CONCEPTS: [(&str, &str); 3] = [("VAR", "Varios"), ("FAC", "Factura"), ("ALQ", "Alquiler")];
/// Id, name and type of each filter. Placeholders, too.
const FILTERS: [[&str; 3]; 3] = [
    ["QR", "Cobro con QR", "cashin"],
    ["LINK", "Link de cobro", "cashin"],
    ["OUT", "Transferencia", "cashout"],
];
/// Rows of a page.
const PAGE: usize = 20;

/// The word of a row, which is not that of its filter.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Operation {
    Code,
    Link,
    Received,
    Sent,
}

impl Operation {
    const fn word(self) -> &'static str {
        match self {
            Self::Code => "Cobro QR",
            Self::Link => "Link de cobro",
            Self::Received => "Transferencia recibida",
            Self::Sent => "Transferencia enviada",
        }
    }

    /// The filter that lets it through. None is documented for a plain transfer that came in.
    const fn filter(self) -> Option<&'static str> {
        match self {
            Self::Code => Some("QR"),
            Self::Link => Some("LINK"),
            Self::Received => None,
            Self::Sent => Some("OUT"),
        }
    }
}

/// A line of the list, before it is written.
struct Row<'a> {
    /// When, and where among those of the same millisecond.
    order: (Moment, usize),
    amount: Amount,
    operation: Operation,
    holder: &'a str,
    cuit: &'a str,
    account: &'a str,
    sale_point: Option<&'a str>,
}

impl Cvu {
    /// Whether a payment can be for this; anything can where there are no concepts.
    pub(super) fn is_concept(&self, concept: &str) -> bool {
        self.state().cvu.options.concepts == CvuConceptsForm::Empty
            || CONCEPTS.iter().any(|(code, _)| *code == concept)
    }

    pub(super) fn concepts(&self) -> Reply {
        let form = self.state().cvu.options.concepts;
        let concepts = match form {
            CvuConceptsForm::Text => list(CONCEPTS.map(|(code, _)| format!("\"{code}\""))),
            CvuConceptsForm::Objects => list(
                CONCEPTS
                    .map(|(code, name)| Object::new().text("id", code).text("name", name).end()),
            ),
            CvuConceptsForm::Empty => list([]),
        };
        Reply::of(None, true, Object::ok().raw("concepts", &concepts).end())
    }

    pub(super) fn filters() -> Reply {
        let filters = FILTERS.map(|[id, name, kind]| {
            Object::new()
                .text("id", id)
                .text("name", name)
                .text("type", kind)
                .end()
        });
        Reply::of(
            None,
            true,
            Object::ok().raw("operations", &list(filters)).end(),
        )
    }

    pub(super) fn balance(&self, fate: Fate) -> Reply {
        let now = self.world.clock.now();
        let state = self.state();
        let amount = state.funds(now);
        let amount = if fate.is(Kind::WrongAmount) {
            amount.plus_one_unit()
        } else {
            amount
        };
        let answer = Object::ok();
        let answer = match state.cvu.options.balance {
            _ if fate.is(Kind::FloatDust) => answer.raw("amount", &amount.dusty_number_text()),
            CvuBalanceForm::Pesos => answer.number("amount", amount.hundredths() / 100),
            CvuBalanceForm::Centavos => answer.number("amount", amount.hundredths()),
            CvuBalanceForm::DecimalText => answer.text("amount", &amount.two_decimals()),
        };
        Reply::of(None, true, answer.end())
    }

    pub(super) fn statistics(&self, asked: &Asked) -> Result<Reply, Refusal> {
        let now = self.world.clock.now();
        let state = self.state();
        if !state.cvu.options.statistics_allowed {
            return Err(Refusal::NotAllowed);
        }
        let within = |moment: Moment| time::date_and_time(moment).starts_with(&asked.id);
        let credits = state.cvu.credits.iter();
        let came_in = credits
            .filter(|credit| credit.is_seen(now) && within(credit.credited))
            .map(|credit| credit.amount);
        let transfers = state.cvu.transfers.iter();
        let went_out = transfers
            .filter(|transfer| within(transfer.sent))
            .map(|transfer| transfer.amount);
        let total = |amounts: &mut dyn Iterator<Item = Amount>| {
            let sum: u64 = amounts.map(Amount::hundredths).sum();
            match sum {
                0 => String::from("null"),
                sum => format!("\"{}\"", Amount::of_hundredths(sum).two_decimals()),
            }
        };
        let counted = |name: &str| format!("[{}]", Object::new().number(name, 0).end());
        let totals = Object::new()
            .raw("total_cashout", &total(&mut went_out.into_iter()))
            .raw("total_cashin", &total(&mut came_in.into_iter()))
            .end();
        let data = list([
            counted("count_open_cvu"),
            format!("[{totals}]"),
            counted("count_payments_services"),
            counted("count_sent_sms"),
        ]);
        Ok(Object::ok().raw("data", &data).done(&asked.id))
    }

    pub(super) fn transactions(&self, asked: &Asked, fate: Fate) -> Result<Reply, Refusal> {
        // Drawn as a JSON body, sent as a query by a public client: either will do.
        let text = |name: &str| {
            let in_query = asked.query.text(name);
            in_query.or_else(|| asked.fields.text(name))
        };
        let day = |name: &str| text(name).and_then(|text| time::read_day(&text));
        let (Some(from), Some(to)) = (day("date_from"), day("date_to")) else {
            return Err(Refusal::Dates);
        };
        if from > to {
            return Err(Refusal::Dates);
        }
        let filter = text("operation").filter(|filter| !filter.is_empty());
        let page = (text("paginate").as_deref() == Some("1")).then(|| {
            let page = text("page").and_then(|page| page.parse::<usize>().ok());
            page.unwrap_or(1).max(1)
        });

        let state = self.state();
        let options = &state.cvu.options;
        let rows = seen_at(&self.world, fate)
            .map(|moment| state.rows(moment, from, to))
            .unwrap_or_default();
        let rows: Vec<Row<'_>> = rows
            .into_iter()
            .filter(|row| filter.is_none() || row.operation.filter() == filter.as_deref())
            .collect();
        let (skipped, taken) = match page {
            None => (0, rows.len()),
            Some(page) => ((page - 1).saturating_mul(PAGE), PAGE),
        };
        let shown = rows.iter().skip(skipped).take(taken);
        let shown = list(shown.map(|row| row.json(options, fate)));
        if options.list == CvuListForm::Bare {
            return Ok(Reply::of(None, true, shown));
        }
        let answer = Object::ok().raw("transactions", &shown);
        let count = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
        let answer = match page {
            None => answer,
            Some(page) => answer
                .number("number_of_results", count(rows.len()))
                .number("page", count(page))
                .number("pages", count(rows.len().div_ceil(PAGE).max(1)))
                .number("pagination", count(PAGE)),
        };
        Ok(Reply::of(None, true, answer.end()))
    }
}

impl State {
    /// What the merchant has.
    pub(super) fn funds(&self, now: Moment) -> Amount {
        let credits = self.cvu.credits.iter();
        let came_in: u64 = credits
            .filter(|credit| credit.is_seen(now))
            .map(|credit| credit.own.hundredths())
            .sum();
        let transfers = self.cvu.transfers.iter();
        let went_out: u64 = transfers.map(|it| it.amount.hundredths()).sum();
        Amount::of_hundredths(
            self.cvu
                .options
                .initial_balance_minor
                .saturating_add(came_in)
                .saturating_sub(went_out),
        )
    }

    /// What is seen at a moment of the days from `from` to `to`, oldest first.
    fn rows(&self, moment: Moment, from: Date, to: Date) -> Vec<Row<'_>> {
        let ledger = &self.ledger.cvu;
        let within = |moment: Moment| (from..=to).contains(&time::day(moment));
        let credits = self.cvu.credits.iter().zip(&ledger.credits).enumerate();
        let credits = credits
            .filter(|(_, (credit, _))| credit.is_seen(moment) && within(credit.credited))
            .map(|(place, (credit, entry))| Row {
                order: (credit.credited, place),
                amount: credit.amount,
                operation: operation_of(entry),
                holder: &entry.payer.holder,
                cuit: &entry.payer.cuit,
                account: &entry.payer.cvu,
                sale_point: entry
                    .sale_point_id
                    .and_then(|id| self.sale_point(id))
                    .map(|sale_point| sale_point.name.as_str()),
            });
        let transfers = self.cvu.transfers.iter().enumerate();
        let transfers = transfers
            .filter(|(_, transfer)| transfer.visible <= moment && within(transfer.sent))
            .filter_map(|(place, transfer)| {
                let entry: &CashoutEntry = ledger.cashouts.get(transfer.line)?;
                Some(Row {
                    order: (transfer.sent, place),
                    amount: transfer.amount,
                    operation: Operation::Sent,
                    holder: &transfer.holder,
                    cuit: &entry.cuit,
                    account: &transfer.account,
                    sale_point: None,
                })
            });
        let mut rows: Vec<Row<'_>> = credits.chain(transfers).collect();
        rows.sort_by_key(|row| row.order);
        rows
    }

    /// The names of the sale points that are there.
    pub(super) fn sale_point_names(&self) -> BTreeSet<&str> {
        let sale_points = self.ledger.cvu.sale_points.iter();
        sale_points
            .filter(|sale_point| sale_point.removed_at.is_none())
            .map(|sale_point| sale_point.name.as_str())
            .collect()
    }
}

fn operation_of(credit: &CreditEntry) -> Operation {
    if credit.link_id.is_some() {
        Operation::Link
    } else if credit.payment_link.is_some() {
        Operation::Received
    } else {
        Operation::Code
    }
}

impl Row<'_> {
    fn json(&self, options: &CvuOptions, fate: Fate) -> String {
        let comes_in = self.operation != Operation::Sent;
        let amount = match fate.kind() {
            Some(Kind::WrongAmount) => self.amount.plus_one_unit(),
            _ => self.amount,
        };
        let text = match options.list_amounts {
            _ if fate.is(Kind::FloatDust) => amount.dusty_number_text(),
            CvuListAmounts::Point => amount.two_decimals(),
            CvuListAmounts::EsAr => grouped(amount),
        };
        let row = Object::new()
            .number("income", u64::from(comes_in))
            .text("date", &time::date_and_time(self.order.0))
            .text(
                "amount",
                &format!("{}{text}", if comes_in { "" } else { "-" }),
            )
            .text("operation", self.operation.word())
            .text("holder", self.holder)
            .text("cuit", self.cuit)
            .text("cvu_cbu", self.account)
            .text("status", "Aprobada");
        match self.sale_point {
            None if options.null_sale_point => row.raw("sale_point_name", "null"),
            name => row.text("sale_point_name", name.unwrap_or_default()),
        }
        .end()
    }
}

/// `1.500,50`.
fn grouped(amount: Amount) -> String {
    match Money::from_minor(amount.hundredths(), Currency::ARS) {
        Ok(money) => format_money(money).replace(['$', '\u{a0}'], ""),
        Err(_) => amount.two_decimals().replace('.', ","),
    }
}
