//! How the Flux API behaves where its documents are silent.

use serde::{Deserialize, Serialize};

/// What the Flux host lets in. It opens nothing but a sandbox.
#[derive(Clone, Debug)]
pub struct FluxCredentials {
    /// Any text.
    pub refresh_token: String,
}

impl Default for FluxCredentials {
    fn default() -> Self {
        Self {
            refresh_token: String::from("sandbox-refresh-token"),
        }
    }
}

/// How the Flux API behaves. In JSON, what is not named is as by default.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct FluxOptions {
    /// For how long a token opens the door, in seconds of the sandbox's clock: one hour by default, at
    /// least 1.
    pub token_lifetime_secs: u32,
    /// A new token ends the ones before it.
    pub one_token: bool,
    /// The form of `expiresIn`.
    pub expires_in: FluxExpiresIn,
    /// A request for a token without `grantType` is refused: the default.
    pub grant_type_needed: bool,
    /// The user may pay, give back and look up; otherwise HTTP 403.
    pub allowed: bool,
    /// How deep the code of an error lies.
    pub error_nesting: FluxErrorNesting,
    /// The HTTP status when a reference does not exist: 400 by default, as 404 is not listed; 400 to 499.
    pub unknown_reference_status: u16,
    /// The code when a reference does not exist: `ERR_NOT_FOUND` by default.
    pub unknown_reference_code: String,
    /// A reference that was declined is used up, too.
    pub declined_uses_reference: bool,
    /// `type` in the answer to a refund.
    pub refund_type: FluxRefundType,
    /// A look-up of a payment says `refund` once anything was given back.
    pub shows_refunds: bool,
    /// The wallet that pays: `claropay` by default.
    pub issuer: String,
    /// For how long a wallet code pays, in seconds of the sandbox's clock: 180 by default, at least 1.
    pub code_lifetime_secs: u32,
    /// What a wallet code looks like.
    pub code_form: FluxCodeForm,
    /// How long after a slow code was charged the answer comes, in milliseconds of the sandbox's clock:
    /// 8000 by default, at most one hour.
    pub slow_ms: u64,
}

impl Default for FluxOptions {
    fn default() -> Self {
        Self {
            token_lifetime_secs: 3_600,
            one_token: false,
            expires_in: FluxExpiresIn::EpochMilliseconds,
            grant_type_needed: true,
            allowed: true,
            error_nesting: FluxErrorNesting::Two,
            unknown_reference_status: 400,
            unknown_reference_code: String::from("ERR_NOT_FOUND"),
            declined_uses_reference: false,
            refund_type: FluxRefundType::Payment,
            shows_refunds: false,
            issuer: String::from("claropay"),
            code_lifetime_secs: 180,
            code_form: FluxCodeForm::Base64,
            slow_ms: 8_000,
        }
    }
}

const AN_HOUR_MS: u64 = 3_600_000;

/// An option that cannot be; says why.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct FluxOptionsError(String);

impl std::fmt::Display for FluxOptionsError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for FluxOptionsError {}

impl FluxOptions {
    pub(crate) fn check(&self) -> Result<(), FluxOptionsError> {
        let refused = |text: String| Err(FluxOptionsError(text));
        for (name, secs) in [
            ("token_lifetime_secs", self.token_lifetime_secs),
            ("code_lifetime_secs", self.code_lifetime_secs),
        ] {
            if secs == 0 {
                return refused(format!("{name} must be at least 1, found 0"));
            }
        }
        let status = self.unknown_reference_status;
        if !(400..500).contains(&status) {
            return refused(format!(
                "unknown_reference_status must be from 400 to 499, found {status}"
            ));
        }
        if self.slow_ms > AN_HOUR_MS {
            return refused(format!(
                "slow_ms must be at most {AN_HOUR_MS}, found {}",
                self.slow_ms
            ));
        }
        Ok(())
    }
}

/// The form of `expiresIn`, documented as a long without a unit.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FluxExpiresIn {
    /// Milliseconds since 1970, as fluxqr.dev draws it.
    EpochMilliseconds,
    /// Seconds since 1970.
    EpochSeconds,
    /// Seconds from now.
    Seconds,
    /// Milliseconds from now.
    Milliseconds,
    /// Seconds from now, as text.
    Text,
}

/// How deep the code of an error lies. The collection draws it two levels deep.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FluxErrorNesting {
    /// `error.error.code`, as documented.
    Two,
    /// `error.code`.
    One,
}

/// `type` in the answer to a refund.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FluxRefundType {
    /// `payment`, as in the sample.
    Payment,
    /// `refund`.
    Refund,
}

/// What a wallet code looks like. No document describes it.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FluxCodeForm {
    /// 60 characters of base64, much as public clients have it.
    Base64,
    /// A JSON object, as in the one sample of fluxqr.dev.
    Json,
}
