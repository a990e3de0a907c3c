//! The providers' operations, and where they are.

use serde::{Deserialize, Serialize};

/// An operation of a provider.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Operation {
    /// Merchant host, `POST /`.
    CreateOrder,
    /// Checkout host, `POST /` and `POST /kount`.
    Pay,
    /// Merchant host, `POST /tokenPayment`.
    TokenPayment,
    /// Merchant host, `POST /tokenize`.
    TokenizeOrder,
    /// Checkout host, `POST /tokenize`.
    Tokenize,
    /// Checkout host, `POST /tokenize/update`.
    UpdateToken,
    /// Merchant host, `POST /getToken`.
    GetToken,
    /// Merchant host, `POST /deleteToken`.
    DeleteToken,
    /// Merchant host, `POST /transactions/get`.
    Transaction,
    /// Merchant host, `POST /transactions/void`.
    Void,
    /// Merchant host, `POST /transactions/capture`.
    Capture,
    /// Merchant host, `POST /transactions/refund`.
    Refund,
    /// Merchant host, `POST /bulk`.
    Bulk,
    /// Merchant host, `POST /subscriptions`.
    CreateSubscription,
    /// Merchant host, `POST /subscriptions/cancel`.
    CancelSubscription,
    /// Merchant host, `POST /subscriptions/update/card_token`.
    UpdateSubscriptionCard,
    /// Merchant host, `POST /subscriptions/update`.
    UpdateSubscription,
    /// Merchant host, `POST /subscriptions/pay`.
    PaySubscription,
    /// Merchant host, `POST /subscriptions/list`.
    Subscriptions,
    /// Merchant host, `POST /subscriptions/list/payments`.
    SubscriptionPayments,
    /// CVU host, `POST /v2/auth/token`.
    CvuToken,
    /// CVU host, `GET /v2/payment/concepts`.
    CvuConcepts,
    /// CVU host, `GET /v2/account/balance`.
    CvuBalance,
    /// CVU host, `POST /v2/payment/cashout`.
    CvuCashout,
    /// CVU host, `GET /v2/payment/cashout/{id}`.
    CvuVoucher,
    /// CVU host, `GET /v2/payment/cashin/{id}`.
    CvuCashin,
    /// CVU host, `POST /v2/payment/cashin/qr/generate`.
    CvuQr,
    /// CVU host, `POST /v2/payment/cashin/transfer/generate`.
    CvuTransfer,
    /// CVU host, `GET /v2/whitelabel/statics/{period}`.
    CvuStatistics,
    /// CVU host, `POST /v2/payment/cashin/link/generate`.
    CvuLink,
    /// CVU host, `GET /v2/payment/cashin/qr/sale-point`.
    CvuSalePoints,
    /// CVU host, `GET /v2/payment/cashin/qr/sale-point/static`.
    CvuStaticQr,
    /// CVU host, `POST /v2/payment/cashin/qr/sale-point`.
    CvuCreateSalePoint,
    /// CVU host, `DELETE /v2/payment/cashin/qr/sale-point`.
    CvuDeleteSalePoint,
    /// CVU host, `POST /v2/payment/cashin/qr/static/order`.
    CvuStaticOrder,
    /// CVU host, `GET /v2/account/transactions`.
    CvuTransactions,
    /// CVU host, `GET /v2/account/transactions_filters`.
    CvuFilters,
    /// Flux host, `POST /v3/auth/tokens/refreshToken`.
    FluxToken,
    /// Flux host, `POST /v3/payments`.
    FluxPay,
    /// Flux host, `POST /v3/payments/{reference}/refund`.
    FluxRefund,
    /// Flux host, `GET /v3/transactions/{reference}`.
    FluxTransaction,
    /// Flexiti host, `POST …/oauth/token`.
    FlexitiToken,
    /// Flexiti host, `POST …/widget/init`.
    FlexitiWidget,
    /// Flexiti host, `POST …/accounts/{account_number}/calculate-interest`.
    FlexitiInterest,
    /// Flexiti host, `POST …/transactions`.
    FlexitiDeposit,
    /// Flexiti host, `POST …/authorization`.
    FlexitiAuthorize,
    /// Flexiti host, `POST …/authorization/{authorization_id}/release`.
    FlexitiRelease,
    /// Flexiti host, `POST …/authorization/{authorization_id}/capture`.
    FlexitiCapture,
    /// Flexiti host, `POST …/authorization/{authorization_id}/capture/{capture_id}/return`.
    FlexitiReturn,
    /// Flexiti host, `POST …/accounts/{account_number}/refund`.
    FlexitiRefund,
    /// Flexiti host, `GET …/authorizations`.
    FlexitiAuthorizations,
    /// Flexiti host, `GET …/authorization/{authorization_id}`.
    FlexitiAuthorization,
    /// Flexiti host, `GET …/captures`.
    FlexitiCaptures,
}

