//! How a request gets its access token and leaves: what changes nothing with one more try, everything else
//! once.

use reqwest::Method;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::client::Client;
use super::id::FlowId;
use super::log::Operation;
use super::request::{self, Request};
use super::secret::CustomerToken;
use super::status::{self, Said};
use crate::http::{Answer, Body, Call, Lost};
use crate::outcome::{Cause, Outcome};
use crate::token::{Fresh, NoToken, Token};

const REFERENCE_ID: HeaderName = HeaderName::from_static("x-reference-id");
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("x-idempotency-key");
const CONTEXT_HASH: HeaderName = HeaderName::from_static("x-context-hash");

/// Why there is no answer.
pub(super) enum Stopped {
    NoToken(NoToken),
    /// The buyer's token is over.
    Over,
    /// The provider does not take the buyer's token.
    TurnedAway,
    Lost(Lost),
}

impl<T> From<Stopped> for Outcome<T> {
    fn from(stopped: Stopped) -> Self {
        match stopped {
            Stopped::NoToken(failure) => failure.into(),
            Stopped::Over => Self::NotSent(Cause::Session),
            Stopped::TurnedAway => Self::Rejected(Cause::Session),
            Stopped::Lost(lost) => lost.into(),
        }
    }
}

impl Client {
    /// Sends what is safe to repeat, with the merchant's token.
    pub(super) async fn ask(&self, flow: FlowId, request: &Request) -> Result<Answer, Stopped> {
        let body = written(request)?;
        let token = self.token(flow, None).await?;
        let answer = self
            .send_repeatable(flow, request, &body, &token.secret)
            .await?;
        if status::said(&answer) != Said::TokenRefused {
            return Ok(answer);
        }
        let fresh = self.token(flow, Some(&token)).await?;
        self.send_repeatable(flow, request, &body, &fresh.secret)
            .await
    }

    /// Sends what is safe to repeat, with a buyer's token: there is no other to try.
    pub(super) async fn ask_for(
        &self,
        flow: FlowId,
        request: &Request,
        token: &CustomerToken,
    ) -> Result<Answer, Stopped> {
        let body = written(request)?;
        self.check(token)?;
        let answer = self
            .send_repeatable(flow, request, &body, &token.secret)
            .await?;
        taken(answer)
    }

    /// Sends once, whatever happens, with the merchant's token.
    pub(super) async fn tell(&self, flow: FlowId, request: &Request) -> Result<Answer, Stopped> {
        let body = written(request)?;
        let token = self.token(flow, None).await?;
        let answer = self.send_once(flow, request, &body, &token.secret).await?;
        if status::said(&answer) == Said::TokenRefused {
            self.tokens.forget(&token).await;
        }
        Ok(answer)
    }

    /// Sends once, whatever happens, with a buyer's token.
    pub(super) async fn tell_for(
        &self,
        flow: FlowId,
        request: &Request,
        token: &CustomerToken,
    ) -> Result<Answer, Stopped> {
        let body = written(request)?;
        self.check(token)?;
        let answer = self.send_once(flow, request, &body, &token.secret).await?;
        taken(answer)
    }

    /// Asks for a token of `scope`. A repeat does no harm: a token that nobody has just ends.
    pub(super) async fn ask_for_token(
        &self,
        flow: FlowId,
        scope: &'static str,
    ) -> Result<Fresh, NoToken> {
        let seen = Operation::start(match scope {
            CUSTOMER => "customer_token",
            _ => "token",
        });
        let version = self.config.versions.token.to_string();
        let url = self.url(&version, &["oauth", "token"]);
        let asked = match self.headers(flow, None) {
            Ok(headers) => {
                let call = Call {
                    method: Method::POST,
                    url,
                    headers,
                    body: request::token(&self.config, scope),
                };
                match self.transport.send_repeatable(call).await {
                    Ok(answer) => status::token(&answer, (self.config.clock)()),
                    Err(Lost::NotSent(cause) | Lost::Unknown(cause)) => {
                        Err(NoToken::NotSent(cause))
                    }
                }
            }
            Err(cause) => Err(NoToken::NotSent(cause)),
        };
        let _ = seen.end(match &asked {
            Ok(_) => Outcome::Definite(()),
            Err(failure) => (*failure).into(),
        });
        asked
    }

