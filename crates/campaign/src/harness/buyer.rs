//! The buyer's browser: what the widget sends, without the widget.

use std::sync::{Arc, Mutex, PoisonError};

use reqwest::{Method, RequestBuilder};
use ventanilla_core::api::{self, AttemptView, CheckoutView, IdempotencyKey, StartAttempt, Step};
use ventanilla_core::card::{Card, Cvc, Expiry, Holder, Pan, YearMonth};
use ventanilla_core::rails::Rail;
use ventanilla_core::rails::card::{CardOffer, CardStart};
use ventanilla_core::rails::cvu::{CvuStart, Presentation};
use ventanilla_core::rails::flexiti::{FlexitiStart, Identification, Language, PostalAddress};
use ventanilla_core::rails::flux::FluxStart;
use ventanilla_core::seal::{PinnedKey, ProviderKey, SealOptions, seal};
use ventanilla_core::wallet_code::WalletCode;

use super::wire::{Answer, Wire};
use crate::failure::{Failure, Result, Tried as _};
use crate::random;

/// One buyer's page, in the frame on the proxy's origin.
#[derive(Clone)]
pub struct Buyer {
    wire: Wire,
    origin: String,
    address: String,
    token: Arc<Mutex<String>>,
}

impl Buyer {
    /// The page of the buyer with this number, with the client token that its shop handed out.
    #[must_use]
    pub fn new(wire: Wire, origin: &str, token: String, number: u32) -> Self {
        let [_, a, b, c] = number.to_be_bytes();
        Self {
            wire,
            origin: origin.to_owned(),
            address: format!("10.{a}.{b}.{c}"),
            token: Arc::new(Mutex::new(token)),
        }
    }

    /// Takes a fresh client token.
    pub fn renew(&self, token: String) {
        *self.token.lock().unwrap_or_else(PoisonError::into_inner) = token;
    }

    /// The session, once.
    pub async fn checkout(&self) -> Answer<CheckoutView> {
        self.send(&api::read_checkout()).await
    }

    /// Starts an attempt, once.
    pub async fn start(&self, key: &IdempotencyKey, start: &StartAttempt) -> Answer<AttemptView> {
        self.send(&api::start_attempt(key.clone(), start.clone()))
            .await
    }

    /// Asks how an attempt stands, once; the answer may be held back.
    pub async fn read(&self, attempt_id: &str, wait_secs: u8) -> Answer<AttemptView> {
        self.send(&api::read_attempt(attempt_id, wait_secs)).await
    }

    /// Takes a step in an attempt, once.
    pub async fn step(&self, attempt_id: &str, step: Step) -> Answer<AttemptView> {
        self.send(&api::take_step(attempt_id, step)).await
    }

    async fn send<B: serde::Serialize, A: serde::de::DeserializeOwned>(
        &self,
        call: &api::Call<B, A>,
    ) -> Answer<A> {
        let method = if call.method == "POST" {
            Method::POST
        } else {
            Method::GET
        };
        let mut request = self.request(method, &call.path);
        if let Some(key) = &call.idempotency_key {
            request = request.header(api::IDEMPOTENCY_KEY, key.as_str());
        }
        if let Some(body) = &call.body {
            request = request.json(body);
        }
        Wire::send(request).await
    }

    /// Any request with the page's headers.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let token = self.token.lock().unwrap_or_else(PoisonError::into_inner);
        self.wire
            .request(method, path)
            .bearer_auth(&*token)
            .header("origin", &self.origin)
            .header("sec-fetch-site", "same-origin")
            .header("x-forwarded-for", &self.address)
    }
}

/// A fresh idempotency key.
#[must_use]
pub fn fresh_key() -> IdempotencyKey {
    IdempotencyKey::from_bytes(random::bytes())
}

