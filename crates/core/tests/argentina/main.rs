//! Argentine identifiers and QR codes, judged by published and generated vectors and by altered copies
//! of what was right.
#![expect(
    clippy::unwrap_used,
    reason = "a panic is how a test fails, in what tests share too"
)]

mod altered;
mod ids;
mod payee;
mod qr;
mod vectors;
mod writing;
