//! One try to deliver a webhook.

use std::time::Duration;

use bytes::Bytes;
use http::StatusCode;
use http::header::{CONTENT_TYPE, USER_AGENT};
use reqwest::{Client, Response, redirect, retry};
use ventanilla_providers::tls;

use super::address::{OutOfReach, ReachableOnly};
use super::receiver::ReceiverUrl;
use super::schedule;
use super::signing::SigningSecrets;
use crate::clock::Timestamp;
use crate::error::{Error, Result};

/// For name look-up, TCP connect and TLS handshake together.
const CONNECT_LIMIT: Duration = Duration::from_secs(5);
/// For a whole try, from connect to the end of the answer.
pub(super) const TRY_LIMIT: Duration = Duration::from_secs(15);
/// So much of an answer's body is taken off the wire, and thrown away, so that the connection can be
/// used again.
const MAX_ANSWER_BYTES: usize = 64 * 1024;
/// How long a connection is kept for the next webhook.
const KEEP_ALIVE: Duration = Duration::from_secs(20);

/// What a try came to.
#[derive(Debug, Eq, PartialEq)]
pub(super) enum Tried {
    /// The receiver took it: a status of 2xx.
    Delivered,
    /// The receiver wants no more: 410.
    Gone,
    /// Not taken, or nobody knows.
    Missed {
        /// Why, in our own words.
        why: String,
        /// The receiver asked for so much time: `Retry-After` with 429 or 503.
        not_before: Option<Duration>,
    },
}

/// Sends to one receiver, signed.
pub(super) struct Sender {
    url: ReceiverUrl,
    secrets: SigningSecrets,
    client: Client,
}

impl Sender {
    /// Nothing is sent yet.
    ///
    /// # Errors
    ///
    /// When there is no TLS to be had.
    pub(super) fn new(url: ReceiverUrl, secrets: SigningSecrets) -> Result<Self> {
        let client = tls::known(Client::builder(), &[url.url()])
            .dns_resolver(ReachableOnly::new(url.reach()))
            .no_proxy()
            .redirect(redirect::Policy::none())
            .referer(false)
            .retry(retry::never())
            .connect_timeout(CONNECT_LIMIT)
            .timeout(TRY_LIMIT)
            .pool_idle_timeout(KEEP_ALIVE)
            .build()
            .map_err(Error::internal)?;
        Ok(Self {
            url,
            secrets,
            client,
        })
    }

    pub(super) const fn url(&self) -> &ReceiverUrl {
        &self.url
    }

    /// Sends `body` under the identifier `id`, signed as of `now`.
    ///
    /// # Errors
    ///
    /// `internal` when it cannot be signed.
    pub(super) async fn send(&self, id: &str, body: Bytes, now: Timestamp) -> Result<Tried> {
        let at_secs = now.millis().div_euclid(1000);
        let signature = self.secrets.sign(id, at_secs, &body)?;
        let sent = self
            .client
            .post(self.url.url().clone())
            .header(
                USER_AGENT,
                concat!("ventanilla/", env!("CARGO_PKG_VERSION")),
            )
            .header(CONTENT_TYPE, "application/json")
            .header(standardwebhooks::HEADER_WEBHOOK_ID, id)
            .header(standardwebhooks::HEADER_WEBHOOK_TIMESTAMP, at_secs)
            .header(standardwebhooks::HEADER_WEBHOOK_SIGNATURE, signature)
            .body(body)
            .send()
            .await;
        Ok(match sent {
            Ok(answer) => {
                let tried = judge(&answer, now);
                drain(answer).await;
                tried
            }
            Err(error) => Tried::Missed {
                why: explain(&error),
                not_before: None,
            },
        })
    }
}

fn judge(answer: &Response, now: Timestamp) -> Tried {
    let status = answer.status();
    if status.is_success() {
        return Tried::Delivered;
    }
    if status == StatusCode::GONE {
        return Tried::Gone;
    }
    let asks_for_time = matches!(
        status,
        StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE
    );
    let why = if status.is_redirection() {
        format!(
            "it answered {}; redirects are not followed",
            status.as_u16()
        )
    } else {
        format!("it answered {}", status.as_u16())
    };
    Tried::Missed {
        why,
        not_before: asks_for_time
            .then(|| schedule::retry_after(answer.headers(), now))
            .flatten(),
    }
}

/// Whatever comes now changes nothing: the status has said all.
async fn drain(mut answer: Response) {
    let mut read = 0;
    while let Ok(Some(chunk)) = answer.chunk().await {
        read += chunk.len();
        if read > MAX_ANSWER_BYTES {
            return;
        }
    }
}

fn explain(error: &reqwest::Error) -> String {
    if sources(error).any(|source| source.is::<OutOfReach>()) {
        return "its name has no address that may be connected to".to_owned();
    }
    if error.is_timeout() {
        return if error.is_connect() {
            format!(
                "it could not be connected to within {} s",
                CONNECT_LIMIT.as_secs()
            )
        } else {
            format!("it did not answer within {} s", TRY_LIMIT.as_secs())
        };
    }
    if error.is_connect() {
        // Nothing was said on this connection: these are the operating system's or our TLS's words.
        return match sources(error).last() {
            Some(cause) => format!("it could not be connected to: {cause}"),
            None => "it could not be connected to".to_owned(),
        };
    }
    "the connection broke off before it answered".to_owned()
}

fn sources(error: &reqwest::Error) -> impl Iterator<Item = &(dyn std::error::Error + 'static)> {
    std::iter::successors(std::error::Error::source(error), |error| error.source())
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::net::TcpListener;

    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

    async fn try_to(url: &str, allow_private: bool) -> Tried {
        let url = ReceiverUrl::parse(url, allow_private).unwrap();
        let sender = Sender::new(url, SigningSecrets::parse(&SECRET.into()).unwrap()).unwrap();
        let now = Timestamp::from_millis(1_795_000_000_000);
        sender.send("msg_1", Bytes::from("{}"), now).await.unwrap()
    }

    fn why(tried: Tried) -> String {
        match tried {
            Tried::Missed { why, .. } => why,
            other => panic!("{other:?}"),
        }
    }

    #[tokio::test]
    async fn a_name_with_private_addresses_only_is_refused_before_anything_is_connected_to() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let said = why(try_to(&format!("https://localhost:{port}/"), false).await);
        assert_eq!(said, "its name has no address that may be connected to");
        let nobody = listener.accept();
        assert!(tokio::time::timeout(Duration::ZERO, nobody).await.is_err());
    }

    #[tokio::test]
    async fn who_is_not_there_is_told_from_who_hangs_up() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let hang_up = async { drop(listener.accept().await.unwrap()) };
        let (tried, ()) = tokio::join!(try_to(&url, true), hang_up);
        assert_eq!(why(tried), "the connection broke off before it answered");
        drop(listener);
        let said = why(try_to(&url, true).await);
        assert!(said.starts_with("it could not be connected to: "), "{said}");
    }
}
