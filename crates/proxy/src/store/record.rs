//! What the store keeps, as values.

mod credit;
mod errand;

use secrecy::SecretString;
use serde_json::Value;
use ventanilla_core::attempt::AttemptState;
use ventanilla_core::card::Brand;
use ventanilla_core::money::Money;
use ventanilla_core::operation::OperationKind;
use ventanilla_core::rails::Rail;
use ventanilla_core::session::SessionState;

use crate::clock::Timestamp;
use crate::error::Result;
use crate::id;
use crate::machine::NewSession;
use crate::store::FinancingStep;

pub use credit::{CreditRow, CreditState, CreditVerdict, NewCredit, PayableRow, Payer, Watched};
pub use errand::{
    ErrandChange, ErrandEventRow, ErrandItem, ErrandKind, ErrandOpened, ErrandRow, ErrandScene,
    WholeErrand,
};

/// What the merchant's key of a session begins with that its server pays. No idempotency key has a colon.
pub const TOKEN_PAYMENT: &str = "token-payment:";

/// A session as it is kept.
#[derive(Clone, Debug)]
pub struct SessionRow {
    /// `ses_` and 26 characters.
    pub id: String,
    /// SHA-256 of the merchant's request, 64 lower-case hex digits.
    pub fingerprint: String,
    /// The merchant's server pays it, with a saved card, and no buyer is let into it. Kept by its key, which
    /// begins with [`TOKEN_PAYMENT`].
    pub is_unattended: bool,
    /// Where it stands.
    pub state: SessionState,
    /// What the merchant asked for, with every default filled in.
    pub request: NewSession,
    /// When it was opened.
    pub created_at: Timestamp,
    /// When it may no longer be paid.
    pub expires_at: Timestamp,
}

/// An attempt as it is kept. Identity, amount and request never change after it was recorded.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct AttemptRow {
    /// `att_` and 26 characters.
    pub id: String,
    /// Its session.
    pub session_id: String,
    /// The browser's key for it.
    pub idempotency_key: String,
    /// SHA-256 of the browser's request without the sealed card, 64 lower-case hex digits.
    pub fingerprint: String,
    /// Its rail.
    pub rail: Rail,
    /// Where it stands.
    pub state: AttemptState,
    /// Grows by one with every change.
    pub version: i64,
    /// Our reference: 26 characters, this attempt's alone.
    pub reference: String,
    /// The reference of an earlier attempt under which this one goes out instead of its own, so that the
    /// provider takes one of the two at most. The store decides it when the attempt is recorded.
    pub carried_reference: Option<String>,
    /// What is to be paid: the session's total, and the tip.
    pub total: Money,
    /// How much of [`AttemptRow::total`] is a tip, in minor units.
    pub tip_minor: u64,
    /// Installments picked.
    pub installments: Option<u8>,
    /// The buyer asked to save the card.
    pub save_card: bool,
    /// The saved card it is paid with.
    pub saved_card_id: Option<String>,
    /// The process that started it.
    pub owner: String,
    /// When it was recorded.
    pub created_at: Timestamp,
    /// How often the right to send was taken.
    pub sends: u8,
    /// How often it came back unused: at most [`MAX_RETURNS`].
    pub returns: u8,
    /// When the right was last taken.
    pub sent_at: Option<Timestamp>,
    /// When the call must have answered, or was over if its sender says so later.
    pub deadline_at: Option<Timestamp>,
    /// When its outcome came to be in doubt; after its end, when its sender reported that late.
    pub unknown_at: Option<Timestamp>,
    /// Reads in a row that did not find it.
    pub not_found: u32,
    /// Reads after a negative end that had been in doubt.
    pub second_looks: u8,
    /// When it was last read back.
    pub last_read_at: Option<Timestamp>,
    /// When it is to be read back next.
    pub next_check_at: Option<Timestamp>,
    /// Why it ended as it did, or what the doubt is, in our own words.
    pub reason: Option<String>,
    /// The provider's code, with a decline.
    pub provider_code: Option<String>,
    /// What the provider confirmed.
    pub confirmed: Option<Money>,
    /// The issuer's authorization code.
    pub authorization: Option<String>,
    /// The card's brand.
    pub brand: Option<Brand>,
    /// The card's last four digits.
    pub last4: Option<String>,
    /// The card's leading digits as the provider told them; a void or refund needs them.
    pub bin: Option<String>,
    /// The card was saved with this attempt.
    pub card_saved: bool,
    /// When it ended.
    pub settled_at: Option<Timestamp>,
}

