//! Talks to a running proxy.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::Path;
use std::time::Duration;

use reqwest::{Client, Method, RequestBuilder, StatusCode, Url, redirect};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use ventanilla_core::api::IDEMPOTENCY_KEY;
use ventanilla_core::problem::{Problem, ProblemCode};
use ventanilla_proxy::config::{ProviderUrl, Settings, merchant_key};

/// Longer than the proxy takes for any answer.
const LIMIT: Duration = Duration::from_secs(45);

/// A proxy, and the key that opens its merchant API.
pub struct Proxy {
    url: String,
    key: SecretString,
    http: Client,
}

/// A request that the document describes.
pub struct Call<'a> {
    /// In upper case.
    pub method: &'a str,
    pub path: &'a str,
    pub query: &'a [(String, String)],
    pub headers: &'a [(String, String)],
    pub key: Option<&'a str>,
    pub body: Option<&'a Value>,
}

/// Why there is no answer.
pub enum Refusal {
    /// Nobody answered, or somebody who is no proxy.
    Unreachable(String),
    /// The API key is not the proxy's.
    Key(String),
    /// The proxy refused the request.
    Request(String),
}

impl Proxy {
    /// The proxy at `url`, or the one that the configuration at `config` starts on this machine.
    pub fn of(url: Option<&str>, config: &Path) -> Result<Self, String> {
        let url = match url {
            Some(url) => ProviderUrl::parse(url)
                .map_err(|error| format!("--proxy: {error}, found {url:?}"))?
                .as_str()
                .to_owned(),
            None => {
                let settings = Settings::load(config).map_err(|error| {
                    format!("{error}\n(or say where the proxy is, with --proxy)")
                })?;
                local_url(settings.server.listen)?
            }
        };
        let http = Client::builder()
            .no_proxy()
            .redirect(redirect::Policy::none())
            .timeout(LIMIT)
            .build()
            .map_err(|error| error.to_string())?;
        let key = merchant_key()?;
        Ok(Self { url, key, http })
    }

    /// Where it is asked.
    pub fn url(&self) -> &str {
        &self.url
    }

    pub async fn call(&self, call: Call<'_>) -> Result<Value, Refusal> {
        let method = Method::from_bytes(call.method.as_bytes()).unwrap_or_default();
        let mut url = format!("{}{}", self.url, call.path);
        if !call.query.is_empty() {
            // What `self.url` is was checked when it was read.
            if let Ok(asked) = Url::parse_with_params(&url, call.query) {
                url = asked.into();
            }
        }
        let mut request = self.http.request(method, url);
        for (name, value) in call.headers {
            request = request.header(name, value);
        }
        if let Some(key) = call.key {
            request = request.header(IDEMPOTENCY_KEY, key);
        }
        if let Some(body) = call.body {
            request = request.json(body);
        }
        self.ask(request).await
    }

    pub async fn get(&self, path: &str) -> Result<Value, Refusal> {
        self.ask(self.http.get(format!("{}{path}", self.url))).await
    }

    pub async fn post(&self, path: &str, body: Option<&Value>) -> Result<Value, Refusal> {
        let mut request = self.http.post(format!("{}{path}", self.url));
        if let Some(body) = body {
            request = request.json(body);
        }
        self.ask(request).await
    }

    /// What answered is no proxy of this release.
    pub fn misread(&self, why: &str) -> Refusal {
        Refusal::Unreachable(format!(
            "{} answered something else than a proxy of release {}: {why}",
            self.url,
            env!("CARGO_PKG_VERSION")
        ))
    }

    async fn ask(&self, request: RequestBuilder) -> Result<Value, Refusal> {
        // EXPOSE: this is what it is for.
        let request = request.bearer_auth(self.key.expose_secret());
        let answer = request.send().await.map_err(|error| {
            let why = if error.is_timeout() {
                format!("no answer within {} s", LIMIT.as_secs())
            } else {
                let mut cause: &dyn std::error::Error = &error;
                while let Some(source) = cause.source() {
                    cause = source;
                }
                cause.to_string()
            };
            Refusal::Unreachable(format!(
                "no proxy could be reached at {}: {why}; is it running, and is this its address? --proxy takes another",
                self.url
            ))
        })?;
        let status = answer.status();
        let body = answer
            .bytes()
            .await
            .map_err(|_| self.misread("its answer broke off"))?;
        if status == StatusCode::NO_CONTENT {
            return Ok(Value::Null);
        }
        if status.is_success() {
            return serde_json::from_slice(&body).map_err(|_| self.misread("no JSON"));
        }
        let problem: Problem = serde_json::from_slice(&body)
            .map_err(|_| self.misread(&format!("status {}", status.as_u16())))?;
        Err(match ProblemCode::from_name(&problem.code) {
            Some(ProblemCode::ApiKeyInvalid) => Refusal::Key(format!(
                "the proxy at {} refused the key of VENTANILLA_API_KEY; it must be the one that the proxy was started with",
                self.url
            )),
            Some(ProblemCode::NotFound) => {
                Refusal::Request("not-found: nothing has this identifier".to_owned())
            }
            _ => {
                let more: Value = serde_json::from_slice(&body).unwrap_or_default();
                let code = more["provider_code"].as_str();
                let code = code.map(|code| format!("the provider's code is {code}"));
                let said = [Some(problem.title), problem.detail, code];
                let said: Vec<String> = said.into_iter().flatten().collect();
                Refusal::Request(format!("{}: {}", problem.code, said.join(": ")))
            }
        })
    }
}

/// Where a proxy that listens on `listen` is reached from this machine.
fn local_url(listen: std::net::SocketAddr) -> Result<String, String> {
    if listen.port() == 0 {
        return Err("server.listen has port 0; say where the proxy is, with --proxy".to_owned());
    }
    let mut address = listen;
    match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => address.set_ip(Ipv4Addr::LOCALHOST.into()),
        IpAddr::V6(ip) if ip.is_unspecified() => address.set_ip(Ipv6Addr::LOCALHOST.into()),
        _ => {}
    }
    Ok(format!("http://{address}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxy_that_listens_everywhere_is_asked_on_this_machine() {
        let url = |listen: &str| local_url(listen.parse().unwrap());
        assert_eq!(url("127.0.0.1:8787").unwrap(), "http://127.0.0.1:8787");
        assert_eq!(url("0.0.0.0:8787").unwrap(), "http://127.0.0.1:8787");
        assert_eq!(url("[::]:8787").unwrap(), "http://[::1]:8787");
        assert_eq!(url("10.0.0.7:80").unwrap(), "http://10.0.0.7:80");
        assert!(url("127.0.0.1:0").unwrap_err().contains("--proxy"));
    }
}
