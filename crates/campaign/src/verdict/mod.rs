//! What ledger, merchant API and webhooks say together.
//!
//! | word | means |
//! |---|---|
//! | double | money moved, or was recorded as moved, more than once for one thing: a second approved debit of a session that is not a `duplicate` of which the merchant was told; a payment's one call sent twice; an operation carried out, or asked for, more often than it was wanted |
//! | lost | money moved and the merchant API does not say so once everything had time to settle |
//! | invented | the merchant API or a webhook speaks of money that the ledger does not have |
//! | unknown | what the merchant API still calls running, in doubt or under review |
//! | untold | an end that no verified webhook told |
//!
//! Pure: everything is a parameter.

mod credits;
mod errands;
mod holds;
mod operations;
#[cfg(test)]
mod tests;
mod transfers;
mod truth;

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use serde::Serialize;
use ventanilla_core::attempt::AttemptState;
use ventanilla_core::money::{Currency, Money};
use ventanilla_core::rails::Rail;
use ventanilla_core::session::SessionState;

use holds::Holds;

use crate::harness::receiver::Deliveries;
use crate::harness::sandbox::{Debit, DebitState, Ledger};
use crate::harness::shop::{Attempt, Credit, Session};

pub use credits::Credits;
pub use errands::{Errand, judge as judge_errands, judge_one as judge_errand, without_errands};
pub use truth::Truth;

/// What is compared.
pub struct Evidence<'a> {
    /// Every session that the shop opened, as the merchant API has it at the end.
    pub sessions: &'a [Session],
    /// The provider's.
    pub ledger: &'a Ledger,
    /// What the shop was told; none if nobody listened.
    pub deliveries: Option<&'a Deliveries>,
    /// Attempts that somebody saw in doubt.
    pub doubted: &'a HashSet<String>,
    /// Credits that the shop saw in review, and what it made of them; beside those of the sessions, which go
    /// before these.
    pub credits: &'a [Credit],
    /// The credits that somebody at the shop settled.
    pub by_hand: &'a HashSet<String>,
    /// From the beginning of its attempt, a credit that arrives later is not in time.
    pub in_time: Duration,
}

/// One thing that is not as it should be.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Finding {
    /// The session, attempt, operation or reference.
    pub about: String,
    /// In words.
    pub what: String,
}

/// What the comparison came to.
#[derive(Debug, Default, Serialize)]
pub struct Verdict {
    /// Money moved more than once.
    pub double: Vec<Finding>,
    /// Money moved and was not recorded.
    pub lost: Vec<Finding>,
    /// Money recorded that did not move.
    pub invented: Vec<Finding>,
    /// Not settled.
    pub unknown: Vec<Finding>,
    /// Not told.
    pub untold: Vec<Finding>,
    /// Deliveries with a wrong signature, or with another body than before.
    pub untrue: Vec<Finding>,
    /// Sessions that are paid.
    pub paid: usize,
    /// Attempts that ended as `duplicate`.
    pub duplicates: usize,
    /// Operations that succeeded.
    pub operations: usize,
    /// What belongs to no checkout, was not done by the ledger, and is held in doubt for as long as it may be.
    pub waiting: usize,
    /// Money that came by itself.
    pub credits: Credits,
    /// How long it took until an attempt in doubt was settled.
    pub truth: Truth,
}

impl Verdict {
    /// Whether nothing may be held against the proxy. What is unknown is not: it says so.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.double.is_empty()
            && self.lost.is_empty()
            && self.invented.is_empty()
            && self.untold.is_empty()
            && self.untrue.is_empty()
    }
}

