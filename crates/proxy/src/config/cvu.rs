//! `[cvu]`: payment links, QR codes and transfers, by a CVU wallet.

use std::collections::HashSet;
use std::time::Duration;

use ventanilla_core::account::{Account, Alias, Cuit};
use ventanilla_core::qr::Payee;
use ventanilla_core::rails::cvu::Presentation;
use ventanilla_providers::cvu::TokenField;

use super::ProviderUrl;
use super::toml_reader::{self, Section};
use crate::rails::cvu::{Receiver, Strangers};

/// `[cvu]`; its presence turns the CVU rail on.
#[derive(Clone, Debug)]
pub struct Cvu {
    /// The wallet's API.
    pub url: ProviderUrl,
    /// The API user.
    pub username: String,
    /// What buyers may choose from, at least one, each once.
    pub presentations: Vec<Presentation>,
    /// One of the provider's concepts.
    pub concept: String,
    /// The account that transfers go to.
    pub receiver: Option<Receiver>,
    /// Whom a QR code must name; none when codes are not held against a payee.
    pub payee: Option<Payee>,
    /// How long something payable is shown: 2 minutes to a day, 15 minutes unless told.
    pub lifetime: Duration,
    /// Under which name the provider gives its access token.
    pub token_field: TokenField,
    /// Whether the provider wants amounts as text.
    pub amounts_as_text: bool,
    /// Whether the provider is known to read the minutes of a link's end.
    pub exact_minutes: bool,
    /// How long a whole call that creates something may take: 1 to 120 s, 20 s unless told.
    pub call_limit: Duration,
    /// What happens with credits of an amount that nobody was asked for.
    pub strangers: Strangers,
}

pub(super) fn read(section: &mut Section, problems: &mut Vec<String>) -> Option<Cvu> {
    let url = section.required("url", problems, |value| {
        let text = toml_reader::text(value)?;
        ProviderUrl::parse(text).map_err(|error| format!("{error}, found {text:?}"))
    });
    let username = section.required("username", problems, short_text);
    let presentations = section.optional("presentations", problems, |value| {
        let named = toml_reader::list(value, |value| {
            let text = toml_reader::text(value)?;
            Presentation::from_name(text)
                .ok_or_else(|| format!("expected link, qr or transfer, found {text:?}"))
        })?;
        let distinct: HashSet<_> = named.iter().collect();
        if named.is_empty() || distinct.len() < named.len() {
            return Err("expected at least one of link, qr and transfer, each once".to_owned());
        }
        Ok(named)
    });
    let concept = section.required("concept", problems, short_text);
    let alias = section.optional("alias", problems, |value| {
        let text = toml_reader::text(value)?;
        Alias::parse(text).map_err(|error| format!("{error}, found {text:?}"))
    });
    let account = section.optional("account", problems, |value| {
        let text = toml_reader::text(value)?;
        Account::parse(text)
            .map_err(|error| format!("{error}; expected the 22 digits of a CVU or CBU"))
    });
    let holder = section.optional("holder", problems, short_text);
    let cuit = section.optional("cuit", problems, |value| {
        let text = toml_reader::text(value)?;
        Cuit::parse(text).map_err(|error| format!("{error}; expected a CUIT such as 30-00000012-0"))
    });
    let check_payee = section.optional("check_payee", problems, toml_reader::boolean);
    let lifetime = section.optional("lifetime_secs", problems, |value| {
        toml_reader::integer(value, 120, 86_400)
    });
    let token_field = section.optional("token_field", problems, |value| {
        match toml_reader::text(value)? {
            "token" => Ok(TokenField::Token),
            "access_token" => Ok(TokenField::AccessToken),
            found => Err(format!("expected token or access_token, found {found:?}")),
        }
    });
    let amounts_as_text = section.optional("amounts_as_text", problems, toml_reader::boolean);
    let exact_minutes = section.optional("exact_minutes", problems, toml_reader::boolean);
    let call_limit = section.optional("call_limit_secs", problems, |value| {
        toml_reader::integer(value, 1, 120)
    });
    let strangers = section.optional("other_credits", problems, |value| match toml_reader::text(
        value,
    )? {
        "report" => Ok(Strangers::Report),
        "ignore" => Ok(Strangers::Ignore),
        found => Err(format!("expected report or ignore, found {found:?}")),
    });
    let presentations = presentations.unwrap_or_else(|| vec![Presentation::Link, Presentation::Qr]);
    let receiver = match (account.clone(), holder, cuit.clone()) {
        (Some(account), Some(holder), Some(cuit)) => Some(Receiver {
            alias,
            account,
            holder,
            cuit,
        }),
        _ => None,
    };
    if presentations.contains(&Presentation::Transfer) && receiver.is_none() {
        problems.push(
            "cvu.presentations: expected cvu.account, cvu.holder and cvu.cuit beside transfer"
                .to_owned(),
        );
    }
    let checks = check_payee.unwrap_or(cuit.is_some() || account.is_some());
    if checks && cuit.is_none() && account.is_none() {
        problems.push(
            "cvu.check_payee: expected cvu.cuit or cvu.account to hold QR codes against".to_owned(),
        );
    }
    Some(Cvu {
        url: url?,
        username: username?,
        presentations,
        concept: concept?,
        receiver,
        payee: checks.then_some(Payee { cuit, account }),
        lifetime: Duration::from_secs(lifetime.unwrap_or(900)),
        token_field: token_field.unwrap_or_default(),
        amounts_as_text: amounts_as_text.unwrap_or(false),
        exact_minutes: exact_minutes.unwrap_or(false),
        call_limit: Duration::from_secs(call_limit.unwrap_or(20)),
        strangers: strangers.unwrap_or_default(),
    })
}

fn short_text(value: &toml::Value) -> Result<String, String> {
    let text = toml_reader::text(value)?;
    let fits = (1..=64).contains(&text.chars().count()) && !text.chars().any(char::is_control);
    fits.then(|| text.to_owned())
        .ok_or_else(|| "expected 1 to 64 characters without control characters".to_owned())
}