    async fn token(&self, flow: FlowId, refused: Option<&Token>) -> Result<Token, Stopped> {
        let token = self
            .tokens
            .get(refused, self.ask_for_token(flow, MERCHANT))
            .await;
        token.map_err(Stopped::NoToken)
    }

    fn check(&self, token: &CustomerToken) -> Result<(), Stopped> {
        if (self.config.clock)() < token.good_until() {
            Ok(())
        } else {
            Err(Stopped::Over)
        }
    }

    async fn send_repeatable(
        &self,
        flow: FlowId,
        request: &Request,
        body: &Body,
        token: &SecretString,
    ) -> Result<Answer, Stopped> {
        let call = self.call(flow, request, body, token)?;
        let answer = self.transport.send_repeatable(call).await;
        answer.map_err(Stopped::Lost)
    }

    async fn send_once(
        &self,
        flow: FlowId,
        request: &Request,
        body: &Body,
        token: &SecretString,
    ) -> Result<Answer, Stopped> {
        let mut call = self.call(flow, request, body, token)?;
        if self.config.idempotency_key
            && let Some(key) = &request.key
        {
            let hash = hex::encode(Sha256::digest(body.as_bytes()));
            for (name, text) in [(IDEMPOTENCY_KEY, key.as_str()), (CONTEXT_HASH, &hash)] {
                let value = HeaderValue::from_str(text).map_err(|_| not_sent("reference"))?;
                call.headers.insert(name, value);
            }
        }
        let answer = self.transport.send_once(call).await;
        answer.map_err(Stopped::Lost)
    }

    fn call(
        &self,
        flow: FlowId,
        request: &Request,
        body: &Body,
        token: &SecretString,
    ) -> Result<Call, Stopped> {
        let mut path = vec!["client-id", self.config.client_id.as_str()];
        path.extend(request.path.iter().map(String::as_str));
        let mut url = self.url(&request.version.to_string(), &path);
        if !request.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&request.query);
        }
        let headers = self.headers(flow, Some(token));
        Ok(Call {
            method: request.method.clone(),
            url,
            headers: headers.map_err(|cause| Stopped::Lost(Lost::NotSent(cause)))?,
            body: body.clone(),
        })
    }

    fn url(&self, version: &str, path: &[&str]) -> reqwest::Url {
        let mut url = self.base.clone();
        // A base with a host can have a path; `parse_base_url` takes no other.
        if let Ok(mut steps) = url.path_segments_mut() {
            steps
                .pop_if_empty()
                .extend(["flexiti", "pos-api", &format!("v{version}")])
                .extend(path);
        }
        url
    }

    fn headers(&self, flow: FlowId, token: Option<&SecretString>) -> Result<HeaderMap, Cause> {
        let mut headers = HeaderMap::new();
        let id = flow.text(self.config.hyphenated_flow_id);
        let id = HeaderValue::from_str(&id).map_err(|_| Cause::Request("x-reference-id"))?;
        headers.insert(REFERENCE_ID, id);
        if let Some(token) = token {
            let text = Zeroizing::new(format!("Bearer {}", token.expose_secret()));
            let mut value = HeaderValue::from_str(&text).map_err(|_| Cause::Request("token"))?;
            value.set_sensitive(true);
            headers.insert(AUTHORIZATION, value);
        }
        Ok(headers)
    }
}

/// A buyer's token that is not taken is the end of their session, not of the merchant's credentials.
fn taken(answer: Answer) -> Result<Answer, Stopped> {
    match status::said(&answer) {
        Said::TokenRefused => Err(Stopped::TurnedAway),
        _ => Ok(answer),
    }
}

fn written(request: &Request) -> Result<Body, Stopped> {
    let body = request.body.as_ref().map_err(|cause| *cause);
    body.cloned()
        .map_err(|cause| Stopped::Lost(Lost::NotSent(cause)))
}

fn not_sent(field: &'static str) -> Stopped {
    Stopped::Lost(Lost::NotSent(Cause::Request(field)))
}

pub(super) const MERCHANT: &str = "merchant";
pub(super) const CUSTOMER: &str = "customer";