/// Compares.
#[must_use]
pub fn compare(evidence: &Evidence<'_>) -> Verdict {
    let mut verdict = Verdict::default();
    let mut debits: HashMap<&str, Vec<&Debit>> = HashMap::new();
    for debit in &evidence.ledger.debits {
        if debit.state == DebitState::Approved {
            debits.entry(&debit.reference).or_default().push(debit);
        }
    }
    judge_sends(evidence, &mut verdict);
    let told = told(evidence.deliveries);
    let holds = Holds::of(evidence.ledger);
    let seen = Seen {
        debits: &debits,
        holds: &holds,
        told: told.as_ref(),
        met: met(evidence.ledger),
    };
    for session in evidence.sessions {
        judge_session(session, &seen, &mut verdict);
    }
    let known: HashSet<&str> = attempts(evidence.sessions)
        .map(|attempt| attempt.reference.as_str())
        .collect();
    for reference in debits
        .keys()
        .filter(|reference| !known.contains(*reference))
    {
        verdict.lost.push(finding(
            reference,
            "an approved debit of a reference that no session knows",
        ));
    }
    holds.judge_strangers(&known, &mut verdict);
    operations::judge(evidence, &mut verdict);
    credits::judge(evidence, &mut verdict);
    judge_deliveries(evidence, &debits, &holds, &mut verdict);
    verdict.truth = truth::measure(evidence);
    for findings in [
        &mut verdict.double,
        &mut verdict.lost,
        &mut verdict.invented,
        &mut verdict.unknown,
        &mut verdict.untold,
    ] {
        findings.sort_by(|a, b| (&a.about, &a.what).cmp(&(&b.about, &b.what)));
    }
    verdict
}

/// Identifiers and the states that verified messages told of them.
type Told<'a> = HashSet<(&'a str, AttemptState)>;

fn told(deliveries: Option<&Deliveries>) -> Option<Told<'_>> {
    let messages = &deliveries?.messages;
    let standings = messages
        .iter()
        .flat_map(|message| [&message.data.attempt, &message.data.operation])
        .flatten();
    Some(
        standings
            .map(|standing| (standing.id.as_str(), standing.state))
            .collect(),
    )
}

/// Each attempt has one right to be sent, whatever became of the call; those that went out under one reference
/// have one each.
fn judge_sends(evidence: &Evidence<'_>, verdict: &mut Verdict) {
    let mut sends: HashMap<&str, u32> = HashMap::new();
    let mut rights: HashMap<&str, u32> = HashMap::new();
    for attempt in attempts(evidence.sessions) {
        *rights.entry(&attempt.reference).or_default() += 1;
    }
    for call in &evidence.ledger.calls {
        let is_send = truth::is_payment(call) && !call.later;
        if let (true, Some(reference)) = (is_send, &call.reference) {
            *sends.entry(reference).or_default() += 1;
        }
    }
    for (reference, times) in sends {
        let rights = rights.get(reference).copied().unwrap_or(1);
        if times > rights {
            verdict.double.push(finding(
                reference,
                &if rights == 1 {
                    format!("its one call was sent {times} times")
                } else {
                    format!("its {rights} calls were sent {times} times")
                },
            ));
        }
    }
}

/// What others say of attempts.
struct Seen<'a> {
    /// Approved debits, by reference.
    debits: &'a HashMap<&'a str, Vec<&'a Debit>>,
    /// Credit held, by reference.
    holds: &'a Holds<'a>,
    /// By webhooks.
    told: Option<&'a Told<'a>>,
    /// The fault that the call met, by reference.
    met: HashMap<&'a str, &'a str>,
}

fn met(ledger: &Ledger) -> HashMap<&str, &str> {
    let payments = ledger.calls.iter().filter(|call| truth::is_payment(call));
    payments
        .filter_map(|call| Some((call.reference.as_deref()?, call.fault.as_deref()?)))
        .collect()
}

