//! What the provider posts to the merchant of its own accord.
//!
//! Documented: a payment answer to `/`, the answer to a card saved to `/newCard`, `{approved: [{status,
//! orderStatus, order}]}` to `/subscription/payment/results`, `{bulkId, responses}` to `/bulkResume`; no
//! authentication but the `_signature` of the first two. Not documented, and done here as follows: a decline
//! is posted too, unsigned as its answer; a card changed or saved while paying is not a new card; the
//! declines among the results of a subscription are in `rejected`.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::amount::Amount;
use crate::fault::{Fate, Kind, Met, Operation};
use crate::ledger::{BulkEntry, DebitEntry, DebitState};
use crate::notice::{Notice, Provider};
use crate::notify::{NotifyError, NotifyMode};
use crate::world::State;

use super::answer::{number, to_json};
use super::{GreenPay, StoredCard};

/// Where under the merchant's address a notification goes.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) enum Path {
    #[serde(rename = "/")]
    Payment,
    #[serde(rename = "/newCard")]
    NewCard,
    #[serde(rename = "/subscription/payment/results")]
    SubscriptionResults,
    #[serde(rename = "/bulkResume")]
    BulkResults,
}

impl Path {
    pub(crate) const fn text(self) -> &'static str {
        match self {
            Self::Payment => "/",
            Self::NewCard => "/newCard",
            Self::SubscriptionResults => "/subscription/payment/results",
            Self::BulkResults => "/bulkResume",
        }
    }

    const fn is_signed(self) -> bool {
        !matches!(self, Self::SubscriptionResults)
    }
}

/// A notification sent by hand.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ByHand {
    path: Path,
    /// Order references; for `/newCard` one `requestId`. One that was never debited is told as approved.
    references: Vec<String>,
    /// Sign it wrongly, and tell of a success in any case.
    #[serde(default)]
    forged: bool,
    #[serde(default = "once")]
    times: u8,
    /// As the notifications are set unless told.
    #[serde(default)]
    double_encoded: Option<bool>,
}

const fn once() -> u8 {
    1
}

/// What a wrong signature is made with.
const FORGED: Fate = Fate {
    met: Some(Met {
        kind: Kind::BadSignature,
        ms: None,
    }),
    hidden_ms: 0,
};

impl GreenPay {
    /// What to post about a debit, if anything; `answer` is the honest one, made when needed.
    pub(super) fn notice_of_payment(
        &self,
        debit: &DebitEntry,
        answer: impl FnOnce() -> String,
    ) -> Option<Notice> {
        let about = vec![debit.reference.clone()];
        self.notice(Path::Payment, &debit.reference, about, |forged| {
            if forged {
                self.forged_payment(debit)
            } else {
                answer()
            }
        })
    }

    /// What to post about a card that was saved, if anything.
    pub(super) fn notice_of_card(
        &self,
        request_id: &str,
        token: &str,
        card: &StoredCard,
        callback: Option<&str>,
    ) -> Option<Notice> {
        let about = vec![request_id.to_owned()];
        self.notice(Path::NewCard, request_id, about, |forged| {
            let fate = if forged { FORGED } else { Fate::default() };
            self.token_reply(token, card, request_id, callback, fate)
                .json
        })
    }

    /// What to post about a bulk, if anything. `results`: each debit, or the JSON of what is told instead.
    pub(super) fn notice_of_bulk(
        &self,
        bulk: &BulkEntry,
        results: &[Result<DebitEntry, String>],
    ) -> Option<Notice> {
        let about = bulk.references.clone();
        self.notice(Path::BulkResults, &bulk.id, about, |forged| {
            let answers: Vec<String> = results
                .iter()
                .map(|result| match result {
                    Ok(debit) if forged => self.forged_payment(debit),
                    Ok(debit) => to_json(&self.payment_answer(debit, None, None, Fate::default())),
                    Err(json) => json.clone(),
                })
                .collect();
            bulk_results(&bulk.id, &answers)
        })
    }

