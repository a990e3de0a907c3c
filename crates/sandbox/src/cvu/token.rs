//! Tokens: who is let in, and for how long.

use std::collections::HashMap;
use std::time::Duration;

use crate::call::Reply;
use crate::clock::Moment;
use crate::fault::{Fate, Kind};
use crate::random::{Sequence, mixed};

use super::answer::{Object, Refusal};
use super::options::{CvuExpiresAt, CvuTokenField};
use super::{Asked, Cvu, time};

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
        let token = Sequence::new(seed ^ mixed(self.count)).capitals(32);
        self.ends.insert(token.clone(), ends);
        token
    }
}

impl Cvu {
    pub(super) fn token(&self, asked: &Asked, fate: Fate) -> Result<Reply, Refusal> {
        let is = |name: &str, expected: &str| {
            let found = asked.fields.text(name);
            found.is_some_and(|found| found == expected)
        };
        if !is("username", &self.credentials.username)
            || !is("password", &self.credentials.password)
        {
            return Err(Refusal::WrongCredentials);
        }
        let now = self.world.clock.now();
        let mut state = self.state();
        let memory = &mut state.cvu;
        let lifetime = Duration::from_secs(u64::from(memory.options.token_lifetime_secs));
        let ends = now.plus(lifetime);
        if memory.options.one_token {
            memory.tokens.end_all();
        }
        let token = memory.tokens.open(self.world.seed, ends);
        if fate.is(Kind::ExpireSessions) {
            memory.tokens.ends.remove(&token);
        }
        let field = match memory.options.token_field {
            CvuTokenField::Token => "token",
            CvuTokenField::AccessToken => "access_token",
        };
        let answer = Object::ok().text(field, &token);
        let millis = ends.unix_millis();
        let answer = match memory.options.expires_at {
            CvuExpiresAt::Seconds => answer.raw("expires_at", &(millis / 1_000).to_string()),
            CvuExpiresAt::Milliseconds => answer.raw("expires_at", &millis.to_string()),
            CvuExpiresAt::Text => answer.text("expires_at", &time::date_and_time(ends)),
        };
        // Of the token itself the ledger keeps nothing.
        Ok(Reply::of(None, true, answer.end()))
    }

    /// Lets a call in that shows a live token.
    pub(super) fn admit(&self, asked: &Asked, fate: Fate) -> Result<(), Refusal> {
        if asked.bearer.is_empty() {
            return Err(Refusal::NotAuthorized);
        }
        let now = self.world.clock.now();
        let mut state = self.state();
        let ends = &mut state.cvu.tokens.ends;
        if fate.is(Kind::ExpireSessions) {
            ends.remove(&asked.bearer);
        }
        match ends.get(&asked.bearer) {
            Some(ends) if *ends > now => Ok(()),
            // One that never was cannot be told from one that is no more.
            _ => Err(Refusal::TokenExpired),
        }
    }
}
