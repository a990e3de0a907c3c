//! The Flux client against the provider's answers and against a hostile network.
#![allow(
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "a test that cannot go on has failed"
)]

mod answers;
mod fixtures;
mod given;
// A provider that gives tokens is the same for both clients.
#[path = "../cvu/provider.rs"]
#[allow(dead_code, reason = "not everything is asked of every client")]
mod provider;
mod requests;
mod secrets;
mod tokens;
mod transport;
// What a network can do is the same for every client.
#[path = "../greenpay/wire_server.rs"]
#[allow(dead_code, reason = "not everything is done to every client")]
mod wire_server;
