//! What a Flux client must be told.

use std::fmt;
use std::sync::Arc;

use secrecy::{ExposeSecret, SecretString};

use crate::base_url::BaseUrlError;
use crate::http::{ReadRetry, Timeouts};
use crate::moment::Moment;

/// Where a client takes the time from, in seconds since 1970-01-01T00:00:00Z. It is asked often and must
/// not block.
pub type Clock = Arc<dyn Fn() -> i64 + Send + Sync>;

/// What a Flux client must be told. `Debug` shows no credential.
pub struct Config {
    /// Base URL of the API with its version, `https://sandbox.fluxqr.com/v3` in the collection. Plain `http`
    /// only to a loopback address.
    pub base_url: String,
    /// Where access tokens are asked for, if elsewhere than at `auth/tokens/refreshToken` below
    /// [`Config::base_url`]: newer public clients ask a host of its own.
    pub token_url: Option<String>,
    /// `grantType` of the token request: `accessToken` in the collection. `None` leaves the field out, as
    /// newer public clients do.
    pub grant_type: Option<String>,
    /// The merchant's refresh token: 1 to 4096 characters. Travels in the body of the token request and
    /// nowhere else.
    pub refresh_token: SecretString,
    /// Error codes with which this provider is known to answer a look-up of a reference that does not exist,
    /// besides those that [`Client::transaction`](super::Client::transaction) takes for it anyway.
    pub absent_codes: Vec<String>,
    /// Time limits.
    pub timeouts: Timeouts,
    /// How calls that are safe to repeat are repeated.
    pub read_retry: ReadRetry,
    /// The time, for the ends of access tokens.
    pub clock: Clock,
}

/// Why a [`Config`] makes no client.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ConfigError {
    /// Not an absolute `http` or `https` URL without user, query and fragment; names the field.
    Url(&'static str),
    /// Plain `http` to a host that is not a loopback address; names the field.
    Plaintext(&'static str),
    /// The refresh token is empty or too long.
    RefreshToken,
    /// TLS could not be set up; usually the system has no root certificates.
    Tls,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Url(field) => write!(
                f,
                "{field} must be an http or https URL without user, query and fragment"
            ),
            Self::Plaintext(field) => write!(
                f,
                "{field} must be https: plain http only reaches a loopback address"
            ),
            Self::RefreshToken => f.write_str("the refresh token must have 1 to 4096 characters"),
            Self::Tls => f.write_str("TLS could not be set up: are root certificates installed?"),
        }
    }
}

impl std::error::Error for ConfigError {}

impl From<BaseUrlError> for ConfigError {
    fn from(error: BaseUrlError) -> Self {
        match error {
            BaseUrlError::Url(field) => Self::Url(field),
            BaseUrlError::Plaintext(field) => Self::Plaintext(field),
        }
    }
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("base_url", &self.base_url)
            .field("token_url", &self.token_url)
            .field("grant_type", &self.grant_type)
            .field("absent_codes", &self.absent_codes)
            .field("timeouts", &self.timeouts)
            .field("read_retry", &self.read_retry)
            .finish_non_exhaustive()
    }
}

impl Config {
    /// As the collection says, with time limits by default.
    #[must_use]
    pub fn new(base_url: &str, refresh_token: SecretString, clock: Clock) -> Self {
        Self {
            base_url: base_url.to_owned(),
            token_url: None,
            grant_type: Some("accessToken".to_owned()),
            refresh_token,
            absent_codes: Vec::new(),
            timeouts: Timeouts::default(),
            read_retry: ReadRetry::default(),
            clock,
        }
    }

    /// Whether everything but the URLs is in shape.
    pub(super) fn check_credentials(&self) -> Result<(), ConfigError> {
        let length = self.refresh_token.expose_secret().chars().count();
        if (1..=4096).contains(&length) {
            Ok(())
        } else {
            Err(ConfigError::RefreshToken)
        }
    }
}

/// The clock as whatever all clients share reads it.
pub(super) fn moments(clock: &Clock) -> crate::moment::Clock {
    let clock = Arc::clone(clock);
    Arc::new(move || Moment::from_unix_secs(clock()))
}
