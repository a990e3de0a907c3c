//! The attempt machine over its store, against the provider's sandbox on loopback. Time is moved by
//! hand; what counts in the end is the sandbox's ledger.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod breaker;
mod card;
mod doubt;
mod duplicates;
mod operations;
mod recovery;
mod review;
mod sessions;
mod shared;
mod support;
