//! The attempt machine over its store, against the provider's sandbox on loopback. Time is moved by
//! hand; what counts in the end is the sandbox's ledger.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod card;
mod conformance;
mod doubt;
mod recovery;
mod sessions;
mod support;
