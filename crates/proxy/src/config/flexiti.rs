//! `[flexiti]`: financing, by Flexiti.

use std::time::Duration;

use ventanilla_core::rails::flexiti::IdentificationKind;
use ventanilla_providers::flexiti::{Version, Versions};

use super::ProviderUrl;
use super::toml_reader::{self, Section};
use crate::origin::Origin;

/// `[flexiti]`; its presence turns the Flexiti rail on.
#[derive(Clone, Debug)]
pub struct Flexiti {
    /// The host of the POS API, without the path that every call has.
    pub url: ProviderUrl,
    /// The origin of the page on which buyers prove who they are; that of `url` unless told.
    pub page_origin: Origin,
    /// The merchant's identifier at Flexiti.
    pub client_id: String,
    /// In which version each operation is asked.
    pub versions: Versions,
    /// By what buyers may be looked up.
    pub identifications: Vec<IdentificationKind>,
    /// Whether what was authorized is captured at once.
    pub capture: bool,
    /// Whether `x-idempotency-key` is sent. Nothing rests on it.
    pub idempotency_header: bool,
    /// Whether a deposit's amount and account number are sent as text.
    pub deposit_as_text: bool,
    /// Whether `x-reference-id` has hyphens.
    pub hyphenated_flow_id: bool,
    /// The merchant that authorizations must be for.
    pub merchant_id: Option<u64>,
    /// The location that authorizations must be for.
    pub location_id: Option<u64>,
    /// How long a whole call that moves money may take: 1 to 120 s, 40 s unless told.
    pub call_limit: Duration,
}

pub(super) fn read(section: &mut Section, problems: &mut Vec<String>) -> Option<Flexiti> {
    let url = section.required("url", problems, |value: &toml::Value| {
        let text = toml_reader::text(value)?;
        ProviderUrl::parse(text).map_err(|error| format!("{error}, found {text:?}"))
    });
    let page_origin = section.optional("page_origin", problems, origin);
    let client_id = section.required("client_id", problems, |value| {
        let text = toml_reader::text(value)?;
        let fits = (1..=100).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_graphic())
            && !matches!(text, "." | "..");
        fits.then(|| text.to_owned())
            .ok_or_else(|| String::from("expected 1 to 100 printable ASCII characters"))
    });
    let versions = versions(section, problems);
    let identifications = section.optional("identifications", problems, |value| {
        let kinds = toml_reader::list(value, |value| {
            let text = toml_reader::text(value)?;
            IdentificationKind::from_name(text)
                .ok_or_else(|| format!("expected account or person, found {text:?}"))
        })?;
        let distinct: std::collections::HashSet<_> = kinds.iter().collect();
        if kinds.is_empty() || distinct.len() < kinds.len() {
            return Err(String::from("expected account, person or both, each once"));
        }
        Ok(kinds)
    });
    let capture = section.optional("capture", problems, toml_reader::boolean);
    let idempotency = section.optional("idempotency_header", problems, toml_reader::boolean);
    let as_text = section.optional("deposit_as_text", problems, toml_reader::boolean);
    let hyphenated = section.optional("hyphenated_reference_id", problems, toml_reader::boolean);
    let id = |value: &toml::Value| toml_reader::integer(value, 1, i64::from(u32::MAX));
    let merchant_id = section.optional("merchant_id", problems, id);
    let location_id = section.optional("location_id", problems, id);
    let call_limit = section.optional("call_limit_secs", problems, |value| {
        toml_reader::integer(value, 1, 120)
    });
    let url = url?;
    let page_origin = match page_origin {
        Some(told) => told,
        None => origin_of(url.as_str())
            .map_err(|problem| problems.push(format!("flexiti.page_origin: {problem}")))
            .ok()?,
    };
    Some(Flexiti {
        url,
        page_origin,
        client_id: client_id?,
        versions,
        identifications: identifications.unwrap_or_else(|| IdentificationKind::ALL.to_vec()),
        capture: capture.unwrap_or(true),
        idempotency_header: idempotency.unwrap_or(false),
        deposit_as_text: as_text.unwrap_or(false),
        hyphenated_flow_id: hyphenated.unwrap_or(true),
        merchant_id,
        location_id,
        call_limit: Duration::from_secs(call_limit.unwrap_or(40)),
    })
}

fn versions(section: &mut Section, problems: &mut Vec<String>) -> Versions {
    let mut versions = Versions::default();
    for (key, version) in [
        ("version_token", &mut versions.token),
        ("version_widget_init", &mut versions.widget_init),
        (
            "version_calculate_interest",
            &mut versions.calculate_interest,
        ),
        ("version_authorization", &mut versions.authorization),
        ("version_release", &mut versions.release),
        ("version_capture", &mut versions.capture),
        ("version_return", &mut versions.returning),
        ("version_refund", &mut versions.refund),
        ("version_deposit", &mut versions.deposit),
        ("version_authorizations", &mut versions.authorizations),
        (
            "version_authorization_detail",
            &mut versions.authorization_detail,
        ),
        ("version_captures", &mut versions.captures),
    ] {
        let told = section.optional(key, problems, |value| {
            let text = toml_reader::text(value)?;
            Version::parse(text)
                .ok_or_else(|| format!("expected a version such as 2.5.1, found {text:?}"))
        });
        if let Some(told) = told {
            *version = told;
        }
    }
    versions
}

fn origin(value: &toml::Value) -> Result<Origin, String> {
    let text = toml_reader::text(value)?;
    let origin = Origin::parse(text).map_err(|error| format!("{error}, found {text:?}"))?;
    if origin.is_https() || origin.is_loopback() {
        Ok(origin)
    } else {
        Err(String::from(
            "expected https (http is for this machine only)",
        ))
    }
}

/// Scheme, host and port of a provider's address.
fn origin_of(url: &str) -> Result<Origin, String> {
    let (scheme, rest) = url.split_once("://").unwrap_or_default();
    let host = rest.split('/').next().unwrap_or_default();
    let default = if scheme == "https" { ":443" } else { ":80" };
    let host = host.strip_suffix(default).unwrap_or(host);
    Origin::parse(&format!("{scheme}://{}", host.to_ascii_lowercase())).map_err(|_| {
        String::from("expected to be told, since flexiti.url has none that could be it")
    })
}
