//! The provider's operations, and where they are.

use serde::{Deserialize, Serialize};

/// An operation of the provider.
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
}

impl Operation {
    /// Every operation.
    pub const ALL: [Self; 12] = [
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
        }
    }

    /// Where it is: the host, and the paths that lead to it.
    pub(crate) const fn place(self) -> (Host, &'static [&'static str]) {
        match self {
            Self::CreateOrder => (Host::Merchant, &["/"]),
            Self::Pay => (Host::Checkout, &["/", "/kount"]),
            Self::TokenPayment => (Host::Merchant, &["/tokenPayment", "/tokenPayment/"]),
            Self::TokenizeOrder => (Host::Merchant, &["/tokenize"]),
            Self::Tokenize => (Host::Checkout, &["/tokenize"]),
            Self::UpdateToken => (Host::Checkout, &["/tokenize/update"]),
            Self::GetToken => (Host::Merchant, &["/getToken"]),
            Self::DeleteToken => (Host::Merchant, &["/deleteToken"]),
            Self::Transaction => (Host::Merchant, &["/transactions/get"]),
            Self::Void => (Host::Merchant, &["/transactions/void"]),
            Self::Capture => (Host::Merchant, &["/transactions/capture"]),
            Self::Refund => (Host::Merchant, &["/transactions/refund"]),
        }
    }

    pub(crate) const fn host(self) -> Host {
        self.place().0
    }

    /// The operation that `path` of `host` leads to.
    pub(crate) fn at(host: Host, path: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|operation| operation.host() == host && operation.place().1.contains(&path))
    }

    /// Debits a card.
    pub(crate) const fn is_payment(self) -> bool {
        matches!(self, Self::Pay | Self::TokenPayment)
    }

    /// Changes a payment that was made.
    pub(crate) const fn changes_payment(self) -> bool {
        matches!(self, Self::Void | Self::Capture | Self::Refund)
    }

    pub(crate) const fn is_read(self) -> bool {
        matches!(self, Self::GetToken | Self::Transaction)
    }

    pub(crate) const fn opens_session(self) -> bool {
        matches!(self, Self::CreateOrder | Self::TokenizeOrder)
    }

    /// Needs a session that is alive.
    pub(crate) const fn uses_session(self) -> bool {
        matches!(self, Self::Pay | Self::Tokenize | Self::UpdateToken)
    }

    pub(crate) const fn is_signed(self) -> bool {
        matches!(
            self,
            Self::Pay | Self::TokenPayment | Self::Tokenize | Self::UpdateToken | Self::DeleteToken
        )
    }
}

/// One of the provider's two hosts.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Host {
    Merchant,
    Checkout,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_operation_is_told_by_host_and_path() {
        assert_eq!(Operation::at(Host::Checkout, "/"), Some(Operation::Pay));
        assert_eq!(
            Operation::at(Host::Merchant, "/"),
            Some(Operation::CreateOrder)
        );
        assert_eq!(
            Operation::at(Host::Merchant, "/transactions/void"),
            Some(Operation::Void)
        );
        assert_eq!(Operation::at(Host::Checkout, "/transactions/void"), None);
    }

    #[test]
    fn names_are_those_of_the_json() {
        for operation in Operation::ALL {
            assert_eq!(serde_json::to_value(operation).unwrap(), operation.name());
        }
    }
}
