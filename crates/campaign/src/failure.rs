//! Why something could not be done, for people.

/// What was tried and what came of it, in one line. Never a secret.
#[derive(Debug)]
pub struct Failure(String);

/// What can fail here.
pub type Result<T> = std::result::Result<T, Failure>;

impl Failure {
    /// In these words.
    pub fn of(text: impl Into<String>) -> Self {
        Self(text.into())
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Failure {}

/// Says what was tried when it failed.
pub trait Tried<T> {
    /// `what` is a phrase such as `start the sandbox`.
    ///
    /// # Errors
    ///
    /// When `self` is one.
    fn tried(self, what: impl std::fmt::Display) -> Result<T>;
}

impl<T, E: std::fmt::Display> Tried<T> for std::result::Result<T, E> {
    fn tried(self, what: impl std::fmt::Display) -> Result<T> {
        self.map_err(|error| Failure(format!("could not {what}: {error}")))
    }
}
