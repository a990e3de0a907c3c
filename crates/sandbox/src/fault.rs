//! Faults: what goes wrong, where, and how often.

use serde::{Deserialize, Serialize};

use crate::random::mixed;

/// An operation of the provider.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
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
}

impl Operation {
    /// Every operation.
    pub const ALL: [Self; 9] = [
        Self::CreateOrder,
        Self::Pay,
        Self::TokenPayment,
        Self::TokenizeOrder,
        Self::Tokenize,
        Self::UpdateToken,
        Self::GetToken,
        Self::DeleteToken,
        Self::Transaction,
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
        }
    }

    pub(crate) const fn host(self) -> Host {
        match self {
            Self::Pay | Self::Tokenize | Self::UpdateToken => Host::Checkout,
            Self::CreateOrder
            | Self::TokenPayment
            | Self::TokenizeOrder
            | Self::GetToken
            | Self::DeleteToken
            | Self::Transaction => Host::Merchant,
        }
    }

    const fn is_payment(self) -> bool {
        matches!(self, Self::Pay | Self::TokenPayment)
    }

    const fn is_signed(self) -> bool {
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

/// What goes wrong.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The operation's host accepts the connection and resets it without reading the request.
    Refuse,
    /// The operation's host does not listen until the faults are cleared: a connection is refused.
    Down,
    /// The request is read and not executed; the connection is reset.
    ResetBefore,
    /// The request is executed; the connection is reset without an answer.
    ResetAfter,
    /// Executed; HTTP 504 with an HTML page.
    GatewayTimeoutAfter,
    /// Not executed; HTTP 504 with an HTML page.
    GatewayTimeoutBefore,
    /// HTTP 504 at once; executed `ms` later.
    Late,
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
    /// Executed; the connection closes in the middle of the answer's body.
    Truncate,
    /// Executed; the answer's body is half a JSON document.
    BrokenJson,
    /// Executed; the answer is followed by 4 MiB of blanks.
    Oversize,
    /// Executed; the answer's amount is one unit too high.
    WrongAmount,
    /// Executed; the answer's amount is off by a hundred-millionth, as binary arithmetic leaves it.
    FloatDust,
    /// Executed; the answer is about another reference, and signed for it.
    WrongReference,
    /// Executed; one digit of the answer's signature is wrong.
    BadSignature,
    /// A read that says `transaction not found` about a debit that was approved.
    DelayVisibility,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 19] = [
        Self::Refuse,
        Self::Down,
        Self::ResetBefore,
        Self::ResetAfter,
        Self::GatewayTimeoutAfter,
        Self::GatewayTimeoutBefore,
        Self::Late,
        Self::Error500,
        Self::RateLimit429,
        Self::Redirect301,
        Self::Stall,
        Self::Truncate,
        Self::BrokenJson,
        Self::Oversize,
        Self::WrongAmount,
        Self::FloatDust,
        Self::WrongReference,
        Self::BadSignature,
        Self::DelayVisibility,
    ];

    /// The name in JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Refuse => "refuse",
            Self::Down => "down",
            Self::ResetBefore => "reset_before",
            Self::ResetAfter => "reset_after",
            Self::GatewayTimeoutAfter => "gateway_timeout_after",
            Self::GatewayTimeoutBefore => "gateway_timeout_before",
            Self::Late => "late",
            Self::Error500 => "error_500",
            Self::RateLimit429 => "rate_limit_429",
            Self::Redirect301 => "redirect_301",
            Self::Stall => "stall",
            Self::Truncate => "truncate",
            Self::BrokenJson => "broken_json",
            Self::Oversize => "oversize",
            Self::WrongAmount => "wrong_amount",
            Self::FloatDust => "float_dust",
            Self::WrongReference => "wrong_reference",
            Self::BadSignature => "bad_signature",
            Self::DelayVisibility => "delay_visibility",
        }
    }

    /// What it does, for people.
    #[must_use]
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::Refuse => "the host resets the next connection without reading the request",
            Self::Down => "the host does not listen until faults are cleared",
            Self::ResetBefore => "read, not executed, connection reset",
            Self::ResetAfter => "executed, connection reset without an answer",
            Self::GatewayTimeoutAfter => "executed, then HTTP 504",
            Self::GatewayTimeoutBefore => "not executed, HTTP 504",
            Self::Late => "HTTP 504 at once, executed ms later",
            Self::Error500 => "not executed, HTTP 500",
            Self::RateLimit429 => "not executed, HTTP 429",
            Self::Redirect301 => "not executed, HTTP 301 to the same address",
            Self::Stall => "executed, answered ms later",
            Self::Truncate => "executed, the answer breaks off",
            Self::BrokenJson => "executed, the answer is half a document",
            Self::Oversize => "executed, the answer is followed by 4 MiB of blanks",
            Self::WrongAmount => "executed, the answer's amount is one unit too high",
            Self::FloatDust => "executed, the answer's amount carries binary dust",
            Self::WrongReference => "executed, the answer is about another reference",
            Self::BadSignature => "executed, the answer's signature is wrong",
            Self::DelayVisibility => "the read does not find the debit yet",
        }
    }

    const fn fits(self, operation: Operation) -> bool {
        match self {
            Self::WrongAmount | Self::FloatDust => {
                operation.is_payment() || matches!(operation, Operation::Transaction)
            }
            Self::WrongReference | Self::BadSignature => operation.is_signed(),
            Self::DelayVisibility => matches!(operation, Operation::Transaction),
            _ => true,
        }
    }

    /// Whether the random mode may draw it: the two that cut off a whole host hit more than the call
    /// that drew them, and blanks only cost time.
    const fn may_be_drawn(self) -> bool {
        !matches!(
            self,
            Self::Refuse | Self::Down | Self::Late | Self::Oversize
        )
    }
}

