//! Asking the bank: the one place where money moves.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use crate::amount::Amount;
use crate::cards::{Outcome, decline_of};
use crate::clock::Moment;
use crate::fault::{Fate, Kind, Operation};
use crate::ledger::{CardTokenChange, CardTokenEntry, DebitEntry, DebitState};

use super::answer::{BankResult, PaymentAnswer, Reply, TokenAnswer, TokenResult, number};
use super::payments::Payment;
use super::{GreenPay, Order, State, StoredCard};

/// How the card came.
pub(super) struct Means {
    pub(super) operation: Operation,
    pub(super) card: StoredCard,
    pub(super) installments: Option<String>,
    /// Save the card if the bank approves.
    pub(super) save: bool,
    pub(super) ld_len: Option<usize>,
    pub(super) part_of: PartOf,
}

/// What a payment is a part of.
#[derive(Clone)]
pub(super) enum PartOf {
    Nothing,
    Bulk(String),
    Subscription(String),
}

/// A debit that the bank has answered.
pub(super) struct Settled {
    order: Arc<Order>,
    pub(super) debit: DebitEntry,
    saved: Option<(String, StoredCard)>,
}

impl State {
    /// Asks the bank and writes down what it said. `None` when the card is turned away before that.
    pub(super) fn settle(
        &mut self,
        order: Arc<Order>,
        means: Means,
        fate: Fate,
        now: Moment,
    ) -> Option<Settled> {
        let declined = match means.card.outcome {
            Outcome::Approved => None,
            Outcome::Declined(row) => Some(row),
            Outcome::NotAsked => return None,
        };
        self.greenpay.trace_number = (self.greenpay.trace_number + 1) % 1_000_000;
        let trace_number = format!("{:06}", self.greenpay.trace_number);
        let authorization = declined.is_none().then(|| self.greenpay.sequence.digits(6));
        let saved = (means.save && declined.is_none()).then(|| {
            let token = self.keep_card(means.card.clone(), &order.reference, now);
            (token, means.card.clone())
        });
        let payment = Payment {
            line: self.ledger.debits.len(),
            approved: declined.is_none(),
            amount: order.amount,
            executed: now,
            visible: now.plus(Duration::from_millis(fate.hidden_ms)),
            changes: Vec::new(),
        };
        let approved_before = {
            let before = self.greenpay.payments.of(&order.reference).iter();
            u32::try_from(before.filter(|it| it.approved).count()).unwrap_or(u32::MAX)
        };
        let count = match self.greenpay.payments.note_debit(&order.reference, payment) {
            // The provider tries what failed again by itself, under the same reference.
            _ if means.operation == Operation::CreateSubscription => approved_before + 1,
            count => count,
        };
        let (bulk_id, subscription_id) = match means.part_of {
            PartOf::Nothing => (None, None),
            PartOf::Bulk(id) => (Some(id), None),
            PartOf::Subscription(id) => (None, Some(id)),
        };
        let debit = DebitEntry {
            reference: order.reference.clone(),
            amount: order.amount.two_decimals(),
            currency: order.currency.clone(),
            description: order.description.clone(),
            state: match declined {
                None => DebitState::Approved,
                Some(_) => DebitState::Declined,
            },
            resp_code: declined.map_or("00", |row| row.code).to_owned(),
            last4: means.card.last4,
            bin: means.card.bin,
            brand: means.card.brand.to_owned(),
            authorization,
            installments: means.installments,
            tokenized: saved.is_some(),
            operation: means.operation,
            bulk_id,
            subscription_id,
            ld_len: means.ld_len,
            executed_at: now.rfc3339(),
            count,
            retrieval_number: format!("{}{trace_number}", self.greenpay.sequence.digits(6)),
            local_date: now.without_zone(),
        };
        tracing::info!(
            reference = debit.reference,
            resp_code = debit.resp_code,
            last4 = debit.last4,
            count = debit.count,
            "debit of {} {} answered {}",
            debit.currency,
            debit.amount,
            debit.resp_code
        );
        self.ledger.debits.push(debit.clone());
        Some(Settled {
            order,
            debit,
            saved,
        })
    }

    /// Keeps a card; gives its token.
    pub(super) fn keep_card(&mut self, card: StoredCard, request_id: &str, now: Moment) -> String {
        let token = self.greenpay.sequence.uuid();
        self.note_card_token(&token, &card, CardTokenChange::Created, request_id, now);
        self.greenpay.card_tokens.insert(token.clone(), card);
        token
    }

    pub(super) fn note_card_token(
        &mut self,
        token: &str,
        card: &StoredCard,
        change: CardTokenChange,
        request_id: &str,
        now: Moment,
    ) {
        self.ledger.card_tokens.push(CardTokenEntry {
            token: token.to_owned(),
            change,
            request_id: request_id.to_owned(),
            last4: card.last4.clone(),
            at: now.rfc3339(),
        });
    }
}

