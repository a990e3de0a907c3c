//! Asking the bank: the one place where money moves.

use crate::amount::Amount;
use crate::cards::{Decline, Outcome};
use crate::clock::Moment;
use crate::fault::{Kind, Operation};
use crate::ledger::{CardTokenChange, CardTokenEntry, DebitEntry, DebitState};

use super::answer::{BankResult, PaymentAnswer, Reply, TokenAnswer, TokenResult, number};
use super::{GreenPay, Order, State, StoredCard};

/// How the card came.
pub(super) struct Means {
    pub(super) operation: Operation,
    pub(super) card: StoredCard,
    pub(super) installments: Option<String>,
    /// Save the card if the bank approves.
    pub(super) save: bool,
    pub(super) ld_len: Option<usize>,
}

/// A debit that the bank has answered.
pub(super) struct Settled {
    order: Order,
    debit: DebitEntry,
    at: Moment,
    declined: Option<&'static Decline>,
    trace_number: String,
    saved: Option<(String, StoredCard)>,
}

impl State {
    /// Asks the bank and writes down what it said. `None` when the card is turned away before that.
    pub(super) fn settle(&mut self, order: Order, means: Means, now: Moment) -> Option<Settled> {
        let declined = match means.card.outcome {
            Outcome::Approved => None,
            Outcome::Declined(row) => Some(row),
            Outcome::NotAsked => return None,
        };
        self.trace_number = (self.trace_number + 1) % 1_000_000;
        let trace_number = format!("{:06}", self.trace_number);
        let authorization = declined.is_none().then(|| self.sequence.digits(6));
        let saved = (means.save && declined.is_none()).then(|| {
            let token = self.keep_card(means.card.clone(), &order.reference, now);
            (token, means.card.clone())
        });
        let times_before = self.ledger.debits_of(&order.reference).count();
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
            ld_len: means.ld_len,
            executed_at: now.rfc3339(),
            count: u32::try_from(times_before + 1).unwrap_or(u32::MAX),
            retrieval_number: format!("{}{trace_number}", self.sequence.digits(6)),
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
            at: now,
            declined,
            trace_number,
            saved,
        })
    }

    /// Keeps a card; gives its token.
    pub(super) fn keep_card(&mut self, card: StoredCard, request_id: &str, now: Moment) -> String {
        let token = self.sequence.uuid();
        self.note_card_token(&token, &card, CardTokenChange::Created, request_id, now);
        self.card_tokens.insert(token.clone(), card);
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
    /// The answer to a debit, bent by `twist` if that is a fault of the answer.
    pub(super) fn payment_reply(&self, settled: &Settled, twist: Option<Kind>) -> Reply {
        let debit = &settled.debit;
        let order_id = match twist {
            Some(Kind::WrongReference) => other_reference(&debit.reference),
            _ => debit.reference.clone(),
        };
        let status = if settled.declined.is_none() { 200 } else { 500 };
        let signature = settled.declined.is_none().then(|| {
            bent_signature(
                self.sign(&format!("status:{status},orderId:{order_id}")),
                twist,
            )
        });
        let answer = PaymentAnswer {
            status,
            order_id: &order_id,
            authorization: debit.authorization.as_deref(),
            amount: number(bent_amount(settled.order.amount, twist)),
            currency: &debit.currency,
            result: BankResult {
                time_local_tran: settled.at.time_of_day(),
                systems_trace_audit_number: &settled.trace_number,
                success: settled.declined.is_none(),
                retrieval_ref_num: &debit.retrieval_number,
                resp_code: settled.declined.map_or("00", |row| row.code),
                reserved_private4: settled.declined.map(|row| row.bank_text),
                proc_code: "000000",
                network_international_id: "0003",
                mti: "0210",
                merchant_id: 1,
                date_local_tran: settled.at.month_and_day(),
                card_acceptor_terminal_id: "00000001",
                authorization_id_resp: debit.authorization.as_deref(),
            },
            errors: settled
                .declined
                .map(|row| row.bank_text)
                .into_iter()
                .collect(),
            callback: settled.order.callback.as_deref(),
            signature,
            last4: &debit.last4,
            brand: &debit.brand,
            tokenize_resp: settled
                .saved
                .as_ref()
                .map(|(token, card)| token_answer(201, token, card, Some(&debit.reference))),
        };
        let reply = Reply::done(&debit.reference, &answer);
        match settled.declined {
            None => reply,
            Some(_) => reply.with_status(self.decline_status),
        }
    }

    /// The answer to `tokenize` and `tokenize/update`.
    pub(super) fn token_reply(
        &self,
        token: &str,
        card: &StoredCard,
        request_id: &str,
        callback: Option<&str>,
        twist: Option<Kind>,
    ) -> Reply {
        let named = match twist {
            Some(Kind::WrongReference) => other_reference(request_id),
            _ => request_id.to_owned(),
        };
        let mut answer = token_answer(201, token, card, Some(&named));
        answer.callback = Some(callback);
        answer.signature = Some(bent_signature(
            self.sign(&format!("status:201,requestId:{named}")),
            twist,
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

pub(super) fn bent_signature(signature: String, twist: Option<Kind>) -> String {
    if twist != Some(Kind::BadSignature) {
        return signature;
    }
    let flipped = if signature.ends_with('0') { '1' } else { '0' };
    let mut bent = signature;
    bent.pop();
    bent.push(flipped);
    bent
}

fn bent_amount(amount: Amount, twist: Option<Kind>) -> String {
    match twist {
        Some(Kind::WrongAmount) => amount.plus_one_unit().number_text(),
        Some(Kind::FloatDust) => amount.dusty_number_text(),
        _ => amount.number_text(),
    }
}