impl AttemptRow {
    /// An attempt of `session` that nothing has happened to, for the session's total, with an
    /// identifier and a reference of its own.
    ///
    /// # Errors
    ///
    /// `internal` when the operating system has no randomness.
    pub fn new(
        session: &SessionRow,
        rail: Rail,
        idempotency_key: &str,
        owner: &str,
        now: Timestamp,
    ) -> Result<Self> {
        Ok(Self {
            id: id::make_prefixed("att")?,
            session_id: session.id.clone(),
            idempotency_key: idempotency_key.to_owned(),
            fingerprint: String::new(),
            rail,
            state: AttemptState::New,
            version: 0,
            reference: id::make()?,
            carried_reference: None,
            total: session.request.total,
            tip_minor: 0,
            installments: None,
            save_card: false,
            saved_card_id: None,
            owner: owner.to_owned(),
            created_at: now,
            sends: 0,
            returns: 0,
            sent_at: None,
            deadline_at: None,
            unknown_at: None,
            not_found: 0,
            second_looks: 0,
            last_read_at: None,
            next_check_at: None,
            reason: None,
            provider_code: None,
            confirmed: None,
            authorization: None,
            brand: None,
            last4: None,
            bin: None,
            card_saved: false,
            settled_at: None,
        })
    }

    /// The reference that it goes out under and is read back by.
    #[must_use]
    pub fn at_provider(&self) -> &str {
        self.carried_reference.as_deref().unwrap_or(&self.reference)
    }

    /// Whether it waits for its buyer: nothing was sent, and until
    /// [`next_check_at`](AttemptRow::next_check_at) nobody may hold it for left behind.
    #[must_use]
    pub fn waits_for_buyer(&self) -> bool {
        self.state == AttemptState::Prepared && self.next_check_at.is_some()
    }

    /// The tip, unless there is none.
    #[must_use]
    pub fn tip(&self) -> Option<Money> {
        let tip = Money::from_minor(self.tip_minor, self.total.currency()).ok()?;
        (self.tip_minor > 0).then_some(tip)
    }
}

/// How often an unused right to send may come back.
pub const MAX_RETURNS: u8 = 2;

/// A session to be opened.
pub struct SessionDraft<'a> {
    /// The session.
    pub row: &'a SessionRow,
    /// The merchant's idempotency key.
    pub merchant_key: &'a str,
}

/// What opening a session came to.
pub enum Opened {
    /// It is new.
    New(SessionRow),
    /// The key was used before with the same request.
    Same(SessionRow),
    /// The key was used before with another request.
    KeyReused,
}

/// What starting an attempt came to.
pub enum Started {
    /// It is recorded and new.
    New(AttemptRow),
    /// The key was used before with the same request.
    Same(AttemptRow),
    /// The key was used before with another request.
    KeyReused,
    /// There is no such session.
    NoSession,
    /// The session has expired.
    Expired,
    /// This attempt paid the session.
    Paid(String),
    /// This attempt runs, or its outcome is not known.
    Running(String),
    /// The session has used up its attempts.
    Exhausted,
}

/// When starting an attempt is refused.
#[derive(Clone, Copy)]
pub struct StartRules {
    /// How many attempts of a session may reach the provider's money call.
    pub attempts: u32,
    /// An attempt recorded before this moment whose right was never taken no longer stands in the
    /// way: whoever started it is gone.
    pub abandoned_before: Timestamp,
}

/// What ending a session came to.
pub enum Ended {
    /// It is expired, now or since earlier.
    Expired(Box<SessionRow>),
    /// There is no such session.
    NoSession,
    /// It is paid by this attempt.
    Paid(String),
    /// Money may be moving in this attempt.
    Running(String),
}

/// A session and everything that was tried in it, read at one moment.
pub struct WholeSession {
    /// The session.
    pub session: SessionRow,
    /// Its attempts, oldest first.
    pub attempts: Vec<AttemptRow>,
    /// The operations on them, oldest first.
    pub operations: Vec<OperationRow>,
    /// What its attempts made payable, oldest first.
    pub payables: Vec<PayableRow>,
    /// The credits of its attempts, and those in review that may be one's; in the order in which they
    /// were seen.
    pub credits: Vec<CreditRow>,
}

/// An attempt in its surroundings, read in one transaction.
pub struct Scene<'a> {
    /// The attempt.
    pub attempt: &'a AttemptRow,
    /// Every other attempt of its session.
    pub others: &'a [AttemptRow],
    /// Its session.
    pub session: &'a SessionRow,
}

/// What is to become of an attempt, and why.
pub struct Change {
    /// The attempt as it shall be. Its version is counted by the store.
    pub after: AttemptRow,
    /// When it happens: the time of whoever decides, while nobody else can write.
    pub at: Timestamp,
    /// What happened, in snake case.
    pub kind: &'static str,
    /// The evidence, without secrets.
    pub evidence: Value,
    /// A card to keep for the buyer.
    pub saved_card: Option<NewSavedCard>,
    /// An operation that is opened by the same commit: the return of money that came twice.
    pub operation: Option<OperationRow>,
    /// What it does to what waits for the buyer.
    pub financing: Option<FinancingStep>,
    /// What is payable from now on: there when the attempt comes to
    /// [`Issued`](AttemptState::Issued), and only then.
    pub payable: Option<PayableRow>,
}

