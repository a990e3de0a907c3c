//! What fails where: one operation, one place it comes by, one thing that happens there.

use std::fmt;
use std::str::FromStr;

use ventanilla_core::operation::OperationKind;
use ventanilla_core::rails::cvu::Presentation;

/// The places, in the order in which a payment comes by. The proxy names its own when it is asked for
/// one that it does not have; the two are compared before anything is begun.
pub const POINTS: [&str; 21] = [
    "t0.before",
    "t0.after",
    "t0b.before",
    "t0b.after",
    "offers.before",
    "offers.after",
    "t1.before",
    "t1.after",
    "send.first_byte",
    "send.full_request",
    "answer.first_byte",
    "answer.parse",
    "t2.before",
    "t2.after",
    "credit.before",
    "credit.after",
    "resolve.before",
    "resolve.after",
    "outbox.before",
    "outbox.after",
    "browser.answer",
];

/// What is under way when it happens.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Deed {
    /// A void of a paid attempt.
    Void,
    /// A capture of a paid attempt.
    Capture,
    /// A refund of a paid attempt.
    Refund,
    /// A payment with a card typed now.
    Pay,
    /// A payment with a card saved before.
    PaySaved,
    /// A payment link that is asked for.
    Link,
    /// A QR code that is asked for.
    Qr,
    /// Money that comes for what was shown.
    Credit,
    /// Money that comes, and is not what was asked for.
    OtherCredit,
    /// A credit of which somebody says whose it is.
    Resolve,
    /// A transfer of the money back to whoever paid.
    CashOut,
    /// A refund of an attempt that was paid with a wallet's code.
    RefundFlux,
    /// A payment with a wallet's code.
    PayFlux,
    /// A purchase that is financed: through the provider's page and its offers to the authorization.
    PayFlexiti,
    /// A capture of all that is held for a purchase.
    CaptureFlexiti,
    /// All that is held for a purchase is let go.
    ReleaseFlexiti,
    /// The return of a purchase with a plan.
    ReturnFlexiti,
    /// A refund to the account of a regular purchase.
    RefundFlexiti,
    /// A transfer out of the merchant's account.
    SendOut,
    /// Two payments with a saved card in one call.
    Bulk,
    /// A subscription that a saved card pays.
    Subscribe,
    /// A payment of a subscription before its day.
    PaySubscribed,
    /// Money that a customer brings to a shop, for their account.
    Deposit,
}

/// What an operation needs to have been paid before, and how.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(super) enum Purchase {
    /// With a card.
    ByCard,
    /// With a wallet's code.
    ByCode,
    /// Credit is held for it, and nothing of it captured.
    Held,
    /// Captured, with a plan.
    WithPlan,
    /// Captured, by the terms of the account.
    Regular,
}

/// What happens.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Action {
    /// The process is gone at once; it is started again.
    Exit,
    /// The task panics; the process lives on.
    Panic,
    /// The process is stopped for longer than a right to send is good for.
    Stop,
    /// The store is gone for three seconds.
    DropStore,
}

/// One cell of the table.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Case {
    /// What is under way.
    pub deed: Deed,
    /// Where.
    pub point: &'static str,
    /// What happens.
    pub action: Action,
}

impl Deed {
    /// Every one. What a provider does for a limited time only comes first.
    pub const ALL: [Self; 23] = [
        Self::Void,
        Self::Capture,
        Self::Refund,
        Self::Pay,
        Self::PaySaved,
        Self::Link,
        Self::Qr,
        Self::Credit,
        Self::OtherCredit,
        Self::Resolve,
        Self::CashOut,
        Self::RefundFlux,
        Self::PayFlux,
        Self::PayFlexiti,
        Self::CaptureFlexiti,
        Self::ReleaseFlexiti,
        Self::ReturnFlexiti,
        Self::RefundFlexiti,
        Self::SendOut,
        Self::Bulk,
        Self::Subscribe,
        Self::PaySubscribed,
        Self::Deposit,
    ];

