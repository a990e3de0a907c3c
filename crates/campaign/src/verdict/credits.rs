//! Money that came by itself: each credit once, and for what has its amount.
//!
//! The ledger knows which link or code was paid; who reads an account's list does not. So what is paid is held
//! against the credits of its amount: almost every buyer has a price of their own.

use std::collections::{BTreeMap, HashMap, HashSet};

use serde::Serialize;
use ventanilla_core::attempt::AttemptState;
use ventanilla_core::money::{Currency, Money};
use ventanilla_core::rails::Rail;

use super::{Evidence, Finding, Verdict, attempts, finding};
use crate::clock::parse_ms;
use crate::harness::sandbox::{self, Ledger};
use crate::harness::shop::{Attempt, Credit, CreditState};

/// Money that came by itself, counted.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize)]
pub struct Credits {
    /// Payments in the provider's ledger.
    pub came: usize,
    /// Credits that are recorded as the money of an attempt.
    pub matched: usize,
    /// Credits that wait for somebody at the shop.
    pub review: usize,
    /// Credits that somebody at the shop has done with.
    pub dismissed: usize,
    /// Credits in review that never came: the provider answered with a wrong amount, or a wrong number.
    pub false_answers: usize,
}

/// A false answer of the provider's is off by so much, in centavos.
const OFF_BY: u64 = 100;
/// The provider writes to the second, and clocks may be apart by as much.
const EARLY_MS: i64 = 65_000;

/// Everything of one amount.
#[derive(Default)]
struct OfAmount<'a> {
    came: Vec<&'a sandbox::Credit>,
    records: Vec<&'a Credit>,
    attempts: Vec<&'a Attempt>,
    /// How many links and codes were made.
    made: usize,
}

pub(super) fn judge(evidence: &Evidence<'_>, verdict: &mut Verdict) {
    let attempts_by_id: BTreeMap<&str, &Attempt> = attempts(evidence.sessions)
        .filter(|attempt| attempt.rail == Rail::Cvu)
        .map(|attempt| (attempt.id.as_str(), attempt))
        .collect();
    let records = records(evidence);
    let notified = notified(evidence.ledger);
    verdict.credits.came = evidence.ledger.cvu.credits.len();
    let mut paid_by: HashMap<&str, Vec<&Credit>> = HashMap::new();
    for record in records.values().copied() {
        if let (CreditState::Matched, Some(attempt)) = (record.state, record.attempts.first()) {
            paid_by.entry(attempt).or_default().push(record);
        }
        judge_record(record, &attempts_by_id, verdict);
    }
    for attempt in attempts_by_id.values() {
        let paid_by = paid_by
            .get(attempt.id.as_str())
            .map_or(&[][..], Vec::as_slice);
        judge_attempt(attempt, paid_by, verdict);
    }
    judge_telling(evidence, &records, verdict);
    let by_hand: HashSet<&str> = records
        .values()
        .filter(|record| evidence.by_hand.contains(&record.id))
        .filter_map(|record| record.attempts.first().map(String::as_str))
        .collect();
    let misread = Misread {
        amount: misread(evidence.ledger, "wrong_amount"),
        number: misread(evidence.ledger, "wrong_reference"),
    };
    let by_amount = by_amount(evidence, &records, &attempts_by_id);
    for (minor, of_amount) in &by_amount {
        let before = minor.checked_sub(OFF_BY).and_then(|it| by_amount.get(&it));
        let after = by_amount.get(&(minor + OFF_BY));
        judge_sum(*minor, of_amount, [before, after], &misread, verdict);
        of_amount.judge_pairs(*minor, verdict, |attempt, credit| {
            let (Some(began), Some(came)) =
                (parse_ms(&attempt.created_at), parse_ms(&credit.credited_at))
            else {
                return false;
            };
            let in_time = i64::try_from(evidence.in_time.as_millis()).unwrap_or(i64::MAX);
            by_hand.contains(attempt.id.as_str())
                || came + EARLY_MS >= began
                    && (notified.contains(&credit.id) || came <= began + in_time)
        });
    }
}

/// The amounts in centavos that came.
pub(super) fn amounts(ledger: &Ledger) -> HashSet<u64> {
    let amounts = ledger.cvu.credits.iter();
    amounts.filter_map(|credit| minor(&credit.amount)).collect()
}

/// Every credit that the merchant API knows, by its identifier, as it was known last.
fn records<'a>(evidence: &Evidence<'a>) -> BTreeMap<&'a str, &'a Credit> {
    let of_sessions = evidence.sessions.iter().flat_map(|it| &it.credits);
    let records = evidence.credits.iter().chain(of_sessions);
    records.map(|credit| (credit.id.as_str(), credit)).collect()
}

