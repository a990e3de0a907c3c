//! The sandbox over real HTTP.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should panic")]

mod faults;
mod management;
mod operations;
mod refusals;
mod samples;
mod support;
