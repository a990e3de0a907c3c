//! The sandbox's Flux API as a merchant's proxy and a buyer see it: over HTTP.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should panic")]

mod faults;
mod management;
mod operations;
mod pages;
mod refusals;
mod samples;
mod support;