    /// The name on the command line and in the table.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Void => "void",
            Self::Capture => "capture",
            Self::Refund => "refund",
            Self::Pay => "pay",
            Self::PaySaved => "pay-saved",
            Self::Link => "link",
            Self::Qr => "qr",
            Self::Credit => "credit",
            Self::OtherCredit => "credit-off",
            Self::Resolve => "resolve",
            Self::CashOut => "cash-out",
            Self::RefundFlux => "refund-flux",
            Self::PayFlux => "pay-flux",
            Self::PayFlexiti => "pay-flexiti",
            Self::CaptureFlexiti => "capture-flexiti",
            Self::ReleaseFlexiti => "release-flexiti",
            Self::ReturnFlexiti => "return-flexiti",
            Self::RefundFlexiti => "refund-flexiti",
            Self::SendOut => "send-out",
            Self::Bulk => "bulk",
            Self::Subscribe => "subscribe",
            Self::PaySubscribed => "pay-subscribed",
            Self::Deposit => "deposit",
        }
    }

    /// Whether it belongs to no checkout.
    #[must_use]
    pub const fn is_errand(self) -> bool {
        matches!(
            self,
            Self::SendOut | Self::Bulk | Self::Subscribe | Self::PaySubscribed | Self::Deposit
        )
    }

    /// The operation on a payment, if it is one.
    #[must_use]
    pub const fn kind(self) -> Option<OperationKind> {
        match self {
            Self::Void => Some(OperationKind::Void),
            Self::Capture | Self::CaptureFlexiti => Some(OperationKind::Capture),
            Self::Refund | Self::CashOut | Self::RefundFlux | Self::RefundFlexiti => {
                Some(OperationKind::Refund)
            }
            Self::ReleaseFlexiti => Some(OperationKind::Release),
            Self::ReturnFlexiti => Some(OperationKind::Return),
            Self::Pay
            | Self::PaySaved
            | Self::PayFlux
            | Self::PayFlexiti
            | Self::Link
            | Self::Qr
            | Self::Credit
            | Self::OtherCredit
            | Self::Resolve
            | Self::SendOut
            | Self::Bulk
            | Self::Subscribe
            | Self::PaySubscribed
            | Self::Deposit => None,
        }
    }

    /// Whether it is about a wallet's code.
    #[must_use]
    pub const fn is_by_code(self) -> bool {
        matches!(self, Self::PayFlux | Self::RefundFlux)
    }

    /// Whether it is about a purchase that is financed.
    #[must_use]
    pub const fn is_financed(self) -> bool {
        matches!(
            self,
            Self::PayFlexiti
                | Self::CaptureFlexiti
                | Self::ReleaseFlexiti
                | Self::ReturnFlexiti
                | Self::RefundFlexiti
        )
    }

    /// Whether the proxy is to know of the provider of what is financed.
    #[must_use]
    pub const fn needs_flexiti(self) -> bool {
        self.is_financed() || matches!(self, Self::Deposit)
    }

    /// What must have been paid before, unless it is done in the case itself.
    pub(super) const fn follows(self) -> Option<Purchase> {
        match self {
            Self::Void | Self::Capture | Self::Refund => Some(Purchase::ByCard),
            Self::RefundFlux => Some(Purchase::ByCode),
            Self::CaptureFlexiti | Self::ReleaseFlexiti => Some(Purchase::Held),
            Self::ReturnFlexiti => Some(Purchase::WithPlan),
            Self::RefundFlexiti => Some(Purchase::Regular),
            Self::Pay
            | Self::PaySaved
            | Self::PayFlux
            | Self::PayFlexiti
            | Self::Link
            | Self::Qr
            | Self::Credit
            | Self::OtherCredit
            | Self::Resolve
            | Self::CashOut
            | Self::SendOut
            | Self::Bulk
            | Self::Subscribe
            | Self::PaySubscribed
            | Self::Deposit => None,
        }
    }

    /// The how manieth time that it comes by `point` is the one. A purchase that is financed is answered
    /// three times: with the provider's page, with offers, and with what became of it.
    #[must_use]
    pub fn nth(self, point: &str) -> u32 {
        match (self, point) {
            (Self::PayFlexiti, "browser.answer") => 3,
            _ => 1,
        }
    }

    /// Whether `action` befalls it. What panics and what the store does is the machine's, whatever the rail;
    /// what a rail has of its own is what it finds when its process is gone, or was asleep.
    #[must_use]
    pub const fn suffers(self, action: Action) -> bool {
        match self {
            Self::PayFlux
            | Self::SendOut
            | Self::Bulk
            | Self::Subscribe
            | Self::PaySubscribed
            | Self::Deposit => {
                matches!(action, Action::Exit | Action::Stop)
            }
            _ => true,
        }
    }

    /// What is asked for, if it is something that is paid from a wallet.
    #[must_use]
    pub const fn presentation(self) -> Option<Presentation> {
        match self {
            Self::Link | Self::Credit | Self::OtherCredit | Self::Resolve | Self::CashOut => {
                Some(Presentation::Link)
            }
            Self::Qr => Some(Presentation::Qr),
            Self::Void
            | Self::Capture
            | Self::Refund
            | Self::Pay
            | Self::PaySaved
            | Self::PayFlux
            | Self::RefundFlux
            | Self::PayFlexiti
            | Self::CaptureFlexiti
            | Self::ReleaseFlexiti
            | Self::ReturnFlexiti
            | Self::RefundFlexiti
            | Self::SendOut
            | Self::Bulk
            | Self::Subscribe
            | Self::PaySubscribed
            | Self::Deposit => None,
        }
    }

    /// Whether it comes by `point`. Of what belongs to no checkout some come by the places alone at which their
    /// call is under way: before and after it they do what the others do.
    #[must_use]
    pub fn comes_by(self, point: &str) -> bool {
        let (place, _) = point.split_once('.').unwrap_or((point, ""));
        match self {
            Self::Credit | Self::OtherCredit => matches!(place, "credit" | "outbox"),
            Self::Resolve => matches!(place, "resolve" | "outbox"),
            // Of what is shown the merchant is told when it is paid.
            Self::Link | Self::Qr => !matches!(place, "offers" | "credit" | "resolve" | "outbox"),
            Self::PayFlexiti => !matches!(place, "credit" | "resolve"),
            Self::Pay | Self::PaySaved | Self::PayFlux => {
                !matches!(place, "offers" | "credit" | "resolve")
            }
            // No browser waits for an operation.
            Self::Void
            | Self::Capture
            | Self::Refund
            | Self::RefundFlux
            | Self::CashOut
            | Self::CaptureFlexiti
            | Self::ReleaseFlexiti
            | Self::ReturnFlexiti
            | Self::RefundFlexiti
            | Self::Bulk
            | Self::PaySubscribed => !matches!(place, "offers" | "credit" | "resolve" | "browser"),
            Self::SendOut | Self::Subscribe | Self::Deposit => {
                matches!(place, "send" | "answer" | "t2") || point == "t1.after"
            }
        }
    }

    /// Whether everything happens to it at `point`, which is its own. Elsewhere it does what others do, and
    /// its process ends.
    fn is_its_own(self, point: &str) -> bool {
        let (place, _) = point.split_once('.').unwrap_or((point, ""));
        match self {
            Self::Void
            | Self::Capture
            | Self::Refund
            | Self::Pay
            | Self::PaySaved
            | Self::PayFlux
            | Self::PayFlexiti
            | Self::CaptureFlexiti => true,
            Self::Link
            | Self::CashOut
            | Self::ReleaseFlexiti
            | Self::ReturnFlexiti
            | Self::RefundFlexiti => {
                matches!(place, "send" | "answer" | "t2" | "browser") || point == "t1.after"
            }
            Self::Credit | Self::OtherCredit | Self::Resolve => {
                matches!(place, "credit" | "resolve")
            }
            Self::Bulk | Self::PaySubscribed | Self::Deposit => {
                matches!(point, "t1.after" | "send.full_request")
            }
            Self::Qr | Self::RefundFlux | Self::SendOut | Self::Subscribe => false,
        }
    }
}

