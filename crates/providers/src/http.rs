//! How bytes leave and arrive: one client for calls that are safe to repeat, one for calls that are not.
//!
//! The proof behind [`Cause::Connect`] rests on how the money client is built: it keeps no idle
//! connection (a reused one that closed early would make hyper send again without asking), speaks
//! HTTP/1.1 only, follows no redirect, takes no proxy from the environment and has its retries off.
//! What is left is one connection and one request per call, so "could not connect" means "not sent"
//! and everything later means "unknown".

#[cfg(debug_assertions)]
mod pieces;

use std::time::Duration;

use bytes::Bytes;
use reqwest::header::{ACCEPT, CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderValue};
use reqwest::{Client, Method, RequestBuilder, Response, Url, redirect, retry};
use zeroize::Zeroizing;

use crate::failpoint;
use crate::outcome::{Cause, Outcome};
use crate::tls;

/// Time limits of provider calls.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Timeouts {
    /// For name look-up, TCP connect and TLS handshake together.
    pub connect: Duration,
    /// For a whole call that must not be repeated, from connect to the last byte of the answer.
    pub money: Duration,
    /// For one try of a call that is safe to repeat.
    pub read: Duration,
}

impl Default for Timeouts {
    /// Connect 5 s, a call that must not be repeated 40 s, a try of any other 10 s.
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            money: Duration::from_secs(40),
            read: Duration::from_secs(10),
        }
    }
}

/// How a call that is safe to repeat is repeated.
///
/// Repeated are: a failed connect, a connection that broke, and the HTTP statuses 502, 503 and 504.
/// A time-out is not, nor is any answer that can be read.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct ReadRetry {
    /// Tries in all; 0 counts as 1.
    pub tries: u8,
    /// Pause before the second try; each later one is twice as long as the one before.
    pub pause: Duration,
}

impl Default for ReadRetry {
    /// Three tries, 200 ms and 400 ms apart.
    fn default() -> Self {
        Self {
            tries: 3,
            pause: Duration::from_millis(200),
        }
    }
}

/// The two clients.
pub(crate) struct Transport {
    money: Client,
    reads: Client,
    retry: ReadRetry,
}

/// A request.
pub(crate) struct Call {
    pub method: Method,
    pub url: Url,
    pub headers: HeaderMap,
    pub body: Body,
}

/// A request body: JSON, a form, or nothing. Its bytes are wiped when the last handle to them, or to a piece
/// of them, is dropped.
#[derive(Clone)]
pub(crate) struct Body {
    bytes: Bytes,
    content_type: &'static str,
}

/// A whole answer.
pub(crate) struct Answer {
    pub status: u16,
    /// Empty with a status that proves nothing whatever the body says, see [`is_opaque`].
    pub text: Zeroizing<String>,
}

/// No answer.
#[derive(Clone, Copy)]
pub(crate) enum Lost {
    NotSent(Cause),
    Unknown(Cause),
}

impl<T> From<Lost> for Outcome<T> {
    fn from(lost: Lost) -> Self {
        match lost {
            Lost::NotSent(cause) => Self::NotSent(cause),
            Lost::Unknown(cause) => Self::Unknown(cause),
        }
    }
}

/// Whether an HTTP status proves nothing, whatever the body says: informational answers, redirects,
/// rate limits, and what a proxy in front of the provider answers in its place.
pub(crate) const fn is_opaque(status: u16) -> bool {
    matches!(status, 0..=199 | 204..=206 | 300..=399 | 429 | 502..=504)
}

impl Body {
    /// No body at all, which is not the same as an empty text.
    pub(crate) const fn none() -> Self {
        Self {
            bytes: Bytes::new(),
            content_type: JSON,
        }
    }

    /// Takes JSON that was written down before, as it is.
    pub(crate) fn written(bytes: Zeroizing<Vec<u8>>) -> Self {
        Self {
            bytes: Bytes::from_owner(bytes),
            content_type: JSON,
        }
    }

