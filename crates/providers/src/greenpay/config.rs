//! What a GreenPay client must be told.

use std::fmt;

use reqwest::Url;
use secrecy::{ExposeSecret, SecretString};
use ventanilla_core::seal::ProviderKey;

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

/// A base URL, from which the URL of each operation is made.
pub(super) fn parse_base_url(text: &str, field: &'static str) -> Result<Url, ConfigError> {
    let mut url = Url::parse(text).map_err(|_| ConfigError::Url(field))?;
    let plain = match url.scheme() {
        "https" => false,
        "http" => true,
        _ => return Err(ConfigError::Url(field)),
    };
    let has_more = !url.username().is_empty()
        || url.password().is_some()
        || url.query().is_some()
        || url.fragment().is_some();
    if has_more || url.host_str().is_none_or(str::is_empty) {
        return Err(ConfigError::Url(field));
    }
    if plain && !is_loopback(&url) {
        return Err(ConfigError::Plaintext(field));
    }
    let path = url.path().trim_end_matches('/').to_owned();
    url.set_path(&path);
    Ok(url)
}

/// The URL of an operation: `path` starts with a slash.
pub(super) fn operation_url(base: &Url, path: &str) -> Url {
    let mut url = base.clone();
    url.set_path(&format!("{}{path}", base.path().trim_end_matches('/')));
    url
}

fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost"
        || address
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(index, byte)| match index {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_http_reaches_only_a_loopback_address() {
        for url in [
            "http://127.0.0.1:8791",
            "http://[::1]:8791/",
            "http://localhost:1",
            "https://merchant.greenpay.me",
        ] {
            assert!(parse_base_url(url, "merchant_url").is_ok(), "{url}");
        }
        for url in [
            "http://merchant.greenpay.me",
            "http://10.0.0.1",
            "http://127.0.0.1.example.com",
        ] {
            assert_eq!(
                parse_base_url(url, "merchant_url"),
                Err(ConfigError::Plaintext("merchant_url")),
                "{url}"
            );
        }
    }

    #[test]
    fn a_base_url_holds_nothing_but_scheme_host_and_path() {
        for url in [
            "",
            "merchant.greenpay.me",
            "ftp://127.0.0.1",
            "https://u:p@h.example",
            "https://h.example/?a=1",
            "https://h.example/#a",
        ] {
            assert_eq!(
                parse_base_url(url, "checkout_url"),
                Err(ConfigError::Url("checkout_url")),
                "{url}"
            );
        }
    }

    #[test]
    fn operation_paths_are_appended_with_or_without_a_slash_at_the_end_of_the_base() {
        for base in ["https://h.example/v1", "https://h.example/v1/"] {
            let base = parse_base_url(base, "merchant_url").unwrap();
            assert_eq!(
                operation_url(&base, "/tokenize").as_str(),
                "https://h.example/v1/tokenize"
            );
        }
        let base = parse_base_url("https://h.example", "merchant_url").unwrap();
        assert_eq!(operation_url(&base, "/").as_str(), "https://h.example/");
    }
}