impl Action {
    /// Every one.
    pub const ALL: [Self; 4] = [Self::Exit, Self::Panic, Self::Stop, Self::DropStore];

    /// The name on the command line, in the table and to the proxy.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Exit => "exit",
            Self::Panic => "panic",
            Self::Stop => "stop",
            Self::DropStore => "drop_store",
        }
    }
}

impl Case {
    /// Every case there is.
    pub fn all() -> impl Iterator<Item = Self> {
        Deed::ALL.into_iter().flat_map(|deed| {
            let points = POINTS.into_iter().filter(move |point| deed.comes_by(point));
            points.flat_map(move |point| {
                let happens = move |action: &Action| {
                    deed.suffers(*action) && (*action == Action::Exit || deed.is_its_own(point))
                };
                let actions = Action::ALL.into_iter().filter(happens);
                actions.map(move |action| Self {
                    deed,
                    point,
                    action,
                })
            })
        })
    }

    /// Whether what was borrowed for a minute may be waited for.
    #[must_use]
    pub fn takes_long(self, on_shared_store: bool) -> bool {
        let looks = matches!(self.deed, Deed::Credit | Deed::OtherCredit);
        match self.action {
            Action::Exit => on_shared_store,
            Action::Panic | Action::DropStore => looks,
            Action::Stop => false,
        }
    }
}

