//! The CVU wallet API (Argentina): payment links, interoperable QR codes, transfers.
//!
//! Written on 2026-11-20 from the API summary of a CVU wallet for companies and from what two public
//! clients do. The samples in `tests/fixtures/cvu` are what this is held against.
//!
//! - **Host**: one, with `v2/…` paths. `POST v2/auth/token` gives a token for `Authorization: Bearer`.
//! - **Amounts**: pesos as JSON numbers, except the balance (an integer of no stated unit) and the list of
//!   transactions (text).
//! - **Status**: `status` in the body is the outcome; `{"status":"error","message"}` has no code. The HTTP
//!   status of an error is not documented and 200 here unless told.
//! - **Idempotency**: `reference_id` of a cash-out, for ever: the same data has the first result, other
//!   data is refused. Nothing else has any: a repeated call makes another link or code.
//! - **Reading back**: links and orders cannot be read. A cash-in names the link or order that was paid,
//!   but is read by its own id; the list of transactions has no ids at all.
//! - **Webhooks**: none documented. The body `{"id"}` of [`notice`] is made up.
//!
//! Known quirks, all kept: GET and DELETE with a JSON body; `buyer` drawn as no JSON can be; the path says
//! `statics`; statistics in four lists of one; totals may be `null`; `expiration_date` as `Y-m-d H:m:s`,
//! whose second `m` is the month. What the document leaves open is chosen by [`options::CvuOptions`].
//!
//! Where the document is silent, and what is done here: ids count up; a link that has run out, or was paid
//! and is for one use, takes no more payments, although two that cross are both taken; an unpaid order
//! leaves its sale point after ten minutes; an account of these pages must fit its holder's CUIT, any other
//! account belongs to whoever is named; what `distribution` leaves over is the merchant's.

mod account;
mod answer;
mod buyer;
mod cashin;
mod cashout;
mod code;
mod fields;
pub(crate) mod ledger;
pub(crate) mod notice;
pub(crate) mod options;
mod pages;
mod payers;
mod sale_point;
mod time;
mod token;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, MutexGuard};

use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Query, State as Shared};
use axum::http::{HeaderMap, Uri, header};
use axum::response::Response;
use axum::routing::{MethodFilter, on};
use axum::{Extension, Router};

use crate::CvuCredentials;
use crate::call::{Call, Reply};
use crate::fault::{DrawnBy, Fate, Host, Kind, Operation};
use crate::listen::Connection;
use crate::notify::Notifications;
use crate::wire;
use crate::world::{State, World};

use answer::Refusal;
use buyer::Standing;
use cashout::Transfer;
use fields::Fields;
use options::CvuOptions;
use token::Tokens;

pub(crate) use buyer::{PayRefusal, PayRequest};
pub(crate) use payers::payers;

const BODY_LIMIT: usize = 100 * 1024;

/// The host.
pub(crate) struct Cvu {
    pub(crate) world: Arc<World>,
    pub(crate) credentials: CvuCredentials,
    /// Where links lead to, unless told otherwise.
    address: String,
}

/// What the provider remembers beside the ledger. What is counted here is at the same place there.
pub(crate) struct Memory {
    pub(crate) options: CvuOptions,
    pub(crate) notifications: Notifications,
    tokens: Tokens,
    /// Of each payment link its address's last part, and the moment at which it runs out.
    links: Vec<Standing>,
    transfer_links: Vec<Standing>,
    qr_orders: Vec<Standing>,
    credits: Vec<buyer::Credit>,
    transfers: Vec<Transfer>,
    /// How often each `reference_id` was asked for.
    asked: HashMap<String, u32>,
    /// What the text of each code leads to.
    codes: HashMap<String, code::Scanned>,
    /// What the last part of each link leads to.
    slugs: HashMap<String, buyer::Target>,
    /// The forms on the buyer's pages that were sent, each with its credits.
    forms: HashMap<u64, Vec<u64>>,
    forms_shown: u64,
}

impl Memory {
    pub(crate) fn new(options: CvuOptions, notifications: Notifications) -> Self {
        Self {
            options,
            notifications,
            tokens: Tokens::default(),
            links: Vec::new(),
            transfer_links: Vec::new(),
            qr_orders: Vec::new(),
            credits: Vec::new(),
            transfers: Vec::new(),
            asked: HashMap::new(),
            codes: HashMap::new(),
            slugs: HashMap::new(),
            forms: HashMap::new(),
            forms_shown: 0,
        }
    }

    /// Ends every token.
    pub(crate) fn end_tokens(&mut self) {
        self.tokens.end_all();
    }
}

/// What a call brings.
struct Asked {
    fields: Fields,
    query: Fields,
    /// The part of the path that stands for an id or a period.
    id: String,
    /// What follows `Bearer `.
    bearer: String,
}

