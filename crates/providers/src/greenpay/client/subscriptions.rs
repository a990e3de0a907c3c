//! Subscriptions.

use ventanilla_core::money::Money;

use super::{Client, interpret, json};
use crate::greenpay::log::Operation;
use crate::greenpay::order::CardToken;
use crate::greenpay::status::{self, SubscriptionChange};
use crate::greenpay::subscription::{
    CreatedSubscription, Listed, ListedPayment, NewSubscription, Page, Subscription,
    SubscriptionAnswer, SubscriptionFilter, SubscriptionId, SubscriptionPayment,
};
use crate::greenpay::wire::{
    Amount, ChangeRequest, Changed, Credentials, FilterFields, PaymentListRequest,
    SubscriptionListRequest, SubscriptionPayRequest, SubscriptionRequest,
};
use crate::http::{Body, Lost};
use crate::outcome::{Cause, Outcome};
use crate::raw::is_text;

impl Client {
    /// **Moves money, later.** Creates a subscription, once, as [`Client::pay`] sends once: a second one
    /// would be charged as well.
    ///
    /// When the outcome is unknown, only the list can tell whether there is one, see
    /// [`NewSubscription::description`].
    pub async fn create_subscription(
        &self,
        subscription: &NewSubscription,
    ) -> Outcome<CreatedSubscription> {
        let seen = Operation::start("create_subscription");
        let body = SubscriptionRequest::new(&self.config, subscription)
            .map_err(Cause::Request)
            .and_then(|request| json(&request));
        let answer = match body {
            Ok(body) => {
                self.send_once(&self.merchant, "/subscriptions", None, body)
                    .await
            }
            Err(cause) => Err(Lost::NotSent(cause)),
        };
        seen.end(interpret(answer, status::created_subscription))
    }

    /// **Moves money.** Charges a subscription now, besides what it is charged by itself; once, as
    /// [`Client::pay`] sends once.
    ///
    /// The request has no reference of ours. When the outcome is unknown, only
    /// [`Client::subscription_payments`] can tell, by a payment that was not there before.
    pub async fn pay_subscription(&self, id: &SubscriptionId) -> Outcome<SubscriptionPayment> {
        let seen = Operation::start("pay_subscription");
        let body = json(&SubscriptionPayRequest {
            credentials: Credentials::of(&self.config),
            subscription_id: id.as_str(),
        });
        let answer = match body {
            Ok(body) => {
                self.send_once(&self.merchant, "/subscriptions/pay", None, body)
                    .await
            }
            Err(cause) => Err(Lost::NotSent(cause)),
        };
        seen.end_subscription_payment(interpret(answer, |http_status, body| {
            status::subscription_payment(http_status, body, id)
        }))
    }

    /// Ends a subscription for good. Repeated inside: it ends the same however often it is done.
    ///
    /// `user`: who does it, 1 to 100 characters; `reason`: why, 1 to 255. GreenPay keeps both.
    pub async fn cancel_subscription(
        &self,
        id: &SubscriptionId,
        user: &str,
        reason: &str,
    ) -> Outcome<SubscriptionAnswer> {
        if !is_text(reason, 255) {
            let seen = Operation::start("cancel_subscription");
            return seen.end(Outcome::NotSent(Cause::Request("reason")));
        }
        self.change_subscription(
            "cancel_subscription",
            "/subscriptions/cancel",
            id,
            user,
            &Changed::Cancelled { reason },
            SubscriptionChange::Cancelled,
        )
        .await
    }

    /// Lets another saved card pay a subscription from now on. Repeated inside, as
    /// [`Client::cancel_subscription`]; `user` as there.
    pub async fn change_subscription_card(
        &self,
        id: &SubscriptionId,
        user: &str,
        card: &CardToken,
    ) -> Outcome<SubscriptionAnswer> {
        self.change_subscription(
            "change_subscription_card",
            "/subscriptions/update/card_token",
            id,
            user,
            &Changed::Card {
                token: card.expose(),
            },
            SubscriptionChange::Card(card),
        )
        .await
    }

