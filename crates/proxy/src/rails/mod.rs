//! One folder per rail: what it offers, what it takes, and how it reaches its provider.
//!
//! There is no trait over them: rails share a lifecycle, which is the machine's, not operations.

pub mod card;
