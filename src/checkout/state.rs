//! What a checkout knows, and what follows from each piece of news.
//!
//! Nothing here draws, waits or sends: [`State::take`] turns news into a new state and a list of
//! [`Deed`]s, and whoever calls it does them. The rules that keep a buyer from paying twice on this side
//! are all here:
//!
//! - a payment is started by one press, and no second press counts before the first is answered;
//! - what may have reached the proxy is sent again only under its own key;
//! - an answer that did not come proves nothing: the buyer reads that it is not known yet, never that it
//!   failed;
//! - what the buyer could pay by themselves goes off the screen before another takes its place: there are
//!   never two to pay;
//! - of a provider's page one word counts, once; what was picked is sent by one press.

mod financing;

use alloc::boxed::Box;
use alloc::rc::Rc;
use alloc::string::String;
use alloc::vec::Vec;

use ventanilla_core::api::{AttemptView, CheckoutView, ReceiptView, Step};
use ventanilla_core::attempt::{AttemptState, NextAction};
use ventanilla_core::problem::Fault;
use ventanilla_core::rails::Rail;
use ventanilla_core::rails::card::DeclineAdvice;
use ventanilla_core::rails::cvu::{PayableView, Presentation};
use ventanilla_core::rails::flexiti::{
    FinancedCredit, FinancingAdvice, FinancingChoice, FinancingOffers, HostedMessage, HostedPage,
    NotIdentified, NotIdentifiedAs,
};
use ventanilla_core::rails::flux::WalletAdvice;
use ventanilla_core::session::SessionState;

use crate::element::events::{Event, Outcome};
use crate::error::{self, Trouble};

/// How long a payment may look like an ordinary one before the buyer is told that the bank takes its
/// time.
pub const SLOW_AFTER_MS: u32 = 8_000;
/// How long a widget keeps asking by itself.
pub const ASK_FOR_MS: u64 = 180_000;
/// Gaps between one answer and the next question; the last one repeats.
pub const GAPS_MS: [u32; 6] = [2_000, 3_000, 4_500, 6_750, 10_000, 15_000];
/// The proxy holds an answer back this long for news.
pub const WAIT_SECS: u8 = 20;
/// Whether this build has a rail on which a provider lends. What only that rail brings is passed over else.
const FINANCED: bool = cfg!(feature = "flexiti");
/// How long to look again for a payment that was started before the page was loaded again.
const LOOK_AGAIN_MS: u32 = 2_500;

/// What a checkout knows.
#[derive(Default)]
pub struct State {
    /// The session, once it has been read.
    pub checkout: Option<Rc<CheckoutView>>,
    /// What the buyer sees.
    pub screen: Screen,
    /// On a waiting screen: whether the proxy is being asked, or will be without the buyer's doing.
    pub asking: bool,
    /// What came of the buyer's word that it is paid.
    pub check: Check,
    /// What came of the buyer's pick.
    pub pick: Pick,
    attempt: Option<AttemptView>,
    /// Until when what is before the buyer may be paid or used.
    deadline_ms: u64,
    /// What the provider's page said, until the proxy has taken it.
    said: Option<Step>,
    /// What the buyer wants in its place, while that is being given up.
    leaving: Option<Instead>,
    start: Start,
    /// Of the start.
    rail: Option<Rail>,
    due: Due,
    /// Marks the newest question; answers to older ones are stale.
    turn: u32,
    asked: usize,
    ask_until_ms: u64,
    asleep: bool,
    looked_again: bool,
    told_ready: bool,
    told_complete: bool,
}

/// What the buyer sees.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub enum Screen {
    /// Nothing is known yet.
    #[default]
    Loading,
    /// The form.
    Form {
        /// A payment is under way and young enough not to speak of it.
        busy: bool,
        /// Why the last press of the button came to nothing. No money moved.
        alert: Option<Trouble>,
    },
    /// It is not known yet whether the payment went through.
    Waiting {
        /// What there is to say about it.
        why: Why,
        /// By which rail.
        rail: Rail,
        /// The shop can look the attempt up by it.
        reference: Option<String>,
    },
    /// The bank said no.
    Declined {
        /// What to suggest.
        advice: DeclineAdvice,
    },
    /// The buyer's wallet said no.
    DeclinedByWallet {
        /// What to suggest.
        advice: WalletAdvice,
    },
    /// Nothing was sent to the bank.
    NotExecuted,
    /// Something for the buyer to pay by themselves is being made.
    Fetching,
    /// It was not made.
    NotIssued {
        /// What the provider gave does not fit the order.
        refused: bool,
        /// The attempt's reference.
        reference: String,
    },
    /// The buyer pays by themselves. What, is [`State::payable`].
    Payable {
        /// The attempt.
        id: String,
        /// How it stands.
        standing: Standing,
    },
    /// The buyer shows who they are on the provider's page, which is [`State::hosted_page`].
    Identify {
        /// The attempt.
        id: String,
    },
    /// The buyer picks how to pay it off, out of [`State::offers`]. What came of it is `State::pick`.
    Choose {
        /// The attempt.
        id: String,
    },
    /// The purchase was not financed.
    NotFinanced {
        /// What to suggest.
        advice: FinancingAdvice,
    },
    /// Paid.
    Paid {
        /// The receipt; `None` when the session is paid and this attempt has none.
        receipt: Option<ReceiptView>,
        /// The attempt's reference.
        reference: Option<String>,
    },
    /// Somebody at the shop is looking.
    Review {
        /// The order was already paid and this money came on top.
        twice: bool,
        /// The attempt's reference.
        reference: String,
    },
    /// The session's time is over.
    Expired,
    /// No attempts are left.
    Exhausted,
    /// The session could not be read.
    Trouble(Trouble),
}

/// What a buyer who waits is told.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Why {
    /// The bank has not answered yet.
    Bank,
    /// The connection to the proxy was lost.
    Connection,
    /// It has taken long enough that the shop will tell them.
    Confirming,
}

/// How something stands that the buyer pays by themselves.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Standing {
    /// To be paid.
    Open,
    /// Money was seen that may be this payment; nothing more is to be paid.
    Seen,
    /// Its time is over by this side's clock; the proxy has the last word.
    Closing,
    /// Its time is over.
    Over,
}

/// What came of the buyer's word that it is paid.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Check {
    /// Not said yet.
    #[default]
    None,
    /// The provider is being asked.
    Asking,
    /// Nothing is seen yet.
    NotYet,
    /// The connection was lost.
    Lost,
}

/// What came of the buyer's pick.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub enum Pick {
    /// Not picked yet.
    #[default]
    Open,
    /// On its way.
    Sent,
    /// It came to nothing. No money moved.
    Lost(Trouble),
}

/// What the buyer wants in the place of what is shown.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Instead {
    /// The same payment, put otherwise.
    Presentation(Presentation),
    /// To choose anew.
    Method,
}

/// What has happened.
pub enum News {
    /// The widget was mounted.
    Opened,
    /// The session was read.
    CheckoutRead {
        /// The session.
        view: Box<CheckoutView>,
        /// What an earlier page in this tab left behind when it started a payment.
        remembered: Option<Remembered>,
    },
    /// The session could not be read.
    CheckoutLost(Trouble),
    /// The buyer pressed the pay button on a rail's form without mistakes.
    PayPressed(Rail),
    /// The payment was not started after all: the page said no, or the card could not be sealed.
    PayWithdrawn(Option<Trouble>),
    /// The start is on its way.
    StartSent,
    /// The start was answered.
    StartAnswered(Box<AttemptView>),
    /// The start was answered with a problem, or not at all.
    StartFailed {
        /// What happened.
        trouble: Trouble,
        /// The attempt to look at instead.
        attempt_id: Option<String>,
    },
    /// The attempt was read.
    AttemptRead {
        /// Of the question.
        turn: u32,
        /// The attempt.
        view: Box<AttemptView>,
    },
    /// The attempt could not be read, which proves nothing.
    AttemptLost {
        /// Of the question.
        turn: u32,
    },
    /// A [`Deed::Step`] was answered.
    StepTaken {
        /// Of the deed.
        turn: u32,
        /// The attempt.
        view: Box<AttemptView>,
    },
    /// A [`Deed::Step`] was not answered, or not as it should be.
    StepLost {
        /// Of the deed.
        turn: u32,
        /// What happened.
        trouble: Trouble,
    },
    /// The provider's page is done.
    Hosted(HostedMessage),
    /// The buyer picked how to pay it off.
    Picked(FinancingChoice),
    /// A [`Deed::Wake`] is due.
    Awake {
        /// Of the deed.
        turn: u32,
        /// Nobody is looking at the page.
        hidden: bool,
    },
    /// A [`Deed::WakeSlow`] is due.
    Slow,
    /// The page is looked at again.
    Shown,
    /// The buyer wants to know now, or says that it is paid.
    CheckNow,
    /// The buyer wants something else in the place of what is shown.
    Wants(Instead),
    /// The time for what is shown is over by this side's clock.
    RanOut,
    /// The buyer wants another try.
    TryAgain,
    /// The buyer wants the session read again.
    Retry,
    /// The session's time should be over.
    TimeOver,
}

/// What an earlier page in this tab left behind when it started a payment and before it knew the answer.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Remembered {
    /// The attempt that was the latest one then.
    pub after: Option<String>,
}

/// What is to be done.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Deed {
    /// Read the session.
    ReadCheckout,
    /// Turn the form to this presentation.
    Prefer(Presentation),
    /// Ask the page, seal what the form holds, remember a fresh key, and send the start.
    Start,
    /// Send the same start under the same key again.
    StartAgain,
    /// The start is answered: drop it, and what was remembered of it.
    Forget,
    /// Empty the card fields.
    ClearCard,
    /// Read the attempt.
    ReadAttempt {
        /// The attempt.
        id: String,
        /// How long the proxy may hold the answer back.
        wait_secs: u8,
        /// To come back with the answer.
        turn: u32,
    },
    /// Take a step in the attempt.
    Step {
        /// The attempt.
        id: String,
        /// The step.
        step: Step,
        /// To come back with the answer.
        turn: u32,
    },
    /// Come back with [`News::Awake`].
    Wake {
        /// After so long.
        after_ms: u32,
        /// To come back with.
        turn: u32,
    },
    /// Come back with [`News::Slow`] after [`SLOW_AFTER_MS`].
    WakeSlow,
    /// Tell the page.
    Tell(Event),
}

