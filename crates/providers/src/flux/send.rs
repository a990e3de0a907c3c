//! How a request gets its access token and leaves: the read with one more try, everything else once.

use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use reqwest::{Method, Url};
use secrecy::ExposeSecret;
use zeroize::Zeroizing;

use super::client::Client;
use super::log::Operation;
use super::request::{self, Request};
use super::status;
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
    pub(super) async fn ask(&self, request: Result<Request, Cause>) -> Result<Answer, Stopped> {
        let request = request.map_err(not_sent)?;
        let token = self.token(None).await?;
        let call = self.authorized(&request, &token)?;
        let answer = self.transport.send_repeatable(call).await;
        let answer = answer.map_err(Stopped::Lost)?;
        if answer.status != 401 {
            return Ok(answer);
        }
        let fresh = self.token(Some(&token)).await?;
        let call = self.authorized(&request, &fresh)?;
        let answer = self.transport.send_repeatable(call).await;
        answer.map_err(Stopped::Lost)
    }

    /// Sends once, whatever happens.
    pub(super) async fn tell(&self, request: Result<Request, Cause>) -> Result<Answer, Stopped> {
        let request = request.map_err(not_sent)?;
        let token = self.token(None).await?;
        let call = self.authorized(&request, &token)?;
        let answer = self.transport.send_once(call).await;
        let answer = answer.map_err(Stopped::Lost)?;
        if answer.status == 401 {
            self.tokens.forget(&token).await;
        }
        Ok(answer)
    }

    pub(super) async fn token(&self, refused: Option<&Token>) -> Result<Token, Stopped> {
        let token = self.tokens.get(refused, self.ask_for_token()).await;
        token.map_err(Stopped::NoToken)
    }

    async fn ask_for_token(&self) -> Result<Fresh, NoToken> {
        let seen = Operation::start("token");
        let answered = match request::token(&self.config) {
            Ok(body) => {
                let url = self.token_url.clone();
                let call = call(Method::POST, url, HeaderMap::new(), body);
                self.transport.send_repeatable(call).await
            }
            Err(cause) => Err(Lost::NotSent(cause)),
        };
        let asked = match answered {
            Ok(answer) => status::token(&answer, (self.config.clock)()),
            Err(Lost::NotSent(cause) | Lost::Unknown(cause)) => Err(NoToken::NotSent(cause)),
        };
        let _ = seen.end(match &asked {
            Ok(_) => Outcome::Definite(()),
            Err(failure) => (*failure).into(),
        });
        asked
    }

    fn authorized(&self, request: &Request, token: &Token) -> Result<Call, Stopped> {
        let text = Zeroizing::new(format!("Bearer {}", token.secret.expose_secret()));
        let mut value =
            HeaderValue::from_str(&text).map_err(|_| not_sent(Cause::Request("token")))?;
        value.set_sensitive(true);
        let headers = HeaderMap::from_iter([(AUTHORIZATION, value)]);
        let url = operation_url(&self.base, &request.path);
        let body = request.body.clone();
        Ok(call(request.method.clone(), url, headers, body))
    }
}

fn call(method: Method, url: Url, headers: HeaderMap, body: Body) -> Call {
    Call {
        method,
        url,
        headers,
        body,
    }
}

fn not_sent(cause: Cause) -> Stopped {
    Stopped::Lost(Lost::NotSent(cause))
}
