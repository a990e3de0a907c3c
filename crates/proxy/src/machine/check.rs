//! What a merchant may ask for when opening a session.

use std::collections::BTreeSet;

use ventanilla_core::money::{Currency, Money};
use ventanilla_core::problem::ProblemCode;
use ventanilla_core::rails::Rail;
use ventanilla_core::rails::card::SaveCardPolicy;

use super::session::{Address, Buyer, NewItem, NewSession};
use crate::error::{Error, Result};

/// Seconds until a session expires unless the merchant says otherwise.
pub const EXPIRES_IN_SECS: u32 = 1_800;
const EXPIRES_MIN_SECS: u32 = 60;
const EXPIRES_MAX_SECS: u32 = 86_400;
const ITEMS_MAX: usize = 100;
const INSTALLMENTS_MAX: usize = 24;
const METADATA_MAX: usize = 20;
const QUANTITY_MAX: u32 = 1_000_000;

/// What the proxy is able to do.
pub struct Ability<'a> {
    /// The rails that are configured, each with the question whether it settles in a currency.
    pub rails: &'a [(Rail, &'a dyn Fn(Currency) -> bool)],
    /// Whether card tokens can be kept.
    pub saves_cards: bool,
}

/// Holds a request against every rule and fills in what it left out.
///
/// # Errors
///
/// `amount-invalid`, `rail-not-offered`, and `request-malformed` for everything else, each saying
/// which field must be what.
pub fn normalize(mut new: NewSession, ability: &Ability<'_>) -> Result<NewSession> {
    text("order_reference", &new.order_reference, 1, 64)?;
    if new.total.minor() == 0 {
        return Err(Error::new(ProblemCode::AmountInvalid).detail("total must be more than zero"));
    }
    if let Some(description) = &new.description {
        text("description", description, 1, 200)?;
    }
    new.rails = rails(&new.rails, new.total.currency(), ability)?;
    if new.items.len() > ITEMS_MAX {
        return malformed(format!(
            "items must have at most {ITEMS_MAX} lines, found {}",
            new.items.len()
        ));
    }
    for (index, item) in new.items.iter().enumerate() {
        check_item(index, item, new.total.currency())?;
    }
    if let Some(buyer) = &new.buyer {
        check_buyer(buyer)?;
    }
    new.installments = installments(&new.installments)?;
    if new.save_card == SaveCardPolicy::Ask {
        if new.buyer.as_ref().is_none_or(|buyer| buyer.id.is_none()) {
            return malformed("save_card needs buyer.id: saved cards belong to a buyer");
        }
        if !ability.saves_cards {
            return malformed("save_card needs a sealing key in the proxy's configuration");
        }
    }
    let expires_in = new.expires_in_secs.unwrap_or(EXPIRES_IN_SECS);
    if !(EXPIRES_MIN_SECS..=EXPIRES_MAX_SECS).contains(&expires_in) {
        return malformed(format!(
            "expires_in_secs must be {EXPIRES_MIN_SECS} to {EXPIRES_MAX_SECS}, found {expires_in}"
        ));
    }
    new.expires_in_secs = Some(expires_in);
    if new.metadata.len() > METADATA_MAX {
        return malformed(format!(
            "metadata must have at most {METADATA_MAX} entries, found {}",
            new.metadata.len()
        ));
    }
    for (key, value) in &new.metadata {
        text("a metadata key", key, 1, 40)?;
        text(&format!("metadata.{key}"), value, 0, 500)?;
    }
    Ok(new)
}

/// A line's total; none when its price is not given.
///
/// # Errors
///
/// `amount-invalid` when it is larger than any amount.
pub fn line_total(index: usize, item: &NewItem) -> Result<Option<Money>> {
    let Some(price) = item.unit_price else {
        return Ok(None);
    };
    price
        .minor()
        .checked_mul(u64::from(item.quantity))
        .and_then(|minor| Money::from_minor(minor, price.currency()).ok())
        .map(Some)
        .ok_or_else(|| {
            Error::new(ProblemCode::AmountInvalid).detail(format!(
                "items[{index}]: quantity times unit_price is too large"
            ))
        })
}