pub(crate) fn router(cvu: Arc<Cvu>) -> Router {
    let mut router = Router::new();
    for operation in Operation::ALL {
        let place = operation.place();
        if place.host != Host::Cvu {
            continue;
        }
        let filter = match place.method {
            "GET" => MethodFilter::GET,
            "DELETE" => MethodFilter::DELETE,
            _ => MethodFilter::POST,
        };
        for path in place.paths {
            let handler = move |shared: Shared<Arc<Cvu>>,
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
        .with_state(cvu)
}

async fn nothing_here() -> Response {
    let reply = Reply::of(None, false, Refusal::Nothing.json());
    wire::whole(&reply.with_status(404))
}

async fn run(
    Shared(cvu): Shared<Arc<Cvu>>,
    Extension(connection): Extension<Connection>,
    uri: Uri,
    headers: HeaderMap,
    bytes: Bytes,
    operation: Operation,
) -> Response {
    let Some(fields) = Fields::of_json(&bytes) else {
        return wire::whole(&cvu.refused(None, Refusal::NotJson));
    };
    let query = Query::<BTreeMap<String, String>>::try_from_uri(&uri);
    let bearer = headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.strip_prefix("Bearer "));
    let asked = Asked {
        fields,
        query: Fields::of_query(query.map(|Query(query)| query).unwrap_or_default()),
        id: uri.path().rsplit('/').next().unwrap_or_default().to_owned(),
        bearer: bearer.unwrap_or_default().to_owned(),
    };
    let reference = asked.reference(operation);
    let by_description = {
        let state = cvu.state();
        let random = state.faults.random();
        random.is_some_and(|random| random.drawn_by == DrawnBy::Description)
    };
    let described = by_description.then(|| asked.fields.filled("description"));
    let subject = described.flatten().or_else(|| reference.clone());
    let call = Call {
        operation,
        connection,
        path: uri.to_string(),
        subject: subject.unwrap_or_else(|| asked.subject()),
        reference,
    };
    let world = Arc::clone(&cvu.world);
    call.run(world, move |fate| cvu.execute(operation, &asked, fate))
        .await
}

impl Asked {
    /// What the call is about, as far as the caller names it.
    fn reference(&self, operation: Operation) -> Option<String> {
        match operation {
            Operation::CvuCashout => self.fields.filled("reference_id"),
            Operation::CvuVoucher | Operation::CvuCashin | Operation::CvuStatistics => {
                Some(self.id.clone())
            }
            Operation::CvuDeleteSalePoint
            | Operation::CvuStaticQr
            | Operation::CvuCreateSalePoint => {
                let named = |fields: &Fields| fields.text("sale_point_id");
                named(&self.fields)
                    .or_else(|| named(&self.query))
                    .or_else(|| self.fields.filled("name"))
            }
            _ => None,
        }
    }

    /// What identifies a call that names nothing: what is to be paid, or what is to be listed.
    fn subject(&self) -> String {
        ["description", "amount", "date_from", "page"]
            .into_iter()
            .filter_map(|name| {
                let found = self.fields.text(name);
                found.or_else(|| self.query.text(name))
            })
            .collect::<Vec<_>>()
            .join(" ")
    }
}

impl Cvu {
    pub(crate) fn new(
        world: Arc<World>,
        credentials: CvuCredentials,
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

    fn execute(&self, operation: Operation, asked: &Asked, fate: Fate) -> Reply {
        let reference = asked.reference(operation);
        let done = if fate.is(Kind::StatusError) {
            Err(Refusal::Unavailable)
        } else if operation == Operation::CvuToken {
            self.token(asked, fate)
        } else {
            self.admit(asked, fate)
                .and_then(|()| self.work(operation, asked, fate))
        };
        done.unwrap_or_else(|refusal| self.refused(reference, refusal))
    }

    fn work(&self, operation: Operation, asked: &Asked, fate: Fate) -> Result<Reply, Refusal> {
        match operation {
            Operation::CvuConcepts => Ok(self.concepts()),
            Operation::CvuBalance => Ok(self.balance(fate)),
            Operation::CvuCashout => self.cashout(asked, fate),
            Operation::CvuVoucher => self.voucher(asked),
            Operation::CvuCashin => self.cashin(asked, fate),
            Operation::CvuQr => self.qr(asked, fate),
            Operation::CvuTransfer => self.transfer_link(asked, fate),
            Operation::CvuStatistics => self.statistics(asked),
            Operation::CvuLink => self.link(asked, fate),
            Operation::CvuSalePoints => Ok(self.sale_points()),
            Operation::CvuStaticQr => self.static_qr(asked, fate),
            Operation::CvuCreateSalePoint => self.create_sale_point(asked, fate),
            Operation::CvuDeleteSalePoint => self.delete_sale_point(asked),
            Operation::CvuStaticOrder => self.static_order(asked, fate),
            Operation::CvuTransactions => self.transactions(asked, fate),
            Operation::CvuFilters => Ok(Self::filters()),
            _ => Err(Refusal::Nothing),
        }
    }

    fn refused(&self, reference: Option<String>, refusal: Refusal) -> Reply {
        let state = self.state();
        let options = &state.cvu.options;
        let status = match refusal {
            Refusal::TokenExpired => options.unauthorized_status,
            // Documented as an error like any other, so it comes as the documented ones do.
            Refusal::Unavailable => 200,
            _ => options.error_status,
        };
        Reply::of(reference, false, refusal.json()).with_status(status)
    }
}

/// Another number than the one that is meant, when the fault says so.
fn bent_id(id: u64, fate: Fate) -> u64 {
    id + u64::from(fate.is(Kind::WrongReference))
}

/// What is seen by a read: how things were at this moment; nothing without one.
fn seen_at(world: &World, fate: Fate) -> Option<crate::clock::Moment> {
    let now = world.clock.now();
    match (fate.is(Kind::DelayVisibility), fate.ms()) {
        (false, _) => Some(now),
        (true, Some(ms)) => Some(now.minus(std::time::Duration::from_millis(ms))),
        (true, None) => None,
    }
}
