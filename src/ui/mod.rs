//! What screens are made of: elements, fields, buttons, icons, the merchant's appearance.
//!
//! Elements are made one by one, through `createElement` and text nodes: nothing here is ever parsed as
//! markup, which is what lets the frame forbid it. What they hold of the page lives as long as the owner in
//! whose presence they were made.

use alloc::boxed::Box;
use alloc::string::{String, ToString};
use core::cell::Cell;
use core::pin::Pin;

use wasm_bindgen_futures::spawn_local;

use crate::single::Single;

mod appearance;
mod button;
mod copy;
mod element;
mod field;
mod icon;
mod qr;
mod select;

pub use appearance::apply as apply_appearance;
pub use button::{Button, button};
pub use copy::{Copy, can_copy, copy_button, select};
pub use element::{El, el, listen};
pub use field::{Field, FieldTexts};
pub use icon::{Icon, disc, icon};
pub use qr::qr;
pub use select::Select;

/// The number of the next element that needs an id of its own.
#[must_use]
pub fn fresh_id(name: &str) -> String {
    static NEXT: Single<Cell<u32>> = Single::new(Cell::new(0));
    let number = NEXT.get();
    NEXT.set(number.wrapping_add(1));
    ["vt-", name, "-", &number.to_string()].concat()
}

/// Runs a task to its end.
pub fn run(task: impl Future<Output = ()> + 'static) {
    // Boxed, so that the machinery around a task is downloaded once.
    let task: Pin<Box<dyn Future<Output = ()>>> = Box::pin(task);
    spawn_local(task);
}

/// Whether nobody is looking at the page.
#[must_use]
pub fn page_is_hidden() -> bool {
    element::document().hidden()
}
