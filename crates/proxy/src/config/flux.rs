//! `[flux]`: codes that buyers' wallets show, by Flux.

use std::time::Duration;

use ventanilla_core::rails::flux::{FluxOffer, TipPolicy};
use ventanilla_providers::flux::Place;

use super::ProviderUrl;
use super::toml_reader::{self, Section};

/// `[flux]`; its presence turns the Flux rail on.
#[derive(Clone, Debug)]
pub struct Flux {
    /// The API, with its version.
    pub url: ProviderUrl,
    /// Where access tokens are asked for, if elsewhere.
    pub token_url: Option<ProviderUrl>,
    /// `grantType` of the token request; none leaves it out.
    pub grant_type: Option<String>,
    /// Where payments are made.
    pub place: Place,
    /// What is offered: how a tip may be added.
    pub offer: FluxOffer,
    /// Error codes with which this provider says that a reference does not exist.
    pub absent_codes: Vec<String>,
    /// How long a whole call that moves money may take: 1 to 120 s, 40 s unless told.
    pub call_limit: Duration,
}

pub(super) fn read(section: &mut Section, problems: &mut Vec<String>) -> Option<Flux> {
    let address = |value: &toml::Value| {
        let text = toml_reader::text(value)?;
        ProviderUrl::parse(text).map_err(|error| format!("{error}, found {text:?}"))
    };
    let url = section.required("url", problems, address);
    let token_url = section.optional("token_url", problems, address);
    let grant_type = section.optional("grant_type", problems, |value| short_text(value, 0));
    let store = section.required("store", problems, |value| short_text(value, 1));
    let mut place = |key| section.optional(key, problems, |value| short_text(value, 0));
    let (terminal, operator, table) = (place("terminal"), place("operator"), place("table"));
    let tips = section.optional("tips", problems, toml_reader::boolean);
    let cap = section.optional("tip_cap_percent", problems, |value| {
        toml_reader::integer(value, 1, 100)
    });
    let cap: u8 = cap.unwrap_or(100);
    let confirm = section.optional("tip_confirm_percent", problems, |value| {
        toml_reader::integer(value, 0, 100)
    });
    let percents = section.optional("tip_percents", problems, |value| {
        let percents: Vec<u8> =
            toml_reader::list(value, |value| toml_reader::integer(value, 1, 100))?;
        let ascending = percents.windows(2).all(|pair| pair[0] < pair[1]);
        if !ascending || percents.len() > 6 || percents.last().is_some_and(|last| *last > cap) {
            return Err(format!(
                "expected at most 6 percentages, ascending, none above flux.tip_cap_percent ({cap})"
            ));
        }
        Ok(percents)
    });
    let absent_codes = section.optional("absent_codes", problems, |value| {
        toml_reader::list(value, |value| short_text(value, 1))
    });
    let call_limit = section.optional("call_limit_secs", problems, |value| {
        toml_reader::integer(value, 1, 120)
    });
    let usual = || [10, 15, 20].into_iter().filter(|usual| *usual <= cap);
    Some(Flux {
        url: url?,
        token_url,
        grant_type: match grant_type {
            None => Some(String::from("accessToken")),
            Some(told) => Some(told).filter(|told| !told.is_empty()),
        },
        place: Place {
            store: store?,
            terminal: terminal.unwrap_or_default(),
            operator: operator.unwrap_or_default(),
            table: table.unwrap_or_default(),
        },
        offer: FluxOffer {
            tip: tips.unwrap_or(false).then(|| TipPolicy {
                percents: percents.unwrap_or_else(|| usual().collect()),
                cap_percent: cap,
                confirm_percent: confirm.unwrap_or(30),
            }),
        },
        absent_codes: absent_codes.unwrap_or_default(),
        call_limit: Duration::from_secs(call_limit.unwrap_or(40)),
    })
}

fn short_text(value: &toml::Value, least: usize) -> Result<String, String> {
    let text = toml_reader::text(value)?;
    let fits = (least..=64).contains(&text.chars().count()) && !text.chars().any(char::is_control);
    fits.then(|| text.to_owned())
        .ok_or_else(|| format!("expected {least} to 64 characters without control characters"))
}