/// How far a start has come.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
enum Start {
    /// None under way.
    #[default]
    None,
    /// The button was pressed; nothing is sent.
    Pressed,
    /// Sent, and not answered.
    Sent,
    /// The connection was lost before an answer.
    Lost,
    /// Answered in a way that leaves open whether it counts; the session will tell.
    Unsure(Trouble),
}

/// The question that is to be asked next.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
enum Due {
    #[default]
    ReadCheckout,
    ReadAttempt,
    StartAgain,
}

impl State {
    /// The latest attempt known, running or ended.
    #[must_use]
    pub fn attempt_id(&self) -> Option<&str> {
        self.attempt.as_ref().map(|attempt| attempt.id.as_str())
    }

    /// Its reference, by which the shop can look it up.
    #[must_use]
    pub fn reference(&self) -> Option<&str> {
        Some(self.attempt.as_ref()?.reference.as_str())
    }

    /// By which rail it is.
    #[must_use]
    pub fn rail(&self) -> Option<Rail> {
        Some(self.attempt.as_ref()?.rail)
    }

    /// What the buyer pays by themselves.
    #[must_use]
    pub fn payable(&self) -> Option<&PayableView> {
        self.attempt.as_ref()?.payable.as_ref()
    }

    /// The provider's page on which the buyer shows who they are.
    #[must_use]
    pub fn hosted_page(&self) -> Option<&HostedPage> {
        self.attempt.as_ref()?.hosted_page.as_ref()
    }

    /// How the purchase may be paid off.
    #[must_use]
    pub fn offers(&self) -> Option<&FinancingOffers> {
        self.attempt.as_ref()?.offers.as_ref()
    }

    /// How long what is before the buyer may still be paid or used.
    #[must_use]
    pub const fn left_ms(&self, now_ms: u64) -> u64 {
        self.deadline_ms.saturating_sub(now_ms)
    }

    /// Takes a piece of news and says what is to be done, in this order. `now_ms` is any clock that
    /// only goes forward.
    pub fn take(&mut self, news: News, now_ms: u64) -> Vec<Deed> {
        let mut deeds = Vec::new();
        match news {
            News::Opened | News::Retry => {
                self.screen = Screen::Loading;
                deeds.push(Deed::ReadCheckout);
            }
            News::CheckoutRead { view, remembered } => {
                self.checkout_read(*view, remembered, now_ms, &mut deeds);
            }
            News::CheckoutLost(trouble) => self.checkout_lost(trouble, now_ms, &mut deeds),
            News::PayPressed(rail) => {
                if let Screen::Form { busy: false, .. } = self.screen {
                    let screen = Screen::Form {
                        busy: true,
                        alert: None,
                    };
                    self.begin(rail, screen, &mut deeds);
                }
            }
            News::PayWithdrawn(trouble) => {
                if self.start == Start::Pressed {
                    self.back_to_form(trouble, &mut deeds);
                }
            }
            News::StartSent => {
                if self.start == Start::Pressed {
                    self.start = Start::Sent;
                    self.ask_anew(now_ms);
                    deeds.push(Deed::WakeSlow);
                }
            }
            News::StartAnswered(view) => {
                if self.start != Start::None {
                    self.start_is_over(&mut deeds);
                    self.settle(*view, now_ms, &mut deeds);
                }
            }
            News::StartFailed {
                trouble,
                attempt_id,
            } => {
                if self.start != Start::None {
                    self.start_failed(trouble, attempt_id, now_ms, &mut deeds);
                }
            }
            News::AttemptRead { turn, view } => {
                if turn == self.turn && self.start == Start::None {
                    self.settle(*view, now_ms, &mut deeds);
                }
            }
            News::AttemptLost { turn } => {
                if turn == self.turn && self.start == Start::None {
                    if self.check == Check::Asking {
                        self.check = Check::Lost;
                    }
                    self.ask_later(None, now_ms, &mut deeds);
                }
            }
            News::StepTaken { turn, view } => {
                if turn == self.turn && self.start == Start::None {
                    self.step_taken(*view, now_ms, &mut deeds);
                }
            }
            News::StepLost { turn, trouble } => {
                if turn == self.turn && self.start == Start::None {
                    self.step_lost(trouble, now_ms, &mut deeds);
                }
            }
            News::Hosted(_) | News::Picked(_) if !FINANCED => {}
            News::Hosted(message) => self.hear(message, now_ms, &mut deeds),
            News::Picked(choice) => self.pick(choice, now_ms, &mut deeds),
            News::Awake { turn, hidden } => {
                if turn == self.turn && !matches!(self.start, Start::Pressed | Start::Sent) {
                    if hidden {
                        self.asleep = true;
                    } else {
                        // What got lost is no news that could be waited for.
                        let lost = self.said.is_some() || self.pick == Pick::Sent;
                        self.ask(if lost { 0 } else { WAIT_SECS }, &mut deeds);
                    }
                }
            }
            News::Slow => {
                if self.is_starting() && self.start != Start::Pressed && self.leaving.is_none() {
                    self.wait_openly(now_ms, &mut deeds);
                }
            }
            News::Shown => {
                // A question that is under way may have been frozen with the page; the newer one counts.
                let watched = matches!(
                    self.screen,
                    Screen::Waiting { .. } | Screen::Payable { .. } | Screen::Identify { .. }
                );
                if self.asleep || watched {
                    self.ask(0, &mut deeds);
                }
            }
            News::CheckNow => match &self.screen {
                Screen::Waiting { .. } => self.ask(0, &mut deeds),
                Screen::Payable { id, .. } if self.check != Check::Asking => {
                    let id = id.clone();
                    self.check = Check::Asking;
                    self.step(id, Step::Check, &mut deeds);
                }
                _ => {}
            },
            News::Wants(instead) => match &self.screen {
                Screen::Payable {
                    id,
                    standing: Standing::Open,
                }
                | Screen::Identify { id } => {
                    self.leave(id.clone(), instead, &mut deeds);
                }
                Screen::Choose { id } if self.pick != Pick::Sent => {
                    self.leave(id.clone(), instead, &mut deeds);
                }
                // Nothing is left to give up.
                Screen::Payable {
                    standing: Standing::Over,
                    ..
                } => self.go_to(instead, &mut deeds),
                // Money may have come.
                _ => {}
            },
            News::RanOut => {
                let waits = FINANCED
                    && match &self.screen {
                        Screen::Identify { .. } => true,
                        Screen::Choose { .. } => self.pick != Pick::Sent,
                        _ => false,
                    };
                if waits && now_ms >= self.deadline_ms {
                    // Off the screen by this side's clock; the proxy has the last word.
                    self.show(Screen::Fetching);
                    self.ask_anew(now_ms);
                    self.ask(0, &mut deeds);
                } else if let Screen::Payable { standing, .. } = &mut self.screen
                    && *standing == Standing::Open
                    && now_ms >= self.deadline_ms
                {
                    *standing = Standing::Closing;
                    self.ask(0, &mut deeds);
                }
            }
            News::TryAgain => {
                if matches!(
                    self.screen,
                    Screen::Declined { .. }
                        | Screen::DeclinedByWallet { .. }
                        | Screen::NotExecuted
                        | Screen::NotIssued { .. }
                        | Screen::NotFinanced { .. }
                ) {
                    self.go_to(Instead::Method, &mut deeds);
                }
            }
            News::TimeOver => {
                if let Screen::Form { busy: false, .. } = self.screen {
                    // The buyer's clock only says when to look; the proxy says whether it is over.
                    deeds.push(Deed::ReadCheckout);
                }
            }
        }
        deeds
    }

    fn checkout_read(
        &mut self,
        mut view: CheckoutView,
        remembered: Option<Remembered>,
        now_ms: u64,
        deeds: &mut Vec<Deed>,
    ) {
        if !self.told_ready {
            self.told_ready = true;
            deeds.push(Deed::Tell(Event::Ready {
                rails: view.rails.clone(),
            }));
        }
        let attempt = view.attempt.take();
        let session = view.state;
        let nothing_offered = view.rails.is_empty();
        self.checkout = Some(Rc::new(view));
        if matches!(self.start, Start::Pressed | Start::Sent) {
            // Asked for by the clock, and overtaken by the buyer: the start will be answered.
            return;
        }
        let (blocking, attempt) = match attempt {
            Some(attempt)
                if attempt.state.blocks_others() || attempt.next_action == NextAction::AskShop =>
            {
                (Some(attempt), None)
            }
            other => (None, other),
        };
        if let Some(attempt) = blocking {
            self.start_is_over(deeds);
            if !attempt.state.is_final() && !self.is_starting() {
                self.ask_anew(now_ms);
            }
            return self.settle(attempt, now_ms, deeds);
        }
        if session == SessionState::Succeeded {
            self.start_is_over(deeds);
            self.show(Screen::Paid {
                receipt: None,
                reference: None,
            });
            return;
        }
        if let Some(attempt) = attempt {
            let seen = match &remembered {
                Some(remembered) => remembered.after.as_ref() == Some(&attempt.id),
                None => self.start == Start::None || self.attempt_id() == Some(&attempt.id),
            };
            if !seen {
                self.start_is_over(deeds);
                return self.settle(attempt, now_ms, deeds);
            }
            self.attempt = Some(attempt);
        }
        if remembered.is_some() && self.start == Start::None && !self.looked_again {
            // The start may still be on its way to the proxy.
            self.looked_again = true;
            self.due = Due::ReadCheckout;
            self.turn += 1;
            deeds.push(Deed::Wake {
                after_ms: LOOK_AGAIN_MS,
                turn: self.turn,
            });
            return;
        }
        let alert = match core::mem::take(&mut self.start) {
            Start::Unsure(trouble) => Some(trouble),
            Start::Lost => Some(error::NETWORK.into()),
            _ => None,
        };
        if remembered.is_some() || alert.is_some() {
            deeds.push(Deed::Forget);
        }
        if session == SessionState::Expired {
            self.expire(deeds);
        } else if nothing_offered {
            self.give_up(error::RAIL_NOT_OFFERED.into(), deeds);
        } else if let Some(attempt) = self.attempt.take_if(|attempt| {
            // The buyer may have paid it in its last second: they must not find an empty form.
            attempt.state == AttemptState::Expired && self.screen == Screen::Loading
        }) {
            self.ask_anew(now_ms);
            self.settle(attempt, now_ms, deeds);
        } else if !matches!(self.screen, Screen::Form { .. }) || alert.is_some() {
            self.show(Screen::Form { busy: false, alert });
        }
    }

