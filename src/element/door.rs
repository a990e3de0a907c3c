//! The page, as one JavaScript object: the frame's message port or the element itself stands behind it.

use js_sys::{Array, Promise};
use ventanilla_core::problem::Fault;
use ventanilla_core::rails::Rail;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen_futures::JsFuture;

use super::events::{self, Event};
use crate::json::{object, put};

#[wasm_bindgen]
extern "C" {
    /// The object that the page's side hands over:
    /// `{ emit(name, detail), askSubmit(detail), clientToken(fresh), height(px) }`.
    #[derive(Clone)]
    pub type JsDoor;

    #[wasm_bindgen(method, catch)]
    fn emit(this: &JsDoor, name: &str, detail: &JsValue) -> Result<(), JsValue>;
    #[wasm_bindgen(method, catch, js_name = askSubmit)]
    fn ask_submit(this: &JsDoor, detail: &JsValue) -> Result<Promise, JsValue>;
    #[wasm_bindgen(method, catch, js_name = clientToken)]
    fn client_token(this: &JsDoor, fresh: bool) -> Result<Promise, JsValue>;
    #[wasm_bindgen(method, catch)]
    fn height(this: &JsDoor, px: f64) -> Result<(), JsValue>;
}

/// The page. Whatever it throws stays on its side.
#[derive(Clone)]
pub struct Door(JsDoor);

impl Door {
    /// The page behind `door`.
    #[must_use]
    pub fn new(door: JsDoor) -> Self {
        Self(door)
    }

    /// Tells the page.
    pub fn tell(&self, event: &Event) {
        let (name, detail) = match event {
            Event::Ready { rails } => {
                let rails: Array = rails
                    .iter()
                    .map(|rail| JsValue::from(rail.name()))
                    .collect();
                (events::READY, object(&[("rails", rails.into())]))
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
        };
        let _ = self.0.emit(name, &detail);
    }

    /// Asks the page whether the payment may start. A page that cannot answer does not stop it.
    pub async fn allows_submit(&self, rail: Rail) -> bool {
        let detail = object(&[("rail", rail.name().into())]);
        match self.0.ask_submit(&detail) {
            Ok(answer) => !JsFuture::from(answer)
                .await
                .is_ok_and(|verdict| verdict.is_falsy()),
            Err(_) => true,
        }
    }

    /// Asks the page for the client token; with `fresh`, for another than the one it gave before.
    pub async fn client_token(&self, fresh: bool) -> Option<String> {
        let answer = self.0.client_token(fresh).ok()?;
        JsFuture::from(answer).await.ok()?.as_string()
    }

    /// Tells the page how tall the checkout is, in CSS pixels.
    pub fn height(&self, px: f64) {
        let _ = self.0.height(px);
    }
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
