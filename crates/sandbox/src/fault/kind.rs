//! What can go wrong, and with which operation.

use serde::{Deserialize, Serialize};

use super::Operation;

/// What goes wrong.
///
/// | kind | with |
/// |---|---|
/// | `refuse`, `down`, `close` | every operation |
/// | `reset_before`, `reset_after` | every operation |
/// | `gateway_timeout_before`, `gateway_timeout_after` | every operation |
/// | `error_500`, `rate_limit_429`, `redirect_301` | every operation |
/// | `stall`, `slow_drip`, `truncate`, `broken_json`, `corrupt`, `oversize` | every operation |
/// | `late` | all but `get_token`, `transaction`, `subscriptions`, `subscription_payments`, `cvu_concepts`, `cvu_balance`, `cvu_voucher`, `cvu_cashin`, `cvu_statistics`, `cvu_sale_points`, `cvu_static_qr`, `cvu_transactions`, `cvu_filters`, `flux_transaction`, `flexiti_authorizations`, `flexiti_authorization`, `flexiti_captures` |
/// | `late_beyond_fence` | `pay`, `token_payment`, `tokenize`, `update_token`, `void`, `capture`, `refund`, `bulk`, `create_subscription`, `pay_subscription`, `flux_pay`, `flexiti_deposit`, `flexiti_authorize`, `flexiti_release`, `flexiti_capture`, `flexiti_return`, `flexiti_refund` |
/// | `wrong_amount` | `pay`, `token_payment`, `transaction`, `pay_subscription`, `subscription_payments`, `cvu_balance`, `cvu_cashin`, `cvu_qr`, `cvu_transactions`, `flux_pay`, `flux_refund`, `flux_transaction`, `flexiti_interest`, `flexiti_authorize`, `flexiti_release`, `flexiti_capture`, `flexiti_return`, `flexiti_authorizations`, `flexiti_authorization`, `flexiti_captures` |
/// | `float_dust` | `pay`, `token_payment`, `transaction`, `pay_subscription`, `subscription_payments`, `cvu_balance`, `cvu_cashin`, `cvu_transactions`, `flux_pay`, `flux_refund`, `flux_transaction`, `flexiti_interest`, `flexiti_authorize`, `flexiti_release`, `flexiti_capture`, `flexiti_return`, `flexiti_authorizations`, `flexiti_authorization`, `flexiti_captures` |
/// | `wrong_reference` | `pay`, `token_payment`, `tokenize`, `update_token`, `delete_token`, `void`, `capture`, `refund`, `pay_subscription`, `cvu_cashout`, `cvu_cashin`, `cvu_qr`, `cvu_link`, `cvu_create_sale_point`, `cvu_static_order`, `flux_pay`, `flux_refund`, `flux_transaction`, `flexiti_authorize`, `flexiti_release`, `flexiti_capture`, `flexiti_return`, `flexiti_authorizations`, `flexiti_authorization`, `flexiti_captures` |
/// | `bad_signature` | `pay`, `token_payment`, `tokenize`, `update_token`, `delete_token` |
/// | `delay_visibility` | `pay`, `token_payment`, `transaction`, `void`, `capture`, `refund`, `bulk`, `create_subscription`, `pay_subscription`, `subscription_payments`, `cvu_cashout`, `cvu_cashin`, `cvu_transactions`, `flux_pay`, `flux_refund`, `flux_transaction`, `flexiti_authorize`, `flexiti_release`, `flexiti_capture`, `flexiti_return`, `flexiti_authorizations`, `flexiti_authorization`, `flexiti_captures` |
/// | `read_fails` | `get_token`, `transaction`, `subscriptions`, `subscription_payments`, `flux_transaction` |
/// | `expire_sessions` | all but `token_payment`, `get_token`, `delete_token`, `transaction`, `void`, `capture`, `refund`, `bulk`, `create_subscription`, `cancel_subscription`, `update_subscription_card`, `update_subscription`, `pay_subscription`, `subscriptions`, `subscription_payments` |
/// | `status_error` | `cvu_token`, `cvu_concepts`, `cvu_balance`, `cvu_cashout`, `cvu_voucher`, `cvu_cashin`, `cvu_qr`, `cvu_transfer`, `cvu_statistics`, `cvu_link`, `cvu_sale_points`, `cvu_static_qr`, `cvu_create_sale_point`, `cvu_delete_sale_point`, `cvu_static_order`, `cvu_transactions`, `cvu_filters`, `flexiti_token`, `flexiti_widget`, `flexiti_interest`, `flexiti_deposit`, `flexiti_authorize`, `flexiti_release`, `flexiti_capture`, `flexiti_return`, `flexiti_refund`, `flexiti_authorizations`, `flexiti_authorization`, `flexiti_captures` |
/// | `bad_crc` | `cvu_qr`, `cvu_static_qr` |
/// | `firewall_465` | `flexiti_token`, `flexiti_widget`, `flexiti_interest`, `flexiti_deposit`, `flexiti_authorize`, `flexiti_release`, `flexiti_capture`, `flexiti_return`, `flexiti_refund`, `flexiti_authorizations`, `flexiti_authorization`, `flexiti_captures` |
/// | `hostile_link` | `cvu_transfer`, `cvu_link`, `flexiti_widget` |
/// | `wrong_total`, `other_status` | `flux_pay`, `flux_refund`, `flux_transaction` |
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The operation's host accepts the connection and resets it without reading the request. Only a
    /// new connection meets it: one that was kept open has been accepted already.
    Refuse,
    /// The operation's host does not listen until the faults are cleared: a connection is refused.
    Down,
    /// The request is taken and not executed; the connection is closed in good order, without an
    /// answer.
    Close,
    /// The request is read and not executed; the connection is reset.
    ResetBefore,
    /// The request is executed; the connection is reset without an answer.
    ResetAfter,
    /// Not executed; HTTP 504 with an HTML page.
    GatewayTimeoutBefore,
    /// Executed; HTTP 504 with an HTML page.
    GatewayTimeoutAfter,
    /// HTTP 504 at once; executed `ms` later, if that is still allowed then.
    Late,
    /// HTTP 504 at once; executed `ms` of the sandbox's clock later, although the session or the time
    /// for the operation has run out by then: what no document allows and every caller must notice.
    LateBeyondFence,
    /// Not executed; HTTP 500 with an HTML page.
    #[serde(rename = "error_500")]
    Error500,
    /// Not executed; HTTP 429.
    #[serde(rename = "rate_limit_429")]
    RateLimit429,
    /// Not executed; HTTP 301 to the same address.
    #[serde(rename = "redirect_301")]
    Redirect301,
    /// Executed at once; the answer comes `ms` later.
    Stall,
    /// Executed at once; the answer's body trickles in over `ms`.
    SlowDrip,
    /// Executed; the connection closes in the middle of the answer's body.
    Truncate,
    /// Executed; the answer's body is half a JSON document.
    BrokenJson,
    /// Executed; bytes of the answer's body are damaged, its length is right.
    Corrupt,
    /// Executed; the answer is followed by 4 MiB of blanks.
    Oversize,
    /// Executed; the answer's amount is one unit too high.
    WrongAmount,
    /// Executed; the answer's amount is off by a hundred-millionth, as binary arithmetic leaves it.
    FloatDust,
    /// Executed; the answer is about another reference, and signed for it where answers are signed.
    WrongReference,
    /// Executed; one digit of the answer's signature is wrong.
    BadSignature,
    /// On a read: it does not find what was done in the last `ms` of the sandbox's clock, or nothing at
    /// all without `ms`. On a debit or an operation: executed and answered; reads show it `ms` later.
    DelayVisibility,
    /// The read is answered with an error of the provider's own, which tells nothing.
    ReadFails,
    /// The session, or token, that the call names, or opens, has run out.
    ExpireSessions,
    /// Not executed; an error of the provider's own that tells nothing: at the CVU wallet API HTTP 200
    /// around one without a code, at Flexiti 409 `general_error`.
    StatusError,
    /// Executed; the checksum of the QR code in the answer is wrong.
    BadCrc,
    /// Executed; the address in the answer is `javascript:alert(1)`.
    HostileLink,
    /// Executed; the total in the answer is one unit more than its parts.
    WrongTotal,
    /// Executed; the answer's `status` is one that no document names.
    OtherStatus,
    /// Not executed; HTTP 465 with the page of the firewall in front of Flexiti.
    #[serde(rename = "firewall_465")]
    Firewall465,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 31] = [
        Self::Refuse,
        Self::Down,
        Self::Close,
        Self::ResetBefore,
        Self::ResetAfter,
        Self::GatewayTimeoutBefore,
        Self::GatewayTimeoutAfter,
        Self::Late,
        Self::LateBeyondFence,
        Self::Error500,
        Self::RateLimit429,
        Self::Redirect301,
        Self::Stall,
        Self::SlowDrip,
        Self::Truncate,
        Self::BrokenJson,
        Self::Corrupt,
        Self::Oversize,
        Self::WrongAmount,
        Self::FloatDust,
        Self::WrongReference,
        Self::BadSignature,
        Self::DelayVisibility,
        Self::ReadFails,
        Self::ExpireSessions,
        Self::StatusError,
        Self::BadCrc,
        Self::HostileLink,
        Self::WrongTotal,
        Self::OtherStatus,
        Self::Firewall465,
    ];

    /// The name in JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Refuse => "refuse",
            Self::Down => "down",
            Self::Close => "close",
            Self::ResetBefore => "reset_before",
            Self::ResetAfter => "reset_after",
            Self::GatewayTimeoutBefore => "gateway_timeout_before",
            Self::GatewayTimeoutAfter => "gateway_timeout_after",
            Self::Late => "late",
            Self::LateBeyondFence => "late_beyond_fence",
            Self::Error500 => "error_500",
            Self::RateLimit429 => "rate_limit_429",
            Self::Redirect301 => "redirect_301",
            Self::Stall => "stall",
            Self::SlowDrip => "slow_drip",
            Self::Truncate => "truncate",
            Self::BrokenJson => "broken_json",
            Self::Corrupt => "corrupt",
            Self::Oversize => "oversize",
            Self::WrongAmount => "wrong_amount",
            Self::FloatDust => "float_dust",
            Self::WrongReference => "wrong_reference",
            Self::BadSignature => "bad_signature",
            Self::DelayVisibility => "delay_visibility",
            Self::ReadFails => "read_fails",
            Self::ExpireSessions => "expire_sessions",
            Self::StatusError => "status_error",
            Self::BadCrc => "bad_crc",
            Self::HostileLink => "hostile_link",
            Self::WrongTotal => "wrong_total",
            Self::OtherStatus => "other_status",
            Self::Firewall465 => "firewall_465",
        }
    }

    /// What it does, for people.
    #[must_use]
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::Refuse => "the next new connection is reset unread",
            Self::Down => "the host does not listen until faults are cleared",
            Self::Close => "not executed, connection closed without an answer",
            Self::ResetBefore => "not executed, connection reset",
            Self::ResetAfter => "executed, connection reset without an answer",
            Self::GatewayTimeoutBefore => "not executed, HTTP 504",
            Self::GatewayTimeoutAfter => "executed, then HTTP 504",
            Self::Late => "HTTP 504 at once, executed ms later",
            Self::LateBeyondFence => "HTTP 504 at once, executed when it no longer may be",
            Self::Error500 => "not executed, HTTP 500",
            Self::RateLimit429 => "not executed, HTTP 429",
            Self::Redirect301 => "not executed, HTTP 301 to the same address",
            Self::Stall => "executed, answered ms later",
            Self::SlowDrip => "executed, the answer trickles in over ms",
            Self::Truncate => "executed, the answer breaks off",
            Self::BrokenJson => "executed, the answer is half a document",
            Self::Corrupt => "executed, bytes of the answer are damaged",
            Self::Oversize => "executed, the answer is followed by 4 MiB of blanks",
            Self::WrongAmount => "executed, the answer's amount is one unit too high",
            Self::FloatDust => "executed, the answer's amount carries binary dust",
            Self::WrongReference => "executed, the answer is about another reference",
            Self::BadSignature => "executed, the answer's signature is wrong",
            Self::DelayVisibility => "executed, but reads do not show it yet",
            Self::ReadFails => "the read answers with an error that tells nothing",
            Self::ExpireSessions => "the call's session or token has run out",
            Self::StatusError => "not executed, an error of the provider's that tells nothing",
            Self::BadCrc => "executed, the checksum of the code is wrong",
            Self::HostileLink => "executed, the address is a script",
            Self::WrongTotal => "executed, the total is not the sum of its parts",
            Self::OtherStatus => "executed, the status is an unknown one",
            Self::Firewall465 => "not executed, HTTP 465 from a firewall",
        }
    }

    /// What `ms` means for it.
    pub(crate) const fn wait(self) -> Wait {
        match self {
            Self::Stall | Self::SlowDrip | Self::Late => Wait::Real,
            Self::LateBeyondFence => Wait::BeyondFence,
            Self::DelayVisibility => Wait::Hidden,
            _ => Wait::None,
        }
    }

    /// Whether it makes sense with `operation`.
    #[must_use]
    pub const fn fits(self, operation: Operation) -> bool {
        match self {
            Self::Late => !operation.is_read(),
            Self::LateBeyondFence => {
                operation.is_payment()
                    || operation.promises_payments()
                    || operation.changes_payment()
                    || (operation.uses_session() && operation.is_card())
                    || operation.moves_credit()
            }
            Self::WrongAmount => {
                Self::FloatDust.fits(operation) || matches!(operation, Operation::CvuQr)
            }
            Self::FloatDust => {
                operation.is_payment()
                    || operation.finds_payments()
                    || operation.changes_authorization()
                    || matches!(
                        operation,
                        Operation::CvuBalance | Operation::FluxRefund | Operation::FlexitiInterest
                    )
            }
            Self::WrongReference => {
                operation.is_signed()
                    || matches!(operation, Operation::PaySubscription)
                    || operation.changes_payment()
                    || operation.answers_id()
                    || operation.answers_flux_transaction()
                    || operation.changes_authorization()
                    || operation.finds_authorizations()
            }
            Self::BadSignature => operation.is_signed(),
            Self::DelayVisibility => {
                operation.is_payment()
                    || operation.promises_payments()
                    || operation.changes_payment()
                    || operation.finds_payments()
                    || operation.changes_authorization()
                    || matches!(operation, Operation::CvuCashout | Operation::FluxRefund)
            }
            Self::ReadFails => operation.is_read() && (operation.is_card() || operation.is_flux()),
            Self::ExpireSessions => operation.opens_session() || operation.uses_session(),
            Self::StatusError => operation.is_cvu() || operation.is_flexiti(),
            Self::Firewall465 => operation.is_flexiti(),
            Self::BadCrc => operation.answers_code(),
            Self::HostileLink => operation.answers_link(),
            Self::WrongTotal | Self::OtherStatus => operation.answers_flux_transaction(),
            _ => true,
        }
    }

    /// Whether the random mode can draw it: these two hit more than the call that drew them.
    pub(crate) const fn can_be_drawn(self) -> bool {
        !matches!(self, Self::Refuse | Self::Down)
    }

    /// Whether the random mode draws it unless told: not what breaks the provider's own rules, comes
    /// after the answer, or only costs time.
    pub(crate) const fn is_drawn_unasked(self) -> bool {
        self.can_be_drawn() && !matches!(self, Self::Late | Self::LateBeyondFence | Self::Oversize)
    }
}

