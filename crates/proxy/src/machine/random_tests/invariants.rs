//! What must hold, each by its name.

use ventanilla_core::attempt::AttemptState as S;
use ventanilla_core::session::SessionState;

use super::world::{PAN, World};
use super::{LAG, provider::Provider};
use crate::clock::Timestamp;
use crate::machine::course::Row;
use crate::rails::card::CardRail;
use crate::store::{AttemptRow, EventRow, OperationRow, OutboxRow};

impl World {
    /// After every step.
    pub async fn check(&mut self) {
        let (attempts, operations) = (self.attempts().await, self.operations().await);
        let session = self.store.session(&self.session.id).await.unwrap().unwrap();
        let outbox = self.store.outbox(10_000).await.unwrap();
        let events = self.store.events(&self.session.id).await.unwrap();

        let strict = self.provider.lag == LAG && self.misled.is_empty();
        i1_no_double_payment(&attempts, session.state, &self.provider, self.now(), strict);
        for row in &attempts {
            i2_one_send(row, &self.provider);
            i4_no_payment_invented(row, &self.provider);
            let before = self.attempts_seen.insert(row.id.clone(), row.state);
            i5_evidence_is_monotone(row, before);
            i6_refunds(row, &operations);
            i7_the_merchant_hears(row, &outbox);
            never_silently(row, &events);
            duplicates_go_back(row, &operations);
        }
        for row in &operations {
            i2_one_send(row, &self.provider);
            let by_hand = events.iter().any(|event| {
                event.kind == "settled_by_hand" && event.operation_id.as_deref() == Some(&row.id)
            });
            // Where reads lag beyond every fence, one that was done is held for not done, and its effect for the next one's.
            let is_anothers = self.provider.lag != LAG
                && operations.iter().any(|other| {
                    other.id != row.id
                        && other.attempt_id == row.attempt_id
                        && other.kind == row.kind
                        && other.state == S::NotExecuted
                        && self.provider.ever_takes_effect(other)
                });
            i4_no_operation_invented(row, &self.provider, by_hand || is_anothers);
            let before = self.operations_seen.insert(row.id.clone(), row.state);
            i5_evidence_is_monotone(row, before);
            i7_the_merchant_hears(row, &outbox);
            never_silently(row, &events);
        }
    }

    /// When everything has settled down.
    pub async fn check_end(&self) {
        let events = self.store.events(&self.session.id).await.unwrap();
        for row in self.attempts().await {
            i3_no_payment_lost(&row, &self.provider);
        }
        for row in self.operations().await {
            i3_no_operation_lost(&row, &self.provider, &events, &self.misled);
        }
    }
}

fn i1_no_double_payment(
    attempts: &[AttemptRow],
    session: SessionState,
    provider: &Provider,
    now: Timestamp,
    strict: bool,
) {
    let of = |state: fn(&AttemptRow) -> bool| attempts.iter().filter(|row| state(row)).count();
    let live = of(|row| row.state.blocks_others());
    assert!(live <= 1, "I1: {live} live attempts");
    let paid = of(|row| row.state == S::Succeeded);
    assert_eq!(paid == 1, session == SessionState::Succeeded, "I1");
    let executed = attempts
        .iter()
        .filter(|row| provider.is_executed(&row.id, Some(now)))
        .count();
    assert!(executed <= 1 || !strict, "I1: {executed} payments");
}

fn i2_one_send<R: Row>(row: &R, provider: &Provider) {
    let course = row.course();
    let out = course.sends - course.returns;
    assert!(out <= 1, "I2: {out} rights are out");
    assert_eq!(
        out == 1,
        provider.was_called(row.id()),
        "I2: rights out and calls made agree"
    );
}

fn i3_no_payment_lost(row: &AttemptRow, provider: &Provider) {
    let executed = provider.is_executed(&row.id, None);
    let took_money = matches!(row.state, S::Succeeded | S::Duplicate);
    assert_eq!(executed, took_money, "I3: it ended {}", row.state.name());
    assert!(row.state.is_final(), "I3: it ended {}", row.state.name());
}