fn rails(asked: &[Rail], currency: Currency, ability: &Ability<'_>) -> Result<Vec<Rail>> {
    let settling = |rail: Rail| {
        ability
            .rails
            .iter()
            .find(|(configured, _)| *configured == rail)
            .map(|(_, settles)| settles(currency))
    };
    let refused = |detail: String| Err(Error::new(ProblemCode::RailNotOffered).detail(detail));
    let mut seen = BTreeSet::new();
    for rail in asked {
        if !seen.insert(rail) {
            return malformed(format!(
                "rails must name each rail once, found {rail} twice"
            ));
        }
        match settling(*rail) {
            None => return refused(format!("rail {rail} is not configured")),
            Some(false) => return refused(format!("rail {rail} does not settle in {currency}")),
            Some(true) => {}
        }
    }
    if !asked.is_empty() {
        return Ok(asked.to_vec());
    }
    let every: Vec<Rail> = Rail::ALL
        .into_iter()
        .filter(|rail| settling(*rail) == Some(true))
        .collect();
    if every.is_empty() {
        return refused(format!("no configured rail settles in {currency}"));
    }
    Ok(every)
}

fn check_item(index: usize, item: &NewItem, currency: Currency) -> Result<()> {
    let field = |name: &str| format!("items[{index}].{name}");
    if let Some(sku) = &item.sku {
        text(&field("sku"), sku, 1, 64)?;
    }
    text(&field("description"), &item.description, 1, 200)?;
    if !(1..=QUANTITY_MAX).contains(&item.quantity) {
        return malformed(format!(
            "{} must be 1 to {QUANTITY_MAX}, found {}",
            field("quantity"),
            item.quantity
        ));
    }
    if let Some(price) = item.unit_price
        && price.currency() != currency
    {
        return malformed(format!(
            "{} must be in {currency} as the total is, found {}",
            field("unit_price"),
            price.currency()
        ));
    }
    line_total(index, item).map(drop)
}

fn check_buyer(buyer: &Buyer) -> Result<()> {
    if let Some(id) = &buyer.id {
        text("buyer.id", id, 1, 64)?;
    }
    if let Some(name) = &buyer.name {
        text("buyer.name", name, 1, 100)?;
    }
    if let Some(email) = &buyer.email {
        text("buyer.email", email, 3, 254)?;
        if !email.contains('@') {
            return malformed("buyer.email must hold an @");
        }
    }
    if let Some(address) = &buyer.billing_address {
        check_address("buyer.billing_address", address)?;
    }
    if let Some(address) = &buyer.shipping_address {
        check_address("buyer.shipping_address", address)?;
    }
    Ok(())
}

fn check_address(place: &str, address: &Address) -> Result<()> {
    let country = address.country.as_bytes();
    if country.len() != 2 || !country.iter().all(u8::is_ascii_uppercase) {
        return malformed(format!(
            "{place}.country must be two capital letters of ISO 3166-1, such as CR"
        ));
    }
    text(&format!("{place}.street1"), &address.street1, 1, 100)?;
    let more = [
        ("street2", &address.street2),
        ("city", &address.city),
        ("province", &address.province),
        ("postal_code", &address.postal_code),
    ];
    for (name, value) in more {
        if let Some(value) = value {
            text(&format!("{place}.{name}"), value, 1, 100)?;
        }
    }
    Ok(())
}

fn installments(asked: &[u8]) -> Result<Vec<u8>> {
    if let Some(wrong) = asked.iter().find(|count| !(2..=99).contains(*count)) {
        return malformed(format!("installments must each be 2 to 99, found {wrong}"));
    }
    let sorted: BTreeSet<u8> = asked.iter().copied().collect();
    if sorted.len() > INSTALLMENTS_MAX {
        return malformed(format!(
            "installments must be at most {INSTALLMENTS_MAX} counts, found {}",
            sorted.len()
        ));
    }
    Ok(sorted.into_iter().collect())
}

/// Holds a text for people against its length in characters; control characters have no place in it.
///
/// # Errors
///
/// `request-malformed`, which names the field.
pub fn text(field: &str, value: &str, min: usize, max: usize) -> Result<()> {
    let length = value.chars().count();
    if !(min..=max).contains(&length) {
        return malformed(format!(
            "{field} must have {min} to {max} characters, found {length}"
        ));
    }
    if value.chars().any(char::is_control) {
        return malformed(format!("{field} must not hold control characters"));
    }
    Ok(())
}

fn malformed<T>(detail: impl Into<String>) -> Result<T> {
    Err(Error::new(ProblemCode::RequestMalformed).detail(detail))
}