    /// What to post about a charge of a subscription, if anything. Nothing signs it, so a forged one tells of a
    /// success and nothing else.
    pub(super) fn notice_of_charge(
        &self,
        debit: &DebitEntry,
        status: &'static str,
    ) -> Option<Notice> {
        let about = vec![debit.reference.clone()];
        self.notice(
            Path::SubscriptionResults,
            &debit.reference,
            about,
            |forged| {
                let told = DebitEntry {
                    state: if forged {
                        DebitState::Approved
                    } else {
                        debit.state
                    },
                    ..debit.clone()
                };
                subscription_results(&[told], Some(status))
            },
        )
    }

    /// `key`: what decides how, when each is notified of in a way of its own.
    fn notice(
        &self,
        path: Path,
        key: &str,
        about: Vec<String>,
        json: impl FnOnce(bool) -> String,
    ) -> Option<Notice> {
        let settings = self.state().notifications.clone();
        let mode = settings.mode_for(key, self.world.seed);
        if mode == NotifyMode::Never {
            return None;
        }
        let url = settings.url.clone()?;
        let forged = mode == NotifyMode::Forged;
        Some(Notice {
            provider: Provider::GreenPay,
            path: path.text(),
            references: about,
            mode: Some(mode),
            forged,
            json: settings.encode(&json(forged)),
            url,
            late_ms: settings.late_ms,
            due: None,
        })
    }

    /// An approval that nobody gave, or gave otherwise.
    fn forged_payment(&self, debit: &DebitEntry) -> String {
        let approved = DebitEntry {
            state: DebitState::Approved,
            resp_code: String::from("00"),
            authorization: Some(String::from("000000")),
            ..debit.clone()
        };
        to_json(&self.payment_answer(&approved, None, None, FORGED))
    }

    /// Posts a notification now; gives the statuses answered.
    pub(crate) async fn notify_by_hand(
        &self,
        by_hand: ByHand,
    ) -> Result<Vec<Option<u16>>, NotifyError> {
        let refused = |why: &str| Err(NotifyError(String::from(why)));
        if by_hand.references.is_empty() {
            return refused("references must name at least one");
        }
        if by_hand.forged && !by_hand.path.is_signed() {
            return refused("this shape is not signed and cannot be forged");
        }
        if matches!(by_hand.path, Path::Payment | Path::NewCard) && by_hand.references.len() > 1 {
            return refused("this shape is about one reference");
        }
        let mut settings = self.state().notifications.clone();
        let Some(url) = settings.url.clone() else {
            return refused("no url is set");
        };
        settings.double_encoded = by_hand.double_encoded.unwrap_or(settings.double_encoded);
        let Some(json) = self.json_by_hand(&by_hand) else {
            return refused("no card was saved under this requestId");
        };
        let notice = Notice {
            provider: Provider::GreenPay,
            path: by_hand.path.text(),
            references: by_hand.references,
            mode: None,
            forged: by_hand.forged,
            json: settings.encode(&json),
            url,
            late_ms: 0,
            due: None,
        };
        let mut statuses = Vec::new();
        for nth in 1..=by_hand.times {
            statuses.push(self.world.post(&notice, u32::from(nth)).await);
        }
        Ok(statuses)
    }

    fn json_by_hand(&self, by_hand: &ByHand) -> Option<String> {
        let first = by_hand.references.first()?;
        let now = self.world.clock.now();
        let debits = || {
            let state = self.state();
            let newest = |reference: &String| {
                let line = state
                    .greenpay
                    .payments
                    .of(reference)
                    .last()
                    .map(|it| it.line);
                line.and_then(|line| state.ledger.debits.get(line).cloned())
                    .unwrap_or_else(|| never_debited(reference, now))
            };
            by_hand.references.iter().map(newest).collect::<Vec<_>>()
        };
        let answer = |debit: &DebitEntry| {
            if by_hand.forged {
                self.forged_payment(debit)
            } else {
                to_json(&self.payment_answer(debit, None, None, Fate::default()))
            }
        };
        Some(match by_hand.path {
            Path::Payment => answer(debits().first()?),
            Path::NewCard => {
                let (token, card) = self.state().card_saved_as(first)?;
                let fate = if by_hand.forged {
                    FORGED
                } else {
                    Fate::default()
                };
                self.token_reply(&token, &card, first, None, fate).json
            }
            Path::BulkResults => {
                let answers: Vec<String> = debits().iter().map(answer).collect();
                let bulk_id = self.state().greenpay.sequence.uuid();
                bulk_results(&bulk_id, &answers)
            }
            Path::SubscriptionResults => subscription_results(&debits(), None),
        })
    }
}

