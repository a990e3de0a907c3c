//! Sends what [`ventanilla_core::api`] built, and has no shapes of its own.

use alloc::boxed::Box;
use alloc::rc::Rc;
use alloc::string::String;
use core::cell::RefCell;
use core::pin::Pin;

use js_sys::{Array, Promise};
use ventanilla_core::api::{CHECKOUT_PATH, Call, NoBody, StartAttempt, Step};
use ventanilla_core::problem::Problem;
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;

use crate::element::Door;
use crate::error::{self, Trouble};
use crate::json::{self, Read};

#[wasm_bindgen(module = "/src/send.js")]
extern "C" {
    /// Sends a call: `[granted, json]`. The browser's `fetch` takes its options as a JavaScript object, which
    /// JavaScript writes in a tenth of the bytes.
    fn send(url: &str, client_token: &str, key: Option<&str>, body: Option<&str>) -> Promise;
}

/// The proxy, with the client token of one session.
pub struct Proxy {
    origin: String,
    door: Rc<dyn Door>,
    token: RefCell<Option<String>>,
}

type Exchange<'a> = Pin<Box<dyn Future<Output = Result<JsValue, Failure>> + 'a>>;

/// Why a call brought nothing.
pub struct Failure {
    /// What happened.
    pub trouble: Trouble,
    /// The attempt to look at instead.
    pub attempt_id: Option<String>,
}

/// What a call carries.
pub trait Body {
    /// Its JSON text.
    fn text(&self) -> Option<String>;
}

impl Body for NoBody {
    fn text(&self) -> Option<String> {
        None
    }
}

impl Body for StartAttempt {
    fn text(&self) -> Option<String> {
        json::start_text(self)
    }
}

impl Body for Step {
    fn text(&self) -> Option<String> {
        json::step_text(self)
    }
}

impl Proxy {
    /// The proxy at an origin; an empty one is where this page came from.
    #[must_use]
    pub fn new(origin: &str, door: Rc<dyn Door>) -> Self {
        Self {
            origin: String::from(origin),
            door,
            token: RefCell::new(None),
        }
    }

    /// Sends a call. A client token that the proxy no longer takes is replaced once.
    ///
    /// # Errors
    ///
    /// The proxy's problem, or [`error::NETWORK`] when what came was not an answer of the proxy.
    pub async fn send<B: Body, A: Read>(&self, call: &Call<B, A>) -> Result<A, Failure> {
        let body = call.body.as_ref().and_then(Body::text);
        let key = call.idempotency_key.as_ref().map(|key| key.as_str());
        // Boxed, so that the exchange is downloaded once and not once per kind of answer.
        let exchange: Exchange<'_> = Box::pin(self.exchange(&call.path, key, body.as_deref()));
        let answer = exchange.await?;
        A::read(&answer).ok_or_else(unreadable)
    }

    async fn exchange(
        &self,
        path: &str,
        key: Option<&str>,
        body: Option<&str>,
    ) -> Result<JsValue, Failure> {
        let known = self.token.borrow().clone();
        let refused = match known {
            Some(token) => match self.once(&token, path, key, body).await {
                Err(failure) if failure.trouble.is(error::CLIENT_TOKEN_INVALID) => true,
                answer => return answer,
            },
            None => false,
        };
        // The page's own copy may have run out since it was written into the page.
        let mut fresh = refused;
        loop {
            let token = self.ask_page(fresh).await?;
            match self.once(&token, path, key, body).await {
                Err(failure) if failure.trouble.is(error::CLIENT_TOKEN_INVALID) && !fresh => {
                    fresh = true
                }
                answer => return answer,
            }
        }
    }

    async fn ask_page(&self, fresh: bool) -> Result<String, Failure> {
        let token = self.door.client_token(fresh).await;
        // Anything else cannot stand in a header.
        let token =
            token.filter(|token| !token.is_empty() && token.bytes().all(|b| b.is_ascii_graphic()));
        let token =
            token.ok_or_else(|| Failure::from(Trouble::from(error::CLIENT_TOKEN_INVALID)))?;
        *self.token.borrow_mut() = Some(token.clone());
        Ok(token)
    }

    async fn once(
        &self,
        token: &str,
        path: &str,
        key: Option<&str>,
        body: Option<&str>,
    ) -> Result<JsValue, Failure> {
        let early = if path == CHECKOUT_PATH {
            self.door.early_session()
        } else {
            None
        };
        let url = [&self.origin, path].concat();
        let answer = early.unwrap_or_else(|| send(&url, token, key, body));
        let answer = JsFuture::from(answer).await.map_err(|_| lost())?;
        let answer: Array = answer.unchecked_into();
        let json = answer.get(1);
        if answer.get(0).is_truthy() {
            return Ok(json);
        }
        Err(match Problem::read(&json) {
            Some(problem) => Failure {
                attempt_id: problem.attempt_id.clone(),
                trouble: problem.into(),
            },
            None => unreadable(),
        })
    }
}

impl From<Trouble> for Failure {
    fn from(trouble: Trouble) -> Self {
        Self {
            trouble,
            attempt_id: None,
        }
    }
}

fn lost() -> Failure {
    Trouble::from(error::NETWORK).into()
}

/// Something between the buyer and the proxy answered in its place, or half an answer came: as good as
/// none.
fn unreadable() -> Failure {
    Trouble {
        message: String::from("what answered was not the proxy, or not all of its answer came"),
        ..Trouble::from(error::NETWORK)
    }
    .into()
}
