//! What was done with an authorization: captures, releases, returns.

use std::time::Duration;

use ventanilla_core::money::Money;

use super::amount::amount;
use super::id::{AuthorizationId, CaptureId, Reference, ReleaseId, ReturnId};
use super::offer::{Text, elements};
use super::order::{Capture, Part, Release, Return};
use super::status::not_an_object;
use super::wire::{self, PieceFields, Raw, Wrapper, flag, object};
use crate::moment::Moment;
use crate::outcome::Cause;

/// A capture, as the provider shows it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CaptureSeen {
    /// Names it.
    pub id: CaptureId,
    /// Ours, if it is one of ours. May be empty.
    pub reference: String,
    /// When, if that can be read.
    pub at: Option<Moment>,
    /// Where it stands.
    pub status: CaptureStatus,
    /// How much was taken.
    pub amount: Money,
    /// What is due each month, when it is said.
    pub term_amount: Option<Money>,
}

/// Where a capture stands. The set is open.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum CaptureStatus {
    /// `active`, in any case.
    Active,
    /// Another word of at most 32 ASCII letters, digits and underscores; empty for anything longer, or nothing.
    Other(String),
}

/// A release, as the provider shows it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ReleaseSeen {
    /// Names it.
    pub id: ReleaseId,
    /// Ours, if it is one of ours. May be empty.
    pub reference: String,
    /// When, if that can be read.
    pub at: Option<Moment>,
    /// How much was given up.
    pub amount: Money,
}

/// A return, as the provider shows it. Of which capture, it does not say.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ReturnSeen {
    /// Names it.
    pub id: ReturnId,
    /// Ours, if it is one of ours. May be empty.
    pub reference: String,
    /// When, if that can be read.
    pub at: Option<Moment>,
    /// How much was given back.
    pub amount: Money,
}

/// A capture was made.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CaptureDone {
    /// It.
    pub capture: CaptureSeen,
    /// What may still be captured, when it is said.
    pub remaining: Option<Money>,
    /// What the buyer must be told.
    pub message: Option<Text>,
}

/// A release was made.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ReleaseDone {
    /// It.
    pub release: ReleaseSeen,
    /// What may still be captured, when it is said.
    pub remaining: Option<Money>,
    /// What the buyer must be told.
    pub message: Option<Text>,
}

/// A return was made.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ReturnDone {
    /// It.
    pub returned: ReturnSeen,
    /// What may still be returned of the capture, when it is said.
    pub remaining_of_capture: Option<Money>,
    /// What may still be captured, when it is said.
    pub remaining: Option<Money>,
    /// What the buyer must be told.
    pub message: Option<Text>,
}

impl CaptureStatus {
    fn read(raw: &Option<Raw>) -> Self {
        match word(raw) {
            word if word.eq_ignore_ascii_case("active") => Self::Active,
            word => Self::Other(word),
        }
    }
}

impl CaptureSeen {
    /// Whether it was made more than 465 days before `now`, after which a return is likely to be refused;
    /// `None` when it does not say when. For a warning only: the document counts from the purchase, another
    /// page says 100 days, and the provider decides.
    #[must_use]
    pub fn is_late_to_return(&self, now: Moment) -> Option<bool> {
        self.at.map(|at| now > at.plus(RETURN_WINDOW))
    }

    pub(super) fn of(fields: &PieceFields) -> Result<Self, Cause> {
        let id = id(&fields.capture_id, CaptureId::parse).ok_or(Cause::Shape("capture_id"))?;
        let status = fields.status.as_ref().or(fields.capture_status.as_ref());
        Ok(Self {
            id,
            reference: wire::text(&fields.reference).unwrap_or_default(),
            at: at([&fields.date, &fields.capture_date]),
            status: CaptureStatus::read(&status.cloned()),
            amount: amount(&fields.amount).ok_or(Cause::Amount)?,
            term_amount: amount(&fields.term_amount),
        })
    }
}

impl ReleaseSeen {
    pub(super) fn of(fields: &PieceFields) -> Result<Self, Cause> {
        Ok(Self {
            id: id(&fields.release_id, ReleaseId::parse).ok_or(Cause::Shape("release_id"))?,
            reference: wire::text(&fields.reference).unwrap_or_default(),
            at: at([&fields.date, &fields.release_date]),
            amount: amount(&fields.amount).ok_or(Cause::Amount)?,
        })
    }
}

impl ReturnSeen {
    pub(super) fn of(fields: &PieceFields) -> Result<Self, Cause> {
        Ok(Self {
            id: id(&fields.return_id, ReturnId::parse).ok_or(Cause::Shape("return_id"))?,
            reference: wire::text(&fields.reference).unwrap_or_default(),
            at: at([&fields.date, &fields.return_date]),
            amount: amount(&fields.amount).ok_or(Cause::Amount)?,
        })
    }
}

