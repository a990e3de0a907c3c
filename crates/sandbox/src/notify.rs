//! Notifications to the merchant: whether, when and how they are posted. What they say is the provider's
//! own business; see `greenpay::notice` and `cvu::notice`.

use std::time::Duration;

use axum::body::Body;
use axum::http::{Request, Uri, header};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use serde::{Deserialize, Serialize};
use tokio::net::TcpStream;

use crate::random::hashed;

/// How notifications are sent. They are never sent again: whoever is not there has missed it.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum NotifyMode {
    /// Not at all.
    #[default]
    Never,
    /// Once, when the call is answered, whether or not the answer arrives.
    OnTime,
    /// Once, and the call is answered only when the notification has been; a credit at the CVU wallet API
    /// is seen only then.
    Early,
    /// Once, `late_ms` of the sandbox's clock after the call was executed, or the credit was seen.
    Late,
    /// Five times, one after the other.
    FiveTimes,
    /// Once, telling of a success whatever happened, under a signature that is wrong; at the CVU wallet
    /// API, which signs nothing, of a cash-in that there is not.
    Forged,
    /// One of the others for each reference, decided by the seed.
    Mixed,
}

impl NotifyMode {
    /// Every mode.
    pub const ALL: [Self; 7] = [
        Self::Never,
        Self::OnTime,
        Self::Early,
        Self::Late,
        Self::FiveTimes,
        Self::Forged,
        Self::Mixed,
    ];

    /// The name in JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Never => "never",
            Self::OnTime => "on_time",
            Self::Early => "early",
            Self::Late => "late",
            Self::FiveTimes => "five_times",
            Self::Forged => "forged",
            Self::Mixed => "mixed",
        }
    }

    /// What it does, for people.
    #[must_use]
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::Never => "not at all",
            Self::OnTime => "with the answer",
            Self::Early => "before the answer",
            Self::Late => "late_ms after the answer",
            Self::FiveTimes => "five times",
            Self::Forged => "with a wrong signature",
            Self::Mixed => "each reference in a way of its own",
        }
    }

    fn of(self, reference: &str, seed: u64) -> Self {
        const MIXED: [NotifyMode; 6] = [
            NotifyMode::Never,
            NotifyMode::OnTime,
            NotifyMode::Early,
            NotifyMode::Late,
            NotifyMode::FiveTimes,
            NotifyMode::Forged,
        ];
        match self {
            Self::Mixed => {
                let draw = crate::random::mixed(seed ^ hashed(reference)) % MIXED.len() as u64;
                usize::try_from(draw)
                    .ok()
                    .and_then(|index| MIXED.get(index).copied())
                    .unwrap_or_default()
            }
            mode => mode,
        }
    }
}

impl std::str::FromStr for NotifyMode {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|mode| mode.name() == text)
            .ok_or_else(|| {
                let names: Vec<_> = Self::ALL.iter().map(|mode| mode.name()).collect();
                format!("must be one of {}", names.join(", "))
            })
    }
}

/// How notifications are sent, and where to.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Notifications {
    /// The address registered with the provider, `http://` only; the provider's own paths are added to
    /// it. Needed unless the mode is [`NotifyMode::Never`].
    #[serde(default)]
    pub url: Option<ReceiverUrl>,
    /// How.
    pub mode: NotifyMode,
    /// With [`NotifyMode::Late`] and [`NotifyMode::Mixed`]: milliseconds of the sandbox's clock; a minute
    /// unless told, at most a day.
    #[serde(default = "a_minute")]
    pub late_ms: u64,
    /// The body is a JSON text that holds the JSON, as the provider once sent it.
    #[serde(default)]
    pub double_encoded: bool,
}

const fn a_minute() -> u64 {
    60_000
}

const LATEST_MS: u64 = 86_400_000;

impl Default for Notifications {
    /// None are sent.
    fn default() -> Self {
        Self {
            url: None,
            mode: NotifyMode::Never,
            late_ms: a_minute(),
            double_encoded: false,
        }
    }
}

/// Notifications that cannot be sent like that; says why.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct NotifyError(pub(crate) String);

impl std::fmt::Display for NotifyError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for NotifyError {}

impl Notifications {
    pub(crate) fn check(&self) -> Result<(), NotifyError> {
        if self.url.is_none() && self.mode != NotifyMode::Never {
            return Err(NotifyError(format!("{} needs url", self.mode.name())));
        }
        if self.late_ms > LATEST_MS {
            return Err(NotifyError(format!(
                "late_ms must be at most {LATEST_MS}, found {}",
                self.late_ms
            )));
        }
        Ok(())
    }

