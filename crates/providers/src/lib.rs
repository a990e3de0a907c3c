//! Typed clients of the payment providers.
//!
//! A client answers with an [`Outcome`]: what is *proven* about a call, not what it looked like. The
//! crate holds no state of a payment and decides nothing about it; the proxy's attempt machine does.
//!
//! | provider | room |
//! |---|---|
//! | CVU wallet (Argentina, payment links, QR codes, transfers) | [`cvu`] |
//! | Flexiti (Canada, financing) | [`flexiti`] |
//! | Flux (Mexico, codes that a wallet shows) | [`flux`] |
//! | GreenPay (Costa Rica, cards) | [`greenpay`] |
//!
//! [`tls`] is how every client knows whom it talks to; [`failpoint`] is where tests make a call fail; release builds have nothing there.
#![deny(missing_docs)]

mod base_url;
mod code;
pub mod cvu;
pub mod failpoint;
pub mod flexiti;
pub mod flux;
pub mod greenpay;
mod http;
mod moment;
mod outcome;
mod raw;
pub mod tls;
mod token;

pub use code::{ProviderCode, with_code};
pub use http::{ReadRetry, Timeouts};
pub use outcome::{Cause, Outcome};