    /// Writes `fields` down as `application/x-www-form-urlencoded`.
    pub(crate) fn form(fields: &[(&str, &str)]) -> Self {
        let length: usize = fields
            .iter()
            .map(|(name, value)| name.len() + value.len() + 2)
            .sum();
        // Three times for what is escaped; see [`Body::json`].
        let mut bytes = Zeroizing::new(Vec::with_capacity(length * 3));
        for (name, value) in fields {
            if !bytes.is_empty() {
                bytes.push(b'&');
            }
            escape(name, &mut bytes);
            bytes.push(b'=');
            escape(value, &mut bytes);
        }
        Self {
            bytes: Bytes::from_owner(bytes),
            content_type: "application/x-www-form-urlencoded",
        }
    }

    /// What is sent.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Writes `value` down as JSON.
    pub(crate) fn json(
        value: &impl serde::Serialize,
        size_hint: usize,
    ) -> Result<Self, serde_json::Error> {
        // A vector that grows leaves copies of a sealed card behind, hence the hint.
        let mut bytes = Zeroizing::new(Vec::with_capacity(size_hint));
        serde_json::to_writer(&mut *bytes, value)?;
        Ok(Self::written(bytes))
    }
}

const JSON: &str = "application/json";

fn escape(text: &str, into: &mut Vec<u8>) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'*' => into.push(byte),
            b' ' => into.push(b'+'),
            _ => {
                let digits = [byte >> 4, byte & 15].map(|digit| HEX.get(usize::from(digit)));
                into.push(b'%');
                into.extend(digits.into_iter().flatten());
            }
        }
    }
}

impl Transport {
    pub(crate) fn new(
        servers: &[&Url],
        timeouts: Timeouts,
        retry: ReadRetry,
    ) -> Result<Self, reqwest::Error> {
        let money = builder(servers, timeouts)
            .timeout(timeouts.money)
            .pool_max_idle_per_host(0)
            .build()?;
        let reads = builder(servers, timeouts).timeout(timeouts.read).build()?;
        Ok(Self {
            money,
            reads,
            retry,
        })
    }

    /// Sends once, whatever happens.
    pub(crate) async fn send_once(&self, call: Call) -> Result<Answer, Lost> {
        let response = self.begin_once(call).await.map_err(|error| lost(&error))?;
        failpoint::hit("answer.first_byte");
        let answer = read(response).await?;
        failpoint::hit("answer.parse");
        Ok(answer)
    }

    async fn begin_once(&self, call: Call) -> reqwest::Result<Response> {
        let request = request(&self.money, &call);
        #[cfg(debug_assertions)]
        if failpoint::is_bare() {
            let body = String::from_utf8_lossy(&call.body.bytes);
            tracing::trace!(headers = %bare(&call.headers), body = %body, "what is never logged");
        }
        #[cfg(debug_assertions)]
        if failpoint::is_installed() {
            return pieces::send(request, call.body.bytes).await;
        }
        request.body(call.body.bytes).send().await
    }

    /// Sends, and sends again as [`ReadRetry`] says.
    pub(crate) async fn send_repeatable(&self, call: Call) -> Result<Answer, Lost> {
        let mut pause = self.retry.pause;
        let mut may_have_been_sent = false;
        for _ in 1..self.retry.tries {
            match send(&self.reads, &call).await {
                Err(Lost::NotSent(Cause::Connect)) => {}
                Err(Lost::Unknown(Cause::ConnectionLost)) => may_have_been_sent = true,
                Ok(answer) if matches!(answer.status, 502..=504) => may_have_been_sent = true,
                ended => return remember(ended, may_have_been_sent),
            }
            tokio::time::sleep(pause).await;
            pause = pause.saturating_mul(2);
        }
        remember(send(&self.reads, &call).await, may_have_been_sent)
    }
}

/// Headers in clear, sensitive ones too; for [`failpoint::is_bare`] only.
#[cfg(debug_assertions)]
fn bare(headers: &HeaderMap) -> String {
    let values = headers.values().map(HeaderValue::as_bytes);
    values
        .map(String::from_utf8_lossy)
        .collect::<Vec<_>>()
        .join(" ")
}

/// The last try alone cannot prove that nothing was sent.
fn remember(ended: Result<Answer, Lost>, may_have_been_sent: bool) -> Result<Answer, Lost> {
    match ended {
        Err(Lost::NotSent(cause)) if may_have_been_sent => Err(Lost::Unknown(cause)),
        ended => ended,
    }
}

