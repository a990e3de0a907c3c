//! The checkout host: takes `ld` and `lk`, with the order's token in the `liszt-token` header.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State as Shared};
use axum::http::HeaderMap;
use axum::response::Response;
use axum::routing::post;
use axum::{Extension, Router};

use crate::fault::{Fate, Kind, Operation};
use crate::ledger::CardTokenChange;
use crate::listen::Connection;

use super::answer::{CheckoutRefusal, Refusal, Reply};
use super::bank::{Means, PartOf};
use super::call::{Call, read_body};
use super::merchant::{BODY_LIMIT, nothing_here};
use super::schema::{self, Body, Form, required};
use super::unseal::{Unfit, Unsealed, unseal};
use super::{GreenPay, Order, Purpose, Session, StoredCard};

const REQUEST: [schema::Property; 3] = [
    required("session", Form::Text),
    required("ld", Form::Text),
    required("lk", Form::Text),
];

const SESSION_NOT_FOUND: &str = "Session not found";

pub(crate) fn router(greenpay: Arc<GreenPay>) -> Router {
    let route = |path: &'static str, operation: Operation, execute: Execute| {
        let handler = move |shared: Shared<Arc<GreenPay>>,
                            connection: Extension<Connection>,
                            headers: HeaderMap,
                            bytes: Bytes| {
            run(shared, connection, headers, bytes, operation, path, execute)
        };
        (path, post(handler))
    };
    // The paths are those of [`Operation::place`]; one of them does more than its operation's other.
    let routes = [
        route("/", Operation::Pay, GreenPay::pay),
        route("/kount", Operation::Pay, GreenPay::pay_with_fraud_check),
        route("/tokenize", Operation::Tokenize, GreenPay::tokenize),
        route(
            "/tokenize/update",
            Operation::UpdateToken,
            GreenPay::update_token,
        ),
    ];
    routes
        .into_iter()
        .fold(Router::new(), |router, (path, route)| {
            router.route(path, route)
        })
        .fallback(nothing_here)
        .method_not_allowed_fallback(nothing_here)
        .layer(DefaultBodyLimit::max(BODY_LIMIT))
        .with_state(greenpay)
}

type Execute = fn(&GreenPay, &Presented<'_>, Fate) -> Reply;

/// What a call brings.
struct Presented<'a> {
    body: &'a Body,
    token: &'a str,
}

async fn run(
    Shared(greenpay): Shared<Arc<GreenPay>>,
    Extension(connection): Extension<Connection>,
    headers: HeaderMap,
    bytes: Bytes,
    operation: Operation,
    path: &'static str,
    execute: Execute,
) -> Response {
    let body = match read_body(&headers, &bytes) {
        Ok(body) => body,
        Err(refusal) => return *refusal,
    };
    let token = headers
        .get("liszt-token")
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default()
        .to_owned();
    let call = Call {
        operation,
        connection,
        path,
        body,
    };
    call.run(greenpay, move |greenpay, body, fate| {
        execute(
            greenpay,
            &Presented {
                body,
                token: &token,
            },
            fate,
        )
    })
    .await
}

impl GreenPay {
    fn pay(&self, presented: &Presented<'_>, fate: Fate) -> Reply {
        self.pay_from(presented, fate, false)
    }

    fn pay_with_fraud_check(&self, presented: &Presented<'_>, fate: Fate) -> Reply {
        self.pay_from(presented, fate, true)
    }

    fn pay_from(&self, presented: &Presented<'_>, fate: Fate, fraud_check: bool) -> Reply {
        let session = match self.admit(presented, fate) {
            Ok(session) => session,
            Err(refusal) => return refusal,
        };
        let Purpose::Payment(order) = session.purpose else {
            return refused(SESSION_NOT_FOUND);
        };
        let unsealed = match self.unseal(presented) {
            Ok(unsealed) => unsealed,
            Err(unfit) => return refused_about(&order, unfit),
        };
        if fraud_check && !unsealed.has_kount_session {
            return about(&order, "Invalid_kountSession");
        }
        if let Some(picked) = &unsealed.installments
            && !order.installments_offered.contains(picked)
        {
            return about(&order, "Invalid_numberOfPayments");
        }
        let settled = {
            let mut state = self.state();
            let now = self.world.clock.now();
            let id = schema::text(presented.body, "session");
            // Looked at again: another call may have used the session up since.
            if state.live_session(id, now, fate).is_none() {
                return refused(SESSION_NOT_FOUND);
            }
            state.end_session(id);
            let means = Means {
                operation: Operation::Pay,
                installments: unsealed.installments.clone(),
                save: unsealed.tokenize,
                ld_len: Some(schema::text(presented.body, "ld").len()),
                part_of: PartOf::Nothing,
                card: unsealed.into_stored(state.greenpay.sequence.capitals(16)),
            };
            state.settle(Arc::clone(&order), means, fate, now)
        };
        match settled {
            Some(settled) => self.payment_reply(&settled, fate),
            None => about(&order, "Error: payment not processed"),
        }
    }

