//! The GreenPay client against GreenPay's documented answers and against a hostile network.
#![allow(
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "a test that cannot go on has failed"
)]

mod answers;
mod bulk;
mod fixtures;
mod given;
mod notifications;
mod operations;
mod properties;
mod requests;
mod secrets;
mod subscriptions;
mod transport;
mod wire_server;