impl GreenPay {
    /// The answer to a debit, bent by what goes wrong with it, and the notification of it.
    pub(super) fn payment_reply(&self, settled: &Settled, fate: Fate) -> Reply {
        let reply = |fate| {
            let debit = &settled.debit;
            let answer = self.payment_answer(
                debit,
                settled.order.callback.as_deref(),
                settled.saved.as_ref(),
                fate,
            );
            let reply = Reply::done(&debit.reference, &answer);
            match debit.state {
                DebitState::Approved => reply,
                DebitState::Declined => reply.with_status(self.decline_status),
            }
        };
        let answer = reply(fate);
        let notice = self.notice_of_payment(&settled.debit, || {
            if fate.bends_answer() {
                reply(fate.without_fault()).json
            } else {
                answer.json.clone()
            }
        });
        answer.with_notice(notice)
    }

    /// What the provider says about a debit, bent by what goes wrong with it.
    pub(super) fn payment_answer<'a>(
        &self,
        debit: &'a DebitEntry,
        callback: Option<&'a str>,
        saved: Option<&'a (String, StoredCard)>,
        fate: Fate,
    ) -> PaymentAnswer<'a> {
        let order_id = if fate.is(Kind::WrongReference) {
            Cow::Owned(other_reference(&debit.reference))
        } else {
            Cow::Borrowed(debit.reference.as_str())
        };
        let declined = decline_of(&debit.resp_code);
        let status = if declined.is_none() { 200 } else { 500 };
        let signature = declined.is_none().then(|| {
            bent_signature(
                self.sign(&format!("status:{status},orderId:{order_id}")),
                fate,
            )
        });
        let amount = Amount::of_two_decimals(&debit.amount).unwrap_or(Amount::ONE_UNIT);
        let (date, time) = debit.local_date.split_once('T').unwrap_or_default();
        let digits = |text: &str| -> String { text.chars().filter(char::is_ascii_digit).collect() };
        PaymentAnswer {
            status,
            order_id,
            authorization: debit.authorization.as_deref(),
            amount: number(bent_amount(amount, fate)),
            currency: &debit.currency,
            result: BankResult {
                time_local_tran: digits(time.get(..8).unwrap_or_default()),
                systems_trace_audit_number: debit.retrieval_number.get(6..).unwrap_or_default(),
                success: declined.is_none(),
                retrieval_ref_num: &debit.retrieval_number,
                resp_code: declined.map_or("00", |row| row.code),
                reserved_private4: declined.map(|row| row.bank_text),
                proc_code: "000000",
                network_international_id: "0003",
                mti: "0210",
                merchant_id: 1,
                date_local_tran: digits(date.get(5..).unwrap_or_default()),
                card_acceptor_terminal_id: "00000001",
                authorization_id_resp: debit.authorization.as_deref(),
            },
            errors: declined.map(|row| row.bank_text).into_iter().collect(),
            callback,
            signature,
            last4: &debit.last4,
            brand: &debit.brand,
            tokenize_resp: saved
                .map(|(token, card)| token_answer(201, token, card, Some(&debit.reference))),
        }
    }

    /// The answer to `tokenize` and `tokenize/update`.
    pub(super) fn token_reply(
        &self,
        token: &str,
        card: &StoredCard,
        request_id: &str,
        callback: Option<&str>,
        fate: Fate,
    ) -> Reply {
        let named = if fate.is(Kind::WrongReference) {
            other_reference(request_id)
        } else {
            request_id.to_owned()
        };
        let mut answer = token_answer(201, token, card, Some(&named));
        answer.callback = Some(callback);
        answer.signature = Some(bent_signature(
            self.sign(&format!("status:201,requestId:{named}")),
            fate,
        ));
        Reply::done(request_id, &answer)
    }
}

/// The part that `tokenize`, `tokenizeResp` and `getToken` have in common.
pub(super) fn token_answer<'a>(
    status: u16,
    token: &'a str,
    card: &'a StoredCard,
    request_id: Option<&'a str>,
) -> TokenAnswer<'a> {
    TokenAnswer {
        status,
        request_id,
        result: TokenResult {
            token,
            last_digits: &card.last4,
            bin: &card.bin,
            khash: &card.khash,
        },
        expiration_date: &card.expiry,
        brand: card.brand,
        nickname: card.nickname.as_deref(),
        errors: [],
        callback: None,
        signature: None,
    }
}

/// A reference of the same shape that nobody uses.
pub(super) fn other_reference(reference: &str) -> String {
    let mut other: Vec<char> = reference.chars().collect();
    if let Some(last) = other.last_mut() {
        *last = if *last == 'x' { 'y' } else { 'x' };
    }
    other.into_iter().collect()
}

pub(super) fn bent_signature(signature: String, fate: Fate) -> String {
    if !fate.is(Kind::BadSignature) {
        return signature;
    }
    let flipped = if signature.ends_with('0') { '1' } else { '0' };
    let mut bent = signature;
    bent.pop();
    bent.push(flipped);
    bent
}

pub(super) fn bent_amount(amount: Amount, fate: Fate) -> String {
    match fate.kind() {
        Some(Kind::WrongAmount) => amount.plus_one_unit().number_text(),
        Some(Kind::FloatDust) => amount.dusty_number_text(),
        _ => amount.number_text(),
    }
}
