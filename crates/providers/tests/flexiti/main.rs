//! The Flexiti client against the provider's answers and against a hostile network.
#![allow(
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "a test that cannot go on has failed"
)]

mod answers;
mod find;
mod fixtures;
mod given;
mod properties;
mod requests;
mod secrets;
mod tokens;
mod transport;
mod traps;
// A provider that remembers what it was asked, and what a network can do, are the same for every client.
#[path = "../cvu/provider.rs"]
#[allow(dead_code, reason = "not everything is done to every client")]
mod provider;
#[path = "../greenpay/wire_server.rs"]
#[allow(dead_code, reason = "not everything is done to every client")]
mod wire_server;