    fn tokenize(&self, presented: &Presented<'_>, fate: Fate) -> Reply {
        self.store_card(presented, fate, false)
    }

    fn update_token(&self, presented: &Presented<'_>, fate: Fate) -> Reply {
        self.store_card(presented, fate, true)
    }

    fn store_card(&self, presented: &Presented<'_>, fate: Fate, update: bool) -> Reply {
        let session = match self.admit(presented, fate) {
            Ok(session) => session,
            Err(refusal) => return refusal,
        };
        let Purpose::CardToken {
            request_id,
            callback,
        } = session.purpose
        else {
            return refused(SESSION_NOT_FOUND);
        };
        let unsealed = match self.unseal(presented) {
            Ok(unsealed) if unsealed.nickname.is_none() => return refused(Unfit::Nickname.text()),
            Ok(unsealed) => unsealed,
            Err(unfit) => return refused(unfit.text()),
        };
        let (token, card) = {
            let mut state = self.state();
            let now = self.world.clock.now();
            let id = schema::text(presented.body, "session");
            if state.live_session(id, now, fate).is_none() {
                return refused(SESSION_NOT_FOUND);
            }
            let known = unsealed
                .token
                .clone()
                .filter(|token| state.greenpay.card_tokens.contains_key(token));
            let khash = state.greenpay.sequence.capitals(16);
            let card = unsealed.into_stored(khash);
            let token = match (update, known) {
                (false, _) => state.keep_card(card.clone(), &request_id, now),
                (true, Some(token)) => {
                    state.note_card_token(
                        &token,
                        &card,
                        CardTokenChange::Updated,
                        &request_id,
                        now,
                    );
                    state
                        .greenpay
                        .card_tokens
                        .insert(token.clone(), card.clone());
                    token
                }
                (true, None) => {
                    return Reply::refused(
                        Some(&request_id),
                        &Refusal::of("Error: Invalid card token"),
                    );
                }
            };
            state.end_session(id);
            (token, card)
        };
        let callback = callback.as_deref();
        let notice = (!update)
            .then(|| self.notice_of_card(&request_id, &token, &card, callback))
            .flatten();
        self.token_reply(&token, &card, &request_id, callback, fate)
            .with_notice(notice)
    }

    /// Lets a call in that fits the schema and shows a live session with its token.
    fn admit(&self, presented: &Presented<'_>, fate: Fate) -> Result<Session, Reply> {
        schema::check(presented.body, &[&REQUEST])?;
        let id = schema::text(presented.body, "session");
        if !schema::is_uuid(id) {
            return Err(refused("Invalid input syntax for uuid"));
        }
        let session = {
            let mut state = self.state();
            if fate.is(Kind::ExpireSessions) {
                state.end_session(id);
            }
            state
                .live_session(id, self.world.clock.now(), fate)
                .cloned()
        };
        let session = session.ok_or_else(|| refused(SESSION_NOT_FOUND))?;
        if session.token != presented.token {
            return Err(refused("Invalid token"));
        }
        Ok(session)
    }

    fn unseal(&self, presented: &Presented<'_>) -> Result<Unsealed, Unfit> {
        unseal(
            &self.key,
            schema::text(presented.body, "ld"),
            schema::text(presented.body, "lk"),
            self.world.clock.now().year_and_month(),
        )
    }
}

impl Unsealed {
    fn into_stored(self, khash: String) -> StoredCard {
        StoredCard {
            bin: self.bin,
            last4: self.last4,
            brand: self.brand,
            expiry: self.expiry,
            nickname: self.nickname,
            outcome: self.outcome,
            khash,
        }
    }
}

fn refused(text: &'static str) -> Reply {
    Reply::refused(None, &CheckoutRefusal::of(text))
}

fn about(order: &Order, text: &'static str) -> Reply {
    Reply::refused(
        Some(&order.reference),
        &CheckoutRefusal::about(&order.reference, text),
    )
}

fn refused_about(order: &Order, unfit: Unfit) -> Reply {
    match unfit {
        // The provider cannot tell the order apart from a wrong one here.
        Unfit::Unreadable => {
            Reply::refused(Some(&order.reference), &CheckoutRefusal::of(unfit.text()))
        }
        _ => about(order, unfit.text()),
    }
}