impl Case {
    /// Whether it is played on a store that several proxies share: those of which a store of one process
    /// says nothing yet. Another proxy takes up what was left behind in each state, or overtakes the one
    /// that was stopped; and the database may go away anywhere.
    #[must_use]
    pub fn is_for_shared_stores(self) -> bool {
        let is_at = |points: &[&str]| points.contains(&self.point);
        match self.deed {
            Deed::Void | Deed::Pay | Deed::PayFlexiti | Deed::CaptureFlexiti => {}
            Deed::Capture
            | Deed::Refund
            | Deed::RefundFlux
            | Deed::PaySaved
            | Deed::PayFlux
            | Deed::Qr
            | Deed::SendOut
            | Deed::Subscribe
            | Deed::Deposit => return false,
            Deed::Bulk | Deed::PaySubscribed => {
                return self.action == Action::Exit
                    && is_at(&["t1.after", "send.full_request", "t2.before"]);
            }
            Deed::Link => {
                return self.action == Action::DropStore && is_at(&["t2.before", "t2.after"]);
            }
            Deed::Credit | Deed::OtherCredit | Deed::Resolve => {
                let is_own = is_at(&[
                    "credit.before",
                    "credit.after",
                    "resolve.before",
                    "resolve.after",
                ]);
                return is_own
                    && match self.action {
                        Action::Exit => self.deed == Deed::Credit,
                        Action::DropStore => true,
                        Action::Panic | Action::Stop => false,
                    };
            }
            Deed::CashOut | Deed::ReleaseFlexiti | Deed::ReturnFlexiti | Deed::RefundFlexiti => {
                return match self.action {
                    Action::Exit => is_at(&["t1.after", "send.full_request", "t2.before"]),
                    Action::Stop => is_at(&["send.first_byte"]),
                    Action::DropStore => is_at(&["t1.after", "t2.before", "t2.after"]),
                    Action::Panic => false,
                };
            }
        }
        match self.action {
            Action::Exit => is_at(&[
                "t0.after",
                "t0b.after",
                "offers.after",
                "t1.before",
                "t1.after",
                "send.full_request",
                "t2.before",
            ]),
            Action::Stop => is_at(&[
                "t1.after",
                "send.first_byte",
                "send.full_request",
                "t2.before",
            ]),
            Action::DropStore => true,
            Action::Panic => false,
        }
    }
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            deed,
            point,
            action,
        } = self;
        write!(f, "{}:{point}:{}", deed.name(), action.name())
    }
}

/// Some of the cases: `void:t1.after:exit`, and any part left out or empty stands for all.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Pick {
    deed: Option<Deed>,
    point: Option<&'static str>,
    action: Option<Action>,
}

