//! Whole payments, natively: what the widget sends, through a real proxy on a real SQLite file, to the
//! sandbox, over loopback. The sandbox's ledger is the truth that the proxy is held against.
#![cfg(not(target_arch = "wasm32"))]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should panic")]

mod card;
mod checkout;
mod clock;
mod cvu;
mod flexiti;
mod flux;
mod shop;
mod world;
