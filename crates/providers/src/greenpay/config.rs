//! What a GreenPay client must be told.

use std::fmt;

use secrecy::{ExposeSecret, SecretString};
use ventanilla_core::seal::ProviderKey;

use crate::base_url::BaseUrlError;
use crate::http::{ReadRetry, Timeouts};

/// What a GreenPay client must be told. `Debug` shows no credential.
pub struct Config {
    /// Base URL of the merchant host, `https://merchant.greenpay.me` in production. Plain `http` only
    /// to a loopback address.
    pub merchant_url: String,
    /// Base URL of the checkout host, `https://checkout.greenpay.me` in production. Plain `http` only
    /// to a loopback address.
    pub checkout_url: String,
    /// The merchant's identifier: a UUID of 36 characters.
    pub merchant_id: String,
    /// The merchant's secret. Travels in the body of every call to the merchant host but
    /// [`Client::transaction`](super::Client::transaction).
    pub secret: SecretString,
    /// The terminal's name, as GreenPay handed it out.
    pub terminal: String,
    /// The merchant's public key: cards are sealed to it, and it verifies `_signature`.
    pub public_key: ProviderKey,
    /// Where a sealed card is paid.
    pub pay_path: PayPath,
    /// Time limits.
    pub timeouts: Timeouts,
    /// How calls that are safe to repeat are repeated.
    pub read_retry: ReadRetry,
}

/// The path on the checkout host that takes a sealed card.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum PayPath {
    /// `/`.
    #[default]
    Plain,
    /// `/kount`, with a fraud check: the sealed card must then hold a `kountSession`.
    Kount,
}

/// Why a [`Config`] makes no client.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ConfigError {
    /// Not an absolute `http` or `https` URL without user, query and fragment; names the field.
    Url(&'static str),
    /// Plain `http` to a host that is not a loopback address; names the field.
    Plaintext(&'static str),
    /// The merchant's identifier is not a UUID of 36 characters.
    MerchantId,
    /// The secret is empty.
    Secret,
    /// The terminal is empty.
    Terminal,
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
            Self::Plaintext(field) => {
                write!(
                    f,
                    "{field} must be https: plain http only reaches a loopback address"
                )
            }
            Self::MerchantId => f.write_str("merchant_id must be a UUID of 36 characters"),
            Self::Secret => f.write_str("the merchant secret is empty"),
            Self::Terminal => f.write_str("terminal is empty"),
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
            .field("merchant_url", &self.merchant_url)
            .field("checkout_url", &self.checkout_url)
            .field("pay_path", &self.pay_path)
            .field("timeouts", &self.timeouts)
            .field("read_retry", &self.read_retry)
            .finish_non_exhaustive()
    }
}

impl Config {
    /// Whether everything but the URLs is in shape.
    pub(super) fn check_credentials(&self) -> Result<(), ConfigError> {
        if !is_uuid(&self.merchant_id) {
            return Err(ConfigError::MerchantId);
        }
        if self.secret.expose_secret().is_empty() {
            return Err(ConfigError::Secret);
        }
        if self.terminal.is_empty() {
            return Err(ConfigError::Terminal);
        }
        Ok(())
    }
}

fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(index, byte)| match index {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}
