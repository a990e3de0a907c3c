//! Tokens: who is let in, and for how long.

use std::collections::HashMap;
use std::time::Duration;

use serde_json::json;

use crate::call::Reply;
use crate::clock::Moment;
use crate::fault::{Fate, Kind};
use crate::random::{Sequence, mixed};

use super::answer::Refusal;
use super::options::FluxExpiresIn;
use super::{Asked, Flux};

/// The tokens that were given out.
#[derive(Debug, Default)]
pub(super) struct Tokens {
    /// When each ends.
    ends: HashMap<String, Moment>,
    /// How many there were.
    count: u64,
}

impl Tokens {
    pub(super) fn end_all(&mut self) {
        self.ends.clear();
    }

    fn open(&mut self, seed: u64, ends: Moment) -> String {
        self.count += 1;
        // Not the numbers that the CVU wallet API draws from the same seed.
        let token = Sequence::new(seed ^ mixed(!self.count)).capitals(40);
        self.ends.insert(token.clone(), ends);
        token
    }
}

impl Flux {
    pub(super) fn token(&self, asked: &Asked, fate: Fate) -> Result<Reply, Refusal> {
        let now = self.world.clock.now();
        let mut state = self.state();
        let memory = &mut state.flux;
        let Some(shown) = asked.text("refreshToken") else {
            return Err(Refusal::BadRequest);
        };
        let grant_fits = match asked.field("grantType") {
            Some(grant) => grant == "accessToken",
            None => !memory.options.grant_type_needed,
        };
        if !grant_fits {
            return Err(Refusal::BadRequest);
        }
        if shown != self.credentials.refresh_token {
            return Err(Refusal::WrongRefreshToken);
        }
        let secs = u64::from(memory.options.token_lifetime_secs);
        let ends = now.plus(Duration::from_secs(secs));
        if memory.options.one_token {
            memory.tokens.end_all();
        }
        let token = memory.tokens.open(self.world.seed, ends);
        if fate.is(Kind::ExpireSessions) {
            memory.tokens.ends.remove(&token);
        }
        let millis = ends.unix_millis();
        let expires_in = match memory.options.expires_in {
            FluxExpiresIn::EpochMilliseconds => json!(millis),
            FluxExpiresIn::EpochSeconds => json!(millis / 1_000),
            FluxExpiresIn::Seconds => json!(secs),
            FluxExpiresIn::Milliseconds => json!(secs * 1_000),
            FluxExpiresIn::Text => json!(secs.to_string()),
        };
        let answer = json!({ "data": { "accessToken": token, "expiresIn": expires_in } });
        // Of the token itself the ledger keeps nothing.
        Ok(Reply::of(None, true, answer.to_string()))
    }

    /// Lets a call in that shows a live token.
    pub(super) fn admit(&self, asked: &Asked, fate: Fate) -> Result<(), Refusal> {
        let now = self.world.clock.now();
        let mut state = self.state();
        let allowed = state.flux.options.allowed;
        let ends = &mut state.flux.tokens.ends;
        if fate.is(Kind::ExpireSessions) {
            ends.remove(&asked.bearer);
        }
        match ends.get(&asked.bearer) {
            Some(ends) if *ends > now || fate.is(Kind::LateBeyondFence) => {
                allowed.then_some(()).ok_or(Refusal::Forbidden)
            }
            // One that never was cannot be told from one that is no more.
            _ => Err(Refusal::Unauthorized),
        }
    }
}