/// A fault to be met by the next calls of one operation.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// Whose calls meet it.
    pub operation: Operation,
    /// What goes wrong.
    pub kind: Kind,
    /// How many calls meet it: 1 unless told, at least 1.
    #[serde(default = "once")]
    pub times: u32,
    /// With [`Kind::Stall`] and [`Kind::Late`]: milliseconds, at most one hour.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ms: Option<u64>,
    /// With [`Kind::DelayVisibility`]: how many reads find nothing; takes the place of `times`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reads: Option<u32>,
}

const fn once() -> u32 {
    1
}

const LONGEST_WAIT_MS: u64 = 3_600_000;

impl Fault {
    /// A fault for one call.
    #[must_use]
    pub const fn once(operation: Operation, kind: Kind) -> Self {
        Self::times(operation, kind, 1)
    }

    /// A fault for the next `times` calls.
    #[must_use]
    pub const fn times(operation: Operation, kind: Kind, times: u32) -> Self {
        Self {
            operation,
            kind,
            times,
            ms: None,
            reads: None,
        }
    }

    /// With this many milliseconds, for [`Kind::Stall`] and [`Kind::Late`].
    #[must_use]
    pub const fn for_ms(mut self, ms: u64) -> Self {
        self.ms = Some(ms);
        self
    }

    /// Checks what JSON cannot say.
    fn check(mut self) -> Result<Self, FaultError> {
        if !self.kind.fits(self.operation) {
            return Err(FaultError(format!(
                "{} does not fit {}",
                self.kind.name(),
                self.operation.name()
            )));
        }
        let waits = matches!(self.kind, Kind::Stall | Kind::Late);
        match self.ms {
            None if waits => {
                return Err(FaultError(format!("{} needs ms", self.kind.name())));
            }
            Some(_) if !waits => {
                return Err(FaultError(format!("{} takes no ms", self.kind.name())));
            }
            Some(ms) if ms > LONGEST_WAIT_MS => {
                return Err(FaultError(format!(
                    "ms must be at most {LONGEST_WAIT_MS}, found {ms}"
                )));
            }
            _ => {}
        }
        if let Some(reads) = self.reads {
            if self.kind != Kind::DelayVisibility {
                return Err(FaultError(format!("{} takes no reads", self.kind.name())));
            }
            self.times = reads;
            self.reads = None;
        }
        if self.times == 0 {
            return Err(FaultError(String::from(
                "times must be at least 1, found 0",
            )));
        }
        Ok(self)
    }
}

/// Faults drawn by chance, the same for the same seed: the n-th call of an operation always meets the
/// same one.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct RandomFaults {
    /// How many calls of a hundred meet a fault, 0 to 100.
    pub share_percent: u8,
    /// Decides which.
    pub seed: u64,
    /// Only these operations; all unless told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operations: Option<Vec<Operation>>,
}

/// A fault that cannot be set; says why.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct FaultError(String);

impl std::fmt::Display for FaultError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for FaultError {}

/// The faults still to be met.
#[derive(Clone, Debug, Default)]
pub(crate) struct FaultPlan {
    armed: Vec<Fault>,
    random: Option<RandomFaults>,
    drawn: [u64; Operation::ALL.len()],
}

/// A fault met by one call.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Met {
    pub(crate) kind: Kind,
    pub(crate) ms: u64,
}

impl FaultPlan {
    pub(crate) fn arm(&mut self, fault: Fault) -> Result<Fault, FaultError> {
        let fault = fault.check()?;
        self.armed.push(fault);
        Ok(fault)
    }

    pub(crate) fn arm_random(&mut self, random: RandomFaults) -> Result<(), FaultError> {
        if random.share_percent > 100 {
            return Err(FaultError(format!(
                "share_percent must be at most 100, found {}",
                random.share_percent
            )));
        }
        self.random = Some(random);
        self.drawn = Default::default();
        Ok(())
    }

    pub(crate) fn armed(&self) -> &[Fault] {
        &self.armed
    }

    pub(crate) fn random(&self) -> Option<&RandomFaults> {
        self.random.as_ref()
    }

    /// Uses up a refusal of `host`, if one is left.
    pub(crate) fn take_refusal(&mut self, host: Host) -> Option<Operation> {
        self.take_armed(|fault| fault.kind == Kind::Refuse && fault.operation.host() == host)
            .map(|fault| fault.operation)
    }

