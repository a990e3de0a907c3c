//! The room that all rails share.

pub mod state;

#[cfg(all(target_arch = "wasm32", feature = "leptos"))]
mod component;
#[cfg(target_arch = "wasm32")]
mod countdown;
#[cfg(target_arch = "wasm32")]
mod ended;
#[cfg(target_arch = "wasm32")]
mod financing;
#[cfg(target_arch = "wasm32")]
mod head;
#[cfg(target_arch = "wasm32")]
mod memory;
#[cfg(target_arch = "wasm32")]
mod method;
#[cfg(target_arch = "wasm32")]
mod page;
#[cfg(target_arch = "wasm32")]
mod payable;
#[cfg(target_arch = "wasm32")]
mod room;
#[cfg(target_arch = "wasm32")]
mod waiting;

#[cfg(target_arch = "wasm32")]
pub use room::{Options, open};

#[cfg(all(target_arch = "wasm32", feature = "leptos"))]
pub use component::{Checkout, CheckoutProps};