fn i3_no_operation_lost(
    row: &OperationRow,
    provider: &Provider,
    events: &[EventRow],
    misled: &std::collections::BTreeSet<String>,
) {
    let contradicted = events.iter().any(|event| {
        event.kind == "contradiction" && event.operation_id.as_deref() == Some(&row.id)
    });
    if provider.ever_takes_effect(row) {
        let waits = row.state == S::Review && !CardRail::reads_disprove(row.kind);
        assert!(
            row.state == S::Succeeded || contradicted || waits || !misled.is_empty(),
            "I3: it was done and ended {}",
            row.state.name()
        );
    }
    let settled = row.state.is_final()
        // What no read can disprove waits for somebody.
        || (row.state == S::Review && !CardRail::reads_disprove(row.kind))
        || !misled.is_empty();
    assert!(settled, "I3: it ended {}", row.state.name());
}

fn i4_no_payment_invented(row: &AttemptRow, provider: &Provider) {
    if matches!(row.state, S::Succeeded | S::Duplicate) {
        assert_eq!(row.confirmed, Some(row.total), "I4");
        assert!(provider.is_executed(&row.id, None), "I4");
    }
}

fn i4_no_operation_invented(row: &OperationRow, provider: &Provider, by_hand: bool) {
    if row.state == S::Succeeded {
        assert!(by_hand || provider.ever_takes_effect(row), "I4");
    }
}

fn i5_evidence_is_monotone<R: Row>(row: &R, before: Option<S>) {
    let (before, after) = (before.unwrap_or(S::New), row.course().state);
    let fits = before == after
        || match before {
            S::Succeeded | S::Duplicate => false,
            S::Declined | S::NotExecuted => matches!(after, S::Succeeded | S::Duplicate),
            S::Review => after.is_final(),
            S::Unknown => after.is_final() || after == S::Review,
            S::New | S::Prepared | S::Sent => true,
            // What only a buyer pays is not played here.
            S::Issued | S::Expired | S::Superseded => false,
        };
    assert!(fits, "I5: {} to {}", before.name(), after.name());
}

fn i6_refunds(attempt: &AttemptRow, operations: &[OperationRow]) {
    let of_attempt: Vec<_> = operations
        .iter()
        .filter(|row| row.attempt_id == attempt.id)
        .collect();
    let open = of_attempt
        .iter()
        .filter(|row| !row.state.is_final())
        .count();
    assert!(open <= 1, "I6: {open} open operations");
    for gives_back in [true, false] {
        let moved: u64 = of_attempt
            .iter()
            .filter(|row| row.kind.gives_back() == gives_back)
            .filter(|row| !matches!(row.state, S::Declined | S::NotExecuted))
            .map(|row| row.amount.minor())
            .sum();
        let paid = attempt.confirmed.map_or(0, |paid| paid.minor());
        assert!(moved <= paid, "I6: {moved} of {paid}");
    }
}

fn i7_the_merchant_hears<R: Row>(row: &R, outbox: &[OutboxRow]) {
    let state = row.course().state;
    if !state.is_final() && state != S::Review {
        return;
    }
    let kind = format!("{}.{}", R::NAME, state.name());
    let told = outbox.iter().any(|told| {
        told.kind == kind
            && told.attempt_id.as_deref() == row.attempt_id()
            && told.operation_id.as_deref() == row.operation_id()
    });
    assert!(told, "I7: {kind} was not told");
}

pub fn i8_no_card_data_at_rest(store: &[u8]) {
    let found = store.windows(PAN.len()).any(|part| part == PAN.as_bytes());
    assert!(!found, "I8: a card number is in the store");
}

/// Each change of state left the event that says from where to where.
fn never_silently<R: Row>(row: &R, events: &[EventRow]) {
    let mut state = None;
    for event in events {
        let is_about_it = event.attempt_id.as_deref() == row.attempt_id()
            && event.operation_id.as_deref() == row.operation_id();
        if is_about_it && event.to_state.is_some() {
            assert_eq!(event.from_state, state, "a change left no event");
            state.clone_from(&event.to_state);
        }
    }
    assert_eq!(state.as_deref(), Some(row.course().state.name()));
}

/// Money that came twice has its return opened in the commit that says so.
fn duplicates_go_back(attempt: &AttemptRow, operations: &[OperationRow]) {
    let opened = operations
        .iter()
        .any(|row| row.attempt_id == attempt.id && row.idempotency_key == "duplicate");
    assert_eq!(opened, attempt.state == S::Duplicate);
}
