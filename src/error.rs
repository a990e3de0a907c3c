//! What can go wrong, as the shop's page hears it: fault, code, message.
//!
//! The codes are the table in [`ventanilla_core::problem`]; what the proxy answers is passed on, and the
//! few things that go wrong on this side are listed here.

use alloc::string::String;

use ventanilla_core::problem::{Fault, Problem, ProblemCode};

/// Something went wrong: whose turn it is, a stable code, and a sentence in English for a developer.
///
/// Never card data, never a client token.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Trouble {
    /// Whose turn it is.
    pub fault: Fault,
    /// [`ProblemCode::name`], or the code of a newer proxy.
    pub code: String,
    /// What happened.
    pub message: String,
}

impl Trouble {
    /// Whether it is this one.
    #[must_use]
    pub fn is(&self, known: Known) -> bool {
        self.code == known.code
    }

    /// Whether the request may have reached the proxy without an answer coming back, or was turned away
    /// before anybody looked at it: the same request may be sent again.
    #[must_use]
    pub fn may_be_repeated(&self) -> bool {
        self.fault == Fault::Network
    }
}

impl From<Problem> for Trouble {
    fn from(problem: Problem) -> Self {
        Self {
            fault: problem.fault,
            code: problem.code,
            message: problem.detail.unwrap_or(problem.title),
        }
    }
}

impl From<Known> for Trouble {
    fn from(known: Known) -> Self {
        Self {
            fault: known.fault,
            code: String::from(known.code),
            message: String::from(known.message),
        }
    }
}

/// A row of the problem table that this side knows by name.
///
/// Taken from the table while compiling, so that the rows nobody names stay out of the download.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Known {
    fault: Fault,
    code: &'static str,
    message: &'static str,
}

impl Known {
    const fn row(code: ProblemCode) -> Self {
        Self {
            fault: code.fault(),
            code: code.name(),
            message: code.title(),
        }
    }
}

/// An attempt of this session is running.
pub const ATTEMPT_RUNNING: Known = Known::row(ProblemCode::AttemptRunning);
/// No attempts are left.
pub const ATTEMPTS_EXHAUSTED: Known = Known::row(ProblemCode::AttemptsExhausted);
/// The proxy does not take the client token.
pub const CLIENT_TOKEN_INVALID: Known = Known::row(ProblemCode::ClientTokenInvalid);
/// The rail is not for this page, which is the shop's own.
pub const FRAME_ONLY: Known = Known::row(ProblemCode::FrameOnly);
/// What says who the buyer is is not in its form.
pub const IDENTITY_MALFORMED: Known = Known::row(ProblemCode::IdentityMalformed);
/// What the provider's page said is not of this attempt.
pub const IDENTITY_REFUSED: Known = Known::row(ProblemCode::IdentityRefused);
/// Something broke.
pub const INTERNAL: Known = Known::row(ProblemCode::Internal);
/// The provider's key was refused; nothing was sealed.
pub const KEY_REFUSED: Known = Known::row(ProblemCode::KeyRefused);
/// The proxy did not answer, or not in its own words.
pub const NETWORK: Known = Known::row(ProblemCode::Network);
/// No rail is offered that this widget knows.
pub const RAIL_NOT_OFFERED: Known = Known::row(ProblemCode::RailNotOffered);
/// The saved card is gone.
pub const SAVED_CARD_UNKNOWN: Known = Known::row(ProblemCode::SavedCardUnknown);
/// The page is not one in which cards can be encrypted.
pub const SETUP_INVALID: Known = Known::row(ProblemCode::SetupInvalid);
/// The session's time is over.
pub const SESSION_EXPIRED: Known = Known::row(ProblemCode::SessionExpired);
/// The session is paid.
pub const SESSION_PAID: Known = Known::row(ProblemCode::SessionPaid);