fn judge_session(session: &Session, seen: &Seen<'_>, verdict: &mut Verdict) {
    let mut paying = 0;
    let mut succeeded = 0;
    for attempt in &session.attempts {
        let approved = seen
            .debits
            .get(attempt.reference.as_str())
            .map_or(&[][..], Vec::as_slice);
        // Of attempts under one reference the money is at most one's.
        let another_took_it = session.attempts.iter().any(|other| {
            other.id != attempt.id
                && other.reference == attempt.reference
                && other.state.took_money()
        });
        let approved = if another_took_it && !attempt.state.took_money() {
            &[]
        } else {
            approved
        };
        match attempt.rail {
            Rail::Card | Rail::Flux => judge_debits(attempt, approved, verdict),
            // Neither is a debit of this ledger's.
            Rail::Cvu | Rail::Flexiti => {}
        }
        let held = seen.holds.judge(attempt, verdict);
        judge_end(attempt, &session.credits, seen, verdict);
        if (!approved.is_empty() || held) && attempt.state != AttemptState::Duplicate {
            paying += 1;
        }
        if attempt.state == AttemptState::Succeeded {
            succeeded += 1;
        }
        if attempt.state == AttemptState::Duplicate {
            verdict.duplicates += 1;
        }
        if !is_for(attempt, session.total) {
            verdict.invented.push(finding(
                &attempt.id,
                "its amount is not that of its session",
            ));
        }
    }
    if paying > 1 {
        verdict.double.push(finding(
            &session.id,
            &format!("{paying} of its attempts were debited, and none of them as a duplicate"),
        ));
    }
    if succeeded > 1 {
        verdict.double.push(finding(
            &session.id,
            &format!("{succeeded} of its attempts succeeded"),
        ));
    }
    let is_paid = session.state == SessionState::Succeeded;
    if is_paid {
        verdict.paid += 1;
    }
    if is_paid && succeeded == 0 {
        verdict
            .invented
            .push(finding(&session.id, "paid, and none of its attempts is"));
    }
    if !is_paid && succeeded > 0 {
        verdict.lost.push(finding(
            &session.id,
            &format!("{}, although an attempt succeeded", session.state.name()),
        ));
    }
}

fn judge_debits(attempt: &Attempt, approved: &[&Debit], verdict: &mut Verdict) {
    use AttemptState as S;
    if approved.len() > 1 {
        verdict.double.push(finding(
            &attempt.id,
            &format!("its reference was debited {} times", approved.len()),
        ));
    }
    let tip = attempt.tip.map_or(0, Money::minor);
    let tipped = |debit: &Debit| {
        let told = debit.tip.as_deref().unwrap_or("0");
        Money::parse_decimal(told, attempt.total.currency()).map(Money::minor)
    };
    match (attempt.state, approved.first()) {
        (S::Succeeded | S::Duplicate, None) => verdict.invented.push(finding(
            &attempt.id,
            &format!("{} without an approved debit", attempt.state.name()),
        )),
        (S::Succeeded | S::Duplicate, Some(debit)) if !is_of(debit, attempt.total) => {
            verdict.invented.push(finding(
                &attempt.id,
                &format!(
                    "{} for another amount than the {} {} that was debited",
                    attempt.state.name(),
                    debit.currency,
                    debit.amount
                ),
            ));
        }
        (S::Succeeded | S::Duplicate, Some(debit)) if tipped(debit) != Ok(tip) => {
            verdict.invented.push(finding(
                &attempt.id,
                &format!("{tip} of it is a tip, and {:?} was asked for", debit.tip),
            ));
        }
        (S::Succeeded | S::Duplicate, Some(_)) | (_, None) => {}
        (state, Some(_)) => verdict.lost.push(finding(
            &attempt.id,
            &format!("an approved debit, and the attempt is {}", state.name()),
        )),
    }
}