/// The credits that the proxy was truly told of by the provider, and answered.
fn notified(ledger: &Ledger) -> HashSet<u64> {
    let answered = |it: &&sandbox::Notification| !it.forged && it.http_status.is_some();
    let notifications = ledger.cvu.notifications.iter().filter(answered);
    notifications
        .flat_map(|it| &it.references)
        .filter_map(|reference| reference.parse().ok())
        .collect()
}

/// The credits that were read by their number, and answered wrongly.
struct Misread {
    /// With another amount.
    amount: HashSet<u64>,
    /// As the payment of another link or code.
    number: HashSet<u64>,
}

fn misread(ledger: &Ledger, fault: &str) -> HashSet<u64> {
    let calls = ledger.calls.iter();
    calls
        .filter(|call| call.operation == "cvu_cashin")
        .filter(|call| call.fault.as_deref() == Some(fault))
        .filter_map(|call| call.reference.as_deref()?.parse().ok())
        .collect()
}

pub(super) fn minor(amount: &str) -> Option<u64> {
    let money = Money::parse_decimal(amount, Currency::ARS).ok()?;
    Some(money.minor())
}

fn by_amount<'a>(
    evidence: &Evidence<'a>,
    records: &BTreeMap<&'a str, &'a Credit>,
    attempts: &BTreeMap<&'a str, &'a Attempt>,
) -> BTreeMap<u64, OfAmount<'a>> {
    let mut all: BTreeMap<u64, OfAmount<'a>> = BTreeMap::new();
    let cvu = &evidence.ledger.cvu;
    for credit in &cvu.credits {
        if let Some(minor) = minor(&credit.amount) {
            all.entry(minor).or_default().came.push(credit);
        }
    }
    for record in records.values() {
        let of_amount = all.entry(record.amount.minor()).or_default();
        of_amount.records.push(record);
    }
    for attempt in attempts.values() {
        let of_amount = all.entry(attempt.total.minor()).or_default();
        of_amount.attempts.push(attempt);
    }
    let links = cvu.links.iter().map(|link| &link.amount);
    let orders = cvu.qr_orders.iter().map(|order| &order.amount);
    for minor in links.chain(orders).filter_map(|amount| minor(amount)) {
        all.entry(minor).or_default().made += 1;
    }
    all
}

fn judge_record(record: &Credit, attempts: &BTreeMap<&str, &Attempt>, verdict: &mut Verdict) {
    match record.state {
        CreditState::Matched => verdict.credits.matched += 1,
        CreditState::Review => verdict.credits.review += 1,
        CreditState::Dismissed => verdict.credits.dismissed += 1,
    }
    if record.state != CreditState::Matched {
        return;
    }
    let attempt = record.attempts.first().and_then(|id| attempts.get(&**id));
    let Some(attempt) = attempt.filter(|_| record.attempts.len() == 1) else {
        verdict.invented.push(finding(
            &record.id,
            "matched, and not to one attempt that a session knows",
        ));
        return;
    };
    if attempt.total != record.amount {
        verdict.double.push(finding(
            &attempt.id,
            &format!("paid by credit {} of another amount", record.id),
        ));
    }
    if !attempt.state.took_money() {
        verdict.lost.push(finding(
            &attempt.id,
            &format!(
                "credit {} is its money, and the attempt is {}",
                record.id,
                attempt.state.name()
            ),
        ));
    }
}

fn judge_attempt(attempt: &Attempt, paid_by: &[&Credit], verdict: &mut Verdict) {
    if attempt.state.took_money() && paid_by.is_empty() {
        verdict.invented.push(finding(
            &attempt.id,
            &format!("{} without a credit", attempt.state.name()),
        ));
    }
    if paid_by.len() > 1 {
        verdict.double.push(finding(
            &attempt.id,
            &format!("{} credits are recorded as its money", paid_by.len()),
        ));
    }
}

/// Of what somebody has to look at, the merchant must have been told: by the credit's own message, or by that
/// of an attempt that came to review with it.
fn judge_telling(
    evidence: &Evidence<'_>,
    records: &BTreeMap<&str, &Credit>,
    verdict: &mut Verdict,
) {
    let Some(deliveries) = evidence.deliveries else {
        return;
    };
    let messages = || deliveries.messages.iter();
    let credits: HashSet<&str> = messages()
        .filter_map(|message| Some(message.data.credit.as_ref()?.id.as_str()))
        .collect();
    let reviewed: HashSet<&str> = messages()
        .filter_map(|message| message.data.attempt.as_ref())
        .filter(|attempt| attempt.state == AttemptState::Review)
        .map(|attempt| attempt.id.as_str())
        .collect();
    for record in records.values() {
        let is_told = credits.contains(record.id.as_str())
            || record.attempts.iter().any(|id| reviewed.contains(&**id));
        if record.state != CreditState::Matched && !is_told {
            let about = &record.id;
            verdict.untold.push(finding(
                about,
                "no webhook told that somebody has to look at the credit",
            ));
        }
    }
}

