//! What widget, proxy and sandbox share.
//!
//! Nothing here reads a clock, a file, a socket or a random device: time, randomness and keys are
//! parameters, so that every line runs the same in a browser, in the proxy and in a test. `no_std`
//! is the fence: the compiler refuses the rest.
#![no_std]
#![deny(missing_docs)]
#![deny(clippy::float_arithmetic, clippy::indexing_slicing)]

extern crate alloc;

pub mod account;
pub mod api;
pub mod attempt;
pub mod card;
mod encoding;
pub mod money;
#[cfg(feature = "openapi")]
mod openapi;
pub mod operation;
pub mod problem;
pub mod qr;
pub mod rails;
pub mod random;
mod rsa_public;
pub mod seal;
pub mod session;
pub mod signature;
pub mod wallet_code;