impl Pick {
    /// Whether `case` is one of them.
    #[must_use]
    pub fn takes(&self, case: Case) -> bool {
        self.deed.is_none_or(|deed| deed == case.deed)
            && self.point.is_none_or(|point| point == case.point)
            && self.action.is_none_or(|action| action == case.action)
    }
}

impl FromStr for Pick {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        fn part<T: Copy>(
            text: Option<&str>,
            all: &[T],
            name: fn(&T) -> &'static str,
        ) -> Result<Option<T>, String> {
            let Some(text) = text.filter(|text| !text.is_empty()) else {
                return Ok(None);
            };
            match all.iter().find(|one| name(one) == text) {
                Some(one) => Ok(Some(*one)),
                None => {
                    let names: Vec<_> = all.iter().map(name).collect();
                    Err(format!(
                        "expected one of {}, found {text}",
                        names.join(", ")
                    ))
                }
            }
        }
        let mut parts = text.split(':');
        let pick = Self {
            deed: part(parts.next(), &Deed::ALL, |deed| deed.name())?,
            point: part(parts.next(), &POINTS, |point| point)?,
            action: part(parts.next(), &Action::ALL, |action| action.name())?,
        };
        match parts.next() {
            None => Ok(pick),
            Some(_) => Err(String::from("expected OPERATION:POINT:ACTION")),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_case_is_there_once_and_its_name_picks_it_and_no_other() {
        let all: Vec<Case> = Case::all().collect();
        let by_card = (2 * 15 + 3 * 14) * 4;
        let shown = 13 + 3 * 8 + 13;
        let (credits, transfers) = (3 * (2 * 4 + 2), 14 + 3 * 7);
        let by_code = 2 * 15 + 14;
        let financed = (17 + 14) * 4 + 3 * (14 + 3 * 7);
        let errands = 2 * (14 + 2) + 2 * 7 + (7 + 2);
        assert_eq!(
            all.len(),
            by_card + shown + credits + transfers + by_code + financed + errands
        );
        let names: HashSet<String> = all.iter().map(Case::to_string).collect();
        assert_eq!(names.len(), all.len());
        let shared = all.iter().filter(|case| case.is_for_shared_stores());
        let financed = 7 + 4 + 17 + 6 + 4 + 14 + 3 * 7;
        let errands = 2 * 3;
        assert_eq!(
            shared.count(),
            (6 + 4) * 2 + 15 + 14 + 2 + 8 + 7 + financed + errands
        );
        for case in &all {
            let pick: Pick = case.to_string().parse().unwrap();
            let taken: Vec<&Case> = all.iter().filter(|other| pick.takes(**other)).collect();
            assert_eq!(taken, [case]);
        }
    }

    #[test]
    fn a_part_that_is_left_out_stands_for_all() {
        let count = |text: &str| {
            let pick: Pick = text.parse().unwrap();
            Case::all().filter(|case| pick.takes(*case)).count()
        };
        assert_eq!(count(""), 731);
        assert_eq!(count("void"), 56);
        assert_eq!(count(":t1.after"), 60);
        assert_eq!(count("credit"), 10);
        assert_eq!(count("pay-flux"), 30);
        assert_eq!(count("refund-flux"), 14);
        assert_eq!(count("pay-flexiti"), 68);
        assert_eq!(count("return-flexiti"), 35);
        assert_eq!(count("bulk"), 16);
        assert_eq!(count("subscribe"), 7);
        assert_eq!(count("deposit"), 9);
        assert_eq!(count(":offers.after"), 4);
        assert_eq!(count("pay::exit"), 15);
        assert_eq!(count("void:browser.answer"), 0);
    }

    #[test]
    fn a_name_that_is_not_one_is_refused_by_name() {
        for (text, named) in [
            ("voids", "pay-saved"),
            ("void:t1", "t1.after"),
            ("void:t1.after:kill", "drop_store"),
            ("void:t1.after:exit:2", "OPERATION:POINT:ACTION"),
        ] {
            let error = text.parse::<Pick>().unwrap_err();
            assert!(error.contains(named), "{error}");
        }
    }
}
