//! The browser's timers.

use alloc::boxed::Box;

use js_sys::{Function, Promise};
use wasm_bindgen::JsValue;
use wasm_bindgen::closure::Closure;
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen_futures::JsFuture;

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_name = setTimeout)]
    fn set_timeout(deed: &JsValue, ms: u32) -> i32;
    #[wasm_bindgen(js_name = setInterval)]
    fn set_interval(deed: &JsValue, ms: u32) -> i32;
    // Of both kinds: a browser counts them together.
    #[wasm_bindgen(js_name = clearTimeout)]
    fn clear_timeout(id: i32);
}

/// A timer that is running. Dropped, it is stopped.
pub struct Timer {
    id: i32,
    _deed: Closure<dyn FnMut()>,
}

impl Timer {
    /// Does something after a time.
    #[must_use]
    pub fn once(ms: u32, deed: impl FnOnce() + 'static) -> Self {
        let mut deed = Some(deed);
        let deed = move || {
            if let Some(deed) = deed.take() {
                deed();
            }
        };
        Self::start(set_timeout, ms, Box::new(deed))
    }

    /// Does something again and again.
    #[must_use]
    pub fn every(ms: u32, deed: impl FnMut() + 'static) -> Self {
        Self::start(set_interval, ms, Box::new(deed))
    }

    fn start(set: fn(&JsValue, u32) -> i32, ms: u32, deed: Box<dyn FnMut()>) -> Self {
        let deed = Closure::wrap(deed);
        Self {
            id: set(deed.as_ref(), ms),
            _deed: deed,
        }
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        clear_timeout(self.id);
    }
}

/// Waits.
pub async fn wait(ms: u32) {
    let _ = JsFuture::from(Promise::new(&mut |resolve: Function, _| {
        set_timeout(&resolve, ms);
    }))
    .await;
}
