//! How a request gets its access token and leaves: reads with one more try, everything else once.

use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use secrecy::ExposeSecret;
use zeroize::Zeroizing;

use super::client::Client;
use super::log::Operation;
use super::request::{self, Request};
use super::status::{self, Said};
use crate::base_url::operation_url;
use crate::http::{Answer, Body, Call, Lost};
use crate::outcome::{Cause, Outcome};
use crate::token::{Fresh, NoToken, Token};

/// Why there is no answer.
pub(super) enum Stopped {
    NoToken(NoToken),
    Lost(Lost),
}

impl<T> From<Stopped> for Outcome<T> {
    fn from(stopped: Stopped) -> Self {
        match stopped {
            Stopped::NoToken(failure) => failure.into(),
            Stopped::Lost(lost) => lost.into(),
        }
    }
}

impl Client {
    /// Sends what is safe to repeat.
    pub(super) async fn ask(&self, request: Request) -> Result<Answer, Stopped> {
        let body = written(&request)?;
        let token = self.token(None).await?;
        let answer = self.send_repeatable(&request, &body, &token).await?;
        match status::said(&answer) {
            Said::TurnedAway => {
                let fresh = self.token(Some(&token)).await?;
                self.send_repeatable(&request, &body, &fresh).await
            }
            Said::Error => {
                self.tokens.doubt(&token).await;
                Ok(answer)
            }
            Said::Ok | Said::Nothing(_) => Ok(answer),
        }
    }

    /// Sends once, whatever happens.
    pub(super) async fn tell(&self, request: Request) -> Result<Answer, Stopped> {
        let body = written(&request)?;
        let token = self.token(None).await?;
        let call = self.call(&request, &body, Some(&token))?;
        let answer = self
            .transport
            .send_once(call)
            .await
            .map_err(Stopped::Lost)?;
        match status::said(&answer) {
            Said::TurnedAway => self.tokens.forget(&token).await,
            Said::Error => self.tokens.doubt(&token).await,
            Said::Ok | Said::Nothing(_) => {}
        }
        Ok(answer)
    }

    async fn token(&self, refused: Option<&Token>) -> Result<Token, Stopped> {
        let token = self.tokens.get(refused, self.ask_for_token()).await;
        token.map_err(Stopped::NoToken)
    }

    async fn ask_for_token(&self) -> Result<Fresh, NoToken> {
        let seen = Operation::start("token");
        let request = request::token(&self.config);
        let answered = match written(&request).and_then(|body| self.call(&request, &body, None)) {
            Ok(call) => self.transport.send_repeatable(call).await,
            Err(_) => Err(Lost::NotSent(Cause::Request("body"))),
        };
        let asked = match answered {
            Ok(answer) => {
                let now = (self.config.clock)();
                status::token(&answer, self.config.token_field, now)
            }
            Err(Lost::NotSent(cause) | Lost::Unknown(cause)) => Err(NoToken::NotSent(cause)),
        };
        let _ = seen.end(match &asked {
            Ok(_) => Outcome::Definite(()),
            Err(failure) => (*failure).into(),
        });
        asked
    }

    async fn send_repeatable(
        &self,
        request: &Request,
        body: &Body,
        token: &Token,
    ) -> Result<Answer, Stopped> {
        let call = self.call(request, body, Some(token))?;
        let answer = self.transport.send_repeatable(call).await;
        answer.map_err(Stopped::Lost)
    }

    fn call(&self, request: &Request, body: &Body, token: Option<&Token>) -> Result<Call, Stopped> {
        let mut url = operation_url(&self.base, &request.path);
        if !request.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&request.query);
        }
        let mut headers = HeaderMap::new();
        if let Some(token) = token {
            let text = Zeroizing::new(format!("Bearer {}", token.secret.expose_secret()));
            let mut value = HeaderValue::from_str(&text)
                .map_err(|_| Stopped::Lost(Lost::NotSent(Cause::Request("token"))))?;
            value.set_sensitive(true);
            headers.insert(AUTHORIZATION, value);
        }
        Ok(Call {
            method: request.method.clone(),
            url,
            headers,
            body: body.clone(),
        })
    }
}

fn written(request: &Request) -> Result<Body, Stopped> {
    let body = request.body.as_ref().map_err(|cause| *cause);
    body.cloned()
        .map_err(|cause| Stopped::Lost(Lost::NotSent(cause)))
}