fn judge_end(attempt: &Attempt, credits: &[Credit], seen: &Seen<'_>, verdict: &mut Verdict) {
    if !attempt.state.is_final() {
        let why = credits
            .iter()
            .filter(|credit| credit.attempts.contains(&attempt.id))
            .find_map(|credit| credit.why.clone());
        let reason = match (attempt.rail, seen.met.get(attempt.reference.as_str())) {
            (Rail::Cvu, _) => why.unwrap_or_else(|| String::from("no credit says why")),
            (Rail::Card | Rail::Flux | Rail::Flexiti, Some(fault)) => {
                format!("its call met {fault}")
            }
            (Rail::Card | Rail::Flux | Rail::Flexiti, None) => {
                String::from("its call met no fault, or was never made")
            }
        };
        verdict.unknown.push(finding(
            &attempt.id,
            &standing("attempt", attempt.state, Some(&reason)),
        ));
    }
    let Some(told) = seen.told else { return };
    if attempt.state.is_final() && !told.contains(&(attempt.id.as_str(), attempt.state)) {
        verdict.untold.push(finding(
            &attempt.id,
            &format!(
                "no webhook told that the attempt is {}",
                attempt.state.name()
            ),
        ));
        if attempt.state == AttemptState::Duplicate {
            verdict.double.push(finding(
                &attempt.id,
                "a second debit of which the merchant was not told",
            ));
        }
    }
}

/// What was told must have been so: money that no ledger has may not be spoken of, and nothing may
/// come without the shop's signature.
fn judge_deliveries(
    evidence: &Evidence<'_>,
    debits: &HashMap<&str, Vec<&Debit>>,
    holds: &Holds<'_>,
    verdict: &mut Verdict,
) {
    let Some(deliveries) = evidence.deliveries else {
        return;
    };
    let known: HashMap<&str, &Attempt> = attempts(evidence.sessions)
        .map(|attempt| (attempt.id.as_str(), attempt))
        .collect();
    let credited = credits::amounts(evidence.ledger);
    for message in &deliveries.messages {
        let Some(attempt) = &message.data.attempt else {
            continue;
        };
        // A message about an operation shows its payment as it stands, which was judged above.
        let speaks_of_money = matches!(
            attempt.state,
            AttemptState::Succeeded | AttemptState::Duplicate
        );
        let moved = known
            .get(attempt.id.as_str())
            .is_some_and(|attempt| match attempt.rail {
                Rail::Flexiti => holds.has(&attempt.reference),
                Rail::Card | Rail::Flux => debits.contains_key(attempt.reference.as_str()),
                Rail::Cvu => credited.contains(&attempt.total.minor()),
            });
        if speaks_of_money && !moved {
            verdict.invented.push(finding(
                &attempt.id,
                &format!(
                    "a webhook ({}) told that it is {}, without the money",
                    message.kind,
                    attempt.state.name()
                ),
            ));
        }
    }
    for (count, what) in [
        (deliveries.unverified, "deliveries could not be verified"),
        (deliveries.changed, "messages came again with another body"),
    ] {
        if count > 0 {
            verdict
                .untrue
                .push(finding("webhooks", &format!("{count} {what}")));
        }
    }
}

/// Whether an attempt is for its session's total, with the tip that was added to it.
fn is_for(attempt: &Attempt, bill: Money) -> bool {
    let tip = attempt.tip.map_or(0, Money::minor);
    attempt.total.currency() == bill.currency() && attempt.total.minor() == bill.minor() + tip
}

fn is_of(debit: &Debit, total: Money) -> bool {
    Currency::from_code(&debit.currency)
        .and_then(|currency| Money::parse_decimal(&debit.amount, currency).ok())
        .is_some_and(|debited| debited == total)
}

fn standing(what: &str, state: AttemptState, reason: Option<&str>) -> String {
    let reason = reason.unwrap_or("no reason given");
    format!("the {what} is {}: {reason}", state.name())
}

fn attempts(sessions: &[Session]) -> impl Iterator<Item = &Attempt> {
    sessions.iter().flat_map(|session| &session.attempts)
}

fn finding(about: &str, what: &str) -> Finding {
    Finding {
        about: about.to_owned(),
        what: what.to_owned(),
    }
}
