//! What routes refuse, by the stable codes of [`ProblemCode`].
//!
//! A route names its codes; which status goes with each, and what it says, is the table's. Codes that any route
//! of an API may answer with are added to all of them.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use utoipa::PartialSchema as _;
use utoipa::ToSchema as _;
use utoipa::openapi::extensions::ExtensionsBuilder;
use utoipa::openapi::{RefOr, Response, ResponseBuilder};
use ventanilla_core::problem::{Problem, ProblemCode};

use crate::error::ProblemDocument;

/// Where a route's codes stand until [`write_out`].
const CODES: &str = "x-problems";

/// What any route may answer with.
pub const ALWAYS: &[ProblemCode] = &[ProblemCode::RateLimited, ProblemCode::Internal];

/// What reading a body may end in.
pub const OF_BODY: &[ProblemCode] = &[
    ProblemCode::BodyTooLarge,
    ProblemCode::RequestMalformed,
    ProblemCode::RequestTimeout,
    ProblemCode::UnsupportedMediaType,
];

/// What reading an idempotency key may end in.
pub const OF_KEY: &[ProblemCode] = &[
    ProblemCode::IdempotencyKeyInvalid,
    ProblemCode::IdempotencyKeyReused,
];

/// What a call to a provider may end in that leaves something behind there.
pub const OF_PROVIDER: &[ProblemCode] = &[
    ProblemCode::ProviderRefused,
    ProblemCode::ProviderRejected,
    ProblemCode::ProviderUnavailable,
    ProblemCode::ProviderUnclear,
    ProblemCode::RailNotConfigured,
];

/// Names what a route, or several of them, refuse: a type for `responses(…)` of `utoipa::path`. Lists of
/// [`OF_BODY`] and [`OF_KEY`] are taken in with `body` and `key`.
macro_rules! problems {
    ($(#[$doc:meta])* $name:ident = [$($list:ident),*] $($code:ident),* $(,)?) => {
        $(#[$doc])*
        enum $name {}

        impl utoipa::IntoResponses for $name {
            fn responses() -> std::collections::BTreeMap<
                String,
                utoipa::openapi::RefOr<utoipa::openapi::Response>,
            > {
                let lists: &[&[ventanilla_core::problem::ProblemCode]] =
                    &[$($crate::openapi::problems::$list),*];
                let own = &[$(ventanilla_core::problem::ProblemCode::$code),*];
                $crate::openapi::problems::named(lists, own)
            }
        }
    };
}
pub(crate) use problems;

/// What [`problems!`] makes: a place for the codes, which [`write_out`] fills.
pub(crate) fn named(
    lists: &[&[ProblemCode]],
    own: &[ProblemCode],
) -> BTreeMap<String, RefOr<Response>> {
    let codes = lists.iter().copied().flatten().chain(own);
    let names: Vec<&str> = codes.map(|code| code.name()).collect();
    let extensions = ExtensionsBuilder::new().add(CODES, names).build();
    let response = ResponseBuilder::new().extensions(Some(extensions)).build();
    BTreeMap::from([(String::from(CODES), RefOr::T(response))])
}

/// Writes out what each operation of `part` refuses, `always` among it.
pub(super) fn write_out(part: &mut Value, always: &[ProblemCode]) {
    super::tidy::each_operation(part, |operation| {
        let Some(responses) = operation["responses"].as_object_mut() else {
            return;
        };
        let named = responses.remove(CODES).unwrap_or_default();
        let named = named[CODES].as_array().cloned().unwrap_or_default();
        let named = named.iter().filter_map(Value::as_str);
        let mut by_status: BTreeMap<u16, Vec<ProblemCode>> = BTreeMap::new();
        for code in named
            .filter_map(ProblemCode::from_name)
            .chain(always.iter().copied())
        {
            let codes = by_status.entry(code.status()).or_default();
            if !codes.contains(&code) {
                codes.push(code);
            }
        }
        for (status, mut codes) in by_status {
            codes.sort_by_key(|code| code.name());
            let answer = match codes.as_slice() {
                [only] => json!({ "$ref": format!("#/components/responses/{only}") }),
                _ => answer(&codes),
            };
            responses.insert(status.to_string(), answer);
        }
    });
}

/// The problem document, and the answer of each code for itself.
pub(super) fn described() -> Value {
    let answers: serde_json::Map<String, Value> = ProblemCode::ALL
        .iter()
        .filter(|code| code.status() != 0)
        .map(|code| (code.name().to_owned(), answer(&[*code])))
        .collect();
    let mut schemas = Vec::new();
    ProblemDocument::schemas(&mut schemas);
    let mut schemas: serde_json::Map<String, Value> = schemas
        .into_iter()
        .map(|(name, schema)| (name, json!(schema)))
        .collect();
    schemas.insert(
        ProblemDocument::name().into_owned(),
        json!(ProblemDocument::schema()),
    );
    json!({ "components": { "responses": answers, "schemas": schemas } })
}

/// The answer with a status that these codes share.
fn answer(codes: &[ProblemCode]) -> Value {
    let names: Vec<&str> = codes.iter().map(|code| code.name()).collect();
    let lines: Vec<String> = codes
        .iter()
        .map(|code| format!("- `{code}`: {}", code.title()))
        .collect();
    let examples: serde_json::Map<String, Value> = codes
        .iter()
        .map(|code| {
            let example = json!({ "summary": code.title(), "value": Problem::new(*code, None) });
            (code.name().to_owned(), example)
        })
        .collect();
    json!({
        "description": lines.join("\n"),
        "content": {
            "application/problem+json": {
                "schema": {
                    "allOf": [{ "$ref": "#/components/schemas/ProblemDocument" }],
                    "properties": { "code": { "enum": names } },
                },
                "examples": examples,
            },
        },
    })
}