/// A card to keep.
#[derive(Clone)]
pub struct NewSavedCard {
    /// `crd_` and 26 characters.
    pub id: String,
    /// Whose it is.
    pub buyer_id: String,
    /// The provider's stand-in for the card number.
    pub token: SecretString,
    /// Its brand.
    pub brand: Option<Brand>,
    /// Its last four digits.
    pub last4: String,
    /// Its leading digits.
    pub bin: Option<String>,
    /// 1 to 12.
    pub expiry_month: Option<u8>,
    /// Four digits.
    pub expiry_year: Option<u16>,
}

/// A kept card, without its token.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SavedCardRow {
    /// `crd_` and 26 characters.
    pub id: String,
    /// Whose it is.
    pub buyer_id: String,
    /// Its brand.
    pub brand: Option<Brand>,
    /// Its last four digits.
    pub last4: String,
    /// Its leading digits.
    pub bin: Option<String>,
    /// 1 to 12.
    pub expiry_month: Option<u8>,
    /// Four digits.
    pub expiry_year: Option<u16>,
    /// When it was kept.
    pub created_at: Timestamp,
}

/// An operation on a paid attempt, as it is kept. Identity, kind and amount never change after it was
/// recorded.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct OperationRow {
    /// `opr_` and 26 characters.
    pub id: String,
    /// The attempt that it is about.
    pub attempt_id: String,
    /// That attempt's session.
    pub session_id: String,
    /// What is done.
    pub kind: OperationKind,
    /// The merchant's key for it; `duplicate` when the proxy opened it for money that came twice.
    pub idempotency_key: String,
    /// SHA-256 of the merchant's request, 64 lower-case hex digits.
    pub fingerprint: String,
    /// Where it stands; never `duplicate`.
    pub state: AttemptState,
    /// Grows by one with every change.
    pub version: i64,
    /// Our reference for it, at providers that take one: 26 characters, this operation's alone.
    pub reference: String,
    /// How much of the payment it is about.
    pub amount: Money,
    /// When it was recorded.
    pub created_at: Timestamp,
    /// How often the right to send was taken.
    pub sends: u8,
    /// How often it came back unused: at most [`MAX_RETURNS`].
    pub returns: u8,
    /// When the right was last taken.
    pub sent_at: Option<Timestamp>,
    /// When the call must have answered, or was over if its sender says so later.
    pub deadline_at: Option<Timestamp>,
    /// When its outcome came to be in doubt; after its end, when its sender reported that late.
    pub unknown_at: Option<Timestamp>,
    /// Reads in a row that showed it not done.
    pub not_done: u32,
    /// When the payment was last read back for it.
    pub last_read_at: Option<Timestamp>,
    /// When it is to be taken up next: driven while it is new or prepared, read back while it is in doubt.
    pub next_check_at: Option<Timestamp>,
    /// Why it ended as it did, or what the doubt is, in our own words.
    pub reason: Option<String>,
    /// The provider's code, with a refusal.
    pub provider_code: Option<String>,
    /// When it ended.
    pub settled_at: Option<Timestamp>,
}

impl OperationRow {
    /// An operation on `attempt` that nothing has happened to, due at once, with an identifier and a
    /// reference of its own.
    ///
    /// # Errors
    ///
    /// `internal` when the operating system has no randomness.
    pub fn new(
        attempt: &AttemptRow,
        kind: OperationKind,
        amount: Money,
        idempotency_key: &str,
        now: Timestamp,
    ) -> Result<Self> {
        Ok(Self {
            id: id::make_prefixed("opr")?,
            attempt_id: attempt.id.clone(),
            session_id: attempt.session_id.clone(),
            kind,
            idempotency_key: idempotency_key.to_owned(),
            fingerprint: String::new(),
            state: AttemptState::New,
            version: 0,
            reference: id::make()?,
            amount,
            created_at: now,
            sends: 0,
            returns: 0,
            sent_at: None,
            deadline_at: None,
            unknown_at: None,
            not_done: 0,
            last_read_at: None,
            next_check_at: Some(now),
            reason: None,
            provider_code: None,
            settled_at: None,
        })
    }
}