    /// Changes what each later charge of a subscription takes, in its own currency, which is not sent.
    /// Repeated inside, as [`Client::cancel_subscription`]; `user` as there.
    pub async fn change_subscription_amount(
        &self,
        id: &SubscriptionId,
        user: &str,
        amount: Money,
    ) -> Outcome<SubscriptionAnswer> {
        if amount.minor() == 0 {
            let seen = Operation::start("change_subscription_amount");
            return seen.end(Outcome::NotSent(Cause::Request("amount")));
        }
        self.change_subscription(
            "change_subscription_amount",
            "/subscriptions/update",
            id,
            user,
            &Changed::Amount {
                amount: Amount(amount),
            },
            SubscriptionChange::Amount(amount),
        )
        .await
    }

    async fn change_subscription(
        &self,
        operation: &'static str,
        path: &'static str,
        id: &SubscriptionId,
        user: &str,
        changed: &Changed<'_>,
        change: SubscriptionChange<'_>,
    ) -> Outcome<SubscriptionAnswer> {
        let seen = Operation::start(operation);
        let body = if is_text(user, 100) {
            json(&ChangeRequest {
                credentials: Credentials::of(&self.config),
                subscription_id: id.as_str(),
                user,
                changed,
            })
        } else {
            Err(Cause::Request("user"))
        };
        let answer = match body {
            Ok(body) => self.send_repeatable(&self.merchant, path, body).await,
            Err(cause) => Err(Lost::NotSent(cause)),
        };
        seen.end_subscription_answer(interpret(answer, |http_status, body| {
            status::subscription_change(http_status, body, id, change)
        }))
    }

    /// A page of the merchant's subscriptions. A read; repeated inside.
    ///
    /// An entry that cannot be read spoils the page: it might be the one that is looked for.
    pub async fn subscriptions(
        &self,
        filter: &SubscriptionFilter,
        page: Page,
    ) -> Outcome<Listed<Subscription>> {
        let seen = Operation::start("subscriptions");
        let body = FilterFields::of(filter)
            .map_err(Cause::Request)
            .and_then(|filters| {
                page_body(
                    page,
                    &SubscriptionListRequest {
                        credentials: Credentials::of(&self.config),
                        page_size: page.size,
                        page: page.number,
                        filters,
                    },
                )
            });
        let answer = match body {
            Ok(body) => {
                self.send_repeatable(&self.merchant, "/subscriptions/list", body)
                    .await
            }
            Err(cause) => Err(Lost::NotSent(cause)),
        };
        seen.end(interpret(answer, status::subscriptions))
    }

    /// A page of a subscription's payments. A read; repeated inside. An entry that cannot be read spoils
    /// the page, as in [`Client::subscriptions`].
    ///
    /// [`Cause::NotFound`] as rejection when GreenPay does not know the subscription.
    pub async fn subscription_payments(
        &self,
        id: &SubscriptionId,
        page: Page,
    ) -> Outcome<Listed<ListedPayment>> {
        let seen = Operation::start("subscription_payments");
        let body = page_body(
            page,
            &PaymentListRequest {
                credentials: Credentials::of(&self.config),
                subscription_id: id.as_str(),
                page_size: page.size,
                page: page.number,
            },
        );
        let answer = match body {
            Ok(body) => {
                self.send_repeatable(&self.merchant, "/subscriptions/list/payments", body)
                    .await
            }
            Err(cause) => Err(Lost::NotSent(cause)),
        };
        seen.end(interpret(answer, |http_status, body| {
            status::subscription_payments(http_status, body, &self.config.public_key)
        }))
    }
}

fn page_body(page: Page, request: &impl serde::Serialize) -> Result<Body, Cause> {
    if page.number > 0 && (1..=100).contains(&page.size) {
        json(request)
    } else {
        Err(Cause::Request("page"))
    }
}
