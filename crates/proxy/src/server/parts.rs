//! What a configuration becomes.

use secrecy::SecretString;
use ventanilla_core::seal::ProviderKey;
use ventanilla_providers::greenpay;

use crate::config::Card;
use crate::error::{Error, Result};
use crate::rails::card::{CardRail, CardRailConfig};

/// A client of GreenPay; nothing is sent.
///
/// # Errors
///
/// When GreenPay's public key or something else of `card` cannot be used; says what.
pub fn greenpay_client(card: &Card, secret: SecretString) -> Result<greenpay::Client> {
    let public_key = ProviderKey::parse(&card.public_key).map_err(Error::internal)?;
    greenpay::Client::new(greenpay::Config {
        merchant_url: card.merchant_url.as_str().to_owned(),
        checkout_url: card.checkout_url.as_str().to_owned(),
        merchant_id: card.merchant_id.clone(),
        secret,
        terminal: card.terminal.clone(),
        public_key,
        pay_path: greenpay::PayPath::Plain,
        timeouts: ventanilla_providers::Timeouts::default(),
        read_retry: ventanilla_providers::ReadRetry::default(),
    })
    .map_err(Error::internal)
}

/// The card rail.
///
/// # Errors
///
/// As [`greenpay_client`].
pub fn card_rail(card: &Card, secret: SecretString) -> Result<CardRail> {
    CardRail::new(
        greenpay_client(card, secret)?,
        CardRailConfig {
            currencies: card.currencies.clone(),
            public_key: card.public_key.clone(),
            pins: card.key_pins.clone(),
            accept_weak_key: card.accept_weak_key,
        },
    )
}