fn builder(servers: &[&Url], timeouts: Timeouts) -> reqwest::ClientBuilder {
    tls::known(Client::builder(), servers)
        .user_agent(concat!("ventanilla/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(timeouts.connect)
        .http1_only()
        .no_proxy()
        .redirect(redirect::Policy::none())
        .referer(false)
        .retry(retry::never())
        .no_gzip()
        .no_brotli()
        .no_deflate()
        .no_zstd()
}

fn request(client: &Client, call: &Call) -> RequestBuilder {
    let request = client
        .request(call.method.clone(), call.url.clone())
        .headers(call.headers.clone())
        .header(ACCEPT, HeaderValue::from_static("application/json"));
    if call.body.bytes.is_empty() {
        return request;
    }
    request.header(
        CONTENT_TYPE,
        HeaderValue::from_static(call.body.content_type),
    )
}

async fn send(client: &Client, call: &Call) -> Result<Answer, Lost> {
    let mut request = request(client, call);
    // An empty body would still send its length, and a GET that has one is not what everybody reads.
    if !call.body.bytes.is_empty() {
        request = request.body(call.body.bytes.clone());
    }
    let response = request.send().await.map_err(|error| lost(&error))?;
    read(response).await
}

async fn read(mut response: Response) -> Result<Answer, Lost> {
    let status = response.status().as_u16();
    if is_opaque(status) {
        return Ok(Answer {
            status,
            text: Zeroizing::default(),
        });
    }
    if !is_plain_json(response.headers()) {
        // The status decides first: a 401 in HTML is still a refusal at the door. The last three are those
        // of a load balancer's firewall.
        return if matches!(status, 401 | 403 | 465..=467) {
            Ok(Answer {
                status,
                text: Zeroizing::default(),
            })
        } else {
            Err(Lost::Unknown(Cause::ContentType))
        };
    }
    let mut bytes = Zeroizing::new(Vec::new());
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) if bytes.len() + chunk.len() > Cause::ANSWER_MAX_BYTES => {
                return Err(Lost::Unknown(Cause::AnswerTooLong));
            }
            Ok(Some(chunk)) => bytes.extend_from_slice(&chunk),
            Ok(None) => break,
            Err(error) => return Err(lost(&error)),
        }
    }
    let text = String::from_utf8(std::mem::take(&mut *bytes))
        .map_err(|_| Lost::Unknown(Cause::NotJson))?;
    Ok(Answer {
        status,
        text: Zeroizing::new(text),
    })
}

/// A missing content type is let through: the body then speaks for itself.
fn is_plain_json(headers: &HeaderMap) -> bool {
    let encoded = headers
        .get(CONTENT_ENCODING)
        .is_some_and(|value| !value.as_bytes().eq_ignore_ascii_case(b"identity"));
    let json = headers.get(CONTENT_TYPE).is_none_or(|value| {
        let essence = value.to_str().unwrap_or_default();
        let essence = essence.split(';').next().unwrap_or_default().trim();
        let essence = essence.to_ascii_lowercase();
        essence == "application/json" || essence == "text/json" || essence.ends_with("+json")
    });
    json && !encoded
}

/// `error` is read and dropped: its text holds the URL.
fn lost(error: &reqwest::Error) -> Lost {
    if error.is_connect() {
        Lost::NotSent(Cause::Connect)
    } else if error.is_builder() {
        Lost::NotSent(Cause::Request("HTTP form"))
    } else if error.is_timeout() {
        Lost::Unknown(Cause::Timeout)
    } else {
        Lost::Unknown(Cause::ConnectionLost)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_escapes_whatever_could_be_taken_for_a_part_of_it() {
        let body = Body::form(&[("a", "b c"), ("key", "x&y=z%+é\n\""), ("empty", "")]);
        assert_eq!(
            body.as_bytes(),
            b"a=b+c&key=x%26y%3Dz%25%2B%C3%A9%0A%22&empty="
        );
        assert_eq!(body.content_type, "application/x-www-form-urlencoded");
    }
}
