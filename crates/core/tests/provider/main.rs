//! Sealing and signatures against GreenPay's formats, judged by an independent RSA library and by
//! published and generated vectors.
#![expect(
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "a panic is how a test fails, in what tests share too"
)]

mod key;
mod ld;
mod lk;
mod random;
mod signature;
mod vectors;
