//! What can go wrong, told to programs: one table of stable codes.

use alloc::string::String;

use serde::{Deserialize, Serialize};

#[cfg(feature = "openapi")]
use crate::openapi::*;

/// Whose turn it is.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// The shop's page, its server or its configuration.
    Integration,
    /// The buyer can put it right.
    Buyer,
    /// The connection failed; trying again is safe.
    Network,
    /// The provider.
    Provider,
    /// This software.
    Internal,
}

macro_rules! problem_codes {
    ($($(#[$doc:meta])* $variant:ident = ($name:literal, $status:literal, $fault:ident, $title:literal),)*) => {
        /// A stable code for each thing that can go wrong. Codes never change once released; titles may.
        #[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
        pub enum ProblemCode {
            $($(#[$doc])* #[serde(rename = $name)] $variant,)*
        }

        impl ProblemCode {
            /// Every code.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The code on the wire, in kebab case.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// The HTTP status that goes with it; 0 for a code that never crosses HTTP.
            #[must_use]
            pub const fn status(self) -> u16 {
                match self { $(Self::$variant => $status,)* }
            }

            /// Whose turn it is.
            #[must_use]
            pub const fn fault(self) -> Fault {
                match self { $(Self::$variant => Fault::$fault,)* }
            }

            /// One line in English for a developer.
            #[must_use]
            pub const fn title(self) -> &'static str {
                match self { $(Self::$variant => $title,)* }
            }

            /// Reads a code as [`ProblemCode::name`] writes it.
            #[must_use]
            pub fn from_name(name: &str) -> Option<Self> {
                match name { $($name => Some(Self::$variant),)* _ => None }
            }
        }
    };
}

problem_codes! {
    /// The merchant's secret key is missing or wrong.
    ApiKeyInvalid = ("api-key-invalid", 401, Integration, "the secret key is missing or wrong"),
    /// The amount is zero, negative, too large or not a whole number of minor units.
    AmountInvalid = ("amount-invalid", 422, Integration, "the amount is not a whole number of minor units in range"),
    /// Another attempt of this session is running or its outcome is not known yet.
    AttemptRunning = ("attempt-running", 409, Buyer, "another attempt of this session is running"),
    /// More would be captured or given back than was paid.
    AmountExceedsPayment = ("amount-exceeds-payment", 422, Integration, "more than was paid cannot be captured or given back"),
    /// The session has used up its attempts.
    AttemptsExhausted = ("attempts-exhausted", 429, Buyer, "too many attempts on this session"),
    /// The body is larger than allowed.
    BodyTooLarge = ("body-too-large", 413, Integration, "the request body is larger than allowed"),
    /// `ld` or `lk` is not what the widget makes.
    CardMalformed = ("card-malformed", 422, Integration, "the sealed card is malformed"),
    /// The client token is missing, forged, expired or for another audience. Always the same answer.
    ClientTokenInvalid = ("client-token-invalid", 401, Integration, "the client token is missing, forged or expired"),
    /// The request did not arrive in time.
    RequestTimeout = ("request-timeout", 408, Network, "the request did not arrive in time"),
    /// What was said of the buyer is not in its form. The detail says which field.
    IdentityMalformed = ("identity-malformed", 422, Buyer, "a field that says who the buyer is, or where they live, is not in its form"),
    /// The proof of an identity is not of this attempt.
    IdentityRefused = ("identity-refused", 409, Buyer, "this proof of an identity is not of this attempt"),
    /// `Idempotency-Key` is missing or not 16 to 64 characters of `A-Z a-z 0-9 _ -`.
    IdempotencyKeyInvalid = ("idempotency-key-invalid", 400, Integration, "Idempotency-Key is missing or malformed"),
    /// The rail is not for a shop's own page.
    FrameOnly = ("frame-only", 403, Integration, "this rail is for the frame only, and not for a shop's own page"),
    /// The same `Idempotency-Key` came with another body.
    IdempotencyKeyReused = ("idempotency-key-reused", 422, Integration, "Idempotency-Key was used with another body"),
    /// The picked installments are not offered.
    InstallmentsNotOffered = ("installments-not-offered", 422, Integration, "these installments are not offered in this session"),
    /// Something broke here.
    Internal = ("internal", 500, Internal, "something broke in the proxy; read the state before trying again"),
    /// The provider's key cannot be sealed to: malformed, too weak, too large or not pinned.
    KeyRefused = ("key-refused", 0, Integration, "the provider's public key was refused"),
    /// The widget's code did not match its hash and was not run.
    LoadTampered = ("load-tampered", 0, Integration, "the widget's code does not match its pinned hash"),
    /// The widget's code or frame could not be loaded.
    LoadFailed = ("load-failed", 0, Network, "the widget could not be loaded"),
    /// The method does not exist on this path.
    MethodNotAllowed = ("method-not-allowed", 405, Integration, "this path does not take this method"),
    /// The browser could not reach the proxy.
    Network = ("network", 0, Network, "the proxy did not answer"),
    /// Nothing here: unknown path, session or attempt, or somebody else's. Always the same answer.
    NotFound = ("not-found", 404, Integration, "nothing is here"),
    /// The attempt is not paid, or its rail has no such operation.
    OperationNotPossible = ("operation-not-possible", 409, Integration, "this payment does not take this operation"),
    /// Another operation of this payment is running or its outcome is not known yet.
    OperationRunning = ("operation-running", 409, Integration, "another operation of this payment is running"),
    /// The page's origin is not in the allow-list.
    OriginNotAllowed = ("origin-not-allowed", 403, Integration, "the page's origin is not in the allow-list"),
    /// The plan that was picked was not offered.
    PlanNotOffered = ("plan-not-offered", 422, Buyer, "this plan was not offered in this attempt"),
    /// The provider refused its credentials or the merchant's set-up.
    ProviderRefused = ("provider-refused", 502, Integration, "the provider refused the merchant's credentials or set-up"),
    /// The provider says that it did not do what the merchant asked of it, by its own rules.
    ProviderRejected = ("provider-rejected", 422, Integration, "the provider did not do it; its own code says why, if it has one"),
    /// The provider's answer proves nothing: whether it did what the merchant asked of it must be looked up.
    ProviderUnclear = ("provider-unclear", 502, Provider, "the provider's answer proves nothing; look before you repeat it"),
    /// The provider did not answer, before anything was sent that moves money.
    ProviderUnavailable = ("provider-unavailable", 503, Provider, "the provider cannot be reached; no money moved"),
    /// The proxy's configuration has no such rail.
    RailNotConfigured = ("rail-not-configured", 409, Integration, "the proxy's configuration has no such rail"),
    /// This session does not offer this rail.
    RailNotOffered = ("rail-not-offered", 422, Integration, "this session does not offer this rail"),
    /// Too many requests.
    RateLimited = ("rate-limited", 429, Network, "too many requests; slow down"),
    /// The body is not the JSON this path wants.
    RequestMalformed = ("request-malformed", 422, Integration, "the request body is not what this path takes"),
    /// A return is of one capture, and none has so much left. The detail says how much each has.
    ReturnExceedsCapture = ("return-exceeds-capture", 422, Integration, "a return is of one capture, and none has so much left"),
    /// No such saved card, or not this buyer's.
    SavedCardUnknown = ("saved-card-unknown", 422, Buyer, "this saved card does not exist"),
    /// The session's time ran out or the merchant ended it.
    SessionExpired = ("session-expired", 410, Buyer, "the session has expired"),
    /// The session is paid.
    SessionPaid = ("session-paid", 409, Buyer, "the session is already paid"),
    /// The element is set up in a way that cannot work.
    SetupInvalid = ("setup-invalid", 0, Integration, "the element's attributes cannot work as they are"),
    /// The store does not answer. The same request, with the same key, may be repeated.
    StoreUnavailable = ("store-unavailable", 503, Internal, "the proxy's store does not answer; repeat the same request later"),
    /// The tip is above what the session takes, or it takes none.
    TipNotAllowed = ("tip-not-allowed", 422, Buyer, "the tip is above what this session takes"),
    /// The body is not `application/json`, or is compressed.
    UnsupportedMediaType = ("unsupported-media-type", 415, Integration, "the body must be uncompressed application/json"),
    /// What was read is not a wallet's code. The detail says what it is instead.
    WalletCodeMalformed = ("wallet-code-malformed", 422, Buyer, "this is not a wallet's code"),
}

impl core::fmt::Display for ProblemCode {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(self.name())
    }
}

/// A problem document (RFC 9457, `application/problem+json`), the same on both ends.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Problem {
    /// `urn:ventanilla:problem:` followed by the code.
    #[serde(rename = "type")]
    pub kind: String,
    /// [`ProblemCode::name`]. Text, so that an older widget can read a newer proxy's code.
    pub code: String,
    /// The HTTP status.
    pub status: u16,
    /// Whose turn it is.
    pub fault: Fault,
    /// One line in English for a developer.
    pub title: String,
    /// What was expected and what was found. Never a secret, never the provider's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// With `attempt-running` and `session-paid`: the attempt to look at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempt_id: Option<String>,
}

impl Problem {
    /// The document for `code`.
    #[must_use]
    pub fn new(code: ProblemCode, detail: Option<String>) -> Self {
        Self {
            kind: alloc::format!("urn:ventanilla:problem:{}", code.name()),
            code: String::from(code.name()),
            status: code.status(),
            fault: code.fault(),
            title: String::from(code.title()),
            detail,
            attempt_id: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_reads_back_from_its_name_and_from_json() {
        for code in ProblemCode::ALL {
            assert_eq!(ProblemCode::from_name(code.name()), Some(*code));
            let json = serde_json::to_value(code).unwrap();
            assert_eq!(json, code.name());
            assert_eq!(serde_json::from_value::<ProblemCode>(json).unwrap(), *code);
        }
        assert_eq!(ProblemCode::from_name("no-such-code"), None);
    }

    #[test]
    fn names_are_kebab_case_and_no_two_codes_share_one() {
        for (index, code) in ProblemCode::ALL.iter().enumerate() {
            let kebab = code
                .name()
                .split('-')
                .all(|word| !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase()));
            assert!(kebab, "{code}");
            assert!(
                ProblemCode::ALL[index + 1..]
                    .iter()
                    .all(|other| other.name() != code.name()),
                "{code}"
            );
        }
    }

    #[test]
    fn a_status_is_an_error_s_and_fits_whose_turn_it_is() {
        for code in ProblemCode::ALL {
            let status = code.status();
            assert!(status == 0 || (400..600).contains(&status), "{code}");
            if matches!(code.fault(), Fault::Buyer | Fault::Network) {
                assert!(status < 500, "{code}");
            }
            if matches!(code.fault(), Fault::Internal | Fault::Provider) {
                assert!(status >= 500, "{code}");
            }
        }
    }

    #[test]
    fn a_title_is_lower_case_without_a_full_stop() {
        for code in ProblemCode::ALL {
            let title = code.title();
            assert!(!title.is_empty() && !title.ends_with('.'), "{code}");
            let first = title.split(' ').next().unwrap();
            // `Idempotency-Key` is a name.
            assert!(
                first.contains('-') || first.bytes().all(|b| b.is_ascii_lowercase()),
                "{title}"
            );
        }
    }

    #[test]
    fn a_problem_document_reads_back_and_tolerates_a_newer_proxy_s() {
        for code in ProblemCode::ALL {
            let problem = Problem::new(*code, Some(String::from("expected a, found b")));
            assert!(problem.kind.ends_with(code.name()));
            let json = serde_json::to_string(&problem).unwrap();
            assert_eq!(serde_json::from_str::<Problem>(&json).unwrap(), problem);
        }
        let newer = r#"{"type":"urn:x","code":"of-tomorrow","status":418,"fault":"buyer","title":"t","extra":1}"#;
        let problem: Problem = serde_json::from_str(newer).unwrap();
        assert_eq!(ProblemCode::from_name(&problem.code), None);
        assert_eq!(problem.attempt_id, None);
    }
}
