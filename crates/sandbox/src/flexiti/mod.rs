//! The Flexiti POS API (Canada): financing for a shopper who is identified on a hosted page.
//!
//! Written on 2026-11-20 from the provider's description of its transaction endpoints and from what its
//! public developer wiki and public code show. The samples in `tests/fixtures/flexiti` are what this is
//! held against; their manifest says on what each rests.
//!
//! - **Host**: one, with `flexiti/pos-api/{version}/…` paths. `POST oauth/token`, a form, gives a token of
//!   20 minutes in scope `customer` or `merchant`; every other call is under `client-id/{client_id}`.
//! - **Headers**: `authorization: Bearer …` and `x-reference-id`, a GUID with or without hyphens.
//! - **Amounts**: Canadian dollars as JSON numbers with at most two decimals. A deposit takes text too.
//! - **Errors**: `{"message","error"}`; 400, 401, 403 and 404 mean what they say, every other refusal is 409.
//! - **The page**: `widget/init` answers with an address whose query is inside its fragment. The page tells
//!   its parent by `postMessage(…, '*')`, whoever that is; [`widget`] has its outcomes.
//! - **Idempotency**: documented for deposits only, and off unless [`options::FlexitiOptions`] says so.
//! - **Webhooks**: none.
//!
//! Where the documents are silent, and what is done here: ids count up; a widget session takes one
//! authorization, by the token that opened it; credit is held by the amount and given back by releases and
//! returns, without interest and fees; an authorization that has run out is refused as one that has ended,
//! for releases too unless told otherwise; a refund takes of what the account's regular purchases left to
//! pay. An address or a body that looks like an attack is stopped by the firewall with HTTP 465.

pub(crate) mod accounts;
mod authorize;
mod changes;
mod deposit;
mod fields;
mod interest;
mod json;
pub(crate) mod ledger;
mod machine;
pub(crate) mod options;
mod pages;
mod reads;
pub(crate) mod refusal;
mod repeat;
mod show;
mod time;
mod token;
pub(crate) mod widget;

use std::collections::BTreeMap;
use std::sync::{Arc, MutexGuard};
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Query, State as Shared};
use axum::http::{HeaderMap, Uri, header};
use axum::response::Response;
use axum::routing::{MethodFilter, on};
use axum::{Extension, Router};

use crate::call::{Call, Reply};
use crate::clock::Moment;
use crate::fault::{Fate, Host, Kind, Operation};
use crate::listen::Connection;
use crate::wire;
use crate::world::{State, World};

use accounts::Accounts;
use authorize::Authorization;
use deposit::Deposits;
use fields::Body;
use ledger::FlexitiRefusalEntry;
use options::{FlexitiCredentials, FlexitiOptions, FlexitiVersions};
use refusal::{Code, FlexitiRefuse, Lang, Ordered, Refusal, WrongField};
use repeat::Kept;
use show::Shape;
use token::Tokens;
use widget::Session;

const BODY_LIMIT: usize = 100 * 1024;

/// The host.
pub(crate) struct Flexiti {
    pub(crate) world: Arc<World>,
    pub(crate) credentials: FlexitiCredentials,
    /// Where the identity page is, unless told otherwise.
    address: String,
}

/// What the provider remembers beside the ledger.
pub(crate) struct Memory {
    pub(crate) options: FlexitiOptions,
    pub(crate) accounts: Accounts,
    tokens: Tokens,
    /// Oldest first, as in the ledger.
    sessions: Vec<Session>,
    /// Oldest first, as in the ledger.
    authorizations: Vec<Authorization>,
    deposits: Deposits,
    kept: BTreeMap<String, Kept>,
    ordered: Ordered,
}

impl Memory {
    pub(crate) fn new(options: FlexitiOptions) -> Self {
        Self {
            options,
            accounts: Accounts::default(),
            tokens: Tokens::default(),
            sessions: Vec::new(),
            authorizations: Vec::new(),
            deposits: Deposits::default(),
            kept: BTreeMap::new(),
            ordered: Ordered::default(),
        }
    }

    /// The next calls of an operation are refused.
    ///
    /// # Errors
    ///
    /// Why they cannot be refused like that.
    pub(crate) fn refuse(&mut self, wanted: FlexitiRefuse) -> Result<(), String> {
        self.ordered.add(&wanted)
    }
}

/// What a call brings.
struct Asked {
    operation: Operation,
    path: String,
    /// What is between the slashes.
    parts: Vec<String>,
    has_query: bool,
    query: BTreeMap<String, String>,
    body: Bytes,
    content_type: String,
    /// What follows `Bearer `.
    bearer: String,
    reference_id: String,
    idempotency_key: Option<String>,
    context_hash: Option<String>,
}

