//! What may follow an authorization: capture, release, return, refund. Each under a reference of its own, by
//! which its doubt is settled: the authorization's detail lists all but refunds.

use secrecy::SecretString;
use ventanilla_core::money::Money;
use ventanilla_core::operation::OperationKind;
use ventanilla_core::problem::ProblemCode;
use ventanilla_providers::Outcome;
use ventanilla_providers::flexiti::{
    AccountNumber, AuthorizationDetail, AuthorizationId, Capture, CaptureFilter, CaptureId, Day,
    Decision, Flow, Part, Refund, Release, Return,
};

use super::kept::{self, Kept};
use super::{FlexitiRail, moment, own_reference};
use crate::error::{Error, Result};
use crate::machine::{Breakers, Confirmation, Finding, Reading};
use crate::rails::Host;
use crate::store::{AttemptRow, OperationRow};

/// An operation that is ready to be sent.
pub struct FlexitiDeed {
    flow: Flow,
    order: Order,
}

enum Order {
    Capture(Capture),
    Release(Release),
    Return(Return),
    Refund(Refund),
}

/// Why an operation is not sent.
pub enum NotReady {
    /// Perhaps later.
    Later(String),
    /// It never will be.
    Never(String),
}

impl FlexitiRail {
    /// The amount of an operation, if this rail has it: all of the authorization unless less was asked for.
    /// The store knows how much of it is left.
    ///
    /// # Errors
    ///
    /// `operation-not-possible` for a void or a cash-out; `amount-invalid` for none or another currency.
    pub fn operation_amount(
        kind: OperationKind,
        asked: Option<Money>,
        attempt: &AttemptRow,
    ) -> Result<Money> {
        match kind {
            OperationKind::Capture
            | OperationKind::Release
            | OperationKind::Return
            | OperationKind::Refund => {
                let (paid, amount) = (attempt.total, asked.unwrap_or(attempt.total));
                if amount.minor() == 0 || amount.currency() != paid.currency() {
                    return Err(Error::new(ProblemCode::AmountInvalid).detail(format!(
                        "amount must be more than zero and in {}",
                        paid.currency()
                    )));
                }
                Ok(amount)
            }
            OperationKind::Void
            | OperationKind::CashOut
            | OperationKind::Bulk
            | OperationKind::Subscription
            | OperationKind::SubscriptionPayment
            | OperationKind::Deposit => Err(Error::new(ProblemCode::OperationNotPossible).detail(
                format!(
                    "rail flexiti has capture, release, return and refund, not {}",
                    kind.name()
                ),
            )),
        }
    }

    /// Reads the authorization and makes an operation on it ready. Moves no money.
    ///
    /// # Errors
    ///
    /// [`NotReady`].
    pub async fn deed(
        &self,
        operation: &OperationRow,
        attempt: &AttemptRow,
        kept: &SecretString,
    ) -> std::result::Result<FlexitiDeed, NotReady> {
        let never = |error: Error| NotReady::Never(error.to_string());
        let kept = Kept::read(kept).map_err(never)?;
        let flow = kept.flow().map_err(never)?;
        let reference = own_reference(&operation.reference).map_err(never)?;
        let authorization = authorization_of(attempt).map_err(never)?;
        let detail = match self.detail(flow, &authorization).await {
            Ok(Some(detail)) => detail,
            Ok(None) => {
                return Err(NotReady::Later(String::from(
                    "the provider does not show the authorization",
                )));
            }
            Err(cause) => return Err(NotReady::Later(cause)),
        };
        let amount = operation.amount;
        let remaining = detail.totals.remaining;
        let order = match operation.kind {
            OperationKind::Capture | OperationKind::Release
                if remaining.is_some_and(|left| left.minor() < amount.minor()) =>
            {
                return Err(NotReady::Never(String::from(
                    "the provider holds less than that by now",
                )));
            }
            OperationKind::Capture => Order::Capture(Capture {
                authorization,
                reference,
                amount,
                sku_data: None,
                counter: None,
            }),
            OperationKind::Release => Order::Release(Release {
                authorization,
                reference,
                part: Part::Amount(amount),
                counter: None,
            }),
            OperationKind::Return => Order::Return(Return {
                authorization,
                capture: self.capture_with(flow, &detail, amount).await?,
                reference,
                part: Part::Amount(amount),
                card: None,
                sku_data: None,
                counter: None,
            }),
            OperationKind::Refund => {
                let account = kept.account.as_deref().and_then(AccountNumber::parse);
                Order::Refund(Refund {
                    account: account.ok_or_else(|| never(kept::damaged()))?,
                    reference,
                    amount,
                    capture: match detail.captures.as_slice() {
                        [one] => Some(one.id.clone()),
                        _ => None,
                    },
                    card: None,
                    sku_data: None,
                    counter: None,
                })
            }
            OperationKind::Void
            | OperationKind::CashOut
            | OperationKind::Bulk
            | OperationKind::Subscription
            | OperationKind::SubscriptionPayment
            | OperationKind::Deposit => {
                return Err(NotReady::Never(String::from(
                    "rail flexiti has no such operation",
                )));
            }
        };
        Ok(FlexitiDeed { flow, order })
    }

