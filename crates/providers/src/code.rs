//! The provider's own code for a refusal, beside an outcome, which decides by proof and has no room for it.

use std::cell::RefCell;

use crate::outcome::Outcome;

tokio::task_local! {
    static NOTED: RefCell<Option<ProviderCode>>;
}

/// A provider's code, such as `ERR_BAD_REQUEST` or `wrong_inputs`: 1 to 64 of `A-Z a-z 0-9 . _ -`. A sentence is
/// none.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ProviderCode(String);

impl ProviderCode {
    /// Reads a code; `None` for any other text.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let fits = (1..=64).contains(&text.len())
            && text
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'));
        fits.then(|| Self(text.to_owned()))
    }

    /// The code.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Waits for `call`, a method of one of this crate's clients, and gives with what is proven the last code with
/// which the provider refused on the way, that of an access token's refusal among them.
///
/// A token that another call asked for meanwhile was refused to that one.
pub async fn with_code<T>(
    call: impl Future<Output = Outcome<T>>,
) -> (Outcome<T>, Option<ProviderCode>) {
    let noting = async {
        let outcome = call.await;
        (outcome, NOTED.with(|noted| noted.borrow_mut().take()))
    };
    match NOTED.scope(RefCell::new(None), noting).await {
        (definite @ Outcome::Definite(_), _) => (definite, None),
        told => told,
    }
}

/// Notes what the provider said; nowhere outside [`with_code`].
pub(crate) fn note(text: &str) {
    let _ = NOTED.try_with(|noted| *noted.borrow_mut() = ProviderCode::parse(text));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::Cause;

    #[test]
    fn a_sentence_is_no_code() {
        for code in ["ERR_NOT_FOUND", "wrong_inputs", "00", "E-1.2"] {
            assert_eq!(ProviderCode::parse(code).unwrap().as_str(), code);
        }
        for text in [
            "",
            "insufficient scope",
            "a/b",
            "código",
            "x\n",
            &"x".repeat(65),
        ] {
            assert_eq!(ProviderCode::parse(text), None, "{text}");
        }
    }

    #[tokio::test]
    async fn the_last_code_of_a_call_that_failed_is_told_and_none_of_another() {
        let refused = async {
            note("first");
            note("second");
            Outcome::<()>::Rejected(Cause::Refused)
        };
        let (outcome, code) = with_code(refused).await;
        assert_eq!(outcome.cause(), Some(Cause::Refused));
        assert_eq!(code, ProviderCode::parse("second"));

        let (_, code) = with_code(async { Outcome::<()>::Unknown(Cause::Timeout) }).await;
        assert_eq!(code, None);
        note("nobody listens");
        let done = async {
            note("a token that had ended");
            Outcome::Definite(1)
        };
        assert!(matches!(
            with_code(done).await,
            (Outcome::Definite(1), None)
        ));
    }
}