/// Where an operation is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    pub(crate) host: Host,
    pub(crate) method: &'static str,
    /// The paths that lead to it. A part in braces stands for any one part.
    pub(crate) paths: &'static [&'static str],
}

impl Place {
    const fn merchant(paths: &'static [&'static str]) -> Self {
        Self {
            host: Host::Merchant,
            method: "POST",
            paths,
        }
    }

    const fn checkout(paths: &'static [&'static str]) -> Self {
        Self {
            host: Host::Checkout,
            method: "POST",
            paths,
        }
    }

    const fn cvu(method: &'static str, paths: &'static [&'static str]) -> Self {
        Self {
            host: Host::Cvu,
            method,
            paths,
        }
    }

    const fn flux(method: &'static str, paths: &'static [&'static str]) -> Self {
        Self {
            host: Host::Flux,
            method,
            paths,
        }
    }

    const fn flexiti(method: &'static str, paths: &'static [&'static str]) -> Self {
        Self {
            host: Host::Flexiti,
            method,
            paths,
        }
    }

    fn is_at(self, host: Host, method: &str, path: &str) -> bool {
        self.host == host
            && self.method == method
            && self.paths.iter().any(|template| leads(template, path))
    }
}

/// Whether `path`, without its query, is one that `template` describes.
fn leads(template: &str, path: &str) -> bool {
    let path = path.split_once('?').map_or(path, |(path, _)| path);
    let mut wanted = template.split('/');
    let mut found = path.split('/');
    loop {
        match (wanted.next(), found.next()) {
            (None, None) => return true,
            (Some(wanted), Some(found))
                if wanted == found || (wanted.starts_with('{') && !found.is_empty()) => {}
            _ => return false,
        }
    }
}

impl Operation {
    /// Every operation.
    pub const ALL: [Self; 53] = [
        Self::CreateOrder,
        Self::Pay,
        Self::TokenPayment,
        Self::TokenizeOrder,
        Self::Tokenize,
        Self::UpdateToken,
        Self::GetToken,
        Self::DeleteToken,
        Self::Transaction,
        Self::Void,
        Self::Capture,
        Self::Refund,
        Self::Bulk,
        Self::CreateSubscription,
        Self::CancelSubscription,
        Self::UpdateSubscriptionCard,
        Self::UpdateSubscription,
        Self::PaySubscription,
        Self::Subscriptions,
        Self::SubscriptionPayments,
        Self::CvuToken,
        Self::CvuConcepts,
        Self::CvuBalance,
        Self::CvuCashout,
        Self::CvuVoucher,
        Self::CvuCashin,
        Self::CvuQr,
        Self::CvuTransfer,
        Self::CvuStatistics,
        Self::CvuLink,
        Self::CvuSalePoints,
        Self::CvuStaticQr,
        Self::CvuCreateSalePoint,
        Self::CvuDeleteSalePoint,
        Self::CvuStaticOrder,
        Self::CvuTransactions,
        Self::CvuFilters,
        Self::FluxToken,
        Self::FluxPay,
        Self::FluxRefund,
        Self::FluxTransaction,
        Self::FlexitiToken,
        Self::FlexitiWidget,
        Self::FlexitiInterest,
        Self::FlexitiDeposit,
        Self::FlexitiAuthorize,
        Self::FlexitiRelease,
        Self::FlexitiCapture,
        Self::FlexitiReturn,
        Self::FlexitiRefund,
        Self::FlexitiAuthorizations,
        Self::FlexitiAuthorization,
        Self::FlexitiCaptures,
    ];

    /// The name in JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::CreateOrder => "create_order",
            Self::Pay => "pay",
            Self::TokenPayment => "token_payment",
            Self::TokenizeOrder => "tokenize_order",
            Self::Tokenize => "tokenize",
            Self::UpdateToken => "update_token",
            Self::GetToken => "get_token",
            Self::DeleteToken => "delete_token",
            Self::Transaction => "transaction",
            Self::Void => "void",
            Self::Capture => "capture",
            Self::Refund => "refund",
            Self::Bulk => "bulk",
            Self::CreateSubscription => "create_subscription",
            Self::CancelSubscription => "cancel_subscription",
            Self::UpdateSubscriptionCard => "update_subscription_card",
            Self::UpdateSubscription => "update_subscription",
            Self::PaySubscription => "pay_subscription",
            Self::Subscriptions => "subscriptions",
            Self::SubscriptionPayments => "subscription_payments",
            Self::CvuToken => "cvu_token",
            Self::CvuConcepts => "cvu_concepts",
            Self::CvuBalance => "cvu_balance",
            Self::CvuCashout => "cvu_cashout",
            Self::CvuVoucher => "cvu_voucher",
            Self::CvuCashin => "cvu_cashin",
            Self::CvuQr => "cvu_qr",
            Self::CvuTransfer => "cvu_transfer",
            Self::CvuStatistics => "cvu_statistics",
            Self::CvuLink => "cvu_link",
            Self::CvuSalePoints => "cvu_sale_points",
            Self::CvuStaticQr => "cvu_static_qr",
            Self::CvuCreateSalePoint => "cvu_create_sale_point",
            Self::CvuDeleteSalePoint => "cvu_delete_sale_point",
            Self::CvuStaticOrder => "cvu_static_order",
            Self::CvuTransactions => "cvu_transactions",
            Self::CvuFilters => "cvu_filters",
            Self::FluxToken => "flux_token",
            Self::FluxPay => "flux_pay",
            Self::FluxRefund => "flux_refund",
            Self::FluxTransaction => "flux_transaction",
            Self::FlexitiToken => "flexiti_token",
            Self::FlexitiWidget => "flexiti_widget",
            Self::FlexitiInterest => "flexiti_interest",
            Self::FlexitiDeposit => "flexiti_deposit",
            Self::FlexitiAuthorize => "flexiti_authorize",
            Self::FlexitiRelease => "flexiti_release",
            Self::FlexitiCapture => "flexiti_capture",
            Self::FlexitiReturn => "flexiti_return",
            Self::FlexitiRefund => "flexiti_refund",
            Self::FlexitiAuthorizations => "flexiti_authorizations",
            Self::FlexitiAuthorization => "flexiti_authorization",
            Self::FlexitiCaptures => "flexiti_captures",
        }
    }

    /// Where it is: the host, the method, and the paths that lead to it.
    pub(crate) const fn place(self) -> Place {
        match self {
            Self::CreateOrder => Place::merchant(&["/"]),
            Self::Pay => Place::checkout(&["/", "/kount"]),
            Self::TokenPayment => Place::merchant(&["/tokenPayment", "/tokenPayment/"]),
            Self::TokenizeOrder => Place::merchant(&["/tokenize"]),
            Self::Tokenize => Place::checkout(&["/tokenize"]),
            Self::UpdateToken => Place::checkout(&["/tokenize/update"]),
            Self::GetToken => Place::merchant(&["/getToken"]),
            Self::DeleteToken => Place::merchant(&["/deleteToken"]),
            Self::Transaction => Place::merchant(&["/transactions/get"]),
            Self::Void => Place::merchant(&["/transactions/void"]),
            Self::Capture => Place::merchant(&["/transactions/capture"]),
            Self::Refund => Place::merchant(&["/transactions/refund"]),
            Self::Bulk => Place::merchant(&["/bulk"]),
            Self::CreateSubscription => Place::merchant(&["/subscriptions"]),
            Self::CancelSubscription => Place::merchant(&["/subscriptions/cancel"]),
            Self::UpdateSubscriptionCard => Place::merchant(&["/subscriptions/update/card_token"]),
            Self::UpdateSubscription => Place::merchant(&["/subscriptions/update"]),
            Self::PaySubscription => Place::merchant(&["/subscriptions/pay"]),
            Self::Subscriptions => Place::merchant(&["/subscriptions/list"]),
            Self::SubscriptionPayments => Place::merchant(&["/subscriptions/list/payments"]),
            Self::CvuToken => Place::cvu("POST", &["/v2/auth/token"]),
            Self::CvuConcepts => Place::cvu("GET", &["/v2/payment/concepts"]),
            Self::CvuBalance => Place::cvu("GET", &["/v2/account/balance"]),
            Self::CvuCashout => Place::cvu("POST", &["/v2/payment/cashout"]),
            Self::CvuVoucher => Place::cvu("GET", &["/v2/payment/cashout/{id}"]),
            Self::CvuCashin => Place::cvu("GET", &["/v2/payment/cashin/{id}"]),
            Self::CvuQr => Place::cvu("POST", &["/v2/payment/cashin/qr/generate"]),
            Self::CvuTransfer => Place::cvu("POST", &["/v2/payment/cashin/transfer/generate"]),
            Self::CvuStatistics => Place::cvu("GET", &["/v2/whitelabel/statics/{period}"]),
            Self::CvuLink => Place::cvu("POST", &["/v2/payment/cashin/link/generate"]),
            Self::CvuSalePoints => Place::cvu("GET", &["/v2/payment/cashin/qr/sale-point"]),
            Self::CvuStaticQr => Place::cvu("GET", &["/v2/payment/cashin/qr/sale-point/static"]),
            Self::CvuCreateSalePoint => Place::cvu("POST", &["/v2/payment/cashin/qr/sale-point"]),
            Self::CvuDeleteSalePoint => Place::cvu("DELETE", &["/v2/payment/cashin/qr/sale-point"]),
            Self::CvuStaticOrder => Place::cvu("POST", &["/v2/payment/cashin/qr/static/order"]),
            Self::CvuTransactions => Place::cvu("GET", &["/v2/account/transactions"]),
            Self::CvuFilters => Place::cvu("GET", &["/v2/account/transactions_filters"]),
            Self::FluxToken => Place::flux("POST", &["/v3/auth/tokens/refreshToken"]),
            Self::FluxPay => Place::flux("POST", &["/v3/payments"]),
            Self::FluxRefund => Place::flux("POST", &["/v3/payments/{reference}/refund"]),
            Self::FluxTransaction => Place::flux("GET", &["/v3/transactions/{reference}"]),
            Self::FlexitiToken => {
                Place::flexiti("POST", &["/flexiti/pos-api/{version}/oauth/token"])
            }
            Self::FlexitiWidget => Place::flexiti(
                "POST",
                &["/flexiti/pos-api/{version}/client-id/{client_id}/widget/init"],
            ),
            Self::FlexitiInterest => Place::flexiti(
                "POST",
                &[
                    "/flexiti/pos-api/{version}/client-id/{client_id}/accounts/{account_number}/calculate-interest",
                ],
            ),
            Self::FlexitiDeposit => Place::flexiti(
                "POST",
                &["/flexiti/pos-api/{version}/client-id/{client_id}/transactions"],
            ),
            Self::FlexitiAuthorize => Place::flexiti(
                "POST",
                &["/flexiti/pos-api/{version}/client-id/{client_id}/authorization"],
            ),
            Self::FlexitiRelease => Place::flexiti(
                "POST",
                &[
                    "/flexiti/pos-api/{version}/client-id/{client_id}/authorization/{authorization_id}/release",
                ],
            ),
            Self::FlexitiCapture => Place::flexiti(
                "POST",
                &[
                    "/flexiti/pos-api/{version}/client-id/{client_id}/authorization/{authorization_id}/capture",
                ],
            ),
            Self::FlexitiReturn => Place::flexiti(
                "POST",
                &[
                    "/flexiti/pos-api/{version}/client-id/{client_id}/authorization/{authorization_id}/capture/{capture_id}/return",
                ],
            ),
            Self::FlexitiRefund => Place::flexiti(
                "POST",
                &[
                    "/flexiti/pos-api/{version}/client-id/{client_id}/accounts/{account_number}/refund",
                ],
            ),
            Self::FlexitiAuthorizations => Place::flexiti(
                "GET",
                &["/flexiti/pos-api/{version}/client-id/{client_id}/authorizations"],
            ),
            Self::FlexitiAuthorization => Place::flexiti(
                "GET",
                &[
                    "/flexiti/pos-api/{version}/client-id/{client_id}/authorization/{authorization_id}",
                ],
            ),
            Self::FlexitiCaptures => Place::flexiti(
                "GET",
                &["/flexiti/pos-api/{version}/client-id/{client_id}/captures"],
            ),
        }
    }

    pub(crate) const fn host(self) -> Host {
        self.place().host
    }

    /// The operation that `method` and `path` of `host` lead to.
    pub(crate) fn at(host: Host, method: &str, path: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|operation| operation.place().is_at(host, method, path))
    }

    /// Is one of the CVU wallet API.
    #[must_use]
    pub const fn is_cvu(self) -> bool {
        matches!(self.host(), Host::Cvu)
    }

    /// Is one of the Flux API.
    #[must_use]
    pub const fn is_flux(self) -> bool {
        matches!(self.host(), Host::Flux)
    }

    /// Is one of the Flexiti POS API.
    #[must_use]
    pub const fn is_flexiti(self) -> bool {
        matches!(self.host(), Host::Flexiti)
    }

    /// Is one of the card rail.
    #[must_use]
    pub const fn is_card(self) -> bool {
        matches!(self.host(), Host::Merchant | Host::Checkout)
    }

    /// Takes money from a buyer, and says so.
    pub(crate) const fn is_payment(self) -> bool {
        matches!(
            self,
            Self::Pay | Self::TokenPayment | Self::PaySubscription | Self::FluxPay
        )
    }

    /// Takes money from buyers, and says only that it will.
    pub(crate) const fn promises_payments(self) -> bool {
        matches!(self, Self::Bulk | Self::CreateSubscription)
    }

    /// Changes a payment that was made.
    pub(crate) const fn changes_payment(self) -> bool {
        matches!(self, Self::Void | Self::Capture | Self::Refund)
    }

    pub(crate) const fn is_read(self) -> bool {
        match self {
            Self::GetToken
            | Self::Transaction
            | Self::Subscriptions
            | Self::SubscriptionPayments => true,
            _ => !self.is_card() && matches!(self.place().method.as_bytes(), b"GET"),
        }
    }

    /// Shows payments that were made, or does not show them yet.
    pub(crate) const fn finds_payments(self) -> bool {
        matches!(
            self,
            Self::Transaction
                | Self::SubscriptionPayments
                | Self::CvuCashin
                | Self::CvuTransactions
                | Self::FluxTransaction
        ) || self.finds_authorizations()
    }

    /// Shows authorizations and captures.
    pub(crate) const fn finds_authorizations(self) -> bool {
        matches!(
            self,
            Self::FlexitiAuthorizations | Self::FlexitiAuthorization | Self::FlexitiCaptures
        )
    }

    /// Makes or changes an authorization, and answers with its amount and reference.
    pub(crate) const fn changes_authorization(self) -> bool {
        matches!(
            self,
            Self::FlexitiAuthorize
                | Self::FlexitiRelease
                | Self::FlexitiCapture
                | Self::FlexitiReturn
        )
    }

    /// Moves the credit or the money of an account.
    pub(crate) const fn moves_credit(self) -> bool {
        self.changes_authorization() || matches!(self, Self::FlexitiDeposit | Self::FlexitiRefund)
    }

    /// Answers with a number that the provider gave to what was made or found.
    pub(crate) const fn answers_id(self) -> bool {
        matches!(
            self,
            Self::CvuCashout
                | Self::CvuCashin
                | Self::CvuQr
                | Self::CvuLink
                | Self::CvuCreateSalePoint
                | Self::CvuStaticOrder
        )
    }

    /// Answers with what Flux tells of a payment or a refund.
    pub(crate) const fn answers_flux_transaction(self) -> bool {
        matches!(
            self,
            Self::FluxPay | Self::FluxRefund | Self::FluxTransaction
        )
    }

    /// Answers with the text of a QR code.
    pub(crate) const fn answers_code(self) -> bool {
        matches!(self, Self::CvuQr | Self::CvuStaticQr)
    }

    /// Answers with an address for the buyer.
    pub(crate) const fn answers_link(self) -> bool {
        matches!(
            self,
            Self::CvuLink | Self::CvuTransfer | Self::FlexitiWidget
        )
    }

    pub(crate) const fn opens_session(self) -> bool {
        matches!(
            self,
            Self::CreateOrder
                | Self::TokenizeOrder
                | Self::CvuToken
                | Self::FluxToken
                | Self::FlexitiToken
        )
    }

    /// Needs a session, or a token, that is alive.
    pub(crate) const fn uses_session(self) -> bool {
        match self {
            Self::Pay | Self::Tokenize | Self::UpdateToken => true,
            _ => !self.is_card() && !self.opens_session(),
        }
    }

    pub(crate) const fn is_signed(self) -> bool {
        matches!(
            self,
            Self::Pay | Self::TokenPayment | Self::Tokenize | Self::UpdateToken | Self::DeleteToken
        )
    }
}