    fn checkout_lost(&mut self, trouble: Trouble, now_ms: u64, deeds: &mut Vec<Deed>) {
        if trouble.is(error::SESSION_EXPIRED) {
            self.start = Start::None;
            self.expire(deeds);
        } else if self.screen == Screen::Loading {
            self.give_up(trouble, deeds);
        } else if self.is_starting() || matches!(self.screen, Screen::Waiting { .. }) {
            self.due = Due::ReadCheckout;
            self.ask_later(None, now_ms, deeds);
        }
    }

    fn start_failed(
        &mut self,
        trouble: Trouble,
        attempt_id: Option<String>,
        now_ms: u64,
        deeds: &mut Vec<Deed>,
    ) {
        if trouble.is(error::ATTEMPT_RUNNING) || trouble.is(error::SESSION_PAID) {
            // Another tab or an earlier press came first: this buyer's payment is that one.
            match attempt_id {
                Some(id) => {
                    self.start_is_over(deeds);
                    self.due = Due::ReadAttempt;
                    self.turn += 1;
                    self.asking = true;
                    deeds.push(Deed::ReadAttempt {
                        id,
                        wait_secs: 0,
                        turn: self.turn,
                    });
                }
                None => {
                    self.start = Start::Unsure(trouble);
                    deeds.push(Deed::ReadCheckout);
                }
            }
            return;
        }
        if self.start != Start::Lost {
            deeds.push(Deed::Tell(Event::Error(trouble.clone())));
        }
        if trouble.is(error::SESSION_EXPIRED) {
            self.start_is_over(deeds);
            self.show(Screen::Expired);
        } else if trouble.is(error::ATTEMPTS_EXHAUSTED) {
            self.start_is_over(deeds);
            self.complete(Outcome::Declined, deeds);
            self.show(Screen::Exhausted);
        } else if trouble.may_be_repeated() {
            self.start = Start::Lost;
            self.due = Due::StartAgain;
            if let Screen::Waiting { why, .. } = &mut self.screen {
                *why = Why::Connection;
            }
            self.ask_later(None, now_ms, deeds);
        } else if trouble.fault == Fault::Internal {
            self.start = Start::Unsure(trouble);
            deeds.push(Deed::ReadCheckout);
        } else {
            self.back_to_form(Some(trouble), deeds);
        }
    }

    fn is_starting(&self) -> bool {
        match self.screen {
            Screen::Form { busy, .. } => busy,
            Screen::Fetching => true,
            Screen::Choose { .. } => self.pick == Pick::Sent,
            _ => false,
        }
    }

    fn begin(&mut self, rail: Rail, screen: Screen, deeds: &mut Vec<Deed>) {
        // What was asked before was about another attempt.
        self.due = Due::ReadCheckout;
        self.show(screen);
        self.start = Start::Pressed;
        self.rail = Some(rail);
        deeds.push(Deed::Start);
    }

    /// To what the buyer wants, now that nothing else is in its way.
    fn go_to(&mut self, instead: Instead, deeds: &mut Vec<Deed>) {
        match instead {
            Instead::Presentation(presentation) => {
                deeds.push(Deed::Prefer(presentation));
                self.begin(Rail::Cvu, Screen::Fetching, deeds);
            }
            Instead::Method => self.show(Screen::Form {
                busy: false,
                alert: None,
            }),
        }
    }

    fn step(&mut self, id: String, step: Step, deeds: &mut Vec<Deed>) {
        self.turn += 1;
        self.asleep = false;
        let turn = self.turn;
        deeds.push(Deed::Step { id, step, turn });
    }

    fn step_taken(&mut self, view: AttemptView, now_ms: u64, deeds: &mut Vec<Deed>) {
        self.said = None;
        match self.leaving.take() {
            Some(instead)
                if !view.state.blocks_others() && view.next_action != NextAction::AskShop =>
            {
                self.attempt = Some(view);
                self.go_to(instead, deeds);
            }
            // Not given up: it was paid, or somebody has to look at it.
            _ => self.settle(view, now_ms, deeds),
        }
    }

    fn leave(&mut self, id: String, instead: Instead, deeds: &mut Vec<Deed>) {
        self.show(Screen::Fetching);
        self.leaving = Some(instead);
        self.step(id, Step::Supersede, deeds);
    }

    /// It may have been taken all the same; the next question will tell.
    fn step_lost(&mut self, trouble: Trouble, now_ms: u64, deeds: &mut Vec<Deed>) {
        let leaving = self.leaving.take().is_some();
        if let Some(view) = self.attempt.clone().filter(|_| leaving) {
            self.screen = before_buyer(view);
        }
        let refused = trouble.is(error::IDENTITY_REFUSED) || trouble.is(error::IDENTITY_MALFORMED);
        if FINANCED
            && refused
            && let Some(id) = self.attempt_id().map(String::from)
        {
            // What the page said is not of this attempt, so nothing can come of it.
            deeds.push(Deed::Tell(Event::Error(trouble)));
            let end = NotIdentifiedAs::Retry;
            return self.say(id, Step::NotIdentified(NotIdentified { end }), deeds);
        }
        if self.pick == Pick::Sent && !trouble.may_be_repeated() {
            deeds.push(Deed::Tell(Event::Error(trouble.clone())));
            self.pick = Pick::Lost(trouble);
        }
        if matches!(self.screen, Screen::Payable { .. }) {
            self.check = Check::Lost;
        }
        self.ask_later(None, now_ms, deeds);
    }

    /// The proxy has taken charge of the start, or will never: nothing is left to send.
    fn start_is_over(&mut self, deeds: &mut Vec<Deed>) {
        self.start = Start::None;
        deeds.push(Deed::Forget);
        deeds.push(Deed::ClearCard);
    }

    fn back_to_form(&mut self, alert: Option<Trouble>, deeds: &mut Vec<Deed>) {
        self.start = Start::None;
        deeds.push(Deed::Forget);
        self.show(Screen::Form { busy: false, alert });
    }

    /// Shows where an attempt stands, and asks again if it has not ended.
    fn settle(&mut self, view: AttemptView, now_ms: u64, deeds: &mut Vec<Deed>) {
        let poll_after_ms = view.poll_after_ms;
        let (rail, state) = (view.rail, view.state);
        let screen = match state {
            AttemptState::Issued | AttemptState::Expired if view.payable.is_some() => {
                return self.put_before_buyer(view, now_ms, deeds);
            }
            AttemptState::Prepared if FINANCED && view.hosted_page.is_some() => {
                return self.identify(view, now_ms, deeds);
            }
            AttemptState::Prepared if FINANCED && view.offers.is_some() => {
                return self.choose(view, now_ms, deeds);
            }
            AttemptState::New
            | AttemptState::Prepared
            | AttemptState::Sent
            | AttemptState::Issued
            | AttemptState::Unknown => {
                self.attempt = Some(view);
                self.due = Due::ReadAttempt;
                if !self.is_starting() {
                    self.wait_openly(now_ms, deeds);
                }
                return self.ask_later(poll_after_ms, now_ms, deeds);
            }
            AttemptState::Expired | AttemptState::Superseded => {
                // Another page of this buyer's left it; what took its place, the session tells.
                self.attempt = Some(view);
                self.due = Due::ReadCheckout;
                self.show(Screen::Fetching);
                self.ask_anew(now_ms);
                deeds.push(Deed::ReadCheckout);
                return;
            }
            AttemptState::Succeeded => Screen::Paid {
                receipt: view.receipt.clone(),
                reference: Some(view.reference.clone()),
            },
            AttemptState::Declined if rail == Rail::Flux => Screen::DeclinedByWallet {
                advice: view.wallet_advice.unwrap_or(WalletAdvice::OtherMethod),
            },
            AttemptState::Declined if FINANCED && rail == Rail::Flexiti => Screen::NotFinanced {
                advice: view
                    .financing_advice
                    .unwrap_or(FinancingAdvice::OtherMethod),
            },
            AttemptState::NotExecuted if FINANCED && rail == Rail::Flexiti => Screen::NotFinanced {
                advice: view.financing_advice.unwrap_or(FinancingAdvice::Failure),
            },
            AttemptState::Declined => Screen::Declined {
                advice: view.advice.unwrap_or(DeclineAdvice::OtherCard),
            },
            AttemptState::NotExecuted if rail == Rail::Cvu => Screen::NotIssued {
                refused: view.refused,
                reference: view.reference.clone(),
            },
            AttemptState::NotExecuted => Screen::NotExecuted,
            AttemptState::Review | AttemptState::Duplicate => Screen::Review {
                twice: state == AttemptState::Duplicate,
                reference: view.reference.clone(),
            },
        };
        let action = view.next_action;
        let receipt = view.receipt.as_ref();
        let financing = receipt.and_then(|receipt| receipt.financing);
        let is_held = financing.is_some_and(|it| it.credit != FinancedCredit::Captured);
        self.attempt = Some(view);
        self.show(screen);
        if state == AttemptState::Succeeded {
            let outcome = if is_held {
                Outcome::Authorized
            } else {
                Outcome::Captured
            };
            self.complete(outcome, deeds);
        } else {
            deeds.push(Deed::Tell(Event::Action { rail, action }));
        }
    }

