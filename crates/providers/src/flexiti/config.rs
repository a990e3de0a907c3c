//! What a Flexiti client must be told.

use std::fmt;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};

use super::version::Versions;
use crate::base_url::BaseUrlError;
use crate::http::{ReadRetry, Timeouts};
use crate::moment::Clock;

/// What a Flexiti client must be told. `Debug` shows no credential.
pub struct Config {
    /// Base URL of the API; the paths of all operations begin with `flexiti/pos-api/` below it. Plain `http`
    /// only to a loopback address.
    pub base_url: String,
    /// The merchant's client id: 1 to 100 printable ASCII characters. Part of almost every path.
    pub client_id: String,
    /// The merchant's client secret. Travels in the form of a token request and nowhere else.
    pub client_secret: SecretString,
    /// Which version of the API each operation is asked in.
    pub versions: Versions,
    /// How long before its end an access token counts as ended.
    pub renew_ahead: Duration,
    /// Whether `x-reference-id` is written with hyphens (36 characters) or without (32). The document gives the
    /// length without, the public client writes it with.
    pub hyphenated_flow_id: bool,
    /// Whether money-moving calls carry `x-idempotency-key` (their own reference) and `x-context-hash`
    /// (SHA-256 of the body, in hex). Whether the provider honours them is not documented for most, so
    /// nothing here rests on it.
    pub idempotency_key: bool,
    /// Whether a deposit's amount and account number are sent as text, as the document's sample does, rather
    /// than as numbers, as everywhere else.
    pub deposit_as_text: bool,
    /// Whether a buyer may be identified by the number of a Flexiti card, which makes the page handle one.
    pub identify_by_card: bool,
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
    /// The client id is not 1 to 100 printable ASCII characters.
    ClientId,
    /// The client secret is empty.
    ClientSecret,
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
            Self::ClientId => f.write_str("client_id must be 1 to 100 printable ASCII characters"),
            Self::ClientSecret => f.write_str("the client secret is empty"),
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
            .field("versions", &self.versions)
            .field("renew_ahead", &self.renew_ahead)
            .field("hyphenated_flow_id", &self.hyphenated_flow_id)
            .field("idempotency_key", &self.idempotency_key)
            .field("deposit_as_text", &self.deposit_as_text)
            .field("identify_by_card", &self.identify_by_card)
            .field("timeouts", &self.timeouts)
            .field("read_retry", &self.read_retry)
            .finish_non_exhaustive()
    }
}

impl Config {
    /// As the document says, with time limits by default and tokens taken for ended a minute before their end.
    #[must_use]
    pub fn new(base_url: &str, client_id: &str, client_secret: SecretString, clock: Clock) -> Self {
        Self {
            base_url: base_url.to_owned(),
            client_id: client_id.to_owned(),
            client_secret,
            versions: Versions::default(),
            renew_ahead: Duration::from_secs(60),
            hyphenated_flow_id: true,
            idempotency_key: false,
            deposit_as_text: false,
            identify_by_card: false,
            timeouts: Timeouts::default(),
            read_retry: ReadRetry::default(),
            clock,
        }
    }

    /// Whether everything but the URL is in shape.
    pub(super) fn check_credentials(&self) -> Result<(), ConfigError> {
        let id = &self.client_id;
        let fits = (1..=100).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_graphic());
        // Those two are steps in a path, not names.
        if !fits || id == "." || id == ".." {
            return Err(ConfigError::ClientId);
        }
        if self.client_secret.expose_secret().is_empty() {
            return Err(ConfigError::ClientSecret);
        }
        Ok(())
    }
}
