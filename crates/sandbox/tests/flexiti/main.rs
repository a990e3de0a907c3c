//! The sandbox's Flexiti POS API as a merchant's proxy and a shopper see it: over HTTP.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should panic")]

mod faults;
mod lists;
mod management;
mod operations;
mod page;
mod properties;
mod refusals;
mod samples;
mod support;