    /// How to notify about `reference`.
    pub(crate) fn mode_for(&self, reference: &str, seed: u64) -> NotifyMode {
        self.mode.of(reference, seed)
    }

    /// The body to post for a JSON document.
    pub(crate) fn encode(&self, json: &str) -> String {
        if self.double_encoded {
            serde_json::Value::from(json).to_string()
        } else {
            json.to_owned()
        }
    }
}

/// Where notifications go: `http://host[:port][/path]`, without a slash at the end.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct ReceiverUrl(String);

impl std::str::FromStr for ReceiverUrl {
    type Err = NotifyError;

    fn from_str(text: &str) -> Result<Self, NotifyError> {
        let refused = |why: &str| Err(NotifyError(format!("url {why}")));
        let Ok(uri) = text.parse::<Uri>() else {
            return refused("is not an address");
        };
        if uri.scheme_str() != Some("http") {
            return refused("must begin with http://: the sandbox speaks no TLS");
        }
        if uri.authority().is_none_or(|it| it.as_str().contains('@')) {
            return refused("must name a host and no user");
        }
        if uri.query().is_some() {
            return refused("takes no query");
        }
        Ok(Self(text.trim_end_matches('/').to_owned()))
    }
}

impl TryFrom<String> for ReceiverUrl {
    type Error = NotifyError;

    fn try_from(text: String) -> Result<Self, NotifyError> {
        text.parse()
    }
}

impl From<ReceiverUrl> for String {
    fn from(url: ReceiverUrl) -> Self {
        url.0
    }
}

impl std::fmt::Display for ReceiverUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// For how long a receiver is waited for.
const PATIENCE: Duration = Duration::from_secs(10);

impl ReceiverUrl {
    /// Posts JSON; the status answered, or none when there was none in time.
    pub(crate) async fn post(&self, path: &str, json: String) -> Option<u16> {
        tokio::time::timeout(PATIENCE, self.exchange(path, json))
            .await
            .ok()
            .flatten()
    }

    async fn exchange(&self, path: &str, json: String) -> Option<u16> {
        let uri: Uri = format!("{}{path}", self.0).parse().ok()?;
        let authority = uri.authority()?.clone();
        let port = authority.port_u16().unwrap_or(80);
        let stream = TcpStream::connect(format!("{}:{port}", authority.host()))
            .await
            .ok()?;
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake::<_, Body>(TokioIo::new(stream))
                .await
                .ok()?;
        let request = Request::post(uri.path())
            .header(header::HOST, authority.as_str())
            .header(header::CONTENT_TYPE, "application/json")
            .body(Body::from(json))
            .ok()?;
        let asked = async move {
            let answer: hyper::Response<Incoming> = sender.send_request(request).await.ok()?;
            Some(answer.status().as_u16())
        };
        tokio::pin!(connection);
        tokio::pin!(asked);
        tokio::select! {
            status = &mut asked => status,
            // The connection may end in the very moment in which the answer is there.
            _ = &mut connection => asked.await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_the_json() {
        for mode in NotifyMode::ALL {
            assert_eq!(serde_json::to_value(mode).unwrap(), mode.name());
            assert_eq!(mode.name().parse(), Ok(mode));
        }
    }

    #[test]
    fn a_receiver_that_cannot_be_reached_by_plain_http_is_refused() {
        let refused = |text: &str| text.parse::<ReceiverUrl>().unwrap_err().to_string();
        assert_eq!(
            refused("https://shop.example/hooks"),
            "url must begin with http://: the sandbox speaks no TLS"
        );
        assert_eq!(
            refused("/hooks"),
            "url must begin with http://: the sandbox speaks no TLS"
        );
        assert_eq!(refused("http://shop.example/?a=1"), "url takes no query");
        assert_eq!(
            refused("http://user@shop.example/"),
            "url must name a host and no user"
        );
        assert_eq!(refused("http://shop .example"), "url is not an address");
        let url: ReceiverUrl = "http://shop.example/hooks/".parse().unwrap();
        assert_eq!(url.to_string(), "http://shop.example/hooks");
    }

    #[test]
    fn mixed_uses_every_mode_and_the_same_one_for_the_same_reference() {
        let mut found: Vec<_> = (0..200)
            .map(|number| NotifyMode::Mixed.of(&format!("ref-{number}"), 7))
            .collect();
        assert_eq!(
            found.first(),
            Some(&NotifyMode::Mixed.of("ref-0", 7)),
            "it repeats"
        );
        found.sort_unstable();
        found.dedup();
        assert_eq!(found.len(), 6);
        assert!(!found.contains(&NotifyMode::Mixed));
    }
}
