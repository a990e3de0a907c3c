//! Asking a fleet of proxies, some of which may be dead at the moment.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use reqwest::{Method, RequestBuilder};
use serde::de::DeserializeOwned;

use crate::failure::{Result, Tried as _};

/// The proxies that a request may go to.
#[derive(Clone)]
pub struct Wire {
    http: reqwest::Client,
    urls: Arc<Vec<String>>,
    next: Arc<AtomicUsize>,
}

/// What came back.
#[derive(Debug)]
pub enum Answer<T> {
    /// What was asked for.
    Done(T),
    /// A problem document.
    Problem(Trouble),
    /// Nothing that could be read: the proxy is dead, stopped, or died in the middle of it.
    Nothing(String),
}

/// A problem document, or an answer that is none.
#[derive(Clone, Debug)]
pub struct Trouble {
    /// The HTTP status.
    pub status: u16,
    /// The code; empty if the body was no problem document.
    pub code: String,
    /// The attempt to look at, with `attempt-running` and `session-paid`.
    pub attempt_id: Option<String>,
    /// When to come back: `Retry-After`.
    pub come_back_after: Option<Duration>,
}

#[derive(serde::Deserialize)]
struct Document {
    code: String,
    #[serde(default)]
    attempt_id: Option<String>,
}

impl<T> Answer<T> {
    /// Whether the same request may find another answer: nothing was heard, or the proxy said that it
    /// cannot answer at the moment.
    #[must_use]
    pub fn is_worth_repeating(&self) -> bool {
        match self {
            Self::Done(_) => false,
            Self::Problem(trouble) => trouble.status >= 500 || trouble.status == 429,
            Self::Nothing(_) => true,
        }
    }
}

impl Wire {
    /// To the proxies at `urls`, in turn.
    ///
    /// # Panics
    ///
    /// When there is none, or no TLS configuration can be made.
    #[must_use]
    pub fn to(urls: Vec<String>) -> Self {
        assert!(!urls.is_empty(), "a wire leads somewhere");
        Self {
            http: client(Duration::from_secs(30)).expect("a client without TLS files can be made"),
            urls: Arc::new(urls),
            next: Arc::new(AtomicUsize::new(0)),
        }
    }

    /// A request to the proxy whose turn it is.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let turn = self.next.fetch_add(1, Ordering::Relaxed) % self.urls.len();
        let url = self.urls.get(turn).map_or("", String::as_str);
        self.http.request(method, format!("{url}{path}"))
    }

    /// Sends a request once and reads the answer.
    pub async fn send<T: DeserializeOwned>(request: RequestBuilder) -> Answer<T> {
        let answer = match request.send().await {
            Ok(answer) => answer,
            Err(error) => return Answer::Nothing(error.to_string()),
        };
        let status = answer.status();
        let come_back_after = answer
            .headers()
            .get("retry-after")
            .and_then(|value| value.to_str().ok()?.parse().ok())
            .map(Duration::from_secs);
        let body = match answer.bytes().await {
            Ok(body) => body,
            Err(error) => return Answer::Nothing(error.to_string()),
        };
        if status.is_success() {
            return match serde_json::from_slice(&body) {
                Ok(value) => Answer::Done(value),
                Err(error) => Answer::Nothing(format!("not the answer expected: {error}")),
            };
        }
        let document: Option<Document> = serde_json::from_slice(&body).ok();
        let (code, attempt_id) = document.map_or_else(Default::default, |document| {
            (document.code, document.attempt_id)
        });
        Answer::Problem(Trouble {
            status: status.as_u16(),
            code,
            attempt_id,
            come_back_after,
        })
    }
}

/// A client without proxies, redirects or opinions. Everybody here speaks in clear, so it trusts no authority:
/// reading the system's takes a third of a second of a debug build, for each client.
///
/// # Errors
///
/// When it cannot be made.
pub fn client(limit: Duration) -> Result<reqwest::Client> {
    reqwest::Client::builder()
        .no_proxy()
        .tls_certs_only([])
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(Duration::from_secs(2))
        .timeout(limit)
        .build()
        .tried("make an HTTP client")
}