/// One of the providers' hosts.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Host {
    Merchant,
    Checkout,
    Cvu,
    Flux,
    Flexiti,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_operation_is_told_by_host_method_and_path() {
        let at = |host, method, path| Operation::at(host, method, path);
        assert_eq!(at(Host::Checkout, "POST", "/"), Some(Operation::Pay));
        assert_eq!(
            at(Host::Merchant, "POST", "/"),
            Some(Operation::CreateOrder)
        );
        assert_eq!(
            at(Host::Merchant, "POST", "/transactions/void"),
            Some(Operation::Void)
        );
        assert_eq!(at(Host::Checkout, "POST", "/transactions/void"), None);
        let sale_point = "/v2/payment/cashin/qr/sale-point";
        assert_eq!(
            at(Host::Cvu, "GET", sale_point),
            Some(Operation::CvuSalePoints)
        );
        assert_eq!(
            at(Host::Cvu, "DELETE", sale_point),
            Some(Operation::CvuDeleteSalePoint)
        );
        assert_eq!(
            at(Host::Cvu, "GET", "/v2/payment/cashin/800001"),
            Some(Operation::CvuCashin)
        );
        assert_eq!(at(Host::Cvu, "GET", "/v2/payment/cashin/"), None);
        assert_eq!(
            at(
                Host::Cvu,
                "GET",
                "/v2/account/transactions?date_from=2026-11-20"
            ),
            Some(Operation::CvuTransactions)
        );
        let flexiti = "/flexiti/pos-api/v2.5/client-id/demo-merchant/authorization/900001";
        let (capture, read) = (format!("{flexiti}/capture"), format!("{flexiti}?lang=fr"));
        assert_eq!(
            Operation::at(Host::Flexiti, "POST", &capture),
            Some(Operation::FlexitiCapture)
        );
        assert_eq!(
            Operation::at(Host::Flexiti, "GET", &read),
            Some(Operation::FlexitiAuthorization)
        );
    }

    #[test]
    fn no_two_operations_are_at_one_place() {
        for operation in Operation::ALL {
            let place = operation.place();
            for path in place.paths {
                assert_eq!(
                    Operation::at(place.host, place.method, path),
                    Some(operation),
                    "{path}"
                );
            }
        }
    }

    #[test]
    fn names_are_those_of_the_json() {
        for operation in Operation::ALL {
            assert_eq!(serde_json::to_value(operation).unwrap(), operation.name());
        }
    }
}