    /// Uses up the fault that this call of `operation` meets. Faults set by hand come before drawn
    /// ones, in the order in which they were set.
    pub(crate) fn take(&mut self, operation: Operation) -> Option<Met> {
        let by_hand = self.take_armed(|fault| {
            fault.operation == operation && !matches!(fault.kind, Kind::Refuse | Kind::Down)
        });
        by_hand
            .map(|fault| Met {
                kind: fault.kind,
                ms: fault.ms.unwrap_or_default(),
            })
            .or_else(|| self.draw(operation))
    }

    fn take_armed(&mut self, wanted: impl Fn(&Fault) -> bool) -> Option<Fault> {
        let index = self.armed.iter().position(wanted)?;
        let fault = self.armed.get_mut(index)?;
        fault.times -= 1;
        let taken = *fault;
        if taken.times == 0 {
            self.armed.remove(index);
        }
        Some(taken)
    }

    fn draw(&mut self, operation: Operation) -> Option<Met> {
        let random = self.random.as_ref()?;
        if random
            .operations
            .as_ref()
            .is_some_and(|only| !only.contains(&operation))
        {
            return None;
        }
        let index = Operation::ALL
            .iter()
            .position(|other| *other == operation)?;
        let nth = self.drawn.get_mut(index)?;
        *nth += 1;
        let draw = mixed(random.seed ^ mixed(*nth ^ mixed(index as u64)));
        if draw % 100 >= u64::from(random.share_percent) {
            return None;
        }
        let kinds: Vec<Kind> = Kind::ALL
            .into_iter()
            .filter(|kind| kind.may_be_drawn() && kind.fits(operation))
            .collect();
        let kind = usize::try_from((draw >> 8) % kinds.len() as u64)
            .ok()
            .and_then(|index| kinds.get(index).copied())?;
        Some(Met {
            kind,
            ms: 1 + (draw >> 40) % 80,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(seed: u64, calls: usize) -> Vec<Option<Kind>> {
        let mut plan = FaultPlan::default();
        plan.arm_random(RandomFaults {
            share_percent: 20,
            seed,
            operations: None,
        })
        .unwrap();
        (0..calls)
            .map(|_| plan.take(Operation::Pay).map(|met| met.kind))
            .collect()
    }

    #[test]
    fn drawn_faults_are_the_same_for_the_same_seed_and_near_the_share_asked_for() {
        assert_eq!(drawn(7, 1_000), drawn(7, 1_000));
        assert_ne!(drawn(7, 1_000), drawn(8, 1_000));
        let met = drawn(7, 10_000).iter().flatten().count();
        assert!((1_800..2_200).contains(&met), "{met}");
    }

    #[test]
    fn other_operations_do_not_disturb_what_an_operation_draws() {
        let mut plan = FaultPlan::default();
        plan.arm_random(RandomFaults {
            share_percent: 20,
            seed: 7,
            operations: None,
        })
        .unwrap();
        let mixed: Vec<_> = (0..100)
            .map(|_| {
                plan.take(Operation::Transaction);
                plan.take(Operation::Pay).map(|met| met.kind)
            })
            .collect();
        assert_eq!(mixed, drawn(7, 100));
    }

    #[test]
    fn a_fault_set_by_hand_is_met_as_often_as_told_and_by_its_operation_only() {
        let mut plan = FaultPlan::default();
        plan.arm(Fault::times(Operation::Pay, Kind::ResetAfter, 2))
            .unwrap();
        plan.arm(Fault::once(Operation::Pay, Kind::Truncate))
            .unwrap();
        assert!(plan.take(Operation::Transaction).is_none());
        let met: Vec<_> = (0..4)
            .map(|_| plan.take(Operation::Pay).map(|met| met.kind))
            .collect();
        assert_eq!(
            met,
            [
                Some(Kind::ResetAfter),
                Some(Kind::ResetAfter),
                Some(Kind::Truncate),
                None
            ]
        );
    }

    #[test]
    fn a_fault_that_does_not_fit_says_why() {
        let refused = |json: &str| {
            FaultPlan::default()
                .arm(serde_json::from_str(json).unwrap())
                .unwrap_err()
                .to_string()
        };
        assert_eq!(
            refused(r#"{"operation":"get_token","kind":"bad_signature"}"#),
            "bad_signature does not fit get_token"
        );
        assert_eq!(
            refused(r#"{"operation":"pay","kind":"stall"}"#),
            "stall needs ms"
        );
        assert_eq!(
            refused(r#"{"operation":"pay","kind":"truncate","ms":1}"#),
            "truncate takes no ms"
        );
        assert_eq!(
            refused(r#"{"operation":"pay","kind":"truncate","times":0}"#),
            "times must be at least 1, found 0"
        );
        assert_eq!(
            refused(r#"{"operation":"pay","kind":"late","ms":3600001}"#),
            "ms must be at most 3600000, found 3600001"
        );
    }

    #[test]
    fn names_are_those_of_the_json() {
        for kind in Kind::ALL {
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.name());
        }
        for operation in Operation::ALL {
            assert_eq!(serde_json::to_value(operation).unwrap(), operation.name());
        }
    }
}
