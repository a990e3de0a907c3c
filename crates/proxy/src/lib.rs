//! The merchant's side of the window.
//!
//! What answers which question:
//!
//! | question | room |
//! |---|---|
//! | what may be configured | [`config`] |
//! | what the shop's server may ask | [`merchant_api`] |
//! | what the shop's server is told without asking | [`webhooks`] |
//! | what providers may tell us | [`hooks`] |
//! | what the buyer's browser may ask | [`browser_api`], guarded by [`token`], [`origin`], [`limits`] and [`request`] |
//! | how a payment is taken at most once | [`machine`] over [`store`], one folder per rail in [`rails`] |
//! | what the browser runs, and under which policy | [`assets`], [`frame`] |
//! | what the document says that programs read of both APIs | [`openapi`] |
//! | which command calls which operation | [`commands`] |
//! | how it is served, watched and logged | [`server`], [`health`], [`logging`] |

pub mod assets;
pub mod browser_api;
pub mod clock;
pub mod commands;
pub mod config;
pub mod error;
#[cfg(debug_assertions)]
pub mod failpoint;
pub mod frame;
pub mod health;
pub mod hooks;
pub mod id;
pub mod limits;
pub mod logging;
pub mod machine;
pub mod merchant_api;
pub mod openapi;
pub mod origin;
pub mod rails;
pub mod request;
pub mod server;
pub mod store;
pub mod token;
pub mod webhooks;

#[cfg(test)]
mod testing;
