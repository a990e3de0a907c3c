//! What a configuration becomes.

use std::sync::Arc;

use axum::Router;
use secrecy::SecretString;
use ventanilla_core::seal::ProviderKey;
use ventanilla_providers::{cvu, flexiti, flux, greenpay};

use crate::clock::SharedClock;
use crate::config::{self, Card, Cvu, Flexiti, Flux};
use crate::error::{Error, Result};
use crate::hooks::{self, HookPath, Hooks};
use crate::machine::Machine;
use crate::rails;
use crate::rails::card::{CardRail, CardRailConfig};
use crate::rails::cvu::{CvuRail, CvuRailConfig, client_clock};
use crate::rails::flexiti::{FlexitiRail, FlexitiRailConfig};
use crate::rails::flux::{FluxRail, FluxRailConfig};
use crate::store::{SealingKeys, Store};

/// The store: the PostgreSQL database at `url`, or the SQLite file of `settings`.
///
/// # Errors
///
/// As [`Store::open_postgres`] and [`Store::open_sqlite`].
pub async fn open_store(
    settings: &config::Store,
    url: Option<&SecretString>,
    keys: Option<SealingKeys>,
) -> Result<Store> {
    match url {
        Some(url) => Store::open_postgres(url, keys).await,
        None => Store::open_sqlite(settings.path(), keys).await,
    }
}

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
        timeouts: ventanilla_providers::Timeouts {
            money: card.call_limit,
            ..ventanilla_providers::Timeouts::default()
        },
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
            call_limit: card.call_limit,
            duplicates: card.duplicates,
        },
    )
}

/// A client of the CVU wallet; nothing is sent.
///
/// # Errors
///
/// When something of `settings` cannot be used; says what.
pub fn cvu_client(
    settings: &Cvu,
    password: SecretString,
    clock: &SharedClock,
) -> Result<cvu::Client> {
    let config = cvu::Config::new(
        settings.url.as_str(),
        &settings.username,
        password,
        client_clock(clock),
    );
    cvu::Client::new(cvu::Config {
        token_field: settings.token_field,
        amounts_as_text: settings.amounts_as_text,
        exact_minutes: settings.exact_minutes,
        timeouts: ventanilla_providers::Timeouts {
            money: settings.call_limit,
            ..ventanilla_providers::Timeouts::default()
        },
        ..config
    })
    .map_err(Error::internal)
}

/// The CVU rail.
///
/// # Errors
///
/// As [`cvu_client`].
pub fn cvu_rail(settings: &Cvu, password: SecretString, clock: &SharedClock) -> Result<CvuRail> {
    CvuRail::new(
        cvu_client(settings, password, clock)?,
        Arc::clone(clock),
        CvuRailConfig {
            presentations: settings.presentations.clone(),
            receiver: settings.receiver.clone(),
            payee: settings.payee.clone(),
            concept: settings.concept.clone(),
            lifetime: settings.lifetime,
            exact_minutes: settings.exact_minutes,
            call_limit: settings.call_limit,
            strangers: settings.strangers,
        },
    )
}

/// A client of Flux; nothing is sent.
///
/// # Errors
///
/// When something of `settings` cannot be used; says what.
pub fn flux_client(
    settings: &Flux,
    refresh_token: SecretString,
    clock: &SharedClock,
) -> Result<flux::Client> {
    let config = flux::Config::new(
        settings.url.as_str(),
        refresh_token,
        rails::flux::client_clock(clock),
    );
    flux::Client::new(flux::Config {
        token_url: settings
            .token_url
            .as_ref()
            .map(|url| url.as_str().to_owned()),
        grant_type: settings.grant_type.clone(),
        absent_codes: settings.absent_codes.clone(),
        timeouts: ventanilla_providers::Timeouts {
            money: settings.call_limit,
            ..ventanilla_providers::Timeouts::default()
        },
        ..config
    })
    .map_err(Error::internal)
}

/// The Flux rail.
///
/// # Errors
///
/// As [`flux_client`].
pub fn flux_rail(
    settings: &Flux,
    refresh_token: SecretString,
    clock: &SharedClock,
) -> Result<FluxRail> {
    Ok(FluxRail::new(
        flux_client(settings, refresh_token, clock)?,
        FluxRailConfig {
            place: settings.place.clone(),
            offer: settings.offer.clone(),
            call_limit: settings.call_limit,
        },
    ))
}

/// A client of Flexiti; nothing is sent.
///
/// # Errors
///
/// When something of `settings` cannot be used; says what.
pub fn flexiti_client(
    settings: &Flexiti,
    client_secret: SecretString,
    clock: &SharedClock,
) -> Result<flexiti::Client> {
    let config = flexiti::Config::new(
        settings.url.as_str(),
        &settings.client_id,
        client_secret,
        rails::flexiti::client_clock(clock),
    );
    flexiti::Client::new(flexiti::Config {
        versions: settings.versions.clone(),
        hyphenated_flow_id: settings.hyphenated_flow_id,
        idempotency_key: settings.idempotency_header,
        deposit_as_text: settings.deposit_as_text,
        timeouts: ventanilla_providers::Timeouts {
            money: settings.call_limit,
            ..ventanilla_providers::Timeouts::default()
        },
        ..config
    })
    .map_err(Error::internal)
}

/// The Flexiti rail.
///
/// # Errors
///
/// As [`flexiti_client`].
pub fn flexiti_rail(
    settings: &Flexiti,
    client_secret: SecretString,
    clock: &SharedClock,
) -> Result<FlexitiRail> {
    Ok(FlexitiRail::new(
        flexiti_client(settings, client_secret, clock)?,
        FlexitiRailConfig {
            page_origin: settings.page_origin.clone(),
            identifications: settings.identifications.clone(),
            capture: settings.capture,
            location_id: settings.location_id,
            merchant_id: settings.merchant_id,
            call_limit: settings.call_limit,
        },
        Arc::clone(clock),
    ))
}

/// Where providers send notifications.
///
/// # Errors
///
/// When GreenPay's public key cannot be used; says why.
pub fn notification_hooks(
    card: Option<&Card>,
    path: HookPath,
    machine: Arc<Machine>,
) -> Result<Router> {
    let greenpay_key = card
        .map(|card| ProviderKey::parse(&card.public_key))
        .transpose()
        .map_err(Error::internal)?;
    Ok(hooks::routes(Hooks {
        machine,
        path,
        greenpay_key,
    }))
}
