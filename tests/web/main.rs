//! The widget in a real browser: what a buyer sees, types and sends.

#![cfg(target_arch = "wasm32")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod cvu;
mod flexiti;
mod flux;
mod form;
mod lifecycle;
mod paying;
mod reading;
mod screens;
mod stage;

wasm_bindgen_test::wasm_bindgen_test_configure!(run_in_browser);