/// What a fault's `ms` counts.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Wait {
    /// It takes none.
    None,
    /// Milliseconds of the world, needed.
    Real,
    /// Milliseconds of the sandbox's clock until something is executed; 40 minutes unless told.
    BeyondFence,
    /// Milliseconds of the sandbox's clock for which something is not seen.
    Hidden,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_the_json() {
        for kind in Kind::ALL {
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.name());
        }
    }

    #[test]
    fn kinds_of_other_rails_take_no_part_in_what_is_drawn_for_cards() {
        for operation in Operation::ALL.into_iter().filter(|it| it.is_card()) {
            for kind in [
                Kind::StatusError,
                Kind::BadCrc,
                Kind::HostileLink,
                Kind::WrongTotal,
                Kind::OtherStatus,
                Kind::Firewall465,
            ] {
                assert!(!kind.fits(operation), "{}", operation.name());
            }
        }
    }

    /// The operations that a row of the table in the documentation names.
    fn documented(kind: Kind) -> Vec<Operation> {
        let name = format!("`{}`", kind.name());
        let mut rows = include_str!("kind.rs")
            .lines()
            .filter_map(|line| line.strip_prefix("/// | "))
            .filter_map(|row| row.trim_end_matches(" |").split_once(" | "))
            .filter(|(kinds, _)| kinds.split(", ").any(|listed| listed == name));
        let (_, with) = rows
            .next()
            .unwrap_or_else(|| panic!("{name} is not listed"));
        assert!(rows.next().is_none(), "{name} is listed twice");
        let named = |with: &str| -> Vec<Operation> {
            let mut names: Vec<&str> = with
                .split(", ")
                .map(|name| name.trim_matches('`'))
                .collect();
            names.sort_unstable();
            let found: Vec<Operation> = Operation::ALL
                .into_iter()
                .filter(|operation| names.contains(&operation.name()))
                .collect();
            assert_eq!(found.len(), names.len(), "{with}");
            found
        };
        match with.strip_prefix("all but ") {
            Some(without) => {
                let without = named(without);
                Operation::ALL
                    .into_iter()
                    .filter(|operation| !without.contains(operation))
                    .collect()
            }
            None if with == "every operation" => Operation::ALL.to_vec(),
            None => named(with),
        }
    }

    #[test]
    fn every_kind_fits_the_operations_that_the_documentation_names() {
        for kind in Kind::ALL {
            let fitting: Vec<Operation> = Operation::ALL
                .into_iter()
                .filter(|operation| kind.fits(*operation))
                .collect();
            assert_eq!(fitting, documented(kind), "{}", kind.name());
        }
    }
}