    /// Shows what the buyer pays by themselves, or that its time is over, and goes on asking: money may
    /// come at any moment, and a little later still.
    fn put_before_buyer(&mut self, view: AttemptView, now_ms: u64, deeds: &mut Vec<Deed>) {
        let (left_ms, seen) = view
            .payable
            .as_ref()
            .map_or((0, false), |payable| (payable.expires_in_ms, payable.seen));
        let standing = match (view.state, seen, left_ms) {
            (AttemptState::Expired, ..) => Standing::Over,
            (_, true, _) => Standing::Seen,
            (_, false, 0) => Standing::Closing,
            (_, false, _) => Standing::Open,
        };
        let known = match &self.screen {
            Screen::Payable { id, standing } if *id == view.id => Some(*standing),
            _ => None,
        };
        if known.is_none() {
            self.asked = 0;
            self.check = Check::None;
        }
        if known != Some(standing) && (known.is_none() || standing == Standing::Over) {
            let (rail, action) = (view.rail, view.next_action);
            deeds.push(Deed::Tell(Event::Action { rail, action }));
        }
        self.check = match self.check {
            Check::Asking | Check::NotYet => Check::NotYet,
            Check::None | Check::Lost => Check::None,
        };
        self.deadline_ms = now_ms + left_ms;
        if standing != Standing::Over {
            self.ask_until_ms = self.deadline_ms + ASK_FOR_MS;
        }
        self.screen = Screen::Payable {
            id: view.id.clone(),
            standing,
        };
        let poll_after_ms = view.poll_after_ms;
        self.attempt = Some(view);
        self.due = Due::ReadAttempt;
        self.ask_later(poll_after_ms, now_ms, deeds);
    }

    /// From a busy form, or from nothing, to the screen that says what is known.
    fn wait_openly(&mut self, now_ms: u64, deeds: &mut Vec<Deed>) {
        let known = self
            .attempt
            .as_ref()
            .filter(|attempt| !attempt.state.is_final());
        let why = if self.start == Start::Lost {
            Why::Connection
        } else if now_ms >= self.ask_until_ms
            || known.is_some_and(|attempt| attempt.age_ms > ASK_FOR_MS)
        {
            Why::Confirming
        } else {
            Why::Bank
        };
        let reference = known.map(|attempt| attempt.reference.clone());
        let rail = known
            .map(|attempt| attempt.rail)
            .or(self.rail)
            .unwrap_or(Rail::Card);
        if !matches!(self.screen, Screen::Waiting { .. }) {
            deeds.push(Deed::Tell(Event::Action {
                rail,
                action: NextAction::Wait,
            }));
        }
        self.screen = Screen::Waiting {
            why,
            rail,
            reference,
        };
    }

    fn ask_anew(&mut self, now_ms: u64) {
        self.asked = 0;
        self.ask_until_ms = now_ms + ASK_FOR_MS;
    }

    /// Plans the next question, or leaves it to the buyer when it has been long enough.
    fn ask_later(&mut self, wanted_ms: Option<u32>, now_ms: u64, deeds: &mut Vec<Deed>) {
        self.turn += 1;
        self.asleep = false;
        if now_ms >= self.ask_until_ms {
            self.asking = false;
            if self.due == Due::StartAgain {
                // So late, a start that was never taken must not surprise anybody: only look.
                self.due = Due::ReadCheckout;
            }
            if !matches!(
                self.screen,
                Screen::Payable { .. } | Screen::Identify { .. } | Screen::Choose { .. }
            ) || self.is_starting()
            {
                self.wait_openly(now_ms, deeds);
            }
            return;
        }
        let longest = GAPS_MS[GAPS_MS.len() - 1];
        let gap = GAPS_MS.get(self.asked).copied().unwrap_or(longest);
        self.asked += 1;
        self.asking = true;
        let after_ms = wanted_ms.map_or(gap, |wanted| wanted.clamp(500, longest));
        deeds.push(Deed::Wake {
            after_ms,
            turn: self.turn,
        });
    }

    fn ask(&mut self, wait_secs: u8, deeds: &mut Vec<Deed>) {
        self.turn += 1;
        self.asleep = false;
        self.asking = true;
        deeds.push(match (self.due, &self.attempt) {
            (Due::StartAgain, _) => Deed::StartAgain,
            (Due::ReadAttempt, Some(attempt)) => Deed::ReadAttempt {
                id: attempt.id.clone(),
                wait_secs,
                turn: self.turn,
            },
            (Due::ReadAttempt, None) | (Due::ReadCheckout, _) => Deed::ReadCheckout,
        });
    }

    fn complete(&mut self, outcome: Outcome, deeds: &mut Vec<Deed>) {
        if self.told_complete {
            return;
        }
        if let (Some(checkout), Some(attempt)) = (&self.checkout, &self.attempt) {
            self.told_complete = true;
            deeds.push(Deed::Tell(Event::Complete {
                session_id: checkout.session_id.clone(),
                attempt_id: attempt.id.clone(),
                rail: attempt.rail,
                outcome,
            }));
        }
    }

    fn expire(&mut self, deeds: &mut Vec<Deed>) {
        deeds.push(Deed::ClearCard);
        deeds.push(Deed::Tell(Event::Error(error::SESSION_EXPIRED.into())));
        self.show(Screen::Expired);
    }

    fn give_up(&mut self, trouble: Trouble, deeds: &mut Vec<Deed>) {
        deeds.push(Deed::Tell(Event::Error(trouble.clone())));
        self.show(Screen::Trouble(trouble));
    }

    /// Goes to a screen on which nothing is asked any more.
    fn show(&mut self, screen: Screen) {
        self.turn += 1;
        self.asking = false;
        self.asleep = false;
        self.check = Check::None;
        self.pick = Pick::Open;
        self.screen = screen;
    }
}