    /// The first capture of which so much can come back. The detail does not say which capture a return was of;
    /// the list of captures does.
    async fn capture_with(
        &self,
        flow: Flow,
        detail: &AuthorizationDetail,
        amount: Money,
    ) -> std::result::Result<CaptureId, NotReady> {
        let mut most = 0;
        // The store reckons with the first, and nothing says in which order the detail lists them.
        let mut captures: Vec<_> = detail.captures.iter().collect();
        captures.sort_by_key(|capture| (capture.at, capture.id.as_str().parse::<u64>().ok()));
        for capture in captures {
            let around = capture.at.unwrap_or_else(|| moment(self.clock.now()));
            let day = std::time::Duration::from_secs(86_400);
            let mut filter =
                CaptureFilter::days(Day::utc(around.minus(day)), Day::utc(around.plus(day)));
            filter.capture = Some(capture.id.clone());
            let listing = match self.client.captures(flow, &filter).await {
                Outcome::Definite(listing) => listing,
                Outcome::NotSent(cause) | Outcome::Rejected(cause) | Outcome::Unknown(cause) => {
                    return Err(NotReady::Later(cause.to_string()));
                }
            };
            let Some(row) = listing
                .rows
                .into_iter()
                .find(|row| row.capture.id == capture.id)
            else {
                return Err(NotReady::Later(String::from(
                    "the provider does not list the capture",
                )));
            };
            let returned: u64 = row.returns.iter().map(|seen| seen.amount.minor()).sum();
            let left = row.capture.amount.minor().saturating_sub(returned);
            if left >= amount.minor() {
                return Ok(capture.id.clone());
            }
            most = most.max(left);
        }
        Err(NotReady::Never(format!(
            "no capture has so much to give back: at most {most} minor units at once"
        )))
    }

    /// **Moves money.** To be called once for each right to send.
    pub async fn operate(&self, deed: &FlexitiDeed, breakers: &Breakers) -> Finding<()> {
        let flow = deed.flow;
        match &deed.order {
            Order::Capture(order) => found(self.client.capture(flow, order).await, breakers),
            Order::Release(order) => found(self.client.release(flow, order).await, breakers),
            Order::Return(order) => found(self.client.return_capture(flow, order).await, breakers),
            Order::Refund(order) => found(self.client.refund(flow, order).await, breakers),
        }
    }

    /// What became of an operation, by its own reference.
    pub async fn read_operation(
        &self,
        operation: &OperationRow,
        attempt: &AttemptRow,
        kept: &SecretString,
    ) -> Reading {
        let prepared = || {
            let flow = Kept::read(kept)?.flow()?;
            let reference = own_reference(&operation.reference)?;
            Ok::<_, Error>((flow, reference, authorization_of(attempt)?))
        };
        let (flow, reference, authorization) = match prepared() {
            Ok(prepared) => prepared,
            Err(error) => return Reading::Failed(error.to_string()),
        };
        let detail = match self.detail(flow, &authorization).await {
            Ok(Some(detail)) => detail,
            Ok(None) => return Reading::NotFound,
            Err(cause) => return Reading::Failed(cause),
        };
        let done: Vec<Money> = match operation.kind {
            OperationKind::Capture => detail
                .captures_of(&reference)
                .map(|seen| seen.amount)
                .collect(),
            OperationKind::Release => detail
                .releases_of(&reference)
                .map(|seen| seen.amount)
                .collect(),
            OperationKind::Return => detail
                .returns_of(&reference)
                .map(|seen| seen.amount)
                .collect(),
            OperationKind::Refund
            | OperationKind::Void
            | OperationKind::CashOut
            | OperationKind::Bulk
            | OperationKind::Subscription
            | OperationKind::SubscriptionPayment
            | OperationKind::Deposit => Vec::new(),
        };
        match done.as_slice() {
            [] => Reading::Confirmed(Confirmation {
                total: detail.authorization.amount,
                tip_minor: 0,
                authorization: attempt.authorization.clone(),
                brand: None,
                last4: None,
                bin: None,
                saved: None,
            }),
            [amount] if *amount == operation.amount => Reading::Done,
            _ => Reading::Other(String::from("done in another amount, or more than once")),
        }
    }

    /// Whether reads that do not show an operation prove anything: no read shows a refund.
    #[must_use]
    pub const fn reads_disprove(kind: OperationKind) -> bool {
        matches!(
            kind,
            OperationKind::Capture | OperationKind::Release | OperationKind::Return
        )
    }
}

fn authorization_of(attempt: &AttemptRow) -> Result<AuthorizationId> {
    let id = attempt.authorization.as_deref();
    id.and_then(AuthorizationId::parse)
        .ok_or_else(|| Error::internal("the authorization's number is not known"))
}

pub(super) fn found<T>(outcome: Outcome<Decision<T>>, breakers: &Breakers) -> Finding<()> {
    breakers.note(Host::Flexiti, &outcome);
    match outcome {
        Outcome::NotSent(cause) => Finding::NotSent(cause.to_string()),
        Outcome::Rejected(cause) => Finding::Rejected(cause.to_string()),
        Outcome::Unknown(cause) => Finding::Unknown(cause.to_string()),
        Outcome::Definite(Decision::Done(_)) => Finding::Confirmed(()),
        Outcome::Definite(Decision::Refused(refusal)) => Finding::Declined {
            code: Some(refusal.code.to_owned()),
        },
    }
}
