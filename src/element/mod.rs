//! The door to the shop's page: what it is told, and what it is asked.

pub mod events;

#[cfg(target_arch = "wasm32")]
mod door;

#[cfg(target_arch = "wasm32")]
pub use door::{Door, JsDoor, Later, at_once};