pub(crate) fn router(flexiti: Arc<Flexiti>) -> Router {
    let mut router = Router::new();
    for operation in Operation::ALL {
        let place = operation.place();
        if place.host != Host::Flexiti {
            continue;
        }
        let filter = match place.method {
            "GET" => MethodFilter::GET,
            _ => MethodFilter::POST,
        };
        for path in place.paths {
            let handler = move |shared: Shared<Arc<Flexiti>>,
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
        .with_state(flexiti)
}

async fn nothing_here(Shared(flexiti): Shared<Arc<Flexiti>>, uri: Uri) -> Response {
    let refusal = Refusal::from(Code::NotFound);
    let options = &flexiti.state().flexiti.options;
    wire::whole(&refusal.reply(None, options, Lang::En, uri.path()))
}

async fn run(
    Shared(flexiti): Shared<Arc<Flexiti>>,
    Extension(connection): Extension<Connection>,
    uri: Uri,
    headers: HeaderMap,
    bytes: Bytes,
    operation: Operation,
) -> Response {
    if looks_like_an_attack(&uri, &bytes) {
        return wire::firewalled();
    }
    let asked = Asked::of(operation, &uri, &headers, bytes);
    let call = Call {
        operation,
        connection,
        path: uri.to_string(),
        subject: asked.subject(),
        reference: asked.reference(),
    };
    let world = Arc::clone(&flexiti.world);
    call.run(world, move |fate| flexiti.execute(&asked, fate))
        .await
}

/// What the firewall in front of the provider lets nobody send.
fn looks_like_an_attack(uri: &Uri, body: &[u8]) -> bool {
    const SIGNS: [&str; 4] = ["<script", "javascript:", "union select", "../"];
    let address = uri.to_string().to_lowercase();
    let address = address
        .replace("%3c", "<")
        .replace("%2f", "/")
        .replace("%20", " ");
    let body = String::from_utf8_lossy(body).to_lowercase();
    SIGNS
        .iter()
        .any(|sign| address.contains(sign) || body.contains(sign))
}

impl Asked {
    fn of(operation: Operation, uri: &Uri, headers: &HeaderMap, body: Bytes) -> Self {
        let text = |name: &str| {
            let value = headers.get(name).and_then(|value| value.to_str().ok());
            value.map(str::to_owned)
        };
        let authorization = text(header::AUTHORIZATION.as_str()).unwrap_or_default();
        let bearer = authorization
            .split_once(' ')
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
            .map_or("", |(_, token)| token);
        let query = Query::<BTreeMap<String, String>>::try_from_uri(uri);
        Self {
            operation,
            path: uri.path().to_owned(),
            parts: uri.path().split('/').skip(1).map(str::to_owned).collect(),
            has_query: uri.query().is_some_and(|query| !query.is_empty()),
            query: query.map(|Query(query)| query).unwrap_or_default(),
            body,
            content_type: text(header::CONTENT_TYPE.as_str()).unwrap_or_default(),
            bearer: bearer.to_owned(),
            reference_id: text("x-reference-id").unwrap_or_default(),
            idempotency_key: text("x-idempotency-key").filter(|key| !key.is_empty()),
            context_hash: text("x-context-hash"),
        }
    }

    fn part(&self, index: usize) -> &str {
        self.parts.get(index).map_or("", String::as_str)
    }

    fn version(&self) -> &str {
        self.part(2)
    }

    fn client_id(&self) -> &str {
        self.part(4)
    }

    /// The number of an account or an authorization in the path.
    fn id(&self) -> Option<u64> {
        self.part(6).parse().ok()
    }

    fn capture_id(&self) -> Option<u64> {
        self.part(8).parse().ok()
    }

    fn lang(&self) -> Option<Lang> {
        let lang = self.query.get("lang").map(String::as_str);
        lang.map_or(Some(Lang::default()), Lang::read)
    }

    /// What the call is about, as far as the caller names it.
    fn reference(&self) -> Option<String> {
        let named = Body::of_json(&self.body).and_then(|body| {
            let of_deposit = self.operation == Operation::FlexitiDeposit;
            body.text(if of_deposit {
                "request_id"
            } else {
                "reference"
            })
        });
        let part = self.part(6);
        named.or_else(|| (!part.is_empty() && part != "init").then(|| part.to_owned()))
    }

    /// What identifies a call: what it names, and what it is about.
    fn subject(&self) -> String {
        let id = self.part(6).to_owned();
        let filters = ["account_number", "page_number", "creation_date_from"]
            .into_iter()
            .filter_map(|name| self.query.get(name).cloned());
        std::iter::once(self.reference().unwrap_or_default())
            .chain([id])
            .chain(filters)
            .collect::<Vec<_>>()
            .join(" ")
    }

    /// A GUID, for tracing only; its declared length fits one without hyphens.
    fn is_traced(&self) -> bool {
        let digits: String = self.reference_id.split('-').collect();
        let is_guid = digits.len() == 32 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        is_guid && matches!(self.reference_id.len(), 32 | 36)
    }

    fn json(&self) -> Result<Body, Refusal> {
        let is_json = self.content_type.starts_with("application/json");
        let body = is_json.then(|| Body::of_json(&self.body)).flatten();
        body.ok_or_else(|| Code::WrongInputs.into())
    }
}

fn wrong(param: &str, problem: &'static str) -> Refusal {
    Refusal {
        code: Code::WrongInputs,
        fields: vec![WrongField {
            param: param.to_owned(),
            problem,
            value: String::from("null"),
        }],
    }
}

impl Flexiti {
    pub(crate) fn new(
        world: Arc<World>,
        credentials: FlexitiCredentials,
        address: String,
    ) -> Arc<Self> {
        Arc::new(Self {
            world,
            credentials,
            address,
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.world.state()
    }

    fn now(&self) -> Moment {
        self.world.clock.now()
    }

    fn execute(&self, asked: &Asked, fate: Fate) -> Reply {
        let done = if fate.is(Kind::StatusError) {
            Err(Code::GeneralError.into())
        } else {
            self.answer(asked, fate)
        };
        done.unwrap_or_else(|refusal| self.refused(asked, &refusal))
    }

    fn refused(&self, asked: &Asked, refusal: &Refusal) -> Reply {
        let at = self.now().rfc3339();
        let mut state = self.state();
        state.ledger.flexiti.refused.push(FlexitiRefusalEntry {
            operation: asked.operation,
            reference: asked.reference(),
            error: refusal.code.name().to_owned(),
            at,
        });
        let lang = asked.lang().unwrap_or_default();
        let options = &state.flexiti.options;
        refusal.reply(asked.reference(), options, lang, &asked.path)
    }

    fn answer(&self, asked: &Asked, fate: Fate) -> Result<Reply, Refusal> {
        if !asked.is_traced() {
            return Err(wrong("x-reference-id", "required"));
        }
        if !self.is_version(asked) {
            return Err(Code::NotFound.into());
        }
        if asked.operation == Operation::FlexitiToken {
            self.state().flexiti.obey(asked.operation)?;
            return self.token(asked, fate);
        }
        self.admit(asked, fate)?;
        self.state().flexiti.obey(asked.operation)?;
        if asked.client_id() != self.credentials.client_id {
            return Err(Code::InvalidClient.into());
        }
        if asked.lang().is_none() {
            return Err(wrong("lang", "invalid"));
        }
        if let Some(kept) = self.repeated(asked)? {
            return Ok(kept);
        }
        let reply = self.work(asked, fate)?;
        self.keep(asked, &reply);
        Ok(reply)
    }

    fn work(&self, asked: &Asked, fate: Fate) -> Result<Reply, Refusal> {
        match asked.operation {
            Operation::FlexitiWidget => self.init(asked, fate),
            Operation::FlexitiInterest => self.interest(asked, fate),
            Operation::FlexitiDeposit => self.deposit(asked),
            Operation::FlexitiAuthorize => self.authorize(asked, fate),
            Operation::FlexitiRelease => self.release(asked, fate),
            Operation::FlexitiCapture => self.capture(asked, fate),
            Operation::FlexitiReturn => self.give_back(asked, fate),
            Operation::FlexitiRefund => self.refund(asked),
            Operation::FlexitiAuthorizations => self.authorizations(asked, fate),
            Operation::FlexitiAuthorization => self.authorization(asked, fate),
            Operation::FlexitiCaptures => self.captures(asked, fate),
            _ => Err(Code::NotFound.into()),
        }
    }

    /// Whether the operation is in the version that the path names.
    fn is_version(&self, asked: &Asked) -> bool {
        const OLD: &str = "v2.5";
        const NEW: &str = "v2.5.1";
        let old = match (asked.operation, self.state().flexiti.options.versions) {
            (_, FlexitiVersions::Any) => return [OLD, NEW].contains(&asked.version()),
            (Operation::FlexitiToken | Operation::FlexitiWidget, _) => true,
            (
                Operation::FlexitiRelease
                | Operation::FlexitiCapture
                | Operation::FlexitiReturn
                | Operation::FlexitiRefund,
                versions,
            ) => versions == FlexitiVersions::Documented,
            _ => false,
        };
        asked.version() == if old { OLD } else { NEW }
    }

    /// `{}`, or nothing.
    fn nothing_to_say(&self, reference: Option<String>) -> Reply {
        let nothing = self.state().flexiti.options.empty_bodies;
        let json = if nothing { "" } else { "{}" };
        Reply::of(reference, true, json.to_owned())
    }

    /// What is seen by a read: how things were at this moment; nothing without one.
    fn seen(&self, fate: Fate) -> Option<Moment> {
        let now = self.now();
        match (fate.is(Kind::DelayVisibility), fate.ms()) {
            (false, _) => Some(now),
            (true, Some(ms)) => Some(now.minus(Duration::from_millis(ms))),
            (true, None) => None,
        }
    }
}

impl Memory {
    /// Refuses as it was told to.
    fn obey(&mut self, operation: Operation) -> Result<(), Refusal> {
        self.ordered
            .take(operation)
            .map_or(Ok(()), |code| Err(code.into()))
    }

    fn shape(&self, asked: &Asked, fate: Fate) -> Shape<'_> {
        Shape {
            options: &self.options,
            fate,
            lang: asked.lang().unwrap_or_default(),
        }
    }
}

impl State {
    /// Ends every token and every widget session.
    pub(crate) fn end_flexiti_sessions(&mut self) {
        self.flexiti.tokens.end_all();
        for session in &mut self.flexiti.sessions {
            session.is_over = true;
        }
    }
}
