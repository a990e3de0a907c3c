//! The page around a checkout: a JavaScript object, or a shop that is Rust itself.

use alloc::boxed::Box;
use alloc::string::String;
use core::future::ready;
use core::pin::Pin;

use js_sys::{Array, Object, Promise};
use ventanilla_core::problem::Fault;
use ventanilla_core::rails::Rail;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen_futures::JsFuture;

use super::events::{self, Event};
use crate::json::{object, put};

/// Something that comes later.
pub type Later<T> = Pin<Box<dyn Future<Output = T>>>;

/// Something that is there already.
pub fn at_once<T: 'static>(value: T) -> Later<T> {
    Box::pin(ready(value))
}

/// What the checkout tells and asks the page around it.
pub trait Door {
    /// Tells the page.
    fn tell(&self, event: &Event);

    /// Asks the page whether the payment may start.
    fn allows_submit(&self, rail: Rail) -> Later<bool> {
        let _ = rail;
        at_once(true)
    }

    /// Asks the page for the client token; with `fresh`, for another than the one it gave before. `None`
    /// when it has none.
    fn client_token(&self, fresh: bool) -> Later<Option<String>>;

    /// The session, `[granted, json]` as `send.js` gives it, where somebody asked for it with the client token
    /// before this checkout was there. Once.
    fn early_session(&self) -> Option<Promise> {
        None
    }

    /// Asks the page to go on with a widget that has these rails, which this one does not. Whether there is
    /// one: it then takes this one's place, and until it does this one says that it is loading.
    fn hand_over(&self, rails: &[Rail]) -> bool {
        let _ = rails;
        false
    }

    /// Opens what finds codes in pixels: `{ read(picture): Promise<string | null>, close() }`. `None` where
    /// there is nothing that can.
    fn reader(&self) -> Later<Option<JsValue>> {
        at_once(None)
    }
}

#[wasm_bindgen]
extern "C" {
    /// The page, as one JavaScript object: the frame's message port or the element itself stands behind it.
    /// `{ emit(name, detail), askSubmit(detail), clientToken(fresh), earlySession(), handOver(rails), reader() }`.
    pub type JsDoor;

    #[wasm_bindgen(method, catch)]
    fn emit(this: &JsDoor, name: &str, detail: &JsValue) -> Result<(), JsValue>;
    #[wasm_bindgen(method, catch, js_name = askSubmit)]
    fn ask_submit(this: &JsDoor, detail: &JsValue) -> Result<Promise, JsValue>;
    #[wasm_bindgen(method, catch, js_name = clientToken)]
    fn client_token(this: &JsDoor, fresh: bool) -> Result<Promise, JsValue>;
    #[wasm_bindgen(method, catch, js_name = earlySession)]
    fn early_session(this: &JsDoor) -> Result<Option<Promise>, JsValue>;
    #[wasm_bindgen(method, catch, js_name = handOver)]
    fn hand_over(this: &JsDoor, rails: &Array) -> Result<bool, JsValue>;
    #[wasm_bindgen(method, catch)]
    fn reader(this: &JsDoor) -> Result<Promise, JsValue>;
}

/// Whatever the page throws stays on its side.
impl Door for JsDoor {
    fn tell(&self, event: &Event) {
        let (name, detail) = written(event);
        let _ = self.emit(name, &detail);
    }

    fn allows_submit(&self, rail: Rail) -> Later<bool> {
        let answer = self.ask_submit(&object(&[("rail", rail.name().into())]));
        Box::pin(async move {
            match answer {
                Ok(answer) => !JsFuture::from(answer)
                    .await
                    .is_ok_and(|verdict| verdict.is_falsy()),
                // A page that cannot answer does not stop it.
                Err(_) => true,
            }
        })
    }

    fn client_token(&self, fresh: bool) -> Later<Option<String>> {
        let answer = JsDoor::client_token(self, fresh);
        Box::pin(async move { JsFuture::from(answer.ok()?).await.ok()?.as_string() })
    }

    fn early_session(&self) -> Option<Promise> {
        JsDoor::early_session(self).ok()?
    }

    fn hand_over(&self, rails: &[Rail]) -> bool {
        JsDoor::hand_over(self, &names(rails)).unwrap_or(false)
    }

    fn reader(&self) -> Later<Option<JsValue>> {
        let opened = JsDoor::reader(self);
        Box::pin(async move { JsFuture::from(opened.ok()?).await.ok() })
    }
}

/// An event's name and detail.
fn written(event: &Event) -> (&'static str, Object) {
    match event {
        Event::Ready { rails } => {
            let rails = names(rails).into();
            (events::READY, object(&[("rails", rails)]))
        }
        Event::Change(choice) => {
            let detail = object(&[
                ("rail", choice.rail.name().into()),
                ("complete", choice.complete.into()),
            ]);
            if let Some(brand) = choice.brand {
                put(&detail, "brand", &brand.name().into());
            }
            if let Some(last4) = &choice.last4 {
                put(&detail, "last4", &last4.as_str().into());
            }
            (events::CHANGE, detail)
        }
        Event::Action { rail, action } => (
            events::ACTION,
            object(&[
                ("rail", rail.name().into()),
                ("action", events::action_name(*action).into()),
            ]),
        ),
        Event::Complete {
            session_id,
            attempt_id,
            rail,
            outcome,
        } => (
            events::COMPLETE,
            object(&[
                ("sessionId", session_id.as_str().into()),
                ("attemptId", attempt_id.as_str().into()),
                ("rail", rail.name().into()),
                ("outcome", outcome.name().into()),
            ]),
        ),
        Event::Error(trouble) => (
            events::ERROR,
            object(&[
                ("fault", fault_name(trouble.fault).into()),
                ("code", trouble.code.as_str().into()),
                ("message", trouble.message.as_str().into()),
            ]),
        ),
    }
}

fn names(rails: &[Rail]) -> Array {
    rails
        .iter()
        .map(|rail| JsValue::from(rail.name()))
        .collect()
}

const fn fault_name(fault: Fault) -> &'static str {
    match fault {
        Fault::Integration => "integration",
        Fault::Buyer => "buyer",
        Fault::Network => "network",
        Fault::Provider => "provider",
        Fault::Internal => "internal",
    }
}