impl State {
    /// The card that was saved under a `requestId`, with its token.
    fn card_saved_as(&self, request_id: &str) -> Option<(String, StoredCard)> {
        let entry = self
            .ledger
            .card_tokens
            .iter()
            .rev()
            .find(|entry| entry.request_id == request_id)?;
        let card = self.greenpay.card_tokens.get(&entry.token)?;
        Some((entry.token.clone(), card.clone()))
    }
}

/// A debit of a reference that the sandbox has not seen: notifications may be about somebody else's.
fn never_debited(reference: &str, now: crate::clock::Moment) -> DebitEntry {
    DebitEntry {
        reference: reference.to_owned(),
        amount: Amount::ONE_UNIT.two_decimals(),
        currency: String::from("CRC"),
        description: String::new(),
        state: DebitState::Approved,
        resp_code: String::from("00"),
        last4: String::from("4242"),
        bin: String::from("424242"),
        brand: String::from("Visa"),
        authorization: Some(String::from("000000")),
        installments: None,
        tokenized: false,
        operation: Operation::TokenPayment,
        bulk_id: None,
        subscription_id: None,
        ld_len: None,
        executed_at: now.rfc3339(),
        count: 0,
        retrieval_number: String::from("000000000000"),
        local_date: now.without_zone(),
    }
}

fn bulk_results(bulk_id: &str, answers: &[String]) -> String {
    format!(
        r#"{{"bulkId":"{bulk_id}","responses":[{}]}}"#,
        answers.join(",")
    )
}

/// `status`: what the subscription is after them; told as the payment was when it is not known.
fn subscription_results(debits: &[DebitEntry], status: Option<&'static str>) -> String {
    let with = |state: DebitState| -> Vec<SubscriptionResult<'_>> {
        let debits = debits.iter().filter(|debit| debit.state == state);
        debits
            .map(|debit| SubscriptionResult::of(debit, status))
            .collect()
    };
    to_json(&SubscriptionResults {
        approved: with(DebitState::Approved),
        rejected: with(DebitState::Declined),
    })
}

#[derive(Serialize)]
struct SubscriptionResults<'a> {
    approved: Vec<SubscriptionResult<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    rejected: Vec<SubscriptionResult<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SubscriptionResult<'a> {
    status: &'static str,
    order_status: &'static str,
    order: SubscriptionOrder<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SubscriptionOrder<'a> {
    order_reference: &'a str,
    subscription_id: &'a str,
    amount: Box<RawValue>,
    currency: &'a str,
    date: &'a str,
    authorization: Option<&'a str>,
    details: SubscriptionDetails,
}

#[derive(Serialize)]
struct SubscriptionDetails {}

impl<'a> SubscriptionResult<'a> {
    fn of(debit: &'a DebitEntry, order_status: Option<&'static str>) -> Self {
        let status = match debit.state {
            DebitState::Approved => "approved",
            DebitState::Declined => "rejected",
        };
        Self {
            status,
            order_status: order_status.unwrap_or(status),
            order: SubscriptionOrder {
                order_reference: &debit.reference,
                // References of a subscription run `<subscription>_<n>`.
                subscription_id: debit
                    .reference
                    .rsplit_once('_')
                    .map_or(debit.reference.as_str(), |(subscription, _)| subscription),
                amount: number(debit.amount.clone()),
                currency: &debit.currency,
                date: &debit.local_date,
                authorization: debit.authorization.as_deref(),
                details: SubscriptionDetails {},
            },
        }
    }
}
