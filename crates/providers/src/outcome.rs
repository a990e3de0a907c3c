//! What is proven about a provider call.

use std::fmt;

/// The result of a provider call, decided by proof.
///
/// [`Outcome::Unknown`] is the default: whatever proves nothing else is unknown, and an unknown call
/// that moves money is settled by reading, never by calling again.
///
/// Exhaustive on purpose: a caller that has not heard of an outcome must not compile.
#[derive(Debug)]
#[must_use = "an outcome that nobody looks at may be money that nobody knows of"]
pub enum Outcome<T> {
    /// No byte of the request left: name look-up, TCP connect or TLS handshake failed, the request
    /// could not be written down, or the access token that it needs could not be had.
    NotSent(Cause),
    /// The provider said, in a documented way, that it did not execute the call.
    Rejected(Cause),
    /// A documented answer, about our reference.
    Definite(T),
    /// Anything else. The provider may have executed the call.
    Unknown(Cause),
}

impl<T> Outcome<T> {
    /// The class in one word, for logs and metrics: `not_sent`, `rejected`, `definite`, `unknown`.
    #[must_use]
    pub const fn class(&self) -> &'static str {
        match self {
            Self::NotSent(_) => "not_sent",
            Self::Rejected(_) => "rejected",
            Self::Definite(_) => "definite",
            Self::Unknown(_) => "unknown",
        }
    }

    /// Why the outcome is not definite.
    #[must_use]
    pub const fn cause(&self) -> Option<Cause> {
        match self {
            Self::NotSent(cause) | Self::Rejected(cause) | Self::Unknown(cause) => Some(*cause),
            Self::Definite(_) => None,
        }
    }

    /// Changes the value of a definite outcome.
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Outcome<U> {
        match self {
            Self::NotSent(cause) => Outcome::NotSent(cause),
            Self::Rejected(cause) => Outcome::Rejected(cause),
            Self::Definite(value) => Outcome::Definite(change(value)),
            Self::Unknown(cause) => Outcome::Unknown(cause),
        }
    }
}

/// Why an outcome is not definite. Safe to print and to log: it holds no secret and nothing that a
/// provider wrote.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Cause {
    /// The amount in the answer is missing, unreadable or not the one expected.
    Amount,
    /// The answer is longer than [`Cause::ANSWER_MAX_BYTES`].
    AnswerTooLong,
    /// The provider refused the card number before it asked a bank.
    CardNumber,
    /// The provider does not know the card token.
    CardToken,
    /// Name look-up, TCP connect or TLS handshake failed.
    Connect,
    /// The connection broke before the whole answer was there.
    ConnectionLost,
    /// The answer says it is something else than JSON.
    ContentType,
    /// The answer says one thing in one place and the opposite in another.
    Contradiction,
    /// The provider refused the merchant's credentials.
    Credentials,
    /// The currency in the answer is missing or not the one expected.
    Currency,
    /// The provider turned the request away at its door: not with these rights, or not from here.
    Forbidden,
    /// An HTTP status that proves nothing.
    HttpStatus(u16),
    /// The answer names a status that is not a final one, or that no document describes.
    NotFinal,
    /// The provider does not know what was asked about.
    NotFound,
    /// The answer is not the JSON it claims to be.
    NotJson,
    /// The reference in the answer is missing or not ours.
    Reference,
    /// The provider refuses the reference because it knows it: an earlier sending of it arrived. Says nothing
    /// about what became of that one.
    ReferenceTaken,
    /// The provider says that it did not do it, without a code; its text is for nobody to act on.
    Refused,
    /// A value of ours that cannot be sent; names the field.
    Request(&'static str),
    /// The provider timed out and says that it applied a reversal (GreenPay's 899).
    Reversed,
    /// The provider could not open the sealed card: another key, or damaged. Says nothing about why.
    SealedCard,
    /// The provider does not know its order session, or it has expired.
    Session,
    /// The provider refused the token of its order session.
    SessionToken,
    /// A field is missing or not as the provider's document says; names the field.
    Shape(&'static str),
    /// The answer's signature is missing or does not verify for our reference.
    Signature,
    /// The provider says that the merchant's account with it is not set up for this.
    Setup,
    /// The provider does not know the merchant's terminal.
    Terminal,
    /// No whole answer within the time limit.
    Timeout,
    /// The total in the answer is not the sum of its parts.
    Total,
    /// The provider reports an error that its document does not name.
    UnknownError,
    /// The provider found the request malformed.
    Validation,
}

impl Cause {
    /// Longest answer that is read, in bytes: 256 KiB, a hundred times the longest documented one.
    pub const ANSWER_MAX_BYTES: usize = 256 * 1024;
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Amount => f.write_str("the answer's amount is not the one expected"),
            Self::AnswerTooLong => {
                write!(
                    f,
                    "the answer is longer than {} bytes",
                    Self::ANSWER_MAX_BYTES
                )
            }
            Self::CardNumber => f.write_str("provider refused the card number"),
            Self::CardToken => f.write_str("provider does not know the card token"),
            Self::Connect => f.write_str("provider could not be connected to"),
            Self::ConnectionLost => {
                f.write_str("the connection broke before the whole answer was there")
            }
            Self::ContentType => {
                f.write_str("expected an answer in JSON, found another content type")
            }
            Self::Contradiction => f.write_str("the answer contradicts itself"),
            Self::Credentials => f.write_str("provider refused the merchant's credentials"),
            Self::Currency => f.write_str("the answer's currency is not the one expected"),
            Self::Forbidden => f.write_str("provider turned the request away at its door"),
            Self::HttpStatus(status) => write!(f, "HTTP status {status} proves nothing"),
            Self::NotFinal => f.write_str("the answer's status is not a final one"),
            Self::NotFound => f.write_str("provider does not know what was asked about"),
            Self::NotJson => f.write_str("the answer is not JSON"),
            Self::Reference => f.write_str("the answer's reference is not ours"),
            Self::ReferenceTaken => f.write_str(
                "provider knows the reference: an earlier sending of it arrived, and a read must tell what became of it",
            ),
            Self::Refused => f.write_str("provider refused, without a code"),
            Self::Request(field) => {
                write!(f, "the request's {field} cannot be sent; nothing was sent")
            }
            Self::Reversed => f.write_str("provider timed out and says that it applied a reversal"),
            Self::SealedCard => f.write_str("provider could not open the sealed card"),
            Self::Session => {
                f.write_str("provider does not know the order session, or it has expired")
            }
            Self::SessionToken => f.write_str("provider refused the order session's token"),
            Self::Shape(field) => write!(f, "the answer's {field} is missing or not as documented"),
            Self::Signature => {
                f.write_str("the answer's signature does not verify for our reference")
            }
            Self::Setup => {
                f.write_str("the merchant's account is not set up for this at the provider")
            }
            Self::Terminal => f.write_str("provider does not know the terminal"),
            Self::Timeout => f.write_str("no whole answer within the time limit"),
            Self::Total => f.write_str("the answer's total is not the sum of its parts"),
            Self::UnknownError => {
                f.write_str("provider reports an error that its document does not name")
            }
            Self::Validation => f.write_str("provider found the request malformed"),
        }
    }
}
