//! Parameters that several routes have.

use utoipa::IntoParams;
use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::{ObjectBuilder, Schema};
use utoipa::openapi::{Required, schema::Type};
use ventanilla_core::api::IDEMPOTENCY_KEY;

/// The header of a call that takes effect once.
pub struct Keyed;

impl IntoParams for Keyed {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        vec![parameter(
            IDEMPOTENCY_KEY,
            ParameterIn::Header,
            "Names one intended effect. Make a random one for each, keep it until the answer is there, and repeat it \
             with the same body when no answer came: the same key never has a second effect, and is answered with the \
             first one's record as it stands. With another body it is refused (`idempotency-key-reused`).",
            "^[A-Za-z0-9_-]{16,64}$",
            "2b1f0c9e-6d3a-4f57-9b0e-1a2c3d4e5f60",
        )]
    }
}

/// Types for `params(…)` of `utoipa::path`, each a parameter in the path: its name, what it is, its form, an example.
macro_rules! identifiers {
    ($($(#[$doc:meta])* $name:ident = ($param:literal, $what:literal, $pattern:literal, $example:literal),)*) => {
        $(
            $(#[$doc])*
            pub struct $name;

            impl utoipa::IntoParams for $name {
                fn into_params(
                    _: impl Fn() -> Option<utoipa::openapi::path::ParameterIn>,
                ) -> Vec<utoipa::openapi::path::Parameter> {
                    vec![$crate::openapi::params::in_path($param, $what, $pattern, $example)]
                }
            }
        )*
    };
}
pub(crate) use identifiers;

/// The form of our own identifiers.
macro_rules! own {
    ($($(#[$doc:meta])* $name:ident = ($what:literal, $example:literal),)*) => {
        identifiers! { $($(#[$doc])* $name = ("id", $what, "^[A-Za-z0-9_]{1,64}$", $example),)* }
    };
}

own! {
    /// A session's identifier in a path.
    SessionId = ("The session: `ses_` and 26 characters", "ses_4k2mwz7hq3xjd5ra6tbnve7ycu"),
    /// An attempt's identifier in a path.
    AttemptId = ("The attempt: `att_` and 26 characters", "att_7pqd3n5kz2wvh6x4mcybtrj5fa"),
    /// An operation's identifier in a path.
    OperationId = ("The operation: `opr_` and 26 characters", "opr_m4xk2vq7hwz3d5nt6yrbcjpe5u"),
    /// The identifier of something in review in a path.
    ReviewId = ("What is in review: `att_`, `opr_` or `crd_` and 26 characters", "att_7pqd3n5kz2wvh6x4mcybtrj5fa"),
}

pub(crate) fn in_path(name: &str, what: &str, pattern: &str, example: &str) -> Parameter {
    parameter(name, ParameterIn::Path, what, pattern, example)
}

/// A header that may be left out.
pub(crate) fn header(name: &str, what: &str, pattern: &str, example: &str) -> Parameter {
    let mut header = parameter(name, ParameterIn::Header, what, pattern, example);
    header.required = Required::False;
    header
}

fn parameter(
    name: &str,
    place: ParameterIn,
    description: &str,
    pattern: &str,
    example: &str,
) -> Parameter {
    let schema = ObjectBuilder::new()
        .schema_type(Type::String)
        .pattern(Some(pattern))
        .build();
    ParameterBuilder::new()
        .name(name)
        .parameter_in(place)
        .required(Required::True)
        .description(Some(description))
        .schema(Some(Schema::Object(schema)))
        .example(Some(example.into()))
        .build()
}
