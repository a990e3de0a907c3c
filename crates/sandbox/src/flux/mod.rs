//! Flux (Mexico): payments with a code that the buyer's wallet shows.
//!
//! Written on 2026-11-20 from the Postman collection of the Flux API, and from fluxqr.dev ("API", "Error
//! codes") where that is silent. The samples in `tests/fixtures/flux` are what this is held against.
//!
//! - **Host**: one, with `v3/…` paths. `POST v3/auth/tokens/refreshToken` turns a refresh token into an
//!   access token for `Authorization: Bearer`.
//! - **Amounts**: centavos as JSON integers of 32 bits. No field names the currency, which is MXN.
//! - **Errors**: `{"error":{"error":{"code","message"}}}`, with HTTP 400, 401 and 403 for what was not done.
//!   The codes are those that fluxqr.dev lists; which HTTP status comes with which is not documented.
//! - **Idempotency**: a `reference` that was paid is refused. A refund has nothing of the kind.
//! - **Reading back**: by `reference`. Nothing is listed, cancelled or told by itself.
//!
//! Known quirks, all kept: the error in an error; `expiresIn` without a unit; the samples of a refund and of
//! a look-up are those of a payment. What the documents leave open is chosen by [`options::FluxOptions`].
//!
//! Where they are silent, and what is done here: `qr`, `amount` and `store` are needed; a wallet code is for
//! one use and three minutes, a used one counts as expired, and a refusal does not use it up; refunds may be
//! partial and repeated until all is given back, tip included.

mod answer;
mod code;
mod detail;
pub(crate) mod ledger;
pub(crate) mod options;
mod pages;
mod payment;
mod refund;
mod token;

use std::collections::HashMap;
use std::sync::{Arc, MutexGuard};
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State as Shared};
use axum::http::{HeaderMap, Uri, header};
use axum::response::Response;
use axum::routing::{MethodFilter, on};
use axum::{Extension, Router};
use serde_json::{Map, Value};

use crate::call::{Call, Reply};
use crate::fault::{Fate, Host, Kind, Operation};
use crate::listen::Connection;
use crate::wire;
use crate::world::{State, World};

use answer::Refusal;
use code::Code;
use options::{FluxCredentials, FluxOptions};
use payment::Paid;
use token::Tokens;

pub(crate) use code::{CodeRequest, FreshCode};

const BODY_LIMIT: usize = 100 * 1024;

/// The host.
pub(crate) struct Flux {
    pub(crate) world: Arc<World>,
    pub(crate) credentials: FluxCredentials,
}

/// What the provider remembers beside the ledger. What is counted here is at the same place there.
pub(crate) struct Memory {
    pub(crate) options: FluxOptions,
    tokens: Tokens,
    codes: Vec<Code>,
    /// Where in `codes` a text is.
    texts: HashMap<String, usize>,
    paid: Vec<Paid>,
    /// How often each reference was asked for, at each store.
    asked: HashMap<(String, String), u32>,
}

impl Memory {
    pub(crate) fn new(options: FluxOptions) -> Self {
        Self {
            options,
            tokens: Tokens::default(),
            codes: Vec::new(),
            texts: HashMap::new(),
            paid: Vec::new(),
            asked: HashMap::new(),
        }
    }

    /// Ends every token.
    pub(crate) fn end_tokens(&mut self) {
        self.tokens.end_all();
    }
}

/// What a call brings.
struct Asked {
    /// None when there is no JSON object.
    fields: Option<Map<String, Value>>,
    /// The part of the path that stands for a reference.
    reference: Option<String>,
    /// What follows `Bearer `.
    bearer: String,
}

pub(crate) fn router(flux: Arc<Flux>) -> Router {
    let mut router = Router::new();
    for operation in Operation::ALL {
        let place = operation.place();
        if place.host != Host::Flux {
            continue;
        }
        let filter = match place.method {
            "GET" => MethodFilter::GET,
            _ => MethodFilter::POST,
        };
        for path in place.paths {
            let handler = move |shared: Shared<Arc<Flux>>,
                                connection: Extension<Connection>,
                                uri: Uri,
                                headers: HeaderMap,
                                bytes: Bytes| {
                run(shared, connection, uri, headers, bytes, operation)
            };
            router = router.route(path, on(filter, handler));
        }
    }
    router
        .merge(pages::router())
        .fallback(nothing_here)
        .method_not_allowed_fallback(nothing_here)
        .layer(DefaultBodyLimit::max(BODY_LIMIT))
        .with_state(flux)
}

async fn nothing_here(Shared(flux): Shared<Arc<Flux>>) -> Response {
    wire::whole(&flux.refused(None, Refusal::Nothing))
}