/// What opening an operation came to.
pub enum OperationOpened {
    /// It is recorded and new.
    New(OperationRow),
    /// The key was used before with the same request.
    Same(OperationRow),
    /// The key was used before with another request.
    KeyReused,
    /// There is no such attempt.
    NoAttempt,
    /// No money was taken with the attempt.
    NotPaid,
    /// This operation of the attempt runs, or its outcome is not known.
    Running(String),
    /// More than this, in minor units, is not left.
    TooMuch {
        /// What is left of the payment.
        left: u64,
    },
    /// As much is left, but not of any one capture, and a return is of one.
    NoCapture(Vec<CaptureLeft>),
}

/// A capture of which something can still come back.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CaptureLeft {
    /// The operation that it was.
    pub operation_id: String,
    /// How much, in minor units. Never 0.
    pub left: u64,
}

/// An operation in its surroundings, read in one transaction.
pub struct OperationScene<'a> {
    /// The operation.
    pub operation: &'a OperationRow,
    /// Every other operation of its attempt.
    pub others: &'a [OperationRow],
    /// Its attempt.
    pub attempt: &'a AttemptRow,
    /// Its session.
    pub session: &'a SessionRow,
}

/// What is to become of an operation, and why.
pub struct OperationChange {
    /// The operation as it shall be. Its version is counted by the store.
    pub after: OperationRow,
    /// When it happens.
    pub at: Timestamp,
    /// What happened, in snake case.
    pub kind: &'static str,
    /// The evidence, without secrets.
    pub evidence: Value,
}

/// Something that happened.
#[derive(Clone, Debug)]
pub struct EventRow {
    /// When.
    pub at: Timestamp,
    /// To which attempt; none is to the session itself.
    pub attempt_id: Option<String>,
    /// To which operation of that attempt.
    pub operation_id: Option<String>,
    /// What, in snake case.
    pub kind: String,
    /// The state before, when it changed.
    pub from_state: Option<String>,
    /// The state after, when it changed.
    pub to_state: Option<String>,
    /// The evidence.
    pub evidence: Value,
}

/// That something happened.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct News {
    /// The number of the event.
    pub event: i64,
    /// The operation that it happened to, else the attempt, else the session.
    pub about: String,
}

/// Something that the merchant is to be told.
#[derive(Clone, Debug)]
pub struct OutboxRow {
    /// `msg_` and 26 characters: the receiver drops what it has seen.
    pub id: String,
    /// `session.<state>`, `attempt.<state>`, `operation.<state>` or `credit.review`.
    pub kind: String,
    /// The session; none with a credit that may be nobody's, or with an errand.
    pub session_id: Option<String>,
    /// The attempt, when it is about one.
    pub attempt_id: Option<String>,
    /// The operation, when it is about one on an attempt.
    pub operation_id: Option<String>,
    /// The errand, when it is about one.
    pub errand_id: Option<String>,
    /// The credit, when it is about one.
    pub credit_id: Option<String>,
    /// What the merchant is told: the records as this commit left them, in the form of the merchant
    /// API, without anything secret.
    pub payload: Value,
    /// When it became true.
    pub created_at: Timestamp,
    /// How often delivery was tried.
    pub tries: u32,
    /// When delivery is tried next; none when it is delivered or given up.
    pub next_try_at: Option<Timestamp>,
    /// When it was delivered.
    pub delivered_at: Option<Timestamp>,
    /// When it was given up.
    pub given_up_at: Option<Timestamp>,
    /// Why the last try failed, in our own words.
    pub last_error: Option<String>,
}

/// News that is still to be delivered.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Undelivered {
    /// How much.
    pub count: u64,
    /// Since when the oldest of it waits.
    pub oldest_at: Option<Timestamp>,
}

/// A receiver of webhooks that asked for no more.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct DisabledReceiver {
    /// Its URL.
    pub url: String,
    /// Since when.
    pub since: Timestamp,
    /// Why, in our own words.
    pub reason: String,
}

/// What somebody at the merchant must look at.
#[derive(Clone, Debug, Default)]
pub struct ReviewRows {
    /// Attempts in review, and duplicates whose money is not on its way back; oldest first.
    pub attempts: Vec<AttemptRow>,
    /// Operations in review, oldest first.
    pub operations: Vec<OperationRow>,
    /// Errands in review, oldest first.
    pub errands: Vec<ErrandRow>,
    /// Credits in review, in the order in which they were seen.
    pub credits: Vec<CreditRow>,
}

/// The attempts whose outcome is in doubt.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Doubt {
    /// How many.
    pub open: u64,
    /// Since when the oldest is.
    pub oldest_at: Option<Timestamp>,
}

/// The moments from which work is overdue.
#[derive(Clone, Copy)]
pub struct Overdue {
    /// A call whose deadline lies before this has no answer any more.
    pub deadline_before: Timestamp,
    /// An attempt recorded before this whose right was never taken is over.
    pub unsent_before: Timestamp,
    /// An attempt that waits for its buyer until this or before has waited long enough.
    pub waited_until: Timestamp,
}
