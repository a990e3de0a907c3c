//! The sandbox's CVU wallet API as a merchant's proxy and a buyer see it: over HTTP.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should panic")]

mod buyers;
mod faults;
mod management;
mod notifications;
mod operations;
mod pages;
mod samples;
mod support;