/// Holds what came against what is recorded, and what was made against what was wanted.
fn judge_sum(
    minor: u64,
    of_amount: &OfAmount<'_>,
    [before, after]: [Option<&OfAmount<'_>>; 2],
    misread: &Misread,
    verdict: &mut Verdict,
) {
    let (came, recorded) = (of_amount.came.len(), of_amount.records.len());
    // What a false answer made of it, or made it of.
    let told_as_more = after.is_some_and(|it| it.records.len() > it.came.len());
    let told_of_less = before.is_some_and(|it| !it.came.is_empty());
    let told_of_others = of_amount
        .came
        .iter()
        .any(|credit| misread.number.contains(&credit.id));
    for credit in of_amount.came.iter().skip(recorded) {
        if !(told_as_more && misread.amount.contains(&credit.id)) {
            verdict.lost.push(of_amount.lost(credit));
        }
    }
    for record in of_amount.records.iter().skip(came) {
        if (told_of_less || told_of_others) && record.state != CreditState::Matched {
            verdict.credits.false_answers += 1;
            continue;
        }
        verdict.invented.push(finding(
            &record.id,
            &format!(
                "{recorded} credits of {minor} centavos are recorded, and {came} came: {}",
                record.why.as_deref().unwrap_or("no reason given")
            ),
        ));
    }
    let wanted = of_amount.attempts.len();
    if of_amount.made > wanted {
        let what = format!(
            "the provider was asked {} times for something payable of {minor} centavos, which was wanted {wanted} times",
            of_amount.made
        );
        verdict
            .double
            .push(finding(&format!("{minor} centavos"), &what));
    }
}

impl<'a> OfAmount<'a> {
    fn lost(&self, credit: &sandbox::Credit) -> Finding {
        let attempts: Vec<String> = self
            .attempts
            .iter()
            .map(|attempt| format!("{} is {}", attempt.id, attempt.state.name()))
            .collect();
        let attempts = if attempts.is_empty() {
            String::from("nobody was asked for so much")
        } else {
            attempts.join(", ")
        };
        finding(
            &format!("credit {}", credit.id),
            &format!(
                "{} came at {} and is in no record; {} came, {} are recorded; {attempts}",
                credit.amount,
                credit.credited_at,
                self.came.len(),
                self.records.len()
            ),
        )
    }

    /// Every attempt that is paid must have a credit of its own that may be its money.
    fn judge_pairs(
        &self,
        minor: u64,
        verdict: &mut Verdict,
        may_be: impl Fn(&Attempt, &sandbox::Credit) -> bool,
    ) {
        let paid = self.attempts.iter().filter(|it| it.state.took_money());
        let mut taken_by: HashMap<usize, &'a Attempt> = HashMap::new();
        for attempt in paid.copied() {
            let candidates =
                (0..self.came.len()).filter(|place| may_be(attempt, self.came[*place]));
            if candidates.count() == 0 {
                verdict.invented.push(finding(
                    &attempt.id,
                    &format!(
                        "{}, and of {} credits of {minor} centavos none can be its money",
                        attempt.state.name(),
                        self.came.len()
                    ),
                ));
            } else if !self.pair(attempt, &may_be, &mut taken_by, &mut HashSet::new()) {
                verdict.double.push(finding(
                    &attempt.id,
                    &format!(
                        "{} by a credit that another attempt was paid by; {} of {minor} centavos came",
                        attempt.state.name(),
                        self.came.len()
                    ),
                ));
            }
        }
    }

    /// Finds a credit for `attempt`, if need be by giving others another one (augmenting paths, Kuhn 1955).
    fn pair(
        &self,
        attempt: &'a Attempt,
        may_be: &impl Fn(&Attempt, &sandbox::Credit) -> bool,
        taken_by: &mut HashMap<usize, &'a Attempt>,
        tried: &mut HashSet<usize>,
    ) -> bool {
        for place in 0..self.came.len() {
            if !may_be(attempt, self.came[place]) || !tried.insert(place) {
                continue;
            }
            let holder = taken_by.get(&place).copied();
            if holder.is_none_or(|holder| self.pair(holder, may_be, taken_by, tried)) {
                taken_by.insert(place, attempt);
                return true;
            }
        }
        false
    }
}