/// The provider's key, once it is known to be the pinned one.
///
/// # Errors
///
/// When the offer's key is not one that may be sealed to.
pub fn pinned_key(offer: &CardOffer) -> Result<PinnedKey> {
    ProviderKey::parse(&offer.public_key)
        .and_then(|key| key.pinned(&offer.key_pins, offer.accept_weak_key))
        .map_err(|error| Failure::of(format!("the offered key was refused: {error}")))
}

/// The provider's key as a shop has it that saves cards by itself: in PEM, of whatever length.
///
/// # Errors
///
/// When it is no key.
pub fn own_key(pem: &str) -> Result<PinnedKey> {
    ProviderKey::parse(pem)
        .and_then(|key| {
            let pins = [key.fingerprint()];
            key.pinned(&pins, true)
        })
        .map_err(|error| Failure::of(format!("the provider's key was refused: {error}")))
}

/// What starts an attempt with a card typed now, sealed as the widget seals it.
///
/// # Errors
///
/// When `number` is no card number or the operating system has no randomness.
pub fn typed_card(number: &str, key: &PinnedKey, save: bool) -> Result<StartAttempt> {
    let what = "seal a card";
    let pan = Pan::parse(number).tried(what)?;
    let cvc = if number.len() == 15 { CVC4 } else { CVC };
    let card = Card {
        expiry: Expiry::parse("12/39", TODAY).tried(what)?,
        cvc: Cvc::parse(cvc, pan.brand()).tried(what)?,
        holder: Holder::parse("Ana Rojas").tried(what)?,
        pan,
    };
    let options = SealOptions {
        save,
        ..SealOptions::default()
    };
    let sealed = seal(&card, &options, key, &mut random::System).tried(what)?;
    Ok(StartAttempt {
        rail: Rail::Card,
        card: Some(CardStart {
            sealed: Some(sealed),
            saved_card: None,
            installments: None,
            save_card: save,
        }),
        cvu: None,
        flux: None,
        flexiti: None,
    })
}

/// What starts an attempt with a card saved before.
#[must_use]
pub fn saved_card(id: &str) -> StartAttempt {
    StartAttempt {
        rail: Rail::Card,
        card: Some(CardStart {
            sealed: None,
            saved_card: Some(id.to_owned()),
            installments: None,
            save_card: false,
        }),
        cvu: None,
        flux: None,
        flexiti: None,
    }
}

/// What asks for something payable.
#[must_use]
pub const fn payable(presentation: Presentation) -> StartAttempt {
    StartAttempt {
        rail: Rail::Cvu,
        card: None,
        cvu: Some(CvuStart { presentation }),
        flux: None,
        flexiti: None,
    }
}

/// What starts an attempt with a code that a wallet shows.
///
/// # Errors
///
/// When it is no code of a wallet's.
pub fn wallet_code(code: &str, tip_minor: u64) -> Result<StartAttempt> {
    let code = WalletCode::parse(code).tried("read a wallet's code")?;
    Ok(StartAttempt {
        rail: Rail::Flux,
        card: None,
        cvu: None,
        flux: Some(FluxStart::new(&code, tip_minor)),
        flexiti: None,
    })
}

/// What starts an attempt to finance a purchase, of somebody with this account.
#[must_use]
pub fn financed(account: u64) -> StartAttempt {
    StartAttempt {
        rail: Rail::Flexiti,
        card: None,
        cvu: None,
        flux: None,
        flexiti: Some(FlexitiStart {
            identification: Identification::Account {
                account_number: account.to_string(),
            },
            billing: PostalAddress {
                first_name: String::from("Test"),
                last_name: String::from("Shopper"),
                line1: String::from("1 Example Street"),
                line2: String::new(),
                city: String::from("Toronto"),
                province: String::from("ON"),
                postal_code: String::from("A1A 1A1"),
            },
            shipping: None,
            language: Language::En,
        }),
    }
}

/// The CVC of every test card with three digits.
pub const CVC: &str = "737";
/// The CVC of every test card with four digits.
pub const CVC4: &str = "7373";
/// Any day before the cards' expiry.
const TODAY: YearMonth = YearMonth {
    year: 2026,
    month: 11,
};