/// What an attempt puts before its buyer.
fn before_buyer(view: AttemptView) -> Screen {
    let id = view.id;
    if view.hosted_page.is_some() {
        Screen::Identify { id }
    } else if view.offers.is_some() {
        Screen::Choose { id }
    } else {
        Screen::Payable {
            id,
            standing: Standing::Open,
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::format;
    use alloc::string::ToString;
    use alloc::vec;
    mod financing;

    use super::*;
    use ventanilla_core::money::{Currency, Money};
    use ventanilla_core::problem::{Problem, ProblemCode};

    struct Desk {
        state: State,
        now_ms: u64,
    }

    impl Desk {
        fn new() -> Self {
            let mut desk = Self {
                state: State::default(),
                now_ms: 1_000,
            };
            assert_eq!(desk.take(News::Opened), [Deed::ReadCheckout]);
            desk
        }

        /// With the form open and nothing tried yet.
        fn open() -> Self {
            let mut desk = Self::new();
            desk.read(checkout(None), None);
            assert_eq!(desk.state.screen, form());
            desk
        }

        /// With a start on its way.
        fn paying() -> Self {
            let mut desk = Self::open();
            assert_eq!(desk.take(News::PayPressed(Rail::Card)), [Deed::Start]);
            assert_eq!(desk.take(News::StartSent), [Deed::WakeSlow]);
            desk
        }

        /// With the wish for a code on its way.
        fn asking_for_code() -> Self {
            let mut desk = Self::open();
            assert_eq!(desk.take(News::PayPressed(Rail::Cvu)), [Deed::Start]);
            desk.take(News::StartSent);
            desk
        }

        /// With a code before the buyer, and what was done last.
        fn with_code() -> (Self, Vec<Deed>) {
            let mut desk = Self::asking_for_code();
            let deeds = desk.answered(code("a", AttemptState::Issued));
            assert_eq!(desk.state.screen, payable("a", Standing::Open));
            (desk, deeds)
        }

        fn take(&mut self, news: News) -> Vec<Deed> {
            self.state.take(news, self.now_ms)
        }

        fn read(&mut self, view: CheckoutView, remembered: Option<Remembered>) -> Vec<Deed> {
            self.take(News::CheckoutRead {
                view: Box::new(view),
                remembered,
            })
        }

        fn answered(&mut self, view: AttemptView) -> Vec<Deed> {
            self.take(News::StartAnswered(Box::new(view)))
        }

        fn failed(&mut self, code: ProblemCode, attempt_id: Option<&str>) -> Vec<Deed> {
            self.take(News::StartFailed {
                trouble: Problem::new(code, None).into(),
                attempt_id: attempt_id.map(String::from),
            })
        }

        /// Lets the planned waking come, in a page that is looked at.
        fn wake(&mut self, deeds: &[Deed]) -> Vec<Deed> {
            let (after_ms, turn) = planned(deeds);
            self.now_ms += u64::from(after_ms);
            self.take(News::Awake {
                turn,
                hidden: false,
            })
        }
    }

    fn planned(deeds: &[Deed]) -> (u32, u32) {
        deeds
            .iter()
            .find_map(|deed| match deed {
                Deed::Wake { after_ms, turn } => Some((*after_ms, *turn)),
                _ => None,
            })
            .expect("a waking is planned")
    }

    fn asked(deeds: &[Deed]) -> (String, u8, u32) {
        match deeds {
            [
                Deed::ReadAttempt {
                    id,
                    wait_secs,
                    turn,
                },
            ] => (id.clone(), *wait_secs, *turn),
            other => panic!("one question about an attempt expected, found {other:?}"),
        }
    }

    fn form() -> Screen {
        Screen::Form {
            busy: false,
            alert: None,
        }
    }

    fn busy() -> Screen {
        Screen::Form {
            busy: true,
            alert: None,
        }
    }

    fn waiting(why: Why, reference: Option<&str>) -> Screen {
        Screen::Waiting {
            why,
            rail: Rail::Card,
            reference: reference.map(String::from),
        }
    }

    fn total() -> Money {
        Money::from_minor(1_250_000, Currency::CRC).unwrap()
    }

    fn checkout(attempt: Option<AttemptView>) -> CheckoutView {
        CheckoutView {
            session_id: "ses_1".into(),
            state: SessionState::Open,
            payee: "Tienda Ejemplo".into(),
            order_reference: "A-1".into(),
            total: total(),
            items: vec![],
            rails: vec![Rail::Card, Rail::Cvu],
            card: None,
            cvu: None,
            flux: None,
            flexiti: None,
            attempt,
            expires_at: "2026-11-20T20:00:00Z".into(),
            server_time: "2026-11-20T19:30:00Z".into(),
        }
    }

    fn attempt(id: &str, state: AttemptState) -> AttemptView {
        AttemptView {
            id: id.into(),
            rail: Rail::Card,
            state,
            next_action: NextAction::after(state),
            poll_after_ms: None,
            age_ms: 500,
            reference: format!("VT-{id}"),
            advice: (state == AttemptState::Declined).then_some(DeclineAdvice::InsufficientFunds),
            wallet_advice: None,
            financing_advice: None,
            hosted_page: None,
            offers: None,
            tip: None,
            payable: None,
            refused: false,
            receipt: (state == AttemptState::Succeeded).then(|| ReceiptView {
                paid: total(),
                tip: None,
                paid_at: "2026-11-20T19:31:00Z".into(),
                brand: None,
                last4: Some("4242".into()),
                authorization: None,
                installments: None,
                card_saved: false,
                financing: None,
            }),
        }
    }

    /// On the CVU rail: a code that may be paid for a quarter of an hour.
    fn code(id: &str, state: AttemptState) -> AttemptView {
        AttemptView {
            rail: Rail::Cvu,
            poll_after_ms: Some(3_000),
            payable: matches!(state, AttemptState::Issued | AttemptState::Expired).then(|| {
                PayableView {
                    presentation: Presentation::Qr,
                    link: None,
                    code: Some("000201".into()),
                    transfer: None,
                    expires_in_ms: if state == AttemptState::Issued {
                        QUARTER_MS
                    } else {
                        0
                    },
                    seen: false,
                }
            }),
            ..attempt(id, state)
        }
    }

    const QUARTER_MS: u64 = 900_000;

    fn payable(id: &str, standing: Standing) -> Screen {
        Screen::Payable {
            id: id.into(),
            standing,
        }
    }

    fn stepped(deeds: &[Deed], wanted: Step) -> u32 {
        match deeds {
            [Deed::Step { id, step, turn }] if *step == wanted => {
                assert_eq!(id, "a");
                *turn
            }
            other => panic!("the step {wanted:?} expected, found {other:?}"),
        }
    }

    fn cvu_action(action: NextAction) -> Deed {
        Deed::Tell(Event::Action {
            rail: Rail::Cvu,
            action,
        })
    }

    fn complete(id: &str, outcome: Outcome) -> Deed {
        Deed::Tell(Event::Complete {
            session_id: "ses_1".into(),
            attempt_id: id.into(),
            rail: Rail::Card,
            outcome,
        })
    }

    fn action(action: NextAction) -> Deed {
        Deed::Tell(Event::Action {
            rail: Rail::Card,
            action,
        })
    }

    #[test]
    fn a_payment_that_the_bank_approves_ends_on_the_receipt_and_is_told_once() {
        let mut desk = Desk::paying();
        let deeds = desk.answered(attempt("a", AttemptState::Succeeded));
        assert_eq!(
            deeds,
            [
                Deed::Forget,
                Deed::ClearCard,
                complete("a", Outcome::Captured)
            ]
        );
        assert!(matches!(
            &desk.state.screen,
            Screen::Paid {
                receipt: Some(_),
                ..
            }
        ));
        // The proxy's word again, by whatever way, is no second outcome.
        let deeds = desk.read(checkout(Some(attempt("a", AttemptState::Succeeded))), None);
        assert!(!deeds.contains(&complete("a", Outcome::Captured)));
    }

    #[test]
    fn a_second_press_starts_nothing() {
        let mut desk = Desk::open();
        assert_eq!(desk.take(News::PayPressed(Rail::Card)), [Deed::Start]);
        assert_eq!(desk.take(News::PayPressed(Rail::Card)), []);
        desk.take(News::StartSent);
        assert_eq!(desk.take(News::PayPressed(Rail::Card)), []);
        assert_eq!(desk.state.screen, busy());
    }

    #[test]
    fn a_page_that_says_no_gets_the_form_back() {
        let mut desk = Desk::open();
        desk.take(News::PayPressed(Rail::Card));
        desk.take(News::PayWithdrawn(None));
        assert_eq!(desk.state.screen, form());
        assert_eq!(desk.take(News::PayPressed(Rail::Card)), [Deed::Start]);
    }

    #[test]
    fn a_slow_bank_is_said_after_eight_seconds_and_asked_about_until_it_answers() {
        let mut desk = Desk::paying();
        let mut deeds = desk.answered(AttemptView {
            poll_after_ms: Some(1_500),
            ..attempt("a", AttemptState::Sent)
        });
        assert_eq!(planned(&deeds).0, 1_500, "the proxy says when to ask");
        assert_eq!(desk.state.screen, busy(), "an ordinary payment, so far");
        assert_eq!(desk.take(News::Slow), [action(NextAction::Wait)]);
        assert_eq!(desk.state.screen, waiting(Why::Bank, Some("VT-a")));
        assert!(desk.state.asking);

        deeds = desk.wake(&deeds);
        let (id, wait_secs, turn) = asked(&deeds);
        assert_eq!((id.as_str(), wait_secs), ("a", WAIT_SECS));
        let view = Box::new(attempt("a", AttemptState::Declined));
        deeds = desk.take(News::AttemptRead { turn, view });
        assert_eq!(deeds, [action(NextAction::TryAgain)]);
        assert_eq!(
            desk.state.screen,
            Screen::Declined {
                advice: DeclineAdvice::InsufficientFunds
            }
        );
    }

    #[test]
    fn a_quick_answer_leaves_no_trace_of_the_slow_one() {
        let mut desk = Desk::paying();
        desk.answered(attempt("a", AttemptState::Declined));
        desk.take(News::TryAgain);
        assert_eq!(desk.take(News::Slow), []);
        assert_eq!(desk.state.screen, form());
    }

    #[test]
    fn questions_come_less_often_and_after_three_minutes_only_when_the_buyer_asks() {
        let mut desk = Desk::paying();
        let mut deeds = desk.answered(attempt("a", AttemptState::Unknown));
        desk.take(News::Slow);
        let mut gaps = vec![];
        while deeds.iter().any(|deed| matches!(deed, Deed::Wake { .. })) {
            gaps.push(planned(&deeds).0);
            deeds = desk.wake(&deeds);
            let (_, _, turn) = asked(&deeds);
            deeds = desk.take(News::AttemptLost { turn });
        }
        assert_eq!(gaps[..6], GAPS_MS);
        assert!(gaps[6..].iter().all(|gap| *gap == GAPS_MS[5]));
        assert!((180..200).contains(&(gaps.iter().sum::<u32>() / 1_000)));
        assert_eq!(desk.state.screen, waiting(Why::Confirming, Some("VT-a")));
        assert!(!desk.state.asking);

        let (_, wait_secs, turn) = asked(&desk.take(News::CheckNow));
        assert_eq!(wait_secs, 0, "somebody is waiting for this one");
        assert!(desk.state.asking);
        let view = Box::new(attempt("a", AttemptState::Unknown));
        assert_eq!(desk.take(News::AttemptRead { turn, view }), []);
        assert!(!desk.state.asking);

        let (_, _, turn) = asked(&desk.take(News::CheckNow));
        let view = Box::new(attempt("a", AttemptState::Succeeded));
        desk.take(News::AttemptRead { turn, view });
        assert!(matches!(desk.state.screen, Screen::Paid { .. }));
    }

    #[test]
    fn nobody_is_asked_while_the_page_is_hidden_and_at_once_when_it_is_shown() {
        let mut desk = Desk::paying();
        let deeds = desk.answered(attempt("a", AttemptState::Sent));
        let (_, turn) = planned(&deeds);
        assert_eq!(desk.take(News::Awake { turn, hidden: true }), []);
        let (id, wait_secs, _) = asked(&desk.take(News::Shown));
        assert_eq!((id.as_str(), wait_secs), ("a", 0));
    }

    #[test]
    fn a_stale_answer_changes_nothing() {
        let mut desk = Desk::paying();
        let deeds = desk.answered(attempt("a", AttemptState::Sent));
        let deeds = desk.wake(&deeds);
        let (_, _, old) = asked(&deeds);
        desk.take(News::Slow);
        let (_, _, new) = asked(&desk.take(News::Shown));
        let view = Box::new(attempt("a", AttemptState::Declined));
        assert_eq!(desk.take(News::AttemptRead { turn: old, view }), []);
        assert_eq!(desk.state.screen, waiting(Why::Bank, Some("VT-a")));
        let view = Box::new(attempt("a", AttemptState::Succeeded));
        desk.take(News::AttemptRead { turn: new, view });
        assert!(matches!(desk.state.screen, Screen::Paid { .. }));
    }

    #[test]
    fn a_start_that_got_lost_is_sent_again_as_it_was_and_never_called_a_failure() {
        let mut desk = Desk::paying();
        let deeds = desk.failed(ProblemCode::Network, None);
        assert!(
            matches!(&deeds[0], Deed::Tell(Event::Error(trouble)) if trouble.code == "network")
        );
        assert_eq!(desk.state.screen, busy());
        assert_eq!(desk.take(News::Slow), [action(NextAction::Wait)]);
        assert_eq!(desk.state.screen, waiting(Why::Connection, None));
        let deeds = desk.wake(&deeds);
        assert_eq!(deeds, [Deed::StartAgain]);
        let deeds = desk.failed(ProblemCode::Network, None);
        assert_eq!(deeds.len(), 1, "the page has been told");
        assert_eq!(desk.wake(&deeds), [Deed::StartAgain]);
        let deeds = desk.answered(attempt("a", AttemptState::Unknown));
        assert_eq!(deeds[..2], [Deed::Forget, Deed::ClearCard]);
        assert_eq!(desk.state.screen, waiting(Why::Bank, Some("VT-a")));
    }

    #[test]
    fn after_three_minutes_without_a_connection_the_session_is_read_and_nothing_is_started() {
        let mut desk = Desk::paying();
        let mut deeds = desk.failed(ProblemCode::Network, None);
        desk.take(News::Slow);
        while deeds.iter().any(|deed| matches!(deed, Deed::Wake { .. })) {
            assert_eq!(desk.wake(&deeds), [Deed::StartAgain]);
            deeds = desk.failed(ProblemCode::Network, None);
        }
        assert_eq!(desk.state.screen, waiting(Why::Connection, None));
        assert!(!desk.state.asking);
        assert_eq!(desk.take(News::CheckNow), [Deed::ReadCheckout]);
        // It never arrived: only now may the buyer start another.
        let deeds = desk.read(checkout(None), Some(Remembered { after: None }));
        assert_eq!(deeds, [Deed::Forget]);
        assert!(
            matches!(&desk.state.screen, Screen::Form { busy: false, alert: Some(trouble) } if trouble.code == "network")
        );
    }

    #[test]
    fn an_answer_that_leaves_it_open_is_settled_by_reading_the_session() {
        let mut desk = Desk::paying();
        let deeds = desk.failed(ProblemCode::Internal, None);
        assert_eq!(deeds[1..], [Deed::ReadCheckout]);
        assert_eq!(desk.state.screen, busy());
        let running = checkout(Some(attempt("a", AttemptState::Sent)));
        let deeds = desk.read(running, Some(Remembered { after: None }));
        assert_eq!(deeds[..2], [Deed::Forget, Deed::ClearCard]);
        planned(&deeds);
        assert_eq!(desk.state.screen, busy());

        let mut desk = Desk::paying();
        desk.failed(ProblemCode::Internal, None);
        let deeds = desk.read(checkout(None), Some(Remembered { after: None }));
        assert_eq!(deeds, [Deed::Forget]);
        assert!(
            matches!(&desk.state.screen, Screen::Form { busy: false, alert: Some(trouble) } if trouble.code == "internal")
        );
    }

    #[test]
    fn a_refused_start_keeps_what_was_typed_and_says_why() {
        for code in [
            ProblemCode::ProviderUnavailable,
            ProblemCode::SavedCardUnknown,
            ProblemCode::InstallmentsNotOffered,
            ProblemCode::CardMalformed,
        ] {
            let mut desk = Desk::paying();
            let deeds = desk.failed(code, None);
            assert!(!deeds.contains(&Deed::ClearCard), "{code}");
            assert_eq!(deeds[1..], [Deed::Forget], "{code}");
            assert!(
                matches!(&desk.state.screen, Screen::Form { busy: false, alert: Some(trouble) } if trouble.code == code.name())
            );
        }
    }

    #[test]
    fn an_attempt_of_another_tab_is_taken_for_ones_own() {
        for code in [ProblemCode::AttemptRunning, ProblemCode::SessionPaid] {
            let mut desk = Desk::paying();
            let deeds = desk.failed(code, Some("b"));
            assert_eq!(deeds[..2], [Deed::Forget, Deed::ClearCard]);
            let (id, wait_secs, turn) = asked(&deeds[2..]);
            assert_eq!((id.as_str(), wait_secs), ("b", 0));
            let view = Box::new(attempt("b", AttemptState::Succeeded));
            let deeds = desk.take(News::AttemptRead { turn, view });
            assert_eq!(deeds, [complete("b", Outcome::Captured)]);
        }
    }

    #[test]
    fn a_widget_that_starts_again_picks_up_a_running_attempt() {
        let mut desk = Desk::new();
        let deeds = desk.read(checkout(Some(attempt("a", AttemptState::Unknown))), None);
        assert_eq!(desk.state.screen, waiting(Why::Bank, Some("VT-a")));
        let deeds = desk.wake(&deeds);
        assert_eq!(asked(&deeds).0, "a");
    }

    #[test]
    fn an_attempt_that_has_run_for_long_is_picked_up_as_such() {
        let mut desk = Desk::new();
        let old = AttemptView {
            age_ms: 600_000,
            ..attempt("a", AttemptState::Unknown)
        };
        let deeds = desk.read(checkout(Some(old)), None);
        assert_eq!(desk.state.screen, waiting(Why::Confirming, Some("VT-a")));
        planned(&deeds);
    }

    #[test]
    fn a_paid_session_shows_its_receipt_and_an_expired_one_says_so() {
        let mut desk = Desk::new();
        let mut view = checkout(Some(attempt("a", AttemptState::Succeeded)));
        view.state = SessionState::Succeeded;
        desk.read(view, None);
        assert!(matches!(
            &desk.state.screen,
            Screen::Paid {
                receipt: Some(_),
                ..
            }
        ));

        let mut desk = Desk::new();
        let mut view = checkout(None);
        view.state = SessionState::Expired;
        let deeds = desk.read(view, None);
        assert_eq!(desk.state.screen, Screen::Expired);
        assert!(deeds.iter().any(|deed| matches!(deed, Deed::Tell(Event::Error(trouble)) if trouble.code == "session-expired")));
    }

    #[test]
    fn an_expired_session_with_money_under_way_waits_for_the_money() {
        let mut desk = Desk::new();
        let mut view = checkout(Some(attempt("a", AttemptState::Sent)));
        view.state = SessionState::Expired;
        desk.read(view, None);
        assert_eq!(desk.state.screen, waiting(Why::Bank, Some("VT-a")));
    }

    #[test]
    fn a_decline_that_the_buyer_saw_is_not_shown_again_and_one_they_missed_is() {
        let declined = || checkout(Some(attempt("a", AttemptState::Declined)));
        let mut desk = Desk::new();
        desk.read(declined(), None);
        assert_eq!(desk.state.screen, form());

        // The page was loaded again before the answer to the start of "a" came.
        let mut desk = Desk::new();
        let deeds = desk.read(declined(), Some(Remembered { after: None }));
        assert!(deeds.contains(&Deed::Forget));
        assert!(matches!(desk.state.screen, Screen::Declined { .. }));
    }

    #[test]
    fn a_start_that_may_still_be_on_its_way_is_looked_for_once_more() {
        let remembered = || {
            Some(Remembered {
                after: Some("a".into()),
            })
        };
        let mut desk = Desk::new();
        let deeds = desk.read(
            checkout(Some(attempt("a", AttemptState::Declined))),
            remembered(),
        );
        assert_eq!(desk.state.screen, Screen::Loading);
        assert_eq!(desk.wake(&deeds), [Deed::ReadCheckout]);
        let deeds = desk.read(
            checkout(Some(attempt("b", AttemptState::Sent))),
            remembered(),
        );
        assert!(deeds.contains(&Deed::Forget));
        assert_eq!(desk.state.screen, waiting(Why::Bank, Some("VT-b")));

        let mut desk = Desk::new();
        let deeds = desk.read(checkout(None), remembered());
        assert_eq!(desk.wake(&deeds), [Deed::ReadCheckout]);
        assert_eq!(desk.read(checkout(None), remembered()), [Deed::Forget]);
        assert_eq!(desk.state.screen, form());
    }

    #[test]
    fn money_that_came_twice_or_cannot_be_settled_is_the_shops_to_look_at() {
        for (state, twice) in [
            (AttemptState::Review, false),
            (AttemptState::Duplicate, true),
        ] {
            let mut desk = Desk::paying();
            let deeds = desk.answered(attempt("a", state));
            assert_eq!(deeds[2..], [action(NextAction::AskShop)]);
            let reference = String::from("VT-a");
            assert_eq!(desk.state.screen, Screen::Review { twice, reference });
            assert_eq!(desk.take(News::PayPressed(Rail::Card)), []);
        }
    }

    #[test]
    fn the_last_attempt_ends_the_session() {
        let mut desk = Desk::paying();
        desk.answered(attempt("a", AttemptState::Declined));
        desk.take(News::TryAgain);
        desk.take(News::PayPressed(Rail::Card));
        desk.take(News::StartSent);
        let deeds = desk.failed(ProblemCode::AttemptsExhausted, None);
        assert_eq!(desk.state.screen, Screen::Exhausted);
        assert!(deeds.contains(&complete("a", Outcome::Declined)));
    }

    #[test]
    fn an_earlier_decline_is_never_taken_for_the_answer_to_a_newer_start() {
        let mut desk = Desk::paying();
        desk.answered(attempt("a", AttemptState::Declined));
        desk.take(News::TryAgain);
        desk.take(News::PayPressed(Rail::Card));
        desk.take(News::StartSent);
        desk.take(News::Slow);
        assert_eq!(desk.state.screen, waiting(Why::Bank, None));
        assert_eq!(desk.take(News::Shown), [Deed::ReadCheckout]);
        let seen = Some(Remembered {
            after: Some("a".into()),
        });
        desk.read(checkout(Some(attempt("a", AttemptState::Declined))), seen);
        assert_eq!(desk.state.screen, waiting(Why::Bank, None));
    }

    #[test]
    fn the_clock_only_says_when_to_look_whether_the_time_is_over() {
        let mut desk = Desk::open();
        assert_eq!(desk.take(News::TimeOver), [Deed::ReadCheckout]);
        desk.read(checkout(None), None);
        assert_eq!(desk.state.screen, form());
        desk.take(News::TimeOver);
        let mut view = checkout(None);
        view.state = SessionState::Expired;
        assert!(desk.read(view, None).contains(&Deed::ClearCard));
        assert_eq!(desk.state.screen, Screen::Expired);

        let mut desk = Desk::paying();
        assert_eq!(
            desk.take(News::TimeOver),
            [],
            "a payment under way goes first"
        );
    }

    #[test]
    fn a_session_that_cannot_be_read_can_be_read_again() {
        let mut desk = Desk::new();
        let trouble = Trouble::from(error::NETWORK);
        let deeds = desk.take(News::CheckoutLost(trouble.clone()));
        assert_eq!(deeds, [Deed::Tell(Event::Error(trouble.clone()))]);
        assert_eq!(desk.state.screen, Screen::Trouble(trouble));
        assert_eq!(desk.take(News::Retry), [Deed::ReadCheckout]);
        desk.read(checkout(None), None);
        assert_eq!(desk.state.screen, form());
    }

    #[test]
    fn a_session_without_a_known_rail_cannot_be_paid_here() {
        let mut desk = Desk::new();
        let mut view = checkout(None);
        view.rails = vec![];
        desk.read(view, None);
        assert!(
            matches!(&desk.state.screen, Screen::Trouble(trouble) if trouble.code == "rail-not-offered")
        );
    }

    #[test]
    fn a_code_stands_until_its_time_is_over_and_is_asked_about_as_the_proxy_says() {
        let (mut desk, deeds) = Desk::with_code();
        assert_eq!(deeds[2..3], [cvu_action(NextAction::Pay)]);
        assert_eq!(planned(&deeds).0, 3_000);
        assert_eq!(desk.state.left_ms(desk.now_ms), QUARTER_MS);
        assert!(desk.state.payable().is_some());

        // Longer than any bank is waited for.
        let mut deeds = deeds;
        for _ in 0..100 {
            desk.now_ms += 5_000;
            let (id, wait_secs, turn) = asked(&desk.wake(&deeds));
            assert_eq!((id.as_str(), wait_secs), ("a", WAIT_SECS));
            let mut view = code("a", AttemptState::Issued);
            view.payable.as_mut().unwrap().expires_in_ms = 100_000;
            let view = Box::new(view);
            deeds = desk.take(News::AttemptRead { turn, view });
            assert_eq!(deeds.len(), 1, "the page has been told");
            assert_eq!(desk.state.screen, payable("a", Standing::Open));
            assert_eq!(
                desk.state.left_ms(desk.now_ms),
                100_000,
                "the proxy's clock counts"
            );
        }

        let (_, _, turn) = asked(&desk.wake(&deeds));
        let view = Box::new(code("a", AttemptState::Succeeded));
        let deeds = desk.take(News::AttemptRead { turn, view });
        assert!(matches!(
            &deeds[..],
            [Deed::Tell(Event::Complete {
                rail: Rail::Cvu,
                outcome: Outcome::Captured,
                ..
            })]
        ));
        assert!(matches!(desk.state.screen, Screen::Paid { .. }));
    }

    #[test]
    fn a_page_that_is_loaded_again_shows_the_same_code() {
        let mut desk = Desk::new();
        let deeds = desk.read(checkout(Some(code("a", AttemptState::Issued))), None);
        assert_eq!(desk.state.screen, payable("a", Standing::Open));
        assert_eq!(asked(&desk.wake(&deeds)).0, "a");
    }

    #[test]
    fn a_code_is_not_asked_about_while_nobody_looks_and_at_once_when_the_buyer_is_back() {
        let (mut desk, deeds) = Desk::with_code();
        let (_, turn) = planned(&deeds);
        assert_eq!(desk.take(News::Awake { turn, hidden: true }), []);
        let (id, wait_secs, _) = asked(&desk.take(News::Shown));
        assert_eq!((id.as_str(), wait_secs), ("a", 0));
    }

    #[test]
    fn another_presentation_comes_only_after_the_first_is_given_up() {
        let (mut desk, old) = Desk::with_code();
        let link = Instead::Presentation(Presentation::Link);
        let turn = stepped(&desk.take(News::Wants(link)), Step::Supersede);
        assert_eq!(desk.state.screen, Screen::Fetching, "the code is gone");
        assert_eq!(desk.take(News::Wants(link)), [], "one wish at a time");
        assert_eq!(desk.wake(&old), [], "nothing brings it back");
        assert_eq!(desk.take(News::Shown), []);
        assert_eq!(desk.take(News::Slow), []);

        let view = Box::new(code("a", AttemptState::Superseded));
        assert_eq!(
            desk.take(News::StepTaken { turn, view }),
            [Deed::Prefer(Presentation::Link), Deed::Start]
        );
        assert_eq!(desk.state.screen, Screen::Fetching);
        desk.take(News::StartSent);
        desk.answered(code("b", AttemptState::Issued));
        assert_eq!(desk.state.screen, payable("b", Standing::Open));
    }

    #[test]
    fn a_code_that_was_paid_meanwhile_is_not_replaced() {
        for (state, seen) in [
            (AttemptState::Succeeded, false),
            (AttemptState::Review, false),
            (AttemptState::Duplicate, false),
            (AttemptState::Issued, true),
        ] {
            let (mut desk, _) = Desk::with_code();
            let wish = News::Wants(Instead::Presentation(Presentation::Link));
            let turn = stepped(&desk.take(wish), Step::Supersede);
            let mut view = code("a", state);
            if let Some(payable) = &mut view.payable {
                payable.seen = seen;
            }
            let view = Box::new(view);
            let deeds = desk.take(News::StepTaken { turn, view });
            assert!(!deeds.contains(&Deed::Start), "{state:?}");
            match state {
                AttemptState::Succeeded => {
                    assert!(matches!(desk.state.screen, Screen::Paid { .. }));
                }
                AttemptState::Issued => {
                    assert_eq!(desk.state.screen, payable("a", Standing::Seen));
                }
                _ => assert!(matches!(desk.state.screen, Screen::Review { .. })),
            }
        }
    }

    #[test]
    fn a_wish_that_got_lost_leaves_the_code_where_it_was() {
        let (mut desk, _) = Desk::with_code();
        let wish = News::Wants(Instead::Presentation(Presentation::Link));
        let turn = stepped(&desk.take(wish), Step::Supersede);
        let deeds = desk.take(News::StepLost {
            turn,
            trouble: error::NETWORK.into(),
        });
        assert_eq!(desk.state.screen, payable("a", Standing::Open));
        assert_eq!(desk.state.check, Check::Lost);
        // It had arrived: whatever is there now is read from the session.
        let (_, _, turn) = asked(&desk.wake(&deeds));
        let view = Box::new(code("a", AttemptState::Superseded));
        let deeds = desk.take(News::AttemptRead { turn, view });
        assert_eq!(deeds, [Deed::ReadCheckout]);
        desk.read(checkout(Some(code("a", AttemptState::Superseded))), None);
        assert_eq!(desk.state.screen, form());
    }

    #[test]
    fn another_method_gives_the_code_up_and_opens_the_form() {
        let (mut desk, _) = Desk::with_code();
        let turn = stepped(&desk.take(News::Wants(Instead::Method)), Step::Supersede);
        let view = Box::new(code("a", AttemptState::Superseded));
        assert_eq!(desk.take(News::StepTaken { turn, view }), []);
        assert_eq!(desk.state.screen, form());
        assert_eq!(desk.take(News::PayPressed(Rail::Card)), [Deed::Start]);
    }

    #[test]
    fn a_code_whose_time_is_over_is_hidden_until_the_proxy_has_looked_once_more() {
        let (mut desk, _) = Desk::with_code();
        assert_eq!(desk.take(News::RanOut), [], "not by this clock");
        desk.now_ms += QUARTER_MS;
        let (_, wait_secs, turn) = asked(&desk.take(News::RanOut));
        assert_eq!(wait_secs, 0);
        assert_eq!(desk.state.screen, payable("a", Standing::Closing));
        let wish = News::Wants(Instead::Presentation(Presentation::Qr));
        assert_eq!(desk.take(wish), [], "it may have been paid");
        let view = Box::new(code("a", AttemptState::Expired));
        let deeds = desk.take(News::AttemptRead { turn, view });
        assert_eq!(deeds[..1], [cvu_action(NextAction::TryAgain)]);
        assert_eq!(desk.state.screen, payable("a", Standing::Over));

        // Money that comes a little late is still seen.
        let (_, _, turn) = asked(&desk.wake(&deeds));
        let view = Box::new(code("a", AttemptState::Succeeded));
        desk.take(News::AttemptRead { turn, view });
        assert!(matches!(desk.state.screen, Screen::Paid { .. }));
    }

    #[test]
    fn a_new_code_takes_the_place_of_one_that_expired() {
        let (mut desk, _) = Desk::with_code();
        desk.now_ms += QUARTER_MS;
        let (_, _, turn) = asked(&desk.take(News::RanOut));
        let view = Box::new(code("a", AttemptState::Expired));
        desk.take(News::AttemptRead { turn, view });
        let wish = News::Wants(Instead::Presentation(Presentation::Qr));
        assert_eq!(
            desk.take(wish),
            [Deed::Prefer(Presentation::Qr), Deed::Start]
        );
        desk.take(News::StartSent);
        desk.answered(code("b", AttemptState::Issued));
        assert_eq!(desk.state.screen, payable("b", Standing::Open));
    }

    #[test]
    fn an_expired_code_is_told_of_again_when_the_page_is_loaded_again_and_then_asked_about_no_longer()
     {
        let mut desk = Desk::new();
        let mut deeds = desk.read(checkout(Some(code("a", AttemptState::Expired))), None);
        assert_eq!(desk.state.screen, payable("a", Standing::Over));
        while deeds.iter().any(|deed| matches!(deed, Deed::Wake { .. })) {
            let (_, _, turn) = asked(&desk.wake(&deeds));
            deeds = desk.take(News::AttemptLost { turn });
        }
        assert_eq!(desk.state.screen, payable("a", Standing::Over));
        stepped(&desk.take(News::CheckNow), Step::Check);
    }

    #[test]
    fn the_buyers_word_that_it_is_paid_is_a_reason_to_look_and_nothing_else() {
        let (mut desk, _) = Desk::with_code();
        let turn = stepped(&desk.take(News::CheckNow), Step::Check);
        assert_eq!(desk.state.check, Check::Asking);
        assert_eq!(desk.take(News::CheckNow), [], "one question at a time");
        let view = Box::new(code("a", AttemptState::Issued));
        planned(&desk.take(News::StepTaken { turn, view }));
        assert_eq!(desk.state.check, Check::NotYet);
        assert_eq!(desk.state.screen, payable("a", Standing::Open));

        let turn = stepped(&desk.take(News::CheckNow), Step::Check);
        let deeds = desk.take(News::StepLost {
            turn,
            trouble: error::NETWORK.into(),
        });
        assert_eq!(desk.state.check, Check::Lost);
        assert_eq!(desk.state.screen, payable("a", Standing::Open));
        assert_eq!(asked(&desk.wake(&deeds)).0, "a");

        let turn = stepped(&desk.take(News::CheckNow), Step::Check);
        let (_, _, newer) = asked(&desk.take(News::Shown));
        let view = Box::new(code("a", AttemptState::Succeeded));
        assert_eq!(desk.take(News::StepTaken { turn, view }), [], "overtaken");
        desk.take(News::AttemptLost { turn: newer });
        assert_eq!(desk.state.check, Check::Lost);
    }

    #[test]
    fn money_that_was_seen_takes_the_code_off_the_screen() {
        let (mut desk, deeds) = Desk::with_code();
        let (_, _, turn) = asked(&desk.wake(&deeds));
        let mut view = code("a", AttemptState::Issued);
        view.payable.as_mut().unwrap().seen = true;
        let view = Box::new(view);
        let deeds = desk.take(News::AttemptRead { turn, view });
        assert_eq!(desk.state.screen, payable("a", Standing::Seen));
        planned(&deeds);
        for wish in [
            Instead::Method,
            Instead::Presentation(Presentation::Transfer),
        ] {
            assert_eq!(desk.take(News::Wants(wish)), []);
        }
        let (_, _, turn) = asked(&desk.wake(&deeds));
        let view = Box::new(code("a", AttemptState::Review));
        desk.take(News::AttemptRead { turn, view });
        assert!(matches!(
            desk.state.screen,
            Screen::Review { twice: false, .. }
        ));
    }

    #[test]
    fn a_code_that_was_not_made_or_does_not_fit_is_said_to_be_that() {
        for refused in [false, true] {
            let mut desk = Desk::asking_for_code();
            let view = AttemptView {
                refused,
                ..code("a", AttemptState::NotExecuted)
            };
            let deeds = desk.answered(view);
            assert_eq!(deeds[2..], [cvu_action(NextAction::TryAgain)]);
            let reference = String::from("VT-a");
            assert_eq!(desk.state.screen, Screen::NotIssued { refused, reference });
            desk.take(News::TryAgain);
            assert_eq!(desk.state.screen, form());
        }
    }

    #[test]
    fn a_code_that_takes_long_is_waited_for_by_its_rail_and_not_by_the_banks_words() {
        let mut desk = Desk::asking_for_code();
        desk.answered(code("a", AttemptState::Sent));
        assert_eq!(desk.take(News::Slow), [cvu_action(NextAction::Wait)]);
        assert!(matches!(
            desk.state.screen,
            Screen::Waiting {
                why: Why::Bank,
                rail: Rail::Cvu,
                ..
            }
        ));
        // Lost before anybody knew of it.
        let mut desk = Desk::asking_for_code();
        desk.failed(ProblemCode::Network, None);
        desk.take(News::Slow);
        assert!(matches!(
            desk.state.screen,
            Screen::Waiting {
                why: Why::Connection,
                rail: Rail::Cvu,
                ..
            }
        ));
    }

    // Whatever comes, in whatever order: one start per press, never one while money may have moved, and
    // no word of an end that the proxy did not give.
    #[test]
    fn no_order_of_news_starts_a_payment_while_another_may_have_happened() {
        for seed in 0..3_000_u64 {
            let mut random = seed;
            let mut next = |below: u64| {
                random = random
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1_442_695_040_888_963_407);
                (random >> 33) % below
            };
            let mut desk = Desk::open();
            // What the proxy knows: the attempt of the last start, if it arrived.
            let mut live: Option<(u32, AttemptState)> = None;
            let mut started = 0;
            let mut turns = vec![];
            for _ in 0..60 {
                desk.now_ms += next(20_000);
                let view = live.map(|(id, state)| attempt(&id.to_string(), state));
                let turn = turns
                    .iter()
                    .copied()
                    .cycle()
                    .nth(next(7).try_into().unwrap())
                    .unwrap_or(desk.state.turn);
                let news = match next(12) {
                    0 | 1 => News::PayPressed(Rail::Card),
                    2 => News::StartSent,
                    3 => News::StartFailed {
                        trouble: error::NETWORK.into(),
                        attempt_id: None,
                    },
                    4 => News::Slow,
                    5 => News::Shown,
                    6 => News::CheckNow,
                    7 => News::TryAgain,
                    8 => News::Awake {
                        turn,
                        hidden: next(2) == 0,
                    },
                    9 => News::AttemptLost { turn },
                    10 => match view {
                        Some(view) => News::AttemptRead {
                            turn: desk.state.turn,
                            view: Box::new(view),
                        },
                        None => News::TimeOver,
                    },
                    _ => News::CheckoutRead {
                        view: Box::new(checkout(view)),
                        remembered: (desk.state.start != Start::None)
                            .then_some(Remembered { after: None }),
                    },
                };
                let sent = matches!(news, News::StartSent) && desk.state.start == Start::Pressed;
                let deeds = desk.take(news);
                if sent {
                    // Some starts arrive, some do not.
                    if next(2) == 0 {
                        started += 1;
                        live = Some((started, AttemptState::Sent));
                    }
                } else if let Some((_, state)) = &mut live
                    && *state == AttemptState::Sent
                    && next(6) == 0
                {
                    *state = if next(2) == 0 {
                        AttemptState::Declined
                    } else {
                        AttemptState::Unknown
                    };
                }
                for deed in deeds {
                    match deed {
                        Deed::Start => {
                            assert!(
                                live.is_none_or(|(_, state)| !state.blocks_others()),
                                "seed {seed}: {live:?}"
                            );
                        }
                        Deed::Wake { turn, .. } | Deed::ReadAttempt { turn, .. } => {
                            turns.push(turn)
                        }
                        _ => {}
                    }
                }
                if matches!(desk.state.screen, Screen::Paid { .. } | Screen::NotExecuted) {
                    panic!("seed {seed}: an end that nobody gave");
                }
            }
        }
    }

    // Whatever comes, in whatever order: a code is asked for only when none is there to be paid.
    #[test]
    fn no_order_of_news_puts_two_codes_before_a_buyer() {
        for seed in 0..3_000_u64 {
            let mut random = seed;
            let mut next = |below: u64| {
                random = random
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1_442_695_040_888_963_407);
                (random >> 33) % below
            };
            let mut desk = Desk::open();
            // What the proxy knows: the latest attempt.
            let mut latest: Option<(u32, AttemptState)> = None;
            let mut step = None;
            for _ in 0..80 {
                desk.now_ms += next(60_000);
                let view = latest.map(|(id, state)| code(&id.to_string(), state));
                let turn = desk.state.turn - u32::from(next(5) == 0);
                let news = match (next(13), view) {
                    (0, _) => News::PayPressed(Rail::Cvu),
                    (1, _) => News::StartSent,
                    (2, Some(view)) => News::StartAnswered(Box::new(view)),
                    (3, _) => News::Wants(Instead::Presentation(Presentation::Link)),
                    (4, _) => News::Wants(Instead::Method),
                    (5, _) => News::CheckNow,
                    (6, _) => News::RanOut,
                    (7, _) => News::Shown,
                    (8, _) => News::Slow,
                    (9, _) => News::AttemptLost { turn },
                    (10, Some(view)) if step.take().is_some() => News::StepTaken {
                        turn,
                        view: Box::new(view),
                    },
                    (10, _) => News::StepLost {
                        turn,
                        trouble: error::NETWORK.into(),
                    },
                    (11, Some(view)) => News::AttemptRead {
                        turn,
                        view: Box::new(view),
                    },
                    (_, view) => News::CheckoutRead {
                        view: Box::new(checkout(view)),
                        remembered: None,
                    },
                };
                let sent = matches!(news, News::StartSent) && desk.state.start == Start::Pressed;
                for deed in desk.take(news) {
                    match deed {
                        Deed::Start => assert!(
                            latest.is_none_or(|(_, state)| !state.blocks_others()),
                            "seed {seed}: {latest:?}"
                        ),
                        Deed::Step { step: taken, .. } => {
                            step = Some(taken.clone());
                            // Some steps arrive, some do not.
                            if let Some((_, state)) = &mut latest
                                && taken == Step::Supersede
                                && next(2) == 0
                                && state.may_become(AttemptState::Superseded)
                            {
                                *state = AttemptState::Superseded;
                            }
                        }
                        _ => {}
                    }
                }
                if sent {
                    latest = Some((latest.map_or(0, |(id, _)| id) + 1, AttemptState::Issued));
                } else if let Some((_, state)) = &mut latest
                    && state.may_become(AttemptState::Expired)
                    && next(12) == 0
                {
                    *state = AttemptState::Expired;
                }
                if let Screen::Payable { id, .. } = &desk.state.screen {
                    let (latest, _) = latest.unwrap();
                    assert_eq!(*id, latest.to_string(), "seed {seed}: an older one");
                }
            }
        }
    }
}
