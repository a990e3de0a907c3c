//! Tokens: who is let in, with which scope, and for how long.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use axum::extract::Query;
use axum::http::Uri;

use crate::call::Reply;
use crate::clock::Moment;
use crate::fault::{Fate, Kind, Operation};
use crate::random::{Sequence, mixed};

use super::fields::Body;
use super::json::Object;
use super::options::FlexitiTokenForm;
use super::refusal::{Code, Refusal};
use super::{Asked, Flexiti, wrong};

/// What a token opens.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Scope {
    Customer,
    Merchant,
}

impl Scope {
    fn read(text: &str) -> Option<Self> {
        match text {
            "customer" => Some(Self::Customer),
            "merchant" => Some(Self::Merchant),
            _ => None,
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Customer => "customer",
            Self::Merchant => "merchant",
        }
    }
}

#[derive(Clone, Copy, Debug)]
struct Token {
    scope: Scope,
    ends: Moment,
}

/// The tokens that were given out.
#[derive(Debug, Default)]
pub(super) struct Tokens {
    live: HashMap<String, Token>,
    /// Of each token to refresh with the token it came with.
    refresh: HashMap<String, String>,
    count: u64,
}

impl Tokens {
    pub(super) fn end_all(&mut self) {
        self.live.clear();
    }

    /// When a token stops working.
    pub(super) fn ends(&self, token: &str) -> Option<Moment> {
        self.live.get(token).map(|token| token.ends)
    }

    fn draw(&mut self, seed: u64) -> String {
        self.count += 1;
        let mut sequence = Sequence::new(seed ^ mixed(self.count) ^ 0x464c_5849);
        let mut text = format!("{:016x}{:016x}", sequence.next(), sequence.next());
        text.extend(format!("{:016x}", sequence.next()).chars().take(8));
        text
    }
}

impl Flexiti {
    pub(super) fn token(&self, asked: &Asked, fate: Fate) -> Result<Reply, Refusal> {
        let is_form = asked
            .content_type
            .starts_with("application/x-www-form-urlencoded");
        if asked.has_query || !is_form {
            return Err(Code::InvalidRequest.into());
        }
        let form = form(&asked.body);
        let is = |name: &str, expected: &str| form.get(name).is_some_and(|found| found == expected);
        if !is("client_id", &self.credentials.client_id)
            || !is("client_secret", &self.credentials.client_secret)
        {
            return Err(Code::InvalidClient.into());
        }
        let now = self.now();
        let mut state = self.state();
        let memory = &mut state.flexiti;
        let grant = form.get("grant_type").map(String::as_str);
        let scope = match grant.unwrap_or("client_credentials") {
            "client_credentials" => match form.get("scope") {
                Some(scope) => Scope::read(scope).ok_or_else(|| wrong("scope", "invalid"))?,
                // What opens less, for nobody said.
                None => Scope::Customer,
            },
            "refresh_token" => {
                let refresh = form.get("refresh_token");
                let refresh = refresh.ok_or_else(|| wrong("refresh_token", "required"))?;
                let token = memory.tokens.refresh.get(refresh);
                let token = token.and_then(|token| memory.tokens.live.get(token));
                // One that has run out cannot be refreshed any more.
                let alive = token.filter(|token| token.ends > now);
                alive.ok_or(Code::InvalidRequest)?.scope
            }
            _ => return Err(Code::InvalidRequest.into()),
        };
        let seconds = u64::from(memory.options.token_lifetime_secs);
        let tokens = &mut memory.tokens;
        let (access, refresh) = (tokens.draw(self.world.seed), tokens.draw(self.world.seed));
        tokens.refresh.insert(refresh.clone(), access.clone());
        if !fate.is(Kind::ExpireSessions) {
            let ends = now.plus(Duration::from_secs(seconds));
            tokens.live.insert(access.clone(), Token { scope, ends });
        }
        let answer = match memory.options.token {
            FlexitiTokenForm::Full => Object::new().text("token_type", "bearer"),
            FlexitiTokenForm::Capital => Object::new().text("token_type", "Bearer"),
            FlexitiTokenForm::Minimal => Object::new(),
        };
        let answer = answer.text("access_token", &access);
        let answer = match memory.options.token {
            FlexitiTokenForm::Minimal => answer.number("expires_in", seconds - 1),
            _ => answer
                .number("expires_in", seconds)
                .text("refresh_token", &refresh),
        };
        let answer = match memory.options.token {
            FlexitiTokenForm::Full => answer.text("scope", scope.name()),
            _ => answer,
        };
        // Of the token itself the ledger keeps nothing.
        Ok(Reply::of(None, true, answer.end()))
    }

    /// Lets a call in that shows a live token of a scope that opens the operation.
    pub(super) fn admit(&self, asked: &Asked, fate: Fate) -> Result<(), Refusal> {
        let now = self.now();
        let mut state = self.state();
        let live = &mut state.flexiti.tokens.live;
        if fate.is(Kind::ExpireSessions) {
            live.remove(&asked.bearer);
        }
        let token = live.get(&asked.bearer).ok_or(Code::InvalidToken)?;
        if token.ends <= now && !fate.is(Kind::LateBeyondFence) {
            return Err(Code::InvalidToken.into());
        }
        let enough = token.scope == Scope::Merchant
            || match asked.operation {
                Operation::FlexitiWidget | Operation::FlexitiInterest => true,
                Operation::FlexitiAuthorize => !asked.is_in_store(),
                _ => false,
            };
        if enough {
            Ok(())
        } else {
            Err(Code::InsufficientScope.into())
        }
    }
}

impl Asked {
    /// Whether the body says that the shopper stands in a store.
    fn is_in_store(&self) -> bool {
        Body::of_json(&self.body).is_some_and(|body| {
            let signs = ["verification_code", "request_id", "external_location_id"];
            signs.iter().any(|name| body.has(name))
        })
    }
}

/// The fields of a form.
fn form(body: &[u8]) -> BTreeMap<String, String> {
    let query = std::str::from_utf8(body).ok();
    let uri = query.and_then(|query| format!("/?{query}").parse::<Uri>().ok());
    let fields = uri.and_then(|uri| Query::try_from_uri(&uri).ok());
    fields.map(|Query(fields)| fields).unwrap_or_default()
}
