//! What a provider's answer is to the merchant who asked for it.

use ventanilla_core::problem::ProblemCode;
use ventanilla_providers::{Cause, Outcome, ProviderCode};

use crate::error::{Error, Result};

/// What a call leaves behind at the provider.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Call {
    /// Nothing: it may be repeated.
    Reads,
    /// Something: whoever does not know what came of it looks before repeating it.
    Creates,
}

/// The value of a definite outcome; any other as the problem that it is.
///
/// # Errors
///
/// `request-malformed` for a value that the provider does not take, named by its field; `provider-rejected` when it
/// says that it did not do it; `provider-refused` when it is the merchant's credentials or set-up; `not-found`
/// never; `provider-unavailable` when it was not reached, or did not answer a read; `provider-unclear` when its
/// answer proves nothing.
pub(super) fn value<T>(
    call: Call,
    (outcome, code): (Outcome<T>, Option<ProviderCode>),
) -> Result<T> {
    let (problem, cause) = match outcome {
        Outcome::Definite(value) => return Ok(value),
        Outcome::NotSent(Cause::Request(field)) => {
            return Err(Error::new(ProblemCode::RequestMalformed)
                .detail(format!("{field} is not what the provider takes")));
        }
        Outcome::NotSent(cause) => (ProblemCode::ProviderUnavailable, cause),
        Outcome::Rejected(
            cause @ (Cause::Credentials | Cause::Forbidden | Cause::Setup | Cause::Terminal),
        ) => (ProblemCode::ProviderRefused, cause),
        Outcome::Rejected(cause) => (ProblemCode::ProviderRejected, cause),
        Outcome::Unknown(
            cause @ (Cause::Timeout | Cause::ConnectionLost | Cause::HttpStatus(_)),
        ) if call == Call::Reads => (ProblemCode::ProviderUnavailable, cause),
        Outcome::Unknown(cause) => (ProblemCode::ProviderUnclear, cause),
    };
    Err(Error::new(problem).cause(cause).provider_code(code))
}

/// Nothing is under this identifier at the provider.
pub(super) fn not_found(code: Option<&str>) -> Error {
    let code = code.and_then(ProviderCode::parse);
    Error::new(ProblemCode::NotFound).provider_code(code)
}

/// The rows behind the one that `after` names, `limit` at most, and the name of the last of them when there are
/// more.
///
/// # Errors
///
/// `request-malformed` when no row has that name.
pub(super) fn page<T>(
    rows: Vec<T>,
    name: impl Fn(&T) -> String,
    after: Option<&str>,
    limit: usize,
) -> Result<(Vec<T>, Option<String>)> {
    let mut rows = rows.into_iter();
    if let Some(after) = after
        && !rows.by_ref().any(|row| name(&row) == after)
    {
        return Err(Error::new(ProblemCode::RequestMalformed)
            .detail("after: expected the next of an earlier answer to the same question"));
    }
    let page: Vec<T> = rows.by_ref().take(limit).collect();
    let more = rows.next().is_some();
    let next = page.last().filter(|_| more).map(name);
    Ok((page, next))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(call: Call, outcome: Outcome<()>) -> ProblemCode {
        value(call, (outcome, None)).unwrap_err().code()
    }

    #[test]
    fn each_way_to_fail_is_told_apart() {
        use ProblemCode as P;
        for (outcome, read, created) in [
            (
                Outcome::NotSent(Cause::Connect),
                P::ProviderUnavailable,
                P::ProviderUnavailable,
            ),
            (
                Outcome::NotSent(Cause::Request("name")),
                P::RequestMalformed,
                P::RequestMalformed,
            ),
            (
                Outcome::Rejected(Cause::Credentials),
                P::ProviderRefused,
                P::ProviderRefused,
            ),
            (
                Outcome::Rejected(Cause::Forbidden),
                P::ProviderRefused,
                P::ProviderRefused,
            ),
            (
                Outcome::Rejected(Cause::Refused),
                P::ProviderRejected,
                P::ProviderRejected,
            ),
            (
                Outcome::Unknown(Cause::Timeout),
                P::ProviderUnavailable,
                P::ProviderUnclear,
            ),
            (
                Outcome::Unknown(Cause::HttpStatus(504)),
                P::ProviderUnavailable,
                P::ProviderUnclear,
            ),
            (
                Outcome::Unknown(Cause::NotJson),
                P::ProviderUnclear,
                P::ProviderUnclear,
            ),
        ] {
            let again = match &outcome {
                Outcome::NotSent(cause) => Outcome::NotSent(*cause),
                Outcome::Rejected(cause) => Outcome::Rejected(*cause),
                Outcome::Unknown(cause) => Outcome::Unknown(*cause),
                Outcome::Definite(()) => Outcome::Definite(()),
            };
            let told = format!("{outcome:?}");
            assert_eq!(problem(Call::Reads, outcome), read, "{told}");
            assert_eq!(problem(Call::Creates, again), created, "{told}");
        }
    }

    #[test]
    fn pages_go_on_where_the_one_before_ended() {
        let rows = || vec!["a", "b", "c", "d", "e"];
        let name = |row: &&str| (*row).to_owned();
        let (first, next) = page(rows(), name, None, 2).unwrap();
        assert_eq!((first, next.as_deref()), (vec!["a", "b"], Some("b")));
        let (second, next) = page(rows(), name, Some("b"), 3).unwrap();
        assert_eq!((second, next), (vec!["c", "d", "e"], None));
        assert_eq!(page(rows(), name, Some("e"), 2).unwrap(), (vec![], None));
        let unknown = page(rows(), name, Some("x"), 2).unwrap_err();
        assert_eq!(unknown.code(), ProblemCode::RequestMalformed);
    }
}