async fn run(
    Shared(flux): Shared<Arc<Flux>>,
    Extension(connection): Extension<Connection>,
    uri: Uri,
    headers: HeaderMap,
    bytes: Bytes,
    operation: Operation,
) -> Response {
    let bearer = headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.strip_prefix("Bearer "));
    let asked = Asked {
        fields: serde_json::from_slice(&bytes).ok(),
        reference: named_by(uri.path()),
        bearer: bearer.unwrap_or_default().to_owned(),
    };
    let reference = asked.reference(operation);
    let call = Call {
        operation,
        connection,
        path: uri.to_string(),
        subject: reference.clone().unwrap_or_else(|| asked.subject()),
        reference,
    };
    let answered_after = flux.answered_after(operation, &asked);
    let world = Arc::clone(&flux.world);
    let doing = Arc::clone(&flux);
    let response = call
        .run(world, move |fate| doing.execute(operation, &asked, fate))
        .await;
    if let Some(wait) = answered_after {
        let moment = flux.world.clock.now().plus(wait);
        flux.world.wait_until(moment).await;
    }
    response
}

/// The reference in `/v3/payments/{reference}/refund` and `/v3/transactions/{reference}`.
fn named_by(path: &str) -> Option<String> {
    let mut parts = path.split('/').skip(3);
    parts.next().map(str::to_owned)
}

impl Asked {
    /// The payment that the call is about, as far as the caller names it.
    fn reference(&self, operation: Operation) -> Option<String> {
        match operation {
            Operation::FluxPay => self.text("reference"),
            Operation::FluxRefund | Operation::FluxTransaction => self.reference.clone(),
            _ => None,
        }
    }

    /// What identifies a call that names nothing: what is to be paid.
    fn subject(&self) -> String {
        let amount = self.field("amount").map(Value::to_string);
        amount.unwrap_or_default()
    }

    fn field(&self, name: &str) -> Option<&Value> {
        let field = self.fields.as_ref()?.get(name)?;
        (!field.is_null()).then_some(field)
    }

    /// Text that is not blank.
    fn text(&self, name: &str) -> Option<String> {
        let text = self.field(name)?.as_str()?;
        (!text.trim().is_empty()).then(|| text.to_owned())
    }

    /// Centavos: an integer that fits 32 bits and is not below zero.
    fn centavos(&self, name: &str) -> Option<u64> {
        let most = u64::try_from(i32::MAX).unwrap_or_default();
        self.field(name)?
            .as_u64()
            .filter(|centavos| *centavos <= most)
    }
}

impl Flux {
    pub(crate) fn new(world: Arc<World>, credentials: FluxCredentials) -> Arc<Self> {
        Arc::new(Self { world, credentials })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.world.state()
    }

    fn execute(&self, operation: Operation, asked: &Asked, fate: Fate) -> Reply {
        let reference = asked.reference(operation);
        let done = if operation == Operation::FluxToken {
            self.token(asked, fate)
        } else {
            self.admit(asked, fate).and_then(|()| match operation {
                Operation::FluxPay => self.pay(asked, fate),
                Operation::FluxRefund => self.refund(asked, fate),
                Operation::FluxTransaction => self.detail(asked, fate),
                _ => Err(Refusal::Nothing),
            })
        };
        done.unwrap_or_else(|refusal| self.refused(reference, refusal))
    }

    fn refused(&self, reference: Option<String>, refusal: Refusal) -> Reply {
        let state = self.state();
        let options = &state.flux.options;
        let status = match refusal {
            Refusal::UnknownReference => options.unknown_reference_status,
            _ => refusal.http_status(),
        };
        Reply::of(reference, false, refusal.json(options)).with_status(status)
    }

    /// How much later than it is executed a call is answered: a wallet may ask its owner first.
    fn answered_after(&self, operation: Operation, asked: &Asked) -> Option<Duration> {
        if operation != Operation::FluxPay {
            return None;
        }
        let state = self.state();
        let code = state.flux.code_of(&asked.text("qr")?)?;
        code.is_slow()
            .then(|| Duration::from_millis(state.flux.options.slow_ms))
    }
}

/// What is seen by a read: how things were at this moment; nothing without one.
fn seen_at(world: &World, fate: Fate) -> Option<crate::clock::Moment> {
    let now = world.clock.now();
    match (fate.is(Kind::DelayVisibility), fate.ms()) {
        (false, _) => Some(now),
        (true, Some(ms)) => Some(now.minus(Duration::from_millis(ms))),
        (true, None) => None,
    }
}
