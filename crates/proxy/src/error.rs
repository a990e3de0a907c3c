//! The service's one error, and the one place where it becomes an answer.

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;
use utoipa::ToSchema;
use ventanilla_core::problem::{Fault, Problem, ProblemCode};
use ventanilla_providers::ProviderCode;

/// Why a request was not served.
#[derive(Debug)]
pub struct Error {
    code: ProblemCode,
    detail: Option<String>,
    attempt_id: Option<String>,
    retry_after_secs: Option<u32>,
    provider_code: Option<ProviderCode>,
    /// For the log only.
    cause: Option<String>,
}

/// A problem document as it is answered.
#[derive(Serialize, ToSchema)]
pub struct ProblemDocument {
    #[serde(flatten)]
    problem: Problem,
    /// The provider's own code for its refusal, if it gave one. Its texts are never repeated.
    #[serde(skip_serializing_if = "Option::is_none")]
    provider_code: Option<String>,
}

/// A result of this crate.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// An error with nothing to add to its code.
    #[must_use]
    pub const fn new(code: ProblemCode) -> Self {
        Self {
            code,
            detail: None,
            attempt_id: None,
            retry_after_secs: None,
            provider_code: None,
            cause: None,
        }
    }

    /// Something broke here. `cause` goes to the log, never to the caller; it must hold no secret.
    #[must_use]
    pub fn internal(cause: impl std::fmt::Display) -> Self {
        let mut error = Self::new(ProblemCode::Internal);
        error.cause = Some(cause.to_string());
        error
    }

    /// Tells the caller what was expected and what was found. Never a secret, never a provider's words.
    #[must_use]
    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    /// For the log only; must hold no secret.
    #[must_use]
    pub fn cause(mut self, cause: impl std::fmt::Display) -> Self {
        self.cause = Some(cause.to_string());
        self
    }

    /// Points at the attempt that is in the way.
    #[must_use]
    pub fn attempt(mut self, id: impl Into<String>) -> Self {
        self.attempt_id = Some(id.into());
        self
    }

    /// Says when it is worth trying again.
    #[must_use]
    pub const fn retry_after(mut self, secs: u32) -> Self {
        self.retry_after_secs = Some(secs);
        self
    }

    /// Tells the caller the provider's own code.
    #[must_use]
    pub fn provider_code(mut self, code: Option<ProviderCode>) -> Self {
        self.provider_code = code;
        self
    }

    /// The code.
    #[must_use]
    pub const fn code(&self) -> ProblemCode {
        self.code
    }

    /// The problem document.
    #[must_use]
    pub fn problem(&self) -> Problem {
        let mut problem = Problem::new(self.code, self.detail.clone());
        problem.attempt_id.clone_from(&self.attempt_id);
        problem
    }

    /// The document as it is answered.
    #[must_use]
    pub fn told(&self) -> ProblemDocument {
        let code = self.provider_code.as_ref();
        ProblemDocument {
            problem: self.problem(),
            provider_code: code.map(|code| code.as_str().to_owned()),
        }
    }
}

impl From<ProblemCode> for Error {
    fn from(code: ProblemCode) -> Self {
        Self::new(code)
    }
}

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.code)?;
        for part in [&self.detail, &self.cause].into_iter().flatten() {
            write!(f, ": {part}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Error {}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        if matches!(self.code.fault(), Fault::Internal | Fault::Provider) {
            tracing::error!(problem.code = %self.code, "request not served: {self}");
        } else {
            tracing::info!(problem.code = %self.code, "request refused: {self}");
        }
        let status =
            StatusCode::from_u16(self.code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = serde_json::to_vec(&self.told()).unwrap_or_default();
        let mut response = (status, body).into_response();
        let headers = response.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(secs) = self.retry_after_secs {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(secs));
        }
        response
    }
}