/// Whether the capture that was asked for was made: our reference, the authorization, the amount to the cent,
/// and active.
pub(super) fn captured(body: &str, asked: &Capture) -> Result<CaptureDone, Cause> {
    let fields = about(body, &asked.reference, Some(&asked.authorization))?;
    let capture = CaptureSeen::of(&fields)?;
    if capture.amount != asked.amount {
        return Err(Cause::Amount);
    }
    if capture.status != CaptureStatus::Active {
        return Err(Cause::Shape("status"));
    }
    Ok(CaptureDone {
        capture,
        remaining: amount(&fields.remaining_authorization_amount),
        message: Text::read(&fields.message),
    })
}

/// Whether the release that was asked for was made: our reference, the authorization, and the amount to the
/// cent; of all of it, that nothing remains.
pub(super) fn released(body: &str, asked: &Release) -> Result<ReleaseDone, Cause> {
    let fields = about(body, &asked.reference, Some(&asked.authorization))?;
    let release = ReleaseSeen::of(&fields)?;
    check_part(release.amount, asked.part, &fields.full_release)?;
    let remaining = amount(&fields.remaining_authorization_amount);
    if asked.part == Part::All && remaining.is_some_and(|left| left.minor() > 0) {
        return Err(Cause::Contradiction);
    }
    Ok(ReleaseDone {
        release,
        remaining,
        message: Text::read(&fields.message),
    })
}

/// Whether the return that was asked for was made: our reference, the capture, and the amount to the cent; of
/// all of it, that nothing remains.
pub(super) fn returned(body: &str, asked: &Return) -> Result<ReturnDone, Cause> {
    let fields = about(body, &asked.reference, None)?;
    if wire::text(&fields.capture_id).as_deref() != Some(asked.capture.as_str()) {
        return Err(Cause::Shape("capture_id"));
    }
    let returned = ReturnSeen::of(&fields)?;
    check_part(returned.amount, asked.part, &fields.full_return)?;
    let remaining_of_capture = amount(&fields.remaining_capture_amount);
    if asked.part == Part::All && remaining_of_capture.is_some_and(|left| left.minor() > 0) {
        return Err(Cause::Contradiction);
    }
    Ok(ReturnDone {
        returned,
        remaining_of_capture,
        remaining: amount(&fields.remaining_authorization_amount),
        message: Text::read(&fields.message),
    })
}

/// The elements of a list, each as it is or one step deeper; none when the list is missing or `null`. One
/// that cannot be read spoils them all: it may be the one that is looked for.
pub(super) fn pieces<T>(
    raw: &Option<Raw>,
    name: &'static str,
    read: impl Fn(&PieceFields) -> Result<T, Cause>,
) -> Result<Vec<T>, Cause> {
    let rows = elements(raw).ok_or(Cause::Shape(name))?;
    let read = |row: &Raw| piece(row).and_then(|fields| read(&fields).ok());
    let read: Option<Vec<T>> = rows.iter().map(read).collect();
    read.ok_or(Cause::Shape(name))
}

/// An element of a list; the document's table has it one step deeper than its sample.
pub(super) fn piece(row: &Raw) -> Option<PieceFields> {
    let fields: PieceFields = object(row.get())?;
    if fields.capture_id.is_some() || fields.return_id.is_some() || fields.release_id.is_some() {
        return Some(fields);
    }
    let wrapper: Wrapper = object(row.get())?;
    let inner = wrapper.capture.or(wrapper.returned)?;
    object(inner.get())
}

fn about(
    body: &str,
    reference: &Reference,
    authorization: Option<&AuthorizationId>,
) -> Result<PieceFields, Cause> {
    let fields: PieceFields = object(body).ok_or_else(|| not_an_object(body))?;
    if wire::text(&fields.reference).as_deref() != Some(reference.as_str()) {
        return Err(Cause::Reference);
    }
    let found = wire::text(&fields.authorization_id);
    if authorization.is_some_and(|asked| found.as_deref() != Some(asked.as_str())) {
        return Err(Cause::Shape("authorization_id"));
    }
    Ok(fields)
}

fn check_part(found: Money, asked: Part, full: &Option<Raw>) -> Result<(), Cause> {
    let (is_full, fits) = match asked {
        Part::All => (true, true),
        Part::Amount(amount) => (false, found == amount),
    };
    if !fits {
        return Err(Cause::Amount);
    }
    if flag(full).is_some_and(|said| said != is_full) {
        return Err(Cause::Contradiction);
    }
    Ok(())
}

pub(super) fn id<T>(raw: &Option<Raw>, parse: fn(&str) -> Option<T>) -> Option<T> {
    parse(&wire::text(raw)?)
}

/// The first that is a time.
pub(super) fn at<const N: usize>(fields: [&Option<Raw>; N]) -> Option<Moment> {
    let read = |raw: &Option<Raw>| Moment::read(wire::string(raw)?.trim(), 0);
    fields.into_iter().find_map(read)
}

const RETURN_WINDOW: Duration = Duration::from_secs(465 * 86_400);

/// A short word of the provider's, or nothing.
pub(super) fn word(raw: &Option<Raw>) -> String {
    let is_word = |text: &String| {
        text.len() <= 32
            && text
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    };
    wire::string(raw).filter(is_word).unwrap_or_default()
}
