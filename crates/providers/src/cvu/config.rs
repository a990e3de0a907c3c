//! What a CVU wallet client must be told.

use std::fmt;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};

use crate::base_url::BaseUrlError;
use crate::http::{ReadRetry, Timeouts};
use crate::moment::Clock;

/// What a CVU wallet client must be told. `Debug` shows no credential.
pub struct Config {
    /// Base URL of the API; the paths of all operations begin with `v2/` below it. Plain `http` only to a
    /// loopback address.
    pub base_url: String,
    /// Name of the API user.
    pub username: String,
    /// Password of the API user. Travels in the body of the token request and nowhere else.
    pub password: SecretString,
    /// Under which name the access token comes.
    pub token_field: TokenField,
    /// How long before its end an access token is replaced.
    pub renew_ahead: Duration,
    /// Whether amounts are sent as text (`"1500.50"`) rather than as numbers (`1500.50`).
    pub amounts_as_text: bool,
    /// Whether the provider is known to read the minutes of `expiration_date`, see
    /// [`LinkExpiry`](super::LinkExpiry).
    pub exact_minutes: bool,
    /// Whether the static QR code of a sale point is asked for with query parameters rather than with the
    /// documented JSON body, which not everything on the way lets through in a GET.
    pub static_qr_by_query: bool,
    /// Time limits.
    pub timeouts: Timeouts,
    /// How calls that are safe to repeat are repeated.
    pub read_retry: ReadRetry,
    /// The time, for the ends of access tokens and links.
    pub clock: Clock,
}

/// The name of the access token in the answer to the token request.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum TokenField {
    /// `token`, as documented.
    #[default]
    Token,
    /// `access_token`, as a public client reads it.
    AccessToken,
}

/// Why a [`Config`] makes no client.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ConfigError {
    /// Not an absolute `http` or `https` URL without user, query and fragment; names the field.
    Url(&'static str),
    /// Plain `http` to a host that is not a loopback address; names the field.
    Plaintext(&'static str),
    /// The user's name is empty.
    Username,
    /// The password is empty.
    Password,
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
            Self::Username => f.write_str("username is empty"),
            Self::Password => f.write_str("the password is empty"),
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
            .field("token_field", &self.token_field)
            .field("renew_ahead", &self.renew_ahead)
            .field("amounts_as_text", &self.amounts_as_text)
            .field("exact_minutes", &self.exact_minutes)
            .field("static_qr_by_query", &self.static_qr_by_query)
            .field("timeouts", &self.timeouts)
            .field("read_retry", &self.read_retry)
            .finish_non_exhaustive()
    }
}

impl Config {
    /// As the document says, with time limits by default and tokens replaced a minute before their end.
    #[must_use]
    pub fn new(base_url: &str, username: &str, password: SecretString, clock: Clock) -> Self {
        Self {
            base_url: base_url.to_owned(),
            username: username.to_owned(),
            password,
            token_field: TokenField::default(),
            renew_ahead: Duration::from_secs(60),
            amounts_as_text: false,
            exact_minutes: false,
            static_qr_by_query: false,
            timeouts: Timeouts::default(),
            read_retry: ReadRetry::default(),
            clock,
        }
    }

    /// Whether everything but the URL is in shape.
    pub(super) fn check_credentials(&self) -> Result<(), ConfigError> {
        if self.username.is_empty() {
            return Err(ConfigError::Username);
        }
        if self.password.expose_secret().is_empty() {
            return Err(ConfigError::Password);
        }
        Ok(())
    }
}
