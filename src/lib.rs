//! Ventanilla's widget: the checkout that runs in the buyer's browser.
//!
//! `mount` is what the page's side calls; the element `<ventanilla-checkout>` and the frame around it are
//! JavaScript in `pkg/`. Shops that are Leptos themselves use `Checkout`.
//!
//! Built for anything but a browser, this crate is its rules and texts only: the state and what follows
//! from news, the languages, the tables of events and errors.
#![no_std]

extern crate alloc;

pub mod checkout;
pub mod element;
pub mod error;
pub mod link;
pub mod locale;

#[cfg(target_arch = "wasm32")]
pub mod json;
#[cfg(target_arch = "wasm32")]
mod proxy;
#[cfg(target_arch = "wasm32")]
pub mod rails;
#[cfg(not(target_arch = "wasm32"))]
pub mod rails {
    //! Of the ways to pay, what is rules only.

    pub mod flux {
        //! Reading a wallet's code, and the tip.

        pub mod reading;
        pub mod tip;
        #[cfg(test)]
        mod words;
    }
}
#[cfg(target_arch = "wasm32")]
mod random;
#[cfg(target_arch = "wasm32")]
pub mod ui;

#[cfg(all(target_arch = "wasm32", feature = "module"))]
mod module;
#[cfg(target_arch = "wasm32")]
mod mount;
#[cfg(target_arch = "wasm32")]
mod reactive;
#[cfg(target_arch = "wasm32")]
mod single;
#[cfg(target_arch = "wasm32")]
mod timer;

#[cfg(target_arch = "wasm32")]
pub use checkout::Options;
#[cfg(all(target_arch = "wasm32", feature = "leptos"))]
pub use checkout::{Checkout, CheckoutProps};
#[cfg(target_arch = "wasm32")]
pub use mount::{Handle, mount};

/// The stylesheet that a page with a `Checkout` needs, once. The frame and the element bring it along.
pub const STYLES: &str = concat!(
    include_str!("ui/widget.css"),
    include_str!("rails/flux/flux.css")
);
