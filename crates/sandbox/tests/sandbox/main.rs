//! The sandbox over real HTTP.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should panic")]

mod bulk;
mod chance;
mod changes;
mod faults;
mod management;
mod notifications;
mod operations;
mod program;
mod refusals;
mod samples;
mod subscriptions;
mod support;
mod visibility;
